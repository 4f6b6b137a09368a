/* inside: what stands for reeve while the end-to-end tests run on a root. Takes the place of $REEVE beside
 * the directory "root", on which set_up.sh has mounted one, and "tmp", which the tests use: makes a mount
 * namespace of its own, turns that root into its root with a /proc of its own PID namespace, and becomes
 * /reeve in it. The same process all the way, so that a test may start, limit, stop and kill it as it would
 * reeve. The host's root goes to /.host, where the doors find it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static void need(int result, const char *what) {
  if (result >= 0) return;
  fprintf(stderr, "inside: %s: %s\n", what, strerror(errno));
  exit(99);
}

int main(int argc, char **argv) {
  char path[PATH_MAX], shared[PATH_MAX], directory[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 8);
  if (argc < 1 || length <= 0) return 99;
  path[length] = 0;
  *strrchr(path, '/') = 0;
  strcat(strcpy(shared, path), "/tmp");
  strcat(path, "/root");
  if (!getcwd(directory, sizeof directory)) strcpy(directory, "/");

  need(unshare(CLONE_NEWNS), "unshare");
  /* What is mounted here stays here; what the test mounts in its directory is seen. */
  need(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "let no mount out");
  need(chdir(path), path);
  need(mount("proc", "proc", "proc", 0, NULL), "mount /proc");
  need(mount(shared, shared + 1, NULL, MS_BIND | MS_REC, NULL), shared); /* the same path, below the root */
  need((int)syscall(SYS_pivot_root, ".", ".host"), "pivot_root");
  need(chroot("/"), "chroot");
  if (chdir(directory) != 0) need(chdir("/"), "chdir /");
  argv[0] = "/reeve";
  execv(argv[0], argv);
  perror(argv[0]);
  return 97;
}
