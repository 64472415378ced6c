/* cli/rm.c: `tarn rm NAME...`: names go; what living processes use stays unless --force. */
#include "cli.h"

int run_rm(int count, char **operands, const cli_values *values) {
  int first_failure = CLI_DONE;
  for (int i = 0; i < count; i++) {
    int result = tarn_remove(operands[i], (int)values->kind, values->force);
    int failed = CLI_DONE;
    if (result == TARN_BUSY) {
      failed = cli_fail(CLI_BUSY,
                        "%s is in use; `tarn stat %s` says by whom. With --force the name goes all the same: its users"
                        " go on among themselves, and newcomers begin a new one",
                        operands[i], operands[i]);
    } else if (result) {
      failed = cli_fail_result(result, operands[i]);
    }
    if (!first_failure) first_failure = failed;
    if (!failed && values->json) {
      fputs("{\"removed\":", stdout);
      cli_print_json(stdout, operands[i]);
      fputs("}\n", stdout);
    }
  }
  return first_failure;
}
