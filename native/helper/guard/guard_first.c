/* guard_first.c: PID 1 of a guard's namespace. Its parent-death signal is SIGKILL: its end is the end of all
 * in the namespace, and nothing can be born there any more. Must never outlive the guard, have anything open,
 * or show anything of the host to who is root in there.
 */
#include "helper/guard/guard_first.h"

#include "helper/children.h"
#include "helper/exec/descriptors.h"
#include "common/syscall.h"
#include "common/text.h"

enum { NS_GET_PARENT = 0xb702, NAMESPACES_MAX = 32 /* the kernel nests them no deeper */ };

/* Every signal is ignored and none blocked, so that none waits in a queue; with SIGCHLD ignored the kernel
 * reaps in our place, even while we are stopped. */
__attribute__((noreturn)) static void run(void) {
  struct linux_sigaction ignored = {1 /* SIG_IGN */, 0, 0, 0};
  u64 none = 0;
  for (i32 i = 1; i <= SIGNAL_LAST; i++) {
    if (i != SIGKILL && i != SIGSTOP) syscall4(SYS_RT_SIGACTION, A(i), P(&ignored), 0, SIGNAL_SET_SIZE);
  }
  syscall4(SYS_RT_SIGPROCMASK, SIG_SETMASK, P(&none), 0, SIGNAL_SET_SIZE);
  while (syscall4(SYS_WAIT4, A(-1), 0, WNOHANG | WALL, 0) > 0) continue;
  for (;;) syscall5(SYS_PPOLL, 0, 0, 0, 0, SIGNAL_SET_SIZE);
}

/* All in the namespace see us, and root among them could look through /proc/1/root: there is to be nothing.
 * Where that cannot be done (a root that is no mount, no /proc) it is root's own view that it finds there, as
 * it is without a guard. */
static void emptyRoot(void) {
  if (syscall1(SYS_UNSHARE, CLONE_NEWNS) < 0) return;
  if (syscall5(SYS_MOUNT, P("none"), P("/"), 0, MS_REC | MS_PRIVATE, 0) < 0) return;
  if (syscall5(SYS_MOUNT, P("none"), P("/proc"), P("tmpfs"), MS_RDONLY, 0) < 0) return;
  if (syscall1(SYS_CHDIR, P("/proc")) < 0) return;
  /* The old root lies on the new one, and is taken off. */
  if (syscall2(SYS_PIVOT_ROOT, P("."), P(".")) < 0) return;
  syscall2(SYS_UMOUNT2, P("."), MNT_DETACH);
  syscall1(SYS_CHDIR, P("/"));
}

/* -> 0 or -errno */
static i64 joinAll(const struct reeve_guard_request *request) {
  i64 result = 0;
  for (u32 i = 0; i < request->njoins && result >= 0; i++) {
    result = syscall2(SYS_SETNS, A(request->joins[i].fd), request->joins[i].flags);
  }
  return result;
}

/* `life`: a pipe of which the guard alone has the other end, for as long as it lives. `done`: takes 0, or the
 * errno of what failed. */
__attribute__((noreturn)) static void begin(const struct reeve_guard_request *request, i32 life, i32 done) {
  struct linux_pollfd poll = {life, POLLIN, 0};
  struct linux_timespec none = {0, 0};
  u8 go = 0;
  i64 result = joinAll(request);
  if (result >= 0) emptyRoot();
  /* After the joins, which clear it where credentials change. */
  if (result >= 0) result = syscall5(SYS_PRCTL, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  i32 error = result < 0 ? (i32)-result : 0;
  syscall3(SYS_WRITE, A(done), P(&error), sizeof error);
  descriptorsCloseBut(life);
  if (error || syscall3(SYS_READ, A(life), P(&go), 1) != 1) exitProcess(125);
  /* A guard that died before it was our parent to die with has left us to nobody: getppid cannot tell, it is
   * 0 across namespaces. */
  syscall5(SYS_PPOLL, P(&poll), 1, P(&none), 0, SIGNAL_SET_SIZE);
  if (poll.revents & POLLHUP) exitProcess(125);
  syscall1(SYS_CLOSE, A(life));
  run();
}

static i64 openNamespace(i32 pid) {
  struct text_line path;
  lineStart(&path);
  lineText(&path, "/proc/");
  lineNumber(&path, (u64)pid);
  lineText(&path, "/ns/pid");
  return syscall4(SYS_OPENAT, A(AT_FDCWD), P(path.bytes), O_RDONLY | O_CLOEXEC, 0);
}

static i64 lookAt(i64 fd, struct linux_statx *file) {
  return syscall5(SYS_STATX, A(fd), P(""), AT_EMPTY_PATH, STATX_BASIC_STATS, P(file));
}

i32 firstHas(const struct first *first, i32 pid) {
  struct linux_statx file = {0};
  i64 fd = openNamespace(pid);
  i32 is_it = 0;
  for (u32 depth = 0; fd >= 0 && !is_it && depth < NAMESPACES_MAX; depth++) {
    is_it = lookAt(fd, &file) >= 0 && file.ino == first->namespace_file.ino &&
            file.dev_major == first->namespace_file.dev_major && file.dev_minor == first->namespace_file.dev_minor;
    i64 parent = is_it ? -1 : syscall2(SYS_IOCTL, A(fd), NS_GET_PARENT);
    syscall1(SYS_CLOSE, A(fd));
    fd = parent;
  }
  return is_it;
}

/* Remembers the namespace of PID 1. -> 0 or -errno. */
static i64 noteNamespace(struct first *first) {
  i64 fd = openNamespace(first->pid);
  if (fd < 0) return fd;
  i64 result = lookAt(fd, &first->namespace_file);
  syscall1(SYS_CLOSE, A(fd));
  return result;
}

static void noteChild(void *context, i32 pid) { *(i32 *)context = pid; }

/* Within another namespace. A new one can only be made by a process that is in the outer one itself: a
 * short-lived child, which makes PID 1 as a child of ours. What number that has here, only our list of
 * children tells.  -> pid or -errno. */
static i64 cloneWithin(const struct reeve_guard_request *request, i32 life, i32 done) {
  i32 status = 0;
  i32 found = -ESRCH;
  i64 result = syscall2(SYS_SETNS, A(request->pid_namespace_fd), CLONE_NEWPID);
  if (result >= 0) result = syscall5(SYS_CLONE, SIGCHLD, 0, 0, 0, 0);
  if (result == 0) {
    result = syscall5(SYS_CLONE, CLONE_NEWPID | CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
    if (result == 0) begin(request, life, done);
    exitProcess((i32)(result < 0 ? -result : 0));
  }
  if (result > 0) result = syscall4(SYS_WAIT4, A(result), P(&status), WALL, 0);
  if (result < 0) return result;
  if (status) return status & 0x7f ? -ESRCH : -(status >> 8 & 0xff);
  childrenEach(noteChild, &found);
  return found;
}

static i64 cloneHere(const struct reeve_guard_request *request, i32 life, i32 done) {
  i64 result = syscall5(SYS_CLONE, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
  if (result == 0) begin(request, life, done);
  return result;
}

/* The part that only PID 1 uses. */
static void closeUsed(const struct reeve_guard_request *request, i32 life, i32 done) {
  syscall1(SYS_CLOSE, A(life));
  syscall1(SYS_CLOSE, A(done));
  if (request->pid_namespace_fd >= 0) syscall1(SYS_CLOSE, A(request->pid_namespace_fd));
  for (u32 i = 0; i < request->njoins; i++) syscall1(SYS_CLOSE, A(request->joins[i].fd));
}

i64 firstStart(const struct reeve_guard_request *request, struct first *first) {
  i32 life[2] = {-1, -1};
  i32 done[2] = {-1, -1};
  i32 error = 0;
  i64 result = syscall2(SYS_PIPE2, P(life), O_CLOEXEC);
  if (result >= 0) result = syscall2(SYS_PIPE2, P(done), O_CLOEXEC);
  if (result < 0) return result;
  i32 is_within = request->pid_namespace_fd >= 0;
  result = is_within ? cloneWithin(request, life[0], done[1]) : cloneHere(request, life[0], done[1]);
  closeUsed(request, life[0], done[1]);
  if (result < 0) return result;
  first->pid = (i32)result;
  i64 count = syscall3(SYS_READ, A(done[0]), P(&error), sizeof error);
  syscall1(SYS_CLOSE, A(done[0]));
  if (count != sizeof error) return -EIO; /* it was killed */
  if (error) return -error;
  result = first->pidfd = (i32)syscall2(SYS_PIDFD_OPEN, A(first->pid), 0);
  if (result >= 0) result = noteNamespace(first);
  if (result >= 0) result = syscall3(SYS_WRITE, A(life[1]), P("g"), 1);
  return result; /* life[1] stays open */
}
