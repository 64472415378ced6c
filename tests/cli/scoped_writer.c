/* scoped_writer.c: writes a scoped board, as programs do and the command never: each line of stdin is a version, until its end. */
#include <string.h>
#include <tarn/tarn.h>

#include "check.h"

int main(int argc, char **argv) {
  tarn_board *board;
  const char *line;
  CHECK_INT(2, argc);
  CHECK_OK(tarn_board_open(&board, argv[1], TARN_WRITER, NULL, 0));
  while ((line = check_hear())) CHECK_OK(tarn_board_put(board, line, strlen(line), NULL, TARN_FOREVER));
  tarn_board_close(board);
  return 0;
}
