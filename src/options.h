/* options.h: what a caller asks for, checked as a whole before anything is done. */
#ifndef TN_OPTIONS_H
#define TN_OPTIONS_H

#include "channel.h"

/* tn_options_read: copy what the caller gave (NULL: nothing), whatever its struct_size, and refuse what can never be right for
 * this kind. allowed: the flags the kind knows. */
int tn_options_read(const tarn_options *given, const tn_kind *kind, const tn_place *place, tarn_options *ret_options);

/* tn_options_agree: does what was asked for contradict what is there? TARN_E_MISMATCH names both. */
int tn_options_agree(const tarn_options *options, const tn_header *header, const tn_place *place);

#endif
