/* syscall.h: how the kernel is entered, and the numbers of its calls, for x86-64 and arm64.
 *
 * Nothing here needs a header of the host, so that a cross compiler without headers of its target serves.
 * Every call returns what the kernel returns: >= 0 or -errno. There is no errno variable.
 */
#ifndef REEVE_SYSCALL_H
#define REEVE_SYSCALL_H

#include "reeve.h"

#if defined(__x86_64__)

enum reeve_syscall {
  SYS_READ = 0,
  SYS_WRITE = 1,
  SYS_CLOSE = 3,
  SYS_FSTAT = 5,
  SYS_MMAP = 9,
  SYS_MUNMAP = 11,
  SYS_RT_SIGACTION = 13,
  SYS_RT_SIGPROCMASK = 14,
  SYS_IOCTL = 16,
  SYS_MADVISE = 28,
  SYS_GETPID = 39,
  SYS_SOCKET = 41,
  SYS_SENDTO = 44,
  SYS_RECVFROM = 45,
  SYS_SOCKETPAIR = 53,
  SYS_GETSOCKOPT = 55,
  SYS_CLONE = 56,
  SYS_EXECVE = 59,
  SYS_EXIT = 60,
  SYS_WAIT4 = 61,
  SYS_KILL = 62,
  SYS_FCNTL = 72,
  SYS_FLOCK = 73,
  SYS_CHDIR = 80,
  SYS_FCHDIR = 81,
  SYS_FCHOWN = 93,
  SYS_UMASK = 95,
  SYS_SETUID = 105,
  SYS_SETGID = 106,
  SYS_SETPGID = 109,
  SYS_GETPPID = 110,
  SYS_SETSID = 112,
  SYS_GETGROUPS = 115,
  SYS_SETGROUPS = 116,
  SYS_SETRESUID = 117,
  SYS_GETRESUID = 118,
  SYS_SETRESGID = 119,
  SYS_GETRESGID = 120,
  SYS_GETPGID = 121,
  SYS_GETSID = 124,
  SYS_CAPSET = 126,
  SYS_RT_SIGTIMEDWAIT = 128,
  SYS_FSTATFS = 138,
  SYS_SETPRIORITY = 141,
  SYS_PIVOT_ROOT = 155,
  SYS_PRCTL = 157,
  SYS_CHROOT = 161,
  SYS_MOUNT = 165,
  SYS_UMOUNT2 = 166,
  SYS_SETHOSTNAME = 170,
  SYS_GETTID = 186,
  SYS_SCHED_SETAFFINITY = 203,
  SYS_GETDENTS64 = 217,
  SYS_CLOCK_GETTIME = 228,
  SYS_EPOLL_CTL = 233,
  SYS_TGKILL = 234,
  SYS_WAITID = 247,
  SYS_INOTIFY_ADD_WATCH = 254,
  SYS_INOTIFY_RM_WATCH = 255,
  SYS_OPENAT = 257,
  SYS_MKDIRAT = 258,
  SYS_MKNODAT = 259,
  SYS_UNLINKAT = 263,
  SYS_RENAMEAT = 264,
  SYS_READLINKAT = 267,
  SYS_PPOLL = 271,
  SYS_UNSHARE = 272,
  SYS_EPOLL_PWAIT = 281,
  SYS_EPOLL_CREATE1 = 291,
  SYS_DUP3 = 292,
  SYS_PIPE2 = 293,
  SYS_INOTIFY_INIT1 = 294,
  SYS_PRLIMIT64 = 302,
  SYS_SETNS = 308,
  SYS_MEMFD_CREATE = 319,
  SYS_EXECVEAT = 322,
  SYS_STATX = 332
};

static inline i64 syscall6(i64 number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f) {
  i64 result;
  register u64 r10 __asm__("r10") = d;
  register u64 r8 __asm__("r8") = e;
  register u64 r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

#elif defined(__aarch64__)

enum reeve_syscall {
  SYS_EPOLL_CREATE1 = 20,
  SYS_EPOLL_CTL = 21,
  SYS_EPOLL_PWAIT = 22,
  SYS_DUP3 = 24,
  SYS_FCNTL = 25,
  SYS_INOTIFY_INIT1 = 26,
  SYS_INOTIFY_ADD_WATCH = 27,
  SYS_INOTIFY_RM_WATCH = 28,
  SYS_IOCTL = 29,
  SYS_FLOCK = 32,
  SYS_MKNODAT = 33,
  SYS_MKDIRAT = 34,
  SYS_UNLINKAT = 35,
  SYS_RENAMEAT = 38,
  SYS_UMOUNT2 = 39,
  SYS_MOUNT = 40,
  SYS_PIVOT_ROOT = 41,
  SYS_FSTATFS = 44,
  SYS_CHDIR = 49,
  SYS_FCHDIR = 50,
  SYS_CHROOT = 51,
  SYS_FCHOWN = 55,
  SYS_OPENAT = 56,
  SYS_CLOSE = 57,
  SYS_PIPE2 = 59,
  SYS_GETDENTS64 = 61,
  SYS_READ = 63,
  SYS_WRITE = 64,
  SYS_PPOLL = 73,
  SYS_READLINKAT = 78,
  SYS_FSTAT = 80,
  SYS_CAPSET = 91,
  SYS_EXIT = 93,
  SYS_WAITID = 95,
  SYS_UNSHARE = 97,
  SYS_CLOCK_GETTIME = 113,
  SYS_SCHED_SETAFFINITY = 122,
  SYS_KILL = 129,
  SYS_TGKILL = 131,
  SYS_RT_SIGACTION = 134,
  SYS_RT_SIGPROCMASK = 135,
  SYS_RT_SIGTIMEDWAIT = 137,
  SYS_SETPRIORITY = 140,
  SYS_SETGID = 144,
  SYS_SETUID = 146,
  SYS_SETRESUID = 147,
  SYS_GETRESUID = 148,
  SYS_SETRESGID = 149,
  SYS_GETRESGID = 150,
  SYS_SETPGID = 154,
  SYS_GETPGID = 155,
  SYS_GETSID = 156,
  SYS_SETSID = 157,
  SYS_GETGROUPS = 158,
  SYS_SETGROUPS = 159,
  SYS_SETHOSTNAME = 161,
  SYS_UMASK = 166,
  SYS_PRCTL = 167,
  SYS_GETPID = 172,
  SYS_GETPPID = 173,
  SYS_GETTID = 178,
  SYS_SOCKET = 198,
  SYS_SOCKETPAIR = 199,
  SYS_SENDTO = 206,
  SYS_RECVFROM = 207,
  SYS_GETSOCKOPT = 209,
  SYS_MUNMAP = 215,
  SYS_CLONE = 220,
  SYS_EXECVE = 221,
  SYS_MMAP = 222,
  SYS_MADVISE = 233,
  SYS_WAIT4 = 260,
  SYS_PRLIMIT64 = 261,
  SYS_SETNS = 268,
  SYS_MEMFD_CREATE = 279,
  SYS_EXECVEAT = 281,
  SYS_STATX = 291
};

static inline i64 syscall6(i64 number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f) {
  register i64 x8 __asm__("x8") = number;
  register u64 x0 __asm__("x0") = a;
  register u64 x1 __asm__("x1") = b;
  register u64 x2 __asm__("x2") = c;
  register u64 x3 __asm__("x3") = d;
  register u64 x4 __asm__("x4") = e;
  register u64 x5 __asm__("x5") = f;
  __asm__ volatile("svc #0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return (i64)x0;
}

#else
#error "reeve runs on x86-64 and arm64 alone"
#endif

/* The same on both since Linux 4.20. */
enum reeve_syscall_new {
  SYS_PIDFD_SEND_SIGNAL = 424,
  SYS_OPEN_TREE = 428,
  SYS_MOVE_MOUNT = 429,
  SYS_PIDFD_OPEN = 434,
  SYS_CLONE3 = 435,
  SYS_CLOSE_RANGE = 436,
  SYS_OPENAT2 = 437,
  SYS_MOUNT_SETATTR = 442
};

/* Numbers are sign-extended by the conversion, as the kernel expects of an int. */
#define A(value) ((u64)(i64)(value))
#define P(pointer) ((u64)(pointer))

static inline i64 syscall0(i64 number) { return syscall6(number, 0, 0, 0, 0, 0, 0); }
static inline i64 syscall1(i64 number, u64 a) { return syscall6(number, a, 0, 0, 0, 0, 0); }
static inline i64 syscall2(i64 number, u64 a, u64 b) { return syscall6(number, a, b, 0, 0, 0, 0); }
static inline i64 syscall3(i64 number, u64 a, u64 b, u64 c) { return syscall6(number, a, b, c, 0, 0, 0); }
static inline i64 syscall4(i64 number, u64 a, u64 b, u64 c, u64 d) { return syscall6(number, a, b, c, d, 0, 0); }
static inline i64 syscall5(i64 number, u64 a, u64 b, u64 c, u64 d, u64 e) {
  return syscall6(number, a, b, c, d, e, 0);
}

__attribute__((noreturn)) static inline void exitProcess(i32 status) {
  for (;;) syscall1(SYS_EXIT, A(status));
}

#endif
