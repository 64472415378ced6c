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
  TN_OUT_MAX = 1024,  /* items a reader may hold; a power of two */
  TN_MOVES_MAX = 1000 /* how often one look may find that its place has moved: more often it does so only before hostile bytes */
};

/* A place where a record begins. */
typedef struct tn_boundary {
  uint64_t position, number;
} tn_boundary;

/* The short paths. Most calls find everything as the last one left it: a writer with nothing claimed puts something small without times, a reader whom nobody overtakes
 * and who has nothing out reads, and releases that one item. `path` says which of these may be taken now, so that one comparison stands for
 * all conditions; every other call goes the long way, after tn_stream_long, and opens the short one again with tn_stream_short. */
enum {
  TN_PATH_LONG = 0,
  TN_PATH_PUT,    /* writer: nothing is claimed, and messages have no times */
  TN_PATH_READ,   /* reader: not racing, nothing out, nothing to count or to pass over */
  TN_PATH_RELEASE /* the same, but the item before `number` is out, with token 1, and not in out[] yet */
};

struct tarn_stream {
  /* What the short paths use comes first, side by side. */
  uint32_t path;
  const tn_atomic32 *life_word; /* never NULL while the path is short */
  unsigned char *ring;
  uint64_t ring_bytes, mask;
  uint64_t header_bytes; /* of a message: 16 or 32 */
  uint64_t longest;      /* payload */
  tn_slot *slot;         /* own; NULL for observers */

  /* The end of what this handle wrote, or the place of what it reads next. */
  tn_atomic64 position; /* atomic because the thread behind the poll handle reads it; written by the owner's thread only */
  uint64_t number;      /* of the next message */
  uint64_t out_at;      /* TN_PATH_RELEASE: where the record of the item that is out begins */
  uint32_t streak;      /* reader: messages since it last had to wait */
  int given;            /* reader: 1 an item was given since the last wait */

  /* writer */
  uint64_t limit; /* [own] bytes below it may be written without looking at readers */
  uint64_t next_boundary; /* position from which the next one is remembered */

  tn_channel channel;
  tn_poll *poll;
  int writes; /* 1: the one writer; else see shared */
  int reads;  /* 1: a reader that is given every message, or an observer, and not closed */
  int shared; /* 1: claims are made under the lock: TARN_MANY_WRITERS, and every queue */
  int queue;  /* 1: TARN_QUEUE */
  int ring_writable;

  uint64_t floor; /* position, as published */
  int64_t asked_ns; /* when the kernel was last asked about readers in the way of a claim that does not wait */
  int claimed;
  uint64_t claim_at; /* where the record will lie: position, or the next start of the ring */
  uint64_t claim_bytes;
  tn_boundary boundaries[TN_BOUNDARIES]; /* the oldest at `first`, all in (floor, position] but the first, which is the floor */
  uint32_t first, count;

  /* reader and observer */
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

  /* one of many writers: what it has claimed, besides claim_at */
  uint64_t claim_number, claim_numbers; /* the first message number in it, and how many */
  uint64_t claim_word;                  /* as it stands in the ring */

  /* a queue's reader; items that are out are in `out`, at the index of their intent */
  tn_atomic64 *intents;       /* own row */
  uint64_t term;              /* the writer's term word when an item was last given */
  uint32_t out_count;         /* intents in use for items */
  uint32_t taken_next;        /* where a free one is looked for first */
  tn_atomic64 returned;       /* control's counter when the ring was last looked through from the head; written by the owner's thread */
  tn_atomic32 ask_now;        /* set by the thread behind the poll handle: it found a dead one */
  int64_t asked_takers_ns;    /* when the kernel was last asked about takers */
  uint32_t takes, takes_left; /* how many to take before the clock is read, and how many of them are left */
  struct tarn_stream *aside;  /* where messages go that were delivered too often; opened at the first */
};

static inline tn_record *tn_stream_record(const tarn_stream *stream, uint64_t position) {
  return (tn_record *)(void *)(stream->ring + (position & stream->mask));
}

/* relaxed: the owner's own word, or a guess of the poll thread */
static inline uint64_t tn_stream_position(const tarn_stream *stream) { return tn_load_relaxed(&stream->position); }

/* Is the handle this process's own, and is this its path? One branch for most that could be wrong. */
static inline int tn_stream_may(const tarn_stream *stream, uint32_t path) {
  return stream != NULL && stream->path == path &&
         tn_load_relaxed(stream->life_word) == tn_load_relaxed(&stream->channel.good_in); /* relaxed: as in tn_channel_is_mine */
}

/* Messages up to the number were given, which have so many bytes: for those who look on. Each store on the path of a message costs a
 * nanosecond: how many they were is not stored, but seen from their numbers (layout.h, `first`). */
static inline void tn_stream_given(const tarn_stream *stream, uint64_t bytes) {
  tn_slot *slot = stream->slot;
  tn_store_relaxed(&slot->bytes, tn_load_relaxed(&slot->bytes) + bytes); /* relaxed, all: statistics */
  tn_store_relaxed(&slot->next, stream->number);
}

/* A number that is another one after each message that was given or published, and after no other. */
static inline uint64_t tn_stream_progress(const tarn_stream *stream) {
  return stream->number - (stream->slot != NULL ? tn_load_relaxed(&stream->slot->stream.first) : 0); /* relaxed: own */
}

/* The one writer has published so many bytes; how many messages is seen from the end. */
static inline void tn_stream_sent(const tarn_stream *stream, uint64_t bytes) {
  tn_slot *slot = stream->slot;
  tn_store_relaxed(&slot->bytes, tn_load_relaxed(&slot->bytes) + bytes); /* relaxed, both: a statistic */
}

/* The long way begins: what the short one left aside is put where all can find it. */
static inline void tn_stream_long(tarn_stream *stream) {
  if (stream->path == TN_PATH_RELEASE) {
    stream->oldest = 0;
    stream->newest = 1;
    stream->out[0].position = stream->out_at;
    stream->out[0].number = stream->number - 1;
    stream->out[0].released = 0;
  }
  stream->path = TN_PATH_LONG;
}

/* A reader whom nobody overtakes, and who has nothing to count or to pass over. */
static inline int tn_stream_is_plain(const tarn_stream *stream) {
  return stream->reads && stream->slot != NULL && !stream->racing && stream->started && stream->missed == 0 &&
         stream->number >= stream->wanted;
}

/* The long way is over: is the short one open? */
static inline void tn_stream_short(tarn_stream *stream) {
  if (stream->life_word == NULL) return;
  if (stream->writes)
    stream->path = stream->claimed || stream->header_bytes != TN_UNIT ? TN_PATH_LONG : TN_PATH_PUT;
  else if (tn_stream_is_plain(stream) && stream->oldest == stream->newest)
    stream->path = TN_PATH_READ;
}

/* stream.c: latches. */
void tn_latch_store(tn_latch *latch, uint64_t position, uint64_t number);
tn_boundary tn_latch_load(const tn_latch *latch);

/* What the record at a position says: its extent and whether it is a message, or why it cannot be. */
typedef struct tn_sight {
  uint64_t word, extent;
  int message; /* 1 message, 0 skip */
  uint32_t numbers; /* skip: how many numbers went with it */
} tn_sight;
/* stream_queue.c: the same for records that only queues have; sets message to 1. */
int tn_queue_see(const tarn_stream *stream, uint64_t position, tn_sight *ret_sight);
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
  if (stream->queue && tn_record_kind(word) != TN_SKIP) return tn_queue_see(stream, position, ret_sight);
  if (tn_record_kind(word) != TN_SKIP || length >= stream->ring_bytes) return -1;
  ret_sight->numbers = tn_record_tag(tn_stream_record(stream, position));
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

/* What may be written if the floor stays where it is. */
void tn_stream_limit_from_floor(tarn_stream *stream);
/* Would there perhaps be room below end? A guess, without the lock. */
int tn_stream_may_fit(const tarn_stream *stream, uint64_t end);

/* stream_write.c: TARN_E_TOO_LARGE, in words. */
int tn_stream_too_large(const tarn_stream *stream, uint64_t size_bytes);

/* stream_many.c: the calls of writers that claim under the lock. */
int tn_many_join(tarn_stream *stream);
int tn_many_claim(tarn_stream *stream, uint64_t size_bytes, void **ret_room, int64_t timeout_ns);
int tn_many_publish(tarn_stream *stream, uint64_t size_bytes, const tarn_about *about);
int tn_many_abandon(tarn_stream *stream);
int tn_many_put(tarn_stream *stream, const tarn_piece *pieces, uint32_t count, uint64_t bytes, const tarn_about *about,
                int64_t timeout_ns);
int tn_many_put_batch(tarn_stream *stream, const tarn_piece *messages, uint32_t count, uint32_t *ret_count, int64_t timeout_ns);
/* What the record after `position` belongs to is claimed: clear up after a dead claimant. 1 something has changed, 0, negative. */
int tn_many_reap_claim(tarn_stream *stream);
/* 1: its claimant is dead, or it is no claim that can be. For the thread behind a poll handle. */
int tn_many_claimant_dead(const tarn_stream *stream);
/* 1: there is a claim where the next message will be. */
int tn_many_claimed(const tarn_stream *stream);

/* stream_queue_room.c: the room of a queue's writers; the lock is held, but for tn_queue_may_fit. */
int tn_queue_raise_limit(tarn_stream *stream, uint64_t end);
uint64_t tn_queue_need(const tarn_stream *stream, uint64_t end);
int tn_queue_may_fit(const tarn_stream *stream, uint64_t end, uint64_t need);
/* 1: somebody may wait for the message at this position: it is not done, or an intent names it. */
int tn_queue_is_awaited(const tarn_stream *stream, uint64_t position);
/* Clear up after all dead writers with a claim and readers with an intent. 1 if there was one, 0, negative. */
int tn_queue_reap(tarn_stream *stream);
/* A writer waits for this one: if it is taken by nobody it becomes a message again, and if it is one again readers are told: 1, 0, negative:
 * it is taken by one that lives and does not know of it. */
int tn_queue_deny_taken(tarn_stream *stream, uint64_t position);
/* 1: some other that holds something is dead. */
int tn_queue_some_dead(const tarn_stream *stream);
/* 1: some reader but this one has a message, or is about to take one. */
int tn_queue_others_hold(const tarn_stream *stream);

/* stream_queue.c: the calls of a queue's readers. */
int tn_queue_start(tarn_stream *stream);
int tn_queue_read_batch(tarn_stream *stream, tarn_item *items, uint32_t capacity, uint32_t *ret_count, int64_t timeout_ns);
int tn_queue_get(tarn_stream *stream, void *data, uint64_t capacity, tarn_item *ret_item, int64_t timeout_ns);
int tn_queue_release(tarn_stream *stream, tarn_item *items, uint32_t count);
int tn_queue_return(tarn_stream *stream, tarn_item *item);
/* For the thread behind a poll handle. */
int tn_queue_poll_look(void *stream);
int tn_queue_poll_ask(void *stream);

/* stream_aside.c: put the message into the stream of those set aside: 1; 0: it cannot be had there. */
int tn_queue_set_aside(tarn_stream *stream, const tarn_item *item);

/* stream_repair.c: clear_slot of a stream's kind. */
int tn_stream_clear_slot(tn_channel *channel, uint32_t slot);
/* At this position stands a claim, or a taken message, of nobody: the slot is free. 1 it is a skip, or a message to be taken, or has changed,
 * 0 not now, negative. */
int tn_stream_deny(tarn_stream *stream, uint32_t slot, uint64_t position, uint64_t word);
tn_atomic64 *tn_stream_intents(const tn_channel *channel, uint32_t slot);

/* stream_read.c: many writers: what a message left of its claim is a skip behind it. Passed at once, by a reader that has nothing out
 * or is just given an item: else it would keep room until the next call. */
void tn_stream_pass_left_over(tarn_stream *stream);
int tn_stream_start(tarn_stream *stream);
int tn_stream_something(const tarn_stream *stream);

#endif
