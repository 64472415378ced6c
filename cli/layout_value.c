/* cli/layout_value.c: what a field's bytes say, for people and as JSON. */
#include "cli.h"
#include "layout.h"

#include <stdlib.h>
#include <string.h>

static uint64_t element(const cli_field *field, const uint8_t *at) {
  uint64_t value = 0;
  for (uint32_t i = 0; i < field->unit_bytes; i++) {
    uint32_t from = field->big_endian ? i : field->unit_bytes - 1 - i;
    value = value << 8 | at[from];
  }
  return value;
}

uint64_t cli_field_number(const cli_field *field, const uint8_t *at) { return element(field, at); }

/* ---- Numbers ---------------------------------------------------------------------------------------------------------------- */

static void print_integer(FILE *to, const cli_field *field, uint64_t value) {
  unsigned width = field->bits ? field->bits : field->unit_bytes * 8;
  value >>= field->low_bit;
  if (width < 64) value &= (UINT64_C(1) << width) - 1;
  if (field->type == CLI_FIELD_SIGNED && value >> (width - 1) & 1) {
    uint64_t magnitude = (width < 64 ? UINT64_C(1) << width : 0) - value;
    fprintf(to, "-%llu", (unsigned long long)magnitude);
  } else {
    fprintf(to, "%llu", (unsigned long long)value);
  }
}

/* The shortest way to write it from which the same number is read. */
static void print_float(FILE *to, const cli_field *field, uint64_t bits, bool json) {
  char words[40];
  float single = 0;
  double value;
  bool is_single = field->unit_bytes == 4;
  if (is_single) {
    uint32_t low = (uint32_t)bits;
    memcpy(&single, &low, sizeof single);
    value = single;
  } else {
    memcpy(&value, &bits, sizeof value);
  }
  if (value - value != 0) { /* infinite, or not a number */
    fputs(json ? "null" : value != value ? "nan" : value < 0 ? "-inf" : "inf", to);
    return;
  }
  for (int digits = is_single ? 6 : 15; digits <= (is_single ? 9 : 17); digits++) {
    snprintf(words, sizeof words, "%.*g", digits, value);
    if (is_single ? strtof(words, NULL) == single : strtod(words, NULL) == value) break;
  }
  fputs(words, to);
}

/* ---- Texts ---------------------------------------------------------------------------------------------------------------------- */

enum { REPLACEMENT = 0xfffd };

static size_t put_utf8(uint8_t *to, uint32_t code) {
  if (code < 0x80) return to[0] = (uint8_t)code, 1;
  if (code < 0x800) return to[0] = (uint8_t)(0xc0 | code >> 6), to[1] = (uint8_t)(0x80 | (code & 63)), 2;
  if (code < 0x10000) {
    to[0] = (uint8_t)(0xe0 | code >> 12), to[1] = (uint8_t)(0x80 | (code >> 6 & 63)), to[2] = (uint8_t)(0x80 | (code & 63));
    return 3;
  }
  to[0] = (uint8_t)(0xf0 | code >> 18), to[1] = (uint8_t)(0x80 | (code >> 12 & 63));
  to[2] = (uint8_t)(0x80 | (code >> 6 & 63)), to[3] = (uint8_t)(0x80 | (code & 63));
  return 4;
}

/* One character of UTF-16 or UTF-32; half of a pair, and what is no character, becomes U+FFFD. *index goes to the next one. */
static uint32_t wide_character(const cli_field *field, const uint8_t *at, uint64_t *index) {
  uint32_t code = (uint32_t)element(field, at + *index * field->unit_bytes);
  *index += 1;
  if (field->unit_bytes == 4) return code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? REPLACEMENT : code;
  if (code < 0xd800 || code >= 0xe000) return code;
  if (code >= 0xdc00 || *index == field->count) return REPLACEMENT;
  uint32_t low = (uint32_t)element(field, at + *index * field->unit_bytes);
  if (low < 0xdc00 || low >= 0xe000) return REPLACEMENT;
  *index += 1;
  return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

static void print_text(FILE *to, const uint8_t *bytes, size_t size, bool json) {
  if (json) {
    cli_print_json_bytes(to, bytes, size);
  } else {
    fputc('"', to);
    cli_print_safe(to, (const char *)bytes, size);
    fputc('"', to);
  }
}

static void print_wide(FILE *to, const cli_field *field, const uint8_t *at, bool json) {
  uint8_t *bytes = malloc((size_t)field->count * 4);
  size_t size = 0;
  for (uint64_t index = 0; bytes && index < field->count;) {
    uint32_t code = wide_character(field, at, &index);
    if (code == 0) break;
    size += put_utf8(bytes + size, code);
  }
  print_text(to, bytes, size, json);
  free(bytes);
}

static void print_char(FILE *to, const cli_field *field, const uint8_t *at, bool json) {
  const uint8_t *end = memchr(at, 0, (size_t)field->count);
  print_text(to, at, end ? (size_t)(end - at) : (size_t)field->count, json);
}

/* ---- Fields ------------------------------------------------------------------------------------------------------------------------ */

static void print_element(FILE *to, const cli_field *field, const uint8_t *at, bool json) {
  uint64_t value = element(field, at);
  if (field->type == CLI_FIELD_FLOAT) {
    print_float(to, field, value, json);
  } else if (field->type == CLI_FIELD_BOOL) {
    fputs(value ? "true" : "false", to);
  } else {
    print_integer(to, field, value);
  }
}

static void print_field(FILE *to, const cli_field *field, const uint8_t *at, bool json) {
  if (field->type == CLI_FIELD_CHAR || field->type == CLI_FIELD_WIDE) {
    if (field->type == CLI_FIELD_CHAR) print_char(to, field, at, json);
    if (field->type == CLI_FIELD_WIDE) print_wide(to, field, at, json);
    return;
  }
  if (field->is_array) fputc('[', to);
  for (uint64_t i = 0; i < field->count; i++) {
    if (i > 0) fputs(json ? "," : ", ", to);
    print_element(to, field, at + i * field->unit_bytes, json);
  }
  if (field->is_array) fputc(']', to);
}

void cli_field_print(FILE *to, const cli_field *field, const uint8_t *at) { print_field(to, field, at, false); }

void cli_field_print_json(FILE *to, const cli_field *field, const uint8_t *at) { print_field(to, field, at, true); }
