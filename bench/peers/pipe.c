/* bench/peers/pipe.c: a pipe, as large as an ordinary user may make it (pipe(7)). */
#define TITLE "pipe"
#define PACKETS 0
#define MOST_BYTES 0
#include "descriptors.h"

static bool make_pair(int *ret_reading, int *ret_writing) {
  int both[2];
  if (pipe(both) != 0) return false;
  (void)fcntl(both[1], F_SETPIPE_SZ, 1 << 20); /* the default limit; where it is lower, the pipe stays as it is */
  *ret_reading = both[0];
  *ret_writing = both[1];
  return true;
}
