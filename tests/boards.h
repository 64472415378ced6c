/* boards.h: what tests of boards say again and again. Values carry their own proof: every 64-bit word of a pattern says which version
 * it belongs to, so a reader that was given parts of two versions finds out. */
#ifndef BOARDS_H
#define BOARDS_H

#include <tarn/tarn.h>

#include "check.h"

enum { MS = 1000000 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BOARDS_SLOW_BUILD 1
#else
#define BOARDS_SLOW_BUILD 0
#endif
/* The thread sanitizer makes system calls of its own, and takes the child of a raw clone() for a thread. */
#ifdef __SANITIZE_THREAD__
#define BOARDS_THREADS_WATCHED 1
#else
#define BOARDS_THREADS_WATCHED 0
#endif

static inline tarn_board *open_writer(const char *name, const tarn_options *options) {
  tarn_board *board = NULL;
  CHECK_OK(tarn_board_open(&board, name, TARN_WRITER, options, 0));
  return board;
}

static inline tarn_board *open_reader(const char *name) {
  tarn_board *board = NULL;
  CHECK_OK(tarn_board_open(&board, name, TARN_READER, NULL, 0));
  return board;
}

static inline tarn_options options_with(uint32_t flags) {
  return (tarn_options){.struct_size = sizeof(tarn_options), .flags = flags};
}

static inline void put_text(tarn_board *board, const char *text) {
  CHECK_OK(tarn_board_put(board, text, strlen(text), NULL, 0));
}

/* The newest version must be this text. */
static inline void expect_text(tarn_board *board, const char *text) {
  char data[256];
  tarn_item item;
  CHECK_OK(tarn_board_get(board, data, sizeof data, &item, 0));
  CHECK_UINT(strlen(text), item.size_bytes);
  CHECK_MEM(text, data, strlen(text));
}

/* The last failure's sentence must be one a stranger can act on: it names the thing, and says something more. */
static inline void expect_sentence(const char *name, const char *part) {
  CHECK_CONTAINS(name, tarn_error_text());
  CHECK_CONTAINS(part, tarn_error_text());
  CHECK(strlen(tarn_error_text()) > strlen(name) + 20);
}

static inline void fill_pattern(void *room, uint64_t words, uint64_t version) {
  uint64_t *at = room;
  for (uint64_t i = 0; i < words; i++)
    at[i] = version;
}

/* Every word is `version`. */
static inline void check_pattern(const void *data, uint64_t size_bytes, uint64_t version) {
  const uint64_t *at = data;
  for (uint64_t i = 0; i < size_bytes / 8; i++)
    if (at[i] != version)
      CHECK_UINT(version, at[i]);
}

/* A whole number from the environment: how much of something a run is to do. */
static inline uint64_t amount(const char *variable, uint64_t otherwise) {
  const char *text = getenv(variable);
  return text != NULL && *text != 0 ? strtoull(text, NULL, 10) : otherwise;
}

#endif
