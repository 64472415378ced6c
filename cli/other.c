/* cli/other.c: whoever names a board to a command for streams learns that it is one, and which command is for it; and whoever has one open
 * whose name was removed meanwhile, or given to another, learns that. */
#include "look.h"

#include "system.h"

#include <stdlib.h>
#include <string.h>

static int inspect(const char *name, uint32_t kind) {
  tarn_details *details = calloc(1, sizeof *details);
  if (!details) return TARN_E_SYSTEM;
  details->struct_size = sizeof *details;
  int result = tarn_inspect(name, (int)kind, details, NULL, 0);
  free(details);
  return result;
}

static bool is_there(const char *name, uint32_t kind) { return inspect(name, kind) == 0; }

static uint32_t other_kind(const char *name, uint32_t kind) {
  static const uint32_t kinds[] = {TARN_KIND_BOARD, TARN_KIND_STREAM, TARN_KIND_MAP}; /* by a path, any file would do for a map */
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (kinds[i] != kind && is_there(name, kinds[i])) return kinds[i];
  return 0;
}

bool cli_other_words(const char *name, uint32_t kind, int purpose, char *words, size_t size) {
  static const char *const commands[][4] = {[TARN_KIND_MAP] = {"map read", "map write"},
                                            [TARN_KIND_BOARD] = {"get", "put"},
                                            [TARN_KIND_STREAM] = {"recv", "send"}};
  uint32_t other = kind == TARN_KIND_ANY ? 0 : other_kind(name, kind);
  if (!other) return false;
  const char *kind_name = cli_kind_name(other);
  if (other == TARN_KIND_MAP && inspect(name, TARN_KIND_ANY) == TARN_E_KIND) {
    snprintf(words, size, "the file of that name is a board or stream that was made by its path, and is opened by that alone");
  } else if (purpose == CLI_TO_RESIZE) {
    snprintf(words, size, "a %s has that name, and only a map can be resized", kind_name);
  } else if (purpose == CLI_TO_FOLLOW) {
    snprintf(words, size, "a %s has that name: `--kind %s` means it", kind_name, kind_name);
  } else {
    snprintf(words, size, "a %s has that name: `tarn %s %s` %s it", kind_name, commands[other][purpose], cli_typed(name),
             purpose == CLI_TO_READ ? "reads" : "writes");
  }
  return true;
}

int cli_fail_other(int result, const char *name, uint32_t kind, int purpose) {
  char sentence[1600], other[CLI_OTHER_WORDS];
  snprintf(sentence, sizeof sentence, "%s", tarn_error_text());
  if ((result != TARN_E_NOT_FOUND && result != TARN_E_KIND) || !cli_other_words(name, kind, purpose, other, sizeof other))
    return cli_fail_result_in_words(result, name, sentence);
  snprintf(sentence, sizeof sentence, "%s \"%s\": %s%s", cli_kind_name(kind), name, result == TARN_E_NOT_FOUND ? "there is none, but " : "",
           other);
  return cli_fail_result_in_words(result, name, sentence);
}

int cli_fail_absent(const char *name, uint32_t kind, int purpose, int64_t waited_ns) {
  char age[CLI_WORDS], other[CLI_OTHER_WORDS];
  cli_time_given_words(waited_ns, age);
  if (cli_other_words(name, kind, purpose, other, sizeof other))
    return cli_fail(CLI_TIMED_OUT, "%s: no %s of that name came within %s, but %s", name, cli_kind_name(kind), age, other);
  return cli_fail(CLI_TIMED_OUT, "%s: nothing of that name came within %s", name, age);
}

/* Whoever waits long for a name that was mistyped, or for a board where there is a stream, is to find out. */
void cli_say_awaited(const char *name, uint32_t kind, int purpose, int64_t since_ns, bool *said) {
  static const char *const kinds[] = {"map, board or stream", "map", "board", "stream"};
  static const char *const awaited[] = {"one", "one", "a writer", "a sender"};
  char other[CLI_OTHER_WORDS];
  if (*said || cli_now() - since_ns < CLI_SAY_AFTER_NS) return;
  *said = true;
  if (cli_other_words(name, kind, purpose, other, sizeof other)) {
    cli_say("tarn: there is no %s %s yet, but %s; waiting for a %s", kinds[kind], name, other, kinds[kind]);
  } else {
    cli_say("tarn: there is no %s %s yet: waiting for %s", kinds[kind], name, awaited[kind]);
  }
}

cli_turn cli_turn_from(const char *name, int64_t timeout_ns) {
  return (cli_turn){name, timeout_ns, cli_now(), cli_limit_from(timeout_ns), false};
}

bool cli_turn_again(cli_turn *turn, int result) {
  if (cli_interrupted() || (result != TARN_BUSY && result != TARN_TIMED_OUT) || cli_limit_piece(turn->limit) == 0) return false;
  if (!turn->said && cli_now() - turn->since_ns >= CLI_SAY_AFTER_NS) {
    turn->said = true;
    cli_say("tarn: another writer has %s: waiting until it leaves; `tarn stat %s` says which", turn->name, cli_typed(turn->name));
  }
  return true;
}

int cli_turn_fail(const cli_turn *turn, int result) {
  char words[CLI_WORDS];
  if (cli_interrupted()) return CLI_INTERRUPTED;
  if (turn->timeout_ns == 0 || (result != TARN_TIMED_OUT && result != TARN_BUSY)) return cli_fail_result(result, turn->name);
  return cli_fail(CLI_TIMED_OUT, "%s: another writer had it for all of %s; `tarn stat %s` says which", turn->name,
                  cli_time_given_words(turn->timeout_ns, words), cli_typed(turn->name));
}

bool cli_takes_part(const char *name, uint32_t kind) {
  cli_look look;
  int result = cli_look_at(&look, name, kind);
  bool found = result != 0 && result != TARN_E_NOT_FOUND; /* it cannot be seen: nothing is known against it */
  for (uint32_t i = 0; !result && !found && i < look.count; i++) found = look.participants[i].process == cli_process();
  cli_look_end(&look);
  return found;
}

int cli_fail_lost(int result, const char *name, uint32_t kind) {
  char sentence[1600];
  if (result != TARN_E_EVICTED || cli_takes_part(name, kind)) return cli_fail_result(result, name);
  snprintf(sentence, sizeof sentence, "%s: its name was removed (`tarn rm --force`, or the system) and nobody writes it: nothing more can come; "
           "start this again for %s %s of that name", name, is_there(name, kind) ? "the new" : "a new", cli_kind_name(kind));
  return cli_fail_result_in_words(result, name, sentence);
}
