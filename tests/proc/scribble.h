/* scribble.h: what the tests share in which a process writes random bytes over everything, while others go on using it. */
#ifndef SCRIBBLE_H
#define SCRIBBLE_H

#include "boards.h"
#include "header.h"
#include "layout.h"
#include "os/os.h"

/* ---- Those who are scribbled at ------------------------------------------------------------------------------------------------------ */

static uint64_t failures; /* that this process was told of */

/* The time of each begins when all are there: starting them may take longer than they are to live. */
static inline int64_t end_after(const char *time) {
  check_say("ready");
  check_hear();
  return check_now() + atoll(time);
}

/* Only results that exist, and none that came too late. */
static inline int legal(int result, int64_t start) {
  CHECK((result <= 0 && result >= TARN_BUSY) || (result <= TARN_E_INVALID && result >= TARN_E_SYSTEM));
  if (result <= TARN_E_INVALID) {
    CHECK(tarn_error_text()[0] != 0);
    failures++;
  }
  CHECK(check_now() - start < 5000 * (int64_t)MS);
  return result;
}

/* Every byte of an item must be there to be read. */
static inline uint64_t touch(const void *data, uint64_t size) {
  const volatile unsigned char *bytes = data;
  uint64_t sum = 0;
  for (uint64_t i = 0; i < size; i += 64)
    sum += bytes[i];
  return size != 0 ? sum + bytes[size - 1] : sum;
}

static inline int look_at_entry(const tarn_entry *entry, void *argument) {
  (void)argument;
  CHECK(memchr(entry->name, 0, sizeof entry->name) != NULL);
  CHECK(memchr(entry->why, 0, sizeof entry->why) != NULL);
  return 0;
}

/* ---- The scribbler --------------------------------------------------------------------------------------------------------------------- */

/* Values that mean something are worse than noise. */
static inline uint64_t nasty(void) {
  uint64_t small = check_random() % 8, version = check_random() % 1000 + 1;
  switch (check_random() % 10) {
    case 0: return check_random();
    case 1: return small;
    case 2: return version << 16 | small;         /* a word like `current` */
    case 3: return small << 16;                   /* an offset or capacity that could be */
    case 4: return UINT64_MAX - small;
    case 5: return (UINT64_C(1) << 62) - small * TN_ALIGN;
    case 6: return UINT64_C(1) << (check_random() % 64);
    case 7: return UINT64_C(1) << 60 | (small + 1) << 48 | (check_random() & 0xff);  /* a record's word: claimed by some slot */
    case 8: return UINT64_C(11) << 60 | (small + 1) << 48 | (check_random() & 0xff); /* taken by some slot */
    default: return check_random() & 0xffff;
  }
}

static inline void scribble(unsigned char *bytes, uint64_t from, uint64_t to) {
  uint64_t value = nasty();
  uint64_t size = UINT64_C(1) << check_random() % 4;
  uint64_t at = from + check_random() % (to - from) / size * size; /* in one piece, as hostile programs write, too */
  memcpy(bytes + at, &value, (size_t)size);
}

/* Over the first `size` bytes of a file, for so long: three times in four over a word that matters, else anywhere behind `from`. */
static inline int scribble_over(const char *file_name, uint64_t size, uint64_t (*word_that_matters)(void), const char *time, const char *from) {
  uint64_t begin = strtoull(from, NULL, 10), count = 0;
  for (int64_t end = end_after(time); check_now() < end;) {
    tn_os_file file;
    void *bytes = NULL;
    char path[TN_OS_PATH];
    CHECK_OK(tn_os_full_path(check_path(file_name), path));
    if (tn_os_open(&file, path, TN_OS_WRITE, 0) != 0) {
      check_sleep(MS / 10);
      continue;
    }
    CHECK_OK(tn_os_map(&file, 0, size, TN_OS_WRITE, 0, &bytes, NULL)); /* it has all its room before it has a name */
    int pace = (int)(check_random() % 3);
    for (int i = 0; i < 400; i++, count++) {
      uint64_t word = word_that_matters();
      if (check_random() % 4 == 0)
        scribble(bytes, begin, size);
      else
        scribble(bytes, word, word + 8);
      if (pace != 0 && i % 4 == 0)
        check_sleep(pace * 10000);
    }
    tn_os_unmap(bytes, size);
    tn_os_close(&file);
  }
  check_say("scribbled %llu times", (unsigned long long)count);
  return count > 1000 ? 0 : 1;
}

/* Starts the victims in their roles and the scribbler beside them; all must come to their end by themselves. */
static inline void scribble_at(const char *const *roles, int count, const char *from) {
  check_process *victims[16], *scribbler;
  char time[32];
  snprintf(time, sizeof time, "%llu", (unsigned long long)amount("TARN_TEST_SCRIBBLE_SECONDS", 2) * 1000000000);
  CHECK(count <= 16);
  for (int i = 0; i < count; i++)
    victims[i] = check_start(roles[i], time, NULL);
  scribbler = check_start("scribbler", time, from, NULL);
  for (int i = 0; i <= count; i++)
    check_expect(i < count ? victims[i] : scribbler, "ready");
  for (int i = 0; i <= count; i++)
    check_tell(i < count ? victims[i] : scribbler, "go");
  for (int i = 0; i < count; i++) {
    for (const char *line; (line = check_line(victims[i])) != NULL;)
      check_say("%s: %s", roles[i], line);
    CHECK_INT(0, check_wait(victims[i]));
  }
  for (const char *line; (line = check_line(scribbler)) != NULL;)
    check_say("%s", line);
  CHECK_INT(0, check_wait(scribbler));
}

#endif
