/* recipe_test.c: the examples recipe_writer, recipe_reader and many_readers, as processes, on every system. */
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

static void test_many_readers(void) {
  enum { READERS = 3, FRAMES = 100 };
  check_process *readers[READERS];
  for (int i = 0; i < READERS; i++) readers[i] = check_start_program(example("many_readers"), "frames", NULL);
  check_process *writer = check_start_program(example("many_readers"), "frames", "write", NULL);
  for (int i = 0; i < FRAMES; i++) {
    check_tell(writer, "next");
    check_sleep(INT64_C(5000000));
  }
  check_sleep(INT64_C(500000000)); /* all have seen something before it leaves, even on a busy machine */
  CHECK_INT(0, check_wait(writer));
  for (int i = 0; i < READERS; i++) {
    const char *line = check_line(readers[i]);
    CHECK(line != NULL);
    CHECK_CONTAINS("all whole", line);
    CHECK(strncmp(line, "saw 0 ", 6) != 0);
    CHECK_INT(0, check_wait(readers[i]));
  }
}

static const check_test tests[] = {{"a_picture_passes", test_a_picture_passes, 0},
                                   {"killed_in_the_middle_of_the_second", test_killed_in_the_middle_of_the_second, 0},
                                   {"second_picture_completed", test_second_picture_completed, 0},
                                   {"many_readers", test_many_readers, 0},
                                   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, NULL); }
