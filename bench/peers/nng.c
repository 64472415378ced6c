/* bench/peers/nng.c: nng over ipc://. Every message: a pipeline (push to pull), one for each reader, since its publisher drops what a
 * reader is too slow for. The newest: pub to sub with room for one message, of which a newer one takes the place.
 *
 * Its own threads move the messages, so who polls gives the processor away between two looks.
 */
#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../peer.h"

typedef struct end {
  nng_socket sockets[16];
  uint32_t count;
  nng_msg *message;
  uint64_t bytes;
  int flags;
  _Atomic uint32_t connected;
} end;

static void version(char *ret_text, size_t size) { snprintf(ret_text, size, "%s", nng_version()); }

static bool good(int result, const char *what) {
  if (result == 0) return true;
  fprintf(stderr, "nng: %s: %s\n", what, nng_strerror(result));
  return false;
}

static void count_one(nng_pipe pipe, nng_pipe_ev event, void *of) {
  (void)pipe, (void)event;
  atomic_fetch_add(&((end *)of)->connected, 1);
}

static bool open_writer(end *of, nng_socket *socket, const peer_job *job, const char *address) {
  return good(job->newest ? nng_pub0_open(socket) : nng_push0_open(socket), "open") &&
         good(nng_socket_set_int(*socket, NNG_OPT_SENDBUF, job->newest ? 1 : (int)job->most_waiting), "set its buffer") &&
         good(nng_pipe_notify(*socket, NNG_PIPE_EV_ADD_POST, count_one, of), "ask about readers") &&
         good(nng_listen(*socket, address, NULL, 0), "listen");
}

static bool open_reader(nng_socket *socket, const peer_job *job, const char *address) {
  return good(job->newest ? nng_sub0_open(socket) : nng_pull0_open(socket), "open") &&
         good(nng_socket_set_size(*socket, NNG_OPT_RECVMAXSZ, 0), "take large messages") &&
         good(job->newest ? nng_socket_set(*socket, NNG_OPT_SUB_SUBSCRIBE, "", 0) : 0, "subscribe") &&
         good(nng_socket_set_int(*socket, NNG_OPT_RECVBUF, job->newest ? 1 : (int)job->most_waiting), "set its buffer") &&
         good(nng_socket_set_ms(*socket, NNG_OPT_RECONNMINT, 1), "try often") &&
         good(nng_socket_set_ms(*socket, NNG_OPT_RECONNMAXT, 1), "try often") &&
         good(nng_dial(*socket, address, NULL, NNG_FLAG_NONBLOCK), "dial"); /* goes on trying by itself */
}

static void *open_end(const peer_job *job, uint32_t link, bool writes, uint32_t reader) {
  end *made = calloc(1, sizeof *made);
  if (!made) return NULL;
  made->bytes = job->bytes;
  made->flags = job->polls ? NNG_FLAG_NONBLOCK : 0;
  made->count = writes && link == 0 ? job->readers : 1;
  for (uint32_t i = 0; i < made->count; i++) {
    char address[200];
    snprintf(address, sizeof address, "ipc://%s/nng-%u-%u", job->directory, link, writes ? i : reader);
    if (!(writes ? open_writer(made, &made->sockets[i], job, address) : open_reader(&made->sockets[i], job, address)))
      return NULL;
  }
  while (writes && atomic_load(&made->connected) < made->count) nanosleep(&(struct timespec){0, 100000}, NULL);
  return made;
}

static bool send_to(nng_socket socket, const end *of, const void *payload) {
  nng_msg *message;
  if (nng_msg_alloc(&message, (size_t)of->bytes) != 0) return false;
  memcpy(nng_msg_body(message), payload, (size_t)of->bytes);
  int result;
  while ((result = nng_sendmsg(socket, message, of->flags)) == NNG_EAGAIN) sched_yield();
  return good(result, "send");
}

static bool send_one(void *of, const void *payload) {
  end *to = of;
  for (uint32_t i = 0; i < to->count; i++)
    if (!send_to(to->sockets[i], to, payload)) return false;
  return true;
}

static const void *receive(void *of) {
  end *from = of;
  int result;
  while ((result = nng_recvmsg(from->sockets[0], &from->message, from->flags)) == NNG_EAGAIN) sched_yield();
  return good(result, "receive") && nng_msg_len(from->message) == from->bytes ? nng_msg_body(from->message) : NULL;
}

static void release(void *of) { nng_msg_free(((end *)of)->message); }

static void close_end(void *of) {
  end *closed = of;
  for (uint32_t i = 0; i < closed->count; i++) nng_close(closed->sockets[i]);
  free(closed);
}

const peer bench_peer = {.title = "nng",
                         .can = PEER_POLLS | PEER_BLOCKS | PEER_ANSWERS | PEER_EVERY | PEER_READERS | PEER_NEWEST,
                         .version = version,
                         .open = open_end,
                         .send = send_one,
                         .receive = receive,
                         .release = release,
                         .close = close_end};
