/* inside.h: what linux*.c, windows*.c and fault.c share with each other and with nobody else. */
#ifndef TN_INSIDE_H
#define TN_INSIDE_H

#include "os.h"

/* What tn_os_reason() and tn_os_reason_number() will say to this thread. text is copied. */
void tn_reason_set(int number, const char *text);

/* How a function of the seam asks, as its first step, whether the test wants this call to fail:
 *   TN_FAULT("reserve");                       in functions that return a code
 *   if (TN_FAULTED("barrier")) return 0;       in the others
 * A fault inside a function (one of its ways of doing it is "not there") has a dot in its name, "make.nameless": "*" does not mean
 * those, since the function as a whole may still succeed. */
#ifdef TN_TESTING
#define TN_FAULT(call)                             \
  do {                                             \
    if (tn_fault(call)) return tn_fault_end(call); \
  } while (0)
#define TN_FAULTED(call) tn_fault(call)

int tn_fault_end(const char *call); /* leaves a reason that names the test; returns tn_fault_code(call) */
int tn_fault_locks_conflict(void);  /* 0 while tn_fault_locks_never_conflict(1) */

/* What tn_point does to its own process: what the system offers that runs no clean-up whatever. */
void tn_self_kill(void);     /* SIGKILL, TerminateProcess; does not return */
void tn_self_stop(void);     /* SIGSTOP to the whole process; returns after SIGCONT. Windows: does nothing */
void tn_self_exit(int code); /* does not return */
#else
#define TN_FAULT(call) ((void)0)
#define TN_FAULTED(call) 0
#endif

#endif
