/* terminal_test.c: the role init and the terminal, played through with a pseudo-terminal and a shell in small
 * that has job control. The tester types at the master side; every step waits for what it must bring about.
 *
 * usage: terminal_test HELPER
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "reeve.h"

enum { CHILD_STATUS = 42, WAIT_MS = 20000 };

static const char *self_path;
static const char *helper_path;

/* ---- the program that init runs */

static int inForeground(void) { return tcgetpgrp(0) == getpgrp(); }
static void interrupted(int number) { (void)number; _exit(CHILD_STATUS); }
static void continued(int number) {
  char text[32];
  (void)number;
  int length = snprintf(text, sizeof text, "continued fg=%d\n", inForeground());
  if (write(1, text, (size_t)length) != length) _exit(1);
}

__attribute__((noreturn)) static void child(void) {
  signal(SIGINT, interrupted);
  signal(SIGCONT, continued);
  printf("ready fg=%d\n", inForeground());
  fflush(stdout);
  for (;;) pause();
}

/* ---- starting init */

static int makeRequest(void) {
  u8 bytes[4096] = {0};
  struct reeve_header header = {REEVE_MAGIC, 0, 1, REEVE_F_FOREGROUND | REEVE_F_FORWARD_GROUP | REEVE_F_STOP_ORPHANS, -1};
  const struct {
    u32 tag;
    const char *text;
  } records[] = {{REEVE_T_ARG, "terminal_test"}, {REEVE_T_ARG, "child"}, {REEVE_T_PATH, self_path}};
  u32 size = sizeof header;
  for (u32 i = 0; i < 3; i++) {
    u32 length = (u32)strlen(records[i].text) + 1;
    bytes[size] = (u8)records[i].tag;
    memcpy(bytes + size + 4, &length, 4);
    memcpy(bytes + size + 8, records[i].text, length);
    size += 8 + ((length + 7u) & ~7u);
  }
  for (int fd = 0; fd < 3; fd++) {
    int pair[2] = {fd, fd};
    bytes[size] = REEVE_T_FD;
    bytes[size + 4] = 8;
    memcpy(bytes + size + 8, pair, 8);
    size += 16;
  }
  header.size = size;
  memcpy(bytes, &header, sizeof header);
  int fd = memfd_create("request", 0);
  CHECK(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
  return fd;
}

__attribute__((noreturn)) static void becomeHelper(void) {
  char number[12];
  snprintf(number, sizeof number, "%d", makeRequest());
  execl(helper_path, "reeve-init", number, (char *)NULL);
  _exit(120);
}

/* ---- the two sides */

struct stage {
  int master;
  int from_shell; /* lines of what the shell sees */
  int to_shell;   /* a byte lets it go on */
  pid_t shell;
};

static void expectText(int fd, const char *wanted) {
  char text[4096] = "";
  size_t used = 0;
  while (!strstr(text, wanted)) {
    struct pollfd ready = {fd, POLLIN, 0};
    int count = poll(&ready, 1, WAIT_MS);
    if (count < 0 && errno == EINTR) continue;
    ssize_t got = count > 0 ? read(fd, text + used, sizeof text - 1 - used) : -1;
    if (got <= 0) {
      fprintf(stderr, "waited in vain for \"%s\" after \"%s\"\n", wanted, text);
      exit(1);
    }
    used += (size_t)got;
    text[used] = 0;
  }
}

/* Runs `shell` as the leader of a session whose controlling terminal is a new one. */
static struct stage play(void (*shell)(int report, int go)) {
  struct stage stage;
  int report[2], go[2];
  stage.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  CHECK(stage.master >= 0 && grantpt(stage.master) == 0 && unlockpt(stage.master) == 0);
  char *name = ptsname(stage.master);
  CHECK(name && pipe2(report, O_CLOEXEC) == 0 && pipe2(go, O_CLOEXEC) == 0);
  stage.shell = fork();
  CHECK(stage.shell >= 0);
  if (stage.shell == 0) {
    CHECK(setsid() > 0);
    int slave = open(name, O_RDWR); /* becomes the controlling terminal */
    CHECK(slave >= 0);
    for (int fd = 0; fd < 3; fd++) CHECK(dup2(slave, fd) == fd);
    if (slave > 2) close(slave);
    signal(SIGTTOU, SIG_IGN);
    signal(SIGTTIN, SIG_IGN);
    signal(SIGTSTP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    shell(report[1], go[0]);
    exit(0);
  }
  close(report[1]);
  close(go[0]);
  stage.from_shell = report[0];
  stage.to_shell = go[1];
  return stage;
}

static void end(struct stage *stage) {
  int status = 0;
  CHECK(waitpid(stage->shell, &status, 0) == stage->shell && status == 0);
  close(stage->master);
  close(stage->from_shell);
  close(stage->to_shell);
}

static void type(struct stage *stage, char key) { CHECK(write(stage->master, &key, 1) == 1); }
static void letGo(struct stage *stage) { CHECK(write(stage->to_shell, "x", 1) == 1); }
static void waitForGo(int go) {
  char byte;
  CHECK(read(go, &byte, 1) == 1);
}

static pid_t startJob(int foreground) {
  pid_t job = fork();
  CHECK(job >= 0);
  if (job == 0) {
    setpgid(0, 0);
    if (foreground) tcsetpgrp(0, getpgrp());
    signal(SIGTTOU, SIG_DFL);
    signal(SIGTTIN, SIG_DFL);
    signal(SIGTSTP, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    becomeHelper();
  }
  setpgid(job, job);
  return job;
}

static void tellStatus(int report, pid_t job) {
  int status = 0;
  CHECK(waitpid(job, &status, WUNTRACED) == job);
  if (WIFSTOPPED(status)) dprintf(report, "stopped by %d.", WSTOPSIG(status));
  else dprintf(report, "exit %d fg=%d.", WIFEXITED(status) ? WEXITSTATUS(status) : -1, tcgetpgrp(0) == job);
}

/* ---- the plays */

static void jobShell(int report, int go) {
  pid_t job = startJob(1);
  tellStatus(report, job);
  tcsetpgrp(0, getpgrp()); /* the prompt */
  waitForGo(go);
  tcsetpgrp(0, job); /* fg */
  CHECK(kill(-job, SIGCONT) == 0);
  tellStatus(report, job);
  waitForGo(go);
  tcsetpgrp(0, getpgrp());
}

static void testStopAndContinue(void) {
  struct stage stage = play(jobShell);
  expectText(stage.master, "ready fg=1");
  type(&stage, 0x1a); /* ^Z */
  expectText(stage.from_shell, "stopped by 20.");
  letGo(&stage);
  expectText(stage.master, "continued fg=1");
  type(&stage, 0x03); /* ^C */
  expectText(stage.from_shell, "exit 42 fg=1."); /* the terminal is init's again */
  letGo(&stage);
  end(&stage);
}

static void backgroundShell(int report, int go) {
  pid_t job = startJob(0);
  waitForGo(go);
  dprintf(report, "mine=%d.", tcgetpgrp(0) == getpgrp());
  CHECK(kill(job, SIGTERM) == 0);
  tellStatus(report, job);
}

static void testBackground(void) {
  struct stage stage = play(backgroundShell);
  expectText(stage.master, "ready fg=0");
  letGo(&stage);
  expectText(stage.from_shell, "mine=1.exit 143"); /* one look: both may come at once */
  end(&stage);
}

/* A session without a terminal of its own; fd 0 is a new one that nobody has. */
static void testTerminalOfNobody(void) {
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
  char *name = ptsname(master);
  pid_t pid = fork();
  CHECK(name && pid >= 0);
  if (pid == 0) {
    CHECK(setsid() > 0);
    int slave = open(name, O_RDWR | O_NOCTTY);
    CHECK(slave >= 0);
    for (int fd = 0; fd < 3; fd++) CHECK(dup2(slave, fd) == fd);
    if (slave > 2) close(slave);
    becomeHelper();
  }
  expectText(master, "ready fg=1");
  CHECK(write(master, "\3", 1) == 1);
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
  CHECK_EQUAL(WEXITSTATUS(status), CHILD_STATUS);
  close(master);
}

static void strangerShell(int report, int go) {
  pid_t job = fork();
  CHECK(job >= 0);
  if (job == 0) {
    CHECK(setsid() > 0);
    becomeHelper();
  }
  waitForGo(go);
  dprintf(report, "mine=%d.", tcgetpgrp(0) == getpgrp());
  CHECK(kill(job, SIGTERM) == 0);
  int status = 0;
  CHECK(waitpid(job, &status, 0) == job);
  dprintf(report, "exit %d.", WEXITSTATUS(status));
}

static void testTerminalOfAnother(void) {
  struct stage stage = play(strangerShell);
  expectText(stage.master, "ready fg=0");
  letGo(&stage);
  expectText(stage.from_shell, "mine=1.exit 143.");
  end(&stage);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  if (strcmp(argv[1], "child") == 0) child();
  alarm(120);
  self_path = "/proc/self/exe";
  static char path[4096];
  ssize_t length = readlink(self_path, path, sizeof path - 1);
  CHECK(length > 0);
  self_path = path;
  helper_path = argv[1];
  testStopAndContinue();
  testBackground();
  testTerminalOfNobody();
  testTerminalOfAnother();
  puts("all as it should be");
  return 0;
}
