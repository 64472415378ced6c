/* linux_guard.c: SIGBUS, for those who asked for it.
 *
 * One handler for the process. What it does not take goes where it would have gone: `before` is what sigaction() said was there.
 * Its mask and its flags are ours too while we stand in its place, so that it runs as it would have run. What cannot be had by
 * calling it is arranged for: a default action is put back and happens when the instruction is tried again (or, if the signal was
 * sent, when it is sent again).
 *
 * Nothing here is done with memory that the handler might see half written: a `before` is filled in, then named, and kept. */
#include "linux.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic(const struct sigaction *) before;
static _Atomic(tn_fault_catcher *) catcher;
static const struct sigaction by_default = {.sa_handler = SIG_DFL};

typedef struct kept {
  struct sigaction action;
  struct kept *older;
} kept;

static unsigned catches; /* by whoever is in the gate, all three */
static bool in_place;
static kept *all_kept;

static void die(const siginfo_t *info) {
  sigaction(SIGBUS, &by_default, NULL);
  if (info->si_code <= 0) raise(SIGBUS); /* sent: it would not come again by itself */
}

static void pass_on(int number, siginfo_t *info, void *context) {
  const struct sigaction *there = tn_load_acquire(&before); /* [O4] */
  if (there->sa_flags & (int)SA_RESETHAND) tn_store_release(&before, &by_default); /* [O4] it wanted to be called once */
  if (there->sa_flags & SA_SIGINFO)
    there->sa_sigaction(number, info, context);
  else if (there->sa_handler == SIG_IGN && info->si_code <= 0)
    return; /* only what was sent can be ignored */
  else if (there->sa_handler == SIG_IGN || there->sa_handler == SIG_DFL)
    die(info);
  else
    there->sa_handler(number);
}

static void on_sigbus(int number, siginfo_t *info, void *context) {
  int number_before = errno;
  tn_fault_catcher *catch = tn_load_acquire(&catcher); /* [O4] */
  bool caught = catch && info->si_code == BUS_ADRERR && catch(info->si_addr);
  errno = number_before;
  if (!caught) pass_on(number, info, context);
}

/* What was there before us, kept for ever: another thread may be calling it when it is replaced. The same again is not kept twice.
 */
static int remember(const struct sigaction *there) {
  kept *found = all_kept;
  while (found && memcmp(&found->action, there, sizeof *there) != 0) found = found->older;
  if (!found) {
    found = malloc(sizeof *found);
    if (!found) return tn_linux_fail_number(ENOMEM);
    memcpy(&found->action, there, sizeof *there);
    found->older = all_kept;
    all_kept = found;
  }
  tn_store_release(&before, &found->action); /* [O4] release: what it says before its address. Pairs with the acquires [O4] */
  return 0;
}

static int put_in_place(void) {
  struct sigaction there, ours;
  if (sigaction(SIGBUS, NULL, &there) != 0) return tn_linux_fail();
  int result = remember(&there);
  if (result) return result;
  bool calls = there.sa_handler != SIG_DFL && there.sa_handler != SIG_IGN;
  ours = (struct sigaction){.sa_sigaction = on_sigbus, .sa_mask = there.sa_mask};
  ours.sa_flags = SA_SIGINFO | (calls ? there.sa_flags & (SA_ONSTACK | (int)SA_NODEFER | SA_RESTART) : SA_ONSTACK | SA_RESTART);
  if (sigaction(SIGBUS, &ours, NULL) != 0) return tn_linux_fail();
  in_place = true;
  return 0;
}

int tn_os_faults_catch(tn_fault_catcher *catch) {
  TN_FAULT("faults_catch");
  tn_linux_gate_begin();
  int result = in_place ? 0 : put_in_place();
  if (!result) {
    catches++;
    tn_store_release(&catcher, catch); /* [O4] with the load in the handler */
  }
  tn_linux_gate_end();
  return result;
}

void tn_os_faults_release(void) {
  struct sigaction now;
  tn_linux_gate_begin();
  if (catches > 0 && --catches == 0) {
    tn_store_release(&catcher, NULL); /* [O4] */
    if (sigaction(SIGBUS, NULL, &now) == 0 && now.sa_flags & SA_SIGINFO && now.sa_sigaction == on_sigbus) {
      sigaction(SIGBUS, tn_load_acquire(&before), NULL); /* [O4] */
      in_place = false;
    } /* else somebody else's lies on top, and may call ours: it stays */
  }
  tn_linux_gate_end();
}

/* mmap is a plain system call here, which a handler may make. Not in core dumps and not in children, as what was there before. */
uint64_t tn_os_replace(void *base, uint64_t length, uint64_t from, uint64_t end) {
  size_t page = tn_os_capabilities()->granularity;
  from = from / page * page;
  end = end < length ? (end + page - 1) / page * page : (length + page - 1) / page * page;
  if (from >= end) end = from + page; /* gone once more, behind what was replaced: a hole that somebody mapped there */
  char *address = (char *)base + from;
  void *zeros = mmap(address, (size_t)(end - from), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
  if (zeros == MAP_FAILED) return UINT64_MAX;
  madvise(zeros, (size_t)(end - from), MADV_DONTDUMP);
  return from;
}
