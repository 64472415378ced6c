/* linux.h: what the linux_*.c files share. Included first: it decides how wide off_t and time_t are (64 bits, also with -m32).
 */
#ifndef TN_LINUX_H
#define TN_LINUX_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#endif
#ifndef _TIME_BITS
#define _TIME_BITS 64
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "../atomic.h"
#include "inside.h"
#include "os.h"
#include "tarn/base.h"

_Static_assert(sizeof(off_t) == 8, "lock bytes lie at 2^62");

/* linux.c: failures. Each leaves the reason and returns the code. */
int tn_linux_fail(void);              /* from errno */
int tn_linux_fail_number(int number); /* from an errno kept somewhere else */
int tn_linux_fail_words(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *tn_linux_size(uint64_t bytes, char ret_text[32]); /* "26.0 MiB", for people */

/* linux_file.c */
const char *tn_linux_kind_words(mode_t mode); /* "is a directory, not a regular file"... */
void tn_linux_folder_of(const char *path, char ret_folder[TN_OS_PATH]);
bool tn_linux_same_file(const tn_os_file *file, const struct stat *status);
int tn_linux_still_ours(const tn_os_file *file);            /* tn_os_still_ours, unasked by tests */
int tn_linux_medium(int descriptor, const char **ret_name); /* TN_OS_MEMORY ...; the file system's name, NULL if of no note */

/* linux_fork.c: between begin and end no fork can happen, so what is opened in between is in the list, and what is mapped in
 * between is marked, before a child could inherit it. errno is kept by both. */
void tn_linux_gate_begin(void);
void tn_linux_gate_end(void);
/* Within the gate: descriptors to be closed in a child. temporary: the name a file has until it gets its real one, or NULL;
 * owned by the list from then on. */
int tn_linux_list_add(const tn_os_file *file, char *temporary);
/* Takes it out of the list. */
void tn_linux_list_drop(const tn_os_file *file);
/* The file's temporary name, copied; 1 if it has one. */
int tn_linux_list_temporary(const tn_os_file *file, char ret_path[TN_OS_PATH]);
void tn_linux_list_named(const tn_os_file *file); /* it has its real name now */

/* linux_memory.c: how much memory this process could still take, and in words what sets that limit. UINT64_MAX: not known. */
uint64_t tn_linux_memory_room(char *ret_what, size_t what_size);
#ifdef TN_TESTING
void tn_linux_proc_root(const char *directory); /* linux_users.c: where /proc is looked for; NULL: /proc */
void tn_linux_memory_root(const char *directory); /* where /proc and the groups' mount points are looked for; "" is / */
#endif

#endif
