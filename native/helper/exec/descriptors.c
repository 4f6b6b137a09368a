/* descriptors.c: the file descriptors of the program that a request names, and no others.
 *
 * Sources are first copied above every target, so that no order of moves can overwrite one that is still
 * needed.
 */
#include "helper/exec/descriptors.h"

#include "common/linux.h"
#include "common/syscall.h"
#include "common/text.h"

enum { FD_LAST_GUESS = 1 << 16 };

i32 descriptorSource(const struct request *request, i32 target) {
  for (u32 i = 0; i < request->nfds; i++) {
    if (request->fds[i].target == target) return request->fds[i].source;
  }
  return target;
}

/* -> a copy of fd that is above `floor`, or -errno. */
static i64 copyAbove(i32 fd, i32 floor) { return syscall3(SYS_FCNTL, A(fd), F_DUPFD_CLOEXEC, A(floor + 1)); }

/* Something that reads as empty: /dev/null, or where there is none a pipe nobody writes to. -> fd or -errno
 */
static i64 openNull(void) {
  i64 fd = syscall4(SYS_OPENAT, A(AT_FDCWD), P("/dev/null"), O_RDWR | O_CLOEXEC, 0);
  if (fd >= 0 || fd == -EMFILE || fd == -ENFILE) return fd;
  i32 ends[2] = {-1, -1};
  i64 result = syscall2(SYS_PIPE2, P(ends), O_CLOEXEC);
  if (result < 0) return result;
  syscall1(SYS_CLOSE, A(ends[1]));
  return ends[0];
}

/* Is it the null device, and not what somebody else has put in its place? */
static i32 isNull(i64 fd) {
  struct linux_statx file = {0};
  if (syscall5(SYS_STATX, A(fd), P(""), AT_EMPTY_PATH, STATX_BASIC_STATS, P(&file)) < 0) return 0;
  return (file.mode & S_IFMT) == S_IFCHR && file.rdev_major == 1 && file.rdev_minor == 3;
}

/* In a jail: its own, if that is one; else the host's. */
static i64 openConfinedNull(i32 host_null, i32 floor) {
  u64 flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  i64 fd = syscall4(SYS_OPENAT, A(AT_FDCWD), P("/dev/null"), flags, 0);
  if (fd >= 0 && isNull(fd)) {
    syscall3(SYS_FCNTL, A(fd), F_SETFL, O_RDWR);
    return fd;
  }
  if (fd >= 0) syscall1(SYS_CLOSE, A(fd));
  return copyAbove(host_null, floor);
}

static i64 openNullAbove(const struct request *request, i32 floor) {
  i64 fd = request->state.null >= 0 ? openConfinedNull(request->state.null, floor) : openNull();
  if (fd < 0 || fd > floor) return fd;
  i64 copy = copyAbove((i32)fd, floor);
  syscall1(SYS_CLOSE, A(fd));
  return copy;
}

static i64 moveAbove(i32 *fd, i32 floor) {
  if (*fd < 0 || *fd > floor) return 0;
  i64 copy = copyAbove(*fd, floor);
  if (copy >= 0) *fd = (i32)copy;
  return copy;
}

static i32 isTarget(const struct request *request, i32 fd) {
  for (u32 i = 0; i < request->nfds; i++) {
    if (request->fds[i].target == fd) return 1;
  }
  return 0;
}

static void markOne(const struct request *request, i32 fd) {
  if (!isTarget(request, fd)) syscall3(SYS_FCNTL, A(fd), F_SETFD, FD_CLOEXEC);
}

/* For kernels before 5.11: by /proc/self/fd, or where there is none by every number. -> 0 or -errno */
static i64 markByHand(const struct request *request) {
  u64 buffer[512];
  i64 dir = syscall4(SYS_OPENAT, A(AT_FDCWD), P("/proc/self/fd"), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (dir < 0) {
    for (i32 fd = 0; fd < FD_LAST_GUESS; fd++) markOne(request, fd);
    return 0;
  }
  i64 count = 0;
  while ((count = syscall3(SYS_GETDENTS64, A(dir), P(buffer), sizeof buffer)) > 0) {
    for (i64 at = 0; at < count;) {
      const struct linux_dirent *entry = (const void *)((const u8 *)buffer + at);
      i64 fd = textToNumber(entry->name);
      if (fd >= 0) markOne(request, (i32)fd);
      at += entry->length;
    }
  }
  syscall1(SYS_CLOSE, A(dir));
  return count;
}

/* -> 0 or -errno */
static i64 markOthers(const struct request *request) {
  u32 from = 0;
  for (;;) {
    u32 next = ~0u; /* the lowest target that is not below `from` */
    for (u32 i = 0; i < request->nfds; i++) {
      u32 target = (u32)request->fds[i].target;
      if (target >= from && target < next) next = target;
    }
    u32 last = next == ~0u ? next : next - 1;
    if (next != from) {
      i64 result = syscall3(SYS_CLOSE_RANGE, from, last, CLOSE_RANGE_CLOEXEC);
      if (result < 0) return markByHand(request);
    }
    if (next == ~0u) return 0;
    from = next + 1;
  }
}

/* The lower one of `next` and `fd` that is not below `from`; -1: none */
static i32 lower(i32 next, i32 fd, i32 from) { return fd >= from && (next < 0 || fd < next) ? fd : next; }

/* -> the lowest that is named by the request and not below `from`; -1: none */
static i32 nextNamed(const struct request *request, i32 from) {
  const i32 single[] = {request->report_fd, request->exec_fd,        request->life_fd,       request->ready_fd, request->gate_fd,
                        request->state.null, request->state.enter[0], request->state.enter[1]};
  i32 next = -1;
  for (u32 i = 0; i < sizeof single / sizeof single[0]; i++) next = lower(next, single[i], from);
  for (u32 i = 0; i < request->nsetns; i++) next = lower(next, request->setns[i].fd, from);
  for (u32 i = 0; i < request->nfds; i++) next = lower(next, request->fds[i].source, from);
  return next;
}

static void closeFrom(u32 first, u32 last) {
  if (first > last || syscall3(SYS_CLOSE_RANGE, first, last, 0) >= 0) return;
  for (u32 fd = first; fd <= last && fd < FD_LAST_GUESS; fd++) syscall1(SYS_CLOSE, fd);
}

i64 descriptorsNarrow(struct request *request) {
  i64 null = openNull();
  if (null < 0) return null;
  request->state.null = (i32)null;
  for (i32 fd = 0; fd <= 2; fd++) {
    if (nextNamed(request, fd) == fd) continue;
    i64 result = syscall3(SYS_DUP3, A(null), A(fd), 0);
    if (result < 0) return result;
  }
  for (i32 from = 3;;) {
    i32 next = nextNamed(request, from);
    closeFrom((u32)from, next < 0 ? ~0u : (u32)next - 1);
    if (next < 0) return 0;
    from = next + 1;
  }
}

void descriptorsCloseBut(i32 keep) {
  if (keep > 0) closeFrom(0, (u32)keep - 1);
  closeFrom((u32)(keep + 1), ~0u);
}

i64 descriptorsArrange(struct request *request) {
  i32 floor = 2;
  i64 result = 0;
  if (request->flags & REEVE_F_KEEP_FDS) return 0;
  for (u32 i = 0; i < request->nfds; i++) {
    if (request->fds[i].target > floor) floor = request->fds[i].target;
  }
  result = moveAbove(&request->report_fd, floor);
  if (result >= 0) result = moveAbove(&request->exec_fd, floor);
  if (result >= 0) result = moveAbove(&request->life_fd, floor);
  if (result >= 0) result = moveAbove(&request->state.proc, floor);
  if (result >= 0) result = moveAbove(&request->state.null, floor);
  for (u32 i = 0; i < request->nfds && result >= 0; i++) {
    i32 source = request->fds[i].source;
    result = source < 0 ? openNullAbove(request, floor) : copyAbove(source, floor);
    if (result >= 0) request->fds[i].source = (i32)result;
  }
  for (u32 i = 0; i < request->nfds && result >= 0; i++) {
    result = syscall3(SYS_DUP3, A(request->fds[i].source), A(request->fds[i].target), 0);
  }
  return result < 0 ? result : markOthers(request);
}
