/* header.h: a channel file's header: made, sealed, checked. */
#ifndef TN_HEADER_H
#define TN_HEADER_H

#include "channel.h"

/* tn_header_seal: write the checksum. */
void tn_header_seal(tn_header *header);

/* tn_header_check: may a channel of this header be opened as this kind? kind NULL: as any. size_bytes is the file's length.
 * 0; TARN_E_KIND; TARN_E_VERSION; TARN_E_CORRUPT, each with a sentence that names `place` and the field. */
int tn_header_check(const tn_header *header, const tn_kind *kind, uint64_t size_bytes, const tn_place *place);

/* tn_header_read: read and check the header of an open file. A file too short to have one is TARN_E_CORRUPT. */
int tn_header_read(const tn_os_file *file, const tn_kind *kind, const tn_place *place, tn_header *ret_header);

/* Where table, control, entries and data of so many slots and entries lie. */
void tn_header_arrange(tn_header *header, uint32_t slots, uint32_t entries);

#endif
