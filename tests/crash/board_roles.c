/* board_roles.c: the processes of the board's crash tests. Every version is verified byte by byte by everybody who sees it. */
#include "board_crash.h"

#include <inttypes.h>
#include <tarn/inspect.h>

#define MS INT64_C(1000000)

uint32_t board_slot(const tarn_board *board) { return board->channel.slot; }

int board_put(tarn_board *board, uint64_t size_bytes, uint64_t tag) {
  void *room;
  int result = tarn_board_claim(board, size_bytes + tag % 100, &room, TARN_FOREVER);
  if (result != 0) return result;
  crash_fill(room, size_bytes, tag);
  const tarn_about about = {.struct_size = sizeof about, .tag = tag, .type = "crash/pattern"};
  return tarn_board_publish(board, size_bytes, &about);
}

void board_verify(const tarn_item *item) {
  if (!crash_whole(item->data, item->size_bytes, item->tag))
    fprintf(stderr, "version %" PRIu64 ", tag %" PRIu64 ", %" PRIu64 " bytes is not complete\n", item->number, item->tag,
            item->size_bytes);
  CHECK(crash_whole(item->data, item->size_bytes, item->tag));
  CHECK_STR("crash/pattern", item->type);
}

static uint32_t flags_of(const char *text) { return strcmp(text, "kept") == 0 ? TARN_KEPT : 0; }

/* ---- Victims ----------------------------------------------------------------------------------------------------------- */

/* Growing values: every life needs buffers that the life before did not have. */
static uint64_t size_of(uint64_t life, uint64_t index) {
  static const uint64_t sizes[] = {700, 60000, 0, 70000, 3, 140000};
  return sizes[index] + (index == 5 ? life * 150000 : 0);
}

static void write_a_life(tarn_board *board, uint64_t life) {
  for (uint64_t index = 0; index < 6; index++) {
    if (index == 2) {
      void *room;
      CHECK_OK(tarn_board_claim(board, 1000, &room, TARN_FOREVER));
      memset(room, 0xee, 1000);
      CHECK_OK(tarn_board_abandon(board));
    }
    uint64_t tag = VICTIMS_TAG + life * 100 + index;
    CHECK_OK(board_put(board, size_of(life, index), tag));
    crash_say("put", 0, tag);
    check_sleep(MS * 2 / 5); /* so that readers fall asleep in between */
  }
}

int role_writer(int argc, char **argv) {
  CHECK_INT(2, argc);
  const tarn_options options = {.struct_size = sizeof options, .flags = flags_of(argv[1])};
  for (uint64_t life = 1; life <= LIVES; life++) {
    tarn_board *board;
    CHECK_OK(tarn_board_open(&board, argv[0], TARN_WRITER, &options, CRASH_PATIENCE_NS));
    crash_say("open", board_slot(board), life);
    write_a_life(board, life);
    tarn_board_close(board);
    crash_say("closed", 0, life);
  }
  return 0;
}

static int is_outcome(int result) {
  return result == TARN_TIMED_OUT || result == TARN_NO_WRITER || result == TARN_EMPTY || result == TARN_WOKEN;
}

/* Read while holding the three before, verify each again before it goes. */
static void read_a_life(tarn_board *board, void *buffer) {
  tarn_item items[3] = {{.data = NULL}}, copy;
  for (int i = 0; i < 9; i++) {
    tarn_item *item = &items[i % 3];
    if (item->data != NULL) {
      board_verify(item);
      CHECK_OK(tarn_board_release(board, item));
    }
    int result = tarn_board_read(board, item, 3 * MS);
    if (result == 0)
      board_verify(item);
    else
      CHECK(is_outcome(result));
    if (i % 3 != 2) continue;
    result = tarn_board_get(board, buffer, MANY_BYTES, &copy, 2 * MS);
    if (result == 0)
      board_verify(&copy);
    else
      CHECK(is_outcome(result));
  }
  for (int i = 0; i < 3; i++)
    if (items[i].data != NULL) {
      board_verify(&items[i]);
      CHECK_OK(tarn_board_release(board, &items[i]));
    }
}

int role_reader(int argc, char **argv) {
  CHECK_INT(1, argc);
  void *buffer = malloc(MANY_BYTES);
  CHECK(buffer != NULL);
  for (uint64_t life = 1; life <= LIVES; life++) {
    tarn_board *board;
    int result = tarn_board_open(&board, argv[0], TARN_READER, NULL, 0);
    if (result == TARN_E_NOT_FOUND) /* what was there was over */
      continue;
    CHECK_OK(result);
    crash_say("open", board_slot(board), life);
    read_a_life(board, buffer);
    tarn_board_close(board);
    crash_say("closed", 0, life);
  }
  free(buffer);
  return 0;
}

int role_remover(int argc, char **argv) {
  CHECK_INT(1, argc);
  const tarn_options options = {.struct_size = sizeof options, .flags = TARN_KEPT};
  for (uint64_t life = 1; life <= LIVES; life++) {
    tarn_board *board;
    CHECK_OK(tarn_board_open(&board, argv[0], TARN_WRITER, &options, CRASH_PATIENCE_NS));
    CHECK_OK(board_put(board, 5000, VICTIMS_TAG + life));
    crash_say("put", 0, VICTIMS_TAG + life);
    tarn_board_close(board);
    crash_say("removing", 0, life);
    CHECK_OK(tarn_remove(argv[0], TARN_KIND_BOARD, 0));
  }
  return 0;
}

/* ---- Survivors --------------------------------------------------------------------------------------------------------- */

static void wake(void *argument) { tarn_board_wake(argument); }

/* Blocked in read, for ever, until it is told to end. */
int role_blocked_reader(int argc, char **argv) {
  CHECK(argc >= 1);
  crash_say("opening", 0, 0);
  tarn_board *board;
  CHECK_OK(tarn_board_open(&board, argv[0], TARN_READER, NULL, TARN_FOREVER));
  crash_say("ready", board_slot(board), TARN_READER);
  crash_ears ears = {.wake = wake, .argument = board};
  crash_listen(&ears);
  uint64_t newest = 0;
  while (!tn_load_acquire(&ears.end)) { /* [T2] acquire */
    tarn_item item;
    int result = tarn_board_read(board, &item, TARN_FOREVER);
    if (result == TARN_NO_WRITER) crash_say("none", 0, 0);
    if (result == TARN_NO_WRITER || result == TARN_WOKEN) continue;
    CHECK_OK(result);
    crash_say("item", item.number, item.tag);
    board_verify(&item);
    CHECK(item.number > newest);
    newest = item.number;
    CHECK_OK(tarn_board_release(board, &item));
  }
  crash_deafen(&ears);
  tarn_board_close(board);
  return 0;
}

/* Publishes every 2 ms; where the limit lets readers block it, it blocks. */
int role_steady_writer(int argc, char **argv) {
  CHECK(argc >= 2);
  const tarn_options options = {.struct_size = sizeof options, .limit_bytes = strtoull(argv[1], NULL, 10), .slots = 8};
  tarn_board *board;
  CHECK_OK(tarn_board_open(&board, argv[0], TARN_WRITER, &options, CRASH_PATIENCE_NS));
  crash_ears ears = {.wake = wake, .argument = board};
  crash_listen(&ears);
  for (uint64_t tag = VICTIMS_TAG; !tn_load_acquire(&ears.end); tag++) { /* [T2] acquire */
    uint64_t size = options.limit_bytes != 0 ? 50000 : tag * 331 % 150000;
    int result = board_put(board, size, tag);
    if (result == TARN_WOKEN) continue;
    CHECK_OK(result);
    crash_say("put", 0, tag);
    if (tag == VICTIMS_TAG) crash_say("ready", board_slot(board), TARN_WRITER);
    check_sleep(2 * MS);
  }
  crash_deafen(&ears);
  tarn_board_close(board);
  return 0;
}

int role_corpse(int argc, char **argv) {
  CHECK_INT(1, argc);
  tarn_board *board;
  tarn_item item;
  CHECK_OK(tarn_board_open(&board, argv[0], TARN_READER, NULL, CRASH_PATIENCE_NS));
  CHECK_OK(tarn_board_read(board, &item, CRASH_PATIENCE_NS));
  check_say("dying");
  check_hear();
  CHECK(0 && "a corpse is killed, not told");
  return 1;
}

int role_idle(int argc, char **argv) {
  (void)argc, (void)argv;
  check_hear();
  return 0;
}

/* ---- The checker --------------------------------------------------------------------------------------------------------- */

/* What is there: complete, and at least as new as what is known to have been published. NULL: nothing, and nothing need be. */
static tarn_board *read_what_is_there(const char *name, uint64_t least) {
  tarn_board *board = NULL;
  tarn_item item;
  int result = tarn_board_open(&board, name, TARN_READER, NULL, 0);
  if (result == TARN_E_NOT_FOUND) {
    CHECK_UINT(0, least);
    return NULL;
  }
  CHECK_OK(result);
  result = tarn_board_read(board, &item, 0);
  if (result == TARN_EMPTY || result == TARN_NO_WRITER) {
    CHECK_UINT(0, least);
    return board;
  }
  CHECK_OK(result);
  board_verify(&item);
  if (item.tag < least) fprintf(stderr, "the newest version has tag %" PRIu64 "\n", item.tag);
  CHECK(item.tag >= least);
  CHECK_OK(tarn_board_release(board, &item));
  return board;
}

static void await_tag(tarn_board *board, uint64_t tag) {
  tarn_item item = {.tag = 0};
  while (item.tag != tag) {
    int result = tarn_board_read(board, &item, CRASH_PATIENCE_NS);
    if (result == TARN_NO_WRITER) continue;
    CHECK_OK(result);
    board_verify(&item);
    uint64_t got = item.tag;
    CHECK_OK(tarn_board_release(board, &item));
    item.tag = got;
  }
}

/* Nobody writes: a new writer begins at once. */
static void check_free(const char *name, const tarn_options *options, uint64_t least, uint64_t tag) {
  tarn_board *reader = read_what_is_there(name, least), *writer;
  CHECK_OK(tarn_board_open(&writer, name, TARN_WRITER, options, 0));
  CHECK_OK(board_put(writer, 100000, tag));
  crash_say("put", 0, tag);
  if (reader == NULL) CHECK_OK(tarn_board_open(&reader, name, TARN_READER, NULL, 0));
  await_tag(reader, tag);
  tarn_board_close(reader);
  check_hear();
  tarn_board_close(writer);
}

/* Another writer lives: what it published can be read, its place cannot be had. */
static void check_busy(const char *name, const tarn_options *options, uint64_t least) {
  tarn_board *reader = read_what_is_there(name, least), *writer;
  CHECK(reader != NULL);
  CHECK_RESULT(TARN_BUSY, tarn_board_open(&writer, name, TARN_WRITER, options, 0));
  CHECK_RESULT(TARN_TIMED_OUT, tarn_board_open(&writer, name, TARN_WRITER, options, 30 * MS));
  tarn_board_close(reader);
  crash_say("put", 0, 0);
  check_hear();
}

/* Somebody is alone with the name and stopped: an answer comes all the same. */
static void check_alone(const char *name, const tarn_options *options) {
  int64_t begin = check_now();
  tarn_board *board;
  CHECK_RESULT(TARN_BUSY, tarn_board_open(&board, name, TARN_READER, NULL, 0));
  CHECK_RESULT(TARN_TIMED_OUT, tarn_board_open(&board, name, TARN_WRITER, options, 30 * MS));
  CHECK(check_now() - begin < 5000 * MS);
  crash_say("put", 0, 0);
  check_hear();
}

int role_checker(int argc, char **argv) {
  CHECK_INT(5, argc);
  const tarn_options options = {.struct_size = sizeof options, .flags = flags_of(argv[2])};
  uint64_t least = strtoull(argv[3], NULL, 10), tag = strtoull(argv[4], NULL, 10);
  if (strcmp(argv[1], "free") == 0)
    check_free(argv[0], &options, least, tag);
  else if (strcmp(argv[1], "busy") == 0)
    check_busy(argv[0], &options, least);
  else
    check_alone(argv[0], &options);
  return 0;
}
