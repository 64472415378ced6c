/* check_windows.c: processes, directories and time for the test harness, on Windows. */
#include <fcntl.h>
#include <io.h>
#include <windows.h>

#include "check.h"
#include "check_system.h"

enum { KILLED = 9 }; /* the exit code that stands for "killed from outside": check_wait makes -9 of it */

static char self[CHECK_PATH];
static wchar_t self_wide[CHECK_PATH];

static wchar_t *widen(const char *text) {
  int length = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
  wchar_t *wide = calloc((size_t)length + 1, sizeof *wide);
  if (!wide) abort();
  MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, length);
  return wide;
}

static void narrow(const wchar_t *wide, char *ret_text, int room) {
  if (!WideCharToMultiByte(CP_UTF8, 0, wide, -1, ret_text, room, NULL, NULL)) ret_text[0] = 0;
}

void check_os_prepare(void) {
  _setmode(_fileno(stdin), _O_BINARY);
  _setmode(_fileno(stdout), _O_BINARY);
  _setmode(_fileno(stderr), _O_BINARY);
  SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX); /* a crash is an exit code, not a window */
  GetModuleFileNameW(NULL, self_wide, CHECK_PATH);
  narrow(self_wide, self, CHECK_PATH);
}

const char *check_os_self(void) { return self; }

void check_os_exit(int code) {
  fflush(stdout); /* not all: another thread may sit in a read of stdin and hold its lock */
  fflush(stderr);
  _exit(code);
}

int64_t check_now(void) {
  LARGE_INTEGER frequency, now;
  QueryPerformanceFrequency(&frequency);
  QueryPerformanceCounter(&now);
  int64_t seconds = now.QuadPart / frequency.QuadPart, rest = now.QuadPart % frequency.QuadPart;
  return seconds * INT64_C(1000000000) + rest * INT64_C(1000000000) / frequency.QuadPart;
}

void check_sleep(int64_t ns) { Sleep((DWORD)((ns + 999999) / 1000000)); }

uint64_t check_os_seed(void) {
  LARGE_INTEGER now;
  QueryPerformanceCounter(&now);
  return (uint64_t)now.QuadPart ^ (uint64_t)GetCurrentProcessId() << 32;
}

/* ---- Directories --------------------------------------------------------------------------------------------------------- */

char check_os_separator(void) { return '\\'; }

bool check_os_make_directory(char ret_path[CHECK_PATH], bool on_disk) {
  static unsigned made;
  wchar_t base[CHECK_PATH], path[CHECK_PATH + 64];
  DWORD length = GetEnvironmentVariableW(on_disk ? L"CHECK_DISK_DIR" : L"CHECK_DIR", base, CHECK_PATH - 1);
  if (length == 0 || length >= CHECK_PATH - 1) length = GetTempPathW(CHECK_PATH - 1, base);
  while (length && (base[length - 1] == L'\\' || base[length - 1] == L'/')) base[--length] = 0;
  for (unsigned tries = 0; tries < 100; tries++) {
    swprintf(path, CHECK_PATH + 64, L"%ls\\tarn-check-%lu-%u", base, (unsigned long)GetCurrentProcessId(), made++);
    if (CreateDirectoryW(path, NULL)) {
      narrow(path, ret_path, CHECK_PATH);
      return true;
    }
    if (GetLastError() != ERROR_ALREADY_EXISTS) break;
  }
  fprintf(stderr, "no directory can be made in %ls: error %lu\n", base, (unsigned long)GetLastError());
  return false;
}

static void remove_tree(const wchar_t *path) {
  wchar_t pattern[CHECK_PATH + 512];
  WIN32_FIND_DATAW entry;
  swprintf(pattern, CHECK_PATH + 512, L"%ls\\*", path);
  HANDLE search = FindFirstFileW(pattern, &entry);
  for (BOOL more = search != INVALID_HANDLE_VALUE; more; more = FindNextFileW(search, &entry)) {
    if (wcscmp(entry.cFileName, L".") == 0 || wcscmp(entry.cFileName, L"..") == 0) continue;
    swprintf(pattern, CHECK_PATH + 512, L"%ls\\%ls", path, entry.cFileName);
    if (entry.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY && !(entry.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT))
      remove_tree(pattern);
    else if (!DeleteFileW(pattern))
      RemoveDirectoryW(pattern);
  }
  if (search != INVALID_HANDLE_VALUE) FindClose(search);
  if (!RemoveDirectoryW(path)) fprintf(stderr, "%ls is left behind: error %lu\n", path, (unsigned long)GetLastError());
}

void check_os_remove_directory(const char *path) {
  wchar_t *wide = widen(path);
  remove_tree(wide);
  free(wide);
}

/* ---- Starting ------------------------------------------------------------------------------------------------------------ */

/* One argument as the C runtime takes it apart again: backslashes count double before a quote. */
static wchar_t *quote(wchar_t *out, const wchar_t *argument) {
  *out++ = L'"';
  for (size_t slashes = 0;; argument++) {
    if (*argument == L'\\') {
      slashes++;
      *out++ = L'\\';
      continue;
    }
    if (*argument == L'"' || *argument == 0)
      for (; slashes; slashes--) *out++ = L'\\';
    slashes = 0;
    if (*argument == 0) break;
    if (*argument == L'"') *out++ = L'\\';
    *out++ = *argument;
  }
  *out++ = L'"';
  *out++ = L' ';
  return out;
}

static wchar_t *command_line(const char *const *argv) {
  size_t room = 1;
  for (size_t i = 0; argv[i]; i++) room += 2 * strlen(argv[i]) + 4;
  wchar_t *line = calloc(room, sizeof *line), *end = line;
  if (!line) abort();
  for (size_t i = 0; argv[i]; i++) {
    wchar_t *argument = widen(argv[i]);
    end = quote(end, argument);
    free(argument);
  }
  end[-1] = 0;
  return line;
}

/* Sets the variables, and puts back what was there. The C runtime's own copy, which getenv reads, does not change. */
static void exchange_variables(const check_start_of *what, wchar_t **kept, bool restore) {
  for (size_t i = 0; i < what->variable_count; i++) {
    wchar_t *name = widen(what->variables[i].name);
    if (restore) {
      SetEnvironmentVariableW(name, kept[i]);
      free(kept[i]);
    } else {
      DWORD length = GetEnvironmentVariableW(name, NULL, 0);
      kept[i] = length ? calloc(length, sizeof *kept[i]) : NULL;
      if (kept[i]) GetEnvironmentVariableW(name, kept[i], length);
      wchar_t *value = what->variables[i].value ? widen(what->variables[i].value) : NULL;
      SetEnvironmentVariableW(name, value);
      free(value);
    }
    free(name);
  }
}

static bool launch(const check_start_of *what, HANDLE input, HANDLE output, DWORD flags, PROCESS_INFORMATION *ret_process) {
  STARTUPINFOW startup = {.cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES};
  startup.hStdInput = input;
  startup.hStdOutput = output;
  startup.hStdError = GetStdHandle(STD_ERROR_HANDLE);
  SetHandleInformation(startup.hStdError, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
  wchar_t *line = command_line(what->argv);
  wchar_t **kept = calloc(what->variable_count + 1, sizeof *kept);
  if (!kept) abort();
  exchange_variables(what, kept, false);
  BOOL started = FALSE;
  DWORD error = ERROR_INTERNAL_ERROR; /* Wine says this now and then when many start and end at once: the next attempt succeeds */
  for (int tries = 0; !started && error == ERROR_INTERNAL_ERROR && tries < 20; tries++) {
    if (tries > 0) Sleep(10);
    started = CreateProcessW(NULL, line, NULL, NULL, TRUE, flags, NULL, NULL, &startup, ret_process);
    error = GetLastError();
  }
  exchange_variables(what, kept, true);
  free(kept);
  free(line);
  if (!started) fprintf(stderr, "%s cannot be started: error %lu\n", what->argv[0], (unsigned long)error);
  return started;
}

static int code_of(HANDLE process) {
  DWORD code = 0;
  GetExitCodeProcess(process, &code);
  if (code == KILLED) return -9;
  if (code == 0xC0000005u) return -11; /* access violation */
  if (code >= 0xC0000000u) return -6;  /* another exception */
  return (int)code;
}

/* ---- The runner's side ------------------------------------------------------------------------------------------------------ */

static HANDLE make_job(void) {
  HANDLE job = CreateJobObjectW(NULL, NULL);
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
  limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE; /* also if this runner is killed */
  SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits);
  return job;
}

static void end_everything(HANDLE job) {
  JOBOBJECT_BASIC_ACCOUNTING_INFORMATION left = {.ActiveProcesses = 1};
  TerminateJobObject(job, KILLED);
  for (int tries = 0; tries < 5000 && left.ActiveProcesses; tries++) {
    if (!QueryInformationJobObject(job, JobObjectBasicAccountingInformation, &left, sizeof left, NULL)) break;
    if (left.ActiveProcesses) Sleep(1);
  }
  CloseHandle(job);
}

int check_os_run(const check_start_of *what, int64_t limit_ns) {
  SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
  HANDLE nothing = CreateFileW(L"NUL", GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherited, OPEN_EXISTING, 0, NULL);
  HANDLE output = GetStdHandle(STD_OUTPUT_HANDLE);
  SetHandleInformation(output, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
  HANDLE job = make_job();
  PROCESS_INFORMATION process;
  bool started = launch(what, nothing, output, CREATE_SUSPENDED, &process);
  CloseHandle(nothing);
  if (!started) return CloseHandle(job), CHECK_CODE_FAILED;
  AssignProcessToJobObject(job, process.hProcess);
  ResumeThread(process.hThread);
  int code = CHECK_OVERTIME;
  if (WaitForSingleObject(process.hProcess, (DWORD)(limit_ns / 1000000)) == WAIT_OBJECT_0) code = code_of(process.hProcess);
  end_everything(job);
  CloseHandle(process.hThread);
  CloseHandle(process.hProcess);
  return code;
}

/* ---- Helpers ------------------------------------------------------------------------------------------------------------------ */

bool check_os_spawn(check_child *ret_child, const check_start_of *what) {
  SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
  HANDLE in[2], out[2];
  if (!CreatePipe(&in[0], &in[1], &inherited, 0)) return false;
  if (!CreatePipe(&out[0], &out[1], &inherited, 0)) return CloseHandle(in[0]), CloseHandle(in[1]), false;
  SetHandleInformation(in[1], HANDLE_FLAG_INHERIT, 0);
  SetHandleInformation(out[0], HANDLE_FLAG_INHERIT, 0);
  PROCESS_INFORMATION process;
  bool started = launch(what, in[0], out[1], 0, &process);
  CloseHandle(in[0]);
  CloseHandle(out[1]);
  if (!started) return CloseHandle(in[1]), CloseHandle(out[0]), false;
  CloseHandle(process.hThread);
  *ret_child = (check_child){(intptr_t)process.hProcess, (intptr_t)in[1], (intptr_t)out[0], (int)process.dwProcessId};
  return true;
}

size_t check_os_read(check_child *child, void *buffer, size_t size) {
  DWORD got = 0;
  return ReadFile((HANDLE)child->output, buffer, (DWORD)size, &got, NULL) ? got : 0;
}

bool check_os_write(check_child *child, const void *data, size_t size) {
  DWORD put = 0;
  return WriteFile((HANDLE)child->input, data, (DWORD)size, &put, NULL) && put == size;
}

void check_os_close_input(check_child *child) {
  if (child->input != -1) CloseHandle((HANDLE)child->input);
  child->input = -1;
}

void check_os_kill(check_child *child) { TerminateProcess((HANDLE)child->process, KILLED); }
bool check_os_can_stop(void) { return false; }
void check_os_stop(check_child *child) { (void)child; }
bool check_os_await_stop(check_child *child) { return (void)child, false; }
void check_os_continue(check_child *child) { (void)child; }

int check_os_wait(check_child *child) {
  check_os_close_input(child);
  char unwanted[4096];
  HANDLE process = (HANDLE)child->process, output = (HANDLE)child->output;
  for (DWORD wait = 0; WaitForSingleObject(process, wait) == WAIT_TIMEOUT;) {
    DWORD there = 0, got = 0;
    bool open = PeekNamedPipe(output, NULL, 0, NULL, &there, NULL);
    if (open && there) ReadFile(output, unwanted, there < sizeof unwanted ? there : (DWORD)sizeof unwanted, &got, NULL);
    wait = !open ? INFINITE : there ? 0 : 5;
  }
  int code = code_of(process);
  CloseHandle(output);
  CloseHandle(process);
  return code;
}
