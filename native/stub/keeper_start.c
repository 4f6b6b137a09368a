/* keeper_start.c: `reeve FILE` without a runtime: the stub becomes the keeper of the helper, in the same
 * process, and gives everything else back. The runtime is what it starts: the core.
 *
 * Must be sure: a command that ran under a keeper would have no terminal. Where the words do not tell, the
 * runtime reads them, and executes this again with a variable that says it (lib/supervisor/stage.ts).
 */
#include "stub/keeper_start.h"

#include "common/linux.h"
#include "common/syscall.h"
#include "common/text.h"
#include "helper/keeper/keeper.h"
#include "stub/command_words.h"

static const char IS_INSTANCE[] = "REEVE_INTERNAL_INSTANCE=";
static const char IS_CORE[] = "REEVE_INTERNAL_KEEPER=";

static i32 begins(const char *text, const char *beginning) {
  while (*beginning && *text == *beginning) text++, beginning++;
  return *beginning == 0;
}

static i32 has(char *const *environment, const char *beginning) {
  for (; *environment; environment++)
    if (begins(*environment, beginning)) return 1;
  return 0;
}

/* The first word is a file: neither an option nor a command. */
static i32 isFile(const char *word) {
  if (word[0] == 0 || word[0] == '-') return 0;
  if (textEqual(word, "run")) return 1;
  for (u32 i = 0; i < sizeof COMMAND_WORDS / sizeof COMMAND_WORDS[0]; i++)
    if (textEqual(word, COMMAND_WORDS[i])) return 0;
  return 1;
}

void keeperStartRun(u64 *stack, u64 mask, u64 start, u64 end) {
  i64 argc = (i64)stack[0];
  char **argv = (char **)(stack + 1);
  char **environment = argv + argc + 1;
  if (argc < 2) return;
  if (has(environment, IS_CORE)) {
    syscall5(SYS_PRCTL, PR_SET_NAME, P("reeve-core"), 0, 0, 0);
    return;
  }
  if (!has(environment, IS_INSTANCE) && !isFile(argv[1])) return;

  i64 executable = syscall4(SYS_OPENAT, A(AT_FDCWD), P("/proc/self/exe"), O_RDONLY | O_CLOEXEC, 0);
  if (executable < 0) return; /* the runtime could not start either, and its stub says why */
  if (end > start) syscall2(SYS_MUNMAP, start, end - start);
  struct keeper_start keeper = {(i32)executable, argv, environment, mask};
  syscall5(SYS_PRCTL, PR_SET_NAME, P("reeve"), 0, 0, 0);
  keeperRun(&keeper);
}
