/* cli/follow.c: following a map, a board or a stream.
 *
 * A map belongs to programs that know nothing of us: it is opened anew for each look, so that a name that is gone or leads to another
 * map is noticed, and copied with tarn_map_read, so that one that is cut short is an error and not a fault.
 */
#include "follow.h"

#include "system.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_PIECE_NS = 20000000, TRY_FOR_NS = 20000000, TRIES_AT_ONCE = 64, TRY_PAUSE_NS = 50000 };
static const int64_t TELL_TORN_NS = 1000000000;

/* ---- Rooms: two, for what came last and what was before it; the next look goes over the older ------------------------------------ */

static int make_room(cli_follow *f, uint64_t size) {
  int older = 1 - f->newest;
  if (f->capacities[older] >= size && f->rooms[older]) return CLI_DONE;
  uint64_t need = size + size / 4 + 4096;
  uint8_t *room = need > SIZE_MAX ? NULL : malloc((size_t)need);
  char words[CLI_WORDS];
  if (!room) {
    return cli_fail(CLI_NO_SPACE, "%s: not enough memory for %s%s", f->name, cli_size_words(size, words),
                    f->kind == TARN_KIND_MAP ? ", twice; --offset and --length choose a part" : "");
  }
  free(f->rooms[older]);
  f->rooms[older] = room;
  f->capacities[older] = need;
  return CLI_DONE;
}

/* What lies in the older room becomes what came last. */
static void turn(cli_follow *f, uint64_t size) {
  f->before = f->bytes;
  f->before_size = f->size;
  f->newest = 1 - f->newest;
  f->bytes = f->rooms[f->newest];
  f->size = size;
}

/* ---- Maps -------------------------------------------------------------------------------------------------------------------------- */

static int read_part(cli_follow *f, tarn_map *map, uint64_t offset, void *room, uint64_t length) {
  uint64_t got;
  int result = tarn_map_read(map, f->offset + offset, room, length, &got);
  if (result) return cli_fail_result(result, f->name);
  if (got == length) return CLI_DONE;
  return cli_fail(CLI_CORRUPT, "%s was cut short while it was looked at: %llu bytes from %llu on are not there any more",
                  f->name, (unsigned long long)(length - got), (unsigned long long)(f->offset + offset + got));
}

/* All of it between two looks at its guard, once. */
static int read_once(cli_follow *f, tarn_map *map, uint8_t *room, uint64_t length, bool *ret_whole) {
  const cli_field *first = &f->guard->fields[f->guard->first], *last = &f->guard->fields[f->guard->last];
  uint8_t before[8], after[8];
  int failed = read_part(f, map, last->offset, before, last->unit_bytes);
  bool odd = !failed && f->guard->guard == CLI_GUARD_SEQUENCE && cli_field_number(last, before) & 1;
  *ret_whole = false;
  if (failed || odd) return failed;
  failed = read_part(f, map, 0, room, length);
  if (!failed) failed = read_part(f, map, first->offset, after, first->unit_bytes);
  if (failed || cli_field_number(last, before) != cli_field_number(first, after)) return failed;
  memcpy(room + last->offset, before, last->unit_bytes); /* the copy may have been taken just before or behind it */
  memcpy(room + first->offset, after, first->unit_bytes);
  *ret_whole = true;
  return CLI_DONE;
}

static void tell_torn(cli_follow *f, int64_t now_ns) {
  f->torn++;
  if (!f->torn_since_ns) f->torn_since_ns = now_ns;
  if (f->told_torn || now_ns - f->torn_since_ns < TELL_TORN_NS) return;
  f->told_torn = true;
  cli_say("tarn: %s: `%s` says for a second now that it is being written; its writer may have died in the middle", f->name,
          f->guard->fields[f->guard->last].name);
}

static int read_guarded(cli_follow *f, tarn_map *map, uint8_t *room, uint64_t length, bool *ret_whole) {
  int64_t begin_ns = cli_now(), now_ns = begin_ns;
  int failed = CLI_DONE;
  *ret_whole = false;
  for (int tries = 0; !failed && !*ret_whole && now_ns - begin_ns < TRY_FOR_NS && !cli_interrupted(); tries++) {
    if (tries >= TRIES_AT_ONCE) cli_sleep(TRY_PAUSE_NS);
    failed = read_once(f, map, room, length, ret_whole);
    now_ns = cli_now();
  }
  if (*ret_whole) {
    f->torn_since_ns = 0;
    f->told_torn = false;
  } else if (!failed) {
    tell_torn(f, now_ns);
  }
  return failed;
}

/* How many bytes there are to look at now; 0: none yet. */
static int part_of(cli_follow *f, tarn_map *map, uint64_t *ret_length) {
  tarn_map_details details = {.struct_size = sizeof details};
  int result = tarn_map_info(map, &details);
  if (result) return cli_fail_result(result, f->name);
  uint64_t size = details.size_bytes, last = f->map_bytes, least = f->length ? f->length : f->guard ? f->guard->size_bytes : 1;
  bool reaches = size > f->offset && size - f->offset >= least;
  f->map_bytes = size;
  *ret_length = 0;
  if (size == 0 && last == 0) return CLI_DONE; /* its maker has not given it a size yet */
  if (last && (!reaches || (!f->length && size < last)))
    return cli_fail(CLI_CORRUPT, "%s was cut short while it was looked at: it had %llu bytes and has %llu", f->name,
                    (unsigned long long)last, (unsigned long long)size);
  if (!reaches && f->guard)
    return cli_fail(CLI_USAGE, "%s has %llu bytes, and %s describes %llu from %llu on", f->name, (unsigned long long)size,
                    f->guard->path, (unsigned long long)least, (unsigned long long)f->offset);
  if (!reaches)
    return cli_fail(CLI_USAGE, "%s has %llu bytes: %llu from %llu on are not within it", f->name, (unsigned long long)size,
                    (unsigned long long)least, (unsigned long long)f->offset);
  *ret_length = f->length ? f->length : size - f->offset;
  return CLI_DONE;
}

static int look_at_open_map(cli_follow *f, tarn_map *map, bool *ret_news) {
  uint64_t length = 0;
  bool whole = true;
  int failed = part_of(f, map, &length);
  if (!failed && length) failed = make_room(f, length);
  if (failed || !length) return failed;
  uint8_t *room = f->rooms[1 - f->newest];
  if (f->guard && f->guard->guard != CLI_GUARD_NONE) {
    failed = read_guarded(f, map, room, length, &whole);
  } else {
    failed = read_part(f, map, 0, room, length);
  }
  if (failed || !whole || (length == f->size && memcmp(room, f->bytes, (size_t)length) == 0)) return failed;
  turn(f, length);
  f->number++;
  f->time_ns = cli_unix_now();
  *ret_news = true;
  return CLI_DONE;
}

static int open_map(const cli_follow *f, tarn_map **ret_map) {
  tarn_options options = {.struct_size = sizeof options, .flags = TARN_EXISTING};
  return tarn_map_open(ret_map, f->name, TARN_MAP_READ, &options, 0);
}

static int look_at_map(cli_follow *f, int64_t timeout_ns, bool *ret_news) {
  int64_t left = f->due_ns - cli_now();
  if (left > 0) {
    cli_sleep(left < timeout_ns ? left : timeout_ns);
    if (cli_interrupted()) return CLI_INTERRUPTED;
    if (cli_now() < f->due_ns) return CLI_DONE;
  }
  f->due_ns = cli_now() + f->every_ns;
  tarn_map *map;
  int result = open_map(f, &map);
  if (cli_interrupted()) {
    if (!result) tarn_map_close(map);
    return CLI_INTERRUPTED;
  }
  if (result == TARN_E_NOT_FOUND && f->map_bytes)
    return cli_fail(CLI_NOT_THERE, "%s is gone: its name was removed while it was looked at", f->name);
  if (result) return cli_fail_result(result, f->name);
  int failed = look_at_open_map(f, map, ret_news);
  tarn_map_close(map);
  return failed;
}

/* ---- Channels ------------------------------------------------------------------------------------------------------------------------ */

static int get(cli_follow *f, tarn_item *item, int64_t timeout_ns) {
  uint8_t *room = f->rooms[1 - f->newest];
  uint64_t capacity = f->capacities[1 - f->newest];
  return f->board ? tarn_board_get(f->board, room, capacity, item, timeout_ns)
                  : tarn_stream_get(f->stream, room, capacity, item, timeout_ns);
}

static int look_at_channel(cli_follow *f, int64_t timeout_ns, bool *ret_news) {
  tarn_item item = {0};
  int failed = make_room(f, 1), result = TARN_E_TOO_LARGE;
  while (!failed && result == TARN_E_TOO_LARGE) {
    result = get(f, &item, timeout_ns);
    if (result == TARN_E_TOO_LARGE) failed = make_room(f, item.size_bytes);
  }
  if (failed) return failed;
  if (cli_interrupted() && result) return CLI_INTERRUPTED;
  if (result == TARN_EMPTY || result == TARN_TIMED_OUT || result == TARN_WOKEN || result == TARN_NO_WRITER) return CLI_DONE;
  if (result) return cli_fail_lost(result, f->name, f->kind);
  turn(f, item.size_bytes);
  f->number = item.number;
  f->missed = item.missed;
  f->tag = item.tag;
  f->published = item.time_ns != 0;
  f->time_ns = item.time_ns ? item.time_ns : cli_unix_now();
  snprintf(f->type, sizeof f->type, "%s", f->board && item.type ? item.type : "");
  *ret_news = true;
  return CLI_DONE;
}

static int join(cli_follow *f, int role) {
  tarn_options options = {.struct_size = sizeof options, .from = f->from};
  return f->kind == TARN_KIND_BOARD ? tarn_board_open(&f->board, f->name, role, NULL, 0)
                                    : tarn_stream_open(&f->stream, f->name, role, &options, 0);
}

/* ---- Opening ---------------------------------------------------------------------------------------------------------------------------- */

/* What is there; nothing has been said when it fails. */
static int find(cli_follow *f) {
  tarn_map *map;
  tarn_details *details = calloc(1, sizeof *details);
  if (!details) return TARN_E_SYSTEM;
  details->struct_size = sizeof *details;
  int result = tarn_inspect(f->name, (int)f->kind, details, NULL, 0);
  if (result == TARN_E_NOT_FOUND && f->kind <= TARN_KIND_MAP) { /* a section of Windows is no file */
    if (open_map(f, &map) == 0) {
      tarn_map_close(map);
      details->entry.kind = TARN_KIND_MAP;
      result = 0;
    } else {
      result = tarn_inspect(f->name, (int)f->kind, details, NULL, 0); /* its sentence fits every kind */
    }
  }
  if (result == 0) f->kind = details->entry.kind;
  free(details);
  return result;
}

static int try_to_open(cli_follow *f) {
  int result = find(f);
  if (result || f->kind == TARN_KIND_MAP) return result;
  result = join(f, f->takes_part ? TARN_READER : TARN_OBSERVER);
  if (result == TARN_E_PERMISSION && f->takes_part) {
    f->takes_part = false;
    result = join(f, TARN_OBSERVER);
    if (result == 0) cli_say("tarn: no right to take part in %s: looking on", f->name);
  }
  return result;
}

int cli_follow_open(cli_follow *f, int64_t wait_ns) {
  cli_limit limit = cli_limit_from(wait_ns);
  int64_t since_ns = cli_now();
  uint32_t wanted = f->kind;
  bool said = false;
  for (;;) {
    f->kind = wanted;
    int result = try_to_open(f);
    if (result == 0) return CLI_DONE;
    if (cli_interrupted()) return CLI_INTERRUPTED;
    int64_t piece = cli_limit_piece(limit);
    if (result != TARN_E_NOT_FOUND || wait_ns == 0) return cli_fail_other(result, f->name, wanted, CLI_TO_FOLLOW);
    if (piece == 0) return cli_fail_absent(f->name, wanted, CLI_TO_FOLLOW, wait_ns);
    cli_say_awaited(f->name, wanted, CLI_TO_FOLLOW, since_ns, &said);
    cli_sleep(piece < NAME_PIECE_NS ? piece : NAME_PIECE_NS);
    if (cli_interrupted()) return CLI_INTERRUPTED;
  }
}

int cli_follow_look(cli_follow *f, int64_t timeout_ns, bool *ret_news) {
  *ret_news = false;
  if (cli_interrupted()) return CLI_INTERRUPTED;
  return f->kind == TARN_KIND_MAP ? look_at_map(f, timeout_ns, ret_news) : look_at_channel(f, timeout_ns, ret_news);
}

void cli_follow_close(cli_follow *f) {
  tarn_board_close(f->board);
  tarn_stream_close(f->stream);
  free(f->rooms[0]);
  free(f->rooms[1]);
  f->board = NULL;
  f->stream = NULL;
  f->rooms[0] = f->rooms[1] = NULL;
}
