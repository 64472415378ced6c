/* atomic.h: the only file that names memory orders. Each use elsewhere carries a pair tag, or the reason why it needs no order. */
#ifndef TN_ATOMIC_H
#define TN_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Words that processes share. 64-bit ones say their alignment themselves, since 32-bit x86 would give them 4. */
typedef _Atomic uint32_t tn_atomic32;
typedef _Atomic uint64_t tn_atomic64 __attribute__((aligned(8)));
typedef _Atomic uint16_t tn_atomic16;

_Static_assert(sizeof(tn_atomic64) == 8 && _Alignof(tn_atomic64) == 8, "shared 64-bit words are 8-aligned");
_Static_assert(__atomic_always_lock_free(8, 0), "64-bit atomics must not need a lock: it would be private to a process");

#define tn_load_relaxed(word) atomic_load_explicit((word), memory_order_relaxed)
#define tn_load_acquire(word) atomic_load_explicit((word), memory_order_acquire)
#define tn_store_relaxed(word, value) atomic_store_explicit((word), (value), memory_order_relaxed)
#define tn_store_release(word, value) atomic_store_explicit((word), (value), memory_order_release)
#define tn_exchange(word, value) atomic_exchange_explicit((word), (value), memory_order_acq_rel)
#define tn_add(word, value) atomic_fetch_add_explicit((word), (value), memory_order_acq_rel)
#define tn_add_relaxed(word, value) atomic_fetch_add_explicit((word), (value), memory_order_relaxed)
/* true if *word was *expected and is now value; otherwise *expected is what it was */
#define tn_cas(word, expected, value) \
  atomic_compare_exchange_strong_explicit((word), (expected), (value), memory_order_acq_rel, memory_order_acquire)

/* Orders everything before it against everything after it, stores before loads included. */
#define tn_fence_full() atomic_thread_fence(memory_order_seq_cst)
#define tn_fence_acquire() atomic_thread_fence(memory_order_acquire)
#define tn_fence_release() atomic_thread_fence(memory_order_release)
/* Keeps the compiler, not the processor, from reordering: the other side issues the barrier for both (wait.c). */
#define tn_fence_compiler() atomic_signal_fence(memory_order_seq_cst)

/* Ask for a cache line to write to, early, so that several come at the same time. Every 64-bit x86 takes the instruction. */
static inline void tn_prefetch_write(const void *address) {
#if defined(__x86_64__)
  __asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
#else
  __builtin_prefetch(address, 1);
#endif
}

/* Ask for a cache line to read, early. */
#define tn_prefetch(address) __builtin_prefetch((address), 0)

/* Tells the processor that this is a spin loop. */
static inline void tn_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  __asm__ volatile("yield");
#endif
}

/* On x86: nothing after it begins before all loads before it are done; elsewhere a pause. Orders nothing that the fences are for: it is a matter
 * of time. */
static inline void tn_wait_for_loads(void) {
#if defined(__x86_64__)
  __asm__ volatile("lfence" ::: "memory");
#else
  tn_relax();
#endif
}

/* A small function with two callers, both so short that a call would be a part of their time worth having. */
#define TN_ALWAYS_INLINE inline __attribute__((always_inline))

#endif
