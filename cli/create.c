/* cli/create.c: `tarn create board NAME`, `tarn create stream NAME`: with rights and limits of one's own, before anybody writes. */
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

/* What boards and streams have in common. */
static int common_options(const cli_values *values, tarn_options *options) {
  *options = (tarn_options){.struct_size = sizeof *options,
                            .flags = TARN_KEPT | TARN_EXCLUSIVE,
                            .mode = values->mode,
                            .size_bytes = values->size_bytes};
  int failed = cli_group_option(values, &options->group);
  if (!failed && (values->given & CLI_SLOTS)) failed = small_number("slots", values->slots, 2046, &options->slots);
  return failed;
}

static void report(const char *name, const char *kind, const cli_values *values) {
  if (values->json) {
    fputs("{\"name\":", stdout);
    cli_print_json(stdout, name);
    printf(",\"kind\":\"%s\",\"kept\":true}\n", kind);
  }
  cli_say("%s: an empty %s; kept until `tarn rm %s`", name, kind, cli_typed(name));
}

int run_create_board(int count, char **operands, const cli_values *values) {
  (void)count;
  tarn_options options;
  int failed = common_options(values, &options);
  options.limit_bytes = values->limit_bytes;
  if (!failed && (values->given & CLI_HOLD_COUNT)) failed = small_number("hold", values->hold, 15, &options.hold);
  if (failed) return failed;
  tarn_board *board;
  int result = tarn_board_open(&board, operands[0], TARN_WRITER, &options, 0);
  if (result) return cli_fail_result(result, operands[0]);
  tarn_board_close(board);
  report(operands[0], "board", values);
  return CLI_DONE;
}

int run_create_stream(int count, char **operands, const cli_values *values) {
  (void)count;
  tarn_options options;
  int failed = common_options(values, &options);
  if (failed) return failed;
  options.policy = values->policy;
  if (values->many_writers || values->queue) options.flags |= TARN_MANY_WRITERS;
  if (values->queue) options.flags |= TARN_QUEUE;
  if (!values->queue && values->given & (CLI_MAX_DELIVERIES | CLI_TAKEN_COUNT))
    return cli_fail(CLI_USAGE, "--max-deliveries and --hold are a queue's: say --queue, too");
  if (values->given & CLI_MAX_DELIVERIES) failed = small_number("max-deliveries", values->max_deliveries, 1000000, &options.max_deliveries);
  if (!failed && (values->given & CLI_TAKEN_COUNT)) failed = small_number("hold", values->hold, 15, &options.hold);
  if (failed) return failed;
  if (values->times) options.flags |= TARN_TIMES;
  tarn_stream *stream;
  int result = tarn_stream_open(&stream, operands[0], TARN_WRITER, &options, 0);
  if (result) return cli_fail_result(result, operands[0]);
  tarn_stream_close(stream);
  report(operands[0], "stream", values);
  return CLI_DONE;
}
