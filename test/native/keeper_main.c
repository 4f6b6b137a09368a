/* keeper_main.c: the keeper with any program as its core: DESCRIPTOR ARGV0 [WORD...], the descriptor being that of
 * the program. As the stub starts it, but that nothing of an executable is given back. */
#include "common/linux.h"
#include "common/syscall.h"
#include "common/text.h"
#include "helper/keeper/keeper.h"

extern char **environ;

int main(int argc, char **argv) {
  if (argc < 3) return 98;
  struct keeper_start start = {(i32)textToNumber(argv[1]), argv + 2, environ, 0};
  if (syscall3(SYS_FCNTL, A(start.executable), F_SETFD, FD_CLOEXEC) < 0) return 97;
  keeperRun(&start);
}
