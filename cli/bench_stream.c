/* cli/bench_stream.c: what a user's program would do with streams, timed. */
#include "bench.h"

#include "system_bench.h"
#include "system.h"

#include <string.h>

static const char there[] = "there", back[] = "back";
enum { BATCH = 64, SLOTS = 128, MANY_SLOTS = 1024, BENCH_LARGE = 4096 };

static bool stopped(const bench_run *run) { return atomic_load_explicit(&run->shared->stop.word, memory_order_relaxed) != 0; }

/* Who waits for an answer spins, and so does who moves large messages: that is compared with copying alone. Who is woken, or may sleep, does
 * what the library thinks best. */
static int open_stream(const bench_run *run, const char *name, int role, tarn_stream **ret_stream) {
  int polls = run->job->work == BENCH_ROUND_TRIP || run->job->work == BENCH_HAND_OVER || run->job->bytes >= BENCH_LARGE;
  tarn_options options = {.struct_size = sizeof options,
                          .slots = run->job->readers < SLOTS ? SLOTS : MANY_SLOTS,
                          .size_bytes = role == TARN_WRITER ? run->job->ring_bytes : 0,
                          .spin_ns = polls ? TARN_SPIN_ONLY : 0};
  int result = tarn_stream_open(ret_stream, name, role, &options, INT64_C(10000000000));
  return result == 0 ? CLI_DONE : cli_fail_result(result, name);
}

/* One message, as the work demands it: copied, or only handed over. */
static int send_one(const bench_run *run, tarn_stream *stream) {
  if (run->job->work != BENCH_HAND_OVER) return tarn_stream_put(stream, run->payload, run->job->bytes, NULL, TARN_FOREVER);
  void *room;
  int result = tarn_stream_claim(stream, run->job->bytes, &room, TARN_FOREVER);
  return result == 0 ? tarn_stream_publish(stream, run->job->bytes, NULL) : result;
}

static int receive_one(const bench_run *run, tarn_stream *stream, int64_t timeout_ns) {
  tarn_item item;
  int result = tarn_stream_read(stream, &item, timeout_ns);
  if (result != 0) return result;
  if (run->job->work != BENCH_HAND_OVER) run->payload[0] ^= (unsigned char)bench_sum(item.data, item.size_bytes);
  return tarn_stream_release(stream, &item);
}

/* ---- There and back -------------------------------------------------------------------------------------------------- */

static int round_trip_main(bench_run *run, bench_figure *ret_figure) {
  tarn_stream *out = NULL, *in = NULL;
  int code = open_stream(run, there, TARN_WRITER, &out);
  if (code == CLI_DONE) code = open_stream(run, back, TARN_READER, &in);
  uint64_t count = 0;
  int64_t start = cli_now(), last = start;
  while (code == CLI_DONE && last - start < run->job->run_ns) {
    int result = send_one(run, out);
    if (result == 0) result = receive_one(run, in, TARN_FOREVER);
    if (result != 0) code = cli_fail_result(result, back);
    int64_t now = cli_now();
    run->samples[count++ & (BENCH_SAMPLES - 1)] = now - last;
    last = now;
  }
  bench_percentiles(run->samples, count < BENCH_SAMPLES ? count : BENCH_SAMPLES, ret_figure);
  ret_figure->value = ret_figure->p50;
  tarn_stream_close(in);
  tarn_stream_close(out);
  return code;
}

static int round_trip_peer(bench_run *run) {
  tarn_stream *in = NULL, *out = NULL;
  int code = open_stream(run, back, TARN_WRITER, &out);
  if (code == CLI_DONE) code = open_stream(run, there, TARN_READER, &in);
  int result = 0;
  while (code == CLI_DONE && result == 0) {
    result = receive_one(run, in, TARN_FOREVER);
    if (result == 0) result = send_one(run, out);
  }
  if (code == CLI_DONE && result != TARN_NO_WRITER) code = cli_fail_result(result, there);
  tarn_stream_close(in);
  tarn_stream_close(out);
  return code;
}

/* ---- One way --------------------------------------------------------------------------------------------------------- */

static int send_many(const bench_run *run, tarn_stream *stream, int64_t run_ns, uint64_t *ret_count) {
  tarn_piece pieces[BATCH];
  for (int i = 0; i < BATCH; i++) pieces[i] = (tarn_piece){run->payload, run->job->bytes, 0};
  int64_t end = cli_now() + run_ns;
  uint64_t i = 0;
  int result = 0;
  while (result == 0 && ((i & 63) != 0 || cli_now() < end)) {
    uint32_t sent = 1;
    if (run->job->work == BENCH_BATCHES)
      result = tarn_stream_put_batch(stream, pieces, BATCH - (uint32_t)(i & 63), &sent, TARN_FOREVER);
    else
      result = tarn_stream_put(stream, run->payload, run->job->bytes, NULL, TARN_FOREVER);
    if (result == 0) i += sent;
  }
  *ret_count = i;
  return result;
}

/* Messages that go once around the ring before the clock starts: both sides have seen every page of it then, as the bare loop's have. */
static uint64_t one_lap(const bench_run *run) {
  uint64_t ring = run->job->ring_bytes != 0 ? run->job->ring_bytes : 1 << 20;
  return ring / (run->job->bytes + 16) + 1;
}

static int send_one_lap(const bench_run *run, tarn_stream *stream) {
  int result = 0;
  for (uint64_t i = one_lap(run); i != 0 && result == 0; i--)
    result = tarn_stream_put(stream, run->payload, run->job->bytes, NULL, TARN_FOREVER);
  while (result == 0 && atomic_load(&run->shared->tail.word) == 0 && !stopped(run)) bench_relax();
  return result;
}

/* The clock stops when the peer has read the last one. */
static int one_way_main(bench_run *run, bench_figure *ret_figure) {
  tarn_stream *stream = NULL;
  int code = open_stream(run, there, TARN_WRITER, &stream);
  if (code != CLI_DONE) return code;
  while (atomic_load(&run->shared->ready.word) < 2) bench_relax(); /* the reader has joined */
  uint64_t count = 0;
  int result = send_one_lap(run, stream);
  int64_t start = cli_now();
  if (result == 0) result = send_many(run, stream, run->job->run_ns, &count);
  tarn_stream_close(stream); /* which the peer learns when it has read everything */
  while (result == 0 && atomic_load(&run->shared->done.word) < one_lap(run) + count && !stopped(run)) bench_relax();
  ret_figure->value = (double)count * 1e9 / (double)(cli_now() - start);
  return result == 0 ? CLI_DONE : cli_fail_result(result, there);
}

static int receive_batch(const bench_run *run, tarn_stream *stream, uint32_t *ret_count) {
  tarn_item items[BATCH];
  int result = tarn_stream_read_batch(stream, items, BATCH, ret_count, TARN_FOREVER);
  if (result != 0) return result;
  for (uint32_t i = 0; i < *ret_count; i++) run->payload[0] ^= (unsigned char)bench_sum(items[i].data, items[i].size_bytes);
  return tarn_stream_release_batch(stream, items, *ret_count);
}

static int one_way_peer(bench_run *run) {
  tarn_stream *stream = NULL;
  int code = open_stream(run, there, TARN_READER, &stream);
  if (code != CLI_DONE) return code;
  atomic_store(&run->shared->ready.word, 2);
  uint64_t count = 0, lap = one_lap(run);
  int result = 0;
  while (result == 0) {
    uint32_t got = 1;
    result = run->job->work == BENCH_BATCHES ? receive_batch(run, stream, &got) : receive_one(run, stream, TARN_FOREVER);
    if (result != 0) break;
    count += got;
    if (count >= lap && count - got < lap) atomic_store(&run->shared->tail.word, count);
  }
  atomic_store(&run->shared->done.word, count);
  tarn_stream_close(stream);
  return result == TARN_NO_WRITER ? CLI_DONE : cli_fail_result(result, there);
}

/* ---- Wake ------------------------------------------------------------------------------------------------------------- */

static int wake_main(bench_run *run, bench_figure *ret_figure) {
  tarn_stream *stream = NULL;
  int code = open_stream(run, there, TARN_WRITER, &stream);
  if (code != CLI_DONE) return code;
  int64_t end = cli_now() + run->job->run_ns;
  int result = 0;
  while (result == 0 && cli_now() < end) {
    cli_sleep(1000000);
    int64_t stamp = cli_now();
    result = tarn_stream_put(stream, &stamp, sizeof stamp, NULL, TARN_FOREVER);
  }
  tarn_stream_close(stream);
  ret_figure->value = 0;
  return result == 0 ? CLI_DONE : cli_fail_result(result, there);
}

static int wake_peer(bench_run *run) {
  tarn_stream *stream = NULL;
  int code = open_stream(run, there, TARN_READER, &stream);
  if (code != CLI_DONE) return code;
  uint64_t count = 0;
  int result;
  for (;;) {
    int64_t stamp;
    tarn_item item;
    result = tarn_stream_get(stream, &stamp, sizeof stamp, &item, TARN_FOREVER);
    if (result != 0) break;
    if (count < BENCH_SAMPLES) run->shared->samples[count++] = cli_now() - stamp;
  }
  run->shared->sample_count = count;
  tarn_stream_close(stream);
  return result == TARN_NO_WRITER ? CLI_DONE : cli_fail_result(result, there);
}

/* ---- Fan-out: one reader that really reads, the others are cursors that keep up with it --------------------------------- */

static int fan_out_peer(bench_run *run) {
  tarn_stream *readers[MANY_SLOTS] = {0};
  int code = CLI_DONE;
  for (uint32_t i = 0; i < run->job->readers && code == CLI_DONE; i++)
    code = open_stream(run, there, TARN_READER, &readers[i]);
  if (code == CLI_DONE) {
    uint64_t *cursors[MANY_SLOTS];
    code = cli_bench_cursors(there, run->job->readers, cursors);
    atomic_store(&run->shared->ready.word, 2);
    uint64_t count = 0;
    int result = 0;
    while (code == CLI_DONE && (result = receive_one(run, readers[0], TARN_FOREVER)) == 0) {
      if (++count == one_lap(run)) atomic_store(&run->shared->tail.word, count);
      if (count % 512 == 0)
        for (uint32_t i = 1; i < run->job->readers; i++)
          __atomic_store_n(cursors[i], __atomic_load_n(cursors[0], __ATOMIC_RELAXED), __ATOMIC_RELEASE);
    }
    atomic_store(&run->shared->done.word, count);
    if (result != TARN_NO_WRITER) code = cli_fail_result(result, there);
  }
  for (uint32_t i = 0; i < run->job->readers; i++) tarn_stream_close(readers[i]);
  return code;
}

int bench_stream_main(bench_run *run, bench_figure *ret_figure) {
  switch (run->job->work) {
    case BENCH_ROUND_TRIP:
    case BENCH_HAND_OVER: return round_trip_main(run, ret_figure);
    case BENCH_WAKE: return wake_main(run, ret_figure);
    case BENCH_WRITERS:
    case BENCH_WRITER_RUNS:
    case BENCH_RUNS_BESIDE:
    case BENCH_QUEUE:
    case BENCH_REDELIVERY: return bench_queue_main(run, ret_figure);
    default: return one_way_main(run, ret_figure);
  }
}

int bench_stream_peer(bench_run *run) {
  switch (run->job->work) {
    case BENCH_ROUND_TRIP:
    case BENCH_HAND_OVER: return round_trip_peer(run);
    case BENCH_WAKE: return wake_peer(run);
    case BENCH_FAN_OUT: return fan_out_peer(run);
    case BENCH_WRITERS:
    case BENCH_WRITER_RUNS:
    case BENCH_RUNS_BESIDE:
    case BENCH_QUEUE:
    case BENCH_REDELIVERY: return bench_queue_peer(run);
    default: return one_way_peer(run);
  }
}
