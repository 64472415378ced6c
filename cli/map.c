/* cli/map.c: `tarn map create|read|write|resize`: regions of raw bytes, as foreign programs share them. */
#include "cli.h"

#include "system.h"

/* Worked through by views of this size, so that a map larger than the address space is no obstacle. */
#define VIEW_BYTES (UINT64_C(16) << 20)

static int parse_size_operand(const char *text, uint64_t *ret_size) {
  if (cli_parse_size(text, ret_size)) return CLI_DONE;
  return cli_fail(CLI_USAGE, "%s: a size is written like 64KiB, 26M or 1G", text);
}

/* Opens what is there; nothing has been said when it fails. */
static int open_once(tarn_map **ret_map, const char *name, int purpose, int64_t timeout_ns, uint64_t *ret_size) {
  tarn_options options = {.struct_size = sizeof options, .flags = TARN_EXISTING};
  tarn_map_details details = {.struct_size = sizeof details};
  tarn_map *map;
  int result = tarn_map_open(&map, name, purpose == CLI_TO_READ ? TARN_MAP_READ : TARN_MAP_WRITE, &options, timeout_ns);
  if (result) return result;
  result = tarn_map_info(map, &details);
  if (result) {
    tarn_map_close(map);
    return result;
  }
  *ret_map = map;
  *ret_size = details.size_bytes;
  return 0;
}

/* It is there without a size: its maker may be about to give it one. */
static void say_empty(const char *name, int64_t since_ns, bool *said) {
  if (*said || cli_now() - since_ns < CLI_SAY_AFTER_NS) return;
  *said = true;
  cli_say("tarn: map %s is empty: waiting until it has a size", name);
}

static int open_existing(tarn_map **ret_map, const char *name, int purpose, int64_t timeout_ns, uint64_t *ret_size) {
  cli_limit limit = cli_limit_from(timeout_ns);
  int64_t since_ns = cli_now();
  bool said = false;
  for (;;) {
    int64_t piece = cli_limit_piece(limit);
    int result = open_once(ret_map, name, purpose, piece, ret_size);
    if (cli_interrupted()) {
      if (result == 0) tarn_map_close(*ret_map);
      return CLI_INTERRUPTED;
    }
    bool over = piece == 0;
    if (result == 0 && (*ret_size || over)) return CLI_DONE;
    if (result == 0) {
      tarn_map_close(*ret_map);
      say_empty(name, since_ns, &said);
    } else if (result != TARN_TIMED_OUT && (result != TARN_E_NOT_FOUND || timeout_ns == 0)) {
      return cli_fail_other(result, name, TARN_KIND_MAP, purpose);
    } else if (over) {
      return cli_fail_absent(name, TARN_KIND_MAP, purpose, timeout_ns);
    } else {
      cli_say_awaited(name, TARN_KIND_MAP, purpose, since_ns, &said);
    }
  }
}

static void report(const char *name, uint64_t size, bool kept, const cli_values *values) {
  char words[CLI_WORDS];
  if (values->json) {
    fputs("{\"name\":", stdout);
    cli_print_json(stdout, name);
    printf(",\"kind\":\"map\",\"size_bytes\":%llu,\"kept\":%s}\n", (unsigned long long)size, kept ? "true" : "false");
    fflush(stdout);
  } else if (kept) {
    cli_say("%s: a map of %s; kept until `tarn rm %s`", name, cli_size_words(size, words), cli_typed(name));
  } else {
    cli_say("%s: a map of %s, held until this command is ended (Ctrl-C)", name, cli_size_words(size, words));
  }
}

int run_map_create(int count, char **operands, const cli_values *values) {
  (void)count;
  const char *name = operands[0];
  tarn_options options = {.struct_size = sizeof options,
                          .flags = TARN_EXCLUSIVE | (uint32_t)(values->stay ? TARN_SCOPED : TARN_KEPT),
                          .mode = values->mode};
  tarn_map *map;
  int failed = parse_size_operand(operands[1], &options.size_bytes);
  if (!failed) failed = cli_group_option(values, &options.group);
  if (failed) return failed;
  if (options.size_bytes == 0) return cli_fail(CLI_USAGE, "a map has at least one byte");
  int result = tarn_map_open(&map, name, TARN_MAP_WRITE, &options, 0);
  if (result) {
    failed = cli_fail_result(result, name);
    if (result == TARN_E_UNSUPPORTED && !values->stay) cli_say("tarn: with --hold it lives as long as this command runs");
    return failed;
  }
  report(name, options.size_bytes, !values->stay, values);
  while (values->stay && !cli_interrupted()) cli_sleep(INT64_C(3600000000000));
  tarn_map_close(map);
  return values->stay ? CLI_INTERRUPTED : CLI_DONE;
}

static int copy_out(tarn_map *map, const char *name, uint64_t offset, uint64_t length, cli_output *output,
                    cli_progress *progress) {
  while (length > 0) {
    tarn_view view;
    uint64_t part = length < VIEW_BYTES ? length : VIEW_BYTES;
    int result = tarn_map_view(map, offset, part, &view);
    if (result) return cli_fail_result(result, name);
    int failed = cli_output_write(output, view.data, part, progress);
    tarn_view_close(&view);
    if (failed) return failed;
    offset += part;
    length -= part;
  }
  return CLI_DONE;
}

static const char *count_words(uint64_t bytes, char words[CLI_WORDS]) {
  snprintf(words, CLI_WORDS, "%llu byte%s", (unsigned long long)bytes, bytes == 1 ? "" : "s");
  return words;
}

static int nothing_there(const char *name, uint64_t size, uint64_t offset) {
  char words[CLI_WORDS];
  return cli_fail(CLI_USAGE, "%s has %s: there is nothing at %llu", name, count_words(size, words), (unsigned long long)offset);
}

static int read_range(tarn_map *map, const char *name, uint64_t size, const char *path, const cli_values *values) {
  char words[CLI_WORDS];
  uint64_t offset = values->offset;
  if (offset > size) return nothing_there(name, size, offset);
  if (values->length > size - offset) {
    return cli_fail(CLI_USAGE, "%s has %s: %llu from %llu on reach past its end", name, count_words(size, words),
                    (unsigned long long)values->length, (unsigned long long)offset);
  }
  uint64_t length = (values->given & CLI_LENGTH) ? values->length : size - offset;
  cli_output output;
  int failed = cli_output_open(&output, path);
  if (failed) return failed;
  cli_progress progress;
  cli_progress_start(&progress, length, values->quiet || length == 0);
  failed = copy_out(map, name, offset, length, &output, &progress);
  cli_progress_end(&progress);
  if (failed) {
    cli_output_abandon(&output);
    return failed;
  }
  return cli_output_finish(&output);
}

int run_map_read(int count, char **operands, const cli_values *values) {
  tarn_map *map;
  uint64_t size;
  int failed = open_existing(&map, operands[0], CLI_TO_READ, values->timeout_ns, &size);
  if (failed) return failed;
  failed = read_range(map, operands[0], size, count > 1 ? operands[1] : NULL, values);
  tarn_map_close(map);
  return failed;
}

static int no_room(const cli_input *input, const char *name, uint64_t offset, uint64_t room) {
  return cli_fail(CLI_NO_SPACE, "%s has more bytes than %s has from %llu on (%llu); `tarn map resize` makes it larger",
                  input->path, name, (unsigned long long)offset, (unsigned long long)room);
}

/* Fills the map from offset on; *ret_done says how far it came. */
static int copy_in(tarn_map *map, const char *name, uint64_t offset, uint64_t room, cli_input *input, cli_progress *progress,
                   uint64_t *ret_done) {
  uint64_t done = 0, got = 1;
  while (done < room && got > 0) {
    tarn_view view;
    uint64_t part = room - done < VIEW_BYTES ? room - done : VIEW_BYTES;
    int result = tarn_map_view(map, offset + done, part, &view);
    if (result) return cli_fail_result(result, name);
    int failed = cli_input_read(input, view.data, part, &got, progress);
    tarn_view_close(&view);
    if (failed) return failed;
    done += got;
  }
  *ret_done = done;
  return CLI_DONE;
}

static int write_range(tarn_map *map, const char *name, uint64_t size, cli_input *input, const cli_values *values) {
  uint64_t offset = values->offset, done = 0, more = 0;
  if (offset > size) return nothing_there(name, size, offset);
  uint64_t room = size - offset;
  if (input->sized && input->size_bytes > room) return no_room(input, name, offset, room);
  cli_progress progress;
  cli_progress_start(&progress, input->sized ? input->size_bytes : 0, values->quiet);
  int failed = copy_in(map, name, offset, room, input, &progress, &done);
  uint8_t one;
  if (!failed && done == room) failed = cli_input_read(input, &one, 1, &more, &progress);
  cli_progress_end(&progress);
  if (failed) return failed;
  if (more) return no_room(input, name, offset, room);
  char words[CLI_WORDS];
  cli_say("%s: %s written from byte %llu on", name, cli_size_words(done, words), (unsigned long long)offset);
  return CLI_DONE;
}

int run_map_write(int count, char **operands, const cli_values *values) {
  cli_input input;
  tarn_map *map;
  uint64_t size;
  int failed = cli_input_open(&input, count > 1 ? operands[1] : NULL);
  if (failed) return failed;
  failed = open_existing(&map, operands[0], CLI_TO_WRITE, values->timeout_ns, &size);
  if (!failed) {
    failed = write_range(map, operands[0], size, &input, values);
    tarn_map_close(map);
  }
  cli_input_close(&input);
  return failed;
}

int run_map_resize(int count, char **operands, const cli_values *values) {
  (void)count;
  tarn_map *map;
  uint64_t size, before;
  int failed = parse_size_operand(operands[1], &size);
  if (!failed) failed = open_existing(&map, operands[0], CLI_TO_RESIZE, values->timeout_ns, &before);
  if (failed) return failed;
  int result = tarn_map_resize(map, size);
  if (result) failed = cli_fail_result(result, operands[0]);
  tarn_map_close(map);
  if (!failed) report(operands[0], size, true, values);
  return failed;
}
