/* namespaces.c: the namespaces of this process. Must never change anything of a namespace that is the
 * caller's: unpack.c has made sure that what is named or mounted here has one of its own.
 */
#include "helper/jail/namespaces.h"

#include "common/linux.h"
#include "common/syscall.h"
#include "common/text.h"

/* Joins what `kinds` has of each record. -> 0 or -errno */
static i64 joinKinds(const struct request *request, u32 kinds) {
  for (u32 i = 0; i < request->nsetns; i++) {
    u32 flags = request->setns[i].flags & kinds;
    i64 result = flags ? syscall2(SYS_SETNS, A(request->setns[i].fd), flags) : 0;
    if (result < 0) return result;
  }
  return 0;
}

i64 namespacesJoin(struct request *request) { return joinKinds(request, ~(u32)CLONE_NEWUSER); }

i64 namespacesJoinUser(struct request *request) {
  i64 result = joinKinds(request, CLONE_NEWUSER);
  for (u32 i = 0; i < request->nsetns; i++) { /* one namespace file, or pidfd, may stand in several records */
    i32 is_closed = 0;
    for (u32 j = 0; j < i; j++) is_closed |= request->setns[j].fd == request->setns[i].fd;
    if (!is_closed) syscall1(SYS_CLOSE, A(request->setns[i].fd));
  }
  return result;
}

i64 namespacesUnshare(struct request *request) {
  u32 flags = request->unshare & ~(u32)CLONE_NEWUSER;
  if (flags == 0) return 0;
  i64 result = syscall1(SYS_UNSHARE, flags);
  if (result < 0 || !(flags & CLONE_NEWNS)) return result;
  /* Before the first mount: nothing of ours is seen outside, nothing of theirs comes in later. */
  return syscall5(SYS_MOUNT, P("none"), P("/"), 0, MS_REC | MS_PRIVATE, 0);
}

i64 loopbackUp(struct request *request) {
  struct linux_ifreq interface = {.name = "lo"};
  if (!(request->flags & REEVE_F_LOOPBACK)) return 0;
  i64 fd = syscall3(SYS_SOCKET, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  i64 result = syscall3(SYS_IOCTL, A(fd), SIOCGIFFLAGS, P(&interface));
  interface.flags |= IFF_UP;
  if (result >= 0) result = syscall3(SYS_IOCTL, A(fd), SIOCSIFFLAGS, P(&interface));
  syscall1(SYS_CLOSE, A(fd));
  return result;
}

i64 hostnameSet(struct request *request) {
  if (!request->hostname) return 0;
  return syscall2(SYS_SETHOSTNAME, P(request->hostname), textLength(request->hostname));
}
