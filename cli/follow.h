/* cli/follow.h: following a map, a board or a stream: what is there, and then each change, for `watch` and `record`. */
#ifndef CLI_FOLLOW_H
#define CLI_FOLLOW_H

#include "cli.h"
#include "layout.h"

typedef struct cli_follow {
  /* Set by the caller before cli_follow_open. */
  const char *name;
  uint32_t kind;           /* TARN_KIND_ANY: whichever there is, and then that one */
  bool takes_part;         /* a channel's reader, which its writer may wait for; else an observer, which disturbs nobody */
  uint64_t from;           /* stream: where to begin */
  int64_t every_ns;        /* map: how often to look */
  uint64_t offset, length; /* map: the part to look at; length 0: to the end, wherever that is at the moment */
  const cli_layout *guard; /* map: what says that it is complete, or NULL; its offsets count from `offset` */

  /* What came last; valid until the next look. */
  const uint8_t *bytes;
  uint64_t size;
  const uint8_t *before; /* what was there before it */
  uint64_t before_size;  /* 0 at first */
  uint64_t number;       /* version, message; of a map: how many states have been seen */
  uint64_t missed, tag;
  int64_t time_ns;    /* Unix time at which it was published, else seen */
  bool published;     /* time_ns is the writer's */
  char type[1024];    /* board */
  uint64_t torn;      /* map: looks at which it was never complete */
  uint64_t map_bytes; /* map: all of it */

  /* Its own. */
  tarn_board *board;
  tarn_stream *stream;
  uint8_t *rooms[2];
  uint64_t capacities[2];
  int newest; /* which room has `bytes` */
  int64_t due_ns, torn_since_ns;
  bool told_torn;
} cli_follow;

/* Finds what the name leads to and joins it. wait_ns: how long to wait for the name. CLI_DONE or an exit code that was told. */
int cli_follow_open(cli_follow *follow, int64_t wait_ns);

/* Looks for at most timeout_ns (0: only at what is there now); *ret_news says whether something came. CLI_DONE or an exit code. */
int cli_follow_look(cli_follow *follow, int64_t timeout_ns, bool *ret_news);

void cli_follow_close(cli_follow *follow);

#endif
