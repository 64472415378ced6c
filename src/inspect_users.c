/* inspect_users.c: who has it. Of channels the locks of their slots prove it; of maps the system shows what it will: a process that was
 * seen has it, and one that was not seen may still have it if anything was hidden. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "inspect_inside.h"

/* This process has this file. */
typedef struct tn_sighting {
  uint64_t device, inode;
  uint32_t process;
} tn_sighting;

static int order(uint64_t a, uint64_t b) { return a < b ? -1 : a > b; }

static int by_file(const void *a, const void *b) {
  const tn_sighting *x = a, *y = b;
  int result = order(x->inode, y->inode);
  if (result == 0) result = order(x->device, y->device);
  return result != 0 ? result : order(x->process, y->process);
}

static int by_inode(const void *a, const void *b) {
  const tn_os_wanted *x = a, *y = b;
  return order(x->inode, y->inode);
}

static void note(size_t index, uint32_t process, void *argument) {
  tn_crowd *crowd = argument;
  if (crowd->count == crowd->room) {
    size_t room = crowd->room != 0 ? crowd->room * 2 : 64;
    tn_sighting *more = realloc(crowd->sightings, room * sizeof *more);
    if (more == NULL) {
      crowd->result = 1; /* what was not noted was not seen */
      return;
    }
    crowd->sightings = more;
    crowd->room = room;
  }
  crowd->sightings[crowd->count++] = (tn_sighting){crowd->wanted[index].device, crowd->wanted[index].inode, process};
}

int tn_crowd_find(tn_crowd *ret_crowd, tn_os_wanted *wanted, size_t count) {
  *ret_crowd = (tn_crowd){.wanted = wanted};
  if (count == 0) return 0;
  qsort(wanted, count, sizeof *wanted, by_inode);
  int result = tn_os_users(wanted, count, note, ret_crowd);
  if (result != 0) ret_crowd->result = result;
  if (ret_crowd->count != 0) qsort(ret_crowd->sightings, ret_crowd->count, sizeof *ret_crowd->sightings, by_file);
  return result < 0 ? result : 0;
}

void tn_crowd_end(tn_crowd *crowd) {
  free(crowd->sightings);
  *crowd = (tn_crowd){0};
}

static void describe_process(tarn_user *user) {
  tn_os_process process;
  tn_os_process_of(user->process, &process);
  user->stopped = process.exists && process.stopped;
  snprintf(user->command, sizeof user->command, "%.*s", (int)sizeof user->command - 1, process.name);
}

void tn_users_of_map(const tn_crowd *crowd, uint64_t device, uint64_t inode, tarn_entry *entry) {
  if (crowd->result < 0) return;
  entry->flags |= TARN_ENTRY_SEEN | (crowd->result == 1 ? TARN_ENTRY_HIDDEN : 0);
  size_t low = 0, high = crowd->count;
  const tn_sighting first = {device, inode, 0};
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (by_file(&crowd->sightings[middle], &first) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  for (; low < crowd->count && crowd->sightings[low].inode == inode && crowd->sightings[low].device == device; low++) {
    if (entry->user_count != 0 && crowd->sightings[low].process == crowd->sightings[low - 1].process)
      continue; /* the file has two names here */
    entry->flags |= TARN_ENTRY_IN_USE;
    if (entry->user_count < TARN_USERS) {
      tarn_user *user = &entry->users[entry->user_count];
      *user = (tarn_user){.process = crowd->sightings[low].process, .same_space = 1};
      describe_process(user);
    }
    entry->user_count++;
  }
}

/* A slot's owner lives; the table is copied in pieces, and only as much of it as was ever used. */
enum { SLOTS_A_PIECE = 32 };

static void add_participant(const tn_look *look, const tn_slot *slot, uint32_t number, tarn_entry *entry) {
  tarn_participant one;
  tn_describe_slot(look, slot, number, &one);
  if (!one.alive) return;
  if (entry->user_count < TARN_USERS) {
    tarn_user *user = &entry->users[entry->user_count];
    *user = (tarn_user){.process = one.process, .role = one.role, .same_space = one.same_space, .stopped = one.stopped};
    snprintf(user->command, sizeof user->command, "%.*s", (int)sizeof user->command - 1, one.command);
  }
  entry->user_count++;
}

void tn_users_of_channel(const tn_look *look, tarn_entry *entry) {
  tn_slot piece[SLOTS_A_PIECE];
  uint32_t used = 0;
  uint64_t length = 0, at = look->header.control_offset + offsetof(tn_control, join.high_water);
  if (!(entry->flags & TARN_ENTRY_IN_USE) || tn_os_read_at(&look->file, at, &used, sizeof used, &length) != 0) return;
  if (length < sizeof used || used > look->header.slots) used = look->header.slots; /* input: but no more than there are */
  for (uint32_t first = 0; first < used; first += SLOTS_A_PIECE) {
    uint32_t count = used - first < SLOTS_A_PIECE ? used - first : SLOTS_A_PIECE;
    at = look->header.table_offset + (uint64_t)first * sizeof *piece;
    if (tn_os_read_at(&look->file, at, piece, count * sizeof *piece, &length) != 0) return;
    for (uint32_t i = 0; i < length / sizeof *piece; i++)
      if (piece[i].state != TN_SLOT_FREE) add_participant(look, &piece[i], first + i, entry);
  }
}
