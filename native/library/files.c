/* files.c: file descriptors, files beneath a directory, terminals, inotify, sockets: what the runtime's own
 * file functions cannot say (openat2, F_ADD_SEALS, SO_PEERCRED ...). Each is one system call where the kernel
 * has it.
 */
#include "common/in_root.h"
#include "common/linux.h"
#include "common/syscall.h"
#include "common/text.h"

enum { OPEN_TRIES = 32 };

EXPORT i64 reeve_memfd(const char *name, u32 flags) {
  if (!name) return -EINVAL;
  i64 fd = syscall2(SYS_MEMFD_CREATE, P(name), flags);
  if (fd == -EINVAL && (flags & MFD_EXEC)) { /* before Linux 6.3 every memfd can be executed */
    fd = syscall2(SYS_MEMFD_CREATE, P(name), flags & ~(u32)MFD_EXEC);
  }
  return fd;
}

EXPORT i64 reeve_pipe(i32 *out, u32 flags) { return syscall2(SYS_PIPE2, P(out), flags); }

EXPORT i64 reeve_write(i32 fd, const void *bytes, u64 count) { return syscall3(SYS_WRITE, A(fd), P(bytes), count); }
EXPORT i64 reeve_read(i32 fd, void *bytes, u64 count) { return syscall3(SYS_READ, A(fd), P(bytes), count); }
EXPORT i64 reeve_close(i32 fd) { return syscall1(SYS_CLOSE, A(fd)); }
EXPORT i64 reeve_dup3(i32 from, i32 to, u32 flags) { return syscall3(SYS_DUP3, A(from), A(to), flags); }

EXPORT i64 reeve_cloexec(i32 fd, i32 on) { return syscall3(SYS_FCNTL, A(fd), F_SETFD, on ? FD_CLOEXEC : 0); }

EXPORT i64 reeve_nonblock(i32 fd, i32 on) {
  i64 flags = syscall3(SYS_FCNTL, A(fd), F_GETFL, 0);
  if (flags < 0) return flags;
  u64 wanted = on ? (u64)flags | O_NONBLOCK : (u64)flags & ~(u64)O_NONBLOCK;
  return syscall3(SYS_FCNTL, A(fd), F_SETFL, wanted);
}

EXPORT i64 reeve_seal(i32 fd) {
  return syscall3(SYS_FCNTL, A(fd), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
}

EXPORT i64 reeve_openat(i32 dirfd, const char *path, u32 flags, u32 mode, u64 resolve) {
  if (!path) return -EINVAL;
  u64 wanted = flags | O_CLOEXEC;
  /* openat2 refuses a mode without use */
  u64 permissions = flags & (O_CREAT | O_TMPFILE_BIT) ? mode & 07777 : 0;
  if (resolve == 0) return syscall4(SYS_OPENAT, A(dirfd), P(path), wanted, permissions);
  struct linux_open_how how = {wanted, permissions, resolve};
  i64 result = -EAGAIN;
  /* EAGAIN: something was renamed while the kernel looked, and it could not rule out an escape */
  for (u32 i = 0; i < OPEN_TRIES && result == -EAGAIN; i++) {
    result = syscall4(SYS_OPENAT2, A(dirfd), P(path), P(&how), sizeof how);
  }
  return result;
}

EXPORT i64 reeve_open_in_root(i32 rootfd, const char *path, u32 flags, u32 mode, u32 walk) {
  return path ? openInRoot(rootfd, path, flags, mode, walk) : -EINVAL;
}

EXPORT i64 reeve_mkfifoat(i32 dirfd, const char *path, u32 mode) {
  if (!path) return -EINVAL;
  return syscall4(SYS_MKNODAT, A(dirfd), P(path), S_IFIFO | (mode & 07777), 0);
}

EXPORT i64 reeve_unlinkat(i32 dirfd, const char *path, u32 flags) {
  if (!path) return -EINVAL;
  return syscall3(SYS_UNLINKAT, A(dirfd), P(path), flags);
}

EXPORT i64 reeve_renameat(i32 dirfd, const char *from, const char *to) {
  if (!from || !to) return -EINVAL;
  return syscall4(SYS_RENAMEAT, A(dirfd), P(from), A(dirfd), P(to));
}

/* As the C libraries and the runtime's `stat.dev` pack it. */
static u64 deviceNumber(u64 major, u64 minor) {
  return (major & 0xfffff000ul) << 32 | (major & 0xffful) << 8 | (minor & 0xffffff00ul) << 12 | (minor & 0xfful);
}

EXPORT i64 reeve_stat(i32 dirfd, const char *path, i32 follow, u64 *out) {
  struct linux_statx file = {0};
  i32 is_fd = !path || !*path;
  u64 flags = (is_fd ? AT_EMPTY_PATH : 0) | (follow ? 0 : AT_SYMLINK_NOFOLLOW);
  i64 result = syscall5(SYS_STATX, A(dirfd), is_fd ? P("") : P(path), flags, STATX_BASIC_STATS, P(&file));
  if (result < 0) return result;
  out[0] = file.mode;
  out[1] = file.uid;
  out[2] = file.gid;
  out[3] = file.size;
  out[4] = file.ino;
  out[5] = deviceNumber(file.dev_major, file.dev_minor);
  out[6] = (u64)file.mtime.seconds;
  out[7] = file.mtime.nanoseconds;
  out[8] = file.nlink;
  out[9] = 0;
  if (!is_fd) return 0;
  struct linux_statfs system = {0};
  if (syscall2(SYS_FSTATFS, A(dirfd), P(&system)) >= 0) out[9] = (u64)system.type;
  return 0;
}

EXPORT i64 reeve_chown(i32 fd, u32 uid, u32 gid) { return syscall3(SYS_FCHOWN, A(fd), uid, gid); }
EXPORT i64 reeve_flock(i32 fd, i32 operation) { return syscall2(SYS_FLOCK, A(fd), A(operation)); }

EXPORT i64 reeve_peercred(i32 fd, i32 *out) {
  u32 length = 3 * sizeof out[0];
  return syscall5(SYS_GETSOCKOPT, A(fd), SOL_SOCKET, SO_PEERCRED, P(out), P(&length));
}

EXPORT i64 reeve_peergroups(i32 fd, u32 *out, u32 room) {
  if (room > 0x10000) return -EINVAL;
  u32 length = room * (u32)sizeof out[0];
  i64 result = syscall5(SYS_GETSOCKOPT, A(fd), SOL_SOCKET, SO_PEERGROUPS, P(out), P(&length));
  return result < 0 ? result : (i64)(length / sizeof out[0]);
}

EXPORT i64 reeve_notify(const char *address, const char *text, u32 length) {
  struct linux_sockaddr_un to = {.family = AF_UNIX};
  if (!address || !text) return -EINVAL;
  u64 size = textLength(address);
  if (size < 2 || size >= sizeof to.path || (address[0] != '/' && address[0] != '@')) return -EINVAL;
  for (u64 i = 0; i < size; i++) to.path[i] = address[i];
  if (address[0] == '@') to.path[0] = 0; /* the abstract name has no closing NUL, so its length counts */
  i64 fd = syscall3(SYS_SOCKET, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  u64 address_length = sizeof to.family + size + (address[0] == '/' ? 1 : 0);
  i64 result = syscall6(SYS_SENDTO, A(fd), P(text), length, MSG_NOSIGNAL | MSG_DONTWAIT, P(&to), address_length);
  syscall1(SYS_CLOSE, A(fd));
  return result;
}

EXPORT i64 reeve_send(i32 fd, const void *bytes, u64 count) {
  return syscall6(SYS_SENDTO, A(fd), P(bytes), count, MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0);
}

EXPORT i64 reeve_isatty(i32 fd) {
  u8 termios[64]; /* struct termios of the kernel is 36 bytes on both machines */
  i64 result = syscall3(SYS_IOCTL, A(fd), TCGETS, P(termios));
  return result < 0 ? result : 1;
}

EXPORT i64 reeve_inotify(void) { return syscall1(SYS_INOTIFY_INIT1, O_NONBLOCK | O_CLOEXEC); }
EXPORT i64 reeve_inotify_add(i32 fd, const char *path, u32 mask) {
  if (!path) return -EINVAL;
  return syscall3(SYS_INOTIFY_ADD_WATCH, A(fd), P(path), mask);
}
EXPORT i64 reeve_inotify_rm(i32 fd, i32 wd) { return syscall2(SYS_INOTIFY_RM_WATCH, A(fd), A(wd)); }

EXPORT i64 reeve_mount(const char *source, const char *target, const char *type, u64 flags, const char *data) {
  if (!target) return -EINVAL;
  return syscall5(SYS_MOUNT, P(source), P(target), P(type), flags, P(data));
}

EXPORT i64 reeve_umount(const char *target, u32 flags) {
  if (!target) return -EINVAL;
  return syscall2(SYS_UMOUNT2, P(target), flags);
}

EXPORT i64 reeve_sethostname(const char *name) {
  if (!name) return -EINVAL;
  return syscall2(SYS_SETHOSTNAME, P(name), textLength(name));
}
