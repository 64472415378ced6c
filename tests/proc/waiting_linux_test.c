/* waiting_linux_test.c: signals, poll and epoll, what a wait costs in system calls, and a clock that is set back. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <linux/seccomp.h>
#include <unistd.h>

#include "atomic.h"
#include "boards.h"
#include "os/fault.h"

static int read_now(tarn_board *board) {
  tarn_item item;
  int result = tarn_board_read(board, &item, 0);
  if (result == 0)
    CHECK_OK(tarn_board_release(board, &item));
  return result;
}

/* ---- Signals ------------------------------------------------------------------------------------------------------------------ */

static tn_atomic32 handled;

static void on_signal(int number) {
  (void)number;
  tn_store_release(&handled, 1);
}

static tn_atomic32 returned;

/* Again and again: a signal that comes while the waiter looks around, between two sleeps, ends no sleep. */
static void *send_signals(void *thread) {
  while (!tn_load_acquire(&returned)) {
    check_sleep(30 * MS);
    pthread_kill(*(pthread_t *)thread, SIGUSR1);
  }
  return NULL;
}

static void test_a_signal_ends_a_wait(void) {
  tarn_board *writer = open_writer("signal", NULL), *reader = open_reader("signal");
  pthread_t self = pthread_self(), sender;
  static const int flags[] = {0, SA_RESTART};
  for (int i = 0; i < 2; i++) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags[i]};
    sigaction(SIGUSR1, &action, NULL);
    tn_store_release(&handled, 0);
    tn_store_release(&returned, 0);
    tarn_item item;
    CHECK_INT(0, pthread_create(&sender, NULL, send_signals, &self));
    CHECK_RESULT(TARN_WOKEN, tarn_board_read(reader, &item, TARN_FOREVER));
    tn_store_release(&returned, 1);
    CHECK_INT(1, tn_load_acquire(&handled));
    pthread_join(sender, NULL);
    CHECK_RESULT(TARN_EMPTY, read_now(reader));
  }
  tarn_board_close(reader);
  tarn_board_close(writer);
}

/* ---- The handle to poll --------------------------------------------------------------------------------------------------------- */

static int handle_of(tarn_board *board) {
  intptr_t handle, again;
  CHECK_OK(tarn_board_handle(board, &handle));
  CHECK_OK(tarn_board_handle(board, &again));
  CHECK_INT(handle, again);
  return (int)handle;
}

static int readable(int handle, int timeout_ms) {
  struct pollfd entry = {.fd = handle, .events = POLLIN};
  int result = poll(&entry, 1, timeout_ms);
  CHECK(result >= 0);
  return result;
}

/* Until TARN_EMPTY; then, and only then, the handle is quiet. */
static void check_quiet(tarn_board *board, int handle) {
  CHECK_RESULT(TARN_EMPTY, read_now(board));
  CHECK_INT(0, readable(handle, 20));
}

static void test_poll(void) {
  tarn_board *writer = open_writer("poll", NULL), *reader = open_reader("poll");
  int handle = handle_of(reader);
  check_quiet(reader, handle);
  for (int i = 0; i < 50; i++) {
    put_text(writer, "value");
    CHECK_INT(1, readable(handle, 5000));
    CHECK_INT(1, readable(handle, 0)); /* a level, not an edge */
    CHECK_OK(read_now(reader));
    if (i % 10 == 0)
      check_quiet(reader, handle);
    else
      CHECK_RESULT(TARN_EMPTY, read_now(reader));
  }
  tarn_board_wake(reader);
  CHECK_INT(1, readable(handle, 5000));
  CHECK_RESULT(TARN_WOKEN, read_now(reader));
  check_quiet(reader, handle);
  tarn_board_close(writer);
  CHECK_INT(1, readable(handle, 5000));
  CHECK_RESULT(TARN_NO_WRITER, read_now(reader));
  check_quiet(reader, handle);
  writer = open_writer("poll", NULL);
  put_text(writer, "of the next");
  CHECK_INT(1, readable(handle, 5000));
  CHECK_OK(read_now(reader));
  check_quiet(reader, handle);
  tarn_board_close(reader); /* while its thread sleeps */
  tarn_board_close(writer);
}

/* The handle is asked for when there is something already, and the reader closed while it is readable. */
static void test_poll_of_what_is_there(void) {
  tarn_board *writer = open_writer("poll", NULL);
  put_text(writer, "value");
  tarn_board *reader = open_reader("poll");
  CHECK_INT(1, readable(handle_of(reader), 5000));
  tarn_board_close(reader);
  tarn_board_close(writer);
}

static int role_writer(int argc, char **argv) {
  CHECK_INT(1, argc);
  tarn_board *board = open_writer(argv[0], NULL);
  put_text(board, "value");
  check_say("ready");
  check_hear();
  put_text(board, "another");
  check_hear();
  return 0;
}

static void test_epoll_of_two(void) {
  check_process *writers[2] = {check_start("writer", "a", NULL), check_start("writer", "b", NULL)};
  tarn_board *readers[2];
  int set = epoll_create1(EPOLL_CLOEXEC);
  CHECK(set >= 0);
  for (uint32_t i = 0; i < 2; i++) {
    check_expect(writers[i], "ready");
    readers[i] = open_reader(i == 0 ? "a" : "b");
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
    CHECK_INT(0, epoll_ctl(set, EPOLL_CTL_ADD, handle_of(readers[i]), &event));
    CHECK_OK(read_now(readers[i]));
    CHECK_RESULT(TARN_EMPTY, read_now(readers[i]));
  }
  struct epoll_event event;
  CHECK_INT(0, epoll_wait(set, &event, 1, 20));
  check_tell(writers[1], "go");
  CHECK_INT(1, epoll_wait(set, &event, 1, 5000));
  CHECK_UINT(1, event.data.u32);
  CHECK_OK(read_now(readers[1]));
  CHECK_RESULT(TARN_EMPTY, read_now(readers[1]));
  CHECK_INT(0, epoll_wait(set, &event, 1, 20));
  int64_t start = check_now();
  check_kill(writers[0]); /* a death is news, too */
  CHECK_INT(1, epoll_wait(set, &event, 1, 5000));
  CHECK_UINT(0, event.data.u32);
  CHECK(check_now() - start < 2000 * (int64_t)MS);
  CHECK_RESULT(TARN_NO_WRITER, read_now(readers[0]));
  for (int i = 0; i < 2; i++) {
    check_kill(writers[i]);
    check_wait(writers[i]);
    tarn_board_close(readers[i]);
  }
  close(set);
}

/* Whoever does not read holds nobody up, and is told once, however often there was something to tell. */
static void test_2000_wakes_with_nobody_reading(void) {
  tarn_board *writer = open_writer("poll", NULL), *reader = open_reader("poll");
  int handle = handle_of(reader);
  int64_t start = check_now();
  for (int i = 0; i < 2000; i++) {
    put_text(writer, "value");
    tarn_board_wake(reader);
  }
  CHECK(check_now() - start < 5000 * (int64_t)MS);
  CHECK_INT(1, readable(handle, 5000));
  tarn_item item;
  CHECK_OK(tarn_board_read(reader, &item, 0));
  CHECK_UINT(2000, item.number);
  CHECK_OK(tarn_board_release(reader, &item));
  CHECK_RESULT(TARN_WOKEN, read_now(reader));
  check_quiet(reader, handle);
  tarn_board_close(reader);
  tarn_board_close(writer);
}

/* ---- What it costs -------------------------------------------------------------------------------------------------------------- */

/* In each slice of 50 ms a sleeper sleeps and asks about the writer, or about the name if nobody writes; now and then it looks at its
 * own place; and one barrier in all. */
static void check_costs_little(tarn_board *reader, const char *what) {
  tarn_item item;
  tn_fault_set(NULL, 0, 0, 0);
  CHECK_RESULT(TARN_TIMED_OUT, tarn_board_read(reader, &item, 1000 * (int64_t)MS));
  uint64_t calls = tn_fault_count("*"), sleeps = tn_fault_count("sleep");
  check_say("%s: %llu calls, %llu of them sleeps, in a second", what, (unsigned long long)calls, (unsigned long long)sleeps);
  CHECK(sleeps >= 5 && sleeps <= 25);
  CHECK(calls <= 50);
}

static void test_a_sleeper_costs_little(void) {
  tarn_board *writer = open_writer("cost", NULL), *reader = open_reader("cost");
  check_costs_little(reader, "a writer is there");
  tarn_board_close(writer);
  CHECK_RESULT(TARN_NO_WRITER, read_now(reader));
  check_costs_little(reader, "nobody writes");
  tarn_board_close(reader);
}

/* In a child that the kernel kills at any system call but write and exit. */
static int in_silence(void (*body)(tarn_board *, tarn_board *)) {
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    tarn_board *writer = open_writer("silent", NULL), *reader = open_reader("silent");
    body(writer, reader); /* once, so that every buffer has been made and seen */
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) {
      fflush(NULL);
      _exit(77);
    }
    body(writer, reader);
    syscall(SYS_exit, 0);
  }
  int status;
  CHECK_INT(child, waitpid(child, &status, 0));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
    check_skip("this system has no strict seccomp");
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void publish_and_read(tarn_board *writer, tarn_board *reader) {
  char data[64] = "";
  tarn_about about = {.struct_size = sizeof about, .time_ns = 1, .type = "t"};
  for (int i = 0; i < 1000; i++) {
    tarn_item items[3];
    for (int k = 0; k < 3; k++) {
      if (tarn_board_put(writer, data, sizeof data, &about, 0) != 0 || tarn_board_read(reader, &items[k], 0) != 0)
        abort();
    }
    for (int k = 0; k < 3; k++)
      if (tarn_board_release(reader, &items[(k + i) % 3]) != 0)
        abort();
    if (tarn_board_put(writer, data, sizeof data, &about, 0) != 0 || tarn_board_get(reader, data, sizeof data, items, 0) != 0)
      abort();
  }
}

static void make_a_system_call(tarn_board *writer, tarn_board *reader) {
  (void)writer, (void)reader;
  syscall(SYS_getppid);
}

static void test_nobody_asleep_no_system_call(void) {
  if (BOARDS_THREADS_WATCHED)
    check_skip("the thread sanitizer makes system calls of its own");
  CHECK_INT(-SIGKILL, in_silence(make_a_system_call)); /* that it would be found */
  CHECK_INT(0, in_silence(publish_and_read));
}

/* A publisher wakes once for each sleep, not once for each publish. */
static void test_one_wake_a_sleep(void) {
  tarn_board *writer = open_writer("cost", NULL);
  check_process *echo = check_start("sleeper", "cost", NULL);
  check_expect(echo, "asleep soon");
  check_sleep(30 * MS);
  tn_fault_set(NULL, 0, 0, 0);
  enum { PUBLISHED = 10000 };
  for (int i = 0; i < PUBLISHED; i++)
    put_text(writer, "value");
  uint64_t wakes = tn_fault_count("wake");
  check_say("%llu wakes for %d versions", (unsigned long long)wakes, PUBLISHED);
  CHECK(wakes >= 1);
  CHECK(wakes < PUBLISHED / 2);
  check_kill(echo);
  check_wait(echo);
  for (int i = 0; i < 2; i++)
    put_text(writer, "value"); /* who was killed asleep costs one wake, once */
  tn_fault_set(NULL, 0, 0, 0);
  for (int i = 0; i < 100; i++)
    put_text(writer, "value");
  CHECK_UINT(0, tn_fault_count("wake"));
  tarn_board_close(writer);
}

static int role_sleeper(int argc, char **argv) {
  CHECK_INT(1, argc);
  tarn_board *board = open_reader(argv[0]);
  check_say("asleep soon");
  tarn_item item;
  while (tarn_board_read(board, &item, TARN_FOREVER) == 0)
    CHECK_OK(tarn_board_release(board, &item));
  return 0;
}

/* ---- The clock ------------------------------------------------------------------------------------------------------------------- */

static void set_clock(int64_t by_seconds) {
  struct timeval now;
  gettimeofday(&now, NULL);
  now.tv_sec += (time_t)by_seconds;
  CHECK_INT(0, settimeofday(&now, NULL));
}

static void *set_back_for_a_while(void *unused) {
  (void)unused;
  check_sleep(20 * MS);
  set_clock(-10);
  check_sleep(60 * MS);
  set_clock(10);
  return NULL;
}

/* Setting the clock disturbs everybody on the machine, so only who asks for it gets it. No wait looks at that clock. */
static void test_a_clock_set_back(void) {
  const char *wanted = getenv("TARN_TEST_SET_CLOCK");
  if (wanted == NULL || geteuid() != 0)
    check_skip("sets the machine's clock back by 10 s for 60 ms: as root, with TARN_TEST_SET_CLOCK=1");
  tarn_board *writer = open_writer("clock", NULL), *reader = open_reader("clock");
  pthread_t setter;
  tarn_item item;
  int64_t start = check_now();
  CHECK_INT(0, pthread_create(&setter, NULL, set_back_for_a_while, NULL));
  CHECK_RESULT(TARN_TIMED_OUT, tarn_board_read(reader, &item, 150 * MS));
  int64_t took = check_now() - start;
  pthread_join(setter, NULL);
  CHECK(took >= 150 * MS && took < 1000 * (int64_t)MS);
  tarn_board_close(reader);
  tarn_board_close(writer);
}

static const check_test tests[] = {
    {"a_signal_ends_a_wait", test_a_signal_ends_a_wait, 0},
    {"poll", test_poll, 0},
    {"poll_of_what_is_there", test_poll_of_what_is_there, 0},
    {"epoll_of_two", test_epoll_of_two, 0},
    {"2000_wakes_with_nobody_reading", test_2000_wakes_with_nobody_reading, 0},
    {"a_sleeper_costs_little", test_a_sleeper_costs_little, 0},
    {"nobody_asleep_no_system_call", test_nobody_asleep_no_system_call, 0},
    {"one_wake_a_sleep", test_one_wake_a_sleep, 0},
    {"a_clock_set_back", test_a_clock_set_back, 0},
    {0},
};

static const check_role roles[] = {{"writer", role_writer}, {"sleeper", role_sleeper}, {0}};

int main(int argc, char **argv) {
  return check_main(argc, argv, tests, roles);
}
