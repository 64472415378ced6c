/* name.c: a name -> a place. One string names a thing: with a directory separator it is the path of a file, used as it stands;
 * otherwise a name in the channel directory, where the kind is part of the file's name. */
#include "name.h"

#include <stdio.h>
#include <string.h>

#include "error.h"

const char *tn_kind_word(int kind) {
  return kind == TARN_KIND_BOARD ? "board" : kind == TARN_KIND_STREAM ? "stream" : "map";
}

const char *tn_kind_suffix(int kind) {
  return kind == TARN_KIND_BOARD ? ".board" : kind == TARN_KIND_STREAM ? ".stream" : "";
}

static int is_name_byte(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '.' ||
         byte == '_' || byte == '-';
}

static int check_plain(const char *name, int kind) {
  const char *word = tn_kind_word(kind);
  size_t length = strlen(name);
  if (length > TN_NAME_MAX)
    return tn_fail(TARN_E_INVALID, "%s name of %zu bytes: at most %d are allowed; shorten it or give the path of a file", word,
                   length, TN_NAME_MAX);
  if (kind == TARN_KIND_MAP) {
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
      return tn_fail(TARN_E_INVALID, "map \"%s\": that name means a directory; choose another", name);
    return 0;
  }
  if (name[0] == '.')
    return tn_fail(TARN_E_INVALID, "%s \"%s\": a name must not start with '.'; choose another", word, name);
  for (size_t i = 0; i < length; i++)
    if (!is_name_byte(name[i]))
      return tn_fail(TARN_E_INVALID, "%s \"%s\": byte %zu is not a letter, digit, '.', '_' or '-'; choose another name", word,
                     name, i + 1);
  return 0;
}

static int resolve_plain(const char *name, int kind, tn_place *ret_place) {
  int result = check_plain(name, kind);
  if (result != 0)
    return result;
  if (kind == TARN_KIND_MAP && tn_os_capabilities()->sections) { /* not a file: neither a directory nor devices matter */
    ret_place->path[0] = 0;
    return 0;
  }
  if (tn_os_is_device_name(name))
    return tn_fail(TARN_E_INVALID, "%s \"%s\": on this system that name means a device; choose another", tn_kind_word(kind), name);
  char directory[TN_OS_PATH], path[TN_OS_PATH + TN_NAME_MAX + 16];
  result = tn_os_channel_directory(directory);
  if (result != 0)
    return tn_fail(result, "%s \"%s\": the channel directory cannot be used: %s; set TARN_DIR to a directory of yours",
                   tn_kind_word(kind), name, tn_os_reason());
  snprintf(path, sizeof path, "%s/%s%s", directory, name, tn_kind_suffix(kind));
  result = tn_os_full_path(path, ret_place->path);
  if (result != 0)
    return tn_fail(result, "%s \"%s\": %s", tn_kind_word(kind), name, tn_os_reason());
  return 0;
}

int tn_name_resolve(const char *name, int kind, tn_place *ret_place) {
  if (name == NULL || name[0] == 0)
    return tn_fail(TARN_E_INVALID, "the %s has no name: give 1 to %d letters, digits, '.', '_', '-', or the path of a file",
                   tn_kind_word(kind), TN_NAME_MAX);
  if (strlen(name) >= TN_OS_PATH)
    return tn_fail(TARN_E_INVALID, "%s: a path of %zu bytes is too long", tn_kind_word(kind), strlen(name));
  tn_place place = {.kind = kind, .plain = !tn_os_is_path(name)};
  snprintf(place.name, sizeof place.name, "%s", name);
  int result;
  if (place.plain) {
    result = resolve_plain(name, kind, &place);
    if (result != 0)
      return result;
  } else if ((result = tn_os_full_path(name, place.path)) != 0) {
    return tn_fail(result, "%s \"%s\": %s", tn_kind_word(kind), name, tn_os_reason());
  }
  *ret_place = place;
  return 0;
}

const char *tn_last_of(const char *path) {
  const char *slash = strrchr(path, '/'), *back = tn_os_capabilities()->sections ? strrchr(path, '\\') : NULL;
  const char *last = back != NULL && (slash == NULL || back > slash) ? back : slash;
  return last != NULL ? last + 1 : path;
}

void tn_folder_of(const char *path, char ret_folder[TN_OS_PATH]) {
  size_t length = (size_t)(tn_last_of(path) - path);
  if (length > 1)
    length--; /* but of the root its separator is all there is */
  memcpy(ret_folder, path, length);
  ret_folder[length] = 0;
  if (length == 0)
    memcpy(ret_folder, ".", 2);
}

int tn_fail_no_folder(const tn_place *place) {
  char folder[TN_OS_PATH];
  const char *word = tn_kind_word(place->kind);
  tn_folder_of(place->path, folder);
  if (tn_os_reason_number() != 0 && place->plain)
    return tn_fail(TARN_E_NOT_FOUND, "%s \"%s\": cannot be created: there is no directory %s; make it, or choose another (TARN_DIR)", word,
                   place->name, folder);
  if (tn_os_reason_number() != 0)
    return tn_fail(TARN_E_NOT_FOUND,
                   "%s \"%s\": cannot be created: this is the path of a file, and there is no directory %s; make it, or give a name without '/'",
                   word, place->name, folder);
  return tn_fail(TARN_E_NOT_FOUND, "%s \"%s\": cannot be created in %s: %s; choose another directory (TARN_DIR)", word, place->name, folder,
                 tn_os_reason());
}

int tn_place_is_section(const tn_place *place) {
  return place->kind == TARN_KIND_MAP && place->plain && place->path[0] == 0 && tn_os_capabilities()->sections;
}

const char *tn_place_words(const tn_place *place) {
  return tn_place_is_section(place) ? "a section of that name; a file is meant by a path, such as ./NAME" : place->path;
}

int tn_name_of_file(const char *file_name, int *ret_kind, size_t *ret_length) {
  static const int kinds[] = {TARN_KIND_BOARD, TARN_KIND_STREAM};
  size_t length = strlen(file_name);
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    const char *suffix = tn_kind_suffix(kinds[i]);
    size_t tail = strlen(suffix);
    if (length <= tail || length - tail > TN_NAME_MAX || strcmp(file_name + length - tail, suffix) != 0)
      continue;
    if (file_name[0] == '.')
      return 0;
    for (size_t k = 0; k < length - tail; k++)
      if (!is_name_byte(file_name[k]))
        return 0;
    *ret_kind = kinds[i];
    *ret_length = length - tail;
    return 1;
  }
  return 0;
}

int tn_name_is_temporary(const char *file_name, int *ret_kind) {
  size_t length = strlen(file_name), plain;
  char name[TN_NAME_MAX + 8];
  if (file_name[0] != '.' || length < 18 || length - 18 >= sizeof name || file_name[length - 17] != '.')
    return 0;
  if (strspn(file_name + length - 16, "0123456789abcdef") != 16)
    return 0;
  memcpy(name, file_name + 1, length - 18);
  name[length - 18] = 0;
  return tn_name_of_file(name, ret_kind, &plain);
}

int tn_name_is_scoped_map(uint32_t mode) { return (mode & 01111) == 01000 && !tn_os_capabilities()->sections; }
