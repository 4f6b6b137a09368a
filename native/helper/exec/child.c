/* child.c: the role exec: this process becomes the program of a request.
 *
 * Each step is one function that returns >= 0 or -errno; the table below is their order. Nothing is half
 * done: a step that fails ends the process with a report, and what follows it never runs.
 */
#include "helper/exec/child.h"

#include "helper/jail/confine.h"
#include "helper/exec/credentials.h"
#include "helper/exec/descriptors.h"
#include "common/execute.h"
#include "common/linux.h"
#include "common/memory.h"
#include "helper/exec/search.h"
#include "helper/exec/signals.h"
#include "helper/step.h"
#include "common/syscall.h"
#include "helper/exec/terminal.h"
#include "common/text.h"
#include "helper/exec/user_namespace.h"

enum { REPORT_TRIES = 8, REPORT_WAIT_MS = 250 };

i64 childLoad(i32 fd, struct request *request) {
  struct linux_statx file = {0};
  memset(request, 0, sizeof *request);
  request->report_fd = -1;
  i64 result = syscall5(SYS_STATX, A(fd), P(""), AT_EMPTY_PATH, STATX_BASIC_STATS, P(&file));
  if (result < 0) return result;
  if (file.size < sizeof(struct reeve_header) || file.size > REEVE_MAX_REQUEST) return -EBADMSG;
  i64 bytes = mapMemory(file.size, fd);
  syscall1(SYS_CLOSE, A(fd));
  if (bytes < 0) return bytes;
  result = requestCheck((u8 *)bytes, file.size, request);
  if (request->report_fd >= 0) syscall3(SYS_FCNTL, A(request->report_fd), F_SETFD, FD_CLOEXEC);
  if (result < 0) return result;
  i64 arena = mapMemory(requestArena(request), -1);
  if (arena < 0) return arena;
  requestFill((u8 *)bytes, file.size, request, (void *)arena);
  request->bytes = (u8 *)bytes;
  request->size = file.size;
  return 0;
}

void childUnload(struct request *request) {
  syscall2(SYS_MUNMAP, P(request->argv), requestArena(request));
  syscall2(SYS_MUNMAP, P(request->bytes), request->size);
}

void childReport(const struct request *request, u32 stage, i32 error) {
  struct reeve_report report = {request->spawn_id, stage, error, (i32)syscall0(SYS_GETPID),
                                request->state.detail};
  if (request->report_fd < 0) return;
  for (u32 i = 0; i < REPORT_TRIES; i++) {
    i64 written = syscall3(SYS_WRITE, A(request->report_fd), P(&report), sizeof report);
    if (written != -EAGAIN && written != -EINTR) return;
    /* many fail at once and the reader is behind */
    struct linux_pollfd poll = {request->report_fd, POLLOUT, 0};
    struct linux_timespec wait = {0, REPORT_WAIT_MS * 1000000l};
    syscall5(SYS_PPOLL, P(&poll), 1, P(&wait), 0, SIGNAL_SET_SIZE);
  }
}

static i64 stepSession(struct request *request) {
  if (request->flags & REEVE_F_FOREGROUND) return 0; /* depends on the terminal, see there */
  if (request->flags & REEVE_F_SETPGID) return syscall2(SYS_SETPGID, 0, 0);
  if (!(request->flags & REEVE_F_SETSID)) return 0;
  i64 result = syscall0(SYS_SETSID);
  /* a session leader already, as the first process of a container is */
  if (result == -EPERM && syscall1(SYS_GETSID, 0) == syscall0(SYS_GETPID)) return 0;
  return result;
}

static i64 stepTerminal(struct request *request) {
  if (!(request->flags & REEVE_F_FOREGROUND)) return 0;
  i32 fd = descriptorSource(request, 0);
  return fd < 0 ? -ENOTTY : terminalTake(fd);
}

static i64 stepChdir(struct request *request) {
  return request->chdir ? syscall1(SYS_CHDIR, P(request->chdir)) : 0;
}

/* RLIMIT_NOFILE waits until the descriptors are in their places, else a small limit would forbid moving them.
 */
static i64 setRlimits(const struct request *request, i32 nofile) {
  i64 result = 0;
  for (u32 i = 0; i < request->nrlimits && result >= 0; i++) {
    const struct request_rlimit *wanted = &request->rlimits[i];
    struct linux_rlimit limit = {wanted->soft, wanted->hard};
    if ((wanted->resource == RLIMIT_NOFILE) != nofile) continue;
    result = syscall4(SYS_PRLIMIT64, 0, wanted->resource, P(&limit), 0);
  }
  return result;
}

static i64 stepRlimits(struct request *request) { return setRlimits(request, 0); }
static i64 stepRlimitFiles(struct request *request) { return setRlimits(request, 1); }

static i64 stepCpus(struct request *request) {
  if (!request->cpus) return 0;
  return syscall3(SYS_SCHED_SETAFFINITY, 0, request->ncpu_bytes, P(request->cpus));
}

static i64 stepNice(struct request *request) {
  if (!requestHas(request, REEVE_T_NICE)) return 0;
  return syscall3(SYS_SETPRIORITY, 0, 0, A(request->nice));
}

static i64 stepOom(struct request *request) {
  struct text_line line;
  if (!requestHas(request, REEVE_T_OOM)) return 0;
  lineStart(&line);
  if (request->oom < 0) lineText(&line, "-");
  lineNumber(&line, (u64)(request->oom < 0 ? -request->oom : request->oom));
  i64 fd = syscall4(SYS_OPENAT, A(AT_FDCWD), P("/proc/self/oom_score_adj"), O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  i64 result = syscall3(SYS_WRITE, A(fd), P(line.bytes), line.used);
  syscall1(SYS_CLOSE, A(fd));
  return result;
}

static i64 stepUmask(struct request *request) {
  if (requestHas(request, REEVE_T_UMASK)) syscall1(SYS_UMASK, request->umask);
  return 0;
}

/* After the change of credentials, which clears it. A parent that is gone by now sends nothing any more.
 * Across PID namespaces getppid is 0, and its pipe tells. */
i64 childParentDeath(struct request *request) {
  if (requestHas(request, REEVE_T_PDEATHSIG)) {
    i64 result = syscall5(SYS_PRCTL, PR_SET_PDEATHSIG, request->pdeathsig, 0, 0, 0);
    if (result < 0) return result;
  }
  if (request->life_fd >= 0) return confineParentLives(request);
  if (requestHas(request, REEVE_T_PARENT) && syscall0(SYS_GETPPID) != request->parent) return -ESRCH;
  return 0;
}

i64 childWaitAtGate(struct request *request) {
  char word = 0;
  i64 count = 0;
  if (request->gate_fd < 0) return 0;
  i64 result = syscall5(SYS_PRCTL, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (result < 0) return result;
  while ((count = syscall3(SYS_READ, A(request->gate_fd), P(&word), 1)) == -EINTR) continue;
  syscall1(SYS_CLOSE, A(request->gate_fd));
  request->gate_fd = -1;
  if (count != 1) return count < 0 ? count : -ESRCH;
  if (requestHas(request, REEVE_T_PDEATHSIG)) return 0; /* it goes on until that one is set */
  return syscall5(SYS_PRCTL, PR_SET_PDEATHSIG, 0, 0, 0, 0);
}

static i64 stepNoNewPrivileges(struct request *request) {
  if (!(request->flags & REEVE_F_NO_NEW_PRIVS)) return 0;
  return syscall5(SYS_PRCTL, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* Returns only when it failed. */
static i64 stepExec(struct request *request) {
  if (request->flags & REEVE_F_NO_EXEC) exitProcess(0);
  signalsIgnore(request->ignored);
  syscall4(SYS_RT_SIGPROCMASK, SIG_SETMASK, P(&request->blocked), 0, SIGNAL_SET_SIZE);
  if (request->flags & REEVE_F_EXEC_FD) {
    return executeFile(request->exec_fd, request->argv, request->envp);
  }
  const char *file = request->path ? request->path : request->argv[0];
  if (request->flags & REEVE_F_PATH_SEARCH) {
    return searchExec(file, request->path_dirs, request->argv, request->envp);
  }
  return programExec(file, request->argv, request->envp);
}

/* Steps that need the host's /proc, or its rights over limits, come before the namespaces. */
static const struct step PREPARE[] = {
    {REEVE_S_SESSION, stepSession}, {REEVE_S_TERMINAL, stepTerminal}, {REEVE_S_RLIMIT, stepRlimits},
    {REEVE_S_CPUS, stepCpus},       {REEVE_S_NICE, stepNice},         {REEVE_S_OOM, stepOom},
};

/* The steps that a child of an init does itself: the rest was done by the init, and came down to it. */
static const struct step PREPARE_CONFINED[] = {
    {REEVE_S_SESSION, stepSession},
    {REEVE_S_TERMINAL, stepTerminal},
};

static const struct step FINISH[] = {
    {REEVE_S_CHDIR, stepChdir},
    {REEVE_S_FDS, descriptorsArrange},
    {REEVE_S_RLIMIT, stepRlimitFiles},
    {REEVE_S_USER_NAMESPACE, userNamespaceEnter},
    {REEVE_S_CAPS, capsBefore},
    {REEVE_S_GROUPS, groupsSet},
    {REEVE_S_GID, gidSet},
    {REEVE_S_UID, uidSet},
    {REEVE_S_CAPS, capsLower},
    {REEVE_S_VERIFY, credentialsVerify},
    {REEVE_S_CAPS, capsAfter},
    {REEVE_S_CAPS, stepUmask},
    {REEVE_S_PDEATHSIG, childParentDeath},
    {REEVE_S_NO_NEW_PRIVS, stepNoNewPrivileges},
    {REEVE_S_EXEC, stepExec},
};

i64 childPrepare(struct request *request, u32 *stage) {
  return stepsRun(PREPARE, STEPS_COUNT(PREPARE), request, stage);
}

static i64 becomeAll(struct request *request, i32 is_confined, u32 *stage) {
  i64 result = is_confined ? stepsRun(PREPARE_CONFINED, STEPS_COUNT(PREPARE_CONFINED), request, stage)
                           : childPrepare(request, stage);
  if (result >= 0 && !is_confined && confineWanted(request)) result = confine(request, stage);
  return result < 0 ? result : stepsRun(FINISH, STEPS_COUNT(FINISH), request, stage);
}

void childBecome(struct request *request, i32 is_confined) {
  u32 stage = REEVE_S_SPEC;
  i64 result = becomeAll(request, is_confined, &stage); /* the last step executes or fails */
  childReport(request, stage, (i32)-result);
  if (stage != REEVE_S_EXEC) exitProcess(125);
  exitProcess(result == -ENOENT ? 127 : 126);
}
