/* users_linux_test.c: boards between users, groups and PID namespaces: who may take part, who may only look, whose files are believed,
 * and that the living and the dead are told apart where process numbers mean nothing. Needs root; skipped with a word otherwise.
 *
 * The others are puppets: processes that do what a line says, as another user or in a namespace of their own. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boards.h"

enum { ALICE = 21001, BOB = 21002, FRIENDS = 21100, STRANGERS = 21200 };

/* ---- Puppets ----------------------------------------------------------------------------------------------------------------------------- */

static tarn_board *held; /* the puppet's board */

static void answer(int result) {
  if (result <= TARN_E_INVALID)
    check_say("%s %s", tarn_result_name(result), tarn_error_text());
  else
    check_say("%s", tarn_result_name(result));
}

static void answer_get(int64_t timeout_ns) {
  char data[256] = "";
  tarn_item item;
  int result = tarn_board_get(held, data, sizeof data - 1, &item, timeout_ns);
  if (result == 0)
    check_say("%s", data);
  else
    answer(result);
}

static void obey(const char *line) {
  int role;
  unsigned flags, mode, group;
  char name[2000];
  if (sscanf(line, "open %1999s %d %u %o %u", name, &role, &flags, &mode, &group) == 5) {
    tarn_options options = {.struct_size = sizeof options, .flags = flags, .mode = mode, .group = group};
    answer(tarn_board_open(&held, name, role, &options, 0));
  } else if (strncmp(line, "put ", 4) == 0) {
    answer(tarn_board_put(held, line + 4, strlen(line + 4) + 1, NULL, 0));
  } else if (strcmp(line, "get") == 0) {
    answer_get(0);
  } else if (strcmp(line, "wait") == 0) {
    answer_get(10000 * (int64_t)MS);
  } else if (strcmp(line, "close") == 0) {
    tarn_board_close(held);
    held = NULL;
    check_say("closed");
  } else {
    CHECK_STR("a line this puppet knows", line);
  }
}

static int play(void) {
  check_say("%d", (int)getpid());
  for (const char *line; (line = check_hear()) != NULL;)
    obey(line);
  tarn_board_close(held);
  return 0;
}

static int role_user(int argc, char **argv) {
  CHECK_INT(2, argc);
  gid_t group = (gid_t)atoi(argv[1]);
  CHECK_INT(0, setgroups(1, &group));
  CHECK_INT(0, setgid(group));
  CHECK_INT(0, setuid((uid_t)atoi(argv[0])));
  prctl(PR_SET_DUMPABLE, 1); /* as a process that was this user's from the start */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  return play();
}

/* Process 1 of a PID namespace, and its parent here, which dies with it. */
static int role_namespace(int argc, char **argv) {
  (void)argc, (void)argv;
  if (unshare(CLONE_NEWPID) != 0)
    return 77;
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    exit(play());
  }
  close(0);
  int status;
  CHECK_INT(child, waitpid(child, &status, 0));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static const char *number(int value) {
  static char texts[8][16];
  static unsigned next;
  char *text = texts[next++ % 8];
  snprintf(text, 16, "%d", value);
  return text;
}

static check_process *as_user(int user, int group) {
  if (geteuid() != 0)
    check_skip("being two users needs root");
  check_process *puppet = check_start("user", number(user), number(group), NULL);
  CHECK(check_line(puppet) != NULL);
  return puppet;
}

static const char *ask(check_process *puppet, const char *format, ...) CHECK_PRINTF(2, 3);
static const char *ask(check_process *puppet, const char *format, ...) {
  char line[2100];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  check_tell(puppet, line);
  const char *reply = check_line(puppet);
  CHECK(reply != NULL);
  return reply;
}

static const char *ask_open(check_process *puppet, const char *name, int role, uint32_t flags, unsigned mode) {
  return ask(puppet, "open %s %d %u %o 0", name, role, flags, mode);
}

static void refused(const char *reply, const char *code, const char *name, const char *part) {
  CHECK_CONTAINS(code, reply);
  CHECK_CONTAINS(name, reply);
  CHECK_CONTAINS(part, reply);
}

static void end(check_process *puppet) {
  CHECK_INT(0, check_wait(puppet));
}

static void like_dev_shm(void) {
  CHECK_INT(0, chmod(check_directory(), 01777));
}

/* ---- Two users ------------------------------------------------------------------------------------------------------------------------------ */

static void test_rights(void) {
  check_process *alice = as_user(ALICE, FRIENDS);
  like_dev_shm();
  tarn_options options = {.struct_size = sizeof options};
  tarn_board *writer = open_writer("rights", &options);
  put_text(writer, "value");
  refused(ask_open(alice, "rights", TARN_READER, 0, 0), "TARN_E_PERMISSION", "rights", "observer needs only to read");
  refused(ask_open(alice, "rights", TARN_WRITER, 0, 0), "TARN_E_PERMISSION", "rights", "Permission denied");
  refused(ask_open(alice, "rights", TARN_OBSERVER, 0, 0), "TARN_E_PERMISSION", "rights", "Permission denied");
  CHECK_INT(0, chmod(check_path("rights.board"), 0644));
  refused(ask_open(alice, "rights", TARN_READER, 0, 0), "TARN_E_PERMISSION", "rights", "observer needs only to read");
  CHECK_STR("TARN_OK", ask_open(alice, "rights", TARN_OBSERVER, 0, 0)); /* root's files are believed */
  CHECK_STR("value", ask(alice, "get"));
  CHECK_STR("closed", ask(alice, "close"));
  tarn_board_close(writer);
  CHECK_INT(0, chmod(check_directory(), 0755)); /* a directory in which she may not make anything */
  refused(ask_open(alice, "mine", TARN_WRITER, 0, 0), "TARN_E_PERMISSION", "mine", "cannot be created");
  end(alice);
}

static void test_whose_files_are_believed(void) {
  check_process *alice = as_user(ALICE, FRIENDS), *bob = as_user(BOB, STRANGERS);
  like_dev_shm();
  CHECK_STR("TARN_OK", ask_open(alice, "trust", TARN_WRITER, 0, 0666));
  CHECK_STR("TARN_OK", ask(alice, "put of alice"));
  refused(ask_open(bob, "trust", TARN_READER, 0, 0), "TARN_E_PERMISSION", "trust", "TARN_ANY_OWNER");
  CHECK_CONTAINS("21001", ask_open(bob, "trust", TARN_OBSERVER, 0, 0));
  tarn_board *root = NULL;
  CHECK_RESULT(TARN_E_PERMISSION, tarn_board_open(&root, "trust", TARN_WRITER, NULL, 0)); /* not even root is careless */
  CHECK_STR("TARN_OK", ask_open(bob, "trust", TARN_READER, TARN_ANY_OWNER, 0));
  CHECK_STR("of alice", ask(bob, "get"));
  CHECK_STR("TARN_EMPTY", ask(bob, "get"));
  CHECK_STR("TARN_OK", ask(alice, "put more of alice"));
  CHECK_STR("more of alice", ask(bob, "wait"));
  check_tell(bob, "wait");
  check_sleep(20 * MS);
  check_kill(alice); /* whoever it was, her lock is gone */
  CHECK_STR("TARN_NO_WRITER", check_line(bob));
  CHECK_INT(-SIGKILL, check_wait(alice));
  end(bob);
}

/* A directory that only root and a group can write to: who is in it needs nobody's leave. */
static void test_directory_of_a_group(void) {
  check_process *alice = as_user(ALICE, FRIENDS), *bob = as_user(BOB, FRIENDS), *stranger = as_user(BOB, STRANGERS);
  char directory[2000], name[2100];
  snprintf(directory, sizeof directory, "%s", check_path("app"));
  snprintf(name, sizeof name, "%s/shared.board", directory);
  CHECK_INT(0, chmod(check_directory(), 0755));
  CHECK_INT(0, mkdir(directory, 0770));
  CHECK_INT(0, chown(directory, 0, FRIENDS));
  CHECK_INT(0, chmod(directory, 02770));
  CHECK_STR("TARN_OK", ask_open(alice, name, TARN_WRITER, 0, 0660));
  CHECK_STR("TARN_OK", ask(alice, "put among friends"));
  CHECK_STR("TARN_OK", ask_open(bob, name, TARN_READER, 0, 0));
  CHECK_STR("among friends", ask(bob, "get"));
  CHECK_CONTAINS("TARN_E_PERMISSION", ask_open(stranger, name, TARN_OBSERVER, 0, 0));
  CHECK_STR("closed", ask(alice, "close"));
  CHECK_STR("TARN_NO_WRITER", ask(bob, "wait"));
  CHECK_STR("closed", ask(bob, "close")); /* the last one out removes what was alice's */
  CHECK(access(name, F_OK) != 0);
  end(alice);
  end(bob);
  end(stranger);
}

/* What a dead one left, where its successor may write to it but not remove it: begun anew in place. */
static void test_abandoned_by_another_user(void) {
  check_process *alice = as_user(ALICE, FRIENDS), *bob = as_user(BOB, STRANGERS);
  like_dev_shm();
  CHECK_STR("TARN_OK", ask_open(alice, "left", TARN_WRITER, 0, 0666));
  CHECK_STR("TARN_OK", ask(alice, "put of alice"));
  check_kill(alice);
  CHECK_INT(-SIGKILL, check_wait(alice));
  CHECK_INT(0, access(check_path("left.board"), F_OK));
  CHECK_STR("TARN_OK", ask_open(bob, "left", TARN_WRITER, TARN_ANY_OWNER, 0));
  tarn_options options = options_with(TARN_ANY_OWNER);
  tarn_board *reader = NULL;
  CHECK_OK(tarn_board_open(&reader, "left", TARN_READER, &options, 0));
  tarn_item item;
  CHECK_RESULT(TARN_EMPTY, tarn_board_read(reader, &item, 0)); /* what alice said is over */
  CHECK_STR("TARN_OK", ask(bob, "put of bob"));
  CHECK_OK(tarn_board_read(reader, &item, 1000 * (int64_t)MS));
  CHECK_MEM("of bob", item.data, 6);
  CHECK_OK(tarn_board_release(reader, &item));
  CHECK_STR("closed", ask(bob, "close"));
  tarn_board_close(reader); /* root may remove it */
  CHECK(access(check_path("left.board"), F_OK) != 0);
  end(bob);
}

/* ---- Observers ---------------------------------------------------------------------------------------------------------------------------------- */

/* The file's bytes in a sum, and when it was last written to. */
static uint64_t sum_of(const char *path, int64_t *ret_modified) {
  struct stat status;
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  CHECK(descriptor >= 0);
  CHECK_INT(0, fstat(descriptor, &status));
  static unsigned char bytes[1 << 20];
  CHECK(status.st_size <= (off_t)sizeof bytes);
  CHECK_INT(status.st_size, read(descriptor, bytes, sizeof bytes));
  close(descriptor);
  uint64_t sum = 0;
  for (off_t i = 0; i < status.st_size; i++)
    sum = sum * 31 + bytes[i];
  *ret_modified = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
  return sum;
}

static void test_observers_of_a_group(void) {
  check_process *alice = as_user(ALICE, FRIENDS), *stranger = as_user(BOB, STRANGERS);
  like_dev_shm();
  check_process *writer = check_start("user", "0", "0", NULL);
  CHECK(check_line(writer) != NULL);
  CHECK_STR("TARN_OK", ask(writer, "open watched %d %u %o %u", TARN_WRITER, TARN_KEPT, 0640u, FRIENDS + 1u));
  CHECK_STR("TARN_OK", ask(writer, "put first"));
  CHECK_STR("TARN_OK", ask(writer, "put second"));
  refused(ask_open(stranger, "watched", TARN_OBSERVER, 0, 0), "TARN_E_PERMISSION", "watched", "Permission denied");
  refused(ask_open(alice, "watched", TARN_READER, 0, 0), "TARN_E_PERMISSION", "watched", "observer");
  int64_t modified, later;
  uint64_t sum = sum_of(check_path("watched.board"), &modified);
  CHECK_STR("TARN_OK", ask_open(alice, "watched", TARN_OBSERVER, 0, 0));
  CHECK_STR("second", ask(alice, "get"));
  CHECK_STR("TARN_EMPTY", ask(alice, "get"));
  check_tell(alice, "wait");
  check_sleep(100 * MS);
  CHECK_UINT(sum, sum_of(check_path("watched.board"), &later)); /* nobody could tell that she was there */
  CHECK_INT(modified, later);
  CHECK_STR("TARN_OK", ask(writer, "put third"));
  CHECK_STR("third", check_line(alice));
  check_tell(alice, "wait");
  check_kill(writer);
  CHECK_STR("TARN_NO_WRITER", check_line(alice));
  CHECK_INT(-SIGKILL, check_wait(writer));
  CHECK_STR("closed", ask(alice, "close"));
  CHECK_STR("TARN_OK", ask_open(alice, "watched", TARN_OBSERVER, 0, 0)); /* kept: it can be looked at when nobody is there */
  CHECK_STR("third", ask(alice, "get"));
  end(alice);
  end(stranger);
  CHECK_OK(tarn_remove("watched", TARN_KIND_BOARD, 0));
}

/* A scoped board whose last participant died is as if absent, also for those who cannot remove it. */
static void test_observers_of_the_dead(void) {
  check_process *alice = as_user(ALICE, FRIENDS), *bob = as_user(BOB, STRANGERS);
  like_dev_shm();
  CHECK_STR("TARN_OK", ask_open(alice, "dead", TARN_WRITER, 0, 0644));
  CHECK_STR("TARN_OK", ask(alice, "put value"));
  CHECK_STR("TARN_OK", ask_open(bob, "dead", TARN_OBSERVER, TARN_ANY_OWNER, 0));
  CHECK_STR("value", ask(bob, "get"));
  CHECK_STR("closed", ask(bob, "close"));
  check_kill(alice);
  CHECK_INT(-SIGKILL, check_wait(alice));
  refused(ask_open(bob, "dead", TARN_OBSERVER, TARN_ANY_OWNER, 0), "TARN_E_NOT_FOUND", "dead", "there is none");
  CHECK_INT(0, access(check_path("dead.board"), F_OK)); /* an observer removes nothing */
  end(bob);
}

/* ---- PID namespaces ------------------------------------------------------------------------------------------------------------------------------- */

static check_process *in_namespace(void) {
  if (geteuid() != 0)
    check_skip("a PID namespace needs root");
  check_process *puppet = check_start("namespace", NULL);
  const char *pid = check_line(puppet);
  if (pid == NULL)
    check_skip("no PID namespace can be made here");
  CHECK_STR("1", pid); /* in all of them */
  return puppet;
}

static void test_pid_namespaces(void) {
  check_process *writer = in_namespace(), *reader = in_namespace(), *observer = in_namespace();
  CHECK_STR("TARN_OK", ask_open(writer, "spaces", TARN_WRITER, 0, 0));
  CHECK_STR("TARN_OK", ask_open(reader, "spaces", TARN_READER, 0, 0));
  CHECK_STR("TARN_OK", ask_open(observer, "spaces", TARN_OBSERVER, 0, 0));
  tarn_details details = {.struct_size = sizeof details};
  tarn_participant participants[4];
  CHECK_OK(tarn_inspect("spaces", TARN_KIND_BOARD, &details, participants, 4));
  CHECK_UINT(2, details.participant_count);
  for (int i = 0; i < 2; i++) {
    CHECK_UINT(1, participants[i].alive);
    CHECK_UINT(1, participants[i].process);
    CHECK_UINT(0, participants[i].same_space); /* so that nobody takes it for this system's process 1 */
    CHECK_STR("", participants[i].command);
  }
  CHECK_STR("TARN_OK", ask(writer, "put between spaces"));
  CHECK_STR("between spaces", ask(reader, "wait"));
  CHECK_STR("between spaces", ask(observer, "wait"));
  CHECK_STR("TARN_EMPTY", ask(reader, "get")); /* process 1 here, too, but that is not the writer: the writer lives */
  CHECK_STR("TARN_BUSY", ask_open(observer, "spaces", TARN_WRITER, 0, 0));
  check_tell(reader, "wait");
  check_sleep(20 * MS);
  check_kill(writer);
  CHECK_STR("TARN_NO_WRITER", check_line(reader));
  check_wait(writer);
  tarn_board *next = open_writer("spaces", NULL), *own = open_reader("spaces");
  put_text(next, "the next");
  CHECK_OK(tarn_inspect("spaces", TARN_KIND_BOARD, &details, participants, 4));
  CHECK_UINT(4, details.participant_count);
  int alive = 0;
  for (int i = 0; i < 4; i++)
    alive += participants[i].alive != 0;
  CHECK_INT(3, alive); /* the dead one is still listed, as what it is */
  CHECK_CONTAINS("the next", ask(reader, "wait"));
  check_kill(reader);
  check_wait(reader);
  expect_text(own, "the next");
  tarn_board_close(own);
  tarn_board_close(next);
  check_kill(observer);
  check_wait(observer);
}

/* A reader in a namespace of its own dies holding all it may; the writer finds out. */
static void test_death_in_a_namespace(void) {
  tarn_options options = {.struct_size = sizeof options, .slots = 2};
  tarn_board *writer = open_writer("spaces", &options), *reader = NULL;
  put_text(writer, "value");
  check_process *first = in_namespace();
  CHECK_STR("TARN_OK", ask_open(first, "spaces", TARN_READER, 0, 0));
  CHECK_RESULT(TARN_E_NO_SLOT, tarn_board_open(&reader, "spaces", TARN_READER, NULL, 0));
  check_kill(first);
  check_wait(first);
  int64_t start = check_now();
  int result;
  while ((result = tarn_board_open(&reader, "spaces", TARN_READER, NULL, 0)) == TARN_E_NO_SLOT && check_now() - start < 2000 * (int64_t)MS)
    check_sleep(MS); /* the namespace is torn down by its parent's death, which takes the kernel a moment */
  CHECK_OK(result);
  expect_text(reader, "value");
  tarn_board_close(reader);
  tarn_board_close(writer);
}

static const check_test tests[] = {
    {"rights", test_rights, 0},
    {"whose_files_are_believed", test_whose_files_are_believed, 0},
    {"directory_of_a_group", test_directory_of_a_group, 0},
    {"abandoned_by_another_user", test_abandoned_by_another_user, 0},
    {"observers_of_a_group", test_observers_of_a_group, 0},
    {"observers_of_the_dead", test_observers_of_the_dead, 0},
    {"pid_namespaces", test_pid_namespaces, 0},
    {"death_in_a_namespace", test_death_in_a_namespace, 0},
    {0},
};

static const check_role roles[] = {{"user", role_user}, {"namespace", role_namespace}, {0}};

int main(int argc, char **argv) {
  return check_main(argc, argv, tests, roles);
}
