/* linux_memory.c: how much memory this process could take before the kernel kills for it: what the machine has, and what the
 * control groups of this process leave.
 *
 * A process is in one group of the memory hierarchy (both versions of it exist: v1 "memory", v2 the unified one), and in all
 * groups above it; each may have a limit. What a group leaves is its limit less its usage, plus the file cache in its usage
 * that the kernel would drop first. Groups' swap is not counted: this may refuse what slow memory could still hold, and never
 * lets through what kills. */
#include "linux.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct version {
  const char *file_system; /* as /proc/self/mountinfo calls it */
  const char *limit, *usage, *inactive, *active;
} version;

static const version v1 = {"cgroup", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file",
                           "total_active_file"};
static const version v2 = {"cgroup2", "memory.max", "memory.current", "inactive_file", "active_file"};

#ifdef TN_TESTING
static const char *root = "";
void tn_linux_memory_root(const char *directory) { root = directory; }
#else
static const char root[] = "";
#endif

/* ---- Where the groups are -------------------------------------------------------------------------------------------- */

static bool in_list(const char *list, const char *word) {
  size_t length = strlen(word);
  for (const char *at = list; (at = strstr(at, word)) != NULL; at += length)
    if ((at == list || at[-1] == ',') && (at[length] == 0 || at[length] == ',')) return true;
  return false;
}

static FILE *open_in(const char *directory, const char *name) {
  char path[2 * TN_OS_PATH];
  int length = snprintf(path, sizeof path, "%s%s/%s", root, directory, name);
  return length < (int)sizeof path ? fopen(path, "re") : NULL;
}

/* The group of this process, from lines such as "4:memory:/a/b" and "0::/a/b". */
static bool own_group(const version *which, char ret_group[TN_OS_PATH]) {
  FILE *lines = open_in("/proc/self", "cgroup");
  char *line = NULL;
  size_t room = 0;
  bool found = false;
  while (lines && !found && getline(&line, &room, lines) > 0) {
    line[strcspn(line, "\n")] = 0;
    char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group || strlen(group + 1) >= TN_OS_PATH) continue;
    *group++ = 0;
    controllers++;
    found = which == &v2 ? strncmp(line, "0:", 2) == 0 && !*controllers : in_list(controllers, "memory");
    if (found) memcpy(ret_group, group, strlen(group) + 1);
  }
  free(line);
  if (lines) fclose(lines);
  return found;
}

/* One line of mountinfo: "29 23 0:26 ROOT POINT options ... - TYPE source super,options". */
static bool parse_mount(char *line, const version *which, const char **ret_top, const char **ret_point) {
  char *tail = strstr(line, " - "), *rest = line, *field[5] = {NULL};
  if (!tail) return false;
  *tail = 0;
  for (int i = 0; i < 5; i++)
    if (!(field[i] = strtok_r(i ? NULL : rest, " ", &rest))) return false;
  char *type = strtok_r(tail + 3, " \n", &rest);
  strtok_r(NULL, " \n", &rest); /* the source says nothing */
  const char *options = strtok_r(NULL, " \n", &rest);
  if (!type || strcmp(type, which->file_system) != 0) return false;
  if (which == &v1 && (!options || !in_list(options, "memory"))) return false;
  *ret_top = field[3];
  *ret_point = field[4];
  return true;
}

/* group as seen below a mount that shows the hierarchy from top down: what follows top in it. Outside of it (another
 * namespace): the mount itself. */
static const char *below(const char *group, const char *top) {
  size_t length = strcmp(top, "/") == 0 ? 0 : strlen(top);
  if (strncmp(group, top, length) != 0 || (group[length] && group[length] != '/') || strstr(group, "/..")) return "";
  return strcmp(group + length, "/") == 0 ? "" : group + length;
}

/* The directory of this process's group, and how much of that path is the mount point. */
static bool group_directory(const version *which, char ret_path[TN_OS_PATH], size_t *ret_top) {
  char group[TN_OS_PATH], *line = NULL;
  size_t room = 0;
  bool found = false;
  if (!own_group(which, group)) return false;
  FILE *lines = open_in("/proc/self", "mountinfo");
  while (lines && !found && getline(&line, &room, lines) > 0) {
    const char *top, *point;
    if (!parse_mount(line, which, &top, &point)) continue;
    int length = snprintf(ret_path, TN_OS_PATH, "%s%s", point, below(group, top));
    found = length > 0 && length < TN_OS_PATH;
    *ret_top = strlen(point);
  }
  free(line);
  if (lines) fclose(lines);
  return found;
}

/* ---- What one group leaves ------------------------------------------------------------------------------------------- */

/* UINT64_MAX: no such file, or "max". */
static uint64_t number_in(const char *directory, const char *name) {
  uint64_t number = UINT64_MAX;
  FILE *file = open_in(directory, name);
  if (!file) return number;
  if (fscanf(file, "%" SCNu64, &number) != 1) number = UINT64_MAX;
  fclose(file);
  return number;
}

static uint64_t droppable(const version *which, const char *directory) {
  uint64_t sum = 0, number;
  char name[64];
  FILE *file = open_in(directory, "memory.stat");
  if (!file) return 0;
  while (fscanf(file, "%63s %" SCNu64, name, &number) == 2)
    if (strcmp(name, which->inactive) == 0 || strcmp(name, which->active) == 0) sum += number;
  fclose(file);
  return sum;
}

static uint64_t left_in(const version *which, const char *directory) {
  uint64_t limit = number_in(directory, which->limit);
  if (limit >= UINT64_C(1) << 62) return UINT64_MAX; /* v1 says "none" with the largest number of pages */
  uint64_t usage = number_in(directory, which->usage);
  if (usage == UINT64_MAX) return UINT64_MAX;
  uint64_t drop = droppable(which, directory), used = usage > drop ? usage - drop : 0;
  return limit > used ? limit - used : 0;
}

/* ---- All of them ----------------------------------------------------------------------------------------------------- */

/* Of a path too long for a sentence its end says more. */
static void keep_end(const char *path, char *ret_end, size_t size) {
  size_t length = strlen(path), skip = length < size ? 0 : length - size + 1;
  memcpy(ret_end, path + skip, length - skip + 1);
}

/* The smallest on the way from the process's own group up to the mount point, if it is smaller than `smallest`. */
static uint64_t least(const version *which, char *ret_where, size_t where_size, uint64_t smallest) {
  char path[TN_OS_PATH];
  size_t top;
  if (!group_directory(which, path, &top)) return smallest;
  for (;;) {
    uint64_t left = left_in(which, path);
    if (left < smallest) {
      smallest = left;
      keep_end(path, ret_where, where_size);
    }
    char *slash = strrchr(path, '/');
    if (!slash || (size_t)(slash - path) < top) return smallest;
    *slash = 0;
  }
}

/* What the machine could give: its own estimate of memory that is free or easily made so, and swap; less a 32nd, since it is an
 * estimate and others take from it at the same time. */
static uint64_t machine(void) {
  char *line = NULL;
  size_t room = 0;
  uint64_t available = UINT64_MAX, swap = 0;
  FILE *lines = open_in("/proc", "meminfo");
  while (lines && getline(&line, &room, lines) > 0) {
    (void)!sscanf(line, "MemAvailable: %" SCNu64, &available);
    (void)!sscanf(line, "SwapFree: %" SCNu64, &swap);
  }
  free(line);
  if (lines) fclose(lines);
  if (available == UINT64_MAX) return available;
  return (available - available / 32 + swap) * 1024;
}

uint64_t tn_linux_memory_room(char *ret_what, size_t what_size) {
  char where[160] = "";
  uint64_t left = machine(), least_group = UINT64_MAX;
  snprintf(ret_what, what_size, "this machine's memory");
  const version *const both[] = {&v2, &v1};
  for (int i = 0; i < 2; i++) least_group = least(both[i], where, sizeof where, least_group);
  if (least_group >= left) return left;
  snprintf(ret_what, what_size, "the memory cgroup %s", where);
  return least_group;
}
