/* inspect.c: a thing as it looks from outside: which one a name means, what its file and its header say, describe it, remove it.
 *
 * Nothing is mapped: a file cut short under a mapping would be a SIGBUS, and tools look at damaged files by trade. The tables are
 * copied with one read and may be torn against each other; each number in them is true by itself, and the locks say who lives.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "header.h"
#include "inspect_inside.h"
#include "name.h"

/* ---- Look ------------------------------------------------------------------------------------------------------------------ */

static int open_place(const tn_place *place, int access, tn_os_file *ret_file) {
  if (tn_place_is_section(place)) return tn_os_section_open(ret_file, place->name, TN_OS_READ, 0, 0, NULL, NULL);
  return tn_os_open(ret_file, place->path, access, 1);
}

int tn_look_open(const tn_place *place, int access, tn_look *ret) {
  tn_look look = {.place = *place};
  int result = open_place(place, access, &look.file);
  if (result == TARN_E_NOT_FOUND)
    return tn_fail(result, "%s \"%s\": there is none (looked for %s)", tn_kind_word(place->kind), place->name, tn_place_words(place));
  if (result != 0)
    return tn_fail(result, "%s \"%s\": cannot be opened: %s%s", tn_kind_word(place->kind), place->name, tn_os_reason(),
                   result != TARN_E_PERMISSION ? ""
                   : access == TN_OS_READ      ? "; ask its owner for the right to read it"
                                               : "; only who may write it may remove it");
  result = tn_os_status_of(&look.file, &look.status);
  if (result != 0) {
    tn_os_close(&look.file);
    return tn_fail(result, "%s \"%s\": its state cannot be asked: %s", tn_kind_word(place->kind), place->name, tn_os_reason());
  }
  if (place->kind != TARN_KIND_MAP && !place->temporary) {
    look.wrong = tn_header_read(&look.file, NULL, place, &look.header);
    uint32_t kind = look.header.kind;
    if (look.wrong == 0 && kind != (uint32_t)place->kind)
      look.wrong = tn_fail(TARN_E_KIND, "%s \"%s\": its header says that it is a %s (kind %u)", tn_kind_word(place->kind), place->name,
                           kind == TARN_KIND_BOARD || kind == TARN_KIND_STREAM ? tn_kind_word((int)kind) : "thing this Tarn does not know",
                           kind);
  }
  *ret = look;
  return 0;
}

void tn_look_status(const tn_os_status *status, const char *name, size_t name_length, tarn_entry *entry) {
  memset(entry, 0, sizeof *entry);
  entry->struct_size = sizeof *entry;
  entry->mode = status->mode & 0777;
  entry->owner = status->owner;
  entry->group = status->group;
  entry->size_bytes = status->size_bytes;
  entry->occupied_bytes = status->occupied_bytes;
  entry->modified_ns = status->modified_ns;
  if (name_length >= sizeof entry->name)
    name_length = sizeof entry->name - 1;
  memcpy(entry->name, name, name_length);
  if (status->medium != TN_OS_MEMORY)
    entry->flags |= TARN_ENTRY_ON_DISK;
}

void tn_look_tell(const tn_look *look, const char *name, size_t name_length, tarn_entry *entry) {
  tn_look_status(&look->status, name, name_length, entry);
  entry->kind = (uint32_t)look->place.kind;
  if (tn_place_is_section(&look->place)) { /* it is there because somebody has it open, and goes with the last one */
    entry->flags |= TARN_ENTRY_IN_USE;
    return;
  }
  if (look->place.kind == TARN_KIND_MAP) {
    if (!tn_name_is_scoped_map(look->status.mode))
      entry->flags |= TARN_ENTRY_KEPT;
  } else if (look->place.temporary) {
    entry->flags |= TARN_ENTRY_TEMPORARY;
  } else if (look->wrong != 0) {
    entry->flags |= TARN_ENTRY_DAMAGED;
    snprintf(entry->why, sizeof entry->why, "%s", tarn_error_text());
    return;
  } else if (look->header.flags & TARN_KEPT) {
    entry->flags |= TARN_ENTRY_KEPT;
  }
  if (tn_os_lock_held(&look->file, TN_LOCK_USERS, TN_OS_EXCLUSIVE) == 1)
    entry->flags |= TARN_ENTRY_IN_USE;
}

/* ---- Which thing a name means ---------------------------------------------------------------------------------------------- */

int tn_look_first_bytes(const tn_os_file *file) {
  tn_header header;
  uint64_t length = 0;
  int result = tn_os_read_at(file, 0, &header, sizeof header, &length);
  if (result != 0)
    return result;
  if (length < sizeof header || memcmp(header.magic, TN_MAGIC, sizeof header.magic) != 0)
    return TARN_KIND_MAP;
  return header.kind == TARN_KIND_STREAM ? TARN_KIND_STREAM : TARN_KIND_BOARD;
}

/* What the file at the place of a path is. */
static int kind_of_path(tn_place *place) {
  tn_os_file file;
  int result = tn_os_open(&file, place->path, TN_OS_READ, 0);
  if (result != 0)
    return tn_fail(result, "\"%s\": %s", place->name, tn_os_reason());
  int kind = tn_look_first_bytes(&file);
  place->kind = kind < 0 ? TARN_KIND_MAP : kind; /* opening it says what is wrong */
  tn_os_close(&file);
  return 0;
}

/* Whether there is a file, or a section: 0, TARN_E_NOT_FOUND, TARN_E_KIND (something else), or why it cannot be seen. */
static int is_there(const tn_place *place) {
  tn_os_status status;
  tn_os_file section;
  uint64_t device, inode;
  if (!tn_place_is_section(place)) return tn_os_status_at(place->path, &status, &device, &inode);
  int result = open_place(place, TN_OS_READ, &section);
  if (result == 0) tn_os_close(&section);
  return result;
}

/* A plain name leads to a map, or to a channel whose file has the kind in its name. A channel in any other file is led to by its path alone. */
static int refuse_by_path(const tn_place *place) {
  tn_place file = *place;
  if (place->kind != TARN_KIND_MAP || tn_place_is_section(place) || kind_of_path(&file) != 0 || file.kind == TARN_KIND_MAP)
    return 0;
  return tn_fail(TARN_E_KIND, "\"%s\": the file of that name is a %s: give its path, %s", place->name, tn_kind_word(file.kind), place->path);
}

/* Only regular files count: a directory that happens to be called like a channel is nothing that a map could be. If there is nothing else,
 * opening it says what it is. */
static int resolve_any(const char *name, tn_place *ret_place) {
  static const int kinds[] = {TARN_KIND_MAP, TARN_KIND_BOARD, TARN_KIND_STREAM};
  char there[700] = "";
  tn_place found = {.kind = TARN_KIND_ANY};
  int count = 0;
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    tn_place place;
    int result = tn_name_resolve(name, kinds[i], &place);
    if (result != 0) {
      if (kinds[i] == TARN_KIND_MAP || count != 0)
        return result;
      continue;
    }
    if (!place.plain) {
      result = kind_of_path(&place);
      if (result == 0)
        *ret_place = place;
      return result;
    }
    result = is_there(&place);
    if (result == TARN_E_KIND && found.kind == TARN_KIND_ANY)
      found = place;
    if (result == TARN_E_NOT_FOUND || result == TARN_E_KIND)
      continue;
    size_t used = strlen(there);
    snprintf(there + used, sizeof there - used, "%s%s%s", count != 0 ? ", " : "", name, tn_kind_suffix(kinds[i]));
    found = place;
    count++;
  }
  if (found.kind == TARN_KIND_ANY)
    return tn_fail(TARN_E_NOT_FOUND, "\"%s\": there is no map, board or stream of that name", name);
  if (count > 1)
    return tn_fail(TARN_E_INVALID, "\"%s\" means several things (%s): say which kind (--kind), or give the path of one", name, there);
  int refused = refuse_by_path(&found);
  if (refused == 0)
    *ret_place = found;
  return refused;
}

int tn_look_resolve(const char *name, int kind, tn_place *ret_place) {
  if (kind < TARN_KIND_ANY || kind > TARN_KIND_STREAM)
    return tn_fail(TARN_E_INVALID, "\"%s\": kind %d is none", name != NULL ? name : "", kind);
  return kind == TARN_KIND_ANY ? resolve_any(name, ret_place) : tn_name_resolve(name, kind, ret_place);
}

/* ---- Describe -------------------------------------------------------------------------------------------------------------- */

/* A raw map: nobody but the system can say who has it. This look does not count. */
static void look_for_users(tn_look *look, const char *name, tarn_entry *entry) {
  const char *last = name;
  for (const char *c = name; *c; c++)
    if (*c == '/')
      last = c + 1;
  tn_os_wanted wanted = {look->file.device, look->file.inode, last};
  tn_os_close(&look->file);
  tn_crowd crowd;
  if (tn_crowd_find(&crowd, &wanted, 1) == 0)
    tn_users_of_map(&crowd, wanted.device, wanted.inode, entry);
  tn_crowd_end(&crowd);
}

int tarn_inspect(const char *name, int kind, tarn_details *ret_details, tarn_participant *participants, uint32_t capacity) {
  if (ret_details == NULL || ret_details->struct_size != sizeof *ret_details)
    return tn_fail(TARN_E_INVALID, "tarn_inspect: set ret_details->struct_size to sizeof(tarn_details)");
  tn_place place;
  int result = tn_look_resolve(name, kind, &place);
  if (result != 0)
    return result;
  tn_look look;
  result = tn_look_open(&place, TN_OS_READ, &look);
  if (result != 0)
    return result;
  tarn_details *details = calloc(1, sizeof *details);
  if (details == NULL)
    result = tn_fail(TARN_E_SYSTEM, "\"%s\": no memory for its description", name);
  else if (look.wrong != 0)
    result = look.wrong; /* with its sentence */
  if (result == 0) {
    details->struct_size = sizeof *details;
    tn_look_tell(&look, name, strlen(name), &details->entry);
    if (place.kind == TARN_KIND_MAP)
      look_for_users(&look, name, &details->entry);
    else
      result = tn_describe_channel(&look, details, participants, capacity);
    if (result == 0 && place.kind != TARN_KIND_MAP) {
      tn_look_published(&look, &details->entry);
      tn_users_of_channel(&look, &details->entry);
    }
  }
  if (result == 0)
    *ret_details = *details;
  free(details);
  tn_os_close(&look.file);
  return result;
}

/* ---- Remove ---------------------------------------------------------------------------------------------------------------- */

int tn_look_remove(const tn_look *look, int force) {
  const char *word = tn_kind_word(look->place.kind);
  int alone = tn_os_lock(&look->file, TN_LOCK_USERS, TN_OS_EXCLUSIVE); /* nobody can come while the name goes */
  if (alone == TARN_E_UNSUPPORTED && look->place.kind == TARN_KIND_MAP)
    alone = 1; /* no locks of bytes on this file system: a map there is a kept one, and nobody holds any */
  if (alone < 0)
    return tn_fail(alone, "%s \"%s\": its lock cannot be taken: %s", word, look->place.name, tn_os_reason());
  if (alone == 0 && !force)
    return TARN_BUSY;
  TN_POINT("remove.locked");
  int result = tn_os_remove(&look->file, look->place.path);
  TN_POINT("remove.gone");
  if (result == TARN_E_NOT_FOUND)
    return tn_fail(result, "%s \"%s\": somebody else has removed it", word, look->place.name);
  if (result != 0)
    return tn_fail(result, "%s \"%s\": its name cannot be removed: %s", word, look->place.name, tn_os_reason());
  return 0;
}

int tarn_remove(const char *name, int kind, int force) {
  tn_place place;
  int result = tn_look_resolve(name, kind, &place);
  if (result != 0)
    return result;
  tn_look look;
  result = tn_look_open(&place, TN_OS_WRITE, &look);
  if (result != 0)
    return result;
  if (tn_place_is_section(&place))
    result = tn_fail(TARN_E_UNSUPPORTED, "map \"%s\": a named section cannot be removed: it goes when nobody has it open any more", name);
  else
    result = tn_look_remove(&look, force);
  tn_os_close(&look.file);
  return result;
}
