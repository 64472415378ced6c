/* stream_random_test.c: one writer at a time, which puts, claims, abandons, batches, leaves and is killed at random, and
 * readers of every kind, which are killed and replaced, too. The model is one line: message n is what n says (streams.h),
 * and whoever was given message n is next given n + 1 + missed. Where the writer waits, or fails, nothing is missed by those
 * who take part.
 *
 * TARN_TEST_RANDOM_SECONDS says for how long (5). */
#include "os/os.h"
#include "stream_inside.h"
#include "streams.h"

enum { MS = 1000000, HOLD = 24, PIECES = 40, READERS = 7 };
static const int64_t PATIENCE_NS = INT64_C(20000000000);

/* ---- What all roles do -------------------------------------------------------------------------------------------------- */

static tn_atomic32 ending;

static void hear_the_end(void *unused) {
  (void)unused;
  check_hear();
  tn_store_release(&ending, 1);
}

static void listen(void) {
  intptr_t thread; /* ends with the process */
  CHECK_OK(tn_os_thread_start(&thread, hear_the_end, NULL));
}

static int is_over(void) { return tn_load_acquire(&ending) != 0; }

static uint64_t below(uint64_t limit) { return check_random() % limit; }

static int64_t some_time(void) { return (int64_t)below(3) * MS; }

static int is_outcome(int result) {
  return result == TARN_TIMED_OUT || result == TARN_NO_WRITER || result == TARN_EMPTY || result == TARN_FULL;
}

/* ---- The writer --------------------------------------------------------------------------------------------------------- */

static uint64_t some_size(const tarn_stream *writer) {
  switch (below(16)) {
    case 0: return writer->longest;
    case 1: return below(writer->longest + 1);
    case 2: return 0;
    case 3: return writer->longest < 4096 ? below(writer->longest) : below(4096);
    default: return below(120);
  }
}

static int put_pieces(tarn_stream *writer) {
  static unsigned char bytes[1 << 20];
  uint64_t size = some_size(writer), first = below(size + 1), number = writer->number;
  const tarn_about about = {.struct_size = sizeof about, .tag = stream_tag(number)};
  stream_fill(bytes, number, size);
  const tarn_piece pieces[] = {{bytes, first, 0}, {NULL, 0, 0}, {bytes + first, size - first, 0}};
  return tarn_stream_put_pieces(writer, pieces, 3, &about, some_time());
}

static int put_batch(tarn_stream *writer) {
  static unsigned char bytes[PIECES][256];
  tarn_piece pieces[PIECES];
  uint32_t count = 1 + (uint32_t)below(PIECES), done = 0;
  for (uint32_t i = 0; i < count; i++) {
    uint64_t size = below(sizeof bytes[i]);
    stream_fill(bytes[i], writer->number + i, size);
    pieces[i] = (tarn_piece){bytes[i], size, stream_tag(writer->number + i)};
  }
  int result = tarn_stream_put_batch(writer, pieces, count, &done, some_time());
  CHECK(result != 0 || (done >= 1 && done <= count));
  return result;
}

static int claim_and_change_mind(tarn_stream *writer) {
  uint64_t claimed = some_size(writer), size = below(claimed + 1);
  const tarn_about about = {.struct_size = sizeof about, .tag = stream_tag(writer->number)};
  void *room;
  int result = tarn_stream_claim(writer, claimed, &room, some_time());
  if (result != 0) return result;
  memset(room, 0xa5, (size_t)claimed);
  if (below(2) == 0) return tarn_stream_abandon(writer);
  stream_fill(room, writer->number, size);
  return tarn_stream_publish(writer, size, &about);
}

static int write_something(tarn_stream *writer) {
  switch (below(8)) {
    case 0: return put_pieces(writer);
    case 1: return put_batch(writer);
    case 2: return claim_and_change_mind(writer);
    default: return stream_try_put(writer, writer->number, some_size(writer), some_time());
  }
}

static tarn_options options_of(char **argv) {
  return (tarn_options){.size_bytes = strtoull(argv[0], NULL, 10),
                        .policy = (uint32_t)atoi(argv[1]),
                        .flags = strcmp(argv[2], "times") == 0 ? TARN_TIMES : 0};
}

static int role_writer(int argc, char **argv) {
  CHECK_INT(3, argc);
  listen();
  uint64_t last = 0;
  do { /* once in any case: who is told to end before it begins still has to say what the last number is */
    tarn_stream *writer = stream_open_in("random", TARN_WRITER, options_of(argv), PATIENCE_NS);
    if (last != 0) CHECK_UINT(last + 1, writer->number);
    for (uint64_t i = 1 + below(5000); i > 0 && !is_over(); i--) {
      int result = write_something(writer);
      if (result != 0) CHECK(is_outcome(result));
      if (result == TARN_FULL) check_sleep(MS / 10);
      if (below(500) == 0) check_sleep(MS);
    }
    last = writer->number - 1;
    if (below(3) == 0) tarn_stream_abandon(writer); /* there is nothing to give back: it says so, and changes nothing */
    tarn_stream_close(writer);
  } while (!is_over());
  check_say("last %llu", (unsigned long long)last);
  return 0;
}

/* ---- Readers ------------------------------------------------------------------------------------------------------------ */

typedef struct course {
  tarn_stream *stream;
  uint64_t last; /* number of the last item of this handle, 0 none yet */
  uint64_t from; /* as asked for */
  uint64_t seen; /* the greatest number that this process was ever given */
  int drops;     /* something may be missed */
  int times;
} course;

static void verify(course *course, const tarn_item *item) {
  CHECK(stream_whole(item));
  if (course->last != 0)
    CHECK_UINT(course->last + 1 + item->missed, item->number);
  else if (course->from == TARN_OLDEST || course->from == TARN_NEXT)
    CHECK_UINT(0, item->missed);
  else
    CHECK_UINT(course->from + item->missed, item->number);
  if (course->last == 0 && course->from == TARN_NEXT) CHECK(item->number > course->seen);
  if (course->last != 0 && !course->drops) CHECK_UINT(0, item->missed);
  CHECK((item->time_ns != 0) == course->times);
  course->last = item->number;
  course->seen = item->number > course->seen ? item->number : course->seen;
}

static int get_one(course *course, int64_t timeout_ns) {
  static unsigned char bytes[1 << 20];
  tarn_item item;
  int result = tarn_stream_get(course->stream, bytes, below(10) == 0 ? 64 : sizeof bytes, &item, timeout_ns);
  if (result == TARN_E_TOO_LARGE) { /* the message still counts as unread; another may have taken its place */
    CHECK(item.size_bytes > 64);
    result = tarn_stream_get(course->stream, bytes, sizeof bytes, &item, timeout_ns);
  }
  if (result == 0) verify(course, &item);
  return result;
}

static void release_some(course *course, tarn_item *items, uint32_t *count, uint32_t keep) {
  while (*count > keep) {
    uint32_t i = (uint32_t)below(*count);
    CHECK(stream_whole(&items[i]));
    CHECK_OK(tarn_stream_release(course->stream, &items[i]));
    items[i] = items[--*count];
  }
}

/* In place: up to HOLD out at a time, given back in any order; every one is looked at again before it goes. */
static int read_some(course *course, tarn_item *items, uint32_t *count, int64_t timeout_ns) {
  uint32_t given = 1;
  if (*count > HOLD / 2) release_some(course, items, count, (uint32_t)below(*count));
  uint32_t most = 1 + (uint32_t)below(HOLD - *count);
  int result = below(2) == 0 ? tarn_stream_read(course->stream, &items[*count], timeout_ns)
                             : tarn_stream_read_batch(course->stream, &items[*count], most, &given, timeout_ns);
  for (uint32_t i = 0; result == 0 && i < given; i++) verify(course, &items[*count + i]);
  if (result == 0) *count += given;
  if (result != 0) release_some(course, items, count, 0); /* or the writer waits for us, and we for it */
  return result;
}

static uint64_t some_start(const course *course) {
  switch (below(4)) {
    case 0: return TARN_OLDEST;
    case 1: return TARN_NEXT;
    case 2: return course->seen + 1 + below(50);
    default: return course->seen > 300 ? course->seen - below(300) : 1;
  }
}

/* Open, read by copy, in place, or both, and leave; again and again if `joins`. 1: the last time, to the end, which was said. */
static int follow(course *course, int role, int joins, int copies) {
  tarn_item items[HOLD];
  uint32_t count = 0;
  course->from = joins ? some_start(course) : TARN_OLDEST;
  course->last = 0;
  course->stream = stream_open_in("random", role, (tarn_options){.from = course->from}, PATIENCE_NS);
  for (uint64_t i = joins ? below(300) : UINT64_MAX; i > 0 && !is_over(); i--) {
    int copy = copies == 2 ? below(2) == 0 : copies;
    int result = copy ? get_one(course, some_time()) : read_some(course, items, &count, some_time());
    if (result != 0) CHECK(is_outcome(result));
    if (below(1000) == 0) check_sleep((int64_t)below(4) * MS);
  }
  release_some(course, items, &count, 0);
  int result = 0, over = is_over(); /* looked at once: if it ends from here on, it is the next time that is the last */
  while (over && (result = get_one(course, 0)) == 0) continue;
  CHECK(result == 0 || is_outcome(result));
  uint64_t last = course->stream->number - 1;
  tarn_stream_close(course->stream);
  if (over) check_say("last %llu", (unsigned long long)last);
  return over;
}

static int role_reader(int argc, char **argv) {
  CHECK_INT(4, argc);
  const char *kind = argv[3];
  int observes = strcmp(kind, "observer") == 0, joins = strcmp(kind, "joiner") == 0;
  course course = {.drops = observes || atoi(argv[1]) == TARN_OVERWRITE, .times = strcmp(argv[2], "times") == 0};
  listen();
  while (!follow(&course, observes ? TARN_OBSERVER : TARN_READER, joins || (observes && below(4) == 0),
                 observes || strcmp(kind, "copy") == 0 ? 1 : strcmp(kind, "place") == 0 ? 0 : 2))
    continue;
  return 0;
}

/* ---- The test ----------------------------------------------------------------------------------------------------------- */

static const char *const kinds[READERS] = {"place", "place", "copy", "both", "joiner", "joiner", "observer"};

typedef struct round {
  char ring[32], policy[8];
  const char *times;
  check_process *writer, *readers[READERS];
  uint64_t killed;
} round;

static check_process *start_writer(const round *r) { return check_start("writer", r->ring, r->policy, r->times, NULL); }

static check_process *start_reader(const round *r, int i) {
  return check_start("reader", r->ring, r->policy, r->times, kinds[i], NULL);
}

static void kill_one(check_process *process) {
  check_kill(process);
  while (check_line(process) != NULL) continue; /* it may have said its last word already */
  CHECK_INT(-9, check_wait(process));
}

static uint64_t last_of(check_process *process) {
  unsigned long long last = 0;
  check_tell(process, "end");
  const char *line = check_line(process);
  CHECK(line != NULL && sscanf(line, "last %llu", &last) == 1);
  CHECK_INT(0, check_wait(process));
  return last;
}

static void disturb(round *r) {
  int i = (int)below(READERS);
  switch (below(4)) {
    case 0:
      kill_one(r->writer);
      r->writer = start_writer(r);
      break;
    case 1:
      last_of(r->writer);
      r->writer = start_writer(r);
      break;
    case 2:
      kill_one(r->readers[i]);
      r->readers[i] = start_reader(r, i);
      break;
    default: return;
  }
  r->killed++;
}

/* However busy the machine is: nothing ends before there has been a message. */
static void await_a_message(tarn_stream *observer) {
  static unsigned char bytes[1 << 20];
  tarn_item item;
  int64_t end = check_now() + PATIENCE_NS;
  int result;
  do result = tarn_stream_get(observer, bytes, sizeof bytes, &item, 1000 * (int64_t)MS);
  while (is_outcome(result) && check_now() < end);
  CHECK(result == 0 || result == TARN_E_TOO_LARGE);
}

static void play(uint64_t number, int64_t duration_ns) {
  round r = {.times = number / 3 % 2 != 0 ? "times" : "plain"};
  snprintf(r.ring, sizeof r.ring, "%llu", (unsigned long long)(4096u << below(9)));
  snprintf(r.policy, sizeof r.policy, "%d", (int)(number % 3));
  char *options[] = {r.ring, r.policy, (char *)(uintptr_t)r.times};
  tarn_stream *founder = stream_open_in("random", TARN_WRITER, options_of(options), PATIENCE_NS);
  tarn_stream *keeper = stream_open("random", TARN_OBSERVER, (tarn_options){0}); /* keeps the name when others die */
  tarn_stream_close(founder);
  r.writer = start_writer(&r);
  for (int i = 0; i < READERS; i++) r.readers[i] = start_reader(&r, i);
  for (int64_t end = check_now() + duration_ns; check_now() < end; check_sleep((int64_t)below(40) * MS)) disturb(&r);
  await_a_message(keeper);
  uint64_t last = last_of(r.writer);
  CHECK(last > 0);
  for (int i = 0; i < READERS; i++) CHECK_UINT(last, last_of(r.readers[i]));
  tarn_stream_close(keeper);
  check_say("policy %s, ring %s, %s: %llu messages, %llu killed or replaced", r.policy, r.ring, r.times,
            (unsigned long long)last, (unsigned long long)r.killed);
}

static void test_random(void) {
  int64_t whole = (int64_t)stream_amount("TARN_TEST_RANDOM_SECONDS", 5) * 1000 * MS, each = whole / 6;
  int64_t end = check_now() + whole;
  if (each > 5000 * (int64_t)MS) each = 5000 * (int64_t)MS;
  for (uint64_t number = 0; number < 6 || check_now() < end; number++) play(number, each);
}

static const check_test tests[] = {{"random", test_random, 4000}, {0}};
static const check_role roles[] = {{"writer", role_writer}, {"reader", role_reader}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
