/* cli/record.c: `tarn record NAME FILE`: what a map, a board or a stream shows, with its timing, into a file or a pipe.
 *
 * Records gather in a buffer and go out before it waits for more, so that a pipe has everything that came and a fast stream needs few
 * writes. The file is written in place: whoever is killed leaves a recording that can be read up to where it was.
 */
#include "cli.h"

#include "follow.h"
#include "hexdump.h"
#include "layout.h"
#include "recording.h"
#include "system.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { EVERY_NS = 100000000, WRITE_FROM = 1 << 16, RUN_HEADER = 16 };

typedef struct recorder {
  const cli_values *values;
  cli_follow follow;
  cli_layout layout;
  int descriptor;
  bool is_file; /* made for this recording */
  const char *path;
  int64_t begin_ns; /* monotonic */
  uint64_t records, missed, bytes;
  uint8_t *buffer; /* used bytes wait to be written */
  size_t capacity, used;
} recorder;

/* ---- Writing ---------------------------------------------------------------------------------------------------------------------- */

/* All that is in the buffer. A signal that asks to end does not cut a record in two: what was begun is finished. */
static int write_out(recorder *r) {
  for (size_t done = 0; done < r->used;) {
    ptrdiff_t put = cli_write(r->descriptor, r->buffer + done, r->used - done);
    if (put < 0 && errno == EINTR && cli_interrupted()) {
      cli_write_on();
      continue;
    }
    if (put < 0) {
      int failed = cli_fail_system("write to", r->path);
      if (failed != CLI_PIPE_CLOSED && r->bytes)
        cli_say("tarn: %s: what was written before can be replayed up to its last whole record", r->path);
      return failed;
    }
    done += (size_t)put;
  }
  r->bytes += r->used;
  r->used = 0;
  return CLI_DONE;
}

static int make_room(recorder *r, uint64_t more) {
  if (more <= r->capacity - r->used) return CLI_DONE;
  uint64_t need = r->used + more + WRITE_FROM;
  uint8_t *larger = need > SIZE_MAX ? NULL : realloc(r->buffer, (size_t)need);
  if (!larger) return cli_fail(CLI_NO_SPACE, "%s: not enough memory for a record of it", r->follow.name);
  r->buffer = larger;
  r->capacity = (size_t)need;
  return CLI_DONE;
}

static void append(recorder *r, const void *bytes, size_t size) {
  if (size) memcpy(r->buffer + r->used, bytes, size);
  r->used += size;
}

/* The header of the record whose payload already lies behind the room for it, which begins at start. */
static void finish_record(recorder *r, size_t start, cli_record *record) {
  static const uint8_t zeros[CLI_RECORD_ALIGNMENT];
  record->index = ++r->records;
  record->payload_sum = cli_crc32c(0, r->buffer + start + CLI_RECORD_HEADER, r->used - start - CLI_RECORD_HEADER);
  append(r, zeros, cli_record_padding(record));
  cli_record_encode(record, r->buffer + start);
}

/* ---- Records ------------------------------------------------------------------------------------------------------------------------ */

static int add_content(recorder *r, cli_record *record) {
  const cli_follow *f = &r->follow;
  record->what = CLI_RECORD_CONTENT;
  record->type_bytes = (uint32_t)strlen(f->type);
  record->data_bytes = f->size;
  int failed = make_room(r, CLI_RECORD_HEADER + record->type_bytes + f->size + CLI_RECORD_ALIGNMENT);
  if (failed) return failed;
  size_t start = r->used;
  r->used += CLI_RECORD_HEADER;
  append(r, f->type, record->type_bytes);
  append(r, f->bytes, (size_t)f->size);
  finish_record(r, start, record);
  return CLI_DONE;
}

/* Only the runs that differ. */
static int add_change(recorder *r, cli_record *record) {
  const cli_follow *f = &r->follow;
  cli_change change = {f->bytes, f->before, f->size, f->before_size, 0, false};
  int failed = make_room(r, CLI_RECORD_HEADER + CLI_RECORD_ALIGNMENT);
  size_t start = r->used;
  if (!failed) r->used += CLI_RECORD_HEADER;
  for (uint64_t from = 0, to = 0; !failed && cli_next_change(&change, to, &from, &to);) {
    uint8_t header[RUN_HEADER];
    failed = make_room(r, RUN_HEADER + (to - from) + CLI_RECORD_ALIGNMENT);
    if (failed) break;
    cli_put_number(header, f->offset + from, 8);
    cli_put_number(header + 8, to - from, 8);
    append(r, header, RUN_HEADER);
    append(r, f->bytes + from, (size_t)(to - from));
  }
  if (failed) return failed;
  record->what = CLI_RECORD_CHANGE;
  record->data_bytes = r->used - start - CLI_RECORD_HEADER;
  finish_record(r, start, record);
  return CLI_DONE;
}

static int add_record(recorder *r) {
  const cli_follow *f = &r->follow;
  bool map = f->kind == TARN_KIND_MAP;
  cli_record record = {.at_ns = cli_now() - r->begin_ns,
                       .number = f->number,
                       .missed = f->missed,
                       .tag = map ? f->map_bytes : f->tag,
                       .time_ns = f->published ? f->time_ns : 0};
  r->missed += f->missed;
  bool in_part = map && f->before_size == f->size; /* otherwise it is the first, or it grew */
  int failed = in_part ? add_change(r, &record) : add_content(r, &record);
  return failed || r->used < WRITE_FROM ? failed : write_out(r);
}

static int add_header(recorder *r) {
  cli_follow *f = &r->follow;
  cli_recording recording = {.kind = f->kind, .start_ns = cli_unix_now(), .offset = f->kind == TARN_KIND_MAP ? f->offset : 0};
  tarn_details *details = calloc(1, sizeof *details); /* what is not known there stays 0 */
  int failed = details ? make_room(r, CLI_RECORDING_HEADER) : cli_fail(CLI_NO_SPACE, "not enough memory");
  if (!failed) {
    details->struct_size = sizeof *details;
    if (f->kind != TARN_KIND_BOARD && tarn_inspect(f->name, (int)f->kind, details, NULL, 0) == 0) {
      recording.size_bytes = f->kind == TARN_KIND_MAP ? details->entry.size_bytes : details->buffer_bytes;
      recording.policy = details->policy;
      recording.flags = details->flags & TARN_TIMES;
    }
    if (strlen(f->name) < sizeof recording.name) strcpy(recording.name, f->name);
    cli_recording_encode(&recording, r->buffer + r->used);
    r->used += CLI_RECORDING_HEADER;
  }
  free(details);
  r->begin_ns = cli_now();
  return failed ? failed : write_out(r);
}

static int add_end(recorder *r) {
  cli_record end = {.what = CLI_RECORD_END, .at_ns = cli_now() - r->begin_ns, .number = r->records, .missed = r->missed};
  cli_write_on();
  int failed = make_room(r, CLI_RECORD_HEADER);
  if (failed) return failed;
  size_t start = r->used;
  r->used += CLI_RECORD_HEADER;
  finish_record(r, start, &end);
  r->records--;
  return write_out(r);
}

/* ---- The command -------------------------------------------------------------------------------------------------------------------- */

/* Until it is told to end; *ret_lost: the map has gone or was cut short, which was told, and what was recorded is good all the same. */
static int record(recorder *r, int *ret_lost) {
  const cli_values *values = r->values;
  cli_limit limit = cli_limit_from(values->given & CLI_FOR ? values->for_ns : TARN_FOREVER);
  int failed = CLI_DONE;
  while (!failed && !(values->given & CLI_RECORDS && r->records >= values->count)) {
    bool news = false;
    int64_t piece = cli_limit_piece(limit);
    int look = cli_follow_look(&r->follow, 0, &news);
    if (!look && !news) {
      failed = write_out(r);
      if (!failed) look = cli_follow_look(&r->follow, piece, &news);
    }
    if (!failed && news) failed = add_record(r);
    if (!failed && !news && r->descriptor == 1 && cli_stdout_closed()) failed = CLI_PIPE_CLOSED;
    if (look == CLI_INTERRUPTED || (piece == 0 && !failed && !look)) break;
    if (look) {
      *ret_lost = look;
      break;
    }
  }
  return failed ? failed : add_end(r);
}

static int open_output(recorder *r) {
  const char *path = r->path;
  if (strcmp(path, "-") == 0) {
    r->path = "standard output";
    r->descriptor = 1;
    if (cli_is_terminal(1)) return cli_fail(CLI_USAGE, "a recording is no text: name a FILE, or send it through a pipe");
    return CLI_DONE;
  }
  r->descriptor = cli_open_again(path);
  if (r->descriptor == -2) {
    r->is_file = cli_path_kind(path) != CLI_PATH_OTHER;
    r->descriptor = r->is_file ? cli_create(path, r->values->force) : cli_open_write(path);
  }
  if (r->descriptor >= 0) return CLI_DONE;
  if (errno == EEXIST) return cli_fail(CLI_BUSY, "%s is there already; --force replaces it", path);
  return cli_fail_system("create", path);
}

static void report(const recorder *r, int64_t took_ns) {
  const cli_follow *f = &r->follow;
  char time[CLI_WORDS], size[CLI_WORDS];
  if (r->values->json) {
    FILE *to = r->descriptor == 1 ? stderr : stdout;
    fputs("{\"schema\":1,\"name\":", to);
    cli_print_json(to, f->name);
    fprintf(to, ",\"kind\":\"%s\",\"file\":", cli_kind_name(f->kind));
    cli_print_json(to, r->path);
    fprintf(to, ",\"records\":%llu,\"missed\":%llu,\"size_bytes\":%llu,\"duration_ns\":%lld}\n", (unsigned long long)r->records,
            (unsigned long long)r->missed, (unsigned long long)r->bytes, (long long)took_ns);
  }
  cli_say("%s: %llu record%s of %s in %s, %s", r->path, (unsigned long long)r->records, r->records == 1 ? "" : "s", f->name,
          cli_age_words(took_ns, time), cli_size_words(r->bytes, size));
}

static int set_up(recorder *r) {
  const cli_values *values = r->values;
  cli_follow *f = &r->follow;
  if (values->given & CLI_LENGTH && values->length == 0) return cli_fail(CLI_USAGE, "--length: it is at least 1");
  if (values->given & CLI_RECORDS && values->count == 0) return cli_fail(CLI_USAGE, "--count: it is from 1");
  int failed = cli_parse_from(values->from, &f->from);
  if (!failed && values->layout) failed = cli_layout_read(&r->layout, values->layout);
  if (failed || !values->layout) return failed;
  f->guard = &r->layout;
  if (r->layout.guard == CLI_GUARD_NONE)
    return cli_fail(CLI_USAGE, "%s: no field in it says when the map is complete; see docs/watching.md", r->layout.path);
  if (f->length && f->length < r->layout.size_bytes)
    return cli_fail(CLI_USAGE, "--length: %s describes %llu bytes", r->layout.path, (unsigned long long)r->layout.size_bytes);
  return CLI_DONE;
}

static int check_kind(const recorder *r) {
  const cli_follow *f = &r->follow;
  uint64_t given = r->values->given;
  bool map = f->kind == TARN_KIND_MAP;
  if (!map && given & (CLI_OFFSET | CLI_LENGTH | CLI_LAYOUT))
    return cli_fail(CLI_USAGE, "--offset, --length and --layout are for maps; %s is a %s", f->name, cli_kind_name(f->kind));
  if (f->kind != TARN_KIND_STREAM && given & CLI_FROM)
    return cli_fail(CLI_USAGE, "--from is for streams; %s is a %s", f->name, cli_kind_name(f->kind));
  return CLI_DONE;
}

static int run(recorder *r) {
  int lost = CLI_DONE;
  int failed = cli_follow_open(&r->follow, r->values->wait_ns);
  if (!failed) failed = check_kind(r);
  if (!failed) failed = open_output(r);
  if (failed) return failed;
  failed = add_header(r);
  if (!failed) failed = record(r, &lost);
  int64_t took_ns = cli_now() - r->begin_ns;
  if (r->descriptor > 2 && cli_close(r->descriptor) && !failed) failed = cli_fail_system("write to", r->path);
  if (failed && !r->bytes && r->is_file) cli_remove(r->path); /* not even its header is there */
  if (failed) return failed;
  report(r, took_ns);
  if (lost) return lost;
  if (!r->missed) return CLI_DONE;
  return cli_fail(CLI_MISSED, "%s: %llu passed unseen, faster than they could be recorded", r->follow.name,
                  (unsigned long long)r->missed);
}

int run_record(int count, char **operands, const cli_values *values) {
  (void)count;
  recorder r = {.values = values,
                .path = operands[1],
                .descriptor = -1,
                .follow = {.name = operands[0],
                           .kind = values->kind,
                           .takes_part = true,
                           .every_ns = values->given & CLI_LOOK_EVERY ? values->every_ns : EVERY_NS,
                           .offset = values->offset,
                           .length = values->length}};
  int failed = set_up(&r);
  if (!failed) failed = run(&r);
  cli_follow_close(&r.follow);
  cli_layout_free(&r.layout);
  free(r.buffer);
  return failed;
}
