/* neighbour.h: the same test program from another build, as a process beside this one.
 *
 *   TARN_OTHER_BUILD=FOLDER     a build for this system (64 bits beside 32)
 *   TARN_WINDOWS_BUILD=FOLDER   a build for Windows, started under Wine: both systems share the directory
 * Without either there is no neighbour, and the test is skipped. */
#ifndef NEIGHBOUR_H
#define NEIGHBOUR_H

#include "check.h"

static inline const char *neighbour_build(const char *variable) {
  const char *build = getenv(variable);
  return build && *build ? build : NULL;
}

/* name: of the test program, as "neighbours_test". */
static inline check_process *neighbour_start(const char *name, const char *role) {
  char program[4096], runner[4096];
  const char *other = neighbour_build("TARN_OTHER_BUILD"), *windows = neighbour_build("TARN_WINDOWS_BUILD");
  if (windows) {
    snprintf(program, sizeof program, "%s/test_proc_%s.exe", windows, name);
    snprintf(runner, sizeof runner, "%s/scripts/wine-run", TEST_SOURCE_DIR);
    return check_start_program(runner, windows, program, "--role", role, NULL);
  }
  if (!other) check_skip("there is no neighbour: TARN_OTHER_BUILD or TARN_WINDOWS_BUILD names its build");
  snprintf(program, sizeof program, "%s/tests/proc/%s", other, name);
  return check_start_program(program, "--role", role, NULL);
}

#endif
