/* map_test.c: the examples of maps, run as a user runs them, on good files and on files that lie. */
#include "check.h"

/* Where this build puts examples, and what programs are called. */
static const char *example(const char *name) {
  static char path[1024];
#ifdef _WIN32
  snprintf(path, sizeof path, "%s\\%s.exe", TEST_BUILD_DIR, name);
#else
  snprintf(path, sizeof path, "%s/examples/%s", TEST_BUILD_DIR, name);
#endif
  return path;
}

static void write_file(const char *path, const void *data, size_t size) {
  FILE *file = fopen(path, "wb");
  CHECK(file != NULL);
  CHECK_UINT(size, fwrite(data, 1, size, file));
  CHECK_INT(0, fclose(file));
}

static unsigned char *read_file(const char *path, size_t *ret_size) {
  FILE *file = fopen(path, "rb");
  CHECK(file != NULL);
  CHECK_INT(0, fseek(file, 0, SEEK_END));
  *ret_size = (size_t)ftell(file);
  rewind(file);
  unsigned char *data = malloc(*ret_size + 1);
  CHECK(data != NULL);
  CHECK_UINT(*ret_size, fread(data, 1, *ret_size, file));
  fclose(file);
  return data;
}

/* ---- large_file ----------------------------------------------------------------------------------------------------- */

static uint32_t crc_of(const unsigned char *data, size_t size) { /* bit by bit: not the example's way */
  uint32_t crc = ~0u;
  for (size_t i = 0; i < size; i++)
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (((crc ^ (data[i] >> bit)) & 1) ? 0xedb88320u : 0);
  return ~crc;
}

static void test_large_file(void) {
  CHECK_UINT(0xcbf43926u, crc_of((const unsigned char *)"123456789", 9)); /* the check value that everybody gives */
  static const size_t sizes[] = {0, 1, 9, 65536, 300001};
  static const char *const windows[] = {"9999", "65536", "70001", "100000000"};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    const char *path = check_path("large");
    unsigned char *data = malloc(sizes[i] + 1);
    unsigned lines = 0;
    CHECK(data != NULL);
    for (size_t k = 0; k < sizes[i]; k++) {
      data[k] = (unsigned char)check_random();
      lines += data[k] == '\n';
    }
    write_file(path, data, sizes[i]);
    char expected[100];
    snprintf(expected, sizeof expected, "%u bytes, %u lines, crc %08x", (unsigned)sizes[i], lines, crc_of(data, sizes[i]));
    for (size_t k = 0; k < sizeof windows / sizeof windows[0]; k++) {
      check_process *run = check_start_program(example("large_file"), path, windows[k], NULL);
      check_expect(run, expected);
      CHECK_INT(0, check_wait(run));
    }
    free(data);
  }
  CHECK_INT(1, check_wait(check_start_program(example("large_file"), check_path("nothing"), NULL)));
  CHECK_INT(2, check_wait(check_start_program(example("large_file"), check_path("large"), "0", NULL)));
  CHECK_INT(2, check_wait(check_start_program(example("large_file"), NULL)));
}

/* ---- sections ------------------------------------------------------------------------------------------------------- */

/* The exit code; *ret_text: everything it said. */
static int list_sections(const char *path, char *ret_text, size_t size) {
  check_process *run = check_start_program(example("sections"), path, NULL);
  const char *line;
  size_t used = 0;
  ret_text[0] = 0;
  while ((line = check_line(run)) != NULL)
    if (used + strlen(line) + 2 < size) used += (size_t)snprintf(ret_text + used, size - used, "%s\n", line);
  return check_wait(run);
}

static void test_sections_of_itself(void) {
  static char text[65536];
  CHECK_INT(0, list_sections(example("sections"), text, sizeof text)); /* ELF here, PE there */
  CHECK_CONTAINS(".text", text);
  CHECK_CONTAINS(".data", text);
  CHECK_CONTAINS(".bss", text);
}

static void put(unsigned char *at, uint64_t value, int width) {
  for (int i = 0; i < width; i++) at[i] = (unsigned char)(value >> (8 * i));
}

static void test_sections_of_the_other_system(void) {
  char text[4096];
  unsigned char pe[512] = {'M', 'Z'};
  put(pe + 0x3c, 0x80, 4);
  memcpy(pe + 0x80, "PE\0\0", 4);
  put(pe + 0x86, 2, 2);
  put(pe + 0x94, 16, 2);
  memcpy(pe + 0x80 + 24 + 16, ".code\0\0\0", 8);
  put(pe + 0x80 + 24 + 16 + 12, 0x1000, 4);
  put(pe + 0x80 + 24 + 16 + 16, 12345, 4);
  memcpy(pe + 0x80 + 24 + 16 + 40, "full\x1b[8m", 8); /* no end, and nothing for a terminal */
  write_file(check_path("pe"), pe, sizeof pe);
  CHECK_INT(0, list_sections(check_path("pe"), text, sizeof text));
  CHECK_CONTAINS("   0  .code                                 1000         12345\n", text);
  CHECK_CONTAINS("full?[8m ", text);

  unsigned char elf[512] = {0x7f, 'E', 'L', 'F', 1, 2}; /* 32 bits, big-endian */
  static const struct {
    int at, width;
    uint32_t value;
  } fields[] = {{0x20, 4, 0x100},
                {0x2e, 2, 40},
                {0x30, 2, 2},
                {0x32, 2, 1}, /* header: table, entry size, count, names */
                {0x100 + 40, 4, 1},
                {0x100 + 40 + 12, 4, 0xabc},
                {0x100 + 40 + 16, 4, 0x80},
                {0x100 + 40 + 20, 4, 11}};
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
    for (int k = 0; k < fields[i].width; k++)
      elf[fields[i].at + k] = (unsigned char)(fields[i].value >> (8 * (fields[i].width - 1 - k)));
  memcpy(elf + 0x80, "\0.shstrtab\0", 11);
  write_file(check_path("elf"), elf, sizeof elf);
  CHECK_INT(0, list_sections(check_path("elf"), text, sizeof text));
  CHECK_CONTAINS("   1  .shstrtab                              abc            11\n", text);
}

static void test_sections_of_anything_else(void) {
  char text[4096];
  write_file(check_path("text"), "hello", 5);
  CHECK_INT(1, list_sections(check_path("text"), text, sizeof text));
  write_file(check_path("empty"), "", 0);
  CHECK_INT(1, list_sections(check_path("empty"), text, sizeof text));
  CHECK_INT(1, list_sections(check_path("nothing"), text, sizeof text));
}

/* Cut short at any length, and with any bytes of the headers spoiled: listed or refused, never a crash. Chance alone
 * may leave every file good enough to be listed; one that ends within its first header is refused for certain. */
static void test_sections_of_damaged_files(void) {
  size_t size;
  static char text[65536];
  unsigned char *good = read_file(example("sections"), &size), *bad = malloc(size);
  CHECK(bad != NULL);
  for (size_t length = 1; length < 52; length += 10) {
    write_file(check_path("bad"), good, length);
    CHECK_INT(1, list_sections(check_path("bad"), text, sizeof text));
  }
  for (int run = 0; run < 40; run++) {
    memcpy(bad, good, size);
    size_t length = run % 3 == 0 ? (size_t)check_random() % size : size;
    for (int i = 0; i < run % 7; i++) bad[4 + check_random() % 300] = (unsigned char)check_random();
    for (int i = 0; i < run % 5; i++)
      bad[size - 1 - check_random() % (size < 2600 ? size : 2600)] = (unsigned char)check_random();
    write_file(check_path("bad"), bad, length);
    int code = list_sections(check_path("bad"), text, sizeof text);
    CHECK(code == 0 || code == 1);
  }
  free(good);
  free(bad);
}

static const check_test tests[] = {{"large_file", test_large_file, 0},
                                   {"sections_of_itself", test_sections_of_itself, 0},
                                   {"sections_of_the_other_system", test_sections_of_the_other_system, 0},
                                   {"sections_of_anything_else", test_sections_of_anything_else, 0},
                                   {"sections_of_damaged_files", test_sections_of_damaged_files, 0},
                                   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, NULL); }
