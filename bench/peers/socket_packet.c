/* bench/peers/socket_packet.c: Unix sockets that keep the borders of messages (SOCK_SEQPACKET). One has to fit into the socket's
 * buffer, which the kernel limits (net.core.wmem_max). */
#define TITLE "Unix socket (seqpacket)"
#define PACKETS 1
#define MOST_BYTES (128 << 10)
#define SOCKET_TYPE SOCK_SEQPACKET
#include "descriptors.h"
#include "socket_pair.h"
