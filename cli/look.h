/* cli/look.h: channels and maps as ls, stat, top, check, clean and rm tell of them: the same words and the same JSON everywhere. */
#ifndef CLI_LOOK_H
#define CLI_LOOK_H

#include "cli.h"

/* The number of what these commands print as JSON: docs/json.md. It changes when something there changes its meaning or goes. */
enum { CLI_SCHEMA = 1, CLI_MOST_PARTICIPANTS = 2046, CLI_SENTENCE = 600 };

/* Everything about one channel or map. */
typedef struct cli_look {
  tarn_details details;
  tarn_participant *participants;
  uint32_t count;
  int64_t now_ns; /* Unix time of the look */
} cli_look;

int cli_look_at(cli_look *, const char *name, uint32_t kind); /* a result of the library; to be ended in any case */
void cli_look_end(cli_look *);

/* What is in a directory. */
typedef struct cli_listing {
  tarn_entry *entries;
  size_t count, capacity;
  uint32_t kind; /* only these; 0: all */
  bool channels; /* no maps, nothing damaged, closed or half-made: only what can be looked at, and other processes are not asked */
} cli_listing;

int cli_list(cli_listing *, const char *directory); /* a result of the library; entries are to be freed in any case */

/* ---- Words ---------------------------------------------------------------------------------------------------------------- */

const char *cli_state_words(const tarn_entry *);
/* "send 12, recv 34, and 3 more"; stopped ones say so, a process of another PID namespace is (12). */
void cli_users_words(const tarn_entry *, char *room, size_t size);
/* "recv (process 34)" */
void cli_participant_words(const tarn_participant *, char *room, size_t size);
const char *cli_doing_words(const tarn_participant *);
/* "3 for 2 s to 5 s": how many it holds, and for how long. least_ns: what the caller knows besides, 0 nothing. */
void cli_held_words(const cli_look *, const tarn_participant *, int64_t least_ns, char *room, size_t size);
/* Bounds of it; -1: not known. */
void cli_held_bounds(const cli_look *, const tarn_participant *, int64_t least_ns, int64_t *ret_least, int64_t *ret_most);
int64_t cli_age_of(const cli_look *, int64_t then_ns); /* how long ago that was when it was looked at; 0 for what cannot be */
/* Which writer waits for room, for how long, and for whom: one sentence. False: none does. */
bool cli_blocked_words(const cli_look *, char *room, size_t size);

int cli_width_of(const char *text); /* on the screen, printed safely */
void cli_print_padded(const char *text, int width);

/* ---- JSON ----------------------------------------------------------------------------------------------------------------- */

void cli_json_text(const char *name, const char *text); /* ,"name":"text" */
void cli_json_flag(const char *name, bool value);
void cli_json_number(const char *name, uint64_t value);
void cli_json_time(const char *name, int64_t ns); /* null if negative */
void cli_json_entry(const tarn_entry *); /* {"schema":1,"name":... without its end */
void cli_json_look(const cli_look *);    /* a whole line */

/* stat_prometheus.c */
void cli_prometheus(const cli_look *looks, size_t count);

#endif
