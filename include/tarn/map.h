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

/* tarn_map_details.flags and tarn_view.flags */
enum {
  TARN_MAP_CREATED = 1u << 0,    /* this open made it */
  TARN_MAP_KEPT = 1u << 1,       /* it outlives its users */
  TARN_MAP_HUGE = 1u << 2,       /* granted: of a view, or of every view this handle has made so far */
  TARN_MAP_PREFAULTED = 1u << 3, /* granted, likewise */
  TARN_MAP_LOCKED = 1u << 4,     /* granted, likewise */
  TARN_MAP_ON_DISK = 1u << 5     /* backed by a file that survives a reboot */
};

/* A part of a map at an address. Made by tarn_map_view, in the caller's memory. */
typedef struct tarn_view {
  void *data;           /* the byte at the asked offset */
  uint64_t size_bytes;  /* as asked */
  uint64_t offset;      /* within the map */
  uint32_t flags;       /* TARN_MAP_HUGE, _PREFAULTED, _LOCKED: which of the requests were granted */
  uint32_t access;      /* TARN_MAP_READ ... */
  uint64_t reserved[4]; /* the library's own */
} tarn_view;

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
 * options     size_bytes: the exact size of a new map, the least size of one that is there (0: any). TARN_EXCLUSIVE: only
 *             create; TARN_EXISTING: only open; neither: whichever is needed if size_bytes is given, else only open, and
 *             tarn_map_info says which it was. mode, group: of a new map. TARN_HUGE, TARN_PREFAULT, TARN_LOCK are requests for
 *             each view; the view says what was granted. TARN_ANY_OWNER: see base.h
 * timeout_ns  how long to wait for the name to appear where it is not to be created, and for an empty map to be given a size
 *             (foreign programs make the name first); one that stays empty is opened as it is if no size was asked for
 * ret_map     set on success only; the caller closes it
 *
 * Lifetime. A map is kept unless TARN_SCOPED is given when it is created: foreign programs hold no locks, so that nothing of
 * theirs is ever taken for abandoned. A scoped one (a file with the sticky bit and no execute rights) goes with its last user
 * of Tarn's, and at the next open if that one died; its mode must let its owner read and write. On Windows a bare name lives
 * while anybody has it open, foreign programs included: TARN_KEPT is TARN_E_UNSUPPORTED there, and so is TARN_SCOPED for a
 * path. Existing sections of Windows report their size in whole pages.
 *
 * Returns 0; TARN_TIMED_OUT; TARN_E_INVALID, _NOT_FOUND, _EXISTS, _KIND (not a regular file; a channel of Tarn, for writing),
 *   _MISMATCH (it is there and smaller than size_bytes), _PERMISSION, _NO_SPACE, _TOO_LARGE, _UNSUPPORTED, _SYSTEM.
 * Threads and processes: any number of either. Blocks no longer than the timeout, save for reserving the room, and up to 2 s
 * while others are in the middle of removing or making it. A process that dies in it leaves either nothing or the complete
 * map.  Since 0.1. */
TARN_API int tarn_map_open(tarn_map **ret_map, const char *name, int access, const tarn_options *options, int64_t timeout_ns);

/* tarn_map_view: make length bytes from offset on visible. Any offset and length within the map; length 0 means to the end.
 * The view outlives tarn_map_close and is kept by a child after fork; it does not keep the name alive. Close it with
 * tarn_view_close. Views of another user's file can be cut short under us: touching what is gone is a SIGBUS
 * (guard.h makes it an error).
 * Returns 0; TARN_E_INVALID (past the end), _NO_SPACE (no address room), _FORKED, _SYSTEM.  Since 0.1. */
TARN_API int tarn_map_view(tarn_map *map, uint64_t offset, uint64_t length, tarn_view *ret_view);

/* tarn_map_read: copy up to length bytes from offset on into buffer, without a view: whoever cuts the map short meanwhile causes a
 * shorter answer, never a SIGBUS. For looking at what others write; what is written during the call may be copied in part.
 *
 * offset      may be past the end: then nothing is there to copy
 * ret_length  how many bytes there were: fewer than length only where the map ends
 * Returns 0; TARN_E_INVALID (a NULL argument), _FORKED, _NO_SPACE (Windows: no address room), _SYSTEM. One system call or a few,
 * never waits. Ordering: what a call copies is read before anything that a later call of this thread copies, so that a number which
 * a writer changes before and after it writes, read before and after, tells whether a copy is whole.  Since 0.1. */
TARN_API int tarn_map_read(tarn_map *map, uint64_t offset, void *buffer, uint64_t length, uint64_t *ret_length);

/* tarn_view_flush: write what was changed in length bytes from offset (within the view; length 0: to its end) to the medium
 * and wait for it; the medium's error is returned. Where there is nothing to write (a map in memory, a view that is not
 * TARN_MAP_WRITE) 0 at once. Blocks.
 * Returns 0; TARN_E_INVALID (outside the view, or a closed one), _NO_SPACE, _SYSTEM.  Since 0.1. */
TARN_API int tarn_view_flush(const tarn_view *view, uint64_t offset, uint64_t length);

/* tarn_view_close: the address is no longer valid. Cleared; NULL, or closing a cleared view, is allowed. Ordering: what was written
 * through it is seen no later than what this thread writes through another view afterwards.  Since 0.1. */
TARN_API void tarn_view_close(tarn_view *view);

/* tarn_map_resize: make the map, opened for TARN_MAP_WRITE, exactly size_bytes (at least 1) long; new bytes are zero, their
 * room is reserved. Existing views stay as long as they were; touching the part of one that was cut off is a SIGBUS. Windows:
 * files only, and not while views are open.
 * Returns 0; TARN_BUSY (another process has been resizing it for a second); TARN_E_INVALID, _PERMISSION (not opened for
 * writing), _NO_SPACE (nothing changed), _TOO_LARGE, _UNSUPPORTED, _FORKED, _SYSTEM. A process that dies in it leaves the old
 * size or the new one.  Since 0.1. */
TARN_API int tarn_map_resize(tarn_map *map, uint64_t size_bytes);

/* tarn_map_info: what the map is now. ret_details->struct_size must be set. Returns 0; TARN_E_INVALID, _FORKED, _SYSTEM.
 * Since 0.1. */
TARN_API int tarn_map_info(tarn_map *map, tarn_map_details *ret_details);

/* tarn_map_close: the handle is gone, its views stay; the last user of a scoped map removes its name. NULL is allowed, and so
 * is a child closing what it got from its parent: that leaves the parent's handle alone.  Since 0.1. */
TARN_API void tarn_map_close(tarn_map *map);

#ifdef __cplusplus
}
#endif
#endif
