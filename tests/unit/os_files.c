/* os_files.c: files for the tests of the seam, made as Tarn makes them. */
#include "os_files.h"

#include "../check.h"
#include "tarn/base.h"

const char *os_full(const char *name) {
  static char paths[4][TN_OS_PATH];
  static unsigned next;
  char *path = paths[next++ % 4];
  CHECK_OK(tn_os_full_path(check_path(name), path));
  return path;
}

/* A file of this size with a name, as writers make one. */
tn_os_file os_make_file(const char *name, uint64_t size) {
  tn_os_file file = TN_OS_NO_FILE;
  CHECK_OK(tn_os_make(&file, os_full(name), 0600, 0));
  CHECK_OK(tn_os_reserve(&file, 0, size));
  CHECK_OK(tn_os_name(&file, os_full(name)));
  return file;
}

tn_os_file os_open_file(const char *name, int access) {
  tn_os_file file = TN_OS_NO_FILE;
  CHECK_OK(tn_os_open(&file, os_full(name), access, 1));
  return file;
}

uint8_t *os_map(const tn_os_file *file, uint64_t offset, uint64_t length, int access) {
  void *address = NULL;
  CHECK_OK(tn_os_map(file, offset, length, access, 0, &address, NULL));
  return address;
}

int os_count_name(const char *name, void *argument) {
  if (tn_os_capabilities()->nameless || name[0] != '.') ++*(int *)argument; /* else a file that was made shows its hidden name */
  return 0;
}

int os_names_here(void) {
  int count = 0;
  char directory[TN_OS_PATH];
  CHECK_OK(tn_os_full_path(check_directory(), directory));
  CHECK_OK(tn_os_each_name(directory, os_count_name, &count));
  return count;
}

uint64_t os_size_of(const tn_os_file *file) {
  tn_os_status status;
  CHECK_OK(tn_os_status_of(file, &status));
  return status.size_bytes;
}
