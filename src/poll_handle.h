/* poll_handle.h: a handle that is readable while there is something to read. */
#ifndef TN_POLL_HANDLE_H
#define TN_POLL_HANDLE_H

#include "wait.h"

typedef struct tn_poll tn_poll;

/* tn_poll_start: one thread, which waits for look() (see tn_wish; must change nothing) and sets the handle. ask may be NULL. */
int tn_poll_start(tn_poll **ret_poll, struct tn_channel *channel, int (*look)(void *), int (*ask)(void *), void *argument);
intptr_t tn_poll_handle(const tn_poll *poll);
/* tn_poll_quiet: the owner is about to answer TARN_EMPTY. TARN_EMPTY: the handle is unreadable now, and the thread waits for news. Else
 * what look said, or TARN_WOKEN: there is something after all, and the handle stays readable. */
int tn_poll_quiet(tn_poll *poll, int (*look)(void *), void *argument);
/* tn_poll_stop: ends the thread. forked = 1: only frees memory, the thread is in another process. */
void tn_poll_stop(tn_poll *poll, int forked);

#endif
