/* header.c: a channel file's header: made, sealed, checked.
 *
 * The header is complete before the file has a name and is never written again, so one checksum over it tells a damaged file
 * from a good one; nobody needs to guess. The order of the checks matters: the magic says whether the rest means anything, the
 * major number whether this build knows what it means (a newer one may have put the checksum elsewhere), the checksum whether it
 * is what the creator wrote, and the limits whether the creator was sane: a hostile creator can seal nonsense.
 */
#include "header.h"

#include <string.h>
#include <tarn/base.h>

#include "error.h"
#include "record.h"

static uint32_t crc32(const void *data, size_t size) {
  const unsigned char *bytes = data;
  uint32_t crc = UINT32_MAX;
  for (size_t i = 0; i < size; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++)
      crc = crc >> 1 ^ ((crc & 1) ? UINT32_C(0xEDB88320) : 0);
  }
  return ~crc;
}

void tn_header_seal(tn_header *header) {
  header->checksum = crc32(header, offsetof(tn_header, checksum));
}

static uint64_t round_up(uint64_t value, uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

void tn_header_arrange(tn_header *header, uint32_t slots, uint32_t entries) {
  header->slots = slots;
  header->entries = entries;
  header->table_offset = TN_PAGE;
  header->control_offset = header->table_offset + (uint64_t)slots * sizeof(tn_slot);
  header->entries_offset = header->control_offset + sizeof(tn_control);
  header->data_offset = round_up(header->entries_offset + (uint64_t)entries * sizeof(tn_entry), TN_ALIGN);
}

/* Who looks on knows no kind, and follows a ring and reads intents all the same. */
static const char *impossible_stream(const tn_header *header) {
  if (!tn_record_is_ring(header->data_bytes))
    return "the size of its ring";
  if (header->entries != tn_record_entries(header->flags, header->slots, header->hold))
    return "the number of entries";
  return NULL;
}

/* The text of what cannot be, or NULL. */
static const char *impossible(const tn_header *header, uint64_t size_bytes) {
  if (header->header_bytes != sizeof(tn_header))
    return "the header's own size";
  if (header->slots < 1 || header->slots > TN_SLOTS_MAX)
    return "the number of slots";
  if (header->hold < 1 || header->hold > TN_HOLD_MAX)
    return "the number of holds";
  if (header->entries > UINT16_MAX)
    return "the number of buffers";
  if (header->first_number < 1)
    return "the first number";
  tn_header expected = *header;
  tn_header_arrange(&expected, header->slots, header->entries);
  if (memcmp(&expected, header, sizeof expected) != 0)
    return "where its parts lie";
  if (size_bytes < header->data_offset || header->data_bytes > size_bytes - header->data_offset)
    return "the file is shorter than its header says";
  return NULL;
}

static int check_kind(const tn_header *header, const tn_kind *kind, const tn_place *place) {
  if (kind == NULL || header->kind == (uint32_t)kind->id)
    return 0;
  if (header->kind != TARN_KIND_BOARD && header->kind != TARN_KIND_STREAM)
    return tn_fail(TARN_E_KIND, "%s \"%s\": it is a channel of a kind (%u) that this Tarn does not know", tn_kind_word(kind->id),
                   place->name, header->kind);
  return tn_fail(TARN_E_KIND, "%s \"%s\": it is a %s; open it as one, or choose another name", tn_kind_word(kind->id), place->name,
                 tn_kind_word((int)header->kind));
}

static uint64_t known_features(const tn_header *header) { return header->kind == TARN_KIND_STREAM ? TN_FEATURES : 0; }

/* What to do about a file that never was a channel, or is one no more. Who gave a path may have meant something else, which must not
 * be removed for that. */
static const char *remedy(const tn_place *place) {
  return place->plain ? "remove it with `tarn rm`" : "give the path of a channel's file, or one where there is none yet";
}

int tn_header_check(const tn_header *header, const tn_kind *kind, uint64_t size_bytes, const tn_place *place) {
  const char *word = tn_kind_word(place->kind);
  if (memcmp(header->magic, TN_MAGIC, sizeof header->magic) != 0)
    return tn_fail(TARN_E_CORRUPT, "%s \"%s\": the file is no channel of Tarn's (it does not begin as one); %s", word, place->name,
                   remedy(place));
  if (header->major != TN_FORMAT_MAJOR)
    return tn_fail(TARN_E_VERSION, "%s \"%s\": its format is %u.%u, this Tarn knows %u.%u; use programs of one version", word,
                   place->name, header->major, header->minor, TN_FORMAT_MAJOR, TN_FORMAT_MINOR);
  if (header->checksum != crc32(header, offsetof(tn_header, checksum)))
    return tn_fail(TARN_E_CORRUPT, "%s \"%s\": its header is damaged (the checksum is wrong); remove it with `tarn rm`", word,
                   place->name);
  if ((header->incompatible & ~known_features(header)) != 0)
    return tn_fail(TARN_E_VERSION, "%s \"%s\": it needs features (%#llx) that this Tarn, whose format is %u.%u, does not have",
                   word, place->name, (unsigned long long)header->incompatible, TN_FORMAT_MAJOR, TN_FORMAT_MINOR);
  int result = check_kind(header, kind, place);
  if (result != 0)
    return result;
  const char *wrong = impossible(header, size_bytes);
  if (wrong == NULL && header->kind == TARN_KIND_STREAM && place->kind == TARN_KIND_STREAM)
    wrong = impossible_stream(header);
  if (wrong == NULL && kind != NULL)
    wrong = kind->impossible(header);
  if (wrong != NULL)
    return tn_fail(TARN_E_CORRUPT, "%s \"%s\": its header cannot be right: %s; remove it with `tarn rm`", word, place->name,
                   wrong);
  return 0;
}

int tn_header_read(const tn_os_file *file, const tn_kind *kind, const tn_place *place, tn_header *ret_header) {
  tn_header header;
  uint64_t length = 0;
  tn_os_status status;
  int result = tn_os_status_of(file, &status);
  if (result == 0)
    result = tn_os_read_at(file, 0, &header, sizeof header, &length);
  if (result != 0)
    return tn_fail(result, "%s \"%s\": its header cannot be read: %s", tn_kind_word(place->kind), place->name, tn_os_reason());
  if (length < sizeof header)
    return tn_fail(TARN_E_CORRUPT, "%s \"%s\": the file has %llu bytes, too few for a channel; %s",
                   tn_kind_word(place->kind), place->name, (unsigned long long)length, remedy(place));
  result = tn_header_check(&header, kind, status.size_bytes, place);
  if (result == 0)
    *ret_header = header;
  return result;
}
