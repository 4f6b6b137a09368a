/* library_test.c: the library's functions against the real kernel, in a program with threads of its own, as
 * the runtime has.
 *
 * usage: library_test HELPER
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "reeve.h"

static int helper;

static int request(const char *program, const char *argument, int report_fd) {
  u8 bytes[4096] = {0};
  u32 size = 24;
  struct reeve_header header = {REEVE_MAGIC, 0, 5, REEVE_F_SETSID, report_fd};
  const struct {
    u32 tag;
    const char *text;
  } records[] = {{REEVE_T_ARG, program}, {REEVE_T_ARG, argument}, {REEVE_T_PATH, program}};
  for (u32 i = 0; i < 3; i++) {
    u32 length = (u32)strlen(records[i].text) + 1;
    bytes[size] = (u8)records[i].tag;
    memcpy(bytes + size + 4, &length, 4);
    memcpy(bytes + size + 8, records[i].text, length);
    size += 8 + ((length + 7u) & ~7u);
  }
  header.size = size;
  memcpy(bytes, &header, sizeof header);
  int fd = (int)reeve_memfd("request", 1);
  CHECK(fd >= 0);
  CHECK_EQUAL(reeve_write(fd, bytes, size), size);
  return fd;
}

/* One child by the library, until it is reaped. -> wait status */
static int spawnAndWait(const char *program, const char *argument, int report_fd) {
  i32 out[3] = {0};
  i32 keep[1] = {report_fd};
  int fd = request(program, argument, report_fd);
  CHECK_EQUAL(reeve_spawn(helper, fd, keep, report_fd >= 0 ? 1 : 0, out), 0);
  CHECK(out[0] > 1 && out[1] >= 0);
  CHECK(fcntl(out[1], F_GETFD) & FD_CLOEXEC);
  CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC); /* only the child's copy was opened to the exec */
  struct pollfd wait = {out[1], POLLIN, 0};
  while (poll(&wait, 1, 10000) < 0) CHECK(errno == EINTR);
  CHECK(wait.revents & POLLIN);
  i32 dead[3] = {0};
  CHECK_EQUAL(reeve_peek_child(dead), 1);
  CHECK_EQUAL(dead[0], out[0]);
  CHECK_EQUAL(reeve_peek_child(dead), 1); /* looking does not reap */
  i32 reaped[2] = {0};
  CHECK_EQUAL(reeve_reap(out[0], reaped), 1);
  CHECK_EQUAL(reaped[0], out[0]);
  CHECK_EQUAL(reeve_peek_child(dead), -ECHILD);
  CHECK_EQUAL(reeve_pidfd_signal(out[1], 0), -ESRCH);
  close(out[1]);
  close(fd);
  return reaped[1];
}

static void testSpawn(void) {
  int status = spawnAndWait("/bin/sh", "-c", -1); /* sh -c without a command: 2 */
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 2);
  i32 ends[2];
  CHECK_EQUAL(reeve_pipe(ends, O_CLOEXEC), 0);
  status = spawnAndWait("/nonexistent", "x", ends[1]);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 127);
  struct reeve_report report;
  CHECK_EQUAL(reeve_read(ends[0], &report, sizeof report), sizeof report);
  CHECK(report.spawn_id == 5 && report.stage == REEVE_S_EXEC && report.error == ENOENT);
  close(ends[0]);
  close(ends[1]);
}

static void testSpawnFails(void) {
  i32 out[3];
  i32 closed[1] = {900};
  int fd = request("/bin/true", "x", -1);
  int not_a_program = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
  CHECK_EQUAL(reeve_spawn(not_a_program, fd, NULL, 0, out), -EACCES);
  CHECK_EQUAL(reeve_spawn(helper, fd, closed, 1, out), -EBADF);
  CHECK_EQUAL(reeve_spawn(helper, 900, NULL, 0, out), -EBADF);
  CHECK_EQUAL(reeve_spawn(-1, fd, NULL, 0, out), -EBADF);
  CHECK_EQUAL(reeve_spawn(helper, fd, NULL, 1, out), -EINVAL);
  CHECK_EQUAL(reeve_peek_child(out), -ECHILD); /* nothing is left behind */
  sigset_t mask;
  CHECK(pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0 && sigismember(&mask, SIGTERM) == 0);
  close(not_a_program);
  close(fd);
}

static void *spawnMany(void *unused) {
  (void)unused;
  for (int i = 0; i < 100; i++) {
    i32 out[2], reaped[2] = {0, 0};
    int fd = request("/bin/true", "x", -1);
    CHECK_EQUAL(reeve_spawn(helper, fd, NULL, 0, out), 0);
    struct pollfd wait = {out[1], POLLIN, 0};
    while (poll(&wait, 1, 10000) < 0) CHECK(errno == EINTR);
    CHECK_EQUAL(reeve_reap(out[0], reaped), 1);
    CHECK_EQUAL(reaped[1], 0);
    close(out[1]);
    close(fd);
  }
  return NULL;
}

static void testThreads(void) {
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, spawnMany, NULL) == 0);
  for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

static u64 nextToken(int fd) {
  u64 token = 0;
  CHECK_EQUAL(reeve_read(fd, &token, sizeof token), sizeof token);
  return token;
}

static void testWatch(void) {
  i32 ends[2], events[2];
  int epfd = (int)reeve_epoll();
  CHECK(epfd >= 0);
  CHECK(reeve_pipe(events, O_CLOEXEC) == 0 && reeve_pipe(ends, O_CLOEXEC) == 0);
  CHECK_EQUAL(reeve_watch_start(epfd, events[1]), 0);
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    for (;;) pause();
  }
  int pidfd = (int)reeve_pidfd_open(pid);
  CHECK_EQUAL(reeve_watch_add(epfd, pidfd, 0xfedcba9876543210ul), 0);
  CHECK_EQUAL(reeve_watch_add(epfd, ends[0], 7), 0);
  CHECK_EQUAL(reeve_pidfd_signal(pidfd, SIGKILL), 0);
  CHECK(nextToken(events[0]) == 0xfedcba9876543210ul);
  CHECK(waitpid(pid, NULL, 0) == pid);
  for (int i = 0; i < 1000; i++) { /* one event each time it is armed, although the byte stays */
    if (i) CHECK_EQUAL(reeve_watch_again(epfd, ends[0], 7 + (u64)i), 0);
    else CHECK_EQUAL(reeve_write(ends[1], "x", 1), 1);
    CHECK(nextToken(events[0]) == 7 + (u64)i);
  }
  struct pollfd quiet = {events[0], POLLIN, 0};
  CHECK(poll(&quiet, 1, 0) == 0);
  CHECK_EQUAL(reeve_watch_remove(epfd, ends[0]), 0);
  CHECK_EQUAL(reeve_watch_remove(epfd, ends[0]), -ENOENT);
  close(pidfd);
}

static void testRefusals(void) {
  i32 out[3];
  u64 pair[2] = {1, 1};
  CHECK_EQUAL(reeve_kill(0, SIGTERM), -EINVAL);
  CHECK_EQUAL(reeve_kill(1, 0), -EINVAL);
  CHECK_EQUAL(reeve_kill(-1, 0), -EINVAL);
  CHECK_EQUAL(reeve_kill(getpid(), 65), -EINVAL);
  CHECK_EQUAL(reeve_kill_group(0, 0), -EINVAL);
  CHECK_EQUAL(reeve_kill_group(1, 0), -EINVAL);
  CHECK_EQUAL(reeve_kill_group(-5, 0), -EINVAL);
  CHECK_EQUAL(reeve_reap(0, out), -EINVAL);
  CHECK_EQUAL(reeve_reap(-1, out), -EINVAL);
  CHECK_EQUAL(reeve_pidfd_open(0), -EINVAL);
  CHECK_EQUAL(reeve_pidfd_signal(-1, 0), -EBADF);
  CHECK_EQUAL(reeve_rlimit(16, 0, pair), -EINVAL);
  CHECK_EQUAL(reeve_umask(01000), -EINVAL);
  CHECK_EQUAL(reeve_sigmask(3, 0), -EINVAL);
  CHECK_EQUAL(reeve_notify("relative", "x", 1), -EINVAL);
  CHECK_EQUAL(reeve_notify("/", "x", 1), -EINVAL);
  CHECK_EQUAL(reeve_kill(getpid(), 0), 0);
}

static void testProcess(void) {
  u64 limit[2] = {0, 0};
  CHECK(reeve_rlimit(7, 0, limit) == 0 && limit[0] > 0 && limit[0] <= limit[1]);
  limit[0]--;
  CHECK_EQUAL(reeve_rlimit(7, 1, limit), 0);
  u64 again[2] = {0, 0};
  CHECK(reeve_rlimit(7, 0, again) == 0 && again[0] == limit[0]);
  umask(027);
  CHECK_EQUAL(reeve_umask(-1), 027);
  CHECK_EQUAL(reeve_umask(022), 027);
  i64 time[2];
  CHECK(reeve_clock(1, time) == 0 && time[0] > 0 && time[1] >= 0);
  CHECK_EQUAL(reeve_getpgid(0), getpgrp());
  CHECK_EQUAL(reeve_sigmask(0, 1ul << (SIGUSR2 - 1)), 0);
  sigset_t mask;
  CHECK(pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0 && sigismember(&mask, SIGUSR2) == 1);
  CHECK_EQUAL(reeve_sigmask(1, 1ul << (SIGUSR2 - 1)), 0);
}

static void testFiles(void) {
  char directory[] = "/tmp/reeve-library-XXXXXX";
  CHECK(mkdtemp(directory) != NULL);
  int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int fd = (int)reeve_openat(dir, "file", O_WRONLY | O_CREAT | O_EXCL, 0640, 0);
  CHECK(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
  CHECK_EQUAL(reeve_write(fd, "12345", 5), 5);
  u64 out[10];
  struct stat wanted;
  CHECK(reeve_stat(fd, "", 1, out) == 0 && fstat(fd, &wanted) == 0);
  CHECK(out[0] == wanted.st_mode && out[1] == wanted.st_uid && out[2] == wanted.st_gid && out[3] == 5);
  CHECK(out[4] == wanted.st_ino && out[5] == wanted.st_dev && out[8] == 1 && out[9] != 0);
  CHECK((i64)out[6] == wanted.st_mtim.tv_sec && (i64)out[7] == wanted.st_mtim.tv_nsec);
  CHECK(symlinkat("file", dir, "link") == 0 && symlinkat("/etc", dir, "out") == 0);
  CHECK(reeve_stat(dir, "link", 0, out) == 0 && S_ISLNK(out[0]) && out[9] == 0);
  CHECK(reeve_stat(dir, "link", 1, out) == 0 && S_ISREG(out[0]));
  CHECK_EQUAL(reeve_openat(dir, "out/passwd", O_RDONLY, 0, 0x08 /* RESOLVE_BENEATH */), -EXDEV);
  CHECK_EQUAL(reeve_openat(dir, "link", O_RDONLY, 0, 0x04 /* RESOLVE_NO_SYMLINKS */), -ELOOP);
  CHECK_EQUAL(reeve_openat(dir, "../../etc/passwd", O_RDONLY, 0644, 0x10 /* RESOLVE_IN_ROOT */), -ENOENT);
  CHECK_EQUAL(reeve_renameat(dir, "file", "other"), 0);
  CHECK_EQUAL(reeve_flock(fd, 2 | 4), 0);
  CHECK_EQUAL(reeve_unlinkat(dir, "file", 0), -ENOENT);
  CHECK(reeve_unlinkat(dir, "other", 0) == 0 && reeve_unlinkat(dir, "link", 0) == 0);
  CHECK(reeve_unlinkat(dir, "out", 0) == 0 && rmdir(directory) == 0);
  CHECK(reeve_close(fd) == 0 && reeve_close(dir) == 0);
  CHECK_EQUAL(reeve_close(fd), -EBADF);
}

static void testDescriptors(void) {
  int fd = (int)reeve_memfd("sealed", 1 | 2);
  CHECK(fd >= 0 && reeve_write(fd, "x", 1) == 1);
  CHECK_EQUAL(reeve_seal(fd), 0);
  CHECK_EQUAL(reeve_write(fd, "x", 1), -EPERM);
  CHECK(mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) != MAP_FAILED); /* as the helper maps it */
  CHECK_EQUAL(reeve_dup3(fd, 90, O_CLOEXEC), 90);
  CHECK(reeve_cloexec(90, 0) == 0 && fcntl(90, F_GETFD) == 0);
  CHECK(reeve_nonblock(90, 1) == 0 && (fcntl(90, F_GETFL) & O_NONBLOCK));
  CHECK(reeve_nonblock(90, 0) == 0 && !(fcntl(90, F_GETFL) & O_NONBLOCK));
  close(90);
  close(fd);
}

static void testSockets(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char name[64];
  i32 peer[3];
  int pair[2], notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  snprintf(name, sizeof name, "@reeve-library-test-%d", (int)getpid());
  memcpy(address.sun_path, name, strlen(name));
  address.sun_path[0] = 0;
  CHECK(bind(notify, (struct sockaddr *)&address, (socklen_t)(sizeof address.sun_family + strlen(name))) == 0);
  CHECK_EQUAL(reeve_notify(name, "READY=1", 7), 7);
  char text[16];
  CHECK(recv(notify, text, sizeof text, 0) == 7 && memcmp(text, "READY=1", 7) == 0);
  CHECK_EQUAL(reeve_notify("/nonexistent/socket", "x", 1), -ENOENT);
  CHECK_EQUAL(reeve_datagram_socket(name), -EADDRINUSE);
  CHECK_EQUAL(reeve_datagram_socket("relative"), -EINVAL);
  name[1] = 'R';
  i64 receiver = reeve_datagram_socket(name);
  CHECK(receiver >= 0);
  CHECK_EQUAL(reeve_read((i32)receiver, text, sizeof text), -EAGAIN);
  CHECK_EQUAL(reeve_notify(name, "packet", 6), 6);
  CHECK(reeve_read((i32)receiver, text, sizeof text) == 6 && memcmp(text, "packet", 6) == 0);
  CHECK(fcntl((int)receiver, F_GETFD) == FD_CLOEXEC);
  CHECK_EQUAL(reeve_close((i32)receiver), 0);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  CHECK_EQUAL(reeve_peercred(pair[0], peer), 0);
  CHECK(peer[0] == getpid() && peer[1] == (i32)getuid() && peer[2] == (i32)getgid());
  gid_t own[64];
  u32 groups[64];
  int count = getgroups(64, own);
  CHECK_EQUAL(reeve_peergroups(pair[0], groups, 64), count);
  for (int i = 0; i < count; i++) CHECK(groups[i] == own[i]);
  if (count > 0) CHECK_EQUAL(reeve_peergroups(pair[0], groups, 0), -ERANGE);
  CHECK_EQUAL(reeve_peergroups(pair[0], groups, 0x10001), -EINVAL);
  close(pair[0]);
  close(pair[1]);
  close(notify);
}

/* In a child: this process turns into another program and must keep what it was told to. */
static void testExecSelf(void) {
  i32 ends[2];
  CHECK_EQUAL(reeve_pipe(ends, O_CLOEXEC), 0);
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    i32 keep[2] = {ends[1], 900};
    char script[128];
    snprintf(script, sizeof script, "echo $ONE-$0 >&%d; kill -USR1 $$; exit 3", ends[1]);
    char argv[256] = "sh";
    int length = 3 + sprintf(argv + 3, "-c") + 1;
    length += sprintf(argv + length, "%s", script) + 1;
    sprintf(argv + length, "name");
    CHECK_EQUAL(reeve_exec_self(-1, "/nonexistent", argv, "ONE=1\0", keep, 1, 0), -ENOENT);
    CHECK_EQUAL(reeve_exec_self(-1, "/bin/sh", argv, "ONE=1\0", keep, 2, 0), -EBADF);
    CHECK_EQUAL(reeve_exec_self(-1, "/bin/sh", "", "", keep, 0, 0), -EINVAL);
    CHECK(fcntl(ends[1], F_GETFD) & FD_CLOEXEC); /* as before */
    sigset_t mask;
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0 && sigismember(&mask, SIGUSR1) == 0);
    reeve_exec_self(-1, "/bin/sh", argv, "ONE=1\0", keep, 1, 1ul << (SIGUSR1 - 1));
    _exit(99);
  }
  int status = 0;
  char text[32] = "";
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3); /* USR1 was blocked, and stayed so */
  CHECK_EQUAL(reeve_read(ends[0], text, sizeof text), 7);
  CHECK(memcmp(text, "1-name\n", 7) == 0);
  close(ends[0]);
  close(ends[1]);
}

static void testBecomeInit(void) {
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    int fd = request("/bin/sh", "-c", -1);
    i32 closed[2] = {fd, 900};
    CHECK_EQUAL(reeve_become_init(helper, fd, closed, 2), -EBADF);
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    int not_a_program = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    CHECK_EQUAL(reeve_become_init(not_a_program, fd, NULL, 0), -EACCES);
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    reeve_become_init(helper, fd, NULL, 0);
    _exit(99);
  }
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 2);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  helper = open(argv[1], O_RDONLY | O_CLOEXEC);
  CHECK(helper >= 0);
  testSpawn();
  testSpawnFails();
  testRefusals();
  testProcess();
  testFiles();
  testDescriptors();
  testSockets();
  testExecSelf();
  testBecomeInit();
  testThreads();
  testWatch(); /* last: its thread stays */
  puts("all as it should be");
  return 0;
}
