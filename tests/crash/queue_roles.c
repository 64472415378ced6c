/* queue_roles.c: the processes of the crash tests of many writers and queues. */
#include "queue_crash.h"

#include <inttypes.h>
#include <tarn/inspect.h>

#define MS INT64_C(1000000)

enum { PIECES = 5, LARGEST = QUEUE_RING / 2 - 48 };

int queue_is_fan_out(char scene) { return strchr("mMrnd", scene) != NULL; }

tarn_options queue_scene(const char *scene) {
  tarn_options options = {.struct_size = sizeof options, .size_bytes = QUEUE_RING, .slots = 8};
  options.flags = TARN_KEPT | TARN_MANY_WRITERS;
  if (!queue_is_fan_out(scene[0])) options.flags |= TARN_QUEUE;
  if (scene[0] == 'A') options.max_deliveries = 1;
  return options;
}

static tarn_stream *enter(const char *name, int role, const char *scene) {
  tarn_options options = role == TARN_WRITER ? queue_scene(scene) : (tarn_options){.struct_size = sizeof options};
  tarn_stream *stream;
  CHECK_OK(tarn_stream_open(&stream, name, role, &options, CRASH_PATIENCE_NS));
  return stream;
}

static void wake(void *argument) { tarn_stream_wake(argument); }

/* Who has all its life to write, and does not wait, is told of the end only when it has. */
static void leave_alone(void *argument) { (void)argument; }

/* ---- Writing ----------------------------------------------------------------------------------------------------------- */

/* Tags of the process with this first one, so that nobody else's are the same. */
static uint32_t next_tag;

static int claim_and_publish(tarn_stream *writer, uint64_t claimed, uint64_t size, int64_t timeout_ns) {
  const tarn_about about = {.struct_size = sizeof about, .tag = next_tag};
  void *room;
  int result = tarn_stream_claim(writer, claimed, &room, timeout_ns);
  if (result != 0) return result;
  memset(room, 0xee, (size_t)claimed);
  crash_fill(room, size, next_tag);
  CHECK_OK(tarn_stream_publish(writer, size, &about));
  crash_say("put", writer->claim_number, next_tag++);
  return 0;
}

static void put_batch(tarn_stream *writer) {
  static unsigned char bytes[PIECES][256];
  tarn_piece pieces[PIECES];
  uint32_t count;
  for (uint32_t i = 0; i < PIECES; i++) {
    uint64_t size = (next_tag + i) * 131 % 250;
    crash_fill(bytes[i], size, next_tag + i);
    pieces[i] = (tarn_piece){bytes[i], size, next_tag + i};
  }
  CHECK_OK(tarn_stream_put_batch(writer, pieces, PIECES, &count, TARN_FOREVER));
  for (uint32_t i = 0; i < count; i++) crash_say("put", writer->claim_number + i, next_tag + i);
  next_tag += PIECES; /* those that had no room are nobody's */
}

static void write_a_life(tarn_stream *writer) {
  static const uint64_t sizes[] = {40, 0, LARGEST, 333, 1000};
  void *room;
  for (uint64_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    CHECK_OK(claim_and_publish(writer, sizes[i], sizes[i], TARN_FOREVER));
    check_sleep(MS / 5); /* so that readers fall asleep in between */
  }
  put_batch(writer);
  CHECK_OK(claim_and_publish(writer, LARGEST, 900, TARN_FOREVER)); /* less than claimed */
  CHECK_OK(tarn_stream_claim(writer, 300, &room, TARN_FOREVER));
  CHECK_OK(tarn_stream_abandon(writer));
  put_batch(writer);
}

int queue_role_writer(int argc, char **argv) {
  CHECK_INT(2, argc);
  next_tag = 1;
  for (uint64_t life = 1; life <= QUEUE_LIVES; life++) {
    tarn_stream *writer = enter(argv[0], TARN_WRITER, argv[1]);
    crash_say("open", writer->channel.slot, life);
    write_a_life(writer);
    tarn_stream_close(writer);
    crash_say("closed", 0, life);
  }
  return 0;
}

int queue_role_second_writer(int argc, char **argv) {
  CHECK(argc >= 2);
  next_tag = QUEUE_TAGS_EACH;
  tarn_stream *writer = enter(argv[0], TARN_WRITER, argv[1]);
  crash_ears ears = {.wake = leave_alone};
  crash_listen(&ears);
  write_a_life(writer);
  crash_say("ready", writer->channel.slot, TARN_WRITER);
  while (!tn_load_acquire(&ears.end)) check_sleep(MS); /* [T2] acquire */
  crash_deafen(&ears);
  tarn_stream_close(writer);
  return 0;
}

int queue_role_steady_writer(int argc, char **argv) {
  CHECK(argc >= 2);
  next_tag = QUEUE_TAGS_EACH;
  tarn_stream *writer = enter(argv[0], TARN_WRITER, argv[1]);
  crash_ears ears = {.wake = wake, .argument = writer};
  crash_listen(&ears);
  for (uint64_t i = 0; !tn_load_acquire(&ears.end); i++) { /* [T2] acquire */
    uint64_t size = 20 + i * 37 % 300;
    int result = claim_and_publish(writer, size, size, i < 4 ? 0 : TARN_FOREVER);
    if (result != TARN_WOKEN) CHECK_OK(result);
    if (i == 4) crash_say("ready", writer->channel.slot, TARN_WRITER);
    check_sleep(crash_pace(i));
  }
  crash_deafen(&ears);
  tarn_stream_close(writer);
  return 0;
}

/* Claims, a message behind it is there, and dies when it is killed. */
int queue_role_claimant(int argc, char **argv) {
  CHECK_INT(2, argc);
  next_tag = 2 * QUEUE_TAGS_EACH;
  void *room;
  tarn_stream *writer = enter(argv[0], TARN_WRITER, argv[1]), *other = enter(argv[0], TARN_WRITER, argv[1]);
  CHECK_OK(tarn_stream_claim(writer, 100, &room, 0));
  CHECK_OK(claim_and_publish(other, 50, 50, 0));
  tarn_stream_close(other);
  crash_say("ready", writer->channel.slot, TARN_WRITER);
  check_hear();
  CHECK(0 && "it is killed, not told");
  return 1;
}

/* ---- Reading ------------------------------------------------------------------------------------------------------------ */

typedef struct course {
  uint64_t last; /* number of the last item of a reader that is given every one; 0: none yet */
  int every;
} course;

static void verify(course *course, const tarn_item *item) {
  CHECK(crash_whole(item->data, item->size_bytes, item->tag));
  CHECK_UINT(0, item->missed);
  if (course->every) CHECK(item->number > course->last);
  if (!course->every && !(item->flags & TARN_AGAIN)) CHECK(item->number > course->last); /* in order, but for what comes again */
  if (!(item->flags & TARN_AGAIN)) course->last = item->number;
  crash_say(item->flags & TARN_AGAIN ? "again" : "item", item->number, item->tag);
}

static int is_outcome(int result) {
  return result == TARN_TIMED_OUT || result == TARN_NO_WRITER || result == TARN_EMPTY || result == TARN_WOKEN;
}

static void let_go(tarn_stream *reader, tarn_item *item, int back) {
  uint64_t number = item->number, tag = item->tag;
  CHECK(crash_whole(item->data, item->size_bytes, tag));
  crash_say("giving", number, tag);
  CHECK_OK(back ? tarn_stream_return(reader, item) : tarn_stream_release(reader, item));
  if (!back) crash_say("done", number, tag);
}

static void read_a_round(tarn_stream *reader, course *course, uint64_t round, int returns) {
  static unsigned char bytes[QUEUE_RING];
  tarn_item items[2], copy;
  uint32_t count = 0;
  int result = tarn_stream_read_batch(reader, items, 2, &count, 3 * MS);
  if (result != 0) CHECK(is_outcome(result));
  for (uint32_t i = 0; result == 0 && i < count; i++) verify(course, &items[i]);
  check_sleep(MS / 5);
  for (uint32_t i = count; result == 0 && i-- > 0;) let_go(reader, &items[i], !course->every && (returns || (round + i) % 3 == 0));
  crash_say("getting", 0, QUEUE_TAGS);
  result = tarn_stream_get(reader, bytes, sizeof bytes, &copy, 2 * MS);
  if (result != 0) CHECK(is_outcome(result));
  if (result == 0) verify(course, &copy);
  if (result == 0) crash_say("done", copy.number, copy.tag);
}

int queue_role_reader(int argc, char **argv) {
  CHECK_INT(2, argc);
  for (uint64_t life = 1; life <= QUEUE_LIVES; life++) {
    tarn_stream *reader = enter(argv[0], TARN_READER, argv[1]);
    crash_say("open", reader->channel.slot, life);
    course course = {.every = queue_is_fan_out(argv[1][0])};
    for (uint64_t round = 0; round < 4; round++) read_a_round(reader, &course, round, argv[1][0] == 'A');
    tarn_stream_close(reader);
    crash_say("closed", 0, life);
  }
  return 0;
}

static int next(tarn_stream *reader, course *course, int copies, int64_t timeout_ns) {
  static unsigned char bytes[QUEUE_RING];
  tarn_item item;
  int result = copies ? tarn_stream_get(reader, bytes, sizeof bytes, &item, timeout_ns)
                      : tarn_stream_read(reader, &item, timeout_ns);
  if (result != 0) return result;
  verify(course, &item);
  if (copies)
    crash_say("done", item.number, item.tag);
  else
    let_go(reader, &item, 0);
  return 0;
}

/* Blocked in read or get, for ever; told to end, it reads what there is. */
int queue_role_follower(int argc, char **argv) {
  CHECK(argc >= 3);
  int copies = strcmp(argv[2], "copy") == 0, result;
  tarn_stream *reader = enter(argv[0], TARN_READER, argv[1]);
  course course = {.every = queue_is_fan_out(argv[1][0])};
  crash_say("ready", reader->channel.slot, TARN_READER);
  crash_ears ears = {.wake = wake, .argument = reader};
  crash_listen(&ears);
  while (!tn_load_acquire(&ears.end)) { /* [T2] acquire */
    result = next(reader, &course, copies, TARN_FOREVER);
    if (result == TARN_NO_WRITER)
      crash_say("none", course.last, 0);
    else if (result != TARN_WOKEN)
      CHECK_OK(result);
  }
  crash_deafen(&ears);
  while ((result = next(reader, &course, copies, 8 * MS)) == 0 || result == TARN_WOKEN || result == TARN_NO_WRITER) continue;
  CHECK(is_outcome(result));
  tarn_stream_close(reader);
  return 0;
}

int queue_role_holder(int argc, char **argv) {
  CHECK_INT(2, argc);
  tarn_stream *reader = enter(argv[0], TARN_READER, argv[1]);
  tarn_item items[2];
  for (int i = 0; i < 2; i++) {
    CHECK_OK(tarn_stream_read(reader, &items[i], CRASH_PATIENCE_NS));
    crash_say("item", items[i].number, items[i].tag);
  }
  crash_say("ready", reader->channel.slot, TARN_READER);
  check_hear();
  CHECK(0 && "it is killed, not told");
  return 1;
}

/* All that is left, also of what was set aside; nothing alive is in the way, so it takes a moment. */
int queue_role_drainer(int argc, char **argv) {
  CHECK_INT(2, argc);
  char aside[700];
  tarn_stream *reader = enter(argv[0], TARN_READER, argv[1]);
  course course = {.every = queue_is_fan_out(argv[1][0])};
  int64_t begin = check_now();
  int result = 0, any = 0;
  while ((result = next(reader, &course, any % 2, 25 * MS)) == 0) any++;
  CHECK(is_outcome(result));
  crash_say("drained", (uint64_t)(check_now() - begin), 0);
  tarn_stream *writer = enter(argv[0], TARN_WRITER, argv[1]); /* and it goes on, more than once around the ring */
  next_tag = 4 * QUEUE_TAGS_EACH;
  for (int i = 0; i < 24; i++) {
    CHECK_OK(claim_and_publish(writer, i % 8 == 7 ? LARGEST : (uint64_t)i * 173 % 800, (uint64_t)i * 173 % 800, CRASH_PATIENCE_NS));
    CHECK_OK(next(reader, &course, i % 2, CRASH_PATIENCE_NS));
  }
  tarn_stream_close(writer);
  tarn_stream_close(reader);
  size_t length = strlen(argv[0]);
  int path = strchr(argv[0], '/') != NULL || strchr(argv[0], '\\') != NULL;
  snprintf(aside, sizeof aside, path ? "%.*s.aside.stream" : "%.*s.aside", (int)(path ? length - strlen(".stream") : length), argv[0]);
  if (argv[1][0] == 'A' && tarn_stream_open(&reader, aside, TARN_READER, NULL, 0) == 0) {
    course.last = 0;
    while ((result = next(reader, &course, 1, 25 * MS)) == 0) continue;
    CHECK(is_outcome(result));
    tarn_stream_close(reader);
    CHECK_OK(tarn_remove(aside, TARN_KIND_STREAM, 0));
  }
  return 0;
}
