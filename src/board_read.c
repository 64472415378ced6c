/* board_read.c: the reader's side: pin, look again, use, release. Why it is right: board.c. */
#include <string.h>
#include <tarn/board.h>

#include "board_inside.h"
#include "error.h"
#include "participant.h"

enum { EMPTIES_A_QUESTION = 16, BRIEF_LOOKS = 256, MOVES_MAX = 1000 };

static uint64_t load_current(const tarn_board *board) {
  return tn_load_acquire(&board->channel.control->kind.board.current); /* [B1] acquire: the version's content and entry */
}

int tn_board_newer(const tarn_board *board) {
  uint64_t version = TN_BOARD_VERSION(load_current(board));
  return version != 0 && version != tn_load_relaxed(&board->last); /* relaxed: this thread's own, or the poll thread's guess */
}

static void unpin(tarn_board *board, uint32_t pin) {
  tn_channel *channel = &board->channel;
  tn_store_release(&channel->table[channel->slot].pins[pin], 0); /* [B3] release */
  tn_board_wake_room(board);
}

/* Once: what processes share is input. Relaxed, all: [B1] orders them; of an entry they are unchanged while it is pinned; of the newest,
 * [B6] says whether they were. */
static inline tn_account_copy copy_account(const tn_account *account) {
  return (tn_account_copy){tn_load_relaxed(&account->offset),  tn_load_relaxed(&account->capacity),
                           tn_load_relaxed(&account->length),  tn_load_relaxed(&account->tag),
                           tn_load_relaxed(&account->time_ns), tn_load_relaxed(&account->type_length)};
}

static inline int is_newer(const tarn_board *board, uint64_t current) {
  return TN_BOARD_VERSION(current) != 0 && TN_BOARD_VERSION(current) != tn_load_relaxed(&board->last);
}

/* Is there something to pin in what current was? 1; else the pin is taken away: 0 nothing newer than the last; TARN_E_CORRUPT: it names no buffer
 * that there is (said by itself: then the compiler sees that nothing was pinned). */
static TN_ALWAYS_INLINE int may_pin(tarn_board *board, uint32_t pin, uint64_t current) {
  if (!is_newer(board, current)) {
    unpin(board, pin);
    return 0;
  }
  if (TN_BOARD_BUFFER(current) < board->channel.header.entries)
    return 1;
  unpin(board, pin);
  tn_fail(TARN_E_CORRUPT, "%s \"%s\": its newest version is said to lie in buffer %u of %u", TN_WHO(&board->channel),
          TN_BOARD_BUFFER(current), board->channel.header.entries);
  return TARN_E_CORRUPT;
}

static inline void store_pin(tarn_board *board, uint32_t pin, uint64_t current) {
  tn_store_relaxed(&board->channel.table[board->channel.slot].pins[pin], (uint16_t)(TN_BOARD_BUFFER(current) + 1)); /* relaxed: the fence is next */
}

/* The version moved under the pin: once more. What current is when it has not moved, or names nothing that could be pinned; 0 if it moves
 * whenever it is looked at, as only hostile bytes do for long: then the caller looks whether it is to end. */
static __attribute__((noinline)) uint64_t pin_moving(tarn_board *board, uint32_t pin, uint64_t current) {
  for (int moves = 0; moves < MOVES_MAX; moves++) {
    if (!is_newer(board, current) || TN_BOARD_BUFFER(current) >= board->channel.header.entries)
      return current;
    store_pin(board, pin, current);
    tn_fence_full(); /* [B2] as in pin_newest */
    TN_POINT("board.read.pinned");
    uint64_t again = load_current(board);
    if (again == current) {
      tn_board_wake_room(board); /* a writer may have seen the pin where it was at first, and wait for that buffer */
      return current;
    }
    current = again;
  }
  return 0;
}

/* Pin the newest version with pin. 1: pinned, and what is said about it; 0: nothing newer than the last; negative: the word names no
 * buffer. */
static TN_ALWAYS_INLINE int pin_newest(tarn_board *board, uint32_t pin, uint64_t *ret_current, tn_account_copy *ret_account) {
  tn_channel *channel = &board->channel;
  const tn_newest *newest = &channel->control->kind.board;
  uint64_t current = load_current(board);
  int result = may_pin(board, pin, current);
  if (result != 1)
    return result;
  store_pin(board, pin, current);
  if (board->views[TN_BOARD_BUFFER(current)].address != NULL) /* what will be looked at next comes while the fence is waited for */
    tn_prefetch(tn_board_content(&board->views[TN_BOARD_BUFFER(current)]));
  *ret_account = copy_account(&newest->account);
  /* [B2] full: pin, then look again. Pairs with the fence before the writer's scan. [B6] and the account before account_of */
  tn_fence_full();
  TN_POINT("board.read.pinned");
  uint64_t again = load_current(board);
  int moved = again != current;
  if (__builtin_expect(moved, 0)) {
    current = pin_moving(board, pin, again);
    result = may_pin(board, pin, current);
    if (result != 1)
      return result;
  }
  if (moved || tn_load_relaxed(&newest->account_of) != current) /* [B6] relaxed: after the fence */
    *ret_account = copy_account(&channel->entries[TN_BOARD_BUFFER(current)].account);
  *ret_current = current;
  return 1;
}

/* The string in the head of the buffer, whatever a hostile writer does to it meanwhile. */
static void copy_type(tn_hold *hold, const unsigned char *from, uint64_t length) {
  uint64_t size = length < TN_TYPE_BYTES - 1 ? length : TN_TYPE_BYTES - 1;
  memcpy(hold->type, from, (size_t)size);
  hold->type[size] = 0;
}

/* Is what is said about the pinned version possible? Then where it lies. */
static TN_ALWAYS_INLINE int check_account(tarn_board *board, uint64_t current, const tn_account_copy *account, tn_buffer_view **ret_view) {
  int result = tn_board_view(board, TN_BOARD_BUFFER(current), account->offset, account->capacity, ret_view);
  if (result == 0 && account->length > account->capacity - TN_TYPE_BYTES)
    return tn_fail(TARN_E_CORRUPT, "%s \"%s\": version %llu is said to have %llu bytes in a buffer of %llu", TN_WHO(&board->channel),
                   (unsigned long long)TN_BOARD_VERSION(current), (unsigned long long)account->length,
                   (unsigned long long)account->capacity);
  return result;
}

/* The version is the caller's now: fill the item, all but its token, and count it. */
static TN_ALWAYS_INLINE void give(tarn_board *board, uint64_t current, const tn_account_copy *account, tn_hold *hold, const void *data,
                                  tarn_item *item) {
  tn_slot *slot = &board->channel.table[board->channel.slot];
  uint64_t version = TN_BOARD_VERSION(current), last = tn_load_relaxed(&board->last);
  uint64_t missed = last != 0 && version > last ? version - last - 1 : 0;
  item->data = data; /* field by field: compilers clear a whole item slowly */
  item->size_bytes = account->length;
  item->number = version;
  item->missed = missed;
  item->tag = account->tag;
  item->time_ns = (int64_t)account->time_ns;
  item->type = hold->type;
  item->flags = item->token = item->deliveries = item->reserved32 = 0;
  for (int i = 0; i < 3; i++)
    item->reserved[i] = 0;
  hold->buffer = TN_BOARD_BUFFER(current);
  hold->version = version;
  tn_store_relaxed(&board->last, version);
  tn_store_relaxed(&slot->cursor, version); /* relaxed, to the end: statistics */
  tn_store_relaxed(&slot->items, tn_load_relaxed(&slot->items) + 1);
  tn_store_relaxed(&slot->bytes, tn_load_relaxed(&slot->bytes) + account->length);
  if (missed != 0)
    tn_store_relaxed(&slot->missed, tn_load_relaxed(&slot->missed) + missed);
  tn_writer_known(&board->channel);
}

/* The first few looks cost nothing but themselves: no pin, no clock, no call. An answer mostly comes within them. They take
 * about as long as 64 looks with pauses between them; but in a pause, an answer lies there unseen. */
static inline void look_briefly(const tarn_board *board) {
  for (int i = 0; i < BRIEF_LOOKS && !tn_board_newer(board); i++)
    tn_wait_for_loads();
}

/* 1 an item, 0 nothing newer, negative a failure. */
static int read_now(tarn_board *board, uint32_t index, tarn_item *ret_item) {
  uint64_t current;
  tn_account_copy account;
  int result = pin_newest(board, index, &current, &account);
  if (result <= 0)
    return result;
  tn_buffer_view *view;
  result = check_account(board, current, &account, &view);
  if (result != 0) {
    unpin(board, index);
    return result;
  }
  tn_hold *hold = &board->holds[index];
  copy_type(hold, view->address, account.type_length);
  give(board, current, &account, hold, tn_board_content(view), ret_item);
  ret_item->token = index + 1;
  hold->out = 1;
  board->out++;
  view->items++;
  return 1;
}

static int departed(tarn_board *board, int ask) {
  int result = tn_writer_gone(&board->channel, ask);
  if (result != TARN_NO_WRITER)
    return result;
  if (tn_board_newer(board)) /* published before it went */
    return 1;
  return result;
}

/* An orderly departure is seen here; a death is for ask, which may call the kernel. */
static int look(void *argument) {
  return tn_board_newer(argument) ? 1 : departed(argument, 0);
}

/* Once a slice: the own pins as they should be. What a scribbler left there would keep a buffer from the writer while this reader sleeps. */
static void pin_again(tarn_board *board) {
  tn_channel *channel = &board->channel;
  tn_slot *slot = &channel->table[channel->slot];
  int changed = 0;
  if (tn_load_relaxed(&slot->generation) != channel->generation) /* relaxed: tn_wait asks, too */
    return;
  for (uint32_t pin = 0; pin < TN_PINS; pin++) {
    uint16_t own = pin < channel->header.hold && board->holds[pin].out ? (uint16_t)(board->holds[pin].buffer + 1) : 0;
    if (tn_load_relaxed(&slot->pins[pin]) == own) /* relaxed: own */
      continue;
    tn_store_release(&slot->pins[pin], own); /* [B3] */
    changed = 1;
  }
  if (changed)
    tn_board_wake_room(board);
}

static int ask(void *argument) {
  tarn_board *board = argument;
  if (board->channel.slot != TN_NO_SLOT)
    pin_again(board);
  return departed(board, 1);
}

/* Nothing newer and the timeout is 0. 1: there is something after all. */
static int nothing_now(tarn_board *board) {
  int result = departed(board, board->empties++ % EMPTIES_A_QUESTION == 0);
  if (result != 0)
    return result;
  if (tn_wait_woken(&board->channel))
    return TARN_WOKEN;
  return board->poll != NULL ? tn_poll_quiet(board->poll, look, board) : TARN_EMPTY;
}

/* Until there is something newer. 0, or an outcome, or a failure. */
int tn_board_wait(tarn_board *board, int64_t timeout_ns, tn_turns *turns) {
  int64_t left_ns;
  int result = tn_turn(turns, timeout_ns, &left_ns);
  if (result == 0 && timeout_ns == 0) {
    result = nothing_now(board);
    result = result == 1 ? 0 : result;
  } else if (result == 0) {
    const tn_wish wish = {TN_NEWS, left_ns, 1, 0, look, ask, board, tn_channel_items(&board->channel)};
    result = tn_wait(&board->channel, &wish);
  }
  if (result != 0 && !tn_channel_is_mine(&board->channel)) /* lost meanwhile: whatever was seen is not true */
    return tn_channel_check(&board->channel);
  if (result == TARN_NO_WRITER)
    tn_writer_told(&board->channel);
  return result;
}

static int no_reader(const tarn_board *board, const void *ret_item, const char *call) {
  if (board == NULL || ret_item == NULL)
    return tn_fail(TARN_E_INVALID, "%s: board or ret_item is NULL", call);
  if (!tn_channel_is_mine(&board->channel))
    return tn_channel_check(&board->channel);
  return tn_fail(TARN_E_INVALID, "%s \"%s\": %s: this handle is %s", TN_WHO(&board->channel), call,
                 board->closed ? "closed" : "a writer's; open a reader");
}

static inline int check_reader(const tarn_board *board, const void *ret_item, const char *call) {
  if (board != NULL && ret_item != NULL && tn_channel_is_mine(&board->channel) && board->channel.role != TARN_WRITER &&
      !board->closed)
    return 0;
  return no_reader(board, ret_item, call);
}

int tarn_board_read(tarn_board *board, tarn_item *ret_item, int64_t timeout_ns) {
  int result = check_reader(board, ret_item, "tarn_board_read");
  if (result != 0)
    return result;
  if (board->channel.role == TARN_OBSERVER)
    return tn_fail(TARN_E_UNSUPPORTED, "%s \"%s\": an observer pins nothing and so cannot read in place; use tarn_board_get",
                   TN_WHO(&board->channel));
  uint32_t index = 0;
  while (index < board->channel.header.hold && board->holds[index].out)
    index++;
  if (index == board->channel.header.hold)
    return TARN_BUSY;
  for (tn_turns turns = {0, 0};;) {
    if (timeout_ns != 0)
      look_briefly(board);
    result = read_now(board, index, ret_item);
    if (result != 0)
      return result == 1 ? 0 : result;
    result = tn_board_wait(board, timeout_ns, &turns);
    if (result != 0)
      return result;
  }
}

/* 1 copied, 0 nothing newer, negative a failure. */
static int get_now(tarn_board *board, void *data, uint64_t capacity, tarn_item *ret_item) {
  tn_hold *hold = &board->holds[board->channel.header.hold]; /* the one behind the reader's own, and the last of the pins, are for get */
  uint64_t current;
  tn_account_copy account;
  int result = pin_newest(board, TN_PINS - 1, &current, &account);
  if (result <= 0)
    return result;
  tn_buffer_view *view;
  result = check_account(board, current, &account, &view);
  if (result == 0 && account.length > capacity) {
    ret_item->size_bytes = account.length;
    result = tn_fail(TARN_E_TOO_LARGE, "%s \"%s\": version %llu has %llu bytes, the buffer given %llu", TN_WHO(&board->channel),
                     (unsigned long long)TN_BOARD_VERSION(current), (unsigned long long)account.length, (unsigned long long)capacity);
  }
  if (result == 0) {
    copy_type(hold, view->address, account.type_length);
    if (account.length != 0)
      memcpy(data, tn_board_content(view), (size_t)account.length);
  }
  TN_POINT("board.get.copied");
  unpin(board, TN_PINS - 1);
  if (result == 0 && !tn_channel_is_mine(&board->channel)) /* lost under the copy */
    result = tn_channel_check(&board->channel);
  if (result != 0)
    return result;
  give(board, current, &account, hold, data, ret_item);
  return 1;
}

int tarn_board_get(tarn_board *board, void *data, uint64_t capacity, tarn_item *ret_item, int64_t timeout_ns) {
  int result = check_reader(board, ret_item, "tarn_board_get");
  if (result != 0)
    return result;
  if (data == NULL && capacity != 0)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": tarn_board_get: data is NULL", TN_WHO(&board->channel));
  if (board->channel.role == TARN_OBSERVER)
    return tn_board_observe(board, data, capacity, ret_item, timeout_ns);
  for (tn_turns turns = {0, 0};;) {
    if (timeout_ns != 0)
      look_briefly(board);
    result = get_now(board, data, capacity, ret_item);
    if (result != 0)
      return result == 1 ? 0 : result;
    result = tn_board_wait(board, timeout_ns, &turns);
    if (result != 0)
      return result;
  }
}
