/* cli/bmp.c: Windows bitmaps, uncompressed: 1, 4, 8, 16, 24 and 32 bits a pixel, bit fields, either way up. Strict: what a
 * header says must be true of the bytes that are there, or the picture is refused. */
#include "image.h"

#include <stdbool.h>
#include <stdlib.h>

enum { FILE_HEADER = 14, CORE_HEADER = 12, INFO_HEADER = 40 };
enum { PLAIN = 0, BIT_FIELDS = 3, ALPHA_BIT_FIELDS = 6 };

/* One channel of a pixel made of bit fields: the value is (pixel & mask) >> shift, up to most. */
typedef struct field {
  uint32_t mask, shift, most;
} field;

typedef struct bitmap {
  const uint8_t *bytes;
  size_t size;
  uint32_t header_size, pixel_offset;
  uint32_t width, height;
  bool top_down;
  uint32_t bits, compression;
  uint32_t palette_offset, palette_count, palette_step; /* entries of 3 or 4 bytes */
  uint64_t row_bytes;
  field fields[4]; /* red, green, blue, alpha (mask 0: opaque) */
} bitmap;

static uint32_t get16(const uint8_t *at) { return (uint32_t)at[0] | (uint32_t)at[1] << 8; }
static uint32_t get32(const uint8_t *at) { return get16(at) | get16(at + 2) << 16; }

static int refuse(char why[CLI_WHY], const char *what, uint64_t number) {
  snprintf(why, CLI_WHY, what, (unsigned long long)number);
  return -1;
}

static int read_file_header(bitmap *b, char why[CLI_WHY]) {
  if (b->size < FILE_HEADER + CORE_HEADER) return refuse(why, "only %llu bytes: too short for a bitmap", b->size);
  if (b->bytes[0] != 'B' || b->bytes[1] != 'M') return refuse(why, "it does not begin with BM", 0);
  uint32_t file_size = get32(b->bytes + 2);
  if (file_size > b->size) return refuse(why, "its header says %llu bytes, but it is shorter: cut off?", file_size);
  if (get32(b->bytes + 6) != 0) return refuse(why, "its reserved field is not 0", 0);
  b->pixel_offset = get32(b->bytes + 10);
  b->header_size = get32(b->bytes + FILE_HEADER);
  switch (b->header_size) {
    case 12:
    case 40:
    case 52:
    case 56:
    case 108:
    case 124:
      break;
    default:
      return refuse(why, "an information header of %llu bytes is not known", b->header_size);
  }
  if (b->size - FILE_HEADER < b->header_size) return refuse(why, "it ends within its header of %llu bytes", b->header_size);
  return 0;
}

static int read_dimensions(bitmap *b, char why[CLI_WHY]) {
  const uint8_t *h = b->bytes + FILE_HEADER;
  bool core = b->header_size == CORE_HEADER;
  b->width = core ? get16(h + 4) : get32(h + 4);
  b->height = core ? get16(h + 6) : get32(h + 8);
  if (!core && b->height > INT32_MAX) {
    b->top_down = true;
    b->height = 0u - b->height;
  }
  if (b->width == 0 || b->width > INT32_MAX) return refuse(why, "its width %llu cannot be", b->width);
  if (b->height == 0 || b->height > INT32_MAX) return refuse(why, "its height %llu cannot be", b->height);
  if ((uint64_t)b->width * b->height > CLI_MOST_PIXELS) {
    return refuse(why, "%llu pixels are more than are shown (64 million)", (uint64_t)b->width * b->height);
  }
  uint32_t planes = core ? get16(h + 8) : get16(h + 12);
  if (planes != 1) return refuse(why, "it has %llu planes instead of 1", planes);
  return 0;
}

static int read_pixel_format(bitmap *b, char why[CLI_WHY]) {
  const uint8_t *h = b->bytes + FILE_HEADER;
  bool core = b->header_size == CORE_HEADER;
  b->bits = core ? get16(h + 10) : get16(h + 14);
  b->compression = core ? PLAIN : get32(h + 16);
  bool known = b->bits == 1 || b->bits == 4 || b->bits == 8 || b->bits == 16 || b->bits == 24 || b->bits == 32;
  if (!known || (core && (b->bits == 16 || b->bits == 32))) return refuse(why, "%llu bits a pixel are not known", b->bits);
  bool fields = b->compression == BIT_FIELDS || b->compression == ALPHA_BIT_FIELDS;
  if (b->compression != PLAIN && !fields)
    return refuse(why, "it is compressed (method %llu); only uncompressed bitmaps are read", b->compression);
  if (fields && b->bits != 16 && b->bits != 32) return refuse(why, "bit fields with %llu bits a pixel cannot be", b->bits);
  if (b->compression == ALPHA_BIT_FIELDS && b->header_size != INFO_HEADER) {
    return refuse(why, "compression 6 with a header of %llu bytes cannot be", b->header_size);
  }
  b->row_bytes = ((uint64_t)b->width * b->bits + 31) / 32 * 4;
  uint32_t image_size = core ? 0 : get32(h + 20);
  if (image_size != 0 && image_size < b->row_bytes * b->height) {
    return refuse(why, "it says that its pixels take %llu bytes, which is too few", image_size);
  }
  return 0;
}

/* A mask must be one run of ones within the pixel. */
static int set_field(field *f, uint32_t mask, uint32_t bits, char why[CLI_WHY]) {
  *f = (field){.mask = mask};
  if (mask == 0) return 0;
  if (bits == 16 && mask > 0xffff) return refuse(why, "the bit field %llu does not fit into 16 bits", mask);
  while (!((mask >> f->shift) & 1)) f->shift++;
  f->most = mask >> f->shift;
  if (f->most & (f->most + 1)) return refuse(why, "the bit field %llu has holes", mask);
  return 0;
}

static int read_fields(bitmap *b, char why[CLI_WHY]) {
  uint32_t masks[4] = {0xff0000, 0xff00, 0xff, 0};
  if (b->bits == 16) masks[0] = 0x7c00, masks[1] = 0x3e0, masks[2] = 0x1f;
  if (b->compression != PLAIN) {
    /* behind a header of 40 bytes, or part of a longer one: the same place */
    uint32_t count = b->compression == ALPHA_BIT_FIELDS || b->header_size >= 56 ? 4 : 3;
    if (b->size < FILE_HEADER + INFO_HEADER + count * 4) return refuse(why, "it ends within its bit fields", 0);
    for (uint32_t i = 0; i < count; i++) masks[i] = get32(b->bytes + FILE_HEADER + INFO_HEADER + i * 4);
  }
  for (int i = 0; i < 4; i++) {
    if (set_field(&b->fields[i], masks[i], b->bits, why)) return -1;
    for (int j = 0; j < i; j++) {
      if (masks[i] & masks[j]) return refuse(why, "its bit fields overlap", 0);
    }
  }
  return masks[0] | masks[1] | masks[2] ? 0 : refuse(why, "its bit fields are all empty", 0);
}

/* Where the palette lies, and that pixels begin behind it and end before the file does. */
static int read_layout(bitmap *b, char why[CLI_WHY]) {
  uint64_t end = FILE_HEADER + b->header_size;
  if (b->header_size == INFO_HEADER && b->compression != PLAIN) end += b->compression == ALPHA_BIT_FIELDS ? 16 : 12;
  uint32_t used = b->header_size == CORE_HEADER ? 0 : get32(b->bytes + FILE_HEADER + 32);
  uint32_t most = b->bits <= 8 ? 1u << b->bits : 0;
  b->palette_offset = (uint32_t)end;
  b->palette_step = b->header_size == CORE_HEADER ? 3 : 4;
  if (b->bits <= 8) {
    uint32_t important = b->header_size == CORE_HEADER ? 0 : get32(b->bytes + FILE_HEADER + 36);
    if (used > most) return refuse(why, "a palette of %llu colours is too large for its pixels", used);
    if (important > (used ? used : most))
      return refuse(why, "%llu colours of its palette are important, more than it has", important);
    b->palette_count = used ? used : most;
    end += (uint64_t)b->palette_count * b->palette_step;
  }
  if (b->pixel_offset < end) return refuse(why, "its pixels begin at %llu, within its headers", b->pixel_offset);
  uint32_t file_size = get32(b->bytes + 2); /* some writers leave it 0 */
  if (file_size != 0 && file_size < b->pixel_offset + b->row_bytes * b->height) {
    return refuse(why, "it says that it ends at %llu, before its pixels do", file_size);
  }
  if (b->pixel_offset > b->size || b->row_bytes * b->height > b->size - b->pixel_offset) {
    return refuse(why, "its pixels take %llu bytes, and fewer are there: cut off?", b->row_bytes * b->height);
  }
  return 0;
}

static int put_indexed(const bitmap *b, const uint8_t *row, uint32_t x, uint8_t *pixel, char why[CLI_WHY]) {
  uint32_t per_byte = 8 / b->bits;
  uint32_t shift = 8 - b->bits * (x % per_byte + 1);
  uint32_t index = ((uint32_t)row[x / per_byte] >> shift) & ((1u << b->bits) - 1);
  if (index >= b->palette_count) return refuse(why, "a pixel has colour %llu, which its palette does not have", index);
  const uint8_t *color = b->bytes + b->palette_offset + (size_t)index * b->palette_step;
  pixel[0] = color[2], pixel[1] = color[1], pixel[2] = color[0], pixel[3] = 255;
  return 0;
}

static uint8_t field_value(const field *f, uint32_t pixel, uint8_t absent) {
  if (f->mask == 0) return absent;
  return (uint8_t)(((uint64_t)((pixel & f->mask) >> f->shift) * 255 + f->most / 2) / f->most);
}

static void put_direct(const bitmap *b, const uint8_t *row, uint32_t x, uint8_t *pixel) {
  if (b->bits == 24) {
    pixel[0] = row[x * 3 + 2], pixel[1] = row[x * 3 + 1], pixel[2] = row[x * 3], pixel[3] = 255;
    return;
  }
  uint32_t value = b->bits == 16 ? get16(row + (size_t)x * 2) : get32(row + (size_t)x * 4);
  for (int i = 0; i < 4; i++) pixel[i] = field_value(&b->fields[i], value, i == 3 ? 255 : 0);
}

static int read_pixels(const bitmap *b, cli_image *image, char why[CLI_WHY]) {
  for (uint32_t y = 0; y < b->height; y++) {
    uint32_t stored = b->top_down ? y : b->height - 1 - y;
    const uint8_t *row = b->bytes + b->pixel_offset + (size_t)(b->row_bytes * stored);
    uint8_t *pixel = image->pixels + (size_t)y * b->width * 4;
    for (uint32_t x = 0; x < b->width; x++, pixel += 4) {
      if (b->bits > 8) {
        put_direct(b, row, x, pixel);
      } else if (put_indexed(b, row, x, pixel, why)) {
        return -1;
      }
    }
  }
  return 0;
}

int cli_bmp_decode(const uint8_t *bytes, size_t size, cli_image *ret_image, char why[CLI_WHY]) {
  bitmap b = {.bytes = bytes, .size = size};
  cli_image image;
  if (read_file_header(&b, why) || read_dimensions(&b, why) || read_pixel_format(&b, why) || read_fields(&b, why)) return -1;
  if (read_layout(&b, why) || cli_image_make(&image, b.width, b.height, why)) return -1;
  if (read_pixels(&b, &image, why)) {
    free(image.pixels);
    return -1;
  }
  *ret_image = image;
  return 0;
}
