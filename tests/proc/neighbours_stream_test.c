/* neighbours_stream_test.c: one stream, two builds of Tarn around it: every message of one arrives in the other, in order and whole,
 * whoever is killed. How the neighbour is found: neighbour.h. */
#include "neighbour.h"

#include <tarn/tarn.h>

#define PATIENCE (INT64_C(20) * 1000000000)

enum { LONGEST = 3000, MANY = 20000 };

/* ---- Roles, the same in every build ------------------------------------------------------------------------------------ */

static uint64_t size_of_message(uint64_t number) { return number * 7919 % LONGEST; }
static uint8_t byte_of(uint64_t number, uint64_t at) { return (uint8_t)(number * 31 + at * 7 + at / 251); }

static void put_message(tarn_stream *stream, uint64_t number) {
  void *room;
  uint64_t size = size_of_message(number);
  tarn_about about = {.struct_size = sizeof about, .tag = number};
  int result;
  while ((result = tarn_stream_claim(stream, LONGEST, &room, PATIENCE)) == TARN_FULL) check_sleep(1000000);
  CHECK_OK(result);
  for (uint64_t i = 0; i < size; i++) ((uint8_t *)room)[i] = byte_of(number, i);
  CHECK_OK(tarn_stream_publish(stream, size, &about));
}

/* Puts the next messages at each line, which says how many; "leave" ends. */
static int write_messages(uint32_t policy) {
  tarn_stream *stream;
  tarn_options options = {.struct_size = sizeof options, .size_bytes = 65536, .policy = policy, .flags = TARN_TIMES};
  CHECK_OK(tarn_stream_open(&stream, "shared", TARN_WRITER, &options, 0));
  tarn_details details = {.struct_size = sizeof details};
  CHECK_OK(tarn_inspect("shared", TARN_KIND_STREAM, &details, NULL, 0));
  uint64_t number = details.newest; /* goes on where the last writer was killed */
  check_say("open");
  for (const char *line; (line = check_hear()) && strcmp(line, "leave") != 0;) {
    for (int n = atoi(line); n > 0; n--) put_message(stream, ++number);
    check_say("put %d", (int)number);
  }
  tarn_stream_close(stream);
  return 0;
}

static int role_writer(int argc, char **argv) {
  (void)argc, (void)argv;
  return write_messages(TARN_WAIT);
}

static int role_overwriter(int argc, char **argv) {
  (void)argc, (void)argv;
  return write_messages(TARN_OVERWRITE);
}

static void check_message(const tarn_item *item) {
  CHECK_UINT((uint32_t)item->number, item->tag);
  CHECK_UINT(size_of_message(item->number), item->size_bytes);
  CHECK(item->time_ns > INT64_C(1000000000000000000)); /* later than 2001 */
  for (uint64_t i = 0; i < item->size_bytes; i++)
    if (((const uint8_t *)item->data)[i] != byte_of(item->number, i))
      CHECK_UINT(byte_of(item->number, i), ((const uint8_t *)item->data)[i]);
}

/* Reads until there is no writer, half in place and half by copy; says every message's number, or every 1000th and the sum. */
static int read_messages(int each) {
  static uint8_t room[LONGEST];
  tarn_stream *stream;
  tarn_item item;
  uint64_t last = 0, seen = 0, missed = 0;
  int result;
  tarn_options options = {.struct_size = sizeof options, .from = 1}; /* so that what was overwritten before the first counts */
  CHECK_OK(tarn_stream_open(&stream, "shared", TARN_READER, &options, PATIENCE));
  check_say("open");
  for (;;) {
    int copied = seen / 64 % 2 != 0;
    result = copied ? tarn_stream_get(stream, room, sizeof room, &item, PATIENCE) : tarn_stream_read(stream, &item, PATIENCE);
    if (result != 0) break;
    check_message(&item);
    CHECK_UINT(last + item.missed + 1, item.number);
    last = item.number;
    missed += item.missed;
    seen++;
    if (!copied) CHECK_OK(tarn_stream_release(stream, &item));
    if (each) check_say("read %d", (int)last);
  }
  tarn_stream_close(stream);
  check_say("%s: %d and %d missed", tarn_result_name(result), (int)seen, (int)missed);
  return 0;
}

static int role_reader(int argc, char **argv) {
  (void)argc, (void)argv;
  return read_messages(1);
}

static int role_fast_reader(int argc, char **argv) {
  (void)argc, (void)argv;
  return read_messages(0);
}

/* ---- Tests: each with the neighbour writing (1) and reading (0) --------------------------------------------------------- */

static check_process *start(int neighbour, const char *role) {
  check_process *process = neighbour ? neighbour_start("neighbours_stream_test", role) : check_start(role, NULL);
  check_expect(process, "open");
  return process;
}

static void expect_read(check_process *reader, int number) {
  char line[40];
  snprintf(line, sizeof line, "read %d", number);
  check_expect(reader, line);
}

static void one_by_one(int neighbour_writes) {
  check_process *writer = start(neighbour_writes, "writer");
  check_process *reader = start(!neighbour_writes, "reader");
  for (int number = 1; number <= 20; number++) {
    check_tell(writer, "1");
    expect_read(reader, number); /* it was asleep, and nothing else wakes it */
  }
  check_tell(writer, "leave");
  check_expect(reader, "TARN_NO_WRITER: 20 and 0 missed");
  CHECK_INT(0, check_wait(reader));
  CHECK_INT(0, check_wait(writer));
}

/* Hundreds of laps, with a reader of each build: the writer waits for the slower one. */
static void all_of_many(int neighbour_writes) {
  char line[64];
  snprintf(line, sizeof line, "%d", MANY);
  check_process *writer = start(neighbour_writes, "writer");
  check_process *readers[2] = {start(0, "fast_reader"), start(1, "fast_reader")};
  check_tell(writer, line);
  check_tell(writer, "leave");
  snprintf(line, sizeof line, "TARN_NO_WRITER: %d and 0 missed", MANY);
  for (int i = 0; i < 2; i++) {
    check_expect(readers[i], line);
    CHECK_INT(0, check_wait(readers[i]));
  }
  CHECK_INT(0, check_wait(writer));
}

static void overwritten(int neighbour_writes) {
  char line[64];
  snprintf(line, sizeof line, "%d", MANY);
  check_process *writer = start(neighbour_writes, "overwriter");
  check_process *reader = start(!neighbour_writes, "fast_reader");
  check_tell(writer, line);
  check_tell(writer, "leave");
  int seen = 0, missed = 0;
  const char *sum = check_line(reader);
  CHECK(sum != NULL && sscanf(sum, "TARN_NO_WRITER: %d and %d missed", &seen, &missed) == 2);
  printf("%d of %d were missed\n", missed, MANY);
  CHECK_INT(MANY, seen + missed);
  CHECK_INT(0, check_wait(reader));
  CHECK_INT(0, check_wait(writer));
}

/* Each writer is killed, and the next, of the other build, goes on with the next number. A reader that comes finds all they said. */
static void killed_writers(int neighbour_first) {
  tarn_stream *keeper = NULL; /* never reads: the scoped stream and all its messages stay */
  int number = 0;
  for (int life = 0; life < 4; life++) {
    int neighbour = (life + neighbour_first) % 2;
    check_process *writer = start(neighbour, "writer");
    if (keeper == NULL) CHECK_OK(tarn_stream_open(&keeper, "shared", TARN_READER, NULL, 0));
    check_tell(writer, "3");
    number += 3;
    check_process *reader = start(!neighbour, "reader");
    for (int i = 1; i <= number; i++) expect_read(reader, i);
    check_kill(writer);
    CHECK_INT(-9, check_wait(writer));
    char line[64];
    snprintf(line, sizeof line, "TARN_NO_WRITER: %d and 0 missed", number);
    check_expect(reader, line);
    CHECK_INT(0, check_wait(reader));
  }
  tarn_stream_close(keeper);
}

/* A reader that holds the writer up dies: the writer of the other build finds out, and goes on. */
static void killed_reader(int neighbour_writes) {
  char line[64];
  snprintf(line, sizeof line, "%d", MANY);
  check_process *writer = start(neighbour_writes, "writer");
  check_process *reader = start(!neighbour_writes, "reader");
  check_tell(writer, line); /* the reader stops when nobody listens to it, and the ring is full soon after */
  expect_read(reader, 1);
  check_kill(reader);
  CHECK_INT(-9, check_wait(reader));
  snprintf(line, sizeof line, "put %d", MANY);
  check_expect(writer, line);
  check_tell(writer, "leave");
  CHECK_INT(0, check_wait(writer));
}

static void test_it_writes_one_by_one(void) { one_by_one(1); }
static void test_it_reads_one_by_one(void) { one_by_one(0); }
static void test_it_writes_many(void) { all_of_many(1); }
static void test_it_reads_many(void) { all_of_many(0); }
static void test_it_overwrites(void) { overwritten(1); }
static void test_it_is_overwritten(void) { overwritten(0); }
static void test_its_writer_is_killed(void) { killed_writers(1); }
static void test_our_writer_is_killed(void) { killed_writers(0); }
static void test_our_reader_is_killed(void) { killed_reader(1); }
static void test_its_reader_is_killed(void) { killed_reader(0); }

static const check_test tests[] = {{"it_writes_one_by_one", test_it_writes_one_by_one, 60},
                                   {"it_reads_one_by_one", test_it_reads_one_by_one, 60},
                                   {"it_writes_many", test_it_writes_many, 60},
                                   {"it_reads_many", test_it_reads_many, 60},
                                   {"it_overwrites", test_it_overwrites, 60},
                                   {"it_is_overwritten", test_it_is_overwritten, 60},
                                   {"its_writer_is_killed", test_its_writer_is_killed, 60},
                                   {"our_writer_is_killed", test_our_writer_is_killed, 60},
                                   {"our_reader_is_killed", test_our_reader_is_killed, 60},
                                   {"its_reader_is_killed", test_its_reader_is_killed, 60},
                                   {0}};
static const check_role roles[] = {
    {"writer", role_writer}, {"overwriter", role_overwriter}, {"reader", role_reader}, {"fast_reader", role_fast_reader}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
