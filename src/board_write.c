/* board_write.c: the writer's side: claim, publish, abandon, put. Why it is right: board.c. */
#include <string.h>
#include <tarn/board.h>

#include "board_inside.h"
#include "error.h"
#include "participant.h"

static int no_writer(const tarn_board *board, const char *call) {
  if (board == NULL)
    return tn_fail(TARN_E_INVALID, "%s: board is NULL", call);
  if (!tn_channel_is_mine(&board->channel))
    return tn_channel_check(&board->channel);
  return tn_fail(TARN_E_INVALID, "%s \"%s\": %s: this handle is no writer's", TN_WHO(&board->channel), call);
}

static inline int check_writer(const tarn_board *board, const char *call) {
  if (board != NULL && tn_channel_is_mine(&board->channel) && board->channel.role == TARN_WRITER)
    return 0;
  return no_writer(board, call);
}

/* What the wait for room works on. */
typedef struct room_wish {
  tarn_board *board;
  uint64_t capacity;
  uint32_t buffer;
} room_wish;

static int look(void *argument) {
  room_wish *wish = argument;
  return tn_board_find(wish->board, wish->capacity, &wish->buffer);
}

static int ask(void *argument) {
  room_wish *wish = argument;
  int result = tn_board_make_room(wish->board, wish->capacity, &wish->buffer);
  return result == 0 ? 1 : result == TARN_FULL ? 0 : result;
}

static int make_room(tarn_board *board, uint64_t capacity, uint32_t *ret_buffer, int64_t timeout_ns) {
  room_wish room = {board, capacity, 0};
  int result = tn_board_make_room(board, capacity, &room.buffer);
  if (result == TARN_FULL && timeout_ns != 0) {
    const tn_wish wish = {TN_ROOM, timeout_ns, 1, 0, look, ask, &room, tn_channel_items(&board->channel)};
    result = tn_wait(&board->channel, &wish);
  }
  *ret_buffer = room.buffer;
  return result;
}

static uint64_t next_version(const tarn_board *board) {
  uint64_t version = TN_BOARD_VERSION(board->current);
  return version == 0 ? board->channel.header.first_number : version + 1;
}

static inline int check_claim(const tarn_board *board, uint64_t size_bytes) {
  if (board->claimed)
    return TARN_BUSY;
  if (next_version(board) >> TN_BOARD_VERSION_BITS != 0)
    return tn_fail(TARN_E_UNSUPPORTED, "%s \"%s\": its version numbers are used up; remove it and begin a new one",
                   TN_WHO(&board->channel));
  if (size_bytes > board->longest)
    return tn_fail(TARN_E_TOO_LARGE, "%s \"%s\": a version of %s can never fit: %s", TN_WHO(&board->channel), tn_bytes(size_bytes),
                   board->longest == board->channel.header.limit_bytes ? "it is over the board's limit"
                                                                       : "this process's address space is too small");
  return 0;
}

static TN_ALWAYS_INLINE int claim(tarn_board *board, uint64_t size_bytes, void **ret_room, int64_t timeout_ns) {
  int result = check_claim(board, size_bytes);
  if (result != 0)
    return result;
  uint64_t capacity = (size_bytes + TN_TYPE_BYTES + TN_ALIGN - 1) / TN_ALIGN * TN_ALIGN;
  uint32_t buffer;
  if (!tn_board_take_known(board, capacity, &buffer)) {
    result = tn_board_find(board, capacity, &buffer);
    if (result == 0)
      result = make_room(board, capacity, &buffer, timeout_ns);
    if (result < 0)
      return result;
  }
  board->claimed = 1;
  board->claim_buffer = buffer;
  board->claim_bytes = size_bytes;
  /* [B4] relaxed, then a release fence: "being written" comes before the first byte. Pairs with the acquire in observe_now */
  tn_store_relaxed(&board->channel.entries[buffer].generation, 2 * next_version(board) + 1);
  tn_fence_release();
  TN_POINT("board.claim.done");
  *ret_room = tn_board_content(&board->views[buffer]);
  return 0;
}

int tarn_board_claim(tarn_board *board, uint64_t size_bytes, void **ret_room, int64_t timeout_ns) {
  int result = check_writer(board, "tarn_board_claim");
  if (result != 0)
    return result;
  if (ret_room == NULL)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": tarn_board_claim: ret_room is NULL", TN_WHO(&board->channel));
  return claim(board, size_bytes, ret_room, timeout_ns);
}

/* Relaxed, all: the store of current publishes them. */
static inline void fill_in(tn_account *account, const tn_account_copy *said) {
  tn_store_relaxed(&account->length, said->length);
  tn_store_relaxed(&account->tag, said->tag);
  tn_store_relaxed(&account->time_ns, said->time_ns);
  tn_store_relaxed(&account->type_length, said->type_length);
}

static TN_ALWAYS_INLINE int check_about(const tarn_board *board, const tarn_about *about, uint64_t *ret_type_length) {
  *ret_type_length = 0;
  if (about == NULL)
    return 0;
  if (about->struct_size != sizeof *about)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": set about->struct_size to sizeof(tarn_about)", TN_WHO(&board->channel));
  if (about->flags != 0)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": about->flags must be 0", TN_WHO(&board->channel));
  if (about->type == NULL)
    return 0;
  size_t length = strnlen(about->type, TN_TYPE_BYTES);
  if (length == TN_TYPE_BYTES)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": the type is longer than %d bytes", TN_WHO(&board->channel), TN_TYPE_BYTES - 1);
  *ret_type_length = length;
  return 0;
}

static void count(tarn_board *board, uint64_t version, uint64_t size_bytes) {
  tn_slot *slot = &board->channel.table[board->channel.slot];
  tn_store_relaxed(&slot->cursor, version); /* relaxed, all: statistics */
  tn_store_relaxed(&slot->items, tn_load_relaxed(&slot->items) + 1);
  tn_store_relaxed(&slot->bytes, tn_load_relaxed(&slot->bytes) + size_bytes);
}

/* Make the claimed version current. */
static TN_ALWAYS_INLINE void publish(tarn_board *board, uint64_t size_bytes, const tarn_about *about, uint64_t type_length) {
  const tn_buffer_view *view = &board->views[board->claim_buffer];
  tn_entry *entry = &board->channel.entries[board->claim_buffer];
  tn_newest *newest = &board->channel.control->kind.board;
  uint64_t version = next_version(board);
  tn_account_copy said = {view->offset, view->capacity, size_bytes, 0, 0, type_length};
  if (about != NULL) {
    said.tag = about->tag;
    said.time_ns = (uint64_t)about->time_ns;
    if (type_length != 0)
      memcpy(view->address, about->type, (size_t)type_length + 1);
  }
  if (said.time_ns == 0)
    said.time_ns = (uint64_t)tn_os_unix_time(); /* waits for all loads, as any exact clock does */
  else
    tn_wait_for_loads(); /* for speed alone: a processor that fetches the line of current for the stores below while the content is not
                          * yet written loses it again to a reader that polls it, and fetches it twice */
  fill_in(&entry->account, &said);
  TN_POINT("board.publish.filled");
  tn_store_release(&entry->generation, 2 * version); /* [B4] release: complete */
  TN_POINT("board.publish.complete");
  /* [B6] relaxed, then a release fence: the account is nobody's before it changes. Pairs with the fence in pin_newest */
  tn_store_relaxed(&newest->account_of, 0);
  tn_fence_release();
  tn_store_relaxed(&newest->account.offset, said.offset); /* relaxed, both: as fill_in */
  tn_store_relaxed(&newest->account.capacity, said.capacity);
  fill_in(&newest->account, &said);
  TN_POINT("board.publish.account");
  board->current = TN_BOARD_CURRENT(version, board->claim_buffer);
  tn_store_release(&newest->current, board->current); /* [B1] release: content, entry and account before it */
  TN_POINT("board.publish.current");
  /* [B6] release, and after current: a writer that died in between leaves an account of nothing, which none can take for its own */
  tn_store_release(&newest->account_of, board->current);
  TN_POINT("board.publish.told");
  board->claimed = 0;
  count(board, version, size_bytes);
  tn_wake(&board->channel, TN_NEWS);
  TN_POINT("board.publish.woken");
}

int tarn_board_publish(tarn_board *board, uint64_t size_bytes, const tarn_about *about) {
  int result = check_writer(board, "tarn_board_publish");
  if (result != 0)
    return result;
  if (!board->claimed)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": nothing is claimed; call tarn_board_claim first", TN_WHO(&board->channel));
  if (size_bytes > board->claim_bytes)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": %llu bytes are to be published, but only %llu were claimed", TN_WHO(&board->channel),
                   (unsigned long long)size_bytes, (unsigned long long)board->claim_bytes);
  uint64_t type_length;
  result = check_about(board, about, &type_length);
  if (result != 0)
    return result;
  publish(board, size_bytes, about, type_length);
  return 0;
}

int tarn_board_abandon(tarn_board *board) {
  int result = check_writer(board, "tarn_board_abandon");
  if (result != 0)
    return result;
  if (!board->claimed)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": nothing is claimed", TN_WHO(&board->channel));
  board->claimed = 0;
  tn_board_add_free(board, board->claim_buffer); /* nobody could have pinned it: it was never current meanwhile */
  TN_POINT("board.abandon");
  return 0;
}

int tarn_board_put(tarn_board *board, const void *data, uint64_t size_bytes, const tarn_about *about, int64_t timeout_ns) {
  int result = check_writer(board, "tarn_board_put");
  if (result != 0)
    return result;
  uint64_t type_length;
  result = check_about(board, about, &type_length);
  if (result != 0)
    return result;
  if (data == NULL && size_bytes != 0)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": tarn_board_put: data is NULL", TN_WHO(&board->channel));
  void *room;
  result = claim(board, size_bytes, &room, timeout_ns);
  if (result != 0)
    return result;
  if (size_bytes != 0)
    memcpy(room, data, (size_t)size_bytes);
  publish(board, size_bytes, about, type_length);
  return 0;
}
