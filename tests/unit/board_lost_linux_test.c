/* board_lost_linux_test.c: handles that lost what they stood on: in a child after fork or clone, after the program closed Tarn's
 * descriptor, after somebody took the slot; and locks that do not exclude each other. Each call says so and touches nothing. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boards.h"
#include "layout.h"
#include "os/fault.h"

/* ---- After fork ------------------------------------------------------------------------------------------------------------- */

typedef struct handles {
  tarn_board *writer, *reader, *observer, *empty; /* empty: a reader that holds nothing */
  tarn_item item;                                 /* which reader holds */
  intptr_t poll;
} handles;

static handles open_all(void) {
  handles all = {.writer = open_writer("lost", NULL), .reader = open_reader("lost"), .empty = open_reader("lost")};
  CHECK_OK(tarn_board_open(&all.observer, "lost", TARN_OBSERVER, NULL, 0));
  put_text(all.writer, "before");
  CHECK_OK(tarn_board_read(all.reader, &all.item, 0));
  CHECK_OK(tarn_board_handle(all.reader, &all.poll));
  return all;
}

static void close_all(handles *all) {
  CHECK_OK(tarn_board_release(all->reader, &all->item));
  tarn_board_close(all->observer);
  tarn_board_close(all->empty);
  tarn_board_close(all->reader);
  tarn_board_close(all->writer);
}

/* Every call with a handle of the parent's. */
static void expect_forked(handles *all) {
  tarn_item item = {.number = 77};
  char data[16];
  void *room = NULL;
  intptr_t handle = 77;
#define FORKED(call)                     \
  do {                                   \
    CHECK_RESULT(TARN_E_FORKED, (call)); \
    expect_sentence("lost", "again");    \
  } while (0)
  FORKED(tarn_board_claim(all->writer, 1, &room, 0));
  FORKED(tarn_board_publish(all->writer, 0, NULL));
  FORKED(tarn_board_abandon(all->writer));
  FORKED(tarn_board_put(all->writer, "x", 1, NULL, TARN_FOREVER));
  FORKED(tarn_board_read(all->empty, &item, TARN_FOREVER));
  FORKED(tarn_board_get(all->empty, data, sizeof data, &item, TARN_FOREVER));
  FORKED(tarn_board_get(all->observer, data, sizeof data, &item, TARN_FOREVER));
  FORKED(tarn_board_release(all->reader, &all->item));
  FORKED(tarn_board_handle(all->reader, &handle));
  tarn_board_wake(all->reader); /* says nothing, does nothing */
  tarn_board_wake(all->writer);
  CHECK(room == NULL);
  CHECK_UINT(77, item.number);
  CHECK_INT(77, handle);
  tarn_board_close(all->observer);
  tarn_board_close(all->empty);
  tarn_board_close(all->reader);
  tarn_board_close(all->writer);
}

static int wait_for(pid_t child) {
  int status;
  while (waitpid(child, &status, 0) < 0)
    continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void test_fork(void) {
  handles all = open_all();
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    expect_forked(&all);
    tarn_board *own = open_reader("lost"); /* and it can take part by itself */
    expect_text(own, "before");
    tarn_board_close(own);
    fflush(NULL);
    _exit(0);
  }
  CHECK_INT(0, wait_for(child));
  put_text(all.writer, "after"); /* the parent noticed nothing */
  expect_text(all.empty, "after");
  CHECK_MEM("before", all.item.data, 6);
  close_all(&all);
}

/* A raw clone: no handler runs, and the child has the parent's descriptors. It still knows that it is a child. */
static void test_clone(void) {
  if (BOARDS_THREADS_WATCHED)
    check_skip("the thread sanitizer takes the child of a raw clone() for a thread");
  handles all = open_all();
  pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
  CHECK(child >= 0);
  if (child == 0) {
    expect_forked(&all);
    fflush(NULL);
    _exit(0);
  }
  CHECK_INT(0, wait_for(child));
  put_text(all.writer, "after");
  expect_text(all.empty, "after");
  close_all(&all);
}

/* A fork keeps the views of a map, on both sides of the same memory, and loses the boards. */
static void test_fork_keeps_views_and_loses_boards(void) {
  tarn_options options = {.struct_size = sizeof options, .size_bytes = 10000};
  tarn_map *map = NULL;
  tarn_view view;
  CHECK_OK(tarn_map_open(&map, "raw", TARN_MAP_WRITE, &options, 0));
  CHECK_OK(tarn_map_view(map, 5000, 100, &view));
  tarn_map_close(map); /* the view stays */
  tarn_board *writer = open_writer("lost", NULL);
  put_text(writer, "value");
  strcpy(view.data, "of the parent");
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    CHECK_STR("of the parent", view.data);
    CHECK_RESULT(TARN_E_FORKED, tarn_board_put(writer, "x", 1, NULL, 0));
    strcpy(view.data, "of the child");
    tarn_view_close(&view);
    tarn_board_close(writer);
    fflush(NULL);
    _exit(0);
  }
  CHECK_INT(0, wait_for(child));
  CHECK_STR("of the child", view.data);
  put_text(writer, "still here");
  tarn_view_close(&view);
  tarn_board_close(writer);
}

/* The child neither keeps the parent's locks nor gives them away. */
static int role_forks(int argc, char **argv) {
  CHECK_INT(1, argc);
  tarn_board *writer = open_writer(argv[0], NULL);
  put_text(writer, "of a parent");
  pid_t child = fork();
  if (child == 0) {
    check_say("child %d", (int)getpid());
    for (;;)
      pause();
  }
  check_say("parent");
  check_hear();
  return 0;
}

static void test_child_does_not_keep_the_parent_alive(void) {
  check_process *parent = check_start("forks", "lost", NULL);
  const char *first = check_line(parent);
  char line[64];
  snprintf(line, sizeof line, "%s", first);
  first = check_line(parent);
  int child = atoi((strncmp(line, "child", 5) == 0 ? line : first) + 6);
  CHECK(child > 0);
  tarn_board *reader = open_reader("lost"), *second = NULL;
  CHECK_RESULT(TARN_BUSY, tarn_board_open(&second, "lost", TARN_WRITER, NULL, 0));
  expect_text(reader, "of a parent");
  check_kill(parent);
  tarn_item item;
  CHECK_RESULT(TARN_NO_WRITER, tarn_board_read(reader, &item, 2000 * (int64_t)MS));
  CHECK_INT(0, kill(child, 0)); /* it lives */
  second = open_writer("lost", NULL);
  put_text(second, "of the next");
  expect_text(reader, "of the next");
  CHECK_INT(0, kill(child, SIGKILL));
  tarn_board_close(second);
  tarn_board_close(reader);
  CHECK_INT(-SIGKILL, check_wait(parent));
  tarn_details details = {.struct_size = sizeof details};
  CHECK_RESULT(TARN_E_NOT_FOUND, tarn_inspect("lost", TARN_KIND_BOARD, &details, NULL, 0));
}

/* ---- The program closes what is not its own -------------------------------------------------------------------------------- */

/* Descriptors of the board's file. (Not by name: a file that was made nameless keeps its first name in /proc.) */
static int descriptors_of_board(int list[16]) {
  struct stat board, status;
  int count = 0;
  if (stat(check_path("lost.board"), &board) != 0)
    return 0;
  for (int descriptor = 0; descriptor < 256 && count < 16; descriptor++)
    if (fstat(descriptor, &status) == 0 && status.st_dev == board.st_dev && status.st_ino == board.st_ino)
      list[count++] = descriptor;
  return count;
}

/* Which of them the last opening made, given the others. */
static int newest_descriptor(void) {
  int list[16], newest = -1;
  int count = descriptors_of_board(list);
  for (int i = 0; i < count; i++)
    newest = list[i] > newest ? list[i] : newest;
  CHECK(newest >= 0);
  return newest;
}

static void test_closed_descriptor(void) {
  tarn_board *keeper = open_writer("lost", NULL), *reader;
  put_text(keeper, "value");
  for (int other_file = 0; other_file < 2; other_file++) {
    reader = open_reader("lost");
    expect_text(reader, "value");
    int descriptor = newest_descriptor();
    CHECK_INT(0, close(descriptor));
    if (other_file) { /* the number now means a file of the program's own */
      int own = open(check_path("own"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
      CHECK_INT(descriptor, dup2(own, descriptor));
      if (own != descriptor)
        close(own);
    }
    tarn_item item;
    CHECK_RESULT(TARN_E_EVICTED, tarn_board_read(reader, &item, 500 * MS));
    expect_sentence("lost", "open it again");
    tarn_board_close(reader);
    struct stat status;
    if (other_file) {
      CHECK_INT(0, fstat(descriptor, &status)); /* the program's own file was not closed */
      CHECK_INT(0, close(descriptor));
    }
  }
  put_text(keeper, "still fine");
  reader = open_reader("lost");
  expect_text(reader, "still fine");
  tarn_board_close(reader);
  tarn_board_close(keeper);
}

static void test_closed_descriptor_of_the_writer(void) {
  tarn_board *writer = open_writer("lost", NULL), *reader = NULL;
  put_text(writer, "value");
  CHECK_INT(0, close(newest_descriptor()));
  static char large[1 << 20]; /* needs the file: more room */
  int result = tarn_board_put(writer, large, sizeof large, NULL, 0);
  CHECK(result <= TARN_E_INVALID);
  CHECK_CONTAINS("lost", tarn_error_text());
  tarn_board_close(writer);
  int list[16];
  CHECK_INT(0, descriptors_of_board(list));
  CHECK_RESULT(TARN_E_NOT_FOUND, tarn_board_open(&reader, "lost", TARN_READER, NULL, 0)); /* nobody lives: it is over */
  writer = open_writer("lost", NULL);
  put_text(writer, "anew");
  tarn_board_close(writer);
}

/* ---- The slot is taken away ------------------------------------------------------------------------------------------------ */

/* What a process that believed us dead would have done: another generation stands in the slot. */
static void steal_slot(uint32_t slot) {
  int descriptor = open(check_path("lost.board"), O_RDWR | O_CLOEXEC);
  CHECK(descriptor >= 0);
  uint32_t generation;
  off_t at = (off_t)(TN_PAGE + slot * sizeof(tn_slot) + offsetof(tn_slot, generation));
  CHECK_INT(4, pread(descriptor, &generation, 4, at));
  generation++;
  CHECK_INT(4, pwrite(descriptor, &generation, 4, at));
  close(descriptor);
}

static void test_stolen_slot(void) {
  tarn_board *writer = open_writer("lost", NULL), *reader = open_reader("lost");
  tarn_item item;
  CHECK_RESULT(TARN_TIMED_OUT, tarn_board_read(reader, &item, 1 * MS));
  steal_slot(1);
  int64_t start = check_now();
  CHECK_RESULT(TARN_E_EVICTED, tarn_board_read(reader, &item, TARN_FOREVER));
  expect_sentence("lost", "slot 1");
  CHECK(check_now() - start < 1000 * (int64_t)MS);
  tarn_board_close(reader);
  put_text(writer, "goes on");
  reader = open_reader("lost");
  expect_text(reader, "goes on");
  tarn_board_close(reader);
  tarn_board_close(writer);
}

/* ---- Locks that do not exclude each other ----------------------------------------------------------------------------------- */

static void test_locks_that_do_not_conflict(void) {
  tarn_board *board = NULL, *there = open_writer("there", NULL);
  static const int roles[] = {TARN_WRITER, TARN_READER, TARN_OBSERVER};
  tn_fault_locks_never_conflict(1);
  for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
    CHECK_RESULT(TARN_E_UNSUPPORTED, tarn_board_open(&board, "there", roles[i], NULL, 0));
    expect_sentence("there", "another directory");
  }
  CHECK_RESULT(TARN_E_UNSUPPORTED, tarn_board_open(&board, "lost", TARN_WRITER, NULL, 0));
  expect_sentence("lost", "lock");
  tn_fault_locks_never_conflict(0);
  CHECK(board == NULL);
  CHECK_RESULT(TARN_E_NOT_FOUND, tarn_board_open(&board, "lost", TARN_READER, NULL, 0)); /* nothing was made */
  put_text(there, "untouched");
  tarn_board_close(there);
}

static const check_test tests[] = {
    {"fork", test_fork, 0},
    {"clone", test_clone, 0},
    {"fork_keeps_views_and_loses_boards", test_fork_keeps_views_and_loses_boards, 0},
    {"child_does_not_keep_the_parent_alive", test_child_does_not_keep_the_parent_alive, 0},
    {"closed_descriptor", test_closed_descriptor, 0},
    {"closed_descriptor_of_the_writer", test_closed_descriptor_of_the_writer, 0},
    {"stolen_slot", test_stolen_slot, 0},
    {"locks_that_do_not_conflict", test_locks_that_do_not_conflict, 0},
    {0},
};

static const check_role roles[] = {{"forks", role_forks}, {0}};

int main(int argc, char **argv) {
  return check_main(argc, argv, tests, roles);
}
