/* lock_crash_test.c: owners of the lock in shared memory, and those that repair after them, are killed and stopped at every
 * step.
 *
 * On a small kind of its own, whose shared state is as delicate as a kind's may be: two words that are equal except inside the
 * critical section. Whoever enters notes its intent in its slot first, so that the section can be finished after its death. */
#include "crash.h"
#include "header.h"
#include "lock.h"

#include <inttypes.h>
#include <tarn/inspect.h>

#define MS INT64_C(1000000)
enum { LIVES = 3, SECTIONS = 40, MOST_PASSED = 1000 };

/* Scenes:
 *   k  nobody else                                  v  two others take the lock all the time
 *   o  the owner was killed in the critical section w  the same; two others wait for the lock, stopped until the victim is dead
 *   j  the same, and no slot is free: the victim joins in the place of the dead owner
 * 'L' in holds: the lock, or the dead owner's place, is the stopped one's. */
static const crash_point points[] = {
    {"lock.taken", "locker", "k99 v99", "usL"},
    {"test.half", "locker", "k99 v99", "usL"},
    {"lock.dropping", "locker", "k99 v99", "usL"},
    {"lock.dropped", "locker", "k99 v99", "us"},
    {"lock.asleep", "locker", "v3", "us"},
    {"lock.proven", "locker", "o1 w1", "usL"},
    {"lock.repaired", "locker", "o1 w1", "usL"},
    {"lock.replaced", "locker", "o1 w1 j1", "usL"},
    {0},
};

/* ---- The kind ------------------------------------------------------------------------------------------------------------ */

typedef struct twins {
  tn_atomic64 a, b; /* written by the owner of the lock, or whoever finishes for it */
} twins;

static twins *twins_of(tn_channel *channel) { return (twins *)(void *)channel->control->kind.area; }

static int plan(const tarn_options *options, const tn_place *place, tn_header *header) {
  (void)options, (void)place;
  tn_header_arrange(header, header->slots, 0);
  header->data_bytes = 4096; /* or it were no stream's */
  return 0;
}

static const char *impossible(const tn_header *header) { return header->entries != 0 ? "the number of entries" : NULL; }

/* Its owner died in the critical section if there is an intent: finish. */
static int clear_slot(tn_channel *channel, uint32_t slot) {
  uint64_t intent =
      tn_load_acquire(&channel->table[slot].cursor); /* acquire, release, all: plain order; the lock is tested here */
  if (intent != 0) {
    tn_store_release(&twins_of(channel)->a, intent);
    tn_store_release(&twins_of(channel)->b, intent);
  }
  tn_store_release(&channel->table[slot].cursor, 0);
  return 0;
}

static void reset(tn_channel *channel) { *twins_of(channel) = (twins){0}; }

static const tn_kind kind = {TARN_KIND_STREAM, 0, plan, impossible, clear_slot, reset};

static uint64_t take_and_verify(tn_channel *channel) {
  CHECK_OK(tn_lock_take(channel));
  uint64_t a = tn_load_acquire(&twins_of(channel)->a), b = tn_load_acquire(&twins_of(channel)->b);
  CHECK_UINT(a, b); /* nobody is inside, and whoever died inside has been finished */
  return a;
}

static void enter_section(tn_channel *channel, uint64_t value) {
  tn_store_release(&channel->table[channel->slot].cursor, value);
  tn_store_release(&twins_of(channel)->a, value);
}

static void leave_section(tn_channel *channel, uint64_t value) {
  tn_store_release(&twins_of(channel)->b, value);
  tn_store_release(&channel->table[channel->slot].cursor, 0);
  tn_lock_drop(channel);
}

/* ---- Roles -------------------------------------------------------------------------------------------------------------- */

static void join(tn_channel *channel, const char *name) {
  CHECK_OK(tn_channel_open(channel, &kind, name, TARN_READER, NULL, CRASH_PATIENCE_NS));
}

/* Victim: takes the lock again and again. */
static int role_locker(int argc, char **argv) {
  CHECK_INT(1, argc);
  for (uint64_t life = 1; life <= LIVES; life++) {
    tn_channel channel;
    join(&channel, argv[0]);
    for (int i = 0; i < SECTIONS; i++) {
      uint64_t value = take_and_verify(&channel) + 1;
      enter_section(&channel, value);
      TN_POINT("test.half");
      leave_section(&channel, value);
      crash_say("put", 0, value);
      check_sleep(MS / 5); /* so that rivals come in between */
    }
    tn_channel_close(&channel);
  }
  return 0;
}

static void wake_nobody(void *unused) { (void)unused; }

/* Survivor: the same for ever, at times staying inside so that others must sleep. */
static int role_rival(int argc, char **argv) {
  CHECK(argc >= 1);
  tn_channel channel;
  join(&channel, argv[0]);
  crash_ears ears = {.wake = wake_nobody};
  crash_listen(&ears);
  crash_say("ready", channel.slot, TARN_READER);
  int64_t said = 0;
  uint64_t mine = 0, most = 0;
  while (!tn_load_acquire(&ears.end)) { /* [T2] acquire */
    uint64_t value = take_and_verify(&channel) + 1;
    if (mine != 0 && value - mine > most) most = value - mine;
    mine = value;
    enter_section(&channel, value);
    if (value % 4 == 0) check_sleep(MS / 3);
    leave_section(&channel, value);
    if (check_now() - said > 2 * MS) {
      crash_say("put", 0, value);
      said = check_now();
    }
  }
  crash_say("passed_by", most, mine);
  crash_deafen(&ears);
  tn_channel_close(&channel);
  return 0;
}

/* Dies in the middle of the critical section, when it is killed. */
static int role_owner(int argc, char **argv) {
  CHECK_INT(1, argc);
  tn_channel channel;
  join(&channel, argv[0]);
  enter_section(&channel, take_and_verify(&channel) + 1);
  check_say("inside");
  check_hear();
  CHECK(0 && "an owner is killed, not told");
  return 1;
}

/* Fresh: gets the lock at once, everything is in order and nothing that was done is lost. */
static int role_checker(int argc, char **argv) {
  CHECK_INT(2, argc);
  tn_channel channel;
  join(&channel, argv[0]);
  int64_t begin = check_now();
  uint64_t value = take_and_verify(&channel);
  int64_t took_ns = check_now() - begin;
  CHECK(value >= strtoull(argv[1], NULL, 10));
  enter_section(&channel, value + 1);
  leave_section(&channel, value + 1);
  crash_say("put", (uint64_t)took_ns, value + 1);
  tn_channel_close(&channel);
  return 0;
}

static int role_idle(int argc, char **argv) {
  (void)argc, (void)argv;
  check_hear();
  return 0;
}

/* ---- One run ------------------------------------------------------------------------------------------------------------- */

static int is(const crash_run *run, const char *scenes) { return strchr(scenes, run->scene) != NULL; }

static int on_disk(char scene) {
  (void)scene;
  return -1;
}

static void found(const char *name, uint32_t slots) {
  tn_channel founder;
  const tarn_options options = {.struct_size = sizeof options, .flags = TARN_KEPT | TARN_EXCLUSIVE, .slots = slots};
  CHECK_OK(tn_channel_open(&founder, &kind, name, TARN_WRITER, &options, 0));
  tn_channel_close(&founder);
}

static check_process *start_owner(const char *name) {
  check_process *owner = check_start("owner", name, NULL);
  check_expect(owner, "inside");
  return owner;
}

static void kill_owner(check_process *owner) {
  check_kill(owner);
  CHECK_INT(-9, check_wait(owner));
}

static void start_rivals(crash_run *run) {
  for (int i = 0; i < 2; i++) crash_survivor(run, "rival", NULL, NULL);
  for (int i = 0; i < 2; i++) CHECK(crash_heard(&run->survivors[i], "ready", 0, CRASH_PATIENCE_NS) != NULL);
}

static void prepare(crash_run *run) {
  if (is(run, "w") && !tn_os_capabilities()->shared_futex) run->scene = 'o'; /* nobody can be stopped there */
  found(run->name, is(run, "j") ? 1 : 8);
  if (is(run, "v")) start_rivals(run);
  if (!is(run, "owj")) return;
  check_process *owner = start_owner(run->name);
  if (is(run, "w")) {
    start_rivals(run);
    check_sleep(10 * MS); /* they wait for the lock now, or will when they go on */
    for (int i = 0; i < 2; i++) check_stop(run->survivors[i].process);
  }
  kill_owner(owner);
}

static void arguments(const crash_run *run, const char *ret_arguments[5]) { (void)run, (void)ret_arguments; }

/* In scene w everybody else has stood still so that the victim was the one to repair. */
static void let_rivals_go(crash_run *run) {
  for (int i = 0; i < run->survivor_count && is(run, "w"); i++) check_continue(run->survivors[i].process);
}

static int goes_on(const crash_teller *rival, int64_t from_ns, int64_t to_ns) {
  return crash_said_between(rival, "put", from_ns, to_ns);
}

static int judge(crash_run *run) {
  if (run->survivor_count == 0) return 1;
  if (is(run, "w")) run->released_ns = check_now();
  let_rivals_go(run);
  check_sleep(run->released_ns + CRASH_PROMISE_NS + 10 * MS - check_now());
  for (int i = 0; i < run->survivor_count; i++)
    if (!goes_on(&run->survivors[i], run->released_ns, run->released_ns + CRASH_PROMISE_NS)) {
      snprintf(run->why, sizeof run->why, "survivor %d did not get the lock within 100 ms", i);
      return -1;
    }
  return 1;
}

static void check(crash_run *run) {
  crash_teller checker;
  const crash_line *put = crash_last(&run->victim, "put");
  char least[32];
  snprintf(least, sizeof least, "%" PRIu64, put != NULL ? put->tag : (uint64_t)is(run, "owj"));
  crash_attend(&checker, check_start("checker", run->name, least, NULL));
  if (crash_heard(&checker, "put", 0, CRASH_PATIENCE_NS) == NULL) crash_fail(run, "the checker failed");
  int code = crash_bury(&checker);
  if (code != 0) crash_fail(run, "the checker ended with %d", code);
}

/* Who is stopped with the lock keeps it; who is stopped without it holds nobody up. */
static void stopped(crash_run *run) {
  int owns = strchr(run->point->holds, 'L') != NULL;
  let_rivals_go(run);
  check_sleep(20 * MS);
  int64_t now = check_now();
  for (int i = 0; i < run->survivor_count; i++) {
    if (owns && goes_on(&run->survivors[i], run->released_ns + 50 * MS, now))
      crash_fail(run, "survivor %d got the lock of a stopped process", i);
    if (!owns && !goes_on(&run->survivors[i], now - 500 * MS, now)) crash_fail(run, "survivor %d does not go on", i);
  }
}

static void after(crash_run *run) { CHECK_OK(tarn_remove(run->name, TARN_KIND_STREAM, 0)); }

static const crash_kind lock_kind = {
    .word = "lock",
    .suffix = "stream",
    .points = points,
    .on_disk = on_disk,
    .prepare = prepare,
    .arguments = arguments,
    .judge = judge,
    .check = check,
    .stopped = stopped,
    .after = after,
};

/* ---- Tests -------------------------------------------------------------------------------------------------------------- */

static void test_killed(void) { crash_kill_all(&lock_kind); }

static void test_stopped(void) { crash_stop_all(&lock_kind); }

/* How often others had the lock while one waited says more than time does: a slow machine slows everybody. */
static void end_in_turn(crash_run *run) {
  for (int i = 0; i < run->survivor_count; i++) {
    check_tell(run->survivors[i].process, "end");
    const crash_line *most = crash_heard(&run->survivors[i], "passed_by", 0, CRASH_PATIENCE_NS);
    if (most == NULL) crash_fail(run, "survivor %d hangs", i);
    if (most->number > MOST_PASSED) crash_fail(run, "others had the lock %" PRIu64 " times while survivor %d waited", most->number, i);
    CHECK_INT(0, crash_bury(&run->survivors[i]));
  }
}

/* Three wait for an owner that dies inside: all find out at the same time, one repairs, all go on; and nobody has to wait for long because
 * the others are faster. */
static void test_repairers_race(void) {
  crash_run run = {.kind = &lock_kind, .point = points, .action = "race", .scene = 'v'};
  crash_name(&run, 0);
  found(run.name, 8);
  start_rivals(&run);
  crash_survivor(&run, "rival", NULL, NULL);
  for (int round = 0; round < 20; round++) {
    check_process *owner = start_owner(run.name);
    check_sleep(15 * MS); /* three slices: all have looked at the owner */
    kill_owner(owner);
    int64_t died_ns = check_now();
    for (int i = 0; i < run.survivor_count; i++)
      while (!goes_on(&run.survivors[i], died_ns, INT64_MAX)) {
        if (check_now() - died_ns > CRASH_PATIENCE_NS) crash_fail(&run, "survivor %d hangs", i);
        check_sleep(MS);
      }
  }
  end_in_turn(&run);
  after(&run);
}

static const check_test tests[] = {
    {"killed", test_killed, 60}, {"stopped", test_stopped, 30}, {"repairers_race", test_repairers_race, 30}, {0}};
static const check_role roles[] = {{"locker", role_locker},   {"rival", role_rival}, {"owner", role_owner},
                                   {"checker", role_checker}, {"idle", role_idle},   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
