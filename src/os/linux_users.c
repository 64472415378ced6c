/* linux_users.c: who has a file open or mapped, as far as /proc shows it.
 *
 * /proc/PID/maps has the device and inode of every mapping, /proc/PID/fd leads to every open file. Both are shown for own processes
 * only, unless one is root; a mount option can hide the others altogether; and processes outside this PID namespace are not there at all.
 * So what is found is true for the moment, and what is not found is true only if nothing was hidden.
 *
 * On some file systems (overlayfs, btrfs) the device in maps is not the one that stat tells: then the name decides. Nothing here may
 * wait: a file on a server that has gone is asked with AT_STATX_DONT_SYNC. */
#include "linux.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#ifndef STATX_INO /* musl before 1.2.5 has no statx */
#include <linux/stat.h>
#endif

static const char *proc_root = "/proc";

#ifdef TN_TESTING
void tn_linux_proc_root(const char *directory) { proc_root = directory ? directory : "/proc"; }
#endif

typedef struct search {
  const tn_os_wanted *files;
  size_t count;
  uint32_t *seen_in; /* for each file: the last process that has it */
  uint32_t process;
  int hidden;
  void (*each)(size_t index, uint32_t process, void *argument);
  void *argument;
} search;

/* The first of the files with this inode; count if there is none. */
static size_t first_with(const search *s, uint64_t inode) {
  size_t low = 0, high = s->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (s->files[middle].inode < inode)
      low = middle + 1;
    else
      high = middle;
  }
  return low < s->count && s->files[low].inode == inode ? low : s->count;
}

static bool ends_with_name(const char *path, const char *name) {
  static const char deleted[] = " (deleted)";
  size_t length = strlen(path), tail = strlen(name);
  if (length > sizeof deleted && strcmp(path + length - (sizeof deleted - 1), deleted) == 0) length -= sizeof deleted - 1;
  return length > tail && path[length - tail - 1] == '/' && memcmp(path + length - tail, name, tail) == 0;
}

static void found(search *s, uint64_t device, uint64_t inode, const char *path) {
  for (size_t i = first_with(s, inode); i < s->count && s->files[i].inode == inode; i++) {
    if (s->files[i].device != device && !(path && ends_with_name(path, s->files[i].name))) continue;
    if (s->seen_in[i] == s->process) continue;
    s->seen_in[i] = s->process;
    s->each(i, s->process, s->argument);
  }
}

static bool is_gone(int number) { return number == ENOENT || number == ESRCH; }

/* "7f00-7f01 rw-s 00000000 00:1b 1234   /dev/shm/name" */
static void look_at_mappings(search *s) {
  char path[TN_OS_PATH];
  snprintf(path, sizeof path, "%s/%u/maps", proc_root, s->process);
  FILE *maps = fopen(path, "re");
  char *line = NULL;
  size_t room = 0;
  if (!maps) s->hidden |= !is_gone(errno);
  errno = 0;
  while (maps && getline(&line, &room, maps) > 0) {
    unsigned major_number, minor_number;
    uint64_t inode;
    int name_at = 0;
    if (sscanf(line, "%*s %*s %*s %x:%x %" SCNu64 " %n", &major_number, &minor_number, &inode, &name_at) < 3 || inode == 0) continue;
    line[strcspn(line, "\n")] = 0;
    found(s, (uint64_t)makedev(major_number, minor_number), inode, name_at > 0 ? line + name_at : NULL);
  }
  if (maps) {
    s->hidden |= ferror(maps) && !is_gone(errno);
    fclose(maps);
  }
  free(line);
}

static void look_at_descriptors(search *s) {
  char path[TN_OS_PATH];
  snprintf(path, sizeof path, "%s/%u/fd", proc_root, s->process);
  DIR *names = opendir(path);
  if (!names) {
    s->hidden |= !is_gone(errno);
    return;
  }
  for (const struct dirent *entry; (entry = readdir(names)) != NULL;) {
    struct statx status;
    if (entry->d_name[0] == '.') continue;
    if (syscall(SYS_statx, dirfd(names), entry->d_name, AT_STATX_DONT_SYNC, STATX_INO | STATX_TYPE, &status) != 0) continue;
    if (S_ISREG(status.stx_mode))
      found(s, (uint64_t)makedev(status.stx_dev_major, status.stx_dev_minor), status.stx_ino, NULL);
  }
  closedir(names);
}

/* Does /proc show every process there is? Not if it may hide others' (hidepid), nor from within a PID namespace: only the first one,
 * whose number is fixed in the kernel, sees all. */
static bool shows_all(void) {
  char path[TN_OS_PATH], space[64];
  snprintf(path, sizeof path, "%s/self/ns/pid", proc_root);
  ssize_t length = readlink(path, space, sizeof space - 1);
  if (length < 0) return false;
  space[length] = 0;
  snprintf(path, sizeof path, "%s/1/maps", proc_root);
  return strcmp(space, "pid:[4026531836]") == 0 && access(path, F_OK) == 0;
}

int tn_os_users(const tn_os_wanted *files, size_t count, void (*each)(size_t index, uint32_t process, void *argument),
                void *argument) {
  TN_FAULT("users");
  search s = {.files = files, .count = count, .each = each, .argument = argument, .hidden = !shows_all()};
  DIR *processes = opendir(proc_root);
  if (!processes) return tn_linux_fail_words(TARN_E_UNSUPPORTED, "there is no /proc");
  s.seen_in = calloc(count ? count : 1, sizeof *s.seen_in);
  if (!s.seen_in) {
    closedir(processes);
    return tn_linux_fail_number(ENOMEM);
  }
  for (const struct dirent *entry; (entry = readdir(processes)) != NULL;) {
    char *end;
    unsigned long number = strtoul(entry->d_name, &end, 10);
    if (*end != 0 || number == 0 || number > INT32_MAX) continue;
    s.process = (uint32_t)number;
    look_at_mappings(&s);
    look_at_descriptors(&s);
  }
  free(s.seen_in);
  closedir(processes);
  return s.hidden;
}
