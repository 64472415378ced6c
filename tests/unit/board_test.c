/* board_test.c: a board, from the outside, within one process and between processes. */
#include "check.h"

#include <tarn/tarn.h>

static tarn_board *open_writer(const char *name, const tarn_options *options) {
  tarn_board *board = NULL;
  CHECK_OK(tarn_board_open(&board, name, TARN_WRITER, options, 0));
  return board;
}

static tarn_board *open_reader(const char *name) {
  tarn_board *board = NULL;
  CHECK_OK(tarn_board_open(&board, name, TARN_READER, NULL, 0));
  return board;
}

static void test_one_value(void) {
  tarn_board *writer = open_writer("camera", NULL), *reader = open_reader("camera");
  tarn_item item;
  CHECK_RESULT(TARN_EMPTY, tarn_board_read(reader, &item, 0));
  tarn_about about = {.struct_size = sizeof about, .tag = 7, .time_ns = 99, .type = "text/plain"};
  CHECK_OK(tarn_board_put(writer, "hello", 5, &about, 0));
  CHECK_OK(tarn_board_read(reader, &item, 0));
  CHECK_UINT(5, item.size_bytes);
  CHECK_MEM("hello", item.data, 5);
  CHECK_UINT(1, item.number);
  CHECK_UINT(0, item.missed);
  CHECK_UINT(7, item.tag);
  CHECK_INT(99, item.time_ns);
  CHECK_STR("text/plain", item.type);
  tarn_item copy = item;
  CHECK_RESULT(TARN_EMPTY, tarn_board_read(reader, &item, 0));
  CHECK_OK(tarn_board_release(reader, &copy));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_release(reader, &copy));
  tarn_board_close(writer);
  CHECK_RESULT(TARN_NO_WRITER, tarn_board_read(reader, &item, 0));
  CHECK_RESULT(TARN_EMPTY, tarn_board_read(reader, &item, 0));
  tarn_board_close(reader);
  CHECK_RESULT(TARN_E_NOT_FOUND, tarn_board_open(&reader, "camera", TARN_READER, NULL, 0));
}

static void test_growing_under_readers(void) {
  tarn_board *writer = open_writer("grow", NULL), *reader = open_reader("grow");
  static unsigned char value[3 << 20];
  tarn_item held[4];
  for (int i = 0; i < 200; i++) {
    uint64_t size = (uint64_t)(i * 14983) % sizeof value;
    memset(value, i, (size_t)size);
    CHECK_OK(tarn_board_put(writer, value, size, NULL, 0));
    tarn_item *item = &held[i % 4];
    if (i >= 4) {
      const unsigned char *bytes = item->data;
      for (uint64_t k = 0; k < item->size_bytes; k++)
        if (bytes[k] != (unsigned char)(i - 4))
          CHECK_UINT(i - 4, bytes[k]);
      CHECK_OK(tarn_board_release(reader, item));
    }
    CHECK_OK(tarn_board_read(reader, item, 0));
    CHECK_UINT(size, item->size_bytes);
    CHECK_UINT(i + 1, item->number);
  }
  tarn_item more;
  CHECK_RESULT(TARN_BUSY, tarn_board_read(reader, &more, 0));
  CHECK_RESULT(TARN_EMPTY, tarn_board_get(reader, value, sizeof value, &more, 0));
  tarn_board_close(reader);
  CHECK_OK(tarn_board_put(writer, value, sizeof value, NULL, 0));
  for (int i = 0; i < 4; i++) {
    CHECK_UINT(0, ((const unsigned char *)held[i].data)[0] ^ (unsigned char)(196 + i));
    CHECK_OK(tarn_board_release(reader, &held[i]));
  }
  tarn_board_close(writer);
}

static void test_takeover(void) {
  tarn_board *writer = open_writer("state", NULL), *reader = open_reader("state"), *second;
  CHECK_OK(tarn_board_put(writer, "one", 3, NULL, 0));
  CHECK_RESULT(TARN_BUSY, tarn_board_open(&second, "state", TARN_WRITER, NULL, 0));
  CHECK_RESULT(TARN_TIMED_OUT, tarn_board_open(&second, "state", TARN_WRITER, NULL, 30000000));
  tarn_board_close(writer);
  second = open_writer("state", NULL);
  tarn_item item;
  CHECK_OK(tarn_board_read(reader, &item, 0));
  CHECK_UINT(1, item.number);
  CHECK_OK(tarn_board_release(reader, &item));
  CHECK_OK(tarn_board_put(second, "two!", 4, NULL, 0));
  char data[8];
  CHECK_RESULT(TARN_E_TOO_LARGE, tarn_board_get(reader, data, 3, &item, 0));
  CHECK_UINT(4, item.size_bytes);
  CHECK_OK(tarn_board_get(reader, data, sizeof data, &item, 0));
  CHECK_UINT(2, item.number);
  CHECK_MEM("two!", data, 4);
  tarn_board_close(second);
  tarn_board_close(reader);
}

static int role_writer(int argc, char **argv) {
  CHECK_INT(2, argc);
  tarn_board *board = open_writer(argv[0], NULL);
  CHECK_OK(tarn_board_put(board, argv[1], strlen(argv[1]), NULL, 0));
  check_say("ready");
  for (const char *line; (line = check_hear()) != NULL;)
    CHECK_OK(tarn_board_put(board, line, strlen(line), NULL, 0));
  tarn_board_close(board);
  return 0;
}

static void test_between_processes(void) {
  check_process *writer = check_start("writer", "b", "first", NULL);
  tarn_board *reader;
  CHECK_OK(tarn_board_open(&reader, "b", TARN_READER, NULL, 5000000000));
  tarn_item item;
  CHECK_OK(tarn_board_read(reader, &item, 5000000000));
  CHECK_MEM("first", item.data, 5);
  CHECK_OK(tarn_board_release(reader, &item));
  check_expect(writer, "ready");
  CHECK_RESULT(TARN_TIMED_OUT, tarn_board_read(reader, &item, 20000000));
  check_tell(writer, "second");
  CHECK_OK(tarn_board_read(reader, &item, TARN_FOREVER));
  CHECK_MEM("second", item.data, 6);
  check_kill(writer);
  int64_t start = check_now();
  tarn_item next;
  CHECK_RESULT(TARN_NO_WRITER, tarn_board_read(reader, &next, TARN_FOREVER));
  CHECK((check_now() - start) < 1000000000);
  CHECK_RESULT(TARN_TIMED_OUT, tarn_board_read(reader, &next, 120000000));
  check_wait(writer);
  tarn_board *writer2 = open_writer("b", NULL);
  CHECK_OK(tarn_board_put(writer2, "third", 5, NULL, 0));
  CHECK_OK(tarn_board_read(reader, &next, TARN_FOREVER));
  CHECK_MEM("third", next.data, 5);
  CHECK_MEM("second", item.data, 6);
  CHECK_UINT(0, next.missed);
  tarn_board_close(writer2);
  CHECK_OK(tarn_board_release(reader, &item));
  CHECK_OK(tarn_board_release(reader, &next));
  tarn_board_close(reader);
}

static const check_test tests[] = {
    {"one_value", test_one_value, 0},
    {"growing_under_readers", test_growing_under_readers, 0},
    {"takeover", test_takeover, 0},
    {"between_processes", test_between_processes, 0},
    {0},
};
static const check_role roles[] = {{"writer", role_writer}, {0}};

int main(int argc, char **argv) {
  return check_main(argc, argv, tests, roles);
}
