/* cli/parse.c: from words to a command, its operands and its options, all by the table in commands.c. */
#include "cli.h"

#include <string.h>

/* How many edits turn a into b: letters left out, added, changed, or swapped. Words longer than 31 never match. */
static unsigned distance(const char *a, const char *b) {
  enum { LIMIT = 32 };
  size_t length_a = strlen(a), length_b = strlen(b);
  if (length_a >= LIMIT || length_b >= LIMIT) return LIMIT;
  unsigned d[LIMIT][LIMIT];
  for (unsigned i = 0; i <= length_a; i++) d[i][0] = i;
  for (unsigned j = 0; j <= length_b; j++) d[0][j] = j;
  for (size_t i = 1; i <= length_a; i++) {
    for (size_t j = 1; j <= length_b; j++) {
      unsigned best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
      if (d[i - 1][j] + 1 < best) best = d[i - 1][j] + 1;
      if (d[i][j - 1] + 1 < best) best = d[i][j - 1] + 1;
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
        best = d[i - 2][j - 2] + 1;
      d[i][j] = best;
    }
  }
  return d[length_a][length_b];
}

const char *cli_nearest(const char *word, const char *const *names) {
  const char *nearest = NULL;
  unsigned best = strlen(word) < 5 ? 2 : 3; /* further away than this is another word */
  for (; *names; names++) {
    unsigned away = distance(word, *names);
    if (away < best) best = away, nearest = *names;
  }
  return nearest;
}

/* How many words of name the user's words match; 0 unless all of them do. */
static int words_matched(const char *name, int count, char **words) {
  int matched = 0;
  while (*name) {
    size_t length = strcspn(name, " ");
    if (matched >= count || strlen(words[matched]) != length || memcmp(words[matched], name, length) != 0) return 0;
    matched++;
    name += length;
    if (*name == ' ') name++;
  }
  return matched;
}

const cli_command *cli_find_command(int count, char **words, int *ret_words) {
  for (const cli_command *command = cli_commands; command->name; command++) {
    int matched = words_matched(command->name, count, words);
    if (!matched) continue;
    *ret_words = matched;
    return command;
  }
  return NULL;
}

static const cli_option *find_option(const cli_command *command, const char *name, size_t length) {
  for (const cli_option *option = cli_options; option->name; option++) {
    if (!((command->options | CLI_COMMON) & option->bit)) continue;
    if (strlen(option->name) == length && memcmp(option->name, name, length) == 0) return option;
  }
  return NULL;
}

static const cli_option *find_letter(const cli_command *command, char letter) {
  for (const cli_option *option = cli_options; option->name; option++) {
    if (((command->options | CLI_COMMON) & option->bit) && option->letter == letter) return option;
  }
  return NULL;
}

static int unknown_option(const cli_command *command, const char *word) {
  const char *names[40];
  size_t count = 0;
  for (const cli_option *option = cli_options; option->name && count < 39; option++) {
    if ((command->options | CLI_COMMON) & option->bit) names[count++] = option->name;
  }
  names[count] = NULL;
  char name[64];
  snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
  const char *near = cli_nearest(name + strspn(name, "-"), names);
  if (near) return cli_fail(CLI_USAGE, "there is no option %s; is --%s meant?", name, near);
  return cli_fail(CLI_USAGE, "there is no option %s; `tarn %s --help` lists them", name, command->name);
}

/* Which of "auto|24bit|none" text is. */
static bool parse_choice(const char *choices, const char *text, uint32_t *ret_choice) {
  size_t length = strlen(text);
  for (uint32_t i = 0; *choices; i++) {
    size_t part = strcspn(choices, "|");
    if (part == length && memcmp(choices, text, part) == 0) {
      *ret_choice = i;
      return true;
    }
    choices += part;
    if (*choices) choices++;
  }
  return false;
}

static const char *const value_examples[] = {
    [CLI_IS_NUMBER] = "a number such as 12",
    [CLI_IS_SIZE] = "a size such as 64KiB, 26M or 1G",
    [CLI_IS_TIME] = "a time such as 500ms, 2s, 1m or forever",
    [CLI_IS_MODE] = "permission bits in octal such as 0640",
};

static bool parse_value(const cli_option *option, const char *text, void *field) {
  switch (option->syntax) {
    case CLI_IS_TEXT:
      *(const char **)field = text;
      return true;
    case CLI_IS_NUMBER:
      return cli_parse_number(text, field);
    case CLI_IS_SIZE:
      return cli_parse_size(text, field);
    case CLI_IS_TIME:
      return cli_parse_time(text, field);
    case CLI_IS_MODE:
      return cli_parse_mode(text, field);
    case CLI_IS_CHOICE:
      return parse_choice(option->value, text, field);
    default:
      return false;
  }
}

static int set_option(const cli_option *option, const char *text, cli_values *values) {
  void *field = (char *)values + option->field;
  values->given |= option->bit;
  if (option->syntax == CLI_IS_FLAG) {
    *(bool *)field = true;
    return CLI_DONE;
  }
  if (parse_value(option, text, field)) return CLI_DONE;
  if (option->syntax == CLI_IS_CHOICE)
    return cli_fail(CLI_USAGE, "--%s %s: it is one of %s", option->name, text, option->value);
  return cli_fail(CLI_USAGE, "--%s %s: the value is %s", option->name, text, value_examples[option->syntax]);
}

/* The value of an option that needs one is what stands behind it in its word, or the next word. */
static int parse_value_of(const cli_option *option, const char *text, char **words, int count, int *at, cli_values *values) {
  if (!text && *at + 1 >= count)
    return cli_fail(CLI_USAGE, "--%s needs a value: --%s %s", option->name, option->name, option->value);
  return set_option(option, text ? text : words[++*at], values);
}

static int parse_long(const cli_command *command, char **words, int count, int *at, cli_values *values) {
  const char *word = words[*at];
  size_t length = strcspn(word, "=");
  const char *text = word[length] ? word + length + 1 : NULL;
  const cli_option *option = find_option(command, word + 2, length - 2);
  if (!option) return unknown_option(command, word);
  if (option->syntax != CLI_IS_FLAG) return parse_value_of(option, text, words, count, at, values);
  if (text) return cli_fail(CLI_USAGE, "--%s takes no value", option->name);
  return set_option(option, NULL, values);
}

/* One or more in a word, -qj; the last may have a value, -w5s. */
static int parse_letters(const cli_command *command, char **words, int count, int *at, cli_values *values) {
  const char *word = words[*at];
  for (const char *letter = word + 1; *letter; letter++) {
    const cli_option *option = find_letter(command, *letter);
    if (!option) return unknown_option(command, word);
    if (option->syntax != CLI_IS_FLAG)
      return parse_value_of(option, letter[1] ? letter + 1 : NULL, words, count, at, values);
    int failed = set_option(option, NULL, values);
    if (failed) return failed;
  }
  return CLI_DONE;
}

static int check_operands(const cli_command *command, int count) {
  int least = 0, most = 0;
  for (int i = 0; i < CLI_OPERANDS && command->operands[i].what; i++) {
    if (!command->operands[i].optional) least++;
    most = command->operands[i].repeats ? 1 << 30 : most + 1;
  }
  if (count < least) {
    return cli_fail(CLI_USAGE, "%s is missing; `tarn %s --help` shows how it is used", command->operands[count].name,
                    command->name);
  }
  if (count > most) return cli_fail(CLI_USAGE, "too many arguments; `tarn %s --help` shows how it is used", command->name);
  return CLI_DONE;
}

int cli_parse(const cli_command *command, int count, char **words, cli_values *ret_values, int *ret_count) {
  int operands = 0;
  bool only_operands = false;
  for (int i = 0; i < count; i++) {
    const char *word = words[i];
    if (only_operands || word[0] != '-' || !word[1]) {
      words[operands++] = words[i];
    } else if (strcmp(word, "--") == 0) {
      only_operands = true;
    } else {
      int result = (word[1] == '-' ? parse_long : parse_letters)(command, words, count, &i, ret_values);
      if (result) return result;
    }
  }
  *ret_count = operands;
  return ret_values->help ? CLI_DONE : check_operands(command, operands);
}
