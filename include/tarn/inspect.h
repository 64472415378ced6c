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
  TARN_ENTRY_IN_USE = 1u << 1,  /* a living process has it: for channels and scoped maps the kernel's locks prove it, for others see SEEN */
  TARN_ENTRY_DAMAGED = 1u << 2, /* bears a channel's name but is none that this version can read; `why` says what is wrong */
  TARN_ENTRY_ON_DISK = 1u << 3, /* survives a reboot */
  TARN_ENTRY_SEEN = 1u << 4,    /* map: its users were looked for among the processes that /proc shows; no lock proves them */
  TARN_ENTRY_HIDDEN = 1u << 5,  /* and not into all of them: other users', other PID namespaces'. That nobody was seen proves nothing */
  TARN_ENTRY_CLOSED = 1u << 6,  /* this user may not read it: only what its directory says is known */
  TARN_ENTRY_TEMPORARY = 1u << 7 /* a channel that is being made, or whose maker died; `name` is that of the file */
};

enum { TARN_USERS = 8 };

/* One who has it. */
typedef struct tarn_user {
  uint32_t process;    /* its number, as it sees itself: for people, nothing depends on it */
  uint32_t role;       /* channels: TARN_READER or TARN_WRITER; maps: 0 */
  uint32_t same_space; /* 1: the number means something in this process's PID namespace */
  uint32_t stopped;    /* 1: the process is stopped (only known if same_space) */
  char command[48];    /* name of the process, "" if not known */
} tarn_user;

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
  int64_t modified_ns;     /* Unix time of the last change that the file system knows of; of a board the newest version's if that is later.
                              0: it is a named section of Windows, of which mode, owner and group say nothing either */
  char name[256];          /* without .board or .stream; in a list, of a channel whose file has neither: its path, if that is not too long */
  char why[256];           /* TARN_ENTRY_DAMAGED: one sentence */
  uint32_t user_count;     /* channels: living participants (observers take no part); maps: processes that were seen to have it */
  uint32_t reserved;
  tarn_user users[TARN_USERS]; /* the first of them */
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
  uint64_t items;      /* given or published so far; of a stream's one writer: up to newest */
  uint64_t bytes;      /* in them */
  uint64_t missed;     /* passed unseen; a stream's writer: dropped */
  uint64_t waits;      /* times it went to sleep */
  int64_t joined_ns;   /* Unix time */
  char command[64];    /* name of the process, "" if not known */
  uint64_t lag;        /* reader: how many newer versions, or unread messages, there are for it */
  uint64_t lag_bytes;  /* stream, reader: bytes of the ring from the oldest that it still needs to the end */
  uint32_t blocking;   /* reader: 1: a writer sleeps for want of room, and needs what this one holds or has not read */
  uint32_t reserved;
  int64_t waiting_ns;   /* `waiting`: for how long; 0 not known */
  int64_t held_time_ns; /* `held`: Unix time that the oldest of them carries: it is not held for longer than since then. 0 not known: a
                           stream without TARN_TIMES */
  int64_t held_since_ns; /* `held`: Unix time since when it is held at the least: since the next newer one was published (a board, by the
                            times that its versions carry), since the writer waits for it, or since it sleeps with it. 0 not known */
  uint64_t claimed;    /* one of many writers: number of the first message that it has claimed and not published; 0: none */
  uint64_t taken;      /* a queue's reader: number of the oldest message that it has taken and is not done with; 0: none */
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
  uint32_t max_deliveries; /* queue: deliveries before a message is set aside; 0: never */
  uint64_t waiting;    /* queue: messages that nobody has taken, as far as the first claim that is not published */
  uint64_t taken;      /* queue: messages that a reader has taken and is not done with */
} tarn_details;

/* tarn_list: call each() for everything in directory (NULL: the channel directory) that could be Tarn's or a foreign map:
 * regular files, in the order of their names. each() returns 0 to go on, anything else to stop. Returns 0 or what each()
 * returned; TARN_E_NOT_FOUND, _PERMISSION, _SYSTEM. Takes no slot, disturbs nobody, never blocks for long. If there are raw maps, all of
 * /proc is read, once, for who has them (Linux); a directory of channels alone costs a few system calls each.  Since 0.1. */
TARN_API int tarn_list(const char *directory, int (*each)(const tarn_entry *entry, void *argument), void *argument);

/* tarn_list_channels: the same for boards and streams alone. No other process is looked at, though every file is, whether it is one: for those
 * who look every second.  Since 0.1. */
TARN_API int tarn_list_channels(const char *directory, int (*each)(const tarn_entry *entry, void *argument), void *argument);

/* tarn_inspect: describe name. kind TARN_KIND_ANY: exactly one of the map `name`, `name.board` and `name.stream` may exist; on Windows the map
 * is the named section, as for tarn_map_open. A file `name` that is a board or a stream is no map, and is led to by its path alone: TARN_E_KIND,
 * and the sentence has the path. participants may be NULL; else it has room for capacity of them. A stream under a fast writer has moved on when
 * this returns, and of one with very many small messages `newest` may be up to 1/16 of the ring behind. Returns 0; TARN_E_NOT_FOUND,
 * _INVALID (several exist: the sentence names them), _KIND, _CORRUPT, _VERSION, _PERMISSION, _SYSTEM.  Since 0.1. */
TARN_API int tarn_inspect(const char *name, int kind, tarn_details *ret_details, tarn_participant *participants, uint32_t capacity);

/* tarn_remove: remove the name. Refused with TARN_BUSY while anybody living uses it, unless force is 1: then its users go on
 * among themselves, without a name, and newcomers begin a new one. Also removes damaged channels. Raw maps: other programs
 * cannot be seen, the name is removed; a named section of Windows cannot be (TARN_E_UNSUPPORTED). Results
 * otherwise as of tarn_inspect.  Since 0.1. */
TARN_API int tarn_remove(const char *name, int kind, int force);

enum { TARN_CLEAN_DRY_RUN = 1u << 0, TARN_CLEAN_FOREIGN = 1u << 1 };

/* tarn_cleaned.what */
enum {
  TARN_CLEANED = 1,      /* its name is gone */
  TARN_CLEAN_WOULD = 2,  /* TARN_CLEAN_DRY_RUN: it would be */
  TARN_CLEAN_LEFT = 3    /* it was looked at for removal and stays; `why` says why */
};

/* What tarn_clean did with one file. Filled by the library. */
typedef struct tarn_cleaned {
  uint32_t struct_size;
  uint32_t kind;
  uint32_t what;
  uint32_t reserved;
  uint64_t occupied_bytes; /* that it took */
  char name[256];          /* as in tarn_entry */
  char why[256];           /* one sentence: the proof, or what was in the way */
} tarn_cleaned;

/* tarn_clean: remove from directory (NULL: the channel directory) what nobody can need any more, and nothing on a guess:
 *   - scoped channels and scoped maps whose last participant died: the kernel's locks prove it, for every user and PID namespace;
 *   - what makers of channels left under a temporary name when they were killed, if nobody has it open;
 *   - with TARN_CLEAN_FOREIGN also other raw maps that lie in memory (not on a disk) and that nobody has open or mapped: the kernel is
 *     asked by a lease (Linux), which sees all processes of the machine. Not what /proc shows, which hides some. Only a file's owner
 *     and root may ask, and what cannot be asked stays. Who opens such a file at that moment waits until it was removed, a few microseconds.
 * Kept channels, damaged ones, and what lies on a network file system stay. each (may be NULL) is told of every file that was removed, or that
 * stays for a reason worth knowing, in the order of their names; returns 0 to go on. With TARN_CLEAN_DRY_RUN nothing is removed.
 * Returns 0 or what each() returned; TARN_E_NOT_FOUND, _PERMISSION, _INVALID, _SYSTEM. Any number may clean at once; one that dies
 * leaves some of it undone. Windows: TARN_CLEAN_FOREIGN and temporary names are left, since nobody can tell.  Since 0.1. */
TARN_API int tarn_clean(const char *directory, uint32_t flags, int (*each)(const tarn_cleaned *cleaned, void *argument), void *argument);

#ifdef __cplusplus
}
#endif
#endif
