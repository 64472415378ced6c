/* run_test.c: the command as a process, on every system: bytes unchanged, exit codes, names beyond ASCII. What needs more of a
 * system than processes (signals, other users, terminals) is in command_test.py. */
#include "check.h"

static const char *tarn_path(void) {
  static char path[1024];
#ifdef _WIN32
  snprintf(path, sizeof path, "%s\\tarn.exe", TEST_BUILD_DIR);
#else
  snprintf(path, sizeof path, "%s/tarn", TEST_BUILD_DIR);
#endif
  return path;
}

static int run(const char *a, const char *b, const char *c, const char *d) {
  return check_wait(check_start_program(tarn_path(), a, b, c, d, NULL));
}

static const char *butterfly(void) {
  static char path[1024];
  snprintf(path, sizeof path, "%s/examples/butterfly.bmp", TEST_SOURCE_DIR);
  return path;
}

static void same_as_the_butterfly(const char *path) {
  enum { SIZE = 1440054 };
  uint8_t *expected = malloc(SIZE), *actual = malloc(SIZE + 1);
  FILE *a = fopen(butterfly(), "rb"), *b = fopen(path, "rb");
  CHECK(expected && actual && a && b);
  CHECK_UINT(SIZE, fread(expected, 1, SIZE, a));
  CHECK_UINT(SIZE, fread(actual, 1, SIZE + 1, b));
  CHECK_MEM(expected, actual, SIZE);
  fclose(a);
  fclose(b);
  free(expected);
  free(actual);
}

static void test_put_and_get(void) {
  char bitmap[1024];
  snprintf(bitmap, sizeof bitmap, "%s", check_path("bitmap.bmp"));
  CHECK_INT(0, run("put", "-q", "picture", butterfly()));
  for (int i = 0; i < 2; i++) { /* the second time it replaces a file */
    CHECK_INT(0, run("get", "picture", bitmap, NULL));
    same_as_the_butterfly(bitmap);
  }
  CHECK_INT(0, run("show", "picture", NULL, NULL));
  CHECK_INT(0, run("stat", "picture", "--json", NULL));
  CHECK_INT(0, run("rm", "picture", NULL, NULL));
  CHECK_INT(3, run("get", "picture", bitmap, NULL));
  same_as_the_butterfly(bitmap);
}

static void test_pipes(void) {
  check_process *put = check_start_program(tarn_path(), "put", "-q", "words", NULL);
  check_tell(put, "first");
  check_tell(put, "second");
  CHECK_INT(0, check_wait(put));
  check_process *get = check_start_program(tarn_path(), "get", "words", NULL);
  check_expect(get, "first");
  check_expect(get, "second");
  CHECK(check_line(get) == NULL);
  CHECK_INT(0, check_wait(get));
  check_process *list = check_start_program(tarn_path(), "ls", "-q", NULL);
  check_expect(list, "words");
  CHECK_INT(0, check_wait(list));
}

static void test_exit_codes(void) {
  CHECK_INT(0, run("help", NULL, NULL, NULL));
  CHECK_INT(0, run("--version", NULL, NULL, NULL));
  CHECK_INT(2, run("puzzle", NULL, NULL, NULL));
  CHECK_INT(2, run("put", "con", butterfly(), "extra"));
  CHECK_INT(3, run("get", "nothing", NULL, NULL));
  CHECK_INT(8, run("get", "nothing", "--wait", "50ms"));
  CHECK_INT(0, run("create", "board", "small", "--limit=1M"));
  CHECK_INT(4, run("create", "board", "small", "-q"));
  CHECK_INT(5, run("put", "-q", "small", butterfly()));
  CHECK_INT(3, run("put", "-q", "small", check_path("no-such-file")));
}

static void test_names_beyond_ascii(void) {
  char path[1024];
  snprintf(path, sizeof path, "%s", check_path("Schmetterling-\xe8\x9d\xb6-\xc3\xbc.bmp"));
  CHECK_INT(0, run("put", "-q", "picture", butterfly()));
  CHECK_INT(0, run("get", "picture", path, NULL));
  CHECK_INT(0, run("put", "-q", "again", path));
  char plain[1024];
  snprintf(plain, sizeof plain, "%s", check_path("plain.bmp"));
  CHECK_INT(0, run("get", "again", plain, NULL));
  same_as_the_butterfly(plain);
}

/* A map under a plain name, which on Windows is there only while somebody has it open. */
static void test_held_map(void) {
  char file[1024];
  snprintf(file, sizeof file, "%s", check_path("copy"));
  check_process *holder = check_start_program(tarn_path(), "map", "create", "TarnRunTest", "1440054", "--hold", "--json", NULL);
  check_expect(holder, "{\"name\":\"TarnRunTest\",\"kind\":\"map\",\"size_bytes\":1440054,\"kept\":false}");
  CHECK_INT(0, check_wait(check_start_program(tarn_path(), "map", "write", "-q", "TarnRunTest", butterfly(), NULL)));
  CHECK_INT(0, check_wait(check_start_program(tarn_path(), "map", "read", "TarnRunTest", file, "--length", "1440054", NULL)));
  same_as_the_butterfly(file);
  CHECK_INT(0, run("show", "TarnRunTest", NULL, NULL));
  check_kill(holder);
  CHECK_INT(-9, check_wait(holder));
  CHECK_INT(3, run("map", "read", "TarnRunTest", file));
}

static const check_test tests[] = {{"put_and_get", test_put_and_get, 0}, {"pipes", test_pipes, 0},
                                   {"exit_codes", test_exit_codes, 0},   {"names_beyond_ascii", test_names_beyond_ascii, 0},
                                   {"held_map", test_held_map, 0},       {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, NULL); }
