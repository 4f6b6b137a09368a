/* clock.h: the time that only moves forward. */
#ifndef REEVE_CLOCK_H
#define REEVE_CLOCK_H

#include "common/linux.h"
#include "common/syscall.h"

static inline i64 clockMilliseconds(void) {
  struct linux_timespec time = {0, 0};
  syscall2(SYS_CLOCK_GETTIME, CLOCK_MONOTONIC, P(&time));
  return time.seconds * 1000 + time.nanoseconds / 1000000;
}

#endif
