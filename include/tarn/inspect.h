/* tarn/inspect.h: see, describe and remove what lies in a channel directory, without taking part in it.
 *
 * Everything here works on damaged and hostile files: it tells the truth or returns a failure.
 */
#ifndef TARN_INSPECT_H
#define TARN_INSPECT_H

#include <tarn/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a name leads to. TARN_KIND_ANY asks for whichever there is. */
enum { TARN_KIND_ANY = 0, TARN_KIND_MAP = 1, TARN_KIND_BOARD = 2, TARN_KIND_STREAM = 3 };

/* tarn_entry.flags */
enum {
  TARN_ENTRY_KEPT = 1u << 0,    /* outlives its participants */
  TARN_ENTRY_IN_USE = 1u << 1,  /* a living process has it (for channels the kernel's locks prove it; never set for foreign maps) */
  TARN_ENTRY_DAMAGED = 1u << 2, /* bears a channel's name but is none that this version can read; `why` says what is wrong */
  TARN_ENTRY_ON_DISK = 1u << 3  /* survives a reboot */
};

/* One thing in a channel directory. Filled by the library; struct_size says how much of it is known. */
typedef struct tarn_entry {
  uint32_t struct_size;
  uint32_t kind;  /* TARN_KIND_... */
  uint32_t flags; /* TARN_ENTRY_... */
  uint32_t mode;  /* permission bits */
  uint32_t owner; /* numeric user; 0 on Windows */
  uint32_t group;
  uint64_t size_bytes;     /* length of the file */
  uint64_t occupied_bytes; /* what it really takes from memory or disk */
  int64_t modified_ns;     /* Unix time of the last change that the file system knows of */
  char name[208];          /* without .board or .stream */
  char why[256];           /* TARN_ENTRY_DAMAGED: one sentence */
} tarn_entry;

/* What a participant of a channel says about itself, and what the locks say about it. */
typedef struct tarn_participant {
  uint32_t slot;
  uint32_t role;       /* TARN_READER or TARN_WRITER */
  uint32_t alive;      /* 1: the kernel still holds its lock; 0: it died and nobody has cleaned up yet */
  uint32_t process;    /* process number as it sees itself: for people, nothing depends on it */
  uint32_t same_space; /* 1: the number means something in this process's PID namespace */
  uint32_t held;       /* board: versions it holds now; stream: messages from the oldest that it holds in place to its last */
  uint32_t stopped;    /* 1: the process is stopped (only known if same_space) */
  uint32_t waiting;    /* 1: asleep, waiting for news; 2: asleep, waiting for room */
  uint64_t position;   /* the last version or message it was given or published */
  uint64_t items;      /* given or published so far */
  uint64_t bytes;      /* in them */
  uint64_t missed;     /* passed unseen; a stream's writer: dropped */
  uint64_t waits;      /* times it went to sleep */
  int64_t joined_ns;   /* Unix time */
  char command[64];    /* name of the process, "" if not known */
  uint64_t lag;        /* reader: how many newer versions, or unread messages, there are for it */
  uint64_t lag_bytes;  /* stream, reader: bytes of the ring from the oldest that it still needs to the end */
} tarn_participant;

/* Everything about one channel or map. */
typedef struct tarn_details {
  uint32_t struct_size; /* sizeof(tarn_details), set by the caller */
  uint32_t slots;       /* participants it has room for */
  tarn_entry entry;
  uint16_t format_major, format_minor;
  uint32_t hold;
  uint32_t policy;            /* stream */
  uint32_t participant_count; /* how many there are; only as many as fit are written */
  uint64_t newest;            /* board: version of the newest value; stream: number of the last message; 0 for none */
  uint64_t newest_bytes;      /* its size */
  uint64_t newest_tag;
  int64_t newest_time_ns;
  char newest_type[1024];
  uint64_t buffers;      /* board: how many buffers exist */
  uint64_t buffer_bytes; /* board: room in all of them; stream: ring */
  uint64_t limit_bytes;
  uint64_t oldest;     /* stream: number of the oldest message still there; newest + 1 if there is none */
  uint64_t kept_bytes; /* stream: bytes of the ring from there to the end */
  uint32_t flags;      /* as it was created: TARN_KEPT, TARN_TIMES, ... */
  uint32_t reserved;
} tarn_details;

/* tarn_list: call each() for everything in directory (NULL: the channel directory) that could be Tarn's or a foreign map:
 * regular files, in the order of their names. each() returns 0 to go on, anything else to stop. Returns 0 or what each()
 * returned; TARN_E_NOT_FOUND, _PERMISSION, _SYSTEM. Takes no slot, disturbs nobody, never blocks for long.  Since 0.1. */
TARN_API int tarn_list(const char *directory, int (*each)(const tarn_entry *entry, void *argument), void *argument);

/* tarn_inspect: describe name. kind TARN_KIND_ANY: exactly one of the map `name`, `name.board` and `name.stream` may exist.
 * participants may be NULL; else it has room for capacity of them. A stream under a fast writer has moved on when this returns, and
 * of one with very many small messages `newest` may be up to 1/16 of the ring behind. Returns 0; TARN_E_NOT_FOUND, _INVALID (several exist: the
 * sentence names them), _CORRUPT, _VERSION, _PERMISSION, _SYSTEM.  Since 0.1. */
TARN_API int tarn_inspect(const char *name, int kind, tarn_details *ret_details, tarn_participant *participants, uint32_t capacity);

/* tarn_remove: remove the name. Refused with TARN_BUSY while anybody living uses it, unless force is 1: then its users go on
 * among themselves, without a name, and newcomers begin a new one. Also removes damaged channels. Raw maps: other programs
 * cannot be seen, the name is removed. Results otherwise as of tarn_inspect.  Since 0.1. */
TARN_API int tarn_remove(const char *name, int kind, int force);

#ifdef __cplusplus
}
#endif
#endif
