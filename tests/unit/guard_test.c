/* guard_test.c: the guard's calls where nothing is lost, on every system. Losses: tests/proc/guard_linux_test.c. */
#include <tarn/tarn.h>

#include "check.h"
#include "os/fault.h"

static int give(void *argument) { return *(int *)argument; }

static void test_results(void) {
  int answer = 42;
  char from[] = "bytes", to[sizeof from] = "";
  CHECK_RESULT(TARN_E_INVALID, tarn_guard_run(give, &answer));
  CHECK_CONTAINS("tarn_guard_install", tarn_error_text());
  CHECK_RESULT(TARN_E_INVALID, tarn_guard_copy(to, from, sizeof to));
  CHECK_STR("", to);
  CHECK_RESULT(TARN_E_INVALID, tarn_guard_remove());
  CHECK_OK(tarn_guard_install());
  CHECK_INT(42, tarn_guard_run(give, &answer));
  answer = TARN_TIMED_OUT;
  CHECK_INT(TARN_TIMED_OUT, tarn_guard_run(give, &answer));
  CHECK_OK(tarn_guard_copy(to, from, sizeof to));
  CHECK_STR("bytes", to);
  CHECK_OK(tarn_guard_copy(NULL, NULL, 0));
  CHECK_RESULT(TARN_E_INVALID, tarn_guard_copy(NULL, from, 1));
  CHECK_RESULT(TARN_E_INVALID, tarn_guard_run(NULL, NULL));
  CHECK_OK(tarn_guard_check(from, sizeof from));
  CHECK_OK(tarn_guard_remove());
  CHECK_RESULT(TARN_E_INVALID, tarn_guard_copy(to, from, sizeof to));
}

static void test_installed_twice(void) {
  int answer = 1;
  CHECK_OK(tarn_guard_install());
  CHECK_OK(tarn_guard_install());
  CHECK_OK(tarn_guard_remove());
  CHECK_INT(1, tarn_guard_run(give, &answer));
  CHECK_OK(tarn_guard_remove());
  CHECK_RESULT(TARN_E_INVALID, tarn_guard_remove());
}

static void test_it_cannot_be_installed(void) {
  int answer = 1;
  tn_fault_set("faults_catch", 1, 1, 0);
  CHECK_RESULT(TARN_E_SYSTEM, tarn_guard_install());
  CHECK_CONTAINS("guard cannot be installed", tarn_error_text());
  CHECK_RESULT(TARN_E_INVALID, tarn_guard_run(give, &answer));
  CHECK_OK(tarn_guard_install());
}

/* More views than one group of places holds, closed in another order, and all of them good to the end. */
static void test_many_views(void) {
  enum { VIEWS = 300, SIZE = 4096 };
  static tarn_view views[VIEWS];
  tarn_options options = {.struct_size = sizeof options, .size_bytes = SIZE};
  tarn_map *map = NULL;
  CHECK_OK(tarn_guard_install());
  CHECK_OK(tarn_map_open(&map, check_path("raw"), TARN_MAP_WRITE, &options, 0));
  for (int turn = 0; turn < 2; turn++) {
    for (int i = 0; i < VIEWS; i++) CHECK_OK(tarn_map_view(map, 0, 0, &views[i]));
    for (int i = 0; i < VIEWS; i++) CHECK_OK(tarn_guard_copy(views[i].data, "x", 1));
    for (int i = 0; i < VIEWS; i++) CHECK_OK(tarn_guard_check(views[i].data, SIZE));
    for (int i = 0; i < VIEWS; i++) tarn_view_close(&views[turn == 0 ? VIEWS - 1 - i : i]);
  }
  tarn_map_close(map);
}

static const check_test tests[] = {{"results", test_results, 0},
                                   {"installed_twice", test_installed_twice, 0},
                                   {"it_cannot_be_installed", test_it_cannot_be_installed, 0},
                                   {"many_views", test_many_views, 0},
                                   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, NULL); }
