/* map_fault_test.c: every call of the seam that a map makes fails once. Whatever the operation answers, nothing may be left of
 * an attempt that failed: no descriptor, no mapping, no name; and an error has a sentence that names the map. */
#include <tarn/inspect.h>
#include <tarn/map.h>

#include "check.h"
#include "left.h"
#include "os/fault.h"
#include "os/os.h"

enum { SIZE = 10000 };

static tarn_options sized(uint32_t flags) {
  return (tarn_options){.struct_size = sizeof(tarn_options), .flags = flags, .size_bytes = SIZE};
}

/* ---- Operations: each starts from what prepare() made and returns a result ------------------------------------------- */

static tarn_map *map;
static tarn_view view;

/* Kept maps are files by their path on every system. Scoped ones have a plain name: on Windows a section of everybody's, so it
 * must be nobody else's. On Linux it lies in the same directory. */
static const char *scoped_name(void) {
  static char name[64];
  if (name[0] == 0) snprintf(name, sizeof name, "raw-%016llx", (unsigned long long)check_random());
  return name;
}

static int open_it(uint32_t flags, int access) {
  tarn_options options = sized(flags);
  return tarn_map_open(&map, check_path("raw"), access, &options, 0);
}

static int open_scoped(uint32_t flags, int access) {
  tarn_options options = sized(flags);
  return tarn_map_open(&map, scoped_name(), access, &options, 0);
}

static void prepare_nothing(void) {}

static void prepare_kept(void) {
  CHECK_OK(open_it(0, TARN_MAP_WRITE));
  tarn_map_close(map);
  map = NULL;
}

static tarn_map *other;

static void prepare_scoped(void) {
  CHECK_OK(open_scoped(TARN_SCOPED, TARN_MAP_WRITE));
  other = map;
  map = NULL;
}

/* On Windows its name went with its maker, which is what tests there see. */
static void prepare_abandoned(void) {
  CHECK_INT(tn_os_capabilities()->sections ? 0 : 3, check_wait(check_start("leave", scoped_name(), NULL)));
}

static void prepare_open(void) { CHECK_OK(open_it(0, TARN_MAP_WRITE)); }

static int create_kept(void) { return open_it(0, TARN_MAP_WRITE); }

static int create_scoped(void) { return open_scoped(TARN_SCOPED, TARN_MAP_WRITE); }

static int open_existing(void) { return open_it(TARN_EXISTING, TARN_MAP_WRITE); }

static int open_reading(void) { return open_it(TARN_EXISTING, TARN_MAP_READ); }

static int join_existing(void) { return open_scoped(TARN_EXISTING, TARN_MAP_WRITE); }

static int join_reading(void) { return open_scoped(TARN_EXISTING, TARN_MAP_READ); }

static int make_view(void) { return tarn_map_view(map, 5000, 300, &view); }

static int grow(void) { return tarn_map_resize(map, 50000); }

static int cut(void) { return tarn_map_resize(map, 100); }

static int ask(void) {
  tarn_map_details details = {.struct_size = sizeof details};
  return tarn_map_info(map, &details);
}

static int read_it(void) {
  char bytes[300];
  uint64_t length;
  return tarn_map_read(map, 5000, bytes, sizeof bytes, &length);
}

static const struct operation {
  const char *what;
  void (*prepare)(void);
  int (*run)(void);
} operations[] = {
    {"create_kept", prepare_nothing, create_kept},
    {"create_scoped", prepare_nothing, create_scoped},
    {"open_kept", prepare_kept, open_existing},
    {"open_reading", prepare_kept, open_reading},
    {"open_scoped", prepare_scoped, join_existing},
    {"open_scoped_reading", prepare_scoped, join_reading},
    {"open_abandoned", prepare_abandoned, create_scoped},
    {"view", prepare_open, make_view},
    {"read", prepare_open, read_it},
    {"grow", prepare_open, grow},
    {"cut", prepare_open, cut},
    {"info", prepare_open, ask},
};

static void clean_up(void) {
  tarn_view_close(&view);
  tarn_map_close(map);
  tarn_map_close(other);
  map = other = NULL;
  char path[TN_OS_PATH];
  CHECK_OK(tn_os_full_path(check_path("raw"), path));
  tn_os_remove_path(path);
  if (tn_os_capabilities()->sections) return;
  CHECK_OK(tn_os_full_path(check_path(scoped_name()), path));
  tn_os_remove_path(path);
}

/* Returns 0 when there was no Nth call. */
static int fail_nth(const struct operation *operation, uint64_t nth, int *ret_failures) {
  operation->prepare();
  belongings before = left_look();
  tn_fault_set("*", nth, 1, 0);
  int result = operation->run();
  int fired = tn_fault_count("*") >= nth;
  tn_fault_set(NULL, 0, 0, 0);
  if (result != 0) {
    CHECK(fired);
    CHECK_CONTAINS("raw", tarn_error_text());
    *ret_failures += 1;
    belongings after = left_look();
    if (operation->prepare == prepare_abandoned && after.names == before.names - 1)
      after.names++; /* what the dead left may be gone already */
    left_compare(before, after);
    if (map != NULL) { /* an open map is as it was */
      tarn_map_details details = {.struct_size = sizeof details};
      CHECK_OK(tarn_map_info(map, &details));
      CHECK_UINT(SIZE, details.size_bytes);
    }
    CHECK_OK(operation->run()); /* and now it works */
  }
  clean_up();
  return fired;
}

static void test_every_call_fails_once(void) {
  for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
    int failures = 0;
    uint64_t nth = 1;
    belongings before = left_look();
    while (fail_nth(&operations[i], nth, &failures)) nth++;
    left_compare(before, left_look());
    check_say("%s: %d calls, %d of them make it fail", operations[i].what, (int)nth - 1, failures);
    CHECK(failures > 0);
  }
}

/* Leaving cannot fail; but what it leaves must not be in anybody's way. */
static void test_every_call_of_leaving_fails_once(void) {
  uint64_t nth = 1;
  int fired = 1;
  if (tn_os_capabilities()->sections) check_skip("sections are left without any call that can fail");
  for (; fired; nth++) {
    belongings before = left_look();
    CHECK_OK(open_scoped(TARN_SCOPED, TARN_MAP_WRITE));
    tn_fault_set("*", nth, 1, 0);
    tarn_map_close(map);
    map = NULL;
    fired = tn_fault_count("*") >= nth;
    tn_fault_set(NULL, 0, 0, 0);
    belongings after = left_look();
    CHECK(after.names == before.names || after.names == before.names + 1);
    after.names = before.names;
    left_compare(before, after);
    CHECK_OK(open_scoped(TARN_SCOPED | TARN_EXCLUSIVE, TARN_MAP_WRITE)); /* what it left is taken for abandoned */
    clean_up();
  }
  CHECK(nth > 3);
}

static void test_locks_that_do_not_conflict(void) {
  if (tn_os_capabilities()->sections) check_skip("scoped maps have no locks here");
  tn_fault_locks_never_conflict(1);
  CHECK_RESULT(TARN_E_UNSUPPORTED, create_scoped());
  CHECK_CONTAINS("lock", tarn_error_text());
  CHECK_OK(create_kept()); /* needs none */
  tn_fault_locks_never_conflict(0);
  clean_up();
}

/* Some file systems have no locks of bytes. A kept map needs none, to be made or to be removed. */
static void test_removed_without_locks(void) {
  CHECK_OK(create_kept());
  tarn_map_close(map);
  map = NULL;
  tn_fault_set("lock", 1, 0, TARN_E_UNSUPPORTED);
  CHECK_OK(tarn_remove(check_path("raw"), TARN_KIND_MAP, 0));
  tn_fault_set(NULL, 0, 0, 0);
  CHECK_RESULT(TARN_E_NOT_FOUND, tarn_remove(check_path("raw"), TARN_KIND_MAP, 0));
}

static int role_leave(int argc, char **argv) {
  tarn_options options = sized(TARN_SCOPED);
  CHECK(argc == 1);
  CHECK_OK(tarn_map_open(&map, argv[0], TARN_MAP_WRITE, &options, 0));
  tn_point_set("map.leave.unlocked", 1, "exit");
  tarn_map_close(map);
  return 0;
}

static const check_test tests[] = {
    {"every_call_fails_once", test_every_call_fails_once, 60},
    {"every_call_of_leaving_fails_once", test_every_call_of_leaving_fails_once, 0},
    {"locks_that_do_not_conflict", test_locks_that_do_not_conflict, 0},
    {"removed_without_locks", test_removed_without_locks, 0},
    {0},
};

static const check_role roles[] = {{"leave", role_leave}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
