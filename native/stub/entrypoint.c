/* entrypoint.c: `reeve [FLAG...] -- COMMAND` without a runtime: the stub becomes the init of the helper, in
 * the same process, and gives everything else back. Nothing is read, opened or executed for it: it works
 * without /proc as well.
 *
 * Must decide as lib/cli and lib/config do: whatever is more than an init for one COMMAND goes on into the
 * runtime.
 */
#include "stub/entrypoint.h"

#include "common/linux.h"
#include "common/syscall.h"
#include "common/text.h"
#include "helper/exec/signals.h"
#include "helper/exec/terminal.h"
#include "helper/init/init.h"
#include "stub/init_flags.h"

/* As DEFAULT_PATH of lib/process/environment.ts, and the default of stop_timeout. */
static const char DEFAULT_PATH[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
enum { GRACE_MS = 3000, SPAWN_ID = 1 };

/* Variables of uWSGI that are no options: OWN_VARIABLES of lib/config/language/load.ts. */
static const char *const OWN_VARIABLES[] = {"RELOADS",        "VASSALS_DIR",   "EMPEROR_FD", "EMPEROR_FD_CONFIG",
                                            "EMPEROR_PROXY", "BROODLORD_NUM", "JAIL_PID",   "ORIGINAL_PROC_NAME"};

/* The text behind `beginning` in `text`, or 0. */
static const char *after(const char *text, const char *beginning) {
  while (*beginning && *text == *beginning) text++, beginning++;
  return *beginning ? 0 : text;
}

static i32 isOption(const char *variable) {
  const char *name = after(variable, "UWSGI_");
  if (!name) return 0;
  for (u32 i = 0; i < sizeof OWN_VARIABLES / sizeof OWN_VARIABLES[0]; i++) {
    const char *rest = after(name, OWN_VARIABLES[i]);
    if (rest && *rest == '=') return 0;
  }
  return 1;
}

/* An option, or word from an earlier image of ours. */
static i32 asksForMore(char *const *environment) {
  for (; *environment; environment++)
    if (isOption(*environment) || after(*environment, "REEVE_INTERNAL_CORE=")) return 1;
  return 0;
}

/* Without what images of reeve say to one another. -> PATH */
static const char *narrowEnvironment(char **environment) {
  const char *path = DEFAULT_PATH;
  char **to = environment;
  for (char **from = environment; *from; from++) {
    if (after(*from, "REEVE_INTERNAL_")) continue;
    const char *value = after(*from, "PATH=");
    if (value) path = value;
    *to++ = *from;
  }
  *to = 0;
  return path;
}

/* -> the index of the word "--" behind flags and before a command; 0: that is not how it is called. */
static i64 findCommand(char *const *argv, i64 argc, struct init_flags *flags) {
  i64 at = 1;
  while (at < argc && !textEqual(argv[at], "--")) at++;
  return at + 1 < argc && initFlagsRead(argv + 1, at - 1, flags) ? at : 0;
}

void entrypointRun(u64 *stack, u64 mask, u64 start, u64 end) {
  struct init_flags flags;
  struct request request;
  i64 argc = (i64)stack[0];
  char **argv = (char **)(stack + 1);
  char **environment = argv + argc + 1;
  i64 at = findCommand(argv, argc, &flags);
  if (at == 0 || asksForMore(environment)) return;

  if (end > start) syscall2(SYS_MUNMAP, start, end - start);
  requestClear(&request);
  request.spawn_id = SPAWN_ID;
  request.argv = argv + at + 1;
  request.argc = (u32)(argc - at - 1);
  request.envp = environment;
  request.path = request.argv[0];
  request.path_dirs = narrowEnvironment(environment);
  request.init = flags.init;
  request.grace_ms = GRACE_MS;
  request.flags = REEVE_F_PATH_SEARCH | REEVE_F_KEEP_FDS | REEVE_F_JOB | flags.request;
  if (!flags.single) {
    request.flags |= REEVE_F_FORWARD_GROUP | REEVE_F_STOP_ORPHANS | (terminalIs(0) ? REEVE_F_FOREGROUND : REEVE_F_SETSID);
  }
  request.blocked = mask;
  request.ignored = signalsDefault();
  initEnd(&request, initSpare());
}
