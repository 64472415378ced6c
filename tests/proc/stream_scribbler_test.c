/* stream_scribbler_test.c: a process writes random bytes over a stream: its control words, its slots, the ring and every word in it,
 * while others write, read, observe, poll, look, come and go. They may be told anything that has a name, but nobody crashes, hangs, or
 * touches memory that is not there.
 *
 * TARN_TEST_SCRIBBLE_SECONDS says for how long (2). */
#include "scribble.h"

enum { SLOTS = 8, RING = 64 << 10 };

static const char *policy_wanted = "0"; /* TARN_WAIT, or TARN_OVERWRITE */
static const char *flags_wanted = "0";  /* TARN_MANY_WRITERS, TARN_QUEUE */

static tarn_stream *enter(int role, int64_t timeout_ns) {
  tarn_options options = {.struct_size = sizeof options};
  if (role == TARN_WRITER) {
    options.slots = SLOTS;
    options.size_bytes = RING;
    options.policy = (uint32_t)atoi(policy_wanted);
    options.flags = (uint32_t)atoi(flags_wanted);
  }
  tarn_stream *stream = NULL;
  int64_t start = check_now();
  int result = legal(tarn_stream_open(&stream, "scribbled", role, &options, timeout_ns), start);
  CHECK((result == 0) == (stream != NULL));
  if (result == TARN_E_CORRUPT || result == TARN_E_VERSION || result == TARN_E_KIND || result == TARN_E_NO_SLOT ||
      result == TARN_E_MISMATCH || result == TARN_E_UNSUPPORTED)
    legal(tarn_remove("scribbled", TARN_KIND_STREAM, 1), start); /* as its sentence says; the next begins anew */
  return stream;
}

static int say(const char *what, uint64_t done) {
  check_say("%s %llu, %llu failures", what, (unsigned long long)done, (unsigned long long)failures);
  return 0;
}

/* ---- Those who are scribbled at ------------------------------------------------------------------------------------------------------ */

static int put_something(tarn_stream *stream, int64_t start) {
  static char value[RING];
  if (check_random() % 8 != 0)
    return legal(tarn_stream_put(stream, value, check_random() % 2000, NULL, 1 * MS), start);
  tarn_piece pieces[5];
  uint32_t count = 0;
  for (int i = 0; i < 5; i++)
    pieces[i] = (tarn_piece){value, check_random() % 300, 0};
  return legal(tarn_stream_put_batch(stream, pieces, 5, &count, 1 * MS), start);
}

static int role_writer(int argc, char **argv) {
  CHECK_INT(1, argc);
  policy_wanted = getenv("SCRIBBLE_POLICY");
  flags_wanted = getenv("SCRIBBLE_FLAGS");
  uint64_t done = 0;
  for (int64_t end = end_after(argv[0]); check_now() < end;) {
    tarn_stream *stream = enter(TARN_WRITER, 1 * MS);
    for (int i = 0; stream != NULL && i < 300; i++) {
      int result = put_something(stream, check_now());
      done += result == 0;
      if (result <= TARN_E_INVALID)
        break;
    }
    tarn_stream_close(stream);
  }
  return say("published", done) + (done > 0 ? 0 : 1);
}

/* Items in place, several at a time, let go in the wrong order. */
static int role_reader(int argc, char **argv) {
  CHECK_INT(1, argc);
  uint64_t done = 0;
  for (int64_t end = end_after(argv[0]); check_now() < end;) {
    tarn_stream *stream = enter(TARN_READER, 5 * MS);
    for (int i = 0; stream != NULL && i < 100; i++) {
      tarn_item items[4];
      uint32_t count = 0;
      int64_t start = check_now();
      int result = legal(tarn_stream_read_batch(stream, items, 4, &count, 1 * MS), start);
      CHECK(result != 0 || (count >= 1 && count <= 4));
      for (uint32_t k = 0; result == 0 && k < count; k++) {
        CHECK(items[k].size_bytes <= RING);
        touch(items[k].data, items[k].size_bytes);
      }
      for (uint32_t k = count; result == 0 && k > 0; k--) {
        int queue = atoi(getenv("SCRIBBLE_FLAGS")) & TARN_QUEUE;
        int let_go = queue && k % 2 == 0 ? tarn_stream_return(stream, &items[k - 1]) : tarn_stream_release(stream, &items[k - 1]);
        CHECK(let_go == 0 || (queue && let_go == TARN_E_EVICTED)); /* its word names another */
      }
      done += result == 0 ? count : 0;
      if (result == TARN_E_EVICTED || result == TARN_E_CORRUPT)
        break;
    }
    tarn_stream_close(stream);
  }
  return say("read", done);
}

static int copy_out(int role, const char *time) {
  static char data[RING];
  uint64_t done = 0;
  for (int64_t end = end_after(time); check_now() < end;) {
    tarn_stream *stream = enter(role, 5 * MS);
    intptr_t handle;
    if (stream != NULL && role == TARN_READER && check_random() % 4 == 0)
      CHECK_OK(tarn_stream_handle(stream, &handle));
    for (int i = 0; stream != NULL && i < 100; i++) {
      tarn_item item;
      int64_t start = check_now();
      int result = legal(tarn_stream_get(stream, data, sizeof data, &item, 1 * MS), start);
      CHECK(result != 0 || item.size_bytes <= sizeof data);
      done += result == 0;
      if (result == TARN_E_EVICTED || result == TARN_E_CORRUPT)
        break;
    }
    tarn_stream_close(stream);
  }
  return say("copied", done);
}

static int role_copier(int argc, char **argv) {
  CHECK_INT(1, argc);
  return copy_out(TARN_READER, argv[0]);
}

static int role_observer(int argc, char **argv) {
  CHECK_INT(1, argc);
  return copy_out(TARN_OBSERVER, argv[0]);
}

static int role_inspector(int argc, char **argv) {
  CHECK_INT(1, argc);
  static tarn_details details;
  tarn_participant participants[SLOTS];
  for (int64_t end = end_after(argv[0]); check_now() < end; check_sleep(200000)) {
    int64_t start = check_now();
    details.struct_size = sizeof details;
    if (legal(tarn_inspect("scribbled", TARN_KIND_STREAM, &details, participants, SLOTS), start) == 0)
      CHECK(details.participant_count <= SLOTS);
    CHECK_OK(tarn_list(NULL, look_at_entry, NULL));
  }
  return 0;
}

/* ---- The scribbler --------------------------------------------------------------------------------------------------------------------- */

static uint64_t in_slot(size_t field) {
  return TN_PAGE + check_random() % SLOTS * sizeof(tn_slot) + field;
}

static uint64_t word_that_matters(void) {
  tn_header header = {0};
  tn_header_arrange(&header, SLOTS, SLOTS);
  const uint64_t control = header.control_offset;
  const uint64_t words[] = {
      control + offsetof(tn_control, life.retired),
      control + offsetof(tn_control, writer.term),
      control + offsetof(tn_control, kind.stream.floor) + check_random() % 5 * 8,
      control + offsetof(tn_control, kind.stream.tail) + check_random() % 5 * 8,
      control + offsetof(tn_control, room) + check_random() % 2 * 8,
      control + offsetof(tn_control, news),
      control + offsetof(tn_control, join) + check_random() % 2 * 8,
      in_slot(offsetof(tn_slot, state)),
      in_slot(offsetof(tn_slot, cursor)),
      in_slot(offsetof(tn_slot, asleep)) / 8 * 8,
      in_slot(check_random() % 16 * 8),
      in_slot(offsetof(tn_slot, stream.claim)),
      control + offsetof(tn_control, lock.word),
      control + offsetof(tn_control, kind.stream.queue.returned),
      control + offsetof(tn_control, kind.stream.marks) + check_random() % (2 * TN_MARKS) * 8,
      header.entries_offset + check_random() % (SLOTS * 8) * 8, /* intents */
      header.entries_offset + check_random() % (SLOTS * 8) * 8,
      header.data_offset + check_random() % 64 * 16,
      header.data_offset + check_random() % (RING / 16) * 16,
  };
  return words[check_random() % (sizeof words / sizeof *words)];
}

static int role_scribbler(int argc, char **argv) {
  CHECK_INT(2, argc);
  tn_header header = {0};
  tn_header_arrange(&header, SLOTS, 0);
  return scribble_over("scribbled.stream", header.data_offset + RING, word_that_matters, argv[0], argv[1]);
}

static void scribble_under(int policy, const char *flags, const char *from) {
  static const char *const roles[] = {"writer", "writer", "reader", "reader", "copier", "observer", "inspector"};
  enum { VICTIMS = sizeof roles / sizeof *roles };
  check_set_env("SCRIBBLE_POLICY", policy == TARN_WAIT ? "0" : "2");
  check_set_env("SCRIBBLE_FLAGS", flags);
  scribble_at(roles, VICTIMS, from);
  tarn_remove("scribbled", TARN_KIND_STREAM, 1);
  tarn_stream *stream = NULL;
  CHECK_OK(tarn_stream_open(&stream, "scribbled", TARN_WRITER, NULL, 0)); /* and all is well again */
  CHECK_OK(tarn_stream_put(stream, "value", 5, NULL, 0));
  tarn_stream_close(stream);
}

static void test_waiting_writers(void) {
  scribble_under(TARN_WAIT, "0", "256");
}

static void test_overwriting_writers(void) {
  scribble_under(TARN_OVERWRITE, "0", "256");
}

static void test_many_writers(void) { /* TARN_MANY_WRITERS is 8, TARN_QUEUE 16 */
  scribble_under(TARN_WAIT, "8", "256");
  scribble_under(TARN_OVERWRITE, "8", "256");
}

static void test_queue(void) {
  scribble_under(TARN_WAIT, "24", "256");
}

static void test_header_too(void) {
  scribble_under(TARN_WAIT, "0", "0");
}

static const check_test tests[] = {{"waiting_writers", test_waiting_writers, 120},
                                   {"overwriting_writers", test_overwriting_writers, 120},
                                   {"many_writers", test_many_writers, 120},
                                   {"queue", test_queue, 120},
                                   {"header_too", test_header_too, 120},
                                   {0}};

static const check_role roles[] = {{"writer", role_writer},     {"reader", role_reader},       {"copier", role_copier},
                                   {"observer", role_observer}, {"inspector", role_inspector}, {"scribbler", role_scribbler}, {0}};

int main(int argc, char **argv) {
  return check_main(argc, argv, tests, roles);
}
