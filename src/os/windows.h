/* windows.h: what the windows*.c share with each other and with nobody else.
 *
 *   windows.c       what the system can do, reasons, time, processes, threads, the boot
 *   windows_path.c  names, paths, UTF-8 and UTF-16
 *   windows_open.c  making, opening, naming, closing, removing files
 *   windows_file.c  what is known of a file, its room, its content
 *   windows_owner.c who may and who did: security descriptors
 *   windows_lock.c  byte locks
 *   windows_map.c   mappings and named sections
 *   windows_guard.c exceptions in mappings, for those who asked for it
 *   windows_doctor.c settings that matter to shared memory
 *   windows_wake.c  beds, sleeping and waking, events
 */
#ifndef TN_WINDOWS_H
#define TN_WINDOWS_H

#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0602 /* Windows 8 */
#endif
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#include <winternl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <tarn/base.h>
#include "inside.h"
#include "os.h"

enum {
  TN_SHARE_ALL =
      FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, /* what others do is settled by locks, not by sharing */
  TN_WIDE = TN_OS_PATH
};

/* Numbers that mingw-w64's headers lack: ERROR_DISK_QUOTA_EXCEEDED, ERROR_NO_SUCH_DEVICE. */
enum { TN_ERROR_DISK_QUOTA = 1295, TN_ERROR_NO_DEVICE = 433 };

/* tn_os_file.locks of a named section: it is no file, and nothing can be locked in it. */
enum { TN_SECTION = -2 };

/* ---- windows.c ---- */

/* Keep what the system said (GetLastError) as the reason, and return the code that fits it. */
int tn_win_failed(void);
int tn_win_failed_with(DWORD error);
/* A reason in our own words; returns code. */
int tn_win_refuse(int code, const char *text);
/* 1 under Wine. */
int tn_win_is_wine(void);

/* ---- windows_path.c ---- */

/* UTF-8 to UTF-16 and back; 0, or TARN_E_INVALID for what is not UTF-8 or too long. room in characters. */
int tn_win_wide(const char *text, WCHAR *ret_wide, size_t room);
int tn_win_narrow(const WCHAR *wide, char *ret_text, size_t room);
/* The last component of a path: the part after the last backslash. */
const WCHAR *tn_win_last(const WCHAR *path);
/* path with `.NAME.<16 hex, random>` in place of its last component NAME. */
int tn_win_beside(const WCHAR *path, WCHAR ret_path[TN_WIDE]);

/* ---- windows_open.c ---- */

int tn_win_identity(HANDLE handle, uint64_t *ret_device, uint64_t *ret_inode);

/* ---- windows_owner.c ---- */

/* A security descriptor for mode, to be freed with LocalFree; NULL on failure (GetLastError). What is made in a directory
 * inherits its. */
enum { TN_FOR_FILE, TN_FOR_DIRECTORY, TN_FOR_SECTION };
PSECURITY_DESCRIPTOR tn_win_rights(uint32_t mode, int for_what);
/* A file's owner, 0 for one that is trusted (this user, the administrators, the system) and 1 for anybody else; and its
 * mode. */
void tn_win_rights_of(HANDLE handle, uint32_t *ret_owner, uint32_t *ret_mode);

/* ---- windows_lock.c ---- */

/* Unlock all that handle holds. */
void tn_win_unlock_all(HANDLE handle);

/* ---- windows_map.c ---- */

/* Write the changed pages of every view this process has of that file. */
int tn_win_flush_views(uint64_t device, uint64_t inode);
/* From now on they are flushed through a duplicate of file. */
void tn_win_renew_views(uint64_t device, uint64_t inode, HANDLE file);
int tn_win_section_size(HANDLE section, uint64_t *ret_size);

static inline HANDLE tn_win_handle(intptr_t value) { return (HANDLE)value; }

#endif
