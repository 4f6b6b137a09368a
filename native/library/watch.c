/* watch.c: the watcher, one thread of our own that turns epoll events into bytes of a pipe, so that an event
 * loop which can only read pipes learns of a pidfd. It touches no memory but its stack, and knows nothing of
 * the runtime.
 */
#include "library/clone.h"
#include "common/linux.h"
#include "common/memory.h"
#include "common/signal_mask.h"
#include "common/syscall.h"

enum { WATCH_STACK = 16384, WATCH_BATCH = 64 };

/* At the lower end of the thread's own stack. */
struct watcher {
  i32 epfd;
  i32 write_fd;
};

/* -> 0, or -errno when the pipe is gone. */
static i64 writeAll(i32 fd, const u8 *bytes, u64 count) {
  while (count) {
    i64 written = syscall3(SYS_WRITE, A(fd), P(bytes), count);
    if (written == -EAGAIN) { /* a full pipe that is non-blocking: the reader is busy */
      struct linux_pollfd poll = {fd, POLLOUT, 0};
      written = syscall5(SYS_PPOLL, P(&poll), 1, 0, 0, SIGNAL_SET_SIZE);
      if (written >= 0) continue;
    }
    if (written == -EINTR) continue;
    if (written < 0) return written;
    bytes += written;
    count -= (u64)written;
  }
  return 0;
}

static i32 watchBody(void *argument) {
  struct watcher *watcher = argument;
  struct linux_epoll_event events[WATCH_BATCH];
  u64 tokens[WATCH_BATCH];
  for (;;) {
    i64 count = syscall6(SYS_EPOLL_PWAIT, A(watcher->epfd), P(events), WATCH_BATCH, A(-1), 0, SIGNAL_SET_SIZE);
    if (count == -EINTR) continue;
    if (count < 0) return 0;
    for (i64 i = 0; i < count; i++) tokens[i] = events[i].data;
    if (writeAll(watcher->write_fd, (const u8 *)tokens, (u64)count * sizeof tokens[0]) < 0) return 0;
  }
}

EXPORT i64 reeve_watch_start(i32 epfd, i32 write_fd) {
  if (epfd < 0 || write_fd < 0) return -EBADF;
  i64 memory = mapMemory(WATCH_STACK, -1);
  if (memory < 0) return memory;
  struct watcher *watcher = (struct watcher *)memory;
  watcher->epfd = epfd;
  watcher->write_fd = write_fd;

  u64 before = blockSignals(); /* the thread inherits the mask: no handler of the runtime ever runs on it */
  i64 thread = clonePlain(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
                          (u8 *)memory + WATCH_STACK, 0, watchBody, watcher);
  setSignals(before);
  if (thread < 0) {
    syscall2(SYS_MUNMAP, P(memory), WATCH_STACK);
    return thread;
  }
  return 0;
}

static i64 control(i32 epfd, i32 operation, i32 fd, u64 token) {
  struct linux_epoll_event event = {EPOLLIN | EPOLLONESHOT, token};
  return syscall4(SYS_EPOLL_CTL, A(epfd), A(operation), A(fd), P(&event));
}

EXPORT i64 reeve_epoll(void) { return syscall1(SYS_EPOLL_CREATE1, O_CLOEXEC); }
EXPORT i64 reeve_watch_add(i32 epfd, i32 fd, u64 token) { return control(epfd, EPOLL_CTL_ADD, fd, token); }
EXPORT i64 reeve_watch_again(i32 epfd, i32 fd, u64 token) { return control(epfd, EPOLL_CTL_MOD, fd, token); }
EXPORT i64 reeve_watch_remove(i32 epfd, i32 fd) { return control(epfd, EPOLL_CTL_DEL, fd, 0); }
