/* signals.c: what the instance is sent. All signals are blocked and read from a descriptor; a signal stays a
 * bit until a core has acknowledged it, so that none is lost with a core.
 */
#include "helper/keeper/keeper.h"

#include "common/signal_mask.h"
#include "common/syscall.h"

enum {
#if defined(__x86_64__)
  SYS_SIGNALFD4_CALL = 289,
#else
  SYS_SIGNALFD4_CALL = 74,
#endif
  SIGILL = 4,
  SIGTRAP = 5,
  SIGBUS = 7,
  SIGFPE = 8,
  SIGSEGV = 11,
  SIGUSR1 = 10,
  SIGNALS_AT_ONCE = 16
};

/* struct signalfd_siginfo */
struct signal_record {
  u32 signo;
  i32 error;
  i32 code;
  u32 pid;
  u8 rest[112];
};

i64 signalsOpen(struct keeper *keeper) {
  struct linux_sigaction by_default = {0, 0, 0, 0};
  u64 mask = SIGNALS_ALL & ~(SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGFPE) |
                             SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP));
  blockSignals();
  /* An ignored SIGCHLD would have the kernel reap. */
  syscall4(SYS_RT_SIGACTION, SIGCHLD, P(&by_default), 0, SIGNAL_SET_SIZE);
  i64 fd = syscall4(SYS_SIGNALFD4_CALL, A(-1), P(&mask), SIGNAL_SET_SIZE, O_CLOEXEC | O_NONBLOCK);
  keeper->signal_fd = (i32)fd;
  return fd;
}

u64 signalsStop(u64 signals) {
  return signals & (SIGNAL_BIT(SIGTERM) | SIGNAL_BIT(SIGINT) | SIGNAL_BIT(SIGQUIT));
}

void signalsTell(struct keeper *keeper) {
  u64 mask = keeper->signals & ~keeper->told_signals;
  if (!mask || keeper->socket < 0 || !keeper->core.has_spoken) return;
  if (packetTell(keeper, REEVE_K_SIGNALS, &mask, sizeof mask) < 0) return;
  keeper->told_signals |= mask;
  keeper->told_signals_at = keeper->sent;
}

void signalsTake(struct keeper *keeper) {
  struct signal_record records[SIGNALS_AT_ONCE];
  for (;;) {
    i64 count = syscall3(SYS_READ, A(keeper->signal_fd), P(records), sizeof records);
    if (count <= 0) return signalsTell(keeper);
    for (u64 i = 0; i < (u64)count / sizeof records[0]; i++) {
      u32 signal = records[i].signo;
      if (signal == SIGCHLD) {
        deathsReap(keeper);
        continue;
      }
      if (signal == SIGPIPE || signal == 0 || signal > SIGNAL_LAST) continue;
      if (signal == SIGCONT) foregroundContinued(keeper);
      keeper->signals |= SIGNAL_BIT(signal);
      keeper->told_signals &= ~SIGNAL_BIT(signal); /* once more: a second TERM is a word of its own */
      coreWake(keeper);
    }
  }
}
