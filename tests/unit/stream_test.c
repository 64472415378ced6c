/* stream_test.c: a stream, from the outside, within one process and between processes. */
#include "check.h"
#include "os/os.h"

#include <tarn/tarn.h>

static tarn_stream *open_stream(const char *name, int role, tarn_options options) {
  options.struct_size = sizeof options;
  tarn_stream *stream = NULL;
  CHECK_OK(tarn_stream_open(&stream, name, role, &options, 0));
  return stream;
}

static void put_number(tarn_stream *writer, uint64_t number) {
  CHECK_OK(tarn_stream_put(writer, &number, sizeof number, NULL, 0));
}

static uint64_t get_number(tarn_stream *reader, uint64_t *ret_missed) {
  uint64_t number;
  tarn_item item;
  CHECK_OK(tarn_stream_get(reader, &number, sizeof number, &item, 0));
  CHECK_UINT(sizeof number, item.size_bytes);
  if (ret_missed != NULL) *ret_missed = item.missed;
  CHECK_UINT(number, item.number);
  return number;
}

static void test_in_order(void) {
  tarn_stream *writer = open_stream("s", TARN_WRITER, (tarn_options){.size_bytes = 4096, .flags = TARN_TIMES});
  tarn_stream *reader = open_stream("s", TARN_READER, (tarn_options){0});
  tarn_item item;
  CHECK_RESULT(TARN_EMPTY, tarn_stream_read(reader, &item, 0));
  unsigned char bytes[2000];
  for (uint32_t i = 1; i < 5000; i++) {
    size_t size = (size_t)check_random() % sizeof bytes;
    memset(bytes, (int)i, sizeof bytes);
    tarn_about about = {.struct_size = sizeof about, .tag = i};
    CHECK_OK(tarn_stream_put(writer, bytes, size, &about, 0));
    CHECK_OK(tarn_stream_read(reader, &item, 0));
    CHECK_UINT(i, item.number);
    CHECK_UINT(i, item.tag);
    CHECK_UINT(size, item.size_bytes);
    CHECK_UINT(0, item.missed);
    CHECK(item.time_ns != 0);
    CHECK_MEM(bytes, item.data, size);
    CHECK_OK(tarn_stream_release(reader, &item));
  }
  tarn_stream_close(writer);
  CHECK_RESULT(TARN_NO_WRITER, tarn_stream_read(reader, &item, TARN_FOREVER));
  CHECK_RESULT(TARN_EMPTY, tarn_stream_read(reader, &item, 0));
  tarn_stream_close(reader);
}

/* Small messages are copied in pieces that depend on the size: every size, from every place in a word, and nothing beyond it. */
static void test_every_small_size(void) {
  unsigned char from[400], bytes[400];
  tarn_item item;
  for (uint64_t i = 0; i < sizeof from; i++) from[i] = (unsigned char)(i * 131 + 7);
  tarn_stream *writer = open_stream("sizes", TARN_WRITER, (tarn_options){.size_bytes = 4096});
  tarn_stream *reader = open_stream("sizes", TARN_READER, (tarn_options){0});
  for (uint64_t place = 0; place < 8; place++)
    for (size_t size = 0; size <= 300; size++) {
      CHECK_OK(tarn_stream_put(writer, from + place, size, NULL, 0));
      memset(bytes, 0xee, sizeof bytes);
      CHECK_OK(tarn_stream_get(reader, bytes + place, size, &item, 0));
      CHECK_UINT(size, item.size_bytes);
      CHECK_MEM(from + place, bytes + place, size);
      CHECK_UINT(0xee, bytes[place + size]);
    }
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

static void test_full(void) {
  tarn_stream *writer = open_stream("full", TARN_WRITER, (tarn_options){.size_bytes = 4096});
  uint64_t put = 0, got = 0;
  int result;
  while ((result = tarn_stream_put(writer, &(uint64_t){put + 1}, 8, NULL, 0)) == 0) put++;
  CHECK_RESULT(TARN_FULL, result);
  CHECK(put >= 120 && put <= 128);
  CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_put(writer, "x", 1, NULL, 10000000));
  tarn_stream *reader = open_stream("full", TARN_READER, (tarn_options){0});
  for (int round = 0; round < 100; round++) {
    for (int i = 0; i < 40; i++) CHECK_UINT(++got, get_number(reader, NULL));
    while (tarn_stream_put(writer, &(uint64_t){put + 1}, 8, NULL, 0) == 0) put++;
    CHECK(put - got >= 100);
  }
  tarn_stream_close(reader);
  for (int i = 0; i < 1000; i++) /* none attached: the oldest go */
    put_number(writer, ++put);
  reader = open_stream("full", TARN_READER, (tarn_options){0});
  tarn_item item;
  uint64_t number;
  CHECK_OK(tarn_stream_get(reader, &number, sizeof number, &item, 0));
  CHECK_UINT(0, item.missed);
  CHECK(put - number >= 100);
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

static void test_overwrite(void) {
  tarn_stream *writer = open_stream("o", TARN_WRITER, (tarn_options){.size_bytes = 4096, .policy = TARN_OVERWRITE});
  tarn_stream *reader = open_stream("o", TARN_READER, (tarn_options){0});
  tarn_stream *observer = open_stream("o", TARN_OBSERVER, (tarn_options){0});
  uint64_t put = 0, last = 0, seen = 0, missed;
  put_number(writer, ++put);
  CHECK_UINT(1, last = get_number(reader, NULL));
  CHECK_UINT(1, seen = get_number(observer, NULL));
  for (int round = 0; round < 200; round++) {
    for (int i = 0; i < 300; i++) put_number(writer, ++put);
    uint64_t number = get_number(reader, &missed);
    CHECK_UINT(number - last - 1, missed);
    last = number;
    number = get_number(observer, &missed);
    CHECK_UINT(number - seen - 1, missed);
    seen = number;
  }
  tarn_item item, copy;
  CHECK_OK(tarn_stream_read(reader, &item, 0));
  copy = item;
  int result = 0;
  for (int i = 0; i < 300 && result == 0; i++) result = tarn_stream_put(writer, "12345678", 8, NULL, TARN_FOREVER);
  CHECK_RESULT(TARN_FULL, result);
  CHECK_MEM(&copy.number, item.data, 8);
  CHECK_OK(tarn_stream_release(reader, &item));
  CHECK_OK(tarn_stream_put(writer, "12345678", 8, NULL, 0));
  tarn_stream_close(observer);
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

/* Items of nobody: refused. A reader's own are released once. */
static void test_release_by_who_holds_nothing(void) {
  tarn_stream *writer = open_stream("nothing", TARN_WRITER, (tarn_options){.size_bytes = 4096});
  tarn_stream *observer = open_stream("nothing", TARN_OBSERVER, (tarn_options){0});
  tarn_stream *reader = open_stream("nothing", TARN_READER, (tarn_options){0});
  tarn_stream *all[] = {writer, observer, reader};
  char byte;
  tarn_item item = {0}, kept, twice;
  CHECK_OK(tarn_stream_put(writer, "1", 1, NULL, 0));
  CHECK_OK(tarn_stream_get(observer, &byte, 1, &item, 0));
  for (int i = 0; i < 3; i++) CHECK_RESULT(TARN_E_INVALID, tarn_stream_release(all[i], &item));
  for (int i = 0; i < 2; i++) CHECK_RESULT(TARN_E_INVALID, tarn_stream_release_batch(all[i], &item, 0));
  CHECK_OK(tarn_stream_get(reader, &byte, 1, &item, 0)); /* from here on the short path is open */
  for (int i = 0; i < 2; i++) {
    CHECK_OK(tarn_stream_put(writer, "2", 1, NULL, 0));
    CHECK_OK(tarn_stream_put(writer, "3", 1, NULL, 0));
    CHECK_OK(tarn_stream_read(reader, &kept, 0));
    twice = kept;
    if (i == 1) CHECK_OK(tarn_stream_get(reader, &byte, 1, &item, 0)); /* between read and release */
    CHECK_OK(tarn_stream_release(reader, &kept));
    CHECK_RESULT(TARN_E_INVALID, tarn_stream_release(reader, &twice));
    if (i == 1) continue;
    CHECK_OK(tarn_stream_read(reader, &kept, 0));
    CHECK_RESULT(TARN_E_INVALID, tarn_stream_release(reader, &twice)); /* the same place in the list, another message */
    CHECK_OK(tarn_stream_release(reader, &kept));
  }
  for (int i = 0; i < 3; i++) tarn_stream_close(all[i]);
}

static void test_batches_and_starts(void) {
  tarn_stream *writer = open_stream("b", TARN_WRITER, (tarn_options){.size_bytes = 65536});
  uint64_t values[100];
  tarn_piece pieces[100];
  uint32_t count;
  for (uint64_t i = 0; i < 100; i++) {
    values[i] = i + 1;
    pieces[i] = (tarn_piece){&values[i], 8, i};
  }
  CHECK_OK(tarn_stream_put_batch(writer, pieces, 100, &count, 0));
  CHECK_UINT(100, count);
  tarn_stream *next = open_stream("b", TARN_READER, (tarn_options){.from = TARN_NEXT});
  tarn_stream *at = open_stream("b", TARN_READER, (tarn_options){.from = 51});
  tarn_stream *late = open_stream("b", TARN_READER, (tarn_options){.from = 103});
  tarn_item items[100], item;
  uint32_t got;
  CHECK_RESULT(TARN_EMPTY, tarn_stream_read(next, &item, 0));
  CHECK_OK(tarn_stream_read_batch(at, items, 100, &got, 0));
  CHECK_UINT(50, got);
  CHECK_UINT(51, items[0].number);
  CHECK_UINT(50, items[0].tag);
  CHECK_UINT(0, items[0].missed);
  CHECK_OK(tarn_stream_release(at, &items[7]));
  CHECK_RESULT(TARN_E_INVALID, tarn_stream_release(at, &items[7]));
  CHECK_OK(tarn_stream_release_batch(at, items, 7));
  CHECK_OK(tarn_stream_release_batch(at, items + 8, 42));
  CHECK_OK(tarn_stream_put_pieces(writer, (tarn_piece[]){{"ab", 2, 0}, {"", 0, 0}, {"cde", 3, 0}}, 3, NULL, 0));
  CHECK_OK(tarn_stream_read(next, &item, 0));
  CHECK_UINT(101, item.number);
  CHECK_UINT(5, item.size_bytes);
  CHECK_MEM("abcde", item.data, 5);
  CHECK_OK(tarn_stream_release(next, &item));
  CHECK_RESULT(TARN_EMPTY, tarn_stream_read(late, &item, 0));
  for (uint64_t i = 102; i < 110; i++) put_number(writer, i);
  CHECK_UINT(103, get_number(late, NULL));
  tarn_stream_close(next);
  tarn_stream_close(at);
  tarn_stream_close(late);
  tarn_stream_close(writer);
}

/* Where processes wake each other one by one (tn_os_wake_slot), a full ring costs far more. */
static uint64_t messages(void) { return tn_os_capabilities()->shared_futex ? 200000 : 10000; }

static int role_reader(int argc, char **argv) {
  CHECK_INT(1, argc);
  tarn_stream *reader;
  CHECK_OK(tarn_stream_open(&reader, argv[0], TARN_READER, NULL, 5000000000));
  check_say("ready");
  for (uint64_t i = 1; i <= messages(); i++) {
    tarn_item item;
    CHECK_OK(tarn_stream_read(reader, &item, TARN_FOREVER));
    CHECK_UINT(i, item.number);
    const uint64_t *words = item.data;
    for (uint64_t k = 0; k < item.size_bytes / 8; k++) CHECK_UINT(i, words[k]);
    CHECK_OK(tarn_stream_release(reader, &item));
  }
  tarn_stream_close(reader);
  return 0;
}

static void test_between_processes(void) {
  tarn_stream *writer = open_stream("p", TARN_WRITER, (tarn_options){.size_bytes = 16384});
  check_process *readers[3];
  for (int i = 0; i < 3; i++) {
    readers[i] = check_start("reader", "p", NULL);
    check_expect(readers[i], "ready");
  }
  for (uint64_t i = 1; i <= messages(); i++) {
    uint64_t words[64], size = check_random() % 64;
    for (uint64_t k = 0; k < size; k++) words[k] = i;
    CHECK_OK(tarn_stream_put(writer, words, size * 8, NULL, TARN_FOREVER));
  }
  for (int i = 0; i < 3; i++) CHECK_INT(0, check_wait(readers[i]));
  tarn_stream_close(writer);
}

static const check_test tests[] = {
    {"in_order", test_in_order, 0},
    {"every_small_size", test_every_small_size, 0},
    {"full", test_full, 0},
    {"overwrite", test_overwrite, 0},
    {"release_by_who_holds_nothing", test_release_by_who_holds_nothing, 0},
    {"batches_and_starts", test_batches_and_starts, 0},
    {"between_processes", test_between_processes, 60},
    {0},
};
static const check_role roles[] = {{"reader", role_reader}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
