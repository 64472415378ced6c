/* wait.c: sleep until a word changes; wake whoever sleeps.
 *
 *   field            who writes                               who reads     invariant
 *   line.seq         wakers (+1), tarn_*_wake (+1)            sleepers      changes between a store that is waited for and its wake
 *   line.sleepers    a sleeper (1), a waker (0)               wakers        1 whenever somebody may be in, or on the way into, a sleep
 *                                                                           that no waker has begun to end
 *   slot.asleep      the slot's owner                         Windows wakers, people
 *   join.mixed       a joiner (1, for ever)                   sleepers
 *
 * The handshake [W1] is store-then-load on both sides. The sleeper announces, fences, looks; the waker stores what is waited for,
 * fences, looks whether anybody is announced. At least one sees the other: either the sleeper finds what it waits for, or the
 * waker finds the announcement. The waker's fence at every publish would cost half the rate, so where the system can (membarrier)
 * the sleeper's fence is one in *every* process that publishes, and the publisher needs only program order. Each side decides for
 * itself and stays right: a process that could not join the barrier fences; a sleeper that cannot issue it sleeps in slices of 1 ms.
 *
 * An announcement that nobody took away stands: a sleeper whose slice is over goes back to sleep without a second fence for everybody.
 * It looks whether seq is what it was before it announced and `sleepers` still 1. Since a waker clears the one before it changes the
 * other, every publisher that looked since the announcement has seen it, or is about to change seq, which the kernel compares. With
 * another seq the 1 may be another sleeper's, whose fence is still to come, and the announcement is made anew.
 *
 * [W2] Between the sleeper's last look and its sleep a waker may come and go: the sleeper read seq before it announced, the waker
 * changes seq after it saw the announcement, so the kernel refuses to sleep on the old value. (Windows: the event stays set.)
 *
 * A waker takes the announcement away (exchange, after a full fence) before it wakes *all*: everybody it concerns is awake or on the
 * way, and who sleeps again announces again. So an announcement never outlives one wake, and a reader that was killed asleep costs
 * the next publish one system call, once. (The alternative, leaving it up until a waker finds nobody to wake, makes every publish a
 * system call from a reader's waking until it runs: about 20 us of them.) A sleeper that announces between the exchange and the
 * wake is not lost: its announcement comes after the waker's store, both with a full fence behind, so its look finds the store.
 *
 * No cleverness is needed for safety. Every sleep is a slice of at most 50 ms, after which the sleeper looks for itself and asks
 * whether the one it waits for lives. What is left if a process dies: between its store and its wake, or between taking the
 * announcement away and waking: a late wake-up, by one slice. Asleep: an announcement (above) and slot.asleep, cleared with the slot.
 */
#include "wait.h"

#include <tarn/base.h>

#include "channel.h"
#include "error.h"
#include "participant.h"

enum { SPIN_FIRST = 20000, SPIN_AFTER_SUCCESS = 50000, SPIN_AFTER_SLEEP = 2000, SPINS_A_CLOCK = 32, ROOM_PAUSES = 32, TURNS_AT_ONCE = 16 };
static const int64_t SHORT_SLICE_NS = 1000000, PLACE_ASKED_NS = 8 * TN_SLICE_NS;

/* What one wait has announced. */
typedef struct announcement {
  uint32_t seq; /* read before it */
  int stands;   /* 1: every publisher would see it, as long as nobody takes it away */
} announcement;

static tn_line *line_of(struct tn_channel *channel, int line) {
  return line == TN_NEWS ? &channel->control->news : &channel->control->room;
}

int tn_waits_begin(struct tn_channel *channel) {
  tn_waits *waits = &channel->waits;
  waits->spin_ns = SPIN_FIRST;
  waits->has_barrier = 0;
  waits->must_fence = 1;
  if (channel->options.spin_ns != TARN_SPIN_ONLY) { /* no barrier is ever used by a handle that never sleeps */
    waits->has_barrier = tn_os_barrier_join();
    waits->must_fence = !waits->has_barrier;
  }
  int result = tn_os_bed_make(&waits->bed, channel->header.identity, channel->slot);
  if (result != 0)
    return tn_channel_fail(channel, result, "cannot prepare to sleep");
  return 0;
}

void tn_waits_end(struct tn_channel *channel) {
  tn_os_bed_unmake(&channel->waits.bed);
  tn_os_wake_forget(&channel->waits.wakers);
}

/* ---- Waking ---------------------------------------------------------------------------------------------------------- */

/* Where a word of shared memory wakes nobody: set the event of each slot that sleeps on this line. */
static void wake_slots(struct tn_channel *channel, int line, void **cache) {
  uint32_t count = tn_slot_count(channel);
  for (uint32_t slot = 0; slot < count; slot++) {
    uint32_t asleep = tn_load_relaxed(&channel->table[slot].asleep); /* relaxed: the fence before it is in wake_all */
    if ((line == TN_NEWS ? asleep & 0xffff : asleep >> 16) != 0)
      tn_os_wake_slot(cache, channel->header.identity, slot);
  }
}

static void wake_all(struct tn_channel *channel, int line, void **cache) {
  tn_line *words = line_of(channel, line);
  tn_fence_full(); /* [W1] full: the store that is waited for, before the announcement is taken away */
  tn_exchange(&words->sleepers, 0); /* [W6] acquire: before the slots are looked at */
  TN_POINT("wake.taken");
  tn_add(&words->seq, 1); /* [W2] before the wake: who read the old one does not fall asleep; [W4] what writers noted is over */
  TN_POINT("wake.seq");
  if (tn_os_capabilities()->shared_futex)
    tn_os_wake(&words->seq, INT32_MAX);
  else
    wake_slots(channel, line, cache);
}

void tn_wake_all(struct tn_channel *channel, int line) { wake_all(channel, line, &channel->waits.wakers); }

/* The announcement stays while there are more sleepers than were woken: the next message is for one of them. When there were fewer, it
 * is taken away, and whoever fell asleep meanwhile is woken to announce again: it read seq before the second change [W2]. */
void tn_wake_few(struct tn_channel *channel, int line, uint32_t count) {
  tn_line *words = line_of(channel, line);
  if (!tn_os_capabilities()->shared_futex) {
    wake_all(channel, line, &channel->waits.wakers);
    return;
  }
  tn_fence_full(); /* [W1] full: the store that is waited for, before the sleepers */
  tn_add(&words->seq, 1); /* [W2] before the wake */
  int most = count < INT32_MAX ? (int)count : INT32_MAX;
  if (tn_os_wake(&words->seq, most) < most)
    wake_all(channel, line, &channel->waits.wakers);
}

void tn_wake_self(struct tn_channel *channel) {
  void *cache = NULL; /* the handle's own belongs to the thread that uses it */
  tn_store_release(&channel->waits.woken, 1); /* [W5] release: what came before the wake, before who is told of it goes on */
  wake_all(channel, TN_NEWS, &cache);
  wake_all(channel, TN_ROOM, &cache);
  tn_os_wake_forget(&cache);
}

int tn_wait_woken(struct tn_channel *channel) {
  return tn_load_relaxed(&channel->waits.woken) != 0 && /* relaxed: the exchange decides */
         tn_exchange(&channel->waits.woken, 0) != 0;    /* [W5] acquire: pairs with the releases in tarn_*_wake */
}

/* ---- Sleeping -------------------------------------------------------------------------------------------------------- */

static int64_t slice_of(struct tn_channel *channel, uint32_t asleep_before, int seen_by_all) {
  if (!seen_by_all && tn_os_capabilities()->shared_futex)
    return SHORT_SLICE_NS; /* a publisher that counts on our barrier would not see us */
  if (tn_load_acquire(&channel->control->join.mixed)) /* [W3] acquire: pairs with the release in tn_slot_take */
    return SHORT_SLICE_NS;                            /* a waker of another domain cannot reach us */
  if (asleep_before != 0 && !tn_os_capabilities()->shared_futex)
    return SHORT_SLICE_NS; /* two threads in one bed: an event wakes one of them */
  return TN_SLICE_NS;
}

/* Say that somebody sleeps on this line, so that every publisher that looks afterwards sees it. 1 if it will. */
static int announce(struct tn_channel *channel, tn_line *words) {
  tn_store_release(&words->sleepers, 1); /* [W6] release: who finds the announcement finds slot.asleep. Pairs with wake_all's exchange */
  tn_fence_full();                       /* [W1] full: announce, then look. Pairs with the fence in tn_has_sleepers */
  return channel->waits.has_barrier && tn_os_barrier(); /* [W1] and the same in every process that publishes */
}

/* Sleep once, unless look says otherwise after the announcement. */
static int sleep_once(struct tn_channel *channel, const tn_wish *wish, announcement *mine, int64_t left_ns) {
  tn_line *words = line_of(channel, wish->line);
  tn_slot *slot = &channel->table[channel->slot];
  uint32_t one = wish->line == TN_NEWS ? 1 : 1u << 16;
  uint32_t seq = tn_load_acquire(&words->seq); /* [W2] acquire: before the announcement, or before looking whether it stands */
  uint32_t asleep_before = tn_add(&slot->asleep, one); /* [W6] before the announcement */
  if (!mine->stands || mine->seq != seq || tn_load_acquire(&words->sleepers) != 1) /* [W1] acquire: it stands, then look */
    *mine = (announcement){seq, announce(channel, words)};
  TN_POINT("sleep.announced");
  int result = wish->look(wish->argument);
  if (result == 0 && tn_load_relaxed(&channel->waits.woken) == 0) { /* relaxed: [W2] orders it, tn_wait_woken decides */
    int64_t slice = slice_of(channel, asleep_before, mine->stands);
    tn_store_relaxed(&slot->waits, tn_load_relaxed(&slot->waits) + 1); /* relaxed, both: a statistic */
    result = tn_os_sleep(&channel->waits.bed, &words->seq, seq, left_ns < slice ? left_ns : slice);
    if (result == TARN_TIMED_OUT)
      result = 0; /* the slice, perhaps not the wish */
    TN_POINT("sleep.over");
  }
  tn_add_relaxed(&slot->asleep, 0u - one); /* relaxed: a stale one costs a needless wake */
  return result;
}

/* Look in a tight loop for so long. */
static int spin(struct tn_channel *channel, const tn_wish *wish, int64_t spin_ns, int64_t deadline) {
  int64_t end = tn_os_now() + spin_ns;
  if (end > deadline)
    end = deadline;
  do {
    for (int i = 0; i < SPINS_A_CLOCK; i++) {
      int result = wish->look(wish->argument);
      if (result != 0)
        return result;
      /* A writer looks at the cursors that readers are storing: each look takes the line away from them, and room comes in steps
       * of 1/16 of the ring, so it is not worth more than a look a microsecond. */
      for (int pauses = wish->line == TN_ROOM ? ROOM_PAUSES : 1; pauses != 0; pauses--)
        tn_relax();
    }
    if (tn_load_relaxed(&channel->waits.woken) != 0) /* relaxed: the exchange in tn_wait_woken decides */
      return 0;
  } while (tn_os_now() < end);
  return 0;
}

/* How long to spin now: as asked, or what experience says. */
static int64_t spin_time(struct tn_channel *channel) {
  int64_t asked = channel->options.spin_ns;
  if (asked == TARN_SPIN_ONLY)
    return TN_SLICE_NS;
  if (asked > 0)
    return asked;
  return tn_os_capabilities()->cpus > 1 ? channel->waits.spin_ns : 0;
}

/* For people: since when this participant has waited. A wait that goes on after a timeout, with nothing given or published in between, is
 * the same one: who waits in pieces has waited since the first. The clock is
 * read once a wait, when it comes to sleeping, which costs a thousand times as much. */
static void note_wait(struct tn_channel *channel, const tn_wish *wish) {
  tn_slot *slot = &channel->table[channel->slot];
  if (wish->aside || (channel->waits.noted && channel->waits.noted_progress == wish->progress))
    return;
  channel->waits.noted = 1;
  channel->waits.noted_progress = wish->progress;
  uint32_t since_ms = (uint32_t)(tn_os_unix_time() / 1000000);
  tn_store_relaxed(&slot->since_ms, since_ms != 0 ? since_ms : 1); /* relaxed: a statistic */
}

/* One round: spin if it is time to, ask, sleep. 0: nothing yet. */
static int wait_round(struct tn_channel *channel, const tn_wish *wish, announcement *mine, int spinning, int64_t deadline) {
  int result = 0;
  if (spinning) {
    result = spin(channel, wish, spin_time(channel), deadline);
    if (result != 0) {
      channel->waits.spin_ns = SPIN_AFTER_SUCCESS;
      return result;
    }
  }
  if (wish->ask != NULL)
    result = wish->ask(wish->argument);
  int64_t now = tn_os_now();
  if (result != 0 || now >= deadline || channel->options.spin_ns == TARN_SPIN_ONLY)
    return result;
  if (spinning)
    channel->waits.spin_ns = SPIN_AFTER_SLEEP;
  note_wait(channel, wish);
  return sleep_once(channel, wish, mine, deadline - now);
}

static int woken(struct tn_channel *channel, const tn_wish *wish) {
  return wish->aside ? tn_load_acquire(&channel->waits.woken) != 0 : tn_wait_woken(channel); /* [W5] acquire */
}

/* Is our place still ours? The kernel is asked about it a few times a second only: whoever is told of a death asks anyway. */
static int place_lost(struct tn_channel *channel) {
  int64_t now = tn_os_now();
  int due = now - (int64_t)tn_load_relaxed(&channel->watch.placed_ns) >= PLACE_ASKED_NS; /* relaxed, to the end: asked once more at worst */
  if (!due && tn_load_relaxed(&channel->table[channel->slot].generation) == channel->generation)
    return 0;
  tn_store_relaxed(&channel->watch.placed_ns, (uint64_t)now);
  return tn_channel_evicted(channel);
}

/* Observers announce nothing: they look again after 1 ms, then twice that, at most 20 ms. */
static int wait_polling(struct tn_channel *channel, const tn_wish *wish, int64_t deadline) {
  int64_t pause = 1000000;
  for (;;) {
    if (woken(channel, wish))
      return TARN_WOKEN;
    int result = wish->look(wish->argument);
    if (result == 0 && wish->ask != NULL)
      result = wish->ask(wish->argument);
    if (result == 0)
      result = tn_channel_check(channel); /* a file cut short: what it says is not true */
    if (result != 0)
      return result == 1 ? 0 : result;
    int64_t left = deadline - tn_os_now();
    if (left <= 0)
      return woken(channel, wish) ? TARN_WOKEN : TARN_TIMED_OUT;
    tn_os_pause(pause < left ? pause : left);
    pause = pause * 2 < 20000000 ? pause * 2 : 20000000;
  }
}

int tn_turn(tn_turns *turns, int64_t timeout_ns, int64_t *ret_left_ns) {
  *ret_left_ns = timeout_ns;
  if (turns->count++ == 0 || timeout_ns < 0)
    return 0;
  if (timeout_ns == 0)
    return turns->count > TURNS_AT_ONCE ? TARN_EMPTY : 0;
  int64_t now = tn_os_now();
  if (turns->end_ns == 0)
    turns->end_ns = timeout_ns < INT64_MAX - now ? now + timeout_ns : INT64_MAX;
  *ret_left_ns = turns->end_ns - now;
  return *ret_left_ns > 0 ? 0 : TARN_TIMED_OUT;
}

/* Time until a moment that has passed is negative, too: who subtracts does not mean for ever. */
int tn_wait_check(const struct tn_channel *channel, int64_t timeout_ns) {
  if (timeout_ns >= TARN_FOREVER)
    return 0;
  return tn_fail(TARN_E_INVALID, "%s \"%s\": a timeout of %lld ns: it must not be negative, save TARN_FOREVER; give 0 to try once",
                 TN_WHO(channel), (long long)timeout_ns);
}

int tn_wait(struct tn_channel *channel, const tn_wish *wish) {
  int wrong = tn_wait_check(channel, wish->timeout_ns);
  if (wrong != 0)
    return wrong;
  int64_t start = tn_os_now();
  int64_t deadline = wish->timeout_ns < 0 || wish->timeout_ns > INT64_MAX - start ? INT64_MAX : start + wish->timeout_ns;
  if (channel->slot == TN_NO_SLOT)
    return wait_polling(channel, wish, deadline);
  int spinning = wish->spin;
  announcement mine = {0, 0};
  for (;;) {
    if (woken(channel, wish))
      return TARN_WOKEN;
    int result = wait_round(channel, wish, &mine, spinning, deadline);
    if (result == 0)
      result = wish->look(wish->argument);
    if (result == 1)
      return 0;
    if (result != 0)
      return result;
    if (tn_os_now() >= deadline)
      return woken(channel, wish) ? TARN_WOKEN : TARN_TIMED_OUT;
    int evicted = place_lost(channel);
    if (evicted != 0)
      return evicted;
    if (channel->options.spin_ns != TARN_SPIN_ONLY)
      spinning = 0;
  }
}
