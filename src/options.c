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

static int check_fields(const tarn_options *options, const tn_kind *kind, const tn_place *place) {
  uint32_t flags = options->flags;
  if (flags & ~(uint32_t)FLAGS_KNOWN)
    return tn_fail(TARN_E_UNSUPPORTED, "%s \"%s\": options: flags %#x are not known to this Tarn (%s)", tn_kind_word(place->kind),
                   place->name, flags & ~(uint32_t)FLAGS_KNOWN, tarn_version());
  if (flags & ~(FLAGS_OF_ALL | kind->option_flags))
    return refuse(place, "a flag of another kind is set");
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
    return differ(place, "policy", options->policy, header->policy);
  uint32_t asked = options->flags & FLAGS_THAT_STAY;
  if ((asked & header->flags) != asked)
    return lacks(place, asked & ~header->flags);
  if (options->max_deliveries != 0 && options->max_deliveries != header->max_deliveries)
    return differ(place, "max_deliveries", options->max_deliveries, header->max_deliveries);
  return 0;
}
