/* error.h: the thread's last failure in words. */
#ifndef TN_ERROR_H
#define TN_ERROR_H

#include <stdint.h>
#include <stdio.h>

#ifdef __MINGW_PRINTF_FORMAT
#define TN_PRINTF __MINGW_PRINTF_FORMAT /* mingw-w64's own printf understands %llu, %zu and PRIu64 alike */
#else
#define TN_PRINTF printf
#endif

/* tn_fail: set this thread's sentence and return code. Say what was tried, on what, why it failed, what to do.
 *   return tn_fail(TARN_E_NO_SLOT, "board \"%s\": all %u slots are taken; create it with more", name, slots); */
int tn_fail(int code, const char *format, ...) __attribute__((format(TN_PRINTF, 2, 3)));

/* Keep this thread's sentence, and put it back: what was tried in vain within a call that goes on to succeed is no failure of its own, and
 * one that follows from another is told as that other. */
enum { TN_SENTENCE = 1024 };
void tn_error_keep(char ret_sentence[TN_SENTENCE]);
void tn_error_put_back(const char sentence[TN_SENTENCE]);

/* A number of bytes as people write it: "4096", "25 MiB", "1.5 GiB". One of a few buffers of this thread. */
const char *tn_bytes(unsigned long long bytes);

/* Why tn_os_reserve found no room, and what to do, as the end of a sentence with each number once. need: the bytes that were asked for;
 * room: what tn_os_room() says there is now. */
void tn_room_words(char *words, size_t size, uint64_t need, uint64_t room);

#endif
