/* cli/cli.h: what the files of the command `tarn` share: one table of commands and options, values, reports, exit codes.
 *
 * The command uses the library's public headers only. Everything that differs between systems is in system.c.
 * Data goes to stdout, all else to stderr. A run_... function returns an exit code and has then said why in words.
 */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stdio.h>
#include <tarn/tarn.h>

/* Exit codes, told by `tarn help`; only ever added to. */
enum {
  CLI_DONE = 0,
  CLI_OTHER = 1,
  CLI_USAGE = 2,
  CLI_NOT_THERE = 3,
  CLI_BUSY = 4,
  CLI_NO_SPACE = 5,
  CLI_NO_PERMISSION = 6,
  CLI_CORRUPT = 7,
  CLI_TIMED_OUT = 8,
  CLI_UNFIT = 9,    /* check, doctor: it is not as it should be */
  CLI_MISSED = 10, /* it went well, but messages were overwritten before they were received */
  /* Not codes: how main ends instead. Both have nothing to say. */
  CLI_INTERRUPTED = 1000, /* a signal asked us to end: its conventional status */
  CLI_PIPE_CLOSED = 1001  /* nobody reads our stdout any more */
};

/* Options, one bit each. Two options may share a name (--hold) as long as no command takes both. */
enum {
  CLI_DIR = 1u << 0,
  CLI_TIMEOUT = 1u << 1,
  CLI_JSON = 1u << 2,
  CLI_QUIET = 1u << 3,
  CLI_HELP = 1u << 4,
  CLI_WAIT = 1u << 5,
  CLI_FOLLOW = 1u << 6,
  CLI_TYPE = 1u << 7,
  CLI_TAG = 1u << 8,
  CLI_MODE = 1u << 9,
  CLI_GROUP = 1u << 10,
  CLI_SLOTS = 1u << 11,
  CLI_HOLD_COUNT = 1u << 12,
  CLI_SIZE = 1u << 13,
  CLI_LIMIT = 1u << 14,
  CLI_FORCE = 1u << 15,
  CLI_KIND = 1u << 16,
  CLI_STAY = 1u << 17,
  CLI_OFFSET = 1u << 18,
  CLI_LENGTH = 1u << 19,
  CLI_WIDTH = 1u << 20,
  CLI_COLORS = 1u << 21,
  CLI_MANY_WRITERS = 1u << 22,
  CLI_QUEUE = 1u << 23,
  CLI_MAX_DELIVERIES = 1u << 24,
  CLI_TAKE = 1u << 25,
  CLI_TAKEN_COUNT = 1u << 26,
  CLI_ROUNDS = 1u << 28,
  CLI_WORK = 1u << 29,
  CLI_RUN_TIME = 1u << 30,
  CLI_COMMON = CLI_DIR | CLI_JSON | CLI_QUIET | CLI_HELP
};
/* More bits than an enum has. Streams: */
#define CLI_RING (UINT64_C(1) << 32)
#define CLI_POLICY (UINT64_C(1) << 33)
#define CLI_TIMES (UINT64_C(1) << 34)
#define CLI_FROM (UINT64_C(1) << 35)
#define CLI_COUNT (UINT64_C(1) << 36)
#define CLI_BINARY (UINT64_C(1) << 37)
#define CLI_RAW (UINT64_C(1) << 38)
#define CLI_WHOLE (UINT64_C(1) << 39)
#define CLI_GO_ON (UINT64_C(1) << 40)
#define CLI_WAIT_NAME (UINT64_C(1) << 41)
#define CLI_ROOM_TIMEOUT (UINT64_C(1) << 42)
#define CLI_NEXT_TIMEOUT (UINT64_C(1) << 43)
/* Looking, checking, cleaning: */
#define CLI_EVERY (UINT64_C(1) << 50)
#define CLI_LOOKS (UINT64_C(1) << 51)
#define CLI_PROMETHEUS (UINT64_C(1) << 52)
#define CLI_SORT (UINT64_C(1) << 53)
#define CLI_NEEDS_WRITER (UINT64_C(1) << 54)
#define CLI_MAX_AGE (UINT64_C(1) << 55)
#define CLI_MAX_LAG (UINT64_C(1) << 56)
#define CLI_DRY_RUN (UINT64_C(1) << 57)
#define CLI_FOREIGN (UINT64_C(1) << 58)

/* Watching, recording, replaying: */
#define CLI_LAYOUT (UINT64_C(1) << 44)
#define CLI_LOOK_EVERY (UINT64_C(1) << 45)
#define CLI_CHANGES (UINT64_C(1) << 46)
#define CLI_FOR (UINT64_C(1) << 47)
#define CLI_WAIT_THERE (UINT64_C(1) << 48)
#define CLI_RECORDS (UINT64_C(1) << 49)
#define CLI_REPLACE (UINT64_C(1) << 59)
#define CLI_SPEED (UINT64_C(1) << 60)
#define CLI_VERIFY (UINT64_C(1) << 61)

/* Where the table of options puts what the user gave. */
typedef struct cli_values {
  uint64_t given; /* which options, as bits */
  bool json, quiet, help, follow, force, stay, times, binary, raw, whole, many_writers, queue;
  const char *directory, *type, *group, *from;
  int64_t timeout_ns, wait_ns;
  uint64_t max_deliveries;
  uint64_t tag, slots, hold, size_bytes, limit_bytes, offset, length, width, count;
  uint32_t mode, kind, colors, policy;
  uint64_t rounds; /* bench */
  const char *work;
  int64_t run_ns;
  bool prometheus, writer, dry_run, foreign; /* stat; check; clean */
  int64_t every_ns, max_age_ns;
  uint64_t max_lag;
  uint32_t sort;
  const char *layout; /* watch, record, replay */
  int64_t for_ns;
  const char *speed;
  bool check;
} cli_values;

typedef struct cli_option {
  uint64_t bit;
  char letter; /* 0: none */
  const char *name;
  int syntax;        /* CLI_IS_... */
  const char *value; /* how the help calls its value; for CLI_IS_CHOICE the choices, as "auto|none" */
  const char *help;
  size_t field; /* offset in cli_values */
} cli_option;

/* What a value looks like, and so which type its field has. */
enum {
  CLI_IS_FLAG,   /* bool */
  CLI_IS_TEXT,   /* const char * */
  CLI_IS_NUMBER, /* uint64_t */
  CLI_IS_SIZE,   /* uint64_t, bytes */
  CLI_IS_TIME,   /* int64_t, nanoseconds or TARN_FOREVER */
  CLI_IS_MODE,   /* uint32_t, octal */
  CLI_IS_CHOICE  /* uint32_t, which one of the choices, from 0 */
};

/* What an operand stands for: for messages now, for completion later. */
enum { CLI_A_BOARD = 1, CLI_A_MAP, CLI_A_STREAM, CLI_A_NAME, CLI_A_FILE, CLI_A_SIZE, CLI_A_COMMAND, CLI_A_DIRECTORY };

typedef struct cli_operand {
  int what; /* CLI_A_...; 0 ends the list */
  const char *name;
  bool optional, repeats;
} cli_operand;

#define CLI_OPERANDS 3

typedef struct cli_command {
  const char *name; /* one word or two */
  cli_operand operands[CLI_OPERANDS];
  uint64_t options; /* bits, besides CLI_COMMON */
  int (*run)(int count, char **operands, const cli_values *values);
  const char *summary;  /* one line */
  const char *examples; /* lines, each indented by two */
  const char *details;  /* paragraphs, already broken into lines */
} cli_command;

extern const cli_command cli_commands[]; /* ends with name NULL */
extern const cli_option cli_options[];   /* ends with name NULL */

/* ---- parse.c ------------------------------------------------------------------------------------------------------- */

/* The command that the first words name; *ret_words: how many they are. NULL: none (words that begin one are no command). */
const cli_command *cli_find_command(int count, char **words, int *ret_words);

/* Parse what follows the command. Operands are gathered at the front of words, *ret_count of them. Returns CLI_DONE or
 * CLI_USAGE, and then it has said what is wrong. */
int cli_parse(const cli_command *command, int count, char **words, cli_values *ret_values, int *ret_count);

/* The one of names (ended by NULL) that the user may have meant by word, or NULL. */
const char *cli_nearest(const char *word, const char *const *names);

/* ---- units.c ------------------------------------------------------------------------------------------------------- */

/* "26M", "4k", "1.5GiB", "64KB" (1000), "12": bytes. "2s", "500ms", "1.5h", "0", "forever": nanoseconds. False: not such a thing. */
bool cli_parse_size(const char *text, uint64_t *ret_bytes);
bool cli_parse_time(const char *text, int64_t *ret_ns);
bool cli_parse_number(const char *text, uint64_t *ret_number); /* decimal, or hexadecimal after 0x */
bool cli_parse_mode(const char *text, uint32_t *ret_mode);

#define CLI_WORDS 32                                                 /* room for any of these */
const char *cli_size_words(uint64_t bytes, char words[CLI_WORDS]);   /* "1.4 MiB"; exact when it is short that way */
const char *cli_age_words(int64_t ns, char words[CLI_WORDS]);        /* "3 s", "2 h": roughly */
const char *cli_time_given_words(int64_t ns, char words[CLI_WORDS]); /* "1500 ms": exactly */

/* ---- report.c ------------------------------------------------------------------------------------------------------ */

/* From here on reports carry this command's name and obey its -q and --json. */
void cli_report_start(const char *command, bool quiet, bool json);
void cli_report_directory(const char *directory); /* --dir; NULL: not given */

/* Name as it is typed behind a command that is recommended: quoted for a shell where it must be, after the --dir that was given. Valid until
 * the next call. */
const char *cli_typed(const char *name);

/* Say what went wrong on stderr ("tarn: put: ..."; with --json an object) and return exit_code. */
int cli_fail(int exit_code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for a result of the library: a failure's own sentence, or words for an outcome. */
int cli_fail_result(int result, const char *name);
int cli_fail_result_in_words(int result, const char *name, const char *failure); /* other words than the library's for a failure */
int cli_exit_code(int result);

/* The same for a failed system call on path: the exit code follows from errno; a closed pipe and a signal say nothing. */
int cli_fail_system(const char *doing, const char *path);

/* Something worth knowing, on stderr; nothing under -q or --json. */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Text that others wrote, made harmless for a terminal: control characters and what is no UTF-8 become \xNN. */
void cli_print_safe(FILE *to, const char *text, size_t size);
void cli_print_json(FILE *to, const char *text); /* in quotes */
void cli_print_json_bytes(FILE *to, const uint8_t *bytes, size_t size);

/* All that stdio holds for stdout, written; CLI_DONE or a failure that was told. */
int cli_flush(void);

/* ---- progress.c ---------------------------------------------------------------------------------------------------- */

typedef struct cli_progress {
  uint64_t total, done; /* total 0: not known */
  int64_t shown_ns;
  bool wanted, visible;
} cli_progress;

void cli_progress_start(cli_progress *, uint64_t total, bool quiet);
void cli_progress_add(cli_progress *, uint64_t bytes);
void cli_progress_end(cli_progress *);

/* ---- transfer.c: between files, pipes and memory ------------------------------------------------------------------- */

typedef struct cli_input {
  int descriptor;
  const char *path;    /* as the user gave it, or "standard input" */
  bool sized;          /* a regular file: size_bytes is how much there is */
  uint64_t size_bytes; /* from where it stands */
} cli_input;

int cli_input_open(cli_input *, const char *path); /* NULL and "-": stdin */
/* Reads until size bytes or the end; *ret_size says how many. */
int cli_input_read(cli_input *, void *room, uint64_t size, uint64_t *ret_size, cli_progress *);
/* Reads all there is, to be freed by the caller; or, where that is more than `most`, one byte more than that, so that a pipe without an end
 * is found out. Fails when this machine's memory would not take it. */
int cli_input_read_all(cli_input *, uint64_t most, uint8_t **ret_bytes, uint64_t *ret_size, cli_progress *);
void cli_input_close(cli_input *);

/* An output is stdout, something that is no regular file, or a file: then it grows under a temporary name beside the old
 * one and takes its name in finish, so that a failure leaves the old one as it was. */
typedef struct cli_output {
  int descriptor;
  const char *path;  /* as the user gave it, or "standard output" */
  char *temporary;   /* NULL: written directly */
  char *destination; /* what the temporary becomes */
} cli_output;

int cli_output_open(cli_output *, const char *path); /* NULL and "-": stdout */
int cli_output_write(cli_output *, const void *bytes, uint64_t size, cli_progress *);
int cli_output_finish(cli_output *);
void cli_output_abandon(cli_output *);

/* ---- wait.c: waiting in pieces, so that a signal that arrives just before the library blocks costs at most one of them ------ */

typedef struct cli_limit {
  int64_t end_ns; /* TARN_FOREVER: none */
} cli_limit;

#define CLI_SAY_AFTER_NS INT64_C(1000000000) /* then whoever waits says for what */

cli_limit cli_limit_from(int64_t timeout_ns);
int64_t cli_limit_piece(cli_limit); /* how long the next piece may be; 0: the time is over */

/* ---- board.c: reading a board as a command does ---------------------------------------------------------------------- */

typedef struct cli_reader {
  tarn_board *board;
  const char *name;
  bool observes; /* no right to write: looks without taking part */
  bool holds;    /* item is out */
  bool prints;   /* set after opening: what is read goes to stdout, and nothing is waited for when nobody reads that any more */
  tarn_item item;
  uint8_t *copy; /* where an observer's item lies */
  uint64_t capacity;
} cli_reader;

/* timeout_ns: to wait for the name, or for something newer. A signal ends the waiting with CLI_INTERRUPTED. */
int cli_reader_open(cli_reader *, const char *name, int64_t timeout_ns);
int cli_reader_next(cli_reader *, int64_t timeout_ns); /* the item is valid until the next call */
void cli_reader_close(cli_reader *);

/* ---- other.c: what else has a name that leads to nothing of the kind wanted ------------------------------------------- */

enum { CLI_TO_READ, CLI_TO_WRITE, CLI_TO_RESIZE, CLI_TO_FOLLOW, CLI_OTHER_WORDS = 600 };

/* "a board has that name: `tarn get b` reads it"; false: nothing has. */
bool cli_other_words(const char *name, uint32_t kind, int purpose, char *words, size_t size);

/* As cli_fail_result, for something of this kind that was to be opened; and for one that did not come in time. */
int cli_fail_other(int result, const char *name, uint32_t kind, int purpose);
int cli_fail_absent(const char *name, uint32_t kind, int purpose, int64_t waited_ns);

/* Says, once, a second after since_ns, that there is nothing of that name yet and what it waits for. *said: whether it was said. */
void cli_say_awaited(const char *name, uint32_t kind, int purpose, int64_t since_ns, bool *said);

/* Waiting until another writer has left: open with timeout cli_limit_piece(turn.limit) for as long as cli_turn_again says so. Of the result that
 * was the last, cli_turn_fail tells as cli_fail_result does; if the time is over, for whom it was waited. */
typedef struct cli_turn {
  const char *name;
  int64_t timeout_ns, since_ns;
  cli_limit limit;
  bool said;
} cli_turn;

cli_turn cli_turn_from(const char *name, int64_t timeout_ns);
bool cli_turn_again(cli_turn *, int result);
int cli_turn_fail(const cli_turn *, int result);

/* Whether the channel of that name is one in which this process takes part; true where that cannot be seen. Asks the file system. */
bool cli_takes_part(const char *name, uint32_t kind);

/* As cli_fail_result, for one that was read: if its name was removed meanwhile, what that means for somebody at a command line. */
int cli_fail_lost(int result, const char *name, uint32_t kind);

/* ---- create.c: for whatever can be created ------------------------------------------------------------------------- */

/* --group, a name or a number, as the library wants it: the number plus 1. Untouched when it was not given. */
int cli_group_option(const cli_values *values, uint32_t *ret_group);

/* ---- recv.c ------------------------------------------------------------------------------------------------------------ */

/* --from: oldest (also for NULL), next, or a number. CLI_DONE or CLI_USAGE, told. */
int cli_parse_from(const char *text, uint64_t *ret_from);

/* ---- type.c -------------------------------------------------------------------------------------------------------- */

/* What bytes seem to be, such as "image/bmp": by how they begin, then by the ending of path (may be NULL). */
const char *cli_guess_type(const uint8_t *bytes, size_t size, const char *path);
bool cli_is_text(const uint8_t *bytes, size_t size); /* UTF-8 without control characters; may be cut off within a character */
size_t cli_utf8_length(const uint8_t *bytes, size_t size); /* of the character there; 0: none */

/* ---- help.c -------------------------------------------------------------------------------------------------------- */

typedef struct cli_exit {
  int code;
  const char *words;
} cli_exit;

extern const cli_exit cli_exits[];   /* ends with words NULL */
extern const char cli_conventions[]; /* how names, sizes and times are written */

void cli_print_usage(FILE *to, const cli_command *command);
void cli_print_help(FILE *to, const cli_command *command);
void cli_print_overview(FILE *to, const char *group); /* group: first word of the commands to list, NULL: all */
const char *cli_kind_name(uint32_t kind);

/* ---- complete.c ---------------------------------------------------------------------------------------------------- */

/* What may come next, for shells; the last of the words is being typed. */
int cli_complete(int count, char **words);

/* ---- the commands -------------------------------------------------------------------------------------------------- */

int run_put(int count, char **operands, const cli_values *);
int run_get(int count, char **operands, const cli_values *);
int run_create_board(int count, char **operands, const cli_values *);
int run_create_stream(int count, char **operands, const cli_values *);
int run_send(int count, char **operands, const cli_values *);
int run_recv(int count, char **operands, const cli_values *);
int run_rm(int count, char **operands, const cli_values *);
int run_map_create(int count, char **operands, const cli_values *);
int run_map_read(int count, char **operands, const cli_values *);
int run_map_write(int count, char **operands, const cli_values *);
int run_map_resize(int count, char **operands, const cli_values *);
int run_ls(int count, char **operands, const cli_values *);
int run_stat(int count, char **operands, const cli_values *);
int run_top(int count, char **operands, const cli_values *);
int run_check(int count, char **operands, const cli_values *);
int run_clean(int count, char **operands, const cli_values *);
int run_doctor(int count, char **operands, const cli_values *);
int run_show(int count, char **operands, const cli_values *);
int run_watch(int count, char **operands, const cli_values *);
int run_record(int count, char **operands, const cli_values *);
int run_replay(int count, char **operands, const cli_values *);
int run_bench_stream(int count, char **operands, const cli_values *);
int run_bench_board(int count, char **operands, const cli_values *);
int run_help(int count, char **operands, const cli_values *);

#endif
