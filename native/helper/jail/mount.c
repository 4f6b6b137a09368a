/* mount.c: the MOUNT records of a request, each in the mount namespace that this process has for itself or
 * has joined. Targets are descriptors from the moment when they were resolved; must never resolve one any
 * other way than openInRoot does.
 */
#include "helper/jail/mount.h"

#include "helper/jail/devices.h"
#include "common/in_root.h"
#include "common/linux.h"
#include "helper/jail/mount_fd.h"
#include "helper/jail/mount_point.h"
#include "helper/jail/mount_table.h"
#include "common/syscall.h"
#include "common/text.h"

enum { PATH_SIZE = 4096 };

static i32 asks(const struct request_mount *mount, u32 option) { return (mount->what.options & option) != 0; }

/* The part of `source` beneath the new root, where it lies there by its name; else null. */
static const char *beneathRoot(const struct request *request, const char *source) {
  if (request->state.outer_root < 0) return 0;
  u64 length = textLength(request->root);
  while (length > 1 && request->root[length - 1] == '/') length--;
  for (u64 i = 0; i < length; i++) {
    if (source[i] != request->root[i]) return 0;
  }
  if (length == 1) return 0; /* "/" is trusted as it is */
  return source[length] == '/' ? source + length : 0;
}

/* -> O_PATH descriptor or -errno. A source beneath the root is found as the jail would find it, for the jail
 * has had its hands on it: a link that was put in its place must not bring in something of the host. */
static i64 openSource(const struct request *request, const struct request_mount *mount) {
  if (asks(mount, REEVE_MO_SOURCE_INSIDE)) return openInRoot(request->state.root, mount->source, O_PATH, 0, 0);
  const char *beneath = beneathRoot(request, mount->source);
  if (beneath) return openInRoot(request->state.outer_root, beneath, O_PATH, 0, 0);
  return syscall4(SYS_OPENAT, A(AT_FDCWD), P(mount->source), O_PATH | O_CLOEXEC, 0);
}

static i64 openTarget(const struct request *request, const struct request_mount *mount, i32 is_directory) {
  return mountPointOpen(request->state.root, mount->target, asks(mount, REEVE_MO_CREATE), is_directory);
}

static void closeFd(i64 fd) {
  if (fd >= 0) syscall1(SYS_CLOSE, A(fd));
}

static i64 statusOf(i64 fd, struct linux_statx *file) {
  return syscall5(SYS_STATX, A(fd), P(""), AT_EMPTY_PATH, STATX_BASIC_STATS, P(file));
}

static i32 isDirectory(const struct linux_statx *file) { return (file->mode & S_IFMT) == S_IFDIR; }

/* A mount on "/" would cover what all later targets are resolved beneath. -> 0, -EINVAL for the root, or
 * another -errno */
static i64 refuseRoot(const struct request *request, i64 target) {
  struct linux_statx root = {0};
  struct linux_statx file = {0};
  i64 result = statusOf(request->state.root, &root);
  if (result >= 0) result = statusOf(target, &file);
  if (result < 0) return result;
  if (root.ino != file.ino || root.dev_major != file.dev_major || root.dev_minor != file.dev_minor) return 0;
  return mountNumber(request, (i32)target) == mountNumber(request, request->state.root) ? -EINVAL : 0;
}

static i64 bindByPath(const struct request *request, const struct request_mount *mount, i32 source, i32 target) {
  i32 is_recursive = asks(mount, REEVE_MO_RECURSIVE);
  i64 result = bindOver(request, source, target, is_recursive);
  if (result < 0) return result;
  i64 fd = openInRoot(request->state.root, mount->target, O_PATH, 0, 0);
  if (fd < 0) return fd;
  result = bindVerify(request, (i32)fd, source, target);
  if (result >= 0) result = mountRestrict(request, (i32)fd, mount->what.flags, is_recursive);
  closeFd(fd);
  return result;
}

static i64 makeBind(const struct request *request, const struct request_mount *mount) {
  struct linux_statx from = {0};
  struct linux_statx onto = {0};
  i64 target = -EBADF;
  i64 source = openSource(request, mount);
  if (source < 0) return source;
  i64 result = statusOf(source, &from);
  if (result >= 0) result = target = openTarget(request, mount, isDirectory(&from));
  if (result >= 0) result = refuseRoot(request, target);
  if (result >= 0) result = statusOf(target, &onto);
  if (result >= 0 && isDirectory(&from) != isDirectory(&onto)) result = -ENOTDIR;
  if (result >= 0) {
    result = bindAttach(request, (i32)source, (i32)target, asks(mount, REEVE_MO_RECURSIVE), mount->what.flags);
    if (result == -ENOSYS) result = bindByPath(request, mount, (i32)source, (i32)target);
    else closeFd(result);
  }
  closeFd(target);
  closeFd(source);
  return result;
}

static i64 makeNew(const struct request *request, const struct request_mount *mount) {
  i64 target = openTarget(request, mount, 1);
  if (target < 0) return target;
  i64 result = refuseRoot(request, target);
  if (result >= 0) {
    result = mountAt(request, -1, mount->source, (i32)target, mount->type, mount->what.flags, mount->data);
  }
  closeFd(target);
  return result;
}

static i64 makeRemount(const struct request *request, const struct request_mount *mount) {
  i64 target = openTarget(request, mount, 1);
  if (target < 0) return target;
  i64 result = mountRestrict(request, (i32)target, mount->what.flags, asks(mount, REEVE_MO_RECURSIVE));
  closeFd(target);
  return result;
}

static i64 makePlain(const struct request *request, const struct request_mount *mount) {
  i64 source = -1;
  i64 target = openTarget(request, mount, 1);
  if (target < 0) return target;
  i64 result = 0;
  if (asks(mount, REEVE_MO_SOURCE_INSIDE)) result = source = openSource(request, mount);
  if (result >= 0) {
    u64 flags = mount->what.flags | (asks(mount, REEVE_MO_RECURSIVE) ? MS_REC : 0);
    result = mountAt(request, (i32)source, mount->source, (i32)target, mount->type, flags, mount->data);
  }
  closeFd(source);
  closeFd(target);
  return result;
}

/* Splits off the last name of `path`, which is left as the directory. -> the name; null for "/", "." and
 * "..". */
static const char *splitName(char path[PATH_SIZE]) {
  u64 length = textLength(path);
  while (length > 0 && path[length - 1] == '/') path[--length] = 0;
  u64 start = length;
  while (start > 0 && path[start - 1] != '/') start--;
  /* the name moves one place on, so that the directory can end before it */
  memmove(path + start + 1, path + start, length - start + 1);
  path[start] = 0;
  const char *name = path + start + 1;
  return !*name || textEqual(name, ".") || textEqual(name, "..") ? 0 : name;
}

static i64 makeUmount(const struct request *request, const struct request_mount *mount) {
  char path[PATH_SIZE + 1];
  i32 root = request->state.root;
  u64 flags = mount->what.flags;
  u64 length = textLength(mount->target);
  if (length >= PATH_SIZE) return -ENAMETOOLONG;
  if (asks(mount, REEVE_MO_RECURSIVE)) {
    i64 top = openInRoot(root, mount->target, O_PATH | O_NOFOLLOW, 0, 0);
    if (top < 0) return top;
    i64 result = mountTableUnmount(request, (i32)top, flags);
    closeFd(top);
    if (result < 0) return result;
  }
  memcpy(path, mount->target, length + 1);
  const char *name = splitName(path);
  if (!name) return -EINVAL;
  i64 parent = openInRoot(root, *path ? path : "/", O_PATH | O_DIRECTORY, 0, 0);
  if (parent < 0) return parent;
  i64 result = umountIn((i32)parent, name, flags);
  closeFd(parent);
  return result;
}

static i64 makeDevices(const struct request *request, const struct request_mount *mount) {
  i64 target = openTarget(request, mount, 1);
  if (target < 0) return target;
  i64 result = devicesMake(request, (i32)target);
  closeFd(target);
  return result;
}

static i64 makeMount(const struct request *request, const struct request_mount *mount) {
  switch (mount->what.kind) {
    case REEVE_M_BIND: return makeBind(request, mount);
    case REEVE_M_NEW: return makeNew(request, mount);
    case REEVE_M_REMOUNT: return makeRemount(request, mount);
    case REEVE_M_PLAIN: return makePlain(request, mount);
    case REEVE_M_UMOUNT: return makeUmount(request, mount);
    case REEVE_M_DEVICES: return makeDevices(request, mount);
    default: return -EINVAL;
  }
}

i64 mountsMake(struct request *request) {
  if (request->nmounts == 0) return 0;
  i64 umask = syscall1(SYS_UMASK, 022);
  i64 result = 0;
  for (u32 i = 0; i < request->nmounts && result >= 0; i++) {
    const struct request_mount *mount = &request->mounts[i];
    request->state.detail = i;
    result = makeMount(request, mount);
    if ((result == -ENOENT || result == -EROFS) && asks(mount, REEVE_MO_OPTIONAL)) result = 0;
  }
  syscall1(SYS_UMASK, (u64)umask);
  if (result >= 0) request->state.detail = 0;
  return result;
}
