/* board_room_linux_test.c: no room: a full memory file system, a full disk, a memory group without room. The sentence has the sizes, what
 * was published stays, and the board goes on with what there is. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boards.h"
#include "os/linux.h"

enum { KIB = 1 << 10, MIB = 1 << 20 };

/* ---- Places ------------------------------------------------------------------------------------------------------------------------- */

/* A mount of this test's own, which goes with it. */
static void mount_here(const char *source, const char *path, const char *type, const char *data) {
  if (geteuid() != 0)
    check_skip("mounting needs root");
  CHECK(mkdir(path, 0700) == 0 || errno == EEXIST);
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
    check_skip("no mount namespace of its own: %s", strerror(errno));
  if (mount(source, path, type, 0, data) != 0)
    check_skip("%s cannot be mounted: %s", type, strerror(errno));
}

static uint64_t free_bytes(const char *directory) {
  struct statvfs status;
  CHECK_INT(0, statvfs(directory, &status));
  return (uint64_t)status.f_bfree * status.f_frsize;
}

/* Somebody else's file that leaves only so much. */
static void fill_up(const char *directory, uint64_t leave) {
  char path[5000];
  snprintf(path, sizeof path, "%s/others", directory);
  unlink(path);
  int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  CHECK(descriptor >= 0);
  static char block[4096];
  memset(block, 1, sizeof block);
  while (free_bytes(directory) > leave && write(descriptor, block, sizeof block) == sizeof block)
    continue;
  fsync(descriptor);
  close(descriptor);
}

static void no_others(const char *directory) {
  char path[5000];
  snprintf(path, sizeof path, "%s/others", directory);
  unlink(path);
}

static const char *board_in(const char *directory) {
  static char path[5000];
  snprintf(path, sizeof path, "%s/full.board", directory);
  return path;
}

/* ---- The same for every place ----------------------------------------------------------------------------------------------------------- */

static void check_sizes(const char *name, const char *needed) {
  check_say("%s", tarn_error_text());
  expect_sentence(name, needed);
  CHECK_CONTAINS("the file system has", tarn_error_text());
  CHECK_CONTAINS("free some room", tarn_error_text());
  const char *once = strstr(tarn_error_text(), "needed");
  CHECK(once != NULL && strstr(once + 1, "needed") == NULL && strstr(tarn_error_text(), " need ") == NULL);
}

static void check_create(const char *directory) {
  tarn_board *board = NULL;
  fill_up(directory, 0);
  CHECK_RESULT(TARN_E_NO_SPACE, tarn_board_open(&board, board_in(directory), TARN_WRITER, NULL, 0));
  check_sizes("full.board", "64.0 KiB are needed");
  CHECK(board == NULL);
  CHECK(access(board_in(directory), F_OK) != 0); /* nothing was left */
  no_others(directory);
  board = open_writer(board_in(directory), NULL);
  put_text(board, "value");
  tarn_board_close(board);
}

static char large[8 * MIB];

/* What is beside it and what would help is told only where it is so. */
static void check_words(const char *directory) {
  tarn_board *writer = open_writer(board_in(directory), NULL), *readers[2];
  tarn_item items[2];
  for (int i = 0; i < 4; i++) {
    if (i > 1) {
      readers[i - 2] = open_reader(board_in(directory));
      CHECK_OK(tarn_board_read(readers[i - 2], &items[i - 2], 0));
    }
    fill_up(directory, 0);
    CHECK_RESULT(TARN_E_NO_SPACE, tarn_board_put(writer, large, sizeof large, NULL, 0));
    check_sizes("full.board", i == 0   ? "no room for a buffer of 8 MiB: "
                              : i == 1 ? " 8 MiB beside the one there is: "
                              : i == 2 ? " 8 MiB beside the one there is, which readers hold: "
                                       : " 8 MiB beside the 2 there are, 2 of them held by readers: ");
    CHECK((i > 1) == (strstr(tarn_error_text(), "; with a smaller hold it takes less") != NULL));
    no_others(directory);
    put_text(writer, "value"); /* now there is one; or, since a reader holds it, one more */
    if (i == 1) put_text(writer, "value");
  }
  for (int i = 0; i < 2; i++) {
    CHECK_OK(tarn_board_release(readers[i], &items[i]));
    tarn_board_close(readers[i]);
  }
  tarn_board_close(writer);
}

/* A value for which there is no room, while somebody takes every byte that is free or becomes free: the newest version stays, and
 * versions that need no more room than before can be published as before. */
static void check_grow(const char *directory) {
  tarn_board *writer = open_writer(board_in(directory), NULL), *reader = open_reader(board_in(directory));
  put_text(writer, "first");
  put_text(writer, "value");
  fill_up(directory, 0);
  for (int i = 0; i < 3; i++) {
    CHECK_RESULT(TARN_E_NO_SPACE, tarn_board_put(writer, large, sizeof large, NULL, TARN_FOREVER));
    check_sizes("full.board", "8 MiB");
    CHECK_CONTAINS("up to 2 + readers x (hold + 1) buffers, here 2 + 1 x 5, 56.4 MiB in all", tarn_error_text());
    fill_up(directory, 0);
    if (i == 0)
      expect_text(reader, "value");
    put_text(writer, "small");
    expect_text(reader, "small");
  }
  no_others(directory);
  CHECK_OK(tarn_board_put(writer, large, 200 * KIB, NULL, 0)); /* and there is room again */
  tarn_item item;
  CHECK_OK(tarn_board_read(reader, &item, 0));
  CHECK_UINT(200 * KIB, item.size_bytes);
  CHECK_MEM(large, item.data, 200 * KIB);
  CHECK_OK(tarn_board_release(reader, &item));
  tarn_board_close(reader);
  tarn_board_close(writer);
}

/* A put that succeeds leaves the last failure's sentence alone, also where it tried in vain to have a spare buffer. */
static void check_success_says_nothing(const char *directory) {
  tarn_board *writer = open_writer(board_in(directory), NULL), *reader = open_reader(board_in(directory));
  put_text(writer, "value");
  expect_text(reader, "value");
  put_text(writer, "value");
  fill_up(directory, 0);
  CHECK_RESULT(TARN_E_INVALID, tarn_board_release(NULL, NULL));
  char before[1024];
  snprintf(before, sizeof before, "%s", tarn_error_text());
  for (int i = 0; i < 200; i++) {
    put_text(writer, "value");
    expect_text(reader, "value");
    CHECK_STR(before, tarn_error_text());
  }
  no_others(directory);
  tarn_board_close(reader);
  tarn_board_close(writer);
}

/* ... and where it tried in vain to have a buffer larger than it needs, or needed what was given up first. */
static void check_modest_growth(const char *directory) {
  tarn_board *writer = open_writer(board_in(directory), NULL);
  CHECK_OK(tarn_board_put(writer, large, 500 * KIB, NULL, 0));
  CHECK_OK(tarn_board_put(writer, large, 500 * KIB, NULL, 0));
  fill_up(directory, 100 * KIB); /* a quarter more would take 128 KiB, what is needed 64 KiB */
  CHECK_RESULT(TARN_E_INVALID, tarn_board_release(NULL, NULL));
  char before[1024];
  snprintf(before, sizeof before, "%s", tarn_error_text());
  CHECK_OK(tarn_board_put(writer, large, 520 * KIB, NULL, 0));
  CHECK_STR(before, tarn_error_text());
  no_others(directory);
  tarn_board_close(writer);
}

/* What is given up for a larger buffer is really given back, and used again. */
static void check_use_of_all(const char *directory) {
  tarn_board *writer = open_writer(board_in(directory), NULL);
  uint64_t room = free_bytes(directory);
  memset(large, 7, sizeof large);
  uint64_t size = 1 * KIB;
  int steps = 0;
  for (; size < sizeof large; size += size / 3, steps++)
    if (tarn_board_put(writer, large, size, NULL, 0) != 0)
      break;
  expect_sentence("full.board", "are needed");
  check_say("up to %llu KiB of %llu, in %d steps", (unsigned long long)size / KIB, (unsigned long long)room / KIB, steps);
  CHECK(size > room / 4); /* two of them, and what the steps between leave */
  tarn_board_close(writer);
}

static void check_all(const char *directory) {
  memset(large, 7, sizeof large);
  check_words(directory);
  check_create(directory);
  check_grow(directory);
  check_success_says_nothing(directory);
  check_use_of_all(directory);
}

static void test_small_memory(void) {
  mount_here("none", check_path("small"), "tmpfs", "size=2m,mode=0700");
  check_modest_growth(check_path("small"));
  check_all(check_path("small"));
}

static void test_small_disk(void) {
  if (geteuid() != 0)
    check_skip("mounting needs root");
  char command[9000];
  const char *disk = check_disk_directory();
  snprintf(command, sizeof command, "truncate -s 3M %s/image && /sbin/mkfs.ext4 -q -F -m 0 -O ^has_journal %s/image >/dev/null 2>&1",
           disk, disk);
  if (system(command) != 0)
    check_skip("no mkfs.ext4");
  char place[5000];
  snprintf(place, sizeof place, "%s", check_path("small"));
  mount_here("none", place, "tmpfs", "size=1m"); /* for the namespace */
  snprintf(command, sizeof command, "mount -o loop %s/image %s 2>/dev/null", disk, place);
  if (system(command) != 0)
    check_skip("no loop devices");
  check_all(place);
  CHECK_INT(0, umount(place));
}

/* ---- A group of processes without memory ------------------------------------------------------------------------------------------------ */

static void write_text(const char *path, const char *text) {
  char full[5000];
  snprintf(full, sizeof full, "%s%s", check_path("root"), path);
  for (char *slash = strchr(full + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    CHECK(mkdir(full, 0700) == 0 || errno == EEXIST);
    *slash = '/';
  }
  FILE *file = fopen(full, "we");
  CHECK(file != NULL);
  fputs(text, file);
  fclose(file);
}

/* As the system would tell of a group with 200 KiB left (a made-up tree: a real group is tried below). */
static void test_memory_group_in_words(void) {
  write_text("/proc/meminfo", "MemTotal: 64000000 kB\nMemAvailable: 32000000 kB\nSwapFree: 0 kB\n");
  write_text("/proc/self/cgroup", "0::/small\n");
  write_text("/proc/self/mountinfo", "30 22 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n");
  write_text("/sys/fs/cgroup/small/memory.max", "1000000\n");
  write_text("/sys/fs/cgroup/small/memory.current", "795200\n");
  static char root[5000];
  snprintf(root, sizeof root, "%s", check_path("root"));
  tn_linux_memory_root(root);
  tarn_board *writer = open_writer("grouped", NULL), *reader = open_reader("grouped");
  put_text(writer, "value");
  CHECK_RESULT(TARN_E_NO_SPACE, tarn_board_put(writer, large, sizeof large, NULL, TARN_FOREVER));
  check_say("%s", tarn_error_text());
  expect_sentence("grouped", "cgroup /sys/fs/cgroup/small leaves");
  expect_text(reader, "value");
  put_text(writer, "small");
  expect_text(reader, "small");
  write_text("/sys/fs/cgroup/small/memory.current", "1000000\n");
  tarn_board *another = NULL;
  CHECK_RESULT(TARN_E_NO_SPACE, tarn_board_open(&another, "another", TARN_WRITER, NULL, 0));
  expect_sentence("another", "cgroup");
  tarn_board_close(reader);
  tarn_board_close(writer);
}

/* In a real group: over its limit the kernel kills instead of refusing, so living to tell is the test. */
static void in_small_group(void) {
  tarn_board *writer = open_writer("grouped", NULL);
  put_text(writer, "value");
  static const uint64_t huge = UINT64_C(512) * MIB;
  void *room = NULL;
  CHECK_RESULT(TARN_E_NO_SPACE, tarn_board_claim(writer, huge, &room, 0));
  check_say("%s", tarn_error_text());
  expect_sentence("grouped", "cgroup");
  put_text(writer, "value");
  tarn_board_close(writer);
}

static int put_file(const char *directory, const char *name, const char *text) {
  char path[300];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  int descriptor = open(path, O_WRONLY | O_CLOEXEC);
  int done = descriptor >= 0 && write(descriptor, text, strlen(text)) == (ssize_t)strlen(text);
  if (descriptor >= 0)
    close(descriptor);
  return done;
}

static void test_memory_group(void) {
  static const struct {
    const char *above, *limit;
  } versions[] = {{"/sys/fs/cgroup", "memory.max"}, {"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}};
  char directory[200], pid[32];
  for (size_t i = 0; i < 2; i++) {
    snprintf(directory, sizeof directory, "%s/tarn-test-%d", versions[i].above, (int)getpid());
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    if (geteuid() != 0 || mkdir(directory, 0700) != 0)
      continue;
    int ready = put_file(directory, versions[i].limit, "67108864");
    pid_t child = ready ? fork() : -1;
    if (child == 0) {
      snprintf(pid, sizeof pid, "%d", (int)getpid());
      if (!put_file(directory, "cgroup.procs", pid))
        _exit(77);
      in_small_group();
      fflush(NULL);
      _exit(0);
    }
    int status = 77 << 8;
    if (child > 0)
      CHECK_INT(child, waitpid(child, &status, 0));
    rmdir(directory);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
      continue;
    CHECK_INT(0, status);
    return;
  }
  check_skip("no memory group can be made here");
}

/* ---- A limit of this process's own --------------------------------------------------------------------------------------------------------- */

/* Over it the kernel sends a signal that ends the process; asking first turns it into an answer. */
static void test_limit_of_file_size(void) {
  struct rlimit limit = {1 * MIB, 1 * MIB};
  tarn_board *writer = open_writer("limited", NULL), *reader = open_reader("limited");
  put_text(writer, "value");
  CHECK_INT(0, setrlimit(RLIMIT_FSIZE, &limit));
  CHECK_RESULT(TARN_E_NO_SPACE, tarn_board_put(writer, large, sizeof large, NULL, 0));
  expect_sentence("limited", "ulimit -f");
  CHECK(strstr(tarn_error_text(), "free some room") == NULL); /* there is enough */
  expect_text(reader, "value");
  put_text(writer, "small");
  expect_text(reader, "small");
  tarn_board_close(reader);
  tarn_board_close(writer);
}

static const check_test tests[] = {
    {"small_memory", test_small_memory, 0},
    {"small_disk", test_small_disk, 0},
    {"memory_group_in_words", test_memory_group_in_words, 0},
    {"memory_group", test_memory_group, 0},
    {"limit_of_file_size", test_limit_of_file_size, 0},
    {0},
};

int main(int argc, char **argv) {
  return check_main(argc, argv, tests, NULL);
}
