/* runaway_test.c: hostile bytes that are elsewhere whenever they are looked at a second time, so that a look could go on for ever: a call comes back
 * when its time is over, or when it is woken. The scribbler acts in the thread of its victim, at the step between the two looks (TN_POINT),
 * and so is always in time. */
#include "board_inside.h"
#include "boards.h"
#include "os/fault.h"
#include "os/os.h"
#include "stream_inside.h"
#include "streams.h"

#include <tarn/inspect.h>

enum { RING = 4096, WAKE_AFTER = 20000 };

/* What the scribbler scribbles at; the victim is woken after so many of its turns. */
static struct runaway {
  tarn_board *board;
  tarn_stream *stream; /* whose mappings are used */
  tarn_stream *victim;
  uint64_t turns, wake_after;
} runaway;

static void begin(const char *step, void (*scribble)(void *)) {
  runaway.turns = runaway.wake_after = 0;
  tn_point_call(step, scribble, NULL);
}

/* It did act, and more often than anything is looked at for nothing. */
static void end(void) {
  tn_point_set(NULL, 0, NULL);
  CHECK(runaway.turns >= 100);
}

static int is_time_to_wake(void) { return ++runaway.turns == runaway.wake_after; }

/* ---- Boards ---------------------------------------------------------------------------------------------------------------------- */

static void move_current(void *argument) {
  (void)argument;
  tn_newest *newest = &runaway.board->channel.control->kind.board;
  uint64_t current = tn_load_relaxed(&newest->current);
  tn_store_relaxed(&newest->current, TN_BOARD_CURRENT(TN_BOARD_VERSION(current) + 1, TN_BOARD_BUFFER(current)));
  if (is_time_to_wake())
    tarn_board_wake(runaway.board);
}

static int read_board(tarn_board *board, int copies, int64_t timeout_ns) {
  char data[64];
  tarn_item item;
  return copies ? tarn_board_get(board, data, sizeof data, &item, timeout_ns) : tarn_board_read(board, &item, timeout_ns);
}

static void test_current(void) {
  tarn_board *writer = open_writer("runs", NULL);
  put_text(writer, "value");
  for (int copies = 0; copies < 2; copies++) {
    intptr_t handle;
    runaway.board = open_reader("runs");
    CHECK_OK(tarn_board_handle(runaway.board, &handle));
    CHECK_OK(tn_os_event_wait(handle, TARN_FOREVER));
    begin("board.read.pinned", move_current);
    CHECK_RESULT(TARN_EMPTY, read_board(runaway.board, copies, 0));
    CHECK_OK(tn_os_event_wait(handle, TARN_FOREVER)); /* there may be something, and it is looked for again */
    CHECK_RESULT(TARN_TIMED_OUT, read_board(runaway.board, copies, 1 * MS));
    runaway.wake_after = runaway.turns + WAKE_AFTER;
    CHECK_RESULT(TARN_WOKEN, read_board(runaway.board, copies, TARN_FOREVER));
    end();
    CHECK_OK(read_board(runaway.board, copies, 0)); /* it stays where it is, and was pinned for nobody meanwhile */
    tarn_board_close(runaway.board);
  }
  tarn_board_close(writer);
}

/* An observer sees that the newest version is not complete in its buffer, which no writer leaves behind. */
static void test_generation(void) {
  tarn_board *writer = open_writer("runs", NULL), *observer = NULL;
  CHECK_OK(tarn_board_open(&observer, "runs", TARN_OBSERVER, NULL, 0));
  put_text(writer, "value");
  tn_entry *entry = &writer->channel.entries[TN_BOARD_BUFFER(writer->current)];
  uint64_t complete = tn_load_relaxed(&entry->generation);
  for (uint64_t wrong = 0; wrong < 2 * complete + 2; wrong++) {
    if (wrong == complete)
      continue;
    tn_store_relaxed(&entry->generation, wrong);
    CHECK_RESULT(TARN_E_CORRUPT, read_board(observer, 1, TARN_FOREVER));
    expect_sentence("runs", "generation");
  }
  tn_store_relaxed(&entry->generation, complete);
  CHECK_OK(read_board(observer, 1, 0));
  tarn_board_close(observer);
  tarn_board_close(writer);
}

/* ---- Streams ----------------------------------------------------------------------------------------------------------------------- */

static void store_floor(uint64_t position, uint64_t number) {
  tn_latch *floor = &runaway.stream->channel.control->kind.stream.floor;
  for (int i = 0; i < 2; i++) {
    tn_store_relaxed(&floor->copy[i].position, position);
    tn_store_relaxed(&floor->copy[i].number, number);
  }
}

/* The floor, or a queue's head, is one record further on, and a message lies there. */
static void move_floor(void *argument) {
  (void)argument;
  tn_boundary floor = tn_latch_load(&runaway.stream->channel.control->kind.stream.floor);
  floor.position += 2 * TN_UNIT;
  floor.number++;
  tn_record *record = tn_stream_record(runaway.stream, floor.position);
  tn_store_relaxed(&record->label, tn_record_label(floor.number, 0));
  tn_store_relaxed(&record->word, tn_record_word(TN_MESSAGE, 0));
  store_floor(floor.position, floor.number);
  if (is_time_to_wake() && runaway.victim != NULL)
    tarn_stream_wake(runaway.victim);
}

/* A message is still one, but has another word. */
static void change_word(void *argument) {
  (void)argument;
  tn_record *record = tn_stream_record(runaway.stream, tn_stream_position(runaway.victim));
  tn_store_relaxed(&record->word, tn_load_relaxed(&record->word) ^ TN_AGAIN);
  if (is_time_to_wake())
    tarn_stream_wake(runaway.victim);
}

static tarn_stream *open_stream_writer(uint32_t policy, uint32_t flags) {
  runaway.stream = stream_open("runs", TARN_WRITER, (tarn_options){.size_bytes = RING, .policy = policy, .flags = flags});
  CHECK_OK(tarn_stream_put(runaway.stream, "", 0, NULL, 0));
  return runaway.stream;
}

static int read_stream(tarn_stream *stream, int how, int64_t timeout_ns) {
  char data[64];
  tarn_item item;
  uint32_t count;
  if (how == 0)
    return tarn_stream_get(stream, data, sizeof data, &item, timeout_ns);
  return how == 1 ? tarn_stream_read(stream, &item, timeout_ns) : tarn_stream_read_batch(stream, &item, 1, &count, timeout_ns);
}

static void run_beside(uint32_t policy, uint32_t flags, const char *step, void (*scribble)(void *), int first_way) {
  for (int how = first_way; how < 3; how++) {
    tarn_stream *writer = open_stream_writer(policy, flags);
    intptr_t handle;
    runaway.victim = stream_open("runs", TARN_READER, (tarn_options){0});
    CHECK_OK(tarn_stream_handle(runaway.victim, &handle));
    CHECK_OK(tn_os_event_wait(handle, TARN_FOREVER));
    begin(step, scribble);
    CHECK_RESULT(TARN_EMPTY, read_stream(runaway.victim, how, 0));
    CHECK_OK(tn_os_event_wait(handle, TARN_FOREVER)); /* there may be something, and it is looked for again */
    CHECK_RESULT(TARN_TIMED_OUT, read_stream(runaway.victim, how, 1 * MS));
    runaway.wake_after = runaway.turns + WAKE_AFTER;
    CHECK_RESULT(TARN_WOKEN, read_stream(runaway.victim, how, TARN_FOREVER));
    end();
    CHECK_OK(read_stream(runaway.victim, how, 0)); /* it stays where it is */
    tarn_stream_close(runaway.victim);
    runaway.victim = NULL;
    tarn_stream_close(writer);
    tarn_remove("runs", TARN_KIND_STREAM, 1); /* items are out */
  }
}

static void test_floor(void) { run_beside(TARN_OVERWRITE, 0, "stream.read.held", move_floor, 1); }

static void test_head(void) { run_beside(TARN_WAIT, TARN_QUEUE, "queue.take.noted", move_floor, 0); }

static void test_word(void) { run_beside(TARN_WAIT, TARN_QUEUE, "queue.take.noted", change_word, 0); }

/* A joiner whom the writer waits for is told, one who is overtaken anyway joins where it is. */
static void test_joining(void) {
  for (uint32_t policy = TARN_WAIT; policy <= TARN_OVERWRITE; policy++) {
    tarn_stream *writer = open_stream_writer(policy, 0), *reader = NULL;
    begin("stream.join.cursor", move_floor);
    int result = tarn_stream_open(&reader, "runs", TARN_READER, NULL, TARN_FOREVER);
    end();
    CHECK_RESULT(policy == TARN_OVERWRITE ? 0 : TARN_E_CORRUPT, result);
    if (result != 0)
      expect_sentence("runs", "floor");
    tarn_stream_close(reader);
    tarn_stream_close(writer);
  }
}

/* A message, and a skip that counts so many numbers that the message has the right one again: one could go round in this ring, to a number
 * that is far off. */
static void test_round_and_round(void) {
  for (int role = TARN_READER; role <= TARN_OBSERVER; role += TARN_OBSERVER - TARN_READER) {
    tarn_stream *writer = open_stream_writer(TARN_WAIT, 0);
    tarn_stream *reader = stream_open("runs", role, (tarn_options){.from = UINT64_C(1) << 60});
    tn_record *skip = tn_stream_record(writer, TN_UNIT);
    tn_store_relaxed(&skip->label, tn_record_label(2, UINT32_MAX));
    tn_store_relaxed(&skip->word, tn_record_word(TN_SKIP, RING - 2 * TN_UNIT));
    CHECK_RESULT(TARN_EMPTY, read_stream(reader, 0, 0));
    CHECK_RESULT(TARN_TIMED_OUT, read_stream(reader, 0, 1 * MS));
    tarn_stream_wake(reader);
    CHECK_RESULT(TARN_WOKEN, read_stream(reader, 0, TARN_FOREVER));
    tarn_stream_close(reader);
    tarn_stream_close(writer);
  }
}

/* The lock is said to be the one's who wants it. */
static void test_own_lock(void) {
  tarn_stream *writer = open_stream_writer(TARN_WAIT, TARN_MANY_WRITERS);
  uint64_t own = (uint64_t)writer->channel.generation << 32 | (writer->channel.slot + 1);
  for (int waited = 0; waited < 2; waited++) {
    tn_store_relaxed(&writer->channel.control->lock.word, own | (waited ? UINT64_C(1) << 31 : 0));
    CHECK_OK(tarn_stream_put(writer, "", 0, NULL, 100 * MS));
    CHECK_UINT(0, tn_load_relaxed(&writer->channel.control->lock.word));
  }
  tarn_stream_close(writer);
}

static const check_test tests[] = {{"current", test_current, 0},
                                   {"generation", test_generation, 0},
                                   {"floor", test_floor, 0},
                                   {"head", test_head, 0},
                                   {"word", test_word, 0},
                                   {"joining", test_joining, 0},
                                   {"round_and_round", test_round_and_round, 0},
                                   {"own_lock", test_own_lock, 0},
                                   {0}};

int main(int argc, char **argv) {
  return check_main(argc, argv, tests, NULL);
}
