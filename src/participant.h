/* participant.h: taking a slot, telling the dead from the living, clearing up after them. */
#ifndef TN_PARTICIPANT_H
#define TN_PARTICIPANT_H

#include "channel.h"

/* tn_slot_take: become the owner of a free slot, or of a dead one's after clearing it. Sets channel->slot, ->generation.
 * TARN_E_NO_SLOT when all are taken by the living. */
int tn_slot_take(tn_channel *channel);

/* tn_slot_leave: clear and free the own slot. */
void tn_slot_leave(tn_channel *channel);

/* tn_slot_alive: 1 if the owner of this slot lives (or this handle is it), 0 if nobody holds its lock, negative on failure.
 * One system call. */
int tn_slot_alive(const tn_channel *channel, uint32_t slot);

/* tn_slot_reap: clear up after the dead owner of this slot. 1: the slot is free now (or was); 0: it lives, or somebody else is
 * clearing up; negative on failure. */
int tn_slot_reap(tn_channel *channel, uint32_t slot);

/* Slots in use lie below this; read after the fence of a protocol that scans. Never more than there are. */
uint32_t tn_slot_count(const tn_channel *channel);

/* tn_writer_enter: take the *writer* byte: 0, TARN_BUSY if another writer lives, negative on failure. */
int tn_writer_enter(tn_channel *channel);
/* tn_writer_announce: a new term begins with this slot. */
void tn_writer_announce(tn_channel *channel);
/* tn_writer_leave: the term ends in order: readers learn it without asking the kernel. */
void tn_writer_leave(tn_channel *channel);

/* tn_writer_watch: a reader's handle begins: it knows a writer that lives now, and every one that comes from now on. */
void tn_writer_watch(tn_channel *channel);
/* tn_writer_gone: for a reader that found nothing unread: TARN_NO_WRITER if the writer whose term this handle knows has left or
 * died and that was not said yet; 0 otherwise. ask = 1 may call the kernel (at most once a slice, whatever the caller does). The
 * caller looks once more for news before it believes the answer, and then says so with tn_writer_told. */
int tn_writer_gone(tn_channel *channel, int ask);
void tn_writer_told(tn_channel *channel);
/* The same for the thread behind a poll handle, which asks, and says nothing itself. */
int tn_writer_gone_aside(tn_channel *channel);
/* The reader was given an item: it knows this term. */
void tn_writer_known(tn_channel *channel);

#endif
