/* clean_linux_test.c: what tarn_clean takes away and what it leaves: after deaths of every kind, against makers at work, against other
 * users and programs that know nothing of Tarn, with another cleaner, and with a cleaner that is killed. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boards.h"
#include "name.h"
#include "os/fault.h"
#include "os/os.h"

#define TEMPORARY ".a.board.0123456789abcdef"

/* ---- What was said --------------------------------------------------------------------------------------------------------- */

typedef struct said {
  int count;
  tarn_cleaned last;
} said;

static int note(const tarn_cleaned *one, void *argument) {
  said *all = argument;
  CHECK_UINT(sizeof *one, one->struct_size);
  CHECK(one->why[0] != 0);
  all->count++;
  all->last = *one;
  return 0;
}

static said clean(uint32_t flags) {
  said all = {0, {0}};
  CHECK_OK(tarn_clean(check_directory(), flags, note, &all));
  return all;
}

/* Exactly one word was said, and it was this. */
static void expect_clean(uint32_t flags, uint32_t what, const char *name, const char *why) {
  said all = clean(flags);
  CHECK_INT(1, all.count);
  CHECK_UINT(what, all.last.what);
  CHECK_STR(name, all.last.name);
  CHECK_CONTAINS(why, all.last.why);
}

static int is_there(const char *file) { return access(check_path(file), F_OK) == 0; }

static void make_file(const char *file, size_t size) {
  int descriptor = open(check_path(file), O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(descriptor >= 0);
  CHECK_INT(0, ftruncate(descriptor, (off_t)size));
  close(descriptor);
}

/* ---- Helpers ----------------------------------------------------------------------------------------------------------------- */

static int role_writer(int argc, char **argv) {
  tarn_options options = {.struct_size = sizeof options, .flags = argc > 1 ? TARN_KEPT : 0};
  tarn_board *board = open_writer(argv[0], &options);
  put_text(board, "here");
  check_say("ready");
  check_hear();
  tarn_board_close(board);
  return 0;
}

static int role_map(int argc, char **argv) {
  (void)argc;
  tarn_map *map;
  tarn_options options = {.struct_size = sizeof options, .flags = TARN_SCOPED, .size_bytes = 4096};
  CHECK_OK(tarn_map_open(&map, argv[0], TARN_WRITER, &options, 0));
  check_say("ready");
  check_hear();
  tarn_map_close(map);
  return 0;
}

/* A foreign program: opens, or maps and closes again. */
static int role_foreign(int argc, char **argv) {
  int descriptor = open(argv[0], O_RDWR);
  CHECK(descriptor >= 0);
  if (argc > 1) {
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, descriptor, 0) != MAP_FAILED);
    close(descriptor);
  }
  check_say("ready");
  check_hear();
  return 0;
}

static int role_clean(int argc, char **argv) {
  (void)argc;
  said all = {0, {0}};
  int result = tarn_clean(check_directory(), (uint32_t)atoi(argv[0]), note, &all);
  check_say("%d %d %u %s", result, all.count, all.last.what, all.last.why);
  return 0;
}

static int role_other_user(int argc, char **argv) {
  CHECK_INT(0, setgid(21100));
  CHECK_INT(0, setuid(21001));
  return role_clean(argc, argv);
}

static int role_opens(int argc, char **argv) {
  (void)argc;
  tn_os_file file;
  check_say("ready");
  check_hear();
  int result = tn_os_open(&file, argv[0], TN_OS_READ, 0);
  check_say("%d", result);
  return 0;
}

static check_process *start(const char *role, const char *argument, const char *second) {
  check_process *process = check_start(role, argument, second, NULL);
  check_expect(process, "ready");
  return process;
}

static void kill_now(check_process *process) {
  check_kill(process);
  CHECK_INT(-SIGKILL, check_wait(process));
}

/* ---- Channels ------------------------------------------------------------------------------------------------------------------ */

static void test_what_the_dead_left(void) {
  check_process *writer = start("writer", "gone", NULL), *keeper = start("writer", "kept", "kept"), *map = start("map", "scoped", NULL);
  CHECK_INT(0, clean(0).count);
  CHECK_INT(0, clean(TARN_CLEAN_DRY_RUN).count);
  kill_now(writer);
  kill_now(keeper);
  expect_clean(TARN_CLEAN_DRY_RUN, TARN_CLEAN_WOULD, "gone", "nobody holds its lock");
  CHECK(is_there("gone.board"));
  expect_clean(0, TARN_CLEANED, "gone", "nobody holds its lock");
  CHECK(!is_there("gone.board"));
  CHECK_INT(0, clean(0).count);
  CHECK(is_there("kept.board"));
  CHECK(is_there("scoped"));
  kill_now(map);
  expect_clean(0, TARN_CLEANED, "scoped", "nobody holds its lock");
  CHECK_INT(0, clean(0).count);
}

static void test_stopped_is_alive(void) {
  check_process *writer = start("writer", "slow", NULL);
  check_stop(writer);
  CHECK_INT(0, clean(TARN_CLEAN_FOREIGN).count);
  check_continue(writer);
  CHECK_INT(0, check_wait(writer));
  CHECK(!is_there("slow.board")); /* it left in order */
}

/* Noise, and a channel without its tables: nobody knows what they were. FIFOs, links and folders are not even looked into. */
static void test_what_is_no_channel(void) {
  make_file("noise.board", 100000);
  make_file("empty.stream", 0);
  CHECK_INT(0, mkfifo(check_path("fifo.board"), 0600));
  CHECK_INT(0, mkdir(check_path("folder.board"), 0700));
  CHECK_INT(0, symlink("/etc/passwd", check_path("link.board")));
  CHECK_INT(0, clean(TARN_CLEAN_FOREIGN).count);
  CHECK(is_there("noise.board") && is_there("empty.stream") && is_there("fifo.board") && is_there("folder.board"));
  CHECK_RESULT(TARN_E_INVALID, tarn_clean(NULL, 4, NULL, NULL));
  CHECK_RESULT(TARN_E_NOT_FOUND, tarn_clean(check_path("nowhere"), 0, NULL, NULL));
  CHECK_CONTAINS("nowhere", tarn_error_text());
}

static void test_killed_cleaners(void) {
  static const char *const steps[] = {"clean.proven", "clean.gone"};
  for (int i = 0; i < 2; i++) {
    kill_now(start("writer", "gone", NULL));
    char plan[64];
    snprintf(plan, sizeof plan, "%s:1:kill", steps[i]);
    check_set_env("TARN_TEST_POINT", plan);
    CHECK_INT(-SIGKILL, check_wait(check_start("clean", "0", NULL)));
    check_set_env("TARN_TEST_POINT", NULL);
    CHECK_INT(i == 0, is_there("gone.board"));
    CHECK_INT(i == 0, clean(0).count); /* the next one finishes it */
    CHECK(!is_there("gone.board"));
  }
}

/* Many at once: every left-over is removed by exactly one. */
static void test_racing_cleaners(void) {
  enum { LEFT = 20, CLEANERS = 4 };
  char name[16];
  for (int i = 0; i < LEFT; i++) {
    snprintf(name, sizeof name, "m%02d", i);
    make_file(name, 100);
    CHECK_INT(0, chmod(check_path(name), 01600)); /* a scoped map without users */
  }
  check_process *cleaners[CLEANERS];
  int removed = 0;
  for (int i = 0; i < CLEANERS; i++) cleaners[i] = check_start("clean", "0", NULL);
  for (int i = 0; i < CLEANERS; i++) {
    int result, count;
    CHECK_INT(2, sscanf(check_line(cleaners[i]), "%d %d", &result, &count));
    CHECK_INT(0, result);
    removed += count;
    CHECK_INT(0, check_wait(cleaners[i]));
  }
  CHECK_INT(LEFT, removed);
}

/* ---- Half-made channels ---------------------------------------------------------------------------------------------------------- */

static void test_temporary_names(void) {
  int kind = 0;
  CHECK_INT(1, tn_name_is_temporary(TEMPORARY, &kind));
  CHECK_INT(TARN_KIND_BOARD, kind);
  CHECK_INT(0, tn_name_is_temporary(".a.board.0123456789abcde", &kind)); /* 15 digits */
  CHECK_INT(0, tn_name_is_temporary(".a.board.0123456789abcdeg", &kind));
  CHECK_INT(0, tn_name_is_temporary(".notes.0123456789abcdef", &kind)); /* no channel: anybody's */
  CHECK_INT(0, tn_name_is_temporary("a.board.0123456789abcdef", &kind));
  make_file(TEMPORARY, 5000);
  check_process *maker = start("foreign", check_path(TEMPORARY), NULL); /* reserves still: no lock yet */
  CHECK_INT(0, clean(TARN_CLEAN_FOREIGN).count);
  CHECK(is_there(TEMPORARY));
  kill_now(maker);
  expect_clean(TARN_CLEAN_DRY_RUN, TARN_CLEAN_WOULD, TEMPORARY, "no process on this machine");
  expect_clean(0, TARN_CLEANED, TEMPORARY, "no process on this machine");
  CHECK(!is_there(TEMPORARY));
}

/* ---- Foreign maps ------------------------------------------------------------------------------------------------------------------ */

static void foreign(const char *how) {
  make_file("DataMap", 4096);
  check_process *program = start("foreign", check_path("DataMap"), how);
  CHECK_INT(0, clean(0).count);
  expect_clean(TARN_CLEAN_FOREIGN, TARN_CLEAN_LEFT, "DataMap", "open or mapped");
  CHECK(is_there("DataMap"));
  kill_now(program);
  CHECK_INT(0, clean(0).count); /* not unless asked */
  expect_clean(TARN_CLEAN_FOREIGN, TARN_CLEANED, "DataMap", "no process on this machine");
  CHECK(!is_there("DataMap"));
}

static void test_foreign_opened(void) { foreign(NULL); }
static void test_foreign_mapped_and_closed(void) { foreign("mapped"); }

/* A channel that was made by its path bears no channel's name: it is none the less kept until it is removed. */
static void test_channels_made_by_a_path_stay(void) {
  tarn_options kept = {.struct_size = sizeof kept, .flags = TARN_KEPT};
  tarn_board *board = open_writer(check_path("by-path"), &kept);
  put_text(board, "precious");
  tarn_board_close(board);
  CHECK_INT(0, clean(0).count);
  expect_clean(TARN_CLEAN_FOREIGN | TARN_CLEAN_DRY_RUN, TARN_CLEAN_LEFT, "by-path", "no map");
  expect_clean(TARN_CLEAN_FOREIGN, TARN_CLEAN_LEFT, "by-path", "no map");
  CHECK(is_there("by-path"));
  CHECK_OK(tarn_remove(check_path("by-path"), TARN_KIND_ANY, 0));
}

static void test_own_mapping_counts(void) {
  make_file("mine", 4096);
  tarn_map *map;
  CHECK_OK(tarn_map_open(&map, "mine", TARN_WRITER, NULL, 0));
  expect_clean(TARN_CLEAN_FOREIGN, TARN_CLEAN_LEFT, "mine", "open or mapped");
  tarn_map_close(map);
}

static void test_files_on_a_disk_stay(void) {
  char path[4096];
  snprintf(path, sizeof path, "%s/letter", check_disk_directory());
  int descriptor = open(path, O_CREAT | O_RDWR, 0600);
  CHECK(descriptor >= 0);
  close(descriptor);
  said all = {0, {0}};
  CHECK_OK(tarn_clean(check_disk_directory(), TARN_CLEAN_FOREIGN, note, &all));
  if (all.last.what == TARN_CLEANED) check_skip("there is no directory on a disk here");
  CHECK_UINT(TARN_CLEAN_LEFT, all.last.what);
  CHECK_CONTAINS("on a disk", all.last.why);
  CHECK_INT(0, access(path, F_OK));
}

/* Only a file's owner may ask the kernel: another user's guess would be one, so nothing goes. */
static void test_another_user_cannot_tell(void) {
  if (geteuid() != 0) check_skip("being two users needs root");
  make_file("root.map", 4096);
  CHECK_INT(0, chmod(check_path("root.map"), 0666));
  CHECK_INT(0, chmod(check_directory(), 0777));
  char flags[8];
  snprintf(flags, sizeof flags, "%d", TARN_CLEAN_FOREIGN);
  check_process *other = check_start("other_user", flags, NULL);
  const char *line = check_line(other);
  CHECK_CONTAINS("0 1 3 whether a process of another user or PID namespace", line);
  CHECK_CONTAINS("root", line);
  CHECK_INT(0, check_wait(other));
  CHECK(is_there("root.map"));
}

/* Who opens it while the kernel is asked waits for a moment, and the signal that the asker gets ends nobody. */
static void test_an_opener_waits(void) {
  make_file("asked", 4096);
  tn_os_file file;
  char path[TN_OS_PATH];
  CHECK_OK(tn_os_full_path(check_path("asked"), path));
  CHECK_OK(tn_os_open(&file, path, TN_OS_READ, 1));
  check_process *opener = start("opens", path, NULL);
  CHECK_INT(1, tn_os_alone(&file));
  check_tell(opener, "now");
  check_sleep(10 * (int64_t)MS);
  tn_os_alone_end(&file);
  check_expect(opener, "0");
  check_wait(opener);
  tn_os_close(&file);
}

static int count_entry(const tarn_entry *entry, void *argument) {
  CHECK(entry->name[0] != 0);
  (*(int *)argument)++;
  return 0;
}

/* Whatever call fails, in clean or in the list: what is in use stays. */
static void test_every_call_made_to_fail(void) {
  static const uint32_t ways[] = {TARN_CLEAN_FOREIGN, TARN_CLEAN_FOREIGN | TARN_CLEAN_DRY_RUN};
  make_file("DataMap", 4096);
  make_file(TEMPORARY, 4096);
  check_process *users[] = {start("writer", "alive", NULL), start("map", "scoped", NULL),
                            start("foreign", check_path("DataMap"), "mapped"), start("foreign", check_path(TEMPORARY), NULL)};
  int faults = 0;
  for (int way = 0; way < 3; way++)
    for (uint64_t nth = 1, reached = 1; reached; nth++) {
      int listed = 0;
      tn_fault_set("*", nth, 1, 0);
      if (way < 2)
        tarn_clean(check_directory(), ways[way], NULL, NULL);
      else
        tarn_list(check_directory(), count_entry, &listed);
      reached = tn_fault_count("*") >= nth;
      faults += (int)reached;
      tn_fault_set(NULL, 0, 0, 0);
      CHECK(is_there("alive.board") && is_there("DataMap") && is_there(TEMPORARY) && is_there("scoped"));
      CHECK(listed <= 4);
    }
  CHECK(faults > 50);
  for (int i = 0; i < 4; i++) kill_now(users[i]);
}

static const check_test tests[] = {{"what_the_dead_left", test_what_the_dead_left, 0},
                                   {"stopped_is_alive", test_stopped_is_alive, 0},
                                   {"what_is_no_channel", test_what_is_no_channel, 0},
                                   {"killed_cleaners", test_killed_cleaners, 0},
                                   {"racing_cleaners", test_racing_cleaners, 0},
                                   {"temporary_names", test_temporary_names, 0},
                                   {"foreign_opened", test_foreign_opened, 0},
                                   {"foreign_mapped_and_closed", test_foreign_mapped_and_closed, 0},
                                   {"channels_made_by_a_path_stay", test_channels_made_by_a_path_stay, 0},
                                   {"own_mapping_counts", test_own_mapping_counts, 0},
                                   {"files_on_a_disk_stay", test_files_on_a_disk_stay, 0},
                                   {"another_user_cannot_tell", test_another_user_cannot_tell, 0},
                                   {"every_call_made_to_fail", test_every_call_made_to_fail, 0},
                                   {"an_opener_waits", test_an_opener_waits, 0},
                                   {0}};

static const check_role roles[] = {{"writer", role_writer}, {"map", role_map},           {"foreign", role_foreign},
                                   {"clean", role_clean},   {"other_user", role_other_user}, {"opens", role_opens},
                                   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
