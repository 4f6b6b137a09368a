/* orphans.c: ending what a child left behind. */
#include "helper/init/orphans.h"

#include "helper/children.h"
#include "common/clock.h"
#include "common/linux.h"
#include "common/syscall.h"

enum { PID_LIMIT = 1 << 22, KILLED_WAIT_MS = 2000, KILLED_LOOK_MS = 50 };

struct orphans {
  i32 is_first;
  i32 signal; /* TERM, later KILL */
  u64 *told;  /* a bit for each pid that was asked to end; null when there was no memory for it */
};

/* A second TERM means "at once" to many servers, so each is told once. */
static void tellOne(void *context, i32 pid) {
  struct orphans *orphans = context;
  if (orphans->signal != SIGKILL && orphans->told && pid < PID_LIMIT) {
    u64 bit = 1ul << (pid % 64);
    if (orphans->told[pid / 64] & bit) return;
    orphans->told[pid / 64] |= bit;
  }
  syscall2(SYS_KILL, A(pid), A(orphans->signal));
  if (orphans->signal != SIGKILL) syscall2(SYS_KILL, A(pid), SIGCONT);
}

static void tellAll(struct orphans *orphans) {
  if (!orphans->is_first) {
    childrenEach(tellOne, orphans);
    return;
  }
  syscall2(SYS_KILL, A(-1), A(orphans->signal));
  if (orphans->signal != SIGKILL) syscall2(SYS_KILL, A(-1), SIGCONT);
}

/* -> 0 when no child is left, dead or alive. */
static i32 reapDead(struct orphans *orphans) {
  i64 pid = 0;
  while ((pid = syscall4(SYS_WAIT4, A(-1), 0, WNOHANG | WALL, 0)) > 0) {
    /* the number may come again */
    if (orphans->told && pid < PID_LIMIT) orphans->told[pid / 64] &= ~(1ul << (pid % 64));
  }
  return pid == 0;
}

/* Sleeps until a signal comes, at most that long. -> the signal, or -EAGAIN. */
static i64 waitSignal(i64 milliseconds) {
  u64 all = SIGNALS_ALL;
  if (milliseconds < 0) milliseconds = 0;
  struct linux_timespec wait = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  return syscall4(SYS_RT_SIGTIMEDWAIT, P(&all), 0, P(&wait), SIGNAL_SET_SIZE);
}

static void askToEnd(struct orphans *orphans, u32 grace_ms) {
  i64 deadline = clockMilliseconds() + grace_ms;
  tellAll(orphans);
  while (reapDead(orphans)) {
    i64 left = deadline - clockMilliseconds();
    if (left <= 0) return;
    i64 signal = waitSignal(left);
    if (signal == SIGTERM || signal == SIGINT || signal == SIGQUIT) return;
    if (signal == SIGCHLD && !orphans->is_first) { /* children of what has just died are ours now */
      if (!reapDead(orphans)) return;
      tellAll(orphans);
    }
  }
}

/* A process that is not gone a while after SIGKILL hangs in the kernel, and waiting on would hang us with it.
 */
static void killRest(struct orphans *orphans) {
  i64 deadline = clockMilliseconds() + KILLED_WAIT_MS;
  orphans->signal = SIGKILL;
  while (reapDead(orphans) && clockMilliseconds() < deadline) {
    tellAll(orphans);
    waitSignal(KILLED_LOOK_MS);
  }
}

void orphansStop(i32 is_first, u32 grace_ms) {
  struct orphans orphans = {is_first, SIGTERM, 0};
  if (!reapDead(&orphans)) return;
  if (!is_first) { /* 512 KB of which only the pages with pids that we meet are ever touched */
    i64 memory = syscall6(SYS_MMAP, 0, PID_LIMIT / 8, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, A(-1), 0);
    if (memory > 0) orphans.told = (u64 *)memory;
  }
  askToEnd(&orphans, grace_ms);
  if (reapDead(&orphans)) killRest(&orphans);
}
