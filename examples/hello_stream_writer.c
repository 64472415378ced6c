#include <stdio.h>
#include <string.h>
#include <tarn/tarn.h>

int main(void) { /* each line typed here is a message of the stream "talk" */
  tarn_options options = {.struct_size = sizeof options, .flags = TARN_KEPT}; /* it stays when this program has gone */
  tarn_stream *stream = NULL;
  char line[256];
  int result = tarn_stream_open(&stream, "talk", TARN_WRITER, &options, 0);
  while (result == 0 && fgets(line, sizeof line, stdin)) result = tarn_stream_put(stream, line, strlen(line), NULL, TARN_FOREVER);
  if (result != 0)
    fprintf(stderr, "%s: %s\n", tarn_result_name(result), result == TARN_BUSY ? "another writer has it" : tarn_error_text());
  tarn_stream_close(stream);
  return result != 0;
}
