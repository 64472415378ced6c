/* stream_floor_test.c: what keeps a stream's readers safe where somebody died, joined late or wrote nonsense: floor, limit,
 * `missed`. */
#include "stream_inside.h"
#include "streams.h"

enum { RING = 4096 };

/* What a writer leaves that dies after it stored its floor and before it looked at the readers again: somebody joined below
 * it. */
static void store_floor_as_if_killed(const char *name, uint64_t messages) {
  tarn_stream *writer = stream_open(name, TARN_WRITER, (tarn_options){0});
  uint64_t position = writer->floor, number = 1;
  tn_sight sight;
  for (uint64_t i = 0; i < messages; i++, number++) {
    CHECK_INT(1, tn_stream_see(writer, position, &sight));
    position += sight.extent;
  }
  tn_latch_store(&writer->channel.control->kind.stream.floor, position, number);
  tarn_stream_close(writer);
}

static void test_reader_below_the_floor(void) {
  tarn_stream *writer = stream_open("below", TARN_WRITER, (tarn_options){.size_bytes = RING});
  tarn_stream *reader = stream_open("below", TARN_READER, (tarn_options){0});
  uint64_t put = 0;
  while (put < 40)
    stream_put(writer, ++put, 48);
  tarn_stream_close(writer);
  store_floor_as_if_killed("below", 25);
  writer = stream_open("below", TARN_WRITER, (tarn_options){0});
  while (stream_try_put(writer, put + 1, 48, 0) == 0)
    put++;
  CHECK_UINT(63, put); /* the ring, less the word after the last */
  CHECK_RESULT(TARN_FULL, stream_try_put(writer, put + 1, 48, 0));
  for (uint64_t number = 1; number <= put; number++)
    stream_get(reader, number, 0);
  for (int i = 0; i < 200; i++) {
    stream_put(writer, ++put, 48);
    stream_get(reader, put, 0);
  }
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

/* Where a reader wants number 100 and is overtaken before it got there, only what it wanted is missed. */
static void test_missed_after_a_number(void) {
  tarn_stream *writer = stream_open("from", TARN_WRITER, (tarn_options){.size_bytes = RING, .policy = TARN_OVERWRITE});
  uint64_t put = 0;
  while (put < 10)
    stream_put(writer, ++put, 48);
  tarn_stream *reader = stream_open("from", TARN_READER, (tarn_options){.from = 100});
  tarn_stream *observer = stream_open("from", TARN_OBSERVER, (tarn_options){.from = 300});
  tarn_stream *next = stream_open("from", TARN_READER, (tarn_options){.from = TARN_NEXT});
  tarn_stream *lost = stream_open("from", TARN_READER, (tarn_options){.from = 1});
  while (put < 200)
    stream_put(writer, ++put, 48);
  tarn_item item;
  unsigned char data[48];
  CHECK_OK(tarn_stream_get(reader, data, sizeof data, &item, 0));
  CHECK(item.number > 100);
  CHECK_UINT(item.number - 100, item.missed);
  CHECK_RESULT(TARN_EMPTY, tarn_stream_get(observer, data, sizeof data, &item, 0));
  CHECK_OK(tarn_stream_get(next, data, sizeof data, &item, 0));
  CHECK_UINT(0, item.missed);
  CHECK_OK(tarn_stream_get(lost, data, sizeof data, &item, 0));
  CHECK_UINT(item.number - 1, item.missed);
  while (put < 320)
    stream_put(writer, ++put, 48);
  stream_get(observer, 300, 0);
  tarn_stream *early = stream_open("from", TARN_READER, (tarn_options){.from = 2});
  CHECK_OK(tarn_stream_get(early, data, sizeof data, &item, 0));
  CHECK_UINT(item.number - 2, item.missed);
  tarn_stream_close(early);
  tarn_stream_close(lost);
  tarn_stream_close(next);
  tarn_stream_close(observer);
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

/* Cursors that nobody clears, and one that its owner does not store for a long time: the writer goes on all the same. */
static void test_scribbled_cursors(void) {
  tarn_stream *writer = stream_open("words", TARN_WRITER, (tarn_options){.size_bytes = RING, .slots = 4});
  tarn_stream *reader = stream_open("words", TARN_READER, (tarn_options){0});
  for (uint64_t number = 1; number <= 30; number++) {
    stream_put(writer, number, 48);
    stream_get(reader, number, 0);
  }
  tn_slot *table = writer->channel.table;
  tn_store_relaxed(&table[writer->channel.slot].cursor, 64 | 1);
  tn_store_relaxed(&writer->channel.control->join.high_water, 4);
  tn_store_relaxed(&table[3].cursor, 128 | 1);
  for (uint64_t number = 31; number <= 300; number++) {
    stream_put(writer, number, 48);
    stream_get(reader, number, 0);
  }
  tn_store_relaxed(&table[reader->channel.slot].cursor, (299 - 50) * 64 | 1); /* while the reader waits */
  tarn_item item;
  CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_read(reader, &item, 1000000));
  for (uint64_t number = 301; number <= 350; number++)
    stream_put(writer, number, 48);
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

enum { DEAD = 5, MS = 1000000 };

static int role_holder(int argc, char **argv) {
  CHECK_INT(2, argc);
  tarn_stream *reader = stream_open(argv[0], TARN_READER, (tarn_options){0});
  for (uint64_t number = 1; number <= strtoull(argv[1], NULL, 10); number++)
    stream_get(reader, number, 0);
  check_say("there");
  check_hear();
  return 1;
}

/* Readers that died at five places of the ring cost the writer one look at them, not one slice of waiting each. */
static void test_many_dead_readers(void) {
  tarn_stream *writer = stream_open("dead", TARN_WRITER, (tarn_options){.size_bytes = RING});
  uint64_t put = 0;
  while (put < 62)
    stream_put(writer, ++put, 48);
  for (int i = 0; i < DEAD; i++) {
    char count[32];
    snprintf(count, sizeof count, "%d", i * 8);
    check_process *process = check_start("holder", "dead", count, NULL);
    check_expect(process, "there");
    check_kill(process);
    CHECK_INT(-9, check_wait(process));
  }
  for (int i = 0; i < 60; i++) /* every one of the five is in the way by and by */
    CHECK_OK(stream_try_put(writer, ++put, 48, 1000 * (int64_t)MS));
  CHECK_OK(stream_try_put(writer, ++put, RING / 2 - 32, 1000 * (int64_t)MS));
  tarn_stream_close(writer);
}

/* All of them stand in the way of one large message. */
static void test_many_dead_at_once(void) {
  tarn_stream *writer = stream_open("dead", TARN_WRITER, (tarn_options){.size_bytes = RING});
  uint64_t put = 0;
  while (put < 60)
    stream_put(writer, ++put, 48);
  for (int i = 0; i < DEAD; i++) {
    char count[32];
    snprintf(count, sizeof count, "%d", i * 6);
    check_process *process = check_start("holder", "dead", count, NULL);
    check_expect(process, "there");
    check_kill(process);
    CHECK_INT(-9, check_wait(process));
  }
  CHECK_OK(stream_try_put(writer, ++put, RING / 2 - 32, 0));
  tarn_stream_close(writer);
}

static const check_test tests[] = {{"reader_below_the_floor", test_reader_below_the_floor, 0},
                                   {"missed_after_a_number", test_missed_after_a_number, 0},
                                   {"scribbled_cursors", test_scribbled_cursors, 0},
                                   {"many_dead_readers", test_many_dead_readers, 0},
                                   {"many_dead_at_once", test_many_dead_at_once, 0},
                                   {0}};
static const check_role roles[] = {{"holder", role_holder}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
