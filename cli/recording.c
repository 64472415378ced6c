/* cli/recording.c: recordings as bytes; see docs/recording.md. Everything is least significant byte first, at fixed places. */
#include "recording.h"

#include <string.h>
#include <tarn/tarn.h>

static const uint8_t magic[8] = {0x89, 'T', 'A', 'R', 'N', '\r', '\n', 0x1a};
static const uint8_t record_magic[4] = {'R', 'E', 'C', 'D'};
enum { MAJOR = 1, MINOR = 0 };

/* ---- Checksums ------------------------------------------------------------------------------------------------------------- */

/* tables[n][b]: what byte b does to the sum when n more bytes follow; eight bytes go at once. */
static uint32_t tables[8][256];

static void fill_tables(void) {
  for (uint32_t b = 0; b < 256; b++) {
    uint32_t sum = b;
    for (int bit = 0; bit < 8; bit++) sum = sum & 1 ? sum >> 1 ^ UINT32_C(0x82f63b78) : sum >> 1;
    tables[0][b] = sum;
  }
  for (uint32_t b = 0; b < 256; b++) {
    for (int n = 1; n < 8; n++) tables[n][b] = tables[n - 1][b] >> 8 ^ tables[0][tables[n - 1][b] & 255];
  }
}

uint32_t cli_crc32c(uint32_t sum, const void *bytes, size_t size) {
  const uint8_t *at = bytes;
  if (!tables[0][1]) fill_tables();
  sum = ~sum;
  for (; size >= 8; at += 8, size -= 8) {
    uint64_t word = cli_take_number(at, 8) ^ sum;
    sum = 0;
    for (int n = 0; n < 8; n++) sum ^= tables[7 - n][word >> 8 * n & 255];
  }
  while (size-- > 0) sum = sum >> 8 ^ tables[0][(sum ^ *at++) & 255];
  return ~sum;
}

/* ---- Numbers --------------------------------------------------------------------------------------------------------------- */

void cli_put_number(uint8_t *to, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; i++) to[i] = (uint8_t)(value >> 8 * i);
}

uint64_t cli_take_number(const uint8_t *from, size_t size) {
  uint64_t value = 0;
  while (size-- > 0) value = value << 8 | from[size];
  return value;
}

static uint32_t take32(const uint8_t *from) { return (uint32_t)cli_take_number(from, 4); }
static uint64_t take64(const uint8_t *from) { return cli_take_number(from, 8); }

/* ---- The header of the file ---------------------------------------------------------------------------------------------------- */

enum { NAME_AT = 64, HEADER_SUM_AT = 60 };

static uint32_t header_sum(const uint8_t *bytes) {
  uint32_t sum = cli_crc32c(0, bytes, HEADER_SUM_AT);
  return cli_crc32c(sum, bytes + NAME_AT, CLI_RECORDING_NAME);
}

void cli_recording_encode(const cli_recording *recording, uint8_t bytes[CLI_RECORDING_HEADER]) {
  memset(bytes, 0, CLI_RECORDING_HEADER);
  memcpy(bytes, magic, sizeof magic);
  cli_put_number(bytes + 8, MAJOR, 2);
  cli_put_number(bytes + 10, MINOR, 2);
  cli_put_number(bytes + 12, recording->kind, 4);
  cli_put_number(bytes + 16, (uint64_t)recording->start_ns, 8);
  cli_put_number(bytes + 24, recording->size_bytes, 8);
  cli_put_number(bytes + 32, recording->offset, 8);
  cli_put_number(bytes + 40, recording->policy, 4);
  cli_put_number(bytes + 44, recording->flags, 4);
  memcpy(bytes + NAME_AT, recording->name, strlen(recording->name));
  cli_put_number(bytes + HEADER_SUM_AT, header_sum(bytes), 4);
}

const char *cli_recording_decode(const uint8_t bytes[CLI_RECORDING_HEADER], cli_recording *ret_recording) {
  cli_recording r = {.kind = take32(bytes + 12),
                     .policy = take32(bytes + 40),
                     .flags = take32(bytes + 44),
                     .start_ns = (int64_t)take64(bytes + 16),
                     .size_bytes = take64(bytes + 24),
                     .offset = take64(bytes + 32)};
  if (memcmp(bytes, magic, sizeof magic) != 0) return "it is no recording of Tarn's";
  if (cli_take_number(bytes + 8, 2) != MAJOR) return "its format is one that this version of tarn does not know";
  if (take32(bytes + HEADER_SUM_AT) != header_sum(bytes)) return "its header is damaged";
  if (r.kind < TARN_KIND_MAP || r.kind > TARN_KIND_STREAM)
    return "its header names a kind that this version of tarn does not know";
  if (bytes[NAME_AT + CLI_RECORDING_NAME - 1] != 0 || r.policy > TARN_OVERWRITE || r.offset > INT64_MAX ||
      r.size_bytes > INT64_MAX)
    return "its header says something that cannot be";
  memcpy(r.name, bytes + NAME_AT, CLI_RECORDING_NAME);
  *ret_recording = r;
  return NULL;
}

/* ---- The header of a record ------------------------------------------------------------------------------------------------------ */

enum { RECORD_SUM_AT = 76 };

void cli_record_encode(const cli_record *record, uint8_t bytes[CLI_RECORD_HEADER]) {
  memset(bytes, 0, CLI_RECORD_HEADER);
  memcpy(bytes, record_magic, sizeof record_magic);
  cli_put_number(bytes + 4, record->what, 4);
  cli_put_number(bytes + 8, record->index, 8);
  cli_put_number(bytes + 16, (uint64_t)record->at_ns, 8);
  cli_put_number(bytes + 24, record->data_bytes, 8);
  cli_put_number(bytes + 32, record->number, 8);
  cli_put_number(bytes + 40, record->missed, 8);
  cli_put_number(bytes + 48, record->tag, 8);
  cli_put_number(bytes + 56, (uint64_t)record->time_ns, 8);
  cli_put_number(bytes + 64, record->type_bytes, 4);
  cli_put_number(bytes + 68, record->payload_sum, 4);
  cli_put_number(bytes + RECORD_SUM_AT, cli_crc32c(0, bytes, RECORD_SUM_AT), 4);
}

const char *cli_record_decode(const uint8_t bytes[CLI_RECORD_HEADER], cli_record *ret_record) {
  cli_record r = {.what = take32(bytes + 4),
                  .index = take64(bytes + 8),
                  .at_ns = (int64_t)take64(bytes + 16),
                  .data_bytes = take64(bytes + 24),
                  .number = take64(bytes + 32),
                  .missed = take64(bytes + 40),
                  .tag = take64(bytes + 48),
                  .time_ns = (int64_t)take64(bytes + 56),
                  .type_bytes = take32(bytes + 64),
                  .payload_sum = take32(bytes + 68)};
  if (memcmp(bytes, record_magic, sizeof record_magic) != 0) return "no record begins where one should";
  if (take32(bytes + RECORD_SUM_AT) != cli_crc32c(0, bytes, RECORD_SUM_AT)) return "the checksum of a record's header is wrong";
  if (r.at_ns < 0 || r.data_bytes > INT64_MAX || r.type_bytes > CLI_RECORD_TYPE_MOST)
    return "a record's header says something that cannot be";
  *ret_record = r;
  return NULL;
}

size_t cli_record_padding(const cli_record *record) {
  uint64_t size = record->type_bytes + record->data_bytes;
  return (size_t)((CLI_RECORD_ALIGNMENT - size % CLI_RECORD_ALIGNMENT) % CLI_RECORD_ALIGNMENT);
}
