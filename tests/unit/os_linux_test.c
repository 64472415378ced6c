/* os_linux_test.c: what only Linux has: kinds of files, rights, and the other ways that the seam goes where a file system, a
 * kernel or a machine lacks the first one. */
#include "../check.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "atomic.h"
#include "os/fault.h"
#include "os_files.h"
#include "tarn/base.h"

static tn_os_status status_of(const tn_os_file *file) {
  tn_os_status status;
  CHECK_OK(tn_os_status_of(file, &status));
  return status;
}

/* ---- What is not a regular file ---------------------------------------------------------------------------------------- */

/* Refused in words, and at once: opening a FIFO that nobody writes to would wait for ever. */
static void check_refused(const char *path, const char *words) {
  tn_os_file file = TN_OS_NO_FILE;
  for (int access = TN_OS_READ; access <= BOTH; access += TN_OS_WRITE) {
    CHECK_RESULT(TARN_E_KIND, tn_os_open(&file, path, access, 1));
    CHECK_CONTAINS(words, tn_os_reason());
    CHECK_INT(-1, file.handle);
  }
}

static void test_kinds(void) {
  CHECK_INT(0, mkfifo(os_full("fifo"), 0600));
  check_refused(os_full("fifo"), "FIFO");
  CHECK_INT(0, mkdir(os_full("directory"), 0700));
  check_refused(os_full("directory"), "directory");
  check_refused("/dev/null", "device");
  tn_os_file file = os_make_file("real", 4096);
  tn_os_close(&file);
  CHECK_INT(0, symlink(os_full("real"), os_full("link")));
  check_refused(os_full("link"), "symbolic link");
  CHECK_INT(0, symlink("nowhere", os_full("dangling")));
  check_refused(os_full("dangling"), "symbolic link");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", check_path("socket"));
  int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK_INT(0, bind(server, (struct sockaddr *)&address, sizeof address));
  check_refused(os_full("socket"), "socket");
  close(server);
}

static void test_remove_path_kinds(void) {
  CHECK_INT(0, symlink("nowhere", os_full("link")));
  CHECK_OK(tn_os_remove_path(os_full("link")));
  CHECK_INT(0, mkfifo(os_full("fifo"), 0600));
  CHECK_RESULT(TARN_E_KIND, tn_os_remove_path(os_full("fifo")));
  CHECK_INT(0, mkdir(os_full("directory"), 0700));
  CHECK_RESULT(TARN_E_KIND, tn_os_remove_path(os_full("directory")));
  CHECK_INT(2, os_names_here());
}

/* A symbolic link that leads to the file is not the file's name. */
static void test_leads_here_link(void) {
  tn_os_file file = os_make_file("real", 4096);
  CHECK_INT(0, symlink(os_full("real"), os_full("link")));
  CHECK_INT(0, tn_os_leads_here(&file, os_full("link")));
  CHECK_RESULT(TARN_E_NOT_FOUND, tn_os_remove(&file, os_full("link")));
  tn_os_close(&file);
}

static void test_no_section(void) {
  tn_os_file file = TN_OS_NO_FILE;
  int created = 99;
  uint64_t size = 99;
  CHECK_RESULT(TARN_E_UNSUPPORTED, tn_os_section_open(&file, "a", BOTH, 1, 4096, &created, &size));
  CHECK(*tn_os_reason());
  CHECK_INT(99, created);
}

/* ---- Rights ---------------------------------------------------------------------------------------------------------- */

static void test_mode_whatever_umask(void) {
  static const uint32_t modes[] = {0600, 0640, 0660, 0666, 01600};
  umask(0777);
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    tn_os_file file = TN_OS_NO_FILE;
    CHECK_OK(tn_os_make(&file, os_full("a"), modes[i], 0));
    CHECK_UINT(modes[i], status_of(&file).mode);
    CHECK_UINT(geteuid(), status_of(&file).owner);
    tn_os_close(&file);
  }
}

static void test_group(void) {
  if (geteuid() != 0) check_skip("only root may give a file to any group");
  tn_os_file file = TN_OS_NO_FILE;
  CHECK_OK(tn_os_make(&file, os_full("a"), 0660, 12345 + 1));
  CHECK_UINT(12345, status_of(&file).group);
  CHECK_UINT(0660, status_of(&file).mode);
  tn_os_close(&file);
}

static void as_nobody(void) {
  if (geteuid() != 0) check_skip("only root can become another user");
  CHECK_INT(0, chmod(check_directory(), 0777));
  CHECK_INT(0, setgroups(0, NULL));
  CHECK_INT(0, setresgid(65534, 65534, 65534));
  CHECK_INT(0, setresuid(65534, 65534, 65534));
}

/* Without root's rights the second way of giving a name is the one in use. */
/* It is there, and yet ENOENT is all the kernel says of a new file in it. */
static void test_make_in_proc(void) {
  tn_os_file file = TN_OS_NO_FILE;
  CHECK_RESULT(TARN_E_NOT_FOUND, tn_os_make(&file, "/proc/a", 0600, 0));
  CHECK_STR("its file system takes no new files", tn_os_reason());
  CHECK_INT(0, tn_os_reason_number());
  CHECK_INT(0, mkdir(check_path("gone"), 0700));
  CHECK_INT(0, chdir(check_path("gone")));
  CHECK_INT(0, rmdir(check_path("gone")));
  tn_fault_set("make.nameless", 1, 0, 0); /* a nameless file can be had even there */
  CHECK_RESULT(TARN_E_NOT_FOUND, tn_os_make(&file, "./a", 0600, 0));
  CHECK_INT(ENOENT, tn_os_reason_number());
}

static void test_make_as_user(void) {
  as_nobody();
  tn_os_file file = os_make_file("a", 4096), group = TN_OS_NO_FILE;
  CHECK_INT(1, tn_os_leads_here(&file, os_full("a")));
  CHECK_OK(tn_os_locks_conflict(&file, os_full("a"), BYTE));
  CHECK_RESULT(TARN_E_PERMISSION, tn_os_make(&group, os_full("b"), 0660, 0 + 1)); /* not a group of this user's */
  CHECK_INT(1, os_names_here());
  tn_os_close(&file);
}

static void test_open_forbidden(void) {
  tn_os_file file = os_make_file("a", 4096);
  CHECK_INT(0, chmod(os_full("a"), 0444));
  tn_os_close(&file);
  as_nobody();
  CHECK_RESULT(TARN_E_PERMISSION, tn_os_open(&file, os_full("a"), BOTH, 1));
  CHECK_OK(tn_os_open(&file, os_full("a"), TN_OS_READ, 1));
  CHECK_RESULT(TARN_E_PERMISSION, tn_os_lock(&file, BYTE, TN_OS_EXCLUSIVE));
  CHECK_INT(1, tn_os_lock(&file, BYTE, TN_OS_SHARED));
  CHECK_INT(0, tn_os_lock_held(&file, BYTE, TN_OS_EXCLUSIVE)); /* asking needs no right to write */
  CHECK_OK(tn_os_locks_conflict(&file, os_full("a"), BYTE + 1));
  tn_os_close(&file);
}

/* One file of a stranger's, in directories of several rights. */
static void test_trusted(void) {
  static const struct {
    uint32_t owner, mode;
    int result;
  } cases[] = {{0, 01777, TARN_E_PERMISSION},   {0, 0777, TARN_E_PERMISSION}, {0, 02770, 0}, {0, 02775, 0}, {0, 0755, 0},
               {54321, 0755, TARN_E_PERMISSION}};
  if (geteuid() != 0) check_skip("only root can give files to somebody else");
  tn_os_file file = os_make_file("a", 4096);
  tn_os_status mine = status_of(&file), strangers = mine;
  strangers.owner = 54321;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CHECK_INT(0, chown(check_directory(), cases[i].owner, 0));
    CHECK_INT(0, chmod(check_directory(), cases[i].mode));
    CHECK_OK(tn_os_trusted(os_full("a"), &mine));
    CHECK_RESULT(cases[i].result, tn_os_trusted(os_full("a"), &strangers));
    if (cases[i].result) CHECK_CONTAINS("54321", tn_os_reason());
  }
  tn_os_close(&file);
}

/* ---- A descriptor closed behind our back ------------------------------------------------------------------------------- */

static void test_evicted(void) {
  tn_os_file file = os_make_file("a", 4096), holder = os_open_file("a", BOTH);
  int number = (int)file.handle;
  close(number);
  CHECK_RESULT(TARN_E_EVICTED, tn_os_still_ours(&file));
  int stranger = open("/dev/null", O_RDWR | O_CLOEXEC);
  CHECK_INT(number, stranger);
  CHECK_RESULT(TARN_E_EVICTED, tn_os_still_ours(&file));
  CHECK_CONTAINS("another file", tn_os_reason());
  CHECK_RESULT(TARN_E_EVICTED, tn_os_lock(&file, BYTE, TN_OS_SHARED));
  CHECK_RESULT(TARN_E_EVICTED, tn_os_unlock(&file, BYTE));
  CHECK_RESULT(TARN_E_EVICTED, tn_os_lock_held(&file, BYTE, TN_OS_SHARED));
  CHECK_RESULT(TARN_E_EVICTED, tn_os_locks_conflict(&file, os_full("a"), BYTE));
  tn_os_close(&file);
  CHECK(fcntl(stranger, F_GETFD) >= 0); /* what took the number is not ours to close */
  tn_os_close(&holder);
}

/* ---- The other ways -------------------------------------------------------------------------------------------------- */

static int remember_name(const char *name, void *argument) {
  snprintf(argument, 300, "%s", name);
  return 0;
}

/* Without nameless files: a temporary name, which becomes the real one or goes. */
static void test_make_without_nameless(void) {
  char name[300] = "";
  tn_os_file file = TN_OS_NO_FILE, second = TN_OS_NO_FILE;
  tn_fault_set("make.nameless", 1, 0, 0);
  CHECK_OK(tn_os_make(&file, os_full("a.board"), 0640, 0));
  CHECK_UINT(0640, status_of(&file).mode);
  CHECK_INT(1, os_names_here());
  CHECK_OK(tn_os_each_name(check_directory(), remember_name, name));
  CHECK_INT(0, strncmp(name, ".a.board.", 9));
  CHECK_UINT(9 + 16, strlen(name));
  CHECK_UINT(16, strspn(name + 9, "0123456789abcdef"));
  CHECK_OK(tn_os_name(&file, os_full("a.board")));
  CHECK_INT(1, tn_os_leads_here(&file, os_full("a.board")));
  CHECK_INT(1, os_names_here());
  CHECK_OK(tn_os_make(&second, os_full("a.board"), 0640, 0));
  CHECK_RESULT(TARN_E_EXISTS, tn_os_name(&second, os_full("a.board")));
  CHECK_INT(1, tn_os_leads_here(&file, os_full("a.board")));
  tn_os_close(&second);
  CHECK_INT(1, os_names_here());
  tn_os_close(&file);
  CHECK_INT(1, os_names_here());
}

/* And where renaming cannot refuse to replace, either. */
static void test_name_without_no_replace(void) {
  char long_name[256];
  memset(long_name, 'n', 255);
  long_name[255] = 0;
  tn_fault_set("make.nameless", 1, 0, 0);
  tn_os_file file = TN_OS_NO_FILE, second = TN_OS_NO_FILE;
  CHECK_OK(tn_os_make(&file, os_full(long_name), 0600, 0)); /* its temporary name would be too long: it is cut */
  CHECK_OK(tn_os_make(&second, os_full(long_name), 0600, 0));
  tn_fault_set("name.no_replace", 1, 0, 0);
  CHECK_OK(tn_os_name(&file, os_full(long_name)));
  CHECK_RESULT(TARN_E_EXISTS, tn_os_name(&second, os_full(long_name)));
  CHECK_UINT(1, status_of(&file).links);
  tn_os_close(&second);
  CHECK_INT(1, os_names_here());
  CHECK_INT(1, tn_os_leads_here(&file, os_full(long_name)));
  tn_os_close(&file);
}

static void test_name_without_empty_path(void) {
  tn_fault_set("name.empty_path", 1, 0, 0);
  tn_os_file file = os_make_file("a", 4096), second = TN_OS_NO_FILE;
  CHECK_OK(tn_os_make(&second, os_full("a"), 0600, 0));
  CHECK_RESULT(TARN_E_EXISTS, tn_os_name(&second, os_full("a")));
  CHECK_INT(1, tn_os_leads_here(&file, os_full("a")));
  tn_os_close(&second);
  tn_os_close(&file);
}

/* Zeros are written where nothing is, and what is there stays. */
static void test_reserve_without_allocate(void) {
  tn_os_file file = TN_OS_NO_FILE;
  CHECK_OK(tn_os_make(&file, os_full("a"), 0600, 0));
  CHECK_OK(tn_os_truncate(&file, MIB));
  uint8_t *view = os_map(&file, 0, MIB, BOTH);
  memset(view + 256 * 1024, 0xaa, 64 * 1024);
  CHECK(status_of(&file).occupied_bytes < 128 * 1024);
  tn_fault_set("reserve.allocate", 1, 0, 0);
  CHECK_OK(tn_os_reserve(&file, 0, 512 * 1024));
  CHECK_UINT(MIB, os_size_of(&file));
  CHECK_UINT(512 * 1024, status_of(&file).occupied_bytes);
  CHECK_OK(tn_os_reserve(&file, 0, 3 * MIB));
  CHECK_UINT(3 * MIB, os_size_of(&file));
  CHECK_UINT(3 * MIB, status_of(&file).occupied_bytes);
  for (size_t i = 0; i < MIB; i++) CHECK_UINT(i >= 256 * 1024 && i < 320 * 1024 ? 0xaa : 0, view[i]);
  tn_os_unmap(view, MIB);
  tn_os_close(&file);
}

static void test_prefault_without_populate(void) {
  tn_os_file file = os_make_file("a", MIB);
  void *address;
  uint32_t granted = 0;
  tn_fault_set("map.populate", 1, 0, 0);
  CHECK_OK(tn_os_map(&file, 0, MIB, BOTH, TN_OS_MAP_PREFAULT, &address, &granted));
  CHECK_UINT(TN_OS_MAP_PREFAULT, granted);
  tn_os_unmap(address, MIB);
  CHECK_OK(tn_os_map(&file, 0, 2 * MIB, BOTH, TN_OS_MAP_PREFAULT, &address, &granted)); /* longer than the file: no SIGBUS */
  CHECK_UINT(0, granted);
  tn_os_unmap(address, 2 * MIB);
  tn_os_close(&file);
}

/* Granted means that the pages are huge, which smaps counts. */
static uint64_t huge_bytes_at(const void *address) {
  char line[512], start[32];
  uint64_t sum = 0, number;
  bool here = false;
  FILE *lines = fopen("/proc/self/smaps", "re");
  CHECK(lines != NULL);
  snprintf(start, sizeof start, "%08lx-", (unsigned long)(uintptr_t)address);
  while (fgets(line, sizeof line, lines)) {
    if (strchr(line, '-') && strchr(line, ' ') > strchr(line, '-')) here = strncmp(line, start, strlen(start)) == 0;
    if (here && (sscanf(line, "ShmemPmdMapped: %lu", (unsigned long *)&number) == 1 ||
                 sscanf(line, "FilePmdMapped: %lu", (unsigned long *)&number) == 1))
      sum += number * 1024;
  }
  fclose(lines);
  return sum;
}

static void test_huge(void) {
  tn_os_file file = os_make_file("a", 8 * MIB);
  void *address;
  uint32_t granted = 0;
  CHECK_OK(tn_os_map(&file, 4096, 7 * MIB + 100, BOTH, TN_OS_MAP_HUGE, &address, &granted));
  uint8_t *view = address;
  memset(view, 0x55, 7 * MIB + 100);
  uint8_t byte = 0;
  uint64_t got;
  CHECK_OK(tn_os_read_at(&file, 4096, &byte, 1, &got));
  CHECK_UINT(0x55, byte);
  if (granted) {
    CHECK(huge_bytes_at(address) >= 4 * MIB);
  } else
    printf("this kernel grants no huge pages here\n");
  tn_os_unmap(address, 7 * MIB + 100);
  CHECK_OK(tn_os_map(&file, 0, 64 * 1024, BOTH, TN_OS_MAP_HUGE, &address, &granted)); /* smaller than a huge page */
  CHECK_UINT(0, granted);
  tn_os_unmap(address, 64 * 1024);
  tn_os_close(&file);
}

/* ---- Room ------------------------------------------------------------------------------------------------------------ */

/* A small tmpfs in a mount namespace of this test's own, which goes with the test. */
static const char *small_tmpfs(const char *options) {
  const char *directory = check_path("small");
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
    check_skip("a mount namespace needs root: %s", strerror(errno));
  CHECK_INT(0, mkdir(directory, 0700));
  if (mount("none", directory, "tmpfs", 0, options) != 0) check_skip("no tmpfs can be mounted here: %s", strerror(errno));
  return directory;
}

static void fill_small_tmpfs(void) {
  tn_os_file file = TN_OS_NO_FILE;
  small_tmpfs("size=1m");
  CHECK_OK(tn_os_make(&file, os_full("small/a"), 0600, 0));
  CHECK_UINT(MIB, tn_os_room(&file));
  CHECK_OK(tn_os_reserve(&file, 0, 256 * 1024));
  CHECK_UINT(768 * 1024, tn_os_room(&file));
  CHECK_RESULT(TARN_E_NO_SPACE, tn_os_reserve(&file, 0, 2 * MIB));
  CHECK(*tn_os_reason());
  CHECK_UINT(256 * 1024, os_size_of(&file));
  CHECK_UINT(256 * 1024, status_of(&file).occupied_bytes);
  CHECK_OK(tn_os_reserve(&file, 256 * 1024, 768 * 1024));
  CHECK_UINT(0, tn_os_room(&file));
  CHECK_RESULT(TARN_E_NO_SPACE, tn_os_reserve(&file, 0, MIB + 4096));
  CHECK_UINT(MIB, os_size_of(&file));
  uint8_t *view = os_map(&file, 0, MIB, BOTH);
  memset(view, 1, MIB); /* what was reserved is really there: no SIGBUS */
  tn_os_give_back(&file, 0, 512 * 1024);
  CHECK_UINT(512 * 1024, tn_os_room(&file));
  CHECK_UINT(MIB, os_size_of(&file));
  tn_os_unmap(view, MIB);
  tn_os_close(&file);
}

static void test_full_tmpfs(void) { fill_small_tmpfs(); }

static void test_full_tmpfs_without_allocate(void) {
  tn_fault_set("reserve.allocate", 1, 0, 0);
  fill_small_tmpfs();
}

/* Looked at first, there was room, and somebody else took it: after the kernel's no the size is as it was, too. */
static void test_full_while_reserving(void) {
  tn_os_file file = TN_OS_NO_FILE;
  small_tmpfs("size=40m");
  CHECK_OK(tn_os_make(&file, os_full("small/a"), 0600, 0));
  CHECK_OK(tn_os_reserve(&file, 0, MIB));
  tn_fault_set("reserve.look", 1, 0, 0);
  CHECK_RESULT(TARN_E_NO_SPACE, tn_os_reserve(&file, 0, 50 * MIB)); /* some of it was there: it is given back */
  CHECK_UINT(MIB, os_size_of(&file));
  CHECK_UINT(MIB, status_of(&file).occupied_bytes);
  tn_fault_set("reserve.allocate", 1, 0, 0);
  CHECK_OK(tn_os_reserve(&file, 0, 2 * MIB));
  tn_os_close(&file);
}

static void test_file_size_limit(void) {
  tn_os_file file = os_make_file("a", 64 * 1024), large = os_make_file("b", 3 * MIB);
  struct rlimit limit = {MIB, MIB};
  CHECK_INT(0, setrlimit(RLIMIT_FSIZE, &limit));
  CHECK_RESULT(TARN_E_NO_SPACE, tn_os_reserve(&file, 0, 2 * MIB)); /* an answer, not SIGXFSZ */
  CHECK_CONTAINS("ulimit", tn_os_reason());
  CHECK_RESULT(TARN_E_NO_SPACE, tn_os_truncate(&file, 2 * MIB));
  CHECK_UINT(64 * 1024, os_size_of(&file));
  CHECK_OK(tn_os_reserve(&file, 0, MIB));
  CHECK_OK(tn_os_reserve(&large, 2 * MIB, MIB)); /* it is as long already */
  CHECK_OK(tn_os_truncate(&large, 2 * MIB));
  CHECK_RESULT(TARN_E_NO_SPACE, tn_os_truncate(&large, 3 * MIB));
  tn_os_close(&large);
  tn_os_close(&file);
}

/* In memory a signal undoes an allocation in progress, as it is asked for here, since newer kernels only do so for signals
 * that kill. */
static void test_reserve_under_signals(void) {
  tn_os_file file = os_make_file("a", 4096);
  if (tn_os_room(&file) < 256 * MIB) check_skip("there is no room for 64 MiB");
  tn_fault_set("reserve.interrupt", 2, 12, 0);
  CHECK_OK(tn_os_reserve(&file, 0, 64 * MIB));
  CHECK(tn_fault_count("reserve.interrupt") > 14);
  CHECK_UINT(64 * MIB, os_size_of(&file));
  CHECK(status_of(&file).occupied_bytes >= 64 * MIB);
  tn_os_close(&file);
}

/* ---- Signals --------------------------------------------------------------------------------------------------------- */

static void on_alarm(int number) { (void)number; }

static void test_sleep_and_signal(void) {
  struct sigaction action = {.sa_handler = on_alarm};
  struct itimerval once = {{0, 0}, {0, 20000}};
  tn_os_bed bed;
  tn_atomic32 word = 0;
  CHECK_OK(tn_os_bed_make(&bed, (const uint8_t[16]){0}, 0));
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &once, NULL);
  CHECK_RESULT(TARN_WOKEN, tn_os_sleep(&bed, &word, 0, 10000 * MS));
  intptr_t event;
  CHECK_OK(tn_os_event_make(&event));
  setitimer(ITIMER_REAL, &once, NULL);
  int64_t start = tn_os_now();
  CHECK_RESULT(TARN_TIMED_OUT, tn_os_event_wait(event, 60 * MS)); /* a signal does not end it */
  CHECK(tn_os_now() - start >= 59 * MS);
  tn_os_event_close(event);
}

static void look_at_mask(void *argument) {
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, NULL, &blocked);
  *(int *)argument = sigismember(&blocked, SIGALRM) && sigismember(&blocked, SIGINT) && sigismember(&blocked, SIGUSR1);
}

static void test_thread_takes_no_signals(void) {
  intptr_t thread;
  int blocked = 0;
  sigset_t mine;
  CHECK_OK(tn_os_thread_start(&thread, look_at_mask, &blocked));
  tn_os_thread_join(thread);
  CHECK_INT(1, blocked);
  pthread_sigmask(SIG_SETMASK, NULL, &mine);
  CHECK_INT(0, sigismember(&mine, SIGALRM));
}

/* A word whose page is gone: not a success, and not at once, so that whoever looks again does not spin. */
static void test_sleep_on_lost_page(void) {
  tn_os_file file = os_make_file("a", 8192);
  uint8_t *view = os_map(&file, 0, 8192, BOTH);
  CHECK_OK(tn_os_truncate(&file, 0));
  tn_os_bed bed;
  CHECK_OK(tn_os_bed_make(&bed, (const uint8_t[16]){0}, 0));
  int64_t start = tn_os_now();
  CHECK_RESULT(TARN_TIMED_OUT, tn_os_sleep(&bed, (const tn_atomic32 *)(void *)(view + 4096), 0, 50 * MS));
  CHECK(tn_os_now() - start >= MS);
  tn_os_unmap(view, 8192);
  tn_os_close(&file);
}

static const check_test tests[] = {{"kinds", test_kinds, 0},
                                   {"remove_path_kinds", test_remove_path_kinds, 0},
                                   {"leads_here_link", test_leads_here_link, 0},
                                   {"no_section", test_no_section, 0},
                                   {"mode_whatever_umask", test_mode_whatever_umask, 0},
                                   {"group", test_group, 0},
                                   {"make_in_proc", test_make_in_proc, 0},
                                   {"make_as_user", test_make_as_user, 0},
                                   {"open_forbidden", test_open_forbidden, 0},
                                   {"trusted", test_trusted, 0},
                                   {"evicted", test_evicted, 0},
                                   {"make_without_nameless", test_make_without_nameless, 0},
                                   {"name_without_no_replace", test_name_without_no_replace, 0},
                                   {"name_without_empty_path", test_name_without_empty_path, 0},
                                   {"reserve_without_allocate", test_reserve_without_allocate, 0},
                                   {"prefault_without_populate", test_prefault_without_populate, 0},
                                   {"huge", test_huge, 0},
                                   {"full_tmpfs", test_full_tmpfs, 0},
                                   {"full_tmpfs_without_allocate", test_full_tmpfs_without_allocate, 0},
                                   {"full_while_reserving", test_full_while_reserving, 0},
                                   {"file_size_limit", test_file_size_limit, 0},
                                   {"reserve_under_signals", test_reserve_under_signals, 0},
                                   {"sleep_and_signal", test_sleep_and_signal, 0},
                                   {"thread_takes_no_signals", test_thread_takes_no_signals, 0},
                                   {"sleep_on_lost_page", test_sleep_on_lost_page, 0},
                                   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, NULL); }
