/* many_readers.c: one writer, and as many readers as you start.
 *
 *   many_readers NAME            a reader: looks at each frame it can get, until the writer leaves
 *   many_readers NAME write      the writer: publishes one frame for each line on its stdin
 *
 *   many_readers frames & many_readers frames & many_readers frames &
 *   seq 1000 | many_readers frames write
 *   tarn rm frames
 *
 * Every frame is a million times the same number. A reader that ever saw two different numbers in one frame would have seen it
 * half-finished: it says so and fails. Readers that are slower than the writer miss frames, and know how many. The board is kept, so
 * that a reader sees the last frame even of a writer that was gone before it came. Remove it before another round: readers that come
 * before the next writer would see that frame and, since nobody writes, end.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <tarn/tarn.h>

#define SECOND INT64_C(1000000000)

enum { NUMBERS = 1000000 };

/* Failures leave a sentence, outcomes such as TARN_BUSY do not. */
static int failed(const char *what, int result) {
  fprintf(stderr, "many_readers: %s: %s\n", what, result <= TARN_E_INVALID ? tarn_error_text() : tarn_result_name(result));
  return 1;
}

static int write_frames(const char *name) {
  tarn_options options = {.struct_size = sizeof options, .flags = TARN_KEPT}; /* it stays when this program has gone */
  tarn_board *board;
  void *room;
  uint32_t frame = 0;
  int result = tarn_board_open(&board, name, TARN_WRITER, &options, 0);
  if (result != 0) return failed("open", result);
  for (int c = getchar(); c != EOF; c = getchar()) {
    if (c != '\n') continue;
    frame++;
    if ((result = tarn_board_claim(board, NUMBERS * sizeof frame, &room, TARN_FOREVER)) != 0) return failed("claim", result);
    for (int i = 0; i < NUMBERS; i++) ((uint32_t *)room)[i] = frame;
    if ((result = tarn_board_publish(board, NUMBERS * sizeof frame, NULL)) != 0) return failed("publish", result);
  }
  tarn_board_close(board);
  printf("published %" PRIu32 " frames\n", frame);
  return 0;
}

static int is_whole(const tarn_item *frame) {
  const uint32_t *numbers = frame->data;
  if (frame->size_bytes != NUMBERS * sizeof *numbers) return 0;
  for (int i = 1; i < NUMBERS; i++) {
    if (numbers[i] != numbers[0]) return 0;
  }
  return 1;
}

/* Said once; from then on it waits for ever. */
static int64_t say_waiting(const char *what) {
  printf("%s for a second: waiting on, until Ctrl-C\n", what);
  fflush(stdout);
  return TARN_FOREVER;
}

static int read_frames(const char *name) {
  tarn_board *board;
  tarn_item frame;
  uint64_t seen = 0, missed = 0;
  int64_t timeout_ns = SECOND;
  int whole = 1, result = tarn_board_open(&board, name, TARN_READER, NULL, timeout_ns);
  if (result == TARN_TIMED_OUT) result = tarn_board_open(&board, name, TARN_READER, NULL, say_waiting("no writer"));
  if (result != 0) return failed("open", result);
  while (whole && result != TARN_NO_WRITER) {
    result = tarn_board_read(board, &frame, timeout_ns);
    if (result == TARN_TIMED_OUT) timeout_ns = say_waiting("no new frame");
    if (result == TARN_TIMED_OUT || result == TARN_NO_WRITER) continue;
    if (result != 0) return failed("read", result);
    seen++;
    missed += frame.missed;
    whole = is_whole(&frame);
    tarn_board_release(board, &frame);
  }
  tarn_board_close(board);
  if (!whole) {
    fprintf(stderr, "many_readers: a frame was not whole\n");
    return 1;
  }
  printf("saw %" PRIu64 " frames, all whole, missed %" PRIu64 "\n", seen, missed);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 2) return read_frames(argv[1]);
  if (argc == 3 && strcmp(argv[2], "write") == 0) return write_frames(argv[1]);
  fprintf(stderr, "usage: many_readers NAME [write]\n");
  return 2;
}
