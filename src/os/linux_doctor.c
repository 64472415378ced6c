/* linux_doctor.c: the settings of this system and this process that matter to shared memory: rights and size of the directory,
 * memory groups, kernel settings, limits. Files under /proc and /sys are read anew each time; one that is not there says nothing. */
#include "linux_doctor.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <tarn/doctor.h>
#include <unistd.h>

enum { OK = TARN_FINDING_OK, NOTE = TARN_FINDING_NOTE, WARNING = TARN_FINDING_WARNING, PROBLEM = TARN_FINDING_PROBLEM };
#define MIB (UINT64_C(1) << 20)

#ifdef TN_TESTING
static const char *root = "";
void tn_linux_doctor_root(const char *directory) { root = directory; }
#else
static const char root[] = "";
#endif

/* ---- Reporting and reading ------------------------------------------------------------------------------------------- */

void tn_linux_found(tn_listener *to, int level, const char *topic, const char *advice, const char *format, ...) {
  char found[TN_OS_PATH + 512];
  if (to->result != 0) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(found, sizeof found, format, arguments);
  va_end(arguments);
  const tarn_finding finding = {sizeof finding, level, topic, found, advice};
  to->result = to->report(&finding, to->argument);
}

void tn_linux_under_root(const char *path, char ret_path[TN_OS_PATH]) {
  int length = snprintf(ret_path, TN_OS_PATH, "%s%s", root, path);
  if (length >= TN_OS_PATH) ret_path[0] = 0;
}

FILE *tn_linux_open_under_root(const char *path) {
  char full[TN_OS_PATH];
  tn_linux_under_root(path, full);
  return fopen(full, "re");
}

bool tn_linux_there(const char *path) {
  char full[TN_OS_PATH];
  tn_linux_under_root(path, full);
  return access(full, F_OK) == 0;
}

bool tn_linux_first_line(const char *path, char *ret_line, size_t size) {
  FILE *file = tn_linux_open_under_root(path);
  if (!file) return false;
  bool got = fgets(ret_line, (int)size, file) != NULL;
  fclose(file);
  if (!got) return false;
  ret_line[strcspn(ret_line, "\n")] = 0;
  return ret_line[0] != 0;
}

/* ---- The directory --------------------------------------------------------------------------------------------------- */

static void rights(tn_listener *to, const char *directory) {
  struct stat status;
  if (stat(directory, &status) != 0 || !S_ISDIR(status.st_mode)) return;
  unsigned mode = (unsigned)status.st_mode & 07777, owner = (unsigned)status.st_uid;
  if (status.st_mode & S_IWOTH && !(status.st_mode & S_ISVTX))
    tn_linux_found(to, PROBLEM, "rights", "chmod +t, or a directory of a group's own (mode 2770)",
                   "%s has mode %04o: anybody can remove and replace what others have there", directory, mode);
  else if (owner != 0 && owner != (unsigned)geteuid())
    tn_linux_found(to, WARNING, "rights", "use a directory of your own or of root's, unless you trust that user",
                   "%s belongs to user %u, who can remove and replace what is in it", directory, owner);
  else if (status.st_mode & S_IWOTH)
    tn_linux_found(to, OK, "rights", "", "%s has mode %04o: anybody can make files there, so only those of this user and root are believed",
                   directory, mode);
  else
    tn_linux_found(to, OK, "rights", "", "%s has mode %04o: whoever may write there is trusted", directory, mode);
}

/* How large the file system is as a whole: 64 MiB is what containers get unasked. */
static uint64_t size(tn_listener *to, const char *directory) {
  struct statvfs system;
  char all_text[32], free_text[32];
  if (statvfs(directory, &system) != 0) return UINT64_MAX;
  uint64_t unit = system.f_frsize, all = system.f_blocks * unit, left = system.f_bavail * unit;
  if (all == 0) return UINT64_MAX; /* no limit of its own */
  int level = all <= 64 * MIB ? WARNING : OK;
  tn_linux_found(to, level, "size",
                 level == OK ? "" : "containers: --shm-size=1g, or a volume of medium Memory; else: mount -o remount,size=2G",
                 "the file system of %s has %s in all, %s of it free", directory, tn_linux_size(all, all_text),
                 tn_linux_size(left, free_text));
  return left;
}

static void memory(tn_listener *to, const char *directory, uint64_t file_system_left) {
  char where[200] = "", left_text[32], free_text[32];
  uint64_t left = tn_linux_memory_room(where, sizeof where);
  if (left == UINT64_MAX) return;
  tn_linux_size(left, left_text);
  if (strncmp(where, "this machine", 12) == 0 || left >= file_system_left) {
    tn_linux_found(to, OK, "memory", "", "%s leaves %s; no memory cgroup of this process leaves less", where, left_text);
    return;
  }
  tn_linux_found(to, left < 64 * MIB ? WARNING : NOTE, "memory",
                 "raise that limit if more is needed (MemoryMax= of the unit, --memory of the container)",
                 "%s leaves %s, less than the %s that are free in %s: what does not fit is refused", where, left_text,
                 tn_linux_size(file_system_left, free_text), directory);
}

static void overlay(tn_listener *to, const char *directory) {
  enum { OVERLAYFS = 0x794c7630 };
  struct statfs system;
  if (statfs(directory, &system) == 0 && (uint32_t)system.f_type == OVERLAYFS)
    tn_linux_found(to, WARNING, "overlay", "mount a volume or a tmpfs there, which others can mount, too",
                   "%s lies in a layer of a container: no other container or host process sees it, and it goes with the container",
                   directory);
}

/* ---- The kernel ------------------------------------------------------------------------------------------------------ */

static void protected_regular(tn_listener *to, const char *directory) {
  char line[32];
  struct stat status;
  bool shared = stat(directory, &status) == 0 && status.st_mode & S_ISVTX && status.st_mode & (S_IWOTH | S_IWGRP);
  if (!tn_linux_first_line("/proc/sys/fs/protected_regular", line, sizeof line)) return;
  if (strcmp(line, "0") == 0 || !shared)
    tn_linux_found(to, OK, "protected_regular", "", "fs.protected_regular (%s) is in nobody's way in %s", line, directory);
  else
    tn_linux_found(to, NOTE, "protected_regular", "foreign programs: open what is there without O_CREAT",
                   "fs.protected_regular is %s: in %s nobody, root included, can open another user's file with O_CREAT; Tarn never does",
                   line, directory);
}

static void core_dumps(tn_listener *to) {
  char pattern[256] = "core", filter[32] = "33";
  struct rlimit limit;
  tn_linux_first_line("/proc/sys/kernel/core_pattern", pattern, sizeof pattern);
  tn_linux_first_line("/proc/self/coredump_filter", filter, sizeof filter);
  bool dumped = getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_cur != 0 || pattern[0] == '|';
  bool with_maps = strtoul(filter, NULL, 16) & 8;
  if (!dumped)
    tn_linux_found(to, OK, "core_dumps", "", "a process that crashes is not dumped, and gone at once");
  else
    tn_linux_found(to, NOTE, "core_dumps", with_maps ? "leave shared files out of dumps (bit 3 of /proc/PID/coredump_filter)" : "",
                   "a process that crashes is dumped, and holds its locks until that is done; channels are left out of it, %s",
                   with_maps ? "raw maps are not" : "and so are raw maps");
}

static void huge_pages(tn_listener *to) {
  char line[128];
  if (!tn_linux_first_line("/sys/kernel/mm/transparent_hugepage/shmem_enabled", line, sizeof line))
    tn_linux_found(to, NOTE, "huge_pages", "", "this kernel has no huge pages for files in memory: TARN_HUGE is not granted there");
  else if (strstr(line, "[never]") || strstr(line, "[deny]"))
    tn_linux_found(to, NOTE, "huge_pages", "if large maps matter: echo advise > /sys/kernel/mm/transparent_hugepage/shmem_enabled",
                   "huge pages for files in memory are switched off: TARN_HUGE is mostly not granted");
  else
    tn_linux_found(to, OK, "huge_pages", "", "huge pages for files in memory can be asked for");
}

static void proc(tn_listener *to) {
  if (tn_linux_there("/proc/self/fd")) return;
  tn_linux_found(to, NOTE, "proc", "mount it (mount -t proc proc /proc)",
                 "there is no /proc: new files have a temporary name until they are complete, which a crash can leave behind");
}

/* ---- Limits of this process -------------------------------------------------------------------------------------------- */

/* A limit in bytes: 0 if there is none. */
static bool limit_of(tn_linux_resource which, uint64_t *ret_limit, char ret_text[32]) {
  struct rlimit limit;
  if (getrlimit(which, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return false;
  *ret_limit = limit.rlim_cur;
  tn_linux_size(*ret_limit, ret_text);
  return true;
}

static void limits(tn_listener *to) {
  uint64_t limit;
  char text[32];
  if (limit_of(RLIMIT_NOFILE, &limit, text) && limit < 1024)
    tn_linux_found(to, limit < 64 ? WARNING : NOTE, "open_files", "raise it: ulimit -n 4096, LimitNOFILE= of the unit",
                   "this process may have %llu files open; each handle takes one, three with a handle to poll", (unsigned long long)limit);
  else
    tn_linux_found(to, OK, "open_files", "", "this process may have files enough open");
  if (limit_of(RLIMIT_FSIZE, &limit, text))
    tn_linux_found(to, limit < 64 * MIB ? WARNING : NOTE, "file_size", "raise it: ulimit -f unlimited, LimitFSIZE= of the unit",
                   "files of this process end at %s: nothing larger can be made", text);
  if (limit_of(RLIMIT_AS, &limit, text))
    tn_linux_found(to, limit < 1024 * MIB ? WARNING : NOTE, "address_space", "raise it: ulimit -v unlimited, LimitAS= of the unit",
                   "this process may address %s in all: what does not fit cannot be mapped", text);
  if (limit_of(RLIMIT_MEMLOCK, &limit, text))
    tn_linux_found(to, OK, "locked_memory", "", "this process may keep %s in memory (TARN_LOCK): ulimit -l, LimitMEMLOCK= raise it", text);
}

/* ---- All of it --------------------------------------------------------------------------------------------------------- */

void tn_linux_examine_kernel(tn_listener *to, const char *directory, bool in_memory) {
  protected_regular(to, directory);
  core_dumps(to);
  if (in_memory) huge_pages(to);
  proc(to);
}

int tn_os_examine(const char *directory, tn_finding_report *report, void *argument) {
  tn_listener to = {report, argument, 0};
  const char *system;
  int folder = open(directory, O_PATH | O_CLOEXEC);
  bool in_memory = folder >= 0 && tn_linux_medium(folder, &system) == TN_OS_MEMORY;
  const struct passwd *user = getpwuid(geteuid());
  if (folder >= 0) {
    close(folder);
    rights(&to, directory);
    uint64_t left = size(&to, directory);
    if (in_memory) memory(&to, directory, left);
    overlay(&to, directory);
  }
  tn_linux_examine_logind(&to, directory, (uint32_t)geteuid(), user ? user->pw_name : "");
  tn_linux_examine_unit(&to, directory);
  tn_linux_examine_sandbox(&to, directory, secure_getenv("SNAP_NAME"));
  tn_linux_examine_kernel(&to, directory, in_memory);
  limits(&to);
  return to.result;
}
