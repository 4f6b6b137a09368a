/* pty.c: pseudo-terminals, and the settings of terminals. A pair is made where somebody else may have put
 * anything in the way: nothing is opened before it is known to be the kernel's multiplexer.
 */
#include "common/linux.h"
#include "common/syscall.h"
#include "common/text.h"

/* Used nowhere else. */
enum {
  TCSETS = 0x5402,
  TIOCSWINSZ = 0x5414,
  TIOCSPTLCK = 0x40045431,
  TIOCGPTPEER = 0x5441,
  DEVPTS_SUPER_MAGIC = 0x1cd1,
  PTMX_MAJOR = 5,
  PTMX_MINOR = 2
};

static i64 isMultiplexer(i32 fd) {
  struct linux_statx file = {0};
  struct linux_statfs system = {0};
  i64 result = syscall5(SYS_STATX, A(fd), P(""), AT_EMPTY_PATH, STATX_BASIC_STATS, P(&file));
  if (result >= 0) result = syscall2(SYS_FSTATFS, A(fd), P(&system));
  if (result < 0) return result;
  i32 is_ptmx = (file.mode & S_IFMT) == S_IFCHR && file.rdev_major == PTMX_MAJOR && file.rdev_minor == PTMX_MINOR;
  return is_ptmx && system.type == DEVPTS_SUPER_MAGIC ? 0 : -ENODEV;
}

EXPORT i64 reeve_pty_open(i32 ptmx) {
  struct text_line path;
  i32 unlocked = 0;
  if (ptmx < 0) return -EBADF;
  i64 result = isMultiplexer(ptmx);
  if (result < 0) return result;
  lineStart(&path);
  lineText(&path, "/proc/self/fd/");
  lineNumber(&path, (u64)ptmx);
  u64 flags = O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
  i64 fd = syscall4(SYS_OPENAT, A(AT_FDCWD), P(path.bytes), flags, 0);
  if (fd < 0) return fd;
  result = syscall3(SYS_IOCTL, A(fd), TIOCSPTLCK, P(&unlocked));
  if (result >= 0) return fd;
  syscall1(SYS_CLOSE, A(fd));
  return result;
}

EXPORT i64 reeve_pty_peer(i32 master) {
  return syscall3(SYS_IOCTL, A(master), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

EXPORT i64 reeve_terminal_settings(i32 fd, i32 set, u8 *settings) {
  return syscall3(SYS_IOCTL, A(fd), set ? TCSETS : TCGETS, P(settings));
}

EXPORT i64 reeve_window_size(i32 fd, i32 set, u8 *size) {
  return syscall3(SYS_IOCTL, A(fd), set ? TIOCSWINSZ : TIOCGWINSZ, P(size));
}

EXPORT i64 reeve_dumpable(i32 on) { return syscall5(SYS_PRCTL, PR_SET_DUMPABLE, on ? 1 : 0, 0, 0, 0); }
