/* linux_lock.c: byte locks that the kernel releases when their holder dies.
 *
 * Open file description locks (F_OFD_SETLK), not the older kind: those belong to the process, so that closing any descriptor
 * of the file, or opening it twice, loses them silently. These belong to the description and are gone when the last copy of it
 * is: at exit, whatever the exit was, before the parent can reap. Wine's LockFileEx is the same lock.
 *
 * A lock of an own description never refuses the own description: two handles in one process exclude each other only since
 * each opens the file for itself. */
#include "linux.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct flock range(short type, uint64_t byte, uint64_t length) {
  struct flock lock;
  memset(&lock, 0, sizeof lock); /* l_pid must be 0 for this kind of lock */
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = (off_t)byte;
  lock.l_len = (off_t)length;
  return lock;
}

static short type_of(int how) { return how == TN_OS_EXCLUSIVE ? F_WRLCK : F_RDLCK; }

/* 1 granted, 0 refused, -1 with errno. Never blocks, but over a network it may be interrupted. */
static int set(int descriptor, short type, uint64_t byte) {
  struct flock lock = range(type, byte, 1);
  int result;
  do result = fcntl(descriptor, F_OFD_SETLK, &lock);
  while (result != 0 && errno == EINTR);
  if (result == 0) return 1;
  return errno == EAGAIN || errno == EACCES ? 0 : -1;
}

static int fail_lock(void) {
  if (errno == EBADF)
    return tn_linux_fail_words(TARN_E_PERMISSION, "the file was opened for reading only, which allows no exclusive lock");
  return errno == EINVAL ? tn_linux_fail_words(TARN_E_UNSUPPORTED, "this file system or kernel has no open-description locks")
                         : tn_linux_fail();
}

int tn_os_lock(const tn_os_file *file, uint64_t byte, int how) {
  TN_FAULT("lock");
  int ours = tn_linux_still_ours(file);
  if (ours) return ours;
#ifdef TN_TESTING
  if (!tn_fault_locks_conflict()) return 1;
#endif
  int granted = set((int)file->locks, type_of(how), byte);
  return granted < 0 ? fail_lock() : granted;
}

int tn_os_unlock(const tn_os_file *file, uint64_t byte) {
  TN_FAULT("unlock");
  int ours = tn_linux_still_ours(file);
  if (ours) return ours;
  return set((int)file->locks, F_UNLCK, byte) < 0 ? fail_lock() : 0;
}

/* 1 if another description's lock on byte would refuse type, 0 if not, -1 with errno. */
static int held(int descriptor, short type, uint64_t byte) {
  struct flock lock = range(type, byte, 1);
  if (fcntl(descriptor, F_OFD_GETLK, &lock) != 0) return -1;
  return lock.l_type != F_UNLCK;
}

/* "Nobody" is what deaths are believed on, so it is said only of the file that was opened. */
int tn_os_lock_held(const tn_os_file *file, uint64_t byte, int how) {
  TN_FAULT("lock_held");
#ifdef TN_TESTING
  if (!tn_fault_locks_conflict()) return 0;
#endif
  int is_held = held((int)file->handle, type_of(how), byte);
  if (is_held > 0) return 1;
  int number = errno;
  int ours = tn_linux_still_ours(file);
  if (ours) return ours;
  errno = number;
  return is_held < 0 ? fail_lock() : 0;
}

/* ---- Do locks work here at all --------------------------------------------------------------------------------------- */

/* A second description of the same file, also of one without a name. For writing if possible; ret_exclusive says so. */
static int second_description(const tn_os_file *file, const char *path, int *ret_exclusive) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", (int)file->handle);
  static const int access[] = {O_RDWR, O_RDONLY};
  for (int i = 0; i < 2; i++) {
    int descriptor = open(link, access[i] | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0 && path) descriptor = open(path, access[i] | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    struct stat status;
    if (descriptor < 0) continue;
    if (fstat(descriptor, &status) == 0 && tn_linux_same_file(file, &status)) {
      *ret_exclusive = access[i] == O_RDWR;
      return descriptor;
    }
    close(descriptor);
    errno = ENOENT;
  }
  return -1;
}

/* 1 if the second description is refused what contradicts the first one's lock. */
static int refused(int second, int exclusive, uint64_t byte) {
  if (!exclusive) return held(second, F_WRLCK, byte);
  int granted = set(second, F_WRLCK, byte);
  return granted < 0 ? -1 : !granted;
}

/* The first lock may be refused: somebody else is proving the same at this moment, and the refusal is the proof. */
static int prove(const tn_os_file *file, int second, int exclusive, uint64_t byte) {
  int granted = set((int)file->locks, F_WRLCK, byte);
  if (granted < 0 && errno == EBADF) granted = set((int)file->locks, F_RDLCK, byte); /* opened for reading only */
  if (granted < 0) return fail_lock();
  if (granted == 0) return 0;
  int result = refused(second, exclusive, byte);
  int failed = result < 0 ? fail_lock() : 0;
  set((int)file->locks, F_UNLCK, byte);
  if (failed) return failed;
  return result ? 0
                : tn_linux_fail_words(TARN_E_UNSUPPORTED, "two openings of the file were both given the same exclusive lock");
}

int tn_os_locks_conflict(const tn_os_file *file, const char *path, uint64_t byte) {
  TN_FAULT("locks_conflict");
  int ours = tn_linux_still_ours(file);
  if (ours) return ours;
#ifdef TN_TESTING
  if (!tn_fault_locks_conflict())
    return tn_linux_fail_words(TARN_E_UNSUPPORTED, "two openings of the file were both given the same exclusive lock");
#endif
  const char *system;
  if (tn_linux_medium((int)file->handle, &system) == TN_OS_NETWORK)
    return tn_linux_fail_words(TARN_E_UNSUPPORTED,
                               "the file system is %s: other machines may share it, and no lock tells of them", system);
  int exclusive = 0, second = second_description(file, path, &exclusive);
  if (second < 0) return tn_linux_fail();
  int result = prove(file, second, exclusive, byte);
  close(second);
  return result;
}

/* ---- Alone ------------------------------------------------------------------------------------------------------------- */

/* A lease (F_SETLEASE) for writing is granted only while no other description of the file is open, anywhere on this machine: the
 * kernel counts them, and a mapping keeps its description. Who opens the file meanwhile waits, or is told EAGAIN, until the lease is
 * given back; its holder gets a signal, which is chosen so that no program ends by it. */
int tn_os_alone(const tn_os_file *file) {
  TN_FAULT("alone");
  int ours = tn_linux_still_ours(file);
  if (ours) return ours;
  if (fcntl((int)file->handle, F_SETSIG, SIGURG) != 0) return tn_linux_fail();
  if (fcntl((int)file->handle, F_SETLEASE, F_WRLCK) == 0) return 1;
  if (errno == EAGAIN) return 0;
  if (errno == EACCES || errno == EPERM)
    return tn_linux_fail_words(TARN_E_PERMISSION, "only its owner, or root, may ask the kernel whether anybody has it open");
  return tn_linux_fail_words(TARN_E_UNSUPPORTED, "this file system cannot tell whether anybody has it open");
}

void tn_os_alone_end(const tn_os_file *file) {
  if (tn_linux_still_ours(file) == 0) fcntl((int)file->handle, F_SETLEASE, F_UNLCK);
}
