/* stream_notes_test.c: what a hostile process notes in the slot of a reader that sleeps: a cursor, a hold, a claim, intents. Each would keep room,
 * and the reader, which waits for news, would never take it away: the writer gets its room all the same. */
#include "stream_inside.h"
#include "streams.h"

enum { RING = 4096, SIZE = 100, LAPS = 3 };

static int role_sleeper(int argc, char **argv) {
  (void)argv;
  CHECK_INT(0, argc);
  tarn_stream *reader = stream_open("notes", TARN_READER, (tarn_options){0});
  tarn_item item;
  char data[SIZE];
  check_say("%u", reader->channel.slot);
  int result;
  while ((result = tarn_stream_get(reader, data, sizeof data, &item, TARN_FOREVER)) == 0)
    CHECK_UINT(SIZE, item.size_bytes);
  CHECK_RESULT(TARN_NO_WRITER, result);
  tarn_stream_close(reader);
  return 0;
}

/* The writer that may not wait is told that it is full until the room is there. */
static void put_somehow(tarn_stream *writer) {
  static const char data[SIZE];
  int result;
  while ((result = tarn_stream_put(writer, data, sizeof data, NULL, TARN_FOREVER)) == TARN_FULL)
    check_sleep(100000);
  CHECK_OK(result);
}

/* word: which of the slot's, or of its intents. */
static void scribble_at_sleeper(uint32_t policy, uint32_t flags, size_t word, int is_intent) {
  tarn_stream *writer = stream_open("notes", TARN_WRITER, (tarn_options){.size_bytes = RING, .policy = policy, .flags = flags});
  check_process *sleeper = check_start("sleeper", NULL);
  uint32_t slot = (uint32_t)atoi(check_line(sleeper));
  tn_slot *its = &writer->channel.table[slot];
  put_somehow(writer);
  while ((tn_load_relaxed(&its->asleep) & 0xffff) == 0)
    check_sleep(100000);
  tn_atomic64 *at = is_intent ? tn_stream_intents(&writer->channel, slot) + word : (tn_atomic64 *)(void *)its + word;
  tn_store_relaxed(at, 1); /* the stream's first position */
  for (int i = 0; i < LAPS * RING / SIZE; i++)
    put_somehow(writer);
  tarn_stream_close(writer);
  CHECK_INT(0, check_wait(sleeper));
}

static void test_cursor(void) { scribble_at_sleeper(TARN_WAIT, 0, offsetof(tn_slot, cursor) / 8, 0); }

static void test_hold(void) { scribble_at_sleeper(TARN_OVERWRITE, 0, offsetof(tn_slot, stream.held) / 8, 0); }

static void test_claim(void) {
  scribble_at_sleeper(TARN_WAIT, TARN_MANY_WRITERS, offsetof(tn_slot, stream.claim) / 8, 0);
  scribble_at_sleeper(TARN_WAIT, TARN_QUEUE, offsetof(tn_slot, stream.claim) / 8, 0);
}

/* One that items use, the one of get, one that nobody uses. */
static void test_intents(void) {
  for (size_t i = 1; i < 8; i += 3)
    scribble_at_sleeper(TARN_WAIT, TARN_QUEUE, i, 1);
}

static const check_test tests[] = {
    {"cursor", test_cursor, 10}, {"hold", test_hold, 10}, {"claim", test_claim, 10}, {"intents", test_intents, 10}, {0}};

static const check_role roles[] = {{"sleeper", role_sleeper}, {0}};

int main(int argc, char **argv) {
  return check_main(argc, argv, tests, roles);
}
