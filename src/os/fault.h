/* fault.h: how a test makes calls of the seam fail and processes die at named steps. Only in the test build (TN_TESTING).
 *
 * From inside: the functions below. From outside, for processes that a test starts, the environment:
 *   TARN_TEST_FAULT=CALL:N[:COUNT]   the Nth call of tn_os_CALL fails, and the COUNT-1 after it (default 1; 0: all after it)
 *   TARN_TEST_POINT=NAME:N:ACTION    the Nth time step NAME is reached: kill (SIGKILL, TerminateProcess), stop (SIGSTOP),
 *                                    exit (exit code 3 at once, without any clean-up), or hold (say "at NAME" on stdout and
 *                                    wait for a line on stdin)
 */
#ifndef TN_FAULT_H
#define TN_FAULT_H

#include <stdint.h>

/* call "" or NULL: nothing fails any more. code: the TARN_E_... to return; 0: what fits the call (NO_SPACE for reserve...). */
void tn_fault_set(const char *call, uint64_t nth, uint64_t count, int code);
/* How often call was asked since the last tn_fault_set. call "*": any call; with "*" the Nth call of any name fails. */
uint64_t tn_fault_count(const char *call);
/* The code a faulted call returns. */
int tn_fault_code(const char *call);

/* Locks that do not conflict, as on a broken network file system: while 1, tn_os_lock always grants and nobody ever holds. */
void tn_fault_locks_never_conflict(int on);

void tn_point_set(const char *name, uint64_t nth, const char *action);
/* Each time this step is reached the thread that reached it calls this: what a hostile process would do just then. */
void tn_point_call(const char *name, void (*call)(void *argument), void *argument);
uint64_t tn_point_count(const char *name);

#endif
