/* children.c: who our children are: /proc/self/task/PID/children where the kernel has it, else every stat
 * file of /proc. */
#include "helper/children.h"

#include "common/linux.h"
#include "common/syscall.h"
#include "common/text.h"

enum { BUFFER_SIZE = 4096, STAT_SIZE = 512 };

/* A pid that is not our child, or one that is dead already, is nobody to signal. */
static i32 isLivingChild(i32 pid) {
  struct linux_siginfo info = {0};
  i64 result = syscall5(SYS_WAITID, P_PID, A(pid), P(&info), WEXITED | WNOHANG | WNOWAIT, 0);
  return result == 0 && info.pid == 0;
}

static void visitNumber(i64 pid, void (*visit)(void *, i32), void *context) {
  if (pid > 1 && isLivingChild((i32)pid)) visit(context, (i32)pid);
}

/* Numbers divided by blanks. -> 0, or -errno when there is no such file. */
static i64 readChildrenFile(void (*visit)(void *, i32), void *context) {
  char buffer[BUFFER_SIZE];
  struct text_line path;
  i64 pid = 0;
  i64 count = 0;
  lineStart(&path);
  lineText(&path, "/proc/self/task/");
  lineNumber(&path, (u64)syscall0(SYS_GETPID));
  lineText(&path, "/children");
  i64 fd = syscall4(SYS_OPENAT, A(AT_FDCWD), P(path.bytes), O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  while ((count = syscall3(SYS_READ, A(fd), P(buffer), sizeof buffer)) > 0) {
    for (i64 i = 0; i < count; i++) {
      if (buffer[i] >= '0' && buffer[i] <= '9') {
        pid = pid * 10 + (buffer[i] - '0');
      } else if (pid) {
        visitNumber(pid, visit, context);
        pid = 0;
      }
    }
  }
  if (pid) visitNumber(pid, visit, context);
  syscall1(SYS_CLOSE, A(fd));
  return 0;
}

/* The fourth field of /proc/PID/stat; the second is a name in brackets that may hold anything. -> pid, or 0.
 */
static i64 readParent(const char *name) {
  char buffer[STAT_SIZE];
  struct text_line path;
  i64 parent = 0;
  lineStart(&path);
  lineText(&path, "/proc/");
  lineText(&path, name);
  lineText(&path, "/stat");
  i64 fd = syscall4(SYS_OPENAT, A(AT_FDCWD), P(path.bytes), O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return 0;
  i64 count = syscall3(SYS_READ, A(fd), P(buffer), sizeof buffer);
  syscall1(SYS_CLOSE, A(fd));
  i64 at = count - 1;
  while (at >= 0 && buffer[at] != ')') at--;
  if (at < 0) return 0;
  for (at += 4; at < count && buffer[at] >= '0' && buffer[at] <= '9'; at++) { /* ") S " */
    parent = parent * 10 + (buffer[at] - '0');
  }
  return parent;
}

static void readAllProcesses(void (*visit)(void *, i32), void *context) {
  u64 buffer[BUFFER_SIZE / 8];
  i64 self = syscall0(SYS_GETPID);
  i64 count = 0;
  i64 dir = syscall4(SYS_OPENAT, A(AT_FDCWD), P("/proc"), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (dir < 0) return;
  while ((count = syscall3(SYS_GETDENTS64, A(dir), P(buffer), sizeof buffer)) > 0) {
    for (i64 at = 0; at < count;) {
      const struct linux_dirent *entry = (const void *)((const u8 *)buffer + at);
      i64 pid = textToNumber(entry->name);
      if (pid > 0 && readParent(entry->name) == self) visitNumber(pid, visit, context);
      at += entry->length;
    }
  }
  syscall1(SYS_CLOSE, A(dir));
}

void childrenEach(void (*visit)(void *context, i32 pid), void *context) {
  if (readChildrenFile(visit, context) < 0) readAllProcesses(visit, context);
}
