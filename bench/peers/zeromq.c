/* bench/peers/zeromq.c: ZeroMQ over ipc://. Every message: PUSH to PULL for one reader; XPUB that holds its writer up (ZMQ_XPUB_NODROP) to
 * SUB for several. The newest: PUB to SUB with ZMQ_CONFLATE. Messages are filled where they lie (zmq_msg_init_size) and read there.
 *
 * Its own threads move the messages, so who polls gives the processor away between two looks.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "../peer.h"

typedef struct end {
  void *context, *socket;
  zmq_msg_t message;
  uint64_t bytes;
  int flags;
} end;

static void version(char *ret_text, size_t size) {
  int major, minor, patch;
  zmq_version(&major, &minor, &patch);
  snprintf(ret_text, size, "%d.%d.%d", major, minor, patch);
}

static bool set(const end *of, int option, int value) { return zmq_setsockopt(of->socket, option, &value, sizeof value) == 0; }

static int kind_of(const peer_job *job, bool writes) {
  if (!job->newest && job->readers == 1) return writes ? ZMQ_PUSH : ZMQ_PULL;
  return writes ? ZMQ_XPUB : ZMQ_SUB;
}

/* The writer binds, readers connect whenever they come. A publisher hears of each subscription by a message. */
static bool await_readers(const end *of, const peer_job *job) {
  for (uint32_t i = 0; i < job->readers; i++) {
    char subscription[8];
    if (zmq_recv(of->socket, subscription, sizeof subscription, 0) < 1) return false;
  }
  return true;
}

static bool arrange(const end *of, const peer_job *job, int kind) {
  int most = (int)job->most_waiting;
  bool good = set(of, ZMQ_SNDHWM, most) && set(of, ZMQ_RCVHWM, most) && set(of, ZMQ_RECONNECT_IVL, 1);
  if (kind == ZMQ_XPUB && !job->newest) good = good && set(of, ZMQ_XPUB_NODROP, 1);
  if (kind == ZMQ_XPUB && job->readers > 1) good = good && set(of, ZMQ_XPUB_VERBOSE, 1);
  if (kind == ZMQ_SUB && job->newest) good = good && set(of, ZMQ_CONFLATE, 1);
  if (kind == ZMQ_SUB) good = good && zmq_setsockopt(of->socket, ZMQ_SUBSCRIBE, "", 0) == 0;
  return good;
}

static void *open_end(const peer_job *job, uint32_t link, bool writes, uint32_t reader) {
  (void)reader;
  char address[200];
  snprintf(address, sizeof address, "ipc://%s/zmq-%u", job->directory, link);
  end *made = calloc(1, sizeof *made);
  if (!made) return NULL;
  int kind = kind_of(job, writes);
  made->bytes = job->bytes;
  made->flags = job->polls ? ZMQ_DONTWAIT : 0;
  made->context = zmq_ctx_new();
  made->socket = made->context ? zmq_socket(made->context, kind) : NULL;
  bool good = made->socket && arrange(made, job, kind);
  good = good && (writes ? zmq_bind(made->socket, address) : zmq_connect(made->socket, address)) == 0;
  if (good && kind == ZMQ_XPUB) good = await_readers(made, job);
  return good ? made : NULL;
}

static bool may_try_again(void) {
  if (errno != EAGAIN && errno != EINTR) return false;
  sched_yield();
  return true;
}

static bool send_one(void *of, const void *payload) {
  end *to = of;
  zmq_msg_t message;
  if (zmq_msg_init_size(&message, (size_t)to->bytes) != 0) return false;
  memcpy(zmq_msg_data(&message), payload, (size_t)to->bytes);
  while (zmq_msg_send(&message, to->socket, to->flags) < 0)
    if (!may_try_again()) return false;
  return true;
}

static const void *receive(void *of) {
  end *from = of;
  zmq_msg_init(&from->message);
  while (zmq_msg_recv(&from->message, from->socket, from->flags) < 0)
    if (!may_try_again()) return NULL;
  return zmq_msg_size(&from->message) == from->bytes ? zmq_msg_data(&from->message) : NULL;
}

static void release(void *of) { zmq_msg_close(&((end *)of)->message); }

static void close_end(void *of) {
  end *closed = of;
  zmq_close(closed->socket);
  zmq_ctx_term(closed->context);
  free(closed);
}

const peer bench_peer = {.title = "ZeroMQ",
                         .can = PEER_POLLS | PEER_BLOCKS | PEER_ANSWERS | PEER_EVERY | PEER_READERS | PEER_NEWEST,
                         .version = version,
                         .open = open_end,
                         .send = send_one,
                         .receive = receive,
                         .release = release,
                         .close = close_end};
