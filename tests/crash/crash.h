/* crash.h: kills or stops a process at a named step (TN_POINT) of its life and looks at what the others find.
 *
 * For any kind of channel. A kind brings a table of points, functions that prepare a channel and judge what happened
 * (crash_kind), and roles for the processes (check.h): a *victim* lives a life in which the point is reached, *survivors* sit
 * on the same channel, mostly blocked, and after the death a fresh *checker* looks at what is there. All say stamped lines:
 *
 *   WORD NANOSECONDS NUMBER TAG          crash_say(); the clock is the same for all processes of a machine
 *
 * One run: a fresh name; kind->prepare; the victim starts and dies at the point (or the run fails). Nobody waits for the
 * victim, so it is a zombie while the others find out. An independent prober watches the kernel's locks through a description
 * of its own and notes when the dead one's are free: from then on the living have CRASH_PROMISE_NS. If they came too late in a
 * run in which a thread that does nothing but sleep for 5 ms, here or in a survivor, overslept by 20 ms, or a process's first
 * thread was ready and not let run for 20 ms, the machine was late and the run is repeated and counted. Whoever does not run cannot
 * say so: before a run fails, each survivor has answered that its first thread does not wait for its turn. Whether what is found is right
 * is judged in every run.
 *
 * $TARN_CRASH_RUNS says how many runs a row has; TARN_CRASH_POINT=NAME runs the rows of one point.
 */
#ifndef CRASH_H
#define CRASH_H

#include "check.h"
#include "layout.h"
#include "os/os.h"

#define CRASH_PROMISE_NS INT64_C(100000000)
#define CRASH_PATIENCE_NS INT64_C(20000000000) /* longer than anything that does not hang */

enum { CRASH_SURVIVORS = 4, CRASH_LINES = 65536 };

/* A line that a process said. */
typedef struct crash_line {
  char word[16];
  int64_t at_ns;
  uint64_t number, tag;
} crash_line;

/* A helper process and everything it has said so far. Lines below count do not change. */
typedef struct crash_teller {
  check_process *process;
  intptr_t thread;
  crash_line *lines;
  tn_atomic32 count, ended; /* ended: its end of the pipe is closed, which the kernel does at its death */
  int64_t ended_ns;
} crash_teller;

typedef struct crash_point {
  const char *name;   /* of a TN_POINT; several rows may have the same */
  const char *role;   /* the role that the victim plays */
  const char *scenes; /* "k3 s1": letters are the kind's; after each, how many times at least the point is reached there */
  const char *holds; /* what the kernel holds for a process that is stopped here: 'u' users shared, 'x' users exclusively, 's' a
                         slot, 'w' the writer's byte; '?' differs; other letters are the kind's */
} crash_point;

struct crash_kind;

typedef struct crash_run {
  const struct crash_kind *kind;
  const crash_point *point;
  char scene;
  uint64_t time; /* the victim dies or stops when it reaches the point for this time */
  const char *action;
  uint32_t number;       /* of the run in its row */
  char name[600];        /* as the library is given it */
  char path[TN_OS_PATH]; /* of the channel's file, for tn_os_ functions */
  int survivor_count;
  crash_teller survivors[CRASH_SURVIVORS];
  crash_teller victim;
  int64_t released_ns; /* the prober found the victim's locks free */
  char why[256];       /* what judge found wrong */
} crash_run;

typedef struct crash_kind {
  const char *word;   /* "board" */
  const char *suffix; /* of its files */
  const crash_point *points;
  int (*on_disk)(char scene); /* 1: this scene needs a file on a disk, 0 one in memory, -1 either will do */
  /* Found the channel, start the survivors (crash_start) and wait until they are ready. In the test's process, which has left
   * the channel when it returns. */
  void (*prepare)(crash_run *run);
  /* What the victim's role is to be told: up to 4 arguments, NULL at the end. May set TARN_TEST_FAULT for it. */
  void (*arguments)(const crash_run *run, const char *ret_arguments[5]);
  /* After the release: 1 when everybody who was blocked on the dead one has had the answer, by run->released_ns +
   * CRASH_PROMISE_NS; 0 not yet; -1 it came too late or was wrong (run->why). Called again and again until it says something
   * else than 0. */
  int (*judge)(crash_run *run);
  /* Start the checker (or several), wait for it, look at the survivors. */
  void (*check)(crash_run *run);
  /* When the victim has been stopped for 2 s; released_ns is the time at which it was found standing still. */
  void (*stopped)(crash_run *run);
  /* Nobody is left: is the name gone, or can it be removed? What is left in the directory is looked at by the harness. */
  void (*after)(crash_run *run);
} crash_kind;

/* ---- Tests ------------------------------------------------------------------------------------------------------------ */

/* SIGKILL at every point of the kind's table. */
void crash_kill_all(const crash_kind *kind);
/* SIGSTOP at every point, many at the same time, each on a channel of its own, for 2 s; then SIGCONT. */
void crash_stop_all(const crash_kind *kind);

/* A fresh name and path in memory or on a disk. */
void crash_name(crash_run *run, int on_disk);

/* ---- Helper processes --------------------------------------------------------------------------------------------------- */

/* Collect what process says from now on. */
void crash_attend(crash_teller *teller, check_process *process);
/* check_start(role, name, a, b), attended, one more survivor. */
crash_teller *crash_survivor(crash_run *run, const char *role, const char *a, const char *b);
/* The first line with this word from index `from` on, waiting for it for up to timeout_ns; NULL: none. */
const crash_line *crash_heard(crash_teller *teller, const char *word, uint32_t from, int64_t timeout_ns);
/* The last such line so far; NULL: none. */
const crash_line *crash_last(const crash_teller *teller, const char *word);
/* 1 if it said such a line after from_ns and not after to_ns. */
int crash_said_between(const crash_teller *teller, const char *word, int64_t from_ns, int64_t to_ns);
/* Tell it "end", wait for its end: its exit code, or -signal. */
int crash_end(crash_teller *teller);
/* The same, without a word: for the dead and those that end by themselves. */
int crash_bury(crash_teller *teller);

/* A failure that says which run it was. */
_Noreturn void crash_fail(const crash_run *run, const char *format, ...) CHECK_PRINTF(2, 3);

/* ---- In roles ----------------------------------------------------------------------------------------------------------- */

void crash_say(const char *word, uint64_t number, uint64_t tag);

/* A thread hears what the test says: at "end" (or the end of the input) it sets the flag and calls wake until crash_deafen. */
typedef struct crash_ears {
  tn_atomic32 end, deaf;
  void (*wake)(void *argument);
  void *argument;
  intptr_t thread;
} crash_ears;
void crash_listen(crash_ears *ears);
void crash_deafen(crash_ears *ears); /* after the end was heard: the thread is gone when this returns */

/* How long a survivor that writes until it is told to end pauses after so many messages: half a millisecond, and 10 where a run takes long
 * because the machine is slow, so that its messages stay within the tags and lines that there are. */
static inline int64_t crash_pace(uint64_t messages) { return messages < 2048 ? 500000 : 10000000; }

/* Bytes that say whether they are complete: a pattern of tag and size, different in every word. */
void crash_fill(void *data, uint64_t size, uint64_t tag);
/* 1 if all bytes are those of crash_fill. */
int crash_whole(const void *data, uint64_t size, uint64_t tag);

/* ---- Looking at the kernel's locks -------------------------------------------------------------------------------------- */

/* What the kernel holds for others than the survivors: letters as in crash_point.holds. "" also when there is no such file. */
void crash_locks(const crash_run *run, char ret_letters[8]);
/* 1 if one of the survivors is the writer. */
int crash_survivors_write(const crash_run *run);

#endif
