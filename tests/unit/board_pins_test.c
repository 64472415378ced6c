/* board_pins_test.c: pins that no reader set. A hostile process may store any, and go: the writer is not to wait for what nobody would ever let go
 * of, nor a reader to sleep on pins that it does not know. */
#include "board_inside.h"
#include "boards.h"

enum { SLOTS = 4, HOLD = 2, VERSIONS = 20 };

/* Two buffers, so that a pin on the one that is not current leaves no room. */
static tarn_board *open_limited(void) {
  tarn_options options = {.struct_size = sizeof options, .slots = SLOTS, .hold = HOLD};
  tarn_board *writer = open_writer("pins", &options);
  options.limit_bytes = writer->channel.header.data_offset + 2 * TN_ALIGN;
  tarn_board_close(writer);
  return open_writer("pins", &options);
}

/* Every pin of the slot in turn names each buffer there is. */
static void pin_all(tarn_board *board, uint32_t slot, uint32_t from) {
  static uint32_t turn;
  for (uint32_t pin = from; pin < TN_PINS - (from != 0); pin++)
    tn_store_relaxed(&board->channel.table[slot].pins[pin], (uint16_t)(turn++ % board->channel.header.entries + 1));
}

/* Nobody holds anything: each version is published at once. */
static void publish_some(tarn_board *writer, uint32_t slot, uint32_t from) {
  for (int i = 0; i < VERSIONS; i++) {
    pin_all(writer, slot, from);
    put_text(writer, "value");
  }
}

static void test_of_nobody(void) {
  tarn_board *writer = open_limited(), *reader = open_reader("pins");
  tarn_item item;
  CHECK(reader->channel.slot != writer->channel.slot);
  tn_store_relaxed(&writer->channel.control->join.high_water, SLOTS);
  for (uint32_t slot = 0; slot < SLOTS; slot++) /* of a reader those that readers do not use */
    publish_some(writer, slot, slot == reader->channel.slot ? HOLD : 0);
  put_text(writer, "last");
  CHECK_OK(tarn_board_read(reader, &item, 0)); /* its own count as ever */
  put_text(writer, "value");
  CHECK_RESULT(TARN_FULL, tarn_board_put(writer, "value", 5, NULL, 0));
  CHECK_MEM("last", item.data, 4);
  CHECK_OK(tarn_board_release(reader, &item));
  publish_some(writer, reader->channel.slot, HOLD);
  tarn_board_close(reader);
  tarn_board_close(writer);
}

static int role_sleeper(int argc, char **argv) {
  (void)argv;
  CHECK_INT(0, argc);
  tarn_board *reader = open_reader("pins");
  tarn_item item, next;
  CHECK_OK(tarn_board_read(reader, &item, 0));
  check_say("%u", reader->channel.slot);
  CHECK_OK(tarn_board_read(reader, &next, TARN_FOREVER));
  CHECK_MEM("first", item.data, 5); /* what it holds it still holds */
  CHECK_MEM("second", next.data, 6);
  tarn_board_close(reader);
  CHECK_OK(tarn_board_release(reader, &item));
  CHECK_OK(tarn_board_release(reader, &next));
  return 0;
}

/* It sleeps, holding the newest version, while its other pins come to name the other buffer: the writer waits for room, and gets it. */
static void test_of_a_sleeper(void) {
  for (uint32_t pin = 1; pin < TN_PINS; pin += TN_PINS - 2) {
    tarn_board *writer = open_limited();
    put_text(writer, "zeroth");
    put_text(writer, "zeroth"); /* both buffers are there, and which of them are free is not known */
    put_text(writer, "first");
    CHECK_UINT(0, writer->known_free_count);
    check_process *sleeper = check_start("sleeper", NULL);
    tn_slot *slot = &writer->channel.table[atoi(check_line(sleeper))];
    CHECK_UINT(TN_BOARD_BUFFER(writer->current) + 1, tn_load_relaxed(&slot->pins[0]));
    while ((tn_load_relaxed(&slot->asleep) & 0xffff) == 0)
      check_sleep(MS);
    tn_store_relaxed(&slot->pins[pin], (uint16_t)(2 - TN_BOARD_BUFFER(writer->current)));
    CHECK_OK(tarn_board_put(writer, "second", 6, NULL, TARN_FOREVER));
    CHECK_INT(0, check_wait(sleeper));
    tarn_board_close(writer);
  }
}

static const check_test tests[] = {{"of_nobody", test_of_nobody, 10}, {"of_a_sleeper", test_of_a_sleeper, 10}, {0}};

static const check_role roles[] = {{"sleeper", role_sleeper}, {0}};

int main(int argc, char **argv) {
  return check_main(argc, argv, tests, roles);
}
