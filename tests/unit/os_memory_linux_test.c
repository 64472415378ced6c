/* os_memory_linux_test.c: the limits of memory cgroups (src/os/linux_memory.c), read from made-up trees: this machine has one
 * version of them and, it is to be hoped, no limit that a test runs into. */
#include "../check.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/linux.h"
#include "os_files.h"

/* A file below the made-up root, with the directories it needs. */
static void put(const char *path, const char *text) {
  char full[1024];
  snprintf(full, sizeof full, "%s/root%s", check_directory(), path);
  for (char *slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    CHECK(mkdir(full, 0700) == 0 || errno == EEXIST);
    *slash = '/';
  }
  FILE *file = fopen(full, "we");
  CHECK(file != NULL);
  fputs(text, file);
  fclose(file);
}

static void use_root(void) {
  static char root[1024];
  snprintf(root, sizeof root, "%s/root", check_directory());
  tn_linux_memory_root(root);
}

static const char *what_limits(void) {
  static char what[200];
  tn_linux_memory_room(what, sizeof what);
  return what;
}

static uint64_t room(void) {
  char what[200];
  return tn_linux_memory_room(what, sizeof what);
}

static void put_machine(const char *available) {
  char text[200];
  snprintf(text, sizeof text,
           "MemTotal:  64000000 kB\nMemFree: 1000 kB\nMemAvailable:  %s kB\nSwapTotal: 9 kB\nSwapFree: 2048 kB\n", available);
  put("/proc/meminfo", text);
}

static void test_machine(void) {
  put_machine("32768");
  use_root();
  CHECK_UINT((32768 - 1024 + 2048) * 1024, room()); /* less a 32nd, and swap */
  CHECK_CONTAINS("this machine", what_limits());
  put("/proc/meminfo", "");
  CHECK_UINT(UINT64_MAX, room());
}

static void put_v2(const char *group) {
  char line[300];
  put_machine("64000000");
  snprintf(line, sizeof line, "0::%s\n", group);
  put("/proc/self/cgroup", line);
  put("/proc/self/mountinfo",
      "22 28 0:21 / /proc rw - proc proc rw\n"
      "30 22 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n");
  use_root();
}

static void test_v2(void) {
  put_v2("/user.slice/app");
  put("/sys/fs/cgroup/user.slice/app/memory.max", "max\n");
  put("/sys/fs/cgroup/user.slice/app/memory.current", "1000\n");
  CHECK_CONTAINS("this machine", what_limits());
  put("/sys/fs/cgroup/user.slice/app/memory.max", "10000000\n");
  put("/sys/fs/cgroup/user.slice/app/memory.current", "4000000\n");
  CHECK_UINT(6000000, room());
  CHECK_CONTAINS("cgroup /sys/fs/cgroup/user.slice/app", what_limits());
  put("/sys/fs/cgroup/user.slice/app/memory.stat", "anon 5\ninactive_file 500000\nshmem 77\nactive_file 250000\n");
  CHECK_UINT(6750000, room()); /* file cache would be dropped first */
  put("/sys/fs/cgroup/user.slice/memory.max", "9000000\n");
  put("/sys/fs/cgroup/user.slice/memory.current", "8000000\n");
  CHECK_UINT(1000000, room()); /* the one above leaves less */
  put("/sys/fs/cgroup/user.slice/memory.current", "9000001\n");
  CHECK_UINT(0, room());
}

/* A group whose path leads out of what this namespace can see: the mount point is all there is. */
static void test_v2_outside(void) {
  put_v2("/../../elsewhere");
  put("/sys/fs/cgroup/memory.max", "5000\n");
  put("/sys/fs/cgroup/memory.current", "1000\n");
  CHECK_UINT(4000, room());
}

static void put_v1(const char *top) {
  char mounts[500];
  put_machine("64000000");
  put("/proc/self/cgroup", "9:name=systemd:/\n4:cpu,memory:/docker/abc\n0::/\n");
  snprintf(mounts, sizeof mounts,
           "31 30 0:27 / /sys/fs/cgroup/pids rw shared:9 - cgroup cgroup rw,pids\n"
           "32 30 0:28 %s /sys/fs/cgroup/memory rw shared:10 - cgroup cgroup rw,cpu,memory\n"
           "33 30 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
           top);
  put("/proc/self/mountinfo", mounts);
  use_root();
}

static void test_v1(void) {
  put_v1("/");
  put("/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "9223372036854771712\n");
  put("/sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes", "1000\n");
  CHECK_CONTAINS("this machine", what_limits());
  put("/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "8000000\n");
  put("/sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes", "3000000\n");
  put("/sys/fs/cgroup/memory/docker/abc/memory.stat", "inactive_file 1\ntotal_inactive_file 1000000\ntotal_active_file 0\n");
  CHECK_UINT(6000000, room());
  CHECK_CONTAINS("/sys/fs/cgroup/memory/docker/abc", what_limits());
}

/* In a container of the older kind the mount shows the group itself as its top. */
static void test_v1_container(void) {
  put_v1("/docker/abc");
  put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "8000000\n");
  put("/sys/fs/cgroup/memory/memory.usage_in_bytes", "3000000\n");
  CHECK_UINT(5000000, room());
}

/* Reserving in memory asks first, and says who refused; on a disk it does not ask. */
static void test_reserve(void) {
  tn_os_file file = os_make_file("a", 64 * 1024);
  tn_os_status status;
  CHECK_OK(tn_os_status_of(&file, &status));
  if (status.medium != TN_OS_MEMORY) check_skip("the test's directory does not lie in memory");
  put_v2("/small");
  put("/sys/fs/cgroup/small/memory.max", "9000000\n");
  put("/sys/fs/cgroup/small/memory.current", "4000000\n");
  CHECK_RESULT(TARN_E_NO_SPACE, tn_os_reserve(&file, 0, 8 * MIB));
  CHECK_CONTAINS("cgroup /sys/fs/cgroup/small", tn_os_reason());
  CHECK_CONTAINS("7.9 MiB are needed", tn_os_reason()); /* 64 KiB it has */
  CHECK_UINT(64 * 1024, os_size_of(&file));
  CHECK_UINT(5000000, tn_os_room(&file));
  CHECK_OK(tn_os_reserve(&file, 0, 4 * MIB));
  put("/sys/fs/cgroup/small/memory.max", "4000000\n");
  CHECK_OK(tn_os_reserve(&file, 0, 4 * MIB)); /* it has all that already: nothing new is needed */
  CHECK_RESULT(TARN_E_NO_SPACE, tn_os_reserve(&file, 0, 4 * MIB + 4096));
  tn_os_close(&file);
}

static const check_test tests[] = {{"machine", test_machine, 0},
                                   {"v2", test_v2, 0},
                                   {"v2_outside", test_v2_outside, 0},
                                   {"v1", test_v1, 0},
                                   {"v1_container", test_v1_container, 0},
                                   {"reserve", test_reserve, 0},
                                   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, NULL); }
