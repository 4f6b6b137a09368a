/* spawn.c: starting the helper as a child.
 *
 * The calling process has many threads. Between the clone and the execveat nothing runs here but fcntl and
 * execveat; what a child needs beyond that is the helper's work. Must never make a process that shares our
 * memory where somebody else may see it: into another PID namespace goes a helper that has memory of its own
 * by then (enter.c).
 */
#include "library/clone.h"
#include "common/enter_word.h"
#include "common/execute.h"
#include "common/linux.h"
#include "common/signal_mask.h"
#include "common/syscall.h"
#include "common/text.h"

enum {
  CHILD_STACK = 4096,
  /* How long a process may take in a namespace where it can be stopped by others, and how often it is told to
   * go on. */
  NESTED_WAIT_MS = 250,
  NESTED_NUDGE_MS = 10,
  ENDED_WAIT_MS = 250
};

static char *const NO_ENVIRONMENT[] = {0};
static const char ROLES[][12] = {"reeve-exec", "reeve-init", "reeve-jail", "reeve-guard"};

struct spawn {
  i32 helper_fd;
  i32 request_fd;
  const i32 *keep;
  u32 nkeep;
  i32 enter[2]; /* also kept; -1: none */
  char **argv;
  volatile i64 error;
};

static i64 inherit(i32 fd) { return fd < 0 ? 0 : syscall3(SYS_FCNTL, A(fd), F_SETFD, 0); }

/* Runs in the child, in memory that it shares with the caller, on a stack of its own. */
static i32 spawnBody(void *argument) {
  struct spawn *spawn = argument;
  i64 result = inherit(spawn->request_fd);
  for (u32 i = 0; i < spawn->nkeep && result >= 0; i++) result = inherit(spawn->keep[i]);
  for (u32 i = 0; i < 2 && result >= 0; i++) result = inherit(spawn->enter[i]);
  if (result >= 0) result = executeFile(spawn->helper_fd, spawn->argv, NO_ENVIRONMENT);
  spawn->error = result;
  return 125;
}

static void reapOne(i64 pid) {
  while (syscall4(SYS_WAIT4, A(pid), 0, A(WALL), 0) == -EINTR) continue;
}

/* One child that shares our memory until it is the helper. -> its pid, with its pidfd or -1 in *pidfd, or
 * -errno */
static i64 cloneHelper(u64 flags, i32 *pidfd, struct spawn *spawn) {
  u8 stack[CHILD_STACK] __attribute__((aligned(16)));
  struct linux_clone_args args = {
      .flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | flags,
      .pidfd = P(pidfd),
      .exit_signal = SIGCHLD,
      .stack = P(stack),
      .stack_size = sizeof stack,
  };
  *pidfd = -1;
  i64 pid = cloneThree(&args, sizeof args, spawnBody, spawn);
  if (pid == -ENOSYS || pid == -EPERM) { /* an old kernel; a seccomp filter of an older container runtime */
    void *top = stack + sizeof stack;
    u64 plain = CLONE_VM | CLONE_VFORK | flags | SIGCHLD;
    pid = clonePlain(plain | CLONE_PIDFD, top, pidfd, spawnBody, spawn);
    if (pid == -EINVAL) pid = clonePlain(plain, top, pidfd, spawnBody, spawn);
  }
  if (pid < 0 || !spawn->error) return pid;
  reapOne(pid); /* it never became the helper: nobody else shall see this child */
  if (*pidfd >= 0) syscall1(SYS_CLOSE, A(*pidfd));
  return spawn->error;
}

/* The words of those who enter; 0: nothing yet. Both talk at once, so the word of the second may come first.
 */
struct heard {
  i32 words[ENTER_SPEAKERS];
};

/* Takes what lies there. -> the word of that speaker: a pid, or -errno; 0: it has said nothing yet; -ESRCH:
 * nobody is left to say it */
static i64 hear(struct heard *heard, u32 speaker, i32 talk) {
  while (heard->words[speaker] == 0) {
    struct enter_word word = {0, 0};
    i64 count = syscall6(SYS_RECVFROM, A(talk), P(&word), sizeof word, MSG_DONTWAIT, 0, 0);
    if (count == -EAGAIN) return 0;
    if (count < 0) return count;
    if (count != sizeof word || word.speaker >= ENTER_SPEAKERS || word.word == 0) return -ESRCH;
    heard->words[word.speaker] = word.word;
  }
  return heard->words[speaker];
}

/* The same of one who may be held by others: waits a short time for it, telling it to go on meanwhile.
 * -EAGAIN: in vain */
static i64 hearHeld(struct heard *heard, u32 speaker, i32 talk, i64 pid) {
  for (i32 waited = 0;; waited += NESTED_NUDGE_MS) {
    struct linux_pollfd poll = {talk, POLLIN, 0};
    struct linux_timespec time = {0, NESTED_NUDGE_MS * 1000000l};
    i64 result = hear(heard, speaker, talk);
    if (result != 0) return result;
    if (waited >= NESTED_WAIT_MS) return -EAGAIN;
    result = syscall5(SYS_PPOLL, P(&poll), 1, P(&time), 0, SIGNAL_SET_SIZE);
    if (result < 0 && result != -EINTR) return result;
    if (result == 0) syscall2(SYS_KILL, A(pid), SIGCONT);
  }
}

/* Waits until the helper that stays outside is dead. Its zombie stays, so that its group has its number for
 * itself. */
static void awaitEnd(i64 pid) {
  struct linux_siginfo info = {0};
  while (syscall5(SYS_WAITID, P_PID, A(pid), P(&info), WEXITED | WNOWAIT | WALL, 0) == -EINTR) continue;
}

/* Kills and reaps all who are in the group of that dead helper, and the helper. Whoever is traced cannot be
 * reaped for as long as the tracer likes, so the wait is short: whoever reaps all reaps such a one later. */
static void endGroup(i64 leader) {
  syscall2(SYS_KILL, A(-leader), SIGKILL);
  reapOne(leader);
  for (i32 waited = 0; waited < ENDED_WAIT_MS;) {
    struct linux_timespec time = {0, 1000000l}; /* the kernel writes there what is left of it */
    i64 pid = syscall4(SYS_WAIT4, A(-leader), 0, WNOHANG | WALL, 0);
    if (pid < 0 && pid != -EINTR) return;
    if (pid != 0) continue;
    syscall5(SYS_PPOLL, 0, 0, P(&time), 0, SIGNAL_SET_SIZE);
    waited++;
  }
}

/* Is it our own, and made by the helper with that group? */
static i32 isChildOf(i64 group, i64 pid) {
  struct linux_siginfo info = {0};
  return syscall5(SYS_WAITID, P_PID, A(pid), P(&info), WEXITED | WNOHANG | WNOWAIT | WALL, 0) >= 0 &&
         syscall1(SYS_GETPGID, A(pid)) == group;
}

/* Listens to those who enter, of whom the one outside is dead. -> the pid of the child, or -errno */
static i64 hearChild(i64 outside, i32 talk, i32 is_nested) {
  struct heard heard = {{0, 0}};
  i64 pid = hear(&heard, ENTER_OUTSIDE, talk);
  if (pid == 0) return -ESRCH; /* it was killed before it said a word */
  if (pid < 0 || !is_nested) return pid;
  i64 between = pid;
  pid = hearHeld(&heard, ENTER_BETWEEN, talk, between);
  /* Others have their hands on whoever says it: what is signalled later must be our own. */
  return pid > 0 && (pid == between || !isChildOf(outside, pid)) ? -ESRCH : pid;
}

/* The helper goes in, and what it makes there is our child. -> its pid, or -errno, and then none is left:
 * they are one process group, known by the helper's pid, also where nobody could tell us of a child that was
 * made. */
static i64 enterWith(struct spawn *spawn, i32 talk, i32 is_nested) {
  i32 pidfd = -1;
  i64 outside = cloneHelper(0, &pidfd, spawn);
  if (outside < 0) return outside;
  if (pidfd >= 0) syscall1(SYS_CLOSE, A(pidfd));
  syscall1(SYS_CLOSE, A(spawn->enter[1])); /* so that the talk ends with them */
  spawn->enter[1] = -1;
  awaitEnd(outside); /* its last word is its end */
  i64 pid = hearChild(outside, talk, is_nested);
  if (pid > 0) {
    /* Back into our group: possible until it executes a program. */
    i64 result = syscall2(SYS_SETPGID, A(pid), A(syscall1(SYS_GETPGID, 0)));
    if (result < 0) pid = result;
  }
  endGroup(outside);
  return pid;
}

static i64 spawnInto(struct spawn *spawn, u32 role, i32 pidns_fd, i32 is_nested, i32 *out) {
  char numbers[3][NUMBER_SIZE];
  char name[] = "reeve-enter";
  char nested[] = {is_nested ? '1' : '0', 0};
  char *argv[] = {name, spawn->argv[1], (char *)P(ROLES[role]), numbers[0], numbers[1], nested, 0};
  i32 ends[2] = {-1, -1};
  i64 result = syscall4(SYS_SOCKETPAIR, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, P(ends));
  if (result < 0) return result;
  numberText(numbers[0], pidns_fd);
  numberText(numbers[1], ends[1]);
  spawn->argv = argv;
  spawn->enter[0] = pidns_fd;
  spawn->enter[1] = ends[1];
  i64 pid = enterWith(spawn, ends[0], is_nested);
  if (spawn->enter[1] >= 0) syscall1(SYS_CLOSE, A(ends[1]));
  if (pid > 0) {
    /* Unreaped, so the number is its own. */
    out[1] = (i32)syscall2(SYS_PIDFD_OPEN, A(pid), 0);
    if (out[1] < 0) out[1] = -1;
    out[0] = (i32)pid;
    syscall6(SYS_SENDTO, A(ends[0]), P("G"), 1, MSG_NOSIGNAL, 0, 0);
  }
  syscall1(SYS_CLOSE, A(ends[0]));
  return pid < 0 ? pid : 0;
}

EXPORT i64 reeve_spawn_in(i32 helper_fd, i32 request_fd, const i32 *keep, u32 nkeep, u32 role, i32 pidns_fd,
                          u64 clone_flags, i32 *out) {
  char number[NUMBER_SIZE];
  if (helper_fd < 0 || request_fd < 0) return -EBADF;
  if (nkeep > REEVE_MAX_KEPT || (nkeep && !keep) || role >= sizeof ROLES / sizeof ROLES[0]) return -EINVAL;
  if (clone_flags & ~(u64)CLONE_NEWPID) return -EINVAL;
  if (pidns_fd >= 0 && role == REEVE_ROLE_GUARD) return -EINVAL;
  char *argv[] = {(char *)P(ROLES[role]), number, 0};
  struct spawn spawn = {helper_fd, request_fd, keep, nkeep, {-1, -1}, argv, 0};
  numberText(number, request_fd);
  out[0] = 0;
  out[1] = -1;
  u64 mask = blockSignals();
  i64 result = 0;
  if (pidns_fd >= 0) {
    result = spawnInto(&spawn, role, pidns_fd, clone_flags != 0, out);
  } else {
    i64 pid = cloneHelper(clone_flags, &out[1], &spawn);
    if (pid >= 0) out[0] = (i32)pid;
    else out[1] = -1;
    result = pid < 0 ? pid : 0;
  }
  setSignals(mask);
  return result;
}

EXPORT i64 reeve_spawn(i32 helper_fd, i32 request_fd, const i32 *keep, u32 nkeep, i32 *out) {
  return reeve_spawn_in(helper_fd, request_fd, keep, nkeep, REEVE_ROLE_EXEC, -1, 0, out);
}
