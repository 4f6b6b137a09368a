/* search.c: executing a program by its name, as execvp(3) does, without its fallback to a shell. */
#include "search.h"

#include "linux.h"
#include "syscall.h"
#include "text.h"

enum { PATH_SIZE = 4096 };

/* "DIR/FILE" into path. -> 0 or -ENAMETOOLONG */
static i64 joinPath(char path[PATH_SIZE], const char *dir, u64 dir_length, const char *file) {
  u64 file_length = textLength(file);
  u64 at = dir_length;
  if (dir_length + file_length + 2 > PATH_SIZE) return -ENAMETOOLONG;
  memcpy(path, dir, dir_length);
  if (dir_length) path[at++] = '/';
  memcpy(path + at, file, file_length + 1);
  return 0;
}

/* Is this a reason to look in the next directory? The list is glibc's: what is not there, and what hangs on a server that is gone. */
static i32 goesOn(i64 result) {
  return result == -ENOENT || result == -ENOTDIR || result == -EACCES || result == -ESTALE || result == -ENODEV ||
         result == -ETIMEDOUT || result == -ENAMETOOLONG;
}

i64 searchExec(const char *file, const char *dirs, char *const *argv, char *const *envp) {
  char path[PATH_SIZE];
  i32 denied = 0;
  if (!*file) return -ENOENT;
  if (textHas(file, '/')) return syscall3(SYS_EXECVE, P(file), P(argv), P(envp));
  for (;;) {
    u64 length = 0;
    while (dirs[length] && dirs[length] != ':') length++;
    i64 result = joinPath(path, dirs, length, file);
    if (result >= 0) result = syscall3(SYS_EXECVE, P(path), P(argv), P(envp));
    if (result == -EACCES) denied = 1;
    if (!goesOn(result)) return result;
    if (!dirs[length]) return denied ? -EACCES : -ENOENT;
    dirs += length + 1;
  }
}
