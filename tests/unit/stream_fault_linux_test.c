/* stream_fault_linux_test.c: every call of the seam that a stream makes fails once, from opening to closing, in every role.
 * Whatever comes of it has a name, and a failure a sentence; what was published and not refused is delivered whole and in
 * order; nothing is left behind, and all is well afterwards. The same for several writers, and for a queue, where a message is delivered
 * again only with a mark, not after it was done, and what was set aside is found there. */
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

/* ---- Several writers, and queues ------------------------------------------------------------------------------------------ */

/* What became of the message with this tag. */
enum { PUT = 1, GIVEN = 2, DONE = 4, TAGS = 4096 };
static unsigned char fate[TAGS];
static uint64_t next_tag;

static int put_claimed(tarn_stream *writer, uint64_t size, int64_t timeout_ns) {
  const tarn_about about = {.struct_size = sizeof about, .tag = next_tag};
  void *room;
  if (writer == NULL || !went_well(tarn_stream_claim(writer, size, &room, timeout_ns))) return 0;
  stream_fill(room, next_tag, size);
  CHECK_OK(tarn_stream_publish(writer, size, &about)); /* no call of the system but to wake */
  fate[next_tag++] |= PUT;
  return 1;
}

static void put_batch(tarn_stream *writer) {
  static unsigned char bytes[3][90];
  tarn_piece pieces[3];
  uint32_t count = 0;
  for (uint64_t i = 0; i < 3; i++) {
    stream_fill(bytes[i], next_tag + i, 30 * i);
    pieces[i] = (tarn_piece){bytes[i], 30 * i, next_tag + i};
  }
  if (writer == NULL || !went_well(tarn_stream_put_batch(writer, pieces, 3, &count, 0))) return; /* none of them, then */
  while (count-- != 0) fate[next_tag++] |= PUT;
}

static void note_given(const tarn_item *item, int done) {
  tarn_item one = *item;
  one.number = item->tag;
  one.tag = stream_tag(item->tag);
  CHECK(item->tag < TAGS && stream_whole(&one));
  CHECK((fate[item->tag] & (PUT | DONE)) == PUT);
  CHECK(!(fate[item->tag] & GIVEN) || (item->flags & TARN_AGAIN));
  fate[item->tag] |= (unsigned char)(done ? GIVEN | DONE : GIVEN);
}

/* One by copy, two in place: the first of them is given back, or released as the other. */
static void take_some(tarn_stream *reader, int queue, int64_t timeout_ns) {
  static unsigned char data[RING];
  tarn_item item, items[2];
  uint32_t count = 0;
  if (reader == NULL) return;
  if (went_well(tarn_stream_get(reader, data, sizeof data, &item, timeout_ns)) && queue) note_given(&item, 1);
  if (!went_well(tarn_stream_read_batch(reader, items, 2, &count, timeout_ns))) return;
  for (uint32_t i = 0; i < count; i++) {
    int back = queue && i == 0;
    if (queue) note_given(&items[i], !back);
    CHECK_OK(back ? tarn_stream_return(reader, &items[i]) : tarn_stream_release(reader, &items[i]));
  }
}

static tarn_stream *try_join(const char *name, int queue) {
  const tarn_options options = {.struct_size = sizeof options, .from = queue ? TARN_OLDEST : TARN_NEXT};
  tarn_stream *stream = NULL;
  CHECK(went_well(tarn_stream_open(&stream, name, TARN_READER, &options, 0)) == (stream != NULL));
  return stream;
}

/* A life: two writers and two readers come, put, claim and give up, put a run, take, give back, run full, poll, leave with items out. */
static void live_together(const char *name, int queue) {
  tarn_stream *a = try_open(TARN_WRITER, name, 0), *b = try_open(TARN_WRITER, name, 0);
  tarn_stream *r = try_join(name, queue), *s = try_join(name, queue);
  tarn_item item = {0};
  intptr_t handle;
  void *room;
  for (uint64_t i = 0; i < 4; i++) put_claimed(i % 2 == 0 ? a : b, 40 + i, 0);
  if (b != NULL && went_well(tarn_stream_claim(b, 50, &room, 0))) CHECK_OK(tarn_stream_abandon(b));
  put_batch(a);
  take_some(r, queue, 0);
  if (s != NULL) went_well(tarn_stream_handle(s, &handle));
  take_some(s, queue, MS / 10);
  for (int i = 0; i < 40 && put_claimed(b, 100, 0); i++) continue;
  put_claimed(a, 100, MS / 10);
  take_some(r, queue, 0);
  take_some(s, queue, 0);
  if (a != NULL) went_well(tarn_stream_claim(a, 60, &room, 0)); /* closed with a claim */
  if (s != NULL && went_well(tarn_stream_read(s, &item, 0)) && queue) note_given(&item, 0);
  tarn_stream_close(a);
  int out = s != NULL && item.token != 0;
  tarn_stream_close(s); /* with an item out */
  if (out) CHECK_OK(queue ? tarn_stream_return(s, &item) : tarn_stream_release(s, &item));
  tarn_stream_close(b);
  tarn_stream_close(r);
}

/* And what was set aside, by this reader or by others. */
static void drain(tarn_stream *reader, int64_t timeout_ns) {
  static unsigned char data[RING];
  tarn_stream *aside;
  tarn_item item;
  while (tarn_stream_get(reader, data, sizeof data, &item, timeout_ns) == 0) note_given(&item, 1);
  if (tarn_stream_open(&aside, "fault.aside", TARN_READER, NULL, 0) != 0) return;
  while (tarn_stream_get(aside, data, sizeof data, &item, 0) == 0) {
    item.flags = TARN_AGAIN;
    note_given(&item, 1);
  }
  tarn_stream_close(aside);
}

static uint64_t lost(void) {
  uint64_t count = 0;
  for (uint64_t tag = 0; tag < next_tag; tag++) count += (fate[tag] & (PUT | DONE)) == PUT;
  return count;
}

static void each_call_once_together(uint32_t queue) {
  static const char *const name = "fault";
  tarn_options options = {.size_bytes = RING, .flags = TARN_MANY_WRITERS | queue, .max_deliveries = queue ? 1 : 0};
  tarn_stream *keeper = stream_open(name, TARN_WRITER, options), *reader = stream_open(name, TARN_READER, (tarn_options){0});
  CHECK(put_claimed(keeper, 10, 0) && put_claimed(keeper, 10, 0));
  take_some(reader, queue != 0, 0); /* the second is given back */
  drain(reader, 0); /* now it has the other stream open, too, as it will from here on */
  int descriptors = count_names("/proc/self/fd"), mappings = count_lines("/proc/self/maps", "fault"), more = 1;
  uint64_t calls = 0, before = failures;
  for (uint64_t nth = 1; more; nth++) {
    memset(fate, 0, sizeof fate);
    next_tag = 0;
    tn_fault_set("*", nth, 1, 0);
    live_together(name, queue != 0);
    calls = tn_fault_count("*");
    more = calls >= nth;
    tn_fault_set(NULL, 0, 0, 0);
    CHECK_INT(descriptors, count_names("/proc/self/fd"));
    CHECK_INT(mappings, count_lines("/proc/self/maps", "fault"));
    drain(reader, 0);
    if (lost() != 0) drain(reader, 200 * (int64_t)MS); /* one that could not leave is as dead: whoever waits finds out */
    CHECK(put_claimed(keeper, 30, 300 * (int64_t)MS)); /* all is well */
    drain(reader, 0);
    if (lost() != 0) check_say("call %llu", (unsigned long long)nth);
    CHECK_UINT(0, lost());
    CHECK(more || next_tag > 10);
  }
  check_say("%llu calls made to fail, %llu failures told", (unsigned long long)calls, (unsigned long long)(failures - before));
  CHECK(failures - before > 20);
  tarn_stream_close(reader);
  tarn_stream_close(keeper);
  if (queue) CHECK_OK(tarn_remove("fault.aside", TARN_KIND_STREAM, 0)); /* something went there */
}

static void test_several_writers(void) { each_call_once_together(0); }

static void test_queue(void) { each_call_once_together(TARN_QUEUE); }

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
                                   {"several_writers", test_several_writers, 60},
                                   {"queue", test_queue, 60},
                                   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, NULL); }
