/* board.pml: the board's pin and scan (src/board*.c). README.md here says what it shows and what it does not.
 *
 * A writer publishes VERSIONS versions, readers read READS times. A version's content is two words that both hold its number: a
 * reader that finds anything else, at first or later while it holds the version, has read torn.
 *
 *   -DREADERS=n -DHOLD=n -DVERSIONS=n -DREADS=n   (1, 1, 4, 2); a reader has HOLD pins and holds as many versions at once
 *   -DBUFFERS=n       fewer than 2 + READERS x HOLD, so that the writer has to wait
 *   -DKILL_WRITER     the writer may be killed at any step; another takes over
 *   -DKILL_READERS    the readers may be killed at any step; another takes over the slot of the first
 *   -DACCOUNTS        what is said about a version stands beside current, too, and readers take it from there
 *   -DOLDER           (with ACCOUNTS and KILL_WRITER) the second writer is an older build, which knows of the entries only
 *   -DOBSERVER        somebody copies versions without pinning them
 *   -DGROW            (with OBSERVER) the writer may give two buffers up and make one of another entry in the place of the second
 *
 * and what must break it:
 *
 *   -DNO_FENCE_1      the writer's fence between the store of current and the next scan of pins is missing
 *   -DNO_FENCE_2      the reader's fence between the store of its pin and the second load of current is missing
 *   -DNO_FENCE_3      the store of current may reach memory before the content (with ANY_ORDER)
 *   -DNO_FENCE_4      the content may reach memory before the entry says that it is being written (with ANY_ORDER and OBSERVER)
 *   -DNO_FENCE_5      the account may reach memory before account_of says that it is nobody's (with ACCOUNTS and ANY_ORDER)
 *   -DACCOUNT_STAYS   account_of does not say so at all
 *   -DTOLD_EARLY      account_of names the new version before current does (with OLDER)
 *   -DTRUST_ACCOUNT   the reader does not look at account_of
 *   -DTRUST_EARLY     it looks at account_of before the account instead of after it
 *   -DNO_RELOAD       the reader does not load current again
 *   -DRELOAD_BUFFER   the reader compares the buffer and not the version
 *   -DSWAP_B3         the pin is cleared before the last look at the content, as a store without release may be
 *   -DSWAP_B4         the observer looks at the generation again before it has copied everything
 *   -DKEEP_GENERATION the entry of a buffer that is given up goes on saying that its version is complete (with GROW)
 *   -DSCAN_FORGETS    the scan does not look at the current buffer
 *   -DINHERIT         a new writer goes on with the list of free buffers that the dead one had
 *   -DREAP_UNLOCKED   the writer clears a dead reader's pins without holding the slot's lock
 *   -DNO_REAP         nobody clears a dead reader's pins (with BUFFERS)
 */
#ifndef READERS
#define READERS 1
#endif
#ifndef HOLD
#define HOLD 1
#endif
#ifndef VERSIONS
#define VERSIONS 4
#endif
#ifndef READS
#define READS 2
#endif
#define PINS (READERS * HOLD)
#ifndef BUFFERS
#define BUFFERS (2 + PINS)
#endif

/* processes: readers, writer, then those that there are */
#define WRITER READERS
#ifdef KILL_WRITER
#define NEXT_WRITER (WRITER + 1)
#define AFTER_WRITERS (WRITER + 2)
#else
#define AFTER_WRITERS (WRITER + 1)
#endif
#ifdef KILL_READERS
#define NEXT_READER AFTER_WRITERS
#define AFTER_READERS (AFTER_WRITERS + 1)
#else
#define AFTER_READERS AFTER_WRITERS
#endif
#ifdef OBSERVER
#define WATCHER AFTER_READERS
#define PROCESSES (AFTER_READERS + 1)
#define DEPTH 4
#else
#define PROCESSES AFTER_READERS
#define DEPTH 3
#endif

#define CURRENT 0 /* version x 8 + buffer; 0: nothing yet */
#define PIN(slot, i) (1 + (slot) * HOLD + (i)) /* buffer + 1 */
#define CONTENT(b, i) (1 + PINS + 2 * (b) + (i))
#define GENERATION(b) (1 + PINS + 2 * BUFFERS + (b)) /* 2 x version + 1 while written, 2 x version when complete */
#define PLACE(b) (1 + PINS + 3 * BUFFERS + (b)) /* of the buffer of entry b, + 1; 0: it has none */
#if defined(GROW)
#define WORDS (1 + PINS + 4 * BUFFERS)
#elif defined(OBSERVER)
#define WORDS (1 + PINS + 3 * BUFFERS)
#elif defined(ACCOUNTS)
#define ACCOUNT_OF (1 + PINS + 2 * BUFFERS) /* the value of current that the account is of; 0: none */
#define ACCOUNT (ACCOUNT_OF + 1)            /* what is said: version x 2, + 1 by the second writer, which says something else */
#define ENTRY(b) (ACCOUNT_OF + 2 + (b))     /* the same */
#define WORDS (ENTRY(BUFFERS))
#else
#define WORDS (1 + PINS + 2 * BUFFERS)
#endif
#define VERSION(current) ((current) / 8)
#define BUFFER(current) ((current) % 8)

#include "memory.pml"

#define NOBODY 255
byte holder[READERS]; /* of the slot's lock; the kernel's */
bit killed[PROCESSES], gone[PROCESSES], ended[PROCESSES];
#ifdef INHERIT
byte inherited;
#endif
#ifdef ACCOUNTS
byte truth[VERSIONS + 1]; /* what was said about each version that was published */
#endif

#if defined(KILL_WRITER) || defined(KILL_READERS)
#define UNLESS_KILLED unless { killed[me] }
#else
#define UNLESS_KILLED
#endif

/* ---- The writer */

inline look_at_pin(slot, i) {
  pin = LOAD(me, PIN(slot, i));
  if
  :: pin != 0 -> free = free & (255 - (1 << (pin - 1)))
  :: else
  fi;
  pin = 0
}

inline look_at_pins(slot) {
  look_at_pin(slot, 0);
#if HOLD == 2
  look_at_pin(slot, 1)
#endif
}

inline scan() {
#ifndef NO_FENCE_1
  FENCE(me); /* [B2] full: store of current, then pins */
#endif
#ifdef SCAN_FORGETS
  free = (1 << BUFFERS) - 1;
#else
  free = (1 << BUFFERS) - 1 - (VERSION(LOAD(me, CURRENT)) -> (1 << BUFFER(LOAD(me, CURRENT))) : 0);
#endif
  look_at_pins(0);
#if READERS == 2
  look_at_pins(1)
#endif
}

inline reap(slot) {
#ifdef NO_REAP
  skip
#else
  if
  :: holder[slot] == NOBODY && LOAD(me, PIN(slot, 0)) != 0 -> /* asked: nobody holds it */
#ifndef REAP_UNLOCKED
     if
     :: atomic { holder[slot] == NOBODY -> holder[slot] = me };
#endif
        STORE(me, PIN(slot, 0), 0);
#if HOLD == 2
        STORE(me, PIN(slot, 1), 0);
#endif
        FENCE(me); /* a call of the system */
#ifndef REAP_UNLOCKED
        holder[slot] = NOBODY
     :: holder[slot] != NOBODY
     fi
#endif
  :: else
  fi
#endif
}

/* What a writer without a free buffer sleeps for; wait.pml has the sleep itself. */
#if HOLD == 2
#define PINNED(slot) (memory[PIN(slot, 0)] && memory[PIN(slot, 1)])
#else
#define PINNED(slot) (memory[PIN(slot, 0)])
#endif
#ifdef NO_REAP
#define FREED(slot) (!PINNED(slot))
#else
#define FREED(slot) (!PINNED(slot) || holder[slot] == NOBODY)
#endif
#if READERS == 2
#define PINS_CHANGED (FREED(0) || FREED(1))
#else
#define PINS_CHANGED FREED(0)
#endif

inline find_free() {
  do
  :: free != 0 -> break
  :: else ->
     scan();
#ifdef GROW
     if
     :: spare != NOBODY -> free = free & (255 - (1 << spare))
     :: else
     fi;
     add_spare();
#endif
     if
     :: free == 0 ->
        reap(0);
#if READERS == 2
        reap(1);
#endif
        scan()
     :: else
     fi
#if BUFFERS < 2 + PINS
     ;
     if
     :: free == 0 -> PINS_CHANGED
     :: else
     fi
#else
     ;
     assert(free != 0)
#endif
  od;
  do
  :: (free >> b) & 1 -> break
  :: else -> b++
  od
}

#ifdef GROW
/* Give up the free buffers of b and of another entry; b's new buffer lies in the other's place. The other entry gets b's former
 * place when buffers are short. */
inline grow() {
  other = b + 1;
  do
  :: other == BUFFERS || (free >> other) & 1 -> break
  :: else -> other++
  od;
  if
  :: other < BUFFERS && spare == NOBODY ->
     free = free & (255 - (1 << other));
     spare = other;
     spare_place = place[b];
     place[b] = place[other];
#ifndef KEEP_GENERATION
     STORE(me, GENERATION(other), 0);
#endif
     STORE_RELEASE(me, PLACE(other), 0);
     STORE(me, GENERATION(b), 0);
     STORE_RELEASE(me, PLACE(b), place[b] + 1)
  :: else
  fi;
  other = 0
}

inline add_spare() {
  if
  :: free == 0 && spare != NOBODY ->
     place[spare] = spare_place;
     STORE(me, GENERATION(spare), 0);
     STORE_RELEASE(me, PLACE(spare), spare_place + 1);
     free = 1 << spare;
     spare = NOBODY;
     spare_place = 0
  :: else
  fi
}
#define WHERE(b) place[b]
#else
#define WHERE(b) b
#endif

inline fill(b, v) {
#ifdef OBSERVER
  STORE(me, GENERATION(b), 2 * (v) + 1);
#ifdef NO_FENCE_4
  STORE(me, CONTENT(WHERE(b), 0), v);
  STORE(me, CONTENT(WHERE(b), 1), v);
#else
  STORE_RELEASE(me, CONTENT(WHERE(b), 0), v); /* [B4] fence: the generation before each word of the content */
  STORE_RELEASE(me, CONTENT(WHERE(b), 1), v);
#endif
  STORE_RELEASE(me, GENERATION(b), 2 * (v))
#else
  STORE(me, CONTENT(b, 0), v);
  STORE(me, CONTENT(b, 1), v)
#endif
}

#ifdef ACCOUNTS
#define SAID(v) ((v) * 2 + (me != WRITER))
#ifdef OLDER
#define IS_OLDER (me != WRITER)
#else
#define IS_OLDER false
#endif

inline tell(b, v) {
  STORE(me, ENTRY(b), SAID(v));
  if
  :: IS_OLDER
  :: else ->
#ifndef ACCOUNT_STAYS
     STORE(me, ACCOUNT_OF, 0);
#endif
#ifdef NO_FENCE_5
     STORE(me, ACCOUNT, SAID(v))
#else
     STORE_RELEASE(me, ACCOUNT, SAID(v)) /* [B6] fence: nobody's, before it changes */
#endif
#ifdef TOLD_EARLY
     ;
     STORE_RELEASE(me, ACCOUNT_OF, v * 8 + b)
#endif
  fi;
  truth[v] = SAID(v)
}

inline told(b, v) {
#ifndef TOLD_EARLY
  if
  :: IS_OLDER
  :: else -> STORE_RELEASE(me, ACCOUNT_OF, v * 8 + b) /* [B6] after current */
  fi
#else
  skip
#endif
}

/* The reader's part: what is said, while its pin is on the way, and whether it was what current names. */
inline hear() {
#ifdef TRUST_EARLY
  trusted = (LOAD(me, ACCOUNT_OF) == held);
#endif
  heard = LOAD(me, ACCOUNT)
}

inline check_heard() {
#if !defined(TRUST_ACCOUNT) && !defined(TRUST_EARLY)
  trusted = (LOAD(me, ACCOUNT_OF) == held); /* [B6] after the account */
#elif defined(TRUST_ACCOUNT)
  trusted = 1;
#endif
  if
  :: trusted
  :: else -> heard = LOAD(me, ENTRY(BUFFER(held)))
  fi;
  assert(heard == truth[VERSION(held)]);
  trusted = 0;
  heard = 0
}
#endif

proctype Writer(byte me) {
  byte version, free, b, pin;
#ifdef GROW
  byte place[BUFFERS], other, spare = NOBODY, spare_place;
#endif
  {
#ifdef GROW
    atomic {
      for (b : 0 .. BUFFERS - 1) { place[b] = b }
      b = 0
    };
#endif
#ifdef KILL_WRITER
    if
    :: me == NEXT_WRITER -> gone[WRITER]; /* it gets the *writer* lock from the kernel */
       version = VERSION(LOAD(me, CURRENT));
#ifdef INHERIT
       free = inherited
#endif
    :: else
    fi;
#endif
    do
    :: version < VERSIONS ->
       find_free();
#ifdef GROW
       if
       :: grow()
       :: skip
       fi;
#endif
       version++;
       fill(b, version);
#ifdef ACCOUNTS
       tell(b, version);
#endif
#ifdef NO_FENCE_3
       STORE(me, CURRENT, version * 8 + b);
#else
       STORE_RELEASE(me, CURRENT, version * 8 + b); /* [B1] */
#endif
#ifdef ACCOUNTS
       told(b, version);
#endif
       free = free & (255 - (1 << b));
#ifdef INHERIT
       inherited = free;
#endif
       b = 0
    :: else -> break
    od;
    ended[me] = 1
  } UNLESS_KILLED
}

/* ---- Readers */

/* Load current, pin, fence, load current again; held = 0 if there is nothing yet. */
inline read(i) {
  do
  :: held = LOAD(me, CURRENT); /* [B1] */
     if
     :: held == 0 -> break
     :: else
     fi;
     STORE(me, PIN(slot, i), BUFFER(held) + 1);
#ifdef ACCOUNTS
     hear();
#endif
#ifndef NO_FENCE_2
     FENCE(me); /* [B2] full: pin, then current */
#endif
#ifdef NO_RELOAD
     break
#else
     now = LOAD(me, CURRENT);
#ifdef RELOAD_BUFFER
     same = (BUFFER(now) == BUFFER(held));
#else
     same = (now == held);
#endif
     now = 0;
     if
     :: same ->
#ifdef ACCOUNTS
        check_heard();
#endif
        break
     :: else /* moved: try again */
     fi
#endif
  od;
  same = 0
}

inline check_word(item, i) {
  assert(LOAD(me, CONTENT(BUFFER(item), i)) == VERSION(item)) /* complete, and unchanged as long as it is held */
}

inline look_at(item) {
  check_word(item, 0);
  check_word(item, 1);
  check_word(item, 0)
}

inline unpin(i) {
  STORE_RELEASE(me, PIN(slot, i), 0) /* [B3] */
}

proctype Reader(byte me) {
  byte slot, reads, held, first, now;
  bit same;
#ifdef ACCOUNTS
  byte heard;
  bit trusted;
#endif
  {
    slot = me;
#ifdef KILL_READERS
    if
    :: me == NEXT_READER -> goto leave /* nobody comes */
    :: me == NEXT_READER ->
       atomic { gone[0] && holder[0] == NOBODY -> slot = 0; holder[0] = me };
       STORE(me, PIN(0, 0), 0) /* whoever obtains a slot's lock clears it first */
#if HOLD == 2
       ;
       STORE(me, PIN(0, 1), 0)
#endif
    :: else
    fi;
#endif
    do
    :: reads < READS ->
       reads++;
       read(0);
       if
       :: held != 0 ->
#if HOLD == 2
          look_at(held);
          first = held;
          read(1);
          look_at(held);
          look_at(first);
          first = 0;
          unpin(1);
          unpin(0)
#elif defined(SWAP_B3)
          check_word(held, 0);
          unpin(0);
          check_word(held, 1)
#else
          look_at(held);
          unpin(0)
#endif
       :: else
       fi;
       held = 0
    :: else -> break
    od;
#ifdef KILL_READERS
  leave:
#endif
    ended[me] = 1
  } UNLESS_KILLED
}

#ifdef OBSERVER
proctype Observer(byte me) {
  byte seen, one, two;
#ifdef GROW
  byte at;
#endif
  bit ok;
  do
  :: seen = LOAD(me, CURRENT);
     ok = (seen != 0 && LOAD(me, GENERATION(BUFFER(seen))) == 2 * VERSION(seen)); /* [B4] acquire */
#ifdef GROW
     at = (ok -> LOAD(me, PLACE(BUFFER(seen))) : 0);
     ok = (at != 0); /* a place that cannot be: look at the generation again, try again */
#define AT (at - 1)
#else
#define AT BUFFER(seen)
#endif
     if
     :: ok ->
        one = LOAD(me, CONTENT(AT, 0));
#ifdef SWAP_B4
        ok = (LOAD(me, GENERATION(BUFFER(seen))) == 2 * VERSION(seen));
        two = LOAD(me, CONTENT(AT, 1));
#else
        two = LOAD(me, CONTENT(AT, 1));
        ok = (LOAD(me, GENERATION(BUFFER(seen))) == 2 * VERSION(seen)); /* [B4] after the copy */
#endif
        assert(!ok || (one == VERSION(seen) && two == VERSION(seen)))
     :: else
     fi;
#ifdef GROW
     at = 0;
#endif
     one = 0;
     two = 0;
     seen = 0;
     ok = 0
  :: break
  od
}
#endif

#if defined(KILL_WRITER) || defined(KILL_READERS)
proctype Killer(byte victim) {
  byte i;
  if
  :: ended[victim] -> goto dead /* it left by itself, and its successor comes then */
  :: killed[victim] = 1 -> goto dead
  fi;
dead:
  atomic {
    DRAINED(victim) ->
    gone[victim] = 1;
    for (i : 0 .. READERS - 1) {
      if
      :: holder[i] == victim -> holder[i] = NOBODY
      :: else
      fi
    }
    i = 0
  }
}
#endif

init {
  byte i;
  atomic {
#ifdef GROW
    for (i : 0 .. BUFFERS - 1) { memory[PLACE(i)] = i + 1 }
#endif
    for (i : 0 .. PROCESSES - 1) { run Drain(i) }
    for (i : 0 .. READERS - 1) {
      holder[i] = i;
      run Reader(i)
    }
    run Writer(WRITER);
#ifdef KILL_WRITER
    run Writer(NEXT_WRITER);
    run Killer(WRITER);
#endif
#ifdef KILL_READERS
    run Reader(NEXT_READER);
    for (i : 0 .. READERS - 1) { run Killer(i) }
#endif
#ifdef OBSERVER
    run Observer(WATCHER);
#endif
    i = 0
  }
}
