/* lifetime.h: the *users* byte: who keeps a name alive, who may remove it, who may begin anew. */
#ifndef TN_LIFETIME_H
#define TN_LIFETIME_H

#include "channel.h"

/* The name has gone, or leads elsewhere: begin again. */
enum { TN_LIFETIME_GONE = 2 };

/* tn_lifetime_enter: take *users* shared on a file that was just opened and mapped. If nobody else is there: a scoped channel is
 * removed (TN_LIFETIME_GONE) or, where its name cannot be removed, reset in place; a kept one on a disk that was not left clean
 * before a reboot is reset. 0; TN_LIFETIME_GONE; TARN_BUSY: somebody has been alone with it for 100 ms; a failure. */
int tn_lifetime_enter(tn_channel *channel);

/* tn_lifetime_observe: the same for an observer, which never removes or resets. TARN_E_NOT_FOUND: scoped, and nobody is there. */
int tn_lifetime_observe(tn_channel *channel);

/* tn_lifetime_leave: drop *users*; if nobody is left, remove a scoped name or mark a kept channel clean. Unmaps the base where the
 * system demands it. */
void tn_lifetime_leave(tn_channel *channel);

/* tn_lifetime_stamp: note this boot in a channel that is ours alone, and that it is not clean. */
void tn_lifetime_stamp(tn_channel *channel);

#endif
