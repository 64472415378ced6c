/* cli/board.c: reading a board as a command does: with a time limit that Ctrl-C can cut short, and by looking on where taking
 * part is not allowed. */
#include "cli.h"

#include "system.h"

#include <stdlib.h>

/* Nothing came yet; it is no failure. */
static bool is_nothing_yet(int result) {
  return result == TARN_TIMED_OUT || result == TARN_EMPTY || result == TARN_WOKEN || result == TARN_NO_WRITER;
}

/* Whether to try once more after result; if so, nothing has been said yet. */
static bool again(int result, cli_limit l, int64_t timeout_ns) {
  if (cli_interrupted() || timeout_ns == 0) return false;
  return is_nothing_yet(result) && cli_limit_piece(l) > 0;
}

static int failed(cli_reader *reader, int result, int64_t timeout_ns) {
  char words[CLI_WORDS];
  if (cli_interrupted()) return CLI_INTERRUPTED;
  if (is_nothing_yet(result) && reader->prints && cli_stdout_closed()) return CLI_PIPE_CLOSED;
  if (!reader->board && result == TARN_TIMED_OUT) return cli_fail_absent(reader->name, TARN_KIND_BOARD, CLI_TO_READ, timeout_ns);
  if (!reader->board) return cli_fail_other(result, reader->name, TARN_KIND_BOARD, CLI_TO_READ);
  if (result == TARN_TIMED_OUT || (timeout_ns != 0 && result == TARN_EMPTY))
    return cli_fail(CLI_TIMED_OUT, "%s: nothing new came within %s", reader->name, cli_time_given_words(timeout_ns, words));
  return cli_fail_lost(result, reader->name, TARN_KIND_BOARD);
}

int cli_reader_open(cli_reader *reader, const char *name, int64_t timeout_ns) {
  *reader = (cli_reader){.name = name};
  cli_limit l = cli_limit_from(timeout_ns);
  int64_t since_ns = cli_now();
  bool said = false;
  int result;
  do {
    cli_say_awaited(name, TARN_KIND_BOARD, CLI_TO_READ, since_ns, &said);
    result = tarn_board_open(&reader->board, name, reader->observes ? TARN_OBSERVER : TARN_READER, NULL, cli_limit_piece(l));
    if (result == TARN_E_PERMISSION && !reader->observes) {
      reader->observes = true;
      result = tarn_board_open(&reader->board, name, TARN_OBSERVER, NULL, cli_limit_piece(l));
    }
    /* the last piece may end a little before the limit and be 0: then the library says that there is no such name */
    if (result == TARN_E_NOT_FOUND && timeout_ns != 0) result = TARN_TIMED_OUT;
  } while (result && again(result, l, timeout_ns));
  if (result) return failed(reader, result, timeout_ns);
  if (reader->observes) cli_say("tarn: no right to take part in %s: looking on", name);
  return CLI_DONE;
}

/* An observer's item is a copy, so it needs room; how much is known only after asking. */
static int observe(cli_reader *reader, int64_t timeout_ns) {
  for (;;) {
    int result = tarn_board_get(reader->board, reader->copy, reader->capacity, &reader->item, timeout_ns);
    if (result != TARN_E_TOO_LARGE) return result;
    uint64_t need = reader->item.size_bytes;
    uint8_t *larger = need > SIZE_MAX ? NULL : realloc(reader->copy, (size_t)need);
    if (!larger) return result;
    reader->copy = larger;
    reader->capacity = need;
  }
}

int cli_reader_next(cli_reader *reader, int64_t timeout_ns) {
  if (reader->holds) tarn_board_release(reader->board, &reader->item);
  reader->holds = false;
  cli_limit l = cli_limit_from(timeout_ns);
  int64_t since_ns = cli_now();
  bool said = reader->item.number != 0; /* then it waits for news: that is what it is for */
  int result;
  do {
    if (!said && cli_now() - since_ns >= CLI_SAY_AFTER_NS) {
      said = true;
      cli_say("tarn: nothing has been put on %s yet: waiting for its first version", reader->name);
    }
    int64_t piece = cli_limit_piece(l);
    result = reader->observes ? observe(reader, piece) : tarn_board_read(reader->board, &reader->item, piece);
  } while (result && again(result, l, timeout_ns) && !(reader->prints && cli_stdout_closed()));
  if (result) return failed(reader, result, timeout_ns);
  reader->holds = !reader->observes;
  return CLI_DONE;
}

void cli_reader_close(cli_reader *reader) {
  if (reader->holds) tarn_board_release(reader->board, &reader->item);
  tarn_board_close(reader->board);
  free(reader->copy);
  *reader = (cli_reader){0};
}
