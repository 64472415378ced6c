/* files_test.c: damaged channel files. Copies of the samples (tests/samples) get bytes changed, runs of noise, another length; then whatever
 * opens, reads, writes, describes, lists, cleans or removes channels is called on them. Any result that exists will do, within 5 s; a
 * crash, a hang or a result that does not exist fails, and $CHECK_SEED repeats the run. $TARN_TEST_FUZZ_MS=60000: longer, each kind.
 *
 * Where the header is hit its checksum is mostly made right again, as a hostile program would. Only the sizes that a creator may wish for
 * stay small: they are room that a writer then really reserves.
 */
#include "proc/scribble.h"

enum { MOST = 1 << 20, SMALL = 1 << 20 };
static unsigned char sample[MOST], damaged[MOST];
static size_t sample_bytes;

static void read_sample(const char *path) {
  FILE *from = fopen(path, "rb");
  CHECK(from != NULL);
  sample_bytes = fread(sample, 1, sizeof sample, from);
  fclose(from);
  CHECK(sample_bytes > TN_PAGE && sample_bytes < MOST);
}

static void load_sample(const char *file) {
  char path[4096];
  snprintf(path, sizeof path, "%s/tests/samples/0.1/%s", TEST_SOURCE_DIR, file);
  read_sample(path);
}

/* A queue of several writers as dead processes left it: a message done, one taken, one not, a claim. */
static void make_queue(uint32_t flags) {
  const tarn_options options = {.struct_size = sizeof options, .flags = TARN_KEPT | TARN_MANY_WRITERS | flags, .size_bytes = 4096, .slots = 8};
  tarn_stream *writer, *reader;
  tarn_item item, other;
  void *room;
  CHECK_OK(tarn_stream_open(&writer, "sample", TARN_WRITER, &options, 0));
  CHECK_OK(tarn_stream_open(&reader, "sample", TARN_READER, NULL, 0));
  for (int i = 0; i < 3; i++) CHECK_OK(tarn_stream_put(writer, "message", 7, NULL, 0));
  CHECK_OK(tarn_stream_read(reader, &item, 0));
  CHECK_OK(tarn_stream_read(reader, &other, 0));
  CHECK_OK(tarn_stream_release(reader, &item));
  CHECK_OK(tarn_stream_claim(writer, 100, &room, 0));
  read_sample(check_path("sample.stream")); /* as it is now: nobody holds the locks of its copies */
  CHECK_OK(tarn_stream_release(reader, &other));
  tarn_stream_close(reader);
  tarn_stream_close(writer);
  CHECK_OK(tarn_remove("sample", TARN_KIND_STREAM, 0));
}

/* The header mostly, the table, the control words, the data: each about as often. */
static uint64_t some_place(void) {
  tn_header header;
  memcpy(&header, sample, sizeof header);
  uint64_t after_control = header.control_offset + sizeof(tn_control);
  switch (check_random() % 5) {
    case 0: return check_random() % sizeof header;
    case 1: return header.table_offset + check_random() % (4 * sizeof(tn_slot));
    case 2: return header.control_offset + check_random() % sizeof(tn_control);
    case 3: return after_control + check_random() % 4096;
    default: return header.data_offset + check_random() % 512;
  }
}

static void change_bytes(void) {
  uint64_t value = nasty(), size = UINT64_C(1) << check_random() % 4, at = some_place() / size * size;
  if (at + size <= sample_bytes) memcpy(damaged + at, &value, (size_t)size);
}

static void change_run(void) {
  uint64_t at = some_place(), end = at + check_random() % 256;
  for (; at < end && at < sample_bytes; at++) damaged[at] = (unsigned char)check_random();
}

static size_t damage(void) {
  memcpy(damaged, sample, sample_bytes);
  for (uint64_t i = check_random() % 4 + 1; i-- > 0;) check_random() % 8 == 0 ? change_run() : change_bytes();
  tn_header header;
  memcpy(&header, damaged, sizeof header);
  if (check_random() % 8 != 0) {
    if (header.first_bytes > SMALL) header.first_bytes = check_random() % SMALL;
    tn_header_seal(&header);
    memcpy(damaged, &header, sizeof header);
  }
  return check_random() % 8 == 0 ? (size_t)(check_random() % sample_bytes) : sample_bytes;
}

static void lay_out(const char *file) {
  size_t size = damage();
  FILE *to = fopen(check_path(file), "wb");
  CHECK(to != NULL);
  CHECK_UINT(size, fwrite(damaged, 1, size, to));
  CHECK_INT(0, fclose(to));
}

/* ---- What is called ------------------------------------------------------------------------------------------------------------ */

static int look_at_cleaned(const tarn_cleaned *cleaned, void *argument) {
  (void)cleaned;
  (void)argument;
  return 0;
}

static void look_around(const char *name) {
  static tarn_participant participants[64];
  tarn_details details = {.struct_size = sizeof details};
  int64_t start = check_now();
  legal(tarn_inspect(name, TARN_KIND_ANY, &details, participants, 64), start);
  legal(tarn_list(NULL, look_at_entry, NULL), start);
}

static void use_board(void) {
  tarn_board *boards[3] = {NULL};
  unsigned char data[64];
  tarn_item item;
  int64_t start = check_now();
  int first = (int)(check_random() % 3);
  for (int i = 0; i < 3; i++) { /* a reader, a writer, an observer, all at once, in any order */
    int role = (first + i) % 3 + 1;
    if (legal(tarn_board_open(&boards[i], "sample", role, NULL, 0), start) != 0) continue;
    if (role == TARN_WRITER) {
      legal(tarn_board_put(boards[i], sample, check_random() % 4096, NULL, 0), start);
    } else {
      if (legal(tarn_board_get(boards[i], data, check_random() % sizeof data, &item, 0), start) == 0) touch(data, item.size_bytes);
      if (role == TARN_READER && legal(tarn_board_read(boards[i], &item, 0), start) == 0) {
        touch(item.data, item.size_bytes);
        CHECK(strlen(item.type) < TN_TYPE_BYTES);
        legal(tarn_board_release(boards[i], &item), start);
      }
    }
  }
  look_around("sample");
  for (int i = 0; i < 3; i++) tarn_board_close(boards[i]);
}

static void write_stream(tarn_stream *stream, int64_t start) {
  const tarn_piece pieces[2] = {{sample, check_random() % 512, 1}, {sample, check_random() % 512, 2}};
  uint32_t count;
  void *room;
  legal(tarn_stream_put(stream, sample, check_random() % 4096, NULL, 0), start);
  legal(tarn_stream_put_batch(stream, pieces, 2, &count, 0), start);
  if (legal(tarn_stream_claim(stream, check_random() % 4096, &room, 0), start) == 0) legal(tarn_stream_publish(stream, 0, NULL), start);
}

static void read_stream(tarn_stream *stream, int role, int64_t start) {
  unsigned char data[64];
  tarn_item item;
  for (int i = 0; i < 5; i++)
    if (legal(tarn_stream_get(stream, data, check_random() % sizeof data, &item, 0), start) == 0) touch(data, item.size_bytes);
  if (role == TARN_OBSERVER || legal(tarn_stream_read(stream, &item, 0), start) != 0) return;
  touch(item.data, item.size_bytes);
  legal(tarn_stream_release(stream, &item), start);
}

static void use_stream(void) {
  tarn_stream *streams[3] = {NULL};
  int64_t start = check_now();
  int first = (int)(check_random() % 3);
  for (int i = 0; i < 3; i++) {
    int role = (first + i) % 3 + 1;
    if (legal(tarn_stream_open(&streams[i], "sample", role, NULL, 0), start) != 0) continue;
    role == TARN_WRITER ? write_stream(streams[i], start) : read_stream(streams[i], role, start);
  }
  look_around("sample");
  for (int i = 0; i < 3; i++) tarn_stream_close(streams[i]);
}

/* ---- Tests ------------------------------------------------------------------------------------------------------------------------ */

static void go_on(const char *file, int kind, void (*use)(void)) {
  const char *wanted = getenv("TARN_TEST_FUZZ_MS");
  int64_t end = check_now() + (wanted != NULL ? atoll(wanted) : 1000) * MS;
  uint64_t rounds = 0, whole = 0;
  for (; check_now() < end; rounds++) {
    lay_out(file);
    uint64_t before = failures;
    look_around("sample");
    use();
    whole += failures == before;
    int64_t start = check_now();
    if (check_random() % 4 == 0) legal(tarn_clean(NULL, 0, look_at_cleaned, NULL), start);
    legal(tarn_remove("sample", kind, (int)(check_random() % 2)), start);
    remove(check_path(file));
  }
  check_say("%llu rounds, %llu without a failure", (unsigned long long)rounds, (unsigned long long)whole);
  CHECK(rounds > 0);
  if (rounds > 300) CHECK(whole > 0 && failures > 0); /* some damage is seen, some does not matter; a slow system may see too few */
}

static void test_boards(void) {
  load_sample("sample.board");
  go_on("sample.board", TARN_KIND_BOARD, use_board);
}

static void test_streams(void) {
  load_sample("sample.stream");
  go_on("sample.stream", TARN_KIND_STREAM, use_stream);
}

static void test_many_writers(void) {
  make_queue(0);
  go_on("sample.stream", TARN_KIND_STREAM, use_stream);
}

static void test_queues(void) {
  make_queue(TARN_QUEUE);
  go_on("sample.stream", TARN_KIND_STREAM, use_stream);
}

static const check_test tests[] = {{"boards", test_boards, 0}, {"streams", test_streams, 0},
                                   {"many_writers", test_many_writers, 0}, {"queues", test_queues, 0}, {0}};
static const check_role roles[] = {{0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
