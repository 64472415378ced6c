/* map.c: raw bytes under a name: the handle, its views, flushing, resizing. How a map comes and goes is in map_open.c.
 *
 * The library deals with granularity: a view is mapped from the boundary at or below its offset, and keeps in reserved[] what
 * has to be unmapped. Everything is checked against the size of the moment; other programs may change it later, which no
 * check can prevent (see tarn_map_view in the header).
 */
#include "map.h"

#include <stdlib.h>
#include <string.h>

#include "atomic.h"
#include "error.h"
#include "guard.h"

enum { RESIZE_TURNS = 1000 };
#define MILLISECOND INT64_C(1000000)

/* tarn_view.reserved */
enum { VIEW_BASE = 0, VIEW_MAPPED = 1, VIEW_ON_DISK = 2 };

enum {
  KNOWN_FLAGS =
      TARN_KEPT | TARN_EXCLUSIVE | TARN_EXISTING | TARN_HUGE | TARN_PREFAULT | TARN_LOCK | TARN_ANY_OWNER | TARN_SCOPED
};

/* ---- What the caller asks for --------------------------------------------------------------------------------------- */

/* Shorter than ours: the rest is zeros. Longer, from a newer program: fine as long as nothing is set that we do not know. */
static int copy_options(const char *name, const tarn_options *given, tarn_options *ret_options) {
  tarn_options own = {0};
  if (given != NULL) {
    if (given->struct_size < sizeof given->struct_size + sizeof given->flags)
      return tn_fail(TARN_E_INVALID, "map \"%s\": options.struct_size is %u; set it to sizeof(tarn_options)", name,
                     given->struct_size);
    for (size_t i = sizeof own; i < given->struct_size; i++)
      if (((const unsigned char *)given)[i] != 0)
        return tn_fail(TARN_E_UNSUPPORTED,
                       "map \"%s\": options that this version of the library (%s) does not know; take a newer one", name,
                       tarn_version());
    memcpy(&own, given, given->struct_size < sizeof own ? given->struct_size : sizeof own);
  }
  own.struct_size = sizeof own;
  *ret_options = own;
  return 0;
}

/* What is wrong with the options, or NULL. */
static const char *options_fault(const tarn_options *options) {
  uint32_t flags = options->flags;
  if (flags & ~(uint32_t)KNOWN_FLAGS) return "a flag is set that maps do not know";
  if (options->slots || options->hold || options->policy || options->limit_bytes || options->spin_ns || options->from ||
      options->max_deliveries)
    return "an option is set that maps do not have (slots, hold, policy, limit_bytes, spin_ns, from, max_deliveries)";
  if ((flags & TARN_EXCLUSIVE) && (flags & TARN_EXISTING))
    return "TARN_EXCLUSIVE (only create) and TARN_EXISTING (only open) contradict each other";
  if ((flags & TARN_KEPT) && (flags & TARN_SCOPED)) return "TARN_KEPT and TARN_SCOPED contradict each other";
  if ((flags & TARN_EXCLUSIVE) && options->size_bytes == 0) return "a new map needs a size: set size_bytes";
  if (options->mode & ~0777u) return "mode has more than permission bits (0777)";
  if ((flags & TARN_SCOPED) && options->mode && (options->mode & 0711) != 0600)
    return "the mode of a scoped map must let its owner read and write (0600), and nobody execute it";
  return NULL;
}

static int check_request(tarn_map **ret_map, const char *name, int access, const tarn_options *options, int64_t timeout_ns) {
  const char *fault = options_fault(options);
  if (ret_map == NULL)
    fault = "ret_map is NULL";
  else if (access != TARN_MAP_READ && access != TARN_MAP_WRITE && access != TARN_MAP_COPY)
    fault = "access must be TARN_MAP_READ, TARN_MAP_WRITE or TARN_MAP_COPY";
  else if (timeout_ns < TARN_FOREVER)
    fault = "a timeout must not be negative, save TARN_FOREVER";
  if (fault != NULL) return tn_fail(TARN_E_INVALID, "map \"%s\": %s", name, fault);
  if (options->size_bytes > INT64_MAX)
    return tn_fail(TARN_E_TOO_LARGE, "map \"%s\": no system has files of %llu bytes; ask for less", name,
                   (unsigned long long)options->size_bytes);
  return 0;
}

/* ---- The handle ----------------------------------------------------------------------------------------------------- */

static int open_handle(tarn_map *map, const char *name, int64_t timeout_ns) {
  int result = tn_name_resolve(name, TARN_KIND_MAP, &map->place);
  if (result != 0) return result;
  if (map->place.plain && tn_os_capabilities()->sections && (map->options.flags & TARN_KEPT))
    return tn_fail(TARN_E_UNSUPPORTED,
                   "map \"%s\": on this system a plain name lives only while somebody has it open; to keep a map, "
                   "give the path of a file",
                   name);
  return tn_map_join_or_make(map, timeout_ns);
}

int tarn_map_open(tarn_map **ret_map, const char *name, int access, const tarn_options *options, int64_t timeout_ns) {
  tarn_options own;
  const char *shown = name != NULL ? name : "";
  int result = copy_options(shown, options, &own);
  if (result == 0) result = check_request(ret_map, shown, access, &own, timeout_ns);
  if (result != 0) return result;
  tarn_map *map = calloc(1, sizeof *map);
  if (map == NULL) return tn_fail(TARN_E_SYSTEM, "map \"%s\": no memory for the handle", shown);
  map->file = map->users = TN_OS_NO_FILE;
  map->options = own;
  map->access = access;
  map->life = tn_os_life();
  result = open_handle(map, name, timeout_ns);
  if (result != 0) {
    free(map);
    return result;
  }
  *ret_map = map;
  return 0;
}

void tarn_map_close(tarn_map *map) {
  if (map == NULL) return;
  if (map->life == tn_os_life())
    tn_map_leave(map);
  else if (map->inherits && tn_os_still_ours(&map->file) == 0)
    tn_os_close(&map->file); /* a forked child: the locks are its parent's, and the descriptor that held them is closed here */
  free(map);
}

static int check_handle(const tarn_map *map) {
  if (map == NULL) return tn_fail(TARN_E_INVALID, "map: the handle is NULL");
  if (map->life != tn_os_life())
    return tn_fail(TARN_E_FORKED,
                   "map \"%s\": this handle belongs to the process that forked this one; its views are good, for "
                   "anything else open the map again",
                   map->place.name);
  return 0;
}

static int status_of(const tarn_map *map, uint64_t *ret_size, uint32_t *ret_on_disk) {
  tn_os_status status = {0};
  if (map->section) {
    *ret_size = map->section_bytes;
    *ret_on_disk = 0;
    return 0;
  }
  int result = tn_os_status_of(&map->file, &status);
  if (result != 0) return tn_map_failed(map, "looking at its size", result);
  *ret_size = status.size_bytes;
  *ret_on_disk = status.medium != TN_OS_MEMORY ? TARN_MAP_ON_DISK : 0u;
  return 0;
}

int tarn_map_info(tarn_map *map, tarn_map_details *ret_details) {
  int result = check_handle(map);
  if (result != 0) return result;
  tarn_map_details own = {.flags = map->flags, .access = map->access};
  if (ret_details == NULL || ret_details->struct_size < sizeof own.struct_size + sizeof own.flags)
    return tn_fail(TARN_E_INVALID, "map \"%s\": set details.struct_size to sizeof(tarn_map_details)", map->place.name);
  uint32_t on_disk;
  result = status_of(map, &own.size_bytes, &on_disk);
  if (result != 0) return result;
  own.flags |= map->granted;
  own.struct_size = ret_details->struct_size;
  memcpy(ret_details, &own, own.struct_size < sizeof own ? own.struct_size : sizeof own);
  return 0;
}

/* ---- Views ---------------------------------------------------------------------------------------------------------- */

static uint32_t requests(const tarn_map *map) {
  uint32_t flags = map->options.flags;
  return (uint32_t)TN_OS_MAP_INHERIT | (map->access == TARN_MAP_COPY ? (uint32_t)TN_OS_MAP_COPY : 0u) |
         (flags & TARN_HUGE ? (uint32_t)TN_OS_MAP_HUGE : 0u) | (flags & TARN_PREFAULT ? (uint32_t)TN_OS_MAP_PREFAULT : 0u) |
         (flags & TARN_LOCK ? (uint32_t)TN_OS_MAP_LOCK : 0u);
}

static uint32_t in_our_words(uint32_t granted) {
  return (granted & TN_OS_MAP_HUGE ? (uint32_t)TARN_MAP_HUGE : 0u) |
         (granted & TN_OS_MAP_PREFAULT ? (uint32_t)TARN_MAP_PREFAULTED : 0u) |
         (granted & TN_OS_MAP_LOCK ? (uint32_t)TARN_MAP_LOCKED : 0u);
}

static int check_range(const tarn_map *map, uint64_t size, uint64_t offset, uint64_t *length) {
  if (size == 0)
    return tn_fail(TARN_E_INVALID, "map \"%s\": it is empty, there is nothing to view; resize it first", map->place.name);
  if (offset >= size || *length > size - offset)
    return tn_fail(TARN_E_INVALID, "map \"%s\": it has %llu bytes; %llu from %llu on are not within it", map->place.name,
                   (unsigned long long)size, (unsigned long long)*length, (unsigned long long)offset);
  if (*length == 0) *length = size - offset;
  return 0;
}

int tarn_map_view(tarn_map *map, uint64_t offset, uint64_t length, tarn_view *ret_view) {
  uint64_t size;
  uint32_t on_disk;
  int result = check_handle(map);
  if (result != 0) return result;
  if (ret_view == NULL) return tn_fail(TARN_E_INVALID, "map \"%s\": ret_view is NULL", map->place.name);
  result = status_of(map, &size, &on_disk);
  if (result == 0) result = check_range(map, size, offset, &length);
  if (result != 0) return result;
  uint64_t before = offset % tn_os_capabilities()->granularity;
  if (length + before > SIZE_MAX / 2)
    return tn_fail(TARN_E_NO_SPACE, "map \"%s\": a view of %s does not fit into this process's addresses; view it in parts",
                   map->place.name, tn_bytes(length));
  void *base;
  uint32_t granted = 0;
  int access = map->access == TARN_MAP_READ ? TN_OS_READ : TN_OS_WRITE;
  result = tn_os_map(&map->file, offset - before, before + length, access, requests(map), &base, &granted);
  if (result == TARN_E_NO_SPACE)
    return tn_fail(result, "map \"%s\": no room for a view of %s: %s; close views that are not needed, or view it in parts",
                   map->place.name, tn_bytes(length), tn_os_reason());
  if (result != 0) return tn_map_failed(map, "mapping the view", result);
  tn_guard_add(base, before + length, NULL);
  granted = in_our_words(granted);
  map->granted = map->views == 0 ? granted : map->granted & granted;
  map->views += map->views < UINT32_MAX;
  *ret_view =
      (tarn_view){.data = (char *)base + before,
                  .size_bytes = length,
                  .offset = offset,
                  .flags = granted,
                  .access = (uint32_t)map->access,
                  .reserved = {[VIEW_BASE] = (uintptr_t)base, [VIEW_MAPPED] = before + length, [VIEW_ON_DISK] = on_disk}};
  return 0;
}

int tarn_view_flush(const tarn_view *view, uint64_t offset, uint64_t length) {
  if (view == NULL || view->data == NULL) return tn_fail(TARN_E_INVALID, "flushing a view: it is closed");
  if (offset > view->size_bytes || length > view->size_bytes - offset)
    return tn_fail(TARN_E_INVALID, "flushing a view: it has %llu bytes; %llu from %llu on are not within it",
                   (unsigned long long)view->size_bytes, (unsigned long long)length, (unsigned long long)offset);
  if (length == 0) length = view->size_bytes - offset;
  if (view->access != TARN_MAP_WRITE || view->reserved[VIEW_ON_DISK] == 0 || length == 0) return 0;
  uint64_t from = (uint64_t)((char *)view->data - (char *)(uintptr_t)view->reserved[VIEW_BASE]) + offset;
  uint64_t before = from % tn_os_capabilities()->granularity; /* the system wants whole pages */
  int result = tn_os_flush((char *)(uintptr_t)view->reserved[VIEW_BASE] + (from - before), before + length);
  if (result != 0)
    return tn_fail(result, "flushing %s of a view at offset %llu failed: %s; what was changed may not be on the medium",
                   tn_bytes(length), (unsigned long long)(view->offset + offset), tn_os_reason());
  return 0;
}

void tarn_view_close(tarn_view *view) {
  if (view == NULL || view->data == NULL) return;
  void *base = (void *)(uintptr_t)view->reserved[VIEW_BASE];
  tn_fence_release(); /* what was written through it, before what is written after this; a reader outside Tarn has no tag */
  tn_guard_drop(base, NULL);
  tn_os_unmap(base, view->reserved[VIEW_MAPPED]);
  *view = (tarn_view){0};
}

/* ---- Copies --------------------------------------------------------------------------------------------------------- */

/* A named section is no file, and its size never changes: what is mapped stays. */
static int read_section(tarn_map *map, uint64_t offset, void *buffer, uint64_t length, uint64_t *ret_length) {
  tarn_view view;
  if (offset >= map->section_bytes || length == 0) {
    *ret_length = 0;
    return 0;
  }
  if (length > map->section_bytes - offset) length = map->section_bytes - offset;
  int result = tarn_map_view(map, offset, length, &view);
  if (result != 0) return result;
  memcpy(buffer, view.data, (size_t)length);
  tarn_view_close(&view);
  *ret_length = length;
  return 0;
}

int tarn_map_read(tarn_map *map, uint64_t offset, void *buffer, uint64_t length, uint64_t *ret_length) {
  int result = check_handle(map);
  if (result != 0) return result;
  if (ret_length == NULL || (buffer == NULL && length != 0))
    return tn_fail(TARN_E_INVALID, "map \"%s\": reading: %s is NULL", map->place.name,
                   ret_length == NULL ? "ret_length" : "buffer");
  if (offset > INT64_MAX || length > INT64_MAX - offset) length = offset > INT64_MAX ? 0 : INT64_MAX - offset;
  if (map->section)
    result = read_section(map, offset, buffer, length, ret_length);
  else if (length == 0)
    *ret_length = 0;
  else if ((result = tn_os_read_at(&map->file, offset, buffer, length, ret_length)) != 0)
    return tn_map_failed(map, "reading it", result);
  /* acquire: a writer outside Tarn has no tag; pairs with whatever orders its own stores. What was copied is older than what the next
   * call copies. */
  tn_fence_acquire();
  return result;
}

/* ---- Resizing ------------------------------------------------------------------------------------------------------- */

/* Bytes behind the end but in the last page belong to nobody, yet a view shows them and careless programs write there; some
 * file systems would bring that to light when the file grows. Zeroed before, so that no rightful writer can be in the way.
 * Where views begin at multiples of 64 KiB they still end with a page of 4 KiB. */
static int zero_the_last_page(const tarn_map *map, uint64_t size) {
  uint64_t granularity = tn_os_capabilities()->granularity, page = granularity == 65536 ? 4096 : granularity;
  uint64_t used = size % granularity, behind = (page - size % page) % page;
  void *base;
  if (behind == 0) return 0;
  int result = tn_os_map(&map->file, size - used, used, TN_OS_WRITE, 0, &base, NULL);
  if (result != 0) return tn_map_failed(map, "mapping its last page", result);
  tn_atomic32 there = 1; /* cut short by somebody else meanwhile: nothing is left to be zeroed */
  tn_guard_add(base, used, &there);
  memset((char *)base + used, 0, (size_t)behind);
  tn_guard_drop(base, &there);
  tn_os_unmap(base, used);
  TN_POINT("map.resize.zeroed");
  return 0;
}

/* One resizes at a time: who fails puts the old size back, and would cut off what another was given meanwhile. Where the name
 * leads elsewhere by now, or locks do not work, it goes on without: then nobody but those who have it open can be in the way.
 * The lock needs a description of its own, since views keep the other one alive. */
static int lock_for_resizing(const tarn_map *map, tn_os_file *ret_lock) {
  tn_os_file lock;
  if (tn_os_open(&lock, map->place.path, TN_OS_WRITE, 1) != 0) return 0;
  int granted = -1;
  if (lock.device == map->file.device && lock.inode == map->file.inode)
    for (int turn = 0; turn < RESIZE_TURNS && (granted = tn_os_lock(&lock, TN_MAP_RESIZE, TN_OS_EXCLUSIVE)) == 0; turn++)
      tn_os_pause(MILLISECOND);
  if (granted == 1)
    *ret_lock = lock;
  else
    tn_os_close(&lock);
  return granted == 0 ? TARN_BUSY : 0;
}

static int grow(tarn_map *map, uint64_t size, uint64_t wanted) {
  int result = zero_the_last_page(map, size);
  if (result != 0) return result;
  result = tn_os_reserve(&map->file, size, wanted - size);
  if (result == TARN_E_NO_SPACE) return tn_map_no_space(map, "growing it", wanted - size);
  if (result != 0) return tn_map_failed(map, "reserving more room", result);
  TN_POINT("map.resize.reserved");
  return 0;
}

static int change_size(tarn_map *map, uint64_t wanted) {
  uint64_t size;
  uint32_t on_disk;
  int result = status_of(map, &size, &on_disk);
  if (result != 0 || wanted == size) return result;
  if (wanted > size) return grow(map, size, wanted);
  result = tn_os_truncate(&map->file, wanted);
  if (result != 0) return tn_map_failed(map, "cutting it", result);
  TN_POINT("map.resize.cut");
  return 0;
}

int tarn_map_resize(tarn_map *map, uint64_t size_bytes) {
  int result = check_handle(map);
  if (result != 0) return result;
  const char *name = map->place.name;
  if (size_bytes == 0)
    return tn_fail(TARN_E_INVALID, "map \"%s\": it cannot be made 0 bytes long; remove it, or leave it at least one", name);
  if (size_bytes > INT64_MAX)
    return tn_fail(TARN_E_TOO_LARGE, "map \"%s\": no system has files of %llu bytes; ask for less", name,
                   (unsigned long long)size_bytes);
  if (map->access != TARN_MAP_WRITE)
    return tn_fail(TARN_E_PERMISSION, "map \"%s\": it was not opened for writing; open it with TARN_MAP_WRITE to resize it",
                   name);
  if (map->section)
    return tn_fail(TARN_E_UNSUPPORTED,
                   "map \"%s\": a named section keeps the size it was made with; make one of the size you need, or "
                   "use the path of a file",
                   name);
  tn_os_file lock = TN_OS_NO_FILE;
  result = lock_for_resizing(map, &lock);
  if (result != 0) return result;
  TN_POINT("map.resize.locked");
  result = change_size(map, size_bytes);
  tn_os_close(&lock);
  return result;
}
