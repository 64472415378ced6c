/* linux_process.c: threads, time, randomness, and what is known of this and of other processes. Process numbers are for people
 * to read: nothing in Tarn believes a death because a number is gone. */
#include "linux.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define NS_IN_S INT64_C(1000000000)

/* ---- Threads --------------------------------------------------------------------------------------------------------- */

typedef struct thread_start {
  void (*body)(void *);
  void *argument;
} thread_start;

static void *thread_body(void *taken) {
  thread_start start = *(thread_start *)taken;
  free(taken);
  start.body(start.argument);
  return NULL;
}

/* Signals are the host program's: a thread it does not know of must not be the one that runs its handlers. */
int tn_os_thread_start(intptr_t *ret_thread, void (*body)(void *), void *argument) {
  TN_FAULT("thread_start");
  thread_start *start = malloc(sizeof *start);
  if (!start) return tn_linux_fail_number(ENOMEM);
  *start = (thread_start){body, argument};
  sigset_t all, before;
  sigfillset(&all);
  sigdelset(&all, SIGBUS); /* what this thread itself does wrong; blocked, it would end the process past every handler */
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  int number = pthread_create(&thread, NULL, thread_body, start);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (number) {
    free(start);
    return tn_linux_fail_number(number);
  }
  *ret_thread = (intptr_t)thread;
  return 0;
}

void tn_os_thread_join(intptr_t thread) { pthread_join((pthread_t)thread, NULL); }

/* ---- Time ------------------------------------------------------------------------------------------------------------ */

static int64_t clock_ns(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * NS_IN_S + now.tv_nsec;
}

int64_t tn_os_now(void) { return clock_ns(CLOCK_MONOTONIC); }
int64_t tn_os_unix_time(void) { return clock_ns(CLOCK_REALTIME); }

void tn_os_pause(int64_t ns) {
  if (ns <= 0) return;
  struct timespec left = {.tv_sec = (time_t)(ns / NS_IN_S), .tv_nsec = (long)(ns % NS_IN_S)};
  while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {}
}

/* ---- Randomness ------------------------------------------------------------------------------------------------------ */

int tn_os_random(void *buffer, size_t length) {
  TN_FAULT("random");
  for (size_t done = 0; done < length;) {
    ssize_t got = getrandom((char *)buffer + done, length - done, 0);
    if (got < 0 && errno != EINTR) return tn_linux_fail();
    if (got > 0) done += (size_t)got;
  }
  return 0;
}

/* ---- Processes ------------------------------------------------------------------------------------------------------- */

uint32_t tn_os_process_number(void) { return (uint32_t)getpid(); }

/* 0: not known (no /proc). */
uint32_t tn_os_process_space(void) {
  struct stat status;
  return stat("/proc/self/ns/pid", &status) == 0 ? (uint32_t)status.st_ino : 0;
}

/* All of a small file of /proc, NUL-terminated; its length or -1. */
static ssize_t read_small(const char *path, char *buffer, size_t size) {
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return -1;
  ssize_t got;
  do got = read(descriptor, buffer, size - 1);
  while (got < 0 && errno == EINTR);
  close(descriptor);
  if (got >= 0) buffer[got] = 0;
  return got;
}

/* "7 (a name) with ) in it) S 1 ...": the name may hold anything, so its end is the last parenthesis. Control characters would
 * reach somebody's terminal: they become question marks. */
static void parse_stat(char *text, tn_os_process *ret) {
  char *open = strchr(text, '('), *close = strrchr(text, ')');
  if (!open || !close || close < open || close[1] != ' ') return;
  char state = close[2];
  ret->exists = state != 'Z' && state != 'X' && state != 'x'; /* a zombie has ended: it holds nothing any more */
  ret->stopped = state == 'T' || state == 't';
  size_t length = (size_t)(close - open - 1);
  if (length >= sizeof ret->name) length = sizeof ret->name - 1;
  for (size_t i = 0; i < length; i++) ret->name[i] = (unsigned char)open[1 + i] < 32 || open[1 + i] == 127 ? '?' : open[1 + i];
  ret->name[length] = 0;
}

void tn_os_process_of(uint32_t number, tn_os_process *ret_process) {
  tn_os_process found;
  memset(&found, 0, sizeof found);
  char path[48], text[1024];
  snprintf(path, sizeof path, "/proc/%u/stat", (unsigned)number);
  if (number != 0 && number <= INT32_MAX) {
    if (read_small(path, text, sizeof text) > 0)
      parse_stat(text, &found);
    else /* hidden from this user, or no /proc: there is still one way to ask */
      found.exists = kill((pid_t)number, 0) == 0 || errno == EPERM;
  }
  *ret_process = found;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

int tn_os_boot_id(uint8_t ret_id[16]) {
  if (TN_FAULTED("boot_id")) return 0;
  char text[64];
  uint8_t id[16] = {0};
  if (read_small("/proc/sys/kernel/random/boot_id", text, sizeof text) < 36) return 0;
  int digits = 0;
  for (const char *c = text; *c && *c != '\n' && digits < 32; c++) {
    if (*c == '-') continue;
    int value = hex_digit(*c);
    if (value < 0) return 0;
    id[digits / 2] = (uint8_t)(id[digits / 2] << 4 | value);
    digits++;
  }
  if (digits != 32) return 0;
  memcpy(ret_id, id, sizeof id);
  return 1;
}

/* ---- What a test does to its own process ------------------------------------------------------------------------------ */

#ifdef TN_TESTING
/* kill, not raise: a stop is for the whole process, and the signal has arrived when kill returns. The first process of a PID
 * namespace cannot kill itself: ending without any clean-up is the nearest to it. */
void tn_self_kill(void) {
  kill(getpid(), SIGKILL);
  _exit(128 + SIGKILL);
}

void tn_self_stop(void) { kill(getpid(), SIGSTOP); }
void tn_self_exit(int code) { _exit(code); }
#endif
