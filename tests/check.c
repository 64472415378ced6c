/* check.c: the part of the test harness that is the same on every system: tables, checks, the runner's report. */
#include "check.h"

#include <inttypes.h>
#include <stdarg.h>

#include "check_system.h"
#include "tarn/base.h"

enum { ARGUMENTS_MAX = 64, VARIABLES_MAX = 32 };

struct check_process {
  check_child child;
  char *buffer; /* output read so far: [start, end) is not handed out yet */
  size_t start, end, room;
  char label[64];
};

static char directory[CHECK_PATH], disk_directory[CHECK_PATH];
static char who[64]; /* "" in a test, "[role] " in a role: before every message */
static uint64_t random_state;
static check_variable variables[VARIABLES_MAX]; /* for helpers; the harness's own come first */
static size_t variable_count;

/* ---- Failing and skipping ------------------------------------------------------------------------------------------ */

static _Noreturn void fail_at(const char *file, int line, const char *format, ...) CHECK_PRINTF(3, 4);
static _Noreturn void fail_at(const char *file, int line, const char *format, ...) {
  char text[4096];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  fflush(stdout);
  fprintf(stderr, "%s%s:%d: %s\n", who, file, line, text);
  check_os_exit(CHECK_CODE_FAILED);
}

static _Noreturn void fail(const char *format, ...) CHECK_PRINTF(1, 2);
static _Noreturn void fail(const char *format, ...) {
  char text[4096];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  fflush(stdout);
  fprintf(stderr, "%s%s\n", who, text);
  check_os_exit(CHECK_CODE_FAILED);
}

void check_skip(const char *format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  printf("%sskipped: %s\n", who, text);
  fflush(stdout);
  check_os_exit(CHECK_CODE_SKIPPED);
}

/* ---- Checks -------------------------------------------------------------------------------------------------------- */

void check_true(bool condition, const char *text, const char *file, int line) {
  if (!condition) fail_at(file, line, "not true: %s", text);
}

void check_int(int64_t expected, int64_t actual, const char *text, const char *file, int line) {
  if (expected != actual) fail_at(file, line, "%s\n  expected %" PRId64 "\n  actual   %" PRId64, text, expected, actual);
}

void check_uint(uint64_t expected, uint64_t actual, const char *text, const char *file, int line) {
  if (expected == actual) return;
  fail_at(file, line, "%s\n  expected %" PRIu64 " (0x%" PRIx64 ")\n  actual   %" PRIu64 " (0x%" PRIx64 ")", text, expected, expected,
          actual, actual);
}

void check_str(const char *expected, const char *actual, const char *text, const char *file, int line) {
  if (expected == actual || (expected && actual && strcmp(expected, actual) == 0)) return;
  fail_at(file, line, "%s\n  expected \"%s\"\n  actual   \"%s\"", text, expected ? expected : "(NULL)", actual ? actual : "(NULL)");
}

void check_mem(const void *expected, const void *actual, size_t size, const char *text, const char *file, int line) {
  const unsigned char *e = expected, *a = actual;
  for (size_t i = 0; i < size; i++)
    if (e[i] != a[i])
      fail_at(file, line, "%s\n  differs from byte %zu of %zu on: expected %02x, actual %02x", text, i, size, e[i], a[i]);
}

void check_contains(const char *part, const char *text_value, const char *text, const char *file, int line) {
  if (text_value && strstr(text_value, part)) return;
  fail_at(file, line, "%s\n  expected to contain \"%s\"\n  actual \"%s\"", text, part, text_value ? text_value : "(NULL)");
}

void check_result(int expected, int actual, const char *text, const char *file, int line) {
  if (expected == actual) return;
  fail_at(file, line, "%s\n  expected %d (%s)\n  actual   %d (%s)\n  last failure: %s", text, expected, tarn_result_name(expected),
          actual, tarn_result_name(actual), tarn_error_text());
}

/* ---- Places, chance ------------------------------------------------------------------------------------------------- */

const char *check_directory(void) { return directory; }
const char *check_disk_directory(void) { return disk_directory; }

const char *check_path(const char *name) {
  static _Thread_local char paths[8][CHECK_PATH + 256];
  static _Thread_local unsigned next;
  char *path = paths[next++ % 8];
  snprintf(path, sizeof paths[0], "%s%c%s", directory, check_os_separator(), name);
  return path;
}

/* splitmix64: any seed will do, 0 included. */
static uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

uint64_t check_random(void) { return mix(random_state += UINT64_C(0x9e3779b97f4a7c15)); }

static uint64_t mix_name(uint64_t seed, const char *name) {
  for (; *name; name++) seed = mix(seed ^ (uint64_t)(unsigned char)*name);
  return seed;
}

/* ---- Helpers --------------------------------------------------------------------------------------------------------- */

static char *copy_text(const char *text) {
  if (!text) return NULL;
  size_t size = strlen(text) + 1;
  char *copy = malloc(size);
  if (!copy) fail("out of memory");
  memcpy(copy, text, size);
  return copy;
}

void check_set_env(const char *name, const char *value) {
  size_t i = 0;
  while (i < variable_count && strcmp(variables[i].name, name) != 0) i++;
  if (i == VARIABLES_MAX) fail("check_set_env: more than %d variables", VARIABLES_MAX);
  if (i == variable_count) variables[variable_count++].name = copy_text(name);
  free(variables[i].value);
  variables[i].value = copy_text(value);
}

static check_process *start(const char *const *argv, const char *label) {
  char seed[32];
  snprintf(seed, sizeof seed, "%" PRIu64, check_random());
  check_set_env("CHECK_SEED", seed);
  check_process *process = calloc(1, sizeof *process);
  if (!process) fail("out of memory");
  snprintf(process->label, sizeof process->label, "%s", label);
  fflush(stdout);
  const check_start_of what = {argv, variables, variable_count};
  if (!check_os_spawn(&process->child, &what)) fail("%s cannot be started", argv[0]);
  return process;
}

/* Appends the variable arguments, up to NULL, to argv. */
static void collect(const char **argv, size_t count, va_list arguments) {
  do {
    if (count == ARGUMENTS_MAX) fail("%s: more than %d arguments", argv[0], ARGUMENTS_MAX);
    argv[count] = va_arg(arguments, const char *);
  } while (argv[count++]);
}

check_process *check_start(const char *role, ...) {
  const char *argv[ARGUMENTS_MAX] = {check_os_self(), "--role", role};
  va_list arguments;
  va_start(arguments, role);
  collect(argv, 3, arguments);
  va_end(arguments);
  return start(argv, role);
}

check_process *check_start_program(const char *path, ...) {
  const char *argv[ARGUMENTS_MAX] = {path};
  va_list arguments;
  va_start(arguments, path);
  collect(argv, 1, arguments);
  va_end(arguments);
  return start(argv, path);
}

/* Hands out [start, start + length), of which the last byte is the line's end. */
static const char *take_line(check_process *process, size_t length) {
  char *line = process->buffer + process->start;
  process->start += length;
  line[length - 1] = 0;
  if (length > 1 && line[length - 2] == '\r') line[length - 2] = 0;
  return line;
}

const char *check_line(check_process *process) {
  for (;;) {
    size_t waiting = process->end - process->start;
    char *end = waiting ? memchr(process->buffer + process->start, '\n', waiting) : NULL;
    if (end) return take_line(process, (size_t)(end + 1 - (process->buffer + process->start)));
    if (process->start) memmove(process->buffer, process->buffer + process->start, waiting);
    process->start = 0;
    process->end = waiting;
    if (process->room - waiting < 1024) {
      process->room = process->room ? process->room * 2 : 4096;
      process->buffer = realloc(process->buffer, process->room);
      if (!process->buffer) fail("out of memory");
    }
    /* one byte stays free: the end of a last line that has none */
    size_t got = check_os_read(&process->child, process->buffer + process->end, process->room - process->end - 1);
    if (got == 0 && waiting == 0) return NULL;
    process->end += got;
    if (got == 0) {
      process->buffer[process->end++] = '\n';
    }
  }
}

void check_expect(check_process *process, const char *line) {
  const char *actual = check_line(process);
  if (!actual) fail("%s: its output ended where the line \"%s\" was expected", process->label, line);
  if (strcmp(line, actual) != 0) fail("%s: the line \"%s\" was expected, it said \"%s\"", process->label, line, actual);
}

void check_tell(check_process *process, const char *line) {
  if (!line) {
    check_os_close_input(&process->child);
    return;
  }
  size_t length = strlen(line);
  char *text = malloc(length + 1);
  if (!text) fail("out of memory");
  memcpy(text, line, length);
  text[length] = '\n';
  /* A helper that has died does not listen; that shows when the test asks for its answer or its end. */
  (void)check_os_write(&process->child, text, length + 1);
  free(text);
}

void check_kill(check_process *process) { check_os_kill(&process->child); }

void check_stop(check_process *process) {
  if (!check_os_can_stop()) check_skip("this system cannot stop a process from outside");
  check_os_stop(&process->child);
}

void check_await_stop(check_process *process) {
  if (!check_os_can_stop()) check_skip("this system cannot stop a process");
  if (!check_os_await_stop(&process->child)) fail("%s: it ended where it was expected to stop itself", process->label);
}

void check_continue(check_process *process) { check_os_continue(&process->child); }

int check_wait(check_process *process) {
  int code = check_os_wait(&process->child);
  free(process->buffer);
  free(process);
  return code;
}

int check_process_number(const check_process *process) { return process->child.number; }

void check_say(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  putchar('\n');
  fflush(stdout);
}

const char *check_hear(void) {
  static char line[4096];
  if (!fgets(line, sizeof line, stdin)) return NULL;
  line[strcspn(line, "\r\n")] = 0;
  return line;
}

/* ---- Running ----------------------------------------------------------------------------------------------------------- */

static uint64_t seed_given(void) {
  const char *text = getenv("CHECK_SEED");
  return text && *text ? strtoull(text, NULL, 10) : check_os_seed();
}

/* Slow builds (sanitizers, valgrind) give every test more time. */
static int64_t limit_of(const check_test *test) {
  const char *factor = getenv("CHECK_LIMIT_FACTOR");
  int64_t times = factor && *factor ? strtoll(factor, NULL, 10) : 1;
  return (int64_t)(test->seconds ? test->seconds : 30) * (times > 0 ? times : 1) * INT64_C(1000000000);
}

/* In the process of one test or role: what the runner or the test left in the environment. */
static void take_environment(const char *name) {
  const char *tarn_dir = getenv("TARN_DIR"), *disk = getenv("CHECK_DISK");
  snprintf(directory, sizeof directory, "%s", tarn_dir ? tarn_dir : "");
  snprintf(disk_directory, sizeof disk_directory, "%s", disk ? disk : "");
  random_state = mix_name(seed_given(), name);
}

static int run_here(const char *name, const check_test *tests) {
  for (; tests->name; tests++)
    if (strcmp(tests->name, name) == 0) {
      take_environment(name);
      tests->run();
      return 0;
    }
  fail("there is no test \"%s\" here; --list says which there are", name);
}

static int run_role(int argc, char **argv, const check_role *roles) {
  for (; roles && roles->name; roles++)
    if (strcmp(roles->name, argv[0]) == 0) {
      snprintf(who, sizeof who, "[%.40s] ", roles->name);
      take_environment(roles->name);
      return roles->run(argc - 1, argv + 1);
    }
  fail("there is no role \"%s\" here", argv[0]);
}

/* Runs one test in a process of its own and reports it: 0, CHECK_CODE_FAILED or CHECK_CODE_SKIPPED. */
static int run_apart(const check_test *test, uint64_t seed) {
  char places[2][CHECK_PATH], seed_text[32];
  if (!check_os_make_directory(places[0], false) || !check_os_make_directory(places[1], true)) return CHECK_CODE_FAILED;
  snprintf(seed_text, sizeof seed_text, "%" PRIu64, seed);
  check_set_env("CHECK_SEED", seed_text);
  check_set_env("TARN_DIR", places[0]);
  check_set_env("CHECK_DISK", places[1]);
  fflush(stdout);
  const char *argv[] = {check_os_self(), "--test", test->name, NULL};
  const check_start_of what = {argv, variables, variable_count};
  int64_t begin = check_now();
  int code = check_os_run(&what, limit_of(test));
  double seconds = (double)(check_now() - begin) / 1e9;
  check_os_remove_directory(places[0]);
  check_os_remove_directory(places[1]);
  if (code == 0)
    printf("ok      %s (%.2f s)\n", test->name, seconds);
  else if (code == CHECK_CODE_SKIPPED)
    printf("skipped %s\n", test->name);
  else if (code == CHECK_OVERTIME)
    printf("FAILED  %s: not done within its limit of %d s, killed\n", test->name, (int)(limit_of(test) / INT64_C(1000000000)));
  else if (code < 0)
    printf("FAILED  %s: ended by signal %d (%.2f s)\n", test->name, -code, seconds);
  else
    printf("FAILED  %s: exit code %d (%.2f s)\n", test->name, code, seconds);
  fflush(stdout);
  return code == 0 || code == CHECK_CODE_SKIPPED ? code : CHECK_CODE_FAILED;
}

static bool wanted(const char *name, int argc, char **argv) {
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], name) == 0) return true;
  return argc < 2;
}

static bool all_known(int argc, char **argv, const check_test *tests) {
  for (int i = 1; i < argc; i++) {
    const check_test *test = tests;
    while (test->name && strcmp(test->name, argv[i]) != 0) test++;
    if (test->name) continue;
    fprintf(stderr, "there is no test \"%s\" here; --list says which there are\n", argv[i]);
    return false;
  }
  return true;
}

static int run_all(int argc, char **argv, const check_test *tests) {
  if (!all_known(argc, argv, tests)) return 2;
  uint64_t seed = seed_given();
  int passed = 0, failed = 0, skipped = 0;
  printf("seed %" PRIu64 " (CHECK_SEED=%" PRIu64 " repeats this run)\n", seed, seed);
  for (const check_test *test = tests; test->name; test++) {
    if (!wanted(test->name, argc, argv)) continue;
    int code = run_apart(test, seed);
    if (code == 0) passed++;
    if (code == CHECK_CODE_SKIPPED) skipped++;
    if (code == CHECK_CODE_FAILED) failed++;
  }
  printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
  return failed || passed + skipped == 0 ? 1 : 0;
}

int check_main(int argc, char **argv, const check_test *tests, const check_role *roles) {
  check_os_prepare();
  if (argc >= 3 && strcmp(argv[1], "--role") == 0) return run_role(argc - 2, argv + 2, roles);
  if (argc == 3 && strcmp(argv[1], "--test") == 0) return run_here(argv[2], tests);
  if (argc == 2 && strcmp(argv[1], "--list") == 0) {
    for (; tests->name; tests++) puts(tests->name);
    return 0;
  }
  return run_all(argc, argv, tests);
}
