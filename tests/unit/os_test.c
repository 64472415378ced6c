/* os_test.c: the contract of the seam (src/os/os.h), the same on every system. Its calls made to fail: os_fault_test.c. What
 * is one system's own: os_linux_test.c. */
#include "../check.h"

#include "atomic.h"
#include "os/fault.h"
#include "os_files.h"
#include "tarn/base.h"

/* ---- Names and places ------------------------------------------------------------------------------------------------ */

static void test_paths(void) {
  char path[TN_OS_PATH] = "untouched", *long_path = malloc(2 * TN_OS_PATH);
  CHECK_INT(1, tn_os_is_path("a/b"));
  CHECK_INT(1, tn_os_is_path("/a"));
  CHECK_INT(0, tn_os_is_path("a.b"));
  CHECK_RESULT(TARN_E_INVALID, tn_os_full_path("", path));
  memset(long_path, 'a', 2 * TN_OS_PATH - 1);
  long_path[2 * TN_OS_PATH - 1] = 0;
  CHECK_RESULT(TARN_E_INVALID, tn_os_full_path(long_path, path));
  CHECK(*tn_os_reason());
  CHECK_STR("untouched", path);
  CHECK_INT(1, tn_os_is_device_name(""));
  CHECK_INT(1, tn_os_is_device_name(".."));
  long_path[300] = 0;
  CHECK_INT(1, tn_os_is_device_name(long_path));
  CHECK_INT(0, tn_os_is_device_name("camera.board"));
  free(long_path);
}

static void test_channel_directory(void) {
  char path[TN_OS_PATH], expected[TN_OS_PATH];
  CHECK_OK(tn_os_channel_directory(path));
  CHECK_OK(tn_os_full_path(check_directory(), expected));
  CHECK_STR(expected, path);
}

/* ---- Files ----------------------------------------------------------------------------------------------------------- */

static int stop_at_name(const char *name, void *argument) {
  (void)argument;
  return strcmp(name, "b") == 0 ? 77 : 0;
}

static void test_make_and_name(void) {
  tn_os_file file = TN_OS_NO_FILE, second = TN_OS_NO_FILE, other = TN_OS_NO_FILE;
  tn_os_status status;
  CHECK_OK(tn_os_make(&file, os_full("a"), 0600, 0));
  CHECK_RESULT(TARN_E_NOT_FOUND, tn_os_open(&other, os_full("a"), BOTH, 1));
  CHECK_INT(-1, other.handle);
  CHECK_INT(0, tn_os_leads_here(&file, os_full("a")));
  CHECK_OK(tn_os_name(&file, os_full("a")));
  CHECK_INT(1, tn_os_leads_here(&file, os_full("a")));
  CHECK_INT(1, os_names_here());
  CHECK_OK(tn_os_status_of(&file, &status));
  CHECK_UINT(0, status.size_bytes);
  CHECK(tn_os_unix_time() - status.modified_ns < 60000 * MS && status.modified_ns - tn_os_unix_time() < 60000 * MS);
  CHECK_OK(tn_os_make(&second, os_full("a"), 0600, 0));
  CHECK_RESULT(TARN_E_EXISTS, tn_os_name(&second, os_full("a")));
  CHECK_INT(0, tn_os_leads_here(&second, os_full("a")));
  tn_os_close(&second);
  CHECK_INT(-1, second.handle);
  CHECK_INT(-1, second.locks);
  CHECK_INT(1, os_names_here());
  tn_os_close(&file);
  CHECK_INT(1, os_names_here());
}

static void test_make_and_give_up(void) {
  tn_os_file file = TN_OS_NO_FILE;
  CHECK_OK(tn_os_make(&file, os_full("a"), 0600, 0));
  CHECK_OK(tn_os_reserve(&file, 0, MIB));
  tn_os_close(&file);
  CHECK_INT(0, os_names_here());
  tn_os_close(&file); /* closing nothing does nothing */
}

static int role_makes_and_dies(int argc, char **argv) {
  (void)argc, (void)argv;
  tn_os_file file = TN_OS_NO_FILE;
  CHECK_OK(tn_os_make(&file, os_full("a"), 0600, 0));
  CHECK_OK(tn_os_reserve(&file, 0, MIB));
  check_say("made");
  check_hear();
  return 0;
}

static void test_make_and_die(void) {
  check_process *maker = check_start("makes_and_dies", NULL);
  check_expect(maker, "made");
  check_kill(maker);
  CHECK_INT(-9, check_wait(maker));
  CHECK_INT(0, os_names_here());
}

static void test_make_nowhere(void) {
  tn_os_file file = TN_OS_NO_FILE;
  CHECK_RESULT(TARN_E_NOT_FOUND, tn_os_make(&file, os_full("no-such-directory/a"), 0600, 0));
  CHECK_INT(-1, file.handle);
  CHECK(*tn_os_reason());
  CHECK(tn_os_reason_number() != 0);
  tn_os_file there = os_make_file("there", 100);
  CHECK_RESULT(TARN_E_NOT_FOUND, tn_os_make(&file, os_full("there/a"), 0600, 0));
  CHECK_STR("that is no directory", tn_os_reason());
  CHECK_INT(0, tn_os_reason_number());
  tn_os_close(&there);
}

static void test_open(void) {
  tn_os_file made = os_make_file("a", 3 * MIB), file = TN_OS_NO_FILE, reader = TN_OS_NO_FILE;
  tn_os_status status;
  CHECK_RESULT(TARN_E_NOT_FOUND, tn_os_open(&file, os_full("b"), TN_OS_READ, 1));
  char directory[TN_OS_PATH];
  CHECK_OK(tn_os_full_path(check_directory(), directory));
  CHECK_RESULT(TARN_E_KIND, tn_os_open(&file, directory, TN_OS_READ, 1));
  CHECK_CONTAINS("directory", tn_os_reason());
  CHECK_INT(-1, file.handle);
  CHECK_OK(tn_os_open(&file, os_full("a"), BOTH, 1));
  CHECK_OK(tn_os_open(&reader, os_full("a"), TN_OS_READ, 0));
  CHECK(file.device == made.device && file.inode == made.inode);
  CHECK_OK(tn_os_status_of(&reader, &status));
  CHECK_UINT(3 * MIB, status.size_bytes);
  CHECK(status.occupied_bytes >= 3 * MIB);
  CHECK(status.medium == TN_OS_MEMORY || status.medium == TN_OS_DISK || status.medium == TN_OS_NETWORK);
  CHECK_OK(tn_os_still_ours(&file));
  tn_os_close(&file);
  tn_os_close(&reader);
  tn_os_close(&made);
}

static void test_remove(void) {
  tn_os_file file = os_make_file("a", 4096), other = os_make_file("b", 4096);
  CHECK_RESULT(TARN_E_NOT_FOUND, tn_os_remove(&file, os_full("b")));
  CHECK_RESULT(TARN_E_NOT_FOUND, tn_os_remove(&file, os_full("c")));
  CHECK_INT(2, os_names_here());
  CHECK_OK(tn_os_remove(&file, os_full("a")));
  CHECK_INT(0, tn_os_leads_here(&file, os_full("a")));
  tn_os_file again = os_make_file("a", 4096); /* the name is free at once, though the first file is still open */
  CHECK_INT(0, tn_os_leads_here(&file, os_full("a")));
  uint8_t *view = os_map(&file, 0, 4096, BOTH);
  view[0] = 1; /* open users go on */
  tn_os_unmap(view, 4096);
  tn_os_close(&file);
  tn_os_close(&again);
  tn_os_close(&other);
  CHECK_OK(tn_os_remove_path(os_full("a")));
  CHECK_OK(tn_os_remove_path(os_full("b")));
  CHECK_RESULT(TARN_E_NOT_FOUND, tn_os_remove_path(os_full("b")));
  CHECK_INT(0, os_names_here());
}

static void test_each_name(void) {
  static const char *const names[] = {"a", "b", "c"};
  for (int i = 0; i < 3; i++) {
    tn_os_file file = os_make_file(names[i], 4096);
    tn_os_close(&file);
  }
  char directory[TN_OS_PATH];
  CHECK_INT(3, os_names_here());
  CHECK_OK(tn_os_full_path(check_directory(), directory));
  CHECK_INT(77, tn_os_each_name(directory, stop_at_name, NULL));
  int count = 0;
  CHECK_RESULT(TARN_E_NOT_FOUND, tn_os_each_name(os_full("d"), os_count_name, &count));
}

static void test_trusted_own(void) {
  tn_os_file file = os_make_file("a", 4096);
  tn_os_status status;
  CHECK_OK(tn_os_status_of(&file, &status));
  CHECK_OK(tn_os_trusted(os_full("a"), &status));
  tn_os_close(&file);
}

/* ---- Room and content ------------------------------------------------------------------------------------------------ */

static void test_read_at(void) {
  tn_os_file file = os_make_file("a", 4096), reader = os_open_file("a", TN_OS_READ);
  uint8_t *view = os_map(&file, 0, 4096, BOTH), buffer[64];
  for (int i = 0; i < 4096; i++) view[i] = (uint8_t)(i * 7);
  uint64_t got = 99;
  CHECK_OK(tn_os_read_at(&reader, 100, buffer, 64, &got));
  CHECK_UINT(64, got);
  CHECK_MEM(view + 100, buffer, 64);
  CHECK_OK(tn_os_read_at(&reader, 4090, buffer, 64, &got));
  CHECK_UINT(6, got);
  CHECK_OK(tn_os_read_at(&reader, 5000, buffer, 64, &got));
  CHECK_UINT(0, got);
  CHECK_OK(tn_os_sync(&file));
  tn_os_unmap(view, 4096);
  tn_os_close(&reader);
  tn_os_close(&file);
}

static bool all_zero(const tn_os_file *file, uint64_t offset, uint64_t length) {
  uint8_t buffer[4096];
  for (uint64_t at = 0; at < length; at += sizeof buffer) {
    uint64_t got = 0;
    CHECK_OK(tn_os_read_at(file, offset + at, buffer, sizeof buffer, &got));
    CHECK_UINT(sizeof buffer, got);
    for (size_t i = 0; i < sizeof buffer; i++)
      if (buffer[i]) return false;
  }
  return true;
}

static void test_reserve(void) {
  tn_os_file file = os_make_file("a", 64 << 10);
  tn_os_status status;
  uint8_t *view = os_map(&file, 0, 64 << 10, BOTH);
  memset(view, 0xaa, 64 << 10);
  CHECK_OK(tn_os_reserve(&file, 0, MIB));
  CHECK_UINT(MIB, os_size_of(&file));
  CHECK_UINT(0xaa, view[0]);
  CHECK_UINT(0xaa, view[(64 << 10) - 1]);
  CHECK(all_zero(&file, 64 << 10, MIB - (64 << 10)));
  CHECK_OK(tn_os_reserve(&file, 4096, 4096)); /* within: nothing changes */
  CHECK_UINT(MIB, os_size_of(&file));
  CHECK_OK(tn_os_reserve(&file, 4 * MIB, 0)); /* nothing asked for */
  CHECK_UINT(MIB, os_size_of(&file));
  CHECK_OK(tn_os_reserve(&file, 2 * MIB, MIB));
  CHECK_UINT(3 * MIB, os_size_of(&file));
  CHECK_OK(tn_os_status_of(&file, &status));
  CHECK(status.occupied_bytes >= 2 * MIB);
  tn_os_unmap(view, 64 << 10);
  tn_os_close(&file);
}

/* Far more than any file system or machine here has: refused before anything is taken from anybody. */
static void test_reserve_too_much(void) {
  tn_os_file file = os_make_file("a", 64 << 10);
  CHECK_RESULT(TARN_E_NO_SPACE, tn_os_reserve(&file, 0, UINT64_C(1) << 42));
  CHECK(*tn_os_reason());
  CHECK_UINT(64 << 10, os_size_of(&file));
  int result = tn_os_reserve(&file, UINT64_MAX - 4096, 8192);
  CHECK(result == TARN_E_TOO_LARGE || result == TARN_E_NO_SPACE);
  CHECK_UINT(64 << 10, os_size_of(&file));
  tn_os_close(&file);
}

static void test_truncate_and_room(void) {
  tn_os_file file = os_make_file("a", MIB);
  CHECK_OK(tn_os_truncate(&file, 12345));
  CHECK_UINT(12345, os_size_of(&file));
  CHECK_OK(tn_os_truncate(&file, MIB));
  CHECK(all_zero(&file, 16384, MIB - 16384));
  tn_os_give_back(&file, 64 << 10, 64 << 10);
  CHECK_UINT(MIB, os_size_of(&file));
  CHECK(tn_os_room(&file) >= MIB);
  tn_os_close(&file);
}

/* ---- Locks ----------------------------------------------------------------------------------------------------------- */

static void test_locks(void) {
  tn_os_file one = os_make_file("a", 4096), two = os_open_file("a", BOTH);
  CHECK_INT(1, tn_os_lock(&one, BYTE, TN_OS_EXCLUSIVE));
  CHECK_INT(0, tn_os_lock(&two, BYTE, TN_OS_EXCLUSIVE));
  CHECK_INT(0, tn_os_lock(&two, BYTE, TN_OS_SHARED));
  CHECK_INT(1, tn_os_lock_held(&two, BYTE, TN_OS_SHARED));
  CHECK_INT(1, tn_os_lock_held(&two, BYTE, TN_OS_EXCLUSIVE));
  CHECK_INT(0, tn_os_lock_held(&two, BYTE + 1, TN_OS_EXCLUSIVE));
  CHECK_INT(1, tn_os_lock(&two, BYTE + 1, TN_OS_EXCLUSIVE)); /* the byte beside it is free */
  CHECK_OK(tn_os_unlock(&one, BYTE));
  CHECK_INT(0, tn_os_lock_held(&two, BYTE, TN_OS_SHARED));
  CHECK_INT(1, tn_os_lock(&one, BYTE, TN_OS_SHARED));
  CHECK_INT(1, tn_os_lock(&two, BYTE, TN_OS_SHARED));
  CHECK_INT(0, tn_os_lock_held(&two, BYTE, TN_OS_SHARED)); /* blind to shared holders */
  CHECK_INT(1, tn_os_lock_held(&two, BYTE, TN_OS_EXCLUSIVE));
  CHECK_INT(0, tn_os_lock(&two, BYTE, TN_OS_EXCLUSIVE));
  tn_os_close(&one);
  CHECK_INT(1, tn_os_lock(&two, BYTE, TN_OS_EXCLUSIVE));
  tn_os_close(&two);
}

/* Closing unlocks although a mapping keeps the opening alive. */
static void test_close_unlocks(void) {
  tn_os_file one = os_make_file("a", 4096), two = os_open_file("a", BOTH);
  uint8_t *view = os_map(&one, 0, 4096, BOTH);
  CHECK_INT(1, tn_os_lock(&one, BYTE, TN_OS_EXCLUSIVE));
  tn_os_close(&one);
  CHECK_INT(0, tn_os_lock_held(&two, BYTE, TN_OS_EXCLUSIVE));
  CHECK_INT(1, tn_os_lock(&two, BYTE, TN_OS_EXCLUSIVE));
  tn_os_unmap(view, 4096);
  tn_os_close(&two);
}

static int role_holder(int argc, char **argv) {
  (void)argc, (void)argv;
  tn_os_file file = os_open_file("a", BOTH);
  CHECK_INT(1, tn_os_lock(&file, BYTE, TN_OS_EXCLUSIVE));
  os_map(&file, 0, 4096, BOTH);
  check_say("locked");
  check_hear();
  return 0;
}

static void test_death_unlocks(void) {
  tn_os_file file = os_make_file("a", 4096);
  check_process *holder = check_start("holder", NULL);
  check_expect(holder, "locked");
  CHECK_INT(1, tn_os_lock_held(&file, BYTE, TN_OS_SHARED));
  CHECK_INT(0, tn_os_lock(&file, BYTE, TN_OS_SHARED));
  check_kill(holder);
  CHECK_INT(-9, check_wait(holder));
  CHECK_INT(0, tn_os_lock_held(&file, BYTE, TN_OS_EXCLUSIVE));
  CHECK_INT(1, tn_os_lock(&file, BYTE, TN_OS_EXCLUSIVE));
  tn_os_close(&file);
}

static void test_locks_conflict(void) {
  tn_os_file file = os_make_file("a", 4096), second = os_open_file("a", BOTH);
  CHECK_OK(tn_os_locks_conflict(&file, os_full("a"), BYTE));
  CHECK_INT(0, tn_os_lock_held(&second, BYTE, TN_OS_EXCLUSIVE)); /* nothing is left locked */
  tn_fault_locks_never_conflict(1);
  CHECK_RESULT(TARN_E_UNSUPPORTED, tn_os_locks_conflict(&file, os_full("a"), BYTE));
  CHECK(*tn_os_reason());
  CHECK_INT(1, tn_os_lock(&file, BYTE, TN_OS_EXCLUSIVE));
  CHECK_INT(1, tn_os_lock(&second, BYTE, TN_OS_EXCLUSIVE));
  CHECK_INT(0, tn_os_lock_held(&second, BYTE, TN_OS_EXCLUSIVE));
  tn_fault_locks_never_conflict(0);
  CHECK_OK(tn_os_locks_conflict(&file, os_full("a"), BYTE));
  tn_os_close(&second);
  tn_os_close(&file);
}

/* Before it has a name, too: that is when a creator asks. */
static void test_locks_conflict_nameless(void) {
  tn_os_file file = TN_OS_NO_FILE;
  CHECK_OK(tn_os_make(&file, os_full("a"), 0600, 0));
  CHECK_OK(tn_os_locks_conflict(&file, os_full("a"), BYTE));
  tn_os_close(&file);
}

/* ---- Mappings -------------------------------------------------------------------------------------------------------- */

static void test_map(void) {
  uint32_t step = tn_os_capabilities()->granularity;
  CHECK(step == 4096 || step == 16384 || step == 65536);
  tn_os_file file = os_make_file("a", 4 * step), reader = os_open_file("a", TN_OS_READ);
  uint8_t *writes = os_map(&file, 0, 4 * step, BOTH), *reads = os_map(&reader, step, step + 5, TN_OS_READ);
  writes[step + 3] = 42;
  CHECK_UINT(42, reads[3]);
  void *address = NULL;
  CHECK_OK(tn_os_map(&reader, 0, 2 * step, TN_OS_READ, TN_OS_MAP_COPY, &address, NULL));
  uint8_t *copy = address;
  CHECK_UINT(42, copy[step + 3]);
  copy[step + 3] = 43;
  CHECK_UINT(42, reads[3]);
  CHECK_OK(tn_os_flush(writes + 5, step));
  tn_os_unmap(copy, 2 * step);
  tn_os_unmap(reads, step + 5);
  tn_os_close(&file);
  writes[0] = 7; /* outlives the file that it was made from */
  uint64_t got;
  uint8_t byte = 0;
  CHECK_OK(tn_os_read_at(&reader, 0, &byte, 1, &got));
  CHECK_UINT(7, byte);
  tn_os_unmap(writes, 4 * step);
  tn_os_close(&reader);
}

static void test_map_failures(void) {
  tn_os_file file = os_make_file("a", 65536), reader = os_open_file("a", TN_OS_READ);
  void *address = &file;
  uint32_t granted = 99;
  CHECK_RESULT(TARN_E_INVALID, tn_os_map(&file, 0, 0, BOTH, 0, &address, &granted));
  CHECK_RESULT(TARN_E_PERMISSION, tn_os_map(&reader, 0, 65536, BOTH, 0, &address, &granted));
  CHECK(tn_os_map(&file, 0, UINT64_MAX / 2, BOTH, 0, &address, &granted) < 0);
  CHECK(address == &file);
  CHECK_UINT(99, granted);
  tn_os_close(&reader);
  tn_os_close(&file);
}

static void test_map_requests(void) {
  tn_os_file file = os_make_file("a", MIB);
  void *address = NULL;
  uint32_t granted = 99, asked = TN_OS_MAP_PREFAULT | TN_OS_MAP_LOCK | TN_OS_MAP_INHERIT;
  CHECK_OK(tn_os_map(&file, 0, MIB, BOTH, asked, &address, &granted));
  CHECK((granted & ~(uint32_t)(TN_OS_MAP_PREFAULT | TN_OS_MAP_LOCK)) == 0);
  CHECK(granted & TN_OS_MAP_PREFAULT);
  memset(address, 1, MIB);
  tn_os_unmap(address, MIB);
  CHECK_OK(tn_os_map(&file, 0, MIB, BOTH, 0, &address, &granted));
  CHECK_UINT(0, granted);
  tn_os_unmap(address, MIB);
  tn_os_close(&file);
}

/* ---- Sleeping and waking --------------------------------------------------------------------------------------------- */

static const uint8_t identity[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static void wake_sleeper(const _Atomic uint32_t *word, uint32_t slot) {
  void *cache = NULL;
  if (tn_os_capabilities()->shared_futex)
    tn_os_wake(word, INT32_MAX);
  else
    tn_os_wake_slot(&cache, identity, slot);
  tn_os_wake_forget(&cache);
  CHECK(cache == NULL);
}

static void test_sleep_alone(void) {
  tn_os_file file = os_make_file("a", 65536);
  tn_atomic32 *word = (tn_atomic32 *)(void *)os_map(&file, 0, 65536, BOTH);
  tn_os_bed bed;
  CHECK_OK(tn_os_bed_make(&bed, identity, 3));
  if (tn_os_capabilities()->shared_futex) CHECK_OK(tn_os_sleep(&bed, word, 1, 10000 * MS)); /* it is 0, not 1 */
  int64_t start = tn_os_now();
  CHECK_RESULT(TARN_TIMED_OUT, tn_os_sleep(&bed, word, 0, 30 * MS));
  int64_t slept = tn_os_now() - start;
  CHECK(slept >= 29 * MS);
  CHECK(slept < 5000 * MS);
  CHECK_RESULT(TARN_TIMED_OUT, tn_os_sleep(&bed, word, 0, 0));
  CHECK_INT(0, tn_os_wake(word, 1)); /* nobody sleeps */
  tn_os_bed_unmake(&bed);
  tn_os_close(&file);
}

/* Sleeps on a read-only mapping, as a reader does. Says how often it was woken. */
static int role_sleeper(int argc, char **argv) {
  (void)argc, (void)argv;
  tn_os_file file = os_open_file("a", TN_OS_READ);
  const tn_atomic32 *word = (const tn_atomic32 *)(void *)os_map(&file, 0, 65536, TN_OS_READ);
  tn_os_bed bed;
  CHECK_OK(tn_os_bed_make(&bed, identity, 5));
  check_say("ready");
  int result = TARN_TIMED_OUT;
  while (tn_load_acquire(word) == 0) /* [T1] */
    result = tn_os_sleep(&bed, word, 0, 20000 * MS);
  check_say("result %d", result);
  tn_os_bed_unmake(&bed);
  return 0;
}

static void test_wake_other_process(void) {
  tn_os_file file = os_make_file("a", 65536);
  tn_atomic32 *word = (tn_atomic32 *)(void *)os_map(&file, 0, 65536, BOTH);
  check_process *sleeper = check_start("sleeper", NULL);
  check_expect(sleeper, "ready");
  check_sleep(50 * MS);
  int64_t start = tn_os_now();
  tn_store_release(word, 1); /* [T1] pairs with the acquire in the sleeper */
  wake_sleeper(word, 5);
  check_expect(sleeper, "result 0");
  CHECK(tn_os_now() - start < 5000 * MS);
  CHECK_INT(0, check_wait(sleeper));
  tn_os_close(&file);
}

static void test_barrier(void) {
  int joined = tn_os_barrier_join();
  CHECK(joined == 0 || joined == 1);
  CHECK_INT(joined, tn_os_barrier_join());
  if (joined) CHECK_INT(1, tn_os_barrier());
}

/* ---- Events, threads, time, process ---------------------------------------------------------------------------------- */

static void set_event_later(void *argument) {
  tn_os_pause(20 * MS);
  tn_os_event_set(*(const intptr_t *)argument);
}

static void test_events(void) {
  intptr_t event = -1, thread;
  CHECK_OK(tn_os_event_make(&event));
  CHECK_RESULT(TARN_TIMED_OUT, tn_os_event_wait(event, 0));
  tn_os_event_set(event);
  tn_os_event_set(event);
  CHECK_OK(tn_os_event_wait(event, 0));
  CHECK_OK(tn_os_event_wait(event, 1000 * MS)); /* stays set */
  tn_os_event_clear(event);
  tn_os_event_clear(event);
  int64_t start = tn_os_now();
  CHECK_RESULT(TARN_TIMED_OUT, tn_os_event_wait(event, 20 * MS));
  CHECK(tn_os_now() - start >= 19 * MS);
  CHECK_OK(tn_os_thread_start(&thread, set_event_later, &event));
  CHECK_OK(tn_os_event_wait(event, TARN_FOREVER));
  tn_os_thread_join(thread);
  tn_os_event_close(event);
}

static void test_time(void) {
  int64_t start = tn_os_now(), unix_start = tn_os_unix_time();
  tn_os_pause(20 * MS);
  CHECK(tn_os_now() - start >= 19 * MS);
  CHECK(tn_os_now() - start < 5000 * MS);
  CHECK(unix_start > INT64_C(1600000000) * 1000 * MS);
  tn_os_pause(0);
  tn_os_pause(-5);
}

static void test_random(void) {
  uint8_t one[32] = {0}, two[32] = {0};
  CHECK_OK(tn_os_random(one, sizeof one));
  CHECK_OK(tn_os_random(two, sizeof two));
  CHECK(memcmp(one, two, sizeof one) != 0);
  CHECK_OK(tn_os_random(one, 0));
}

static void test_process(void) {
  tn_os_process process;
  CHECK(tn_os_capabilities()->cpus >= 1);
  CHECK(tn_os_process_number() != 0);
  CHECK_UINT(tn_os_process_space(), tn_os_process_space());
  tn_os_process_of(tn_os_process_number(), &process);
  CHECK_INT(1, process.exists);
  CHECK_INT(0, process.stopped);
  CHECK_CONTAINS("os_test", process.name);
  uint32_t life = tn_os_life();
  CHECK(life != 0);
  CHECK_UINT(life, tn_os_life());
  uint8_t one[16] = {0}, two[16] = {0}, none[16] = {0};
  if (tn_os_boot_id(one)) {
    CHECK_INT(1, tn_os_boot_id(two));
    CHECK_MEM(one, two, 16);
    CHECK(memcmp(one, none, 16) != 0);
  }
}

static void test_process_ended(void) {
  check_process *holder = check_start("waiter", NULL);
  tn_os_process process;
  uint32_t number = (uint32_t)check_process_number(holder);
  check_expect(holder, "ready");
  tn_os_process_of(number, &process);
  CHECK_INT(1, process.exists);
  check_kill(holder);
  check_wait(holder);
  tn_os_process_of(number, &process);
  CHECK_INT(0, process.exists);
}

static int role_waiter(int argc, char **argv) {
  (void)argc, (void)argv;
  check_say("ready");
  check_hear();
  return 0;
}

static const check_test tests[] = {{"paths", test_paths, 0},
                                   {"channel_directory", test_channel_directory, 0},
                                   {"make_and_name", test_make_and_name, 0},
                                   {"make_and_give_up", test_make_and_give_up, 0},
                                   {"make_and_die", test_make_and_die, 0},
                                   {"make_nowhere", test_make_nowhere, 0},
                                   {"open", test_open, 0},
                                   {"remove", test_remove, 0},
                                   {"each_name", test_each_name, 0},
                                   {"trusted_own", test_trusted_own, 0},
                                   {"read_at", test_read_at, 0},
                                   {"reserve", test_reserve, 0},
                                   {"reserve_too_much", test_reserve_too_much, 0},
                                   {"truncate_and_room", test_truncate_and_room, 0},
                                   {"locks", test_locks, 0},
                                   {"close_unlocks", test_close_unlocks, 0},
                                   {"death_unlocks", test_death_unlocks, 0},
                                   {"locks_conflict", test_locks_conflict, 0},
                                   {"locks_conflict_nameless", test_locks_conflict_nameless, 0},
                                   {"map", test_map, 0},
                                   {"map_failures", test_map_failures, 0},
                                   {"map_requests", test_map_requests, 0},
                                   {"sleep_alone", test_sleep_alone, 0},
                                   {"wake_other_process", test_wake_other_process, 0},
                                   {"barrier", test_barrier, 0},
                                   {"events", test_events, 0},
                                   {"time", test_time, 0},
                                   {"random", test_random, 0},
                                   {"process", test_process, 0},
                                   {"process_ended", test_process_ended, 0},
                                   {0}};

static const check_role roles[] = {
    {"makes_and_dies", role_makes_and_dies}, {"holder", role_holder}, {"sleeper", role_sleeper}, {"waiter", role_waiter}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
