/* map_peer.h: a foreign program that knows nothing of Tarn and uses the same memory: Python's shared_memory on Linux, a program
 * that calls CreateFileMapping and OpenFileMapping on Windows. Told what to do line by line, it answers each with a line:
 *
 *   create NAME SIZE    "ok SIZE": what it sees      write OFFSET TEXT     "ok"
 *   open NAME           "ok SIZE" or "none"          read OFFSET LENGTH    TEXT
 *   close               "ok"                         remove                "ok": the name is gone (Linux)
 */
#ifndef MAP_PEER_H
#define MAP_PEER_H

#include "check.h"

check_process *peer_start(void);         /* skips the test if there is none */
uint64_t peer_size(uint64_t size_bytes); /* what a foreign program, or Tarn of a foreign map, sees of so many bytes */
bool peer_names_stay(void);              /* names outlive those who have them open */
void peer_choose_name(char *ret_name, size_t size); /* one that nobody else on this machine uses */

#endif
