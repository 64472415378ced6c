/* bench/compare.h: one run of the comparison: a plan, what each side measured, and who shares it.
 *
 * `compare` starts the sides as processes of their own and gives them a piece of shared memory, the sheet of the run (it has nothing
 * to do with what is measured): the plan goes in, figures come out.
 */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

#include <stdatomic.h>

#include "peer.h"

enum { WORK_ROUND_TRIP, WORK_ONE_WAY, WORK_SLEEP, WORK_NEWEST, WORK_FIRST, WORK_HELD, WORK_COPY, WORK_COUNT };
enum { MOST_READERS = 16, MOST_SIDES = MOST_READERS + 1 };
enum { STEPS = 128, BUCKETS = 48 * STEPS }; /* a histogram: so many steps to each doubling */

typedef struct plan {
  int work;
  char peer_file[256], name[48], directory[128];
  uint64_t bytes;
  uint32_t readers, rate_hz;
  int64_t run_ns, warm_ns;
  uint64_t count; /* sleep: so many messages instead of a time; 0: none given */
  bool polls;
} plan;

/* What a process holds of the system. */
typedef struct holding {
  int64_t memory_bytes, descriptors, threads, mappings;
} holding;

typedef struct figures {
  uint64_t count;              /* messages sent, received, or there and back, after warming up */
  int64_t begin_ns, end_ns;    /* when that was */
  int64_t first_ns;            /* when the first message was here */
  int64_t cpu_ns;              /* of all threads */
  uint64_t slept, interrupted; /* voluntary and involuntary context switches */
  uint64_t torn, passed;       /* newest: values that were not whole; values that passed unseen */
  int64_t shortest_ns, longest_ns;
  holding held;
  uint32_t histogram[BUCKETS];
} figures;

typedef struct sheet {
  plan plan;
  int64_t started_ns;       /* just before the first side was started */
  _Atomic uint32_t arrived; /* sides that have opened what they need */
  _Atomic uint32_t holding; /* held: sides that wait to be killed */
  _Atomic uint32_t ended;   /* readers that need nothing more: what leaves with its sender is another matter */
  figures of[MOST_SIDES];   /* 0: the writer; then the readers */
} sheet;

/* side.c: does one side's work; an exit code. And what a peer is told of a plan. */
int side_main(sheet *shared, uint32_t side);
peer_job job_of(const plan *plan);

/* measure.c */
int64_t now_ns(void);
void sleep_until(int64_t ns);
void record(figures *of, int64_t ns);
double percentile(const figures *of, uint64_t count, double share);
void begin_figures(figures *of);
void end_figures(figures *of);
holding holds_now(void);
void pin_side(uint32_t side);
void fill_payload(uint64_t *payload, uint64_t bytes, uint64_t value);
uint64_t sum_words(const uint64_t *words, uint64_t count);

#endif
