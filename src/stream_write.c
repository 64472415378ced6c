/* stream_write.c: the writer's side: claim, publish, abandon, put. Why it is right: stream.c. One of many writers goes on from here to
 * stream_many.c, when its arguments have been checked. */
#include <string.h>

#include "error.h"
#include "participant.h"
#include "stream_inside.h"

enum { ASK_AGAIN_NS = 1000000, SHORT_MAX = 256 };

/* Not the one writer: one of many (stream_many.c), or none. */
enum { ONE_OF_MANY = 1 };

static int no_writer(const tarn_stream *stream, const char *call) {
  if (stream == NULL) return tn_fail(TARN_E_INVALID, "%s: stream is NULL", call);
  if (!tn_channel_is_mine(&stream->channel)) return tn_channel_check(&stream->channel);
  if (stream->shared && stream->channel.role == TARN_WRITER) return ONE_OF_MANY;
  return tn_fail(TARN_E_INVALID, "%s \"%s\": %s: this handle is no writer's", TN_WHO(&stream->channel), call);
}

static inline int check_writer(const tarn_stream *stream, const char *call) {
  if (stream != NULL && tn_channel_is_mine(&stream->channel) && stream->writes) return 0;
  return no_writer(stream, call);
}

/* ---- Room -------------------------------------------------------------------------------------------------------------- */

typedef struct room_wish {
  tarn_stream *stream;
  uint64_t end;
} room_wish;

static int look(void *argument) {
  room_wish *wish = argument;
  return tn_stream_raise_limit(wish->stream, wish->end);
}

static int ask(void *argument) {
  room_wish *wish = argument;
  int result = tn_stream_reap(wish->stream, wish->end);
  return result < 0 ? result : tn_stream_raise_limit(wish->stream, wish->end);
}

static int full(tarn_stream *stream) {
  tn_slot *slot = &stream->channel.table[stream->channel.slot];
  tn_store_relaxed(&slot->missed, tn_load_relaxed(&slot->missed) + 1); /* relaxed, both: a statistic */
  return TARN_FULL;
}

/* Who is refused may try again at once, and again: the kernel is asked about the same readers at most once a millisecond. */
static int may_ask(tarn_stream *stream) {
  int64_t now = tn_os_now();
  if (stream->asked_ns != 0 && now - stream->asked_ns < ASK_AGAIN_NS) return 0;
  stream->asked_ns = now;
  return 1;
}

/* The limit is reached: look at the readers, at the dead among them, and wait if that is the policy. */
static int wait_for_room(tarn_stream *stream, uint64_t end, int64_t timeout_ns) {
  room_wish room = {stream, end};
  int waits = stream->channel.header.policy == TARN_WAIT && timeout_ns != 0;
  int result = look(&room);
  if (result == 0 && !waits && may_ask(stream)) result = ask(&room); /* who waits asks there, after it has spun */
  if (result != 0) return result == 1 ? 0 : result;
  if (!waits) return full(stream);
  tn_store_relaxed(&stream->channel.control->room.need,
                   tn_stream_need(stream, end)); /* relaxed: the announcement follows, with a fence */
  const tn_wish wish = {TN_ROOM, timeout_ns, 1, 0, look, ask, &room, tn_stream_progress(stream)};
  return tn_wait(&stream->channel, &wish);
}

/* Where a record of this extent would lie after `after`: there, or at the next start of the ring. */
static inline uint64_t place_for(const tarn_stream *stream, uint64_t after, uint64_t extent) {
  uint64_t left = stream->ring_bytes - (after & stream->mask);
  return extent <= left ? after : after + left;
}

int tn_stream_too_large(const tarn_stream *stream, uint64_t size_bytes) {
  return tn_fail(TARN_E_TOO_LARGE,
                 "%s \"%s\": a message of %llu bytes can never fit: the ring it was made with, of %s, takes up to %llu; remove it and "
                 "create it with a larger one (size_bytes)",
                 TN_WHO(&stream->channel), (unsigned long long)size_bytes, tn_bytes(stream->ring_bytes),
                 (unsigned long long)stream->longest);
}

/* Room for one message and the word after it: sets claim_at. */
static inline int make_claim(tarn_stream *stream, uint64_t size_bytes, int64_t timeout_ns) {
  if (stream->claimed) return TARN_BUSY;
  if (size_bytes > stream->longest) return tn_stream_too_large(stream, size_bytes);
  uint64_t extent = tn_record_extent(stream->header_bytes, size_bytes);
  uint64_t at = place_for(stream, tn_stream_position(stream), extent);
  uint64_t end = at + extent + TN_UNIT;
  if ((int64_t)(stream->limit - end) < 0) {
    int result = wait_for_room(stream, end, timeout_ns);
    if (result != 0) return result;
  }
  stream->claim_at = at;
  stream->claim_bytes = size_bytes;
  return 0;
}

/* ---- Records ------------------------------------------------------------------------------------------------------------ */

static inline void fill_record(tarn_stream *stream, tn_record *record, uint64_t number, uint32_t tag, int64_t time_ns) {
  tn_store_relaxed(&record->label, tn_record_label(number, tag)); /* relaxed, all: the word publishes them */
  if (stream->header_bytes == TN_UNIT) return;
  tn_store_relaxed(&record->time_ns, (uint64_t)(time_ns != 0 ? time_ns : tn_os_unix_time()));
  tn_store_relaxed(&record->deliveries, 0);
}

/* Room without a message, from position to the record at `to`; its word is not stored yet, but returned. */
static uint64_t fill_skip(tarn_stream *stream, uint64_t position, uint64_t to, uint64_t number) {
  tn_record *skip = tn_stream_record(stream, position);
  tn_store_relaxed(&skip->label, tn_record_label(number, 0)); /* relaxed: the word publishes it */
  return tn_record_word(TN_SKIP, to - position - TN_UNIT);
}

/* After the end has moved. Returns 0, and is called last, so that who calls it needs to keep nothing. */
static __attribute__((noinline)) int remember_and_wake(tarn_stream *stream) {
  if ((int64_t)(tn_stream_position(stream) - stream->next_boundary) >= 0) tn_stream_remember(stream);
  tn_wake(&stream->channel, TN_NEWS);
  TN_POINT("stream.publish.woken");
  return 0;
}

/* The end is at position now. */
static inline int published(tarn_stream *stream, uint64_t position, uint64_t messages, uint64_t bytes) {
  stream->number += messages;
  tn_store_relaxed(&stream->position, position); /* relaxed: private */
  tn_stream_sent(stream, bytes);
  if ((int64_t)(position - stream->next_boundary) >= 0 || tn_has_sleepers(&stream->channel, TN_NEWS)) return remember_and_wake(stream);
  TN_POINT("stream.publish.woken");
  return 0;
}

/* Make the claimed record visible: everything that a reader will look at first, then one store [S1]. */
static inline void publish(tarn_stream *stream, uint64_t size_bytes, uint32_t tag, int64_t time_ns) {
  uint64_t extent = tn_record_extent(stream->header_bytes, size_bytes);
  uint64_t position = tn_stream_position(stream), at = stream->claim_at;
  tn_record *record = tn_stream_record(stream, at);
  fill_record(stream, record, stream->number, tag, time_ns);
  TN_POINT("stream.publish.filled");
  tn_store_relaxed(&tn_stream_record(stream, at + extent)->word, 0); /* relaxed: [S1] comes after it */
  TN_POINT("stream.publish.ended");
  tn_store_release(&record->word, tn_record_word(TN_MESSAGE, size_bytes)); /* [S1] release: the record before its word */
  if (at != position) {
    uint64_t word = fill_skip(stream, position, at, stream->number);
    TN_POINT("stream.publish.wrapped");
    tn_store_release(&tn_stream_record(stream, position)->word,
                     word); /* [S1] release: the record at the start before the way to it */
  }
  TN_POINT("stream.publish.word");
  published(stream, at + extent, 1, size_bytes);
}

static int check_about(const tarn_stream *stream, const tarn_about *about) {
  if (about->struct_size != sizeof *about)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": set about->struct_size to sizeof(tarn_about)", TN_WHO(&stream->channel));
  if (about->flags != 0) return tn_fail(TARN_E_INVALID, "%s \"%s\": about->flags must be 0", TN_WHO(&stream->channel));
  if (about->tag > UINT32_MAX)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": tag %llu: a stream's tags are at most 2^32 - 1", TN_WHO(&stream->channel),
                   (unsigned long long)about->tag);
  if (about->type != NULL && about->type[0] != 0)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": a stream's messages have no type; say it in the content, or use a board",
                   TN_WHO(&stream->channel));
  return 0;
}

/* ---- The calls ---------------------------------------------------------------------------------------------------------- */

int tarn_stream_claim(tarn_stream *stream, uint64_t size_bytes, void **ret_room, int64_t timeout_ns) {
  int result = check_writer(stream, "tarn_stream_claim");
  if (result >= 0 && ret_room == NULL)
    result = tn_fail(TARN_E_INVALID, "%s \"%s\": tarn_stream_claim: ret_room is NULL", TN_WHO(&stream->channel));
  if (result == 0) result = make_claim(stream, size_bytes, timeout_ns);
  if (result != 0) return result == ONE_OF_MANY ? tn_many_claim(stream, size_bytes, ret_room, timeout_ns) : result;
  stream->claimed = 1;
  stream->path = TN_PATH_LONG;
  TN_POINT("stream.claim.done");
  *ret_room = stream->ring + (stream->claim_at & stream->mask) + stream->header_bytes;
  return 0;
}

int tarn_stream_publish(tarn_stream *stream, uint64_t size_bytes, const tarn_about *about) {
  int result = check_writer(stream, "tarn_stream_publish"), many = result == ONE_OF_MANY;
  if (result < 0) return result;
  if (!stream->claimed)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": nothing is claimed; call tarn_stream_claim first", TN_WHO(&stream->channel));
  if (size_bytes > stream->claim_bytes)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": %llu bytes are to be published, but only %llu were claimed",
                   TN_WHO(&stream->channel), (unsigned long long)size_bytes, (unsigned long long)stream->claim_bytes);
  if (about != NULL && (result = check_about(stream, about)) != 0) return result;
  if (many) return tn_many_publish(stream, size_bytes, about);
  stream->claimed = 0;
  tn_stream_short(stream);
  publish(stream, size_bytes, about != NULL ? (uint32_t)about->tag : 0, about != NULL ? about->time_ns : 0);
  return 0;
}

int tarn_stream_abandon(tarn_stream *stream) {
  int result = check_writer(stream, "tarn_stream_abandon");
  if (result < 0) return result;
  if (!stream->claimed) return tn_fail(TARN_E_INVALID, "%s \"%s\": nothing is claimed", TN_WHO(&stream->channel));
  if (result == ONE_OF_MANY) return tn_many_abandon(stream);
  stream->claimed = 0; /* the word at the end is still 0: nothing happened */
  tn_stream_short(stream);
  TN_POINT("stream.abandon");
  return 0;
}

/* memcpy for what is mostly small: in pieces of 16 bytes, the last two of which may overlap. */
static inline void copy_small(unsigned char *to, const unsigned char *from, size_t size) {
  if (size < 16 || size > 128) {
    memcpy(to, from, size);
    return;
  }
  for (size_t i = 0; i + 16 <= size; i += 16) memcpy(to + i, from + i, 16);
  memcpy(to + size - 16, from + size - 16, 16);
}

/* The same without a call, for at most SHORT_MAX bytes: a whole piece is never stored twice. */
static inline void copy_short(unsigned char *to, const unsigned char *from, size_t size) {
  if (size < 16) {
    if (size >= 8) {
      memcpy(to, from, 8);
      memcpy(to + size - 8, from + size - 8, 8);
    } else if (size >= 4) {
      memcpy(to, from, 4);
      memcpy(to + size - 4, from + size - 4, 4);
    } else {
      for (size_t i = 0; i < size; i++) to[i] = from[i];
    }
    return;
  }
  for (size_t i = 0; i + 16 <= size; i += 16) memcpy(to + i, from + i, 16);
  if (size % 16 != 0) memcpy(to + size - 16, from + size - 16, 16);
}

static __attribute__((noinline)) int put_long(tarn_stream *stream, const void *data, uint64_t size_bytes,
                                              const tarn_about *about, int64_t timeout_ns) {
  int result = check_writer(stream, "tarn_stream_put"), many = result == ONE_OF_MANY;
  if (result < 0) return result;
  if (data == NULL && size_bytes != 0)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": tarn_stream_put: data is NULL", TN_WHO(&stream->channel));
  if (about != NULL && (result = check_about(stream, about)) != 0) return result;
  const tarn_piece piece = {data, size_bytes, 0};
  if (many) return tn_many_put(stream, &piece, 1, size_bytes, about, timeout_ns);
  result = make_claim(stream, size_bytes, timeout_ns);
  if (result != 0) return result;
  uint64_t extent = tn_record_extent(stream->header_bytes, size_bytes);
  tn_prefetch_write(tn_stream_record(stream, stream->claim_at + extent)); /* stores leave in order: the word after the record, which */
  tn_prefetch_write(tn_stream_record(stream, stream->claim_at)); /* is zeroed, must not be waited for while a reader polls this one */
  if (size_bytes != 0)
    memcpy(stream->ring + (stream->claim_at & stream->mask) + stream->header_bytes, data, (size_t)size_bytes);
  publish(stream, size_bytes, about != NULL ? (uint32_t)about->tag : 0, about != NULL ? about->time_ns : 0);
  return 0;
}

/* The usual message: small, it lies where the last one ended, below the limit, and nothing is said about it. What such a call takes is
 * mostly its stores: they leave one after another, each line that a reader looked at has to be fetched for them, and the fewer there are the
 * more messages are under way at a time. So nothing is stored here but the message and four words; a call that is not the last thing
 * done would cost several more, for what has to be kept over it. */
static inline int put_short(tarn_stream *stream, const void *data, uint64_t size_bytes, int64_t timeout_ns) {
  uint64_t position = tn_stream_position(stream), at = position & stream->mask;
  uint64_t extent = tn_record_extent(TN_UNIT, size_bytes);
  if (size_bytes > stream->longest || extent > stream->ring_bytes - at || (int64_t)(stream->limit - (position + extent + TN_UNIT)) < 0)
    return put_long(stream, data, size_bytes, NULL, timeout_ns);
  tn_record *record = tn_stream_record(stream, position), *end = tn_stream_record(stream, position + extent);
  tn_prefetch_write(end);    /* stores leave in order: the word after the record, which is zeroed, must not be waited for while a */
  tn_prefetch_write(record); /* reader polls this one */
  copy_short((unsigned char *)record + TN_UNIT, data, (size_t)size_bytes);
  tn_store_relaxed(&record->label, tn_record_label(stream->number, 0)); /* relaxed: the word publishes it */
  TN_POINT("stream.publish.filled");
  tn_store_relaxed(&end->word, 0); /* relaxed: [S1] comes after it */
  TN_POINT("stream.publish.ended");
  tn_store_release(&record->word, tn_record_word(TN_MESSAGE, size_bytes)); /* [S1] release: the record before its word */
  TN_POINT("stream.publish.word");
  return published(stream, position + extent, 1, size_bytes);
}

int tarn_stream_put(tarn_stream *stream, const void *data, uint64_t size_bytes, const tarn_about *about, int64_t timeout_ns) {
  if (about == NULL && data != NULL && size_bytes <= SHORT_MAX && tn_stream_may(stream, TN_PATH_PUT))
    return put_short(stream, data, size_bytes, timeout_ns);
  return put_long(stream, data, size_bytes, about, timeout_ns);
}

/* How large all pieces are together, UINT64_MAX if that is more than a number holds; a failure if one cannot be. */
static int add_up(const tarn_stream *stream, const tarn_piece *pieces, uint32_t count, uint64_t *ret_bytes) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (pieces[i].data == NULL && pieces[i].size_bytes != 0)
      return tn_fail(TARN_E_INVALID, "%s \"%s\": piece %u: data is NULL", TN_WHO(&stream->channel), i);
    if (pieces[i].size_bytes > stream->longest) return tn_stream_too_large(stream, pieces[i].size_bytes);
    if (pieces[i].tag > UINT32_MAX)
      return tn_fail(TARN_E_INVALID, "%s \"%s\": piece %u: tags are at most 2^32 - 1", TN_WHO(&stream->channel), i);
    bytes = bytes > UINT64_MAX - pieces[i].size_bytes ? UINT64_MAX : bytes + pieces[i].size_bytes;
  }
  *ret_bytes = bytes;
  return 0;
}

int tarn_stream_put_pieces(tarn_stream *stream, const tarn_piece *pieces, uint32_t count, const tarn_about *about,
                           int64_t timeout_ns) {
  int result = check_writer(stream, "tarn_stream_put_pieces"), many = result == ONE_OF_MANY;
  if (result < 0) return result;
  if (pieces == NULL && count != 0)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": tarn_stream_put_pieces: pieces is NULL", TN_WHO(&stream->channel));
  uint64_t bytes;
  result = add_up(stream, pieces, count, &bytes);
  if (result == 0 && about != NULL) result = check_about(stream, about);
  if (result == 0 && many) return tn_many_put(stream, pieces, count, bytes, about, timeout_ns);
  if (result == 0) result = make_claim(stream, bytes, timeout_ns);
  if (result != 0) return result;
  unsigned char *to = stream->ring + (stream->claim_at & stream->mask) + stream->header_bytes;
  for (uint32_t i = 0; i < count; i++) {
    if (pieces[i].size_bytes != 0) memcpy(to, pieces[i].data, (size_t)pieces[i].size_bytes);
    to += pieces[i].size_bytes;
  }
  publish(stream, bytes, about != NULL ? (uint32_t)about->tag : 0, about != NULL ? about->time_ns : 0);
  return 0;
}

/* ---- Batches ------------------------------------------------------------------------------------------------------------ */

/* A batch that is being written: nothing of it can be seen before the word at its start is stored. */
typedef struct batch {
  uint64_t start, position; /* where it begins, and ends so far */
  uint64_t first;           /* the word of its start */
  uint64_t bytes;
  uint32_t messages;
} batch;

/* Its words but for the first are stored at once. */
static inline void store_word(const tarn_stream *stream, batch *batch, uint64_t position, uint64_t word) {
  if (position == batch->start)
    batch->first = word;
  else
    tn_store_relaxed(&tn_stream_record(stream, position)->word, word); /* relaxed: beyond the chain until [S1] */
}

/* One more message at `at`, which is where the last one ended, or the next start of the ring. */
static inline void write_in_batch(tarn_stream *stream, batch *batch, const tarn_piece *message, uint64_t at, uint64_t extent) {
  uint64_t number = stream->number + batch->messages, size_bytes = message->size_bytes;
  tn_record *record = tn_stream_record(stream, at);
  if (size_bytes != 0) copy_small((unsigned char *)record + stream->header_bytes, message->data, (size_t)size_bytes);
  fill_record(stream, record, number, (uint32_t)message->tag, 0);
  if (at != batch->position) store_word(stream, batch, batch->position, fill_skip(stream, batch->position, at, number));
  store_word(stream, batch, at, tn_record_word(TN_MESSAGE, size_bytes));
  batch->position = at + extent;
  batch->bytes += size_bytes;
  batch->messages++;
  TN_POINT("stream.batch.record");
}

/* As many as have room: the first one has. At most a quarter of the ring, so that readers need not wait for too much at once. */
static void write_batch(tarn_stream *stream, batch *batch, const tarn_piece *messages, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    uint64_t extent = tn_record_extent(stream->header_bytes, messages[i].size_bytes);
    uint64_t at = place_for(stream, batch->position, extent), end = at + extent + TN_UNIT;
    if (i != 0 && end - batch->start > stream->ring_bytes / 4) return;
    if ((int64_t)(stream->limit - end) < 0 && !tn_stream_raise_limit(stream, end)) return;
    write_in_batch(stream, batch, &messages[i], at, extent);
  }
}

int tarn_stream_put_batch(tarn_stream *stream, const tarn_piece *messages, uint32_t count, uint32_t *ret_count,
                          int64_t timeout_ns) {
  int result = check_writer(stream, "tarn_stream_put_batch"), many = result == ONE_OF_MANY;
  if (result < 0) return result;
  if (messages == NULL || ret_count == NULL || count == 0)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": tarn_stream_put_batch: no messages, or ret_count is NULL",
                   TN_WHO(&stream->channel));
  uint64_t bytes;
  result = add_up(stream, messages, count, &bytes);
  if (result == 0 && many) return tn_many_put_batch(stream, messages, count, ret_count, timeout_ns);
  if (result == 0) result = make_claim(stream, messages[0].size_bytes, timeout_ns);
  if (result != 0) return result;
  batch batch = {.start = tn_stream_position(stream), .position = tn_stream_position(stream)};
  write_batch(stream, &batch, messages, count);
  tn_store_relaxed(&tn_stream_record(stream, batch.position)->word, 0); /* relaxed: [S1] comes after it */
  TN_POINT("stream.batch.ended");
  tn_store_release(&tn_stream_record(stream, batch.start)->word, batch.first); /* [S1] release: the whole batch before its first word */
  TN_POINT("stream.batch.word");
  published(stream, batch.position, batch.messages, batch.bytes);
  *ret_count = batch.messages;
  return 0;
}
