/* cli/bench_arms.c: one run of one arm: a directory and a map of its own, a peer on the other processor. */
#include "bench.h"

#include "system_bench.h"
#include "system.h"

#include <stdlib.h>
#include <string.h>

static const char control[] = "bench-control";

static uint64_t round_up_to_power(uint64_t value) {
  uint64_t power = 64;
  while (power < value) power *= 2;
  return power;
}

/* The bare slots are as many as the ring would hold, at least two. */
static void arrange(bench_run *run) {
  uint64_t ring = run->job->ring_bytes != 0 ? run->job->ring_bytes : 1 << 20;
  run->slot_bytes = (run->job->bytes + 63) / 64 * 64;
  if (run->slot_bytes == 0) run->slot_bytes = 64;
  run->slot_count = 2;
  while (run->slot_count * 2 * run->slot_bytes <= round_up_to_power(ring)) run->slot_count *= 2;
  if (run->job->bytes >= 4096) run->slot_bytes += 64; /* they lie as a stream's do: bench_bare.c */
}

typedef struct peer_task {
  bench_run *run;
  int arm;
} peer_task;

static int peer_body(void *argument) {
  peer_task *task = argument;
  bench_run *run = task->run;
  cli_pin(1);
  atomic_store(&run->shared->ready.word, 1);
  if (task->arm == BENCH_BARE) return bench_bare_peer(run);
  return run->job->kind == TARN_KIND_BOARD ? bench_board_peer(run) : bench_stream_peer(run);
}

static int run_main(bench_run *run, int arm, bench_figure *ret_figure) {
  while (atomic_load(&run->shared->ready.word) == 0) cli_sleep(100000); /* the peer begins on our processor */
  if (arm == BENCH_BARE) return bench_bare_main(run, ret_figure);
  return run->job->kind == TARN_KIND_BOARD ? bench_board_main(run, ret_figure) : bench_stream_main(run, ret_figure);
}

static int with_peer(bench_run *run, int arm, bench_figure *ret_figure) {
  peer_task task = {run, arm};
  intptr_t peer;
  if (!cli_start_peer(&peer, peer_body, &task)) return cli_fail_system("start", "the second process");
  int code = run_main(run, arm, ret_figure);
  atomic_store(&run->shared->stop.word, 1);
  if (run->job->work == BENCH_WAKE && arm == BENCH_BARE) cli_futex_wake(&run->shared->futex);
  int peer_code = cli_wait_peer(peer);
  if (code == CLI_DONE && peer_code != CLI_DONE) code = cli_fail(CLI_OTHER, "the second process failed (%d)", peer_code);
  if (code == CLI_DONE && (run->job->work == BENCH_WAKE || run->job->work == BENCH_REDELIVERY)) {
    bench_percentiles(run->shared->samples, run->shared->sample_count, ret_figure);
    ret_figure->value = ret_figure->p50;
  }
  return code;
}

int bench_arm(const bench_job *job, int arm, bench_figure *ret_figure) {
  bench_run run = {.job = job};
  arrange(&run);
  tarn_options options = {.struct_size = sizeof options, .flags = TARN_EXCLUSIVE | TARN_PREFAULT};
  options.size_bytes = sizeof(bench_shared) + run.slot_bytes * run.slot_count;
  tarn_map *map;
  tarn_view view;
  int result = tarn_map_open(&map, control, TARN_MAP_WRITE, &options, 0);
  if (result != 0) return cli_fail_result(result, control);
  result = tarn_map_view(map, 0, 0, &view);
  tarn_map_close(map);
  tarn_remove(control, TARN_KIND_MAP, 1); /* the peer inherits the view: the name is not needed */
  if (result != 0) return cli_fail_result(result, control);
  run.shared = view.data;
  run.payload = malloc((size_t)job->bytes + 64);
  run.samples = malloc(BENCH_SAMPLES * sizeof *run.samples);
  int code = run.payload && run.samples ? CLI_DONE : cli_fail(CLI_OTHER, "no memory");
  if (code == CLI_DONE) {
    memset(run.payload, 1, (size_t)job->bytes + 64);
    memset(run.samples, 0, BENCH_SAMPLES * sizeof *run.samples);
    code = with_peer(&run, arm, ret_figure);
  }
  free(run.samples);
  free(run.payload);
  tarn_view_close(&view);
  return code;
}
