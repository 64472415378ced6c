#include <stdio.h>
#include <tarn/tarn.h>

int main(void) { /* shows every message, those that are there first, until Ctrl-C */
  tarn_stream *stream = NULL;
  int result = tarn_stream_open(&stream, "talk", TARN_READER, NULL, TARN_FOREVER);
  for (tarn_item item; result == 0 || result == TARN_NO_WRITER; fflush(stdout)) { /* it left or died: the next one is waited for */
    if ((result = tarn_stream_read(stream, &item, TARN_FOREVER)) != 0) continue;
    fwrite(item.data, 1, (size_t)item.size_bytes, stdout);
    result = tarn_stream_release(stream, &item);
  }
  fprintf(stderr, "%s: %s\n", tarn_result_name(result), tarn_error_text());
  tarn_stream_close(stream);
  return 1;
}
