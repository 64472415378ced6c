/* bench/peers/mqueue.c: POSIX message queues, within the limits that the kernel has for everyone (mq_overview(7)): ten messages of 8 KiB.
 * One queue for each reader. */
#include <errno.h>
#include <mqueue.h>
#include <string.h>
#include <sys/stat.h>

#include "inherit.h"

enum { MOST = 8192, DEPTH = 10 };

typedef struct end {
  mqd_t queues[16];
  uint32_t count;
  uint64_t bytes;
  _Alignas(16) char buffer[MOST];
} end;

static void version(char *ret_text, size_t size) { snprintf(ret_text, size, "%s", ""); }

static void name_of(const peer_job *job, uint32_t link, uint32_t reader, char *ret_name, size_t size) {
  snprintf(ret_name, size, "/%s-%u-%u", job->name, link, reader);
}

static void finish(const peer_job *job) {
  char name[96];
  for (uint32_t link = 0; link < links_of(job); link++)
    for (uint32_t i = 0; i < readers_of(job, link); i++) {
      name_of(job, link, i, name, sizeof name);
      mq_unlink(name);
    }
}

/* Either side may come first: O_CREAT without O_EXCL. */
static void *open_end(const peer_job *job, uint32_t link, bool writes, uint32_t reader) {
  end *made = calloc(1, sizeof *made);
  if (!made) return NULL;
  made->bytes = job->bytes;
  made->count = writes ? readers_of(job, link) : 1;
  struct mq_attr attributes = {.mq_maxmsg = DEPTH, .mq_msgsize = (long)job->bytes};
  for (uint32_t i = 0; i < made->count; i++) {
    char name[96];
    name_of(job, link, writes ? i : reader, name, sizeof name);
    made->queues[i] =
        mq_open(name, O_CREAT | (writes ? O_WRONLY : O_RDONLY) | (job->polls ? O_NONBLOCK : 0), 0600, &attributes);
    if (made->queues[i] < 0) return NULL;
  }
  return made;
}

static bool may_try_again(void) {
  if (errno != EAGAIN && errno != EINTR) return false;
  bench_relax();
  return true;
}

static bool send_one(void *of, const void *payload) {
  end *to = of;
  for (uint32_t i = 0; i < to->count; i++)
    while (mq_send(to->queues[i], payload, (size_t)to->bytes, 0) != 0)
      if (!may_try_again()) return false;
  return true;
}

static const void *receive(void *of) {
  end *from = of;
  ssize_t got;
  while ((got = mq_receive(from->queues[0], from->buffer, sizeof from->buffer, NULL)) < 0)
    if (!may_try_again()) return NULL;
  return (uint64_t)got == from->bytes ? from->buffer : NULL;
}

static void release(void *of) { (void)of; }

static void close_end(void *of) {
  end *closed = of;
  for (uint32_t i = 0; i < closed->count; i++) mq_close(closed->queues[i]);
  free(closed);
}

const peer bench_peer = {.title = "POSIX message queue",
                         .can = PEER_POLLS | PEER_BLOCKS | PEER_ANSWERS | PEER_EVERY | PEER_READERS,
                         .most_bytes = MOST,
                         .version = version,
                         .finish = finish,
                         .open = open_end,
                         .send = send_one,
                         .receive = receive,
                         .release = release,
                         .close = close_end};
