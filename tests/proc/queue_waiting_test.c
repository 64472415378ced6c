/* queue_waiting_test.c: what those who share a stream wait for: several writers that wait for room at once, a handle to poll of a reader that
 * is held up by others, and when it is said that nobody writes any more. Handles, threads and killed processes. */
#include "os/fault.h"
#include "os/os.h"
#include "stream_inside.h"
#include "streams.h"

enum { MS = 1000000, RING = 4096, TRIES = 5 };
static const int64_t PATIENCE_NS = INT64_C(5000000000), PROMPT_NS = TN_SLICE_NS / 2;

static tarn_options shared(uint32_t queue) { return (tarn_options){.size_bytes = RING, .flags = TARN_MANY_WRITERS | queue}; }

static tarn_stream *open_writer(uint32_t queue) { return stream_open("s", TARN_WRITER, shared(queue)); }

static tarn_stream *open_reader(void) { return stream_open("s", TARN_READER, (tarn_options){0}); }

static int put(tarn_stream *writer, uint64_t size, int64_t timeout_ns) {
  static const unsigned char bytes[RING];
  return tarn_stream_put(writer, bytes, size, NULL, timeout_ns);
}

static void get(tarn_stream *reader, uint64_t number) {
  static unsigned char bytes[RING];
  tarn_item item;
  CHECK_OK(tarn_stream_get(reader, bytes, sizeof bytes, &item, PATIENCE_NS));
  CHECK_UINT(number, item.number);
}

/* ---- Several writers wait for room ------------------------------------------------------------------------------------------- */

typedef struct waiter {
  tarn_stream *writer;
  uint64_t size;
  int result;
  tn_atomic64 done_ns;
  intptr_t thread;
} waiter;

static void wait_for_room(void *argument) {
  waiter *one = argument;
  one->result = put(one->writer, one->size, PATIENCE_NS);
  tn_store_release(&one->done_ns, (uint64_t)check_now());
}

static int is_asleep(const tarn_stream *stream) { return tn_load_acquire(&stream->slot->asleep) != 0; }

static void start(waiter *one, uint32_t queue, uint64_t size) {
  *one = (waiter){.writer = open_writer(queue), .size = size};
  CHECK_OK(tn_os_thread_start(&one->thread, wait_for_room, one));
  while (!is_asleep(one->writer)) check_sleep(MS / 20);
}

/* How long after `since` it was done. */
static int64_t finish(waiter *one, int64_t since) {
  tn_os_thread_join(one->thread);
  CHECK_OK(one->result);
  tarn_stream_close(one->writer);
  return (int64_t)tn_load_acquire(&one->done_ns) - since;
}

/* Three wait, the one that needs least first. Each has to go on when there is room for it, and not when its slice is over. The longest
 * that one of them took. */
static int64_t three_wait(uint32_t queue) {
  tarn_stream *filler = open_writer(queue), *reader = open_reader();
  uint64_t length = 256 - filler->header_bytes, next = 1;
  waiter waiters[3];
  int64_t longest = 0;
  while (put(filler, length, 0) == 0) continue;
  while (put(filler, 1, 0) == 0) continue; /* to the last byte */
  for (int i = 0; i < 3; i++) start(&waiters[i], queue, (const uint64_t[]){10, 800, 1900}[i]);
  for (int i = 0; i < 3; i++) {
    int64_t begin = check_now();
    for (int reads = (const int[]){1, 4, 8}[i]; reads != 0; reads--) get(reader, next++);
    int64_t took = finish(&waiters[i], begin);
    if (took > longest) longest = took;
  }
  tarn_stream_close(filler);
  tarn_stream_close(reader);
  return longest;
}

/* A machine that is busy with other things may be late; who sleeps until its slice is over is late each time. */
static void prompt_once(int64_t (*attempt)(uint32_t), uint32_t queue) {
  int64_t took = INT64_MAX;
  for (int tries = 0; tries < TRIES && took > PROMPT_NS; tries++) {
    took = attempt(queue);
    check_say("%lld us", (long long)took / 1000);
  }
  CHECK(took <= PROMPT_NS);
}

static void test_three_wait(void) {
  prompt_once(three_wait, 0);
  prompt_once(three_wait, TARN_QUEUE);
}

/* One waits; all are woken for some other reason, and it has to note its need again before one that needs more notes its own. */
static int64_t woken_between(uint32_t queue) {
  tarn_stream *filler = open_writer(queue), *reader = open_reader();
  uint64_t length = 256 - filler->header_bytes, next = 1;
  waiter little, much;
  while (put(filler, length, 0) == 0) continue;
  while (put(filler, 1, 0) == 0) continue; /* to the last byte */
  start(&little, queue, 10);
  tarn_stream_wake(filler);
  check_sleep(2 * MS);
  start(&much, queue, 1900);
  int64_t begin = check_now();
  get(reader, next++);
  int64_t took = finish(&little, begin);
  while (tn_load_acquire(&much.done_ns) == 0)
    if (tn_stream_something(reader)) get(reader, next++);
  finish(&much, begin);
  tarn_stream_close(filler);
  tarn_stream_close(reader);
  return took;
}

static void test_woken_between(void) {
  prompt_once(woken_between, 0);
  prompt_once(woken_between, TARN_QUEUE);
}

/* What was noted before everybody was woken is over, whoever noted it: who waits now is woken once, when there is what it needs, and not by
 * each message before. */
static void test_need_that_is_over(void) {
  tarn_stream *filler = open_writer(0), *reader = open_reader();
  const tn_line *room = &filler->channel.control->room;
  uint64_t next = 1;
  waiter much;
  while (put(filler, 0, 0) == 0) continue;
  CHECK_RESULT(TARN_TIMED_OUT, put(filler, 10, 1)); /* it has noted what it needs, and waits no more */
  uint64_t noted = tn_load_acquire(&room->need);
  tarn_stream_wake(reader);
  start(&much, 0, 1900);
  CHECK(noted < tn_load_acquire(&room->need));
  uint32_t seq = tn_load_acquire(&room->seq);
  while (tn_load_acquire(&much.done_ns) == 0)
    if (tn_load_acquire(&room->sleepers) != 0 && tn_stream_something(reader)) get(reader, next++);
  finish(&much, 0);
  check_say("%u wakes for %llu messages", (unsigned)(tn_load_acquire(&room->seq) - seq), (unsigned long long)next - 1);
  CHECK(tn_load_acquire(&room->seq) - seq <= 1);
  tarn_stream_close(filler);
  tarn_stream_close(reader);
}

/* role: a reader that is held when it has noted the message that it is about to take */
static int role_about_to_take(int argc, char **argv) {
  (void)argc, (void)argv;
  tarn_stream *reader = open_reader();
  tarn_item item;
  tn_point_set("queue.take.noted", 1, "hold");
  CHECK_OK(tarn_stream_read(reader, &item, PATIENCE_NS));
  CHECK_OK(tarn_stream_release(reader, &item));
  check_hear(); /* who leaves wakes all */
  tarn_stream_close(reader);
  return 0;
}

/* Another takes that message first. All is done, and a writer waits for room that just this intent keeps. */
static int64_t intent_dropped(uint32_t queue) {
  tarn_stream *filler = open_writer(queue), *reader = open_reader();
  uint64_t number = 1;
  waiter one;
  CHECK_OK(put(filler, 200, 0));
  check_process *about = check_start("about_to_take", NULL);
  check_expect(about, "at queue.take.noted");
  for (; number == 1 || put(filler, 200, 0) == 0; number++) get(reader, number);
  start(&one, queue, 200);
  int64_t begin = check_now();
  check_tell(about, "go on");
  int64_t took = finish(&one, begin);
  CHECK_INT(0, check_wait(about));
  tarn_stream_close(filler);
  tarn_stream_close(reader);
  return took;
}

static void test_intent_dropped(void) { prompt_once(intent_dropped, TARN_QUEUE); }

/* role: a reader that has one message, and is held when it is done and the note of it not gone yet */
static int role_about_to_be_done(int argc, char **argv) {
  (void)argc, (void)argv;
  tarn_stream *reader = open_reader();
  tarn_item item;
  CHECK_OK(tarn_stream_read(reader, &item, PATIENCE_NS));
  check_say("has it");
  check_hear();
  tn_point_set("queue.release.done", 1, "hold");
  CHECK_OK(tarn_stream_release(reader, &item));
  check_hear();
  tarn_stream_close(reader);
  return 0;
}

/* One more waits, and needs more, before the reader that is held goes on. How long the first one took: what was noted for it must stand. */
static int64_t another_comes(tarn_stream *reader, waiter *little, check_process *held, tarn_item *first) {
  waiter much;
  start(&much, TARN_QUEUE, 1900);
  if (first != NULL) CHECK_OK(tarn_stream_release(reader, first));
  int64_t begin = check_now();
  check_tell(held, "go on");
  int64_t took = finish(little, begin);
  CHECK_INT(0, check_wait(held));
  while (tn_load_acquire(&much.done_ns) == 0) {
    tarn_item item;
    if (tarn_stream_read(reader, &item, 0) == 0) CHECK_OK(tarn_stream_release(reader, &item));
  }
  finish(&much, begin);
  return took;
}

/* Below the head: one waits for an intent, and for nothing else, to go. */
static int64_t intent_below_the_head(uint32_t queue) {
  tarn_stream *filler = open_writer(queue), *reader = open_reader();
  waiter little;
  CHECK_OK(put(filler, 200, 0));
  check_process *held = check_start("about_to_take", NULL);
  check_expect(held, "at queue.take.noted");
  while (put(filler, 200, 0) == 0) continue;
  for (uint64_t number = 1; number <= 3; number++) get(reader, number);
  start(&little, queue, 200);
  int64_t took = another_comes(reader, &little, held, NULL);
  tarn_stream_close(filler);
  tarn_stream_close(reader);
  return took;
}

/* Above it: one waits for the second message, which is done while its intent is still set; the first holds the head. */
static int64_t intent_above_the_head(uint32_t queue) {
  tarn_stream *filler = open_writer(queue), *reader = open_reader();
  tarn_item first;
  waiter little;
  while (put(filler, 200, 0) == 0) continue;
  CHECK_OK(tarn_stream_read(reader, &first, 0));
  check_process *held = check_start("about_to_be_done", NULL);
  check_expect(held, "has it");
  get(reader, 3);
  start(&little, queue, 200);
  check_tell(held, "release");
  check_expect(held, "at queue.release.done");
  int64_t took = another_comes(reader, &little, held, &first);
  tarn_stream_close(filler);
  tarn_stream_close(reader);
  return took;
}

static void test_intent_awaited_by_two(void) {
  prompt_once(intent_below_the_head, TARN_QUEUE);
  prompt_once(intent_above_the_head, TARN_QUEUE);
}

/* role: a writer that is held when it has seen that an intent keeps the room it needs */
static int role_short_of_room(int argc, char **argv) {
  (void)argc, (void)argv;
  tarn_stream *writer = open_writer(TARN_QUEUE);
  tn_point_set("queue.head.settled", 1, "hold");
  CHECK_OK(put(writer, 200, PATIENCE_NS));
  tarn_stream_close(writer);
  return 0;
}

/* An intent goes after a writer saw it and before it notes what it waits for: there is room. It must not wait for what another reader has. */
static void test_intent_goes_meanwhile(void) {
  tarn_stream *filler = open_writer(TARN_QUEUE), *reader = open_reader();
  tarn_item item;
  CHECK_OK(put(filler, 200, 0));
  check_process *held = check_start("about_to_take", NULL);
  check_expect(held, "at queue.take.noted");
  while (put(filler, 200, 0) == 0) continue;
  for (uint64_t number = 1; number <= 3; number++) get(reader, number);
  CHECK_OK(tarn_stream_read(reader, &item, 0));
  check_process *writer = check_start("short_of_room", NULL);
  check_expect(writer, "at queue.head.settled");
  check_tell(held, "go on");
  CHECK_INT(0, check_wait(held));
  check_tell(writer, "go on");
  CHECK_INT(0, check_wait(writer));
  CHECK_OK(tarn_stream_release(reader, &item));
  tarn_stream_close(filler);
  tarn_stream_close(reader);
}

/* What a scribbler noted is waited for by nobody: nobody would ever say that it is done. Neither of a skip, which the second record is. */
static void test_need_of_a_scribbler(void) {
  static const uint64_t needs[] = {1, 16, 240, 480 + 16, 1000};
  for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
    tarn_stream *filler = open_writer(TARN_QUEUE), *reader = open_reader();
    tn_line *room = &filler->channel.control->room;
    waiter one;
    void *skipped;
    CHECK_OK(put(filler, 200, 0));
    CHECK_OK(tarn_stream_claim(filler, 200, &skipped, 0));
    CHECK_OK(tarn_stream_abandon(filler));
    while (put(filler, 200, 0) == 0) continue;
    tn_store_relaxed(&room->need_seq, tn_load_relaxed(&room->seq)); /* relaxed, both: nobody waits yet */
    tn_store_relaxed(&room->need, needs[i]);
    start(&one, TARN_QUEUE, 1900);
    for (tarn_item item; tarn_stream_read(reader, &item, 0) == 0;) CHECK_OK(tarn_stream_release(reader, &item));
    finish(&one, 0);
    tarn_stream_close(filler);
    tarn_stream_close(reader);
  }
}

/* ---- The handle to poll ------------------------------------------------------------------------------------------------------- */

static intptr_t handle_of(tarn_stream *reader) {
  intptr_t handle;
  CHECK_OK(tarn_stream_handle(reader, &handle));
  return handle;
}

/* Nothing there, and said so by the handle, too; what another took may have set it. */
static void quiet(tarn_stream *reader) {
  tarn_item item;
  int waited = 0;
  for (int tries = 0; tries < 50 && waited == 0; tries++) {
    CHECK_RESULT(TARN_EMPTY, tarn_stream_read(reader, &item, 0));
    waited = tn_os_event_wait(handle_of(reader), 10 * MS);
  }
  CHECK_RESULT(TARN_TIMED_OUT, waited); /* it has become quiet */
}

/* Until the handle says that there is something, and there is. */
static int polled(tarn_stream *reader, tarn_item *ret_item) {
  for (int64_t end = check_now() + PATIENCE_NS; check_now() < end;) {
    CHECK_OK(tn_os_event_wait(handle_of(reader), PATIENCE_NS));
    int result = tarn_stream_read(reader, ret_item, 0);
    if (result != TARN_EMPTY) return result;
  }
  return TARN_TIMED_OUT;
}

static void expect_polled(tarn_stream *reader, uint64_t number, uint32_t deliveries) {
  tarn_item item;
  CHECK_OK(polled(reader, &item));
  CHECK_UINT(number, item.number);
  if (deliveries != 0) CHECK_UINT(deliveries, item.deliveries);
  CHECK_OK(tarn_stream_release(reader, &item));
  quiet(reader);
}

/* role: takes a message and keeps it */
static int role_takes(int argc, char **argv) {
  (void)argc, (void)argv;
  tarn_item item;
  CHECK_OK(tarn_stream_read(open_reader(), &item, PATIENCE_NS));
  check_say("has it");
  check_hear();
  return 0;
}

/* role: one more writer, puts some, then claims perhaps, and waits for its end: "leave" is an orderly one */
static int role_writes(int argc, char **argv) {
  CHECK_INT(2, argc);
  void *room;
  tarn_stream *writer = open_writer(TARN_QUEUE & (uint32_t)atoi(argv[0]));
  if (strcmp(argv[1], "claim") == 0)
    CHECK_OK(tarn_stream_claim(writer, 30, &room, 0));
  else
    CHECK_OK(put(writer, 20, 0));
  check_say("did");
  check_hear();
  tarn_stream_close(writer);
  return 0;
}

static check_process *start_writer(uint32_t queue, const char *what) {
  char flag[16];
  snprintf(flag, sizeof flag, "%u", (unsigned)queue);
  check_process *writer = check_start("writes", flag, what, NULL);
  check_expect(writer, "did");
  return writer;
}

static void end_by_force(check_process *process) {
  check_kill(process);
  check_wait(process);
}

/* A message; a claim whose writer dies, with a message behind it; the writer's end. */
static tarn_stream *poll_any(uint32_t queue) {
  tarn_stream *writer = open_writer(queue), *reader = open_reader();
  tarn_item item;
  quiet(reader);
  CHECK_OK(put(writer, 10, 0));
  expect_polled(reader, 1, queue ? 1 : 0);
  check_process *claimant = start_writer(queue, "claim");
  CHECK_OK(put(writer, 10, 0));
  quiet(reader); /* what is behind a claim waits for it */
  end_by_force(claimant);
  expect_polled(reader, 3, queue ? 1 : 0);
  tarn_stream_close(writer);
  CHECK_RESULT(TARN_NO_WRITER, polled(reader, &item));
  quiet(reader);
  return reader;
}

static void test_poll_many_writers(void) { tarn_stream_close(poll_any(0)); }

static void test_poll_queue(void) {
  tarn_stream *reader = poll_any(TARN_QUEUE), *writer = open_writer(TARN_QUEUE), *other = open_reader();
  tarn_item item;
  check_process *taker = check_start("takes", NULL);
  CHECK_OK(put(writer, 10, 0));
  check_expect(taker, "has it");
  quiet(reader);
  end_by_force(taker);
  expect_polled(reader, 4, 2); /* the taker is dead */
  CHECK_OK(put(writer, 10, 0));
  CHECK_OK(tarn_stream_read(other, &item, 0));
  quiet(reader);
  CHECK_OK(tarn_stream_return(other, &item));
  expect_polled(reader, 5, 2); /* given back */
  tarn_stream_close(writer);
  tarn_stream_close(other);
  tarn_stream_close(reader);
}

/* ---- Nobody writes ------------------------------------------------------------------------------------------------------------- */

static void expect_no_writer_once(tarn_stream *reader) {
  tarn_item item;
  CHECK_RESULT(TARN_NO_WRITER, tarn_stream_read(reader, &item, PATIENCE_NS));
  CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_read(reader, &item, 5 * MS));
}

static void nobody_writes(uint32_t queue) {
  tarn_item item;
  check_process *a = start_writer(queue, "put"), *b = start_writer(queue, "put"), *c;
  tarn_stream *reader = open_reader();
  get(reader, 1);
  get(reader, 2);
  end_by_force(a); /* one is dead, one writes */
  CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_read(reader, &item, TN_SLICE_NS * 3 / 2));
  a = start_writer(queue, "put");
  check_tell(b, "leave");
  CHECK_INT(0, check_wait(b));
  get(reader, 3);
  CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_read(reader, &item, TN_SLICE_NS * 3 / 2)); /* one has left, one writes */
  end_by_force(a);
  expect_no_writer_once(reader);
  a = start_writer(queue, "put");
  check_tell(a, "leave");
  CHECK_INT(0, check_wait(a));
  get(reader, 4); /* what it left comes first */
  expect_no_writer_once(reader);
  c = start_writer(queue, "claim"); /* number 5 */
  a = start_writer(queue, "put");
  check_tell(a, "leave"); /* behind the claim */
  CHECK_INT(0, check_wait(a));
  CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_read(reader, &item, TN_SLICE_NS * 3 / 2));
  end_by_force(c);
  get(reader, 6);
  expect_no_writer_once(reader);
  c = start_writer(queue, "claim"); /* and with nothing behind it */
  end_by_force(c);
  expect_no_writer_once(reader);
  tarn_stream_close(reader);
}

static void test_nobody_writes(void) {
  nobody_writes(0);
  nobody_writes(TARN_QUEUE);
}

static const check_test tests[] = {{"three_wait", test_three_wait, 0},
                                   {"woken_between", test_woken_between, 0},
                                   {"intent_dropped", test_intent_dropped, 0},
                                   {"need_that_is_over", test_need_that_is_over, 0},
                                   {"intent_awaited_by_two", test_intent_awaited_by_two, 0},
                                   {"intent_goes_meanwhile", test_intent_goes_meanwhile, 0},
                                   {"need_of_a_scribbler", test_need_of_a_scribbler, 0},
                                   {"poll_many_writers", test_poll_many_writers, 0},
                                   {"poll_queue", test_poll_queue, 0},
                                   {"nobody_writes", test_nobody_writes, 0},
                                   {0}};
static const check_role roles[] = {{"about_to_take", role_about_to_take}, {"about_to_be_done", role_about_to_be_done}, {"short_of_room", role_short_of_room}, {"takes", role_takes}, {"writes", role_writes}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
