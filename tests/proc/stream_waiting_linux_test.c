/* stream_waiting_linux_test.c: a stream's handle in poll and epoll, what waiting and publishing cost in system calls, and
 * readers that are stopped. */
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/fault.h"
#include "stream_inside.h"
#include "streams.h"

enum { RING = 4096, MS = 1000000 };
static const int64_t LONG_NS = INT64_C(20000000000);

/* ---- The handle to poll ------------------------------------------------------------------------------------------------- */

static int handle_of(tarn_stream *stream) {
  intptr_t handle, again;
  CHECK_OK(tarn_stream_handle(stream, &handle));
  CHECK_OK(tarn_stream_handle(stream, &again));
  CHECK_INT(handle, again);
  return (int)handle;
}

static int readable(int handle, int timeout_ms) {
  struct pollfd entry = {.fd = handle, .events = POLLIN};
  int result = poll(&entry, 1, timeout_ms);
  CHECK(result >= 0);
  return result;
}

static int read_now(tarn_stream *stream) {
  tarn_item item;
  int result = tarn_stream_read(stream, &item, 0);
  if (result == 0) {
    CHECK(stream_whole(&item));
    CHECK_OK(tarn_stream_release(stream, &item));
  }
  return result;
}

static void check_quiet(tarn_stream *stream, int handle) {
  CHECK_RESULT(TARN_EMPTY, read_now(stream));
  CHECK_INT(0, readable(handle, 20));
}

static void poll_under(uint32_t policy) {
  tarn_stream *writer = stream_open("poll", TARN_WRITER, (tarn_options){.size_bytes = RING, .policy = policy});
  tarn_stream *reader = stream_open("poll", TARN_READER, (tarn_options){0});
  int handle = handle_of(reader);
  intptr_t none;
  CHECK_RESULT(TARN_E_INVALID, tarn_stream_handle(writer, &none));
  check_quiet(reader, handle);
  for (int i = 0; i < 100; i++) { /* more than once around the ring */
    stream_put(writer, writer->number, 90);
    CHECK_INT(1, readable(handle, 5000));
    CHECK_INT(1, readable(handle, 0)); /* a level, not an edge */
    CHECK_OK(read_now(reader));
    if (i % 20 == 0)
      check_quiet(reader, handle);
    else
      CHECK_RESULT(TARN_EMPTY, read_now(reader));
  }
  for (int i = 0; i < 30; i++) /* several at once: readable until all are read */
    stream_put(writer, writer->number, 40);
  for (int i = 0; i < 30; i++) {
    CHECK_INT(1, readable(handle, 5000));
    CHECK_OK(read_now(reader));
  }
  check_quiet(reader, handle);
  tarn_stream_wake(reader);
  CHECK_INT(1, readable(handle, 5000));
  CHECK_RESULT(TARN_WOKEN, read_now(reader));
  check_quiet(reader, handle);
  tarn_stream_close(writer);
  CHECK_INT(1, readable(handle, 5000));
  CHECK_RESULT(TARN_NO_WRITER, read_now(reader));
  check_quiet(reader, handle);
  writer = stream_open("poll", TARN_WRITER, (tarn_options){0});
  stream_put(writer, writer->number, 10);
  CHECK_INT(1, readable(handle, 5000));
  CHECK_OK(read_now(reader));
  if (policy == TARN_OVERWRITE) { /* overrun is news, too */
    check_quiet(reader, handle);
    for (int i = 0; i < 200; i++)
      stream_put(writer, writer->number, 90);
    CHECK_INT(1, readable(handle, 5000));
    while (read_now(reader) == 0)
      continue;
  }
  check_quiet(reader, handle);
  tarn_stream_close(reader); /* while its thread sleeps */
  tarn_stream_close(writer);
}

static void test_poll(void) {
  for (uint32_t policy = TARN_WAIT; policy <= TARN_OVERWRITE; policy++)
    poll_under(policy);
}

static int role_writer(int argc, char **argv) {
  CHECK_INT(1, argc);
  tarn_stream *writer = stream_open(argv[0], TARN_WRITER, (tarn_options){.size_bytes = RING});
  check_say("ready");
  check_hear();
  stream_put(writer, 1, 8);
  check_hear();
  return 0;
}

static void test_epoll_of_two(void) {
  check_process *writers[2] = {check_start("writer", "a", NULL), check_start("writer", "b", NULL)};
  tarn_stream *readers[2];
  int set = epoll_create1(EPOLL_CLOEXEC);
  CHECK(set >= 0);
  for (uint32_t i = 0; i < 2; i++) {
    check_expect(writers[i], "ready");
    readers[i] = stream_open(i == 0 ? "a" : "b", TARN_READER, (tarn_options){0});
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
    CHECK_INT(0, epoll_ctl(set, EPOLL_CTL_ADD, handle_of(readers[i]), &event));
    CHECK_RESULT(TARN_EMPTY, read_now(readers[i]));
  }
  struct epoll_event event;
  CHECK_INT(0, epoll_wait(set, &event, 1, 20));
  check_tell(writers[1], "go");
  CHECK_INT(1, epoll_wait(set, &event, 1, 5000));
  CHECK_UINT(1, event.data.u32);
  CHECK_OK(read_now(readers[1]));
  CHECK_RESULT(TARN_EMPTY, read_now(readers[1]));
  check_kill(writers[0]); /* a death is news, too */
  CHECK_INT(1, epoll_wait(set, &event, 1, 5000));
  CHECK_UINT(0, event.data.u32);
  CHECK_RESULT(TARN_NO_WRITER, read_now(readers[0]));
  for (int i = 0; i < 2; i++) {
    check_kill(writers[i]);
    check_wait(writers[i]);
    tarn_stream_close(readers[i]);
  }
  close(set);
}

/* ---- What it costs ------------------------------------------------------------------------------------------------------ */

/* Asleep, reader or writer: in each slice of 50 ms it sleeps, and asks about whom it waits for. */
static void test_sleepers_cost_little(void) {
  tarn_stream *writer = stream_open("cost", TARN_WRITER, (tarn_options){.size_bytes = RING});
  tarn_stream *reader = stream_open("cost", TARN_READER, (tarn_options){0});
  tarn_item item;
  for (int i = 0; i < 2; i++) {
    while (i == 1 && stream_try_put(writer, writer->number, 48, 0) == 0)
      continue;
    tn_fault_set(NULL, 0, 0, 0);
    if (i == 0)
      CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_read(reader, &item, 1000 * (int64_t)MS));
    else
      CHECK_RESULT(TARN_TIMED_OUT, stream_try_put(writer, 1, 48, 1000 * (int64_t)MS));
    uint64_t calls = tn_fault_count("*"), sleeps = tn_fault_count("sleep");
    check_say("%s: %llu calls, %llu of them sleeps, in a second", i == 0 ? "reader" : "writer", (unsigned long long)calls,
              (unsigned long long)sleeps);
    CHECK(sleeps >= 5 && sleeps <= 25);
    CHECK(calls <= 50);
  }
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

/* In a child that the kernel kills at any system call but write and exit. */
static int in_silence(uint32_t policy, void (*body)(tarn_stream *, tarn_stream *)) {
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    tarn_stream *writer = stream_open("silent", TARN_WRITER, (tarn_options){.size_bytes = RING, .policy = policy});
    tarn_stream *reader = stream_open("silent", TARN_READER, (tarn_options){0});
    body(writer, reader);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) {
      fflush(NULL);
      _exit(77);
    }
    body(writer, reader);
    syscall(SYS_exit, 0);
  }
  int status;
  CHECK_INT(child, waitpid(child, &status, 0));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) check_skip("this system has no strict seccomp");
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* Many times around the ring: claims, batches, floors, wraps, holds. */
static void publish_and_read(tarn_stream *writer, tarn_stream *reader) {
  static unsigned char data[RING];
  const tarn_piece pieces[] = {{data, 100, 1}, {data, 300, 2}, {data, 0, 3}};
  for (int i = 0; i < 2000; i++) {
    void *room;
    uint32_t count, got;
    tarn_item items[4];
    if (tarn_stream_claim(writer, 500, &room, 0) != 0 || tarn_stream_publish(writer, (uint64_t)i % 500, NULL) != 0) abort();
    if (tarn_stream_put_batch(writer, pieces, 3, &count, 0) != 0) abort();
    if (tarn_stream_read_batch(reader, items, 4, &got, 0) != 0 || got != count + 1) abort();
    if (tarn_stream_release_batch(reader, items, got) != 0) abort();
    if (tarn_stream_put(writer, data, 64, NULL, 0) != 0 || tarn_stream_get(reader, data, 64, items, 0) != 0) abort();
  }
}

static void make_a_system_call(tarn_stream *writer, tarn_stream *reader) {
  (void)writer, (void)reader;
  syscall(SYS_getppid);
}

static void test_nobody_asleep_no_system_call(void) {
  CHECK_INT(-SIGKILL, in_silence(TARN_WAIT, make_a_system_call)); /* that it would be found */
  for (uint32_t policy = TARN_WAIT; policy <= TARN_OVERWRITE; policy++)
    CHECK_INT(0, in_silence(policy, publish_and_read));
}

static int role_sleeper(int argc, char **argv) {
  CHECK_INT(1, argc);
  tarn_stream *reader = stream_open(argv[0], TARN_READER, (tarn_options){0});
  check_say("asleep soon");
  tarn_item item;
  while (tarn_stream_read(reader, &item, TARN_FOREVER) == 0)
    CHECK_OK(tarn_stream_release(reader, &item));
  return 0;
}

/* A publisher wakes once for each sleep, a batch wakes once, and who was killed asleep costs one wake. */
static void test_one_wake_a_sleep(void) {
  tarn_stream *writer = stream_open("wakes", TARN_WRITER, (tarn_options){.size_bytes = 1 << 20});
  check_process *sleeper = check_start("sleeper", "wakes", NULL);
  check_expect(sleeper, "asleep soon");
  check_sleep(30 * MS);
  tn_fault_set(NULL, 0, 0, 0);
  tarn_piece pieces[50] = {{NULL, 0, 0}};
  uint32_t count;
  CHECK_OK(tarn_stream_put_batch(writer, pieces, 50, &count, 0));
  CHECK_UINT(50, count);
  CHECK(tn_fault_count("wake") <= 1);
  for (int i = 0; i < 10000; i++)
    stream_put(writer, writer->number, 8);
  uint64_t wakes = tn_fault_count("wake");
  check_say("%llu wakes for 10050 messages", (unsigned long long)wakes);
  CHECK(wakes >= 1 && wakes < 5000);
  check_kill(sleeper);
  check_wait(sleeper);
  for (int i = 0; i < 2; i++)
    stream_put(writer, writer->number, 8);
  tn_fault_set(NULL, 0, 0, 0);
  for (int i = 0; i < 100; i++)
    stream_put(writer, writer->number, 8);
  CHECK_UINT(0, tn_fault_count("wake"));
  tarn_stream_close(writer);
}

/* ---- Stopped ------------------------------------------------------------------------------------------------------------ */

static int role_holder(int argc, char **argv) {
  CHECK_INT(1, argc);
  tarn_stream *reader = stream_open(argv[0], TARN_READER, (tarn_options){0});
  tarn_item item;
  CHECK_OK(tarn_stream_read(reader, &item, LONG_NS));
  check_say("holds");
  check_hear();
  CHECK(stream_whole(&item));
  CHECK_OK(tarn_stream_release(reader, &item));
  tarn_stream_close(reader);
  return 0;
}

/* Who is stopped is not dead: its message stays, the writer waits, and goes on when the reader does. */
static void test_stopped_reader(void) {
  for (uint32_t policy = TARN_WAIT; policy <= TARN_OVERWRITE; policy++) {
    tarn_stream *writer = stream_open("stop", TARN_WRITER, (tarn_options){.size_bytes = RING, .policy = policy});
    stream_put(writer, 1, 48);
    check_process *holder = check_start("holder", "stop", NULL);
    check_expect(holder, "holds");
    check_stop(holder);
    while (stream_try_put(writer, writer->number, 48, 0) == 0)
      continue;
    int64_t end = check_now() + 700 * (int64_t)MS;
    while (check_now() < end) {
      int result = stream_try_put(writer, writer->number, 48, 100 * MS);
      CHECK_RESULT(policy == TARN_WAIT ? TARN_TIMED_OUT : TARN_FULL, result);
    }
    check_tell(holder, "release");
    check_continue(holder);
    int result;
    while ((result = stream_try_put(writer, writer->number, 48, LONG_NS)) == TARN_FULL)
      check_sleep(MS);
    CHECK_OK(result);
    CHECK_INT(0, check_wait(holder));
    tarn_stream_close(writer);
  }
}

static const check_test tests[] = {{"poll", test_poll, 0},
                                   {"epoll_of_two", test_epoll_of_two, 0},
                                   {"sleepers_cost_little", test_sleepers_cost_little, 0},
                                   {"nobody_asleep_no_system_call", test_nobody_asleep_no_system_call, 0},
                                   {"one_wake_a_sleep", test_one_wake_a_sleep, 0},
                                   {"stopped_reader", test_stopped_reader, 0},
                                   {0}};
static const check_role roles[] = {{"writer", role_writer}, {"sleeper", role_sleeper}, {"holder", role_holder}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
