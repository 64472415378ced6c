/* windows_wake.c: beds, sleeping and waking, and events.
 *
 * No word can be waited on by two processes here. So each sleeper has a bed: an auto-reset event named by the channel's
 * identity and the sleeper's slot, which whoever wakes opens by that name and sets. The event stays set until somebody sleeps
 * in it, so a wake between the sleeper's look at the word and its sleep is not lost; one that was set for a slot's former owner
 * costs a sleeper one more look.
 *
 * The names are in "Global\", which processes of all sessions see and all may make events in. Everyone may set them: the name
 * is 128 random bits that only those know who may read the channel, and all that a wake does is make somebody look. Where even
 * that is not allowed, the session's own names serve; then other sessions' wakes are lost, and cost a slice (wait.c).
 *
 * Two processes can wake each other if they have these names in common: all of a machine (domain 1), under Wine those of one
 * server, of which there is one for each prefix.
 */
#include "windows.h"

#include <sddl.h>

enum { SLOTS = 2048 };

typedef struct beds {
  uint8_t identity[16];
  HANDLE event[SLOTS];
} beds;

/* ---- Beds ------------------------------------------------------------------------------------------------------------ */

static void event_name(WCHAR *ret_name, size_t room, const WCHAR *space, const uint8_t identity[16], uint32_t slot) {
  WCHAR hex[33];
  for (int i = 0; i < 16; i++) swprintf(hex + 2 * i, 3, L"%02x", (unsigned)identity[i]);
  swprintf(ret_name, room, L"%lstarn-%ls-%u", space, hex, slot);
}

static HANDLE open_event(const uint8_t identity[16], uint32_t slot) {
  WCHAR name[100];
  SECURITY_ATTRIBUTES attributes = {sizeof attributes, NULL, FALSE};
  static const DWORD rights = EVENT_MODIFY_STATE | SYNCHRONIZE;
  if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(L"D:(A;;0x100002;;;WD)(A;;GA;;;OW)", SDDL_REVISION_1,
                                                            &attributes.lpSecurityDescriptor, NULL))
    return NULL;
  event_name(name, 100, L"Global\\", identity, slot);
  HANDLE event = CreateEventExW(&attributes, name, 0, rights);
  if (!event) {
    event_name(name, 100, L"Local\\", identity, slot);
    event = CreateEventExW(&attributes, name, 0, rights);
  }
  LocalFree(attributes.lpSecurityDescriptor);
  return event;
}

int tn_os_bed_make(tn_os_bed *ret_bed, const uint8_t identity[16], uint32_t slot) {
  TN_FAULT("bed_make");
  HANDLE event = open_event(identity, slot);
  if (!event) return tn_win_failed();
  ret_bed->event = (intptr_t)event;
  return 0;
}

void tn_os_bed_unmake(tn_os_bed *bed) {
  if (bed->event) CloseHandle(tn_win_handle(bed->event));
  bed->event = 0;
}

/* ---- Sleeping -------------------------------------------------------------------------------------------------------- */

/* Whole milliseconds, upward: a sleeper that wakes too early would spin through the rest. */
static DWORD milliseconds(int64_t timeout_ns) {
  if (timeout_ns < 0) return INFINITE;
  int64_t ms = timeout_ns / 1000000 + (timeout_ns % 1000000 != 0);
  return ms >= INT32_MAX ? INT32_MAX : (DWORD)ms;
}

/* Without a bed: look every millisecond. */
static int doze(const _Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns) {
  int64_t end = timeout_ns < 0 ? INT64_MAX : tn_os_now() + timeout_ns;
  for (;;) {
    if (*word != expected) return 0;
    if (tn_os_now() >= end) return TARN_TIMED_OUT;
    Sleep(1);
  }
}

int tn_os_sleep(tn_os_bed *bed, const _Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns) {
  TN_FAULT("sleep");
  if (*word != expected) return 0;
  if (!bed || bed->event == 0) return doze(word, expected, timeout_ns);
  DWORD answer = WaitForSingleObject(tn_win_handle(bed->event), milliseconds(timeout_ns));
  if (answer == WAIT_OBJECT_0) return 0;
  return answer == WAIT_TIMEOUT ? TARN_TIMED_OUT : tn_win_failed();
}

/* ---- Waking ---------------------------------------------------------------------------------------------------------- */

int tn_os_wake(const _Atomic uint32_t *word, int count) {
  (void)word, (void)count;
  return 0;
}

void tn_os_wake_slot(void **cache, const uint8_t identity[16], uint32_t slot) {
  beds *known = *cache;
  if (TN_FAULTED("wake_slot") || slot >= SLOTS) return;
  if (known && memcmp(known->identity, identity, 16) != 0) {
    tn_os_wake_forget(cache);
    known = NULL;
  }
  if (!known) {
    known = calloc(1, sizeof *known);
    if (!known) return; /* the sleeper looks again at the end of its slice */
    memcpy(known->identity, identity, 16);
    *cache = known;
  }
  if (!known->event[slot]) known->event[slot] = open_event(identity, slot);
  if (known->event[slot]) SetEvent(known->event[slot]);
}

void tn_os_wake_forget(void **cache) {
  beds *known = *cache;
  if (!known) return;
  for (int i = 0; i < SLOTS; i++)
    if (known->event[i]) CloseHandle(known->event[i]);
  free(known);
  *cache = NULL;
}

/* Wine: one server a prefix and boot, so the number comes from both: the boot's id and the file that C:\windows is. */
static uint32_t wine_domain(void) {
  struct {
    uint8_t boot[16];
    uint64_t device, inode;
  } place = {{0}, 0, 0};
  tn_os_boot_id(place.boot);
  HANDLE handle = CreateFileW(L"\\\\?\\C:\\windows", FILE_READ_ATTRIBUTES, TN_SHARE_ALL, NULL, OPEN_EXISTING,
                              FILE_FLAG_BACKUP_SEMANTICS, NULL);
  if (handle != INVALID_HANDLE_VALUE) {
    tn_win_identity(handle, &place.device, &place.inode);
    CloseHandle(handle);
  }
  uint32_t hash = UINT32_C(2166136261); /* FNV-1a */
  for (size_t i = 0; i < sizeof place; i++) hash = (hash ^ ((const uint8_t *)&place)[i]) * UINT32_C(16777619);
  return hash | UINT32_C(0x80000000); /* never 0, which is Linux, nor 1 */
}

uint32_t tn_os_wake_domain(void) {
  static _Atomic uint32_t known; /* every thread finds the same, so order does not matter */
  uint32_t domain = known;
  if (domain == 0) {
    domain = tn_win_is_wine() ? wine_domain() : 1;
    known = domain;
  }
  return domain;
}

/* FlushProcessWriteBuffers reaches the threads of this process only. */
int tn_os_barrier_join(void) { return (void)TN_FAULTED("barrier_join"), 0; }
int tn_os_barrier(void) { return (void)TN_FAULTED("barrier"), 0; }

/* ---- Events of one process ------------------------------------------------------------------------------------------- */

int tn_os_event_make(intptr_t *ret_event) {
  TN_FAULT("event_make");
  HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
  if (!event) return tn_win_failed();
  *ret_event = (intptr_t)event;
  return 0;
}

void tn_os_event_set(intptr_t event) { SetEvent(tn_win_handle(event)); }
void tn_os_event_clear(intptr_t event) { ResetEvent(tn_win_handle(event)); }
void tn_os_event_close(intptr_t event) { CloseHandle(tn_win_handle(event)); }

int tn_os_event_wait(intptr_t event, int64_t timeout_ns) {
  TN_FAULT("event_wait");
  DWORD answer = WaitForSingleObject(tn_win_handle(event), milliseconds(timeout_ns));
  if (answer == WAIT_OBJECT_0) return 0;
  return answer == WAIT_TIMEOUT ? TARN_TIMED_OUT : tn_win_failed();
}
