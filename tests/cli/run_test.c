/* run_test.c: the command as a process, on every system: bytes unchanged, exit codes, names beyond ASCII. What needs more of a
 * system than processes (signals, other users, terminals) is in command_test.py and pipes_test.py. */
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

/* A line goes as soon as it is there, to receivers that came before the sender. */
static void test_streams(void) {
  check_process *receivers[2];
  for (int i = 0; i < 2; i++) receivers[i] = check_start_program(tarn_path(), "recv", "log", NULL);
  check_process *sender = check_start_program(tarn_path(), "send", "-q", "log", NULL);
  for (int line = 0; line < 20; line++) {
    check_tell(sender, line % 2 ? "odd" : "even");
    for (int i = 0; i < 2; i++) check_expect(receivers[i], line % 2 ? "odd" : "even");
  }
  CHECK_INT(0, check_wait(sender));
  for (int i = 0; i < 2; i++) {
    CHECK(check_line(receivers[i]) == NULL);
    CHECK_INT(0, check_wait(receivers[i]));
  }
  check_process *later = check_start_program(tarn_path(), "recv", "log", "--from", "20", "--json", NULL);
  check_expect(later, "{\"number\":20,\"time_ns\":null,\"tag\":0,\"missed\":0,\"size_bytes\":3,\"text\":\"odd\"}");
  CHECK_INT(0, check_wait(later));
}

/* The writer is killed; who follows gets what the next one sends; who does not, ends. */
static void test_stream_outlives_its_writer(void) {
  check_process *follower = check_start_program(tarn_path(), "recv", "log", "--follow", NULL);
  check_process *to_the_end = check_start_program(tarn_path(), "recv", "log", NULL);
  for (int life = 0; life < 3; life++) {
    check_process *sender = check_start_program(tarn_path(), "send", "-q", "log", NULL);
    check_tell(sender, "alive");
    check_expect(follower, "alive");
    check_kill(sender);
    CHECK_INT(-9, check_wait(sender));
    if (life != 0) continue;
    check_expect(to_the_end, "alive");
    CHECK_INT(0, check_wait(to_the_end));
  }
  check_kill(follower);
  CHECK_INT(-9, check_wait(follower));
}

static void test_whole_files_and_what_is_missed(void) {
  CHECK_INT(5, check_wait(check_start_program(tarn_path(), "send", "-q", "files", "--whole", butterfly(), NULL)));
  CHECK_INT(0, run("rm", "files", NULL, NULL));
  CHECK_INT(0, run("create", "stream", "files", "--size=4M"));
  for (int i = 0; i < 2; i++)
    CHECK_INT(0, check_wait(check_start_program(tarn_path(), "send", "-q", "files", "--whole", butterfly(), NULL)));
  check_process *sizes = check_start_program(tarn_path(), "stat", "files", NULL);
  const char *line;
  bool told = false;
  while ((line = check_line(sizes)) != NULL) told = told || strstr(line, "message 2, 1.4 MiB (1440054), tag 0") != NULL;
  CHECK(told);
  CHECK_INT(0, check_wait(sizes));
  CHECK_INT(0, check_wait(check_start_program(tarn_path(), "create", "stream", "o", "--size=4K", "--policy=overwrite", NULL)));
  check_process *sender = check_start_program(tarn_path(), "send", "-q", "o", NULL);
  for (int i = 0; i < 1000; i++) check_tell(sender, "a line that will be overwritten");
  CHECK_INT(0, check_wait(sender));
  CHECK_INT(10, check_wait(check_start_program(tarn_path(), "recv", "o", "--from", "1", NULL)));
  CHECK_INT(0, run("recv", "o", NULL, NULL));
  CHECK_INT(8, run("recv", "no-such-name", "--wait", "50ms"));
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
  CHECK_INT(0, run("stat", "TarnRunTest", NULL, NULL));
  int removed = run("rm", "TarnRunTest", NULL, NULL);
  CHECK(removed == 4 || removed == 1); /* in use; or a section, which cannot be removed */
  check_kill(holder);
  CHECK_INT(-9, check_wait(holder));
  CHECK_INT(3, run("map", "read", "TarnRunTest", file));
}

#ifdef _WIN32
/* What docs/porting.md says of the usual example of file mapping: it can be looked at while it runs. */
static void test_the_usual_recipe(void) {
  char file[1024], recipe[1024], words[8];
  int32_t size = 0;
  snprintf(recipe, sizeof recipe, "%s\\test_cli_recipe_windows.exe", TEST_BUILD_DIR);
  snprintf(file, sizeof file, "%s", check_path("bitmap.bmp"));
  check_process *writer = check_start_program(recipe, butterfly(), NULL);
  check_expect(writer, "waiting");
  CHECK_INT(0, run("stat", "DataMap", NULL, NULL));
  CHECK_INT(0, check_wait(check_start_program(tarn_path(), "map", "read", "DataMap", "--offset", "0", "--length", "8", file, NULL)));
  FILE *head = fopen(file, "rb");
  CHECK(head != NULL);
  CHECK_UINT(sizeof words, fread(words, 1, sizeof words, head));
  fclose(head);
  memcpy(&size, words, sizeof size);
  CHECK_INT(1440054, size);
  CHECK_INT(0, check_wait(check_start_program(tarn_path(), "map", "read", "DataMap", "--offset", "64", "--length", "1440054", file, NULL)));
  same_as_the_butterfly(file);
  CHECK_INT(0, check_wait(writer)); /* closes its stdin */
  CHECK_INT(3, run("stat", "DataMap", NULL, NULL));
}
#endif

static const char *write_file(const char *name, const char *text) {
  static char path[1024];
  snprintf(path, sizeof path, "%s", check_path(name));
  FILE *file = fopen(path, "wb");
  CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
  return path;
}

static void expect_value(check_process *watcher, const char *part) {
  const char *line = check_line(watcher);
  CHECK_CONTAINS(part, line ? line : "");
}

/* A map that changes under a watcher, and goes: on Windows its plain name is a section. */
static void test_watch(void) {
  char layout[1024], bytes[1024];
  snprintf(layout, sizeof layout, "%s", write_file("layout", "a 0 u8\nb 1 u16\nc 4 char[8]\n"));
  check_process *holder = check_start_program(tarn_path(), "map", "create", "TarnWatchTest", "4096", "--hold", "--json", NULL);
  check_expect(holder, "{\"name\":\"TarnWatchTest\",\"kind\":\"map\",\"size_bytes\":4096,\"kept\":false}");
  check_process *watcher =
      check_start_program(tarn_path(), "watch", "TarnWatchTest", "--every=5ms", "--json", "--layout", layout, NULL);
  expect_value(watcher, "\"field\":\"a\",\"value\":0}");
  expect_value(watcher, "\"field\":\"b\",\"value\":0}");
  expect_value(watcher, "\"field\":\"c\",\"value\":\"\"}");
  snprintf(bytes, sizeof bytes, "%s", write_file("bytes", "A"));
  CHECK_INT(0, run("map", "write", "TarnWatchTest", bytes));
  expect_value(watcher, "\"number\":2,\"field\":\"a\",\"value\":65}");
  check_kill(holder);
  CHECK_INT(-9, check_wait(holder));
  CHECK(check_line(watcher) == NULL);
  CHECK_INT(3, check_wait(watcher));
}

static void test_record_and_replay(void) {
  char file[1024], map[1024];
  snprintf(file, sizeof file, "%s", check_path("a.rec"));
  check_process *sender = check_start_program(tarn_path(), "send", "-q", "log", NULL);
  check_tell(sender, "first");
  check_tell(sender, "second");
  CHECK_INT(0, check_wait(sender));
  CHECK_INT(0, check_wait(check_start_program(tarn_path(), "record", "log", file, "--count=2", "-q", NULL)));
  CHECK_INT(4, run("record", "log", file, "--count=2"));
  CHECK_INT(0, run("replay", file, "copy", "-q"));
  check_process *receiver = check_start_program(tarn_path(), "recv", "copy", NULL);
  check_expect(receiver, "first");
  check_expect(receiver, "second");
  CHECK_INT(0, check_wait(receiver));
  CHECK_INT(0, run("put", "-q", "picture", butterfly()));
  CHECK_INT(0, check_wait(check_start_program(tarn_path(), "record", "picture", file, "--count=1", "-q", "--force", NULL)));
  CHECK_INT(0, run("replay", file, "again", "-q"));
  CHECK_INT(0, run("get", "again", check_path("out.bmp"), NULL));
  same_as_the_butterfly(check_path("out.bmp"));
  snprintf(map, sizeof map, "%s", check_path("map.bmp")); /* a file that is mapped, by its path */
  CHECK_INT(0, check_wait(check_start_program(tarn_path(), "record", butterfly(), file, "--count=1", "-q", "--force", NULL)));
  CHECK_INT(0, run("replay", file, map, "-q"));
  same_as_the_butterfly(map);
  CHECK_INT(7, run("replay", butterfly(), map, "-q"));
}

static const char *scoped_writer(void) {
  static char path[1024];
#ifdef _WIN32
  snprintf(path, sizeof path, "%s\\test_cli_scoped_writer.exe", TEST_BUILD_DIR);
#else
  snprintf(path, sizeof path, "%s/tests/cli/scoped_writer", TEST_BUILD_DIR);
#endif
  return path;
}

/* The exit code is 9, which on Windows is also what check_kill leaves. */
static void expect_unfit(const char *why) {
  check_process *check = check_start_program(tarn_path(), "check", "hello", "--writer", "--json", NULL);
  CHECK_CONTAINS(why, check_line(check));
  int code = check_wait(check);
  CHECK_INT(9, code < 0 ? -code : code);
}

/* A scoped board whose only participant was killed: seen, and cleaned away; nothing before. */
static void test_what_an_operator_asks(void) {
  check_process *writer = check_start_program(scoped_writer(), "hello", NULL);
  check_tell(writer, "here");
  CHECK_INT(0, run("get", "hello", "--wait", "20s"));
  CHECK_INT(0, run("check", "hello", "--writer", "--max-age=1h"));
  check_process *clean = check_start_program(tarn_path(), "clean", "--json", NULL);
  CHECK(check_line(clean) == NULL);
  CHECK_INT(0, check_wait(clean));
  CHECK_INT(0, run("top", "--count=1", "--every=1ms", "--json"));
  check_process *metrics = check_start_program(tarn_path(), "stat", "--prometheus", NULL);
  check_expect(metrics, "# HELP tarn_size_bytes Length of the file.");
  CHECK_INT(0, check_wait(metrics));
  check_kill(writer);
  CHECK_INT(-9, check_wait(writer));
  expect_unfit("\"fit\":false,\"why\":\"its writer (process ");
  clean = check_start_program(tarn_path(), "clean", "--dry-run", NULL);
  CHECK_CONTAINS("would remove board hello (", check_line(clean));
  CHECK_INT(0, check_wait(clean));
  clean = check_start_program(tarn_path(), "clean", NULL);
  CHECK_CONTAINS("removed board hello (", check_line(clean));
  CHECK_INT(0, check_wait(clean));
  expect_unfit("there is no map, board or stream of that name");
}

static const check_test tests[] = {{"put_and_get", test_put_and_get, 0},
                                   {"pipes", test_pipes, 0},
                                   {"streams", test_streams, 0},
                                   {"stream_outlives_its_writer", test_stream_outlives_its_writer, 0},
                                   {"whole_files_and_what_is_missed", test_whole_files_and_what_is_missed, 0},
                                   {"exit_codes", test_exit_codes, 0},
                                   {"names_beyond_ascii", test_names_beyond_ascii, 0},
                                   {"what_an_operator_asks", test_what_an_operator_asks, 0},
                                   {"held_map", test_held_map, 0},
#ifdef _WIN32
                                   {"the_usual_recipe", test_the_usual_recipe, 0},
#endif
                                   {"watch", test_watch, 0},
                                   {"record_and_replay", test_record_and_replay, 0},
                                   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, NULL); }
