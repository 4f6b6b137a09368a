/* search.c: executing a program by its name, as execvp(3) does, with its fallback to a shell for scripts
 * without "#!". */
#include "helper/exec/search.h"

#include "common/linux.h"
#include "common/memory.h"
#include "common/syscall.h"
#include "common/text.h"

enum { PATH_SIZE = 4096, LOOKED_AT = 256 };

static const char SHELL[] = "/bin/sh";

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

/* Is this a reason to look in the next directory? The list is glibc's: what is not there, and what hangs on a
 * server that is gone. */
static i32 goesOn(i64 result) {
  return result == -ENOENT || result == -ENOTDIR || result == -EACCES || result == -ESTALE || result == -ENODEV ||
         result == -ETIMEDOUT || result == -ENAMETOOLONG;
}

/* Does it read as text? A program of another architecture is none: a shell would make nonsense of it. */
static i32 isText(const char *path) {
  char start[LOOKED_AT];
  i64 fd = syscall4(SYS_OPENAT, A(AT_FDCWD), P(path), O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return 0;
  i64 count = syscall3(SYS_READ, A(fd), P(start), sizeof start);
  syscall1(SYS_CLOSE, A(fd));
  for (i64 i = 0; i < count; i++) {
    if (!start[i]) return 0;
  }
  return count >= 0;
}

/* "/bin/sh PATH ARG..." in place of what the kernel does not know. Returns only when it failed: -ENOEXEC, for
 * that is the reason that helps, also where there is no shell. */
static i64 scriptExec(const char *path, char *const *argv, char *const *envp) {
  u64 count = 0;
  while (argv[count]) count++;
  u64 size = (count + 3) * sizeof *argv;
  i64 memory = mapMemory(size, -1);
  if (memory < 0) return memory;
  const char **words = (const char **)memory;
  words[0] = SHELL;
  words[1] = path;
  for (u64 i = 1; i < count; i++) words[i + 1] = argv[i];
  syscall3(SYS_EXECVE, P(SHELL), P(words), P(envp));
  return -ENOEXEC;
}

i64 programExec(const char *path, char *const *argv, char *const *envp) {
  i64 result = syscall3(SYS_EXECVE, P(path), P(argv), P(envp));
  return result == -ENOEXEC && isText(path) ? scriptExec(path, argv, envp) : result;
}

i64 searchExec(const char *file, const char *dirs, char *const *argv, char *const *envp) {
  char path[PATH_SIZE];
  i32 denied = 0;
  if (!*file) return -ENOENT;
  if (textHas(file, '/')) return programExec(file, argv, envp);
  for (;;) {
    u64 length = 0;
    while (dirs[length] && dirs[length] != ':') length++;
    i64 result = joinPath(path, dirs, length, file);
    if (result >= 0) result = programExec(path, argv, envp);
    if (result == -EACCES) denied = 1;
    if (!goesOn(result)) return result;
    if (!dirs[length]) return denied ? -EACCES : -ENOENT;
    dirs += length + 1;
  }
}
