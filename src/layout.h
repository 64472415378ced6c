/* layout.h: every byte that processes share through a channel file. docs/format.md has the same as prose.
 *
 *   0              header     complete before the file has a name, then never written
 *   4096           table      participant slots, 128 bytes each
 *   after it       control    2048 bytes: the few shared words of the channel, each on a line pair of its own
 *   after it       entries    board: 64 bytes for each buffer; queue: 64 or 128 bytes for each slot
 *   64 KiB-aligned data       board: buffers; stream: the ring
 *
 * Little-endian, fixed width, 8-aligned, offsets and never pointers: the same for 32- and 64-bit processes of every system.
 * Beside each field stands who may write it. "Owner" of a slot is the process that holds the slot's lock byte; after its death
 * whoever obtains that lock (a joiner, or one that clears up) is the owner until it lets go.
 */
#ifndef TN_LAYOUT_H
#define TN_LAYOUT_H

#include <stddef.h>

#include "atomic.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the shared format is little-endian");

enum {
  TN_FORMAT_MAJOR = 0,
  TN_FORMAT_MINOR = 1,
  TN_PAGE = 4096,
  TN_ALIGN = 65536, /* of the data: Windows maps at multiples of this */
  TN_SLOTS_MAX = 2046,
  TN_HOLD_MAX = 15,
  TN_PINS = 16, /* a reader's holds, and one more for get */
  TN_MARKS = 32, /* places that writers of a stream remember together: 16 a lap, and a lap is enough */
  TN_TYPE_BYTES = 1024 /* head of a board's buffer: the type string and its NUL */
};

#define TN_MAGIC "TARN\r\n\x1a\n"

/* Incompatible features: who does not know one must not take part. */
#define TN_FEATURE_MANY_WRITERS UINT64_C(1) /* stream: claims in the ring, skips that use up numbers */
#define TN_FEATURE_QUEUE UINT64_C(2)        /* stream: takers in the ring, intents among the entries */
#define TN_FEATURES (TN_FEATURE_MANY_WRITERS | TN_FEATURE_QUEUE)

/* Lock bytes: far above any content. Who holds them and what they mean: docs/protocol.md, section 2. */
#define TN_LOCK_USERS (UINT64_C(1) << 62)
#define TN_LOCK_WRITER (TN_LOCK_USERS + 1)
#define TN_LOCK_SLOT(slot) (TN_LOCK_USERS + 16 + (uint64_t)(slot))
#define TN_LOCK_PROBE (TN_LOCK_USERS + (1u << 20)) /* and up: two descriptions of one process prove that locks conflict */

/* ---- Header: written by the creator before the file has a name; after that by nobody ------------------------------- */

typedef struct tn_header {
  uint8_t magic[8];
  uint16_t major, minor;  /* of the format */
  uint32_t header_bytes;  /* 256 */
  uint64_t incompatible;  /* features: one that is not known here forbids opening */
  uint64_t compatible;    /* features that may be ignored */
  uint32_t kind;          /* TARN_KIND_... */
  uint32_t flags;         /* TARN_KEPT, _MANY_WRITERS, _QUEUE, _TIMES */
  uint8_t identity[16];   /* random: this file and no other */
  uint32_t slots;         /* 1 .. 2046 */
  uint32_t hold;          /* 1 .. 15 */
  uint64_t table_offset;  /* 4096 */
  uint64_t control_offset;
  uint64_t entries_offset;
  uint32_t entries;       /* board: how many buffers there can be */
  uint32_t policy;        /* stream */
  uint64_t data_offset;   /* multiple of 64 KiB */
  uint64_t data_bytes;    /* stream: the ring; board: 0 */
  uint64_t limit_bytes;   /* board: the file grows no further; 0: no limit */
  uint64_t first_bytes;   /* board: room of the first buffer */
  uint64_t first_number;  /* of the first item; 1, but for tests */
  uint64_t first_position; /* stream: 0, but for tests */
  uint32_t max_deliveries;
  uint8_t reserved[104];  /* 0 */
  uint32_t checksum;      /* CRC-32 (as zlib's) of the 252 bytes before it */
} tn_header;

_Static_assert(sizeof(tn_header) == 256, "header");
_Static_assert(offsetof(tn_header, slots) == 56 && offsetof(tn_header, table_offset) == 64, "header");
_Static_assert(offsetof(tn_header, data_offset) == 96 && offsetof(tn_header, first_number) == 128, "header");
_Static_assert(offsetof(tn_header, checksum) == 252, "header");

/* ---- A participant's slot -------------------------------------------------------------------------------------------- */

enum { TN_SLOT_FREE = 0, TN_SLOT_TAKEN = 1 };

typedef struct tn_slot {
  /* first line: what others must know, and `first`. Written by the owner only. */
  tn_atomic32 state;      /* TN_SLOT_... */
  tn_atomic32 generation; /* counts the owners */
  tn_atomic32 role;       /* TARN_READER, TARN_WRITER */
  tn_atomic32 domain;     /* who can wake it: tn_os_wake_domain() */
  tn_atomic32 asleep;     /* its threads asleep: low half for news, high half for room */
  uint32_t reserved;
  tn_atomic64 cursor; /* board: the last version given or published; stream: position | 1, all below it is no longer needed; 0 none */
  union {
    tn_atomic16 pins[TN_PINS]; /* board: buffer + 1 that must not be written, 0 none */
    /* The same, four at a time, for the writer's scan: nobody stores through it. Loads of 8 bytes over stores of 2 are outside the letter of
     * C11; every processor that Tarn is built for takes such a load as four of 2 bytes at one moment. */
    tn_atomic64 pin_words[TN_PINS / 4];
    struct {
      tn_atomic64 held; /* TARN_OVERWRITE: position | 1 of the oldest message held in place; 0 none */
      tn_atomic64 claim;   /* many writers: position | 1 of the record that this writer has claimed, or that its owner is about to change
                              * because nobody has it (stream_repair.c); 0 none */
      tn_atomic64 numbers; /* and how many message numbers that has */
      tn_atomic64 first;   /* one writer, or a reader that is given every message: its items are all numbers from this one to the end, or
                              * to `next`, and the word `items` is 0; 0: they are counted there. A statistic */
    } stream;
  };
  /* second line: statistics, for people. Written by the owner, read by anybody, racy, and fine because nothing depends on them. */
  tn_atomic32 process, space; /* process number and its PID namespace */
  tn_atomic64 joined_ns;      /* Unix time */
  tn_atomic64 items, bytes, missed, waits;
  tn_atomic64 next; /* stream: number of the message it will be given next */
  tn_atomic32 out;  /* stream: messages from the oldest that it holds in place to the last it was given */
  tn_atomic32 since_ms; /* when its wait began: Unix time in ms, modulo 2^32, never 0; counts while it is asleep; 0 it never was */
} tn_slot;

_Static_assert(sizeof(tn_slot) == 128 && offsetof(tn_slot, cursor) == 24, "slot");
_Static_assert(offsetof(tn_slot, pins) == 32 && offsetof(tn_slot, process) == 64, "slot");

/* ---- A position and its message number, which belong together, published by one writer as two copies ------------------------ */

typedef struct tn_latch {
  tn_atomic64 version; /* copy[version & 1] counts */
  struct {
    tn_atomic64 position, number;
  } copy[2];
  uint8_t reserved[88];
} tn_latch;

_Static_assert(sizeof(tn_latch) == 128, "latch");

/* ---- What is said about a board's version: in its entry, and of the newest again beside `current` ------------------------ */

typedef struct tn_account {
  tn_atomic64 offset;   /* of its buffer in the file, multiple of 64 KiB */
  tn_atomic64 capacity; /* of that, multiple of 64 KiB; 0: there is no buffer */
  tn_atomic64 length;   /* of the content, which begins TN_TYPE_BYTES after offset */
  tn_atomic64 tag;
  tn_atomic64 time_ns;
  tn_atomic64 type_length; /* of the string at offset, without its NUL; 0: none, the place is not looked at */
} tn_account;

/* One line for all that a reader must know of the newest version, so that the entry's line need not travel with it. Written by the writer. */
typedef struct tn_newest {
  tn_atomic64 current;    /* version << 16 | buffer; 0: nothing yet */
  tn_atomic64 account_of; /* the value of `current` that the account is of; another one or 0: not (yet), look at the entry */
  tn_account account;     /* the same as in the entry */
  uint8_t reserved[64];
} tn_newest;

_Static_assert(sizeof(tn_newest) == 128 && offsetof(tn_newest, reserved) == 64, "newest");

/* ---- Control --------------------------------------------------------------------------------------------------------- */

/* A word to sleep on. */
typedef struct tn_line {
  tn_atomic32 seq;      /* + 1 by every waker, and by wake */
  tn_atomic32 sleepers; /* 1 by whoever goes to sleep; 0 by the waker, before it wakes */
  tn_atomic64 need;     /* room: the cursor that the sleeping writer needs, of several the smallest; the writer, or the lock's owner */
  tn_atomic32 need_seq; /* room, of several: what seq was when `need` was noted: with another one it is over; the lock's owner */
  uint8_t reserved[108];
} tn_line;

typedef struct tn_control {
  tn_line news; /* readers sleep, writers wake */
  tn_line room; /* writers sleep, readers wake */
  struct {
    tn_atomic32 high_water; /* slots at and above it were never taken; raised by joiners, never falls */
    tn_atomic32 domain;     /* the creator's wake domain; written by the creator, or by whoever resets, alone */
    tn_atomic32 mixed;      /* 1 for ever when a participant of another domain has joined; any joiner */
    tn_atomic32 had_reader; /* stream: 1 for ever when a reader has joined; any joiner */
    uint8_t reserved[112];
  } join;
  struct {
    tn_atomic64 term; /* term << 16 | slot + 1 of the writer, 0 in place of the slot when it has left; the writer */
    uint8_t reserved[120];
  } writer;
  struct {
    tn_atomic64 boot_id[2]; /* of the boot in which it was last written; the first to come, alone */
    tn_atomic32 clean;      /* 1: everything reached the disk; the last to leave sets it, the first to come clears it, alone */
    tn_atomic32 retired;    /* 1: the name is being removed; whoever holds *users* exclusively */
    uint8_t reserved[104];
  } life;
  struct {
    tn_atomic64 word; /* lock.c */
    uint8_t reserved[120];
  } lock;
  union {
    tn_newest board;
    struct {
      tn_latch floor; /* everything below may be overwritten; the writer */
      tn_latch tail;  /* where the end was when it was last stored: at most 1/16 of the ring back; the writer */
      /* Many writers and queues: floor and tail are written by whoever owns the lock; and so are the marks. */
      struct {
        tn_atomic64 returned; /* + 1 by whoever makes a taken message one to be taken again */
        uint8_t reserved[120];
      } queue;
      struct {
        tn_atomic64 position, number; /* position | 1 of a record's beginning; 0 none. Of position / (ring / 16) % TN_MARKS */
      } marks[TN_MARKS];
    } stream;
    uint8_t area[1280];
  } kind;
} tn_control;

_Static_assert(sizeof(tn_line) == 128 && sizeof(tn_control) == 2048, "control");
_Static_assert(offsetof(tn_control, join) == 256 && offsetof(tn_control, writer) == 384, "control");
_Static_assert(offsetof(tn_control, life) == 512 && offsetof(tn_control, lock) == 640, "control");
_Static_assert(offsetof(tn_control, kind) == 768, "control");
_Static_assert(offsetof(tn_control, kind.stream.queue) == 1024 && offsetof(tn_control, kind.stream.marks) == 1152, "control");

/* ---- Queue: intents, in place of a board's entries ----------------------------------------------------------------------

 * A row of words for each slot: hold + 1, rounded up to 8. A reader's intent is position | 1 of a message that it is about to take
 * or has taken; 0 none. Written by the slot's owner, as the slot. */

#define TN_INTENTS(hold) (((hold) + 8) / 8 * 8)

/* ---- Board: an entry for each buffer, all written by the writer ------------------------------------------------------- */

typedef struct tn_entry {
  tn_atomic64 generation; /* 2 x version + 1 while that version is written, 2 x version when it is complete */
  tn_account account;
  uint64_t reserved;
} tn_entry;

_Static_assert(sizeof(tn_entry) == 64, "entry");

#define TN_BOARD_VERSION_BITS 48
#define TN_BOARD_CURRENT(version, buffer) ((uint64_t)(version) << 16 | (buffer))
#define TN_BOARD_VERSION(current) ((current) >> 16)
#define TN_BOARD_BUFFER(current) ((uint32_t)((current) & 0xffff))

#endif
