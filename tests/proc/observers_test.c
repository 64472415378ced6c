/* observers_test.c: an observer takes no slot, pins nothing, is waited for by nobody: so nobody notices when it is killed, wherever it was,
 * neither a writer that may not wait, nor a reader, nor who looks from outside, nor whoever leaves last or comes next. */
#include <tarn/tarn.h>

#include "boards.h"
#include "streams.h"

enum { WORDS = 8192, RING = 65536, MESSAGE = 6000, KILLS = 60 };

static uint64_t words[WORDS];

/* Observes both as fast as it can, and checks what it gets, until it is killed. */
static int role_observer(int argc, char **argv) {
  (void)argc, (void)argv;
  tarn_board *board;
  tarn_stream *stream;
  static unsigned char message[MESSAGE];
  CHECK_OK(tarn_board_open(&board, "b", TARN_OBSERVER, NULL, 0));
  CHECK_OK(tarn_stream_open(&stream, "s", TARN_OBSERVER, NULL, 0));
  unsigned seen = 0, said = 0;
  for (tarn_item item;;) {
    int result = tarn_board_get(board, words, sizeof words, &item, 0);
    if (result == 0) check_pattern(words, item.size_bytes, item.number);
    if (result == 0) seen |= 1;
    CHECK(result == 0 || result == TARN_EMPTY || result == TARN_NO_WRITER);
    result = tarn_stream_get(stream, message, sizeof message, &item, 0);
    if (result == 0) CHECK(stream_whole(&item));
    if (result == 0) seen |= 2;
    CHECK(result == 0 || result == TARN_EMPTY || result == TARN_NO_WRITER);
    if (seen == 3 && !said) check_say("observes");
    said |= seen == 3;
  }
  return 0;
}

typedef struct pair {
  tarn_board *writer, *reader;
  tarn_stream *sender, *receiver;
  uint64_t number; /* of the last version and message */
} pair;

static pair open_all(void) {
  pair all = {.writer = open_writer("b", NULL), .reader = open_reader("b")};
  all.sender = stream_open("s", TARN_WRITER, (tarn_options){.size_bytes = RING}); /* a writer that waits for its readers */
  all.receiver = stream_open("s", TARN_READER, (tarn_options){0});
  return all;
}

/* One more of each, which must find room at once and be received whole. */
static void go_on(pair *all) {
  tarn_item item;
  all->number++;
  fill_pattern(words, WORDS, all->number);
  CHECK_OK(tarn_board_put(all->writer, words, sizeof words, NULL, 0));
  CHECK_OK(tarn_board_read(all->reader, &item, 0));
  CHECK_UINT(all->number, item.number);
  CHECK_UINT(0, item.missed);
  check_pattern(item.data, item.size_bytes, all->number);
  CHECK_OK(tarn_board_release(all->reader, &item));
  stream_put(all->sender, all->number, MESSAGE);
  CHECK_UINT(MESSAGE, stream_get(all->receiver, all->number, 0));
}

static void seen_from_outside(const char *name, int kind) {
  tarn_details details = {.struct_size = sizeof details};
  tarn_participant participants[8];
  CHECK_OK(tarn_inspect(name, kind, &details, participants, 8));
  CHECK_UINT(2, details.participant_count);
  CHECK_UINT(2, details.entry.user_count);
  for (int i = 0; i < 2; i++) {
    CHECK_UINT(1, participants[i].alive);
    CHECK_UINT(0, participants[i].held);
    CHECK_UINT(0, participants[i].blocking);
  }
}

static void close_all(pair *all) {
  tarn_board_close(all->reader);
  tarn_board_close(all->writer);
  tarn_stream_close(all->receiver);
  tarn_stream_close(all->sender);
}

static void is_gone(const char *name, int kind) {
  tarn_details details = {.struct_size = sizeof details};
  CHECK_RESULT(TARN_E_NOT_FOUND, tarn_inspect(name, kind, &details, NULL, 0));
}

static void test_killed_at_any_moment(void) {
  pair all = open_all();
  for (int i = 0; i < KILLS; i++) {
    check_process *observer = check_start("observer", NULL);
    for (int k = 0; k < 3; k++) go_on(&all);
    check_expect(observer, "observes");
    for (uint64_t k = check_random() % 40; k > 0; k--) go_on(&all); /* it is somewhere in a copy, or between two */
    check_kill(observer);
    for (int k = 0; k < 20; k++) go_on(&all); /* while it is torn down, and around the ring */
    CHECK_INT(-9, check_wait(observer));
    seen_from_outside("b", TARN_KIND_BOARD);
    seen_from_outside("s", TARN_KIND_STREAM);
  }
  close_all(&all);
  is_gone("b", TARN_KIND_BOARD); /* the last one to leave was the last one there */
  is_gone("s", TARN_KIND_STREAM);
}

/* It is all that is left, and is killed: it removes no names, and whoever comes next begins anew. */
static void test_killed_as_the_last(void) {
  pair all = open_all();
  go_on(&all);
  check_process *observer = check_start("observer", NULL);
  check_expect(observer, "observes");
  close_all(&all);
  check_kill(observer);
  CHECK_INT(-9, check_wait(observer));
  all = open_all();
  for (int k = 0; k < 20; k++) go_on(&all); /* from number 1 */
  close_all(&all);
  is_gone("b", TARN_KIND_BOARD);
  is_gone("s", TARN_KIND_STREAM);
}

static const check_test tests[] = {{"killed_at_any_moment", test_killed_at_any_moment, 60},
                                   {"killed_as_the_last", test_killed_as_the_last, 0},
                                   {0}};

static const check_role roles[] = {{"observer", role_observer}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
