/* cli/bench_board.c: what a user's program would do with boards, timed: put on one side, get on the other, and back. */
#include "bench.h"

#include "system.h"

#include <stdlib.h>

static const char there[] = "there", back[] = "back";

static int open_board(const char *name, int role, tarn_board **ret_board) {
  tarn_options options = {.struct_size = sizeof options, .spin_ns = TARN_SPIN_ONLY};
  int result = tarn_board_open(ret_board, name, role, &options, INT64_C(10000000000));
  return result == 0 ? CLI_DONE : cli_fail_result(result, name);
}

static int receive_one(const bench_run *run, tarn_board *board, int64_t timeout_ns) {
  tarn_item item;
  int result = tarn_board_read(board, &item, timeout_ns);
  if (result != 0) return result;
  run->payload[0] ^= (unsigned char)bench_sum(item.data, item.size_bytes);
  return tarn_board_release(board, &item);
}

int bench_board_main(bench_run *run, bench_figure *ret_figure) {
  tarn_board *out = NULL, *in = NULL;
  int code = open_board(there, TARN_WRITER, &out);
  if (code == CLI_DONE) code = open_board(back, TARN_READER, &in);
  uint64_t count = 0;
  int64_t start = cli_now(), last = start;
  while (code == CLI_DONE && last - start < run->job->run_ns) {
    int result = tarn_board_put(out, run->payload, run->job->bytes, NULL, TARN_FOREVER);
    if (result == 0) result = receive_one(run, in, TARN_FOREVER);
    if (result != 0) code = cli_fail_result(result, back);
    int64_t now = cli_now();
    run->samples[count++ & (BENCH_SAMPLES - 1)] = now - last;
    last = now;
  }
  bench_percentiles(run->samples, count < BENCH_SAMPLES ? count : BENCH_SAMPLES, ret_figure);
  ret_figure->value = ret_figure->p50;
  tarn_board_close(in);
  tarn_board_close(out);
  return code;
}

int bench_board_peer(bench_run *run) {
  tarn_board *in = NULL, *out = NULL;
  int code = open_board(back, TARN_WRITER, &out);
  if (code == CLI_DONE) code = open_board(there, TARN_READER, &in);
  int result = 0;
  while (code == CLI_DONE && result == 0) {
    result = receive_one(run, in, TARN_FOREVER);
    if (result == 0) result = tarn_board_put(out, run->payload, run->job->bytes, NULL, TARN_FOREVER);
  }
  if (code == CLI_DONE && result != TARN_NO_WRITER) code = cli_fail_result(result, there);
  tarn_board_close(in);
  tarn_board_close(out);
  return code;
}
