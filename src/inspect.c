/* inspect.c: list, describe, remove: what tools need, without taking part.
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

/* A thing that was opened to be looked at. */
typedef struct look_at {
  tn_place place;
  tn_os_file file;
  tn_os_status status;
  tn_header header; /* channels */
  int wrong;        /* 0, or why the header was refused: the thread's sentence has it */
} look_at;

static int open_to_look(const tn_place *place, int access, look_at *ret) {
  look_at look = {.place = *place};
  int result = tn_os_open(&look.file, place->path, access, 1);
  if (result == TARN_E_NOT_FOUND)
    return tn_fail(result, "%s \"%s\": there is none (looked for %s)", tn_kind_word(place->kind), place->name, place->path);
  if (result != 0)
    return tn_fail(result, "%s \"%s\": cannot be opened: %s", tn_kind_word(place->kind), place->name, tn_os_reason());
  result = tn_os_status_of(&look.file, &look.status);
  if (result != 0) {
    tn_os_close(&look.file);
    return tn_fail(result, "%s \"%s\": its state cannot be asked: %s", tn_kind_word(place->kind), place->name, tn_os_reason());
  }
  if (place->kind != TARN_KIND_MAP) {
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

static void fill_entry(const look_at *look, const char *name, size_t name_length, tarn_entry *entry) {
  memset(entry, 0, sizeof *entry);
  entry->struct_size = sizeof *entry;
  entry->kind = (uint32_t)look->place.kind;
  entry->mode = look->status.mode & 0777;
  entry->owner = look->status.owner;
  entry->group = look->status.group;
  entry->size_bytes = look->status.size_bytes;
  entry->occupied_bytes = look->status.occupied_bytes;
  entry->modified_ns = look->status.modified_ns;
  if (name_length >= sizeof entry->name)
    name_length = sizeof entry->name - 1;
  memcpy(entry->name, name, name_length);
  if (look->status.medium != TN_OS_MEMORY)
    entry->flags |= TARN_ENTRY_ON_DISK;
  if (look->place.kind == TARN_KIND_MAP) {
    if (!tn_name_is_scoped_map(look->status.mode))
      entry->flags |= TARN_ENTRY_KEPT;
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

/* ---- List ---------------------------------------------------------------------------------------------------------------- */

typedef struct names {
  char **all;
  size_t count, room;
} names;

static int add_name(const char *name, void *argument) {
  names *list = argument;
  if (name[0] == '.') /* half-made or hidden: no channel's name */
    return 0;
  if (list->count == list->room) {
    size_t room = list->room != 0 ? list->room * 2 : 64;
    char **all = realloc(list->all, room * sizeof *all);
    if (all == NULL)
      return TARN_E_SYSTEM;
    list->all = all;
    list->room = room;
  }
  char *copy = malloc(strlen(name) + 1);
  if (copy == NULL)
    return TARN_E_SYSTEM;
  strcpy(copy, name);
  list->all[list->count++] = copy;
  return 0;
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One file: 0 also when it vanished, is no regular file or may not be looked at. */
static int tell(const char *directory, const char *file_name, int (*each)(const tarn_entry *, void *), void *argument) {
  tn_place place = {.kind = TARN_KIND_MAP, .plain = 1};
  size_t length = strlen(file_name);
  tn_name_of_file(file_name, &place.kind, &length);
  snprintf(place.name, sizeof place.name, "%s", file_name);
  char path[2 * TN_OS_PATH];
  snprintf(path, sizeof path, "%s/%s", directory, file_name);
  look_at look;
  if (tn_os_full_path(path, place.path) != 0 || open_to_look(&place, TN_OS_READ, &look) != 0)
    return 0;
  tarn_entry entry;
  fill_entry(&look, file_name, length, &entry);
  tn_os_close(&look.file);
  return each(&entry, argument);
}

int tarn_list(const char *directory, int (*each)(const tarn_entry *entry, void *argument), void *argument) {
  if (each == NULL)
    return tn_fail(TARN_E_INVALID, "tarn_list: each is NULL");
  char place[TN_OS_PATH];
  int result = directory != NULL ? tn_os_full_path(directory, place) : tn_os_channel_directory(place);
  names list = {NULL, 0, 0};
  if (result == 0)
    result = tn_os_each_name(place, add_name, &list);
  if (result != 0)
    result = tn_fail(result, "directory \"%s\" cannot be listed: %s", directory != NULL ? directory : place, tn_os_reason());
  if (list.count != 0)
    qsort(list.all, list.count, sizeof *list.all, by_name);
  for (size_t i = 0; i < list.count; i++) {
    if (result == 0)
      result = tell(place, list.all[i], each, argument);
    free(list.all[i]);
  }
  free(list.all);
  return result;
}

/* ---- Which thing a name means ---------------------------------------------------------------------------------------------- */

/* What the file at the place of a path is, judged by its first bytes. */
static int kind_of_path(tn_place *place) {
  tn_os_file file;
  int result = tn_os_open(&file, place->path, TN_OS_READ, 0);
  if (result != 0)
    return tn_fail(result, "\"%s\": %s", place->name, tn_os_reason());
  tn_header header;
  uint64_t length = 0;
  place->kind = TARN_KIND_MAP;
  if (tn_os_read_at(&file, 0, &header, sizeof header, &length) == 0 && length == sizeof header &&
      memcmp(header.magic, TN_MAGIC, sizeof header.magic) == 0)
    place->kind = header.kind == TARN_KIND_STREAM ? TARN_KIND_STREAM : TARN_KIND_BOARD;
  tn_os_close(&file);
  return 0;
}

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
    tn_os_file file;
    result = tn_os_open(&file, place.path, TN_OS_READ, 0);
    if (result == TARN_E_NOT_FOUND)
      continue;
    if (result == 0)
      tn_os_close(&file);
    size_t used = strlen(there);
    snprintf(there + used, sizeof there - used, "%s%s%s", count != 0 ? ", " : "", name, tn_kind_suffix(kinds[i]));
    found = place;
    count++;
  }
  if (count == 0)
    return tn_fail(TARN_E_NOT_FOUND, "\"%s\": there is no map, board or stream of that name", name);
  if (count > 1)
    return tn_fail(TARN_E_INVALID, "\"%s\" means several things (%s): say which kind, or give the path of one", name, there);
  *ret_place = found;
  return 0;
}

static int resolve(const char *name, int kind, tn_place *ret_place) {
  if (kind < TARN_KIND_ANY || kind > TARN_KIND_STREAM)
    return tn_fail(TARN_E_INVALID, "\"%s\": kind %d is none", name != NULL ? name : "", kind);
  return kind == TARN_KIND_ANY ? resolve_any(name, ret_place) : tn_name_resolve(name, kind, ret_place);
}

/* ---- Describe -------------------------------------------------------------------------------------------------------------- */

/* Where it stands among what there is. end: of a stream's records. */
static void describe_progress(const look_at *look, const tn_slot *slot, const tarn_details *details, uint64_t end, tarn_participant *one) {
  int reader = one->role == TARN_READER;
  if (look->header.kind == TARN_KIND_STREAM) {
    uint64_t cursor = slot->cursor & ~UINT64_C(1), next = slot->next;
    one->held = reader ? slot->out : 0;
    one->position = !reader ? details->newest : next != 0 ? next - 1 : 0;
    /* a slow one, overrun under TARN_OVERWRITE, learns of it when it reads: what is gone it does not lag behind any more */
    if (reader && next < details->oldest)
      next = details->oldest;
    if (reader && next <= details->newest)
      one->lag = details->newest + 1 - next;
    if (reader && (slot->cursor & 1) && (int64_t)(end - cursor) > 0)
      one->lag_bytes = end - cursor < details->kept_bytes ? end - cursor : details->kept_bytes;
    return;
  }
  for (int i = 0; i < TN_PINS; i++)
    one->held += slot->pins[i] != 0;
  one->position = slot->cursor;
  if (reader && details->newest > one->position)
    one->lag = details->newest - one->position;
}

static void describe_slot(const look_at *look, const tn_slot *slot, uint32_t number, tarn_participant *one) {
  memset(one, 0, sizeof *one);
  one->slot = number;
  one->role = slot->role;
  one->alive = tn_os_lock_held(&look->file, TN_LOCK_SLOT(number), TN_OS_SHARED) == 1;
  one->process = slot->process;
  one->same_space = slot->space == tn_os_process_space();
  uint32_t asleep = slot->asleep;
  one->waiting = (asleep & 0xffff) != 0 ? 1 : asleep != 0 ? 2 : 0;
  one->items = slot->items;
  one->bytes = slot->bytes;
  one->missed = slot->missed;
  one->waits = slot->waits;
  one->joined_ns = (int64_t)slot->joined_ns;
  if (!one->same_space || !one->alive)
    return;
  tn_os_process process;
  tn_os_process_of(one->process, &process);
  one->stopped = process.exists && process.stopped;
  snprintf(one->command, sizeof one->command, "%s", process.name);
}

static void describe_board(const look_at *look, const unsigned char *base, tarn_details *details) {
  const tn_control *control = (const tn_control *)(const void *)(base + look->header.control_offset);
  const tn_entry *entries = (const tn_entry *)(const void *)(base + look->header.entries_offset);
  for (uint32_t i = 0; i < look->header.entries; i++) {
    details->buffers += entries[i].capacity != 0;
    details->buffer_bytes += entries[i].capacity;
  }
  uint64_t current = control->kind.board.current;
  details->newest = TN_BOARD_VERSION(current);
  if (details->newest == 0 || TN_BOARD_BUFFER(current) >= look->header.entries)
    return;
  const tn_entry *entry = &entries[TN_BOARD_BUFFER(current)];
  details->newest_bytes = entry->length;
  details->newest_tag = entry->tag;
  details->newest_time_ns = (int64_t)entry->time_ns;
  uint64_t length = entry->type_length, done = 0;
  if (length >= sizeof details->newest_type)
    length = sizeof details->newest_type - 1;
  if (length != 0 && tn_os_read_at(&look->file, entry->offset & INT64_MAX, details->newest_type, length, &done) == 0)
    details->newest_type[done < length ? done : length] = 0;
}

/* Everything that the tables say. */
static int describe_channel(const look_at *look, tarn_details *details, tarn_participant *participants, uint32_t capacity) {
  unsigned char *base = malloc((size_t)look->header.data_offset);
  if (base == NULL)
    return tn_fail(TARN_E_SYSTEM, "%s \"%s\": no memory for its tables", tn_kind_word(look->place.kind), look->place.name);
  uint64_t length = 0;
  int result = tn_os_read_at(&look->file, 0, base, look->header.data_offset, &length);
  if (result == 0 && length < look->header.data_offset)
    result = TARN_E_CORRUPT;
  if (result != 0) {
    free(base);
    return tn_fail(result, "%s \"%s\": its tables cannot be read; was it cut short?", tn_kind_word(look->place.kind),
                   look->place.name);
  }
  details->format_major = look->header.major;
  details->format_minor = look->header.minor;
  details->slots = look->header.slots;
  details->hold = look->header.hold;
  details->policy = look->header.policy;
  details->limit_bytes = look->header.limit_bytes;
  details->flags = look->header.flags;
  uint64_t end = 0;
  if (look->header.kind == TARN_KIND_BOARD)
    describe_board(look, base, details);
  else
    tn_describe_stream(&look->file, &look->header, base, details, &end);
  const tn_slot *table = (const tn_slot *)(const void *)(base + look->header.table_offset);
  for (uint32_t i = 0; i < look->header.slots; i++) {
    if (table[i].state == TN_SLOT_FREE)
      continue;
    if (participants != NULL && details->participant_count < capacity) {
      describe_slot(look, &table[i], i, &participants[details->participant_count]);
      describe_progress(look, &table[i], details, end, &participants[details->participant_count]);
    }
    details->participant_count++;
  }
  free(base);
  return 0;
}

int tarn_inspect(const char *name, int kind, tarn_details *ret_details, tarn_participant *participants, uint32_t capacity) {
  if (ret_details == NULL || ret_details->struct_size != sizeof *ret_details)
    return tn_fail(TARN_E_INVALID, "tarn_inspect: set ret_details->struct_size to sizeof(tarn_details)");
  tn_place place;
  int result = resolve(name, kind, &place);
  if (result != 0)
    return result;
  look_at look;
  result = open_to_look(&place, TN_OS_READ, &look);
  if (result != 0)
    return result;
  tarn_details *details = calloc(1, sizeof *details);
  if (details == NULL)
    result = tn_fail(TARN_E_SYSTEM, "\"%s\": no memory for its description", name);
  else if (look.wrong != 0)
    result = look.wrong; /* with its sentence */
  if (result == 0) {
    details->struct_size = sizeof *details;
    fill_entry(&look, name, strlen(name), &details->entry);
    if (place.kind != TARN_KIND_MAP)
      result = describe_channel(&look, details, participants, capacity);
  }
  if (result == 0)
    *ret_details = *details;
  free(details);
  tn_os_close(&look.file);
  return result;
}

/* ---- Remove ---------------------------------------------------------------------------------------------------------------- */

static int remove_open(const look_at *look, int force) {
  const char *word = tn_kind_word(look->place.kind);
  int alone = tn_os_lock(&look->file, TN_LOCK_USERS, TN_OS_EXCLUSIVE); /* nobody can come while the name goes */
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
  int result = resolve(name, kind, &place);
  if (result != 0)
    return result;
  look_at look;
  result = open_to_look(&place, TN_OS_WRITE, &look);
  if (result != 0)
    return result;
  result = remove_open(&look, force);
  tn_os_close(&look.file);
  return result;
}
