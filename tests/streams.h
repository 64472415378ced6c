/* streams.h: what tests of streams say again and again. A message carries its own proof: every byte of it follows from its
 * number and its length, so a reader that was given parts of two, or another one than it was told, finds out. */
#ifndef STREAMS_H
#define STREAMS_H

#include <tarn/tarn.h>

#include "check.h"

static inline tarn_stream *stream_open_in(const char *name, int role, tarn_options options, int64_t timeout_ns) {
  options.struct_size = sizeof options;
  tarn_stream *stream = NULL;
  CHECK_OK(tarn_stream_open(&stream, name, role, &options, timeout_ns));
  return stream;
}

static inline tarn_stream *stream_open(const char *name, int role, tarn_options options) {
  return stream_open_in(name, role, options, 0);
}

static inline uint64_t stream_word(uint64_t number, uint64_t size, uint64_t at) {
  uint64_t word = (number + at) * UINT64_C(0x9e3779b97f4a7c15) + size * UINT64_C(0xd1342543de82ef95);
  return word ^ word >> 31;
}

/* Every third has none, so that it can be put in the shortest way. */
static inline uint32_t stream_tag(uint64_t number) { return number % 3 == 0 ? 0 : (uint32_t)(number * 2654435761u); }

static inline void stream_fill(void *data, uint64_t number, uint64_t size) {
  for (uint64_t at = 0; at < size; at += 8) {
    uint64_t word = stream_word(number, size, at);
    memcpy((unsigned char *)data + at, &word, size - at < 8 ? (size_t)(size - at) : 8);
  }
}

/* Is this message number `number`, whole? */
static inline int stream_whole(const tarn_item *item) {
  if (item->tag != stream_tag(item->number)) return 0;
  for (uint64_t at = 0; at < item->size_bytes; at += 8) {
    uint64_t word = stream_word(item->number, item->size_bytes, at), left = item->size_bytes - at;
    if (memcmp((const unsigned char *)item->data + at, &word, left < 8 ? (size_t)left : 8) != 0) return 0;
  }
  return 1;
}

/* In place; what is small and has no tag by copy, without a word about it. */
static inline int stream_try_put(tarn_stream *writer, uint64_t number, uint64_t size, int64_t timeout_ns) {
  unsigned char small[256];
  if (size <= sizeof small && stream_tag(number) == 0) {
    stream_fill(small, number, size);
    return tarn_stream_put(writer, small, size, NULL, timeout_ns);
  }
  const tarn_about about = {.struct_size = sizeof about, .tag = stream_tag(number)};
  void *room;
  int result = tarn_stream_claim(writer, size, &room, timeout_ns);
  if (result != 0) return result;
  CHECK(((uintptr_t)room & 15) == 0);
  stream_fill(room, number, size);
  return tarn_stream_publish(writer, size, &about);
}

static inline void stream_put(tarn_stream *writer, uint64_t number, uint64_t size) {
  CHECK_OK(stream_try_put(writer, number, size, 0));
}

/* The next message must be this one, after so many that were missed; by copy. Returns its size. */
static inline uint64_t stream_get(tarn_stream *reader, uint64_t number, uint64_t missed) {
  static unsigned char data[1 << 20];
  tarn_item item;
  CHECK_OK(tarn_stream_get(reader, data, sizeof data, &item, 0));
  CHECK_UINT(number, item.number);
  CHECK_UINT(missed, item.missed);
  CHECK(stream_whole(&item));
  return item.size_bytes;
}

/* A whole number from the environment: how much of something a run is to do. */
static inline uint64_t stream_amount(const char *variable, uint64_t otherwise) {
  const char *text = getenv(variable);
  return text != NULL && *text != 0 ? strtoull(text, NULL, 10) : otherwise;
}

#endif
