/* cli/bench_queue.c: streams of several writers, and queues, timed. The other arm is one writer, or one reader, of the same work. */
#include "bench.h"

#include "system_bench.h"
#include "system.h"

static const char name[] = "shared";
enum { RUN = 16, BATCH = 64, MOST = 8, SLOTS = 32, DEATHS = 5 };

/* The gates of readers and writers, in the room that only the bare arms use otherwise. */
static bench_gate *gate(const bench_run *run, uint32_t index) { return (bench_gate *)(void *)run->shared->slots + index; }

static int open_stream(const bench_run *run, int role, tarn_stream **ret_stream) {
  tarn_options options = {.struct_size = sizeof options, .slots = SLOTS};
  if (role == TARN_WRITER && run->job->writers > 1) options.flags |= TARN_MANY_WRITERS;
  if (role == TARN_WRITER && (run->job->work == BENCH_QUEUE || run->job->work == BENCH_REDELIVERY)) options.flags |= TARN_QUEUE;
  int result = tarn_stream_open(ret_stream, name, role, &options, INT64_C(10000000000));
  return result == 0 ? CLI_DONE : cli_fail_result(result, name);
}

/* ---- Writers -------------------------------------------------------------------------------------------------------------- */

/* Write for a while; how many went is in the writer's gate. */
static int write_for(bench_run *run, uint32_t index) {
  tarn_stream *stream = NULL;
  int code = open_stream(run, TARN_WRITER, &stream);
  if (code != CLI_DONE) return code;
  tarn_piece pieces[RUN];
  for (int i = 0; i < RUN; i++) pieces[i] = (tarn_piece){run->payload, run->job->bytes, 0};
  while (atomic_load(&run->shared->ready.word) < 2) bench_relax();
  int64_t end = cli_now() + run->job->run_ns;
  uint64_t count = 0;
  int result = 0;
  for (uint64_t i = 0; result == 0 && ((i & 63) != 0 || cli_now() < end); i++) {
    uint32_t sent = 1;
    result = run->job->work != BENCH_WRITERS ? tarn_stream_put_batch(stream, pieces, RUN, &sent, TARN_FOREVER)
                                             : tarn_stream_put(stream, run->payload, run->job->bytes, NULL, TARN_FOREVER);
    if (result == 0) count += sent;
  }
  tarn_stream_close(stream);
  atomic_store(&gate(run, index)->word, count);
  return result == 0 ? CLI_DONE : cli_fail_result(result, name);
}

typedef struct helper_task {
  bench_run *run;
  uint32_t index;
} helper_task;

/* The reader is on processor 1. Its own, unless it is asked what that is worth. */
static int write_as_helper(void *argument) {
  helper_task *task = argument;
  if (task->run->job->work == BENCH_RUNS_BESIDE)
    cli_pin((int)(task->index & 1));
  else
    cli_pin_apart((int)task->index, 1);
  return write_for(task->run, task->index);
}

/* Start this many processes besides this one; wait for all. */
static int start_helpers(bench_run *run, uint32_t count, int (*body)(void *), intptr_t *ret_helpers) {
  for (uint32_t i = 0; i < count; i++) {
    helper_task task = {run, i + 1};
    if (!cli_start_peer(&ret_helpers[i], body, &task)) return cli_fail_system("start", "one more process");
  }
  return CLI_DONE;
}

static int await_helpers(uint32_t count, const intptr_t *helpers) {
  int code = CLI_DONE;
  for (uint32_t i = 0; i < count; i++)
    if (cli_wait_peer(helpers[i]) != CLI_DONE) code = cli_fail(CLI_OTHER, "one of the processes failed");
  return code;
}

/* The clock stops when everything is read. */
static int writers_main(bench_run *run, bench_figure *ret_figure) {
  intptr_t helpers[MOST];
  tarn_stream *keeper = NULL; /* makes it, so that readers find it; the one writer writes itself */
  uint32_t others = run->job->writers - 1;
  int code = others ? open_stream(run, TARN_WRITER, &keeper) : CLI_DONE;
  if (code == CLI_DONE) code = start_helpers(run, others, write_as_helper, helpers);
  int64_t start = cli_now();
  if (code == CLI_DONE) code = write_for(run, 0);
  int helped = await_helpers(others, helpers);
  if (code == CLI_DONE) code = helped;
  tarn_stream_close(keeper);
  uint64_t count = 0;
  for (uint32_t i = 0; i < run->job->writers; i++) count += atomic_load(&gate(run, i)->word);
  while (code == CLI_DONE && atomic_load(&run->shared->done.word) < count) bench_relax();
  ret_figure->value = (double)count * 1e9 / (double)(cli_now() - start);
  return code;
}

static int writers_peer(bench_run *run) {
  tarn_stream *stream = NULL;
  int code = open_stream(run, TARN_READER, &stream);
  if (code != CLI_DONE) return code;
  atomic_store(&run->shared->ready.word, 2);
  tarn_item items[BATCH];
  uint64_t count = 0;
  uint32_t got;
  int result;
  while ((result = tarn_stream_read_batch(stream, items, BATCH, &got, TARN_FOREVER)) == 0) {
    for (uint32_t i = 0; i < got; i++) run->payload[0] ^= (unsigned char)bench_sum(items[i].data, items[i].size_bytes);
    tarn_stream_release_batch(stream, items, got);
    atomic_store(&run->shared->done.word, count += got);
  }
  tarn_stream_close(stream);
  return result == TARN_NO_WRITER ? CLI_DONE : cli_fail_result(result, name);
}

/* ---- Readers of a queue ------------------------------------------------------------------------------------------------------- */

static int queue_main(bench_run *run, bench_figure *ret_figure) {
  tarn_stream *stream = NULL;
  int code = open_stream(run, TARN_WRITER, &stream), result = 0;
  if (code != CLI_DONE) return code;
  while (atomic_load(&run->shared->ready.word) < 1 + run->job->readers) cli_sleep(100000);
  uint64_t count = 0, done = 0;
  int64_t start = cli_now(), end = start + run->job->run_ns;
  while (result == 0 && ((count & 63) != 0 || cli_now() < end)) {
    result = tarn_stream_put(stream, run->payload, run->job->bytes, NULL, TARN_FOREVER);
    count += result == 0;
  }
  while (result == 0 && done < count) {
    done = 0;
    for (uint32_t i = 0; i < run->job->readers; i++) done += atomic_load(&gate(run, i)->word);
  }
  ret_figure->value = (double)count * 1e9 / (double)(cli_now() - start);
  tarn_stream_close(stream);
  return result == 0 ? CLI_DONE : cli_fail_result(result, name);
}

static int take_all(bench_run *run, uint32_t index) {
  tarn_stream *stream = NULL;
  int code = open_stream(run, TARN_READER, &stream), result;
  if (code != CLI_DONE) return code;
  atomic_fetch_add(&run->shared->ready.word, 1);
  tarn_item item;
  for (uint64_t count = 0; (result = tarn_stream_read(stream, &item, TARN_FOREVER)) == 0;) {
    run->payload[0] ^= (unsigned char)bench_sum(item.data, item.size_bytes);
    tarn_stream_release(stream, &item);
    atomic_store(&gate(run, index)->word, ++count);
  }
  tarn_stream_close(stream);
  return result == TARN_NO_WRITER ? CLI_DONE : cli_fail_result(result, name);
}

static int take_as_helper(void *argument) {
  helper_task *task = argument;
  cli_pin(1 - (int)(task->index & 1));
  return take_all(task->run, task->index);
}

static int queue_peer(bench_run *run) {
  intptr_t helpers[MOST];
  int code = start_helpers(run, run->job->readers - 1, take_as_helper, helpers);
  if (code == CLI_DONE) code = take_all(run, 0);
  int helped = await_helpers(run->job->readers - 1, helpers);
  return code == CLI_DONE ? helped : code;
}

/* ---- Redelivery after a kill: from the last line of the dead one to the first of the other ---------------------------------------- */

static int take_and_die(void *argument) {
  bench_run *run = ((helper_task *)argument)->run;
  tarn_stream *stream = NULL;
  tarn_item item;
  int code = open_stream(run, TARN_READER, &stream);
  if (code != CLI_DONE || tarn_stream_read(stream, &item, TARN_FOREVER) != 0) return CLI_OTHER;
  uint64_t number = item.number;
  atomic_store(&run->shared->head.word, number); /* it is taken: the other begins to wait */
  while (atomic_load(&run->shared->tail.word) < number) cli_sleep(1000000);
  atomic_store(&gate(run, 0)->word, (uint64_t)cli_now());
  cli_die();
  return CLI_OTHER;
}

static int redelivery_main(bench_run *run, bench_figure *ret_figure) {
  tarn_stream *stream = NULL;
  int code = open_stream(run, TARN_WRITER, &stream), result = 0;
  if (code != CLI_DONE) return code;
  while (atomic_load(&run->shared->ready.word) < 2) cli_sleep(100000);
  for (uint64_t number = 1; number <= DEATHS && result == 0; number++) {
    intptr_t victim;
    helper_task task = {run, 0};
    if (!cli_start_peer(&victim, take_and_die, &task)) return cli_fail_system("start", "one more process");
    result = tarn_stream_put(stream, run->payload, run->job->bytes, NULL, TARN_FOREVER);
    while (atomic_load(&run->shared->head.word) < number) cli_sleep(100000);
    cli_sleep((int64_t)(20 + number * 11) * 1000000); /* the other is asleep, at different places of its slice */
    atomic_store(&run->shared->tail.word, number);
    cli_wait_peer(victim);
    while (atomic_load(&run->shared->done.word) < number) cli_sleep(1000000);
  }
  tarn_stream_close(stream);
  ret_figure->value = 0; /* measured by the peer */
  return result == 0 ? CLI_DONE : cli_fail_result(result, name);
}

static int redelivery_peer(bench_run *run) {
  tarn_stream *stream = NULL;
  tarn_item item;
  int code = open_stream(run, TARN_READER, &stream), result = 0;
  if (code != CLI_DONE) return code;
  atomic_store(&run->shared->ready.word, 2);
  for (uint64_t number = 1; number <= DEATHS && result == 0; number++) {
    while (atomic_load(&run->shared->head.word) < number) cli_sleep(100000);
    result = tarn_stream_read(stream, &item, TARN_FOREVER);
    if (result != 0) break;
    run->shared->samples[number - 1] = cli_now() - (int64_t)atomic_load(&gate(run, 0)->word);
    result = tarn_stream_release(stream, &item);
    run->shared->sample_count = number;
    atomic_store(&run->shared->done.word, number);
  }
  tarn_stream_close(stream);
  return result == 0 ? CLI_DONE : cli_fail_result(result, name);
}

int bench_queue_main(bench_run *run, bench_figure *ret_figure) {
  if (run->job->work == BENCH_REDELIVERY) return redelivery_main(run, ret_figure);
  return run->job->work == BENCH_QUEUE ? queue_main(run, ret_figure) : writers_main(run, ret_figure);
}

int bench_queue_peer(bench_run *run) {
  if (run->job->work == BENCH_REDELIVERY) return redelivery_peer(run);
  return run->job->work == BENCH_QUEUE ? queue_peer(run) : writers_peer(run);
}
