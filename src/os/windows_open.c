/* windows_open.c: making, opening, naming, removing and closing files.
 *
 * Two handles. tn_os_file.handle is for content and mappings; .locks is a second opening of the same file that holds the byte
 * locks: under Wine a lock for which the handle has no write access is quietly a shared one, so an observer's handle, which is
 * read-only, could not ask who is there; and a duplicate of .handle that a view keeps (windows_map.c) must not keep locks
 * alive.
 *
 * Making. There are no nameless files. `.NAME.<16 hex>` is made with DELETE_ON_CLOSE: a creator that is killed leaves nothing,
 * since the system closes its handles. The final name is a hard link, the one operation that puts a name to a finished file and
 * fails when it is taken, on NTFS and under Wine (there it is link(2), so a Linux process may race with it). A rename would not
 * do: a file that is to be deleted cannot be renamed, DELETE_ON_CLOSE cannot be taken back everywhere, and Wine's rename looks
 * first and replaces then. The temporary name is a second link that goes when the creator closes its handles; under Wine when
 * the last Windows process has closed the file (the server defers it, since closing would drop its locks), or stays if
 * the server is killed.
 *
 * Removing. Rename aside, then delete: a deleted name stays taken until everybody has closed the file, a renamed one is free at
 * once. While somebody has the file mapped it cannot be marked for deletion; it is deleted when the last has closed it, or left
 * under its hidden name.
 *
 * Opening. "\\?\" paths, no reparse points, and then a look at what was opened: the final path must be the one that was
 * asked for, in upper and lower case too, since two Linux processes would not meet by such names. Wine follows symbolic
 * links whatever it is told; there the whole final path is compared with that of the directory, which shows a link.
 */
#include "windows.h"

#define ACCESS_BOTH (GENERIC_READ | GENERIC_WRITE)

/* Under Wine the inode alone: the volume's number comes from another process there, which goes by the file's name, and
 * changes when the name is taken away. */
static int wine_identity(HANDLE handle, uint64_t *ret_device, uint64_t *ret_inode) {
  LARGE_INTEGER number;
  IO_STATUS_BLOCK block;
  enum { CLASS_INTERNAL = 6 }; /* FileInternalInformation */
  NTSTATUS status = NtQueryInformationFile(handle, &block, &number, sizeof number, (FILE_INFORMATION_CLASS)CLASS_INTERNAL);
  if (status < 0) return tn_win_failed_with(RtlNtStatusToDosError(status));
  *ret_device = 0;
  *ret_inode = (uint64_t)number.QuadPart;
  return 0;
}

int tn_win_identity(HANDLE handle, uint64_t *ret_device, uint64_t *ret_inode) {
  if (tn_win_is_wine()) return wine_identity(handle, ret_device, ret_inode);
  BY_HANDLE_FILE_INFORMATION info;
  if (!GetFileInformationByHandle(handle, &info)) return tn_win_failed();
  *ret_device = info.dwVolumeSerialNumber;
  *ret_inode = (uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow;
  return 0;
}

/* Wine finds out the volume by the file's name, and says 0 when that is gone: then the index has to do. */
static int same_identity(uint64_t device, uint64_t inode, uint64_t other_device, uint64_t other_inode) {
  return inode == other_inode && (device == other_device || device == 0 || other_device == 0);
}

static int same_file(HANDLE a, HANDLE b) {
  uint64_t device[2] = {0}, inode[2] = {0};
  return tn_win_identity(a, &device[0], &inode[0]) == 0 && tn_win_identity(b, &device[1], &inode[1]) == 0 &&
         same_identity(device[0], inode[0], device[1], inode[1]);
}

/* A second, independent opening of the same file. */
static HANDLE open_again(HANDLE handle, DWORD access) {
  HANDLE again = ReOpenFile(handle, access, TN_SHARE_ALL, 0);
  if (again == INVALID_HANDLE_VALUE) return again;
  if (same_file(handle, again)) return again;
  CloseHandle(again); /* Wine opens by name, which may lead elsewhere by now */
  SetLastError(ERROR_FILE_NOT_FOUND);
  return INVALID_HANDLE_VALUE;
}

/* ---- Opening --------------------------------------------------------------------------------------------------------- */

static int final_path(HANDLE handle, WCHAR ret_path[TN_WIDE]) {
  DWORD length = GetFinalPathNameByHandleW(handle, ret_path, TN_WIDE, 0);
  if (length == 0) return tn_win_failed();
  if (length >= TN_WIDE) return tn_win_refuse(TARN_E_INVALID, "the path is too long");
  return 0;
}

/* Wine: 1 if the file is where path says, no link anywhere on the way. */
static int is_straight(const WCHAR *path, const WCHAR *final) {
  if (wcsncmp(path, L"\\\\?\\unix\\", 9) == 0 && wcsncmp(final, L"\\\\?\\Z:\\", 7) == 0)
    return wcscmp(path + 8, final + 6) == 0;
  return wcscmp(path, final) == 0;
}

/* Wine: 1 if path is a symbolic link, seen by where its directory and where it itself really are. */
static int is_followed_link(const WCHAR *path, const WCHAR *final) {
  if (is_straight(path, final)) return 0;
  WCHAR directory[TN_WIDE], there[TN_WIDE];
  size_t length = (size_t)(tn_win_last(path) - path);
  wmemcpy(directory, path, length);
  directory[length] = 0;
  HANDLE handle =
      CreateFileW(directory, FILE_READ_ATTRIBUTES, TN_SHARE_ALL, NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
  if (handle == INVALID_HANDLE_VALUE) return 0;
  int result = final_path(handle, there);
  CloseHandle(handle);
  size_t end = wcslen(there);
  while (end > 0 && there[end - 1] == L'\\') end--;
  size_t final_end = (size_t)(tn_win_last(final) - final) - 1;
  return result == 0 && (end != final_end || wmemcmp(there, final, end) != 0);
}

static int check_opened(HANDLE handle, const WCHAR *path) {
  DWORD type = GetFileType(handle);
  if (type == FILE_TYPE_PIPE) return tn_win_refuse(TARN_E_KIND, "it is a pipe, not a regular file");
  if (type != FILE_TYPE_DISK) return tn_win_refuse(TARN_E_KIND, "it is a device, not a regular file");
  FILE_BASIC_INFO info;
  if (!GetFileInformationByHandleEx(handle, FileBasicInfo, &info, sizeof info)) return tn_win_failed();
  if (info.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) return tn_win_refuse(TARN_E_PERMISSION, "it is a symbolic link");
  if (info.FileAttributes & FILE_ATTRIBUTE_DIRECTORY) return tn_win_refuse(TARN_E_KIND, "it is a directory");
  WCHAR final[TN_WIDE];
  int result = final_path(handle, final);
  if (result != 0) return result;
  if (tn_win_is_wine() && is_followed_link(path, final)) return tn_win_refuse(TARN_E_PERMISSION, "it is a symbolic link");
  if (wcscmp(tn_win_last(final), tn_win_last(path)) == 0) return 0;
  if (_wcsicmp(tn_win_last(final), tn_win_last(path)) == 0)
    return tn_win_refuse(TARN_E_NOT_FOUND, "the name that is there differs in upper and lower case");
  return tn_win_refuse(TARN_E_PERMISSION, "it is a symbolic link or a short name of another file");
}

static int open_failed(const WCHAR *path) {
  DWORD error = GetLastError();
  DWORD attributes = GetFileAttributesW(path);
  if (error == ERROR_ACCESS_DENIED && attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY))
    return tn_win_refuse(TARN_E_KIND, "it is a directory");
  if (error == TN_ERROR_NO_DEVICE) return tn_win_refuse(TARN_E_KIND, "it is a socket or a device, not a regular file");
  if (error == ERROR_ACCESS_DENIED && attributes == INVALID_FILE_ATTRIBUTES && GetLastError() == ERROR_FILE_NOT_FOUND)
    error = ERROR_FILE_NOT_FOUND; /* deleted, but somebody still has it open: it is on its way out */
  return tn_win_failed_with(error);
}

static int open_checked(const WCHAR *path, DWORD access, HANDLE *ret_handle) {
  HANDLE handle = CreateFileW(path, access, TN_SHARE_ALL, NULL, OPEN_EXISTING, FILE_FLAG_OPEN_REPARSE_POINT, NULL);
  if (handle == INVALID_HANDLE_VALUE) return open_failed(path);
  int result = check_opened(handle, path);
  if (result != 0) {
    CloseHandle(handle);
    return result;
  }
  *ret_handle = handle;
  return 0;
}

/* What holds the locks: with write access wherever that is allowed. */
static HANDLE open_locks(HANDLE handle) {
  HANDLE locks = open_again(handle, ACCESS_BOTH);
  if (locks == INVALID_HANDLE_VALUE && GetLastError() == ERROR_ACCESS_DENIED) locks = open_again(handle, GENERIC_READ);
  return locks;
}

static int complete(tn_os_file *ret_file, HANDLE handle, int with_locks) {
  tn_os_file file = {.handle = (intptr_t)handle, .locks = -1, .life = tn_os_life()};
  int result = tn_win_identity(handle, &file.device, &file.inode);
  if (result == 0 && with_locks) {
    HANDLE locks = open_locks(handle);
    if (locks == INVALID_HANDLE_VALUE) result = tn_win_failed();
    file.locks = (intptr_t)locks; /* INVALID_HANDLE_VALUE is -1 */
  }
  if (result != 0)
    CloseHandle(handle);
  else
    *ret_file = file;
  return result;
}

int tn_os_open(tn_os_file *ret_file, const char *path, int access, int locks) {
  TN_FAULT("open");
  WCHAR wide[TN_WIDE];
  HANDLE handle = INVALID_HANDLE_VALUE;
  int result = tn_win_wide(path, wide, TN_WIDE);
  if (result == 0) result = open_checked(wide, access & TN_OS_WRITE ? ACCESS_BOTH : GENERIC_READ, &handle);
  if (result == 0) result = complete(ret_file, handle, locks);
  return result;
}

/* ---- Making ---------------------------------------------------------------------------------------------------------- */

/* Under Wine the creator's umask takes bits away: set them once more. The owner in the list has to be said again as well, or
 * its entry is taken for a stranger's (windows_owner.c). */
static int insist_on(HANDLE handle, PSECURITY_DESCRIPTOR rights) {
  PSID owner = NULL;
  BOOL defaulted;
  if (!tn_win_is_wine()) return 0;
  SECURITY_INFORMATION what = DACL_SECURITY_INFORMATION;
  if (GetSecurityDescriptorOwner(rights, &owner, &defaulted) && owner) what |= OWNER_SECURITY_INFORMATION;
  return SetKernelObjectSecurity(handle, what, rights) ? 0 : tn_win_failed();
}

static int make_hidden(const WCHAR *path, uint32_t mode, HANDLE *ret_handle) {
  WCHAR hidden[TN_WIDE];
  PSECURITY_DESCRIPTOR rights = tn_win_rights(mode, TN_FOR_FILE);
  if (!rights) return tn_win_failed();
  SECURITY_ATTRIBUTES attributes = {sizeof attributes, rights, FALSE};
  DWORD flags = FILE_FLAG_DELETE_ON_CLOSE | (mode & 01000 ? FILE_ATTRIBUTE_SYSTEM : FILE_ATTRIBUTE_NORMAL);
  HANDLE handle = INVALID_HANDLE_VALUE;
  int result = 0;
  for (int tries = 0; tries < 4 && handle == INVALID_HANDLE_VALUE && result == 0; tries++) {
    result = tn_win_beside(path, hidden);
    if (result == 0)
      handle = CreateFileW(hidden, ACCESS_BOTH | DELETE | WRITE_DAC | WRITE_OWNER, TN_SHARE_ALL, &attributes, CREATE_NEW, flags,
                           NULL);
    if (handle == INVALID_HANDLE_VALUE && GetLastError() != ERROR_FILE_EXISTS) break;
  }
  if (result == 0 && handle == INVALID_HANDLE_VALUE) result = tn_win_failed();
  if (result == 0 && (mode & 0066) != 0) result = insist_on(handle, rights);
  LocalFree(rights);
  if (result == 0)
    *ret_handle = handle;
  else if (handle != INVALID_HANDLE_VALUE)
    CloseHandle(handle);
  return result;
}

/* The same error where there is no directory and where something else has its name. */
static int is_no_directory(const WCHAR *path) {
  WCHAR directory[TN_WIDE];
  size_t length = (size_t)(tn_win_last(path) - path) - 1;
  wmemcpy(directory, path, length);
  directory[length] = 0;
  DWORD attributes = GetFileAttributesW(directory);
  return attributes != INVALID_FILE_ATTRIBUTES && !(attributes & FILE_ATTRIBUTE_DIRECTORY);
}

int tn_os_make(tn_os_file *ret_file, const char *path, uint32_t mode, uint32_t group) {
  TN_FAULT("make");
  if (group != 0) return tn_win_refuse(TARN_E_UNSUPPORTED, "files have no numeric group on Windows");
  WCHAR wide[TN_WIDE];
  HANDLE handle = INVALID_HANDLE_VALUE;
  int result = tn_win_wide(path, wide, TN_WIDE);
  if (result == 0) result = make_hidden(wide, mode, &handle);
  if (result != 0 && is_no_directory(wide)) return tn_win_refuse(TARN_E_NOT_FOUND, "that is no directory");
  if (result == 0) result = complete(ret_file, handle, 1);
  return result;
}

/* What NtSetInformationFile takes to name a file: the same for a link and for a rename. */
typedef struct new_name {
  BOOLEAN replace;
  HANDLE directory;
  ULONG length_bytes;
  WCHAR path[TN_WIDE];
} new_name;

enum { CLASS_RENAME = 10, CLASS_LINK = 11 }; /* FileRenameInformation, FileLinkInformation */

/* By handle: so it is this very file that gets the name, wherever its other names lead by now. */
static int put_name(HANDLE handle, const WCHAR *path, int class) {
  new_name name = {.replace = FALSE};
  swprintf(name.path, TN_WIDE, L"\\??\\%ls", path + 4); /* the system's own form of "\\?\" */
  name.length_bytes = (ULONG)(wcslen(name.path) * sizeof(WCHAR));
  IO_STATUS_BLOCK block;
  NTSTATUS status = NtSetInformationFile(handle, &block, &name, sizeof name, (FILE_INFORMATION_CLASS) class);
  return status >= 0 ? 0 : tn_win_failed_with(RtlNtStatusToDosError(status));
}

/* Taken, and yet nothing is there: it is just being removed, or, if that lasts, a symbolic link under Wine that leads nowhere. */
static int put_new_name(HANDLE handle, const WCHAR *path) {
  for (int tries = 0; tries < 20; tries++) {
    int result = put_name(handle, path, CLASS_LINK);
    if (result != TARN_E_EXISTS || GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES ||
        GetLastError() != ERROR_FILE_NOT_FOUND)
      return result;
    Sleep(1);
  }
  return tn_win_refuse(TARN_E_PERMISSION, "the name is taken by a symbolic link that leads nowhere");
}

/* The handle that deletes the temporary name keeps out every program that does not expect a file to be deleted under it, as
 * fopen does not. It has done its work. If it cannot be replaced, it stays. */
static void let_others_in(tn_os_file *file) {
  HANDLE again = open_again(tn_win_handle(file->handle), ACCESS_BOTH);
  if (again == INVALID_HANDLE_VALUE) return;
  tn_win_renew_views(file->device, file->inode, again);
  CloseHandle(tn_win_handle(file->handle));
  file->handle = (intptr_t)again;
}

int tn_os_name(tn_os_file *file, const char *path) {
  TN_FAULT("name");
  WCHAR wide[TN_WIDE];
  int result = tn_win_wide(path, wide, TN_WIDE);
  if (result == 0) result = put_new_name(tn_win_handle(file->handle), wide);
  if (result == 0) let_others_in(file);
  return result;
}

/* ---- Is it still that file ------------------------------------------------------------------------------------------- */

int tn_os_still_ours(const tn_os_file *file) {
  TN_FAULT("still_ours");
  uint64_t device = 0, inode = 0;
  if (file->locks == TN_SECTION) return 0;
  if (tn_win_identity(tn_win_handle(file->handle), &device, &inode) == 0 &&
      same_identity(device, inode, file->device, file->inode))
    return 0;
  return tn_win_refuse(TARN_E_EVICTED, "the handle has been closed by somebody else and may now mean another file");
}

/* 0 and a handle if path leads to file. */
static int open_if_same(const tn_os_file *file, const WCHAR *path, DWORD access, HANDLE *ret_handle) {
  HANDLE handle = INVALID_HANDLE_VALUE;
  uint64_t device = 0, inode = 0;
  int result = open_checked(path, access, &handle);
  if (result != 0) return result;
  result = tn_win_identity(handle, &device, &inode);
  if (result == 0 && !same_identity(device, inode, file->device, file->inode))
    result = tn_win_refuse(TARN_E_NOT_FOUND, "the name leads to another file by now");
  if (result != 0)
    CloseHandle(handle);
  else
    *ret_handle = handle;
  return result;
}

int tn_os_leads_here(const tn_os_file *file, const char *path) {
  TN_FAULT("leads_here");
  WCHAR wide[TN_WIDE];
  HANDLE handle = INVALID_HANDLE_VALUE;
  int result = tn_win_wide(path, wide, TN_WIDE);
  if (result == 0) result = open_if_same(file, wide, FILE_READ_ATTRIBUTES, &handle);
  if (result == 0) {
    CloseHandle(handle);
    return 1;
  }
  return result == TARN_E_NOT_FOUND || result == TARN_E_KIND || result == TARN_E_PERMISSION ? 0 : result;
}

/* ---- Removing -------------------------------------------------------------------------------------------------------- */

/* FileDispositionInfoEx, with delete and POSIX semantics (Windows 10): gone from the directory at once. Else the plain way. */
static int delete_opened(HANDLE handle) {
  struct {
    DWORD flags;
  } at_once = {0x1 | 0x2};
  FILE_DISPOSITION_INFO plain = {TRUE};
  if (SetFileInformationByHandle(handle, (FILE_INFO_BY_HANDLE_CLASS)21, &at_once, sizeof at_once)) return 0;
  return SetFileInformationByHandle(handle, FileDispositionInfo, &plain, sizeof plain) ? 0 : tn_win_failed();
}

/* Somebody has it mapped, so it cannot be marked for deletion; but under Wine it can be opened to be deleted when it is
 * closed, by us and by all others. Where not even that is allowed, it keeps its hidden name. */
static void delete_later(const WCHAR *aside) {
  HANDLE handle = CreateFileW(aside, DELETE, TN_SHARE_ALL, NULL, OPEN_EXISTING,
                              FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_DELETE_ON_CLOSE, NULL);
  if (handle != INVALID_HANDLE_VALUE) CloseHandle(handle);
}

int tn_os_remove(const tn_os_file *file, const char *path) {
  TN_FAULT("remove");
  WCHAR wide[TN_WIDE], aside[TN_WIDE];
  HANDLE handle = INVALID_HANDLE_VALUE;
  int result = tn_win_wide(path, wide, TN_WIDE);
  if (result == 0) result = open_if_same(file, wide, DELETE | FILE_READ_ATTRIBUTES, &handle);
  if (result != 0) return result;
  result = tn_win_beside(wide, aside);
  if (result == 0) result = put_name(handle, aside, CLASS_RENAME);
  if (result == 0 && delete_opened(handle) != 0) delete_later(aside);
  CloseHandle(handle);
  return result;
}

int tn_os_remove_path(const char *path) {
  TN_FAULT("remove_path");
  WCHAR wide[TN_WIDE];
  int result = tn_win_wide(path, wide, TN_WIDE);
  if (result != 0) return result;
  HANDLE handle =
      CreateFileW(wide, DELETE | FILE_READ_ATTRIBUTES, TN_SHARE_ALL, NULL, OPEN_EXISTING, FILE_FLAG_OPEN_REPARSE_POINT, NULL);
  if (handle == INVALID_HANDLE_VALUE) return open_failed(wide);
  result = delete_opened(handle);
  CloseHandle(handle);
  return result;
}

void tn_os_close(tn_os_file *file) {
  if (file->locks != -1 && file->locks != TN_SECTION) {
    tn_win_unlock_all(tn_win_handle(file->locks));
    CloseHandle(tn_win_handle(file->locks));
  }
  if (file->handle != -1) CloseHandle(tn_win_handle(file->handle));
  *file = TN_OS_NO_FILE;
}
