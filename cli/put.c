/* cli/put.c: `tarn put NAME [FILE]`: a file or a pipe becomes the newest version of a board. */
#include "cli.h"

#include "system.h"

#include <stdlib.h>
#include <string.h>

/* A file's size is known: it is read straight into the room that the board gives, without another copy. */
static int claim_and_read(tarn_board *board, cli_input *input, const char *name, int64_t timeout_ns, cli_progress *progress,
                          uint8_t **ret_room) {
  void *room;
  uint64_t got;
  int result = tarn_board_claim(board, input->size_bytes, &room, timeout_ns);
  if (result) return cli_fail_result(result, name);
  result = cli_input_read(input, room, input->size_bytes, &got, progress);
  uint8_t one;
  uint64_t more = 0;
  if (!result && got == input->size_bytes) result = cli_input_read(input, &one, 1, &more, progress);
  if (!result && (got < input->size_bytes || more)) {
    result = cli_fail(CLI_OTHER, "%s changed its size while it was read; %s is as it was", input->path, name);
  }
  if (result) {
    tarn_board_abandon(board);
    return result;
  }
  *ret_room = room;
  return CLI_DONE;
}

/* A pipe says only at its end how much it had, and a claim cannot grow: what it brings is gathered first. */
static int gather_and_claim(tarn_board *board, cli_input *input, const char *name, int64_t timeout_ns, cli_progress *progress,
                            uint8_t **ret_room) {
  uint8_t *bytes;
  void *room;
  int failed = cli_input_read_all(input, &bytes, &input->size_bytes, progress);
  if (failed) return failed;
  int result = tarn_board_claim(board, input->size_bytes, &room, timeout_ns);
  if (result) {
    free(bytes);
    return cli_fail_result(result, name);
  }
  if (input->size_bytes) memcpy(room, bytes, (size_t)input->size_bytes);
  free(bytes);
  *ret_room = room;
  return CLI_DONE;
}

/* What is there now, and for how long: whoever puts something and goes should know. */
static void report(const char *name, uint64_t size, const char *type, const cli_values *values) {
  tarn_details *details = calloc(1, sizeof *details);
  if (!details) return;
  details->struct_size = sizeof *details;
  int known = tarn_inspect(name, TARN_KIND_BOARD, details, NULL, 0) == 0;
  char words[CLI_WORDS];
  if (values->json) {
    fputs("{\"name\":", stdout);
    cli_print_json(stdout, name);
    printf(",\"version\":%llu,\"size_bytes\":%llu,\"type\":", (unsigned long long)details->newest, (unsigned long long)size);
    cli_print_json(stdout, type);
    printf(",\"kept\":%s}\n", known && (details->entry.flags & TARN_ENTRY_KEPT) ? "true" : "false");
  } else if (known && (details->entry.flags & TARN_ENTRY_KEPT)) {
    cli_say("%s: version %llu, %s, %s; kept until `tarn rm %s`", name, (unsigned long long)details->newest,
            cli_size_words(size, words), type, name);
  } else if (known) {
    cli_say("%s: version %llu, %s, %s; goes with its last participant", name, (unsigned long long)details->newest,
            cli_size_words(size, words), type);
  }
  free(details);
}

static int put_from(tarn_board *board, cli_input *input, const char *name, const cli_values *values) {
  cli_progress progress;
  cli_progress_start(&progress, input->sized ? input->size_bytes : 0, values->quiet);
  uint8_t *room = NULL;
  int failed = input->sized ? claim_and_read(board, input, name, values->timeout_ns, &progress, &room)
                            : gather_and_claim(board, input, name, values->timeout_ns, &progress, &room);
  cli_progress_end(&progress);
  if (failed) return failed;
  const char *type = values->type ? values->type : cli_guess_type(room, (size_t)input->size_bytes, input->path);
  tarn_about about = {.struct_size = sizeof about, .tag = values->tag, .type = type};
  int result = tarn_board_publish(board, input->size_bytes, &about);
  if (result) {
    tarn_board_abandon(board);
    return cli_fail_result(result, name);
  }
  report(name, input->size_bytes, type, values); /* while nobody else can publish */
  return CLI_DONE;
}

static bool is_there(const char *name, tarn_details *details) {
  *details = (tarn_details){.struct_size = sizeof *details};
  return tarn_inspect(name, TARN_KIND_BOARD, details, NULL, 0) == 0;
}

/* Nothing came onto a board that was made for it: it goes again, unless somebody is there who waits. This process is its writer still, so
 * that nobody else can have put anything. */
static void take_back(const char *name) {
  tarn_details details;
  if (is_there(name, &details) && details.newest == 0 && details.entry.user_count == 1) tarn_remove(name, TARN_KIND_BOARD, 1);
}

int run_put(int count, char **operands, const cli_values *values) {
  const char *name = operands[0];
  cli_input input;
  int failed = cli_input_open(&input, count > 1 ? operands[1] : NULL);
  if (failed) return failed;
  tarn_options options = {.struct_size = sizeof options, .flags = TARN_KEPT};
  tarn_board *board;
  tarn_details details;
  bool was_there = is_there(name, &details);
  int result = tarn_board_open(&board, name, TARN_WRITER, &options, values->timeout_ns);
  if (result) {
    cli_input_close(&input);
    return cli_fail_result(result, name);
  }
  failed = put_from(board, &input, name, values);
  if (failed && !was_there) take_back(name);
  tarn_board_close(board);
  cli_input_close(&input);
  return failed;
}
