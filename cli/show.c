/* cli/show.c: `tarn show NAME|FILE`: what is there, for a person to look at: a picture, a text, or bytes. */
#include "cli.h"

#include "image.h"
#include "system.h"

#include <stdlib.h>
#include <string.h>

/* What is to be shown: bytes, and what their writer or their beginning says they are. */
typedef struct content {
  const uint8_t *bytes;
  size_t size;
  const char *type;
} content;

static void print_bytes(const content *what, size_t most) {
  size_t shown = what->size < most ? what->size : most;
  for (size_t at = 0; at < shown; at += 16) {
    size_t count = shown - at < 16 ? shown - at : 16;
    printf("%08zx ", at);
    for (size_t i = 0; i < 16; i++) {
      if (i == 8) putchar(' ');
      if (i < count) {
        printf(" %02x", what->bytes[at + i]);
      } else {
        fputs("   ", stdout);
      }
    }
    fputs("  |", stdout);
    for (size_t i = 0; i < count; i++)
      putchar(what->bytes[at + i] >= 32 && what->bytes[at + i] < 127 ? what->bytes[at + i] : '.');
    puts("|");
  }
  if (shown < what->size) cli_say("... and %llu bytes more", (unsigned long long)(what->size - shown));
}

/* Line ends and tabs stay, everything else that a terminal would obey is made visible. */
static void print_text(const content *what) {
  const char *text = (const char *)what->bytes;
  size_t start = 0;
  for (size_t i = 0; i < what->size; i++) {
    if (text[i] != '\n' && text[i] != '\t') continue;
    cli_print_safe(stdout, text + start, i - start);
    putchar(text[i]);
    start = i + 1;
  }
  cli_print_safe(stdout, text + start, what->size - start);
  if (what->size && text[what->size - 1] != '\n') putchar('\n');
}

static void print_picture(const cli_image *image, const cli_values *values) {
  int columns, rows;
  uint32_t colors = values->colors == CLI_COLORS_AUTO ? cli_terminal_colors() : values->colors;
  cli_terminal_size(&columns, &rows);
  rows = rows > 2 ? rows - 1 : 1; /* the next prompt */
  if (values->given & CLI_WIDTH) {
    columns = values->width < 1 ? 1 : values->width > 10000 ? 10000 : (int)values->width;
    rows = 10000;
  }
  cli_image_print(stdout, image, columns, rows, colors);
}

static bool is_picture_type(const char *type) {
  return strcmp(type, "image/bmp") == 0 || strcmp(type, "image/png") == 0 || strcmp(type, "image/jpeg") == 0;
}

static int show(const content *what, const char *name, const cli_values *values) {
  enum { BYTES_ON_A_SCREEN = 1024 };
  const char *type = is_picture_type(what->type) ? what->type : cli_guess_type(what->bytes, what->size, NULL);
  char size[CLI_WORDS], why[CLI_WHY];
  cli_image image;
  if (is_picture_type(type)) {
    if (cli_image_decode(type, what->bytes, what->size, &image, why)) {
      return cli_fail(CLI_CORRUPT, "%s is said to be %s, but: %s", name, type, why);
    }
    print_picture(&image, values);
    free(image.pixels);
    cli_say("%s: %s, %u x %u, %s", name, type, image.width, image.height, cli_size_words(what->size, size));
    return CLI_DONE;
  }
  if (cli_is_text(what->bytes, what->size)) {
    print_text(what);
  } else {
    print_bytes(what, BYTES_ON_A_SCREEN);
  }
  cli_say("%s: %s, %s", name, what->type[0] ? what->type : type, cli_size_words(what->size, size));
  return CLI_DONE;
}

/* Decoders and printers look at a byte more than once, and whoever writes there may change it in between: they get a copy. */
static int show_copy(const void *bytes, uint64_t size, const char *type, const char *name, const cli_values *values) {
  uint8_t *copy = size < SIZE_MAX ? malloc((size_t)size + 1) : NULL;
  if (!copy) return cli_fail(CLI_NO_SPACE, "%s is too large to be shown", name);
  if (size) memcpy(copy, bytes, (size_t)size);
  content what = {copy, (size_t)size, type};
  int failed = show(&what, name, values);
  free(copy);
  return failed;
}

static int show_board(const char *name, const cli_values *values) {
  int64_t wait_ns = (values->given & CLI_WAIT) ? values->wait_ns : values->timeout_ns;
  cli_reader reader;
  int failed = cli_reader_open(&reader, name, wait_ns);
  if (!failed) failed = cli_reader_next(&reader, wait_ns);
  const tarn_item *item = &reader.item;
  if (!failed) failed = show_copy(item->data, item->size_bytes, item->type ? item->type : "", name, values);
  cli_reader_close(&reader);
  return failed;
}

static int open_map(tarn_map **ret_map, const char *name) {
  tarn_options options = {.struct_size = sizeof options, .flags = TARN_EXISTING};
  return tarn_map_open(ret_map, name, TARN_MAP_READ, &options, 0);
}

static int show_map(const char *name, const cli_values *values) {
  tarn_map *map;
  tarn_view view;
  int result = open_map(&map, name);
  if (result) return cli_fail_result(result, name);
  tarn_map_details details = {.struct_size = sizeof details};
  result = tarn_map_info(map, &details);
  bool empty = !result && details.size_bytes == 0;
  if (!result && !empty) result = tarn_map_view(map, 0, 0, &view);
  tarn_map_close(map);
  if (result) return cli_fail_result(result, name);
  int failed = show_copy(empty ? NULL : view.data, empty ? 0 : view.size_bytes, "", name, values);
  if (!empty) tarn_view_close(&view);
  return failed;
}

static int show_file(const char *path, const cli_values *values) {
  cli_input input;
  cli_progress progress;
  uint8_t *bytes;
  uint64_t size;
  int failed = cli_input_open(&input, path);
  if (failed) return failed;
  cli_progress_start(&progress, input.size_bytes, values->quiet);
  failed = cli_input_read_all(&input, UINT64_MAX - 1, &bytes, &size, &progress);
  cli_progress_end(&progress);
  cli_input_close(&input);
  if (failed) return failed;
  content what = {bytes, (size_t)size, cli_guess_type(bytes, (size_t)size, path)};
  failed = show(&what, input.path, values);
  free(bytes);
  return failed;
}

/* Windows: a map under a plain name is no file and so in no directory; only opening it tells whether it is there. */
static bool is_map_without_file(const char *name, const cli_values *values) {
  tarn_map *map;
  if (values->kind != TARN_KIND_ANY && values->kind != TARN_KIND_MAP) return false;
  if (open_map(&map, name)) return false;
  tarn_map_close(map);
  return true;
}

static int look(const char *name, uint32_t kind, tarn_entry *ret_entry) {
  tarn_details *details = calloc(1, sizeof *details);
  if (!details) return TARN_E_NO_SPACE;
  details->struct_size = sizeof *details;
  int result = tarn_inspect(name, (int)kind, details, NULL, 0);
  if (!result) *ret_entry = details->entry;
  free(details);
  return result;
}

static int show_entry(const tarn_entry *entry, const char *name, const cli_values *values) {
  if (entry->kind == TARN_KIND_MAP) return show_map(name, values);
  /* a damaged one too: opening it says what is wrong */
  if (entry->kind == TARN_KIND_BOARD || (entry->flags & TARN_ENTRY_DAMAGED)) return show_board(name, values);
  return cli_fail(CLI_CORRUPT, "%s is a %s: `tarn recv %s` reads it; `show` shows boards, maps and files", name,
                  cli_kind_name(entry->kind), cli_typed(name));
}

int run_show(int count, char **operands, const cli_values *values) {
  const char *name = operands[0];
  tarn_entry entry;
  (void)count;
  if (strcmp(name, "-") == 0) return show_file(name, values);
  if (values->wait_ns || values->timeout_ns) return show_board(name, values); /* only a board is waited for */
  int result = look(name, values->kind, &entry);
  if (!result) return show_entry(&entry, name, values);
  /* not a name of Tarn's: then a file of that name */
  if (!values->kind && cli_path_kind(name) != CLI_PATH_NOTHING) return show_file(name, values);
  if (result == TARN_E_NOT_FOUND && is_map_without_file(name, values)) return show_map(name, values);
  return cli_fail_result(look(name, values->kind, &entry), name); /* once more, for its sentence instead of the map's */
}
