/* map_win32_windows.c: a program as there are many: it passes data by CreateFileMapping, OpenFileMapping and MapViewOfFile, and
 * has never heard of Tarn. What it answers to is in map_peer.h. */
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static HANDLE section;
static char *view;

static void answer_view(void) {
  MEMORY_BASIC_INFORMATION region;
  view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
  if (view == NULL || VirtualQuery(view, &region, sizeof region) == 0)
    printf("error %lu\n", GetLastError());
  else
    printf("ok %llu\n", (unsigned long long)region.RegionSize);
}

static void answer_create(const char *name, unsigned long size) {
  section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE | SEC_COMMIT, 0, size, name);
  if (section == NULL)
    printf("error %lu\n", GetLastError());
  else
    answer_view();
}

static void answer_open(const char *name) {
  section = OpenFileMappingA(FILE_MAP_WRITE, FALSE, name);
  if (section == NULL)
    puts(GetLastError() == ERROR_FILE_NOT_FOUND ? "none" : "error");
  else
    answer_view();
}

int main(void) {
  char line[1024];
  while (fgets(line, sizeof line, stdin) != NULL) {
    line[strcspn(line, "\r\n")] = 0;
    char *words[3] = {line, "", ""};
    for (int i = 1; i < 3; i++) {
      char *space = strchr(words[i - 1], ' ');
      if (space == NULL) break;
      *space = 0;
      words[i] = space + 1;
    }
    if (strcmp(words[0], "create") == 0) {
      answer_create(words[1], strtoul(words[2], NULL, 10));
    } else if (strcmp(words[0], "open") == 0) {
      answer_open(words[1]);
    } else if (strcmp(words[0], "write") == 0) {
      memcpy(view + strtoul(words[1], NULL, 10), words[2], strlen(words[2]));
      puts("ok");
    } else if (strcmp(words[0], "read") == 0) {
      printf("%.*s\n", (int)strtoul(words[2], NULL, 10), view + strtoul(words[1], NULL, 10));
    } else if (strcmp(words[0], "close") == 0) {
      UnmapViewOfFile(view);
      CloseHandle(section);
      puts("ok");
    } else {
      puts("what?");
    }
    fflush(stdout);
  }
  return 0;
}
