/* cli/create.c: `tarn create board NAME`: a board with rights and limits of one's own, before anybody writes. */
#include "cli.h"

#include "system.h"

int cli_group_option(const cli_values *values, uint32_t *ret_group) {
  uint64_t number;
  uint32_t group;
  if (!values->group) return CLI_DONE;
  if (cli_parse_number(values->group, &number) && number < UINT32_MAX) {
    group = (uint32_t)number;
  } else if (!cli_find_group(values->group, &group)) {
    return cli_fail(CLI_USAGE, "--group %s: there is no such group", values->group);
  }
  *ret_group = group + 1;
  return CLI_DONE;
}

static int small_number(const char *option, uint64_t number, uint32_t most, uint32_t *ret_number) {
  if (number == 0 || number > most) return cli_fail(CLI_USAGE, "--%s: it is from 1 to %u", option, most);
  *ret_number = (uint32_t)number;
  return CLI_DONE;
}

int run_create_board(int count, char **operands, const cli_values *values) {
  (void)count;
  const char *name = operands[0];
  tarn_options options = {.struct_size = sizeof options,
                          .flags = TARN_KEPT | TARN_EXCLUSIVE,
                          .mode = values->mode,
                          .size_bytes = values->size_bytes,
                          .limit_bytes = values->limit_bytes};
  int failed = cli_group_option(values, &options.group);
  if (!failed && (values->given & CLI_SLOTS)) failed = small_number("slots", values->slots, 2046, &options.slots);
  if (!failed && (values->given & CLI_HOLD_COUNT)) failed = small_number("hold", values->hold, 15, &options.hold);
  if (failed) return failed;
  tarn_board *board;
  int result = tarn_board_open(&board, name, TARN_WRITER, &options, 0);
  if (result) return cli_fail_result(result, name);
  tarn_board_close(board);
  if (values->json) {
    fputs("{\"name\":", stdout);
    cli_print_json(stdout, name);
    fputs(",\"kind\":\"board\",\"kept\":true}\n", stdout);
  }
  cli_say("%s: an empty board; kept until `tarn rm %s`", name, name);
  return CLI_DONE;
}
