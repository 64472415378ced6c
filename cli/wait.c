/* cli/wait.c: a time limit that is waited for in pieces: Ctrl-C that comes just before the library blocks is noticed after one. */
#include "cli.h"

#include "system.h"

enum { PIECE_NS = 100000000 };

cli_limit cli_limit_from(int64_t timeout_ns) {
  if (timeout_ns == TARN_FOREVER) return (cli_limit){TARN_FOREVER};
  int64_t now = cli_now();
  return (cli_limit){timeout_ns > INT64_MAX - now ? INT64_MAX : now + timeout_ns};
}

int64_t cli_limit_piece(cli_limit limit) {
  if (limit.end_ns == TARN_FOREVER) return PIECE_NS;
  int64_t left = limit.end_ns - cli_now();
  return left <= 0 ? 0 : left < PIECE_NS ? left : PIECE_NS;
}
