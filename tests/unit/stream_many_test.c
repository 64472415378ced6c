/* stream_many_test.c: several writers of one stream, as handles of one process: one order, claims side by side, what is left of a
 * claim, runs, full rings under each policy, numbers and positions near their limits. */
#include "streams.h"

#include <tarn/inspect.h>

#include "os/fault.h"
#include "stream_inside.h"

enum { MS = 1000000, RING = 4096 };

static tarn_options many(uint32_t policy) {
  return (tarn_options){.size_bytes = RING, .flags = TARN_MANY_WRITERS, .policy = policy};
}

static tarn_stream *open_writer(tarn_options options) { return stream_open("many", TARN_WRITER, options); }

static tarn_stream *open_reader(void) { return stream_open("many", TARN_READER, (tarn_options){0}); }

/* A message says its number, which is known once it is claimed. */
static int put(tarn_stream *writer, uint64_t size, int64_t timeout_ns) {
  void *room;
  int result = tarn_stream_claim(writer, size, &room, timeout_ns);
  if (result != 0) return result;
  const tarn_about about = {.struct_size = sizeof about, .tag = stream_tag(writer->claim_number)};
  stream_fill(room, writer->claim_number, size);
  return tarn_stream_publish(writer, size, &about);
}

static void nothing_there(tarn_stream *reader) {
  unsigned char byte;
  tarn_item item;
  CHECK_RESULT(TARN_EMPTY, tarn_stream_get(reader, &byte, 1, &item, 0));
}

static void test_one_order(void) {
  tarn_stream *a = open_writer(many(TARN_WAIT)), *b = open_writer(many(0)), *reader = open_reader(), *other = open_reader();
  for (uint64_t number = 1; number <= 200; number++) {
    CHECK_OK(put(number % 3 == 0 ? a : b, number * 7 % 300, 0));
    stream_get(reader, number, 0);
    stream_get(other, number, 0);
  }
  tarn_stream *one;
  CHECK_RESULT(TARN_E_MISMATCH, tarn_stream_open(&one, "many", TARN_WRITER,
                                                 &(tarn_options){.struct_size = sizeof(tarn_options), .flags = TARN_QUEUE}, 0));
  tarn_stream_close(a);
  CHECK_OK(put(b, 10, 0));
  stream_get(reader, 201, 0);
  nothing_there(reader); /* one has left, one writes */
  tarn_stream_close(b);
  tarn_item item;
  CHECK_RESULT(TARN_NO_WRITER, tarn_stream_read(reader, &item, 50 * MS));
  CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_read(reader, &item, MS)); /* once a departure */
  b = open_writer(many(0));
  CHECK_OK(put(b, 10, 0));
  stream_get(reader, 202, 0);
  tarn_stream_close(b);
  CHECK_RESULT(TARN_NO_WRITER, tarn_stream_read(reader, &item, 50 * MS));
  tarn_stream_close(reader);
  tarn_stream_close(other);
}

static void test_claims_side_by_side(void) {
  tarn_stream *a = open_writer(many(TARN_WAIT)), *b = open_writer(many(0)), *reader = open_reader();
  void *first, *second;
  CHECK_OK(tarn_stream_claim(a, 100, &first, 0));
  CHECK_OK(tarn_stream_claim(b, 200, &second, 0));
  CHECK_RESULT(TARN_BUSY, tarn_stream_claim(b, 1, &second, 0));
  stream_fill(second, 2, 200);
  CHECK_OK(tarn_stream_publish(b, 200, &(tarn_about){.struct_size = sizeof(tarn_about), .tag = stream_tag(2)}));
  nothing_there(reader); /* the first is waited for, however long it takes */
  tarn_item item;
  CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_read(reader, &item, 120 * MS));
  stream_fill(first, 1, 60);
  CHECK_OK(tarn_stream_publish(a, 60, &(tarn_about){.struct_size = sizeof(tarn_about), .tag = stream_tag(1)})); /* less than claimed */
  CHECK_UINT(60, stream_get(reader, 1, 0));
  CHECK_UINT(200, stream_get(reader, 2, 0));
  CHECK_OK(tarn_stream_claim(a, 100, &first, 0));
  CHECK_OK(put(b, 30, 0));
  CHECK_OK(tarn_stream_abandon(a)); /* its number goes with it */
  stream_get(reader, 4, 0);
  CHECK_OK(tarn_stream_claim(a, 100, &first, 0));
  CHECK_OK(put(b, 30, 0));
  tarn_stream_close(a); /* the same */
  stream_get(reader, 6, 0);
  CHECK_RESULT(TARN_E_INVALID, tarn_stream_publish(b, 1, NULL));
  CHECK_RESULT(TARN_E_INVALID, tarn_stream_abandon(b));
  CHECK_RESULT(TARN_E_TOO_LARGE, tarn_stream_claim(b, RING / 2, &first, 0));
  tarn_stream_close(b);
  tarn_stream_close(reader);
}

static void test_runs(void) {
  static unsigned char bytes[16][64];
  tarn_stream *a = open_writer(many(TARN_WAIT)), *b = open_writer(many(0)), *reader = open_reader();
  tarn_piece pieces[16];
  uint64_t number = 1;
  for (int round = 0; round < 50; round++) {
    uint32_t count, left = 16;
    CHECK_OK(put(b, (uint64_t)round * 13 % 90, 0));
    stream_get(reader, number++, 0);
    for (uint32_t i = 0; i < 16; i++) {
      stream_fill(bytes[i], number + i, i * 3);
      pieces[i] = (tarn_piece){bytes[i], i * 3, stream_tag(number + i)};
    }
    while (left != 0) {
      CHECK_OK(tarn_stream_put_batch(a, pieces + 16 - left, left, &count, 0));
      CHECK(count >= 1 && count <= left);
      for (left -= count; count != 0; count--) stream_get(reader, number++, 0);
    }
  }
  uint32_t count;
  for (int i = 0; i < 16; i++) pieces[i] = (tarn_piece){bytes[0], 1, stream_tag(number + (uint64_t)i)};
  CHECK_OK(tarn_stream_put_pieces(a, pieces, 3, NULL, 0));
  tarn_item item;
  CHECK_OK(tarn_stream_read(reader, &item, 0));
  CHECK_UINT(3, item.size_bytes);
  CHECK_OK(tarn_stream_release(reader, &item));
  pieces[3].size_bytes = RING;
  CHECK_RESULT(TARN_E_TOO_LARGE, tarn_stream_put_batch(a, pieces, 16, &count, 0));
  tarn_stream_close(a);
  tarn_stream_close(b);
  tarn_stream_close(reader);
}

static void test_full(void) {
  static const uint32_t policies[] = {TARN_WAIT, TARN_FAIL};
  for (int i = 0; i < 2; i++) {
    tarn_stream *a = open_writer(many(policies[i])), *b = open_writer(many(0));
    uint64_t last = 0;
    while (put(last % 2 == 0 ? a : b, 100, 0) == 0) last++; /* nobody has ever read: it is waited for */
    CHECK_UINT(31, last);
    CHECK_RESULT(TARN_FULL, put(b, 100, 0));
    CHECK_RESULT(policies[i] == TARN_WAIT ? TARN_TIMED_OUT : TARN_FULL, put(b, 100, 5 * MS));
    tarn_stream *reader = open_reader();
    for (uint64_t number = 1; number <= last; number++) stream_get(reader, number, 0);
    for (int more = 0; more < 100; more++) {
      CHECK_OK(put(more % 2 == 0 ? a : b, 1500, 0));
      stream_get(reader, ++last, 0);
    }
    tarn_stream_close(reader); /* with none attached the oldest is dropped */
    void *room;
    for (int more = 0; more < 100; more++) CHECK_OK(put(more % 3 == 0 ? a : b, 200, 0));
    CHECK_OK(tarn_stream_claim(a, 100, &room, 0));
    int result = 0, puts = 0;
    for (; result == 0; puts++) result = put(b, 200, 0); /* but not what a living writer has claimed */
    CHECK_RESULT(TARN_FULL, result);
    CHECK(puts > 5 && puts < RING / 200);
    CHECK_OK(tarn_stream_abandon(a));
    for (int more = 0; more < 100; more++) CHECK_OK(put(b, 200, 0));
    tarn_stream_close(a);
    tarn_stream_close(b);
  }
}

static void test_overwrite(void) {
  tarn_stream *a = open_writer(many(TARN_OVERWRITE)), *b = open_writer(many(0)), *reader = open_reader();
  tarn_stream *observer = stream_open("many", TARN_OBSERVER, (tarn_options){0});
  for (uint64_t number = 1; number <= 500; number++) CHECK_OK(put(number % 3 == 0 ? a : b, number % 200, 0));
  unsigned char bytes[RING];
  tarn_item item;
  CHECK_OK(tarn_stream_get(observer, bytes, sizeof bytes, &item, 0));
  CHECK(item.number > 400 && stream_whole(&item));
  CHECK_OK(tarn_stream_get(reader, bytes, sizeof bytes, &item, 0));
  CHECK(item.number > 400 && stream_whole(&item));
  for (uint64_t number = item.number + 1; number <= 500; number++) stream_get(reader, number, 0);
  void *room;
  CHECK_OK(tarn_stream_claim(a, 100, &room, 0));
  int result = 0;
  while ((result = put(b, 300, 0)) == 0) {
  }
  CHECK_RESULT(TARN_FULL, result); /* a living writer's claim is not overwritten */
  CHECK_RESULT(TARN_FULL, put(b, 300, 5 * MS));
  CHECK_OK(tarn_stream_abandon(a));
  for (int i = 0; i < 100; i++) CHECK_OK(put(b, 300, 0));
  tarn_stream_close(a);
  tarn_stream_close(b);
  tarn_stream_close(reader);
  tarn_stream_close(observer);
}

static void test_batch_around_the_end(void) {
  static unsigned char bytes[64][200];
  tarn_stream *a = open_writer(many(TARN_WAIT)), *reader = open_reader();
  uint64_t number = 1;
  for (int round = 0; round < 200; round++) {
    tarn_piece pieces[64];
    uint32_t count, wanted = 1 + (uint32_t)(check_random() % 64);
    for (uint32_t i = 0; i < wanted; i++) {
      uint64_t size = check_random() % 200;
      stream_fill(bytes[i], number + i, size);
      pieces[i] = (tarn_piece){bytes[i], size, stream_tag(number + i)};
    }
    CHECK_OK(tarn_stream_put_batch(a, pieces, wanted, &count, 0));
    for (; count != 0; count--) stream_get(reader, number++, 0);
  }
  tarn_stream_close(a);
  tarn_stream_close(reader);
}

/* A stream whose positions and numbers begin where they are asked to: its header is made again, and the words that follow from it. */
static void begin_at(const char *file, uint64_t position, uint64_t number) {
  tarn_options options = many(TARN_WAIT);
  options.flags |= TARN_KEPT;
  tarn_stream_close(open_writer(options));
  tn_header header;
  FILE *f = fopen(check_path(file), "r+b");
  CHECK(f != NULL && fread(&header, sizeof header, 1, f) == 1);
  tn_latch latch = {.version = 0};
  latch.copy[0].position = position;
  latch.copy[0].number = number;
  CHECK_INT(0, fseek(f, (long)(header.control_offset + offsetof(tn_control, kind.stream.floor)), SEEK_SET));
  CHECK_UINT(1, fwrite(&latch, sizeof latch, 1, f));
  CHECK_UINT(1, fwrite(&latch, sizeof latch, 1, f));
  CHECK_INT(0, fclose(f));
}

static void test_far_positions(void) {
  static const uint64_t starts[] = {(UINT64_C(1) << 32) - 2048, (UINT64_C(1) << 63) - 1024, UINT64_MAX - 4095};
  static const uint64_t numbers[] = {UINT32_MAX - 10u, (UINT64_C(1) << 62) - 5, UINT64_C(1) << 33};
  for (int i = 0; i < 3; i++) {
    begin_at("many.stream", starts[i], numbers[i]);
    tarn_stream *a = open_writer(many(0)), *b = open_writer(many(0)), *reader = open_reader();
    for (uint64_t k = 0; k < 300; k++) {
      CHECK_OK(put(k % 2 == 0 ? a : b, k * 11 % 600, 0));
      stream_get(reader, numbers[i] + k, 0);
    }
    tarn_stream_close(a);
    tarn_stream_close(b);
    tarn_stream_close(reader);
    CHECK_OK(tarn_remove("many", TARN_KIND_STREAM, 0));
  }
}

static void test_statistics(void) {
  tarn_stream *a = open_writer(many(TARN_WAIT)), *b = open_writer(many(0)), *reader = open_reader();
  for (int i = 0; i < 5; i++) CHECK_OK(put(a, 10, 0));
  CHECK_OK(put(b, 20, 0));
  void *room;
  CHECK_OK(tarn_stream_claim(b, 20, &room, 0));
  tarn_details details = {.struct_size = sizeof details};
  tarn_participant all[4];
  CHECK_OK(tarn_inspect("many", TARN_KIND_STREAM, &details, all, 4));
  CHECK_UINT(3, details.participant_count);
  CHECK_UINT(TARN_MANY_WRITERS, details.flags);
  CHECK_UINT(5, all[0].items);
  CHECK_UINT(50, all[0].bytes);
  CHECK_UINT(0, all[0].claimed);
  CHECK_UINT(1, all[1].items);
  CHECK_UINT(7, all[1].claimed);
  CHECK_UINT(7, all[2].lag); /* the claimed one, too: it is waited for */
  CHECK_OK(tarn_stream_abandon(b));
  CHECK_OK(put(a, 30, 0));
  for (uint64_t number = 1; number <= 8; number++)
    if (number != 7) stream_get(reader, number, 0);
  CHECK_OK(tarn_inspect("many", TARN_KIND_STREAM, &details, all, 4));
  CHECK_UINT(7, all[2].items); /* the number that went with the claim was no message */
  CHECK_UINT(8, all[2].position);
  tarn_stream_close(a);
  tarn_stream_close(b);
  tarn_stream_close(reader);
}

/* role: one more writer, who claims so many bytes and is killed at a step of it */
static int role_dies_claiming(int argc, char **argv) {
  CHECK_INT(2, argc);
  tarn_stream *writer = open_writer(many(0));
  void *room;
  tn_point_set(argv[0], 1, "kill");
  int result = tarn_stream_claim(writer, strtoull(argv[1], NULL, 10), &room, 1000 * MS);
  check_say("not killed: %d", result);
  return 1;
}

static void dies_claiming(const char *point, const char *size) {
  check_wait(check_start("dies_claiming", point, size, NULL)); /* how a killed one ends differs between systems */
}

/* One dies between its claim and its tail; the next one walks over what is left of it and dies when the floor has gone there, too. The
 * stored tail must never be below the floor: from there nobody finds the end again. */
static void test_two_deaths_around_the_tail(void) {
  tarn_stream *writer = open_writer(many(TARN_WAIT)), *reader = open_reader();
  tarn_item item;
  for (uint64_t number = 1; number <= 12; number++) {
    CHECK_OK(put(writer, 100, 0));
    stream_get(reader, number, 0);
  }
  dies_claiming("many.claim.word", "2000");
  CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_read(reader, &item, 200 * MS)); /* it has passed the claim, and said so */
  dies_claiming("many.claim.walked", "2000");
  dies_claiming("stream.floor.stored", "2000");
  CHECK_OK(put(writer, 100, 1000 * MS));
  CHECK_OK(tarn_stream_read(reader, &item, 1000 * MS));
  CHECK(item.size_bytes == 100 && stream_whole(&item));
  CHECK_OK(tarn_stream_release(reader, &item));
  tarn_stream_close(writer);
  tarn_stream_close(reader);
}

/* What a message left of its claim keeps no room once the message was read: not by a reader that goes away after it, either. */
static void test_left_over_is_passed(void) {
  tarn_stream *writer = open_writer(many(TARN_WAIT)), *reader = open_reader();
  unsigned char bytes[8];
  tarn_item items[3];
  uint32_t count;
  void *room;
  for (int way = 0; way < 3; way++)
    for (int i = 0; i < 12; i++) { /* far more than one ring */
      CHECK_OK(tarn_stream_claim(writer, 1900, &room, 0));
      CHECK_OK(tarn_stream_publish(writer, 8, NULL));
      if (way == 0) CHECK_OK(tarn_stream_get(reader, bytes, sizeof bytes, items, 0));
      if (way == 1) CHECK_OK(tarn_stream_read(reader, items, 0));
      if (way == 1) CHECK_OK(tarn_stream_release(reader, items));
      if (way == 2) CHECK_OK(tarn_stream_read_batch(reader, items, 1, &count, 0));
      if (way == 2) CHECK_OK(tarn_stream_release_batch(reader, items, 1));
      CHECK_UINT(tn_load_relaxed(&reader->slot->cursor), tn_stream_position(writer) | 1);
    }
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

static const check_test tests[] = {{"one_order", test_one_order, 0},
                                   {"claims_side_by_side", test_claims_side_by_side, 0},
                                   {"runs", test_runs, 0},
                                   {"full", test_full, 0},
                                   {"overwrite", test_overwrite, 0},
                                   {"batch_around_the_end", test_batch_around_the_end, 0},
                                   {"far_positions", test_far_positions, 0},
                                   {"statistics", test_statistics, 0},
                                   {"two_deaths_around_the_tail", test_two_deaths_around_the_tail, 0},
                                   {"left_over_is_passed", test_left_over_is_passed, 0},
                                   {0}};
static const check_role roles[] = {{"dies_claiming", role_dies_claiming}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
