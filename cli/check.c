/* cli/check.c: `tarn check NAME`: is it as it should be? For systemd, Kubernetes and scripts: one sentence, one exit code. */
#include "look.h"

#include "system.h"

#include <stdarg.h>
#include <string.h>

/* The first thing that is wrong; "" if nothing is. */
typedef struct verdict {
  char why[CLI_SENTENCE];
} verdict;

static void fail(verdict *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fail(verdict *v, const char *format, ...) {
  if (v->why[0]) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(v->why, sizeof v->why, format, arguments);
  va_end(arguments);
}

static const tarn_participant *living_writer(const cli_look *look) {
  for (uint32_t i = 0; i < look->count; i++)
    if (look->participants[i].alive && look->participants[i].role == TARN_WRITER) return &look->participants[i];
  return NULL;
}

static void check_writer(verdict *v, const cli_look *look) {
  if (living_writer(look)) return;
  for (uint32_t i = 0; i < look->count; i++) {
    const tarn_participant *p = &look->participants[i];
    if (p->role == TARN_WRITER) fail(v, "its writer (process %u) died", p->process);
  }
  fail(v, "nobody writes it");
}

static void check_age(verdict *v, const cli_look *look, int64_t most_ns) {
  const tarn_details *details = &look->details;
  bool stream = details->entry.kind == TARN_KIND_STREAM;
  char age[CLI_WORDS], most[CLI_WORDS], blocked[CLI_SENTENCE];
  if (!details->newest) {
    fail(v, "nothing was published yet");
  } else if (!details->newest_time_ns) {
    fail(v, "it cannot be told how old its newest message is: they carry no times (`tarn create stream --times`)");
  } else if (cli_age_of(look, details->newest_time_ns) > most_ns) {
    bool waits = cli_blocked_words(look, blocked, sizeof blocked);
    const tarn_participant *writer = living_writer(look);
    fail(v, "its newest %s is %s old, and at most %s is allowed; %s", stream ? "message" : "version",
         cli_age_words(cli_age_of(look, details->newest_time_ns), age), cli_time_given_words(most_ns, most),
         waits ? blocked : !writer ? "nobody writes it" : writer->stopped ? "its writer is stopped" : "its writer lives");
  }
}

static void check_lag(verdict *v, const cli_look *look, uint64_t most) {
  const tarn_participant *worst = NULL;
  for (uint32_t i = 0; i < look->count; i++) {
    const tarn_participant *p = &look->participants[i];
    if (p->alive && p->role == TARN_READER && p->lag > most && (!worst || p->lag > worst->lag)) worst = p;
  }
  if (!worst) return;
  char who[128];
  cli_participant_words(worst, who, sizeof who);
  fail(v, "%s%s is %llu %s behind, and at most %llu are allowed", who, worst->stopped ? ", stopped," : "", (unsigned long long)worst->lag,
       look->details.entry.kind == TARN_KIND_STREAM ? "messages" : "versions", (unsigned long long)most);
}

/* named: the sentence says itself what it is about. */
static int answer(const char *name, const verdict *v, bool named, const cli_values *values) {
  bool fit = !v->why[0];
  if (values->json) {
    printf("{\"schema\":%d", CLI_SCHEMA);
    cli_json_text("name", name);
    cli_json_flag("fit", fit);
    if (!fit) cli_json_text("why", v->why);
    puts("}");
    return fit ? CLI_DONE : CLI_UNFIT;
  }
  if (!fit) return cli_fail(CLI_UNFIT, "%s%s%s", named ? "" : name, named ? "" : ": ", v->why);
  cli_say("%s: as it should be", name);
  return CLI_DONE;
}

int run_check(int count, char **operands, const cli_values *values) {
  (void)count;
  cli_look look;
  verdict v = {""};
  int result = cli_look_at(&look, operands[0], values->kind), failed;
  bool asked = values->given & (CLI_NEEDS_WRITER | CLI_MAX_AGE | CLI_MAX_LAG);
  if (result == TARN_E_NOT_FOUND || result == TARN_E_CORRUPT || result == TARN_E_KIND || result == TARN_E_VERSION)
    fail(&v, "%s", tarn_error_text());
  if (result && !v.why[0]) {
    failed = cli_fail_result(result, operands[0]); /* it is not known whether it is */
  } else if (!result && asked && look.details.entry.kind == TARN_KIND_MAP) {
    failed = cli_fail(CLI_USAGE, "%s is a raw map: nothing tells who writes it, or when; without options it is checked that it is there",
                      operands[0]);
  } else {
    if (!result && values->writer) check_writer(&v, &look);
    if (!result && (values->given & CLI_MAX_AGE) && values->max_age_ns != TARN_FOREVER) check_age(&v, &look, values->max_age_ns);
    if (!result && (values->given & CLI_MAX_LAG)) check_lag(&v, &look, values->max_lag);
    failed = answer(operands[0], &v, result != 0, values);
  }
  cli_look_end(&look);
  return failed;
}
