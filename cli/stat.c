/* cli/stat.c: `tarn stat NAME`: everything about one board, stream or map, and who takes part in it. */
#include "cli.h"

#include "system.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_PARTICIPANTS = 2046 };

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
  cli_user_name(entry->owner, owner, sizeof owner);
  snprintf(words, sizeof words, "%04o, owner %s, group %u", entry->mode, owner, entry->group);
  print_line("rights", words);
  cli_time_words(entry->modified_ns, words, sizeof words);
  print_line("changed", words);
  snprintf(words, sizeof words, "%s, %s", entry->flags & TARN_ENTRY_KEPT ? "kept" : "goes with its last participant",
           entry->flags & TARN_ENTRY_ON_DISK ? "on disk" : "in memory");
  print_line("lifetime", words);
  if (entry->flags & TARN_ENTRY_DAMAGED) print_line("damaged", entry->why);
}

static bool is_stream(const tarn_details *details) { return details->entry.kind == TARN_KIND_STREAM; }

static void print_newest(const tarn_details *details) {
  char size[CLI_WORDS], age[CLI_WORDS], words[160];
  if (details->newest == 0) {
    print_line("newest", "nothing yet");
    return;
  }
  int used = snprintf(words, sizeof words, "%s %llu, %s (%llu), tag %llu", is_stream(details) ? "message" : "version",
                      (unsigned long long)details->newest, cli_size_words(details->newest_bytes, size),
                      (unsigned long long)details->newest_bytes, (unsigned long long)details->newest_tag);
  if (details->newest_time_ns) { /* a stream may have none */
    snprintf(words + used, sizeof words - (size_t)used, ", %s ago",
             cli_age_words(cli_unix_now() - details->newest_time_ns, age));
  }
  print_line("newest", words);
  if (details->newest_type[0]) print_line("type", details->newest_type);
}

static const char *doing_words(const tarn_participant *p) {
  if (!p->alive) return "dead";
  if (p->stopped) return "stopped";
  return p->waiting == 1 ? "waiting for news" : p->waiting == 2 ? "waiting for room" : "running";
}

/* A stream's LAG is in messages and in bytes of the ring; a board's reader lags by versions that it will never be given. */
static void print_participants(const tarn_participant *all, uint32_t count, bool stream) {
  if (count)
    puts(stream ? "\nSLOT  ROLE    PROCESS   STATE             HOLDS  NUMBER    LAG               MISSED    COMMAND"
                : "\nSLOT  ROLE    PROCESS   STATE             HOLDS  VERSION   ITEMS             MISSED    COMMAND");
  for (uint32_t i = 0; i < count; i++) {
    const tarn_participant *p = &all[i];
    char process[32];
    snprintf(process, sizeof process, p->same_space ? "%u" : "(%u)", p->process);
    char progress[64], size[CLI_WORDS];
    snprintf(progress, sizeof progress, "%llu", (unsigned long long)(stream ? p->lag : p->items));
    if (stream && p->lag_bytes) {
      size_t used = strlen(progress);
      snprintf(progress + used, sizeof progress - used, ", %s", cli_size_words(p->lag_bytes, size));
    }
    if (stream && p->role == TARN_WRITER) snprintf(progress, sizeof progress, "-");
    printf("%-4u  %-6s  %-8s  %-16s  %-5u  %-8llu  %-16s  %-8llu  ", p->slot, p->role == TARN_WRITER ? "writer" : "reader",
           process, doing_words(p), p->held, (unsigned long long)p->position, progress, (unsigned long long)p->missed);
    cli_print_safe(stdout, p->command, strlen(p->command));
    putchar('\n');
  }
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

static void print_plain(const tarn_details *details, const tarn_participant *participants, uint32_t count) {
  print_entry(&details->entry);
  if (details->entry.kind == TARN_KIND_MAP || (details->entry.flags & TARN_ENTRY_DAMAGED)) return;
  printf("%-12s %u.%u\n", "format", details->format_major, details->format_minor);
  print_newest(details);
  bool stream = is_stream(details);
  stream ? print_ring(details) : print_buffers(details);
  printf("%-12s %u of %u slots", "participants", details->participant_count, details->slots);
  if (!stream) printf("; a reader holds up to %u versions", details->hold);
  putchar('\n');
  print_participants(participants, count, stream);
}

static void json_participants(const tarn_participant *all, uint32_t count) {
  fputs(",\"participants\":[", stdout);
  for (uint32_t i = 0; i < count; i++) {
    const tarn_participant *p = &all[i];
    printf(
        "%s{\"slot\":%u,\"role\":\"%s\",\"alive\":%s,\"process\":%u,\"same_space\":%s,\"stopped\":%s,\"waiting\":%u,\"held\":%"
        "u",
        i ? "," : "", p->slot, p->role == TARN_WRITER ? "writer" : "reader", p->alive ? "true" : "false", p->process,
        p->same_space ? "true" : "false", p->stopped ? "true" : "false", p->waiting, p->held);
    printf(",\"position\":%llu,\"items\":%llu,\"bytes\":%llu,\"missed\":%llu,\"waits\":%llu,\"joined_ns\":%lld,",
           (unsigned long long)p->position, (unsigned long long)p->items, (unsigned long long)p->bytes,
           (unsigned long long)p->missed, (unsigned long long)p->waits, (long long)p->joined_ns);
    printf("\"lag\":%llu,\"lag_bytes\":%llu,\"command\":", (unsigned long long)p->lag, (unsigned long long)p->lag_bytes);
    cli_print_json(stdout, p->command);
    putchar('}');
  }
  putchar(']');
}

static void json_stream(const tarn_details *details) {
  static const char *const policies[] = {"wait", "fail", "overwrite"};
  printf(",\"oldest\":%llu,\"kept_bytes\":%llu,\"policy\":\"%s\",\"times\":%s", (unsigned long long)details->oldest,
         (unsigned long long)details->kept_bytes, details->policy < 3 ? policies[details->policy] : "?",
         details->flags & TARN_TIMES ? "true" : "false");
}

static void print_json(const tarn_details *details, const tarn_participant *participants, uint32_t count) {
  const tarn_entry *entry = &details->entry;
  fputs("{\"name\":", stdout);
  cli_print_json(stdout, entry->name);
  printf(",\"kind\":\"%s\",\"size_bytes\":%llu,\"occupied_bytes\":%llu,\"mode\":\"%04o\",\"owner\":%u,\"group\":%u",
         cli_kind_name(entry->kind), (unsigned long long)entry->size_bytes, (unsigned long long)entry->occupied_bytes,
         entry->mode, entry->owner, entry->group);
  printf(",\"modified_ns\":%lld,\"kept\":%s,\"on_disk\":%s", (long long)entry->modified_ns,
         entry->flags & TARN_ENTRY_KEPT ? "true" : "false", entry->flags & TARN_ENTRY_ON_DISK ? "true" : "false");
  if (entry->flags & TARN_ENTRY_DAMAGED) {
    fputs(",\"damaged\":", stdout);
    cli_print_json(stdout, entry->why);
  } else if (entry->kind != TARN_KIND_MAP) {
    printf(",\"format\":\"%u.%u\",\"slots\":%u,\"hold\":%u,\"newest\":%llu,\"newest_bytes\":%llu,\"newest_tag\":%llu",
           details->format_major, details->format_minor, details->slots, details->hold, (unsigned long long)details->newest,
           (unsigned long long)details->newest_bytes, (unsigned long long)details->newest_tag);
    printf(",\"newest_time_ns\":%lld,\"buffers\":%llu,\"buffer_bytes\":%llu,\"limit_bytes\":%llu,\"newest_type\":",
           (long long)details->newest_time_ns, (unsigned long long)details->buffers, (unsigned long long)details->buffer_bytes,
           (unsigned long long)details->limit_bytes);
    cli_print_json(stdout, details->newest_type);
    if (is_stream(details)) json_stream(details);
    json_participants(participants, count);
  }
  puts("}");
}

int run_stat(int count, char **operands, const cli_values *values) {
  (void)count;
  tarn_details *details = calloc(1, sizeof *details);
  tarn_participant *participants = calloc(MOST_PARTICIPANTS, sizeof *participants);
  int failed = CLI_DONE;
  if (!details || !participants) {
    failed = cli_fail(CLI_NO_SPACE, "not enough memory");
  } else {
    details->struct_size = sizeof *details;
    int result = tarn_inspect(operands[0], (int)values->kind, details, participants, MOST_PARTICIPANTS);
    uint32_t known = details->participant_count < MOST_PARTICIPANTS ? details->participant_count : MOST_PARTICIPANTS;
    if (result) {
      failed = cli_fail_result(result, operands[0]);
    } else if (values->json) {
      print_json(details, participants, known);
    } else {
      print_plain(details, participants, known);
    }
  }
  free(details);
  free(participants);
  return failed;
}
