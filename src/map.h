/* map.h: what map.c (views, resizing) and map_open.c (creating, opening, leaving) share. */
#ifndef TN_MAP_H
#define TN_MAP_H

#include <tarn/map.h>

#include "name.h"

/* Lock bytes of a raw map, where a channel's are too (docs/protocol.md). */
#define TN_MAP_USERS (UINT64_C(1) << 62)
#define TN_MAP_RESIZE (TN_MAP_USERS + 2)
#define TN_MAP_PROBE (TN_MAP_USERS + 3) /* to see whether locks conflict here */

struct tarn_map {
  tn_os_file file;  /* what views are made of; holds no lock once the map is open, so that views survive fork and close */
  tn_os_file users; /* a scoped map: the description that holds the users byte; else none */
  tn_place place;
  tarn_options options; /* as the caller gave them, defaults filled in */
  int access;           /* TARN_MAP_READ ... */
  int section;          /* 1: a named section; its size never changes */
  int inherits;         /* 1: a forked child has its own copy of file.handle; 0: the system closed it there */
  uint32_t flags;       /* TARN_MAP_CREATED, _KEPT, _ON_DISK */
  uint32_t granted;     /* TARN_MAP_HUGE ...: to every view so far */
  uint32_t views;       /* how many have been made, up to UINT32_MAX; 0: granted means nothing yet */
  uint32_t life;        /* tn_os_life() of the process that opened it */
  uint64_t section_bytes;
};

/* tn_map_join_or_make: fill file, users, flags of a handle whose place, options and access are set. 0, TARN_TIMED_OUT or a
 * failure with its sentence; then nothing is left open. */
int tn_map_join_or_make(tarn_map *map, int64_t timeout_ns);

/* tn_map_leave: close the files; the last user of a scoped map removes its name. */
void tn_map_leave(tarn_map *map);

/* tn_map_failed: the sentence for a call of the seam that failed while doing ("opening it"), with advice that fits the code.
 * Returns code. */
int tn_map_failed(const tarn_map *map, const char *doing, int code);

/* tn_map_no_space: the sentence for bytes that could not be reserved: how much there is, how much is needed, what to do. */
int tn_map_no_space(const tarn_map *map, const char *doing, uint64_t needed);

#endif
