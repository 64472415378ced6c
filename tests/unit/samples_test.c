/* samples_test.c: files that older versions made open in this one. tests/samples/VERSION/ has a board with two versions and a stream
 * with three messages, made by the command of that version on a disk and left in order; likewise a stream of many writers, and a queue
 * whose first message is done. The board `sample` is of a build that did not know the account beside `current` yet. A new version's samples
 * are added, none goes. */
#include "check.h"

#include <tarn/tarn.h>

static const char *const versions[] = {"0.1"};
enum { VERSIONS = sizeof versions / sizeof *versions, MOST = 1 << 20 };

/* A copy of the sample in this test's channel directory. */
static void lay_out(const char *version, const char *file) {
  static unsigned char bytes[MOST];
  char path[4096];
  snprintf(path, sizeof path, "%s/tests/samples/%s/%s", TEST_SOURCE_DIR, version, file);
  FILE *from = fopen(path, "rb");
  CHECK(from != NULL);
  size_t size = fread(bytes, 1, sizeof bytes, from);
  fclose(from);
  CHECK(size > 4096 && size < MOST);
  FILE *to = fopen(check_path(file), "wb");
  CHECK(to != NULL);
  CHECK_UINT(size, fwrite(bytes, 1, size, to));
  CHECK_INT(0, fclose(to));
}

static void open_board(const char *version, const char *name) {
  char file[64];
  snprintf(file, sizeof file, "%s.board", name);
  lay_out(version, file);
  tarn_board *reader, *writer;
  tarn_item item;
  CHECK_OK(tarn_board_open(&reader, name, TARN_READER, NULL, 0));
  CHECK_OK(tarn_board_read(reader, &item, 0));
  CHECK_UINT(2, item.number);
  CHECK_UINT(7, item.tag);
  CHECK_STR("text/plain", item.type);
  CHECK_UINT(26, item.size_bytes);
  CHECK_MEM("the newest of two versions", item.data, 26);
  CHECK_OK(tarn_board_release(reader, &item));
  CHECK_OK(tarn_board_open(&writer, name, TARN_WRITER, NULL, 0));
  CHECK_OK(tarn_board_put(writer, "a third", 7, NULL, 0));
  CHECK_OK(tarn_board_read(reader, &item, 0));
  CHECK_UINT(3, item.number);
  CHECK_MEM("a third", item.data, 7);
  CHECK_OK(tarn_board_release(reader, &item));
  tarn_board_close(writer);
  tarn_board_close(reader);
  CHECK_OK(tarn_remove(name, TARN_KIND_BOARD, 0));
}

static void test_boards(void) {
  for (int i = 0; i < VERSIONS; i++) {
    open_board(versions[i], "sample");
    open_board(versions[i], "sample_account");
  }
}

static void test_streams(void) {
  static const char *const messages[] = {"one", "two", "three", "four"};
  for (int i = 0; i < VERSIONS; i++) {
    lay_out(versions[i], "sample.stream");
    tarn_stream *reader, *writer;
    CHECK_OK(tarn_stream_open(&reader, "sample", TARN_READER, NULL, 0));
    CHECK_OK(tarn_stream_open(&writer, "sample", TARN_WRITER, NULL, 0));
    CHECK_OK(tarn_stream_put(writer, "four", 4, NULL, 0));
    for (uint64_t number = 1; number <= 4; number++) {
      char data[16] = "";
      tarn_item item;
      CHECK_OK(tarn_stream_get(reader, data, sizeof data - 1, &item, 0));
      CHECK_UINT(number, item.number);
      CHECK(item.time_ns != 0);
      CHECK_STR(messages[number - 1], data);
    }
    tarn_stream_close(writer);
    tarn_stream_close(reader);
    CHECK_OK(tarn_remove("sample", TARN_KIND_STREAM, 0));
  }
}

/* As streams, with a fourth message from a second writer; of a queue only what is not done. */
static void open_shared(const char *version, const char *name, uint64_t first) {
  static const char *const messages[] = {"one", "two", "three", "four"};
  char file[64];
  snprintf(file, sizeof file, "%s.stream", name);
  lay_out(version, file);
  tarn_stream *reader, *writers[2];
  CHECK_OK(tarn_stream_open(&reader, name, TARN_READER, NULL, 0));
  for (int i = 0; i < 2; i++) CHECK_OK(tarn_stream_open(&writers[i], name, TARN_WRITER, NULL, 0));
  CHECK_OK(tarn_stream_put(writers[1], "four", 4, NULL, 0));
  for (uint64_t number = first; number <= 4; number++) {
    char data[16] = "";
    tarn_item item;
    CHECK_OK(tarn_stream_get(reader, data, sizeof data - 1, &item, 0));
    CHECK_UINT(number, item.number);
    CHECK(item.time_ns != 0);
    CHECK_STR(messages[number - 1], data);
  }
  for (int i = 0; i < 2; i++) tarn_stream_close(writers[i]);
  tarn_stream_close(reader);
  CHECK_OK(tarn_remove(name, TARN_KIND_STREAM, 0));
}

static void test_shared_streams(void) {
  for (int i = 0; i < VERSIONS; i++) {
    open_shared(versions[i], "sample_many", 1);
    open_shared(versions[i], "sample_queue", 2);
  }
}

static const check_test tests[] = {{"boards", test_boards, 0}, {"streams", test_streams, 0}, {"shared_streams", test_shared_streams, 0}, {0}};
static const check_role roles[] = {{0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
