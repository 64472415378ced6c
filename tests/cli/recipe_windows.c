/* recipe_windows.c: the writer that many a page on file mapping shows, with its faults (docs/porting.md); it knows nothing of Tarn.
 *
 *   recipe_windows PICTURE     shares it as DataMap, says "waiting", and goes when its stdin ends
 */
#include <windows.h>

#include <stdio.h>

typedef struct shared_data {
  long size;
  long buffer_address; /* of this process: nobody else can use it */
} shared_data;

int main(int argc, char **argv) {
  static char picture[1 << 21];
  FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
  if (file == NULL) return 2;
  long size = (long)fread(picture, 1, sizeof picture, file);
  fclose(file);
  DWORD length = (DWORD)(sizeof(long) * 2) + (DWORD)size;
  HANDLE section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE | SEC_COMMIT, 0, length, L"DataMap");
  shared_data *data = section ? MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0) : NULL;
  if (data == NULL) return 1;
  data->size = size;
  data->buffer_address = (long)(INT_PTR)(data + sizeof(long) * 2);
  memcpy(data + sizeof(long) * 2, picture, (size_t)size); /* 64 bytes behind the start, and 56 beyond the end that was asked for */
  puts("waiting");
  fflush(stdout);
  while (getchar() != EOF) {
  }
  return 0;
}
