/* words_test.c: sizes and times as people write them, arguments by the table, guesses of types. */
#include "check.h"
#include "cli.h"

static uint64_t size_of(const char *text) {
  uint64_t bytes = 0;
  if (!cli_parse_size(text, &bytes)) check_true(false, text, __FILE__, __LINE__);
  return bytes;
}

static void test_sizes(void) {
  CHECK_UINT(0, size_of("0"));
  CHECK_UINT(12, size_of("12"));
  CHECK_UINT(12, size_of("12B"));
  CHECK_UINT(65536, size_of("64KiB"));
  CHECK_UINT(65536, size_of("64K"));
  CHECK_UINT(64000, size_of("64KB"));
  CHECK_UINT(4096, size_of("4k"));
  CHECK_UINT(4096, size_of("4kib"));
  CHECK_UINT(4000, size_of("4kB"));
  CHECK_UINT(UINT64_C(12) << 20, size_of("12m"));
  CHECK_UINT(UINT64_C(2) << 30, size_of("2g"));
  CHECK_UINT(UINT64_C(1) << 40, size_of("1t"));
  CHECK_UINT(7, size_of("7b"));
  CHECK_UINT(UINT64_C(26) << 20, size_of("26M"));
  CHECK_UINT(UINT64_C(1) << 30, size_of("1 G"));
  CHECK_UINT(UINT64_C(3) << 29, size_of("1.5GiB"));
  CHECK_UINT(UINT64_MAX, size_of("18446744073709551615"));
  CHECK_UINT(UINT64_C(0xffffff) << 40, size_of("16777215T"));
}

static void test_sizes_that_are_none(void) {
  static const char *const wrong[] = {"",          "M",
                                      "-1",        "1.",
                                      ".5M",       "1.5",
                                      "1.5B",      "12X",
                                      "12MM",      "1e3",
                                      " 1",        "1M ",
                                      "0x10",      "18446744073709551616",
                                      "16777216T", "1.1234567891M",
                                      "m",         "12mi",
                                      "12min",     "12 kk"};
  uint64_t bytes = 77;
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    if (cli_parse_size(wrong[i], &bytes)) check_true(false, wrong[i], __FILE__, __LINE__);
  }
  CHECK_UINT(77, bytes);
}

static void test_times(void) {
  int64_t ns = 0;
  CHECK(cli_parse_time("2s", &ns));
  CHECK_INT(INT64_C(2000000000), ns);
  CHECK(cli_parse_time("500ms", &ns));
  CHECK_INT(500000000, ns);
  CHECK(cli_parse_time("1.5h", &ns));
  CHECK_INT(INT64_C(5400000000000), ns);
  CHECK(cli_parse_time("0", &ns));
  CHECK_INT(0, ns);
  CHECK(cli_parse_time("forever", &ns));
  CHECK_INT(TARN_FOREVER, ns);
  ns = 77;
  static const char *const wrong[] = {"5", "", "s", "-1s", "1M", "2S", "for ever", "9223372037s", "1.5ns"};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    if (cli_parse_time(wrong[i], &ns)) check_true(false, wrong[i], __FILE__, __LINE__);
  }
  CHECK_INT(77, ns);
}

static void test_modes_and_numbers(void) {
  uint32_t mode = 1;
  uint64_t number = 1;
  CHECK(cli_parse_mode("0640", &mode));
  CHECK_UINT(0640, mode);
  CHECK(cli_parse_mode("660", &mode));
  CHECK(!cli_parse_mode("0648", &mode));
  CHECK(!cli_parse_mode("7777", &mode));
  CHECK(!cli_parse_mode("0", &mode));
  CHECK(!cli_parse_mode("", &mode));
  CHECK_UINT(0660, mode);
  CHECK(cli_parse_number("0xff", &number));
  CHECK_UINT(255, number);
  CHECK(cli_parse_number("18446744073709551615", &number));
  CHECK(!cli_parse_number("18446744073709551616", &number));
  CHECK(!cli_parse_number("0x", &number));
  CHECK(!cli_parse_number("12a", &number));
}

static void test_words_for_sizes(void) {
  char words[CLI_WORDS];
  CHECK_STR("0 bytes", cli_size_words(0, words));
  CHECK_STR("1 byte", cli_size_words(1, words));
  CHECK_STR("1023 bytes", cli_size_words(1023, words));
  CHECK_STR("64 KiB", cli_size_words(65536, words));
  CHECK_STR("1.4 MiB", cli_size_words(1440054, words));
  CHECK_STR("16.0 EiB", cli_size_words(UINT64_MAX, words));
  CHECK_STR("2 h", cli_age_words(INT64_C(7300000000000), words));
  CHECK_STR("500 ms", cli_age_words(500000000, words));
  CHECK_STR("0 ns", cli_age_words(-5, words));
  CHECK_STR("1500 ms", cli_time_given_words(INT64_C(1500000000), words)); /* as it was given, not roughly */
  CHECK_STR("90 s", cli_time_given_words(INT64_C(90000000000), words));
  CHECK_STR("2 min", cli_time_given_words(INT64_C(120000000000), words));
  CHECK_STR("1 ns", cli_time_given_words(1, words));
}

/* ---- Arguments ------------------------------------------------------------------------------------------------------ */

enum { MOST_WORDS = 16 };

/* Parses a line of words separated by single spaces, as for `tarn LINE`. */
static int parse(const char *line, cli_values *values, int *operands, char **words) {
  static char copy[512];
  int count = 0, named = 0;
  snprintf(copy, sizeof copy, "%s", line);
  for (char *word = strtok(copy, " "); word && count < MOST_WORDS; word = strtok(NULL, " ")) words[count++] = word;
  const cli_command *command = cli_find_command(count, words, &named);
  CHECK(command != NULL);
  *values = (cli_values){0};
  int result = cli_parse(command, count - named, words + named, values, operands);
  memmove(words, words + named, sizeof(char *) * (size_t)(count - named));
  return result;
}

static void test_operands_and_options_in_any_order(void) {
  char *words[MOST_WORDS];
  cli_values v;
  int count;
  CHECK_INT(CLI_DONE, parse("put --tag=7 name -q --type image/bmp file", &v, &count, words));
  CHECK_INT(2, count);
  CHECK_STR("name", words[0]);
  CHECK_STR("file", words[1]);
  CHECK_UINT(7, v.tag);
  CHECK(v.quiet);
  CHECK_STR("image/bmp", v.type);
  CHECK_UINT(CLI_TAG | CLI_QUIET | CLI_TYPE, v.given);
  CHECK_INT(CLI_DONE, parse("get name - -w2s", &v, &count, words));
  CHECK_STR("-", words[1]);
  CHECK_INT(INT64_C(2000000000), v.wait_ns);
  CHECK_INT(CLI_DONE, parse("get -qfjw2s name", &v, &count, words)); /* letters together, the last with its value */
  CHECK_INT(1, count);
  CHECK(v.quiet && v.follow && v.json);
  CHECK_INT(INT64_C(2000000000), v.wait_ns);
  CHECK_INT(CLI_DONE, parse("get -qw 3s name", &v, &count, words));
  CHECK_INT(INT64_C(3000000000), v.wait_ns);
  CHECK_INT(CLI_DONE, parse("rm -- --force -q", &v, &count, words));
  CHECK_INT(2, count);
  CHECK(!v.force);
  CHECK_INT(CLI_DONE, parse("show x --colors 16 --kind map", &v, &count, words));
  CHECK_UINT(3, v.colors);
  CHECK_UINT(TARN_KIND_MAP, v.kind);
}

static void test_the_same_name_in_two_commands(void) {
  char *words[MOST_WORDS];
  cli_values v;
  int count;
  CHECK_INT(CLI_DONE, parse("create board b --hold 3", &v, &count, words));
  CHECK_UINT(3, v.hold);
  CHECK(!v.stay);
  CHECK_INT(CLI_DONE, parse("map create m --hold 3K", &v, &count, words));
  CHECK(v.stay);
  CHECK_INT(2, count);
}

static void test_wrong_arguments(void) {
  static const char *const wrong[] = {"put",
                                      "put a b c",
                                      "put a --tag",
                                      "put a --tag seven",
                                      "put a --follow",
                                      "put a --quiet=yes",
                                      "put a -qx",
                                      "put a -qt",
                                      "get a --wait 5",
                                      "create board a --mode rw",
                                      "show a --colors 17",
                                      "show a --colors",
                                      "map create a",
                                      "ls a b",
                                      "rm",
                                      "map resize a 1K 2K"};
  char *words[MOST_WORDS];
  cli_values v;
  int count;
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    if (parse(wrong[i], &v, &count, words) != CLI_USAGE) check_true(false, wrong[i], __FILE__, __LINE__);
  }
  CHECK_INT(CLI_DONE, parse("put --help", &v, &count, words)); /* help needs no operands */
  CHECK(v.help);
}

static void test_commands(void) {
  char *map[] = {"map", "create", "x"}, *half[] = {"map", "creat"}, *part[] = {"pu"};
  int words = 0;
  CHECK_STR("map create", cli_find_command(3, map, &words)->name);
  CHECK_INT(2, words);
  CHECK(cli_find_command(1, map, &words) == NULL);
  CHECK(cli_find_command(2, half, &words) == NULL);
  CHECK(cli_find_command(1, part, &words) == NULL);
  const char *const names[] = {"type", "tag", "timeout", NULL};
  CHECK_STR("type", cli_nearest("tpye", names));
  CHECK_STR("timeout", cli_nearest("time-out", names));
  CHECK(cli_nearest("something", names) == NULL);
}

/* No command has two options of one name or letter, and each option has a command. */
static void test_the_table_is_sound(void) {
  uint64_t used = CLI_COMMON;
  for (const cli_command *c = cli_commands; c->name; c++) {
    used |= c->options;
    CHECK(c->run != NULL && c->summary && c->examples);
    for (const cli_option *a = cli_options; a->name; a++) {
      for (const cli_option *b = a + 1; b->name; b++) {
        if (!((c->options | CLI_COMMON) & a->bit) || !((c->options | CLI_COMMON) & b->bit)) continue;
        CHECK(strcmp(a->name, b->name) != 0);
        CHECK(a->letter == 0 || a->letter != b->letter);
      }
    }
  }
  for (const cli_option *o = cli_options; o->name; o++) CHECK((used & o->bit) != 0);
}

/* ---- Types and text -------------------------------------------------------------------------------------------------- */

static const char *type_of(const char *text, const char *path) {
  return cli_guess_type((const uint8_t *)text, strlen(text), path);
}

static void test_types(void) {
  static const uint8_t bmp[18] = {'B', 'M', 1, 2, 3, 4, 0, 0, 0, 0, 54, 0, 0, 0, 40};
  CHECK_STR("image/bmp", cli_guess_type(bmp, sizeof bmp, NULL));
  CHECK_STR("application/octet-stream", cli_guess_type(bmp, 17, NULL));
  CHECK_STR("text/plain", type_of("BMW makes cars and motorcycles", NULL));
  CHECK_STR("image/png", type_of("\x89PNG\r\n\x1a\n....", NULL));
  CHECK_STR("image/jpeg", type_of("\xff\xd8\xff\xe0", "x.txt"));
  CHECK_STR("application/json", type_of("{}", "settings.json"));
  CHECK_STR("text/plain", type_of("gr\xc3\xbc\xc3\x9f", "x.bin"));
  CHECK_STR("application/octet-stream", type_of("\xc3", NULL));
  CHECK_STR("application/octet-stream", type_of("", "empty.json"));
}

static void test_utf8(void) {
  static const struct {
    const char *bytes;
    size_t length;
  } cases[] = {{"a", 1},
               {"\xc3\xbc", 2},
               {"\xe2\x82\xac", 3},
               {"\xf0\x9f\xa6\x8b", 4},
               {"\x80", 0},
               {"\xc0\x80", 0},
               {"\xc3", 0},
               {"\xe0\x80\x80", 0},
               {"\xed\xa0\x80", 0},
               {"\xf0\x80\x80\x80", 0},
               {"\xf4\x90\x80\x80", 0},
               {"\xff", 0},
               {"\xe2\x82", 0},
               {"\xc3(", 0}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    CHECK_UINT(cases[i].length, cli_utf8_length((const uint8_t *)cases[i].bytes, strlen(cases[i].bytes)));
  }
  CHECK_UINT(0, cli_utf8_length((const uint8_t *)"a", 0));
  CHECK(cli_is_text((const uint8_t *)"caf\xc3", 4)); /* cut within a character */
  CHECK(!cli_is_text((const uint8_t *)"caf\xc3"
                                      "e",
                     5));
  CHECK(!cli_is_text((const uint8_t *)"a\0b", 3));
}

static const char *printed(void (*print)(FILE *, const char *, size_t), const char *text) {
  static char out[512];
  char path[1024];
  snprintf(path, sizeof path, "%s", check_path("printed"));
  FILE *file = fopen(path, "wb+");
  CHECK(file != NULL);
  print(file, text, strlen(text));
  rewind(file);
  out[fread(out, 1, sizeof out - 1, file)] = 0;
  fclose(file);
  return out;
}

static void json_sized(FILE *to, const char *text, size_t size) {
  (void)size;
  cli_print_json(to, text);
}

/* What a hostile writer put into a type or a name must not reach the terminal as a command to it. */
static void test_hostile_text(void) {
  CHECK_STR("a\\x1b[31mb\\x0a", printed(cli_print_safe, "a\033[31mb\n"));
  CHECK_STR("gr\xc3\xbc\\xff\\xc2\\x9b", printed(cli_print_safe, "gr\xc3\xbc\xff\xc2\x9b"));
  CHECK_STR("\"say \\\"hi\\\" \\\\ \\u000a\\ufffd\"", printed(json_sized, "say \"hi\" \\ \n\xff"));
}

/* A recommended command is pasted into the shell that is there. */
static void test_quoted_names(void) {
#ifdef _WIN32
  static const char *const cases[][2] = {{"a\\b:c", "a\\b:c"},
                                         {"C:\\my maps\\a", "\"C:\\my maps\\a\""},
                                         {"C:\\my maps\\", "\"C:\\my maps\\\\\""},
                                         {"\\\\?\\C:\\a", "\"\\\\?\\C:\\a\""},
                                         {"say \\\"hi\"", "\"say \\\\\\\"hi\\\"\""},
                                         {"it's", "\"it's\""},
                                         {"", "\"\""}};
#else
  static const char *const cases[][2] = {
      {"a/b:c", "a/b:c"}, {"a b", "'a b'"}, {"Local\\a", "'Local\\a'"}, {"it's", "'it'\\''s'"}, {"$(a)", "'$(a)'"}, {"", "''"}};
#endif
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) CHECK_STR(cases[i][1], cli_typed(cases[i][0]));
  CHECK_STR("-- -a", cli_typed("-a"));
  cli_report_directory("b c");
  CHECK_CONTAINS("--dir ", cli_typed("a"));
  CHECK_CONTAINS("b c", cli_typed("a"));
  cli_report_directory(NULL);
}

static const check_test tests[] = {{"sizes", test_sizes, 0},
                                   {"sizes_that_are_none", test_sizes_that_are_none, 0},
                                   {"times", test_times, 0},
                                   {"quoted_names", test_quoted_names, 0},
                                   {"modes_and_numbers", test_modes_and_numbers, 0},
                                   {"words_for_sizes", test_words_for_sizes, 0},
                                   {"operands_and_options_in_any_order", test_operands_and_options_in_any_order, 0},
                                   {"the_same_name_in_two_commands", test_the_same_name_in_two_commands, 0},
                                   {"wrong_arguments", test_wrong_arguments, 0},
                                   {"commands", test_commands, 0},
                                   {"the_table_is_sound", test_the_table_is_sound, 0},
                                   {"types", test_types, 0},
                                   {"utf8", test_utf8, 0},
                                   {"hostile_text", test_hostile_text, 0},
                                   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, NULL); }
