/* map_windows_test.c: what is different about raw maps on Windows: a plain name is a section, which lives while it is open, and
 * a file cannot be cut under a view. */
#include <windows.h>

#include <tarn/inspect.h>
#include <tarn/map.h>

#include "check.h"

enum { ASKED = 100001, PAGES = 102400 };

static int open_sized(tarn_map **map, const char *name, int access, uint64_t size, uint32_t flags) {
  tarn_options options = {.struct_size = sizeof options, .flags = flags, .size_bytes = size};
  return tarn_map_open(map, name, access, &options, 0);
}

static tarn_map_details info_of(tarn_map *map) {
  tarn_map_details details = {.struct_size = sizeof details};
  CHECK_OK(tarn_map_info(map, &details));
  return details;
}

static const char *own_name(const char *prefix) {
  static char name[100];
  snprintf(name, sizeof name, "%starn-test-%016llx", prefix, (unsigned long long)check_random());
  return name;
}

static void test_sections(void) {
  const char *name = own_name("");
  tarn_map *map, *other = NULL;
  CHECK_RESULT(TARN_E_NOT_FOUND, open_sized(&map, name, TARN_MAP_WRITE, 0, 0));
  CHECK_RESULT(TARN_E_UNSUPPORTED, open_sized(&map, name, TARN_MAP_WRITE, ASKED, TARN_KEPT));
  CHECK_CONTAINS("path", tarn_error_text());
  CHECK_OK(open_sized(&map, name, TARN_MAP_WRITE, ASKED, TARN_EXCLUSIVE));
  CHECK_UINT(TARN_MAP_CREATED, info_of(map).flags);
  CHECK_UINT(ASKED, info_of(map).size_bytes);
  CHECK_RESULT(TARN_E_EXISTS, open_sized(&other, name, TARN_MAP_WRITE, ASKED, TARN_EXCLUSIVE));
  CHECK_RESULT(TARN_E_MISMATCH, open_sized(&other, name, TARN_MAP_WRITE, PAGES + 1, 0));
  CHECK_OK(open_sized(&other, name, TARN_MAP_READ, ASKED, 0));
  CHECK_UINT(0, info_of(other).flags);
  CHECK_UINT(PAGES, info_of(other).size_bytes); /* all that can be known of a section */

  tarn_view view, seen;
  CHECK_OK(tarn_map_view(map, 70000, 0, &view));
  CHECK_UINT(ASKED - 70000, view.size_bytes);
  CHECK_OK(tarn_map_view(other, 70001, 10, &seen));
  memcpy(view.data, "hello", 5);
  CHECK_MEM("ello", seen.data, 4);
  char copy[10];
  uint64_t length;
  CHECK_OK(tarn_map_read(other, 70000, copy, sizeof copy, &length));
  CHECK_UINT(sizeof copy, length);
  CHECK_MEM("hello", copy, 5);
  CHECK_OK(tarn_map_read(other, PAGES - 3, copy, sizeof copy, &length));
  CHECK_UINT(3, length);
  CHECK_OK(tarn_map_read(other, PAGES, copy, sizeof copy, &length));
  CHECK_UINT(0, length);
  CHECK_OK(tarn_view_flush(&view, 0, 0)); /* no medium */
  CHECK_RESULT(TARN_E_INVALID, tarn_map_view(map, ASKED, 1, &seen));
  CHECK_RESULT(TARN_E_UNSUPPORTED, tarn_map_resize(map, 10));
  tarn_view_close(&seen);
  tarn_map_close(map);
  tarn_map_close(other);
  CHECK_MEM("hello", view.data, 5); /* the view has the bytes */
  CHECK_RESULT(TARN_E_NOT_FOUND, open_sized(&map, name, TARN_MAP_READ, 0, 0)); /* but not the name */
  tarn_view_close(&view);
}

/* The path of a file has a separator in it: who forgets it is told what was looked for. */
static void test_sections_from_outside(void) {
  const char *name = own_name("");
  tarn_map *map;
  tarn_details details = {.struct_size = sizeof details};
  CHECK_RESULT(TARN_E_NOT_FOUND, open_sized(&map, name, TARN_MAP_READ, 0, 0));
  CHECK_CONTAINS("looked for a section", tarn_error_text());
  CHECK_RESULT(TARN_E_NOT_FOUND, tarn_inspect(name, TARN_KIND_ANY, &details, NULL, 0));
  CHECK_RESULT(TARN_E_NOT_FOUND, tarn_inspect(name, TARN_KIND_MAP, &details, NULL, 0));
  CHECK_CONTAINS("looked for a section", tarn_error_text());
  CHECK_RESULT(TARN_E_NOT_FOUND, tarn_remove(name, TARN_KIND_MAP, 1));
  CHECK_OK(open_sized(&map, name, TARN_MAP_WRITE, ASKED, TARN_EXCLUSIVE));
  for (int kind = TARN_KIND_ANY; kind <= TARN_KIND_MAP; kind++) {
    CHECK_OK(tarn_inspect(name, kind, &details, NULL, 0));
    CHECK_UINT(TARN_KIND_MAP, details.entry.kind);
    CHECK_UINT(PAGES, details.entry.size_bytes);
    CHECK_UINT(TARN_ENTRY_IN_USE, details.entry.flags);
    CHECK_INT(0, (int)details.entry.modified_ns);
    CHECK_RESULT(TARN_E_UNSUPPORTED, tarn_remove(name, kind, 1));
  }
  CHECK_RESULT(TARN_E_NOT_FOUND, tarn_inspect(name, TARN_KIND_BOARD, &details, NULL, 0));
  CHECK_RESULT(TARN_E_EXISTS, open_sized(&(tarn_map *){NULL}, name, TARN_MAP_WRITE, ASKED, TARN_EXCLUSIVE));
  CHECK_CONTAINS("when nobody has it open", tarn_error_text());
  tarn_map_close(map);
  CHECK_RESULT(TARN_E_NOT_FOUND, tarn_inspect(name, TARN_KIND_ANY, &details, NULL, 0));
  HANDLE event = CreateEventA(NULL, TRUE, FALSE, name);
  CHECK_RESULT(TARN_E_KIND, tarn_inspect(name, TARN_KIND_MAP, &details, NULL, 0));
  CHECK_CONTAINS("event", tarn_error_text());
  CloseHandle(event);
}

static void test_namespaces_and_odd_names(void) {
  static const char *const prefixes[] = {"Local\\", "Global\\", "with space <>:\"|?* ", "nul", "\xc3\xa4"};
  for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
    tarn_map *map, *other;
    const char *name = own_name(prefixes[i]);
    CHECK_OK(open_sized(&map, name, TARN_MAP_WRITE, 10, TARN_SCOPED));
    CHECK_OK(open_sized(&other, name, TARN_MAP_READ, 0, TARN_EXISTING));
    tarn_map_close(other);
    tarn_map_close(map);
  }
}

static void test_another_kind_of_object(void) {
  const char *name = own_name("");
  HANDLE mutex = CreateMutexA(NULL, FALSE, name);
  CHECK(mutex != NULL);
  tarn_map *map;
  CHECK_RESULT(TARN_E_KIND, open_sized(&map, name, TARN_MAP_WRITE, 10, 0));
  CHECK_RESULT(TARN_E_KIND, open_sized(&map, name, TARN_MAP_READ, 0, 0));
  CloseHandle(mutex);
}

static void test_a_path_is_kept(void) {
  tarn_map *map;
  const char *path = check_path("raw");
  CHECK_RESULT(TARN_E_UNSUPPORTED, open_sized(&map, path, TARN_MAP_WRITE, ASKED, TARN_SCOPED));
  CHECK_CONTAINS("sticky", tarn_error_text());
  CHECK_RESULT(TARN_E_NOT_FOUND, open_sized(&map, path, TARN_MAP_READ, 0, 0)); /* nothing half-made */
  CHECK_OK(open_sized(&map, path, TARN_MAP_WRITE, ASKED, TARN_KEPT));
  tarn_map_close(map);
  CHECK_OK(open_sized(&map, path, TARN_MAP_READ, 0, TARN_EXISTING));
  CHECK_UINT(ASKED, info_of(map).size_bytes);
  CHECK(info_of(map).flags & TARN_MAP_KEPT);
  tarn_map_close(map);
  CHECK_RESULT(TARN_E_INVALID, open_sized(&map, "C:\\nul", TARN_MAP_WRITE, ASKED, 0));
}

/* Windows does not cut a file that is mapped; Wine does. In either case the answer is true. */
/* The usual neighbour: CreateFile with 0 for its third argument. */
static void test_a_file_that_is_not_shared(void) {
  tarn_map *map;
  const char *path = check_path("own");
  HANDLE file = CreateFileA(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_NEW, 0, NULL);
  CHECK(file != INVALID_HANDLE_VALUE);
  CHECK_RESULT(TARN_E_SYSTEM, open_sized(&map, path, TARN_MAP_READ, 0, 0));
  CHECK_CONTAINS("does not share it", tarn_error_text());
  CloseHandle(file);
  CHECK_OK(open_sized(&map, path, TARN_MAP_READ, 0, 0));
  tarn_map_close(map);
}

static void test_cutting_under_a_view(void) {
  tarn_map *map;
  tarn_view view;
  CHECK_OK(open_sized(&map, check_path("raw"), TARN_MAP_WRITE, ASKED, 0));
  CHECK_OK(tarn_map_view(map, 0, 10, &view));
  int result = tarn_map_resize(map, 5000);
  CHECK_UINT(result == 0 ? 5000 : ASKED, info_of(map).size_bytes);
  if (result != 0) CHECK_CONTAINS("raw", tarn_error_text());
  if (result != 0) CHECK_CONTAINS("somebody has a view of it", tarn_error_text());
  check_say("cutting under a view: %s", result == 0 ? "done" : tarn_error_text());
  tarn_view_close(&view);
  CHECK_OK(tarn_map_resize(map, 5000));
  CHECK_UINT(5000, info_of(map).size_bytes);
  tarn_map_close(map);
}

static int role_waiter(int argc, char **argv) {
  tarn_map *map;
  tarn_view view;
  CHECK(argc == 1);
  check_say("waiting");
  CHECK_OK(tarn_map_open(&map, argv[0], TARN_MAP_READ, NULL, TARN_FOREVER));
  CHECK_OK(tarn_map_view(map, 0, 0, &view));
  check_say("%llu", (unsigned long long)view.size_bytes);
  check_hear();
  tarn_view_close(&view);
  tarn_map_close(map);
  return 0;
}

static void test_a_reader_waits_and_keeps_it(void) {
  const char *name = own_name("");
  check_process *waiter = check_start("waiter", name, NULL);
  check_expect(waiter, "waiting");
  check_sleep(50000000);
  tarn_map *map;
  CHECK_OK(open_sized(&map, name, TARN_MAP_WRITE, ASKED, 0));
  check_expect(waiter, "102400");
  tarn_map_close(map);
  CHECK_OK(open_sized(&map, name, TARN_MAP_READ, 0, TARN_EXISTING)); /* it lives as long as somebody has it */
  tarn_map_close(map);
  check_kill(waiter); /* and goes with the last, however that one ends */
  CHECK_INT(-9, check_wait(waiter));
  CHECK_RESULT(TARN_E_NOT_FOUND, open_sized(&map, name, TARN_MAP_READ, 0, TARN_EXISTING));
}

static const check_test tests[] = {{"sections", test_sections, 0},
                                   {"sections_from_outside", test_sections_from_outside, 0},
                                   {"namespaces_and_odd_names", test_namespaces_and_odd_names, 0},
                                   {"another_kind_of_object", test_another_kind_of_object, 0},
                                   {"a_path_is_kept", test_a_path_is_kept, 0},
                                   {"a_file_that_is_not_shared", test_a_file_that_is_not_shared, 0},
                                   {"cutting_under_a_view", test_cutting_under_a_view, 0},
                                   {"a_reader_waits_and_keeps_it", test_a_reader_waits_and_keeps_it, 0},
                                   {0}};

static const check_role roles[] = {{"waiter", role_waiter}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
