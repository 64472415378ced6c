/* wait.pml: sleep and wake (src/wait.c). README.md here says what it shows and what it does not.
 *
 * Readers wait until they have seen all that the publishers publish. Each publisher has a word of news of its own; a reader
 * looks at all of them. -DREADERS=n -DPUBLISHERS=n -DPUBLISH=n (each) set the size.
 *
 * With -DFEW it is a queue: each message is for one reader, which takes it; the first reader leaves after one, the last takes all others. A
 * publisher wakes as many as it has published messages, and all only if fewer sleep (tn_wake_few).
 *
 *   -DSLICES          a sleeper may wake by itself at any time, as if its slice were over
 *   -DSLICES_ENDED=n  the same, n times for each reader at most: then a wake that is lost shows as one left asleep
 *   -DKILL=n          up to n of the publishers and readers are killed, at any step
 *   -DEVENTS          each reader sleeps on an event of its own (Windows) instead of on seq
 *   -DPUBLISHER_FENCES  publishers fence; the sleeper's barrier is a fence of its own (no membarrier, or not registered)
 *   -DBATCH           a publisher publishes all it has with one store (with FEW)
 *   -DLIVE            check by acceptance cycles that every reader ends
 *
 * and what must break it:
 *
 *   -DNO_FENCE_1      the sleeper's barrier between announcing and looking is missing
 *   -DNO_FENCE_2      the publisher's fence between publishing and looking for sleepers is missing (with PUBLISHER_FENCES)
 *   -DNO_FENCE_3      the waker's seq + 1 is no atomic operation, so that neither it nor the clearing before it is fenced
 *   -DNO_FENCE_4      the slot's note and the common announcement may reach memory in any order (with ANY_ORDER and EVENTS)
 *   -DSWAP_W2         the sleeper reads seq after its look instead of before announcing
 *   -DNO_BUMP         the waker does not change seq
 *   -DCLEAR_LATE      the waker clears the announcement after it changed seq instead of before
 *   -DCLEAR_NEVER     nobody clears the announcement
 *   -DSTAND_ON_OTHERS a sleeper whose slice is over does not look whether seq is as it was before it announced
 *   -DNO_FENCE_5      the change of seq before as many are woken as there are messages is no atomic operation (with FEW)
 *   -DNO_BUMP_1       no change of seq before as many are woken: only a fence (with FEW); this may be missing
 *   -DFORGET_OTHERS   the announcement is taken away when as many slept as there are messages, too (with FEW)
 *   -DWAKE_NONE       when fewer slept the announcement is taken away, but nobody is woken for it (with FEW)
 *   -DWAKE_FEWER      one is woken, however many messages there are (with FEW and BATCH)
 *   -DASK_LATE        a reader asks whether the publisher lives after its last look instead of before
 */
#ifndef READERS
#define READERS 1
#endif
#ifndef PUBLISHERS
#define PUBLISHERS 1
#endif
#ifndef PUBLISH
#define PUBLISH 2
#endif
#ifndef KILL
#define KILL 0
#endif

#define PROCESSES (READERS + PUBLISHERS)
#define DEPTH 3
#define NEWS(i) (i)
#define SEQ PUBLISHERS
#define SLEEPERS (PUBLISHERS + 1)
#define SLEEPING(r) (PUBLISHERS + 2 + (r))
#ifdef FEW
#define TAKEN (PUBLISHERS + 2 + READERS) /* how many of all messages; a word of the ring for each in the code */
#define WORDS (PUBLISHERS + 3 + READERS)
#else
#define WORDS (PUBLISHERS + 2 + READERS)
#endif

#include "memory.pml"

bit asleep[READERS];   /* in the kernel's queue */
#ifdef EVENTS
bit event[READERS];
#endif
bit killed[PROCESSES]; /* executes nothing any more */
bit gone[PROCESSES];   /* the kernel has torn it down: its locks are free */
bit ended[READERS];

#if PUBLISHERS == 1
#define PUBLISHED(p) LOAD(p, NEWS(0))
#define PUBLISHED_IN_MEMORY memory[NEWS(0)]
#define ALL_GONE gone[READERS]
#else
#define PUBLISHED(p) (LOAD(p, NEWS(0)) + LOAD(p, NEWS(1)))
#define PUBLISHED_IN_MEMORY (memory[NEWS(0)] + memory[NEWS(1)])
#define ALL_GONE (gone[READERS] && gone[READERS + 1])
#endif

/* What a reader has not seen is more than `seen`, which stays 0 in a queue. */
#ifdef FEW
#define LOOK(p) (PUBLISHED(p) - memory[TAKEN])
#define IN_MEMORY (PUBLISHED_IN_MEMORY - memory[TAKEN])
#else
#define LOOK(p) PUBLISHED(p)
#define IN_MEMORY PUBLISHED_IN_MEMORY
#endif

#if READERS == 1
#define LIVING_READERS (!gone[0])
#define SHARE(r) (PUBLISHERS * PUBLISH)
#else
#define LIVING_READERS (!gone[0] || !gone[1])
#define SHARE(r) (r == 0 -> 1 : PUBLISHERS * PUBLISH - 1)
#endif

#if KILL > 0
#define UNLESS_KILLED unless { killed[me] }
#else
#define UNLESS_KILLED
#endif

/* membarrier: each process that has joined passes a full fence at some moment within the call. The caller too. */
inline barrier(p) {
#if defined(NO_FENCE_1)
  skip
#elif defined(PUBLISHER_FENCES)
  FENCE(p)
#else
  FENCE(p);
  DRAINED(READERS)
#if PUBLISHERS == 2
  ;
  DRAINED(READERS + 1)
#endif
#endif
}

inline futex_wait(me, expected) {
  /* the kernel compares and goes to sleep in one step, after a full fence */
#ifdef EVENTS
  atomic { DRAINED(me) -> asleep[me] = !event[me]; event[me] = 0 };
#else
  atomic { DRAINED(me) -> asleep[me] = (memory[SEQ] == expected) };
#endif
  if
  :: !asleep[me]
#ifdef SLICES_ENDED
  :: d_step { asleep[me] && slices < SLICES_ENDED -> asleep[me] = 0; slices++ }
#endif
#ifdef SLICES
  :: d_step {
       asleep[me] -> asleep[me] = 0;
       slept_through = (IN_MEMORY > seen -> slept_through + 1 : 0);
       assert(slept_through <= 1)
     }
#endif
  fi
}

/* The announcement of an earlier round, seen by every publisher: nobody has taken it away. seq is looked at before the word. */
#if defined(PUBLISHER_FENCES) || defined(SWAP_W2)
#define STANDS(p) 0 /* announced anew each time */
#elif defined(STAND_ON_OTHERS)
#define STANDS(p) (announced && LOAD(p, SLEEPERS))
#else
#define STANDS(p) (announced && now == expected && LOAD(p, SLEEPERS))
#endif

/* Where nobody is killed nobody else could take what a reader leaves: each has its share. Else they take until nobody publishes any more. */
inline take() {
  ATOMICALLY(me,
    if
    :: IN_MEMORY > 0 -> memory[TAKEN]++; taken++
    :: else /* another was quicker */
    fi)
}
#if KILL > 0
#define HAS_ENOUGH 0
#else
#define HAS_ENOUGH (taken == SHARE(me))
#endif

proctype Reader(byte me) {
  byte seen, expected, now, slept_through;
#ifdef FEW
  byte taken;
#endif
  bit left, announced;
#ifdef SLICES_ENDED
  byte slices;
#endif
  {
    do
    ::
#ifndef ASK_LATE
       left = ALL_GONE; /* before the look: what a publisher did before it died counts */
#endif
       now = LOOK(me);
#ifdef ASK_LATE
       left = ALL_GONE;
#endif
       if
       :: now > seen ->
          slept_through = 0;
#ifdef FEW
          take();
          if
          :: HAS_ENOUGH -> break
          :: else
          fi
#else
          seen = now;
          if
          :: seen == PUBLISHERS * PUBLISH -> break
          :: else
          fi
#endif
       :: now == seen && left ->
          assert(seen == IN_MEMORY); /* everything unread comes before "the writer left" */
          break
       :: else ->
#ifdef FEW
          slept_through = 0; /* what it slept through another has taken */
#endif
#ifndef SWAP_W2
          now = LOAD(me, SEQ); /* [W2] before announcing, or before looking whether the announcement stands */
#endif
          STORE(me, SLEEPING(me), 1);
          if
          :: STANDS(me) -> expected = now
          :: else ->
             expected = now;
#ifdef NO_FENCE_4
             STORE(me, SLEEPERS, 1);
#else
             STORE_RELEASE(me, SLEEPERS, 1);
#endif
             barrier(me); /* [W1] announce, then look */
             announced = 1
          fi;
          now = LOOK(me);
#ifdef SWAP_W2
          expected = LOAD(me, SEQ);
#endif
          if
          :: now == seen -> futex_wait(me, expected)
          :: else
          fi;
          STORE(me, SLEEPING(me), 0)
       fi
    od;
    ended[me] = 1
  } UNLESS_KILLED
}

inline clear_announcement(me) {
#ifdef CLEAR_NEVER
  skip
#else
  STORE(me, SLEEPERS, 0)
#endif
}

/* The announcement goes before seq changes: whoever announces later reads the new seq or finds the announcement gone and its own
 * put back by itself; whoever announced earlier is in the kernel's queue, or finds another seq there, or is on its way back. */
inline wake(me) {
#ifndef CLEAR_LATE
  clear_announcement(me);
#endif
#if defined(NO_FENCE_3)
  STORE(me, SEQ, LOAD(me, SEQ) + 1);
#elif defined(NO_BUMP)
  FENCE(me);
#else
  ATOMICALLY(me, memory[SEQ]++); /* [W2] a sleeper that looked too early does not fall asleep any more */
#endif
#ifdef CLEAR_LATE
  clear_announcement(me);
#endif
#ifdef EVENTS
  set_event(0);
#if READERS == 2
  set_event(1);
#endif
#else
#ifndef WAKE_NONE
  d_step {
    asleep[0] = 0
#if READERS == 2
    ;
    asleep[1] = 0
#endif
  }
#endif
#endif
}

inline wake_one() {
  if
  :: asleep[0] -> asleep[0] = 0; woken++
#if READERS == 2
  :: asleep[1] -> asleep[1] = 0; woken++
#endif
  :: else
  fi
}

/* One for each message. If fewer sleep the announcement goes, and who has fallen asleep since then, on the seq that is new already, is woken
 * to announce again. */
inline wake_few(me) {
#ifdef NO_FENCE_5
  STORE(me, SEQ, LOAD(me, SEQ) + 1);
#elif defined(NO_BUMP_1)
  FENCE(me);
#else
  ATOMICALLY(me, memory[SEQ]++);
#endif
  atomic {
    wake_one();
#ifdef BATCH
#ifndef WAKE_FEWER
    if
    :: woken == 1 && PUBLISH > 1 -> wake_one()
    :: else
    fi;
#endif
    enough = (woken == PUBLISH);
#ifdef WAKE_FEWER
    enough = woken;
#endif
#else
    enough = woken;
#endif
    woken = 0
  };
#ifdef FORGET_OTHERS
  clear_announcement(me);
#endif
  if
  :: !enough -> wake(me)
  :: else
  fi
}

/* Windows: an auto-reset event for each slot; only those that are noted asleep are set. */
inline set_event(r) {
  if
  :: LOAD(me, SLEEPING(r)) -> atomic { event[r] = !asleep[r]; asleep[r] = 0 }
  :: else
  fi
}

#ifdef BATCH
#define AT_A_TIME PUBLISH
#else
#define AT_A_TIME 1
#endif

proctype Publisher(byte me) {
  byte n, in_vain;
#ifdef FEW
  byte woken;
  bit enough;
#endif
  {
    do
    :: n < PUBLISH ->
       n = n + AT_A_TIME;
       STORE_RELEASE(me, NEWS(me - READERS), n);
#if defined(PUBLISHER_FENCES) && !defined(NO_FENCE_2)
       FENCE(me);
#endif
       if
       :: LOAD(me, SLEEPERS) -> /* [W1] publish, then look for sleepers */
          if
          :: !LIVING_READERS -> in_vain++
          :: else
          fi;
          assert(in_vain <= 1); /* a dead sleeper costs a publisher one system call, not one a publish */
#ifdef FEW
          wake_few(me)
#else
          wake(me)
#endif
       :: else
       fi
    :: else -> break
    od
  } UNLESS_KILLED
}

#if KILL > 0
proctype Killer() {
  byte victim;
  if
  :: skip
  :: select(victim : 0 .. PROCESSES - 1);
     killed[victim] = 1;
     DRAINED(victim); /* switching to the kernel drains the buffer before any lock is given up */
     d_step {
       gone[victim] = 1;
       if
       :: victim < READERS -> asleep[victim] = 0 /* until now a wake could have been spent on it */
       :: else
       fi;
       victim = 0
     }
  fi
}
#endif

init {
  byte i;
  atomic {
    for (i : 0 .. PROCESSES - 1) { run Drain(i) }
    for (i : 0 .. READERS - 1) { run Reader(i) }
    for (i : READERS .. PROCESSES - 1) { run Publisher(i) }
#if KILL > 0
    for (i : 1 .. KILL) { run Killer() }
#endif
    i = 0
  }
}

/* Without slices nobody may be left asleep while there is news: Spin reports that as an invalid end state. With slices: */
#ifdef LIVE
#if READERS == 1
#define READERS_ENDED (ended[0] || killed[0])
#else
#define READERS_ENDED ((ended[0] || killed[0]) && (ended[1] || killed[1]))
#endif
ltl readers_end { <> READERS_ENDED }
#endif
