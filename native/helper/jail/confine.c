/* confine.c: where a process lives: the order of its steps, and what comes before the first of them.
 *
 * From the moment when it is in a PID namespace of somebody else, that somebody may be looking: it cannot be
 * dumped or traced by who lacks the host's rights, and has closed all that it does not need. What needs the
 * host's /proc is done, or opened, before.
 */
#include "helper/jail/confine.h"

#include "helper/exec/descriptors.h"
#include "common/linux.h"
#include "helper/jail/mount.h"
#include "helper/jail/namespaces.h"
#include "helper/jail/root.h"
#include "helper/jail/shield.h"
#include "helper/step.h"
#include "common/syscall.h"
#include "common/text.h"

static i64 stepHide(struct request *request) {
  (void)request;
  return syscall5(SYS_PRCTL, PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static i64 stepOpenProc(struct request *request) {
  struct linux_statfs system = {0};
  i64 fd = syscall4(SYS_OPENAT, A(AT_FDCWD), P("/proc"), O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0) return 0; /* who needs it will say so */
  if (syscall2(SYS_FSTATFS, A(fd), P(&system)) >= 0 && system.type == PROC_SUPER_MAGIC) {
    request->state.proc = (i32)fd;
  } else {
    syscall1(SYS_CLOSE, A(fd));
  }
  return 0;
}

static const struct step BEGIN[] = {
    {REEVE_S_FDS, descriptorsNarrow},
    {REEVE_S_SETNS, stepHide},
    {REEVE_S_SETNS, stepOpenProc},
};

static const struct step STEPS[] = {
    {REEVE_S_SETNS, namespacesJoin},
    {REEVE_S_UNSHARE, namespacesUnshare},
    {REEVE_S_LOOPBACK, loopbackUp},
    {REEVE_S_ROOT, rootOpen},
    {REEVE_S_MOUNT, mountsMake},
    {REEVE_S_ROOT, rootEnter},
    {REEVE_S_HOSTNAME, hostnameSet},
    {REEVE_S_SHIELD, shieldMake},
    {REEVE_S_SETNS, namespacesJoinUser},
};

i32 confineWanted(const struct request *request) {
  return request->nsetns > 0 || request->nmounts > 0 || request->unshare || request->root || request->life_fd >= 0 ||
         request->ready_fd >= 0 || (request->flags & REEVE_F_INIT_SESSION) || request->state.null >= 0;
}

i64 confineBegin(struct request *request, u32 *stage) {
  if (request->state.null >= 0) return 0;
  return stepsRun(BEGIN, STEPS_COUNT(BEGIN), request, stage);
}

i64 confine(struct request *request, u32 *stage) {
  i64 result = confineBegin(request, stage);
  if (result >= 0) result = stepsRun(STEPS, STEPS_COUNT(STEPS), request, stage);
  if (!(request->unshare & CLONE_NEWUSER)) confineEnd(request);
  return result;
}

void confineEnd(struct request *request) {
  if (request->state.proc >= 0) syscall1(SYS_CLOSE, A(request->state.proc));
  request->state.proc = -1;
}

i64 confineParentLives(struct request *request) {
  struct linux_timespec now = {0, 0};
  struct linux_pollfd poll = {request->life_fd, POLLIN, 0};
  if (request->life_fd < 0) return 0;
  i64 result = syscall5(SYS_PPOLL, P(&poll), 1, P(&now), 0, SIGNAL_SET_SIZE);
  syscall1(SYS_CLOSE, A(request->life_fd));
  request->life_fd = -1;
  if (result < 0) return result;
  return poll.revents ? -ESRCH : 0;
}

i64 confineReady(struct request *request) {
  if (request->ready_fd < 0) return 0;
  i64 result = syscall3(SYS_WRITE, A(request->ready_fd), P("R"), 1);
  syscall1(SYS_CLOSE, A(request->ready_fd));
  request->ready_fd = -1;
  return result < 0 ? result : 0;
}
