/* stream_roles.c: the processes of the streams' crash tests. Whoever is given a message verifies every byte of it, that no
 * number was left out that is not counted as missed, and that nothing is missed where the writer waits. */
#include "stream_crash.h"

#include <inttypes.h>

#define MS INT64_C(1000000)

enum { PIECES = 5, HELD = 3, LARGEST = STREAM_RING / 2 - 32 };

tarn_options stream_scene(const char *scene) {
  tarn_options options = {.struct_size = sizeof options, .size_bytes = STREAM_RING, .slots = 8};
  if (strchr("fF", scene[0]) != NULL)
    options.policy = TARN_FAIL;
  if (strchr("oO", scene[0]) != NULL)
    options.policy = TARN_OVERWRITE;
  if (scene[0] == 'k')
    options.flags = TARN_KEPT;
  return options;
}

static tarn_stream *enter(const char *name, int role, const char *scene) {
  tarn_options options = role == TARN_WRITER ? stream_scene(scene) : (tarn_options){.struct_size = sizeof options};
  tarn_stream *stream;
  CHECK_OK(tarn_stream_open(&stream, name, role, &options, CRASH_PATIENCE_NS));
  return stream;
}

/* ---- Writing ----------------------------------------------------------------------------------------------------------- */

int stream_put_next(tarn_stream *writer, uint64_t size) {
  for (;;) {
    int result = stream_try_put(writer, writer->number, size, TARN_FOREVER);
    if (result == TARN_WOKEN)
      return result;
    if (result == 0)
      return 0;
    CHECK_RESULT(TARN_FULL, result);
    check_sleep(MS / 5);
  }
}

static void put_batch(tarn_stream *writer) {
  static unsigned char bytes[PIECES][800];
  tarn_piece pieces[PIECES];
  uint32_t count;
  int result;
  for (uint64_t i = 0; i < PIECES; i++) {
    uint64_t number = writer->number + i, size = number * 131 % 250;
    stream_fill(bytes[i], number, size);
    pieces[i] = (tarn_piece){bytes[i], size, stream_tag(number)};
  }
  while ((result = tarn_stream_put_batch(writer, pieces, PIECES, &count, TARN_FOREVER)) == TARN_FULL)
    check_sleep(MS / 5);
  CHECK_OK(result);
  CHECK(count >= 1 && count <= PIECES);
}

static void put_less_than_claimed(tarn_stream *writer) {
  void *room;
  int result;
  while ((result = tarn_stream_claim(writer, LARGEST, &room, TARN_FOREVER)) == TARN_FULL)
    check_sleep(MS / 5);
  CHECK_OK(result);
  memset(room, 0xee, LARGEST);
  CHECK_OK(tarn_stream_abandon(writer));
  CHECK_OK(tarn_stream_claim(writer, LARGEST, &room, 0)); /* there was room for it */
  const tarn_about about = {.struct_size = sizeof about, .tag = stream_tag(writer->number)};
  memset(room, 0xee, LARGEST);
  stream_fill(room, writer->number, 900);
  CHECK_OK(tarn_stream_publish(writer, 900, &about));
}

static void write_a_life(tarn_stream *writer, uint64_t life) {
  static const uint64_t sizes[] = {40, 0, LARGEST, 333, 1000};
  for (uint64_t i = 0; i < sizeof sizes / sizeof *sizes + 2; i++) {
    if (i < sizeof sizes / sizeof *sizes)
      CHECK_OK(stream_put_next(writer, sizes[i]));
    else if (i % 2 == 0)
      put_batch(writer);
    else
      put_less_than_claimed(writer);
    crash_say("put", writer->number - 1, life);
    check_sleep(MS * 2 / 5); /* so that readers fall asleep in between */
  }
}

int stream_role_writer(int argc, char **argv) {
  CHECK_INT(2, argc);
  for (uint64_t life = 1; life <= STREAM_LIVES; life++) {
    crash_say("opening", 0, life);
    tarn_stream *writer = enter(argv[0], TARN_WRITER, argv[1]);
    write_a_life(writer, life);
    tarn_stream_close(writer);
    crash_say("closed", 0, life);
  }
  return 0;
}

static void wake(void *argument) { tarn_stream_wake(argument); }

/* A message every half millisecond, where the policy waits for readers: as they let it. */
int stream_role_steady_writer(int argc, char **argv) {
  CHECK(argc >= 2);
  tarn_stream *writer = enter(argv[0], TARN_WRITER, argv[1]);
  crash_ears ears = {.wake = wake, .argument = writer};
  crash_listen(&ears);
  for (uint64_t i = 0; !tn_load_acquire(&ears.end); i++) { /* [T2] acquire */
    int result = stream_try_put(writer, writer->number, 300 + i * 37 % 400, i < 4 ? 0 : TARN_FOREVER);
    if (result != TARN_WOKEN && result != TARN_FULL)
      CHECK_OK(result);
    if (result == 0)
      crash_say("put", writer->number - 1, 0);
    if (i == 4)
      crash_say("ready", writer->channel.slot, TARN_WRITER);
    check_sleep(crash_pace(i));
  }
  crash_deafen(&ears);
  tarn_stream_close(writer);
  return 0;
}

/* ---- Reading ------------------------------------------------------------------------------------------------------------ */

typedef struct course {
  uint64_t last; /* number, 0: none yet */
  int drops;     /* the policy drops messages */
} course;

static void verify(course *course, const tarn_item *item) {
  if (!stream_whole(item))
    fprintf(stderr, "message %" PRIu64 ", tag %" PRIu64 ", %" PRIu64 " bytes is not what was published\n", item->number,
            item->tag, item->size_bytes);
  CHECK(stream_whole(item));
  CHECK_UINT(course->last == 0 ? item->number : course->last + 1 + item->missed, item->number);
  if (!course->drops || course->last == 0)
    CHECK_UINT(0, item->missed);
  course->last = item->number;
}

static int is_outcome(int result) {
  return result == TARN_TIMED_OUT || result == TARN_NO_WRITER || result == TARN_EMPTY || result == TARN_WOKEN;
}

/* Three at once, given back in another order, each looked at again before it goes; then one by copy. */
static void read_a_round(tarn_stream *reader, course *course, uint64_t round) {
  static unsigned char bytes[STREAM_RING];
  tarn_item items[HELD], copy;
  uint32_t count;
  int result = tarn_stream_read_batch(reader, items, HELD, &count, 3 * MS);
  if (result == 0) {
    for (uint32_t i = 0; i < count; i++)
      verify(course, &items[i]);
    check_sleep(MS / 5);
    for (uint32_t i = 0; i < count; i++) {
      tarn_item *item = &items[(i * 2 + round) % count];
      if (item->data == NULL) /* given back already */
        continue;
      CHECK(stream_whole(item));
      CHECK_OK(tarn_stream_release(reader, item));
    }
    for (uint32_t i = 0; i < count; i++)
      if (items[i].data != NULL) {
        CHECK(stream_whole(&items[i]));
        CHECK_OK(tarn_stream_release(reader, &items[i]));
      }
  } else {
    CHECK(is_outcome(result));
  }
  result = tarn_stream_get(reader, bytes, sizeof bytes, &copy, 2 * MS);
  if (result == 0)
    verify(course, &copy);
  else
    CHECK(is_outcome(result));
}

int stream_role_reader(int argc, char **argv) {
  CHECK_INT(2, argc);
  for (uint64_t life = 1; life <= STREAM_LIVES; life++) {
    tarn_stream *reader = enter(argv[0], TARN_READER, argv[1]);
    crash_say("open", reader->channel.slot, life);
    course course = {.drops = strchr("oO", argv[1][0]) != NULL};
    for (uint64_t round = 0; round < 4; round++)
      read_a_round(reader, &course, round);
    tarn_stream_close(reader);
    crash_say("closed", 0, life);
  }
  return 0;
}

static int next(tarn_stream *reader, course *course, int in_place, tarn_item *ret_item) {
  static unsigned char bytes[STREAM_RING];
  int result = in_place ? tarn_stream_read(reader, ret_item, TARN_FOREVER)
                        : tarn_stream_get(reader, bytes, sizeof bytes, ret_item, TARN_FOREVER);
  if (result != 0)
    return result;
  verify(course, ret_item);
  crash_say("item", ret_item->number, ret_item->missed);
  return in_place ? tarn_stream_release(reader, ret_item) : 0;
}

/* Blocked in read or get, for ever, until it is told to end. */
int stream_role_follower(int argc, char **argv) {
  CHECK(argc >= 3);
  tarn_stream *reader = enter(argv[0], TARN_READER, argv[2]);
  course course = {.drops = strchr("oO", argv[2][0]) != NULL};
  crash_say("ready", reader->channel.slot, TARN_READER);
  crash_ears ears = {.wake = wake, .argument = reader};
  crash_listen(&ears);
  while (!tn_load_acquire(&ears.end)) { /* [T2] acquire */
    tarn_item item;
    int result = next(reader, &course, strcmp(argv[1], "place") == 0, &item);
    if (result == TARN_NO_WRITER)
      crash_say("none", course.last, 0);
    else if (result != TARN_WOKEN)
      CHECK_OK(result);
  }
  crash_deafen(&ears);
  tarn_stream_close(reader);
  return 0;
}

int stream_role_corpse(int argc, char **argv) {
  CHECK(argc >= 1);
  tarn_stream *reader = enter(argv[0], TARN_READER, "w");
  tarn_item item;
  CHECK_OK(tarn_stream_read(reader, &item, CRASH_PATIENCE_NS));
  check_say("dying");
  check_hear();
  CHECK(0 && "a corpse is killed, not told");
  return 1;
}

/* ---- The checker -------------------------------------------------------------------------------------------------------- */

/* All that is there now. */
static void read_all(tarn_stream *reader, course *course) {
  static unsigned char bytes[STREAM_RING];
  tarn_item item;
  int result;
  while ((result = tarn_stream_get(reader, bytes, sizeof bytes, &item, 0)) == 0)
    verify(course, &item);
  CHECK(is_outcome(result));
}

/* Nobody writes: what was published is there, and a new writer goes on behind it, several times around the ring. */
static void check_free(const char *name, const char *scene, uint64_t least) {
  tarn_stream *reader = enter(name, TARN_READER, scene);
  course course = {.drops = strchr("oO", scene[0]) != NULL};
  read_all(reader, &course);
  uint64_t last = reader->number - 1; /* also when there was nothing to read: all have read it, and it was room */
  if (last < least)
    fprintf(stderr, "the last message there is number %" PRIu64 ", but %" PRIu64 " was published\n", last, least);
  CHECK(last >= least);
  tarn_options options = stream_scene(scene);
  tarn_stream *writer;
  CHECK_OK(tarn_stream_open(&writer, name, TARN_WRITER, &options, 0));
  CHECK_UINT(last + 1, writer->number);
  for (uint64_t i = 0; i < 24; i++) {
    CHECK_OK(stream_put_next(writer, i % 8 == 7 ? LARGEST : i * 173 % 800));
    read_all(reader, &course);
    CHECK_UINT(writer->number - 1, course.last);
  }
  crash_say("put", course.last, 0);
  check_hear();
  tarn_stream_close(writer);
  tarn_stream_close(reader);
}

/* Another writer lives: what it published can be read, its place cannot be had. */
static void check_busy(const char *name, const char *scene) {
  tarn_stream *reader = enter(name, TARN_READER, scene), *writer;
  course course = {.drops = strchr("oO", scene[0]) != NULL};
  read_all(reader, &course);
  tarn_options options = stream_scene(scene);
  CHECK_RESULT(TARN_BUSY, tarn_stream_open(&writer, name, TARN_WRITER, &options, 0));
  CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_open(&writer, name, TARN_WRITER, &options, 30 * MS));
  tarn_stream_close(reader);
  crash_say("put", 0, 0);
  check_hear();
}

int stream_role_checker(int argc, char **argv) {
  CHECK_INT(4, argc);
  if (strcmp(argv[2], "free") == 0)
    check_free(argv[0], argv[1], strtoull(argv[3], NULL, 10));
  else
    check_busy(argv[0], argv[1]);
  return 0;
}
