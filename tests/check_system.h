/* check_system.h: what the test harness (check.c) asks of the system; check_linux.c and check_windows.c implement it. The harness
 * stands on its own feet: it uses nothing of src/os/, which is what the tests are about. */
#ifndef CHECK_SYSTEM_H
#define CHECK_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes by which a test tells the runner how it went. */
enum { CHECK_CODE_FAILED = 1, CHECK_CODE_SKIPPED = 77 };

/* Instead of an exit code: the limit ran out and everything was killed. */
#define CHECK_OVERTIME (-1000)

#define CHECK_PATH 1024

/* A variable for a process about to be started; value NULL removes it. */
typedef struct check_variable {
  char *name, *value;
} check_variable;

/* What to start: argv[0] is the program (without a separator in it: looked up in PATH), ended by NULL. */
typedef struct check_start_of {
  const char *const *argv;
  const check_variable *variables;
  size_t variable_count;
} check_start_of;

/* A helper: its process, and our ends of the pipes to its stdin and from its stdout (-1: closed). */
typedef struct check_child {
  intptr_t process, input, output;
  int number;
} check_child;

void check_os_prepare(void);             /* once, first of all */
const char *check_os_self(void);         /* this program's own file */
_Noreturn void check_os_exit(int code);  /* at once, after flushing; for the middle of a test with threads running */
uint64_t check_os_seed(void);            /* something that differs from run to run */

/* A fresh, empty directory for this user only: in memory ($CHECK_DIR, /dev/shm), or on a disk ($CHECK_DISK_DIR, /var/tmp). */
bool check_os_make_directory(char ret_path[CHECK_PATH], bool on_disk);
void check_os_remove_directory(const char *path);
char check_os_separator(void);

/* Run a program with no input in a group of its own, wait for it, then kill and await whatever it left running.
 * Its exit code, -N if signal N ended it, CHECK_OVERTIME. */
int check_os_run(const check_start_of *what, int64_t limit_ns);

/* Helpers. spawn: false if the program cannot be started (the reason is printed). */
bool check_os_spawn(check_child *ret_child, const check_start_of *what);
size_t check_os_read(check_child *child, void *buffer, size_t size); /* blocks; 0 at the end of its output */
bool check_os_write(check_child *child, const void *data, size_t size); /* false: it does not listen any more */
void check_os_close_input(check_child *child);
void check_os_kill(check_child *child);
bool check_os_can_stop(void);
void check_os_stop(check_child *child);       /* send the stop, return when it has stopped or ended */
bool check_os_await_stop(check_child *child); /* wait until it has stopped itself; false: it ended instead */
void check_os_continue(check_child *child);
int check_os_wait(check_child *child); /* closes its input, discards its output, waits: as of check_os_run */

#endif
