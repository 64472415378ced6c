/* cli/image.h: pictures for `tarn show`: decoders, and how a picture becomes characters. Decoders take bytes that anybody may
 * have written: they read nothing outside of them and answer with a picture or with one sentence. */
#ifndef CLI_IMAGE_H
#define CLI_IMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct cli_image {
  uint32_t width, height;
  uint8_t *pixels; /* four bytes each: red, green, blue, alpha; rows from top to bottom; to be freed */
} cli_image;

#define CLI_WHY 160 /* room for the sentence */

/* Larger pictures are refused: 64 million pixels are 256 MiB here. */
#define CLI_MOST_PIXELS (UINT64_C(1) << 26)

/* Each returns 0, or -1 with the reason in why; then *ret_image is untouched. */
int cli_bmp_decode(const uint8_t *bytes, size_t size, cli_image *ret_image, char why[CLI_WHY]);
int cli_png_decode(const uint8_t *bytes, size_t size, cli_image *ret_image, char why[CLI_WHY]);
int cli_jpeg_decode(const uint8_t *bytes, size_t size, cli_image *ret_image, char why[CLI_WHY]);

/* By the type as cli_guess_type names it. Types that are no picture: -1. */
int cli_image_decode(const char *type, const uint8_t *bytes, size_t size, cli_image *ret_image, char why[CLI_WHY]);
/* Room for width x height pixels, or -1 with the reason. */
int cli_image_make(cli_image *ret_image, uint64_t width, uint64_t height, char why[CLI_WHY]);

/* As in the choices of --colors; 0 (auto) never gets here. */
enum { CLI_COLORS_AUTO, CLI_COLORS_24BIT, CLI_COLORS_256, CLI_COLORS_16, CLI_COLORS_NONE };

/* What the terminal understands, from the environment; not a terminal, NO_COLOR: CLI_COLORS_NONE. */
uint32_t cli_terminal_colors(void);

/* Print the picture no more than columns wide and rows high. */
void cli_image_print(FILE *to, const cli_image *image, int columns, int rows, uint32_t colors);

#endif
