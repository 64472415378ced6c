/* cli/type.c: what bytes seem to be. A guess for people and for `show`; nothing else depends on it. */
#include "cli.h"

#include <string.h>

typedef struct beginning {
  const char *bytes;
  size_t size;
  const char *type;
} beginning;

static const beginning beginnings[] = {
    {"\x89PNG\r\n\x1a\n", 8, "image/png"},
    {"\xff\xd8\xff", 3, "image/jpeg"},
    {"GIF8", 4, "image/gif"},
    {"%PDF-", 5, "application/pdf"},
    {"\x1f\x8b", 2, "application/gzip"},
    {"PK\x03\x04", 4, "application/zip"},
    {"\x7f"
     "ELF",
     4, "application/x-elf"},
};

typedef struct ending {
  const char *text, *type;
} ending;

/* Only for bytes that are text: what it is cannot be seen in them. */
static const ending endings[] = {
    {".json", "application/json"}, {".csv", "text/csv"},        {".html", "text/html"},
    {".svg", "image/svg+xml"},     {".xml", "application/xml"}, {".md", "text/markdown"},
};

size_t cli_utf8_length(const uint8_t *bytes, size_t size) {
  if (size == 0) return 0;
  uint8_t first = bytes[0];
  if (first < 0x80) return 1;
  size_t length = first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
  if (length == 0 || length > size) return 0;
  for (size_t i = 1; i < length; i++) {
    if ((bytes[i] & 0xc0) != 0x80) return 0;
  }
  /* longer than needed, half of a UTF-16 pair, beyond U+10FFFF */
  if ((first == 0xe0 && bytes[1] < 0xa0) || (first == 0xed && bytes[1] >= 0xa0)) return 0;
  if ((first == 0xf0 && bytes[1] < 0x90) || (first == 0xf4 && bytes[1] >= 0x90)) return 0;
  return length;
}

/* Whether bytes could be the beginning of a character that was cut off. */
static bool is_cut_character(const uint8_t *bytes, size_t size) {
  static const uint8_t filler[3] = {0x80, 0x90, 0xa0}; /* one of these completes whatever can be completed */
  for (size_t i = 0; i < sizeof filler; i++) {
    uint8_t whole[4] = {filler[i], filler[i], filler[i], filler[i]};
    if (size >= sizeof whole) return false;
    memcpy(whole, bytes, size);
    if (cli_utf8_length(whole, sizeof whole) > size) return true;
  }
  return false;
}

bool cli_is_text(const uint8_t *bytes, size_t size) {
  size_t at = 0;
  while (at < size) {
    size_t length = cli_utf8_length(bytes + at, size - at);
    if (length == 0) return at > 0 && is_cut_character(bytes + at, size - at);
    if (length == 1 && bytes[at] < 32 && !strchr("\t\n\r\f\x1b", bytes[at])) return false;
    if (bytes[at] == 0 || bytes[at] == 127) return false;
    at += length;
  }
  return true;
}

static bool ends_with(const char *path, const char *end) {
  size_t length = strlen(path), end_length = strlen(end);
  return length >= end_length && strcmp(path + length - end_length, end) == 0;
}

/* Two letters alone would make a picture of many a text: the size of the header behind them must be a small number too. */
static bool is_bmp(const uint8_t *bytes, size_t size) {
  return size >= 18 && bytes[0] == 'B' && bytes[1] == 'M' && bytes[14] >= 12 && !bytes[15] && !bytes[16] && !bytes[17];
}

const char *cli_guess_type(const uint8_t *bytes, size_t size, const char *path) {
  enum { LOOKED_AT = 4096 };
  if (is_bmp(bytes, size)) return "image/bmp";
  for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
    if (size >= beginnings[i].size && memcmp(bytes, beginnings[i].bytes, beginnings[i].size) == 0) return beginnings[i].type;
  }
  if (size == 0 || !cli_is_text(bytes, size < LOOKED_AT ? size : LOOKED_AT)) return "application/octet-stream";
  for (size_t i = 0; path && i < sizeof(endings) / sizeof(endings[0]); i++) {
    if (ends_with(path, endings[i].text)) return endings[i].type;
  }
  return "text/plain";
}
