/* bench/side.c: what the writer and the readers do, whatever the peer. See docs/performance.md for what each work means.
 *
 * A message's first word is its number, or the time at which it was sent, or END; all others have one value in common, so that the sum
 * of what was read tells whether it arrived as it was sent.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compare.h"

#define END UINT64_MAX

typedef struct side {
  sheet *shared;
  const plan *plan;
  const peer *peer;
  figures *own;
  uint32_t number;   /* 0: the writer */
  void *out, *in;    /* ends of links */
  uint64_t *payload; /* plan->bytes of this side's own */
} side;

static int failed(const side *of, const char *what) {
  fprintf(stderr, "%s: %s %u could not %s: %s\n", of->peer->title, of->number == 0 ? "writer" : "reader", of->number, what,
          errno != 0 ? strerror(errno) : "see above");
  return 1;
}

static bool send_first_word(side *of, uint64_t word) {
  of->payload[0] = word;
  return of->peer->send(of->out, of->payload);
}

/* The next message's first word, the rest read; false when something failed. Content that is not `common` throughout is an error. */
static bool receive_word(side *of, uint64_t common, uint64_t *ret_word) {
  const uint64_t *message = of->peer->receive(of->in);
  if (!message) return false;
  uint64_t words = of->plan->bytes / 8;
  *ret_word = message[0];
  uint64_t sum = sum_words(message + 1, words - 1);
  of->peer->release(of->in);
  if (sum == common * (words - 1)) return true;
  errno = EBADMSG;
  return false;
}

enum { COMMON = 7 };

/* ---- There and back ------------------------------------------------------------------------------------------------- */

static int there_and_back(side *of) {
  int64_t start = now_ns(), last = start, end = start + of->plan->warm_ns;
  bool warm = of->plan->warm_ns == 0;
  begin_figures(of->own);
  for (uint64_t i = 0;; i++) {
    uint64_t word;
    if (!send_first_word(of, i)) return failed(of, "send");
    if (!receive_word(of, COMMON, &word) || word != i) return failed(of, "receive its answer");
    int64_t now = now_ns();
    if (warm) {
      record(of->own, now - last);
      of->own->count++;
    }
    last = now;
    if (now < end) continue;
    if (warm) break;
    warm = true;
    begin_figures(of->own);
    last = now_ns();
    end = last + of->plan->run_ns;
  }
  end_figures(of->own);
  return send_first_word(of, END) ? 0 : failed(of, "send");
}

static int answer(side *of) {
  begin_figures(of->own);
  for (;;) {
    uint64_t word;
    if (!receive_word(of, COMMON, &word)) return failed(of, "receive");
    if (word == END) break;
    if (!send_first_word(of, word)) return failed(of, "answer");
    of->own->count++;
  }
  end_figures(of->own);
  return 0;
}

/* ---- One way: the clock runs from the first message after warming up until the slowest reader has read the last ------- */

static int send_many(side *of) {
  int64_t end = now_ns() + of->plan->warm_ns;
  bool warm = false;
  uint64_t i = 0;
  uint64_t mask = of->plan->bytes < 4096 ? 63 : 0; /* how often to look at the clock */
  for (;; i++) {
    if ((i & mask) == 0 && now_ns() >= end) {
      if (warm) break;
      warm = true;
      begin_figures(of->own);
      end = of->own->begin_ns + of->plan->run_ns;
    }
    if (!send_first_word(of, i)) return failed(of, "send");
    if (warm) of->own->count++;
  }
  end_figures(of->own);
  return send_first_word(of, END) ? 0 : failed(of, "send");
}

static int receive_many(side *of) {
  begin_figures(of->own);
  for (uint64_t word, next = 0;; next++) {
    if (!receive_word(of, COMMON, &word)) return failed(of, "receive");
    if (word == END) break;
    errno = EBADMSG;
    if (word != next) return failed(of, "receive every message");
    of->own->count++;
  }
  end_figures(of->own);
  return 0;
}

/* ---- A reader that sleeps: messages at a steady rate, each with the time at which it was sent ------------------------- */

/* Before it come a few messages that say 0: what a peer does once for its first messages is not of interest here. */
enum { BEFORE = 40 };

static int send_at_a_rate(side *of) {
  for (int i = 0; i < BEFORE; i++) {
    if (!send_first_word(of, 0)) return failed(of, "send");
    sleep_until(now_ns() + 1000000);
  }
  int64_t period = 1000000000 / of->plan->rate_hz, next = now_ns() + period;
  int64_t end = next + of->plan->run_ns;
  begin_figures(of->own);
  while (of->plan->count ? of->own->count < of->plan->count : next <= end) {
    sleep_until(next);
    if (!send_first_word(of, (uint64_t)now_ns())) return failed(of, "send");
    of->own->count++;
    next += period;
  }
  end_figures(of->own);
  return send_first_word(of, END) ? 0 : failed(of, "send");
}

static int receive_asleep(side *of) {
  begin_figures(of->own);
  for (;;) {
    const uint64_t *message = of->peer->receive(of->in);
    if (!message) return failed(of, "receive");
    int64_t now = now_ns();
    uint64_t word = message[0];
    of->payload[0] ^= sum_words(message, of->plan->bytes / 8);
    of->peer->release(of->in);
    if (word == END) break;
    if (word == 0) {
      begin_figures(of->own);
      continue;
    }
    record(of->own, now - (int64_t)word);
    of->own->count++;
  }
  end_figures(of->own);
  return 0;
}

/* ---- The newest of a fast writer's values ------------------------------------------------------------------------------- */

static int send_newest(side *of) {
  int64_t end = now_ns() + of->plan->warm_ns;
  bool warm = false;
  begin_figures(of->own);
  for (uint64_t i = 1;; i++) {
    fill_payload(of->payload, of->plan->bytes, i);
    int64_t now = now_ns();
    if (now >= end && warm) break;
    if (now >= end) {
      warm = true;
      begin_figures(of->own);
      end = now_ns() + of->plan->run_ns;
    }
    if (!send_first_word(of, (uint64_t)now)) return failed(of, "send");
    if (warm) of->own->count++;
  }
  end_figures(of->own);
  /* A peer may drop even this one when its buffers are full: it is said until every reader has heard it. */
  for (int64_t last = now_ns() + 5000000000; atomic_load(&of->shared->ended) < of->plan->readers && now_ns() < last;) {
    if (!send_first_word(of, END)) return failed(of, "send");
    sleep_until(now_ns() + 1000000);
  }
  return 0;
}

/* Age: from the moment the value was given to the peer until every byte of it has been read here. */
static int receive_newest(side *of) {
  uint64_t words = of->plan->bytes / 8, last = 0;
  int64_t warm_end = now_ns() + of->plan->warm_ns;
  bool warm = false;
  begin_figures(of->own);
  for (;;) {
    const uint64_t *value = of->peer->receive(of->in);
    if (!value) return failed(of, "receive");
    uint64_t word = value[0], number = words > 1 ? value[1] : 0;
    uint64_t sum = sum_words(value + 1, words - 1);
    of->peer->release(of->in);
    if (word == END) break;
    int64_t now = now_ns();
    if (!warm && now >= warm_end) {
      warm = true;
      begin_figures(of->own);
    } else if (warm) {
      record(of->own, now - (int64_t)word);
      of->own->count++;
      of->own->torn += sum != number * (words - 1);
      of->own->passed += number > last ? number - last - 1 : 0;
    }
    last = number;
  }
  end_figures(of->own);
  return 0;
}

/* ---- The first message after start ------------------------------------------------------------------------------------- */

static int send_the_first(side *of) {
  begin_figures(of->own);
  if (!send_first_word(of, 1)) return failed(of, "send");
  end_figures(of->own);
  return 0;
}

static int receive_the_first(side *of) {
  uint64_t word;
  begin_figures(of->own);
  if (!receive_word(of, COMMON, &word)) return failed(of, "receive");
  of->own->first_ns = now_ns();
  of->own->count = 1;
  end_figures(of->own);
  return 0;
}

/* ---- What is held: a thousand messages there and back, then wait to be killed ------------------------------------------- */

/* Descriptors that the parent made (peers/inherit.h) were here before: one a link counts, as if each side had closed what it does not
 * use. */
static int64_t inherited_links(void) {
  int64_t count = 0;
  for (char **variable = environ; *variable; variable++) count += strncmp(*variable, "BENCH_LINK_", 11) == 0;
  return count;
}

static int hold(side *of, const holding *before) {
  for (uint64_t i = 0; i < 1000; i++) {
    uint64_t word;
    if (of->number == 0 && !send_first_word(of, i)) return failed(of, "send");
    if (!receive_word(of, COMMON, &word)) return failed(of, "receive");
    if (of->number != 0 && !send_first_word(of, word)) return failed(of, "answer");
  }
  holding held = holds_now();
  held.memory_bytes -= before->memory_bytes;
  held.descriptors += inherited_links() - before->descriptors;
  held.threads -= before->threads;
  held.mappings -= before->mappings;
  of->own->held = held;
  atomic_fetch_add(&of->shared->holding, 1);
  for (;;) pause();
}

/* ---- The limit of copying: one process copies into slots and reads them, nobody else is there ------------------------------- */

static int copy_alone(side *of) {
  uint64_t bytes = of->plan->bytes, slots = bytes < (1 << 18) ? (1 << 20) / bytes : 4, sum = 0;
  unsigned char *room = aligned_alloc(4096, (size_t)(slots * bytes + 4095) / 4096 * 4096);
  if (!room) return failed(of, "get memory");
  memset(room, 0, (size_t)(slots * bytes));
  begin_figures(of->own);
  for (int64_t end = of->own->begin_ns + of->plan->run_ns; now_ns() < end;)
    for (uint64_t i = 0; i < slots; i++, of->own->count++) {
      memcpy(room + i * bytes, of->payload, (size_t)bytes);
      sum += sum_words((const uint64_t *)(const void *)(room + i * bytes), bytes / 8);
    }
  end_figures(of->own);
  of->payload[0] = sum;
  free(room);
  return 0;
}

/* ---- Which side does what ------------------------------------------------------------------------------------------------ */

peer_job job_of(const plan *plan) {
  uint64_t most = (UINT64_C(4) << 20) / plan->bytes; /* messages of 4 MiB in all, but at least 4 and at most 1000 */
  return (peer_job){.name = plan->name,
                    .directory = plan->directory,
                    .bytes = plan->bytes,
                    .readers = plan->readers,
                    .most_waiting = most < 4      ? 4
                                    : most > 1000 ? 1000
                                                  : (uint32_t)most,
                    .answers = plan->work == WORK_ROUND_TRIP || plan->work == WORK_HELD,
                    .polls = plan->polls,
                    .newest = plan->work == WORK_NEWEST};
}

static bool open_links(side *of) {
  peer_job job = job_of(of->plan);
  bool writer = of->number == 0;
  void **to = writer ? &of->out : &of->in;
  *to = of->peer->open(&job, 0, writer, writer ? 0 : of->number - 1);
  if (!*to) return false;
  if (!job.answers) return true;
  void **back = writer ? &of->in : &of->out;
  *back = of->peer->open(&job, 1, !writer, 0);
  return *back != NULL;
}

static int do_work(side *of, const holding *before) {
  bool writer = of->number == 0;
  switch (of->plan->work) {
    case WORK_ROUND_TRIP:
      return writer ? there_and_back(of) : answer(of);
    case WORK_ONE_WAY:
      return writer ? send_many(of) : receive_many(of);
    case WORK_SLEEP:
      return writer ? send_at_a_rate(of) : receive_asleep(of);
    case WORK_NEWEST:
      return writer ? send_newest(of) : receive_newest(of);
    case WORK_COPY:
      return writer ? copy_alone(of) : 0;
    case WORK_FIRST:
      return writer ? send_the_first(of) : receive_the_first(of);
    default:
      return hold(of, before);
  }
}

int side_main(sheet *shared, uint32_t number) {
  void *module = dlopen(shared->plan.peer_file, RTLD_NOW);
  side of = {.shared = shared, .plan = &shared->plan, .number = number, .own = &shared->of[number]};
  of.peer = module ? dlsym(module, "bench_peer") : NULL;
  of.payload = aligned_alloc(4096, (size_t)(of.plan->bytes + 4095) / 4096 * 4096);
  if (!of.peer || !of.payload) {
    fprintf(stderr, "compare: %s\n", of.payload ? dlerror() : "no memory");
    return 1;
  }
  fill_payload(of.payload, of.plan->bytes, COMMON);
  holding before = holds_now();
  errno = 0;
  if (!open_links(&of)) return failed(&of, "open its links");
  pin_side(number);
  atomic_fetch_add(&shared->arrived, 1);
  while (of.plan->work != WORK_FIRST && atomic_load(&shared->arrived) < of.plan->readers + 1) sleep_until(now_ns() + 100000);
  errno = 0;
  int code = do_work(&of, &before);
  if (number != 0) atomic_fetch_add(&shared->ended, 1);
  for (int64_t last = now_ns() + 5000000000; number == 0 && atomic_load(&shared->ended) < of.plan->readers && now_ns() < last;)
    sleep_until(now_ns() + 200000);
  if (of.in) of.peer->close(of.in);
  if (of.out) of.peer->close(of.out);
  free(of.payload);
  return code;
}
