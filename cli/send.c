/* cli/send.c: `tarn send NAME [FILE...]`: lines, prefixed bytes or whole files become the messages of a stream.
 *
 * What one read brings goes out as one batch, before the next read: a line typed by hand goes at once, and a pipe runs at full speed.
 */
#include "cli.h"

#include "system.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 4096, BUFFER = 1 << 18, PREFIX = 4, LONG_PREFIX = 12, RETRY_NS = 1000000 };
static const int64_t SAY_AFTER_NS = 1000000000;

typedef struct sender {
  const cli_values *values;
  const char *name;
  tarn_stream *stream; /* NULL: not opened yet */
  uint64_t longest;    /* message that its ring can take */
  uint32_t policy;
  uint64_t messages, bytes; /* sent */
  bool told;                /* that there is no room */
  int64_t looked_ns;        /* when the name was looked at last, and that it was removed */
  bool nameless;
  uint8_t *buffer;          /* what was read and not sent: from begin to end; up to scanned no line ends */
  size_t capacity, begin, end, scanned;
  tarn_piece pieces[BATCH];
  uint32_t count;
} sender;

/* ---- Room -------------------------------------------------------------------------------------------------------------- */

typedef struct patience {
  cli_limit limit;
  int64_t timeout_ns, start_ns;
} patience;

static patience begin_waiting(const sender *s) {
  int64_t timeout_ns = s->values->given & CLI_ROOM_TIMEOUT ? s->values->timeout_ns : TARN_FOREVER;
  return (patience){cli_limit_from(timeout_ns), timeout_ns, cli_now()};
}

static int no_room(const sender *s, const patience *p, int result) {
  char words[CLI_WORDS];
  unsigned long long sent = (unsigned long long)s->messages;
  if (result == TARN_FULL && s->policy == TARN_FAIL)
    return cli_fail(CLI_BUSY, "%s: it is full, and its policy is to fail; %llu messages were sent", s->name, sent);
  if (p->timeout_ns == 0) return cli_fail(CLI_BUSY, "%s: it is full; %llu messages were sent", s->name, sent);
  return cli_fail(CLI_TIMED_OUT, "%s: there was no room within %s; %llu messages were sent", s->name,
                  cli_time_given_words(p->timeout_ns, words), sent);
}

/* Its name may be removed by force, and who opens it then gets another stream: whoever sends on for days is to find out, soon. */
static void look_at_name(sender *s) {
  int64_t now_ns = cli_now();
  if (s->nameless || now_ns - s->looked_ns < SAY_AFTER_NS) return;
  s->looked_ns = now_ns;
  s->nameless = !cli_takes_part(s->name, TARN_KIND_STREAM);
  if (s->nameless)
    cli_say("tarn: %s: its name was removed (`tarn rm --force`, or the system): only receivers that have it open get what is sent; start "
            "this again for a new stream of that name", s->name);
}

/* After a result that is not 0: CLI_DONE to try again, or the exit code. Under TARN_OVERWRITE a reader that holds the oldest message in
 * place is in the way for a moment; to drop the new message instead would be a loss that no receiver could count. */
static int wait_more(sender *s, const patience *p, int result) {
  if (cli_interrupted()) return CLI_INTERRUPTED;
  bool full = result == TARN_FULL && s->policy != TARN_FAIL;
  if (!full && result != TARN_FULL && result != TARN_TIMED_OUT && result != TARN_WOKEN) return cli_fail_result(result, s->name);
  if ((result == TARN_FULL && !full) || cli_limit_piece(p->limit) == 0) return no_room(s, p, result);
  if (full) cli_sleep(RETRY_NS);
  look_at_name(s);
  if (!s->told && !s->nameless && cli_now() - p->start_ns >= SAY_AFTER_NS) {
    s->told = true;
    cli_say("tarn: %s is full: waiting for a receiver; `tarn stat %s` tells who is behind", s->name, cli_typed(s->name));
  }
  return CLI_DONE;
}

/* Send the gathered pieces, in as many batches as the ring has room for. */
static int put_pieces(sender *s) {
  uint32_t done = 0;
  if (s->count) look_at_name(s);
  while (done < s->count) {
    patience p = begin_waiting(s);
    uint32_t now = 0;
    int result;
    while ((result = tarn_stream_put_batch(s->stream, s->pieces + done, s->count - done, &now, cli_limit_piece(p.limit)))) {
      int failed = wait_more(s, &p, result);
      if (failed) return failed;
    }
    for (uint32_t i = done; i < done + now; i++) s->bytes += s->pieces[i].size_bytes;
    done += now;
    s->messages += now;
  }
  s->count = 0;
  return CLI_DONE;
}

static int add_piece(sender *s, const uint8_t *data, uint64_t size) {
  s->pieces[s->count++] = (tarn_piece){data, size, s->values->tag};
  return s->count < BATCH ? CLI_DONE : put_pieces(s);
}

/* How to make a ring that takes a message of this size; more: or a larger one. */
static void add_advice(char *sentence, size_t room, const char *name, uint64_t size, bool more) {
  const uint64_t smallest = 4096, largest = UINT64_C(1) << 40;
  uint64_t ring = smallest;
  while (ring < largest && ring / 2 - 48 < size) ring *= 2;
  if (ring / 2 - 48 < size) return; /* none does */
  bool mebibytes = ring >= UINT64_C(1) << 20;
  size_t used = strlen(sentence);
  snprintf(sentence + used, room - used, "; make it anew: `tarn rm %s`, then `tarn create stream --size %llu%c %s`%s", cli_typed(name),
           (unsigned long long)(mebibytes ? ring >> 20 : ring >> 10), mebibytes ? 'M' : 'K', cli_typed(name), more ? " or larger" : "");
}

/* What is before it goes; then it is said why this one cannot. more: it is longer than what was read of it. */
static int too_large(sender *s, uint64_t size, bool more) {
  char sentence[1024];
  int failed = put_pieces(s);
  if (failed) return failed;
  snprintf(sentence, sizeof sentence, "%s: a message of %llu bytes%s can never fit: its ring takes up to %llu", s->name,
           (unsigned long long)size, more ? " or more" : "", (unsigned long long)s->longest);
  add_advice(sentence, sizeof sentence, s->name, size, more);
  return cli_fail_result_in_words(TARN_E_TOO_LARGE, s->name, sentence);
}

/* ---- From bytes to messages --------------------------------------------------------------------------------------------- */

/* Add the messages that are complete in the buffer; at_end: the last line may have no newline. */
static int add_lines(sender *s, bool at_end) {
  int failed = CLI_DONE;
  while (!failed && s->begin < s->end) {
    const uint8_t *from = s->buffer + s->scanned;
    const uint8_t *newline = memchr(from, '\n', s->end - s->scanned);
    size_t line_end = newline ? (size_t)(newline - s->buffer) : s->end, size = line_end - s->begin;
    s->scanned = line_end;
    if (size > s->longest) return too_large(s, size, !newline && !at_end);
    if (!newline && !at_end) break;
    failed = add_piece(s, s->buffer + s->begin, size);
    s->begin = s->scanned = newline ? line_end + 1 : line_end;
  }
  return failed;
}

static uint64_t little_endian(const uint8_t *bytes, int count) {
  uint64_t value = 0;
  while (count-- > 0) value = value << 8 | bytes[count];
  return value;
}

static int add_prefixed(sender *s, bool at_end) {
  int failed = CLI_DONE;
  while (!failed && s->begin < s->end) {
    const uint8_t *at = s->buffer + s->begin;
    size_t there = s->end - s->begin, prefix = PREFIX;
    bool complete = there >= PREFIX;
    uint64_t size = complete ? little_endian(at, PREFIX) : 0;
    if (size == UINT32_MAX) {
      prefix = LONG_PREFIX;
      complete = there >= LONG_PREFIX;
      size = complete ? little_endian(at + PREFIX, 8) : 0;
    }
    if (size > s->longest) return too_large(s, size, false);
    if (!complete || there - prefix < size) {
      if (!at_end) break;
      failed = put_pieces(s);
      return failed ? failed : cli_fail(CLI_CORRUPT, "%s: the input ends within a message", s->name);
    }
    failed = add_piece(s, at + prefix, size);
    s->begin += prefix + (size_t)size;
  }
  return failed;
}

/* Room to read into: what is left moves to the front, and the buffer grows up to the longest message. All pieces are sent. */
static int make_room(sender *s) {
  if (s->begin > 0) {
    memmove(s->buffer, s->buffer + s->begin, s->end - s->begin);
    s->end -= s->begin;
    s->scanned -= s->scanned < s->begin ? s->scanned : s->begin;
    s->begin = 0;
  }
  if (s->end < s->capacity) return CLI_DONE;
  size_t larger = s->capacity ? s->capacity * 2 : BUFFER;
  uint8_t *moved = realloc(s->buffer, larger);
  if (!moved) return cli_fail(CLI_NO_SPACE, "%s: not enough memory for a message", s->name);
  s->buffer = moved;
  s->capacity = larger;
  return CLI_DONE;
}

static int send_pieces(sender *s, const cli_input *input) {
  int failed;
  ptrdiff_t got;
  s->begin = s->end = s->scanned = 0;
  do {
    failed = make_room(s);
    if (failed) return failed;
    got = cli_read(input->descriptor, s->buffer + s->end, s->capacity - s->end);
    if (got < 0) return cli_fail_system("read", input->path);
    s->end += (size_t)got;
    failed = s->values->binary ? add_prefixed(s, got == 0) : add_lines(s, got == 0);
    if (!failed) failed = put_pieces(s);
  } while (!failed && got > 0);
  return failed;
}

/* A file's size is known: it is read straight into the ring. */
static int send_file(sender *s, cli_input *input) {
  void *room;
  uint64_t got;
  int result, failed;
  patience p = begin_waiting(s);
  if (input->size_bytes > s->longest) return too_large(s, input->size_bytes, false);
  look_at_name(s);
  while ((result = tarn_stream_claim(s->stream, input->size_bytes, &room, cli_limit_piece(p.limit)))) {
    failed = wait_more(s, &p, result);
    if (failed) return failed;
  }
  failed = cli_input_read(input, room, input->size_bytes, &got, &(cli_progress){0});
  if (!failed && got < input->size_bytes) failed = cli_fail(CLI_OTHER, "%s became shorter while it was read", input->path);
  if (failed) {
    tarn_stream_abandon(s->stream);
    return failed;
  }
  tarn_about about = {.struct_size = sizeof about, .tag = s->values->tag};
  result = tarn_stream_publish(s->stream, got, &about);
  if (result) return cli_fail_result(result, s->name);
  s->messages++;
  s->bytes += got;
  return CLI_DONE;
}

static int send_whole(sender *s, cli_input *input) {
  if (input->sized) return send_file(s, input);
  uint8_t *bytes;
  uint64_t size;
  int failed = cli_input_read_all(input, s->longest, &bytes, &size, &(cli_progress){0});
  if (failed) return failed;
  failed = size > s->longest ? too_large(s, size, true) : add_piece(s, bytes, size);
  if (!failed) failed = put_pieces(s);
  free(bytes);
  return failed;
}

/* ---- The command ---------------------------------------------------------------------------------------------------------- */

static bool inspect(const char *name, tarn_details *details) {
  *details = (tarn_details){.struct_size = sizeof *details};
  return tarn_inspect(name, TARN_KIND_STREAM, details, NULL, 0) == 0;
}

static int open_stream(sender *s) {
  tarn_details details;
  bool was_there = inspect(s->name, &details);
  tarn_options options = {.struct_size = sizeof options, .flags = TARN_KEPT};
  cli_turn turn = cli_turn_from(s->name, s->values->timeout_ns);
  int result;
  do {
    result = tarn_stream_open(&s->stream, s->name, TARN_WRITER, &options, cli_limit_piece(turn.limit));
  } while (cli_turn_again(&turn, result));
  if (result) return cli_turn_fail(&turn, result);
  if (!inspect(s->name, &details)) return cli_fail_result(TARN_E_SYSTEM, s->name);
  s->policy = details.policy;
  s->looked_ns = cli_now();
  s->longest = details.buffer_bytes / 2 - (details.flags & (TARN_TIMES | TARN_QUEUE) ? 48 : 32);
  char words[CLI_WORDS];
  if (!was_there) {
    cli_say("%s: a new stream with a ring of %s; kept until `tarn rm %s`", s->name, cli_size_words(details.buffer_bytes, words),
            cli_typed(s->name));
  }
  return CLI_DONE;
}

static int send_from(sender *s, const char *path) {
  cli_input input;
  int failed = cli_input_open(&input, path);
  if (failed) return failed;
  if (!s->stream) failed = open_stream(s); /* only now: a mistyped FILE makes no stream */
  if (!failed) failed = s->values->whole ? send_whole(s, &input) : send_pieces(s, &input);
  cli_input_close(&input);
  return failed;
}

static void report(const sender *s) {
  char words[CLI_WORDS];
  tarn_details details;
  bool known = inspect(s->name, &details);
  if (s->values->json) {
    fputs("{\"name\":", stdout);
    cli_print_json(stdout, s->name);
    printf(",\"messages\":%llu,\"bytes\":%llu,\"newest\":%llu,\"kept\":%s}\n", (unsigned long long)s->messages,
           (unsigned long long)s->bytes, (unsigned long long)details.newest,
           known && (details.entry.flags & TARN_ENTRY_KEPT) ? "true" : "false");
  }
  cli_say("%s: %llu message%s sent, %s", s->name, (unsigned long long)s->messages, s->messages == 1 ? "" : "s",
          cli_size_words(s->bytes, words));
}

int run_send(int count, char **operands, const cli_values *values) {
  if (values->whole && values->binary) return cli_fail(CLI_USAGE, "--whole and --binary: only one of them can be meant");
  if (values->tag > UINT32_MAX) return cli_fail(CLI_USAGE, "--tag: a stream's tags are at most 4294967295");
  sender *s = calloc(1, sizeof *s);
  if (!s) return cli_fail(CLI_NO_SPACE, "not enough memory");
  s->values = values;
  s->name = operands[0];
  int failed = count == 1 ? send_from(s, NULL) : CLI_DONE;
  for (int i = 1; i < count && !failed; i++) failed = send_from(s, operands[i]);
  s->looked_ns = 0;
  if (!failed) look_at_name(s);
  if (!failed) report(s);
  tarn_stream_close(s->stream);
  free(s->buffer);
  free(s);
  return failed;
}
