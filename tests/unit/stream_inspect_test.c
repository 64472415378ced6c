/* stream_inspect_test.c: what can be seen of a stream from outside: the newest and the oldest message, and how far each reader is;
 * while it wraps, under every policy, with readers that are slow, and of one that somebody scribbled on. */
#include <tarn/tarn.h>

#include "check.h"
#include "layout.h"

static tarn_stream *open_stream(int role, tarn_options options) {
  options.struct_size = sizeof options;
  tarn_stream *stream = NULL;
  CHECK_OK(tarn_stream_open(&stream, "seen", role, &options, 0));
  return stream;
}

static tarn_details inspect(tarn_participant *participants, uint32_t capacity) {
  tarn_details details = {.struct_size = sizeof details};
  CHECK_OK(tarn_inspect("seen", TARN_KIND_STREAM, &details, participants, capacity));
  return details;
}

static void put_many(tarn_stream *writer, uint64_t count, uint64_t size) {
  static const char bytes[4096] = "x";
  while (count-- > 0) CHECK_OK(tarn_stream_put(writer, bytes, size, NULL, 0));
}

static void test_newest(void) {
  tarn_stream *writer = open_stream(TARN_WRITER, (tarn_options){.size_bytes = 65536, .flags = TARN_TIMES | TARN_KEPT});
  tarn_details details = inspect(NULL, 0);
  CHECK_UINT(0, details.newest);
  CHECK_UINT(1, details.oldest);
  CHECK_UINT(0, details.kept_bytes);
  CHECK_UINT(65536, details.buffer_bytes);
  CHECK_UINT(TARN_TIMES | TARN_KEPT, details.flags);
  tarn_about about = {.struct_size = sizeof about, .tag = 7, .time_ns = 12345};
  put_many(writer, 2, 10);
  CHECK_OK(tarn_stream_put(writer, "hello", 5, &about, 0));
  details = inspect(NULL, 0);
  CHECK_UINT(3, details.newest);
  CHECK_UINT(1, details.oldest);
  CHECK_UINT(5, details.newest_bytes);
  CHECK_UINT(7, details.newest_tag);
  CHECK_INT(12345, details.newest_time_ns);
  CHECK_UINT(3 * 48, details.kept_bytes);
  CHECK_UINT(1, details.participant_count);
  tarn_stream_close(writer);
  details = inspect(NULL, 0);
  CHECK_UINT(3, details.newest);
  CHECK_UINT(7, details.newest_tag);
  CHECK_UINT(0, details.participant_count);
  writer = open_stream(TARN_WRITER, (tarn_options){0}); /* its end is the stored one: the last message lies before it */
  details = inspect(NULL, 0);
  CHECK_UINT(3, details.newest);
  CHECK_UINT(7, details.newest_tag);
  tarn_stream_close(writer);
}

/* The participant in the second slot taken: the reader of these tests. */
static tarn_participant the_reader(tarn_details *ret_details) {
  tarn_participant participants[4];
  *ret_details = inspect(participants, 4);
  CHECK_UINT(2, ret_details->participant_count);
  CHECK_UINT(TARN_WRITER, participants[0].role);
  CHECK_UINT(ret_details->newest, participants[0].position);
  CHECK_UINT(0, participants[0].lag);
  CHECK_UINT(TARN_READER, participants[1].role);
  return participants[1];
}

static void test_lag_and_holds(void) {
  tarn_stream *writer = open_stream(TARN_WRITER, (tarn_options){.size_bytes = 65536});
  put_many(writer, 10, 100);
  tarn_stream *reader = open_stream(TARN_READER, (tarn_options){0});
  tarn_details details;
  tarn_participant seen = the_reader(&details);
  CHECK_UINT(10, seen.lag);
  CHECK_UINT(10 * 128, seen.lag_bytes);
  CHECK_UINT(0, seen.position);
  CHECK_UINT(0, seen.held);
  tarn_item items[4];
  uint32_t count;
  CHECK_OK(tarn_stream_read_batch(reader, items, 4, &count, 0));
  seen = the_reader(&details);
  CHECK_UINT(6, seen.lag);
  CHECK_UINT(10 * 128, seen.lag_bytes); /* they are held: their room is needed */
  CHECK_UINT(4, seen.position);
  CHECK_UINT(4, seen.held);
  CHECK_OK(tarn_stream_release(reader, &items[1]));
  CHECK_UINT(4, the_reader(&details).held); /* the first is still out, and with it the room */
  CHECK_OK(tarn_stream_release(reader, &items[0]));
  seen = the_reader(&details);
  CHECK_UINT(2, seen.held);
  CHECK_UINT(8 * 128, seen.lag_bytes);
  CHECK_OK(tarn_stream_release_batch(reader, items + 2, 2));
  char bytes[100];
  for (int i = 0; i < 6; i++) CHECK_OK(tarn_stream_get(reader, bytes, sizeof bytes, &items[0], 0));
  seen = the_reader(&details);
  CHECK_UINT(0, seen.lag);
  CHECK_UINT(0, seen.lag_bytes);
  CHECK_UINT(10, seen.position);
  CHECK_UINT(10, seen.items);
  CHECK_UINT(1000, seen.bytes);
  tarn_stream_close(reader);
  reader = open_stream(TARN_READER, (tarn_options){.from = TARN_NEXT});
  seen = the_reader(&details);
  CHECK_UINT(0, seen.lag);
  CHECK_UINT(10, seen.position);
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

/* Many laps, messages of every size; what is told must agree with what a reader finds. */
static void many_laps(uint32_t policy, uint64_t ring, uint32_t flags) {
  tarn_stream *writer = open_stream(TARN_WRITER, (tarn_options){.size_bytes = ring, .policy = policy, .flags = flags});
  tarn_stream *reader = open_stream(TARN_READER, (tarn_options){0});
  char bytes[4096];
  tarn_item item;
  uint64_t put = 1, missed = 0, got = 1;
  put_many(writer, 1, 1);
  CHECK_OK(
      tarn_stream_get(reader, bytes, sizeof bytes, &item, 0)); /* what passes before the first item does not count as missed */
  for (int round = 0; round < 500; round++) {
    for (int i = 0; i < 20; i++, put++) {
      uint64_t size = check_random() % 300;
      if (tarn_stream_put(writer, bytes, size, NULL, 0) != 0) break;
      if (i == 19) CHECK_UINT(size, inspect(NULL, 0).newest_bytes);
    }
    tarn_details details;
    tarn_participant seen = the_reader(&details);
    CHECK_UINT(put, details.newest);
    CHECK(details.oldest >= 1 && details.oldest <= put);
    CHECK(details.kept_bytes <= ring && seen.lag_bytes <= details.kept_bytes);
    uint64_t unread = 0;
    for (; tarn_stream_get(reader, bytes, sizeof bytes, &item, 0) == 0; unread++) missed += item.missed;
    CHECK_UINT(unread, seen.lag);
    got += unread;
  }
  CHECK_UINT(put, got + missed);
  CHECK((missed != 0) == (policy == TARN_OVERWRITE));
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

static void test_many_laps_wait(void) { many_laps(TARN_WAIT, 16384, 0); }
static void test_many_laps_overwrite(void) { many_laps(TARN_OVERWRITE, 4096, TARN_TIMES); }
static void test_many_laps_times(void) { many_laps(TARN_WAIT, 1u << 18, TARN_TIMES); }

static int role_eight(int argc, char **argv) {
  (void)argc;
  (void)argv;
  put_many(open_stream(TARN_WRITER, (tarn_options){.flags = TARN_KEPT}), 8, 100);
  check_say("put");
  check_hear(); /* until it is killed */
  return 0;
}

static int role_writer(int argc, char **argv) {
  (void)argc;
  (void)argv;
  tarn_stream *writer = open_stream(TARN_WRITER, (tarn_options){.size_bytes = 65536, .policy = TARN_OVERWRITE});
  check_say("ready");
  put_many(writer, UINT64_MAX, 16); /* until it is killed */
  return 0;
}

/* While a writer goes round as fast as it can, the numbers told only ever grow, and stay in their bounds. */
static void test_under_a_fast_writer(void) {
  check_process *process = check_start("writer", NULL);
  check_expect(process, "ready");
  uint64_t newest = 0;
  for (int i = 0; i < 500; i++) {
    tarn_details details = inspect(NULL, 0);
    CHECK(details.newest + 4096 > newest); /* up to 1/16 lap behind, if it was overtaken both times */
    CHECK(details.oldest <= details.newest + 1);
    CHECK(details.newest_bytes == 16 || details.newest_bytes == 0);
    newest = details.newest;
  }
  check_kill(process);
  CHECK_INT(-9, check_wait(process));
}

static void write_at(uint64_t offset, const void *bytes, size_t size) {
  FILE *file = fopen(check_path("seen.stream"), "r+b");
  CHECK(file != NULL);
  CHECK_INT(0, fseek(file, (long)offset, SEEK_SET));
  CHECK_UINT(size, fwrite(bytes, 1, size, file));
  CHECK_INT(0, fclose(file));
}

/* Noise in the tables and in the ring: something is told, or refused in a sentence; never a crash or a hang. */
static void test_noise(void) {
  tarn_options options = {.size_bytes = 65536, .flags = TARN_KEPT, .slots = 4};
  tarn_stream *writer = open_stream(TARN_WRITER, options);
  tarn_stream *reader = open_stream(TARN_READER, (tarn_options){0});
  put_many(writer, 100, 100);
  tarn_stream_close(reader);
  tarn_stream_close(writer); /* Windows opens no file for noise that the library has open */
  uint64_t control = TN_PAGE + 4 * sizeof(tn_slot);
  for (int round = 0; round < 2000; round++) {
    uint64_t noise[8];
    for (size_t i = 0; i < 8; i++) noise[i] = check_random() % 4 == 0 ? check_random() : check_random() % 65536 / 16 * 16;
    if (round % 3 == 0)
      write_at(TN_PAGE + check_random() % (4 * sizeof(tn_slot) / 8 - 8) * 8, noise, sizeof noise);
    else if (round % 3 == 1)
      write_at(control + offsetof(tn_control, kind) + check_random() % 28 * 8, noise, sizeof noise);
    else
      write_at(TN_ALIGN + check_random() % 200 * 8, noise, sizeof noise);
    tarn_details details = {.struct_size = sizeof details};
    tarn_participant participants[4];
    int result = tarn_inspect("seen", TARN_KIND_STREAM, &details, participants, 4);
    CHECK(result == 0 || result <= TARN_E_INVALID);
    if (result == 0) CHECK(details.participant_count <= 4);
  }
}

/* How many items each gave or was given is not stored but seen from numbers: what was passed over, missed, or another's does not count. */
static void test_items(void) {
  tarn_participant seen[4];
  tarn_item item;
  char bytes[100];
  tarn_stream *writer = open_stream(TARN_WRITER, (tarn_options){.size_bytes = 4096, .policy = TARN_OVERWRITE, .flags = TARN_KEPT});
  put_many(writer, 8, 100);
  tarn_stream *reader = open_stream(TARN_READER, (tarn_options){.from = 5});
  inspect(seen, 4);
  CHECK_UINT(8, seen[0].items);
  CHECK_UINT(800, seen[0].bytes);
  CHECK_UINT(0, seen[1].items);
  for (int i = 0; i < 2; i++) CHECK_OK(tarn_stream_get(reader, bytes, sizeof bytes, &item, 0)); /* 5 and 6: 1 to 4 were not wanted */
  inspect(seen, 4);
  CHECK_UINT(2, seen[1].items);
  CHECK_UINT(200, seen[1].bytes);
  tarn_stream_close(writer);
  writer = open_stream(TARN_WRITER, (tarn_options){0});
  inspect(seen, 4);
  CHECK_UINT(0, seen[0].items);
  put_many(writer, 100, 100); /* more than three laps */
  CHECK_OK(tarn_stream_read(reader, &item, 0));
  CHECK(item.missed > 0);
  CHECK_OK(tarn_stream_release(reader, &item));
  inspect(seen, 4);
  CHECK_UINT(100, seen[0].items);
  CHECK_UINT(3, seen[1].items);
  CHECK_UINT(300, seen[1].bytes);
  CHECK_UINT(item.missed, seen[1].missed);
  tarn_stream_close(reader);
  reader = open_stream(TARN_READER, (tarn_options){.from = TARN_NEXT}); /* in the slot of the one before */
  put_many(writer, 1, 100);
  CHECK_OK(tarn_stream_get(reader, bytes, sizeof bytes, &item, 0));
  inspect(seen, 4);
  CHECK_UINT(101, seen[0].items);
  CHECK_UINT(1, seen[1].items);
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

/* What the next writer publishes is not a dead one's. */
static void test_items_of_the_dead(void) {
  check_process *process = check_start("eight", NULL);
  check_expect(process, "put");
  check_kill(process);
  check_wait(process);
  tarn_participant seen[4];
  inspect(seen, 4);
  CHECK_UINT(8, seen[0].items);
  CHECK_UINT(0, seen[0].alive);
  tarn_stream *writer = open_stream(TARN_WRITER, (tarn_options){0});
  put_many(writer, 100, 100);
  CHECK_UINT(1, inspect(seen, 4).participant_count);
  CHECK_UINT(1, seen[0].alive);
  CHECK_UINT(100, seen[0].items);
  tarn_stream_close(writer);
}

static const check_test tests[] = {
    {"newest", test_newest, 0},
    {"lag_and_holds", test_lag_and_holds, 0},
    {"items", test_items, 0},
    {"items_of_the_dead", test_items_of_the_dead, 0},
    {"many_laps_wait", test_many_laps_wait, 0},
    {"many_laps_overwrite", test_many_laps_overwrite, 0},
    {"many_laps_times", test_many_laps_times, 60},
    {"under_a_fast_writer", test_under_a_fast_writer, 0},
    {"noise", test_noise, 0},
    {0},
};
static const check_role roles[] = {{"writer", role_writer}, {"eight", role_eight}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
