/* cli/top.c: `tarn top`: what is in use now, how much flows, who is behind and who is blocked; live in a terminal, line by line elsewhere.
 *
 * Two looks make a rate. Only channels that somebody has open are looked at: in the others nothing happens. */
#include "look.h"
#include "system.h"
#include "system_keys.h"

#include <stdlib.h>
#include <string.h>

enum { BY_NAME, BY_RATE, BY_BYTES, BY_LAG, BY_HELD, BY_SIZE };

/* One channel in one look. */
typedef struct row {
  cli_look look;
  bool has_rate;
  double rate, byte_rate; /* a second */
  uint64_t lag, missed;
  uint32_t readers, writers, held;
} row;

typedef struct frame {
  row *rows;
  size_t count;
  size_t idle;   /* channels that are there besides */
  int64_t at_ns; /* monotonic */
} frame;

typedef struct view {
  const cli_values *values;
  uint32_t sort;
  bool inverted;
} view;

/* ---- Looking -------------------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b) {
  const tarn_entry *x = &((const row *)a)->look.details.entry, *y = &((const row *)b)->look.details.entry;
  int order = strcmp(x->name, y->name);
  return order ? order : (x->kind > y->kind) - (x->kind < y->kind);
}

static void count_participants(row *r) {
  for (uint32_t i = 0; i < r->look.count; i++) {
    const tarn_participant *p = &r->look.participants[i];
    if (!p->alive) continue;
    p->role == TARN_WRITER ? r->writers++ : r->readers++;
    r->held += p->held;
    r->missed += p->missed;
    if (p->role == TARN_READER && p->lag > r->lag) r->lag = p->lag;
  }
}

/* Bytes that those who write it now have published since the look before. */
static uint64_t bytes_since(const row *now, const row *before) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < now->look.count; i++) {
    const tarn_participant *p = &now->look.participants[i];
    if (p->role != TARN_WRITER) continue;
    uint64_t then = 0;
    for (uint32_t k = 0; k < before->look.count; k++) {
      const tarn_participant *q = &before->look.participants[k];
      if (q->slot == p->slot && q->joined_ns == p->joined_ns) then = q->bytes;
    }
    if (p->bytes > then) bytes += p->bytes - then;
  }
  return bytes;
}

static void compare(frame *now, const frame *before) {
  double seconds = (double)(now->at_ns - before->at_ns) / 1e9;
  for (size_t i = 0; i < now->count; i++) {
    row *r = &now->rows[i];
    const row *then = before->count ? bsearch(r, before->rows, before->count, sizeof *r, by_name) : NULL;
    if (!then || seconds <= 0) continue;
    uint64_t newest = r->look.details.newest, old = then->look.details.newest;
    r->has_rate = true;
    r->rate = newest > old ? (double)(newest - old) / seconds : 0;
    r->byte_rate = (double)bytes_since(r, then) / seconds;
  }
}

static void frame_end(frame *f) {
  for (size_t i = 0; i < f->count; i++) cli_look_end(&f->rows[i].look);
  free(f->rows);
  *f = (frame){0};
}

static int frame_take(frame *ret, const char *directory) {
  cli_listing all = {.channels = true};
  frame f = {.at_ns = cli_now()};
  int result = cli_list(&all, directory);
  f.rows = calloc(all.count ? all.count : 1, sizeof *f.rows);
  if (!f.rows) result = TARN_E_SYSTEM;
  for (size_t i = 0; !result && i < all.count; i++) {
    const tarn_entry *entry = &all.entries[i];
    bool used = entry->flags & TARN_ENTRY_IN_USE;
    f.idle += !used;
    if (!used) continue;
    row *r = &f.rows[f.count];
    if (cli_look_at(&r->look, entry->name, entry->kind)) { /* it has gone meanwhile */
      cli_look_end(&r->look);
      continue;
    }
    count_participants(r);
    f.count++;
  }
  free(all.entries);
  if (f.count) qsort(f.rows, f.count, sizeof *f.rows, by_name);
  *ret = f;
  return result;
}

/* ---- Showing -------------------------------------------------------------------------------------------------------------- */

static double key_of(const row *r, uint32_t sort) {
  switch (sort) {
    case BY_RATE:
      return r->rate;
    case BY_BYTES:
      return r->byte_rate;
    case BY_LAG:
      return (double)r->lag;
    case BY_HELD:
      return r->held;
    case BY_SIZE:
      return (double)r->look.details.entry.occupied_bytes;
    default:
      return 0;
  }
}

static const view *sorting; /* qsort has no argument */

static int by_view(const void *a, const void *b) {
  const row *const *x = a, *const *y = b;
  double first = key_of(*x, sorting->sort), second = key_of(*y, sorting->sort);
  int order = (first < second) - (first > second); /* the largest first */
  if (order == 0) order = by_name(*x, *y);
  return sorting->inverted ? -order : order;
}

static void print_row(const row *r, int widest) {
  const tarn_details *d = &r->look.details;
  char rate[CLI_WORDS] = "-", bytes[CLI_WORDS] = "-", words[CLI_WORDS], occupied[CLI_WORDS], blocked[CLI_SENTENCE];
  if (r->has_rate) {
    snprintf(rate, sizeof rate, "%.*f", r->rate < 10 ? 1 : 0, r->rate);
    snprintf(bytes, sizeof bytes, "%s", cli_size_words((uint64_t)r->byte_rate, words));
  }
  cli_print_padded(d->entry.name, widest);
  printf("  %-6s  %9s  %10s  %7u  %7u  %9llu  %5u  %9llu  %-10s  ", cli_kind_name(d->entry.kind), rate, bytes, r->writers, r->readers,
         (unsigned long long)r->lag, r->held, (unsigned long long)r->missed, cli_size_words(d->entry.occupied_bytes, occupied));
  if (cli_blocked_words(&r->look, blocked, sizeof blocked)) cli_print_safe(stdout, blocked, strlen(blocked));
}

static void print_json(const row *r) {
  char blocked[CLI_SENTENCE];
  printf("{\"schema\":%d,\"time_ns\":%lld", CLI_SCHEMA, (long long)r->look.now_ns);
  cli_json_text("name", r->look.details.entry.name);
  cli_json_text("kind", cli_kind_name(r->look.details.entry.kind));
  printf(r->has_rate ? ",\"rate\":%.3f,\"byte_rate\":%.3f" : ",\"rate\":null,\"byte_rate\":null", r->rate, r->byte_rate);
  cli_json_number("newest", r->look.details.newest);
  cli_json_number("writers", r->writers);
  cli_json_number("readers", r->readers);
  cli_json_number("lag", r->lag);
  cli_json_number("held", r->held);
  cli_json_number("missed", r->missed);
  cli_json_number("occupied_bytes", r->look.details.entry.occupied_bytes);
  if (cli_blocked_words(&r->look, blocked, sizeof blocked)) cli_json_text("blocked", blocked);
  puts("}");
}

/* rows: how many lines there are for channels. end: of each line. */
static void print_frame(const frame *f, const view *v, size_t rows, const char *end) {
  static const char *const orders[] = {"name", "rate", "bytes", "lag", "held", "size"};
  const row **sorted = calloc(f->count ? f->count : 1, sizeof *sorted);
  int widest = 4;
  for (size_t i = 0; sorted && i < f->count; i++) {
    int width = cli_width_of(f->rows[i].look.details.entry.name);
    sorted[i] = &f->rows[i];
    if (width > widest) widest = width;
  }
  if (!sorted) return;
  sorting = v;
  if (f->count) qsort(sorted, f->count, sizeof *sorted, by_view);
  if (v->values->json) {
    for (size_t i = 0; i < f->count; i++) print_json(sorted[i]);
  } else {
    printf("%zu channel%s in use, %zu idle; by %s%s%s", f->count, f->count == 1 ? "" : "s", f->idle, orders[v->sort],
           v->inverted ? ", inverted" : "", end);
    cli_print_padded("NAME", widest);
    printf("  KIND       RATE/S     BYTES/S  WRITERS  READERS        LAG  HOLDS     MISSED  OCCUPIES    BLOCKED%s", end);
    for (size_t i = 0; i < f->count && i < rows; i++) {
      print_row(sorted[i], widest);
      fputs(end, stdout);
    }
  }
  free(sorted);
}

static void print_screen(const frame *f, const view *v) {
  int columns, lines;
  cli_terminal_size(&columns, &lines);
  fputs("\033[H", stdout);
  print_frame(f, v, lines > 4 ? (size_t)(lines - 4) : 1, "\033[K\r\n");
  fputs("\033[K\r\nq quit; sort by n name, r rate, b bytes, l lag, h holds, s size; i inverts\033[J", stdout);
}

/* ---- The command ------------------------------------------------------------------------------------------------------------ */

/* False: it is time to end. */
static bool obey(int key, view *v) {
  static const char keys[] = "nrblhs"; /* as the orders */
  const char *found = key > 0 && key < 128 ? strchr(keys, key) : NULL;
  if (found) v->sort = (uint32_t)(found - keys);
  if (key == 'i') v->inverted = !v->inverted;
  return key != 'q' && key != 'Q' && key != CLI_KEYS_OVER;
}

/* Until the next look is due: keys count at once. */
static bool show_until(const frame *f, view *v, int64_t end_ns) {
  for (bool goes_on = true;;) {
    print_screen(f, v);
    if (fflush(stdout)) return false;
    int64_t left = end_ns - cli_now();
    int key = goes_on && left > 0 ? cli_key(left) : CLI_NO_KEY;
    if (cli_interrupted() || !goes_on) return false;
    if (key == CLI_NO_KEY) return true;
    goes_on = obey(key, v);
  }
}

static int look_on(const char *directory, view *v, bool live) {
  int64_t every = v->values->every_ns > 0 ? v->values->every_ns : 1000000000;
  uint64_t left = v->values->given & CLI_LOOKS ? v->values->count : live || (v->values->given & CLI_EVERY) ? UINT64_MAX : 1;
  frame before = {0}, now = {0};
  int failed = CLI_DONE;
  for (bool first = true; left > 0 && !failed; first = false) {
    int result = frame_take(&now, directory);
    if (result) failed = cli_interrupted() ? CLI_INTERRUPTED : result;
    if (failed) break;
    compare(&now, &before);
    if (live) {
      left--;
      if (!show_until(&now, v, now.at_ns + every)) left = 0;
    } else {
      if (!first) print_frame(&now, v, SIZE_MAX, "\n");
      if (!first && --left && !v->values->json) putchar('\n');
      failed = cli_flush();
      if (left && !failed) cli_sleep(every);
    }
    if (cli_interrupted()) failed = CLI_INTERRUPTED;
    frame_end(&before);
    before = now;
    now = (frame){0};
  }
  frame_end(&before);
  frame_end(&now);
  return failed;
}

int run_top(int count, char **operands, const cli_values *values) {
  const char *directory = count ? operands[0] : NULL;
  if (values->given & CLI_LOOKS && values->count == 0) return cli_fail(CLI_USAGE, "--count: it is from 1");
  if (directory && !cli_set_environment("TARN_DIR", directory)) return cli_fail_system("use", directory);
  view v = {values, values->sort, false};
  bool live = !values->json && !(values->given & CLI_LOOKS) && cli_keys_begin();
  int failed = look_on(NULL, &v, live);
  cli_keys_end();
  return failed < 0 ? cli_fail_result(failed, directory ? directory : "the channel directory") : failed;
}
