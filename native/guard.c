/* guard.c: the role guard: holds the deadline of a lordship, so that no daemon of it lives longer, whatever the core does.
 *
 * Three processes: the core; the guard, its child; and the guard's child, PID 1 of a PID namespace into which the core puts the
 * daemons. The deadline is a timer of the kernel on the boot-time clock, absolute, whose expiry is SIGKILL for the guard. Its end is
 * SIGKILL for PID 1 (parent-death signal), and that end is SIGKILL for all in the namespace; nothing can be born there any
 * more. So nothing of ours needs to run at the deadline: a guard that is stopped dies of it as well.
 *
 * What the guard does itself is the polite part: each daemon's stop signal, its grace before the deadline, or at once when the
 * core is gone. It signals none but members of its namespace. Must never move the deadline but by the core's word.
 */
#include "guard.h"

#include "children.h"
#include "linux.h"
#include "syscall.h"
#include "text.h"

/* Used nowhere else. */
enum {
#if defined(__x86_64__)
  SYS_PREAD64 = 17,
  SYS_TIMER_CREATE = 222,
  SYS_TIMER_SETTIME = 223,
  SYS_TIMERFD_CREATE = 283,
  SYS_TIMERFD_SETTIME = 286,
#else
  SYS_PREAD64 = 67,
  SYS_TIMER_CREATE = 107,
  SYS_TIMER_SETTIME = 110,
  SYS_TIMERFD_CREATE = 85,
  SYS_TIMERFD_SETTIME = 86,
#endif
  CLOCK_BOOTTIME = 7,
  TIMER_ABSTIME = 1,
  NS_GET_PARENT = 0xb702
};

enum { WARDS_MAX = 256, BATCH = 32, NAMESPACES_MAX = 32 /* the kernel nests them no deeper */ };
#define NANOSECONDS 1000000000ul
#define NEVER (~0ul)

struct sigevent_kernel {
  u64 value;
  i32 signal;
  i32 notify; /* 0: SIGEV_SIGNAL */
  u64 pad[6];
};

struct itimerspec_kernel {
  struct linux_timespec interval;
  struct linux_timespec value;
};

/* A daemon's main process. */
struct ward {
  i32 pidfd;
  i32 pid;
  i32 signal;
  i32 told;
  u64 grace;
};

struct guard {
  struct reeve_guard_request request;
  i32 killer;   /* the kernel's timer whose expiry ends us */
  i32 alarm;    /* timerfd: time for somebody's stop signal */
  i32 first;    /* PID 1 of the namespace, our child */
  i32 first_fd; /* its pidfd */
  i32 orphaned; /* the core is gone */
  u64 deadline;
  struct linux_statx namespace_file;
  u32 nwards;
  struct ward wards[WARDS_MAX];
};

static u64 now(void) {
  struct linux_timespec time = {0, 0};
  syscall2(SYS_CLOCK_GETTIME, CLOCK_BOOTTIME, P(&time));
  return (u64)time.seconds * NANOSECONDS + (u64)time.nanoseconds;
}

static struct itimerspec_kernel absolute(u64 at) {
  struct itimerspec_kernel timer = {{0, 0}, {(i64)(at / NANOSECONDS), (i64)(at % NANOSECONDS)}};
  if (at == 0) timer.value.nanoseconds = 1; /* 0 would disarm it */
  return timer;
}

static void tell(const struct guard *guard, u32 kind, i32 value) {
  struct reeve_guard_news news = {kind, value};
  syscall3(SYS_WRITE, A(guard->request.news_fd), P(&news), sizeof news); /* non-blocking: a core that reads nothing misses it */
}

/* -> 0 or -errno. One that has passed ends us before this returns. */
static i64 setDeadline(struct guard *guard, u64 deadline) {
  struct itimerspec_kernel timer = absolute(deadline);
  i64 result = syscall4(SYS_TIMER_SETTIME, A(guard->killer), TIMER_ABSTIME, P(&timer), 0);
  if (result >= 0) guard->deadline = deadline;
  return result;
}

static i64 startKiller(struct guard *guard) {
  struct sigevent_kernel event = {0, SIGKILL, 0, {0}};
  i64 result = syscall3(SYS_TIMER_CREATE, CLOCK_BOOTTIME, P(&event), P(&guard->killer));
  return result < 0 ? result : setDeadline(guard, guard->request.deadline);
}

/* ---- PID 1 of the namespace ---- */

/* Every signal is ignored and none blocked, so that none waits in a queue; with SIGCHLD ignored the kernel reaps in our place, even while
 * we are stopped. */
__attribute__((noreturn)) static void firstRun(void) {
  struct linux_sigaction ignored = {1 /* SIG_IGN */, 0, 0, 0};
  u64 none = 0;
  for (i32 i = 1; i <= SIGNAL_LAST; i++) {
    if (i != SIGKILL && i != SIGSTOP) syscall4(SYS_RT_SIGACTION, A(i), P(&ignored), 0, SIGNAL_SET_SIZE);
  }
  syscall4(SYS_RT_SIGPROCMASK, SIG_SETMASK, P(&none), 0, SIGNAL_SET_SIZE);
  while (syscall4(SYS_WAIT4, A(-1), 0, WNOHANG | WALL, 0) > 0) continue;
  for (;;) syscall5(SYS_PPOLL, 0, 0, 0, 0, SIGNAL_SET_SIZE);
}

/* All in the namespace see us, and root among them could look through /proc/1/root: there is to be nothing. Where that cannot be done (a root
 * that is no mount, no /proc) it is root's own view that it finds there, as it is without a guard. */
static void emptyRoot(void) {
  if (syscall1(SYS_UNSHARE, CLONE_NEWNS) < 0) return;
  if (syscall5(SYS_MOUNT, P("none"), P("/"), 0, MS_REC | MS_PRIVATE, 0) < 0) return;
  if (syscall5(SYS_MOUNT, P("none"), P("/proc"), P("tmpfs"), MS_RDONLY, 0) < 0) return;
  if (syscall1(SYS_CHDIR, P("/proc")) < 0) return;
  if (syscall2(SYS_PIVOT_ROOT, P("."), P(".")) < 0) return; /* the old root lies on the new one, and is taken off */
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

static void closeInherited(const struct guard *guard) {
  const struct reeve_guard_request *request = &guard->request;
  syscall1(SYS_CLOSE, A(request->commands_fd));
  syscall1(SYS_CLOSE, A(request->news_fd));
  syscall1(SYS_CLOSE, A(guard->alarm));
  if (request->pid_namespace_fd >= 0) syscall1(SYS_CLOSE, A(request->pid_namespace_fd));
  for (u32 i = 0; i < request->njoins; i++) syscall1(SYS_CLOSE, A(request->joins[i].fd));
}

/* `life`: a pipe of which the guard alone has the other end, for as long as it lives. Its own end is closed when all is well: the guard
 * waits for that. */
__attribute__((noreturn)) static void firstBegin(const struct guard *guard, const i32 life[2], const i32 done[2]) {
  struct linux_pollfd poll = {life[0], POLLIN, 0};
  struct linux_timespec none = {0, 0};
  u8 go = 0;
  i32 error = 0;
  syscall1(SYS_CLOSE, A(life[1]));
  syscall1(SYS_CLOSE, A(done[0]));
  i64 result = joinAll(&guard->request);
  if (result >= 0) emptyRoot();
  closeInherited(guard);
  /* After the joins, which clear it where credentials change. */
  if (result >= 0) result = syscall5(SYS_PRCTL, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (result < 0) error = (i32)-result;
  syscall3(SYS_WRITE, A(done[1]), P(&error), sizeof error);
  syscall1(SYS_CLOSE, A(done[1]));
  if (error || syscall3(SYS_READ, A(life[0]), P(&go), 1) != 1) exitProcess(125);
  /* A guard that died before it was our parent to die with has left us to nobody: getppid cannot tell, it is 0 across namespaces. */
  syscall5(SYS_PPOLL, P(&poll), 1, P(&none), 0, SIGNAL_SET_SIZE);
  if (poll.revents & POLLHUP) exitProcess(125);
  syscall1(SYS_CLOSE, A(life[0]));
  firstRun();
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

/* Whether the process is in the namespace, or in one within it. */
static i32 isMember(const struct guard *guard, i32 pid) {
  struct linux_statx file = {0};
  i64 fd = openNamespace(pid);
  i32 is_it = 0;
  for (u32 depth = 0; fd >= 0 && !is_it && depth < NAMESPACES_MAX; depth++) {
    is_it = lookAt(fd, &file) >= 0 && file.ino == guard->namespace_file.ino &&
            file.dev_major == guard->namespace_file.dev_major && file.dev_minor == guard->namespace_file.dev_minor;
    i64 parent = is_it ? -1 : syscall2(SYS_IOCTL, A(fd), NS_GET_PARENT);
    syscall1(SYS_CLOSE, A(fd));
    fd = parent;
  }
  return is_it;
}

/* Remembers the namespace of PID 1. -> 0 or -errno. */
static i64 noteNamespace(struct guard *guard) {
  i64 fd = openNamespace(guard->first);
  if (fd < 0) return fd;
  i64 result = lookAt(fd, &guard->namespace_file);
  syscall1(SYS_CLOSE, A(fd));
  return result;
}

static void noteChild(void *context, i32 pid) { *(i32 *)context = pid; }

/* Within another namespace. A new one can only be made by a process that is in the outer one itself: a short-lived child, which makes
 * PID 1 as a child of ours. What number that has here, only our list of children tells.  -> pid or -errno. */
static i64 cloneWithin(const struct guard *guard, const i32 life[2], const i32 done[2]) {
  i32 status = 0;
  i32 found = -ESRCH;
  i64 result = syscall2(SYS_SETNS, A(guard->request.pid_namespace_fd), CLONE_NEWPID);
  if (result >= 0) result = syscall5(SYS_CLONE, SIGCHLD, 0, 0, 0, 0);
  if (result == 0) {
    result = syscall5(SYS_CLONE, CLONE_NEWPID | CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
    if (result == 0) firstBegin(guard, life, done);
    exitProcess((i32)(result < 0 ? -result : 0));
  }
  if (result > 0) result = syscall4(SYS_WAIT4, A(result), P(&status), WALL, 0);
  if (result < 0) return result;
  if (status) return status & 0x7f ? -ESRCH : -(status >> 8 & 0xff);
  childrenEach(noteChild, &found);
  return found;
}

static i64 startFirst(struct guard *guard) {
  i32 life[2] = {-1, -1};
  i32 done[2] = {-1, -1};
  i32 error = EIO;
  i64 result = syscall2(SYS_PIPE2, P(life), O_CLOEXEC);
  if (result >= 0) result = syscall2(SYS_PIPE2, P(done), O_CLOEXEC);
  if (result < 0) return result;
  if (guard->request.pid_namespace_fd >= 0) {
    result = cloneWithin(guard, life, done);
    syscall1(SYS_CLOSE, A(guard->request.pid_namespace_fd));
  } else {
    result = syscall5(SYS_CLONE, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
    if (result == 0) firstBegin(guard, life, done);
  }
  syscall1(SYS_CLOSE, A(life[0]));
  syscall1(SYS_CLOSE, A(done[1]));
  for (u32 i = 0; i < guard->request.njoins; i++) syscall1(SYS_CLOSE, A(guard->request.joins[i].fd));
  if (result < 0) return result;
  guard->first = (i32)result;
  result = syscall3(SYS_READ, A(done[0]), P(&error), sizeof error) == sizeof error ? -error : -EIO;
  syscall1(SYS_CLOSE, A(done[0]));
  if (result >= 0) result = guard->first_fd = (i32)syscall2(SYS_PIDFD_OPEN, A(guard->first), 0);
  if (result >= 0) result = noteNamespace(guard);
  if (result >= 0) result = syscall3(SYS_WRITE, A(life[1]), P("g"), 1);
  return result; /* life[1] stays open */
}

/* ---- the daemons ---- */

static i32 isAlive(const struct ward *ward) {
  return syscall4(SYS_PIDFD_SEND_SIGNAL, A(ward->pidfd), 0, 0, 0) >= 0;
}

/* To its group where it leads one: the number is its own for as long as it lives, which is asked in the same breath. */
static void signalWard(const struct ward *ward, i32 signal) {
  if (syscall1(SYS_GETPGID, A(ward->pid)) == ward->pid && isAlive(ward)) {
    if (syscall2(SYS_KILL, A(-ward->pid), A(signal)) >= 0) return;
  }
  syscall4(SYS_PIDFD_SEND_SIGNAL, A(ward->pidfd), A(signal), 0, 0);
}

static void askToEnd(struct guard *guard, struct ward *ward) {
  ward->told = 1;
  tell(guard, REEVE_G_TOLD, ward->pid);
  signalWard(ward, ward->signal);
  signalWard(ward, SIGCONT); /* a stopped one could not end */
}

static void dropWard(struct guard *guard, u32 at) {
  syscall1(SYS_CLOSE, A(guard->wards[at].pidfd));
  guard->wards[at] = guard->wards[--guard->nwards];
}

static void dropDead(struct guard *guard) {
  for (u32 i = guard->nwards; i-- > 0;) {
    if (!isAlive(&guard->wards[i])) dropWard(guard, i);
  }
}

/* A number is a member of the namespace, or nobody to us: whoever has it now is held first and looked at then. */
static void addWard(struct guard *guard, const struct reeve_guard_command *command) {
  struct ward ward = {-1, command->pid, (i32)command->signal, 0, command->value};
  if (ward.pid <= 1 || ward.signal < 1 || ward.signal > SIGNAL_LAST) return;
  if (guard->nwards == WARDS_MAX) dropDead(guard);
  if (guard->nwards == WARDS_MAX) return; /* it has the deadline all the same */
  ward.pidfd = (i32)syscall2(SYS_PIDFD_OPEN, A(ward.pid), 0);
  if (ward.pidfd < 0) return;
  if (!isMember(guard, ward.pid) || !isAlive(&ward)) {
    syscall1(SYS_CLOSE, A(ward.pidfd));
    return;
  }
  guard->wards[guard->nwards++] = ward;
}

/* When the stop signal of `ward` is due. */
static u64 askAt(const struct guard *guard, const struct ward *ward) {
  if (ward->told) return NEVER;
  if (guard->orphaned || ward->grace >= guard->deadline) return 0;
  return guard->deadline - ward->grace;
}

/* Tells those whose time has come, and sets the alarm for the next. */
static void askWards(struct guard *guard) {
  u64 next = NEVER;
  for (u32 i = 0; i < guard->nwards; i++) {
    if (askAt(guard, &guard->wards[i]) <= now()) askToEnd(guard, &guard->wards[i]);
    u64 at = askAt(guard, &guard->wards[i]);
    if (at < next) next = at;
  }
  struct itimerspec_kernel timer = absolute(next == NEVER ? guard->deadline : next);
  syscall4(SYS_TIMERFD_SETTIME, A(guard->alarm), TIMER_ABSTIME, P(&timer), 0);
}

/* ---- the core's word ---- */

/* The core ended, or let go: its daemons follow at once, each with its grace, which the deadline still cuts. */
static void orphan(struct guard *guard) {
  u64 longest = 0;
  guard->orphaned = 1;
  for (u32 i = 0; i < guard->nwards; i++) {
    if (guard->wards[i].grace > longest) longest = guard->wards[i].grace;
  }
  u64 end = now() + longest;
  if (end < guard->deadline) setDeadline(guard, end);
}

static void obey(struct guard *guard, const struct reeve_guard_command *command) {
  if (command->kind == REEVE_G_PUSH) {
    if (command->value > guard->deadline) setDeadline(guard, command->value);
  } else if (command->kind == REEVE_G_WATCH) {
    addWard(guard, command);
  } else if (command->kind == REEVE_G_HUSH) {
    for (u32 i = 0; i < guard->nwards; i++) guard->wards[i].told = 1; /* a second TERM means "at once" to many servers */
  }
}

/* Commands are written whole and never mixed: each is far below PIPE_BUF. */
static void readCommands(struct guard *guard) {
  struct reeve_guard_command commands[BATCH];
  i64 count = syscall3(SYS_READ, A(guard->request.commands_fd), P(commands), sizeof commands);
  if (count == 0 || (count < 0 && count != -EAGAIN && count != -EINTR)) orphan(guard);
  for (i64 i = 0; i < count / (i64)sizeof commands[0]; i++) obey(guard, &commands[i]);
}

/* Sleeps until something happens. -> 1 when PID 1 of the namespace is gone, and all in it. */
static i32 waitNews(struct guard *guard) {
  struct linux_pollfd polls[3 + WARDS_MAX];
  u64 expirations = 0;
  u32 count = 0;
  polls[count++] = (struct linux_pollfd){guard->first_fd, POLLIN, 0};
  polls[count++] = (struct linux_pollfd){guard->alarm, POLLIN, 0};
  polls[count++] = (struct linux_pollfd){guard->orphaned ? -1 : guard->request.commands_fd, POLLIN, 0};
  for (u32 i = 0; i < guard->nwards; i++) {
    polls[count++] = (struct linux_pollfd){guard->wards[i].pidfd, POLLIN, 0};
  }
  syscall5(SYS_PPOLL, P(polls), count, 0, 0, SIGNAL_SET_SIZE);
  if (polls[0].revents) return 1;
  if (polls[1].revents) syscall3(SYS_READ, A(guard->alarm), P(&expirations), sizeof expirations);
  dropDead(guard);
  if (polls[2].revents) readCommands(guard);
  return 0;
}

/* ---- the beginning ---- */

static i64 readRequest(i32 fd, struct reeve_guard_request *request) {
  i64 count = syscall4(SYS_PREAD64, A(fd), P(request), sizeof *request, 0);
  syscall1(SYS_CLOSE, A(fd));
  if (count < 0) return count;
  if (count != sizeof *request || request->magic != REEVE_GUARD_MAGIC) return -EBADMSG;
  if (request->commands_fd < 0 || request->news_fd < 0 || request->pid_namespace_fd < -1) return -EBADMSG;
  if (request->njoins > REEVE_GUARD_JOINS) return -EBADMSG;
  return 0;
}

/* Nothing of reeve's that a guard which outlives it would keep open: a log, a terminal, a mount. */
static void letGo(const struct guard *guard) {
  for (i32 fd = 0; fd <= 2; fd++) {
    if (fd != guard->request.commands_fd && fd != guard->request.news_fd) syscall1(SYS_CLOSE, A(fd));
  }
  syscall1(SYS_CHDIR, P("/"));
  syscall0(SYS_SETSID);
}

i32 guardRun(i32 request_fd) {
  struct guard guard;
  memset(&guard, 0, sizeof guard);
  i64 result = readRequest(request_fd, &guard.request);
  if (result < 0) return 125;
  letGo(&guard);
  result = guard.alarm = (i32)syscall2(SYS_TIMERFD_CREATE, CLOCK_BOOTTIME, O_CLOEXEC | O_NONBLOCK);
  if (result >= 0) result = startKiller(&guard);
  if (result >= 0) result = startFirst(&guard);
  if (result < 0) {
    tell(&guard, REEVE_G_FAILED, (i32)-result);
    return 125;
  }
  tell(&guard, REEVE_G_READY, guard.first);
  for (;;) {
    askWards(&guard);
    if (guard.orphaned && guard.nwards == 0) return 0; /* what else is in the namespace ends with us */
    if (waitNews(&guard)) return 1;
  }
}
