/* bench/peers/seqlock.c: a value in shared memory under a sequence lock: what many write by hand for "the newest". The reader copies, and
 * copies again if the writer was at it meanwhile; a writer that dies inside leaves readers looking for ever. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "inherit.h"

typedef struct value {
  _Alignas(128) _Atomic uint64_t sequence; /* odd: being written */
  _Alignas(128) unsigned char bytes[];
} value;

typedef struct end {
  value *value;
  unsigned char *copy;
  uint64_t bytes, seen;
} end;

static void version(char *ret_text, size_t size) { snprintf(ret_text, size, "%s", ""); }

static void path_of(const peer_job *job, char *ret_path, size_t size) {
  snprintf(ret_path, size, "%s/%s", job->directory, job->name);
}

static bool prepare(const peer_job *job) {
  char path[256];
  path_of(job, path, sizeof path);
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  bool good = fd >= 0 && ftruncate(fd, (off_t)(sizeof(value) + job->bytes)) == 0;
  if (fd >= 0) close(fd);
  return good;
}

static void *open_end(const peer_job *job, uint32_t link, bool writes, uint32_t reader) {
  (void)link, (void)writes, (void)reader;
  char path[256];
  path_of(job, path, sizeof path);
  end *made = calloc(1, sizeof *made);
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (!made || fd < 0) return NULL;
  made->bytes = job->bytes;
  made->copy = aligned_alloc(4096, (size_t)(job->bytes + 4095) / 4096 * 4096);
  made->value = mmap(NULL, sizeof(value) + (size_t)job->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
  close(fd);
  return made->value == MAP_FAILED || !made->copy ? NULL : made;
}

static bool send_one(void *of, const void *payload) {
  end *to = of;
  uint64_t sequence = atomic_load_explicit(&to->value->sequence, memory_order_relaxed);
  atomic_store_explicit(&to->value->sequence, sequence + 1, memory_order_relaxed);
  atomic_thread_fence(memory_order_release);
  memcpy(to->value->bytes, payload, (size_t)to->bytes);
  atomic_store_explicit(&to->value->sequence, sequence + 2, memory_order_release);
  return true;
}

static const void *receive(void *of) {
  end *from = of;
  for (;; bench_relax()) {
    uint64_t before = atomic_load_explicit(&from->value->sequence, memory_order_acquire);
    if (before % 2 != 0 || before == from->seen) continue;
    memcpy(from->copy, from->value->bytes, (size_t)from->bytes);
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load_explicit(&from->value->sequence, memory_order_relaxed) != before) continue;
    from->seen = before;
    return from->copy;
  }
}

static void release(void *of) { (void)of; }

static void close_end(void *of) {
  end *closed = of;
  munmap(closed->value, sizeof(value) + (size_t)closed->bytes);
  free(closed->copy);
  free(closed);
}

const peer bench_peer = {.title = "shared memory, sequence lock",
                         .can = PEER_POLLS | PEER_NEWEST,
                         .version = version,
                         .prepare = prepare,
                         .open = open_end,
                         .send = send_one,
                         .receive = receive,
                         .release = release,
                         .close = close_end};
