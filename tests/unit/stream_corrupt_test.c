/* stream_corrupt_test.c: shared bytes that cannot be, and a ring after a reboot. An answer comes at once; nobody crashes,
 * goes round for ever or leaves the ring. (Run with the address sanitizer, these are also tests of the bounds.) */
#include "header.h"
#include "os/fault.h"
#include "stream_inside.h"
#include "streams.h"

#include <tarn/inspect.h>

enum { RING = 4096, EXTENT = 64 }; /* messages of 48 bytes */

typedef struct trio {
  tarn_stream *writer, *reader, *observer;
} trio;

static trio begin(uint32_t policy, uint64_t messages) {
  trio t = {stream_open("c", TARN_WRITER, (tarn_options){.size_bytes = RING, .policy = policy, .flags = TARN_KEPT}),
            stream_open("c", TARN_READER, (tarn_options){0}), stream_open("c", TARN_OBSERVER, (tarn_options){0})};
  for (uint64_t number = 1; number <= messages; number++)
    stream_put(t.writer, number, 48);
  return t;
}

static void end(trio *t) {
  tarn_stream_close(t->observer);
  tarn_stream_close(t->reader);
  tarn_stream_close(t->writer);
  CHECK_OK(tarn_remove("c", TARN_KIND_STREAM, 0));
}

static void expect_corrupt(int result) {
  CHECK_RESULT(TARN_E_CORRUPT, result);
  CHECK_CONTAINS("stream \"c\"", tarn_error_text());
  CHECK_CONTAINS("position", tarn_error_text());
}

static tn_record *record(const tarn_stream *stream, uint64_t position) { return tn_stream_record(stream, position); }

/* ---- Words that no writer writes ---------------------------------------------------------------------------------------- */

/* Message 2's word becomes this: number 1 is delivered, then everybody is told, and so is the next writer. */
static void with_word(uint32_t policy, uint64_t word, int visible) {
  trio t = begin(policy, 4);
  tarn_item item;
  unsigned char data[RING];
  tn_store_release(&record(t.writer, EXTENT)->word, word);
  stream_get(t.reader, 1, 0);
  stream_get(t.observer, 1, 0);
  if (visible) {
    expect_corrupt(tarn_stream_read(t.reader, &item, TARN_FOREVER));
    expect_corrupt(tarn_stream_get(t.reader, data, sizeof data, &item, 0));
    expect_corrupt(tarn_stream_get(t.observer, data, sizeof data, &item, 1000000));
  } else {
    CHECK_RESULT(TARN_EMPTY, tarn_stream_read(t.reader, &item, 0));
    CHECK_RESULT(TARN_EMPTY, tarn_stream_get(t.observer, data, sizeof data, &item, 0));
  }
  tarn_stream_close(t.writer);
  t.writer = NULL;
  if (word != 0) {
    tarn_options options = {.struct_size = sizeof options};
    expect_corrupt(tarn_stream_open(&t.writer, "c", TARN_WRITER, &options, 0));
    CHECK(t.writer == NULL);
  }
  end(&t);
}

static void test_words(void) {
  for (uint32_t policy = TARN_WAIT; policy <= TARN_OVERWRITE; policy++) {
    for (uint64_t kind = 0; kind < 8; kind++) {
      if (kind != TN_MESSAGE && kind != TN_SKIP) with_word(policy, tn_record_word(kind, 48), 1);
      with_word(policy, tn_record_word(kind, RING), 1);
      with_word(policy, tn_record_word(kind, TN_LENGTH_MASK), 1);
      with_word(policy, tn_record_word(kind, RING - EXTENT), 1); /* one unit more than there is before the end of the ring */
    }
    with_word(policy, tn_record_word(TN_MESSAGE, RING / 2 - 31), 1);
    with_word(policy, tn_record_word(TN_MESSAGE, 48) & ~TN_VISIBLE, 0); /* a claim: not in this version */
    with_word(policy, 1, 0);
  }
}

static void test_numbers(void) {
  static const uint32_t numbers[] = {0, 1, 3, UINT32_MAX};
  for (uint32_t policy = TARN_WAIT; policy <= TARN_OVERWRITE; policy++)
    for (uint32_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
      trio t = begin(policy, 4);
      tarn_item item;
      tn_store_release(&record(t.writer, EXTENT)->label, numbers[i]);
      stream_get(t.reader, 1, 0);
      stream_get(t.observer, 1, 0);
      expect_corrupt(tarn_stream_read(t.reader, &item, TARN_FOREVER));
      expect_corrupt(tarn_stream_get(t.observer, NULL, 0, &item, 0));
      end(&t);
    }
}

/* A ring of skips, each numbered as the message that never comes. */
static void test_nothing_but_skips(void) {
  for (uint32_t policy = TARN_WAIT; policy <= TARN_OVERWRITE; policy++)
    for (uint64_t extent = TN_UNIT; extent <= RING; extent *= 4) {
      trio t = begin(policy, 0);
      for (uint64_t position = 0; position < RING; position += extent) {
        tn_store_relaxed(&record(t.writer, position)->label, 1);
        tn_store_release(&record(t.writer, position)->word, tn_record_word(TN_SKIP, extent - TN_UNIT));
      }
      tarn_item item;
      tarn_stream *late;
      tarn_options options = {.struct_size = sizeof options, .from = TARN_NEXT};
      expect_corrupt(tarn_stream_read(t.reader, &item, TARN_FOREVER));
      expect_corrupt(tarn_stream_get(t.observer, NULL, 0, &item, TARN_FOREVER));
      CHECK_OK(tarn_stream_open(&late, "c", TARN_READER, &options, 0)); /* which ends somewhere */
      expect_corrupt(tarn_stream_read(late, &item, 0));
      tarn_stream_close(late);
      tarn_stream_close(t.writer);
      options.from = 0;
      expect_corrupt(tarn_stream_open(&t.writer, "c", TARN_WRITER, &options, 0));
      t.writer = NULL;
      end(&t);
    }
}

/* ---- Floor and tail ----------------------------------------------------------------------------------------------------- */

static void open_everything(int may_work) {
  static const uint64_t starts[] = {TARN_OLDEST, TARN_NEXT, 3, UINT64_MAX - 1};
  for (int role = TARN_READER; role <= TARN_OBSERVER; role++)
    for (uint32_t i = 0; i < 4; i++) {
      tarn_options options = {.struct_size = sizeof options, .from = role != TARN_WRITER ? starts[i] : 0};
      tarn_stream *stream;
      tarn_item item;
      unsigned char data[RING];
      int result = tarn_stream_open(&stream, "c", role, &options, 0);
      if (result == 0 && role != TARN_WRITER) {
        int got = tarn_stream_get(stream, data, sizeof data, &item, 0);
        if (got <= TARN_E_INVALID) CHECK_RESULT(TARN_E_CORRUPT, got);
      } else if (result == 0) {
        CHECK(may_work);
      } else {
        CHECK_RESULT(TARN_E_CORRUPT, result);
        CHECK_CONTAINS("\"c\"", tarn_error_text());
      }
      if (result == 0) tarn_stream_close(stream);
    }
}

static void test_floor_and_tail(void) {
  static const struct {
    uint64_t position, number;
    int may_work; /* a writer may believe it */
  } latches[] = {{EXTENT + 16, 2, 0}, {EXTENT, 3, 0},     {EXTENT, 0, 0},          {8, 1, 0},
                 {1, 1, 0},           {UINT64_MAX, 1, 0}, {UINT64_MAX - 15, 1, 1}, {UINT64_C(1) << 62, 1, 1},
                 {3 * EXTENT, 4, 1}};
  for (uint32_t policy = TARN_WAIT; policy <= TARN_OVERWRITE; policy++)
    for (uint32_t i = 0; i < sizeof latches / sizeof *latches; i++) {
      trio t = begin(policy, 10);
      tn_control *control = t.reader->channel.control;
      tarn_stream_close(t.writer);
      t.writer = NULL;
      tn_latch_store(&control->kind.stream.floor, latches[i].position, latches[i].number);
      open_everything(latches[i].may_work);
      tn_latch_store(&control->kind.stream.floor, 0, 1);
      tn_latch_store(&control->kind.stream.tail, latches[i].position, latches[i].number);
      open_everything(1);
      tarn_item item;
      stream_get(t.observer, 1, 0);
      tn_latch_store(&control->kind.stream.floor, latches[i].position, latches[i].number);
      for (int k = 0; k < 20; k++) {
        int result = tarn_stream_read(t.reader, &item, 0);
        if (result <= TARN_E_INVALID) CHECK_RESULT(TARN_E_CORRUPT, result);
        if (result == 0) CHECK_OK(tarn_stream_release(t.reader, &item));
      }
      end(&t);
    }
}

/* ---- Noise -------------------------------------------------------------------------------------------------------------- */

static uint64_t nasty(const tarn_stream *stream) {
  uint64_t small = check_random() % 256;
  switch (check_random() % 8) {
    case 0: return check_random();
    case 1: return small;
    case 2: return (tn_stream_position(stream) + small * 16 - 2048) | 1;
    case 3: return tn_record_word(1 + small % 2, small * 16);
    case 4: return tn_record_word(small % 8, check_random() % RING);
    case 5: return UINT64_MAX - small;
    case 6: return tn_stream_position(stream) + small * 16 - 2048;
    default: return 0;
  }
}

static void *word_of(const tarn_stream *stream) {
  const tn_channel *channel = &stream->channel;
  uint64_t at = check_random();
  switch (at % 4) {
    case 0: return &channel->control->kind.area[at / 4 % 256 / 8 * 8];
    case 1: return (unsigned char *)&channel->table[at / 4 % 6] + at / 64 % 16 * 8;
    case 2: return (unsigned char *)channel->control + at / 4 % sizeof(tn_control) / 8 * 8;
    default: return stream->ring + at / 4 % RING / 16 * 16;
  }
}

static void one_step(tarn_stream *stream, int role) {
  unsigned char data[RING];
  tarn_item item;
  int result;
  if (role == TARN_WRITER)
    result = tarn_stream_put(stream, data, check_random() % (RING / 2 - 32), NULL, check_random() % 16 == 0 ? 1000 : 0);
  else
    result = tarn_stream_get(stream, data, sizeof data, &item, 0);
  if (result == 0 && role == TARN_READER && tarn_stream_read(stream, &item, 0) == 0) {
    volatile unsigned char last = item.size_bytes != 0 ? ((const unsigned char *)item.data)[item.size_bytes - 1] : 0;
    (void)last;
    CHECK_OK(tarn_stream_release(stream, &item));
  }
  CHECK((result <= 0 && result >= TARN_BUSY) || (result <= TARN_E_INVALID && result >= TARN_E_SYSTEM));
  if (result <= TARN_E_INVALID) CHECK(tarn_error_text()[0] != 0);
}

static void noise(uint32_t policy) {
  tarn_options options = {.struct_size = sizeof options, .size_bytes = RING, .policy = policy, .slots = 6};
  tarn_stream *streams[4] = {NULL};
  static const int roles[] = {TARN_WRITER, TARN_READER, TARN_READER, TARN_OBSERVER};
  for (int i = 0; i < 4; i++) {
    tarn_options own = i == 0 ? options : (tarn_options){.struct_size = sizeof own, .from = i == 2 ? TARN_NEXT : 0};
    if (tarn_stream_open(&streams[i], "noise", roles[i], &own, 0) != 0) streams[i] = NULL;
  }
  memset(streams[0]->ring, 0, RING);
  for (int step = 0; step < 200; step++) {
    uint64_t value = nasty(streams[0]);
    if (step % 4 == 0) memcpy(word_of(streams[0]), &value, sizeof value);
    for (int i = 0; i < 4; i++)
      if (streams[i] != NULL) one_step(streams[i], roles[i]);
  }
  for (int i = 4; i-- > 0;)
    tarn_stream_close(streams[i]);
  tarn_remove("noise", TARN_KIND_STREAM, 1);
}

static void test_noise(void) {
  int64_t until = check_now() + INT64_C(1500000000);
  for (uint32_t round = 0; check_now() < until; round++)
    noise(round % 3);
}

/* ---- A header for those who look on -------------------------------------------------------------------------------------- */

/* A file of so many slots, every one taken by a reader, with a header that a hostile creator has sealed. */
static void make_sealed(uint32_t flags, uint32_t entries, uint64_t ring) {
  enum { MOST = 1 << 20 };
  static unsigned char bytes[MOST];
  memset(bytes, 0, sizeof bytes);
  tn_header header = {.minor = TN_FORMAT_MINOR, .header_bytes = sizeof header, .kind = TARN_KIND_STREAM,
                      .flags = flags | TARN_KEPT, .incompatible = flags & TARN_QUEUE ? TN_FEATURE_QUEUE : 0, .hold = TN_HOLD_MAX,
                      .data_bytes = ring, .first_number = 1};
  memcpy(header.magic, TN_MAGIC, sizeof header.magic);
  tn_header_arrange(&header, TN_SLOTS_MAX, entries);
  tn_header_seal(&header);
  memcpy(bytes, &header, sizeof header);
  tn_slot *slots = (tn_slot *)(void *)(bytes + header.table_offset);
  for (uint32_t i = 0; i < header.slots; i++) {
    tn_store_relaxed(&slots[i].state, TN_SLOT_TAKEN); /* relaxed, all: nobody else is there */
    tn_store_relaxed(&slots[i].role, TARN_READER);
  }
  tn_latch *floor = &((tn_control *)(void *)(bytes + header.control_offset))->kind.stream.floor;
  tn_store_relaxed(&floor->copy[0].position, UINT64_MAX - 15);
  FILE *file = fopen(check_path("c.stream"), "wb");
  CHECK(file != NULL);
  CHECK_UINT(sizeof bytes, fwrite(bytes, 1, sizeof bytes, file));
  CHECK_INT(0, fclose(file));
}

static void test_headers_for_who_looks_on(void) {
  static const struct {
    uint32_t flags, entries;
    uint64_t ring;
    const char *why;
  } cases[] = {{TARN_QUEUE, 0, RING, "the number of entries"}, {0, 7, RING, "the number of entries"}, {0, 0, 0, "the size of its ring"},
               {0, 0, RING + 16, "the size of its ring"}};
  tarn_details details = {.struct_size = sizeof details};
  static tarn_participant participants[TN_SLOTS_MAX];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    make_sealed(cases[i].flags, cases[i].entries, cases[i].ring);
    CHECK_RESULT(TARN_E_CORRUPT, tarn_inspect("c", TARN_KIND_STREAM, &details, participants, TN_SLOTS_MAX));
    CHECK_CONTAINS(cases[i].why, tarn_error_text());
    tarn_stream *stream;
    CHECK_RESULT(TARN_E_CORRUPT, tarn_stream_open(&stream, "c", TARN_OBSERVER, NULL, 0));
    CHECK_CONTAINS(cases[i].why, tarn_error_text());
  }
}

/* ---- After a reboot ----------------------------------------------------------------------------------------------------- */

/* What a disk may show after the power was cut: the pages of different moments, and the id of another boot. */
static void damage(const char *path, uint64_t first_number) {
  tn_os_file file;
  tn_header header;
  uint64_t length;
  void *address;
  char full[TN_OS_PATH];
  CHECK_OK(tn_os_full_path(path, full));
  CHECK_OK(tn_os_open(&file, full, TN_OS_WRITE, 1));
  CHECK_OK(tn_os_read_at(&file, 0, &header, sizeof header, &length));
  CHECK_OK(tn_os_map(&file, 0, header.data_offset + RING, TN_OS_WRITE, 0, &address, NULL));
  unsigned char *base = address;
  tn_control *control = (tn_control *)(void *)(base + header.control_offset);
  header.first_position = RING - EXTENT;
  header.first_number = first_number;
  tn_header_seal(&header);
  memcpy(base, &header, sizeof header);
  control->life.clean = 0;
  control->life.boot_id[0] ^= 1;
  memset(base + header.data_offset, 0xff, RING);
  tn_latch_store(&control->kind.stream.tail, 99, 0);
  tn_os_unmap(address, header.data_offset + RING);
  tn_os_close(&file);
}

static int is_zero(const unsigned char *bytes, uint64_t count) {
  for (uint64_t i = 0; i < count; i++)
    if (bytes[i] != 0) return 0;
  return 1;
}

static void test_after_a_reboot(void) {
  uint8_t boot[16];
  if (!tn_os_boot_id(boot)) check_skip("this system has no id of its boot");
  char path[600];
  snprintf(path, sizeof path, "%s/reboot.stream", check_disk_directory());
  for (int role = TARN_READER; role <= TARN_WRITER; role++) {
    tarn_options options = {.size_bytes = RING, .flags = TARN_KEPT};
    tarn_stream *writer = stream_open(path, TARN_WRITER, options);
    if (writer->channel.medium != TN_OS_DISK) check_skip("no directory on a disk");
    for (uint64_t number = 1; number <= 20; number++)
      stream_put(writer, number, 48);
    tarn_stream_close(writer);
    damage(path, 1000);
    tarn_stream *first = stream_open(path, role, (tarn_options){0});
    tn_boundary floor = tn_latch_load(&first->channel.control->kind.stream.floor);
    tn_boundary tail = tn_latch_load(&first->channel.control->kind.stream.tail);
    CHECK_UINT(RING - EXTENT, floor.position);
    CHECK_UINT(1000, floor.number);
    CHECK_UINT(RING - EXTENT, tail.position);
    CHECK_UINT(1000, tail.number);
    CHECK(is_zero(first->ring + RING - EXTENT, TN_UNIT));
    CHECK(!is_zero(first->ring + RING - EXTENT + TN_UNIT, 8)); /* no more than is needed */
    writer = role == TARN_WRITER ? first : stream_open(path, TARN_WRITER, (tarn_options){0});
    tarn_stream *reader = role == TARN_READER ? first : stream_open(path, TARN_READER, (tarn_options){0});
    for (uint64_t number = 1000; number < 1200; number++) {
      stream_put(writer, number, number % 80);
      stream_get(reader, number, 0);
    }
    tarn_stream_close(reader);
    tarn_stream_close(writer);
    CHECK_OK(tarn_remove(path, TARN_KIND_STREAM, 0));
  }
}

/* Where the ring cannot be begun anew, what an old one holds is not delivered. */
static void test_reboot_without_room(void) {
  char path[600];
  snprintf(path, sizeof path, "%s/unmapped.stream", check_disk_directory());
  tarn_stream *stream = stream_open(path, TARN_WRITER, (tarn_options){.size_bytes = RING, .flags = TARN_KEPT});
  uint8_t boot[16];
  if (stream->channel.medium != TN_OS_DISK || !tn_os_boot_id(boot)) check_skip("no directory on a disk, or no id of this boot");
  tarn_stream_close(stream);
  damage(path, 1);
  tarn_options options = {.struct_size = sizeof options};
  tn_fault_set("map", 2, 1, 0); /* the first is the header's */
  CHECK_RESULT(TARN_E_CORRUPT, tarn_stream_open(&stream, path, TARN_READER, &options, 0));
  tn_fault_set(NULL, 0, 0, 0);
  CHECK_RESULT(TARN_E_CORRUPT, tarn_stream_open(&stream, path, TARN_WRITER, &options, 0));
  CHECK_OK(tarn_remove(path, TARN_KIND_STREAM, 0));
}

/* What somebody left who was the last and died contradicts nobody, however it was made. */
static int role_founder(int argc, char **argv) {
  (void)argc, (void)argv;
  stream_open("left", TARN_WRITER, (tarn_options){.size_bytes = RING, .slots = 3});
  check_say("there");
  check_hear();
  return 1;
}

static void test_left_by_the_dead(void) {
  check_process *founder = check_start("founder", NULL);
  check_expect(founder, "there");
  tarn_options options = {.struct_size = sizeof options, .policy = TARN_OVERWRITE, .flags = TARN_TIMES, .slots = 5};
  tarn_stream *stream;
  CHECK_RESULT(TARN_E_MISMATCH, tarn_stream_open(&stream, "left", TARN_WRITER, &options, 0)); /* while it lives */
  check_kill(founder);
  CHECK_INT(-9, check_wait(founder));
  CHECK_OK(tarn_stream_open(&stream, "left", TARN_WRITER, &options, 0));
  tarn_stream_close(stream);
}

/* ---- Claims that nobody made ----------------------------------------------------------------------------------------------- */

enum { CLAIM_TESTS_MS = 1000000 };

static tarn_stream *open_shared(int role, uint32_t policy, uint32_t queue) {
  tarn_options options = {.size_bytes = RING, .policy = policy, .flags = TARN_MANY_WRITERS | queue, .slots = 8};
  return stream_open("c", role, role == TARN_WRITER ? options : (tarn_options){0});
}

/* Message 2 of 3 is a claim of this slot: the others are delivered, soon, or the reader is told; by its handle, too. */
static void with_claim(uint32_t policy, uint32_t queue, uint32_t slot, uint64_t length, int skipped) {
  tarn_stream *writer = open_shared(TARN_WRITER, policy, queue), *reader = open_shared(TARN_READER, policy, queue);
  uint64_t second = 0;
  tarn_item item;
  intptr_t handle;
  if (slot == 7) slot = reader->channel.slot;
  if (slot == 6) slot = writer->channel.slot;
  for (int i = 0; i < 3; i++) {
    CHECK_OK(tarn_stream_put(writer, "0123456789", 10, NULL, 0));
    if (i == 0) second = tn_stream_position(writer);
  }
  CHECK_OK(tarn_stream_read(reader, &item, 0));
  CHECK_OK(tarn_stream_release(reader, &item));
  CHECK_OK(tarn_stream_handle(reader, &handle));
  tn_store_release(&record(writer, second)->word, tn_record_claim(slot, length));
  int64_t end = check_now() + 5000 * (int64_t)CLAIM_TESTS_MS;
  int result;
  while ((result = tarn_stream_read(reader, &item, 0)) == TARN_EMPTY && check_now() < end)
    CHECK_OK(tn_os_event_wait(handle, 5000 * (int64_t)CLAIM_TESTS_MS));
  if (skipped) {
    CHECK_OK(result);
    CHECK_UINT(3, item.number);
    CHECK_OK(tarn_stream_release(reader, &item));
    CHECK_OK(tarn_stream_put(writer, "0123456789", 10, NULL, 0));
    CHECK_OK(tarn_stream_read(reader, &item, 0));
    CHECK_UINT(4, item.number);
    CHECK_OK(tarn_stream_release(reader, &item));
  } else {
    expect_corrupt(result);
    expect_corrupt(tarn_stream_read(reader, &item, TARN_FOREVER));
    if (queue) CHECK_CONTAINS("claim", tarn_error_text());
  }
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

static void test_claims_that_nobody_made(void) {
  for (int kind = 0; kind < 3; kind++) {
    uint32_t policy = kind == 1 ? TARN_OVERWRITE : TARN_WAIT, queue = kind == 2 ? TARN_QUEUE : 0;
    with_claim(policy, queue, 5, 10, 1);        /* of a free slot */
    with_claim(policy, queue, 6, 10, 0);        /* of the writer, which has no note of it */
    with_claim(policy, queue, 7, 10, 0);        /* of the reader itself */
    with_claim(policy, queue, 2000, 10, 0);     /* of no slot there is */
    with_claim(policy, queue, 5, RING, 0);      /* longer than the ring */
    with_claim(policy, queue, 5, RING / 2, 0);  /* longer than a message can be */
  }
}

/* At the end of what there is: the writer goes on when the reader has passed it. */
static void test_claim_at_the_end(void) {
  for (int kind = 0; kind < 3; kind++) {
    uint32_t policy = kind == 1 ? TARN_OVERWRITE : TARN_WAIT, queue = kind == 2 ? TARN_QUEUE : 0;
    tarn_stream *writer = open_shared(TARN_WRITER, policy, queue), *reader = open_shared(TARN_READER, policy, queue);
    tarn_item item;
    CHECK_OK(tarn_stream_put(writer, "0123456789", 10, NULL, 0));
    CHECK_OK(tarn_stream_read(reader, &item, 0));
    CHECK_OK(tarn_stream_release(reader, &item));
    tn_record *end_of_all = record(writer, tn_stream_position(writer));
    tn_store_relaxed(&end_of_all->label, 2);
    tn_store_release(&end_of_all->word, tn_record_claim(5, 100));
    CHECK_RESULT(TARN_E_CORRUPT, tarn_stream_put(writer, "0123456789", 10, NULL, 0));
    CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_read(reader, &item, 60 * CLAIM_TESTS_MS));
    CHECK_OK(tarn_stream_put(writer, "0123456789", 10, NULL, 0));
    CHECK_OK(tarn_stream_read(reader, &item, 0));
    CHECK_UINT(2, item.number);
    CHECK_OK(tarn_stream_release(reader, &item));
    tarn_stream_close(reader);
    tarn_stream_close(writer);
  }
}

/* A queue's writer waits for a message that is taken by a slot: a free one has nothing, and the message is given to somebody. */
static void test_taken_by_nobody(void) {
  tarn_stream *writer = open_shared(TARN_WRITER, TARN_WAIT, TARN_QUEUE), *reader = open_shared(TARN_READER, 0, 0);
  tarn_item item;
  uint64_t number = 1;
  while (tarn_stream_put(writer, "0123456789", 10, NULL, 0) == 0) continue;
  tn_record *first = record(writer, 0);
  uint64_t word = tn_load_relaxed(&first->word);
  tn_store_release(&first->word, tn_record_taken(word, 5));
  for (number = 2; tarn_stream_read(reader, &item, 0) == 0; number++) {
    CHECK_UINT(number, item.number);
    CHECK_OK(tarn_stream_release(reader, &item));
  }
  CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_put(writer, "0123456789", 10, NULL, 60 * CLAIM_TESTS_MS)); /* it has given it back */
  CHECK_OK(tarn_stream_read(reader, &item, 0));
  CHECK_UINT(1, item.number);
  CHECK_UINT(TARN_AGAIN, item.flags);
  CHECK_OK(tarn_stream_release(reader, &item));
  CHECK_OK(tarn_stream_put(writer, "0123456789", 10, NULL, 0));
  CHECK_OK(tarn_stream_read(reader, &item, 0));
  CHECK_UINT(number, item.number);
  tn_store_release(&record(writer, reader->out[item.token - 1].position - 1)->word, tn_record_taken(word, 2000));
  CHECK_RESULT(TARN_E_EVICTED, tarn_stream_release(reader, &item)); /* its word names another */
  while (tarn_stream_put(writer, "0123456789", 10, NULL, 0) == 0) continue;
  while (tarn_stream_read(reader, &item, 0) == 0) CHECK_OK(tarn_stream_release(reader, &item));
  expect_corrupt(tarn_stream_put(writer, "0123456789", 10, NULL, TARN_FOREVER)); /* a slot that there is not */
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

/* Taken by a reader that lives and does not know of it. What one does have is waited for. */
static void test_taken_by_one_that_lives(void) {
  tarn_stream *writer = open_shared(TARN_WRITER, TARN_WAIT, TARN_QUEUE), *reader = open_shared(TARN_READER, 0, 0);
  tarn_stream *other = open_shared(TARN_READER, 0, 0);
  tarn_item item, next;
  while (tarn_stream_put(writer, "0123456789", 10, NULL, 0) == 0) continue;
  CHECK_OK(tarn_stream_read(reader, &item, 0));
  while (tarn_stream_read(other, &next, 0) == 0) CHECK_OK(tarn_stream_release(other, &next));
  CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_put(writer, "0123456789", 10, NULL, CLAIM_TESTS_MS));
  tn_record *first = record(writer, 0);
  uint64_t word = tn_load_relaxed(&first->word);
  tn_store_release(&first->word, tn_record_taken(word, other->channel.slot));
  expect_corrupt(tarn_stream_put(writer, "0123456789", 10, NULL, TARN_FOREVER));
  tn_store_release(&first->word, tn_record_taken(word, writer->channel.slot));
  expect_corrupt(tarn_stream_put(writer, "0123456789", 10, NULL, TARN_FOREVER));
  tn_store_release(&first->word, tn_record_taken(word, other->channel.slot));
  tarn_stream_close(other);
  CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_put(writer, "0123456789", 10, NULL, CLAIM_TESTS_MS)); /* its slot is free: it is given back */
  CHECK_UINT(TN_MESSAGE, tn_record_kind(tn_load_relaxed(&first->word)));
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

/* role: a reader that takes nothing */
static int role_reader(int argc, char **argv) {
  (void)argc, (void)argv;
  check_say("%u", (unsigned)open_shared(TARN_READER, 0, 0)->channel.slot);
  check_hear();
  return 1;
}

/* Taken by one that is dead and did not know of it: its slot is cleared up, and then it is as above. */
static void test_taken_by_one_that_is_dead(void) {
  tarn_stream *writer = open_shared(TARN_WRITER, TARN_WAIT, TARN_QUEUE), *reader = open_shared(TARN_READER, 0, 0);
  tarn_item item;
  check_process *dies = check_start("reader", NULL);
  uint32_t slot = (uint32_t)atoi(check_line(dies));
  while (tarn_stream_put(writer, "0123456789", 10, NULL, 0) == 0) continue;
  tn_record *first = record(writer, 0);
  tn_store_release(&first->word, tn_record_taken(tn_load_relaxed(&first->word), slot));
  while (tarn_stream_read(reader, &item, 0) == 0) CHECK_OK(tarn_stream_release(reader, &item));
  expect_corrupt(tarn_stream_put(writer, "0123456789", 10, NULL, TARN_FOREVER));
  check_kill(dies);
  check_wait(dies);
  CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_put(writer, "0123456789", 10, NULL, 60 * CLAIM_TESTS_MS));
  CHECK_OK(tarn_stream_read(reader, &item, 0));
  CHECK_UINT(1, item.number);
  CHECK_OK(tarn_stream_release(reader, &item));
  CHECK_OK(tarn_stream_put(writer, "0123456789", 10, NULL, 0));
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

/* Whoever gave a message back that nobody had died before it could say so: readers are beyond it. */
static void test_given_back_untold(void) {
  tarn_stream *writer = open_shared(TARN_WRITER, TARN_WAIT, TARN_QUEUE), *reader = open_shared(TARN_READER, 0, 0);
  tarn_item item;
  while (tarn_stream_put(writer, "0123456789", 10, NULL, 0) == 0) continue;
  tn_record *first = record(writer, 0);
  uint64_t word = tn_load_relaxed(&first->word);
  tn_store_release(&first->word, tn_record_taken(word, 5));
  while (tarn_stream_read(reader, &item, 0) == 0) CHECK_OK(tarn_stream_release(reader, &item));
  tn_store_release(&first->word, word | TN_AGAIN);
  CHECK_RESULT(TARN_EMPTY, tarn_stream_read(reader, &item, 0));
  CHECK_RESULT(TARN_TIMED_OUT, tarn_stream_put(writer, "0123456789", 10, NULL, CLAIM_TESTS_MS));
  CHECK_OK(tarn_stream_read(reader, &item, 0));
  CHECK_UINT(1, item.number);
  CHECK_UINT(TARN_AGAIN, item.flags);
  CHECK_OK(tarn_stream_release(reader, &item));
  CHECK_OK(tarn_stream_put(writer, "0123456789", 10, NULL, 0));
  tarn_stream_close(reader);
  tarn_stream_close(writer);
}

static const check_test tests[] = {{"words", test_words, 0},
                                   {"numbers", test_numbers, 0},
                                   {"nothing_but_skips", test_nothing_but_skips, 0},
                                   {"floor_and_tail", test_floor_and_tail, 0},
                                   {"noise", test_noise, 0},
                                   {"headers_for_who_looks_on", test_headers_for_who_looks_on, 0},
                                   {"after_a_reboot", test_after_a_reboot, 0},
                                   {"reboot_without_room", test_reboot_without_room, 0},
                                   {"left_by_the_dead", test_left_by_the_dead, 0},
                                   {"claims_that_nobody_made", test_claims_that_nobody_made, 0},
                                   {"claim_at_the_end", test_claim_at_the_end, 0},
                                   {"taken_by_nobody", test_taken_by_nobody, 0},
                                   {"taken_by_one_that_lives", test_taken_by_one_that_lives, 0},
                                   {"taken_by_one_that_is_dead", test_taken_by_one_that_is_dead, 0},
                                   {"given_back_untold", test_given_back_untold, 0},
                                   {0}};
static const check_role roles[] = {{"founder", role_founder}, {"reader", role_reader}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
