/* recipe_writer.c: shares a picture under a name, and then, when it is told to, a second one.
 *
 *   recipe_writer NAME PICTURE [NEXT]
 *
 * Readers see PICTURE until all of NEXT is there. With NEXT, it waits for a line on its stdin before NEXT and for another one in
 * the middle of it: time enough to kill it there (scripts/demo.sh does).
 */
#include <inttypes.h>
#include <stdio.h>
#include <tarn/tarn.h>

/* Failures leave a sentence, outcomes such as TARN_BUSY do not. */
static int failed(const char *what, int result) {
  fprintf(stderr, "recipe_writer: %s: %s\n", what, result <= TARN_E_INVALID ? tarn_error_text() : tarn_result_name(result));
  return 1;
}

static void wait_for_a_line(void) {
  int c = getchar();
  while (c != '\n' && c != EOF) c = getchar();
}

/* The file is read straight into the room that all readers will see: there is no copy in between. */
static int share(tarn_board *board, const char *path, int pause) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) {
    perror(path);
    return 1;
  }
  size_t size = (size_t)ftell(file), half = pause ? size / 2 : 0;
  rewind(file);
  void *room;
  int result = tarn_board_claim(board, size, &room, TARN_FOREVER);
  if (result != 0) return failed("claim", result);
  size_t done = fread(room, 1, half, file);
  if (pause) {
    printf("half: %zu of %zu bytes are in shared memory\n", done, size);
    fflush(stdout);
    wait_for_a_line();
  }
  done += fread((char *)room + done, 1, size - done, file);
  fclose(file);
  tarn_about about = {.struct_size = sizeof about, .type = "image/bmp"};
  if (done < size) {
    tarn_board_abandon(board); /* readers keep what they have */
    fprintf(stderr, "recipe_writer: %s: could not be read\n", path);
    return 1;
  }
  result = tarn_board_publish(board, size, &about);
  if (result != 0) return failed("publish", result);
  printf("published: %zu bytes\n", size);
  fflush(stdout);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 3 || argc > 4) {
    fprintf(stderr, "usage: recipe_writer NAME PICTURE [NEXT]\n");
    return 2;
  }
  tarn_board *board;
  tarn_options options = {.struct_size = sizeof options, .flags = TARN_KEPT}; /* what is published outlives us */
  int result = tarn_board_open(&board, argv[1], TARN_WRITER, &options, 0);
  if (result != 0) return failed("open", result);
  result = share(board, argv[2], 0);
  if (result == 0 && argc > 3) {
    wait_for_a_line();
    result = share(board, argv[3], 1);
  }
  tarn_board_close(board);
  return result;
}
