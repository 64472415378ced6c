/* bench/peers/tarn_board.c: Tarn's boards: put on one side, read and release on the other. */
#include <stdio.h>
#include <stdlib.h>
#include <tarn/tarn.h>

#include "../peer.h"

typedef struct end {
  tarn_board *board;
  tarn_item item;
  uint64_t bytes;
} end;

static void version(char *ret_text, size_t size) { snprintf(ret_text, size, "%s", tarn_version()); }

static bool told(const char *what) {
  fprintf(stderr, "%s: %s\n", what, tarn_error_text());
  return false;
}

static void *open_end(const peer_job *job, uint32_t link, bool writes, uint32_t reader) {
  (void)reader;
  tarn_options options = {.struct_size = sizeof options, .spin_ns = job->polls ? TARN_SPIN_ONLY : 0};
  end *made = calloc(1, sizeof *made);
  if (!made) return NULL;
  made->bytes = job->bytes;
  int result = tarn_board_open(&made->board, link == 0 ? "there" : "back", writes ? TARN_WRITER : TARN_READER, &options,
                               INT64_C(10000000000));
  if (result == 0) return made;
  free(made);
  told(tarn_result_name(result));
  return NULL;
}

static bool send_one(void *of, const void *payload) {
  end *to = of;
  int result = tarn_board_put(to->board, payload, to->bytes, NULL, TARN_FOREVER);
  return result == 0 || told(tarn_result_name(result));
}

static const void *receive(void *of) {
  end *from = of;
  int result = tarn_board_read(from->board, &from->item, TARN_FOREVER);
  if (result == 0) return from->item.data;
  told(tarn_result_name(result));
  return NULL;
}

static void release(void *of) {
  end *from = of;
  tarn_board_release(from->board, &from->item);
}

static void close_end(void *of) {
  end *closed = of;
  tarn_board_close(closed->board);
  free(closed);
}

const peer bench_peer = {.title = "Tarn board",
                         .can = PEER_POLLS | PEER_BLOCKS | PEER_ANSWERS | PEER_NEWEST,
                         .version = version,
                         .open = open_end,
                         .send = send_one,
                         .receive = receive,
                         .release = release,
                         .close = close_end};
