/* stream_queue_test.c: queues, as handles of one process: each message to one reader, given back, set aside, full rings, the smallest
 * ring, positions and numbers near their limits, what is refused, what is seen from outside. */
#include "streams.h"

#include <tarn/inspect.h>

#include "os/fault.h"
#include "stream_inside.h"

enum { MS = 1000000, RING = 4096 };

static tarn_options queue(void) { return (tarn_options){.size_bytes = RING, .flags = TARN_QUEUE | TARN_MANY_WRITERS}; }

static tarn_stream *open_writer(void) { return stream_open("jobs", TARN_WRITER, queue()); }

static tarn_stream *open_reader(void) { return stream_open("jobs", TARN_READER, (tarn_options){0}); }

static int put(tarn_stream *writer, uint64_t size, int64_t timeout_ns) {
  void *room;
  int result = tarn_stream_claim(writer, size, &room, timeout_ns);
  if (result != 0) return result;
  const tarn_about about = {.struct_size = sizeof about, .tag = stream_tag(writer->claim_number)};
  stream_fill(room, writer->claim_number, size);
  return tarn_stream_publish(writer, size, &about);
}

static void put_some(tarn_stream *writer, int count, uint64_t size) {
  for (int i = 0; i < count; i++) CHECK_OK(put(writer, size, 0));
}

static tarn_item take(tarn_stream *reader, uint64_t number, uint32_t deliveries) {
  tarn_item item;
  CHECK_OK(tarn_stream_read(reader, &item, 0));
  CHECK_UINT(number, item.number);
  CHECK_UINT(deliveries, item.deliveries);
  CHECK_UINT(deliveries > 1 ? TARN_AGAIN : 0, item.flags);
  CHECK(stream_whole(&item));
  return item;
}

static void nothing_there(tarn_stream *reader) {
  tarn_item item;
  CHECK_RESULT(TARN_EMPTY, tarn_stream_read(reader, &item, 0));
}

static void test_each_to_one(void) {
  tarn_stream *writer = open_writer(), *a = open_reader(), *b = open_reader();
  nothing_there(a);
  put_some(writer, 6, 50);
  tarn_item one = take(a, 1, 1), two = take(b, 2, 1), three = take(a, 3, 1);
  CHECK_OK(tarn_stream_release(a, &three)); /* in any order */
  tarn_item four = take(b, 4, 1);
  CHECK_OK(tarn_stream_release(a, &one));
  CHECK_OK(tarn_stream_release_batch(b, (tarn_item[]){two, four}, 2));
  tarn_stream *c = open_reader(); /* who comes later joins in */
  stream_get(c, 5, 0);
  stream_get(a, 6, 0);
  nothing_there(a);
  nothing_there(b);
  nothing_there(c);
  CHECK_RESULT(TARN_E_INVALID, tarn_stream_release(a, &one));
  CHECK_RESULT(TARN_E_INVALID, tarn_stream_return(a, &one));
  CHECK_RESULT(TARN_E_INVALID, tarn_stream_return(writer, &one));
  tarn_stream_close(writer);
  tarn_item item;
  CHECK_RESULT(TARN_NO_WRITER, tarn_stream_read(a, &item, 50 * MS));
  CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_read(a, &item, MS));
  tarn_stream_close(a);
  tarn_stream_close(b);
  tarn_stream_close(c);
}

static void test_returned(void) {
  tarn_stream *writer = open_writer(), *a = open_reader(), *b = open_reader();
  put_some(writer, 5, 50);
  tarn_item one = take(a, 1, 1), two = take(b, 2, 1), three = take(b, 3, 1);
  CHECK_OK(tarn_stream_return(a, &one));
  CHECK(one.data == NULL && one.token == 0);
  one = take(b, 1, 2); /* b looks again from the oldest */
  CHECK_OK(tarn_stream_return(b, &one));
  CHECK_OK(tarn_stream_return(b, &three));
  one = take(a, 1, 3);
  three = take(a, 3, 2);
  tarn_item four = take(a, 4, 1);
  CHECK_OK(tarn_stream_release(a, &one));
  CHECK_OK(tarn_stream_release(a, &three));
  CHECK_OK(tarn_stream_release(a, &four));
  tarn_stream_close(b); /* with an item out: it stays until it is released */
  CHECK(stream_whole(&two));
  CHECK_OK(tarn_stream_return(b, &two));
  two = take(a, 2, 2);
  CHECK_OK(tarn_stream_release(a, &two));
  stream_get(a, 5, 0);
  nothing_there(a);
  tarn_stream_close(a);
  tarn_stream_close(writer);
}

static void test_holds(void) {
  tarn_options options = queue();
  options.hold = 15;
  tarn_stream *writer = stream_open("jobs", TARN_WRITER, options), *reader = open_reader();
  tarn_item items[20], more;
  uint32_t count;
  put_some(writer, 20, 20);
  CHECK_OK(tarn_stream_read_batch(reader, items, 20, &count, 0));
  CHECK_UINT(15, count);
  CHECK_RESULT(TARN_BUSY, tarn_stream_read(reader, &more, 0));
  stream_get(reader, 16, 0); /* by copy there is always a place */
  CHECK_OK(tarn_stream_release(reader, &items[7]));
  more = take(reader, 17, 1);
  CHECK_OK(tarn_stream_release(reader, &more));
  for (int i = 0; i < 15; i++)
    if (i != 7) CHECK_OK(tarn_stream_return(reader, &items[i]));
  for (uint64_t number = 1; number <= 15; number++)
    if (number != 8) stream_get(reader, number, 0);
  stream_get(reader, 18, 0);
  unsigned char byte[4];
  CHECK_RESULT(TARN_E_TOO_LARGE, tarn_stream_get(reader, byte, sizeof byte, &more, 0));
  CHECK_UINT(20, more.size_bytes);
  stream_get(reader, 19, 0); /* it still counted as unread */
  tarn_stream_close(writer);
  tarn_stream_close(reader);
}

static void test_full(void) {
  tarn_stream *writer = open_writer();
  uint64_t last = 0;
  while (put(writer, 100, 0) == 0) last++;
  CHECK_UINT(RING / 144, last + (RING % 144 < 16)); /* nothing is dropped, whoever reads or not */
  tarn_stream *a = open_reader(), *b = open_reader();
  CHECK_RESULT(TARN_TIMED_OUT, put(writer, 100, 5 * MS));
  tarn_item first = take(a, 1, 1), item;
  for (uint64_t number = 2; number <= last; number++) stream_get(b, number, 0);
  CHECK_RESULT(TARN_FULL, put(writer, 100, 0)); /* the first is not done: all behind it keeps its room */
  CHECK_RESULT(TARN_TIMED_OUT, put(writer, 100, 5 * MS));
  CHECK_OK(tarn_stream_release(a, &first));
  for (int i = 0; i < 300; i++) {
    CHECK_OK(put(writer, (uint64_t)i * 37 % 1900, 0));
    stream_get(i % 2 == 0 ? a : b, ++last, 0);
  }
  put_some(writer, 3, 10);
  tarn_stream_close(a);
  tarn_stream_close(b);
  CHECK_OK(put(writer, 10, 0));
  a = open_reader();
  for (int i = 0; i < 4; i++) stream_get(a, ++last, 0);
  CHECK_RESULT(TARN_EMPTY, tarn_stream_read(a, &item, 0));
  tarn_stream_close(a);
  tarn_stream_close(writer);
}

/* One noted what it waits for, gave up, and then that was done, which nobody had to be told. Who needs more waits for what it needs itself:
 * were it to wait for what is done already it would try again and again. */
static void test_noted_and_done(void) {
  tarn_stream *a = open_writer(), *b = open_writer(), *holder = open_reader(), *reader = open_reader();
  while (put(a, 100, 0) == 0) continue;
  tarn_item first = take(holder, 1, 1);
  tarn_stream_wake(reader); /* whatever was noted before is over */
  CHECK_RESULT(TARN_TIMED_OUT, put(a, 300, 1)); /* it needs the first three */
  stream_get(reader, 2, 0);
  stream_get(reader, 3, 0);
  tn_point_set(NULL, 0, NULL); /* count anew */
  CHECK_RESULT(TARN_TIMED_OUT, put(b, 1500, 5 * MS));
  check_say("the lock was taken %llu times", (unsigned long long)tn_point_count("many.claim.locked"));
  CHECK(tn_point_count("many.claim.locked") <= 2);
  CHECK_OK(tarn_stream_release(holder, &first));
  for (uint64_t number = 4; put(b, 1500, 0) == TARN_FULL; number++) stream_get(reader, number, 0);
  tarn_stream_close(a);
  tarn_stream_close(b);
  tarn_stream_close(holder);
  tarn_stream_close(reader);
}

static void test_around_again(void) {
  tarn_stream *writer = open_writer(), *a = open_reader(), *b = open_reader();
  tarn_item held[2];
  uint64_t number = 1;
  for (int round = 0; round < 400; round++) { /* two out at each time, given back in turns, all over the ring */
    put_some(writer, 2, (uint64_t)round * 29 % 500);
    held[0] = take(a, number, 1);
    held[1] = take(b, number + 1, 1);
    if (round % 3 == 0) {
      CHECK_OK(tarn_stream_return(a, &held[0]));
      held[0] = take(b, number, 2);
      CHECK_OK(tarn_stream_release(b, &held[0]));
    } else {
      CHECK_OK(tarn_stream_release(a, &held[0]));
    }
    CHECK_OK(tarn_stream_release(b, &held[1]));
    number += 2;
  }
  tarn_stream_close(a);
  tarn_stream_close(b);
  tarn_stream_close(writer);
}

static void test_set_aside(void) {
  tarn_options options = queue();
  options.max_deliveries = 2;
  tarn_stream *writer = stream_open("jobs", TARN_WRITER, options), *reader = open_reader(), *aside, *none;
  put_some(writer, 2, 40);
  for (uint32_t i = 1; i <= 2; i++) {
    tarn_item item = take(reader, 1, i);
    CHECK_OK(tarn_stream_return(reader, &item));
  }
  stream_get(reader, 2, 0); /* the first has gone aside */
  nothing_there(reader);
  CHECK_OK(tarn_stream_open(&aside, "jobs.aside", TARN_READER, NULL, 0));
  char bytes[100];
  tarn_item item;
  CHECK_OK(tarn_stream_get(aside, bytes, sizeof bytes, &item, 0));
  CHECK_UINT(stream_tag(1), item.tag);
  CHECK_UINT(40, item.size_bytes);
  item.number = 1;
  CHECK(stream_whole(&item));
  CHECK_RESULT(TARN_EMPTY, tarn_stream_get(aside, bytes, sizeof bytes, &item, 0));
  tarn_stream_close(aside);
  CHECK_RESULT(TARN_E_MISMATCH, tarn_stream_open(&none, "jobs", TARN_READER,
                                                 &(tarn_options){.struct_size = sizeof(tarn_options), .max_deliveries = 3}, 0));
  tarn_stream_close(writer);
  tarn_stream_close(reader);
  CHECK_OK(tarn_remove("jobs.aside", TARN_KIND_STREAM, 0));
}

/* Where nothing can be set aside, the message is delivered once more instead of getting lost. */
static void test_no_room_aside(void) {
  tarn_options options = queue();
  options.max_deliveries = 1;
  tarn_stream *writer = stream_open("jobs", TARN_WRITER, options), *reader = open_reader();
  FILE *taken = fopen(check_path("jobs.aside.stream"), "wb"); /* no channel, and not to be made one */
  CHECK(taken != NULL && fclose(taken) == 0);
  put_some(writer, 1, 40);
  for (uint32_t i = 1; i <= 3; i++) {
    tarn_item item = take(reader, 1, i);
    CHECK_OK(tarn_stream_return(reader, &item));
  }
  CHECK_INT(0, remove(check_path("jobs.aside.stream")));
  nothing_there(reader);
  tarn_stream_close(writer);
  tarn_stream_close(reader);
  CHECK_OK(tarn_remove("jobs.aside", TARN_KIND_STREAM, 0));
}

static void refused(int expected, tarn_options options, int role, const char *part) {
  tarn_stream *stream;
  options.struct_size = sizeof options;
  CHECK_RESULT(expected, tarn_stream_open(&stream, "refused", role, &options, 0));
  CHECK_CONTAINS(part, tarn_error_text());
}

static void test_refused(void) {
  refused(TARN_E_INVALID, (tarn_options){.flags = TARN_QUEUE, .policy = TARN_OVERWRITE}, TARN_WRITER, "TARN_OVERWRITE");
  refused(TARN_E_INVALID, (tarn_options){.max_deliveries = 3}, TARN_WRITER, "TARN_QUEUE");
  tarn_stream *writer = stream_open("refused", TARN_WRITER, (tarn_options){.flags = TARN_QUEUE}), *second;
  refused(TARN_E_INVALID, (tarn_options){.from = TARN_NEXT}, TARN_READER, "from");
  refused(TARN_E_MISMATCH, (tarn_options){.flags = TARN_MANY_WRITERS}, TARN_WRITER, "asked for, but it was made without");
  CHECK_RESULT(TARN_BUSY, tarn_stream_open(&second, "refused", TARN_WRITER, NULL, 0)); /* a queue of one writer */
  tarn_stream_close(writer);
}

static void test_one_writer_after_the_other(void) {
  for (uint64_t number = 1; number <= 3; number++) {
    tarn_stream *writer = stream_open("jobs", TARN_WRITER, (tarn_options){.flags = TARN_QUEUE | TARN_KEPT});
    CHECK_OK(put(writer, 10, 0));
    tarn_stream_close(writer);
  }
  tarn_stream *reader = open_reader();
  for (uint64_t number = 1; number <= 3; number++) stream_get(reader, number, 0);
  tarn_stream_close(reader);
  CHECK_OK(tarn_remove("jobs", TARN_KIND_STREAM, 0));
}

/* A writer that came and went before one of the readers looked, and of which another took everything: both are told. */
static void test_a_short_writer(void) {
  tarn_stream *maker = open_writer(), *a = open_reader(), *b = open_reader(), *writer, *late;
  tarn_item item;
  tarn_stream_close(maker);
  CHECK_RESULT(TARN_NO_WRITER, tarn_stream_read(a, &item, TARN_FOREVER));
  CHECK_RESULT(TARN_NO_WRITER, tarn_stream_read(b, &item, TARN_FOREVER));
  writer = open_writer();
  put_some(writer, 1, 10);
  stream_get(a, 1, 0);
  tarn_stream_close(writer);
  CHECK_RESULT(TARN_NO_WRITER, tarn_stream_read(b, &item, TARN_FOREVER));
  CHECK_RESULT(TARN_NO_WRITER, tarn_stream_read(a, &item, TARN_FOREVER));
  CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_read(b, &item, MS)); /* once a departure */
  late = open_reader();
  CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_read(late, &item, MS)); /* it waits for the next one */
  tarn_stream_close(a);
  tarn_stream_close(b);
  tarn_stream_close(late);
}

/* Who holds nothing is not told that nobody writes while another has a message: it may come back. */
static void test_no_writer(void) {
  tarn_stream *writer = open_writer(), *a = open_reader(), *b = open_reader();
  put_some(writer, 2, 10);
  tarn_item one = take(a, 1, 1), item;
  stream_get(b, 2, 0);
  tarn_stream_close(writer);
  CHECK_RESULT(TARN_NO_WRITER, tarn_stream_read(a, &item, 50 * MS)); /* who has one is */
  CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_read(b, &item, 5 * MS));
  CHECK_OK(tarn_stream_return(a, &one));
  item = take(b, 1, 2);
  CHECK_OK(tarn_stream_release(b, &item));
  CHECK_RESULT(TARN_NO_WRITER, tarn_stream_read(b, &item, 50 * MS));
  tarn_stream_close(a);
  tarn_stream_close(b);
}

static void test_claim_in_the_way(void) {
  tarn_stream *a = open_writer(), *b = open_writer(), *reader = open_reader();
  void *room;
  CHECK_OK(tarn_stream_claim(a, 10, &room, 0));
  CHECK_OK(put(b, 10, 0));
  nothing_there(reader);
  CHECK_OK(tarn_stream_abandon(a));
  stream_get(reader, 2, 0);
  CHECK_OK(tarn_stream_claim(a, 100, &room, 0));
  stream_fill(room, 3, 20);
  CHECK_OK(tarn_stream_publish(a, 20, &(tarn_about){.struct_size = sizeof(tarn_about), .tag = stream_tag(3)}));
  CHECK_OK(put(b, 10, 0));
  CHECK_UINT(20, stream_get(reader, 3, 0));
  stream_get(reader, 4, 0);
  tarn_stream_close(a);
  tarn_stream_close(b);
  tarn_stream_close(reader);
}

static void test_batches(void) {
  static unsigned char bytes[16][64];
  tarn_piece pieces[16];
  tarn_stream *writer = open_writer(), *a = open_reader(), *b = open_reader();
  uint64_t number = 1;
  for (int round = 0; round < 60; round++) {
    uint32_t count, got;
    for (uint32_t i = 0; i < 16; i++) {
      stream_fill(bytes[i], number + i, i * 3);
      pieces[i] = (tarn_piece){bytes[i], i * 3, stream_tag(number + i)};
    }
    CHECK_OK(tarn_stream_put_batch(writer, pieces, 16, &count, 0));
    for (uint64_t end = number + count; number < end; number += got) {
      tarn_item items[3];
      CHECK_OK(tarn_stream_read_batch(number % 2 ? a : b, items, 3, &got, 0));
      for (uint32_t i = 0; i < got; i++) CHECK(stream_whole(&items[i]) && items[i].number == number + i);
      CHECK_OK(tarn_stream_release_batch(number % 2 ? a : b, items, got));
    }
  }
  tarn_stream_close(writer);
  tarn_stream_close(a);
  tarn_stream_close(b);
}

/* An observer sees every message, whoever takes it, and takes none. */
static void test_observer(void) {
  tarn_stream *writer = open_writer(), *reader = open_reader(), *observer = stream_open("jobs", TARN_OBSERVER, (tarn_options){0});
  put_some(writer, 3, 30);
  stream_get(reader, 1, 0);
  tarn_item two = take(reader, 2, 1);
  for (uint64_t number = 1; number <= 3; number++) stream_get(observer, number, 0);
  CHECK_OK(tarn_stream_release(reader, &two));
  stream_get(reader, 3, 0);
  for (uint64_t number = 4; number <= 300; number++) {
    CHECK_OK(put(writer, 30, 0));
    stream_get(reader, number, 0);
  }
  unsigned char bytes[64];
  tarn_item item;
  CHECK_OK(tarn_stream_get(observer, bytes, sizeof bytes, &item, 0));
  CHECK_UINT(item.number - 4, item.missed);
  CHECK(item.missed > 100 && stream_whole(&item));
  tarn_stream_close(writer);
  tarn_stream_close(reader);
  tarn_stream_close(observer);
}

static void test_seen_from_outside(void) {
  tarn_options options = queue();
  options.max_deliveries = 7;
  tarn_stream *writer = stream_open("jobs", TARN_WRITER, options), *a = open_reader(), *b = open_reader();
  put_some(writer, 9, 30);
  tarn_item one = take(a, 1, 1), two = take(b, 2, 1), three = take(a, 3, 1);
  CHECK_OK(tarn_stream_release(a, &one));
  void *room;
  CHECK_OK(tarn_stream_claim(writer, 20, &room, 0));
  tarn_details details = {.struct_size = sizeof details};
  tarn_participant all[4];
  CHECK_OK(tarn_inspect("jobs", TARN_KIND_STREAM, &details, all, 4));
  CHECK_UINT(6, details.waiting);
  CHECK_UINT(2, details.taken);
  CHECK_UINT(7, details.max_deliveries);
  CHECK_UINT(10, all[0].claimed);
  CHECK_UINT(1, all[1].held);
  CHECK_UINT(3, all[1].taken);
  CHECK_UINT(2, all[2].taken);
  CHECK_UINT(2, all[1].items);
  CHECK_OK(tarn_stream_release(b, &two));
  CHECK_OK(tarn_stream_release(a, &three));
  tarn_stream_close(writer);
  tarn_stream_close(a);
  tarn_stream_close(b);
}

static void test_times(void) {
  tarn_options options = queue();
  tarn_stream *writer = open_writer(), *reader = open_reader();
  put_some(writer, 1, 1);
  tarn_item item = take(reader, 1, 1);
  CHECK_INT(0, item.time_ns); /* a queue has room for times, but keeps them only when asked */
  CHECK_OK(tarn_stream_release(reader, &item));
  tarn_stream_close(writer);
  tarn_stream_close(reader);
  options.flags |= TARN_TIMES;
  writer = stream_open("jobs", TARN_WRITER, options);
  reader = open_reader();
  CHECK_OK(tarn_stream_put(writer, "x", 1, &(tarn_about){.struct_size = sizeof(tarn_about), .time_ns = 77}, 0));
  CHECK_OK(tarn_stream_read(reader, &item, 0));
  CHECK_INT(77, item.time_ns);
  CHECK_OK(tarn_stream_release(reader, &item));
  tarn_stream_close(writer);
  tarn_stream_close(reader);
}

static void begin_at(uint64_t position, uint64_t number) {
  tarn_options options = queue();
  options.flags |= TARN_KEPT;
  tarn_stream_close(stream_open("jobs", TARN_WRITER, options));
  tn_header header;
  FILE *f = fopen(check_path("jobs.stream"), "r+b");
  CHECK(f != NULL && fread(&header, sizeof header, 1, f) == 1);
  tn_latch latch = {.version = 0};
  latch.copy[0].position = position;
  latch.copy[0].number = number;
  CHECK_INT(0, fseek(f, (long)(header.control_offset + offsetof(tn_control, kind.stream.floor)), SEEK_SET));
  CHECK_UINT(1, fwrite(&latch, sizeof latch, 1, f));
  CHECK_UINT(1, fwrite(&latch, sizeof latch, 1, f));
  CHECK_INT(0, fclose(f));
}

static void test_far_positions(void) {
  static const uint64_t starts[] = {(UINT64_C(1) << 32) - 2048, (UINT64_C(1) << 63) - 1024, UINT64_MAX - 4095};
  static const uint64_t numbers[] = {UINT32_MAX - 10u, (UINT64_C(1) << 62) - 5, UINT64_C(1) << 33};
  for (int i = 0; i < 3; i++) {
    begin_at(starts[i], numbers[i]);
    tarn_stream *a = open_writer(), *b = open_writer(), *reader = open_reader(), *other = open_reader();
    for (uint64_t k = 0; k < 300; k++) {
      CHECK_OK(put(k % 2 == 0 ? a : b, k * 11 % 600, 0));
      tarn_item item = take(reader, numbers[i] + k, 1);
      if (k % 5 == 0) {
        CHECK_OK(tarn_stream_return(reader, &item));
        item = take(other, numbers[i] + k, 2);
        CHECK_OK(tarn_stream_release(other, &item));
      } else {
        CHECK_OK(tarn_stream_release(reader, &item));
      }
    }
    tarn_stream_close(a);
    tarn_stream_close(b);
    tarn_stream_close(reader);
    tarn_stream_close(other);
    CHECK_OK(tarn_remove("jobs", TARN_KIND_STREAM, 0));
  }
}

static const check_test tests[] = {{"each_to_one", test_each_to_one, 0},
                                   {"returned", test_returned, 0},
                                   {"holds", test_holds, 0},
                                   {"full", test_full, 0},
                                   {"noted_and_done", test_noted_and_done, 0},
                                   {"around_again", test_around_again, 0},
                                   {"set_aside", test_set_aside, 0},
                                   {"no_room_aside", test_no_room_aside, 0},
                                   {"refused", test_refused, 0},
                                   {"one_writer_after_the_other", test_one_writer_after_the_other, 0},
                                   {"a_short_writer", test_a_short_writer, 0},
                                   {"no_writer", test_no_writer, 0},
                                   {"claim_in_the_way", test_claim_in_the_way, 0},
                                   {"batches", test_batches, 0},
                                   {"observer", test_observer, 0},
                                   {"seen_from_outside", test_seen_from_outside, 0},
                                   {"times", test_times, 0},
                                   {"far_positions", test_far_positions, 0},
                                   {0}};
static const check_role roles[] = {{0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
