/* lock.pml: the lock that survives its owner (src/lock.c). README.md here says what it shows and what it does not.
 *
 * TAKERS participants, each with a slot, enter the critical section ROUNDS times. In it they store the words A and B one after the
 * other, between two notes in their slot: NOTE(slot) is 1 from joining to leaving, 2 inside, and 0 once somebody cleared up. To
 * clear a slot up whose note is 2 is to store B = A, so that everybody who enters finds A = B. KEPT(slot) stands for whatever else a
 * participant keeps there (1, and 0 once cleared up), as a board's pins. Whoever holds the dead one's slot
 * lock clears it up: a repairer, which then takes the dead one's place in the lock's word, or a newcomer that gets the slot.
 *
 *   -DTAKERS=n -DROUNDS=n   (2 and 2)
 *   -DNEWCOMER        one more participant comes and takes the slot of one that died
 *   -DKILL=n          participants 0 to n - 1, who are like the others, are killed or not, at any step; needs SLICES
 *   -DSLICES          a sleeper may wake by itself at any time, as if its slice were over
 *   -DNO_NOTES        nobody notes what it does inside (without KILL)
 *   -DGIVE_WAY        who has woken somebody at two of its drops waits at its next take while the lock is free, until a clock of its own says
 *                     that it is enough, which may be at once
 *   -DIN_TIME         the same, and who was woken has looked before that clock says so: then nobody (of two) is woken twice in vain
 *   -DLIVE            check by acceptance cycles that every living participant gets through
 *
 * and what must break it:
 *
 *   -DNO_FENCE_1      unlock looks at the waiters bit and then stores 0, instead of exchanging
 *   -DNO_FENCE_2      the lock is taken by a load and a store instead of a compare-and-swap
 *   -DNO_FENCE_3      unlock's store may reach memory before the critical section's (with ANY_ORDER)
 *   -DFORGET_WAITERS  whoever slept takes the lock without the waiters bit
 *   -DNO_FENCE_4      the slot's new generation may reach memory before what was cleared up (with ANY_ORDER and NEWCOMER)
 *   -DNO_REREAD       the repairer stores its own word without looking whether the dead one's is still there
 *   -DNO_REPAIR       the repairer does not finish what the dead owner began
 *   -DREPAIR_LATE     the repairer takes the dead one's place first and then finishes what it began; it may die in between
 *   -DJOIN_FORGETS    a newcomer does not finish what the slot's former owner began
 *   -DTRUST_SLOT      nothing tells a dead owner's word from its slot's next owner (no generation), and the dead one's slot lock
 *                     is not taken either
 *   -DNO_WAY          nobody gives way (with IN_TIME)
 *   -DWAY_FOREVER     the clock never says that it is enough (with GIVE_WAY and KILL)
 *   -DCLEAR_LIVING    finding the word of a slot's former owner, the repairer also clears the slot, which has a new owner
 */
#ifndef TAKERS
#define TAKERS 2
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef KILL
#define KILL 0
#endif
#ifdef IN_TIME
#define GIVE_WAY
#endif
#ifdef NEWCOMER
#define PROCESSES (TAKERS + 1)
#else
#define PROCESSES TAKERS
#endif

#ifndef DEPTH
#define DEPTH 2
#endif
#define WORD 0 /* who has the lock: 2 x (participant + 1) + waiters bit, 0 free; participant stands for {slot, generation} */
#define A 1
#define B 2
#define NOTE(slot) (3 + (slot))
#define GENERATION(slot) (3 + TAKERS + (slot))
#define KEPT(slot) (3 + 2 * TAKERS + (slot))
#ifdef NEWCOMER
#define WORDS (3 + 3 * TAKERS)
#else
#define WORDS (3 + 2 * TAKERS)
#endif
#define WAITERS 1
#define MINE (2 * (me + 1))
#define OWNER(word) ((word) / 2 - 1)
#define NOBODY 255

#include "memory.pml"

byte holder[TAKERS] = NOBODY; /* of the slot's lock byte; the kernel's */
byte home[PROCESSES];         /* the slot that a participant's word names */
bit asleep[PROCESSES], killed[PROCESSES], gone[PROCESSES], ended[PROCESSES];
#ifdef GIVE_WAY
bit called[PROCESSES];    /* was woken, and has not looked yet */
byte in_vain[PROCESSES];  /* how often it was woken and found the lock taken, since it last had it */
#endif
byte inside = NOBODY; /* who believes to be in the critical section */

#if KILL > 0
#define UNLESS_KILLED unless { killed[me] }
#else
#define UNLESS_KILLED
#endif

/* from -> to, in one step; ok says whether it was from. Where what follows touches nothing shared it belongs to the same step: fewer
 * states, and no behaviour less. */
inline compare_and_swap(from, to) {
  DRAINED(me) ->
  if
  :: memory[WORD] == (from) -> memory[WORD] = to; ok = 1
  :: else -> ok = 0
  fi
}

/* If it is not free, seen is what it is instead. */
inline try_free(to) {
#ifdef NO_FENCE_2
  seen = LOAD(me, WORD);
  ok = (seen == 0);
  if
  :: ok -> STORE(me, WORD, to)
  :: else
  fi
#else
  atomic {
    compare_and_swap(0, to); /* [L1] */
    seen = (ok -> 0 : memory[WORD])
  }
#endif
}

/* The owner of this slot is dead: finish what it began, clear what it kept. May be repeated. */
inline clear_slot(slot) {
#ifndef NO_REPAIR
  if
  :: LOAD(me, NOTE(slot)) == 2 -> STORE(me, B, LOAD(me, A))
  :: else
  fi;
#endif
  STORE_RELEASE(me, NOTE(slot), 0)
#ifdef NEWCOMER
  ;
  STORE(me, KEPT(slot), 0)
#endif
}

/* The owner named by seen is proven dead: take its place. */
inline replace() {
#ifdef NO_REREAD
  atomic { DRAINED(me) -> memory[WORD] = MINE + WAITERS; ok = 1 }
#else
  atomic { compare_and_swap(seen, MINE + WAITERS) }
#endif
}

/* Holding no lock of the slot, find out, clear up, take over: what TRUST_SLOT does in place of replace_locked. */
inline replace_unlocked() {
  clear_slot(slot);
  atomic {
    DRAINED(me) ->
    ok = (memory[WORD] != 0 && home[OWNER(memory[WORD])] == slot);
    if
    :: ok -> memory[WORD] = MINE + WAITERS
    :: else
    fi
  }
}

inline replace_locked() {
  if
  :: atomic { holder[slot] == NOBODY -> holder[slot] = me };
#ifdef NO_REREAD
     ok = 1;
#else
     ok = (LOAD(me, WORD) == seen); /* [L1] again, under the slot's lock */
#endif
     if
     :: ok ->
#ifdef REPAIR_LATE
        replace();
        if
        :: ok -> clear_slot(slot)
        :: else
        fi
#else
        clear_slot(slot);
        replace() /* from here on it keeps everybody out for us, not for the dead one */
#endif
     :: else
     fi;
     atomic { DRAINED(me) -> holder[slot] = NOBODY } /* a call of the system */
  :: holder[slot] != NOBODY /* somebody else repairs, or joins */
  fi
}

inline replace_former() {
#if defined(NEWCOMER) && !defined(TRUST_SLOT)
  if
  :: LOAD(me, GENERATION(slot)) != OWNER(seen) -> /* the slot has a new owner, which has cleared up */
     replace();
#ifdef CLEAR_LIVING
     if
     :: ok -> clear_slot(slot)
     :: else
     fi
#endif
  :: else
  fi
#else
  skip
#endif
}

inline try_dead() {
  if
  :: atomic { home[OWNER(seen)] == home[me] -> slot = home[me] }; /* a former owner of the own slot */
     replace()
  :: atomic { home[OWNER(seen)] != home[me] && holder[home[OWNER(seen)]] != NOBODY -> slot = home[OWNER(seen)] };
     replace_former()
  :: atomic { home[OWNER(seen)] != home[me] && holder[home[OWNER(seen)]] == NOBODY -> slot = home[OWNER(seen)] };
#ifdef TRUST_SLOT
     replace_unlocked()
#else
     replace_locked()
#endif
  fi
}

inline sleep_on() {
  atomic {
    slot = 0;
    if
    :: seen & WAITERS -> ok = 1
    :: else -> compare_and_swap(seen, seen + WAITERS) /* [L2] */
    fi
  };
  if
  :: atomic { ok && DRAINED(me) -> ok = 0; asleep[me] = (memory[WORD] == (seen | WAITERS)); seen = 0 };
     if
     :: !asleep[me]
#ifdef SLICES
     :: asleep[me] -> asleep[me] = 0
#endif
     fi
  :: atomic { !ok -> seen = 0 }
  fi
}

#ifdef FORGET_WAITERS
#define MINE_AFTER_SLEEP MINE
#else
#define MINE_AFTER_SLEEP (MINE + WAITERS)
#endif

#if defined(WAY_FOREVER)
#define ENOUGH 0
#elif defined(IN_TIME)
#define ENOUGH (!called[1 - me])
#else
#define ENOUGH 1
#endif

/* It asks nobody and stores nothing: it only looks whether the lock is free still. */
inline give_way() {
#ifdef GIVE_WAY
  if
  :: owed ->
     atomic { pressed = 0; owed = 0 };
     if
     :: LOAD(me, WORD) != 0
     :: ENOUGH
     fi
  :: else
  fi
#else
  skip
#endif
}

inline note_look() {
#ifdef GIVE_WAY
  d_step {
    if
    :: called[me] && !ok -> in_vain[me]++
    :: else
    fi;
    called[me] = 0;
#ifdef IN_TIME
    assert(in_vain[me] <= 1)
#endif
  }
#else
  skip
#endif
}

/* When somebody was woken: at the second time, which is late enough after the first, a turn is owed. */
inline note_waiter() {
#if defined(GIVE_WAY) && !defined(NO_WAY)
  owed = pressed;
  pressed = 1
#else
  skip
#endif
}

inline take() {
  give_way();
  try_free(MINE);
  do
  :: ok -> break
  :: else ->
     try_free(MINE_AFTER_SLEEP);
     note_look();
     if
     :: ok -> break
     :: else -> try_dead()
     fi;
     if
     :: ok -> break
     :: else -> sleep_on()
     fi
  od
}

inline drop() {
#if defined(NO_FENCE_3)
  seen = LOAD(me, WORD);
  STORE(me, WORD, 0);
#elif defined(NO_FENCE_1)
  seen = LOAD(me, WORD);
  STORE_RELEASE(me, WORD, 0);
#else
  atomic { DRAINED(me) -> seen = memory[WORD]; memory[WORD] = 0 }; /* [L1] [L2] */
#endif
  atomic {
    if
    :: seen & WAITERS -> wake_one()
    :: else
    fi;
    seen = 0
  }
}

#ifdef GIVE_WAY
#define CALL(p) called[p] = 1
#else
#define CALL(p) skip
#endif

inline wake_one() {
  if
  :: asleep[0] -> asleep[0] = 0; CALL(0); note_waiter()
  :: asleep[1] -> asleep[1] = 0; CALL(1); note_waiter()
#if PROCESSES > 2
  :: asleep[2] -> asleep[2] = 0; CALL(2); note_waiter()
#endif
  :: else
  fi
}

inline critical_section() {
  atomic {
    assert(inside == NOBODY || killed[inside]); /* exclusion */
    inside = me;
#ifdef GIVE_WAY
    in_vain[me] = 0;
    called[me] = 0;
#endif
    ok = 0;
    slot = 0;
    seen = 0
  };
  now = LOAD(me, A);
  assert(now == LOAD(me, B)); /* finished or undone before anybody else enters */
#ifdef NO_NOTES
  STORE(me, A, now + 1);
  STORE(me, B, now + 1);
#else
  STORE(me, NOTE(home[me]), 2);
  STORE_RELEASE(me, A, now + 1); /* the note before what it is about */
  STORE(me, B, now + 1);
  STORE_RELEASE(me, NOTE(home[me]), 1);
#endif
  atomic { assert(inside == me); inside = NOBODY; now = 0 }
}

#ifdef NEWCOMER
inline join() {
  if
  :: atomic { gone[0] && holder[0] == NOBODY -> holder[0] = me; home[me] = 0 }
  :: atomic { gone[1] && holder[1] == NOBODY -> holder[1] = me; home[me] = 1 }
  :: goto leave /* nobody died */
  fi;
#ifdef JOIN_FORGETS
  STORE(me, NOTE(home[me]), 0);
#else
  clear_slot(home[me]);
#endif
#ifdef NO_FENCE_4
  STORE(me, GENERATION(home[me]), me);
#else
  STORE_RELEASE(me, GENERATION(home[me]), me); /* [P2] cleared up before it has a new owner */
#endif
  STORE(me, KEPT(home[me]), 1);
  STORE_RELEASE(me, NOTE(home[me]), 1)
}
#endif

proctype Taker(byte me) {
  byte round, seen, slot, now;
  bit ok;
#ifdef GIVE_WAY
  bit pressed, owed;
#endif
  {
#ifdef NEWCOMER
    if
    :: me == TAKERS -> join()
    :: else
    fi;
#endif
    do
    :: round < ROUNDS ->
       round++;
       take();
       critical_section();
       drop()
    :: else -> break
    od;
    assert(LOAD(me, NOTE(home[me])) == 1); /* nobody took a living one for dead */
#ifdef NEWCOMER
    assert(LOAD(me, KEPT(home[me])) == 1);
#endif
  leave:
    ended[me] = 1
  } UNLESS_KILLED
}

#if KILL > 0
inline give_up(slot) {
  if
  :: holder[slot] == victim -> holder[slot] = NOBODY
  :: else
  fi
}

proctype Killer(byte victim) {
  if
  :: skip /* not at all */
  :: killed[victim] = 1;
     atomic {
       DRAINED(victim) ->
       asleep[victim] = 0;
#ifdef GIVE_WAY
       called[victim] = 0;
#endif
       gone[victim] = 1;
       give_up(0);
       give_up(1)
#if TAKERS > 2
       ;
       give_up(2)
#endif
     }
  fi
}
#endif

init {
  byte i;
  atomic {
    for (i : 0 .. TAKERS - 1) {
      holder[i] = i;
      home[i] = i;
      memory[NOTE(i)] = 1;
#ifdef NEWCOMER
      memory[KEPT(i)] = 1;
#endif
      memory[GENERATION(i)] = i
    }
    for (i : 0 .. PROCESSES - 1) {
      run Drain(i);
      run Taker(i)
    }
#if KILL > 0
    for (i : 1 .. KILL) { run Killer(i - 1) }
#endif
    i = 0
  }
}

#ifdef LIVE
#define THROUGH(p) (ended[p] || killed[p])
#if PROCESSES > 2
ltl all_get_through { <> (THROUGH(0) && THROUGH(1) && THROUGH(2)) }
#else
ltl all_get_through { <> (THROUGH(0) && THROUGH(1)) }
#endif
#endif
