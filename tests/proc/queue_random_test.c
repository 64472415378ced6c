/* queue_random_test.c: several writers at once, and readers of a queue, killed and replaced at random. Every message has a tag of its
 * own, and a word in a map that all processes share says what became of it: published, given, given again, done. At the end every
 * message that was published was given, without a mark once at most, and was done, or its reader was killed while it released it; to
 * readers of a fan-out every message was given exactly once, in order. And readers that work equally fast have shares alike.
 *
 * TARN_TEST_QUEUE_SECONDS says for how long (2). */
#include <tarn/inspect.h>

#include "os/os.h"
#include "stream_inside.h"
#include "streams.h"

enum { MS = 1000000, WRITERS = 2, READERS = 3, EACH = 1 << 14, PROCESSES = 400, PIECES = 16, HOLD = 4 };
static const int64_t PATIENCE_NS = INT64_C(20000000000);

/* A word of the tally. In a fan-out the bits from 8 on are the followers' own. */
enum { PUT = 1, GIVEN = 2, GIVEN_TWICE = 4, AGAIN = 8, RELEASING = 16, DONE = 32, FOLLOWER = 256 };

static tn_atomic32 *tally;

static void open_tally(void) {
  tarn_map *map;
  tarn_view view;
  const tarn_options options = {.struct_size = sizeof options, .size_bytes = (uint64_t)EACH * PROCESSES * 4};
  CHECK_OK(tarn_map_open(&map, check_path("tally"), TARN_MAP_WRITE, &options, 0)); /* a path: a file on every system */
  CHECK_OK(tarn_map_view(map, 0, options.size_bytes, &view));
  tarn_map_close(map); /* the view stays */
  tally = view.data;
}

/* Marks the bit; what was there before. */
static uint32_t mark(uint64_t tag, uint32_t bit) {
  CHECK(tag < (uint64_t)EACH * PROCESSES);
  uint32_t seen = tn_load_relaxed(&tally[tag]); /* relaxed: the exchange decides */
  while (!tn_cas(&tally[tag], &seen, seen | bit)) continue;
  return seen;
}

/* ---- What all roles do -------------------------------------------------------------------------------------------------- */

static tn_atomic32 ending;

static void hear_the_end(void *unused) {
  (void)unused;
  check_hear();
  tn_store_release(&ending, 1);
}

static void begin_role(void) {
  intptr_t thread; /* ends with the process */
  CHECK_OK(tn_os_thread_start(&thread, hear_the_end, NULL));
  open_tally();
}

static int is_over(void) { return tn_load_acquire(&ending) != 0; }

static uint64_t below(uint64_t limit) { return check_random() % limit; }

static int is_outcome(int result) {
  return result == TARN_TIMED_OUT || result == TARN_NO_WRITER || result == TARN_EMPTY || result == TARN_FULL;
}

static void fill(void *data, uint64_t tag, uint64_t size) { stream_fill(data, tag, size); }

static int is_whole(const tarn_item *item) {
  for (uint64_t at = 0; at < item->size_bytes; at += 8) {
    uint64_t word = stream_word(item->tag, item->size_bytes, at), left = item->size_bytes - at;
    if (memcmp((const unsigned char *)item->data + at, &word, left < 8 ? (size_t)left : 8) != 0) return 0;
  }
  return 1;
}

/* ---- Writers -------------------------------------------------------------------------------------------------------------- */

static int put_run(tarn_stream *writer, uint64_t first) {
  static unsigned char bytes[PIECES][128];
  tarn_piece pieces[PIECES];
  uint32_t count = 1 + (uint32_t)below(PIECES), done = 0;
  for (uint32_t i = 0; i < count; i++) {
    uint64_t size = below(sizeof bytes[i]);
    fill(bytes[i], first + i, size);
    pieces[i] = (tarn_piece){bytes[i], size, first + i};
  }
  int result = tarn_stream_put_batch(writer, pieces, count, &done, (int64_t)below(3) * MS);
  for (uint32_t i = 0; result == 0 && i < done; i++) mark(first + i, PUT);
  return result;
}

static int put_claimed(tarn_stream *writer, uint64_t tag) {
  uint64_t claimed = below(8) == 0 ? below(writer->longest + 1) : below(200), size = below(2) ? claimed : below(claimed + 1);
  const tarn_about about = {.struct_size = sizeof about, .tag = tag};
  void *room;
  int result = tarn_stream_claim(writer, claimed, &room, (int64_t)below(3) * MS);
  if (result != 0) return result;
  memset(room, 0xa5, (size_t)claimed);
  if (below(20) == 0) return tarn_stream_abandon(writer);
  fill(room, tag, size);
  CHECK_OK(tarn_stream_publish(writer, size, &about));
  mark(tag, PUT);
  return 0;
}

static int role_writer(int argc, char **argv) {
  CHECK_INT(1, argc);
  begin_role();
  uint64_t tag = strtoull(argv[0], NULL, 10) * EACH, end = tag + EACH - PIECES;
  tarn_stream *writer = stream_open_in("random", TARN_WRITER, (tarn_options){.flags = TARN_EXISTING}, PATIENCE_NS);
  for (; !is_over() && tag < end; tag += PIECES) {
    int result = below(3) == 0 ? put_run(writer, tag) : put_claimed(writer, tag);
    if (result != 0) CHECK(is_outcome(result));
    if (below(100) == 0) check_sleep((int64_t)below(2) * MS);
  }
  while (!is_over()) check_sleep(MS);
  tarn_stream_close(writer);
  return 0;
}

/* ---- Readers -------------------------------------------------------------------------------------------------------------- */

static void note_given(const tarn_item *item, uint64_t *last) {
  CHECK(is_whole(item));
  CHECK_UINT(0, item->missed);
  uint32_t before = mark(item->tag, item->flags & TARN_AGAIN ? AGAIN : GIVEN);
  CHECK(!(before & DONE)); /* what was done is never delivered again */
  if (item->flags & TARN_AGAIN) return;
  if (before & GIVEN) mark(item->tag, GIVEN_TWICE);
  CHECK(item->number > *last); /* in order, but for what comes again */
  *last = item->number;
}

static int role_taker(int argc, char **argv) {
  (void)argv;
  CHECK_INT(0, argc);
  begin_role();
  tarn_stream *reader = stream_open_in("random", TARN_READER, (tarn_options){0}, PATIENCE_NS);
  for (uint64_t last = 0, quiet = 0; quiet < 3;) {
    tarn_item items[HOLD];
    uint32_t count = 0;
    int result = tarn_stream_read_batch(reader, items, 1 + (uint32_t)below(HOLD), &count, (int64_t)below(4) * MS);
    if (result != 0) CHECK(is_outcome(result));
    quiet = result == 0 || !is_over() ? 0 : quiet + 1;
    for (uint32_t i = 0; result == 0 && i < count; i++) note_given(&items[i], &last);
    if (below(50) == 0) check_sleep((int64_t)below(3) * MS);
    while (result == 0 && count > 0) {
      uint32_t i = (uint32_t)below(count);
      uint64_t tag = items[i].tag;
      CHECK(is_whole(&items[i]));
      if (below(16) == 0) {
        CHECK_OK(tarn_stream_return(reader, &items[i]));
      } else {
        mark(tag, RELEASING);
        CHECK_OK(tarn_stream_release(reader, &items[i]));
        CHECK(!(mark(tag, DONE) & DONE));
      }
      items[i] = items[--count];
    }
  }
  tarn_stream_close(reader);
  return 0;
}

static int role_follower(int argc, char **argv) {
  CHECK_INT(1, argc);
  begin_role();
  uint32_t own = (uint32_t)FOLLOWER << atoi(argv[0]);
  tarn_stream *reader = stream_open_in("random", TARN_READER, (tarn_options){0}, PATIENCE_NS);
  check_say("ready");
  for (uint64_t last = 0, quiet = 0; quiet < 3;) {
    static unsigned char bytes[1 << 16];
    tarn_item item;
    int result = below(2) ? tarn_stream_get(reader, bytes, sizeof bytes, &item, (int64_t)below(4) * MS)
                          : tarn_stream_read(reader, &item, (int64_t)below(4) * MS);
    if (result != 0) CHECK(is_outcome(result));
    quiet = result == 0 || !is_over() ? 0 : quiet + 1;
    if (result != 0) continue;
    CHECK(is_whole(&item));
    CHECK_UINT(0, item.missed);
    CHECK(item.number > last);
    last = item.number;
    CHECK(!(mark(item.tag, own) & own));
    if (item.data != bytes) CHECK_OK(tarn_stream_release(reader, &item));
  }
  tarn_stream_close(reader);
  return 0;
}

/* ---- The test ------------------------------------------------------------------------------------------------------------- */

typedef struct play {
  check_process *writers[WRITERS], *readers[READERS];
  uint32_t started, killed; /* writers ever started; processes killed */
  int queue;
} play;

static void start_writer(play *p, int i) {
  char index[16];
  snprintf(index, sizeof index, "%u", p->started++);
  p->writers[i] = check_start("writer", index, NULL);
}

static void start_reader(play *p, int i) {
  char index[16];
  snprintf(index, sizeof index, "%d", i);
  p->readers[i] = p->queue ? check_start("taker", NULL) : check_start("follower", index, NULL);
  if (!p->queue) check_expect(p->readers[i], "ready");
}

static void kill_one(play *p, check_process *process) {
  check_kill(process);
  CHECK_INT(-9, check_wait(process));
  p->killed++;
}

static void disturb(play *p) {
  int i = (int)below(WRITERS), k = (int)below(READERS);
  if (below(2) == 0 && p->started < PROCESSES) {
    kill_one(p, p->writers[i]);
    start_writer(p, i);
  } else if (p->queue) {
    kill_one(p, p->readers[k]);
    start_reader(p, k);
  }
}

static void end_all(check_process **processes, int count) {
  for (int i = 0; i < count; i++) check_tell(processes[i], "end");
  for (int i = 0; i < count; i++) CHECK_INT(0, check_wait(processes[i]));
}

static uint64_t settle_accounts(const play *p) {
  uint64_t messages = 0;
  uint32_t everybody = ((1u << READERS) - 1) * FOLLOWER;
  for (uint64_t tag = 0; tag < (uint64_t)EACH * p->started; tag++) {
    uint32_t fate = tn_load_relaxed(&tally[tag]); /* relaxed: nobody else is left */
    messages += (fate & PUT) != 0;
    if (p->queue && (fate & PUT)) CHECK(fate & (GIVEN | AGAIN));
    if (p->queue && (fate & PUT)) CHECK(fate & (DONE | RELEASING));
    CHECK(!(fate & GIVEN_TWICE));
    if (!p->queue && (fate & PUT)) CHECK_UINT(everybody, fate & everybody);
  }
  return messages;
}

static void play_once(int queue, uint64_t ring, int64_t duration_ns) {
  play p = {.queue = queue};
  open_tally();
  tarn_options options = {.size_bytes = ring, .flags = TARN_MANY_WRITERS | TARN_KEPT | (queue ? TARN_QUEUE : 0u)};
  tarn_stream *keeper = stream_open("random", TARN_WRITER, options);
  for (int i = 0; i < READERS; i++) start_reader(&p, i);
  for (int i = 0; i < WRITERS; i++) start_writer(&p, i);
  for (int64_t end = check_now() + duration_ns; check_now() < end; check_sleep((int64_t)(5 + below(30)) * MS)) disturb(&p);
  end_all(p.writers, WRITERS);
  end_all(p.readers, READERS);
  if (queue) { /* what the last ones to be killed had */
    start_reader(&p, 0);
    end_all(p.readers, 1);
  }
  tarn_stream_close(keeper);
  uint64_t messages = settle_accounts(&p);
  check_say("%s, ring %llu: %llu messages, %u processes killed", queue ? "queue" : "fan-out", (unsigned long long)ring,
            (unsigned long long)messages, p.killed);
  CHECK(messages > 0);
  CHECK_OK(tarn_remove("random", TARN_KIND_STREAM, 0));
  CHECK_OK(tarn_remove(check_path("tally"), TARN_KIND_MAP, 0));
}

static void test_random(void) {
  int64_t whole = (int64_t)stream_amount("TARN_TEST_QUEUE_SECONDS", 2) * 1000 * MS, each = whole / 4;
  int64_t end = check_now() + whole;
  if (each > 4000 * (int64_t)MS) each = 4000 * (int64_t)MS;
  for (uint64_t number = 0; number < 4 || check_now() < end; number++) play_once(number % 2 == 0, 4096u << below(6), each);
}

/* ---- Fair shares ------------------------------------------------------------------------------------------------------------ */

/* Every job takes the same time. */
static int role_equal(int argc, char **argv) {
  (void)argv;
  CHECK_INT(0, argc);
  tarn_stream *reader = stream_open_in("fair", TARN_READER, (tarn_options){0}, PATIENCE_NS);
  tarn_item item;
  unsigned count = 0;
  int result;
  check_say("ready");
  while ((result = tarn_stream_read(reader, &item, TARN_FOREVER)) == 0) {
    check_sleep(MS);
    CHECK_OK(tarn_stream_release(reader, &item));
    count++;
  }
  CHECK_RESULT(TARN_NO_WRITER, result);
  tarn_stream_close(reader);
  check_say("%u", count);
  return 0;
}

static void test_fair(void) {
  enum { JOBS = 240 };
  tarn_stream *writer = stream_open("fair", TARN_WRITER, (tarn_options){.flags = TARN_QUEUE});
  check_process *readers[READERS];
  unsigned all = 0;
  for (int i = 0; i < READERS; i++) {
    readers[i] = check_start("equal", NULL);
    check_expect(readers[i], "ready");
  }
  check_sleep(10 * MS); /* they sleep: each message wakes the one that has slept longest */
  for (int i = 0; i < JOBS; i++) {
    CHECK_OK(tarn_stream_put(writer, "job", 3, NULL, TARN_FOREVER));
    if (i < JOBS / 2) check_sleep(MS / 2); /* first as they come, then all at once */
  }
  tarn_stream_close(writer);
  for (int i = 0; i < READERS; i++) {
    unsigned count = (unsigned)atoi(check_line(readers[i]));
    CHECK_INT(0, check_wait(readers[i]));
    check_say("%u of %d", count, (int)JOBS);
    CHECK(count >= JOBS / READERS / 2);
    all += count;
  }
  CHECK_UINT(JOBS, all);
}

static const check_test tests[] = {{"random", test_random, 4000}, {"fair", test_fair, 0}, {0}};
static const check_role roles[] = {
    {"writer", role_writer}, {"taker", role_taker}, {"follower", role_follower}, {"equal", role_equal}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
