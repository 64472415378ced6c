/* inspect_list.c: everything in a directory, in the order of the names. Channels are told one after another; of the raw maps among them the
 * files are noted first, so that one search through all processes finds the users of all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "inspect_inside.h"

static int add_name(const char *name, void *argument) {
  tn_listing *list = argument;
  if (list->count == list->room) {
    size_t room = list->room != 0 ? list->room * 2 : 64;
    tn_listed *all = realloc(list->all, room * sizeof *all);
    if (all == NULL) return TARN_E_SYSTEM;
    list->all = all;
    list->room = room;
  }
  tn_listed one = {.name = malloc(strlen(name) + 1), .kind = TARN_KIND_MAP, .length = strlen(name)};
  if (one.name == NULL) return TARN_E_SYSTEM;
  strcpy(one.name, name);
  one.temporary = tn_name_is_temporary(name, &one.kind);
  if (!one.temporary) tn_name_of_file(name, &one.kind, &one.length);
  list->all[list->count++] = one;
  return 0;
}

static int by_name(const void *a, const void *b) { return strcmp(((const tn_listed *)a)->name, ((const tn_listed *)b)->name); }

int tn_listing_read(const char *directory, tn_listing *list) {
  *list = (tn_listing){NULL, 0, 0, ""};
  int result = directory != NULL ? tn_os_full_path(directory, list->directory) : tn_os_channel_directory(list->directory);
  if (result == 0) result = tn_os_each_name(list->directory, add_name, list);
  if (result != 0)
    return tn_fail(result, "directory \"%s\" cannot be listed: %s", directory != NULL ? directory : list->directory, tn_os_reason());
  if (list->count != 0) qsort(list->all, list->count, sizeof *list->all, by_name);
  return 0;
}

void tn_listing_end(tn_listing *list) {
  for (size_t i = 0; i < list->count; i++) free(list->all[i].name);
  free(list->all);
  list->all = NULL;
  list->count = 0;
}

static int path_of(const tn_listing *list, const tn_listed *one, char ret_path[TN_OS_PATH]) {
  char path[2 * TN_OS_PATH];
  snprintf(path, sizeof path, "%s/%s", list->directory, one->name);
  return tn_os_full_path(path, ret_path);
}

int tn_listing_place(const tn_listing *list, const tn_listed *one, tn_place *ret_place) {
  *ret_place = (tn_place){.kind = one->kind, .plain = 1, .temporary = one->temporary};
  snprintf(ret_place->name, sizeof ret_place->name, "%s", one->name);
  return path_of(list, one, ret_place->path);
}

/* Who has the maps; nothing is open meanwhile, so that only others' openings are seen, or this process's own. */
static void find_users(const tn_listing *list, tn_crowd *ret_crowd) {
  tn_os_wanted *wanted = calloc(list->count != 0 ? list->count : 1, sizeof *wanted);
  size_t count = 0;
  for (size_t i = 0; wanted != NULL && i < list->count; i++) {
    char path[TN_OS_PATH];
    tn_os_status status;
    if (list->all[i].kind != TARN_KIND_MAP || path_of(list, &list->all[i], path) != 0) continue;
    if (tn_os_status_at(path, &status, &wanted[count].device, &wanted[count].inode) == 0) wanted[count++].name = list->all[i].name;
  }
  tn_crowd_find(ret_crowd, wanted, wanted != NULL ? count : 0);
  if (wanted == NULL) ret_crowd->result = TARN_E_SYSTEM;
  ret_crowd->wanted = NULL;
  free(wanted);
}

/* Of a file that may not be read its directory still tells a good deal. */
static int tell_closed(const char *path, const tn_listed *one, const tn_crowd *crowd, tarn_entry *entry) {
  tn_os_status status;
  uint64_t device, inode;
  if (tn_os_status_at(path, &status, &device, &inode) != 0) return 0;
  tn_look_status(&status, one->name, one->length, entry);
  entry->kind = (uint32_t)one->kind;
  entry->flags |= TARN_ENTRY_CLOSED;
  if (one->kind == TARN_KIND_MAP) tn_users_of_map(crowd, device, inode, entry);
  return 1;
}

/* A file that is not called like a channel may be one that was made by its path. If it is a whole one, it is looked at as what it is. */
static void look_again(tn_look *look) {
  tn_look channel;
  tn_place place = look->place;
  place.plain = 0;
  place.kind = place.kind == TARN_KIND_MAP ? tn_look_first_bytes(&look->file) : TARN_KIND_MAP;
  if (place.kind <= TARN_KIND_MAP || tn_look_open(&place, TN_OS_READ, &channel) != 0) return;
  tn_os_file unused = channel.wrong == 0 ? look->file : channel.file;
  if (channel.wrong == 0) *look = channel;
  tn_os_close(&unused);
}

/* Its path is the one name that leads there; where there is no room for that, its file's name. */
static void tell_by_path(const tn_look *look, const char *file_name, tarn_entry *entry) {
  size_t length = strlen(look->place.path);
  int fits = length < sizeof entry->name;
  tn_look_tell(look, fits ? look->place.path : file_name, fits ? length : strlen(file_name), entry);
}

/* One file: 1 if there is something to tell; 0 if it vanished, is no regular file, or a map where there is no crowd to ask for its users. */
static int describe(const tn_listing *list, const tn_listed *one, const tn_crowd *crowd, tarn_entry *entry) {
  tn_place place;
  tn_look look;
  if (tn_listing_place(list, one, &place) != 0) return 0;
  int result = tn_look_open(&place, TN_OS_READ, &look);
  if (result == TARN_E_PERMISSION) return crowd != NULL || one->kind != TARN_KIND_MAP ? tell_closed(place.path, one, crowd, entry) : 0;
  if (result != 0) return 0;
  look_again(&look);
  int map = look.place.kind == TARN_KIND_MAP;
  if (map && crowd == NULL) {
    tn_os_close(&look.file);
    return 0;
  }
  if (look.place.plain)
    tn_look_tell(&look, one->name, one->length, entry);
  else
    tell_by_path(&look, one->name, entry);
  if (map) {
    tn_users_of_map(crowd, look.file.device, look.file.inode, entry);
  } else if (look.wrong == 0 && !one->temporary) {
    tn_look_published(&look, entry);
    tn_users_of_channel(&look, entry);
  }
  tn_os_close(&look.file);
  return 1;
}

static int tell_all(const tn_listing *list, const tn_crowd *crowd, int (*each)(const tarn_entry *, void *), void *argument) {
  tarn_entry entry;
  int result = 0;
  for (size_t i = 0; i < list->count && result == 0; i++)
    if ((crowd != NULL || !list->all[i].temporary) && describe(list, &list->all[i], crowd, &entry)) result = each(&entry, argument);
  return result;
}

static int list(const char *directory, int channels_only, int (*each)(const tarn_entry *, void *), void *argument) {
  tn_listing names;
  tn_crowd crowd;
  if (each == NULL) return tn_fail(TARN_E_INVALID, "tarn_list: each is NULL");
  int result = tn_listing_read(directory, &names);
  if (!channels_only) find_users(&names, &crowd);
  if (result == 0) result = tell_all(&names, channels_only ? NULL : &crowd, each, argument);
  if (!channels_only) tn_crowd_end(&crowd);
  tn_listing_end(&names);
  return result;
}

int tarn_list(const char *directory, int (*each)(const tarn_entry *entry, void *argument), void *argument) {
  return list(directory, 0, each, argument);
}

int tarn_list_channels(const char *directory, int (*each)(const tarn_entry *entry, void *argument), void *argument) {
  return list(directory, 1, each, argument);
}
