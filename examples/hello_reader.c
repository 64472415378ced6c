#include <stdio.h>
#include <tarn/tarn.h>

int main(void) { /* shows the newest line, then each newer one, until Ctrl-C */
  tarn_board *board = NULL;
  int result = tarn_board_open(&board, "hello", TARN_READER, NULL, TARN_FOREVER);
  for (tarn_item item; result == 0 || result == TARN_NO_WRITER; fflush(stdout)) { /* it left or died: the next one is waited for */
    if ((result = tarn_board_read(board, &item, TARN_FOREVER)) != 0) continue;
    fwrite(item.data, 1, (size_t)item.size_bytes, stdout);
    result = tarn_board_release(board, &item);
  }
  fprintf(stderr, "%s: %s\n", tarn_result_name(result), tarn_error_text());
  tarn_board_close(board);
  return 1;
}
