/* mount_fd.c: mounts named by descriptors: open_tree, move_mount and mount_setattr where the kernel has them
 * (5.2, 5.12). Else mount(2) with the descriptors' names in the host's /proc/self/fd, which is made the
 * working directory for the call, since after a change of namespace or root no path leads there any more.
 */
#include "helper/jail/mount_fd.h"

#include "helper/jail/fdinfo.h"
#include "common/linux.h"
#include "helper/jail/mount_table.h"
#include "common/syscall.h"
#include "common/text.h"

static i64 openProc(const struct request *request, const char *path, u64 flags) {
  if (request->state.proc < 0) return -ENOENT;
  return syscall4(SYS_OPENAT, A(request->state.proc), P(path), flags | O_CLOEXEC, 0);
}

static void fdName(struct text_line *line, i32 fd) {
  lineStart(line);
  lineNumber(line, (u64)fd);
}

static const char *orNull(const char *text) { return text && *text ? text : 0; }

i64 mountAt(const struct request *request, i32 source_fd, const char *source, i32 target, const char *type, u64 flags,
            const char *data) {
  struct text_line from;
  struct text_line to;
  fdName(&to, target);
  if (source_fd >= 0) {
    fdName(&from, source_fd);
    source = from.bytes;
  }
  i64 names = openProc(request, "self/fd", O_PATH | O_DIRECTORY);
  if (names < 0) return names;
  i64 here = syscall4(SYS_OPENAT, A(AT_FDCWD), P("."), O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  i64 result = here < 0 ? here : syscall1(SYS_FCHDIR, A(names));
  if (result >= 0) {
    result = syscall5(SYS_MOUNT, P(source), P(to.bytes), P(orNull(type)), flags, P(orNull(data)));
    i64 back = syscall1(SYS_FCHDIR, A(here));
    if (result >= 0) result = back;
  }
  if (here >= 0) syscall1(SYS_CLOSE, A(here));
  syscall1(SYS_CLOSE, A(names));
  return result;
}

i64 umountIn(i32 directory, const char *name, u64 flags) {
  i64 here = syscall4(SYS_OPENAT, A(AT_FDCWD), P("."), O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  i64 result = here < 0 ? here : syscall1(SYS_FCHDIR, A(directory));
  if (result >= 0) {
    result = syscall2(SYS_UMOUNT2, P(name), flags | UMOUNT_NOFOLLOW);
    i64 back = syscall1(SYS_FCHDIR, A(here));
    if (result >= 0) result = back;
  }
  if (here >= 0) syscall1(SYS_CLOSE, A(here));
  return result;
}

i64 mountNumber(const struct request *request, i32 fd) {
  struct linux_statx file = {0};
  i64 result = syscall5(SYS_STATX, A(fd), P(""), AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, P(&file));
  if (result < 0) return result;
  return file.mask & STATX_MNT_ID ? (i64)file.mnt_id : fdinfoNumber(request->state.proc, fd, "mnt_id:\t");
}

static struct linux_mount_attr attributes(u64 flags) {
  struct linux_mount_attr attributes = {0, 0, 0, 0};
  if (flags & MS_RDONLY) attributes.attr_set |= MOUNT_ATTR_RDONLY;
  if (flags & MS_NOSUID) attributes.attr_set |= MOUNT_ATTR_NOSUID;
  if (flags & MS_NODEV) attributes.attr_set |= MOUNT_ATTR_NODEV;
  if (flags & MS_NOEXEC) attributes.attr_set |= MOUNT_ATTR_NOEXEC;
  if (flags & MS_NOSYMFOLLOW) attributes.attr_set |= MOUNT_ATTR_NOSYMFOLLOW;
  if (flags & MS_NODIRATIME) attributes.attr_set |= MOUNT_ATTR_NODIRATIME;
  if (flags & (MS_NOATIME | MS_RELATIME | MS_STRICTATIME)) attributes.attr_clr = MOUNT_ATTR_ATIME_MASK;
  if (flags & MS_NOATIME) attributes.attr_set |= MOUNT_ATTR_NOATIME;
  else if (flags & MS_STRICTATIME) attributes.attr_set |= MOUNT_ATTR_STRICTATIME;
  return attributes;
}

/* Some filters of system calls answer EPERM to a call that they do not know. */
static i32 isUnknown(i64 result) { return result == -ENOSYS || result == -EPERM; }

static i64 setAttributes(i32 mount, u64 flags, i32 is_recursive) {
  struct linux_mount_attr wanted = attributes(flags);
  u64 how = AT_EMPTY_PATH | (is_recursive ? AT_RECURSIVE : 0);
  return syscall5(SYS_MOUNT_SETATTR, A(mount), P(""), how, P(&wanted), sizeof wanted);
}

/* A remount by mount(2) says all flags anew, so those that are there are read first. */
static i64 remountOne(const struct request *request, i32 mount, u64 flags) {
  struct linux_statfs system = {0};
  i64 result = syscall2(SYS_FSTATFS, A(mount), P(&system));
  if (result < 0) return result;
  u64 kept = system.flags & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_NOATIME | ST_NODIRATIME);
  if (system.flags & ST_NOSYMFOLLOW) kept |= MS_NOSYMFOLLOW;
  if (flags & (MS_NOATIME | MS_RELATIME | MS_STRICTATIME)) kept &= ~(u64)ST_NOATIME;
  else if (system.flags & ST_RELATIME) kept |= MS_RELATIME;
  else if (!(kept & ST_NOATIME)) kept |= MS_STRICTATIME;
  return mountAt(request, -1, "none", mount, 0, MS_REMOUNT | MS_BIND | kept | flags, 0);
}

static i64 remountListed(const struct request *request, i32 mount, void *context) {
  return remountOne(request, mount, *(const u64 *)context);
}

i64 mountRestrict(const struct request *request, i32 mount, u64 flags, i32 is_recursive) {
  u64 wanted = flags & MS_ATTRIBUTES;
  if (wanted == 0) return 0;
  i64 result = setAttributes(mount, wanted, is_recursive);
  if (!isUnknown(result)) return result;
  result = remountOne(request, mount, wanted);
  return result < 0 || !is_recursive ? result : mountTableEach(request, mount, remountListed, &wanted);
}

i64 bindAttach(const struct request *request, i32 source, i32 target, i32 is_recursive, u64 flags) {
  u64 wanted = flags & MS_ATTRIBUTES;
  u64 how = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (is_recursive ? AT_RECURSIVE : 0);
  i64 tree = syscall3(SYS_OPEN_TREE, A(source), P(""), how);
  if (tree < 0) return isUnknown(tree) ? -ENOSYS : tree;
  i64 early = wanted ? setAttributes((i32)tree, wanted, is_recursive) : 0;
  i64 result = isUnknown(early) ? 0 : early;
  if (result >= 0) {
    u64 both_empty = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
    result = syscall5(SYS_MOVE_MOUNT, A(tree), P(""), A(target), P(""), both_empty);
  }
  if (result >= 0 && early < 0) result = mountRestrict(request, (i32)tree, wanted, is_recursive);
  if (result >= 0) return tree;
  syscall1(SYS_CLOSE, A(tree));
  return result;
}

i64 bindOver(const struct request *request, i32 source, i32 target, i32 is_recursive) {
  return mountAt(request, source, 0, target, 0, MS_BIND | (is_recursive ? MS_REC : 0), 0);
}

i64 bindVerify(const struct request *request, i32 opened, i32 source, i32 target) {
  struct linux_statx now = {0};
  struct linux_statx wanted = {0};
  i64 below = mountNumber(request, target);
  i64 above = mountNumber(request, opened);
  i64 result = syscall5(SYS_STATX, A(opened), P(""), AT_EMPTY_PATH, STATX_BASIC_STATS, P(&now));
  if (result >= 0) result = syscall5(SYS_STATX, A(source), P(""), AT_EMPTY_PATH, STATX_BASIC_STATS, P(&wanted));
  if (result < 0 || below < 0 || above < 0) return -ESTALE;
  i32 same_file = now.ino == wanted.ino && now.dev_major == wanted.dev_major && now.dev_minor == wanted.dev_minor;
  return same_file && above != below ? 0 : -ESTALE;
}
