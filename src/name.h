/* name.h: a name -> a place. */
#ifndef TN_NAME_H
#define TN_NAME_H

#include <tarn/inspect.h>

#include "os/os.h"

enum { TN_NAME_MAX = 200 };

/* Where a name leads. */
typedef struct tn_place {
  char path[TN_OS_PATH]; /* for every tn_os_ function */
  char name[TN_OS_PATH]; /* as the user wrote it, for sentences */
  int kind;              /* TARN_KIND_MAP, _BOARD, _STREAM */
  int plain;             /* 1: a plain name in the channel directory; 0: the path of a file */
  int temporary;         /* 1: not a channel yet, but the file it is made in */
} tn_place;

/* "board", "stream", "map". */
const char *tn_kind_word(int kind);
/* ".board", ".stream", "". */
const char *tn_kind_suffix(int kind);

/* tn_name_resolve: the place of name as a thing of this kind. TARN_E_INVALID with a sentence for a name that breaks the rules:
 * channels 1 to 200 bytes of letters, digits, '.', '_', '-', not starting with '.'; raw maps any byte but '/' and NUL. */
int tn_name_resolve(const char *name, int kind, tn_place *ret_place);

/* 1: a raw map that is a named section, where the system has such: there is no file, and path is "". */
int tn_place_is_section(const tn_place *place);
/* Where somebody looked in vain, for "looked for ...": a path, or that a section is meant and how a file would be named. */
const char *tn_place_words(const tn_place *place);

/* 1 and the kind and length of the plain name if file_name is that of a channel ("camera.board"), else 0. */
int tn_name_of_file(const char *file_name, int *ret_kind, size_t *ret_length);

/* 1 and the kind if file_name is what a channel is called while it is made, where that needs a name: `.camera.board.<16 hex>`. */
int tn_name_is_temporary(const char *file_name, int *ret_kind);

/* What stands behind the last separator of a path; all of it if it has none. */
const char *tn_last_of(const char *path);

/* The directory in which the file of that path lies. */
void tn_folder_of(const char *path, char ret_folder[TN_OS_PATH]);

/* tn_os_make said TARN_E_NOT_FOUND for that place: with a sentence. */
int tn_fail_no_folder(const tn_place *place);

/* Does a raw map's file of this mode bear the mark of a scoped one? What bears it can be removed, so a foreign file must not bear
 * it by chance: nobody sets the sticky bit of a plain file on purpose, and a careless chmod -R 1777 sets the right to execute
 * too. Where there are sections, those are the scoped maps, and files are always kept. */
int tn_name_is_scoped_map(uint32_t mode);

#endif
