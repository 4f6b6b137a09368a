/* spawn.c: starting the helper as a child, becoming the helper, executing another image of ourselves.
 *
 * The calling process has many threads. Between the clone and the execveat nothing runs here but fcntl and execveat; what
 * a child needs beyond that is the helper's work.
 */
#include "clone.h"
#include "execute.h"
#include "linux.h"
#include "syscall.h"
#include "text.h"

/* All descriptors that a request can name. */
enum { KEEP_MAX = 1088, CHILD_STACK = 4096 };

static char *const NO_ENVIRONMENT[] = {0};

/* Blocks every signal of this thread. -> the mask before. */
static u64 blockSignals(void) {
  u64 all = SIGNALS_ALL;
  u64 before = 0;
  syscall4(SYS_RT_SIGPROCMASK, SIG_SETMASK, P(&all), P(&before), SIGNAL_SET_SIZE);
  return before;
}

static void setSignals(u64 mask) { syscall4(SYS_RT_SIGPROCMASK, SIG_SETMASK, P(&mask), 0, SIGNAL_SET_SIZE); }

static void requestText(char text[12], i32 fd) {
  struct text_line line;
  lineStart(&line);
  lineNumber(&line, (u64)fd);
  for (u32 i = 0; i < 12; i++) text[i] = i < line.used ? line.bytes[i] : 0;
}

struct spawn {
  i32 helper_fd;
  i32 request_fd;
  const i32 *keep;
  u32 nkeep;
  char **argv;
  volatile i64 error;
};

/* Runs in the child, in memory that it shares with the caller, on a stack of its own. */
static i32 spawnBody(void *argument) {
  struct spawn *spawn = argument;
  i64 result = syscall3(SYS_FCNTL, A(spawn->request_fd), F_SETFD, 0);
  for (u32 i = 0; i < spawn->nkeep && result >= 0; i++) {
    result = syscall3(SYS_FCNTL, A(spawn->keep[i]), F_SETFD, 0);
  }
  if (result >= 0) {
    result = executeFile(spawn->helper_fd, spawn->argv, NO_ENVIRONMENT);
  }
  spawn->error = result;
  return 125;
}

/* A child that shares our memory and runs body(argument) on this stack; `flags` beyond that. -> its pid, or -errno */
static i64 cloneSharing(u64 flags, void *stack, u64 size, i32 *pidfd, i32 (*body)(void *), void *argument) {
  struct linux_clone_args args = {
      .flags = CLONE_VM | CLONE_VFORK | flags,
      .pidfd = P(pidfd),
      .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD, /* a sibling takes that of who clones it */
      .stack = P(stack),
      .stack_size = size,
  };
  i64 pid = cloneThree(&args, sizeof args, body, argument);
  if (pid == -ENOSYS || pid == -EPERM) { /* an old kernel; a seccomp filter of an older container runtime */
    void *top = (u8 *)stack + size;
    u64 plain = CLONE_VM | CLONE_VFORK | flags | SIGCHLD;
    pid = clonePlain(plain, top, pidfd, body, argument);
    if (pid == -EINVAL && (flags & CLONE_PIDFD)) pid = clonePlain(plain & ~(u64)CLONE_PIDFD, top, pidfd, body, argument);
  }
  return pid;
}

/* One child that shares our memory until it is the helper. -> its pid, or -errno */
static i64 cloneChild(u64 clone_flags, i32 *pidfd, struct spawn *spawn) {
  u8 stack[CHILD_STACK] __attribute__((aligned(16)));
  return cloneSharing(CLONE_PIDFD | clone_flags, stack, sizeof stack, pidfd, spawnBody, spawn);
}

struct nested {
  struct spawn *spawn;
  i32 *pidfd;
  volatile i64 result;
};

static i32 nestedBody(void *argument) {
  struct nested *nested = argument;
  nested->result = cloneChild(CLONE_NEWPID | CLONE_PARENT, nested->pidfd, nested->spawn);
  return 0;
}

/* The kernel's word on which process a pidfd is, in our own numbers. -> pid, or -errno */
static i64 pidOfPidfd(i32 pidfd) {
  static const char KEY[] = "\nPid:\t";
  struct text_line path;
  char text[512];
  i64 pid = 0;
  lineStart(&path);
  lineText(&path, "/proc/self/fdinfo/");
  lineNumber(&path, (u64)pidfd);
  path.bytes[path.used] = 0;
  i64 fd = syscall4(SYS_OPENAT, A(AT_FDCWD), P(path.bytes), O_CLOEXEC, 0);
  if (fd < 0) return fd;
  i64 count = syscall3(SYS_READ, A(fd), P(text), sizeof text - 1);
  syscall1(SYS_CLOSE, A(fd));
  if (count < 0) return count;
  text[count] = 0;
  for (i64 at = 0; text[at]; at++) {
    u32 same = 0;
    while (KEY[same] && text[at + same] == KEY[same]) same++;
    if (KEY[same]) continue;
    for (const char *digit = text + at + same; *digit >= '0' && *digit <= '9'; digit++) pid = pid * 10 + (*digit - '0');
    return pid > 1 ? pid : -ESRCH;
  }
  return -ESRCH;
}

/* A PID namespace can be made only by who lives in the one around it, so one that lies in a joined one takes a process between, which
 * makes a sibling of itself, our child, and ends. It shares our descriptors for that long: the pidfd is in our table. */
static i64 cloneNested(i32 *pidfd, struct spawn *spawn) {
  u8 stack[3 * CHILD_STACK] __attribute__((aligned(16)));
  struct nested nested = {spawn, pidfd, -ECHILD};
  i64 between = cloneSharing(CLONE_FILES, stack, sizeof stack, pidfd, nestedBody, &nested);
  if (between < 0) return between;
  while (syscall4(SYS_WAIT4, A(between), 0, A(WALL), 0) == -EINTR) continue;
  if (nested.result < 0) return nested.result;
  if (*pidfd < 0) return -ENOSYS;
  i64 pid = pidOfPidfd(*pidfd);
  if (pid < 0) {
    syscall4(SYS_PIDFD_SEND_SIGNAL, A(*pidfd), SIGKILL, 0, 0);
    syscall5(SYS_WAITID, P_PIDFD, A(*pidfd), 0, WEXITED | WALL, 0);
    syscall1(SYS_CLOSE, A(*pidfd));
  }
  return pid;
}

/* Nobody else shall see this child. */
static void discard(i64 pid, i32 pidfd) {
  while (syscall4(SYS_WAIT4, A(pid), 0, A(WALL), 0) == -EINTR) continue;
  if (pidfd >= 0) syscall1(SYS_CLOSE, A(pidfd));
}

EXPORT i64 reeve_spawn_in(i32 helper_fd, i32 request_fd, const i32 *keep, u32 nkeep, u32 role, i32 pidns_fd,
                          i32 own_pidns_fd, u64 clone_flags, i32 *out) {
  static const char ROLES[][12] = {"reeve-exec", "reeve-init", "reeve-jail", "reeve-guard"};
  char number[12];
  i32 pidfd = -1;
  if (helper_fd < 0 || request_fd < 0) return -EBADF;
  if (nkeep > KEEP_MAX || (nkeep && !keep) || role >= sizeof ROLES / sizeof ROLES[0]) return -EINVAL;
  if (clone_flags & ~(u64)CLONE_NEWPID) return -EINVAL;
  if (pidns_fd >= 0 && own_pidns_fd < 0) return -EINVAL;
  char *argv[] = {(char *)P(ROLES[role]), number, 0};
  struct spawn spawn = {helper_fd, request_fd, keep, nkeep, argv, 0};
  out[0] = 0;
  out[1] = -1;
  requestText(number, request_fd);

  u64 mask = blockSignals();
  i64 pid = pidns_fd >= 0 ? syscall2(SYS_SETNS, A(pidns_fd), CLONE_NEWPID) : 0;
  i64 back = 0;
  if (pid >= 0) {
    pid = pidns_fd >= 0 && clone_flags ? cloneNested(&pidfd, &spawn) : cloneChild(clone_flags, &pidfd, &spawn);
    if (pidns_fd >= 0) back = syscall2(SYS_SETNS, A(own_pidns_fd), CLONE_NEWPID);
  }
  if (back < 0 && pid > 0 && !spawn.error) syscall2(SYS_KILL, A(pid), SIGKILL);
  if (pid > 0 && (spawn.error || back < 0)) discard(pid, pidfd);
  setSignals(mask);
  if (back < 0) return -ENOTRECOVERABLE;
  if (pid < 0) return pid;
  if (spawn.error) return spawn.error; /* it never became the helper */
  out[0] = (i32)pid;
  out[1] = pidfd;
  return 0;
}

EXPORT i64 reeve_spawn(i32 helper_fd, i32 request_fd, const i32 *keep, u32 nkeep, i32 *out) {
  return reeve_spawn_in(helper_fd, request_fd, keep, nkeep, REEVE_ROLE_EXEC, -1, -1, 0, out);
}

/* The FD_CLOEXEC flags that were taken away and are to come back when an exec fails. */
struct kept {
  const i32 *fds;
  u32 count;
  u64 had[KEEP_MAX / 64];
};

static void keepUndo(struct kept *kept) {
  for (u32 i = 0; i < kept->count; i++) {
    if (kept->had[i / 64] >> (i % 64) & 1) syscall3(SYS_FCNTL, A(kept->fds[i]), F_SETFD, FD_CLOEXEC);
  }
}

/* -> 0, or -errno with everything as it was. */
static i64 keepOpen(struct kept *kept, const i32 *keep, u32 nkeep) {
  kept->fds = keep;
  kept->count = 0;
  for (u32 i = 0; i < KEEP_MAX / 64; i++) kept->had[i] = 0;
  if (nkeep > KEEP_MAX || (nkeep && !keep)) return -EINVAL;
  for (u32 i = 0; i < nkeep; i++) {
    i64 flags = syscall3(SYS_FCNTL, A(keep[i]), F_GETFD, 0);
    if (flags >= 0 && (flags & FD_CLOEXEC)) {
      kept->had[i / 64] |= 1ul << (i % 64);
      flags = syscall3(SYS_FCNTL, A(keep[i]), F_SETFD, 0);
    }
    if (flags < 0) {
      keepUndo(kept);
      return flags;
    }
    kept->count = i + 1;
  }
  return 0;
}

EXPORT i64 reeve_become_init(i32 helper_fd, i32 request_fd, const i32 *keep, u32 nkeep) {
  char name[] = "reeve-init";
  char number[12];
  char *argv[] = {name, number, 0};
  struct kept kept;
  struct kept request;
  if (helper_fd < 0 || request_fd < 0) return -EBADF;
  requestText(number, request_fd);
  /* A signal that comes now must not be lost between two images: it stays pending and init finds it. */
  u64 mask = blockSignals();
  i64 result = keepOpen(&kept, keep, nkeep);
  if (result >= 0) {
    result = keepOpen(&request, &request_fd, 1);
    if (result >= 0) {
      result = executeFile(helper_fd, argv, NO_ENVIRONMENT);
      keepUndo(&request);
    }
    keepUndo(&kept);
  }
  setSignals(mask);
  return result;
}

/* Strings one after the other, each with its NUL, an empty one at the end. -> how many. */
static u64 blockCount(const char *block) {
  u64 count = 0;
  for (; *block; block += textLength(block) + 1) count++;
  return count;
}

static const char **blockVector(const char **vector, const char *block) {
  for (; *block; block += textLength(block) + 1) *vector++ = block;
  *vector++ = 0;
  return vector;
}

EXPORT i64 reeve_exec_self(i32 fd, const char *path, const char *argv_block, const char *env_block, const i32 *keep,
                           u32 nkeep, u64 block_mask) {
  struct kept kept;
  u64 before = 0;
  if (!argv_block || !env_block || !*argv_block) return -EINVAL;
  if (fd < 0 && !path) return -EINVAL;
  u64 size = (blockCount(argv_block) + blockCount(env_block) + 2) * sizeof(char *);
  i64 memory = syscall6(SYS_MMAP, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, A(-1), 0);
  if (memory < 0) return memory;
  const char **argv = (const char **)memory;
  const char **envp = blockVector(argv, argv_block);
  blockVector(envp, env_block);

  i64 result = keepOpen(&kept, keep, nkeep);
  if (result >= 0) {
    syscall4(SYS_RT_SIGPROCMASK, SIG_BLOCK, P(&block_mask), P(&before), SIGNAL_SET_SIZE);
    if (fd >= 0) {
      result = executeFile(fd, argv, envp);
    } else {
      result = syscall3(SYS_EXECVE, P(path), P(argv), P(envp));
    }
    setSignals(before);
    keepUndo(&kept);
  }
  syscall2(SYS_MUNMAP, P(memory), size);
  return result;
}
