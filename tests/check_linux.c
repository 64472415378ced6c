/* check_linux.c: processes, directories and time for the test harness, on Linux. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "check_system.h"

static char self[4096];
static volatile sig_atomic_t group; /* of the running test, for the handler below */

void check_os_prepare(void) {
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (length <= 0) {
    perror("/proc/self/exe");
    exit(2);
  }
  signal(SIGPIPE, SIG_IGN); /* a helper that died must not take the test with it */
}

const char *check_os_self(void) { return self; }

void check_os_exit(int code) {
  fflush(stdout); /* not all: another thread may sit in a read of stdin and hold its lock */
  fflush(stderr);
  _exit(code);
}

int64_t check_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void check_sleep(int64_t ns) {
  struct timespec left = {(time_t)(ns / INT64_C(1000000000)), (long)(ns % INT64_C(1000000000))};
  while (nanosleep(&left, &left) < 0 && errno == EINTR) continue;
}

uint64_t check_os_seed(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000003u ^ (uint64_t)now.tv_nsec ^ (uint64_t)getpid() << 20;
}

/* ---- Directories --------------------------------------------------------------------------------------------------------- */

char check_os_separator(void) { return '/'; }

static bool usable(const char *directory) { return directory && *directory && access(directory, W_OK | X_OK) == 0; }

bool check_os_make_directory(char ret_path[CHECK_PATH], bool on_disk) {
  const char *given = getenv(on_disk ? "CHECK_DISK_DIR" : "CHECK_DIR");
  const char *usual = on_disk ? "/var/tmp" : "/dev/shm";
  const char *base = usable(given) ? given : usable(usual) ? usual : "/tmp";
  snprintf(ret_path, CHECK_PATH, "%s/tarn-check-XXXXXX", base);
  if (mkdtemp(ret_path)) return true;
  fprintf(stderr, "no directory can be made in %s: %s\n", base, strerror(errno));
  return false;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *position) {
  (void)status, (void)kind, (void)position;
  if (remove(path) < 0) fprintf(stderr, "%s is left behind: %s\n", path, strerror(errno));
  return 0;
}

void check_os_remove_directory(const char *path) { nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

/* ---- Starting ------------------------------------------------------------------------------------------------------------ */

/* environ with the variables put in; the array is freed by the caller, what was made for it stays (it is little). */
static char **environment_with(const check_start_of *what) {
  size_t count = 0;
  while (environ[count]) count++;
  char **result = calloc(count + what->variable_count + 1, sizeof *result);
  if (!result) abort();
  size_t used = 0;
  for (size_t i = 0; i < count; i++) {
    bool replaced = false;
    for (size_t v = 0; v < what->variable_count; v++) {
      size_t length = strlen(what->variables[v].name);
      if (strncmp(environ[i], what->variables[v].name, length) == 0 && environ[i][length] == '=') replaced = true;
    }
    if (!replaced) result[used++] = environ[i];
  }
  for (size_t v = 0; v < what->variable_count; v++) {
    const check_variable *variable = &what->variables[v];
    if (!variable->value) continue;
    size_t size = strlen(variable->name) + strlen(variable->value) + 2;
    if (!(result[used] = malloc(size))) abort();
    snprintf(result[used++], size, "%s=%s", variable->name, variable->value);
  }
  return result;
}

static void free_environment(char **environment) {
  for (size_t i = 0; environment[i]; i++) {
    bool ours = true;
    for (char **other = environ; *other; other++)
      if (*other == environment[i]) ours = false;
    if (ours) free(environment[i]);
  }
  free(environment);
}

typedef struct plan {
  int input, output; /* become stdin and stdout; -1: /dev/null, and stdout as it is */
  bool own_group;
  int report; /* tells the parent why exec failed; closes when it succeeds */
  pid_t parent;
} plan;

/* In the child between fork and exec: async-signal-safe calls only. */
static _Noreturn void become(const plan *p, const char *const *argv, char **environment) {
  if (p->own_group) setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != p->parent) _exit(126);
  struct rlimit no_core = {0, 0};
  if (p->own_group) setrlimit(RLIMIT_CORE, &no_core); /* a core dump keeps locks for seconds */
  int input = p->input >= 0 ? p->input : open("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2(input, 0);
  if (p->output >= 0) dup2(p->output, 1);
  signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  union {
    const char *const *from;
    char *const *to;
  } arguments = {argv}; /* exec does not change them */
  execvpe(argv[0], arguments.to, environment);
  int error = errno;
  ssize_t ignored = write(p->report, &error, sizeof error);
  (void)ignored;
  _exit(127);
}

/* Returns when the child has become the program (so that it holds none of our descriptors any more); -1 if it could not. */
static pid_t launch(const check_start_of *what, plan p) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) < 0) return -1;
  char **environment = environment_with(what);
  p.report = report[1];
  p.parent = getpid();
  pid_t pid = fork();
  if (pid == 0) become(&p, what->argv, environment);
  close(report[1]);
  free_environment(environment);
  int error = pid < 0 ? errno : 0;
  ssize_t got = 0;
  if (pid > 0) do got = read(report[0], &error, sizeof error);
    while (got < 0 && errno == EINTR);
  close(report[0]);
  if (error == 0) return pid;
  fprintf(stderr, "%s cannot be started: %s\n", what->argv[0], strerror(error));
  if (pid > 0) waitpid(pid, NULL, 0);
  return -1;
}

static int code_of(int status) { return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status); }

/* ---- The runner's side ------------------------------------------------------------------------------------------------------ */

static void on_interrupt(int number) {
  if (group > 0) kill(-(pid_t)group, SIGKILL);
  _exit(128 + number);
}

/* Children that left the group: as a subreaper we inherit whatever loses its parent. */
static void kill_children(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
  FILE *file = fopen(path, "re");
  if (!file) return;
  int pid;
  while (fscanf(file, "%d", &pid) == 1) kill(pid, SIGKILL);
  fclose(file);
}

static void end_everything(pid_t pid) {
  kill(-pid, SIGKILL);
  for (;;) {
    pid_t ended = waitpid(-1, NULL, WNOHANG);
    if (ended < 0) return; /* no children are left */
    if (ended > 0) continue;
    kill_children();
    check_sleep(1000000);
  }
}

int check_os_run(const check_start_of *what, int64_t limit_ns) {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, NULL);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  signal(SIGINT, on_interrupt);
  signal(SIGTERM, on_interrupt);
  signal(SIGHUP, on_interrupt);
  pid_t pid = launch(what, (plan){.input = -1, .output = -1, .own_group = true});
  if (pid < 0) return CHECK_CODE_FAILED;
  group = pid;
  int code = CHECK_OVERTIME;
  int64_t end = check_now() + limit_ns;
  for (int64_t left = limit_ns; left > 0 && code == CHECK_OVERTIME; left = end - check_now()) {
    int status;
    pid_t ended = waitpid(-1, &status, WNOHANG);
    if (ended == pid) code = code_of(status);
    if (ended != 0) continue;
    struct timespec wait = {(time_t)(left / INT64_C(1000000000)), (long)(left % INT64_C(1000000000))};
    sigtimedwait(&child, NULL, &wait);
  }
  end_everything(pid);
  group = 0;
  return code;
}

/* ---- Helpers ------------------------------------------------------------------------------------------------------------------ */

bool check_os_spawn(check_child *ret_child, const check_start_of *what) {
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) < 0) return false;
  if (pipe2(out, O_CLOEXEC) < 0) return close(in[0]), close(in[1]), false;
  pid_t pid = launch(what, (plan){.input = in[0], .output = out[1]});
  close(in[0]);
  close(out[1]);
  if (pid < 0) return close(in[1]), close(out[0]), false;
  *ret_child = (check_child){pid, in[1], out[0], pid};
  return true;
}

size_t check_os_read(check_child *child, void *buffer, size_t size) {
  ssize_t got;
  do got = read((int)child->output, buffer, size);
  while (got < 0 && errno == EINTR);
  return got > 0 ? (size_t)got : 0;
}

bool check_os_write(check_child *child, const void *data, size_t size) {
  const char *at = data;
  while (size) {
    ssize_t put = write((int)child->input, at, size);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    at += put;
    size -= (size_t)put;
  }
  return true;
}

void check_os_close_input(check_child *child) {
  if (child->input >= 0) close((int)child->input);
  child->input = -1;
}

void check_os_kill(check_child *child) { kill((pid_t)child->process, SIGKILL); }
bool check_os_can_stop(void) { return true; }

bool check_os_await_stop(check_child *child) {
  siginfo_t info = {0};
  int result;
  do result = waitid(P_PID, (id_t)child->process, &info, WSTOPPED | WEXITED | WNOWAIT);
  while (result < 0 && errno == EINTR);
  return result == 0 && info.si_code == CLD_STOPPED;
}

void check_os_stop(check_child *child) {
  kill((pid_t)child->process, SIGSTOP);
  check_os_await_stop(child);
}

void check_os_continue(check_child *child) { kill((pid_t)child->process, SIGCONT); }

int check_os_wait(check_child *child) {
  check_os_close_input(child);
  /* It may say more than a pipe holds before it ends, and something it started may keep the pipe open after it. */
  char unwanted[4096];
  struct pollfd output = {(int)child->output, POLLIN, 0};
  int status;
  while (waitpid((pid_t)child->process, &status, WNOHANG) == 0) {
    if (output.fd < 0) {
      while (waitpid((pid_t)child->process, &status, 0) < 0 && errno == EINTR) continue;
      break;
    }
    if (poll(&output, 1, 5) > 0 && read(output.fd, unwanted, sizeof unwanted) <= 0) output.fd = -1;
  }
  close((int)child->output);
  return code_of(status);
}
