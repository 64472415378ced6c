/* sections: what is in an executable, ELF (Linux) or PE (Windows), without reading the file: it is mapped, and only the pages that
 * are looked at come from the disk. Every offset and length in the file is a claim of whoever wrote it; bytes() checks each against
 * the view, and nothing is touched by any other way.
 *
 *   sections FILE
 */
#include <stdio.h>
#include <string.h>
#include <tarn/map.h>

typedef struct image {
  const unsigned char *start;
  uint64_t size;
  int big_endian;
} image;

/* The bytes at offset, or NULL unless all of length lie within the file. */
static const unsigned char *bytes(const image *file, uint64_t offset, uint64_t length) {
  return offset <= file->size && length <= file->size - offset ? file->start + offset : NULL;
}

/* A number of 1 to 8 bytes; *ok turns 0 if it is not within the file. */
static uint64_t number(const image *file, uint64_t offset, unsigned width, int *ok) {
  const unsigned char *from = bytes(file, offset, width);
  uint64_t value = 0;
  if (from == NULL) {
    *ok = 0;
    return 0;
  }
  for (unsigned i = 0; i < width; i++) value |= (uint64_t)from[file->big_endian ? width - 1 - i : i] << (8 * i);
  return value;
}

/* A name of at most `most` bytes; what is not printable becomes '?', since it goes to a terminal. */
static void print_section(uint64_t index, const image *file, uint64_t name, uint64_t most, uint64_t address, uint64_t size) {
  char text[65];
  size_t length = 0;
  const unsigned char *from = NULL;
  while (length < sizeof text - 1 && length < most && (from = bytes(file, name + length, 1)) != NULL && *from != 0)
    text[length++] = *from >= ' ' && *from < 127 ? (char)*from : '?';
  text[length] = 0;
  printf("%4llu  %-24s  %16llx  %12llu\n", (unsigned long long)index, text, (unsigned long long)address,
         (unsigned long long)size);
}

static int broken(const char *what) {
  fprintf(stderr, "not a proper executable: %s\n", what);
  return 1;
}

/* ---- ELF ------------------------------------------------------------------------------------------------------------ */

/* Where the fields lie, for 32 and 64 bits. */
typedef struct elf_shape {
  unsigned word, table, entry_size, address, offset, size, link, least_entry;
} elf_shape;

static const elf_shape elf32 = {4, 0x20, 0x2e, 0x0c, 0x10, 0x14, 0x18, 40};
static const elf_shape elf64 = {8, 0x28, 0x3a, 0x10, 0x18, 0x20, 0x28, 64};

static int list_elf(image *file) {
  int ok = 1;
  const elf_shape *shape = number(file, 4, 1, &ok) == 2 ? &elf64 : &elf32;
  file->big_endian = number(file, 5, 1, &ok) == 2;
  uint64_t table = number(file, shape->table, shape->word, &ok);
  uint64_t each = number(file, shape->entry_size, 2, &ok);
  uint64_t count = number(file, shape->entry_size + 2, 2, &ok);
  uint64_t names = number(file, shape->entry_size + 4, 2, &ok);
  if (!ok) return broken("the header is cut off");
  if (table == 0) return 0; /* stripped of its sections, which is allowed */
  if (each < shape->least_entry || bytes(file, table, each) == NULL) return broken("the section table is not within the file");
  if (count == 0)
    count = number(file, table + shape->size, shape->word, &ok); /* more than fit 16 bits: entry 0 says how many */
  if (names == 0xffff) names = number(file, table + shape->link, 4, &ok);
  if (!ok || count > file->size / each || bytes(file, table, count * each) == NULL)
    return broken("the section table is not within the file");
  uint64_t strings = 0, strings_size = 0;
  if (names < count) {
    strings = number(file, table + names * each + shape->offset, shape->word, &ok);
    strings_size = number(file, table + names * each + shape->size, shape->word, &ok);
    if (!ok || bytes(file, strings, strings_size) == NULL) return broken("the names of the sections are not within the file");
  }
  for (uint64_t i = 0; i < count; i++) {
    uint64_t entry = table + i * each, name = number(file, entry, 4, &ok);
    uint64_t most = name < strings_size ? strings_size - name : 0;
    print_section(i, file, strings + name, most, number(file, entry + shape->address, shape->word, &ok),
                  number(file, entry + shape->size, shape->word, &ok));
  }
  return ok ? 0 : broken("a section is cut off");
}

/* ---- PE ------------------------------------------------------------------------------------------------------------- */

static int list_pe(const image *file) {
  enum { HEADER = 24, ENTRY = 40 };
  int ok = 1;
  uint64_t start = number(file, 0x3c, 4, &ok);
  const unsigned char *mark = bytes(file, start, HEADER);
  if (!ok || mark == NULL || memcmp(mark, "PE\0\0", 4) != 0) return broken("no PE header");
  uint64_t count = number(file, start + 6, 2, &ok), table = start + HEADER + number(file, start + 20, 2, &ok);
  if (!ok || bytes(file, table, count * ENTRY) == NULL) return broken("the section table is not within the file");
  for (uint64_t i = 0; i < count; i++) {
    uint64_t entry = table + i * ENTRY;
    print_section(i, file, entry, 8, number(file, entry + 12, 4, &ok), number(file, entry + 16, 4, &ok));
  }
  return 0;
}

static int list(const tarn_view *view) {
  image file = {.start = view->data, .size = view->size_bytes};
  const unsigned char *mark = bytes(&file, 0, 4);
  printf("   #  %-24s  %16s  %12s\n", "name", "address", "bytes");
  if (mark != NULL && memcmp(mark, "\177ELF", 4) == 0) return list_elf(&file);
  if (mark != NULL && memcmp(mark, "MZ", 2) == 0) return list_pe(&file);
  return broken("neither ELF nor PE");
}

int main(int argc, char **argv) {
  char path[4096];
  if (argc != 2) {
    fprintf(stderr, "usage: sections FILE\n");
    return 2;
  }
  /* A name without a directory would be that of a map in the channel directory. */
  const char *here = strpbrk(argv[1], "/\\") ? "" : "./";
  if (snprintf(path, sizeof path, "%s%s", here, argv[1]) >= (int)sizeof path) return 2;
  tarn_map *map = NULL;
  tarn_view view = {0};
  int result = tarn_map_open(&map, path, TARN_MAP_READ, NULL, 0);
  if (result == 0) result = tarn_map_view(map, 0, 0, &view); /* costs addresses, not memory */
  if (result != 0)
    fprintf(stderr, "%s\n", tarn_error_text());
  else
    result = list(&view);
  tarn_view_close(&view);
  tarn_map_close(map);
  return result != 0;
}
