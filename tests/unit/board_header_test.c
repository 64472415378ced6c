/* board_header_test.c: the header of a channel file, damaged in every field, with and without a checksum that agrees. Whatever it
 * says, opening and inspecting give an error with a sentence or a board that works; never a crash, a hang, or a look outside the file. */
#include <stddef.h>

#include "boards.h"
#include "header.h"
#include "layout.h"

static const char *file_path(void) {
  return check_path("damaged.board");
}

/* A kept board with one version in it, whose header is returned. */
static tn_header make_board(void) {
  tarn_options options = {.struct_size = sizeof options, .flags = TARN_KEPT, .slots = 4, .hold = 2};
  tarn_board *writer = open_writer("damaged", &options);
  tarn_about about = {.struct_size = sizeof about, .type = "text/plain"};
  CHECK_OK(tarn_board_put(writer, "value", 5, &about, 0));
  tarn_board_close(writer);
  tn_header header;
  FILE *file = fopen(file_path(), "rb");
  CHECK(file != NULL);
  CHECK_UINT(1, fread(&header, sizeof header, 1, file));
  fclose(file);
  return header;
}

static void write_at(long offset, const void *bytes, size_t size) {
  FILE *file = fopen(file_path(), "r+b");
  CHECK(file != NULL);
  CHECK_INT(0, fseek(file, offset, SEEK_SET));
  CHECK_UINT(size, fwrite(bytes, 1, size, file));
  CHECK_INT(0, fclose(file));
}

static void write_file(const void *bytes, size_t size) {
  FILE *file = fopen(file_path(), "wb");
  CHECK(file != NULL);
  CHECK_UINT(size, fwrite(bytes, 1, size, file));
  CHECK_INT(0, fclose(file));
}

static void remove_board(void) {
  CHECK_OK(tarn_remove("damaged", TARN_KIND_BOARD, 0));
}

/* ---- Using it in every way ------------------------------------------------------------------------------------------------ */

static int open_as(int role) {
  tarn_board *board = NULL;
  int result = tarn_board_open(&board, "damaged", role, NULL, 0);
  tarn_item item;
  char data[64];
  if (result == 0 && role == TARN_WRITER) {
    result = tarn_board_put(board, "new", 3, NULL, 0);
    CHECK(result == 0 || result <= TARN_E_INVALID);
  } else if (result == 0) {
    result = tarn_board_get(board, data, sizeof data, &item, 0);
  }
  tarn_board_close(board);
  return result;
}

static int inspect(void) {
  tarn_details details = {.struct_size = sizeof details};
  tarn_participant participants[8];
  return tarn_inspect("damaged", TARN_KIND_BOARD, &details, participants, 8);
}

static int is_damaged(const tarn_entry *entry, void *argument) {
  if (strcmp(entry->name, "damaged") == 0)
    *(int *)argument = (entry->flags & TARN_ENTRY_DAMAGED) != 0 && entry->why[0] != 0;
  return 0;
}

static int listed_as_damaged(void) {
  int damaged = -1;
  CHECK_OK(tarn_list(NULL, is_damaged, &damaged));
  return damaged;
}

/* Refused by everybody, for one reason, in words. */
static void expect_refused(int code, const char *part) {
  static const int roles[] = {TARN_WRITER, TARN_READER, TARN_OBSERVER};
  for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
    CHECK_RESULT(code, open_as(roles[i]));
    expect_sentence("damaged", part);
  }
  CHECK_RESULT(code, inspect());
  expect_sentence("damaged", part);
  CHECK_INT(1, listed_as_damaged());
}

/* ---- Damage --------------------------------------------------------------------------------------------------------------- */

static void test_every_byte(void) {
  tn_header header = make_board();
  for (size_t i = 0; i < sizeof header; i++) {
    unsigned char byte = (unsigned char)(((unsigned char *)&header)[i] ^ (1u << i % 8));
    write_at((long)i, &byte, 1);
    int result = open_as(TARN_READER);
    if (i >= 8 && i < 10)
      CHECK_RESULT(TARN_E_VERSION, result);
    else
      CHECK_RESULT(TARN_E_CORRUPT, result);
    expect_sentence("damaged", ""); /* names it */
    CHECK_RESULT(result, inspect());
    write_at((long)i, (unsigned char *)&header + i, 1);
  }
  CHECK_OK(open_as(TARN_READER));
  remove_board();
}

typedef struct field {
  const char *name;
  size_t offset, size;
} field;

#define FIELD(name) {#name, offsetof(tn_header, name), sizeof((tn_header *)0)->name}

static const field fields[] = {
    FIELD(major),          FIELD(minor),          FIELD(header_bytes), FIELD(incompatible), FIELD(compatible),  FIELD(kind),
    FIELD(flags),          FIELD(slots),          FIELD(hold),         FIELD(table_offset), FIELD(control_offset),
    FIELD(entries_offset), FIELD(entries),        FIELD(policy),       FIELD(data_offset),  FIELD(data_bytes),  FIELD(limit_bytes),
    FIELD(first_bytes),    FIELD(first_number),   FIELD(first_position), FIELD(max_deliveries),
};

/* Fields that may be anything as far as a board is concerned. */
static int is_free(const char *name) {
  static const char *const names[] = {"minor", "compatible", "policy", "first_position", "max_deliveries"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i], name) == 0)
      return 1;
  return 0;
}

/* A hostile creator seals what it likes. */
static void try_value(const tn_header *good, const field *at, uint64_t value) {
  tn_header bad = *good;
  memcpy((unsigned char *)&bad + at->offset, &value, at->size);
  if (memcmp(&bad, good, sizeof bad) == 0)
    return;
  tn_header_seal(&bad);
  write_at(0, &bad, sizeof bad);
  static const int roles[] = {TARN_OBSERVER, TARN_READER, TARN_WRITER};
  for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
    int result = open_as(roles[i]);
    if (result != 0 && result != TARN_EMPTY && result != TARN_NO_WRITER) {
      CHECK(result <= TARN_E_INVALID);
      CHECK_CONTAINS("damaged", tarn_error_text());
      CHECK(result != TARN_E_SYSTEM);
    }
    if (is_free(at->name))
      CHECK_OK(result);
  }
  inspect();
}

static void test_every_field_resealed(void) {
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    uint64_t good_value = 0;
    tn_header good = make_board();
    memcpy(&good_value, (unsigned char *)&good + fields[i].offset, fields[i].size);
    const uint64_t values[] = {0,          1,          2,           good_value - 1, good_value + 1, good_value * 2, good_value + 65536,
                               UINT16_MAX, UINT32_MAX, 1u << 31,    INT64_MAX,      UINT64_MAX,     UINT64_MAX - 4095,
                               UINT64_C(1) << 62,      UINT64_C(1) << 63};
    for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
      try_value(&good, &fields[i], values[k]);
      int result = tarn_remove("damaged", TARN_KIND_BOARD, 0);
      CHECK(result == 0 || (result == TARN_E_NOT_FOUND && strcmp(fields[i].name, "flags") == 0)); /* no longer kept: gone already */
      good = make_board();                                                                       /* a writer may have changed it */
    }
    remove_board();
  }
}

/* ---- Versions ------------------------------------------------------------------------------------------------------------- */

static void reseal(tn_header *header) {
  tn_header_seal(header);
  write_at(0, header, sizeof *header);
}

static void test_versions(void) {
  tn_header header = make_board();
  header.minor = TN_FORMAT_MINOR + 7;
  header.compatible = 0xf00;
  memset(header.reserved, 0x5a, sizeof header.reserved); /* what a newer minor format may have put there */
  reseal(&header);
  CHECK_OK(open_as(TARN_READER));
  CHECK_OK(open_as(TARN_OBSERVER));
  CHECK_OK(open_as(TARN_WRITER));
  header.major = TN_FORMAT_MAJOR + 3;
  reseal(&header);
  char both[64];
  snprintf(both, sizeof both, "format is %d.%d", TN_FORMAT_MAJOR + 3, TN_FORMAT_MINOR + 7);
  expect_refused(TARN_E_VERSION, both);
  snprintf(both, sizeof both, "knows %d.%d", TN_FORMAT_MAJOR, TN_FORMAT_MINOR);
  expect_refused(TARN_E_VERSION, both);
  header.major = TN_FORMAT_MAJOR;
  header.incompatible = 0x40;
  reseal(&header);
  expect_refused(TARN_E_VERSION, "0x40");
  remove_board(); /* what cannot be opened can be removed */
  CHECK_RESULT(TARN_E_NOT_FOUND, open_as(TARN_READER));
}

/* ---- The file as a whole --------------------------------------------------------------------------------------------------- */

static void test_short_files(void) {
  tn_header header = make_board();
  static unsigned char zeros[1 << 17];
  static const size_t sizes[] = {0, 1, 255, 256, 4096, 65536, 100000, 131071};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    write_file(zeros, sizes[i]);
    expect_refused(TARN_E_CORRUPT, sizes[i] < 256 ? "too few" : "does not begin");
  }
  memcpy(zeros, &header, sizeof header);
  for (size_t i = 3; i < 6; i++) { /* a good header, and not all that it tells of */
    if (sizes[i] >= header.data_offset)
      break;
    write_file(zeros, sizes[i]);
    expect_refused(TARN_E_CORRUPT, "shorter than its header says");
  }
  remove_board();
}

/* A plain name that is no channel can go; a path may be that of something else, and nobody is told to remove it. */
static void test_path_to_something_else(void) {
  static const size_t sizes[] = {5, 131072}; /* too few, and enough */
  static unsigned char text[131072];
  memset(text, 't', sizeof text);
  make_board();
  for (size_t i = 0; i < 2; i++) {
    write_file(text, sizes[i]);
    CHECK_RESULT(TARN_E_CORRUPT, open_as(TARN_WRITER));
    CHECK_CONTAINS("remove it with `tarn rm`", tarn_error_text());
    tarn_board *board = NULL;
    CHECK_RESULT(TARN_E_CORRUPT, tarn_board_open(&board, file_path(), TARN_WRITER, NULL, 0));
    CHECK_CONTAINS("path of a channel's file", tarn_error_text());
    CHECK(strstr(tarn_error_text(), "tarn rm") == NULL);
  }
  remove_board();
}

/* The tables say that there is a version, but the file ends before it. */
static void test_cut_short_after_the_tables(void) {
  tn_header header = make_board();
  static unsigned char tables[1 << 20];
  CHECK(header.data_offset <= sizeof tables);
  FILE *file = fopen(file_path(), "rb");
  CHECK_UINT(1, fread(tables, (size_t)header.data_offset, 1, file));
  fclose(file);
  write_file(tables, (size_t)header.data_offset);
  CHECK_RESULT(TARN_E_CORRUPT, open_as(TARN_READER));
  expect_sentence("damaged", "cut short");
  CHECK_RESULT(TARN_E_CORRUPT, open_as(TARN_OBSERVER));
  expect_sentence("damaged", "");
  CHECK_RESULT(TARN_E_CORRUPT, open_as(TARN_WRITER));
  expect_sentence("damaged", "");
  inspect();
  remove_board();
}

static void test_another_kind(void) {
  tn_header header = make_board();
  header.kind = TARN_KIND_STREAM;
  reseal(&header);
  expect_refused(TARN_E_KIND, "stream");
  header.kind = 99;
  reseal(&header);
  expect_refused(TARN_E_KIND, "kind");
  header.kind = TARN_KIND_BOARD;
  reseal(&header);
  CHECK_OK(open_as(TARN_READER));
  remove_board();
}

/* ---- Numbers near their ends ------------------------------------------------------------------------------------------------ */

/* A board whose first version has this number: the header is changed before anything was published. */
static void start_at(uint64_t number) {
  tarn_options options = {.struct_size = sizeof options, .flags = TARN_KEPT, .slots = 4};
  tarn_board_close(open_writer("damaged", &options));
  FILE *file = fopen(file_path(), "rb");
  tn_header header;
  CHECK(file != NULL);
  CHECK_UINT(1, fread(&header, sizeof header, 1, file));
  fclose(file);
  header.first_number = number;
  reseal(&header);
}

static void test_past_32_bits(void) {
  uint64_t first = (UINT64_C(1) << 32) - 100;
  start_at(first);
  tarn_board *writer = open_writer("damaged", NULL), *reader = open_reader("damaged"), *observer = NULL;
  CHECK_OK(tarn_board_open(&observer, "damaged", TARN_OBSERVER, NULL, 0));
  for (uint64_t i = 0; i < 300; i++) {
    uint64_t value = i, seen = 0;
    CHECK_OK(tarn_board_put(writer, &value, sizeof value, NULL, 0));
    tarn_item item;
    CHECK_OK(tarn_board_read(reader, &item, 0));
    CHECK_UINT(first + i, item.number);
    CHECK_MEM(&value, item.data, sizeof value);
    CHECK_OK(tarn_board_release(reader, &item));
    if (i % 3 != 0)
      continue;
    CHECK_OK(tarn_board_get(observer, &seen, sizeof seen, &item, 0));
    CHECK_UINT(first + i, item.number);
    CHECK_UINT(i != 0 ? 2 : 0, item.missed);
    CHECK_UINT(i, seen);
  }
  tarn_board_close(observer);
  tarn_board_close(reader);
  tarn_board_close(writer);
  remove_board();
}

/* Version numbers have 48 bits. Nobody will publish so often, but if somebody does, it ends with a word and the last value stays. */
static void test_up_to_48_bits(void) {
  uint64_t last = (UINT64_C(1) << 48) - 1;
  start_at(last - 2);
  tarn_board *writer = open_writer("damaged", NULL), *reader = open_reader("damaged");
  put_text(writer, "last but two");
  put_text(writer, "last but one");
  put_text(writer, "last");
  tarn_item item;
  char data[16];
  CHECK_OK(tarn_board_get(reader, data, sizeof data, &item, 0));
  CHECK_UINT(last, item.number);
  CHECK_RESULT(TARN_E_UNSUPPORTED, tarn_board_put(writer, "one more", 8, NULL, 0));
  expect_sentence("damaged", "used up");
  tarn_board_close(writer);
  tarn_board_close(reader);
  reader = open_reader("damaged");
  expect_text(reader, "last");
  tarn_board_close(reader);
  remove_board();
}

static const check_test tests[] = {
    {"every_byte", test_every_byte, 0},
    {"every_field_resealed", test_every_field_resealed, 60},
    {"versions", test_versions, 0},
    {"short_files", test_short_files, 0},
    {"path_to_something_else", test_path_to_something_else, 0},
    {"cut_short_after_the_tables", test_cut_short_after_the_tables, 0},
    {"another_kind", test_another_kind, 0},
    {"past_32_bits", test_past_32_bits, 0},
    {"up_to_48_bits", test_up_to_48_bits, 0},
    {0},
};

int main(int argc, char **argv) {
  return check_main(argc, argv, tests, NULL);
}
