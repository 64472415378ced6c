/* cli/system.c: the only file of the command that knows which system it is. See system.h for what each function promises. */
#ifndef _WIN32
#define _GNU_SOURCE
#endif
#include "system.h"

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#ifdef _WIN32
#include <windows.h>
/* after windows.h */
#include <io.h>
#include <shellapi.h>
#else
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <unistd.h>
#endif

enum { PIECE = 1 << 20 };

static volatile sig_atomic_t signal_seen;
/* The file under a temporary name, for the handler of faults: it may not allocate or search. */
static char unfinished[4352];

bool cli_interrupted(void) { return signal_seen != 0; }

static bool writes_on;

void cli_write_on(void) { writes_on = true; }

static void remember_unfinished(const char *path) { snprintf(unfinished, sizeof unfinished, "%s", path); }

const char *cli_environment(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

/* DIRECTORY/.NAME.RANDOM for a file beside DIRECTORY/NAME. */
static char *temporary_name(const char *destination, unsigned attempt) {
  const char *name = destination;
  for (const char *at = destination; *at; at++) {
    if (*at == '/' || *at == '\\') name = at + 1;
  }
  size_t room = strlen(destination) + 40;
  char *temporary = malloc(room);
  if (!temporary) return NULL;
  uint64_t random = (uint64_t)cli_now() * UINT64_C(0x9e3779b97f4a7c15) + attempt;
  snprintf(temporary, room, "%.*s.%s.%08x", (int)(name - destination), destination, name, (unsigned)(random >> 32));
  return temporary;
}

#ifdef _WIN32

static wchar_t *wide(const char *text) {
  int length = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
  wchar_t *result = length > 0 ? calloc((size_t)length, sizeof(wchar_t)) : NULL;
  if (!result) {
    errno = length > 0 ? ENOMEM : EINVAL;
    return NULL;
  }
  MultiByteToWideChar(CP_UTF8, 0, text, -1, result, length);
  return result;
}

static char *narrow(const wchar_t *text) {
  int length = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
  char *result = length > 0 ? malloc((size_t)length) : NULL;
  if (result) WideCharToMultiByte(CP_UTF8, 0, text, -1, result, length, NULL, NULL);
  return result;
}

static BOOL WINAPI on_control(DWORD event) {
  (void)event;
  if (signal_seen) return FALSE; /* the second time: the system ends us */
  signal_seen = SIGINT;
  return TRUE;
}

void cli_system_start(int *argc, char ***argv) {
  for (int i = 0; i < 3; i++) _setmode(i, _O_BINARY);
  SetConsoleCtrlHandler(on_control, TRUE);
  SetConsoleOutputCP(CP_UTF8);
  int count = 0;
  wchar_t **words = CommandLineToArgvW(GetCommandLineW(), &count);
  char **result = words ? calloc((size_t)count + 1, sizeof(char *)) : NULL;
  for (int i = 0; result && i < count; i++) {
    result[i] = narrow(words[i]);
    if (!result[i]) result = NULL;
  }
  if (result) *argc = count, *argv = result;
}

/* For cmd and PowerShell: in double quotes, where only a double quote and the backslashes before one need a backslash (as
 * CommandLineToArgvW has it); a path without a space needs none. */
bool cli_quote(char *room, size_t size, const char *text) {
  static const char apart[] = " \t\"&|<>^();,=`'$@{}#*?!";
  size_t used = 0, backslashes = 0;
  if (2 * strlen(text) + 3 > size) return false;
  if (*text && !text[strcspn(text, apart)]) return (size_t)snprintf(room, size, "%s", text) < size;
  room[used++] = '"';
  for (; *text; text++) {
    for (size_t i = *text == '"' ? backslashes + 1 : 0; i > 0; i--) room[used++] = '\\';
    backslashes = *text == '\\' ? backslashes + 1 : 0;
    room[used++] = *text;
  }
  for (; backslashes > 0; backslashes--) room[used++] = '\\';
  snprintf(room + used, size - used, "\"");
  return true;
}

void cli_system_end(int code) {
  if (code == CLI_PIPE_CLOSED) _exit(1);
  if (code == CLI_INTERRUPTED) _exit((int)0xC000013A); /* STATUS_CONTROL_C_EXIT */
  exit(code);
}

static int open_wide(const char *path, int flags, int mode) {
  wchar_t *name = wide(path);
  int descriptor = name ? _wopen(name, flags | _O_BINARY | _O_NOINHERIT, mode) : -1;
  int number = errno;
  free(name);
  errno = number;
  return descriptor;
}

int cli_open_read(const char *path) { return open_wide(path, _O_RDONLY, 0); }
int cli_open_write(const char *path) { return open_wide(path, _O_WRONLY, 0); }
int cli_open_again(const char *path) { return (void)path, -2; }

int cli_create(const char *path, bool replace) {
  return open_wide(path, _O_WRONLY | _O_CREAT | (replace ? _O_TRUNC : _O_EXCL), _S_IREAD | _S_IWRITE);
}

int cli_path_kind(const char *path) {
  wchar_t *name = wide(path);
  DWORD attributes = name ? GetFileAttributesW(name) : INVALID_FILE_ATTRIBUTES;
  free(name);
  if (attributes == INVALID_FILE_ATTRIBUTES) return _stricmp(path, "nul") == 0 ? CLI_PATH_OTHER : CLI_PATH_NOTHING;
  return attributes & (FILE_ATTRIBUTE_DEVICE | FILE_ATTRIBUTE_DIRECTORY) ? CLI_PATH_OTHER : CLI_PATH_REGULAR;
}

bool cli_regular(int descriptor, uint64_t *ret_left) {
  HANDLE file = (HANDLE)_get_osfhandle(descriptor);
  LARGE_INTEGER size;
  if (GetFileType(file) != FILE_TYPE_DISK || !GetFileSizeEx(file, &size)) return false;
  int64_t at = _telli64(descriptor);
  *ret_left = at < 0 || at > size.QuadPart ? 0 : (uint64_t)(size.QuadPart - at);
  return true;
}

int cli_make_beside(const char *path, char **ret_temporary, char **ret_destination) {
  char *destination = strdup(path);
  for (unsigned attempt = 0; destination && attempt < 100; attempt++) {
    char *temporary = temporary_name(destination, attempt);
    if (!temporary) break;
    int descriptor = open_wide(temporary, _O_WRONLY | _O_CREAT | _O_EXCL, _S_IREAD | _S_IWRITE);
    if (descriptor >= 0) {
      *ret_temporary = temporary;
      *ret_destination = destination;
      remember_unfinished(temporary);
      return descriptor;
    }
    free(temporary);
    if (errno != EEXIST) break;
  }
  int number = errno;
  free(destination);
  errno = number;
  return -1;
}

int cli_replace(const char *temporary, const char *destination) {
  wchar_t *from = wide(temporary), *to = wide(destination);
  BOOL done = from && to && MoveFileExW(from, to, MOVEFILE_REPLACE_EXISTING);
  DWORD error = GetLastError();
  free(from);
  free(to);
  if (done) return unfinished[0] = 0, 0;
  errno = error == ERROR_DISK_FULL ? ENOSPC : EACCES;
  return -1;
}

void cli_remove(const char *temporary) {
  wchar_t *name = wide(temporary);
  if (name) DeleteFileW(name);
  free(name);
  unfinished[0] = 0;
}

int cli_close(int descriptor) { return _close(descriptor); }

ptrdiff_t cli_read(int descriptor, void *room, size_t size) {
  if (signal_seen) return errno = EINTR, -1;
  ptrdiff_t got = _read(descriptor, room, (unsigned)(size < PIECE ? size : PIECE));
  return got < 0 && errno == EPIPE ? 0 : got; /* the other end of a pipe closed: that is the end of the file here */
}

ptrdiff_t cli_write(int descriptor, const void *bytes, size_t size) {
  if (signal_seen && !writes_on) return errno = EINTR, -1;
  ptrdiff_t put = _write(descriptor, bytes, (unsigned)(size < PIECE ? size : PIECE));
  /* a pipe whose reader has gone is EINVAL in this C library */
  if (put < 0 && errno == EINVAL && GetFileType((HANDLE)_get_osfhandle(descriptor)) == FILE_TYPE_PIPE) errno = EPIPE;
  return put;
}

bool cli_is_terminal(int descriptor) {
  DWORD mode;
  return GetConsoleMode((HANDLE)_get_osfhandle(descriptor), &mode) != 0;
}

bool cli_stdout_closed(void) { return false; }

void cli_terminal_size(int *ret_columns, int *ret_rows) {
  HANDLE console = GetStdHandle(STD_OUTPUT_HANDLE);
  CONSOLE_SCREEN_BUFFER_INFO info;
  DWORD mode;
  *ret_columns = 80, *ret_rows = 24;
  if (!GetConsoleScreenBufferInfo(console, &info)) return;
  *ret_columns = info.srWindow.Right - info.srWindow.Left + 1;
  *ret_rows = info.srWindow.Bottom - info.srWindow.Top + 1;
  if (GetConsoleMode(console, &mode)) SetConsoleMode(console, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
}

bool cli_set_environment(const char *name, const char *value) {
  wchar_t *wide_name = wide(name), *wide_value = wide(value);
  bool done = wide_name && wide_value && SetEnvironmentVariableW(wide_name, wide_value) && _putenv_s(name, value) == 0;
  free(wide_name);
  free(wide_value);
  return done;
}

bool cli_find_group(const char *name, uint32_t *ret_group) {
  (void)name;
  (void)ret_group;
  return false;
}

void cli_user_name(uint32_t user, char *room, size_t size) { snprintf(room, size, "%u", user); }

int64_t cli_now(void) {
  LARGE_INTEGER count, rate;
  QueryPerformanceCounter(&count);
  QueryPerformanceFrequency(&rate);
  return count.QuadPart / rate.QuadPart * 1000000000 + count.QuadPart % rate.QuadPart * 1000000000 / rate.QuadPart;
}

void cli_sleep(int64_t ns) {
  for (; ns > 0 && !signal_seen; ns -= 50000000) Sleep((DWORD)((ns < 50000000 ? ns : 50000000) / 1000000));
}

uint32_t cli_process(void) { return (uint32_t)GetCurrentProcessId(); }

int64_t cli_unix_now(void) {
  FILETIME now; /* in 100 ns since 1601 */
  GetSystemTimeAsFileTime(&now);
  int64_t ticks = (int64_t)((uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime);
  return (ticks - INT64_C(116444736000000000)) * 100;
}

static bool local_time(time_t seconds, struct tm *ret_tm) { return localtime_s(ret_tm, &seconds) == 0; }

#else

static void on_signal(int number) { signal_seen = number; }

/* A mapping was cut short under us: nothing can be finished, but nothing half-done may stay either. */
static void on_fault(int number) {
  static const char words[] = "tarn: it was cut short by another process while it was being read or written\n";
  (void)number;
  if (unfinished[0]) unlink(unfinished);
  ssize_t ignored = write(2, words, sizeof words - 1);
  (void)ignored;
  _exit(CLI_CORRUPT);
}

static void catch_signal(int number, void (*handler)(int), int flags) {
  struct sigaction action = {.sa_flags = flags}, before;
  action.sa_handler = handler;
  sigaction(number, NULL, &before);
  if (before.sa_handler == SIG_IGN && number == SIGHUP) return; /* nohup */
  sigaction(number, &action, NULL);
}

void cli_system_start(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  for (int i = 0; i < 3; i++) { /* a closed one must not become the number of a file we open; to use it is an error as before */
    if (fcntl(i, F_GETFD) < 0 && open("/dev/null", i == 0 ? O_WRONLY : O_RDONLY) < 0) _exit(CLI_OTHER);
  }
  /* no SA_RESTART: what blocks returns; SA_RESETHAND: the second Ctrl-C ends us at once */
  catch_signal(SIGINT, on_signal, (int)SA_RESETHAND);
  catch_signal(SIGTERM, on_signal, (int)SA_RESETHAND);
  catch_signal(SIGHUP, on_signal, (int)SA_RESETHAND);
  catch_signal(SIGBUS, on_fault, 0);
  signal(SIGPIPE, SIG_IGN); /* EPIPE instead: time to leave the channel properly */
  setvbuf(stderr, NULL, _IOLBF, BUFSIZ); /* whole lines, or those of two commands in a pipeline mix letter by letter */
}

bool cli_quote(char *room, size_t size, const char *text) {
  size_t used = 0;
  if (4 * strlen(text) + 3 > size) return false;
  room[used++] = '\'';
  for (; *text; text++) used += (size_t)snprintf(room + used, size - used, *text == '\'' ? "'\\''" : "%c", *text);
  snprintf(room + used, size - used, "'");
  return true;
}

void cli_system_end(int code) {
  if (code == CLI_INTERRUPTED || code == CLI_PIPE_CLOSED) {
    int number = code == CLI_PIPE_CLOSED ? SIGPIPE : signal_seen ? signal_seen : SIGINT;
    signal(number, SIG_DFL);
    raise(number);
    _exit(128 + number);
  }
  exit(code);
}

int cli_open_read(const char *path) { return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY); }
int cli_open_write(const char *path) { return open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY); }

int cli_open_again(const char *path) {
  static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
  if (strcmp(path, "/dev/stdout") == 0) return fcntl(1, F_DUPFD_CLOEXEC, 3);
  if (strcmp(path, "/dev/stderr") == 0) return fcntl(2, F_DUPFD_CLOEXEC, 3);
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
    size_t length = strlen(folders[i]);
    uint64_t number;
    if (strncmp(path, folders[i], length) == 0 && cli_parse_number(path + length, &number) && number < 1000000)
      return fcntl((int)number, F_DUPFD_CLOEXEC, 3);
  }
  return -2;
}

int cli_create(const char *path, bool replace) {
  return open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (replace ? O_TRUNC : O_EXCL), 0666);
}

int cli_path_kind(const char *path) {
  struct stat status;
  if (stat(path, &status)) return CLI_PATH_NOTHING;
  return S_ISREG(status.st_mode) ? CLI_PATH_REGULAR : CLI_PATH_OTHER;
}

bool cli_regular(int descriptor, uint64_t *ret_left) {
  struct stat status;
  if (fstat(descriptor, &status) || !S_ISREG(status.st_mode)) return false;
  off_t at = lseek(descriptor, 0, SEEK_CUR);
  *ret_left = at < 0 || at > status.st_size ? 0 : (uint64_t)(status.st_size - at);
  return true;
}

int cli_make_beside(const char *path, char **ret_temporary, char **ret_destination) {
  struct stat status;
  bool exists = stat(path, &status) == 0;
  char *destination = exists ? realpath(path, NULL) : strdup(path); /* a symbolic link stays one */
  for (unsigned attempt = 0; destination && attempt < 100; attempt++) {
    char *temporary = temporary_name(destination, attempt);
    if (!temporary) break;
    int descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0) {
      if (exists) fchmod(descriptor, status.st_mode & 0777); /* best effort: it may be another user's file system */
      *ret_temporary = temporary;
      *ret_destination = destination;
      remember_unfinished(temporary);
      return descriptor;
    }
    free(temporary);
    if (errno != EEXIST) break;
  }
  int number = errno;
  free(destination);
  errno = number;
  return -1;
}

int cli_replace(const char *temporary, const char *destination) {
  if (rename(temporary, destination)) return -1;
  unfinished[0] = 0;
  return 0;
}

void cli_remove(const char *temporary) {
  unlink(temporary);
  unfinished[0] = 0;
}

int cli_close(int descriptor) { return close(descriptor); }

ptrdiff_t cli_read(int descriptor, void *room, size_t size) {
  for (;;) {
    if (signal_seen) return errno = EINTR, -1;
    ssize_t got = read(descriptor, room, size < PIECE ? size : PIECE);
    if (got >= 0 || errno != EINTR) return got;
  }
}

ptrdiff_t cli_write(int descriptor, const void *bytes, size_t size) {
  for (;;) {
    if (signal_seen && !writes_on) return errno = EINTR, -1;
    ssize_t put = write(descriptor, bytes, size < PIECE ? size : PIECE);
    if (put >= 0 || errno != EINTR) return put;
  }
}

bool cli_is_terminal(int descriptor) { return isatty(descriptor) == 1; }

bool cli_stdout_closed(void) {
  struct pollfd end = {.fd = 1};
  return poll(&end, 1, 0) == 1 && end.revents & POLLERR;
}

static int number_from_environment(const char *name, int otherwise) {
  const char *text = cli_environment(name);
  int number = text ? atoi(text) : 0;
  return number > 0 && number < 10000 ? number : otherwise;
}

void cli_terminal_size(int *ret_columns, int *ret_rows) {
  struct winsize size;
  if (ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
    *ret_columns = size.ws_col;
    *ret_rows = size.ws_row;
  } else {
    *ret_columns = number_from_environment("COLUMNS", 80);
    *ret_rows = number_from_environment("LINES", 24);
  }
}

bool cli_set_environment(const char *name, const char *value) { return setenv(name, value, 1) == 0; }

bool cli_find_group(const char *name, uint32_t *ret_group) {
  const struct group *group = getgrnam(name);
  if (group) *ret_group = (uint32_t)group->gr_gid;
  return group != NULL;
}

void cli_user_name(uint32_t user, char *room, size_t size) {
  const struct passwd *entry = getpwuid((uid_t)user);
  if (entry) {
    snprintf(room, size, "%s", entry->pw_name);
  } else {
    snprintf(room, size, "%u", user);
  }
}

int64_t cli_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

uint32_t cli_process(void) { return (uint32_t)getpid(); }

int64_t cli_unix_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void cli_sleep(int64_t ns) {
  /* in pieces: a signal that came just before the sleep would not end it */
  for (; ns > 0 && !signal_seen; ns -= 50000000) {
    struct timespec piece = {0, (long)(ns < 50000000 ? ns : 50000000)};
    nanosleep(&piece, NULL);
  }
}

static bool local_time(time_t seconds, struct tm *ret_tm) { return localtime_r(&seconds, ret_tm) != NULL; }

#endif

void cli_time_words(int64_t unix_ns, char *room, size_t size) {
  struct tm when;
  if (!local_time((time_t)(unix_ns / 1000000000), &when) || !strftime(room, size, "%Y-%m-%d %H:%M:%S", &when)) {
    snprintf(room, size, "?");
  }
}
