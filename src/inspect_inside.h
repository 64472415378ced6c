/* inspect_inside.h: what the files of inspect.c share. */
#ifndef TN_INSPECT_INSIDE_H
#define TN_INSPECT_INSIDE_H

#include <tarn/inspect.h>

#include "layout.h"
#include "os/os.h"

/* inspect_stream.c: the newest message, the oldest, and where the chain of records ends. base: a copy of all before the ring. */
void tn_describe_stream(const tn_os_file *file, const tn_header *header, const unsigned char *base, tarn_details *details,
                        uint64_t *ret_end);

#endif
