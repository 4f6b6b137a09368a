/* processes.c: children that ended, and signals to processes. Numbers that mean "everybody" to kill(2) are
 * refused here once more: a caller's undefined that became 0 must not reach a group of ours.
 */
#include "common/linux.h"
#include "common/syscall.h"

EXPORT i64 reeve_sigmask(i32 how, u64 mask) {
  if (how < SIG_BLOCK || how > SIG_SETMASK) return -EINVAL;
  return syscall4(SYS_RT_SIGPROCMASK, A(how), P(&mask), 0, SIGNAL_SET_SIZE);
}

EXPORT i64 reeve_peek_child(i32 *out) {
  struct linux_siginfo info = {0};
  out[0] = out[1] = out[2] = 0;
  i64 result = syscall5(SYS_WAITID, P_ALL, 0, P(&info), WEXITED | WNOHANG | WNOWAIT, 0);
  if (result < 0) return result;
  if (info.pid == 0) return 0;
  out[0] = info.pid;
  out[1] = info.code;
  out[2] = info.status;
  return 1;
}

EXPORT i64 reeve_reap(i32 pid, i32 *out) {
  i32 status = 0;
  if (pid <= 0) return -EINVAL;
  out[0] = out[1] = 0;
  i64 result = syscall4(SYS_WAIT4, A(pid), P(&status), WNOHANG, 0);
  if (result < 0) return result;
  out[0] = (i32)result;
  out[1] = status;
  return result > 0;
}

EXPORT i64 reeve_reap_all(i32 *out, u32 pairs) {
  u32 count = 0;
  while (count < pairs) {
    i32 status = 0;
    i64 pid = syscall4(SYS_WAIT4, -1, P(&status), WNOHANG, 0);
    if (pid == -EINTR) continue;
    if (pid <= 0) {
      if (pid < 0 && pid != -ECHILD && count == 0) return pid;
      break;
    }
    out[2 * count] = (i32)pid;
    out[2 * count + 1] = status;
    count++;
  }
  return count;
}

EXPORT i64 reeve_pidfd_open(i32 pid) {
  if (pid <= 0) return -EINVAL;
  return syscall2(SYS_PIDFD_OPEN, A(pid), 0); /* close-on-exec by itself */
}

EXPORT i64 reeve_pid_from_namespace(i32 nsfd, i32 pid) {
  if (nsfd < 0) return -EBADF;
  if (pid <= 0) return -EINVAL;
  i64 result = syscall3(SYS_IOCTL, A(nsfd), NS_GET_TGID_FROM_PIDNS, A(pid));
  if (result == 0) return -ESRCH; /* there, but not in a namespace below ours */
  return result == -EINVAL || result == -ENOSYS ? -ENOTTY : result;
}

static i32 isSignal(i32 sig) { return sig >= 0 && sig <= SIGNAL_LAST; }

EXPORT i64 reeve_pidfd_signal(i32 pidfd, i32 sig) {
  if (pidfd < 0) return -EBADF;
  if (!isSignal(sig)) return -EINVAL;
  return syscall4(SYS_PIDFD_SEND_SIGNAL, A(pidfd), A(sig), 0, 0);
}

EXPORT i64 reeve_kill_group(i32 pgid, i32 sig) {
  if (pgid <= 1 || !isSignal(sig)) return -EINVAL;
  return syscall2(SYS_KILL, A(-pgid), A(sig));
}

EXPORT i64 reeve_kill(i32 pid, i32 sig) {
  if (pid <= 1 || !isSignal(sig)) return -EINVAL;
  return syscall2(SYS_KILL, A(pid), A(sig));
}

EXPORT i64 reeve_getpgid(i32 pid) { return pid < 0 ? -EINVAL : syscall1(SYS_GETPGID, A(pid)); }

EXPORT i64 reeve_subreaper(i32 on) { return syscall2(SYS_PRCTL, PR_SET_CHILD_SUBREAPER, on != 0); }

EXPORT i64 reeve_set_name(const char *name) {
  if (!name) return -EINVAL;
  return syscall2(SYS_PRCTL, PR_SET_NAME, P(name));
}

EXPORT i64 reeve_rlimit(u32 resource, i32 set, u64 *pair) {
  struct linux_rlimit limit = {pair[0], pair[1]};
  if (resource >= RLIMIT_COUNT) return -EINVAL;
  i64 result = syscall4(SYS_PRLIMIT64, 0, resource, set ? P(&limit) : 0, set ? 0 : P(&limit));
  if (result < 0) return result;
  pair[0] = limit.soft;
  pair[1] = limit.hard;
  return 0;
}

EXPORT i64 reeve_umask(i32 mask) {
  if (mask < -1 || mask > 0777) return -EINVAL;
  if (mask >= 0) return syscall1(SYS_UMASK, A(mask));
  /* 077: a file that another thread makes meanwhile is no secret given away */
  i64 present = syscall1(SYS_UMASK, 077);
  syscall1(SYS_UMASK, A(present));
  return present;
}

EXPORT i64 reeve_clock(i32 clock_id, i64 *out) {
  struct linux_timespec time = {0, 0};
  i64 result = syscall2(SYS_CLOCK_GETTIME, A(clock_id), P(&time));
  if (result < 0) return result;
  out[0] = time.seconds;
  out[1] = time.nanoseconds;
  return 0;
}
