/* bench/peers/descriptors.h: peers that are descriptors of the kernel: pipes and sockets. One for each reader; a message is written to
 * all of them. Who polls has them non-blocking and tries again.
 *
 * The file that includes this defines TITLE, PACKETS (a message is one packet, not a part of a stream of bytes), MOST_BYTES and
 * make_pair.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "inherit.h"

static bool make_pair(int *ret_reading, int *ret_writing);

typedef struct end {
  int descriptors[16];
  uint32_t count;
  uint64_t bytes;
  unsigned char *buffer;
} end;

static void version(char *ret_text, size_t size) { snprintf(ret_text, size, "%s", ""); }

static bool prepare(const peer_job *job) {
  for (uint32_t link = 0; link < links_of(job); link++)
    for (uint32_t i = 0; i < readers_of(job, link); i++) {
      int reading, writing;
      if (!make_pair(&reading, &writing) || !leave_descriptors(link, i, reading, writing)) return false;
    }
  return true;
}

/* Every descriptor that is not this end's own could be closed; they are left, since none of them is used. */
static void *open_end(const peer_job *job, uint32_t link, bool writes, uint32_t reader) {
  end *made = calloc(1, sizeof *made);
  if (!made) return NULL;
  made->bytes = job->bytes;
  made->count = writes ? readers_of(job, link) : 1;
  made->buffer = aligned_alloc(4096, (size_t)(job->bytes + 4095) / 4096 * 4096);
  if (!made->buffer) return NULL;
  for (uint32_t i = 0; i < made->count; i++) {
    int reading, writing;
    if (!take_descriptors(link, writes ? i : reader, &reading, &writing)) return NULL;
    made->descriptors[i] = writes ? writing : reading;
    if (fcntl(made->descriptors[i], F_SETFL, job->polls ? O_NONBLOCK : 0) != 0) return NULL;
  }
  return made;
}

static bool may_try_again(void) {
  if (errno != EAGAIN && errno != EINTR) return false;
  bench_relax();
  return true;
}

static bool send_all(int to, const unsigned char *payload, uint64_t bytes) {
  for (uint64_t sent = 0; sent < bytes;) {
    ssize_t part = write(to, payload + sent, (size_t)(bytes - sent));
    if (part > 0)
      sent += (uint64_t)part;
    else if (!may_try_again())
      return false;
  }
  return true;
}

static bool send_one(void *of, const void *payload) {
  end *to = of;
  for (uint32_t i = 0; i < to->count; i++)
    if (!send_all(to->descriptors[i], payload, to->bytes)) return false;
  return true;
}

static const void *receive(void *of) {
  end *from = of;
  for (uint64_t got = 0; got < from->bytes;) {
    ssize_t part = read(from->descriptors[0], from->buffer + got, (size_t)(from->bytes - got));
    if (part > 0)
      got += (uint64_t)part;
    else if (part == 0 || !may_try_again())
      return NULL;
    if (part > 0 && PACKETS && got != from->bytes) return NULL;
  }
  return from->buffer;
}

static void release(void *of) { (void)of; }

static void close_end(void *of) {
  end *closed = of;
  for (uint32_t i = 0; i < closed->count; i++) close(closed->descriptors[i]);
  free(closed->buffer);
  free(closed);
}

const peer bench_peer = {.title = TITLE,
                         .can = PEER_POLLS | PEER_BLOCKS | PEER_ANSWERS | PEER_EVERY | PEER_READERS,
                         .most_bytes = MOST_BYTES,
                         .version = version,
                         .prepare = prepare,
                         .open = open_end,
                         .send = send_one,
                         .receive = receive,
                         .release = release,
                         .close = close_end};
