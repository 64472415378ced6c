/* bench/measure.c: clocks, histograms, what a process used and holds. */
#define _GNU_SOURCE
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "compare.h"

int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void sleep_until(int64_t ns) {
  struct timespec time = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) != 0) continue;
}

/* Buckets grow with the value: STEPS of them to each doubling, so that a figure is right to within 0.8 %. */
static uint32_t bucket_of(uint64_t ns) {
  if (ns < STEPS) return (uint32_t)ns;
  int doublings = 63 - __builtin_clzll(ns) - __builtin_ctz(STEPS);
  uint64_t bucket = (uint64_t)doublings * STEPS + (ns >> doublings);
  return bucket < BUCKETS ? (uint32_t)bucket : BUCKETS - 1;
}

/* The middle of a bucket. */
static double value_of(uint32_t bucket) {
  if (bucket < 2 * STEPS) return bucket;
  int doublings = (int)(bucket / STEPS) - 1;
  return ((double)(bucket % STEPS + STEPS) + 0.5) * (double)(UINT64_C(1) << doublings);
}

void record(figures *of, int64_t ns) {
  if (ns < 0) ns = 0;
  of->histogram[bucket_of((uint64_t)ns)]++;
  if (ns < of->shortest_ns) of->shortest_ns = ns;
  if (ns > of->longest_ns) of->longest_ns = ns;
}

double percentile(const figures *of, uint64_t count, double share) {
  uint64_t wanted = (uint64_t)((double)count * share), passed = 0;
  for (uint32_t i = 0; i < BUCKETS; i++) {
    passed += of->histogram[i];
    if (passed > wanted) return value_of(i);
  }
  return (double)of->longest_ns;
}

static void take_usage(figures *of, int sign) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  int64_t us =
      ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
  of->cpu_ns += sign * us * 1000;
  of->slept += (uint64_t)(sign * usage.ru_nvcsw);
  of->interrupted += (uint64_t)(sign * usage.ru_nivcsw);
}

/* What is between two such calls in a log of strace is what was measured. */
static void mark(const char *where) {
  if (access(where, F_OK) == 0) return; /* there is nothing of that name; what counts is to ask */
}

void begin_figures(figures *of) {
  mark("/tarn-bench/begin");
  memset(of->histogram, 0, sizeof of->histogram);
  of->count = 0;
  of->cpu_ns = 0;
  of->slept = of->interrupted = 0;
  of->shortest_ns = INT64_MAX;
  of->longest_ns = 0;
  take_usage(of, -1);
  of->begin_ns = now_ns();
}

void end_figures(figures *of) {
  of->end_ns = now_ns();
  take_usage(of, 1);
  mark("/tarn-bench/end");
}

static int64_t entries(const char *path) {
  int64_t count = -2; /* . and .. */
  DIR *directory = opendir(path);
  if (!directory) return 0;
  while (readdir(directory)) count++;
  closedir(directory);
  return count;
}

/* Memory is the process's share of what is its own or shared on purpose: what n processes have mapped counts as an n-th in each. Pages
 * of programs and libraries are left out, since they come and go with other processes. */
holding holds_now(void) {
  holding held = {.descriptors = entries("/proc/self/fd"), .threads = entries("/proc/self/task")};
  char line[512];
  long long kib;
  FILE *file = fopen("/proc/self/smaps_rollup", "re");
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "Pss_Anon: %lld kB", &kib) == 1 || sscanf(line, "Pss_Shmem: %lld kB", &kib) == 1)
      held.memory_bytes += kib * 1024;
  if (file) fclose(file);
  file = fopen("/proc/self/maps", "re");
  while (file && fgets(line, sizeof line, file)) held.mappings++;
  if (file) fclose(file);
  return held;
}

/* Processors in the order of BENCH_PROCESSORS ("0,2,3"), or all that are allowed. */
static int list_processors(int *ret_list, int most) {
  const char *text = getenv("BENCH_PROCESSORS");
  cpu_set_t allowed;
  int count = 0;
  for (char *end; text && *text != '\0' && count < most; text = *end == ',' ? end + 1 : end) {
    ret_list[count] = (int)strtol(text, &end, 10);
    if (end == text) break;
    count++;
  }
  if (count > 0 || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return count;
  for (int cpu = 0; cpu < CPU_SETSIZE && count < most; cpu++)
    if (CPU_ISSET((size_t)cpu, &allowed)) ret_list[count++] = cpu;
  return count;
}

/* The writer on the first, the readers on the others in turn. Only the calling thread: threads that a library has started by now run
 * where they like. */
void pin_side(uint32_t side) {
  int list[CPU_SETSIZE], count = list_processors(list, CPU_SETSIZE);
  if (count == 0) return;
  int wanted = list[side == 0 || count == 1 ? 0 : 1 + (int)(side - 1) % (count - 1)];
  if (wanted < 0 || wanted >= CPU_SETSIZE) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET((size_t)wanted, &one);
  sched_setaffinity(0, sizeof one, &one);
}

void fill_payload(uint64_t *payload, uint64_t bytes, uint64_t value) {
  for (uint64_t i = 0; i < bytes / 8; i++) payload[i] = value;
}

/* Reads every byte. Four sums, so that they do not wait for each other. */
uint64_t sum_words(const uint64_t *words, uint64_t count) {
  uint64_t a = 0, b = 0, c = 0, d = 0, i = 0;
  for (; i + 4 <= count; i += 4) {
    a += words[i];
    b += words[i + 1];
    c += words[i + 2];
    d += words[i + 3];
  }
  for (; i < count; i++) a += words[i];
  return a + b + c + d;
}
