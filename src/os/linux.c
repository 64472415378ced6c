/* linux.c: this system's data, its words for failures, and what a name or path means here. The rest of os.h for Linux is in
 *
 *   linux_file.c     making, opening, naming and removing files; whom to believe
 *   linux_space.c    really having the room that a file claims to have
 *   linux_memory.c   what the memory cgroups leave
 *   linux_lock.c     byte locks that the kernel releases
 *   linux_map.c      mappings
 *   linux_guard.c    SIGBUS, for those who asked for it
 *   linux_fork.c     what a forked child must not keep, and how it knows that it is one
 *   linux_doctor.c   settings that matter to shared memory; linux_doctor_files.c: what systemd and sandboxes do to it
 *   linux_wait.c     sleeping, waking, the process-wide barrier, events
 *   linux_process.c  threads, time, randomness, other processes
 */
#include "linux.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Failures ------------------------------------------------------------------------------------------------------ */

static _Thread_local struct {
  int number;
  char text[240];
} reason;

const char *tn_os_reason(void) { return reason.text; }
int tn_os_reason_number(void) { return reason.number; }

void tn_reason_set(int number, const char *text) {
  reason.number = number;
  snprintf(reason.text, sizeof reason.text, "%s", text);
}

static int code_of(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      return TARN_E_NOT_FOUND;
    case EEXIST:
      return TARN_E_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
      return TARN_E_PERMISSION;
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
      return TARN_E_NO_SPACE;
    case EISDIR:
    case ELOOP:
    case ENXIO:
      return TARN_E_KIND;
    case ENAMETOOLONG:
      return TARN_E_INVALID;
    case EFBIG:
      return TARN_E_TOO_LARGE;
    case EOPNOTSUPP:
    case ENOSYS:
      return TARN_E_UNSUPPORTED;
    default:
      return TARN_E_SYSTEM;
  }
}

int tn_linux_fail_number(int number) {
  tn_reason_set(number, strerror(number)); /* a buffer of the thread's own, if any: glibc since 2.32, musl */
  return code_of(number);
}

int tn_linux_fail(void) { return tn_linux_fail_number(errno); }

int tn_linux_fail_words(int code, const char *format, ...) {
  char text[240];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  tn_reason_set(0, text);
  return code;
}

const char *tn_linux_size(uint64_t bytes, char ret_text[32]) {
  static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) {
    snprintf(ret_text, 32, "%u bytes", (unsigned)bytes);
    return ret_text;
  }
  size_t unit = 0;
  double value = (double)bytes / 1024;
  for (; value >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++) value /= 1024;
  snprintf(ret_text, 32, "%.1f %s", value, units[unit]);
  return ret_text;
}

/* ---- What differs between systems, as data ------------------------------------------------------------------------- */

/* More processors than cpu_set_t has bits for: affinity cannot be read that way, the number of all of them will do. */
static uint32_t count_cpus(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return (uint32_t)CPU_COUNT(&set);
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? (uint32_t)online : 1;
}

const tn_os_caps *tn_os_capabilities(void) {
  static tn_os_caps caps;
  static _Atomic int state; /* 0 nobody was here, 1 somebody fills it in, 2 done */
  int none = 0;
  if (tn_load_acquire(&state) == 2) return &caps; /* [O1] */
  if (tn_cas(&state, &none, 1)) { /* who fills it in; it orders nothing */
    caps = (tn_os_caps){.granularity = (uint32_t)sysconf(_SC_PAGESIZE), .cpus = count_cpus(), .shared_futex = 1, .nameless = 1};
    tn_store_release(&state, 2); /* [O1] the data before the word. Pairs with the acquires [O1] */
  }
  while (tn_load_acquire(&state) != 2) /* [O1] */
    tn_relax();
  return &caps;
}

/* ---- Names --------------------------------------------------------------------------------------------------------- */

int tn_os_is_path(const char *name) { return strchr(name, '/') != NULL; }

int tn_os_full_path(const char *path, char ret_path[TN_OS_PATH]) {
  TN_FAULT("full_path");
  size_t length = strlen(path);
  if (length == 0) return tn_linux_fail_words(TARN_E_INVALID, "the path is empty");
  if (length >= TN_OS_PATH)
    return tn_linux_fail_words(TARN_E_INVALID, "the path has %zu bytes, more than %d", length, TN_OS_PATH - 1);
  memcpy(ret_path, path, length + 1);
  return 0;
}

/* secure_getenv: a program with more rights than its user does not let the user choose where it writes. */
int tn_os_channel_directory(char ret_path[TN_OS_PATH]) {
  TN_FAULT("channel_directory");
  const char *directory = secure_getenv("TARN_DIR");
  if (!directory || !*directory) directory = "/dev/shm";
  char path[TN_OS_PATH];
  int result = tn_os_full_path(directory, path);
  if (result) return result;
  size_t length = strlen(path);
  while (length > 1 && path[length - 1] == '/') path[--length] = 0;
  memcpy(ret_path, path, length + 1);
  return 0;
}

int tn_os_is_device_name(const char *name) {
  size_t length = strlen(name);
  return length == 0 || length > 255 || strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* ---- Named sections ------------------------------------------------------------------------------------------------ */

int tn_os_section_open(tn_os_file *ret_file, const char *name, int access, int create, uint64_t size_bytes, int *ret_created,
                       uint64_t *ret_size) {
  TN_FAULT("section_open");
  (void)ret_file, (void)name, (void)access, (void)create, (void)size_bytes, (void)ret_created, (void)ret_size;
  return tn_linux_fail_words(TARN_E_UNSUPPORTED, "Linux has no named sections: a raw map is a file there");
}
