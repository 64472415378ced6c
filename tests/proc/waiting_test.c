/* waiting_test.c: how long a wait lasts, and what ends it: a version, a departure, a death, a wake from another thread. */
#include "boards.h"
#include "os/os.h"

/* ---- Timeouts --------------------------------------------------------------------------------------------------------------------- */

/* Never too early; and at its best not late. (A loaded machine can make any single wait late, so there it is tried again.) */
static void check_timeout(tarn_board *board, int copies, int64_t timeout_ns) {
  int64_t best = INT64_MAX;
  for (int i = 0; i < 5 || (i < 100 && best >= timeout_ns + 15 * MS); i++) {
    tarn_item item;
    char data[8];
    int64_t start = check_now();
    int result = copies ? tarn_board_get(board, data, sizeof data, &item, timeout_ns) : tarn_board_read(board, &item, timeout_ns);
    int64_t took = check_now() - start;
    CHECK_RESULT(TARN_TIMED_OUT, result);
    CHECK(took >= timeout_ns);
    best = took < best ? took : best;
  }
  CHECK(best < timeout_ns + 15 * MS);
}

static void test_timeouts(void) {
  tarn_board *writer = open_writer("wait", NULL), *reader = open_reader("wait"), *observer = NULL, *spinner = NULL;
  CHECK_OK(tarn_board_open(&observer, "wait", TARN_OBSERVER, NULL, 0));
  tarn_options options = {.struct_size = sizeof options, .spin_ns = TARN_SPIN_ONLY};
  CHECK_OK(tarn_board_open(&spinner, "wait", TARN_READER, &options, 0));
  static const int64_t times[] = {1, 100000, 1 * MS, 7 * MS, 50 * MS, 73 * MS, 130 * MS};
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    check_timeout(reader, i % 2 == 0, times[i]);
    check_timeout(observer, 1, times[i]);
    if (times[i] <= 50 * MS)
      check_timeout(spinner, 0, times[i]);
  }
  tarn_board_close(spinner);
  tarn_board_close(observer);
  tarn_board_close(reader);
  tarn_board_close(writer);
}

static void test_timeouts_of_opening(void) {
  tarn_board *board = NULL, *writer;
  for (int64_t timeout = 1 * MS; timeout < 100 * MS; timeout = timeout * 3 + 1) {
    int64_t start = check_now();
    CHECK_RESULT(TARN_TIMED_OUT, tarn_board_open(&board, "nobody", TARN_READER, NULL, timeout));
    CHECK(check_now() - start >= timeout);
    CHECK(check_now() - start < timeout + 500 * MS);
  }
  writer = open_writer("taken", NULL);
  int64_t start = check_now();
  CHECK_RESULT(TARN_TIMED_OUT, tarn_board_open(&board, "taken", TARN_WRITER, NULL, 30 * MS));
  CHECK(check_now() - start >= 30 * MS);
  CHECK(board == NULL);
  tarn_board_close(writer);
}

/* ---- News, near and far ------------------------------------------------------------------------------------------------------------ */

static int role_echo(int argc, char **argv) {
  CHECK_INT(2, argc);
  tarn_board *there = NULL, *back = open_writer(argv[1], NULL);
  CHECK_OK(tarn_board_open(&there, argv[0], TARN_READER, NULL, TARN_FOREVER));
  check_say("ready");
  for (;;) {
    tarn_item item;
    int result = tarn_board_read(there, &item, TARN_FOREVER);
    if (result == TARN_NO_WRITER)
      break;
    CHECK_OK(result);
    CHECK_OK(tarn_board_put(back, item.data, item.size_bytes, NULL, 0));
    CHECK_OK(tarn_board_release(there, &item));
  }
  tarn_board_close(there);
  tarn_board_close(back);
  return 0;
}

/* There and back, at a pace at which both sleep. A lost wake-up would cost a slice of 50 ms; some may on a loaded machine, not most. */
static void test_wakes_are_not_lost(void) {
  tarn_board *there = open_writer("there", NULL), *back = NULL;
  check_process *echo = check_start("echo", "there", "back", NULL);
  check_expect(echo, "ready");
  CHECK_OK(tarn_board_open(&back, "back", TARN_READER, NULL, 0));
  int late = 0;
  enum { ROUNDS = 300 };
  for (uint64_t i = 0; i < ROUNDS; i++) {
    check_sleep((int64_t)(check_random() % 3) * MS);
    int64_t start = check_now();
    CHECK_OK(tarn_board_put(there, &i, sizeof i, NULL, 0));
    tarn_item item;
    CHECK_OK(tarn_board_read(back, &item, TARN_FOREVER));
    CHECK_MEM(&i, item.data, sizeof i);
    CHECK_OK(tarn_board_release(back, &item));
    late += check_now() - start > 40 * MS;
  }
  check_say("%d of %d rounds took longer than 40 ms", late, ROUNDS);
  CHECK(late < ROUNDS / 10);
  tarn_board_close(there);
  CHECK_INT(0, check_wait(echo));
  tarn_board_close(back);
}

static int role_writer(int argc, char **argv) {
  CHECK_INT(1, argc);
  tarn_board *board = open_writer(argv[0], NULL);
  put_text(board, "last words");
  check_say("ready");
  check_hear();
  tarn_board_close(board);
  return 0;
}

/* A writer's end is told once, after everything it published; then the next writer is waited for. */
static void test_departures(void) {
  static const char *const ends[] = {"leaves", "is killed"};
  for (int killed = 0; killed < 2; killed++) {
    tarn_options options = options_with(TARN_KEPT);
    tarn_board_close(open_writer("ends", &options));
    check_process *writer = check_start("writer", "ends", NULL);
    check_expect(writer, "ready");
    tarn_board *reader = open_reader("ends"), *observer = NULL;
    CHECK_OK(tarn_board_open(&observer, "ends", TARN_OBSERVER, NULL, 0));
    if (killed)
      check_kill(writer);
    CHECK_INT(killed ? -9 : 0, check_wait(writer));
    int64_t start = check_now();
    expect_text(reader, "last words");
    expect_text(observer, "last words");
    tarn_item item;
    char data[16];
    CHECK_RESULT(TARN_NO_WRITER, tarn_board_read(reader, &item, TARN_FOREVER));
    CHECK_RESULT(TARN_NO_WRITER, tarn_board_get(observer, data, sizeof data, &item, TARN_FOREVER));
    CHECK(check_now() - start < 1000 * (int64_t)MS);
    CHECK_RESULT(TARN_TIMED_OUT, tarn_board_read(reader, &item, 60 * MS));
    CHECK_RESULT(TARN_TIMED_OUT, tarn_board_get(observer, data, sizeof data, &item, 60 * MS));
    writer = check_start("writer", "ends", NULL);
    CHECK_OK(tarn_board_read(reader, &item, TARN_FOREVER));
    CHECK_UINT(2, item.number);
    CHECK_OK(tarn_board_release(reader, &item));
    check_expect(writer, "ready");
    CHECK_INT(0, check_wait(writer));
    CHECK_RESULT(TARN_NO_WRITER, tarn_board_read(reader, &item, TARN_FOREVER));
    tarn_board_close(observer);
    tarn_board_close(reader);
    check_say("a writer that %s", ends[killed]);
    CHECK_OK(tarn_remove("ends", TARN_KIND_BOARD, 0));
  }
}

/* ---- Waking ------------------------------------------------------------------------------------------------------------------------ */

static void wake_later(void *board) {
  check_sleep(30 * MS);
  tarn_board_wake(board);
}

static void wake_now(void *board) {
  tarn_board_wake(board);
}

static int wait_on(tarn_board *board, int64_t timeout_ns) {
  tarn_item item;
  char data[16];
  return tarn_board_get(board, data, sizeof data, &item, timeout_ns);
}

static void check_wakes(tarn_board *board) {
  intptr_t thread;
  int64_t start = check_now();
  CHECK_OK(tn_os_thread_start(&thread, wake_later, board));
  CHECK_RESULT(TARN_WOKEN, wait_on(board, TARN_FOREVER)); /* a call that blocks */
  tn_os_thread_join(thread);
  CHECK(check_now() - start >= 29 * MS);
  CHECK_RESULT(TARN_TIMED_OUT, wait_on(board, 2 * MS)); /* once */
  CHECK_OK(tn_os_thread_start(&thread, wake_now, board));
  tn_os_thread_join(thread);
  CHECK_RESULT(TARN_WOKEN, wait_on(board, TARN_FOREVER)); /* none blocked: the next one */
  for (int i = 0; i < 5; i++)
    tarn_board_wake(board); /* however often, it is one */
  CHECK_RESULT(TARN_WOKEN, wait_on(board, 0));
  CHECK_RESULT(TARN_EMPTY, wait_on(board, 0));
}

static void test_wake(void) {
  tarn_board *writer = open_writer("wake", NULL), *reader = open_reader("wake"), *observer = NULL;
  CHECK_OK(tarn_board_open(&observer, "wake", TARN_OBSERVER, NULL, 0));
  check_wakes(reader);
  check_wakes(observer);
  put_text(writer, "value"); /* what there is to read comes first; the wake is not forgotten */
  tarn_board_wake(reader);
  expect_text(reader, "value");
  CHECK_RESULT(TARN_WOKEN, wait_on(reader, 0));
  tarn_board_close(observer);
  tarn_board_close(reader);
  tarn_board_close(writer);
}

static void test_wake_of_a_writer(void) {
  tarn_options options = {.struct_size = sizeof options, .limit_bytes = 192 << 10, .slots = 4};
  tarn_board *writer = open_writer("wake", &options), *reader = open_reader("wake");
  tarn_item items[2];
  for (int i = 0; i < 2; i++) {
    put_text(writer, "value");
    CHECK_OK(tarn_board_read(reader, &items[i], 0));
  }
  CHECK_RESULT(TARN_FULL, tarn_board_put(writer, "x", 1, NULL, 0));
  intptr_t thread;
  CHECK_OK(tn_os_thread_start(&thread, wake_later, writer));
  CHECK_RESULT(TARN_WOKEN, tarn_board_put(writer, "x", 1, NULL, TARN_FOREVER));
  tn_os_thread_join(thread);
  CHECK_RESULT(TARN_TIMED_OUT, tarn_board_put(writer, "x", 1, NULL, 5 * MS));
  CHECK_OK(tarn_board_release(reader, &items[0]));
  put_text(writer, "room again");
  CHECK_OK(tarn_board_release(reader, &items[1]));
  tarn_board_close(reader);
  tarn_board_close(writer);
}

/* A reader that dies while a writer waits for what it holds makes room, though it says nothing. */
static int role_holder(int argc, char **argv) {
  CHECK_INT(1, argc);
  tarn_board *board = open_reader(argv[0]);
  tarn_item item;
  CHECK_OK(tarn_board_read(board, &item, 0));
  check_say("holds");
  check_hear();
  return 0;
}

static void test_a_dead_reader_makes_room(void) {
  tarn_options options = {.struct_size = sizeof options, .limit_bytes = 192 << 10, .slots = 4};
  tarn_board *writer = open_writer("room", &options);
  put_text(writer, "one");
  check_process *first = check_start("holder", "room", NULL);
  check_expect(first, "holds");
  put_text(writer, "two");
  CHECK_RESULT(TARN_FULL, tarn_board_put(writer, "x", 1, NULL, 0));
  check_kill(first);
  int64_t start = check_now();
  CHECK_OK(tarn_board_put(writer, "three", 5, NULL, TARN_FOREVER));
  CHECK(check_now() - start < 1000 * (int64_t)MS);
  check_wait(first);
  tarn_board_close(writer);
}

static const check_test tests[] = {
    {"timeouts", test_timeouts, 0},
    {"timeouts_of_opening", test_timeouts_of_opening, 0},
    {"wakes_are_not_lost", test_wakes_are_not_lost, 60},
    {"departures", test_departures, 0},
    {"wake", test_wake, 0},
    {"wake_of_a_writer", test_wake_of_a_writer, 0},
    {"a_dead_reader_makes_room", test_a_dead_reader_makes_room, 0},
    {0},
};

static const check_role roles[] = {{"echo", role_echo}, {"writer", role_writer}, {"holder", role_holder}, {0}};

int main(int argc, char **argv) {
  return check_main(argc, argv, tests, roles);
}
