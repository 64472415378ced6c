/* tarn/map.h: a map is a named region of raw bytes, without a header: what foreign programs open too (Win32 CreateFileMapping,
 * POSIX shm_open, Python's SharedMemory, Boost). Nothing here says when the bytes are complete: for that use a board.
 */
#ifndef TARN_MAP_H
#define TARN_MAP_H

#include <tarn/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tarn_map tarn_map;

/* How a map is opened. */
enum {
  TARN_MAP_READ = 1,  /* views are read-only */
  TARN_MAP_WRITE = 2, /* views are read and written, everybody sees it */
  TARN_MAP_COPY = 3   /* views can be written, nobody else sees it (copy on write) */
};

/* A part of a map at an address. Made by tarn_map_view, in the caller's memory. */
typedef struct tarn_view {
  void *data;           /* the byte at the asked offset */
  uint64_t size_bytes;  /* as asked */
  uint64_t offset;      /* within the map */
  uint64_t reserved[5]; /* the library's own */
} tarn_view;

/* tarn_map_info.flags: what was granted. */
enum {
  TARN_MAP_CREATED = 1u << 0, /* this open made it */
  TARN_MAP_KEPT = 1u << 1,    /* it outlives its users */
  TARN_MAP_HUGE = 1u << 2,
  TARN_MAP_PREFAULTED = 1u << 3,
  TARN_MAP_LOCKED = 1u << 4,
  TARN_MAP_ON_DISK = 1u << 5 /* backed by a file that survives a reboot */
};

typedef struct tarn_map_details {
  uint32_t struct_size; /* sizeof(tarn_map_details), set by the caller */
  uint32_t flags;       /* TARN_MAP_CREATED | ... */
  uint64_t size_bytes;  /* now */
  int access;           /* TARN_MAP_READ ... */
  uint32_t reserved;
} tarn_map_details;

/* tarn_map_open: open the map called name, or create it.
 *
 * name        exactly the name foreign programs use; on Linux a file of that name in the channel directory ($TARN_DIR or
 *             /dev/shm), on Windows the section object of that name (Local\ and Global\ keep their meaning). With a directory
 *             separator in it: the path of a file, used as it stands
 * access      TARN_MAP_READ, TARN_MAP_WRITE or TARN_MAP_COPY
 * options     size_bytes for a new map (required to create); TARN_EXCLUSIVE: only create; TARN_EXISTING: only open; neither:
 *             whichever is needed when size_bytes is given, only open when it is 0. TARN_HUGE, TARN_PREFAULT, TARN_LOCK are
 *             requests: tarn_map_info says what was granted. A map is kept unless options->flags has TARN_SCOPED
 * timeout_ns  how long to wait for the name to appear when it is not to be created
 * ret_map     set on success only; the caller closes it
 * Returns 0; TARN_TIMED_OUT; TARN_E_INVALID, _NOT_FOUND, _EXISTS, _KIND (a channel of Tarn), _MISMATCH (it is there and smaller than size_bytes),
 *   _PERMISSION, _NO_SPACE, _UNSUPPORTED, _SYSTEM.  Since 0.1. */
TARN_API int tarn_map_open(tarn_map **ret_map, const char *name, int access, const tarn_options *options, int64_t timeout_ns);

/* tarn_map_view: make length bytes from offset on visible. Any offset and length within the map; length 0 means to the end.
 * The view outlives tarn_map_close and is kept by a child after fork; it does not keep the name alive. Close it with
 * tarn_view_close. Returns 0; TARN_E_INVALID (past the end), _NO_SPACE (no address room), _SYSTEM.  Since 0.1. */
TARN_API int tarn_map_view(tarn_map *map, uint64_t offset, uint64_t length, tarn_view *ret_view);

/* tarn_view_flush: write what was changed in length bytes from offset (within the view; length 0: to its end) to the medium
 * and wait for it; the medium's error is returned. A map in memory has no medium: 0 at once. Blocks.  Since 0.1. */
TARN_API int tarn_view_flush(const tarn_view *view, uint64_t offset, uint64_t length);

/* tarn_view_close: the address is no longer valid. Cleared; closing a cleared view is allowed.  Since 0.1. */
TARN_API void tarn_view_close(tarn_view *view);

/* tarn_map_resize: make the map exactly size_bytes long; new bytes are zero and reserved. Existing views stay; touching the
 * part of one that was cut off is a SIGBUS. Windows: files only, not while views are open if it shrinks.
 * Returns 0; TARN_E_PERMISSION, _NO_SPACE (nothing changed), _UNSUPPORTED, _SYSTEM.  Since 0.1. */
TARN_API int tarn_map_resize(tarn_map *map, uint64_t size_bytes);

/* tarn_map_info: what the map is now. ret_details->struct_size must be set.  Since 0.1. */
TARN_API int tarn_map_info(tarn_map *map, tarn_map_details *ret_details);

/* tarn_map_close: the handle is gone, its views stay. NULL is allowed.  Since 0.1. */
TARN_API void tarn_map_close(tarn_map *map);

#ifdef __cplusplus
}
#endif
#endif
