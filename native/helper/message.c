/* message.c: the few lines that the role init writes to stderr, for people. One write each, so that lines
 * stay whole. */
#include "helper/message.h"

#include "common/linux.h"
#include "common/syscall.h"
#include "common/text.h"

/* By number of enum reeve_stage. */
static const char *const STAGES[] = {
    "",       "request",    "signals", "session", "terminal",      "join namespaces", "mount",        "root",
    "chdir",  "rlimit",     "cpu affinity", "nice", "oom_score_adj", "descriptors",  "capabilities", "setgroups",
    "setgid", "setuid",     "verify credentials", "parent-death signal", "no_new_privs", "exec",
    "new namespaces", "hostname", "loopback", "user namespace", "shield of /proc and /sys",
};

/* The errors of a start in practice; others go by their number. */
static const struct {
  i32 error;
  const char *text;
} ERRORS[] = {
    {EPERM, "operation not permitted"},
    {ENOENT, "no such file or directory"},
    {ESRCH, "no such process"},
    {EIO, "input/output error"},
    {E2BIG, "argument list too long"},
    {ENOEXEC, "not a program (no #! line, or of another architecture)"},
    {EBADF, "bad file descriptor"},
    {EAGAIN, "resource temporarily unavailable (a limit of processes?)"},
    {ENOMEM, "cannot allocate memory"},
    {EACCES, "permission denied"},
    {ENOTDIR, "not a directory"},
    {EISDIR, "is a directory"},
    {EINVAL, "invalid argument"},
    {ENFILE, "too many open files in the system"},
    {EMFILE, "too many open files"},
    {ENOTTY, "not a terminal"},
    {ETXTBSY, "file is being written"},
    {ENAMETOOLONG, "file name too long"},
    {ENOSYS, "not known to this kernel"},
    {ELOOP, "too many symbolic links"},
    {EBADMSG, "malformed request"},
};

static void lineErrno(struct text_line *line, i32 error) {
  for (u32 i = 0; i < sizeof ERRORS / sizeof ERRORS[0]; i++) {
    if (ERRORS[i].error != error) continue;
    lineText(line, ERRORS[i].text);
    return;
  }
  lineText(line, "errno ");
  lineNumber(line, (u64)error);
}

/* PID 1 must not wait for whoever reads its stderr: a pipe that is full costs the line. Room for one that is
 * short is there whenever there is any. */
static i32 canWrite(i32 fd) {
  struct linux_timespec now = {0, 0};
  struct linux_pollfd poll = {fd, POLLOUT, 0};
  return syscall5(SYS_PPOLL, P(&poll), 1, P(&now), 0, SIGNAL_SET_SIZE) != 0;
}

static void writeLine(struct text_line *line) {
  if (line->used == sizeof line->bytes - 1) line->used--; /* a long path was cut: the line still ends */
  lineText(line, "\n");
  if (canWrite(2)) syscall3(SYS_WRITE, 2, P(line->bytes), line->used);
}

/* A name cannot end the line, nor close its quotes. */
static void lineShown(struct text_line *line, const char *text) {
  for (; *text; text++) {
    char byte[2] = {*text, 0};
    if ((u8)*text < 0x20 || *text == 0x7f || *text == '"') byte[0] = '?';
    lineText(line, byte);
  }
}

void messageCannotStart(const char *file, u32 stage, i32 error) {
  struct text_line line;
  lineStart(&line);
  lineText(&line, "reeve: cannot start \"");
  lineShown(&line, file);
  lineText(&line, "\": ");
  lineText(&line, stage < sizeof STAGES / sizeof STAGES[0] ? STAGES[stage] : "");
  lineText(&line, ": ");
  lineErrno(&line, error);
  writeLine(&line);
}

void messageErrno(const char *what, i32 error) {
  struct text_line line;
  lineStart(&line);
  lineText(&line, "reeve: ");
  lineText(&line, what);
  lineText(&line, ": ");
  lineErrno(&line, error);
  writeLine(&line);
}

void messageDeath(i32 signal, const char *what_now) {
  struct text_line line;
  lineStart(&line);
  lineText(&line, "reeve: the core died of signal ");
  lineNumber(&line, (u64)signal);
  lineText(&line, ", ");
  lineText(&line, what_now);
  writeLine(&line);
}

void messageStarted(const char *file, i32 pid) {
  struct text_line line;
  lineStart(&line);
  lineText(&line, "reeve: started \"");
  lineShown(&line, file);
  lineText(&line, "\" (pid ");
  lineNumber(&line, (u64)pid);
  lineText(&line, ")");
  writeLine(&line);
}

/* TEXT NUMBER REST */
static void messageNumber(const char *text, i32 number, const char *rest) {
  struct text_line line;
  lineStart(&line);
  lineText(&line, text);
  lineNumber(&line, (u64)number);
  lineText(&line, rest);
  writeLine(&line);
}

void messageSignal(i32 signal, i32 told) {
  struct text_line line;
  lineStart(&line);
  lineText(&line, "reeve: signal ");
  lineNumber(&line, (u64)signal);
  if (told == 0) {
    lineText(&line, " is not passed on");
  } else {
    lineText(&line, " is passed on");
    if (told != signal) {
      lineText(&line, " as ");
      lineNumber(&line, (u64)told);
    }
  }
  writeLine(&line);
}

void messageReaped(i32 pid) { messageNumber("reeve: reaped an orphan (pid ", pid, ")"); }
void messageEnded(i32 code) { messageNumber("reeve: the command ended with code ", code, ""); }
