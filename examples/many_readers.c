/* many_readers.c: one writer, and as many readers as you start.
 *
 *   many_readers NAME            a reader: looks at each frame it can get, until the writer leaves
 *   many_readers NAME write      the writer: publishes one frame for each line on its stdin
 *
 *   many_readers frames & many_readers frames & many_readers frames &
 *   seq 1000 | many_readers frames write
 *
 * Every frame is a million times the same number. A reader that ever saw two different numbers in one frame would have seen it
 * half-finished: it says so and fails. Readers that are slower than the writer miss frames, and know how many.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <tarn/tarn.h>

enum { NUMBERS = 1000000 };

static int failed(const char *what) {
  fprintf(stderr, "many_readers: %s: %s\n", what, tarn_error_text());
  return 1;
}

static int write_frames(const char *name) {
  tarn_board *board;
  void *room;
  uint32_t frame = 0;
  if (tarn_board_open(&board, name, TARN_WRITER, NULL, 0) != 0) return failed("open");
  for (int c = getchar(); c != EOF; c = getchar()) {
    if (c != '\n') continue;
    frame++;
    if (tarn_board_claim(board, NUMBERS * sizeof frame, &room, TARN_FOREVER) != 0) return failed("claim");
    for (int i = 0; i < NUMBERS; i++) ((uint32_t *)room)[i] = frame;
    if (tarn_board_publish(board, NUMBERS * sizeof frame, NULL) != 0) return failed("publish");
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

static int read_frames(const char *name) {
  tarn_board *board;
  tarn_item frame;
  uint64_t seen = 0, missed = 0;
  int result, whole = 1;
  if (tarn_board_open(&board, name, TARN_READER, NULL, TARN_FOREVER) != 0) return failed("open");
  while (whole && (result = tarn_board_read(board, &frame, TARN_FOREVER)) == 0) {
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
  if (result != TARN_NO_WRITER) return failed(tarn_result_name(result));
  printf("saw %" PRIu64 " frames, all whole, missed %" PRIu64 "\n", seen, missed);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 2) return read_frames(argv[1]);
  if (argc == 3 && strcmp(argv[2], "write") == 0) return write_frames(argv[1]);
  fprintf(stderr, "usage: many_readers NAME [write]\n");
  return 2;
}
