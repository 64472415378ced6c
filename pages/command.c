/* command.c: a manual page for each command and one over all, from the table in cli/commands.c. */
#include "pages.h"

#include <string.h>

#include "cli.h"

/* "map create" is described in tarn-map-create. */
static void page_name(const cli_command *command, char *ret_name, size_t size) {
  snprintf(ret_name, size, "tarn-%s", command->name);
  for (char *at = ret_name; *at; at++)
    if (*at == ' ') *at = '-';
}

static void text(FILE *page, const char *words) { page_text(page, words, strlen(words), true); }

static void rest(FILE *page, const char *words) { page_text(page, words, strlen(words), false); }

static void heading(FILE *page, const char *name) { fprintf(page, ".SH %s\n", name); }

static void name_section(FILE *page, const char *name, const char *summary) {
  heading(page, "NAME");
  rest(page, name);
  fputs(" \\- ", page);
  rest(page, summary);
  fputc('\n', page);
}

static void synopsis(FILE *page, const cli_command *command) {
  heading(page, "SYNOPSIS");
  fputs(".B tarn ", page);
  rest(page, command->name);
  fputc('\n', page);
  for (int i = 0; i < CLI_OPERANDS && command->operands[i].what; i++) {
    const cli_operand *operand = &command->operands[i];
    fprintf(page, ".RI %s \"", operand->optional ? "[" : "\"\"");
    rest(page, operand->name);
    fprintf(page, "\" %s%s\n", operand->repeats ? "..." : "", operand->optional ? "]" : operand->repeats ? "" : "\"\"");
  }
  fputs(".RI [ OPTIONS ]\n", page);
}

static void option(FILE *page, const cli_option *o) {
  fputs(".TP\n.B ", page);
  if (o->letter) fprintf(page, "\\-%c, ", o->letter);
  fputs("\\-\\-", page);
  rest(page, o->name);
  if (o->value) {
    fputs(" \\fI", page);
    rest(page, o->value);
    fputs("\\fR", page);
  }
  fputc('\n', page);
  text(page, o->help);
  fputc('\n', page);
}

static void options(FILE *page, uint64_t bits) {
  heading(page, "OPTIONS");
  for (const cli_option *o = cli_options; o->name; o++)
    if (o->bit & bits) option(page, o);
}

static void exit_codes(FILE *page) {
  heading(page, "EXIT STATUS");
  for (const cli_exit *code = cli_exits; code->words; code++) {
    fprintf(page, ".TP\n.B %d\n", code->code);
    text(page, code->words);
    fputc('\n', page);
  }
}

static void examples(FILE *page, const char *lines) {
  heading(page, "EXAMPLES");
  fputs(".nf\n", page);
  text(page, lines);
  fputs(".fi\n", page);
}

static void environment(FILE *page) {
  heading(page, "ENVIRONMENT");
  fputs(".TP\n.B TARN_DIR\n", page);
  text(page, "The channel directory. Without it: /dev/shm on Linux, a folder of the user's own on Windows.\n");
}

/* "tarn-put(1), ..." for all commands but one. */
static void see_also(FILE *page, const cli_command *but) {
  heading(page, "SEE ALSO");
  if (but) fputs(".BR tarn (1),\n", page);
  for (const cli_command *command = cli_commands; command->name; command++) {
    char name[128];
    if (command == but) continue;
    page_name(command, name, sizeof name);
    bool last = !command[1].name || (&command[1] == but && !command[2].name);
    fputs(".BR ", page);
    rest(page, name);
    fprintf(page, " (1)%s\n", last ? "" : ",");
  }
}

static void command_page(const cli_command *command) {
  char name[128];
  page_name(command, name, sizeof name);
  FILE *page = page_begin(name, 1, "Tarn");
  name_section(page, name, command->summary);
  synopsis(page, command);
  heading(page, "DESCRIPTION");
  char first = (char)(command->summary[0] - 'a' + 'A');
  fputc(first, page);
  rest(page, command->summary + 1);
  fputs(".\n", page);
  text(page, command->details);
  options(page, command->options | CLI_COMMON);
  examples(page, command->examples);
  exit_codes(page);
  environment(page);
  see_also(page, command);
  page_end(page);
}

static void overview_page(void) {
  FILE *page = page_begin("tarn", 1, "Tarn");
  name_section(page, "tarn", "pass data between processes through named file mappings");
  heading(page, "SYNOPSIS");
  fputs(".B tarn\n.I COMMAND\n.RI [ OPERANDS ] \" \" [ OPTIONS ]\n", page);
  heading(page, "DESCRIPTION");
  text(page, "A board shows the newest version of one value, a stream carries every message in order, a map is raw bytes that foreign\n"
             "programs open as well. Each is one file in the channel directory; a name is enough to find it, no daemon runs.\n"
             "Data goes to stdout, all else to stderr.\n");
  heading(page, "COMMANDS");
  for (const cli_command *command = cli_commands; command->name; command++) {
    char name[128];
    page_name(command, name, sizeof name);
    fputs(".TP\n.BR ", page);
    rest(page, name);
    fputs(" (1)\n", page);
    text(page, command->summary);
    fputc('\n', page);
  }
  options(page, CLI_COMMON);
  heading(page, "NAMES, SIZES AND TIMES");
  text(page, cli_conventions);
  exit_codes(page);
  environment(page);
  see_also(page, NULL);
  page_end(page);
}

void command_pages(void) {
  overview_page();
  for (const cli_command *command = cli_commands; command->name; command++) command_page(command);
}
