/* windows_path.c: names and paths. UTF-8 outside, UTF-16 towards the system.
 *
 * Every path that goes to the system is absolute and starts with "\\?\": then there is no limit of 260 characters, and no name
 * is quietly another one (trailing dots and spaces cut off, "nul" meaning a device). What such a prefix would let through and
 * other programs could not open, is refused here instead.
 *
 * Under Wine a path that starts with "/" is one of the system below, "\\?\unix\...": so one directory serves both sides.
 */
#include <wctype.h>

#include "windows.h"

static const WCHAR verbatim[] = L"\\\\?\\", unc[] = L"\\\\?\\UNC\\", below[] = L"\\\\?\\unix";

int tn_win_wide(const char *text, WCHAR *ret_wide, size_t room) {
  WCHAR wide[TN_WIDE];
  int length = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, wide, TN_WIDE);
  if (length <= 0 || (size_t)length > room) {
    if (length > 0 || GetLastError() == ERROR_INSUFFICIENT_BUFFER)
      return tn_win_refuse(TARN_E_INVALID, "the name or path is too long for this system");
    return tn_win_refuse(TARN_E_INVALID, "the name or path is not valid UTF-8");
  }
  memcpy(ret_wide, wide, (size_t)length * sizeof *wide);
  return 0;
}

/* Half a surrogate pair, which NTFS allows in names, comes out as U+FFFD and is then not found: better than no listing at
 * all. */
int tn_win_narrow(const WCHAR *wide, char *ret_text, size_t room) {
  int length = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
  if (length <= 0 || (size_t)length > room) return tn_win_refuse(TARN_E_INVALID, "the name or path is too long");
  WideCharToMultiByte(CP_UTF8, 0, wide, -1, ret_text, length, NULL, NULL);
  return 0;
}

const WCHAR *tn_win_last(const WCHAR *path) {
  const WCHAR *separator = wcsrchr(path, L'\\');
  return separator ? separator + 1 : path;
}

int tn_win_beside(const WCHAR *path, WCHAR ret_path[TN_WIDE]) {
  uint64_t chance;
  int result = tn_os_random(&chance, sizeof chance);
  if (result != 0) return result;
  const WCHAR *last = tn_win_last(path);
  size_t before = (size_t)(last - path);
  if (wcslen(path) + 19 > TN_WIDE) return tn_win_refuse(TARN_E_INVALID, "the path is too long");
  wmemcpy(ret_path, path, before);
  swprintf(ret_path + before, TN_WIDE - before, L".%ls.%08lx%08lx", last, (unsigned long)(chance >> 32),
           (unsigned long)(chance & 0xffffffff));
  return 0;
}

/* ---- Names ----------------------------------------------------------------------------------------------------------- */

static int starts_with_folded(const char *text, const char *start) { return _strnicmp(text, start, strlen(start)) == 0; }

int tn_os_is_path(const char *name) {
  /* The namespaces of named sections, before the rule on separators. */
  if (starts_with_folded(name, "Local\\")) return strpbrk(name + 6, "/\\") != NULL;
  if (starts_with_folded(name, "Global\\")) return strpbrk(name + 7, "/\\") != NULL;
  int drive = ((name[0] >= 'a' && name[0] <= 'z') || (name[0] >= 'A' && name[0] <= 'Z')) && name[1] == ':';
  return drive || strpbrk(name, "/\\") != NULL;
}

/* A device is meant whatever follows the first dot, and whatever spaces come before it ("nul .txt"). */
static int is_device(const char *name, size_t length) {
  static const char *const devices[] = {"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"};
  size_t base = 0;
  while (base < length && name[base] != '.' && name[base] != ':') base++;
  while (base > 0 && name[base - 1] == ' ') base--;
  for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
    if (base == strlen(devices[i]) && _strnicmp(name, devices[i], base) == 0) return 1;
  if (base < 4 || (_strnicmp(name, "com", 3) != 0 && _strnicmp(name, "lpt", 3) != 0)) return 0;
  if (base == 4) return name[3] >= '0' && name[3] <= '9';
  /* the superscripts one, two and three count as digits too */
  return base == 5 &&
         (memcmp(name + 3, "\xc2\xb9", 2) == 0 || memcmp(name + 3, "\xc2\xb2", 2) == 0 || memcmp(name + 3, "\xc2\xb3", 2) == 0);
}

/* Why this component of a path cannot be the name of a file, or NULL. */
static const char *unfit(const char *name, size_t length) {
  if ((length == 1 && name[0] == '.') || (length == 2 && name[0] == '.' && name[1] == '.')) return NULL;
  if (is_device(name, length)) return "that name means a device on Windows; choose another";
  if (length > 0 && (name[length - 1] == '.' || name[length - 1] == ' '))
    return "a file name cannot end with a dot or a space on Windows";
  for (size_t i = 0; i < length; i++)
    if ((unsigned char)name[i] < ' ' || strchr("<>:\"|?*", name[i]))
      return "a file name cannot have any of <>:\"|?* or control characters in it on Windows";
  return NULL;
}

int tn_os_is_device_name(const char *name) {
  size_t length = strlen(name);
  return length == 0 || length > 255 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || unfit(name, length) != NULL;
}

/* ---- Paths ----------------------------------------------------------------------------------------------------------- */

/* The characters before the first component that is a name: a prefix, a drive. */
static size_t head_length(const char *path) {
  size_t head = strncmp(path, "\\\\?\\", 4) == 0 || strncmp(path, "//?/", 4) == 0 ? 4 : 0;
  if (path[head] != 0 && path[head + 1] == ':') head += 2;
  return head;
}

static int check_components(const char *path) {
  const char *at = path + head_length(path);
  while (*at) {
    size_t length = strcspn(at, "/\\");
    const char *why = unfit(at, length);
    if (why) return tn_win_refuse(TARN_E_INVALID, why);
    at += length;
    at += strspn(at, "/\\");
  }
  return 0;
}

/* Separators turned and doubled ones dropped: behind "\\?\" nobody else does it. */
static void tidy(WCHAR *path, size_t keep) {
  size_t out = keep;
  for (size_t in = keep; path[in]; in++) {
    WCHAR c = path[in] == L'/' ? L'\\' : path[in];
    if (c == L'\\' && out > 0 && path[out - 1] == L'\\') continue;
    path[out++] = c;
  }
  path[out] = 0;
}

static int absolute(const WCHAR *given, WCHAR ret_path[TN_WIDE]) {
  WCHAR full[TN_WIDE];
  DWORD length = GetFullPathNameW(given, TN_WIDE, full, NULL);
  if (length == 0) return tn_win_failed();
  if (length + 8 >= TN_WIDE) return tn_win_refuse(TARN_E_INVALID, "the path is too long");
  if (wcsncmp(full, L"\\\\.\\", 4) == 0) return tn_win_refuse(TARN_E_INVALID, "the path leads to a device");
  int share = wcsncmp(full, L"\\\\", 2) == 0;
  swprintf(ret_path, TN_WIDE, L"%ls%ls", share ? unc : verbatim, share ? full + 2 : full);
  return 0;
}

int tn_os_full_path(const char *path, char ret_path[TN_OS_PATH]) {
  TN_FAULT("full_path");
  int result = check_components(path);
  if (result != 0) return result;
  WCHAR given[TN_WIDE], full[TN_WIDE];
  result = tn_win_wide(path, given, TN_WIDE - 16);
  if (result != 0) return result;
  if (given[0] == 0) return tn_win_refuse(TARN_E_INVALID, "the path is empty");
  if (wcsncmp(given, verbatim, 4) == 0 || wcsncmp(given, L"//?/", 4) == 0) {
    swprintf(full, TN_WIDE, L"%ls%ls", verbatim, given + 4);
    tidy(full, 4);
  } else if (given[0] == L'/' && given[1] != L'/' && tn_win_is_wine()) {
    swprintf(full, TN_WIDE, L"%ls%ls", below, given);
    tidy(full, 4);
  } else if ((result = absolute(given, full)) != 0) {
    return result;
  }
  return tn_win_narrow(full, ret_path, TN_OS_PATH);
}

/* ---- The channel directory --------------------------------------------------------------------------------------------- */

/* The folder for temporary files around ours need not be there yet, and is nothing of Tarn's. */
static void make_directory_around(const WCHAR *path) {
  WCHAR around[TN_WIDE];
  size_t length = (size_t)(tn_win_last(path) - path) - 1;
  wmemcpy(around, path, length);
  around[length] = 0;
  CreateDirectoryW(around, NULL);
}

static int make_directory(const WCHAR *path) {
  make_directory_around(path);
  SECURITY_ATTRIBUTES attributes = {sizeof attributes, tn_win_rights(0700, TN_FOR_DIRECTORY), FALSE};
  if (!attributes.lpSecurityDescriptor) return tn_win_failed();
  BOOL made = CreateDirectoryW(path, &attributes);
  DWORD error = GetLastError();
  LocalFree(attributes.lpSecurityDescriptor);
  return made || error == ERROR_ALREADY_EXISTS ? 0 : tn_win_failed_with(error);
}

int tn_os_channel_directory(char ret_path[TN_OS_PATH]) {
  TN_FAULT("channel_directory");
  WCHAR wide[TN_WIDE];
  char text[TN_OS_PATH], full[TN_OS_PATH];
  DWORD length = GetEnvironmentVariableW(L"TARN_DIR", wide, TN_WIDE);
  if (length >= TN_WIDE) return tn_win_refuse(TARN_E_INVALID, "TARN_DIR is too long");
  int ours = length == 0;
  if (ours) {
    length = GetEnvironmentVariableW(L"LOCALAPPDATA", wide, TN_WIDE - 16);
    if (length == 0 || length >= TN_WIDE - 16)
      return tn_win_refuse(TARN_E_NOT_FOUND, "neither TARN_DIR nor LOCALAPPDATA is set in the environment");
    wcscat(wide, L"\\Temp\\tarn");
  }
  int result = tn_win_narrow(wide, text, sizeof text);
  if (result == 0) result = tn_os_full_path(text, full);
  if (result == 0 && ours) result = tn_win_wide(full, wide, TN_WIDE);
  if (result == 0 && ours) result = make_directory(wide);
  if (result != 0) return result;
  size_t end = strlen(full);
  while (end > 7 && full[end - 1] == '\\') end--; /* 7: "\\?\C:\" keeps its separator */
  full[end] = 0;
  memcpy(ret_path, full, end + 1);
  return 0;
}
