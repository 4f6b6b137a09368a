/* root.c: the root directory of a child. The new root is bound onto itself alone, so that no other mount is
 * in it, and everything that it is to have is mounted before the change: when a step fails, this namespace
 * ends with the process and the host has seen nothing.
 */
#include "helper/jail/root.h"

#include "common/linux.h"
#include "helper/jail/mount_fd.h"
#include "common/syscall.h"

static i64 openDirectory(const char *path) {
  return syscall4(SYS_OPENAT, A(AT_FDCWD), P(path), O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
}

/* -> the mount that was made on the root by path, or -errno: -ESTALE, it is not that one */
static i64 openBound(const struct request *request, const char *path) {
  i32 outer = request->state.outer_root;
  i64 mount = openDirectory(path);
  if (mount < 0) return mount;
  i64 result = bindVerify(request, (i32)mount, outer, outer);
  if (result >= 0) return mount;
  syscall1(SYS_CLOSE, A(mount));
  return result;
}

/* Binds the directory onto itself. -> O_PATH of the mount that it is now, or -errno */
static i64 rootMount(const struct request *request) {
  i32 outer = request->state.outer_root;
  i64 mount = bindAttach(request, outer, outer, 0, 0);
  if (mount != -ENOSYS) return mount;
  i64 result = bindOver(request, outer, outer, 0);
  if (result < 0) return result;
  mount = openBound(request, request->root);
  /* "/" is where we are, below what is mounted on it; its ".." is itself, seen from above. */
  return mount == -ESTALE ? openBound(request, "/..") : mount;
}

i64 rootOpen(struct request *request) {
  if (!request->root && request->nmounts == 0) return 0;
  i64 fd = openDirectory(request->root ? request->root : "/");
  if (fd < 0) return fd;
  request->state.root = (i32)fd;
  if (!request->root) return 0;
  request->state.outer_root = (i32)fd;
  if (request->root_kind != REEVE_R_PIVOT) return 0;
  fd = rootMount(request);
  if (fd >= 0) request->state.root = (i32)fd;
  return fd;
}

/* Both are stacked on "/" for a moment, so that no directory is needed for the old one. */
static i64 pivot(i32 root) {
  i64 old = openDirectory("/");
  if (old < 0) return old;
  i64 result = syscall1(SYS_FCHDIR, A(root));
  if (result >= 0) result = syscall2(SYS_PIVOT_ROOT, P("."), P("."));
  if (result >= 0) result = syscall1(SYS_FCHDIR, A(old));
  if (result >= 0) result = syscall2(SYS_UMOUNT2, P("."), MNT_DETACH);
  syscall1(SYS_CLOSE, A(old));
  return result;
}

i64 rootEnter(struct request *request) {
  i64 result = 0;
  if (request->root_kind == REEVE_R_PIVOT) {
    result = pivot(request->state.root);
  } else if (request->root) {
    result = syscall1(SYS_FCHDIR, A(request->state.root));
    if (result >= 0) result = syscall1(SYS_CHROOT, P("."));
  }
  if (result >= 0 && request->root) result = syscall1(SYS_CHDIR, P("/"));
  if (request->state.outer_root >= 0) syscall1(SYS_CLOSE, A(request->state.outer_root));
  if (request->state.root >= 0 && request->state.root != request->state.outer_root) {
    syscall1(SYS_CLOSE, A(request->state.root));
  }
  request->state.root = request->state.outer_root = -1;
  return result;
}
