/* wine_linux_test.c: what a Windows program under Wine makes of things that only Linux can put in its way, and what Linux
 * sees of the files it makes. The program is neighbours_test of the build that TARN_WINDOWS_BUILD names; without it these
 * tests are skipped. */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <tarn/tarn.h>
#include <unistd.h>

#include "neighbour.h"

static void make_file(const char *path, const char *content) {
  FILE *file = fopen(path, "w");
  CHECK(file != NULL);
  CHECK(fputs(content, file) >= 0);
  CHECK_INT(0, fclose(file));
}

static void make_board(const char *name) {
  tarn_board *board;
  tarn_options options = {.struct_size = sizeof options, .flags = TARN_KEPT};
  CHECK_OK(tarn_board_open(&board, name, TARN_WRITER, &options, 0));
  CHECK_OK(tarn_board_put(board, "x", 1, NULL, 0));
  tarn_board_close(board);
}

/* The two lines start with these: what a reader and what a writer was told. */
static void expect_opening(const char *name, const char *mode, const char *reader, const char *writer, const char *why) {
  char program[4096], runner[4096];
  const char *windows = getenv("TARN_WINDOWS_BUILD");
  if (!windows || !*windows) check_skip("TARN_WINDOWS_BUILD names no build for Windows");
  snprintf(program, sizeof program, "%s/test_proc_neighbours_test.exe", windows);
  snprintf(runner, sizeof runner, "%s/scripts/wine-run", TEST_SOURCE_DIR);
  check_process *opener = check_start_program(runner, windows, program, "--role", "opener", name, mode, NULL);
  const char *expected[] = {reader, writer};
  for (int i = 0; i < 2; i++) {
    const char *line = check_line(opener);
    CHECK_CONTAINS(expected[i], line ? line : "no line");
    if (why) CHECK_CONTAINS(why, line);
  }
  CHECK_INT(0, check_wait(opener));
}

static void test_links(void) {
  make_board("real");
  CHECK_INT(0, symlink(check_path("real.board"), check_path("link.board")));
  CHECK_INT(0, symlink("real.board", check_path("near.board")));
  CHECK_INT(0, symlink("nowhere", check_path("dangling.board")));
  expect_opening("real", "600", "TARN_OK", "TARN_OK", NULL);
  expect_opening("link", "600", "TARN_E_PERMISSION", "TARN_E_PERMISSION", "symbolic link");
  expect_opening("near", "600", "TARN_E_PERMISSION", "TARN_E_PERMISSION", "symbolic link");
  expect_opening("dangling", "600", "TARN_E_NOT_FOUND", "TARN_E_PERMISSION",
                 NULL); /* the name is taken, and nothing is there */
  CHECK_INT(-1, access(check_path("nowhere"), F_OK));
}

static void test_what_is_no_file(void) {
  CHECK_INT(0, mkdir(check_path("folder.board"), 0700));
  CHECK_INT(0, mkfifo(check_path("fifo.board"), 0600));
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", check_path("socket.board"));
  int end = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK_INT(0, bind(end, (struct sockaddr *)&address, sizeof address));
  expect_opening("folder", "600", "TARN_E_KIND", "TARN_E_KIND", "directory");
  expect_opening("fifo", "600", "TARN_E_KIND", "TARN_E_KIND", "pipe");
  expect_opening("socket", "600", "TARN_E_KIND", "TARN_E_KIND", "socket");
  CHECK_INT(0, close(end));
}

static void test_damage_and_case(void) {
  make_file(check_path("noise.board"), "this is no board, whatever its name says");
  make_board("Camera");
  expect_opening("noise", "600", "TARN_E_CORRUPT", "TARN_E_CORRUPT", NULL);
  expect_opening("Camera", "600", "TARN_OK", "TARN_OK", NULL);
  expect_opening("nul", "600", "TARN_E_INVALID", "TARN_E_INVALID", "device");
}

static void test_somebody_elses_file(void) {
  if (geteuid() != 0) check_skip("giving a file to somebody else needs root");
  make_board("theirs");
  CHECK_INT(0, chmod(check_directory(), 01777));
  CHECK_INT(0, chown(check_path("theirs.board"), 12345, 12345));
  CHECK_INT(0, chmod(check_path("theirs.board"), 0666));
  expect_opening("theirs", "600", "TARN_E_PERMISSION", "TARN_E_PERMISSION", NULL);
}

static void expect_mode(mode_t expected, const char *mode) {
  struct stat status;
  expect_opening("made", mode, "TARN_E_NOT_FOUND", "TARN_OK", NULL);
  CHECK_INT(0, stat(check_path("made.board"), &status));
  CHECK_UINT(expected, status.st_mode & 07777);
  CHECK_UINT(geteuid(), status.st_uid);
  CHECK_UINT(1, status.st_nlink);
  CHECK_INT(0, unlink(check_path("made.board")));
}

static void test_rights_of_new_files(void) {
  umask(022);
  expect_mode(0600, "0");
  expect_mode(0600, "600");
  expect_mode(0660, "660");
  expect_mode(0666, "666");
  expect_mode(0600, "640"); /* cannot be said there: the safe side */
}

static void test_files_cut_short_under_the_guard(void) {
  tarn_board *board;
  tarn_map *map = NULL;
  void *room;
  tarn_options options = {.struct_size = sizeof options, .size_bytes = 1 << 20};
  CHECK_OK(tarn_map_open(&map, "raw", TARN_MAP_WRITE, &options, 0));
  tarn_map_close(map);
  CHECK_OK(tarn_board_open(&board, "cut", TARN_WRITER, NULL, 0));
  CHECK_OK(tarn_board_claim(board, 1 << 20, &room, 0));
  CHECK_OK(tarn_board_publish(board, 1 << 20, NULL));
  check_process *guarded = neighbour_start("neighbours_test", "guarded");
  check_expect(guarded, "ready");
  CHECK_INT(0, truncate(check_path("raw"), 4096));
  CHECK_INT(0, truncate(check_path("cut.board"), 128 << 10));
  check_tell(guarded, "cut");
  for (int i = 0; i < 3; i++) check_expect(guarded, "TARN_E_CORRUPT");
  CHECK_INT(0, check_wait(guarded));
  tarn_board_close(board);
}

static const check_test tests[] = {{"links", test_links, 60},
                                   {"what_is_no_file", test_what_is_no_file, 60},
                                   {"damage_and_case", test_damage_and_case, 60},
                                   {"somebody_elses_file", test_somebody_elses_file, 60},
                                   {"rights_of_new_files", test_rights_of_new_files, 60},
                                   {"files_cut_short_under_the_guard", test_files_cut_short_under_the_guard, 60},
                                   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, NULL); }
