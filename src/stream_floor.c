/* stream_floor.c: the writer's room: boundaries, the floor, the limit; and taking over. Why it is right: stream.c.
 *
 * The writer remembers about 16 places a lap where a record begins, with their numbers, so that it can move the floor to one of
 * them without reading old records, and looks at the readers only when the limit that it knows is reached: about 16 times a lap.
 * At least 15/16 of the ring is kept for those who come late.
 *
 * Positions are compared by their difference, never by size alone, so that a stream may begin anywhere.
 */
#include <string.h>

#include "error.h"
#include "participant.h"
#include "stream_inside.h"

/* ---- Boundaries -------------------------------------------------------------------------------------------------------- */

static tn_boundary *boundary(tarn_stream *stream, uint32_t index) {
  return &stream->boundaries[(stream->first + index) % TN_BOUNDARIES];
}

static void append(tarn_stream *stream, uint64_t position, uint64_t number) {
  if (stream->count == TN_BOUNDARIES) stream->count--; /* cannot be: they are 1/16 lap apart; but to forget one harms nobody */
  *boundary(stream, stream->count++) = (tn_boundary){position, number};
  stream->next_boundary = position + stream->ring_bytes / TN_STEPS;
}

static uint64_t last_remembered(tarn_stream *stream) { return boundary(stream, stream->count - 1)->position; }

void tn_stream_remember(tarn_stream *stream) {
  uint64_t position = tn_stream_position(stream);
  append(stream, position, stream->number);
  tn_latch_store(&stream->channel.control->kind.stream.tail, position, stream->number);
}

/* The first boundary at or above position; the end, which is one, if there is none. */
static tn_boundary first_from(const tarn_stream *stream, uint64_t position) {
  for (uint32_t i = 0; i < stream->count; i++) {
    const tn_boundary *one = &stream->boundaries[(stream->first + i) % TN_BOUNDARIES];
    if ((int64_t)(one->position - position) >= 0) return *one;
  }
  return (tn_boundary){tn_stream_position(stream), stream->number};
}

/* The last boundary at or below position; the floor if there is none. */
static tn_boundary last_until(tarn_stream *stream, uint64_t position) {
  for (uint32_t i = stream->count; i-- > 1;)
    if ((int64_t)(boundary(stream, i)->position - position) <= 0) return *boundary(stream, i);
  return *boundary(stream, 0);
}

static void forget_below_floor(tarn_stream *stream) {
  while (stream->count > 1 && boundary(stream, 0)->position != stream->floor &&
         (int64_t)(boundary(stream, 0)->position - stream->floor) < 0) {
    stream->first = (stream->first + 1) % TN_BOUNDARIES;
    stream->count--;
  }
}

/* ---- Readers ----------------------------------------------------------------------------------------------------------- */

/* The word that keeps this policy's readers safe. */
static tn_atomic64 *guard(const tarn_stream *stream, uint32_t slot) {
  tn_slot *one = &stream->channel.table[slot];
  return stream->channel.header.policy == TARN_OVERWRITE ? &one->stream.held : &one->cursor;
}

/* A position of a reader that counts: between what is not overwritten yet and the end. Others are a scribbler's. */
static int counts(const tarn_stream *stream, uint64_t word) {
  uint64_t low = stream->limit - stream->ring_bytes;
  return (word & 1) && word % TN_UNIT == 1 && word - 1 - low <= tn_stream_position(stream) - low;
}

/* The smallest position that readers still need: 1, or 0 if there are none. */
static int smallest(const tarn_stream *stream, uint64_t *ret_position) {
  uint64_t low = stream->limit - stream->ring_bytes, best = UINT64_MAX;
  uint32_t count = tn_slot_count(&stream->channel); /* [S2] after the fence: the mark never falls */
  for (uint32_t slot = 0; slot < count; slot++) {
    /* Words that nobody would ever clear: in the writer's own slot, in a free one. A joiner's state comes before its cursor, both
     * before its fence [S2]. [S3] acquire: the last look of who left comes before our first change. Pairs with tn_slot_leave */
    if (slot == stream->channel.slot || tn_load_acquire(&stream->channel.table[slot].state) == TN_SLOT_FREE) continue;
    uint64_t word = tn_load_acquire(guard(stream, slot)); /* [S3] acquire: its last look comes before our first change */
    if (counts(stream, word) && word - 1 - low < best) best = word - 1 - low;
    if (!stream->shared) continue;
    word = tn_load_acquire(&stream->channel.table[slot].stream.claim); /* [M3] acquire: its last store comes before our first */
    if (counts(stream, word) && word - 1 - low < best) best = word - 1 - low;
  }
  if (best == UINT64_MAX) return 0;
  *ret_position = best + low;
  return 1;
}

uint64_t tn_stream_need(const tarn_stream *stream, uint64_t end) {
  return first_from(stream, end - stream->ring_bytes).position;
}

static int in_the_way(const tarn_stream *stream, uint64_t word, uint64_t need) {
  return counts(stream, word) && (int64_t)(word - 1 - need) < 0;
}

/* All of them at once: the dead at different places must not cost a slice of waiting each. */
int tn_stream_reap(tarn_stream *stream, uint64_t end) {
  tn_channel *channel = &stream->channel;
  uint64_t need = tn_stream_need(stream, end);
  int reaped = 0;
  uint32_t count = tn_slot_count(channel);
  for (uint32_t slot = 0; slot < count; slot++) {
    uint64_t word = tn_load_relaxed(guard(stream, slot)); /* relaxed, both: a guess; reaping proves */
    uint64_t claim = stream->shared ? tn_load_relaxed(&channel->table[slot].stream.claim) : 0;
    if (!in_the_way(stream, word, need) && !in_the_way(stream, claim, need)) continue;
    int result = tn_slot_reap(channel, slot);
    if (result < 0) return result;
    reaped |= result;
  }
  return reaped;
}

/* ---- Floor and limit --------------------------------------------------------------------------------------------------- */

/* Many writers: what keeps room may be claims alone. */
static int somebody_reads(const tarn_stream *stream) {
  uint32_t count = tn_slot_count(&stream->channel);
  for (uint32_t slot = 0; slot < count; slot++)
    if (tn_load_acquire(&stream->channel.table[slot].state) == TN_SLOT_TAKEN && /* [P2] acquire */
        counts(stream, tn_load_acquire(&stream->channel.table[slot].cursor)))   /* [S3] acquire */
      return 1;
  return 0;
}

/* Where the floor may go so that target can be reached: 1; 0 it has to stay. */
static int choose_floor(tarn_stream *stream, uint64_t target, tn_boundary *ret_floor) {
  /* [S6] acquire, before the scan: a first reader stores its cursor, then this. */
  int had_reader = tn_load_acquire(&stream->channel.control->join.had_reader) != 0;
  int overwrite = stream->channel.header.policy == TARN_OVERWRITE;
  uint64_t protected_from;
  int some = smallest(stream, &protected_from);
  if (!overwrite && !had_reader && (!some || stream->shared)) return 0;
  if (some && !overwrite && (!stream->shared || somebody_reads(stream))) {
    *ret_floor = last_until(stream, protected_from); /* all that was read is room */
    return 1;
  }
  *ret_floor = first_from(stream, target); /* no more than is needed is dropped */
  if (some && (int64_t)(ret_floor->position - protected_from) > 0) *ret_floor = last_until(stream, protected_from);
  return 1;
}

static void store_floor(tarn_stream *stream, tn_boundary to) {
  tn_latch_store(&stream->channel.control->kind.stream.floor, to.position, to.number); /* [S2] [S4] before the fence */
  stream->floor = to.position;
}

int tn_stream_raise_limit(tarn_stream *stream, uint64_t end) {
  if ((int64_t)(stream->limit - end) >= 0) return 1;
  uint64_t target = end - stream->ring_bytes;
  if ((int64_t)(target - last_remembered(stream)) > 0 && last_remembered(stream) != tn_stream_position(stream))
    append(stream, tn_stream_position(stream),
           stream->number); /* or a large record could wait for a boundary that never comes */
  tn_boundary floor;
  if (!choose_floor(stream, target, &floor)) return 0;
  if ((int64_t)(floor.position - stream->floor) <= 0 && stream->limit - stream->floor == stream->ring_bytes)
    return 0; /* nothing has moved: no store, no fence */
  TN_POINT("stream.floor.chosen");
  if ((int64_t)(floor.position - stream->floor) > 0) store_floor(stream, floor);
  TN_POINT("stream.floor.stored");
  tn_fence_full(); /* [S2] full: the floor was stored, now the readers are read again. Pairs with the joiner's, in stream_read.c */
  uint64_t protected_from, safe = stream->floor;
  if (smallest(stream, &protected_from) && (int64_t)(safe - protected_from) > 0) {
    store_floor(stream, last_until(stream, protected_from)); /* somebody joined below it meanwhile */
    /* Or below the lowest boundary there is: the writer before stored that floor and died before its second scan. */
    safe = (int64_t)(stream->floor - protected_from) > 0 ? protected_from : stream->floor;
  }
  TN_POINT("stream.floor.settled");
  if ((int64_t)(safe + stream->ring_bytes - stream->limit) > 0) stream->limit = safe + stream->ring_bytes;
  forget_below_floor(stream);
  return (int64_t)(stream->limit - end) >= 0;
}

int tn_stream_may_fit(const tarn_stream *stream, uint64_t end) {
  const tn_control *control = stream->channel.control;
  uint64_t need = tn_stream_need(stream, end), lowest;
  if ((int64_t)(tn_latch_load(&control->kind.stream.floor).position - need) >= 0) return 1;
  if (smallest(stream, &lowest)) return (int64_t)(lowest - need) >= 0;
  return tn_load_relaxed(&control->join.had_reader) != 0; /* relaxed: a guess */
}

/* ---- Taking over ------------------------------------------------------------------------------------------------------- */

static int cannot_be(const tarn_stream *stream, uint64_t position) {
  return tn_fail(TARN_E_CORRUPT, "%s \"%s\": at position %llu there is no record that can be; remove the stream and begin anew",
                 TN_WHO(&stream->channel), (unsigned long long)position);
}

/* Follow the chain of visible records from the floor to the word that is 0. */
static int walk(tarn_stream *stream) {
  uint64_t position = stream->floor, number = stream->number;
  for (;;) {
    tn_sight sight;
    int seen = tn_stream_see(stream, position, &sight);
    if (seen == 0 &&
        tn_load_relaxed(&tn_stream_record(stream, position)->word) == 0) /* relaxed: *writer* is ours, nobody writes */
      break;
    if (seen != 1 || position + sight.extent - stream->floor > stream->ring_bytes ||
        tn_record_number(tn_stream_record(stream, position)) != (uint32_t)number)
      return cannot_be(stream, position);
    position += sight.extent;
    number += sight.message ? 1 : sight.numbers;
    if (sight.message && position - last_remembered(stream) >= stream->ring_bytes / TN_STEPS) append(stream, position, number);
  }
  tn_store_relaxed(&stream->position, position); /* relaxed: own */
  stream->number = number;
  return 0;
}

/* The last writer may have died between storing the floor and seeing a joiner below it: respect cursors down to a lap ago. */
void tn_stream_limit_from_floor(tarn_stream *stream) {
  uint64_t protected_from, reached = stream->floor + stream->ring_bytes, known = stream->limit;
  stream->limit = tn_stream_position(stream); /* for counts(): nothing a lap below the end can be overwritten yet */
  tn_fence_full();                            /* [S2] full: *writer* or the lock was taken, now the readers are read */
  if (smallest(stream, &protected_from) && (int64_t)(stream->floor - protected_from) > 0)
    reached = protected_from + stream->ring_bytes;
  stream->limit = (int64_t)(reached - known) > 0 ? reached : known;
}

/* They stand in nobody's way; but what they have published is seen from the end, which is no longer theirs. */
static void clear_dead_writers(tarn_stream *stream) {
  tn_channel *channel = &stream->channel;
  char sentence[TN_SENTENCE];
  tn_error_keep(sentence);
  uint32_t count = tn_slot_count(channel);
  for (uint32_t slot = 0; slot < count; slot++)
    if (slot != channel->slot && tn_load_acquire(&channel->table[slot].state) == TN_SLOT_TAKEN && /* [P2] acquire */
        tn_load_relaxed(&channel->table[slot].role) == TARN_WRITER &&                            /* relaxed: ordered by [P2] */
        tn_slot_reap(channel, slot) < 0)
      break; /* a statistic is wrong then, and nothing else */
  tn_error_put_back(sentence);
}

int tn_stream_take_over(tarn_stream *stream) {
  tn_boundary floor = tn_latch_load(&stream->channel.control->kind.stream.floor);
  if (floor.position % TN_UNIT != 0 || floor.number == 0) return cannot_be(stream, floor.position);
  stream->floor = floor.position;
  stream->number = floor.number;
  append(stream, floor.position, floor.number);
  int result = walk(stream);
  if (result != 0) return result;
  tn_latch_store(&stream->channel.control->kind.stream.tail, tn_stream_position(stream), stream->number);
  stream->limit = tn_stream_position(stream);
  tn_stream_limit_from_floor(stream);
  tn_store_relaxed(&stream->slot->stream.first, stream->number); /* relaxed: a statistic */
  clear_dead_writers(stream);
  TN_POINT("stream.takeover.done");
  return 0;
}
