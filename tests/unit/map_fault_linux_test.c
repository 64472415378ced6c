/* map_fault_linux_test.c: every call of the seam that a map makes fails once. Whatever the operation answers, nothing may be left of
 * an attempt that failed: no descriptor, no mapping, no name; and an error has a sentence that names the map. */
#include <dirent.h>
#include <tarn/map.h>

#include "check.h"
#include "os/fault.h"
#include "os/os.h"

enum { SIZE = 10000 };

static tarn_options sized(uint32_t flags) {
  return (tarn_options){.struct_size = sizeof(tarn_options), .flags = flags, .size_bytes = SIZE};
}

/* ---- What there is -------------------------------------------------------------------------------------------------- */

typedef struct belongings {
  int descriptors, mappings, names;
} belongings;

static int entries_of(const char *directory) {
  DIR *stream = opendir(directory);
  CHECK(stream != NULL);
  int count = 0;
  while (readdir(stream) != NULL) count++;
  closedir(stream);
  return count;
}

static int mappings_of(const char *directory) {
  FILE *stream = fopen("/proc/self/maps", "re");
  CHECK(stream != NULL);
  int count = 0;
  char line[4096];
  while (fgets(line, sizeof line, stream) != NULL) count += strstr(line, directory) != NULL;
  fclose(stream);
  return count;
}

static belongings look(void) {
  return (belongings){entries_of("/proc/self/fd"), mappings_of(check_directory()), entries_of(check_directory())};
}

static void same(belongings before, belongings after) {
  CHECK_INT(before.descriptors, after.descriptors);
  CHECK_INT(before.mappings, after.mappings);
  CHECK_INT(before.names, after.names);
}

/* ---- Operations: each starts from what prepare() made and returns a result ------------------------------------------- */

static tarn_map *map;
static tarn_view view;

static const char *name(void) { return check_path("raw"); }

static int open_it(uint32_t flags, int access) {
  tarn_options options = sized(flags);
  return tarn_map_open(&map, name(), access, &options, 0);
}

static void prepare_nothing(void) {}

static void prepare_kept(void) {
  CHECK_OK(open_it(0, TARN_MAP_WRITE));
  tarn_map_close(map);
  map = NULL;
}

static tarn_map *other;

static void prepare_scoped(void) {
  CHECK_OK(open_it(TARN_SCOPED, TARN_MAP_WRITE));
  other = map;
  map = NULL;
}

static void prepare_abandoned(void) { CHECK_INT(3, check_wait(check_start("leave", name(), NULL))); }

static void prepare_open(void) { CHECK_OK(open_it(0, TARN_MAP_WRITE)); }

static int create_kept(void) { return open_it(0, TARN_MAP_WRITE); }

static int create_scoped(void) { return open_it(TARN_SCOPED, TARN_MAP_WRITE); }

static int open_existing(void) { return open_it(TARN_EXISTING, TARN_MAP_WRITE); }

static int open_reading(void) { return open_it(TARN_EXISTING, TARN_MAP_READ); }

static int make_view(void) { return tarn_map_view(map, 5000, 300, &view); }

static int grow(void) { return tarn_map_resize(map, 50000); }

static int cut(void) { return tarn_map_resize(map, 100); }

static int ask(void) {
  tarn_map_details details = {.struct_size = sizeof details};
  return tarn_map_info(map, &details);
}

static const struct operation {
  const char *what;
  void (*prepare)(void);
  int (*run)(void);
  int leaves_name; /* a name more after success */
} operations[] = {
    {"create_kept", prepare_nothing, create_kept, 1},
    {"create_scoped", prepare_nothing, create_scoped, 1},
    {"open_kept", prepare_kept, open_existing, 0},
    {"open_reading", prepare_kept, open_reading, 0},
    {"open_scoped", prepare_scoped, open_existing, 0},
    {"open_scoped_reading", prepare_scoped, open_reading, 0},
    {"open_abandoned", prepare_abandoned, create_scoped, 0},
    {"view", prepare_open, make_view, 0},
    {"grow", prepare_open, grow, 0},
    {"cut", prepare_open, cut, 0},
    {"info", prepare_open, ask, 0},
};

static void clean_up(void) {
  tarn_view_close(&view);
  tarn_map_close(map);
  tarn_map_close(other);
  map = other = NULL;
  char path[TN_OS_PATH];
  CHECK_OK(tn_os_full_path(name(), path));
  tn_os_remove_path(path);
}

/* Returns 0 when there was no Nth call. */
static int fail_nth(const struct operation *operation, uint64_t nth, int *ret_failures) {
  operation->prepare();
  belongings before = look();
  tn_fault_set("*", nth, 1, 0);
  int result = operation->run();
  int fired = tn_fault_count("*") >= nth;
  tn_fault_set(NULL, 0, 0, 0);
  if (result != 0) {
    CHECK(fired);
    CHECK_CONTAINS("raw", tarn_error_text());
    *ret_failures += 1;
    belongings after = look();
    if (operation->prepare == prepare_abandoned && after.names == before.names - 1)
      after.names++; /* what the dead left may be gone already */
    same(before, after);
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
    belongings before = look();
    while (fail_nth(&operations[i], nth, &failures)) nth++;
    same(before, look());
    check_say("%s: %d calls, %d of them make it fail", operations[i].what, (int)nth - 1, failures);
    CHECK(failures > 0);
  }
}

/* Leaving cannot fail; but what it leaves must not be in anybody's way. */
static void test_every_call_of_leaving_fails_once(void) {
  uint64_t nth = 1;
  int fired = 1;
  for (; fired; nth++) {
    belongings before = look();
    CHECK_OK(open_it(TARN_SCOPED, TARN_MAP_WRITE));
    tn_fault_set("*", nth, 1, 0);
    tarn_map_close(map);
    map = NULL;
    fired = tn_fault_count("*") >= nth;
    tn_fault_set(NULL, 0, 0, 0);
    belongings after = look();
    CHECK(after.names == before.names || after.names == before.names + 1);
    after.names = before.names;
    same(before, after);
    CHECK_OK(open_it(TARN_SCOPED | TARN_EXCLUSIVE, TARN_MAP_WRITE)); /* what it left is taken for abandoned */
    clean_up();
  }
  CHECK(nth > 3);
}

static void test_locks_that_do_not_conflict(void) {
  tn_fault_locks_never_conflict(1);
  CHECK_RESULT(TARN_E_UNSUPPORTED, create_scoped());
  CHECK_CONTAINS("lock", tarn_error_text());
  CHECK_OK(create_kept()); /* needs none */
  tn_fault_locks_never_conflict(0);
  clean_up();
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
    {0},
};

static const check_role roles[] = {{"leave", role_leave}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
