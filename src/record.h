/* record.h: how messages lie in a stream's ring.
 *
 * A record: a header of 16 bytes (32 with times), the payload, padding to a multiple of 16. Positions are multiples of 16 and count
 * bytes from the stream's beginning; the place in the ring is the position modulo its size; a record never wraps. First word:
 *
 *   bit 63 visible | 62-60 kind | 59 again | 58-48 claimant or taker, slot + 1 | 47-0 length of the payload
 *
 * All 0: nothing there yet. Bit 63 clear and the rest not 0: claimed (many writers). The second word, the label: the low half of the
 * message's number in its low half, the tag in the other. A skip is room without a message; its label has the number of the message after it,
 * and its header is 16 bytes always; its tag says how many numbers went with it, which is 0 but for a claim that was given up. Word and label
 * lie in the payload's cache line, so a small message costs one transfer. A queue's headers have 32 bytes.
 */
#ifndef TN_RECORD_H
#define TN_RECORD_H

#include <tarn/base.h>

#include "layout.h"

enum { TN_UNIT = 16, TN_RING_MIN = 4096 };
#define TN_RING_MAX (UINT64_C(1) << 40)

#define TN_VISIBLE (UINT64_C(1) << 63)
#define TN_KIND_SHIFT 60
#define TN_AGAIN (UINT64_C(1) << 59)
#define TN_HOLDER_SHIFT 48
#define TN_HOLDER_MASK 0x7ff
#define TN_LENGTH_MASK ((UINT64_C(1) << 48) - 1)

enum { TN_MESSAGE = 1, TN_SKIP = 2, TN_TAKEN = 3, TN_DONE = 4 };

typedef struct tn_record {
  tn_atomic64 word;
  tn_atomic64 label;
  tn_atomic64 time_ns; /* from here on: only with times */
  tn_atomic32 deliveries;
  uint32_t zero;
} tn_record;

_Static_assert(sizeof(tn_record) == 32 && offsetof(tn_record, time_ns) == 16, "record");

static inline uint64_t tn_record_label(uint64_t number, uint32_t tag) { return (uint64_t)tag << 32 | (uint32_t)number; }

/* The low half of its number, and its tag. Relaxed: who trusts the answer has acquired the word before, which comes after the label. */
static inline uint32_t tn_record_number(const tn_record *record) { return (uint32_t)tn_load_relaxed(&record->label); }
static inline uint32_t tn_record_tag(const tn_record *record) { return (uint32_t)(tn_load_relaxed(&record->label) >> 32); }

static inline uint64_t tn_record_word(uint64_t kind, uint64_t length) { return TN_VISIBLE | kind << TN_KIND_SHIFT | length; }

static inline uint64_t tn_record_kind(uint64_t word) { return word >> TN_KIND_SHIFT & 7; }

/* The claimant's or taker's slot + 1. */
static inline uint32_t tn_record_holder(uint64_t word) { return (uint32_t)(word >> TN_HOLDER_SHIFT) & TN_HOLDER_MASK; }

/* The word of a claim: not visible, but not 0. */
static inline uint64_t tn_record_claim(uint32_t slot, uint64_t length) {
  return (uint64_t)TN_MESSAGE << TN_KIND_SHIFT | (uint64_t)(slot + 1) << TN_HOLDER_SHIFT | length;
}

static inline int tn_record_is_claim(uint64_t word) { return word != 0 && !(word & TN_VISIBLE); }

/* A message that this slot has taken: whether it was delivered before stays with it. */
static inline uint64_t tn_record_taken(uint64_t message, uint32_t slot) {
  return tn_record_word(TN_TAKEN, (message & (TN_AGAIN | TN_LENGTH_MASK)) | (uint64_t)(slot + 1) << TN_HOLDER_SHIFT);
}

static inline uint64_t tn_record_length(uint64_t word) { return word & TN_LENGTH_MASK; }

/* Bytes of a message's header in a stream with these flags. */
static inline uint64_t tn_record_header(uint32_t flags) { return flags & (TARN_TIMES | TARN_QUEUE) ? sizeof(tn_record) : TN_UNIT; }

/* Bytes that a payload of this length takes, header and padding included. */
static inline uint64_t tn_record_extent(uint64_t header_bytes, uint64_t length) {
  return (header_bytes + length + TN_UNIT - 1) & ~(uint64_t)(TN_UNIT - 1);
}

/* The longest payload: a record and the word after it must fit into half the ring, or an empty ring could refuse for ever. */
static inline uint64_t tn_record_longest(uint64_t ring_bytes, uint64_t header_bytes) {
  return ring_bytes / 2 - TN_UNIT - header_bytes;
}

/* What a stream's header may say, for whoever takes part and for whoever only looks on. */
static inline int tn_record_is_ring(uint64_t bytes) {
  return bytes >= TN_RING_MIN && bytes <= TN_RING_MAX && (bytes & (bytes - 1)) == 0;
}

/* How many entries the rows of intents take; 0 where there are none. */
static inline uint32_t tn_record_entries(uint32_t flags, uint32_t slots, uint32_t hold) {
  return flags & TARN_QUEUE ? slots * (uint32_t)(TN_INTENTS(hold) * sizeof(tn_atomic64) / sizeof(tn_entry)) : 0;
}

#endif
