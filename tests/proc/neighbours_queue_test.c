/* neighbours_queue_test.c: several writers and a queue's readers from two builds of Tarn around one stream: every message of either arrives,
 * in a queue once, whoever is killed. How the neighbour is found: neighbour.h. */
#include "neighbour.h"

#include <tarn/tarn.h>

#define PATIENCE (INT64_C(20) * 1000000000)

enum { LONGEST = 600, EACH = 3000, SECOND = 1000000 };

/* ---- Roles, the same in every build ------------------------------------------------------------------------------------ */

static uint8_t byte_of(uint64_t tag, uint64_t at) { return (uint8_t)(tag * 31 + at * 7 + at / 251); }

static void *claim(tarn_stream *stream) {
  void *room;
  CHECK_OK(tarn_stream_claim(stream, LONGEST, &room, PATIENCE));
  return room;
}

static void put_message(tarn_stream *stream, uint64_t tag) {
  uint64_t size = tag * 7919 % LONGEST;
  uint8_t *room = claim(stream);
  const tarn_about about = {.struct_size = sizeof about, .tag = tag};
  for (uint64_t i = 0; i < size; i++) room[i] = byte_of(tag, i);
  CHECK_OK(tarn_stream_publish(stream, size, &about));
}

/* "COUNT FIRST" puts that many messages, their tags from FIRST on; "claim" claims and does not publish; "leave" ends. */
static int write_messages(uint32_t flags) {
  tarn_stream *stream;
  tarn_options options = {.struct_size = sizeof options, .size_bytes = 65536, .flags = TARN_MANY_WRITERS | flags};
  CHECK_OK(tarn_stream_open(&stream, "shared", TARN_WRITER, &options, 0));
  check_say("open");
  for (const char *line; (line = check_hear()) && strcmp(line, "leave") != 0; check_say("done")) {
    int count = 0, first = 0;
    if (strcmp(line, "claim") == 0)
      claim(stream);
    else
      CHECK(sscanf(line, "%d %d", &count, &first) == 2);
    for (int i = 0; i < count; i++) put_message(stream, (uint64_t)(first + i));
  }
  tarn_stream_close(stream);
  return 0;
}

static int role_writer(int argc, char **argv) {
  (void)argc, (void)argv;
  return write_messages(0);
}

static int role_queue_writer(int argc, char **argv) {
  (void)argc, (void)argv;
  return write_messages(TARN_QUEUE);
}

static void check_message(const tarn_item *item) {
  CHECK_UINT(item->tag * 7919 % LONGEST, item->size_bytes);
  for (uint64_t i = 0; i < item->size_bytes; i++)
    if (((const uint8_t *)item->data)[i] != byte_of(item->tag, i)) CHECK_UINT(byte_of(item->tag, i), ((const uint8_t *)item->data)[i]);
}

/* Until there is no writer, in place and by copy in turns; each writer's messages come in its order. Says how many there were, what their
 * tags add up to, and how many came again. */
static int role_reader(int argc, char **argv) {
  (void)argc, (void)argv;
  static uint8_t room[LONGEST];
  tarn_stream *stream;
  tarn_item item;
  uint64_t seen = 0, sum = 0, again = 0, last[2] = {0, 0};
  int result;
  CHECK_OK(tarn_stream_open(&stream, "shared", TARN_READER, NULL, PATIENCE));
  check_say("open");
  for (;; seen++) {
    int copied = seen / 16 % 2 != 0;
    result = copied ? tarn_stream_get(stream, room, sizeof room, &item, PATIENCE) : tarn_stream_read(stream, &item, PATIENCE);
    if (result != 0) break;
    check_message(&item);
    int marked = (item.flags & TARN_AGAIN) != 0, second = item.tag >= SECOND;
    CHECK(marked || item.tag > last[second]);
    last[second] = item.tag;
    again += (uint64_t)marked;
    sum += item.tag;
    if (!copied) CHECK_OK(tarn_stream_release(stream, &item));
  }
  tarn_stream_close(stream);
  check_say("%s: %llu %llu %llu", tarn_result_name(result), (unsigned long long)seen, (unsigned long long)sum, (unsigned long long)again);
  return 0;
}

/* Takes one and keeps it. */
static int role_keeper(int argc, char **argv) {
  (void)argc, (void)argv;
  tarn_stream *stream;
  tarn_item item;
  CHECK_OK(tarn_stream_open(&stream, "shared", TARN_READER, NULL, PATIENCE));
  check_say("open");
  CHECK_OK(tarn_stream_read(stream, &item, PATIENCE));
  check_message(&item);
  check_say("has %d", (int)item.tag);
  check_hear();
  return 0;
}

/* ---- Tests ---------------------------------------------------------------------------------------------------------------- */

static check_process *start(int neighbour, const char *role) {
  check_process *process = neighbour ? neighbour_start("neighbours_queue_test", role) : check_start(role, NULL);
  check_expect(process, "open");
  return process;
}

static void tell(check_process *writer, int count, int first) {
  char line[40];
  snprintf(line, sizeof line, "%d %d", count, first);
  check_tell(writer, line);
}

static void leave(check_process *writer) {
  check_tell(writer, "leave");
  CHECK_INT(0, check_wait(writer));
}

typedef struct total {
  unsigned long long seen, sum, again;
} total;

static total end_of_reader(check_process *reader) {
  total all = {0, 0, 0};
  const char *line = check_line(reader);
  CHECK(line != NULL);
  check_say("%s", line);
  CHECK(sscanf(line, "TARN_NO_WRITER: %llu %llu %llu", &all.seen, &all.sum, &all.again) == 3);
  CHECK_INT(0, check_wait(reader));
  return all;
}

/* A writer and a reader of each build, all at once. */
static void all_at_once(int queue) {
  const char *role = queue ? "queue_writer" : "writer";
  check_process *writers[2] = {start(0, role), start(1, role)}, *readers[2] = {start(0, "reader"), start(1, "reader")};
  tell(writers[0], EACH, 1);
  tell(writers[1], EACH, SECOND);
  for (int i = 0; i < 2; i++) check_expect(writers[i], "done");
  for (int i = 0; i < 2; i++) leave(writers[i]);
  total one = end_of_reader(readers[0]), other = end_of_reader(readers[1]);
  uint64_t sum = UINT64_C(2) * EACH * (EACH - 1) / 2 + EACH + (uint64_t)EACH * SECOND;
  CHECK_UINT(0, one.again + other.again);
  CHECK_UINT(2 * EACH, queue ? one.seen + other.seen : one.seen);
  CHECK_UINT(sum, queue ? one.sum + other.sum : one.sum);
  if (!queue) CHECK(other.seen == one.seen && other.sum == one.sum);
}

static void test_many_writers(void) { all_at_once(0); }

static void test_queue(void) { all_at_once(1); }

/* One takes a message and is killed: a reader of the other build gets it, marked. */
static void killed_taker(int neighbour_is_killed) {
  check_process *writer = start(!neighbour_is_killed, "queue_writer"), *taker = start(neighbour_is_killed, "keeper");
  tell(writer, 3, 1);
  check_expect(writer, "done");
  check_expect(taker, "has 1");
  check_process *reader = start(!neighbour_is_killed, "reader");
  check_kill(taker);
  CHECK_INT(-9, check_wait(taker));
  leave(writer);
  total all = end_of_reader(reader);
  CHECK_UINT(3, all.seen);
  CHECK_UINT(6, all.sum);
  CHECK_UINT(1, all.again);
}

static void test_its_taker_is_killed(void) { killed_taker(1); }

static void test_our_taker_is_killed(void) { killed_taker(0); }

/* One claims and is killed: what the other has published behind it is read by a reader of the other build. */
static void killed_claimant(int neighbour_is_killed, const char *role) {
  check_process *claimant = start(neighbour_is_killed, role), *writer = start(!neighbour_is_killed, role);
  check_process *reader = start(!neighbour_is_killed, "reader");
  check_tell(claimant, "claim");
  check_expect(claimant, "done");
  tell(writer, 2, 5);
  check_expect(writer, "done");
  leave(writer);
  check_kill(claimant);
  CHECK_INT(-9, check_wait(claimant));
  total all = end_of_reader(reader);
  CHECK_UINT(2, all.seen);
  CHECK_UINT(11, all.sum);
}

static void test_its_claimant_is_killed(void) {
  killed_claimant(1, "writer");
  killed_claimant(1, "queue_writer");
}

static void test_our_claimant_is_killed(void) {
  killed_claimant(0, "writer");
  killed_claimant(0, "queue_writer");
}

static const check_test tests[] = {{"many_writers", test_many_writers, 60},
                                   {"queue", test_queue, 60},
                                   {"its_taker_is_killed", test_its_taker_is_killed, 60},
                                   {"our_taker_is_killed", test_our_taker_is_killed, 60},
                                   {"its_claimant_is_killed", test_its_claimant_is_killed, 60},
                                   {"our_claimant_is_killed", test_our_claimant_is_killed, 60},
                                   {0}};
static const check_role roles[] = {{"writer", role_writer}, {"queue_writer", role_queue_writer}, {"reader", role_reader}, {"keeper", role_keeper}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
