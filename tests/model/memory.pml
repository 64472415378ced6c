/* memory.pml: shared memory as processors really give it, for Spin, whose own variables are sequentially consistent.
 *
 * Every process has a store buffer. A store goes into the buffer; some time later the buffer's own Drain process moves it to
 * memory; a load finds the newest store of its own process first and memory after that. A fence waits until the buffer is empty.
 * Buffers outlive their process: what a killed process had stored still reaches memory.
 *
 * As it stands stores leave the buffer in order (x86-TSO). With -DANY_ORDER stores to different words leave in any order, except
 * that a release store waits for all stores before it: this is how a missing store-release shows. Loads are never reordered:
 * where an order of loads counts, the models have a variant with the two steps exchanged instead.
 *
 * Before including this file define PROCESSES, WORDS and DEPTH (stores a buffer takes, up to 4).
 */

byte memory[WORDS];

typedef store_buffer {
  byte word[DEPTH]; /* the word's number + 1; 0 is an empty place, and keeps equal states equal */
  byte value[DEPTH];
#ifdef ANY_ORDER
  bit release[DEPTH];
#endif
  byte count;
};
store_buffer buffer[PROCESSES];

#if DEPTH == 2
#define LOAD(p, w) (buffer[p].word[1] == (w) + 1 -> buffer[p].value[1] : LOAD_0(p, w))
#elif DEPTH == 3
#define LOAD(p, w) (buffer[p].word[2] == (w) + 1 -> buffer[p].value[2] : LOAD_1(p, w))
#elif DEPTH == 4
#define LOAD(p, w) (buffer[p].word[3] == (w) + 1 -> buffer[p].value[3] : LOAD_2(p, w))
#endif
#define LOAD_2(p, w) (buffer[p].word[2] == (w) + 1 -> buffer[p].value[2] : LOAD_1(p, w))
#define LOAD_1(p, w) (buffer[p].word[1] == (w) + 1 -> buffer[p].value[1] : LOAD_0(p, w))
#define LOAD_0(p, w) (buffer[p].word[0] == (w) + 1 -> buffer[p].value[0] : memory[w])

#define DRAINED(p) (buffer[p].count == 0)
#define FENCE(p) DRAINED(p)

#ifdef ANY_ORDER
#define NOTE_RELEASE(p, is) buffer[p].release[buffer[p].count] = is;
#define MOVE_RELEASE(p, to) buffer[p].release[to] = buffer[p].release[to + 1];
#define CLEAR_RELEASE(p, at) buffer[p].release[at] = 0;
#else
#define NOTE_RELEASE(p, is)
#define MOVE_RELEASE(p, to)
#define CLEAR_RELEASE(p, at)
#endif

#define STORE_AS(p, w, x, is_release) \
  d_step { \
    buffer[p].count < DEPTH -> \
    buffer[p].word[buffer[p].count] = (w) + 1; \
    buffer[p].value[buffer[p].count] = x; \
    NOTE_RELEASE(p, is_release) \
    buffer[p].count++ \
  }
#define STORE(p, w, x) STORE_AS(p, w, x, 0)
#define STORE_RELEASE(p, w, x) STORE_AS(p, w, x, 1)

/* Atomic read-modify-write, a full fence as on every system Tarn runs on. Steps is executed with nothing in between. */
#define ATOMICALLY(p, steps) atomic { DRAINED(p) -> steps }

inline leave_buffer(p, i) {
  memory[buffer[p].word[i] - 1] = buffer[p].value[i];
  at = i;
  do
  :: at + 1 < buffer[p].count ->
     buffer[p].word[at] = buffer[p].word[at + 1];
     buffer[p].value[at] = buffer[p].value[at + 1];
     MOVE_RELEASE(p, at)
     at++
  :: else -> break
  od;
  buffer[p].word[at] = 0;
  buffer[p].value[at] = 0;
  CLEAR_RELEASE(p, at)
  buffer[p].count--;
  at = 0
}

proctype Drain(byte p) {
  byte at;
end:
  do
  :: d_step { buffer[p].count > 0 -> leave_buffer(p, 0) }
#ifdef ANY_ORDER
  :: d_step {
       buffer[p].count > 1 && !buffer[p].release[1] && buffer[p].word[1] != buffer[p].word[0] -> leave_buffer(p, 1)
     }
#if DEPTH > 2
  :: d_step {
       buffer[p].count > 2 && !buffer[p].release[2] && buffer[p].word[2] != buffer[p].word[1] &&
         buffer[p].word[2] != buffer[p].word[0] ->
       leave_buffer(p, 2)
     }
#endif
#if DEPTH > 3
  :: d_step {
       buffer[p].count > 3 && !buffer[p].release[3] && buffer[p].word[3] != buffer[p].word[2] &&
         buffer[p].word[3] != buffer[p].word[1] && buffer[p].word[3] != buffer[p].word[0] ->
       leave_buffer(p, 3)
     }
#endif
#endif
  od
}
