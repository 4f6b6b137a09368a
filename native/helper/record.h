/* record.h: one record of a packed request, and what can be asked of its bytes. For the files that unpack
 * alone. */
#ifndef REEVE_RECORD_H
#define REEVE_RECORD_H

#include "reeve.h"

struct record {
  u32 tag;
  u32 length;
  u8 *bytes;
};

static inline u32 read16(const u8 *at) { return (u32)at[0] | (u32)at[1] << 8; }
static inline u32 read32(const u8 *at) { return read16(at) | read16(at + 2) << 16; }
static inline u64 read64(const u8 *at) { return read32(at) | (u64)read32(at + 4) << 32; }

static inline i32 isString(const struct record *record) {
  if (record->length == 0 || record->bytes[record->length - 1] != 0) return 0;
  for (u32 i = 0; i + 1 < record->length; i++) {
    if (record->bytes[i] == 0) return 0;
  }
  return 1;
}

/* One u32 or i32 of `record` into *out. */
static inline i32 isNumber(const struct record *record, u32 *out) {
  if (record->length != 4) return 0;
  *out = read32(record->bytes);
  return 1;
}

#endif
