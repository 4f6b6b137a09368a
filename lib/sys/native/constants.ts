/**
 * The numbers that both sides of native/ must agree on, and those of the kernel. Generated from
 * native/reeve.h, native/common/linux.h and native/helper/unpack.h: `bun run native/constants.ts` writes
 * it.
 */

export const REEVE_MAGIC = 0x31564552;
export const REEVE_MAX_REQUEST = 16777216;
export const REEVE_MAX_KEPT = 1088;
export const REEVE_GUARD_MAGIC = 0x31444752;
export const REEVE_GUARD_JOINS = 8;
export const REEVE_KEEPER_VERSION = 1;
export const REEVE_PACKET_MAX = 16384;
export const REEVE_SLOTS = 65536;
export const REEVE_HELD_MAX = 1024;
export const REEVE_HELD_NAME = 48;
export const REEVE_DEATHS_MAX = 400;
export const REEVE_ORPHANS_MAX = 256;
export const REEVE_BIRTH_FDS = 240;
export const REEVE_TABLE_MAGIC = 0x314b4252;

/** enum reeve_flag */
export const FLAG = {
  setsid: 1,
  setpgid: 2,
  foreground: 4,
  noNewPrivs: 8,
  clearGroups: 16,
  execFd: 32,
  pathSearch: 64,
  keepCaps: 128,
  loopback: 2048,
  noExec: 4096,
  restart: 256,
  forwardGroup: 512,
  stopOrphans: 1024,
  initSession: 8192,
  shield: 16384,
  keepFds: 32768,
  job: 65536,
  verbose: 131072,
  tellReaped: 262144,
} as const;

/** enum reeve_tag */
export const TAG = {
  arg: 1,
  env: 2,
  path: 3,
  pathDirs: 4,
  chdir: 5,
  uid: 6,
  gid: 7,
  groups: 8,
  umask: 9,
  fd: 10,
  rlimit: 11,
  caps: 12,
  capsBound: 13,
  oom: 14,
  nice: 15,
  pdeathsig: 16,
  parent: 17,
  execFd: 18,
  cpus: 19,
  graceMs: 20,
  cttyRestore: 21,
  setns: 22,
  mount: 23,
  root: 24,
  hostname: 25,
  unshare: 26,
  life: 27,
  ready: 28,
  blocked: 29,
  gate: 30,
  rewrite: 31,
  zeroCode: 32,
  initPdeathsig: 33,
} as const;

/** enum reeve_mount_kind */
export const MOUNT_KIND = {
  bind: 1,
  new: 2,
  remount: 3,
  plain: 4,
  umount: 5,
  devices: 6,
} as const;

/** enum reeve_mount_option */
export const MOUNT_OPTION = {
  create: 1,
  recursive: 2,
  optional: 4,
  sourceInside: 8,
} as const;

/** enum reeve_root */
export const ROOT_KIND = {
  pivot: 1,
  chroot: 2,
} as const;

/** enum reeve_stage */
export const STAGE = {
  spec: 1,
  signals: 2,
  session: 3,
  terminal: 4,
  setns: 5,
  mount: 6,
  root: 7,
  chdir: 8,
  rlimit: 9,
  cpus: 10,
  nice: 11,
  oom: 12,
  fds: 13,
  caps: 14,
  groups: 15,
  gid: 16,
  uid: 17,
  verify: 18,
  pdeathsig: 19,
  noNewPrivs: 20,
  exec: 21,
  unshare: 22,
  hostname: 23,
  loopback: 24,
  userNamespace: 25,
  shield: 26,
} as const;

/** enum reeve_guard_command_kind */
export const GUARD_COMMAND = {
  push: 1,
  watch: 2,
  hush: 3,
} as const;

/** enum reeve_guard_news_kind */
export const GUARD_NEWS = {
  ready: 1,
  failed: 2,
  told: 3,
} as const;

/** enum reeve_keeper_kind */
export const KEEPER = {
  hello: 1,
  birth: 2,
  go: 3,
  free: 4,
  signal: 5,
  adopt: 6,
  hold: 7,
  take: 8,
  drop: 9,
  held: 10,
  up: 11,
  leave: 12,
  next: 13,
  streams: 14,
  notify: 15,
  name: 16,
  ack: 18,
  welcome: 64,
  answer: 65,
  born: 66,
  deaths: 67,
  orphans: 68,
  signals: 69,
} as const;

/** enum reeve_core_reason */
export const CORE_REASON = {
  first: 0,
  reload: 1,
  crashed: 4,
  hung: 5,
  malformed: 6,
} as const;

/** enum reeve_welcome_flag */
export const WELCOME_FLAG = {
  untrusted: 1,
  isInit: 2,
  wasUp: 4,
} as const;

/** enum reeve_birth_flag */
export const BIRTH_FLAG = {
  dumb: 1,
  gated: 2,
  pidNamespace: 4,
  nested: 8,
  foreground: 16,
  last: 16,
} as const;

/** enum reeve_signal_flag */
export const CHILD_SIGNAL = {
  group: 1,
  continue: 2,
} as const;

/** enum reeve_slot_state */
export const SLOT = {
  free: 0,
  birth: 1,
  alive: 2,
  dead: 3,
} as const;

/** enum reeve_role */
export const ROLE = {
  exec: 0,
  init: 1,
  jail: 2,
  guard: 3,
} as const;

/** enum reeve_probe_what */
export const PROBE = {
  clone3: 1,
  execveat: 2,
  closeRange: 3,
  pidfdSignal: 4,
  subreaper: 5,
} as const;

export const EPERM = 1;
export const ENOENT = 2;
export const ESRCH = 3;
export const EINTR = 4;
export const EIO = 5;
export const E2BIG = 7;
export const ENOEXEC = 8;
export const EBADF = 9;
export const ECHILD = 10;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EEXIST = 17;
export const ENODEV = 19;
export const ENOTDIR = 20;
export const EISDIR = 21;
export const EINVAL = 22;
export const ENFILE = 23;
export const EMFILE = 24;
export const ENOTTY = 25;
export const ETXTBSY = 26;
export const ENOSPC = 28;
export const EROFS = 30;
export const EPIPE = 32;
export const ERANGE = 34;
export const ENAMETOOLONG = 36;
export const ENOSYS = 38;
export const ELOOP = 40;
export const EBADMSG = 74;
export const ENOPROTOOPT = 92;
export const EADDRINUSE = 98;
export const ECONNABORTED = 103;
export const ETIMEDOUT = 110;
export const ECONNREFUSED = 111;
export const ESTALE = 116;

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_NOCTTY = 0o400;
export const O_APPEND = 0o2000;
export const O_NONBLOCK = 0o4000;
export const O_ASYNC = 0o20000;
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;
export const O_TMPFILE_BIT = 0o20000000;
export const O_DIRECTORY = process.arch === "arm64" ? 0o40000 : 0o200000;
export const O_NOFOLLOW = process.arch === "arm64" ? 0o100000 : 0o400000;

export const RESOLVE_NO_MAGICLINKS = 2;
export const RESOLVE_IN_ROOT = 16;

export const S_IFMT = 0o170000;
export const S_IFIFO = 0o10000;
export const S_IFCHR = 0o20000;
export const S_IFDIR = 0o40000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;
export const S_ISVTX = 0o1000;
export const S_IWOTH = 2;

export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 256;
export const AT_EMPTY_PATH = 4096;
export const AT_RECURSIVE = 32768;

export const F_GETFD = 1;
export const F_SETFD = 2;
export const F_GETFL = 3;
export const F_SETFL = 4;
export const F_SETOWN = 8;
export const FD_CLOEXEC = 1;
export const F_DUPFD_CLOEXEC = 1030;
export const F_ADD_SEALS = 1033;
export const F_SEAL_SEAL = 1;
export const F_SEAL_SHRINK = 2;
export const F_SEAL_GROW = 4;
export const F_SEAL_WRITE = 8;
export const CLOSE_RANGE_CLOEXEC = 4;
export const MFD_CLOEXEC = 1;
export const MFD_ALLOW_SEALING = 2;
export const MFD_EXEC = 16;

export const CLONE_VM = 256;
export const CLONE_FS = 512;
export const CLONE_FILES = 1024;
export const CLONE_SIGHAND = 0x800;
export const CLONE_PIDFD = 0x1000;
export const CLONE_VFORK = 0x4000;
export const CLONE_PARENT = 0x8000;
export const CLONE_THREAD = 0x10000;
export const CLONE_NEWNS = 0x20000;
export const CLONE_SYSVSEM = 0x40000;
export const CLONE_NEWCGROUP = 0x2000000;
export const CLONE_NEWUTS = 0x4000000;
export const CLONE_NEWIPC = 0x8000000;
export const CLONE_NEWUSER = 0x10000000;
export const CLONE_NEWPID = 0x20000000;
export const CLONE_NEWNET = 0x40000000;

export const MS_RDONLY = 1;
export const MS_NOSUID = 2;
export const MS_NODEV = 4;
export const MS_NOEXEC = 8;
export const MS_SYNCHRONOUS = 16;
export const MS_REMOUNT = 32;
export const MS_MANDLOCK = 64;
export const MS_DIRSYNC = 128;
export const MS_NOSYMFOLLOW = 256;
export const MS_NOATIME = 1024;
export const MS_NODIRATIME = 0x800;
export const MS_BIND = 0x1000;
export const MS_MOVE = 0x2000;
export const MS_REC = 0x4000;
export const MS_SILENT = 0x8000;
export const MS_PRIVATE = 0x40000;
export const MS_SHARED = 0x100000;
export const MS_RELATIME = 0x200000;
export const MS_STRICTATIME = 0x1000000;
export const MS_ATTRIBUTES = 0x1200d0f;
export const MS_WHAT = 0xd020;
export const MNT_FORCE = 1;
export const MNT_DETACH = 2;
export const MNT_EXPIRE = 4;
export const UMOUNT_NOFOLLOW = 8;
export const OPEN_TREE_CLONE = 1;
export const OPEN_TREE_CLOEXEC = 524288;
export const MOVE_MOUNT_F_EMPTY_PATH = 4;
export const MOVE_MOUNT_T_EMPTY_PATH = 64;
export const MOUNT_ATTR_RDONLY = 1;
export const MOUNT_ATTR_NOSUID = 2;
export const MOUNT_ATTR_NODEV = 4;
export const MOUNT_ATTR_NOEXEC = 8;
export const MOUNT_ATTR_ATIME_MASK = 112;
export const MOUNT_ATTR_RELATIME = 0;
export const MOUNT_ATTR_NOATIME = 16;
export const MOUNT_ATTR_STRICTATIME = 32;
export const MOUNT_ATTR_NODIRATIME = 128;
export const MOUNT_ATTR_NOSYMFOLLOW = 2097152;

export const SIGHUP = 1;
export const SIGINT = 2;
export const SIGQUIT = 3;
export const SIGKILL = 9;
export const SIGTERM = 15;
export const SIGPIPE = 13;
export const SIGCHLD = 17;
export const SIGCONT = 18;
export const SIGSTOP = 19;
export const SIGTSTP = 20;
export const SIGTTIN = 21;
export const SIGTTOU = 22;
export const SIGWINCH = 28;
export const SIGIO = 29;
export const SIGNAL_LAST = 64;
export const SIG_BLOCK = 0;
export const SIG_UNBLOCK = 1;
export const SIG_SETMASK = 2;
export const SI_USER = 0;
export const SI_KERNEL = 128;

/** enum request_limit */
export const LIMIT = {
  fds: 1024,
  setns: 16,
  rlimits: 16,
  groups: 65536,
  cpuBytes: 8192,
  fd: 1048576,
  mounts: 256,
  mountString: 4096,
  hostname: 64,
} as const;
