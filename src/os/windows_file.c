/* windows_file.c: what is known of a file, its room, its content.
 *
 * Room. NTFS allocates what a file is extended by. Wine extends with holes, and says nothing of them; so where a reserved
 * range may have holes, zeros are written into it wherever it reads as zeros: the range belongs to the caller alone (os.h).
 */
#include "windows.h"

typedef struct full_size { /* FileFsFullSizeInformation */
  LARGE_INTEGER total, available, free;
  ULONG sectors_per_unit, bytes_per_sector;
} full_size;

enum { CLASS_FULL_SIZE = 7, CHUNK = 1 << 20, PAGE = 4096 };

/* The memory file systems that one meets below Wine, by their usual places: Wine has no words for them. */
static int is_in_memory(HANDLE handle) {
  WCHAR path[TN_WIDE];
  DWORD length = tn_win_is_wine() ? GetFinalPathNameByHandleW(handle, path, TN_WIDE, 0) : 0;
  if (length == 0 || length >= TN_WIDE) return 0;
  const WCHAR *at = wcsncmp(path, L"\\\\?\\unix", 8) == 0 ? path + 8 : path + 6; /* behind "\\?\Z:" */
  return wcsncmp(at, L"\\dev\\shm\\", 9) == 0 || wcsncmp(at, L"\\run\\", 5) == 0;
}

static int medium_of(HANDLE handle) {
  FILE_REMOTE_PROTOCOL_INFO remote;
  if (GetFileInformationByHandleEx(handle, FileRemoteProtocolInfo, &remote, sizeof remote)) return TN_OS_NETWORK;
  return is_in_memory(handle) ? TN_OS_MEMORY : TN_OS_DISK;
}

static int section_status(const tn_os_file *file, tn_os_status *ret_status) {
  tn_os_status status = {.mode = 0600, .links = 1, .medium = TN_OS_MEMORY};
  int result = tn_win_section_size(tn_win_handle(file->handle), &status.size_bytes);
  status.occupied_bytes = status.size_bytes;
  if (result == 0) *ret_status = status;
  return result;
}

int tn_os_status_of(const tn_os_file *file, tn_os_status *ret_status) {
  TN_FAULT("status_of");
  if (file->locks == TN_SECTION) return section_status(file, ret_status);
  HANDLE handle = tn_win_handle(file->handle);
  FILE_STANDARD_INFO standard;
  FILE_BASIC_INFO info;
  if (!GetFileInformationByHandleEx(handle, FileStandardInfo, &standard, sizeof standard) ||
      !GetFileInformationByHandleEx(handle, FileBasicInfo, &info, sizeof info))
    return tn_win_failed();
  uint32_t owner, mode;
  tn_win_rights_of(handle, &owner, &mode);
  if (info.FileAttributes & FILE_ATTRIBUTE_READONLY) mode &= 0444;
  if (info.FileAttributes & FILE_ATTRIBUTE_SYSTEM) mode |= 01000;
  *ret_status = (tn_os_status){.size_bytes = (uint64_t)standard.EndOfFile.QuadPart,
                               .occupied_bytes = (uint64_t)standard.AllocationSize.QuadPart,
                               .owner = owner,
                               .mode = mode,
                               .links = standard.DeletePending ? 0 : standard.NumberOfLinks,
                               .modified_ns = (info.LastWriteTime.QuadPart - INT64_C(116444736000000000)) * 100,
                               .medium = medium_of(handle)};
  return 0;
}

int tn_os_status_at(const char *path, tn_os_status *ret_status, uint64_t *ret_device, uint64_t *ret_inode) {
  TN_FAULT("status_at");
  tn_os_file file;
  tn_os_status status;
  int result = tn_os_open(&file, path, TN_OS_READ, 0);
  if (result != 0) return result;
  uint64_t device = file.device, inode = file.inode;
  result = tn_os_status_of(&file, &status);
  tn_os_close(&file);
  if (result != 0) return result;
  *ret_status = status;
  *ret_device = device;
  *ret_inode = inode;
  return 0;
}

/* Who has a file open is shown to nobody here. */
int tn_os_users(const tn_os_wanted *files, size_t count, void (*each)(size_t index, uint32_t process, void *argument),
                void *argument) {
  TN_FAULT("users");
  (void)files, (void)count, (void)each, (void)argument;
  return tn_win_refuse(TARN_E_UNSUPPORTED, "Windows does not show who has a file open");
}

int tn_os_alone(const tn_os_file *file) {
  TN_FAULT("alone");
  (void)file;
  return tn_win_refuse(TARN_E_UNSUPPORTED, "Windows does not tell whether anybody else has it open");
}

void tn_os_alone_end(const tn_os_file *file) { (void)file; }

/* ---- Room ------------------------------------------------------------------------------------------------------------ */

static int set_size(HANDLE handle, uint64_t size_bytes) {
  FILE_END_OF_FILE_INFO end = {.EndOfFile.QuadPart = (LONGLONG)size_bytes};
  return SetFileInformationByHandle(handle, FileEndOfFileInfo, &end, sizeof end) ? 0 : tn_win_failed();
}

static int size_of(HANDLE handle, uint64_t *ret_size, uint64_t *ret_occupied) {
  FILE_STANDARD_INFO standard;
  if (!GetFileInformationByHandleEx(handle, FileStandardInfo, &standard, sizeof standard)) return tn_win_failed();
  *ret_size = (uint64_t)standard.EndOfFile.QuadPart;
  *ret_occupied = (uint64_t)standard.AllocationSize.QuadPart;
  return 0;
}

static OVERLAPPED at_offset(uint64_t offset) {
  return (OVERLAPPED){.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
}

static int write_at(HANDLE handle, uint64_t offset, const void *bytes, DWORD length) {
  OVERLAPPED where = at_offset(offset);
  DWORD written = 0;
  if (!WriteFile(handle, bytes, length, &written, &where)) return tn_win_failed();
  return written == length ? 0 : tn_win_failed_with(ERROR_DISK_FULL);
}

static int is_zero(const unsigned char *bytes, size_t length) {
  return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

/* Write zeros over every page of what was read that is all zeros: holes are whole pages. */
static int fill_read(HANDLE handle, uint64_t offset, const unsigned char *read, uint64_t length, const unsigned char *zeros) {
  for (uint64_t from = 0, to; from < length; from = to + PAGE) {
    for (to = from; to < length && is_zero(read + to, (size_t)(length - to < PAGE ? length - to : PAGE)); to += PAGE) {}
    uint64_t end = to < length ? to : length;
    int result = end > from ? write_at(handle, offset + from, zeros, (DWORD)(end - from)) : 0;
    if (result != 0) return result;
  }
  return 0;
}

/* Zeros over [from, to), where the file is new (old_size) or reads as zeros. buffers: two chunks, the first all zeros. */
static int fill(const tn_os_file *file, uint64_t from, uint64_t to, uint64_t old_size, unsigned char *buffers) {
  HANDLE handle = tn_win_handle(file->handle);
  while (from < to) {
    uint64_t length = from % PAGE ? PAGE - from % PAGE : CHUNK,
             there = 0; /* from page to page, and nothing outside the range */
    int result;
    if (length > to - from) length = to - from;
    if (from >= old_size) {
      result = write_at(handle, from, buffers, (DWORD)length);
    } else {
      if (length > old_size - from) length = old_size - from;
      result = tn_os_read_at(file, from, buffers + CHUNK, length, &there);
      if (result == 0) result = fill_read(handle, from, buffers + CHUNK, there, buffers);
    }
    if (result != 0) return result;
    from += length;
  }
  return 0;
}

static int fill_holes(const tn_os_file *file, uint64_t offset, uint64_t end, uint64_t old_size, uint64_t occupied) {
  int old_has_holes = occupied < old_size;
  uint64_t from = old_has_holes || offset > old_size ? offset : old_size;
  if (from >= end) return 0;
  unsigned char *buffers = calloc(2, CHUNK);
  if (!buffers) return tn_win_failed_with(ERROR_NOT_ENOUGH_MEMORY);
  int result = fill(file, from, end, old_size, buffers);
  free(buffers);
  return result;
}

int tn_os_reserve(const tn_os_file *file, uint64_t offset, uint64_t length) {
  TN_FAULT("reserve");
  if (file->locks == TN_SECTION) return tn_win_refuse(TARN_E_UNSUPPORTED, "a named section cannot change its size");
  if (length == 0) return 0;
  HANDLE handle = tn_win_handle(file->handle);
  uint64_t end = offset + length, size = 0, occupied = 0;
  if (end < offset || end > INT64_MAX) return tn_win_refuse(TARN_E_NO_SPACE, "no file can be that large");
  int result = size_of(handle, &size, &occupied);
  if (result != 0) return result;
  if (end > size && end - size > tn_os_room(file)) return tn_win_failed_with(ERROR_DISK_FULL);
  if (end > size) result = set_size(handle, end);
  if (result == 0 && tn_win_is_wine()) result = fill_holes(file, offset, end, size, occupied);
  if (result == 0) return 0;
  DWORD error = GetLastError();
  char why[400];
  snprintf(why, sizeof why, "%s", tn_os_reason());
  if (end > size) set_size(handle, size);
  tn_reason_set((int)error, why);
  return result;
}

int tn_os_truncate(const tn_os_file *file, uint64_t size_bytes) {
  TN_FAULT("truncate");
  if (file->locks == TN_SECTION) return tn_win_refuse(TARN_E_UNSUPPORTED, "a named section cannot change its size");
  if (size_bytes > INT64_MAX) return tn_win_refuse(TARN_E_NO_SPACE, "no file can be that large");
  return set_size(tn_win_handle(file->handle), size_bytes);
}

/* NTFS gives back only in sparse files, and those reserve nothing. */
void tn_os_give_back(const tn_os_file *file, uint64_t offset, uint64_t length) { (void)file, (void)offset, (void)length; }

uint64_t tn_os_room(const tn_os_file *file) {
  full_size sizes;
  IO_STATUS_BLOCK block;
  if (TN_FAULTED("room") || file->locks == TN_SECTION) return UINT64_MAX;
  NTSTATUS status = NtQueryVolumeInformationFile(tn_win_handle(file->handle), &block, &sizes, sizeof sizes,
                                                 (FS_INFORMATION_CLASS)CLASS_FULL_SIZE);
  if (status < 0) return UINT64_MAX;
  return (uint64_t)sizes.available.QuadPart * sizes.sectors_per_unit * sizes.bytes_per_sector;
}

/* ---- Content --------------------------------------------------------------------------------------------------------- */

int tn_os_read_at(const tn_os_file *file, uint64_t offset, void *buffer, uint64_t length, uint64_t *ret_length) {
  TN_FAULT("read_at");
  uint64_t done = 0;
  while (done < length) {
    OVERLAPPED where = at_offset(offset + done);
    DWORD chunk = length - done < (1u << 30) ? (DWORD)(length - done) : 1u << 30, count = 0;
    if (!ReadFile(tn_win_handle(file->handle), (char *)buffer + done, chunk, &count, &where)) {
      if (GetLastError() == ERROR_HANDLE_EOF) break;
      return tn_win_failed();
    }
    if (count == 0) break;
    done += count;
  }
  *ret_length = done;
  return 0;
}

/* FlushFileBuffers does not know what was written through mappings: that is handed over first. */
int tn_os_sync(const tn_os_file *file) {
  TN_FAULT("sync");
  int result = tn_win_flush_views(file->device, file->inode);
  if (result != 0) return result;
  if (FlushFileBuffers(tn_win_handle(file->handle))) return 0;
  return GetLastError() == ERROR_ACCESS_DENIED ? 0
                                               : tn_win_failed(); /* opened for reading: there is nothing of ours to write */
}

/* ---- Directories ----------------------------------------------------------------------------------------------------- */

static int is_dots(const WCHAR *name) { return wcscmp(name, L".") == 0 || wcscmp(name, L"..") == 0; }

int tn_os_each_name(const char *directory, int (*each)(const char *name, void *argument), void *argument) {
  TN_FAULT("each_name");
  WCHAR pattern[TN_WIDE];
  char name[4 * MAX_PATH];
  WIN32_FIND_DATAW found;
  int result = tn_win_wide(directory, pattern, TN_WIDE - 2);
  if (result != 0) return result;
  wcscat(pattern, pattern[wcslen(pattern) - 1] == L'\\' ? L"*" : L"\\*");
  HANDLE search = FindFirstFileExW(pattern, FindExInfoBasic, &found, FindExSearchNameMatch, NULL, 0);
  if (search == INVALID_HANDLE_VALUE) return GetLastError() == ERROR_FILE_NOT_FOUND ? TARN_E_NOT_FOUND : tn_win_failed();
  do {
    if (!is_dots(found.cFileName) && tn_win_narrow(found.cFileName, name, sizeof name) == 0) result = each(name, argument);
  } while (result == 0 && FindNextFileW(search, &found));
  DWORD error = GetLastError();
  FindClose(search);
  return result != 0 || error == ERROR_NO_MORE_FILES ? result : tn_win_failed_with(error);
}
