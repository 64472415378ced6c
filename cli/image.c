/* cli/image.c: which decoder for which type, and room for what it makes. */
#include "image.h"

#include <stdlib.h>
#include <string.h>

int cli_image_make(cli_image *ret_image, uint64_t width, uint64_t height, char why[CLI_WHY]) {
  if (width == 0 || height == 0 || width > UINT32_MAX || height > UINT32_MAX || width * height > CLI_MOST_PIXELS) {
    snprintf(why, CLI_WHY, "%llu x %llu pixels are not shown: 1 to 64 million are", (unsigned long long)width,
             (unsigned long long)height);
    return -1;
  }
  uint8_t *pixels = calloc((size_t)(width * height), 4);
  if (!pixels) {
    snprintf(why, CLI_WHY, "not enough memory for %llu x %llu pixels", (unsigned long long)width, (unsigned long long)height);
    return -1;
  }
  *ret_image = (cli_image){(uint32_t)width, (uint32_t)height, pixels};
  return 0;
}

int cli_image_decode(const char *type, const uint8_t *bytes, size_t size, cli_image *ret_image, char why[CLI_WHY]) {
  if (strcmp(type, "image/bmp") == 0) return cli_bmp_decode(bytes, size, ret_image, why);
  if (strcmp(type, "image/png") == 0) return cli_png_decode(bytes, size, ret_image, why);
  if (strcmp(type, "image/jpeg") == 0) return cli_jpeg_decode(bytes, size, ret_image, why);
  snprintf(why, CLI_WHY, "%.100s is no picture that is known", type);
  return -1;
}
