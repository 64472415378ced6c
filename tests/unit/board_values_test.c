/* board_values_test.c: values of every size: nothing at all, around the steps in which buffers grow, beyond 4 GiB. */
#include "board_inside.h"
#include "boards.h"

enum { STEP = 64 << 10, HEAD = 1 << 10 };

static void test_nothing_is_a_value(void) {
  tarn_board *writer = open_writer("values", NULL), *reader = open_reader("values"), *observer = NULL;
  CHECK_OK(tarn_board_open(&observer, "values", TARN_OBSERVER, NULL, 0));
  tarn_about about = {.struct_size = sizeof about, .tag = UINT64_MAX, .time_ns = -5, .type = ""};
  tarn_item item;
  for (uint64_t i = 1; i <= 10; i++) {
    about.tag -= 1;
    CHECK_OK(tarn_board_put(writer, NULL, 0, &about, 0));
    CHECK_OK(tarn_board_read(reader, &item, 0));
    CHECK_UINT(i, item.number);
    CHECK_UINT(0, item.size_bytes);
    CHECK(item.data != NULL);
    CHECK_UINT(UINT64_MAX - i, item.tag);
    CHECK_INT(-5, item.time_ns);
    CHECK_STR("", item.type);
    CHECK_OK(tarn_board_release(reader, &item));
    CHECK_OK(tarn_board_get(observer, NULL, 0, &item, 0));
    CHECK_UINT(i, item.number);
    CHECK_UINT(0, item.size_bytes);
  }
  void *room;
  CHECK_OK(tarn_board_claim(writer, 100, &room, 0));
  CHECK_OK(tarn_board_publish(writer, 0, NULL)); /* less than was claimed */
  CHECK_OK(tarn_board_get(reader, NULL, 0, &item, 0));
  CHECK_UINT(11, item.number);
  CHECK(item.time_ns > 0); /* nobody said when: now */
  CHECK_STR("", item.type);
  tarn_board_close(observer);
  tarn_board_close(reader);
  tarn_board_close(writer);
}

static void check_size(tarn_board *writer, tarn_board *reader, tarn_board *observer, uint64_t size_bytes, unsigned char fill) {
  const size_t size = (size_t)size_bytes;
  static unsigned char out[20 * STEP];
  void *room;
  CHECK_OK(tarn_board_claim(writer, size, &room, 0));
  CHECK_UINT(0, (uintptr_t)room % 64);
  memset(room, fill, size);
  CHECK_OK(tarn_board_publish(writer, size, NULL));
  tarn_item item;
  CHECK_OK(tarn_board_read(reader, &item, 0));
  CHECK_UINT(size, item.size_bytes);
  CHECK_UINT(0, (uintptr_t)item.data % 64);
  memset(out, fill, size);
  CHECK_MEM(out, item.data, size);
  CHECK_OK(tarn_board_release(reader, &item));
  memset(out, (unsigned char)~fill, size + 1);
  CHECK_OK(tarn_board_get(observer, out, size, &item, 0));
  CHECK_UINT(size, item.size_bytes);
  for (uint64_t i = 0; i < size; i++)
    if (out[i] != fill)
      CHECK_UINT(fill, out[i]);
  CHECK_UINT((unsigned char)~fill, out[size]); /* and not one byte more */
}

/* Up, down, and to and fro around the steps: what a buffer just takes, and one byte more. */
static void test_around_the_steps(void) {
  tarn_board *writer = open_writer("values", NULL), *reader = open_reader("values"), *observer = NULL;
  CHECK_OK(tarn_board_open(&observer, "values", TARN_OBSERVER, NULL, 0));
  unsigned char fill = 0;
  for (uint64_t steps = 1; steps < 12; steps += 3)
    for (int by = -2; by <= 2; by++)
      check_size(writer, reader, observer, steps * STEP - HEAD + (uint64_t)(int64_t)by, ++fill);
  for (uint64_t size = 12 * STEP; size > 0; size /= 3)
    check_size(writer, reader, observer, size, ++fill);
  for (int i = 0; i < 50; i++)
    check_size(writer, reader, observer, check_random() % (15 * STEP), ++fill);
  tarn_details details = {.struct_size = sizeof details};
  CHECK_OK(tarn_inspect("values", TARN_KIND_BOARD, &details, NULL, 0));
  CHECK(details.buffers <= 4);
  tarn_board_close(observer);
  tarn_board_close(reader);
  tarn_board_close(writer);
}

/* The first buffer is as large as was asked for: then nothing grows under those who read. */
static void test_first_buffer(void) {
  tarn_options options = {.struct_size = sizeof options, .size_bytes = 5 * STEP};
  tarn_board *writer = open_writer("values", &options);
  put_text(writer, "small");
  tarn_details details = {.struct_size = sizeof details};
  CHECK_OK(tarn_inspect("values", TARN_KIND_BOARD, &details, NULL, 0));
  CHECK(details.buffer_bytes >= 5 * STEP);
  CHECK_UINT(1, details.buffers);
  CHECK_UINT(5, details.newest_bytes);
  tarn_board_close(writer);
}

/* [B4] An observer that copies from a buffer while it is given up must not find its version's generation again. */
static void test_a_buffer_given_up_forgets_its_version(void) {
  tarn_board *writer = open_writer("values", NULL), *reader = open_reader("values");
  static unsigned char large[3 * STEP];
  tarn_item items[2];
  for (int i = 0; i < 2; i++) {
    put_text(writer, "small");
    CHECK_OK(tarn_board_read(reader, &items[i], 0));
  }
  put_text(writer, "small"); /* in a third buffer */
  for (int i = 0; i < 2; i++)
    CHECK_OK(tarn_board_release(reader, &items[i]));
  CHECK_OK(tarn_board_put(writer, large, sizeof large, NULL, 0)); /* in the place of two small ones */
  int given_up = 0;
  for (uint32_t i = 0; i < 3; i++) {
    const tn_entry *entry = &writer->channel.entries[i];
    if (tn_load_acquire(&entry->account.capacity) != 0)
      continue;
    given_up++;
    CHECK_UINT(0, tn_load_acquire(&entry->generation));
  }
  CHECK_INT(1, given_up);
  tarn_board_close(reader);
  tarn_board_close(writer);
}

/* ---- Beyond 4 GiB ----------------------------------------------------------------------------------------------------------------------- */

/* Each page says where it is; the last word is beyond what 32 bits can count. */
static void fill_pages(uint64_t *words, uint64_t size) {
  for (uint64_t at = 0; at < size / 8; at += 512)
    words[at] = at + 1;
  words[size / 8 - 1] = size;
}

static void check_pages(const uint64_t *words, uint64_t size) {
  for (uint64_t at = 0; at < size / 8 - 1; at += 512)
    if (words[at] != at + 1)
      CHECK_UINT(at + 1, words[at]);
  CHECK_UINT(size, words[size / 8 - 1]);
}

/* Takes more memory than most machines like to give to a test, so it is asked for. */
static void test_beyond_4_gib(void) {
  if (getenv("TARN_TEST_LARGE") == NULL)
    check_skip("takes 9 GiB of memory, and minutes where that is slow to get: with TARN_TEST_LARGE=1");
  if (sizeof(size_t) < 8)
    check_skip("a process of 32 bits has no room for it");
  uint64_t size = (UINT64_C(9) << 29) + 8; /* 4.5 GiB and a word */
  tarn_board *writer = open_writer("large", NULL), *reader = open_reader("large"), *observer = NULL;
  CHECK_OK(tarn_board_open(&observer, "large", TARN_OBSERVER, NULL, 0));
  void *room;
  int result = tarn_board_claim(writer, size, &room, 0);
  if (result == TARN_E_NO_SPACE)
    check_skip("%s", tarn_error_text());
  CHECK_OK(result);
  fill_pages(room, size);
  CHECK_OK(tarn_board_publish(writer, size, NULL));
  tarn_item item;
  CHECK_OK(tarn_board_read(reader, &item, 0));
  CHECK_UINT(size, item.size_bytes);
  check_pages(item.data, size);
  CHECK_OK(tarn_board_release(reader, &item));
  CHECK_RESULT(TARN_E_TOO_LARGE, tarn_board_get(observer, NULL, 0, &item, 0));
  CHECK_UINT(size, item.size_bytes);
  uint64_t *copy = malloc((size_t)size);
  if (copy == NULL)
    check_skip("no memory for a copy of it");
  CHECK_OK(tarn_board_get(observer, copy, size, &item, 0));
  check_pages(copy, size);
  free(copy);
  tarn_board_close(observer);
  tarn_board_close(reader);
  tarn_board_close(writer);
}

static const check_test tests[] = {
    {"nothing_is_a_value", test_nothing_is_a_value, 0},
    {"around_the_steps", test_around_the_steps, 0},
    {"first_buffer", test_first_buffer, 0},
    {"a_buffer_given_up_forgets_its_version", test_a_buffer_given_up_forgets_its_version, 0},
    {"beyond_4_gib", test_beyond_4_gib, 300},
    {0},
};

int main(int argc, char **argv) {
  return check_main(argc, argv, tests, NULL);
}
