/* cli/report.c: how the command speaks: failures, notes, and text that others wrote. */
#include "cli.h"

#include "system.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static const char *command_name;
static const char *given_directory;
static bool is_quiet, is_json;

void cli_report_start(const char *command, bool quiet, bool json) {
  command_name = command;
  is_quiet = quiet;
  is_json = json;
}

void cli_report_directory(const char *directory) { given_directory = directory; }

/* Behind what is there; as it is if no shell would take it apart. False: it does not fit. */
static bool add_quoted(char *words, size_t room, const char *text) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@%+=,";
  size_t used = strlen(words);
  if (!*text || text[strspn(text, plain)]) return cli_quote(words + used, room - used, text);
  return (size_t)snprintf(words + used, room - used, "%s", text) < room - used;
}

const char *cli_typed(const char *name) {
  static char words[900]; /* within a sentence */
  snprintf(words, sizeof words, given_directory ? "--dir " : "");
  bool fits = !given_directory || (add_quoted(words, sizeof words - 8, given_directory) && strcat(words, " "));
  if (name[0] == '-') strcat(words, "-- ");
  return fits && add_quoted(words, sizeof words, name) ? words : name;
}

static void print_failure(int exit_code, const char *code_name, const char *sentence) {
  if (is_json) {
    fprintf(stderr, "{\"error\":");
    cli_print_json(stderr, sentence);
    if (code_name) fprintf(stderr, ",\"result\":\"%s\"", code_name);
    fprintf(stderr, ",\"exit\":%d}\n", exit_code);
    return;
  }
  fputs("tarn: ", stderr);
  if (command_name) fprintf(stderr, "%s: ", command_name);
  cli_print_safe(stderr, sentence, strlen(sentence));
  fputc('\n', stderr);
}

int cli_fail(int exit_code, const char *format, ...) {
  char sentence[2048];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(sentence, sizeof sentence, format, arguments);
  va_end(arguments);
  print_failure(exit_code, NULL, sentence);
  return exit_code;
}

int cli_exit_code(int result) {
  switch (result) {
    case 0:
      return CLI_DONE;
    case TARN_WOKEN:
      return cli_interrupted() ? CLI_INTERRUPTED : CLI_OTHER;
    case TARN_E_INVALID:
      return CLI_USAGE;
    case TARN_EMPTY:
    case TARN_NO_WRITER:
    case TARN_E_NOT_FOUND:
    case TARN_E_EVICTED: /* its name was removed under it */
      return CLI_NOT_THERE;
    case TARN_BUSY:
    case TARN_FULL:
    case TARN_E_EXISTS:
    case TARN_E_NO_SLOT:
      return CLI_BUSY;
    case TARN_E_NO_SPACE:
    case TARN_E_TOO_LARGE:
      return CLI_NO_SPACE;
    case TARN_E_PERMISSION:
      return CLI_NO_PERMISSION;
    case TARN_E_KIND:
    case TARN_E_MISMATCH:
    case TARN_E_CORRUPT:
    case TARN_E_VERSION:
      return CLI_CORRUPT;
    case TARN_TIMED_OUT:
      return CLI_TIMED_OUT;
    default:
      return CLI_OTHER;
  }
}

/* Outcomes leave no sentence in the library: this is what they mean for somebody at a command line. */
static const char *outcome_words(int result) {
  switch (result) {
    case TARN_EMPTY:
      return "nothing has been put there yet; `--wait 5s` waits for it";
    case TARN_FULL:
      return "readers hold every version its limit has room for; `--timeout 5s` waits until one lets go";
    case TARN_TIMED_OUT:
      return "timed out";
    case TARN_WOKEN:
      return "woken up";
    case TARN_NO_WRITER:
      return "its writer has left";
    case TARN_BUSY:
      return "another writer has it; `tarn stat` says which, `--timeout 5s` waits until it leaves";
    default:
      return NULL;
  }
}

int cli_fail_result(int result, const char *name) { return cli_fail_result_in_words(result, name, tarn_error_text()); }

int cli_fail_result_in_words(int result, const char *name, const char *failure) {
  int exit_code = cli_exit_code(result);
  if (exit_code == CLI_INTERRUPTED) return exit_code;
  const char *words = outcome_words(result);
  char sentence[1600];
  if (words) {
    snprintf(sentence, sizeof sentence, "%s: %s", name, words);
  } else {
    snprintf(sentence, sizeof sentence, "%s", failure);
  }
  print_failure(exit_code, tarn_result_name(result), sentence);
  return exit_code;
}

static int exit_code_of_errno(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      return CLI_NOT_THERE;
    case ENOSPC:
    case EFBIG:
    case ENOMEM:
      return CLI_NO_SPACE;
    case EACCES:
    case EPERM:
    case EROFS:
      return CLI_NO_PERMISSION;
    case EBUSY:
      return CLI_BUSY;
    default:
      return CLI_OTHER;
  }
}

int cli_fail_system(const char *doing, const char *path) {
  int number = errno;
  if (number == EPIPE) return CLI_PIPE_CLOSED;
  if (number == EINTR && cli_interrupted()) return CLI_INTERRUPTED;
  /* read and write answer so where our own touch would be a SIGBUS */
  if (number == EFAULT)
    return cli_fail(CLI_CORRUPT, "cannot %s %s: the other side was cut short by another process", doing, path);
  return cli_fail(exit_code_of_errno(number), "cannot %s %s: %s", doing, path, strerror(number));
}

void cli_say(const char *format, ...) {
  if (is_quiet || is_json) return;
  cli_flush(); /* where both go to one place, in the order in which they were said */
  char sentence[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(sentence, sizeof sentence, format, arguments);
  va_end(arguments);
  cli_print_safe(stderr, sentence, strlen(sentence));
  fputc('\n', stderr);
}

/* Control characters of one byte (0-31, 127) and of two (U+0080 to U+009F, which some terminals obey). */
static bool is_control(const uint8_t *bytes, size_t length) {
  return (length == 1 && (bytes[0] < 32 || bytes[0] == 127)) || (length == 2 && bytes[0] == 0xc2 && bytes[1] < 0xa0);
}

void cli_print_safe(FILE *to, const char *text, size_t size) {
  const uint8_t *bytes = (const uint8_t *)text;
  while (size > 0) {
    size_t length = cli_utf8_length(bytes, size);
    if (length == 0 || is_control(bytes, length)) {
      length = length == 0 ? 1 : length;
      for (size_t i = 0; i < length; i++) fprintf(to, "\\x%02x", bytes[i]);
    } else {
      fwrite(bytes, 1, length, to);
    }
    bytes += length;
    size -= length;
  }
}

/* What is no UTF-8 cannot be said in JSON: it becomes U+FFFD. */
void cli_print_json(FILE *to, const char *text) { cli_print_json_bytes(to, (const uint8_t *)text, strlen(text)); }

void cli_print_json_bytes(FILE *to, const uint8_t *bytes, size_t size) {
  fputc('"', to);
  while (size > 0) {
    size_t length = cli_utf8_length(bytes, size);
    if (length == 0) {
      fputs("\\ufffd", to);
      length = 1;
    } else if (length == 1 && (bytes[0] < 32 || bytes[0] == 127)) {
      fprintf(to, "\\u%04x", bytes[0]);
    } else {
      if (bytes[0] == '"' || bytes[0] == '\\') fputc('\\', to);
      fwrite(bytes, 1, length, to);
    }
    bytes += length;
    size -= length;
  }
  fputc('"', to);
}

int cli_flush(void) {
  static int told; /* once is enough: main tries again at the end */
  if (told) return told;
  if (fflush(stdout) == 0 && !ferror(stdout)) return CLI_DONE;
  told = cli_fail_system("write to", "standard output");
  return told;
}
