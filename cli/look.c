/* cli/look.c: looking at one thing or at all of a directory, and the words for what was seen. */
#include "look.h"

#include "system.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int cli_look_at(cli_look *look, const char *name, uint32_t kind) {
  *look = (cli_look){.details.struct_size = sizeof look->details};
  uint32_t room = 64;
  for (;;) {
    tarn_participant *more = realloc(look->participants, room * sizeof *more);
    if (!more) return TARN_E_SYSTEM;
    look->participants = more;
    int result = tarn_inspect(name, (int)kind, &look->details, look->participants, room);
    look->now_ns = cli_unix_now();
    if (result) return result;
    look->count = look->details.participant_count < room ? look->details.participant_count : room;
    if (look->details.participant_count <= room || room >= CLI_MOST_PARTICIPANTS) return 0;
    room = CLI_MOST_PARTICIPANTS;
  }
}

void cli_look_end(cli_look *look) {
  free(look->participants);
  look->participants = NULL;
  look->count = 0;
}

static int gather(const tarn_entry *entry, void *argument) {
  cli_listing *all = argument;
  if (cli_interrupted()) return TARN_WOKEN;
  if (all->kind && entry->kind != all->kind) return 0;
  if (all->channels && (entry->flags & (TARN_ENTRY_DAMAGED | TARN_ENTRY_CLOSED))) return 0;
  if (all->count == all->capacity) {
    size_t larger = all->capacity ? all->capacity * 2 : 64;
    tarn_entry *moved = realloc(all->entries, larger * sizeof *moved);
    if (!moved) return TARN_E_SYSTEM;
    all->entries = moved;
    all->capacity = larger;
  }
  all->entries[all->count++] = *entry;
  return 0;
}

int cli_list(cli_listing *all, const char *directory) {
  return all->channels ? tarn_list_channels(directory, gather, all) : tarn_list(directory, gather, all);
}

/* ---- Words ---------------------------------------------------------------------------------------------------------------- */

/* Adds to what is in room; what does not fit is left out. */
static void add(char *room, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void add(char *room, size_t size, const char *format, ...) {
  size_t used = strlen(room);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(room + used, size - used, format, arguments);
  va_end(arguments);
}

static const char *map_words(const tarn_entry *entry) {
  if (!(entry->flags & TARN_ENTRY_KEPT)) return entry->flags & TARN_ENTRY_IN_USE ? "in use" : "left over";
  if (!(entry->flags & TARN_ENTRY_SEEN)) return "-";
  if (entry->flags & TARN_ENTRY_IN_USE) return "seen in use";
  return entry->flags & TARN_ENTRY_HIDDEN ? "unknown" : "nobody seen";
}

const char *cli_state_words(const tarn_entry *entry) {
  bool used = entry->flags & TARN_ENTRY_IN_USE, kept = entry->flags & TARN_ENTRY_KEPT;
  if (entry->flags & TARN_ENTRY_DAMAGED) return "damaged";
  if (entry->flags & TARN_ENTRY_TEMPORARY) return used ? "being made" : "half-made";
  if (entry->kind == TARN_KIND_MAP && !(entry->flags & TARN_ENTRY_CLOSED)) return map_words(entry);
  if (entry->flags & TARN_ENTRY_CLOSED) return used ? "not readable, seen in use" : "not readable";
  if (used) return kept ? "in use, kept" : "in use";
  return kept ? "kept" : "left over";
}

static void name_process(uint32_t process, bool same_space, bool stopped, const char *command, char *room, size_t size) {
  if (command[0]) add(room, size, "%s ", command);
  add(room, size, same_space ? "%u" : "(%u)", process);
  if (stopped) add(room, size, " stopped");
}

void cli_users_words(const tarn_entry *entry, char *room, size_t size) {
  uint32_t shown = entry->user_count < 3 ? entry->user_count : 3;
  room[0] = 0;
  for (uint32_t i = 0; i < shown; i++) {
    const tarn_user *user = &entry->users[i];
    if (i) add(room, size, ", ");
    name_process(user->process, user->same_space, user->stopped, user->command, room, size);
  }
  if (entry->user_count > shown) add(room, size, ", and %u more", entry->user_count - shown);
  if (!entry->user_count && entry->kind != TARN_KIND_MAP && (entry->flags & TARN_ENTRY_IN_USE) && !(entry->flags & TARN_ENTRY_TEMPORARY))
    add(room, size, "observers");
}

void cli_participant_words(const tarn_participant *p, char *room, size_t size) {
  snprintf(room, size, "%s (process %u%s)", p->command[0] ? p->command : p->role == TARN_WRITER ? "a writer" : "a reader", p->process,
           p->same_space ? "" : " of another PID namespace");
}

const char *cli_doing_words(const tarn_participant *p) {
  if (!p->alive) return "dead";
  if (p->stopped) return "stopped";
  return p->waiting == 1 ? "waiting for news" : p->waiting == 2 ? "waiting for room" : "running";
}

/* Times that values carry are their writer's word: they may lie ahead, or be nonsense. */
int64_t cli_age_of(const cli_look *look, int64_t then_ns) { return then_ns > 0 && then_ns < look->now_ns ? look->now_ns - then_ns : 0; }

void cli_held_bounds(const cli_look *look, const tarn_participant *p, int64_t least_ns, int64_t *ret_least, int64_t *ret_most) {
  int64_t least = cli_age_of(look, p->held_since_ns), most = cli_age_of(look, p->held_time_ns);
  if (least < least_ns) least = least_ns;
  if (most != 0 && most < least) most = least;
  *ret_least = p->held && least > 0 ? least : -1;
  *ret_most = p->held && most > 0 ? most : -1;
}

void cli_held_words(const cli_look *look, const tarn_participant *p, int64_t least_ns, char *room, size_t size) {
  char from[CLI_WORDS], to[CLI_WORDS];
  int64_t least, most;
  cli_held_bounds(look, p, least_ns, &least, &most);
  snprintf(room, size, "%u", p->held);
  if (least >= 0) cli_age_words(least, from);
  if (most >= 0) cli_age_words(most, to);
  if (least >= 0 && most >= 0 && strcmp(from, to) == 0) {
    add(room, size, " for %s", from);
  } else if (least >= 0 && most >= 0) {
    add(room, size, " for %s to %s", from, to);
  } else if (least >= 0) {
    add(room, size, " for >%s", from);
  } else if (most >= 0) {
    add(room, size, " for <%s", to);
  }
}

/* "recv (process 34), stopped, which holds 1 for 5 s and has 20 unread" */
static void blocker_words(const cli_look *look, const tarn_participant *p, char *room, size_t size) {
  char who[128], held[96], behind[CLI_WORDS];
  bool stream = look->details.entry.kind == TARN_KIND_STREAM;
  cli_participant_words(p, who, sizeof who);
  cli_held_words(look, p, 0, held, sizeof held);
  add(room, size, "%s%s", who, p->stopped ? ", stopped" : "");
  if (p->held) add(room, size, ", which holds %s", held);
  if (stream && p->lag)
    add(room, size, "%s %llu unread, %s behind", p->held ? " and has" : ", which has", (unsigned long long)p->lag,
        cli_size_words(p->lag_bytes, behind));
}

/* A writer waits, and no reader stands in its way. */
static const char *nobody_words(const cli_look *look) {
  bool readers = false;
  for (uint32_t i = 0; i < look->count; i++) readers |= look->participants[i].alive && look->participants[i].role == TARN_READER;
  if (look->details.flags & TARN_QUEUE) return ": nobody takes the messages that are there";
  if (look->details.entry.kind == TARN_KIND_STREAM && !readers) return ": no reader has come yet";
  return ", and nobody stands in its way any more";
}

bool cli_blocked_words(const cli_look *look, char *room, size_t size) {
  const tarn_participant *writer = NULL;
  uint32_t blockers = 0, told = 0;
  for (uint32_t i = 0; i < look->count; i++) {
    const tarn_participant *p = &look->participants[i];
    if (p->alive && p->waiting == 2 && (!writer || p->waiting_ns > writer->waiting_ns)) writer = p;
    blockers += p->blocking;
  }
  if (!writer) return false;
  char who[128], age[CLI_WORDS];
  cli_participant_words(writer, who, sizeof who);
  snprintf(room, size, "%s waits for room", who);
  if (writer->waiting_ns) add(room, size, ", for %s now", cli_age_words(writer->waiting_ns, age));
  if (!blockers) {
    add(room, size, "%s", nobody_words(look));
    return true;
  }
  add(room, size, ": because of ");
  for (uint32_t i = 0; i < look->count && told < 3; i++) {
    if (!look->participants[i].blocking) continue;
    if (told++) add(room, size, "; and ");
    blocker_words(look, &look->participants[i], room, size);
  }
  if (blockers > told) add(room, size, "; and %u more", blockers - told);
  return true;
}

/* Width on the screen of a name printed safely: one column a character, four for each byte shown as \xNN. */
int cli_width_of(const char *text) {
  const uint8_t *bytes = (const uint8_t *)text;
  size_t size = strlen(text);
  int width = 0;
  while (size > 0) {
    size_t length = cli_utf8_length(bytes, size);
    width += length == 0 || bytes[0] < 32 || bytes[0] == 127 ? 4 : 1;
    bytes += length ? length : 1;
    size -= length ? length : 1;
  }
  return width;
}

void cli_print_padded(const char *text, int width) {
  cli_print_safe(stdout, text, strlen(text));
  for (int at = cli_width_of(text); at < width; at++) putchar(' ');
}
