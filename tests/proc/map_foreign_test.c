/* map_foreign_test.c: raw maps shared with a program that knows nothing of Tarn (map_peer.h), in both directions. */
#include <tarn/map.h>

#include "map_peer.h"

enum { SIZE = 100001 };

static char name[100];

/* One line to the peer, formatted, and its answer. */
static const char *ask(check_process *peer, const char *command) {
  check_tell(peer, command);
  const char *answer = check_line(peer);
  CHECK(answer != NULL);
  return answer;
}

static const char *ask_named(check_process *peer, const char *command, unsigned size) {
  char line[200];
  if (size > 0)
    snprintf(line, sizeof line, "%s %s %u", command, name, size);
  else
    snprintf(line, sizeof line, "%s %s", command, name);
  return ask(peer, line);
}

static void expect_ok(uint64_t size, const char *answer) {
  char expected[64];
  snprintf(expected, sizeof expected, "ok %llu", (unsigned long long)size);
  CHECK_STR(expected, answer);
}

static check_process *start(void) {
  check_process *peer = peer_start();
  peer_choose_name(name, sizeof name);
  return peer;
}

static tarn_map *open_sized(int access, uint64_t size, uint32_t flags, tarn_view *view) {
  tarn_map *map;
  tarn_options options = {.struct_size = sizeof options, .size_bytes = size, .flags = flags};
  CHECK_OK(tarn_map_open(&map, name, access, &options, 0));
  CHECK_OK(tarn_map_view(map, 0, 0, view));
  return map;
}

static void expect_absent(void) {
  tarn_map *map;
  CHECK_RESULT(TARN_E_NOT_FOUND, tarn_map_open(&map, name, TARN_MAP_READ, NULL, 0));
}

static void remove_name(check_process *peer) {
  if (peer_names_stay()) CHECK_STR("ok", ask(peer, "remove"));
}

static void test_tarn_makes_it(void) {
  check_process *peer = start();
  CHECK_STR("none", ask_named(peer, "open", 0));
  tarn_view view;
  tarn_map *map = open_sized(TARN_MAP_WRITE, SIZE, TARN_EXCLUSIVE, &view);
  memcpy((char *)view.data + 70000, "from Tarn", 9);
  expect_ok(peer_size(SIZE), ask_named(peer, "open", 0));
  CHECK_STR("from Tarn", ask(peer, "read 70000 9"));
  CHECK_STR("ok", ask(peer, "write 99990 from afar"));
  CHECK_MEM("from afar", (char *)view.data + 99990, 9);
  remove_name(peer);
  CHECK_STR("ok", ask(peer, "close"));
  CHECK_INT(0, check_wait(peer));
  CHECK_MEM("from afar", (char *)view.data + 99990, 9);
  tarn_view_close(&view);
  tarn_map_close(map);
  expect_absent();
}

static void test_the_other_makes_it(void) {
  check_process *peer = start();
  expect_absent();
  expect_ok(peer_size(SIZE), ask_named(peer, "create", SIZE));
  CHECK_STR("ok", ask(peer, "write 0 from afar"));
  tarn_view view;
  tarn_map *map = open_sized(TARN_MAP_WRITE, 0, TARN_EXISTING, &view);
  CHECK_UINT(peer_size(SIZE), view.size_bytes);
  CHECK_MEM("from afar", view.data, 9);
  memcpy((char *)view.data + 100, "from Tarn", 9);
  CHECK_STR("from Tarn", ask(peer, "read 100 9"));

  tarn_map *other;
  tarn_options options = {.struct_size = sizeof options, .size_bytes = SIZE, .flags = TARN_EXCLUSIVE};
  CHECK_RESULT(TARN_E_EXISTS, tarn_map_open(&other, name, TARN_MAP_WRITE, &options, 0));
  options = (tarn_options){.struct_size = sizeof options, .size_bytes = 10 * SIZE};
  CHECK_RESULT(TARN_E_MISMATCH, tarn_map_open(&other, name, TARN_MAP_WRITE, &options, 0));
  options.size_bytes = SIZE; /* whichever is needed: it is there */
  CHECK_OK(tarn_map_open(&other, name, TARN_MAP_WRITE, &options, 0));
  tarn_map_close(other);

  tarn_view copy, reading;
  tarn_map *own = open_sized(TARN_MAP_COPY, 0, 0, &copy), *reader = open_sized(TARN_MAP_READ, 0, 0, &reading);
  memcpy(copy.data, "for myself", 10);
  CHECK_STR("from afar", ask(peer, "read 0 9"));
  CHECK_MEM("from afar", reading.data, 9);
  CHECK_STR("ok", ask(peer, "write 0 once more"));
  CHECK_MEM("once more", reading.data, 9);
  tarn_view_close(&copy);
  tarn_view_close(&reading);
  tarn_map_close(own);
  tarn_map_close(reader);
  tarn_view_close(&view);
  tarn_map_close(map);
  remove_name(peer);
  CHECK_STR("ok", ask(peer, "close"));
  expect_absent();
  CHECK_INT(0, check_wait(peer));
}

/* Foreign users hold no lock: what they made is never taken for abandoned, however dead they are. */
static void test_the_other_dies(void) {
  check_process *peer = start(), *second = peer_start();
  expect_ok(peer_size(SIZE), ask_named(peer, "create", SIZE));
  expect_ok(peer_size(SIZE), ask_named(second, "open", 0));
  CHECK_STR("ok", ask(peer, "write 5 last words"));
  check_kill(peer);
  CHECK_INT(-9, check_wait(peer));
  tarn_view view;
  tarn_map *map = open_sized(TARN_MAP_WRITE, SIZE, TARN_SCOPED, &view);
  CHECK_MEM("last words", (char *)view.data + 5, 10);
  tarn_view_close(&view);
  tarn_map_close(map);
  CHECK_STR("last words", ask(second, "read 5 10"));
  map = open_sized(TARN_MAP_READ, 0, 0, &view); /* still there */
  tarn_view_close(&view);
  tarn_map_close(map);
  remove_name(second);
  CHECK_INT(0, check_wait(second));
}

/* A scoped map goes with the last user of Tarn's; a foreign one goes on with its bytes, and on Windows with the name too. */
static void test_scoped(void) {
  check_process *peer = start();
  tarn_view view;
  tarn_map *map = open_sized(TARN_MAP_WRITE, SIZE, TARN_SCOPED, &view);
  memcpy(view.data, "from Tarn", 9);
  expect_ok(peer_size(SIZE), ask_named(peer, "open", 0));
  tarn_view_close(&view);
  tarn_map_close(map);
  CHECK_STR("from Tarn", ask(peer, "read 0 9"));
  if (peer_names_stay()) expect_absent();
  CHECK_STR("ok", ask(peer, "close"));
  expect_absent();
  CHECK_INT(0, check_wait(peer));
}

static const check_test tests[] = {{"tarn_makes_it", test_tarn_makes_it, 0},
                                   {"the_other_makes_it", test_the_other_makes_it, 0},
                                   {"the_other_dies", test_the_other_dies, 0},
                                   {"scoped", test_scoped, 0},
                                   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, NULL); }
