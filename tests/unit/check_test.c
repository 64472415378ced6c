/* check_test.c: the harness itself. Checks must fail when they should, or every other test proves nothing: the roles here run this
 * same program as a runner of tests that fail, hang, crash or leave processes behind, and the tests look at what it says. */
#include "../check.h"

#include "tarn/base.h"

/* ---- Tests that are run by the tests ------------------------------------------------------------------------------- */

static void inner_passes(void) { CHECK(1 + 1 == 2); }
static void inner_true(void) { CHECK(1 + 1 == 3); }
static void inner_int(void) { CHECK_INT(-1, 2); }
static void inner_uint(void) { CHECK_UINT(7, 8); }
static void inner_str(void) { CHECK_STR("abc", "abd"); }
static void inner_str_null(void) { CHECK_STR("abc", NULL); }
static void inner_mem(void) { CHECK_MEM("abcd", "abXd", 4); }
static void inner_contains(void) { CHECK_CONTAINS("lake", "a small mountain tarn"); }
static void inner_result(void) { CHECK_RESULT(TARN_FULL, TARN_EMPTY); }
static void inner_skip(void) { check_skip("because of %d", 42); }
static void inner_crash(void) { abort(); }
static void inner_expect(void) { check_expect(check_start("echo", "what is said", NULL), "argument what was expected"); }
static void inner_missing_program(void) { check_start_program("/nowhere/no-such-program", NULL); }
static void inner_hang(void) {
  check_start("sleeper", NULL);
  for (int i = 0; i < 1000; i++) check_sleep(INT64_C(1000000000));
}

static const check_test inner[] = {{"passes", inner_passes, 0},
                                   {"true", inner_true, 0},
                                   {"int", inner_int, 0},
                                   {"uint", inner_uint, 0},
                                   {"str", inner_str, 0},
                                   {"str_null", inner_str_null, 0},
                                   {"mem", inner_mem, 0},
                                   {"contains", inner_contains, 0},
                                   {"result", inner_result, 0},
                                   {"skip", inner_skip, 0},
                                   {"crash", inner_crash, 0},
                                   {"expect", inner_expect, 0},
                                   {"missing_program", inner_missing_program, 0},
                                   {"hang", inner_hang, 1},
                                   {0}};

/* ---- Roles ------------------------------------------------------------------------------------------------------------ */

/* Runs the table above, as a test program would. */
static int role_runner(int argc, char **argv) {
  (void)argc;
  check_set_env("CHECK_INNER", "1");
  check_process *program = check_start_program(argv[0], argv[1], NULL);
  for (const char *line; (line = check_line(program));) check_say("%s", line);
  return check_wait(program);
}

static int role_echo(int argc, char **argv) {
  for (int i = 0; i < argc; i++) check_say("argument %s", argv[i]);
  for (const char *line; (line = check_hear());) check_say("heard %s", line);
  return 5;
}

static int role_sleeper(int argc, char **argv) {
  (void)argc, (void)argv;
  check_say("%d", 1);
  for (int i = 0; i < 1000; i++) check_sleep(INT64_C(1000000000));
  return 0;
}

static int role_talker(int argc, char **argv) {
  (void)argc, (void)argv;
  for (int i = 0; i < 20000; i++) printf("a line that nobody reads %d\n", i);
  return 0;
}

static int role_environment(int argc, char **argv) {
  (void)argc;
  const char *value = getenv(argv[0]);
  check_say("%s", value ? value : "(none)");
  check_say("%llu", (unsigned long long)check_random());
  return 0;
}

static int role_failing(int argc, char **argv) {
  (void)argc, (void)argv;
  CHECK_INT(1, 2);
  return 0;
}

/* ---- Tests -------------------------------------------------------------------------------------------------------------- */

static const char *program_path; /* argv[0] of main */

/* Runs one inner test and expects its end: the exit code of the runner and its last line. */
static void expect_inner(const char *name, int code, const char *part, const char *sum) {
  char all[4096] = "", last[256] = "";
  check_process *program = check_start("runner", program_path, name, NULL);
  for (const char *line; (line = check_line(program));) {
    snprintf(last, sizeof last, "%s", line);
    snprintf(all + strlen(all), sizeof all - strlen(all), "%s\n", line);
  }
  CHECK_INT(code, check_wait(program));
  CHECK_CONTAINS(part, all);
  CHECK_STR(sum, last);
}

static void test_a_passing_check_passes(void) { expect_inner("passes", 0, "ok      passes", "1 passed, 0 failed, 0 skipped"); }

static void test_every_failing_check_fails(void) {
  static const char *const names[] = {"true", "int", "uint", "str", "str_null", "mem", "contains", "result"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    expect_inner(names[i], 1, "exit code 1", "0 passed, 1 failed, 0 skipped");
}

static void test_skip(void) { expect_inner("skip", 0, "skipped: because of 42", "0 passed, 0 failed, 1 skipped"); }
static void test_crash_fails(void) { expect_inner("crash", 1, "FAILED  crash", "0 passed, 1 failed, 0 skipped"); }
static void test_wrong_line_fails(void) { expect_inner("expect", 1, "exit code 1", "0 passed, 1 failed, 0 skipped"); }
static void test_missing_program_fails(void) { expect_inner("missing_program", 1, "exit code 1", "0 passed, 1 failed, 0 skipped"); }
static void test_unknown_name_is_refused(void) {
  check_process *program = check_start("runner", program_path, "nonsense", NULL);
  CHECK_INT(2, check_wait(program));
}

static void test_overtime_is_killed_with_its_helpers(void) {
  int64_t begin = check_now();
  expect_inner("hang", 1, "not done within its limit", "0 passed, 1 failed, 0 skipped");
  CHECK(check_now() - begin < INT64_C(20000000000));
}

static void test_talk(void) {
  check_process *echo = check_start("echo", "one", "two words", "", "a\"quote\\", NULL);
  check_expect(echo, "argument one");
  check_expect(echo, "argument two words");
  check_expect(echo, "argument ");
  check_expect(echo, "argument a\"quote\\");
  check_tell(echo, "hello");
  check_expect(echo, "heard hello");
  check_tell(echo, NULL);
  CHECK(check_line(echo) == NULL);
  CHECK_INT(5, check_wait(echo));
}

static void test_kill(void) {
  check_process *sleeper = check_start("sleeper", NULL);
  check_expect(sleeper, "1");
  check_kill(sleeper);
  CHECK_INT(-9, check_wait(sleeper));
}

static void test_stop_and_continue(void) {
  check_process *echo = check_start("echo", NULL);
  check_stop(echo);
  check_tell(echo, "while stopped");
  check_continue(echo);
  check_expect(echo, "heard while stopped");
  CHECK_INT(5, check_wait(echo));
}

static void test_wait_discards_output(void) { CHECK_INT(0, check_wait(check_start("talker", NULL))); }
static void test_failing_role_ends_with_1(void) { CHECK_INT(1, check_wait(check_start("failing", NULL))); }

static void test_environment(void) {
  check_set_env("CHECK_COLOUR", "green");
  check_process *one = check_start("environment", "CHECK_COLOUR", NULL);
  check_expect(one, "green");
  check_set_env("CHECK_COLOUR", NULL);
  check_process *other = check_start("environment", "CHECK_COLOUR", NULL);
  check_expect(other, "(none)");
  CHECK(getenv("CHECK_COLOUR") == NULL);
  char number[32];
  snprintf(number, sizeof number, "%s", check_line(one));
  CHECK(strcmp(number, check_line(other)) != 0);
  CHECK_INT(0, check_wait(one));
  CHECK_INT(0, check_wait(other));
}

static void test_places(void) {
  CHECK_STR(check_directory(), getenv("TARN_DIR"));
  CHECK(strcmp(check_directory(), check_disk_directory()) != 0);
  FILE *file = fopen(check_path("a"), "w");
  CHECK(file != NULL);
  fclose(file);
  CHECK(check_path("a") != check_path("b"));
}

static const check_test tests[] = {{"a_passing_check_passes", test_a_passing_check_passes, 0},
                                   {"every_failing_check_fails", test_every_failing_check_fails, 0},
                                   {"skip", test_skip, 0},
                                   {"crash_fails", test_crash_fails, 0},
                                   {"wrong_line_fails", test_wrong_line_fails, 0},
                                   {"missing_program_fails", test_missing_program_fails, 0},
                                   {"unknown_name_is_refused", test_unknown_name_is_refused, 0},
                                   {"overtime_is_killed_with_its_helpers", test_overtime_is_killed_with_its_helpers, 0},
                                   {"talk", test_talk, 0},
                                   {"kill", test_kill, 0},
                                   {"stop_and_continue", test_stop_and_continue, 0},
                                   {"wait_discards_output", test_wait_discards_output, 0},
                                   {"failing_role_ends_with_1", test_failing_role_ends_with_1, 0},
                                   {"environment", test_environment, 0},
                                   {"places", test_places, 0},
                                   {0}};
static const check_role roles[] = {{"runner", role_runner},           {"echo", role_echo},       {"sleeper", role_sleeper},
                                   {"talker", role_talker},           {"failing", role_failing}, {"environment", role_environment},
                                   {0}};

int main(int argc, char **argv) {
  program_path = argv[0];
  return check_main(argc, argv, getenv("CHECK_INNER") ? inner : tests, roles);
}
