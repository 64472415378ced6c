/* board_account_test.c: what is said about the newest version stands twice: in its buffer's entry, and in the account beside `current`, where
 * readers look first. They take the account only if it is that version's; and what they take, from either, is input. */
#include "board_inside.h"
#include "boards.h"

static tn_newest *newest_of(tarn_board *board) { return &board->channel.control->kind.board; }

static void put_about(tarn_board *board, const char *text, uint64_t tag) {
  const tarn_about about = {.struct_size = sizeof about, .tag = tag, .type = tag % 2 != 0 ? "odd" : NULL, .time_ns = (int64_t)tag * 1000};
  CHECK_OK(tarn_board_put(board, text, strlen(text), &about, 0));
}

/* The newest version is this one, read and copied. */
static void expect_about(tarn_board *board, const char *text, uint64_t tag) {
  tarn_item item;
  char copy[64];
  for (int by_copy = 0; by_copy < 2; by_copy++) {
    tn_store_release(&board->last, 0);
    CHECK_OK(by_copy ? tarn_board_get(board, copy, sizeof copy, &item, 0) : tarn_board_read(board, &item, 0));
    CHECK_UINT(strlen(text), item.size_bytes);
    CHECK(memcmp(text, item.data, strlen(text)) == 0);
    CHECK_UINT(tag, item.tag);
    CHECK_UINT(tag * 1000, (uint64_t)item.time_ns);
    CHECK_STR(tag % 2 != 0 ? "odd" : "", item.type);
    if (!by_copy)
      CHECK_OK(tarn_board_release(board, &item));
  }
}

static void test_twice_the_same(void) {
  tarn_board *writer = open_writer("told", NULL), *reader = open_reader("told");
  for (uint64_t tag = 1; tag < 20; tag++) {
    put_about(writer, tag % 3 == 0 ? "a longer value" : "value", tag);
    const tn_newest *newest = newest_of(reader);
    uint64_t current = tn_load_acquire(&newest->current);
    CHECK_UINT(current, tn_load_acquire(&newest->account_of));
    CHECK(memcmp(&newest->account, &reader->channel.entries[TN_BOARD_BUFFER(current)].account, sizeof newest->account) == 0);
    expect_about(reader, tag % 3 == 0 ? "a longer value" : "value", tag);
  }
  tarn_board_close(reader);
  tarn_board_close(writer);
}

/* A writer of an older build knows the entries only: the account is another version's, or nobody's, and says what it likes. */
static void test_of_another_version(void) {
  tarn_board *writer = open_writer("told", NULL), *reader = open_reader("told");
  for (uint64_t version = 1; version < 12; version++) {
    put_about(writer, "value", version);
    tn_newest *newest = newest_of(writer);
    uint64_t others[] = {0, TN_BOARD_CURRENT(version - 1, 0), TN_BOARD_CURRENT(version + 1, 0), check_random()};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
      memset((void *)&newest->account, (int)(check_random() & 0xff), sizeof newest->account);
      tn_store_release(&newest->account_of, others[i]);
      expect_about(reader, "value", version);
    }
  }
  tarn_board_close(reader);
  tarn_board_close(writer);
}

static int role_writer(int argc, char **argv) {
  CHECK_INT(1, argc);
  tarn_board *board = open_writer(argv[0], NULL);
  put_about(board, "value", 1);
  put_about(board, "a longer value", 2); /* held in the middle of it */
  check_say("published");
  check_hear();
  tarn_board_close(board);
  return 0;
}

/* The writer stands still where the account is the next version's already and current is not, and where it is the other way round. */
static void test_half_written(void) {
  static const char *const steps[] = {"board.publish.account:2:hold", "board.publish.current:2:hold"};
  for (int step = 0; step < 2; step++) {
    tarn_board *reader = NULL;
    check_set_env("TARN_TEST_POINT", steps[step]);
    check_process *writer = check_start("writer", "told", NULL);
    check_set_env("TARN_TEST_POINT", NULL);
    check_expect(writer, step == 0 ? "at board.publish.account" : "at board.publish.current");
    CHECK_OK(tarn_board_open(&reader, "told", TARN_READER, NULL, 1000 * MS));
    CHECK_UINT(0, tn_load_acquire(&newest_of(reader)->account_of));
    expect_about(reader, step == 0 ? "value" : "a longer value", step == 0 ? 1 : 2);
    check_tell(writer, "go");
    check_expect(writer, "published");
    expect_about(reader, "a longer value", 2);
    check_tell(writer, "go");
    CHECK_INT(0, check_wait(writer));
    tarn_board_close(reader);
  }
}

/* What stands there is anybody's: refused where it cannot be, whatever it says; and the next version is a good one. */
static void test_impossible(void) {
  tarn_board *writer = open_writer("told", NULL), *reader = open_reader("told");
  static const uint64_t numbers[] = {0, 1, TN_ALIGN - 1, UINT64_C(1) << 40, UINT64_C(1) << 62, UINT64_MAX / 2 + 1, UINT64_MAX};
  int refused = 0;
  for (int word = 0; word < 3; word++) /* offset, capacity, length */
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
      tarn_item item;
      char copy[64];
      put_about(writer, "value", 4);
      tn_newest *newest = newest_of(writer);
      tn_atomic64 *words[] = {&newest->account.offset, &newest->account.capacity, &newest->account.length};
      tn_store_release(words[word], numbers[i]);
      int result = tarn_board_read(reader, &item, 0);
      CHECK(result == TARN_E_CORRUPT || (result == 0 && word == 2 && numbers[i] < TN_ALIGN - TN_TYPE_BYTES));
      refused += result != 0;
      if (result == 0)
        CHECK_OK(tarn_board_release(reader, &item));
      else
        CHECK_RESULT(TARN_E_CORRUPT, tarn_board_get(reader, copy, sizeof copy, &item, 0));
      put_about(writer, "value", 4);
      expect_about(reader, "value", 4);
    }
  CHECK(refused > 15);
  tarn_board_close(reader);
  tarn_board_close(writer);
}

static const check_test tests[] = {{"twice_the_same", test_twice_the_same, 0},
                                   {"of_another_version", test_of_another_version, 0},
                                   {"half_written", test_half_written, 0},
                                   {"impossible", test_impossible, 0},
                                   {0}};

static const check_role roles[] = {{"writer", role_writer}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
