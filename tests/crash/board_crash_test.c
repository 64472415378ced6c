/* board_crash_test.c: a process is killed, and stopped, at every named step of a board's and its channel's life. */
#include <tarn/board.h>
#include <tarn/inspect.h>

#include "board_crash.h"

#define MS INT64_C(1000000)

/* Scenes:
 *   k  kept, one version there, nobody else, in memory       d  the same on a disk
 *   n  kept, nothing there yet                               e  scoped, nothing there yet, readers wait for the name
 *   s  scoped, nothing there, nobody else: it is made and removed in every life
 *   v  scoped, others take part: two blocked readers, or (with a reader as the victim) a writer that publishes every 2 ms
 *   r  scoped, a writer that is blocked by what the victim holds
 *   a  scoped, its last participant was killed               i  the same, and the name cannot be removed
 *   b  kept on a disk, not left clean, last written under another boot, damaged as if by a lost page
 *   c  kept, three dead readers hold versions                j  kept, every slot is a dead one's
 * 'q' in holds: no term of the stopped writer is on, not yet or no longer. */
static const crash_point points[] = {
    {"create.made", "writer", "n1 e1 s6", "q"},
    {"create.reserved", "writer", "n1 e1 s6", "q"},
    {"create.filled", "writer", "n1 e1 s6", "q"},
    {"create.joined", "writer", "n1 e1 s6", "q"},
    {"create.named", "writer", "n1 e1 s6", "usw"},
    {"open.opened", "writer", "k6 v6 d6", "q"},
    {"open.opened", "reader", "k6 v6", ""},
    {"open.alone", "writer", "k6 v6", "q"},
    {"open.alone", "writer", "d6", "xq"},
    {"open.alone", "reader", "k6 v6", ""},
    {"open.stamped", "writer", "d6", "xq"},
    {"open.stamped", "reader", "d6", "x"},
    {"open.entered", "writer", "k6 v6 d6", "uq"},
    {"open.entered", "reader", "k6 v6", "u"},
    {"join.writer", "writer", "k6 v6 d6", "uwq"},
    {"join.locked", "writer", "k6 v6", "uswq"},
    {"join.locked", "reader", "k6 v6", "us"},
    {"join.marked", "writer", "k6 v6", "uswq"},
    {"join.marked", "reader", "k6 v6", "us"},
    {"join.taken", "writer", "k6 v6", "uswq"},
    {"join.taken", "reader", "k6 v6", "us"},
    {"join.announced", "writer", "k6 v6", "usw"},
    {"join.announced", "reader", "k6 v6 r3", "us"},
    {"reset.begun", "writer", "b1 i4", "xq"},
    {"reset.begun", "reader", "b1", "x"},
    {"reset.done", "writer", "b1 i4", "xq"},
    {"reset.done", "reader", "b1", "x"},
    {"remove.alone", "writer", "a1 i4", "xq"},
    {"remove.alone", "reader", "a1", "x"},
    {"remove.removed", "writer", "a1", "q"},
    {"remove.removed", "reader", "a1", ""},
    {"remove.locked", "remover", "k6", "xq"},
    {"remove.gone", "remover", "k6", "q"},
    {"board.takeover.stock", "writer", "k6 v6", "usw"},
    {"board.claim.done", "writer", "k30 v30", "usw"},
    {"board.publish.filled", "writer", "k30 v30 s30", "usw"},
    {"board.publish.complete", "writer", "k30 v30", "usw"},
    {"board.publish.account", "writer", "k30 v30", "usw"},
    {"board.publish.current", "writer", "k30 v30", "usw"},
    {"board.publish.told", "writer", "k30 v30", "usw"},
    {"board.publish.woken", "writer", "k30 v30", "usw"},
    {"board.abandon", "writer", "k8 v8", "usw"},
    {"board.grow.retired", "writer", "k4 v4", "usw"},
    {"board.grow.reserved", "writer", "k4 v4", "usw"},
    {"board.grow.offset", "writer", "k4 v4", "usw"},
    {"board.grow.named", "writer", "k4 v4", "usw"},
    {"board.read.pinned", "reader", "k8 v8 r8", "us"},
    {"board.get.copied", "reader", "v8", "us"},
    {"board.release.clear", "reader", "k8 v8 r8", "us"},
    {"board.release.cleared", "reader", "k8 v8 r8", "us"},
    {"sleep.announced", "reader", "k8 v8 r8", "us"},
    {"sleep.over", "reader", "k8 v8 r8", "us"},
    {"wake.taken", "writer", "v10", "us?"},
    {"wake.seq", "writer", "v10", "us?"},
    {"wake.taken", "reader", "r3", "us"},
    {"wake.seq", "reader", "r3", "us"},
    {"clear.locked", "writer", "c3 j1", "usw?"},
    {"clear.locked", "reader", "j1", "us"},
    {"clear.kind", "writer", "c3 j1", "usw?"},
    {"clear.kind", "reader", "j1", "us"},
    {"clear.free", "writer", "c3 j1", "usw?"},
    {"clear.free", "reader", "j1", "us"},
    {"leave.writer", "writer", "k8 v8 s8", "usw"},
    {"leave.announced", "writer", "k8 v8 s8", "uswq"},
    {"leave.slot", "writer", "k8 v8", "usq"},
    {"leave.slot", "reader", "k8 v8", "us"},
    {"leave.free", "writer", "k8 v8", "usq"},
    {"leave.free", "reader", "k8 v8", "us"},
    {"leave.users", "writer", "k8 v8 s8", "uq"},
    {"leave.users", "reader", "k8 v8", "u"},
    {"leave.unlocked", "writer", "k8 v8 s8", "q"},
    {"leave.clean", "writer", "d8", "xq"},
    {"leave.alone", "writer", "s8", "xq"},
    {"leave.removed", "writer", "s8", "q"},
    {0},
};

static int is(const crash_run *run, const char *scenes) { return strchr(scenes, run->scene) != NULL; }

static int victim_writes(const crash_run *run) { return strcmp(run->point->role, "writer") == 0; }

static const char *flags_of(const crash_run *run) { return is(run, "kdnbcj") ? "kept" : "scoped"; }

static int on_disk(char scene) { return strchr("db", scene) != NULL ? 1 : scene == 'k' ? 0 : -1; }

/* ---- Before -------------------------------------------------------------------------------------------------------------- */

static tarn_board *found(const crash_run *run, uint32_t slots) {
  tarn_board *founder;
  const tarn_options options = {
      .struct_size = sizeof options, .flags = is(run, "kdnbcj") ? TARN_KEPT | TARN_EXCLUSIVE : TARN_EXCLUSIVE, .slots = slots};
  CHECK_OK(tarn_board_open(&founder, run->name, TARN_WRITER, &options, 0));
  CHECK_OK(board_put(founder, 3000, FOUNDERS_TAG));
  return founder;
}

static check_process *start_corpse(const crash_run *run) {
  check_process *corpse = check_start("corpse", run->name, NULL);
  check_expect(corpse, "dying");
  return corpse;
}

static void kill_corpse(check_process *corpse) {
  check_kill(corpse);
  CHECK_INT(-9, check_wait(corpse));
}

/* Somebody takes part when the founder leaves, and is then killed: nobody leaves in order. */
static void found_and_abandon(crash_run *run) {
  tarn_board *founder = found(run, 0);
  check_process *corpse = start_corpse(run);
  tarn_board_close(founder);
  kill_corpse(corpse);
}

static void found_with_dead(crash_run *run, int leave_first) {
  tarn_board *founder = found(run, 3 + !leave_first);
  check_process *corpses[3];
  if (leave_first) tarn_board_close(founder);
  for (int i = 0; i < 3; i++) {
    if (!leave_first) CHECK_OK(board_put(founder, 2000, FOUNDERS_TAG + 1 + (uint64_t)i));
    corpses[i] = start_corpse(run);
  }
  for (int i = 0; i < 3; i++) kill_corpse(corpses[i]);
  if (!leave_first) tarn_board_close(founder);
}

/* What a disk may show after the power was cut: the id of another boot, and entries of different moments, which overlap. */
static void write_as_if_under_another_boot(const crash_run *run) {
  tn_os_file file;
  tn_header header;
  uint64_t length;
  void *address;
  CHECK_OK(tn_os_open(&file, run->path, TN_OS_WRITE, 1));
  CHECK_OK(tn_os_read_at(&file, 0, &header, sizeof header, &length));
  CHECK_OK(tn_os_map(&file, 0, header.data_offset, TN_OS_WRITE, 0, &address, NULL));
  unsigned char *base = address;
  tn_control *control = (tn_control *)(void *)(base + header.control_offset);
  tn_entry *entries = (tn_entry *)(void *)(base + header.entries_offset);
  CHECK_UINT(0, control->life.clean);
  control->life.boot_id[0] ^= 1;
  for (int i = 5; i < 7; i++) {
    entries[i].account.offset = header.data_offset;
    entries[i].account.capacity = TN_ALIGN;
  }
  tn_os_unmap(address, header.data_offset);
  tn_os_close(&file);
}

static void start_readers(crash_run *run, const char *until) {
  for (int i = 0; i < 2; i++) crash_survivor(run, "blocked_reader", NULL, NULL);
  for (int i = 0; i < 2; i++) CHECK(crash_heard(&run->survivors[i], until, 0, CRASH_PATIENCE_NS) != NULL);
}

static void start_writer(crash_run *run) {
  char limit[32];
  snprintf(limit, sizeof limit, "%d", run->scene == 'r' ? ROOM_LIMIT : 0);
  CHECK(crash_heard(crash_survivor(run, "steady_writer", limit, NULL), "ready", 0, CRASH_PATIENCE_NS) != NULL);
}

static void prepare(crash_run *run) {
  if (is(run, "kd")) tarn_board_close(found(run, 0));
  if (is(run, "r") || (is(run, "v") && !victim_writes(run))) {
    start_writer(run);
  } else if (is(run, "v")) {
    tarn_board *founder = found(run, 0);
    start_readers(run, "ready");
    tarn_board_close(founder);
  }
  if (is(run, "e")) start_readers(run, "opening");
  if (is(run, "aib")) found_and_abandon(run);
  if (is(run, "b")) write_as_if_under_another_boot(run);
  if (is(run, "cj")) found_with_dead(run, is(run, "j"));
}

static void arguments(const crash_run *run, const char *ret_arguments[5]) {
  if (victim_writes(run)) ret_arguments[0] = flags_of(run);
  if (is(run, "i")) check_set_env("TARN_TEST_FAULT", "remove:1:0");
}

/* ---- After the death ---------------------------------------------------------------------------------------------------- */

static int wrong(crash_run *run, const char *why, int survivor) {
  snprintf(run->why, sizeof run->why, "survivor %d: %s", survivor, why);
  return -1;
}

/* A reader was given what the victim published, and after it was told that nobody writes any more. */
static int judge_reader(crash_run *run, int survivor) {
  const crash_teller *teller = &run->survivors[survivor];
  const crash_line *said = crash_last(&run->victim, "put"), *item = crash_last(teller, "item"),
                   *none = crash_last(teller, "none");
  int64_t last_ns = run->released_ns + CRASH_PROMISE_NS;
  if (said != NULL && (item == NULL || item->tag < said->tag))
    return wrong(run, "it was not given the newest version within 100 ms", survivor);
  if (item == NULL || item->tag < VICTIMS_TAG) return 1; /* of a writer it never met it need not be told */
  if (item->at_ns > last_ns) return wrong(run, "it was given the newest version later than after 100 ms", survivor);
  if (none == NULL || none < item) return wrong(run, "it was not told within 100 ms that there is no writer", survivor);
  return none->at_ns <= last_ns ? 1 : wrong(run, "it was told later than after 100 ms that there is no writer", survivor);
}

/* The writer goes on: it has room. */
static int judge_writer(crash_run *run) {
  if (crash_said_between(&run->survivors[0], "put", run->released_ns, run->released_ns + CRASH_PROMISE_NS)) return 1;
  return wrong(run, "it published nothing for 100 ms", 0);
}

/* Only when the time is over: until then a version that was published and not said may still arrive. */
static int judge(crash_run *run) {
  if (run->survivor_count == 0) return 1;
  check_sleep(run->released_ns + CRASH_PROMISE_NS + 10 * MS - check_now());
  if (crash_survivors_write(run)) return judge_writer(run);
  for (int i = 0; i < run->survivor_count; i++) {
    int judged = judge_reader(run, i);
    if (judged != 1) return judged;
  }
  return 1;
}

/* The tag of the newest version that somebody knows to have been published, and which must not be lost; 0: none. */
static uint64_t least_of(const crash_run *run) {
  const crash_line *put = crash_last(&run->victim, "put");
  if (crash_survivors_write(run))
    put = crash_last(&run->survivors[0], "put");
  else if (is(run, "aibsne") && (put == NULL || is(run, "aibs")))
    return 0; /* nothing yet, or over when nobody was there */
  else if (crash_last(&run->victim, "removing") != NULL)
    return 0;
  return put != NULL ? put->tag : FOUNDERS_TAG;
}

static void start_checker(crash_run *run, crash_teller *checker, const char *mode, uint64_t tag) {
  char least[32], own[32];
  snprintf(least, sizeof least, "%llu", (unsigned long long)least_of(run));
  snprintf(own, sizeof own, "%llu", (unsigned long long)tag);
  crash_attend(checker, check_start("checker", run->name, mode, flags_of(run), least, own, NULL));
  if (crash_heard(checker, "put", 0, CRASH_PATIENCE_NS) == NULL) crash_fail(run, "the checker (%s) failed", mode);
}

static void end_checker(crash_run *run, crash_teller *checker) {
  int code = crash_end(checker);
  if (code != 0) crash_fail(run, "the checker ended with %d", code);
}

/* Whoever was there sees what the new writer published. */
static void look_at_survivors(crash_run *run, uint64_t tag) {
  for (int i = 0; i < run->survivor_count; i++) {
    const crash_line *item = NULL;
    for (int64_t begin = check_now(); check_now() - begin < CRASH_PATIENCE_NS; check_sleep(MS)) {
      item = crash_last(&run->survivors[i], "item");
      if (item != NULL && item->tag == tag) break;
    }
    if (item == NULL || item->tag != tag) crash_fail(run, "survivor %d does not see the new writer's version", i);
  }
}

static void check_as(crash_run *run, const char *mode) {
  static uint64_t tag = CHECKERS_TAG;
  crash_teller checker;
  start_checker(run, &checker, mode, ++tag);
  if (strcmp(mode, "free") == 0 && !crash_survivors_write(run)) look_at_survivors(run, tag);
  end_checker(run, &checker);
}

static void check(crash_run *run) { check_as(run, crash_survivors_write(run) ? "busy" : "free"); }

/* ---- While it is stopped ------------------------------------------------------------------------------------------------ */

static void nothing_was_said(crash_run *run, char holds_writer) {
  for (int i = 0; i < run->survivor_count; i++) {
    const crash_line *none = crash_last(&run->survivors[i], "none");
    if (holds_writer && none != NULL && none->at_ns > run->released_ns + 50 * MS)
      crash_fail(run, "survivor %d was told that there is no writer while one is stopped", i);
    if (tn_load_acquire(&run->survivors[i].ended)) crash_fail(run, "survivor %d ended", i);
  }
}

static void the_writer_goes_on(crash_run *run) {
  crash_teller *writer = &run->survivors[0];
  const crash_line *put = crash_last(writer, "put");
  int64_t window = check_now() - run->released_ns;
  if (put == NULL || check_now() - put->at_ns > 500 * MS || window < 1500 * MS)
    crash_fail(run, "the writer does not go on while a reader is stopped");
}

static void stopped(crash_run *run) {
  char letters[8];
  crash_locks(run, letters);
  nothing_was_said(
      run, strchr(letters, 'w') != NULL && strchr(run->point->holds, 'q') == NULL && strchr(run->point->holds, '?') == NULL);
  if (crash_survivors_write(run) && run->scene == 'v') the_writer_goes_on(run);
  if (strchr(letters, 'x') != NULL)
    check_as(run, "alone");
  else
    check_as(run, strchr(letters, 'w') != NULL || crash_survivors_write(run) ? "busy" : "free");
}

/* ---- At the end --------------------------------------------------------------------------------------------------------- */

static void after(crash_run *run) {
  tn_os_file file;
  if (is(run, "kdnbcj")) {
    int result = tarn_remove(run->name, TARN_KIND_BOARD, 0);
    if (result != 0) crash_fail(run, "the kept name cannot be removed: %s %s", tarn_result_name(result), tarn_error_text());
  }
  if (tn_os_open(&file, run->path, TN_OS_READ, 1) != TARN_E_NOT_FOUND) crash_fail(run, "the name is still there");
}

static const crash_kind board_kind = {
    .word = "board",
    .suffix = "board",
    .points = points,
    .on_disk = on_disk,
    .prepare = prepare,
    .arguments = arguments,
    .judge = judge,
    .check = check,
    .stopped = stopped,
    .after = after,
};

static void test_killed(void) { crash_kill_all(&board_kind); }

static void test_stopped(void) { crash_stop_all(&board_kind); }

static const check_test tests[] = {{"killed", test_killed, 200}, {"stopped", test_stopped, 60}, {0}};
static const check_role roles[] = {{"writer", role_writer},
                                   {"reader", role_reader},
                                   {"remover", role_remover},
                                   {"blocked_reader", role_blocked_reader},
                                   {"steady_writer", role_steady_writer},
                                   {"corpse", role_corpse},
                                   {"checker", role_checker},
                                   {"idle", role_idle},
                                   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
