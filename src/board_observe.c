/* board_observe.c: reading through a read-only descriptor: no slot, no pin, nothing written anywhere.
 *
 * The writer does not know of observers and may reuse a buffer while one copies it. So the copy lies between two looks at the
 * buffer's generation [B4]: exactly 2 x the version that current named, before and after, or it is made again. The content is
 * read with the file, not through a mapping: a read of a hole through a mapping would allocate it.
 */
#include <string.h>
#include <tarn/board.h>

#include "board_inside.h"
#include "error.h"
#include "participant.h"

enum { TRIES = 1000 };

/* What the entry says, copied once. */
typedef struct glance {
  uint64_t version, offset, capacity, length, type_length;
} glance;

static int unchanged(const tn_entry *entry, uint64_t version) {
  tn_fence_acquire(); /* [B4] acquire: the copy before this look */
  return tn_load_relaxed(&entry->generation) == 2 * version;
}

static int cannot_be(const tarn_board *board, const char *what) {
  return tn_fail(TARN_E_CORRUPT, "%s \"%s\": %s cannot be", TN_WHO(&board->channel), what);
}

/* Read exactly length bytes: 1; 0 the file is shorter; negative a failure. */
static int copy(tarn_board *board, uint64_t offset, void *to, uint64_t length) {
  uint64_t done = 0;
  int result = length == 0 ? 0 : tn_os_read_at(&board->channel.file, offset, to, length, &done);
  if (result != 0)
    return tn_channel_fail(&board->channel, result, "cannot be read");
  return done == length;
}

/* The generation was right before; a copy that failed counts only if it still is. 1 done, 0 again, negative. */
static int copy_all(tarn_board *board, const glance *seen, const tn_entry *entry, void *data, uint64_t capacity,
                    tarn_item *ret_item) {
  if (!tn_board_place_possible(board, seen->offset, seen->capacity) || seen->length > seen->capacity - TN_TYPE_BYTES)
    return unchanged(entry, seen->version) ? cannot_be(board, "the place of its newest version") : 0;
  if (seen->length > capacity) {
    if (!unchanged(entry, seen->version))
      return 0;
    ret_item->size_bytes = seen->length;
    return tn_fail(TARN_E_TOO_LARGE, "%s \"%s\": version %llu has %llu bytes, the buffer given %llu", TN_WHO(&board->channel),
                   (unsigned long long)seen->version, (unsigned long long)seen->length, (unsigned long long)capacity);
  }
  char *type = board->holds[board->channel.header.hold].type;
  uint64_t type_length = seen->type_length < TN_TYPE_BYTES ? seen->type_length : TN_TYPE_BYTES - 1;
  int result = copy(board, seen->offset + TN_TYPE_BYTES, data, seen->length);
  if (result == 1)
    result = copy(board, seen->offset, type, type_length);
  type[type_length] = 0;
  if (result < 0)
    return result;
  if (!unchanged(entry, seen->version))
    return 0;
  return result == 1 ? 1 : cannot_be(board, "the length of its file, shorter than its newest version");
}

/* 1 copied, 0 nothing newer, 2 the writer was faster, negative a failure. */
static int observe_now(tarn_board *board, void *data, uint64_t capacity, tarn_item *ret_item) {
  uint64_t current = tn_load_acquire(&board->channel.control->kind.board.current); /* [B1] acquire */
  glance seen = {.version = TN_BOARD_VERSION(current)};
  uint64_t last = tn_load_relaxed(&board->last); /* relaxed: this thread's own */
  if (seen.version == 0 || seen.version == last)
    return 0;
  if (TN_BOARD_BUFFER(current) >= board->channel.header.entries)
    return cannot_be(board, "the buffer of its newest version");
  const tn_entry *entry = &board->channel.entries[TN_BOARD_BUFFER(current)];
  if (tn_load_acquire(&entry->generation) != 2 * seen.version) { /* [B4] acquire: before the copy, and before the second look */
    /* Between storing another `current` and touching this buffer again its writer fences [B2]: who sees the one sees the other. */
    return tn_load_relaxed(&board->channel.control->kind.board.current) != current ? 2 : cannot_be(board, "the generation of its newest version");
  }
  seen.offset = tn_load_relaxed(&entry->account.offset); /* relaxed, all: the looks before and after hold them together */
  seen.capacity = tn_load_relaxed(&entry->account.capacity);
  seen.length = tn_load_relaxed(&entry->account.length);
  seen.type_length = tn_load_relaxed(&entry->account.type_length);
  tarn_item item = {.data = data, .size_bytes = seen.length, .number = seen.version};
  item.tag = tn_load_relaxed(&entry->account.tag);
  item.time_ns = (int64_t)tn_load_relaxed(&entry->account.time_ns);
  item.type = board->holds[board->channel.header.hold].type;
  item.missed = last != 0 && seen.version > last ? seen.version - last - 1 : 0;
  int result = copy_all(board, &seen, entry, data, capacity, ret_item);
  if (result != 1)
    return result == 0 ? 2 : result;
  tn_store_relaxed(&board->last, seen.version);
  tn_writer_known(&board->channel);
  *ret_item = item;
  return 1;
}

int tn_board_observe(tarn_board *board, void *data, uint64_t capacity, tarn_item *ret_item, int64_t timeout_ns) {
  int64_t start = timeout_ns > 0 ? tn_os_now() : 0;
  tn_turns turns = {0, 0};
  for (int tries = 0;;) {
    int result = observe_now(board, data, capacity, ret_item);
    if (result == 1 || result < 0)
      return result == 1 ? 0 : result;
    if (result == 0) {
      result = tn_board_wait(board, timeout_ns, &turns);
      if (result != 0)
        return result;
    } else if (++tries % TRIES == 0) { /* the writer was faster, a thousand times */
      if (timeout_ns == 0)
        return TARN_EMPTY;
      if (tn_wait_woken(&board->channel))
        return TARN_WOKEN;
      if (!tn_channel_is_mine(&board->channel))
        return tn_channel_check(&board->channel);
      if (timeout_ns > 0 && tn_os_now() - start >= timeout_ns)
        return TARN_TIMED_OUT;
    }
  }
}
