/* execute.h: executes the file behind a descriptor. */
#ifndef REEVE_EXECUTE_H
#define REEVE_EXECUTE_H

#include "common/linux.h"
#include "common/syscall.h"

/* By the descriptor's name in /proc, which is the same for a program that is no script. A function of its
 * own, so that the usual way needs no memory: it may run in a child that shares its caller's. */
__attribute__((noinline)) static i64 executeByName(i32 fd, const void *argv, const void *envp) {
  char path[14 + 11] = "/proc/self/fd/";
  char digits[11];
  u32 count = 0, end = 14;
  u32 rest = (u32)fd;
  do digits[count++] = (char)('0' + rest % 10);
  while ((rest /= 10) != 0);
  while (count > 0) path[end++] = digits[--count];
  path[end] = 0;
  return syscall3(SYS_EXECVE, P(path), P(argv), P(envp));
}

/* execveat(fd, "", AT_EMPTY_PATH); by name where there is no such call (qemu-user 7.2, as arm64 containers on
 * x86-64 have it). argv and envp: vectors of strings that end with 0. Returns only -errno. */
static inline i64 executeFile(i32 fd, const void *argv, const void *envp) {
  i64 result = syscall5(SYS_EXECVEAT, A(fd), P(""), P(argv), P(envp), AT_EMPTY_PATH);
  return result == -ENOSYS && fd >= 0 ? executeByName(fd, argv, envp) : result;
}

#endif
