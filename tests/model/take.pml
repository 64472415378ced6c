/* take.pml: a queue: taking, handing back, what a dead taker held (src/stream*.c). README.md here says what it shows and what not.
 *
 * A ring of RING cells. A record is its word and one or two cells of payload. A writer publishes MESSAGES messages, in turn of two cells and
 * of three, and waits for room. The payload is the most hostile there is: the last cell of the second message, which comes to lie where the
 * first message's word was, looks like that word, or like the same once the first taker has it (-DLIKE_TAKEN), or like a longer message that
 * is done (-DLIKE_DONE), and leads to the cell before, which looks like a message. The ring is full of old words at the beginning, but for its
 * first cell. Two takers take one message at a time until all
 * are done.
 *
 * Taking: find a message, walking from the head; store the intent in the slot; full fence; load the head: the place is behind it: look again;
 * only then compare-and-swap from what was found. Done: a store, then the intent goes. The writer moves the head over what is done, fences,
 * and looks at the intents: nothing from the lowest on is overwritten. Whoever holds the lock of a dead one's slot clears it: if its
 * intent is not behind the head and the word there says that it has it, that becomes a message again, marked; `returned` counts; the intent goes.
 *
 *   -DMESSAGES=n -DRING=n   (2, 4)
 *   -DKILL=1          the first taker is killed or not, at any step; -DKILL=2: the newcomer, too
 *   -DKILL_WRITER     the writer, too; another takes over
 *   -DNEWCOMER        one more taker takes the slot of one that died
 *   -DHAND_BACK       the second taker may hand its first message back
 *
 * and what must break it:
 *
 *   -DNO_FENCE_1      the taker's fence between its intent and the head is missing
 *   -DNO_FENCE_2      the writer's fence between the head and the intents is missing
 *   -DNO_FENCE_3      the record's word may reach memory before its payload (with ANY_ORDER)
 *   -DNO_RELOAD       the taker does not look at the head again
 *   -DNO_CHECK        what is found on the way is believed without looking whether the head has passed it (with LIKE_DONE)
 *   -DNO_SWAP         taking is a load and a store instead of a compare-and-swap
 *   -DNO_INTENTS      intents hold no room
 *   -DDONE_LATE       the intent goes before the message is done
 *   -DLOOK_LATE       the taker looks at its message once more after its intent went
 *   -DNO_REPAIR       what a dead taker held is left to it
 *   -DNO_MARK         what a dead taker held is not marked
 *   -DNO_HEAD         clearing up does not ask whether the intent is behind the head (with LIKE_TAKEN)
 *   -DREPAIR_UNLOCKED a slot is cleared without its lock
 *   -DJOIN_FORGETS    a newcomer does not clear up what its slot's former owner left
 *   -DNO_RETURNED     `returned` is not raised
 *   -DRETURNED_EARLY  `returned` is raised before the word is a message again
 *   -DRETURNED_ONCE   `returned` is raised only by whoever changes the word
 *   -DRETURNED_LATE   `returned` is raised after the intent went
 *   -DRETURNED_PLAIN  `returned` is raised by a load and a store
 *   -DSWAP_RETURNED   a taker loads `returned` after it has looked at everything
 *   -DTRUST_HEAD      a new writer takes the head for what takers need (with KILL_WRITER)
 */
#ifndef KILL
#define KILL 0
#endif
#define TAKERS 2
#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef RING
#define RING 4
#endif

#ifdef NEWCOMER
#define NEW_TAKER TAKERS
#define WRITER (TAKERS + 1)
#else
#define WRITER TAKERS
#endif
#ifdef KILL_WRITER
#define NEXT_WRITER (WRITER + 1)
#define PROCESSES (WRITER + 2)
#else
#define PROCESSES (WRITER + 1)
#endif
#ifndef DEPTH
#define DEPTH 2
#endif
#define HEAD 0
#define RETURNED 1
#define INTENT(slot) (2 + (slot)) /* position + 1; 0: none */
#define CELL(p) (2 + TAKERS + (p) % RING)
#define WORDS (2 + TAKERS + RING)
#define POSITIONS (3 * MESSAGES + 2)

/* What a cell may hold: a word, of one to three cells; payload looks like one. */
#define DONE(cells) (cells)
#define MESSAGE(cells) (3 + (cells))
#define AGAIN(cells) (6 + (cells))
#define TAKEN(slot, cells) (9 + 3 * (slot) + (cells))
#define CELLS(word) (((word) - 1) % 3 + 1)
#define IS_DONE(word) ((word) >= 1 && (word) <= 3)
#define IS_MESSAGE(word) ((word) >= 4 && (word) <= 9)
#define IS_MARKED(word) ((word) >= 7 && (word) <= 9)
#define IS_TAKEN_BY(slot, word) ((word) > 9 && ((word) - 10) / 3 == (slot))
#define OLD MESSAGE(1)
#define PAYLOAD MESSAGE(1)
#if defined(LIKE_TAKEN)
#define LAST_PAYLOAD TAKEN(0, 2)
#elif defined(LIKE_DONE)
#define LAST_PAYLOAD DONE(3)
#else
#define LAST_PAYLOAD MESSAGE(2)
#endif

#include "memory.pml"

#define NOBODY 255
byte holder[TAKERS] = NOBODY; /* of the slot's lock byte; the kernel's */
byte home[PROCESSES];
bit killed[PROCESSES], gone[PROCESSES], ended[PROCESSES];

/* What is true, whatever memory says. */
byte size[POSITIONS];            /* of the message published here, in cells */
bit given[POSITIONS];            /* at least once */
bit done[POSITIONS];
byte taker[POSITIONS] = NOBODY;  /* who has it */
byte left_ = MESSAGES;           /* not done yet, or not published */

#if KILL > 0
#define UNLESS_KILLED unless { killed[me] }
#else
#define UNLESS_KILLED
#endif
#ifdef KILL_WRITER
#define UNLESS_WRITER_KILLED unless { killed[me] }
#else
#define UNLESS_WRITER_KILLED
#endif

#define ROOM_IN_BUFFER (buffer[me].count < DEPTH) /* what is true and what is stored change in one step */

inline raise_returned() {
#ifdef RETURNED_PLAIN
  word = LOAD(me, RETURNED);
  STORE(me, RETURNED, word + 1)
#elif defined(NO_RETURNED)
  skip
#else
  ATOMICALLY(me, memory[RETURNED]++) /* [Q4] */
#endif
}

/* ---- Clearing up: whoever holds the slot's lock */

inline hand_on() {
#ifdef RETURNED_EARLY
  raise_returned();
#endif
#ifndef NO_REPAIR
  word = LOAD(me, CELL(place));
  if
  :: IS_TAKEN_BY(slot, word) ->
#ifdef NO_MARK
     STORE(me, CELL(place), MESSAGE(CELLS(word)));
#else
     STORE(me, CELL(place), AGAIN(CELLS(word)));
#endif
#ifdef RETURNED_ONCE
     raise_returned()
#endif
  :: !IS_TAKEN_BY(slot, word)
  fi;
#endif
#if !defined(RETURNED_EARLY) && !defined(RETURNED_ONCE) && !defined(RETURNED_LATE)
  raise_returned()
#else
  skip
#endif
}

#ifdef NO_HEAD
#define BEHIND_HEAD(position) 0
#else
#define BEHIND_HEAD(position) (LOAD(me, HEAD) > position)
#endif

inline clear_slot() {
  place = LOAD(me, INTENT(slot));
  if
  :: place != 0 && !BEHIND_HEAD(place - 1) -> place--; hand_on()
  :: place != 0 && BEHIND_HEAD(place - 1) /* it had not got as far as its look at the head, and took nothing */
  :: place == 0
  fi;
  atomic { ROOM_IN_BUFFER -> word = 0; place = 0; ok = 0; STORE_RELEASE(me, INTENT(slot), 0) } /* [Q3] */
#ifdef RETURNED_LATE
  ;
  raise_returned()
#endif
}

/* Unless somebody else does it, or has the slot. */
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

#define HELD_BY_DEAD(slot) (holder[slot] == NOBODY && memory[INTENT(slot)] != 0)

/* ---- The writer */

#define SIZE(number) ((number) % 2 + 2)
#define COUNTS(intent) ((intent) != 0 && (intent) - 1 <= position && (intent) - 1 + RING >= limit)

#define COULD_MOVE(slot) (!COUNTS(memory[INTENT(slot)]) || memory[INTENT(slot)] - 1 + RING >= end)

inline look_at(slot) {
  intent = LOAD(me, INTENT(slot));
  if
  :: COUNTS(intent) && intent - 1 < smallest -> smallest = intent - 1
  :: else
  fi;
  intent = 0
}

inline scan() {
#ifdef NO_INTENTS
  smallest = NOBODY;
#else
  atomic { smallest = NOBODY; look_at(0) };
  atomic { look_at(1) };
#endif
  atomic {
    smallest = (smallest < head -> smallest : head);
    limit = (smallest + RING > limit -> smallest + RING : limit);
    smallest = 0
  }
}

/* Make room up to end. */
inline raise_limit() {
  do
  :: limit >= end -> break
  :: atomic {
       limit < end ->
       do
       :: IS_DONE(LOAD(me, CELL(head))) && head < position -> head = head + CELLS(LOAD(me, CELL(head)))
       :: else -> break
       od;
       ok = 0
     };
     STORE(me, HEAD, head);
#ifndef NO_FENCE_2
     FENCE(me); /* [Q2] full: the head, then the intents */
#endif
     scan();
     if
     :: limit >= end
     :: limit < end && head < position && IS_DONE(memory[CELL(head)])
     :: limit < end && head + RING >= end && COULD_MOVE(0) && COULD_MOVE(1)
     :: limit < end && HELD_BY_DEAD(0) -> reap(0)
     :: limit < end && HELD_BY_DEAD(1) -> reap(1)
     fi
  od
}

inline take_over() {
  atomic {
    head = LOAD(me, HEAD);
    position = head;
    do
    :: LOAD(me, CELL(position)) != 0 ->
       assert(size[position] == CELLS(LOAD(me, CELL(position))));
       position = position + size[position]
    :: else -> break
    od;
    do
    :: number < MESSAGES && size[end] != 0 -> end = end + size[end]; number++
    :: else -> break
    od;
    assert(end == position);
#ifdef TRUST_HEAD
    limit = head + RING;
#else
    limit = position; /* nothing a lap below the end can be overwritten yet */
#endif
    end = 0
  }
}

proctype Writer(byte me) {
  byte position, head, number, limit = RING, end, smallest, intent, place, word, slot;
  bit ok;
  {
#ifdef KILL_WRITER
    if
    :: me == NEXT_WRITER ->
       if
       :: gone[WRITER]; take_over()
       :: ended[WRITER] -> number = MESSAGES
       fi
    :: else
    fi;
#endif
    do
    :: atomic { number < MESSAGES -> end = position + SIZE(number) + 1 };
       raise_limit();
       assert(limit >= end);
       STORE(me, CELL(position + SIZE(number)), 0);
       STORE(me, CELL(position + 1), PAYLOAD);
       if
       :: SIZE(number) == 3 -> STORE(me, CELL(position + 2), LAST_PAYLOAD)
       :: else
       fi;
       atomic {
         ROOM_IN_BUFFER ->
         size[position] = SIZE(number);
#ifdef NO_FENCE_3
         STORE(me, CELL(position), MESSAGE(SIZE(number)));
#else
         STORE_RELEASE(me, CELL(position), MESSAGE(SIZE(number))); /* [S1] */
#endif
         position = position + SIZE(number);
         number++;
         end = 0
       }
    :: number == MESSAGES -> break
    od;
    ended[me] = 1
  } UNLESS_WRITER_KILLED
}

/* ---- Takers */

inline check_payload() {
  assert(LOAD(me, CELL(at + 1)) == PAYLOAD);
  assert(CELLS(now) == 2 || LOAD(me, CELL(at + 2)) == LAST_PAYLOAD)
}

/* At the end of its use: whoever wrote there meanwhile has changed it. */
inline check_message() {
  assert(LOAD(me, CELL(at)) == TAKEN(home[me], CELLS(now)));
  check_payload()
}

inline note_taken() {
  assert(size[at] == CELLS(now)); /* a message begins here */
  assert(!done[at]);
  assert(taker[at] == NOBODY || gone[taker[at]]); /* nobody alive has it */
  assert(!given[at] || IS_MARKED(now));
  given[at] = 1;
  taker[at] = me
}

inline drop_intent() {
  STORE_RELEASE(me, INTENT(home[me]), 0) /* [Q3] the last look at the message */
}

inline finish() {
  atomic {
    ROOM_IN_BUFFER ->
    taker[at] = NOBODY;
    done[at] = 1;
    left_--;
    STORE_RELEASE(me, CELL(at), DONE(CELLS(now)))
  }
}

inline use() {
  if
#ifdef HAND_BACK
  :: atomic { me == 1 && !handed && ROOM_IN_BUFFER -> handed = 1; taker[at] = NOBODY; STORE(me, CELL(at), AGAIN(CELLS(now))) };
     raise_returned();
     drop_intent()
#endif
#if defined(DONE_LATE)
  :: drop_intent();
     finish()
#elif defined(LOOK_LATE)
  :: finish();
     drop_intent();
     atomic { check_payload() }
#else
  :: atomic { ROOM_IN_BUFFER -> check_message() };
     finish();
     drop_intent()
#endif
  fi
}

/* What the head says now: ok if it has not passed the place. */
inline check_head() {
#if defined(NO_RELOAD)
  ok = 1
#elif defined(NO_FENCE_1)
  ok = (LOAD(me, HEAD) <= at)
#else
  atomic { DRAINED(me) -> ok = (LOAD(me, HEAD) <= at) } /* [Q2] full: the intent, then the head */
#endif
}

inline try_take() {
  STORE(me, INTENT(home[me]), at + 1);
  check_head();
  if
#ifdef NO_SWAP
  :: atomic { ok && LOAD(me, CELL(at)) == now -> ok = 0 };
     atomic { ROOM_IN_BUFFER -> note_taken(); STORE(me, CELL(at), TAKEN(home[me], CELLS(now))) };
     use();
     at = at + CELLS(now)
  :: atomic { ok && LOAD(me, CELL(at)) != now -> ok = 0 };
     drop_intent()
#else
  :: atomic { ok && DRAINED(me) && memory[CELL(at)] == now -> memory[CELL(at)] = TAKEN(home[me], CELLS(now)); note_taken(); ok = 0 }; /* [Q1] */
     use();
     at = at + CELLS(now)
  :: atomic { ok && DRAINED(me) && memory[CELL(at)] != now -> ok = 0 };
     drop_intent()
#endif
  :: atomic { !ok -> drop_intent() }
  fi
}

inline look_again() {
#ifndef SWAP_RETURNED
  seen = LOAD(me, RETURNED); /* [Q4] before the head and all that is looked at from there */
#endif
  at = LOAD(me, HEAD)
}

#ifdef NEWCOMER
inline join() {
  if
  :: atomic { gone[0] && holder[0] == NOBODY -> slot = 0; holder[0] = me; home[me] = 0 }
  :: atomic { left_ == 0 -> goto leave }
  fi;
#ifndef JOIN_FORGETS
  clear_slot();
#endif
  atomic { DRAINED(me) -> slot = 0 }
}
#endif

#ifdef NO_CHECK
#define NOT_PASSED 1
#else
#define NOT_PASSED (LOAD(me, HEAD) <= at)
#endif

proctype Taker(byte me) {
  byte at, now, seen, place, word, slot;
  bit ok, handed;
  {
#ifdef NEWCOMER
    if
    :: me == NEW_TAKER -> join()
    :: else
    fi;
#endif
    look_again();
    do
    :: LOAD(me, RETURNED) != seen -> look_again()
    :: atomic { LOAD(me, RETURNED) == seen -> now = LOAD(me, CELL(at)) };
       if
       :: !NOT_PASSED -> at = LOAD(me, HEAD) /* [S4] after the look: it may have been anything */
       :: now == 0 && NOT_PASSED ->
#ifdef SWAP_RETURNED
          seen = LOAD(me, RETURNED);
#endif
          if
          :: left_ == 0 -> break
          :: memory[CELL(at)] != 0
          :: memory[HEAD] > at
          :: memory[RETURNED] != seen
          :: HELD_BY_DEAD(0) -> reap(0)
          :: HELD_BY_DEAD(1) -> reap(1)
          fi
       :: IS_MESSAGE(now) && NOT_PASSED -> try_take()
       :: now != 0 && !IS_MESSAGE(now) && NOT_PASSED -> at = at + CELLS(now)
       fi;
       atomic { now = 0; ok = 0 }
    od;
  leave:
    ended[me] = 1
  } UNLESS_KILLED
}
#if KILL > 0 || defined(KILL_WRITER)
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
    for (i : 0 .. TAKERS - 1) {
      holder[i] = i;
      home[i] = i
    }
    for (i : 0 .. PROCESSES - 1) { run Drain(i) }
    for (i : 0 .. TAKERS - 1) { run Taker(i) }
#ifdef NEWCOMER
    run Taker(NEW_TAKER);
#endif
    run Writer(WRITER);
#ifdef KILL_WRITER
    run Writer(NEXT_WRITER);
    run Killer(WRITER);
#endif
#if KILL > 0
    run Killer(0);
#endif
#if KILL > 1
    run Killer(NEW_TAKER);
#endif
    i = 0
  }
}

#ifdef LIVE
ltl all_done { <> (left_ == 0) }
#endif
