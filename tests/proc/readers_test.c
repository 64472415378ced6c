/* readers_test.c: a writer that publishes as fast as it can, and readers that read in place, copy, observe, hold for long, let go in any order, come
 * and go. Every word of a version carries its number: not one read may be torn, and nobody holds the writer up.
 *
 * TARN_TEST_READS says how many reads there are in all (2 million; with sanitizers a tenth). */
#include "boards.h"

enum { READERS = 8, HOLD = 4, LARGEST = 32 << 10 };

/* Small ones mostly, so that there are many; now and then one that takes long to write. */
static uint64_t size_of_version(uint64_t version) {
  return version % 512 == 0 ? LARGEST : 8 * (version * 7 % 48);
}

/* ---- The writer --------------------------------------------------------------------------------------------------------------- */

static void publish_next(tarn_board *board, uint64_t version) {
  uint64_t size = size_of_version(version);
  void *room;
  CHECK_OK(tarn_board_claim(board, size, &room, 0)); /* it never has to wait */
  fill_pattern(room, size / 8, version);
  tarn_about about = {.struct_size = sizeof about, .tag = version, .time_ns = 1};
  CHECK_OK(tarn_board_publish(board, size, &about));
}

static int role_writer(int argc, char **argv) {
  CHECK_INT(1, argc);
  tarn_options options = {.struct_size = sizeof options, .hold = HOLD};
  tarn_board *board = open_writer(argv[0], &options);
  for (uint64_t version = 1; version != 0; version++) /* until it is killed */
    publish_next(board, version);
  return 0;
}

/* ---- Readers ------------------------------------------------------------------------------------------------------------------ */

static void check_item(const tarn_item *item) {
  CHECK_UINT(size_of_version(item->number), item->size_bytes);
  CHECK_UINT(item->number, item->tag);
  check_pattern(item->data, item->size_bytes, item->number);
}

static tarn_board *join(const char *name, int role) {
  tarn_board *board;
  CHECK_OK(tarn_board_open(&board, name, role, NULL, TARN_FOREVER));
  return board;
}

/* Versions only ever get newer, and `missed` is the truth. */
static uint64_t check_order(const tarn_item *item, uint64_t last) {
  CHECK(item->number > last);
  CHECK_UINT(last != 0 ? item->number - last - 1 : 0, item->missed);
  return item->number;
}

/* Reads in place, holds some, lets go in any order and looks at each once more before it does. */
static int role_holder(int argc, char **argv) {
  CHECK_INT(2, argc);
  tarn_board *board = join(argv[0], TARN_READER);
  tarn_item held[HOLD];
  uint32_t count = 0;
  uint64_t last = 0;
  for (uint64_t left = strtoull(argv[1], NULL, 10); left > 0;) {
    if (count < HOLD) {
      CHECK_OK(tarn_board_read(board, &held[count], TARN_FOREVER));
      last = check_order(&held[count], last);
      check_item(&held[count]);
      count++;
      left--;
    }
    while (count == HOLD || (count > 0 && check_random() % 2 == 0)) {
      uint32_t i = (uint32_t)(check_random() % count);
      check_item(&held[i]);
      CHECK_OK(tarn_board_release(board, &held[i]));
      held[i] = held[--count];
    }
  }
  tarn_board_close(board); /* with items out: they stay as they are */
  while (count > 0) {
    check_item(&held[--count]);
    CHECK_OK(tarn_board_release(board, &held[count]));
  }
  return 0;
}

static int copy_out(const char *name, int role, uint64_t left) {
  static uint64_t data[LARGEST / 8];
  tarn_board *board = join(name, role);
  for (uint64_t last = 0; left > 0; left--) {
    tarn_item item;
    CHECK_OK(tarn_board_get(board, data, sizeof data, &item, TARN_FOREVER));
    last = check_order(&item, last);
    check_item(&item);
  }
  tarn_board_close(board);
  return 0;
}

static int role_copier(int argc, char **argv) {
  CHECK_INT(2, argc);
  return copy_out(argv[0], TARN_READER, strtoull(argv[1], NULL, 10));
}

static int role_observer(int argc, char **argv) {
  CHECK_INT(2, argc);
  return copy_out(argv[0], TARN_OBSERVER, strtoull(argv[1], NULL, 10));
}

static void test_none_torn(void) {
  uint64_t reads = amount("TARN_TEST_READS", BOARDS_SLOW_BUILD ? 200000 : 2000000);
  check_process *writer = check_start("writer", "fast", NULL), *readers[READERS + 1];
  char each[32], few[32];
  snprintf(each, sizeof each, "%llu", (unsigned long long)(reads / READERS));
  snprintf(few, sizeof few, "%llu", (unsigned long long)(reads / 100));
  int64_t start = check_now();
  for (int i = 0; i < READERS; i++)
    readers[i] = check_start(i % 4 == 3 ? "copier" : "holder", "fast", each, NULL);
  readers[READERS] = check_start("observer", "fast", few, NULL);
  for (int i = 0; i <= READERS; i++)
    CHECK_INT(0, check_wait(readers[i]));
  check_say("%llu reads and %s observations in %.1f s", (unsigned long long)(reads / READERS * READERS), few,
            (double)(check_now() - start) / 1e9);
  check_kill(writer);
  check_wait(writer);
}

/* ---- Holding everything --------------------------------------------------------------------------------------------------------- */

static void test_holding_all_while_the_writer_goes_on(void) {
  tarn_options options = {.struct_size = sizeof options, .hold = 3, .slots = 4};
  tarn_board *writer = open_writer("held", &options), *readers[3];
  tarn_item held[3][3], more;
  uint64_t version = 0;
  for (int r = 0; r < 3; r++)
    readers[r] = open_reader("held");
  for (int i = 0; i < 3; i++)
    for (int r = 0; r < 3; r++) {
      publish_next(writer, ++version);
      CHECK_OK(tarn_board_read(readers[r], &held[r][i], 0));
    }
  for (int i = 0; i < 20000; i++)
    publish_next(writer, ++version);
  for (int r = 0; r < 3; r++) {
    CHECK_RESULT(TARN_BUSY, tarn_board_read(readers[r], &more, 0));
    static uint64_t data[LARGEST / 8];
    CHECK_OK(tarn_board_get(readers[r], data, sizeof data, &more, 0)); /* a copy is always to be had */
    CHECK_UINT(version, more.number);
    check_item(&more);
    for (int i = 0; i < 3; i++) {
      CHECK_UINT(i * 3 + r + 1, held[r][i].number);
      check_item(&held[r][i]);
      CHECK_OK(tarn_board_release(readers[r], &held[r][i]));
    }
  }
  tarn_details details = {.struct_size = sizeof details};
  CHECK_OK(tarn_inspect("held", TARN_KIND_BOARD, &details, NULL, 0));
  CHECK(details.buffers <= 2 + 3 * 4); /* one current, one to write, and what may be held */
  for (int r = 0; r < 3; r++)
    tarn_board_close(readers[r]);
  tarn_board_close(writer);
}

/* ---- Coming and going at the limit of slots ---------------------------------------------------------------------------------------- */

static int role_comer(int argc, char **argv) {
  CHECK_INT(2, argc);
  int visits = 0, refused = 0;
  for (int64_t end = check_now() + atoll(argv[1]); check_now() < end;) {
    static tarn_board *board; /* static: not lost when it is not closed */
    int result = tarn_board_open(&board, argv[0], TARN_READER, NULL, 0);
    if (result == TARN_E_NO_SLOT) {
      expect_sentence("slots", "all 4 slots are taken by living processes");
      refused++;
      check_sleep(MS / 4);
      continue;
    }
    CHECK_OK(result);
    static uint64_t data[LARGEST / 8];
    tarn_item item;
    CHECK_OK(tarn_board_get(board, data, sizeof data, &item, TARN_FOREVER));
    check_item(&item);
    visits++;
    if (check_random() % 16 == 0) {
      CHECK_OK(tarn_board_read(board, &item, TARN_FOREVER));
      if (check_random() % 16 == 0)
        return 0; /* without a word: what it holds is given free by those who need it */
      CHECK_OK(tarn_board_release(board, &item));
    }
    tarn_board_close(board);
  }
  check_say("%d visits, refused %d times", visits, refused);
  return 0;
}

static void test_limit_of_slots(void) {
  tarn_options options = {.struct_size = sizeof options, .slots = 4, .hold = 1};
  tarn_board *writer = open_writer("slots", &options), *readers[3], *fourth = NULL;
  publish_next(writer, 1);
  check_process *comers[8];
  for (int i = 0; i < 8; i++)
    comers[i] = check_start("comer", "slots", "1000000000", NULL);
  uint64_t version = 1;
  for (int64_t end = check_now() + 1200 * (int64_t)MS; check_now() < end; check_sleep(20000))
    publish_next(writer, ++version);
  check_say("%llu versions", (unsigned long long)version);
  for (int i = 0; i < 8; i++) {
    check_kill(comers[i]); /* some wait for ever for a version that does not come */
    int code = check_wait(comers[i]);
    CHECK(code == 0 || code == -9);
  }
  for (int i = 0; i < 3; i++)
    readers[i] = open_reader("slots"); /* every slot can be had again */
  CHECK_RESULT(TARN_E_NO_SLOT, tarn_board_open(&fourth, "slots", TARN_READER, NULL, 0));
  expect_sentence("slots", "all 4 slots");
  CHECK(fourth == NULL);
  CHECK_RESULT(TARN_E_NO_SLOT, tarn_board_open(&fourth, "slots", TARN_READER, NULL, 20 * MS)); /* no waiting helps that is promised */
  CHECK_OK(tarn_board_open(&fourth, "slots", TARN_OBSERVER, NULL, 0)); /* who only looks needs none */
  tarn_board_close(fourth);
  publish_next(writer, ++version);
  for (int i = 0; i < 3; i++)
    tarn_board_close(readers[i]);
  tarn_board_close(writer);
}

static const check_test tests[] = {
    {"none_torn", test_none_torn, 300},
    {"holding_all_while_the_writer_goes_on", test_holding_all_while_the_writer_goes_on, 0},
    {"limit_of_slots", test_limit_of_slots, 0},
    {0},
};

static const check_role roles[] = {
    {"writer", role_writer}, {"holder", role_holder}, {"copier", role_copier}, {"observer", role_observer}, {"comer", role_comer}, {0}};

int main(int argc, char **argv) {
  return check_main(argc, argv, tests, roles);
}
