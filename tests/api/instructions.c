/* instructions.c: instructions WORK COUNT: does WORK so many times, with messages of 0 bytes, so that no memcpy is counted.
 * instructions_test.sh counts the instructions of two COUNTs; the difference is what the work costs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tarn/tarn.h>

static int failed(int result) {
  if (result != 0) fprintf(stderr, "%s: %s\n", tarn_result_name(result), tarn_error_text());
  return result != 0;
}

static int on_a_stream(int reads, long count) {
  tarn_options options = {.struct_size = sizeof options, .size_bytes = 1 << 20};
  tarn_stream *writer = NULL, *reader = NULL;
  tarn_item item;
  int result = tarn_stream_open(&writer, "instructions", TARN_WRITER, &options, 0);
  if (result == 0) result = tarn_stream_open(&reader, "instructions", TARN_READER, NULL, 0);
  for (long i = 0; result == 0 && i < count; i++) { /* the ring is never full */
    result = tarn_stream_put(writer, "", 0, NULL, 0);
    if (result == 0 && reads && (result = tarn_stream_read(reader, &item, 0)) == 0)
      result = tarn_stream_release(reader, &item);
  }
  tarn_stream_close(reader);
  tarn_stream_close(writer);
  return failed(result);
}

/* A run of messages in the smallest ring, and then a wait for more of them, which is over at once. */
static int with_a_wait(long count) {
  enum { RUN = 60 };
  tarn_options options = {.struct_size = sizeof options, .size_bytes = 4096};
  tarn_stream *writer = NULL, *reader = NULL;
  static tarn_piece pieces[RUN];
  tarn_item items[RUN];
  uint32_t sent = 0, got = 0;
  int result = tarn_stream_open(&writer, "instructions", TARN_WRITER, &options, 0);
  if (result == 0) result = tarn_stream_open(&reader, "instructions", TARN_READER, NULL, 0);
  for (long i = 0; result == 0 && i < count; i++) {
    result = tarn_stream_put_batch(writer, pieces, RUN, &sent, 0);
    if (result == 0) result = tarn_stream_read_batch(reader, items, RUN, &got, 0);
    if (result == 0) result = tarn_stream_release_batch(reader, items, got);
    if (result == 0 && (result = tarn_stream_read_batch(reader, items, RUN, &got, 1)) == TARN_TIMED_OUT) result = 0;
    if (result == 0 && (sent != RUN || got != RUN)) result = TARN_FULL;
  }
  tarn_stream_close(reader);
  tarn_stream_close(writer);
  return failed(result);
}

static int on_a_board(int reads, long count) {
  tarn_board *writer = NULL, *reader = NULL;
  tarn_item item;
  int result = tarn_board_open(&writer, "instructions", TARN_WRITER, NULL, 0);
  if (result == 0) result = tarn_board_open(&reader, "instructions", TARN_READER, NULL, 0);
  for (long i = 0; result == 0 && i < count; i++) {
    result = tarn_board_put(writer, "", 0, NULL, 0);
    if (result == 0 && reads && (result = tarn_board_read(reader, &item, 0)) == 0)
      result = tarn_board_release(reader, &item);
  }
  tarn_board_close(reader);
  tarn_board_close(writer);
  return failed(result);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  if (strcmp(argv[1], "stream-wait") == 0) return with_a_wait(atol(argv[2]));
  int reads = strstr(argv[1], "-read") != NULL;
  return (strncmp(argv[1], "stream", 6) == 0 ? on_a_stream : on_a_board)(reads, atol(argv[2]));
}
