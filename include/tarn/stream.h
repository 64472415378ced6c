/* tarn/stream.h: a stream is ordered messages in a ring: every reader gets every one.
 *
 * One writer (or several: TARN_MANY_WRITERS), any number of readers, each at its own pace. What happens when the ring is full is the stream's policy: the writer
 * waits for the slowest reader (TARN_WAIT), gets TARN_FULL (TARN_FAIL), or drops the oldest (TARN_OVERWRITE). Every message has
 * a number, from 1 upward without gaps; a reader that missed some learns exactly how many. See docs/protocol.md for why.
 *
 * Without readers. Until the first reader ever has come, a full ring waits (or fails) as if one were there: what was sent before it came is not
 * lost. Later, while no reader has the stream open, the oldest messages are dropped under every policy, so that a reader which crashed
 * holds nobody up: when it is back, it gets what the ring still holds, and a new handle does not know what passed before. Who must
 * lose nothing even then takes a queue, keeps a second reader (`tarn record`), or asks for the number after the last one it had
 * (tarn_options.from): then missed says how many have gone.
 *
 * Many writers. Any number of handles of any processes write at once. Each claim has its place in the one order that all readers see, and
 * its number; claims are filled in parallel, and readers wait for each in its turn, a stopped writer's too (`tarn stat` shows it).
 * The claim of a writer that dies, or abandons, is passed over, and its number with it: so numbers may have gaps, which do not count as
 * missed (but under TARN_OVERWRITE, if the gap itself was overwritten). TARN_NO_WRITER means that no writer is left.
 *
 * Queues (TARN_QUEUE; with TARN_MANY_WRITERS or one writer; TARN_WAIT or TARN_FAIL). Each message goes to one reader, and is done when that
 * releases it. If the reader dies first, or returns it (tarn_stream_return), it goes to another, marked TARN_AGAIN: every message is
 * delivered at least once, and more than once only if marked; what was done is never delivered again. Readers take messages in their order, but
 * for those that come again; they may come and go, and all have an equal chance. A reader may have `hold` messages out (tarn_options),
 * then read answers TARN_BUSY. A stopped reader keeps what it has taken, and the room behind it. tarn_item.deliveries counts, this time
 * included; after max_deliveries the next reader puts the message into the queue NAME.aside (made when first needed, kept, for the
 * same users) instead of delivering it; if it cannot (no room there, no right), it delivers it once more. A reader that dies while setting
 * aside may leave it there twice. Nothing is dropped: without readers a full queue stays full. Observers see every message, taken or not.
 */
#ifndef TARN_STREAM_H
#define TARN_STREAM_H

#include <tarn/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tarn_stream tarn_stream;

/* A message, or a piece of one, to be copied. */
typedef struct tarn_piece {
  const void *data;
  uint64_t size_bytes;
  uint64_t tag; /* tarn_stream_put_batch: the message's tag, at most 2^32 - 1; tarn_stream_put_pieces: 0 */
} tarn_piece;

/* tarn_stream_open: take part in the stream called name.
 *
 * name        a plain name (a file NAME.stream in the channel directory: $TARN_DIR, or /dev/shm on Linux), or a path to a file
 * role        TARN_WRITER creates the stream if it is not there; TARN_READER and TARN_OBSERVER wait for it
 * options     NULL for the defaults. size_bytes: the ring, a power of two from 4096 to 2^40, 0 means 1 MiB; policy; TARN_TIMES;
 *             TARN_MANY_WRITERS; TARN_QUEUE with hold and max_deliveries; a reader's from: TARN_OLDEST (default; a queue's readers
 *             have no other), TARN_NEXT or the number of a message
 * timeout_ns  reader, observer: how long to wait for the name to appear. Writer: how long to wait for another living writer to
 *             leave (0: TARN_BUSY at once; as of tarn_board_open); with TARN_MANY_WRITERS there is nobody to wait for. No signal ends it
 * ret_stream  set on success only; the caller closes it
 * Returns 0; TARN_BUSY (timeout 0: another writer lives; any role: a process that opens the stream first, leaves it last or
 *   removes it is not done after 100 ms, being stopped or waiting for its disk); TARN_TIMED_OUT; TARN_E_INVALID, _NOT_FOUND
 *   (timeout 0), _EXISTS, _KIND, _MISMATCH, _PERMISSION, _NO_SPACE, _NO_SLOT, _TOO_LARGE (the ring, for a 32-bit process), _CORRUPT,
 *   _VERSION, _UNSUPPORTED, _SYSTEM.
 * Any thread. Makes system calls; blocks no longer than timeout_ns (creation also as long as reserving the ring takes; and up to 1.5 s where
 *   a name is said to be on its way out, and does not go).
 * A process that dies inside leaves either no stream or a complete one. Since 0.1. */
TARN_API int tarn_stream_open(tarn_stream **ret_stream, const char *name, int role, const tarn_options *options,
                              int64_t timeout_ns);

/* tarn_stream_claim: reserve room for one message and hand it out to be filled in place.
 *
 * size_bytes  0 .. half the ring less 32 (48 with TARN_TIMES)
 * ret_room    set on success only; valid until publish or abandon; 16-byte aligned; holds old bytes, not zeros
 * timeout_ns  how long to wait for room when full under TARN_WAIT
 * Returns 0; TARN_FULL (timeout 0, or the policy does not wait: TARN_FAIL; TARN_OVERWRITE against a message that a living reader
 *   holds in place); TARN_TIMED_OUT; TARN_WOKEN; TARN_BUSY (there is a claim already); TARN_E_TOO_LARGE (can never fit), _INVALID,
 *   _CORRUPT, _FORKED, _EVICTED, _SYSTEM.
 * One thread at a time a handle; any number of processes. No system call unless it has to wait.
 * With many writers, and in a queue, claims are made one after the other, which takes less than a microsecond each; if a writer is
 * stopped just then, others wait as long as timeout_ns says, and 20 ms at least: then TARN_FULL if it is 0, else TARN_TIMED_OUT.
 * A process that dies before publish leaves nothing readers will see. Since 0.1. */
TARN_API int tarn_stream_claim(tarn_stream *stream, uint64_t size_bytes, void **ret_room, int64_t timeout_ns);

/* tarn_stream_publish: make the claimed room the next message, with its first size_bytes bytes (may be fewer than claimed).
 * about may be NULL; its tag is at most 2^32 - 1, its type must be NULL or "". Returns 0; TARN_E_INVALID (no claim, more than
 * claimed, tag or type; the claim stays), _CORRUPT (the file was cut short: guard.h), _FORKED, _EVICTED (many writers: this one was taken
 * for dead, its claim is gone). Never blocks; no system call unless a reader sleeps. Release: what was
 * written before is seen by whoever reads the message. A process that dies inside has either published it whole or not at all.
 * Since 0.1. */
TARN_API int tarn_stream_publish(tarn_stream *stream, uint64_t size_bytes, const tarn_about *about);

/* tarn_stream_abandon: give the claim back; no message, no number used. With many writers, and in a queue, others may have claimed behind it:
 * its number is left out, and its room is free again when readers have passed it. Returns 0; TARN_E_INVALID (no claim), _CORRUPT (guard.h),
 * _FORKED, _EVICTED.
 * Never blocks; a system call only if somebody sleeps. Since 0.1. */
TARN_API int tarn_stream_abandon(tarn_stream *stream);

/* tarn_stream_put: claim, copy, publish. Results as of claim and publish; on any of them but 0 nothing is published. Since 0.1. */
TARN_API int tarn_stream_put(tarn_stream *stream, const void *data, uint64_t size_bytes, const tarn_about *about,
                             int64_t timeout_ns);

/* tarn_stream_put_pieces: as put, one message made of count pieces, one behind the other. Since 0.1. */
TARN_API int tarn_stream_put_pieces(tarn_stream *stream, const tarn_piece *pieces, uint32_t count, const tarn_about *about,
                                    int64_t timeout_ns);

/* tarn_stream_put_batch: publish up to count messages, one a piece, with one store and one wake: readers see all of them or none.
 * As many as have room at once (at most a quarter of the ring; with many writers, and in a queue, one claim that does not go beyond the
 * ring's end: the rest in the next call); waits, as put does, only while there is no room for even the first.
 * ret_count says how many were published (the first ret_count of them). Returns 0 if at least one was; else as put. Since 0.1. */
TARN_API int tarn_stream_put_batch(tarn_stream *stream, const tarn_piece *messages, uint32_t count, uint32_t *ret_count,
                                   int64_t timeout_ns);

/* tarn_stream_read: get the next message where it lies. It stays as it is until it is released, and keeps its room in the ring, so
 * that a writer may have to wait for it (TARN_OVERWRITE: gets TARN_FULL).
 *
 * ret_item    set on success only; give it back with tarn_stream_release. missed: how many messages were dropped unseen before it
 * timeout_ns  how long to wait for a message
 * Returns 0; TARN_EMPTY (timeout 0); TARN_TIMED_OUT; TARN_WOKEN; TARN_NO_WRITER (everything is read and the writer has left or
 *   died: once a departure; in a queue also what others have taken must be done, unless this reader has items out); TARN_BUSY (1024
 *   items, of a queue `hold`, are out: release one); TARN_E_INVALID, _CORRUPT, _FORKED, _EVICTED,
 *   _UNSUPPORTED (an observer: use get), _SYSTEM.
 * One thread at a time a handle; any number of processes. No system call unless it waits. Acquire: all that the writer wrote before
 * publish is seen. A reader that dies holding messages holds them no longer once the kernel has torn the process down. Since 0.1. */
TARN_API int tarn_stream_read(tarn_stream *stream, tarn_item *ret_item, int64_t timeout_ns);

/* tarn_stream_read_batch: as read, for up to capacity messages that are there; waits only for the first. Since 0.1. */
TARN_API int tarn_stream_read_batch(tarn_stream *stream, tarn_item *items, uint32_t capacity, uint32_t *ret_count,
                                    int64_t timeout_ns);

/* tarn_stream_release: done with an item of read; in any order; also after close (then the only call allowed). The item's
 * data, size and token are cleared. Room is free again from the oldest item on. In a queue: the message is done. Returns 0; TARN_E_INVALID (not
 * an item of this handle, or released already), _CORRUPT (it is released, but the file was cut short, and what it showed is in doubt: guard.h),
 * _FORKED, _EVICTED (a queue: this reader was taken for dead, another has the message). Never blocks; a system call only if the writer waits
 * for this room. Since 0.1. */
TARN_API int tarn_stream_release(tarn_stream *stream, tarn_item *item);

/* tarn_stream_release_batch: the same for count items. Since 0.1. */
TARN_API int tarn_stream_release_batch(tarn_stream *stream, tarn_item *items, uint32_t count);

/* tarn_stream_return: a queue's reader gives an item of read back, undone: it goes to another reader, or to this one again, marked
 * TARN_AGAIN, with its deliveries counted. Also after close, as release. The item's data, size and token are cleared. Returns 0;
 * TARN_E_INVALID (not an item of this handle, or not a queue), _CORRUPT (guard.h), _FORKED, _EVICTED (it had been taken for dead, and the
 * item was given to another already). Never blocks; a system call only if somebody sleeps. A process that dies inside has given it back. Since 0.1. */
TARN_API int tarn_stream_return(tarn_stream *stream, tarn_item *item);

/* tarn_stream_get: as read, but copied into data, which has room for capacity bytes; nothing to release.
 * Too small: TARN_E_TOO_LARGE, ret_item->size_bytes has the size needed, and the message still counts as unread.
 * An observer reads with this. In a queue the message is done when get returns it: a reader that dies after that takes it along, so read and
 * release what must not be lost. Since 0.1. */
TARN_API int tarn_stream_get(tarn_stream *stream, void *data, uint64_t capacity, tarn_item *ret_item, int64_t timeout_ns);

/* tarn_stream_handle: a handle that is readable (Linux: a descriptor for poll, epoll; Windows: an event for
 * WaitForMultipleObjects) while a read would not answer TARN_EMPTY. Level-triggered; read with timeout 0 until TARN_EMPTY.
 * Owned by the stream: do not read or close it. Starts one thread the first time. Returns 0; TARN_E_INVALID (a writer or an
 * observer), _CORRUPT (guard.h), _FORKED, _SYSTEM. Since 0.1. */
TARN_API int tarn_stream_handle(tarn_stream *stream, intptr_t *ret_handle);

/* tarn_stream_wake: make the blocking call of this handle, or the next one if none blocks now, return TARN_WOKEN. Any thread.
 * Since 0.1. */
TARN_API void tarn_stream_wake(tarn_stream *stream);

/* tarn_stream_close: leave. A claim is abandoned; items that are out stay readable until they are released, and until then the
 * slot stays taken. NULL is allowed. In a child after fork it only frees memory. Since 0.1. */
TARN_API void tarn_stream_close(tarn_stream *stream);

#ifdef __cplusplus
}
#endif
#endif
