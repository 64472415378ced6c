/* participant.c: taking a slot, telling the dead from the living, clearing up after them.
 *
 *   field               who writes                        who reads              invariant
 *   slot lock byte      the kernel                        whoever asks           held exactly as long as the owner's handle lives
 *   slot.state          the lock's holder                 anybody                TAKEN between take and leave (or death)
 *   slot.generation     the lock's holder, at taking      its owner, lock.c      grows by one with each owner
 *   slot.pins, cursor   the lock's holder                 the writer             mean something only while TAKEN
 *   join.high_water     any joiner                        whoever scans slots    every slot ever taken lies below it; never falls
 *   writer.term         a holder of the *writer* byte     readers                term grows by one with each writer
 *
 * Why it is right. The kernel drops a lock byte when the last description that holds it is gone, which it is before a parent can
 * learn of the death. So "nobody holds the lock" and "the owner is dead or has left" are the same statement, with no clock in it;
 * a stopped process keeps its locks. Only the holder of a slot's lock writes the slot, so there is never more than one that
 * clears up, and an owner that lives is never disturbed. Clearing is idempotent: whoever dies while clearing leaves the slot
 * TAKEN and unlocked, as it was found, and the next one begins again. So does who cannot clear up (no memory to map what it must write).
 *
 * Death at each step of tn_slot_take: after the lock, before TAKEN: state is FREE or the predecessor's TAKEN, the lock is gone,
 * the next taker clears again. After TAKEN: a dead participant like any other. In tn_slot_leave: before FREE is stored, the same;
 * after it: the slot is free, and the lock went with the process.
 *
 * Sides of a death that are seen late cost at most one slice of waiting (wait.c): nobody is told, everybody who waits asks.
 */
#include "participant.h"

#include <tarn/base.h>

#include "error.h"

enum { TRIES_AGAINST_PROBERS = 20, TRIES_AGAINST_LEAVERS = 5 };

uint32_t tn_slot_count(const tn_channel *channel) {
  uint32_t count = tn_load_acquire(&channel->control->join.high_water); /* [P1] acquire: pairs with raise_high_water */
  return count < channel->header.slots ? count : channel->header.slots;
}

static void raise_high_water(tn_channel *channel, uint32_t count) {
  tn_atomic32 *word = &channel->control->join.high_water;
  uint32_t seen = tn_load_relaxed(word); /* relaxed: the exchange below decides */
  while (seen < count && !tn_cas(word, &seen, count)) { /* [P1] release: the mark is up before this slot holds anything */
  }
}

static tn_slot *slot_of(const tn_channel *channel, uint32_t slot) {
  return &channel->table[slot];
}

/* The lock is held: whatever the dead owner left goes away. 0, or a failure: it is as it was found. */
static int clear(tn_channel *channel, uint32_t slot) {
  TN_POINT("clear.locked");
  int result = channel->kind->clear_slot(channel, slot);
  if (result != 0)
    return result;
  TN_POINT("clear.kind");
  tn_store_relaxed(&slot_of(channel, slot)->asleep, 0); /* relaxed: a stale one costs a needless wake */
  tn_store_release(&slot_of(channel, slot)->state, TN_SLOT_FREE); /* [P2] release: cleared before it is free */
  TN_POINT("clear.free");
  return 0;
}

/* 1 granted, 0 a living owner has it. On systems where asking means locking for a moment, an asker is not an owner. */
static int lock_slot(const tn_channel *channel, uint32_t slot) {
  int got = tn_os_lock(&channel->file, TN_LOCK_SLOT(slot), TN_OS_EXCLUSIVE);
  for (int tries = 0; got == 0 && tries < TRIES_AGAINST_PROBERS; tries++) {
    int held = tn_os_lock_held(&channel->file, TN_LOCK_SLOT(slot), TN_OS_SHARED);
    if (held != 0)
      return held < 0 ? held : 0;
    tn_os_pause(200000);
    got = tn_os_lock(&channel->file, TN_LOCK_SLOT(slot), TN_OS_EXCLUSIVE);
  }
  return got;
}

static void become_owner(tn_channel *channel, uint32_t number) {
  tn_slot *slot = slot_of(channel, number);
  channel->slot = number;
  channel->generation = tn_load_relaxed(&slot->generation) + 1; /* relaxed: only lock holders write it, and the lock is ours */
  tn_store_release(&slot->generation, channel->generation); /* [P2] release: cleared before it is new. Pairs with lock.c's acquire */
  tn_store_relaxed(&slot->role, (uint32_t)channel->role); /* relaxed, to the end: [P2] publishes them */
  tn_store_relaxed(&slot->domain, tn_os_wake_domain());
  tn_store_relaxed(&slot->asleep, 0);
  tn_store_relaxed(&slot->cursor, 0);
  tn_store_relaxed(&slot->process, tn_os_process_number());
  tn_store_relaxed(&slot->space, tn_os_process_space());
  tn_store_relaxed(&slot->joined_ns, (uint64_t)tn_os_unix_time());
  tn_store_relaxed(&slot->items, 0);
  tn_store_relaxed(&slot->bytes, 0);
  tn_store_relaxed(&slot->missed, 0);
  tn_store_relaxed(&slot->waits, 0);
  tn_store_relaxed(&slot->next, 0);
  tn_store_relaxed(&slot->out, 0);
  tn_store_relaxed(&slot->since_ms, 0);
  raise_high_water(channel, number + 1);
  TN_POINT("join.marked");
  tn_store_release(&slot->state, TN_SLOT_TAKEN); /* [P2] release: filled in before it counts. Pairs with the acquires [P2] */
}

/* Try each slot of this state. The states are looked at first: a question to the kernel costs more the more locks there are.
 * ret_told: 1 if the failure has its sentence. */
static int take_one(tn_channel *channel, uint32_t state, int *ret_told) {
  for (uint32_t number = 0; number < channel->header.slots; number++) {
    tn_slot *slot = slot_of(channel, number);
    uint32_t seen = tn_load_acquire(&slot->state); /* [P2] acquire */
    if ((seen == TN_SLOT_FREE) != (state == TN_SLOT_FREE))
      continue;
    int got = lock_slot(channel, number);
    if (got < 0)
      return got;
    if (got == 0)
      continue;
    TN_POINT("join.locked");
    if (tn_load_acquire(&slot->state) != TN_SLOT_FREE) /* [P2] acquire: again, now that it cannot change */
      got = clear(channel, number);
    if (got < 0) {
      tn_os_unlock(&channel->file, TN_LOCK_SLOT(number));
      *ret_told = 1;
      return got;
    }
    become_owner(channel, number);
    return 1;
  }
  return 0;
}

int tn_slot_take(tn_channel *channel) {
  int got = 0, told = 0;
  for (int tries = 0; got == 0 && tries < TRIES_AGAINST_LEAVERS; tries++) {
    if (tries != 0)
      tn_os_pause(1000000); /* one that leaves or clears up holds a lock for a moment, and is no participant */
    got = take_one(channel, TN_SLOT_FREE, &told);
    if (got == 0)
      got = take_one(channel, TN_SLOT_TAKEN, &told);
  }
  if (got < 0)
    return told ? got : tn_channel_fail(channel, got, "cannot take a slot");
  if (got == 0)
    return tn_fail(TARN_E_NO_SLOT, "%s \"%s\": all %u slots are taken by living processes; close one (`tarn stat` "
                   "lists them), or create it with more slots",
                   TN_WHO(channel), channel->header.slots);
  tn_atomic32 *mixed = &channel->control->join.mixed;
  if (tn_load_relaxed(&channel->control->join.domain) != tn_os_wake_domain()) /* relaxed: written before anybody could join */
    tn_store_release(mixed, 1);                                               /* [W3] release: pairs with the sleeper's acquire */
  TN_POINT("join.taken");
  return 0;
}

void tn_slot_leave(tn_channel *channel) {
  tn_slot *slot = slot_of(channel, channel->slot);
  TN_POINT("leave.slot");
  if (channel->kind->clear_slot(channel, channel->slot) == 0) {
    tn_store_relaxed(&slot->asleep, 0); /* relaxed: a stale one costs a needless wake */
    tn_store_release(&slot->state, TN_SLOT_FREE); /* [P2] release: nothing of this owner's is left */
  } /* else it is left as by a dead one, to be cleared by others */
  TN_POINT("leave.free");
  tn_os_unlock(&channel->file, TN_LOCK_SLOT(channel->slot));
  channel->slot = TN_NO_SLOT;
}

int tn_slot_alive(const tn_channel *channel, uint32_t slot) {
  if (slot == channel->slot)
    return 1;
  int held = tn_os_lock_held(&channel->file, TN_LOCK_SLOT(slot), TN_OS_SHARED);
  if (held < 0)
    return tn_channel_fail(channel, held, "its lock cannot be asked");
  if (held == 0 && tn_os_still_ours(&channel->file) != 0) /* before believing a death */
    return tn_channel_evicted(channel);
  return held;
}

int tn_slot_reap(tn_channel *channel, uint32_t number) {
  tn_slot *slot = slot_of(channel, number);
  if (tn_load_acquire(&slot->state) == TN_SLOT_FREE) /* [P2] acquire */
    return 1;
  if (number == channel->slot)
    return 0;
  int alive = tn_slot_alive(channel, number); /* first ask, which disturbs nobody */
  if (alive != 0)
    return alive < 0 ? alive : 0;
  int got = tn_os_lock(&channel->file, TN_LOCK_SLOT(number), TN_OS_EXCLUSIVE);
  if (got <= 0)
    return got < 0 ? tn_channel_fail(channel, got, "a slot cannot be cleared") : 0;
  int result = 0;
  if (tn_load_acquire(&slot->state) != TN_SLOT_FREE) /* [P2] acquire: again, under the lock */
    result = clear(channel, number);
  tn_os_unlock(&channel->file, TN_LOCK_SLOT(number));
  return result == 0 ? 1 : result;
}

/* ---- The writer ------------------------------------------------------------------------------------------------------ */

static uint64_t term_of(uint64_t word) {
  return word >> 16;
}

static int several(const tn_channel *channel) {
  return (channel->header.flags & TARN_MANY_WRITERS) != 0;
}

int tn_writer_enter(tn_channel *channel) {
  int how = several(channel) ? TN_OS_SHARED : TN_OS_EXCLUSIVE;
  int got = tn_os_lock(&channel->file, TN_LOCK_WRITER, how);
  for (int tries = 0; got == 0 && tries < TRIES_AGAINST_PROBERS; tries++) {
    int held = tn_os_lock_held(&channel->file, TN_LOCK_WRITER, TN_OS_SHARED);
    if (held != 0 && how == TN_OS_EXCLUSIVE)
      break;
    tn_os_pause(200000);
    got = tn_os_lock(&channel->file, TN_LOCK_WRITER, how);
  }
  if (got < 0)
    return tn_channel_fail(channel, got, "cannot become its writer");
  return got == 1 ? 0 : TARN_BUSY;
}

void tn_writer_announce(tn_channel *channel) {
  tn_atomic64 *word = &channel->control->writer.term;
  uint64_t seen = tn_load_relaxed(word); /* relaxed: the exchange decides */
  do { /* it fails only where others share *writer* */
  } while (!tn_cas(word, &seen, (term_of(seen) + 1) << 16 | (channel->slot + 1))); /* [P3] release: pairs with tn_writer_gone, _known */
}

/* One of several: the term ends if nobody else writes. Who joins after the question has another term, and the exchange fails; of two
 * that leave at once at least the second is told that it is the last. Where an asker looks like a holder nobody may be told so: readers
 * ask, after a slice. */
static void leave_others(tn_channel *channel, tn_atomic64 *word) {
  uint64_t seen = tn_load_acquire(word); /* [P3] acquire: before the question */
  tn_os_unlock(&channel->file, TN_LOCK_WRITER);
  if (tn_os_lock_held(&channel->file, TN_LOCK_WRITER, TN_OS_EXCLUSIVE) == 0)
    tn_cas(word, &seen, term_of(seen) << 16); /* [P3] release: all that was published comes before the end */
  TN_POINT("leave.announced");
}

void tn_writer_leave(tn_channel *channel) {
  tn_atomic64 *word = &channel->control->writer.term;
  TN_POINT("leave.writer");
  if (several(channel)) {
    leave_others(channel, word);
    return;
  }
  tn_store_release(word, term_of(tn_load_relaxed(word)) << 16); /* [P3] release: all that was published comes before the end */
  TN_POINT("leave.announced");
  tn_os_unlock(&channel->file, TN_LOCK_WRITER);
}

void tn_writer_known(tn_channel *channel) {
  uint64_t term = term_of(tn_load_acquire(&channel->control->writer.term)); /* [P3] acquire */
  tn_store_relaxed(&channel->watch.known, term); /* relaxed, all of watch: one thread writes; the poll thread may see it late */
}

/* Does the writer of this term word live? 1 yes, 0 no, negative on failure, 2 not asked now (the last question was hardly a
 * slice ago). Once dead, always dead: the next writer has another word. */
static int writer_lives(tn_channel *channel, uint64_t seen, int ask) {
  if (tn_load_relaxed(&channel->watch.dead) == seen)
    return 0;
  if (!ask)
    return 2;
  int64_t now = tn_os_now();
  int64_t last = (int64_t)tn_load_relaxed(&channel->watch.asked_ns);
  if (last != 0 && now - last < TN_SLICE_NS * 3 / 4) /* not the whole: some systems end a sleep early, and the answer is due now */
    return 2;
  tn_store_relaxed(&channel->watch.asked_ns, (uint64_t)now);
  /* With several writers the byte is held shared, which only an EXCLUSIVE question sees. With one it is not asked: where asking
   * means locking for a moment, it would look like a writer to others who ask, and to one who wants to become it. */
  int how = channel->header.flags & TARN_MANY_WRITERS ? TN_OS_EXCLUSIVE : TN_OS_SHARED;
  int held = tn_os_lock_held(&channel->file, TN_LOCK_WRITER, how);
  if (held < 0)
    return tn_channel_fail(channel, held, "it cannot be asked whether its writer lives");
  if (held == 0 && tn_os_still_ours(&channel->file) != 0)
    return tn_channel_evicted(channel);
  if (held == 0)
    tn_store_relaxed(&channel->watch.dead, seen);
  return held;
}

/* Nobody writes. Is there a name by which the next writer could come? Removed by force, by the system at a logout, by anybody who may
 * write the directory: whoever goes on waiting waits for ever. Asked once a slice. 0, or TARN_E_EVICTED with the sentence. */
static int name_lost(tn_channel *channel, int ask) {
  int64_t now = ask ? tn_os_now() : 0, last = (int64_t)tn_load_relaxed(&channel->watch.named_ns);
  if (!ask || now - last < TN_SLICE_NS)
    return 0;
  tn_store_relaxed(&channel->watch.named_ns, (uint64_t)now);
  if (last == 0 || tn_os_leads_here(&channel->file, channel->place.path) != 0)
    return 0; /* at the first question there was no time to lose it; where it cannot be asked nothing is said */
  if (tn_os_lock_held(&channel->file, TN_LOCK_WRITER, TN_OS_EXCLUSIVE) != 0)
    return 0;
  return tn_fail(TARN_E_EVICTED, "%s \"%s\": its name was removed (%s) and nobody writes: no writer can come any more; close this handle "
                 "and open the name again", TN_WHO(channel), channel->place.path);
}

void tn_writer_watch(tn_channel *channel) {
  uint64_t term = term_of(tn_load_acquire(&channel->control->writer.term)); /* [P3] acquire: before the question */
  tn_store_relaxed(&channel->watch.begun, term); /* relaxed: one thread has the handle yet */
  tn_writer_gone(channel, 1);
}

/* TARN_NO_WRITER, and the term that is over; else as tn_writer_gone. In the owner's thread, or in that behind its poll handle. */
static int gone(tn_channel *channel, int ask, uint64_t *ret_term) {
  tn_atomic64 *word = &channel->control->writer.term;
  uint64_t seen = tn_load_acquire(word); /* [P3] acquire: what was published before the end is seen by the look that follows */
  uint64_t term = term_of(seen);
  if (term == 0 || term <= tn_load_relaxed(&channel->watch.told))
    return name_lost(channel, ask);
  if (term > tn_load_relaxed(&channel->watch.begun)) /* it came and perhaps went while this handle looked elsewhere, and others read all */
    tn_store_relaxed(&channel->watch.known, term);
  if ((seen & 0xffff) != 0) {
    int lives = writer_lives(channel, seen, ask);
    if (lives < 0)
      return lives;
    if (lives == 1)
      tn_store_relaxed(&channel->watch.known, term);
    if (lives != 0 || tn_load_acquire(word) != seen) /* [P3] acquire: another has begun meanwhile */
      return 0;
  }
  /* Any term that this handle knew and was not told the end of, not this one alone: the writer it knew may have left and the next one
   * have died before this handle looked. Nobody writes, and it is to learn that. */
  if (tn_load_relaxed(&channel->watch.known) <= tn_load_relaxed(&channel->watch.told))
    return name_lost(channel, ask);
  *ret_term = term;
  return TARN_NO_WRITER;
}

int tn_writer_gone(tn_channel *channel, int ask) { return gone(channel, ask, &channel->watch.over); }

int tn_writer_gone_aside(tn_channel *channel) {
  uint64_t term;
  return gone(channel, 1, &term);
}

/* Of every term up to it: once a departure. Not what is known by now: the thread behind the poll handle may have seen the next writer. */
void tn_writer_told(tn_channel *channel) { tn_store_relaxed(&channel->watch.told, channel->watch.over); }
