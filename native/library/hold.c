/* hold.c: signals held back from a whole process, not from one thread, while it prepares to become another
 * image.
 *
 * The runtime has threads that block nothing: a signal that this thread blocks goes to one of them, into a
 * queue of the runtime, and is lost with it at the exec. So a handler of ours stands in for the runtime's and
 * turns each such signal towards this thread, which blocks it: there it stays pending, over the exec too.
 *
 * The handler touches no memory and makes two system calls: it may run in any thread, at any moment.
 */
#include "common/linux.h"
#include "common/syscall.h"

static void turnTowardsMain(i32 sig) {
  i64 pid = syscall1(SYS_GETPID, 0);
  syscall3(SYS_TGKILL, A(pid), A(pid), A(sig));
}

#if defined(__x86_64__)
/* x86-64 wants the way back from a handler from the program; arm64 has it in the vDSO. */
void reeveSignalReturn(void) __attribute__((visibility("hidden")));
__asm__(
    ".text\n"
    ".globl reeveSignalReturn\n"
    ".hidden reeveSignalReturn\n"
    ".type reeveSignalReturn, @function\n"
    "reeveSignalReturn:\n"
    "  mov $15, %eax\n"
    "  syscall\n"
    "  hlt\n"
    ".size reeveSignalReturn, .-reeveSignalReturn\n");
enum { RETURN_FLAG = SA_RESTORER };
static u64 signalReturn(void) { return P(reeveSignalReturn); }
#else
enum { RETURN_FLAG = 0 };
static u64 signalReturn(void) { return 0; }
#endif

static void restore(u64 mask, const struct linux_sigaction *saved) {
  for (i32 sig = 1; sig <= SIGNAL_LAST; sig++) {
    if (mask & SIGNAL_BIT(sig)) syscall4(SYS_RT_SIGACTION, A(sig), P(&saved[sig - 1]), 0, SIGNAL_SET_SIZE);
  }
}

EXPORT i64 reeve_hold_signals(u64 mask, u64 *saved) {
  struct linux_sigaction *before = (struct linux_sigaction *)(void *)saved;
  struct linux_sigaction ours = {P(turnTowardsMain), RETURN_FLAG | SA_RESTART | SA_ONSTACK, signalReturn(), SIGNALS_ALL};
  u64 present = 0;
  if (!saved || (mask & (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP)))) return -EINVAL;
  if (syscall1(SYS_GETTID, 0) != syscall1(SYS_GETPID, 0)) return -EPERM;
  syscall4(SYS_RT_SIGPROCMASK, SIG_BLOCK, P(&mask), P(&present), SIGNAL_SET_SIZE);
  for (i32 sig = 1; sig <= SIGNAL_LAST; sig++) {
    if (!(mask & SIGNAL_BIT(sig))) continue;
    i64 result = syscall4(SYS_RT_SIGACTION, A(sig), P(&ours), P(&before[sig - 1]), SIGNAL_SET_SIZE);
    if (result < 0) {
      restore(mask & (SIGNAL_BIT(sig) - 1), before);
      syscall4(SYS_RT_SIGPROCMASK, SIG_SETMASK, P(&present), 0, SIGNAL_SET_SIZE);
      return result;
    }
  }
  return 0;
}

EXPORT i64 reeve_release_signals(u64 mask, const u64 *saved) {
  if (!saved) return -EINVAL;
  restore(mask, (const struct linux_sigaction *)(const void *)saved);
  return syscall4(SYS_RT_SIGPROCMASK, SIG_UNBLOCK, P(&mask), 0, SIGNAL_SET_SIZE);
}
