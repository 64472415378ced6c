/* lifetime_test.c: what lives how long: scoped and kept boards, boards removed under their users, boards on a disk after a reboot. */
#include <stddef.h>

#include "boards.h"
#include "header.h"
#include "layout.h"
#include "os/fault.h"
#include "os/os.h"

static int is_there(const char *name) {
  tarn_details details = {.struct_size = sizeof details};
  int result = tarn_inspect(name, TARN_KIND_BOARD, &details, NULL, 0);
  CHECK(result == 0 || result == TARN_E_NOT_FOUND);
  return result == 0;
}

static tarn_board *open_kept(const char *name) {
  tarn_options options = {.struct_size = sizeof options, .flags = TARN_KEPT, .slots = 4};
  return open_writer(name, &options);
}

static int read_failure(const char *name) {
  tarn_board *reader = NULL;
  int result = tarn_board_open(&reader, name, TARN_READER, NULL, 0);
  CHECK(result != 0 && reader == NULL);
  return result;
}

/* ---- Scoped and kept --------------------------------------------------------------------------------------------------------------- */

static void test_scoped(void) {
  tarn_board *writer = open_writer("scoped", NULL), *reader = open_reader("scoped"), *observer = NULL;
  CHECK_OK(tarn_board_open(&observer, "scoped", TARN_OBSERVER, NULL, 0));
  put_text(writer, "value");
  tarn_board_close(writer);
  expect_text(reader, "value"); /* while one participant lives nothing is lost */
  CHECK(is_there("scoped"));
  tarn_board *late = open_reader("scoped");
  expect_text(late, "value");
  tarn_board_close(late);
  tarn_board_close(reader);
  expect_text(observer, "value"); /* an observer keeps the name alive, too */
  tarn_board_close(observer);
  CHECK_RESULT(TARN_E_NOT_FOUND, read_failure("scoped"));
  tarn_options exclusive = options_with(TARN_EXCLUSIVE);
  writer = open_writer("scoped", &exclusive);
  reader = open_reader("scoped");
  tarn_item item;
  CHECK_RESULT(TARN_EMPTY, tarn_board_read(reader, &item, 0)); /* of the old one nothing is left */
  tarn_board_close(reader);
  tarn_board_close(writer);
  CHECK(!is_there("scoped"));
}

static void test_kept(void) {
  tarn_board *writer = open_kept("kept");
  put_text(writer, "value");
  tarn_board_close(writer);
  CHECK(is_there("kept"));
  tarn_board *reader = open_reader("kept");
  expect_text(reader, "value");
  tarn_item item;
  CHECK_RESULT(TARN_NO_WRITER, tarn_board_read(reader, &item, 5 * MS)); /* whose item this handle was given */
  CHECK_RESULT(TARN_TIMED_OUT, tarn_board_read(reader, &item, 5 * MS));
  writer = open_writer("kept", NULL);
  put_text(writer, "another");
  expect_text(reader, "another");
  tarn_board_close(writer);
  tarn_board_close(reader);
  CHECK(is_there("kept"));
  CHECK_OK(tarn_remove("kept", TARN_KIND_BOARD, 0));
  CHECK(!is_there("kept"));
}

static int role_one_word(int argc, char **argv) {
  CHECK_INT(2, argc);
  tarn_options options = options_with(strcmp(argv[1], "kept") == 0 ? TARN_KEPT : 0);
  static tarn_board *board; /* static: not lost, only never closed */
  board = open_writer(argv[0], &options);
  put_text(board, "last words");
  exit(0);
}

static void test_publish_and_exit_at_once(void) {
  CHECK_INT(0, check_wait(check_start("one_word", "kept", "kept", NULL)));
  tarn_board *reader = open_reader("kept");
  expect_text(reader, "last words");
  tarn_board_close(reader);
  CHECK_INT(0, check_wait(check_start("one_word", "scoped", "scoped", NULL)));
  CHECK_RESULT(TARN_E_NOT_FOUND, read_failure("scoped")); /* nobody else was there */
  tarn_board *writer = open_writer("scoped", NULL);
  reader = open_reader("scoped");
  tarn_board_close(writer);
  CHECK_INT(0, check_wait(check_start("one_word", "scoped", "scoped", NULL)));
  expect_text(reader, "last words");
  tarn_board_close(reader);
  CHECK(!is_there("scoped"));
  CHECK_OK(tarn_remove("kept", TARN_KIND_BOARD, 0));
}

/* Items that are out keep slot, memory and name until they are released. */
static void test_close_with_items_out(void) {
  tarn_board *writer = open_writer("items", NULL), *reader = open_reader("items");
  tarn_item items[2], more;
  for (int i = 0; i < 2; i++) {
    put_text(writer, i == 0 ? "one" : "two");
    CHECK_OK(tarn_board_read(reader, &items[i], 0));
  }
  tarn_board_close(reader);
  CHECK_RESULT(TARN_E_INVALID, tarn_board_read(reader, &more, 0));
  for (int i = 0; i < 100; i++)
    put_text(writer, "more");
  tarn_board_close(writer);
  CHECK(is_there("items"));
  CHECK_MEM("two", items[1].data, 3);
  CHECK_OK(tarn_board_release(reader, &items[1]));
  CHECK_MEM("one", items[0].data, 3);
  CHECK_OK(tarn_board_release(reader, &items[0]));
  CHECK(!is_there("items"));
}

/* ---- Removing ------------------------------------------------------------------------------------------------------------------------ */

static void test_remove(void) {
  CHECK_RESULT(TARN_E_NOT_FOUND, tarn_remove("none", TARN_KIND_BOARD, 0));
  expect_sentence("none", "there is none");
  CHECK_RESULT(TARN_E_NOT_FOUND, tarn_remove("none", TARN_KIND_ANY, 1));
  tarn_board *writer = open_kept("rm"), *reader = open_reader("rm");
  CHECK_RESULT(TARN_BUSY, tarn_remove("rm", TARN_KIND_BOARD, 0));
  tarn_board_close(writer);
  CHECK_RESULT(TARN_BUSY, tarn_remove("rm", TARN_KIND_BOARD, 0));
  tarn_board_close(reader);
  tarn_board *observer = NULL;
  CHECK_OK(tarn_board_open(&observer, "rm", TARN_OBSERVER, NULL, 0));
  CHECK_RESULT(TARN_BUSY, tarn_remove("rm", TARN_KIND_BOARD, 0));
  tarn_board_close(observer);
  CHECK_OK(tarn_remove("rm", TARN_KIND_ANY, 0));
  CHECK(!is_there("rm"));
}

/* Force takes the name; those who have it go on among themselves, newcomers begin a new one, and neither sees the other. */
static void test_remove_by_force(void) {
  tarn_board *writer = open_writer("rm", NULL), *reader = open_reader("rm");
  put_text(writer, "old");
  CHECK_OK(tarn_remove("rm", TARN_KIND_BOARD, 1));
  CHECK(!is_there("rm"));
  tarn_board *new_writer = open_writer("rm", NULL), *new_reader = open_reader("rm");
  put_text(new_writer, "new");
  expect_text(reader, "old");
  expect_text(new_reader, "new");
  put_text(writer, "old still");
  expect_text(reader, "old still");
  tarn_board_close(reader);
  tarn_board_close(writer); /* leaving the nameless one does not take the other's name */
  CHECK(is_there("rm"));
  put_text(new_writer, "new still");
  expect_text(new_reader, "new still");
  tarn_board_close(new_reader);
  tarn_board_close(new_writer);
  CHECK(!is_there("rm"));
}

/* ---- The words of the file itself ------------------------------------------------------------------------------------------------------ */

static void write_word(const char *path, uint64_t offset, const void *bytes, size_t size) {
  FILE *file = fopen(path, "r+b");
  CHECK(file != NULL);
  CHECK_INT(0, fseek(file, (long)offset, SEEK_SET));
  CHECK_UINT(size, fwrite(bytes, 1, size, file));
  CHECK_INT(0, fclose(file));
}

static uint32_t read_word(const char *path, uint64_t offset) {
  uint32_t word;
  FILE *file = fopen(path, "rb");
  CHECK(file != NULL);
  CHECK_INT(0, fseek(file, (long)offset, SEEK_SET));
  CHECK_UINT(1, fread(&word, sizeof word, 1, file));
  fclose(file);
  return word;
}

/* Where a field of control lies, with four slots. */
static uint64_t in_control(size_t field) {
  return TN_PAGE + 4 * sizeof(tn_slot) + field;
}

/* A word that says "this name is going" for ever, where nobody removes it: an answer, not a wait without an end. */
static void test_a_name_that_never_goes(void) {
  tarn_board_close(open_kept("going"));
  uint32_t one = 1;
  write_word(check_path("going.board"), in_control(offsetof(tn_control, life.retired)), &one, sizeof one);
  CHECK_RESULT(TARN_E_SYSTEM, read_failure("going"));
  expect_sentence("going", "tarn rm");
  tarn_board *reader = NULL;
  int64_t start = check_now();
  CHECK_RESULT(TARN_TIMED_OUT, tarn_board_open(&reader, "going", TARN_READER, NULL, 5 * MS));
  CHECK(check_now() - start < 4000 * (int64_t)MS);
  CHECK_OK(tarn_remove("going", TARN_KIND_BOARD, 0));
  tarn_board_close(open_kept("going"));
  CHECK_OK(tarn_remove("going", TARN_KIND_BOARD, 0));
}

static int role_leaves(int argc, char **argv) {
  CHECK_INT(1, argc);
  tarn_board *writer = open_writer(argv[0], NULL);
  put_text(writer, "value");
  tarn_board_close(writer);
  return 0;
}

/* The last one is stopped at the moment in which it alone may remove the name. Nobody takes that from it, and nobody hangs for it. */
static void test_stopped_while_removing(void) {
  check_set_env("TARN_TEST_POINT", "leave.alone:1:stop");
  check_process *last = check_start("leaves", "stopped", NULL);
  check_await_stop(last);
  check_set_env("TARN_TEST_POINT", NULL);
  tarn_board *board = NULL;
  int64_t start = check_now();
  CHECK_RESULT(TARN_BUSY, tarn_board_open(&board, "stopped", TARN_WRITER, NULL, 0));
  CHECK_RESULT(TARN_TIMED_OUT, tarn_board_open(&board, "stopped", TARN_WRITER, NULL, 200 * MS));
  CHECK_RESULT(TARN_TIMED_OUT, tarn_board_open(&board, "stopped", TARN_READER, NULL, 5 * MS));
  CHECK(check_now() - start < 10000 * (int64_t)MS);
  CHECK(board == NULL && is_there("stopped"));
  check_continue(last);
  CHECK_INT(0, check_wait(last));
  CHECK(!is_there("stopped"));
  tarn_board_close(open_writer("stopped", NULL));
}

/* ---- After a reboot ---------------------------------------------------------------------------------------------------------------------- */

static const char *disk_path(void) {
  static char path[4096];
  snprintf(path, sizeof path, "%s/rebooted.board", check_disk_directory());
  return path;
}

static const char *disk_name(void) {
  return disk_path(); /* a path is used as it stands */
}

static void need_disk(void) {
  uint8_t id[16];
  tarn_details details = {.struct_size = sizeof details};
  tarn_board_close(open_kept(disk_name()));
  CHECK_OK(tarn_inspect(disk_name(), TARN_KIND_BOARD, &details, NULL, 0));
  CHECK_OK(tarn_remove(disk_name(), TARN_KIND_BOARD, 0));
  if (!(details.entry.flags & TARN_ENTRY_ON_DISK))
    check_skip("%s is no disk", check_disk_directory());
  if (!tn_os_boot_id(id))
    check_skip("this system does not say which boot it is");
}

/* As if the machine had lost its power with the board as it is, or after it was closed in order. */
static void reboot(int clean, uint8_t id) {
  uint8_t ids[16];
  memset(ids, id, sizeof ids);
  uint32_t word = (uint32_t)clean;
  write_word(disk_path(), in_control(offsetof(tn_control, life.boot_id)), ids, sizeof ids);
  write_word(disk_path(), in_control(offsetof(tn_control, life.clean)), &word, sizeof word);
}

static void make_on_disk(void) {
  tarn_board *writer = open_kept(disk_name());
  put_text(writer, "one");
  put_text(writer, "two");
  tarn_board_close(writer);
  CHECK_UINT(1, read_word(disk_path(), in_control(offsetof(tn_control, life.clean))));
}

static int value_is_there(void) {
  tarn_board *reader = open_reader(disk_name());
  tarn_item item;
  int result = tarn_board_read(reader, &item, 0);
  if (result == 0) {
    CHECK_UINT(3, item.size_bytes);
    CHECK_MEM("two", item.data, 3);
    CHECK_OK(tarn_board_release(reader, &item));
  } else {
    CHECK_RESULT(TARN_EMPTY, result);
  }
  CHECK_UINT(0, read_word(disk_path(), in_control(offsetof(tn_control, life.clean)))); /* while somebody is there */
  tarn_board_close(reader);
  CHECK_UINT(1, read_word(disk_path(), in_control(offsetof(tn_control, life.clean))));
  return result == 0;
}

static void test_reboot(void) {
  need_disk();
  make_on_disk();
  CHECK(value_is_there());
  reboot(1, 0x5a); /* another boot, but everything had reached the disk */
  CHECK(value_is_there());
  reboot(0, 0); /* not known in which boot: nothing is thrown away */
  CHECK(value_is_there());
  CHECK(read_word(disk_path(), in_control(offsetof(tn_control, kind.board.account_of))) != 0);
  reboot(0, 0x5a); /* another boot in the middle of things: begun anew */
  CHECK(!value_is_there());
  /* An older build knows nothing of the account, and may publish another version under the number that it is of. */
  CHECK_UINT(0, read_word(disk_path(), in_control(offsetof(tn_control, kind.board.account_of))));
  tarn_board *writer = open_writer(disk_name(), NULL);
  put_text(writer, "two"); /* and as good as new */
  tarn_board_close(writer);
  CHECK(value_is_there());
  CHECK_OK(tarn_remove(disk_name(), TARN_KIND_BOARD, 0));
}

/* A process that dies is no reboot: the kernel still has every page. */
static int role_dies_on_disk(int argc, char **argv) {
  CHECK_INT(1, argc);
  static tarn_board *writer; /* static: not lost, only never closed */
  writer = open_kept(argv[0]);
  put_text(writer, "two");
  exit(0);
}

static void test_a_death_is_no_reboot(void) {
  need_disk();
  CHECK_INT(0, check_wait(check_start("dies_on_disk", disk_name(), NULL)));
  CHECK_UINT(0, read_word(disk_path(), in_control(offsetof(tn_control, life.clean))));
  CHECK(value_is_there());
  CHECK_OK(tarn_remove(disk_name(), TARN_KIND_BOARD, 0));
}

/* Who only looks does not begin anything anew; and while somebody is there, nobody does. */
static void test_observers_never_reset(void) {
  need_disk();
  make_on_disk();
  reboot(0, 0x5a);
  tarn_board *observer = NULL;
  CHECK_OK(tarn_board_open(&observer, disk_name(), TARN_OBSERVER, NULL, 0));
  expect_text(observer, "two");
  CHECK_UINT(0x5a5a5a5a, read_word(disk_path(), in_control(offsetof(tn_control, life.boot_id))));
  tarn_board_close(observer);
  CHECK_UINT(0x5a5a5a5a, read_word(disk_path(), in_control(offsetof(tn_control, life.boot_id))));
  CHECK(!value_is_there()); /* the first to take part does */
  CHECK_OK(tarn_remove(disk_name(), TARN_KIND_BOARD, 0));
}

/* What was lost leaves no trace: pins and places of those who were there before the reboot. */
static void test_reboot_with_participants(void) {
  need_disk();
  make_on_disk();
  tn_slot slot;
  memset(&slot, 0xff, sizeof slot);
  for (uint64_t i = 0; i < 4; i++)
    write_word(disk_path(), TN_PAGE + i * sizeof slot, &slot, sizeof slot);
  uint32_t much = UINT32_MAX;
  write_word(disk_path(), in_control(offsetof(tn_control, join.high_water)), &much, sizeof much);
  reboot(0, 0x5a);
  tarn_board *writer = open_writer(disk_name(), NULL), *readers[3];
  for (int i = 0; i < 3; i++)
    readers[i] = open_reader(disk_name());
  for (int i = 0; i < 100; i++)
    put_text(writer, "value");
  tarn_details details = {.struct_size = sizeof details};
  CHECK_OK(tarn_inspect(disk_name(), TARN_KIND_BOARD, &details, NULL, 0));
  CHECK_UINT(4, details.participant_count);
  CHECK(details.buffers <= 8); /* what a busy writer has: the old noise pins nothing */
  for (int i = 0; i < 3; i++) {
    expect_text(readers[i], "value");
    tarn_board_close(readers[i]);
  }
  tarn_board_close(writer);
  CHECK_OK(tarn_remove(disk_name(), TARN_KIND_BOARD, 0));
}

/* Nobody writes, and the name goes: a reader that waits is told, since no writer can come any more. */
static void test_name_lost_while_waiting(void) {
  tarn_options kept = {.struct_size = sizeof kept, .flags = TARN_KEPT};
  tarn_board *writer, *reader;
  tarn_item item;
  CHECK_OK(tarn_board_open(&writer, "lost", TARN_WRITER, &kept, 0));
  CHECK_OK(tarn_board_open(&reader, "lost", TARN_READER, NULL, 0));
  CHECK_OK(tarn_remove("lost", TARN_KIND_BOARD, 1));
  CHECK_RESULT(TARN_TIMED_OUT, tarn_board_read(reader, &item, 200000000)); /* its users go on among themselves */
  CHECK_OK(tarn_board_put(writer, "x", 1, NULL, 0));
  CHECK_OK(tarn_board_read(reader, &item, 0));
  CHECK_OK(tarn_board_release(reader, &item));
  tarn_board_close(writer);
  CHECK_RESULT(TARN_NO_WRITER, tarn_board_read(reader, &item, TARN_FOREVER));
  CHECK_RESULT(TARN_E_EVICTED, tarn_board_read(reader, &item, TARN_FOREVER));
  CHECK_CONTAINS("lost", tarn_error_text());
  CHECK_CONTAINS("open the name again", tarn_error_text());
  tarn_board_close(reader);
}

static const check_test tests[] = {
    {"scoped", test_scoped, 0},
    {"kept", test_kept, 0},
    {"publish_and_exit_at_once", test_publish_and_exit_at_once, 0},
    {"close_with_items_out", test_close_with_items_out, 0},
    {"remove", test_remove, 0},
    {"remove_by_force", test_remove_by_force, 0},
    {"a_name_that_never_goes", test_a_name_that_never_goes, 0},
    {"stopped_while_removing", test_stopped_while_removing, 0},
    {"reboot", test_reboot, 0},
    {"a_death_is_no_reboot", test_a_death_is_no_reboot, 0},
    {"observers_never_reset", test_observers_never_reset, 0},
    {"reboot_with_participants", test_reboot_with_participants, 0},
    {"name_lost_while_waiting", test_name_lost_while_waiting, 0},
    {0},
};

static const check_role roles[] = {{"one_word", role_one_word}, {"leaves", role_leaves}, {"dies_on_disk", role_dies_on_disk}, {0}};

int main(int argc, char **argv) {
  return check_main(argc, argv, tests, roles);
}
