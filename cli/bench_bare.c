/* cli/bench_bare.c: the limit: one index line beside fixed slots, the same payload copied in and read in place, never sleeping
 * (but for the bare wake, which is one futex). Nothing is checked, nobody may die, nobody may come later. */
#include "bench.h"

#include "system_bench.h"
#include "system.h"

#include <string.h>

/* Large payloads lie as a stream's do, 16 bytes behind the beginning of a cache line: copying depends on it. */
static unsigned char *slot(const bench_run *run, uint64_t number) {
  return run->shared->slots + (number & (run->slot_count - 1)) * run->slot_bytes + (run->job->bytes >= 4096 ? 16 : 0);
}

static bool stopped(const bench_run *run) { return atomic_load_explicit(&run->shared->stop.word, memory_order_relaxed) != 0; }

static void write_slot(const bench_run *run, uint64_t number, bench_gate *index) {
  memcpy(slot(run, number), run->payload, (size_t)run->job->bytes);
  atomic_store_explicit(&index->word, number + 1, memory_order_release);
}

/* False when it is over. */
static bool await(const bench_run *run, bench_gate *index, uint64_t number) {
  while (atomic_load_explicit(&index->word, memory_order_acquire) <= number) {
    if (stopped(run)) return false;
    bench_relax();
  }
  return true;
}

/* ---- There and back: even slots go there, odd ones come back -------------------------------------------------------- */

static int round_trip_main(bench_run *run, bench_figure *ret_figure) {
  uint64_t count = 0;
  int64_t start = cli_now(), last = start;
  for (uint64_t i = 0; last - start < run->job->run_ns; i++) {
    write_slot(run, 2 * i, &run->shared->head);
    while (atomic_load_explicit(&run->shared->tail.word, memory_order_acquire) <= 2 * i + 1) bench_relax();
    run->payload[0] ^= (unsigned char)bench_sum(slot(run, 2 * i + 1), run->job->bytes);
    int64_t now = cli_now();
    run->samples[count++ & (BENCH_SAMPLES - 1)] = now - last;
    last = now;
  }
  bench_percentiles(run->samples, count < BENCH_SAMPLES ? count : BENCH_SAMPLES, ret_figure);
  ret_figure->value = ret_figure->p50;
  return CLI_DONE;
}

static int round_trip_peer(bench_run *run) {
  for (uint64_t i = 0; await(run, &run->shared->head, 2 * i); i++) {
    run->payload[0] ^= (unsigned char)bench_sum(slot(run, 2 * i), run->job->bytes);
    write_slot(run, 2 * i + 1, &run->shared->tail);
  }
  return CLI_DONE;
}

/* ---- One way -------------------------------------------------------------------------------------------------------- */

static int one_way_main(bench_run *run, bench_figure *ret_figure) {
  uint64_t seen = 0, i = 0;
  int64_t start = cli_now(), end = start + run->job->run_ns;
  while ((i & 63) != 0 || cli_now() < end) {
    while (i - seen >= run->slot_count) seen = atomic_load_explicit(&run->shared->tail.word, memory_order_acquire);
    write_slot(run, i, &run->shared->head);
    i++;
  }
  while (atomic_load_explicit(&run->shared->tail.word, memory_order_acquire) < i) bench_relax();
  ret_figure->value = (double)i * 1e9 / (double)(cli_now() - start);
  return CLI_DONE;
}

static int one_way_peer(bench_run *run) {
  uint64_t sum = 0;
  for (uint64_t i = 0; await(run, &run->shared->head, i); i++) {
    sum += bench_sum(slot(run, i), run->job->bytes);
    atomic_store_explicit(&run->shared->tail.word, i + 1, memory_order_release);
  }
  run->payload[0] = (unsigned char)sum;
  return CLI_DONE;
}

/* ---- Wake: one futex ------------------------------------------------------------------------------------------------ */

static int wake_main(bench_run *run, bench_figure *ret_figure) {
  int64_t end = cli_now() + run->job->run_ns;
  while (cli_now() < end) {
    cli_sleep(1000000);
    int64_t stamp = cli_now();
    memcpy(run->shared->slots, &stamp, sizeof stamp);
    atomic_fetch_add(&run->shared->futex, 1);
    cli_futex_wake(&run->shared->futex);
  }
  ret_figure->value = 0;
  return CLI_DONE;
}

static int wake_peer(bench_run *run) {
  uint32_t seen = 0;
  uint64_t count = 0;
  while (!stopped(run)) {
    cli_futex_wait(&run->shared->futex, seen, 50000000);
    int64_t now = cli_now(), stamp;
    uint32_t word = atomic_load(&run->shared->futex);
    if (word == seen) continue;
    seen = word;
    memcpy(&stamp, run->shared->slots, sizeof stamp);
    if (count < BENCH_SAMPLES) run->shared->samples[count++] = now - stamp;
  }
  run->shared->sample_count = count;
  return CLI_DONE;
}

int bench_bare_main(bench_run *run, bench_figure *ret_figure) {
  switch (run->job->work) {
    case BENCH_ROUND_TRIP: return round_trip_main(run, ret_figure);
    case BENCH_WAKE: return wake_main(run, ret_figure);
    default: return one_way_main(run, ret_figure);
  }
}

int bench_bare_peer(bench_run *run) {
  switch (run->job->work) {
    case BENCH_ROUND_TRIP: return round_trip_peer(run);
    case BENCH_WAKE: return wake_peer(run);
    default: return one_way_peer(run);
  }
}
