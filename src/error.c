/* error.c: code -> name, and the thread's last failure in words. */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <tarn/base.h>

#include "os/os.h"

enum { NUMBER_SIZE = 32, NUMBERS = 4 };

static _Thread_local char text[TN_SENTENCE];

int tn_fail(int code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char sentence[TN_SENTENCE]; /* an argument may point into text */
  vsnprintf(sentence, sizeof sentence, format, arguments);
  va_end(arguments);
  snprintf(text, sizeof text, "%s", sentence);
  return code;
}

const char *tarn_error_text(void) {
  return text;
}

void tn_error_keep(char ret_sentence[TN_SENTENCE]) {
  snprintf(ret_sentence, TN_SENTENCE, "%s", text);
}

void tn_error_put_back(const char sentence[TN_SENTENCE]) {
  snprintf(text, sizeof text, "%s", sentence);
}

const char *tn_bytes(unsigned long long bytes) {
  static _Thread_local char buffers[NUMBERS][NUMBER_SIZE];
  static _Thread_local unsigned next;
  static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  char *buffer = buffers[next++ % NUMBERS];
  unsigned unit = 0;
  unsigned long long whole = bytes, rest = 0;
  while (whole >= 1024 && unit < 6) {
    rest = whole % 1024;
    whole /= 1024;
    unit++;
  }
  if (rest * 10 / 1024 > 0 && whole < 100)
    snprintf(buffer, NUMBER_SIZE, "%llu.%llu %s", whole, rest * 10 / 1024, units[unit]);
  else
    snprintf(buffer, NUMBER_SIZE, "%llu %s", whole, units[unit]);
  return buffer;
}

/* The seam's own words (they have no number of the system) say what is needed and what there is, or that it is a limit of this process. */
void tn_room_words(char *words, size_t size, uint64_t need, uint64_t room) {
  const char *advice = "; free some room, or enlarge what is full (for /dev/shm: mount -o remount,size=...)";
  if (tn_os_reason_number() == 0)
    snprintf(words, size, "%s%s", tn_os_reason(), room < need ? advice : "");
  else if (room == UINT64_MAX)
    snprintf(words, size, "%s are needed (%s)%s", tn_bytes(need), tn_os_reason(), advice);
  else
    snprintf(words, size, "%s are needed, %s are free (%s)%s", tn_bytes(need), tn_bytes(room), tn_os_reason(), advice);
}

const char *tarn_result_name(int result) {
  static const struct {
    int code;
    const char *name;
  } names[] = {
      {0, "TARN_OK"},
      {TARN_EMPTY, "TARN_EMPTY"},
      {TARN_FULL, "TARN_FULL"},
      {TARN_TIMED_OUT, "TARN_TIMED_OUT"},
      {TARN_WOKEN, "TARN_WOKEN"},
      {TARN_NO_WRITER, "TARN_NO_WRITER"},
      {TARN_BUSY, "TARN_BUSY"},
      {TARN_E_INVALID, "TARN_E_INVALID"},
      {TARN_E_NOT_FOUND, "TARN_E_NOT_FOUND"},
      {TARN_E_EXISTS, "TARN_E_EXISTS"},
      {TARN_E_KIND, "TARN_E_KIND"},
      {TARN_E_MISMATCH, "TARN_E_MISMATCH"},
      {TARN_E_PERMISSION, "TARN_E_PERMISSION"},
      {TARN_E_NO_SPACE, "TARN_E_NO_SPACE"},
      {TARN_E_NO_SLOT, "TARN_E_NO_SLOT"},
      {TARN_E_TOO_LARGE, "TARN_E_TOO_LARGE"},
      {TARN_E_CORRUPT, "TARN_E_CORRUPT"},
      {TARN_E_VERSION, "TARN_E_VERSION"},
      {TARN_E_UNSUPPORTED, "TARN_E_UNSUPPORTED"},
      {TARN_E_FORKED, "TARN_E_FORKED"},
      {TARN_E_EVICTED, "TARN_E_EVICTED"},
      {TARN_E_SYSTEM, "TARN_E_SYSTEM"},
  };
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (names[i].code == result)
      return names[i].name;
  return "TARN_E_unknown";
}

#define TEXT_OF(number) #number
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *tarn_version(void) {
  return VERSION_TEXT(TARN_VERSION_MAJOR, TARN_VERSION_MINOR, TARN_VERSION_PATCH);
}
