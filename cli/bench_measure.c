/* cli/bench_measure.c: reading payload, and what samples come to. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

uint64_t bench_sum(const void *data, uint64_t bytes) {
  const unsigned char *at = data;
  uint64_t sums[4] = {0};
  while (bytes >= 32) {
    uint64_t words[4];
    memcpy(words, at, 32);
    for (int i = 0; i < 4; i++) sums[i] += words[i];
    at += 32;
    bytes -= 32;
  }
  for (; bytes >= 8; at += 8, bytes -= 8) {
    uint64_t word;
    memcpy(&word, at, 8);
    sums[0] += word;
  }
  for (; bytes != 0; bytes--) sums[0] += *at++;
  return sums[0] + sums[1] + sums[2] + sums[3];
}

static int by_size(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

void bench_percentiles(int64_t *samples, uint64_t count, bench_figure *ret_figure) {
  if (count == 0) return;
  qsort(samples, (size_t)count, sizeof *samples, by_size);
  ret_figure->p50 = (double)samples[count / 2];
  ret_figure->p99 = (double)samples[count - 1 - count / 100];
  ret_figure->p999 = (double)samples[count - 1 - count / 1000];
  ret_figure->max = (double)samples[count - 1];
}
