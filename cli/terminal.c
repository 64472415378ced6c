/* cli/terminal.c: a picture as characters. With colours each character is two pixels, one above the other: the upper half
 * block, in the colour of the upper pixel on the colour of the lower. Without, brightness becomes more or less ink. */
#include "image.h"

#include "cli.h"
#include "system.h"

#include <stdlib.h>
#include <string.h>

typedef struct color {
  int red, green, blue;
} color;

/* ---- What the terminal understands ----------------------------------------------------------------------------------- */

static bool environment_has(const char *name, const char *part) {
  const char *value = cli_environment(name);
  return value && strstr(value, part);
}

uint32_t cli_terminal_colors(void) {
  const char *term = cli_environment("TERM");
  if (!cli_is_terminal(1) || cli_environment("NO_COLOR")) return CLI_COLORS_NONE;
  if (environment_has("COLORTERM", "truecolor") || environment_has("COLORTERM", "24bit")) return CLI_COLORS_24BIT;
  if (cli_environment("WT_SESSION")) return CLI_COLORS_24BIT; /* Windows Terminal says so this way */
  if (!term || strcmp(term, "dumb") == 0) return CLI_COLORS_NONE;
  if (environment_has("TERM", "direct") || environment_has("TERM", "truecolor")) return CLI_COLORS_24BIT;
  if (environment_has("TERM", "256")) return CLI_COLORS_256;
  if (strncmp(term, "vt1", 3) == 0 || strncmp(term, "vt2", 3) == 0) return CLI_COLORS_NONE;
  return CLI_COLORS_16;
}

/* ---- Fewer pixels ------------------------------------------------------------------------------------------------------ */

typedef struct canvas {
  int width, height;
  color *pixels;
} canvas;

static int square_root(uint64_t value) {
  uint64_t root = 0;
  for (uint64_t bit = UINT64_C(1) << 15; bit; bit >>= 1) {
    if ((root + bit) * (root + bit) <= value) root += bit;
  }
  return (int)root;
}

/* The average of a box of pixels as the eye would see it from afar: light adds up, and a pixel's value is about the square root
 * of its light. What is transparent lets a chequered ground through. */
static color average(const cli_image *image, uint64_t x0, uint64_t x1, uint64_t y0, uint64_t y1, bool light_square) {
  uint64_t red = 0, green = 0, blue = 0, alpha = 0, count = (x1 - x0) * (y1 - y0);
  for (uint64_t y = y0; y < y1; y++) {
    const uint8_t *pixel = image->pixels + (y * image->width + x0) * 4;
    for (uint64_t x = x0; x < x1; x++, pixel += 4) {
      uint64_t a = pixel[3];
      red += a * pixel[0] * pixel[0];
      green += a * pixel[1] * pixel[1];
      blue += a * pixel[2] * pixel[2];
      alpha += a;
    }
  }
  uint64_t ground = light_square ? 0x99 * 0x99 : 0x66 * 0x66, rest = (count * 255 - alpha) * ground, all = count * 255;
  return (color){square_root((red + rest) / all), square_root((green + rest) / all), square_root((blue + rest) / all)};
}

static bool shrink(canvas *c, const cli_image *image) {
  c->pixels = calloc((size_t)c->width * (size_t)c->height, sizeof(color));
  if (!c->pixels) return false;
  for (int y = 0; y < c->height; y++) {
    uint64_t y0 = (uint64_t)y * image->height / (uint64_t)c->height,
             y1 = (uint64_t)(y + 1) * image->height / (uint64_t)c->height;
    for (int x = 0; x < c->width; x++) {
      uint64_t x0 = (uint64_t)x * image->width / (uint64_t)c->width, x1 = (uint64_t)(x + 1) * image->width / (uint64_t)c->width;
      c->pixels[y * c->width + x] =
          average(image, x0, x1 > x0 ? x1 : x0 + 1, y0, y1 > y0 ? y1 : y0 + 1, ((x >> 2) ^ (y >> 2)) & 1);
    }
  }
  return true;
}

/* The largest size that fits and keeps the proportions; never larger than the picture. A pixel is tall_pixel times as high
 * as wide. */
static canvas fit(const cli_image *image, int columns, int rows, int tall_pixel) {
  double scale = (double)columns / image->width, by_rows = (double)rows * tall_pixel / image->height;
  if (by_rows < scale) scale = by_rows;
  if (scale > 1) scale = 1;
  int width = (int)(image->width * scale + 0.5), height = (int)(image->height * scale / tall_pixel + 0.5);
  return (canvas){width > 0 ? width : 1, height > 0 ? height : 1, NULL};
}

/* ---- Fewer colours ----------------------------------------------------------------------------------------------------- */

static int clamp(int value) { return value < 0 ? 0 : value > 255 ? 255 : value; }

/* Neighbours are rounded differently, in a pattern, so that a gradient does not become bands. */
static color dither(color c, int x, int y, int strength) {
  static const int pattern[4][4] = {{0, 8, 2, 10}, {12, 4, 14, 6}, {3, 11, 1, 9}, {15, 7, 13, 5}};
  int offset = (pattern[y & 3][x & 3] * 2 - 15) * strength / 16;
  return (color){clamp(c.red + offset), clamp(c.green + offset), clamp(c.blue + offset)};
}

static int difference(color a, color b) {
  int red = a.red - b.red, green = a.green - b.green, blue = a.blue - b.blue;
  return 2 * red * red + 4 * green * green + 3 * blue * blue;
}

/* Of the 6 x 6 x 6 cube and the 24 greys that follow it, the nearer. */
static int nearest_of_256(color c) {
  static const int steps[6] = {0, 95, 135, 175, 215, 255};
  int parts[3] = {c.red, c.green, c.blue}, index[3];
  for (int i = 0; i < 3; i++) {
    index[i] = parts[i] < 48 ? 0 : parts[i] < 115 ? 1 : (parts[i] - 35) / 40;
  }
  int gray = (c.red + c.green + c.blue) / 3, step = gray < 3 ? 0 : gray > 238 ? 23 : (gray - 3) / 10;
  color cube = {steps[index[0]], steps[index[1]], steps[index[2]]}, level = {8 + 10 * step, 8 + 10 * step, 8 + 10 * step};
  if (difference(c, level) < difference(c, cube)) return 232 + step;
  return 16 + 36 * index[0] + 6 * index[1] + index[2];
}

static int nearest_of_16(color c) {
  static const color palette[16] = {{0, 0, 0},     {170, 0, 0},    {0, 170, 0},    {170, 85, 0},
                                    {0, 0, 170},   {170, 0, 170},  {0, 170, 170},  {170, 170, 170},
                                    {85, 85, 85},  {255, 85, 85},  {85, 255, 85},  {255, 255, 85},
                                    {85, 85, 255}, {255, 85, 255}, {85, 255, 255}, {255, 255, 255}};
  int best = 0;
  for (int i = 1; i < 16; i++) {
    if (difference(c, palette[i]) < difference(c, palette[best])) best = i;
  }
  return best;
}

/* What selects this colour, as the foreground or the background. */
static void select_color(char words[CLI_WORDS], color c, bool background, uint32_t colors, int x, int y) {
  if (colors == CLI_COLORS_24BIT) {
    snprintf(words, CLI_WORDS, "%d;2;%d;%d;%d", background ? 48 : 38, c.red & 255, c.green & 255, c.blue & 255);
  } else if (colors == CLI_COLORS_256) {
    snprintf(words, CLI_WORDS, "%d;5;%d", background ? 48 : 38, nearest_of_256(dither(c, x, y, 24)));
  } else {
    int index = nearest_of_16(dither(c, x, y, 72));
    snprintf(words, CLI_WORDS, "%d", (index < 8 ? 30 + index : 82 + index) + (background ? 10 : 0));
  }
}

/* ---- Characters ------------------------------------------------------------------------------------------------------- */

static void print_colored_row(FILE *to, const canvas *c, int row, uint32_t colors) {
  char upper[CLI_WORDS], lower[CLI_WORDS], upper_before[CLI_WORDS] = "", lower_before[CLI_WORDS] = "";
  for (int x = 0; x < c->width; x++) {
    int y = row * 2;
    select_color(upper, c->pixels[y * c->width + x], false, colors, x, y);
    if (y + 1 < c->height) {
      select_color(lower, c->pixels[(y + 1) * c->width + x], true, colors, x, y + 1);
    } else {
      snprintf(lower, sizeof lower, "49"); /* the picture ends here: the terminal's own ground */
    }
    if (strcmp(upper, upper_before) != 0) fprintf(to, "\033[%sm", upper);
    if (strcmp(lower, lower_before) != 0) fprintf(to, "\033[%sm", lower);
    memcpy(upper_before, upper, sizeof upper);
    memcpy(lower_before, lower, sizeof lower);
    fputs("\xe2\x96\x80", to); /* upper half block */
  }
  fputs("\033[0m\n", to);
}

static int brightness(color c) { return (c.red * 54 + c.green * 183 + c.blue * 19) / 256; }

/* Ten steps of ink are few: they are spread over the brightness that the picture really has. */
static void print_plain(FILE *to, const canvas *c) {
  static const char ink[] = " .:-=+*#%@";
  int darkest = 255, brightest = 0;
  for (int i = 0; i < c->width * c->height; i++) {
    int here = brightness(c->pixels[i]);
    if (here < darkest) darkest = here;
    if (here > brightest) brightest = here;
  }
  if (darkest == brightest) darkest = 0, brightest = 255;
  for (int i = 0; i < c->width * c->height; i++) {
    putc(ink[(brightness(c->pixels[i]) - darkest) * 9 / (brightest - darkest)], to);
    if ((i + 1) % c->width == 0) putc('\n', to);
  }
}

void cli_image_print(FILE *to, const cli_image *image, int columns, int rows, uint32_t colors) {
  bool plain = colors == CLI_COLORS_NONE;
  canvas c = plain ? fit(image, columns, rows, 2) : fit(image, columns, rows * 2, 1);
  if (!shrink(&c, image)) return;
  if (plain) {
    print_plain(to, &c);
  } else {
    for (int row = 0; row < (c.height + 1) / 2; row++) print_colored_row(to, &c, row, colors);
  }
  free(c.pixels);
}
