/* consumer.c: a program outside Tarn's tree that uses an installed copy; compiled as C and, unchanged, as C++. */
#include <stdio.h>
#include <string.h>
#include <tarn/tarn.h>

static int fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, tarn_error_text());
  return 1;
}

int main(void) {
  tarn_board *writer = NULL, *reader = NULL;
  char text[32] = "";
  tarn_item item;
  printf("tarn %s\n", tarn_version());
  if (tarn_board_open(&writer, "consumer", TARN_WRITER, NULL, 0) != 0) return fail("open the writer");
  if (tarn_board_open(&reader, "consumer", TARN_READER, NULL, 0) != 0) return fail("open the reader");
  if (tarn_board_put(writer, "hello", 6, NULL, 0) != 0) return fail("put");
  if (tarn_board_get(reader, text, sizeof text, &item, 0) != 0) return fail("get");
  tarn_board_close(reader);
  tarn_board_close(writer);
  return item.size_bytes == 6 && strcmp(text, "hello") == 0 ? 0 : 1;
}
