#include <stdio.h>
#include <tarn/tarn.h>

int main(void) { /* shows every message, until the writer leaves or dies */
  tarn_stream *stream = NULL;
  tarn_item item;
  int result = tarn_stream_open(&stream, "talk", TARN_READER, NULL, TARN_FOREVER);
  while (result == 0 && (result = tarn_stream_read(stream, &item, TARN_FOREVER)) == 0) {
    fwrite(item.data, 1, (size_t)item.size_bytes, stdout);
    result = tarn_stream_release(stream, &item);
  }
  if (result != TARN_NO_WRITER) fprintf(stderr, "%s: %s\n", tarn_result_name(result), tarn_error_text());
  tarn_stream_close(stream);
  return result != TARN_NO_WRITER;
}
