/* tarn/board.h: a board shows the newest version of one value (a frame, a state, a file) to any number of processes.
 *
 * One writer publishes, readers always see a complete version, in place and without a copy. A writer is never held up by a
 * slow reader: it uses another buffer. A writer killed at any instruction leaves the last published version as it was; the next
 * writer goes on from there. See docs/protocol.md for why.
 */
#ifndef TARN_BOARD_H
#define TARN_BOARD_H

#include <tarn/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tarn_board tarn_board;

/* tarn_board_open: take part in the board called name.
 *
 * name        a plain name (a file NAME.board in the channel directory: $TARN_DIR, or /dev/shm on Linux), or a path to a file
 * role        TARN_WRITER creates the board if it is not there; TARN_READER and TARN_OBSERVER wait for it
 * options     NULL for the defaults; see tarn_options
 * timeout_ns  reader, observer: how long to wait for the name to appear. Writer: how long to wait for another living writer to
 *             leave (0: TARN_BUSY at once; a process that was killed lives until the kernel has torn it down, so who restarts one
 *             gives a second). No signal ends it: who must heed one gives a short timeout, and calls again
 * ret_board   set on success only; the caller closes it
 * Returns 0; TARN_BUSY (timeout 0: another writer lives; any role: a process that opens the board first, leaves it last or
 *   removes it is not done after 100 ms, being stopped or waiting for its disk); TARN_TIMED_OUT; TARN_E_INVALID, _NOT_FOUND
 *   (timeout 0), _EXISTS, _KIND, _MISMATCH, _PERMISSION, _NO_SPACE, _NO_SLOT, _TOO_LARGE (a buffer, for a 32-bit process), _CORRUPT,
 *   _VERSION, _UNSUPPORTED, _SYSTEM.
 * Any thread. Makes system calls; blocks no longer than timeout_ns (creation also as long as reserving takes; and up to 1.5 s where a name
 *   is said to be on its way out, and does not go).
 * A process that dies inside leaves either no board or a complete one.  Since 0.1. */
TARN_API int tarn_board_open(tarn_board **ret_board, const char *name, int role, const tarn_options *options, int64_t timeout_ns);

/* tarn_board_claim: reserve room for the next version and hand it out to be filled in place.
 *
 * size_bytes  0 or more; the board grows as needed, up to its limit
 * ret_room    set on success only; valid until publish or abandon; at least 64-byte aligned; holds old bytes, not zeros
 * timeout_ns  how long to wait for a buffer when living readers hold all that the limit allows
 * Returns 0; TARN_FULL (timeout 0); TARN_TIMED_OUT; TARN_WOKEN; TARN_BUSY (this handle has a claim already);
 *   TARN_E_TOO_LARGE (over limit_bytes), _NO_SPACE, _CORRUPT, _FORKED, _EVICTED, _INVALID (not a writer), _UNSUPPORTED (2^48 versions
 *   have been published), _SYSTEM.
 * One thread at a time a handle. No system call unless it grows, waits, or looks for dead readers.
 * A process that dies before publish leaves nothing readers will see.  Since 0.1. */
TARN_API int tarn_board_claim(tarn_board *board, uint64_t size_bytes, void **ret_room, int64_t timeout_ns);

/* tarn_board_publish: make the claimed room the newest version, with its first size_bytes bytes (may be fewer than claimed).
 * about may be NULL. Returns 0; TARN_E_INVALID (no claim, more than claimed, type longer than 1023 bytes; the claim stays);
 * _CORRUPT (the file was cut short: guard.h), _FORKED. Never blocks; no system call unless a reader sleeps. Release: what was written
 * before is seen by whoever reads this version. A process that dies inside has either published the whole version or none.  Since 0.1. */
TARN_API int tarn_board_publish(tarn_board *board, uint64_t size_bytes, const tarn_about *about);

/* tarn_board_abandon: give the claim back; readers keep the version they have. Returns 0; TARN_E_INVALID (no claim),
 * _CORRUPT (guard.h), _FORKED. Never blocks, no system call.  Since 0.1. */
TARN_API int tarn_board_abandon(tarn_board *board);

/* tarn_board_put: claim, copy size_bytes bytes from data, publish. Results as of claim and publish; on any of them but 0
 * nothing is published and no claim is left.  Since 0.1. */
TARN_API int tarn_board_put(tarn_board *board, const void *data, uint64_t size_bytes, const tarn_about *about, int64_t timeout_ns);

/* tarn_board_read: get the newest version where it lies, if it is newer than the last one this handle was given; the first read
 * gives whatever is there. It stays unchanged until it is released, whatever the writer does meanwhile.
 *
 * ret_item    set on success only; give it back with tarn_board_release
 * timeout_ns  how long to wait for something newer
 * Returns 0; TARN_EMPTY (timeout 0); TARN_TIMED_OUT; TARN_WOKEN; TARN_NO_WRITER (once a departure); TARN_BUSY (all holds are
 *   out: release one); TARN_E_INVALID, _CORRUPT, _FORKED, _EVICTED, _UNSUPPORTED (an observer: use get), _TOO_LARGE, _NO_SPACE (this
 *   process has no address room for the buffer), _SYSTEM.
 * One thread at a time a handle; any number of processes. No system call unless it waits or a buffer is seen for the first time.
 * Acquire: all that the writer wrote before publish is seen. A reader that dies holding a version holds it no longer once the
 * kernel has torn the process down.  Since 0.1. */
TARN_API int tarn_board_read(tarn_board *board, tarn_item *ret_item, int64_t timeout_ns);

/* tarn_board_release: done with an item of tarn_board_read; in any order; also after close (then it is the only call allowed).
 * The item is cleared. Returns 0; TARN_E_INVALID (not an item of this handle, or released already), _CORRUPT (it is released, but the file was
 * cut short, and what it showed is in doubt: guard.h), _FORKED.
 * Never blocks; a system call only if a writer waits for room.  Since 0.1. */
TARN_API int tarn_board_release(tarn_board *board, tarn_item *item);

/* tarn_board_get: as read, but copied into data, which has room for capacity bytes; nothing to release.
 * Too small: TARN_E_TOO_LARGE, ret_item->size_bytes has the size needed, and the version still counts as unread.
 * An observer reads with this.  Since 0.1. */
TARN_API int tarn_board_get(tarn_board *board, void *data, uint64_t capacity, tarn_item *ret_item, int64_t timeout_ns);

/* tarn_board_handle: a handle that is readable (Linux: a descriptor for poll, epoll; Windows: an event for
 * WaitForMultipleObjects) while a read would not answer TARN_EMPTY. Level-triggered; read with timeout 0 until TARN_EMPTY.
 * Owned by the board: do not read or close it. Starts one thread the first time. Returns 0; TARN_E_INVALID (a writer or an
 * observer), _CORRUPT (guard.h), _FORKED, _SYSTEM.  Since 0.1. */
TARN_API int tarn_board_handle(tarn_board *board, intptr_t *ret_handle);

/* tarn_board_wake: make the blocking call of this handle, or the next one if none blocks now, return TARN_WOKEN. Any thread.
 * Since 0.1. */
TARN_API void tarn_board_wake(tarn_board *board);

/* tarn_board_close: leave. A claim is abandoned; items that are out stay readable until they are released, and until then the
 * slot stays taken. NULL is allowed. In a child after fork it only frees memory.  Since 0.1. */
TARN_API void tarn_board_close(tarn_board *board);

#ifdef __cplusplus
}
#endif
#endif
