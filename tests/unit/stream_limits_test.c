/* stream_limits_test.c: where sizes, positions and numbers are at their ends. */
#include "header.h"
#include "stream_inside.h"
#include "streams.h"

enum { RING = 4096 };

/* ---- Far from the beginning --------------------------------------------------------------------------------------------- */

/* A kept stream without messages whose first position and number are these, as if so much had passed through it. */
static void found_at(const char *name, tarn_options options, uint64_t position, uint64_t number) {
  options.flags |= TARN_KEPT;
  tarn_stream *stream = stream_open(name, TARN_WRITER, options);
  tn_header *header = (tn_header *)(void *)stream->channel.base;
  header->first_position = position;
  header->first_number = number;
  tn_header_seal(header);
  tn_latch_store(&stream->channel.control->kind.stream.floor, position, number);
  tn_latch_store(&stream->channel.control->kind.stream.tail, position, number);
  tarn_stream_close(stream);
}

/* Whoever asked for a later one passes this one over. */
static void read_in_place(tarn_stream *reader, uint64_t number, uint64_t from) {
  tarn_item item;
  if (number < from) {
    CHECK_RESULT(TARN_EMPTY, tarn_stream_read(reader, &item, 0));
    return;
  }
  CHECK_OK(tarn_stream_read(reader, &item, 0));
  CHECK_UINT(number, item.number);
  CHECK_UINT(0, item.missed);
  CHECK(stream_whole(&item));
  CHECK_OK(tarn_stream_release(reader, &item));
}

/* Around the ring some twenty times, over the boundary, with new writers and readers on the way. */
static void go_across(tarn_options options, uint64_t position, uint64_t first) {
  found_at("far", options, position, first);
  tarn_stream *writer = stream_open("far", TARN_WRITER, options);
  tarn_stream *copier = stream_open("far", TARN_READER, (tarn_options){0});
  tarn_stream *placer = stream_open("far", TARN_READER, (tarn_options){.from = first + 10});
  tarn_stream *observer = stream_open("far", TARN_OBSERVER, (tarn_options){.from = first});
  for (uint64_t number = first; number - first < 400; number++) {
    stream_put(writer, number, number % 7 == 0 ? writer->longest : number * 31 % 300);
    stream_get(copier, number, 0);
    stream_get(observer, number, 0);
    read_in_place(placer, number, first + 10);
    if (number % 50 == 0) {
      tarn_stream_close(writer);
      writer = stream_open("far", TARN_WRITER, (tarn_options){0});
      tarn_stream *next = stream_open("far", TARN_READER, (tarn_options){.from = number + 1});
      stream_put(writer, ++number, 5);
      stream_get(next, number, 0);
      stream_get(copier, number, 0);
      stream_get(observer, number, 0);
      read_in_place(placer, number, first + 10);
      tarn_stream_close(next);
    }
  }
  CHECK(tn_stream_position(writer) - position > 20 * RING);
  tarn_stream_close(observer);
  tarn_stream_close(placer);
  tarn_stream_close(copier);
  tarn_stream_close(writer);
  CHECK_OK(tarn_remove("far", TARN_KIND_STREAM, 0));
}

static void test_across_boundaries(void) {
  static const uint64_t edges[] = {UINT64_C(1) << 32, UINT64_C(1) << 63, UINT64_C(1) << 31, UINT64_C(1) << 48};
  for (uint32_t policy = TARN_WAIT; policy <= TARN_OVERWRITE; policy++)
    for (uint32_t i = 0; i < sizeof edges / sizeof *edges; i++) {
      tarn_options options = {.size_bytes = RING, .policy = policy, .flags = i % 2 != 0 ? TARN_TIMES : 0};
      go_across(options, edges[i] - 10 * RING - 48, edges[i] - 200);
      go_across(options, 16 * i, edges[i] - 1);
      go_across(options, edges[i] - 16, 1);
    }
}

/* Positions may even pass 2^64. Numbers never come that far: 2^64 messages are 500 years at a thousand million a second. */
static void test_around_all_positions(void) {
  go_across((tarn_options){.size_bytes = RING}, UINT64_MAX - 10 * RING + 1, 1);
  go_across((tarn_options){.size_bytes = RING, .policy = TARN_OVERWRITE}, UINT64_MAX - 15, 1);
}

static void test_overwritten_across(void) {
  static const uint64_t edges[] = {UINT64_C(1) << 32, UINT64_C(1) << 63};
  for (int i = 0; i < 2; i++) {
    found_at("lost", (tarn_options){.size_bytes = RING, .policy = TARN_OVERWRITE}, edges[i] - RING, edges[i] - 100);
    tarn_stream *writer = stream_open("lost", TARN_WRITER, (tarn_options){0});
    tarn_stream *reader = stream_open("lost", TARN_READER, (tarn_options){0}), *at, *next;
    unsigned char data[48];
    tarn_item item;
    stream_put(writer, edges[i] - 100, 48);
    stream_get(reader, edges[i] - 100, 0);
    for (uint64_t number = edges[i] - 99; number != edges[i] + 300; number++)
      stream_put(writer, number, 48);
    at = stream_open("lost", TARN_READER, (tarn_options){.from = edges[i] - 50});
    next = stream_open("lost", TARN_READER, (tarn_options){.from = TARN_NEXT});
    CHECK_OK(tarn_stream_get(reader, data, sizeof data, &item, 0));
    CHECK_UINT(item.number - (edges[i] - 99), item.missed);
    CHECK_OK(tarn_stream_get(at, data, sizeof data, &item, 0));
    CHECK_UINT(item.number - (edges[i] - 50), item.missed);
    CHECK_RESULT(TARN_EMPTY, tarn_stream_get(next, data, sizeof data, &item, 0));
    stream_put(writer, edges[i] + 300, 48);
    stream_get(next, edges[i] + 300, 0);
    tarn_stream_close(next);
    tarn_stream_close(at);
    tarn_stream_close(reader);
    tarn_stream_close(writer);
    CHECK_OK(tarn_remove("lost", TARN_KIND_STREAM, 0));
  }
}

/* A ring of 8 GiB on a disk, where its middle and its end are: only what is written takes memory. */
static void test_beyond_4_gib(void) {
  if (getenv("TARN_TEST_LARGE") == NULL) check_skip("takes 8 GiB of a disk: with TARN_TEST_LARGE=1");
  if (sizeof(void *) < 8) check_skip("no address space for a ring of 8 GiB");
  static const uint64_t starts[] = {(UINT64_C(1) << 32) - (1 << 20), (UINT64_C(1) << 33) - (1 << 20)};
  char path[600];
  snprintf(path, sizeof path, "%s/large.stream", check_disk_directory());
  for (int i = 0; i < 2; i++) {
    found_at(path, (tarn_options){.size_bytes = UINT64_C(1) << 33}, starts[i], 1);
    tarn_stream *writer = stream_open(path, TARN_WRITER, (tarn_options){0});
    tarn_stream *reader = stream_open(path, TARN_READER, (tarn_options){0});
    for (uint64_t number = 1; number <= 100; number++) {
      stream_put(writer, number, 100000 - number);
      stream_get(reader, number, 0);
    }
    CHECK(tn_stream_position(writer) > starts[i] + (1 << 20));
    tarn_stream_close(writer);
    writer = stream_open(path, TARN_WRITER, (tarn_options){0});
    CHECK_UINT(101, writer->number);
    tarn_stream_close(reader);
    tarn_stream_close(writer);
    CHECK_OK(tarn_remove(path, TARN_KIND_STREAM, 0));
  }
}

/* ---- Sizes -------------------------------------------------------------------------------------------------------------- */

/* Every size that the smallest ring takes, each at another place. */
static void every_size(uint32_t flags, uint64_t longest) {
  tarn_stream *writer = stream_open("sizes", TARN_WRITER, (tarn_options){.size_bytes = RING, .flags = flags});
  tarn_stream *reader = stream_open("sizes", TARN_READER, (tarn_options){0});
  CHECK_UINT(longest, writer->longest);
  uint64_t number = 1;
  for (uint64_t size = 0; size <= longest; size++, number++) {
    stream_put(writer, number, size);
    CHECK_UINT(size, stream_get(reader, number, 0));
  }
  for (int i = 0; i < 100; i++, number++) { /* an empty ring takes the largest wherever it begins */
    stream_put(writer, number, longest);
    CHECK_UINT(longest, stream_get(reader, number, 0));
    stream_put(writer, ++number, 0);
    CHECK_UINT(0, stream_get(reader, number, 0));
  }
  void *room;
  CHECK_RESULT(TARN_E_TOO_LARGE, tarn_stream_claim(writer, longest + 1, &room, 0));
  CHECK_CONTAINS("sizes", tarn_error_text());
  CHECK_CONTAINS("can never fit", tarn_error_text());
  CHECK_CONTAINS("remove it and create it with a larger one", tarn_error_text());
  CHECK_RESULT(TARN_E_TOO_LARGE, tarn_stream_claim(writer, UINT64_MAX, &room, TARN_FOREVER));
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

static void test_every_size(void) {
  every_size(0, RING / 2 - 32);
  every_size(TARN_TIMES, RING / 2 - 48);
}

static uint64_t fill_up(tarn_stream *writer, uint64_t number, uint64_t size) {
  while (stream_try_put(writer, number, size, 0) == 0)
    number++;
  return number;
}

static void test_exactly_full(void) {
  tarn_stream *writer = stream_open("full", TARN_WRITER, (tarn_options){.size_bytes = RING});
  CHECK_UINT(64, fill_up(writer, 1, 48)); /* 63 records of 64 bytes; the word after a 64th has no room */
  stream_put(writer, 64, 32);             /* 4032 + 48, and the word after it: exactly */
  CHECK_UINT(RING - TN_UNIT, tn_stream_position(writer));
  CHECK_RESULT(TARN_FULL, stream_try_put(writer, 65, 0, 0));
  tarn_stream *reader = stream_open("full", TARN_READER, (tarn_options){0});
  for (uint64_t number = 1; number <= 64; number++)
    stream_get(reader, number, 0);
  stream_put(writer, 65, 0); /* ends where the ring ends */
  CHECK_UINT(RING, tn_stream_position(writer));
  stream_get(reader, 65, 0);
  CHECK_UINT(RING, tn_stream_position(reader));
  CHECK_UINT(66 + 255, fill_up(writer, 66, 0)); /* messages of nothing: all but one unit */
  for (uint64_t number = 66; number < 66 + 255; number++)
    stream_get(reader, number, 0);
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

/* Records that end exactly where the ring does need no skip, and the word after them is the ring's first. */
static void test_ends_at_the_end(void) {
  tarn_stream *writer = stream_open("end", TARN_WRITER, (tarn_options){.size_bytes = RING});
  tarn_stream *reader = stream_open("end", TARN_READER, (tarn_options){0});
  for (uint64_t number = 1; number <= 4 * 50; number++) {
    stream_put(writer, number, RING / 4 - 16 - number % 16);
    CHECK_UINT(number * (RING / 4), tn_stream_position(writer));
    if (number % 4 == 0) {
      tarn_stream_close(writer); /* the next one finds the end there */
      writer = stream_open("end", TARN_WRITER, (tarn_options){0});
      CHECK_UINT(number + 1, writer->number);
    }
    stream_get(reader, number, 0);
  }
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

static void test_less_than_claimed(void) {
  tarn_stream *writer = stream_open("less", TARN_WRITER, (tarn_options){.size_bytes = RING});
  tarn_stream *reader = stream_open("less", TARN_READER, (tarn_options){0});
  for (uint64_t number = 1; number <= 300; number++) {
    void *room;
    uint64_t size = number % 5 == 0 ? 0 : number * 57 % writer->longest;
    const tarn_about about = {.struct_size = sizeof about, .tag = stream_tag(number)};
    CHECK_OK(tarn_stream_claim(writer, writer->longest, &room, 0));
    memset(room, 0xff, (size_t)writer->longest); /* visible words, if anybody took them for such */
    CHECK_RESULT(TARN_BUSY, tarn_stream_claim(writer, 1, &room, 0));
    CHECK_RESULT(TARN_E_INVALID, tarn_stream_publish(writer, writer->longest + 1, NULL));
    if (number % 3 == 0) {
      CHECK_OK(tarn_stream_abandon(writer));
      CHECK_RESULT(TARN_E_INVALID, tarn_stream_abandon(writer));
      CHECK_RESULT(TARN_E_INVALID, tarn_stream_publish(writer, 0, NULL));
      CHECK_OK(tarn_stream_claim(writer, writer->longest, &room, 0));
    }
    stream_fill(room, number, size);
    CHECK_OK(tarn_stream_publish(writer, size, &about));
    CHECK_UINT(size, stream_get(reader, number, 0));
    tarn_item item;
    CHECK_RESULT(TARN_EMPTY, tarn_stream_read(reader, &item, 0));
  }
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

/* ---- Batches ------------------------------------------------------------------------------------------------------------ */

static void test_batches(void) {
  tarn_stream *writer = stream_open("batch", TARN_WRITER, (tarn_options){.size_bytes = RING});
  tarn_stream *reader = stream_open("batch", TARN_READER, (tarn_options){0});
  static unsigned char bytes[64][RING / 2];
  tarn_piece pieces[64];
  uint64_t wraps = 0, number = 1;
  for (int round = 0; round < 500; round++) {
    uint32_t wanted = 1 + (uint32_t)check_random() % 64, count = 0;
    uint64_t most = round % 10 == 0 ? writer->longest : 200, begin = tn_stream_position(writer);
    for (uint32_t i = 0; i < wanted; i++) {
      uint64_t size = check_random() % (most + 1);
      stream_fill(bytes[i], number + i, size);
      pieces[i] = (tarn_piece){bytes[i], size, stream_tag(number + i)};
    }
    CHECK_OK(tarn_stream_put_batch(writer, pieces, wanted, &count, 0));
    CHECK(count >= 1 && count <= wanted);
    uint64_t end = tn_stream_position(writer);
    CHECK(count == 1 || end - begin <= RING / 4);
    wraps += begin / RING != end / RING && count > 1;
    for (uint32_t i = 0; i < count; i++)
      CHECK_UINT(pieces[i].size_bytes, stream_get(reader, number++, 0));
    tarn_item item;
    CHECK_RESULT(TARN_EMPTY, tarn_stream_read(reader, &item, 0));
  }
  CHECK(wraps > 10);
  uint32_t count = 77;
  pieces[1].size_bytes = writer->longest + 1;
  CHECK_RESULT(TARN_E_TOO_LARGE, tarn_stream_put_batch(writer, pieces, 2, &count, 0));
  CHECK_UINT(77, count);
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

/* ---- Arguments and what a handle may hold ------------------------------------------------------------------------------- */

/* A deadline that has passed, less now, is not for ever. */
static void test_negative_timeouts(void) {
  static const uint32_t flags[] = {0, TARN_MANY_WRITERS, TARN_QUEUE};
  static const int64_t wrong[] = {-2, -5000000, INT64_MIN};
  for (int kind = 0; kind < 3; kind++) {
    tarn_stream *writer = stream_open("late", TARN_WRITER, (tarn_options){.size_bytes = RING, .flags = flags[kind]}), *none = NULL;
    tarn_stream *reader = stream_open("late", TARN_READER, (tarn_options){0});
    tarn_item item;
    char data[8];
    void *room;
    uint32_t count;
    const tarn_piece piece = {"x", 1, 0};
    for (int i = 0; i < 3; i++) {
      CHECK_RESULT(TARN_E_INVALID, tarn_stream_open(&none, "nothing", TARN_READER, NULL, wrong[i]));
      CHECK_CONTAINS("save TARN_FOREVER", tarn_error_text());
      CHECK_RESULT(TARN_E_INVALID, tarn_stream_read(reader, &item, wrong[i]));
      CHECK_CONTAINS("save TARN_FOREVER", tarn_error_text());
      CHECK_RESULT(TARN_E_INVALID, tarn_stream_read_batch(reader, &item, 1, &count, wrong[i]));
      CHECK_RESULT(TARN_E_INVALID, tarn_stream_get(reader, data, sizeof data, &item, wrong[i]));
    }
    while (tarn_stream_put(writer, "12345678", 8, NULL, 0) == 0) continue;
    CHECK_RESULT(TARN_E_INVALID, tarn_stream_claim(writer, 8, &room, -2));
    CHECK_RESULT(TARN_E_INVALID, tarn_stream_put(writer, data, 8, NULL, -200));
    CHECK_RESULT(TARN_E_INVALID, tarn_stream_put_pieces(writer, &piece, 1, NULL, -3));
    CHECK_RESULT(TARN_E_INVALID, tarn_stream_put_batch(writer, &piece, 1, &count, INT64_MIN));
    tarn_stream_close(reader);
    tarn_stream_close(writer);
  }
}

static void test_arguments(void) {
  tarn_stream *stream = NULL;
  tarn_options options = {.struct_size = sizeof options};
  static const uint64_t sizes[] = {1, 2048, 4095, 4097, 6000, UINT64_C(1) << 41, UINT64_MAX};
  for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    options.size_bytes = sizes[i];
    CHECK_RESULT(TARN_E_INVALID, tarn_stream_open(&stream, "bad", TARN_WRITER, &options, 0));
    CHECK_CONTAINS("power of two", tarn_error_text());
  }
  tarn_stream *writer = stream_open("good", TARN_WRITER, (tarn_options){.size_bytes = RING});
  options = (tarn_options){.struct_size = sizeof options, .policy = TARN_OVERWRITE};
  CHECK_RESULT(TARN_E_MISMATCH, tarn_stream_open(&stream, "good", TARN_READER, &options, 0));
  CHECK_CONTAINS("policy: TARN_OVERWRITE was asked for, but it was made with TARN_WAIT", tarn_error_text());
  tarn_about about = {.struct_size = sizeof about, .tag = UINT64_C(1) << 32};
  CHECK_RESULT(TARN_E_INVALID, tarn_stream_put(writer, "x", 1, &about, 0));
  about = (tarn_about){.struct_size = sizeof about, .type = "text/plain"};
  CHECK_RESULT(TARN_E_INVALID, tarn_stream_put(writer, "x", 1, &about, 0));
  about = (tarn_about){.struct_size = sizeof about, .tag = UINT32_MAX, .type = ""};
  CHECK_OK(tarn_stream_put(writer, "x", 1, &about, 0));
  CHECK_RESULT(TARN_E_INVALID, tarn_stream_put(writer, NULL, 1, NULL, 0));
  tarn_piece pieces[3] = {{"x", 1, UINT64_C(1) << 32}};
  uint32_t count;
  CHECK_RESULT(TARN_E_INVALID, tarn_stream_put_batch(writer, pieces, 1, &count, 0));
  CHECK_RESULT(TARN_E_INVALID, tarn_stream_put_batch(writer, pieces, 0, &count, 0));
  static unsigned char bytes[RING / 2];
  for (int i = 0; i < 3; i++)
    pieces[i] = (tarn_piece){bytes, RING / 2 - 32, 0};
  CHECK_RESULT(TARN_E_TOO_LARGE, tarn_stream_put_pieces(writer, pieces, 3, NULL, 0));
  tarn_item item;
  CHECK_RESULT(TARN_E_INVALID, tarn_stream_read(writer, &item, 0));
  tarn_stream *observer = stream_open("good", TARN_OBSERVER, (tarn_options){0});
  CHECK_RESULT(TARN_E_UNSUPPORTED, tarn_stream_read(observer, &item, 0));
  CHECK_RESULT(TARN_E_INVALID, tarn_stream_put(observer, "x", 1, NULL, 0));
  CHECK_OK(tarn_stream_get(observer, bytes, sizeof bytes, &item, 0));
  CHECK_UINT(UINT32_MAX, item.tag);
  tarn_stream_close(observer);
  tarn_stream_close(writer);
}

static void test_too_small_a_buffer(void) {
  tarn_stream *writer = stream_open("small", TARN_WRITER, (tarn_options){.size_bytes = RING});
  tarn_stream *reader = stream_open("small", TARN_READER, (tarn_options){0});
  unsigned char data[100];
  for (uint64_t number = 1; number <= 100; number++) {
    stream_put(writer, number, 100);
    tarn_item item = {.size_bytes = 0};
    CHECK_RESULT(TARN_E_TOO_LARGE, tarn_stream_get(reader, data, 99, &item, 0));
    CHECK_UINT(100, item.size_bytes);
    CHECK_RESULT(TARN_E_TOO_LARGE, tarn_stream_get(reader, NULL, 0, &item, TARN_FOREVER));
    stream_get(reader, number, 0);
  }
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

static void test_as_many_as_may_be_out(void) {
  tarn_stream *writer = stream_open("out", TARN_WRITER, (tarn_options){.size_bytes = 65536});
  tarn_stream *reader = stream_open("out", TARN_READER, (tarn_options){0});
  static tarn_item items[TN_OUT_MAX + 1];
  uint32_t count;
  for (uint64_t number = 1; number <= TN_OUT_MAX + 1; number++)
    stream_put(writer, number, 8);
  CHECK_OK(tarn_stream_read_batch(reader, items, TN_OUT_MAX + 1, &count, 0));
  CHECK_UINT(TN_OUT_MAX, count);
  CHECK_RESULT(TARN_BUSY, tarn_stream_read(reader, &items[TN_OUT_MAX], 0));
  CHECK_OK(tarn_stream_release(reader, &items[500]));
  CHECK_RESULT(TARN_BUSY, tarn_stream_read(reader, &items[TN_OUT_MAX], 0)); /* the places behind the oldest are taken */
  CHECK_OK(tarn_stream_release(reader, &items[0]));
  CHECK_OK(tarn_stream_read(reader, &items[TN_OUT_MAX], 0));
  tarn_item forged = items[7];
  forged.number++;
  CHECK_RESULT(TARN_E_INVALID, tarn_stream_release(reader, &forged));
  tarn_stream_close(reader); /* the items stay */
  tarn_stream_close(writer);
  for (uint32_t i = 1; i <= TN_OUT_MAX; i++)
    if (i != 500) {
      CHECK(stream_whole(&items[i]));
      CHECK_OK(tarn_stream_release(reader, &items[i]));
    }
  tarn_stream *again = NULL; /* with the last of them the reader left, and the name with it */
  tarn_options options = {.struct_size = sizeof options, .flags = TARN_EXCLUSIVE};
  CHECK_OK(tarn_stream_open(&again, "out", TARN_WRITER, &options, 0));
  tarn_stream_close(again);
}

static const check_test tests[] = {{"across_boundaries", test_across_boundaries, 60},
                                   {"around_all_positions", test_around_all_positions, 0},
                                   {"overwritten_across", test_overwritten_across, 0},
                                   {"beyond_4_gib", test_beyond_4_gib, 300},
                                   {"every_size", test_every_size, 0},
                                   {"exactly_full", test_exactly_full, 0},
                                   {"ends_at_the_end", test_ends_at_the_end, 0},
                                   {"less_than_claimed", test_less_than_claimed, 0},
                                   {"batches", test_batches, 0},
                                   {"arguments", test_arguments, 0},
                                   {"negative_timeouts", test_negative_timeouts, 0},
                                   {"too_small_a_buffer", test_too_small_a_buffer, 0},
                                   {"as_many_as_may_be_out", test_as_many_as_may_be_out, 0},
                                   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, NULL); }
