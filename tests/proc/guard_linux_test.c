/* guard_linux_test.c: files cut short under views, with the guard and without; and whose business a SIGBUS is. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../boards.h"

enum { PAGE = 4096, SIZE = 64 * PAGE, VALUE = 1 << 20 };

static void install(void) { CHECK_OK(tarn_guard_install()); }

static void cut(const char *name, off_t size) { CHECK_INT(0, truncate(check_path(name), size)); }

static tarn_view view_of(const char *name) {
  tarn_options options = {.struct_size = sizeof options, .size_bytes = SIZE};
  tarn_map *map = NULL;
  tarn_view view;
  CHECK_OK(tarn_map_open(&map, name, TARN_MAP_WRITE, &options, 0));
  CHECK_OK(tarn_map_view(map, 0, 0, &view));
  tarn_map_close(map);
  return view;
}

/* ---- Views of maps --------------------------------------------------------------------------------------------------- */

static void test_copy_from_a_map(void) {
  static char room[SIZE];
  install();
  tarn_view view = view_of("raw");
  memset(view.data, 7, SIZE);
  CHECK_OK(tarn_guard_copy(room, view.data, SIZE));
  CHECK_INT(7, room[SIZE - 1]);
  cut("raw", PAGE);
  CHECK_RESULT(TARN_E_CORRUPT, tarn_guard_copy(room, view.data, SIZE));
  CHECK_CONTAINS(" of a view of 256 KiB is gone", tarn_error_text());
  CHECK_RESULT(TARN_E_CORRUPT, tarn_guard_copy(room, view.data, SIZE)); /* and stays so */
  CHECK_RESULT(TARN_E_CORRUPT, tarn_guard_check(view.data, SIZE));
  CHECK_OK(tarn_guard_copy(room, view.data, PAGE));
  CHECK_OK(tarn_guard_check(view.data, PAGE));
  CHECK_INT(7, room[PAGE - 1]);
  tarn_view_close(&view);
  CHECK_OK(tarn_guard_check(view.data, SIZE)); /* nobody's any more */
  view = view_of("other");
  CHECK_OK(tarn_guard_copy(room, view.data, SIZE));
  tarn_view_close(&view);
  CHECK_OK(tarn_guard_remove());
}

static int count_sevens(void *argument) { /* from the end: every page a fault of its own */
  const volatile char *bytes = ((tarn_view *)argument)->data;
  int sevens = 0;
  for (int i = SIZE - 1; i >= 0; i--) sevens += bytes[i] == 7;
  return sevens;
}

static int write_behind(void *argument) {
  char *bytes = ((tarn_view *)argument)->data;
  memset(bytes, 9, SIZE);
  return bytes[SIZE - 1];
}

static void test_run_goes_on_with_zeros(void) {
  install();
  tarn_view view = view_of("raw");
  memset(view.data, 7, SIZE);
  CHECK_INT(SIZE, tarn_guard_run(count_sevens, &view)); /* what the function returned */
  cut("raw", 2 * PAGE);
  CHECK_RESULT(TARN_E_CORRUPT, tarn_guard_run(count_sevens, &view));
  CHECK_INT(2 * PAGE, tarn_guard_run(count_sevens, &view));
  tarn_view_close(&view);
  view = view_of("written");
  cut("written", PAGE);
  CHECK_RESULT(TARN_E_CORRUPT, tarn_guard_run(write_behind, &view));
  CHECK_INT(9, ((char *)view.data)[0]);
  tarn_view_close(&view);
}

static int inner(void *argument) {
  CHECK_RESULT(TARN_E_CORRUPT, tarn_guard_run(count_sevens, argument));
  return 5;
}

static void test_of_nested_runs_the_innermost_is_told(void) {
  install();
  tarn_view view = view_of("raw");
  cut("raw", PAGE);
  CHECK_INT(5, tarn_guard_run(inner, &view));
  tarn_view_close(&view);
}

static void test_a_child_keeps_its_views_and_the_guard(void) {
  install();
  tarn_view view = view_of("raw");
  cut("raw", PAGE);
  pid_t child = fork();
  if (child == 0) _exit(tarn_guard_run(count_sevens, &view) == TARN_E_CORRUPT ? 0 : 1);
  int status;
  CHECK_INT(child, waitpid(child, &status, 0));
  CHECK_INT(0, status);
  CHECK_RESULT(TARN_E_CORRUPT, tarn_guard_run(count_sevens, &view)); /* the child's zeros were its own */
  tarn_view_close(&view);
}

/* ---- Several threads at once ------------------------------------------------------------------------------------------ */

enum { THREADS = 4, TURNS = 25 };

static void *cut_and_look(void *argument) { /* the views of odd threads are cut, those of even ones are not */
  intptr_t number = (intptr_t)argument;
  char name[16];
  snprintf(name, sizeof name, "raw%d", (int)number);
  for (int turn = 0; turn < TURNS; turn++) {
    tarn_view view = view_of(name);
    memset(view.data, 7, SIZE);
    if (number % 2 == 1) cut(name, PAGE);
    int result = tarn_guard_run(count_sevens, &view);
    tarn_view_close(&view);
    if (number % 2 == 1) CHECK_OK(tarn_remove(name, TARN_KIND_MAP, 0));
    if (result != (number % 2 == 1 ? TARN_E_CORRUPT : SIZE)) return argument;
  }
  return NULL;
}

static void test_threads_are_told_of_their_own(void) {
  pthread_t threads[THREADS];
  install();
  for (intptr_t i = 0; i < THREADS; i++) CHECK_INT(0, pthread_create(&threads[i], NULL, cut_and_look, (void *)i));
  for (int i = 0; i < THREADS; i++) {
    void *failed;
    CHECK_INT(0, pthread_join(threads[i], &failed));
    CHECK(failed == NULL);
  }
}

/* ---- Boards ------------------------------------------------------------------------------------------------------------- */

static tarn_board *writer, *reader;

static void board_of(uint64_t size) {
  install();
  void *room;
  writer = open_writer("board", NULL);
  CHECK_OK(tarn_board_claim(writer, size, &room, 0));
  memset(room, 7, (size_t)size);
  CHECK_OK(tarn_board_publish(writer, size, NULL));
  reader = open_reader("board");
}

static void close_both(void) {
  tarn_board_close(reader);
  tarn_board_close(writer);
  tarn_item item;
  writer = open_writer("board", NULL); /* begun anew: the name went with the two */
  CHECK_RESULT(TARN_EMPTY, tarn_board_read(reader = open_reader("board"), &item, 0));
  tarn_board_close(reader);
  tarn_board_close(writer);
  CHECK_OK(tarn_guard_remove());
}

static void test_a_boards_buffer_in_place(void) {
  tarn_item item;
  board_of(VALUE);
  CHECK_OK(tarn_board_read(reader, &item, 0));
  cut("board.board", 128 << 10);
  const volatile char *bytes = item.data;
  CHECK_INT(7, bytes[0]);
  CHECK_INT(0, bytes[VALUE - 1]); /* not 7, and no end of the process */
  CHECK_RESULT(TARN_E_CORRUPT, tarn_board_release(reader, &item));
  expect_sentence("board \"board\"", "cut short");
  CHECK_RESULT(TARN_E_CORRUPT, tarn_board_read(reader, &item, 0));
  CHECK_RESULT(TARN_E_CORRUPT, tarn_board_read(reader, &item, TARN_FOREVER));
  close_both();
}

static void test_a_boards_buffer_by_copy(void) {
  static char room[VALUE];
  tarn_item item = {0};
  board_of(VALUE);
  cut("board.board", 128 << 10);
  CHECK(tarn_board_get(reader, room, sizeof room, &item, 0) == TARN_E_CORRUPT); /* never seen before: its place is beyond the end */
  CHECK_UINT(0, item.number);
  close_both();
}

static void test_a_boards_buffer_that_was_mapped_before(void) {
  static char room[VALUE];
  tarn_item item = {0};
  board_of(VALUE);
  CHECK_OK(tarn_board_get(reader, room, sizeof room, &item, 0));
  for (int i = 0; i < 2; i++) CHECK_OK(tarn_board_put(writer, room, sizeof room, NULL, 0)); /* the reader's buffer comes again */
  CHECK_OK(tarn_board_get(reader, room, sizeof room, &item, 0));
  CHECK_OK(tarn_board_put(writer, room, sizeof room, NULL, 0));
  cut("board.board", 128 << 10);
  item = (tarn_item){0};
  CHECK_RESULT(TARN_E_CORRUPT, tarn_board_get(reader, room, sizeof room, &item, TARN_FOREVER));
  CHECK_UINT(0, item.number);
  CHECK_RESULT(TARN_E_CORRUPT, tarn_board_get(reader, room, sizeof room, &item, TARN_FOREVER));
  close_both();
}

static void test_a_boards_writer(void) {
  static char bytes[VALUE];
  int result = 0;
  board_of(VALUE);
  cut("board.board", 0);
  for (int i = 0; i < 8 && result == 0; i++) result = tarn_board_put(writer, bytes, sizeof bytes, NULL, 0);
  CHECK_RESULT(TARN_E_CORRUPT, result);
  close_both();
}

static void *cut_soon(void *argument) {
  check_sleep(20 * MS); /* the reader most likely sleeps; if it does not yet, it finds the same */
  cut(argument, 0);
  return NULL;
}

static void test_a_reader_that_waits(void) {
  tarn_item item;
  pthread_t thread;
  board_of(VALUE);
  CHECK_OK(tarn_board_read(reader, &item, 0));
  CHECK_OK(tarn_board_release(reader, &item));
  CHECK_INT(0, pthread_create(&thread, NULL, cut_soon, "board.board"));
  CHECK_RESULT(TARN_E_CORRUPT, tarn_board_read(reader, &item, TARN_FOREVER));
  pthread_join(thread, NULL);
  close_both();
}

static void test_an_observer_that_waits(void) {
  static char room[VALUE];
  tarn_item item;
  tarn_board *observer = NULL;
  pthread_t thread;
  board_of(VALUE);
  CHECK_OK(tarn_board_open(&observer, "board", TARN_OBSERVER, NULL, 0));
  CHECK_OK(tarn_board_get(observer, room, sizeof room, &item, 0));
  CHECK_INT(0, pthread_create(&thread, NULL, cut_soon, "board.board"));
  CHECK_RESULT(TARN_E_CORRUPT, tarn_board_get(observer, room, sizeof room, &item, TARN_FOREVER));
  pthread_join(thread, NULL);
  tarn_board_close(observer);
  close_both();
}

static void test_a_reader_that_polls(void) { /* the helper thread is the one that faults */
  tarn_item item;
  intptr_t handle;
  board_of(VALUE);
  CHECK_OK(tarn_board_read(reader, &item, 0));
  CHECK_OK(tarn_board_release(reader, &item));
  CHECK_OK(tarn_board_handle(reader, &handle));
  CHECK_RESULT(TARN_EMPTY, tarn_board_read(reader, &item, 0));
  cut("board.board", 0);
  struct pollfd wait = {(int)handle, POLLIN, 0};
  CHECK_INT(1, poll(&wait, 1, 10000));
  CHECK_RESULT(TARN_E_CORRUPT, tarn_board_read(reader, &item, 0));
  close_both();
}

static void test_closed_with_an_item_out(void) {
  tarn_item item;
  board_of(VALUE);
  CHECK_OK(tarn_board_read(reader, &item, 0));
  cut("board.board", 0);
  CHECK_INT(0, ((const volatile char *)item.data)[VALUE - 1]);
  tarn_board_close(reader);
  CHECK_RESULT(TARN_E_CORRUPT, tarn_board_release(reader, &item)); /* and with it the handle is gone */
  reader = NULL;
  close_both();
}

/* ---- Streams ------------------------------------------------------------------------------------------------------------ */

static tarn_stream *source, *sink;

static void stream_of(uint64_t size) {
  static char bytes[VALUE / 4];
  tarn_options options = {.struct_size = sizeof options, .size_bytes = VALUE};
  install();
  memset(bytes, 7, sizeof bytes);
  CHECK_OK(tarn_stream_open(&source, "stream", TARN_WRITER, &options, 0));
  CHECK_OK(tarn_stream_open(&sink, "stream", TARN_READER, NULL, 0));
  for (int i = 0; i < 2; i++) CHECK_OK(tarn_stream_put(source, bytes, size, NULL, 0));
}

static void close_streams(void) {
  tarn_stream_close(sink);
  tarn_stream_close(source);
  CHECK_OK(tarn_guard_remove());
}

static void test_a_streams_ring_in_place(void) {
  tarn_item items[2];
  uint32_t count;
  stream_of(VALUE / 4);
  CHECK_OK(tarn_stream_read_batch(sink, items, 2, &count, 0));
  CHECK_UINT(2, count);
  cut("stream.stream", 128 << 10);
  CHECK_INT(7, ((const volatile char *)items[0].data)[0]);
  CHECK_INT(0, ((const volatile char *)items[1].data)[VALUE / 4 - 1]);
  CHECK_RESULT(TARN_E_CORRUPT, tarn_stream_release(sink, &items[0]));
  CHECK_RESULT(TARN_E_CORRUPT, tarn_stream_release_batch(sink, items + 1, 1));
  expect_sentence("stream \"stream\"", "cut short");
  CHECK_RESULT(TARN_E_CORRUPT, tarn_stream_read(sink, items, TARN_FOREVER));
  close_streams();
}

/* A reader on its short path: the message's word is still there, a part of its payload is not. */
static void test_a_streams_message_by_copy(void) {
  static char room[VALUE];
  tarn_item item = {0};
  stream_of(VALUE / 4);
  CHECK_OK(tarn_stream_get(sink, room, sizeof room, &item, 0));
  item.number = 0;
  cut("stream.stream", (128 << 10) + VALUE / 4);
  CHECK_RESULT(TARN_E_CORRUPT, tarn_stream_get(sink, room, sizeof room, &item, 0));
  CHECK_UINT(0, item.number);
  close_streams();
}

static void test_a_streams_ring_by_copy(void) {
  static char room[VALUE];
  tarn_item item = {0};
  stream_of(VALUE / 4);
  cut("stream.stream", 128 << 10);
  CHECK_RESULT(TARN_E_CORRUPT, tarn_stream_get(sink, room, sizeof room, &item, TARN_FOREVER));
  CHECK_UINT(0, item.number);
  CHECK_RESULT(TARN_E_CORRUPT, tarn_stream_get(sink, room, sizeof room, &item, TARN_FOREVER));
  close_streams();
}

static void test_a_streams_writer_and_a_reader_that_waits(void) {
  static char bytes[VALUE / 4];
  tarn_item item;
  pthread_t thread;
  int result = 0;
  stream_of(1000);
  for (int i = 0; i < 2; i++) CHECK_OK(tarn_stream_get(sink, bytes, sizeof bytes, &item, 0));
  CHECK_INT(0, pthread_create(&thread, NULL, cut_soon, "stream.stream"));
  CHECK_RESULT(TARN_E_CORRUPT, tarn_stream_get(sink, bytes, sizeof bytes, &item, TARN_FOREVER));
  pthread_join(thread, NULL);
  for (int i = 0; i < 8 && result == 0; i++) result = tarn_stream_put(source, bytes, sizeof bytes, NULL, TARN_FOREVER);
  CHECK_RESULT(TARN_E_CORRUPT, result);
  close_streams();
}

/* Several writers; a queue: the same answers, though more of what they share lies in the page that is lost. */
static void check_shared(uint32_t flags) {
  static char bytes[VALUE / 8], room[VALUE];
  tarn_options options = {.struct_size = sizeof options, .size_bytes = VALUE, .flags = flags};
  tarn_item items[2], item = {0};
  uint32_t count;
  int result = 0;
  install();
  CHECK_OK(tarn_stream_open(&source, "shared", TARN_WRITER, &options, 0));
  CHECK_OK(tarn_stream_open(&sink, "shared", TARN_READER, NULL, 0));
  memset(bytes, 7, sizeof bytes);
  for (int i = 0; i < 4; i++) CHECK_OK(tarn_stream_put(source, bytes, sizeof bytes, NULL, 0));
  CHECK_OK(tarn_stream_read_batch(sink, items, 2, &count, 0));
  CHECK_UINT(2, count);
  cut("shared.stream", 128 << 10);
  CHECK_INT(7, ((const volatile char *)items[0].data)[0]);
  CHECK_RESULT(TARN_E_CORRUPT, tarn_stream_get(sink, room, sizeof room, &item, TARN_FOREVER));
  CHECK_UINT(0, item.number);
  for (int i = 0; i < 2; i++) CHECK_RESULT(TARN_E_CORRUPT, tarn_stream_release(sink, &items[i]));
  CHECK_RESULT(TARN_E_CORRUPT, tarn_stream_read(sink, &item, TARN_FOREVER));
  cut("shared.stream", 0);
  for (int i = 0; i < 8 && result == 0; i++) result = tarn_stream_put(source, bytes, sizeof bytes, NULL, TARN_FOREVER);
  CHECK_RESULT(TARN_E_CORRUPT, result);
  close_streams();
}

static void test_several_writers(void) { check_shared(TARN_MANY_WRITERS); }
static void test_a_queue(void) { check_shared(TARN_QUEUE); }

static void test_a_queues_reader_that_waits(void) {
  static char room[VALUE];
  tarn_options options = {.struct_size = sizeof options, .size_bytes = VALUE, .flags = TARN_QUEUE};
  tarn_item item;
  pthread_t thread;
  install();
  CHECK_OK(tarn_stream_open(&source, "shared", TARN_WRITER, &options, 0));
  CHECK_OK(tarn_stream_open(&sink, "shared", TARN_READER, NULL, 0));
  CHECK_INT(0, pthread_create(&thread, NULL, cut_soon, "shared.stream"));
  CHECK_RESULT(TARN_E_CORRUPT, tarn_stream_get(sink, room, sizeof room, &item, TARN_FOREVER));
  pthread_join(thread, NULL);
  close_streams();
}

/* ---- Whose business a SIGBUS is ------------------------------------------------------------------------------------------ */

/* A mapping that the library knows nothing of, one page of it beyond the end of its file. */
static volatile char *foreign(void) {
  int file = open(check_path("foreign"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  CHECK(file >= 0);
  CHECK_INT(0, ftruncate(file, PAGE));
  char *bytes = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  CHECK(bytes != MAP_FAILED);
  close(file);
  return bytes;
}

static int touch(void *argument) { return *((const volatile char *)argument + PAGE); }

static void begin(void) { /* a sanitizer has a handler of its own */
  signal(SIGBUS, SIG_DFL);
  install();
}

static int role_dies(int argc, char **argv) {
  (void)argc;
  tarn_view view = view_of(argv[0]);
  cut(argv[0], PAGE);
  if (strcmp(argv[0], "without") == 0) signal(SIGBUS, SIG_DFL);
  else begin();
  if (strcmp(argv[0], "foreign") == 0) tarn_guard_run(touch, (void *)(uintptr_t)foreign());
  if (strcmp(argv[0], "outside") == 0 || strcmp(argv[0], "without") == 0) touch(view.data);
  if (strcmp(argv[0], "sent") == 0) raise(SIGBUS);
  if (strcmp(argv[0], "ignored") == 0) { /* what cannot be ignored */
    tarn_guard_remove();
    signal(SIGBUS, SIG_IGN);
    install();
    tarn_guard_run(touch, (void *)(uintptr_t)foreign());
  }
  if (strcmp(argv[0], "removed") == 0) {
    CHECK_RESULT(TARN_E_CORRUPT, tarn_guard_run(touch, view.data));
    tarn_view_close(&view);
    CHECK_OK(tarn_guard_remove());
    view = view_of("again");
    cut("again", PAGE);
    touch(view.data);
  }
  return 0;
}

static void test_what_is_not_ours_kills_as_before(void) {
  const char *const ways[] = {"foreign", "outside", "without", "sent", "ignored", "removed"};
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    printf("%s\n", ways[i]);
    CHECK_INT(-SIGBUS, check_wait(check_start("dies", ways[i], NULL)));
  }
}

static sigjmp_buf back;
static volatile sig_atomic_t calls;
static void *volatile where;

static void plain(int number) {
  calls++;
  siglongjmp(back, number);
}

static void informed(int number, siginfo_t *info, void *context) {
  calls++;
  where = context ? info->si_addr : NULL;
  siglongjmp(back, number);
}

static void quiet(int number) { calls += number == SIGBUS; }

static void set_handler(void (*handler)(int), void (*action)(int, siginfo_t *, void *), int flags) {
  struct sigaction wanted = {.sa_flags = flags};
  if (action) wanted.sa_sigaction = action;
  else wanted.sa_handler = handler;
  sigaddset(&wanted.sa_mask, SIGUSR1);
  CHECK_INT(0, sigaction(SIGBUS, &wanted, NULL));
}

static void test_handlers_that_were_there_are_called(void) {
  volatile char *bytes = foreign();
  set_handler(plain, NULL, 0);
  install();
  if (sigsetjmp(back, 1) == 0) touch((void *)(uintptr_t)bytes);
  CHECK_INT(1, calls);
  CHECK_OK(tarn_guard_remove());

  set_handler(NULL, informed, SA_SIGINFO);
  install();
  if (sigsetjmp(back, 1) == 0) touch((void *)(uintptr_t)bytes);
  CHECK_INT(2, calls);
  CHECK(where == (void *)(uintptr_t)(bytes + PAGE));
  tarn_view view = view_of("raw"); /* ours does not reach them */
  cut("raw", PAGE);
  CHECK_RESULT(TARN_E_CORRUPT, tarn_guard_run(touch, view.data));
  CHECK_INT(2, calls);
  tarn_view_close(&view);
  CHECK_OK(tarn_guard_remove());

  set_handler(quiet, NULL, 0);
  install();
  raise(SIGBUS);
  CHECK_INT(3, calls);
  CHECK_OK(tarn_guard_remove());
  signal(SIGBUS, SIG_IGN);
  install();
  raise(SIGBUS); /* sent and ignored */
  CHECK_OK(tarn_guard_remove());
}

static int role_once(int argc, char **argv) { /* SA_RESETHAND: called once, the second time is the end */
  (void)argc, (void)argv;
  set_handler(quiet, NULL, (int)SA_RESETHAND);
  install();
  raise(SIGBUS);
  check_say("%d", (int)calls);
  raise(SIGBUS);
  return 0;
}

static void test_a_handler_for_once(void) {
  check_process *once = check_start("once", NULL);
  check_expect(once, "1");
  CHECK_INT(-SIGBUS, check_wait(once));
}

static void test_what_was_there_is_put_back(void) {
  struct sigaction there;
  set_handler(NULL, informed, SA_SIGINFO | (int)SA_NODEFER);
  install();
  install();
  CHECK_OK(tarn_guard_remove());
  CHECK_INT(0, sigaction(SIGBUS, NULL, &there));
  CHECK(there.sa_sigaction != informed && there.sa_flags & (int)SA_NODEFER && sigismember(&there.sa_mask, SIGUSR1) == 1);
  CHECK_OK(tarn_guard_remove());
  CHECK_INT(0, sigaction(SIGBUS, NULL, &there));
  CHECK(there.sa_sigaction == informed && there.sa_flags & (int)SA_NODEFER && sigismember(&there.sa_mask, SIGUSR1) == 1);
  CHECK_RESULT(TARN_E_INVALID, tarn_guard_remove());
}

static struct sigaction below;

static void on_top(int number, siginfo_t *info, void *context) {
  calls++;
  below.sa_sigaction(number, info, context);
}

static void test_a_handler_on_top_stays(void) {
  struct sigaction top = {.sa_sigaction = on_top, .sa_flags = SA_SIGINFO}, there;
  install();
  CHECK_INT(0, sigaction(SIGBUS, &top, &below));
  tarn_view view = view_of("raw");
  cut("raw", PAGE);
  CHECK_RESULT(TARN_E_CORRUPT, tarn_guard_run(touch, view.data));
  tarn_view_close(&view);
  CHECK_INT(1, calls);
  CHECK_OK(tarn_guard_remove()); /* it cannot go from below it */
  CHECK_INT(0, sigaction(SIGBUS, NULL, &there));
  CHECK(there.sa_sigaction == on_top);
  install();
  view = view_of("again");
  cut("again", PAGE);
  CHECK_RESULT(TARN_E_CORRUPT, tarn_guard_run(touch, view.data));
  tarn_view_close(&view);
  CHECK_INT(2, calls);
}

static const check_test tests[] = {
    {"copy_from_a_map", test_copy_from_a_map, 0},
    {"run_goes_on_with_zeros", test_run_goes_on_with_zeros, 0},
    {"of_nested_runs_the_innermost_is_told", test_of_nested_runs_the_innermost_is_told, 0},
    {"a_child_keeps_its_views_and_the_guard", test_a_child_keeps_its_views_and_the_guard, 0},
    {"threads_are_told_of_their_own", test_threads_are_told_of_their_own, 0},
    {"a_boards_buffer_in_place", test_a_boards_buffer_in_place, 0},
    {"a_boards_buffer_by_copy", test_a_boards_buffer_by_copy, 0},
    {"a_boards_buffer_that_was_mapped_before", test_a_boards_buffer_that_was_mapped_before, 0},
    {"a_boards_writer", test_a_boards_writer, 0},
    {"a_reader_that_waits", test_a_reader_that_waits, 0},
    {"an_observer_that_waits", test_an_observer_that_waits, 0},
    {"a_reader_that_polls", test_a_reader_that_polls, 0},
    {"closed_with_an_item_out", test_closed_with_an_item_out, 0},
    {"a_streams_ring_in_place", test_a_streams_ring_in_place, 0},
    {"a_streams_message_by_copy", test_a_streams_message_by_copy, 0},
    {"a_streams_ring_by_copy", test_a_streams_ring_by_copy, 0},
    {"a_streams_writer_and_a_reader_that_waits", test_a_streams_writer_and_a_reader_that_waits, 0},
    {"several_writers", test_several_writers, 0},
    {"a_queue", test_a_queue, 0},
    {"a_queues_reader_that_waits", test_a_queues_reader_that_waits, 0},
    {"what_is_not_ours_kills_as_before", test_what_is_not_ours_kills_as_before, 0},
    {"handlers_that_were_there_are_called", test_handlers_that_were_there_are_called, 0},
    {"a_handler_for_once", test_a_handler_for_once, 0},
    {"what_was_there_is_put_back", test_what_was_there_is_put_back, 0},
    {"a_handler_on_top_stays", test_a_handler_on_top_stays, 0},
    {0}};
static const check_role roles[] = {{"dies", role_dies}, {"once", role_once}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
