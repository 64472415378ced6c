/* doctor_linux_test.c: what is made of settings, by files under a root of the test's own; and of real file systems and limits. */
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <tarn/doctor.h>
#include <unistd.h>

#include "check.h"
#include "os/fault.h"
#include "os/linux_doctor.h"

enum { OK = TARN_FINDING_OK, NOTE = TARN_FINDING_NOTE, WARNING = TARN_FINDING_WARNING, PROBLEM = TARN_FINDING_PROBLEM, MOST = 64 };

static struct {
  int level;
  char topic[32], found[512];
} seen[MOST];
static int count;

static int keep(const tarn_finding *finding, void *argument) {
  (void)argument;
  CHECK(count < MOST);
  seen[count].level = finding->level;
  snprintf(seen[count].topic, sizeof seen[count].topic, "%s", finding->topic);
  snprintf(seen[count++].found, sizeof seen[0].found, "%s", finding->found);
  return 0;
}

static tn_listener listen_anew(void) {
  count = 0;
  return (tn_listener){keep, NULL, 0};
}

static const char *expect(const char *topic, int level) {
  for (int i = 0; i < count; i++)
    if (strcmp(seen[i].topic, topic) == 0) {
      if (seen[i].level != level) printf("%s: %s\n", topic, seen[i].found);
      CHECK_INT(level, seen[i].level);
      return seen[i].found;
    }
  printf("nothing was said about %s\n", topic);
  CHECK(count < 0);
  return NULL;
}

static void expect_nothing(const char *topic) {
  for (int i = 0; i < count; i++) CHECK(strcmp(seen[i].topic, topic) != 0);
}

/* ---- A root of our own ---------------------------------------------------------------------------------------------------- */

static void make_root(void) { tn_linux_doctor_root(check_directory()); }

/* PATH with all its folders, below the root. */
static void put(const char *path, const char *text) {
  char full[512];
  snprintf(full, sizeof full, "%s%s", check_directory(), path);
  for (char *at = strchr(full + strlen(check_directory()) + 1, '/'); at; at = strchr(at + 1, '/')) {
    *at = 0;
    CHECK(mkdir(full, 0700) == 0 || errno == EEXIST);
    *at = '/';
  }
  FILE *file = fopen(full, "w");
  CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void take(const char *path) {
  char full[512];
  snprintf(full, sizeof full, "%s%s", check_directory(), path);
  CHECK_INT(0, unlink(full));
}

/* ---- logind ---------------------------------------------------------------------------------------------------------------- */

static void logind(uint32_t user, int level) {
  tn_listener to = listen_anew();
  tn_linux_examine_logind(&to, "/dev/shm", user, "ada");
  expect("removeipc", level);
}

static void test_logind(void) {
  make_root();
  tn_listener to = listen_anew();
  tn_linux_examine_logind(&to, "/dev/shm", 1000, "ada");
  CHECK_INT(0, count); /* there is no logind */
  put("/run/systemd/users/.keep", "");
  logind(1000, WARNING); /* its default */
  logind(0, OK);
  logind(999, OK);
  tn_linux_examine_logind(&to, "/run/app", 1000, "ada");
  tn_linux_examine_logind(&to, "/dev/shmoo", 1000, "ada");
  CHECK_INT(1, count); /* none of its business */
  put("/etc/systemd/logind.conf", "# RemoveIPC=no\n[Other]\nRemoveIPC=no\n[Login]\n#RemoveIPC=no\n");
  logind(1000, WARNING);
  put("/etc/systemd/logind.conf", "[Login]\nKillUserProcesses=no\n  RemoveIPC = no \n");
  logind(1000, OK);
  put("/usr/lib/systemd/logind.conf.d/50-vendor.conf", "[Login]\nRemoveIPC=yes\n"); /* drop-ins come after it */
  logind(1000, WARNING);
  put("/etc/systemd/logind.conf.d/60-admin.conf", "[Login]\nRemoveIPC=off\n");
  logind(1000, OK);
  take("/etc/systemd/logind.conf.d/60-admin.conf");
  put("/etc/systemd/logind.conf.d/50-vendor.conf", "[Login]\nRemoveIPC=false\n"); /* hides the vendor's of that name */
  logind(1000, OK);
  take("/etc/systemd/logind.conf.d/50-vendor.conf");
  put("/var/lib/systemd/linger/ada", "");
  logind(1000, OK);
}

/* ---- Units ---------------------------------------------------------------------------------------------------------------- */

static void unit(int level) {
  tn_listener to = listen_anew();
  tn_linux_examine_unit(&to, "/dev/shm/app");
  expect("unit", level);
}

static void test_units(void) {
  make_root();
  tn_listener to = listen_anew();
  put("/proc/self/cgroup", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.service\n");
  tn_linux_examine_unit(&to, "/dev/shm");
  put("/proc/self/cgroup", "0::/system.slice/docker-0123.scope\n");
  tn_linux_examine_unit(&to, "/dev/shm");
  CHECK_INT(0, count);
  put("/proc/self/cgroup", "4:memory:/system.slice/camera@front.service\n0::/\n");
  unit(OK);
  put("/etc/systemd/system/camera@.service", "[Service]\nUser=camera\nRemoveIPC=yes\n");
  unit(WARNING);
  CHECK_CONTAINS("camera@front.service", seen[0].found);
  put("/etc/systemd/system/camera@front.service.d/keep.conf", "[Service]\nRemoveIPC=no\n");
  unit(OK);
  put("/run/systemd/system/camera@front.service.d/zz.conf", "[Service]\nDynamicUser=1\n");
  unit(WARNING);
  tn_linux_examine_unit(&to, "/run/app");
  CHECK_INT(1, count);
  put("/proc/self/cgroup", "0::/system.slice/plain.service\n");
  put("/usr/lib/systemd/system/plain.service", "[Unit]\nUser=root\n[Service]\nRemoveIPC=yes\n"); /* without a user it does nothing */
  unit(OK);
}

/* ---- Sandboxes ------------------------------------------------------------------------------------------------------------ */

static void sandbox(const char *directory, const char *snap, int level, const char *words) {
  tn_listener to = listen_anew();
  tn_linux_examine_sandbox(&to, directory, snap);
  CHECK_CONTAINS(words, expect("sandbox", level));
}

static void test_sandboxes(void) {
  make_root();
  sandbox("/dev/shm", NULL, OK, "no Flatpak");
  sandbox("/dev/shm", "viewer", WARNING, "snap.viewer.");
  sandbox("/var/snap/viewer/common", "viewer", NOTE, "snap viewer");
  put("/.dockerenv", "");
  sandbox("/dev/shm", NULL, NOTE, "container");
  put("/run/.containerenv", "");
  take("/.dockerenv");
  sandbox("/data", NULL, NOTE, "volume");
  put("/.flatpak-info", "[Application]\n");
  sandbox("/dev/shm", NULL, WARNING, "Flatpak");
  sandbox("/run/user/1000/app", NULL, NOTE, "Flatpak");
}

/* ---- Kernel ----------------------------------------------------------------------------------------------------------------- */

static void kernel(const char *directory) {
  tn_listener to = listen_anew();
  tn_linux_examine_kernel(&to, directory, true);
}

static void test_kernel_settings(void) {
  struct rlimit none = {0, 0};
  char shared[512];
  make_root();
  CHECK_INT(0, setrlimit(RLIMIT_CORE, &none));
  snprintf(shared, sizeof shared, "%s/shared", check_directory());
  CHECK_INT(0, mkdir(shared, 0700));
  CHECK_INT(0, chmod(shared, 01777));
  kernel(shared); /* no /proc, no /sys */
  expect("proc", NOTE);
  expect("huge_pages", NOTE);
  expect("core_dumps", OK);
  expect_nothing("protected_regular");
  put("/proc/self/fd/.keep", "");
  put("/proc/sys/fs/protected_regular", "2\n");
  put("/proc/sys/kernel/core_pattern", "|/usr/lib/systemd/systemd-coredump %P\n");
  put("/proc/self/coredump_filter", "00000033\n");
  put("/sys/kernel/mm/transparent_hugepage/shmem_enabled", "always within_size advise [never] deny force\n");
  kernel(shared);
  expect_nothing("proc");
  expect("huge_pages", NOTE);
  CHECK_CONTAINS("and so are raw maps", expect("core_dumps", NOTE));
  CHECK_CONTAINS("is 2", expect("protected_regular", NOTE));
  put("/proc/self/coredump_filter", "0000003b\n");
  put("/sys/kernel/mm/transparent_hugepage/shmem_enabled", "always within_size [advise] never deny force\n");
  CHECK_INT(0, chmod(shared, 0700));
  kernel(shared);
  expect("huge_pages", OK);
  CHECK_CONTAINS("raw maps are not", expect("core_dumps", NOTE));
  expect("protected_regular", OK);
  put("/proc/sys/kernel/core_pattern", "core\n");
  kernel(shared);
  expect("core_dumps", OK);
}

/* ---- Directories, limits: the real ones ------------------------------------------------------------------------------------- */

static void examine(const char *name) {
  count = 0;
  CHECK_OK(tarn_doctor(name, keep, NULL));
}

static void test_rights(void) {
  const char *folder = check_path("folder");
  CHECK_INT(0, mkdir(folder, 0700));
  examine(folder);
  CHECK_CONTAINS("0700", expect("rights", OK));
  CHECK_INT(0, chmod(folder, 01777));
  examine(folder);
  CHECK_CONTAINS("believed", expect("rights", OK));
  CHECK_INT(0, chmod(folder, 0777));
  examine(folder);
  expect("rights", PROBLEM);
  if (geteuid() != 0) check_skip("giving a directory to somebody else needs root");
  CHECK_INT(0, chmod(folder, 0755));
  CHECK_INT(0, chown(folder, 12345, 12345));
  examine(folder);
  CHECK_CONTAINS("12345", expect("rights", WARNING));
}

static void test_a_network_file_system(void) {
  tn_fault_set("medium.network", 1, 0, 0);
  examine(NULL);
  expect("medium", PROBLEM);
  CHECK_CONTAINS("FUSE", expect("locks", PROBLEM));
}

static void test_a_small_tmpfs(void) {
  char folder[512];
  if (geteuid() != 0) check_skip("mounting needs root");
  snprintf(folder, sizeof folder, "%s", check_path("small"));
  CHECK_INT(0, mkdir(folder, 0700));
  if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      mount("tmpfs", folder, "tmpfs", 0, "size=64m") != 0)
    check_skip("a tmpfs cannot be mounted here");
  examine(folder);
  CHECK_CONTAINS("64.0 MiB in all", expect("size", WARNING));
  expect("room", OK);
  CHECK_INT(0, mount("tmpfs", folder, "tmpfs", MS_REMOUNT, "size=65m"));
  examine(folder);
  expect("size", OK);
  CHECK_INT(0, mount("tmpfs", folder, "tmpfs", MS_REMOUNT, "size=8m"));
  examine(folder);
  expect("room", WARNING);
  CHECK_INT(0, mount("tmpfs", folder, "tmpfs", MS_REMOUNT, "size=64k"));
  examine(folder);
  expect("room", PROBLEM);
  CHECK_INT(0, umount(folder));
}

static int role_limited(int argc, char **argv) {
  (void)argc;
  static const struct {
    const char *topic;
    tn_linux_resource which;
  } limits[] = {{"open_files", RLIMIT_NOFILE}, {"file_size", RLIMIT_FSIZE}, {"address_space", RLIMIT_AS}, {"locked_memory", RLIMIT_MEMLOCK}};
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
    if (strcmp(limits[i].topic, argv[0]) == 0) {
      struct rlimit limit = {strtoul(argv[1], NULL, 10), RLIM_INFINITY};
      getrlimit(limits[i].which, &limit);
      limit.rlim_cur = strtoul(argv[1], NULL, 10);
      CHECK_INT(0, setrlimit(limits[i].which, &limit));
    }
  examine(NULL);
  expect(argv[0], (int)strtol(argv[2], NULL, 10));
  return 0;
}

static void limited(const char *topic, const char *limit, const char *level) {
  printf("%s %s\n", topic, limit);
  CHECK_INT(0, check_wait(check_start("limited", topic, limit, level, NULL)));
}

static void test_limits(void) {
  limited("open_files", "50", "2");
  limited("open_files", "500", "1");
  limited("open_files", "1024", "0");
  limited("file_size", "10000000", "2");
  limited("file_size", "1000000000", "1");
  limited("locked_memory", "65536", "0");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* these address terabytes */
  limited("address_space", "500000000", "2");
#endif
}

static const check_test tests[] = {{"logind", test_logind, 0},
                                   {"units", test_units, 0},
                                   {"sandboxes", test_sandboxes, 0},
                                   {"kernel_settings", test_kernel_settings, 0},
                                   {"rights", test_rights, 0},
                                   {"a_network_file_system", test_a_network_file_system, 0},
                                   {"a_small_tmpfs", test_a_small_tmpfs, 0},
                                   {"limits", test_limits, 0},
                                   {0}};
static const check_role roles[] = {{"limited", role_limited}, {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
