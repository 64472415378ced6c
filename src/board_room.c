/* board_room.c: the writer's buffers: which are free, and where new ones go. Why it is right: board.c.
 *
 * The entries are the shared truth; the writer keeps a private one beside it (free list, gaps) and never reads back what others
 * could have changed, except once, at takeover, where everything is checked.
 *
 * Which free buffer is used: the next one after the current, round and round. That is the one written longest ago, so that observers
 * (they pin nothing, and copy while the writer goes on) have the most time.
 */
#include <stdio.h>
#include <string.h>
#include <tarn/board.h>

#include "board_inside.h"
#include "error.h"
#include "participant.h"

enum { SPARE_BUFFERS = 8, SCANS_BEFORE_SPARES = 16 };

/* ---- Gaps: free ranges of the file below board->end, sorted, never touching ------------------------------------------- */

static void remove_gap(tarn_board *board, uint32_t index) {
  memmove(&board->gaps[index], &board->gaps[index + 1], (board->gap_count - index - 1) * sizeof *board->gaps);
  board->gap_count--;
}

static void add_gap(tarn_board *board, uint64_t offset, uint64_t bytes) {
  uint32_t index = 0;
  while (index < board->gap_count && board->gaps[index].offset < offset)
    index++;
  memmove(&board->gaps[index + 1], &board->gaps[index], (board->gap_count - index) * sizeof *board->gaps);
  board->gaps[index] = (tn_gap){offset, bytes};
  board->gap_count++;
  if (index + 1 < board->gap_count && offset + bytes == board->gaps[index + 1].offset) {
    board->gaps[index].bytes += board->gaps[index + 1].bytes;
    remove_gap(board, index + 1);
  }
  if (index > 0 && board->gaps[index - 1].offset + board->gaps[index - 1].bytes == offset) {
    board->gaps[index - 1].bytes += board->gaps[index].bytes;
    remove_gap(board, index);
  }
}

/* Where a new buffer could lie: the first gap it fits into, else from the last gap that touches the end, or the end, onward. */
static uint64_t place_for(const tarn_board *board, uint64_t capacity) {
  for (uint32_t i = 0; i < board->gap_count; i++)
    if (board->gaps[i].bytes >= capacity)
      return board->gaps[i].offset;
  if (board->gap_count != 0) {
    const tn_gap *last = &board->gaps[board->gap_count - 1];
    if (last->offset + last->bytes == board->end)
      return last->offset;
  }
  return board->end;
}

/* The place is taken now. */
static void take_place(tarn_board *board, uint64_t offset, uint64_t capacity) {
  for (uint32_t i = 0; i < board->gap_count; i++) {
    tn_gap *gap = &board->gaps[i];
    if (gap->offset != offset)
      continue;
    if (gap->bytes > capacity) {
      gap->offset += capacity;
      gap->bytes -= capacity;
    } else {
      remove_gap(board, i);
    }
    break;
  }
  if (offset + capacity > board->end)
    board->end = offset + capacity;
}

/* ---- Taking over ------------------------------------------------------------------------------------------------------- */

/* Cut the place of an entry out of the gaps; 0 if it is not wholly free: two entries overlap. */
static int cut_out(tarn_board *board, uint64_t offset, uint64_t capacity) {
  for (uint32_t i = 0; i < board->gap_count; i++) {
    tn_gap gap = board->gaps[i];
    if (offset < gap.offset || offset - gap.offset > gap.bytes || gap.bytes - (offset - gap.offset) < capacity)
      continue;
    remove_gap(board, i);
    if (offset > gap.offset)
      add_gap(board, gap.offset, offset - gap.offset);
    if (offset + capacity < gap.offset + gap.bytes)
      add_gap(board, offset + capacity, gap.offset + gap.bytes - offset - capacity);
    return 1;
  }
  return 0;
}

static int cannot_be(const tarn_board *board, uint32_t buffer) {
  return tn_fail(TARN_E_CORRUPT, "%s \"%s\": buffer %u lies outside the file or in another; remove the board and begin anew",
                 TN_WHO(&board->channel), buffer);
}

static int take_stock_of_entries(tarn_board *board) {
  for (uint32_t i = 0; i < board->channel.header.entries; i++) {
    /* relaxed, both: *writer* is ours, its last holder gone; where it died in between [B5] the capacity is 0 */
    uint64_t capacity = tn_load_relaxed(&board->channel.entries[i].account.capacity);
    uint64_t offset = tn_load_relaxed(&board->channel.entries[i].account.offset);
    if (capacity == 0)
      continue;
    if (!tn_board_place_possible(board, offset, capacity) || !cut_out(board, offset, capacity))
      return cannot_be(board, i);
    tn_buffer_view *view;
    int result = tn_board_view(board, i, offset, capacity, &view);
    if (result != 0)
      return result;
    board->used = i + 1;
  }
  return 0;
}

/* A reader uses as many pins as it may hold versions, and the last one. */
static void know_pins(tarn_board *board) {
  for (uint32_t pin = 0; pin < TN_PINS; pin++)
    if (pin < board->channel.header.hold || pin == TN_PINS - 1)
      board->pins_used[pin / 4] |= UINT64_C(0xffff) << pin % 4 * 16;
}

int tn_board_take_stock(tarn_board *board) {
  know_pins(board);
  tn_os_status status;
  int result = tn_os_status_of(&board->channel.file, &status);
  if (result != 0)
    return tn_channel_fail(&board->channel, result, "its size cannot be asked");
  uint64_t begin = board->channel.header.data_offset;
  board->end = status.size_bytes / TN_ALIGN * TN_ALIGN;
  if (board->end > begin)
    add_gap(board, begin, board->end - begin);
  result = take_stock_of_entries(board);
  if (result != 0)
    return result;
  board->current = tn_load_acquire(&board->channel.control->kind.board.current); /* [B1] acquire: from the last writer */
  uint32_t buffer = TN_BOARD_BUFFER(board->current);
  if (board->current != 0 && (buffer >= board->used || board->views[buffer].address == NULL))
    return cannot_be(board, buffer);
  TN_POINT("board.takeover.stock");
  return 0;
}

/* ---- Free buffers ------------------------------------------------------------------------------------------------------ */

static int is_current(const tarn_board *board, uint32_t buffer) {
  return TN_BOARD_VERSION(board->current) != 0 && TN_BOARD_BUFFER(board->current) == buffer;
}

/* Take the best that is large enough off the list of known free buffers: 1, or 0 if there is none. */
static inline int take_free(tarn_board *board, uint64_t capacity, uint32_t *ret_buffer) {
  uint32_t *list = board->known_free, i = board->known_free_count;
  while (i != 0 && board->views[list[i - 1]].capacity < capacity)
    i--;
  if (i == 0)
    return 0;
  *ret_buffer = list[i - 1];
  board->known_free_count--;
  for (; i <= board->known_free_count; i++) /* mostly none: it was the last */
    list[i - 1] = list[i];
  return 1;
}

void tn_board_add_free(tarn_board *board, uint32_t buffer) { board->known_free[board->known_free_count++] = buffer; }

/* Four of a slot's pins. What nobody would ever clear is not looked at: in the writer's own slot, in a pin that readers do not use, and, said
 * by in_use, in a free slot. */
static inline uint64_t pins_of(const tarn_board *board, uint32_t slot, int word) {
  uint64_t four = tn_load_acquire(&board->channel.table[slot].pin_words[word]); /* [B3] acquire: the reader's last look comes before */
  return slot == board->channel.slot ? 0 : four & board->pins_used[word];
}

/* A joiner's state comes before its first pin, and both before its fence [B2]; who has left freed its slot behind its last look. */
static inline int in_use(const tarn_board *board, uint32_t slot) {
  return tn_load_acquire(&board->channel.table[slot].state) != TN_SLOT_FREE; /* [B3] acquire: as of the pins. Pairs with tn_slot_leave */
}

/* Look at every pin. The list of known free buffers is made again. */
static void scan(tarn_board *board) {
  tn_channel *channel = &board->channel;
  memset(board->pinned, 0, board->used);
  board->scans++;
  tn_fence_full(); /* [B2] full: current was stored, now the pins are read. Pairs with the fence in pin_newest */
  uint32_t count = tn_slot_count(channel);
  for (uint32_t slot = 0; slot < count; slot++)
    for (int i = 0; i < TN_PINS / 4; i++) {
      uint64_t four = pins_of(board, slot, i);
      if (four != 0 && !in_use(board, slot))
        break;
      for (; four != 0; four >>= 16) { /* mostly 0: nothing is held */
        uint32_t pin = four & 0xffff;
        if (pin != 0 && pin <= board->used)
          board->pinned[pin - 1] = 1;
      }
    }
  board->known_free_count = 0;
  uint32_t current = TN_BOARD_BUFFER(board->current);
  for (uint32_t i = 1; i <= board->used; i++) {
    uint32_t buffer = current >= i ? current - i : current + board->used - i;
    if (board->views[buffer].address != NULL && !board->pinned[buffer] && !is_current(board, buffer))
      tn_board_add_free(board, buffer);
  }
}

/* Clear up after dead readers that hold something. 1 if there was one. */
static int reap_readers(tarn_board *board) {
  tn_channel *channel = &board->channel;
  int reaped = 0;
  uint32_t count = tn_slot_count(channel);
  for (uint32_t slot = 0; slot < count; slot++) {
    uint64_t pins = 0;
    for (int i = 0; i < TN_PINS / 4; i++)
      pins |= pins_of(board, slot, i); /* a guess; reaping proves */
    if (pins == 0 || !in_use(board, slot))
      continue;
    int result = tn_slot_reap(channel, slot);
    if (result < 0)
      return result;
    reaped |= result;
  }
  return reaped;
}

/* ---- Growing ----------------------------------------------------------------------------------------------------------- */

/* Give up every free buffer that is too small: its room makes, or helps to make, the new one. Returns the largest one's capacity.
 * The space stays the file's until it is known whether the new one can be had: what is given back may be somebody else's at once. */
static uint64_t retire_small(tarn_board *board, uint64_t capacity) {
  uint64_t largest = 0;
  uint32_t count = board->known_free_count;
  board->known_free_count = 0;
  for (uint32_t k = 0; k < count; k++) {
    uint32_t i = board->known_free[k];
    tn_buffer_view view = board->views[i];
    if (view.capacity >= capacity) {
      tn_board_add_free(board, i);
      continue;
    }
    largest = view.capacity > largest ? view.capacity : largest;
    /* [B4] an observer that copies from here must not find its version's generation again once the room is another's. Relaxed: the fence is next */
    tn_store_relaxed(&board->channel.entries[i].generation, 0);
    tn_fence_release(); /* [B4] before anything is written here, or its place in the file given away. Pairs with unchanged() */
    tn_store_release(&board->channel.entries[i].account.capacity, 0); /* [B5] nobody reads it; the next writer finds a gap */
    TN_POINT("board.grow.retired");
    tn_board_unview(board, &board->views[i]);
    add_gap(board, view.offset, view.capacity);
  }
  return largest;
}

/* How large the new buffer is to be: at least a quarter more than the one it takes the place of, so that a value that grows step by
 * step does not move each time. */
static uint64_t generous(const tarn_board *board, uint64_t capacity, uint64_t replaced) {
  uint64_t wish = replaced + replaced / 4;
  if (board->used == 0 && board->channel.header.first_bytes != 0)
    wish = board->channel.header.first_bytes + TN_TYPE_BYTES;
  wish = (wish + TN_ALIGN - 1) / TN_ALIGN * TN_ALIGN;
  return wish > capacity ? wish : capacity;
}

static int within_limit(const tarn_board *board, uint64_t capacity) {
  uint64_t limit = board->channel.header.limit_bytes;
  return limit == 0 || (capacity <= limit && place_for(board, capacity) <= limit - capacity);
}

/* Over the limit: is it worth waiting for readers? */
static int over_limit(tarn_board *board, uint64_t capacity) {
  uint32_t held = 0;
  for (uint32_t i = 0; i < board->used; i++)
    held += board->pinned[i] && !is_current(board, i);
  if (held != 0)
    return TARN_FULL;
  return tn_fail(TARN_E_TOO_LARGE, "%s \"%s\": a buffer of %s beside the newest version does not fit under the board's limit of %s",
                 TN_WHO(&board->channel), tn_bytes(capacity), tn_bytes(board->channel.header.limit_bytes));
}

/* How many may read now: those who take part, less this writer. */
static uint32_t count_readers(const tn_channel *channel) {
  uint32_t taken = 0, count = tn_slot_count(channel);
  for (uint32_t i = 0; i < count; i++) taken += tn_load_relaxed(&channel->table[i].state) == TN_SLOT_TAKEN; /* relaxed: for words */
  return taken != 0 ? taken - 1 : 0;
}

/* What there is beside the buffer that found no room: " beside the 3 there are, 2 of them held by readers". */
static void beside_words(const tarn_board *board, char *words, size_t size) {
  uint32_t buffers = 0, held = 0;
  for (uint32_t i = 0; i < board->used; i++) {
    buffers += board->views[i].address != NULL;
    held += board->pinned[i];
  }
  words[0] = 0;
  if (buffers == 1)
    snprintf(words, size, " beside the one there is%s", held != 0 ? ", which readers hold" : "");
  else if (buffers != 0 && held == 0)
    snprintf(words, size, " beside the %u there are", buffers);
  else if (buffers != 0)
    snprintf(words, size, " beside the %u there are, %u of them held by readers", buffers, held);
}

/* Says the formula with the numbers of the moment, so that whoever reads it can size the directory. */
static int no_space(tarn_board *board, uint64_t capacity, uint64_t offset) {
  char beside[128], words[384];
  uint64_t more = offset + capacity > board->end ? offset + capacity - board->end : capacity;
  uint32_t readers = count_readers(&board->channel), hold = board->channel.header.hold, most = 2 + readers * (hold + 1);
  tn_room_words(words, sizeof words, more, tn_os_room(&board->channel.file));
  beside_words(board, beside, sizeof beside);
  return tn_fail(TARN_E_NO_SPACE,
                 "%s \"%s\": no room for a buffer of %s%s: %s; a board takes up to 2 + readers x (hold + 1) buffers, here 2 + %u x %u, "
                 "%s in all%s",
                 TN_WHO(&board->channel), tn_bytes(capacity), beside, words, readers, hold + 1, tn_bytes(most * capacity),
                 readers != 0 ? "; with a smaller hold it takes less" : "");
}

static uint32_t unused_entry(const tarn_board *board) {
  uint32_t entry = 0;
  while (entry < board->used && board->views[entry].address != NULL)
    entry++;
  return entry;
}

/* Reserve, then name it: offset before capacity [B5]. It is not in the list of free ones yet. */
static int add_buffer(tarn_board *board, uint32_t buffer, uint64_t capacity) {
  tn_entry *entry = &board->channel.entries[buffer];
  uint64_t offset = place_for(board, capacity);
  int result = tn_os_reserve(&board->channel.file, offset, capacity);
  if (result == TARN_E_NO_SPACE)
    return no_space(board, capacity, offset);
  if (result != 0)
    return tn_channel_fail(&board->channel, result, "no room can be reserved");
  TN_POINT("board.grow.reserved");
  tn_buffer_view *view;
  result = tn_board_view(board, buffer, offset, capacity, &view);
  if (result != 0)
    return result;
  take_place(board, offset, capacity);
  tn_store_relaxed(&entry->generation, 0); /* relaxed, both: nobody looks before capacity is there */
  tn_store_relaxed(&entry->account.offset, offset);
  TN_POINT("board.grow.offset");
  tn_store_release(&entry->account.capacity, capacity); /* [B5] release: offset before it. Readers get both through [B1] */
  TN_POINT("board.grow.named");
  if (buffer >= board->used)
    board->used = buffer + 1;
  return 0;
}

/* Gaps hold nothing: their space is for others. */
static void give_back_gaps(const tarn_board *board) {
  for (uint32_t i = 0; i < board->gap_count; i++)
    tn_os_give_back(&board->channel.file, board->gaps[i].offset, board->gaps[i].bytes);
}

/* Could there be room elsewhere if they had it? */
static int worth_giving_back(const tarn_board *board, uint64_t capacity) {
  uint64_t room = tn_os_room(&board->channel.file);
  for (uint32_t i = 0; i < board->gap_count && room < capacity; i++)
    room += board->gaps[i].bytes;
  return room >= capacity;
}

static int add_somehow(tarn_board *board, uint32_t buffer, uint64_t wanted, uint64_t capacity) {
  char sentence[TN_SENTENCE];
  tn_error_keep(sentence);
  int result = add_buffer(board, buffer, wanted);
  if (result == TARN_E_NO_SPACE && wanted > capacity)
    result = add_buffer(board, buffer, capacity);
  if (result == TARN_E_NO_SPACE && worth_giving_back(board, capacity)) {
    give_back_gaps(board);
    result = add_buffer(board, buffer, capacity);
  }
  if (result == 0) {
    give_back_gaps(board);
    tn_error_put_back(sentence);
  }
  return result;
}

/* What was given up was given up for nothing: take it again, so that values of the old size still have a place. Keeps the sentence. */
static void restore(tarn_board *board, uint32_t buffer, uint64_t capacity) {
  char sentence[TN_SENTENCE];
  tn_error_keep(sentence);
  if (add_buffer(board, buffer, capacity) == 0) /* if somebody was faster, that is how it is */
    tn_board_add_free(board, buffer);
  tn_error_put_back(sentence);
}

/* Each scan of the pins is a fence, and takes the readers' lines from them. With few buffers it comes at every second publish or so; who
 * publishes small values again and again gets some more of them, so that it comes less often. Not under a limit, and not at any price. */
static void add_spare(tarn_board *board, uint64_t capacity) {
  if (board->scans < SCANS_BEFORE_SPARES || board->used >= SPARE_BUFFERS || capacity > TN_ALIGN ||
      board->channel.header.limit_bytes != 0 || board->used >= board->channel.header.entries)
    return;
  char sentence[TN_SENTENCE];
  tn_error_keep(sentence);
  uint32_t buffer = board->used;
  if (add_buffer(board, buffer, TN_ALIGN) == 0) {
    tn_board_add_free(board, buffer);
    return;
  }
  board->scans = 0; /* no room: it is not needed, and nothing has failed */
  tn_error_put_back(sentence);
}

int tn_board_find(tarn_board *board, uint64_t capacity, uint32_t *ret_buffer) {
  if (take_free(board, capacity, ret_buffer))
    return 1;
  scan(board);
  if (!take_free(board, capacity, ret_buffer))
    return 0;
  add_spare(board, capacity);
  return 1;
}

int tn_board_make_room(tarn_board *board, uint64_t capacity, uint32_t *ret_buffer) {
  if (tn_board_find(board, capacity, ret_buffer))
    return 0;
  int result = reap_readers(board);
  if (result < 0)
    return result;
  if (result == 1 && tn_board_find(board, capacity, ret_buffer))
    return 0;
  uint64_t given_up = retire_small(board, capacity);
  uint64_t wanted = generous(board, capacity, given_up);
  if (!within_limit(board, wanted))
    wanted = capacity;
  uint32_t buffer = unused_entry(board);
  if (buffer == board->channel.header.entries)
    return TARN_FULL; /* cannot be: there are more entries than readers can pin */
  result = within_limit(board, wanted) ? add_somehow(board, buffer, wanted, capacity) : over_limit(board, wanted);
  if (result == 0)
    *ret_buffer = buffer;
  else if (given_up != 0)
    restore(board, buffer, given_up);
  return result;
}
