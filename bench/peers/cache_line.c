/* bench/peers/cache_line.c: the limit of small messages: a message and its number in one cache line, which goes there and comes back. */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "inherit.h"

enum { MOST = 48 };

typedef struct cell {
  _Alignas(128) _Atomic uint64_t number;
  uint64_t message[MOST / 8];
} cell;

typedef struct end {
  cell *cell;
  uint64_t bytes, next;
} end;

static void version(char *ret_text, size_t size) { snprintf(ret_text, size, "%s", ""); }

static bool prepare(const peer_job *job) {
  for (uint32_t link = 0; link < links_of(job); link++) {
    int fd = memfd_create("cache line", 0);
    if (fd < 0 || ftruncate(fd, sizeof(cell)) != 0 || !leave_descriptors(link, 0, fd, fd)) return false;
  }
  return true;
}

static void *open_end(const peer_job *job, uint32_t link, bool writes, uint32_t reader) {
  (void)writes, (void)reader;
  int fd, same;
  end *made = calloc(1, sizeof *made);
  if (!made || !take_descriptors(link, 0, &fd, &same)) return NULL;
  made->bytes = job->bytes;
  made->cell = mmap(NULL, sizeof(cell), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
  return made->cell == MAP_FAILED ? NULL : made;
}

static bool send_one(void *of, const void *payload) {
  end *to = of;
  memcpy(to->cell->message, payload, (size_t)to->bytes);
  atomic_store_explicit(&to->cell->number, ++to->next, memory_order_release);
  return true;
}

static const void *receive(void *of) {
  end *from = of;
  while (atomic_load_explicit(&from->cell->number, memory_order_acquire) == from->next) bench_relax();
  return from->cell->message;
}

static void release(void *of) { ((end *)of)->next++; }

static void close_end(void *of) { free(of); }

const peer bench_peer = {.title = "one cache line (limit)",
                         .can = PEER_POLLS | PEER_ANSWERS | PEER_IS_LIMIT,
                         .most_bytes = MOST,
                         .version = version,
                         .prepare = prepare,
                         .open = open_end,
                         .send = send_one,
                         .receive = receive,
                         .release = release,
                         .close = close_end};
