/* stream_queue.c: each message to one reader: take, release, return, and what a queue's readers wait for.
 *
 *   field            who writes                              who reads            invariant
 *   record.word      message -> taken: a reader, by an       readers, writers     taken names the one reader that has it
 *                    exchange; taken -> done: the taker;     under the lock
 *                    taken -> message, again: the taker, or
 *                    who clears up after it
 *   deliveries       the taker                               the next taker       how often it was given to somebody
 *   intents          the slot's owner; who clears up (0)     writers under the    a message that its owner has, or is about to take: nothing
 *                                                            lock; who clears up  at or above it is overwritten
 *   head (the floor) the owner of the lock                   readers, clean-up    a record's beginning; below it everything is done;
 *                                                                                 never falls
 *   queue.returned   whoever gives a message back (+ 1)      readers              raised after the message's word, before its intent goes
 *
 * Taking. A reader walks from where it was over records that others have taken or done, to a message. It stores the position as an intent,
 * after a *full fence* [Q2] loads the head, and if the head is above drops the intent and goes there. A writer in need of room moves the head
 * over what is done, after a *full fence* [Q2] reads the intents, and writes only below the smallest of both + ring. Both store, fence, load:
 * at least one sees the other. So when the reader now changes the word, by an exchange from the message it saw to "taken by this slot" [Q1],
 * there are no other bytes there than that record: a taker that was stopped before its exchange for a lap would else take payload
 * for a word. The exchange decides between two readers. While it walks nothing protects it: it looks at the word, then at the head [S4], as
 * racers do.
 *
 * The intent stays until the message is released, returned, or given up after the taker's death: the word changes first, then the intent goes
 * [Q3]. So clean-up finds by the intents all that a dead reader had, and a word that is taken has its intent.
 *
 * Redelivery. A message that comes back is "again", may lie behind where others are by now, and is found by the counter `returned`: a reader
 * that sees another value than when it last began at the head begins there once more [Q4]. Idle readers ask the kernel about other readers
 * that have messages, once a slice; busy ones once a slice, too, between two messages; and so does a writer without room.
 *
 * Order: as claimed. A reader never passes a claim: what is behind it waits for it, as in every stream.
 *
 * What is left if a process dies:
 *   before the exchange           an intent, nothing taken
 *   taken, before it was given    taken, to be given back: again, with the deliveries it had
 *   between release's two stores  done, and an intent that keeps its room until somebody wants it, asks, and clears the slot
 *   between return's stores       a message, and the intent: who clears up raises `returned` in any case
 *   while setting aside           a message that was set aside, and is taken: it is set aside again (stream_aside.c)
 * A stopped taker is alive: it keeps its message, and the room behind it, and `tarn stat` shows it.
 */
#include <string.h>

#include "error.h"
#include "participant.h"
#include "stream_inside.h"

enum { EMPTIES_A_QUESTION = 16, BRIEF_LOOKS = 50, POLL_STEPS = 64, TAKES_MAX = 64, QUICK_NS = 1000000 };

static int cannot_be(const tarn_stream *stream, const char *what) {
  return tn_fail(TARN_E_CORRUPT, "%s \"%s\": %s at position %llu cannot be", TN_WHO(&stream->channel), what,
                 (unsigned long long)tn_stream_position(stream));
}

static tn_slot *own_slot(const tarn_stream *stream) { return &stream->channel.table[stream->channel.slot]; }

static tn_boundary load_head(const tarn_stream *stream) { return tn_latch_load(&stream->channel.control->kind.stream.floor); }

static void go_to(tarn_stream *stream, tn_boundary place) {
  tn_store_relaxed(&stream->position, place.position); /* relaxed: this thread's own; the poll thread may see it late */
  stream->number = place.number;
}

int tn_queue_see(const tarn_stream *stream, uint64_t position, tn_sight *ret_sight) {
  uint64_t kind = tn_record_kind(ret_sight->word), length = tn_record_length(ret_sight->word);
  if ((kind != TN_TAKEN && kind != TN_DONE) || length > stream->longest) return -1;
  ret_sight->message = 1;
  ret_sight->extent = tn_record_extent(stream->header_bytes, length);
  return ret_sight->extent <= stream->ring_bytes - (position & stream->mask) ? 1 : -1;
}

int tn_queue_start(tarn_stream *stream) {
  if (stream->channel.options.from != TARN_OLDEST)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": options: from: a queue's readers share what there is, and begin with the oldest",
                   TN_WHO(&stream->channel));
  stream->intents = tn_stream_intents(&stream->channel, stream->channel.slot);
  stream->takes = stream->takes_left = 1;
  tn_store_relaxed(&stream->returned, /* relaxed: own */
                   tn_load_acquire(&stream->channel.control->kind.stream.queue.returned)); /* [Q4] acquire: before the head */
  tn_boundary head = load_head(stream);
  if (head.position % TN_UNIT != 0 || head.number == 0) return cannot_be(stream, "the head");
  go_to(stream, head);
  tn_store_release(&stream->channel.control->join.had_reader, 1); /* [S6] as in every stream */
  TN_POINT("queue.join.done");
  tn_wake(&stream->channel, TN_ROOM);
  return 0;
}

/* ---- The next message ------------------------------------------------------------------------------------------------------ */

/* A reader that has gone beyond what came back begins at the head; one that was overtaken by the head goes there. 1 moved, 0, negative. */
static int overtaken(tarn_stream *stream) {
  tn_boundary head = load_head(stream);
  if ((int64_t)(head.position - tn_stream_position(stream)) <= 0) return 0;
  if (head.position % TN_UNIT != 0 || head.number < stream->number) return cannot_be(stream, "the head");
  go_to(stream, head);
  return 1;
}

static int look_from_head(tarn_stream *stream) {
  uint64_t returned = tn_load_acquire(&stream->channel.control->kind.stream.queue.returned); /* [Q4] acquire: before all words */
  if (returned == tn_load_relaxed(&stream->returned)) return 0; /* relaxed: own */
  tn_boundary head = load_head(stream);
  if (head.position % TN_UNIT != 0 || head.number == 0) return cannot_be(stream, "the head");
  tn_store_relaxed(&stream->returned, returned); /* relaxed: own; the poll thread may see it late */
  go_to(stream, head);
  return 0;
}

/* To the next message that nobody has: 1 it was there a moment ago, 0 none (or the head moves whenever it is looked at), negative. Moves this
 * reader's own place only. */
static int find(tarn_stream *stream, tn_sight *ret_sight) {
  int result = look_from_head(stream), moves = 0;
  uint64_t passed = 0;
  while (result == 0 || result == 1) {
    int seen = tn_stream_see(stream, tn_stream_position(stream), ret_sight);
    uint32_t number = tn_record_number(tn_stream_record(stream, tn_stream_position(stream)));
    tn_fence_acquire(); /* [S4] the looks at the record before the look at the head */
    result = overtaken(stream);
    if (result == 1 && ++moves == TN_MOVES_MAX) return 0;
    if (result == 1) passed = 0;
    if (result != 0) continue;
    if (seen == 0) return 0;
    if (seen < 0 || number != (uint32_t)stream->number) return cannot_be(stream, seen < 0 ? "the record" : "the number of the record");
    if (ret_sight->message && tn_record_kind(ret_sight->word) == TN_MESSAGE) return 1;
    passed += ret_sight->extent;
    if (passed > 2 * stream->ring_bytes) return cannot_be(stream, "a ring without an end");
    tn_store_relaxed(&stream->position, tn_stream_position(stream) + ret_sight->extent); /* relaxed: own */
    stream->number += ret_sight->message ? 1 : ret_sight->numbers;
  }
  return result;
}

/* The record is not this reader's any more: what it waits for may be room, by whoever needs just this one. */
static void clear_intent(tarn_stream *stream, uint32_t index, uint64_t position) {
  tn_channel *channel = &stream->channel;
  tn_store_release(&stream->intents[index], 0); /* [Q3] release: the last look at it. Pairs with the acquire in lowest_kept */
  TN_POINT("queue.release.cleared");
  if (tn_has_sleepers(channel, TN_ROOM) && tn_load_relaxed(&channel->control->room.need) == position) /* relaxed: as in tn_wake_room */
    tn_wake_all(channel, TN_ROOM);
}

/* The message that find saw: 1 it is ours, 0 it is not (look again), negative. */
static int take(tarn_stream *stream, uint32_t index, uint64_t word) {
  uint64_t position = tn_stream_position(stream);
  tn_atomic64 *intent = &stream->intents[index];
  tn_record *record = tn_stream_record(stream, position);
  tn_store_relaxed(intent, position | 1); /* relaxed: the fence is next */
  TN_POINT("queue.take.noted");
  tn_fence_full(); /* [Q2] full: intent, then head. Pairs with the fence between the writer's head and its look at the intents */
  int result = overtaken(stream);
  TN_POINT("queue.take.checked");
  if (result == 0 && tn_cas(&record->word, &word, tn_record_taken(word, stream->channel.slot))) { /* [Q1] acquire: what there is */
    TN_POINT("queue.take.taken");
    return 1;
  }
  clear_intent(stream, index, position); /* it was only looked at; but a writer may have come to wait for just this */
  return result < 0 ? result : 0;
}

/* ---- Giving back ----------------------------------------------------------------------------------------------------------- */

static int not_ours(const tarn_stream *stream) {
  return tn_fail(TARN_E_EVICTED,
                 "%s \"%s\": this reader was taken for dead and its message given to another (was Tarn's descriptor closed?); "
                 "close this handle and open it again",
                 TN_WHO(&stream->channel));
}

/* Change the word of a message that is out, and only then forget it. */
static int change(tarn_stream *stream, uint32_t index, uint64_t position, int again) {
  tn_record *record = tn_stream_record(stream, position);
  uint64_t word = tn_load_relaxed(&record->word); /* relaxed: only its taker writes it */
  if (word != tn_record_taken(word, stream->channel.slot) ||
      tn_load_relaxed(&own_slot(stream)->generation) != stream->channel.generation) /* relaxed: late is soon enough */
    return not_ours(stream);
  uint64_t to = again ? tn_record_word(TN_MESSAGE, TN_AGAIN | tn_record_length(word)) : tn_record_word(TN_DONE, tn_record_length(word));
  if (!tn_cas(&record->word, &word, to)) /* [Q1] [Q3] release: all that was done with it, before it is done, or another's */
    return not_ours(stream);
  if (again) {
    TN_POINT("queue.return.again");
    tn_add(&stream->channel.control->kind.stream.queue.returned, 1); /* [Q4] release: the message before it */
    TN_POINT("queue.return.told");
    tn_wake_some(&stream->channel, TN_NEWS, 1);
  } else {
    TN_POINT("queue.release.done");
  }
  clear_intent(stream, index, position);
  return 0;
}

static void forget(tarn_item *item) { /* enough that nobody uses it again by mistake */
  item->data = NULL;
  item->size_bytes = 0;
  item->token = 0;
}

static int give_up(tarn_stream *stream, tarn_item *item, int again) {
  uint32_t index = item->token - 1;
  if (item->token == 0 || index >= stream->channel.header.hold || !stream->out[index].position ||
      stream->out[index].number != item->number)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": this is no item of this handle, or was released already", TN_WHO(&stream->channel));
  int result = change(stream, index, stream->out[index].position - 1, again);
  stream->out[index].position = 0;
  stream->out_count--;
  tn_store_relaxed(&own_slot(stream)->out, stream->out_count); /* relaxed: a statistic */
  forget(item);
  return result;
}

int tn_queue_release(tarn_stream *stream, tarn_item *items, uint32_t count) {
  int result = 0;
  for (uint32_t i = 0; i < count && result == 0; i++) result = give_up(stream, &items[i], 0);
  return result;
}

int tn_queue_return(tarn_stream *stream, tarn_item *item) { return give_up(stream, item, 1); }

/* ---- Taking ---------------------------------------------------------------------------------------------------------------- */

static void describe(tarn_stream *stream, uint64_t position, uint64_t word, tarn_item *item) {
  tn_record *record = tn_stream_record(stream, position);
  uint32_t deliveries = tn_load_relaxed(&record->deliveries); /* relaxed, all: ordered by [Q1], which made it ours */
  memset(item, 0, sizeof *item);
  item->data = (const unsigned char *)record + stream->header_bytes;
  item->size_bytes = tn_record_length(word);
  item->number = stream->number;
  item->tag = tn_record_tag(record);
  item->time_ns = (int64_t)tn_load_relaxed(&record->time_ns);
  item->type = "";
  item->flags = word & TN_AGAIN ? TARN_AGAIN : 0;
  item->deliveries = deliveries < UINT32_MAX ? deliveries + 1 : deliveries;
}

static void count(tarn_stream *stream, uint64_t bytes) {
  tn_slot *slot = own_slot(stream);
  uint64_t term = tn_load_relaxed(&stream->channel.control->writer.term); /* relaxed: only whether it is another one */
  if (term != stream->term) {
    stream->term = term;
    tn_writer_known(&stream->channel);
  }
  tn_store_relaxed(&slot->items, tn_load_relaxed(&slot->items) + 1); /* relaxed, all: statistics */
  tn_store_relaxed(&slot->bytes, tn_load_relaxed(&slot->bytes) + bytes);
  tn_store_relaxed(&slot->next, stream->number);
}

/* Delivered too often: it goes aside, unless there is no room for it, and is done. 1 it went, 0 it is to be given once more, negative. */
static int set_aside(tarn_stream *stream, uint32_t index, uint64_t position, const tarn_item *item) {
  uint32_t most = stream->channel.header.max_deliveries;
  if (most == 0 || item->deliveries <= most || !tn_queue_set_aside(stream, item)) return 0;
  TN_POINT("queue.aside.put");
  int result = change(stream, index, position, 0);
  return result < 0 ? result : 1;
}

static int too_small(const tarn_stream *stream, uint64_t size_bytes, uint64_t capacity, tarn_item *ret_item) {
  ret_item->size_bytes = size_bytes;
  return tn_fail(TARN_E_TOO_LARGE, "%s \"%s\": message %llu has %llu bytes, the buffer given %llu", TN_WHO(&stream->channel),
                 (unsigned long long)stream->number, (unsigned long long)size_bytes, (unsigned long long)capacity);
}

/* Take the next message for this intent. 1 an item, 0 nothing there (or it is lost to others again and again), negative; one larger than capacity is
 * not taken. */
static int take_next(tarn_stream *stream, uint32_t index, uint64_t capacity, tarn_item *ret_item, uint64_t *ret_position) {
  for (int lost = 0;;) {
    tn_sight sight;
    int result = find(stream, &sight);
    if (result != 1) return result;
    uint64_t position = tn_stream_position(stream), size = tn_record_length(sight.word);
    if (size > capacity) return too_small(stream, size, capacity, ret_item);
    result = take(stream, index, sight.word);
    if (result < 0 || (result == 0 && ++lost == TN_MOVES_MAX)) return result;
    if (result == 0) continue;
    tarn_item item;
    describe(stream, position, sight.word, &item);
    stream->number++;
    tn_store_relaxed(&stream->position, position + sight.extent); /* relaxed: own */
    result = set_aside(stream, index, position, &item);
    if (result < 0) return result;
    if (result == 1) continue;
    tn_store_relaxed(&tn_stream_record(stream, position)->deliveries, item.deliveries); /* relaxed: ordered by [Q1] of who gives it back */
    count(stream, item.size_bytes);
    TN_POINT("queue.take.given");
    *ret_item = item;
    *ret_position = position;
    return 1;
  }
}

/* ---- Asking and waiting ------------------------------------------------------------------------------------------------------ */

/* Are there dead among those that hold something, or is the claimant dead that holds us up? 1 something has changed, 0, negative. */
static int ask_about_others(tarn_stream *stream) {
  stream->asked_takers_ns = tn_os_now();
  int result = tn_many_reap_claim(stream);
  return result != 0 ? result : tn_queue_reap(stream);
}

/* Between two messages: is it time to ask? The clock is read seldom while messages come quickly, each time while they do not. */
static int ask_in_time(tarn_stream *stream) {
  if (--stream->takes_left != 0 && tn_load_relaxed(&stream->ask_now) == 0) return 0; /* relaxed: the exchange decides */
  int64_t since = tn_os_now() - stream->asked_takers_ns;
  if (since > QUICK_NS * (int64_t)stream->takes) stream->takes = since > TN_SLICE_NS ? 1 : stream->takes / 2 + 1;
  else if (stream->takes < TAKES_MAX) stream->takes *= 2;
  stream->takes_left = stream->takes;
  int told = tn_load_relaxed(&stream->ask_now) != 0 && tn_exchange(&stream->ask_now, 0) != 0; /* [T2] */
  if (!told && since < TN_SLICE_NS * 3 / 4) return 0;
  int result = ask_about_others(stream);
  return result < 0 ? result : 0;
}

/* Nothing to take: TARN_NO_WRITER if that is to be said, 1 if there is something after all, else 0. Who holds nothing waits for what
 * others hold: it may come back. Who holds something is told at once: two could wait for each other. */
static int departed(tarn_stream *stream, int ask) {
  tn_sight sight;
  int result = tn_writer_gone(&stream->channel, ask);
  if (result != TARN_NO_WRITER) return result;
  result = find(stream, &sight);
  if (result != 0) return result;
  if (tn_many_claimed(stream) || (stream->out_count == 0 && tn_queue_others_hold(stream))) return 0;
  result = find(stream, &sight); /* once more: whoever held something may have given it back */
  return result != 0 ? result : TARN_NO_WRITER;
}

static int look(void *argument) {
  tn_sight sight;
  int result = find(argument, &sight);
  return result != 0 ? result : departed(argument, 0);
}

/* What keeps room in the own slot, stored again: what a scribbler left there would hold writers up while this reader sleeps. */
static void note_again(tarn_stream *stream) {
  tn_slot *slot = own_slot(stream);
  if (tn_load_relaxed(&slot->generation) != stream->channel.generation) return; /* relaxed: tn_wait asks, too */
  for (uint32_t i = 0; i < TN_INTENTS(stream->channel.header.hold); i++)        /* those that are out; there are no others now */
    tn_store_release(&stream->intents[i], i < stream->channel.header.hold ? stream->out[i].position : 0); /* [Q3] */
  tn_store_release(&slot->stream.claim, 0); /* [M3] */
}

static int ask(void *argument) {
  tn_sight sight;
  note_again(argument);
  int result = ask_about_others(argument);
  if (result == 0) result = find(argument, &sight);
  return result != 0 ? result : departed(argument, 1);
}

static int nothing_now(tarn_stream *stream) {
  int result = ask_in_time(stream);
  if (result == 0) result = departed(stream, stream->empties++ % EMPTIES_A_QUESTION == 0);
  if (result != 0) return result;
  if (tn_wait_woken(&stream->channel)) return TARN_WOKEN;
  return stream->poll != NULL ? tn_poll_quiet(stream->poll, look, stream) : TARN_EMPTY;
}

/* Until there is something to take. 0, or an outcome, or a failure. */
static int wait_for_news(tarn_stream *stream, int64_t timeout_ns, tn_turns *turns) {
  int64_t left_ns;
  int result = tn_turn(turns, timeout_ns, &left_ns);
  if (result == 0 && timeout_ns == 0) {
    result = nothing_now(stream);
    result = result == 1 ? 0 : result;
  } else if (result == 0) {
    tn_sight sight;
    for (int i = 0; i < BRIEF_LOOKS && turns->count == 1; i++) { /* who comes again looks whether it was woken */
      result = find(stream, &sight);
      if (result != 0) return result < 0 ? result : 0;
      tn_relax();
    }
    const tn_wish wish = {TN_NEWS, left_ns, 1, 0, look, ask, stream, tn_channel_items(&stream->channel)};
    result = tn_wait(&stream->channel, &wish);
  }
  if (result != 0 && !tn_channel_is_mine(&stream->channel)) /* lost meanwhile: whatever was seen is not true */
    return tn_channel_check(&stream->channel);
  if (result == TARN_NO_WRITER) tn_writer_told(&stream->channel);
  return result;
}

/* The thread behind the poll handle: changes nothing; what it sees may be old, so a "yes" too many costs the owner one look. */
int tn_queue_poll_look(void *argument) {
  const tarn_stream *stream = argument;
  uint64_t position = tn_stream_position(stream);
  if (tn_load_acquire(&stream->channel.control->kind.stream.queue.returned) != /* [Q4] acquire */
      tn_load_relaxed(&stream->returned)) /* relaxed: the owner's */
    return 1;
  for (int i = 0; i < POLL_STEPS; i++) {
    tn_sight sight;
    int seen = tn_stream_see(stream, position, &sight);
    if (seen == 0) return 0;
    if (seen < 0 || (sight.message && tn_record_kind(sight.word) == TN_MESSAGE)) return 1;
    position += sight.extent;
  }
  return 1;
}

int tn_queue_poll_ask(void *argument) {
  tarn_stream *stream = argument;
  int dead = tn_many_claimant_dead(stream) || tn_queue_some_dead(stream);
  if (!dead) return tn_writer_gone_aside(&stream->channel);
  tn_store_release(&stream->ask_now, 1); /* [T2] release: with the exchange in ask_in_time; before the handle is readable */
  return 1;
}

/* ---- The calls ---------------------------------------------------------------------------------------------------------------- */

/* An intent that is free; there is one. */
static uint32_t free_index(tarn_stream *stream) {
  uint32_t hold = stream->channel.header.hold;
  for (;; stream->taken_next++)
    if (stream->out[stream->taken_next % hold].position == 0) return stream->taken_next % hold;
}

/* In place: 1 an item, 0 nothing there, negative. */
static int read_now(tarn_stream *stream, tarn_item *item) {
  uint32_t index = free_index(stream);
  uint64_t position;
  int result = take_next(stream, index, UINT64_MAX, item, &position);
  if (result != 1) return result;
  stream->out[index].position = position + 1; /* so that 0 is none */
  stream->out[index].number = item->number;
  item->token = index + 1;
  tn_store_relaxed(&own_slot(stream)->out, ++stream->out_count); /* relaxed: a statistic */
  return 1;
}

int tn_queue_read_batch(tarn_stream *stream, tarn_item *items, uint32_t capacity, uint32_t *ret_count, int64_t timeout_ns) {
  uint32_t left = stream->channel.header.hold - stream->out_count, most = capacity < left ? capacity : left, count = 0;
  if (most == 0) return TARN_BUSY;
  int result = ask_in_time(stream);
  if (result != 0) return result;
  for (tn_turns turns = {0, 0};;) {
    while (count < most && (result = read_now(stream, &items[count])) == 1) count++;
    if (count != 0) {
      *ret_count = count; /* a failure behind them comes again at the next call */
      return 0;
    }
    if (result == 0) result = wait_for_news(stream, timeout_ns, &turns);
    if (result != 0) return result;
  }
}

/* The intent for this is the one behind those of the items that are out. */
int tn_queue_get(tarn_stream *stream, void *data, uint64_t capacity, tarn_item *ret_item, int64_t timeout_ns) {
  uint32_t index = stream->channel.header.hold;
  tarn_item item;
  tn_turns turns = {0, 0};
  uint64_t position;
  int result = ask_in_time(stream);
  if (result != 0) return result;
  while ((result = take_next(stream, index, capacity, &item, &position)) != 1) {
    if (result == TARN_E_TOO_LARGE) ret_item->size_bytes = item.size_bytes;
    if (result == 0) result = wait_for_news(stream, timeout_ns, &turns);
    if (result != 0) return result;
  }
  if (item.size_bytes != 0) memcpy(data, item.data, (size_t)item.size_bytes);
  TN_POINT("queue.get.copied");
  if (!tn_channel_is_mine(&stream->channel)) return tn_channel_check(&stream->channel); /* lost under the copy */
  item.data = data;
  result = change(stream, index, position, 0);
  if (result == 0) *ret_item = item;
  return result;
}
