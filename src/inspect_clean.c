/* inspect_clean.c: remove what nobody can need any more. Each removal rests on a proof by the kernel, which sees through users and PID
 * namespaces, and which holds while the name goes:
 *
 *   what                              proof                                   held meanwhile
 *   a scoped channel or map           nobody holds its *users* byte           *users*, exclusively: nobody can join
 *   a temporary name                  the same, and nobody has it open        the lease: who opens it waits
 *   any other raw map (when asked)    nobody has it open or mapped            the lease
 *
 * A temporary name needs both: its maker takes *users* only when the file is complete. A cleaner that dies loses lock and lease with its
 * descriptor; the name is there or gone. Two cleaners: one gets the lock or lease, the other leaves the file alone, or finds that its
 * name is gone.
 */
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "inspect_inside.h"

enum { NOTHING = 0 }; /* to say about this file */

static int left(tarn_cleaned *one, const char *why) {
  snprintf(one->why, sizeof one->why, "%s", why);
  return TARN_CLEAN_LEFT;
}

/* The name goes, or would go. */
static int take_away(const tn_look *look, uint32_t flags, tarn_cleaned *one, const char *proof) {
  snprintf(one->why, sizeof one->why, "%s", proof);
  if (flags & TARN_CLEAN_DRY_RUN) return TARN_CLEAN_WOULD;
  TN_POINT("clean.proven");
  int result = tn_os_remove(&look->file, look->place.path);
  TN_POINT("clean.gone");
  if (result == 0) return TARN_CLEANED;
  return result == TARN_E_NOT_FOUND ? NOTHING : left(one, tn_os_reason());
}

/* Nobody holds *users*. A dry run only asks, which disturbs nobody; else the byte is taken, so that it stays true. */
static int users_gone(const tn_look *look, uint32_t flags) {
  if (flags & TARN_CLEAN_DRY_RUN) return tn_os_lock_held(&look->file, TN_LOCK_USERS, TN_OS_EXCLUSIVE) == 0;
  return tn_os_lock(&look->file, TN_LOCK_USERS, TN_OS_EXCLUSIVE) == 1;
}

static int clean_scoped(const tn_look *look, uint32_t flags, tarn_cleaned *one) {
  return users_gone(look, flags) ? take_away(look, flags, one, "its last participant is gone: nobody holds its lock") : NOTHING;
}

/* If the kernel says that nobody else has it open. said: whether it is worth a word that it stays. */
static int clean_unopened(const tn_look *look, uint32_t flags, tarn_cleaned *one, int said) {
  int alone = tn_os_alone(&look->file), what = NOTHING;
  if (alone == 1) {
    what = take_away(look, flags, one, "no process on this machine has it open or mapped");
    tn_os_alone_end(&look->file);
  } else if (alone == 0 && said) {
    what = left(one, "a process has it open or mapped");
  } else if (alone < 0) {
    snprintf(one->why, sizeof one->why,
             "whether a process of another user or PID namespace has it open cannot be told: %s; `tarn rm` removes it all the same",
             tn_os_reason());
    what = TARN_CLEAN_LEFT;
  }
  return what;
}

static int clean_temporary(const tn_look *look, uint32_t flags, tarn_cleaned *one) {
  return users_gone(look, flags) ? clean_unopened(look, flags, one, 0) : NOTHING;
}

static int clean_map(const tn_look *look, uint32_t flags, tarn_cleaned *one) {
  if (tn_name_is_scoped_map(look->status.mode)) return clean_scoped(look, flags, one);
  if (!(flags & TARN_CLEAN_FOREIGN)) return NOTHING;
  if (look->status.medium != TN_OS_MEMORY) return left(one, "it lies on a disk: a file like any other");
  int kind = tn_look_first_bytes(&look->file);
  if (kind < 0) return left(one, tn_os_reason());
  if (kind != TARN_KIND_MAP)
    return left(one, "it is a board or a stream that was made by its path, and no map; `tarn rm` with the path removes it");
  return clean_unopened(look, flags, one, 1);
}

static int clean_look(const tn_look *look, uint32_t flags, tarn_cleaned *one) {
  if (look->wrong != 0) return NOTHING; /* damaged: nobody knows what it was */
  if (look->status.medium == TN_OS_NETWORK) return NOTHING;
  if (look->place.temporary) return clean_temporary(look, flags, one);
  if (look->place.kind == TARN_KIND_MAP) return clean_map(look, flags, one);
  return look->header.flags & TARN_KEPT ? NOTHING : clean_scoped(look, flags, one);
}

/* Without the right to write no lock can be taken: it is said of what would have gone. */
static int clean_read_only(const tn_place *place, uint32_t flags, tarn_cleaned *one) {
  tn_look look;
  if (tn_look_open(place, TN_OS_READ, &look) != 0) return NOTHING;
  int scoped = place->kind == TARN_KIND_MAP ? tn_name_is_scoped_map(look.status.mode) : look.wrong == 0 && !(look.header.flags & TARN_KEPT);
  int what = NOTHING;
  one->occupied_bytes = look.status.occupied_bytes;
  if (place->kind == TARN_KIND_MAP && !scoped)
    what = clean_map(&look, flags, one);
  else if (!place->temporary && scoped && users_gone(&look, TARN_CLEAN_DRY_RUN))
    what = left(one, "nobody uses it any more, but this user may not write it");
  tn_os_close(&look.file);
  return what;
}

static int clean_one(const tn_listing *list, const tn_listed *listed, uint32_t flags, tarn_cleaned *one) {
  tn_place place;
  tn_look look;
  *one = (tarn_cleaned){.struct_size = sizeof *one, .kind = (uint32_t)listed->kind};
  snprintf(one->name, sizeof one->name, "%.*s", (int)listed->length, listed->name);
  if (tn_listing_place(list, listed, &place) != 0) return NOTHING;
  int result = tn_look_open(&place, TN_OS_WRITE, &look);
  if (result == TARN_E_PERMISSION) return clean_read_only(&place, flags, one);
  if (result != 0) return NOTHING;
  one->occupied_bytes = look.status.occupied_bytes;
  int what = clean_look(&look, flags, one);
  tn_os_close(&look.file);
  return what;
}

int tarn_clean(const char *directory, uint32_t flags, int (*each)(const tarn_cleaned *cleaned, void *argument), void *argument) {
  const uint32_t known = TARN_CLEAN_DRY_RUN | TARN_CLEAN_FOREIGN;
  if (flags & ~known) return tn_fail(TARN_E_INVALID, "tarn_clean: unknown flags %#x", flags);
  tn_listing list;
  int result = tn_listing_read(directory, &list);
  for (size_t i = 0; result == 0 && i < list.count; i++) {
    tarn_cleaned one;
    one.what = (uint32_t)clean_one(&list, &list.all[i], flags, &one);
    if (one.what != NOTHING && each != NULL) result = each(&one, argument);
  }
  tn_listing_end(&list);
  return result;
}
