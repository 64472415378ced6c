/* lock.c: a lock in shared memory that survives its owner.
 *
 *   field   who writes                                            who reads      invariant
 *   word    CAS 0 -> me by a taker; CAS dead -> me by a repairer  takers         names the one owner: {generation, slot} of a
 *           that holds the dead one's slot lock; exchange -> 0                   participant that was in the critical section, or
 *           by the owner; the waiters bit by whoever waits                       died there
 *
 *   bits 63-32 generation of the owner's slot | 31 somebody may sleep | 10-0 slot + 1 | 0: free
 *
 * Why it is right. Only a CAS from 0, or from a word whose owner is proven dead, makes an owner, so there is one. A repairer proves
 * the death by obtaining the dead one's slot lock and keeps that until the word is its own: two repairers race for one kernel lock,
 * and the loser finds another word. The generation tells a dead owner from a newcomer in the same slot: a joiner clears the slot
 * before it uses it, but the lock word may still name the slot's last owner. Then the slot is alive and its generation is not
 * the word's: that owner is dead too, the newcomer's generation is the proof, and the newcomer has cleared up already.
 *
 * The critical section must be finished or undone from shared state alone: kind->clear_slot does it, while the word still names the
 * dead owner and so keeps everybody out. Only then the repairer takes its place. (The other way round a repairer that dies between
 * the two leaves a word that names itself, and the next one enters over the first one's half-done work.)
 *
 * Death at each step. Before the CAS: nothing. After it, at any line up to the exchange: the word names a dead owner; the next
 * taker, after at most a slice of 5 ms (two on Windows, and what the sleep and the question cost there), takes over. After the exchange, before the wake: sleepers wake by their slice. While repairing,
 * before the CAS dead -> me: the word names the first owner, its slot is TAKEN: all is repaired again. After it: the repairer is a
 * dead owner like any other, with nothing half-done, and the first one's slot is cleared again by whoever takes it.
 *
 * A sleeper sets the waiters bit and sleeps on the low half; the owner's exchange returns the bit, so no wake is given unless
 * somebody asked [L2]. Whoever has slept acquires with the bit set: it cannot know whether others still sleep. Where a word of shared
 * memory wakes nobody (Windows) sleepers look every millisecond and set the bit again themselves; there it is acquired without, and a
 * bit that is found says that somebody looked in vain.
 *
 * Giving way. Who drops the lock and takes it again at once is faster than anybody that has to wake first, or that looks once a
 * millisecond: the others would find it owned whenever they look, for seconds. So a handle that finds somebody waiting at two of its drops
 * BARGE_NS apart or more (not always the same one: then the pause was for nothing) gives way at its next take: as long as the word is 0, it waits, until so long after its drop that a waiter has had its
 * turn. That is bounded by a clock of its own and asks nobody, so a waiter that died or is stopped costs one such pause. It changes when
 * a CAS is tried, never which one may succeed; the argument above does not need it. Each owner gives way in its turn. Among several
 * that wait chance decides, or the kernel's queue.
 *
 * Asking. Where the kernel can be asked, a taker asks at every look. Where asking is taking the lock for a moment, which may cost as much as
 * a sleep, it asks once in LOCK_SLICE_NS, for the first time so long after its first look: who is less patient than that asks nobody.
 */
#include "lock.h"

#include <tarn/base.h>

#include "error.h"
#include "participant.h"

enum { SPINS = 200 };
static const int64_t LOCK_SLICE_NS = 5000000, LOOK_NS = 1000000, BARGE_NS = 5000000;
static const int64_t WAY_WOKEN_NS = 200000, WAY_LOOKED_NS = 3000000; /* for one that is woken to run, or to look three times */

#define WAITERS (UINT64_C(1) << 31)
#define SLOT_OF(word) ((uint32_t)((word) & 0x7ff))
#define GENERATION_OF(word) ((uint32_t)((word) >> 32))

static tn_atomic64 *word_of(tn_channel *channel) {
  return &channel->control->lock.word;
}

/* The half that the kernel compares: on a little-endian machine the first. */
static const tn_atomic32 *low_half(tn_channel *channel) {
  return (const tn_atomic32 *)(const void *)word_of(channel);
}

static uint64_t my_word(const tn_channel *channel) {
  return (uint64_t)channel->generation << 32 | (channel->slot + 1);
}

/* CAS from free. */
static int try_free(tn_channel *channel, uint64_t mine) {
  uint64_t expected = 0;
  return tn_cas(word_of(channel), &expected, mine); /* [L1] acquire: what the last owner did. Pairs with tn_lock_drop */
}

/* The owner named by seen is proven dead: take its place. Waiters may have set their bit meanwhile; anything else is another owner. */
static int replace(tn_channel *channel, uint64_t seen, uint64_t mine) {
  uint64_t word = tn_load_relaxed(word_of(channel)); /* relaxed: the CAS decides */
  while ((word | WAITERS) == (seen | WAITERS))
    if (tn_cas(word_of(channel), &word, mine | WAITERS)) { /* [L1] acquire: what the dead one got done */
      TN_POINT("lock.replaced");
      return 1;
    }
  return 0;
}

/* The slot's lock is ours. Repair first, while the word still keeps everybody out; then take the place; free the slot last. Whoever
 * dies in between leaves the word to the first owner and its slot TAKEN: the next one repairs again. */
static int take_over(tn_channel *channel, uint32_t slot, uint64_t seen, uint64_t mine) {
  int result = 0;
  if ((tn_load_acquire(word_of(channel)) | WAITERS) != (seen | WAITERS)) /* [L1] acquire: again, under the slot's lock */
    return 0;
  TN_POINT("lock.proven");
  int dead = tn_load_acquire(&channel->table[slot].state) == TN_SLOT_TAKEN; /* [P2] acquire; else somebody has cleared up */
  if (dead)
    result = channel->kind->clear_slot(channel, slot);
  if (result != 0)
    return result;
  TN_POINT("lock.repaired");
  if (!replace(channel, seen, mine))
    return 0;
  if (dead) {
    tn_store_relaxed(&channel->table[slot].asleep, 0);           /* relaxed: a stale one costs a needless wake */
    tn_store_release(&channel->table[slot].state, TN_SLOT_FREE); /* [P2] release: everything else is repaired */
  }
  return 1;
}

/* 1 taken over from a dead owner, 0 it lives (or somebody else repairs), negative on failure. */
static int try_dead(tn_channel *channel, uint64_t seen, uint64_t mine) {
  uint32_t slot = SLOT_OF(seen) - 1;
  if (SLOT_OF(seen) == 0 || slot >= channel->header.slots)
    return tn_fail(TARN_E_CORRUPT, "%s \"%s\": its lock names participant %u, which cannot be", TN_WHO(channel), SLOT_OF(seen));
  if (slot == channel->slot) /* who waits for it does not own it: an earlier owner of our slot died in it, or it is a scribbler's word */
    return replace(channel, seen, mine);
  int alive = tn_slot_alive(channel, slot);
  if (alive < 0)
    return alive;
  if (alive == 1) {
    uint32_t generation = tn_load_acquire(&channel->table[slot].generation); /* [P2] acquire */
    int newcomer = tn_load_acquire(&channel->table[slot].state) == TN_SLOT_TAKEN && /* [P2] acquire: after the generation */
                   generation != GENERATION_OF(seen);
    return newcomer ? replace(channel, seen, mine) : 0;
  }
  int got = tn_os_lock(&channel->file, TN_LOCK_SLOT(slot), TN_OS_EXCLUSIVE);
  if (got <= 0)
    return got < 0 ? tn_channel_fail(channel, got, "the lock of its dead owner cannot be taken over") : 0;
  int taken = take_over(channel, slot, seen, mine);
  tn_os_unlock(&channel->file, TN_LOCK_SLOT(slot));
  return taken;
}

/* Is everybody woken who sleeps on the word? Not where it wakes nobody, nor where processes of such a system take part. */
static int all_are_woken(tn_channel *channel) {
  return tn_os_capabilities()->shared_futex && !tn_load_acquire(&channel->control->join.mixed); /* [W3] acquire */
}

/* Somebody has looked for the lock in vain while it was ours. */
static void note_waiter(tn_lock_way *way) {
  int64_t now = tn_os_now();
  if (way->pressed_ns == 0)
    way->pressed_ns = now;
  else if (now - way->pressed_ns >= BARGE_NS)
    way->owed_ns = now;
}

static void give_way(tn_channel *channel) {
  tn_lock_way *way = &channel->way;
  int64_t end = way->owed_ns + (all_are_woken(channel) ? WAY_WOKEN_NS : WAY_LOOKED_NS);
  *way = (tn_lock_way){0, 0};
  while (tn_load_relaxed(word_of(channel)) == 0 && tn_os_now() < end) /* relaxed: the CAS decides who has it */
    tn_os_pause(WAY_WOKEN_NS / 10);
}

/* Is it time to ask about the owner? asked_ns: when that was last done, or the first look was; 0 before it. */
static int ask_now(int64_t *asked_ns) {
  if (tn_os_capabilities()->shared_futex)
    return 1;
  int64_t now = tn_os_now(), last = *asked_ns;
  if (last == 0 || now - last >= LOCK_SLICE_NS)
    *asked_ns = now;
  return last != 0 && now - last >= LOCK_SLICE_NS;
}

/* Wait a slice for seen to change. */
static void sleep_on(tn_channel *channel, uint64_t seen) {
  if (!(seen & WAITERS)) {
    uint64_t expected = seen;
    if (!tn_cas(word_of(channel), &expected, seen | WAITERS)) /* [L2] before the sleep; pairs with the exchange in tn_lock_drop */
      return;
  }
  TN_POINT("lock.asleep");
  if (!tn_os_capabilities()->shared_futex) {
    tn_os_pause(LOOK_NS);
    return;
  }
  int64_t slice_ns = all_are_woken(channel) ? LOCK_SLICE_NS : LOOK_NS;
  tn_os_sleep(&channel->waits.bed, low_half(channel), (uint32_t)(seen | WAITERS), slice_ns);
}

/* Until the deadline, and no longer than until tarn_*_wake if it is heeded. */
static int take(tn_channel *channel, int64_t timeout_ns, int heeds_wake) {
  uint64_t mine = my_word(channel), after_sleep = tn_os_capabilities()->shared_futex ? mine | WAITERS : mine;
  int64_t deadline = 0, asked_ns = 0;
  if (channel->way.owed_ns != 0)
    give_way(channel);
  for (int i = 0; i < SPINS; i++) {
    if (tn_load_relaxed(word_of(channel)) == 0 && try_free(channel, mine)) { /* relaxed: the CAS decides */
      TN_POINT("lock.taken");
      return 0;
    }
    tn_relax();
  }
  for (;;) {
    if (try_free(channel, after_sleep)) {
      TN_POINT("lock.taken");
      return 0;
    }
    uint64_t seen = tn_load_acquire(word_of(channel)); /* [L1] acquire: what its owner says of itself */
    if (seen == 0)
      continue;
    int result = ask_now(&asked_ns) ? try_dead(channel, seen, mine) : 0;
    if (result != 0)
      return result < 0 ? result : 0;
    result = tn_channel_evicted(channel);
    if (result != 0)
      return result;
    if (timeout_ns >= 0) { /* no clock is read while the lock is free */
      int64_t now = tn_os_now();
      if (deadline == 0)
        deadline = timeout_ns < INT64_MAX - now ? now + timeout_ns : INT64_MAX;
      if (now >= deadline)
        return TARN_TIMED_OUT;
    }
    if (heeds_wake && tn_wait_woken(channel))
      return TARN_WOKEN;
    sleep_on(channel, seen);
  }
}

int tn_lock_take(tn_channel *channel) { return take(channel, TARN_FOREVER, 0); }

int tn_lock_take_in(tn_channel *channel, int64_t timeout_ns) { return take(channel, timeout_ns, 1); }

void tn_lock_drop(tn_channel *channel) {
  TN_POINT("lock.dropping");
  uint64_t was = tn_exchange(word_of(channel), 0); /* [L1] release: the critical section. [L2] takes the waiters bit with it */
  TN_POINT("lock.dropped");
  if (!(was & WAITERS))
    return;
  int woken = tn_os_wake(low_half(channel), 1); /* 0 where a word wakes nobody */
  if (woken > 0 || !all_are_woken(channel))
    note_waiter(&channel->way);
}
