/* windows_map.c: mappings of files, and named sections.
 *
 * A mapping needs a section object; a new one is made for each mapping, since a section keeps the size the file had, and closed
 * at once: the view keeps it. What was written through a view reaches the medium in two steps, FlushViewOfFile and then
 * FlushFileBuffers, and the second needs a handle on the file; views outlive the handle they came from, so this process keeps a
 * list of its writable views of files, each with a duplicate of the handle. (Byte locks hang on another handle: see
 * windows_open.c.)
 *
 * A named section is not a file. It lives while somebody has it open or mapped, its size is rounded up to whole pages by the
 * system, and it cannot be resized.
 */
#include "windows.h"

typedef struct view {
  struct view *next;
  char *address;
  uint64_t length, device, inode;
  HANDLE file;
} view;

static SRWLOCK list_lock = SRWLOCK_INIT; /* only whoever has it touches the list */
static view *list;

/* ---- The list of views ----------------------------------------------------------------------------------------------- */

static int remember(const tn_os_file *file, void *address, uint64_t length) {
  view *made = malloc(sizeof *made);
  HANDLE own = INVALID_HANDLE_VALUE, process = GetCurrentProcess();
  if (!made) return tn_win_failed_with(ERROR_NOT_ENOUGH_MEMORY);
  if (!DuplicateHandle(process, tn_win_handle(file->handle), process, &own, 0, FALSE, DUPLICATE_SAME_ACCESS)) {
    free(made);
    return tn_win_failed();
  }
  AcquireSRWLockExclusive(&list_lock);
  *made = (view){list, address, length, file->device, file->inode, own};
  list = made;
  ReleaseSRWLockExclusive(&list_lock);
  return 0;
}

static void forget(const void *address) {
  AcquireSRWLockExclusive(&list_lock);
  view **at = &list;
  while (*at && (*at)->address != address) at = &(*at)->next;
  view *gone = *at;
  if (gone) *at = gone->next;
  ReleaseSRWLockExclusive(&list_lock);
  if (!gone) return;
  CloseHandle(gone->file);
  free(gone);
}

void tn_win_renew_views(uint64_t device, uint64_t inode, HANDLE file) {
  HANDLE process = GetCurrentProcess(), own;
  AcquireSRWLockExclusive(&list_lock);
  for (view *at = list; at; at = at->next) {
    if (at->device != device || at->inode != inode) continue;
    if (!DuplicateHandle(process, file, process, &own, 0, FALSE, DUPLICATE_SAME_ACCESS))
      continue; /* the old one does as well */
    CloseHandle(at->file);
    at->file = own;
  }
  ReleaseSRWLockExclusive(&list_lock);
}

/* ---- Mapping --------------------------------------------------------------------------------------------------------- */

static DWORD page_access(int access, uint32_t flags) {
  if (flags & TN_OS_MAP_COPY) return PAGE_WRITECOPY;
  return access & TN_OS_WRITE ? PAGE_READWRITE : PAGE_READONLY;
}

static DWORD view_access(int access, uint32_t flags) {
  if (flags & TN_OS_MAP_COPY) return FILE_MAP_COPY;
  return access & TN_OS_WRITE ? FILE_MAP_READ | FILE_MAP_WRITE : FILE_MAP_READ;
}

/* MapViewOfFile's answers for "past the end" and "no address room", as the codes of the contract. */
static int map_failed(void) {
  DWORD error = GetLastError();
  if (error == ERROR_INVALID_PARAMETER || error == ERROR_MAPPED_ALIGNMENT || error == ERROR_FILE_INVALID) {
    tn_win_failed_with(error);
    return TARN_E_INVALID;
  }
  return tn_win_failed_with(error);
}

static uint32_t grant(char *address, uint64_t length, uint32_t flags) {
  uint32_t granted = 0;
  if (flags & TN_OS_MAP_PREFAULT) {
    for (uint64_t at = 0; at < length; at += 4096) (void)*(volatile char *)(address + at);
    granted |= TN_OS_MAP_PREFAULT;
  }
  if (flags & TN_OS_MAP_LOCK && VirtualLock(address, (SIZE_T)length)) granted |= TN_OS_MAP_LOCK;
  return granted; /* huge pages are for memory without a file only, and for the privileged */
}

int tn_os_map(const tn_os_file *file, uint64_t offset, uint64_t length, int access, uint32_t flags, void **ret_address,
              uint32_t *granted) {
  TN_FAULT("map");
  int is_section = file->locks == TN_SECTION;
  HANDLE section = tn_win_handle(file->handle);
  if (length == 0) return tn_win_refuse(TARN_E_INVALID, "nothing was asked for"); /* the system would map all there is */
  if (length > SIZE_MAX) return tn_win_failed_with(ERROR_NOT_ENOUGH_MEMORY);
  if (!is_section) section = CreateFileMappingW(section, NULL, page_access(access, flags), 0, 0, NULL);
  if (!section) return map_failed();
  char *address = MapViewOfFile(section, view_access(access, flags), (DWORD)(offset >> 32), (DWORD)offset, (SIZE_T)length);
  int result = address ? 0 : map_failed();
  if (!is_section) CloseHandle(section);
  if (result == 0 && !is_section && (access & TN_OS_WRITE) && !(flags & TN_OS_MAP_COPY)) {
    result = remember(file, address, length);
    if (result != 0) UnmapViewOfFile(address);
  }
  if (result != 0) return result;
  uint32_t met = grant(address, length, flags);
  if (granted) *granted = met;
  *ret_address = address;
  return 0;
}

void tn_os_unmap(void *address, uint64_t length) {
  (void)length;
  forget(address);
  if (!UnmapViewOfFile(address)) VirtualFree(address, 0, MEM_RELEASE); /* replaced by tn_os_replace */
}

/* ---- Flushing -------------------------------------------------------------------------------------------------------- */

/* The file behind address, as a handle of the caller's own; NULL if it has none (a named section). */
static HANDLE file_behind(const char *address) {
  HANDLE own = NULL, process = GetCurrentProcess();
  AcquireSRWLockShared(&list_lock);
  for (view *at = list; at; at = at->next)
    if (address >= at->address && (uint64_t)(address - at->address) < at->length) {
      if (!DuplicateHandle(process, at->file, process, &own, 0, FALSE, DUPLICATE_SAME_ACCESS)) own = NULL;
      break;
    }
  ReleaseSRWLockShared(&list_lock);
  return own;
}

int tn_os_flush(const void *address, uint64_t length) {
  TN_FAULT("flush");
  if (!FlushViewOfFile(address, (SIZE_T)length)) return tn_win_failed();
  HANDLE file = file_behind(address);
  if (!file) return 0; /* not of a file, or never written through */
  BOOL flushed = FlushFileBuffers(file);
  int result = flushed ? 0 : tn_win_failed();
  CloseHandle(file);
  return result;
}

int tn_win_flush_views(uint64_t device, uint64_t inode) {
  int result = 0;
  AcquireSRWLockShared(&list_lock);
  for (view *at = list; at && result == 0; at = at->next)
    if (at->device == device && at->inode == inode && !FlushViewOfFile(at->address, (SIZE_T)at->length))
      result = tn_win_failed();
  ReleaseSRWLockShared(&list_lock);
  return result;
}

/* ---- Named sections -------------------------------------------------------------------------------------------------- */

typedef struct section_basics { /* SectionBasicInformation */
  PVOID base;
  ULONG attributes;
  LARGE_INTEGER size;
} section_basics;

NTSTATUS NTAPI NtQuerySection(HANDLE section, int class, PVOID buffer, SIZE_T length, SIZE_T *ret_length);

int tn_win_section_size(HANDLE section, uint64_t *ret_size) {
  section_basics basics;
  NTSTATUS status = NtQuerySection(section, 0, &basics, sizeof basics, NULL);
  if (status < 0) return tn_win_failed_with(RtlNtStatusToDosError(status));
  *ret_size = (uint64_t)basics.size.QuadPart;
  return 0;
}

static HANDLE create_section(const WCHAR *name, uint64_t size_bytes, int *ret_created) {
  SECURITY_ATTRIBUTES attributes = {sizeof attributes, tn_win_rights(0600, TN_FOR_SECTION), FALSE};
  HANDLE section = CreateFileMappingW(INVALID_HANDLE_VALUE, attributes.lpSecurityDescriptor ? &attributes : NULL,
                                      PAGE_READWRITE, (DWORD)(size_bytes >> 32), (DWORD)size_bytes, name);
  DWORD error = GetLastError();
  LocalFree(attributes.lpSecurityDescriptor);
  *ret_created = error != ERROR_ALREADY_EXISTS;
  SetLastError(error);
  return section;
}

int tn_os_section_open(tn_os_file *ret_file, const char *name, int access, int create, uint64_t size_bytes, int *ret_created,
                       uint64_t *ret_size) {
  TN_FAULT("section_open");
  WCHAR wide[TN_WIDE];
  int result = tn_win_wide(name, wide, TN_WIDE), created = 0;
  uint64_t size = 0;
  if (result != 0) return result;
  DWORD rights = SECTION_QUERY | FILE_MAP_READ | (access & TN_OS_WRITE ? FILE_MAP_WRITE : 0u);
  HANDLE section = create ? create_section(wide, size_bytes, &created) : OpenFileMappingW(rights, FALSE, wide);
  if (!section && GetLastError() == ERROR_INVALID_HANDLE)
    return tn_win_refuse(TARN_E_KIND, "the name is that of an event, a mutex or another object, not of a section");
  if (!section) return tn_win_failed();
  result = tn_win_section_size(section, &size);
  if (result != 0) {
    CloseHandle(section);
    return result;
  }
  *ret_file = (tn_os_file){.handle = (intptr_t)section, .locks = TN_SECTION, .life = tn_os_life()};
  if (ret_created) *ret_created = created;
  if (ret_size) *ret_size = size;
  return 0;
}
