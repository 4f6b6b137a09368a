/* datagram.c: a unix datagram socket that others send to; the runtime has none. Sending is reeve_notify's,
 * which needs no socket of its own.
 */
#include "common/linux.h"
#include "common/syscall.h"
#include "common/text.h"

/* Used nowhere else. */
enum {
#if defined(__x86_64__)
  SYS_BIND = 49,
#else
  SYS_BIND = 200,
#endif
  SOCK_NONBLOCKING = 04000
};

EXPORT i64 reeve_datagram_socket(const char *address) {
  struct linux_sockaddr_un own = {.family = AF_UNIX};
  if (!address) return -EINVAL;
  u64 size = textLength(address);
  if (size < 2 || size >= sizeof own.path || (address[0] != '/' && address[0] != '@')) return -EINVAL;
  for (u64 i = 0; i < size; i++) own.path[i] = address[i];
  if (address[0] == '@') own.path[0] = 0; /* the abstract name has no closing NUL, so its length counts */
  i64 fd = syscall3(SYS_SOCKET, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCKING, 0);
  if (fd < 0) return fd;
  u64 length = sizeof own.family + size + (address[0] == '/' ? 1 : 0);
  i64 result = syscall3(SYS_BIND, A(fd), P(&own), length);
  if (result >= 0) return fd;
  syscall1(SYS_CLOSE, A(fd));
  return result;
}
