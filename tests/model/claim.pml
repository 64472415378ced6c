/* claim.pml: many writers in one ring (src/stream*.c). README.md here says what it shows and what it does not.
 *
 * A ring of RING cells. A record is one cell, or two: its word and a payload. Two writers claim, fill and publish, CLAIMS each; a reader
 * is given every message in order and holds the room with its cursor. The payload is the most hostile there is: it looks like a claim of the
 * first writer's. The ring is full of old words at the beginning, but for its first cell.
 *
 * Under the lock (lock.pml is about that; here it is taken in one step, or taken over from a dead owner after clearing its slot): walk
 * from the tail over the words that are there, store the tail, look for room, note the claim in the slot, store 0 in the word after, store the claim,
 * move the tail. Outside: fill; publish by compare-and-swap from the claim; take the note away. Whoever holds the lock of a dead one's slot
 * clears it: a claim that is noted there and still is the word becomes a skip.
 *
 *   -DCLAIMS=n        (1) of the first writer, whose records are of one cell
 *   -DCLAIMS_2=n      (1) of the second, whose records are of two
 *   -DRING=n          (4)
 *   -DKILL=n          the first n writers are killed or not, at any step
 *   -DNEWCOMER        one more writer takes the slot of one that died
 *   -DSHORT           the second writer may publish less than it claimed
 *   -DRUN             the second writer may fill its claim with two records of one cell, and publish both at once
 *   -DLOOKER          somebody walks from the tail over all words, claims too, without the lock (with RING so large that nothing is reused)
 *
 * and what must break it:
 *
 *   -DNO_FENCE_1      publishing is a store without order instead of a compare-and-swap (with ANY_ORDER)
 *   -DNO_FENCE_2      the claim may reach memory before the 0 behind it (with ANY_ORDER and LOOKER)
 *   -DNO_FENCE_3      the tail may reach memory before the claim (with ANY_ORDER and LOOKER)
 *   -DNO_ZERO         no 0 is stored behind the claim
 *   -DNO_WALK         a writer claims at the tail without walking on
 *   -DNOTE_LATE       the claim is noted after it is stored
 *   -DNOTE_SHORT      the note is taken away before publishing
 *   -DNOTE_NO_HOLD    a note holds no room
 *   -DTAIL_LATE       the tail is not stored after the walk, only after the claim
 *   -DREPAIR_UNLOCKED a claim is made a skip without its slot's lock
 *   -DNO_REREAD       the word is not looked at again under the slot's lock
 *   -DNO_REPAIR       a dead one's claim is left alone
 *   -DJOIN_FORGETS    a newcomer does not clear up what its slot's former owner left
 *   -DREST_LATE       what lies in the claim behind the first record (a skip, or the run's next) is stored after publishing (with SHORT, RUN)
 */
#ifndef CLAIMS
#define CLAIMS 1
#endif
#ifndef CLAIMS_2
#define CLAIMS_2 1
#endif
#ifndef NEW_CLAIMS
#define NEW_CLAIMS 1
#endif
#ifndef RING
#define RING 4
#endif
#ifndef KILL
#define KILL 0
#endif

#define SLOTS 2 /* of the writers 0 and 1 */
#define READER 2
#ifdef LOOKER
#define LOOKING 3
#define PROCESSES 4
#elif defined(NEWCOMER)
#define NEW_WRITER 3
#define PROCESSES 4
#else
#define PROCESSES 3
#endif
#ifndef DEPTH
#define DEPTH 3
#endif
#define TAIL 0
#define CURSOR 1
#define NOTE(slot) (2 + (slot)) /* position + 1; 0: none */
#define CELL(p) (4 + (p) % RING)
#define WORDS (4 + RING)
#define POSITIONS 12

/* What a cell may hold; odd: of one cell, even: of two. */
#define SKIP(cells) (cells)
#define MESSAGE(cells) (2 + (cells))
#define CLAIM(slot, cells) (4 + 2 * (slot) + (cells))
#define CELLS(word) (((word) - 1) % 2 + 1)
#define IS_CLAIM(word) ((word) > 4)
#define SLOT_OF(word) (((word) - 5) / 2)
#define PAYLOAD CLAIM(0, 1)
#ifdef RUN
#define OLD SKIP(1)
#else
#define OLD MESSAGE(1)
#endif

#include "memory.pml"

#define NOBODY 255
byte lock;                             /* participant + 1, 0 free */
byte holder[SLOTS] = NOBODY;           /* of the slot's lock byte; the kernel's */
byte owner[SLOTS];                     /* whose generation the slot has */
byte home[PROCESSES];
bit killed[PROCESSES], gone[PROCESSES], ended[PROCESSES];

/* What is true, whatever memory says. */
byte end_;              /* where the next claim has to be */
bit begins[POSITIONS];  /* a record begins here */
bit has[POSITIONS];     /* a message was published here */
byte messages;

#if KILL > 0
#define UNLESS_KILLED unless { killed[me] }
#else
#define UNLESS_KILLED
#endif

#define ROOM_IN_BUFFER (buffer[me].count < DEPTH) /* what is true and what is stored change in one step */

/* ---- Clearing up: whoever holds the slot's lock */

/* What a dead one noted becomes a skip, if it still is its claim. */
inline skip_claim() {
#ifdef NO_REREAD
  STORE(me, CELL(place), SKIP(1))
#else
  word = LOAD(me, CELL(place));
  if
  :: IS_CLAIM(word) && SLOT_OF(word) == slot -> STORE(me, CELL(place), SKIP(CELLS(word)))
  :: else
  fi
#endif
}

inline clear_slot() {
  atomic { place = LOAD(me, NOTE(slot)) };
#ifndef NO_REPAIR
  if
  :: atomic { place != 0 -> place-- };
     skip_claim()
  :: place == 0
  fi;
#endif
  STORE_RELEASE(me, NOTE(slot), 0); /* [M3] */
  atomic { word = 0; place = 0 }
}

/* ok: done; otherwise somebody else does it, or has the slot. */
inline reap(number) {
  atomic {
    ok = (holder[number] == NOBODY);
    if
    :: ok ->
       slot = number;
#ifndef REPAIR_UNLOCKED
       holder[slot] = me
#endif
    :: else
    fi
  };
  if
  :: ok ->
     clear_slot();
     atomic {
       DRAINED(me) -> /* a call of the system */
#ifndef REPAIR_UNLOCKED
       holder[slot] = NOBODY;
#endif
       slot = 0
     }
  :: else
  fi
}

/* ---- The lock */

#define DEAD(p) (gone[p] && holder[home[p]] == NOBODY)
#define FORMER(p) (gone[p] && owner[home[p]] != (p)) /* its slot has a new owner, which has cleared up */

inline take_lock() {
  do
  :: atomic { lock == 0 && DRAINED(me) -> lock = me + 1; break }
  :: atomic { lock != 0 && FORMER(lock - 1) && DRAINED(me) -> lock = me + 1; break }
  :: atomic { lock != 0 && !FORMER(lock - 1) && DEAD(lock - 1) -> seen = lock; slot = home[seen - 1]; holder[slot] = me };
     clear_slot();
     atomic {
       DRAINED(me) ->
       holder[slot] = NOBODY;
       slot = 0;
       if
       :: lock == seen -> lock = me + 1; seen = 0; break
       :: else -> seen = 0
       fi
     }
  od
}

inline drop_lock() {
  atomic { DRAINED(me) -> assert(lock == me + 1); lock = 0 }
}

/* ---- Writers */

#define SIZE (home[me] == 1 -> 2 : 1)
#define OTHER (1 - home[me])

/* In one step: of the words passed only claims change meanwhile, and not their extent. */
inline walk() {
  atomic {
    at = LOAD(me, TAIL);
#ifndef NO_WALK
    do
    :: LOAD(me, CELL(at)) != 0 -> at = at + CELLS(LOAD(me, CELL(at))); assert(at < POSITIONS - 2)
    :: else -> break
    od;
#endif
    ok = 0
  }
#ifndef TAIL_LATE
  ;
  STORE_RELEASE(me, TAIL, at) /* [S5] */
#endif
}

#ifdef NOTE_NO_HOLD
#define HELD_FROM(slot) NOBODY
#else
#define HELD_FROM(slot) (LOAD(me, NOTE(slot)) != 0 -> LOAD(me, NOTE(slot)) - 1 : NOBODY)
#endif

/* ok: room for the record and the word after it. In one step: what others hold only becomes less while we have the lock. */
inline look_for_room() {
  atomic {
    ok = (at + SIZE + 1 <= LOAD(me, CURSOR) - 1 + RING);
    ok = ok && (HELD_FROM(OTHER) == NOBODY || at + SIZE + 1 <= HELD_FROM(OTHER) + RING)
  }
}

#define IN_THE_WAY(slot) (memory[NOTE(slot)] != 0 && at + SIZE + 1 > memory[NOTE(slot)] - 1 + RING)
#define ROOM_NOW (at + SIZE + 1 <= memory[CURSOR] - 1 + RING && !IN_THE_WAY(OTHER))

inline wait_for_room() {
  if
  :: ROOM_NOW
  :: IN_THE_WAY(OTHER) && holder[OTHER] == NOBODY -> reap(OTHER)
  fi
}

inline store_claim() {
  atomic {
    ROOM_IN_BUFFER ->
    begins[at] = 1;
    end_ = at + SIZE;
#ifdef NO_FENCE_2
    STORE(me, CELL(at), CLAIM(home[me], SIZE))
#else
    STORE_RELEASE(me, CELL(at), CLAIM(home[me], SIZE)) /* [M1] the 0 behind it before it */
#endif
  }
}

inline claim() {
#ifndef NOTE_LATE
  STORE(me, NOTE(home[me]), at + 1); /* [M2] */
#endif
#ifndef NO_ZERO
  STORE(me, CELL(at + SIZE), 0);
#endif
  store_claim();
#ifdef NOTE_LATE
  STORE(me, NOTE(home[me]), at + 1);
#endif
#ifdef NO_FENCE_3
  STORE(me, TAIL, at + SIZE)
#else
  STORE_RELEASE(me, TAIL, at + SIZE) /* [S5] */
#endif
}

#define MINE CLAIM(home[me], SIZE)
inline note_published(cells) {
  has[at] = 1;
  messages++;
#ifdef RUN
  if
  :: SIZE == 2 && (cells) == 1 -> has[at + 1] = 1; messages++
  :: else
  fi
#endif
}

inline publish(cells) {
#ifdef NO_FENCE_1
  atomic { ROOM_IN_BUFFER -> note_published(cells); STORE(me, CELL(at), MESSAGE(cells)) }
#else
  atomic {
    DRAINED(me) ->
    assert(memory[CELL(at)] == MINE); /* nobody takes a living writer's claim away */
    memory[CELL(at)] = MESSAGE(cells); /* [S1] */
    note_published(cells)
  }
#endif
}

#ifdef RUN
#define REST MESSAGE(1)
#else
#define REST SKIP(1)
#endif
inline fill_and_publish() {
  if
  :: SIZE == 2 -> STORE(me, CELL(at + 1), PAYLOAD); publish(2)
#if defined(SHORT) || defined(RUN)
  :: SIZE == 2 ->
#ifdef REST_LATE
     publish(1);
     STORE(me, CELL(at + 1), REST)
#else
     STORE(me, CELL(at + 1), REST);
     publish(1)
#endif
#endif
  :: SIZE == 1 -> publish(1)
  fi
}

#ifdef NEWCOMER
#define READY_TO_END ((ended[0] || gone[0]) && (ended[1] || gone[1]))
inline join() {
  if
#if KILL > 1
  :: atomic { gone[0] && gone[1] && holder[1] == NOBODY -> slot = 1; holder[1] = me; home[me] = 1 }
#else
  :: atomic { gone[0] && holder[0] == NOBODY -> slot = 0; holder[0] = me; home[me] = 0 }
#endif
  :: atomic { READY_TO_END -> ended[me] = 1; goto leave } /* nobody dies any more */
  fi;
#ifndef JOIN_FORGETS
  clear_slot();
#endif
  atomic { DRAINED(me) -> owner[home[me]] = me; slot = 0 }
}
#endif

proctype Writer(byte me; byte claims) {
  byte round, at, place, word, slot, seen;
  bit ok;
  {
#ifdef NEWCOMER
    if
    :: me == NEW_WRITER -> join()
    :: else
    fi;
#endif
    do
    :: round < claims ->
       take_lock();
       walk();
       look_for_room();
       if
       :: atomic { ok -> round++; assert(at == end_) }; /* nobody's claim is overwritten, and there is no gap */
          claim();
          drop_lock();
#ifdef NOTE_SHORT
          STORE(me, NOTE(home[me]), 0);
#endif
          fill_and_publish();
          STORE_RELEASE(me, NOTE(home[me]), 0) /* [M3] */
       :: else -> drop_lock(); wait_for_room()
       fi;
       atomic { ok = 0; at = 0 }
    :: else -> break
    od;
    ended[me] = 1
  leave:
    skip
  } UNLESS_KILLED
}

/* ---- The reader */

#ifdef NEWCOMER
#define ALL_LEFT ((ended[0] || gone[0]) && (ended[1] || gone[1]) && ended[NEW_WRITER])
#define ALL_WRITTEN (ALL_LEFT && DRAINED(0) && DRAINED(1) && DRAINED(NEW_WRITER))
#else
#define ALL_LEFT ((ended[0] || gone[0]) && (ended[1] || gone[1]))
#define ALL_WRITTEN (ALL_LEFT && DRAINED(0) && DRAINED(1))
#endif

/* At the end of its use: whoever wrote there meanwhile has changed it. */
inline check_message() {
  assert(has[from] && LOAD(me, CELL(from)) == now);
  assert(CELLS(now) == 1 || LOAD(me, CELL(from + 1)) == PAYLOAD)
}

proctype Reader(byte me) {
  byte from, now, read, place, word, slot;
  bit ok;
  do
  :: now = LOAD(me, CELL(from)); /* [S1] */
     if
     :: now == 0 ->
        if
        :: memory[CELL(from)] != 0
        :: memory[CELL(from)] == 0 && ALL_WRITTEN -> break
        fi
     :: IS_CLAIM(now) ->
        assert(begins[from]);
        if
        :: memory[CELL(from)] != now
        :: memory[CELL(from)] == now && holder[SLOT_OF(now)] == NOBODY ->
           reap(SLOT_OF(now));
           assert(!ok || memory[CELL(from)] != now); /* whoever proved the death is held up no more */
           ok = 0
        fi
     :: now != 0 && !IS_CLAIM(now) ->
        atomic {
          ROOM_IN_BUFFER ->
          if
          :: now >= MESSAGE(1) -> check_message(); read++
          :: else -> assert(!has[from]) /* a skip: no message is lost */
          fi;
          from = from + CELLS(now);
          STORE_RELEASE(me, CURSOR, from + 1) /* [S3] */
        }
     fi;
     now = 0
  od;
  assert(read == messages);
  ended[me] = 1
}

#ifdef LOOKER
proctype Looker(byte me) {
  byte from, now;
  from = LOAD(me, TAIL); /* [S5] */
  do
  :: now = LOAD(me, CELL(from)); /* [M1] */
     if
     :: now == 0 -> break
     :: else ->
        assert(begins[from]); /* never an old word */
        from = from + CELLS(now)
     fi
  od
}
#endif

#if KILL > 0
proctype Killer(byte victim) {
  if
  :: skip
  :: killed[victim] = 1;
     atomic {
       DRAINED(victim) ->
       gone[victim] = 1;
       if
       :: holder[0] == victim -> holder[0] = NOBODY
       :: else
       fi;
       if
       :: holder[1] == victim -> holder[1] = NOBODY
       :: else
       fi
     }
  fi
}
#endif

init {
  byte i;
  atomic {
    for (i : 1 .. RING - 1) { memory[CELL(i)] = OLD }
    for (i : 0 .. 1) {
      holder[i] = i;
      owner[i] = i;
      home[i] = i
    }
    memory[CURSOR] = 1;
    for (i : 0 .. PROCESSES - 1) { run Drain(i) }
    run Writer(0, CLAIMS);
    run Writer(1, CLAIMS_2);
    run Reader(READER);
#ifdef LOOKER
    run Looker(LOOKING);
#endif
#ifdef NEWCOMER
    run Writer(NEW_WRITER, NEW_CLAIMS);
#endif
#if KILL > 0
    for (i : 1 .. KILL) { run Killer(i - 1) }
#endif
    i = 0
  }
}

#ifdef LIVE
ltl all_read { <> ended[READER] }
#endif
