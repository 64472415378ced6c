/* threads_linux_test.c: the roles of boards, streams and queues as threads around *one* mapping. Handles map their file themselves,
 * so two handles of one process see the same bytes at two addresses, between which the thread sanitizer sees nothing. Here
 * every mapping of the same range of a file is one mapping (the linker passes tn_os_map and tn_os_unmap through this file),
 * and the sanitizer sees whether each byte that one thread writes and another reads is ordered by what the protocols say
 * orders them.
 *
 * Not here: copies that race by design and are thrown away when they did (TARN_OVERWRITE by copy, observers). Their
 * argument, and the full fences, which the sanitizer does not know, are in the models (tests/model). In an ordinary build
 * this is a test like others.
 *
 * TARN_TEST_THREADS_MS says for how long each runs (700). */
#include "board_inside.h"
#include "os/os.h"
#include "stream_inside.h"
#include "streams.h"

enum { MS = 1000000, RING = 4096, READERS = 3, WRITERS = 2, MAPPINGS = 512 };

/* ---- One mapping for all ------------------------------------------------------------------------------------------------ */

int __real_tn_os_map(const tn_os_file *file, uint64_t offset, uint64_t length, int access, uint32_t flags, void **ret_address,
                     uint32_t *granted);
void __real_tn_os_unmap(void *address, uint64_t length);
int __wrap_tn_os_map(const tn_os_file *file, uint64_t offset, uint64_t length, int access, uint32_t flags, void **ret_address,
                     uint32_t *granted);
void __wrap_tn_os_unmap(void *address, uint64_t length);

static struct {
  uint64_t inode, offset, length;
  void *address;
  int uses;
} mappings[MAPPINGS];
static tn_atomic32 busy;

static void enter(void) {
  while (tn_exchange(&busy, 1) != 0)
    tn_relax();
}

static void leave(void) { tn_store_release(&busy, 0); }

int __wrap_tn_os_map(const tn_os_file *file, uint64_t offset, uint64_t length, int access, uint32_t flags, void **ret_address,
                     uint32_t *granted) {
  int result = 0, free_place = -1, found = -1;
  (void)access; /* who reads shares the address of who writes */
  enter();
  for (int i = 0; i < MAPPINGS && found < 0; i++) {
    if (mappings[i].uses == 0)
      free_place = i;
    else if (mappings[i].inode == file->inode && mappings[i].offset == offset && mappings[i].length == length)
      found = i;
  }
  CHECK(found >= 0 || free_place >= 0);
  if (found < 0) {
    found = free_place;
    result = __real_tn_os_map(file, offset, length, TN_OS_WRITE, flags, &mappings[found].address, granted);
    mappings[found].inode = file->inode;
    mappings[found].offset = offset;
    mappings[found].length = length;
  }
  if (result == 0) {
    mappings[found].uses++;
    *ret_address = mappings[found].address;
  }
  leave();
  return result;
}

void __wrap_tn_os_unmap(void *address, uint64_t length) {
  enter();
  int found = -1;
  for (int i = 0; i < MAPPINGS && found < 0; i++)
    if (mappings[i].uses != 0 && mappings[i].address == address) found = i;
  CHECK(found >= 0 && mappings[found].length == length);
  if (--mappings[found].uses == 0) __real_tn_os_unmap(address, length);
  leave();
}

/* ---- Streams ------------------------------------------------------------------------------------------------------------ */

static tn_atomic32 over;
static tn_atomic64 read_in_all;
static uint32_t policy_now;

static int is_over(void) { return tn_load_acquire(&over) != 0; }

static int is_outcome(int result) {
  return result == TARN_TIMED_OUT || result == TARN_NO_WRITER || result == TARN_EMPTY || result == TARN_FULL ||
         result == TARN_WOKEN || result == TARN_BUSY;
}

/* 1 if it is over, and the last of the others took the name with it: who comes then has nobody to wait for. */
static int nobody_is_left(int opened) { return opened == TARN_TIMED_OUT && is_over(); }

static tarn_stream *open_stream(const char *name, int role, tarn_options options) {
  tarn_stream *stream = NULL;
  options.struct_size = sizeof options;
  int opened = tarn_stream_open(&stream, name, role, &options, 1000 * (int64_t)MS);
  if (!nobody_is_left(opened)) CHECK_OK(opened);
  return stream;
}

static void write_stream(void *unused) {
  (void)unused;
  static unsigned char bytes[3][300];
  tarn_options options = {.size_bytes = RING, .policy = policy_now};
  for (uint64_t round = 0; !is_over(); round++) { /* and takes over from itself */
    tarn_stream *writer = open_stream("s", TARN_WRITER, options);
    if (writer == NULL) return;
    for (uint64_t i = 0; i < 300 && !is_over(); i++) {
      tarn_piece pieces[3];
      uint32_t count;
      for (uint64_t k = 0; k < 3; k++) {
        stream_fill(bytes[k], writer->number + k, 100 * k);
        pieces[k] = (tarn_piece){bytes[k], 100 * k, stream_tag(writer->number + k)};
      }
      int result = i % 10 == 0 ? tarn_stream_put_batch(writer, pieces, 3, &count, MS)
                               : stream_try_put(writer, writer->number, i * 37 % 700, MS);
      if (result != 0) CHECK(is_outcome(result));
      if (result == TARN_FULL) check_sleep(MS / 10);
    }
    tarn_stream_close(writer);
  }
}

static void read_stream(void *which) {
  int place = which != NULL || policy_now == TARN_OVERWRITE;
  static _Thread_local unsigned char bytes[RING];
  while (!is_over()) {
    tarn_stream *reader = open_stream("s", TARN_READER, (tarn_options){0});
    if (reader == NULL) return;
    uint64_t last = 0;
    for (int i = 0; i < 200 && !is_over(); i++) {
      tarn_item item;
      int result = place ? tarn_stream_read(reader, &item, MS) : tarn_stream_get(reader, bytes, sizeof bytes, &item, MS);
      if (result != 0) {
        CHECK(is_outcome(result));
        continue;
      }
      CHECK(stream_whole(&item));
      CHECK(last == 0 || item.number == last + 1 + item.missed);
      last = item.number;
      tn_add(&read_in_all, 1);
      if (place) CHECK_OK(tarn_stream_release(reader, &item));
    }
    tarn_stream_close(reader);
  }
}

/* ---- Many writers, and queues --------------------------------------------------------------------------------------------- */

/* Here a queue's words are looked at while others may write payload over them: the walk to the next message, which believes them only if
 * the head is not above [S4], and guesses whether there is room, or a claim in the way. The sanitizer passes over what these calls read
 * and write themselves, but not over what they order: payload is filled and looked at outside of them. */
#ifdef __SANITIZE_THREAD__
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
#define IN_QUEUE(stream, call)                                                 \
  __extension__({                                                              \
    if ((stream)->queue) AnnotateIgnoreReadsBegin(__FILE__, __LINE__);         \
    int result_of_call = (call);                                               \
    if ((stream)->queue) AnnotateIgnoreReadsEnd(__FILE__, __LINE__);           \
    result_of_call;                                                            \
  })
#else
#define IN_QUEUE(stream, call) (call)
#endif

/* Every byte follows from the tag, since a run of messages is numbered as it is claimed; the tags are the writer's own count. */
static int is_whole(const tarn_item *item) {
  tarn_item one = *item;
  one.number = item->tag;
  one.tag = stream_tag(item->tag);
  return stream_whole(&one);
}

static int put_run(tarn_stream *writer, uint64_t first) {
  static _Thread_local unsigned char bytes[4][100];
  tarn_piece pieces[4];
  uint32_t count;
  for (uint64_t i = 0; i < 4; i++) {
    stream_fill(bytes[i], first + i, i * 30);
    pieces[i] = (tarn_piece){bytes[i], i * 30, first + i};
  }
  return IN_QUEUE(writer, tarn_stream_put_batch(writer, pieces, 4, &count, MS));
}

static int put_claimed(tarn_stream *writer, uint64_t tag) {
  const tarn_about about = {.struct_size = sizeof about, .tag = tag};
  uint64_t claimed = tag * 37 % 700, size = tag % 5 == 0 ? claimed / 2 : claimed;
  void *room;
  int result = IN_QUEUE(writer, tarn_stream_claim(writer, claimed, &room, MS));
  if (result != 0) return result;
  stream_fill(room, tag, size);
  return tag % 11 == 0 ? tarn_stream_abandon(writer) : tarn_stream_publish(writer, size, &about);
}

static void write_shared(void *unused) {
  (void)unused;
  while (!is_over()) {
    tarn_stream *writer = open_stream("m", TARN_WRITER, (tarn_options){0});
    if (writer == NULL) return;
    for (uint64_t tag = 1; tag < 1200 && !is_over(); tag += 4) {
      int result = tag % 3 == 0 ? put_run(writer, tag) : put_claimed(writer, tag);
      if (result != 0) CHECK(is_outcome(result));
    }
    tarn_stream_close(writer);
  }
}

static int give_up(tarn_stream *reader, tarn_item *item, uint64_t round) {
  return reader->queue && round % 7 == 0 ? tarn_stream_return(reader, item) : tarn_stream_release(reader, item);
}

/* In place two at a time, given up in the wrong order; or by copy. */
static void read_shared(void *which) {
  static _Thread_local unsigned char bytes[RING];
  while (!is_over()) {
    tarn_stream *reader = open_stream("m", TARN_READER, (tarn_options){0});
    if (reader == NULL) return;
    uint64_t last = 0;
    for (uint64_t round = 0; round < 300 && !is_over(); round++) {
      tarn_item items[2];
      uint32_t count = 1;
      int result = which != NULL ? IN_QUEUE(reader, tarn_stream_read_batch(reader, items, 2, &count, MS))
                                 : IN_QUEUE(reader, tarn_stream_get(reader, bytes, sizeof bytes, items, MS));
      if (result != 0) CHECK(is_outcome(result));
      for (uint32_t i = 0; result == 0 && i < count; i++) {
        CHECK(is_whole(&items[i]));
        if (!reader->queue) CHECK(items[i].number > last && items[i].missed == 0);
        CHECK((items[i].deliveries > 1) == ((items[i].flags & TARN_AGAIN) != 0));
        last = items[i].number;
        tn_add(&read_in_all, 1);
      }
      for (uint32_t i = count; which != NULL && result == 0 && i-- > 0;) CHECK_OK(give_up(reader, &items[i], round));
    }
    tarn_stream_close(reader);
  }
}

/* ---- Boards ------------------------------------------------------------------------------------------------------------- */

static void write_board(void *unused) {
  (void)unused;
  while (!is_over()) {
    tarn_board *writer;
    CHECK_OK(tarn_board_open(&writer, "b", TARN_WRITER, NULL, 1000 * (int64_t)MS));
    for (uint64_t i = 0; i < 200 && !is_over(); i++) {
      void *room;
      CHECK_OK(tarn_board_claim(writer, 800, &room, TARN_FOREVER));
      for (int k = 0; k < 100; k++)
        ((uint64_t *)room)[k] = i;
      CHECK_OK(tarn_board_publish(writer, 800, NULL));
    }
    tarn_board_close(writer);
  }
}

static void read_board(void *unused) {
  (void)unused;
  while (!is_over()) {
    tarn_board *reader;
    int opened = tarn_board_open(&reader, "b", TARN_READER, NULL, 1000 * (int64_t)MS);
    if (nobody_is_left(opened)) return;
    CHECK_OK(opened);
    for (int i = 0; i < 100 && !is_over(); i++) {
      tarn_item item;
      int result = tarn_board_read(reader, &item, MS);
      if (result != 0) {
        CHECK(is_outcome(result));
        continue;
      }
      const uint64_t *words = item.data;
      for (int k = 1; k < 100; k++)
        CHECK_UINT(words[0], words[k]);
      tn_add(&read_in_all, 1);
      CHECK_OK(tarn_board_release(reader, &item));
    }
    tarn_board_close(reader);
  }
}

/* ---- Running ------------------------------------------------------------------------------------------------------------ */

static void run(void (*write)(void *), int writers, void (*read)(void *)) {
  intptr_t threads[READERS + WRITERS];
  for (int i = READERS; i < READERS + writers; i++)
    CHECK_OK(tn_os_thread_start(&threads[i], write, NULL));
  for (int i = 0; i < READERS; i++)
    CHECK_OK(tn_os_thread_start(&threads[i], read, i == 0 ? NULL : &over));
  check_sleep((int64_t)stream_amount("TARN_TEST_THREADS_MS", 700) * MS);
  while (tn_load_acquire(&read_in_all) == 0) check_sleep(MS); /* on a crowded machine nobody may have been let run so far */
  tn_store_release(&over, 1);
  for (int i = 0; i < READERS + writers; i++)
    tn_os_thread_join(threads[i]);
}

static void run_streams(uint32_t policy) {
  tarn_options options = {.size_bytes = RING, .policy = policy};
  tarn_stream *first = stream_open("s", TARN_WRITER, options), *second = stream_open("s", TARN_READER, (tarn_options){0});
  CHECK(first->ring == second->ring && first->channel.base == second->channel.base); /* one mapping, or this shows nothing */
  tarn_stream_close(first);
  tarn_stream_close(second);
  policy_now = policy;
  run(write_stream, 1, read_stream);
}

static void test_stream_wait(void) { run_streams(TARN_WAIT); }

static void test_stream_fail(void) { run_streams(TARN_FAIL); }

/* One handle stays, so that the ring does, whoever comes and goes. */
static void run_shared(uint32_t flags) {
  tarn_options options = {.size_bytes = RING, .flags = TARN_MANY_WRITERS | flags};
  tarn_stream *keeper = stream_open("m", TARN_WRITER, options), *reader = stream_open("m", TARN_READER, (tarn_options){0});
  CHECK(keeper->ring == reader->ring && keeper->channel.base == reader->channel.base);
  tarn_stream_close(reader);
  run(write_shared, WRITERS, read_shared);
  tarn_stream_close(keeper);
}

static void test_many_writers(void) { run_shared(0); }

static void test_queue(void) { run_shared(TARN_QUEUE); }

static void test_board(void) { run(write_board, 1, read_board); }

/* That the sanitizer does see: a writer that overwrites what a reader holds. */
static void overwrite(void *writer) {
  *(volatile unsigned char *)(((tarn_stream *)writer)->ring + TN_UNIT) = 1;
}

static int role_race(int argc, char **argv) {
  (void)argc, (void)argv;
  tarn_stream *writer = stream_open("race", TARN_WRITER, (tarn_options){.size_bytes = RING});
  tarn_stream *reader = stream_open("race", TARN_READER, (tarn_options){0});
  stream_put(writer, 1, 8);
  tarn_item item;
  intptr_t thread;
  CHECK_OK(tarn_stream_read(reader, &item, 0));
  CHECK_OK(tn_os_thread_start(&thread, overwrite, writer));
  uint64_t sum = 0;
  for (int i = 0; i < 100; i++) {
    sum += *(const volatile unsigned char *)item.data;
    check_sleep(MS / 10);
  }
  tn_os_thread_join(thread);
  check_say("%llu", (unsigned long long)sum);
  return 0;
}

static void test_a_race_is_seen(void) {
#ifdef __SANITIZE_THREAD__
  check_process *race = check_start("race", NULL);
  while (check_line(race) != NULL)
    continue;
  CHECK(check_wait(race) != 0);
#else
  check_skip("built without the thread sanitizer");
#endif
}

static const check_test tests[] = {{"stream_wait", test_stream_wait, 0},
                                   {"stream_fail", test_stream_fail, 0},
                                   {"many_writers", test_many_writers, 0},
                                   {"queue", test_queue, 0},
                                   {"board", test_board, 0},
                                   {"a_race_is_seen", test_a_race_is_seen, 0},
                                   {0}};
static const check_role roles[] = {{"race", role_race}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
