/* cli/layout.h: a description of what lies in somebody's bytes: fields with offset and type, read from a small text file.
 * docs/watching.md is for those who write one. */
#ifndef CLI_LAYOUT_H
#define CLI_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
  CLI_FIELD_UNSIGNED,
  CLI_FIELD_SIGNED,
  CLI_FIELD_FLOAT,
  CLI_FIELD_BOOL,
  CLI_FIELD_CHAR, /* text in UTF-8, up to its NUL */
  CLI_FIELD_WIDE  /* text in UTF-16 or UTF-32 by unit_bytes, up to its NUL */
};

/* Which fields say that the rest is complete. */
enum {
  CLI_GUARD_NONE,
  CLI_GUARD_SEQUENCE, /* one number: odd while the rest is being written, and another one afterwards */
  CLI_GUARD_COUNTER,  /* one number that changes with every update: equal before and after is the most it can say */
  CLI_GUARD_PAIR      /* two: the first is written before the rest, the last after it; equal when it is complete */
};

typedef struct cli_field {
  char name[64];
  uint64_t offset, count; /* count: elements of an array, characters of a text; else 1 */
  int type;               /* CLI_FIELD_... */
  uint32_t unit_bytes;    /* of one element */
  bool is_array, big_endian;
  uint8_t low_bit, bits; /* bits 0: the whole number */
} cli_field;

typedef struct cli_layout {
  const char *path;
  cli_field *fields;
  size_t count, capacity;
  uint64_t size_bytes; /* to the end of the last field */
  int guard;
  size_t first, last; /* the guard's fields; the same but for a pair */
} cli_layout;

/* Reads the file ("-": stdin). CLI_DONE, or an exit code and then file, line and what is wrong were told and nothing is to be freed. */
int cli_layout_read(cli_layout *ret_layout, const char *path);
void cli_layout_free(cli_layout *layout);

uint64_t cli_field_bytes(const cli_field *field);

/* ---- layout_value.c: at is where the field's first byte lies; cli_field_bytes of them are there --------------------------------- */

uint64_t cli_field_number(const cli_field *field, const uint8_t *at); /* of a scalar number: its bits */
void cli_field_print(FILE *to, const cli_field *field, const uint8_t *at);
void cli_field_print_json(FILE *to, const cli_field *field, const uint8_t *at);

#endif
