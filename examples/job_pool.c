/* job_pool.c: a pool of workers that may be killed at any moment, and every job is done.
 *
 *   job_pool NAME send COUNT       gives out so many jobs
 *   job_pool NAME work             a worker: does jobs until it is killed, or all are done and nobody gives out more
 *   job_pool NAME collect COUNT    waits for the answers to all jobs, checks them, and says how many were done more than once
 *
 *   job_pool pool collect 500 & for i in 1 2 3 4; do job_pool pool work & done; job_pool pool send 500
 *   kill -9 any of the workers; start others; the answers come all the same
 *   tarn rm pool pool-answers      before another round: both are kept, and the answers of this one would be collected again
 *
 * Jobs go through a queue: each to one worker, which releases it when its answer is in the stream of answers. A worker that is killed
 * before it releases a job has not done it, as far as the queue knows: another worker gets it, marked TARN_AGAIN. If the first had
 * sent its answer already there are two, so whoever collects counts by the job's number (the tag), not by the answer.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tarn/tarn.h>

typedef struct job {
  uint64_t number, question;
} job;

/* Failures leave a sentence, outcomes such as TARN_TIMED_OUT do not. */
static int failed(const char *what, int result) {
  fprintf(stderr, "job_pool: %s: %s\n", what, result <= TARN_E_INVALID ? tarn_error_text() : tarn_result_name(result));
  return 1;
}

/* Some work: how many steps it takes to come to 1. */
static uint64_t answer(uint64_t question) {
  uint64_t steps = 0;
  for (int round = 0; round < 2000; round++) {
    for (uint64_t n = question; n > 1; n = n % 2 == 0 ? n / 2 : 3 * n + 1) steps++;
  }
  return steps / 2000;
}

static const char *answers_of(const char *name) {
  static char answers[256];
  snprintf(answers, sizeof answers, "%s-answers", name);
  return answers;
}

/* Nobody minds who comes first; who waits for long says for what. */
static int open_patiently(tarn_stream **stream, const char *name, int role, const tarn_options *options) {
  int result = tarn_stream_open(stream, name, role, options, INT64_C(1000000000));
  if (result != TARN_TIMED_OUT) return result;
  fprintf(stderr, "job_pool: waiting for somebody to write %s; Ctrl-C ends it\n", name);
  return tarn_stream_open(stream, name, role, options, TARN_FOREVER);
}

/* Kept, so that workers may all be dead for a while. */
static int open_jobs(tarn_stream **jobs, const char *name, int role) {
  const tarn_options options = {.struct_size = sizeof options,
                                .flags = role == TARN_WRITER ? TARN_KEPT | TARN_QUEUE | TARN_MANY_WRITERS : 0};
  return open_patiently(jobs, name, role, &options);
}

static int open_answers(tarn_stream **answers, const char *name, int role) {
  const tarn_options options = {.struct_size = sizeof options,
                                .flags = role == TARN_WRITER ? TARN_KEPT | TARN_MANY_WRITERS : 0};
  return open_patiently(answers, answers_of(name), role, &options);
}

static int send_jobs(const char *name, uint64_t count) {
  tarn_stream *jobs;
  int result = open_jobs(&jobs, name, TARN_WRITER);
  for (uint64_t i = 0; result == 0 && i < count; i++) {
    const job one = {i, 1000000 + i * 7919};
    result = tarn_stream_put(jobs, &one, sizeof one, NULL, TARN_FOREVER);
  }
  if (result != 0) return failed("send", result);
  tarn_stream_close(jobs);
  return 0;
}

static int work(const char *name) {
  tarn_stream *jobs, *answers;
  tarn_item item;
  int result = open_jobs(&jobs, name, TARN_READER);
  if (result == 0) result = open_answers(&answers, name, TARN_WRITER);
  while (result == 0 && (result = tarn_stream_read(jobs, &item, TARN_FOREVER)) == 0) {
    job one;
    memcpy(&one, item.data, sizeof one);
    const uint64_t found = answer(one.question);
    const tarn_about about = {.struct_size = sizeof about, .tag = one.number};
    result = tarn_stream_put(answers, &found, sizeof found, &about, TARN_FOREVER);
    if (result == 0) result = tarn_stream_release(jobs, &item); /* only now it is done */
  }
  if (result != TARN_NO_WRITER) return failed("work", result);
  tarn_stream_close(answers);
  tarn_stream_close(jobs);
  return 0;
}

static int collect(const char *name, uint64_t count) {
  tarn_stream *answers;
  tarn_item item;
  uint64_t found, done = 0, twice = 0;
  char *seen = calloc(1, (size_t)count + 1);
  int result = open_answers(&answers, name, TARN_READER);
  while (seen != NULL && result == 0 && done < count) {
    result = tarn_stream_get(answers, &found, sizeof found, &item, TARN_FOREVER);
    if (result == TARN_NO_WRITER) {
      result = 0; /* all workers are dead just now: others will come */
    } else if (result == 0 && (item.tag >= count || found != answer(1000000 + item.tag * 7919))) {
      fprintf(stderr, "job_pool: the answer to job %" PRIu64 " is wrong\n", item.tag);
      return 1;
    } else if (result == 0) {
      twice += seen[item.tag] != 0;
      done += seen[item.tag] == 0;
      seen[item.tag] = 1;
    }
  }
  if (result != 0 || seen == NULL) return failed("collect", result);
  printf("all %" PRIu64 " jobs are done, %" PRIu64 " of them more than once\n", done, twice);
  tarn_stream_close(answers);
  free(seen);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[2], "send") == 0) return send_jobs(argv[1], strtoull(argv[3], NULL, 10));
  if (argc == 3 && strcmp(argv[2], "work") == 0) return work(argv[1]);
  if (argc == 4 && strcmp(argv[2], "collect") == 0) return collect(argv[1], strtoull(argv[3], NULL, 10));
  fprintf(stderr, "usage: job_pool NAME send COUNT | work | collect COUNT\n");
  return 2;
}
