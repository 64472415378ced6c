/* cli/transfer.c: bytes between files, pipes and memory. */
#include "cli.h"

#include "system.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_standard(const char *path) { return !path || strcmp(path, "-") == 0; }

int cli_input_open(cli_input *input, const char *path) {
  *input = (cli_input){.path = is_standard(path) ? "standard input" : path};
  if (!is_standard(path)) {
    input->descriptor = cli_open_read(path);
    if (input->descriptor < 0) return cli_fail_system("open", path);
    char nothing;
    if (cli_read(input->descriptor, &nothing, 0) < 0) { /* a directory, say: found out before anything is made for what it has */
      int failed = cli_fail_system("read", path);
      cli_input_close(input);
      return failed;
    }
  }
  input->sized = cli_regular(input->descriptor, &input->size_bytes);
  /* files of /proc and the like say 0 and have something all the same */
  if (input->sized && input->size_bytes == 0) input->sized = false;
  return CLI_DONE;
}

int cli_input_read(cli_input *input, void *room, uint64_t size, uint64_t *ret_size, cli_progress *progress) {
  uint64_t done = 0;
  while (done < size) {
    uint64_t left = size - done;
    ptrdiff_t got = cli_read(input->descriptor, (char *)room + done, left > SIZE_MAX ? SIZE_MAX : (size_t)left);
    if (got < 0) return cli_fail_system("read", input->path);
    if (got == 0) break;
    done += (uint64_t)got;
    cli_progress_add(progress, (uint64_t)got);
  }
  *ret_size = done;
  return CLI_DONE;
}

/* Room for twice as much, or for all that may be. */
static int grow(cli_input *input, uint64_t most, uint8_t **bytes, uint64_t *capacity) {
  uint64_t larger = *capacity ? *capacity * 2 : UINT64_C(1) << 16;
  if (larger > most) larger = most + 1;
  uint8_t *moved = larger > SIZE_MAX || larger - *capacity > cli_memory_room() ? NULL : realloc(*bytes, (size_t)larger);
  if (!moved) {
    errno = ENOMEM;
    return cli_fail_system("gather", input->path);
  }
  *bytes = moved;
  *capacity = larger;
  return CLI_DONE;
}

int cli_input_read_all(cli_input *input, uint64_t most, uint8_t **ret_bytes, uint64_t *ret_size, cli_progress *progress) {
  uint8_t *bytes = NULL;
  uint64_t capacity = 0, size = 0, got = 0;
  int failed = CLI_DONE;
  do {
    if (size == capacity) failed = grow(input, most, &bytes, &capacity);
    if (!failed) failed = cli_input_read(input, bytes + size, capacity - size, &got, progress);
    if (failed) {
      free(bytes);
      return failed;
    }
    size += got;
  } while (got > 0 && size <= most);
  *ret_bytes = bytes;
  *ret_size = size;
  return CLI_DONE;
}

void cli_input_close(cli_input *input) {
  if (input->descriptor > 2) cli_close(input->descriptor);
}

int cli_output_open(cli_output *output, const char *path) {
  *output = (cli_output){.descriptor = 1, .path = is_standard(path) ? "standard output" : path};
  if (is_standard(path)) return CLI_DONE;
  int again = cli_open_again(path);
  if (again != -2) {
    output->descriptor = again;
  } else if (cli_path_kind(path) == CLI_PATH_OTHER) {
    output->descriptor = cli_open_write(path); /* a device, a FIFO: nothing to replace */
  } else {
    output->descriptor = cli_make_beside(path, &output->temporary, &output->destination);
  }
  return output->descriptor < 0 ? cli_fail_system("create", path) : CLI_DONE;
}

int cli_output_write(cli_output *output, const void *bytes, uint64_t size, cli_progress *progress) {
  uint64_t done = 0;
  while (done < size) {
    uint64_t left = size - done;
    ptrdiff_t put = cli_write(output->descriptor, (const char *)bytes + done, left > SIZE_MAX ? SIZE_MAX : (size_t)left);
    if (put < 0) return cli_fail_system("write to", output->path);
    done += (uint64_t)put;
    cli_progress_add(progress, (uint64_t)put);
  }
  return CLI_DONE;
}

static void forget(cli_output *output) {
  free(output->temporary);
  free(output->destination);
  *output = (cli_output){.descriptor = 1};
}

int cli_output_finish(cli_output *output) {
  int result = CLI_DONE;
  if (output->descriptor > 2 && cli_close(output->descriptor)) result = cli_fail_system("write to", output->path);
  if (!result && output->temporary && cli_replace(output->temporary, output->destination)) {
    result = cli_fail_system("replace", output->path);
  }
  if (result && output->temporary) cli_remove(output->temporary);
  forget(output);
  return result;
}

void cli_output_abandon(cli_output *output) {
  if (output->descriptor > 2) cli_close(output->descriptor);
  if (output->temporary) cli_remove(output->temporary);
  forget(output);
}
