/* cli/ls.c: `tarn ls`: what lies in the channel directory. */
#include "cli.h"

#include "system.h"

#include <stdlib.h>
#include <string.h>

typedef struct listing {
  tarn_entry *entries;
  size_t count, capacity;
  uint32_t kind; /* only these; 0: all */
} listing;

static int gather(const tarn_entry *entry, void *argument) {
  listing *all = argument;
  if (all->kind && entry->kind != all->kind) return 0;
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

/* Whether somebody has it. Of a raw map nobody can tell: foreign programs leave no trace. */
static const char *state_words(const tarn_entry *entry) {
  if (entry->flags & TARN_ENTRY_DAMAGED) return "damaged";
  if (entry->kind == TARN_KIND_MAP) return "-";
  if (entry->flags & TARN_ENTRY_IN_USE) return entry->flags & TARN_ENTRY_KEPT ? "in use, kept" : "in use";
  return entry->flags & TARN_ENTRY_KEPT ? "kept" : "left over";
}

/* Width on the screen of a name printed safely: one column a character, four for each byte shown as \xNN. */
static int width_of(const char *text) {
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

static void print_padded(const char *text, int width) {
  cli_print_safe(stdout, text, strlen(text));
  for (int at = width_of(text); at < width; at++) putchar(' ');
}

static void print_table(const listing *all) {
  int widest = 4;
  for (size_t i = 0; i < all->count; i++) {
    int width = width_of(all->entries[i].name);
    if (width > widest) widest = width;
  }
  print_padded("NAME", widest);
  puts("  KIND    SIZE        MODE  OWNER     CHANGED              STATE");
  for (size_t i = 0; i < all->count; i++) {
    const tarn_entry *entry = &all->entries[i];
    char size[CLI_WORDS], owner[64], when[32];
    cli_user_name(entry->owner, owner, sizeof owner);
    cli_time_words(entry->modified_ns, when, sizeof when);
    print_padded(entry->name, widest);
    printf("  %-6s  %-10s  %04o  %-8s  %-19s  %s\n", cli_kind_name(entry->kind), cli_size_words(entry->size_bytes, size),
           entry->mode, owner, when, state_words(entry));
  }
}

static void print_json(const tarn_entry *entry) {
  fputs("{\"name\":", stdout);
  cli_print_json(stdout, entry->name);
  printf(
      ",\"kind\":\"%s\",\"size_bytes\":%llu,\"occupied_bytes\":%llu,\"mode\":\"%04o\",\"owner\":%u,\"group\":%u,\"modified_"
      "ns\":%lld",
      cli_kind_name(entry->kind), (unsigned long long)entry->size_bytes, (unsigned long long)entry->occupied_bytes, entry->mode,
      entry->owner, entry->group, (long long)entry->modified_ns);
  printf(",\"kept\":%s,\"in_use\":%s,\"on_disk\":%s,\"damaged\":%s", entry->flags & TARN_ENTRY_KEPT ? "true" : "false",
         entry->flags & TARN_ENTRY_IN_USE ? "true" : "false", entry->flags & TARN_ENTRY_ON_DISK ? "true" : "false",
         entry->flags & TARN_ENTRY_DAMAGED ? "true" : "false");
  if (entry->why[0]) {
    fputs(",\"why\":", stdout);
    cli_print_json(stdout, entry->why);
  }
  puts("}");
}

int run_ls(int count, char **operands, const cli_values *values) {
  (void)count;
  (void)operands;
  listing all = {.kind = values->kind};
  int result = tarn_list(NULL, gather, &all);
  for (size_t i = 0; !result && i < all.count; i++) {
    if (values->json) print_json(&all.entries[i]);
    if (!values->json && values->quiet) {
      cli_print_safe(stdout, all.entries[i].name, strlen(all.entries[i].name));
      putchar('\n');
    }
  }
  if (!result && !values->json && !values->quiet && all.count) print_table(&all);
  free(all.entries);
  return result ? cli_fail_result(result, "the channel directory") : CLI_DONE;
}
