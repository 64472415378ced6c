/* map_peer_windows.c: the foreign program is one that knows only what Windows offers. */
#include "map_peer.h"

check_process *peer_start(void) { return check_start_program(TEST_BUILD_DIR "\\test_proc_map_win32_windows.exe", NULL); }

/* Nobody can ask a section for its exact size: whole pages are what there is. */
uint64_t peer_size(uint64_t size_bytes) { return (size_bytes + 4095) / 4096 * 4096; }

bool peer_names_stay(void) { return false; }

void peer_choose_name(char *ret_name, size_t size) {
  snprintf(ret_name, size, "Local\\DataMap%016llx", (unsigned long long)check_random());
}
