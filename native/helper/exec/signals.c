/* signals.c: the signals of a process that begins a role: all blocked, all with their default. */
#include "helper/exec/signals.h"

#include "common/linux.h"
#include "common/syscall.h"

enum { IGNORED = 1 /* SIG_IGN */ };

u64 signalsDefault(void) {
  u64 all = SIGNALS_ALL, ignored = 0;
  struct linux_sigaction by_default = {0, 0, 0, 0};
  syscall4(SYS_RT_SIGPROCMASK, SIG_SETMASK, P(&all), 0, SIGNAL_SET_SIZE);
  for (i32 i = 1; i <= SIGNAL_LAST; i++) {
    struct linux_sigaction before = by_default;
    syscall4(SYS_RT_SIGACTION, A(i), P(&by_default), P(&before), SIGNAL_SET_SIZE);
    if (before.handler == IGNORED) ignored |= SIGNAL_BIT(i);
  }
  return ignored;
}

void signalsIgnore(u64 signals) {
  struct linux_sigaction ignore = {IGNORED, 0, 0, 0};
  for (i32 i = 1; i <= SIGNAL_LAST; i++) {
    if (signals & SIGNAL_BIT(i)) syscall4(SYS_RT_SIGACTION, A(i), P(&ignore), 0, SIGNAL_SET_SIZE);
  }
}
