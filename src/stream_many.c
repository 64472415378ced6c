/* stream_many.c: claims by several writers: claim, publish, abandon, put, batches. What is as with one writer is argued in stream.c.
 *
 *   field             who writes                            who reads               invariant
 *   record.word       0 -> claim: the owner of the lock     readers, writers        a claim names its writer's slot; it is changed once:
 *                     claim -> message: the claimant        under the lock          to a message, or to a skip
 *                     claim -> skip: the claimant, or who
 *                     holds its slot's lock after its death
 *   label: number     the owner of the lock, with the word; readers                 a record's number is given out with the claim
 *                     the same again, with the tag: the
 *                     claimant, or who clears up
 *   payload, tag...   the claimant                          readers, after word     as with one writer
 *   slot.claim        the claimant, under the lock (set)    who clears up; scans    names the claim until its word is no claim any more;
 *                     and after it (0)                                              nothing at or above it is overwritten
 *   slot.numbers      the same, before claim                who clears up           how many numbers went with the claim
 *   tail, floor       the owner of the lock                 joiners, racers         as with one writer; the tail is the end, or the owner
 *                                                                                   died between its claim and its tail
 *   marks             the owner of the lock                 the next owners         a record's beginning and number, about 1/16 lap apart
 *
 * Claiming. Under the lock (lock.c) there is one writer, who walks on from the tail to the word that is 0 and makes room as the one
 * writer does. Then, in this order: it notes the claim in its slot; stores 0 in the word after the claim; store-releases the claim's word
 * [M1], which makes the chain longer by one store (a claim at the start of the ring: the skip that leads there is that store); moves the
 * tail. Readers stop at a claim: it is not visible. All have one order, that of the claims, and the numbers are given out with them.
 *
 * A run of messages is *one* claim. Its records are written into it as visible ones, all but the first, whose place has the claim's
 * word; changing that word into the first message publishes the run, whole, with one exchange [S1]. What a message is shorter than its
 * claim is first made a skip behind it.
 *
 * Publishing is a compare-and-swap from the exact claim: if it fails, somebody took this process for dead, which it is to be told
 * (TARN_E_EVICTED). It needs no lock: nobody else writes between a claim's word and its end. A claim that is given up becomes a
 * skip, its numbers with it: numbers behind it were given out already. So with many writers a number may be left out where a writer
 * died or abandoned; nothing was missed then.
 *
 * Clearing up after a dead writer (stream_repair.c) needs no lock either, but the dead one's slot lock. It must find the claim, and no
 * bytes that look like one: slot.claim counts as a reader's cursor does, so what it names is not overwritten while it is set, and it is
 * cleared after the word is no claim any more.
 *
 * Floor and limit are as with one writer (stream_floor.c), by whoever owns the lock. The boundaries that the one writer keeps in
 * private are collected from the marks; each mark is checked against its record. A limit that is known may be old: what is claimed is
 * claimed, so the limit is at least the end.
 *
 * Short of room a writer drops the lock and waits outside; then everything begins again. Several that wait have one word for what they need:
 * the smallest need, noted under the lock, with the `seq` of the moment [W4]. It holds until anybody is woken: a waker changes seq, each
 * that waits sees that it is not the seq it noted under, whether it slept or not, and comes to note its need again, the first of them in
 * place of what was there. So what stands never is too large for anybody: it is replaced by a larger need only when seq has changed (all
 * others are on their way) or when it is over. Too small it can be, when its owner has got room elsewhere, given up or died: then the next
 * cursor that passes it costs a needless wake, and it is gone. A queue's reader wakes for exactly that message, which may be done already
 * without a wake (nobody was announced yet): so who notes looks whether it is, and who waits looks for *it*, not for its own. One that is
 * done, even below the head, is waited for as long as an intent names it. All that is below a larger need is needed there, too: nobody
 * waits for less than the smallest.
 *
 * What is left if a process dies:
 *   owning the lock, before the claim's word   slot.claim names bytes beyond the chain; nothing is claimed. Who takes the lock over
 *                                              clears the slot first, so nobody claims there while it is set
 *   after the word, before the tail            a claim; the next owner walks over it (a skip by then) from the old tail, and stores the
 *                                              tail before it does anything else: were the floor to pass the stored tail, or the
 *                                              word at the old tail to become 0 a lap later, nobody would find the end again
 *   while storing tail, floor, mark            the old pair; a mark whose position is 0: the floor stops one mark earlier
 *   after the lock is dropped                  a claim, and slot.claim: who is held up asks, and makes it a skip
 *   after the exchange, before slot.claim = 0  a message; slot.claim keeps room until somebody wants it, asks, and clears the slot
 * A stopped writer is alive: its claim stays, readers wait for it, and `tarn stat` shows it. Stopped while it owns the lock, it keeps
 * other writers from claiming; they wait as long as their timeout says.
 */
#include <string.h>

#include "error.h"
#include "lock.h"
#include "participant.h"
#include "stream_inside.h"

enum { ASK_AGAIN_NS = 1000000, LOCK_PATIENCE_NS = 20000000 };

static tn_slot *own_slot(const tarn_stream *stream) { return &stream->channel.table[stream->channel.slot]; }

static int cannot_be(const tarn_stream *stream, const char *what, uint64_t position) {
  return tn_fail(TARN_E_CORRUPT, "%s \"%s\": %s at position %llu cannot be", TN_WHO(&stream->channel), what,
                 (unsigned long long)position);
}

/* ---- The end: the lock is held ------------------------------------------------------------------------------------------- */

/* From the tail over what is there already: a claimant died before it moved the tail, and its claim is a skip now. */
static int walk_on(tarn_stream *stream, tn_boundary *place) {
  for (;;) {
    tn_sight sight;
    int seen = tn_stream_see(stream, place->position, &sight);
    if (seen == 0 && sight.word == 0) return 0;
    if (seen != 1 || place->position + sight.extent - stream->floor > stream->ring_bytes ||
        tn_record_number(tn_stream_record(stream, place->position)) != (uint32_t)place->number)
      return cannot_be(stream, "the record", place->position);
    place->position += sight.extent;
    place->number += sight.message ? 1 : sight.numbers;
  }
}

static int find_end(tarn_stream *stream) {
  tn_boundary floor = tn_latch_load(&stream->channel.control->kind.stream.floor);
  tn_boundary tail = tn_latch_load(&stream->channel.control->kind.stream.tail);
  if (floor.position % TN_UNIT != 0 || floor.number == 0) return cannot_be(stream, "the floor", floor.position);
  if (tail.position % TN_UNIT != 0 || tail.position - floor.position > stream->ring_bytes || tail.number < floor.number)
    return cannot_be(stream, "the tail", tail.position);
  stream->floor = floor.position;
  uint64_t stored = tail.position;
  int result = walk_on(stream, &tail);
  if (result != 0) return result;
  if (tail.position != stored) {
    tn_latch_store(&stream->channel.control->kind.stream.tail, tail.position, tail.number); /* before the floor moves: above */
    TN_POINT("many.claim.walked");
  }
  tn_store_relaxed(&stream->position, tail.position); /* relaxed: own */
  stream->number = tail.number;
  if ((int64_t)(stream->limit - tail.position) < 0) stream->limit = tail.position;
  stream->boundaries[0] = floor;
  stream->first = 0;
  stream->count = 1;
  return 0;
}

int tn_many_join(tarn_stream *stream) {
  tn_boundary tail = tn_latch_load(&stream->channel.control->kind.stream.tail);
  stream->limit = tail.position; /* of nothing more it is known that it may be written */
  tn_store_relaxed(&stream->position, tail.position); /* relaxed: own */
  stream->number = tail.number;
  if (tail.position % TN_UNIT != 0 || tail.number == 0) return cannot_be(stream, "the tail", tail.position);
  TN_POINT("many.join.done");
  return 0;
}

/* ---- Room: the lock is held ---------------------------------------------------------------------------------------------- */

static uint64_t step_of(const tarn_stream *stream, uint64_t position) { return position / (stream->ring_bytes / TN_STEPS); }

/* The boundaries between floor and end that writers remember together. */
static void collect_marks(tarn_stream *stream) {
  tn_boundary last = stream->boundaries[stream->first]; /* the floor */
  stream->boundaries[stream->first = 0] = last;
  uint64_t end = tn_stream_position(stream);
  for (uint64_t step = step_of(stream, last.position); step <= step_of(stream, end); step++) {
    /* relaxed, both: [L1]. What a dead owner left half stored has position 0 [M4] */
    uint64_t word = tn_load_relaxed(&stream->channel.control->kind.stream.marks[step % TN_MARKS].position);
    uint64_t number = tn_load_relaxed(&stream->channel.control->kind.stream.marks[step % TN_MARKS].number);
    tn_boundary mark = {word - 1, number};
    if (word % TN_UNIT != 1 || step_of(stream, mark.position) != step || mark.position == last.position) continue;
    if (mark.position - last.position > end - last.position || number < last.number || number > stream->number) continue;
    if (mark.position != end && tn_record_number(tn_stream_record(stream, mark.position)) != (uint32_t)number) continue;
    stream->boundaries[stream->count++ % TN_BOUNDARIES] = last = mark;
    if (stream->count == TN_BOUNDARIES - 1) return; /* cannot be: they are 1/16 lap apart, and the floor at most a lap away */
  }
}

/* 1 bytes below end may be written, 0 not yet, negative. */
static int raise_limit(tarn_stream *stream, uint64_t end) {
  if ((int64_t)(stream->limit - end) >= 0) return 1;
  if (stream->queue) return tn_queue_raise_limit(stream, end);
  tn_stream_limit_from_floor(stream); /* another may have moved it */
  if ((int64_t)(stream->limit - end) >= 0) return 1;
  if (stream->count == 1) collect_marks(stream);
  return tn_stream_raise_limit(stream, end);
}

/* After a claim: the end has moved from `from` to where it is now. */
static void remember(tarn_stream *stream, uint64_t from) {
  uint64_t position = tn_stream_position(stream), step = step_of(stream, position);
  tn_latch_store(&stream->channel.control->kind.stream.tail, position, stream->number);
  TN_POINT("many.claim.tail");
  if (step == step_of(stream, from) || stream->queue) return;
  tn_atomic64 *word = &stream->channel.control->kind.stream.marks[step % TN_MARKS].position;
  tn_store_relaxed(word, 0); /* relaxed, both: the owner of the lock reads them; in this order, should this process die */
  tn_store_relaxed(&stream->channel.control->kind.stream.marks[step % TN_MARKS].number, stream->number);
  tn_store_release(word, position | 1); /* [M4] release: the number before it, should this process die. Pairs with collect_marks */
}

/* ---- Claiming ------------------------------------------------------------------------------------------------------------- */

/* What is to be claimed: room for so many messages, and where. */
typedef struct run {
  const tarn_piece *messages;
  uint32_t count; /* how many are wanted; then how many fit */
  uint64_t at, end;
} run;

/* As many as fit between the run's place and the limit, the ring's end, and a quarter of the ring; the first in any case. */
static void fit(const tarn_stream *stream, run *run, uint64_t limit) {
  uint64_t extent = tn_record_extent(stream->header_bytes, run->messages[0].size_bytes), position = tn_stream_position(stream);
  uint64_t left = stream->ring_bytes - (position & stream->mask), most = stream->ring_bytes / 4;
  run->at = extent <= left ? position : position + left;
  left = stream->ring_bytes - (run->at & stream->mask);
  if (most > left) most = left;
  if ((int64_t)(limit - run->at - TN_UNIT) < (int64_t)most) most = limit - run->at - TN_UNIT;
  uint32_t fitting = 1;
  for (; fitting < run->count; fitting++) {
    uint64_t next = extent + tn_record_extent(stream->header_bytes, run->messages[fitting].size_bytes);
    if ((int64_t)(most - next) < 0) break;
    extent = next;
  }
  run->count = fitting;
  run->end = run->at + extent;
}

/* Room for as much of the run as can be had: 1, 0 not even for the first, negative. */
static int make_room(tarn_stream *stream, run *wanted) {
  run whole = *wanted, first = *wanted;
  first.count = 1;
  fit(stream, &first, stream->limit);
  wanted->at = first.at;
  wanted->end = first.end;
  int result = raise_limit(stream, first.end + TN_UNIT);
  if (result != 1 || whole.count == 1) return result;
  fit(stream, &whole, first.at + stream->ring_bytes);
  result = raise_limit(stream, whole.end + TN_UNIT);
  if (result < 0) return result;
  if (result == 0) {
    whole.count = wanted->count;
    fit(stream, &whole, stream->limit);
  }
  *wanted = whole;
  return 1;
}

/* Make the chain longer by one claim. */
static void store_claim(tarn_stream *stream, const run *run) {
  tn_slot *slot = own_slot(stream);
  uint64_t from = tn_stream_position(stream), extent = run->end - run->at;
  tn_record *record = tn_stream_record(stream, run->at);
  stream->claim_at = run->at;
  stream->claim_number = stream->number;
  stream->claim_numbers = run->count;
  stream->claim_word = tn_record_claim(stream->channel.slot, extent - stream->header_bytes);
  TN_POINT("many.claim.room");
  tn_store_relaxed(&slot->stream.numbers, run->count); /* relaxed: [M2] is next */
  tn_store_release(&slot->stream.claim, run->at | 1);  /* [M2] release: the numbers first. Pairs with the acquire in stream_repair.c */
  TN_POINT("many.claim.noted");
  tn_store_relaxed(&record->label, tn_record_label(stream->number, 0)); /* relaxed, both: [M1] comes after them */
  tn_store_relaxed(&tn_stream_record(stream, run->end)->word, 0);
  TN_POINT("many.claim.ended");
  tn_store_release(&record->word, stream->claim_word); /* [M1] release: the 0 behind it before the claim. Pairs with [S1] */
  if (run->at != from) {
    tn_record *skip = tn_stream_record(stream, from);
    tn_store_relaxed(&skip->label, tn_record_label(stream->number, 0)); /* relaxed: [M1] */
    TN_POINT("many.claim.wrapped");
    tn_store_release(&skip->word, tn_record_word(TN_SKIP, run->at - from - TN_UNIT)); /* [M1] release: the claim before the way to it */
  }
  TN_POINT("many.claim.word");
  tn_store_relaxed(&stream->position, run->end); /* relaxed: own */
  stream->number += run->count;
  remember(stream, from);
}

/* ---- Waiting for room: the lock is not held -------------------------------------------------------------------------------- */

typedef struct room_wish {
  tarn_stream *stream;
  uint64_t end, need;
  uint32_t seq; /* what it was when `need` was noted */
  int waits;    /* 0: TARN_FULL is said at once */
} room_wish;

static int look(void *argument) {
  room_wish *wish = argument;
  if (tn_load_relaxed(&wish->stream->channel.control->room.seq) != wish->seq) return 1; /* [W4] relaxed: sleep_once acquires it first */
  return wish->stream->queue ? tn_queue_may_fit(wish->stream, wish->end, wish->need)
                             : tn_stream_may_fit(wish->stream, wish->end);
}

static int ask(void *argument) {
  room_wish *wish = argument;
  int result = wish->stream->queue ? tn_queue_reap(wish->stream) : tn_stream_reap(wish->stream, wish->end);
  if (result == 0 && wish->stream->queue) result = tn_queue_deny_taken(wish->stream, wish->need);
  return result != 0 ? result : look(wish);
}

static int full(tarn_stream *stream) {
  tn_slot *slot = own_slot(stream);
  tn_store_relaxed(&slot->missed, tn_load_relaxed(&slot->missed) + 1); /* relaxed, both: a statistic */
  return TARN_FULL;
}

/* As with one writer: the kernel is asked about the same readers at most once a millisecond. */
static int may_ask(tarn_stream *stream) {
  int64_t now = tn_os_now();
  if (stream->asked_ns != 0 && now - stream->asked_ns < ASK_AGAIN_NS) return 0;
  stream->asked_ns = now;
  return 1;
}

/* 0 there may be room now: try again; an outcome, or a failure. */
static int wait_for_room(tarn_stream *stream, room_wish *room, int64_t left_ns, int *asked) {
  if (!room->waits) {
    if (*asked || !may_ask(stream)) return full(stream);
    *asked = 1;
    int result = ask(room);
    return result < 0 ? result : result == 1 ? 0 : full(stream);
  }
  const tn_wish wish = {TN_ROOM, left_ns, 1, 0, look, ask, room, tn_channel_items(&stream->channel)};
  return tn_wait(&stream->channel, &wish);
}

/* What another noted that waits: does it wait still? */
static int stands(const tarn_stream *stream, uint64_t need) {
  if (stream->queue) return tn_queue_is_awaited(stream, need);
  return need - stream->floor <= tn_stream_position(stream) - stream->floor;
}

/* The lock is held: before this writer waits outside. */
static void note_need(tarn_stream *stream, room_wish *room) {
  tn_line *line = &stream->channel.control->room;
  room->seq = tn_load_acquire(&line->seq); /* [W4] acquire: before the need. Pairs with the wakers' tn_add in wake_all */
  if (!room->waits) return;
  uint64_t noted = tn_load_relaxed(&line->need); /* relaxed, all: only owners of the lock write them, and readers see them after the
      announcement, which follows, with a fence. In this order, should this process die */
  if (tn_load_relaxed(&line->need_seq) == room->seq && (int64_t)(noted - room->need) < 0 && stands(stream, noted)) room->need = noted;
  tn_store_relaxed(&line->need, room->need);
  TN_POINT("many.need.noted");
  tn_store_relaxed(&line->need_seq, room->seq);
}

/* The lock is held. 1 claimed, 0 no room, negative. */
static int try_claim(tarn_stream *stream, run *run, room_wish *room) {
  int result = find_end(stream);
  if (result == 0) result = make_room(stream, run);
  if (result == 1) store_claim(stream, run);
  if (result != 0) return result;
  room->end = run->end + TN_UNIT;
  room->need = stream->queue ? tn_queue_need(stream, room->end) : tn_stream_need(stream, room->end);
  note_need(stream, room);
  return 0;
}

static int64_t left_of(int64_t timeout_ns, int64_t start_ns) {
  if (timeout_ns <= 0) return timeout_ns < 0 ? TARN_FOREVER : 0;
  int64_t left = timeout_ns - (tn_os_now() - start_ns);
  return left > 0 ? left : 0;
}

/* Claim room for as many of the messages as there is room for at once: at least one; sets claim_at and what belongs to it. */
static int claim_run(tarn_stream *stream, const tarn_piece *messages, uint32_t count, int64_t timeout_ns) {
  if (stream->claimed) return TARN_BUSY;
  int64_t start_ns = timeout_ns > 0 ? tn_os_now() : 0, left_ns = timeout_ns;
  room_wish room = {stream, 0, 0, 0, stream->channel.header.policy == TARN_WAIT && timeout_ns != 0};
  for (int asked = 0;;) {
    /* Who owns the lock has it for less than a microsecond; but it may not be let run, or be stopped. */
    int result = tn_lock_take_in(&stream->channel, left_ns >= 0 && left_ns < LOCK_PATIENCE_NS ? LOCK_PATIENCE_NS : left_ns);
    if (result == TARN_TIMED_OUT && timeout_ns == 0) return TARN_FULL;
    if (result != 0) return result;
    TN_POINT("many.claim.locked");
    run run = {messages, count, 0, 0};
    result = try_claim(stream, &run, &room);
    tn_lock_drop(&stream->channel);
    if (result != 0) return result == 1 ? 0 : result;
    result = wait_for_room(stream, &room, left_ns, &asked);
    if (result != 0) return result;
    if (timeout_ns > 0 && (left_ns = left_of(timeout_ns, start_ns)) == 0) return TARN_TIMED_OUT;
  }
}

/* ---- Publishing ------------------------------------------------------------------------------------------------------------ */

static void describe(tarn_stream *stream, tn_record *record, uint64_t number, uint32_t tag, int64_t time_ns) {
  tn_store_relaxed(&record->label, tn_record_label(number, tag)); /* relaxed, all: [S1] comes after them */
  if (stream->header_bytes == TN_UNIT) return;
  int times = (stream->channel.header.flags & TARN_TIMES) != 0;
  tn_store_relaxed(&record->time_ns, !times ? 0 : (uint64_t)(time_ns != 0 ? time_ns : tn_os_unix_time()));
  tn_store_relaxed(&record->deliveries, 0);
}

/* Room that is left over between a message's end and the end of the claim. Not visible yet: the claim's word leads to it. */
static void leave_over(tarn_stream *stream, uint64_t from, uint64_t to) {
  if (from == to) return;
  tn_record *skip = tn_stream_record(stream, from);
  tn_store_relaxed(&skip->label, tn_record_label(stream->claim_number + stream->claim_numbers, 0)); /* relaxed, both: [S1] comes after them */
  tn_store_relaxed(&skip->word, tn_record_word(TN_SKIP, to - from - TN_UNIT));
}

/* Change the claim's word into what it is to be, and forget the claim. */
static int settle(tarn_stream *stream, uint64_t word) {
  uint64_t expected = stream->claim_word;
  stream->claimed = 0;
  if (!tn_cas(&tn_stream_record(stream, stream->claim_at)->word, &expected, word)) /* [S1] release: the record before its word */
    return tn_fail(TARN_E_EVICTED,
                   "%s \"%s\": this writer was taken for dead and its claim made a skip (was Tarn's descriptor closed?); "
                   "close this handle and open it again",
                   TN_WHO(&stream->channel));
  TN_POINT("many.publish.word");
  tn_store_release(&own_slot(stream)->stream.claim, 0); /* [M3] release: its last store there. Pairs with the acquire in scans */
  TN_POINT("many.publish.cleared");
  return 0;
}

/* Wake a reader for each message in a queue, else all; and writers, if this claim was in their way. */
static void tell(tarn_stream *stream, uint32_t messages) {
  if (stream->queue)
    tn_wake_some(&stream->channel, TN_NEWS, messages);
  else
    tn_wake(&stream->channel, TN_NEWS);
  tn_wake(&stream->channel, TN_ROOM);
  TN_POINT("many.publish.woken");
}

static void count(tarn_stream *stream, uint64_t messages, uint64_t bytes) {
  tn_slot *slot = own_slot(stream);
  tn_store_relaxed(&slot->items, tn_load_relaxed(&slot->items) + messages); /* relaxed, all: statistics */
  tn_store_relaxed(&slot->bytes, tn_load_relaxed(&slot->bytes) + bytes);
  tn_store_relaxed(&slot->next, stream->claim_number + messages);
}

static unsigned char *room_of(const tarn_stream *stream) {
  return stream->ring + (stream->claim_at & stream->mask) + stream->header_bytes;
}

static int publish(tarn_stream *stream, uint64_t size_bytes, uint32_t tag, int64_t time_ns) {
  uint64_t claimed = tn_record_extent(stream->header_bytes, tn_record_length(stream->claim_word));
  uint64_t used = tn_record_extent(stream->header_bytes, size_bytes);
  describe(stream, tn_stream_record(stream, stream->claim_at), stream->claim_number, tag, time_ns);
  leave_over(stream, stream->claim_at + used, stream->claim_at + claimed);
  TN_POINT("many.publish.filled");
  int result = settle(stream, tn_record_word(TN_MESSAGE, size_bytes));
  if (result != 0) return result;
  count(stream, 1, size_bytes);
  tell(stream, 1);
  return 0;
}

/* ---- The calls ---------------------------------------------------------------------------------------------------------- */

int tn_many_claim(tarn_stream *stream, uint64_t size_bytes, void **ret_room, int64_t timeout_ns) {
  if (size_bytes > stream->longest) return tn_stream_too_large(stream, size_bytes);
  const tarn_piece one = {NULL, size_bytes, 0};
  int result = claim_run(stream, &one, 1, timeout_ns);
  if (result != 0) return result;
  stream->claimed = 1;
  stream->claim_bytes = size_bytes;
  TN_POINT("many.claim.done");
  *ret_room = room_of(stream);
  return 0;
}

int tn_many_publish(tarn_stream *stream, uint64_t size_bytes, const tarn_about *about) {
  return publish(stream, size_bytes, about != NULL ? (uint32_t)about->tag : 0, about != NULL ? about->time_ns : 0);
}

/* The numbers go with it: those behind it were given out already. */
int tn_many_abandon(tarn_stream *stream) {
  uint64_t extent = tn_record_extent(stream->header_bytes, tn_record_length(stream->claim_word));
  tn_store_relaxed(&tn_stream_record(stream, stream->claim_at)->label,
                   tn_record_label(stream->claim_number, (uint32_t)stream->claim_numbers)); /* relaxed: [S1] comes after it */
  TN_POINT("many.abandon");
  int result = settle(stream, tn_record_word(TN_SKIP, extent - TN_UNIT));
  if (result == 0) tell(stream, 1);
  return result;
}

int tn_many_put(tarn_stream *stream, const tarn_piece *pieces, uint32_t count, uint64_t bytes, const tarn_about *about,
                int64_t timeout_ns) {
  if (bytes > stream->longest) return tn_stream_too_large(stream, bytes);
  const tarn_piece whole = {NULL, bytes, 0};
  int result = claim_run(stream, &whole, 1, timeout_ns);
  if (result != 0) return result;
  unsigned char *to = room_of(stream);
  for (uint32_t i = 0; i < count; i++) {
    if (pieces[i].size_bytes != 0) memcpy(to, pieces[i].data, (size_t)pieces[i].size_bytes);
    to += pieces[i].size_bytes;
  }
  return tn_many_publish(stream, bytes, about);
}

int tn_many_put_batch(tarn_stream *stream, const tarn_piece *messages, uint32_t wanted, uint32_t *ret_count, int64_t timeout_ns) {
  int result = claim_run(stream, messages, wanted, timeout_ns);
  if (result != 0) return result;
  uint64_t position = stream->claim_at, bytes = 0;
  uint32_t fitting = (uint32_t)stream->claim_numbers;
  for (uint32_t i = 0; i < fitting; i++) {
    tn_record *record = tn_stream_record(stream, position);
    if (messages[i].size_bytes != 0)
      memcpy((unsigned char *)record + stream->header_bytes, messages[i].data, (size_t)messages[i].size_bytes);
    describe(stream, record, stream->claim_number + i, (uint32_t)messages[i].tag, 0);
    if (i != 0) tn_store_relaxed(&record->word, tn_record_word(TN_MESSAGE, messages[i].size_bytes)); /* relaxed: the claim's word leads to it */
    position += tn_record_extent(stream->header_bytes, messages[i].size_bytes);
    bytes += messages[i].size_bytes;
    TN_POINT("many.batch.record");
  }
  result = settle(stream, tn_record_word(TN_MESSAGE, messages[0].size_bytes));
  if (result != 0) return result;
  count(stream, fitting, bytes);
  tell(stream, fitting);
  *ret_count = fitting;
  return 0;
}

/* ---- For readers: held up by a claim ------------------------------------------------------------------------------------- */

int tn_many_claimed(const tarn_stream *stream) {
  return tn_record_is_claim(tn_load_relaxed(&tn_stream_record(stream, tn_stream_position(stream))->word)); /* relaxed: a guess */
}

/* Whose claim it is, if it is one that can be; TN_NO_SLOT if not. */
static uint32_t claimant(const tarn_stream *stream, uint64_t word) {
  uint64_t room = stream->ring_bytes - (tn_stream_position(stream) & stream->mask);
  uint32_t holder = tn_record_holder(word);
  int fits = tn_record_length(word) <= stream->longest && tn_record_extent(stream->header_bytes, tn_record_length(word)) <= room;
  return fits && holder != 0 && holder <= stream->channel.header.slots && holder - 1 != stream->channel.slot ? holder - 1 : TN_NO_SLOT;
}

static uint64_t load_word(const tarn_stream *stream) {
  return tn_load_acquire(&tn_stream_record(stream, tn_stream_position(stream))->word); /* [M1] [S1] acquire */
}

/* Was the word that was seen there one at all? A racer, and a queue's reader, may have been overtaken before they looked. */
static int is_behind(const tarn_stream *stream) {
  tn_fence_acquire(); /* [S4] the look at the word before the look at the floor */
  return (stream->racing || stream->queue) && (int64_t)(tn_latch_load(&stream->channel.control->kind.stream.floor).position - tn_stream_position(stream)) > 0;
}

/* Does the slot's owner know of the claim that was seen there? Its note came before the word, and goes after the word has changed. */
static int is_noted(const tarn_stream *stream, uint32_t slot, uint64_t word) {
  uint64_t noted = tn_load_acquire(&stream->channel.table[slot].stream.claim); /* [M2] [M3] acquire: before the second look */
  return noted == (tn_stream_position(stream) | 1) || load_word(stream) != word;
}

int tn_many_claimant_dead(const tarn_stream *stream) {
  uint64_t word = load_word(stream);
  if (!tn_record_is_claim(word)) return 0;
  uint32_t slot = claimant(stream, word);
  return slot == TN_NO_SLOT || tn_slot_alive(&stream->channel, slot) == 0 || !is_noted(stream, slot, word);
}

/* A claim that its writer does not know, or that names nobody who could be one, was written by a scribbler, and would be waited for without
 * an end: where its slot is free the word itself is made a skip, else it is said that it cannot be. */
int tn_many_reap_claim(tarn_stream *stream) {
  uint64_t word = load_word(stream);
  if (!tn_record_is_claim(word)) return 0;
  if (is_behind(stream)) return 0;
  uint32_t slot = claimant(stream, word);
  if (slot == TN_NO_SLOT) return cannot_be(stream, "the claim", tn_stream_position(stream));
  int reaped = tn_slot_reap(&stream->channel, slot);
  if (reaped < 0) return reaped;
  if (load_word(stream) != word) return 1;
  if (reaped == 1) return tn_stream_deny(stream, slot, tn_stream_position(stream), word);
  if (!is_noted(stream, slot, word) && !is_behind(stream))
    return cannot_be(stream, "a claim that its writer does not know", tn_stream_position(stream));
  return 0;
}
