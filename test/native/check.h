/* check.h: what the C tests assert with. A failure prints where it is and ends the program with status 1. */
#ifndef TEST_CHECK_H
#define TEST_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                     \
  do {                                                                       \
    if (!(condition)) {                                                      \
      fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                               \
    }                                                                        \
  } while (0)

#define CHECK_EQUAL(value, wanted)                                                                   \
  do {                                                                                               \
    long value_ = (long)(value), wanted_ = (long)(wanted);                                           \
    if (value_ != wanted_) {                                                                         \
      fprintf(stderr, "%s:%d: %s is %ld, wanted %ld\n", __FILE__, __LINE__, #value, value_, wanted_); \
      exit(1);                                                                                       \
    }                                                                                                \
  } while (0)

#endif
