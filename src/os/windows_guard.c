/* windows_guard.c: exceptions in mappings, for those who asked for it.
 *
 * A page that cannot be read in from its file is EXCEPTION_IN_PAGE_ERROR. Windows does not let a file be made shorter than a view of
 * it; Wine cannot keep Linux programs from it, and then reports an access violation in a page that by its protection could be
 * touched. Both are taken; an access violation that the protection explains is a mistake of the program and is left alone.
 *
 * A part of a view cannot be replaced: the whole view goes, and memory takes its address. Between the two another thread could
 * get the address; then the exception goes on its way. */
#include "windows.h"

#include "../atomic.h"

static SRWLOCK catch_lock = SRWLOCK_INIT; /* only whoever has it touches the two */
static unsigned catches;
static PVOID registered;
static _Atomic(tn_fault_catcher *) catcher;

/* Could this page be touched so, if its content were there? */
static int allowed(ULONG_PTR address, ULONG_PTR how) {
  enum { WRITES = PAGE_READWRITE | PAGE_WRITECOPY, READS = WRITES | PAGE_READONLY };
  MEMORY_BASIC_INFORMATION page;
  if (VirtualQuery((const void *)address, &page, sizeof page) == 0) return 0;
  if (page.State != MEM_COMMIT || page.Type != MEM_MAPPED) return 0;
  return how == 0 ? (page.Protect & READS) != 0 : how == 1 && (page.Protect & WRITES) != 0;
}

static LONG CALLBACK on_exception(EXCEPTION_POINTERS *pointers) {
  const EXCEPTION_RECORD *record = pointers->ExceptionRecord;
  tn_fault_catcher *catch = tn_load_acquire(&catcher); /* [O4] */
  if (!catch || record->NumberParameters < 2) return EXCEPTION_CONTINUE_SEARCH;
  const ULONG_PTR *what = record->ExceptionInformation;
  int gone = record->ExceptionCode == (DWORD)EXCEPTION_IN_PAGE_ERROR ||
             (record->ExceptionCode == (DWORD)EXCEPTION_ACCESS_VIOLATION && allowed(what[1], what[0]));
  DWORD kept = GetLastError();
  int caught = gone && catch((const void *)what[1]);
  SetLastError(kept);
  return caught ? EXCEPTION_CONTINUE_EXECUTION : EXCEPTION_CONTINUE_SEARCH;
}

int tn_os_faults_catch(tn_fault_catcher *catch) {
  TN_FAULT("faults_catch");
  int result = 0;
  AcquireSRWLockExclusive(&catch_lock);
  if (!registered && !(registered = AddVectoredExceptionHandler(1, on_exception))) result = tn_win_failed();
  if (result == 0) {
    catches++;
    tn_store_release(&catcher, catch); /* [O4] with the load in the handler */
  }
  ReleaseSRWLockExclusive(&catch_lock);
  return result;
}

void tn_os_faults_release(void) {
  AcquireSRWLockExclusive(&catch_lock);
  if (catches > 0 && --catches == 0) {
    tn_store_release(&catcher, NULL); /* [O4] */
    RemoveVectoredExceptionHandler(registered);
    registered = NULL;
  }
  ReleaseSRWLockExclusive(&catch_lock);
}

uint64_t tn_os_replace(void *base, uint64_t length, uint64_t from, uint64_t end) {
  (void)from, (void)end;
  if (!UnmapViewOfFile(base)) return UINT64_MAX;
  return VirtualAlloc(base, (SIZE_T)length, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) == base ? 0 : UINT64_MAX;
}
