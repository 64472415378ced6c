/* map_peer_linux.c: the foreign program is Python. */
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "map_peer.h"

/* Python's names are always in /dev/shm, so Tarn's must be there too. As root the test has one of its own. */
check_process *peer_start(void) {
  static bool prepared;
  unsetenv("TARN_DIR");
  if (!prepared && unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
    (void)!mount("none", "/dev/shm", "tmpfs", 0, "size=16m");
  prepared = true;
  if (system("python3 -c 'import multiprocessing.shared_memory' 2>/dev/null") != 0) check_skip("no Python with shared_memory");
  return check_start_program("python3", TEST_SOURCE_DIR "/tests/proc/map_peer.py", NULL);
}

uint64_t peer_size(uint64_t size_bytes) { return size_bytes; }

bool peer_names_stay(void) { return true; }

void peer_choose_name(char *ret_name, size_t size) {
  snprintf(ret_name, size, "tarn-foreign-%016llx", (unsigned long long)check_random());
}
