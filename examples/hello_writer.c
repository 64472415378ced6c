#include <stdio.h>
#include <string.h>
#include <tarn/tarn.h>

int main(void) { /* each line typed here is the newest version of the board "hello" */
  tarn_options options = {.struct_size = sizeof options, .flags = TARN_KEPT}; /* it stays when this program has gone */
  tarn_board *board = NULL;
  char line[256];
  int result = tarn_board_open(&board, "hello", TARN_WRITER, &options, 0);
  while (result == 0 && fgets(line, sizeof line, stdin)) result = tarn_board_put(board, line, strlen(line), NULL, TARN_FOREVER);
  if (result != 0)
    fprintf(stderr, "%s: %s\n", tarn_result_name(result), result == TARN_BUSY ? "another writer has it" : tarn_error_text());
  tarn_board_close(board);
  return result != 0;
}
