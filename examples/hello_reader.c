#include <stdio.h>
#include <tarn/tarn.h>

int main(void) { /* shows what the writer says, until it leaves or dies */
  tarn_board *board = NULL;
  tarn_item item;
  int result = tarn_board_open(&board, "hello", TARN_READER, NULL, TARN_FOREVER);
  while (result == 0 && (result = tarn_board_read(board, &item, TARN_FOREVER)) == 0) {
    fwrite(item.data, 1, (size_t)item.size_bytes, stdout);
    result = tarn_board_release(board, &item);
  }
  if (result != TARN_NO_WRITER) fprintf(stderr, "%s: %s\n", tarn_result_name(result), tarn_error_text());
  tarn_board_close(board);
  return result != TARN_NO_WRITER;
}
