/* users_linux_test.c: who has a file, as far as /proc shows: against a /proc made for the test, where everything can be had (processes that
 * are hidden, namespaces, devices that differ), and against the real one. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tarn/tarn.h>

#include "check.h"
#include "os/fault.h"
#include "os/linux.h"

/* ---- A /proc of our own ------------------------------------------------------------------------------------------------------ */

static const char *in_proc(const char *name) {
  static char paths[4][4096];
  static unsigned next;
  char *path = paths[next++ % 4];
  snprintf(path, 4096, "%s/proc/%s", check_directory(), name);
  return path;
}

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  CHECK(file != NULL);
  fputs(text, file);
  CHECK_INT(0, fclose(file));
}

static void make_process(const char *number, const char *maps) {
  char name[64];
  CHECK_INT(0, mkdir(in_proc(number), 0700));
  snprintf(name, sizeof name, "%s/fd", number);
  CHECK_INT(0, mkdir(in_proc(name), 0700));
  snprintf(name, sizeof name, "%s/maps", number);
  write_file(in_proc(name), maps);
}

/* Process 1, and a namespace that sees everything unless `space` says otherwise. */
static void make_proc(const char *space) {
  CHECK_INT(0, mkdir(in_proc(""), 0700));
  CHECK_INT(0, mkdir(in_proc("self"), 0700));
  CHECK_INT(0, mkdir(in_proc("self/ns"), 0700));
  CHECK_INT(0, symlink(space, in_proc("self/ns/pid")));
  make_process("1", "");
  static char root[4096];
  snprintf(root, sizeof root, "%s", in_proc(""));
  tn_linux_proc_root(root);
}

static tn_os_wanted wanted(const char *name) {
  struct stat status;
  write_file(check_path(name), "x");
  CHECK_INT(0, stat(check_path(name), &status));
  return (tn_os_wanted){(uint64_t)status.st_dev, (uint64_t)status.st_ino, name};
}

typedef struct seen {
  int count;
  uint32_t last;
} seen;

static void note(size_t index, uint32_t process, void *argument) {
  seen *all = argument;
  CHECK_UINT(0, index);
  all->count++;
  all->last = process;
}

static const char initial[] = "pid:[4026531836]";

static void test_descriptors_and_mappings(void) {
  make_proc(initial);
  tn_os_wanted file = wanted("a");
  seen all = {0, 0};
  make_process("70", "");
  CHECK_INT(0, tn_os_users(&file, 1, note, &all));
  CHECK_INT(0, all.count);
  CHECK_INT(0, symlink(check_path("a"), in_proc("70/fd/3")));
  CHECK_INT(0, symlink("/nowhere", in_proc("70/fd/4")));
  CHECK_INT(0, symlink(check_path("a"), in_proc("70/fd/5"))); /* twice is once */
  char maps[512];
  snprintf(maps, sizeof maps,
           "7f00-7f01 rw-s 00000000 %x:%x %llu                    %s\n7f01-7f02 rw-p 00000000 00:00 0\nnonsense\n7f03-7f04 r--s 0 0:0 77 /x\n",
           (unsigned)((file.device >> 8) & 0xfff), (unsigned)(file.device & 0xff), (unsigned long long)file.inode, "/dev/shm/anything");
  make_process("71", maps);
  CHECK_INT(0, tn_os_users(&file, 1, note, &all));
  CHECK_INT(2, all.count);
}

/* overlayfs and btrfs show another device in maps: then the name decides, deleted or not. */
static void test_another_device(void) {
  make_proc(initial);
  tn_os_wanted file = wanted("a");
  seen all = {0, 0};
  char maps[512];
  snprintf(maps, sizeof maps, "7f00-7f01 rw-s 00000000 ff:fe %llu /dev/shm/b\n7f00-7f01 rw-s 00000000 ff:fe %llu /dev/shm/aa\n",
           (unsigned long long)file.inode, (unsigned long long)file.inode);
  make_process("70", maps);
  CHECK_INT(0, tn_os_users(&file, 1, note, &all));
  CHECK_INT(0, all.count);
  snprintf(maps, sizeof maps, "7f00-7f01 rw-s 00000000 ff:fe %llu /dev/shm/a (deleted)\n", (unsigned long long)file.inode);
  make_process("71", maps);
  CHECK_INT(0, tn_os_users(&file, 1, note, &all));
  CHECK_INT(1, all.count);
  CHECK_UINT(71, all.last);
}

static void test_what_is_hidden(void) {
  tn_os_wanted file = wanted("a");
  seen all = {0, 0};
  make_proc("pid:[4026532999]"); /* a namespace within */
  CHECK_INT(1, tn_os_users(&file, 1, note, &all));
  CHECK_INT(0, unlink(in_proc("self/ns/pid")));
  CHECK_INT(1, tn_os_users(&file, 1, note, &all)); /* not known */
  CHECK_INT(0, symlink(initial, in_proc("self/ns/pid")));
  CHECK_INT(0, tn_os_users(&file, 1, note, &all));
  CHECK_INT(0, rename(in_proc("1"), in_proc("no-1"))); /* hidepid: others are not even there */
  CHECK_INT(1, tn_os_users(&file, 1, note, &all));
  CHECK_INT(0, rename(in_proc("no-1"), in_proc("1")));
  make_process("70", "");
  CHECK_INT(0, unlink(in_proc("70/maps")));
  CHECK_INT(0, tn_os_users(&file, 1, note, &all)); /* it has ended meanwhile */
  CHECK_INT(0, symlink("loop", in_proc("70/loop")));
  CHECK_INT(0, symlink("loop", in_proc("70/maps"))); /* cannot be looked into */
  CHECK_INT(1, tn_os_users(&file, 1, note, &all));
  CHECK_INT(0, all.count);
  tn_linux_proc_root(in_proc("none"));
  CHECK_RESULT(TARN_E_UNSUPPORTED, tn_os_users(&file, 1, note, &all));
}

/* ---- Entries ------------------------------------------------------------------------------------------------------------------- */

static int keep(const tarn_entry *entry, void *argument) {
  *(tarn_entry *)argument = *entry;
  return 0;
}

static tarn_entry listed(void) {
  tarn_entry entry = {0};
  CHECK_OK(tarn_list(check_path("maps"), keep, &entry));
  return entry;
}

static int role_maps(int argc, char **argv) {
  (void)argc;
  int descriptor = open(argv[0], O_RDWR);
  CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, descriptor, 0) != MAP_FAILED);
  close(descriptor);
  check_say("ready");
  check_hear();
  return 0;
}

static void test_a_map_in_use(void) {
  CHECK_INT(0, mkdir(check_path("maps"), 0700));
  const char *path = check_path("maps/DataMap");
  write_file(path, "x");
  tarn_entry entry = listed();
  CHECK_STR("DataMap", entry.name);
  CHECK(entry.flags & TARN_ENTRY_SEEN);
  CHECK(!(entry.flags & TARN_ENTRY_IN_USE));
  check_process *program = check_start("maps", path, NULL);
  check_expect(program, "ready");
  entry = listed();
  CHECK(entry.flags & TARN_ENTRY_IN_USE);
  CHECK_UINT(1, entry.user_count);
  CHECK_UINT(check_process_number(program), entry.users[0].process);
  CHECK(strlen(entry.users[0].command) > 3);
  CHECK_INT(0, link(path, check_path("maps/AnotherName")));
  CHECK_UINT(1, listed().user_count); /* one process, though the file has two names */
  check_stop(program);
  CHECK_UINT(1, listed().users[0].stopped);
  check_continue(program);
  tarn_details details = {.struct_size = sizeof details};
  CHECK_OK(tarn_inspect(path, TARN_KIND_MAP, &details, NULL, 0));
  CHECK_UINT(1, details.entry.user_count);
  CHECK_INT(0, check_wait(program));
  CHECK(!(listed().flags & TARN_ENTRY_IN_USE));
}

/* Nothing is believed of what could not be asked. */
static void test_without_answers(void) {
  CHECK_INT(0, mkdir(check_path("maps"), 0700));
  write_file(check_path("maps/DataMap"), "x");
  tn_fault_set("users", 1, 0, TARN_E_UNSUPPORTED);
  CHECK(!(listed().flags & (TARN_ENTRY_SEEN | TARN_ENTRY_IN_USE)));
  tn_fault_set("status_at", 1, 0, TARN_E_SYSTEM);
  CHECK_STR("DataMap", listed().name);
  tn_fault_set("open", 1, 0, TARN_E_PERMISSION);
  CHECK(listed().flags & TARN_ENTRY_CLOSED);
  CHECK_UINT(1, listed().size_bytes);
}

static int count(const tarn_entry *entry, void *argument) {
  CHECK_STR("c", entry->name);
  (*(int *)argument)++;
  return 0;
}

/* Who wants channels alone pays for no look at other processes. */
static void test_channels_alone(void) {
  tarn_board *board;
  CHECK_OK(tarn_board_open(&board, "c", TARN_WRITER, NULL, 0));
  write_file(check_path("map"), "x");
  write_file(check_path(".d.board.0123456789abcdef"), "x");
  int counted = 0;
  tn_fault_set("none", 1, 1, 0); /* to count */
  CHECK_OK(tarn_list_channels(NULL, count, &counted));
  CHECK_INT(1, counted);
  CHECK_UINT(0, tn_fault_count("users"));
  tarn_entry entry;
  CHECK_OK(tarn_list(NULL, keep, &entry));
  CHECK_UINT(1, tn_fault_count("users"));
  tarn_board_close(board);
}

static const check_test tests[] = {{"descriptors_and_mappings", test_descriptors_and_mappings, 0},
                                   {"another_device", test_another_device, 0},
                                   {"what_is_hidden", test_what_is_hidden, 0},
                                   {"a_map_in_use", test_a_map_in_use, 0},
                                   {"channels_alone", test_channels_alone, 0},
                                   {"without_answers", test_without_answers, 0},
                                   {0}};

static const check_role roles[] = {{"maps", role_maps}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
