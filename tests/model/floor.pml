/* floor.pml: a stream's floor, joining, and what may be overwritten (src/stream*.c). README.md here says what it shows and what not.
 *
 * A ring of RING cells, a record a cell; the record at position p is the word p + 1, and 0 means that nothing is there yet. One writer
 * publishes up to position LAST; it waits for readers (the policy TARN_WAIT) and drops the oldest when there are none. Readers join
 * at the floor, read in place up to READS records, each looked at twice, and leave.
 *
 *   -DREADERS=n -DRING=n -DLAST=n -DREADS=n    (1, 3, 6, 2)
 *   -DKILL_WRITER     the writer may be killed at any step; another takes over
 *   -DRACER           in place of readers somebody copies without a cursor, then looks at the floor; nobody is waited for
 *
 * and what must break it:
 *
 *   -DNO_FENCE_1      the writer's fence between the store of the floor and its second scan is missing
 *   -DNO_FENCE_2      the joiner's fence between the store of its cursor and its second load of the floor is missing
 *   -DNO_FENCE_3      the record's word may reach memory before the 0 behind it (with ANY_ORDER)
 *   -DNO_FENCE_4      the ring may be overwritten in memory before the floor says so (with ANY_ORDER and RACER)
 *   -DNO_ZERO         no 0 is stored behind the record
 *   -DONE_SCAN        the writer does not scan again after it stored the floor
 *   -DNO_RELOAD       the joiner does not load the floor again
 *   -DSWAP_S3         the cursor moves before the last look at the record, as a store without release may
 *   -DSWAP_S4         the racer looks at the floor before it has copied everything
 *   -DTRUST_FLOOR     a new writer takes the floor for what readers need, not their cursors (with KILL_WRITER)
 *   -DFLOOR_ONLY      the limit is made from the floor alone, also where a cursor lies below it (with KILL_WRITER)
 */
#ifndef READERS
#define READERS 1
#endif
#ifndef RING
#define RING 3
#endif
#ifndef LAST
#define LAST 6
#endif
#ifndef READS
#define READS 2
#endif

#define WRITER READERS
#ifdef KILL_WRITER
#define NEXT_WRITER (READERS + 1)
#define PROCESSES (READERS + 2)
#else
#define PROCESSES (READERS + 1)
#endif
#define DEPTH 3
#define FLOOR 0
#define CURSOR(r) (1 + (r)) /* position + 1; 0: none */
#define CELL(p) (1 + READERS + (p) % RING)
#define WORDS (1 + READERS + RING)

#include "memory.pml"

bit killed[PROCESSES], gone[PROCESSES], ended[PROCESSES];

#ifdef KILL_WRITER
#define UNLESS_KILLED unless { killed[me] }
#else
#define UNLESS_KILLED
#endif

/* ---- The writer */

/* A cursor counts between what may be overwritten already and the end. Positions here do not wrap, so they may be compared. */
#define COUNTS(cursor) ((cursor) != 0 && (cursor) - 1 <= position && (cursor) - 1 + RING >= limit)
#define NOBODY 255

inline look_at(r) {
  cursor = LOAD(me, CURSOR(r)); /* [S3] */
  if
  :: COUNTS(cursor) && cursor - 1 < smallest -> smallest = cursor - 1
  :: else
  fi;
  cursor = 0
}

inline scan() {
  smallest = NOBODY;
#ifndef RACER
  look_at(0);
#if READERS == 2
  look_at(1)
#endif
#endif
}

/* What a writer without room sleeps for. */
#define IN_THE_WAY(r) (memory[CURSOR(r)] != 0 && memory[CURSOR(r)] - 1 + RING < position + 2)
#if READERS == 2
#define CURSORS_MOVED (!IN_THE_WAY(0) && !IN_THE_WAY(1))
#else
#define CURSORS_MOVED (!IN_THE_WAY(0))
#endif

/* Make room up to end. */
inline raise_limit(end) {
  do
  :: limit >= end -> break
  :: else ->
     scan();
     atomic {
       wanted = (smallest != NOBODY -> smallest : end - RING);
       if
       :: wanted > floor -> floor = wanted; STORE(me, FLOOR, floor)
       :: else
       fi;
       wanted = 0
     };
#if !defined(NO_FENCE_1) && !defined(NO_FENCE_4)
     FENCE(me); /* [S2] full: floor, then cursors */
#endif
#ifndef ONE_SCAN
     scan();
#endif
     atomic {
       if
       :: smallest != NOBODY && floor > smallest -> /* back, but never below what it was before */
          floor = (smallest > first -> smallest : first);
          STORE(me, FLOOR, floor)
       :: else
       fi;
#ifdef FLOOR_ONLY
       reached = floor;
#else
       reached = (smallest < floor -> smallest : floor);
#endif
       limit = (reached + RING > limit -> reached + RING : limit);
       first = floor;
       reached = 0;
       smallest = NOBODY
     };
     if
     :: limit < end -> CURSORS_MOVED
     :: else
     fi
  od
}

inline take_over() {
  atomic {
    floor = LOAD(me, FLOOR);
    first = floor;
    position = floor;
    do
    :: LOAD(me, CELL(position)) == position + 1 -> position++
    :: else -> break
    od;
    limit = position /* nothing a lap below the end can be overwritten yet */
  };
  FENCE(me);
  scan();
  atomic {
#ifdef TRUST_FLOOR
    limit = floor + RING;
#else
    limit = (smallest < floor -> smallest : floor) + RING;
#endif
    smallest = NOBODY
  }
}

proctype Writer(byte me) {
  byte position, floor, limit = RING, first, smallest = NOBODY, cursor, wanted, reached;
  {
#ifdef KILL_WRITER
    if
    :: me == NEXT_WRITER -> gone[WRITER]; take_over()
    :: else
    fi;
#endif
    do
    :: position < LAST ->
       raise_limit(position + 2); /* the record, and the word after it */
       assert(limit >= position + 2);
#ifndef NO_ZERO
       STORE(me, CELL(position + 1), 0);
#endif
#ifdef NO_FENCE_3
       STORE(me, CELL(position), position + 1);
#else
       STORE_RELEASE(me, CELL(position), position + 1); /* [S1] */
#endif
       position++
    :: else -> break
    od;
    ended[me] = 1
  } UNLESS_KILLED
}

/* ---- Readers */

inline join() {
  place = LOAD(me, FLOOR);
  do
  :: now = 0;
     STORE(me, CURSOR(me), place + 1);
#ifndef NO_FENCE_2
     FENCE(me); /* [S2] full: cursor, then floor */
#endif
#ifdef NO_RELOAD
     break
#else
     now = LOAD(me, FLOOR);
     if
     :: now <= place -> break
     :: else -> place = now
     fi
#endif
  od;
  now = 0
}

inline check_record() {
  assert(LOAD(me, CELL(place)) == place + 1) /* whole, and unchanged as long as the cursor stands here */
}

proctype Reader(byte me) {
  byte place, now, reads;
  join();
  do
  :: reads < READS ->
     now = LOAD(me, CELL(place)); /* [S1] */
     if
     :: now == 0 -> break /* nothing yet: it has read all there is, and leaves */
     :: else
     fi;
     assert(now == place + 1);
     now = 0;
     reads++;
#ifdef SWAP_S3
     STORE_RELEASE(me, CURSOR(me), place + 2);
     check_record();
#else
     check_record();
     STORE_RELEASE(me, CURSOR(me), place + 2); /* [S3] */
#endif
     place++
  :: else -> break
  od;
  now = 0;
  STORE_RELEASE(me, CURSOR(me), 0);
  ended[me] = 1
}

#ifdef RACER
proctype Racer(byte me) {
  byte place, now, one, two;
  do
  :: one = LOAD(me, CELL(place));
#ifdef SWAP_S4
     now = LOAD(me, FLOOR);
     two = LOAD(me, CELL(place));
#else
     two = LOAD(me, CELL(place));
     now = LOAD(me, FLOOR); /* [S4] after the copy */
#endif
     if
     :: now > place -> place = now /* overtaken */
     :: now <= place && one == 0 -> break
     :: now <= place && one != 0 -> assert(one == place + 1 && two == place + 1); place++
     fi;
     now = 0;
     one = 0;
     two = 0
  :: break
  od
}
#endif

#ifdef KILL_WRITER
proctype Killer() {
  if
  :: ended[WRITER]
  :: killed[WRITER] = 1
  fi;
  atomic { DRAINED(WRITER) -> gone[WRITER] = 1 }
}
#endif

init {
  byte i;
  atomic {
    for (i : 0 .. PROCESSES - 1) { run Drain(i) }
#ifdef RACER
    run Racer(0);
#else
    for (i : 0 .. READERS - 1) { run Reader(i) }
#endif
    run Writer(WRITER);
#ifdef KILL_WRITER
    run Writer(NEXT_WRITER);
    run Killer();
#endif
    i = 0
  }
}
