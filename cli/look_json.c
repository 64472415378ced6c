/* cli/look_json.c: what is known of a channel or map as one line of JSON. docs/json.md says what each field means. */
#include "look.h"

void cli_json_text(const char *name, const char *text) {
  printf(",\"%s\":", name);
  cli_print_json(stdout, text);
}

void cli_json_flag(const char *name, bool value) { printf(",\"%s\":%s", name, value ? "true" : "false"); }
void cli_json_number(const char *name, uint64_t value) { printf(",\"%s\":%llu", name, (unsigned long long)value); }

void cli_json_time(const char *name, int64_t ns) {
  if (ns < 0)
    printf(",\"%s\":null", name);
  else
    printf(",\"%s\":%lld", name, (long long)ns);
}

static const char *role_name(uint32_t role) { return role == TARN_WRITER ? "writer" : role == TARN_READER ? "reader" : "user"; }

static void json_users(const tarn_entry *entry) {
  uint32_t known = entry->user_count < TARN_USERS ? entry->user_count : TARN_USERS;
  cli_json_number("user_count", entry->user_count);
  fputs(",\"users\":[", stdout);
  for (uint32_t i = 0; i < known; i++) {
    const tarn_user *user = &entry->users[i];
    printf("%s{\"process\":%u", i ? "," : "", user->process);
    cli_json_text("role", role_name(user->role));
    cli_json_flag("same_space", user->same_space);
    cli_json_flag("stopped", user->stopped);
    cli_json_text("command", user->command);
    putchar('}');
  }
  putchar(']');
}

void cli_json_entry(const tarn_entry *entry) {
  printf("{\"schema\":%d", CLI_SCHEMA);
  cli_json_text("name", entry->name);
  cli_json_text("kind", cli_kind_name(entry->kind));
  cli_json_text("state", cli_state_words(entry));
  cli_json_number("size_bytes", entry->size_bytes);
  cli_json_number("occupied_bytes", entry->occupied_bytes);
  if (entry->modified_ns) {
    printf(",\"mode\":\"%04o\"", entry->mode);
    cli_json_number("owner", entry->owner);
    cli_json_number("group", entry->group);
    printf(",\"modified_ns\":%lld", (long long)entry->modified_ns);
  } else { /* no file, but a named section of Windows */
    fputs(",\"mode\":null,\"owner\":null,\"group\":null,\"modified_ns\":null", stdout);
  }
  cli_json_flag("kept", entry->flags & TARN_ENTRY_KEPT);
  cli_json_flag("in_use", entry->flags & TARN_ENTRY_IN_USE);
  cli_json_flag("on_disk", entry->flags & TARN_ENTRY_ON_DISK);
  cli_json_flag("damaged", entry->flags & TARN_ENTRY_DAMAGED);
  cli_json_flag("seen", entry->flags & TARN_ENTRY_SEEN);
  cli_json_flag("hidden", entry->flags & TARN_ENTRY_HIDDEN);
  cli_json_flag("closed", entry->flags & TARN_ENTRY_CLOSED);
  cli_json_flag("temporary", entry->flags & TARN_ENTRY_TEMPORARY);
  if (entry->why[0]) cli_json_text("why", entry->why);
  json_users(entry);
}

static void json_participant(const cli_look *look, const tarn_participant *p) {
  int64_t least, most;
  cli_held_bounds(look, p, 0, &least, &most);
  printf("{\"slot\":%u", p->slot);
  cli_json_text("role", role_name(p->role));
  cli_json_flag("alive", p->alive);
  cli_json_number("process", p->process);
  cli_json_flag("same_space", p->same_space);
  cli_json_text("command", p->command);
  cli_json_flag("stopped", p->stopped);
  cli_json_text("waiting", p->waiting == 1 ? "news" : p->waiting == 2 ? "room" : "no");
  cli_json_number("waiting_ns", (uint64_t)p->waiting_ns);
  cli_json_flag("blocking", p->blocking);
  cli_json_number("held", p->held);
  cli_json_time("held_at_least_ns", least);
  cli_json_time("held_at_most_ns", most);
  cli_json_number("claimed", p->claimed);
  cli_json_number("taken", p->taken);
  cli_json_number("position", p->position);
  cli_json_number("lag", p->lag);
  cli_json_number("lag_bytes", p->lag_bytes);
  cli_json_number("items", p->items);
  cli_json_number("bytes", p->bytes);
  cli_json_number("missed", p->missed);
  cli_json_number("waits", p->waits);
  printf(",\"joined_ns\":%lld}", (long long)p->joined_ns);
}

static void json_stream(const tarn_details *details) {
  static const char *const policies[] = {"wait", "fail", "overwrite"};
  cli_json_number("oldest", details->oldest);
  cli_json_number("kept_bytes", details->kept_bytes);
  cli_json_text("policy", details->policy < 3 ? policies[details->policy] : "?");
  cli_json_flag("times", details->flags & TARN_TIMES);
  cli_json_flag("many_writers", details->flags & TARN_MANY_WRITERS);
  cli_json_flag("queue", details->flags & TARN_QUEUE);
  if (!(details->flags & TARN_QUEUE)) return;
  cli_json_number("untaken", details->waiting);
  cli_json_number("taken", details->taken);
  cli_json_number("max_deliveries", details->max_deliveries);
}

static void json_channel(const cli_look *look) {
  const tarn_details *details = &look->details;
  char blocked[CLI_SENTENCE];
  printf(",\"format\":\"%u.%u\"", details->format_major, details->format_minor);
  cli_json_number("slots", details->slots);
  cli_json_number("hold", details->hold);
  cli_json_number("newest", details->newest);
  cli_json_number("newest_bytes", details->newest_bytes);
  cli_json_number("newest_tag", details->newest_tag);
  cli_json_time("newest_time_ns", details->newest_time_ns);
  cli_json_text("newest_type", details->newest_type);
  cli_json_number("buffers", details->buffers);
  cli_json_number("buffer_bytes", details->buffer_bytes);
  cli_json_number("limit_bytes", details->limit_bytes);
  if (details->entry.kind == TARN_KIND_STREAM) json_stream(details);
  if (cli_blocked_words(look, blocked, sizeof blocked)) cli_json_text("blocked", blocked);
  fputs(",\"participants\":[", stdout);
  for (uint32_t i = 0; i < look->count; i++) {
    if (i) putchar(',');
    json_participant(look, &look->participants[i]);
  }
  putchar(']');
}

void cli_json_look(const cli_look *look) {
  cli_json_entry(&look->details.entry);
  printf(",\"time_ns\":%lld", (long long)look->now_ns);
  if (look->details.entry.kind != TARN_KIND_MAP) json_channel(look);
  puts("}");
}
