/* board_input_test.c: names that are none, options that cannot be, calls in the wrong order: each is refused with a sentence that says what
 * is wrong, and nothing is left behind. */
#include "boards.h"

static int open_as(const char *name, int role, const tarn_options *options) {
  tarn_board *board = NULL;
  int result = tarn_board_open(&board, name, role, options, 0);
  CHECK((result == 0) == (board != NULL)); /* ret_ is untouched by a failure */
  tarn_board_close(board);
  return result;
}

static int open_options(const tarn_options *options) {
  return open_as("input", TARN_WRITER, options);
}

/* ---- Names ---------------------------------------------------------------------------------------------------------------- */

static void test_names(void) {
  char longest[202];
  memset(longest, 'n', sizeof longest);
  longest[201] = 0;
  CHECK_RESULT(TARN_E_INVALID, open_as(longest, TARN_WRITER, NULL));
  CHECK_CONTAINS("201", tarn_error_text());
  CHECK_CONTAINS("200", tarn_error_text());
  longest[200] = 0;
  CHECK_OK(open_as(longest, TARN_WRITER, NULL));
  CHECK_RESULT(TARN_E_INVALID, open_as("", TARN_WRITER, NULL));
  CHECK_CONTAINS("no name", tarn_error_text());
  CHECK_RESULT(TARN_E_INVALID, open_as(NULL, TARN_READER, NULL));
  CHECK_CONTAINS("no name", tarn_error_text());
  static const char *const bad[] = {".hidden", "..", "with space", "um\xc3\xa4ut", "tab\t", "star*", "a,b", "new\nline", "q?", "\x7f"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    CHECK_RESULT(TARN_E_INVALID, open_as(bad[i], TARN_WRITER, NULL));
    expect_sentence(bad[i], "choose another");
  }
  static const char *const good[] = {"a", "A-b_c.9", "-", "9", "a..b", "x.board"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    CHECK_OK(open_as(good[i], TARN_WRITER, NULL));
}

static void test_devices(void) {
  static const char *const devices[] = {"nul", "CON", "com1", "Lpt9", "aux.txt"};
  tarn_details details = {.struct_size = sizeof details};
  for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
    int result = open_as(devices[i], TARN_WRITER, NULL);
    if (result != 0) { /* where the name means a device */
      CHECK_RESULT(TARN_E_INVALID, result);
      expect_sentence(devices[i], "device");
    }
    CHECK(tarn_inspect(devices[i], TARN_KIND_BOARD, &details, NULL, 0) != 0); /* either way nothing is there */
  }
}

static void test_roles(void) {
  static const int roles[] = {0, 4, -1, 100};
  for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
    CHECK_RESULT(TARN_E_INVALID, open_as("input", roles[i], NULL));
    expect_sentence("input", "TARN_READER");
  }
  CHECK_RESULT(TARN_E_INVALID, tarn_board_open(NULL, "input", TARN_WRITER, NULL, 0));
  CHECK_RESULT(TARN_E_NOT_FOUND, open_as("input", TARN_READER, NULL));
  expect_sentence("input", "there is none");
  tarn_options options = options_with(TARN_EXISTING);
  CHECK_RESULT(TARN_E_NOT_FOUND, open_as("input", TARN_WRITER, &options));
}

/* ---- Options -------------------------------------------------------------------------------------------------------------- */

/* A structure as a caller of an older or newer version would have it. */
static int open_sized(size_t size, unsigned char last) {
  unsigned char *bytes = calloc(1, 70000);
  CHECK(bytes != NULL);
  uint32_t struct_size = (uint32_t)size;
  memcpy(bytes, &struct_size, sizeof struct_size);
  if (size > sizeof struct_size)
    bytes[size - 1] = last;
  tarn_options *options = (void *)bytes;
  int result = open_options(options);
  free(bytes);
  return result;
}

static void test_struct_size(void) {
  CHECK_RESULT(TARN_E_INVALID, open_sized(0, 0));
  expect_sentence("input", "struct_size");
  CHECK_RESULT(TARN_E_INVALID, open_sized(4, 0));
  CHECK_RESULT(TARN_E_INVALID, open_sized(65537, 0));
  CHECK_OK(open_sized(8, 0)); /* an older caller: the rest is zeros */
  CHECK_OK(open_sized(sizeof(tarn_options), 0));
  CHECK_OK(open_sized(sizeof(tarn_options) + 64, 0)); /* a newer one that asks for nothing new */
  CHECK_RESULT(TARN_E_UNSUPPORTED, open_sized(sizeof(tarn_options) + 64, 1));
  expect_sentence("input", tarn_version());
}

/* What a shorter structure does not have is not read: what lies behind it is somebody else's. */
static void test_short_structure(void) {
  tarn_options options = {.struct_size = 16, .flags = 0, .mode = 0, .slots = 3, .hold = 99, .from = 5};
  tarn_board *board = open_writer("input", &options);
  tarn_details details = {.struct_size = sizeof details};
  CHECK_OK(tarn_inspect("input", TARN_KIND_BOARD, &details, NULL, 0));
  CHECK_UINT(3, details.slots);
  CHECK_UINT(4, details.hold);
  tarn_board_close(board);
}

static void test_option_values(void) {
#define WITH(...) (&(tarn_options){.struct_size = sizeof(tarn_options), __VA_ARGS__})
  const struct {
    const tarn_options *options;
    int result;
    const char *part;
  } cases[] = {
      {WITH(.flags = 1u << 11), TARN_E_UNSUPPORTED, "0x800"},
      {WITH(.flags = 1u << 31), TARN_E_UNSUPPORTED, "flags"},
      {WITH(.flags = TARN_QUEUE), TARN_E_INVALID, "TARN_QUEUE is a stream's"},
      {WITH(.flags = TARN_MANY_WRITERS), TARN_E_INVALID, "TARN_MANY_WRITERS is a stream's"},
      {WITH(.flags = TARN_TIMES), TARN_E_INVALID, "TARN_TIMES is a stream's"},
      {WITH(.flags = TARN_HUGE), TARN_E_INVALID, "TARN_HUGE is a map's"},
      {WITH(.flags = TARN_PREFAULT), TARN_E_INVALID, "TARN_PREFAULT is a map's"},
      {WITH(.flags = TARN_LOCK), TARN_E_INVALID, "TARN_LOCK is a map's"},
      {WITH(.flags = TARN_SCOPED), TARN_E_INVALID, "TARN_SCOPED is a map's"},
      {WITH(.flags = TARN_EXCLUSIVE | TARN_EXISTING), TARN_E_INVALID, "exclude each other"},
      {WITH(.mode = 01600), TARN_E_INVALID, "0777"},
      {WITH(.mode = 0400), TARN_E_INVALID, "owner"},
      {WITH(.mode = 0066), TARN_E_INVALID, "owner"},
      {WITH(.slots = 2047), TARN_E_INVALID, "2046"},
      {WITH(.slots = UINT32_MAX), TARN_E_INVALID, "2046"},
      {WITH(.hold = 16), TARN_E_INVALID, "15"},
      {WITH(.hold = UINT32_MAX), TARN_E_INVALID, "15"},
      {WITH(.policy = TARN_FAIL), TARN_E_INVALID, "stream"},
      {WITH(.policy = 77), TARN_E_INVALID, "stream"},
      {WITH(.from = 1), TARN_E_INVALID, "stream"},
      {WITH(.from = TARN_NEXT), TARN_E_INVALID, "stream"},
      {WITH(.max_deliveries = 1), TARN_E_INVALID, "stream"},
      {WITH(.spin_ns = -2), TARN_E_INVALID, "spin_ns"},
      {WITH(.spin_ns = INT64_MIN), TARN_E_INVALID, "spin_ns"},
      {WITH(.size_bytes = UINT64_MAX), TARN_E_INVALID, "first buffer"},
      {WITH(.limit_bytes = 1), TARN_E_INVALID, "limit"},
      {WITH(.limit_bytes = 128 << 10), TARN_E_INVALID, "192 KiB"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CHECK_RESULT(cases[i].result, open_options(cases[i].options));
    expect_sentence("input", cases[i].part);
  }
  CHECK_OK(open_options(WITH(.slots = 1, .hold = 1)));
  CHECK_OK(open_options(WITH(.slots = 2046, .hold = 15)));
  CHECK_OK(open_options(WITH(.limit_bytes = 192 << 10)));
  CHECK_OK(open_options(WITH(.spin_ns = TARN_SPIN_ONLY)));
  CHECK_OK(open_options(WITH(.spin_ns = INT64_MAX)));
}

static void test_mismatch(void) {
  tarn_board *writer = open_writer("input", WITH(.slots = 5, .hold = 2));
  CHECK_RESULT(TARN_E_MISMATCH, open_as("input", TARN_READER, WITH(.slots = 6)));
  expect_sentence("input", "slots: 6 was asked for, but it was made with 5");
  CHECK_RESULT(TARN_E_MISMATCH, open_as("input", TARN_READER, WITH(.hold = 3)));
  expect_sentence("input", "hold: 3 was asked for, but it was made with 2");
  CHECK_OK(open_as("input", TARN_READER, WITH(.slots = 5, .hold = 2)));
  /* what counts at creation only is ignored later */
  CHECK_OK(open_as("input", TARN_READER, WITH(.flags = TARN_KEPT, .mode = 0644, .size_bytes = 7, .limit_bytes = 1 << 20)));
  CHECK_RESULT(TARN_E_EXISTS, open_as("input", TARN_WRITER, WITH(.flags = TARN_EXCLUSIVE)));
  expect_sentence("input", "there already");
  tarn_board_close(writer);
}

/* ---- Calls in the wrong order, with the wrong handle, about the wrong thing ------------------------------------------------- */

static void test_second_writer(void) {
  tarn_board *writer = open_writer("input", NULL), *second = NULL;
  put_text(writer, "first");
  CHECK_RESULT(TARN_BUSY, tarn_board_open(&second, "input", TARN_WRITER, NULL, 0));
  int64_t start = check_now();
  CHECK_RESULT(TARN_TIMED_OUT, tarn_board_open(&second, "input", TARN_WRITER, NULL, 50 * MS));
  CHECK(check_now() - start >= 50 * MS);
  CHECK(second == NULL);
  put_text(writer, "the first goes on");
  tarn_board *reader = open_reader("input");
  expect_text(reader, "the first goes on");
  tarn_board_close(reader);
  tarn_board_close(writer);
}

/* A deadline that has passed, less now, is not for ever. */
static void test_negative_timeouts(void) {
  static const int64_t wrong[] = {-2, -5 * MS, INT64_MIN};
  tarn_board *writer = open_writer("input", WITH(.limit_bytes = 192 << 10)), *reader = open_reader("input"), *observer = NULL, *none = NULL;
  CHECK_OK(tarn_board_open(&observer, "input", TARN_OBSERVER, NULL, 0));
  tarn_item item, held[2];
  char data[8];
  void *room;
  for (int full = 0; full < 2; full++) {
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
      CHECK_RESULT(TARN_E_INVALID, tarn_board_open(&none, "input", TARN_READER, NULL, wrong[i]));
      expect_sentence("input", "TARN_FOREVER");
      CHECK_RESULT(TARN_E_INVALID, tarn_board_open(&none, "nothing", TARN_READER, NULL, wrong[i]));
      CHECK_RESULT(TARN_E_INVALID, tarn_board_open(&none, "input", TARN_WRITER, NULL, wrong[i]));
      CHECK_RESULT(TARN_E_INVALID, tarn_board_read(reader, &item, wrong[i]));
      expect_sentence("input", "TARN_FOREVER");
      CHECK_RESULT(TARN_E_INVALID, tarn_board_get(reader, data, sizeof data, &item, wrong[i]));
      CHECK_RESULT(TARN_E_INVALID, tarn_board_get(observer, data, sizeof data, &item, wrong[i]));
      if (full)
        CHECK_RESULT(TARN_E_INVALID, tarn_board_claim(writer, 64 << 10, &room, wrong[i]));
    }
    if (full)
      break;
    for (int i = 0; i < 2; i++) { /* both buffers: one held, the other newest and held */
      CHECK_OK(tarn_board_put(writer, "x", 1, NULL, wrong[0])); /* what need not wait does not ask */
      CHECK_OK(tarn_board_read(reader, &held[i], wrong[0]));
    }
    CHECK_OK(tarn_board_get(observer, data, sizeof data, &item, wrong[0]));
  }
  for (int i = 0; i < 2; i++)
    CHECK_OK(tarn_board_release(reader, &held[i]));
  tarn_board_close(observer);
  tarn_board_close(reader);
  tarn_board_close(writer);
}

static void test_wrong_role(void) {
  tarn_board *writer = open_writer("input", NULL), *reader = open_reader("input"), *observer = NULL;
  CHECK_OK(tarn_board_open(&observer, "input", TARN_OBSERVER, NULL, 0));
  put_text(writer, "x");
  tarn_item item = {.number = 77};
  char data[8];
  void *room = data;
  intptr_t handle = 77;
  CHECK_RESULT(TARN_E_INVALID, tarn_board_read(writer, &item, 0));
  expect_sentence("input", "reader");
  CHECK_RESULT(TARN_E_INVALID, tarn_board_get(writer, data, sizeof data, &item, 0));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_release(writer, &item));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_handle(writer, &handle));
  CHECK_RESULT(TARN_E_UNSUPPORTED, tarn_board_read(observer, &item, 0));
  expect_sentence("input", "tarn_board_get");
  CHECK_RESULT(TARN_E_INVALID, tarn_board_handle(observer, &handle));
  for (int i = 0; i < 2; i++) {
    tarn_board *not_writer = i == 0 ? reader : observer;
    CHECK_RESULT(TARN_E_INVALID, tarn_board_claim(not_writer, 1, &room, 0));
    expect_sentence("input", "writer");
    CHECK_RESULT(TARN_E_INVALID, tarn_board_publish(not_writer, 1, NULL));
    CHECK_RESULT(TARN_E_INVALID, tarn_board_abandon(not_writer));
    CHECK_RESULT(TARN_E_INVALID, tarn_board_put(not_writer, "x", 1, NULL, 0));
  }
  CHECK(room == data);
  CHECK_INT(77, handle);
  CHECK_UINT(77, item.number);
  tarn_board_close(observer);
  tarn_board_close(reader);
  tarn_board_close(writer);
}

static void test_wrong_order(void) {
  tarn_board *writer = open_writer("input", NULL);
  void *room = NULL, *again = NULL;
  CHECK_RESULT(TARN_E_INVALID, tarn_board_publish(writer, 0, NULL));
  expect_sentence("input", "tarn_board_claim");
  CHECK_RESULT(TARN_E_INVALID, tarn_board_abandon(writer));
  CHECK_OK(tarn_board_claim(writer, 10, &room, 0));
  CHECK_RESULT(TARN_BUSY, tarn_board_claim(writer, 10, &again, 0));
  CHECK_RESULT(TARN_BUSY, tarn_board_put(writer, "x", 1, NULL, 0));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_publish(writer, 11, NULL));
  expect_sentence("input", "only 10 were claimed");
  memset(room, 'a', 10); /* the claim is still there */
  CHECK_OK(tarn_board_publish(writer, 10, NULL));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_publish(writer, 10, NULL));
  CHECK_OK(tarn_board_claim(writer, 10, &room, 0));
  CHECK_OK(tarn_board_abandon(writer));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_abandon(writer));
  tarn_board *reader = open_reader("input");
  expect_text(reader, "aaaaaaaaaa");
  tarn_board_close(reader);
  tarn_board_close(writer);
}

static void test_about(void) {
  tarn_board *writer = open_writer("input", NULL), *reader = open_reader("input");
  char type[1100];
  memset(type, 't', sizeof type);
  type[1024] = 0;
  tarn_about about = {.struct_size = sizeof about, .type = type};
  CHECK_RESULT(TARN_E_INVALID, tarn_board_put(writer, "x", 1, &about, 0));
  expect_sentence("input", "1023");
  void *room;
  CHECK_OK(tarn_board_claim(writer, 1, &room, 0));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_publish(writer, 1, &about));
  about.struct_size = 3;
  CHECK_RESULT(TARN_E_INVALID, tarn_board_publish(writer, 1, &about));
  expect_sentence("input", "struct_size");
  about.struct_size = sizeof about;
  about.flags = 1;
  CHECK_RESULT(TARN_E_INVALID, tarn_board_publish(writer, 1, &about));
  expect_sentence("input", "flags");
  about.flags = 0;
  type[1023] = 0;
  CHECK_OK(tarn_board_publish(writer, 1, &about));
  tarn_item item;
  CHECK_OK(tarn_board_read(reader, &item, 0));
  CHECK_STR(type, item.type);
  CHECK_OK(tarn_board_release(reader, &item));
  tarn_board_close(reader);
  tarn_board_close(writer);
}

static void test_null(void) {
  tarn_board *writer = open_writer("input", NULL), *reader = open_reader("input");
  tarn_item item;
  char data[4];
  CHECK_RESULT(TARN_E_INVALID, tarn_board_claim(NULL, 1, (void *[]){NULL}, 0));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_claim(writer, 1, NULL, 0));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_publish(NULL, 0, NULL));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_abandon(NULL));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_put(NULL, "x", 1, NULL, 0));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_put(writer, NULL, 1, NULL, 0));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_read(NULL, &item, 0));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_read(reader, NULL, 0));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_get(NULL, data, 4, &item, 0));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_get(reader, NULL, 4, &item, 0));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_get(reader, data, 4, NULL, 0));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_release(NULL, &item));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_release(reader, NULL));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_handle(NULL, (intptr_t[]){0}));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_handle(reader, NULL));
  tarn_board_wake(NULL);
  tarn_board_close(NULL);
  tarn_board_close(reader);
  tarn_board_close(writer);
}

/* Items of other handles, items twice, items that were never given. */
static void test_wrong_items(void) {
  tarn_board *writer = open_writer("input", NULL), *reader = open_reader("input"), *other = open_reader("input");
  put_text(writer, "one");
  tarn_item item, wrong;
  CHECK_OK(tarn_board_read(reader, &item, 0));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_release(other, &item));
  static const uint32_t tokens[] = {0, 2, 4, 5, 6, 16, 17, UINT32_MAX};
  for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
    wrong = item;
    wrong.token = tokens[i];
    CHECK_RESULT(TARN_E_INVALID, tarn_board_release(reader, &wrong));
    expect_sentence("input", "no item of this handle");
  }
  wrong = item;
  CHECK_OK(tarn_board_release(reader, &item));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_release(reader, &wrong));
  put_text(writer, "two");
  CHECK_OK(tarn_board_read(reader, &item, 0));
  CHECK_RESULT(TARN_E_INVALID, tarn_board_release(reader, &wrong)); /* the same hold, another version */
  CHECK_OK(tarn_board_release(reader, &item));
  tarn_board_close(other);
  tarn_board_close(reader);
  tarn_board_close(writer);
}

static void test_small_buffer(void) {
  tarn_board *writer = open_writer("input", NULL), *observer = NULL;
  tarn_board *readers[2] = {open_reader("input")};
  CHECK_OK(tarn_board_open(&observer, "input", TARN_OBSERVER, NULL, 0));
  readers[1] = observer;
  put_text(writer, "0123456789");
  for (int i = 0; i < 2; i++) {
    char data[10];
    tarn_item item = {.number = 77};
    CHECK_RESULT(TARN_E_TOO_LARGE, tarn_board_get(readers[i], data, 9, &item, 0));
    expect_sentence("input", "10");
    CHECK_UINT(10, item.size_bytes);
    CHECK_UINT(77, item.number);
    CHECK_RESULT(TARN_E_TOO_LARGE, tarn_board_get(readers[i], NULL, 0, &item, 0));
    CHECK_OK(tarn_board_get(readers[i], data, 10, &item, 0)); /* it still counted as unread */
    CHECK_MEM("0123456789", data, 10);
  }
  tarn_board_close(observer);
  tarn_board_close(readers[0]);
  tarn_board_close(writer);
}

static void test_over_the_limit(void) {
  tarn_board *writer = open_writer("input", WITH(.limit_bytes = 1 << 20)), *reader = open_reader("input");
  put_text(writer, "small");
  void *room = NULL;
  CHECK_RESULT(TARN_E_TOO_LARGE, tarn_board_claim(writer, (1 << 20) + 1, &room, 0));
  expect_sentence("input", "limit");
  CHECK_RESULT(TARN_E_TOO_LARGE, tarn_board_claim(writer, 1 << 20, &room, 0)); /* beside its tables and the newest version */
  expect_sentence("input", "1 MiB");
  CHECK_RESULT(TARN_E_TOO_LARGE, tarn_board_claim(writer, UINT64_MAX, &room, TARN_FOREVER));
  expect_sentence("input", "can never fit");
  CHECK(room == NULL);
  expect_text(reader, "small");
  CHECK_OK(tarn_board_claim(writer, 500 << 10, &room, 0));
  CHECK_OK(tarn_board_publish(writer, 500 << 10, NULL));
  put_text(writer, "small again");
  expect_text(reader, "small again");
  tarn_board_close(reader);
  tarn_board_close(writer);
}

/* Under the limit while readers hold everything: FULL, and then room again. */
static void test_held_up_to_the_limit(void) {
  tarn_board *writer = open_writer("input", WITH(.limit_bytes = 256 << 10, .slots = 4)), *reader = open_reader("input");
  tarn_item items[4];
  int held = 0;
  for (; held < 4; held++) {
    int result = tarn_board_put(writer, "v", 1, NULL, 0);
    if (result == TARN_FULL)
      break;
    CHECK_OK(result);
    CHECK_OK(tarn_board_read(reader, &items[held], 0));
  }
  CHECK(held >= 2 && held < 4);
  int64_t start = check_now();
  CHECK_RESULT(TARN_TIMED_OUT, tarn_board_put(writer, "v", 1, NULL, 60 * MS));
  CHECK(check_now() - start >= 60 * MS);
  CHECK_OK(tarn_board_release(reader, &items[0]));
  CHECK_OK(tarn_board_put(writer, "w", 1, NULL, 0));
  for (int i = 1; i < held; i++)
    CHECK_OK(tarn_board_release(reader, &items[i]));
  expect_text(reader, "w");
  tarn_board_close(reader);
  tarn_board_close(writer);
}

static const check_test tests[] = {
    {"names", test_names, 0},
    {"devices", test_devices, 0},
    {"roles", test_roles, 0},
    {"struct_size", test_struct_size, 0},
    {"short_structure", test_short_structure, 0},
    {"option_values", test_option_values, 0},
    {"mismatch", test_mismatch, 0},
    {"second_writer", test_second_writer, 0},
    {"negative_timeouts", test_negative_timeouts, 0},
    {"wrong_role", test_wrong_role, 0},
    {"wrong_order", test_wrong_order, 0},
    {"about", test_about, 0},
    {"null", test_null, 0},
    {"wrong_items", test_wrong_items, 0},
    {"small_buffer", test_small_buffer, 0},
    {"over_the_limit", test_over_the_limit, 0},
    {"held_up_to_the_limit", test_held_up_to_the_limit, 0},
    {0},
};

int main(int argc, char **argv) {
  return check_main(argc, argv, tests, NULL);
}
