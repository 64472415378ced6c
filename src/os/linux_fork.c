/* linux_fork.c: what a forked child must not keep, and how it knows that it is one.
 *
 * A record lock belongs to an open description. A child that keeps a copy of the descriptor, or a mapping made from it, keeps
 * the description and so the lock: its dead parent would seem to live. So after fork the child has neither:
 *
 *   descriptors  are in a list; a handler that runs in the child closes them (only close: the child must not *unlock*, the
 *                lock is its parent's). Numbers may have been closed and used again behind our back, so it compares device and
 *                inode first.
 *   mappings     are MADV_DONTFORK (linux_map.c).
 *
 * Between open and the list, and between mmap and madvise, a fork by another thread would slip through: those steps, and fork
 * itself, go through one gate. (exec closes everything by itself: O_CLOEXEC. posix_spawn and vfork run no handlers and need
 * none.)
 *
 * A raw clone() runs no handlers either. Its child keeps descriptors and locks, which nobody can help, but it still knows that
 * it is a child: tn_os_life() reads a page that the kernel wipes in children. */
#include "linux.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic(tn_atomic32 *) life_page; /* a page that reads 0 in a new child */
static tn_atomic32 life_last;            /* ordinary memory: a child finds its parent's number here */
static tn_atomic32 no_page;              /* the kernel has no such pages (before 4.14): the process number has to do */

/* ---- The gate and the list ------------------------------------------------------------------------------------------- */

typedef struct entry {
  tn_os_file file;
  char *temporary;
} entry;

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t handlers_once = PTHREAD_ONCE_INIT;
static entry *entries; /* by whoever is in the gate; entries, used and room alike */
static size_t used, room;

static void before_fork(void) {
  pthread_mutex_lock(&gate);
  tn_store_release(&life_last, tn_os_life()); /* [O3] the child must find it, also if new_life() has not come to it yet */
}
static void after_fork_parent(void) { pthread_mutex_unlock(&gate); }

/* Only calls that are safe where other threads were cut off in the middle of malloc: the list's memory is not freed. */
static void after_fork_child(void) {
  for (size_t i = 0; i < used; i++) {
    struct stat status;
    int descriptor = (int)entries[i].file.handle;
    if (fstat(descriptor, &status) == 0 && tn_linux_same_file(&entries[i].file, &status)) close(descriptor);
  }
  used = 0;
  tn_os_life(); /* while there is one thread: the child gets its number before anybody can fork it in turn */
  pthread_mutex_unlock(&gate);
}

static void install_handlers(void) { pthread_atfork(before_fork, after_fork_parent, after_fork_child); }

void tn_linux_gate_begin(void) {
  int kept = errno;
  tn_os_life();
  pthread_once(&handlers_once, install_handlers);
  pthread_mutex_lock(&gate);
  errno = kept;
}

void tn_linux_gate_end(void) {
  int kept = errno;
  pthread_mutex_unlock(&gate);
  errno = kept;
}

int tn_linux_list_add(const tn_os_file *file, char *temporary) {
  if (used == room) {
    size_t more = room ? room * 2 : 16;
    entry *grown = realloc(entries, more * sizeof *grown);
    if (!grown) return tn_linux_fail_number(ENOMEM);
    entries = grown;
    room = more;
  }
  entries[used++] = (entry){*file, temporary};
  return 0;
}

static entry *find(const tn_os_file *file) {
  for (size_t i = 0; i < used; i++)
    if (entries[i].file.handle == file->handle && entries[i].file.device == file->device &&
        entries[i].file.inode == file->inode)
      return &entries[i];
  return NULL;
}

void tn_linux_list_drop(const tn_os_file *file) {
  entry *found = find(file);
  if (!found) return;
  free(found->temporary);
  *found = entries[--used];
}

int tn_linux_list_temporary(const tn_os_file *file, char ret_path[TN_OS_PATH]) {
  const entry *found = find(file);
  if (!found || !found->temporary) return 0;
  memcpy(ret_path, found->temporary, strlen(found->temporary) + 1);
  return 1;
}

void tn_linux_list_named(const tn_os_file *file) {
  entry *found = find(file);
  if (!found) return;
  free(found->temporary);
  found->temporary = NULL;
}

/* ---- Which life is this ---------------------------------------------------------------------------------------------- */

static tn_atomic32 *make_page(void) {
  size_t size = tn_os_capabilities()->granularity;
  void *made = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (made == MAP_FAILED) return NULL;
  if (TN_FAULTED("life.wipe") || madvise(made, size, MADV_WIPEONFORK) != 0) {
    munmap(made, size);
    return NULL;
  }
  tn_atomic32 *there = NULL;
  if (tn_cas(&life_page, &there, (tn_atomic32 *)made))
    return made; /* [O2] the page before its address. Pairs with the load [O2] */
  munmap(made, size);
  return there;
}

/* 0 on the page means a child that asks for the first time, or the very first call of all. Of several threads that see it one
 * sets the page, the others find its number there: life_last moves after the page, so a thread that reads it too late fails at
 * the page. */
static uint32_t new_life(tn_atomic32 *page) {
  uint32_t number = tn_load_acquire(&life_last) + 1, none = 0; /* [O3] pairs with the release [O3] */
  if (number == 0) number = 1;
  if (!tn_cas(page, &none, number)) return none; /* [O3] before life_last */
  tn_store_release(&life_last, number); /* [O3] after the page. Pairs with the acquire [O3] */
  return number;
}

const _Atomic uint32_t *tn_os_life_word(void) {
  tn_os_life(); /* makes the page */
  return tn_load_acquire(&life_page); /* [O2] */
}

uint32_t tn_os_life(void) {
  tn_atomic32 *page = tn_load_acquire(&life_page); /* [O2] */
  if (page) {
    uint32_t number = tn_load_relaxed(page); /* relaxed: set once in a process; 0 is checked again under the exchange */
    return number ? number : new_life(page);
  }
  if (tn_load_relaxed(&no_page)) return (uint32_t)getpid(); /* relaxed: a flag by itself, only ever set */
  page = make_page();
  if (page) return new_life(page);
  tn_store_relaxed(&no_page, 1); /* relaxed: as above */
  return (uint32_t)getpid();
}
