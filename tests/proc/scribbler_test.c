/* scribbler_test.c: a process writes random bytes over the words that all share, while others write, read, observe, poll, look, come and go.
 * They may be told anything that has a name, but nobody crashes, hangs, or touches memory that is not there.
 *
 * TARN_TEST_SCRIBBLE_SECONDS says for how long (2). */
#include "scribble.h"

enum { SLOTS = 8, HOLD = 2 };

static tarn_board *enter(int role, int64_t timeout_ns) {
  tarn_options options = {.struct_size = sizeof options, .slots = role == TARN_WRITER ? SLOTS : 0, .hold = role == TARN_WRITER ? HOLD : 0};
  tarn_board *board = NULL;
  int64_t start = check_now();
  int result = legal(tarn_board_open(&board, "scribbled", role, &options, timeout_ns), start);
  CHECK((result == 0) == (board != NULL));
  if (result == TARN_E_CORRUPT || result == TARN_E_VERSION || result == TARN_E_KIND || result == TARN_E_NO_SLOT ||
      result == TARN_E_MISMATCH || result == TARN_E_UNSUPPORTED)
    legal(tarn_remove("scribbled", TARN_KIND_BOARD, 1), start); /* as its sentence says; the next begins anew */
  return board;
}

/* ---- Those who are scribbled at ------------------------------------------------------------------------------------------------------ */

static int role_writer(int argc, char **argv) {
  CHECK_INT(1, argc);
  static char value[300000];
  uint64_t done = 0;
  for (int64_t end = end_after(argv[0]); check_now() < end;) {
    tarn_board *board = enter(TARN_WRITER, 1 * MS);
    for (int i = 0; board != NULL && i < 300; i++) {
      int64_t start = check_now();
      int result = legal(tarn_board_put(board, value, check_random() % (i % 50 == 0 ? sizeof value : 2000), NULL, 1 * MS), start);
      done += result == 0;
      if (result <= TARN_E_INVALID)
        break;
    }
    tarn_board_close(board);
  }
  check_say("published %llu, %llu failures", (unsigned long long)done, (unsigned long long)failures);
  return done > 0 ? 0 : 1;
}

static int role_reader(int argc, char **argv) {
  CHECK_INT(1, argc);
  uint64_t done = 0;
  for (int64_t end = end_after(argv[0]); check_now() < end;) {
    tarn_board *board = enter(TARN_READER, 5 * MS);
    tarn_item items[HOLD];
    int out = 0;
    for (int i = 0; board != NULL && i < 100; i++) {
      int64_t start = check_now();
      int result = legal(tarn_board_read(board, &items[out], 1 * MS), start);
      if (result == 0) {
        touch(items[out].data, items[out].size_bytes);
        CHECK(memchr(items[out].type, 0, 1024) != NULL);
        done++;
        out++;
      }
      if (out == HOLD)
        while (out > 0)
          CHECK_OK(tarn_board_release(board, &items[--out]));
      if (result == TARN_E_EVICTED)
        break;
    }
    tarn_board_close(board);
    while (out > 0)
      CHECK_OK(tarn_board_release(board, &items[--out]));
  }
  check_say("read %llu, %llu failures", (unsigned long long)done, (unsigned long long)failures);
  return 0;
}

static int copy_out(int role, const char *time) {
  static char data[400000];
  uint64_t done = 0;
  for (int64_t end = end_after(time); check_now() < end;) {
    tarn_board *board = enter(role, 5 * MS);
    intptr_t handle;
    if (board != NULL && role == TARN_READER && check_random() % 4 == 0)
      CHECK_OK(tarn_board_handle(board, &handle));
    for (int i = 0; board != NULL && i < 100; i++) {
      tarn_item item;
      int64_t start = check_now();
      int result = legal(tarn_board_get(board, data, sizeof data, &item, 1 * MS), start);
      if (result == 0)
        CHECK(memchr(item.type, 0, 1024) != NULL);
      done += result == 0;
      if (result == TARN_E_EVICTED)
        break;
    }
    tarn_board_close(board);
  }
  check_say("copied %llu, %llu failures", (unsigned long long)done, (unsigned long long)failures);
  return 0;
}

static int role_copier(int argc, char **argv) {
  CHECK_INT(1, argc);
  return copy_out(TARN_READER, argv[0]);
}

static int role_observer(int argc, char **argv) {
  CHECK_INT(1, argc);
  return copy_out(TARN_OBSERVER, argv[0]);
}

static int role_inspector(int argc, char **argv) {
  CHECK_INT(1, argc);
  static tarn_details details;
  tarn_participant participants[SLOTS];
  for (int64_t end = end_after(argv[0]); check_now() < end; check_sleep(200000)) {
    int64_t start = check_now();
    details.struct_size = sizeof details;
    if (legal(tarn_inspect("scribbled", TARN_KIND_BOARD, &details, participants, SLOTS), start) == 0) {
      CHECK(memchr(details.newest_type, 0, sizeof details.newest_type) != NULL);
      CHECK(details.participant_count <= SLOTS);
    }
    CHECK_OK(tarn_list(NULL, look_at_entry, NULL));
  }
  return 0;
}


/* One of the words that decide most, wherever it lies. */
static uint64_t word_that_matters(void) {
  tn_header header = {0};
  tn_header_arrange(&header, SLOTS, 2 + SLOTS * (HOLD + 1));
  const uint64_t control = header.control_offset;
  const uint64_t words[] = {
      control + offsetof(tn_control, life.retired),
      control + offsetof(tn_control, life.clean),
      control + offsetof(tn_control, writer.term),
      control + offsetof(tn_control, kind.board.current),
      control + offsetof(tn_control, kind.board.account_of),
      control + offsetof(tn_control, kind.board.account) + check_random() % 6 * 8,
      control + offsetof(tn_control, news.sleepers),
      control + offsetof(tn_control, news.seq),
      control + offsetof(tn_control, join.high_water),
      control + offsetof(tn_control, join.mixed),
      header.table_offset + check_random() % SLOTS * sizeof(tn_slot) + offsetof(tn_slot, state),
      header.table_offset + check_random() % SLOTS * sizeof(tn_slot) + offsetof(tn_slot, generation),
      header.table_offset + check_random() % SLOTS * sizeof(tn_slot) + offsetof(tn_slot, asleep),
      header.table_offset + check_random() % SLOTS * sizeof(tn_slot) + offsetof(tn_slot, pins) + check_random() % TN_PINS / 4 * 8,
      header.entries_offset + check_random() % 8 * sizeof(tn_entry) + check_random() % 7 * 8,
      header.entries_offset + check_random() % 8 * sizeof(tn_entry) + offsetof(tn_entry, account.capacity),
  };
  return words[check_random() % (sizeof words / sizeof *words)];
}

static int role_scribbler(int argc, char **argv) {
  CHECK_INT(2, argc);
  return scribble_over("scribbled.board", TN_ALIGN, word_that_matters, argv[0], argv[1]);
}

static void scribble_from(const char *from) {
  static const char *const roles[] = {"writer", "writer", "reader", "reader", "copier", "observer", "inspector"};
  enum { VICTIMS = sizeof roles / sizeof *roles };
  scribble_at(roles, VICTIMS, from);
  tarn_remove("scribbled", TARN_KIND_BOARD, 1);
  tarn_board *board = open_writer("scribbled", NULL); /* and all is well again */
  put_text(board, "value");
  tarn_board_close(board);
}

static void test_behind_the_header(void) {
  scribble_from("256");
}

static void test_header_too(void) {
  scribble_from("0");
}

static const check_test tests[] = {{"behind_the_header", test_behind_the_header, 120}, {"header_too", test_header_too, 120}, {0}};

static const check_role roles[] = {{"writer", role_writer},     {"reader", role_reader},       {"copier", role_copier},
                                   {"observer", role_observer}, {"inspector", role_inspector}, {"scribbler", role_scribbler}, {0}};

int main(int argc, char **argv) {
  return check_main(argc, argv, tests, roles);
}
