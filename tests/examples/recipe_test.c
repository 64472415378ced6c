/* recipe_test.c: the examples recipe_writer, recipe_reader and many_readers, as processes, on every system. */
#include <tarn/tarn.h>

#include "check.h"

static char *example(const char *name) {
  static char path[1024];
#ifdef _WIN32
  snprintf(path, sizeof path, "%s\\%s.exe", TEST_BUILD_DIR, name);
#else
  snprintf(path, sizeof path, "%s/examples/%s", TEST_BUILD_DIR, name);
#endif
  return path;
}

static const char *butterfly(void) {
  static char path[1024];
  snprintf(path, sizeof path, "%s/examples/butterfly.bmp", TEST_SOURCE_DIR);
  return path;
}

typedef struct content {
  uint8_t *bytes;
  size_t size;
} content;

static content read_file(const char *path) {
  enum { ROOM = 4 << 20 };
  content c = {malloc(ROOM), 0};
  FILE *file = fopen(path, "rb");
  CHECK(file != NULL);
  CHECK(c.bytes != NULL);
  c.size = fread(c.bytes, 1, ROOM, file);
  fclose(file);
  return c;
}

static void same_files(const char *expected, const char *actual) {
  content a = read_file(expected), b = read_file(actual);
  CHECK_UINT(a.size, b.size);
  CHECK_MEM(a.bytes, b.bytes, a.size);
  free(a.bytes);
  free(b.bytes);
}

/* A picture of the same size with every byte changed. */
static const char *second_picture(void) {
  static char path[1024];
  snprintf(path, sizeof path, "%s", check_path("second.bmp"));
  content c = read_file(butterfly());
  for (size_t i = 0; i < c.size; i++) c.bytes[i] = (uint8_t)~c.bytes[i];
  FILE *file = fopen(path, "wb");
  CHECK(file != NULL);
  CHECK_UINT(c.size, fwrite(c.bytes, 1, c.size, file));
  CHECK_INT(0, fclose(file));
  free(c.bytes);
  return path;
}

static void take_out(const char *version_line, const char *expected) {
  char taken[1024];
  snprintf(taken, sizeof taken, "%s", check_path("bitmap.bmp"));
  check_process *reader = check_start_program(example("recipe_reader"), "picture", taken, NULL);
  check_expect(reader, version_line);
  CHECK_INT(0, check_wait(reader));
  same_files(expected, taken);
}

static void test_a_picture_passes(void) {
  check_process *writer = check_start_program(example("recipe_writer"), "picture", butterfly(), NULL);
  check_expect(writer, "published: 1440054 bytes");
  CHECK_INT(0, check_wait(writer));
  take_out("version 1: 1440054 bytes of image/bmp", butterfly());
}

static void test_killed_in_the_middle_of_the_second(void) {
  const char *second = second_picture();
  check_process *writer = check_start_program(example("recipe_writer"), "picture", butterfly(), second, NULL);
  check_expect(writer, "published: 1440054 bytes");
  check_tell(writer, "go on");
  check_expect(writer, "half: 720027 of 1440054 bytes are in shared memory");
  take_out("version 1: 1440054 bytes of image/bmp", butterfly()); /* while it lives */
  check_kill(writer);
  CHECK_INT(-9, check_wait(writer));
  take_out("version 1: 1440054 bytes of image/bmp", butterfly());
  writer = check_start_program(example("recipe_writer"), "picture", second, NULL);
  check_expect(writer, "published: 1440054 bytes");
  CHECK_INT(0, check_wait(writer));
  take_out("version 2: 1440054 bytes of image/bmp", second);
}

static void test_second_picture_completed(void) {
  const char *second = second_picture();
  check_process *writer = check_start_program(example("recipe_writer"), "picture", butterfly(), second, NULL);
  check_expect(writer, "published: 1440054 bytes");
  check_tell(writer, "go on");
  check_expect(writer, "half: 720027 of 1440054 bytes are in shared memory");
  check_tell(writer, "go on");
  check_expect(writer, "published: 1440054 bytes");
  CHECK_INT(0, check_wait(writer));
  take_out("version 2: 1440054 bytes of image/bmp", second);
}

/* As seen from outside, without taking part. */
static void wait_for_participants(const char *name, uint32_t count) {
  tarn_details details = {.struct_size = sizeof details};
  while (tarn_inspect(name, TARN_KIND_BOARD, &details, NULL, 0) != 0 || details.participant_count != count) check_sleep(10000000);
}

static void saw_whole_frames(check_process *reader) {
  const char *line = check_line(reader);
  while (line != NULL && strstr(line, "waiting on") != NULL) line = check_line(reader); /* a crowded machine's second */
  CHECK(line != NULL);
  CHECK_CONTAINS("all whole", line);
  CHECK(strncmp(line, "saw 0 ", 6) != 0);
  CHECK_INT(0, check_wait(reader));
}

static void test_many_readers(void) {
  enum { READERS = 3, FRAMES = 100 };
  check_process *readers[READERS];
  for (int i = 0; i < READERS; i++) readers[i] = check_start_program(example("many_readers"), "frames", NULL);
  check_process *writer = check_start_program(example("many_readers"), "frames", "write", NULL);
  wait_for_participants("frames", READERS + 1);
  for (int i = 0; i < FRAMES; i++) {
    check_tell(writer, "next");
    check_sleep(INT64_C(5000000));
  }
  CHECK_INT(0, check_wait(writer));
  for (int i = 0; i < READERS; i++) saw_whole_frames(readers[i]);
}

static void write_a_frame(void) {
  check_process *writer = check_start_program(example("many_readers"), "frames", "write", NULL);
  check_tell(writer, "next");
  check_tell(writer, NULL);
  check_expect(writer, "published 1 frames");
  CHECK_INT(0, check_wait(writer));
}

/* A writer that is there for less than a reader's next look at the name: its frame is seen by who waits and who comes later. */
static void test_many_readers_of_a_short_writer(void) {
  for (int i = 0; i < 4; i++) {
    check_process *early = check_start_program(example("many_readers"), "frames", NULL);
    check_sleep((int64_t)(check_random() % 30000000)); /* before it is there, or while it waits */
    write_a_frame();
    saw_whole_frames(early);
    check_process *late = check_start_program(example("many_readers"), "frames", NULL);
    check_expect(late, "saw 1 frames, all whole, missed 0");
    CHECK_INT(0, check_wait(late));
    CHECK_OK(tarn_remove("frames", TARN_KIND_BOARD, 0));
  }
}

static void test_many_readers_say_what_they_wait_for(void) {
  check_process *reader = check_start_program(example("many_readers"), "frames", NULL);
  check_expect(reader, "no writer for a second: waiting on, until Ctrl-C");
  check_process *writer = check_start_program(example("many_readers"), "frames", "write", NULL);
  check_expect(reader, "no new frame for a second: waiting on, until Ctrl-C");
  check_tell(writer, "next");
  CHECK_INT(0, check_wait(writer));
  check_expect(reader, "saw 1 frames, all whole, missed 0");
  CHECK_INT(0, check_wait(reader));
}

static const check_test tests[] = {{"a_picture_passes", test_a_picture_passes, 0},
                                   {"killed_in_the_middle_of_the_second", test_killed_in_the_middle_of_the_second, 0},
                                   {"second_picture_completed", test_second_picture_completed, 0},
                                   {"many_readers", test_many_readers, 0},
                                   {"many_readers_of_a_short_writer", test_many_readers_of_a_short_writer, 60},
                                   {"many_readers_say_what_they_wait_for", test_many_readers_say_what_they_wait_for, 0},
                                   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, NULL); }
