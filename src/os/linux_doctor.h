/* linux_doctor.h: what linux_doctor.c and linux_doctor_files.c share with each other and with the tests of both. */
#ifndef TN_LINUX_DOCTOR_H
#define TN_LINUX_DOCTOR_H

#include "linux.h"

#include <stdio.h>
#include <sys/resource.h>

/* What getrlimit takes: glibc has a type for it, musl an int. */
#ifdef __GLIBC__
typedef __rlimit_resource_t tn_linux_resource;
#else
typedef int tn_linux_resource;
#endif

/* Who gets the findings. After one of them has answered something else than 0 nothing more is reported. */
typedef struct tn_listener {
  tn_finding_report *report;
  void *argument;
  int result;
} tn_listener;

/* found may use *format*; advice "" if nothing is to be done. */
void tn_linux_found(tn_listener *to, int level, const char *topic, const char *advice, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The first line of a file without its end; false: not there, or empty. All paths of this part begin at the root, which tests set. */
bool tn_linux_first_line(const char *path, char *ret_line, size_t size);
bool tn_linux_there(const char *path);
FILE *tn_linux_open_under_root(const char *path);
/* path as it must be given to the system: tests have a root of their own. "" if too long. */
void tn_linux_under_root(const char *path, char ret_path[TN_OS_PATH]);

/* linux_doctor_files.c: who removes files behind one's back, and who has a /dev/shm of its own. */
void tn_linux_examine_logind(tn_listener *to, const char *directory, uint32_t user, const char *user_name);
void tn_linux_examine_unit(tn_listener *to, const char *directory);
void tn_linux_examine_sandbox(tn_listener *to, const char *directory, const char *snap);

/* linux_doctor.c: the rest. */
void tn_linux_examine_kernel(tn_listener *to, const char *directory, bool in_memory);

#ifdef TN_TESTING
void tn_linux_doctor_root(const char *directory); /* "" is / */
#endif

#endif
