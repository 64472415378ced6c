/* bench/peers/bare.h: the limit: an index beside fixed slots in shared memory, payload copied in and read in place. Nothing is checked,
 * nobody may die, nobody may come later. Included by two peers: SLEEPS 0 looks at the index for ever, SLEEPS 1 sleeps in a futex.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "inherit.h"

typedef struct line {
  _Alignas(128) _Atomic uint32_t word; /* a pair of cache lines to itself */
} line;

typedef struct ring {
  line head;      /* messages written; the writer's */
  line tails[16]; /* messages read; each reader's own */
  line readers_sleep;
  line writer_sleeps[16]; /* until this reader is further */
  _Alignas(4096) unsigned char slots[];
} ring;

typedef struct end {
  ring *ring;
  size_t size, slot_bytes;
  uint64_t bytes;
  uint32_t slot_count, readers, reader;
  uint32_t next, seen; /* my next message; how far the slowest reader was when I looked */
} end;

/* As many slots as fit into 1 MiB, at least 4: what the default ring of a stream holds. */
static void arrange(end *of, const peer_job *job) {
  of->bytes = job->bytes;
  of->slot_bytes = (size_t)(job->bytes + 63) / 64 * 64;
  for (of->slot_count = 4; of->slot_count * 2 * of->slot_bytes <= 1 << 20;) of->slot_count *= 2;
  of->size = sizeof(ring) + of->slot_count * of->slot_bytes;
}

static void version(char *ret_text, size_t size) { snprintf(ret_text, size, "%s", ""); }

static bool prepare(const peer_job *job) {
  for (uint32_t link = 0; link < links_of(job); link++) {
    end plan;
    arrange(&plan, job);
    int fd = memfd_create("bare", 0);
    if (fd < 0 || ftruncate(fd, (off_t)plan.size) != 0 || !leave_descriptors(link, 0, fd, fd)) return false;
  }
  return true;
}

static void *open_end(const peer_job *job, uint32_t link, bool writes, uint32_t reader) {
  (void)writes;
  int fd, same;
  end *made = calloc(1, sizeof *made);
  if (!made || !take_descriptors(link, 0, &fd, &same)) return NULL;
  arrange(made, job);
  made->readers = readers_of(job, link);
  made->reader = reader;
  made->ring = mmap(NULL, made->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
  return made->ring == MAP_FAILED ? NULL : made;
}

static unsigned char *slot(const end *of) { return of->ring->slots + (of->next & (of->slot_count - 1)) * of->slot_bytes; }

/* Until the word is no longer `seen`. Whoever sleeps says so first, then looks once more; whoever stores looks for sleepers after. What is
 * slept in is the saying itself: one that stored long ago may take it away only now, and the kernel then finds that it is gone. */
static void await_change(_Atomic uint32_t *word, uint32_t seen, _Atomic uint32_t *sleeps) {
  if (!SLEEPS) {
    while (atomic_load_explicit(word, memory_order_acquire) == seen) bench_relax();
    return;
  }
  while (atomic_load_explicit(word, memory_order_acquire) == seen) {
    atomic_store(sleeps, 1);
    if (atomic_load(word) == seen) syscall(SYS_futex, sleeps, FUTEX_WAIT, 1, NULL, NULL, 0);
  }
}

static void tell(_Atomic uint32_t *word, uint32_t value, _Atomic uint32_t *sleeps) {
  atomic_store_explicit(word, value, memory_order_release);
  if (!SLEEPS) return;
  atomic_thread_fence(memory_order_seq_cst);
  if (atomic_load_explicit(sleeps, memory_order_relaxed) && atomic_exchange(sleeps, 0))
    syscall(SYS_futex, sleeps, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void await_room(end *to) {
  while (to->next - to->seen >= to->slot_count) {
    uint32_t lag = 0, slowest = 0;
    for (uint32_t i = 0; i < to->readers; i++) {
      uint32_t tail = atomic_load_explicit(&to->ring->tails[i].word, memory_order_acquire);
      if (to->next - tail < lag) continue;
      lag = to->next - tail;
      slowest = i;
      to->seen = tail;
    }
    if (lag >= to->slot_count) await_change(&to->ring->tails[slowest].word, to->seen, &to->ring->writer_sleeps[slowest].word);
  }
}

static bool send_one(void *of, const void *payload) {
  end *to = of;
  await_room(to);
  memcpy(slot(to), payload, (size_t)to->bytes);
  to->next++;
  tell(&to->ring->head.word, to->next, &to->ring->readers_sleep.word);
  return true;
}

static const void *receive(void *of) {
  end *from = of;
  await_change(&from->ring->head.word, from->next, &from->ring->readers_sleep.word);
  return slot(from);
}

static void release(void *of) {
  end *from = of;
  from->next++;
  tell(&from->ring->tails[from->reader].word, from->next, &from->ring->writer_sleeps[from->reader].word);
}

static void close_end(void *of) {
  end *closed = of;
  munmap(closed->ring, closed->size);
  free(closed);
}

const peer bench_peer = {.title = TITLE,
                         .can = (SLEEPS ? PEER_BLOCKS : PEER_POLLS) | PEER_ANSWERS | PEER_EVERY | PEER_READERS | PEER_IS_LIMIT,
                         .version = version,
                         .prepare = prepare,
                         .open = open_end,
                         .send = send_one,
                         .receive = receive,
                         .release = release,
                         .close = close_end};
