/* cli/recv.c: `tarn recv NAME`: the messages of a stream go to stdout, as lines, with their lengths, bare, or as JSON.
 *
 * Messages are copied out of the ring at once, so that a slow pipe never holds one in place; many go out with one write, and what is
 * there goes out before it waits for more.
 */
#include "cli.h"

#include "look.h"
#include "system.h"

#include <stdlib.h>
#include <string.h>

enum { BUFFER = 1 << 18, WRITE_FROM = 1 << 16, PREFIX = 4, LONG_PREFIX = 12 };

typedef struct receiver {
  const cli_values *values;
  const char *name;
  tarn_stream *stream;
  bool observes;   /* no right to write: looks without taking part */
  bool waits_for_writer; /* that was said */
  bool queue;      /* each message is for one receiver: `out` is what this one has taken and not written yet */
  tarn_item out;
  uint64_t given;  /* messages */
  uint64_t missed; /* all together */
  tarn_item item;
  uint8_t *buffer; /* used bytes wait to be written */
  size_t capacity, used;
} receiver;

/* ---- Writing ---------------------------------------------------------------------------------------------------------------- */

static int write_out(receiver *r) {
  if (r->values->json) return cli_flush();
  cli_output output;
  int failed = r->used ? cli_output_open(&output, NULL) : CLI_DONE;
  if (!failed && r->used) failed = cli_output_write(&output, r->buffer, r->used, &(cli_progress){0});
  r->used = 0;
  return failed;
}

/* A message of a queue is done when it is written; if that fails, or this process is killed before, it is for another. */
static int done_with(receiver *r) {
  int failed = write_out(r);
  int result = !r->queue || !r->out.data ? 0 : failed ? tarn_stream_return(r->stream, &r->out) : tarn_stream_release(r->stream, &r->out);
  return failed ? failed : result ? cli_fail_result(result, r->name) : CLI_DONE;
}

static bool is_utf8(const uint8_t *bytes, size_t size) {
  for (size_t at = 0, length; at < size; at += length) {
    length = cli_utf8_length(bytes + at, size - at);
    if (length == 0) return false;
  }
  return true;
}

static void print_base64(const uint8_t *bytes, size_t size) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  putchar('"');
  for (size_t at = 0; at < size; at += 3) {
    size_t left = size - at;
    uint32_t bits = (uint32_t)bytes[at] << 16 | (left > 1 ? (uint32_t)bytes[at + 1] << 8 : 0) | (left > 2 ? bytes[at + 2] : 0);
    putchar(digits[bits >> 18]);
    putchar(digits[bits >> 12 & 63]);
    putchar(left > 1 ? digits[bits >> 6 & 63] : '=');
    putchar(left > 2 ? digits[bits & 63] : '=');
  }
  putchar('"');
}

static void print_json(const tarn_item *item) {
  printf("{\"number\":%llu,\"time_ns\":", (unsigned long long)item->number);
  if (item->time_ns) {
    printf("%lld", (long long)item->time_ns);
  } else {
    fputs("null", stdout); /* the stream was made without times */
  }
  if (item->deliveries) printf(",\"again\":%s,\"deliveries\":%u", item->flags & TARN_AGAIN ? "true" : "false", item->deliveries);
  printf(",\"tag\":%llu,\"missed\":%llu,\"size_bytes\":%llu,", (unsigned long long)item->tag, (unsigned long long)item->missed,
         (unsigned long long)item->size_bytes);
  size_t size = (size_t)item->size_bytes;
  if (is_utf8(item->data, size)) {
    fputs("\"text\":", stdout);
    cli_print_json_bytes(stdout, item->data, size);
  } else {
    fputs("\"base64\":", stdout);
    print_base64(item->data, size);
  }
  fputs("}\n", stdout);
}

static void put_little_endian(uint8_t *to, uint64_t value, int count) {
  for (int i = 0; i < count; i++) to[i] = (uint8_t)(value >> 8 * i);
}

/* ---- Receiving --------------------------------------------------------------------------------------------------------------- */

/* Room around a message that lies in the buffer: in front of it for a short length, behind it for a newline or a long length. */
static size_t room_before(const receiver *r) { return r->values->binary ? PREFIX : 0; }

static void frame(receiver *r) {
  uint8_t *start = r->buffer + r->used;
  uint64_t size = r->item.size_bytes;
  if (r->values->json) {
    print_json(&r->item);
    return;
  }
  if (r->values->binary && size >= UINT32_MAX) {
    memmove(start + LONG_PREFIX, start + PREFIX, (size_t)size);
    put_little_endian(start, UINT32_MAX, PREFIX);
    put_little_endian(start + PREFIX, size, 8);
    r->used += LONG_PREFIX + (size_t)size;
  } else if (r->values->binary) {
    put_little_endian(start, size, PREFIX);
    r->used += PREFIX + (size_t)size;
  } else {
    r->used += (size_t)size;
    if (!r->values->raw) r->buffer[r->used++] = '\n';
  }
}

static int grow(receiver *r, uint64_t message) {
  uint64_t need = message + 2 * LONG_PREFIX;
  uint8_t *larger = need > SIZE_MAX ? NULL : realloc(r->buffer, (size_t)need);
  if (!larger) return cli_fail(CLI_NO_SPACE, "%s: not enough memory for a message", r->name);
  r->buffer = larger;
  r->capacity = (size_t)need;
  return CLI_DONE;
}

/* Of a queue: one at a time, which stays taken until it is written. The buffer is empty. */
static int take_one(receiver *r, int64_t timeout_ns, int *ret_result) {
  int failed = CLI_DONE;
  *ret_result = tarn_stream_read(r->stream, &r->out, timeout_ns);
  if (*ret_result) return CLI_DONE;
  r->item = r->out;
  if (r->capacity < r->out.size_bytes + 2 * LONG_PREFIX) failed = grow(r, r->out.size_bytes);
  if (!failed && r->out.size_bytes) memcpy(r->buffer + room_before(r), r->out.data, (size_t)r->out.size_bytes);
  r->item.data = failed ? NULL : r->buffer + room_before(r);
  return failed;
}

/* The next message is copied behind what is in the buffer, which is written first where there is not enough room. *ret_result is the
 * library's, for which nothing was said yet. */
static int take(receiver *r, int64_t timeout_ns, int *ret_result) {
  for (;;) {
    int failed = CLI_DONE;
    if (r->capacity - r->used < 2 * LONG_PREFIX) failed = write_out(r);
    if (failed) return failed;
    size_t before = room_before(r);
    if (r->queue) return take_one(r, timeout_ns, ret_result);
    *ret_result = tarn_stream_get(r->stream, r->buffer + r->used + before, r->capacity - r->used - before - LONG_PREFIX,
                                  &r->item, timeout_ns);
    if (*ret_result != TARN_E_TOO_LARGE) return CLI_DONE;
    failed = r->used ? write_out(r) : grow(r, r->item.size_bytes);
    if (failed) return failed;
  }
}

/* Nothing was received yet: is that all there will be? So it is where all writers left before this receiver came, and other receivers
 * of a queue have taken everything and are done. Who has never been written to waits. */
static bool is_over(receiver *r, int64_t since_ns) {
  if (r->given || r->values->follow || (r->values->from && strcmp(r->values->from, "oldest") != 0)) return false;
  cli_look look;
  bool over = cli_look_at(&look, r->name, TARN_KIND_STREAM) == 0;
  for (uint32_t i = 0; i < look.count; i++)
    if (look.participants[i].role == TARN_WRITER && look.participants[i].alive) over = false;
  if (over && look.details.newest == 0 && !r->waits_for_writer && cli_now() - since_ns >= CLI_SAY_AFTER_NS) {
    r->waits_for_writer = true;
    cli_say("tarn: %s is empty and nobody writes it: waiting for a sender", r->name);
  }
  over = over && look.details.newest > 0 && look.details.waiting == 0 && look.details.taken == 0;
  cli_look_end(&look);
  return over;
}

/* Nothing is there: write what there is, then wait in pieces. */
static int take_waiting(receiver *r, int *ret_result) {
  int64_t timeout_ns = r->values->given & CLI_NEXT_TIMEOUT ? r->values->timeout_ns : TARN_FOREVER;
  cli_limit limit = cli_limit_from(timeout_ns);
  int64_t since_ns = cli_now();
  int failed = write_out(r);
  while (!failed) {
    int64_t piece = cli_limit_piece(limit);
    bool over = is_over(r, since_ns); /* before the last look: what was sent by then is received */
    failed = take(r, over ? 0 : piece, ret_result);
    if (cli_interrupted()) return CLI_INTERRUPTED;
    if (*ret_result && cli_stdout_closed()) return CLI_PIPE_CLOSED;
    if (over && !failed && *ret_result == TARN_EMPTY) *ret_result = TARN_NO_WRITER;
    if (failed || (*ret_result != TARN_EMPTY && *ret_result != TARN_TIMED_OUT && *ret_result != TARN_WOKEN)) return failed;
    if (piece == 0) {
      char words[CLI_WORDS];
      return cli_fail(CLI_TIMED_OUT, "%s: nothing came within %s", r->name, cli_time_given_words(timeout_ns, words));
    }
  }
  return failed;
}

static int receive(receiver *r) {
  int result = 0, failed = CLI_DONE;
  while (!failed && !(r->values->given & CLI_COUNT && r->given == r->values->count)) {
    if (cli_interrupted()) return CLI_INTERRUPTED;
    failed = take(r, 0, &result);
    if (!failed && result == TARN_EMPTY) failed = take_waiting(r, &result);
    if (failed) return failed;
    if (result == TARN_NO_WRITER && !r->values->follow) break;
    if (result == TARN_NO_WRITER || result == TARN_WOKEN) continue;
    if (result) {
      write_out(r); /* what came whole before it is good */
      return cli_fail_lost(result, r->name, TARN_KIND_STREAM);
    }
    frame(r);
    r->given++;
    r->missed += r->item.missed;
    if (r->queue || r->used >= WRITE_FROM) failed = done_with(r);
  }
  return failed ? failed : write_out(r);
}

/* ---- The command ---------------------------------------------------------------------------------------------------------- */

int cli_parse_from(const char *text, uint64_t *ret_from) {
  if (!text || strcmp(text, "oldest") == 0) {
    *ret_from = TARN_OLDEST;
  } else if (strcmp(text, "next") == 0) {
    *ret_from = TARN_NEXT;
  } else if (!cli_parse_number(text, ret_from) || *ret_from == TARN_OLDEST || *ret_from == TARN_NEXT) {
    return cli_fail(CLI_USAGE, "--from %s: it is oldest, next, or the number of a message, from 1", text);
  }
  return CLI_DONE;
}

static int open_stream(receiver *r, uint64_t from) {
  tarn_options options = {.struct_size = sizeof options, .from = from, .flags = r->values->queue ? TARN_QUEUE : 0};
  int64_t wait_ns = r->values->given & CLI_WAIT_NAME ? r->values->wait_ns : TARN_FOREVER;
  int64_t since_ns = cli_now();
  cli_limit limit = cli_limit_from(wait_ns);
  bool said = false;
  for (;;) {
    int64_t piece = cli_limit_piece(limit);
    int result = tarn_stream_open(&r->stream, r->name, r->observes ? TARN_OBSERVER : TARN_READER, &options, piece);
    if (cli_interrupted()) return CLI_INTERRUPTED;
    if (result == TARN_E_PERMISSION && !r->observes) {
      r->observes = true;
    } else if (result == 0) {
      tarn_details details = {.struct_size = sizeof details};
      r->queue = !r->observes && tarn_inspect(r->name, TARN_KIND_STREAM, &details, NULL, 0) == 0 && details.flags & TARN_QUEUE;
      if (r->observes) cli_say("tarn: no right to take part in %s: looking on", r->name);
      return CLI_DONE;
    } else if (result != TARN_TIMED_OUT && result != TARN_WOKEN && !(result == TARN_E_NOT_FOUND && wait_ns != 0)) {
      return cli_fail_other(result, r->name, TARN_KIND_STREAM, CLI_TO_READ);
    } else if (piece == 0) {
      return cli_fail_absent(r->name, TARN_KIND_STREAM, CLI_TO_READ, wait_ns);
    }
    cli_say_awaited(r->name, TARN_KIND_STREAM, CLI_TO_READ, since_ns, &said);
  }
}

static int check_usage(const cli_values *values) {
  if (values->binary + values->raw + values->json > 1)
    return cli_fail(CLI_USAGE, "--binary, --raw and --json: only one of them can be meant");
  if (values->given & CLI_COUNT && values->count == 0) return cli_fail(CLI_USAGE, "--count: it is from 1");
  return CLI_DONE;
}

int run_recv(int count, char **operands, const cli_values *values) {
  (void)count;
  receiver r = {.values = values, .name = operands[0], .capacity = BUFFER};
  uint64_t from = TARN_OLDEST;
  int failed = check_usage(values);
  if (!failed) failed = cli_parse_from(values->from, &from);
  if (failed) return failed;
  r.buffer = malloc(BUFFER);
  if (!r.buffer) return cli_fail(CLI_NO_SPACE, "not enough memory");
  failed = open_stream(&r, from);
  if (!failed) failed = receive(&r);
  if (!failed && r.missed) {
    failed = cli_fail(CLI_MISSED, "%s: %llu message%s missed: overwritten before they could be received", r.name,
                      (unsigned long long)r.missed, r.missed == 1 ? " was" : "s were");
  }
  if (r.out.data) tarn_stream_return(r.stream, &r.out); /* taken, and not written */
  tarn_stream_close(r.stream);
  free(r.buffer);
  return failed;
}
