/* holding_test.c: who holds what, since when, and whom a blocked writer waits for, as seen from outside: bounds that must be true at every
 * moment, without a clock in the paths of reading and publishing. */
#include <tarn/tarn.h>

#include "boards.h"

#define S INT64_C(1000000000)

static tarn_details details;
static tarn_participant all[8];

static void inspect(const char *name, uint32_t count) {
  details = (tarn_details){.struct_size = sizeof details};
  CHECK_OK(tarn_inspect(name, TARN_KIND_ANY, &details, all, 8));
  CHECK_UINT(count, details.participant_count);
}

/* A writer that fills up until it has no room, and then waits for it in pieces, as long as it is listened to. */
static int role_writer(int argc, char **argv) {
  (void)argc;
  char bytes[1000] = "x";
  int pieces = 0;
  if (strcmp(argv[0], "board") == 0) {
    tarn_options options = {.struct_size = sizeof options, .limit_bytes = 5 * 65536, .hold = 1};
    tarn_board *board = open_writer("b", &options);
    put_text(board, "first");
    check_say("ready");
    check_hear();
    put_text(board, "second");
    static char large[140000];
    while (tarn_board_put(board, large, sizeof large, NULL, 20 * (int64_t)MS) == TARN_TIMED_OUT)
      if (++pieces == 2) check_say("blocked");
    tarn_board_close(board);
  } else {
    tarn_options options = {.struct_size = sizeof options, .size_bytes = 65536, .flags = TARN_TIMES};
    tarn_stream *stream;
    CHECK_OK(tarn_stream_open(&stream, "s", TARN_WRITER, &options, 0));
    CHECK_OK(tarn_stream_put(stream, bytes, sizeof bytes, NULL, 0));
    check_say("ready");
    check_hear();
    for (int result = 0; result == 0 || result == TARN_TIMED_OUT;) {
      result = tarn_stream_put(stream, bytes, sizeof bytes, NULL, 20 * (int64_t)MS);
      if (result == TARN_TIMED_OUT && ++pieces == 2) check_say("blocked");
      if (pieces >= 2 && result == 0) break;
    }
    tarn_stream_close(stream);
  }
  check_say("done");
  check_hear();
  return 0;
}

/* Holds the first message, and waits for the second. */
static int role_sleeper(int argc, char **argv) {
  (void)argc, (void)argv;
  tarn_stream *stream;
  tarn_item item;
  CHECK_OK(tarn_stream_open(&stream, "s", TARN_READER, NULL, 0));
  CHECK_OK(tarn_stream_read(stream, &item, 0));
  check_say("holds");
  CHECK_OK(tarn_stream_read(stream, &item, TARN_FOREVER));
  check_say("got it");
  check_hear();
  return 0;
}

static check_process *start(const char *kind) {
  check_process *writer = check_start("writer", kind, NULL);
  check_expect(writer, "ready");
  return writer;
}

/* The reader of this process, in the second slot, and how the writer in the first stands. */
static int64_t waits_for_the_reader(const char *name) {
  int64_t waited = 0;
  for (int tries = 0; waited == 0 && tries < 1000; tries++) { /* between two pieces it does not sleep */
    inspect(name, 2);
    if (all[0].waiting == 2) waited = all[0].waiting_ns;
    if (waited == 0) check_sleep(MS / 4);
  }
  CHECK(waited > 0);
  CHECK_UINT(TARN_WRITER, all[0].role);
  CHECK_UINT(0, all[0].blocking);
  CHECK_UINT(1, all[1].blocking);
  return waited;
}

static void test_a_stream_held(void) {
  check_process *writer = start("stream");
  tarn_stream *reader;
  tarn_item item;
  CHECK_OK(tarn_stream_open(&reader, "s", TARN_READER, NULL, 0));
  int64_t before = 0;
  CHECK_OK(tarn_stream_read(reader, &item, TARN_FOREVER));
  inspect("s", 2);
  CHECK_UINT(1, all[1].held);
  CHECK_INT(item.time_ns, all[1].held_time_ns); /* no longer than since it was published */
  CHECK_INT(0, all[1].held_since_ns);           /* and nothing is known beyond that yet */
  CHECK_UINT(0, all[1].blocking);
  check_tell(writer, "go");
  check_expect(writer, "blocked");
  before = waits_for_the_reader("s");
  CHECK(before >= 10 * (int64_t)MS); /* it waits in pieces of 20 ms: they are one wait */
  CHECK(all[1].held_since_ns != 0);
  CHECK(all[1].held_since_ns >= all[1].held_time_ns - 2 * (int64_t)MS); /* the notes are in whole ms */
  check_sleep(50 * (int64_t)MS);
  CHECK(waits_for_the_reader("s") >= before + 45 * (int64_t)MS);
  CHECK_OK(tarn_stream_release(reader, &item));
  char bytes[1000];
  while (tarn_stream_get(reader, bytes, sizeof bytes, &item, 0) == 0) {}
  check_expect(writer, "done");
  inspect("s", 1);
  tarn_stream_close(reader);
  check_wait(writer);
}

static void test_a_board_held(void) {
  check_process *writer = start("board");
  tarn_board *reader = open_reader("b");
  tarn_item item;
  CHECK_OK(tarn_board_read(reader, &item, TARN_FOREVER));
  inspect("b", 2);
  CHECK_UINT(1, all[1].held);
  CHECK_INT(item.time_ns, all[1].held_time_ns);
  CHECK_INT(0, all[1].held_since_ns);
  check_tell(writer, "go");
  check_expect(writer, "blocked");
  CHECK(waits_for_the_reader("b") >= 10 * (int64_t)MS);
  CHECK_INT(details.newest_time_ns, all[1].held_since_ns); /* since the version after it came, which was before the wait */
  CHECK_OK(tarn_board_release(reader, &item));
  check_expect(writer, "done");
  tarn_board_close(reader);
  check_wait(writer);
}

/* The times are what versions carry, whatever their writer says. */
static void test_times_that_versions_carry(void) {
  tarn_board *writer = open_writer("b", NULL), *reader = open_reader("b");
  tarn_item item;
  tarn_about about = {.struct_size = sizeof about, .time_ns = 10 * S};
  CHECK_OK(tarn_board_put(writer, "one", 3, &about, 0));
  CHECK_OK(tarn_board_read(reader, &item, 0));
  for (int i = 2; i < 9; i++) {
    about.time_ns = (10 + i) * S;
    CHECK_OK(tarn_board_put(writer, "next", 4, &about, 0));
  }
  inspect("b", 2);
  CHECK_INT(10 * S, all[1].held_time_ns);
  CHECK(all[1].held_since_ns > 10 * S && all[1].held_since_ns <= 18 * S);
  CHECK_UINT(7, all[1].lag);
  CHECK_OK(tarn_board_release(reader, &item));
  inspect("b", 2);
  CHECK_INT(0, all[1].held_time_ns);
  CHECK_INT(0, all[1].held_since_ns);
  tarn_board_close(reader);
  tarn_board_close(writer);
}

/* A stream without a reader: the writer waits for the first, and nobody is to blame. */
static void test_nobody_is_to_blame(void) {
  check_process *writer = start("stream");
  check_tell(writer, "go");
  check_expect(writer, "blocked");
  for (all[0].waiting = 0; all[0].waiting != 2;) inspect("s", 1);
  CHECK_UINT(0, all[0].blocking);
  CHECK_INT(0, all[0].held_since_ns);
  check_kill(writer);
  check_wait(writer);
}

/* A stream without times, and a writer that has room: what is known then is that a sleeper was given nothing while it slept. */
static void test_a_sleeper_that_holds(void) {
  tarn_stream *writer;
  CHECK_OK(tarn_stream_open(&writer, "s", TARN_WRITER, NULL, 0));
  CHECK_OK(tarn_stream_put(writer, "one", 3, NULL, 0));
  check_process *sleeper = check_start("sleeper", NULL);
  check_expect(sleeper, "holds");
  all[1].waiting_ns = 0;
  for (int tries = 0; all[1].waiting_ns == 0 && tries < 1000; tries++) {
    inspect("s", 2);
    check_sleep(MS);
  }
  CHECK_UINT(1, all[1].waiting);
  CHECK_UINT(1, all[1].held);
  CHECK_INT(0, all[1].held_time_ns);
  CHECK(all[1].held_since_ns != 0);
  CHECK_OK(tarn_stream_put(writer, "two", 3, NULL, 0));
  check_expect(sleeper, "got it");
  inspect("s", 2);
  CHECK_UINT(2, all[1].held);
  CHECK_UINT(0, all[1].waiting);
  CHECK_INT(0, all[1].held_since_ns); /* awake, and nobody blocked: not known any more */
  check_kill(sleeper);
  check_wait(sleeper);
  tarn_stream_close(writer);
}

/* A reader of messages to come is not given those before them: it has waited all the time. */
static int role_late(int argc, char **argv) {
  tarn_options options = {.struct_size = sizeof options, .from = 1000};
  tarn_stream *stream;
  tarn_item item;
  (void)argc;
  (void)argv;
  CHECK_OK(tarn_stream_open(&stream, "s", TARN_READER, &options, 10000 * (int64_t)MS));
  check_say("waits");
  CHECK_OK(tarn_stream_read(stream, &item, TARN_FOREVER));
  return 0;
}

static void test_what_is_not_wanted_ends_no_wait(void) {
  tarn_stream *writer;
  CHECK_OK(tarn_stream_open(&writer, "s", TARN_WRITER, NULL, 0));
  check_process *late = check_start("late", NULL);
  check_expect(late, "waits");
  for (int i = 0; i < 20; i++) {
    check_sleep(10 * MS);
    CHECK_OK(tarn_stream_put(writer, "", 0, NULL, 0));
  }
  all[1].waiting = 0;
  for (int tries = 0; all[1].waiting == 0 && tries < 1000; tries++) {
    check_sleep(MS);
    inspect("s", 2);
  }
  CHECK(all[1].waiting_ns > 100 * (int64_t)MS);
  check_kill(late);
  check_wait(late);
  tarn_stream_close(writer);
}

static const check_test tests[] = {{"a_stream_held", test_a_stream_held, 0},
                                   {"a_board_held", test_a_board_held, 0},
                                   {"times_that_versions_carry", test_times_that_versions_carry, 0},
                                   {"a_sleeper_that_holds", test_a_sleeper_that_holds, 0},
                                   {"nobody_is_to_blame", test_nobody_is_to_blame, 0},
                                   {"what_is_not_wanted_ends_no_wait", test_what_is_not_wanted_ends_no_wait, 0},
                                   {0}};

static const check_role roles[] = {{"writer", role_writer}, {"sleeper", role_sleeper}, {"late", role_late}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
