/* enter_test.c: what reeve_spawn_in believes of those whom it sends into a PID namespace. This program is
 * their helper as well, and does what somebody hostile, or the kernel when memory is short, could have it do.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "reeve.h"

enum { OUTSIDE = 0, BETWEEN = 1, NEWPID = 0x20000000 };

static void say(int talk, unsigned speaker, int word) {
  struct { unsigned speaker; int word; } message = {speaker, word};
  if (write(talk, &message, sizeof message) != sizeof message) _exit(1);
}

/* A sibling; waits for the end of the talk. */
static int makeSibling(int talk) {
  int pid = (int)syscall(SYS_clone, CLONE_PARENT, 0, 0, 0, 0);
  char byte;
  if (pid != 0) return pid;
  prctl(PR_SET_PTRACER, -1, 0, 0, 0);
  _exit(read(talk, &byte, 1) == 1 ? 0 : 125);
}

/* Traces `pid`, so that nobody else can have even its zombie, for as long as anybody waits for a word. */
static void holdTraced(int pid, int talk) {
  int ends[2];
  char byte;
  if (pipe(ends) < 0) _exit(1);
  if (fork() == 0) {
    setpgid(0, 0);
    close(ends[0]);
    if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0) _exit(1);
    close(ends[1]);
    _exit(read(talk, &byte, 1) == 0 ? 0 : 1);
  }
  close(ends[1]);
  if (read(ends[0], &byte, 1) != 0) _exit(1);
}

static int actHelper(char **argv) {
  int talk = atoi(argv[4]);
  struct { char what; int other; } request;
  if (pread(atoi(argv[1]), &request, sizeof request, 0) != sizeof request) return 1;
  char what = request.what;
  if (setpgid(0, 0) != 0) return 1;
  int pid = makeSibling(talk);
  if (what == 'h' && (kill(pid, SIGSTOP) != 0 || kill(makeSibling(talk), SIGSTOP) != 0)) return 1;
  if (what == 'd') raise(SIGKILL); /* before it has said a word */
  if (what == 't') holdTraced(pid, talk);
  say(talk, OUTSIDE, pid);
  if (what == 'p') say(talk, BETWEEN, 1);
  if (what == 'o') say(talk, BETWEEN, request.other);
  if (what == 's') say(talk, BETWEEN, pid);
  if (what == 'n') say(talk, BETWEEN, makeSibling(talk));
  if (what == 'e') say(talk, BETWEEN, -ENOSPC);
  return 0;
}

/* Another child of this process, of which a lie may speak. */
static int other;

static i64 start(char what, unsigned long flags, int *out) {
  struct { char what; int other; } content = {what, other};
  int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  int request = (int)syscall(SYS_memfd_create, "request", 1);
  if (self < 0 || write(request, &content, sizeof content) != sizeof content) exit(1);
  i64 result = reeve_spawn_in(self, request, NULL, 0, 0, request, flags, out);
  close(request);
  close(self);
  return result;
}

/* Where it hangs, all signals that can be are blocked. */
static void limitTime(void) {
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
  struct itimerspec limit = {.it_value = {.tv_sec = 20}};
  timer_t timer;
  CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &limit, NULL) == 0);
}

/* Waits until none is left. -> how many there were */
static int reapRest(void) {
  int count = 0;
  while (wait(NULL) > 0) count++;
  return count;
}

int main(int argc, char **argv) {
  int out[2];
  int status = 0;
  if (argc == 6 && strcmp(argv[0], "reeve-enter") == 0) return actHelper(argv);
  limitTime();

  CHECK(start('g', 0, out) == 0);
  CHECK(out[0] > 0 && waitpid(out[0], &status, 0) == out[0] && status == 0);

  CHECK(start('g', 0, out) == 0 && getpgid(out[0]) == getpgrp());
  CHECK(waitpid(out[0], &status, 0) == out[0]);

  /* Whom it made would hold the talk open for ever. */
  CHECK(start('d', 0, out) == -ESRCH);
  CHECK(out[0] == 0 && out[1] == -1);
  CHECK(reapRest() == 0);

  CHECK(start('n', NEWPID, out) == 0);
  CHECK(out[0] > 0 && waitpid(out[0], &status, 0) == out[0] && status == 0);
  CHECK(start('e', NEWPID, out) == -ENOSPC);
  /* What is no child of ours is nobody to signal; nor is the one that was just killed. */
  CHECK(start('p', NEWPID, out) == -ESRCH);
  CHECK(start('s', NEWPID, out) == -ESRCH);
  other = fork();
  if (other == 0) for (;;) pause();
  CHECK(start('o', NEWPID, out) == -ESRCH);
  CHECK(getpgid(other) == getpgrp() && waitpid(other, &status, WNOHANG) == 0);
  CHECK(kill(other, SIGKILL) == 0 && waitpid(other, &status, 0) == other);
  CHECK(reapRest() == 0);

  /* Both stopped, and of the second nobody has told: a refused start leaves no child behind. */
  CHECK(start('h', NEWPID, out) == -EAGAIN);
  CHECK(reapRest() == 0);

  CHECK(start('t', NEWPID, out) == -EAGAIN);
  CHECK(reapRest() == 1);
  puts("all as it should be");
  return 0;
}
