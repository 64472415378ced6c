/* large_file: a file of any size, worked through by a small view that moves along it. Counts lines and makes a CRC-32 (that of
 * zip and PNG). At no time is more than the window visible, so a file far larger than memory, or than the addresses of a 32-bit
 * process, is no harder than a small one; a window of any size at any offset will do, the library deals with alignment.
 *
 *   large_file FILE [WINDOW_BYTES]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tarn/map.h>

typedef struct tally {
  uint64_t bytes, lines;
  uint32_t crc;
} tally;

static uint32_t crc_table[256];

static void make_crc_table(void) {
  for (uint32_t n = 0; n < 256; n++) {
    uint32_t c = n;
    for (int bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
    crc_table[n] = c;
  }
}

static void count(tally *sum, const unsigned char *bytes, uint64_t length) {
  uint32_t crc = ~sum->crc;
  for (uint64_t i = 0; i < length; i++) {
    crc = crc_table[(crc ^ bytes[i]) & 0xff] ^ (crc >> 8);
    sum->lines += bytes[i] == '\n';
  }
  sum->crc = ~crc;
  sum->bytes += length;
}

/* The view is opened, used and closed again for every window. */
static int walk(tarn_map *map, uint64_t window, tally *sum) {
  tarn_map_details details = {.struct_size = sizeof details};
  int result = tarn_map_info(map, &details);
  while (result == 0 && sum->bytes < details.size_bytes) {
    uint64_t left = details.size_bytes - sum->bytes;
    tarn_view view;
    result = tarn_map_view(map, sum->bytes, left < window ? left : window, &view);
    if (result != 0) break;
    count(sum, view.data, view.size_bytes);
    tarn_view_close(&view);
  }
  return result;
}

int main(int argc, char **argv) {
  char path[4096];
  uint64_t window = argc > 2 ? strtoull(argv[2], NULL, 10) : 1 << 20;
  if (argc < 2 || argc > 3 || window == 0) {
    fprintf(stderr, "usage: large_file FILE [WINDOW_BYTES]\n");
    return 2;
  }
  /* A name without a directory would be that of a map in the channel directory. */
  const char *here = strpbrk(argv[1], "/\\") ? "" : "./";
  if (snprintf(path, sizeof path, "%s%s", here, argv[1]) >= (int)sizeof path) return 2;
  tarn_map *map = NULL;
  tally sum = {0};
  make_crc_table();
  int result = tarn_map_open(&map, path, TARN_MAP_READ, NULL, 0);
  if (result == 0) result = walk(map, window, &sum);
  tarn_map_close(map);
  if (result != 0) {
    fprintf(stderr, "%s\n", tarn_error_text());
    return 1;
  }
  printf("%llu bytes, %llu lines, crc %08x\n", (unsigned long long)sum.bytes, (unsigned long long)sum.lines, (unsigned)sum.crc);
  return 0;
}
