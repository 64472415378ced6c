/* inspect_channel.c: what the tables of a channel say: its newest value, and of each participant who it is, whether it lives, how far it
 * is, what it holds and since when, and whom a writer without room waits for.
 *
 * Since when something is held. Readers do not look at a clock when they read: that would be a good part of what reading costs. What is known all
 * the same, from both sides: no longer than since what is held was published, by the time that it carries; and, of a board, at least
 * since the version after it was published (only the newest is ever read), or since the writer began to wait for what is held, which it
 * notes when it goes to sleep, or since the reader itself went to sleep with it. docs/protocol.md, section 12.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "inspect_inside.h"

#define NS_IN_MS INT64_C(1000000)

/* ---- A participant ---------------------------------------------------------------------------------------------------------- */

/* How long, at the least, the wait that began in this millisecond has lasted. Modulo 2^32 ms; what lies ahead is a clock that was set back. */
static int64_t waited_ns(uint32_t since_ms) {
  uint32_t passed = (uint32_t)(tn_os_unix_time() / NS_IN_MS) - since_ms;
  return since_ms == 0 || passed == 0 || passed > INT32_MAX ? 0 : (passed - 1) * NS_IN_MS;
}

void tn_describe_slot(const tn_look *look, const tn_slot *slot, uint32_t number, tarn_participant *one) {
  memset(one, 0, sizeof *one);
  one->slot = number;
  one->role = slot->role;
  one->alive = tn_os_lock_held(&look->file, TN_LOCK_SLOT(number), TN_OS_SHARED) == 1;
  one->process = slot->process;
  one->same_space = slot->space == tn_os_process_space();
  uint32_t asleep = slot->asleep;
  one->waiting = (asleep & 0xffff) != 0 ? 1 : asleep != 0 ? 2 : 0;
  if (one->waiting != 0)
    one->waiting_ns = waited_ns(slot->since_ms);
  one->items = slot->items;
  one->bytes = slot->bytes;
  one->missed = slot->missed;
  one->waits = slot->waits;
  one->joined_ns = (int64_t)slot->joined_ns;
  if (!one->same_space || !one->alive)
    return;
  tn_os_process process;
  tn_os_process_of(one->process, &process);
  one->stopped = process.exists && process.stopped;
  snprintf(one->command, sizeof one->command, "%s", process.name);
}

/* ---- Boards ------------------------------------------------------------------------------------------------------------------ */

/* The entries as they were copied. */
typedef struct board_tables {
  const tn_entry *entries;
  uint32_t count;
  uint64_t current;
} board_tables;

static board_tables tables_of(const tn_header *header, const unsigned char *base) {
  const tn_control *control = (const tn_control *)(const void *)(base + header->control_offset);
  return (board_tables){(const tn_entry *)(const void *)(base + header->entries_offset), header->entries,
                        control->kind.board.current};
}

static void describe_board(const tn_look *look, const unsigned char *base, tarn_details *details) {
  board_tables tables = tables_of(&look->header, base);
  for (uint32_t i = 0; i < tables.count; i++) {
    details->buffers += tables.entries[i].account.capacity != 0;
    details->buffer_bytes += tables.entries[i].account.capacity;
  }
  details->newest = TN_BOARD_VERSION(tables.current);
  if (details->newest == 0 || TN_BOARD_BUFFER(tables.current) >= tables.count)
    return;
  const tn_entry *entry = &tables.entries[TN_BOARD_BUFFER(tables.current)];
  details->newest_bytes = entry->account.length;
  details->newest_tag = entry->account.tag;
  details->newest_time_ns = (int64_t)entry->account.time_ns;
  uint64_t length = entry->account.type_length, done = 0;
  if (length >= sizeof details->newest_type)
    length = sizeof details->newest_type - 1;
  if (length != 0 && tn_os_read_at(&look->file, entry->account.offset & INT64_MAX, details->newest_type, length, &done) == 0)
    details->newest_type[done < length ? done : length] = 0;
}

/* What is written through a mapping leaves no trace in the file's times, on tmpfs at least. */
void tn_look_published(const tn_look *look, tarn_entry *entry) {
  const tn_header *header = &look->header;
  uint64_t current = 0, length = 0;
  int64_t time_ns = 0;
  if (header->kind != TARN_KIND_BOARD)
    return;
  if (tn_os_read_at(&look->file, header->control_offset + offsetof(tn_control, kind.board.current), &current, sizeof current, &length) != 0 ||
      length < sizeof current || TN_BOARD_VERSION(current) == 0 || TN_BOARD_BUFFER(current) >= header->entries)
    return;
  uint64_t at = header->entries_offset + TN_BOARD_BUFFER(current) * sizeof(tn_entry) + offsetof(tn_entry, account.time_ns);
  if (tn_os_read_at(&look->file, at, &time_ns, sizeof time_ns, &length) == 0 && length == sizeof time_ns && time_ns > entry->modified_ns &&
      time_ns <= tn_os_unix_time())
    entry->modified_ns = time_ns;
}

/* The oldest version that a slot pins, and when it was published; 0 if it pins none. */
static uint64_t oldest_pinned(const board_tables *tables, const tn_slot *slot, int64_t *ret_time_ns) {
  uint64_t oldest = 0;
  for (int i = 0; i < TN_PINS; i++) {
    uint32_t buffer = (uint32_t)slot->pins[i] - 1;
    if (slot->pins[i] == 0 || buffer >= tables->count)
      continue;
    uint64_t generation = tables->entries[buffer].generation;
    if (generation == 0 || generation % 2 != 0 || (oldest != 0 && generation / 2 >= oldest))
      continue;
    oldest = generation / 2;
    *ret_time_ns = (int64_t)tables->entries[buffer].account.time_ns;
  }
  return oldest;
}

/* When the first of the newer versions that are still there was published; 0 if there is none. */
static int64_t superseded_ns(const board_tables *tables, uint64_t version) {
  int64_t first = 0;
  for (uint32_t i = 0; i < tables->count; i++) {
    uint64_t generation = tables->entries[i].generation;
    int64_t time_ns = (int64_t)tables->entries[i].account.time_ns;
    if (tables->entries[i].account.capacity == 0 || generation % 2 != 0 || generation / 2 <= version || generation / 2 > TN_BOARD_VERSION(tables->current))
      continue;
    if (first == 0 || time_ns < first)
      first = time_ns;
  }
  return first;
}

static void describe_board_slot(const board_tables *tables, const tn_slot *slot, const tarn_details *details, tarn_participant *one) {
  for (int i = 0; i < TN_PINS; i++)
    one->held += slot->pins[i] != 0;
  one->position = slot->cursor;
  if (one->role == TARN_READER && details->newest > one->position)
    one->lag = details->newest - one->position;
  uint64_t oldest = one->held != 0 ? oldest_pinned(tables, slot, &one->held_time_ns) : 0;
  if (oldest != 0)
    one->held_since_ns = superseded_ns(tables, oldest);
}

/* A writer sleeps for want of a buffer: who has pinned one that is not the newest. */
static void describe_board_block(const board_tables *tables, const tn_slot *table, tarn_participant *participants, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    for (int pin = 0; pin < TN_PINS; pin++) {
      uint32_t buffer = table[participants[i].slot].pins[pin];
      participants[i].blocking |= participants[i].alive && buffer != 0 && buffer - 1 != TN_BOARD_BUFFER(tables->current);
    }
}

/* It has held what it holds since then at the least. */
static void hold_since(tarn_participant *one, int64_t time_ns) {
  if (one->held_since_ns == 0 || one->held_since_ns > time_ns)
    one->held_since_ns = time_ns;
}

/* ---- All of it --------------------------------------------------------------------------------------------------------------- */

/* Who sleeps for want of room, and because of whom. */
static void describe_block(const tn_look *look, const unsigned char *base, tarn_participant *participants, uint32_t count) {
  int64_t waited = -1;
  for (uint32_t i = 0; i < count; i++)
    if (participants[i].alive && participants[i].role == TARN_WRITER && participants[i].waiting == 2 && participants[i].waiting_ns > waited)
      waited = participants[i].waiting_ns;
  if (waited < 0)
    return;
  const tn_slot *table = (const tn_slot *)(const void *)(base + look->header.table_offset);
  board_tables tables = tables_of(&look->header, base);
  if (look->header.kind == TARN_KIND_BOARD)
    describe_board_block(&tables, table, participants, count);
  else
    tn_describe_stream_block((const tn_control *)(const void *)(base + look->header.control_offset), table, participants, count);
  int64_t since = tn_os_unix_time() - waited;
  for (uint32_t i = 0; i < count && waited > 0; i++)
    if (participants[i].blocking && participants[i].held != 0)
      hold_since(&participants[i], since);
}

static void describe_participants(const tn_look *look, const unsigned char *base, uint64_t end, tarn_details *details,
                                  tarn_participant *participants, uint32_t capacity) {
  const tn_slot *table = (const tn_slot *)(const void *)(base + look->header.table_offset);
  board_tables tables = tables_of(&look->header, base);
  uint32_t known = 0;
  for (uint32_t i = 0; i < look->header.slots; i++) {
    if (table[i].state == TN_SLOT_FREE)
      continue;
    details->participant_count++;
    if (participants == NULL || known == capacity)
      continue;
    tarn_participant *one = &participants[known++];
    tn_describe_slot(look, &table[i], i, one);
    if (look->header.kind == TARN_KIND_BOARD)
      describe_board_slot(&tables, &table[i], details, one);
    else
      tn_describe_stream_slot(look, &table[i], details, end, one);
    if (look->header.kind == TARN_KIND_STREAM)
      tn_describe_holder(look, base, i, details->newest, one);
    if (one->held != 0 && one->waiting == 1 && one->waiting_ns > 0)
      hold_since(one, tn_os_unix_time() - one->waiting_ns); /* nothing was given to it since */
  }
  describe_block(look, base, participants, known);
}

int tn_describe_channel(const tn_look *look, tarn_details *details, tarn_participant *participants, uint32_t capacity) {
  unsigned char *base = malloc((size_t)look->header.data_offset);
  if (base == NULL)
    return tn_fail(TARN_E_SYSTEM, "%s \"%s\": no memory for its tables", tn_kind_word(look->place.kind), look->place.name);
  uint64_t length = 0, end = 0;
  int result = tn_os_read_at(&look->file, 0, base, look->header.data_offset, &length);
  if (result == 0 && length < look->header.data_offset)
    result = TARN_E_CORRUPT;
  if (result != 0) {
    free(base);
    return tn_fail(result, "%s \"%s\": its tables cannot be read; was it cut short?", tn_kind_word(look->place.kind),
                   look->place.name);
  }
  details->format_major = look->header.major;
  details->format_minor = look->header.minor;
  details->slots = look->header.slots;
  details->hold = look->header.hold;
  details->policy = look->header.policy;
  details->limit_bytes = look->header.limit_bytes;
  details->flags = look->header.flags;
  details->max_deliveries = look->header.max_deliveries;
  if (look->header.kind == TARN_KIND_BOARD)
    describe_board(look, base, details);
  else
    tn_describe_stream(&look->file, &look->header, base, details, &end);
  describe_participants(look, base, end, details, participants, capacity);
  free(base);
  return 0;
}
