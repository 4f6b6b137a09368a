/* door: stands in a root for a program that a test's daemon needs and the root does not have (memcached,
 * say). Started as /usr/bin/memcached it enters the host's own root, which is mounted at /.host, and becomes
 * the host's /usr/bin/memcached: same process, same arguments, same working directory. So reeve itself uses
 * nothing but the root's own files, and what it supervises is the real thing. Known by the path that it was
 * executed from: each door is a file of its own (a hard link), since a script's interpreter is told nothing
 * else.
 */
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
  char self[PATH_MAX], directory[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (argc < 1 || length <= 0) return 127;
  self[length] = 0;
  if (!getcwd(directory, sizeof directory)) directory[0] = 0; /* removed while it was in it */
  if (chroot("/.host") != 0) {
    perror("door: chroot /.host");
    return 127;
  }
  if (chdir(directory) != 0 && chdir("/") != 0) return 127;
  execv(self, argv);
  perror(self);
  return 127;
}
