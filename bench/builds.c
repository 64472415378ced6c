/* bench/builds.c: builds of Tarn against each other, for whoever changes it: is this one faster than that one?
 *
 *   build/bench/builds [--kind board|stream] [--bytes N] [--times N] [--from NS --to NS] LIBRARY...
 *   git stash; make; cp -L build/libtarn.so before.so; git stash pop; make; build/bench/builds ./before.so ./build/libtarn.so
 *
 * Two processes, each on a processor of its own, load all the libraries. A message goes there and back through each of them and through the bare
 * loop (an index beside fixed slots) in turn, so that whatever the machine does meanwhile meets them all; and the channels are made anew every time,
 * since where they come to lie in memory makes more of a difference than most changes. What is printed are ratios to the bare loop of the
 * same turn, of the mean and of the median time: the median over all turns, and within what four of five lay.
 * --from and --to: only turns in which the bare loop took so long, as processors are near each other or far.
 */
#include <dlfcn.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <tarn/tarn.h>
#include <time.h>
#include <unistd.h>

enum { MOST_BUILDS = 8, WINDOWS = 4, WARMING = 2, TRIPS = 5000, SLOT_BYTES = 1 << 20, STEP_NS = 10, STEPS = 4096, LINE = 128 };
enum { STOP = 255 };

typedef struct gate {
  _Alignas(LINE) _Atomic uint64_t word;
} gate;

typedef struct turn {
  double mean_ns[MOST_BUILDS + 1], median_ns[MOST_BUILDS + 1]; /* the bare loop's comes last */
} turn;

/* What the two processes share, beside what is measured. */
typedef struct sheet {
  gate turn; /* number of the turn << 8 | whose it is, or STOP */
  gate there, back; /* the bare loop's */
  turn turns[WINDOWS];
  unsigned char slots[2 * SLOT_BYTES];
} sheet;

/* A library, and a channel each way through it. */
typedef struct build {
  void *library;
  const char *path;
  void *out, *in;
  int (*open)(void **, const char *, int, const tarn_options *, int64_t);
  void (*close)(void *);
  int (*put)(void *, const void *, uint64_t, const tarn_about *, int64_t);
  int (*read)(void *, tarn_item *, int64_t);
  int (*release)(void *, tarn_item *);
  int (*remove)(const char *, int, int);
  const char *(*text)(void);
} build;

static struct {
  const char *kind;
  uint64_t bytes;
  size_t times;
  double from_ns, to_ns;
} plan = {"board", 64, 100, 0, 1e9};
static build builds[MOST_BUILDS];
static uint32_t build_count;
static sheet *shared;
static uint64_t slot_bytes, slot_count;
static unsigned char *payload;

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

static void stay_on(size_t processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  sched_setaffinity(0, sizeof set, &set);
}

_Noreturn static void give_up(const char *what, const char *why) {
  fprintf(stderr, "builds: %s: %s\n", what, why);
  _exit(1);
}

/* ---- Messages ---------------------------------------------------------------------------------------------------------- */

static void use(const void *data) {
  uint64_t sum = 0, word;
  for (uint64_t i = 0; i + 8 <= plan.bytes; i += 8) {
    memcpy(&word, (const unsigned char *)data + i, 8);
    sum += word;
  }
  payload[0] ^= (unsigned char)sum;
}

static unsigned char *slot(uint64_t number) { return shared->slots + (number & (slot_count - 1)) * slot_bytes; }

static void bare_send(uint64_t number, gate *index) {
  memcpy(slot(number), payload, (size_t)plan.bytes);
  atomic_store_explicit(&index->word, number + 1, memory_order_release);
}

static void bare_receive(uint64_t number, gate *index) {
  while (atomic_load_explicit(&index->word, memory_order_acquire) <= number) relax();
  use(slot(number));
}

static void send(build *by) {
  if (by->put(by->out, payload, plan.bytes, NULL, TARN_FOREVER) != 0) give_up(by->path, by->text());
}

static void receive(build *by) {
  tarn_item item;
  if (by->read(by->in, &item, TARN_FOREVER) != 0) give_up(by->path, by->text());
  use(item.data);
  if (by->release(by->in, &item) != 0) give_up(by->path, by->text());
}

/* ---- The two processes ------------------------------------------------------------------------------------------------- */

static void open_all(int first) {
  for (uint32_t i = 0; i < build_count; i++) {
    build *by = &builds[i];
    const tarn_options options = {.struct_size = sizeof options, .spin_ns = TARN_SPIN_ONLY};
    char there[16], back[16];
    snprintf(there, sizeof there, "there%u", i);
    snprintf(back, sizeof back, "back%u", i);
    if (by->open(&by->out, first ? there : back, TARN_WRITER, &options, INT64_C(5000000000)) != 0 ||
        by->open(&by->in, first ? back : there, TARN_READER, &options, INT64_C(5000000000)) != 0)
      give_up(by->path, by->text());
  }
}

_Noreturn static void answer(void) {
  stay_on(1);
  open_all(0);
  uint64_t number = 0;
  for (uint64_t turns = 1;; turns++) {
    uint64_t word;
    while ((word = atomic_load(&shared->turn.word)) >> 8 != turns) relax();
    uint32_t whose = word & 255;
    if (whose == STOP) _exit(0);
    for (int i = 0; i < TRIPS; i++) {
      if (whose < build_count) {
        receive(&builds[whose]);
        send(&builds[whose]);
      } else {
        bare_receive(number++, &shared->there); /* even slots go there, odd ones come back */
        bare_send(number++, &shared->back);
      }
    }
  }
}

/* The median of times that were counted in steps. */
static double median_of(const uint32_t *steps) {
  double below = 0;
  for (int i = 0; i < STEPS; i++) {
    if (2 * (below + steps[i]) >= TRIPS) return STEP_NS * (i + (TRIPS / 2.0 - below) / steps[i]);
    below += steps[i];
  }
  return 0;
}

static void ask(uint32_t whose, uint64_t *number, turn *ret_turn) {
  uint32_t steps[STEPS] = {0};
  int64_t start = now_ns(), last = start;
  for (int i = 0; i < TRIPS; i++) {
    if (whose < build_count) {
      send(&builds[whose]);
      receive(&builds[whose]);
    } else {
      bare_send((*number)++, &shared->there);
      bare_receive((*number)++, &shared->back);
    }
    int64_t now = now_ns(), step = (now - last) / STEP_NS;
    steps[step < STEPS ? step : STEPS - 1]++;
    last = now;
  }
  ret_turn->mean_ns[whose] = (double)(last - start) / TRIPS;
  ret_turn->median_ns[whose] = median_of(steps);
}

_Noreturn static void ask_all(void) {
  stay_on(0);
  open_all(1);
  uint64_t turns = 0, number = 0;
  for (uint32_t window = 0; window < WINDOWS + WARMING; window++) {
    turn *here = &shared->turns[window < WARMING ? 0 : window - WARMING];
    for (uint32_t i = 0; i <= build_count; i++) {
      uint32_t whose = (i + window) % (build_count + 1);
      atomic_store(&shared->turn.word, ++turns << 8 | whose);
      ask(whose, &number, here);
    }
  }
  atomic_store(&shared->turn.word, ++turns << 8 | STOP);
  for (uint32_t i = 0; i < build_count; i++) {
    builds[i].close(builds[i].out);
    builds[i].close(builds[i].in);
  }
  _exit(0);
}

/* Two new processes with new channels, and WINDOWS turns of each. False if one failed. */
static bool run_once(void) {
  memset(shared, 0, offsetof(sheet, slots));
  pid_t answering = fork();
  if (answering == 0) answer();
  pid_t asking = fork();
  if (asking == 0) ask_all();
  int status = 0, other = 0;
  waitpid(asking, &status, 0);
  if (status != 0) kill(answering, SIGKILL);
  waitpid(answering, &other, 0);
  for (uint32_t i = 0; i < build_count; i++) {
    char name[16];
    snprintf(name, sizeof name, "there%u", i);
    builds[i].remove(name, TARN_KIND_ANY, 0);
    snprintf(name, sizeof name, "back%u", i);
    builds[i].remove(name, TARN_KIND_ANY, 0);
  }
  return status == 0 && other == 0;
}

/* ---- The report -------------------------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b) {
  double one = *(const double *)a, other = *(const double *)b;
  return (one > other) - (one < other);
}

static void print_spread(const char *what, double *values, size_t count, int digits) {
  qsort(values, count, sizeof *values, compare);
  printf("  %s %.*f (%.*f to %.*f)", what, digits, values[count / 2], digits, values[count / 10], digits,
         values[count - 1 - count / 10]);
}

static int report(const turn *turns, size_t count) {
  double *values = calloc(count + 1, sizeof *values), *medians = calloc(count + 1, sizeof *medians);
  size_t counted = 0;
  if (values == NULL || medians == NULL) give_up("the report", "out of memory");
  for (uint32_t k = 0; k <= build_count; k++) {
    uint32_t whose = (k + build_count) % (build_count + 1); /* the bare loop first */
    counted = 0;
    for (size_t i = 0; i < count; i++) {
      double bare = turns[i].mean_ns[build_count];
      if (bare < plan.from_ns || bare > plan.to_ns) continue;
      values[counted] = whose == build_count ? bare : turns[i].mean_ns[whose] / bare;
      medians[counted++] = whose == build_count ? turns[i].median_ns[whose] : turns[i].median_ns[whose] / turns[i].median_ns[build_count];
    }
    if (counted == 0) break;
    if (whose == build_count) printf("%zu of %zu turns; the bare loop, in ns:\n", counted, count);
    print_spread("mean", values, counted, whose == build_count ? 0 : 3);
    print_spread("  median", medians, counted, whose == build_count ? 0 : 3);
    printf("  %s\n", whose == build_count ? "\ntimes that:" : builds[whose].path);
  }
  free(values);
  free(medians);
  if (counted != 0) return 0;
  fprintf(stderr, "builds: in none of %zu turns the bare loop took %.0f to %.0f ns\n", count, plan.from_ns, plan.to_ns);
  return 1;
}

/* ---- The command ------------------------------------------------------------------------------------------------------- */

static void *find(const build *by, const char *name) {
  void *function = dlsym(by->library, name);
  if (function == NULL) give_up(by->path, dlerror());
  return function;
}

/* tarn_board_open and the like, by their last word. */
static void *find_of_kind(const build *by, const char *verb) {
  char name[64];
  snprintf(name, sizeof name, "tarn_%s_%s", plan.kind, verb);
  return find(by, name);
}

static void load(const char *path) {
  if (build_count == MOST_BUILDS) give_up(path, "at most 8 libraries");
  build *by = &builds[build_count++];
  by->path = path;
  by->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (by->library == NULL) give_up(path, dlerror());
  *(void **)&by->open = find_of_kind(by, "open");
  *(void **)&by->close = find_of_kind(by, "close");
  *(void **)&by->put = find_of_kind(by, "put");
  *(void **)&by->read = find_of_kind(by, "read");
  *(void **)&by->release = find_of_kind(by, "release");
  *(void **)&by->remove = find(by, "tarn_remove");
  *(void **)&by->text = find(by, "tarn_error_text");
}

static int usage(void) {
  fputs("Usage: builds [--kind board|stream] [--bytes N] [--times N] [--from NS] [--to NS] LIBRARY...\n", stderr);
  return 2;
}

int main(int count, char **arguments) {
  int at = 1;
  for (; at + 1 < count && strncmp(arguments[at], "--", 2) == 0; at += 2) {
    const char *option = arguments[at], *value = arguments[at + 1];
    if (strcmp(option, "--kind") == 0) plan.kind = value;
    else if (strcmp(option, "--bytes") == 0) plan.bytes = strtoull(value, NULL, 10);
    else if (strcmp(option, "--times") == 0) plan.times = (size_t)strtoull(value, NULL, 10);
    else if (strcmp(option, "--from") == 0) plan.from_ns = strtod(value, NULL);
    else if (strcmp(option, "--to") == 0) plan.to_ns = strtod(value, NULL);
    else return usage();
  }
  if (at == count || (strcmp(plan.kind, "board") != 0 && strcmp(plan.kind, "stream") != 0) || plan.bytes < 8 || plan.times == 0 ||
      plan.bytes > SLOT_BYTES)
    return usage();
  while (at < count) load(arguments[at++]);
  slot_bytes = (plan.bytes + LINE / 2 - 1) / (LINE / 2) * (LINE / 2);
  slot_count = 2;
  while (2 * slot_count * slot_bytes <= SLOT_BYTES) slot_count *= 2;
  char directory[] = "/dev/shm/tarn-builds-XXXXXX";
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  payload = calloc(1, (size_t)plan.bytes);
  turn *turns = calloc(plan.times * WINDOWS, sizeof *turns);
  if (shared == MAP_FAILED || payload == NULL || turns == NULL) give_up("the sheet", "out of memory");
  if (mkdtemp(directory) == NULL || setenv("TARN_DIR", directory, 1) != 0) give_up(directory, "cannot be made");
  bool done = true;
  for (size_t i = 0; done && i < plan.times; i++) {
    done = run_once();
    memcpy(turns + i * WINDOWS, shared->turns, sizeof shared->turns);
  }
  rmdir(directory);
  int failed = done ? report(turns, plan.times * WINDOWS) : 1;
  free(turns);
  free(payload);
  return failed;
}
