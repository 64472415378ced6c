/* cli/system_room.c: how much could still be had, in memory and in a directory: what is gathered for it ends there. */
#include "system.h"

#include <stdio.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>

uint64_t cli_memory_room(void) {
  MEMORYSTATUSEX status = {.dwLength = sizeof status};
  return GlobalMemoryStatusEx(&status) ? status.ullAvailPageFile : UINT64_MAX;
}

bool cli_place_room(const char *name, uint64_t *ret_room) {
  (void)name;
  *ret_room = UINT64_MAX; /* not asked: the memory is the limit */
  return true;
}

#else
#include <sys/statvfs.h>
#include <unistd.h>

uint64_t cli_memory_room(void) {
  char line[128];
  unsigned long long available = 0, swap = 0;
  bool known = false;
  FILE *lines = fopen("/proc/meminfo", "re");
  while (lines && fgets(line, sizeof line, lines)) {
    known |= sscanf(line, "MemAvailable: %llu", &available) == 1;
    (void)!sscanf(line, "SwapFree: %llu", &swap);
  }
  if (lines) fclose(lines);
  return known ? (available + swap) * 1024 : UINT64_MAX;
}

bool cli_place_room(const char *name, uint64_t *ret_room) {
  const char *given = cli_environment("TARN_DIR"), *slash = strrchr(name, '/');
  char directory[4096];
  struct statvfs system;
  if (slash) {
    snprintf(directory, sizeof directory, "%.*s", slash == name ? 1 : (int)(slash - name), name);
  } else {
    snprintf(directory, sizeof directory, "%s", given ? given : "/dev/shm");
  }
  if (statvfs(directory, &system) != 0) return false;
  uint64_t blocks = geteuid() == 0 ? (uint64_t)system.f_bfree : (uint64_t)system.f_bavail;
  *ret_room = system.f_blocks == 0 ? UINT64_MAX : blocks * (uint64_t)(system.f_frsize ? system.f_frsize : system.f_bsize);
  return true;
}
#endif
