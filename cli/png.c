/* cli/png.c: PNG through libspng, where it is there. */
#include "image.h"

#include <stdlib.h>
#include <string.h>

#ifdef HAVE_SPNG
#include <spng.h>

static int refuse(char why[CLI_WHY], int code) {
  snprintf(why, CLI_WHY, "%s", spng_strerror(code));
  return -1;
}

static int decode(spng_ctx *context, const uint8_t *bytes, size_t size, cli_image *ret_image, char why[CLI_WHY]) {
  struct spng_ihdr header;
  cli_image image;
  size_t room = 0;
  int code = spng_set_image_limits(context, UINT32_C(1) << 20, UINT32_C(1) << 20);
  if (!code) code = spng_set_chunk_limits(context, (size_t)1 << 24, (size_t)1 << 26);
  if (!code) code = spng_set_png_buffer(context, bytes, size);
  if (!code) code = spng_get_ihdr(context, &header);
  if (!code) code = spng_decoded_image_size(context, SPNG_FMT_RGBA8, &room);
  if (code) return refuse(why, code);
  if (cli_image_make(&image, header.width, header.height, why)) return -1;
  if (room != (size_t)header.width * header.height * 4) {
    code = SPNG_EINTERNAL;
  } else {
    code = spng_decode_image(context, image.pixels, room, SPNG_FMT_RGBA8, SPNG_DECODE_TRNS);
  }
  if (!code) code = spng_decode_chunks(context); /* up to its end: a file that was cut off is not shown as if it were whole */
  if (code) {
    free(image.pixels);
    return refuse(why, code);
  }
  *ret_image = image;
  return 0;
}

int cli_png_decode(const uint8_t *bytes, size_t size, cli_image *ret_image, char why[CLI_WHY]) {
  spng_ctx *context = spng_ctx_new(0);
  if (!context) return refuse(why, SPNG_EMEM);
  int result = decode(context, bytes, size, ret_image, why);
  spng_ctx_free(context);
  return result;
}
#else
int cli_png_decode(const uint8_t *bytes, size_t size, cli_image *ret_image, char why[CLI_WHY]) {
  (void)bytes;
  (void)size;
  (void)ret_image;
  snprintf(why, CLI_WHY, "this build has no PNG decoder (libspng was not there when it was built)");
  return -1;
}
#endif
