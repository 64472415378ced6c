/* board_place_linux_test.c: what a board's name may lead to besides a board: directories, links, FIFOs, devices, files of others, files that
 * come and go while they are looked at. Each is refused for what it is, nothing blocks, nothing behind a link is touched. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "boards.h"
#include "layout.h"

static int open_as(const char *name, int role) {
  tarn_board *board = NULL;
  int result = tarn_board_open(&board, name, role, NULL, 0);
  CHECK((result == 0) == (board != NULL));
  tarn_board_close(board);
  return result;
}

/* Refused to everybody, whatever they want to do with it. */
static void expect_refused(const char *name, const char *what) {
  static const int roles[] = {TARN_WRITER, TARN_READER, TARN_OBSERVER};
  tarn_details details = {.struct_size = sizeof details};
  for (int i = 0; i < 5; i++) {
    int result = i < 3    ? open_as(name, roles[i])
                 : i == 3 ? tarn_inspect(name, TARN_KIND_BOARD, &details, NULL, 0)
                          : tarn_remove(name, TARN_KIND_BOARD, 1);
    CHECK_RESULT(TARN_E_KIND, result);
    expect_sentence(name, what);
  }
}

static int count(const tarn_entry *entry, void *argument) {
  (void)entry;
  ++*(int *)argument;
  return 0;
}

static void test_not_a_file(void) {
  CHECK_INT(0, mkdir(check_path("folder.board"), 0700));
  expect_refused("folder", "directory");
  CHECK_INT(0, mkfifo(check_path("pipe.board"), 0600));
  expect_refused("pipe", "FIFO"); /* and nobody waits for its other end */
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", check_path("door.board"));
  CHECK_INT(0, bind(listener, (struct sockaddr *)&address, sizeof address));
  expect_refused("door", "socket");
  close(listener);
  CHECK_RESULT(TARN_E_KIND, open_as("/dev/null", TARN_WRITER));
  expect_sentence("/dev/null", "device");
  CHECK_RESULT(TARN_E_KIND, open_as("/", TARN_READER));
  CHECK(open_as(check_directory(), TARN_WRITER) == TARN_E_KIND);
  expect_sentence(check_directory(), "directory");
  int listed = 0;
  CHECK_OK(tarn_list(NULL, count, &listed));
  CHECK_INT(0, listed); /* none of them is anything of ours */
}

static void test_symbolic_links(void) {
  tarn_board *board = open_writer("real", NULL);
  put_text(board, "value");
  CHECK_INT(0, symlink("real.board", check_path("alias.board")));
  CHECK_INT(0, symlink("nowhere", check_path("dangling.board")));
  CHECK_INT(0, symlink("loop.board", check_path("loop.board")));
  expect_refused("alias", "symbolic link");
  expect_refused("dangling", "symbolic link");
  expect_refused("loop", "symbolic link");
  CHECK_INT(-1, access(check_path("nowhere"), F_OK)); /* nothing was made through it */
  CHECK_INT(0, symlink(".", check_path("self"))); /* only the last part counts: directories may be links */
  char path[5000];
  snprintf(path, sizeof path, "%s/self/real.board", check_directory());
  CHECK_OK(open_as(path, TARN_READER));
  tarn_board_close(board);
}

static void test_paths(void) {
  char path[5000];
  snprintf(path, sizeof path, "%s/none/there", check_directory());
  CHECK_RESULT(TARN_E_NOT_FOUND, open_as(path, TARN_READER));
  CHECK_RESULT(TARN_E_NOT_FOUND, open_as(path, TARN_WRITER));
  expect_sentence("none/there", "no directory");
  tarn_board *board = NULL;
  CHECK_RESULT(TARN_E_NOT_FOUND, tarn_board_open(&board, path, TARN_WRITER, NULL, TARN_FOREVER)); /* nothing to wait for */
  snprintf(path, sizeof path, "%s/", check_directory());
  CHECK(open_as(path, TARN_WRITER) <= TARN_E_INVALID);
  snprintf(path, sizeof path, "%s/any.name", check_directory());
  CHECK_OK(open_as(path, TARN_WRITER)); /* a path is used as it stands */
  memset(path, 'p', sizeof path);
  path[0] = '/';
  path[4900] = 0;
  CHECK_RESULT(TARN_E_INVALID, open_as(path, TARN_WRITER));
  CHECK_CONTAINS("too long", tarn_error_text());
  path[400] = 0; /* within a path, too long for a name */
  CHECK(open_as(path, TARN_WRITER) <= TARN_E_INVALID);
  expect_sentence("pppp", "");
  CHECK_INT(0, setenv("TARN_DIR", "/nonexistent/of/course", 1));
  CHECK_RESULT(TARN_E_NOT_FOUND, open_as("plain", TARN_WRITER));
  expect_sentence("plain", "/nonexistent/of/course");
  expect_sentence("plain", "TARN_DIR");
  CHECK_RESULT(TARN_E_NOT_FOUND, open_as("plain", TARN_READER));
  CHECK(tarn_list(NULL, count, (int[]){0}) <= TARN_E_INVALID);
  CHECK_CONTAINS("/nonexistent/of/course", tarn_error_text());
}

/* ---- A name that means several things -------------------------------------------------------------------------------------------------- */

static void test_several_things_of_one_name(void) {
  tarn_board *board = open_writer("both", NULL);
  FILE *file = fopen(check_path("both"), "we");
  CHECK(file != NULL);
  fclose(file);
  tarn_details details = {.struct_size = sizeof details};
  CHECK_RESULT(TARN_E_INVALID, tarn_inspect("both", TARN_KIND_ANY, &details, NULL, 0));
  CHECK_CONTAINS("both, both.board", tarn_error_text());
  CHECK_RESULT(TARN_E_INVALID, tarn_remove("both", TARN_KIND_ANY, 1));
  CHECK_OK(tarn_inspect("both", TARN_KIND_BOARD, &details, NULL, 0));
  CHECK_UINT(TARN_KIND_BOARD, details.entry.kind);
  CHECK_OK(tarn_inspect("both", TARN_KIND_MAP, &details, NULL, 0));
  CHECK_UINT(TARN_KIND_MAP, details.entry.kind);
  CHECK_OK(tarn_remove("both", TARN_KIND_MAP, 0));
  CHECK_OK(tarn_inspect("both", TARN_KIND_ANY, &details, NULL, 0));
  CHECK_RESULT(TARN_E_INVALID, tarn_inspect("both", 17, &details, NULL, 0));
  CHECK_RESULT(TARN_E_INVALID, tarn_inspect("both", -1, &details, NULL, 0));
  details.struct_size = 5;
  CHECK_RESULT(TARN_E_INVALID, tarn_inspect("both", TARN_KIND_BOARD, &details, NULL, 0));
  CHECK_CONTAINS("struct_size", tarn_error_text());
  tarn_board_close(board);
}

/* A directory that is called like a channel's file, or like a map, is none. */
static void test_a_directory_of_that_name(void) {
  tarn_board *board = open_writer("both", NULL);
  tarn_details details = {.struct_size = sizeof details};
  CHECK_INT(0, mkdir(check_path("both"), 0700));
  CHECK_INT(0, mkdir(check_path("both.stream"), 0700));
  CHECK_OK(tarn_inspect("both", TARN_KIND_ANY, &details, NULL, 0));
  CHECK_UINT(TARN_KIND_BOARD, details.entry.kind);
  CHECK_OK(tarn_remove("both", TARN_KIND_ANY, 1));
  CHECK_RESULT(TARN_E_KIND, tarn_inspect("both", TARN_KIND_ANY, &details, NULL, 0));
  CHECK_CONTAINS("directory", tarn_error_text());
  tarn_board_close(board);
}

/* ---- Looking at what comes and goes ------------------------------------------------------------------------------------------------------ */

static volatile int stop;

/* Makes, cuts, fills, exchanges and removes files under names that are looked at. */
static void *churn(void *unused) {
  (void)unused;
  static char bytes[200000];
  for (unsigned i = 0; !stop; i++) {
    char path[5000];
    snprintf(path, sizeof path, "%s/churn%u.board", check_directory(), i % 4);
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor >= 0) {
      for (size_t k = 0; k < sizeof bytes; k += 97)
        bytes[k] = (char)(k * i);
      memcpy(bytes, TN_MAGIC, 8);
      (void)!write(descriptor, bytes, i * 37 % sizeof bytes);
      (void)!ftruncate(descriptor, i * 53 % 70000);
      close(descriptor);
    }
    if (i % 3 == 0)
      unlink(path);
    if (i % 5 == 0 && symlink("elsewhere", path) == 0)
      unlink(path);
    if (i % 7 == 0 && mkdir(path, 0700) == 0)
      rmdir(path);
  }
  return NULL;
}

static int check_entry(const tarn_entry *entry, void *argument) {
  (void)argument;
  CHECK_UINT(sizeof *entry, entry->struct_size);
  CHECK(memchr(entry->name, 0, sizeof entry->name) != NULL);
  CHECK(memchr(entry->why, 0, sizeof entry->why) != NULL);
  CHECK(entry->kind >= TARN_KIND_MAP && entry->kind <= TARN_KIND_STREAM);
  CHECK(!(entry->flags & TARN_ENTRY_DAMAGED) || entry->why[0] != 0);
  return 0;
}

static void test_looking_at_what_comes_and_goes(void) {
  pthread_t thread;
  int64_t end = check_now() + 500 * MS;
  CHECK_INT(0, pthread_create(&thread, NULL, churn, NULL));
  int looked = 0;
  for (unsigned i = 0; check_now() < end; i++) {
    char name[16];
    snprintf(name, sizeof name, "churn%u", i % 4);
    tarn_details details = {.struct_size = sizeof details};
    int result = tarn_inspect(name, TARN_KIND_BOARD, &details, NULL, 0);
    CHECK(result <= TARN_E_INVALID); /* none of them ever is a board */
    CHECK_CONTAINS(name, tarn_error_text());
    CHECK(open_as(name, i % 2 == 0 ? TARN_READER : TARN_OBSERVER) <= TARN_E_INVALID);
    CHECK_OK(tarn_list(NULL, check_entry, NULL));
    looked++;
  }
  stop = 1;
  pthread_join(thread, NULL);
  check_say("looked %d times", looked);
  CHECK(looked > 10);
}

/* A callback may stop, and its word is handed on. */
static int stop_here(const tarn_entry *entry, void *argument) {
  (void)entry;
  return ++*(int *)argument == 2 ? 17 : 0;
}

static void test_list(void) {
  tarn_board *boards[3];
  for (int i = 0; i < 3; i++)
    boards[i] = open_writer(i == 0 ? "zebra" : i == 1 ? "ant" : "mole", NULL);
  int calls = 0;
  CHECK_INT(17, tarn_list(NULL, stop_here, &calls));
  CHECK_INT(2, calls);
  calls = 0;
  CHECK_OK(tarn_list(check_directory(), count, &calls));
  CHECK_INT(3, calls);
  CHECK_RESULT(TARN_E_INVALID, tarn_list(NULL, NULL, NULL));
  CHECK_RESULT(TARN_E_NOT_FOUND, tarn_list(check_path("none"), count, &calls));
  CHECK_CONTAINS("none", tarn_error_text());
  for (int i = 0; i < 3; i++)
    tarn_board_close(boards[i]);
}

static const check_test tests[] = {
    {"not_a_file", test_not_a_file, 0},
    {"symbolic_links", test_symbolic_links, 0},
    {"paths", test_paths, 0},
    {"several_things_of_one_name", test_several_things_of_one_name, 0},
    {"a_directory_of_that_name", test_a_directory_of_that_name, 0},
    {"looking_at_what_comes_and_goes", test_looking_at_what_comes_and_goes, 0},
    {"list", test_list, 0},
    {0},
};

int main(int argc, char **argv) {
  return check_main(argc, argv, tests, NULL);
}
