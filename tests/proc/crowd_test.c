/* crowd_test.c: many processes create, open and leave one scoped name at once. Nobody may ever see a half-made board, nobody may be in a
 * board of that name while somebody else lives in another one, and when all have left no name is there.
 *
 * Who is where is kept in a map beside it: a participant enters the identity of its board after open and takes it out before close, so
 * that two different identities at one time are two boards of one name in use at one time.
 *
 * TARN_TEST_CROWD_SECONDS says for how long (2). */
#include <tarn/map.h>

#include "board_inside.h"
#include "boards.h"
#include "layout.h"

enum { CROWD = 32 };

typedef struct ledger {
  tn_atomic64 inside[CROWD]; /* the first half of the identity of the board this process is in; 0: none. Written by that process */
  tn_atomic64 created, opened, refused;
} ledger;

static ledger *open_ledger(void) {
  tarn_options options = {.struct_size = sizeof options, .size_bytes = sizeof(ledger)};
  tarn_map *map;
  static tarn_view view;
  CHECK_OK(tarn_map_open(&map, check_path("ledger"), TARN_MAP_WRITE, &options, 0));
  CHECK_OK(tarn_map_view(map, 0, 0, &view));
  tarn_map_close(map); /* the view stays */
  return view.data;
}

static uint64_t identity_of(const tarn_board *board) {
  uint64_t identity;
  memcpy(&identity, board->channel.header.identity, sizeof identity);
  return identity | 1;
}

static void enter(ledger *book, int me, uint64_t identity) {
  tn_store_relaxed(&book->inside[me], identity); /* the fence is next */
  tn_fence_full(); /* entered, then look at the others: of two in different boards at least one sees the other */
  for (int i = 0; i < CROWD; i++) {
    uint64_t other = tn_load_acquire(&book->inside[i]);
    if (other != 0 && other != identity)
      CHECK_UINT(identity, other);
  }
}

static void leave(ledger *book, int me) {
  tn_store_release(&book->inside[me], 0);
}

/* What a participant may find: nothing yet, or what a writer of this very board put there. */
static void use(tarn_board *board, int role, uint64_t identity) {
  uint64_t value[2] = {0};
  tarn_item item;
  if (role == TARN_WRITER) {
    value[0] = value[1] = identity;
    CHECK_OK(tarn_board_put(board, value, sizeof value, NULL, 0));
    return;
  }
  int result = tarn_board_get(board, value, sizeof value, &item, 0);
  if (result == TARN_EMPTY || result == TARN_NO_WRITER)
    return;
  CHECK_OK(result);
  CHECK_UINT(identity, value[0]);
  CHECK_UINT(identity, value[1]);
}

/* A refusal that a crowd explains. */
static void check_refusal(int result, int role, uint32_t flags) {
  if (result == TARN_E_EXISTS && (flags & TARN_EXCLUSIVE))
    return;
  if (role == TARN_WRITER)
    CHECK_RESULT(TARN_BUSY, result);
  else
    CHECK_RESULT(TARN_E_NOT_FOUND, result);
}

static void one_visit(ledger *book, int me) {
  static const int roles[] = {TARN_WRITER, TARN_WRITER, TARN_READER, TARN_OBSERVER};
  int role = roles[check_random() % 4];
  uint32_t flags = role == TARN_WRITER && check_random() % 4 == 0 ? TARN_EXCLUSIVE : 0;
  tarn_options options = options_with(flags);
  tarn_board *board = NULL;
  int result = tarn_board_open(&board, "crowd", role, &options, 0);
  if (result != 0) {
    check_refusal(result, role, flags);
    tn_add(&book->refused, 1);
    return;
  }
  uint64_t identity = identity_of(board);
  tn_add(board->channel.created ? &book->created : &book->opened, 1);
  enter(book, me, identity);
  use(board, role, identity);
  if (check_random() % 8 == 0)
    check_sleep((int64_t)(check_random() % 300) * 1000);
  leave(book, me);
  tarn_board_close(board);
}

static int role_visitor(int argc, char **argv) {
  CHECK_INT(2, argc);
  int me = atoi(argv[0]);
  ledger *book = open_ledger();
  check_say("ready");
  check_hear();
  int64_t end = check_now() + atoll(argv[1]); /* from here: until all are ready may take long */
  for (int64_t now; (now = check_now()) < end;) {
    one_visit(book, me);
    if (now / (100 * MS) % 2 == 0) /* by turns a crowd without a gap, and so few that the name comes and goes all the time */
      check_sleep((int64_t)(check_random() % 10000) * 1000);
  }
  return 0;
}

static int is_board(const char *name, void *argument) {
  if (strstr(name, "crowd") != NULL) {
    check_say("left behind: %s", name);
    ++*(int *)argument;
  }
  return 0;
}

static void test_crowd(void) {
  ledger *book = open_ledger();
  check_process *crowd[CROWD];
  char number[16], time[32];
  snprintf(time, sizeof time, "%llu", (unsigned long long)amount("TARN_TEST_CROWD_SECONDS", 2) * 1000000000);
  for (int i = 0; i < CROWD; i++) {
    snprintf(number, sizeof number, "%d", i);
    crowd[i] = check_start("visitor", number, time, NULL);
  }
  for (int i = 0; i < CROWD; i++)
    check_expect(crowd[i], "ready");
  for (int i = 0; i < CROWD; i++)
    check_tell(crowd[i], "go");
  for (int i = 0; i < CROWD; i++)
    CHECK_INT(0, check_wait(crowd[i]));
  check_say("%llu created, %llu opened, %llu refused", (unsigned long long)tn_load_relaxed(&book->created),
            (unsigned long long)tn_load_relaxed(&book->opened), (unsigned long long)tn_load_relaxed(&book->refused));
  int fast = tn_os_capabilities()->shared_futex; /* under Wine a visit takes a hundred times as long */
  CHECK(tn_load_relaxed(&book->created) > (fast ? 1u : 0u));
  CHECK(tn_load_relaxed(&book->opened) > (fast ? 20u : 0u));
  /* If an observer was the last to go, it left the name, which it may not remove; the next to look does. */
  tarn_board *board = NULL;
  CHECK_RESULT(TARN_E_NOT_FOUND, tarn_board_open(&board, "crowd", TARN_READER, NULL, 0));
  int left = 0;
  CHECK_OK(tn_os_each_name(check_directory(), is_board, &left));
  CHECK_INT(0, left);
}

static const check_test tests[] = {{"crowd", test_crowd, 600}, {0}};
static const check_role roles[] = {{"visitor", role_visitor}, {0}};

int main(int argc, char **argv) {
  return check_main(argc, argv, tests, roles);
}
