/* cli/system_bench.h: what the benchmark needs from the system. On a system where it cannot be had, functions fail with ENOSYS. */
#ifndef CLI_SYSTEM_BENCH_H
#define CLI_SYSTEM_BENCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Keep this process on the index-th of the processors it may use. */
void cli_pin(int index);
/* On the index-th that is not the other-th; on that where there is but one. */
void cli_pin_apart(int index, int other);

/* A second process, a copy of this one, that runs body and ends with its result. Handles of Tarn's do not come along. */
bool cli_start_peer(intptr_t *ret_peer, int (*body)(void *), void *argument);
int cli_wait_peer(intptr_t peer);
/* As if somebody killed this process now. */
void cli_die(void);

void cli_futex_wait(_Atomic uint32_t *word, uint32_t seen, int64_t timeout_ns);
void cli_futex_wake(_Atomic uint32_t *word);

/* Where the cursors of the readers in slots 1 to count of a stream lie (docs/format.md): an exit code. They stay mapped. */
int cli_bench_cursors(const char *stream, uint32_t count, uint64_t **ret_cursors);

/* A directory in memory of this process's own. */
bool cli_make_bench_directory(char *ret_path, size_t size);
void cli_remove_bench_directory(const char *path);

#endif
