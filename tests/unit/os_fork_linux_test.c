/* os_fork_linux_test.c: what a forked child must not keep (src/os/linux_fork.c), and how it knows that it is one; processes
 * that ended and were not yet reaped. */
#include "../check.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "atomic.h"
#include "os/fault.h"
#include "os_files.h"
#include "tarn/base.h"

/* The child's checks end the child with code 1, which the parent checks. */
static void check_child(pid_t child) {
  int status = 0;
  CHECK_INT(child, waitpid(child, &status, 0));
  CHECK_INT(0, status);
}

static pid_t fork_now(void) {
  fflush(stdout);
  pid_t child = fork();
  CHECK(child >= 0);
  return child;
}

static void check_lives(void) {
  uint32_t mine = tn_os_life();
  for (int i = 0; i < 2; i++) {
    pid_t child = fork_now();
    if (child == 0) {
      uint32_t childs = tn_os_life();
      CHECK(childs != mine && childs != 0);
      pid_t grandchild = fork_now();
      if (grandchild == 0) {
        CHECK(tn_os_life() != mine && tn_os_life() != childs);
        _exit(0);
      }
      check_child(grandchild);
      CHECK_UINT(childs, tn_os_life());
      _exit(0);
    }
    check_child(child);
    CHECK_UINT(mine, tn_os_life());
  }
}

static void test_life(void) { check_lives(); }

/* As before Linux 4.14. */
static void test_life_without_wiped_page(void) {
  tn_fault_set("life.wipe", 1, 0, 0);
  check_lives();
  CHECK_UINT(getpid(), tn_os_life());
}

/* No handler runs; the page is wiped all the same. */
static void test_life_raw_clone(void) {
  uint32_t mine = tn_os_life();
  fflush(stdout);
  pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (child == 0) _exit(tn_os_life() == mine || tn_os_life() == 0);
  check_child(child);
}

static void test_child_has_no_descriptor(void) {
  tn_os_file locked = os_make_file("a", 4096), plain = TN_OS_NO_FILE, asker = os_open_file("a", BOTH);
  CHECK_OK(tn_os_open(&plain, os_full("a"), BOTH, 0));
  CHECK_INT(1, tn_os_lock(&locked, BYTE, TN_OS_EXCLUSIVE));
  pid_t child = fork_now();
  if (child == 0) {
    CHECK_INT(-1, fcntl((int)locked.handle, F_GETFD));
    CHECK_INT(-1, fcntl((int)asker.handle, F_GETFD));
    CHECK(fcntl((int)plain.handle, F_GETFD) >= 0);
    CHECK_OK(tn_os_still_ours(&plain));
    CHECK_RESULT(TARN_E_EVICTED, tn_os_still_ours(&locked));
    CHECK_RESULT(TARN_E_EVICTED, tn_os_lock(&locked, BYTE, TN_OS_SHARED));
    tn_os_file own = os_open_file("a", BOTH); /* gets the number that the parent's file has */
    CHECK_INT(locked.handle, own.handle);
    CHECK_INT(1, tn_os_lock_held(&own, BYTE, TN_OS_SHARED)); /* the parent's lock is as it was */
    tn_os_close(&locked);
    CHECK_INT(-1, locked.handle);
    CHECK_OK(tn_os_still_ours(&own)); /* closing the inherited one did not close it */
    tn_os_close(&own);
    _exit(0);
  }
  check_child(child);
  CHECK_INT(1, tn_os_lock_held(&asker, BYTE, TN_OS_SHARED));
  tn_os_close(&locked);
  CHECK_INT(0, tn_os_lock_held(&asker, BYTE, TN_OS_SHARED));
  tn_os_close(&plain);
  tn_os_close(&asker);
}

/* A number that was closed behind our back and is another file now is not ours to close in a child. */
static void test_child_keeps_strangers(void) {
  tn_os_file file = os_make_file("a", 4096);
  int number = (int)file.handle;
  close(number);
  CHECK_INT(number, open("/dev/null", O_RDWR | O_CLOEXEC));
  pid_t child = fork_now();
  if (child == 0) _exit(fcntl(number, F_GETFD) < 0);
  check_child(child);
  tn_os_close(&file);
}

/* The parent dies while its child lives: the locks go with the parent. */
static int role_parent(int argc, char **argv) {
  (void)argc, (void)argv;
  tn_os_file file = os_open_file("a", BOTH);
  CHECK_INT(1, tn_os_lock(&file, BYTE, TN_OS_EXCLUSIVE));
  os_map(&file, 0, 4096, BOTH);
  pid_t child = fork_now();
  if (child == 0) {
    check_say("child %d", (int)getpid());
    for (;;) pause();
  }
  check_hear();
  return 0;
}

static void test_parent_dies_first(void) {
  tn_os_file asker = os_make_file("a", 4096);
  check_process *parent = check_start("parent", NULL);
  int child = 0;
  CHECK_INT(1, sscanf(check_line(parent), "child %d", &child));
  CHECK_INT(1, tn_os_lock_held(&asker, BYTE, TN_OS_SHARED));
  check_kill(parent);
  CHECK_INT(0, kill(child, 0));
  int64_t start = check_now();
  while (tn_os_lock_held(&asker, BYTE, TN_OS_SHARED) == 1 && check_now() - start < 5000 * MS) check_sleep(MS);
  CHECK_INT(0, tn_os_lock_held(&asker, BYTE, TN_OS_SHARED));
  CHECK_INT(0, kill(child, SIGKILL)); /* it lived all the while */
  CHECK_INT(-9, check_wait(parent));
  tn_os_close(&asker);
}

static bool is_mapped(void *address) { return msync(address, 4096, MS_ASYNC) == 0; }

static void test_child_has_no_mapping(void) {
  tn_os_file file = os_make_file("a", 4096), plain = TN_OS_NO_FILE;
  CHECK_OK(tn_os_open(&plain, os_full("a"), BOTH, 0));
  uint8_t *own = os_map(&file, 0, 4096, BOTH);
  void *kept = NULL;
  CHECK_OK(tn_os_map(&plain, 0, 4096, BOTH, TN_OS_MAP_INHERIT, &kept, NULL));
  own[0] = 42;
  pid_t child = fork_now();
  if (child == 0) {
    CHECK(!is_mapped(own));
    CHECK(is_mapped(kept));
    CHECK_UINT(42, *(uint8_t *)kept);
    *(uint8_t *)kept = 43;
    _exit(0);
  }
  check_child(child);
  CHECK_UINT(43, own[0]);
  tn_os_unmap(own, 4096);
  tn_os_unmap(kept, 4096);
  tn_os_close(&plain);
  tn_os_close(&file);
}

/* A nameless file's temporary name is the parent's: a child does not take it away. */
static void test_child_leaves_temporary(void) {
  tn_os_file file = TN_OS_NO_FILE;
  tn_fault_set("make.nameless", 1, 0, 0);
  CHECK_OK(tn_os_make(&file, os_full("a"), 0600, 0));
  CHECK_INT(1, os_names_here());
  pid_t child = fork_now();
  if (child == 0) {
    tn_os_close(&file);
    CHECK_INT(1, os_names_here());
    _exit(0);
  }
  check_child(child);
  CHECK_OK(tn_os_name(&file, os_full("a")));
  tn_os_close(&file);
}

/* ---- Forks at any time ------------------------------------------------------------------------------------------------- */

static tn_atomic32 enough;

static void *open_and_map_forever(void *argument) {
  const char *path = argument;
  while (!tn_load_acquire(&enough)) { /* [T2] pairs with the release in the test */
    tn_os_file file = TN_OS_NO_FILE;
    void *address = NULL;
    CHECK_OK(tn_os_open(&file, path, BOTH, 1));
    CHECK_OK(tn_os_map(&file, 0, 4096, BOTH, 0, &address, NULL));
    tn_os_unmap(address, 4096);
    tn_os_close(&file);
  }
  return NULL;
}

/* How many lines of a file of this process name the test's file. */
static int count_in_maps(const char *name) {
  char line[1024];
  int count = 0;
  FILE *lines = fopen("/proc/self/maps", "re");
  CHECK(lines != NULL);
  while (fgets(line, sizeof line, lines))
    if (strstr(line, name)) count++;
  fclose(lines);
  return count;
}

static int count_descriptors(const char *name) {
  int count = 0;
  for (int i = 0; i < 64; i++) {
    char link[32], target[1024];
    snprintf(link, sizeof link, "/proc/self/fd/%d", i);
    ssize_t length = readlink(link, target, sizeof target - 1);
    if (length <= 0) continue;
    target[length] = 0;
    if (strstr(target, name)) count++;
  }
  return count;
}

/* A thread opens and maps as fast as it can while another forks: no child ever has the descriptor or the mapping. */
static void test_fork_at_any_time(void) {
  tn_os_file file = os_make_file("raced", 4096);
  tn_os_close(&file);
  static char path[TN_OS_PATH];
  snprintf(path, sizeof path, "%s", os_full("raced"));
  pthread_t thread;
  CHECK_INT(0, pthread_create(&thread, NULL, open_and_map_forever, path));
  for (int i = 0; i < 300; i++) {
    pid_t child = fork_now();
    if (child == 0) _exit(count_in_maps("raced") ? 2 : count_descriptors("raced") ? 3 : 0);
    check_child(child);
  }
  tn_store_release(&enough, 1); /* [T2] */
  pthread_join(thread, NULL);
}

/* ---- Processes that ended ---------------------------------------------------------------------------------------------- */

static void test_zombie(void) {
  tn_os_file file = os_make_file("a", 4096);
  int ready[2];
  CHECK_INT(0, pipe2(ready, O_CLOEXEC));
  pid_t child = fork_now();
  if (child == 0) {
    tn_os_file own = os_open_file("a", BOTH);
    CHECK_INT(1, tn_os_lock(&own, BYTE, TN_OS_EXCLUSIVE));
    CHECK_INT(1, (int)write(ready[1], "x", 1));
    for (;;) pause();
  }
  char byte;
  CHECK_INT(1, (int)read(ready[0], &byte, 1));
  CHECK_INT(1, tn_os_lock_held(&file, BYTE, TN_OS_SHARED));
  CHECK_INT(0, kill(child, SIGKILL));
  siginfo_t info;
  CHECK_INT(0, waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT)); /* it has ended, and is not reaped */
  tn_os_process process;
  tn_os_process_of((uint32_t)child, &process);
  CHECK_INT(0, process.exists);
  CHECK_INT(0, tn_os_lock_held(&file, BYTE, TN_OS_SHARED));
  CHECK_INT(1, tn_os_lock(&file, BYTE, TN_OS_EXCLUSIVE));
  CHECK_INT(child, waitpid(child, NULL, 0));
  tn_os_close(&file);
}

static const check_test tests[] = {{"life", test_life, 0},
                                   {"life_without_wiped_page", test_life_without_wiped_page, 0},
                                   {"life_raw_clone", test_life_raw_clone, 0},
                                   {"child_has_no_descriptor", test_child_has_no_descriptor, 0},
                                   {"child_keeps_strangers", test_child_keeps_strangers, 0},
                                   {"parent_dies_first", test_parent_dies_first, 0},
                                   {"child_has_no_mapping", test_child_has_no_mapping, 0},
                                   {"child_leaves_temporary", test_child_leaves_temporary, 0},
                                   {"fork_at_any_time", test_fork_at_any_time, 0},
                                   {"zombie", test_zombie, 0},
                                   {0}};

static const check_role roles[] = {{"parent", role_parent}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
