/* init.c: the role init: PID 1, or a subreaper, for one child.
 *
 * All signals are blocked and taken one by one with rt_sigtimedwait: nothing is ever handled asynchronously,
 * nothing polls, and no status can be lost between a fork and a wait, since nobody else reaps here. Must stay
 * small: it is resident for as long as the container is.
 */
#include "helper/init/init.h"

#include "helper/exec/child.h"
#include "common/clock.h"
#include "helper/jail/confine.h"
#include "helper/exec/descriptors.h"
#include "helper/init/forward.h"
#include "common/linux.h"
#include "helper/message.h"
#include "helper/init/orphans.h"
#include "common/syscall.h"
#include "helper/exec/terminal.h"
#include "common/text.h"

enum { RESTARTS_MAX = 5, RESTARTS_WINDOW_MS = 60000, FORK_TRIES = 50, FORK_WAIT_MS = 200 };

struct init {
  struct request *request;
  struct forward child;
  i32 report_fd;  /* what the child's setup says, until it is executed; then -1 */
  i32 failed;     /* the present child was never executed */
  i32 is_first;   /* PID 1 */
  i32 is_confined; /* we have made namespaces, or joined some, for the child */
  struct init_spare spare;
  u32 restarts;
  i64 restart_at[RESTARTS_MAX];
};

static i64 forkProcess(void) { return syscall5(SYS_CLONE, SIGCHLD, 0, 0, 0, 0); }

static const char *fileOf(const struct request *request) { return request->path ? request->path : request->argv[0]; }

/* Takes the child's report, if there is one. -> 1 when it was never executed, 0 when it was, -EAGAIN when
 * that is not known yet. */
static i64 takeReport(struct init *init) {
  struct reeve_report report;
  i64 count = syscall3(SYS_READ, A(init->report_fd), P(&report), sizeof report);
  if (count == -EAGAIN) return count;
  syscall1(SYS_CLOSE, A(init->report_fd));
  init->report_fd = -1;
  if (count != sizeof report) return 0;
  messageCannotStart(fileOf(init->request), report.stage, report.error);
  if (init->request->report_fd >= 0) syscall3(SYS_WRITE, A(init->request->report_fd), P(&report), sizeof report);
  return 1;
}

/* The child has its program, or never will: whoever is in the namespace with us finds no descriptor of the
 * supervisor's here. */
static void lookForReport(void *context) {
  struct init *init = context;
  if (init->report_fd < 0) return;
  i64 result = takeReport(init);
  if (result == -EAGAIN) return;
  init->failed = result == 1;
  if (!init->is_confined || init->request->report_fd < 0) return;
  syscall1(SYS_CLOSE, A(init->request->report_fd));
  init->request->report_fd = -1;
}

/* -> 0 or -errno */
static i64 startChild(struct init *init) {
  i32 ends[2] = {-1, -1};
  i64 result = syscall2(SYS_PIPE2, P(ends), O_CLOEXEC);
  if (result < 0) return result;
  result = forkProcess();
  if (result == 0) {
    syscall1(SYS_CLOSE, A(ends[0]));
    init->request->report_fd = ends[1];
    childBecome(init->request, init->is_confined);
  }
  syscall1(SYS_CLOSE, A(ends[1]));
  if (result < 0) {
    syscall1(SYS_CLOSE, A(ends[0]));
    return result;
  }
  init->child.pid = (i32)result;
  init->report_fd = ends[0];
  if (init->child.verbose) messageStarted(fileOf(init->request), init->child.pid);
  /* SIGIO when there is something to read: a report, or the end, since the program is executed. */
  syscall3(SYS_FCNTL, A(ends[0]), F_SETOWN, syscall0(SYS_GETPID));
  syscall3(SYS_FCNTL, A(ends[0]), F_SETFL, O_ASYNC | O_NONBLOCK);
  init->failed = 0;
  init->child.forwarded = 0;
  init->child.stopping = 0;
  lookForReport(init); /* it may have been faster */
  return 0;
}

static i32 deathSignal(i32 status) { return status & 0x7f; }

/* Did the child crash, as opposed to end in the way it was asked to? */
static i32 hasCrashed(const struct init *init, i32 status) {
  i32 signal = deathSignal(status);
  if (signal == 0 || (init->child.forwarded & SIGNAL_BIT(signal))) return 0;
  /* A crash on the way down is still the end: whoever sent the TERM will not send another. */
  return !init->child.stopping || clockMilliseconds() - init->child.stop_at >= RESTARTS_WINDOW_MS;
}

/* -> 1 when one more start is allowed, which is then counted. */
static i32 mayRestart(struct init *init) {
  i64 now = clockMilliseconds();
  i64 *oldest = &init->restart_at[init->restarts % RESTARTS_MAX];
  if (init->restarts >= RESTARTS_MAX && now - *oldest < RESTARTS_WINDOW_MS) return 0;
  *oldest = now;
  init->restarts++;
  return 1;
}

static void takeTerminalBack(const struct init *init) {
  if (init->child.terminal >= 0) terminalGive(init->child.terminal, (i32)syscall1(SYS_GETPGID, 0));
}

/* A crash in the middle of a fork bomb must not end a container: what has died is reaped, then it is tried
 * again. */
static i64 startChildAgain(struct init *init) {
  u64 child = SIGNAL_BIT(SIGCHLD);
  i64 result = startChild(init);
  init->child.pid = result < 0 ? -1 : init->child.pid;
  for (u32 i = 0; i < FORK_TRIES && (result == -EAGAIN || result == -ENOMEM); i++) {
    struct linux_timespec wait = {0, FORK_WAIT_MS * 1000000l};
    i32 unused = 0;
    syscall4(SYS_RT_SIGTIMEDWAIT, P(&child), 0, P(&wait), SIGNAL_SET_SIZE);
    forwardReap(&init->child, &unused);
    result = startChild(init);
  }
  return result;
}

/* Descriptors that only the child uses are closed here, so that a pipe ends when the child closes it. */
static void dropSources(struct init *init) {
  for (u32 i = 0; i < init->request->nfds; i++) {
    i32 source = init->request->fds[i].source;
    if (source > 2 && source != init->child.terminal && source != init->request->report_fd) syscall1(SYS_CLOSE, A(source));
  }
  if (init->request->exec_fd > 2) syscall1(SYS_CLOSE, A(init->request->exec_fd));
  if (init->request->state.null >= 0) syscall1(SYS_CLOSE, A(init->request->state.null));
  confineEnd(init->request);
}

/* The child will not be started again: what only the start needs is given back, and no directory is kept
 * busy. */
static void settle(struct init *init) {
  dropSources(init);
  syscall1(SYS_CHDIR, P("/"));
  if (init->spare.size) syscall2(SYS_MUNMAP, init->spare.start, init->spare.size);
}

/* Starts the child, and again where that is asked for. -> the status to exit with. */
static i32 superviseChild(struct init *init) {
  i64 result = startChild(init);
  if (!(init->request->flags & REEVE_F_RESTART)) settle(init);
  for (;;) {
    if (result < 0) {
      messageErrno("cannot fork", (i32)-result);
      return 125;
    }
    i32 status = forwardWait(&init->child);
    lookForReport(init); /* it is dead and was the only writer */
    takeTerminalBack(init);
    if (deathSignal(status) == 0) return status >> 8 & 0xff;
    i32 again = (init->request->flags & REEVE_F_RESTART) && !init->failed && hasCrashed(init, status);
    if (again && mayRestart(init)) {
      messageDeath(deathSignal(status), "started again");
      result = startChildAgain(init);
      continue;
    }
    if (again) messageDeath(deathSignal(status), "not started again: five times in a minute is enough");
    return 128 + deathSignal(status);
  }
}

/* A session or group of our own, so that a signal for the child's group does not reach it twice: sent, and
 * forwarded. */
static i64 takeSession(const struct request *request) {
  if (!(request->flags & REEVE_F_INIT_SESSION)) return 0;
  if (request->flags & REEVE_F_SETPGID) return syscall2(SYS_SETPGID, 0, 0);
  return request->flags & REEVE_F_SETSID ? syscall0(SYS_SETSID) : 0;
}

/* Makes the namespaces for the child, ties our life to the parent's, says that all is ready. What is done
 * here the child does not do again. */
static i64 setUp(struct init *init, u32 *stage) {
  struct request *request = init->request;
  u32 session = request->flags & (REEVE_F_SETSID | REEVE_F_SETPGID | REEVE_F_FOREGROUND);
  *stage = REEVE_S_SESSION;
  i64 result = takeSession(request);
  request->flags &= ~session; /* the child's */
  if (result >= 0) result = childPrepare(request, stage);
  request->flags |= session;
  if (result >= 0) result = confine(request, stage);
  if (result < 0) return result;
  *stage = REEVE_S_PDEATHSIG;
  result = childParentDeath(request);
  if (result >= 0) result = confineReady(request);
  /* It dies with us: we are its PID 1. */
  if (init->is_first) request->present &= ~(1ul << REEVE_T_PDEATHSIG | 1ul << REEVE_T_PARENT);
  return result;
}

static struct forward forwardOf(struct init *init) {
  u32 flags = init->request->flags;
  struct forward forward = {
      .own_group = (flags & (REEVE_F_SETSID | REEVE_F_SETPGID | REEVE_F_FOREGROUND)) != 0,
      .by_group = (flags & REEVE_F_FORWARD_GROUP) != 0,
      .terminal = flags & REEVE_F_FOREGROUND ? descriptorSource(init->request, 0) : -1,
      .is_job = (flags & REEVE_F_JOB) != 0,
      .is_first = init->is_first,
      .verbose = (flags & REEVE_F_VERBOSE) != 0,
      .tell_reaped = (flags & REEVE_F_TELL_REAPED) != 0,
      .rewrite = init->request->init.rewrite,
      .input = lookForReport,
      .context = init,
  };
  return forward;
}

/* The exit code of ours for the child's. */
static i32 ownCode(const struct request *request, i32 status) {
  if (request->flags & REEVE_F_VERBOSE) messageEnded(status);
  return request->init.zero_codes[status / 64] >> (status % 64) & 1 ? 0 : status;
}

i32 initRun(struct request *request, struct init_spare spare) {
  struct init init;
  u32 stage = REEVE_S_SPEC;
  memset(&init, 0, sizeof init);
  init.request = request;
  init.report_fd = -1;
  init.is_first = syscall0(SYS_GETPID) == 1;
  init.is_confined = confineWanted(request);
  init.child = forwardOf(&init);
  init.spare = spare;
  if (request->init.pdeathsig) syscall5(SYS_PRCTL, PR_SET_PDEATHSIG, request->init.pdeathsig, 0, 0, 0);
  if (!init.is_first) syscall2(SYS_PRCTL, PR_SET_CHILD_SUBREAPER, 1);
  i64 result = init.is_confined ? setUp(&init, &stage) : 0;
  if (result < 0) {
    childReport(request, stage, (i32)-result);
    return 125;
  }
  i32 status = superviseChild(&init);
  if (request->flags & REEVE_F_STOP_ORPHANS) orphansStop(init.is_first, request->grace_ms);
  return ownCode(request, status);
}

void initEnd(struct request *request, struct init_spare spare) { exitProcess(initRun(request, spare)); }
