/* jail.c: the role jail: PID 1 of a jail, which holds its namespaces while no daemon is in it. The daemons
 * are children of the supervisor; who is orphaned here becomes ours.
 *
 * Must never have a descriptor open, wake up, or die of anything but SIGKILL from outside: it is resident for
 * as long as the jail is, and all in the jail may signal it.
 */
#include "helper/jail/jail.h"

#include "helper/exec/child.h"
#include "helper/jail/confine.h"
#include "helper/exec/descriptors.h"
#include "common/linux.h"
#include "common/syscall.h"
#include "helper/exec/user_namespace.h"

enum { PAGE = 4096, STACK_GUESS = 32 * PAGE };

/* Ignored and not blocked, so that none ever waits in a queue. With SIGCHLD ignored the kernel reaps in our
 * place, even while we are stopped. */
static void ignoreSignals(void) {
  struct linux_sigaction ignored = {1 /* SIG_IGN */, 0, 0, 0};
  u64 none = 0;
  for (i32 i = 1; i <= SIGNAL_LAST; i++) {
    if (i != SIGKILL && i != SIGSTOP) syscall4(SYS_RT_SIGACTION, A(i), P(&ignored), 0, SIGNAL_SET_SIZE);
  }
  syscall4(SYS_RT_SIGPROCMASK, SIG_SETMASK, P(&none), 0, SIGNAL_SET_SIZE);
  /* who died before they were ignored */
  while (syscall4(SYS_WAIT4, A(-1), 0, WNOHANG | WALL, 0) > 0) continue;
}

/* The set-up went deeper than anything that comes. */
static void dropStack(void) {
  u64 here = P(__builtin_frame_address(0)) & ~(u64)(PAGE - 1);
  syscall3(SYS_MADVISE, here - STACK_GUESS, STACK_GUESS, MADV_DONTNEED);
}

static i64 setUp(struct request *request, u32 *stage) {
  *stage = REEVE_S_SPEC;
  if (!(request->flags & REEVE_F_NO_EXEC)) return -EBADMSG;
  i64 result = childPrepare(request, stage);
  if (result >= 0) result = confine(request, stage);
  if (result >= 0) {
    *stage = REEVE_S_USER_NAMESPACE;
    result = userNamespaceEnter(request);
  }
  confineEnd(request);
  if (result < 0) return result;
  *stage = REEVE_S_PDEATHSIG;
  return childParentDeath(request);
}

__attribute__((noinline)) static i32 setUpReported(struct request *request) {
  u32 stage = REEVE_S_SPEC;
  i64 result = setUp(request, &stage);
  if (result < 0) {
    childReport(request, stage, (i32)-result);
    return 125;
  }
  ignoreSignals(); /* and with it SIGPIPE */
  descriptorsCloseBut(request->ready_fd);
  childUnload(request);
  /* Nobody there to know of this jail: it would be in nobody's way, and nobody's. */
  return confineReady(request) < 0 ? 125 : 0;
}

i32 jailRun(struct request *request) {
  i32 status = setUpReported(request);
  if (status != 0) return status;
  dropStack();
  for (;;) syscall5(SYS_PPOLL, 0, 0, 0, 0, SIGNAL_SET_SIZE);
}
