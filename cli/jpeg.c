/* cli/jpeg.c: JPEG through libjpeg(-turbo), where it is there. Its errors jump out; they land here. */
#include "image.h"

#include <stdlib.h>
#include <string.h>

#ifdef HAVE_JPEG
#include <setjmp.h>

#include <jpeglib.h>

typedef struct failure {
  struct jpeg_error_mgr manager; /* first: the library knows only this part */
  jmp_buf landing;
  char *why;
} failure;

static void on_error(j_common_ptr info) {
  failure *f = (failure *)info->err;
  char words[JMSG_LENGTH_MAX];
  info->err->format_message(info, words);
  snprintf(f->why, CLI_WHY, "%.*s", CLI_WHY - 1, words);
  longjmp(f->landing, 1);
}

/* A warning means that bytes are missing or wrong: as strict as the bitmap decoder. */
static void on_message(j_common_ptr info, int level) {
  if (level < 0) on_error(info);
}

/* Everything that may jump; what is allocated hangs on *image, so that the landing can free it. */
static int decode(struct jpeg_decompress_struct *info, const uint8_t *bytes, size_t size, cli_image *image, char why[CLI_WHY]) {
  jpeg_mem_src(info, bytes, (unsigned long)size);
  jpeg_read_header(info, TRUE);
  info->out_color_space = JCS_EXT_RGBA;
  if (cli_image_make(image, info->image_width, info->image_height, why)) return -1;
  jpeg_start_decompress(info);
  while (info->output_scanline < info->output_height) {
    JSAMPROW row = image->pixels + (size_t)info->output_scanline * image->width * 4;
    jpeg_read_scanlines(info, &row, 1);
  }
  jpeg_finish_decompress(info);
  return 0;
}

int cli_jpeg_decode(const uint8_t *bytes, size_t size, cli_image *ret_image, char why[CLI_WHY]) {
  struct jpeg_decompress_struct info = {0};
  failure f = {.why = why};
  cli_image *image = calloc(1, sizeof *image); /* on the heap: locals may not survive the jump */
  if (!image) {
    snprintf(why, CLI_WHY, "not enough memory");
    return -1;
  }
  info.err = jpeg_std_error(&f.manager);
  f.manager.error_exit = on_error;
  f.manager.emit_message = on_message;
  int result = -1;
  if (setjmp(f.landing) == 0) {
    jpeg_create_decompress(&info);
    result = decode(&info, bytes, size, image, why);
  } else {
    result = -1;
  }
  jpeg_destroy_decompress(&info);
  if (result == 0) {
    *ret_image = *image;
  } else {
    free(image->pixels);
  }
  free(image);
  return result;
}
#else
int cli_jpeg_decode(const uint8_t *bytes, size_t size, cli_image *ret_image, char why[CLI_WHY]) {
  (void)bytes;
  (void)size;
  (void)ret_image;
  snprintf(why, CLI_WHY, "this build has no JPEG decoder (libjpeg-turbo was not there when it was built)");
  return -1;
}
#endif
