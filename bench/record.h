/* record.h: what the programs of the bench write into the FIFO, one write of 32 bytes each. The time is
 * CLOCK_MONOTONIC, taken by the process that reports: the reader's own latency is in no figure.
 */
#ifndef BENCH_RECORD_H
#define BENCH_RECORD_H

#include <stdint.h>

enum bench_what {
  BENCH_RUNS = 1,   /* a daemon's first act */
  BENCH_START = 2,  /* stopwatch: before the fork and exec of the supervisor; pid is the supervisor's */
  BENCH_EXIT = 3,   /* stopwatch: the supervisor was waited for; value is its wait status */
  BENCH_SIGNAL = 4, /* kill: just before the signal is sent */
  BENCH_READY = 5,  /* orphans: all orphans exist and the command begins to wait */
  BENCH_REAPED = 6  /* orphans: the last zombie is gone; value is how many there were */
};

struct bench_record {
  uint32_t what;
  int32_t pid;
  uint64_t nanoseconds;
  int64_t value;
  uint64_t zero;
};

#endif
