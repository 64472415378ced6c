/* board_wake_test.c: each step that somebody may sleep for wakes the line he sleeps on, and no other; what a sleeper does when its
 * barrier fails. Nobody sleeps here: an announcement is put up by hand, and whoever wakes takes it away and changes seq. */
#include "board_inside.h"
#include "boards.h"
#include "os/fault.h"
#include "participant.h"

/* ---- Announcements by hand -------------------------------------------------------------------------------------------------- */

static tn_line *line_of(tarn_board *board, int line) {
  return line == TN_NEWS ? &board->channel.control->news : &board->channel.control->room;
}

static uint32_t before[2];

static void announce(tarn_board *board) {
  for (int line = TN_NEWS; line <= TN_ROOM; line++) {
    before[line] = tn_load_acquire(&line_of(board, line)->seq);
    tn_store_release(&line_of(board, line)->sleepers, 1);
  }
}

/* These lines were woken since announce, once each, and the others were not. */
static void check_woken(tarn_board *board, int news, int room) {
  CHECK_UINT(before[TN_NEWS] + (uint32_t)news, tn_load_acquire(&line_of(board, TN_NEWS)->seq));
  CHECK_UINT(before[TN_ROOM] + (uint32_t)room, tn_load_acquire(&line_of(board, TN_ROOM)->seq));
  CHECK_UINT(!news, tn_load_acquire(&line_of(board, TN_NEWS)->sleepers));
  CHECK_UINT(!room, tn_load_acquire(&line_of(board, TN_ROOM)->sleepers));
}

/* ---- The steps -------------------------------------------------------------------------------------------------------------- */

static void test_writers_wake_readers(void) {
  tarn_board *writer = open_writer("wake", NULL), *keeper = open_reader("wake");
  void *room;
  announce(keeper);
  CHECK_OK(tarn_board_claim(writer, 8, &room, 0));
  check_woken(keeper, 0, 0); /* nothing to see yet */
  CHECK_OK(tarn_board_abandon(writer));
  check_woken(keeper, 0, 0);
  put_text(writer, "value");
  check_woken(keeper, 1, 0);
  announce(keeper);
  tarn_board_wake(writer);
  check_woken(keeper, 1, 1);
  announce(keeper);
  tarn_board_close(writer);
  CHECK_UINT(before[TN_NEWS] + 1, tn_load_acquire(&line_of(keeper, TN_NEWS)->seq)); /* that it left is news */
  tarn_board_close(keeper);
}

/* Writers wait for room only where there is a limit. */
static tarn_board *open_limited_writer(void) {
  tarn_options options = {.struct_size = sizeof options, .limit_bytes = 64 << 20};
  return open_writer("wake", &options);
}

static void test_readers_wake_writers(void) {
  tarn_board *writer = open_limited_writer(), *reader = open_reader("wake");
  tarn_item item;
  put_text(writer, "value");
  announce(writer);
  CHECK_OK(tarn_board_read(reader, &item, 0));
  check_woken(writer, 0, 0); /* it holds more than before */
  CHECK_OK(tarn_board_release(reader, &item));
  check_woken(writer, 0, 1);
  announce(writer);
  CHECK_RESULT(TARN_EMPTY, tarn_board_read(reader, &item, 0)); /* a look may have pinned for a moment */
  check_woken(writer, 0, 1);
  put_text(writer, "value");
  announce(writer);
  expect_text(reader, "value"); /* a copy pins while it is made */
  check_woken(writer, 0, 1);
  announce(writer);
  tarn_board_close(reader);
  check_woken(writer, 0, 1);
  tarn_board_close(writer);
}

static void test_without_a_limit_nobody_waits_for_room(void) {
  tarn_board *writer = open_writer("wake", NULL), *reader = open_reader("wake");
  tarn_item item;
  put_text(writer, "value");
  announce(writer);
  CHECK_OK(tarn_board_read(reader, &item, 0));
  CHECK_OK(tarn_board_release(reader, &item));
  put_text(writer, "value");
  expect_text(reader, "value");
  check_woken(writer, 1, 0);
  tarn_board_close(reader);
  tarn_board_close(writer);
}

static int role_late_reader(int argc, char **argv) {
  CHECK_INT(1, argc);
  tarn_board *board = open_reader(argv[0]);
  tarn_item item;
  CHECK_OK(tarn_board_read(board, &item, 0)); /* held after its pin; then it finds that current has moved */
  check_say("has %llu", (unsigned long long)item.number);
  check_hear();
  CHECK_OK(tarn_board_release(board, &item));
  tarn_board_close(board);
  return 0;
}

/* A reader pins one version, and then another that came meanwhile: a writer that saw the first pin may wait for its buffer. */
static void test_a_pin_that_moves_wakes_a_writer(void) {
  tarn_board *writer = open_limited_writer();
  put_text(writer, "one");
  check_set_env("TARN_TEST_POINT", "board.read.pinned:1:hold");
  check_process *reader = check_start("late_reader", "wake", NULL);
  check_set_env("TARN_TEST_POINT", NULL);
  check_expect(reader, "at board.read.pinned");
  put_text(writer, "two");
  announce(writer);
  check_tell(reader, "go");
  check_expect(reader, "has 2");
  check_woken(writer, 0, 1);
  check_tell(reader, "go");
  CHECK_INT(0, check_wait(reader));
  tarn_board_close(writer);
}

/* ---- Sleepers --------------------------------------------------------------------------------------------------------------- */

static uint64_t sleeps_in(tarn_board *reader, int64_t timeout_ns) {
  tarn_item item;
  uint64_t begun = tn_fault_count("sleep");
  CHECK_RESULT(TARN_TIMED_OUT, tarn_board_read(reader, &item, timeout_ns));
  return tn_fault_count("sleep") - begun;
}

/* A barrier that fails: publishers may not see the sleeper. It looks again after 1 ms each time, and tries the barrier again. */
static void test_a_barrier_that_fails(void) {
  tarn_board *writer = open_writer("wake", NULL), *reader = open_reader("wake");
  if (!reader->channel.waits.has_barrier || !tn_os_capabilities()->shared_futex)
    check_skip("this system has no barrier for all processes");
  uint64_t usual = sleeps_in(reader, 40 * MS);
  tn_fault_set("barrier", 1, 0, 0);
  uint64_t sleeps = sleeps_in(reader, 40 * MS), barriers = tn_fault_count("barrier");
  check_say("%llu sleeps in 40 ms; %llu where the barrier fails", (unsigned long long)usual, (unsigned long long)sleeps);
  CHECK(usual <= 2);
  CHECK(sleeps >= 4); /* 30 or so, on a machine that does nothing else */
  CHECK_UINT(sleeps, barriers);
  tn_fault_set(NULL, 0, 0, 0);
  CHECK(sleeps_in(reader, 40 * MS) <= 2);
  tarn_board_close(reader);
  tarn_board_close(writer);
}

/* After a slice that nobody ended the announcement stands; after a wake it is made anew. */
static void test_announcements_stand(void) {
  tarn_board *writer = open_writer("wake", NULL), *reader = open_reader("wake");
  if (!reader->channel.waits.has_barrier || !tn_os_capabilities()->shared_futex)
    check_skip("this system has no barrier for all processes");
  tn_fault_set(NULL, 0, 0, 0);
  uint64_t sleeps = sleeps_in(reader, 3 * TN_SLICE_NS + 10 * MS);
  CHECK_UINT(1, tn_fault_count("barrier"));
  CHECK(sleeps >= 2);
  CHECK_UINT(1, tn_load_acquire(&line_of(reader, TN_NEWS)->sleepers));
  tarn_board_close(reader);
  tarn_board_close(writer);
}

/* An orderly departure stands in the control words: the kernel is not asked. */
static void test_a_departure_is_seen_without_a_question(void) {
  tarn_board *writer = open_writer("wake", NULL), *reader = open_reader("wake");
  tarn_item item;
  put_text(writer, "value");
  expect_text(reader, "value");
  tarn_board_close(writer);
  tn_fault_set(NULL, 0, 0, 0);
  CHECK_RESULT(TARN_NO_WRITER, tarn_board_read(reader, &item, TARN_FOREVER));
  CHECK_UINT(0, tn_fault_count("*"));
  tarn_board_close(reader);
}

/* A writer that came and went without a version while nobody looked: those who were there are told, once. */
static void test_a_writer_that_said_nothing(void) {
  tarn_board *first = open_writer("wake", NULL), *reader = open_reader("wake"), *observer = NULL, *late;
  CHECK_OK(tarn_board_open(&observer, "wake", TARN_OBSERVER, NULL, 0));
  tarn_item item;
  tarn_board_close(first);
  CHECK_RESULT(TARN_NO_WRITER, tarn_board_read(reader, &item, TARN_FOREVER));
  CHECK_RESULT(TARN_NO_WRITER, tarn_board_get(observer, NULL, 0, &item, TARN_FOREVER));
  tarn_board_close(open_writer("wake", NULL));
  CHECK_RESULT(TARN_NO_WRITER, tarn_board_read(reader, &item, TARN_FOREVER));
  CHECK_RESULT(TARN_NO_WRITER, tarn_board_get(observer, NULL, 0, &item, TARN_FOREVER));
  CHECK_RESULT(TARN_TIMED_OUT, tarn_board_read(reader, &item, MS));
  late = open_reader("wake");
  CHECK_RESULT(TARN_TIMED_OUT, tarn_board_read(late, &item, MS)); /* it waits for the next one */
  tarn_board_close(late);
  tarn_board_close(observer);
  tarn_board_close(reader);
}

/* Its owner finds out that nobody writes; the thread behind its poll handle sees the next writer; and only then the owner says what it
 * found. What it says is not about the next one, whose end is still to be said. */
static void test_a_departure_is_said_while_the_next_writer_comes(void) {
  tarn_board *writer = open_writer("wake", NULL), *reader = open_reader("wake");
  tarn_item item;
  put_text(writer, "value");
  expect_text(reader, "value");
  tarn_board_close(writer);
  CHECK_RESULT(TARN_NO_WRITER, tn_writer_gone(&reader->channel, 0));
  writer = open_writer("wake", NULL);
  CHECK_OK(tn_writer_gone_aside(&reader->channel));
  tn_writer_told(&reader->channel);
  CHECK_RESULT(TARN_TIMED_OUT, tarn_board_read(reader, &item, MS));
  tarn_board_close(writer);
  CHECK_RESULT(TARN_NO_WRITER, tarn_board_read(reader, &item, 5000 * (int64_t)MS));
  CHECK_RESULT(TARN_TIMED_OUT, tarn_board_read(reader, &item, MS));
  tarn_board_close(reader);
}

static const check_test tests[] = {
    {"writers_wake_readers", test_writers_wake_readers, 0},
    {"readers_wake_writers", test_readers_wake_writers, 0},
    {"without_a_limit_nobody_waits_for_room", test_without_a_limit_nobody_waits_for_room, 0},
    {"a_pin_that_moves_wakes_a_writer", test_a_pin_that_moves_wakes_a_writer, 0},
    {"a_barrier_that_fails", test_a_barrier_that_fails, 0},
    {"announcements_stand", test_announcements_stand, 0},
    {"a_departure_is_seen_without_a_question", test_a_departure_is_seen_without_a_question, 0},
    {"a_writer_that_said_nothing", test_a_writer_that_said_nothing, 0},
    {"a_departure_is_said_while_the_next_writer_comes", test_a_departure_is_said_while_the_next_writer_comes, 0},
    {0},
};

static const check_role roles[] = {{"late_reader", role_late_reader}, {0}};

int main(int argc, char **argv) {
  return check_main(argc, argv, tests, roles);
}
