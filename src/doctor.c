/* doctor.c: whether sharing memory works here: what any system can be asked by trying it. What a system is asked by reading its
 * settings is in os/linux_doctor*.c and os/windows_doctor.c.
 *
 * Trying needs a file: one without a name (os.h: tn_os_make), so that nobody sees it and nothing stays. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <tarn/doctor.h>
#include <tarn/inspect.h>

#include "error.h"
#include "layout.h"
#include "name.h"
#include "os/os.h"

#define LEAST_ROOM (UINT64_C(1) << 20)  /* the default ring */
#define LITTLE_ROOM (UINT64_C(16) << 20)

typedef struct visit {
  char directory[TN_OS_PATH];
  int (*each)(const tarn_finding *finding, void *argument);
  void *argument;
} visit;

static int report(visit *v, int level, const char *topic, const char *advice, const char *format, ...)
    __attribute__((format(TN_PRINTF, 5, 6)));

static int report(visit *v, int level, const char *topic, const char *advice, const char *format, ...) {
  char found[TN_OS_PATH + 512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(found, sizeof found, format, arguments);
  va_end(arguments);
  const tarn_finding finding = {sizeof finding, level, topic, found, advice};
  return v->each(&finding, v->argument);
}

/* ---- What is tried on a file of our own -------------------------------------------------------------------------------- */

static int look_at_medium(visit *v, const tn_os_status *status) {
  if (status->medium == TN_OS_NETWORK)
    return report(v, TARN_FINDING_PROBLEM, "medium", "choose a directory on this machine (TARN_DIR): /dev/shm, /run or a local disk",
                  "%s lies on a network or FUSE file system, where processes do not share memory: boards and streams are refused",
                  v->directory);
  if (status->medium == TN_OS_MEMORY)
    return report(v, TARN_FINDING_OK, "medium", "", "%s is memory: what lies there is gone after a reboot", v->directory);
  return report(v, TARN_FINDING_NOTE, "medium",
                tn_os_capabilities()->sections ? "" : "for speed choose a directory in memory (/dev/shm, /run)",
                "%s lies on a disk: what is kept there survives a reboot, and the system writes it out now and then", v->directory);
}

static int look_at_locks(visit *v, const tn_os_file *file, const char *path) {
  if (tn_os_locks_conflict(file, path, TN_LOCK_PROBE) == 0)
    return report(v, TARN_FINDING_OK, "locks", "", "locks exclude each other here: who is alive can be told");
  return report(v, TARN_FINDING_PROBLEM, "locks", "choose a directory on a local file system (TARN_DIR)",
                "locks do not exclude each other here (%s), so that nobody could tell the living from the dead", tn_os_reason());
}

static int look_at_mapping(visit *v, const tn_os_file *file) {
  void *address;
  int result = tn_os_reserve(file, 0, TN_ALIGN);
  if (result == 0) result = tn_os_map(file, 0, TN_ALIGN, TN_OS_WRITE, 0, &address, NULL);
  if (result != 0)
    return report(v, TARN_FINDING_PROBLEM, "mapping", "free some room there, or choose another directory (TARN_DIR)",
                  "a file of 64 KiB in %s cannot be had and mapped: %s", v->directory, tn_os_reason());
  tn_os_unmap(address, TN_ALIGN);
  return report(v, TARN_FINDING_OK, "mapping", "", "files can be made and mapped");
}

static int look_at_room(visit *v, const tn_os_file *file) {
  uint64_t room = tn_os_room(file);
  if (room == UINT64_MAX) return report(v, TARN_FINDING_NOTE, "room", "", "the system does not say how much room %s has", v->directory);
  int level = room < LEAST_ROOM ? TARN_FINDING_PROBLEM : room < LITTLE_ROOM ? TARN_FINDING_WARNING : TARN_FINDING_OK;
  return report(v, level, "room", level == TARN_FINDING_OK ? "" : "remove what is not needed (`tarn ls`, `tarn rm`), enlarge it, or "
                "choose another directory (TARN_DIR)",
                "%s could be reserved in %s now", tn_bytes(room), v->directory);
}

/* With a file made: everything that can be tried on one. */
static int try_file(visit *v, const tn_os_file *file, const char *path) {
  tn_os_status status;
  int result = report(v, TARN_FINDING_OK, "directory", "", "files can be made in %s", v->directory);
  if (result == 0 && tn_os_status_of(file, &status) == 0) result = look_at_medium(v, &status);
  if (result == 0) result = look_at_locks(v, file, path);
  if (result == 0) result = look_at_room(v, file);
  return result == 0 ? look_at_mapping(v, file) : result;
}

static int look_at_directory(visit *v) {
  char joined[TN_OS_PATH + 32], path[TN_OS_PATH];
  tn_os_file file = TN_OS_NO_FILE;
  snprintf(joined, sizeof joined, "%s/tarn-doctor", v->directory);
  int result = tn_os_full_path(joined, path);
  if (result == 0) result = tn_os_make(&file, path, 0600, 0);
  if (result == TARN_E_NOT_FOUND && tn_os_reason_number() != 0)
    return report(v, TARN_FINDING_PROBLEM, "directory", "make it, or choose another directory (TARN_DIR)", "there is no directory %s",
                  v->directory);
  if (result == TARN_E_PERMISSION)
    return report(v, TARN_FINDING_PROBLEM, "directory", "ask its owner for the right to write there, or choose another (TARN_DIR); "
                  "reading what is there may still be possible", "no file can be made in %s: %s", v->directory, tn_os_reason());
  if (result != 0)
    return report(v, TARN_FINDING_PROBLEM, "directory", "choose another directory (TARN_DIR)", "no file can be made in %s: %s",
                  v->directory, tn_os_reason());
  result = try_file(v, &file, path);
  tn_os_close(&file);
  return result;
}

/* ---- What belongs to the process --------------------------------------------------------------------------------------- */

static int look_at_processor(visit *v) {
  const tn_os_caps *caps = tn_os_capabilities();
  int result = caps->cpus > 1 ? report(v, TARN_FINDING_OK, "processors", "", "this process may use %u processors", caps->cpus)
                              : report(v, TARN_FINDING_NOTE, "processors", "give it a second one where every microsecond counts",
                                       "this process may use one processor only: nobody spins, every wait sleeps");
  if (result != 0 || !caps->shared_futex) return result;
  if (tn_os_barrier_join() && tn_os_barrier())
    return report(v, TARN_FINDING_OK, "barrier", "", "the kernel offers membarrier: publishing needs no fence");
  return report(v, TARN_FINDING_NOTE, "barrier", "let the sandbox (seccomp) allow membarrier, or take Linux 4.16 or later",
                "membarrier cannot be used here: each publish costs a fence, and who waits looks every millisecond");
}

/* ---- The thing itself, if a name was given ------------------------------------------------------------------------------ */

static int look_at_thing(visit *v, const char *name) {
  tarn_details details = {.struct_size = sizeof details};
  int result = tarn_inspect(name, TARN_KIND_ANY, &details, NULL, 0);
  if (result == TARN_E_NOT_FOUND)
    return report(v, TARN_FINDING_NOTE, "name", "", "there is nothing called %s yet", name);
  if (result != 0)
    return report(v, TARN_FINDING_PROBLEM, "name", result == TARN_E_PERMISSION ? "ask its owner for rights, or open it as its owner" :
                  "say which one, or remove it", "%s", tarn_error_text());
  if (details.entry.flags & TARN_ENTRY_DAMAGED)
    return report(v, TARN_FINDING_PROBLEM, "name", "remove it (`tarn rm`): it cannot be repaired", "%s", details.entry.why);
  return report(v, TARN_FINDING_OK, "name", "", "%s is a whole %s", name, tn_kind_word((int)details.entry.kind));
}

/* ---- Where to look ------------------------------------------------------------------------------------------------------ */

static int stop(const char *name, void *argument) {
  (void)name, (void)argument;
  return 1;
}

static int is_directory(const char *path) {
  int result = tn_os_each_name(path, stop, NULL);
  return result == 0 || result == 1 || result == TARN_E_PERMISSION;
}

/* A file that is there, or a name that only a channel would have. */
static int is_thing(const char *path) {
  tn_os_file file = TN_OS_NO_FILE;
  int kind, result = tn_os_open(&file, path, TN_OS_READ, 0);
  size_t length;
  tn_os_close(&file);
  return result != TARN_E_NOT_FOUND || tn_name_of_file(tn_last_of(path), &kind, &length);
}

/* 0 and the directory; *ret_thing 1 if name is a thing in it. */
static int find_directory(const char *name, char ret_directory[TN_OS_PATH], int *ret_thing) {
  char path[TN_OS_PATH], folder[TN_OS_PATH];
  int result;
  *ret_thing = 0;
  if (name != NULL && tn_os_is_path(name)) {
    if (strlen(name) >= TN_OS_PATH) return tn_fail(TARN_E_INVALID, "doctor: a path of %zu bytes is too long", strlen(name));
    if ((result = tn_os_full_path(name, path)) != 0) return tn_fail(result, "doctor: \"%s\": %s", name, tn_os_reason());
    for (size_t length = strlen(path); length > 1 && path[length - 1] == '/';) path[--length] = 0;
    *ret_thing = !is_directory(path) && is_thing(path);
    if (*ret_thing)
      tn_folder_of(path, folder);
    else
      memcpy(folder, path, sizeof folder);
    memcpy(ret_directory, folder, sizeof folder);
    return 0;
  }
  tn_place place;
  *ret_thing = name != NULL;
  if (name != NULL && (result = tn_name_resolve(name, TARN_KIND_BOARD, &place)) != 0) return result;
  result = tn_os_channel_directory(ret_directory);
  return result == 0 ? 0 : tn_fail(result, "doctor: the channel directory cannot be used: %s; set TARN_DIR", tn_os_reason());
}

int tarn_doctor(const char *name, int (*each)(const tarn_finding *finding, void *argument), void *argument) {
  visit v = {.each = each, .argument = argument};
  int thing;
  if (each == NULL) return tn_fail(TARN_E_INVALID, "doctor: each is NULL");
  int result = find_directory(name, v.directory, &thing);
  if (result == 0) result = look_at_directory(&v);
  if (result == 0) result = look_at_processor(&v);
  if (result == 0) result = tn_os_examine(v.directory, each, argument);
  return result == 0 && thing ? look_at_thing(&v, name) : result;
}
