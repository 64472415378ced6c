/* neighbours_test.c: one board, two builds of Tarn around it: this program, and the same program from another build. What a process
 * of one wrote, a process of the other reads, and either finds out that the other was killed.
 * How it is found: neighbour.h. */
#include "neighbour.h"

#include <tarn/tarn.h>

#include "os/os.h"

#define SECONDS(n) (INT64_C(1000000000) * (n))
#define PATIENCE SECONDS(20)

enum { LARGEST = 300000 };

/* ---- Roles, the same in every build ------------------------------------------------------------------------------------ */

static uint64_t size_of_version(uint64_t version) { return version * 7919 % LARGEST; }
static uint8_t byte_of(uint64_t version, uint64_t at) { return (uint8_t)(version * 31 + at * 7 + at / 251); }

static void put_version(tarn_board *board, uint64_t version) {
  void *room;
  uint64_t size = size_of_version(version);
  tarn_about about = {.struct_size = sizeof about, .tag = version, .type = "x-test/pattern"};
  CHECK_OK(tarn_board_claim(board, LARGEST, &room, PATIENCE));
  for (uint64_t i = 0; i < size; i++) ((uint8_t *)room)[i] = byte_of(version, i);
  CHECK_OK(tarn_board_publish(board, size, &about));
}

static void check_item(const tarn_item *item) {
  CHECK_UINT(item->number, item->tag);
  CHECK_UINT(size_of_version(item->number), item->size_bytes);
  CHECK_STR("x-test/pattern", item->type);
  for (uint64_t i = 0; i < item->size_bytes; i++)
    if (((const uint8_t *)item->data)[i] != byte_of(item->number, i))
      CHECK_UINT(byte_of(item->number, i), ((const uint8_t *)item->data)[i]);
}

/* Puts the next version at each line: a number says how many, "leave" ends. */
static int role_writer(int argc, char **argv) {
  (void)argc, (void)argv;
  tarn_board *board;
  CHECK_OK(tarn_board_open(&board, "shared", TARN_WRITER, NULL, 0));
  check_say("open");
  uint64_t version = 0;
  for (const char *line; (line = check_hear()) && strcmp(line, "leave") != 0;) {
    for (int n = atoi(line); n > 0; n--) put_version(board, ++version);
    check_say("put %d", (int)version);
  }
  tarn_board_close(board);
  return 0;
}

/* Reads until there is no writer, and says what it saw: the last number at each look, and how it ended. */
static int role_reader(int argc, char **argv) {
  (void)argc, (void)argv;
  tarn_board *board;
  tarn_item item;
  uint64_t last = 0, seen = 0;
  int result;
  CHECK_OK(tarn_board_open(&board, "shared", TARN_READER, NULL, PATIENCE));
  check_say("open");
  while ((result = tarn_board_read(board, &item, PATIENCE)) == 0) {
    check_item(&item);
    CHECK(item.number > last);
    CHECK_UINT(last ? item.number - last - 1 : 0, item.missed);
    last = item.number;
    seen++;
    CHECK_OK(tarn_board_release(board, &item));
    check_say("read %d", (int)last);
  }
  tarn_board_close(board);
  check_say("%s", tarn_result_name(result));
  return seen > 0 ? 0 : 1;
}

static int role_holder(int argc, char **argv) {
  (void)argc, (void)argv;
  tarn_board *board;
  tarn_item item;
  CHECK_OK(tarn_board_open(&board, "shared", TARN_READER, NULL, PATIENCE));
  CHECK_OK(tarn_board_read(board, &item, PATIENCE));
  check_say("holding");
  check_hear();
  check_item(&item);
  CHECK_OK(tarn_board_release(board, &item));
  tarn_board_close(board);
  return 0;
}

/* Opens what it is told to, as a reader and then as a writer that may create with that mode, and says what came of it. */
static int role_opener(int argc, char **argv) {
  CHECK_INT(2, argc);
  tarn_board *board = NULL;
  tarn_options options = {.struct_size = sizeof options, .flags = TARN_KEPT, .mode = (uint32_t)strtoul(argv[1], NULL, 8)};
  int result = tarn_board_open(&board, argv[0], TARN_READER, NULL, 0);
  check_say("%s: %s", tarn_result_name(result), result == 0 ? "" : tarn_error_text());
  if (result == 0) tarn_board_close(board);
  result = tarn_board_open(&board, argv[0], TARN_WRITER, &options, 0);
  check_say("%s: %s", tarn_result_name(result), result == 0 ? "" : tarn_error_text());
  if (result == 0) tarn_board_close(board);
  return 0;
}

/* Has a map and a board under the guard, is told when their files were cut short, and says what became of touching them. */
static int role_guarded(int argc, char **argv) {
  (void)argc, (void)argv;
  enum { SIZE = 1 << 20 };
  static char room[SIZE];
  tarn_options options = {.struct_size = sizeof options, .size_bytes = SIZE, .flags = TARN_EXISTING};
  tarn_map *map = NULL;
  tarn_view view;
  tarn_board *board = NULL;
  tarn_item item;
  CHECK_OK(tarn_guard_install());
  CHECK_OK(tarn_map_open(&map, check_path("raw"), TARN_MAP_WRITE, &options, 0));
  CHECK_OK(tarn_map_view(map, 0, 0, &view));
  CHECK_OK(tarn_guard_copy(room, view.data, SIZE));
  CHECK_OK(tarn_board_open(&board, "cut", TARN_READER, NULL, 0));
  CHECK_OK(tarn_board_read(board, &item, 0));
  check_say("ready");
  check_hear();
  check_say("%s", tarn_result_name(tarn_guard_copy(room, view.data, SIZE)));
  memcpy(room, item.data, (size_t)item.size_bytes);
  check_say("%s", tarn_result_name(tarn_board_release(board, &item)));
  check_say("%s", tarn_result_name(tarn_board_read(board, &item, TARN_FOREVER)));
  tarn_view_close(&view);
  tarn_map_close(map);
  tarn_board_close(board);
  return 0;
}

/* ---- The neighbour ------------------------------------------------------------------------------------------------------ */

static check_process *start(int neighbour, const char *role) {
  return neighbour ? neighbour_start("neighbours_test", role) : check_start(role, NULL);
}

static void expect_version(check_process *reader, int version) {
  char line[40];
  snprintf(line, sizeof line, "read %d", version);
  check_expect(reader, line);
}

/* Lines up to the one that says how it ended; the last version read. */
static int read_to_the_end(check_process *reader, const char *end) {
  int last = 0;
  const char *line;
  while ((line = check_line(reader)) && sscanf(line, "read %d", &last) == 1) {}
  CHECK_STR(end, line ? line : "no line");
  return last;
}

static int name_count;

static int count_names(const char *name, void *argument) {
  (void)argument;
  name_count++;
  fprintf(stderr, "left: %s\n", name);
  return 0;
}

static void expect_empty_directory(void) {
  char directory[TN_OS_PATH];
  name_count = 0;
  CHECK_OK(tn_os_full_path(check_directory(), directory));
  CHECK_OK(tn_os_each_name(directory, count_names, NULL));
  CHECK_INT(0, name_count);
}

/* ---- Tests: each with the neighbour writing (1) and reading (0) --------------------------------------------------------- */

static void versions_one_by_one(int neighbour_writes) {
  check_process *writer = start(neighbour_writes, "writer");
  check_expect(writer, "open");
  check_process *reader = start(!neighbour_writes, "reader");
  check_expect(reader, "open");
  for (int version = 1; version <= 20; version++) {
    check_tell(writer, "1");
    expect_version(reader, version); /* it was asleep, and nothing else wakes it */
  }
  check_tell(writer, "leave");
  check_expect(reader, "TARN_NO_WRITER");
  CHECK_INT(0, check_wait(reader));
  CHECK_INT(0, check_wait(writer));
  expect_empty_directory(); /* scoped: gone with the last */
}

static void versions_as_fast_as_can_be(int neighbour_writes) {
  check_process *writer = start(neighbour_writes, "writer");
  check_expect(writer, "open");
  check_process *reader = start(!neighbour_writes, "reader");
  check_expect(reader, "open");
  check_tell(writer, "2000");
  check_tell(writer, "leave");
  CHECK_INT(2000, read_to_the_end(reader, "TARN_NO_WRITER"));
  CHECK_INT(0, check_wait(reader));
  CHECK_INT(0, check_wait(writer));
}

static void a_killed_writer(int neighbour_writes) {
  check_process *writer = start(neighbour_writes, "writer");
  check_expect(writer, "open");
  check_process *reader = start(!neighbour_writes, "reader");
  check_expect(reader, "open");
  check_tell(writer, "3");
  check_expect(writer, "put 3");
  while (strcmp(check_line(reader), "read 3") != 0) {}
  check_kill(writer);
  CHECK_INT(-9, check_wait(writer));
  int64_t before = check_now();
  check_expect(reader, "TARN_NO_WRITER");
  int64_t ms = (check_now() - before) / 1000000;
  printf("the reader knew after %d ms\n", (int)ms);
  CHECK(ms < 2000);
  CHECK_INT(0, check_wait(reader));
  check_process *next = start(!neighbour_writes, "writer"); /* the name is free again */
  check_expect(next, "open");
  check_tell(next, "leave");
  CHECK_INT(0, check_wait(next));
  expect_empty_directory();
}

static void a_killed_reader(int neighbour_writes) {
  check_process *writer = start(neighbour_writes, "writer");
  check_expect(writer, "open");
  check_tell(writer, "1");
  check_expect(writer, "put 1");
  for (int i = 0; i < 3; i++) {
    check_process *reader = start(!neighbour_writes, "holder");
    check_expect(reader, "holding");
    check_tell(writer, "50"); /* what is held is not overwritten, and does not stop the writer */
    CHECK(check_line(writer) != NULL);
    if (i == 2) {
      check_tell(reader, "look at it again");
      CHECK_INT(0, check_wait(reader));
    } else {
      check_kill(reader);
      CHECK_INT(-9, check_wait(reader));
    }
  }
  check_tell(writer, "leave");
  CHECK_INT(0, check_wait(writer));
  expect_empty_directory();
}

static void a_second_writer(int neighbour_writes) {
  tarn_board *board;
  if (!neighbour_writes) CHECK_OK(tarn_board_open(&board, "shared", TARN_WRITER, NULL, 0));
  check_process *writer = start(1, "writer");
  if (neighbour_writes) {
    check_expect(writer, "open");
    CHECK_RESULT(TARN_BUSY, tarn_board_open(&board, "shared", TARN_WRITER, NULL, 0));
    check_tell(writer, "leave");
    CHECK_INT(0, check_wait(writer));
  } else {
    CHECK_INT(1, check_wait(writer));
    tarn_board_close(board);
  }
}

static void test_it_writes_one_by_one(void) { versions_one_by_one(1); }
static void test_it_reads_one_by_one(void) { versions_one_by_one(0); }
static void test_it_writes_fast(void) { versions_as_fast_as_can_be(1); }
static void test_it_reads_fast(void) { versions_as_fast_as_can_be(0); }
static void test_its_writer_is_killed(void) { a_killed_writer(1); }
static void test_our_writer_is_killed(void) { a_killed_writer(0); }
static void test_our_reader_is_killed(void) { a_killed_reader(1); }
static void test_its_reader_is_killed(void) { a_killed_reader(0); }
static void test_it_writes_already(void) { a_second_writer(1); }
static void test_we_write_already(void) { a_second_writer(0); }

static const check_test tests[] = {{"it_writes_one_by_one", test_it_writes_one_by_one, 60},
                                   {"it_reads_one_by_one", test_it_reads_one_by_one, 60},
                                   {"it_writes_fast", test_it_writes_fast, 60},
                                   {"it_reads_fast", test_it_reads_fast, 60},
                                   {"its_writer_is_killed", test_its_writer_is_killed, 60},
                                   {"our_writer_is_killed", test_our_writer_is_killed, 60},
                                   {"our_reader_is_killed", test_our_reader_is_killed, 60},
                                   {"its_reader_is_killed", test_its_reader_is_killed, 60},
                                   {"it_writes_already", test_it_writes_already, 60},
                                   {"we_write_already", test_we_write_already, 60},
                                   {0}};
static const check_role roles[] = {
    {"writer", role_writer}, {"reader", role_reader}, {"holder", role_holder}, {"opener", role_opener}, {"guarded", role_guarded}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
