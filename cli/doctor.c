/* cli/doctor.c: `tarn doctor [NAME|DIR]`: is this machine, container or directory fit, and what to do where it is not. */
#include "cli.h"

#include <string.h>

typedef struct tally {
  const cli_values *values;
  unsigned levels[TARN_FINDING_PROBLEM + 1];
  char first[64]; /* topic of the first problem */
} tally;

static const char *const level_words[] = {"ok", "note", "warning", "problem"};

static void print_json(const tarn_finding *finding) {
  printf("{\"schema\":1,\"level\":\"%s\",\"topic\":", level_words[finding->level]);
  cli_print_json(stdout, finding->topic);
  fputs(",\"found\":", stdout);
  cli_print_json(stdout, finding->found);
  fputs(",\"advice\":", stdout);
  cli_print_json(stdout, finding->advice);
  puts("}");
}

static void print_plain(const tarn_finding *finding) {
  printf("%-7s  %-17s  ", level_words[finding->level], finding->topic);
  cli_print_safe(stdout, finding->found, strlen(finding->found));
  if (finding->advice[0]) {
    printf("\n%28s-> ", "");
    cli_print_safe(stdout, finding->advice, strlen(finding->advice));
  }
  putchar('\n');
}

static int print_finding(const tarn_finding *finding, void *argument) {
  tally *all = argument;
  if (finding->level < TARN_FINDING_OK || finding->level > TARN_FINDING_PROBLEM) return 0;
  if (finding->level == TARN_FINDING_PROBLEM && all->levels[TARN_FINDING_PROBLEM] == 0)
    snprintf(all->first, sizeof all->first, "%s", finding->topic);
  all->levels[finding->level]++;
  if (all->values->json)
    print_json(finding);
  else if (!all->values->quiet || finding->level >= TARN_FINDING_WARNING)
    print_plain(finding);
  return 0;
}

int run_doctor(int count, char **operands, const cli_values *values) {
  tally all = {.values = values};
  int result = tarn_doctor(count > 0 ? operands[0] : NULL, print_finding, &all);
  if (result) return cli_fail_result(result, count > 0 ? operands[0] : "the channel directory");
  unsigned problems = all.levels[TARN_FINDING_PROBLEM];
  if (problems == 0) return CLI_DONE;
  return cli_fail(CLI_UNFIT, "%u problem%s, the first with %s", problems, problems == 1 ? "" : "s", all.first);
}
