/* cli/system_keys.c: see system_keys.h. One of the files that know which system it is. */
#include "system_keys.h"

#include "cli.h"
#include "system.h"

#include <string.h>

static const char enter[] = "\033[?1049h\033[?25l\033[?7l", leave[] = "\033[?7h\033[?25h\033[?1049l";
static bool is_begun;

#ifdef _WIN32

#include <windows.h>

static DWORD input_before, output_before;

bool cli_keys_begin(void) {
  HANDLE input = GetStdHandle(STD_INPUT_HANDLE), output = GetStdHandle(STD_OUTPUT_HANDLE);
  if (!GetConsoleMode(input, &input_before) || !GetConsoleMode(output, &output_before)) return false;
  if (!SetConsoleMode(output, output_before | ENABLE_VIRTUAL_TERMINAL_PROCESSING)) return false;
  SetConsoleMode(input, (input_before & ~(DWORD)(ENABLE_LINE_INPUT | ENABLE_ECHO_INPUT)) | ENABLE_PROCESSED_INPUT);
  fputs(enter, stdout);
  fflush(stdout);
  return is_begun = true;
}

void cli_keys_end(void) {
  if (!is_begun) return;
  is_begun = false;
  fputs(leave, stdout);
  fflush(stdout);
  SetConsoleMode(GetStdHandle(STD_INPUT_HANDLE), input_before);
  SetConsoleMode(GetStdHandle(STD_OUTPUT_HANDLE), output_before);
}

int cli_key(int64_t timeout_ns) {
  HANDLE input = GetStdHandle(STD_INPUT_HANDLE);
  for (int64_t end = cli_now() + timeout_ns, left; (left = end - cli_now()) > 0 && !cli_interrupted();) {
    int64_t piece = left < 50000000 ? left : 50000000;
    DWORD result = WaitForSingleObject(input, (DWORD)(piece / 1000000 + 1)), count = 0;
    if (result == WAIT_FAILED) return CLI_KEYS_OVER;
    INPUT_RECORD record;
    if (result != WAIT_OBJECT_0 || !ReadConsoleInputW(input, &record, 1, &count) || count == 0) continue;
    if (record.EventType == KEY_EVENT && record.Event.KeyEvent.bKeyDown && record.Event.KeyEvent.uChar.UnicodeChar != 0)
      return record.Event.KeyEvent.uChar.UnicodeChar;
  }
  return CLI_NO_KEY;
}

#else

#include <errno.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

static struct termios before;

bool cli_keys_begin(void) {
  const char *term = cli_environment("TERM");
  if (!term || strcmp(term, "dumb") == 0 || !cli_is_terminal(1) || tcgetattr(0, &before) != 0) return false;
  struct termios raw = before;
  raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  raw.c_cc[VSUSP] = raw.c_cc[VQUIT] = _POSIX_VDISABLE;
  if (tcsetattr(0, TCSADRAIN, &raw) != 0) return false;
  is_begun = true;
  fputs(enter, stdout);
  fflush(stdout);
  return true;
}

void cli_keys_end(void) {
  if (!is_begun) return;
  is_begun = false;
  fputs(leave, stdout);
  fflush(stdout);
  tcsetattr(0, TCSADRAIN, &before);
}

/* In pieces: a signal that came just before the wait would not end it. */
int cli_key(int64_t timeout_ns) {
  for (int64_t end = cli_now() + timeout_ns, left; (left = end - cli_now()) > 0 && !cli_interrupted();) {
    struct pollfd input = {.fd = 0, .events = POLLIN};
    int ready = poll(&input, 1, (int)((left < 50000000 ? left : 50000000) / 1000000 + 1));
    unsigned char key;
    if (ready < 0 && errno != EINTR) return CLI_KEYS_OVER;
    if (ready <= 0) continue;
    ssize_t got = read(0, &key, 1);
    if (got == 1) return key;
    if (got == 0 || errno != EINTR) return CLI_KEYS_OVER;
  }
  return CLI_NO_KEY;
}

#endif
