/* cli/help.c: help, made from the table of commands. Examples come first: most people look for one to change. */
#include "cli.h"

#include <string.h>

const char *cli_kind_name(uint32_t kind) {
  switch (kind) {
    case TARN_KIND_MAP:
      return "map";
    case TARN_KIND_BOARD:
      return "board";
    case TARN_KIND_STREAM:
      return "stream";
    default:
      return "?";
  }
}

static int usage_width(const cli_command *command) {
  int width = (int)strlen(command->name);
  for (int i = 0; i < CLI_OPERANDS && command->operands[i].what; i++) {
    const cli_operand *operand = &command->operands[i];
    width += 1 + (int)strlen(operand->name) + (operand->optional ? 2 : 0) + (operand->repeats ? 3 : 0);
  }
  return width;
}

void cli_print_usage(FILE *to, const cli_command *command) {
  fputs(command->name, to);
  for (int i = 0; i < CLI_OPERANDS && command->operands[i].what; i++) {
    const cli_operand *operand = &command->operands[i];
    fprintf(to, operand->optional ? " [%s%s]" : " %s%s", operand->name, operand->repeats ? "..." : "");
  }
}

static void print_option(FILE *to, const cli_option *option) {
  char left[64];
  snprintf(left, sizeof left, "%s%s", option->name, option->value ? " " : "");
  if (option->value) snprintf(left + strlen(left), sizeof left - strlen(left), "%s", option->value);
  if (option->letter) {
    fprintf(to, "  -%c, --%-24s  %s\n", option->letter, left, option->help);
  } else {
    fprintf(to, "      --%-24s  %s\n", left, option->help);
  }
}

static void print_options(FILE *to, uint64_t bits) {
  for (const cli_option *option = cli_options; option->name; option++) {
    if (option->bit & bits) print_option(to, option);
  }
}

void cli_print_help(FILE *to, const cli_command *command) {
  fprintf(to, "%s\nUsage: tarn ", command->examples);
  cli_print_usage(to, command);
  fprintf(to, " [OPTIONS]\n\n%c%s.\n%s", command->summary[0] - 'a' + 'A', command->summary + 1, command->details);
  fputs("\nOptions:\n", to);
  print_options(to, command->options | CLI_COMMON);
}

static bool in_group(const cli_command *command, const char *group) {
  size_t length = group ? strlen(group) : 0;
  return !group || (strncmp(command->name, group, length) == 0 && command->name[length] == ' ');
}

const char cli_conventions[] =
    "A NAME is a file in the channel directory ($TARN_DIR, or the system's own); with a / in it, a path.\n"
    "Sizes are written like 4k, 64KiB, 26M, 1G (steps of 1024) or 5MB, 1GB (of 1000), in upper or lower case; times like 500ms, 2s, 1m\n"
    "(minutes), forever.\n"
    "Data goes to stdout, all else to stderr. `-` as FILE is stdin or stdout.\n";

const cli_exit cli_exits[] = {{CLI_DONE, "done"},
                              {CLI_OTHER, "other"},
                              {CLI_USAGE, "wrong usage"},
                              {CLI_NOT_THERE, "not there"},
                              {CLI_BUSY, "busy"},
                              {CLI_NO_SPACE, "no space"},
                              {CLI_NO_PERMISSION, "no permission"},
                              {CLI_CORRUPT, "corrupt or incompatible"},
                              {CLI_TIMED_OUT, "timed out"},
                              {CLI_UNFIT, "not as it should be (check, doctor)"},
                              {CLI_MISSED, "messages were missed"},
                              {0, NULL}};

static void print_exit_codes(FILE *to) {
  fprintf(to, "\n%s\nExit codes:", cli_conventions);
  for (const cli_exit *code = cli_exits; code->words; code++) {
    if (code->code == CLI_CORRUPT) fputs("\n           ", to);
    fprintf(to, " %d %s%s", code->code, code->words, code[1].words ? "," : "\n");
  }
}

void cli_print_overview(FILE *to, const char *group) {
  if (!group) {
    fputs(
        "  tarn put picture butterfly.bmp     one process puts a file under a name\n"
        "  tarn get picture bitmap.bmp        another takes it out\n"
        "  tarn show picture                  and this looks at it\n"
        "  dmesg --follow | tarn send log     one process sends lines\n"
        "  tarn recv log                      and any number receive every one\n"
        "  tarn watch DataMap                 what any program shares, followed live\n"
        "\ntarn passes data between processes through named file mappings.\n",
        to);
  }
  int widest = 0;
  for (const cli_command *command = cli_commands; command->name; command++) {
    if (in_group(command, group) && usage_width(command) > widest) widest = usage_width(command);
  }
  fputs(group ? "Commands:\n" : "\nCommands:\n", to);
  for (const cli_command *command = cli_commands; command->name; command++) {
    if (!in_group(command, group)) continue;
    fputs("  ", to);
    cli_print_usage(to, command);
    fprintf(to, "%*s  %s\n", widest - usage_width(command), "", command->summary);
  }
  fputs("\n`tarn COMMAND --help` tells more. Options that every command knows:\n", to);
  print_options(to, CLI_COMMON);
  if (!group) print_exit_codes(to);
}

/* "map" alone is no command, but a few begin with it. */
static bool is_group(const char *word) {
  for (const cli_command *command = cli_commands; command->name; command++) {
    if (in_group(command, word)) return true;
  }
  return false;
}

int run_help(int count, char **operands, const cli_values *values) {
  (void)values;
  int words;
  const cli_command *command = cli_find_command(count, operands, &words);
  if (count == 0) {
    cli_print_overview(stdout, NULL);
  } else if (command && words == count) {
    cli_print_help(stdout, command);
  } else if (count == 1 && is_group(operands[0])) {
    cli_print_overview(stdout, operands[0]);
  } else {
    return cli_fail(CLI_USAGE, "there is no command %s; `tarn help` lists them", operands[0]);
  }
  return CLI_DONE;
}
