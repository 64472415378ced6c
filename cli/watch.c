/* cli/watch.c: `tarn watch NAME`: a map or a channel followed live, as bytes or as the fields of a layout, for a terminal, a log or a
 * program. It never takes part: nobody waits for a watcher.
 */
#include "cli.h"

#include "follow.h"
#include "hexdump.h"
#include "layout.h"
#include "system.h"

#include <string.h>

enum { EVERY_NS = 100000000, ROWS = 256 };

typedef struct watcher {
  const cli_values *values;
  cli_follow follow;
  cli_layout layout; /* no fields: bytes */
  uint64_t changes;
  int name_width;
  bool colors; /* what changed is shown by colour, not by a mark */
  bool screen; /* drawn in one place over and over */
} watcher;

/* ---- What changed -------------------------------------------------------------------------------------------------------------- */

/* A field that the bytes are too short for is not there. */
static const uint8_t *place_of(const cli_field *field, const uint8_t *bytes, uint64_t size) {
  uint64_t end = field->offset + cli_field_bytes(field);
  return end <= size ? bytes + field->offset : NULL;
}

static bool field_changed(const watcher *w, const cli_field *field) {
  const uint8_t *now = place_of(field, w->follow.bytes, w->follow.size);
  const uint8_t *before = w->changes ? place_of(field, w->follow.before, w->follow.before_size) : NULL;
  if (!now || !before) return now != before || w->changes == 0;
  if (field->bits) {
    uint64_t mask = (field->bits < 64 ? (UINT64_C(1) << field->bits) - 1 : UINT64_MAX) << field->low_bit;
    return (cli_field_number(field, now) & mask) != (cli_field_number(field, before) & mask);
  }
  return memcmp(now, before, (size_t)cli_field_bytes(field)) != 0;
}

static uint64_t changed_fields(const watcher *w) {
  uint64_t changed = 0;
  for (size_t i = 0; i < w->layout.count; i++) changed += field_changed(w, &w->layout.fields[i]);
  return changed;
}

static cli_change change_of(const watcher *w) {
  const cli_follow *f = &w->follow;
  return (cli_change){f->bytes, f->before, f->size, f->before_size, f->kind == TARN_KIND_MAP ? f->offset : 0, w->changes == 0};
}

/* ---- As JSON --------------------------------------------------------------------------------------------------------------------- */

static void json_start(const watcher *w) {
  printf("{\"schema\":1,\"time_ns\":%lld,\"number\":%llu", (long long)w->follow.time_ns, (unsigned long long)w->follow.number);
  if (w->follow.missed) printf(",\"missed\":%llu", (unsigned long long)w->follow.missed);
}

static void json_fields(const watcher *w) {
  for (size_t i = 0; i < w->layout.count; i++) {
    const cli_field *field = &w->layout.fields[i];
    if (!field_changed(w, field)) continue;
    const uint8_t *at = place_of(field, w->follow.bytes, w->follow.size);
    json_start(w);
    printf(",\"field\":\"%s\",\"value\":", field->name);
    if (at) {
      cli_field_print_json(stdout, field, at);
    } else {
      fputs("null", stdout);
    }
    fputs("}\n", stdout);
  }
}

static void json_range(const watcher *w, uint64_t from, uint64_t to) {
  json_start(w);
  printf(",\"size_bytes\":%llu,\"offset\":%llu,\"hex\":\"", (unsigned long long)w->follow.size,
         (unsigned long long)(change_of(w).offset + from));
  for (uint64_t i = from; i < to; i++) printf("%02x", w->follow.bytes[i]);
  fputs("\"}\n", stdout);
}

static void json_bytes(const watcher *w) {
  enum { LONGEST = 1 << 16 };
  cli_change change = change_of(w);
  uint64_t from = 0, to = 0, lines = 0;
  while (cli_next_change(&change, to, &from, &to)) {
    if (to - from > LONGEST) to = from + LONGEST;
    json_range(w, from, to);
    lines++;
  }
  if (lines) return;
  json_start(w); /* a new version or message, and nothing new in it */
  printf(",\"size_bytes\":%llu}\n", (unsigned long long)w->follow.size);
}

/* ---- For people ------------------------------------------------------------------------------------------------------------------- */

static void print_clock(const watcher *w) {
  char when[64];
  cli_time_words(w->follow.time_ns, when, sizeof when);
  const char *clock = strchr(when, ' ');
  printf("%s.%03d", clock ? clock + 1 : when, (int)(w->follow.time_ns / 1000000 % 1000));
}

static void print_what(const watcher *w) {
  const cli_follow *f = &w->follow;
  char size[CLI_WORDS], words[CLI_WORDS];
  cli_size_words(f->size, size);
  if (f->kind == TARN_KIND_MAP) {
    if (w->changes == 0) printf("  %s from byte %llu on", size, (unsigned long long)f->offset);
  } else {
    printf("  %s %llu, %s, tag %llu", f->kind == TARN_KIND_BOARD ? "version" : "message", (unsigned long long)f->number, size,
           (unsigned long long)f->tag);
    if (f->type[0]) fputs(", ", stdout);
    cli_print_safe(stdout, f->type, strlen(f->type));
    if (f->missed) printf(", %llu missed before it", (unsigned long long)f->missed);
  }
  if (w->changes == 0) return;
  cli_change change = change_of(w);
  printf("%s %s changed", f->kind == TARN_KIND_MAP ? " " : ",", cli_size_words(cli_changed_bytes(&change), words));
}

static void print_header(const watcher *w) {
  if (w->screen) {
    cli_print_safe(stdout, w->follow.name, strlen(w->follow.name));
    fputs("  ", stdout);
  }
  print_clock(w);
  print_what(w);
  fputs(w->screen ? "\033[K\n" : "\n", stdout);
}

static void print_field(const watcher *w, const cli_field *field, bool mark) {
  const uint8_t *at = place_of(field, w->follow.bytes, w->follow.size);
  if (!w->screen) {
    print_clock(w);
    fputs("  ", stdout);
  } else if (!w->colors) {
    fputs(mark ? "> " : "  ", stdout);
  }
  if (mark && w->colors) fputs("\033[7m", stdout);
  printf("%-*s  ", w->name_width, field->name);
  if (at) {
    cli_field_print(stdout, field, at);
  } else {
    fputs("-", stdout);
  }
  if (mark && w->colors) fputs("\033[0m", stdout);
  fputs(w->screen ? "\033[K\n" : "\n", stdout);
}

static void print_fields(const watcher *w, size_t most) {
  size_t shown = 0;
  for (size_t i = 0; i < w->layout.count && shown < most; i++) {
    bool changed = field_changed(w, &w->layout.fields[i]);
    if (!w->screen && !changed) continue;
    print_field(w, &w->layout.fields[i], changed && w->changes > 0 && w->screen);
    shown++;
  }
}

static void print_text(const watcher *w) {
  int columns, rows;
  cli_change change = change_of(w);
  cli_hexdump_style style = {.colors = w->colors, .rows = ROWS, .everything = w->changes == 0};
  if (w->screen) {
    cli_terminal_size(&columns, &rows);
    style.rows = rows > 4 ? (uint64_t)rows - 3 : 1;
    style.everything = style.screen = true;
    fputs(w->changes == 0 ? "\033[2J\033[H" : "\033[H", stdout);
  }
  if (w->screen || !w->layout.count || w->follow.kind != TARN_KIND_MAP) print_header(w);
  if (w->layout.count) {
    print_fields(w, w->screen ? (size_t)style.rows : SIZE_MAX);
  } else {
    cli_hexdump(stdout, &change, &style);
  }
  if (w->screen) fputs("\033[J", stdout);
}

/* ---- Watching ----------------------------------------------------------------------------------------------------------------------- */

static int show(watcher *w) {
  bool nothing = w->layout.count && changed_fields(w) == 0;
  if (nothing && w->follow.kind == TARN_KIND_MAP) return CLI_DONE; /* between the fields something did */
  if (!w->values->json) {
    print_text(w);
  } else if (w->layout.count) {
    json_fields(w);
  } else {
    json_bytes(w);
  }
  w->changes++;
  return cli_flush();
}

static int watch(watcher *w) {
  const cli_values *values = w->values;
  cli_limit limit = cli_limit_from(values->given & CLI_FOR ? values->for_ns : TARN_FOREVER);
  int failed = CLI_DONE;
  while (!failed && !(values->given & CLI_CHANGES && w->changes >= values->count)) {
    bool news;
    int64_t piece = cli_limit_piece(limit);
    failed = cli_follow_look(&w->follow, piece, &news);
    if (!failed && news) failed = show(w);
    if (!failed && !news && cli_stdout_closed()) failed = CLI_PIPE_CLOSED;
    if (piece == 0 && !news) break;
  }
  return failed;
}

static int set_up(watcher *w) {
  const cli_values *values = w->values;
  cli_follow *f = &w->follow;
  if (values->given & CLI_LENGTH && values->length == 0) return cli_fail(CLI_USAGE, "--length: it is at least 1");
  if (values->given & CLI_CHANGES && values->count == 0) return cli_fail(CLI_USAGE, "--count: it is from 1");
  if (values->layout && values->given & CLI_LENGTH)
    return cli_fail(CLI_USAGE, "--layout and --length: the layout says how much there is to look at");
  int failed = values->layout ? cli_layout_read(&w->layout, values->layout) : CLI_DONE;
  if (failed) return failed;
  if (w->layout.count) {
    f->guard = &w->layout;
    f->length = w->layout.size_bytes;
  }
  for (size_t i = 0; i < w->layout.count; i++) {
    int width = (int)strlen(w->layout.fields[i].name);
    if (width > w->name_width) w->name_width = width;
  }
  return CLI_DONE;
}

static void set_style(watcher *w) {
  if (w->values->json || !cli_is_terminal(1)) return;
  int columns, rows;
  cli_terminal_size(&columns, &rows); /* also makes it understand colours */
  w->colors = !cli_environment("NO_COLOR");
  w->screen = w->follow.kind != TARN_KIND_STREAM;
}

int run_watch(int count, char **operands, const cli_values *values) {
  (void)count;
  watcher w = {.values = values,
               .follow = {.name = operands[0],
                          .kind = values->kind,
                          .from = TARN_NEXT,
                          .every_ns = values->given & CLI_LOOK_EVERY ? values->every_ns : EVERY_NS,
                          .offset = values->offset,
                          .length = values->length}};
  int failed = set_up(&w);
  if (!failed) failed = cli_follow_open(&w.follow, values->wait_ns);
  if (!failed && w.follow.kind != TARN_KIND_MAP && values->given & (CLI_OFFSET | CLI_LENGTH))
    failed = cli_fail(CLI_USAGE, "--offset and --length are for maps; %s is a %s", w.follow.name, cli_kind_name(w.follow.kind));
  if (!failed) {
    set_style(&w);
    failed = watch(&w);
  }
  cli_follow_close(&w.follow);
  cli_layout_free(&w.layout);
  return failed;
}
