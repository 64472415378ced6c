/* cli/bench.h: what the files of `tarn bench` share.
 *
 * A job is run by two processes on two processors: this one and a peer. Each job has two arms, Tarn and the bare limit (the same
 * payload through a loop without any protocol); arms alternate, and what counts is the median of the ratios of neighbours, since
 * machines change speed for minutes at a time. docs/performance.md says what each figure means.
 */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include "cli.h"

#include <stdatomic.h>

enum { BENCH_TARN = 0, BENCH_BARE = 1 };
enum { BENCH_ROUND_TRIP, BENCH_ONE_WAY, BENCH_BATCHES, BENCH_HAND_OVER, BENCH_FAN_OUT, BENCH_WAKE, BENCH_WRITERS, BENCH_WRITER_RUNS,
       BENCH_RUNS_BESIDE, BENCH_QUEUE, BENCH_REDELIVERY };

/* One line of the report. */
typedef struct bench_job {
  int work; /* BENCH_ROUND_TRIP ... */
  int kind; /* TARN_KIND_BOARD, TARN_KIND_STREAM */
  uint64_t bytes;
  uint64_t ring_bytes; /* 0: the default */
  uint32_t readers;
  int64_t run_ns;      /* how long one arm runs */
  uint32_t writers;    /* BENCH_WRITERS, BENCH_WRITER_RUNS, BENCH_RUNS_BESIDE */
} bench_job;

/* What one run of one arm measured. Times in ns; rates in messages or bytes a second. */
typedef struct bench_figure {
  double value;
  double p50, p99, p999, max;
} bench_figure;

enum { BENCH_SAMPLES = 1 << 20, BENCH_GATES = 128 };

/* A gate has a pair of cache lines to itself. */
typedef struct bench_gate {
  _Alignas(128) _Atomic uint64_t word;
} bench_gate;

/* Shared by both processes; lies in a map of the benchmark's own. */
typedef struct bench_shared {
  bench_gate ready, stop, done; /* the peer is there; it should end; what it counted */
  bench_gate head, tail;        /* bare: messages written, read */
  _Alignas(128) _Atomic uint32_t futex;
  _Alignas(128) uint64_t sample_count;
  int64_t samples[BENCH_SAMPLES];
  _Alignas(4096) unsigned char slots[]; /* bare: the messages */
} bench_shared;

typedef struct bench_run {
  const bench_job *job;
  bench_shared *shared;
  uint64_t slot_bytes, slot_count; /* bare */
  unsigned char *payload;          /* job->bytes of this process's own */
  int64_t *samples;                /* BENCH_SAMPLES of them */
} bench_run;

/* bench_arms.c: run an arm in this process and its peer; CLI_DONE or a failure that was told. */
int bench_arm(const bench_job *job, int arm, bench_figure *ret_figure);

/* bench_bare.c, bench_tarn.c: the two sides of each work. A peer returns an exit code. */
int bench_bare_main(bench_run *run, bench_figure *ret_figure);
int bench_bare_peer(bench_run *run);
int bench_stream_main(bench_run *run, bench_figure *ret_figure);
int bench_stream_peer(bench_run *run);
int bench_board_main(bench_run *run, bench_figure *ret_figure);
int bench_board_peer(bench_run *run);
int bench_queue_main(bench_run *run, bench_figure *ret_figure);
int bench_queue_peer(bench_run *run);

/* bench_measure.c */
uint64_t bench_sum(const void *data, uint64_t bytes); /* reads every byte */
void bench_percentiles(int64_t *samples, uint64_t count, bench_figure *ret_figure);
static inline void bench_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

#endif
