/* board_fault_linux_test.c: every call of the seam that a board makes fails once. Whatever the operation answers: an error has a
 * sentence that names the board, ret_ parameters are untouched, nothing of a failed attempt is left (no descriptor, no mapping, no
 * name), what was published is still there, and the same operation works when it is tried again. */
#include <dirent.h>

#include "boards.h"
#include "os/fault.h"
#include "os/os.h"

/* ---- What there is ---------------------------------------------------------------------------------------------------------- */

typedef struct belongings {
  int descriptors, mappings, names;
} belongings;

static int entries_of(const char *directory) {
  DIR *stream = opendir(directory);
  CHECK(stream != NULL);
  int count = 0;
  while (readdir(stream) != NULL)
    count++;
  closedir(stream);
  return count;
}

static int mappings_of(const char *directory) {
  FILE *stream = fopen("/proc/self/maps", "re");
  CHECK(stream != NULL);
  int count = 0;
  char line[4096];
  while (fgets(line, sizeof line, stream) != NULL)
    count += strstr(line, directory) != NULL;
  fclose(stream);
  return count;
}

static belongings look(void) {
  return (belongings){entries_of("/proc/self/fd"), mappings_of(check_directory()), entries_of(check_directory())};
}

static void same(belongings before, belongings after, const char *when) {
  if (before.descriptors != after.descriptors || before.mappings != after.mappings || before.names != after.names)
    check_say("%s: %d descriptors, %d mappings, %d names; then %d, %d, %d", when, before.descriptors, before.mappings, before.names,
              after.descriptors, after.mappings, after.names);
  CHECK_INT(before.descriptors, after.descriptors);
  CHECK_INT(before.mappings, after.mappings);
  CHECK_INT(before.names, after.names);
}

/* ---- Operations: each starts from what prepare() made ------------------------------------------------------------------------ */

static tarn_board *writer, *reader, *observer, *fresh; /* fresh: what the operation opens */
static tarn_item held;
static char data[1 << 20];
static const char *name = "fault";

static void prepare_nothing(void) {
}

static void prepare_published(void) {
  writer = open_writer(name, NULL);
  put_text(writer, "value");
}

static void prepare_kept(void) {
  tarn_options options = options_with(TARN_KEPT);
  tarn_board *board = open_writer(name, &options);
  put_text(board, "value");
  put_text(board, "value");
  tarn_board_close(board);
}

/* On a disk there is more to do: pages are synchronised, `clean` is kept. */
static const char *disk_name(void) {
  static char path[4096];
  snprintf(path, sizeof path, "%s/fault", check_disk_directory());
  return path;
}

static void prepare_disk(void) {
  name = disk_name();
  prepare_kept();
}

static void prepare_disk_nothing(void) {
  name = disk_name();
}

static void prepare_abandoned(void) {
  CHECK_INT(3, check_wait(check_start("abandons", name, NULL)));
}

static void prepare_all(void) {
  prepare_published();
  reader = open_reader(name);
  CHECK_OK(tarn_board_open(&observer, name, TARN_OBSERVER, NULL, 0));
}

static void prepare_dead_reader(void) {
  tarn_options options = {.struct_size = sizeof options, .limit_bytes = 192 << 10, .slots = 4};
  writer = open_writer(name, &options);
  put_text(writer, "value");
  put_text(writer, "value"); /* both buffers exist */
  CHECK_INT(3, check_wait(check_start("holds", name, NULL)));
  put_text(writer, "value"); /* and now the only other one is held by a dead reader */
}

static void prepare_held(void) {
  prepare_all();
  CHECK_OK(tarn_board_read(reader, &held, 0));
}

static int open_as(int role, uint32_t flags) {
  tarn_options options = options_with(flags);
  return tarn_board_open(&fresh, name, role, &options, 0);
}

static int open_writer_now(void) { return open_as(TARN_WRITER, 0); }
static int open_writer_kept(void) { return open_as(TARN_WRITER, TARN_KEPT); }
static int open_reader_now(void) { return open_as(TARN_READER, 0); }
static int open_observer_now(void) { return open_as(TARN_OBSERVER, 0); }
static int put_small(void) { return tarn_board_put(writer, "value", 5, NULL, 0); }
static int put_large(void) { return tarn_board_put(writer, data, sizeof data, NULL, 0); }

static int read_it(void) {
  tarn_item item = {.number = 77};
  int result = tarn_board_read(reader, &item, 0);
  if (result == 0)
    CHECK_OK(tarn_board_release(reader, &item));
  else
    CHECK_UINT(77, item.number);
  return result;
}

static int get_from(tarn_board *board) {
  tarn_item item = {.number = 77};
  int result = tarn_board_get(board, data, sizeof data, &item, 0);
  CHECK(result == 0 || item.number == 77);
  return result;
}

static int get_it(void) { return get_from(reader); }
static int observe_it(void) { return get_from(observer); }

static int handle_it(void) {
  intptr_t handle = 77;
  int result = tarn_board_handle(reader, &handle);
  CHECK(result == 0 ? handle != 77 : handle == 77);
  return result;
}

static int inspect_it(void) {
  tarn_details details = {.struct_size = sizeof details, .newest = 77};
  tarn_participant participants[4];
  int result = tarn_inspect(name, TARN_KIND_BOARD, &details, participants, 4);
  CHECK(result == 0 || details.newest == 77);
  return result;
}

static int inspect_any(void) {
  tarn_details details = {.struct_size = sizeof details};
  return tarn_inspect(name, TARN_KIND_ANY, &details, NULL, 0);
}

static int remove_it(void) { return tarn_remove(name, TARN_KIND_BOARD, 0); }
static int remove_by_force(void) { return tarn_remove(name, TARN_KIND_BOARD, 1); }

static int count_entry(const tarn_entry *entry, void *argument) {
  (void)entry;
  ++*(int *)argument;
  return 0;
}

static int list_it(void) {
  int count = 0;
  int result = tarn_list(NULL, count_entry, &count);
  return result;
}

enum { OPENS = 1, REMOVES = 2, GROWS = 4 };

static const struct operation {
  const char *what;
  void (*prepare)(void);
  int (*run)(void);
  int kind;
} operations[] = {
    {"create", prepare_nothing, open_writer_now, OPENS},
    {"create_kept", prepare_nothing, open_writer_kept, OPENS},
    {"create_on_disk", prepare_disk_nothing, open_writer_kept, OPENS},
    {"take_over", prepare_kept, open_writer_now, OPENS},
    {"take_over_on_disk", prepare_disk, open_writer_now, OPENS},
    {"take_over_abandoned", prepare_abandoned, open_writer_now, OPENS},
    {"join", prepare_published, open_reader_now, OPENS},
    {"join_kept", prepare_kept, open_reader_now, OPENS},
    {"join_on_disk", prepare_disk, open_reader_now, OPENS},
    {"observe", prepare_published, open_observer_now, OPENS},
    {"put", prepare_held, put_small, 0},
    {"put_growing", prepare_held, put_large, GROWS},
    {"put_clearing_up", prepare_dead_reader, put_small, 0},
    {"read", prepare_all, read_it, 0},
    {"get", prepare_all, get_it, 0},
    {"get_observing", prepare_all, observe_it, 0},
    {"handle", prepare_all, handle_it, 0},
    {"inspect", prepare_all, inspect_it, 0},
    {"inspect_any", prepare_all, inspect_any, 0},
    {"list", prepare_all, list_it, 0},
    {"remove", prepare_kept, remove_it, REMOVES},
    {"remove_by_force", prepare_all, remove_by_force, REMOVES},
};

static void clean_up(void) {
  if (held.data != NULL)
    CHECK_OK(tarn_board_release(reader, &held));
  tarn_board_close(fresh);
  tarn_board_close(observer);
  tarn_board_close(reader);
  tarn_board_close(writer);
  fresh = observer = reader = writer = NULL;
  int result = tarn_remove(name, TARN_KIND_BOARD, 0);
  CHECK(result == 0 || result == TARN_E_NOT_FOUND);
  name = "fault";
}

/* What was published before is still there, for those who look now. */
static void still_there(void) {
  if (writer == NULL)
    return;
  tarn_board *late = open_reader(name);
  char value[16];
  tarn_item item;
  CHECK_OK(tarn_board_get(late, value, sizeof value, &item, 0));
  CHECK_MEM("value", value, 5);
  tarn_board_close(late);
}

static void after_failure(const struct operation *operation, belongings before, int result) {
  CHECK(fresh == NULL);
  if (result <= TARN_E_INVALID)
    CHECK_CONTAINS(operation->run == list_it ? "" : name, tarn_error_text());
  belongings after = look();
  if (operation->prepare == prepare_abandoned && after.names == before.names - 1)
    after.names++; /* what the dead left may be gone already */
  if (operation->kind & REMOVES && after.names == before.names - 1)
    after.names++;
  if (operation->kind & GROWS && after.mappings != before.mappings)
    after.mappings = before.mappings; /* a buffer more that waits to be used */
  same(before, after, "after a failure");
}

/* Returns 0 when there was no Nth call. */
static int fail_nth(const struct operation *operation, uint64_t nth, int *ret_failures) {
  operation->prepare();
  belongings before = look();
  CHECK_RESULT(TARN_E_INVALID, tarn_board_release(NULL, NULL)); /* so that an old sentence cannot be taken for a new one */
  tn_fault_set("*", nth, 1, 0);
  int result = operation->run();
  int fired = tn_fault_count("*") >= nth;
  tn_fault_set(NULL, 0, 0, 0);
  if (result != 0) {
    *ret_failures += 1;
    CHECK(fired);
    after_failure(operation, before, result);
    if (!(operation->kind & REMOVES)) {
      still_there();
      CHECK_OK(operation->run()); /* and now it works */
    }
  }
  clean_up();
  return fired;
}

static void test_every_call_fails_once(void) {
  for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
    int failures = 0;
    uint64_t nth = 1;
    belongings before = look();
    check_say("%s", operations[i].what);
    while (fail_nth(&operations[i], nth, &failures))
      nth++;
    same(before, look(), operations[i].what);
    check_say("  %d calls, %d of them make it fail", (int)nth - 1, failures);
    CHECK(nth > 1);
  }
}

/* Leaving cannot fail; but what it leaves must be in nobody's way. */
static void test_every_call_of_leaving_fails_once(void) {
  uint64_t nth = 1;
  int fired = 1;
  for (; fired; nth++) {
    belongings before = look();
    prepare_all();
    tn_fault_set("*", nth, 1, 0);
    tarn_board_close(observer);
    tarn_board_close(reader);
    tarn_board_close(writer);
    observer = reader = writer = NULL;
    fired = tn_fault_count("*") >= nth;
    tn_fault_set(NULL, 0, 0, 0);
    belongings after = look();
    CHECK(after.names == before.names || after.names == before.names + 1);
    after.names = before.names;
    same(before, after, "after leaving");
    CHECK_OK(open_as(TARN_WRITER, TARN_EXCLUSIVE)); /* what it left is taken for abandoned */
    clean_up();
  }
  CHECK(nth > 8);
}

/* Whatever fails while somebody waits ends the wait in words or is overcome; it never hangs. */
static void test_every_call_of_waiting_fails_once(void) {
  int fired = 1;
  for (uint64_t nth = 1; fired; nth++) {
    prepare_all();
    expect_text(reader, "value");
    tarn_item item;
    CHECK_RESULT(TARN_E_INVALID, tarn_board_release(NULL, NULL));
    int64_t start = check_now();
    tn_fault_set("*", nth, 1, 0);
    int result = tarn_board_read(reader, &item, 10 * MS);
    fired = tn_fault_count("*") >= nth;
    tn_fault_set(NULL, 0, 0, 0);
    CHECK(check_now() - start < 500 * MS);
    CHECK(result == TARN_TIMED_OUT || result == TARN_WOKEN || result == TARN_NO_WRITER || result <= TARN_E_INVALID);
    if (result <= TARN_E_INVALID)
      expect_sentence("fault", "");
    CHECK_OK(put_small());
    CHECK_OK(read_it());
    clean_up();
  }
}

static int role_abandons(int argc, char **argv) {
  CHECK_INT(1, argc);
  tarn_board *board = open_writer(argv[0], NULL);
  put_text(board, "lost");
  tn_point_set("leave.unlocked", 1, "exit");
  tarn_board_close(board);
  return 0;
}

static int role_holds(int argc, char **argv) {
  CHECK_INT(1, argc);
  tarn_board *board = open_reader(argv[0]);
  tarn_item item;
  CHECK_OK(tarn_board_read(board, &item, 0));
  tn_point_set("board.release.clear", 1, "exit");
  tarn_board_release(board, &item);
  return 0;
}

static const check_test tests[] = {
    {"every_call_fails_once", test_every_call_fails_once, 60},
    {"every_call_of_leaving_fails_once", test_every_call_of_leaving_fails_once, 0},
    {"every_call_of_waiting_fails_once", test_every_call_of_waiting_fails_once, 0},
    {0},
};

static const check_role roles[] = {{"abandons", role_abandons}, {"holds", role_holds}, {0}};

int main(int argc, char **argv) {
  return check_main(argc, argv, tests, roles);
}
