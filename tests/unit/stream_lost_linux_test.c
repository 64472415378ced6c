/* stream_lost_linux_test.c: a stream's user finds out that its place is no longer its own: the program closed Tarn's descriptor, the
 * slot has another owner, or nobody writes and the name is gone. Readers, observers, and a writer that waits for room. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layout.h"
#include "os/fault.h"
#include "streams.h"

enum { RING = 4096, MS = 1000000 };

static tarn_stream *open_writer(void) { return stream_open("lost", TARN_WRITER, (tarn_options){.size_bytes = RING}); }
static tarn_stream *open_as(int role) { return stream_open("lost", role, (tarn_options){0}); }

static int get_within(tarn_stream *reader, int64_t timeout_ns) {
  static unsigned char data[RING];
  tarn_item item;
  return tarn_stream_get(reader, data, sizeof data, &item, timeout_ns);
}

/* Until the ring is full: the reader holds the writer up. Returns the next number. */
static uint64_t fill_up(tarn_stream *writer, uint64_t number) {
  while (stream_try_put(writer, number, 100, 0) == 0) number++;
  return number;
}

static void expect_evicted(int result, const char *part) {
  CHECK_RESULT(TARN_E_EVICTED, result);
  CHECK_CONTAINS("lost", tarn_error_text());
  CHECK_CONTAINS(part, tarn_error_text());
  CHECK_CONTAINS("close this handle and open", tarn_error_text());
}

/* ---- The descriptor ----------------------------------------------------------------------------------------------------- */

/* Open a handle and say which descriptor it has of the stream's file. */
static tarn_stream *open_and_find(int role, uint64_t from, int *ret_descriptor) {
  char there[256];
  for (int i = 0; i < 256; i++) there[i] = fcntl(i, F_GETFD) != -1;
  tarn_stream *handle = stream_open("lost", role, (tarn_options){.from = from});
  struct stat stream, status;
  CHECK_INT(0, stat(check_path("lost.stream"), &stream));
  *ret_descriptor = -1;
  for (int i = 0; i < 256; i++)
    if (!there[i] && fstat(i, &status) == 0 && status.st_ino == stream.st_ino && status.st_dev == stream.st_dev) *ret_descriptor = i;
  CHECK(*ret_descriptor >= 0);
  return handle;
}

/* The number now means a file of the program's own: it must stay as it is. */
static void give_to_another(int descriptor) {
  CHECK_INT(0, close(descriptor));
  int own = open(check_path("own"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  CHECK(own >= 0);
  if (own == descriptor) return;
  CHECK_INT(descriptor, dup2(own, descriptor));
  CHECK_INT(0, close(own));
}

static void test_a_reader_whose_descriptor_was_closed(void) {
  tarn_stream *writer = open_writer();
  for (int other_file = 0; other_file < 2; other_file++) {
    int descriptor;
    tarn_stream *reader = open_and_find(TARN_READER, TARN_NEXT, &descriptor);
    if (other_file)
      give_to_another(descriptor);
    else
      CHECK_INT(0, close(descriptor));
    stream_put(writer, (uint64_t)other_file + 1, 8);
    stream_get(reader, (uint64_t)other_file + 1, 0); /* its memory is still its memory */
    expect_evicted(get_within(reader, 2000 * (int64_t)MS), "closed");
    tarn_stream_close(reader);
    struct stat status;
    CHECK_INT(other_file ? 0 : -1, fstat(descriptor, &status)); /* the program's own file was not closed */
    if (other_file) CHECK_INT(0, close(descriptor));
  }
  tarn_stream_close(writer);
}

static void test_a_writer_whose_descriptor_was_closed(void) {
  int descriptor;
  tarn_stream *first = open_writer(), *reader = open_as(TARN_READER);
  uint64_t next = fill_up(first, 1);
  tarn_stream_close(first);
  tarn_stream *writer = open_and_find(TARN_WRITER, 0, &descriptor);
  CHECK_INT(0, close(descriptor));
  expect_evicted(stream_try_put(writer, next, 100, 2000 * (int64_t)MS), "closed");
  tarn_stream_close(writer);
  for (uint64_t number = 1; number < next; number++) stream_get(reader, number, 0); /* nothing is lost */
  tarn_stream_close(reader);
}

/* ---- The slot ------------------------------------------------------------------------------------------------------------- */

/* What a process that believed us dead would have done: another generation stands in the slot. */
static void steal_slot(uint32_t slot) {
  int descriptor = open(check_path("lost.stream"), O_RDWR | O_CLOEXEC);
  CHECK(descriptor >= 0);
  uint32_t generation;
  off_t at = (off_t)(TN_PAGE + slot * sizeof(tn_slot) + offsetof(tn_slot, generation));
  CHECK_INT(4, pread(descriptor, &generation, 4, at));
  generation++;
  CHECK_INT(4, pwrite(descriptor, &generation, 4, at));
  close(descriptor);
}

static void test_a_stolen_slot(void) {
  tarn_stream *writer = open_writer(), *reader = open_as(TARN_READER);
  uint64_t next = fill_up(writer, 1);
  steal_slot(0);
  expect_evicted(stream_try_put(writer, next, 100, TARN_FOREVER), "slot 0");
  for (uint64_t number = 1; number < next; number++) stream_get(reader, number, 0);
  steal_slot(1);
  expect_evicted(get_within(reader, TARN_FOREVER), "slot 1");
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

/* ---- The name ------------------------------------------------------------------------------------------------------------- */

/* Nobody writes, and the name goes: who waits is told, since no writer can come any more. What there is to read comes first. */
static void test_the_name_goes(void) {
  tarn_stream *writer = open_writer(), *reader = open_as(TARN_READER), *observer = open_as(TARN_OBSERVER);
  CHECK_OK(tarn_remove("lost", TARN_KIND_STREAM, 1));
  CHECK_RESULT(TARN_TIMED_OUT, get_within(reader, 120 * MS)); /* its users go on among themselves */
  stream_put(writer, 1, 8);
  tarn_stream_close(writer);
  tarn_stream *both[] = {reader, observer};
  for (int i = 0; i < 2; i++) {
    stream_get(both[i], 1, 0);
    CHECK_RESULT(TARN_NO_WRITER, get_within(both[i], TARN_FOREVER));
    expect_evicted(get_within(both[i], TARN_FOREVER), "its name was removed");
    tarn_stream_close(both[i]);
  }
}

/* ---- Opening -------------------------------------------------------------------------------------------------------------- */

static int names(void) {
  DIR *directory = opendir(check_directory());
  CHECK(directory != NULL);
  int count = 0;
  while (readdir(directory) != NULL) count++;
  closedir(directory);
  return count;
}

/* A kept stream that gets its name, and then opening it fails: it does not stay behind. */
static void test_opening_fails_after_the_name(void) {
  tarn_options kept = {.struct_size = sizeof kept, .size_bytes = RING, .flags = TARN_KEPT};
  int before = names(), failures = 0;
  for (uint64_t nth = 1, fired = 1; fired; nth++) {
    tarn_stream *stream = NULL;
    tn_fault_set("map", nth, 1, 0);
    int result = tarn_stream_open(&stream, "lost", TARN_WRITER, &kept, 0);
    fired = tn_fault_count("map") >= nth;
    tn_fault_set(NULL, 0, 0, 0);
    CHECK((result == 0) == (stream != NULL));
    if (result != 0) {
      failures++;
      CHECK_INT(before, names());
    }
    tarn_stream_close(stream);
    if (result == 0) CHECK_OK(tarn_remove("lost", TARN_KIND_STREAM, 0));
  }
  CHECK_INT(2, failures); /* its tables, before it has a name; its ring, after it */
}

static const check_test tests[] = {{"a_reader_whose_descriptor_was_closed", test_a_reader_whose_descriptor_was_closed, 0},
                                   {"a_writer_whose_descriptor_was_closed", test_a_writer_whose_descriptor_was_closed, 0},
                                   {"a_stolen_slot", test_a_stolen_slot, 0},
                                   {"the_name_goes", test_the_name_goes, 0},
                                   {"opening_fails_after_the_name", test_opening_fails_after_the_name, 0},
                                   {0}};

static const check_role roles[] = {{0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
