/* linux_file.c: making, opening, naming and removing files, and whom to believe.
 *
 * Making. A file without a name (O_TMPFILE) that gets its name when it is complete: whoever finds the name finds a whole file,
 * and a process that dies before leaves nothing. Without O_EXCL, which here would mean "may never get a name". Where the file
 * system has no nameless files, or there is no /proc through which one could be named, it is a file with a temporary name
 * `.NAME.<16 hex>` that is renamed; the list of linux_fork.c knows that name.
 *
 * Opening. Never with O_CREAT: in a sticky directory the kernel refuses O_CREAT on another user's file, even to root
 * (fs.protected_regular). What is not a regular file is not even opened, since opening a device or a FIFO can do something. */
#include "linux.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#endif

enum { LEASE_TRIES = 200, LEASE_PAUSE_NS = 250000 };

/* ---- Small things ---------------------------------------------------------------------------------------------------- */

const char *tn_linux_kind_words(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return "it is a directory, not a regular file";
    case S_IFLNK:
      return "it is a symbolic link, and links are not followed";
    case S_IFIFO:
      return "it is a FIFO, not a regular file";
    case S_IFSOCK:
      return "it is a socket, not a regular file";
    case S_IFCHR:
    case S_IFBLK:
      return "it is a device, not a regular file";
    default:
      return "it is not a regular file";
  }
}

void tn_linux_folder_of(const char *path, char ret_folder[TN_OS_PATH]) {
  const char *slash = strrchr(path, '/');
  if (!slash)
    memcpy(ret_folder, ".", 2);
  else if (slash == path)
    memcpy(ret_folder, "/", 2);
  else {
    size_t length = (size_t)(slash - path);
    if (length >= TN_OS_PATH) length = TN_OS_PATH - 1;
    memcpy(ret_folder, path, length);
    ret_folder[length] = 0;
  }
}

bool tn_linux_same_file(const tn_os_file *file, const struct stat *status) {
  return file->device == (uint64_t)status->st_dev && file->inode == (uint64_t)status->st_ino;
}

/* EAGAIN: somebody asks at this moment whether he is alone with the file (tn_os_alone, or a file server's lease). */
static int open_again(const char *path, int flags, mode_t mode) {
  for (int tries = 0;; tries++) {
    int descriptor = open(path, flags | O_CLOEXEC, mode);
    if (descriptor >= 0 || (errno != EINTR && (errno != EAGAIN || tries >= LEASE_TRIES))) return descriptor;
    if (errno == EAGAIN) tn_os_pause(LEASE_PAUSE_NS);
  }
}

/* A copy inherited by fork: its descriptor was closed in the child (linux_fork.c). */
static bool inherited(const tn_os_file *file) { return file->locks != -1 && file->life != tn_os_life(); }

static tn_os_file file_of(int descriptor, int locks, const struct stat *status) {
  return (tn_os_file){.handle = descriptor,
                      .locks = locks ? descriptor : -1,
                      .device = (uint64_t)status->st_dev,
                      .inode = (uint64_t)status->st_ino,
                      .life = tn_os_life()};
}

/* ---- Making ---------------------------------------------------------------------------------------------------------- */

/* The longest temporary name that still is a file name: NAME is cut where it would not be. */
enum { NAME_MOST = 255 - 18 };

static int temporary_path(const char *path, char ret_path[TN_OS_PATH]) {
  char folder[TN_OS_PATH];
  uint64_t number;
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  int result = tn_os_random(&number, sizeof number);
  if (result) return result;
  tn_linux_folder_of(path, folder);
  int length = snprintf(ret_path, TN_OS_PATH, "%s/.%.*s.%016" PRIx64, folder, (int)NAME_MOST, name, number);
  return length < TN_OS_PATH ? 0 : tn_linux_fail_number(ENAMETOOLONG);
}

/* A nameless file could be given a name through /proc only (CAP_DAC_READ_SEARCH apart). -1 with errno if it cannot be had. */
static int open_nameless(const char *path) {
  char folder[TN_OS_PATH];
  if (TN_FAULTED("make.nameless") || access("/proc/self/fd", X_OK) != 0) {
    errno = EOPNOTSUPP;
    return -1;
  }
  tn_linux_folder_of(path, folder);
  return open_again(folder, O_RDWR | O_TMPFILE, 0600);
}

static bool has_no_nameless(int number) {
  return number == EOPNOTSUPP || number == EISDIR || number == EINVAL || number == ENOSYS;
}

/* errno says why no file can be made there. ENOENT is also what /proc says, where there is a directory; one that was removed has no links. */
static int cannot_make(const char *path) {
  char folder[TN_OS_PATH];
  struct stat status;
  int number = errno;
  tn_linux_folder_of(path, folder);
  if (number == ENOTDIR) return tn_linux_fail_words(TARN_E_NOT_FOUND, "that is no directory");
  if (number == ENOENT && stat(folder, &status) == 0 && status.st_nlink > 0)
    return tn_linux_fail_words(TARN_E_NOT_FOUND, "its file system takes no new files");
  return tn_linux_fail_number(number);
}

/* The new file's descriptor; *ret_temporary its temporary name if it has one. Negative: a failure's code. */
static int open_new(const char *path, char **ret_temporary) {
  int descriptor = open_nameless(path);
  if (descriptor >= 0) return descriptor;
  if (!has_no_nameless(errno)) return cannot_make(path);
  char temporary[TN_OS_PATH];
  int result = temporary_path(path, temporary);
  if (result) return result;
  char *kept = strdup(temporary);
  if (!kept) return tn_linux_fail_number(ENOMEM);
  descriptor = open_again(temporary, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (descriptor < 0) {
    result = cannot_make(path);
    free(kept);
    return result;
  }
  *ret_temporary = kept;
  return descriptor;
}

/* Group first: with the mode first, the creator's own group would have the rights for a moment. */
static int set_rights(int descriptor, uint32_t mode, uint32_t group) {
  if (group && fchown(descriptor, (uid_t)-1, (gid_t)(group - 1)) != 0) return tn_linux_fail();
  return fchmod(descriptor, mode & 01777) == 0 ? 0 : tn_linux_fail();
}

/* Within the gate. */
static int make(tn_os_file *ret_file, const char *path, uint32_t mode, uint32_t group) {
  char *temporary = NULL;
  int descriptor = open_new(path, &temporary);
  if (descriptor < 0) return descriptor;
  int result = set_rights(descriptor, mode, group);
  struct stat status;
  if (!result && fstat(descriptor, &status) != 0) result = tn_linux_fail();
  tn_os_file file = TN_OS_NO_FILE;
  if (!result) {
    file = file_of(descriptor, 1, &status);
    result = tn_linux_list_add(&file, temporary);
  }
  if (!result) {
    *ret_file = file;
    return 0;
  }
  if (temporary) unlink(temporary);
  free(temporary);
  close(descriptor);
  return result;
}

int tn_os_make(tn_os_file *ret_file, const char *path, uint32_t mode, uint32_t group) {
  TN_FAULT("make");
  tn_linux_gate_begin();
  int result = make(ret_file, path, mode, group);
  tn_linux_gate_end();
  return result;
}

/* ---- Naming ---------------------------------------------------------------------------------------------------------- */

/* 0, or -1 with errno. The first way needs CAP_DAC_READ_SEARCH on most kernels and says ENOENT without it; the second needs
 * /proc. */
static int link_nameless(int descriptor, const char *path) {
  if (!TN_FAULTED("name.empty_path") && linkat(descriptor, "", AT_FDCWD, path, AT_EMPTY_PATH) == 0) return 0;
  if (errno == EEXIST) return -1;
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  return linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

/* As above. Where renaming cannot refuse to replace, a second name can: the first one is taken away afterwards. */
static int rename_temporary(const char *temporary, const char *path) {
  if (!TN_FAULTED("name.no_replace")) {
    if (syscall(SYS_renameat2, AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0) return 0; /* musl has no function */
    if (errno != EINVAL && errno != ENOSYS) return -1;
  }
  if (link(temporary, path) != 0) return -1;
  unlink(temporary);
  return 0;
}

int tn_os_name(tn_os_file *file, const char *path) {
  TN_FAULT("name");
  int ours = tn_linux_still_ours(file);
  if (ours) return ours;
  char temporary[TN_OS_PATH];
  tn_linux_gate_begin();
  int has_temporary = tn_linux_list_temporary(file, temporary);
  int result = has_temporary ? rename_temporary(temporary, path) : link_nameless((int)file->handle, path);
  if (result == 0)
    tn_linux_list_named(file);
  else
    result = tn_linux_fail();
  tn_linux_gate_end();
  return result;
}

/* ---- Opening and closing --------------------------------------------------------------------------------------------- */

static int check_kind(const struct stat *status) {
  return S_ISREG(status->st_mode) ? 0 : tn_linux_fail_words(TARN_E_KIND, "%s", tn_linux_kind_words(status->st_mode));
}

/* What is there is looked at before it is opened, and again after: it may have been exchanged in between. */
static int open_regular(const char *path, int flags, int *ret_descriptor, struct stat *ret_status) {
  if (lstat(path, ret_status) != 0) return tn_linux_fail();
  int result = check_kind(ret_status);
  if (result) return result;
  int descriptor = open_again(path, flags | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY, 0);
  if (descriptor < 0) return tn_linux_fail();
  result = fstat(descriptor, ret_status) == 0 ? check_kind(ret_status) : tn_linux_fail();
  if (result) {
    close(descriptor);
    return result;
  }
  *ret_descriptor = descriptor;
  return 0;
}

/* Within the gate. */
static int open_listed(tn_os_file *ret_file, const char *path, int flags, int locks) {
  struct stat status;
  int descriptor = -1, result = open_regular(path, flags, &descriptor, &status);
  if (result) return result;
  tn_os_file file = file_of(descriptor, locks, &status);
  if (locks) result = tn_linux_list_add(&file, NULL);
  if (result)
    close(descriptor);
  else
    *ret_file = file;
  return result;
}

int tn_os_open(tn_os_file *ret_file, const char *path, int access, int locks) {
  TN_FAULT("open");
  tn_linux_gate_begin();
  int result = open_listed(ret_file, path, access & TN_OS_WRITE ? O_RDWR : O_RDONLY, locks);
  tn_linux_gate_end();
  return result;
}

/* A file that never got its name takes its temporary one with it. All its locks go at once: length 0 is "to the end". */
void tn_os_close(tn_os_file *file) {
  if (file->handle >= 0 && !inherited(file)) {
    char temporary[TN_OS_PATH];
    tn_linux_gate_begin();
    if (tn_linux_still_ours(file) == 0) {
      struct flock all = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
      if (tn_linux_list_temporary(file, temporary)) unlink(temporary);
      if (file->locks >= 0) fcntl((int)file->locks, F_OFD_SETLK, &all);
      close((int)file->handle);
    }
    tn_linux_list_drop(file);
    tn_linux_gate_end();
  }
  *file = TN_OS_NO_FILE;
}

/* ---- What a file is -------------------------------------------------------------------------------------------------- */

/* The numbers of statfs(2); several are in no header. FUSE can be anything, another machine included. */
static int medium_of_type(uint32_t type, const char **ret_name) {
  static const struct {
    uint32_t type;
    int medium;
    const char *name;
  } known[] = {{0x01021994, TN_OS_MEMORY, "tmpfs"},
               {0x858458f6, TN_OS_MEMORY, "ramfs"},
               {0x958458f6, TN_OS_MEMORY, "hugetlbfs"},
               {0x00006969, TN_OS_NETWORK, "NFS"},
               {0x0000517b, TN_OS_NETWORK, "SMB"},
               {0xff534d42, TN_OS_NETWORK, "CIFS"},
               {0xfe534d42, TN_OS_NETWORK, "SMB"},
               {0x01021997, TN_OS_NETWORK, "9P"},
               {0x65735546, TN_OS_NETWORK, "FUSE"},
               {0x00c36400, TN_OS_NETWORK, "Ceph"},
               {0x5346414f, TN_OS_NETWORK, "AFS"},
               {0x6b414653, TN_OS_NETWORK, "AFS"},
               {0x73757245, TN_OS_NETWORK, "Coda"},
               {0x0bd00bd0, TN_OS_NETWORK, "Lustre"},
               {0x01161970, TN_OS_NETWORK, "GFS2"},
               {0x7461636f, TN_OS_NETWORK, "OCFS2"},
               {0x19830326, TN_OS_NETWORK, "BeeGFS"},
               {0x47504653, TN_OS_NETWORK, "GPFS"},
               {0x20030528, TN_OS_NETWORK, "OrangeFS"},
               {0x786f4256, TN_OS_NETWORK, "a VirtualBox shared folder"},
               {0xbacbacbc, TN_OS_NETWORK, "a VMware shared folder"}};
  *ret_name = NULL;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].type == type) {
      *ret_name = known[i].name;
      return known[i].medium;
    }
  return TN_OS_DISK;
}

int tn_linux_medium(int descriptor, const char **ret_name) {
  struct statfs system;
  *ret_name = NULL;
  if (TN_FAULTED("medium.network")) return medium_of_type(0x65735546, ret_name); /* FUSE */
  return fstatfs(descriptor, &system) == 0 ? medium_of_type((uint32_t)system.f_type, ret_name) : TN_OS_DISK;
}

static tn_os_status status_from(const struct stat *status, int medium) {
  return (tn_os_status){.size_bytes = (uint64_t)status->st_size,
                        .occupied_bytes = (uint64_t)status->st_blocks * 512,
                        .owner = (uint32_t)status->st_uid,
                        .group = (uint32_t)status->st_gid,
                        .mode = (uint32_t)(status->st_mode & 01777),
                        .links = (uint32_t)status->st_nlink,
                        .modified_ns = (int64_t)status->st_mtim.tv_sec * 1000000000 + status->st_mtim.tv_nsec,
                        .medium = medium};
}

int tn_os_status_of(const tn_os_file *file, tn_os_status *ret_status) {
  TN_FAULT("status_of");
  struct stat status;
  const char *name;
  if (fstat((int)file->handle, &status) != 0) return tn_linux_fail();
  *ret_status = status_from(&status, tn_linux_medium((int)file->handle, &name));
  return 0;
}

int tn_os_status_at(const char *path, tn_os_status *ret_status, uint64_t *ret_device, uint64_t *ret_inode) {
  TN_FAULT("status_at");
  struct stat status;
  struct statfs system;
  const char *name;
  if (lstat(path, &status) != 0) return tn_linux_fail();
  int result = check_kind(&status);
  if (result) return result;
  int medium = statfs(path, &system) == 0 ? medium_of_type((uint32_t)system.f_type, &name) : TN_OS_DISK;
  *ret_status = status_from(&status, medium);
  *ret_device = (uint64_t)status.st_dev;
  *ret_inode = (uint64_t)status.st_ino;
  return 0;
}

int tn_linux_still_ours(const tn_os_file *file) {
  struct stat status;
  if (inherited(file))
    return tn_linux_fail_words(TARN_E_EVICTED,
                               "the descriptor belongs to the process that forked this one and was closed here");
  if (fstat((int)file->handle, &status) != 0)
    return tn_linux_fail_words(TARN_E_EVICTED, "descriptor %d was closed behind Tarn's back", (int)file->handle);
  return tn_linux_same_file(file, &status)
             ? 0
             : tn_linux_fail_words(TARN_E_EVICTED, "descriptor %d was closed behind Tarn's back and now is another file",
                                   (int)file->handle);
}

int tn_os_still_ours(const tn_os_file *file) {
  TN_FAULT("still_ours");
  return tn_linux_still_ours(file);
}

static int leads_here(const tn_os_file *file, const char *path) {
  struct stat status;
  if (lstat(path, &status) == 0) return tn_linux_same_file(file, &status);
  return errno == ENOENT || errno == ENOTDIR ? 0 : tn_linux_fail();
}

int tn_os_leads_here(const tn_os_file *file, const char *path) {
  TN_FAULT("leads_here");
  return leads_here(file, path);
}

/* ---- Removing -------------------------------------------------------------------------------------------------------- */

/* The look and the removal are two steps: only the holder of all users' lock removes a name, so nobody changes it in between.
 */
int tn_os_remove(const tn_os_file *file, const char *path) {
  TN_FAULT("remove");
  int here = leads_here(file, path);
  if (here < 0) return here;
  if (!here) return tn_linux_fail_words(TARN_E_NOT_FOUND, "the name does not lead to this file any more");
  return unlink(path) == 0 ? 0 : tn_linux_fail();
}

int tn_os_remove_path(const char *path) {
  TN_FAULT("remove_path");
  struct stat status;
  if (lstat(path, &status) != 0) return tn_linux_fail();
  if (!S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode))
    return tn_linux_fail_words(TARN_E_KIND, "%s", tn_linux_kind_words(status.st_mode));
  return unlink(path) == 0 ? 0 : tn_linux_fail();
}

/* ---- Whom to believe ------------------------------------------------------------------------------------------------- */

/* In a directory that others can write to, a file of somebody else's may have been put there for us to find. In one that only
 * this user, root and a group they chose can write to, its rights have decided already. (Who can exchange a directory further
 * up can do anything; that is not looked at.) */
int tn_os_trusted(const char *path, const tn_os_status *status) {
  TN_FAULT("trusted");
  uint32_t me = (uint32_t)geteuid();
  if (status->owner == me || status->owner == 0) return 0;
  char folder[TN_OS_PATH];
  struct stat directory;
  tn_linux_folder_of(path, folder);
  if (stat(folder, &directory) != 0) return tn_linux_fail();
  bool ours = directory.st_uid == (uid_t)me || directory.st_uid == 0;
  if (ours && !(directory.st_mode & S_IWOTH)) return 0;
  return tn_linux_fail_words(TARN_E_PERMISSION, "it belongs to user %u, and %s", (unsigned)status->owner,
                             ours ? "anybody can put files into its directory" : "its directory belongs to yet another user");
}

/* ---- Content and names, plainly -------------------------------------------------------------------------------------- */

int tn_os_read_at(const tn_os_file *file, uint64_t offset, void *buffer, uint64_t length, uint64_t *ret_length) {
  TN_FAULT("read_at");
  uint64_t done = 0;
  while (done < length) {
    uint64_t left = length - done, most = UINT64_C(1) << 30;
    ssize_t got = pread((int)file->handle, (char *)buffer + done, (size_t)(left < most ? left : most), (off_t)(offset + done));
    if (got == 0) break;
    if (got < 0 && errno != EINTR) return tn_linux_fail();
    if (got > 0) done += (uint64_t)got;
  }
  *ret_length = done;
  return 0;
}

/* fdatasync is enough: it leaves out only times, never the size. */
int tn_os_sync(const tn_os_file *file) {
  TN_FAULT("sync");
  int result;
  do result = fdatasync((int)file->handle);
  while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : tn_linux_fail();
}

int tn_os_each_name(const char *directory, int (*each)(const char *name, void *argument), void *argument) {
  TN_FAULT("each_name");
  DIR *names = opendir(directory);
  if (!names) return tn_linux_fail();
  int result = 0;
  while (result == 0) {
    errno = 0;
    const struct dirent *entry = readdir(names);
    if (!entry) {
      if (errno) result = tn_linux_fail();
      break;
    }
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) result = each(entry->d_name, argument);
  }
  closedir(names);
  return result;
}
