/* inspect_stream.c: what a stream's ring holds, by following its records in the file, a piece at a time.
 *
 * The writer may be at work. A record counts only if its word can be and its number is the next one: old payload, a lap that has
 * passed, and noise end the walk. It starts at the floor; if the writer overtook it there, or there is too much to read, it starts
 * again at the tail, which is at most 1/16 of the ring behind the end.
 */
#include <stdlib.h>
#include <string.h>

#include "inspect_inside.h"
#include "record.h"

enum { PIECE = 16384, PIECES_MAX = 16384 };

typedef struct walk {
  const tn_os_file *file;
  const tn_header *header;
  uint64_t header_bytes; /* of a message */
  uint64_t position, number;
  uint64_t left; /* bytes until a lap is complete */
  tn_record last;
  uint64_t last_number; /* 0: no message was passed yet */
  uint64_t waiting, taken; /* queue: passed so far */
  uint64_t piece_at, piece_length;
  uint32_t pieces; /* read so far */
  unsigned char *piece;
} walk;

/* The first bytes of the record at the position; 0 if they cannot be read. */
static int look(walk *w, tn_record *ret) {
  uint64_t at = w->position & (w->header->data_bytes - 1), room = w->header->data_bytes - at;
  uint64_t wanted = room < w->header_bytes ? room : w->header_bytes;
  if (at < w->piece_at || at + wanted > w->piece_at + w->piece_length) {
    if (w->pieces++ == PIECES_MAX) return 0;
    w->piece_at = at;
    w->piece_length = 0;
    uint64_t length = room < PIECE ? room : PIECE;
    if (tn_os_read_at(w->file, w->header->data_offset + at, w->piece, length, &w->piece_length) != 0) return 0;
    if (w->piece_length < wanted) return 0;
  }
  memset(ret, 0, sizeof *ret);
  memcpy(ret, w->piece + (at - w->piece_at), (size_t)wanted);
  return 1;
}

/* Pass one record; 0: none is there. */
static int step(walk *w) {
  tn_record record;
  if (!look(w, &record)) return 0;
  uint64_t word = record.word, kind = tn_record_kind(word), length = tn_record_length(word);
  int queue = (w->header->flags & TARN_QUEUE) != 0;
  int message = kind == TN_MESSAGE || (queue && (kind == TN_TAKEN || kind == TN_DONE));
  if (!(word & TN_VISIBLE) || (!message && kind != TN_SKIP) || tn_record_number(&record) != (uint32_t)w->number) return 0;
  uint64_t extent = tn_record_extent(message ? w->header_bytes : TN_UNIT, length);
  if (extent > w->header->data_bytes - (w->position & (w->header->data_bytes - 1)) || extent > w->left) return 0;
  if (message) {
    w->last = record;
    w->last_number = w->number++;
    w->waiting += kind == TN_MESSAGE;
    w->taken += kind == TN_TAKEN;
  } else {
    w->number += tn_record_tag(&record); /* numbers that went with an abandoned claim */
  }
  w->position += extent;
  w->left -= extent;
  return 1;
}

static void walk_from(walk *w, uint64_t position, uint64_t number) {
  w->position = position;
  w->number = number;
  w->left = w->header->data_bytes;
  w->piece_length = 0;
  w->pieces = 0;
  w->waiting = w->taken = 0;
  while (step(w)) {}
}

void tn_describe_stream(const tn_os_file *file, const tn_header *header, const unsigned char *base, tarn_details *details,
                        uint64_t *ret_end) {
  const tn_control *control = (const tn_control *)(const void *)(base + header->control_offset);
  const tn_latch *floor = &control->kind.stream.floor, *tail = &control->kind.stream.tail;
  int low = floor->version & 1, high = tail->version & 1;
  walk w = {.file = file, .header = header, .header_bytes = tn_record_header(header->flags)};
  w.piece = malloc(PIECE);
  if (w.piece != NULL && floor->copy[low].position % TN_UNIT == 0)
    walk_from(&w, floor->copy[low].position, floor->copy[low].number);
  details->waiting = header->flags & TARN_QUEUE ? w.waiting : 0;
  details->taken = w.taken;
  if (w.piece != NULL && w.number < tail->copy[high].number && tail->copy[high].position % TN_UNIT == 0)
    walk_from(&w, tail->copy[high].position, tail->copy[high].number);
  free(w.piece);
  *ret_end = w.position;
  details->buffer_bytes = header->data_bytes;
  details->oldest = floor->copy[low].number;
  details->kept_bytes = w.position - floor->copy[low].position;
  details->newest = w.number != 0 ? w.number - 1 : 0;
  if (w.last_number == 0 || w.last_number != details->newest) return;
  details->newest_bytes = tn_record_length(w.last.word);
  details->newest_tag = tn_record_tag(&w.last);
  details->newest_time_ns = (int64_t)w.last.time_ns;
}

/* The time that the oldest message which a reader has out carries; 0 if there is none to be had. */
static int64_t time_of_held(const tn_look *look, const tn_slot *slot) {
  int overwrite = look->header.policy == TARN_OVERWRITE;
  uint64_t word = overwrite ? slot->stream.held : slot->cursor, number = slot->next - slot->out, length = 0;
  uint64_t at = (word & ~UINT64_C(1)) & (look->header.data_bytes - 1);
  tn_record record;
  if (!(look->header.flags & TARN_TIMES) || !(word & 1) || word % TN_UNIT != 1 || at + sizeof record > look->header.data_bytes) return 0;
  if (tn_os_read_at(&look->file, look->header.data_offset + at, &record, sizeof record, &length) != 0 || length < sizeof record) return 0;
  if (tn_record_kind(record.word) == TN_SKIP) return 0; /* the message lies at the start of the ring: not worth a second look */
  return (record.word & TN_VISIBLE) && tn_record_number(&record) == (uint32_t)number ? (int64_t)record.time_ns : 0;
}

void tn_describe_stream_slot(const tn_look *look, const tn_slot *slot, const tarn_details *details, uint64_t end,
                             tarn_participant *one) {
  int reader = one->role == TARN_READER;
  uint64_t cursor = slot->cursor & ~UINT64_C(1), next = slot->next, first = slot->stream.first;
  uint64_t behind = reader ? next : details->newest + 1;
  if (first != 0) one->items = behind > first ? behind - first : 0; /* they were stored, and copied, one after the other */
  if (look->header.flags & TARN_QUEUE) { /* what is behind it waits for anybody: details->waiting */
    one->position = next != 0 ? next - 1 : 0;
    return;
  }
  one->held = reader ? slot->out : 0;
  one->position = !reader ? details->newest : next != 0 ? next - 1 : 0;
  if (one->held != 0 && one->alive) one->held_time_ns = time_of_held(look, slot);
  /* a slow one, overrun under TARN_OVERWRITE, learns of it when it reads: what is gone it does not lag behind any more */
  if (reader && next < details->oldest) next = details->oldest;
  if (reader && next <= details->newest) one->lag = details->newest + 1 - next;
  if (reader && (slot->cursor & 1) && (int64_t)(end - cursor) > 0)
    one->lag_bytes = end - cursor < details->kept_bytes ? end - cursor : details->kept_bytes;
}

void tn_describe_stream_block(const tn_control *control, const tn_slot *table, tarn_participant *participants, uint32_t count) {
  uint64_t need = control->room.need;
  for (uint32_t i = 0; i < count; i++) {
    uint64_t cursor = table[participants[i].slot].cursor;
    participants[i].blocking = participants[i].alive && participants[i].role == TARN_READER && (cursor & 1) &&
                               (int64_t)(cursor - 1 - need) < 0;
  }
  uint64_t oldest = UINT64_MAX; /* a queue: whoever has the oldest that is taken */
  for (uint32_t i = 0; i < count; i++)
    if (participants[i].taken != 0 && participants[i].taken < oldest) oldest = participants[i].taken;
  for (uint32_t i = 0; i < count; i++) participants[i].blocking |= participants[i].alive && participants[i].taken == oldest;
}

/* The number of the record at a position that its slot names: its low half is in the record, and it is not newer than what there is. */
static uint64_t number_at(const tn_os_file *file, const tn_header *header, uint64_t named, uint64_t newest) {
  tn_record record = {0};
  uint64_t at = (named - 1) & (header->data_bytes - 1), length = 0;
  if (named % TN_UNIT != 1 || tn_os_read_at(file, header->data_offset + at, &record, TN_UNIT, &length) != 0 || length < TN_UNIT)
    return 0;
  return newest - (uint32_t)((uint32_t)newest - tn_record_number(&record));
}

void tn_describe_holder(const tn_look *look, const unsigned char *base, uint32_t slot, uint64_t newest, tarn_participant *one) {
  const tn_os_file *file = &look->file;
  const tn_header *header = &look->header;
  const tn_slot *own = (const tn_slot *)(const void *)(base + header->table_offset) + slot;
  uint32_t row = TN_INTENTS(header->hold);
  const tn_atomic64 *intents = (const tn_atomic64 *)(const void *)(base + header->entries_offset) + (uint64_t)slot * row;
  if (one->role == TARN_WRITER && header->incompatible != 0 && own->stream.claim != 0)
    one->claimed = number_at(file, header, own->stream.claim, newest);
  if (one->role != TARN_READER || !(header->flags & TARN_QUEUE)) return;
  one->held = 0;
  for (uint32_t i = 0; i < row; i++) {
    uint64_t number = intents[i] != 0 ? number_at(file, header, intents[i], newest) : 0;
    one->held += number != 0;
    if (number != 0 && (one->taken == 0 || number < one->taken)) one->taken = number;
  }
}
