/* cli/recording.h: recordings as bytes. docs/recording.md has the format; this is the one place that writes and reads it. */
#ifndef CLI_RECORDING_H
#define CLI_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  CLI_RECORDING_HEADER = 320,
  CLI_RECORD_HEADER = 80,
  CLI_RECORDING_NAME = 256, /* its NUL included */
  CLI_RECORD_ALIGNMENT = 8, /* records begin at multiples of it */
  CLI_RECORD_TYPE_MOST = 1023
};

/* The whole file, as its header tells it. */
typedef struct cli_recording {
  uint32_t kind;   /* TARN_KIND_... */
  uint32_t policy; /* stream */
  uint32_t flags;  /* as the channel was created: TARN_TIMES */
  int64_t start_ns;
  uint64_t size_bytes; /* map: all of it; stream: its ring; board: 0 */
  uint64_t offset;     /* map: where the recorded part begins */
  char name[CLI_RECORDING_NAME];
} cli_recording;

enum {
  CLI_RECORD_CONTENT = 1, /* a version, a message, or all of a map's part */
  CLI_RECORD_CHANGE = 2,  /* map: runs of bytes, each behind its offset and length */
  CLI_RECORD_END = 3      /* nothing is missing */
};

typedef struct cli_record {
  uint32_t what;       /* CLI_RECORD_... */
  uint32_t type_bytes; /* board: the type in front of the data */
  uint64_t index;      /* 1, 2, 3... */
  int64_t at_ns;       /* since the start */
  uint64_t data_bytes;
  uint64_t number, missed;
  uint64_t tag;    /* map: its size in bytes at that moment */
  int64_t time_ns; /* Unix time at which it was published; 0: not known */
  uint32_t payload_sum;
} cli_record;

/* CRC-32C of more bytes, after those that sum is of; 0 to begin with. */
uint32_t cli_crc32c(uint32_t sum, const void *bytes, size_t size);

void cli_put_number(uint8_t *to, uint64_t value, size_t size); /* least significant byte first */
uint64_t cli_take_number(const uint8_t *from, size_t size);

void cli_recording_encode(const cli_recording *recording, uint8_t ret_bytes[CLI_RECORDING_HEADER]);
void cli_record_encode(const cli_record *record, uint8_t ret_bytes[CLI_RECORD_HEADER]);

/* NULL, or what is wrong with the bytes; then nothing was set. */
const char *cli_recording_decode(const uint8_t bytes[CLI_RECORDING_HEADER], cli_recording *ret_recording);
const char *cli_record_decode(const uint8_t bytes[CLI_RECORD_HEADER], cli_record *ret_record);

/* Bytes from the end of the record's payload to the next record. */
size_t cli_record_padding(const cli_record *record);

#endif
