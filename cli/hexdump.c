/* cli/hexdump.c: rows of sixteen bytes, what changed marked, equal rows in between left out. */
#include "hexdump.h"

#include "cli.h"

#include <string.h>

enum { ROW = 16, NEAR_BY = 8 };

static bool differs(const cli_change *c, uint64_t at) {
  return c->all || at >= c->before_size || c->bytes[at] != c->before[at];
}

static uint64_t first_difference(const cli_change *c, uint64_t at) {
  if (c->all) return at;
  while (at < c->size && at < c->before_size) {
    uint64_t left = (c->size < c->before_size ? c->size : c->before_size) - at, piece = left < 256 ? left : 256;
    if (memcmp(c->bytes + at, c->before + at, (size_t)piece) != 0) break;
    at += piece;
  }
  while (at < c->size && !differs(c, at)) at++;
  return at;
}

bool cli_next_change(const cli_change *c, uint64_t start, uint64_t *ret_from, uint64_t *ret_to) {
  uint64_t from = first_difference(c, start), to = from;
  if (from >= c->size) return false;
  if (c->all) {
    to = c->size;
  } else {
    for (uint64_t at = from; at < c->size && at - to < NEAR_BY; at++) {
      if (differs(c, at)) to = at + 1;
    }
  }
  *ret_from = from;
  *ret_to = to;
  return true;
}

uint64_t cli_changed_bytes(const cli_change *c) {
  uint64_t changed = 0;
  for (uint64_t at = 0; (at = first_difference(c, at)) < c->size; at++) changed++;
  return changed;
}

static void print_byte(FILE *to, const cli_change *c, const cli_hexdump_style *style, uint64_t at) {
  bool mark = !c->all && differs(c, at);
  fputc(mark && !style->colors ? '>' : ' ', to);
  fprintf(to, mark && style->colors ? "\033[7m%02x\033[0m" : "%02x", c->bytes[at]);
}

static void print_row(FILE *to, const cli_change *c, const cli_hexdump_style *style, uint64_t row) {
  fprintf(to, "%08llx ", (unsigned long long)(c->offset + row));
  for (uint64_t i = 0; i < ROW; i++) {
    if (i == ROW / 2) fputc(' ', to);
    if (row + i < c->size) {
      print_byte(to, c, style, row + i);
    } else {
      fputs("   ", to);
    }
  }
  fputs("  |", to);
  for (uint64_t at = row; at < row + ROW && at < c->size; at++) {
    uint8_t byte = c->bytes[at];
    fputc(byte >= 32 && byte < 127 ? byte : '.', to);
  }
  fputs(style->screen ? "|\033[K\n" : "|\n", to);
}

/* A row like the one before it, marks included, as hexdump leaves out. */
static bool repeats(const cli_change *c, uint64_t row) {
  if (row < ROW || row + ROW >= c->size || memcmp(c->bytes + row, c->bytes + row - ROW, ROW) != 0) return false;
  for (uint64_t at = row; at < row + ROW && !c->all; at++)
    if (differs(c, at) != differs(c, at - ROW)) return false;
  return true;
}

static bool has_change(const cli_change *c, uint64_t row) {
  return first_difference(c, row) < row + ROW && first_difference(c, row) < c->size;
}

void cli_hexdump(FILE *to, const cli_change *c, const cli_hexdump_style *style) {
  uint64_t shown = 0, row = 0;
  bool left_out = false;
  for (; row < c->size && shown < style->rows; row += ROW) {
    bool changed = !c->all && has_change(c, row);
    if (!style->everything && !changed) {
      uint64_t next = first_difference(c, row) / ROW * ROW; /* of a large map most is as it was */
      if (next > row + ROW) row = next - ROW;
      continue;
    }
    if (repeats(c, row)) {
      if (!left_out) fputs(style->screen ? "*\033[K\n" : "*\n", to), shown++;
      left_out = true;
      continue;
    }
    left_out = false;
    print_row(to, c, style, row);
    shown++;
  }
  uint64_t more = style->everything ? row : first_difference(c, row);
  char words[CLI_WORDS];
  if (more < c->size && !style->screen)
    fprintf(to, "... up to %s more; --offset and --length show a part, --json has all\n",
            cli_size_words(c->size - more, words));
}
