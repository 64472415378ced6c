/* board_free_test.c: which buffer a version gets. The writer's list of free ones may have none twice, and neither the current one nor one that
 * a reader holds; and they are used round and round, so that each rests as long as it can. */
#include "board_inside.h"
#include "boards.h"

enum { STEP = 64 << 10, HOLD = 4 };

static uint32_t current_buffer(const tarn_board *writer) { return TN_BOARD_BUFFER(writer->current); }

static void check_list(const tarn_board *writer, const tarn_item *items, const uint32_t *held) {
  unsigned char taken[1024] = {0};
  CHECK(writer->used < sizeof taken);
  if (writer->current != 0)
    taken[current_buffer(writer)] = 1;
  for (int i = 0; items != NULL && i < HOLD; i++)
    if (items[i].token != 0)
      taken[held[i]] = 1;
  for (uint32_t i = 0; i < writer->known_free_count; i++) {
    uint32_t buffer = writer->known_free[i];
    CHECK(buffer < writer->used && writer->views[buffer].address != NULL);
    CHECK(!taken[buffer]);
    taken[buffer] = 1;
  }
}

static void claim_and_abandon(tarn_board *writer, uint64_t size_bytes) {
  uint32_t before = writer->known_free_count, scans = writer->scans, used = writer->used;
  void *room;
  int result = tarn_board_claim(writer, size_bytes, &room, 0);
  if (result == TARN_FULL)
    return;
  CHECK_OK(result);
  memset(room, 0xee, (size_t)size_bytes);
  CHECK_OK(tarn_board_abandon(writer));
  if (before != 0 && writer->scans == scans && writer->used == used)
    CHECK_UINT(before, writer->known_free_count);
}

/* Small values, some of them claimed and given up: of any so many versions as there are buffers each lies in another. */
static void test_round_and_round(void) {
  enum { VERSIONS = 400, WARM = 100 };
  tarn_board *writer = open_writer("free", NULL);
  static uint32_t buffers[VERSIONS];
  for (uint32_t i = 0; i < VERSIONS; i++) {
    for (uint64_t given_up = check_random() % 4; i > 0 && given_up > 0; given_up--) {
      claim_and_abandon(writer, 100);
      check_list(writer, NULL, NULL);
    }
    put_text(writer, "value");
    check_list(writer, NULL, NULL);
    buffers[i] = current_buffer(writer);
  }
  CHECK(writer->used > 2);
  for (uint32_t i = WARM; i < VERSIONS; i++)
    for (uint32_t back = 1; back < writer->used; back++)
      CHECK(buffers[i] != buffers[i - back]);
  tarn_board_close(writer);
}

/* What holds, whatever is published, given up, held and released, in buffers of every size. */
/* Returns how often there was no room. */
static int any_order(const tarn_options *options) {
  static uint64_t words[8 * STEP / 8];
  tarn_board *writer = open_writer("free", options), *reader = open_reader("free");
  tarn_item items[HOLD] = {{0}};
  uint32_t held[HOLD] = {0};
  int full = 0;
  for (uint64_t version = 1, round = 0; round < 3000; round++) {
    uint64_t size_bytes = check_random() % 4 != 0 ? 64 : check_random() % (8 * STEP / 8) * 8;
    uint32_t i = (uint32_t)(check_random() % HOLD);
    if (check_random() % 3 == 0)
      claim_and_abandon(writer, size_bytes);
    check_list(writer, items, held);
    fill_pattern(words, size_bytes / 8, version);
    int result = tarn_board_put(writer, words, size_bytes, NULL, 0);
    if (result == TARN_FULL)
      full++;
    else
      CHECK_OK(result);
    version += result == 0;
    check_list(writer, items, held);
    if (items[i].token != 0) {
      check_pattern(items[i].data, items[i].size_bytes, items[i].number);
      CHECK_OK(tarn_board_release(reader, &items[i]));
    } else if (tarn_board_read(reader, &items[i], 0) == 0) {
      held[i] = current_buffer(writer);
      check_pattern(items[i].data, items[i].size_bytes, items[i].number);
    } else {
      items[i].token = 0;
    }
  }
  for (int i = 0; i < HOLD; i++)
    if (items[i].token != 0) {
      check_pattern(items[i].data, items[i].size_bytes, items[i].number);
      CHECK_OK(tarn_board_release(reader, &items[i]));
    }
  tarn_board_close(reader);
  tarn_board_close(writer);
  return full;
}

static void test_any_order(void) { CHECK_INT(0, any_order(NULL)); }

static void test_any_order_under_a_limit(void) {
  const tarn_options options = {.struct_size = sizeof options, .limit_bytes = 2 << 20};
  CHECK(any_order(&options) != 0);
}

static const check_test tests[] = {{"round_and_round", test_round_and_round, 0},
                                   {"any_order", test_any_order, 0},
                                   {"any_order_under_a_limit", test_any_order_under_a_limit, 0},
                                   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, NULL); }
