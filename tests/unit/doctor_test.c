/* doctor_test.c: what tarn_doctor reports where all is well, and where a call of the system fails, on every system. */
#include <tarn/tarn.h>

#include "check.h"
#include "os/fault.h"
#include "os/os.h"

enum { MOST = 64 };

static struct {
  int level;
  char topic[32], found[512], advice[256];
} seen[MOST];
static int count;

static int keep(const tarn_finding *finding, void *argument) {
  (void)argument;
  CHECK(count < MOST && finding->level >= TARN_FINDING_OK && finding->level <= TARN_FINDING_PROBLEM);
  CHECK_UINT(sizeof *finding, finding->struct_size);
  CHECK(finding->topic[0] != 0 && strlen(finding->found) > 10);
  if (finding->level >= TARN_FINDING_WARNING) CHECK(strlen(finding->advice) > 10); /* never a complaint without what to do */
  seen[count].level = finding->level;
  snprintf(seen[count].topic, sizeof seen[count].topic, "%s", finding->topic);
  snprintf(seen[count].found, sizeof seen[count].found, "%s", finding->found);
  snprintf(seen[count++].advice, sizeof seen[0].advice, "%s", finding->advice);
  return 0;
}

static void examine(const char *name) {
  count = 0;
  CHECK_OK(tarn_doctor(name, keep, NULL));
}

/* The finding on that topic must be there, and have this level; its words. */
static const char *expect(const char *topic, int level) {
  for (int i = 0; i < count; i++)
    if (strcmp(seen[i].topic, topic) == 0) {
      if (seen[i].level != level) printf("%s: %s\n", topic, seen[i].found);
      CHECK_INT(level, seen[i].level);
      return seen[i].found;
    }
  printf("nothing was said about %s\n", topic);
  CHECK(count < 0);
  return NULL;
}

static int problems(void) {
  int sum = 0;
  for (int i = 0; i < count; i++) sum += seen[i].level == TARN_FINDING_PROBLEM;
  return sum;
}

static int stop_at_any(const tarn_entry *entry, void *argument) {
  (void)argument;
  printf("%s was left\n", entry->name);
  return 1;
}

static void test_where_all_is_well(void) {
  examine(NULL);
  CHECK_INT(0, problems());
  CHECK_CONTAINS(check_directory(), expect("directory", TARN_FINDING_OK));
  expect("locks", TARN_FINDING_OK);
  expect("mapping", TARN_FINDING_OK);
  examine(check_directory()); /* the same by its path */
  CHECK_CONTAINS(check_directory(), expect("directory", TARN_FINDING_OK));
  CHECK_INT(0, problems());
  CHECK_OK(tarn_list(NULL, stop_at_any, NULL)); /* nothing stays */
}

static void test_a_directory_that_is_not_there(void) {
  examine(check_path("nowhere"));
  CHECK_CONTAINS("nowhere", expect("directory", TARN_FINDING_PROBLEM));
  char path[512];
  snprintf(path, sizeof path, "%s/x.board", check_path("elsewhere"));
  examine(path);
  CHECK_CONTAINS("elsewhere", expect("directory", TARN_FINDING_PROBLEM));
  fclose(fopen(check_path("file"), "w"));
  snprintf(path, sizeof path, "%s/x.board", check_path("file"));
  examine(path);
  CHECK_CONTAINS("no file can be made in ", expect("directory", TARN_FINDING_PROBLEM));
  CHECK_CONTAINS("file: that is no directory", expect("directory", TARN_FINDING_PROBLEM));
}

static void test_a_thing(void) {
  examine("board");
  expect("name", TARN_FINDING_NOTE);
  tarn_board *board = NULL;
  CHECK_OK(tarn_board_open(&board, "board", TARN_WRITER, NULL, 0));
  examine("board");
  CHECK_STR("board is a whole board", expect("name", TARN_FINDING_OK));
  examine(check_path("board.board"));
  CHECK_CONTAINS(check_directory(), expect("directory", TARN_FINDING_OK));
  tarn_board_close(board);
  FILE *file = fopen(check_path("noise.board"), "w");
  CHECK(file != NULL && fputs("no board", file) >= 0 && fclose(file) == 0);
  examine("noise");
  expect("name", TARN_FINDING_PROBLEM);
}

static int stop_at_locks(const tarn_finding *finding, void *argument) {
  ++*(int *)argument;
  return strcmp(finding->topic, "locks") == 0 ? 17 : 0;
}

static int count_all(const tarn_finding *finding, void *argument) {
  (void)finding;
  ++*(int *)argument;
  return 0;
}

static int stop_at_last(const tarn_finding *finding, void *argument) {
  (void)finding;
  return --*(int *)argument == 0 ? 18 : 0;
}

static void test_each_may_stop_it(void) {
  int calls = 0, all = 0;
  CHECK_INT(17, tarn_doctor(NULL, stop_at_locks, &calls));
  CHECK_OK(tarn_doctor(NULL, count_all, &all));
  CHECK(calls > 0 && calls < all);
  for (int last = 1; last <= all; last++) { /* wherever it is */
    calls = last;
    CHECK_INT(18, tarn_doctor(NULL, stop_at_last, &calls));
    CHECK_INT(0, calls);
  }
  CHECK_RESULT(TARN_E_INVALID, tarn_doctor(NULL, NULL, NULL));
  CHECK_RESULT(TARN_E_INVALID, tarn_doctor("no:name", count_all, &all));
}

static void test_what_fails_is_found(void) {
  tn_fault_locks_never_conflict(1);
  examine(NULL);
  expect("locks", TARN_FINDING_PROBLEM);
  tn_fault_locks_never_conflict(0);
  static const struct {
    const char *call, *topic;
    int level;
  } faults[] = {{"make", "directory", TARN_FINDING_PROBLEM},
                {"reserve", "mapping", TARN_FINDING_PROBLEM},
                {"map", "mapping", TARN_FINDING_PROBLEM},
                {"locks_conflict", "locks", TARN_FINDING_PROBLEM}};
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
    tn_fault_set(faults[i].call, 1, 0, 0);
    examine(NULL);
    expect(faults[i].topic, faults[i].level);
  }
  tn_fault_set("", 0, 0, 0);
  if (!tn_os_capabilities()->shared_futex) return;
  tn_fault_set("barrier_join", 1, 0, 0);
  examine(NULL);
  expect("barrier", TARN_FINDING_NOTE);
}

static const check_test tests[] = {{"where_all_is_well", test_where_all_is_well, 0},
                                   {"a_directory_that_is_not_there", test_a_directory_that_is_not_there, 0},
                                   {"a_thing", test_a_thing, 0},
                                   {"each_may_stop_it", test_each_may_stop_it, 0},
                                   {"what_fails_is_found", test_what_fails_is_found, 0},
                                   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, NULL); }
