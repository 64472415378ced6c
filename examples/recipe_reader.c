/* recipe_reader.c: takes the newest picture out of the board NAME and writes it to FILE.
 *
 *   recipe_reader NAME FILE
 */
#include <inttypes.h>
#include <stdio.h>
#include <tarn/tarn.h>

#define SECONDS INT64_C(1000000000)

/* Failures leave a sentence, outcomes such as TARN_TIMED_OUT do not. */
static int failed(const char *what, int result) {
  fprintf(stderr, "recipe_reader: %s: %s\n", what, result <= TARN_E_INVALID ? tarn_error_text() : tarn_result_name(result));
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: recipe_reader NAME FILE\n");
    return 2;
  }
  tarn_board *board;
  tarn_item picture;
  /* whoever comes first waits for the other: here for the name, below for the first version */
  int result = tarn_board_open(&board, argv[1], TARN_READER, NULL, 10 * SECONDS);
  if (result != 0) return failed("open", result);
  result = tarn_board_read(board, &picture, 10 * SECONDS);
  if (result != 0) return failed("read", result);

  /* the picture lies in shared memory and stays as it is until it is released, whatever the writer does */
  FILE *file = fopen(argv[2], "wb");
  size_t written = file ? fwrite(picture.data, 1, (size_t)picture.size_bytes, file) : 0;
  if (!file || fclose(file) != 0 || written != picture.size_bytes) {
    perror(argv[2]);
    result = 1;
  }
  printf("version %" PRIu64 ": %" PRIu64 " bytes of %s\n", picture.number, picture.size_bytes, picture.type);
  tarn_board_release(board, &picture);
  tarn_board_close(board);
  return result;
}
