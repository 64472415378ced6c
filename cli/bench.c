/* cli/bench.c: `tarn bench stream`, `tarn bench board`: which jobs there are, alternating arms, and the report. */
#include "bench.h"

#include "system_bench.h"
#include "system.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_ROUNDS = 101 };

static const struct {
  const char *name, *unit, *title;
  bool higher;
} works[] = {
    {"round_trip", "ns", "there and back", false},
    {"one_way", "msg/s", "one way", true},
    {"batch", "msg/s", "one way, batches of 64", true},
    {"hand_over", "ns", "handed over in place, there and back", false},
    {"fan_out", "msg/s", "publish to readers", true},
    {"wake", "ns", "wake a sleeping reader", false},
    {"writers", "msg/s", "several writers", true},
    {"writer_runs", "msg/s", "several writers, runs of 16", true},
    {"runs_beside", "msg/s", "runs of 16, some beside the reader", true},
    {"queue", "msg/s", "a queue", true},
    {"redelivery", "ns", "to another reader after a kill", false},
};

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)

static const bench_job stream_jobs[] = {
    {BENCH_ROUND_TRIP, TARN_KIND_STREAM, 8, 0, 1, 0, 1},
    {BENCH_ROUND_TRIP, TARN_KIND_STREAM, 48, 0, 1, 0, 1},
    {BENCH_ROUND_TRIP, TARN_KIND_STREAM, 64, 0, 1, 0, 1},
    {BENCH_ROUND_TRIP, TARN_KIND_STREAM, 256, 0, 1, 0, 1},
    {BENCH_ONE_WAY, TARN_KIND_STREAM, 48, 0, 1, 0, 1},
    {BENCH_ONE_WAY, TARN_KIND_STREAM, 64, 0, 1, 0, 1},
    {BENCH_BATCHES, TARN_KIND_STREAM, 48, 0, 1, 0, 1},
    {BENCH_ONE_WAY, TARN_KIND_STREAM, 64, 64 * KIB, 1, 0, 1},
    {BENCH_ONE_WAY, TARN_KIND_STREAM, 64, 256 * KIB, 1, 0, 1},
    {BENCH_ONE_WAY, TARN_KIND_STREAM, 64, 4 * MIB, 1, 0, 1},
    {BENCH_ONE_WAY, TARN_KIND_STREAM, 64, 16 * MIB, 1, 0, 1},
    {BENCH_ONE_WAY, TARN_KIND_STREAM, 64, 64 * MIB, 1, 0, 1},
    {BENCH_ONE_WAY, TARN_KIND_STREAM, 4 * KIB, 4 * MIB, 1, 0, 1},
    {BENCH_ONE_WAY, TARN_KIND_STREAM, MIB, 4 * MIB, 1, 0, 1},
    {BENCH_ONE_WAY, TARN_KIND_STREAM, 8 * MIB, 128 * MIB, 1, 0, 1},
    {BENCH_HAND_OVER, TARN_KIND_STREAM, 8 * MIB, 128 * MIB, 1, 0, 1},
    {BENCH_FAN_OUT, TARN_KIND_STREAM, 64, 8 * MIB, 1, 0, 1},
    {BENCH_FAN_OUT, TARN_KIND_STREAM, 64, 8 * MIB, 10, 0, 1},
    {BENCH_FAN_OUT, TARN_KIND_STREAM, 64, 8 * MIB, 100, 0, 1},
    {BENCH_FAN_OUT, TARN_KIND_STREAM, 64, 8 * MIB, 1000, 0, 1},
    {BENCH_WAKE, TARN_KIND_STREAM, 8, 0, 1, 0, 1},
    {BENCH_WRITERS, TARN_KIND_STREAM, 48, 0, 1, 0, 2},
    {BENCH_WRITERS, TARN_KIND_STREAM, 48, 0, 1, 0, 4},
    {BENCH_WRITER_RUNS, TARN_KIND_STREAM, 48, 0, 1, 0, 2},
    {BENCH_WRITER_RUNS, TARN_KIND_STREAM, 48, 0, 1, 0, 4},
    {BENCH_RUNS_BESIDE, TARN_KIND_STREAM, 48, 0, 1, 0, 2},
    {BENCH_RUNS_BESIDE, TARN_KIND_STREAM, 48, 0, 1, 0, 4},
    {BENCH_QUEUE, TARN_KIND_STREAM, 64, 0, 1, 0, 1},
    {BENCH_QUEUE, TARN_KIND_STREAM, 64, 0, 2, 0, 1},
    {BENCH_QUEUE, TARN_KIND_STREAM, 64, 0, 4, 0, 1},
    {BENCH_REDELIVERY, TARN_KIND_STREAM, 64, 0, 1, 0, 1},
};

static const bench_job board_jobs[] = {
    {BENCH_ROUND_TRIP, TARN_KIND_BOARD, 64, 0, 1, 0, 1},
    {BENCH_ROUND_TRIP, TARN_KIND_BOARD, KIB, 0, 1, 0, 1},
    {BENCH_ROUND_TRIP, TARN_KIND_BOARD, 64 * KIB, 0, 1, 0, 1},
    {BENCH_ROUND_TRIP, TARN_KIND_BOARD, MIB, 0, 1, 0, 1},
    {BENCH_ROUND_TRIP, TARN_KIND_BOARD, 8 * MIB, 0, 1, 0, 1},
};

/* What a job is held against: the bare arm of the same work; where there is none, Tarn with the smallest message or one reader. */
static int run_other(const bench_job *job, bench_figure *ret_figure) {
  bench_job other = *job;
  if (job->work == BENCH_HAND_OVER)
    other.bytes = 64;
  else if (job->work == BENCH_FAN_OUT || job->work == BENCH_QUEUE)
    other.readers = 1;
  else if (job->work == BENCH_WRITERS || job->work == BENCH_WRITER_RUNS || job->work == BENCH_RUNS_BESIDE)
    other.writers = 1;
  else if (job->work == BENCH_REDELIVERY)
    return CLI_DONE; /* there is nothing to hold it against but the promise of 100 ms */
  else
    return bench_arm(&other, BENCH_BARE, ret_figure);
  return bench_arm(&other, BENCH_TARN, ret_figure);
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static double median(double *values, size_t count) {
  qsort(values, count, sizeof *values, by_size);
  return values[count / 2];
}

/* All rounds of a job: the medians of both arms' figures, and of the ratios of neighbours. */
typedef struct outcome {
  bench_figure tarn, bare;
  double ratio, lowest, highest;
} outcome;

enum { FIELDS = sizeof(bench_figure) / sizeof(double) };

static void take_medians(const bench_figure *figures, size_t rounds, bench_figure *ret_figure) {
  double all[FIELDS][MOST_ROUNDS];
  for (size_t i = 0; i < rounds; i++) {
    double fields[FIELDS];
    memcpy(fields, &figures[i], sizeof fields);
    for (size_t k = 0; k < FIELDS; k++) all[k][i] = fields[k];
  }
  double medians[FIELDS];
  for (size_t k = 0; k < FIELDS; k++) medians[k] = median(all[k], rounds);
  memcpy(ret_figure, medians, sizeof medians);
}

static int run_job(const bench_job *job, size_t rounds, outcome *ret_outcome) {
  bench_figure tarn[MOST_ROUNDS] = {0}, bare[MOST_ROUNDS] = {0};
  double ratios[MOST_ROUNDS];
  for (size_t i = 0; i < rounds; i++) {
    int code = CLI_DONE;
    for (int half = 0; half < 2 && code == CLI_DONE; half++) /* who begins changes from round to round */
      code = (half == 0) == (i % 2 == 0) ? bench_arm(job, BENCH_TARN, &tarn[i]) : run_other(job, &bare[i]);
    if (code != CLI_DONE) return code;
    if (cli_interrupted()) return CLI_INTERRUPTED;
    ratios[i] = bare[i].value > 0 ? tarn[i].value / bare[i].value : 0;
  }
  take_medians(tarn, rounds, &ret_outcome->tarn);
  take_medians(bare, rounds, &ret_outcome->bare);
  ret_outcome->ratio = median(ratios, rounds);
  ret_outcome->lowest = ratios[0];
  ret_outcome->highest = ratios[rounds - 1];
  return CLI_DONE;
}

/* Messages of 4 KiB and more are a matter of bandwidth. */
static bool is_bulk(const bench_job *job) { return works[job->work].higher && job->bytes >= 4 * KIB; }

static void print_json(const bench_job *job, const outcome *result) {
  double scale = is_bulk(job) ? (double)job->bytes / 1e9 : 1;
  printf("{\"work\":\"%s\",\"kind\":\"%s\",\"bytes\":%llu,\"ring\":%llu,\"readers\":%u,\"writers\":%u,\"tarn\":%.6g,\"bare\":%.6g,\"unit\":\"%s\","
         "\"ratio\":%.4f,\"ratio_min\":%.4f,\"ratio_max\":%.4f,\"better\":\"%s\"",
         works[job->work].name, cli_kind_name((uint32_t)job->kind), (unsigned long long)job->bytes,
         (unsigned long long)(job->ring_bytes ? job->ring_bytes : MIB), job->readers, job->writers ? job->writers : 1,
         result->tarn.value * scale,
         result->bare.value * scale, is_bulk(job) ? "GB/s" : works[job->work].unit, result->ratio, result->lowest,
         result->highest, works[job->work].higher ? "higher" : "lower");
  if (!works[job->work].higher)
    printf(",\"p50\":%.0f,\"p99\":%.0f,\"p99.9\":%.0f,\"max\":%.0f,\"bare_p99\":%.0f,\"bare_p99.9\":%.0f,\"bare_max\":%.0f",
           result->tarn.p50, result->tarn.p99, result->tarn.p999, result->tarn.max, result->bare.p99, result->bare.p999,
           result->bare.max);
  printf("}\n");
}

static void print_row(const bench_job *job, const outcome *result) {
  char bytes[CLI_WORDS], ring[CLI_WORDS];
  double scale = is_bulk(job) ? (double)job->bytes / 1e9 : works[job->work].higher ? 1e-6 : 1;
  const char *unit = is_bulk(job) ? "GB/s" : works[job->work].higher ? "M msg/s" : "ns";
  printf("%-38s %8s  ring %8s  writers %u  readers %3u  %9.5g %-7s against %9.5g  ratio %5.2f (%.2f to %.2f)\n", works[job->work].title,
         cli_size_words(job->bytes, bytes), cli_size_words(job->ring_bytes ? job->ring_bytes : MIB, ring), job->writers ? job->writers : 1, job->readers,
         result->tarn.value * scale, unit, result->bare.value * scale, result->ratio, result->lowest, result->highest);
}

static bool is_among(const char *work, const bench_job *jobs, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(work, works[jobs[i].work].name) == 0) return true;
  return false;
}

static int run_jobs(const bench_job *jobs, size_t count, const cli_values *values) {
  char directory[256];
  if (values->work && !is_among(values->work, jobs, count))
    return cli_fail(CLI_USAGE, "--work %s: there is no such work here; `--help` lists what there is", values->work);
  if (!cli_make_bench_directory(directory, sizeof directory)) return cli_fail_system("make", "a directory to work in");
  int code = cli_set_environment("TARN_DIR", directory) ? CLI_DONE : cli_fail_system("use", directory);
  size_t rounds = values->given & CLI_ROUNDS ? (size_t)values->rounds : 5;
  if (rounds < 1 || rounds > MOST_ROUNDS) code = cli_fail(CLI_USAGE, "--rounds: 1 to %d", MOST_ROUNDS);
  cli_pin(0);
  for (size_t i = 0; i < count && code == CLI_DONE; i++) {
    bench_job job = jobs[i];
    job.run_ns = values->given & CLI_RUN_TIME ? values->run_ns : 200000000;
    if (values->work && strcmp(values->work, works[job.work].name) != 0) continue;
    outcome result = {0};
    code = run_job(&job, rounds, &result);
    if (code == CLI_DONE) (values->json ? print_json : print_row)(&job, &result);
    if (fflush(stdout) != 0) code = CLI_PIPE_CLOSED;
  }
  cli_remove_bench_directory(directory);
  return code;
}

int run_bench_stream(int count, char **operands, const cli_values *values) {
  (void)count, (void)operands;
  return run_jobs(stream_jobs, sizeof stream_jobs / sizeof *stream_jobs, values);
}

int run_bench_board(int count, char **operands, const cli_values *values) {
  (void)count, (void)operands;
  return run_jobs(board_jobs, sizeof board_jobs / sizeof *board_jobs, values);
}
