/* cli/stat_prometheus.c: `tarn stat --prometheus`: the text format 0.0.4, for a textfile collector or a small HTTP server in front.
 *
 * Base units, counters end in _total. Labels are bounded: a channel's name and kind, a participant's slot (of which a channel has at
 * most 2046, used again and again) and role; never a process number or name. docs/json.md lists the metrics.
 */
#include "look.h"

#include <string.h>

/* Where a number comes from: the channel, or one of its participants. A family is printed at once, for all channels. */
typedef struct metric {
  const char *name, *type, *help;
  bool (*of_channel)(const cli_look *, double *ret);
  bool (*of_participant)(const cli_look *, const tarn_participant *, double *ret);
} metric;

static bool is_map(const cli_look *look) { return look->details.entry.kind == TARN_KIND_MAP; }

#define CHANNEL(NAME, CONDITION, VALUE)                      \
  static bool NAME(const cli_look *look, double *ret) {      \
    const tarn_details *d = &look->details;                  \
    if (!(CONDITION)) return false;                          \
    *ret = (double)(VALUE);                                  \
    (void)d;                                                 \
    return true;                                             \
  }

#define PARTICIPANT(NAME, CONDITION, VALUE)                                              \
  static bool NAME(const cli_look *look, const tarn_participant *p, double *ret) {       \
    (void)look;                                                                          \
    if (!(CONDITION)) return false;                                                      \
    *ret = (double)(VALUE);                                                              \
    return true;                                                                         \
  }

static double held_for(const cli_look *look, const tarn_participant *p) {
  int64_t least, most;
  cli_held_bounds(look, p, 0, &least, &most);
  return (double)(least > 0 ? least : 0) / 1e9;
}

CHANNEL(size, true, d->entry.size_bytes)
CHANNEL(occupied, true, d->entry.occupied_bytes)
CHANNEL(in_use, true, (d->entry.flags & TARN_ENTRY_IN_USE) != 0)
CHANNEL(published, !is_map(look), d->newest)
CHANNEL(newest_bytes, !is_map(look) && d->newest, d->newest_bytes)
CHANNEL(newest_time, !is_map(look) && d->newest_time_ns, (double)d->newest_time_ns / 1e9)
CHANNEL(buffer_bytes, !is_map(look), d->buffer_bytes)
CHANNEL(kept_bytes, d->entry.kind == TARN_KIND_STREAM, d->kept_bytes)
CHANNEL(slots, !is_map(look), d->slots)
PARTICIPANT(alive, true, p->alive)
PARTICIPANT(stopped, p->same_space, p->stopped)
PARTICIPANT(items, true, p->items)
PARTICIPANT(bytes, true, p->bytes)
PARTICIPANT(missed, true, p->missed)
PARTICIPANT(waits, true, p->waits)
PARTICIPANT(lag, p->role == TARN_READER, p->lag)
PARTICIPANT(lag_bytes, p->role == TARN_READER && look->details.entry.kind == TARN_KIND_STREAM, p->lag_bytes)
PARTICIPANT(held, p->role == TARN_READER, p->held)
PARTICIPANT(held_seconds, p->role == TARN_READER, held_for(look, p))
PARTICIPANT(blocking, p->role == TARN_READER, p->blocking)
PARTICIPANT(blocked_seconds, p->role == TARN_WRITER, p->waiting == 2 ? (double)p->waiting_ns / 1e9 : 0)

static const metric metrics[] = {
    {"tarn_size_bytes", "gauge", "Length of the file.", size, NULL},
    {"tarn_occupied_bytes", "gauge", "Memory or disk that it really takes.", occupied, NULL},
    {"tarn_in_use", "gauge", "1 if a living process has it.", in_use, NULL},
    {"tarn_published_total", "counter", "Versions or messages published so far.", published, NULL},
    {"tarn_newest_bytes", "gauge", "Size of the newest version or message.", newest_bytes, NULL},
    {"tarn_newest_timestamp_seconds", "gauge", "Unix time that the newest version or message carries.", newest_time, NULL},
    {"tarn_buffer_bytes", "gauge", "Room in all buffers of a board, or in the ring of a stream.", buffer_bytes, NULL},
    {"tarn_kept_bytes", "gauge", "Bytes of a stream's ring that hold messages.", kept_bytes, NULL},
    {"tarn_slots", "gauge", "How many may take part at once.", slots, NULL},
    {"tarn_participant_alive", "gauge", "1 if the participant's process lives, 0 if it died and was not cleared up yet.", NULL, alive},
    {"tarn_participant_stopped", "gauge", "1 if its process is stopped.", NULL, stopped},
    {"tarn_participant_items_total", "counter", "Versions or messages given to it or published by it.", NULL, items},
    {"tarn_participant_bytes_total", "counter", "Bytes in them.", NULL, bytes},
    {"tarn_participant_missed_total", "counter", "Passed unseen; of a stream's writer: refused for want of room.", NULL, missed},
    {"tarn_participant_waits_total", "counter", "Times it went to sleep.", NULL, waits},
    {"tarn_participant_lag", "gauge", "Newer versions, or unread messages, that there are for it.", NULL, lag},
    {"tarn_participant_lag_bytes", "gauge", "Bytes of the ring that it still needs.", NULL, lag_bytes},
    {"tarn_participant_held", "gauge", "Versions or messages that it holds.", NULL, held},
    {"tarn_participant_held_seconds", "gauge", "How long it has held the oldest of them, at least.", NULL, held_seconds},
    {"tarn_participant_blocking", "gauge", "1 if a writer waits for it.", NULL, blocking},
    {"tarn_participant_blocked_seconds", "gauge", "How long this writer has been waiting for room.", NULL, blocked_seconds},
};

/* A label's value: UTF-8, with \ " and newline escaped. */
static void print_label(const char *text) {
  const uint8_t *at = (const uint8_t *)text;
  for (size_t left = strlen(text); left > 0;) {
    size_t length = cli_utf8_length(at, left);
    if (length == 0)
      fputs("\xef\xbf\xbd", stdout); /* U+FFFD */
    else if (*at == '\n')
      fputs("\\n", stdout);
    else if (*at == '"' || *at == '\\')
      printf("\\%c", *at);
    else
      fwrite(at, 1, length, stdout);
    at += length ? length : 1;
    left -= length ? length : 1;
  }
}

static void print_sample(const metric *m, const cli_look *look, const tarn_participant *p, double value) {
  printf("%s{name=\"", m->name);
  print_label(look->details.entry.name);
  printf("\",kind=\"%s\"", cli_kind_name(look->details.entry.kind));
  if (p) printf(",slot=\"%u\",role=\"%s\"", p->slot, p->role == TARN_WRITER ? "writer" : "reader");
  printf("} %.15g\n", value);
}

static void print_family(const metric *m, const cli_look *looks, size_t count) {
  double value;
  printf("# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, m->type);
  for (size_t i = 0; i < count; i++) {
    if (m->of_channel) {
      if (m->of_channel(&looks[i], &value)) print_sample(m, &looks[i], NULL, value);
      continue;
    }
    for (uint32_t k = 0; k < looks[i].count; k++)
      if (m->of_participant(&looks[i], &looks[i].participants[k], &value))
        print_sample(m, &looks[i], &looks[i].participants[k], value);
  }
}

void cli_prometheus(const cli_look *looks, size_t count) {
  for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) print_family(&metrics[i], looks, count);
}
