/* windows_doctor.c: what of this system matters to shared memory: the file system of the directory, and where this process runs. */
#include "windows.h"

#include <tarn/doctor.h>

typedef struct listener {
  tn_finding_report *report;
  void *argument;
  int result;
} listener;

static void found(listener *to, int level, const char *topic, const char *advice, const char *text) {
  const tarn_finding finding = {sizeof finding, level, topic, text, advice};
  if (to->result == 0) to->result = to->report(&finding, to->argument);
}

/* Channels get their names by hard links, which FAT does not have. */
static void file_system(listener *to, const char *directory) {
  WCHAR wide[TN_WIDE], name[64] = L"";
  char narrow[128] = "", text[256];
  DWORD flags = 0;
  if (tn_win_wide(directory, wide, TN_WIDE) != 0) return;
  HANDLE folder = CreateFileW(wide, 0, TN_SHARE_ALL, NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
  if (folder == INVALID_HANDLE_VALUE) return;
  BOOL known = GetVolumeInformationByHandleW(folder, NULL, 0, NULL, NULL, &flags, name, 64);
  CloseHandle(folder);
  if (!known) return;
  tn_win_narrow(name, narrow, sizeof narrow);
  if (flags & FILE_SUPPORTS_HARD_LINKS) {
    snprintf(text, sizeof text, "the file system is %s, which has hard links", narrow);
    found(to, TARN_FINDING_OK, "file_system", "", text);
  } else if (!tn_win_is_wine()) { /* which has them, and does not say so */
    snprintf(text, sizeof text, "the file system is %s, which has no hard links: channels need them to be made", narrow);
    found(to, TARN_FINDING_PROBLEM, "file_system", "choose a directory on NTFS (TARN_DIR)", text);
  }
}

int tn_os_examine(const char *directory, tn_finding_report *report, void *argument) {
  listener to = {report, argument, 0};
  DWORD session = 0;
  char text[256];
  file_system(&to, directory);
  if (tn_win_is_wine())
    found(&to, TARN_FINDING_NOTE, "wine", "set TARN_DIR=/dev/shm to share channels with Linux programs",
          "this is Wine: programs of one prefix share the default directory");
  else if (ProcessIdToSessionId(GetCurrentProcessId(), &session)) {
    snprintf(text, sizeof text, "this process runs in session %lu; the default directory is this user's alone", (unsigned long)session);
    found(&to, TARN_FINDING_OK, "session", session == 0 ? "for a service and its users set one TARN_DIR for all" : "", text);
  }
  return to.result;
}
