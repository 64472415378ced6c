/* lifetime.c: the *users* byte: who keeps a name alive, who may remove it, who may begin anew. The argument is in channel.c.
 *
 * After a reboot the pages of a file on a disk are of different moments. `clean` is 1 only between the last one's leaving, after
 * a sync, and the first one's coming, before any change. So a file that is not clean and was last written under another boot may
 * hold anything; the first to come, alone, begins it anew. Where a boot's id is not known nothing is reset: the same file may be
 * opened by systems that cannot tell, and losing a good value is worse than the checks that every reader makes anyway.
 */
#include "lifetime.h"

#include <string.h>
#include <tarn/base.h>

#include "error.h"
#include "participant.h"

enum { TRIES = 400 }; /* of 0.25 ms: whoever holds *users* exclusively is on its way out, or asks */

static int kept(const tn_channel *channel) {
  return (channel->header.flags & TARN_KEPT) != 0;
}

void tn_lifetime_stamp(tn_channel *channel) {
  uint64_t id[2] = {0, 0};
  if (!tn_os_boot_id((uint8_t *)id))
    memset(id, 0, sizeof id);
  tn_control *control = channel->control;
  tn_store_relaxed(&control->life.boot_id[0], id[0]); /* relaxed, all: nobody else is there; *users* orders them */
  tn_store_relaxed(&control->life.boot_id[1], id[1]);
  tn_store_relaxed(&control->life.clean, 0);
}

/* Nobody else is there: as new, but for the header and the terms of writers (a handle may remember one). */
static void begin_anew(tn_channel *channel) {
  TN_POINT("reset.begun");
  tn_control *control = channel->control;
  uint64_t term = tn_load_relaxed(&control->writer.term); /* relaxed: alone */
  for (uint32_t i = 0; i < channel->header.slots; i++) {
    tn_store_relaxed(&channel->table[i].state, TN_SLOT_FREE); /* relaxed: alone */
    channel->kind->clear_slot(channel, i);
  }
  channel->kind->reset(channel);
  tn_store_relaxed(&control->join.high_water, 0); /* relaxed: alone */
  tn_store_relaxed(&control->join.mixed, 0);
  tn_store_relaxed(&control->join.had_reader, 0);
  tn_store_relaxed(&control->join.domain, tn_os_wake_domain());
  tn_store_relaxed(&control->lock.word, 0);
  tn_store_relaxed(&control->news.sleepers, 0);
  tn_store_relaxed(&control->room.sleepers, 0);
  tn_store_relaxed(&control->life.retired, 0);
  tn_store_relaxed(&control->writer.term, term >> 16 << 16);
  TN_POINT("reset.done");
}

static int other_boot(const tn_channel *channel) {
  uint64_t now[2], then[2];
  if (!tn_os_boot_id((uint8_t *)now))
    return 0;
  then[0] = tn_load_relaxed(&channel->control->life.boot_id[0]); /* relaxed: written by whoever was alone, as we are now */
  then[1] = tn_load_relaxed(&channel->control->life.boot_id[1]);
  if (then[0] == 0 && then[1] == 0)
    return 0;
  return memcmp(now, then, sizeof now) != 0;
}

/* Kept, on a disk, and nobody else is there. */
static int first_to_come(tn_channel *channel) {
  int clean = tn_load_relaxed(&channel->control->life.clean) == 1; /* relaxed: alone */
  if (!clean && other_boot(channel))
    begin_anew(channel);
  tn_lifetime_stamp(channel);
  int result = tn_os_sync(&channel->file);
  TN_POINT("open.stamped");
  if (result != 0)
    return tn_channel_fail(channel, result, "cannot be written to its disk");
  return 0;
}

/* Scoped, and nobody else is there: it is over. */
static int abandoned(tn_channel *channel) {
  TN_POINT("remove.alone");
  tn_store_release(&channel->control->life.retired, 1); /* [C1] release: pairs with the acquire in settle */
  int result = tn_os_remove(&channel->file, channel->place.path);
  TN_POINT("remove.removed");
  if (result == 0 || result == TARN_E_NOT_FOUND)
    return TN_LIFETIME_GONE;
  begin_anew(channel); /* the name cannot be removed by us; its content can */
  tn_lifetime_stamp(channel);
  return 0;
}

/* Shared *users* is held: is this still what the name leads to? */
static int settle(tn_channel *channel) {
  if (tn_load_acquire(&channel->control->life.retired) == 1) /* [C1] acquire */
    return TN_LIFETIME_GONE;
  int leads = tn_os_leads_here(&channel->file, channel->place.path);
  if (leads < 0)
    return tn_channel_fail(channel, leads, "cannot be found again");
  return leads == 1 ? 0 : TN_LIFETIME_GONE;
}

static int take_users(tn_channel *channel, int how) {
  int got = tn_os_lock(&channel->file, TN_LOCK_USERS, how);
  if (got < 0)
    return tn_channel_fail(channel, got, "its lock cannot be taken");
  return got;
}

static int share_users(tn_channel *channel) {
  for (int tries = 0; tries < TRIES; tries++) {
    int got = take_users(channel, TN_OS_SHARED);
    if (got != 0)
      return got < 0 ? got : 0;
    tn_os_pause(250000);
  }
  return TARN_BUSY; /* whoever is alone with it was stopped there, or its disk is slow: the caller's timeout decides */
}

int tn_lifetime_enter(tn_channel *channel) {
  int alone = 0;
  if (!kept(channel) || channel->medium == TN_OS_DISK) {
    alone = take_users(channel, TN_OS_EXCLUSIVE);
    if (alone < 0)
      return alone;
  }
  int result = 0;
  if (alone == 1)
    result = kept(channel) ? first_to_come(channel) : abandoned(channel);
  if (result != 0)
    return result;
  TN_POINT("open.alone");
  result = share_users(channel); /* converts, if it was exclusive */
  if (result == 0)
    result = settle(channel);
  return result;
}

int tn_lifetime_observe(tn_channel *channel) {
  int held = tn_os_lock_held(&channel->file, TN_LOCK_USERS, TN_OS_EXCLUSIVE);
  if (held < 0)
    return tn_channel_fail(channel, held, "its lock cannot be asked");
  if (held == 0 && !kept(channel))
    return TARN_E_NOT_FOUND;
  int result = share_users(channel);
  if (result == 0)
    result = settle(channel);
  return result;
}

/* Exclusive *users* is held, and the channel is kept on a disk. A failing disk leaves `clean` 0: the truth. */
static void leave_clean(tn_channel *channel) {
  if (tn_os_sync(&channel->file) != 0)
    return;
  tn_store_relaxed(&channel->control->life.clean, 1); /* relaxed: alone */
  TN_POINT("leave.clean");
  tn_os_sync(&channel->file);
}

void tn_lifetime_leave(tn_channel *channel) {
  TN_POINT("leave.users");
  tn_os_unlock(&channel->file, TN_LOCK_USERS);
  TN_POINT("leave.unlocked");
  if (channel->role == TARN_OBSERVER || (kept(channel) && channel->medium != TN_OS_DISK))
    return;
  if (tn_os_lock(&channel->file, TN_LOCK_USERS, TN_OS_EXCLUSIVE) != 1)
    return;
  if (kept(channel)) {
    leave_clean(channel);
    return;
  }
  TN_POINT("leave.alone");
  tn_store_release(&channel->control->life.retired, 1); /* [C1] release: pairs with the acquire in settle */
  tn_channel_unmap(channel, channel->base, channel->base_bytes); /* some systems remove no name that is mapped */
  channel->base = NULL;
  tn_os_remove(&channel->file, channel->place.path);
  TN_POINT("leave.removed");
}
