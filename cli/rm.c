/* cli/rm.c: `tarn rm NAME...`: names go; a channel that living processes use stays unless --force. Who lost what is said, of a raw map as
 * far as /proc showed it. */
#include "look.h"

/* Who goes on without a name now: those who were seen just before. */
static void say_broken(const char *name, const tarn_entry *entry) {
  char users[256];
  cli_users_words(entry, users, sizeof users);
  if (!(entry->flags & TARN_ENTRY_IN_USE)) return;
  cli_say("%s: its name is gone while it was in use (%s): they go on among themselves and keep its memory until they close it, and"
          " whoever opens the name from now on begins a new one",
          name, users);
}

static int remove_one(const char *name, const cli_values *values) {
  cli_look look;
  bool known = cli_look_at(&look, name, values->kind) == 0;
  int result = tarn_remove(name, (int)values->kind, values->force), failed = CLI_DONE;
  if (result == TARN_BUSY) {
    failed = cli_fail(CLI_BUSY,
                      "%s is in use; `tarn stat %s` says by whom. With --force the name goes all the same: its users"
                      " go on among themselves, and newcomers begin a new one",
                      name, cli_typed(name));
  } else if (result) {
    failed = cli_fail_result(result, name);
  } else if (values->json) {
    printf("{\"schema\":%d", CLI_SCHEMA);
    cli_json_text("removed", name);
    if (known) cli_json_flag("was_in_use", look.details.entry.flags & TARN_ENTRY_IN_USE);
    puts("}");
  } else if (known) {
    say_broken(name, &look.details.entry);
  }
  cli_look_end(&look);
  return failed;
}

int run_rm(int count, char **operands, const cli_values *values) {
  int first_failure = CLI_DONE;
  for (int i = 0; i < count; i++) {
    int failed = remove_one(operands[i], values);
    if (!first_failure) first_failure = failed;
  }
  return first_failure;
}
