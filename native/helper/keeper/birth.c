/* birth.c: children. The core says what a child is to be in a sealed request, which the keeper hands on
 * unread: the helper unpacks it. What the keeper adds is what must outlive a core: the pipe for reports, the
 * gate, and the pipe whose end tells that the keeper is gone.
 *
 * The pid is in the table before the child's first instruction (CLONE_PARENT_SETTID): there is no moment in
 * which a child exists that the second does not know.
 */
#include "helper/keeper/keeper.h"

#include "common/execute.h"
#include "common/syscall.h"
#include "common/text.h"
#include "library/clone.h"

enum {
  CHILD_STACK = 8192,
  CLONE_PARENT_SETTID = 0x100000,
  CLOSE_RANGE_UNSHARE = 2
};
static const char ROLES[][12] = {"reeve-exec", "reeve-init", "reeve-jail", "reeve-guard"};
static char *const NO_ENVIRONMENT[] = {0};

struct body {
  const struct keeper *keeper;
  const struct helper_start *start;
  i32 shares_files;
  volatile i64 error;
};

ON_SHARED_STACK static i64 put(i32 from, i32 to) { return from == to ? -EINVAL : syscall3(SYS_DUP3, A(from), A(to), 0); }

/* Runs in the child, in memory that it shares with the keeper. Its descriptors are its own: a copy of the
 * table, or, where there may be thousands that are held, what close_range leaves of the shared one. */
ON_SHARED_STACK static i32 becomeHelper(void *argument) {
  struct body *body = argument;
  const struct keeper *keeper = body->keeper;
  const struct helper_start *start = body->start;
  i64 result = 0;
  i32 base = keeper->birth_base;
  if (body->shares_files) {
    result = syscall3(SYS_CLOSE_RANGE, A(keeper->held_base), 0xffffffff, CLOSE_RANGE_UNSHARE);
  }
  if (result >= 0) result = put(keeper->report[1], base);
  if (result >= 0 && start->gate >= 0) result = put(start->gate, base + 1);
  if (result >= 0) result = put(keeper->life[0], base + 2);
  for (u32 i = 0; i < start->nfds && result >= 0; i++) {
    result = put(start->fds[i], base + KEEPER_OWN_FDS + (i32)i);
  }
  if (result >= 0) result = put(start->request, base + KEEPER_OWN_FDS + (i32)start->nfds);
  for (u32 i = 0; i < 2 && result >= 0; i++) {
    if (start->also[i] >= 0) result = syscall3(SYS_FCNTL, A(start->also[i]), F_SETFD, 0);
  }
  if (result >= 0) result = executeFile(keeper->helper_fd, start->argv, NO_ENVIRONMENT);
  body->error = result;
  return 125;
}

i64 helperStart(struct keeper *keeper, struct helper_start *start) {
  u8 stack[CHILD_STACK] __attribute__((aligned(16)));
  struct body body = {keeper, start, !keeper->is_narrow, 0};
  u64 flags = CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID | start->clone_flags;
  struct linux_clone_args args = {
      .flags = body.shares_files ? flags | CLONE_FILES : flags,
      .parent_tid = P(start->parent_tid),
      .exit_signal = SIGCHLD,
      .stack = P(stack),
      .stack_size = sizeof stack,
  };
  i64 pid = cloneThree(&args, sizeof args, becomeHelper, &body);
  if (pid > 0 && (body.error == -ENOSYS || body.error == -EINVAL)) { /* no close_range: a copy of the table */
    syscall4(SYS_WAIT4, A(pid), 0, A(WALL), 0);
    body.shares_files = 0;
    body.error = 0;
    args.flags = flags;
    pid = cloneThree(&args, sizeof args, becomeHelper, &body);
  }
  if (pid == -ENOSYS || pid == -EPERM) { /* an old kernel; a filter of an older container runtime */
    body.shares_files = 0;
    pid = clonePlain((flags & ~(u64)CLONE_PIDFD) | SIGCHLD, stack + sizeof stack, start->parent_tid, becomeHelper, &body);
  }
  if (pid < 0 || body.error == 0) return pid;
  syscall4(SYS_WAIT4, A(pid), 0, A(WALL), 0); /* it never was the helper */
  return body.error;
}

static void refuse(struct keeper *keeper, u64 id, i64 result) {
  struct reeve_born born = {.result = result};
  packetSend(keeper, REEVE_K_BORN, id, &born, sizeof born, -1);
}

/* -> 0, or -EINVAL: it cannot be */
static i64 check(const struct keeper *keeper, const struct reeve_birth *birth) {
  u32 before = 1 + (birth->flags & REEVE_B_PID_NAMESPACE ? 1 : 0);
  i32 is_nested = (birth->flags & REEVE_B_NESTED) != 0;
  if (keeper->is_cut) return -EMFILE;
  if (birth->role >= sizeof ROLES / sizeof ROLES[0]) return -EINVAL;
  if (birth->flags & ~(u32)(2 * REEVE_B_LAST - 1) || birth->clone_flags & ~(u64)CLONE_NEWPID) return -EINVAL;
  if (birth->stop_signal > SIGNAL_LAST || birth->nfds > keeper->birth_fds) return -EINVAL;
  if (keeper->nfds != before + birth->nfds) return -EINVAL;
  if (is_nested && !(birth->flags & REEVE_B_PID_NAMESPACE)) return -EINVAL;
  if (birth->flags & REEVE_B_PID_NAMESPACE && (birth->role == REEVE_ROLE_GUARD || birth->clone_flags)) return -EINVAL;
  return keeper->helper_fd < 0 ? -ENOENT : 0;
}

static void fill(struct reeve_slot *slot, const struct reeve_birth *birth) {
  slot->label = birth->label;
  slot->spawn_id = birth->spawn_id;
  slot->mark = birth->mark;
  slot->flags = birth->flags;
  slot->stop_signal = birth->stop_signal;
  slot->grace_ms = birth->grace_ms;
  slot->born = bootNanoseconds();
}

void birthDone(struct keeper *keeper, u64 id, u32 index, i64 pid) {
  struct reeve_slot *slot = &keeper->table->slots[index];
  if (pid < 0) {
    tableGive(keeper, index);
    return refuse(keeper, id, pid);
  }
  slot->start_time = processStartTime((i32)pid);
  tableSetPid(keeper, (i32)pid, index);
  slot->state = REEVE_SLOT_ALIVE;
  struct reeve_born born = {index, slot->id, (i32)pid, 0, slot->start_time};
  packetSend(keeper, REEVE_K_BORN, id, &born, sizeof born, -1);
  if (slot->flags & REEVE_B_FOREGROUND) foregroundBorn(keeper, (i32)pid);
  if (slot->flags & REEVE_B_DUMB) secondStart(keeper);
}

/* -> the reader's end; the writer's is the slot's */
static i64 openGate(struct reeve_slot *slot) {
  i32 ends[2] = {-1, -1};
  i64 result = syscall2(SYS_PIPE2, P(ends), O_CLOEXEC);
  if (result < 0) return result;
  slot->gate = ends[1];
  return ends[0];
}

void birthAnswer(struct keeper *keeper, u64 id, const struct reeve_birth *birth) {
  char number[NUMBER_SIZE];
  i64 result = check(keeper, birth);
  /* A child may get the number of one whose end is not told yet: that end is told first. */
  deathsTell(keeper);
  i64 index = result < 0 ? result : tableTake(keeper);
  if (index < 0) return refuse(keeper, id, index);
  struct reeve_slot *slot = &keeper->table->slots[index];
  fill(slot, birth);
  if (birth->flags & REEVE_B_PID_NAMESPACE) {
    result = enteringBegin(keeper, id, (u32)index, birth);
    if (result < 0) birthDone(keeper, id, (u32)index, result);
    return;
  }
  char *argv[] = {(char *)P(ROLES[birth->role]), number, 0};
  struct helper_start start = {
      .argv = argv,
      .request = keeper->fds[0],
      .gate = -1,
      .fds = keeper->fds + 1,
      .nfds = birth->nfds,
      .also = {-1, -1},
      .clone_flags = birth->clone_flags,
      .parent_tid = &slot->pid,
  };
  numberText(number, keeper->birth_base + KEEPER_OWN_FDS + (i32)birth->nfds);
  if (birth->flags & REEVE_B_GATED) {
    result = openGate(slot);
    start.gate = (i32)result;
  }
  if (result >= 0) result = helperStart(keeper, &start);
  if (start.gate >= 0) syscall1(SYS_CLOSE, A(start.gate));
  birthDone(keeper, id, (u32)index, result);
}

i64 birthLetIn(struct keeper *keeper, const struct reeve_ref *ref) {
  struct reeve_slot *slot = tableFind(keeper, ref);
  if (!slot || slot->gate < 0) return -ESRCH;
  i64 written = syscall3(SYS_WRITE, A(slot->gate), P("G"), 1); /* SIGPIPE is blocked */
  syscall1(SYS_CLOSE, A(slot->gate));
  slot->gate = -1;
  return written == 1 ? 0 : -ESRCH;
}

/* The kernel confirms that it is an unreaped child of ours: its number cannot be another's. */
void birthAdopt(struct keeper *keeper, u64 id, const struct reeve_adoption *adoption) {
  struct linux_siginfo info = {0};
  u64 options = WEXITED | WNOHANG | WNOWAIT | WALL;
  if (adoption->pid <= 1 || tableOfPid(keeper, adoption->pid) >= 0 || adoption->stop_signal > SIGNAL_LAST ||
      syscall5(SYS_WAITID, P_PID, A(adoption->pid), P(&info), options, 0) < 0 ||
      processStartTime(adoption->pid) != adoption->start_time) {
    return refuse(keeper, id, -ESRCH);
  }
  i64 index = tableTake(keeper);
  if (index < 0) return refuse(keeper, id, index);
  struct reeve_birth birth = {
      .flags = adoption->flags & REEVE_B_DUMB,
      .label = adoption->label,
      .mark = adoption->mark,
      .stop_signal = adoption->stop_signal,
      .grace_ms = adoption->grace_ms,
  };
  fill(&keeper->table->slots[index], &birth);
  birthDone(keeper, id, (u32)index, adoption->pid);
}
