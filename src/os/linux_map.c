/* linux_map.c: mappings.
 *
 * Unless they are to be inherited, mappings are left out of forked children (a copy would keep the open description, and with
 * it the locks, of a dead parent: linux_fork.c) and out of core dumps (writing them takes seconds in which the dying process
 * still holds its locks).
 *
 * Requests (huge pages, prefault, lock) are granted or not; that is said after looking, not after asking. Huge pages are
 * granted if the kernel really made the pages of this range huge. */
#include "linux.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

typedef struct want {
  int descriptor, protection, kind; /* as mmap takes them */
  uint64_t offset;
  size_t length;
  uint32_t flags; /* TN_OS_MAP_... */
} want;

/* ---- Huge pages ------------------------------------------------------------------------------------------------------ */

/* 0: the kernel has none. */
static size_t huge_size(void) {
  unsigned long size = 0;
  FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "re");
  if (!file) return 0;
  if (fscanf(file, "%lu", &size) != 1 || size > (1ul << 30)) size = 0;
  fclose(file);
  return (size_t)size;
}

/* Address space in which address and offset agree below the size of a huge page, which the kernel demands of both: take more
 * than needed, place the mapping in it, give back both ends. */
static void *map_aligned(const want *w, size_t huge) {
  size_t page = tn_os_capabilities()->granularity, length = (w->length + page - 1) / page * page;
  if (length > SIZE_MAX - huge) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  char *area = mmap(NULL, length + huge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (area == MAP_FAILED) return area;
  size_t before = (size_t)((w->offset - (uintptr_t)area) & (huge - 1));
  void *mapped = mmap(area + before, w->length, w->protection, w->kind | MAP_FIXED, w->descriptor, (off_t)w->offset);
  if (mapped == MAP_FAILED) {
    int kept = errno;
    munmap(area, length + huge);
    errno = kept;
    return mapped;
  }
  if (before) munmap(area, before);
  if (huge > before) munmap(area + before + length, huge - before);
  return mapped;
}

/* 1 if all whole huge pages of the range are huge now, and there is one. Asking for them is for later pages; collapsing makes
 * the ones that are there (or allocates them) at once, or says no. */
static bool make_huge(const want *w, char *address, size_t huge) {
  if (!huge) return false;
  size_t skip = (size_t)(-(uintptr_t)address & (huge - 1));
  if (w->length < skip || w->length - skip < huge) return false;
  size_t whole = (w->length - skip) / huge * huge;
  if (madvise(address, w->length, MADV_HUGEPAGE) != 0) return false;
  return madvise(address + skip, whole, MADV_COLLAPSE) == 0;
}

/* ---- Prefault -------------------------------------------------------------------------------------------------------- */

/* Before Linux 5.14. Reading only, and only what the file has: a write to a page for which there is no room would be a SIGBUS.
 */
static bool touch(const want *w, const char *address) {
  struct stat status;
  if (fstat(w->descriptor, &status) != 0 || (uint64_t)status.st_size < w->offset + w->length) return false;
  size_t page = tn_os_capabilities()->granularity;
  for (size_t at = 0; at < w->length; at += page) (void)*(const volatile char *)(address + at);
  return true;
}

static bool prefault(const want *w, void *address) {
  int how = w->protection & PROT_WRITE ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
  int result;
  if (TN_FAULTED("map.populate")) return touch(w, address);
  do result = madvise(address, w->length, how);
  while (result != 0 && (errno == EINTR || errno == EAGAIN));
  return result == 0 || (errno == EINVAL && touch(w, address));
}

/* ---- Mapping --------------------------------------------------------------------------------------------------------- */

static uint32_t grant(const want *w, void *address, size_t huge) {
  uint32_t granted = 0;
  if (w->flags & TN_OS_MAP_HUGE && make_huge(w, address, huge)) granted |= TN_OS_MAP_HUGE;
  if (w->flags & TN_OS_MAP_PREFAULT && prefault(w, address)) granted |= TN_OS_MAP_PREFAULT;
  if (w->flags & TN_OS_MAP_LOCK && mlock(address, w->length) == 0) granted |= TN_OS_MAP_LOCK;
  return granted;
}

/* Mapped and marked, MAP_FAILED with errno otherwise. Within the gate: a fork between the two steps would copy the mapping. */
static void *map_marked(const want *w, size_t huge) {
  void *address = huge ? map_aligned(w, huge) : mmap(NULL, w->length, w->protection, w->kind, w->descriptor, (off_t)w->offset);
  if (address == MAP_FAILED || w->flags & TN_OS_MAP_INHERIT) return address;
  if (madvise(address, w->length, MADV_DONTFORK) != 0) {
    int kept = errno;
    munmap(address, w->length);
    errno = kept;
    return MAP_FAILED;
  }
  madvise(address, w->length, MADV_DONTDUMP); /* without it a core dump is large and slow, and all is still right */
  return address;
}

int tn_os_map(const tn_os_file *file, uint64_t offset, uint64_t length, int access, uint32_t flags, void **ret_address,
              uint32_t *granted) {
  TN_FAULT("map");
  if (length == 0) return tn_linux_fail_words(TARN_E_INVALID, "a mapping has at least one byte");
  if (length > (uint64_t)PTRDIFF_MAX || offset > INT64_MAX - length)
    return tn_linux_fail_words(TARN_E_TOO_LARGE, "it does not fit the address space of a %u-bit process",
                               (unsigned)sizeof(void *) * 8);
  bool writes = access & TN_OS_WRITE || flags & TN_OS_MAP_COPY;
  want w = {.descriptor = (int)file->handle,
            .protection = writes ? PROT_READ | PROT_WRITE : PROT_READ,
            .kind = flags & TN_OS_MAP_COPY ? MAP_PRIVATE : MAP_SHARED,
            .offset = offset,
            .length = (size_t)length,
            .flags = flags};
  size_t huge = flags & TN_OS_MAP_HUGE ? huge_size() : 0;
  tn_linux_gate_begin();
  void *address = map_marked(&w, huge);
  tn_linux_gate_end();
  if (address == MAP_FAILED) return tn_linux_fail();
  uint32_t got = grant(&w, address, huge);
  if (granted) *granted = got;
  *ret_address = address;
  return 0;
}

void tn_os_unmap(void *address, uint64_t length) { munmap(address, (size_t)length); }

/* msync wants whole pages: from the start of the first one. */
int tn_os_flush(const void *address, uint64_t length) {
  TN_FAULT("flush");
  uintptr_t page = tn_os_capabilities()->granularity, start = (uintptr_t)address / page * page;
  size_t whole = (size_t)length + (size_t)((uintptr_t)address - start);
  if (length == 0) return 0;
  return msync((void *)start, whole, MS_SYNC) == 0 ? 0 : tn_linux_fail();
}
