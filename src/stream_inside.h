/* stream_inside.h: what the files of a stream share. The protocol and its argument are in stream.c. */
#ifndef TN_STREAM_INSIDE_H
#define TN_STREAM_INSIDE_H

#include <tarn/stream.h>

#include "channel.h"
#include "poll_handle.h"
#include "record.h"

enum {
  TN_STEPS = 16,      /* boundaries that a writer remembers in each lap */
  TN_BOUNDARIES = 64, /* room for them; a power of two, more than twice TN_STEPS */
  TN_OUT_MAX = 1024   /* items a reader may hold; a power of two */
};

/* A place where a record begins. */
typedef struct tn_boundary {
  uint64_t position, number;
} tn_boundary;

struct tarn_stream {
  tn_channel channel;
  unsigned char *ring;
  uint64_t ring_bytes, mask;
  uint64_t header_bytes; /* of a message: 16 or 32 */
  uint64_t longest;      /* payload */
  tn_poll *poll;

  /* The end of what this handle wrote, or the place of what it reads next. */
  tn_atomic64 position; /* atomic because the thread behind the poll handle reads it; written by the owner's thread only */
  uint64_t number;      /* of the next message */

  /* writer */
  uint64_t limit; /* [own] bytes below it may be written without looking at readers */
  uint64_t floor; /* position, as published */
  int64_t asked_ns; /* when the kernel was last asked about readers in the way of a claim that does not wait */
  int claimed;
  uint64_t claim_at; /* where the record will lie: position, or the next start of the ring */
  uint64_t claim_bytes;
  tn_boundary boundaries[TN_BOUNDARIES]; /* the oldest at `first`, all in (floor, position] but the first, which is the floor */
  uint32_t first, count;
  uint64_t next_boundary;        /* position from which the next one is remembered */
  uint64_t put_items, put_bytes; /* statistics */

  /* reader and observer */
  uint64_t term;                     /* the writer's term word when an item was last given */
  uint64_t given_items, given_bytes; /* statistics */
  int racing;              /* 1: the writer does not wait for this reader (TARN_OVERWRITE, or an observer): look at the floor */
  int started;             /* 1: an item was given, or a number asked for: a gap counts as missed */
  uint64_t wanted;         /* messages below this number are passed over unseen */
  uint64_t missed;         /* since the last item */
  uint64_t oldest, newest; /* counters of the items that are out: oldest not released, next to give */
  struct {
    uint64_t position; /* where the item's record begins */
    uint64_t number;
    int released;
  } out[TN_OUT_MAX];
  uint32_t empties;
  int closed;
};

static inline tn_record *tn_stream_record(const tarn_stream *stream, uint64_t position) {
  return (tn_record *)(void *)(stream->ring + (position & stream->mask));
}

/* relaxed: the owner's own word, or a guess of the poll thread */
static inline uint64_t tn_stream_position(const tarn_stream *stream) { return tn_load_relaxed(&stream->position); }

/* stream.c: latches. */
void tn_latch_store(tn_latch *latch, uint64_t position, uint64_t number);
tn_boundary tn_latch_load(const tn_latch *latch);

/* What the record at a position says: its extent and whether it is a message, or why it cannot be. */
typedef struct tn_sight {
  uint64_t word, extent;
  int message; /* 1 message, 0 skip */
} tn_sight;
/* 1 a visible record that lies wholly within the ring; 0 nothing visible; -1 a word that cannot be. */
static inline int tn_stream_see(const tarn_stream *stream, uint64_t position, tn_sight *ret_sight) {
  uint64_t word = tn_load_acquire(&tn_stream_record(stream, position)->word); /* [S1] acquire: the record before its word */
  uint64_t room = stream->ring_bytes - (position & stream->mask), length = tn_record_length(word);
  ret_sight->word = word;
  ret_sight->extent = 0;
  ret_sight->message = word >> TN_KIND_SHIFT == (TN_VISIBLE >> TN_KIND_SHIFT | TN_MESSAGE);
  if (ret_sight->message && length <= stream->longest) {
    ret_sight->extent = tn_record_extent(stream->header_bytes, length);
    return ret_sight->extent <= room ? 1 : -1;
  }
  if (!(word & TN_VISIBLE)) return 0;
  if (tn_record_kind(word) != TN_SKIP || length >= stream->ring_bytes) return -1;
  ret_sight->extent = tn_record_extent(TN_UNIT, length);
  return ret_sight->extent <= room ? 1 : -1;
}

/* stream_floor.c: the writer's room. */
int tn_stream_take_over(tarn_stream *stream);
/* The end has reached next_boundary: remember it. */
void tn_stream_remember(tarn_stream *stream);
/* May bytes below end be written? Looks at the readers if need be: 1 yes, 0 no. */
int tn_stream_raise_limit(tarn_stream *stream, uint64_t end);
/* Clear up after dead readers that stand in the way of end. 1 if there was one, 0, negative. */
int tn_stream_reap(tarn_stream *stream, uint64_t end);
/* The cursor that must be reached before end may be written. */
uint64_t tn_stream_need(const tarn_stream *stream, uint64_t end);

/* stream_read.c */
int tn_stream_start(tarn_stream *stream);
int tn_stream_something(const tarn_stream *stream);

#endif
