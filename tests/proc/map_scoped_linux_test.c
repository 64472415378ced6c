/* map_scoped_linux_test.c: whose name lives how long. Scoped maps go with their last user, however it ends; kept ones stay;
 * processes are killed at every step of creating, opening, resizing and leaving; the next one must find nothing or a complete
 * map. */
#include <dirent.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <tarn/map.h>
#include <unistd.h>

#include "check.h"

enum { SIZE = 100000, GROWN = 200000 };

static const char *name(void) { return check_path("raw"); }

static tarn_map *open_as(int access, uint32_t flags) {
  tarn_map *map = NULL;
  tarn_options options = {.struct_size = sizeof options, .flags = flags, .size_bytes = SIZE};
  CHECK_OK(tarn_map_open(&map, name(), access, &options, 0));
  return map;
}

static tarn_map_details info_of(tarn_map *map) {
  tarn_map_details details = {.struct_size = sizeof details};
  CHECK_OK(tarn_map_info(map, &details));
  return details;
}

static bool created(tarn_map *map) { return (info_of(map).flags & TARN_MAP_CREATED) != 0; }

static bool there(void) { return access(name(), F_OK) == 0; }

static int names(void) {
  DIR *stream = opendir(check_directory());
  CHECK(stream != NULL);
  int count = 0;
  while (readdir(stream) != NULL) count++;
  closedir(stream);
  return count - 2;
}

/* ---- Users come and go ---------------------------------------------------------------------------------------------- */

static void test_goes_with_the_last_user(void) {
  tarn_map *first = open_as(TARN_MAP_WRITE, TARN_SCOPED);
  CHECK(created(first));
  CHECK(!(info_of(first).flags & TARN_MAP_KEPT));
  tarn_map *second = open_as(TARN_MAP_WRITE, 0), *third = open_as(TARN_MAP_READ, TARN_EXISTING);
  CHECK(!created(second) && !created(third));
  CHECK(!(info_of(third).flags & TARN_MAP_KEPT)); /* whatever a joiner asks, it is scoped */
  tarn_map_close(first);
  CHECK(there());
  tarn_map_close(second);
  CHECK(there());
  tarn_map_close(third); /* a reader is a user too */
  CHECK(!there());
}

static void test_kept_stays(void) {
  tarn_map_close(open_as(TARN_MAP_WRITE, 0));
  CHECK(there());
  tarn_map *map = open_as(TARN_MAP_WRITE, TARN_SCOPED); /* counts at creation only */
  CHECK(info_of(map).flags & TARN_MAP_KEPT);
  tarn_map_close(map);
  CHECK(there());
}

static void test_views_do_not_keep_the_name(void) {
  tarn_map *map = open_as(TARN_MAP_WRITE, TARN_SCOPED);
  tarn_view view;
  CHECK_OK(tarn_map_view(map, 0, 0, &view));
  tarn_map_close(map);
  CHECK(!there());
  memset(view.data, 1, SIZE); /* the bytes stay as long as the view */
  map = open_as(TARN_MAP_WRITE, TARN_SCOPED | TARN_EXCLUSIVE);
  tarn_view fresh;
  CHECK_OK(tarn_map_view(map, 0, 0, &fresh));
  CHECK_INT(0, *(char *)fresh.data);
  tarn_view_close(&fresh);
  tarn_view_close(&view);
  tarn_map_close(map);
}

/* Somebody (rm, another program) removed the name, and somebody else made a new one: leaving must not take that. */
static void test_leaving_removes_only_its_own(void) {
  tarn_map *old = open_as(TARN_MAP_WRITE, TARN_SCOPED);
  CHECK_INT(0, unlink(name()));
  tarn_map *new = open_as(TARN_MAP_WRITE, TARN_SCOPED);
  CHECK(created(new));
  tarn_map_close(old);
  CHECK(there());
  tarn_map_close(new);
  CHECK(!there());
}

static int role_user(int argc, char **argv) {
  tarn_map *map;
  CHECK(argc == 1);
  CHECK_OK(tarn_map_open(&map, argv[0], TARN_MAP_WRITE, NULL, 0));
  check_say("joined");
  check_hear();
  tarn_map_close(map);
  check_say("left");
  return 0;
}

static void test_a_killed_user_does_not_count(void) {
  tarn_map *map = open_as(TARN_MAP_WRITE, TARN_SCOPED);
  check_process *user = check_start("user", name(), NULL);
  check_expect(user, "joined");
  tarn_map_close(map);
  CHECK(there()); /* the other one has it */
  tarn_options options = {.struct_size = sizeof options, .flags = TARN_EXCLUSIVE | TARN_SCOPED, .size_bytes = SIZE};
  CHECK_RESULT(TARN_E_EXISTS, tarn_map_open(&map, name(), TARN_MAP_WRITE, &options, 0));
  check_kill(user);
  CHECK_INT(-9, check_wait(user));
  CHECK(there()); /* nobody has looked yet */
  CHECK_RESULT(TARN_E_NOT_FOUND, tarn_map_open(&map, name(), TARN_MAP_READ, NULL, 0));
  CHECK(!there());
}

static void test_a_stopped_user_counts(void) {
  tarn_map *map = open_as(TARN_MAP_WRITE, TARN_SCOPED);
  check_process *user = check_start("user", name(), NULL);
  check_expect(user, "joined");
  check_stop(user);
  tarn_map_close(map);
  map = open_as(TARN_MAP_WRITE, TARN_SCOPED);
  CHECK(!created(map));
  tarn_map_close(map);
  CHECK(there());
  check_continue(user);
  check_tell(user, "go");
  check_expect(user, "left");
  CHECK_INT(0, check_wait(user));
  CHECK(!there());
}

/* Who holds the name's fate is stopped in the middle: nothing is taken from it, nobody hangs, and then it goes on. */
static void test_stopped_while_removing(void) {
  tarn_map *map = NULL;
  check_set_env("TARN_TEST_POINT", "map.leave.alone:1:stop");
  check_process *steps = check_start("steps", name(), "scoped", NULL);
  check_await_stop(steps);
  int64_t start = check_now();
  CHECK_RESULT(TARN_E_SYSTEM, tarn_map_open(&map, name(), TARN_MAP_READ, NULL, 0));
  CHECK_CONTAINS("stopped", tarn_error_text());
  CHECK(check_now() - start < INT64_C(10000000000));
  CHECK(there());
  check_continue(steps);
  CHECK_INT(0, check_wait(steps));
  CHECK(!there());
  CHECK_RESULT(TARN_E_NOT_FOUND, tarn_map_open(&map, name(), TARN_MAP_READ, NULL, 0));
}

/* ---- Fork ----------------------------------------------------------------------------------------------------------- */

static int in_a_child(int (*run)(tarn_map *map, tarn_view *view), tarn_map *map, tarn_view *view) {
  fflush(NULL);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) _exit(run(map, view));
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int use_in_child(tarn_map *map, tarn_view *view) {
  tarn_view other;
  tarn_map_details details = {.struct_size = sizeof details};
  if (tarn_map_view(map, 0, 0, &other) != TARN_E_FORKED || tarn_map_resize(map, 10) != TARN_E_FORKED) return 1;
  if (tarn_map_info(map, &details) != TARN_E_FORKED || strstr(tarn_error_text(), "forked") == NULL) return 2;
  if (memcmp(view->data, "parent", 6) != 0) return 3;
  memcpy(view->data, "child!", 6);
  tarn_map_close(map); /* must take nothing from the parent */
  tarn_view_close(view);
  return 0;
}

static void fork_with(uint32_t flags) {
  tarn_map *map = open_as(TARN_MAP_WRITE, flags), *joined = open_as(TARN_MAP_WRITE, 0);
  tarn_view view, again;
  tarn_map *each[] = {map, joined};
  for (int i = 0; i < 2; i++) {
    CHECK_OK(tarn_map_view(each[i], 0, 0, &view));
    memcpy(view.data, "parent", 6);
    CHECK_INT(0, in_a_child(use_in_child, each[i], &view));
    CHECK_MEM("child!", view.data, 6);
    CHECK_OK(tarn_map_view(each[i], 0, 0, &again)); /* the parent's handle works on */
    tarn_view_close(&again);
    tarn_view_close(&view);
    CHECK(there());
  }
  tarn_map_close(joined);
  CHECK(there());
  tarn_map_close(map);
  CHECK(there() == !(flags & TARN_SCOPED));
}

static void test_fork_keeps_views(void) {
  fork_with(TARN_SCOPED);
  fork_with(0);
}

/* A child that lives on with a view is no user: the name goes with its parent, and the child's bytes stay. */
static int role_parent(int argc, char **argv) {
  tarn_map *map;
  tarn_view view;
  CHECK(argc == 1);
  tarn_options options = {.struct_size = sizeof options, .flags = TARN_SCOPED, .size_bytes = SIZE};
  CHECK_OK(tarn_map_open(&map, argv[0], TARN_MAP_WRITE, &options, 0));
  CHECK_OK(tarn_map_view(map, 0, 0, &view));
  fflush(NULL);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    check_say("child");
    check_hear();
    memset(view.data, 7, SIZE);
    check_say("wrote");
    _exit(0);
  }
  pause();
  return 0;
}

static void test_a_forked_child_is_no_user(void) {
  check_process *parent = check_start("parent", name(), NULL);
  check_expect(parent, "child");
  tarn_map *map;
  CHECK_OK(tarn_map_open(&map, name(), TARN_MAP_READ, NULL, 0));
  tarn_map_close(map);
  CHECK(there());
  check_kill(parent);
  for (int i = 0; there() && i < 200; i++) { /* until the kernel has torn it down */
    int result = tarn_map_open(&map, name(), TARN_MAP_READ, NULL, 0);
    if (result == 0) tarn_map_close(map);
    check_sleep(5000000);
  }
  CHECK(!there());
  check_tell(parent, "go");
  check_expect(parent, "wrote");
  CHECK_INT(-9, check_wait(parent));
}

/* ---- Waiting -------------------------------------------------------------------------------------------------------- */

static int role_waiter(int argc, char **argv) {
  tarn_map *map;
  tarn_view view;
  CHECK(argc == 1);
  check_say("waiting");
  CHECK_OK(tarn_map_open(&map, argv[0], TARN_MAP_READ, NULL, TARN_FOREVER));
  CHECK_OK(tarn_map_view(map, 0, 0, &view));
  check_say("%llu", (unsigned long long)view.size_bytes);
  tarn_view_close(&view);
  tarn_map_close(map);
  return 0;
}

static void test_a_reader_waits_for_the_name(void) {
  check_process *waiter = check_start("waiter", name(), NULL);
  check_expect(waiter, "waiting");
  check_sleep(30000000);
  tarn_map *map = open_as(TARN_MAP_WRITE, 0);
  check_expect(waiter, "100000");
  CHECK_INT(0, check_wait(waiter));
  tarn_map_close(map);
}

static void test_a_reader_waits_for_a_size(void) {
  FILE *foreign = fopen(name(), "we");
  CHECK(foreign != NULL);
  check_process *waiter = check_start("waiter", name(), NULL);
  check_expect(waiter, "waiting");
  check_sleep(30000000);
  CHECK_INT(0, ftruncate(fileno(foreign), 4321));
  check_expect(waiter, "4321");
  CHECK_INT(0, check_wait(waiter));
  fclose(foreign);
}

/* ---- Foreign files are nobody's prey ---------------------------------------------------------------------------------- */

static void test_foreign_files_are_never_abandoned(void) {
  FILE *foreign = fopen(name(), "we");
  CHECK(foreign != NULL);
  CHECK_INT(0, ftruncate(fileno(foreign), SIZE));
  fclose(foreign); /* no lock, no user, no sticky bit */
  tarn_map *map = open_as(TARN_MAP_WRITE, TARN_SCOPED);
  CHECK(!created(map));
  tarn_map_close(map);
  CHECK(there());
  CHECK_INT(0, chmod(name(), 01777)); /* chmod -R gone wrong: still not ours */
  map = open_as(TARN_MAP_WRITE, 0);
  CHECK(!created(map));
  tarn_map_close(map);
  CHECK(there());
}

/* ---- Resizing ------------------------------------------------------------------------------------------------------- */

static int role_resizer(int argc, char **argv) {
  tarn_map *map;
  CHECK(argc == 1);
  CHECK_OK(tarn_map_open(&map, argv[0], TARN_MAP_WRITE, NULL, 0));
  CHECK_OK(tarn_map_resize(map, GROWN));
  tarn_map_close(map);
  return 0;
}

static void test_one_resizes_at_a_time(void) {
  tarn_map *map = open_as(TARN_MAP_WRITE, 0);
  check_set_env("TARN_TEST_POINT", "map.resize.reserved:1:hold");
  check_process *resizer = check_start("resizer", name(), NULL);
  check_expect(resizer, "at map.resize.reserved");
  CHECK_RESULT(TARN_BUSY, tarn_map_resize(map, 10));
  CHECK_UINT(GROWN, info_of(map).size_bytes);
  check_tell(resizer, "go");
  CHECK_INT(0, check_wait(resizer));
  CHECK_OK(tarn_map_resize(map, 10));
  resizer = check_start("resizer", name(), NULL);
  check_expect(resizer, "at map.resize.reserved");
  check_kill(resizer); /* its lock goes with it */
  CHECK_OK(tarn_map_resize(map, 20));
  CHECK_INT(-9, check_wait(resizer));
  CHECK_UINT(20, info_of(map).size_bytes);
  tarn_map_close(map);
}

/* ---- Killed at every step --------------------------------------------------------------------------------------------- */

static int role_steps(int argc, char **argv) {
  tarn_map *map;
  CHECK(argc == 2);
  uint32_t flags = strcmp(argv[1], "scoped") == 0 ? TARN_SCOPED : 0;
  tarn_options options = {.struct_size = sizeof options, .flags = flags, .size_bytes = SIZE};
  CHECK_OK(tarn_map_open(&map, argv[0], TARN_MAP_WRITE, &options, 0));
  tarn_view view;
  CHECK_OK(tarn_map_view(map, 0, 0, &view));
  memset(view.data, 9, SIZE);
  tarn_view_close(&view);
  CHECK_OK(tarn_map_resize(map, GROWN));
  CHECK_OK(tarn_map_resize(map, SIZE));
  tarn_map_close(map);
  return 0;
}

/* After a death: the directory holds the map or nothing, the map is complete, and it can be used and left as ever. */
static void check_after(const char *step, uint32_t flags, bool survivor) {
  CHECK(names() == (there() ? 1 : 0));
  tarn_map *map = NULL;
  tarn_options options = {.struct_size = sizeof options, .flags = flags, .size_bytes = SIZE};
  int result = tarn_map_open(&map, name(), TARN_MAP_WRITE, &options, 0);
  if (result != 0) check_say("after %s", step);
  CHECK_OK(result);
  tarn_map_details details = info_of(map);
  CHECK(details.size_bytes == SIZE || details.size_bytes == GROWN);
  if (survivor) CHECK(!(details.flags & TARN_MAP_CREATED));
  tarn_view view;
  CHECK_OK(tarn_map_view(map, 0, 0, &view));
  memset(view.data, 3, (size_t)view.size_bytes);
  tarn_view_close(&view);
  tarn_map_close(map);
  CHECK(there() == (flags == 0 || survivor));
}

static void kill_at(const char *step, const char *lifetime, bool survivor, bool abandoned) {
  tarn_map *map = NULL;
  uint32_t flags = strcmp(lifetime, "scoped") == 0 ? TARN_SCOPED : 0;
  if (survivor) map = open_as(TARN_MAP_WRITE, flags);
  if (abandoned) {
    check_set_env("TARN_TEST_POINT", "map.create.named:1:kill");
    CHECK_INT(-9, check_wait(check_start("steps", name(), lifetime, NULL)));
    CHECK(there());
  }
  char point[100];
  snprintf(point, sizeof point, "%s:1:kill", step);
  check_set_env("TARN_TEST_POINT", point);
  CHECK_INT(-9, check_wait(check_start("steps", name(), lifetime, NULL)));
  check_set_env("TARN_TEST_POINT", NULL);
  check_after(step, flags, survivor);
  tarn_map_close(map);
  CHECK(there() == (flags == 0));
  unlink(name());
  CHECK_INT(0, names());
}

/* which: where the step is passed. A kept map has no users to join or to leave. */
enum { NEW = 1, JOINED = 2, ABANDONED = 4, KEPT_TOO = 8 };

static const struct {
  const char *name;
  int which;
} steps[] = {
    {"map.create.made", NEW | ABANDONED | KEPT_TOO},
    {"map.create.reserved", NEW | ABANDONED | KEPT_TOO},
    {"map.create.locked", NEW | ABANDONED | KEPT_TOO},
    {"map.create.named", NEW | ABANDONED | KEPT_TOO},
    {"map.open.opened", JOINED | ABANDONED},
    {"map.open.joined", JOINED},
    {"map.open.abandoned", ABANDONED},
    {"map.open.cleared", ABANDONED},
    {"map.resize.locked", NEW | JOINED | ABANDONED | KEPT_TOO},
    {"map.resize.zeroed", NEW | JOINED | ABANDONED | KEPT_TOO},
    {"map.resize.reserved", NEW | JOINED | ABANDONED | KEPT_TOO},
    {"map.resize.cut", NEW | JOINED | ABANDONED | KEPT_TOO},
    {"map.leave.unlocked", NEW | JOINED | ABANDONED},
    {"map.leave.alone", NEW | ABANDONED},
    {"map.leave.removed", NEW | ABANDONED},
};

static void test_killed_at_every_step(void) {
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    if (steps[i].which & NEW) kill_at(steps[i].name, "scoped", false, false);
    if (steps[i].which & JOINED) kill_at(steps[i].name, "scoped", true, false);
    if (steps[i].which & ABANDONED) kill_at(steps[i].name, "scoped", false, true);
    if (steps[i].which & KEPT_TOO) kill_at(steps[i].name, "kept", false, false);
  }
}

/* ---- Many at once --------------------------------------------------------------------------------------------------- */

static int role_crowd(int argc, char **argv) {
  CHECK(argc == 1);
  tarn_options options = {.struct_size = sizeof options, .flags = TARN_SCOPED, .size_bytes = SIZE};
  int64_t end = check_now() + 1500000000;
  int makers = 0;
  while (check_now() < end) {
    tarn_map *map;
    tarn_view view;
    CHECK_OK(tarn_map_open(&map, argv[0], TARN_MAP_WRITE, &options, 0));
    CHECK_OK(tarn_map_view(map, 0, 0, &view)); /* a half-made one would have no such bytes */
    ((volatile char *)view.data)[SIZE - 1] = 1;
    makers += created(map);
    tarn_view_close(&view);
    tarn_map_close(map);
  }
  check_say("%d", makers);
  return 0;
}

static void test_a_crowd(void) {
  enum { CROWD = 8 };
  check_process *crowd[CROWD];
  int makers = 0;
  for (int i = 0; i < CROWD; i++) crowd[i] = check_start("crowd", name(), NULL);
  for (int i = 0; i < CROWD; i++) {
    const char *line = check_line(crowd[i]);
    CHECK(line != NULL);
    makers += atoi(line);
    CHECK_INT(0, check_wait(crowd[i]));
  }
  CHECK(makers > 0);
  CHECK_INT(0, names()); /* the last one put out the light */
}

/* The same with members that are killed at any moment: nobody is ever refused, and nothing but one name can be left. */
static void test_a_crowd_under_fire(void) {
  enum { CROWD = 4, KILLS = 60 };
  check_process *crowd[CROWD];
  for (int i = 0; i < CROWD; i++) crowd[i] = check_start("crowd", name(), NULL);
  for (int i = 0; i < KILLS; i++) {
    int victim = (int)(check_random() % CROWD);
    check_sleep((int64_t)(check_random() % 20000000));
    check_kill(crowd[victim]);
    int code = check_wait(crowd[victim]);
    CHECK(code == -9 || code == 0); /* it may have finished */
    crowd[victim] = check_start("crowd", name(), NULL);
  }
  for (int i = 0; i < CROWD; i++) CHECK_INT(0, check_wait(crowd[i]));
  CHECK(names() <= 1);
  tarn_map *map = open_as(TARN_MAP_WRITE, TARN_SCOPED | TARN_EXCLUSIVE); /* if there is one, nobody has it */
  tarn_map_close(map);
  CHECK_INT(0, names());
}

static const check_test tests[] = {
    {"goes_with_the_last_user", test_goes_with_the_last_user, 0},
    {"kept_stays", test_kept_stays, 0},
    {"views_do_not_keep_the_name", test_views_do_not_keep_the_name, 0},
    {"leaving_removes_only_its_own", test_leaving_removes_only_its_own, 0},
    {"a_killed_user_does_not_count", test_a_killed_user_does_not_count, 0},
    {"a_stopped_user_counts", test_a_stopped_user_counts, 0},
    {"stopped_while_removing", test_stopped_while_removing, 0},
    {"fork_keeps_views", test_fork_keeps_views, 0},
    {"a_forked_child_is_no_user", test_a_forked_child_is_no_user, 0},
    {"a_reader_waits_for_the_name", test_a_reader_waits_for_the_name, 0},
    {"a_reader_waits_for_a_size", test_a_reader_waits_for_a_size, 0},
    {"foreign_files_are_never_abandoned", test_foreign_files_are_never_abandoned, 0},
    {"one_resizes_at_a_time", test_one_resizes_at_a_time, 0},
    {"killed_at_every_step", test_killed_at_every_step, 60},
    {"a_crowd", test_a_crowd, 60},
    {"a_crowd_under_fire", test_a_crowd_under_fire, 60},
    {0},
};

static const check_role roles[] = {{"user", role_user},
                                   {"parent", role_parent},
                                   {"waiter", role_waiter},
                                   {"steps", role_steps},
                                   {"crowd", role_crowd},
                                   {"resizer", role_resizer},
                                   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, roles); }
