/* bench/peer.h: what a peer has to be able to do, so that all are given the same work. A peer is something a user could take to pass
 * data between two processes: Tarn, a pipe, a library. Each is a module peer_NAME.so that exports one `bench_peer`.
 *
 * A run has one writer and one or more readers, each a process of its own, started anew. Link 0 leads from the writer to every
 * reader; link 1, if the job has answers, from reader 0 back to the writer. All messages of a run have the same size.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a peer can do; a run that asks for more is skipped, with a word. */
enum {
  PEER_POLLS = 1 << 0,   /* waits by looking again and again */
  PEER_BLOCKS = 1 << 1,  /* waits asleep */
  PEER_ANSWERS = 1 << 2, /* there and back */
  PEER_EVERY = 1 << 3,   /* delivers every message, and holds the writer up when there is no room */
  PEER_READERS = 1 << 4, /* several readers get every message */
  PEER_NEWEST = 1 << 5,  /* shows the newest value, whatever was missed */
  PEER_IS_LIMIT = 1 << 6 /* not a choice but what the machine allows: nothing checked, nobody may die */
};

typedef struct peer_job {
  const char *name;      /* a word that no other run has, for names that the whole system sees */
  const char *directory; /* in memory; for names that have a path */
  uint64_t bytes;        /* of every message; a multiple of 8 */
  uint32_t readers;
  uint32_t most_waiting; /* how many messages may be under way, where a peer wants to know */
  bool answers, polls, newest;
} peer_job;

/* Functions that fail leave errno, or say on stderr what went wrong. */
typedef struct peer {
  const char *title;
  uint32_t can;
  uint64_t most_bytes;                          /* 0: no limit of its own */
  void (*version)(char *ret_text, size_t size); /* "" where the kernel's version says it all */
  bool (*prepare)(const peer_job *job);         /* before the sides are started, in their parent; may be NULL */
  void (*finish)(const peer_job *job);          /* after they have ended, however; may be NULL */
  /* One end of a link. When it returns, nothing that is sent from now on is lost. The ends of a run are opened in any order. */
  void *(*open)(const peer_job *job, uint32_t link, bool writes, uint32_t reader);
  bool (*send)(void *end, const void *payload); /* copies the payload in; waits for room */
  const void *(*receive)(void *end);            /* waits for the next message, or for a newer value */
  void (*release)(void *end);                   /* done with what receive gave */
  void (*close)(void *end);
} peer;

extern const peer bench_peer;

/* Between two looks at something that is not there yet. */
static inline void bench_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#ifdef __cplusplus
}
#endif
#endif
