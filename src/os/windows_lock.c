/* windows_lock.c: byte locks, which the system drops when their holder dies.
 *
 * LockFileEx has no question "who holds it?": asking is locking and unlocking again. So who asks tries again after a moment,
 * lest it take another who asks for life, and who wants to hold must be ready to try again as well (participant.c). Nor has it
 * a conversion, and a handle may hold a shared lock twice, or a shared one over its own exclusive one. So this process keeps a
 * list of what its handles hold:
 *   - the same kind again is no call at all;
 *   - exclusive to shared is done without a gap: take the shared one, then unlock, which takes away the exclusive one first (so
 *     documented; seen under Wine);
 *   - shared to exclusive has a gap, as the contract says: unlock, lock exclusive, or else take the shared one again.
 * Under Wine these are fcntl locks of its server, and Linux's F_OFD_ locks and they respect each other.
 */
#include "windows.h"

typedef struct held {
  struct held *next;
  HANDLE handle;
  uint64_t byte;
  int how;
} held;

static SRWLOCK list_lock = SRWLOCK_INIT;
static held *list;

/* The list is only touched by whoever has list_lock; the calls into the system happen under it too, so that list and locks
 * agree. */
static held **find(HANDLE handle, uint64_t byte) {
  held **at = &list;
  while (*at && ((*at)->handle != handle || (*at)->byte != byte)) at = &(*at)->next;
  return at;
}

static int take(HANDLE handle, uint64_t byte, int how) {
  OVERLAPPED where = {.Offset = (DWORD)byte, .OffsetHigh = (DWORD)(byte >> 32)};
  DWORD flags = LOCKFILE_FAIL_IMMEDIATELY | (how == TN_OS_EXCLUSIVE ? LOCKFILE_EXCLUSIVE_LOCK : 0);
  if (LockFileEx(handle, flags, 0, 1, 0, &where)) return 1;
  return GetLastError() == ERROR_LOCK_VIOLATION || GetLastError() == ERROR_IO_PENDING ? 0 : tn_win_failed();
}

static int drop(HANDLE handle, uint64_t byte) {
  OVERLAPPED where = {.Offset = (DWORD)byte, .OffsetHigh = (DWORD)(byte >> 32)};
  return UnlockFileEx(handle, 0, 1, 0, &where) ? 0 : tn_win_failed();
}

/* Somebody may be asking just now: a few tries before a lock that was ours is given up for lost. */
static int take_back(HANDLE handle, uint64_t byte, int how) {
  for (int tries = 0; tries < 20; tries++) {
    int result = take(handle, byte, how);
    if (result != 0) return result;
    Sleep(tries < 5 ? 0 : 1);
  }
  return 0;
}

static void forget(held **at) {
  held *gone = *at;
  *at = gone->next;
  free(gone);
}

static int convert(held **at, int how) {
  held *mine = *at;
  if (how == TN_OS_SHARED) {
    int result = take(mine->handle, mine->byte, how);
    if (result == 1) {
      drop(mine->handle, mine->byte);
      mine->how = how;
    }
    return result;
  }
  drop(mine->handle, mine->byte);
  int result = take(mine->handle, mine->byte, how);
  if (result == 1)
    mine->how = how;
  else if (take_back(mine->handle, mine->byte, mine->how) != 1)
    forget(at);
  return result;
}

static int take_new(HANDLE handle, uint64_t byte, int how) {
  held *mine = malloc(sizeof *mine);
  if (!mine) return tn_win_failed_with(ERROR_NOT_ENOUGH_MEMORY);
  int result = take(handle, byte, how);
  if (result != 1) {
    free(mine);
    return result;
  }
  *mine = (held){list, handle, byte, how};
  list = mine;
  return 1;
}

static int refuse_unlockable(const tn_os_file *file) {
  if (file->locks == -1 || file->locks == TN_SECTION)
    return tn_win_refuse(TARN_E_UNSUPPORTED, "this was opened without a way to hold locks");
  return tn_os_still_ours(file);
}

int tn_os_lock(const tn_os_file *file, uint64_t byte, int how) {
  TN_FAULT("lock");
  int result = refuse_unlockable(file);
  if (result != 0) return result;
#ifdef TN_TESTING
  if (!tn_fault_locks_conflict()) return 1;
#endif
  HANDLE handle = tn_win_handle(file->locks);
  AcquireSRWLockExclusive(&list_lock);
  held **at = find(handle, byte);
  if (!*at)
    result = take_new(handle, byte, how);
  else
    result = (*at)->how == how ? 1 : convert(at, how);
  ReleaseSRWLockExclusive(&list_lock);
  return result;
}

int tn_os_unlock(const tn_os_file *file, uint64_t byte) {
  TN_FAULT("unlock");
  int result = refuse_unlockable(file);
  if (result != 0) return result;
  AcquireSRWLockExclusive(&list_lock);
  held **at = find(tn_win_handle(file->locks), byte);
  if (*at) {
    result = drop((*at)->handle, byte);
    forget(at);
  }
  ReleaseSRWLockExclusive(&list_lock);
  return result;
}

void tn_win_unlock_all(HANDLE handle) {
  AcquireSRWLockExclusive(&list_lock);
  for (held **at = &list; *at;) {
    if ((*at)->handle == handle) {
      drop(handle, (*at)->byte);
      forget(at);
    } else {
      at = &(*at)->next;
    }
  }
  ReleaseSRWLockExclusive(&list_lock);
}

/* Is `how` refused just now because of others? mine is what this handle holds there itself, or NULL. */
static int ask(HANDLE handle, uint64_t byte, int how, held **at) {
  held *mine = *at;
  if (mine && (mine->how == TN_OS_EXCLUSIVE || how == TN_OS_SHARED)) return 0; /* else it would not be ours */
  if (mine) drop(handle, byte); /* our own shared lock would refuse us; a gap, as with every conversion */
  int result = take(handle, byte, how);
  if (result == 1) drop(handle, byte);
  if (mine && take_back(handle, byte, mine->how) != 1) forget(at);
  return result < 0 ? result : !result;
}

/* Who asks holds the lock for a moment, and two who ask at once would take each other for life: a few tries tell them apart
 * from one who stays. In between the list is free: other threads of this process lock, too. */
int tn_os_lock_held(const tn_os_file *file, uint64_t byte, int how) {
  TN_FAULT("lock_held");
  int result = refuse_unlockable(file);
  if (result != 0) return result;
#ifdef TN_TESTING
  if (!tn_fault_locks_conflict()) return 0;
#endif
  HANDLE handle = tn_win_handle(file->locks);
  for (DWORD ms = 0;; ms++) {
    AcquireSRWLockExclusive(&list_lock);
    result = ask(handle, byte, how, find(handle, byte));
    ReleaseSRWLockExclusive(&list_lock);
    if (result != 1 || ms == 2) return result;
    Sleep(ms); /* 0: let others run */
  }
}

/* The two handles of a file are two openings of it, and the one for content never holds a lock otherwise. */
int tn_os_locks_conflict(const tn_os_file *file, const char *path, uint64_t byte) {
  (void)path; /* the file may have no name of its own yet, or none any more */
  TN_FAULT("locks_conflict");
  int result = tn_os_lock(file, byte, TN_OS_EXCLUSIVE);
  if (result == 0) return 0; /* somebody else has it: they do */
  if (result < 0) return result;
  int second = take(tn_win_handle(file->handle), byte, TN_OS_SHARED);
  if (second == 1) drop(tn_win_handle(file->handle), byte);
#ifdef TN_TESTING
  if (!tn_fault_locks_conflict()) second = 1;
#endif
  tn_os_unlock(file, byte);
  if (second < 0) return second;
  return second == 0 ? 0 : tn_win_refuse(TARN_E_UNSUPPORTED, "byte locks do not exclude each other on this file system");
}
