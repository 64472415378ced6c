/* lock.h: a lock in shared memory that survives its owner. */
#ifndef TN_LOCK_H
#define TN_LOCK_H

#include "channel.h"

/* tn_lock_take: become the owner of the channel's lock. Blocks while a living process owns it; a dead owner's lock is taken over
 * after kind->clear_slot has repaired what it left. 0; TARN_E_EVICTED; TARN_E_CORRUPT (the word names no slot); a failure.
 * Not recursive. Spins, then sleeps in slices of 5 ms, at each of which it asks whether the owner lives (Windows: looks once a
 * millisecond, asks every 5 ms). A handle that has had it again
 * and again while others waited first lets them have it: 0.2 ms, 3 ms where they cannot be woken, at most once in 5 ms. */
int tn_lock_take(tn_channel *channel);

/* tn_lock_take_in: the same, for a while: TARN_TIMED_OUT; TARN_WOKEN after tarn_*_wake. Looked at between slices, so a few
 * milliseconds late. */
int tn_lock_take_in(tn_channel *channel, int64_t timeout_ns);

/* tn_lock_drop: the owner gives it back. No system call unless somebody waits. */
void tn_lock_drop(tn_channel *channel);

#endif
