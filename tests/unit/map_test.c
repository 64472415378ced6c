/* map_test.c: raw maps within one process, on every system: opening, views, flushing, resizing, what can be asked wrongly. */
#include <tarn/map.h>

#include "check.h"
#include "os/os.h"

static tarn_options sized(uint64_t size_bytes, uint32_t flags) {
  return (tarn_options){.struct_size = sizeof(tarn_options), .flags = flags, .size_bytes = size_bytes};
}

static tarn_map *open_with(const char *path, int access, uint64_t size_bytes, uint32_t flags) {
  tarn_map *map = NULL;
  tarn_options options = sized(size_bytes, flags);
  CHECK_OK(tarn_map_open(&map, path, access, &options, 0));
  return map;
}

static tarn_map_details info_of(tarn_map *map) {
  tarn_map_details details = {.struct_size = sizeof details};
  CHECK_OK(tarn_map_info(map, &details));
  return details;
}

static void refused(int expected, const char *part, const char *name, int access, const tarn_options *options) {
  tarn_map *map = (tarn_map *)&map; /* must stay untouched */
  CHECK_RESULT(expected, tarn_map_open(&map, name, access, options, 0));
  CHECK(map == (tarn_map *)&map);
  CHECK_CONTAINS(part, tarn_error_text());
}

/* ---- Opening -------------------------------------------------------------------------------------------------------- */

static void test_create_and_open(void) {
  const char *path = check_path("raw");
  tarn_map *maker = open_with(path, TARN_MAP_WRITE, 12345, 0);
  tarn_map_details made = info_of(maker);
  CHECK_UINT(12345, made.size_bytes);
  CHECK_UINT(TARN_MAP_CREATED | TARN_MAP_KEPT, made.flags & ~(uint32_t)TARN_MAP_ON_DISK);
  CHECK_INT(TARN_MAP_WRITE, made.access);
  tarn_view view;
  CHECK_OK(tarn_map_view(maker, 0, 0, &view));
  CHECK_UINT(12345, view.size_bytes);
  for (size_t i = 0; i < 12345; i++) CHECK(((unsigned char *)view.data)[i] == 0);
  memcpy(view.data, "hello", 5);

  tarn_map *other = open_with(path, TARN_MAP_READ, 0, 0);
  tarn_map_details found = info_of(other);
  CHECK_UINT(12345, found.size_bytes);
  CHECK_UINT(TARN_MAP_KEPT, found.flags & ~(uint32_t)TARN_MAP_ON_DISK);
  tarn_view reading;
  CHECK_OK(tarn_map_view(other, 0, 0, &reading));
  CHECK_MEM("hello", reading.data, 5);
  tarn_view_close(&reading);
  tarn_view_close(&view);
  tarn_map_close(other);
  tarn_map_close(maker);

  other = open_with(path, TARN_MAP_READ, 0, TARN_EXISTING); /* kept: it is there without users */
  CHECK_OK(tarn_map_view(other, 1, 4, &reading));
  CHECK_MEM("ello", reading.data, 4);
  tarn_view_close(&reading);
  tarn_map_close(other);
}

static void test_create_open_either(void) {
  const char *path = check_path("raw");
  tarn_options options = sized(100, TARN_EXISTING);
  refused(TARN_E_NOT_FOUND, "create it first", path, TARN_MAP_READ, &options);
  refused(TARN_E_NOT_FOUND, path, path, TARN_MAP_READ, NULL);

  tarn_map *map = open_with(path, TARN_MAP_WRITE, 100, TARN_EXCLUSIVE);
  CHECK(info_of(map).flags & TARN_MAP_CREATED);
  options = sized(100, TARN_EXCLUSIVE);
  refused(TARN_E_EXISTS, "it exists", path, TARN_MAP_WRITE, &options);
  options = sized(500, TARN_EXCLUSIVE);
  refused(TARN_E_EXISTS, "it exists", path, TARN_MAP_WRITE, &options);
  tarn_map_close(map);

  map = open_with(path, TARN_MAP_WRITE, 100, 0); /* either: it is there */
  CHECK(!(info_of(map).flags & TARN_MAP_CREATED));
  tarn_map_close(map);
  map = open_with(path, TARN_MAP_WRITE, 40, TARN_EXISTING); /* larger than asked is fine */
  CHECK_UINT(100, info_of(map).size_bytes);
  tarn_map_close(map);
  options = sized(101, 0);
  refused(TARN_E_MISMATCH, "100 bytes, and at least 101", path, TARN_MAP_WRITE, &options);
}

static void test_odd_sizes(void) {
  static const uint64_t sizes[] = {1, 4095, 4096, 4097, 65535, 65536, 65537, 1000003};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    char name[32];
    snprintf(name, sizeof name, "raw%zu", i);
    tarn_map *map = open_with(check_path(name), TARN_MAP_WRITE, sizes[i], 0);
    CHECK_UINT(sizes[i], info_of(map).size_bytes);
    tarn_view view;
    CHECK_OK(tarn_map_view(map, sizes[i] - 1, 1, &view));
    *(unsigned char *)view.data = 77;
    tarn_view_close(&view);
    tarn_map_close(map);
    map = open_with(check_path(name), TARN_MAP_READ, 0, 0);
    CHECK_UINT(sizes[i], info_of(map).size_bytes);
    CHECK_OK(tarn_map_view(map, 0, 0, &view));
    CHECK_UINT(77, ((unsigned char *)view.data)[sizes[i] - 1]);
    tarn_view_close(&view);
    tarn_map_close(map);
  }
}

static void test_wrong_arguments(void) {
  const char *path = check_path("raw");
  refused(TARN_E_INVALID, "no name", NULL, TARN_MAP_READ, NULL);
  refused(TARN_E_INVALID, "no name", "", TARN_MAP_READ, NULL);
  refused(TARN_E_INVALID, "access", path, 0, NULL);
  refused(TARN_E_INVALID, "access", path, 4, NULL);
  CHECK_RESULT(TARN_E_INVALID, tarn_map_open(NULL, path, TARN_MAP_READ, NULL, 0));
  tarn_map *map;
  CHECK_RESULT(TARN_E_INVALID, tarn_map_open(&map, path, TARN_MAP_READ, NULL, -2));
  CHECK_CONTAINS("timeout", tarn_error_text());
  char name[5000];
  memset(name, 'x', sizeof name - 1);
  name[sizeof name - 1] = 0;
  refused(TARN_E_INVALID, "too long", name, TARN_MAP_READ, NULL);
  name[300] = 0;
  refused(TARN_E_INVALID, "300 bytes", name, TARN_MAP_READ, NULL);

  tarn_options options = sized(0, TARN_EXCLUSIVE);
  refused(TARN_E_INVALID, "size", path, TARN_MAP_WRITE, &options);
  options = sized(10, TARN_EXCLUSIVE | TARN_EXISTING);
  refused(TARN_E_INVALID, "TARN_EXISTING", path, TARN_MAP_WRITE, &options);
  options = sized(10, TARN_KEPT | TARN_SCOPED);
  refused(TARN_E_INVALID, "TARN_SCOPED", path, TARN_MAP_WRITE, &options);
  options = sized(10, TARN_QUEUE);
  refused(TARN_E_INVALID, "flag", path, TARN_MAP_WRITE, &options);
  options = sized(10, 1u << 30);
  refused(TARN_E_INVALID, "flag", path, TARN_MAP_WRITE, &options);
  options = sized(10, 0);
  options.mode = 01600;
  refused(TARN_E_INVALID, "mode", path, TARN_MAP_WRITE, &options);
  options = sized(10, TARN_SCOPED);
  options.mode = 0440;
  refused(TARN_E_INVALID, "mode", path, TARN_MAP_WRITE, &options);
  options.mode = 0755;
  refused(TARN_E_INVALID, "execute", path, TARN_MAP_WRITE, &options);
  options = sized(UINT64_MAX, 0);
  refused(TARN_E_TOO_LARGE, "bytes", path, TARN_MAP_WRITE, &options);
}

static void test_options_of_other_kinds(void) {
  const char *path = check_path("raw");
  for (int field = 0; field < 7; field++) {
    tarn_options options = sized(10, 0);
    switch (field) {
      case 0:
        options.slots = 1;
        break;
      case 1:
        options.hold = 1;
        break;
      case 2:
        options.policy = 1;
        break;
      case 3:
        options.limit_bytes = 1;
        break;
      case 4:
        options.spin_ns = 1;
        break;
      case 5:
        options.from = 1;
        break;
      default:
        options.max_deliveries = 1;
        break;
    }
    refused(TARN_E_INVALID, "option", path, TARN_MAP_WRITE, &options);
  }
}

static void test_options_of_other_versions(void) {
  struct {
    tarn_options options;
    uint64_t newer;
  } longer = {sized(10, 0), 0};
  longer.options.struct_size = sizeof longer;
  tarn_map *map;
  CHECK_OK(tarn_map_open(&map, check_path("longer"), TARN_MAP_WRITE, &longer.options, 0));
  tarn_map_close(map);
  longer.newer = 1;
  refused(TARN_E_UNSUPPORTED, "newer", check_path("longest"), TARN_MAP_WRITE, &longer.options);
  tarn_options shorter = sized(10, 0);
  shorter.struct_size = offsetof(tarn_options, limit_bytes);
  shorter.limit_bytes = 99; /* not part of what was given */
  CHECK_OK(tarn_map_open(&map, check_path("shorter"), TARN_MAP_WRITE, &shorter, 0));
  CHECK_UINT(10, info_of(map).size_bytes);
  tarn_map_details half = {.struct_size = offsetof(tarn_map_details, access), .access = 99};
  CHECK_OK(tarn_map_info(map, &half));
  CHECK_UINT(10, half.size_bytes);
  CHECK_INT(99, half.access);
  CHECK_UINT(offsetof(tarn_map_details, access), half.struct_size);
  half.struct_size = 0;
  CHECK_RESULT(TARN_E_INVALID, tarn_map_info(map, &half));
  CHECK_RESULT(TARN_E_INVALID, tarn_map_info(map, NULL));
  CHECK_RESULT(TARN_E_INVALID, tarn_map_info(NULL, &half));
  tarn_map_close(map);
  shorter.struct_size = 0;
  refused(TARN_E_INVALID, "struct_size", check_path("none"), TARN_MAP_WRITE, &shorter);
}

static void test_wrong_places(void) {
  tarn_options options = sized(10, 0);
  refused(TARN_E_KIND, "regular file", check_directory(), TARN_MAP_READ, NULL);
  char path[2048];
  snprintf(path, sizeof path, "%s/raw", check_path("nowhere"));
  refused(TARN_E_NOT_FOUND, "raw", path, TARN_MAP_WRITE, &options);
  refused(TARN_E_NOT_FOUND, "raw", path, TARN_MAP_READ, NULL);
}

static void test_waiting_for_a_name(void) {
  tarn_map *map = NULL;
  int64_t start = check_now();
  CHECK_RESULT(TARN_TIMED_OUT, tarn_map_open(&map, check_path("late"), TARN_MAP_READ, NULL, 50000000));
  int64_t took = check_now() - start;
  CHECK(took >= 50000000 && took < 2000000000);
  CHECK(map == NULL);
}

/* What foreign programs do: make the name first, give it a size later. */
static void make_empty(const char *path) {
  tn_os_file file;
  char full[TN_OS_PATH];
  CHECK_OK(tn_os_full_path(path, full));
  CHECK_OK(tn_os_make(&file, full, 0600, 0));
  CHECK_OK(tn_os_name(&file, full));
  tn_os_close(&file);
}

static void test_empty(void) {
  const char *path = check_path("empty");
  make_empty(path);
  tarn_options options = sized(10, 0);
  refused(TARN_E_MISMATCH, "empty", path, TARN_MAP_WRITE, &options);
  tarn_map *map = open_with(path, TARN_MAP_WRITE, 0, 0);
  CHECK_UINT(0, info_of(map).size_bytes);
  tarn_view view;
  CHECK_RESULT(TARN_E_INVALID, tarn_map_view(map, 0, 0, &view));
  CHECK_CONTAINS("empty", tarn_error_text());
  CHECK_OK(tarn_map_resize(map, 10));
  CHECK_OK(tarn_map_view(map, 0, 0, &view));
  CHECK_UINT(10, view.size_bytes);
  tarn_view_close(&view);
  tarn_map_close(map);
}

/* ---- Kinds ---------------------------------------------------------------------------------------------------------- */

static void test_a_channel_is_not_written_over(void) {
  const char *path = check_path("camera.board");
  tarn_map *map = open_with(path, TARN_MAP_WRITE, 8192, 0);
  tarn_view view;
  CHECK_OK(tarn_map_view(map, 0, 0, &view));
  memcpy(view.data, "TARN\r\n\x1a\n", 8);
  tarn_view_close(&view);
  tarn_map_close(map);
  refused(TARN_E_KIND, "channel", path, TARN_MAP_WRITE, NULL);
  map = open_with(path, TARN_MAP_READ, 0, 0); /* reading disturbs nobody */
  tarn_map_close(map);
  map = open_with(path, TARN_MAP_COPY, 0, 0);
  tarn_map_close(map);
}

/* ---- Views ---------------------------------------------------------------------------------------------------------- */

static void fill(tarn_map *map) {
  tarn_view view;
  CHECK_OK(tarn_map_view(map, 0, 0, &view));
  for (uint64_t i = 0; i < view.size_bytes; i++) ((unsigned char *)view.data)[i] = (unsigned char)(i * 7 + i / 256);
  tarn_view_close(&view);
}

static void check_filled(const tarn_view *view) {
  for (uint64_t i = 0; i < view->size_bytes; i++) {
    uint64_t at = view->offset + i;
    if (((unsigned char *)view->data)[i] != (unsigned char)(at * 7 + at / 256))
      CHECK_UINT((unsigned char)(at * 7 + at / 256), ((unsigned char *)view->data)[i]);
  }
}

static void test_views_anywhere(void) {
  const uint64_t size = 300001;
  tarn_map *map = open_with(check_path("raw"), TARN_MAP_WRITE, size, 0);
  fill(map);
  static const uint64_t edges[] = {0, 1, 4095, 4096, 4097, 65535, 65536, 65537, 131072, 299999, 300000};
  tarn_view view;
  for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++)
    for (size_t k = 0; k < sizeof edges / sizeof edges[0]; k++) {
      uint64_t length = edges[k];
      if (length > size - edges[i]) continue;
      CHECK_OK(tarn_map_view(map, edges[i], length, &view));
      CHECK_UINT(length ? length : size - edges[i], view.size_bytes);
      CHECK_UINT(edges[i], view.offset);
      check_filled(&view);
      tarn_view_close(&view);
    }
  for (int i = 0; i < 300; i++) {
    uint64_t offset = check_random() % size, length = 1 + check_random() % (size - offset);
    CHECK_OK(tarn_map_view(map, offset, length, &view));
    check_filled(&view);
    tarn_view_close(&view);
  }
  tarn_map_close(map);
}

static void test_views_outside(void) {
  tarn_map *map = open_with(check_path("raw"), TARN_MAP_WRITE, 5000, 0);
  tarn_view view = {.offset = 42};
  static const uint64_t wrong[][2] = {
      {5000, 0}, {5000, 1}, {0, 5001}, {4999, 2}, {1, UINT64_MAX}, {UINT64_MAX, 1}, {UINT64_MAX, UINT64_MAX}};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    CHECK_RESULT(TARN_E_INVALID, tarn_map_view(map, wrong[i][0], wrong[i][1], &view));
    CHECK_CONTAINS("5000 bytes", tarn_error_text());
  }
  CHECK_UINT(42, view.offset);
  CHECK_RESULT(TARN_E_INVALID, tarn_map_view(map, 0, 0, NULL));
  CHECK_RESULT(TARN_E_INVALID, tarn_map_view(NULL, 0, 0, &view));
  tarn_map_close(map);
}

static void test_views_outlive_the_handle(void) {
  tarn_map *map = open_with(check_path("raw"), TARN_MAP_WRITE, 5000, 0);
  tarn_view view, other;
  CHECK_OK(tarn_map_view(map, 100, 50, &view));
  tarn_map_close(map);
  memcpy(view.data, "still", 5);
  map = open_with(check_path("raw"), TARN_MAP_READ, 0, 0);
  CHECK_OK(tarn_map_view(map, 100, 5, &other));
  CHECK_MEM("still", other.data, 5);
  tarn_view_close(&other);
  tarn_view_close(&view);
  CHECK(view.data == NULL && view.size_bytes == 0);
  tarn_view_close(&view); /* twice is allowed */
  tarn_view_close(NULL);
  tarn_map_close(map);
  tarn_map_close(NULL);
}

static void test_copy_on_write(void) {
  const char *path = check_path("raw");
  tarn_map *shared = open_with(path, TARN_MAP_WRITE, 5000, 0), *own = open_with(path, TARN_MAP_COPY, 0, 0);
  tarn_view seen, mine, again;
  CHECK_OK(tarn_map_view(shared, 0, 0, &seen));
  memcpy(seen.data, "theirs", 6);
  CHECK_OK(tarn_map_view(own, 0, 0, &mine));
  CHECK_MEM("theirs", mine.data, 6);
  memcpy(mine.data, "mine!!", 6);
  CHECK_MEM("theirs", seen.data, 6);
  CHECK_OK(tarn_map_view(own, 0, 0, &again)); /* every view is a copy of its own */
  CHECK_MEM("theirs", again.data, 6);
  CHECK_OK(tarn_view_flush(&mine, 0, 0)); /* nothing to write */
  CHECK_MEM("theirs", seen.data, 6);
  CHECK_RESULT(TARN_E_PERMISSION, tarn_map_resize(own, 6000));
  tarn_view_close(&again);
  tarn_view_close(&mine);
  tarn_view_close(&seen);
  tarn_map_close(own);
  tarn_map_close(shared);
}

static void test_requests(void) {
  tarn_options options = sized(4 << 20, TARN_HUGE | TARN_PREFAULT | TARN_LOCK);
  tarn_map *map;
  CHECK_OK(tarn_map_open(&map, check_path("raw"), TARN_MAP_WRITE, &options, 0));
  const uint32_t all = TARN_MAP_HUGE | TARN_MAP_PREFAULTED | TARN_MAP_LOCKED;
  CHECK_UINT(0, info_of(map).flags & all); /* nothing yet */
  tarn_view view;
  CHECK_OK(tarn_map_view(map, 0, 0, &view));
  check_say("granted: huge %d, prefaulted %d, locked %d", !!(view.flags & TARN_MAP_HUGE), !!(view.flags & TARN_MAP_PREFAULTED),
            !!(view.flags & TARN_MAP_LOCKED));
  CHECK_UINT(view.flags, info_of(map).flags & all);
  CHECK_UINT(0, view.flags & ~all);
  memset(view.data, 1, (size_t)view.size_bytes);
  tarn_view_close(&view);
  tarn_map_close(map);
  map = open_with(check_path("raw"), TARN_MAP_READ, 0, 0); /* not asked for: not claimed */
  CHECK_OK(tarn_map_view(map, 0, 0, &view));
  CHECK_UINT(0, view.flags);
  tarn_view_close(&view);
  tarn_map_close(map);
}

/* ---- Flushing ------------------------------------------------------------------------------------------------------- */

static void test_flush(void) {
  const char *disk = check_disk_directory();
  if (disk == NULL) check_skip("no directory on a disk");
  char path[2048];
  snprintf(path, sizeof path, "%s/raw", disk);
  tarn_map *map = open_with(path, TARN_MAP_WRITE, 300000, 0);
  CHECK(info_of(map).flags & TARN_MAP_ON_DISK);
  tarn_view view;
  CHECK_OK(tarn_map_view(map, 70001, 200000, &view));
  memset(view.data, 5, (size_t)view.size_bytes);
  CHECK_OK(tarn_view_flush(&view, 0, 0));
  CHECK_OK(tarn_view_flush(&view, 12345, 6789));
  CHECK_OK(tarn_view_flush(&view, 200000, 0));
  CHECK_RESULT(TARN_E_INVALID, tarn_view_flush(&view, 0, 200001));
  CHECK_RESULT(TARN_E_INVALID, tarn_view_flush(&view, 200001, 0));
  CHECK_RESULT(TARN_E_INVALID, tarn_view_flush(&view, UINT64_MAX, 2));
  CHECK_RESULT(TARN_E_INVALID, tarn_view_flush(NULL, 0, 0));
  tarn_view_close(&view);
  CHECK_RESULT(TARN_E_INVALID, tarn_view_flush(&view, 0, 0));
  tarn_map_close(map);
}

/* ---- Resizing ------------------------------------------------------------------------------------------------------- */

static void test_resize(void) {
  tarn_map *map = open_with(check_path("raw"), TARN_MAP_WRITE, 5000, 0);
  fill(map);
  tarn_view view;
  static const uint64_t sizes[] = {5001, 5000, 70000, 200000, 65536, 4096, 1, 300001};
  uint64_t least = 5000;
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    CHECK_OK(tarn_map_resize(map, sizes[i]));
    CHECK_UINT(sizes[i], info_of(map).size_bytes);
    least = sizes[i] < least ? sizes[i] : least;
    CHECK_OK(tarn_map_view(map, 0, 0, &view));
    CHECK_UINT(sizes[i], view.size_bytes);
    for (uint64_t k = 0; k < view.size_bytes; k++)
      if (((unsigned char *)view.data)[k] != (k < least ? (unsigned char)(k * 7 + k / 256) : 0))
        CHECK_UINT(k < least ? (unsigned char)(k * 7 + k / 256) : 0, ((unsigned char *)view.data)[k]);
    tarn_view_close(&view);
  }
  CHECK_RESULT(TARN_E_INVALID, tarn_map_resize(map, 0));
  CHECK_RESULT(TARN_E_TOO_LARGE, tarn_map_resize(map, UINT64_MAX));
  CHECK_RESULT(TARN_E_INVALID, tarn_map_resize(NULL, 10));
  CHECK_UINT(300001, info_of(map).size_bytes);
  tarn_map_close(map);
  map = open_with(check_path("raw"), TARN_MAP_READ, 0, 0);
  CHECK_RESULT(TARN_E_PERMISSION, tarn_map_resize(map, 10));
  CHECK_UINT(300001, info_of(map).size_bytes);
  tarn_map_close(map);
}

/* What was written behind the end, where the last page still shows bytes, is not there when the map grows. */
static void test_resize_shows_zeros_only(void) {
  tarn_map *map = open_with(check_path("raw"), TARN_MAP_WRITE, 5000, 0);
  tarn_view view;
  CHECK_OK(tarn_map_view(map, 4096, 0, &view));
  memset(view.data, 0xee, 4096);
  tarn_view_close(&view);
  CHECK_OK(tarn_map_resize(map, 20000));
  CHECK_OK(tarn_map_view(map, 0, 0, &view));
  CHECK_UINT(0xee, ((unsigned char *)view.data)[4999]);
  for (size_t i = 5000; i < 20000; i++) CHECK_UINT(0, ((unsigned char *)view.data)[i]);
  tarn_view_close(&view);
  tarn_map_close(map);
}

/* ---- Copies --------------------------------------------------------------------------------------------------------- */

static void test_read(void) {
  tarn_map *map = open_with(check_path("raw"), TARN_MAP_WRITE, 10000, 0), *reader = open_with(check_path("raw"), TARN_MAP_READ, 0, 0);
  tarn_view view;
  unsigned char bytes[10000];
  uint64_t length = 77;
  CHECK_OK(tarn_map_view(map, 0, 0, &view));
  for (size_t i = 0; i < 10000; i++) ((unsigned char *)view.data)[i] = (unsigned char)(i * 7);
  CHECK_OK(tarn_map_read(reader, 4090, bytes, 20, &length));
  CHECK_UINT(20, length);
  CHECK_MEM((char *)view.data + 4090, bytes, 20);
  CHECK_OK(tarn_map_read(reader, 0, bytes, sizeof bytes, &length));
  CHECK_UINT(10000, length);
  CHECK_MEM(view.data, bytes, 10000);
  CHECK_OK(tarn_map_read(reader, 9990, bytes, 100, &length)); /* over the end: what there is */
  CHECK_UINT(10, length);
  CHECK_OK(tarn_map_read(reader, 10000, bytes, 1, &length));
  CHECK_UINT(0, length);
  CHECK_OK(tarn_map_read(reader, UINT64_MAX, bytes, UINT64_MAX, &length));
  CHECK_UINT(0, length);
  CHECK_OK(tarn_map_read(reader, 5, NULL, 0, &length));
  CHECK_UINT(0, length);
  length = 77;
  CHECK_RESULT(TARN_E_INVALID, tarn_map_read(reader, 0, NULL, 1, &length));
  CHECK_RESULT(TARN_E_INVALID, tarn_map_read(reader, 0, bytes, 1, NULL));
  CHECK_RESULT(TARN_E_INVALID, tarn_map_read(NULL, 0, bytes, 1, &length));
  CHECK_UINT(77, length);
  tarn_view_close(&view);
  CHECK_OK(tarn_map_resize(map, 5000)); /* cut short under the reader */
  CHECK_OK(tarn_map_read(reader, 4096, bytes, 5904, &length));
  CHECK_UINT(904, length);
  CHECK_UINT((unsigned char)(4999 * 7), bytes[903]);
  tarn_map_close(map);
  tarn_map_close(reader);
}

/* ---- All of them ---------------------------------------------------------------------------------------------------- */

static const check_test tests[] = {
    {"create_and_open", test_create_and_open, 0},
    {"create_open_either", test_create_open_either, 0},
    {"odd_sizes", test_odd_sizes, 0},
    {"wrong_arguments", test_wrong_arguments, 0},
    {"options_of_other_kinds", test_options_of_other_kinds, 0},
    {"options_of_other_versions", test_options_of_other_versions, 0},
    {"wrong_places", test_wrong_places, 0},
    {"waiting_for_a_name", test_waiting_for_a_name, 0},
    {"empty", test_empty, 0},
    {"a_channel_is_not_written_over", test_a_channel_is_not_written_over, 0},
    {"views_anywhere", test_views_anywhere, 0},
    {"views_outside", test_views_outside, 0},
    {"views_outlive_the_handle", test_views_outlive_the_handle, 0},
    {"copy_on_write", test_copy_on_write, 0},
    {"requests", test_requests, 0},
    {"flush", test_flush, 0},
    {"resize", test_resize, 0},
    {"resize_shows_zeros_only", test_resize_shows_zeros_only, 0},
    {"read", test_read, 0},
    {0},
};

int main(int argc, char **argv) { return check_main(argc, argv, tests, NULL); }
