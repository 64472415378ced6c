/* map_open.c: how a map comes into being, is joined, and goes.
 *
 * What processes share of a raw map, besides its bytes, which are the users' own:
 *
 *   field        who writes                          who reads   invariant
 *   the name     its maker links it, once            everybody   leads to a complete map: right size, room reserved
 *   sticky bit   its maker, before the name          everybody   set: scoped, every user of Tarn's holds the users byte shared
 *   users byte   the kernel, for who holds the lock  joiners     exclusive: held only to remove the name or to begin anew
 *   size         tarn_map_resize, foreign programs   everybody   none: views check it when they are made
 *   resize byte  the kernel, for who holds the lock  resizers    exclusive while one of Tarn's resizes (map.c)
 *
 * Why it is right. A kept map needs no lock: it has a name or it has not. A scoped one is locked shared before it has a name,
 * so whoever finds the name and is granted the byte exclusively knows that no user is left. Only that one removes the name, and
 * only if it still leads to the locked file; who joins compares name and file after its own shared lock is granted, so nobody
 * stays in a file whose name was removed meanwhile. The last two to leave drop their shared locks first and then try for the
 * exclusive one: at least one of them finds the byte free.
 *
 * What is found if a process dies:
 *   before the name is made      nothing: the file had no name (or a temporary one, see tn_os_make)
 *   after it, scoped             a complete map without users: the next to look removes it and begins again
 *   while removing, leaving      the same, or nothing
 *   while beginning anew         an unlocked scoped file of any size: the same again
 */
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "map.h"

enum { STICKY = 01000, FIRST_PAUSE_MS = 1, LAST_PAUSE_MS = 20, LAST_TURN_MS = 5, PATIENCE_MS = 2000 };

#define MILLISECOND INT64_C(1000000)

/* What a look at the name can say besides 0 and failures. */
enum {
  ABSENT = 1, /* there is no such map */
  MOVED = 2,  /* it changed under us: look again at once */
  EMPTY = 3,  /* there and joined, but without a size: its maker may be about to give it one */
  STUCK = 4   /* an abandoned scoped map that this process may neither remove nor take over */
};

static const char magic[8] = {'T', 'A', 'R', 'N', '\r', '\n', 0x1a, '\n'};

static int may_create(const tarn_map *map) { return map->options.size_bytes > 0 && !(map->options.flags & TARN_EXISTING); }

static int scoped(const tarn_map *map) { return (map->options.flags & TARN_SCOPED) != 0; }

/* ---- Sentences ------------------------------------------------------------------------------------------------------ */

static const char *advice(const tarn_map *map, int code) {
  switch (code) {
    case TARN_E_PERMISSION: /* a number: the system refused; none: we did */
      return tn_os_reason_number() != 0
                 ? "; ask its owner for the right, or choose another directory (TARN_DIR)"
                 : "; share it in a directory that only those you trust can write to, or say TARN_ANY_OWNER if it is meant";
    case TARN_E_KIND:
      return tn_place_is_section(&map->place) ? "; choose another name" : "; a map is a regular file: choose another name";
    case TARN_E_NOT_FOUND:
      return "; make its directory first, or choose another";
    case TARN_E_NO_SPACE:
      return "; free some, or put it elsewhere with TARN_DIR or a path";
    case TARN_E_UNSUPPORTED:
      return "; put it elsewhere with TARN_DIR or a path";
    default:
      return "";
  }
}

int tn_map_failed(const tarn_map *map, const char *doing, int code) {
  return tn_fail(code, "map \"%s\": %s failed: %s%s", map->place.name, doing, tn_os_reason(), advice(map, code));
}

/* The seam's own words (they have no number of the system) say how much is needed and how much is left. */
int tn_map_no_space(const tarn_map *map, const char *doing, uint64_t needed) {
  uint64_t room = tn_os_room(&map->file);
  char why[400];
  if (tn_os_reason_number() == 0)
    snprintf(why, sizeof why, "%s", tn_os_reason());
  else if (room == UINT64_MAX)
    snprintf(why, sizeof why, "%s are needed (%s)", tn_bytes(needed), tn_os_reason());
  else
    snprintf(why, sizeof why, "%s are needed, %s are left (%s)", tn_bytes(needed), tn_bytes(room), tn_os_reason());
  return tn_fail(TARN_E_NO_SPACE,
                 "map \"%s\": no room for %s: %s; remove what is no longer used, or put it where there is room with TARN_DIR or a path",
                 map->place.name, doing, why);
}

static int cannot_lock(const tarn_map *map, int code) {
  return tn_fail(code, "map \"%s\": locking it failed: %s; a scoped map needs byte locks, keep it or put it elsewhere",
                 map->place.name, tn_os_reason());
}

/* ---- Leaving -------------------------------------------------------------------------------------------------------- */

static void leave_scoped(tarn_map *map) {
  tn_os_unlock(&map->users, TN_MAP_USERS);
  TN_POINT("map.leave.unlocked");
  if (tn_os_lock(&map->users, TN_MAP_USERS, TN_OS_EXCLUSIVE) ==
      1) { /* refused, also to a read-only description: not the last */
    TN_POINT("map.leave.alone");
    tn_os_remove(&map->users, map->place.path); /* NOT_FOUND: somebody removed it, as it should be */
    TN_POINT("map.leave.removed");
  }
  tn_os_close(&map->users);
}

void tn_map_leave(tarn_map *map) {
  if (map->users.handle != -1) leave_scoped(map);
  tn_os_close(&map->file);
}

/* ---- Joining what is there ------------------------------------------------------------------------------------------ */

static int check_kind(const tarn_map *map, const tn_os_file *file) {
  char start[sizeof magic];
  uint64_t length = 0;
  int result = tn_os_read_at(file, 0, start, sizeof start, &length);
  if (result != 0) return tn_map_failed(map, "reading its first bytes", result);
  if (length == sizeof start && memcmp(start, magic, sizeof magic) == 0)
    return tn_fail(TARN_E_KIND,
                   "map \"%s\": this is a channel of Tarn, and writing over it would break it; open it as what it is",
                   map->place.name);
  return 0;
}

/* With the users byte held exclusively: nobody is left. */
static int clear_abandoned(tarn_map *map) {
  TN_POINT("map.open.abandoned");
  int result = tn_os_remove(&map->users, map->place.path);
  TN_POINT("map.open.cleared");
  if (result == 0 || result == TARN_E_NOT_FOUND) return MOVED;
  if (result != TARN_E_PERMISSION) return tn_map_failed(map, "removing what its dead users left", result);
  if (!may_create(map)) return ABSENT;
  /* We may write to it but not remove it: begin anew in place. Others wait, since they get no lock. */
  result = tn_os_truncate(&map->users, 0);
  if (result != 0) return tn_map_failed(map, "emptying what its dead users left", result);
  TN_POINT("map.open.emptied");
  result = tn_os_reserve(&map->users, 0, map->options.size_bytes);
  if (result != 0)
    return result == TARN_E_NO_SPACE ? tn_map_no_space(map, "beginning it anew", map->options.size_bytes)
                                     : tn_map_failed(map, "reserving its room", result);
  TN_POINT("map.open.anew");
  result = tn_os_lock(&map->users, TN_MAP_USERS, TN_OS_SHARED);
  if (result < 0) return cannot_lock(map, result);
  map->flags |= TARN_MAP_CREATED;
  return result == 1 ? 0 : MOVED;
}

/* map->users is open; take the users byte shared, unless nobody else has it. */
static int join_users(tarn_map *map, int writable) {
  if (writable) {
    int alone = tn_os_lock(&map->users, TN_MAP_USERS, TN_OS_EXCLUSIVE);
    if (alone < 0) return cannot_lock(map, alone);
    if (alone == 1) return clear_abandoned(map);
  } else { /* may not lock exclusively, but may ask */
    int held = tn_os_lock_held(&map->users, TN_MAP_USERS, TN_OS_EXCLUSIVE);
    if (held < 0) return cannot_lock(map, held);
    if (held == 0) return may_create(map) ? STUCK : ABSENT;
  }
  int joined = tn_os_lock(&map->users, TN_MAP_USERS, TN_OS_SHARED);
  if (joined < 0) return cannot_lock(map, joined);
  if (joined == 0) return MOVED; /* somebody is removing it or beginning it anew */
  TN_POINT("map.open.joined");
  int here = tn_os_leads_here(&map->users, map->place.path);
  if (here < 0) return tn_map_failed(map, "looking at its name again", here);
  return here ? 0 : MOVED;
}

/* map->file is a scoped map without locks: open the description that holds them, and join. */
static int join_scoped(tarn_map *map) {
  int writable = 1;
  int result = tn_os_open(&map->users, map->place.path, TN_OS_WRITE, 1);
  if (result == TARN_E_PERMISSION) {
    writable = 0;
    result = tn_os_open(&map->users, map->place.path, TN_OS_READ, 1);
  }
  if (result == TARN_E_NOT_FOUND) return MOVED;
  if (result != 0) return tn_map_failed(map, "opening it for its locks", result);
  if (map->users.device != map->file.device || map->users.inode != map->file.inode)
    result = MOVED;
  else
    result = join_users(map, writable);
  if (result != 0) tn_os_close(&map->users);
  return result;
}

static int check_size(const tarn_map *map, uint64_t size) {
  if (size == 0) return EMPTY;
  if (size >= map->options.size_bytes || (map->options.flags & TARN_EXCLUSIVE)) return 0;
  return tn_fail(TARN_E_MISMATCH,
                 "map \"%s\": it is there with %llu bytes, and at least %llu were asked for; resize it or ask for less",
                 map->place.name, (unsigned long long)size, (unsigned long long)map->options.size_bytes);
}

static int examine(tarn_map *map) {
  tn_os_status status;
  int result = tn_os_status_of(&map->file, &status);
  if (result != 0) return tn_map_failed(map, "looking at it", result);
  if (!(map->options.flags & TARN_ANY_OWNER) && (result = tn_os_trusted(map->place.path, &status)) != 0)
    return tn_map_failed(map, "trusting it", result);
  if (map->access == TARN_MAP_WRITE && (result = check_kind(map, &map->file)) != 0) return result;
  map->flags = (status.medium == TN_OS_DISK ? TARN_MAP_ON_DISK : 0u) | (tn_name_is_scoped_map(status.mode) ? 0u : TARN_MAP_KEPT);
  if (tn_name_is_scoped_map(status.mode)) result = join_scoped(map);
  if (result != 0) return result;
  result = tn_os_status_of(&map->file, &status); /* again: who begins it anew in place does so before we join */
  return result == 0 ? check_size(map, status.size_bytes) : tn_map_failed(map, "looking at its size", result);
}

/* 0 and EMPTY leave the handle joined; everything else leaves nothing open. */
static int join_file(tarn_map *map) {
  int result = tn_os_open(&map->file, map->place.path, map->access == TARN_MAP_WRITE ? TN_OS_WRITE : TN_OS_READ, 0);
  if (result == TARN_E_NOT_FOUND) return ABSENT;
  if (result != 0) return tn_map_failed(map, "opening it", result);
  TN_POINT("map.open.opened");
  map->inherits = 1;
  result = examine(map);
  if (result != 0 && result != EMPTY) tn_map_leave(map);
  return result;
}

/* ---- Making a new one ----------------------------------------------------------------------------------------------- */

/* The file has no name yet: everything that must be true of a map before anybody can find it. */
static int prepare(tarn_map *map) {
  tn_os_status status;
  uint64_t size = map->options.size_bytes;
  int result = tn_os_status_of(&map->file, &status);
  if (result != 0) return tn_map_failed(map, "looking at the new file", result);
  if (scoped(map) && !tn_name_is_scoped_map(status.mode))
    return tn_fail(TARN_E_UNSUPPORTED,
                   "map \"%s\": files here cannot be marked as scoped (no sticky bit); keep it and remove it "
                   "yourself, or on Windows give a name without a directory",
                   map->place.name);
  result = tn_os_reserve(&map->file, 0, size);
  if (result != 0)
    return result == TARN_E_NO_SPACE ? tn_map_no_space(map, "creating it", size)
                                     : tn_map_failed(map, "reserving its room", result);
  TN_POINT("map.create.reserved");
  map->flags = TARN_MAP_CREATED | (status.medium == TN_OS_DISK ? TARN_MAP_ON_DISK : 0u) | (scoped(map) ? 0u : TARN_MAP_KEPT);
  if (scoped(map) && (result = tn_os_locks_conflict(&map->file, map->place.path, TN_MAP_PROBE)) != 0)
    return cannot_lock(map, result);
  /* Kept: only where new files have temporary names does anybody look at this lock, so a refusal is no reason to give up. */
  int locked = tn_os_lock(&map->file, TN_MAP_USERS, TN_OS_SHARED);
  if (scoped(map) && locked != 1)
    return locked < 0 ? cannot_lock(map, locked)
                      : tn_fail(TARN_E_SYSTEM, "map \"%s\": another process locked the new file; try again", map->place.name);
  TN_POINT("map.create.locked");
  return 0;
}

/* The named file keeps the locks; views get a description of their own, since a mapping keeps its description, and so its
 * locks, alive after close. */
static int split_scoped(tarn_map *map) {
  map->users = map->file;
  map->file = TN_OS_NO_FILE;
  int result = tn_os_open(&map->file, map->place.path, TN_OS_WRITE, 0);
  if (result == 0 && map->file.device == map->users.device && map->file.inode == map->users.inode) {
    map->inherits = 1;
    return 0;
  }
  if (result != 0 && result != TARN_E_NOT_FOUND)
    result = tn_map_failed(map, "opening it again for its views", result);
  else
    result = MOVED; /* removed by force in this moment */
  tn_map_leave(map);
  return result;
}

static int make_file(tarn_map *map) {
  uint32_t mode = (map->options.mode ? map->options.mode : 0600u) | (scoped(map) ? (uint32_t)STICKY : 0u);
  int result = tn_os_make(&map->file, map->place.path, mode, map->options.group);
  if (result == TARN_E_NOT_FOUND) return tn_fail_no_folder(&map->place);
  if (result != 0) return tn_map_failed(map, "creating it", result);
  TN_POINT("map.create.made");
  map->inherits = 0;
  result = prepare(map);
  if (result == 0) {
    result = tn_os_name(&map->file, map->place.path);
    if (result == TARN_E_EXISTS)
      result = MOVED;
    else if (result != 0)
      result = tn_map_failed(map, "giving it its name", result);
  }
  if (result != 0) {
    tn_os_close(&map->file);
    return result;
  }
  TN_POINT("map.create.named");
  if (scoped(map)) return split_scoped(map);
  tn_os_unlock(&map->file, TN_MAP_USERS);
  return 0;
}

/* ---- Named sections ------------------------------------------------------------------------------------------------- */

static int open_section(tarn_map *map, int create) {
  int created = 0;
  int access = create || map->access == TARN_MAP_WRITE ? TN_OS_WRITE : TN_OS_READ;
  int result =
      tn_os_section_open(&map->file, map->place.name, access, create, map->options.size_bytes, &created, &map->section_bytes);
  if (result == TARN_E_NOT_FOUND && !create) return ABSENT;
  if (result != 0) return tn_map_failed(map, create ? "creating the section" : "opening the section", result);
  if (create && !created) {
    tn_os_close(&map->file);
    return MOVED;
  }
  map->section = 1;
  map->flags = created ? TARN_MAP_CREATED : 0u;
  if (created) map->section_bytes = map->options.size_bytes; /* others can only be told the whole pages */
  result = created ? 0 : check_size(map, map->section_bytes);
  if (result < 0) tn_map_leave(map);
  return result;
}

/* ---- Either, and waiting -------------------------------------------------------------------------------------------- */

static int is_section(const tarn_map *map) { return tn_place_is_section(&map->place); }

static int join(tarn_map *map) {
  map->flags = 0;
  return is_section(map) ? open_section(map, 0) : join_file(map);
}

static int make(tarn_map *map) {
  map->flags = 0;
  return is_section(map) ? open_section(map, 1) : make_file(map);
}

static int join_or_make_once(tarn_map *map) {
  int result = join(map);
  if ((result == 0 || result == EMPTY) && (map->options.flags & TARN_EXCLUSIVE) && !(map->flags & TARN_MAP_CREATED)) {
    tn_map_leave(map);
    return tn_fail(TARN_E_EXISTS, "map \"%s\": it exists, and was to be created; %s or choose another name", map->place.name,
                   is_section(map) ? "it goes when nobody has it open any more: wait for that" : "remove it");
  }
  if (result == STUCK)
    return tn_fail(TARN_E_PERMISSION,
                   "map \"%s\": its users are dead, and this process may not remove what they left; have its owner "
                   "remove it",
                   map->place.name);
  if (result != ABSENT || !may_create(map)) return result;
  result = make(map);
  if (result != TARN_E_NO_SPACE || (map->options.flags & TARN_EXCLUSIVE)) return result;
  /* Of many who create it at once each reserves room, though only one will be needed: perhaps it is there by now. */
  int other = join(map);
  return other <= 0 || other == EMPTY ? other : TARN_E_NO_SPACE;
}

/* The wait is over, and this is how it stands. */
static int conclude(tarn_map *map, int result, int waited) {
  const char *name = map->place.name;
  if (result == EMPTY && map->options.size_bytes == 0) return 0; /* as asked: whatever there is */
  tn_map_leave(map);
  if (result == MOVED)
    return tn_fail(
        TARN_E_SYSTEM,
        "map \"%s\": others were removing it or making it again all the time; try again, and if one of them was stopped in "
        "the middle of that, continue or end it",
        name);
  if (result == EMPTY)
    return tn_fail(TARN_E_MISMATCH,
                   "map \"%s\": it is there and empty, and at least %llu bytes were asked for; resize or remove it", name,
                   (unsigned long long)map->options.size_bytes);
  if (waited) return TARN_TIMED_OUT;
  return tn_fail(TARN_E_NOT_FOUND, "map \"%s\": there is none (looked for %s); create it first (`tarn map create`)%s", name,
                 tn_place_words(&map->place), map->options.flags & TARN_EXISTING ? "" : ", or give a size to create it");
}

static int64_t lesser(int64_t a, int64_t b) { return a < b ? a : b; }

/* Others in the middle of removing or making it need a moment, also where the caller would not wait for a name at all. */
static int join_or_make(tarn_map *map, int64_t start, int64_t timeout_ns) {
  int64_t patience = PATIENCE_MS * MILLISECOND, pause = MILLISECOND / 10;
  if (timeout_ns > patience) patience = timeout_ns;
  for (;;) {
    int result = join_or_make_once(map);
    if (result != MOVED || (timeout_ns >= 0 && tn_os_now() - start >= patience)) return result;
    tn_os_pause(pause);
    pause = lesser(pause * 2, LAST_TURN_MS * MILLISECOND);
  }
}

int tn_map_join_or_make(tarn_map *map, int64_t timeout_ns) {
  int64_t start = tn_os_now(), pause = FIRST_PAUSE_MS * MILLISECOND;
  for (;;) {
    int result = join_or_make(map, start, timeout_ns);
    if (result <= 0) return result;
    int64_t waited = tn_os_now() - start;
    if (result == MOVED || (timeout_ns >= 0 && waited >= timeout_ns)) return conclude(map, result, timeout_ns > 0);
    tn_map_leave(map); /* of an empty one */
    tn_os_pause(timeout_ns >= 0 ? lesser(pause, timeout_ns - waited) : pause);
    pause = lesser(pause * 2, LAST_PAUSE_MS * MILLISECOND);
  }
}
