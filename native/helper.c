/* helper.c: the entry of the helper program, which takes one of its roles by the name it was called with. Nobody runs it by
 * hand: it is executed from a memfd with the number of the descriptor that holds its request.
 */
#include "child.h"
#include "guard.h"
#include "init.h"
#include "jail.h"
#include "linux.h"
#include "syscall.h"
#include "text.h"

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

static void becomeExec(i32 request_fd) {
  struct request request;
  i64 result = childLoad(request_fd, &request);
  if (result < 0) {
    childReport(&request, REEVE_S_SPEC, (i32)-result);
    return;
  }
  childBecome(&request, 0);
}

/* `stack` is what the kernel left there: argc, then argv. */
void helperMain(u64 *stack) {
  char **argv = (char **)(stack + 1);
  i64 fd = stack[0] == 2 ? textToNumber(argv[1]) : -1;
  u64 all = SIGNALS_ALL;
  if (fd < 0) exitProcess(125);
  /* Both roles take what comes from now on at a time of their own. */
  syscall4(SYS_RT_SIGPROCMASK, SIG_SETMASK, P(&all), 0, SIGNAL_SET_SIZE);
  syscall2(SYS_PRCTL, PR_SET_NAME, P(argv[0])); /* else ps shows the number of a descriptor */
  if (textEqual(argv[0], "reeve-init")) exitProcess(initRun((i32)fd));
  if (textEqual(argv[0], "reeve-exec")) becomeExec((i32)fd);
  if (textEqual(argv[0], "reeve-jail")) exitProcess(jailRun((i32)fd));
  if (textEqual(argv[0], "reeve-guard")) exitProcess(guardRun((i32)fd));
  exitProcess(125);
}

#ifdef REEVE_HOSTED
int main(int argc, char **argv) {
  u64 stack[8] = {(u64)argc};
  for (i32 i = 0; i < argc && i < 7; i++) stack[i + 1] = P(argv[i]);
  helperMain(stack);
}
#endif
