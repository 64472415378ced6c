/* tarn/base.h: what every kind of Tarn shares: results, roles, options, items, errors in words.
 *
 * Results. 0 is success, everything else is negative. Outcomes (-1 to -63) are ordinary answers such as "nothing new yet";
 * they cost nothing and leave no text. Failures (-64 and below) leave one sentence for the calling thread that says what was
 * tried, on what, what the system said and what to do: tarn_error_text(). A parameter named ret_... is untouched unless the
 * function returned 0 (one exception: tarn_*_get into a buffer that is too small sets ret_item->size_bytes).
 *
 * Timeouts are relative nanoseconds on the monotonic clock: 0 never blocks, TARN_FOREVER never gives up. Any other negative one (the
 * time until a moment that has passed, say) is TARN_E_INVALID wherever it would have to wait.
 *
 * A handle is used by one thread at a time (tarn_*_wake excepted). Two threads open the same name twice.
 */
#ifndef TARN_BASE_H
#define TARN_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32) && defined(TARN_SHARED)
#if defined(TARN_BUILDING)
#define TARN_API __declspec(dllexport)
#else
#define TARN_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define TARN_API __attribute__((visibility("default")))
#else
#define TARN_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define TARN_VERSION_MAJOR 0
#define TARN_VERSION_MINOR 1
#define TARN_VERSION_PATCH 0

/* tarn_version: the version of the library that is running, as "0.1.0". A constant string. Since 0.1. */
TARN_API const char *tarn_version(void);

/* What a call may return besides 0. Values are only ever added. */
enum {
  /* Outcomes: nothing is wrong, and no text is left. */
  TARN_EMPTY = -1,     /* nothing newer or unread, and the timeout was 0 */
  TARN_FULL = -2,      /* no room, and the timeout was 0 or the policy does not wait */
  TARN_TIMED_OUT = -3, /* the timeout ran out */
  TARN_WOKEN = -4,     /* tarn_*_wake was called, or a signal arrived */
  TARN_NO_WRITER = -5, /* the writer left or died; said once a departure, however short it was there, the next call waits for the next */
  TARN_BUSY = -6,      /* another writer lives, or this handle already holds all it may */

  /* Failures: tarn_error_text() has a sentence. */
  TARN_E_INVALID = -64,     /* an argument that can never be right */
  TARN_E_NOT_FOUND = -65,   /* there is nothing of that name */
  TARN_E_EXISTS = -66,      /* TARN_EXCLUSIVE was asked for and the name is taken */
  TARN_E_KIND = -67,        /* the name leads to another kind of thing (a stream, a directory, a symbolic link...) */
  TARN_E_MISMATCH = -68,    /* an option contradicts what is there */
  TARN_E_PERMISSION = -69,  /* not allowed, or not to be trusted (its owner) */
  TARN_E_NO_SPACE = -70,    /* the file system or the memory limit has no room; the sentence says how much is needed */
  TARN_E_NO_SLOT = -71,     /* every participant slot is taken by a living process */
  TARN_E_TOO_LARGE = -72,   /* larger than this thing can ever take, or than the buffer given */
  TARN_E_CORRUPT = -73,     /* the shared bytes say something that cannot be */
  TARN_E_VERSION = -74,     /* made by a Tarn whose format this one does not know */
  TARN_E_UNSUPPORTED = -75, /* this system, file system or build cannot do that */
  TARN_E_FORKED = -76,      /* the handle belongs to the process that forked this one */
  TARN_E_EVICTED = -77,     /* this handle lost its place: its descriptor or slot means something else now, or its file has no
                               name any more and nobody writes */
  TARN_E_SYSTEM = -78       /* the system refused for another reason, given in the sentence */
};

/* Roles. */
enum {
  TARN_READER = 1,  /* reads; takes a slot; what it holds is not overwritten */
  TARN_WRITER = 2,  /* publishes; creates the channel if it is not there */
  TARN_OBSERVER = 3 /* reads through a read-only descriptor; takes no slot, pins nothing, polls */
};

#define TARN_FOREVER INT64_C(-1)

/* tarn_options.flags */
enum {
  TARN_KEPT = 1u << 0,         /* the name outlives its participants; otherwise it goes with the last one */
  TARN_EXCLUSIVE = 1u << 1,    /* create; TARN_E_EXISTS if somebody living has it or it is kept */
  TARN_EXISTING = 1u << 2,     /* never create */
  TARN_MANY_WRITERS = 1u << 3, /* stream: several writers at once, in one order for all readers */
  TARN_QUEUE = 1u << 4,        /* stream: each message goes to one reader; to another if that one dies or returns it */
  TARN_TIMES = 1u << 5,        /* stream: every message carries the time it was published */
  TARN_HUGE = 1u << 6,         /* map: huge pages, if the system grants them (tarn_map_info says whether) */
  TARN_PREFAULT = 1u << 7,     /* map: touch every page now */
  TARN_LOCK = 1u << 8,         /* map: keep the pages in memory, if the system grants it */
  TARN_ANY_OWNER = 1u << 9,    /* accept what another user made in a directory that others can write to */
  TARN_SCOPED = 1u << 10       /* map: goes with its last user of Tarn's (a map is kept otherwise); foreign users do not count */
};

/* tarn_options.policy: what a writer does when a stream is full. */
enum {
  TARN_WAIT = 0,     /* wait for the slowest reader */
  TARN_FAIL = 1,     /* return TARN_FULL */
  TARN_OVERWRITE = 2 /* drop the oldest; readers learn how many they missed */
};

/* tarn_options.from: where a stream reader starts. Any other value is a message number. */
#define TARN_OLDEST UINT64_C(0)
#define TARN_NEXT UINT64_MAX

/* tarn_options.spin_ns: never sleep in the kernel. */
#define TARN_SPIN_ONLY INT64_C(-1)

/* What a caller may ask for. Zero everywhere is the default; a NULL pointer is the same as all zeros. A field that the kind
 * at hand does not know must be 0. KEPT, mode, group and the sizes count when something is created and are ignored when it is
 * there already; slots, hold, policy, MANY_WRITERS, QUEUE and TIMES, when given, must agree with what is there
 * (TARN_E_MISMATCH names both). Set struct_size to sizeof(tarn_options): the structure will grow at its end. */
typedef struct tarn_options {
  uint32_t struct_size;    /* sizeof(tarn_options) */
  uint32_t flags;          /* TARN_KEPT | ... */
  uint32_t mode;           /* permission bits, whatever the umask; 0 means 0600 */
  uint32_t slots;          /* participants at once, 1 to 2046; 0 means 64 */
  uint32_t hold;           /* board, queue: items a reader may hold at once, 1 to 15; 0 means 4 */
  uint32_t policy;         /* stream: TARN_WAIT, TARN_FAIL, TARN_OVERWRITE */
  uint64_t size_bytes;     /* map: its size; board: room of the first buffer; stream: ring, a power of two */
  uint64_t limit_bytes;    /* board: the file never grows beyond this; 0 means no limit but the disk's */
  int64_t spin_ns;         /* how long to spin before sleeping: 0 adaptive, > 0 that long, TARN_SPIN_ONLY never sleep */
  uint64_t from;           /* stream reader: TARN_OLDEST, TARN_NEXT or a number */
  uint32_t group;          /* numeric group of a new file, plus 1; 0 means the creator's */
  uint32_t max_deliveries; /* queue: put a message into the queue NAME.aside after so many deliveries; 0 means never */
} tarn_options;

/* What a writer says about an item besides its bytes; NULL means nothing to say. */
typedef struct tarn_about {
  uint32_t struct_size; /* sizeof(tarn_about) */
  uint32_t flags;       /* 0 */
  uint64_t tag;         /* the user's own number */
  int64_t time_ns;      /* Unix time in nanoseconds; 0 means now (where times are kept at all) */
  const char *type;     /* board: up to 1023 bytes of UTF-8 such as "image/bmp"; NULL means "" */
} tarn_about;

/* tarn_item.flags */
enum { TARN_AGAIN = 1u << 0 /* queue: may have been delivered before */ };

/* An item that a reader was given. Fixed for ever; made by read and get, untouched by the caller until release. */
typedef struct tarn_item {
  const void *data;     /* read: where it lies, until release; get: the caller's buffer */
  uint64_t size_bytes;  /* how many bytes of data count */
  uint64_t number;      /* version or message number, from 1 upward */
  uint64_t missed;      /* how many versions or messages passed unseen since this handle's last item */
  uint64_t tag;         /* what the writer said */
  int64_t time_ns;      /* what the writer said or when it published, Unix time: for people, never for order */
  const char *type;     /* board: NUL-terminated, valid until release (get: until the next call on this handle) */
  uint32_t flags;       /* TARN_AGAIN */
  uint32_t token;       /* the library's own */
  uint32_t deliveries;  /* queue: how often it has been delivered, this time included */
  uint32_t reserved32;  /* 0 */
  uint64_t reserved[3]; /* 0 */
} tarn_item;

/* tarn_error_text: the sentence of this thread's last failure; "" if there was none. The library's own memory, valid until the
 * thread's next failing call. Outcomes do not change it. Since 0.1. */
TARN_API const char *tarn_error_text(void);

/* tarn_result_name: the name of a result, as "TARN_E_NO_SPACE"; "TARN_E_unknown" for a number that is none. Since 0.1. */
TARN_API const char *tarn_result_name(int result);

#ifdef __cplusplus
}
#endif
#endif
