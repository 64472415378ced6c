/* os_windows_test.c: what the seam promises where Windows and Wine need care of their own: names, making and removing, locks,
 * room, named sections, beds. What holds on both systems is in os_test.c. */
#include <tarn/base.h>

#include "check.h"
#include "os/os.h"

static const uint64_t byte = (UINT64_C(1) << 62) + 16;

static const char *at(const char *name) {
  static char paths[4][TN_OS_PATH];
  static int next;
  char *path = paths[next++ % 4];
  CHECK_OK(tn_os_full_path(check_path(name), path));
  return path;
}

static tn_os_file made(const char *name) {
  tn_os_file file;
  CHECK_OK(tn_os_make(&file, at(name), 0600, 0));
  CHECK_OK(tn_os_name(&file, at(name)));
  return file;
}

static tn_os_file opened(const char *name, int access) {
  tn_os_file file;
  CHECK_OK(tn_os_open(&file, at(name), access, 1));
  return file;
}

typedef struct names {
  int count;
  char last[300];
} names;

static int count_name(const char *name, void *argument) {
  names *seen = argument;
  seen->count++;
  snprintf(seen->last, sizeof seen->last, "%s", name);
  return 0;
}

static names listed(void) {
  names seen = {0};
  char directory[TN_OS_PATH];
  CHECK_OK(tn_os_full_path(check_directory(), directory));
  CHECK_INT(0, tn_os_each_name(directory, count_name, &seen));
  return seen;
}

/* ---- Names ----------------------------------------------------------------------------------------------------------- */

static void test_device_names(void) {
  static const char *const devices[] = {"nul",  "NUL",    "con",      "prn", "aux", "com1",        "LPT9", "com0", "nul.board",
                                        "nul ", "nul .x", "com1.a.b", "x.",  "x ",  "com\xc2\xb9", "a<b",  "a\tb", "conin$"};
  static const char *const others[] = {"nulx", "com", "com10", "camera", "a.nul", "lpt", "x.y", "\xc3\xa9t\xc3\xa9"};
  for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
    if (!tn_os_is_device_name(devices[i])) CHECK_STR(devices[i], "is no device");
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (tn_os_is_device_name(others[i])) CHECK_STR(others[i], "is a device");
}

static void test_paths_and_names(void) {
  CHECK(!tn_os_is_path("camera"));
  CHECK(!tn_os_is_path("Local\\camera"));
  CHECK(!tn_os_is_path("global\\camera"));
  CHECK(tn_os_is_path("Local\\a\\b"));
  CHECK(tn_os_is_path("a/b"));
  CHECK(tn_os_is_path("a\\b"));
  CHECK(tn_os_is_path("c:camera"));
}

static void check_full(const char *expected, const char *path) {
  char full[TN_OS_PATH];
  CHECK_OK(tn_os_full_path(path, full));
  CHECK_STR(expected, full);
}

static void test_full_paths(void) {
  char full[TN_OS_PATH] = "untouched";
  check_full("\\\\?\\C:\\a\\b.board", "C:/a//x/../b.board");
  check_full("\\\\?\\C:\\a\\b", "\\\\?\\C:\\a/b");
  check_full("\\\\?\\UNC\\server\\share\\x", "\\\\server\\share\\x");
  check_full("\\\\?\\C:\\\xc3\xa9", "C:\\\xc3\xa9");
  CHECK_OK(tn_os_full_path("here", full));
  CHECK_CONTAINS("\\\\?\\", full);
  static const char *const refused[] = {"C:\\nul", "C:\\nul.txt", "C:\\com1\\x", "x/aux", "C:\\a.",
                                        "C:\\a ",  "C:\\a:b",     "\xff",        ""};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    if (tn_os_full_path(refused[i], full) != TARN_E_INVALID) CHECK_STR(refused[i], "was let through");
    CHECK(tn_os_reason()[0] != 0);
  }
  static char longer[TN_OS_PATH + 10];
  memset(longer, 'x', sizeof longer - 1);
  memcpy(longer, "C:\\", 3);
  CHECK_RESULT(TARN_E_INVALID, tn_os_full_path(longer, full));
}

static void test_long_paths_work(void) { /* beyond the 260 characters of old */
  char name[200];
  memset(name, 'n', sizeof name - 1);
  name[sizeof name - 1] = 0;
  tn_os_file file = made(name);
  CHECK_INT(1, tn_os_leads_here(&file, at(name)));
  tn_os_close(&file);
}

static int role_at_home(int argc, char **argv) {
  (void)argc, (void)argv;
  char path[TN_OS_PATH];
  names seen = {0};
  CHECK_OK(tn_os_channel_directory(path));
  CHECK_CONTAINS("\\Temp\\tarn", path);
  CHECK_INT(0, tn_os_each_name(path, count_name, &seen)); /* it is there */
  return 0;
}

static void test_a_directory_of_ones_own(void) {
  check_set_env("TARN_DIR", NULL);
  check_set_env("LOCALAPPDATA", check_directory());
  CHECK_INT(0, check_wait(check_start("at_home", NULL)));
  CHECK_INT(0, check_wait(check_start("at_home", NULL)));
}

/* ---- Making and removing --------------------------------------------------------------------------------------------- */

static int role_maker(int argc, char **argv) {
  tn_os_file file;
  CHECK_INT(2, argc);
  CHECK_OK(tn_os_make(&file, argv[0], 0600, 0));
  CHECK_INT(1, tn_os_lock(&file, byte, TN_OS_EXCLUSIVE));
  if (strcmp(argv[1], "name") == 0) CHECK_OK(tn_os_name(&file, argv[0]));
  check_say("ready");
  check_hear();
  return 0;
}

static void test_a_killed_maker_leaves_nothing(void) {
  check_process *maker = check_start("maker", at("half.board"), "no name", NULL);
  check_expect(maker, "ready");
  CHECK_INT(1, listed().count);
  CHECK_CONTAINS(".half.board.", listed().last);
  check_kill(maker);
  check_wait(maker);
  CHECK_INT(0, listed().count);
}

static void test_a_named_file_outlives_its_maker(void) {
  check_process *maker = check_start("maker", at("whole.board"), "name", NULL);
  check_expect(maker, "ready");
  tn_os_file file = opened("whole.board", TN_OS_READ | TN_OS_WRITE);
  CHECK_INT(0, tn_os_lock(&file, byte, TN_OS_EXCLUSIVE));
  CHECK_INT(1, tn_os_lock_held(&file, byte, TN_OS_SHARED));
  check_kill(maker);
  check_wait(maker);
  CHECK_INT(0, tn_os_lock_held(&file, byte, TN_OS_SHARED));
  CHECK_INT(1, tn_os_lock(&file, byte, TN_OS_EXCLUSIVE));
  tn_os_close(&file);
  CHECK_INT(1, listed().count);
  CHECK_STR("whole.board", listed().last);
}

static void test_a_name_is_given_once(void) {
  tn_os_file first = made("a.board"), second;
  CHECK_OK(tn_os_make(&second, at("a.board"), 0600, 0));
  CHECK_RESULT(TARN_E_EXISTS, tn_os_name(&second, at("a.board")));
  CHECK_INT(1, tn_os_leads_here(&first, at("a.board")));
  CHECK_INT(0, tn_os_leads_here(&second, at("a.board")));
  CHECK_RESULT(TARN_E_NOT_FOUND, tn_os_remove(&second, at("a.board")));
  tn_os_close(&second);
  tn_os_close(&first);
  CHECK_INT(1, listed().count);
}

/* A foreign program that opens the file as any other, while its maker still has it open and mapped. */
static void test_others_may_open_what_was_made(void) {
  tn_os_file file;
  void *bytes;
  CHECK_OK(tn_os_make(&file, at("plain"), 0600, 0));
  CHECK_OK(tn_os_reserve(&file, 0, 65536));
  CHECK_OK(tn_os_map(&file, 0, 65536, TN_OS_READ | TN_OS_WRITE, 0, &bytes, NULL));
  CHECK_INT(1, tn_os_lock(&file, byte, TN_OS_EXCLUSIVE));
  CHECK_OK(tn_os_name(&file, at("plain")));
  memcpy(bytes, "seen", 4);
  CHECK_OK(tn_os_flush(bytes, 65536));
  FILE *foreign = fopen(check_path("plain"), "r+b");
  CHECK(foreign != NULL);
  char read[4];
  CHECK_UINT(4, fread(read, 1, 4, foreign));
  CHECK_MEM("seen", read, 4);
  CHECK_INT(0, fclose(foreign));
  tn_os_file other = opened("plain", TN_OS_READ | TN_OS_WRITE);
  CHECK_INT(1, tn_os_lock_held(&other, byte, TN_OS_SHARED)); /* the locks stayed */
  CHECK_OK(tn_os_still_ours(&file));
  tn_os_close(&other);
  tn_os_unmap(bytes, 65536);
  tn_os_close(&file);
  CHECK_INT(1, listed().count);
}

/* Others have it open, and mapped for writing: the name is free at once all the same, and they go on. */
static void test_a_removed_name_is_free_at_once(void) {
  tn_os_file file = made("a.board"), other = opened("a.board", TN_OS_READ | TN_OS_WRITE), next;
  void *bytes;
  CHECK_OK(tn_os_reserve(&file, 0, 65536));
  CHECK_OK(tn_os_map(&other, 0, 65536, TN_OS_READ | TN_OS_WRITE, 0, &bytes, NULL));
  CHECK_OK(tn_os_remove(&file, at("a.board")));
  CHECK_INT(0, tn_os_leads_here(&file, at("a.board")));
  CHECK_RESULT(TARN_E_NOT_FOUND, tn_os_open(&next, at("a.board"), TN_OS_READ, 1));
  next = made("a.board");
  memset(bytes, 7, 65536);
  tn_os_unmap(bytes, 65536);
  tn_os_close(&other);
  tn_os_close(&file);
  CHECK_INT(1, tn_os_leads_here(&next, at("a.board")));
  tn_os_close(&next);
  CHECK_INT(1, listed().count); /* and nothing is left of the first */
}

static void test_removing_leaves_nothing(void) {
  tn_os_file file = made("a.board");
  CHECK_OK(tn_os_remove(&file, at("a.board")));
  tn_os_close(&file);
  CHECK_INT(0, listed().count);
}

static void test_opening_refuses(void) {
  tn_os_file file = made("Camera.board"), other;
  tn_os_close(&file);
  CHECK_RESULT(TARN_E_NOT_FOUND, tn_os_open(&other, at("nothing"), TN_OS_READ, 1));
  CHECK_RESULT(TARN_E_NOT_FOUND, tn_os_open(&other, at("no directory\\nothing"), TN_OS_READ, 1));
  CHECK_RESULT(TARN_E_NOT_FOUND, tn_os_open(&other, at("camera.board"), TN_OS_READ, 1));
  char directory[TN_OS_PATH];
  CHECK_OK(tn_os_full_path(check_directory(), directory));
  CHECK_RESULT(TARN_E_KIND, tn_os_open(&other, directory, TN_OS_READ, 1));
  CHECK_RESULT(TARN_E_KIND, tn_os_open(&other, directory, TN_OS_READ | TN_OS_WRITE, 1));
  CHECK_CONTAINS("directory", tn_os_reason());
  CHECK_RESULT(TARN_E_UNSUPPORTED, tn_os_make(&other, at("b.board"), 0600, 101));
}

static void test_rights(void) {
  tn_os_status status;
  tn_os_file file = made("own");
  CHECK_OK(tn_os_status_of(&file, &status));
  CHECK_UINT(0600, status.mode);
  CHECK_OK(tn_os_trusted(at("own"), &status));
  tn_os_close(&file);
  CHECK_OK(tn_os_make(&file, at("all"), 01606, 0));
  CHECK_OK(tn_os_status_of(&file, &status));
  CHECK_UINT(0606, status.mode & 0707);
  CHECK_UINT(01000, status.mode & 01000);
  tn_os_close(&file);
}

/* ---- Locks ----------------------------------------------------------------------------------------------------------- */

static void test_locks_convert(void) {
  tn_os_file a = made("l"), b = opened("l", TN_OS_READ | TN_OS_WRITE);
  CHECK_INT(1, tn_os_lock(&a, byte, TN_OS_EXCLUSIVE));
  CHECK_INT(1, tn_os_lock(&a, byte, TN_OS_EXCLUSIVE));
  CHECK_INT(0, tn_os_lock(&b, byte, TN_OS_SHARED));
  CHECK_INT(1, tn_os_lock(&a, byte, TN_OS_SHARED));
  CHECK_INT(1, tn_os_lock(&b, byte, TN_OS_SHARED));
  CHECK_INT(0, tn_os_lock(&a, byte, TN_OS_EXCLUSIVE));
  CHECK_INT(1, tn_os_lock_held(&b, byte, TN_OS_EXCLUSIVE)); /* a has its shared lock back */
  CHECK_OK(tn_os_unlock(&b, byte));
  CHECK_INT(1, tn_os_lock(&a, byte, TN_OS_EXCLUSIVE));
  CHECK_INT(0, tn_os_lock_held(&a, byte, TN_OS_EXCLUSIVE)); /* its own does not count */
  CHECK_INT(1, tn_os_lock_held(&b, byte, TN_OS_SHARED));
  tn_os_close(&a);
  CHECK_INT(0, tn_os_lock_held(&b, byte, TN_OS_EXCLUSIVE));
  CHECK_OK(tn_os_locks_conflict(&b, at("l"), byte + 1));
  tn_os_close(&b);
}

/* An observer's file is read-only, yet it must see those who hold a lock shared. */
static void test_a_reader_asks_about_shared_holders(void) {
  tn_os_file a = made("l"), b = opened("l", TN_OS_READ);
  CHECK_INT(0, tn_os_lock_held(&b, byte, TN_OS_EXCLUSIVE));
  CHECK_INT(1, tn_os_lock(&a, byte, TN_OS_SHARED));
  CHECK_INT(1, tn_os_lock_held(&b, byte, TN_OS_EXCLUSIVE));
  CHECK_INT(0, tn_os_lock_held(&b, byte, TN_OS_SHARED));
  CHECK_INT(1, tn_os_lock(&b, byte, TN_OS_SHARED));
  CHECK_INT(1, tn_os_lock_held(&b, byte, TN_OS_EXCLUSIVE)); /* asked while holding it itself */
  CHECK_OK(tn_os_unlock(&a, byte));
  CHECK_INT(0, tn_os_lock_held(&b, byte, TN_OS_EXCLUSIVE));
  CHECK_INT(1, tn_os_lock_held(&a, byte, TN_OS_EXCLUSIVE)); /* asking lost nothing */
  tn_os_close(&a);
  tn_os_close(&b);
}

static void test_locks_go_though_a_view_stays(void) {
  tn_os_file a = made("l"), b = opened("l", TN_OS_READ | TN_OS_WRITE);
  void *bytes;
  CHECK_OK(tn_os_reserve(&a, 0, 65536));
  CHECK_OK(tn_os_map(&a, 0, 65536, TN_OS_READ | TN_OS_WRITE, 0, &bytes, NULL));
  CHECK_INT(1, tn_os_lock(&a, byte, TN_OS_EXCLUSIVE));
  tn_os_close(&a);
  CHECK_INT(1, tn_os_lock(&b, byte, TN_OS_EXCLUSIVE));
  ((char *)bytes)[3] = 4;
  CHECK_OK(tn_os_flush(bytes, 65536));
  CHECK_OK(tn_os_sync(&b));
  tn_os_unmap(bytes, 65536);
  tn_os_close(&b);
}

/* ---- Room ------------------------------------------------------------------------------------------------------------ */

static void test_reserving_keeps_content(void) {
  enum { SIZE = 3000000 };
  tn_os_file file = made("r");
  tn_os_status status;
  void *bytes;
  uint64_t got;
  char read[10];
  CHECK_OK(tn_os_truncate(&file, SIZE)); /* under Wine: one hole */
  CHECK_OK(tn_os_map(&file, 0, SIZE, TN_OS_READ | TN_OS_WRITE, 0, &bytes, NULL));
  memcpy((char *)bytes + 1000000, "content", 7);
  CHECK_OK(tn_os_reserve(&file, 0, SIZE + 100000));
  CHECK_MEM("content", (char *)bytes + 1000000, 7);
  CHECK_OK(tn_os_status_of(&file, &status));
  CHECK_UINT(SIZE + 100000, status.size_bytes);
  CHECK(status.occupied_bytes >= SIZE);
  CHECK_OK(tn_os_read_at(&file, SIZE + 100000 - 4, read, sizeof read, &got));
  CHECK_UINT(4, got);
  CHECK_MEM("\0\0\0\0", read, 4);
  CHECK_RESULT(TARN_E_NO_SPACE, tn_os_reserve(&file, 0, UINT64_C(1) << 60));
  CHECK_OK(tn_os_status_of(&file, &status));
  CHECK_UINT(SIZE + 100000, status.size_bytes);
  tn_os_unmap(bytes, SIZE);
  tn_os_close(&file);
}

/* ---- Sections -------------------------------------------------------------------------------------------------------- */

static void test_sections(void) {
  static const char *const spaces[] = {"", "Local\\", "Global\\"};
  for (int i = 0; i < 3; i++) {
    char name[100];
    int created = -1;
    uint64_t size = 0;
    void *bytes, *again;
    tn_os_file a, b;
    snprintf(name, sizeof name, "%starn-test-%u", spaces[i], (unsigned)tn_os_process_number());
    CHECK_RESULT(TARN_E_NOT_FOUND, tn_os_section_open(&a, name, TN_OS_READ, 0, 0, NULL, NULL));
    CHECK_OK(tn_os_section_open(&a, name, TN_OS_READ | TN_OS_WRITE, 1, 65536, &created, &size));
    CHECK_INT(1, created);
    CHECK_UINT(65536, size);
    CHECK_OK(tn_os_section_open(&b, name, TN_OS_READ, 0, 0, &created, &size));
    CHECK_INT(0, created);
    CHECK_UINT(65536, size);
    CHECK_OK(tn_os_map(&a, 0, 65536, TN_OS_READ | TN_OS_WRITE, 0, &bytes, NULL));
    CHECK_OK(tn_os_map(&b, 0, 65536, TN_OS_READ, 0, &again, NULL));
    strcpy(bytes, "through");
    CHECK_STR("through", (char *)again);
    CHECK_RESULT(TARN_E_UNSUPPORTED, tn_os_lock(&a, byte, TN_OS_SHARED));
    tn_os_unmap(bytes, 65536);
    tn_os_unmap(again, 65536);
    tn_os_close(&a);
    tn_os_close(&b);
    CHECK_RESULT(TARN_E_NOT_FOUND, tn_os_section_open(&a, name, TN_OS_READ, 0, 0, NULL, NULL));
  }
}

/* ---- Beds ------------------------------------------------------------------------------------------------------------ */

static const uint8_t identity[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static int role_sleeper(int argc, char **argv) {
  (void)argc, (void)argv;
  _Atomic uint32_t word = 0;
  tn_os_bed bed;
  CHECK_OK(tn_os_bed_make(&bed, identity, 7));
  check_say("domain %u", (unsigned)tn_os_wake_domain());
  int result = tn_os_sleep(&bed, &word, 0, INT64_C(20000000000));
  check_say("slept: %d", result);
  CHECK_RESULT(TARN_TIMED_OUT, tn_os_sleep(&bed, &word, 0, 3000000));
  CHECK_OK(tn_os_sleep(&bed, &word, 1, TARN_FOREVER)); /* not what was expected: no sleep */
  tn_os_bed_unmake(&bed);
  return 0;
}

static void test_one_process_wakes_another(void) {
  void *cache = NULL;
  char domain[40];
  snprintf(domain, sizeof domain, "domain %u", (unsigned)tn_os_wake_domain());
  CHECK(tn_os_wake_domain() != 0);
  check_process *sleeper = check_start("sleeper", NULL);
  check_expect(sleeper, domain);
  check_sleep(100000000);
  int64_t before = check_now();
  tn_os_wake_slot(&cache, identity, 7);
  check_expect(sleeper, "slept: 0");
  CHECK(check_now() - before < INT64_C(5000000000));
  CHECK_INT(0, check_wait(sleeper));
  tn_os_wake_forget(&cache);
  CHECK(cache == NULL);
}

static void test_time_goes_on(void) {
  int64_t before = tn_os_now(), unix_before = tn_os_unix_time();
  tn_os_pause(20000000);
  CHECK(tn_os_now() - before >= 19000000);
  CHECK(tn_os_unix_time() > unix_before);
  CHECK(unix_before > INT64_C(1700000000000000000));
}

static void test_processes(void) {
  tn_os_process other;
  check_process *sleeper = check_start("sleeper", NULL);
  CHECK(check_line(sleeper) != NULL);
  uint32_t number = (uint32_t)check_process_number(sleeper);
  tn_os_process_of(number, &other);
  CHECK_INT(1, other.exists);
  CHECK_CONTAINS("os_windows_test", other.name);
  check_kill(sleeper);
  CHECK_INT(-9, check_wait(sleeper));
}

static const check_test tests[] = {{"device_names", test_device_names, 0},
                                   {"paths_and_names", test_paths_and_names, 0},
                                   {"full_paths", test_full_paths, 0},
                                   {"long_paths_work", test_long_paths_work, 0},
                                   {"a_directory_of_ones_own", test_a_directory_of_ones_own, 0},
                                   {"a_killed_maker_leaves_nothing", test_a_killed_maker_leaves_nothing, 0},
                                   {"a_named_file_outlives_its_maker", test_a_named_file_outlives_its_maker, 0},
                                   {"a_name_is_given_once", test_a_name_is_given_once, 0},
                                   {"others_may_open_what_was_made", test_others_may_open_what_was_made, 0},
                                   {"a_removed_name_is_free_at_once", test_a_removed_name_is_free_at_once, 0},
                                   {"removing_leaves_nothing", test_removing_leaves_nothing, 0},
                                   {"opening_refuses", test_opening_refuses, 0},
                                   {"rights", test_rights, 0},
                                   {"locks_convert", test_locks_convert, 0},
                                   {"a_reader_asks_about_shared_holders", test_a_reader_asks_about_shared_holders, 0},
                                   {"locks_go_though_a_view_stays", test_locks_go_though_a_view_stays, 0},
                                   {"reserving_keeps_content", test_reserving_keeps_content, 0},
                                   {"sections", test_sections, 0},
                                   {"one_process_wakes_another", test_one_process_wakes_another, 0},
                                   {"time_goes_on", test_time_goes_on, 0},
                                   {"processes", test_processes, 0},
                                   {0}};
static const check_role roles[] = {{"at_home", role_at_home}, {"maker", role_maker}, {"sleeper", role_sleeper}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
