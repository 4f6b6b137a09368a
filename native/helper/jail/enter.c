/* enter.c: the role enter: into a PID namespace of somebody else, whose root may stop, kill and watch
 * whatever is born there.
 *
 * So the supervisor is never born there itself, not even for a moment as what a vfork makes: while it waited
 * for that one, the jail could hold it for ever with SIGSTOP, and read its memory. This process stays
 * outside, and has memory of its own. Whoever is born there has the supervisor for its parent, but nothing
 * else of it.
 *
 * A new namespace within that one can only be made by a process that lives in it: one more, whom the
 * supervisor gives but a short time.
 */
#include "helper/jail/enter.h"

#include "helper/jail/confine.h"
#include "common/enter_word.h"
#include "helper/jail/fdinfo.h"
#include "common/linux.h"
#include "common/syscall.h"

__attribute__((noreturn)) static void end(const struct request *request, u32 speaker, i64 result) {
  struct enter_word word = {speaker, (i32)result};
  syscall3(SYS_WRITE, A(request->state.enter[1]), P(&word), sizeof word);
  exitProcess(result < 0 ? 125 : 0);
}

/* Nobody who is not known: without an answer the supervisor is gone, or has given us up. */
static void awaitAnswer(struct request *request) {
  char word = 0;
  if (syscall3(SYS_READ, A(request->state.enter[1]), P(&word), 1) != 1) exitProcess(125);
  syscall1(SYS_CLOSE, A(request->state.enter[1]));
  request->state.enter[1] = -1;
}

/* In the outer namespace: makes the new one. Only the descriptor of its PID 1 tells what the supervisor calls
 * it. */
static void makeNested(struct request *request) {
  i32 pidfd = -1;
  i64 result = syscall5(SYS_CLONE, CLONE_NEWPID | CLONE_PARENT | CLONE_PIDFD, 0, P(&pidfd), 0, 0);
  if (result == 0) return;
  if (result > 0) result = pidfd < 0 ? -ENOSYS : fdinfoNumber(request->state.proc, pidfd, "Pid:\t");
  end(request, ENTER_BETWEEN, result);
}

void enterNamespace(struct request *request, i32 is_nested) {
  u32 stage = 0;
  i64 result = syscall2(SYS_SETPGID, 0, 0); /* by which the supervisor finds all whom we make */
  if (result >= 0) result = confineBegin(request, &stage);
  if (result >= 0) result = syscall2(SYS_SETNS, A(request->state.enter[0]), CLONE_NEWPID);
  syscall1(SYS_CLOSE, A(request->state.enter[0]));
  request->state.enter[0] = -1;
  if (result >= 0) result = syscall5(SYS_CLONE, CLONE_PARENT, 0, 0, 0, 0);
  if (result != 0) end(request, ENTER_OUTSIDE, result);
  if (is_nested) makeNested(request);
  awaitAnswer(request);
}
