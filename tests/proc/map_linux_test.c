/* map_linux_test.c: maps against a real system: full file systems, rights and users, what else a name may lead to, and a file
 * much larger than memory worked through by a small view. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <tarn/map.h>
#include <unistd.h>

#include "check.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static const char *name(void) { return check_path("raw"); }

static int open_sized(tarn_map **map, const char *path, int access, uint64_t size, uint32_t flags) {
  tarn_options options = {.struct_size = sizeof options, .flags = flags, .size_bytes = size};
  return tarn_map_open(map, path, access, &options, 0);
}

static uint64_t size_of(const char *path) {
  struct stat status;
  CHECK_INT(0, lstat(path, &status));
  return (uint64_t)status.st_size;
}

static bool there(const char *path) {
  struct stat status;
  return lstat(path, &status) == 0;
}

static void only_as_root(void) {
  if (geteuid() != 0) check_skip("needs root");
}

/* ---- No space ------------------------------------------------------------------------------------------------------- */

/* Mounts of this test are its own and go with it. */
static void mount_here(const char *source, const char *path, const char *type, const char *data) {
  only_as_root();
  CHECK_INT(0, mkdir(path, 0700));
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
    check_skip("no mount namespace of its own: %s", strerror(errno));
  if (mount(source, path, type, 0, data) != 0) check_skip("cannot mount: %s", strerror(errno));
}

static void check_no_space(const char *directory) {
  char path[2048];
  snprintf(path, sizeof path, "%s/raw", directory);
  tarn_map *map = NULL;
  CHECK_RESULT(TARN_E_NO_SPACE, open_sized(&map, path, TARN_MAP_WRITE, 100 * MIB, 0));
  CHECK_CONTAINS("no room for creating it: 100.0 MiB are needed, and ", tarn_error_text());
  CHECK_CONTAINS("left", tarn_error_text());
  CHECK_CONTAINS("TARN_DIR", tarn_error_text());
  check_say("%s", tarn_error_text());
  CHECK(map == NULL && !there(path));

  CHECK_OK(open_sized(&map, path, TARN_MAP_WRITE, 4 * MIB, 0));
  CHECK_RESULT(TARN_E_NO_SPACE, tarn_map_resize(map, 100 * MIB));
  CHECK_CONTAINS("no room for growing it: 96.0 MiB are needed, and ", tarn_error_text());
  CHECK_UINT(4 * MIB, size_of(path));
  CHECK_OK(tarn_map_resize(map, 5 * MIB)); /* and what there is can still be used */
  tarn_view view;
  CHECK_OK(tarn_map_view(map, 0, 0, &view));
  memset(view.data, 1, 5 * MIB); /* reserved: no SIGBUS */
  CHECK_OK(tarn_view_flush(&view, 0, 0));
  tarn_view_close(&view);
  tarn_map_close(map);
}

static void test_a_full_memory_file_system(void) {
  const char *directory = check_path("small");
  mount_here("none", directory, "tmpfs", "size=16m");
  check_no_space(directory);
}

static void test_a_full_disk(void) {
  only_as_root();
  char command[4096];
  const char *disk = check_disk_directory();
  if (disk == NULL) check_skip("no directory on a disk");
  snprintf(command, sizeof command, "truncate -s 16M %s/disk && /sbin/mkfs.ext4 -q -F -O ^has_journal %s/disk >/dev/null 2>&1",
           disk, disk);
  if (system(command) != 0) check_skip("no mkfs.ext4");
  const char *directory = check_path("small");
  mount_here("none", directory, "tmpfs", "size=1m"); /* for the namespace */
  snprintf(command, sizeof command, "mount -o loop %s/disk %s 2>/dev/null", disk, directory);
  if (system(command) != 0) check_skip("no loop devices");
  check_no_space(directory);
  CHECK_INT(0, umount(directory));
}

/* ---- What else a name may lead to ------------------------------------------------------------------------------------- */

static void test_not_a_file(void) {
  tarn_map *map = NULL;
  CHECK_INT(0, mkfifo(name(), 0600));
  CHECK_RESULT(TARN_E_KIND, open_sized(&map, name(), TARN_MAP_READ, 0, 0)); /* and does not block */
  CHECK_RESULT(TARN_E_KIND, open_sized(&map, name(), TARN_MAP_WRITE, 10, 0));
  CHECK_INT(0, unlink(name()));

  int fd = open(check_path("target"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  CHECK(fd >= 0 && ftruncate(fd, 100) == 0);
  close(fd);
  CHECK_INT(0, symlink("target", name()));
  int result = open_sized(&map, name(), TARN_MAP_WRITE, 10, 0);
  CHECK(result == TARN_E_KIND || result == TARN_E_PERMISSION);
  CHECK_CONTAINS("symbolic link", tarn_error_text());
  CHECK_INT(0, unlink(name()));
  CHECK_INT(0, symlink("nowhere", name()));
  result = open_sized(&map, name(), TARN_MAP_WRITE, 10, 0);
  CHECK(result == TARN_E_KIND || result == TARN_E_PERMISSION);
  CHECK(!there(check_path("nowhere")));
  CHECK(map == NULL);
  CHECK_RESULT(TARN_E_KIND, open_sized(&map, "/dev/null", TARN_MAP_WRITE, 10, 0));
}

static void test_names_of_foreign_programs(void) {
  static const char *const names[] = {"psm_1a2b", ".hidden", "with space", "sem.x", "\xc3\xa4", "a\nb", "x:y*?"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    tarn_map *map;
    CHECK_OK(open_sized(&map, names[i], TARN_MAP_WRITE, 10, 0)); /* a plain name: in $TARN_DIR */
    tarn_map_close(map);
    CHECK_UINT(10, size_of(check_path(names[i])));
  }
  tarn_map *map;
  CHECK_RESULT(TARN_E_INVALID, open_sized(&map, "..", TARN_MAP_WRITE, 10, 0));
  CHECK_RESULT(TARN_E_INVALID, open_sized(&map, ".", TARN_MAP_WRITE, 10, 0));
}

/* ---- Rights and users ------------------------------------------------------------------------------------------------- */

static void test_mode_and_group(void) {
  umask(077);
  tarn_map *map;
  struct stat status;
  tarn_options options = {.struct_size = sizeof options, .size_bytes = 10};
  CHECK_OK(tarn_map_open(&map, check_path("a"), TARN_MAP_WRITE, &options, 0));
  CHECK_INT(0, stat(check_path("a"), &status));
  CHECK_INT(0600, status.st_mode & 07777);
  tarn_map_close(map);
  options.mode = 0664; /* whatever the umask */
  options.group = (geteuid() == 0 ? 12 : getegid()) + 1;
  CHECK_OK(tarn_map_open(&map, check_path("b"), TARN_MAP_WRITE, &options, 0));
  CHECK_INT(0, stat(check_path("b"), &status));
  CHECK_INT(0664, status.st_mode & 07777);
  CHECK_INT(options.group - 1, status.st_gid);
  tarn_map_close(map);
  options.flags = TARN_SCOPED;
  CHECK_OK(tarn_map_open(&map, check_path("c"), TARN_MAP_WRITE, &options, 0));
  CHECK_INT(0, stat(check_path("c"), &status));
  CHECK_INT(01664, status.st_mode & 07777);
  tarn_map_close(map);
}

/* Another user: opens path with access and flags, says how it went, and closes it when told. */
static int role_user(int argc, char **argv) {
  CHECK(argc == 5);
  CHECK_INT(0, setgroups(0, NULL));
  CHECK_INT(0, setgid((gid_t)atoi(argv[0])));
  CHECK_INT(0, setuid((uid_t)atoi(argv[0])));
  tarn_map *map = NULL;
  tarn_options options = {
      .struct_size = sizeof options, .flags = (uint32_t)atoi(argv[3]), .size_bytes = (uint64_t)atoi(argv[4]), .mode = 0666};
  int result = tarn_map_open(&map, argv[1], atoi(argv[2]), &options, 0);
  check_say("%s", result == 0 ? "opened" : tarn_result_name(result));
  if (result != 0)
    check_say("%s", tarn_error_text());
  else
    check_hear();
  tarn_map_close(map);
  return 0;
}

static check_process *as_user(int user, int access, uint32_t flags, int size) {
  char numbers[4][16];
  snprintf(numbers[0], 16, "%d", user);
  snprintf(numbers[1], 16, "%d", access);
  snprintf(numbers[2], 16, "%u", flags);
  snprintf(numbers[3], 16, "%d", size);
  return check_start("user", numbers[0], name(), numbers[1], numbers[2], numbers[3], NULL);
}

static void expect_refused(check_process *user, const char *result, const char *part) {
  check_expect(user, result);
  const char *sentence = check_line(user);
  CHECK(sentence != NULL);
  CHECK_CONTAINS(part, sentence);
  CHECK_INT(0, check_wait(user));
}

static void expect_opened(check_process *user) {
  check_expect(user, "opened");
  CHECK_INT(0, check_wait(user));
}

static void test_users(void) {
  only_as_root();
  CHECK_INT(0, chmod(check_directory(), 01777)); /* like /dev/shm */
  tarn_map *map;
  tarn_options options = {.struct_size = sizeof options, .size_bytes = 100};
  CHECK_OK(tarn_map_open(&map, name(), TARN_MAP_WRITE, &options, 0));
  expect_refused(as_user(1001, TARN_MAP_READ, 0, 0), "TARN_E_PERMISSION", "Permission denied");
  CHECK_INT(0, chmod(name(), 0644));
  expect_opened(as_user(1001, TARN_MAP_READ, 0, 0)); /* root's are trusted */
  expect_refused(as_user(1001, TARN_MAP_WRITE, 0, 0), "TARN_E_PERMISSION", "Permission denied");
  tarn_map_close(map);

  CHECK_INT(0, chown(name(), 1002, 1002));
  expect_refused(as_user(1001, TARN_MAP_READ, 0, 0), "TARN_E_PERMISSION", "TARN_ANY_OWNER");
  expect_opened(as_user(1001, TARN_MAP_READ, TARN_ANY_OWNER, 0));
  expect_opened(as_user(1002, TARN_MAP_WRITE, 0, 0));
  CHECK_RESULT(TARN_E_PERMISSION, tarn_map_open(&map, name(), TARN_MAP_READ, NULL, 0)); /* root trusts itself only */

  CHECK_INT(0, chmod(check_directory(), 0755)); /* only root writes here: the directory's rights decide */
  expect_opened(as_user(1001, TARN_MAP_READ, 0, 0));
  expect_refused(as_user(1001, TARN_MAP_WRITE, TARN_EXCLUSIVE, 10), "TARN_E_PERMISSION", "Permission denied");
  CHECK_INT(0, unlink(name()));
  expect_refused(as_user(1001, TARN_MAP_WRITE, 0, 10), "TARN_E_PERMISSION", "Permission denied");
  CHECK(!there(name()));
}

/* Whatever size it has by then, it is still without users, and the next one begins again. */
static void killed_while_beginning_anew(const char *point) {
  check_set_env("TARN_TEST_POINT", point);
  CHECK_INT(-9, check_wait(as_user(1001, TARN_MAP_WRITE, TARN_ANY_OWNER | TARN_SCOPED, 300)));
  check_set_env("TARN_TEST_POINT", NULL);
  check_process *next = as_user(1001, TARN_MAP_WRITE, TARN_ANY_OWNER | TARN_SCOPED, 250);
  check_expect(next, "opened");
  CHECK_UINT(250, size_of(name()));
  CHECK_INT(0, check_wait(next));
}

/* What dead users of a scoped map left, seen by a user who may not remove it in a sticky directory. */
static void test_abandoned_by_another_user(void) {
  only_as_root();
  CHECK_INT(0, chmod(check_directory(), 01777));
  check_process *maker = as_user(1002, TARN_MAP_WRITE, TARN_SCOPED, 100);
  check_expect(maker, "opened");
  check_process *second = as_user(1001, TARN_MAP_WRITE, TARN_ANY_OWNER, 0);
  check_expect(second, "opened");
  check_kill(maker);
  CHECK_INT(-9, check_wait(maker));
  CHECK_INT(0, check_wait(second)); /* the last one, but it may not remove it */
  CHECK(there(name()));
  expect_refused(as_user(1001, TARN_MAP_WRITE, TARN_ANY_OWNER, 0), "TARN_E_NOT_FOUND", "there is none");

  int fd = open(name(), O_RDWR | O_CLOEXEC);
  CHECK(fd >= 0 && pwrite(fd, "old", 3, 0) == 3);
  check_process *anew = as_user(1001, TARN_MAP_WRITE, TARN_ANY_OWNER | TARN_SCOPED, 200); /* begins anew, in place */
  check_expect(anew, "opened");
  CHECK_UINT(200, size_of(name()));
  char start[3];
  CHECK(pread(fd, start, 3, 0) == 3);
  CHECK_MEM("\0\0\0", start, 3);
  CHECK_INT(0, check_wait(anew));
  killed_while_beginning_anew("map.open.emptied:1:kill");
  killed_while_beginning_anew("map.open.anew:1:kill");

  CHECK_INT(0, fchmod(fd, 01644)); /* now not even that */
  close(fd);
  expect_refused(as_user(1001, TARN_MAP_READ, TARN_ANY_OWNER, 0), "TARN_E_NOT_FOUND", "there is none");
  expect_refused(as_user(1001, TARN_MAP_READ, TARN_ANY_OWNER | TARN_SCOPED, 100), "TARN_E_PERMISSION", "owner");
  check_process *owner = as_user(1002, TARN_MAP_WRITE, TARN_SCOPED, 50); /* its owner may */
  check_expect(owner, "opened");
  CHECK_UINT(50, size_of(name()));
  CHECK_INT(0, check_wait(owner));
  CHECK(!there(name()));
}

/* A reader that may not write holds the users byte all the same. */
static void test_a_reader_of_another_user_counts(void) {
  only_as_root();
  CHECK_INT(0, chmod(check_directory(), 01777));
  tarn_map *map;
  tarn_options options = {.struct_size = sizeof options, .flags = TARN_SCOPED, .size_bytes = 100, .mode = 0644};
  CHECK_OK(tarn_map_open(&map, name(), TARN_MAP_WRITE, &options, 0));
  check_process *reader = as_user(1001, TARN_MAP_READ, 0, 0);
  check_expect(reader, "opened");
  tarn_map_close(map);
  CHECK(there(name()));
  CHECK_OK(tarn_map_open(&map, name(), TARN_MAP_WRITE, NULL, 0));
  CHECK_INT(0, check_wait(reader));
  tarn_map_close(map);
  CHECK(!there(name()));
}

/* ---- Larger than memory ----------------------------------------------------------------------------------------------- */

/* Bytes of this process's mappings of path. */
static uint64_t mapped_of(const char *path) {
  FILE *stream = fopen("/proc/self/maps", "re");
  CHECK(stream != NULL);
  char line[4096];
  uint64_t sum = 0;
  while (fgets(line, sizeof line, stream) != NULL) {
    unsigned long long from, to;
    if (strstr(line, path) != NULL && sscanf(line, "%llx-%llx", &from, &to) == 2) sum += to - from;
  }
  fclose(stream);
  return sum;
}

static uint64_t peak_bytes(void) {
  FILE *stream = fopen("/proc/self/status", "re");
  CHECK(stream != NULL);
  char line[256];
  unsigned long long kib = 0;
  while (fgets(line, sizeof line, stream) != NULL && sscanf(line, "VmPeak: %llu", &kib) != 1) {}
  fclose(stream);
  return kib * 1024;
}

#define WINDOW MIB
#define SHIFT UINT64_C(123)    /* so that windows are aligned to nothing */
#define MARK (5 * MIB + SHIFT) /* within every GiB: the seam between two windows */

/* In memory a read would allocate the holes, and there may be little; a disk's file system has holes for nothing. */
static const char *make_sparse(uint64_t size) {
  static char path[2048];
  snprintf(path, sizeof path, "%s/large", check_disk_directory() != NULL ? check_disk_directory() : check_directory());
  int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  CHECK(fd >= 0);
  if (ftruncate(fd, (off_t)size) != 0)
    check_skip("no sparse file of %llu bytes here: %s", (unsigned long long)size, strerror(errno));
  for (uint64_t at = 0; at < size; at += GIB) { /* half of the mark on each side of the seam */
    uint64_t mark = at + 0x0123456789abcdefu;
    CHECK(pwrite(fd, &mark, sizeof mark, (off_t)(at + MARK - 4)) == sizeof mark);
  }
  close(fd);
  return path;
}

/* One window further. Looks at bytes only next to marks: holes cost time too when they are read. */
static void move(tarn_map *map, uint64_t at, unsigned char seam[8]) {
  tarn_view view;
  CHECK_OK(tarn_map_view(map, at, at + WINDOW <= 20 * GIB ? WINDOW : 0, &view));
  if (at % GIB == MARK)
    memcpy(seam + 4, view.data, 4);
  else if ((at + WINDOW) % GIB == MARK)
    memcpy(seam, (char *)view.data + WINDOW - 4, 4);
  if (at % GIB == MARK) {
    uint64_t mapped = mapped_of("/large");
    CHECK(mapped >= WINDOW && mapped <= WINDOW + 65536);
  }
  tarn_view_close(&view);
}

static void test_a_view_moves_along_20_gib(void) {
  const uint64_t size = 20 * GIB;
  const char *path = make_sparse(size);
  tarn_map *map;
  CHECK_OK(open_sized(&map, path, TARN_MAP_READ, 0, TARN_EXISTING));
  uint64_t before = peak_bytes(), marks = 0;
  unsigned char seam[8]; /* filled by two moves, one on each side */
  for (uint64_t at = SHIFT; at < size; at += WINDOW) {
    move(map, at, seam);
    if (at % GIB == MARK) {
      uint64_t found;
      memcpy(&found, seam, sizeof found);
      CHECK_UINT(at - MARK + 0x0123456789abcdefu, found);
      marks++;
    }
  }
  CHECK_UINT(20, marks);
  CHECK(peak_bytes() - before < 32 * MIB); /* of address room, whatever the allocator did meanwhile */
  CHECK_UINT(0, mapped_of("/large"));
  tarn_view end;
  CHECK_OK(tarn_map_view(map, size - 1, 1, &end));
  tarn_view_close(&end);
  CHECK_RESULT(TARN_E_INVALID, tarn_map_view(map, size, 1, &end));
  tarn_map_close(map);
  unlink(path);
}

static void test_a_view_of_more_than_4_gib(void) {
  const char *path = make_sparse(6 * GIB);
  tarn_map *map;
  tarn_view view;
  CHECK_OK(open_sized(&map, path, TARN_MAP_READ, 0, TARN_EXISTING));
  int result = tarn_map_view(map, 1, 0, &view);
  if (result == TARN_E_NO_SPACE)
    CHECK_CONTAINS("in parts", tarn_error_text()); /* a 32-bit process */
  else {
    CHECK_OK(result);
    uint64_t mark;
    memcpy(&mark, (char *)view.data + (size_t)(5 * GIB + MARK - 4 - 1), sizeof mark);
    CHECK_UINT(5 * GIB + 0x0123456789abcdefu, mark);
    tarn_view_close(&view);
  }
  tarn_map_close(map);
  unlink(path);
}

static void test_no_addresses_left(void) {
  tarn_map *map;
  tarn_view view;
  struct rlimit limit = {64 * MIB, 64 * MIB};
  const char *path = make_sparse(1 * GIB);
  CHECK_OK(open_sized(&map, path, TARN_MAP_READ, 0, TARN_EXISTING));
  if (mapped_of("") > limit.rlim_cur) check_skip("this build takes more addresses than the test would leave");
  CHECK_INT(0, setrlimit(RLIMIT_AS, &limit));
  CHECK_RESULT(TARN_E_NO_SPACE, tarn_map_view(map, 0, 0, &view));
  CHECK_CONTAINS("in parts", tarn_error_text());
  CHECK_OK(tarn_map_view(map, 0, MIB, &view));
  tarn_view_close(&view);
  tarn_map_close(map);
  unlink(path);
}

static const check_test tests[] = {
    {"a_full_memory_file_system", test_a_full_memory_file_system, 0},
    {"a_full_disk", test_a_full_disk, 0},
    {"not_a_file", test_not_a_file, 0},
    {"names_of_foreign_programs", test_names_of_foreign_programs, 0},
    {"mode_and_group", test_mode_and_group, 0},
    {"users", test_users, 0},
    {"abandoned_by_another_user", test_abandoned_by_another_user, 0},
    {"a_reader_of_another_user_counts", test_a_reader_of_another_user_counts, 0},
    {"a_view_moves_along_20_gib", test_a_view_moves_along_20_gib, 60},
    {"a_view_of_more_than_4_gib", test_a_view_of_more_than_4_gib, 0},
    {"no_addresses_left", test_no_addresses_left, 0},
    {0},
};

static const check_role roles[] = {{"user", role_user}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
