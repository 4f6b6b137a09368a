/* enter_root [--pivot] [--inner] ROOT COMMAND...: runs COMMAND with ROOT as its root directory, in new mount
 * and PID namespaces, with nothing mounted but /proc (where ROOT has that directory) and, where ROOT has the
 * file, /dev/null. COMMAND is PID 1; with --inner it is a child of PID 1. With --pivot the root of the mount
 * namespace is changed, as container runtimes do, and not only the process's. HUP, TERM, INT and USR1 are
 * forwarded; the exit code is COMMAND's, 128 + n for a signal. All ends with it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile pid_t child;

static void forward(int number) {
  if (child > 0) kill(child, number);
}

static void need(int result, const char *what) {
  if (result >= 0) return;
  perror(what);
  exit(99);
}

static int wait_for(pid_t pid) {
  int status;
  pid_t ended;
  while ((ended = wait(&status)) != pid)
    if (ended < 0 && access("/", F_OK) < 0) return 99; /* EINTR: again */
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void forward_signals(void) {
  struct sigaction action = {.sa_handler = forward};
  int numbers[] = {SIGHUP, SIGTERM, SIGINT, SIGUSR1};
  for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) sigaction(numbers[i], &action, NULL);
}

int main(int argc, char **argv) {
  int pivot = 0, inner = 0;
  for (; argc > 1 && argv[1][0] == '-'; argc--, argv++) {
    pivot |= strcmp(argv[1], "--pivot") == 0;
    inner |= strcmp(argv[1], "--inner") == 0;
  }
  if (argc < 3) return 98;
  const char *root = argv[1];
  need(unshare(CLONE_NEWNS | CLONE_NEWPID), "unshare");
  need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make mounts private");
  forward_signals();
  child = fork();
  need(child, "fork");
  if (child > 0) return wait_for(child);

  prctl(PR_SET_PDEATHSIG, SIGKILL);
  need(mount(root, root, NULL, MS_BIND, NULL), "bind the root");
  need(chdir(root), "enter the root");
  if (access("dev/null", F_OK) == 0) need(mount("/dev/null", "dev/null", NULL, MS_BIND, NULL), "bind /dev/null");
  if (access("proc", F_OK) == 0) need(mount("proc", "proc", "proc", 0, NULL), "mount /proc");
  if (pivot) {
    need((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
    need(umount2(".", MNT_DETACH), "detach the old root");
  } else {
    need(chroot("."), "chroot");
  }
  need(chdir("/"), "chdir");
  if (inner) {
    child = fork();
    need(child, "fork");
    if (child > 0) return wait_for(child);
  }
  signal(SIGHUP, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  signal(SIGINT, SIG_DFL);
  signal(SIGUSR1, SIG_DFL);
  execv(argv[2], argv + 2);
  perror(argv[2]);
  return 97;
}
