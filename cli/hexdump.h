/* cli/hexdump.h: bytes for people, and which of them changed. */
#ifndef CLI_HEXDUMP_H
#define CLI_HEXDUMP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct cli_change {
  const uint8_t *bytes, *before;
  uint64_t size, before_size;
  uint64_t offset; /* of the first byte, as it is shown */
  bool all;        /* nothing was there before: all of it is new, and nothing is marked */
} cli_change;

typedef struct cli_hexdump_style {
  bool colors;     /* what changed is shown by colour; otherwise by a > in front of it */
  bool everything; /* all rows, not only those with a change in them */
  bool screen;     /* each row replaces one on the screen */
  uint64_t rows;   /* at most so many */
} cli_hexdump_style;

/* The next run of bytes that changed, at or after start; unchanged bytes between two changes that are near belong to it. */
bool cli_next_change(const cli_change *change, uint64_t start, uint64_t *ret_from, uint64_t *ret_to);
uint64_t cli_changed_bytes(const cli_change *change);
void cli_hexdump(FILE *to, const cli_change *change, const cli_hexdump_style *style);

#endif
