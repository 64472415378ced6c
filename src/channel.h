/* channel.h: a map with Tarn's header in it: creating, opening, leaving. What boards and streams have in common. */
#ifndef TN_CHANNEL_H
#define TN_CHANNEL_H

#include <tarn/base.h>

#include "layout.h"
#include "name.h"
#include "os/os.h"
#include "wait.h"

typedef struct tn_channel tn_channel;

/* What a kind adds. All functions are called with the base mapped; their sentences are complete. */
typedef struct tn_kind {
  int id;                 /* TARN_KIND_... */
  uint32_t option_flags;  /* which of tarn_options.flags it knows, besides those that all channels know */
  /* Fill the kind's fields of a new header (limits checked); options have been checked for what all kinds share. */
  int (*plan)(const tarn_options *options, const tn_place *place, tn_header *header);
  /* Is what this header says possible? Only the kind's fields. 0 or the text of what is wrong. */
  const char *(*impossible)(const tn_header *header);
  /* What a dead participant of this kind left in its slot, and what its slot says that it left elsewhere; the caller holds the slot's
   * lock. May be repeated. 0, or a failure: it could not be repaired now, and the slot stays as it is. */
  int (*clear_slot)(tn_channel *channel, uint32_t slot);
  /* Nobody else is there: make the kind's words and entries as in a new channel. Also called for a new one, which is all zeros. */
  void (*reset)(tn_channel *channel);
} tn_kind;

/* Who waits for the lock while this handle takes it again and again; lock.c. */
typedef struct tn_lock_way {
  int64_t pressed_ns; /* the first drop that found somebody waiting, since it last gave way; 0: none */
  int64_t owed_ns;    /* the drop after which the next take gives way; 0: none */
} tn_lock_way;

/* A process's handle. Private to one process; ordinary fields belong to the thread that uses the handle. */
struct tn_channel {
  const tn_kind *kind;
  tn_place place;
  tarn_options options; /* as the user gave them, all fields present */
  tn_os_file file;
  tn_header header; /* a private copy, checked */
  unsigned char *base;
  uint64_t base_bytes; /* header, table, control, entries */
  tn_control *control;
  tn_slot *table;
  tn_entry *entries;
  int role;
  int created;          /* 1: this handle made the channel */
  uint32_t slot;        /* own; TN_NO_SLOT for observers */
  uint32_t generation;  /* of the own slot when it was taken */
  uint32_t life;        /* tn_os_life() of the process that opened it */
  const tn_atomic32 *life_word; /* tn_os_life_word() */
  tn_atomic32 good_in;  /* the same as life; 0 once a page of the file was lost under us (guard.c sets it, in any thread) */
  int medium;           /* TN_OS_MEMORY, TN_OS_DISK */
  tn_waits waits;       /* wait.c's part */
  tn_watch watch;       /* participant.c's: what this handle knows of the writer */
  tn_lock_way way;      /* lock.c's: whom this handle's turn would come before */
};

#define TN_NO_SLOT UINT32_MAX

/* For sentences: tn_fail(code, "%s \"%s\": ...", TN_WHO(channel)) */
#define TN_WHO(channel) tn_kind_word((channel)->place.kind), (channel)->place.name

/* tn_channel_open: find or make the channel and take part in it. *channel is the caller's memory, zeroed. On failure nothing is
 * left open and nothing that was made remains. Results as of tarn_board_open. */
int tn_channel_open(tn_channel *channel, const tn_kind *kind, const char *name, int role, const tarn_options *options,
                    int64_t timeout_ns);

/* tn_channel_disown: before tn_channel_close, when opening fails after all: what this handle made, kept or not, goes with it, unless
 * somebody else has come meanwhile. */
void tn_channel_disown(tn_channel *channel);

/* tn_channel_close: leave; the last one out removes a scoped name, or marks a kept channel on a disk as clean. */
void tn_channel_close(tn_channel *channel);

/* 1 if this process opened the handle and it is whole, 0 in a child after fork, and when the file was cut short under it: then
 * tn_channel_check has the sentence. One comparison for both, since every message passes here. */
static inline int tn_channel_is_mine(const tn_channel *channel) {
  uint32_t life = channel->life_word != NULL ? tn_load_relaxed(channel->life_word) : tn_os_life(); /* relaxed: never changes */
  return life == tn_load_relaxed(&channel->good_in); /* relaxed: set by this thread's own fault, or late is soon enough */
}

/* Map a part of the file, as one of the guard's views; results of tn_os_map. */
int tn_channel_map(tn_channel *channel, uint64_t offset, uint64_t length, int access, void **ret_address);
void tn_channel_unmap(tn_channel *channel, void *address, uint64_t length);

/* How many items the own slot says were given or published: a wish's progress, where they are counted there. */
static inline uint64_t tn_channel_items(const tn_channel *channel) {
  return channel->slot != TN_NO_SLOT ? tn_load_relaxed(&channel->table[channel->slot].items) : 0; /* relaxed: own */
}

/* The waker's half of the handshake: is anybody announced on this line, who may not see what was just stored? */
static inline int tn_has_sleepers(const tn_channel *channel, int line) {
  if (__builtin_expect(channel->waits.must_fence, 0))
    tn_fence_full(); /* [W1] full: store, then look for sleepers. Pairs with the sleeper's fence in announce */
  else
    tn_fence_compiler(); /* [W1] the sleeper's barrier is the fence of both */
  const tn_line *words = line == TN_NEWS ? &channel->control->news : &channel->control->room;
  return tn_load_relaxed(&words->sleepers) != 0; /* relaxed: ordered by [W1] */
}

/* tn_wake: somebody may sleep on this line: call after the store that they wait for. No system call when nobody is announced. */
static inline void tn_wake(tn_channel *channel, int line) {
  if (tn_has_sleepers(channel, line))
    tn_wake_all(channel, line);
}

/* tn_wake_some: the same, where each of count sleepers has something to do and the others have not. */
static inline void tn_wake_some(tn_channel *channel, int line, uint32_t count) {
  if (tn_has_sleepers(channel, line))
    tn_wake_few(channel, line, count);
}

/* tn_wake_room: the same for room in a stream, for a reader whose cursor was just stored: wakes only if that is far enough. */
static inline void tn_wake_room(tn_channel *channel, uint64_t cursor) {
  /* relaxed: a stale need was smaller, which costs a needless wake, or is followed by the sleeper's own look */
  if (tn_has_sleepers(channel, TN_ROOM) && (int64_t)(cursor - tn_load_relaxed(&channel->control->room.need)) >= 0)
    tn_wake_all(channel, TN_ROOM);
}

/* tn_channel_check: 0, or with the sentence TARN_E_FORKED, or TARN_E_CORRUPT when the file was cut short under us. Every public
 * call begins with it. No system call. */
int tn_channel_check(const tn_channel *channel);

/* tn_channel_evicted: 0, or TARN_E_EVICTED: the own slot has another owner, or the descriptor means another file; or TARN_E_CORRUPT,
 * as tn_channel_check. Slow paths. */
int tn_channel_evicted(const tn_channel *channel);

/* The last words of a sentence for a failure of the system: reads tn_os_reason(). */
int tn_channel_fail(const tn_channel *channel, int code, const char *what);

#endif
