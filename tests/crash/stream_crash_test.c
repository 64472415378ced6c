/* stream_crash_test.c: a process is killed, and stopped, at every named step of a stream's life, under every policy.
 * Whatever was published is delivered to everybody in order, once and whole, also what the next writer puts behind it;
 * nobody waits longer than 100 ms. */
#include "stream_crash.h"

#include <tarn/inspect.h>

#include "board_crash.h" /* role_idle */

#define MS INT64_C(1000000)

/* Scenes:
 *   w f o  the victim writes, under TARN_WAIT, TARN_FAIL, TARN_OVERWRITE; two followers, in place and by copy, are blocked
 *   c      as w, and three dead readers hold the whole ring
 *   k      as w, kept and nobody else: the oldest is dropped
 *   W F O  the victim reads; a writer publishes every half millisecond, another reader follows
 * Letters of its own in holds: 'c' whoever waits for readers waits for this one; 'h' under TARN_OVERWRITE, too; 'g' there
 * the writer goes on. 'q': no term of the stopped writer is on. */
static const crash_point points[] = {
    {"join.announced", "stream_writer", "w6 f6 o6 k6", "usw"},
    {"stream.takeover.done", "stream_writer", "w6 f6 o6 k6", "usw"},
    {"stream.latch.copied", "stream_writer", "w20 f20 o20 k20", "usw"},
    {"stream.claim.done", "stream_writer", "w30 f30 o30", "usw"},
    {"stream.publish.filled", "stream_writer", "w30 f30 o30", "usw"},
    {"stream.publish.ended", "stream_writer", "w30 f30 o30", "usw"},
    {"stream.publish.wrapped", "stream_writer", "w6 f6 o6 k6", "usw"},
    {"stream.publish.word", "stream_writer", "w30 f30 o30", "usw"},
    {"stream.publish.woken", "stream_writer", "w30 f30 o30", "usw"},
    {"stream.abandon", "stream_writer", "w6 f6 o6", "usw"},
    {"stream.batch.record", "stream_writer", "w12 f12 o12 k12", "usw"},
    {"stream.batch.ended", "stream_writer", "w6 f6 o6", "usw"},
    {"stream.batch.word", "stream_writer", "w6 f6 o6", "usw"},
    {"stream.floor.chosen", "stream_writer", "w6 f6 o6 k6", "usw"},
    {"stream.floor.stored", "stream_writer", "w6 f6 o6 k6", "usw"},
    {"stream.floor.settled", "stream_writer", "w6 f6 o6 k6", "usw"},
    {"clear.locked", "stream_writer", "c3", "usw?"},
    {"clear.kind", "stream_writer", "c3", "usw?"},
    {"clear.free", "stream_writer", "c3", "usw?"},
    {"leave.announced", "stream_writer", "w8 k8", "uswq"},
    {"leave.free", "stream_writer", "o8 f8", "usq"},
    {"stream.join.cursor", "stream_reader", "W6 F6 O6", "uscg"},
    {"stream.join.done", "stream_reader", "W6 F6 O6", "uscg"},
    {"stream.read.held", "stream_reader", "O6", "ush"},
    {"stream.read.given", "stream_reader", "W8 F8 O8", "usch"},
    {"stream.get.cursor", "stream_reader", "W5 F5 O5", "uscg"},
    {"stream.release.clear", "stream_reader", "W8 F8 O8", "usch"},
    {"stream.release.cleared", "stream_reader", "W8 F8 O8", "usc"},
    {"leave.slot", "stream_reader", "W8 F8 O8", "usc"},
    {"leave.free", "stream_reader", "W8 F8 O8", "us"},
    {0},
};

static int is(const crash_run *run, const char *scenes) { return strchr(scenes, run->scene) != NULL; }

static int on_disk(char scene) {
  (void)scene;
  return -1; /* either will do */
}

/* ---- Before ------------------------------------------------------------------------------------------------------------- */

static const char *scene_of(const crash_run *run) {
  static char texts[256][2];
  unsigned char letter = (unsigned char)run->scene;
  texts[letter][0] = run->scene;
  return texts[letter];
}

static void follow(crash_run *run, const char *how) {
  crash_teller *follower = crash_survivor(run, "stream_follower", how, scene_of(run));
  CHECK(crash_heard(follower, "ready", 0, CRASH_PATIENCE_NS) != NULL);
}

static void leave_dead_readers(const crash_run *run) {
  for (int i = 0; i < 3; i++) {
    check_process *corpse = check_start("stream_corpse", run->name, NULL);
    check_expect(corpse, "dying");
    check_kill(corpse);
    CHECK_INT(-9, check_wait(corpse));
  }
}

/* Somebody wrote, readers came, and the writer left. */
static void found(crash_run *run) {
  tarn_options options = stream_scene(scene_of(run));
  options.flags |= TARN_EXCLUSIVE;
  tarn_stream *founder, *reader;
  CHECK_OK(tarn_stream_open(&founder, run->name, TARN_WRITER, &options, 0));
  for (uint64_t number = 1; number <= 5; number++)
    stream_put(founder, number, number * 50);
  if (is(run, "k")) {
    CHECK_OK(tarn_stream_open(&reader, run->name, TARN_READER, NULL, 0)); /* who comes first is waited for */
    tarn_stream_close(reader);
  } else {
    follow(run, "place");
    follow(run, "copy");
  }
  if (is(run, "c"))
    leave_dead_readers(run);
  tarn_stream_close(founder);
}

static void prepare(crash_run *run) {
  if (!is(run, "WFO")) {
    found(run);
    return;
  }
  crash_teller *writer = crash_survivor(run, "stream_steady_writer", scene_of(run), NULL);
  CHECK(crash_heard(writer, "ready", 0, CRASH_PATIENCE_NS) != NULL);
  follow(run, "copy");
}

static void arguments(const crash_run *run, const char *ret_arguments[5]) { ret_arguments[0] = scene_of(run); }

/* ---- After the death ---------------------------------------------------------------------------------------------------- */

static int wrong(crash_run *run, const char *why, int survivor) {
  snprintf(run->why, sizeof run->why, "survivor %d: %s", survivor, why);
  return -1;
}

/* A follower was given all that the victim published, and after it was told that nobody writes any more. */
static int judge_follower(crash_run *run, int survivor) {
  const crash_teller *teller = &run->survivors[survivor];
  const crash_line *said = crash_last(&run->victim, "put"), *opening = crash_last(&run->victim, "opening");
  const crash_line *item = crash_last(teller, "item"), *none = crash_last(teller, "none");
  int64_t last_ns = run->released_ns + CRASH_PROMISE_NS;
  if (said != NULL && (item == NULL || item->number < said->number))
    return wrong(run, "it was not given all that was published within 100 ms", survivor);
  if (said == NULL || said->tag != opening->tag)
    return 1; /* of a writer of whom it was given nothing it need not be told */
  if (item->at_ns > last_ns)
    return wrong(run, "it was given the last message later than after 100 ms", survivor);
  if (none == NULL || none < item)
    return wrong(run, "it was not told within 100 ms that there is no writer", survivor);
  return none->at_ns <= last_ns ? 1 : wrong(run, "it was told later than after 100 ms that there is no writer", survivor);
}

/* The writer goes on, more than once around the ring: nothing of the dead one's is in its way. */
static int judge_writer(crash_run *run) {
  const crash_line *put = crash_last(&run->survivors[0], "put");
  int64_t first = run->released_ns, last = first + CRASH_PROMISE_NS;
  int count = 0;
  uint32_t lines = tn_load_acquire(&run->survivors[0].count); /* [T1] acquire */
  for (uint32_t i = 0; i < lines; i++) {
    const crash_line *line = &run->survivors[0].lines[i];
    count += strcmp(line->word, "put") == 0 && line->at_ns >= first && line->at_ns <= last;
  }
  return put != NULL && count >= 12 ? 1 : wrong(run, "it published less than a ring within 100 ms", 0);
}

static int judge(crash_run *run) {
  if (run->survivor_count == 0)
    return 1;
  check_sleep(run->released_ns + CRASH_PROMISE_NS + 10 * MS - check_now());
  if (crash_survivors_write(run))
    return judge_writer(run);
  for (int i = 0; i < run->survivor_count; i++) {
    int judged = judge_follower(run, i);
    if (judged != 1)
      return judged;
  }
  return 1;
}

static void end_as(crash_run *run, crash_teller *checker, const char *mode) {
  int code = crash_end(checker);
  if (code != 0)
    crash_fail(run, "the checker (%s) ended with %d", mode, code);
}

/* Whoever was there is given what the new writer published, to the last message. */
static void look_at_survivors(crash_run *run, uint64_t number) {
  for (int i = 0; i < run->survivor_count; i++) {
    const crash_line *item = NULL;
    for (int64_t begin = check_now(); check_now() - begin < CRASH_PATIENCE_NS; check_sleep(MS)) {
      item = crash_last(&run->survivors[i], "item");
      if (item != NULL && item->number == number)
        break;
    }
    if (item == NULL || item->number != number)
      crash_fail(run, "survivor %d is not given the new writer's messages", i);
  }
}

static void check_as(crash_run *run, const char *mode) {
  crash_teller checker;
  char least[32];
  const crash_line *put = crash_last(&run->victim, "put"), *done;
  snprintf(least, sizeof least, "%llu", (unsigned long long)(put != NULL ? put->number : is(run, "WFO") ? 0 : 5));
  crash_attend(&checker, check_start("stream_checker", run->name, scene_of(run), mode, least, NULL));
  if ((done = crash_heard(&checker, "put", 0, CRASH_PATIENCE_NS)) == NULL)
    crash_fail(run, "the checker (%s) failed", mode);
  if (strcmp(mode, "free") == 0)
    look_at_survivors(run, done->number);
  end_as(run, &checker, mode);
}

static void check(crash_run *run) { check_as(run, crash_survivors_write(run) ? "busy" : "free"); }

/* ---- While it is stopped ------------------------------------------------------------------------------------------------ */

static int holds(const crash_run *run, char letter) { return strchr(run->point->holds, letter) != NULL; }

static void nobody_takes_it_for_dead(crash_run *run) {
  for (int i = 0; i < run->survivor_count; i++) {
    const crash_line *none = crash_last(&run->survivors[i], "none");
    if (!is(run, "WFO") && !holds(run, 'q') && !holds(run, '?') && none != NULL && none->at_ns > run->released_ns + 50 * MS)
      crash_fail(run, "survivor %d was told that there is no writer while one is stopped", i);
    if (tn_load_acquire(&run->survivors[i].ended))
      crash_fail(run, "survivor %d ended", i);
  }
}

/* A stopped reader keeps what it holds, and nothing more. */
static void the_writer_waits_or_not(crash_run *run) {
  const crash_line *put = crash_last(&run->survivors[0], "put");
  int64_t quiet_ns = check_now() - put->at_ns;
  int waits = is(run, "WF") ? holds(run, 'c') : holds(run, 'h');
  if (waits && quiet_ns < 500 * MS)
    crash_fail(run, "the writer overwrites what a stopped reader holds");
  if (run->scene == 'O' && holds(run, 'g') && quiet_ns > 500 * MS)
    crash_fail(run, "the writer does not go on while a reader is stopped that holds nothing");
}

static void stopped(crash_run *run) {
  char letters[8];
  crash_locks(run, letters);
  nobody_takes_it_for_dead(run);
  if (is(run, "WFO"))
    the_writer_waits_or_not(run);
  check_as(run, strchr(letters, 'w') != NULL || crash_survivors_write(run) ? "busy" : "free");
}

/* ---- At the end --------------------------------------------------------------------------------------------------------- */

static void after(crash_run *run) {
  tn_os_file file;
  if (is(run, "k") && tarn_remove(run->name, TARN_KIND_STREAM, 0) != 0)
    crash_fail(run, "the kept name cannot be removed: %s", tarn_error_text());
  if (tn_os_open(&file, run->path, TN_OS_READ, 1) != TARN_E_NOT_FOUND)
    crash_fail(run, "the name is still there");
}

static const crash_kind stream_kind = {
    .word = "stream",
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

static void test_killed(void) { crash_kill_all(&stream_kind); }

static void test_stopped(void) { crash_stop_all(&stream_kind); }

static const check_test tests[] = {{"killed", test_killed, 200}, {"stopped", test_stopped, 60}, {0}};
static const check_role roles[] = {{"stream_writer", stream_role_writer},
                                   {"stream_reader", stream_role_reader},
                                   {"stream_follower", stream_role_follower},
                                   {"stream_steady_writer", stream_role_steady_writer},
                                   {"stream_corpse", stream_role_corpse},
                                   {"stream_checker", stream_role_checker},
                                   {"idle", role_idle},
                                   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
