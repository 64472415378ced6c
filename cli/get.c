/* cli/get.c: `tarn get NAME [FILE]`: the newest version of a board goes to a file or a pipe, once or as each comes. */
#include "cli.h"

#include "system.h"

/* What was taken, for --json: to stdout unless the data went there. */
static void report(const cli_reader *reader, const char *path, const cli_values *values) {
  const tarn_item *item = &reader->item;
  if (!values->json) return;
  FILE *to = path ? stdout : stderr;
  fputs("{\"name\":", to);
  cli_print_json(to, reader->name);
  fprintf(to, ",\"version\":%llu,\"size_bytes\":%llu,\"missed\":%llu,\"tag\":%llu,\"time_ns\":%lld,\"type\":",
          (unsigned long long)item->number, (unsigned long long)item->size_bytes, (unsigned long long)item->missed,
          (unsigned long long)item->tag, (long long)item->time_ns);
  cli_print_json(to, item->type ? item->type : "");
  fputs("}\n", to);
  fflush(to);
}

static int write_item(const tarn_item *item, const char *path, const cli_values *values) {
  cli_output output;
  int failed = cli_output_open(&output, path);
  if (failed) return failed;
  cli_progress progress;
  cli_progress_start(&progress, item->size_bytes, values->quiet || item->size_bytes == 0);
  failed = cli_output_write(&output, item->data, item->size_bytes, &progress);
  cli_progress_end(&progress);
  if (failed) {
    cli_output_abandon(&output);
    return failed;
  }
  return cli_output_finish(&output);
}

int run_get(int count, char **operands, const cli_values *values) {
  const char *path = count > 1 && !(operands[1][0] == '-' && !operands[1][1]) ? operands[1] : NULL;
  int64_t wait_ns = (values->given & CLI_WAIT) ? values->wait_ns : values->follow ? TARN_FOREVER : values->timeout_ns;
  int64_t between_ns = (values->given & CLI_TIMEOUT) ? values->timeout_ns : TARN_FOREVER;
  cli_reader reader;
  int failed = cli_reader_open(&reader, operands[0], wait_ns);
  reader.prints = !path;
  while (!failed) {
    failed = cli_reader_next(&reader, wait_ns);
    if (!failed) failed = write_item(&reader.item, path, values);
    if (!failed) report(&reader, path, values);
    if (!values->follow) break;
    wait_ns = between_ns;
  }
  cli_reader_close(&reader);
  return failed;
}
