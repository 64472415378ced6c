/* board_inside.h: what the files of a board share. The protocol and its argument are in board.c. */
#ifndef TN_BOARD_INSIDE_H
#define TN_BOARD_INSIDE_H

#include <tarn/board.h>

#include "channel.h"
#include "poll_handle.h"

/* A buffer as this process sees it. */
typedef struct tn_buffer_view {
  unsigned char *address; /* NULL: not mapped */
  uint64_t offset, capacity;
  uint32_t items; /* that lie in it */
} tn_buffer_view;

/* A private copy of an account. */
typedef struct tn_account_copy {
  uint64_t offset, capacity, length, tag, time_ns, type_length;
} tn_account_copy;

/* A free part of the file. */
typedef struct tn_gap {
  uint64_t offset, bytes;
} tn_gap;

/* An item that is out, or (the last one) the latest get. */
typedef struct tn_hold {
  uint32_t out;    /* 1: not released yet */
  uint32_t buffer;
  uint64_t version;
  char type[TN_TYPE_BYTES]; /* a copy: a hostile writer could take the NUL away */
} tn_hold;

struct tarn_board {
  tn_channel channel;
  tn_buffer_view *views; /* one for each entry */
  tn_poll *poll;         /* NULL until a handle to poll is asked for */

  /* reader and observer */
  tn_atomic64 last;  /* version of the last item given; atomic because the thread behind the poll handle reads it */
  tn_hold *holds;    /* header.hold of them, and one for get */
  uint32_t out;      /* items not released */
  uint32_t empties;  /* answers TARN_EMPTY: the kernel is asked about the writer once in a while */
  int closed;        /* by the user, while items are out */

  /* writer: its own truth about the entries, made again at takeover */
  uint64_t current; /* as published */
  uint64_t longest; /* no version can have more bytes */
  int claimed;      /* 1: there is a claim */
  uint32_t claim_buffer;
  uint64_t claim_bytes;
  uint32_t *known_free; /* buffers; one that was found free stays free until this writer publishes it. The best to use is the last */
  uint32_t known_free_count;
  unsigned char *pinned; /* as of the last scan */
  uint64_t pins_used[TN_PINS / 4]; /* which bits of a slot's pin_words a reader may have set: those of the pins that it uses */
  uint32_t used;             /* entries at and above it have no buffer */
  tn_gap *gaps;              /* sorted by offset, never touching */
  uint32_t gap_count;
  uint64_t end; /* of the buffers, in the file */
  uint32_t scans; /* of all pins */
};

/* Where the content of a buffer begins. */
static inline unsigned char *tn_board_content(const tn_buffer_view *view) {
  return view->address + TN_TYPE_BYTES;
}

/* After a pin was taken away. A writer waits for room only where there is a limit: without one there are as many buffers as readers can pin,
 * and two more, or it is told that there is no space. */
static inline void tn_board_wake_room(tarn_board *board) {
  if (board->channel.header.limit_bytes != 0)
    tn_wake(&board->channel, TN_ROOM);
}

/* board.c: the view of a buffer, mapped if it is seen for the first time or lies elsewhere now. All from entries are checked. */
int tn_board_view_anew(tarn_board *board, uint32_t buffer, uint64_t offset, uint64_t capacity, tn_buffer_view **ret_view);
static inline int tn_board_view(tarn_board *board, uint32_t buffer, uint64_t offset, uint64_t capacity, tn_buffer_view **ret_view) {
  tn_buffer_view *view = &board->views[buffer];
  if (view->address == NULL || view->offset != offset || view->capacity != capacity)
    return tn_board_view_anew(board, buffer, offset, capacity, ret_view);
  *ret_view = view;
  return 0;
}
void tn_board_unview(tarn_board *board, tn_buffer_view *view);
/* 1 if an entry can be as it says. */
int tn_board_place_possible(const tarn_board *board, uint64_t offset, uint64_t capacity);

/* board_room.c: the writer's buffers. */
int tn_board_take_stock(tarn_board *board);
/* Take a buffer with so much capacity that nobody reads off the list of free ones, which may be made again. 1, or 0: there is none. */
int tn_board_find(tarn_board *board, uint64_t capacity, uint32_t *ret_buffer);
/* The same, where the first that the list offers is large enough, as it mostly is: 1. 0: ask tn_board_find. */
static inline int tn_board_take_known(tarn_board *board, uint64_t capacity, uint32_t *ret_buffer) {
  uint32_t count = board->known_free_count;
  if (count == 0 || board->views[board->known_free[count - 1]].capacity < capacity)
    return 0;
  *ret_buffer = board->known_free[count - 1];
  board->known_free_count = count - 1;
  return 1;
}
/* tn_board_find, and may clear up after dead readers and grow. 0, TARN_FULL, a failure. */
int tn_board_make_room(tarn_board *board, uint64_t capacity, uint32_t *ret_buffer);

/* A buffer of which it is known that nobody reads it: the best for the next version. */
void tn_board_add_free(tarn_board *board, uint32_t buffer);

/* board_observe.c */
int tn_board_observe(tarn_board *board, void *data, uint64_t capacity, tarn_item *ret_item, int64_t timeout_ns);

/* board_read.c: 1 if there is a version newer than the last one given. */
int tn_board_newer(const tarn_board *board);
/* Until there is something newer: 0, or an outcome (timeout 0: TARN_EMPTY), or a failure. */
int tn_board_wait(tarn_board *board, int64_t timeout_ns, tn_turns *turns);

#endif
