/* foreground.c: COMMAND's terminal. It is the keeper that is in the shell's session: when COMMAND stops, the
 * keeper stops as well, so that the shell has its prompt back, and when the shell brings it to the foreground
 * again, the terminal is COMMAND's.
 */
#include "helper/keeper/keeper.h"

#include "common/syscall.h"
#include "helper/exec/terminal.h"

enum { STDIN = 0, CLD_STOPPED = 5 };

void foregroundBorn(struct keeper *keeper, i32 pid) {
  keeper->command.pid = pid;
  keeper->command.has_terminal = terminalIs(STDIN);
}

void foregroundEnded(struct keeper *keeper, i32 pid) {
  if (keeper->command.pid != pid) return;
  foregroundGiveBack(keeper);
  keeper->command.pid = 0;
}

void foregroundGiveBack(const struct keeper *keeper) {
  if (keeper->command.has_terminal) terminalGive(STDIN, (i32)syscall1(SYS_GETPGID, 0));
}

void foregroundLook(struct keeper *keeper) {
  struct linux_siginfo info = {0};
  if (!keeper->command.pid || !keeper->command.has_terminal || keeper->is_first) return;
  i64 result = syscall5(SYS_WAITID, P_PID, A(keeper->command.pid), P(&info), WSTOPPED | WNOHANG | WALL, 0);
  if (result < 0 || info.pid != keeper->command.pid || info.code != CLD_STOPPED) return;
  keeper->command.is_stopped = 1;
  foregroundGiveBack(keeper);
  syscall2(SYS_KILL, A(keeper->epoch_pid), SIGSTOP);
}

/* A shell brings us to the foreground before it sends CONT; with `bg` it does not, and the terminal stays its
 * own. The core hands CONT on. */
void foregroundContinued(struct keeper *keeper) {
  if (!keeper->command.pid || !keeper->command.is_stopped) return;
  keeper->command.is_stopped = 0;
  if (terminalGroup(STDIN) == syscall1(SYS_GETPGID, 0)) {
    terminalGive(STDIN, (i32)syscall1(SYS_GETPGID, A(keeper->command.pid)));
  }
}
