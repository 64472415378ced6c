/* hello_test.c: the hello worlds of the README, as they are there, at most 15 lines each, talking to each other. */
#include <tarn/tarn.h>

#include "check.h"

static char *whole_file(const char *name) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s", TEST_SOURCE_DIR, name);
  FILE *file = fopen(path, "rb");
  CHECK(file != NULL);
  char *text = calloc(1, 65536);
  CHECK(text != NULL);
  CHECK(fread(text, 1, 65535, file) > 0);
  fclose(file);
  return text;
}

static void is_in_the_readme(const char *name) {
  char *source = whole_file(name), *readme = whole_file("README.md");
  int lines = 0;
  for (const char *c = source; *c; c++) lines += *c == '\n';
  printf("%s has %d lines\n", name, lines);
  CHECK(lines <= 15);
  char *fenced = calloc(1, strlen(source) + 16);
  CHECK(fenced != NULL);
  snprintf(fenced, strlen(source) + 16, "```c\n%s```\n", source);
  CHECK_CONTAINS(fenced, readme);
  free(fenced);
  free(source);
  free(readme);
}

static void test_readme_shows_these_files(void) {
  is_in_the_readme("examples/hello_writer.c");
  is_in_the_readme("examples/hello_reader.c");
  is_in_the_readme("examples/hello_stream_writer.c");
  is_in_the_readme("examples/hello_stream_reader.c");
}

static check_process *start_example(const char *name) {
  char path[1024];
#ifdef _WIN32
  snprintf(path, sizeof path, "%s\\%s.exe", TEST_BUILD_DIR, name);
#else
  snprintf(path, sizeof path, "%s/examples/%s", TEST_BUILD_DIR, name);
#endif
  return check_start_program(path, NULL);
}

static void end(check_process *reader) { /* as Ctrl-C would: by itself it goes on */
  check_kill(reader);
  CHECK_INT(-9, check_wait(reader));
}

/* Until so many take part in the stream, or it has so many messages: seen from outside, without taking part. */
static tarn_details look_at_stream(const char *name) {
  tarn_details details = {.struct_size = sizeof details};
  if (tarn_inspect(name, TARN_KIND_STREAM, &details, NULL, 0) != 0) details.participant_count = 0; /* not there yet */
  check_sleep(10000000);
  return details;
}

static void wait_for_participants(const char *name, uint32_t count) {
  while (look_at_stream(name).participant_count < count) {}
}

static void test_they_talk(void) {
  check_process *reader = start_example("hello_reader"); /* waits for the name */
  check_process *writer = start_example("hello_writer");
  check_tell(writer, "good morning");
  check_expect(reader, "good morning");
  check_tell(writer, "good night");
  check_expect(reader, "good night");
  CHECK_INT(0, check_wait(writer));
  check_process *late = start_example("hello_reader"); /* comes when the writer has gone */
  check_expect(late, "good night");
  end(late);
  end(reader);
}

/* A writer that is there for less than a reader's next look at the name: what it said is there all the same. */
static void test_writer_in_a_hurry(void) {
  for (int i = 0; i < 4; i++) {
    check_process *readers[] = {start_example("hello_reader"), start_example("hello_stream_reader")};
    check_sleep((int64_t)(check_random() % 30000000)); /* before they are there, or while they wait */
    check_process *writers[] = {start_example("hello_writer"), start_example("hello_stream_writer")};
    for (int k = 0; k < 2; k++) {
      check_tell(writers[k], "hi");
      CHECK_INT(0, check_wait(writers[k]));
      check_expect(readers[k], "hi");
      end(readers[k]);
    }
    CHECK_OK(tarn_remove("hello", TARN_KIND_BOARD, 0));
    CHECK_OK(tarn_remove("talk", TARN_KIND_STREAM, 0));
  }
}

static void test_writer_is_killed(void) {
  check_process *reader = start_example("hello_reader");
  for (int i = 0; i < 3; i++) { /* the next one goes on where it was */
    check_process *writer = start_example("hello_writer");
    check_tell(writer, i % 2 ? "here again" : "still here");
    check_expect(reader, i % 2 ? "here again" : "still here");
    check_kill(writer);
    CHECK_INT(-9, check_wait(writer));
  }
  end(reader);
}

static void test_second_writer_is_refused(void) {
  check_process *writer = start_example("hello_writer");
  check_process *reader = start_example("hello_reader");
  check_tell(writer, "mine");
  check_expect(reader, "mine");
  CHECK_INT(1, check_wait(start_example("hello_writer")));
  CHECK_INT(0, check_wait(writer));
  end(reader);
}

/* Of a stream every reader hears everything, however fast. */
static void test_streams_talk(void) {
  check_process *readers[3];
  for (int i = 0; i < 3; i++) readers[i] = start_example("hello_stream_reader"); /* they wait for the name */
  check_process *writer = start_example("hello_stream_writer");
  check_tell(writer, "first");
  wait_for_participants("talk", 4);
  for (int i = 1; i <= 200; i++) check_tell(writer, i % 2 ? "odd" : "even");
  CHECK_INT(0, check_wait(writer));
  for (int i = 0; i < 3; i++) {
    check_expect(readers[i], "first");
    for (int k = 1; k <= 200; k++) check_expect(readers[i], k % 2 ? "odd" : "even");
    end(readers[i]);
  }
}

static void test_stream_writer_is_killed(void) {
  check_process *reader = start_example("hello_stream_reader");
  check_process *writer = start_example("hello_stream_writer");
  wait_for_participants("talk", 2);
  check_tell(writer, "still here");
  check_expect(reader, "still here");
  check_kill(writer);
  CHECK_INT(-9, check_wait(writer));
  writer = start_example("hello_stream_writer");
  check_tell(writer, "so is this one");
  check_expect(reader, "so is this one");
  CHECK_INT(0, check_wait(writer));
  end(reader);
}

static const check_test tests[] = {{"readme_shows_these_files", test_readme_shows_these_files, 0},
                                   {"they_talk", test_they_talk, 0},
                                   {"writer_in_a_hurry", test_writer_in_a_hurry, 60},
                                   {"writer_is_killed", test_writer_is_killed, 0},
                                   {"second_writer_is_refused", test_second_writer_is_refused, 0},
                                   {"streams_talk", test_streams_talk, 0},
                                   {"stream_writer_is_killed", test_stream_writer_is_killed, 0},
                                   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, NULL); }
