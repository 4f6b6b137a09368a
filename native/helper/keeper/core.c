/* core.c: the life of the core. There is never more than one: the next is started when the former has been
 * reaped, and has a socket pair of its own, so that nothing of a former one is ever read.
 */
#include "helper/keeper/keeper.h"

#include "common/syscall.h"
#include "common/text.h"
#include "library/clone.h"

enum {
#if defined(__x86_64__)
  SYS_GETCWD_CALL = 79,
#else
  SYS_GETCWD_CALL = 17,
#endif
  CHILD_STACK = 8192,
  TRIES = 3,              /* of a core that never was up and dies of a signal */
  MINUTE_MS = 60000,      /* deaths within it are a row */
  PAUSE_FIRST_MS = 1000,
  PAUSE_LAST_MS = 60000,
  WOKEN_AFTER_MS = 1000,  /* the least time between two starts of a core that something has woken */
  SIGNAL_LIMIT_MS = 2000, /* of an answer to a signal */
  SIGNAL_LIMIT_LAST_MS = 15000,
  LIMIT_MS = 30000, /* of any other answer */
  START_LIMIT_MS = 120000
};

static const char VARIABLE[] = "REEVE_INTERNAL_KEEPER=";

static i64 now(void) { return (i64)(bootNanoseconds() / 1000000); }

struct body {
  const struct keeper *keeper;
  i32 socket;
  volatile i64 error;
};

/* Runs in the child, in memory that it shares with the keeper. */
ON_SHARED_STACK static i32 becomeCore(void *argument) {
  struct body *body = argument;
  const struct keeper_start *start = &body->keeper->start;
  char path[8];
  syscall0(SYS_SETSID);
  syscall5(SYS_PRCTL, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (syscall0(SYS_GETPPID) != body->keeper->epoch_pid) return 125;
  syscall3(SYS_FCNTL, A(body->socket), F_SETFD, 0);
  /* A runtime cannot start in a directory that is gone. */
  if (syscall2(SYS_GETCWD_CALL, P(path), sizeof path) == -ENOENT) syscall1(SYS_CHDIR, P("/"));
  syscall4(SYS_RT_SIGPROCMASK, SIG_SETMASK, P(&start->mask), 0, SIGNAL_SET_SIZE);
  i64 result = syscall5(SYS_EXECVEAT, A(start->executable), P(""), P(start->argv), P(start->envp), AT_EMPTY_PATH);
  /* Emulators have no such call, and take the name of a descriptor for the name of the program. */
  if (result == -ENOSYS) result = syscall3(SYS_EXECVE, P("/proc/self/exe"), P(start->argv), P(start->envp));
  body->error = result;
  return 125;
}

/* The variable that tells the core where its keeper is, and which core it is; its text is the caller's.
 * -> where it stands */
static char **setVariable(struct keeper *keeper, char text[64], i32 socket) {
  struct text_line line;
  char **end = keeper->start.envp;
  lineStart(&line);
  lineText(&line, VARIABLE);
  lineNumber(&line, (u64)socket);
  lineText(&line, ":");
  lineNumber(&line, keeper->core.generation + 1);
  memcpy(text, line.bytes, line.used + 1);
  while (*end) end++;
  *end = text;
  return end;
}

static i64 start(struct keeper *keeper) {
  u8 stack[CHILD_STACK] __attribute__((aligned(16)));
  char text[64];
  i32 ends[2] = {-1, -1};
  i32 unused = 0;
  i64 result = syscall4(SYS_SOCKETPAIR, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, P(ends));
  if (result < 0) return result;
  struct body body = {keeper, ends[1], 0};
  char **variable = setVariable(keeper, text, ends[1]);
  i64 pid = clonePlain(CLONE_VM | CLONE_VFORK | SIGCHLD, stack + sizeof stack, &unused, becomeCore, &body);
  *variable = 0;
  syscall1(SYS_CLOSE, A(ends[1]));
  if (pid > 0 && body.error) {
    syscall4(SYS_WAIT4, A(pid), 0, A(WALL), 0);
    pid = body.error;
  }
  if (pid < 0) {
    syscall1(SYS_CLOSE, A(ends[0]));
    return pid;
  }
  keeper->socket = ends[0];
  keeperPlace(keeper, &keeper->socket, PLACE_SOCKET);
  return pid;
}

void coreStart(struct keeper *keeper) {
  i64 pid = start(keeper);
  keeper->core.started = now();
  keeper->core.next_start = 0;
  if (pid < 0) { /* no memory, no process: there may be later */
    keeper->core.next_start = now() + PAUSE_FIRST_MS;
    return;
  }
  keeper->core.pid = (i32)pid;
  keeper->core.generation++;
  keeper->core.has_spoken = keeper->core.leaves = keeper->core.next = 0;
  keeper->told_signals = 0;
  keeper->sent = keeper->acknowledged = 0;
  keeper->waiting_since = 0;
  keeper->core.limit = SIGNAL_LIMIT_MS;
  keeper->core.cpu = 0;
  keeper->table->core_start = processStartTime((i32)pid);
  keeper->table->core_pid = (i32)pid;
}

/* At once the first time, then with pauses that grow, for as long as it dies within a minute. */
static void schedule(struct keeper *keeper) {
  i64 at = now();
  i64 pause = 0;
  i32 is_row = keeper->core.deaths > 0 && at - keeper->core.died[2] < MINUTE_MS;
  keeper->core.deaths = is_row ? keeper->core.deaths + 1 : 1;
  if (keeper->core.deaths > 1) {
    u32 doublings = keeper->core.deaths - 2;
    pause = doublings > 6 ? PAUSE_LAST_MS : PAUSE_FIRST_MS << doublings;
    if (pause > PAUSE_LAST_MS) pause = PAUSE_LAST_MS;
  }
  keeper->core.died[0] = keeper->core.died[1];
  keeper->core.died[1] = keeper->core.died[2];
  keeper->core.died[2] = at;
  keeper->core.untrusted = keeper->core.deaths >= 3 && at - keeper->core.died[0] < MINUTE_MS;
  keeper->core.next_start = at + pause;
}

static i32 deathSignal(i32 status) { return status & 0x7f; }

/* A core that never was up: the start came to nothing, and why has been said. */
static void endStart(struct keeper *keeper, i32 status) {
  i32 signal = deathSignal(status);
  if (signal == 0) keeper->ending = status >> 8 & 0xff;
  else if (++keeper->core.deaths >= TRIES) keeper->ending = 128 + signal;
  else keeper->core.next_start = now();
}

void coreEnded(struct keeper *keeper, i32 status) {
  i32 had_stop = signalsStop(keeper->signals) != 0;
  i32 was_said = keeper->core.next;
  if (keeper->socket >= 0) packetsReceive(keeper); /* its last words */
  if (keeper->socket >= 0) syscall1(SYS_CLOSE, A(keeper->socket));
  keeper->socket = -1;
  keeper->core.pid = 0;
  keeper->core.status = status;
  keeper->table->core_pid = 0;
  keeper->told_signals = 0;
  keeper->waiting_since = 0;
  if (keeper->core.leaves) {
    keeper->ending = keeper->core.code;
    return;
  }
  if (keeper->stop.runs) return;
  if (was_said || keeper->core.next) {
    keeper->core.next_start = now();
    return;
  }
  if (keeper->core.killed_for) keeper->core.reason = keeper->core.killed_for;
  else keeper->core.reason = REEVE_W_CRASHED;
  keeper->core.killed_for = 0;
  if (!keeper->core.was_up) return endStart(keeper, status);
  schedule(keeper);
  if (had_stop && ++keeper->core.stops_lost >= 2) return lastStopBegin(keeper);
  if (keeper->signals) coreWake(keeper);
}

static void killFor(struct keeper *keeper, u32 reason) {
  keeper->core.killed_for = reason;
  if (keeper->core.pid) syscall2(SYS_KILL, A(keeper->core.pid), SIGKILL);
  keeper->waiting_since = 0;
}

void coreMalformed(struct keeper *keeper) {
  if (keeper->socket >= 0) syscall1(SYS_CLOSE, A(keeper->socket));
  keeper->socket = -1;
  killFor(keeper, REEVE_W_MALFORMED);
}

void coreAcknowledged(struct keeper *keeper, u64 id) {
  if (id > keeper->acknowledged) keeper->acknowledged = id;
  keeper->waiting_since = keeper->acknowledged < keeper->sent ? now() : 0;
  if (!keeper->told_signals || id < keeper->told_signals_at) return;
  keeper->signals &= ~keeper->told_signals;
  keeper->told_signals = 0;
  keeper->core.stops_lost = 0;
}

/* -> how long an answer may take at the moment, milliseconds */
static i64 limit(const struct keeper *keeper) { return keeper->told_signals ? keeper->core.limit : LIMIT_MS; }

/* One that works is given more time: a healthy core may be slow on a machine that is. */
static i32 isWorking(struct keeper *keeper) {
  u64 cpu = processCpuTime(keeper->core.pid);
  i32 has_moved = cpu > keeper->core.cpu;
  keeper->core.cpu = cpu;
  if (!has_moved || keeper->core.limit >= SIGNAL_LIMIT_LAST_MS) return 0;
  keeper->core.limit *= 2;
  if (keeper->core.limit > SIGNAL_LIMIT_LAST_MS) keeper->core.limit = SIGNAL_LIMIT_LAST_MS;
  return 1;
}

void coreLook(struct keeper *keeper) {
  if (keeper->stop.runs || keeper->ending >= 0) return;
  if (!keeper->core.pid) {
    if (keeper->core.next_start && now() >= keeper->core.next_start) coreStart(keeper);
    return;
  }
  if (!keeper->core.has_spoken) {
    if (now() - keeper->core.started > START_LIMIT_MS) killFor(keeper, REEVE_W_HUNG);
  } else if (keeper->waiting_since && now() - keeper->waiting_since > limit(keeper)) {
    if (!keeper->told_signals || !isWorking(keeper)) killFor(keeper, REEVE_W_HUNG);
  }
}

i64 coreDue(const struct keeper *keeper) {
  i64 due = -1;
  if (keeper->stop.runs) return -1;
  if (!keeper->core.pid) due = keeper->core.next_start;
  else if (!keeper->core.has_spoken) due = keeper->core.started + START_LIMIT_MS + 1;
  else if (keeper->waiting_since) due = keeper->waiting_since + limit(keeper) + 1;
  if (due <= 0) return -1;
  return due > now() ? due - now() : 0;
}

void coreWake(struct keeper *keeper) {
  i64 at = now();
  if (keeper->core.pid || !keeper->core.next_start) return;
  i64 soonest = keeper->core.started + WOKEN_AFTER_MS;
  if (soonest < at) soonest = at;
  if (keeper->core.next_start > soonest) keeper->core.next_start = soonest;
}
