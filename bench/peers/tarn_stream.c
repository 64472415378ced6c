/* bench/peers/tarn_stream.c: Tarn's streams: put on one side, read and release on the other. */
#include <stdio.h>
#include <stdlib.h>
#include <tarn/tarn.h>

#include "../peer.h"

typedef struct end {
  tarn_stream *stream;
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
  if (writes && job->bytes * 4 > 1 << 20) /* four messages at least; otherwise the default ring */
    for (options.size_bytes = 1 << 20; options.size_bytes < job->bytes * 4;) options.size_bytes *= 2;
  end *made = calloc(1, sizeof *made);
  if (!made) return NULL;
  made->bytes = job->bytes;
  int result = tarn_stream_open(&made->stream, link == 0 ? "there" : "back", writes ? TARN_WRITER : TARN_READER, &options,
                                INT64_C(10000000000));
  if (result == 0) return made;
  free(made);
  told(tarn_result_name(result));
  return NULL;
}

static bool send_one(void *of, const void *payload) {
  end *to = of;
  int result = tarn_stream_put(to->stream, payload, to->bytes, NULL, TARN_FOREVER);
  return result == 0 || told(tarn_result_name(result));
}

static const void *receive(void *of) {
  end *from = of;
  int result = tarn_stream_read(from->stream, &from->item, TARN_FOREVER);
  if (result == 0) return from->item.data;
  told(tarn_result_name(result));
  return NULL;
}

static void release(void *of) {
  end *from = of;
  tarn_stream_release(from->stream, &from->item);
}

static void close_end(void *of) {
  end *closed = of;
  tarn_stream_close(closed->stream);
  free(closed);
}

const peer bench_peer = {.title = "Tarn stream",
                         .can = PEER_POLLS | PEER_BLOCKS | PEER_ANSWERS | PEER_EVERY | PEER_READERS,
                         .version = version,
                         .open = open_end,
                         .send = send_one,
                         .receive = receive,
                         .release = release,
                         .close = close_end};
