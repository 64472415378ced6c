/* image_test.c: the decoders of `tarn show` on good, damaged and hostile pictures, and pictures as characters. */
#include "image.h"
#include "check.h"

/* ---- Making bitmaps -------------------------------------------------------------------------------------------------- */

typedef struct file {
  uint8_t bytes[2048];
  size_t size;
} file;

static void put16(file *f, size_t at, uint32_t value) {
  f->bytes[at] = (uint8_t)value;
  f->bytes[at + 1] = (uint8_t)(value >> 8);
}

static void put32(file *f, size_t at, uint32_t value) {
  put16(f, at, value & 0xffff);
  put16(f, at + 2, value >> 16);
}

/* A header of header_size bytes, then `between` bytes for palette or bit fields, then pixels. */
static file bitmap(uint32_t header_size, int32_t width, int32_t height, uint32_t bits, uint32_t compression, uint32_t between) {
  file f = {{0}, 0};
  uint32_t row = ((uint32_t)width * bits + 31) / 32 * 4, rows = (uint32_t)(height < 0 ? -height : height);
  f.bytes[0] = 'B', f.bytes[1] = 'M';
  f.size = 14 + header_size + between + row * rows;
  CHECK(f.size <= sizeof f.bytes);
  put32(&f, 2, (uint32_t)f.size);
  put32(&f, 10, 14 + header_size + between);
  put32(&f, 14, header_size);
  if (header_size == 12) {
    put16(&f, 18, (uint32_t)width);
    put16(&f, 20, (uint32_t)height);
    put16(&f, 22, 1);
    put16(&f, 24, bits);
    return f;
  }
  put32(&f, 18, (uint32_t)width);
  put32(&f, 22, (uint32_t)height);
  put16(&f, 26, 1);
  put16(&f, 28, bits);
  put32(&f, 30, compression);
  return f;
}

static cli_image decoded(const file *f) {
  cli_image image;
  char why[CLI_WHY] = "";
  /* exactly as large as it is: a sanitizer sees one byte too many */
  uint8_t *exact = malloc(f->size);
  CHECK(exact != NULL);
  memcpy(exact, f->bytes, f->size);
  int result = cli_bmp_decode(exact, f->size, &image, why);
  free(exact);
  if (result) check_str("a picture", why, "why", __FILE__, __LINE__);
  return image;
}

static void refused(const file *f, const char *because) {
  cli_image image;
  char why[CLI_WHY] = "";
  CHECK_INT(-1, cli_bmp_decode(f->bytes, f->size, &image, why));
  CHECK_CONTAINS(because, why);
}

static void pixel_is(const cli_image *image, uint32_t x, uint32_t y, uint32_t rgba) {
  const uint8_t *p = image->pixels + (y * image->width + x) * 4;
  CHECK_UINT(rgba, (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]);
}

/* ---- What is read ---------------------------------------------------------------------------------------------------- */

static void test_24_bits_either_way_up(void) {
  for (int up = 0; up < 2; up++) {
    file f = bitmap(40, 3, up ? 2 : -2, 24, 0, 0);
    static const uint8_t first_row[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    memcpy(f.bytes + 54, first_row, 9);
    f.bytes[54 + 12] = 0xff; /* the blue of the second row's first pixel; rows are padded to 12 bytes */
    cli_image image = decoded(&f);
    CHECK_UINT(3, image.width);
    CHECK_UINT(2, image.height);
    pixel_is(&image, 0, up ? 1 : 0, 0x030201ff);
    pixel_is(&image, 2, up ? 1 : 0, 0x090807ff);
    pixel_is(&image, 0, up ? 0 : 1, 0x0000ffff);
    free(image.pixels);
  }
}

static void test_palettes(void) {
  static const struct {
    uint32_t bits, colors, first_byte, second_pixel;
  } cases[] = {{1, 2, 0x40, 1}, {4, 16, 0x0f, 15}, {8, 256, 0x00, 200}};
  for (size_t i = 0; i < 3; i++) {
    file f = bitmap(40, 3, 1, cases[i].bits, 0, cases[i].colors * 4);
    for (uint32_t c = 0; c < cases[i].colors; c++) put32(&f, 54 + c * 4, c * 0x010000 + 0x7f); /* red: its index; blue: 127 */
    f.bytes[54 + cases[i].colors * 4] = (uint8_t)cases[i].first_byte;
    if (cases[i].bits == 8) f.bytes[54 + cases[i].colors * 4 + 1] = 200;
    cli_image image = decoded(&f);
    pixel_is(&image, 0, 0, 0x00007fff);
    pixel_is(&image, 1, 0, cases[i].second_pixel << 24 | 0x7fff);
    free(image.pixels);
  }
}

static void test_old_header_with_small_palette_entries(void) {
  file f = bitmap(12, 2, 1, 1, 0, 6);
  static const uint8_t palette[6] = {1, 2, 3, 4, 5, 6};
  memcpy(f.bytes + 26, palette, 6);
  f.bytes[32] = 0x40;
  cli_image image = decoded(&f);
  pixel_is(&image, 0, 0, 0x030201ff);
  pixel_is(&image, 1, 0, 0x060504ff);
  free(image.pixels);
}

static void test_16_bits(void) {
  file f = bitmap(40, 2, 1, 16, 0, 0);
  put16(&f, 54, 0x7c00); /* 5 bits of red */
  put16(&f, 56, 0x0010); /* blue: 16 of 31 */
  cli_image image = decoded(&f);
  pixel_is(&image, 0, 0, 0xff0000ff);
  pixel_is(&image, 1, 0, 0x000084ff);
  free(image.pixels);
  f = bitmap(40, 2, 1, 16, 3, 12); /* 5, 6, 5 */
  put32(&f, 54, 0xf800);
  put32(&f, 58, 0x07e0);
  put32(&f, 62, 0x001f);
  put16(&f, 66, 0x07e0);
  put16(&f, 68, 0xffff);
  image = decoded(&f);
  pixel_is(&image, 0, 0, 0x00ff00ff);
  pixel_is(&image, 1, 0, 0xffffffff);
  free(image.pixels);
}

static void test_32_bits(void) {
  file f = bitmap(40, 1, 1, 32, 0, 0);
  put32(&f, 54, 0x80112233);
  cli_image image = decoded(&f);
  pixel_is(&image, 0, 0, 0x112233ff); /* the fourth byte means nothing here */
  free(image.pixels);
  f = bitmap(108, 1, 1, 32, 3, 0);
  put32(&f, 54, 0xff);
  put32(&f, 58, 0xff00);
  put32(&f, 62, 0xff0000);
  put32(&f, 66, 0xff000000);
  put32(&f, 122, 0x80112233);
  image = decoded(&f);
  pixel_is(&image, 0, 0, 0x33221180); /* and here it is alpha */
  free(image.pixels);
  f = bitmap(40, 1, 1, 32, 6, 16);
  put32(&f, 54, 0x3ff00000); /* ten bits of red */
  put32(&f, 58, 0xffc00);
  put32(&f, 62, 0x3ff);
  put32(&f, 66, 0xc0000000);
  put32(&f, 70, 0xfff00000);
  image = decoded(&f);
  pixel_is(&image, 0, 0, 0xff0000ff);
  free(image.pixels);
}

/* ---- What is refused ------------------------------------------------------------------------------------------------ */

static void refused_with(size_t at, uint32_t value, const char *because) {
  file f = bitmap(40, 4, 4, 8, 0, 1024);
  put32(&f, at, value);
  refused(&f, because);
}

static void test_every_header_field_is_checked(void) {
  refused_with(0, 0x4142, "does not begin with BM");
  refused_with(2, 5000, "cut off");
  refused_with(2, 1000, "before its pixels do");
  refused_with(6, 1, "reserved");
  refused_with(10, 60, "within its headers");
  refused_with(10, 1090, "before its pixels do");
  refused_with(10, 0xffffffff, "before its pixels");
  refused_with(14, 41, "header of 41 bytes");
  refused_with(14, 124, "within its headers");
  refused_with(18, 0, "width");
  refused_with(18, 0x80000000, "width");
  refused_with(18, 5000, "before its pixels do");
  refused_with(22, 0, "height");
  refused_with(22, 0x80000000, "height");
  refused_with(22, 0x7fffffff, "more than are shown");
  refused_with(26, 2 | 8u << 16, "planes");
  refused_with(26, 1 | 3u << 16, "3 bits");
  refused_with(30, 1, "compressed");
  refused_with(30, 3, "bit fields with 8 bits");
  refused_with(34, 15, "too few");
  refused_with(46, 257, "palette of 257");
  refused_with(50, 257, "important");
}

static void test_colors_beyond_the_palette(void) {
  file f = bitmap(40, 4, 4, 8, 0, 12);
  put32(&f, 46, 3);
  f.bytes[66 + 5] = 3;
  refused(&f, "colour 3");
  f.bytes[66 + 5] = 2;
  cli_image image = decoded(&f);
  free(image.pixels);
}

static void test_bit_fields_that_cannot_be(void) {
  file f = bitmap(40, 1, 1, 32, 3, 12);
  refused(&f, "all empty");
  put32(&f, 54, 0xff0);
  put32(&f, 58, 0x0ff);
  refused(&f, "overlap");
  put32(&f, 54, 0xf0f00);
  refused(&f, "holes");
  f = bitmap(40, 1, 1, 16, 3, 12);
  put32(&f, 54, 0x10000);
  refused(&f, "16 bits");
}

static void test_every_shorter_file_is_refused(void) {
  file whole = bitmap(40, 3, 3, 16, 3, 12);
  put32(&whole, 54, 0xf800);
  put32(&whole, 58, 0x07e0);
  put32(&whole, 62, 0x001f);
  for (int sized = 0; sized < 2; sized++) {
    if (!sized) put32(&whole, 2, 0); /* a writer that left the size out */
    for (size_t size = 0; size < whole.size; size++) {
      cli_image image;
      char why[CLI_WHY] = "";
      uint8_t *part = malloc(size + 1);
      CHECK(part != NULL);
      memcpy(part, whole.bytes, size);
      part = realloc(part, size ? size : 1);
      CHECK_INT(-1, cli_bmp_decode(part, size, &image, why));
      CHECK(why[0] != 0);
      free(part);
    }
    put32(&whole, 2, (uint32_t)whole.size);
  }
}

/* Random damage in the headers: a picture or a reason, and never a byte read that is not there (sanitizers look). */
static void test_random_damage(void) {
  static const uint32_t bits[] = {1, 4, 8, 16, 24, 32};
  uint64_t good = 0, bad = 0;
  for (int round = 0; round < 200000; round++) {
    uint64_t r = check_random();
    uint32_t depth = bits[r % 6];
    file f = bitmap(r >> 8 & 1 ? 40 : 108, (int32_t)(r >> 16 & 7) + 1, (int32_t)(r >> 24 & 3) + 1, depth,
                    depth == 16 ? r >> 9 & 3 : 0, depth <= 8 ? 4u << depth : 16);
    for (uint64_t damage = check_random(), i = 0; i < (damage & 3); i++) {
      f.bytes[check_random() % 130] = (uint8_t)(check_random() & 1 ? check_random() : (check_random() & 1 ? 0xff : 0));
    }
    uint8_t *exact = malloc(f.size);
    CHECK(exact != NULL);
    memcpy(exact, f.bytes, f.size);
    cli_image image;
    char why[CLI_WHY] = "";
    if (cli_bmp_decode(exact, f.size, &image, why) == 0) {
      good++;
      free(image.pixels);
    } else {
      CHECK(why[0] != 0);
      bad++;
    }
    free(exact);
  }
  printf("%llu pictures, %llu refused\n", (unsigned long long)good, (unsigned long long)bad);
  CHECK(good > 1000 && bad > 1000);
}

/* ---- Other formats --------------------------------------------------------------------------------------------------- */

static const uint8_t png[] = {/* 2 x 1: red, and green at half strength */
                              0x89, 'P', 'N', 'G', 0x0d, 0x0a, 0x1a, 0x0a, 0,   0,   0,   13,  'I', 'H', 'D', 'R', 0,  0,
                              0,    2,   0,   0,   0,    1,    8,    6,    0,   0,   0,   244, 34,  127, 138, 0,   0,  0,
                              15,   73,  68,  65,  84,   120,  156,  99,   248, 207, 192, 240, 31,  8,   27,  0,   16, 121,
                              3,    126, 125, 99,  206,  215,  0,    0,    0,   0,   73,  69,  78,  68,  174, 66,  96, 130};

static void test_png(void) {
  cli_image image;
  char why[CLI_WHY] = "";
#ifdef HAVE_SPNG
  if (cli_image_decode("image/png", png, sizeof png, &image, why)) check_str("a picture", why, "why", __FILE__, __LINE__);
  CHECK_UINT(2, image.width);
  CHECK_UINT(1, image.height);
  pixel_is(&image, 0, 0, 0xff0000ff);
  pixel_is(&image, 1, 0, 0x00ff0080);
  free(image.pixels);
  for (size_t size = 0; size < sizeof png - 4; size++)
    CHECK_INT(-1, cli_png_decode(png, size, &image, why)); /* 4: its last checksum */
#else
  CHECK_INT(-1, cli_image_decode("image/png", png, sizeof png, &image, why));
  CHECK_CONTAINS("no PNG decoder", why);
#endif
}

static void test_jpeg(void) {
  cli_image image;
  char why[CLI_WHY] = "";
  static const uint8_t cut[] = {0xff, 0xd8, 0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0};
  CHECK_INT(-1, cli_image_decode("image/jpeg", cut, sizeof cut, &image, why));
  CHECK(why[0] != 0);
#ifdef HAVE_JPEG
  static const uint8_t jpeg[] = {
      255, 216, 255, 224, 0,   16,  74,  70,  73,  70,  0,   1,  1,  0,  0,   1,   0,   1,   0,   0,  255, 219, 0,  67,
      0,   3,   2,   2,   3,   2,   2,   3,   3,   3,   3,   4,  3,  3,  4,   5,   8,   5,   5,   4,  4,   5,   10, 7,
      7,   6,   8,   12,  10,  12,  12,  11,  10,  11,  11,  13, 14, 18, 16,  13,  14,  17,  14,  11, 11,  16,  22, 16,
      17,  19,  20,  21,  21,  21,  12,  15,  23,  24,  22,  20, 24, 18, 20,  21,  20,  255, 219, 0,  67,  1,   3,  4,
      4,   5,   4,   5,   9,   5,   5,   9,   20,  13,  11,  13, 20, 20, 20,  20,  20,  20,  20,  20, 20,  20,  20, 20,
      20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20, 20, 20, 20,  20,  20,  20,  20,  20, 20,  20,  20, 20,
      20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20, 20, 20, 255, 192, 0,   17,  8,   0,  8,   0,   8,  3,
      1,   34,  0,   2,   17,  1,   3,   17,  1,   255, 196, 0,  21, 0,  1,   1,   0,   0,   0,   0,  0,   0,   0,  0,
      0,   0,   0,   0,   0,   0,   0,   6,   255, 196, 0,   20, 16, 1,  0,   0,   0,   0,   0,   0,  0,   0,   0,  0,
      0,   0,   0,   0,   0,   0,   255, 196, 0,   20,  1,   1,  0,  0,  0,   0,   0,   0,   0,   0,  0,   0,   0,  0,
      0,   0,   0,   8,   255, 196, 0,   20,  17,  1,   0,   0,  0,  0,  0,   0,   0,   0,   0,   0,  0,   0,   0,  0,
      0,   0,   255, 218, 0,   12,  3,   1,   0,   2,   17,  3,  17, 0,  63,  0,   189, 0,   28,  49, 95,  255, 217};
  if (cli_jpeg_decode(jpeg, sizeof jpeg, &image, why)) check_str("a picture", why, "why", __FILE__, __LINE__);
  CHECK_UINT(8, image.width);
  CHECK_UINT(8, image.height);
  for (int i = 0; i < 64; i++) { /* all of it orange, as near as the format keeps it */
    CHECK(image.pixels[i * 4] > 245 && image.pixels[i * 4 + 1] > 120 && image.pixels[i * 4 + 1] < 136);
    CHECK(image.pixels[i * 4 + 2] < 8 && image.pixels[i * 4 + 3] == 255);
  }
  free(image.pixels);
  for (size_t size = 0; size < sizeof jpeg - 2; size++) CHECK_INT(-1, cli_jpeg_decode(jpeg, size, &image, why));
#endif
}

static void test_no_picture(void) {
  cli_image image;
  char why[CLI_WHY] = "";
  CHECK_INT(-1, cli_image_decode("text/plain", (const uint8_t *)"x", 1, &image, why));
  CHECK_CONTAINS("text/plain", why);
  CHECK_INT(-1, cli_image_make(&image, 0, 5, why));
  CHECK_INT(-1, cli_image_make(&image, UINT64_C(1) << 40, 1, why));
  CHECK_INT(-1, cli_image_make(&image, 1 << 14, 1 << 13, why));
}

/* ---- Characters ------------------------------------------------------------------------------------------------------ */

static const char *characters(const cli_image *image, int columns, int rows, uint32_t colors) {
  static char out[8192];
  char path[1024];
  snprintf(path, sizeof path, "%s", check_path("characters"));
  FILE *f = fopen(path, "wb+");
  CHECK(f != NULL);
  cli_image_print(f, image, columns, rows, colors);
  rewind(f);
  out[fread(out, 1, sizeof out - 1, f)] = 0;
  fclose(f);
  return out;
}

#define BLOCK "\xe2\x96\x80"

static void test_half_blocks(void) {
  static uint8_t pixels[] = {255, 0, 0, 255, 0, 0, 255, 255, 0, 255, 0, 255, 0, 0, 255, 255, 10, 20, 30, 255, 10, 20, 30, 255};
  cli_image image = {2, 3, pixels};
  CHECK_STR("\033[38;2;255;0;0m\033[48;2;0;255;0m" BLOCK "\033[38;2;0;0;255m\033[48;2;0;0;255m" BLOCK
            "\033[0m\n"
            "\033[38;2;10;20;30m\033[49m" BLOCK BLOCK "\033[0m\n",
            characters(&image, 80, 24, CLI_COLORS_24BIT));
  CHECK_CONTAINS("\033[38;5;", characters(&image, 80, 24, CLI_COLORS_256));
  CHECK(strstr(characters(&image, 80, 24, CLI_COLORS_16), ";") == NULL);
}

static void test_letters(void) {
  static uint8_t pixels[4 * 4 * 8];
  for (int i = 0; i < 32; i++) {
    uint8_t value = i % 4 == 0 ? 0 : i % 4 == 3 ? 255 : 120;
    pixels[i * 4] = pixels[i * 4 + 1] = pixels[i * 4 + 2] = value;
    pixels[i * 4 + 3] = 255;
  }
  cli_image image = {4, 8, pixels};
  CHECK_STR(" ==@\n ==@\n ==@\n ==@\n", characters(&image, 80, 24, CLI_COLORS_NONE)); /* a letter is twice as high as wide */
  CHECK_STR(" @\n @\n", characters(&image, 2, 24, CLI_COLORS_NONE));
}

static void test_one_pixel(void) {
  static uint8_t pixel[] = {0, 0, 0, 0};
  cli_image image = {1, 1, pixel};
  CHECK_STR("\033[38;2;102;102;102m\033[49m" BLOCK "\033[0m\n", characters(&image, 1, 1, CLI_COLORS_24BIT)); /* the ground */
}

static const check_test tests[] = {{"24_bits_either_way_up", test_24_bits_either_way_up, 0},
                                   {"palettes", test_palettes, 0},
                                   {"old_header_with_small_palette_entries", test_old_header_with_small_palette_entries, 0},
                                   {"16_bits", test_16_bits, 0},
                                   {"32_bits", test_32_bits, 0},
                                   {"every_header_field_is_checked", test_every_header_field_is_checked, 0},
                                   {"colors_beyond_the_palette", test_colors_beyond_the_palette, 0},
                                   {"bit_fields_that_cannot_be", test_bit_fields_that_cannot_be, 0},
                                   {"every_shorter_file_is_refused", test_every_shorter_file_is_refused, 0},
                                   {"random_damage", test_random_damage, 60},
                                   {"png", test_png, 0},
                                   {"jpeg", test_jpeg, 0},
                                   {"no_picture", test_no_picture, 0},
                                   {"half_blocks", test_half_blocks, 0},
                                   {"letters", test_letters, 0},
                                   {"one_pixel", test_one_pixel, 0},
                                   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, NULL); }
