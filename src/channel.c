/* channel.c: creating, opening, leaving; who may remove a name.
 *
 *   field             who writes                            who reads         invariant
 *   users byte        the kernel                            everybody         shared: a participant or observer; exclusive: nobody
 *                                                                             else is there, the holder may remove the name or reset
 *   header            the creator, before the name exists   everybody         complete, and never written again
 *   life.boot_id,     the holder of *users* exclusively     the same          clean 0 and another boot's id: pages of several
 *   life.clean                                                                moments may have reached the disk
 *   life.retired      the holder of *users* exclusively     openers           1: this file loses its name
 *
 * Why it is right. A file gets its name when it is complete and its creator already holds its locks, and the naming fails if the
 * name is taken, so a half-made channel is never seen, and of many creators one wins. Only the holder of exclusive *users* removes
 * a name: then nobody else takes part. Whoever opened the file just before waits for *users*, gets it, and then compares what it
 * has with what the name leads to: if the name has gone, it begins again. After that comparison its shared *users* keeps the
 * name alive.
 *
 * Death at each step. Making: the file has no name, the system frees it. Named: a channel whose one participant is dead, found as
 * such by the next look: *users* can be had exclusively. Opening: a participant that is dead. Leaving: the name is there without
 * users (removed at the next look) or gone. Stopped while alone (opening first, leaving last, removing): nobody can tell whether it
 * is about to remove the name, so openers wait as long as their timeout says. Resetting in place: whoever finds it does it again, since `clean` and the boot's id are
 * written last, and a scoped channel without users is reset or removed again anyway.
 */
#include "channel.h"

#include <string.h>
#include <tarn/base.h>

#include "error.h"
#include "guard.h"
#include "header.h"
#include "lifetime.h"
#include "options.h"
#include "participant.h"

/* What opening may come to besides a result. */
enum { TRY_AGAIN = 1 };
enum { AT_ONCE = 16, GONE_NS = 1500000000 }; /* how often to try again without a pause, and how long in all, while a name goes */

int tn_channel_fail(const tn_channel *channel, int code, const char *what) {
  const char *advice = code == TARN_E_EVICTED      ? "; close this handle and open it again"
                       : code == TARN_E_PERMISSION ? "; ask its owner for the right, or choose another directory (TARN_DIR)"
                                                   : "";
  return tn_fail(code, "%s \"%s\": %s: %s%s", TN_WHO(channel), what, tn_os_reason(), advice);
}

static int cut_short(const tn_channel *channel) {
  return tn_fail(TARN_E_CORRUPT, "%s \"%s\": its file was cut short while it was in use, or its medium failed; close this handle and "
                 "open it again", TN_WHO(channel));
}

int tn_channel_check(const tn_channel *channel) {
  uint32_t life = tn_os_life();
  if (life == tn_load_relaxed(&channel->good_in)) /* relaxed: as in tn_channel_is_mine */
    return 0;
  if (life == channel->life)
    return cut_short(channel);
  return tn_fail(TARN_E_FORKED, "%s \"%s\": this handle belongs to the process that forked this one; open it again here",
                 TN_WHO(channel));
}

int tn_channel_evicted(const tn_channel *channel) {
  if (tn_load_relaxed(&channel->good_in) == 0) /* relaxed: late is soon enough */
    return cut_short(channel);                 /* before a word of it is believed */
  if (tn_os_still_ours(&channel->file) != 0)
    return tn_fail(TARN_E_EVICTED, "%s \"%s\": the program closed Tarn's descriptor; close this handle and open it again",
                   TN_WHO(channel));
  if (channel->slot != TN_NO_SLOT &&
      tn_load_relaxed(&channel->table[channel->slot].generation) != channel->generation) /* relaxed: late is soon enough */
    return tn_fail(TARN_E_EVICTED, "%s \"%s\": slot %u has another owner now; close this handle and open it again",
                   TN_WHO(channel), channel->slot);
  return 0;
}

/* ---- Mapping ---------------------------------------------------------------------------------------------------------- */

int tn_channel_map(tn_channel *channel, uint64_t offset, uint64_t length, int access, void **ret_address) {
  void *address;
  int result = tn_os_map(&channel->file, offset, length, access, 0, &address, NULL);
  if (result != 0)
    return result;
  tn_guard_add(address, length, &channel->good_in);
  *ret_address = address;
  return 0;
}

void tn_channel_unmap(tn_channel *channel, void *address, uint64_t length) {
  tn_guard_drop(address, &channel->good_in);
  tn_os_unmap(address, length);
}

/* ---- The mapped base ------------------------------------------------------------------------------------------------- */

static int map_base(tn_channel *channel) {
  int access = channel->role == TARN_OBSERVER ? TN_OS_READ : TN_OS_WRITE;
  void *address;
  int result = tn_channel_map(channel, 0, channel->header.data_offset, access, &address);
  if (result != 0)
    return tn_channel_fail(channel, result, "cannot be mapped");
  channel->base = address;
  channel->base_bytes = channel->header.data_offset;
  channel->table = (tn_slot *)(void *)(channel->base + channel->header.table_offset);
  channel->control = (tn_control *)(void *)(channel->base + channel->header.control_offset);
  channel->entries = (tn_entry *)(void *)(channel->base + channel->header.entries_offset);
  return 0;
}

/* Drop what this process has of the channel, without a word to anybody: for a failed opening, and the end of a leave. */
static void drop(tn_channel *channel) {
  if (channel->base != NULL)
    tn_channel_unmap(channel, channel->base, channel->base_bytes);
  channel->base = NULL;
  tn_os_close(&channel->file);
}

/* ---- Making ---------------------------------------------------------------------------------------------------------- */

static int plan(tn_channel *channel) {
  const tarn_options *options = &channel->options;
  tn_header *header = &channel->header;
  memset(header, 0, sizeof *header);
  memcpy(header->magic, TN_MAGIC, sizeof header->magic);
  header->major = TN_FORMAT_MAJOR;
  header->minor = TN_FORMAT_MINOR;
  header->header_bytes = sizeof *header;
  header->kind = (uint32_t)channel->kind->id;
  header->flags = options->flags & (TARN_KEPT | TARN_MANY_WRITERS | TARN_QUEUE | TARN_TIMES);
  header->hold = options->hold != 0 ? options->hold : 4;
  header->policy = options->policy;
  header->max_deliveries = options->max_deliveries;
  header->first_number = 1;
  header->slots = options->slots != 0 ? options->slots : 64;
  int result = channel->kind->plan(options, &channel->place, header);
  if (result != 0)
    return result;
  if (tn_os_random(header->identity, sizeof header->identity) != 0)
    return tn_channel_fail(channel, TARN_E_SYSTEM, "no random identity");
  tn_header_seal(header);
  return 0;
}

static int reserve(tn_channel *channel) {
  uint64_t bytes = channel->header.data_offset + channel->header.data_bytes;
  int result = tn_os_reserve(&channel->file, 0, bytes);
  if (result == TARN_E_NO_SPACE) {
    char words[384];
    tn_room_words(words, sizeof words, bytes, tn_os_room(&channel->file));
    return tn_fail(result, "%s \"%s\": no room for its tables for %u participants%s: %s, or choose another directory (TARN_DIR)",
                   TN_WHO(channel), channel->header.slots, channel->header.data_bytes ? " and its ring" : "", words);
  }
  if (result != 0)
    return tn_channel_fail(channel, result, "its room cannot be reserved");
  return 0;
}

static int check_medium(tn_channel *channel) {
  tn_os_status status;
  int result = tn_os_status_of(&channel->file, &status);
  if (result != 0)
    return tn_channel_fail(channel, result, "its state cannot be asked");
  channel->medium = status.medium;
  if (status.medium == TN_OS_NETWORK)
    return tn_fail(TARN_E_UNSUPPORTED,
                   "%s \"%s\": it lies on a network file system, where processes do not share memory; choose a local directory",
                   TN_WHO(channel));
  uint32_t random = 0;
  tn_os_random(&random, sizeof random);
  result = tn_os_locks_conflict(&channel->file, channel->place.path, TN_LOCK_PROBE + random);
  if (result != 0)
    return tn_fail(TARN_E_UNSUPPORTED, "%s \"%s\": locks do not exclude each other on this file system (%s); choose another directory",
                   TN_WHO(channel), tn_os_reason());
  return 0;
}

/* The file is ours alone: fill it in. */
static int fill(tn_channel *channel) {
  int result = map_base(channel);
  if (result != 0)
    return result;
  memcpy(channel->base, &channel->header, sizeof channel->header);
  tn_store_relaxed(&channel->control->join.domain, tn_os_wake_domain()); /* relaxed, both: naming the file publishes them */
  channel->kind->reset(channel);
  tn_lifetime_stamp(channel);
  TN_POINT("create.filled");
  if (channel->medium == TN_OS_DISK) {
    result = tn_os_sync(&channel->file);
    if (result != 0)
      return tn_channel_fail(channel, result, "cannot be written to its disk");
  }
  return 0;
}

/* Take the slot, and the *writer* byte if a writer. */
static int join(tn_channel *channel) {
  if (channel->role == TARN_WRITER) {
    int result = tn_writer_enter(channel);
    if (result != 0)
      return result;
    TN_POINT("join.writer");
  }
  int result = tn_slot_take(channel);
  if (result == 0)
    result = tn_waits_begin(channel);
  if (result != 0)
    return result;
  if (channel->role == TARN_WRITER)
    tn_writer_announce(channel);
  else
    tn_writer_watch(channel);
  TN_POINT("join.announced");
  return 0;
}

static int make_named(tn_channel *channel) {
  int result = check_medium(channel);
  if (result == 0)
    result = reserve(channel);
  TN_POINT("create.reserved");
  if (result == 0)
    result = fill(channel);
  if (result == 0 && (result = tn_os_lock(&channel->file, TN_LOCK_USERS, TN_OS_SHARED)) != 1)
    result = tn_channel_fail(channel, result < 0 ? result : TARN_E_SYSTEM, "its lock cannot be taken");
  else if (result == 1)
    result = join(channel);
  if (result != 0)
    return result;
  TN_POINT("create.joined");
  result = tn_os_name(&channel->file, channel->place.path);
  TN_POINT("create.named");
  if (result != 0 && result != TARN_E_EXISTS)
    return tn_channel_fail(channel, result, "cannot be given its name");
  return result;
}

static int make(tn_channel *channel) {
  const tarn_options *options = &channel->options;
  int result = plan(channel);
  if (result != 0)
    return result;
  result = tn_os_make(&channel->file, channel->place.path, options->mode != 0 ? options->mode : 0600, options->group);
  if (result == TARN_E_NOT_FOUND)
    return tn_fail_no_folder(&channel->place);
  if (result != 0)
    return tn_channel_fail(channel, result, "cannot be created in its directory");
  TN_POINT("create.made");
  result = make_named(channel);
  if (result == 0) {
    channel->created = 1;
    return 0;
  }
  if (channel->slot != TN_NO_SLOT)
    tn_waits_end(channel);
  channel->slot = TN_NO_SLOT;
  drop(channel);
  return result == TARN_E_EXISTS ? TRY_AGAIN : result;
}

/* ---- Opening --------------------------------------------------------------------------------------------------------- */

static int open_file(tn_channel *channel) {
  int access = channel->role == TARN_OBSERVER ? TN_OS_READ : TN_OS_WRITE;
  int result = tn_os_open(&channel->file, channel->place.path, access, 1);
  if (result == TARN_E_NOT_FOUND)
    return result; /* the caller knows whether that is a failure */
  if (result == TARN_E_PERMISSION && access == TN_OS_WRITE)
    return tn_fail(result, "%s \"%s\": no permission to take part (%s): its owner may create it with another mode or group; an "
                   "observer needs only to read", TN_WHO(channel), tn_os_reason());
  if (result != 0)
    return tn_channel_fail(channel, result, "cannot be opened");
  tn_os_status status;
  result = tn_os_status_of(&channel->file, &status);
  if (result != 0)
    return tn_channel_fail(channel, result, "its state cannot be asked");
  if (!(channel->options.flags & TARN_ANY_OWNER) && tn_os_trusted(channel->place.path, &status) != 0)
    return tn_fail(TARN_E_PERMISSION, "%s \"%s\": it belongs to user %u, in a directory that others can write to; share it in one that "
                   "only those you trust can write to, or say TARN_ANY_OWNER if it is meant", TN_WHO(channel), status.owner);
  return tn_header_read(&channel->file, channel->kind, &channel->place, &channel->header);
}

/* File, header, base, *users*: everything but a place among the participants. */
static int open_there(tn_channel *channel) {
  int result = open_file(channel);
  if (result != 0)
    return result;
  TN_POINT("open.opened");
  result = check_medium(channel);
  if (result == 0)
    result = map_base(channel);
  if (result == 0)
    result = channel->role == TARN_OBSERVER ? tn_lifetime_observe(channel) : tn_lifetime_enter(channel);
  if (result != 0)
    return result;
  result = tn_options_agree(&channel->options, &channel->header, &channel->place); /* now: what is over contradicts nobody */
  if (result != 0)
    tn_lifetime_leave(channel);
  return result;
}

/* Take part in what is there. 0; TRY_AGAIN; TARN_E_NOT_FOUND without a sentence; TARN_BUSY; a failure. */
static int open_existing(tn_channel *channel) {
  int result = open_there(channel);
  if (result == 0 && (channel->options.flags & TARN_EXCLUSIVE)) {
    tn_lifetime_leave(channel);
    drop(channel);
    return tn_fail(TARN_E_EXISTS, "%s \"%s\": it is there already", TN_WHO(channel));
  }
  if (result == 0 && channel->role == TARN_OBSERVER)
    tn_writer_watch(channel);
  if (result == 0 && channel->role != TARN_OBSERVER) {
    TN_POINT("open.entered");
    result = join(channel);
    if (result == 0)
      return 0;
    if (channel->slot != TN_NO_SLOT) {
      tn_waits_end(channel);
      tn_slot_leave(channel);
    }
    if (channel->role == TARN_WRITER)
      tn_os_unlock(&channel->file, TN_LOCK_WRITER);
    tn_lifetime_leave(channel);
  }
  /* What fails on a file that has lost its name meanwhile is no failure: on some systems much is asked by name. */
  if (result <= TARN_E_INVALID && channel->file.handle != -1 && tn_os_leads_here(&channel->file, channel->place.path) == 0)
    result = TN_LIFETIME_GONE;
  if (result != 0)
    drop(channel);
  return result == TN_LIFETIME_GONE ? TRY_AGAIN : result;
}

static int may_create(const tn_channel *channel) {
  return channel->role == TARN_WRITER && !(channel->options.flags & TARN_EXISTING);
}

/* One attempt. On no space: look once more, since of many creators at once one will have won. */
static int open_or_make(tn_channel *channel) {
  int result = open_existing(channel);
  if (result != TARN_E_NOT_FOUND || !may_create(channel))
    return result;
  result = make(channel);
  if (result != TARN_E_NO_SPACE)
    return result;
  char sentence[TN_SENTENCE];
  tn_error_keep(sentence);
  int second = open_existing(channel);
  if (second != TARN_E_NOT_FOUND && second != TRY_AGAIN)
    return second;
  tn_error_put_back(sentence);
  return result;
}

static int give_up(const tn_channel *channel, int result, int64_t timeout_ns) {
  if (result == TARN_BUSY)
    return timeout_ns == 0 ? TARN_BUSY : TARN_TIMED_OUT;
  if (timeout_ns != 0)
    return TARN_TIMED_OUT;
  return tn_fail(TARN_E_NOT_FOUND, "%s \"%s\": there is none (looked for %s)", TN_WHO(channel), channel->place.path);
}

/* The name is on its way out again and again: somebody was stopped while removing it, or the words that say so are wrong. */
static int never_gone(const tn_channel *channel, int64_t timeout_ns) {
  if (timeout_ns > 0)
    return TARN_TIMED_OUT;
  return tn_fail(TARN_E_SYSTEM, "%s \"%s\": it is said to be on its way out, but does not go (was a process stopped while removing it?); "
                 "continue that process, or remove it with `tarn rm --force`", TN_WHO(channel));
}

/* A name that is on its way out: attempts in a row that found one, and since when it was this file's. */
typedef struct going {
  int count;
  int64_t since_ns;
  uint8_t identity[16];
} going;

/* In a crowd every attempt may meet another file that goes: only one that stays is a sign that something is wrong. */
static void note_going(const tn_channel *channel, int result, going *seen) {
  if (result != TRY_AGAIN) {
    seen->count = 0;
    return;
  }
  if (seen->count++ != 0 && memcmp(seen->identity, channel->header.identity, sizeof seen->identity) == 0)
    return;
  seen->since_ns = tn_os_now();
  memcpy(seen->identity, channel->header.identity, sizeof seen->identity);
}

/* How long to go on attempting; a name that goes takes a moment, whatever the timeout. */
static int64_t time_left(int64_t timeout_ns, int64_t start_ns, const going *seen) {
  int64_t now = tn_os_now(), left = timeout_ns >= 0 ? timeout_ns - (now - start_ns) : seen->count != 0 ? 0 : INT64_MAX;
  int64_t going_left = GONE_NS - (now - seen->since_ns);
  return seen->count != 0 && left < going_left ? going_left : left;
}

/* Attempt until it is there, or a writer's place is free: at first after 0.1 ms, since two that start together miss each
 * other by about that, then twice that, at most 20 ms. */
static int open_in_time(tn_channel *channel, int64_t timeout_ns) {
  int64_t start = tn_os_now(), pause = 100000;
  for (going seen = {0};;) {
    int result = open_or_make(channel);
    note_going(channel, result, &seen);
    if (seen.count > 0 && seen.count <= AT_ONCE)
      continue; /* it has gone by now */
    if (result != TRY_AGAIN && result != TARN_E_NOT_FOUND && result != TARN_BUSY)
      return result;
    if (result == TARN_E_NOT_FOUND && may_create(channel))
      return result; /* not the board but its directory: said already, and nothing to wait for */
    int64_t left = time_left(timeout_ns, start, &seen);
    if (left <= 0)
      return seen.count > 0 ? never_gone(channel, timeout_ns) : give_up(channel, result, timeout_ns);
    tn_os_pause(pause < left ? pause : left);
    pause = pause * 2 < 20000000 ? pause * 2 : 20000000;
  }
}

int tn_channel_open(tn_channel *channel, const tn_kind *kind, const char *name, int role, const tarn_options *options,
                    int64_t timeout_ns) {
  memset(channel, 0, sizeof *channel);
  channel->file = TN_OS_NO_FILE;
  channel->kind = kind;
  channel->role = role;
  channel->slot = TN_NO_SLOT;
  channel->life = tn_os_life();
  tn_store_relaxed(&channel->good_in, channel->life); /* relaxed: nothing is mapped yet */
  channel->life_word = tn_os_life_word();
  int result = tn_name_resolve(name, kind->id, &channel->place);
  if (result != 0)
    return result;
  if (role != TARN_READER && role != TARN_WRITER && role != TARN_OBSERVER)
    return tn_fail(TARN_E_INVALID, "%s \"%s\": role %d is none; use TARN_READER, TARN_WRITER or TARN_OBSERVER", TN_WHO(channel), role);
  result = tn_options_read(options, kind, &channel->place, &channel->options);
  if (result == 0)
    result = tn_wait_check(channel, timeout_ns);
  if (result != 0)
    return result;
  char sentence[TN_SENTENCE];
  tn_error_keep(sentence);
  result = open_in_time(channel, timeout_ns);
  if (result > TARN_E_INVALID) /* what an attempt before the last came to */
    tn_error_put_back(sentence);
  return result;
}

/* ---- Leaving --------------------------------------------------------------------------------------------------------- */

void tn_channel_disown(tn_channel *channel) {
  if (channel->created)
    channel->header.flags &= ~(uint32_t)TARN_KEPT; /* this handle's copy: others keep what they found */
}

void tn_channel_close(tn_channel *channel) {
  if (tn_os_life() != channel->life)
    return; /* in a child: mappings and descriptors went at the fork, their numbers may mean something else by now */
  if (tn_os_still_ours(&channel->file) == 0) {
    if (channel->role == TARN_WRITER) {
      tn_writer_leave(channel);
      tn_wake(channel, TN_NEWS);
    }
    if (channel->slot != TN_NO_SLOT && tn_channel_evicted(channel) == 0) {
      tn_slot_leave(channel);
      tn_wake(channel, TN_ROOM);
    }
    tn_lifetime_leave(channel);
  } /* else the number means something else by now: nothing is asked of it, and tn_os_close forgets it */
  if (channel->role != TARN_OBSERVER)
    tn_waits_end(channel);
  drop(channel);
}
