/* bench/peers/socket_stream.c: Unix sockets, a stream of bytes. */
#define TITLE "Unix socket (stream)"
#define PACKETS 0
#define MOST_BYTES 0
#define SOCKET_TYPE SOCK_STREAM
#include "descriptors.h"
#include "socket_pair.h"
