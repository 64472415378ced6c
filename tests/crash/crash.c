/* crash.c: one run after the other: prepare, die, watch, check. What is tested is in the kinds' own files. */
#include "crash.h"

#include <inttypes.h>
#include <stdarg.h>
#include <tarn/base.h>
#include <unistd.h>

enum { REPEATS = 30, AT_ONCE = 18 };
static const int64_t OVERSLEPT_NS = 20000000, NAP_NS = 5000000, STOPPED_NS = 2000000000, POLL_NS = 200000;

/* ---- Is this machine disturbed? A thread sleeps and notes by how much it overslept ------------------------------------- */

static tn_atomic64 worst_oversleep;
static tn_atomic32 asked; /* somebody waits to hear that all that was overslept so far is noted */

/* What the system tells of the process's first thread, the one that does the work. A thread that sleeps much is preferred by schedulers:
 * that it was in time does not say that the busy ones were. */
typedef struct turns {
  unsigned long long ran_ns, waited_ns; /* waited: ready to run and not let run, counted when it runs again */
  int ready;                            /* it runs, or would */
} turns;

/* One that is itself the answer ends the search. */
static int is_own_number(const char *number, void *ret_number) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%.20s", number);
  if (number[0] < '1' || number[0] > '9' || access(path, F_OK) != 0) return 0;
  snprintf(ret_number, 24, "%.20s", number);
  return 1;
}

/* NULL where the system has no such file. A process under Wine is one of Linux, too, with another number, and looks at paths itself but
 * has its server open them, whose "self" is the server: so the number is looked for among those that are our own. */
static FILE *open_own(const char *what) {
  char told[24], number[24], path[96];
  snprintf(told, sizeof told, "%" PRIu32, tn_os_process_number());
  if (is_own_number(told, number) != 1 && tn_os_each_name("/proc", is_own_number, number) != 1) return NULL;
  snprintf(path, sizeof path, "/proc/%s/task/%s/%s", number, number, what);
  FILE *file = fopen(path, "r");
  if (file != NULL) setvbuf(file, NULL, _IONBF, 0);
  return file;
}

/* Opened once: under Wine opening takes longer than all else here. */
static turns look_at_turns(void) {
  static FILE *times, *state;
  static int opened;
  if (!opened) {
    times = open_own("schedstat");
    state = open_own("stat");
    opened = 1;
  }
  turns now = {0};
  char text[512] = "";
  if (times == NULL || state == NULL) return now;
  rewind(times);
  text[fread(text, 1, sizeof text - 1, times)] = 0;
  if (sscanf(text, "%llu %llu", &now.ran_ns, &now.waited_ns) != 2) return (turns){0};
  rewind(state);
  text[fread(text, 1, sizeof text - 1, state)] = 0;
  const char *after_name = strrchr(text, ')');
  now.ready = after_name != NULL && after_name[1] == ' ' && after_name[2] == 'R';
  return now;
}

static void nap(void *says_so) {
  turns before = look_at_turns(), when_asked = before;
  for (int answering = 0;;) {
    int64_t begin = check_now();
    check_sleep(NAP_NS);
    uint64_t over = (uint64_t)(check_now() - begin - NAP_NS);
    int64_t question = check_now(); /* to the system: where that is a process of its own (Wine), it may be late, too */
    tn_os_process self;
    tn_os_process_of(tn_os_process_number(), &self);
    if ((uint64_t)(check_now() - question) > over) over = (uint64_t)(check_now() - question);
    turns now = look_at_turns();
    if (now.waited_ns - before.waited_ns > over) over = now.waited_ns - before.waited_ns;
    before = now;
    if (over > tn_load_relaxed(&worst_oversleep)) /* relaxed: a measurement, ordered by the answer */
      tn_store_relaxed(&worst_oversleep, over);
    if (says_so != NULL && over > (uint64_t)OVERSLEPT_NS) crash_say("overslept", over, 0);
    if (!answering && tn_load_acquire(&asked)) { /* [T4] acquire */
      answering = 1;
      when_asked = now;
    } else if (answering && (!now.ready || now.ran_ns != when_asked.ran_ns)) { /* else the first thread still waits for its turn */
      answering = 0;
      if (says_so != NULL) crash_say("awake", 0, 0);
      tn_store_release(&asked, 0); /* [T4] release: the worst before the answer */
    }
  }
}

static void watch_the_machine(void) {
  intptr_t thread; /* ends with the test's process */
  CHECK_OK(tn_os_thread_start(&thread, nap, NULL));
}

/* Here, or in a survivor, which says so. Who did not run cannot have said it yet: everybody is asked and has to answer. */
static int disturbed(crash_run *run) {
  uint32_t heard[CRASH_SURVIVORS];
  for (int i = 0; i < run->survivor_count; i++) {
    heard[i] = tn_load_acquire(&run->survivors[i].count); /* [T1] acquire */
    check_tell(run->survivors[i].process, "awake?");
  }
  tn_store_release(&asked, 1); /* [T4] release */
  for (int64_t end = check_now() + CRASH_PATIENCE_NS; tn_load_acquire(&asked) && check_now() < end;) check_sleep(POLL_NS); /* [T4] acquire */
  int result = tn_load_relaxed(&worst_oversleep) > (uint64_t)OVERSLEPT_NS; /* relaxed: as above */
  for (int i = 0; i < run->survivor_count; i++) {
    if (crash_heard(&run->survivors[i], "awake", heard[i], CRASH_PATIENCE_NS) == NULL)
      crash_fail(run, "survivor %d does not answer, after: %s", i, run->why);
    result |= crash_last(&run->survivors[i], "overslept") != NULL;
  }
  return result;
}

/* ---- Failing ----------------------------------------------------------------------------------------------------------- */

static void show(const char *who, const crash_teller *teller) {
  uint32_t count = tn_load_acquire(&teller->count); /* [T1] acquire */
  for (uint32_t i = count > 12 ? count - 12 : 0; i < count; i++)
    fprintf(stderr, "  %s: %s at %" PRId64 " number %" PRIu64 " tag %" PRIu64 "\n", who, teller->lines[i].word,
            teller->lines[i].at_ns, teller->lines[i].number, teller->lines[i].tag);
}

void crash_fail(const crash_run *run, const char *format, ...) {
  char text[1024], who[32];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  fprintf(stderr, "%s: %s at %s, time %" PRIu64 ", victim %s, scene %c, run %u, %s: %s\n", run->kind->word, run->action,
          run->point->name, run->time, run->point->role, run->scene, run->number, run->path, text);
  if (run->victim.lines != NULL) show("victim", &run->victim);
  for (int i = 0; i < run->survivor_count; i++) {
    snprintf(who, sizeof who, "survivor %d", i);
    show(who, &run->survivors[i]);
  }
  fprintf(stderr, "  released at %" PRId64 ", now %" PRId64 "\n", run->released_ns, check_now());
  check_true(false, "the run above", __FILE__, __LINE__);
  abort();
}

/* ---- What helpers say -------------------------------------------------------------------------------------------------- */

static void collect(void *argument) {
  crash_teller *teller = argument;
  const char *text;
  uint32_t count = 0;
  while ((text = check_line(teller->process)) != NULL) {
    crash_line line = {.at_ns = 0};
    if (count == CRASH_LINES ||
        sscanf(text, "%15s %" SCNd64 " %" SCNu64 " %" SCNu64, line.word, &line.at_ns, &line.number, &line.tag) < 1)
      check_true(false, text, __FILE__, __LINE__);
    teller->lines[count++] = line;
    tn_store_release(&teller->count, count); /* [T1] release: a line before it counts */
  }
  teller->ended_ns = check_now();
  tn_store_release(&teller->ended, 1); /* [T1] release */
}

void crash_attend(crash_teller *teller, check_process *process) {
  *teller = (crash_teller){.process = process, .lines = calloc(CRASH_LINES, sizeof(crash_line))};
  CHECK(teller->lines != NULL);
  CHECK_OK(tn_os_thread_start(&teller->thread, collect, teller));
}

crash_teller *crash_survivor(crash_run *run, const char *role, const char *a, const char *b) {
  CHECK(run->survivor_count < CRASH_SURVIVORS);
  crash_teller *teller = &run->survivors[run->survivor_count++];
  crash_attend(teller, check_start(role, run->name, a, b, NULL));
  return teller;
}

const crash_line *crash_heard(crash_teller *teller, const char *word, uint32_t from, int64_t timeout_ns) {
  int64_t end = check_now() + timeout_ns;
  for (;;) {
    uint32_t ended = tn_load_acquire(&teller->ended); /* [T1] acquire, both; ended first: then nothing is added */
    uint32_t count = tn_load_acquire(&teller->count);
    for (; from < count; from++)
      if (strcmp(teller->lines[from].word, word) == 0) return &teller->lines[from];
    if (ended || check_now() >= end) return NULL;
    check_sleep(POLL_NS);
  }
}

const crash_line *crash_last(const crash_teller *teller, const char *word) {
  for (uint32_t i = tn_load_acquire(&teller->count); i > 0; i--) /* [T1] acquire */
    if (strcmp(teller->lines[i - 1].word, word) == 0) return &teller->lines[i - 1];
  return NULL;
}

int crash_said_between(const crash_teller *teller, const char *word, int64_t from_ns, int64_t to_ns) {
  for (uint32_t i = tn_load_acquire(&teller->count); i > 0; i--) { /* [T1] acquire */
    const crash_line *line = &teller->lines[i - 1];
    if (line->at_ns > from_ns && line->at_ns <= to_ns && strcmp(line->word, word) == 0) return 1;
  }
  return 0;
}

int crash_bury(crash_teller *teller) {
  tn_os_thread_join(teller->thread); /* it has read to the end */
  int code = check_wait(teller->process);
  free(teller->lines);
  *teller = (crash_teller){.process = NULL};
  return code;
}

int crash_end(crash_teller *teller) {
  check_tell(teller->process, "end");
  return crash_bury(teller);
}

/* ---- In roles ------------------------------------------------------------------------------------------------------------ */

/* One call of stdio a line: threads do not mix theirs. */
void crash_say(const char *word, uint64_t number, uint64_t tag) {
  char line[128];
  snprintf(line, sizeof line, "%s %" PRId64 " %" PRIu64 " %" PRIu64 "\n", word, check_now(), number, tag);
  fputs(line, stdout);
  fflush(stdout);
}

static void listen_for_end(void *argument) {
  crash_ears *ears = argument;
  const char *line;
  while ((line = check_hear()) != NULL && strcmp(line, "end") != 0)
    if (strcmp(line, "awake?") == 0) tn_store_release(&asked, 1); /* [T4] release: pairs with nap()'s acquire */
  tn_store_release(&ears->end, 1);        /* [T2] release: pairs with the acquire in the role's loop */
  while (!tn_load_acquire(&ears->deaf)) { /* [T3] acquire. Again and again: whoever was woken may block once more */
    ears->wake(ears->argument);
    check_sleep(NAP_NS);
  }
}

void crash_listen(crash_ears *ears) {
  intptr_t napper; /* ends with the role's process */
  CHECK_OK(tn_os_thread_start(&napper, nap, ears));
  CHECK_OK(tn_os_thread_start(&ears->thread, listen_for_end, ears));
}

void crash_deafen(crash_ears *ears) {
  tn_store_release(&ears->deaf, 1); /* [T3] release */
  tn_os_thread_join(ears->thread);
}

static uint64_t word_of(uint64_t tag, uint64_t size, uint64_t index) {
  uint64_t z = tag * UINT64_C(0x9e3779b97f4a7c15) + size * UINT64_C(0xd1342543de82ef95) + index * UINT64_C(0xbf58476d1ce4e5b9);
  return z ^ z >> 29;
}

void crash_fill(void *data, uint64_t size, uint64_t tag) {
  for (uint64_t at = 0; at < size; at += 8) {
    uint64_t word = word_of(tag, size, at);
    memcpy((unsigned char *)data + at, &word, size - at < 8 ? (size_t)(size - at) : 8);
  }
}

int crash_whole(const void *data, uint64_t size, uint64_t tag) {
  for (uint64_t at = 0; at < size; at += 8) {
    uint64_t word = word_of(tag, size, at);
    if (memcmp((const unsigned char *)data + at, &word, size - at < 8 ? (size_t)(size - at) : 8) != 0) return 0;
  }
  return 1;
}

/* ---- The prober ---------------------------------------------------------------------------------------------------------- */

static int is_survivors_slot(const crash_run *run, uint32_t slot) {
  for (int i = 0; i < run->survivor_count; i++) {
    const crash_line *ready = crash_last(&run->survivors[i], "ready");
    if (ready != NULL && ready->number == slot) return 1;
  }
  return 0;
}

int crash_survivors_write(const crash_run *run) {
  for (int i = 0; i < run->survivor_count; i++) {
    const crash_line *ready = crash_last(&run->survivors[i], "ready");
    if (ready != NULL && ready->tag == TARN_WRITER) return 1;
  }
  return 0;
}

static int held(const tn_os_file *file, uint64_t byte, int how) {
  int result = tn_os_lock_held(file, byte, how);
  CHECK(result >= 0);
  return result;
}

void crash_locks(const crash_run *run, char ret_letters[8]) {
  char *letter = ret_letters;
  tn_os_file file;
  tn_header header;
  uint64_t length = 0;
  *letter = 0;
  int result = tn_os_open(&file, run->path, TN_OS_READ, 1);
  if (result == TARN_E_NOT_FOUND) return;
  CHECK_OK(result);
  if (tn_os_read_at(&file, 0, &header, sizeof header, &length) == 0 && length == sizeof header) {
    if (held(&file, TN_LOCK_USERS, TN_OS_SHARED))
      *letter++ = 'x';
    else if (run->survivor_count == 0 && held(&file, TN_LOCK_USERS, TN_OS_EXCLUSIVE))
      *letter++ = 'u';
    int slots = 0;
    for (uint32_t slot = 0; slot < header.slots; slot++)
      slots += !is_survivors_slot(run, slot) && held(&file, TN_LOCK_SLOT(slot), TN_OS_SHARED);
    if (slots != 0) *letter++ = 's';
    if (!crash_survivors_write(run) && held(&file, TN_LOCK_WRITER, TN_OS_EXCLUSIVE)) *letter++ = 'w';
  }
  *letter = 0;
  tn_os_close(&file);
}

static void await_release(crash_run *run) {
  char letters[8];
  int64_t begin = check_now();
  crash_locks(run, letters);
  while (letters[0] != 0) {
    check_sleep(POLL_NS);
    crash_locks(run, letters);
    if (check_now() - begin > CRASH_PATIENCE_NS) crash_fail(run, "the dead process's locks (%s) are still held", letters);
  }
  run->released_ns = check_now();
}

/* ---- One run ------------------------------------------------------------------------------------------------------------ */

void crash_name(crash_run *run, int on_disk) {
  static unsigned count;
  const char *directory = on_disk ? check_disk_directory() : check_directory();
  char path[600];
  snprintf(path, sizeof path, "%s/c%u.%s", directory, ++count, run->kind->suffix);
  CHECK_OK(tn_os_full_path(path, run->path));
  if (on_disk) /* a path is a file as it stands */
    snprintf(run->name, sizeof run->name, "%s", path);
  else
    snprintf(run->name, sizeof run->name, "c%u", count);
}

static int note_name(const char *name, void *ret_name) {
  if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) snprintf(ret_name, 300, "%s", name);
  return 0;
}

/* Half-made files, temporary names, forgotten channels: nothing may be left. Where a file's second name goes when the last
 * process has closed it, that may be a moment after the process's end. */
static void look_for_leftovers(const crash_run *run, const char *directory) {
  char found[300];
  int64_t end = check_now() + (tn_os_capabilities()->shared_futex ? 0 : 10 * OVERSLEPT_NS);
  do {
    found[0] = 0;
    CHECK_OK(tn_os_each_name(directory, note_name, found));
    if (found[0] == 0) return;
    check_sleep(POLL_NS);
  } while (check_now() < end);
  crash_fail(run, "%s is left in %s", found, directory);
}

/* How many runs a row has: $TARN_CRASH_RUNS, else 3 and at least one in each of its scenes. */
static int runs_wanted(int scenes) {
  const char *text = getenv("TARN_CRASH_RUNS");
  int runs = text != NULL ? atoi(text) : 0;
  if (runs > 0) return runs;
  return scenes > 3 ? scenes : 3;
}

/* The scene for this run and how often the point is reached there. */
static int choose_scene(crash_run *run, uint32_t index) {
  const char *text = run->point->scenes;
  int count = 1;
  for (const char *c = text; *c; c++) count += *c == ' ';
  for (uint32_t skip = index % (uint32_t)count; skip > 0; skip--) text = strchr(text, ' ') + 1;
  run->scene = text[0];
  return atoi(text + 1);
}

static void begin(crash_run *run, const crash_kind *kind, const crash_point *point, uint32_t number, uint32_t scene,
                  const char *action) {
  *run = (crash_run){.kind = kind, .point = point, .action = action, .number = number};
  int most = choose_scene(run, scene);
  run->time = 1 + check_random() % (uint64_t)(most > 0 ? most : 1);
  int on_disk = kind->on_disk(run->scene);
  crash_name(run, on_disk < 0 ? check_random() % 4 == 0 : on_disk);
  kind->prepare(run);
  char where[128];
  const char *arguments[5] = {NULL};
  snprintf(where, sizeof where, "%s:%" PRIu64 ":%s", point->name, run->time, action);
  kind->arguments(run, arguments);
  check_set_env("TARN_TEST_POINT", where);
  tn_store_relaxed(&worst_oversleep, 0); /* relaxed: a measurement */
  crash_attend(&run->victim, check_start(point->role, run->name, arguments[0], arguments[1], arguments[2], arguments[3], NULL));
  check_set_env("TARN_TEST_POINT", NULL);
  check_set_env("TARN_TEST_FAULT", NULL);
}

/* 0: the victim was to be killed, and came to its end without having been at the point: it showed nothing. */
static int finish(crash_run *run, int victims_code) {
  for (int i = 0; i < run->survivor_count; i++) {
    int code = crash_end(&run->survivors[i]);
    if (code != 0) crash_fail(run, "survivor %d ended with %d", i, code);
  }
  run->survivor_count = 0;
  int code = crash_bury(&run->victim);
  if (code != victims_code && code != 0) crash_fail(run, "the victim ended with %d, not %d", code, victims_code);
  run->kind->after(run);
  return code == victims_code;
}

static void await_death(crash_run *run) {
  int64_t end = check_now() + CRASH_PATIENCE_NS;
  while (!tn_load_acquire(&run->victim.ended)) { /* [T1] acquire */
    if (check_now() > end) crash_fail(run, "the victim hangs");
    check_sleep(POLL_NS);
  }
}

/* 1: judged; 0: too late, but so was everything, or not killed at all: again. */
static int kill_once(const crash_kind *kind, const crash_point *point, uint32_t number, uint32_t scene) {
  crash_run run;
  begin(&run, kind, point, number, scene, "kill");
  await_death(&run);
  await_release(&run);
  int judged;
  while ((judged = kind->judge(&run)) == 0) {
    if (check_now() - run.released_ns > CRASH_PATIENCE_NS) crash_fail(&run, "somebody hangs: %s", run.why);
    check_sleep(POLL_NS);
  }
  int again = judged < 0 && disturbed(&run);
  if (judged < 0 && !again) crash_fail(&run, "%s", run.why);
  kind->check(&run);
  int killed = finish(&run, -9); /* buried only now: all the time it was a zombie */
  look_for_leftovers(&run, check_directory());
  look_for_leftovers(&run, check_disk_directory());
  return killed && !again;
}

static int wanted(const crash_point *point) {
  const char *only = getenv("TARN_CRASH_POINT");
  return only == NULL || *only == 0 || strcmp(only, point->name) == 0;
}

static int scenes_of(const crash_point *point) {
  int count = 1;
  for (const char *c = point->scenes; *c; c++) count += *c == ' ';
  return count;
}

void crash_kill_all(const crash_kind *kind) {
  watch_the_machine();
  int done = 0, repeated = 0;
  uint32_t first = (uint32_t)check_random() % 8; /* which scene a row begins with */
  for (const crash_point *point = kind->points; point->name != NULL; point++) {
    if (!wanted(point)) continue;
    int each = runs_wanted(scenes_of(point));
    for (int number = 0, repeats = 0; number < each; number++) {
      while (!kill_once(kind, point, (uint32_t)number, first + (uint32_t)number)) {
        repeated++;
        if (++repeats > REPEATS) {
          fprintf(stderr, "%s: nobody comes to this point, or this machine is too busy to measure anything\n", point->name);
          check_true(false, "killed, and less than 20 ms of oversleep, in one of 30 runs", __FILE__, __LINE__);
        }
      }
      done++;
    }
  }
  printf("%s: %d runs, killed at the point in each; %d repeated: the machine overslept, or the point was not come to\n", kind->word, done,
         repeated);
}

/* ---- Stopped ------------------------------------------------------------------------------------------------------------ */

static void await_stop(crash_run *run) {
  int64_t end = check_now() + CRASH_PATIENCE_NS;
  tn_os_process process;
  do {
    if (tn_load_acquire(&run->victim.ended) || check_now() > end) /* [T1] acquire */
      crash_fail(run, "the victim did not come to the point");
    check_sleep(POLL_NS);
    tn_os_process_of((uint32_t)check_process_number(run->victim.process), &process);
  } while (!process.stopped);
  run->released_ns = check_now(); /* here: when it stood still */
}

static void check_locks(const crash_run *run) {
  char letters[8], expected[8] = "";
  crash_locks(run, letters);
  size_t used = 0;
  for (const char *c = run->point->holds; *c; c++)
    if (strchr("usxw?", *c) != NULL && (*c != 'u' || run->survivor_count == 0)) expected[used++] = *c;
  if (strchr(expected, '?') == NULL && strcmp(expected, letters) != 0)
    crash_fail(run, "the stopped process should hold \"%s\", it holds \"%s\"", expected, letters);
}

/* Stop victims at up to AT_ONCE points from point on, let them go on and see how it ends. The first point not stopped at. */
static const crash_point *stop_some(const crash_kind *kind, const crash_point *point, crash_run *runs, uint32_t round,
                                    int *ret_count) {
  int count = 0;
  for (; point->name != NULL && count < AT_ONCE; point++)
    if (wanted(point)) begin(&runs[count++], kind, point, round, round + (uint32_t)check_random() % 8, "stop");
  for (int i = 0; i < count; i++) await_stop(&runs[i]);
  int64_t end = check_now() + STOPPED_NS;
  for (int i = 0; i < count; i++) check_locks(&runs[i]);
  check_sleep(end - check_now());
  for (int i = 0; i < count; i++) {
    kind->stopped(&runs[i]);
    check_locks(&runs[i]); /* nothing was taken from it */
  }
  for (int i = 0; i < count; i++) check_continue(runs[i].victim.process);
  for (int i = 0; i < count; i++) {
    await_death(&runs[i]); /* by itself: its life is over */
    kind->check(&runs[i]);
    finish(&runs[i], 0);
  }
  if (count > 0) {
    look_for_leftovers(&runs[0], check_directory());
    look_for_leftovers(&runs[0], check_disk_directory());
  }
  *ret_count += count;
  return point;
}

void crash_stop_all(const crash_kind *kind) {
  check_process *self = check_start("idle", NULL);
  check_stop(self); /* skips the test where nothing can be stopped */
  check_kill(self);
  check_wait(self);
  crash_run *runs = calloc(AT_ONCE, sizeof *runs);
  CHECK(runs != NULL);
  int rounds = (runs_wanted(0) + 2) / 3, count = 0;
  for (int round = 0; round < rounds; round++)
    for (const crash_point *point = kind->points; point->name != NULL;)
      point = stop_some(kind, point, runs, (uint32_t)round, &count);
  free(runs);
  printf("%s: %d stopped for 2 s, up to %d at once\n", kind->word, count, AT_ONCE);
}
