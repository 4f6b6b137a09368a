/* text.c: bytes, strings and numbers without a libc. Pure: no system call. */
#include "common/text.h"

u64 textLength(const char *text) {
  u64 length = 0;
  while (text[length]) length++;
  return length;
}

i32 textEqual(const char *left, const char *right) {
  while (*left && *left == *right) left++, right++;
  return *left == *right;
}

i32 textHas(const char *text, char wanted) {
  for (; *text; text++) {
    if (*text == wanted) return 1;
  }
  return 0;
}

i64 textToNumber(const char *text) {
  i64 number = 0;
  if (!*text) return -1;
  for (; *text; text++) {
    if (*text < '0' || *text > '9') return -1;
    number = number * 10 + (*text - '0');
    if (number > 0x7fffffff) return -1;
  }
  return number;
}

void lineStart(struct text_line *line) {
  line->used = 0;
  line->bytes[0] = 0;
}

void lineText(struct text_line *line, const char *text) {
  for (; *text && line->used < sizeof line->bytes - 1; text++) line->bytes[line->used++] = *text;
  line->bytes[line->used] = 0;
}

void lineNumber(struct text_line *line, u64 number) {
  char digits[21];
  u32 at = sizeof digits - 1;
  digits[at] = 0;
  do {
    digits[--at] = (char)('0' + number % 10);
    number /= 10;
  } while (number);
  lineText(line, digits + at);
}

#ifndef REEVE_HOSTED /* a libc, and the sanitizers, have their own */

void *memcpy(void *to, const void *from, u64 count) {
  u8 *target = to;
  const u8 *source = from;
  /* volatile: a compiler that recognises the loop would call memcpy, that is itself */
  for (volatile u64 i = 0; i < count; i++) target[i] = source[i];
  return to;
}

void *memmove(void *to, const void *from, u64 count) {
  u8 *target = to;
  const u8 *source = from;
  if (target < source) return memcpy(to, from, count);
  for (volatile u64 i = count; i > 0; i--) target[i - 1] = source[i - 1];
  return to;
}

void *memset(void *to, int value, u64 count) {
  u8 *target = to;
  for (volatile u64 i = 0; i < count; i++) target[i] = (u8)value;
  return to;
}

int memcmp(const void *left, const void *right, u64 count) {
  const u8 *one = left;
  const u8 *other = right;
  for (volatile u64 i = 0; i < count; i++) {
    if (one[i] != other[i]) return one[i] < other[i] ? -1 : 1;
  }
  return 0;
}

#endif
