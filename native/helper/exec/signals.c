/* signals.c: the signals of a process that begins a role: all blocked, all with their default. */
#include "helper/exec/signals.h"

#include "common/linux.h"
#include "common/syscall.h"

void signalsDefault(void) {
  u64 all = SIGNALS_ALL;
  struct linux_sigaction by_default = {0, 0, 0, 0};
  syscall4(SYS_RT_SIGPROCMASK, SIG_SETMASK, P(&all), 0, SIGNAL_SET_SIZE);
  for (i32 i = 1; i <= SIGNAL_LAST; i++) {
    syscall4(SYS_RT_SIGACTION, A(i), P(&by_default), 0, SIGNAL_SET_SIZE);
  }
}
