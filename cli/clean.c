/* cli/clean.c: `tarn clean [DIR]`: what nobody can need any more goes, each with the proof that it is so. */
#include "look.h"

#include "system.h"

#include <string.h>

typedef struct tally {
  const cli_values *values;
  uint64_t count, bytes;
} tally;

static int tell(const tarn_cleaned *one, void *argument) {
  static const char *const what[] = {"?", "removed", "would remove", "left"};
  tally *all = argument;
  bool gone = one->what != TARN_CLEAN_LEFT;
  char size[CLI_WORDS];
  if (cli_interrupted()) return TARN_WOKEN;
  all->count += gone;
  all->bytes += gone ? one->occupied_bytes : 0;
  if (all->values->json) {
    printf("{\"schema\":%d", CLI_SCHEMA);
    cli_json_text("name", one->name);
    cli_json_text("kind", cli_kind_name(one->kind));
    cli_json_text("what", gone ? all->values->dry_run ? "would" : "removed" : "left");
    cli_json_number("occupied_bytes", one->occupied_bytes);
    cli_json_text("why", one->why);
    puts("}");
  } else if (!all->values->quiet) {
    printf("%s %s ", what[one->what < 4 ? one->what : 0], cli_kind_name(one->kind));
    cli_print_safe(stdout, one->name, strlen(one->name));
    printf(" (%s): ", cli_size_words(one->occupied_bytes, size));
    cli_print_safe(stdout, one->why, strlen(one->why));
    putchar('\n');
  }
  return 0;
}

int run_clean(int count, char **operands, const cli_values *values) {
  tally all = {values, 0, 0};
  uint32_t flags = (values->dry_run ? TARN_CLEAN_DRY_RUN : 0u) | (values->foreign ? TARN_CLEAN_FOREIGN : 0u);
  int result = tarn_clean(count ? operands[0] : NULL, flags, tell, &all);
  if (result) return cli_fail_result(result, count ? operands[0] : "the channel directory");
  char size[CLI_WORDS];
  if (all.count) {
    cli_say("%s %s", cli_size_words(all.bytes, size), values->dry_run ? "would be freed" : "freed");
  } else {
    cli_say("nothing to clean");
  }
  return CLI_DONE;
}
