/* stream_repair.c: what a dead participant left in the ring: a writer's claim becomes a skip, a reader's messages can be taken again.
 *
 * Whoever calls holds the dead one's slot lock (or is the owner, who leaves), so nobody else writes what the slot names: a claim and a
 * taken message are changed by their holder alone. Why what the slot names is a record's word and not bytes that look like one:
 *
 *   claim     nothing at or above it is overwritten while it is set (stream_many.c)
 *   intent    below the head it means nothing: its owner had not taken the message yet, and would have dropped it. At or above the
 *             head nothing is overwritten, and the head of a queue never falls (stream_queue.c)
 *
 * A claim that names a free slot was made by nobody: a scribbler's, or what a scribbler left of a slot. Whoever is held up by it takes that
 * slot's lock and makes the word itself a skip; of a message that is taken by a free slot, a message.
 * Who dies meanwhile leaves a note of its own that names no claim of its own: clean-up changes nothing and clears it. Who dies between a
 * message and `returned` leaves a message behind where readers are that no slot names: the writer that waits for it raises `returned`.
 *
 * Either word is compared as a whole, holder included, before it is changed. All can be repeated: who dies in the middle leaves words that
 * are done already, and a slot that still names them; `returned` grows once more, and readers look once more.
 *
 * A process that joins, and a reader that is given every message, have not mapped the ring for writing: they map the 64 KiB around the
 * word for the moment. If that cannot be had the slot stays as it is, for somebody else to clear up.
 */
#include "error.h"
#include "participant.h"
#include "stream_inside.h"

/* Where a word of the ring can be written. */
typedef struct window {
  tn_channel *channel;
  unsigned char *mapped; /* NULL: the handle's own mapping */
  uint64_t length;
} window;

static tarn_stream *stream_of(tn_channel *channel) {
  return (tarn_stream *)(void *)((unsigned char *)channel - offsetof(tarn_stream, channel));
}

static int open_window(window *w, uint64_t position, tn_record **ret_record) {
  const tn_header *header = &w->channel->header;
  const tarn_stream *stream = stream_of(w->channel);
  uint64_t index = position & (header->data_bytes - 1), part = index / TN_ALIGN * TN_ALIGN;
  w->mapped = NULL;
  if (stream->ring != NULL && stream->ring_writable) {
    *ret_record = (tn_record *)(void *)(stream->ring + index);
    return 0;
  }
  w->length = header->data_bytes - part < TN_ALIGN ? header->data_bytes - part : TN_ALIGN;
  void *address;
  int result = tn_channel_map(w->channel, header->data_offset + part, w->length, TN_OS_WRITE, &address);
  if (result != 0) return tn_channel_fail(w->channel, result, "what a dead participant left in its ring cannot be mapped");
  w->mapped = address;
  *ret_record = (tn_record *)(void *)(w->mapped + (index - part));
  return 0;
}

static void close_window(window *w) {
  if (w->mapped != NULL) tn_channel_unmap(w->channel, w->mapped, w->length);
}

static int is_place(uint64_t word) { return (word & 1) && word % TN_UNIT == 1; }

/* ---- A writer's claim ------------------------------------------------------------------------------------------------------ */

static int give_up_claim(tn_channel *channel, uint32_t slot) {
  tn_slot *one = &channel->table[slot];
  uint64_t noted = tn_load_acquire(&one->stream.claim); /* [M2] acquire */
  uint32_t numbers = (uint32_t)tn_load_relaxed(&one->stream.numbers); /* relaxed: [M2] */
  window w = {.channel = channel};
  tn_record *record;
  if (!is_place(noted)) return 0;
  int result = open_window(&w, noted - 1, &record);
  if (result != 0) return result;
  TN_POINT("repair.claim.found");
  uint64_t word = tn_load_acquire(&record->word); /* [M1] acquire */
  uint64_t extent = tn_record_extent(tn_record_header(channel->header.flags), tn_record_length(word));
  uint64_t room = channel->header.data_bytes - ((noted - 1) & (channel->header.data_bytes - 1));
  if (tn_record_is_claim(word) && tn_record_holder(word) == slot + 1 && extent <= room) {
    tn_store_relaxed(&record->label, tn_record_label(tn_record_number(record), numbers)); /* relaxed: [S1] comes after it */
    TN_POINT("repair.claim.counted");
    tn_cas(&record->word, &word, tn_record_word(TN_SKIP, extent - TN_UNIT)); /* [S1] release. It fails only if a scribbler was quicker */
  }
  TN_POINT("repair.claim.skipped");
  close_window(&w);
  return 1;
}

/* How many numbers lie between this record and what comes after it, if that can be known. */
static uint32_t numbers_until(const tarn_stream *stream, uint64_t position, uint64_t extent) {
  const tn_record *behind = tn_stream_record(stream, position + extent); /* relaxed, all: nothing depends on them but a better answer */
  uint32_t number = tn_record_number(tn_stream_record(stream, position)), numbers = 0;
  tn_boundary tail = tn_latch_load(&stream->channel.control->kind.stream.tail);
  if (tail.position == position + extent)
    numbers = (uint32_t)tail.number - number;
  else if (tn_load_relaxed(&behind->word) != 0)
    numbers = tn_record_number(behind) - number;
  return numbers <= extent / TN_UNIT ? numbers : 0;
}

/* ---- A reader's messages --------------------------------------------------------------------------------------------------- */

tn_atomic64 *tn_stream_intents(const tn_channel *channel, uint32_t slot) {
  uint32_t row = TN_INTENTS(channel->header.hold);
  return (tn_atomic64 *)(void *)channel->entries + (uint64_t)slot * row;
}

static int give_back(tn_channel *channel, uint32_t slot, uint64_t noted) {
  window w = {.channel = channel};
  tn_record *record;
  tn_boundary head = tn_latch_load(&channel->control->kind.stream.floor);
  if (!is_place(noted) || (int64_t)(noted - 1 - head.position) < 0) return 0;
  int result = open_window(&w, noted - 1, &record);
  if (result != 0) return result;
  TN_POINT("repair.taken.found");
  uint64_t word = tn_load_acquire(&record->word); /* [Q1] acquire: what its taker wrote there */
  uint64_t taken = tn_record_taken(word, slot);
  if (word == taken) {
    tn_cas(&record->word, &word,
           tn_record_word(TN_MESSAGE, TN_AGAIN | tn_record_length(word))); /* [Q1] release: as it was left. It fails only if a scribbler was quicker */
  }
  TN_POINT("repair.taken.again");
  close_window(&w);
  return 0;
}

/* Every message first, then the counter that makes readers look again, then the intents: who dies in between leaves them set. */
static int give_back_all(tn_channel *channel, uint32_t slot) {
  tn_atomic64 *intents = tn_stream_intents(channel, slot);
  int some = 0;
  for (uint32_t i = 0; i < TN_INTENTS(channel->header.hold); i++) {
    uint64_t noted = tn_load_acquire(&intents[i]); /* [Q2] acquire */
    if (noted == 0) continue;
    some = 1;
    int result = give_back(channel, slot, noted);
    if (result != 0) return result;
  }
  if (!some) return 0;
  tn_add(&channel->control->kind.stream.queue.returned, 1); /* [Q4] release: the messages before it */
  TN_POINT("repair.returned");
  for (uint32_t i = 0; i < TN_INTENTS(channel->header.hold); i++) tn_store_release(&intents[i], 0); /* [Q3] release: done there */
  TN_POINT("repair.intents.cleared");
  return 1;
}

/* ---- What nobody claimed or took --------------------------------------------------------------------------------------------- */

static void change(tarn_stream *stream, tn_record *record, uint64_t position, uint64_t word) {
  uint64_t extent = tn_record_extent(stream->header_bytes, tn_record_length(word));
  int claim = tn_record_is_claim(word);
  if (claim) /* relaxed: [S1] comes after it */
    tn_store_relaxed(&record->label, tn_record_label(tn_record_number(record), numbers_until(stream, position, extent)));
  uint64_t to = claim ? tn_record_word(TN_SKIP, extent - TN_UNIT) : tn_record_word(TN_MESSAGE, TN_AGAIN | tn_record_length(word));
  tn_cas(&record->word, &word, to); /* [S1] [Q1] release. It fails only if a scribbler was quicker */
  TN_POINT("deny.changed");
  if (!claim) tn_add(&stream->channel.control->kind.stream.queue.returned, 1); /* [Q4] release: the message before it */
}

/* The slot's lock is held, so that no newcomer claims or takes with it. This handle's note keeps the place, as that of a writer's claim
 * does: without it the bytes could be another record's by now. */
static int change_what_nobody_has(tarn_stream *stream, uint64_t position, uint64_t word) {
  tn_atomic64 *note = &stream->slot->stream.claim;
  window w = {.channel = &stream->channel};
  tn_record *record;
  int result = open_window(&w, position, &record);
  if (result != 0) return result;
  tn_store_relaxed(note, position | 1); /* relaxed: the fence is next */
  tn_fence_full(); /* [S2] [Q2] full: the note, then the floor. Pairs with the fence between the writer's floor and its second scan */
  TN_POINT("deny.noted");
  int kept = !stream->racing && !stream->queue; /* by this reader's cursor */
  if ((kept || (int64_t)(tn_latch_load(&stream->channel.control->kind.stream.floor).position - position) <= 0) &&
      tn_load_acquire(&record->word) == word) /* [M1] [Q1] acquire */
    change(stream, record, position, word);
  result = tn_load_relaxed(&record->word) != word; /* relaxed: whether to look again. A head that a scribbler moved leaves it as it is */
  tn_store_release(note, 0);                       /* [M3] release: the last look */
  close_window(&w);
  return result;
}

int tn_stream_deny(tarn_stream *stream, uint32_t slot, uint64_t position, uint64_t word) {
  tn_channel *channel = &stream->channel;
  int result = tn_os_lock(&channel->file, TN_LOCK_SLOT(slot), TN_OS_EXCLUSIVE);
  if (result <= 0) return result < 0 ? tn_channel_fail(channel, result, "what nobody claimed or took cannot be cleared") : 0;
  result = tn_load_acquire(&channel->table[slot].state) == TN_SLOT_FREE ? change_what_nobody_has(stream, position, word) : 0; /* [P2] acquire */
  tn_os_unlock(&channel->file, TN_LOCK_SLOT(slot));
  if (result == 1) tn_wake(channel, TN_NEWS);
  return result;
}

/* ---- The slot ------------------------------------------------------------------------------------------------------------- */

int tn_stream_clear_slot(tn_channel *channel, uint32_t slot) {
  tn_slot *one = &channel->table[slot];
  int queue = (channel->header.flags & TARN_QUEUE) != 0, something = 0;
  if (tn_load_acquire(&one->state) == TN_SLOT_TAKEN && channel->header.incompatible != 0) { /* [P2] acquire. Else all begins anew */
    int result = give_up_claim(channel, slot);
    if (result < 0) return result;
    something = result;
    result = queue ? give_back_all(channel, slot) : 0;
    if (result < 0) return result;
    something |= result;
  } else if (queue) {
    for (uint32_t i = 0; i < TN_INTENTS(channel->header.hold); i++)
      tn_store_relaxed(&tn_stream_intents(channel, slot)[i], 0); /* relaxed: alone */
  }
  tn_store_relaxed(&one->stream.first, 0); /* relaxed: a statistic, which who takes the slot next begins with */
  tn_store_release(&one->stream.claim, 0); /* [M3] release: its claim is no more */
  tn_store_release(&one->cursor, 0);       /* [S3] release, both: its owner is dead and reads no more */
  tn_store_release(&one->stream.held, 0);  /* [S3] */
  if (!something) return 0;
  tn_fence_full(); /* [W1] full: this handle may not know yet whether others can fence for it */
  tn_wake(channel, TN_NEWS);
  tn_wake(channel, TN_ROOM);
  return 0;
}
