/* signal_mask.h: no signal of the calling thread for a while. */
#ifndef REEVE_SIGNAL_MASK_H
#define REEVE_SIGNAL_MASK_H

#include "common/linux.h"
#include "common/syscall.h"

static inline void setSignals(u64 mask) {
  syscall4(SYS_RT_SIGPROCMASK, SIG_SETMASK, P(&mask), 0, SIGNAL_SET_SIZE);
}

/* Blocks every signal of this thread. -> the mask before. */
static inline u64 blockSignals(void) {
  u64 all = SIGNALS_ALL;
  u64 before = 0;
  syscall4(SYS_RT_SIGPROCMASK, SIG_SETMASK, P(&all), P(&before), SIGNAL_SET_SIZE);
  return before;
}

#endif
