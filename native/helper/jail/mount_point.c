/* mount_point.c: the directory or file that something is mounted on, beneath a root that is hostile. Must
 * never make anything outside it, nor change what is there.
 */
#include "helper/jail/mount_point.h"

#include "common/in_root.h"
#include "common/linux.h"
#include "common/syscall.h"
#include "common/text.h"

enum { PATH_SIZE = 4096 };

i64 mountPointMake(i32 parent, const char *name, i32 is_directory) {
  i64 result = 0;
  if (is_directory) {
    result = syscall3(SYS_MKDIRAT, A(parent), P(name), 0755);
  } else {
    result = syscall4(SYS_OPENAT, A(parent), P(name), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (result >= 0) result = syscall1(SYS_CLOSE, A(result));
  }
  return result == -EEXIST ? 0 : result;
}

/* The piece of `path` that is [0, end) exists as a directory afterwards, or as what is mounted on for the
 * last one. -> fd or -errno */
static i64 openOrMake(i32 root, i32 parent, char path[PATH_SIZE], u64 start, u64 end, i32 is_directory) {
  char after = path[end];
  path[end] = 0;
  i64 fd = openInRoot(root, path, O_PATH, 0, 0);
  if (fd == -ENOENT) {
    fd = mountPointMake(parent, path + start, is_directory);
    if (fd >= 0) fd = openInRoot(root, path, O_PATH, 0, 0);
    if (fd == -ENOENT) fd = -ELOOP;
  }
  path[end] = after;
  return fd;
}

static i64 makeAll(i32 root, const char *wanted, i32 is_directory) {
  char path[PATH_SIZE];
  u64 length = textLength(wanted);
  if (length >= PATH_SIZE) return -ENAMETOOLONG;
  memcpy(path, wanted, length + 1);
  while (length > 1 && path[length - 1] == '/') path[--length] = 0;
  i64 parent = syscall4(SYS_OPENAT, A(root), P("."), O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  for (u64 at = 0; at < length && parent >= 0;) {
    while (path[at] == '/') at++;
    u64 end = at;
    while (end < length && path[end] != '/') end++;
    i64 next = openOrMake(root, (i32)parent, path, at, end, is_directory || end < length);
    syscall1(SYS_CLOSE, A(parent));
    parent = next;
    at = end;
  }
  return parent;
}

i64 mountPointOpen(i32 root, const char *path, i32 create, i32 is_directory) {
  i64 fd = openInRoot(root, path, O_PATH, 0, 0);
  return fd == -ENOENT && create ? makeAll(root, path, is_directory) : fd;
}
