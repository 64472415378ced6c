/* stream_queue_room.c: a queue's room: how its writers move the head, and whom they wait for. Why it is right: stream_queue.c.
 *
 * The head is the floor of a queue: below it everything is done. It moves over records that are done, and skips, one by one, so each is
 * looked at once more; no further than is wanted and a sixteenth of the ring, since the lock is held meanwhile.
 */
#include "error.h"
#include "participant.h"
#include "stream_inside.h"

static int cannot_be(const tarn_stream *stream, uint64_t position) {
  return tn_fail(TARN_E_CORRUPT, "%s \"%s\": the record at position %llu cannot be", TN_WHO(&stream->channel),
                 (unsigned long long)position);
}

static tn_boundary load_head(const tarn_stream *stream) { return tn_latch_load(&stream->channel.control->kind.stream.floor); }

/* ---- Who keeps room ------------------------------------------------------------------------------------------------------ */

/* The smallest position, from low on, that an intent or a claim keeps: 1, or 0 if there is none. */
static int lowest_kept(const tarn_stream *stream, uint64_t low, uint64_t *ret_position) {
  const tn_channel *channel = &stream->channel;
  uint64_t best = UINT64_MAX, span = tn_stream_position(stream) - low;
  uint32_t count = tn_slot_count(channel), row = TN_INTENTS(channel->header.hold); /* [Q2] after the fence: the mark never falls */
  for (uint32_t slot = 0; slot < count; slot++) {
    if (slot == channel->slot || tn_load_acquire(&channel->table[slot].state) == TN_SLOT_FREE) continue; /* [P2] acquire */
    uint64_t word = tn_load_acquire(&channel->table[slot].stream.claim); /* [M3] acquire: its last store comes before our first */
    if (word % TN_UNIT == 1 && word - 1 - low <= span && word - 1 - low < best) best = word - 1 - low;
    const tn_atomic64 *intents = tn_stream_intents(channel, slot);
    for (uint32_t i = 0; i < row; i++) {
      word = tn_load_acquire(&intents[i]); /* [Q3] acquire: its last look comes before our first change */
      if (word % TN_UNIT == 1 && word - 1 - low <= span && word - 1 - low < best) best = word - 1 - low;
    }
  }
  if (best == UINT64_MAX) return 0;
  *ret_position = low + best;
  return 1;
}

static int holds_something(const tarn_stream *stream, uint32_t slot) {
  const tn_channel *channel = &stream->channel;
  const tn_atomic64 *intents = tn_stream_intents(channel, slot);
  if (tn_load_acquire(&channel->table[slot].state) == TN_SLOT_FREE) return 0; /* [P2] acquire */
  if (tn_load_relaxed(&channel->table[slot].stream.claim) != 0) return 1;     /* relaxed, both: a guess; reaping proves */
  for (uint32_t i = 0; i < TN_INTENTS(channel->header.hold); i++)
    if (tn_load_relaxed(&intents[i]) != 0) return 1;
  return 0;
}

int tn_queue_others_hold(const tarn_stream *stream) {
  uint32_t count = tn_slot_count(&stream->channel);
  for (uint32_t slot = 0; slot < count; slot++)
    if (slot != stream->channel.slot && tn_load_relaxed(&stream->channel.table[slot].role) == TARN_READER && /* relaxed: a guess */
        holds_something(stream, slot))
      return 1;
  return 0;
}

int tn_queue_some_dead(const tarn_stream *stream) {
  uint32_t count = tn_slot_count(&stream->channel);
  for (uint32_t slot = 0; slot < count; slot++)
    if (slot != stream->channel.slot && holds_something(stream, slot) && tn_slot_alive(&stream->channel, slot) == 0) return 1;
  return 0;
}

int tn_queue_reap(tarn_stream *stream) {
  uint32_t count = tn_slot_count(&stream->channel);
  int reaped = 0;
  for (uint32_t slot = 0; slot < count; slot++) {
    if (slot == stream->channel.slot || !holds_something(stream, slot)) continue;
    int result = tn_slot_reap(&stream->channel, slot);
    if (result < 0) return result;
    reaped |= result;
  }
  return reaped;
}

static uint64_t load_returned(const tarn_stream *stream) {
  return tn_load_acquire(&stream->channel.control->kind.stream.queue.returned); /* [Q4] acquire: before the words */
}

/* Does the slot's owner know of the message that it is said to have? Its intent came before the word and goes after the word has changed. It
 * may have given the message back in between and taken it again, with the same word: then `returned` was raised. */
static int is_noted(const tarn_stream *stream, uint32_t slot, uint64_t position, uint64_t word, uint64_t returned) {
  const tn_atomic64 *intents = tn_stream_intents(&stream->channel, slot);
  for (uint32_t i = 0; i < TN_INTENTS(stream->channel.header.hold); i++)
    if (tn_load_acquire(&intents[i]) == (position | 1)) return 1; /* [Q3] acquire: before the second looks */
  return tn_load_acquire(&tn_stream_record(stream, position)->word) != word || load_returned(stream) != returned; /* [Q1] acquire */
}

/* A slot in use is said to have taken this, and does not know of it: a dead one is cleared up, of a living one it is said that it cannot be. To make
 * it a message again would need proof that its owner does not have it *now*, which its slot's lock would give, and that is its owner's. */
static int disown(tarn_stream *stream, uint32_t slot, uint64_t position, uint64_t word, uint64_t returned) {
  if (is_noted(stream, slot, position, word, returned)) return 0;
  tn_fence_acquire(); /* [S4] the looks at the word before the look at the head */
  if ((int64_t)(load_head(stream).position - position) > 0) return 0;
  int result = tn_slot_reap(&stream->channel, slot);
  if (result == 0) result = tn_slot_alive(&stream->channel, slot) != 1 ? 0 : cannot_be(stream, position);
  return result;
}

int tn_queue_deny_taken(tarn_stream *stream, uint64_t position) {
  uint64_t returned = load_returned(stream);
  uint64_t word = tn_load_acquire(&tn_stream_record(stream, position)->word); /* [Q1] acquire */
  uint32_t slot = tn_record_holder(word) - 1;
  tn_fence_acquire(); /* [S4] the look at the word before the look at the head */
  if (!(word & TN_VISIBLE) || (int64_t)(load_head(stream).position - position) > 0) return 0;
  if (tn_record_kind(word) == TN_MESSAGE && word & TN_AGAIN) { /* perhaps whoever gave it back died before it could say so */
    tn_add(&stream->channel.control->kind.stream.queue.returned, 1); /* [Q4] release: once too often does no harm */
    tn_wake_some(&stream->channel, TN_NEWS, 1);
    return 0;
  }
  if (tn_record_kind(word) != TN_TAKEN) return 0;
  if (slot >= stream->channel.header.slots) return cannot_be(stream, position);
  if (tn_load_acquire(&stream->channel.table[slot].state) != TN_SLOT_FREE) /* [P2] acquire */
    return disown(stream, slot, position, word, returned);
  return tn_stream_deny(stream, slot, position, word);
}

/* ---- The head ------------------------------------------------------------------------------------------------------------ */

/* Move place over what is done, up to `far`. 0, or a failure. */
static int pass_done(const tarn_stream *stream, tn_boundary *place, uint64_t far) {
  uint64_t end = tn_stream_position(stream);
  while (place->position != end && (int64_t)(place->position - far) < 0) {
    tn_sight sight;
    int seen = tn_stream_see(stream, place->position, &sight); /* [Q3] acquire: its reader's last look comes before our first change */
    if (seen == 0 && sight.word != 0) return 0; /* a claim */
    if (seen != 1 || place->position + sight.extent - stream->floor > stream->ring_bytes ||
        tn_record_number(tn_stream_record(stream, place->position)) != (uint32_t)place->number)
      return cannot_be(stream, place->position);
    if (sight.message && tn_record_kind(sight.word) != TN_DONE) return 0;
    place->position += sight.extent;
    place->number += sight.message ? 1 : sight.numbers;
  }
  return 0;
}

int tn_queue_raise_limit(tarn_stream *stream, uint64_t end) {
  if ((int64_t)(stream->limit - end) >= 0) return 1;
  tn_boundary head = stream->boundaries[0], to = head; /* as find_end loaded it, or as it was moved since */
  int result = pass_done(stream, &to, end - stream->ring_bytes + stream->ring_bytes / TN_STEPS);
  if (result != 0) return result;
  TN_POINT("queue.head.chosen");
  if (to.position != head.position) {
    tn_latch_store(&stream->channel.control->kind.stream.floor, to.position, to.number); /* [Q2] [S4] before the fence */
    stream->boundaries[0] = to;
    stream->floor = to.position;
  }
  TN_POINT("queue.head.stored");
  tn_fence_full(); /* [Q2] full: the head, then the intents. Pairs with the taker's, between its intent and its look at the head */
  uint64_t kept, safe = to.position;
  if (lowest_kept(stream, stream->limit - stream->ring_bytes, &kept) && (int64_t)(safe - kept) > 0) safe = kept;
  if ((int64_t)(safe + stream->ring_bytes - stream->limit) > 0) stream->limit = safe + stream->ring_bytes;
  TN_POINT("queue.head.settled");
  return (int64_t)(stream->limit - end) >= 0;
}

/* The last message below what is wanted that is not done: readers go about in this order, and when it is done others are, too. If all are
 * done, an intent that is still set. */
uint64_t tn_queue_need(const tarn_stream *stream, uint64_t end) {
  uint64_t far = end - stream->ring_bytes, last = stream->boundaries[0].position, kept;
  if ((int64_t)(last - far) >= 0 && lowest_kept(stream, stream->limit - stream->ring_bytes, &kept)) return kept;
  for (uint64_t position = last; position != tn_stream_position(stream) && (int64_t)(position - far) < 0;) {
    tn_sight sight;
    if (tn_stream_see(stream, position, &sight) != 1 || position + sight.extent - stream->floor > stream->ring_bytes) return position;
    if (sight.message && tn_record_kind(sight.word) != TN_DONE) last = position;
    position += sight.extent;
  }
  return last;
}

static int is_done(const tarn_stream *stream, uint64_t position) {
  uint64_t word = tn_load_acquire(&tn_stream_record(stream, position)->word); /* [Q3] acquire */
  return (word & TN_VISIBLE) && tn_record_kind(word) == TN_DONE;
}

/* What is not done has to be a message, or a claim, between head and end: for a scribbler's need nobody would wake anybody. */
int tn_queue_is_awaited(const tarn_stream *stream, uint64_t position) {
  uint64_t kept;
  for (uint64_t at = stream->boundaries[0].position; at != tn_stream_position(stream) && (int64_t)(at - position) <= 0;) {
    tn_sight sight;
    int seen = tn_stream_see(stream, at, &sight);
    if (seen == 1 && at + sight.extent - stream->floor > stream->ring_bytes) break;
    if (at == position && (seen != 1 || (sight.message && tn_record_kind(sight.word) != TN_DONE))) return 1;
    if (seen != 1) break;
    at += sight.extent;
  }
  return lowest_kept(stream, position, &kept) && kept == position;
}

/* Racy, and fine because whoever is told 1 takes the lock and looks again, for another `need` if that is not all. */
int tn_queue_may_fit(const tarn_stream *stream, uint64_t end, uint64_t need) {
  uint64_t kept, head = load_head(stream).position, far = end - stream->ring_bytes;
  /* A head that is far enough leaves intents alone in the way; those may have gone before `need` was chosen. */
  if (!is_done(stream, need) && (int64_t)(head - need) <= 0 && (int64_t)(head - far) < 0) return 0;
  if (!lowest_kept(stream, stream->limit - stream->ring_bytes, &kept) || (int64_t)(kept - far) >= 0) return 1;
  return kept != need && !is_done(stream, kept); /* done, but the intent is still set: its owner is about to clear it */
}
