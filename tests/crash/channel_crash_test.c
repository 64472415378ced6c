/* channel_crash_test.c: what takes more than one victim: cleaners that race, the dead that nobody has buried, and many that
 * create one name at once while some of them are killed. */
#include <inttypes.h>
#include <tarn/inspect.h>

#include "board_crash.h"

#define MS INT64_C(1000000)
enum { CREATORS = 32, SLOTS = 4 };

/* ---- Roles --------------------------------------------------------------------------------------------------------------- */

/* Joins when it is told to, and says which slot it has. */
static int role_joiner(int argc, char **argv) {
  CHECK_INT(1, argc);
  CHECK_STR("go", check_hear());
  tarn_board *board;
  CHECK_OK(tarn_board_open(&board, argv[0], TARN_READER, NULL, 0));
  check_say("slot %" PRIu32, board_slot(board));
  check_hear();
  tarn_board_close(board);
  return 0;
}

/* Publishes once and lives on. */
static int role_holder(int argc, char **argv) {
  CHECK_INT(1, argc);
  tarn_board *board;
  CHECK_OK(tarn_board_open(&board, argv[0], TARN_WRITER, NULL, 0));
  CHECK_OK(board_put(board, 1000, VICTIMS_TAG));
  check_say("published");
  check_hear();
  tarn_board_close(board);
  return 0;
}

/* Comes as a writer, or else as a reader, uses what is there and goes. */
static int role_passer(int argc, char **argv) {
  CHECK_INT(2, argc);
  CHECK_STR("go", check_hear());
  tarn_board *board;
  tarn_item item;
  int result = tarn_board_open(&board, argv[0], TARN_WRITER, NULL, 0);
  if (result == 0) {
    CHECK_OK(board_put(board, 20000, strtoull(argv[1], NULL, 10)));
    tarn_board_close(board);
    return 0;
  }
  CHECK_RESULT(TARN_BUSY, result);
  result = tarn_board_open(&board, argv[0], TARN_READER, NULL, 0);
  if (result == TARN_E_NOT_FOUND || result == TARN_BUSY) /* all others have gone, or one is about to */
    return 0;
  CHECK_OK(result);
  result = tarn_board_read(board, &item, 5 * MS);
  if (result == 0) {
    board_verify(&item);
    CHECK_OK(tarn_board_release(board, &item));
  }
  tarn_board_close(board);
  return 0;
}

/* ---- Cleaners race ------------------------------------------------------------------------------------------------------ */

/* A kept board with one version and every slot a dead reader's, who holds it. */
static void found_full_of_dead(const char *name) {
  tarn_board *founder;
  const tarn_options options = {.struct_size = sizeof options, .flags = TARN_KEPT | TARN_EXCLUSIVE, .slots = SLOTS};
  CHECK_OK(tarn_board_open(&founder, name, TARN_WRITER, &options, 0));
  CHECK_OK(board_put(founder, 3000, FOUNDERS_TAG));
  tarn_board_close(founder);
  check_process *corpses[SLOTS];
  for (int i = 0; i < SLOTS; i++) {
    corpses[i] = check_start("corpse", name, NULL);
    check_expect(corpses[i], "dying");
  }
  for (int i = 0; i < SLOTS; i++) {
    check_kill(corpses[i]);
    CHECK_INT(-9, check_wait(corpses[i]));
  }
}

/* Each has a slot of its own. */
static void expect_all_slots(check_process *joiners[SLOTS]) {
  unsigned seen = 0;
  for (int i = 0; i < SLOTS; i++) {
    const char *line = check_line(joiners[i]);
    unsigned slot = 0;
    CHECK(line != NULL && sscanf(line, "slot %u", &slot) == 1);
    CHECK(slot < SLOTS && (seen & 1u << slot) == 0);
    seen |= 1u << slot;
  }
  for (int i = 0; i < SLOTS; i++) CHECK_INT(0, check_wait(joiners[i]));
}

static void test_cleaners_race(void) {
  for (int round = 0; round < 8; round++) {
    found_full_of_dead("race");
    check_process *joiners[SLOTS];
    for (int i = 0; i < SLOTS; i++) joiners[i] = check_start("joiner", "race", NULL);
    for (int i = 0; i < SLOTS; i++) check_tell(joiners[i], "go");
    expect_all_slots(joiners);
    CHECK_OK(tarn_remove("race", TARN_KIND_BOARD, 0));
  }
}

/* One is held up in the middle of clearing: the others take other slots, a writer that wants room does not wait for it, and
 * what it clears is its own. */
static void test_a_slow_cleaner(void) {
  found_full_of_dead("slow");
  check_process *joiners[SLOTS];
  check_set_env("TARN_TEST_POINT", "clear.locked:1:hold");
  joiners[0] = check_start("joiner", "slow", NULL);
  check_set_env("TARN_TEST_POINT", NULL);
  check_tell(joiners[0], "go");
  check_expect(joiners[0], "at clear.locked");
  tarn_board *writer;
  CHECK_OK(tarn_board_open(&writer, "slow", TARN_WRITER, NULL, 0));
  CHECK(board_slot(writer) != 0);
  for (uint64_t tag = 2; tag < 8; tag++)
    CHECK_OK(board_put(writer, 1000, tag)); /* over what the dead held, but for the one whose slot is being cleared */
  tarn_board_close(writer);
  for (int i = 1; i < SLOTS; i++) {
    joiners[i] = check_start("joiner", "slow", NULL);
    check_tell(joiners[i], "go");
  }
  check_tell(joiners[0], "go on");
  expect_all_slots(joiners);
  CHECK_OK(tarn_remove("slow", TARN_KIND_BOARD, 0));
}

/* ---- Nobody has buried it ----------------------------------------------------------------------------------------------- */

static void test_a_zombie_is_dead(void) {
  check_process *holder = check_start("holder", "zombie", NULL);
  check_expect(holder, "published");
  tarn_board *reader, *writer;
  tarn_item item;
  CHECK_OK(tarn_board_open(&reader, "zombie", TARN_READER, NULL, 0));
  CHECK_OK(tarn_board_read(reader, &item, 0));
  CHECK_OK(tarn_board_release(reader, &item));
  CHECK_RESULT(TARN_BUSY, tarn_board_open(&writer, "zombie", TARN_WRITER, NULL, 0));
  check_kill(holder); /* and its parent, this process, does not ask after it */
  CHECK_RESULT(TARN_NO_WRITER, tarn_board_read(reader, &item, CRASH_PATIENCE_NS));
  CHECK_OK(tarn_board_open(&writer, "zombie", TARN_WRITER, NULL, 0));
  CHECK_OK(board_put(writer, 1000, VICTIMS_TAG + 1));
  CHECK_OK(tarn_board_read(reader, &item, 0));
  CHECK_UINT(VICTIMS_TAG + 1, item.tag);
  CHECK_OK(tarn_board_release(reader, &item));
  tarn_board_close(writer);
  tarn_board_close(reader);
  CHECK_INT(-9, check_wait(holder));
}

/* ---- Many at once ------------------------------------------------------------------------------------------------------- */

static int count_name(const char *name, void *argument) {
  if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) ++*(int *)argument;
  return 0;
}

/* 32 create, open and leave one scoped name at once; every second is killed somewhere on the way, if it comes there. */
static int creators_at_once(const char *name) {
  static const char *const places[] = {"create.made:1",   "create.reserved:1", "create.filled:1", "create.joined:1",
                                       "create.named:1",  "join.writer:1",     "join.locked:1",   "join.taken:1",
                                       "leave.users:1",   "leave.alone:1",     "remove.alone:1",  "remove.removed:1",
                                       "leave.unlocked:1"};
  check_process *passers[CREATORS];
  int killed = 0;
  for (int i = 0; i < CREATORS; i++) {
    char where[64], tag[32];
    snprintf(where, sizeof where, "%s:kill", places[check_random() % (sizeof places / sizeof *places)]);
    snprintf(tag, sizeof tag, "%d", i + 1);
    check_set_env("TARN_TEST_POINT", i % 2 != 0 ? where : NULL);
    passers[i] = check_start("passer", name, tag, NULL);
  }
  check_set_env("TARN_TEST_POINT", NULL);
  for (int i = 0; i < CREATORS; i++) check_tell(passers[i], "go");
  for (int i = 0; i < CREATORS; i++) {
    int code = check_wait(passers[i]);
    CHECK(code == 0 || (code == -9 && i % 2 != 0));
    killed += code == -9;
  }
  return killed;
}

static void test_creators_killed(void) {
  int killed = 0, rounds = tn_os_capabilities()->shared_futex ? 6 : 3; /* under Wine a process takes ten times as long */
  for (int round = 0; round < rounds; round++) {
    killed += creators_at_once("many");
    tarn_board *board;
    const tarn_options options = {.struct_size = sizeof options, .flags = TARN_EXCLUSIVE};
    CHECK_OK(tarn_board_open(&board, "many", TARN_WRITER, &options, 0)); /* nobody is there, so nothing is */
    CHECK_OK(board_put(board, 10, 1));
    tarn_board_close(board);
    int names = 0;
    CHECK_OK(tn_os_each_name(check_directory(), count_name, &names));
    CHECK_INT(0, names);
  }
  CHECK(killed > 2 * rounds); /* of 16 that were to be: not all come to the place */
  printf("%d of %d killed on the way\n", killed, rounds * CREATORS);
}

static const check_test tests[] = {{"cleaners_race", test_cleaners_race, 60},
                                   {"a_slow_cleaner", test_a_slow_cleaner, 30},
                                   {"a_zombie_is_dead", test_a_zombie_is_dead, 30},
                                   {"creators_killed", test_creators_killed, 60},
                                   {0}};
static const check_role roles[] = {
    {"joiner", role_joiner}, {"holder", role_holder}, {"passer", role_passer}, {"corpse", role_corpse}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
