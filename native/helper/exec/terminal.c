/* terminal.c: who has the terminal. SIGTTOU is blocked by all who call this, so that a change from the
 * background works. */
#include "helper/exec/terminal.h"

#include "common/linux.h"
#include "common/syscall.h"

i64 terminalGroup(i32 fd) {
  i32 group = 0;
  i64 result = syscall3(SYS_IOCTL, A(fd), TIOCGPGRP, P(&group));
  return result < 0 ? result : group;
}

i64 terminalGive(i32 fd, i32 group) { return syscall3(SYS_IOCTL, A(fd), TIOCSPGRP, P(&group)); }

static i64 isTerminal(i32 fd) {
  u32 window[2] = {0, 0}; /* struct winsize */
  return syscall3(SYS_IOCTL, A(fd), TIOCGWINSZ, P(window));
}

i32 terminalIs(i32 fd) { return isTerminal(fd) >= 0; }

/* A session leader already, as the first process of a container is, leads a group and a session of its own.
 */
static i64 unlessLeader(i64 result) {
  return result == -EPERM && syscall1(SYS_GETSID, 0) == syscall0(SYS_GETPID) ? 0 : result;
}

i64 terminalTake(i32 fd) {
  i64 result = isTerminal(fd);
  if (result < 0) return result;
  i64 foreground = terminalGroup(fd);
  if (foreground >= 0) { /* it is our controlling terminal */
    i64 ours = syscall1(SYS_GETPGID, 0);
    result = unlessLeader(syscall2(SYS_SETPGID, 0, 0));
    if (result < 0 || foreground != ours) return result;
    return terminalGive(fd, (i32)syscall0(SYS_GETPID));
  }
  result = unlessLeader(syscall0(SYS_SETSID));
  if (result < 0) return result;
  result = syscall3(SYS_IOCTL, A(fd), TIOCSCTTY, 0);
  return result == -EPERM ? 0 : result;
}
