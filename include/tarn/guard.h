/* tarn/guard.h: what happens when a file is cut short under a view.
 *
 * Memory that shows a file is lost when somebody makes the file shorter, or when its medium fails: touching it is then a SIGBUS
 * (on Windows an exception), which ends the process. Tarn never installs a handler unasked, so that is what happens by default.
 * A program that must survive it asks for the guard. While it is installed, a page that is gone is replaced by zeros of this
 * process's own, whoever touched it goes on, and the loss becomes a failure that is told:
 *
 *   boards and streams   in any thread, at any time. The handle is spoiled: the call at hand, or else the next one on it, and
 *                        every later one answers TARN_E_CORRUPT (read, get, release, claim, publish...); its poll handle becomes
 *                        readable. Close it and open it again. What was read in place is in doubt until its release returned 0
 *   views of maps        within tarn_guard_run and tarn_guard_copy, which then return TARN_E_CORRUPT. Outside of them nobody
 *                        could be told, so the process ends as it does without the guard
 *
 * Going on with zeros, and not jumping out of what was going on, is deliberate: nothing in between loses a lock, memory or a
 * destructor; and code that reads memory which others may write has to stand any content anyway. From the first lost page to
 * the end the view is then this process's own memory, also if the file grows again: close it and make a new one.
 *
 * (tarn_map_read copies out of a map that may be cut short without a guard, by a system call.)
 *
 * All other faults, and signals that were sent, go to the handler that was there before, or have the effect that they had. A
 * thread that blocks SIGBUS is killed by the kernel whatever is installed.
 */
#ifndef TARN_GUARD_H
#define TARN_GUARD_H

#include <tarn/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* tarn_guard_install: from now on, for the whole process: a handler of SIGBUS (Windows: a vectored exception handler) that looks
 * first whether the address is in a view of Tarn's. Counted: install twice, remove twice. A handler that is installed on top of
 * it later has to pass on what is not its own. A child after fork has it too.
 * Returns 0; TARN_E_SYSTEM. Any thread. Does not block.  Since 0.1. */
TARN_API int tarn_guard_install(void);

/* tarn_guard_remove: take back one tarn_guard_install; with the last one the handler that was there before is put back. If another
 * handler lies on top by now, ours stays below it and passes everything on. No thread may be within tarn_guard_run or
 * tarn_guard_copy. Returns 0; TARN_E_INVALID (it is not installed).  Since 0.1. */
TARN_API int tarn_guard_remove(void);

/* tarn_guard_run: call function(argument) in this thread, and say whether a view of Tarn's lost a page meanwhile.
 *
 * function    runs to its end in any case; it may call anything, this too. Of nested calls the innermost is told
 * Returns what function returned; TARN_E_CORRUPT, whatever it returned, if a page of a view was gone when this thread touched it
 *   (the sentence says where); TARN_E_INVALID (not installed, or function is NULL: then it is not called).
 * Any thread, several at once. Where two share a view, the one that meets the loss first is told; tarn_guard_check tells the
 * other. Costs a few stores; a fault costs a system call.  Since 0.1. */
TARN_API int tarn_guard_run(int (*function)(void *argument), void *argument);

/* tarn_guard_check: has any of these bytes, within views of maps, been lost and replaced so far? Says nothing of what nobody has
 * touched yet. Returns 0; TARN_E_CORRUPT (the sentence says where). Any thread; no system call.  Since 0.1. */
TARN_API int tarn_guard_check(const void *start, size_t size_bytes);

/* tarn_guard_copy: memcpy, as by tarn_guard_run: either side, or both, may lie in views. After TARN_E_CORRUPT what was copied
 * counts for nothing: some of it may be zeros. It is the answer again for whatever was lost before. Returns 0; TARN_E_CORRUPT; TARN_E_INVALID.  Since 0.1. */
TARN_API int tarn_guard_copy(void *to, const void *from, size_t size_bytes);

#ifdef __cplusplus
}
#endif
#endif
