/* os_files.h: what the tests of the seam share. Each of these ends the test if it does not succeed. Files lie in the test's own
 * directory. */
#ifndef OS_FILES_H
#define OS_FILES_H

#include "os/os.h"

#define BYTE (UINT64_C(1) << 62) /* a lock byte */
#define MIB (UINT64_C(1) << 20)
#define MS INT64_C(1000000)

enum { BOTH = TN_OS_READ | TN_OS_WRITE };

const char *os_full(const char *name);                    /* its path, as the seam wants it; one of a few static buffers */
tn_os_file os_make_file(const char *name, uint64_t size); /* with room for size bytes and a name */
tn_os_file os_open_file(const char *name, int access);
uint8_t *os_map(const tn_os_file *file, uint64_t offset, uint64_t length, int access);
uint64_t os_size_of(const tn_os_file *file);
int os_names_here(void);                             /* how many names the test's directory has */
int os_count_name(const char *name, void *argument); /* for tn_os_each_name: counts in an int */

#endif
