/* cli/complete.c: what may come next on a command line, for the shells: `tarn __complete WORDS...`, the last of which is being typed.
 *
 * All that is known comes from the table of commands, so that completion and parsing cannot disagree; the files in completion/ only
 * ask and show. One candidate a line, a tab and what it means; `:files` or `:directories` ask the shell for its own.
 * It is not in the table itself: nobody types it. It says nothing on errors: there is nothing to complete then. */
#include "cli.h"

#include "system.h"

#include <stdlib.h>
#include <string.h>

/* What is known when the word that is being typed is reached. */
typedef struct position {
  const cli_command *command;
  int words;                /* of the command's name */
  int operands;             /* whole ones before the cursor */
  uint64_t given;           /* options, as bits */
  const cli_option *option; /* the one whose value is being typed, or NULL */
  bool only_operands;       /* behind -- */
} position;

static void candidate(const char *typed, const char *word, size_t length, const char *meaning) {
  size_t begun = strlen(typed);
  if (length < begun || memcmp(word, typed, begun) != 0) return;
  printf("%.*s\t%s\n", (int)length, word, meaning ? meaning : "");
}

/* ---- Commands ---------------------------------------------------------------------------------------------------------- */

/* Where the rest of a command's name begins after `count` whole words of it; NULL: they are others, or there is no rest. */
static const char *rest_of_name(const char *name, int count, char **words) {
  for (int i = 0; i < count; i++) {
    size_t length = strcspn(name, " ");
    if (strlen(words[i]) != length || memcmp(words[i], name, length) != 0 || name[length] != ' ') return NULL;
    name += length + 1;
  }
  return name;
}

static void complete_command(int count, char **words) {
  const char *last = NULL, *typed = words[count - 1];
  size_t last_length = 0;
  for (const cli_command *command = cli_commands; command->name; command++) {
    const char *rest = rest_of_name(command->name, count - 1, words);
    if (!rest) continue;
    size_t length = strcspn(rest, " ");
    if (last && length == last_length && memcmp(last, rest, length) == 0) continue; /* one line for all that begin so */
    last = rest;
    last_length = length;
    candidate(typed, rest, length, rest[length] ? "several commands" : command->summary);
  }
}

/* ---- Options ----------------------------------------------------------------------------------------------------------- */

static bool takes(const cli_command *command, const cli_option *option) {
  return ((command->options | CLI_COMMON) & option->bit) != 0;
}

/* The option that word names, alone or with a value behind `=`. */
static const cli_option *option_of(const cli_command *command, const char *word) {
  size_t length = strcspn(word, "=");
  for (const cli_option *option = cli_options; option->name; option++) {
    if (!takes(command, option)) continue;
    if (word[1] == '-' && strlen(option->name) == length - 2 && memcmp(option->name, word + 2, length - 2) == 0) return option;
    if (word[1] != '-' && option->letter == word[1]) return option;
  }
  return NULL;
}

static void complete_option(const position *at, const char *typed) {
  char word[64];
  for (const cli_option *option = cli_options; option->name; option++) {
    if (!takes(at->command, option) || (at->given & option->bit)) continue;
    snprintf(word, sizeof word, "--%s", option->name);
    candidate(typed, word, strlen(word), option->help);
  }
}

static void complete_value(const cli_option *option, const char *typed) {
  static const char *const types[] = {"image/bmp", "image/png", "image/jpeg", "text/plain", "application/json"};
  if (option->bit == CLI_DIR) puts(":directories");
  if (option->bit == CLI_TYPE)
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) candidate(typed, types[i], strlen(types[i]), NULL);
  if (option->value && strcmp(option->value, "FILE") == 0) puts(":files");
  if (option->syntax != CLI_IS_CHOICE && !strchr(option->value, '|')) return;
  for (const char *choice = option->value; *choice; choice += choice[strcspn(choice, "|")] ? strcspn(choice, "|") + 1 : strlen(choice)) {
    size_t length = strcspn(choice, "|");
    if (choice[0] >= 'A' && choice[0] <= 'Z') continue; /* N: anything */
    candidate(typed, choice, length, NULL);
  }
}

/* ---- Operands ---------------------------------------------------------------------------------------------------------- */

typedef struct wanted {
  uint32_t kind; /* 0: any */
  const char *typed;
} wanted;

/* Other names would have to be quoted, each shell in its way. */
static int name_candidate(const tarn_entry *entry, void *argument) {
  const wanted *want = argument;
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+@,-";
  if (want->kind && entry->kind != want->kind) return 0;
  if (entry->name[0] == '-' || entry->name[strspn(entry->name, plain)]) return 0;
  candidate(want->typed, entry->name, strlen(entry->name), cli_kind_name(entry->kind));
  return 0;
}

static void complete_operand(const position *at, const char *typed) {
  const cli_operand *operands = at->command->operands;
  int which = 0;
  while (which < at->operands && which + 1 < CLI_OPERANDS && operands[which].what && !operands[which].repeats) which++;
  int what = operands[which].what;
  wanted want = {what == CLI_A_BOARD ? TARN_KIND_BOARD : what == CLI_A_STREAM ? TARN_KIND_STREAM : what == CLI_A_MAP ? TARN_KIND_MAP : 0u,
                 typed};
  if (what == CLI_A_FILE || (what && strchr(operands[which].name, '|') && strstr(operands[which].name, "FILE"))) puts(":files");
  if (what == CLI_A_DIRECTORY) puts(":directories");
  bool is_name = what == CLI_A_BOARD || what == CLI_A_STREAM || what == CLI_A_MAP || what == CLI_A_NAME ||
                 (what == CLI_A_DIRECTORY && strstr(operands[which].name, "NAME"));
  if (is_name && strchr(typed, '/')) puts(":files"); /* a path of one */
  if (is_name && want.kind && want.kind != TARN_KIND_MAP) {
    tarn_list_channels(NULL, name_candidate, &want); /* nobody asks who has the maps */
  } else if (is_name) {
    tarn_list(NULL, name_candidate, &want);
  }
}

/* ---- All of it --------------------------------------------------------------------------------------------------------- */

/* -qj, -qw, -w5s */
static void pass_letters(position *at, const char *word, const char **ret_directory) {
  for (const char *letter = word + 1; *letter; letter++) {
    const cli_option *option = option_of(at->command, (const char[]){'-', *letter, 0});
    if (!option) return;
    at->given |= option->bit;
    if (option->syntax == CLI_IS_FLAG) continue;
    if (!letter[1]) at->option = option;
    if (letter[1] && option->bit == CLI_DIR) *ret_directory = letter + 1;
    return;
  }
}

/* What word `i` of the line is; where an option's value comes next, at->option says so. */
static void pass_word(position *at, const char *word, const char **ret_directory) {
  if (at->option) {
    if (strcmp(word, "=") == 0) return; /* bash takes --name=value apart */
    if (at->option->bit == CLI_DIR) *ret_directory = word;
    at->option = NULL;
  } else if (at->only_operands || word[0] != '-' || !word[1]) {
    at->operands++;
  } else if (strcmp(word, "--") == 0) {
    at->only_operands = true;
  } else if (word[1] != '-') {
    pass_letters(at, word, ret_directory);
  } else {
    const cli_option *option = option_of(at->command, word);
    const char *equals = strchr(word, '=');
    if (!option) return;
    at->given |= option->bit;
    if (option->syntax != CLI_IS_FLAG && !equals) at->option = option;
    if (option->bit == CLI_DIR && equals) *ret_directory = equals + 1;
  }
}

/* --name=val in one word, as zsh and fish have it: candidates need the front, too. */
static bool complete_joined(const position *at, const char *typed) {
  const char *equals = strchr(typed, '=');
  const cli_option *option = equals && typed[0] == '-' && typed[1] == '-' ? option_of(at->command, typed) : NULL;
  if (!option || option->syntax != CLI_IS_CHOICE) return option != NULL;
  char word[128];
  for (const char *choice = option->value; *choice;) {
    size_t length = strcspn(choice, "|");
    snprintf(word, sizeof word, "%.*s%.*s", (int)(equals + 1 - typed), typed, (int)length, choice);
    candidate(typed, word, strlen(word), NULL);
    choice += length + (choice[length] == '|');
  }
  return true;
}

int cli_complete(int count, char **words) {
  position at = {0};
  const char *directory = NULL;
  if (count < 1) return CLI_USAGE;
  const char *typed = words[count - 1];
  if (count > 1) at.command = cli_find_command(count - 1, words, &at.words);
  if (at.command && at.command->operands[0].what == CLI_A_COMMAND) { /* help: the rest is a command again */
    complete_command(count - at.words, words + at.words);
    return CLI_DONE;
  }
  if (!at.command) {
    complete_command(count, words);
    return CLI_DONE;
  }
  for (int i = at.words; i < count - 1; i++) pass_word(&at, words[i], &directory);
  if (directory) cli_set_environment("TARN_DIR", directory);
  if (at.option)
    complete_value(at.option, strcmp(typed, "=") == 0 ? "" : typed);
  else if (!at.only_operands && typed[0] == '-' && !complete_joined(&at, typed))
    complete_option(&at, typed);
  else if (at.only_operands || typed[0] != '-')
    complete_operand(&at, typed);
  return CLI_DONE;
}
