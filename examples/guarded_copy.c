/* guarded_copy NAME: copies a map of somebody else's out at each line on stdin, and lives on when its file is cut short meanwhile. */
#include <stdio.h>
#include <stdlib.h>
#include <tarn/tarn.h>

static int failed(int result) {
  fprintf(stderr, "%s: %s\n", tarn_result_name(result), tarn_error_text());
  return 1;
}

int main(int argc, char **argv) {
  tarn_map *map = NULL;
  tarn_view view;
  if (argc != 2) {
    fprintf(stderr, "usage: guarded_copy NAME\n");
    return 2;
  }
  int result = tarn_guard_install();
  if (result == 0) result = tarn_map_open(&map, argv[1], TARN_MAP_READ, NULL, 0);
  if (result == 0) result = tarn_map_view(map, 0, 0, &view);
  if (result != 0) return failed(result);
  char *copy = malloc((size_t)view.size_bytes);
  while (copy != NULL && result == 0 && getchar() != EOF) {
    result = tarn_guard_copy(copy, view.data, (size_t)view.size_bytes);
    if (result == 0) printf("%llu bytes, the last is %d\n", (unsigned long long)view.size_bytes, copy[view.size_bytes - 1]);
    fflush(stdout);
  }
  free(copy);
  tarn_view_close(&view);
  tarn_map_close(map);
  return result != 0 ? failed(result) : 0;
}
