/* wait.h: sleep until a word changes; wake whoever sleeps. */
#ifndef TN_WAIT_H
#define TN_WAIT_H

#include <stdint.h>

#include "atomic.h"
#include "os/os.h"

struct tn_channel;

enum { TN_NEWS = 0, TN_ROOM = 1 }; /* which line */

#define TN_SLICE_NS INT64_C(50000000) /* the longest sleep before looking again */

/* The part of a handle that waiting owns. */
typedef struct tn_waits {
  tn_atomic32 woken;     /* set by tarn_*_wake from any thread, cleared by the call that answers TARN_WOKEN */
  int must_fence;        /* 1: this process publishes with a full fence; 0: sleepers fence for it */
  int has_barrier;       /* 1: this process can fence for others when it goes to sleep */
  int64_t spin_ns;       /* how long the next wait spins */
  int noted;             /* 1: slot.since_ms was set, and since then nothing was given or published if the wish's progress still is this: */
  uint64_t noted_progress;
  tn_os_bed bed;
  void *wakers;          /* tn_os_wake_slot's cache */
} tn_waits;

/* What a handle knows of the writer; participant.c. Atomic because the thread behind a poll handle reads it too. */
typedef struct tn_watch {
  tn_atomic64 begun;    /* the term there was when the handle began: later ones it was there for, however short they were */
  tn_atomic64 known;    /* the last term whose writer was seen alive, or under which an item was given, or that is later than begun */
  tn_atomic64 told;     /* the last term of which TARN_NO_WRITER was said */
  uint64_t over;        /* the term that tn_writer_gone last found to be over: the owner's thread alone */
  tn_atomic64 dead;     /* the last term word whose writer the kernel said was dead */
  tn_atomic64 asked_ns; /* when the kernel was last asked about it */
  tn_atomic64 named_ns; /* when it was last asked whether the name still leads here */
  tn_atomic64 placed_ns; /* when it was last asked whether the slot is still ours */
} tn_watch;

/* What to wait for. look: 1 it is there, 0 not yet, negative: a result to return. ask: the same, and may call the kernel: asked before the
 * first sleep and after each slice whether the one waited for lives; may be NULL. Both run in the waiting thread. */
typedef struct tn_wish {
  int line;
  int64_t timeout_ns;
  int spin;  /* 1: spin first */
  int aside; /* 1: the thread behind a poll handle: tarn_*_wake ends the wait but is left for the owner to answer */
  int (*look)(void *argument);
  int (*ask)(void *argument);
  void *argument;
  uint64_t progress; /* another one after each item given or published by this handle, and after nothing else */
} tn_wish;

/* tn_waits_begin: when a handle is opened, after its slot is taken. */
int tn_waits_begin(struct tn_channel *channel);
void tn_waits_end(struct tn_channel *channel);

/* tn_wait_check: TARN_E_INVALID, in words, if that is no timeout, else 0. */
int tn_wait_check(const struct tn_channel *channel, int64_t timeout_ns);

/* tn_wait: 0 when look said 1; what look or ask returned; TARN_TIMED_OUT (also for timeout 0: callers look first);
 * TARN_WOKEN; TARN_E_EVICTED. */
int tn_wait(struct tn_channel *channel, const tn_wish *wish);

/* A call that waits for something and then finds it gone (another took it, or hostile bytes play with it) waits again. How often it has waited. */
typedef struct tn_turns {
  uint32_t count;
  int64_t end_ns; /* when it is over: set at the second turn */
} tn_turns;

/* tn_turn: before each wait of a call. 0: wait for *ret_left_ns; TARN_EMPTY, TARN_TIMED_OUT: that was long enough. The first wait may take
 * as long as the call may, all others together as long again; so no clock is read for the first. */
int tn_turn(tn_turns *turns, int64_t timeout_ns, int64_t *ret_left_ns);

/* tn_wait_woken: 1 once if tarn_*_wake was called since. */
int tn_wait_woken(struct tn_channel *channel);

/* tn_wake_all: wake everybody who sleeps on this line. Called through tn_wake and tn_wake_room (channel.h), which look first. */
void tn_wake_all(struct tn_channel *channel, int line);

/* tn_wake_few: wake so many of them, where that can be done. Called through tn_wake_some (channel.h). */
void tn_wake_few(struct tn_channel *channel, int line, uint32_t count);

/* tn_wake_self: tarn_*_wake. Any thread. */
void tn_wake_self(struct tn_channel *channel);

#endif
