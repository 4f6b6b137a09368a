/* helper.c: the entry of the helper program, which takes one of its roles by the name it was called with.
 * Nobody runs it by hand: it is executed from a memfd with the number of the descriptor that holds its
 * request.
 */
#include "helper/exec/child.h"
#include "helper/jail/enter.h"
#include "helper/guard/guard.h"
#include "helper/init/init.h"
#include "helper/jail/jail.h"
#include "common/linux.h"
#include "helper/message.h"
#include "helper/exec/signals.h"
#include "common/syscall.h"
#include "common/text.h"

#if defined(REEVE_HOSTED)
int main(int argc, char **argv); /* with a libc below, for the sanitizers */
#elif defined(__x86_64__)
__asm__(
    ".text\n"
    ".globl _start\n"
    "_start:\n"
    "  xor %ebp, %ebp\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call helperMain\n"
    "  hlt\n");
#elif defined(__aarch64__)
__asm__(
    ".text\n"
    ".globl _start\n"
    "_start:\n"
    "  mov x29, #0\n"
    "  mov x30, #0\n"
    "  mov x0, sp\n"
    "  bl helperMain\n"
    "  brk #0\n");
#endif

__attribute__((noreturn, used)) void helperMain(u64 *stack);

/* ps shows the role, and not the numbers of descriptors. The words lie one after the other. */
static void nameProcess(i64 argc, char **argv, const char *role) {
  char *end = argv[argc - 1] + textLength(argv[argc - 1]);
  for (char *at = argv[0]; at < end; at++) *at = *role ? *role++ : 0;
  syscall2(SYS_PRCTL, PR_SET_NAME, P(argv[0]));
}

static i32 runRole(const char *role, i32 request_fd, i32 is_nested, const i32 enter[2]) {
  struct request request;
  i64 result = childLoad(request_fd, &request);
  if (result < 0) {
    childReport(&request, REEVE_S_SPEC, (i32)-result);
    if (textEqual(role, "reeve-init")) messageErrno("cannot read the request", (i32)-result);
    return 125;
  }
  request.state.enter[0] = enter[0];
  request.state.enter[1] = enter[1];
  if (enter[0] >= 0) enterNamespace(&request, is_nested);
  result = childWaitAtGate(&request);
  if (result < 0) {
    childReport(&request, REEVE_S_PDEATHSIG, (i32)-result);
    return 125;
  }
  if (textEqual(role, "reeve-init")) initEnd(&request, initSpare());
  if (textEqual(role, "reeve-jail")) return jailRun(&request);
  if (textEqual(role, "reeve-exec")) childBecome(&request, 0);
  return 125;
}

/* `stack` is what the kernel left there: argc, then argv: ROLE REQUEST_FD, or "reeve-enter" REQUEST_FD ROLE
 * NAMESPACE_FD TALK_FD IS_NESTED. */
void helperMain(u64 *stack) {
  static const char *const ROLES[] = {"reeve-exec", "reeve-init", "reeve-jail", "reeve-guard"};
  char **argv = (char **)(stack + 1);
  i64 argc = (i64)stack[0];
  i32 enter[2] = {-1, -1};
  i32 is_nested = 0;
  const char *role = 0;
  i64 fd = argc == 2 || argc == 6 ? textToNumber(argv[1]) : -1;
  if (fd < 0) exitProcess(125);
  signalsDefault();
  const char *wanted = argc == 6 ? argv[2] : argv[0];
  for (u32 i = 0; i < sizeof ROLES / sizeof ROLES[0]; i++) {
    if (textEqual(wanted, ROLES[i])) role = ROLES[i];
  }
  if (!role) exitProcess(125);
  if (argc == 6) {
    enter[0] = (i32)textToNumber(argv[3]);
    enter[1] = (i32)textToNumber(argv[4]);
    is_nested = textEqual(argv[5], "1");
    if (enter[0] < 0 || enter[1] < 0) exitProcess(125);
  }
  nameProcess(argc, argv, role);
  if (textEqual(role, "reeve-guard")) exitProcess(argc == 2 ? guardRun((i32)fd) : 125);
  exitProcess(runRole(role, (i32)fd, is_nested, enter));
}

#ifdef REEVE_HOSTED
int main(int argc, char **argv) {
  (void)argc;
  helperMain((u64 *)(void *)argv - 1); /* where the kernel left the count */
}
#endif
