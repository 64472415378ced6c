/* stream.c: ordered messages through one ring. Here: the protocol, and opening and closing. One writer, fan-out readers; what is
 * different with many writers and in queues is argued in stream_many.c and stream_queue.c.
 *
 *   field             who writes              who reads             invariant
 *   record.word       the writer              readers               0, or the whole record before it is there; the word after the last
 *                                                                   visible record is 0
 *   payload, tag...   the writer              readers, after word   unchanged from word on, until the floor has passed it
 *   floor             the writer              joiners, racers       a record's beginning; nothing at or above it is overwritten
 *   tail              the writer              joiners, people       a record's beginning that was the end, at most 1/16 lap ago
 *   slot.cursor       the slot's owner        the writer            its owner needs nothing below it; counts in a taken slot only
 *   slot.held         the slot's owner        the writer            TARN_OVERWRITE: its owner reads this record in place
 *   join.had_reader   a joining reader        the writer            1 for ever
 *
 * Publishing. The writer owns all from its end onward. It writes the payload, stores 0 in the word after the record's actual end,
 * then store-releases the word [S1]. A reader that load-acquires the word sees all of it, and the 0 behind it: old payload is never
 * taken for a word. A record that does not fit before the end of the ring goes to its start: zero the word after it, store its
 * word, then publish a skip that fills the rest; the one store of the skip makes both visible. A batch is the same: all words but
 * the first, then the first. So at every moment the visible records are a chain from the floor to a word that is 0, and a writer that dies
 * leaves such a chain: the next one walks it.
 *
 * Room. The floor is the position below which everything may be overwritten; the writer may write below limit = floor + ring. Short
 * of room it scans the cursors, picks the greatest boundary that it remembers at or below the smallest (never a cursor itself: a
 * hostile one could lie inside a record), stores it as the floor, and after a *full fence* [S2] scans again; the limit is the smaller
 * of what both scans allow. A joiner stores its cursor, after a full fence [S2] loads the floor, and moves up if the floor is above. Both
 * store, fence, load: at least one sees the other. If the writer's second scan sees the cursor, it respects it (and takes the floor
 * back); if not, the joiner sees the new floor. So no reader ever stands where the writer writes.
 *
 * A reader's cursor moves forward by release stores [S3] that the scan acquires: its last look at a message comes before the writer's
 * first change of those bytes.
 *
 * Racers (readers under TARN_OVERWRITE, observers always) are not waited for. They copy, then look at the floor [S4]: if it is still
 * at or below the message, the copy is whole (racy, and fine because it is thrown away otherwise; the same for every word that they
 * walk over). The writer stores the floor, and fences, before it overwrites anything below. To read in
 * place under TARN_OVERWRITE a reader announces a hold exactly as a joiner announces its cursor [S2].
 *
 * The floor and its message number belong together: a latch, two copies and a version that says which counts [S5]. A writer killed between
 * its stores leaves the old copy counting. The next version must not be seen later than what is stored into the copy that it takes out of
 * use, by the version after it: a release alone orders what comes before it, not what follows, so there is a fence, too.
 *
 * Who waits for whom. A reader with everything read waits for news and asks whether a writer lives. A writer without room waits until a
 * cursor passes `need` and asks whether the readers that stand in its way live. Before the first reader ever, it waits for one, too
 * (under TARN_WAIT); later, with none attached, the oldest is dropped.
 *
 * Death of the writer: before the word: no message; its bytes are beyond the chain. After it: published. Between the stores of a wrap or a
 * batch: not visible, since the first word is the last store. While moving the floor: the latch has the old or the new value, both
 * boundaries. The new one may lie above the cursor of somebody who joined just then and whom the second scan would have seen: so the limit
 * is never made from the floor alone, but from the lowest cursor where that is below it; the next writer finds it there. Death of a reader:
 * its cursor stays until the writer wants room, asks about all who are in its way, and clears the slots of the dead.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "header.h"
#include "participant.h"
#include "stream_inside.h"

/* ---- What a stream adds to a channel ------------------------------------------------------------------------------------ */

enum { DEFAULT_RING = 1 << 20, LATCH_TRIES = 100000 };

static uint64_t features_of(const tn_header *header) {
  return (header->flags & TARN_MANY_WRITERS ? TN_FEATURE_MANY_WRITERS : 0) | (header->flags & TARN_QUEUE ? TN_FEATURE_QUEUE : 0);
}

static int refuse(const tn_place *place, const char *why) { return tn_fail(TARN_E_INVALID, "stream \"%s\": %s", place->name, why); }

static int plan(const tarn_options *options, const tn_place *place, tn_header *header) {
  int queue = (options->flags & TARN_QUEUE) != 0;
  if (queue && options->policy == TARN_OVERWRITE)
    return refuse(place, "a queue loses nothing: TARN_OVERWRITE is not for it; use TARN_WAIT or TARN_FAIL");
  if (!queue && options->max_deliveries != 0) return refuse(place, "max_deliveries is a queue's: say TARN_QUEUE, too");
  uint64_t ring = options->size_bytes != 0 ? options->size_bytes : DEFAULT_RING;
  if (!tn_record_is_ring(ring)) {
    uint64_t next = 4096;
    while (next < ring && next < UINT64_C(1) << 40) next *= 2;
    return tn_fail(TARN_E_INVALID, "stream \"%s\": a ring of %llu bytes: it must be a power of two from 4096 to 2^40; take %llu (%s)",
                   place->name, (unsigned long long)ring, (unsigned long long)next, tn_bytes(next));
  }
  if (ring > SIZE_MAX / 4)
    return tn_fail(TARN_E_TOO_LARGE, "stream \"%s\": a ring of %s does not fit into this process's address space", place->name,
                   tn_bytes(ring));
  header->incompatible = features_of(header);
  tn_header_arrange(header, header->slots, tn_record_entries(header->flags, header->slots, header->hold));
  header->data_bytes = ring;
  return 0;
}

/* Its ring and its entries: header.c, for those who only look on, too. */
static const char *impossible(const tn_header *header) {
  if (header->incompatible != features_of(header)) return "its features";
  if (header->policy > TARN_OVERWRITE || (header->policy == TARN_OVERWRITE && header->flags & TARN_QUEUE)) return "its policy";
  if (header->first_position % TN_UNIT != 0) return "its first position";
  return NULL;
}

/* As new, at creation too: an empty chain where the stream begins. Only its first word has to be 0. */
static void reset(tn_channel *channel) {
  const tn_header *header = &channel->header;
  uint64_t index = header->first_position & (header->data_bytes - 1), part = index / TN_ALIGN * TN_ALIGN;
  uint64_t length = header->data_bytes - part < TN_ALIGN ? header->data_bytes - part : TN_ALIGN;
  uint64_t number = header->first_number;
  void *first;
  if (tn_channel_map(channel, header->data_offset + part, length, TN_OS_WRITE, &first) == 0) {
    memset((unsigned char *)first + (index - part), 0, TN_UNIT);
    tn_channel_unmap(channel, first, length);
  } else if (tn_load_relaxed(&channel->control->kind.stream.floor.version) != 0) { /* relaxed: nobody else is there */
    number = 0; /* which cannot be: better than to deliver what an old ring happens to hold. (A new ring is all zeros.) */
  }
  for (int i = 0; i < TN_MARKS; i++) tn_store_relaxed(&channel->control->kind.stream.marks[i].position, 0); /* relaxed: alone */
  tn_latch_store(&channel->control->kind.stream.floor, header->first_position, number);
  tn_latch_store(&channel->control->kind.stream.tail, header->first_position, number);
}

static const tn_kind kind = {
    TARN_KIND_STREAM, TARN_TIMES | TARN_MANY_WRITERS | TARN_QUEUE, plan, impossible, tn_stream_clear_slot, reset};

/* ---- Latches ----------------------------------------------------------------------------------------------------------- */

void tn_latch_store(tn_latch *latch, uint64_t position, uint64_t number) {
  uint64_t version = tn_load_relaxed(&latch->version) + 1; /* relaxed: the one writer's own */
  tn_fence_release(); /* [S5] release: the version that is there, before the copy that it took out of use. Pairs with the fence in tn_latch_load */
  tn_store_relaxed(&latch->copy[version & 1].position, position); /* relaxed, both: the version publishes them */
  tn_store_relaxed(&latch->copy[version & 1].number, number);
  TN_POINT("stream.latch.copied");
  tn_store_release(&latch->version, version); /* [S5] release: the copy first */
}

/* A writer that stores without end could hold a reader up; a hostile one must not: what is returned is checked by its users. */
tn_boundary tn_latch_load(const tn_latch *latch) {
  for (int tries = 0;; tries++) {
    uint64_t version = tn_load_acquire(&latch->version); /* [S5] acquire */
    tn_boundary pair = {tn_load_relaxed(&latch->copy[version & 1].position), tn_load_relaxed(&latch->copy[version & 1].number)};
    tn_fence_acquire(); /* [S5] the copies before the second look: who saw a word of the next but one pair sees the version before that */
    if (tn_load_relaxed(&latch->version) == version || tries == LATCH_TRIES) return pair; /* relaxed, all: between two looks at the version */
  }
}

/* ---- Opening and closing ----------------------------------------------------------------------------------------------- */

static int map_ring(tarn_stream *stream) {
  tn_channel *channel = &stream->channel;
  stream->ring_bytes = channel->header.data_bytes;
  stream->mask = stream->ring_bytes - 1;
  stream->queue = (channel->header.flags & TARN_QUEUE) != 0;
  stream->shared = stream->queue || (channel->header.flags & TARN_MANY_WRITERS) != 0;
  stream->header_bytes = tn_record_header(channel->header.flags);
  stream->longest = tn_record_longest(stream->ring_bytes, stream->header_bytes);
  stream->racing = channel->role == TARN_OBSERVER || channel->header.policy == TARN_OVERWRITE;
  stream->life_word = channel->life_word;
  stream->slot = channel->slot != TN_NO_SLOT ? &channel->table[channel->slot] : NULL;
  if (stream->ring_bytes > SIZE_MAX / 4)
    return tn_fail(TARN_E_TOO_LARGE, "%s \"%s\": its ring of %s does not fit into this process's address space",
                   TN_WHO(channel), tn_bytes(stream->ring_bytes));
  void *ring;
  stream->ring_writable = channel->role == TARN_WRITER || (stream->queue && channel->role == TARN_READER);
  int access = stream->ring_writable ? TN_OS_WRITE : TN_OS_READ;
  int result = tn_channel_map(channel, channel->header.data_offset, stream->ring_bytes, access, &ring);
  if (result != 0) return tn_channel_fail(channel, result, "its ring cannot be mapped");
  stream->ring = ring;
  return 0;
}

static void leave(tarn_stream *stream) {
  if (stream->ring != NULL) tn_channel_unmap(&stream->channel, stream->ring, stream->ring_bytes);
  stream->ring = NULL; /* should there be something to clear up in the own slot */
  tn_channel_close(&stream->channel);
  free(stream);
}

/* The ring is mapped: find the place to begin at. */
static int begin(tarn_stream *stream) {
  int role = stream->channel.role;
  if (stream->slot != NULL) tn_store_relaxed(&stream->slot->stream.first, 0); /* relaxed: a statistic; the owner before left its own */
  if (role == TARN_READER && stream->queue) return tn_queue_start(stream);
  if (role == TARN_WRITER && stream->shared) return tn_many_join(stream);
  stream->writes = role == TARN_WRITER;
  stream->reads = !stream->writes;
  return stream->writes ? tn_stream_take_over(stream) : tn_stream_start(stream);
}

int tarn_stream_open(tarn_stream **ret_stream, const char *name, int role, const tarn_options *options, int64_t timeout_ns) {
  if (ret_stream == NULL) return tn_fail(TARN_E_INVALID, "tarn_stream_open: ret_stream is NULL");
  tarn_stream *stream = calloc(1, sizeof *stream);
  if (stream == NULL) return tn_fail(TARN_E_SYSTEM, "stream \"%s\": no memory for its handle", name != NULL ? name : "");
  int result = tn_channel_open(&stream->channel, &kind, name, role, options, timeout_ns);
  if (result != 0) {
    free(stream);
    return result;
  }
  result = map_ring(stream);
  if (result == 0) result = begin(stream);
  if (result != 0) {
    tn_channel_disown(&stream->channel);
    leave(stream);
    return result;
  }
  tn_stream_short(stream);
  *ret_stream = stream;
  return 0;
}

void tarn_stream_close(tarn_stream *stream) {
  if (stream == NULL) return;
  int forked = tn_os_life() != stream->channel.life;
  tn_stream_long(stream);
  if (stream->poll != NULL) tn_poll_stop(stream->poll, forked);
  stream->poll = NULL;
  tarn_stream_close(stream->aside);
  stream->aside = NULL;
  if (forked) {
    free(stream); /* the mappings did not come along */
    return;
  }
  stream->closed = 1;
  stream->reads = 0;
  if (stream->shared && stream->claimed) tn_many_abandon(stream); /* before readers are told that nobody writes */
  if (stream->oldest == stream->newest && stream->out_count == 0) leave(stream);
}

/* ---- Releasing: here because it outlives the handle's use ------------------------------------------------------------------ */

/* The cursor, or under TARN_OVERWRITE the hold, moves up to the oldest item that is still out. */
static inline void advance(tarn_stream *stream) {
  tn_slot *slot = &stream->channel.table[stream->channel.slot];
  while (stream->oldest != stream->newest && stream->out[stream->oldest % TN_OUT_MAX].released) stream->oldest++;
  int none = stream->oldest == stream->newest;
  if (none && stream->shared && !stream->closed) tn_stream_pass_left_over(stream);
  uint64_t position = none ? tn_stream_position(stream) : stream->out[stream->oldest % TN_OUT_MAX].position;
  TN_POINT("stream.release.clear");
  if (stream->racing)
    tn_store_release(&slot->stream.held, none ? 0 : position | 1); /* [S3] release: the last look at what is released */
  tn_store_release(&slot->cursor, position | 1); /* [S3] release: the same. Pairs with the acquire in the writer's scan */
  tn_store_relaxed(&slot->out, (uint32_t)(stream->newest - stream->oldest)); /* relaxed: a statistic */
  TN_POINT("stream.release.cleared");
  tn_wake_room(&stream->channel, position);
}

/* Enough that nobody uses it again by mistake. */
static inline void forget(tarn_item *item) {
  item->data = NULL;
  item->token = 0;
}

static inline int release_one(tarn_stream *stream, tarn_item *item) {
  uint64_t counter = stream->oldest + ((item->token - 1 - stream->oldest) & (TN_OUT_MAX - 1));
  if (item->token == 0 || item->token > TN_OUT_MAX || counter - stream->oldest >= stream->newest - stream->oldest ||
      stream->out[counter % TN_OUT_MAX].released || stream->out[counter % TN_OUT_MAX].number != item->number)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": this is no item of this handle, or was released already",
                   TN_WHO(&stream->channel));
  stream->out[counter % TN_OUT_MAX].released = 1;
  forget(item);
  return 0;
}

static int release_to_queue(tarn_stream *stream, tarn_item *items, uint32_t count) {
  int result = tn_queue_release(stream, items, count);
  if (stream->closed && stream->out_count == 0) leave(stream);
  return result;
}

/* An observer has no slot to write to, and a writer's cursor would hold up other writers for ever. */
static int holds_nothing(const tarn_stream *stream) {
  return tn_fail(TARN_E_INVALID, "%s \"%s\": this handle holds no items: only those that a reader was given in place are released",
                 TN_WHO(&stream->channel));
}

/* The usual batch: all that is out, in the order in which it was given. 1 released, 0 it is not that. */
static int release_all(tarn_stream *stream, tarn_item *items, uint32_t count) {
  if (count != stream->newest - stream->oldest) return 0;
  for (uint32_t i = 0; i < count; i++) {
    uint64_t counter = (stream->oldest + i) % TN_OUT_MAX;
    if (items[i].token != counter + 1 || stream->out[counter].released || stream->out[counter].number != items[i].number) return 0;
  }
  for (uint32_t i = 0; i < count; i++) forget(&items[i]);
  stream->oldest = stream->newest;
  return 1;
}

int tarn_stream_release_batch(tarn_stream *stream, tarn_item *items, uint32_t count) {
  if (stream == NULL || (items == NULL && count != 0))
    return tn_fail(TARN_E_INVALID, "tarn_stream_release: stream or items is NULL");
  int spoiled = tn_channel_is_mine(&stream->channel) ? 0 : tn_channel_check(&stream->channel), result = 0;
  if (spoiled == TARN_E_FORKED) return spoiled;
  if (stream->channel.role != TARN_READER) return holds_nothing(stream);
  if (stream->intents != NULL) {
    result = release_to_queue(stream, items, count);
    return spoiled != 0 && result != TARN_E_INVALID ? spoiled : result; /* what zeros say of a message is not true */
  }
  tn_stream_long(stream);
  int all = release_all(stream, items, count);
  for (uint32_t i = 0; i < count && result == 0 && !all; i++) result = release_one(stream, &items[i]);
  advance(stream);
  if (stream->closed && stream->oldest == stream->newest)
    leave(stream);
  else
    tn_stream_short(stream);
  return result != 0 ? result : spoiled; /* TARN_E_CORRUPT: they are released, and were perhaps not what they seemed */
}

int tarn_stream_release(tarn_stream *stream, tarn_item *item) {
  if (item == NULL || !tn_stream_may(stream, TN_PATH_RELEASE) || item->token != 1 || item->number != stream->number - 1 ||
      stream->shared) /* there may be something to pass over */
    return tarn_stream_release_batch(stream, item, 1);
  uint64_t position = tn_stream_position(stream);
  stream->path = TN_PATH_READ;
  forget(item);
  TN_POINT("stream.release.clear");
  tn_store_release(&stream->slot->cursor, position | 1); /* [S3] release: the last look at it. Pairs with the acquire in the writer's scan */
  tn_store_relaxed(&stream->slot->out, 0);               /* relaxed: a statistic */
  TN_POINT("stream.release.cleared");
  tn_wake_room(&stream->channel, position);
  return 0;
}

int tarn_stream_return(tarn_stream *stream, tarn_item *item) {
  if (stream == NULL || item == NULL) return tn_fail(TARN_E_INVALID, "tarn_stream_return: stream or item is NULL");
  int result = tn_channel_check(&stream->channel);
  if (result != 0) return result;
  if (stream->intents == NULL)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": only a queue's reader gives a message back; use tarn_stream_release",
                   TN_WHO(&stream->channel));
  result = tn_queue_return(stream, item);
  if (stream->closed && stream->out_count == 0) leave(stream);
  return result;
}

/* ---- Waking and polling ------------------------------------------------------------------------------------------------ */

void tarn_stream_wake(tarn_stream *stream) {
  if (stream == NULL || tn_os_life() != stream->channel.life) return;
  if (stream->channel.role == TARN_OBSERVER)
    tn_store_release(&stream->channel.waits.woken, 1); /* [W5] release. Observers poll: they find it */
  else
    tn_wake_self(&stream->channel);
}

static int look(void *argument) { return tn_stream_something(argument); }

/* A dead writer's claim is cleared up by the owner: it is told that there is something to do. */
static int ask(void *argument) {
  tarn_stream *stream = argument;
  if (stream->shared && tn_many_claimant_dead(stream)) return 1;
  return tn_writer_gone_aside(&stream->channel);
}

int tarn_stream_handle(tarn_stream *stream, intptr_t *ret_handle) {
  if (stream == NULL || ret_handle == NULL) return tn_fail(TARN_E_INVALID, "tarn_stream_handle: stream or ret_handle is NULL");
  int result = tn_channel_check(&stream->channel);
  if (result != 0) return result;
  if (stream->channel.role != TARN_READER)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": only a reader has a handle to poll", TN_WHO(&stream->channel));
  if (stream->poll == NULL)
    result = stream->queue ? tn_poll_start(&stream->poll, &stream->channel, tn_queue_poll_look, tn_queue_poll_ask, stream)
                           : tn_poll_start(&stream->poll, &stream->channel, look, ask, stream);
  if (result == 0) *ret_handle = tn_poll_handle(stream->poll);
  return result;
}
