/* cli/stat.c: `tarn stat [NAME...]`: everything about boards, streams and maps, who takes part in them, and who holds up whom; once, or
 * again and again. */
#include "look.h"

#include "system.h"

#include <stdlib.h>
#include <string.h>

/* ---- For people ------------------------------------------------------------------------------------------------------------ */

static void print_line(const char *label, const char *value) {
  printf("%-12s ", label);
  cli_print_safe(stdout, value, strlen(value));
  putchar('\n');
}

static void print_size(const char *label, uint64_t bytes) {
  char words[CLI_WORDS];
  printf("%-12s %s (%llu)\n", label, cli_size_words(bytes, words), (unsigned long long)bytes);
}

static void print_entry(const tarn_entry *entry) {
  char words[256], owner[64];
  print_line("name", entry->name);
  print_line("kind", cli_kind_name(entry->kind));
  print_size("size", entry->size_bytes);
  print_size("occupies", entry->occupied_bytes);
  if (entry->modified_ns) { /* a file: a named section of Windows has neither times nor permission bits */
    cli_user_name(entry->owner, owner, sizeof owner);
    snprintf(words, sizeof words, "%04o, owner %s, group %u", entry->mode, owner, entry->group);
    print_line("rights", words);
    cli_time_words(entry->modified_ns, words, sizeof words);
    print_line("changed", words);
  }
  snprintf(words, sizeof words, "%s, %s", entry->flags & TARN_ENTRY_KEPT ? "kept" : "goes with its last participant",
           entry->flags & TARN_ENTRY_ON_DISK ? "on disk" : "in memory");
  print_line("lifetime", words);
}

/* A map's users are what /proc shows, and may not be all. */
static void print_users(const tarn_entry *entry) {
  char words[512];
  cli_users_words(entry, words, sizeof words - 80);
  if (!entry->user_count) snprintf(words, sizeof words, "%s", entry->flags & TARN_ENTRY_SEEN ? "nobody was seen" : "nobody can tell");
  if (entry->flags & TARN_ENTRY_HIDDEN) strcat(words, " (not every process could be looked into)");
  print_line("seen with it", words);
}

static bool is_stream(const tarn_details *details) { return details->entry.kind == TARN_KIND_STREAM; }

static void print_newest(const cli_look *look) {
  const tarn_details *details = &look->details;
  char size[CLI_WORDS], age[CLI_WORDS], words[160];
  if (details->newest == 0) {
    print_line("newest", "nothing yet");
    return;
  }
  int used = snprintf(words, sizeof words, "%s %llu, %s (%llu), tag %llu", is_stream(details) ? "message" : "version",
                      (unsigned long long)details->newest, cli_size_words(details->newest_bytes, size),
                      (unsigned long long)details->newest_bytes, (unsigned long long)details->newest_tag);
  if (details->newest_time_ns) /* a stream may have none */
    snprintf(words + used, sizeof words - (size_t)used, ", %s ago", cli_age_words(cli_age_of(look, details->newest_time_ns), age));
  print_line("newest", words);
  if (details->newest_type[0]) print_line("type", details->newest_type);
}

static void print_ring(const tarn_details *details) {
  static const char *const full[] = {"the writer waits", "it fails", "the oldest are overwritten"};
  char words[128], size[CLI_WORDS];
  snprintf(words, sizeof words, "%s; when it is full %s", cli_size_words(details->buffer_bytes, size),
           details->policy < 3 ? full[details->policy] : "?");
  print_line("ring", words);
  unsigned long long kept = (unsigned long long)(details->newest + 1 - details->oldest);
  snprintf(words, sizeof words, "%llu message%s from number %llu on, in %s", kept, kept == 1 ? "" : "s",
           (unsigned long long)details->oldest, cli_size_words(details->kept_bytes, size));
  print_line("holds", details->newest + 1 == details->oldest ? "no message" : words);
  if (details->flags & TARN_MANY_WRITERS) print_line("writers", "several at once");
  if (!(details->flags & TARN_QUEUE)) return;
  int used = snprintf(words, sizeof words, "%llu waiting, %llu taken", (unsigned long long)details->waiting,
                      (unsigned long long)details->taken);
  if (details->max_deliveries)
    snprintf(words + used, sizeof words - (size_t)used, "; set aside after %u deliveries", details->max_deliveries);
  print_line("queue", words);
}

/* What holds readers up, or is somebody's: a stopped writer's claim, what takers have. */
static void print_holders(const cli_look *look) {
  char who[128], words[256];
  for (uint32_t i = 0; i < look->count; i++) {
    const tarn_participant *p = &look->participants[i];
    if (!p->claimed && !p->taken) continue;
    cli_participant_words(p, who, sizeof who);
    if (p->claimed)
      snprintf(words, sizeof words, "message %llu by %s, %s; readers wait for it", (unsigned long long)p->claimed, who, cli_doing_words(p));
    else
      snprintf(words, sizeof words, "message %llu%s by %s, %s", (unsigned long long)p->taken, p->held > 1 ? " and later ones" : "", who,
               cli_doing_words(p));
    print_line(p->claimed ? "claimed" : "taken", words);
  }
}

static void print_buffers(const tarn_details *details) {
  printf("%-12s %llu", "buffers", (unsigned long long)details->buffers);
  if (details->buffer_bytes) {
    char words[CLI_WORDS];
    printf(", room for %s", cli_size_words(details->buffer_bytes, words));
  }
  putchar('\n');
  if (details->limit_bytes) print_size("limit", details->limit_bytes);
}

/* ---- Between two looks ------------------------------------------------------------------------------------------------------- */

/* Since when a reader was seen to hold the same: nothing was given to it and it let go of nothing. */
typedef struct held_since {
  uint32_t slot, process, held;
  int64_t joined_ns;
  uint64_t items;
  int64_t since_ns;
} held_since;

typedef struct memory { /* of one channel */
  held_since *all;
  uint32_t count;
} memory;

static int64_t unchanged_ns(const memory *before, const tarn_participant *p, int64_t now_ns) {
  for (uint32_t i = 0; i < before->count; i++) {
    const held_since *one = &before->all[i];
    if (one->slot == p->slot && one->process == p->process && one->joined_ns == p->joined_ns)
      return one->held == p->held && one->items == p->items ? now_ns - one->since_ns : 0;
  }
  return 0;
}

static void remember(memory *before, const cli_look *look) {
  memory after = {calloc(look->count ? look->count : 1, sizeof *after.all), 0};
  for (uint32_t i = 0; after.all && i < look->count; i++) {
    const tarn_participant *p = &look->participants[i];
    if (!p->held) continue;
    after.all[after.count++] = (held_since){p->slot, p->process, p->held, p->joined_ns, p->items,
                                            look->now_ns - unchanged_ns(before, p, look->now_ns)};
  }
  free(before->all);
  *before = after;
}

/* ---- Participants --------------------------------------------------------------------------------------------------------------- */

/* A stream's LAG is in messages and in bytes of the ring, a board's in versions; those will never be given to its reader. */
static void lag_words(const tarn_participant *p, bool stream, char *room, size_t size) {
  char bytes[CLI_WORDS];
  if (p->role == TARN_WRITER) {
    snprintf(room, size, "-");
  } else if (stream && p->lag_bytes) {
    snprintf(room, size, "%llu, %s", (unsigned long long)p->lag, cli_size_words(p->lag_bytes, bytes));
  } else {
    snprintf(room, size, "%llu", (unsigned long long)p->lag);
  }
}

static void print_participants(const cli_look *look, const memory *before) {
  bool stream = is_stream(&look->details);
  if (look->count)
    printf("\nSLOT  ROLE    PROCESS   STATE                   HOLDS                   %s    ITEMS     LAG               MISSED    COMMAND\n",
           stream ? "NUMBER " : "VERSION");
  for (uint32_t i = 0; i < look->count; i++) {
    const tarn_participant *p = &look->participants[i];
    char process[32], lag[64], held[96], state[64], age[CLI_WORDS];
    snprintf(process, sizeof process, p->same_space ? "%u" : "(%u)", p->process);
    lag_words(p, stream, lag, sizeof lag);
    if (p->held)
      cli_held_words(look, p, unchanged_ns(before, p, look->now_ns), held, sizeof held);
    else
      snprintf(held, sizeof held, "-");
    snprintf(state, sizeof state, "%s%s%s", cli_doing_words(p), p->waiting_ns ? " " : "",
             p->waiting_ns ? cli_age_words(p->waiting_ns, age) : "");
    printf("%-4u  %-6s  %-8s  %-22s  %-22s  %-8llu   %-8llu  %-16s  %-8llu  ", p->slot, p->role == TARN_WRITER ? "writer" : "reader",
           process, state, held, (unsigned long long)p->position, (unsigned long long)p->items, lag, (unsigned long long)p->missed);
    cli_print_safe(stdout, p->command, strlen(p->command));
    putchar('\n');
  }
}

static void print_plain(const cli_look *look, const memory *before) {
  const tarn_details *details = &look->details;
  char blocked[CLI_SENTENCE];
  print_entry(&details->entry);
  if (details->entry.kind == TARN_KIND_MAP) {
    print_users(&details->entry);
    return;
  }
  printf("%-12s %u.%u\n", "format", details->format_major, details->format_minor);
  print_newest(look);
  bool stream = is_stream(details);
  stream ? print_ring(details) : print_buffers(details);
  print_holders(look);
  if (cli_blocked_words(look, blocked, sizeof blocked)) print_line("blocked", blocked);
  printf("%-12s %u of %u slots", "participants", details->participant_count, details->slots);
  if (!stream) printf("; a reader holds up to %u version%s", details->hold, details->hold == 1 ? "" : "s");
  putchar('\n');
  print_participants(look, before);
}

/* ---- The command ----------------------------------------------------------------------------------------------------------------- */

/* What is to be looked at. */
typedef struct target {
  const char *name;
  uint32_t kind;
  bool may_vanish; /* it was found in a list: that it has gone meanwhile is no failure */
  memory before;
} target;

static void show(const cli_look *look, target *of, bool first, const cli_values *values) {
  if (values->json) {
    cli_json_look(look);
  } else if (!values->prometheus) {
    if (!first) putchar('\n');
    print_plain(look, &of->before);
    remember(&of->before, look);
  }
}

/* One look at all; what cannot be looked at is said, and the rest goes on. Returns the first failure. */
static int look_at_all(target *targets, size_t count, const cli_values *values) {
  cli_look *looks = calloc(count ? count : 1, sizeof *looks);
  size_t seen = 0;
  int failed = looks ? CLI_DONE : cli_fail(CLI_NO_SPACE, "not enough memory");
  for (size_t i = 0; looks && i < count && !cli_interrupted(); i++) {
    int result = cli_look_at(&looks[seen], targets[i].name, targets[i].kind);
    if (result && !(result == TARN_E_NOT_FOUND && targets[i].may_vanish)) {
      int code = cli_fail_result(result, targets[i].name);
      if (!failed) failed = code;
    }
    if (result) {
      cli_look_end(&looks[seen]);
    } else {
      show(&looks[seen], &targets[i], seen == 0, values);
      seen++;
    }
  }
  if (looks && values->prometheus) cli_prometheus(looks, seen);
  for (size_t i = 0; i < seen; i++) cli_look_end(&looks[i]);
  free(looks);
  return failed;
}

/* Without a name: every board and stream that is in the directory now. */
static int look_at_directory(const cli_values *values) {
  cli_listing all = {.kind = values->kind, .channels = true};
  int result = cli_list(&all, NULL);
  target *targets = calloc(all.count ? all.count : 1, sizeof *targets);
  int failed = result ? cli_fail_result(result, "the channel directory") : targets ? CLI_DONE : cli_fail(CLI_NO_SPACE, "not enough memory");
  for (size_t i = 0; !failed && i < all.count; i++)
    targets[i] = (target){.name = all.entries[i].name, .kind = all.entries[i].kind, .may_vanish = true};
  if (!failed) failed = look_at_all(targets, all.count, values);
  for (size_t i = 0; targets && i < all.count; i++) free(targets[i].before.all);
  free(targets);
  free(all.entries);
  return failed;
}

static int again_and_again(target *targets, size_t count, const cli_values *values) {
  uint64_t left = values->given & CLI_LOOKS ? values->count : values->given & CLI_EVERY ? UINT64_MAX : 1;
  for (int failed = CLI_DONE; left-- > 0;) {
    failed = count ? look_at_all(targets, count, values) : look_at_directory(values);
    if (!failed && left) failed = cli_flush();
    if (failed || !left) return failed;
    cli_sleep(values->every_ns > 0 ? values->every_ns : 1000000000);
    if (cli_interrupted()) return CLI_INTERRUPTED;
    if (!values->json) putchar('\n');
  }
  return CLI_DONE;
}

int run_stat(int count, char **operands, const cli_values *values) {
  if (values->json && values->prometheus) return cli_fail(CLI_USAGE, "--json and --prometheus exclude each other");
  if (values->given & CLI_LOOKS && values->count == 0) return cli_fail(CLI_USAGE, "--count: it is from 1");
  target *targets = calloc((size_t)count + 1, sizeof *targets);
  if (!targets) return cli_fail(CLI_NO_SPACE, "not enough memory");
  for (int i = 0; i < count; i++) targets[i] = (target){.name = operands[i], .kind = values->kind};
  int failed = again_and_again(targets, (size_t)count, values);
  for (int i = 0; i < count; i++) free(targets[i].before.all);
  free(targets);
  return failed;
}
