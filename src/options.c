/* options.c: what a caller asks for, checked as a whole before anything is done. */
#include "options.h"

#include <string.h>

#include "error.h"

enum {
  FLAGS_OF_ALL = TARN_KEPT | TARN_EXCLUSIVE | TARN_EXISTING | TARN_ANY_OWNER,
  FLAGS_KNOWN = 0x7ff,
  FLAGS_THAT_STAY = TARN_MANY_WRITERS | TARN_QUEUE | TARN_TIMES
};

static int refuse(const tn_place *place, const char *what) {
  return tn_fail(TARN_E_INVALID, "%s \"%s\": options: %s", tn_kind_word(place->kind), place->name, what);
}

/* A newer caller's structure may be longer; what it says there must be nothing. */
static int copy_given(const tarn_options *given, const tn_place *place, tarn_options *options) {
  memset(options, 0, sizeof *options);
  if (given == NULL)
    return 0;
  size_t size = given->struct_size;
  if (size < 2 * sizeof(uint32_t) || size > 65536)
    return refuse(place, "set struct_size to sizeof(tarn_options)");
  const unsigned char *bytes = (const unsigned char *)given;
  for (size_t i = sizeof *options; i < size; i++)
    if (bytes[i] != 0)
      return tn_fail(TARN_E_UNSUPPORTED, "%s \"%s\": the caller was built for a newer Tarn and uses an option this one (%s) lacks",
                     tn_kind_word(place->kind), place->name, tarn_version());
  memcpy(options, given, size < sizeof *options ? size : sizeof *options);
  options->struct_size = sizeof *options;
  return 0;
}

/* A flag that is no flag of this kind, and whose it is. */
static int refuse_flag(const tn_place *place, uint32_t flags) {
  static const struct {
    uint32_t flag;
    const char *words;
  } others[] = {{TARN_MANY_WRITERS, "TARN_MANY_WRITERS is a stream's"}, {TARN_QUEUE, "TARN_QUEUE is a stream's"},
                {TARN_TIMES, "TARN_TIMES is a stream's"},               {TARN_HUGE, "TARN_HUGE is a map's"},
                {TARN_PREFAULT, "TARN_PREFAULT is a map's"},            {TARN_LOCK, "TARN_LOCK is a map's"},
                {TARN_SCOPED, "TARN_SCOPED is a map's"}};
  size_t i = 0;
  while (i + 1 < sizeof others / sizeof *others && (flags & others[i].flag) == 0)
    i++;
  return refuse(place, others[i].words);
}

static int check_fields(const tarn_options *options, const tn_kind *kind, const tn_place *place) {
  uint32_t flags = options->flags;
  if (flags & ~(uint32_t)FLAGS_KNOWN)
    return tn_fail(TARN_E_UNSUPPORTED, "%s \"%s\": options: flags %#x are not known to this Tarn (%s)", tn_kind_word(place->kind),
                   place->name, flags & ~(uint32_t)FLAGS_KNOWN, tarn_version());
  if (flags & ~(FLAGS_OF_ALL | kind->option_flags))
    return refuse_flag(place, flags & ~(FLAGS_OF_ALL | kind->option_flags));
  if ((flags & TARN_EXCLUSIVE) && (flags & TARN_EXISTING))
    return refuse(place, "TARN_EXCLUSIVE (must be new) and TARN_EXISTING (must be there) exclude each other");
  if (options->mode & ~0777u)
    return refuse(place, "mode has bits beyond 0777");
  if (options->mode != 0 && (options->mode & 0600) != 0600)
    return refuse(place, "mode must let the owner read and write (0600)");
  if (options->slots > TN_SLOTS_MAX)
    return refuse(place, "slots: at most 2046");
  if (options->hold > TN_HOLD_MAX)
    return refuse(place, "hold: at most 15");
  if (options->spin_ns < TARN_SPIN_ONLY)
    return refuse(place, "spin_ns: nanoseconds, 0 or TARN_SPIN_ONLY");
  int stream = kind->id == TARN_KIND_STREAM;
  if (!stream && (options->policy != 0 || options->from != 0 || options->max_deliveries != 0))
    return refuse(place, "policy, from and max_deliveries are a stream's");
  if (stream && options->limit_bytes != 0)
    return refuse(place, "limit_bytes is a board's");
  if (options->policy > TARN_OVERWRITE)
    return refuse(place, "policy is TARN_WAIT, TARN_FAIL or TARN_OVERWRITE");
  return 0;
}

int tn_options_read(const tarn_options *given, const tn_kind *kind, const tn_place *place, tarn_options *ret_options) {
  tarn_options options;
  int result = copy_given(given, place, &options);
  if (result == 0)
    result = check_fields(&options, kind, place);
  if (result == 0)
    *ret_options = options;
  return result;
}

static int differ(const tn_place *place, const char *what, unsigned asked, unsigned there) {
  return tn_fail(TARN_E_MISMATCH, "%s \"%s\": %s: %u was asked for, but it was made with %u; ask for that, or remove it first",
                 tn_kind_word(place->kind), place->name, what, asked, there);
}

static int differ_in_policy(const tn_place *place, uint32_t asked, uint32_t there) {
  static const char *const words[] = {"TARN_WAIT", "TARN_FAIL", "TARN_OVERWRITE"};
  return tn_fail(TARN_E_MISMATCH, "%s \"%s\": policy: %s was asked for, but it was made with %s; ask for that, or remove it first",
                 tn_kind_word(place->kind), place->name, words[asked], there <= TARN_OVERWRITE ? words[there] : "none");
}

static int lacks(const tn_place *place, uint32_t flags) {
  const char *what = flags & TARN_MANY_WRITERS ? "several writers at once (TARN_MANY_WRITERS)"
                     : flags & TARN_QUEUE      ? "a queue (TARN_QUEUE)"
                                               : "times (TARN_TIMES)";
  return tn_fail(TARN_E_MISMATCH, "%s \"%s\": %s: asked for, but it was made without; do not ask for that, or remove it first",
                 tn_kind_word(place->kind), place->name, what);
}

int tn_options_agree(const tarn_options *options, const tn_header *header, const tn_place *place) {
  if (options->slots != 0 && options->slots != header->slots)
    return differ(place, "slots", options->slots, header->slots);
  if (options->hold != 0 && options->hold != header->hold)
    return differ(place, "hold", options->hold, header->hold);
  if (options->policy != 0 && options->policy != header->policy)
    return differ_in_policy(place, options->policy, header->policy);
  uint32_t asked = options->flags & FLAGS_THAT_STAY;
  if ((asked & header->flags) != asked)
    return lacks(place, asked & ~header->flags);
  if (options->max_deliveries != 0 && options->max_deliveries != header->max_deliveries)
    return differ(place, "max_deliveries", options->max_deliveries, header->max_deliveries);
  return 0;
}
