/* cli/layout.c: reads a layout file, strictly: what is not understood is an error with file and line, never passed over.
 *
 * A line is a field (NAME OFFSET TYPE [WORD...]), a rule for the lines after it (endian le|be, pack N), or empty; # begins a comment.
 */
#include "layout.h"

#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

enum { MOST_WORDS = 8, MOST_FIELDS = 4096, MOST_COUNT = 1 << 20, LONGEST_FILE = 1 << 20 };
#define FARTHEST (UINT64_C(1) << 40)

typedef struct type {
  const char *name;
  int type;
  uint32_t unit_bytes;
} type;

static const type types[] = {
    {"u8", CLI_FIELD_UNSIGNED, 1},  {"u16", CLI_FIELD_UNSIGNED, 2},
    {"u32", CLI_FIELD_UNSIGNED, 4}, {"u64", CLI_FIELD_UNSIGNED, 8},
    {"i8", CLI_FIELD_SIGNED, 1},    {"i16", CLI_FIELD_SIGNED, 2},
    {"i32", CLI_FIELD_SIGNED, 4},   {"i64", CLI_FIELD_SIGNED, 8},
    {"f32", CLI_FIELD_FLOAT, 4},    {"f64", CLI_FIELD_FLOAT, 8},
    {"bool", CLI_FIELD_BOOL, 1},    {"char", CLI_FIELD_CHAR, 1},
    {"utf16", CLI_FIELD_WIDE, 2},   {"wchar16", CLI_FIELD_WIDE, 2},
    {"wchar32", CLI_FIELD_WIDE, 4}, {"wchar", CLI_FIELD_WIDE, sizeof(wchar_t)},
};

typedef struct parser {
  cli_layout *layout;
  unsigned line;
  bool big_endian;
  uint32_t pack;
  uint64_t next;  /* behind the field before */
  bool has_guard; /* a sequence or a counter, or the first of a pair, is in layout->first */
  bool has_last;  /* the last of a pair is in layout->last */
} parser;

/* printf's format is the caller's; file and line come first. */
#define WRONG(p, ...) wrong_line(p, (snprintf(wrong_text, sizeof wrong_text, __VA_ARGS__), wrong_text))
static char wrong_text[400];

static int wrong_line(const parser *p, const char *what) {
  return cli_fail(CLI_USAGE, "%s:%u: %s", p->layout->path, p->line, what);
}

uint64_t cli_field_bytes(const cli_field *field) { return field->count * field->unit_bytes; }

void cli_layout_free(cli_layout *layout) {
  free(layout->fields);
  *layout = (cli_layout){0};
}

/* ---- The parts of a field -------------------------------------------------------------------------------------------------- */

static int set_name(const parser *p, cli_field *field, const char *word) {
  size_t length = strlen(word);
  if (length >= sizeof field->name) return WRONG(p, "a name has at most %zu characters", sizeof field->name - 1);
  for (size_t i = 0; i < length; i++) {
    char c = word[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && !(c >= '0' && c <= '9') && !strchr("_.-[]", c))
      return WRONG(p, "%.80s: a name is made of letters, digits, _ . - [ and ]", word);
  }
  memcpy(field->name, word, length + 1);
  for (size_t i = 0; i < p->layout->count; i++) {
    if (strcmp(p->layout->fields[i].name, word) == 0) return WRONG(p, "there is a field %s already", word);
  }
  return CLI_DONE;
}

static int unknown_type(const parser *p, const char *word) {
  const char *names[sizeof types / sizeof types[0] + 1] = {0};
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) names[i] = types[i].name;
  const char *near = cli_nearest(word, names);
  if (near) return WRONG(p, "there is no type %.80s; is %s meant?", word, near);
  return WRONG(
      p, "there is no type %.80s; there are u8 to u64, i8 to i64, f32, f64, bool, char, utf16, wchar, wchar16, wchar32", word);
}

/* "[12]" behind the type. */
static int set_count(const parser *p, cli_field *field, char *word) {
  size_t length = strlen(word);
  if (length < 3 || word[length - 1] != ']') return WRONG(p, "[%.80s: an array is written like f32[4]", word + 1);
  word[length - 1] = 0;
  if (!cli_parse_number(word + 1, &field->count) || field->count == 0 || field->count > MOST_COUNT)
    return WRONG(p, "[%.80s]: a count is from 1 to %d", word + 1, MOST_COUNT);
  field->is_array = true;
  return CLI_DONE;
}

/* ":4" or ":4-7" behind the type. */
static int set_bits(const parser *p, cli_field *field, char *word) {
  uint64_t low, high;
  char *dash = strchr(word, '-');
  if (dash) *dash = 0;
  bool good = cli_parse_number(word + 1, &low) && (!dash || cli_parse_number(dash + 1, &high));
  if (!dash) high = good ? low : 0;
  if (!good || high < low || high >= field->unit_bytes * 8)
    return WRONG(p, "bits are written like u32:4 or u32:4-7, from 0 to %u", field->unit_bytes * 8 - 1);
  if (field->type != CLI_FIELD_UNSIGNED && field->type != CLI_FIELD_SIGNED) return WRONG(p, "only whole numbers have bits");
  field->low_bit = (uint8_t)low;
  field->bits = (uint8_t)(high - low + 1);
  return CLI_DONE;
}

static int set_type(const parser *p, cli_field *field, char *word) {
  size_t length = strcspn(word, "[:");
  char mark = word[length];
  word[length] = 0;
  field->unit_bytes = 0;
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    if (strcmp(types[i].name, word) != 0) continue;
    field->type = types[i].type;
    field->unit_bytes = types[i].unit_bytes;
  }
  if (!field->unit_bytes) return unknown_type(p, word);
  field->count = 1;
  word[length] = mark;
  return mark == '[' ? set_count(p, field, word + length) : mark == ':' ? set_bits(p, field, word + length) : CLI_DONE;
}

/* "+" is where a C compiler would put it, behind the field before. */
static int set_offset(const parser *p, cli_field *field, const char *word) {
  if (strcmp(word, "+") == 0) {
    uint64_t step = field->unit_bytes < p->pack ? field->unit_bytes : p->pack;
    field->offset = (p->next + step - 1) / step * step;
  } else if (!cli_parse_number(word, &field->offset)) {
    return WRONG(p, "%.80s: an offset is a number such as 12 or 0x0c, or + for behind the field before", word);
  }
  if (field->offset > FARTHEST) return WRONG(p, "%.80s: an offset is at most %llu", word, (unsigned long long)FARTHEST);
  return CLI_DONE;
}

/* ---- The guard ----------------------------------------------------------------------------------------------------------------- */

static int set_guard(parser *p, const cli_field *field, int guard, bool is_last) {
  cli_layout *layout = p->layout;
  if ((field->type != CLI_FIELD_UNSIGNED && field->type != CLI_FIELD_SIGNED) || field->is_array || field->bits)
    return WRONG(p, "%s cannot guard the others: only a single whole number can", field->name);
  if ((layout->guard != CLI_GUARD_NONE && layout->guard != guard) || (is_last ? p->has_last : p->has_guard))
    return WRONG(p, "%s: there is a field that guards the others already", field->name);
  layout->guard = guard;
  if (is_last) {
    layout->last = layout->count;
    p->has_last = true;
  } else {
    layout->first = layout->count;
    if (guard != CLI_GUARD_PAIR) layout->last = layout->count;
    p->has_guard = true;
  }
  return CLI_DONE;
}

static int set_word(parser *p, cli_field *field, const char *word) {
  if (strcmp(word, "le") == 0 || strcmp(word, "be") == 0) {
    field->big_endian = word[0] == 'b';
    return CLI_DONE;
  }
  if (strcmp(word, "sequence") == 0) return set_guard(p, field, CLI_GUARD_SEQUENCE, false);
  if (strcmp(word, "counter") == 0) return set_guard(p, field, CLI_GUARD_COUNTER, false);
  if (strcmp(word, "begin") == 0) return set_guard(p, field, CLI_GUARD_PAIR, false);
  if (strcmp(word, "end") == 0) return set_guard(p, field, CLI_GUARD_PAIR, true);
  return WRONG(p, "%.80s: behind the type only le, be, sequence, counter, begin or end may stand", word);
}

/* ---- Lines ------------------------------------------------------------------------------------------------------------------------ */

static int add_field(parser *p, char **words, size_t count) {
  cli_layout *layout = p->layout;
  cli_field field = {.big_endian = p->big_endian};
  int failed = set_name(p, &field, words[0]);
  if (!failed) failed = set_type(p, &field, words[2]);
  if (!failed) failed = set_offset(p, &field, words[1]);
  for (size_t i = 3; i < count && !failed; i++) failed = set_word(p, &field, words[i]);
  if (failed) return failed;
  if (layout->count == MOST_FIELDS) return WRONG(p, "there are more than %d fields", MOST_FIELDS);
  if (layout->count == layout->capacity) {
    size_t larger = layout->capacity ? layout->capacity * 2 : 64;
    cli_field *moved = realloc(layout->fields, larger * sizeof *moved);
    if (!moved) return cli_fail(CLI_NO_SPACE, "not enough memory");
    layout->fields = moved;
    layout->capacity = larger;
  }
  layout->fields[layout->count++] = field;
  p->next = field.offset + cli_field_bytes(&field);
  if (p->next > layout->size_bytes) layout->size_bytes = p->next;
  return CLI_DONE;
}

static int set_rule(parser *p, char **words) {
  uint64_t pack;
  if (strcmp(words[0], "endian") == 0 && (strcmp(words[1], "le") == 0 || strcmp(words[1], "be") == 0)) {
    p->big_endian = words[1][0] == 'b';
  } else if (strcmp(words[0], "pack") == 0 && cli_parse_number(words[1], &pack) &&
             (pack == 1 || pack == 2 || pack == 4 || pack == 8)) {
    p->pack = (uint32_t)pack;
  } else {
    return WRONG(p, "it is neither a field (NAME OFFSET TYPE) nor endian le|be nor pack 1|2|4|8");
  }
  return CLI_DONE;
}

static int parse_line(parser *p, char *line) {
  char *words[MOST_WORDS];
  size_t count = 0;
  line[strcspn(line, "#")] = 0;
  for (char *at = line; *(at += strspn(at, " \t\r"));) {
    if (count == MOST_WORDS) return WRONG(p, "there are too many words");
    words[count++] = at;
    at += strcspn(at, " \t\r");
    if (*at) *at++ = 0;
  }
  if (count == 0) return CLI_DONE;
  if (count == 2) return set_rule(p, words);
  if (count < 3) return WRONG(p, "%.80s: a field is NAME OFFSET TYPE", words[0]);
  return add_field(p, words, count);
}

static int parse_lines(parser *p, char *text) {
  int failed = CLI_DONE;
  while (text && !failed) {
    char *end = strchr(text, '\n');
    if (end) *end = 0;
    p->line++;
    failed = parse_line(p, text);
    text = end ? end + 1 : NULL;
  }
  if (failed) return failed;
  if (p->layout->count == 0) return cli_fail(CLI_USAGE, "%s: there is no field in it", p->layout->path);
  if (p->layout->guard == CLI_GUARD_PAIR && !(p->has_guard && p->has_last))
    return cli_fail(CLI_USAGE, "%s: of two fields, one is marked begin and the other end; one of them is missing",
                    p->layout->path);
  return CLI_DONE;
}

static int read_text(const char *path, char **ret_text) {
  cli_input input;
  uint8_t *bytes, *text;
  uint64_t size;
  int failed = cli_input_open(&input, path);
  if (failed) return failed;
  failed = cli_input_read_all(&input, LONGEST_FILE, &bytes, &size, &(cli_progress){0});
  cli_input_close(&input);
  if (failed) return failed;
  text = size > LONGEST_FILE ? NULL : realloc(bytes, (size_t)size + 1);
  if (!text) {
    free(bytes);
    return cli_fail(CLI_USAGE, "%s: a layout is text of at most 1 MiB", path);
  }
  text[size] = 0;
  *ret_text = (char *)text;
  if (strlen(*ret_text) == size) return CLI_DONE;
  free(text);
  return cli_fail(CLI_USAGE, "%s: it is no text: there is a NUL in it", path);
}

int cli_layout_read(cli_layout *ret_layout, const char *path) {
  char *text = NULL;
  int failed = read_text(path, &text);
  if (failed) return failed;
  cli_layout layout = {.path = path};
  parser p = {.layout = &layout, .pack = 8};
  failed = parse_lines(&p, text);
  free(text);
  if (failed) {
    cli_layout_free(&layout);
  } else {
    *ret_layout = layout;
  }
  return failed;
}
