/* linux_space.c: really having the room that a file claims to have.
 *
 * A file that is only long has no room yet: the first write to a page for which there is none is a SIGBUS in the middle of
 * somebody's memcpy. So room is reserved when it is asked for (fallocate), where no is an answer. In memory that answer has a
 * hole: over a memory cgroup's limit, or over what the machine has (a tmpfs may be as large as all memory), the kernel does
 * not refuse, it kills. So both are looked at first. */
#include "linux.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { CHUNK = 16 << 20, CHUNK_LEAST = 64 << 10 };

/* ---- Looking first --------------------------------------------------------------------------------------------------- */

/* May a file of this size become as long as end? Growing over RLIMIT_FSIZE the kernel sends SIGXFSZ, which ends a program that
 * does not expect it. */
static int check_size(uint64_t size, uint64_t end) {
  struct rlimit limit;
  char asked[32], most[32];
  if (end > INT64_MAX) return tn_linux_fail_words(TARN_E_TOO_LARGE, "no file can be larger than 8 EiB");
  if (end <= size || getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || end <= limit.rlim_cur) return 0;
  return tn_linux_fail_words(TARN_E_NO_SPACE, "%s is over this process's limit of %s a file (ulimit -f)",
                             tn_linux_size(end, asked), tn_linux_size((uint64_t)limit.rlim_cur, most));
}

/* At most this many bytes are new: not more than was asked for, and not more than the file lacks in all. */
static uint64_t new_bytes(const struct stat *status, uint64_t end, uint64_t length) {
  uint64_t size = (uint64_t)status->st_size, has = (uint64_t)status->st_blocks * 512;
  uint64_t whole = end > size ? end : size, lacks = whole > has ? whole - has : 0;
  return lacks < length ? lacks : length;
}

/* Free space of the file system; UINT64_MAX: not known, or without a limit. */
static uint64_t file_system_room(int descriptor) {
  struct statvfs system;
  if (fstatvfs(descriptor, &system) != 0 || system.f_blocks == 0) return UINT64_MAX;
  uint64_t blocks = geteuid() == 0 ? (uint64_t)system.f_bfree : (uint64_t)system.f_bavail;
  return blocks * (uint64_t)(system.f_frsize ? system.f_frsize : system.f_bsize);
}

/* Before anything is allocated, since finding out by allocating takes all there is from everybody else for a moment. */
static int check_room(int descriptor, uint64_t bytes) {
  const char *name;
  char where[200], left_text[32], need_text[32];
  uint64_t left = file_system_room(descriptor);
  if (TN_FAULTED("reserve.look")) return 0;
  if (bytes > left)
    return tn_linux_fail_words(TARN_E_NO_SPACE, "%s are needed, and the file system has %s left",
                               tn_linux_size(bytes, need_text), tn_linux_size(left, left_text));
  if (tn_linux_medium(descriptor, &name) != TN_OS_MEMORY) return 0;
  left = tn_linux_memory_room(where, sizeof where);
  if (bytes <= left) return 0;
  return tn_linux_fail_words(TARN_E_NO_SPACE, "%s are needed, and %s leaves %s", tn_linux_size(bytes, need_text), where,
                             tn_linux_size(left, left_text));
}

/* ---- Reserving ------------------------------------------------------------------------------------------------------- */

static int allocate_one(int descriptor, uint64_t offset, uint64_t length) {
  if (TN_FAULTED("reserve.interrupt")) {
    errno = EINTR;
    return -1;
  }
  return fallocate(descriptor, 0, (off_t)offset, (off_t)length);
}

/* 0, or -1 with errno. In chunks: in memory a signal undoes a whole fallocate (newer kernels mind only those that kill), and
 * one that comes often would undo a large one for ever. So the chunks also get smaller at each signal. */
static int allocate(int descriptor, uint64_t offset, uint64_t length) {
  if (TN_FAULTED("reserve.allocate")) {
    errno = EOPNOTSUPP;
    return -1;
  }
  uint64_t chunk = CHUNK;
  while (length > 0) {
    uint64_t now = length < chunk ? length : chunk;
    if (allocate_one(descriptor, offset, now) == 0) {
      offset += now;
      length -= now;
    } else if (errno != EINTR)
      return -1;
    else if (chunk > CHUNK_LEAST)
      chunk /= 2;
  }
  return 0;
}

static int write_zeros(int descriptor, uint64_t offset, uint64_t length) {
  static const char zeros[64 << 10];
  while (length > 0) {
    ssize_t written = pwrite(descriptor, zeros, (size_t)(length < sizeof zeros ? length : sizeof zeros), (off_t)offset);
    if (written < 0 && errno != EINTR) return -1;
    if (written > 0) {
      offset += (uint64_t)written;
      length -= (uint64_t)written;
    }
  }
  return 0;
}

/* Where the file system cannot allocate: zeros into what is a hole or lies beyond the end, never over what may be content. (A
 * file system that does not tell holes from content says "no holes"; then there is no more to be done.) */
static int fill(int descriptor, uint64_t offset, uint64_t end, uint64_t size) {
  while (offset < end && offset < size) {
    off_t hole = lseek(descriptor, (off_t)offset, SEEK_HOLE);
    if (hole < 0 || (uint64_t)hole >= size || (uint64_t)hole >= end) break;
    off_t data = lseek(descriptor, hole, SEEK_DATA);
    uint64_t hole_end = data < 0 ? size : (uint64_t)data;
    if (hole_end > end) hole_end = end;
    if (write_zeros(descriptor, (uint64_t)hole, hole_end - (uint64_t)hole) != 0) return -1;
    offset = hole_end;
  }
  uint64_t from = offset > size ? offset : size;
  return end > from ? write_zeros(descriptor, from, end - from) : 0;
}

/* Who calls holds a lock under which nobody else changes the size, so the old size can be put back. */
int tn_os_reserve(const tn_os_file *file, uint64_t offset, uint64_t length) {
  TN_FAULT("reserve");
  int descriptor = (int)file->handle;
  struct stat status;
  if (length > INT64_MAX || offset > INT64_MAX - length) return check_size(0, UINT64_MAX);
  if (fstat(descriptor, &status) != 0) return tn_linux_fail();
  uint64_t size = (uint64_t)status.st_size, end = offset + length;
  int result = length == 0 ? 0 : check_size(size, end);
  if (!result) result = check_room(descriptor, new_bytes(&status, end, length));
  if (result || length == 0) return result;
  int done = allocate(descriptor, offset, length);
  if (done != 0 && (errno == EOPNOTSUPP || errno == ENOSYS)) done = fill(descriptor, offset, end, size);
  if (done == 0) return 0;
  result = tn_linux_fail();
  if (end > size) (void)!ftruncate(descriptor, (off_t)size);
  return result;
}

int tn_os_truncate(const tn_os_file *file, uint64_t size_bytes) {
  TN_FAULT("truncate");
  struct stat status;
  if (fstat((int)file->handle, &status) != 0) return tn_linux_fail();
  int result = check_size((uint64_t)status.st_size, size_bytes);
  if (result) return result;
  do result = ftruncate((int)file->handle, (off_t)size_bytes);
  while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : tn_linux_fail();
}

void tn_os_give_back(const tn_os_file *file, uint64_t offset, uint64_t length) {
  if (TN_FAULTED("give_back") || length == 0) return;
  fallocate((int)file->handle, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)length);
}

/* ---- How much there is ----------------------------------------------------------------------------------------------- */

uint64_t tn_os_room(const tn_os_file *file) {
  const char *name;
  char where[200];
  if (TN_FAULTED("room")) return UINT64_MAX;
  uint64_t room = file_system_room((int)file->handle);
  if (tn_linux_medium((int)file->handle, &name) != TN_OS_MEMORY) return room;
  uint64_t memory = tn_linux_memory_room(where, sizeof where);
  return memory < room ? memory : room;
}
