/* check.h: Tarn's test harness. A test program lists its tests and roles in two explicit tables:
 *
 *   static void test_publish(void) { CHECK_OK(tarn_board_put(board, "x", 1, NULL, 0)); CHECK_INT(1, item.size_bytes); }
 *   static int role_writer(int argc, char **argv) { ...; check_say("ready"); check_hear(); return 0; }
 *   static const check_test tests[] = {{"publish", test_publish, 10}, {0}};
 *   static const check_role roles[] = {{"writer", role_writer}, {0}};
 *   int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
 *
 * Each test runs in a process of its own with a time limit and a fresh channel directory in $TARN_DIR that is removed after it;
 * what it left running is killed. `program` runs all, `program NAME...` some, `program --list` lists them, `program --role R ARGS`
 * is how a test starts its helpers. Ends with `N passed, N failed, N skipped`.
 */
#ifndef CHECK_H
#define CHECK_H

#ifdef NDEBUG
#error "tests check with assertions on: build them without NDEBUG"
#endif

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__MINGW32__) && !defined(__clang__)
#define CHECK_PRINTF(format_at, first) __attribute__((format(gnu_printf, format_at, first)))
#else
#define CHECK_PRINTF(format_at, first) __attribute__((format(printf, format_at, first)))
#endif

typedef struct check_test {
  const char *name;
  void (*run)(void);
  int seconds; /* limit; 0 means 30 */
} check_test;

typedef struct check_role {
  const char *name;
  int (*run)(int argc, char **argv); /* argv[0] is the first argument after the role's name */
} check_role;

int check_main(int argc, char **argv, const check_test *tests, const check_role *roles);

/* Checks: a failure prints file, line, the expression and both values, and ends the test (in a role: the process, code 1). */
#define CHECK(condition) check_true((condition), #condition, __FILE__, __LINE__)
#define CHECK_INT(expected, actual) check_int((int64_t)(expected), (int64_t)(actual), #actual, __FILE__, __LINE__)
#define CHECK_UINT(expected, actual) check_uint((uint64_t)(expected), (uint64_t)(actual), #actual, __FILE__, __LINE__)
#define CHECK_STR(expected, actual) check_str((expected), (actual), #actual, __FILE__, __LINE__)
#define CHECK_MEM(expected, actual, size) check_mem((expected), (actual), (size), #actual, __FILE__, __LINE__)
#define CHECK_CONTAINS(part, text) check_contains((part), (text), #text, __FILE__, __LINE__)
/* a Tarn result: prints its name and tarn_error_text() on failure */
#define CHECK_OK(result) check_result(0, (result), #result, __FILE__, __LINE__)
#define CHECK_RESULT(expected, result) check_result((expected), (result), #result, __FILE__, __LINE__)
void check_true(bool condition, const char *text, const char *file, int line);
void check_int(int64_t expected, int64_t actual, const char *text, const char *file, int line);
void check_uint(uint64_t expected, uint64_t actual, const char *text, const char *file, int line);
void check_str(const char *expected, const char *actual, const char *text, const char *file, int line);
void check_mem(const void *expected, const void *actual, size_t size, const char *text, const char *file, int line);
void check_contains(const char *part, const char *text_value, const char *text, const char *file, int line);
void check_result(int expected, int actual, const char *text, const char *file, int line);

/* Ends the test as skipped, with the reason printed. */
_Noreturn void check_skip(const char *format, ...) CHECK_PRINTF(1, 2);

/* The fresh channel directory of this test ($TARN_DIR), and a second, ordinary one on a disk where there is one. */
const char *check_directory(void);
const char *check_disk_directory(void);
/* path inside it; a static buffer out of a few */
const char *check_path(const char *name);

/* Helpers: this same program started again in a role, its stdin and stdout connected to the test. They go with the thread that
 * started them, and with the test. */
typedef struct check_process check_process;
check_process *check_start(const char *role, ...);          /* arguments: const char *, ended by NULL */
check_process *check_start_program(const char *path, ...);  /* another program; path NULL is not allowed */
void check_set_env(const char *name, const char *value);    /* for helpers started from now on; value NULL removes */
void check_expect(check_process *, const char *line);       /* the next line of its stdout must be this */
const char *check_line(check_process *);                    /* the next line of its stdout, without its end; NULL at the end */
void check_tell(check_process *, const char *line);         /* write a line to its stdin; NULL closes it */
void check_kill(check_process *);                           /* SIGKILL / TerminateProcess; does not wait */
void check_stop(check_process *);                           /* SIGSTOP; Windows: skips the test */
void check_await_stop(check_process *);                     /* wait until it has stopped itself; Windows: skips the test */
void check_continue(check_process *);
/* Wait for its end: exit code, or -N if signal N ended it (Windows: -9 after TerminateProcess with exit code 9, which check_kill
 * uses; -11 for an access violation). Closes its stdin first, so that a helper that listens ends; the object is freed. */
int check_wait(check_process *);
int check_process_number(const check_process *);

/* In a role: talk to the test. */
void check_say(const char *format, ...) CHECK_PRINTF(1, 2); /* one line to stdout, flushed */
const char *check_hear(void);                               /* the next line of stdin, NULL at its end */

int64_t check_now(void); /* monotonic nanoseconds */
void check_sleep(int64_t ns);
uint64_t check_random(void); /* from the seed printed at the start ($CHECK_SEED repeats a run) */

#endif
