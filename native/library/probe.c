/* probe.c: what this kernel, and whoever filters its calls, lets us do. Each question is asked with arguments
 * that cannot succeed or that change nothing; the one child that is made shares our memory, does nothing and
 * is gone when the call returns.
 */
#include "library/clone.h"
#include "common/linux.h"
#include "common/signal_mask.h"
#include "common/syscall.h"

enum {
  CHILD_STACK = 4096,
  NAMESPACES = 0x02000000 /* cgroup */ | 0x04000000 /* uts */ | 0x08000000 /* ipc */ | 0x10000000 /* user */ |
               0x20000000 /* pid */ | 0x40000000 /* network */ | 0x00020000 /* mounts */
};

/* The error that only a kernel which knows the call gives: the answer is yes. */
static i64 knows(i64 result, i64 expected) { return result == expected ? 0 : result; }

static i64 probeSubreaper(void) {
  i32 is_subreaper = 0;
  return syscall2(SYS_PRCTL, PR_GET_CHILD_SUBREAPER, P(&is_subreaper));
}

EXPORT i64 reeve_probe(u32 what) {
  switch (what) {
  case REEVE_PROBE_CLONE3: return knows(syscall2(SYS_CLONE3, 0, 0), -EINVAL);
  case REEVE_PROBE_EXECVEAT: return knows(syscall5(SYS_EXECVEAT, A(-1), P(""), 0, 0, AT_EMPTY_PATH), -EBADF);
  case REEVE_PROBE_CLOSE_RANGE: return knows(syscall3(SYS_CLOSE_RANGE, 1, 0, 0), -EINVAL);
  case REEVE_PROBE_PIDFD_SIGNAL: return knows(syscall4(SYS_PIDFD_SEND_SIGNAL, A(-1), 0, 0, 0), -EBADF);
  case REEVE_PROBE_SUBREAPER: return probeSubreaper();
  default: return -EINVAL;
  }
}

static i32 nothing(void *unused) {
  (void)unused;
  return 0;
}

EXPORT i64 reeve_probe_namespaces(u64 flags) {
  u8 stack[CHILD_STACK] __attribute__((aligned(16)));
  if (flags & ~(u64)(u32)NAMESPACES) return -EINVAL;
  /* A signal's handler must not run in the child, which shares our memory. */
  u64 before = blockSignals();
  /* No exit signal: a handler of SIGCHLD, or a wait for any child, never learns of it. */
  i64 pid = clonePlain(CLONE_VM | CLONE_VFORK | flags, stack + sizeof stack, 0, nothing, 0);
  setSignals(before);
  if (pid < 0) return pid;
  while (syscall4(SYS_WAIT4, A(pid), 0, A(WALL), 0) == -EINTR) continue;
  return 0;
}
