/* cli/main.c: the command `tarn`: finds the command, parses, runs it, and ends with its exit code. */
#include "cli.h"

#include "system.h"

#include <string.h>

static int no_such_command(int count, char **words) {
  enum { MOST = 40 };
  const char *names[MOST + 1];
  size_t known = 0;
  bool begins_one = false;
  size_t length = strlen(words[0]);
  for (const cli_command *command = cli_commands; command->name && known < MOST; command++) {
    names[known++] = command->name;
    if (strncmp(command->name, words[0], length) == 0 && command->name[length] == ' ') begins_one = true;
  }
  names[known] = NULL;
  if (begins_one) {
    if (count == 1 || words[1][0] == '-') return cli_fail(CLI_USAGE, "%s what? `tarn help %s` lists it", words[0], words[0]);
    return cli_fail(CLI_USAGE, "there is no command %s %s; `tarn help %s` lists what there is", words[0], words[1], words[0]);
  }
  if (strcmp(words[0], "version") == 0 || strcmp(words[0], "-V") == 0)
    return cli_fail(CLI_USAGE, "there is no command %s; is `tarn --version` meant?", words[0]);
  if (words[0][0] == '-') return cli_fail(CLI_USAGE, "%s stands before the command: options come behind it, as in `tarn ls -q`", words[0]);
  const char *near = cli_nearest(words[0], names);
  if (near) return cli_fail(CLI_USAGE, "there is no command %s; is `%s` meant?", words[0], near);
  return cli_fail(CLI_USAGE, "there is no command %s; `tarn help` lists them", words[0]);
}

/* Whether errors are wanted as JSON is needed before the options are understood: also for what is wrong with them. */
static bool wants_json(int count, char **words) {
  for (int i = 0; i < count && strcmp(words[i], "--") != 0; i++) {
    if (strcmp(words[i], "--json") == 0) return true;
    size_t flags = words[i][0] == '-' ? strspn(words[i] + 1, "fhjq") : 0; /* -j, or among others: -qj */
    if (flags && !words[i][flags + 1] && strchr(words[i], 'j')) return true;
  }
  return false;
}

static int run_command(int count, char **words) {
  int named = 0, operands = 0;
  cli_values values = {0};
  cli_report_start(NULL, false, wants_json(count, words));
  const cli_command *command = cli_find_command(count, words, &named);
  if (!command) {
    if (count == 2 && (strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0)) return run_help(1, words, &values);
    return no_such_command(count, words);
  }
  cli_report_start(command->name, false, wants_json(count, words));
  int failed = cli_parse(command, count - named, words + named, &values, &operands);
  if (failed) return failed;
  cli_report_start(command->name, values.quiet, values.json);
  cli_report_directory(values.directory);
  if (values.help) {
    cli_print_help(stdout, command);
    return CLI_DONE;
  }
  if (values.directory && !cli_set_environment("TARN_DIR", values.directory)) return cli_fail_system("use", values.directory);
  return command->run(operands, words + named, &values);
}

int main(int argc, char **argv) {
  cli_system_start(&argc, &argv);
  int code;
  cli_values none = {0};
  if (argc < 2) {
    cli_print_overview(stderr, NULL);
    code = CLI_USAGE;
  } else if (strcmp(argv[1], "--version") == 0) {
    printf("tarn %s\n", tarn_version());
    code = CLI_DONE;
  } else if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
    code = run_help(0, NULL, &none);
  } else if (strcmp(argv[1], "__complete") == 0) {
    code = cli_complete(argc - 2, argv + 2);
  } else {
    code = run_command(argc - 1, argv + 1);
  }
  int flushed = cli_flush();
  cli_system_end(code ? code : flushed);
}
