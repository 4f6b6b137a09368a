/* text.h: bytes, strings and numbers without a libc. Pure: no system call. */
#ifndef REEVE_TEXT_H
#define REEVE_TEXT_H

#include "reeve.h"

u64 textLength(const char *text);
i32 textEqual(const char *left, const char *right);
/* Does `text` hold `wanted`? 1 or 0. */
i32 textHas(const char *text, char wanted);
/* Decimal digits alone, 0 to 2147483647. -> the number, or -1. */
i64 textToNumber(const char *text);

/* A line put together piece by piece; what does not fit is cut, and the closing NUL is always there. */
struct text_line {
  u32 used;
  char bytes[508];
};
void lineStart(struct text_line *line);
void lineText(struct text_line *line, const char *text);
void lineNumber(struct text_line *line, u64 number);

/* A number that is no negative one, as a word of a command line. */
enum { NUMBER_SIZE = 12 };
static inline void numberText(char text[NUMBER_SIZE], i32 number) {
  struct text_line line;
  lineStart(&line);
  lineNumber(&line, (u64)number);
  for (u32 i = 0; i < NUMBER_SIZE; i++) text[i] = i < line.used ? line.bytes[i] : 0;
}

/* A compiler calls these on its own account, freestanding or not. */
void *memcpy(void *to, const void *from, u64 count);
void *memmove(void *to, const void *from, u64 count);
void *memset(void *to, int value, u64 count);
int memcmp(const void *left, const void *right, u64 count);

#endif
