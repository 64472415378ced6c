/* cli/put.c: `tarn put NAME [FILE]`: a file or a pipe becomes the newest version of a board. */
#include "cli.h"

#include "system.h"

#include <stdlib.h>
#include <string.h>

/* Over this a file is not gathered for a board that is not there yet: its memory twice is worse than what is left by a kill meanwhile. */
#define GATHER_AT_MOST (UINT64_C(256) << 20)

/* What is to be put. */
typedef struct value {
  cli_input input;
  cli_progress progress;
  uint8_t *bytes; /* gathered, size_bytes of them; NULL: not yet */
  uint64_t size_bytes;
  uint64_t most; /* more than this can never find room */
  bool is_limit; /* `most` is the board's own limit */
} value;

/* What the board may take: its limit, or what is free where it lies and what it has there already. A bound, to end what has no end;
 * claiming decides. */
static void bound(value *v, const tarn_details *details, uint64_t room) {
  uint64_t has = details->entry.occupied_bytes;
  v->most = room > UINT64_MAX - 1 - has ? UINT64_MAX - 1 : room + has;
  v->is_limit = details->limit_bytes != 0 && details->limit_bytes <= v->most;
  if (v->is_limit) v->most = details->limit_bytes;
}

static int changed(const value *v, const char *name) {
  return cli_fail(CLI_OTHER, "%s changed its size while it was read; %s is as it was", v->input.path, name);
}

/* A pipe says only at its end how much it had, and a claim cannot grow: what it brings is gathered first. */
static int gather(value *v, const char *name) {
  char words[CLI_WORDS];
  int failed = cli_input_read_all(&v->input, v->most, &v->bytes, &v->size_bytes, &v->progress);
  if (failed) return failed;
  cli_progress_end(&v->progress);
  if (v->input.sized && v->size_bytes != v->input.size_bytes) return changed(v, name);
  if (v->size_bytes <= v->most) return CLI_DONE;
  cli_size_words(v->most, words);
  if (v->is_limit) return cli_fail(CLI_NO_SPACE, "%s has more than %s, the limit of %s; nothing was put", v->input.path, words, name);
  return cli_fail(CLI_NO_SPACE, "%s has more than %s, and there is no room for more where %s lies; nothing was put", v->input.path, words,
                  name);
}

/* A file's size is known: it is read straight into the room that the board gives, without another copy. */
static int read_into(value *v, void *room, const char *name) {
  uint64_t got, more = 0;
  uint8_t one;
  int failed = cli_input_read(&v->input, room, v->size_bytes, &got, &v->progress);
  if (!failed && got == v->size_bytes) failed = cli_input_read(&v->input, &one, 1, &more, &v->progress);
  return failed ? failed : got < v->size_bytes || more ? changed(v, name) : CLI_DONE;
}

static int claim_and_fill(tarn_board *board, value *v, const char *name, int64_t timeout_ns, uint8_t **ret_room) {
  void *room;
  if (!v->bytes) v->size_bytes = v->input.size_bytes;
  int result = tarn_board_claim(board, v->size_bytes, &room, timeout_ns), failed = CLI_DONE;
  char words[CLI_WORDS];
  if (result == TARN_TIMED_OUT)
    return cli_fail(CLI_TIMED_OUT, "%s: readers held every version its limit has room for, for all of %s; `tarn stat %s` says which", name,
                    cli_time_given_words(timeout_ns, words), cli_typed(name));
  if (result) return cli_fail_result(result, name);
  if (!v->bytes) {
    failed = read_into(v, room, name);
  } else if (v->size_bytes) {
    memcpy(room, v->bytes, (size_t)v->size_bytes);
  }
  if (failed) tarn_board_abandon(board);
  *ret_room = room;
  return failed;
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
            cli_size_words(size, words), type[0] ? type : "of no type", cli_typed(name));
  } else if (known) {
    cli_say("%s: version %llu, %s, %s; goes with its last participant", name, (unsigned long long)details->newest,
            cli_size_words(size, words), type[0] ? type : "of no type");
  }
  free(details);
}

static int put_on(tarn_board *board, value *v, const char *name, const cli_values *values) {
  uint8_t *room = NULL;
  int failed = claim_and_fill(board, v, name, values->timeout_ns, &room);
  cli_progress_end(&v->progress);
  if (failed) return failed;
  const char *type = values->type ? values->type : cli_guess_type(room, (size_t)v->size_bytes, v->input.path);
  tarn_about about = {.struct_size = sizeof about, .tag = values->tag, .type = type};
  int result = tarn_board_publish(board, v->size_bytes, &about);
  if (result) {
    tarn_board_abandon(board);
    return cli_fail_result(result, name);
  }
  if (!cli_takes_part(name, TARN_KIND_BOARD))
    return cli_fail(CLI_NOT_THERE, "%s: its name was removed (`tarn rm --force`, or the system) while this was put: only readers that have "
                    "it open see it; put it again", name);
  report(name, v->size_bytes, type, values); /* while nobody else can publish */
  return CLI_DONE;
}

static int inspect(const char *name, tarn_details *details) {
  *details = (tarn_details){.struct_size = sizeof *details};
  return tarn_inspect(name, TARN_KIND_BOARD, details, NULL, 0);
}

/* Nothing came onto a board that was made for it: it goes again, unless somebody is there who waits. This process is its writer still, so
 * that nobody else can have put anything; unless the name was removed meanwhile, and is another board's. */
static void take_back(const char *name) {
  tarn_details details;
  if (inspect(name, &details) == 0 && details.newest == 0 && details.entry.user_count == 1 && cli_takes_part(name, TARN_KIND_BOARD))
    tarn_remove(name, TARN_KIND_BOARD, 1);
}

static int open_and_put(value *v, const char *name, bool is_new, const cli_values *values) {
  tarn_options options = {.struct_size = sizeof options, .flags = TARN_KEPT};
  tarn_board *board;
  cli_turn turn = cli_turn_from(name, values->timeout_ns);
  int result, failed = CLI_DONE;
  do {
    result = tarn_board_open(&board, name, TARN_WRITER, &options, cli_limit_piece(turn.limit));
  } while (cli_turn_again(&turn, result));
  if (result) return cli_turn_fail(&turn, result);
  if (!v->bytes && !v->input.sized) failed = gather(v, name);
  if (!failed) failed = put_on(board, v, name, values);
  if (failed && is_new) take_back(name);
  tarn_board_close(board);
  return failed;
}

/* A board that is not there is made when all is there that is to be put on it: whoever is killed before leaves nothing. One that is there
 * is opened first: whether another writer has it is known before anything is read. */
int run_put(int count, char **operands, const cli_values *values) {
  const char *name = operands[0];
  value v = {0};
  tarn_details *details = calloc(1, sizeof *details);
  if (!details) return cli_fail(CLI_NO_SPACE, "not enough memory");
  int failed = cli_input_open(&v.input, count > 1 ? operands[1] : NULL);
  if (!failed) {
    uint64_t room = UINT64_MAX;
    bool is_new = inspect(name, details) == TARN_E_NOT_FOUND, can_be = cli_place_room(name, &room); /* else opening says why not */
    bound(&v, details, room);
    cli_progress_start(&v.progress, v.input.sized ? v.input.size_bytes : 0, values->quiet);
    bool is_small = !v.input.sized || (v.input.size_bytes <= v.most && v.input.size_bytes <= GATHER_AT_MOST);
    if (is_new && can_be && is_small && v.most > 0) failed = gather(&v, name);
    if (!failed) failed = open_and_put(&v, name, is_new, values);
    cli_progress_end(&v.progress);
    cli_input_close(&v.input);
  }
  free(v.bytes);
  free(details);
  return failed;
}
