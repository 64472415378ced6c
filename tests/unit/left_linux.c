/* left_linux.c: what this process has, from /proc. */
#include <dirent.h>

#include "check.h"
#include "left.h"

static int entries_of(const char *directory) {
  DIR *stream = opendir(directory);
  CHECK(stream != NULL);
  int count = 0;
  while (readdir(stream) != NULL) count++;
  closedir(stream);
  return count;
}

static int mappings_of(const char *directory) {
  FILE *stream = fopen("/proc/self/maps", "re");
  CHECK(stream != NULL);
  int count = 0;
  char line[4096];
  while (fgets(line, sizeof line, stream) != NULL) count += strstr(line, directory) != NULL;
  fclose(stream);
  return count;
}

belongings left_look(void) {
  return (belongings){entries_of("/proc/self/fd"), mappings_of(check_directory()), entries_of(check_directory())};
}

void left_compare(belongings before, belongings after) {
  CHECK_INT(before.descriptors, after.descriptors);
  CHECK_INT(before.mappings, after.mappings);
  CHECK_INT(before.names, after.names);
}
