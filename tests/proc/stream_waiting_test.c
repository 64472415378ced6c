/* stream_waiting_test.c: how long a stream's waits last and what ends them: time, news, room, wake, departures and deaths. */
#include "os/fault.h"
#include "os/os.h"
#include "stream_inside.h"
#include "streams.h"

enum { RING = 4096, MS = 1000000 };
static const int64_t LONG_NS = INT64_C(20000000000);

static int took(int64_t start, int64_t least_ms, int64_t most_ms) {
  int64_t ns = check_now() - start;
  return ns >= least_ms * MS && ns <= most_ms * MS;
}

static void fill_up(tarn_stream *writer) {
  while (stream_try_put(writer, writer->number, 48, 0) == 0)
    continue;
}

static void test_timeouts(void) {
  tarn_stream *writer = stream_open("t", TARN_WRITER, (tarn_options){.size_bytes = RING});
  tarn_stream *reader = stream_open("t", TARN_READER, (tarn_options){0});
  tarn_stream *observer = stream_open("t", TARN_OBSERVER, (tarn_options){0});
  tarn_item item;
  int64_t start = check_now();
  CHECK_RESULT(TARN_EMPTY, tarn_stream_read(reader, &item, 0));
  CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_read(reader, &item, 120 * MS));
  CHECK(took(start, 120, 2000));
  start = check_now();
  CHECK_RESULT(TARN_EMPTY, tarn_stream_get(observer, NULL, 0, &item, 0));
  CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_get(observer, NULL, 0, &item, 60 * MS));
  CHECK(took(start, 60, 2000));
  fill_up(writer);
  start = check_now();
  CHECK_RESULT(TARN_FULL, stream_try_put(writer, 1, 48, 0));
  CHECK_RESULT(TARN_TIMED_OUT, stream_try_put(writer, 1, 48, 120 * MS));
  CHECK(took(start, 120, 2000));
  tarn_stream_close(observer);
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

/* The other policies do not wait, whatever the timeout; what was refused is counted. */
static void test_policies_that_do_not_wait(void) {
  for (uint32_t policy = TARN_FAIL; policy <= TARN_OVERWRITE; policy++) {
    tarn_stream *writer = stream_open("p", TARN_WRITER, (tarn_options){.size_bytes = RING, .policy = policy});
    tarn_stream *reader = stream_open("p", TARN_READER, (tarn_options){0});
    const tn_slot *slots = writer->channel.table;
    tarn_item item;
    stream_put(writer, 1, 48);
    CHECK_OK(tarn_stream_read(reader, &item, 0));
    fill_up(writer);
    uint64_t refused = tn_load_relaxed(&slots[writer->channel.slot].missed), number = writer->number;
    CHECK_UINT(1, refused);
    int64_t start = check_now();
    for (int i = 0; i < 10; i++)
      CHECK_RESULT(TARN_FULL, stream_try_put(writer, number, 48, TARN_FOREVER));
    CHECK(took(start, 0, 2000));
    CHECK_UINT(refused + 10, tn_load_relaxed(&slots[writer->channel.slot].missed));
    CHECK(stream_whole(&item));
    CHECK_OK(tarn_stream_release(reader, &item));
    if (policy == TARN_FAIL) { /* nothing is dropped while somebody reads */
      for (uint64_t next = 2; next < number; next++)
        stream_get(reader, next, 0);
      stream_put(writer, number, 48);
      stream_get(reader, number, 0);
      CHECK_UINT(0, tn_load_relaxed(&slots[reader->channel.slot].missed));
    } else { /* the oldest are, and counted, once */
      uint64_t last = 1, all = 0;
      unsigned char data[48];
      for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 100; i++)
          stream_put(writer, writer->number, 48);
        CHECK_OK(tarn_stream_get(reader, data, sizeof data, &item, 0));
        CHECK_UINT(item.number - last - 1, item.missed);
        last = item.number;
        all += item.missed;
      }
      CHECK_UINT(all, tn_load_relaxed(&slots[reader->channel.slot].missed));
    }
    tarn_stream_close(reader);
    tarn_stream_close(writer);
  }
}

/* Who tries again and again asks the kernel about those in its way once a millisecond, no oftener. */
static void test_refused_again_and_again(void) {
  for (uint32_t policy = TARN_WAIT; policy <= TARN_OVERWRITE; policy++) {
    tarn_stream *writer = stream_open("again", TARN_WRITER, (tarn_options){.size_bytes = RING, .policy = policy});
    tarn_stream *reader = stream_open("again", TARN_READER, (tarn_options){0});
    tarn_item item;
    stream_put(writer, 1, 48);
    CHECK_OK(tarn_stream_read(reader, &item, 0));
    fill_up(writer);
    tn_fault_set(NULL, 0, 0, 0);
    int64_t start = check_now(), ns;
    uint64_t refused = 0;
    for (; (ns = check_now() - start) < 30 * MS; refused++)
      CHECK_RESULT(TARN_FULL, stream_try_put(writer, writer->number, 48, 0));
    uint64_t asked = tn_fault_count("lock_held");
    check_say("refused %llu times, asked %llu times", (unsigned long long)refused, (unsigned long long)asked);
    CHECK(asked >= 1 && asked <= (uint64_t)(ns / MS) + 2);
    CHECK_OK(tarn_stream_release(reader, &item));
    tarn_stream_close(reader);
    tarn_stream_close(writer);
  }
}

/* ---- Wake --------------------------------------------------------------------------------------------------------------- */

static void wake_soon(void *stream) {
  check_sleep(30 * MS);
  tarn_stream_wake(stream);
}

static void test_wake(void) {
  tarn_stream *writer = stream_open("w", TARN_WRITER, (tarn_options){.size_bytes = RING});
  tarn_stream *reader = stream_open("w", TARN_READER, (tarn_options){0});
  tarn_stream *observer = stream_open("w", TARN_OBSERVER, (tarn_options){0});
  tarn_stream *sleepers[] = {reader, observer, writer};
  tarn_item item;
  for (int i = 0; i < 3; i++) {
    tarn_stream *stream = sleepers[i];
    intptr_t thread;
    if (stream == writer) fill_up(writer);
    CHECK_OK(tn_os_thread_start(&thread, wake_soon, stream));
    int64_t start = check_now();
    int result = stream == writer ? stream_try_put(writer, 1, 48, TARN_FOREVER)
                                  : tarn_stream_get(stream, NULL, 0, &item, TARN_FOREVER);
    CHECK_RESULT(TARN_WOKEN, result);
    CHECK(took(start, 0, 5000));
    tn_os_thread_join(thread);
    tarn_stream_wake(stream); /* nobody blocks now: the next call is told, once */
    CHECK_RESULT(TARN_WOKEN, stream == writer ? stream_try_put(writer, 1, 48, LONG_NS)
                                              : tarn_stream_get(stream, NULL, 0, &item, LONG_NS));
    CHECK_RESULT(TARN_TIMED_OUT, stream == writer ? stream_try_put(writer, 1, 48, 5 * MS)
                                                  : tarn_stream_get(stream, NULL, 0, &item, 5 * MS));
  }
  tarn_stream_close(observer);
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

/* ---- Departures --------------------------------------------------------------------------------------------------------- */

static int role_writer(int argc, char **argv) {
  CHECK_INT(2, argc);
  tarn_stream *writer = stream_open_in(argv[0], TARN_WRITER, (tarn_options){.size_bytes = RING}, LONG_NS);
  for (int i = 0; i < atoi(argv[1]); i++)
    stream_put(writer, writer->number, 48);
  check_say("put");
  check_hear();
  tarn_stream_close(writer);
  return 0;
}

/* Once for each writer, after all that it published; then the next one is waited for. */
static void test_no_writer_once(void) {
  check_process *writer = check_start("writer", "n", "0", NULL);
  check_expect(writer, "put");
  tarn_stream *reader = stream_open("n", TARN_READER, (tarn_options){0});
  tarn_stream *observer = stream_open("n", TARN_OBSERVER, (tarn_options){0});
  tarn_item item;
  uint64_t number = 1;
  for (int round = 0; round < 6; round++) {
    if (round % 2 == 0)
      check_kill(writer);
    else
      check_tell(writer, "leave");
    CHECK_INT(round % 2 == 0 ? -9 : 0, check_wait(writer));
    for (int i = 0; i < (round == 0 ? 0 : 10); i++, number++) {
      stream_get(reader, number, 0);
      stream_get(observer, number, 0);
    }
    int64_t start = check_now();
    CHECK_RESULT(TARN_NO_WRITER, tarn_stream_read(reader, &item, LONG_NS));
    CHECK_RESULT(TARN_NO_WRITER, tarn_stream_get(observer, NULL, 0, &item, LONG_NS));
    CHECK(took(start, 0, 5000));
    CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_read(reader, &item, 60 * MS));
    CHECK_RESULT(TARN_EMPTY, tarn_stream_read(reader, &item, 0));
    CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_get(observer, NULL, 0, &item, 60 * MS));
    writer = check_start("writer", "n", "10", NULL);
    check_expect(writer, "put");
  }
  check_kill(writer);
  check_wait(writer);
  tarn_stream_close(observer);
  tarn_stream_close(reader);
}

/* ---- Readers in the way ------------------------------------------------------------------------------------------------- */

static int role_holder(int argc, char **argv) {
  CHECK_INT(1, argc);
  tarn_stream *reader = stream_open(argv[0], TARN_READER, (tarn_options){0});
  tarn_item item;
  CHECK_OK(tarn_stream_read(reader, &item, LONG_NS));
  check_say("holds");
  check_hear();
  CHECK(stream_whole(&item));
  CHECK_OK(tarn_stream_release(reader, &item));
  tarn_stream_close(reader);
  return 0;
}

/* Blocked when the reader dies: the writer finds out by itself. (How soon: tests/crash.) */
static void test_blocked_by_one_that_dies(void) {
  tarn_stream *writer = stream_open("d", TARN_WRITER, (tarn_options){.size_bytes = RING});
  stream_put(writer, 1, 48);
  for (int round = 0; round < 3; round++) {
    check_process *holder = check_start("holder", "d", NULL);
    check_expect(holder, "holds");
    fill_up(writer);
    CHECK_RESULT(TARN_TIMED_OUT, stream_try_put(writer, writer->number, 48, 150 * MS)); /* it lives: nothing is taken from it */
    check_kill(holder);
    int64_t start = check_now();
    CHECK_OK(stream_try_put(writer, writer->number, 48, TARN_FOREVER));
    CHECK(took(start, 0, 3000));
    CHECK_INT(-9, check_wait(holder));
  }
  tarn_stream_close(writer);
}

/* The release of what is in the way wakes the writer. */
static void test_woken_by_a_release(void) {
  tarn_stream *writer = stream_open("r", TARN_WRITER, (tarn_options){.size_bytes = RING});
  stream_put(writer, 1, 48);
  check_process *holder = check_start("holder", "r", NULL);
  check_expect(holder, "holds");
  fill_up(writer);
  check_tell(holder, "release");
  CHECK_OK(stream_try_put(writer, writer->number, 48, LONG_NS));
  CHECK_INT(0, check_wait(holder));
  tarn_stream_close(writer);
}

/* Before the first reader ever the writer waits for one. */
static int role_late(int argc, char **argv) {
  CHECK_INT(1, argc);
  check_hear();
  tarn_stream *reader = stream_open(argv[0], TARN_READER, (tarn_options){0});
  for (uint64_t number = 1; number <= 64; number++) {
    static unsigned char data[RING];
    tarn_item item;
    CHECK_OK(tarn_stream_get(reader, data, sizeof data, &item, LONG_NS));
    CHECK_UINT(number, item.number);
    CHECK(stream_whole(&item));
  }
  tarn_stream_close(reader);
  return 0;
}

static void test_waits_for_the_first_reader(void) {
  tarn_stream *writer = stream_open("f", TARN_WRITER, (tarn_options){.size_bytes = RING});
  check_process *late = check_start("late", "f", NULL);
  fill_up(writer);
  CHECK_UINT(64, writer->number);
  CHECK_RESULT(TARN_TIMED_OUT, stream_try_put(writer, 64, 48, 60 * MS));
  check_tell(late, "now");
  CHECK_OK(stream_try_put(writer, 64, 48, LONG_NS));
  CHECK_INT(0, check_wait(late));
  tarn_stream_close(writer);
}

static const check_test tests[] = {{"timeouts", test_timeouts, 0},
                                   {"policies_that_do_not_wait", test_policies_that_do_not_wait, 0},
                                   {"refused_again_and_again", test_refused_again_and_again, 0},
                                   {"wake", test_wake, 0},
                                   {"no_writer_once", test_no_writer_once, 60},
                                   {"blocked_by_one_that_dies", test_blocked_by_one_that_dies, 0},
                                   {"woken_by_a_release", test_woken_by_a_release, 0},
                                   {"waits_for_the_first_reader", test_waits_for_the_first_reader, 0},
                                   {0}};
static const check_role roles[] = {{"writer", role_writer}, {"holder", role_holder}, {"late", role_late}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
