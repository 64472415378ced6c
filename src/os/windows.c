/* windows.c: what the system can do, what it said, time, threads, processes. windows.h lists the other files.
 *
 * Wine is a Windows of its own here: where it differs (all seen with Wine 8), the code asks tn_win_is_wine() and says why
 * beside it.
 */
#include "windows.h"

#include <ntsecapi.h> /* RtlGenRandom */
#include <process.h>

static _Thread_local char reason[400];
static _Thread_local int reason_number;

/* ---- Reasons --------------------------------------------------------------------------------------------------------- */

void tn_reason_set(int number, const char *text) {
  reason_number = number;
  snprintf(reason, sizeof reason, "%s", text);
}

const char *tn_os_reason(void) { return reason; }
int tn_os_reason_number(void) { return reason_number; }

int tn_win_refuse(int code, const char *text) {
  tn_reason_set(0, text);
  return code;
}

/* What the system's text leaves out of those that somebody else causes; NULL: nothing. */
static const char *meaning(DWORD error) {
  switch (error) {
    case ERROR_SHARING_VIOLATION:
      return "another program has it open and does not share it";
    case ERROR_USER_MAPPED_FILE:
      return "somebody has a view of it, and a file cannot be cut under one";
    default:
      return NULL;
  }
}

/* The system's text on one line: it ends with ".\r\n" and may have line ends inside. */
static void describe(DWORD error) {
  WCHAR wide[256];
  DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, error, 0, wide, 256, NULL);
  while (length > 0 && (wide[length - 1] <= ' ' || wide[length - 1] == '.')) length--;
  for (DWORD i = 0; i < length; i++)
    if (wide[i] < ' ') wide[i] = ' ';
  wide[length < 255 ? length : 255] = 0;
  char text[400], both[500];
  if (length == 0 || tn_win_narrow(wide, text, sizeof text) != 0) snprintf(text, sizeof text, "Windows error %lu", error);
  const char *more = meaning(error);
  if (more) snprintf(both, sizeof both, "%s (%s)", more, text);
  tn_reason_set((int)error, more ? both : text);
}

int tn_win_failed_with(DWORD error) {
  static const struct {
    DWORD error;
    int code;
  } known[] = {{ERROR_FILE_NOT_FOUND, TARN_E_NOT_FOUND},
               {ERROR_PATH_NOT_FOUND, TARN_E_NOT_FOUND},
               {ERROR_INVALID_DRIVE, TARN_E_NOT_FOUND},
               {ERROR_BAD_NETPATH, TARN_E_NOT_FOUND},
               {ERROR_DELETE_PENDING, TARN_E_NOT_FOUND},
               {ERROR_FILE_EXISTS, TARN_E_EXISTS},
               {ERROR_ALREADY_EXISTS, TARN_E_EXISTS},
               {ERROR_ACCESS_DENIED, TARN_E_PERMISSION},
               {ERROR_PRIVILEGE_NOT_HELD, TARN_E_PERMISSION},
               {ERROR_WRITE_PROTECT, TARN_E_PERMISSION},
               {ERROR_DISK_FULL, TARN_E_NO_SPACE},
               {ERROR_HANDLE_DISK_FULL, TARN_E_NO_SPACE},
               {TN_ERROR_DISK_QUOTA, TARN_E_NO_SPACE},
               {ERROR_NOT_ENOUGH_MEMORY, TARN_E_NO_SPACE},
               {ERROR_OUTOFMEMORY, TARN_E_NO_SPACE},
               {ERROR_COMMITMENT_LIMIT, TARN_E_NO_SPACE},
               {ERROR_NO_SYSTEM_RESOURCES, TARN_E_NO_SPACE},
               {ERROR_INVALID_NAME, TARN_E_INVALID},
               {ERROR_FILENAME_EXCED_RANGE, TARN_E_INVALID},
               {ERROR_BAD_PATHNAME, TARN_E_INVALID},
               {ERROR_NOT_SUPPORTED, TARN_E_UNSUPPORTED},
               {ERROR_INVALID_FUNCTION, TARN_E_UNSUPPORTED}};
  describe(error);
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].error == error) return known[i].code;
  return TARN_E_SYSTEM;
}

int tn_win_failed(void) { return tn_win_failed_with(GetLastError()); }

/* ---- The system ------------------------------------------------------------------------------------------------------ */

int tn_win_is_wine(void) {
  static _Atomic int known; /* 0 not asked, 1 no, 2 yes: every thread finds the same, so order does not matter */
  int value = known;
  if (value == 0) {
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    value = ntdll && GetProcAddress(ntdll, "wine_get_version") ? 2 : 1;
    known = value;
  }
  return value == 2;
}

static tn_os_caps capabilities;

static BOOL CALLBACK find_capabilities(PINIT_ONCE once, PVOID argument, PVOID *context) {
  (void)once, (void)argument, (void)context;
  SYSTEM_INFO info;
  GetSystemInfo(&info);
  DWORD_PTR ours = 0, all = 0;
  uint32_t cpus = info.dwNumberOfProcessors;
  if (GetProcessAffinityMask(GetCurrentProcess(), &ours, &all) && ours != 0) cpus = (uint32_t)__builtin_popcountll(ours);
  capabilities = (tn_os_caps){.granularity = info.dwAllocationGranularity, .cpus = cpus, .case_folds = 1, .sections = 1};
  return TRUE;
}

const tn_os_caps *tn_os_capabilities(void) {
  static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
  InitOnceExecuteOnce(&once, find_capabilities, NULL, NULL);
  return &capabilities;
}

/* ---- Time and chance ------------------------------------------------------------------------------------------------- */

int64_t tn_os_now(void) {
  LARGE_INTEGER count, frequency;
  QueryPerformanceCounter(&count);
  QueryPerformanceFrequency(&frequency);
  int64_t whole = count.QuadPart / frequency.QuadPart, rest = count.QuadPart % frequency.QuadPart; /* no overflow this way */
  return whole * 1000000000 + rest * 1000000000 / frequency.QuadPart;
}

int64_t tn_os_unix_time(void) {
  FILETIME time;
  GetSystemTimePreciseAsFileTime(&time);
  uint64_t ticks = (uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime; /* of 100 ns since 1601 */
  return (int64_t)(ticks - UINT64_C(116444736000000000)) * 100;
}

void tn_os_pause(int64_t ns) {
  if (ns > 0) Sleep((DWORD)((ns + 999999) / 1000000));
}

int tn_os_random(void *buffer, size_t length) {
  TN_FAULT("random");
  if (!RtlGenRandom(buffer, (ULONG)length)) return tn_win_failed();
  return 0;
}

/* ---- Threads --------------------------------------------------------------------------------------------------------- */

typedef struct start {
  void (*body)(void *);
  void *argument;
} start;

static unsigned __stdcall run(void *given) {
  start what = *(start *)given;
  free(given);
  what.body(what.argument);
  return 0;
}

int tn_os_thread_start(intptr_t *ret_thread, void (*body)(void *), void *argument) {
  TN_FAULT("thread_start");
  start *what = malloc(sizeof *what);
  if (!what) return tn_win_failed_with(ERROR_NOT_ENOUGH_MEMORY);
  *what = (start){body, argument};
  uintptr_t thread = _beginthreadex(NULL, 0, run, what, 0, NULL);
  if (thread == 0) {
    free(what);
    return tn_win_failed_with(ERROR_NO_SYSTEM_RESOURCES);
  }
  *ret_thread = (intptr_t)thread;
  return 0;
}

void tn_os_thread_join(intptr_t thread) {
  WaitForSingleObject(tn_win_handle(thread), INFINITE);
  CloseHandle(tn_win_handle(thread));
}

/* ---- Processes ------------------------------------------------------------------------------------------------------- */

uint32_t tn_os_process_number(void) { return GetCurrentProcessId(); }

/* Processes that can wake each other are also those that see each other's numbers. */
uint32_t tn_os_process_space(void) { return tn_os_wake_domain(); }

uint32_t tn_os_life(void) { return 1; } /* there is no fork */
const _Atomic uint32_t *tn_os_life_word(void) {
  static const _Atomic uint32_t word = 1;
  return &word;
}


void tn_os_process_of(uint32_t number, tn_os_process *ret_process) {
  *ret_process = (tn_os_process){0};
  HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, number);
  if (!process) {
    ret_process->exists = GetLastError() == ERROR_ACCESS_DENIED;
    return;
  }
  DWORD code = 0, length = TN_WIDE;
  ret_process->exists = GetExitCodeProcess(process, &code) && code == STILL_ACTIVE;
  static const size_t room = sizeof ret_process->name;
  WCHAR image[TN_WIDE];
  char name[TN_OS_PATH];
  if (QueryFullProcessImageNameW(process, 0, image, &length) && tn_win_narrow(tn_win_last(image), name, sizeof name) == 0)
    snprintf(ret_process->name, room, "%.*s", (int)room - 1, name);
  CloseHandle(process);
}

/* Under Wine the id is Linux's, so that both sides of a shared file mean the same boot; Windows has none that all may read. */
int tn_os_boot_id(uint8_t ret_id[16]) {
  if (TN_FAULTED("boot_id") || !tn_win_is_wine()) return 0;
  HANDLE file =
      CreateFileW(L"\\\\?\\unix\\proc\\sys\\kernel\\random\\boot_id", GENERIC_READ, TN_SHARE_ALL, NULL, OPEN_EXISTING, 0, NULL);
  if (file == INVALID_HANDLE_VALUE) return 0;
  char text[40] = "";
  DWORD length = 0;
  BOOL read = ReadFile(file, text, sizeof text - 1, &length, NULL);
  CloseHandle(file);
  uint8_t id[16] = {0};
  int digits = 0;
  for (const char *c = text; read && *c && digits < 32; c++) {
    const char *hex = "0123456789abcdef", *digit = strchr(hex, *c);
    if (!digit) continue; /* the dashes */
    id[digits / 2] = (uint8_t)(id[digits / 2] << 4 | (digit - hex));
    digits++;
  }
  if (digits != 32) return 0;
  memcpy(ret_id, id, 16);
  return 1;
}

#ifdef TN_TESTING
void tn_self_kill(void) { TerminateProcess(GetCurrentProcess(), 9); }
void tn_self_stop(void) {} /* a process cannot stop itself here and be continued by another */
void tn_self_exit(int code) { TerminateProcess(GetCurrentProcess(), (UINT)code); }
#endif
