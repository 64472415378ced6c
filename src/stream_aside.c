/* stream_aside.c: messages that were delivered too often go into a stream of their own, "NAME.aside" ("dead letters" elsewhere).
 *
 * The reader that has taken such a message copies it there, as one of many writers, and is then done with it. If it dies in between,
 * the message is given back and set aside once more: twice there, never lost. Where it cannot be put (no room, no right), it is given to
 * the reader after all, and the next time it comes back this is tried again. That stream is a queue, so that nothing in it is dropped, and
 * kept, whatever this one is: who looks at what was set aside comes later.
 */
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "stream_inside.h"

/* "jobs" -> "jobs.aside"; "/there/jobs.stream" -> "/there/jobs.aside.stream". 0 if that is too long. */
static int name_of(const tn_place *place, char *ret_name, size_t room) {
  size_t length = strlen(place->name), suffix = strlen(tn_kind_suffix(TARN_KIND_STREAM));
  int has_suffix = !place->plain && length > suffix && strcmp(place->name + length - suffix, tn_kind_suffix(TARN_KIND_STREAM)) == 0;
  int stem = (int)(has_suffix ? length - suffix : length);
  int written = snprintf(ret_name, room, "%.*s.aside%s", stem, place->name, place->name + stem);
  return written > 0 && (size_t)written < room;
}

static int open_aside(tarn_stream *stream) {
  const tn_header *header = &stream->channel.header;
  char name[TN_OS_PATH];
  tn_os_status status;
  if (!name_of(&stream->channel.place, name, sizeof name)) return 0;
  tarn_options options = {.struct_size = sizeof options,
                          .flags = TARN_KEPT | TARN_QUEUE | TARN_MANY_WRITERS | (header->flags & TARN_TIMES) |
                                   (stream->channel.options.flags & TARN_ANY_OWNER),
                          .size_bytes = header->data_bytes};
  if (tn_os_status_of(&stream->channel.file, &status) == 0) options.mode = status.mode & 0777; /* who may take part there may here */
  return tarn_stream_open(&stream->aside, name, TARN_WRITER, &options, 0) == 0;
}

int tn_queue_set_aside(tarn_stream *stream, const tarn_item *item) {
  if (stream->aside == NULL && !open_aside(stream)) return 0;
  const tarn_about about = {.struct_size = sizeof about, .tag = item->tag, .time_ns = item->time_ns};
  return tarn_stream_put(stream->aside, item->data, item->size_bytes, &about, 0) == 0;
}
