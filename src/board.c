/* board.c: the newest version of one value. Here: the protocol, and opening and closing.
 *
 *   field               who writes            who reads                 invariant
 *   board.current       the writer            everybody                 names a complete version and its buffer; versions grow
 *   board.account       the writer            readers                   of the version that account_of names: what its entry says
 *   entry (all of it)   the writer            readers, after pinning    of the current and of every pinned buffer it does not change
 *   buffer content      the writer            readers, after pinning    the same
 *   slot.pins[i]        the slot's owner      the writer                a buffer that must not be written
 *   free list           the writer, private   -                         a buffer in it is neither current nor pinned by anybody
 *                                                                       who passed the check below
 *
 * Writing uses a buffer that is not current and that nobody reads, so a slow reader never holds the writer up: it takes another
 * buffer. There are as many as readers can hold, and two: one current, one to write.
 *
 * Reading: load current; store a pin on its buffer; full fence; load current again; if it moved, once more. Publishing: content, entry,
 * account, then store-release current [B1]; and between that store and the next scan of the pins a full fence [B2].
 *
 * Why it is right. Take a buffer X that was current and no longer is. Reader and writer both store, fence, load: the reader stores the
 * pin and loads current, the writer stores current (another buffer) and loads the pins. At least one sees the other. If the
 * writer sees the pin, it does not use X. If not, the reader sees that current moved and never touches X. So a buffer that a scan
 * found free stays free until this writer makes it current again: the only readers who can pin it later are on their way to
 * finding out that it is not current. That is why pins are scanned, and the fence is paid, only when the list of known free buffers is
 * empty. Without the fence reads tear on x86, too (a store may pass a later load there): tests/model/ shows it.
 *
 * The account [B6] saves the reader the entry's line: it lies on that of current, which the reader polls, and with it a small value is two
 * lines instead of three. Before it changes account_of is 0, with a release fence behind it; when current names the new version, account_of
 * does. The reader loads the account, then, after the fence [B2], account_of: had it seen one word of a later account, it would see that
 * 0 or a later value there; so account_of == current means that all words are this version's. Otherwise it takes the pinned entry's. After
 * current, not before: who dies in between must not leave an account of a version that another writer then publishes differently.
 *
 * A pin is cleared by a release, scanned by an acquire [B3]: the reader's last look at the content comes before the writer's first
 * change of it; also if the scan finds the same reader's next pin in its place, which is stored after that. Observers pin nothing: they
 * copy between two looks at the generation in the entry [B4].
 *
 * Growing. A buffer is an entry {offset, capacity}. capacity = 0, then offset, then capacity, so that an entry never says a place that
 * is not wholly its own; ranges that no entry names are free, which is how the next writer finds again what a dead one left.
 *
 * Death of the writer: it only ever touched what was neither current nor read. Before the store of current: the version does not
 * exist, its buffer is free for the next writer. After it: the version is published; readers asleep find it within a slice.
 * While growing: the file is longer than its entries say, or an entry has capacity 0: free room, both. Death of a reader: its pins
 * stay until the writer wants room: it asks the kernel about the pins' owners and clears the slots of the dead.
 */
#include <stdlib.h>
#include <string.h>
#include <tarn/board.h>

#include "board_inside.h"
#include "error.h"
#include "header.h"
#include "participant.h"

/* ---- What a board adds to a channel ------------------------------------------------------------------------------------ */

static int plan(const tarn_options *options, const tn_place *place, tn_header *header) {
  tn_header_arrange(header, header->slots, 2 + header->slots * (header->hold + 1));
  header->first_bytes = options->size_bytes;
  header->limit_bytes = options->limit_bytes;
  uint64_t least = header->data_offset + 2 * TN_ALIGN;
  if (header->first_bytes > INT64_MAX / 4)
    return tn_fail(TARN_E_INVALID, "board \"%s\": a first buffer of %s is more than any file can have", place->name,
                   tn_bytes(header->first_bytes));
  if (header->limit_bytes != 0 && header->limit_bytes < least)
    return tn_fail(TARN_E_INVALID, "board \"%s\": a limit of %s is too little: its tables and two buffers need %s", place->name,
                   tn_bytes(header->limit_bytes), tn_bytes(least));
  return 0;
}

static const char *impossible(const tn_header *header) {
  if (header->entries != 2 + header->slots * (header->hold + 1))
    return "the number of buffers";
  if (header->data_bytes != 0)
    return "the size of its data";
  return NULL;
}

static int clear_slot(tn_channel *channel, uint32_t slot) {
  for (int i = 0; i < TN_PINS; i++)
    tn_store_release(&channel->table[slot].pins[i], 0); /* [B3] release: its owner is dead and reads no more */
  return 0;
}

static void reset(tn_channel *channel) {
  tn_store_relaxed(&channel->control->kind.board.account_of, 0); /* relaxed: alone. Numbers begin again: it must name no old one */
  tn_store_release(&channel->control->kind.board.current, 0); /* [B1] nothing is published */
  /* Entries on several pages of a disk may be of different moments and overlap: then no writer could ever take over. */
  for (uint32_t i = 0; i < channel->header.entries; i++)
    tn_store_relaxed(&channel->entries[i].account.capacity, 0); /* relaxed: alone. The next writer finds all of it to be room */
}

static const tn_kind kind = {TARN_KIND_BOARD, 0, plan, impossible, clear_slot, reset};

/* ---- Views of buffers ------------------------------------------------------------------------------------------------- */

int tn_board_place_possible(const tarn_board *board, uint64_t offset, uint64_t capacity) {
  return offset >= board->channel.header.data_offset && offset % TN_ALIGN == 0 && capacity >= TN_ALIGN && capacity % TN_ALIGN == 0 &&
         offset < (UINT64_C(1) << 62) && capacity < (UINT64_C(1) << 62);
}

void tn_board_unview(tarn_board *board, tn_buffer_view *view) {
  if (view->address != NULL)
    tn_channel_unmap(&board->channel, view->address, view->capacity);
  *view = (tn_buffer_view){0};
}

/* Mapping beyond the end of the file would be a SIGBUS later, so its length is asked first. */
static int map_buffer(tarn_board *board, uint32_t buffer, uint64_t offset, uint64_t capacity, tn_buffer_view *view) {
  tn_channel *channel = &board->channel;
  tn_os_status status;
  int result = tn_os_status_of(&channel->file, &status);
  if (result != 0)
    return tn_channel_fail(channel, result, "its size cannot be asked");
  if (offset + capacity > status.size_bytes)
    return tn_fail(TARN_E_CORRUPT, "%s \"%s\": buffer %u ends at byte %llu, but the file has %llu; was it cut short?", TN_WHO(channel),
                   buffer, (unsigned long long)(offset + capacity), (unsigned long long)status.size_bytes);
  if (capacity > SIZE_MAX / 2)
    return tn_fail(TARN_E_TOO_LARGE, "%s \"%s\": a buffer of %s does not fit into this process's address space", TN_WHO(channel),
                   tn_bytes(capacity));
  void *address;
  int access = channel->role == TARN_WRITER ? TN_OS_WRITE : TN_OS_READ;
  result = tn_channel_map(channel, offset, capacity, access, &address);
  if (result != 0)
    return tn_channel_fail(channel, result, "a buffer cannot be mapped");
  *view = (tn_buffer_view){address, offset, capacity, 0};
  return 0;
}

int tn_board_view_anew(tarn_board *board, uint32_t buffer, uint64_t offset, uint64_t capacity, tn_buffer_view **ret_view) {
  tn_buffer_view *view = &board->views[buffer];
  if (!tn_board_place_possible(board, offset, capacity) || view->items != 0)
    return tn_fail(TARN_E_CORRUPT, "%s \"%s\": buffer %u is said to be %llu bytes at %llu, which cannot be", TN_WHO(&board->channel),
                   buffer, (unsigned long long)capacity, (unsigned long long)offset);
  tn_board_unview(board, view);
  int result = map_buffer(board, buffer, offset, capacity, view);
  if (result == 0)
    *ret_view = view;
  return result;
}

/* ---- Opening and closing ----------------------------------------------------------------------------------------------- */

static void free_memory(tarn_board *board) {
  free(board->views);
  free(board->holds);
  free(board->known_free);
  free(board->pinned);
  free(board->gaps);
  free(board);
}

static int allocate(tarn_board *board) {
  const tn_header *header = &board->channel.header;
  int writer = board->channel.role == TARN_WRITER;
  board->views = calloc(header->entries, sizeof *board->views);
  board->holds = writer ? NULL : calloc(header->hold + 1, sizeof *board->holds);
  board->known_free = writer ? calloc(header->entries, sizeof *board->known_free) : NULL;
  board->pinned = writer ? calloc(header->entries, 1) : NULL;
  board->gaps = writer ? calloc(header->entries + 2, sizeof *board->gaps) : NULL;
  int complete = board->views != NULL &&
                 (writer ? board->known_free != NULL && board->pinned != NULL && board->gaps != NULL : board->holds != NULL);
  return complete ? 0 : tn_fail(TARN_E_SYSTEM, "%s \"%s\": no memory for its handle", TN_WHO(&board->channel));
}

static void leave(tarn_board *board) {
  for (uint32_t i = 0; board->views != NULL && i < board->channel.header.entries; i++)
    tn_board_unview(board, &board->views[i]);
  tn_channel_close(&board->channel);
  free_memory(board);
}

int tarn_board_open(tarn_board **ret_board, const char *name, int role, const tarn_options *options, int64_t timeout_ns) {
  if (ret_board == NULL)
    return tn_fail(TARN_E_INVALID, "tarn_board_open: ret_board is NULL");
  tarn_board *board = calloc(1, sizeof *board);
  if (board == NULL)
    return tn_fail(TARN_E_SYSTEM, "board \"%s\": no memory for its handle", name != NULL ? name : "");
  int result = tn_channel_open(&board->channel, &kind, name, role, options, timeout_ns);
  if (result != 0) {
    free(board);
    return result;
  }
  result = allocate(board);
  uint64_t limit = board->channel.header.limit_bytes != 0 ? board->channel.header.limit_bytes : UINT64_C(1) << 61;
  board->longest = limit < SIZE_MAX / 2 ? limit : SIZE_MAX / 2;
  if (result == 0 && role == TARN_WRITER)
    result = tn_board_take_stock(board);
  if (result != 0) {
    tn_channel_disown(&board->channel);
    leave(board);
    return result;
  }
  *ret_board = board;
  return 0;
}

void tarn_board_close(tarn_board *board) {
  if (board == NULL)
    return;
  int forked = tn_os_life() != board->channel.life;
  if (board->poll != NULL)
    tn_poll_stop(board->poll, forked);
  board->poll = NULL;
  if (forked) {
    free_memory(board); /* the mappings did not come along */
    return;
  }
  if (board->claimed)
    tarn_board_abandon(board);
  board->closed = 1;
  if (board->out == 0)
    leave(board);
}

int tarn_board_release(tarn_board *board, tarn_item *item) {
  if (board == NULL || item == NULL)
    return tn_fail(TARN_E_INVALID, "tarn_board_release: board or item is NULL");
  tn_channel *channel = &board->channel;
  int result = tn_channel_is_mine(channel) ? 0 : tn_channel_check(channel);
  if (result == TARN_E_FORKED)
    return result;
  uint32_t index = item->token - 1;
  if (board->holds == NULL || index >= channel->header.hold || !board->holds[index].out ||
      board->holds[index].version != item->number)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": this is no item of this handle, or was released already", TN_WHO(channel));
  tn_hold *hold = &board->holds[index];
  hold->out = 0;
  board->views[hold->buffer].items--;
  board->out--;
  TN_POINT("board.release.clear");
  tn_store_release(&channel->table[channel->slot].pins[index], 0); /* [B3] release: the last look at it lies before this */
  TN_POINT("board.release.cleared");
  tn_board_wake_room(board);
  item->data = NULL; /* enough that nobody uses it again by mistake */
  item->type = NULL;
  item->token = 0;
  if (board->closed && board->out == 0)
    leave(board);
  return result; /* TARN_E_CORRUPT: it is released, and was perhaps not what it seemed */
}

/* ---- Waking and polling ------------------------------------------------------------------------------------------------ */

void tarn_board_wake(tarn_board *board) {
  if (board == NULL || tn_os_life() != board->channel.life)
    return;
  if (board->channel.role == TARN_OBSERVER)
    tn_store_release(&board->channel.waits.woken, 1); /* [W5] release. Observers poll: they find it */
  else
    tn_wake_self(&board->channel);
}

static int look(void *argument) {
  return tn_board_newer(argument);
}

static int ask(void *argument) {
  tarn_board *board = argument;
  return tn_writer_gone_aside(&board->channel);
}

int tarn_board_handle(tarn_board *board, intptr_t *ret_handle) {
  if (board == NULL || ret_handle == NULL)
    return tn_fail(TARN_E_INVALID, "tarn_board_handle: board or ret_handle is NULL");
  int result = tn_channel_check(&board->channel);
  if (result != 0)
    return result;
  if (board->channel.role != TARN_READER)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": only a reader has a handle to poll", TN_WHO(&board->channel));
  if (board->poll == NULL)
    result = tn_poll_start(&board->poll, &board->channel, look, ask, board);
  if (result == 0)
    *ret_handle = tn_poll_handle(board->poll);
  return result;
}
