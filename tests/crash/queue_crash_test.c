/* queue_crash_test.c: writers of one stream, and readers of a queue, are killed and stopped at every named step, and so are those that
 * repair after them. Every message that was published is delivered: in a fan-out to everybody in order, in a queue at least once, more
 * than once only if it is marked, and never after it was done. What a dead one had is somebody else's within 100 ms. */
#include "queue_crash.h"

#include <tarn/inspect.h>

#include "board_crash.h" /* role_idle */

#define MS INT64_C(1000000)

/* Scenes:
 *   m  the victim is one of two writers; two followers, in place and by copy      M  it is the only one
 *   q  the same of a queue                                                        Q  the victim takes; another writes, two others take
 *   A  as Q, and what comes back once is set aside
 *   r  a dead writer's claim is in the way; the victim reads                      n  the same, and two followers that have stood still
 *   s  a dead reader has two messages; the victim takes                           t  the same, and two others that have stood still
 *   d  as r, but the claim names a slot that was never taken                      e  such a slot has taken a message; the victim writes */
static const crash_point points[] = {
    {"many.join.done", "queue_writer", "m6 M6 q6", "us?"},
    {"many.claim.locked", "queue_writer", "m30 M30 q30", "us?"},
    {"many.claim.room", "queue_writer", "m30 M30 q30", "us?"},
    {"many.need.noted", "queue_writer", "e1", "us?"},
    {"many.claim.noted", "queue_writer", "m30 M30 q30", "us?"},
    {"many.claim.ended", "queue_writer", "m30 M30 q30", "us?"},
    {"many.claim.wrapped", "queue_writer", "M6", "usw"},
    {"many.claim.word", "queue_writer", "m30 M30 q30", "us?"},
    {"many.claim.tail", "queue_writer", "m30 M30 q30", "us?"},
    {"many.claim.done", "queue_writer", "m24 M24 q24", "us?"},
    {"many.publish.filled", "queue_writer", "m24 M24 q24", "us?"},
    {"many.publish.word", "queue_writer", "m30 M30 q30", "us?"},
    {"many.publish.cleared", "queue_writer", "m30 M30 q30", "us?"},
    {"many.publish.woken", "queue_writer", "m30 M30 q30", "us?"},
    {"many.abandon", "queue_writer", "m6 M6 q6", "us?"},
    {"many.batch.record", "queue_writer", "m20 M20 q20", "us?"},
    {"lock.taken", "queue_writer", "m30 q30", "us?"},
    {"lock.dropping", "queue_writer", "m30 q30", "us?"},
    {"lock.dropped", "queue_writer", "m30 q30", "us?"},
    {"leave.writer", "queue_writer", "m6 M6 q6", "us?"},
    {"leave.announced", "queue_writer", "m6 M6 q6", "us?"},
    {"queue.head.chosen", "queue_writer", "q6", "us?"},
    {"queue.head.stored", "queue_writer", "q6", "us?"},
    {"queue.head.settled", "queue_writer", "q6", "us?"},
    {"queue.join.done", "queue_reader", "Q6", "us"},
    {"queue.take.noted", "queue_reader", "Q12", "us"},
    {"queue.take.checked", "queue_reader", "Q12", "us"},
    {"queue.take.taken", "queue_reader", "Q12", "us"},
    {"queue.take.given", "queue_reader", "Q12", "us"},
    {"queue.get.copied", "queue_reader", "Q4", "us"},
    {"queue.release.done", "queue_reader", "Q8", "us"},
    {"queue.release.cleared", "queue_reader", "Q8", "us"},
    {"queue.return.again", "queue_reader", "Q2", "us"},
    {"queue.return.told", "queue_reader", "Q2", "us"},
    {"queue.aside.put", "queue_reader", "A1", "us"},
    {"deny.noted", "queue_reader", "d1", "us"},
    {"deny.changed", "queue_reader", "d1", "us"},
    {"deny.noted", "queue_writer", "e1", "us?"},
    {"deny.changed", "queue_writer", "e1", "us?"},
    {"repair.claim.found", "queue_reader", "r1 n1", "us"},
    {"repair.claim.counted", "queue_reader", "r1 n1", "us"},
    {"repair.claim.skipped", "queue_reader", "r1 n1", "us"},
    {"repair.taken.found", "queue_reader", "s2 t2", "us"},
    {"repair.taken.again", "queue_reader", "s2 t2", "us"},
    {"repair.returned", "queue_reader", "s1 t1", "us"},
    {"repair.intents.cleared", "queue_reader", "s1 t1", "us"},
    {0},
};

static int is(const crash_run *run, const char *scenes) { return strchr(scenes, run->scene) != NULL; }

static int on_disk(char scene) {
  (void)scene;
  return -1;
}

/* ---- Before ------------------------------------------------------------------------------------------------------------- */

static const char *scene_of(const crash_run *run) {
  static char texts[256][2];
  unsigned char letter = (unsigned char)run->scene;
  texts[letter][0] = run->scene;
  return texts[letter];
}

static void await_ready(crash_teller *teller) { CHECK(crash_heard(teller, "ready", 0, CRASH_PATIENCE_NS) != NULL); }

static void follow(crash_run *run) {
  for (int i = 0; i < 2; i++) await_ready(crash_survivor(run, "queue_follower", scene_of(run), i == 0 ? "place" : "copy"));
}

/* The messages that the dead one's friends published, by their tags. */
enum { FOUNDED_TAG = 3 * QUEUE_TAGS_EACH, CLAIMED_TAG = 2 * QUEUE_TAGS_EACH };

static void put_as_founder(tarn_stream *founder, uint32_t tag) {
  unsigned char bytes[64];
  crash_fill(bytes, sizeof bytes, tag);
  CHECK_OK(tarn_stream_put(founder, bytes, sizeof bytes, &(tarn_about){.struct_size = sizeof(tarn_about), .tag = tag}, 0));
}

enum { NOBODY = 7 }; /* a slot that no run comes to */

/* Scenes d and e: what was the dead one's claim, or is the first message, is in nobody's name. */
static void scribble(crash_run *run, uint32_t dead_slot) {
  tarn_options options = queue_scene(scene_of(run));
  tarn_stream *stream;
  CHECK_OK(tarn_stream_open(&stream, run->name, TARN_WRITER, &options, CRASH_PATIENCE_NS));
  uint64_t position = is(run, "d") ? tn_load_acquire(&stream->channel.table[dead_slot].stream.claim) - 1
                                   : tn_latch_load(&stream->channel.control->kind.stream.floor).position;
  tn_record *record = tn_stream_record(stream, position);
  uint64_t word = tn_load_acquire(&record->word);
  CHECK(is(run, "d") ? tn_record_is_claim(word) : tn_record_kind(word) == TN_MESSAGE);
  tn_store_release(&record->word, is(run, "d") ? tn_record_claim(NOBODY, tn_record_length(word)) : tn_record_taken(word, NOBODY));
  tarn_stream_close(stream);
}

static void leave_a_corpse(crash_run *run, const char *role) {
  crash_teller corpse;
  crash_attend(&corpse, check_start(role, run->name, scene_of(run), NULL));
  await_ready(&corpse);
  if (is(run, "nt")) {
    follow(run);
    check_sleep(5 * MS); /* they are held up now, or will be when they go on */
    for (int i = 0; i < run->survivor_count; i++) check_stop(run->survivors[i].process);
  }
  uint32_t slot = (uint32_t)crash_last(&corpse, "ready")->number;
  check_kill(corpse.process);
  CHECK_INT(-9, crash_bury(&corpse));
  if (is(run, "d")) scribble(run, slot);
}

static void prepare(crash_run *run) {
  if (is(run, "nt") && !tn_os_capabilities()->shared_futex) run->scene = run->scene == 'n' ? 'r' : 's'; /* nobody can be stopped there */
  tarn_options options = queue_scene(scene_of(run));
  options.flags |= TARN_EXCLUSIVE;
  tarn_stream *founder;
  CHECK_OK(tarn_stream_open(&founder, run->name, TARN_WRITER, &options, 0));
  if (is(run, "ste"))
    for (uint32_t i = 0; i < 3; i++) put_as_founder(founder, FOUNDED_TAG + i);
  tarn_stream_close(founder);
  if (is(run, "e")) scribble(run, 0);
  if (is(run, "rnstd")) {
    leave_a_corpse(run, is(run, "rnd") ? "queue_claimant" : "queue_holder");
    return;
  }
  follow(run); /* first: they are given every message */
  if (!is(run, "Me")) await_ready(crash_survivor(run, "queue_steady_writer", scene_of(run), NULL));
}

static void arguments(const crash_run *run, const char *ret_arguments[5]) { ret_arguments[0] = scene_of(run); }

/* ---- After the death ---------------------------------------------------------------------------------------------------- */

static int wrong(crash_run *run, const char *why, uint64_t number) {
  snprintf(run->why, sizeof run->why, "%s (number %llu)", why, (unsigned long long)number);
  return -1;
}

static int was(const crash_line *line, const char *word) { return strcmp(line->word, word) == 0; }

static int was_given(const crash_line *line) { return was(line, "item") || was(line, "again"); }

/* When this message was given to one of the survivors: 0 not, or not yet. */
static int64_t given_at(const crash_run *run, uint64_t tag, int64_t after_ns) {
  for (int i = 0; i < run->survivor_count; i++) {
    uint32_t count = tn_load_acquire(&run->survivors[i].count); /* [T1] acquire */
    for (uint32_t k = 0; k < count; k++) {
      const crash_line *line = &run->survivors[i].lines[k];
      if (line->tag == tag && line->at_ns > after_ns && was_given(line)) return line->at_ns;
    }
  }
  return 0;
}

/* 1 if the victim still had message number `tag` when it died, as far as it said. */
static int had(const crash_run *run, uint64_t tag) {
  int result = 0;
  uint32_t count = tn_load_acquire(&run->victim.count); /* [T1] acquire */
  for (uint32_t k = 0; k < count; k++) {
    const crash_line *line = &run->victim.lines[k];
    if (line->tag != tag) continue;
    if (was_given(line)) result = 1;
    if (was(line, "giving") || was(line, "done")) result = 0;
  }
  return result;
}

/* What it had is given to others in time. */
static int judge_taken(crash_run *run, int64_t last_ns) {
  uint32_t count = tn_load_acquire(&run->victim.count); /* [T1] acquire */
  for (uint32_t k = 0; k < count; k++) {
    const crash_line *line = &run->victim.lines[k];
    if (!was_given(line) || !had(run, line->tag) || is(run, "A")) continue;
    int64_t at_ns = given_at(run, line->tag, line->at_ns);
    if (at_ns > last_ns || (at_ns == 0 && check_now() > last_ns + 10 * MS))
      return wrong(run, "what a dead reader had was not given to another within 100 ms", line->number);
    if (at_ns == 0) return 0;
  }
  return 1;
}

/* Somebody is given something that was published after the death. */
static int judge_going_on(crash_run *run, int64_t last_ns) {
  const crash_teller *writer = &run->survivors[run->survivor_count - 1];
  uint32_t count = tn_load_acquire(&writer->count); /* [T1] acquire */
  for (uint32_t k = 0; k < count; k++) {
    int64_t at_ns = writer->lines[k].at_ns > run->released_ns && was(&writer->lines[k], "put")
                        ? given_at(run, writer->lines[k].tag, 0)
                        : 0;
    if (at_ns != 0 && at_ns <= last_ns) return 1;
  }
  return check_now() > last_ns + 10 * MS ? wrong(run, "nothing new was published and given within 100 ms", 0) : 0;
}

/* The only writer is gone: everybody is told, after all that it had published. */
static int judge_departure(crash_run *run, int64_t last_ns) {
  const crash_line *put = crash_last(&run->victim, "put"), *open = crash_last(&run->victim, "open");
  if (put == NULL || open == NULL || put < open) return 1;
  for (int i = 0; i < run->survivor_count; i++) {
    const crash_line *none = crash_last(&run->survivors[i], "none"), *item = crash_last(&run->survivors[i], "item");
    if (none != NULL && item != NULL && none > item && item->number >= put->number) {
      if (none->at_ns > last_ns) return wrong(run, "a reader was told later than after 100 ms that nobody writes", put->number);
      continue;
    }
    return check_now() > last_ns + 10 * MS ? wrong(run, "a reader was not told within 100 ms that nobody writes", put->number) : 0;
  }
  return 1;
}

/* In scenes n and t everybody else has stood still, so that the victim was the one to repair. */
static void let_followers_go(crash_run *run) {
  for (int i = 0; i < run->survivor_count && is(run, "nt"); i++) check_continue(run->survivors[i].process);
}

static int judge_repaired(crash_run *run, int64_t last_ns) {
  uint32_t tags[] = {FOUNDED_TAG, FOUNDED_TAG + 1, CLAIMED_TAG};
  for (int i = 0; i < 3; i++) {
    if (is(run, "n") != (i == 2)) continue;
    if (is(run, "t") && crash_last(&run->victim, "item") != NULL && !had(run, tags[i])) continue; /* perhaps it is done */
    int64_t at_ns = given_at(run, tags[i], 0);
    if (at_ns == 0 && check_now() <= last_ns + 10 * MS) return 0;
    if (at_ns == 0 || at_ns > last_ns) return wrong(run, "what a dead one left was not given within 100 ms", tags[i]);
  }
  return 1;
}

static int judge(crash_run *run) {
  int64_t last_ns = run->released_ns + CRASH_PROMISE_NS;
  if (run->survivor_count == 0) return 1;
  if (is(run, "e") && run->survivor_count == 2) { /* nobody waits for room now */
    crash_survivor(run, "queue_second_writer", scene_of(run), NULL);
    run->released_ns = check_now();
    return 0;
  }
  if (is(run, "e")) return judge_repaired(run, run->released_ns + CRASH_PROMISE_NS);
  if (is(run, "nt")) {
    if (run->survivors[0].ended_ns == 0) {
      run->survivors[0].ended_ns = -1; /* once */
      let_followers_go(run);
      run->released_ns = check_now();
    }
    return judge_repaired(run, run->released_ns + CRASH_PROMISE_NS);
  }
  int judged = is(run, "M") ? judge_departure(run, last_ns) : judge_going_on(run, last_ns);
  return judged == 1 && is(run, "QA") ? judge_taken(run, last_ns) : judged;
}

/* ---- The tally: everybody has ended, and the rest was drained ------------------------------------------------------------- */

typedef struct fate {
  int put, given, again, done;
} fate;

static void count_lines(const crash_teller *teller, fate *fates) {
  uint32_t count = tn_load_acquire(&teller->count); /* [T1] acquire */
  for (uint32_t k = 0; k < count; k++) {
    const crash_line *line = &teller->lines[k];
    if (line->tag >= QUEUE_TAGS) continue;
    fates[line->tag].put += was(line, "put");
    fates[line->tag].given += was(line, "item");
    fates[line->tag].again += was(line, "again");
    fates[line->tag].done += was(line, "done");
  }
}

/* It died in get, after the message was done and before it could say which one that was. */
static int died_in_get(const crash_run *run) {
  uint32_t count = tn_load_acquire(&run->victim.count); /* [T1] acquire */
  return count != 0 && was(&run->victim.lines[count - 1], "getting") && strncmp(run->point->name, "queue.release.", 14) == 0;
}

static void check_queue(const crash_run *run, const fate *fates) {
  int excused = died_in_get(run);
  for (uint32_t tag = 0; tag < QUEUE_TAGS; tag++) {
    int twice = is(run, "A"); /* what was set aside by one that died may be there, and be new there, twice */
    if (fates[tag].put != 0 && fates[tag].given + fates[tag].again == 0 && --excused < 0)
      crash_fail(run, "message with tag %u was lost", tag);
    if (fates[tag].given > 1 + 2 * twice) crash_fail(run, "message with tag %u was delivered %d times without a mark", tag, fates[tag].given);
    if (fates[tag].done > 1 + twice) crash_fail(run, "message with tag %u was done %d times", tag, fates[tag].done);
  }
}

/* Every follower was given every message that anybody said was published. */
static void check_followers(const crash_run *run, const fate *fates) {
  for (int i = 0; i < run->survivor_count; i++) {
    static fate own[QUEUE_TAGS];
    memset(own, 0, sizeof own);
    if (crash_last(&run->survivors[i], "ready")->tag == TARN_WRITER) continue;
    count_lines(&run->survivors[i], own);
    for (uint32_t tag = 0; tag < QUEUE_TAGS; tag++)
      if (fates[tag].put != 0 && tag < FOUNDED_TAG && own[tag].given != 1)
        crash_fail(run, "survivor %d was given message with tag %u %d times", i, tag, own[tag].given);
  }
}

static void await_end(crash_run *run, crash_teller *teller) {
  int64_t end = check_now() + CRASH_PATIENCE_NS;
  while (!tn_load_acquire(&teller->ended)) { /* [T1] acquire */
    if (check_now() > end) crash_fail(run, "a process does not end");
    check_sleep(MS / 2);
  }
}

static void bury_all(crash_run *run) {
  for (int i = 0; i < run->survivor_count; i++) {
    int code = crash_bury(&run->survivors[i]);
    if (code != 0) crash_fail(run, "survivor %d ended with %d", i, code);
  }
  run->survivor_count = 0;
}

static void check(crash_run *run) {
  static fate fates[QUEUE_TAGS];
  crash_teller drainer;
  memset(fates, 0, sizeof fates);
  for (int i = run->survivor_count; i-- > 0;) { /* a writer first: then readers read all there is */
    check_tell(run->survivors[i].process, "end");
    if (i == run->survivor_count - 1) await_end(run, &run->survivors[i]);
  }
  for (int i = 0; i < run->survivor_count; i++) await_end(run, &run->survivors[i]);
  crash_attend(&drainer, check_start("queue_drainer", run->name, scene_of(run), NULL));
  await_end(run, &drainer);
  count_lines(&run->victim, fates);
  for (int i = 0; i < run->survivor_count; i++) count_lines(&run->survivors[i], fates);
  if (queue_is_fan_out(run->scene)) check_followers(run, fates);
  if (is(run, "rnd")) fates[CLAIMED_TAG].put = 1;
  for (uint32_t i = 0; i < 3 && is(run, "ste"); i++) fates[FOUNDED_TAG + i].put = 1;
  count_lines(&drainer, fates);
  if (!queue_is_fan_out(run->scene)) check_queue(run, fates);
  int code = crash_bury(&drainer);
  if (code != 0) crash_fail(run, "the drainer ended with %d", code);
  bury_all(run);
}

/* ---- While it is stopped ------------------------------------------------------------------------------------------------ */

static void stopped(crash_run *run) {
  let_followers_go(run);
  uint32_t count = tn_load_acquire(&run->victim.count); /* [T1] acquire */
  for (uint32_t k = 0; k < count; k++) {
    const crash_line *line = &run->victim.lines[k];
    if (!queue_is_fan_out(run->scene) && was_given(line) && had(run, line->tag) && given_at(run, line->tag, line->at_ns) != 0)
      crash_fail(run, "message %llu of a stopped reader was given to another", (unsigned long long)line->number);
  }
  for (int i = 0; i < run->survivor_count; i++) {
    const crash_line *none = crash_last(&run->survivors[i], "none");
    if (tn_load_acquire(&run->survivors[i].ended)) crash_fail(run, "survivor %d ended", i);
    if (is(run, "mqM") && none != NULL && none->at_ns > run->released_ns + 50 * MS && strncmp(run->point->name, "leave", 5) != 0)
      crash_fail(run, "survivor %d was told that there is no writer while one is stopped", i);
  }
}

static void after(crash_run *run) {
  if (tarn_remove(run->name, TARN_KIND_STREAM, 0) != 0) crash_fail(run, "the name cannot be removed: %s", tarn_error_text());
}

static const crash_kind queue_kind = {
    .word = "queue",
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

static void test_killed(void) { crash_kill_all(&queue_kind); }

static void test_stopped(void) { crash_stop_all(&queue_kind); }

/* Two wait for what a dead one has: both find out at the same time, one repairs, both go on. */
static void race(char scene, const char *role) {
  for (int round = 0; round < 5; round++) {
    crash_run run = {.kind = &queue_kind, .point = points, .action = "race", .scene = scene};
    crash_name(&run, 0);
    tarn_options options = queue_scene(scene_of(&run));
    tarn_stream *founder;
    CHECK_OK(tarn_stream_open(&founder, run.name, TARN_WRITER, &options, 0));
    for (uint32_t i = 0; i < 3 && scene == 's'; i++) put_as_founder(founder, FOUNDED_TAG + i);
    tarn_stream_close(founder);
    crash_teller corpse;
    crash_attend(&corpse, check_start(role, run.name, scene_of(&run), NULL));
    await_ready(&corpse);
    follow(&run);
    follow(&run);
    check_sleep(5 * MS);
    check_kill(corpse.process);
    CHECK_INT(-9, crash_bury(&corpse));
    int64_t died_ns = check_now();
    for (uint32_t tag = scene == 's' ? FOUNDED_TAG : CLAIMED_TAG; given_at(&run, tag, 0) == 0; check_sleep(MS))
      if (check_now() - died_ns > CRASH_PATIENCE_NS) crash_fail(&run, "what the dead one left is not given to anybody");
    run.victim = (crash_teller){.count = 0};
    check(&run);
    after(&run);
  }
}

static void test_repairers_race(void) {
  race('r', "queue_claimant");
  race('s', "queue_holder");
}

static const check_test tests[] = {
    {"killed", test_killed, 200}, {"stopped", test_stopped, 120}, {"repairers_race", test_repairers_race, 60}, {0}};
static const check_role roles[] = {{"queue_writer", queue_role_writer},
                                   {"queue_reader", queue_role_reader},
                                   {"queue_steady_writer", queue_role_steady_writer},
                                   {"queue_second_writer", queue_role_second_writer},
                                   {"queue_follower", queue_role_follower},
                                   {"queue_claimant", queue_role_claimant},
                                   {"queue_holder", queue_role_holder},
                                   {"queue_drainer", queue_role_drainer},
                                   {"idle", role_idle},
                                   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
