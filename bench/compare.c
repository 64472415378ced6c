/* bench/compare.c: one run of the comparison: starts the sides, waits for them, prints what they measured as one line of JSON.
 *
 * compare --peer NAME --work WORK --mode poll|block [--bytes N] [--readers N] [--rate HZ] [--run-ms N] [--warm-ms N] [--count N]
 *         [--name WORD] [--directory PATH] [--strace PATH]
 * The writer runs on the first processor of BENCH_PROCESSORS ("0,2,3"; without it, of all), the readers on the others in turn.
 * A peer that cannot do the work prints {"skipped":"why"}. Work `held` stops twice for a line on stdin: when everything is held, and
 * when the sides have been killed; so whoever started it can look at the system. bench/run.py does all this for a whole table.
 */
#define _GNU_SOURCE
#include "compare.h"

#include <dlfcn.h>
#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const works[WORK_COUNT] = {"round_trip", "one_way", "sleep", "newest", "first", "held", "copy"};
static const uint32_t needs[WORK_COUNT] = {PEER_ANSWERS, PEER_EVERY, PEER_BLOCKS, PEER_NEWEST, 0, PEER_ANSWERS, PEER_IS_LIMIT};

typedef struct run {
  sheet *shared;
  int shared_fd;
  const peer *peer;
  peer_job job;
  const char *strace; /* a prefix of files, one a side */
  bool made_directory;
  pid_t sides[MOST_SIDES];
} run;

static int usage(const char *what) {
  fprintf(stderr, "compare: %s; see the head of bench/compare.c\n", what);
  return 2;
}

/* ---- What was asked for --------------------------------------------------------------------------------------------------- */

static int take_number(const char *text, uint64_t *ret_number) {
  char *end;
  errno = 0;
  uint64_t number = strtoull(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0') return -1;
  *ret_number = number;
  return 0;
}

static bool find_module(char *ret_path, size_t size, const char *name) {
  char self[240];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (length < 0 || strchr(name, '/')) return false;
  self[length] = '\0';
  int written = snprintf(ret_path, size, "%s/peer_%s.so", dirname(self), name);
  return written > 0 && (size_t)written < size && access(ret_path, R_OK) == 0;
}

enum {
  PEER = 'p',
  WORK = 'w',
  MODE = 'm',
  BYTES = 'b',
  READERS = 'r',
  RATE = 'h',
  RUN = 't',
  WARM = 'u',
  COUNT = 'c',
  NAME = 'n',
  DIRECTORY = 'd',
  STRACE = 's'
};

static int take_option(run *of, int option, const char *text) {
  plan *plan = &of->shared->plan;
  uint64_t number = 0;
  if (strchr("brhtuc", option) && take_number(text, &number) != 0) return usage("that is no number");
  switch (option) {
    case PEER:
      return find_module(plan->peer_file, sizeof plan->peer_file, text) ? 0 : -1;
    case WORK:
      for (plan->work = 0; plan->work < WORK_COUNT && strcmp(text, works[plan->work]) != 0;) plan->work++;
      return plan->work < WORK_COUNT ? 0 : usage("no such work");
    case MODE:
      plan->polls = strcmp(text, "poll") == 0;
      return 0;
    case BYTES:
      plan->bytes = number;
      return 0;
    case READERS:
      plan->readers = (uint32_t)number;
      return 0;
    case RATE:
      plan->rate_hz = (uint32_t)number;
      return 0;
    case RUN:
      plan->run_ns = (int64_t)number * 1000000;
      return 0;
    case WARM:
      plan->warm_ns = (int64_t)number * 1000000;
      return 0;
    case COUNT:
      plan->count = number;
      return 0;
    case NAME:
      snprintf(plan->name, sizeof plan->name, "%s", text);
      return 0;
    case DIRECTORY:
      snprintf(plan->directory, sizeof plan->directory, "%s", text);
      return 0;
    case STRACE:
      of->strace = text;
      return 0;
    default:
      return usage("no such option");
  }
}

/* 0; a usage error; -1: there is no such module here. */
static int take_options(run *of, int count, char **arguments) {
  static const struct option options[] = {{"peer", 1, NULL, PEER},
                                          {"work", 1, NULL, WORK},
                                          {"mode", 1, NULL, MODE},
                                          {"bytes", 1, NULL, BYTES},
                                          {"readers", 1, NULL, READERS},
                                          {"rate", 1, NULL, RATE},
                                          {"run-ms", 1, NULL, RUN},
                                          {"warm-ms", 1, NULL, WARM},
                                          {"count", 1, NULL, COUNT},
                                          {"name", 1, NULL, NAME},
                                          {"directory", 1, NULL, DIRECTORY},
                                          {"strace", 1, NULL, STRACE},
                                          {0}};
  plan *plan = &of->shared->plan;
  *plan = (struct plan){.bytes = 64, .readers = 1, .rate_hz = 1000, .run_ns = 200000000, .warm_ns = 20000000};
  snprintf(plan->name, sizeof plan->name, "tarn-bench-%d", (int)getpid());
  int code = 0;
  for (int option; code == 0 && (option = getopt_long(count, arguments, "", options, NULL)) != -1;)
    code = take_option(of, option, optarg ? optarg : "");
  if (code != 0) return code;
  if (plan->peer_file[0] == '\0') return usage("--peer is needed");
  if (plan->bytes < 8 || plan->bytes % 8 != 0) return usage("--bytes: a multiple of 8");
  if (plan->readers < 1 || plan->readers > MOST_READERS) return usage("--readers: 1 to 16");
  return plan->rate_hz > 0 ? 0 : usage("--rate: above 0");
}

static const char *why_not(const run *of) {
  const plan *plan = &of->shared->plan;
  const peer *peer = of->peer;
  if (!(peer->can & (plan->polls ? PEER_POLLS : PEER_BLOCKS))) return plan->polls ? "it does not poll" : "it does not sleep";
  if ((peer->can & needs[plan->work]) != needs[plan->work]) return "not for this work";
  if (plan->readers > 1 && !(peer->can & PEER_READERS)) return "one reader only";
  if (peer->most_bytes != 0 && plan->bytes > peer->most_bytes) return "larger than its messages may be";
  return NULL;
}

/* ---- The sides -------------------------------------------------------------------------------------------------------------- */

static void become_side(const run *of, uint32_t number) {
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing outlives the run */
  char fd[16], side[16], file[256];
  snprintf(fd, sizeof fd, "%d", of->shared_fd);
  snprintf(side, sizeof side, "%u", number);
  snprintf(file, sizeof file, "%s.%u", of->strace ? of->strace : "", number);
  char self[256];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  self[length > 0 ? length : 0] = '\0';
  if (of->strace)
    execlp("strace", "strace", "-f", "-o", file, self, "--side", fd, side, (char *)NULL);
  else
    execl(self, self, "--side", fd, side, (char *)NULL);
  fprintf(stderr, "compare: could not start a side: %s\n", strerror(errno));
  _exit(1);
}

static bool start_sides(run *of) {
  of->shared->started_ns = now_ns();
  for (uint32_t i = 0; i <= of->shared->plan.readers; i++) {
    of->sides[i] = fork();
    if (of->sides[i] == 0) become_side(of, i);
    if (of->sides[i] < 0) return false;
  }
  return true;
}

static void kill_sides(run *of) {
  for (uint32_t i = 0; i <= of->shared->plan.readers; i++)
    if (of->sides[i] > 0) kill(of->sides[i], SIGKILL);
  for (uint32_t i = 0; i <= of->shared->plan.readers; i++)
    if (of->sides[i] > 0) waitpid(of->sides[i], NULL, 0);
}

/* True when all have ended well; otherwise those that are left are killed. */
static bool await_sides(run *of, int64_t limit_ns) {
  uint32_t left = of->shared->plan.readers + 1;
  int64_t limit = now_ns() + limit_ns;
  bool good = true;
  while (left > 0 && good) {
    int status;
    pid_t ended = waitpid(-1, &status, WNOHANG);
    for (uint32_t i = 0; ended > 0 && i <= of->shared->plan.readers; i++) {
      if (of->sides[i] != ended) continue;
      of->sides[i] = 0;
      left--;
      good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    if (ended > 0) continue;
    if (now_ns() > limit) {
      fprintf(stderr, "compare: %s: not done in time\n", of->peer->title);
      good = false;
    }
    sleep_until(now_ns() + 2000000);
  }
  if (!good) kill_sides(of);
  return good;
}

/* Lets whoever started this look at the system: says where things are, and waits for a line. */
static void let_look(const run *of, const char *where) {
  char line[16];
  printf("{\"%s\":[%d,%d]}\n", where, (int)of->sides[0], (int)of->sides[1]);
  fflush(stdout);
  if (!fgets(line, sizeof line, stdin)) return;
}

static bool hold_and_kill(run *of) {
  for (int64_t limit = now_ns() + 20000000000; atomic_load(&of->shared->holding) < 2; sleep_until(now_ns() + 1000000)) {
    int status;
    if (now_ns() < limit && waitpid(of->sides[0], &status, WNOHANG) == 0 && waitpid(of->sides[1], &status, WNOHANG) == 0)
      continue;
    kill_sides(of);
    return false;
  }
  let_look(of, "holding");
  kill_sides(of);
  let_look(of, "killed");
  return true;
}

/* ---- What comes out ------------------------------------------------------------------------------------------------------------ */

/* Sparse and coarse, [value, count, value, count...]: sixteen steps to each doubling are enough for the tail of many runs. */
static void print_histogram(const figures *of) {
  const char *comma = "";
  printf(",\"histogram\":[");
  for (uint32_t i = 0; i < BUCKETS; i += STEPS / 16) {
    uint64_t count = 0;
    for (uint32_t k = 0; k < STEPS / 16; k++) count += of->histogram[i + k];
    if (count == 0) continue;
    int doublings = i < 2 * STEPS ? 0 : (int)(i / STEPS) - 1;
    uint64_t low = i < 2 * STEPS ? i : (uint64_t)(i % STEPS + STEPS) << doublings;
    printf("%s%llu,%llu", comma, (unsigned long long)(low + ((uint64_t)(STEPS / 32) << doublings)), (unsigned long long)count);
    comma = ",";
  }
  printf("]");
}

static void print_latencies(const figures *of) {
  uint64_t count = of->count;
  printf(",\"count\":%llu,\"min\":%lld,\"p50\":%.0f,\"p99\":%.0f,\"p99.9\":%.0f,\"p99.99\":%.0f,\"max\":%lld",
         (unsigned long long)count, (long long)(count ? of->shortest_ns : 0), percentile(of, count, 0.5),
         percentile(of, count, 0.99), percentile(of, count, 0.999), percentile(of, count, 0.9999), (long long)of->longest_ns);
  print_histogram(of);
}

static void print_work(const sheet *shared) {
  const figures *writer = &shared->of[0], *reader = &shared->of[1];
  int64_t last = 0;
  for (uint32_t i = 1; i <= shared->plan.readers; i++)
    if (shared->of[i].end_ns > last) last = shared->of[i].end_ns;
  double seconds = (double)(last - writer->begin_ns) / 1e9;
  double own = (double)(reader->end_ns - reader->begin_ns) / 1e9;
  switch (shared->plan.work) {
    case WORK_ROUND_TRIP:
      print_latencies(writer);
      break;
    case WORK_ONE_WAY:
      printf(",\"count\":%llu,\"rate\":%.6g", (unsigned long long)writer->count, (double)writer->count / seconds);
      break;
    case WORK_COPY:
      printf(",\"count\":%llu,\"rate\":%.6g", (unsigned long long)writer->count,
             (double)writer->count * 1e9 / (double)(writer->end_ns - writer->begin_ns));
      break;
    case WORK_SLEEP:
      print_latencies(reader);
      break;
    case WORK_NEWEST:
      print_latencies(reader);
      printf(",\"read_rate\":%.6g,\"write_rate\":%.6g,\"torn\":%llu,\"passed\":%llu", (double)reader->count / own,
             (double)writer->count / ((double)(writer->end_ns - writer->begin_ns) / 1e9), (unsigned long long)reader->torn,
             (unsigned long long)reader->passed);
      break;
    case WORK_FIRST:
      printf(",\"first_ns\":%lld", (long long)(reader->first_ns - shared->started_ns));
      break;
    default:
      break;
  }
}

static void print_sides(const sheet *shared) {
  printf(",\"sides\":[");
  for (uint32_t i = 0; i <= shared->plan.readers; i++) {
    const figures *of = &shared->of[i];
    printf("%s{\"count\":%llu,\"cpu_ns\":%lld,\"slept\":%llu,\"interrupted\":%llu", i ? "," : "", (unsigned long long)of->count,
           (long long)of->cpu_ns, (unsigned long long)of->slept, (unsigned long long)of->interrupted);
    if (shared->plan.work == WORK_HELD)
      printf(",\"memory\":%lld,\"descriptors\":%lld,\"threads\":%lld,\"mappings\":%lld", (long long)of->held.memory_bytes,
             (long long)of->held.descriptors, (long long)of->held.threads, (long long)of->held.mappings);
    printf("}");
  }
  printf("]");
}

static void print_result(const run *of) {
  char version[128] = "";
  of->peer->version(version, sizeof version);
  printf("{\"title\":\"%s\",\"version\":\"%s\",\"limit\":%s", of->peer->title, version,
         of->peer->can & PEER_IS_LIMIT ? "true" : "false");
  print_work(of->shared);
  print_sides(of->shared);
  printf("}\n");
}

/* ---- One run --------------------------------------------------------------------------------------------------------------------- */

static bool make_directory(run *of) {
  plan *plan = &of->shared->plan;
  if (plan->directory[0] == '\0') {
    snprintf(plan->directory, sizeof plan->directory, "/dev/shm/tarn-compare-XXXXXX");
    if (!mkdtemp(plan->directory)) return false;
    of->made_directory = true;
  }
  return setenv("TARN_DIR", plan->directory, 1) == 0;
}

static void remove_directory(const run *of) {
  if (!of->made_directory) return;
  pid_t remover = fork();
  if (remover == 0) execlp("rm", "rm", "-rf", of->shared->plan.directory, (char *)NULL);
  if (remover > 0) waitpid(remover, NULL, 0);
}

static int do_run(run *of) {
  const plan *plan = &of->shared->plan;
  if (!make_directory(of)) return usage("no directory to work in");
  of->job = job_of(plan);
  bool good = !of->peer->prepare || of->peer->prepare(&of->job);
  if (!good) fprintf(stderr, "compare: %s could not be prepared\n", of->peer->title);
  good = good && start_sides(of);
  if (good) good = plan->work == WORK_HELD ? hold_and_kill(of) : await_sides(of, plan->run_ns + plan->warm_ns + 30000000000);
  if (of->peer->finish) of->peer->finish(&of->job);
  remove_directory(of);
  if (good) print_result(of);
  return good ? 0 : 1;
}

static sheet *map_sheet(int fd) {
  sheet *shared = mmap(NULL, sizeof(sheet), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  return shared == MAP_FAILED ? NULL : shared;
}

int main(int count, char **arguments) {
  if (count == 4 && strcmp(arguments[1], "--side") == 0) {
    sheet *shared = map_sheet(atoi(arguments[2]));
    return shared ? side_main(shared, (uint32_t)atoi(arguments[3])) : usage("no sheet");
  }
  run of = {.shared_fd = memfd_create("tarn-compare", 0)};
  if (of.shared_fd < 0 || ftruncate(of.shared_fd, sizeof(sheet)) != 0 || !(of.shared = map_sheet(of.shared_fd))) {
    perror("compare: shared memory");
    return 1;
  }
  int code = take_options(&of, count, arguments);
  if (code == -1) {
    printf("{\"skipped\":\"it was not built here\"}\n");
    return 0;
  }
  if (code != 0) return code;
  void *module = dlopen(of.shared->plan.peer_file, RTLD_NOW);
  of.peer = module ? dlsym(module, "bench_peer") : NULL;
  if (!of.peer) return usage(dlerror());
  const char *why = why_not(&of);
  if (why) printf("{\"title\":\"%s\",\"skipped\":\"%s\"}\n", of.peer->title, why);
  return why ? 0 : do_run(&of);
}
