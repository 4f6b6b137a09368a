/* guard.c: the role guard: holds the deadline of a lordship, so that no daemon of it lives longer, whatever
 * the core does.
 *
 * Three processes: the core; the guard, its child; and the guard's child, PID 1 of a PID namespace into which
 * the core puts the daemons. The deadline is a timer of the kernel on the boot-time clock, absolute, whose
 * expiry is SIGKILL for the guard. Its end is SIGKILL for PID 1 (parent-death signal), and that end is
 * SIGKILL for all in the namespace; nothing can be born there any more. So nothing of ours needs to run at
 * the deadline: a guard that is stopped dies of it as well.
 *
 * The guard's own work is the polite part: each daemon's stop signal, its grace before the deadline, or at
 * once when the core is gone. It signals none but members of its namespace. Must never move the deadline but
 * by the core's word.
 */
#include "helper/guard/guard.h"

#include "helper/guard/guard_first.h"
#include "common/linux.h"
#include "common/syscall.h"
#include "common/text.h"

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
  TIMER_ABSTIME = 1
};

enum { WARDS_MAX = 256, BATCH = 32 };
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
  i32 orphaned; /* the core is gone */
  u64 deadline;
  struct first first;
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
  /* non-blocking: a core that reads nothing misses it */
  syscall3(SYS_WRITE, A(guard->request.news_fd), P(&news), sizeof news);
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

/* ---- the daemons ---- */

static i32 isAlive(const struct ward *ward) {
  return syscall4(SYS_PIDFD_SEND_SIGNAL, A(ward->pidfd), 0, 0, 0) >= 0;
}

/* To its group where it leads one: the number is its own for as long as it lives, which is asked in the same
 * breath. */
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

/* A number is a member of the namespace, or nobody to us: whoever has it now is held first and looked at
 * then. */
static void addWard(struct guard *guard, const struct reeve_guard_command *command) {
  struct ward ward = {-1, command->pid, (i32)command->signal, 0, command->value};
  if (ward.pid <= 1 || ward.signal < 1 || ward.signal > SIGNAL_LAST) return;
  if (guard->nwards == WARDS_MAX) dropDead(guard);
  if (guard->nwards == WARDS_MAX) return; /* it has the deadline all the same */
  ward.pidfd = (i32)syscall2(SYS_PIDFD_OPEN, A(ward.pid), 0);
  if (ward.pidfd < 0) return;
  if (!firstHas(&guard->first, ward.pid) || !isAlive(&ward)) {
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

/* The core ended, or let go: its daemons follow at once, each with its grace, which the deadline still cuts.
 */
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
    /* a second TERM means "at once" to many servers */
    for (u32 i = 0; i < guard->nwards; i++) guard->wards[i].told = 1;
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
  polls[count++] = (struct linux_pollfd){guard->first.pidfd, POLLIN, 0};
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
  if (result >= 0) result = firstStart(&guard.request, &guard.first);
  if (result < 0) {
    tell(&guard, REEVE_G_FAILED, (i32)-result);
    return 125;
  }
  tell(&guard, REEVE_G_READY, guard.first.pid);
  for (;;) {
    askWards(&guard);
    if (guard.orphaned && guard.nwards == 0) return 0; /* what else is in the namespace ends with us */
    if (waitNews(&guard)) return 1;
  }
}
