/* cli/replay.c: `tarn replay FILE [NAME]`: a recording is shown again, as it was, in the time it took.
 *
 * A recording is input: it may be cut off, damaged, or made by somebody who means harm. Each record is checked whole before any of it
 * is used, and the first one that is wrong ends the replay, with a sentence.
 */
#include "cli.h"

#include "layout.h"
#include "recording.h"
#include "system.h"

#include <stdlib.h>
#include <string.h>

enum { RETRY_NS = 1000000, LOOK_PAUSE_NS = 20000000, READ_PIECE = 1 << 20, RUN_HEADER = 16 };

typedef struct replayer {
  const cli_values *values;
  cli_input input;
  cli_recording recording;
  cli_layout layout; /* map: its guard is written as its first writer did */
  const char *name;
  double speed; /* 0: as fast as possible */
  tarn_board *board;
  tarn_stream *stream;
  tarn_map *map;
  uint64_t map_bytes;
  uint64_t records, missed;  /* replayed so far */
  int64_t first_ns, last_ns; /* when in the recording */
  int64_t begin_ns;          /* monotonic: when the first one was due */
  bool whole;                /* its end was reached */
  uint8_t *payload;
  uint64_t capacity;
  char type[CLI_RECORD_TYPE_MOST + 1];
} replayer;

/* ---- Reading --------------------------------------------------------------------------------------------------------------------- */

static int damaged(const replayer *r, const char *why) {
  char words[CLI_WORDS];
  if (r->records == 0) return cli_fail(CLI_CORRUPT, "%s: %s; there is no whole record before that", r->input.path, why);
  return cli_fail(CLI_CORRUPT, "%s: %s; the %llu record%s before it (%s) %s whole%s", r->input.path, why,
                  (unsigned long long)r->records, r->records == 1 ? "" : "s", cli_age_words(r->last_ns, words),
                  r->records == 1 ? "is" : "are", r->values->check ? "" : " and replayed");
}

static int read_bytes(replayer *r, void *room, uint64_t size, uint64_t *ret_got) {
  return cli_input_read(&r->input, room, size, ret_got, &(cli_progress){0});
}

/* The room grows with what is really there: a length that is a lie costs nothing. */
static int read_payload(replayer *r, uint64_t size, bool *ret_whole) {
  uint64_t done = 0, got = 1;
  while (done < size && got > 0) {
    uint64_t want = done + READ_PIECE < size ? done + READ_PIECE : size;
    if (want > r->capacity) {
      uint64_t larger = want * 2 < size ? want * 2 : size;
      uint8_t *moved = larger > SIZE_MAX ? NULL : realloc(r->payload, (size_t)larger);
      if (!moved) return cli_fail(CLI_NO_SPACE, "%s: not enough memory for one of its records", r->input.path);
      r->payload = moved;
      r->capacity = larger;
    }
    int failed = read_bytes(r, r->payload + done, want - done, &got);
    if (failed) return failed;
    done += got;
  }
  *ret_whole = done == size;
  return CLI_DONE;
}

/* The next record, checked; *ret_record->what is CLI_RECORD_END at the end. */
static int next_record(replayer *r, cli_record *ret_record) {
  uint8_t header[CLI_RECORD_HEADER], padding[CLI_RECORD_ALIGNMENT];
  uint64_t got = 0;
  bool whole = true;
  int failed = read_bytes(r, header, sizeof header, &got);
  if (failed) return failed;
  if (got == 0) return damaged(r, "it has no end: it was cut off, or its recorder was killed");
  if (got < sizeof header) return damaged(r, "it was cut off");
  const char *why = cli_record_decode(header, ret_record);
  if (!why && ret_record->index != r->records + 1) why = "a record is missing";
  if (!why && r->records && ret_record->at_ns < r->last_ns) why = "a record says that it came before the one in front of it";
  if (why) return damaged(r, why);
  failed = read_payload(r, ret_record->type_bytes + ret_record->data_bytes, &whole);
  if (!failed && whole) failed = read_bytes(r, padding, cli_record_padding(ret_record), &got);
  if (failed) return failed;
  if (!whole || got < cli_record_padding(ret_record)) return damaged(r, "it was cut off");
  if (cli_crc32c(0, r->payload, (size_t)(ret_record->type_bytes + ret_record->data_bytes)) != ret_record->payload_sum)
    return damaged(r, "the checksum of a record is wrong");
  return CLI_DONE;
}

static int read_header(replayer *r) {
  uint8_t header[CLI_RECORDING_HEADER];
  uint64_t got = 0;
  int failed = read_bytes(r, header, sizeof header, &got);
  if (failed) return failed;
  const char *why = got < 8 ? "it is no recording of Tarn's" : NULL;
  if (!why && got < sizeof header) {
    memset(header + got, 0, sizeof header - (size_t)got);
    why = cli_recording_decode(header, &r->recording);
    if (!why || strstr(why, "damaged")) why = "it was cut off before its first record";
  } else if (!why) {
    why = cli_recording_decode(header, &r->recording);
  }
  return why ? cli_fail(CLI_CORRUPT, "%s: %s", r->input.path, why) : CLI_DONE;
}

/* ---- Maps ------------------------------------------------------------------------------------------------------------------------- */

/* Opened, or made, with the first record, which says how large the map was. */
static int open_map(replayer *r, uint64_t size) {
  tarn_options options = {.struct_size = sizeof options, .size_bytes = size};
  tarn_map_details details = {.struct_size = sizeof details};
  int result = tarn_map_open(&r->map, r->name, TARN_MAP_WRITE, &options, r->values->timeout_ns);
  if (!result) result = tarn_map_info(r->map, &details);
  if (result) return cli_fail_result(result, r->name);
  r->map_bytes = details.size_bytes;
  if (details.flags & TARN_MAP_CREATED && details.flags & TARN_MAP_KEPT) {
    char words[CLI_WORDS];
    cli_say("%s: a map of %s; kept until `tarn rm %s`", r->name, cli_size_words(r->map_bytes, words), cli_typed(r->name));
  }
  return CLI_DONE;
}

static int write_map(replayer *r, uint64_t offset, const uint8_t *bytes, uint64_t size) {
  tarn_view view;
  if (size == 0) return CLI_DONE;
  if (offset > r->map_bytes || size > r->map_bytes - offset) return damaged(r, "a record reaches past the end of the map");
  int result = tarn_map_view(r->map, offset, size, &view);
  if (result) return cli_fail_result(result, r->name);
  memcpy(view.data, bytes, (size_t)size);
  tarn_view_close(&view);
  return CLI_DONE;
}

/* ---- A map with a guard: readers who heed it see complete states only, as they did then -------------------------------------------- */

/* One of the two fields of the guard (the same one twice but for a pair), and what it will be. */
typedef struct guard {
  uint64_t offset, size;
  uint8_t bytes[8];
} guard;

static const cli_field *guard_field(const replayer *r, int which) {
  return &r->layout.fields[which ? r->layout.last : r->layout.first];
}

/* What the guards are in the map now. */
static int find_guards(replayer *r, guard guards[2]) {
  for (int i = 0; i < 2; i++) {
    const cli_field *field = guard_field(r, i);
    uint64_t got;
    guards[i] = (guard){.offset = r->recording.offset + field->offset, .size = field->unit_bytes};
    int result = tarn_map_read(r->map, guards[i].offset, guards[i].bytes, guards[i].size, &got);
    if (result) return cli_fail_result(result, r->name);
    if (got < guards[i].size) return cli_fail(CLI_USAGE, "%s: it describes more bytes than %s has", r->layout.path, r->name);
  }
  return CLI_DONE;
}

/* The bytes of a run that are a guard's are kept there, those up to the next one are written. */
static int write_around(replayer *r, uint64_t offset, const uint8_t *bytes, uint64_t size, guard guards[2], bool write) {
  if (size > INT64_MAX - offset) return damaged(r, "a record reaches past the end of the map");
  for (int i = 0; i < 2; i++) {
    for (uint64_t at = 0; at < guards[i].size; at++) {
      uint64_t place = guards[i].offset + at;
      if (place >= offset && place - offset < size) guards[i].bytes[at] = bytes[place - offset];
    }
  }
  int failed = CLI_DONE;
  for (uint64_t end = offset + size; write && !failed && offset < end;) {
    uint64_t next = end, behind = end;
    for (int i = 0; i < 2; i++) {
      uint64_t from = guards[i].offset > offset ? guards[i].offset : offset, to = guards[i].offset + guards[i].size;
      if (to > offset && from < next) next = from, behind = to;
    }
    failed = write_map(r, offset, bytes, next - offset);
    bytes += (behind < end ? behind : end) - offset;
    offset = behind < end ? behind : end;
  }
  return failed;
}

static int each_run(replayer *r, const cli_record *record, guard guards[2], bool write) {
  const uint8_t *at = r->payload, *end = at + record->data_bytes;
  if (record->what == CLI_RECORD_CONTENT) return write_around(r, r->recording.offset, at, record->data_bytes, guards, write);
  int failed = CLI_DONE;
  for (uint64_t length; at < end && !failed; at += RUN_HEADER + length) {
    length = cli_take_number(at + 8, 8);
    uint64_t offset = cli_take_number(at, 8);
    failed = offset > INT64_MAX ? damaged(r, "a record reaches past the end of the map")
                                : write_around(r, offset, at + RUN_HEADER, length, guards, write);
  }
  return failed;
}

/* First what says that the rest is being written, then the rest, then what says that it is complete. */
static int replay_guarded(replayer *r, const cli_record *record) {
  guard guards[2];
  int failed = find_guards(r, guards);
  if (!failed) failed = each_run(r, record, guards, false);
  if (failed) return failed;
  uint8_t writing[8];
  memcpy(writing, guards[0].bytes, sizeof writing);
  if (r->layout.guard == CLI_GUARD_SEQUENCE) writing[guard_field(r, 0)->big_endian ? guards[0].size - 1 : 0] |= 1;
  if (r->layout.guard != CLI_GUARD_COUNTER) failed = write_map(r, guards[0].offset, writing, guards[0].size);
  if (!failed) failed = each_run(r, record, guards, true);
  return failed ? failed : write_map(r, guards[1].offset, guards[1].bytes, guards[1].size);
}

/* ---- Maps, as they were --------------------------------------------------------------------------------------------------------------- */

static int grow_map(replayer *r, uint64_t size) {
  if (size <= r->map_bytes) return CLI_DONE;
  int result = tarn_map_resize(r->map, size);
  if (result) return cli_fail_result(result, r->name);
  r->map_bytes = size;
  return CLI_DONE;
}

/* Whether the runs of a change are within the record, before any of them is written. */
static bool runs_fit(const uint8_t *bytes, uint64_t size) {
  while (size > 0) {
    if (size < RUN_HEADER) return false;
    uint64_t length = cli_take_number(bytes + 8, 8);
    if (length > size - RUN_HEADER) return false;
    bytes += RUN_HEADER + length;
    size -= RUN_HEADER + length;
  }
  return true;
}

static int replay_map(replayer *r, const cli_record *record) {
  const uint8_t *at = r->payload;
  if (record->tag == 0 || record->tag > INT64_MAX) return damaged(r, "a record gives the map a size that cannot be");
  int failed = r->map ? grow_map(r, record->tag) : open_map(r, record->tag);
  if (failed) return failed;
  if (record->what != CLI_RECORD_CONTENT && !runs_fit(at, record->data_bytes))
    return damaged(r, "a record's parts do not fit into it");
  if (r->layout.count) return replay_guarded(r, record);
  if (record->what == CLI_RECORD_CONTENT) return write_map(r, r->recording.offset, at, record->data_bytes);
  for (const uint8_t *end = at + record->data_bytes; at < end && !failed;) {
    uint64_t length = cli_take_number(at + 8, 8);
    failed = write_map(r, cli_take_number(at, 8), at + RUN_HEADER, length);
    at += RUN_HEADER + length;
  }
  return failed;
}

/* ---- Channels ---------------------------------------------------------------------------------------------------------------------- */

/* One that is there is taken as it is; *ret_made: there was none, and it was made. */
static int open_or_make(replayer *r, int64_t timeout_ns, bool *ret_made) {
  const cli_recording *recording = &r->recording;
  tarn_options existing = {.struct_size = sizeof existing, .flags = TARN_EXISTING};
  tarn_options made = {.struct_size = sizeof made, .flags = TARN_KEPT | (recording->flags & TARN_TIMES)};
  bool board = recording->kind == TARN_KIND_BOARD;
  if (!board) made.size_bytes = recording->size_bytes, made.policy = recording->policy;
  int result = board ? tarn_board_open(&r->board, r->name, TARN_WRITER, &existing, 0)
                     : tarn_stream_open(&r->stream, r->name, TARN_WRITER, &existing, 0);
  *ret_made = result == TARN_E_NOT_FOUND;
  if (*ret_made)
    return board ? tarn_board_open(&r->board, r->name, TARN_WRITER, &made, timeout_ns)
                 : tarn_stream_open(&r->stream, r->name, TARN_WRITER, &made, timeout_ns);
  if (result == TARN_BUSY) cli_sleep(timeout_ns < LOOK_PAUSE_NS ? timeout_ns : LOOK_PAUSE_NS);
  return result;
}

static int open_channel(replayer *r) {
  cli_turn turn = cli_turn_from(r->name, r->values->timeout_ns);
  bool made;
  int result;
  do {
    result = open_or_make(r, cli_limit_piece(turn.limit), &made);
  } while (cli_turn_again(&turn, result));
  if (result || cli_interrupted()) return cli_turn_fail(&turn, result);
  if (made) cli_say("%s: a new %s; kept until `tarn rm %s`", r->name, cli_kind_name(r->recording.kind), cli_typed(r->name));
  return CLI_DONE;
}

static int put(replayer *r, const cli_record *record, int64_t timeout_ns) {
  const uint8_t *data = r->payload ? r->payload + record->type_bytes : NULL;
  tarn_about about = {.struct_size = sizeof about, .tag = record->tag};
  if (r->stream) return tarn_stream_put(r->stream, data, record->data_bytes, &about, timeout_ns);
  about.type = r->type;
  return tarn_board_put(r->board, data, record->data_bytes, &about, timeout_ns);
}

static int replay_item(replayer *r, const cli_record *record) {
  int64_t timeout_ns = r->values->given & CLI_ROOM_TIMEOUT ? r->values->timeout_ns : TARN_FOREVER;
  cli_limit limit = cli_limit_from(timeout_ns);
  if (record->what != CLI_RECORD_CONTENT) return damaged(r, "a record is of a sort that only maps have");
  memcpy(r->type, r->payload ? r->payload : (const uint8_t *)"", record->type_bytes);
  r->type[record->type_bytes] = 0;
  for (;;) {
    int64_t piece = cli_limit_piece(limit);
    int result = put(r, record, piece);
    if (result == 0) return CLI_DONE;
    if (cli_interrupted()) return CLI_INTERRUPTED;
    if (result != TARN_FULL && result != TARN_TIMED_OUT && result != TARN_WOKEN) return cli_fail_result(result, r->name);
    if (piece == 0) {
      return cli_fail(timeout_ns ? CLI_TIMED_OUT : CLI_BUSY, "%s: it is full; %llu records were replayed", r->name,
                      (unsigned long long)r->records);
    }
    if (result == TARN_FULL) cli_sleep(RETRY_NS); /* a reader holds the oldest message in place, or the policy is to fail */
  }
}

/* ---- Replaying ---------------------------------------------------------------------------------------------------------------------- */

static int wait_until_due(replayer *r, int64_t at_ns) {
  if (r->records == 0) {
    r->first_ns = at_ns;
    r->begin_ns = cli_now();
  }
  if (r->speed <= 0) return cli_interrupted() ? CLI_INTERRUPTED : CLI_DONE;
  double after = (double)(at_ns - r->first_ns) / r->speed, most = 9e18;
  int64_t wait = (int64_t)(after < most ? after : most);
  for (int64_t left; !cli_interrupted() && (left = wait - (cli_now() - r->begin_ns)) > 0;) cli_sleep(left);
  return cli_interrupted() ? CLI_INTERRUPTED : CLI_DONE;
}

static int replay(replayer *r) {
  const cli_values *values = r->values;
  cli_record record;
  int failed = CLI_DONE;
  while (!failed && !(values->given & CLI_RECORDS && r->records == values->count)) {
    failed = next_record(r, &record);
    if (failed) break;
    if (record.what == CLI_RECORD_END) {
      r->last_ns = record.at_ns;
      r->whole = record.number == r->records;
      return r->whole ? CLI_DONE : damaged(r, "its end counts other records than there are");
    }
    bool known = record.what == CLI_RECORD_CONTENT || record.what == CLI_RECORD_CHANGE;
    if (known && !values->check) {
      failed = wait_until_due(r, record.at_ns);
      if (!failed) failed = r->recording.kind == TARN_KIND_MAP ? replay_map(r, &record) : replay_item(r, &record);
    }
    if (failed) break;
    r->records++;
    r->missed += record.missed;
    r->last_ns = record.at_ns;
  }
  return failed;
}

static void report(const replayer *r) {
  char words[CLI_WORDS];
  const cli_recording *recording = &r->recording;
  bool check = r->values->check;
  if (r->values->json) {
    fputs("{\"schema\":1,\"file\":", stdout);
    cli_print_json(stdout, r->input.path);
    fputs(",\"name\":", stdout);
    cli_print_json(stdout, check ? recording->name : r->name);
    printf(",\"kind\":\"%s\",\"start_ns\":%lld,\"records\":%llu,\"missed\":%llu,\"duration_ns\":%lld,\"whole\":%s}\n",
           cli_kind_name(recording->kind), (long long)recording->start_ns, (unsigned long long)r->records,
           (unsigned long long)r->missed, (long long)r->last_ns, r->whole ? "true" : "false");
  } else if (check) {
    char when[64];
    cli_time_words(recording->start_ns, when, sizeof when);
    cli_print_safe(stdout, r->input.path, strlen(r->input.path));
    printf(": %s ", cli_kind_name(recording->kind));
    cli_print_safe(stdout, recording->name, strlen(recording->name));
    printf(", from %s on, %llu record%s in %s", when, (unsigned long long)r->records, r->records == 1 ? "" : "s",
           cli_age_words(r->last_ns, words));
    if (r->missed) printf(", %llu missed", (unsigned long long)r->missed);
    puts(r->whole ? ", whole" : "");
  } else {
    cli_say("%s: %llu record%s replayed", r->name, (unsigned long long)r->records, r->records == 1 ? "" : "s");
  }
}

static int parse_speed(const char *text, double *ret_speed) {
  *ret_speed = 1;
  if (!text) return CLI_DONE;
  if (strcmp(text, "max") == 0) return *ret_speed = 0, CLI_DONE;
  char *end;
  double speed = strtod(text, &end);
  bool digit = text[0] >= '0' && text[0] <= '9';
  if (!digit || *end || !(speed >= 0.001 && speed <= 1e6))
    return cli_fail(CLI_USAGE, "--speed %s: it is max, or a number from 0.001 to 1000000; 2 is twice as fast", text);
  *ret_speed = speed;
  return CLI_DONE;
}

static int open_target(replayer *r) {
  if (r->values->check) return CLI_DONE;
  if (r->layout.count && r->recording.kind != TARN_KIND_MAP)
    return cli_fail(CLI_USAGE, "--layout is for maps; %s is a recording of a %s", r->input.path,
                    cli_kind_name(r->recording.kind));
  if (!r->name) r->name = r->recording.name;
  if (!r->name[0]) return cli_fail(CLI_USAGE, "%s does not say what was recorded: give a NAME", r->input.path);
  return r->recording.kind == TARN_KIND_MAP ? CLI_DONE : open_channel(r);
}

/* A channel's name may have been removed by force meanwhile. */
static int check_name(const replayer *r) {
  if (!(r->board || r->stream) || cli_takes_part(r->name, r->recording.kind)) return CLI_DONE;
  return cli_fail(CLI_NOT_THERE, "%s: its name was removed (`tarn rm --force`, or the system) while this was replayed: only readers that have "
                  "it open see it; replay it again", r->name);
}

int run_replay(int count, char **operands, const cli_values *values) {
  replayer *r = calloc(1, sizeof *r);
  if (!r) return cli_fail(CLI_NO_SPACE, "not enough memory");
  r->values = values;
  r->name = count > 1 ? operands[1] : NULL;
  int failed = parse_speed(values->speed, &r->speed);
  if (!failed && values->given & CLI_RECORDS && values->count == 0) failed = cli_fail(CLI_USAGE, "--count: it is from 1");
  if (!failed && values->check && count > 1) failed = cli_fail(CLI_USAGE, "--check replays nothing: it takes no NAME");
  if (!failed && values->layout) failed = cli_layout_read(&r->layout, values->layout);
  if (!failed && values->layout && r->layout.guard == CLI_GUARD_NONE)
    failed = cli_fail(CLI_USAGE, "%s: no field in it says when the map is complete; see docs/watching.md", r->layout.path);
  if (!failed) failed = cli_input_open(&r->input, operands[0]);
  if (failed) {
    cli_layout_free(&r->layout);
    free(r);
    return failed;
  }
  failed = read_header(r);
  if (!failed) failed = open_target(r);
  if (!failed) failed = replay(r);
  if (!failed) failed = check_name(r);
  if (!failed) report(r);
  tarn_board_close(r->board);
  tarn_stream_close(r->stream);
  tarn_map_close(r->map);
  cli_input_close(&r->input);
  cli_layout_free(&r->layout);
  free(r->payload);
  free(r);
  return failed;
}
