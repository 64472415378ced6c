/* linux_wait.c: sleeping until a shared word changes, waking whoever sleeps, and the barrier that spares publishers a fence.
 *
 * The futex is a shared one (no FUTEX_PRIVATE_FLAG): the kernel finds it by file and offset, so that processes with different
 * addresses, and read-only mappings, meet. Timeouts are relative: the kernel measures them on the monotonic clock.
 */
#include "linux.h"

#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { NS_IN_MS = 1000000 };
#define NS_IN_S INT64_C(1000000000)

/* ---- Beds: there is nothing to set up for a futex -------------------------------------------------------------------- */

int tn_os_bed_make(tn_os_bed *ret_bed, const uint8_t identity[16], uint32_t slot) {
  TN_FAULT("bed_make");
  (void)identity, (void)slot;
  ret_bed->event = -1;
  return 0;
}

void tn_os_bed_unmake(tn_os_bed *bed) { bed->event = -1; }

/* ---- Sleeping and waking --------------------------------------------------------------------------------------------- */

/* The system call's own timespec: two words of the machine, whatever the C library's time_t is. */
typedef struct futex_time {
  long seconds, nanoseconds;
} futex_time;

static futex_time futex_time_of(int64_t ns) {
  int64_t seconds = ns / NS_IN_S;
  if (seconds > LONG_MAX) seconds = LONG_MAX;
  return (futex_time){(long)seconds, (long)(ns % NS_IN_S)};
}

int tn_os_sleep(tn_os_bed *bed, const _Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns) {
  TN_FAULT("sleep");
  (void)bed;
  futex_time timeout = futex_time_of(timeout_ns < 0 ? 0 : timeout_ns);
  if (syscall(SYS_futex, word, FUTEX_WAIT, expected, timeout_ns < 0 ? NULL : &timeout, NULL, 0) == 0) return 0;
  if (errno == EAGAIN) return 0; /* the word differed */
  if (errno == EINTR) return TARN_WOKEN;
  /* Besides a timeout: the page is gone (the file was cut short). The caller's next look says so; until then do not spin. */
  if (errno != ETIMEDOUT) tn_os_pause(timeout_ns >= 0 && timeout_ns < NS_IN_MS ? timeout_ns : NS_IN_MS);
  return TARN_TIMED_OUT;
}

int tn_os_wake(const _Atomic uint32_t *word, int count) {
  if (TN_FAULTED("wake")) return 0;
  long woken = syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
  return woken > 0 ? (int)woken : 0;
}

void tn_os_wake_slot(void **cache, const uint8_t identity[16], uint32_t slot) { (void)cache, (void)identity, (void)slot; }
void tn_os_wake_forget(void **cache) { *cache = NULL; }

uint32_t tn_os_wake_domain(void) { return 0; }

/* ---- The barrier ----------------------------------------------------------------------------------------------------- */

/* Joining is remembered with the life it was done in: a child joins for itself (the kernel is not asked to promise that a
 * registration survives fork). */
int tn_os_barrier_join(void) {
  static tn_atomic32 joined_in, refused_in; /* lives: each life is numbered from 1 */
  if (TN_FAULTED("barrier_join")) return 0;
  uint32_t life = tn_os_life();
  if (tn_load_relaxed(&joined_in) == life) return 1;  /* relaxed: the kernel keeps the fact, this only remembers it */
  if (tn_load_relaxed(&refused_in) == life) return 0; /* relaxed: as above */
  bool joined = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
  tn_store_relaxed(joined ? &joined_in : &refused_in, life); /* relaxed: as above */
  return joined;
}

int tn_os_barrier(void) {
  if (TN_FAULTED("barrier")) return 0;
  return syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0;
}

/* ---- Events ---------------------------------------------------------------------------------------------------------- */

int tn_os_event_make(intptr_t *ret_event) {
  TN_FAULT("event_make");
  int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (descriptor < 0) return tn_linux_fail();
  *ret_event = descriptor;
  return 0;
}

/* EAGAIN: the counter is at its end, so it is set already. */
void tn_os_event_set(intptr_t event) {
  uint64_t one = 1;
  while (write((int)event, &one, sizeof one) < 0 && errno == EINTR) {}
}

/* EAGAIN: it was clear. */
void tn_os_event_clear(intptr_t event) {
  uint64_t count;
  while (read((int)event, &count, sizeof count) < 0 && errno == EINTR) {}
}

int tn_os_event_wait(intptr_t event, int64_t timeout_ns) {
  TN_FAULT("event_wait");
  struct pollfd entry = {.fd = (int)event, .events = POLLIN};
  int64_t start = tn_os_now();
  for (;;) {
    int64_t left = timeout_ns < 0 ? 0 : timeout_ns - (tn_os_now() - start);
    if (left < 0) left = 0;
    struct timespec timeout = {.tv_sec = (time_t)(left / NS_IN_S), .tv_nsec = (long)(left % NS_IN_S)};
    int ready = ppoll(&entry, 1, timeout_ns < 0 ? NULL : &timeout, NULL);
    if (ready > 0) return 0;
    if (ready == 0) return TARN_TIMED_OUT;
    if (errno != EINTR) return tn_linux_fail();
  }
}

void tn_os_event_close(intptr_t event) {
  if (event >= 0) close((int)event);
}
