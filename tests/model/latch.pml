/* latch.pml: a position and its number, which belong together, as two copies and a version (tn_latch_store and tn_latch_load in src/stream.c).
 * README.md here says what it shows and what not.
 *
 * The writer stores the pair (k, k) as the k-th, LAST times; the copy k & 1 gets it, then the version becomes k. A reader takes what it found
 * if the version is the same before and after.
 *
 *   -DLAST=n          how many pairs are stored (4)
 *   -DKILL_WRITER     the writer may be killed at any step; another goes on from the version that it finds
 *
 * and what must break it:
 *
 *   -DNO_FENCE_1      the copy that the last version took out of use may change in memory before that version is there (with ANY_ORDER)
 *   -DNO_FENCE_2      the version may reach memory before the copy (with ANY_ORDER)
 *   -DNO_RELOAD       the reader does not look at the version again
 *   -DSWAP_S5         it does so before it has copied both words
 *   -DONE_COPY        the copy that counts is the one that is changed
 *   -DVERSION_EARLY   the version is stored before the copy (with KILL_WRITER)
 */
#ifndef LAST
#define LAST 4
#endif

#define READER 0
#define WRITER 1
#ifdef KILL_WRITER
#define NEXT_WRITER 2
#define PROCESSES 3
#else
#define PROCESSES 2
#endif
#define DEPTH 4
#define VERSION 0
#define POSITION(v) (1 + 2 * ((v) & 1))
#define NUMBER(v) (2 + 2 * ((v) & 1))
#define WORDS 5

#include "memory.pml"

bit killed[PROCESSES], gone[PROCESSES], ended[PROCESSES];

#ifdef KILL_WRITER
#define UNLESS_KILLED unless { killed[me] }
#else
#define UNLESS_KILLED
#endif

#ifdef ONE_COPY
#define GOES_TO (version - 1)
#else
#define GOES_TO version
#endif

proctype Writer(byte me) {
  byte version;
  {
#ifdef KILL_WRITER
    if
    :: me == NEXT_WRITER -> gone[WRITER]
    :: else
    fi;
#endif
    version = LOAD(me, VERSION);
    do
    :: version < LAST ->
       version++;
#ifndef NO_FENCE_1
       FENCE(me); /* [S5] release: the version before this one, before the copy that it took out of use */
#endif
#ifdef VERSION_EARLY
       STORE_RELEASE(me, VERSION, version);
#endif
       STORE(me, POSITION(GOES_TO), version);
       STORE(me, NUMBER(GOES_TO), version);
#ifdef NO_FENCE_2
       STORE(me, VERSION, version)
#else
#ifndef VERSION_EARLY
       STORE_RELEASE(me, VERSION, version) /* [S5] release: the copy first */
#endif
#endif
    :: else -> break
    od;
    ended[me] = 1
  } UNLESS_KILLED
}

/* What is taken is a pair, and not an older one than was there when it was looked for. */
proctype Reader(byte me) {
  byte version, position, number, again;
  do
  :: version = LOAD(me, VERSION); /* [S5] */
     position = LOAD(me, POSITION(version));
#ifdef SWAP_S5
     again = LOAD(me, VERSION);
     number = LOAD(me, NUMBER(version));
#else
     number = LOAD(me, NUMBER(version));
     again = LOAD(me, VERSION); /* [S5] after both */
#endif
#ifdef NO_RELOAD
     again = version;
#endif
     if
     :: again == version -> assert(position == version && number == version)
     :: else
     fi;
     version = 0;
     position = 0;
     number = 0;
     again = 0
  :: break
  od
}

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
    run Reader(READER);
    run Writer(WRITER);
#ifdef KILL_WRITER
    run Writer(NEXT_WRITER);
    run Killer();
#endif
    i = 0
  }
}
