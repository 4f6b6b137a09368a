/* forward.c: waiting for one child, and passing on to it the signals that come meanwhile. Signals are taken
 * one by one, never handled asynchronously, so none is lost and none is passed on twice; nothing polls.
 */
#include "helper/init/forward.h"

#include "common/clock.h"
#include "common/linux.h"
#include "common/syscall.h"
#include "helper/exec/terminal.h"
#include "helper/message.h"
#include "helper/unpack.h"

static void signalChild(const struct forward *forward, i32 signal) {
  if (forward->by_group && forward->own_group) {
    if (syscall2(SYS_KILL, A(-forward->pid), A(signal)) >= 0) return;
    /* not the leader of its group yet: the signal stays pending over its exec */
  }
  syscall2(SYS_KILL, A(forward->pid), A(signal));
}

/* Has the terminal itself sent this to the child, as a member of the same group? */
static i32 cameToBoth(const struct forward *forward, const struct linux_siginfo *info) {
  i32 signal = info->signo;
  if (forward->own_group || info->code != SI_KERNEL) return 0;
  return signal == SIGINT || signal == SIGQUIT || signal == SIGTSTP || signal == SIGWINCH;
}

static i32 isJobStop(i32 signal) { return signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU; }

/* -> what the child is told in the place of `signal`; 0: nothing. */
static i32 rewritten(const struct forward *forward, i32 signal) {
  u8 to = forward->rewrite[signal];
  if (to != REWRITE_NONE) return to;
  /* The kernel stops nobody by these whose parents are in another session: nobody there could wake it. We
   * can. */
  return forward->is_job && forward->own_group && isJobStop(signal) ? SIGSTOP : signal;
}

/* As a shell's job we are stopped with our child, and a CONT for us is forwarded. PID 1 must not try: the
 * kernel takes a CONT that is pending away before it finds that the stop is to be ignored. */
static void stopSelf(const struct forward *forward, i32 signal) {
  if (forward->is_job && !forward->is_first && isJobStop(signal)) syscall2(SYS_KILL, syscall0(SYS_GETPID), SIGSTOP);
}

static void forwardSignal(struct forward *forward, const struct linux_siginfo *info) {
  i32 signal = info->signo;
  /* SIGPIPE of a stderr that nobody reads */
  if (info->code == SI_USER && info->pid == syscall0(SYS_GETPID)) return;
  if ((signal == SIGTTIN || signal == SIGTTOU) && info->code == SI_KERNEL) return; /* meant for us alone */
  if (cameToBoth(forward, info)) return stopSelf(forward, signal);
  if (signal == SIGTERM || signal == SIGINT || signal == SIGQUIT) {
    forward->stopping = 1;
    forward->stop_at = clockMilliseconds();
  }
  /* A shell brings us to the foreground before it sends CONT; with `bg` it does not, and the terminal stays
   * its own. */
  if (signal == SIGCONT && forward->terminal >= 0 && terminalGroup(forward->terminal) == syscall1(SYS_GETPGID, 0)) {
    terminalGive(forward->terminal, forward->pid);
  }
  i32 told = rewritten(forward, signal);
  if (forward->verbose) messageSignal(signal, told);
  if (told) {
    forward->forwarded |= SIGNAL_BIT(told);
    signalChild(forward, told);
  }
  stopSelf(forward, signal);
}

/* The child was stopped from its terminal, so the whole job stops and the shell gets its prompt back. The
 * kernel ignores this for an orphaned group, where nobody could wake us. */
static void stopWithChild(const struct forward *forward, i32 signal) {
  u64 tstp = SIGNAL_BIT(SIGTSTP);
  if (forward->is_first || !isJobStop(signal)) return;
  syscall2(SYS_KILL, 0, SIGTSTP);
  syscall4(SYS_RT_SIGPROCMASK, SIG_UNBLOCK, P(&tstp), 0, SIGNAL_SET_SIZE);
  syscall4(SYS_RT_SIGPROCMASK, SIG_BLOCK, P(&tstp), 0, SIGNAL_SET_SIZE);
}

i32 forwardReap(const struct forward *forward, i32 *child_status) {
  i32 ended = 0;
  for (;;) {
    i32 status = 0;
    u64 options = WNOHANG | WALL | (forward->terminal >= 0 ? WUNTRACED : 0);
    i64 pid = syscall4(SYS_WAIT4, A(-1), P(&status), options, 0);
    if (pid <= 0) return ended;
    i32 stopped = (status & 0xff) == 0x7f;
    if (pid != forward->pid) {
      if (forward->tell_reaped && !stopped) messageReaped((i32)pid);
      continue;
    }
    if (stopped) {
      stopWithChild(forward, status >> 8 & 0xff);
    } else {
      *child_status = status;
      ended = 1;
    }
  }
}

i32 forwardWait(struct forward *forward) {
  u64 all = SIGNALS_ALL;
  i32 status = 0;
  for (;;) {
    struct linux_siginfo info = {0};
    i64 signal = syscall4(SYS_RT_SIGTIMEDWAIT, P(&all), P(&info), 0, SIGNAL_SET_SIZE);
    if (signal == SIGCHLD) {
      if (forwardReap(forward, &status)) return status;
    } else if (signal == SIGIO && info.code == SI_KERNEL && forward->input) {
      forward->input(forward->context);
    } else if (signal > 0) {
      forwardSignal(forward, &info);
    }
  }
}
