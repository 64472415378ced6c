/* fault.c: the test build's way to make a call of the seam fail and a process die at a named step (fault.h says how to ask).
 *
 * What a test wants is a *plan*: one name, from which time on, how often. A plan is never changed once it is in place, it is
 * replaced; only its tallies count on, and these are atomics. So any thread may ask at any time without a lock, and a process
 * that is killed, stopped or forked in the middle of asking leaves nothing locked. Replaced plans are kept, chained to the new
 * one: another thread may still be counting in one, and a test sets a few at most. */
#include "fault.h"

#include "../atomic.h"
#include "inside.h"
#include "tarn/base.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES = 256, NAME_ROOM = 64 };

typedef struct tally {
  _Atomic(const char *) name; /* a string constant; NULL: free from here on */
  tn_atomic64 count;
} tally;

typedef struct plan {
  struct plan *replaced;
  uint64_t nth, count;
  int code;
  char name[NAME_ROOM], action[8];
  void (*call)(void *argument); /* NULL: the action counts */
  void *argument;
  tn_atomic64 any; /* how many calls were asked about, whatever their name */
  tally tallies[NAMES];
} plan;

static _Atomic(plan *) fault_plan, point_plan;
static _Atomic int locks_lie;

_Noreturn static void misuse(const char *what, const char *value) {
  fprintf(stderr, "tarn test build: %s: %s\n", what, value);
  abort();
}

/* The tally of name, entered if it is new. */
static tn_atomic64 *tally_of(plan *in, const char *name) {
  for (int i = 0; i < NAMES; i++) {
    const char *there = tn_load_acquire(&in->tallies[i].name); /* [F1] pairs with the exchange [F1] below: the name's text */
    if (!there && tn_cas(&in->tallies[i].name, &there, name))  /* [F1] */
      return &in->tallies[i].count;
    if (strcmp(there, name) == 0) return &in->tallies[i].count;
  }
  misuse("more names of calls and steps than fault.c has room for", name);
}

static plan *plan_new(const char *name, uint64_t nth, uint64_t count, int code, const char *action) {
  plan *made = calloc(1, sizeof *made);
  if (!made) misuse("no memory for", name);
  if (strlen(name) >= sizeof made->name) misuse("the name is too long", name);
  if (strlen(action) >= sizeof made->action) misuse("no such action", action);
  memcpy(made->name, name, strlen(name));
  memcpy(made->action, action, strlen(action));
  made->nth = nth;
  made->count = count;
  made->code = code;
  return made;
}

static void plan_put(_Atomic(plan *) *where, plan *made) {
  plan *there = tn_load_acquire(where); /* [F2] */
  do made->replaced = there;
  while (!tn_cas(where, &there, made)); /* [F2] release: a whole plan before its address. Pairs with the loads [F2] */
}

/* The parts of NAME:N[:REST]; REST "" if it is not there. */
static void parse(const char *variable, const char *text, char name[NAME_ROOM], uint64_t *nth, const char **rest) {
  const char *colon = strchr(text, ':');
  if (!colon || colon == text || colon - text >= NAME_ROOM) misuse(variable, text);
  memcpy(name, text, (size_t)(colon - text));
  name[colon - text] = 0;
  char *end;
  *nth = strtoull(colon + 1, &end, 10);
  if (end == colon + 1 || *nth == 0 || (*end && *end != ':')) misuse(variable, text);
  *rest = *end ? end + 1 : end;
}

static plan *fault_from_environment(void) {
  const char *text = getenv("TARN_TEST_FAULT"), *rest = "";
  char name[NAME_ROOM] = "", *end;
  uint64_t nth = 0, count = 1;
  if (text && *text) {
    parse("TARN_TEST_FAULT", text, name, &nth, &rest);
    if (*rest) {
      count = strtoull(rest, &end, 10);
      if (*end) misuse("TARN_TEST_FAULT", text);
    }
  }
  return plan_new(name, nth, count, 0, "");
}

static void check_action(const char *action) {
  static const char *const known[] = {"kill", "stop", "exit", "hold"};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(action, known[i]) == 0) return;
  misuse("no such action at a step (kill, stop, exit, hold)", action);
}

static plan *point_from_environment(void) {
  const char *text = getenv("TARN_TEST_POINT"), *rest = "";
  char name[NAME_ROOM] = "";
  uint64_t nth = 0;
  if (text && *text) {
    parse("TARN_TEST_POINT", text, name, &nth, &rest);
    check_action(rest);
  }
  return plan_new(name, nth, 1, 0, rest);
}

/* The plan in place; the first to ask reads the environment. */
static plan *plan_now(_Atomic(plan *) *where, plan *(*from_environment)(void)) {
  plan *there = tn_load_acquire(where); /* [F2] */
  if (there) return there;
  plan *made = from_environment();
  if (tn_cas(where, &there, made)) return made; /* [F2] */
  free(made);
  return there;
}

static plan *fault_now(void) { return plan_now(&fault_plan, fault_from_environment); }
static plan *point_now(void) { return plan_now(&point_plan, point_from_environment); }

/* Is this the time, counted from 1, that the plan is about? */
static bool due(const plan *p, uint64_t time) { return time >= p->nth && (p->count == 0 || time - p->nth < p->count); }

int tn_fault(const char *call) {
  plan *p = fault_now();
  uint64_t time = tn_add_relaxed(tally_of(p, call), 1) + 1; /* relaxed: a count, it orders nothing */
  bool whole = !strchr(call, '.');
  uint64_t any = whole ? tn_add_relaxed(&p->any, 1) + 1 : 0; /* relaxed: as above */
  if (!p->name[0]) return 0;
  if (strcmp(p->name, "*") == 0) return whole && due(p, any);
  return strcmp(p->name, call) == 0 && due(p, time);
}

void tn_fault_set(const char *call, uint64_t nth, uint64_t count, int code) {
  if (call && *call && nth == 0) misuse("calls are counted from 1", call);
  plan_put(&fault_plan, plan_new(call ? call : "", nth, count, code, ""));
}

uint64_t tn_fault_count(const char *call) {
  plan *p = fault_now();
  return tn_load_relaxed(strcmp(call, "*") == 0 ? &p->any : tally_of(p, call)); /* relaxed: a count, it orders nothing */
}

int tn_fault_code(const char *call) {
  static const struct {
    const char *call;
    int code;
  } fitting[] = {{"reserve", TARN_E_NO_SPACE},  {"make", TARN_E_NO_SPACE},      {"truncate", TARN_E_NO_SPACE},
                 {"map", TARN_E_NO_SPACE},      {"open", TARN_E_PERMISSION},    {"trusted", TARN_E_PERMISSION},
                 {"remove", TARN_E_PERMISSION}, {"still_ours", TARN_E_EVICTED}, {"locks_conflict", TARN_E_UNSUPPORTED},
                 {"full_path", TARN_E_INVALID}, {"sleep", TARN_WOKEN},          {"event_wait", TARN_TIMED_OUT}};
  const plan *p = fault_now();
  if (p->code) return p->code;
  for (size_t i = 0; i < sizeof fitting / sizeof *fitting; i++)
    if (strcmp(fitting[i].call, call) == 0) return fitting[i].code;
  return TARN_E_SYSTEM;
}

int tn_fault_end(const char *call) {
  char text[NAME_ROOM + 40];
  snprintf(text, sizeof text, "the test wanted tn_os_%s to fail", call);
  tn_reason_set(0, text);
  return tn_fault_code(call);
}

void tn_fault_locks_never_conflict(int on) { tn_store_release(&locks_lie, on); /* [F3] with the load [F3]: a flag by itself */ }
int tn_fault_locks_conflict(void) { return !tn_load_acquire(&locks_lie); /* [F3] */ }

/* Through stdio on both sides, as the harness talks, so that neither takes what the other has buffered. */
static void hold(const char *name) {
  printf("at %s\n", name);
  fflush(stdout);
  int c;
  do c = getchar();
  while (c != '\n' && c != EOF);
}

void tn_point(const char *name) {
  plan *p = point_now();
  uint64_t time = tn_add_relaxed(tally_of(p, name), 1) + 1; /* relaxed: a count, it orders nothing */
  if (p->call && strcmp(p->name, name) == 0) p->call(p->argument);
  if (time != p->nth || strcmp(p->name, name) != 0) return;
  if (strcmp(p->action, "kill") == 0) tn_self_kill();
  if (strcmp(p->action, "stop") == 0) tn_self_stop();
  if (strcmp(p->action, "exit") == 0) tn_self_exit(3);
  if (strcmp(p->action, "hold") == 0) hold(name);
}

void tn_point_set(const char *name, uint64_t nth, const char *action) {
  bool some = name && *name;
  if (some) check_action(action);
  plan_put(&point_plan, plan_new(some ? name : "", nth, 1, 0, some ? action : ""));
}

void tn_point_call(const char *name, void (*call)(void *argument), void *argument) {
  plan *made = plan_new(name, 0, 0, 0, "");
  made->call = call;
  made->argument = argument;
  plan_put(&point_plan, made);
}

uint64_t tn_point_count(const char *name) {
  return tn_load_relaxed(tally_of(point_now(), name)); /* relaxed: a count, it orders nothing */
}
