/* inspect_inside.h: what the files of inspect.c share. */
#ifndef TN_INSPECT_INSIDE_H
#define TN_INSPECT_INSIDE_H

#include <tarn/inspect.h>

#include "layout.h"
#include "name.h"
#include "os/os.h"

/* A thing that was opened to be looked at. */
typedef struct tn_look {
  tn_place place;
  tn_os_file file;
  tn_os_status status;
  tn_header header; /* channels */
  int wrong;        /* 0, or why the header was refused: the thread's sentence has it */
} tn_look;

/* inspect.c */
int tn_look_open(const tn_place *place, int access, tn_look *ret_look);
/* What its status, header and *users* byte say; users are for inspect_users.c. */
void tn_look_tell(const tn_look *look, const char *name, size_t name_length, tarn_entry *ret_entry);
void tn_look_status(const tn_os_status *status, const char *name, size_t name_length, tarn_entry *ret_entry);
int tn_look_resolve(const char *name, int kind, tn_place *ret_place);
/* What a file is whose name does not say it, as of a channel that was made by a path: TARN_KIND_..., or a failure. */
int tn_look_first_bytes(const tn_os_file *file);

/* Remove its name if nobody uses it, or by force. 0, TARN_BUSY, a failure. */
int tn_look_remove(const tn_look *look, int force);

/* inspect_list.c: the names in a directory, sorted. */
typedef struct tn_listed {
  char *name;
  int kind;      /* TARN_KIND_MAP for whatever bears no channel's name */
  int temporary; /* a channel that is being made */
  size_t length; /* of the name without the kind */
} tn_listed;

typedef struct tn_listing {
  tn_listed *all;
  size_t count, room;
  char directory[TN_OS_PATH];
} tn_listing;

/* directory NULL: the channel directory. To be ended in any case. */
int tn_listing_read(const char *directory, tn_listing *ret_listing);
void tn_listing_end(tn_listing *listing);
/* What a name there stands for; 0 or a failure. */
int tn_listing_place(const tn_listing *listing, const tn_listed *one, tn_place *ret_place);

/* inspect_channel.c: everything that the tables of a channel say. */
int tn_describe_channel(const tn_look *look, tarn_details *details, tarn_participant *participants, uint32_t capacity);
/* A change that the file system does not know of: when a board's newest version was published. */
void tn_look_published(const tn_look *look, tarn_entry *entry);
/* Whether the owner of a slot lives, and what is known of its process. */
void tn_describe_slot(const tn_look *look, const tn_slot *slot, uint32_t number, tarn_participant *one);

/* inspect_stream.c: the newest message, the oldest, and where the chain of records ends. base: a copy of all before the ring. */
void tn_describe_stream(const tn_os_file *file, const tn_header *header, const unsigned char *base, tarn_details *details,
                        uint64_t *ret_end);
/* Where a participant stands; end: of the records. */
void tn_describe_stream_slot(const tn_look *look, const tn_slot *slot, const tarn_details *details, uint64_t end,
                             tarn_participant *one);
/* A writer sleeps for want of room: which readers keep it from it. */
void tn_describe_stream_block(const tn_control *control, const tn_slot *table, tarn_participant *participants, uint32_t count);

/* What this participant has claimed, or taken, by the numbers in the ring. base: as above. */
void tn_describe_holder(const tn_look *look, const unsigned char *base, uint32_t slot, uint64_t newest, tarn_participant *one);

/* inspect_users.c: who has it. One search through all processes serves any number of maps. */
typedef struct tn_crowd {
  struct tn_sighting *sightings; /* sorted */
  size_t count, room;
  const tn_os_wanted *wanted; /* during the search */
  int result;                 /* of the search: as tn_os_users, or TARN_E_UNSUPPORTED */
} tn_crowd;

int tn_crowd_find(tn_crowd *ret_crowd, tn_os_wanted *wanted, size_t count);
void tn_crowd_end(tn_crowd *crowd);
void tn_users_of_map(const tn_crowd *crowd, uint64_t device, uint64_t inode, tarn_entry *entry);
void tn_users_of_channel(const tn_look *look, tarn_entry *entry);

#endif
