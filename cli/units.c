/* cli/units.c: sizes and times as people write them, and back. */
#include "cli.h"

#include <string.h>

typedef struct unit {
  const char *name;
  uint64_t factor;
} unit;

/* In either case: 4k is what dd, truncate and head take, too. */
static const unit sizes[] = {{"", 1},
                             {"B", 1},
                             {"K", UINT64_C(1) << 10},
                             {"KiB", UINT64_C(1) << 10},
                             {"KB", UINT64_C(1000)},
                             {"M", UINT64_C(1) << 20},
                             {"MiB", UINT64_C(1) << 20},
                             {"MB", UINT64_C(1000000)},
                             {"G", UINT64_C(1) << 30},
                             {"GiB", UINT64_C(1) << 30},
                             {"GB", UINT64_C(1000000000)},
                             {"T", UINT64_C(1) << 40},
                             {"TiB", UINT64_C(1) << 40},
                             {"TB", UINT64_C(1000000000000)},
                             {NULL, 0}};

static const unit times[] = {
    {"ns", UINT64_C(1)},          {"us", UINT64_C(1000)},         {"ms", UINT64_C(1000000)},      {"s", UINT64_C(1000000000)},
    {"m", UINT64_C(60000000000)}, {"min", UINT64_C(60000000000)}, {"h", UINT64_C(3600000000000)}, {NULL, 0}};

/* "1.5" in front of a unit: whole + fraction / scale. At most nine digits after the point count. */
typedef struct amount {
  uint64_t whole, fraction, scale;
} amount;

static const char *parse_amount(const char *text, amount *ret_amount) {
  amount a = {0, 0, 1};
  const char *at = text;
  for (; *at >= '0' && *at <= '9'; at++) {
    uint64_t digit = (uint64_t)(*at - '0');
    if (a.whole > (UINT64_MAX - digit) / 10) return NULL;
    a.whole = a.whole * 10 + digit;
  }
  if (at == text) return NULL;
  if (*at == '.') {
    const char *point = at++;
    for (; *at >= '0' && *at <= '9'; at++) {
      if (a.scale == UINT64_C(1000000000)) return NULL;
      a.fraction = a.fraction * 10 + (uint64_t)(*at - '0');
      a.scale *= 10;
    }
    if (at == point + 1) return NULL;
  }
  *ret_amount = a;
  return at;
}

/* The part behind the point in units of factor, without overflow: factor is split so that each product stays below 2^64. */
static uint64_t part_of(const amount *a, uint64_t factor) {
  uint64_t high = factor / a->scale, low = factor % a->scale;
  return a->fraction * high + a->fraction * low / a->scale;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

static bool is_called(const char *text, const char *name, bool any_case) {
  for (; *text && (any_case ? lower(*text) == lower(*name) : *text == *name); text++) name++;
  return *text == *name;
}

static bool parse_with_unit(const char *text, const unit *units, bool any_case, uint64_t *ret_value) {
  amount a;
  const char *rest = parse_amount(text, &a);
  if (!rest) return false;
  if (*rest == ' ') rest++;
  for (const unit *u = units; u->name; u++) {
    if (!is_called(rest, u->name, any_case)) continue;
    if (u->factor == 1 && a.scale != 1) return false; /* half a byte */
    if (a.whole > UINT64_MAX / u->factor) return false;
    uint64_t value = a.whole * u->factor, part = part_of(&a, u->factor);
    if (value > UINT64_MAX - part) return false;
    *ret_value = value + part;
    return true;
  }
  return false;
}

bool cli_parse_size(const char *text, uint64_t *ret_bytes) { return parse_with_unit(text, sizes, true, ret_bytes); }

bool cli_parse_time(const char *text, int64_t *ret_ns) {
  uint64_t ns;
  if (strcmp(text, "forever") == 0) {
    *ret_ns = TARN_FOREVER;
  } else if (strcmp(text, "0") == 0) {
    *ret_ns = 0;
  } else if (parse_with_unit(text, times, false, &ns) && ns <= (uint64_t)INT64_MAX) {
    *ret_ns = (int64_t)ns;
  } else {
    return false;
  }
  return true;
}

static int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

static bool parse_digits(const char *text, unsigned base, uint64_t *ret_number) {
  uint64_t number = 0;
  if (!*text) return false;
  for (; *text; text++) {
    unsigned digit = (unsigned)digit_value(*text);
    if (digit >= base || number > (UINT64_MAX - digit) / base) return false;
    number = number * base + digit;
  }
  *ret_number = number;
  return true;
}

bool cli_parse_number(const char *text, uint64_t *ret_number) {
  if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) return parse_digits(text + 2, 16, ret_number);
  return parse_digits(text, 10, ret_number);
}

bool cli_parse_mode(const char *text, uint32_t *ret_mode) {
  uint64_t mode;
  if (!parse_digits(text, 8, &mode) || mode == 0 || mode > 0777) return false;
  *ret_mode = (uint32_t)mode;
  return true;
}

const char *cli_size_words(uint64_t bytes, char words[CLI_WORDS]) {
  static const char *const names[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  unsigned step = 0;
  uint64_t scale = 1;
  while (step < 6 && bytes / scale >= 1024) scale *= 1024, step++;
  if (bytes % scale == 0) {
    snprintf(words, CLI_WORDS, "%llu %s", (unsigned long long)(bytes / scale), bytes == 1 ? "byte" : names[step]);
  } else {
    snprintf(words, CLI_WORDS, "%.1f %s", (double)bytes / (double)scale, names[step]);
  }
  return words;
}

typedef struct step {
  const char *name;
  int64_t ns;
} step;

static const step steps[] = {{"d", INT64_C(86400000000000)}, {"h", INT64_C(3600000000000)}, {"min", INT64_C(60000000000)},
                             {"s", INT64_C(1000000000)},     {"ms", INT64_C(1000000)},      {"us", 1000}};

/* By the largest unit that it has one of, and, if it is to be exact, that it is a multiple of. */
static const char *time_words(int64_t ns, bool exact, char words[CLI_WORDS]) {
  for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
    if (ns < steps[i].ns || (exact && ns % steps[i].ns != 0)) continue;
    snprintf(words, CLI_WORDS, "%lld %s", (long long)(ns / steps[i].ns), steps[i].name);
    return words;
  }
  snprintf(words, CLI_WORDS, "%lld ns", (long long)(ns < 0 ? 0 : ns));
  return words;
}

const char *cli_age_words(int64_t ns, char words[CLI_WORDS]) { return time_words(ns, false, words); }

const char *cli_time_given_words(int64_t ns, char words[CLI_WORDS]) { return time_words(ns, true, words); }
