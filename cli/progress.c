/* cli/progress.c: how far it is, for a person who waits: only on a terminal, only beyond 64 MiB, ten times a second at most. */
#include "cli.h"

#include "system.h"

enum { WORTH_SHOWING = 64 << 20, INTERVAL_NS = 100000000 };

void cli_progress_start(cli_progress *progress, uint64_t total, bool quiet) {
  *progress = (cli_progress){.total = total};
  progress->wanted = !quiet && (total == 0 || total > WORTH_SHOWING) && cli_is_terminal(2);
}

void cli_progress_add(cli_progress *progress, uint64_t bytes) {
  progress->done += bytes;
  if (!progress->wanted || (progress->total == 0 && progress->done <= WORTH_SHOWING)) return;
  int64_t now = cli_now();
  if (progress->visible && now - progress->shown_ns < INTERVAL_NS) return;
  progress->shown_ns = now;
  progress->visible = true;
  char done[CLI_WORDS], total[CLI_WORDS];
  if (progress->total) {
    double percent = 100.0 * (double)progress->done / (double)progress->total;
    fprintf(stderr, "\r\033[K%3.0f %%  %s of %s", percent, cli_size_words(progress->done, done),
            cli_size_words(progress->total, total));
  } else {
    fprintf(stderr, "\r\033[K%s", cli_size_words(progress->done, done));
  }
  fflush(stderr);
}

void cli_progress_end(cli_progress *progress) {
  if (progress->visible) fputs("\r\033[K", stderr);
  fflush(stderr);
  progress->visible = false;
}
