/* linux.h: the constants and structures of the kernel's interface that native/ and lib/sys use, the same for
 * x86-64 and arm64 unless an #if says otherwise. native/constants.ts makes lib/sys/native/constants.ts of
 * them. Ours, so that no header of the host is needed; nothing else belongs here.
 */
#ifndef REEVE_LINUX_H
#define REEVE_LINUX_H

#include "reeve.h"

enum linux_errno {
  EPERM = 1,
  ENOENT = 2,
  ESRCH = 3,
  EINTR = 4,
  EIO = 5,
  E2BIG = 7,
  ENOEXEC = 8,
  EBADF = 9,
  ECHILD = 10,
  EAGAIN = 11,
  ENOMEM = 12,
  EACCES = 13,
  EEXIST = 17,
  ENODEV = 19,
  ENOTDIR = 20,
  EISDIR = 21,
  EINVAL = 22,
  ENFILE = 23,
  EMFILE = 24,
  ENOTTY = 25,
  ETXTBSY = 26,
  ENOSPC = 28,
  EROFS = 30,
  EPIPE = 32,
  ERANGE = 34,
  ENAMETOOLONG = 36,
  ENOSYS = 38,
  ELOOP = 40,
  EBADMSG = 74,
  ENOPROTOOPT = 92,
  EADDRINUSE = 98,
  ECONNABORTED = 103,
  ETIMEDOUT = 110,
  ECONNREFUSED = 111,
  ESTALE = 116
};

enum linux_open {
  O_RDONLY = 0,
  O_WRONLY = 1,
  O_RDWR = 2,
  O_CREAT = 0100,
  O_EXCL = 0200,
  O_NOCTTY = 0400,
  O_APPEND = 02000,
  O_NONBLOCK = 04000,
  O_ASYNC = 020000,
  O_CLOEXEC = 02000000,
  O_PATH = 010000000,
  O_TMPFILE_BIT = 020000000,
#if defined(__aarch64__)
  O_DIRECTORY = 040000,
  O_NOFOLLOW = 0100000
#else
  O_DIRECTORY = 0200000,
  O_NOFOLLOW = 0400000
#endif
};

enum linux_resolve { RESOLVE_NO_MAGICLINKS = 2, RESOLVE_IN_ROOT = 0x10 };

enum linux_mode {
  S_IFMT = 0170000,
  S_IFIFO = 0010000,
  S_IFCHR = 0020000,
  S_IFDIR = 0040000,
  S_IFREG = 0100000,
  S_IFLNK = 0120000,
  S_ISVTX = 01000,
  S_IWOTH = 02
};

enum linux_at {
  AT_FDCWD = -100,
  AT_SYMLINK_NOFOLLOW = 0x100,
  AT_EMPTY_PATH = 0x1000,
  AT_RECURSIVE = 0x8000
};

enum linux_fcntl {
  F_GETFD = 1,
  F_SETFD = 2,
  F_GETFL = 3,
  F_SETFL = 4,
  F_SETOWN = 8,
  FD_CLOEXEC = 1,
  F_DUPFD_CLOEXEC = 1030,
  F_ADD_SEALS = 1033,
  F_SEAL_SEAL = 1,
  F_SEAL_SHRINK = 2,
  F_SEAL_GROW = 4,
  F_SEAL_WRITE = 8,
  CLOSE_RANGE_CLOEXEC = 4,
  MFD_CLOEXEC = 1,
  MFD_ALLOW_SEALING = 2,
  MFD_EXEC = 0x10
};

enum linux_memory {
  PROT_READ = 1,
  PROT_WRITE = 2,
  MAP_PRIVATE = 2,
  MAP_ANONYMOUS = 0x20,
  MAP_NORESERVE = 0x4000,
  MADV_DONTNEED = 4
};

enum linux_clone {
  CLONE_VM = 0x100,
  CLONE_FS = 0x200,
  CLONE_FILES = 0x400,
  CLONE_SIGHAND = 0x800,
  CLONE_PIDFD = 0x1000,
  CLONE_VFORK = 0x4000,
  CLONE_PARENT = 0x8000,
  CLONE_THREAD = 0x10000,
  CLONE_NEWNS = 0x20000,
  CLONE_SYSVSEM = 0x40000,
  CLONE_NEWCGROUP = 0x2000000,
  CLONE_NEWUTS = 0x4000000,
  CLONE_NEWIPC = 0x8000000,
  CLONE_NEWUSER = 0x10000000,
  CLONE_NEWPID = 0x20000000,
  CLONE_NEWNET = 0x40000000
};

enum linux_mount {
  MS_RDONLY = 1,
  MS_NOSUID = 2,
  MS_NODEV = 4,
  MS_NOEXEC = 8,
  MS_SYNCHRONOUS = 16,
  MS_REMOUNT = 32,
  MS_MANDLOCK = 64,
  MS_DIRSYNC = 128,
  MS_NOSYMFOLLOW = 256,
  MS_NOATIME = 1024,
  MS_NODIRATIME = 2048,
  MS_BIND = 4096,
  MS_MOVE = 8192,
  MS_REC = 16384,
  MS_SILENT = 32768,
  MS_PRIVATE = 1 << 18,
  MS_SHARED = 1 << 20,
  MS_RELATIME = 1 << 21,
  MS_STRICTATIME = 1 << 24,
  /* what a single mount can be, as opposed to its file system */
  MS_ATTRIBUTES = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW | MS_NOATIME | MS_NODIRATIME |
                  MS_RELATIME | MS_STRICTATIME,
  /* which call it is: said by the kind of a record already */
  MS_WHAT = MS_REMOUNT | MS_BIND | MS_REC | MS_SILENT,
  MNT_FORCE = 1,
  MNT_DETACH = 2,
  MNT_EXPIRE = 4,
  UMOUNT_NOFOLLOW = 8,
  OPEN_TREE_CLONE = 1,
  OPEN_TREE_CLOEXEC = 02000000,
  MOVE_MOUNT_F_EMPTY_PATH = 4,
  MOVE_MOUNT_T_EMPTY_PATH = 0x40,
  MOUNT_ATTR_RDONLY = 1,
  MOUNT_ATTR_NOSUID = 2,
  MOUNT_ATTR_NODEV = 4,
  MOUNT_ATTR_NOEXEC = 8,
  MOUNT_ATTR_ATIME_MASK = 0x70,
  MOUNT_ATTR_RELATIME = 0,
  MOUNT_ATTR_NOATIME = 0x10,
  MOUNT_ATTR_STRICTATIME = 0x20,
  MOUNT_ATTR_NODIRATIME = 0x80,
  MOUNT_ATTR_NOSYMFOLLOW = 0x200000
};

struct linux_mount_attr {
  u64 attr_set;
  u64 attr_clr;
  u64 propagation;
  u64 userns_fd;
};

struct linux_clone_args {
  u64 flags;
  u64 pidfd;
  u64 child_tid;
  u64 parent_tid;
  u64 exit_signal;
  u64 stack;
  u64 stack_size;
  u64 tls;
};

enum linux_signal {
  SIGHUP = 1,
  SIGINT = 2,
  SIGQUIT = 3,
  SIGKILL = 9,
  SIGTERM = 15,
  SIGPIPE = 13,
  SIGCHLD = 17,
  SIGCONT = 18,
  SIGSTOP = 19,
  SIGTSTP = 20,
  SIGTTIN = 21,
  SIGTTOU = 22,
  SIGWINCH = 28,
  SIGIO = 29,
  SIGNAL_LAST = 64,
  SIG_BLOCK = 0,
  SIG_UNBLOCK = 1,
  SIG_SETMASK = 2,
  SI_USER = 0,
  SI_KERNEL = 0x80
};

#define SIGNALS_ALL (~0ul)
#define SIGNAL_BIT(signal) (1ul << ((signal) - 1))
#define SIGNAL_SET_SIZE 8

enum linux_sigaction_flag { SA_RESTORER = 0x04000000, SA_ONSTACK = 0x08000000, SA_RESTART = 0x10000000 };

/* struct sigaction as the kernel has it; zero is SIG_DFL. */
struct linux_sigaction {
  u64 handler;
  u64 flags;
  u64 restorer;
  u64 mask;
};

/* siginfo_t for signals of children; `pid` and `status` mean nothing for others. */
struct linux_siginfo {
  i32 signo;
  i32 error;
  i32 code;
  i32 pad;
  i32 pid;
  u32 uid;
  i32 status;
  u8 rest[100];
};

enum linux_wait {
  WNOHANG = 1,
  WUNTRACED = 2,
  WSTOPPED = 2,
  WEXITED = 4,
  WCONTINUED = 8,
  WNOWAIT = 0x1000000,
  WALL = 0x40000000,
  P_ALL = 0,
  P_PID = 1
};

struct linux_timespec {
  i64 seconds;
  i64 nanoseconds;
};

enum linux_clock { CLOCK_MONOTONIC = 1 };

struct linux_pollfd {
  i32 fd;
  short events;
  short revents;
};

enum linux_poll { POLLIN = 1, POLLOUT = 4, POLLHUP = 0x10 };

/* Packed on x86-64 alone. */
struct linux_epoll_event {
  u32 events;
  u64 data;
}
#if defined(__x86_64__)
__attribute__((packed))
#endif
;

enum linux_epoll {
  EPOLL_CTL_ADD = 1,
  EPOLL_CTL_DEL = 2,
  EPOLL_CTL_MOD = 3,
  EPOLLIN = 1,
  EPOLLONESHOT = 1 << 30
};

enum linux_prctl {
  PR_SET_PDEATHSIG = 1,
  PR_SET_DUMPABLE = 4,
  PR_SET_KEEPCAPS = 8,
  PR_SET_NAME = 15,
  PR_CAPBSET_READ = 23,
  PR_CAPBSET_DROP = 24,
  PR_SET_CHILD_SUBREAPER = 36,
  PR_GET_CHILD_SUBREAPER = 37,
  PR_SET_NO_NEW_PRIVS = 38,
  PR_CAP_AMBIENT = 47,
  PR_CAP_AMBIENT_RAISE = 2
};

#define CAPABILITY_VERSION_3 0x20080522u

struct linux_cap_header {
  u32 version;
  i32 pid;
};

struct linux_cap_data {
  u32 effective;
  u32 permitted;
  u32 inheritable;
};

enum linux_ioctl {
  SIOCGIFFLAGS = 0x8913,
  SIOCSIFFLAGS = 0x8914,
  IFF_UP = 1,
  NS_GET_TGID_FROM_PIDNS = (int)0x8004b707, /* _IOR(0xb7, 7, int): Linux 6.11 */
  TIOCSCTTY = 0x540E,
  TCGETS = 0x5401,
  TIOCGPGRP = 0x540F,
  TIOCSPGRP = 0x5410,
  TIOCGWINSZ = 0x5413
};

struct linux_rlimit {
  u64 soft;
  u64 hard;
};

enum linux_rlimits { RLIMIT_DATA = 2, RLIMIT_STACK = 3, RLIMIT_NOFILE = 7, RLIMIT_AS = 9, RLIMIT_COUNT = 16 };

struct linux_open_how {
  u64 flags;
  u64 mode;
  u64 resolve;
};

struct linux_statx_time {
  i64 seconds;
  u32 nanoseconds;
  i32 pad;
};

struct linux_statx {
  u32 mask;
  u32 blksize;
  u64 attributes;
  u32 nlink;
  u32 uid;
  u32 gid;
  unsigned short mode;
  unsigned short pad0;
  u64 ino;
  u64 size;
  u64 blocks;
  u64 attributes_mask;
  struct linux_statx_time atime;
  struct linux_statx_time btime;
  struct linux_statx_time ctime;
  struct linux_statx_time mtime;
  u32 rdev_major;
  u32 rdev_minor;
  u32 dev_major;
  u32 dev_minor;
  u64 mnt_id; /* with STATX_MNT_ID in the answer's mask: Linux 5.8 */
  u64 spare[13];
};

enum linux_statx_mask { STATX_BASIC_STATS = 0x7ff, STATX_MNT_ID = 0x1000 };

/* struct statfs */
struct linux_statfs {
  i64 type;
  i64 block_size;
  u64 counts[5];
  u64 id;
  i64 name_length;
  i64 fragment_size;
  u64 flags; /* ST_* */
  u64 rest[10];
};

enum linux_statfs_flag {
  ST_RDONLY = 1,
  ST_NOSUID = 2,
  ST_NODEV = 4,
  ST_NOEXEC = 8,
  ST_NOATIME = 1024,
  ST_NODIRATIME = 2048,
  ST_RELATIME = 4096,
  ST_NOSYMFOLLOW = 8192
};

#define PROC_SUPER_MAGIC 0x9fa0
#define TMPFS_MAGIC 0x01021994

/* struct linux_dirent64 */
struct linux_dirent {
  u64 ino;
  i64 offset;
  unsigned short length;
  u8 type;
  char name[];
};

struct linux_sockaddr_un {
  unsigned short family;
  char path[108];
};

/* struct ifreq, for the flags of an interface. */
struct linux_ifreq {
  char name[16];
  short flags;
  u8 rest[22];
};

enum linux_socket {
  AF_UNIX = 1,
  AF_INET = 2,
  SOCK_DGRAM = 2,
  SOCK_SEQPACKET = 5,
  SOCK_CLOEXEC = 02000000,
  SOL_SOCKET = 1,
  SO_PEERCRED = 17,
  SO_PEERGROUPS = 59,
  MSG_DONTWAIT = 0x40,
  MSG_NOSIGNAL = 0x4000
};

#define EXPORT __attribute__((visibility("default")))

#endif
