/* abi_test.c: what programs that are compiled already rely on: sizes and offsets of structures, numbers of results and flags. A
 * failure here means that such programs break: add at the end instead. Also that structures may grow: shorter ones count as zeros,
 * longer ones are refused only if something is set where this library knows nothing. */
#include <stddef.h>

#include "check.h"
#include "tarn/tarn.h"

#if UINTPTR_MAX > UINT32_MAX
#define BITS(in64, in32) (in64)
#elif defined(__i386__)
#define BITS(in64, in32) (in32)
#endif

static void test_structures(void) {
  CHECK_UINT(64, sizeof(tarn_options));
  CHECK_UINT(24, offsetof(tarn_options, size_bytes));
  CHECK_UINT(48, offsetof(tarn_options, from));
  CHECK_UINT(60, offsetof(tarn_options, max_deliveries));
  CHECK_UINT(BITS(32, 28), sizeof(tarn_about));
  CHECK_UINT(24, offsetof(tarn_about, type));
  CHECK_UINT(BITS(96, 88), sizeof(tarn_item));
  CHECK_UINT(BITS(8, 4), offsetof(tarn_item, size_bytes));
  CHECK_UINT(BITS(56, 48), offsetof(tarn_item, flags));
  CHECK_UINT(BITS(64, 60), sizeof(tarn_view));
  CHECK_UINT(24, sizeof(tarn_map_details));
  CHECK_UINT(1080, sizeof(tarn_entry));
  CHECK_UINT(64, sizeof(tarn_user));
  CHECK_UINT(536, sizeof(tarn_cleaned));
  CHECK_UINT(208, sizeof(tarn_participant));
  CHECK_UINT(2224, sizeof(tarn_details));
  CHECK_UINT(BITS(32, 20), sizeof(tarn_finding));
}

static void test_numbers(void) {
  CHECK_INT(-1, TARN_EMPTY);
  CHECK_INT(-6, TARN_BUSY);
  CHECK_INT(-64, TARN_E_INVALID);
  CHECK_INT(-73, TARN_E_CORRUPT);
  CHECK_INT(-78, TARN_E_SYSTEM);
  CHECK_INT(1, TARN_KEPT);
  CHECK_INT(1024, TARN_SCOPED);
  CHECK_INT(3, TARN_OBSERVER);
  CHECK_INT(3, TARN_KIND_STREAM);
  CHECK_INT(3, TARN_FINDING_PROBLEM);
}

static void test_names_of_results(void) {
  CHECK_STR("TARN_FULL", tarn_result_name(TARN_FULL));
  CHECK_STR("TARN_E_SYSTEM", tarn_result_name(TARN_E_SYSTEM));
  CHECK_STR("TARN_E_unknown", tarn_result_name(-1000));
  for (int result = TARN_E_SYSTEM; result <= TARN_E_INVALID; result++)
    CHECK(strcmp("TARN_E_unknown", tarn_result_name(result)) != 0);
}

static void test_version(void) {
  char text[32];
  snprintf(text, sizeof text, "%d.%d.%d", TARN_VERSION_MAJOR, TARN_VERSION_MINOR, TARN_VERSION_PATCH);
  CHECK_STR(text, tarn_version());
}

static int open_with(const void *options) {
  tarn_board *board = NULL;
  int result = tarn_board_open(&board, "grown", TARN_WRITER, options, 0);
  tarn_board_close(board);
  return result;
}

static void test_options_of_an_older_program(void) {
  tarn_options options = {.struct_size = offsetof(tarn_options, from), .from = 77, .group = 0xffffff};
  CHECK_OK(open_with(&options)); /* what lies beyond its size was never set */
  options.struct_size = 4;
  CHECK_RESULT(TARN_E_INVALID, open_with(&options)); /* no program ever had so few */
}

static void test_options_of_a_newer_program(void) {
  struct {
    tarn_options known;
    uint64_t unknown;
  } options = {{.struct_size = sizeof options}, 0};
  CHECK_OK(open_with(&options));
  options.unknown = 1;
  CHECK_RESULT(TARN_E_UNSUPPORTED, open_with(&options));
  CHECK_CONTAINS("grown", tarn_error_text());
}

static const check_test tests[] = {{"structures", test_structures, 0},
                                   {"numbers", test_numbers, 0},
                                   {"names_of_results", test_names_of_results, 0},
                                   {"version", test_version, 0},
                                   {"options_of_an_older_program", test_options_of_an_older_program, 0},
                                   {"options_of_a_newer_program", test_options_of_a_newer_program, 0},
                                   {0}};

int main(int argc, char **argv) { return check_main(argc, argv, tests, NULL); }
