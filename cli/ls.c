/* cli/ls.c: `tarn ls [DIR]`: what lies in the channel directory, or in another. */
#include "look.h"

#include "system.h"

#include <stdlib.h>
#include <string.h>

/* Looking a user up reads a file: most entries have the owner of the one before. */
static const char *owner_name(uint32_t owner) {
  static char name[64];
  static uint32_t last;
  if (!name[0] || owner != last) cli_user_name(owner, name, sizeof name);
  last = owner;
  return name;
}

static void print_table(const cli_listing *all) {
  int widest = 4;
  for (size_t i = 0; i < all->count; i++) {
    int width = cli_width_of(all->entries[i].name);
    if (width > widest) widest = width;
  }
  cli_print_padded("NAME", widest);
  puts("  KIND    SIZE        OCCUPIES    MODE  OWNER     CHANGED              STATE         USERS");
  for (size_t i = 0; i < all->count; i++) {
    const tarn_entry *entry = &all->entries[i];
    char size[CLI_WORDS], occupied[CLI_WORDS], when[32], users[256];
    const char *state = cli_state_words(entry);
    cli_time_words(entry->modified_ns, when, sizeof when);
    cli_users_words(entry, users, sizeof users);
    cli_print_padded(entry->name, widest);
    printf("  %-6s  %-10s  %-10s  %04o  %-8s  %-19s  %s", cli_kind_name(entry->kind), cli_size_words(entry->size_bytes, size),
           cli_size_words(entry->occupied_bytes, occupied), entry->mode, owner_name(entry->owner), when, state);
    if (users[0]) {
      printf("%*s  ", (int)(strlen(state) < 12 ? 12 - strlen(state) : 0), "");
      cli_print_safe(stdout, users, strlen(users));
    }
    putchar('\n');
  }
}

/* An answer that may be wrong says so. */
static void warn_of_hidden(const cli_listing *all) {
  for (size_t i = 0; i < all->count; i++) {
    if (all->entries[i].flags & TARN_ENTRY_HIDDEN) {
      cli_say("Not every process could be looked into (other users', or outside this PID namespace): of a map that was not seen in use,"
              " nothing is known.");
      return;
    }
  }
}

int run_ls(int count, char **operands, const cli_values *values) {
  cli_listing all = {.kind = values->kind};
  int result = cli_list(&all, count ? operands[0] : NULL);
  for (size_t i = 0; !result && i < all.count; i++) {
    if (values->json) {
      cli_json_entry(&all.entries[i]);
      puts("}");
    } else if (values->quiet) {
      cli_print_safe(stdout, all.entries[i].name, strlen(all.entries[i].name));
      putchar('\n');
    }
  }
  if (!result && !values->json && !values->quiet && all.count) {
    print_table(&all);
    warn_of_hidden(&all);
  }
  free(all.entries);
  return result ? cli_fail_result(result, count ? operands[0] : "the channel directory") : CLI_DONE;
}
