/* cli/system_bench.c: what the benchmark needs from the system. See system_bench.h. */
#ifndef _WIN32
#define _GNU_SOURCE
#endif
#include "system_bench.h"

#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32

void cli_pin(int index) { (void)index; }
void cli_pin_apart(int index, int other) { (void)index, (void)other; }

bool cli_start_peer(intptr_t *ret_peer, int (*body)(void *), void *argument) {
  (void)ret_peer, (void)body, (void)argument;
  errno = ENOSYS;
  return false;
}

int cli_wait_peer(intptr_t peer) {
  (void)peer;
  return CLI_OTHER;
}

void cli_die(void) {}

void cli_futex_wait(_Atomic uint32_t *word, uint32_t seen, int64_t timeout_ns) { (void)word, (void)seen, (void)timeout_ns; }

void cli_futex_wake(_Atomic uint32_t *word) { (void)word; }

int cli_bench_cursors(const char *stream, uint32_t count, uint64_t **ret_cursors) {
  (void)stream, (void)count, (void)ret_cursors;
  return CLI_OTHER;
}

bool cli_make_bench_directory(char *ret_path, size_t size) {
  (void)ret_path, (void)size;
  errno = ENOSYS;
  return false;
}

void cli_remove_bench_directory(const char *path) { (void)path; }

#else

#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static cpu_set_t allowed;

static int count_allowed(void) {
  if (CPU_COUNT(&allowed) == 0) sched_getaffinity(0, sizeof allowed, &allowed);
  return CPU_COUNT(&allowed) > 0 ? CPU_COUNT(&allowed) : 1;
}

void cli_pin(int index) {
  int wanted = index % count_allowed();
  for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &allowed) || wanted-- != 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

void cli_pin_apart(int index, int other) {
  int others = count_allowed() - 1, nth = others > 0 ? index % others : 0;
  cli_pin(nth >= other && others > 0 ? nth + 1 : nth);
}

bool cli_start_peer(intptr_t *ret_peer, int (*body)(void *), void *argument) {
  fflush(NULL);
  pid_t peer = fork();
  if (peer == 0) _exit(body(argument));
  *ret_peer = peer;
  return peer > 0;
}

int cli_wait_peer(intptr_t peer) {
  int status;
  while (waitpid((pid_t)peer, &status, 0) < 0)
    if (errno != EINTR) return CLI_OTHER;
  return WIFEXITED(status) ? WEXITSTATUS(status) : CLI_OTHER;
}

void cli_die(void) { kill(getpid(), SIGKILL); }

void cli_futex_wait(_Atomic uint32_t *word, uint32_t seen, int64_t timeout_ns) {
  struct timespec timeout = {(time_t)(timeout_ns / 1000000000), (long)(timeout_ns % 1000000000)};
  syscall(SYS_futex, word, FUTEX_WAIT, seen, &timeout, NULL, 0);
}

void cli_futex_wake(_Atomic uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0); }

int cli_bench_cursors(const char *stream, uint32_t count, uint64_t **ret_cursors) {
  enum { TABLE = 4096, SLOT = 128, CURSOR = 24 };
  char path[4400];
  snprintf(path, sizeof path, "%s/%s.stream", getenv("TARN_DIR"), stream);
  int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return cli_fail_system("open", path);
  unsigned char *base = mmap(NULL, TABLE + SLOT * (count + 1), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (base == MAP_FAILED) return cli_fail_system("map", path);
  for (uint32_t i = 0; i < count; i++) ret_cursors[i] = (uint64_t *)(void *)(base + TABLE + SLOT * (i + 1) + CURSOR);
  return CLI_DONE;
}

bool cli_make_bench_directory(char *ret_path, size_t size) {
  snprintf(ret_path, size, "/dev/shm/tarn-bench-XXXXXX");
  return mkdtemp(ret_path) != NULL;
}

void cli_remove_bench_directory(const char *path) {
  DIR *directory = opendir(path);
  if (!directory) return;
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) unlinkat(dirfd(directory), entry->d_name, 0);
  closedir(directory);
  rmdir(path);
}

#endif
