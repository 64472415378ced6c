/* guard.h: which addresses are views of ours, so that the guard knows what it may replace (guard.c). */
#ifndef TN_GUARD_H
#define TN_GUARD_H

#include "atomic.h"

/* tn_guard_add: the mapping of length bytes at address is a view of ours from now on. spoiled: set to 0 when a page of it was
 * lost, in any thread; NULL: to be guarded within tarn_guard_run only, and kept by a child after fork. Without memory for the
 * list it stays unguarded, as all are when nobody installed the guard. Any thread. */
void tn_guard_add(const void *address, uint64_t length, tn_atomic32 *spoiled);

/* tn_guard_drop: no longer: before it is unmapped, since somebody else may get the address then. spoiled as it was given. */
void tn_guard_drop(const void *address, const tn_atomic32 *spoiled);

#endif
