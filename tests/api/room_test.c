/* room_test.c: how much room boards and streams take: the formula of README.md ("How much room"), against what is really there. */
#include <tarn/tarn.h>

#include "check.h"

enum { KIB = 1024, MIB = 1024 * KIB, STEP = 64 * KIB, MOST_READERS = 3 };

static uint64_t up(uint64_t bytes) { return (bytes + STEP - 1) / STEP * STEP; }

static tarn_details look(const char *name) {
  tarn_details details = {.struct_size = sizeof details};
  CHECK_OK(tarn_inspect(name, TARN_KIND_ANY, &details, NULL, 0));
  return details;
}

/* So many readers, each of which holds all it may, and a writer that goes on: no more than the formula says, and all of it is used. */
static void fill(uint64_t value, uint32_t readers, uint32_t hold) {
  tarn_options options = {.struct_size = sizeof options, .hold = hold};
  tarn_board *writer = NULL, *reader[MOST_READERS];
  tarn_item items[MOST_READERS][4];
  void *room;
  CHECK_OK(tarn_board_open(&writer, "board", TARN_WRITER, &options, 0));
  CHECK_UINT(STEP, look("board").entry.size_bytes);
  for (uint32_t i = 0; i < readers; i++) CHECK_OK(tarn_board_open(&reader[i], "board", TARN_READER, NULL, 0));
  for (uint32_t i = 0; i < readers; i++)
    for (uint32_t held = 0; held < hold; held++) { /* each holds versions of its own */
      CHECK_OK(tarn_board_claim(writer, value, &room, 0));
      CHECK_OK(tarn_board_publish(writer, value, NULL));
      CHECK_OK(tarn_board_read(reader[i], &items[i][held], 0));
    }
  for (int more = 0; more < 3; more++) {
    CHECK_OK(tarn_board_claim(writer, value, &room, 0));
    CHECK_OK(tarn_board_publish(writer, value, NULL));
  }
  tarn_details details = look("board");
  uint64_t buffer = up(value + KIB);
  CHECK(details.buffers <= 2 + readers * (hold + 1));
  CHECK_UINT(2 + readers * hold, details.buffers); /* the one more a reader is for `get` at the same time */
  CHECK_UINT(STEP + details.buffers * buffer, details.entry.size_bytes);
  for (uint32_t i = 0; i < readers; i++) {
    for (uint32_t held = 0; held < hold; held++) CHECK_OK(tarn_board_release(reader[i], &items[i][held]));
    tarn_board_close(reader[i]);
  }
  tarn_board_close(writer);
}

static void test_boards(void) {
  static const uint64_t values[] = {0, 1, STEP - KIB, STEP - KIB + 1, STEP, 5 * MIB};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++)
    for (uint32_t readers = 0; readers <= MOST_READERS; readers++) fill(values[i], readers, 1 + readers % 4);
  fill(100 * KIB, 2, 4);
}

static uint64_t tables_of_board(uint32_t slots) {
  tarn_options options = {.struct_size = sizeof options, .slots = slots};
  tarn_board *board = NULL;
  CHECK_OK(tarn_board_open(&board, "tables", TARN_WRITER, &options, 0));
  uint64_t size = look("tables").entry.size_bytes;
  tarn_board_close(board);
  return size;
}

static uint64_t size_of_stream(uint32_t slots, uint64_t ring) {
  tarn_options options = {.struct_size = sizeof options, .slots = slots, .size_bytes = ring};
  tarn_stream *stream = NULL;
  CHECK_OK(tarn_stream_open(&stream, "tables", TARN_WRITER, &options, 0));
  uint64_t size = look("tables").entry.size_bytes;
  tarn_stream_close(stream);
  return size;
}

static void test_tables(void) {
  CHECK_UINT(STEP, tables_of_board(0));
  CHECK_UINT(STEP, tables_of_board(130));
  CHECK(tables_of_board(140) > STEP);
  CHECK_UINT(STEP + 4 * MIB, size_of_stream(0, 4 * MIB));
  CHECK_UINT(STEP + MIB, size_of_stream(460, 0));
  CHECK(size_of_stream(470, 0) > STEP + MIB);
}

static const check_test tests[] = {{"boards", test_boards, 0}, {"tables", test_tables, 0}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, NULL); }
