/* guard.c: which addresses are views of ours, and what becomes of a fault in one of them (tarn/guard.h says what users see).
 *
 * The handler runs in a thread that was stopped amid anything, while others map and unmap. So the list of views is made of places
 * that are never freed, and each is read between two looks at its state:
 *
 *   field                    who writes                          who reads     invariant
 *   state                    who adds or drops the view, by CAS  the handler   4 x version + FREE, FILLING or LIVE
 *   start, length, life,     the same, while it is FILLING       the handler   count only if the state was the same LIVE before
 *     spoiled                                                                  and after; the version makes every life of a place differ
 *   cut                      the same; handlers, by CAS          handlers      from here on the view is replaced; only falls
 *
 * Right: a view is LIVE after it was mapped and no longer LIVE before it is unmapped, so an address that is found in one was its own
 * when it was looked up. (Who unmaps what another thread is reading has lost anyway.) A process that dies leaves nothing: all of
 * this is private.
 *
 * After fork a child keeps the views of raw maps and none of a channel's: places remember in which life they were filled. */
#include "guard.h"

#include <stdlib.h>
#include <string.h>
#include <tarn/guard.h>

#include "error.h"
#include "os/os.h"

enum { PLACES = 64, FREE = 0, FILLING = 1, LIVE = 2, STATES = 4 };

typedef struct place {
  tn_atomic32 state, life; /* life 0: of every life */
  _Atomic uintptr_t start, length, cut;
  _Atomic(tn_atomic32 *) spoiled;
} place;

typedef struct places {
  _Atomic(struct places *) next;
  place all[PLACES];
} places;

static places first;

/* ---- The list ---------------------------------------------------------------------------------------------------------- */

static int take(place *p) {
  uint32_t state = tn_load_relaxed(&p->state); /* relaxed: the exchange decides */
  return state % STATES == FREE && tn_cas(&p->state, &state, state + FILLING); /* [G1] with the fence that follows in tn_guard_add */
}

/* A free place, which is then ours to fill; NULL: no memory. */
static place *take_any(void) {
  for (places *group = &first;;) {
    for (int i = 0; i < PLACES; i++)
      if (take(&group->all[i])) return &group->all[i];
    places *next = tn_load_acquire(&group->next); /* [G2] */
    if (next == NULL) {
      places *made = calloc(1, sizeof *made);
      if (made == NULL) return NULL;
      if (tn_cas(&group->next, &next, made)) /* [G2] its zeros before its address. Pairs with the acquires [G2] */
        next = made;
      else
        free(made);
    }
    group = next;
  }
}

void tn_guard_add(const void *address, uint64_t length, tn_atomic32 *spoiled) {
  place *p = take_any();
  if (p == NULL) return;
  tn_fence_release(); /* [G1] release: that it is not the view it was, before the fields. Pairs with the fence in covers() */
  tn_store_relaxed(&p->life, spoiled != NULL ? tn_os_life() : 0); /* relaxed, all: the store of the state is next */
  tn_store_relaxed(&p->start, (uintptr_t)address);
  tn_store_relaxed(&p->length, (uintptr_t)length);
  tn_store_relaxed(&p->cut, (uintptr_t)length);
  tn_store_relaxed(&p->spoiled, spoiled);
  tn_store_release(&p->state, tn_load_relaxed(&p->state) - FILLING + LIVE); /* [G1] release: the fields first */
}

static tn_atomic32 cut_views; /* views of raw maps that lost a part and are still there */

static int is_cut(place *p) { return tn_load_relaxed(&p->cut) < tn_load_relaxed(&p->length); } /* relaxed: the view is its user's */

void tn_guard_drop(const void *address, const tn_atomic32 *spoiled) {
  for (places *group = &first; group != NULL; group = tn_load_acquire(&group->next)) /* [G2] */
    for (int i = 0; i < PLACES; i++) {
      place *p = &group->all[i];
      uint32_t state = tn_load_acquire(&p->state); /* [G1] */
      if (state % STATES != LIVE || tn_load_relaxed(&p->start) != (uintptr_t)address || /* relaxed, both: ours, nobody fills it */
          tn_load_relaxed(&p->spoiled) != spoiled)
        continue;
      if (spoiled == NULL && is_cut(p)) tn_add_relaxed(&cut_views, 0u - 1); /* relaxed: what it counted is gone */
      tn_store_release(&p->state, state - LIVE + STATES); /* [G1] FREE, and another version: a reader in between looks again */
      return;
    }
}

/* What a fault found, copied. */
typedef struct found {
  place *at;
  uintptr_t start, length, cut;
  tn_atomic32 *spoiled;
} found;

static int covers(place *p, uintptr_t address, found *ret_found) {
  uint32_t state = tn_load_acquire(&p->state); /* [G1] acquire: pairs with the release in tn_guard_add */
  if (state % STATES != LIVE) return 0;
  found f = {p, tn_load_relaxed(&p->start), tn_load_relaxed(&p->length), tn_load_relaxed(&p->cut), tn_load_relaxed(&p->spoiled)};
  uint32_t life = tn_load_relaxed(&p->life); /* relaxed, all: between two looks at the state */
  tn_fence_acquire();                        /* [G1] the fields before the second look */
  if (tn_load_relaxed(&p->state) != state || address < f.start || address - f.start >= f.length) return 0;
  if (life != 0 && life != tn_os_life()) return 0; /* the parent's: its mappings did not come along */
  *ret_found = f;
  return 1;
}

static int find(uintptr_t address, found *ret_found) {
  for (places *group = &first; group != NULL; group = tn_load_acquire(&group->next)) /* [G2] */
    for (int i = 0; i < PLACES; i++)
      if (covers(&group->all[i], address, ret_found)) return 1;
  return 0;
}

/* ---- A fault ----------------------------------------------------------------------------------------------------------- */

/* One tarn_guard_run or _copy at work in this thread. volatile: the handler writes it behind the compiler's back. */
typedef struct scope {
  struct scope *outer;
  volatile int lost;
  volatile uint64_t offset, length; /* of the first loss: how far into a view, and how long that is */
} scope;

/* Touched by the handler only after the address has proved to be ours. Then this thread is not within malloc or the loader, which
 * touch no views, and a thread-local word may be had whichever way the system gets it. */
static _Thread_local scope *volatile innermost;

/* In the faulting thread, amid anything. The rest of the view is replaced in one go, so that a long copy does not fault at every
 * page. Two threads at once replace twice, by zeros both. Racy where another thread touches the page at that moment (a handle's thread
 * and its poller), and fine because what it finds or leaves there counts for nothing: the handle is spoiled. */
static int fault(const void *address) {
  found f;
  if (!find((uintptr_t)address, &f)) return 0;
  scope *within = innermost;
  if (f.spoiled == NULL && within == NULL) return 0; /* nobody to tell */
  uint64_t offset = (uintptr_t)address - f.start;
  uint64_t from = tn_os_replace((void *)f.start, f.length, offset, f.cut);
  if (from == UINT64_MAX) return 0;
  while (from < f.cut && !tn_cas(&f.at->cut, &f.cut, (uintptr_t)from)) {} /* [G3] before it is counted */
  if (f.spoiled == NULL && f.cut == f.length) tn_add(&cut_views, 1); /* [G3] its first loss: one exchange starts there */
  if (f.spoiled != NULL) tn_store_relaxed(f.spoiled, 0); /* relaxed: a flag by itself; this thread sees it at once */
  if (within != NULL && !within->lost) {
    within->offset = offset;
    within->length = f.length;
    within->lost = 1;
  }
  return 1;
}

/* ---- The calls --------------------------------------------------------------------------------------------------------- */

static tn_atomic32 installed; /* how often */

int tarn_guard_install(void) {
  int result = tn_os_faults_catch(fault);
  if (result != 0) return tn_fail(result, "the guard cannot be installed: %s", tn_os_reason());
  tn_add_relaxed(&installed, 1); /* relaxed: a count, it orders nothing */
  return 0;
}

int tarn_guard_remove(void) {
  uint32_t before = tn_load_relaxed(&installed); /* relaxed: the exchange decides */
  do
    if (before == 0) return tn_fail(TARN_E_INVALID, "the guard is not installed: there is nothing to remove");
  while (!tn_cas(&installed, &before, before - 1)); /* a count, it orders nothing */
  tn_os_faults_release();
  return 0;
}

static int not_installed(const char *call) {
  return tn_fail(TARN_E_INVALID, "%s: the guard is not installed; call tarn_guard_install first", call);
}

static void enter(scope *own) {
  *own = (scope){.outer = innermost};
  innermost = own;
  tn_fence_compiler(); /* the handler of this thread finds it */
}

static int is_gone(uint64_t offset, uint64_t length) {
  return tn_fail(TARN_E_CORRUPT,
                 "byte %llu of a view of %s is gone: its file was cut short, or its medium failed; close the view, and open what "
                 "it shows again",
                 (unsigned long long)offset, tn_bytes(length));
}

static int leave(const scope *own) {
  tn_fence_compiler();
  innermost = own->outer;
  return own->lost ? is_gone(own->offset, own->length) : 0;
}

int tarn_guard_run(int (*function)(void *argument), void *argument) {
  if (function == NULL) return tn_fail(TARN_E_INVALID, "tarn_guard_run: function is NULL");
  if (tn_load_relaxed(&installed) == 0) return not_installed("tarn_guard_run"); /* relaxed: a flag by itself */
  scope own;
  enter(&own);
  int answer = function(argument);
  int lost = leave(&own);
  return lost != 0 ? lost : answer;
}

int tarn_guard_check(const void *start, size_t size_bytes) {
  if (tn_load_acquire(&cut_views) == 0) return 0; /* [G3] acquire: pairs with the add in fault() */
  for (places *group = &first; group != NULL; group = tn_load_acquire(&group->next)) /* [G2] */
    for (int i = 0; i < PLACES; i++) {
      found f;
      place *p = &group->all[i];
      uintptr_t from = tn_load_relaxed(&p->start) + tn_load_relaxed(&p->cut); /* relaxed, both: `covers` reads them again */
      uintptr_t begin = (uintptr_t)start, end = begin + size_bytes;
      if (from < begin) from = begin;
      if (from < end && is_cut(p) && covers(p, from, &f) && from - f.start >= f.cut) return is_gone(from - f.start, f.length);
    }
  return 0;
}

int tarn_guard_copy(void *to, const void *from, size_t size_bytes) {
  if ((to == NULL || from == NULL) && size_bytes != 0) return tn_fail(TARN_E_INVALID, "tarn_guard_copy: to or from is NULL");
  if (tn_load_relaxed(&installed) == 0) return not_installed("tarn_guard_copy"); /* relaxed: a flag by itself */
  scope own;
  enter(&own);
  if (size_bytes != 0) memcpy(to, from, size_bytes);
  int result = leave(&own);
  if (result == 0) result = tarn_guard_check(from, size_bytes); /* lost before, or to another thread meanwhile */
  return result != 0 ? result : tarn_guard_check(to, size_bytes);
}
