/* bench/peers/socket_pair.h: a pair of Unix sockets of the type SOCKET_TYPE, with the largest buffers an ordinary user may have. */
#include <sys/socket.h>

static bool make_pair(int *ret_reading, int *ret_writing) {
  int both[2], most = 1 << 22; /* the kernel takes as much of it as it allows */
  if (socketpair(AF_UNIX, SOCKET_TYPE, 0, both) != 0) return false;
  for (int i = 0; i < 2; i++) {
    setsockopt(both[i], SOL_SOCKET, SO_SNDBUF, &most, sizeof most);
    setsockopt(both[i], SOL_SOCKET, SO_RCVBUF, &most, sizeof most);
  }
  *ret_reading = both[0];
  *ret_writing = both[1];
  return true;
}
