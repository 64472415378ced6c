/* left_windows.c: what this process has, as Windows counts it. */
#include <windows.h>

#include "check.h"
#include "left.h"

static int handles(void) {
  DWORD count = 0;
  CHECK(GetProcessHandleCount(GetCurrentProcess(), &count));
  return (int)count;
}

static int mappings(void) {
  MEMORY_BASIC_INFORMATION region;
  int count = 0;
  for (char *at = NULL; VirtualQuery(at, &region, sizeof region) != 0; at = (char *)region.BaseAddress + region.RegionSize)
    count += region.State != MEM_FREE && region.Type == MEM_MAPPED && region.BaseAddress == region.AllocationBase;
  return count;
}

static int names(void) {
  char pattern[1024];
  WIN32_FIND_DATAA found;
  snprintf(pattern, sizeof pattern, "%s\\*", check_directory());
  HANDLE search = FindFirstFileA(pattern, &found);
  CHECK(search != INVALID_HANDLE_VALUE);
  int count = 1;
  while (FindNextFileA(search, &found)) count++;
  FindClose(search);
  return count;
}

belongings left_look(void) { return (belongings){handles(), mappings(), names()}; }

void left_compare(belongings before, belongings after) {
  CHECK_INT(before.descriptors, after.descriptors);
  CHECK_INT(before.mappings, after.mappings);
  CHECK_INT(before.names, after.names);
}
