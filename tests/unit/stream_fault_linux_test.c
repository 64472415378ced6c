/* stream_fault_linux_test.c: every call of the seam that a stream makes fails once, from opening to closing, in every role.
 * Whatever comes of it has a name, and a failure a sentence; what was published and not refused is delivered whole and in
 * order; nothing is left behind, and all is well afterwards. */
#include <dirent.h>

#include "os/fault.h"
#include "streams.h"

enum { RING = 4096, MS = 1000000 };

static int count_lines(const char *path, const char *part) {
  FILE *file = fopen(path, "re");
  char line[4096];
  int count = 0;
  CHECK(file != NULL);
  while (fgets(line, sizeof line, file) != NULL)
    count += strstr(line, part) != NULL;
  fclose(file);
  return count;
}

static int count_names(const char *path) {
  DIR *directory = opendir(path);
  int count = 0;
  CHECK(directory != NULL);
  while (readdir(directory) != NULL)
    count++;
  closedir(directory);
  return count;
}

static uint64_t failures;

/* 1 if it did what it should, 0 if not; then it says why. */
static int went_well(int result) {
  CHECK((result <= 0 && result >= TARN_BUSY) || (result <= TARN_E_INVALID && result >= TARN_E_SYSTEM));
  if (result <= TARN_E_INVALID) {
    failures++;
    CHECK_CONTAINS("fault", tarn_error_text());
    CHECK(strlen(tarn_error_text()) > 30);
  }
  return result == 0;
}

static tarn_stream *try_open(int role, const char *name, uint32_t policy) {
  tarn_options options = {.struct_size = sizeof options};
  if (role == TARN_WRITER) options = (tarn_options){.struct_size = sizeof options, .size_bytes = RING, .policy = policy};
  tarn_stream *stream = NULL;
  int well = went_well(tarn_stream_open(&stream, name, role, &options, 0));
  CHECK(well == (stream != NULL));
  return stream;
}

static void read_what_is_there(tarn_stream *reader, uint64_t *last) {
  static unsigned char data[RING];
  tarn_item item;
  for (int i = 0; i < 4; i++) {
    int in_place = i % 2 == 0, well;
    well = went_well(in_place ? tarn_stream_read(reader, &item, i < 2 ? 0 : MS)
                              : tarn_stream_get(reader, data, sizeof data, &item, i < 2 ? 0 : MS));
    if (!well) continue;
    CHECK(stream_whole(&item));
    CHECK(item.number == *last + 1 + item.missed);
    *last = item.number;
    if (in_place) CHECK_OK(tarn_stream_release(reader, &item));
  }
}

/* A life: come, publish, read, run full, wait in vain, poll, leave. */
static void live(const char *name, uint32_t policy) {
  tarn_stream *writer = try_open(TARN_WRITER, name, policy), *reader = NULL, *observer = NULL;
  uint64_t number = 1, last = 0;
  if (writer != NULL) {
    reader = try_open(TARN_READER, name, 0);
    observer = try_open(TARN_OBSERVER, name, 0);
    for (int i = 0; i < 4; i++)
      number += (uint64_t)went_well(stream_try_put(writer, number, 100, 0));
  }
  intptr_t handle;
  if (reader != NULL) read_what_is_there(reader, &last);
  if (reader != NULL && went_well(tarn_stream_handle(reader, &handle))) read_what_is_there(reader, &last);
  if (observer != NULL) tarn_stream_wake(observer);
  for (int i = 0; writer != NULL && i < 60; i++)
    number += (uint64_t)went_well(stream_try_put(writer, number, 100, i < 50 ? 0 : MS / 10));
  if (reader != NULL) read_what_is_there(reader, &last);
  tarn_stream_close(writer);
  if (reader != NULL) read_what_is_there(reader, &last);
  CHECK(last < number);
  tarn_stream_close(observer);
  tarn_stream_close(reader);
}

static void each_call_once(const char *name, uint32_t policy) {
  tarn_stream *warm = stream_open(name, TARN_WRITER, (tarn_options){.size_bytes = RING, .flags = TARN_EXCLUSIVE});
  tarn_stream_close(warm);
  int descriptors = count_names("/proc/self/fd"), mappings = count_lines("/proc/self/maps", "fault"), more = 1;
  uint64_t calls = 0;
  for (uint64_t nth = 1; more; nth++) {
    tn_fault_set("*", nth, 1, 0);
    live(name, policy);
    calls = tn_fault_count("*");
    more = calls >= nth;
    tn_fault_set(NULL, 0, 0, 0);
    if (count_names("/proc/self/fd") != descriptors) check_say("call %llu", (unsigned long long)nth);
    CHECK_INT(descriptors, count_names("/proc/self/fd"));
    CHECK_INT(mappings, count_lines("/proc/self/maps", "fault"));
    uint64_t before = failures;
    live(name, policy); /* all is well */
    CHECK_UINT(before, failures);
  }
  check_say("policy %u: %llu calls made to fail, %llu failures told", policy, (unsigned long long)calls,
            (unsigned long long)failures);
  CHECK(failures > 20);
}

static void test_each_call_once(void) {
  for (uint32_t policy = TARN_WAIT; policy <= TARN_OVERWRITE; policy++)
    each_call_once("fault", policy);
}

static void test_each_call_once_on_a_disk(void) {
  char path[600];
  snprintf(path, sizeof path, "%s/fault", check_disk_directory());
  each_call_once(path, TARN_WAIT);
}

static const check_test tests[] = {{"each_call_once", test_each_call_once, 60},
                                   {"each_call_once_on_a_disk", test_each_call_once_on_a_disk, 60},
                                   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, NULL); }
