/* bench/peers/inherit.h: descriptors that the parent makes and every side inherits, found by link and reader. */
#ifndef BENCH_INHERIT_H
#define BENCH_INHERIT_H

#include <stdio.h>
#include <stdlib.h>

#include "../peer.h"

/* Remembers, for the sides, which descriptors belong to a link to or from a reader. */
static inline bool leave_descriptors(uint32_t link, uint32_t reader, int reading, int writing) {
  char key[32], value[32];
  snprintf(key, sizeof key, "BENCH_LINK_%u_%u", link, reader);
  snprintf(value, sizeof value, "%d %d", reading, writing);
  return setenv(key, value, 1) == 0;
}

static inline bool take_descriptors(uint32_t link, uint32_t reader, int *ret_reading, int *ret_writing) {
  char key[32];
  snprintf(key, sizeof key, "BENCH_LINK_%u_%u", link, reader);
  const char *value = getenv(key);
  return value && sscanf(value, "%d %d", ret_reading, ret_writing) == 2;
}

/* Links that there are in this job. */
static inline uint32_t links_of(const peer_job *job) { return job->answers ? 2 : 1; }
static inline uint32_t readers_of(const peer_job *job, uint32_t link) { return link == 0 ? job->readers : 1; }

#endif
