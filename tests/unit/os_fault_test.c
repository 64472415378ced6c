/* os_fault_test.c: each call of the seam made to fail once, and the ways to ask for that (src/os/fault.h): a test that trusts
 * in a fault or a kill that does not come proves nothing. */
#include "../check.h"

#include "atomic.h"
#include "os/fault.h"
#include "os_files.h"
#include "tarn/base.h"

static const uint8_t identity[16] = {1, 2, 3};

/* ---- Each call made to fail once --------------------------------------------------------------------------------------- */

/* What every call below works on. */
static struct {
  tn_os_file file;
  tn_os_status status;
  uint8_t *view;
} on;

static char path_out[TN_OS_PATH];

/* Results: what the call returned. What it must leave alone on failure is checked here. */
static int call_full_path(void) { return tn_os_full_path(check_path("a"), path_out); }
static int call_channel_directory(void) { return tn_os_channel_directory(path_out); }

static int call_make(void) {
  tn_os_file file = TN_OS_NO_FILE;
  int result = tn_os_make(&file, os_full("m"), 0600, 0);
  CHECK((file.handle == -1) == (result != 0));
  tn_os_close(&file);
  return result;
}

static int call_name(void) {
  tn_os_file file = TN_OS_NO_FILE;
  CHECK_OK(tn_os_make(&file, os_full("m"), 0600, 0));
  int result = tn_os_name(&file, os_full("m"));
  if (result == 0) CHECK_OK(tn_os_remove(&file, os_full("m")));
  tn_os_close(&file);
  CHECK_INT(1, os_names_here());
  return result;
}

static int call_open(void) {
  tn_os_file file = TN_OS_NO_FILE;
  int result = tn_os_open(&file, os_full("a"), BOTH, 1);
  CHECK((file.handle == -1) == (result != 0));
  tn_os_close(&file);
  return result;
}

static int call_status_of(void) {
  tn_os_status status = {.size_bytes = 99};
  int result = tn_os_status_of(&on.file, &status);
  CHECK((status.size_bytes == 99) == (result != 0));
  return result;
}

static int call_still_ours(void) { return tn_os_still_ours(&on.file); }
static int call_leads_here(void) { return tn_os_leads_here(&on.file, os_full("a")); }

static int call_remove(void) {
  tn_os_file file = os_make_file("m", 4096);
  int result = tn_os_remove(&file, os_full("m"));
  tn_os_close(&file);
  CHECK_INT(result ? 2 : 1, os_names_here());
  if (result) CHECK_OK(tn_os_remove_path(os_full("m")));
  return result;
}

static int call_remove_path(void) {
  tn_os_file file = os_make_file("m", 4096);
  tn_os_close(&file);
  int result = tn_os_remove_path(os_full("m"));
  if (result) CHECK_OK(tn_os_remove_path(os_full("m")));
  return result;
}

static int call_trusted(void) { return tn_os_trusted(os_full("a"), &on.status); }

static int call_reserve(void) {
  int result = tn_os_reserve(&on.file, 0, 2 * MIB);
  CHECK_UINT(result ? MIB : 2 * MIB, os_size_of(&on.file));
  return result;
}

static int call_truncate(void) {
  int result = tn_os_truncate(&on.file, 3 * MIB);
  CHECK_UINT(result ? 2 * MIB : 3 * MIB, os_size_of(&on.file));
  return result;
}

static int call_room(void) { return tn_os_room(&on.file) == UINT64_MAX; }

static int call_read_at(void) {
  uint64_t got = 99;
  uint8_t byte = 0;
  int result = tn_os_read_at(&on.file, 0, &byte, 1, &got);
  CHECK_UINT(result ? 99 : 1, got);
  return result;
}

static int call_sync(void) { return tn_os_sync(&on.file); }
static int call_flush(void) { return tn_os_flush(on.view, 100); }

static int call_each_name(void) {
  int count = 0;
  char directory[TN_OS_PATH];
  CHECK_OK(tn_os_full_path(check_directory(), directory));
  return tn_os_each_name(directory, os_count_name, &count);
}

static int call_lock(void) { return tn_os_lock(&on.file, BYTE, TN_OS_EXCLUSIVE); }
static int call_lock_held(void) { return tn_os_lock_held(&on.file, BYTE, TN_OS_EXCLUSIVE); }
static int call_unlock(void) { return tn_os_unlock(&on.file, BYTE); }
static int call_locks_conflict(void) { return tn_os_locks_conflict(&on.file, os_full("a"), BYTE + 1); }

static int call_map(void) {
  void *address = NULL;
  int result = tn_os_map(&on.file, 0, 4096, BOTH, 0, &address, NULL);
  CHECK((address == NULL) == (result != 0));
  if (address) tn_os_unmap(address, 4096);
  return result;
}

static int call_bed_make(void) {
  tn_os_bed bed = {99};
  int result = tn_os_bed_make(&bed, identity, 9);
  CHECK((bed.event == 99) == (result != 0));
  if (!result) tn_os_bed_unmake(&bed);
  return result;
}

static int call_sleep(void) {
  tn_os_bed bed;
  CHECK_OK(tn_os_bed_make(&bed, identity, 9));
  int result = tn_os_sleep(&bed, (const tn_atomic32 *)(void *)on.view, 0, MS);
  tn_os_bed_unmake(&bed);
  return result;
}

static int call_barrier_join(void) { return !tn_os_barrier_join(); }
static int call_barrier(void) { return !tn_os_barrier(); }

static int call_event_make(void) {
  intptr_t event = 99;
  int result = tn_os_event_make(&event);
  CHECK(result == 0 || event == 99);
  if (!result) tn_os_event_close(event);
  return result;
}

static int call_event_wait(void) {
  intptr_t event;
  CHECK_OK(tn_os_event_make(&event));
  tn_os_event_set(event);
  int result = tn_os_event_wait(event, 1000 * MS);
  tn_os_event_close(event);
  return result;
}

static void count_up(void *argument) { tn_add((tn_atomic32 *)argument, 1); }

static int call_thread_start(void) {
  intptr_t thread;
  tn_atomic32 ran = 0;
  int result = tn_os_thread_start(&thread, count_up, &ran);
  if (!result) tn_os_thread_join(thread);
  CHECK_UINT(result ? 0 : 1, tn_load_acquire(&ran)); /* nobody else is there any more */
  return result;
}

static int call_random(void) {
  uint8_t bytes[4];
  return tn_os_random(bytes, sizeof bytes);
}

static int call_boot_id(void) {
  uint8_t id[16];
  return !tn_os_boot_id(id);
}

/* result: what a faulted call returns. Where whether it can work at all depends on the system, only the fault's result counts.
 */
static const struct {
  const char *call;
  int (*run)(void);
  int result, may_not_work;
} calls[] = {{"full_path", call_full_path, TARN_E_INVALID, 0},
             {"channel_directory", call_channel_directory, TARN_E_SYSTEM, 0},
             {"make", call_make, TARN_E_NO_SPACE, 0},
             {"name", call_name, TARN_E_SYSTEM, 0},
             {"open", call_open, TARN_E_PERMISSION, 0},
             {"status_of", call_status_of, TARN_E_SYSTEM, 0},
             {"still_ours", call_still_ours, TARN_E_EVICTED, 0},
             {"leads_here", call_leads_here, TARN_E_SYSTEM, 0},
             {"remove", call_remove, TARN_E_PERMISSION, 0},
             {"remove_path", call_remove_path, TARN_E_SYSTEM, 0},
             {"trusted", call_trusted, TARN_E_PERMISSION, 0},
             {"reserve", call_reserve, TARN_E_NO_SPACE, 0},
             {"truncate", call_truncate, TARN_E_NO_SPACE, 0},
             {"room", call_room, 1, 0},
             {"read_at", call_read_at, TARN_E_SYSTEM, 0},
             {"sync", call_sync, TARN_E_SYSTEM, 0},
             {"flush", call_flush, TARN_E_SYSTEM, 0},
             {"each_name", call_each_name, TARN_E_SYSTEM, 0},
             {"lock", call_lock, TARN_E_SYSTEM, 0},
             {"lock_held", call_lock_held, TARN_E_SYSTEM, 0},
             {"unlock", call_unlock, TARN_E_SYSTEM, 0},
             {"locks_conflict", call_locks_conflict, TARN_E_UNSUPPORTED, 0},
             {"map", call_map, TARN_E_NO_SPACE, 0},
             {"bed_make", call_bed_make, TARN_E_SYSTEM, 0},
             {"sleep", call_sleep, TARN_WOKEN, 0},
             {"barrier_join", call_barrier_join, 1, 1},
             {"barrier", call_barrier, 1, 1},
             {"event_make", call_event_make, TARN_E_SYSTEM, 0},
             {"event_wait", call_event_wait, TARN_TIMED_OUT, 0},
             {"thread_start", call_thread_start, TARN_E_SYSTEM, 0},
             {"random", call_random, TARN_E_SYSTEM, 0},
             {"boot_id", call_boot_id, 1, 1}};

static void test_each_call_fails_once(void) {
  on.file = os_make_file("a", MIB);
  on.view = os_map(&on.file, 0, MIB, BOTH);
  CHECK_OK(tn_os_status_of(&on.file, &on.status));
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    tn_fault_set(calls[i].call, 1, 1, 0);
    int faulted = calls[i].run();
    if (faulted != calls[i].result) printf("call %s, made to fail\n", calls[i].call);
    CHECK_INT(calls[i].result, faulted);
    if (faulted <= TARN_E_INVALID) CHECK_CONTAINS(calls[i].call, tn_os_reason());
    CHECK(tn_fault_count(calls[i].call) >= 1);
    int second = calls[i].run();
    if (second == faulted && !calls[i].may_not_work) printf("call %s, after its fault\n", calls[i].call);
    CHECK(second != faulted || calls[i].may_not_work);
  }
  tn_fault_set(NULL, 0, 0, 0);
  tn_os_unmap(on.view, MIB);
  tn_os_close(&on.file);
}

/* ---- How faults and steps are asked for ------------------------------------------------------------------------------- */

static int ask(int times, char ret_answers[16]) {
  for (int i = 0; i < times; i++) ret_answers[i] = (char)('0' + tn_fault("one"));
  ret_answers[times] = 0;
  return times;
}

static void test_fault_times(void) {
  char answers[16];
  tn_fault_set("one", 3, 1, 0);
  ask(5, answers);
  CHECK_STR("00100", answers);
  CHECK_UINT(5, tn_fault_count("one"));
  tn_fault_set("one", 2, 2, 0);
  ask(5, answers);
  CHECK_STR("01100", answers);
  tn_fault_set("one", 2, 0, TARN_E_CORRUPT);
  ask(5, answers);
  CHECK_STR("01111", answers);
  CHECK_INT(TARN_E_CORRUPT, tn_fault_code("one"));
  tn_fault_set("*", 2, 1, 0);
  CHECK_INT(0, tn_fault("two"));
  CHECK_INT(0, tn_fault("two.inside")); /* not one of "any" */
  CHECK_INT(1, tn_fault("one"));
  CHECK_INT(0, tn_fault("two"));
  CHECK_UINT(3, tn_fault_count("*"));
  CHECK_UINT(2, tn_fault_count("two"));
  tn_fault_set("", 1, 1, 0);
  ask(3, answers);
  CHECK_STR("000", answers);
  CHECK_INT(TARN_E_NO_SPACE, tn_fault_code("reserve"));
}

static int role_faults(int argc, char **argv) {
  (void)argc, (void)argv;
  char answers[16];
  ask(5, answers);
  check_say("%s", answers);
  return 0;
}

static void test_fault_environment(void) {
  static const struct {
    const char *value, *answers;
  } cases[] = {{"one:2", "01000"}, {"one:2:3", "01110"}, {"one:4:0", "00011"},
               {"*:1:1", "10000"}, {"two:1:0", "00000"}, {NULL, "00000"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    check_set_env("TARN_TEST_FAULT", cases[i].value);
    check_process *process = check_start("faults", NULL);
    check_expect(process, cases[i].answers);
    CHECK_INT(0, check_wait(process));
  }
}

static int role_steps(int argc, char **argv) {
  if (argc > 0) tn_point_set("other", 1, argv[0]);
  for (int i = 1; i <= 3; i++) {
    check_say("before %d", i);
    tn_point("step");
    tn_point("other");
  }
  check_say("counted %d", (int)tn_point_count("step"));
  return 0;
}

static void test_step_kill_exit(void) {
  static const struct {
    const char *value;
    int end;
  } cases[] = {{"step:2:kill", -9}, {"step:2:exit", 3}};
  for (int i = 0; i < 2; i++) {
    check_set_env("TARN_TEST_POINT", cases[i].value);
    check_process *process = check_start("steps", NULL);
    check_expect(process, "before 1");
    check_expect(process, "before 2");
    CHECK(check_line(process) == NULL);
    CHECK_INT(cases[i].end, check_wait(process));
  }
}

static void test_step_hold(void) {
  check_set_env("TARN_TEST_POINT", "step:3:hold");
  check_process *process = check_start("steps", NULL);
  check_expect(process, "before 1");
  check_expect(process, "before 2");
  check_expect(process, "before 3");
  check_expect(process, "at step");
  check_tell(process, "go on");
  check_expect(process, "counted 3");
  CHECK_INT(0, check_wait(process));
}

static void test_step_set(void) {
  check_process *process = check_start("steps", "exit", NULL);
  check_expect(process, "before 1");
  CHECK(check_line(process) == NULL);
  CHECK_INT(3, check_wait(process));
}

static void test_step_stop(void) {
  check_set_env("TARN_TEST_POINT", "step:2:stop");
  check_process *process = check_start("steps", NULL);
  check_expect(process, "before 1");
  check_expect(process, "before 2");
  check_await_stop(process);
  tn_os_process known;
  tn_os_process_of((uint32_t)check_process_number(process), &known);
  CHECK_INT(1, known.exists);
  CHECK_INT(1, known.stopped);
  check_continue(process);
  check_expect(process, "before 3");
  check_expect(process, "counted 3");
  CHECK_INT(0, check_wait(process));
}

static const check_test tests[] = {{"each_call_fails_once", test_each_call_fails_once, 0},
                                   {"fault_times", test_fault_times, 0},
                                   {"fault_environment", test_fault_environment, 0},
                                   {"step_kill_exit", test_step_kill_exit, 0},
                                   {"step_hold", test_step_hold, 0},
                                   {"step_set", test_step_set, 0},
                                   {"step_stop", test_step_stop, 0},
                                   {0}};

static const check_role roles[] = {{"faults", role_faults}, {"steps", role_steps}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
