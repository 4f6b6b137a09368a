/* entering.c: births into a PID namespace of somebody else, whose root may stop, kill and watch whatever is
 * born there (helper/jail/enter.c). The keeper waits for none of them: the helper outside is a child as
 * others, its word a packet, and who is late is given up. They are one process group, so that none is left
 * of a birth that came to nothing.
 */
#include "helper/keeper/keeper.h"

#include "common/enter_word.h"
#include "common/syscall.h"
#include "common/text.h"

/* How long a process may take in a namespace where it can be stopped by others, and how often it is told
 * to go on. */
enum { NESTED_WAIT_MS = 250, NESTED_NUDGE_MS = 10 };

static const char ROLES[][12] = {"reeve-exec", "reeve-init", "reeve-jail", "reeve-guard"};

static i64 now(void) { return (i64)(bootNanoseconds() / 1000000); }

static struct keeper_entering *findFree(struct keeper *keeper) {
  for (u32 i = 0; i < KEEPER_ENTERING_MAX; i++)
    if (!keeper->entering[i].outside) return &keeper->entering[i];
  return 0;
}

i64 enteringBegin(struct keeper *keeper, u64 id, u32 slot, const struct reeve_birth *birth) {
  char numbers[3][NUMBER_SIZE];
  char name[] = "reeve-enter";
  char nested[] = {birth->flags & REEVE_B_NESTED ? '1' : '0', 0};
  char *argv[] = {name, numbers[0], (char *)P(ROLES[birth->role]), numbers[1], numbers[2], nested, 0};
  i32 talk[2] = {-1, -1}, gate[2] = {-1, -1};
  i32 outside = 0;
  struct keeper_entering *entering = findFree(keeper);
  if (!entering) return -EAGAIN;
  i64 result = syscall4(SYS_SOCKETPAIR, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, P(talk));
  if (result < 0) return result;
  if (birth->flags & REEVE_B_GATED) result = syscall2(SYS_PIPE2, P(gate), O_CLOEXEC);
  struct helper_start start = {
      .argv = argv,
      .request = keeper->fds[0],
      .gate = gate[0],
      .fds = keeper->fds + 2,
      .nfds = birth->nfds,
      .also = {keeper->fds[1], talk[1]},
      .parent_tid = &outside,
  };
  numberText(numbers[0], keeper->birth_base + KEEPER_OWN_FDS + (i32)birth->nfds);
  numberText(numbers[1], keeper->fds[1]);
  numberText(numbers[2], talk[1]);
  if (result >= 0) result = helperStart(keeper, &start);
  syscall1(SYS_CLOSE, A(talk[1])); /* so that the talk ends with them */
  if (gate[0] >= 0) syscall1(SYS_CLOSE, A(gate[0]));
  if (result < 0) {
    syscall1(SYS_CLOSE, A(talk[0]));
    if (gate[1] >= 0) syscall1(SYS_CLOSE, A(gate[1]));
    return result;
  }
  keeper->table->slots[slot].gate = gate[1];
  *entering = (struct keeper_entering){(i32)result, talk[0], slot, nested[0] == '1', 0, {0, 0}, id, 0};
  keeper->nentering++;
  return 0;
}

/* Is it our own, and made by the helper with that group? */
static i32 isChildOf(i64 group, i64 pid) {
  struct linux_siginfo info = {0};
  u64 options = WEXITED | WNOHANG | WNOWAIT | WALL;
  return syscall5(SYS_WAITID, P_PID, A(pid), P(&info), options, 0) >= 0 && syscall1(SYS_GETPGID, A(pid)) == group;
}

/* Takes what they have said until now. */
static void hear(struct keeper_entering *entering) {
  struct enter_word word = {0, 0};
  for (;;) {
    i64 count = syscall6(SYS_RECVFROM, A(entering->talk), P(&word), sizeof word, MSG_DONTWAIT, 0, 0);
    if (count != sizeof word || word.speaker >= ENTER_SPEAKERS || word.word == 0) return;
    if (!entering->words[word.speaker]) entering->words[word.speaker] = word.word;
  }
}

/* -> the child's pid, -errno, or 0: that is not known yet */
static i64 childOf(const struct keeper_entering *entering) {
  i64 pid = entering->words[ENTER_OUTSIDE];
  if (!entering->is_over) return 0;
  if (pid <= 0) return pid == 0 ? -ESRCH : pid; /* killed before it said a word */
  if (!entering->is_nested) return pid;
  i64 inner = entering->words[ENTER_BETWEEN];
  if (inner == 0) return now() < entering->until ? 0 : -EAGAIN;
  return inner == pid ? -ESRCH : inner;
}

/* Back into our group: possible until it executes a program. */
static i64 accept(const struct keeper_entering *entering, i64 pid) {
  if (pid > 0 && !isChildOf(entering->outside, pid)) pid = -ESRCH;
  i64 result = pid > 0 ? syscall2(SYS_SETPGID, A(pid), A(syscall1(SYS_GETPGID, 0))) : 0;
  return result < 0 ? result : pid;
}

static void finish(struct keeper *keeper, struct keeper_entering *entering, i64 pid) {
  pid = accept(entering, pid);
  syscall2(SYS_KILL, A(-entering->outside), SIGKILL); /* all the others, whom deaths.c reaps */
  if (pid > 0) syscall6(SYS_SENDTO, A(entering->talk), P("G"), 1, MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0);
  syscall1(SYS_CLOSE, A(entering->talk));
  u64 id = entering->id;
  u32 slot = entering->slot;
  entering->outside = 0;
  keeper->nentering--;
  birthDone(keeper, id, slot, pid);
}

static void look(struct keeper *keeper, struct keeper_entering *entering) {
  hear(entering);
  i64 pid = childOf(entering);
  if (pid != 0) return finish(keeper, entering, pid);
  if (entering->is_over) syscall2(SYS_KILL, A(entering->words[ENTER_OUTSIDE]), SIGCONT);
}

i32 enteringOver(struct keeper *keeper, i32 pid) {
  for (u32 i = 0; i < KEEPER_ENTERING_MAX && keeper->nentering; i++) {
    struct keeper_entering *entering = &keeper->entering[i];
    if (entering->outside != pid) continue;
    entering->is_over = 1;
    entering->until = now() + NESTED_WAIT_MS;
    look(keeper, entering);
    return 1;
  }
  return 0;
}

void enteringLook(struct keeper *keeper) {
  for (u32 i = 0; i < KEEPER_ENTERING_MAX && keeper->nentering; i++) {
    struct keeper_entering *entering = &keeper->entering[i];
    if (entering->outside && entering->is_over) look(keeper, entering);
  }
}

i64 enteringDue(const struct keeper *keeper) {
  for (u32 i = 0; i < KEEPER_ENTERING_MAX && keeper->nentering; i++)
    if (keeper->entering[i].outside && keeper->entering[i].is_over) return NESTED_NUDGE_MS;
  return -1;
}
