/* stream_read.c: the reader's side: joining, read, get, waiting. Why it is right: stream.c. Release is there, too. */
#include <string.h>

#include "error.h"
#include "participant.h"
#include "stream_inside.h"

enum { EMPTIES_A_QUESTION = 16, BRIEF_LOOKS = 50, AWAY_MAX = 256, AWAY_PART = 256 };

/* Not a reader that is given every message, but one of a queue's (stream_queue.c). */
enum { QUEUE_READER = 1 };

/* What became of a look at something that is not the message that is looked for. */
enum { PASSED = 1, MOVED = 2 };

static tn_boundary load_floor(const tarn_stream *stream) { return tn_latch_load(&stream->channel.control->kind.stream.floor); }

static int cannot_be(const tarn_stream *stream, uint64_t position, const char *what) {
  return tn_fail(TARN_E_CORRUPT, "%s \"%s\": %s at position %llu cannot be", TN_WHO(&stream->channel), what,
                 (unsigned long long)position);
}

static tn_slot *own_slot(const tarn_stream *stream) { return stream->slot; }

/* This reader goes on with the message of this number, without being given those before it: also for those who look on. */
static void go_on_with(tarn_stream *stream, uint64_t number) {
  uint64_t passed = number - stream->number;
  stream->number = number;
  if (stream->slot == NULL) return;
  tn_store_relaxed(&stream->slot->stream.first, tn_load_relaxed(&stream->slot->stream.first) + passed); /* relaxed, all: statistics */
  tn_store_relaxed(&stream->slot->next, number);
}

static void go_to(tarn_stream *stream, tn_boundary place) {
  tn_store_relaxed(&stream->position, place.position); /* relaxed: this thread's own; the poll thread may see it late */
  go_on_with(stream, place.number);
}

/* ---- The next message --------------------------------------------------------------------------------------------------- */

/* Has the floor passed this reader? Then go to it, and count what it would have been given. 1 moved, 0 not, negative. */
static int overrun(tarn_stream *stream) {
  tn_boundary floor = load_floor(stream);
  uint64_t position = tn_stream_position(stream);
  if ((int64_t)(floor.position - position) <= 0) return 0;
  if (floor.position % TN_UNIT != 0 || floor.number < stream->number) return cannot_be(stream, floor.position, "the floor");
  uint64_t due = stream->number > stream->wanted ? stream->number : stream->wanted;
  if (floor.number > due) stream->missed += floor.number - due;
  go_to(stream, floor);
  if (stream->channel.slot != TN_NO_SLOT) tn_store_release(&own_slot(stream)->cursor, floor.position | 1); /* [S3] */
  return 1;
}

int tn_stream_something(const tarn_stream *stream) {
  uint64_t position = tn_stream_position(stream);
  if (tn_load_acquire(&tn_stream_record(stream, position)->word) & TN_VISIBLE) /* [S1] acquire */
    return 1;
  return stream->racing && (int64_t)(load_floor(stream).position - position) > 0;
}

static inline int is_numbered(const tarn_stream *stream) {
  const tn_record *record = tn_stream_record(stream, tn_stream_position(stream));
  return tn_record_number(record) == (uint32_t)stream->number;
}

/* Nothing of the kind that should be there. A racer was perhaps overtaken: MOVED, 0 nothing yet, negative. */
static int not_a_record(tarn_stream *stream, int seen) {
  if (stream->racing) {
    tn_fence_acquire(); /* [S4] the looks at the record before the look at the floor */
    int moved = overrun(stream);
    if (moved != 0) return moved < 0 ? moved : MOVED;
  }
  return seen == 0 ? 0 : cannot_be(stream, tn_stream_position(stream), seen < 0 ? "the record" : "the number of the record");
}

/* Go on behind a record that is not given to anybody. PASSED, MOVED, negative. */
static int pass(tarn_stream *stream, const tn_sight *sight) {
  if (stream->racing) {
    tn_fence_acquire(); /* [S4] as above: was it a record when it was looked at? */
    int moved = overrun(stream);
    if (moved != 0) return moved < 0 ? moved : MOVED;
  }
  tn_store_relaxed(&stream->position, tn_stream_position(stream) + sight->extent); /* relaxed: own */
  go_on_with(stream, stream->number + (sight->message ? 1 : sight->numbers));
  if ((sight->message || stream->shared) && stream->channel.slot != TN_NO_SLOT && stream->oldest == stream->newest) {
    tn_store_release(&own_slot(stream)->cursor, tn_stream_position(stream) | 1); /* [S3] */
    tn_wake_room(&stream->channel, tn_stream_position(stream));
  }
  return PASSED;
}

/* Both ways of going on for ever are a scribbler's: a floor that is elsewhere whenever it is looked at, and a ring whose skips count so
 * many numbers that one could go round in it. */
static inline int too_often(int *moves) { return ++*moves >= TN_MOVES_MAX; }

/* 1 a message lies at position; 0 nothing yet, or it is time for the caller to look whether it is to end; negative a failure. */
static inline int find_next(tarn_stream *stream, int *moves, tn_sight *ret_sight) {
  uint64_t skipped = 0, passed = 0;
  for (;;) {
    int seen = tn_stream_see(stream, tn_stream_position(stream), ret_sight), numbered = seen == 1 && is_numbered(stream);
    if (numbered && ret_sight->message && stream->number >= stream->wanted) return 1;
    int result = numbered ? pass(stream, ret_sight) : not_a_record(stream, seen);
    if (result <= 0) return result;
    if (result == MOVED && too_often(moves)) return 0;
    skipped = numbered && !ret_sight->message ? skipped + ret_sight->extent : 0;
    if (skipped > stream->ring_bytes) return cannot_be(stream, tn_stream_position(stream), "a ring of nothing but skips");
    passed += result == PASSED ? ret_sight->extent : 0;
    if (passed > stream->ring_bytes) return 0;
  }
}

/* ---- Joining ------------------------------------------------------------------------------------------------------------ */

/* Announce a cursor, then look at the floor: below it nothing is safe. A racer looks again at each message. */
static int settle(tarn_stream *stream, tn_boundary place) {
  for (int moves = 0;;) {
    if (place.position % TN_UNIT != 0 || place.number == 0) return cannot_be(stream, place.position, "the floor");
    go_to(stream, place);
    if (stream->channel.role == TARN_OBSERVER) return 0;
    tn_store_relaxed(&own_slot(stream)->cursor, place.position | 1); /* relaxed: the fence is next */
    TN_POINT("stream.join.cursor");
    tn_fence_full(); /* [S2] full: cursor, then floor. Pairs with the fence between the writer's floor and its second scan */
    tn_boundary floor = load_floor(stream);
    if ((int64_t)(floor.position - place.position) <= 0) return 0;
    if (too_often(&moves)) return stream->racing ? 0 : cannot_be(stream, floor.position, "a floor that never stays where it is");
    place = floor;
  }
}

/* Walk to the end: what is there now is not wanted. */
static int pass_all(tarn_stream *stream) {
  uint64_t begin = tn_stream_position(stream);
  for (;;) {
    tn_sight sight;
    int seen = tn_stream_see(stream, tn_stream_position(stream), &sight);
    int result = seen == 1 && is_numbered(stream) ? pass(stream, &sight) : not_a_record(stream, seen);
    if (result <= 0) return result;
    if (tn_stream_position(stream) - begin > stream->ring_bytes) return 0; /* a writer faster than this walk: begin here */
  }
}

int tn_stream_start(tarn_stream *stream) {
  tn_channel *channel = &stream->channel;
  uint64_t from = channel->options.from;
  tn_boundary tail = tn_latch_load(&channel->control->kind.stream.tail);
  int late = from == TARN_NEXT || (from != TARN_OLDEST && from >= tail.number);
  int result = settle(stream, late ? tail : load_floor(stream));
  if (result == 0 && from == TARN_NEXT) result = pass_all(stream);
  if (result != 0) return result;
  if (from != TARN_OLDEST && from != TARN_NEXT) {
    stream->wanted = from;
    stream->started = 1;
    stream->missed = stream->number > from ? stream->number - from : 0;
  }
  if (channel->role == TARN_OBSERVER) return 0;
  tn_store_release(&own_slot(stream)->cursor,
                   tn_stream_position(stream) | 1); /* [S3] release: nothing below it was or is read */
  tn_store_release(&channel->control->join.had_reader,
                   1); /* [S6] release: the cursor before it. Pairs with the acquire in choose_floor */
  TN_POINT("stream.join.done");
  tn_wake(channel, TN_ROOM);
  return 0;
}

/* ---- Giving -------------------------------------------------------------------------------------------------------------- */

static inline void describe(const tarn_stream *stream, const tn_record *record, uint64_t length, tarn_item *item) {
  item->data = (const unsigned char *)record + stream->header_bytes; /* field by field: compilers clear a whole item slowly */
  item->size_bytes = length;
  item->number = stream->number;
  item->missed = 0;
  item->tag = tn_record_tag(record);
  item->time_ns = stream->header_bytes != TN_UNIT ? (int64_t)tn_load_relaxed(&record->time_ns) : 0; /* relaxed: ordered by [S1] */
  item->type = "";
  item->flags = 0;
  item->token = 0;
  item->deliveries = 0;
  item->reserved32 = 0;
  for (int i = 0; i < 3; i++) item->reserved[i] = 0;
}

static void count_missed(tarn_stream *stream, tarn_item *item) {
  item->missed = stream->started ? stream->missed : 0;
  stream->started = 1;
  stream->missed = 0;
  if (item->missed == 0 || stream->channel.slot == TN_NO_SLOT) return;
  tn_atomic64 *missed = &own_slot(stream)->missed;
  tn_store_relaxed(missed, tn_load_relaxed(missed) + item->missed); /* relaxed: a statistic */
}

/* The item is the caller's: move on, and count. */
static inline void given(tarn_stream *stream, const tn_sight *sight, tarn_item *item) {
  stream->number++;
  tn_store_relaxed(&stream->position, tn_stream_position(stream) + sight->extent); /* relaxed: own */
  if (!stream->started || stream->missed != 0) count_missed(stream, item);
  stream->given = 1;
  if (stream->slot != NULL) tn_stream_given(stream, item->size_bytes);
}

void tn_stream_pass_left_over(tarn_stream *stream) {
  tn_sight sight;
  uint64_t begin = tn_stream_position(stream);
  while (tn_stream_position(stream) - begin < stream->ring_bytes && tn_stream_see(stream, tn_stream_position(stream), &sight) == 1 &&
         !sight.message && is_numbered(stream))
    if (pass(stream, &sight) <= 0) return;
}

/* ---- In place ------------------------------------------------------------------------------------------------------------ */

/* Under TARN_OVERWRITE: announce the hold, then look at the floor. 1 held, 0 overtaken, negative. */
static int hold(tarn_stream *stream) {
  tn_slot *slot = own_slot(stream);
  if (stream->oldest != stream->newest) return 1;                       /* an older hold protects all behind it */
  tn_store_relaxed(&slot->stream.held, tn_stream_position(stream) | 1); /* relaxed: the fence is next */
  TN_POINT("stream.read.held");
  tn_fence_full(); /* [S2] full: hold, then floor. Pairs with the fence between the writer's floor and its second scan */
  int moved = overrun(stream);
  if (moved == 0) return 1;
  tn_store_release(&slot->stream.held, 0); /* [S3] */
  return moved < 0 ? moved : 0;
}

/* 1 an item, 0 nothing yet, negative. */
static inline int read_now(tarn_stream *stream, tarn_item *ret_item) {
  tn_sight sight;
  int result, moves = 0;
  do {
    result = find_next(stream, &moves, &sight);
    if (result != 1) return result;
    if (stream->racing) result = hold(stream);
    if (result == 0 && too_often(&moves)) return 0;
  } while (result == 0);
  if (result < 0) return result;
  describe(stream, tn_stream_record(stream, tn_stream_position(stream)), tn_record_length(sight.word), ret_item);
  if (stream->oldest == stream->newest) stream->oldest = stream->newest = 0; /* few entries are used while little is out */
  uint64_t counter = stream->newest++ % TN_OUT_MAX;
  stream->out[counter].position = tn_stream_position(stream);
  stream->out[counter].number = stream->number;
  stream->out[counter].released = 0;
  ret_item->token = (uint32_t)counter + 1;
  given(stream, &sight, ret_item);
  if (stream->shared) tn_stream_pass_left_over(stream);
  tn_store_relaxed(&own_slot(stream)->out, (uint32_t)(stream->newest - stream->oldest)); /* relaxed: a statistic */
  TN_POINT("stream.read.given");
  return 1;
}

/* ---- By copy -------------------------------------------------------------------------------------------------------------- */

static int too_small(const tarn_stream *stream, const tarn_item *item, uint64_t capacity, tarn_item *ret_item) {
  ret_item->size_bytes = item->size_bytes;
  return tn_fail(TARN_E_TOO_LARGE, "%s \"%s\": message %llu has %llu bytes, the buffer given %llu", TN_WHO(&stream->channel),
                 (unsigned long long)item->number, (unsigned long long)item->size_bytes, (unsigned long long)capacity);
}

/* 1 copied, 0 nothing yet, negative. */
static inline int get_now(tarn_stream *stream, void *data, uint64_t capacity, tarn_item *ret_item) {
  tn_sight sight;
  tarn_item item;
  for (int moves = 0;;) {
    int result = find_next(stream, &moves, &sight);
    if (result != 1) return result;
    describe(stream, tn_stream_record(stream, tn_stream_position(stream)), tn_record_length(sight.word), &item);
    int fits = item.size_bytes <= capacity;
    if (fits && item.size_bytes != 0) memcpy(data, item.data, (size_t)item.size_bytes);
    if (stream->racing) {
      tn_fence_acquire(); /* [S4] the copy before the look at the floor. Pairs with the fence after the writer's store of it */
      result = overrun(stream);
      if (result < 0) return result;
      if (result == 1 && too_often(&moves)) return 0;
      if (result == 1) continue;
    }
    if (!fits) return too_small(stream, &item, capacity, ret_item);
    break;
  }
  if (!tn_channel_is_mine(&stream->channel)) return tn_channel_check(&stream->channel); /* lost under the copy */
  item.data = data;
  given(stream, &sight, &item);
  if (stream->shared) tn_stream_pass_left_over(stream);
  if (stream->channel.slot != TN_NO_SLOT && stream->oldest == stream->newest) {
    uint64_t position = tn_stream_position(stream);
    tn_store_release(&own_slot(stream)->cursor, position | 1); /* [S3] release: the copy before it */
    TN_POINT("stream.get.cursor");
    tn_wake_room(&stream->channel, position);
  }
  *ret_item = item;
  return 1;
}

/* ---- Waiting -------------------------------------------------------------------------------------------------------------- */

/* Many writers: a claim stands where the next message will be. Is its writer dead? 1 look again, 0 it is waited for, negative. */
static int held_up(tarn_stream *stream, int ask) {
  return ask && stream->channel.slot != TN_NO_SLOT ? tn_many_reap_claim(stream) : 0;
}

/* Nothing unread: TARN_NO_WRITER if that is to be said, 1 if there is something after all, else 0. */
static int departed(tarn_stream *stream, int ask) {
  if (stream->shared && tn_many_claimed(stream)) return held_up(stream, ask);
  int result = tn_writer_gone(&stream->channel, ask);
  if (result == TARN_NO_WRITER && tn_stream_something(stream)) /* published before it went */
    return 1;
  if (result == TARN_NO_WRITER && stream->shared && tn_many_claimed(stream)) /* or claimed, before it died */
    return 0;
  return result;
}

/* An orderly departure is seen here; a death is for ask, which may call the kernel. */
static int look(void *argument) { return tn_stream_something(argument) ? 1 : departed(argument, 0); }

/* What keeps room in the own slot, stored again. What a scribbler left there would hold writers up while this reader sleeps. */
static void note_again(tarn_stream *stream) {
  tn_slot *slot = own_slot(stream);
  if (tn_load_relaxed(&slot->generation) != stream->channel.generation) return; /* relaxed: tn_wait asks, too */
  int none = stream->oldest == stream->newest;
  uint64_t position = none ? tn_stream_position(stream) : stream->out[stream->oldest % TN_OUT_MAX].position;
  if (stream->racing) tn_store_release(&slot->stream.held, none ? 0 : position | 1); /* [S3] */
  if (stream->shared) tn_store_release(&slot->stream.claim, 0);                      /* [M3] */
  tn_store_release(&slot->cursor, position | 1);                                     /* [S3] */
}

/* Once a slice, too. */
static int ask(void *argument) {
  tarn_stream *stream = argument;
  if (stream->channel.slot != TN_NO_SLOT) note_again(stream);
  return departed(stream, 1);
}

static int nothing_now(tarn_stream *stream) {
  int result = departed(stream, stream->empties++ % EMPTIES_A_QUESTION == 0 || (stream->shared && tn_many_claimed(stream)));
  if (result != 0) return result;
  if (tn_wait_woken(&stream->channel)) return TARN_WOKEN;
  return stream->poll != NULL ? tn_poll_quiet(stream->poll, look, stream) : TARN_EMPTY;
}

/* The first few looks cost nothing but themselves: no clock, no call. An answer mostly comes within them. */
static inline int look_briefly(const tarn_stream *stream) {
  for (int i = 0; i < BRIEF_LOOKS; i++) {
    if (tn_stream_something(stream)) return 1;
    tn_relax();
  }
  return 0;
}

/* Until there is something to read. 0, or an outcome, or a failure. */
static int wait_for_news(tarn_stream *stream, int64_t timeout_ns, tn_turns *turns) {
  int64_t left_ns;
  int result = tn_turn(turns, timeout_ns, &left_ns);
  if (stream->given) { /* who was given an item knows its writer: said here, not for each message */
    stream->given = 0;
    tn_writer_known(&stream->channel);
  }
  if (timeout_ns != 0 && turns->count == 1 && look_briefly(stream)) return 0; /* who comes again looks whether it was woken */
  if (result == 0 && timeout_ns == 0) {
    result = nothing_now(stream);
    result = result == 1 ? 0 : result;
  } else if (result == 0) {
    const tn_wish wish = {TN_NEWS, left_ns, 1, 0, look, ask, stream, tn_stream_progress(stream)};
    result = tn_wait(&stream->channel, &wish);
  }
  if (result != 0 && !tn_channel_is_mine(&stream->channel)) /* lost meanwhile: whatever was seen is not true */
    return tn_channel_check(&stream->channel);
  if (result == TARN_NO_WRITER) tn_writer_told(&stream->channel);
  return result;
}

/* ---- The short way: stream_inside.h says when ------------------------------------------------------------------------------ */

/* The record at the position, if it is a message that can be: its extent, and its length; else 0. */
static inline uint64_t plain(const tarn_stream *stream, const tn_record *record, uint64_t position, uint64_t *ret_length) {
  uint64_t word = tn_load_acquire(&record->word);          /* [S1] acquire: the record before its word */
  uint64_t length = word ^ tn_record_word(TN_MESSAGE, 0);  /* of any other word something huge */
  uint64_t extent = tn_record_extent(stream->header_bytes, length);
  if (length > stream->longest || extent > stream->ring_bytes - (position & stream->mask) ||
      tn_record_number(record) != (uint32_t)stream->number)
    return 0;
  *ret_length = length;
  return extent;
}

/* Nothing there: wait a little. Who got several messages without waiting is close behind a writer at full speed, and would take each line
 * from it while it is being written: both would crawl. So it stays away first, the longer the more they were (a pause takes 10 to 25 ns), and
 * finds as many again. An answer to one message is never waited for in this way, nor by who never sleeps. In a small ring it comes back
 * sooner: a writer that has filled it meanwhile stands still. */
static void stay_away(tarn_stream *stream) {
  uint64_t most = stream->ring_bytes / AWAY_PART < AWAY_MAX ? stream->ring_bytes / AWAY_PART : AWAY_MAX;
  uint64_t away = stream->streak > 1 && stream->channel.options.spin_ns != TARN_SPIN_ONLY ? (uint64_t)stream->streak * 4 : 0;
  for (uint64_t pauses = away < most ? away : most; pauses != 0; pauses--) tn_relax();
  stream->streak = 0;
}

static int comes_soon(tarn_stream *stream, const tn_record *record) {
  stay_away(stream);
  for (int looks = BRIEF_LOOKS; looks != 0; looks--) { /* no clock, no call: an answer mostly comes within these */
    if (tn_load_relaxed(&record->word) != 0) return 1; /* relaxed: plain() looks again */
    tn_relax();
  }
  return 0;
}

/* Is there a word at the record, now or soon? */
static inline int there(tarn_stream *stream, const tn_record *record, int64_t timeout_ns) {
  if (tn_load_relaxed(&record->word) == 0) /* relaxed: plain() looks again */
    return timeout_ns != 0 && comes_soon(stream, record);
  stream->streak++;
  return 1;
}

static inline int read_short(tarn_stream *stream, tarn_item *item, int64_t timeout_ns) {
  uint64_t position = tn_stream_position(stream), length;
  const tn_record *record = tn_stream_record(stream, position);
  if (!there(stream, record, timeout_ns)) return 0;
  uint64_t extent = plain(stream, record, position, &length);
  if (extent == 0) return 0;
  tn_prefetch(tn_stream_record(stream, position + extent)); /* the next word comes while the caller looks at this message */
  describe(stream, record, length, item);
  item->token = 1;
  stream->out_at = position;
  stream->path = TN_PATH_RELEASE;
  stream->number++;
  stream->given = 1;
  tn_store_relaxed(&stream->position, position + extent); /* relaxed: own */
  tn_stream_given(stream, length);
  tn_store_relaxed(&stream->slot->out, 1); /* relaxed: a statistic */
  TN_POINT("stream.read.given");
  return 1;
}

/* As many plain messages as there are, up to `most`, for a reader that nobody passes by. */
static uint32_t read_plain(tarn_stream *stream, tarn_item *items, uint32_t most) {
  uint64_t position = tn_stream_position(stream), bytes = 0, length;
  uint32_t count = 0;
  if (stream->oldest == stream->newest) stream->oldest = stream->newest = 0;
  for (; count < most; count++) {
    const tn_record *record = tn_stream_record(stream, position);
    uint64_t extent = plain(stream, record, position, &length);
    if (extent == 0) break;
    uint64_t counter = stream->newest++ % TN_OUT_MAX;
    describe(stream, record, length, &items[count]);
    items[count].token = (uint32_t)counter + 1;
    stream->out[counter].position = position;
    stream->out[counter].number = stream->number++;
    stream->out[counter].released = 0;
    position += extent;
    bytes += length;
    TN_POINT("stream.read.given");
  }
  tn_store_relaxed(&stream->position, position); /* relaxed: own */
  if (count == 0) return 0;
  stream->given = 1;
  tn_stream_given(stream, bytes);
  tn_store_relaxed(&stream->slot->out, (uint32_t)(stream->newest - stream->oldest)); /* relaxed: a statistic */
  return count;
}

static inline int get_short(tarn_stream *stream, void *data, uint64_t capacity, tarn_item *item, int64_t timeout_ns) {
  uint64_t position = tn_stream_position(stream), length;
  const tn_record *record = tn_stream_record(stream, position);
  if (!there(stream, record, timeout_ns)) return 0;
  uint64_t extent = plain(stream, record, position, &length);
  if (extent == 0 || length > capacity || data == NULL) return 0;
  tn_prefetch(tn_stream_record(stream, position + extent));
  memcpy(data, (const unsigned char *)record + stream->header_bytes, (size_t)length);
  tn_fence_compiler(); /* this thread's own fault is seen here, if there was one */
  if (!tn_channel_is_mine(&stream->channel)) return 0; /* lost under the copy: the long way says it */
  describe(stream, record, length, item);
  item->data = data;
  stream->number++;
  stream->given = 1;
  tn_store_relaxed(&stream->position, position + extent); /* relaxed: own */
  tn_stream_given(stream, length);
  tn_store_release(&stream->slot->cursor, (position + extent) | 1); /* [S3] release: the copy before it */
  TN_POINT("stream.get.cursor");
  tn_wake_room(&stream->channel, position + extent);
  if (stream->shared) tn_stream_pass_left_over(stream);
  return 1;
}

/* ---- The calls ------------------------------------------------------------------------------------------------------------ */

static int no_reader(const tarn_stream *stream, const void *ret_item, const char *call) {
  if (stream == NULL || ret_item == NULL) return tn_fail(TARN_E_INVALID, "%s: stream or ret_item is NULL", call);
  if (!tn_channel_is_mine(&stream->channel)) return tn_channel_check(&stream->channel);
  if (stream->queue && stream->channel.role == TARN_READER && !stream->closed) return QUEUE_READER;
  return tn_fail(TARN_E_INVALID, "%s \"%s\": %s: this handle is %s", TN_WHO(&stream->channel), call,
                 stream->closed ? "closed" : "a writer's; open a reader");
}

static inline int check_reader(const tarn_stream *stream, const void *ret_item, const char *call) {
  if (stream != NULL && ret_item != NULL && tn_channel_is_mine(&stream->channel) && stream->reads) return 0;
  return no_reader(stream, ret_item, call);
}

static int no_places(const tarn_stream *stream) {
  return tn_fail(TARN_E_UNSUPPORTED, "%s \"%s\": an observer holds nothing and so cannot read in place; use tarn_stream_get",
                 TN_WHO(&stream->channel));
}

int tarn_stream_read_batch(tarn_stream *stream, tarn_item *items, uint32_t capacity, uint32_t *ret_count, int64_t timeout_ns) {
  int result = check_reader(stream, items, "tarn_stream_read"), queue = result == QUEUE_READER;
  if (result < 0) return result;
  if (ret_count == NULL || capacity == 0)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": tarn_stream_read_batch: ret_count is NULL, or no room for items",
                   TN_WHO(&stream->channel));
  if (queue) return tn_queue_read_batch(stream, items, capacity, ret_count, timeout_ns);
  if (stream->channel.role == TARN_OBSERVER) return no_places(stream);
  tn_stream_long(stream);
  uint64_t left = TN_OUT_MAX - (stream->newest - stream->oldest);
  if (left == 0) return TARN_BUSY;
  uint32_t most = capacity < left ? capacity : (uint32_t)left, count = 0;
  for (tn_turns turns = {0, 0};;) {
    if (tn_stream_is_plain(stream)) count = read_plain(stream, items, most);
    while (count < most && (result = read_now(stream, &items[count])) == 1) count++;
    if (count != 0) {
      stream->streak += count;
      *ret_count = count; /* a failure behind them comes again at the next call */
      return 0;
    }
    if (result == 0 && timeout_ns != 0) stay_away(stream);
    if (result == 0) result = wait_for_news(stream, timeout_ns, &turns);
    if (result != 0) return result;
  }
}

static __attribute__((noinline)) int read_long(tarn_stream *stream, tarn_item *ret_item, int64_t timeout_ns) {
  int result = check_reader(stream, ret_item, "tarn_stream_read");
  uint32_t one;
  if (result != 0) return result == QUEUE_READER ? tn_queue_read_batch(stream, ret_item, 1, &one, timeout_ns) : result;
  if (stream->channel.role == TARN_OBSERVER) return no_places(stream);
  tn_stream_long(stream);
  if (stream->newest - stream->oldest == TN_OUT_MAX) return TARN_BUSY;
  for (tn_turns turns = {0, 0};;) {
    result = read_now(stream, ret_item);
    if (result != 0) return result == 1 ? 0 : result;
    result = wait_for_news(stream, timeout_ns, &turns);
    if (result != 0) return result;
  }
}

int tarn_stream_read(tarn_stream *stream, tarn_item *ret_item, int64_t timeout_ns) {
  if (ret_item != NULL && tn_stream_may(stream, TN_PATH_READ) && read_short(stream, ret_item, timeout_ns)) return 0;
  return read_long(stream, ret_item, timeout_ns);
}

static __attribute__((noinline)) int get_long(tarn_stream *stream, void *data, uint64_t capacity, tarn_item *ret_item,
                                              int64_t timeout_ns) {
  int result = check_reader(stream, ret_item, "tarn_stream_get"), queue = result == QUEUE_READER;
  if (result < 0) return result;
  if (data == NULL && capacity != 0)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": tarn_stream_get: data is NULL", TN_WHO(&stream->channel));
  if (queue) return tn_queue_get(stream, data, capacity, ret_item, timeout_ns);
  tn_stream_long(stream);
  for (tn_turns turns = {0, 0};;) {
    result = get_now(stream, data, capacity, ret_item);
    if (result == 1) tn_stream_short(stream);
    if (result != 0) return result == 1 ? 0 : result;
    result = wait_for_news(stream, timeout_ns, &turns);
    if (result != 0) return result;
  }
}

int tarn_stream_get(tarn_stream *stream, void *data, uint64_t capacity, tarn_item *ret_item, int64_t timeout_ns) {
  if (ret_item != NULL && tn_stream_may(stream, TN_PATH_READ) && get_short(stream, data, capacity, ret_item, timeout_ns)) return 0;
  return get_long(stream, data, capacity, ret_item, timeout_ns);
}
