/* scm.c: stream sockets in the file system over which descriptors are handed, and what kind of namespace a
 * descriptor is. No call waits, but for the receiver, as long as it is told.
 */
#include "common/linux.h"
#include "common/syscall.h"
#include "common/text.h"

/* Used nowhere else. */
enum {
#if defined(__x86_64__)
  SYS_CONNECT = 42,
  SYS_SENDMSG = 46,
  SYS_RECVMSG = 47,
  SYS_BIND = 49,
  SYS_LISTEN = 50,
  SYS_FCHMOD = 91,
  SYS_ACCEPT4 = 288,
#else
  SYS_FCHMOD = 52,
  SYS_BIND = 200,
  SYS_LISTEN = 201,
  SYS_CONNECT = 203,
  SYS_SENDMSG = 211,
  SYS_RECVMSG = 212,
  SYS_ACCEPT4 = 242,
#endif
  SOCK_STREAM = 1,
  SOCK_NONBLOCKING = 04000,
  SCM_RIGHTS = 1,
  MSG_CTRUNC = 8,
  MSG_CMSG_CLOEXEC = 0x40000000,
  NS_GET_NSTYPE = 0xb703,
  NSFS_MAGIC = 0x6e736673,
  MOST_FDS = 64,  /* of one message that is taken, as uWSGI has it */
  MOST_SENT = 250 /* of one that is sent: the kernel takes 253 */
};

struct linux_iovec {
  u64 base;
  u64 length;
};

struct linux_msghdr {
  u64 name;
  u32 name_length;
  u32 pad0;
  u64 iov;
  u64 iov_count;
  u64 control;
  u64 control_length;
  u32 flags;
  u32 pad1;
};

struct linux_cmsghdr {
  u64 length;
  i32 level;
  i32 type;
};

struct rights {
  struct linux_cmsghdr header;
  i32 fds[MOST_FDS];
};

/* -> the address's length, or -EINVAL */
static i64 fileAddress(const char *path, struct linux_sockaddr_un *address) {
  memset(address, 0, sizeof *address);
  address->family = AF_UNIX;
  u64 size = path ? textLength(path) : 0;
  if (size < 2 || size >= sizeof address->path || path[0] != '/') return -EINVAL;
  for (u64 i = 0; i < size; i++) address->path[i] = path[i];
  return (i64)(sizeof address->family + size + 1);
}

static i64 streamSocket(void) {
  return syscall3(SYS_SOCKET, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCKING, 0);
}

static i64 orClose(i64 fd, i64 result) {
  if (result >= 0) return fd;
  syscall1(SYS_CLOSE, A(fd));
  return result;
}

EXPORT i64 reeve_listen(const char *path, u32 mode, u32 backlog) {
  struct linux_sockaddr_un own;
  i64 length = fileAddress(path, &own);
  if (length < 0) return length;
  i64 fd = streamSocket();
  if (fd < 0) return fd;
  i64 result = syscall2(SYS_FCHMOD, A(fd), mode & 0777); /* bind gives them to the file */
  if (result >= 0) result = syscall3(SYS_BIND, A(fd), P(&own), (u64)length);
  if (result >= 0) result = syscall2(SYS_LISTEN, A(fd), backlog);
  return orClose(fd, result);
}

EXPORT i64 reeve_accept(i32 fd) { return syscall4(SYS_ACCEPT4, A(fd), 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCKING); }

EXPORT i64 reeve_connect(const char *path) {
  struct linux_sockaddr_un to;
  i64 length = fileAddress(path, &to);
  if (length < 0) return length;
  i64 fd = streamSocket();
  if (fd < 0) return fd;
  return orClose(fd, syscall3(SYS_CONNECT, A(fd), P(&to), (u64)length));
}

EXPORT i64 reeve_send_fds(i32 fd, const void *bytes, u32 count, const i32 *fds, u32 nfds) {
  struct {
    struct linux_cmsghdr header;
    i32 fds[MOST_SENT];
  } rights;
  struct linux_iovec part = {P(bytes), count};
  struct linux_msghdr message;
  if (nfds > MOST_SENT || count == 0) return -EINVAL;
  memset(&rights, 0, sizeof rights);
  memset(&message, 0, sizeof message);
  rights.header.length = sizeof rights.header + nfds * sizeof fds[0];
  rights.header.level = SOL_SOCKET;
  rights.header.type = SCM_RIGHTS;
  for (u32 i = 0; i < nfds; i++) rights.fds[i] = fds[i];
  message.iov = P(&part);
  message.iov_count = 1;
  message.control = nfds ? P(&rights) : 0;
  message.control_length = nfds ? (rights.header.length + 7) & ~7ul : 0;
  return syscall3(SYS_SENDMSG, A(fd), P(&message), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* A receiver that asks for rights gets at most one record of them. */
static u32 takeRights(const struct rights *rights, u64 length, i32 *fds) {
  if (length < sizeof rights->header || rights->header.level != SOL_SOCKET) return 0;
  if (rights->header.type != SCM_RIGHTS || rights->header.length < sizeof rights->header) return 0;
  u64 count = (rights->header.length - sizeof rights->header) / sizeof fds[0];
  if (count > MOST_FDS) count = MOST_FDS;
  for (u64 i = 0; i < count; i++) fds[i] = rights->fds[i];
  return (u32)count;
}

EXPORT i64 reeve_recv_fds(i32 fd, void *bytes, u32 room, i32 *fds, u32 *nfds, u32 wait_ms) {
  struct rights rights;
  struct linux_pollfd poll = {fd, POLLIN, 0};
  struct linux_timespec wait = {wait_ms / 1000, (i64)(wait_ms % 1000) * 1000000};
  struct linux_iovec part = {P(bytes), room};
  struct linux_msghdr message;
  *nfds = 0;
  i64 result = syscall5(SYS_PPOLL, P(&poll), 1, P(&wait), 0, SIGNAL_SET_SIZE);
  if (result < 0) return result;
  if (result == 0) return -ETIMEDOUT;
  memset(&rights, 0, sizeof rights);
  memset(&message, 0, sizeof message);
  message.iov = P(&part);
  message.iov_count = 1;
  message.control = P(&rights);
  message.control_length = sizeof rights;
  result = syscall3(SYS_RECVMSG, A(fd), P(&message), MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (result < 0) return result;
  u32 taken = takeRights(&rights, message.control_length, fds);
  if (!(message.flags & MSG_CTRUNC)) {
    *nfds = taken;
    return result;
  }
  for (u32 i = 0; i < taken; i++) syscall1(SYS_CLOSE, A(fds[i]));
  return -EBADMSG;
}

EXPORT i64 reeve_namespace_kind(i32 fd) {
  struct linux_statfs system = {0};
  i64 result = syscall2(SYS_FSTATFS, A(fd), P(&system));
  if (result < 0) return result;
  return system.type == NSFS_MAGIC ? syscall3(SYS_IOCTL, A(fd), NS_GET_NSTYPE, 0) : -ENOTTY;
}
