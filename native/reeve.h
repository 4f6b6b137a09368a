/* reeve.h: the whole contract of the native layer.
 *
 * Two artefacts are built from native/, both freestanding (no libc, raw system calls, x86-64 and arm64):
 *   libreeve.so   called over bun:ffi by lib/sys/ alone
 *   helper        a static program with the roles exec, init, jail and guard
 *
 * Every function of the library returns >= 0 or -errno. The library prints nothing, exits never, keeps no
 * state between calls and calls nobody back: it is a guest in a multi-threaded runtime.
 *
 * The request format below is packed by lib/sys/child/pack.ts, pack_confinement.ts and unpacked by
 * native/helper/unpack.c, unpack_place.c, nowhere else.
 */
#ifndef REEVE_H
#define REEVE_H

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;
typedef int i32;
typedef long i64;

/* ---- the packed request ----------------------------------------------------------------------------
 *
 * Little-endian. A header, then records until `size` is reached. Every record is {u16 tag, u16 zero, u32
 * length}, then `length` bytes, then zero bytes to the next multiple of 8. A string is its bytes with one
 * closing NUL that the length counts, and no other NUL. Unknown tags, a scalar tag that comes twice, a length
 * that does not fit, numbers out of range: the whole request is refused with -EBADMSG.
 */
#define REEVE_MAGIC 0x31564552u /* "REV1" */
#define REEVE_MAX_REQUEST (16u << 20)
/* Descriptors that a clone or an exec can keep: all that a request can name, and some of our own. */
#define REEVE_MAX_KEPT 1088

struct reeve_header {
  u32 magic;
  u32 size;     /* of the whole request, this header included */
  u64 spawn_id; /* comes back in a report */
  u32 flags;    /* REEVE_F_* */
  i32 report_fd; /* where a struct reeve_report is written when a stage fails; -1 for none */
};

enum reeve_flag {
  REEVE_F_SETSID = 1 << 0,       /* a session and process group of its own */
  REEVE_F_SETPGID = 1 << 1,      /* a process group of its own in the caller's session (never with SETSID) */
  /* fd 0 is a terminal: make the child's group its foreground group (TTOU blocked); where fd 0 is not our
   * controlling terminal: setsid and TIOCSCTTY first */
  REEVE_F_FOREGROUND = 1 << 2,
  REEVE_F_NO_NEW_PRIVS = 1 << 3,
  REEVE_F_CLEAR_GROUPS = 1 << 4, /* setgroups(0) when there is no GROUPS record */
  REEVE_F_EXEC_FD = 1 << 5,      /* execute the file behind EXEC_FD, not PATH */
  REEVE_F_PATH_SEARCH = 1 << 6,  /* look PATH (argv[0] without one) up in PATH_DIRS as execvp does
                                    (ENOENT and EACCES rules too) */
  /* CAPS: the capabilities kept over the change of uid, also as ambient ones */
  REEVE_F_KEEP_CAPS = 1 << 7,
  REEVE_F_LOOPBACK = 1 << 11,    /* with UNSHARE of the net namespace: bring its loopback up */
  /* no program: exit(0) after the last step. Then no ARG record is needed (mount and hostname in a jail) */
  REEVE_F_NO_EXEC = 1 << 12,
  /* for the role init only */
  /* start the child again when a signal killed it, five times in 60 s at most; not when it died of a signal
   * that was forwarded, or within 60 s of a forwarded TERM, INT, QUIT */
  REEVE_F_RESTART = 1 << 8,
  REEVE_F_FORWARD_GROUP = 1 << 9,/* forward signals to the child's group, else to the child alone */
  REEVE_F_STOP_ORPHANS = 1 << 10,/* when the child is gone: TERM to what is left, KILL after GRACE_MS */
  /* SETSID or SETPGID hold for the init too, before its child does the same: what is sent to the init's group
   * reaches the child once, forwarded */
  REEVE_F_INIT_SESSION = 1 << 13,
  /* with UNSHARE of the mnt namespace: when all is mounted, what /proc, /sys and other file systems of the
     kernel hold of the host is made read-only or covered, wherever it is mounted (helper/jail/shield.c) */
  REEVE_F_SHIELD = 1 << 14,
  REEVE_F_KEEP_FDS = 1 << 15,    /* every descriptor stays as it is: without FD records */
  /* for the role init only */
  /* TSTP, TTIN and TTOU stop the child (STOP, where it leads a group of its own: its own may not be stopped
   * by others), and the init after it */
  REEVE_F_JOB = 1 << 16,
  REEVE_F_VERBOSE = 1 << 17,     /* a line on stderr for the start, each signal, and the end of the child */
  REEVE_F_TELL_REAPED = 1 << 18, /* a line on stderr for each orphan */
  REEVE_F_LAST = 1 << 18
};

enum reeve_tag {
  REEVE_T_ARG = 1,        /* string, repeated, at least one */
  REEVE_T_ENV = 2,        /* string NAME=value, repeated */
  /* string: the file to execute (may hold no '/' only with PATH_SEARCH); a text that is no program for the
   * kernel is given to /bin/sh, as execvp does; else, and without a shell: ENOEXEC */
  REEVE_T_PATH = 3,
  REEVE_T_PATH_DIRS = 4,  /* string: colon list for PATH_SEARCH */
  REEVE_T_CHDIR = 5,      /* string */
  REEVE_T_UID = 6,        /* u32, never 0xffffffff */
  REEVE_T_GID = 7,        /* u32, never 0xffffffff */
  REEVE_T_GROUPS = 8,     /* u32[], at most 65536: supplementary groups */
  REEVE_T_UMASK = 9,      /* u32, 0 to 0777 */
  /* i32 {source, target}, repeated at most 1024 times, no target twice, below 2^20: target of the child =
   * source of the caller; source -1: /dev/null read-write (falls back to a closed pipe end where there is no
   * /dev/null) */
  REEVE_T_FD = 10,
  REEVE_T_RLIMIT = 11,    /* {u32 resource, u32 zero, u64 soft, u64 hard}, repeated; ~0 is infinity */
  /* u64 mask: permitted, effective, inheritable, and with KEEP_CAPS ambient. A change to a uid other than 0
   * without KEEP_CAPS leaves no capability at all */
  REEVE_T_CAPS = 12,
  REEVE_T_CAPS_BOUND = 13,/* u64 mask of the bounding set to keep */
  REEVE_T_OOM = 14,       /* i32, -1000 to 1000 */
  REEVE_T_NICE = 15,      /* i32, -20 to 19 */
  REEVE_T_PDEATHSIG = 16, /* u32, 1 to 64; the parent is verified to be PARENT after it is set */
  REEVE_T_PARENT = 17,    /* u32: pid of the parent as the child sees it (getppid) */
  REEVE_T_EXEC_FD = 18,   /* i32 */
  REEVE_T_CPUS = 19,      /* bytes: cpu_set_t mask for sched_setaffinity */
  REEVE_T_GRACE_MS = 20,  /* u32 (init) */
  REEVE_T_CTTY_RESTORE = 21, /* reserved */
  /* i32 {fd, clone flags}, repeated, in order: fd is a namespace file, or a pidfd with several flags, which
   * the kernel joins from 5.8 on (EINVAL before: lib/sys/child/namespaces.ts opens the files). NEWPID is the
   * library's to join, before the clone. NEWUSER is joined last, after SHIELD: so nobody can undo it */
  REEVE_T_SETNS = 22,
  REEVE_T_MOUNT = 23,     /* struct reeve_mount, then its strings; repeated, in order */
  /* u32 enum reeve_root, u32 zero, string: the new root directory, resolved before any mount. Once */
  REEVE_T_ROOT = 24,
  REEVE_T_HOSTNAME = 25,  /* string, 1 to 64 bytes: sethostname, after UNSHARE */
  /* u32 CLONE_NEW* without NEWPID: after SETNS, before mounts. NEWNS makes every mount private, recursively,
   * inside. NEWUSER comes last, just before the capabilities: the ids stay as they are, the host's
   * capabilities are gone */
  REEVE_T_UNSHARE = 26,
  /* i32: read end of a pipe whose write end the parent alone holds. After PDEATHSIG is set: hung up means the
   * parent is gone (getppid says 0 across PID namespaces). Replaces the check of PARENT */
  REEVE_T_LIFE = 27,
  /* i32: roles init and jail write one byte 'R' into it when everything is set up (init: before its child is
   * forked), and close it */
  REEVE_T_READY = 28,
  /* u64: signals that are blocked in the program, bit n-1 for signal n; without: none */
  REEVE_T_BLOCKED = 29,
  /* i32: read end of a pipe whose write end the parent alone holds: nothing is done before a byte has come,
   * for the child is on record by then; the end of the pipe, and the parent's death, end the child */
  REEVE_T_GATE = 30,
  /* for the role init only */
  /* u32 {from, to}, signals 1 to 64, repeated: `to` goes to the child in the place of `from`; 0: nothing does
   */
  REEVE_T_REWRITE = 31,
  REEVE_T_ZERO_CODE = 32, /* u32, 0 to 255, repeated: the init's own exit code is 0 instead of this one */
  REEVE_T_INIT_PDEATHSIG = 33 /* u32, 1 to 64: sent to the init when its parent ends */
};
/* With any of SETNS, UNSHARE, ROOT, MOUNT, LIFE, READY: the helper cannot be traced or dumped without the
 * host's rights, and has closed every descriptor that the request does not name (0 to 2: /dev/null) before it
 * joins anything. Refused with -EBADMSG, since it would be done to the caller: MOUNT without a mnt namespace
 * in UNSHARE or SETNS, HOSTNAME without a uts one, a pivot ROOT or SHIELD without UNSHARE of mnt, LOOPBACK
 * without UNSHARE of net. */

/* One mount. After it in the record: four strings, each with its NUL: source, target, type, data (empty:
 * none). The target is resolved beneath the new root (that of ROOT, else "/" as it is after SETNS), never out
 * of it by a link or by "..": openat2 with RESOLVE_IN_ROOT, else a walk with O_NOFOLLOW from descriptor to
 * descriptor. The source of a BIND is a path outside, as it was before the change of root; one beneath ROOT's
 * own path is resolved in that root, with what is mounted in it outside; with SOURCE_INSIDE it is resolved as
 * the target is. Nothing is mounted on the root itself (EINVAL). */
enum reeve_mount_kind {
  /* the flags of the source's mount (read-only, nosuid ...) are kept; `flags` are added to them */
  REEVE_M_BIND = 1,
  /* mount(type, flags, data): proc, tmpfs, devpts, sysfs, mqueue, or whatever a mount action names */
  REEVE_M_NEW = 2,
  /* `flags` set on the mount whose root is the target (else EINVAL), kept flags kept; RECURSIVE: on all below
   * it too */
  REEVE_M_REMOUNT = 3,
  REEVE_M_PLAIN = 4,    /* mount(2) as it is said, for flags such as private, shared, move */
  /* umount2(target, flags), a link in the last place not followed; RECURSIVE: what is mounted below it first
   */
  REEVE_M_UMOUNT = 5,
  /* target is a /dev: null, zero, full, random, urandom, tty bound from outside where they are missing, or an
   * empty file, or cannot be used (nodev); pts as a new devpts instance unless it is a mount already, and
   * ptmx as that one's. Anything else that is there is left alone. What cannot be made in a read-only root is
   * left out */
  REEVE_M_DEVICES = 6
};
enum reeve_mount_option {
  /* make a missing mount point: a directory, or a file where the source is none; and its parents */
  REEVE_MO_CREATE = 1 << 0,
  REEVE_MO_RECURSIVE = 1 << 1,
  REEVE_MO_OPTIONAL = 1 << 2,      /* a source or target that is not there (ENOENT, EROFS) skips it */
  REEVE_MO_SOURCE_INSIDE = 1 << 3
};
struct reeve_mount {
  u32 kind;
  u32 options;
  u64 flags; /* MS_* or MNT_* */
};
enum reeve_root {
  /* bound onto itself, alone; all other mounts are gone afterwards (needs a mount namespace of its own) */
  REEVE_R_PIVOT = 1,
  REEVE_R_CHROOT = 2  /* chroot(2) */
};

/* The stages at which a child may fail, in the order in which it does them, but that RLIMIT, CPUS, NICE and
 * OOM come before SETNS: they need the host's /proc and rights. Names for people: lib/sys/child/stage.ts. */
enum reeve_stage {
  REEVE_S_SPEC = 1,
  REEVE_S_SIGNALS = 2,
  REEVE_S_SESSION = 3,
  REEVE_S_TERMINAL = 4,
  REEVE_S_SETNS = 5,
  REEVE_S_MOUNT = 6,
  REEVE_S_ROOT = 7,
  REEVE_S_CHDIR = 8,
  REEVE_S_RLIMIT = 9,
  REEVE_S_CPUS = 10,
  REEVE_S_NICE = 11,
  REEVE_S_OOM = 12,
  REEVE_S_FDS = 13,
  REEVE_S_CAPS = 14,
  REEVE_S_GROUPS = 15,
  REEVE_S_GID = 16,
  REEVE_S_UID = 17,
  REEVE_S_VERIFY = 18,
  REEVE_S_PDEATHSIG = 19,
  REEVE_S_NO_NEW_PRIVS = 20,
  REEVE_S_EXEC = 21,
  REEVE_S_UNSHARE = 22,  /* between SETNS and MOUNT */
  REEVE_S_HOSTNAME = 23, /* after ROOT */
  REEVE_S_LOOPBACK = 24,
  REEVE_S_USER_NAMESPACE = 25, /* before CAPS; one that is joined: after SHIELD */
  REEVE_S_SHIELD = 26          /* after HOSTNAME */
};

/* One write of 24 bytes into report_fd, before the helper exits with 127 (EXEC: ENOENT), 126 (EXEC: other) or
 * 125. */
struct reeve_report {
  u64 spawn_id;
  u32 stage;
  i32 error; /* positive errno */
  i32 pid;   /* getpid() of the one that failed */
  u32 detail; /* MOUNT: which of the MOUNT records, counted from 0; else 0 */
};

/* ---- the guard --------------------------------------------------------------------------------------
 *
 * Role guard of the helper, "reeve-guard": holds the deadline of a lordship (native/helper/guard/guard.c says
 * how). It is started by reeve_spawn_in with this request in the place of the packed one, and makes a PID
 * namespace; daemons are born into that one (pidns_fd) while it stands. At the deadline the kernel kills the
 * guard, its PID 1 and all in the namespace. Times are nanoseconds of CLOCK_BOOTTIME.
 */
#define REEVE_GUARD_MAGIC 0x31444752u /* "RGD1" */
#define REEVE_GUARD_JOINS 8

struct reeve_guard_request {
  u32 magic;
  /* read end of a pipe of struct reeve_guard_command, whose write end the core alone holds: hung up, the core
   * is gone */
  i32 commands_fd;
  i32 news_fd;          /* write end, non-blocking, of a pipe of struct reeve_guard_news */
  i32 pid_namespace_fd; /* the PID namespace within which the new one lies; -1: the guard's own */
  u64 deadline;
  u32 njoins;
  u32 zero;
  /* namespaces that its PID 1 joins, as a jail's processes do: nothing of the host can be reached through it
   */
  struct {
    i32 fd;    /* a namespace file, or a pidfd */
    u32 flags; /* CLONE_NEW*, never NEWPID */
  } joins[REEVE_GUARD_JOINS];
};

enum reeve_guard_command_kind {
  REEVE_G_PUSH = 1, /* value: the new deadline. One that is no later than the present one is ignored */
  /* pid, as the guard sees it, is a daemon: `signal` goes to its group (to itself where it leads none)
   * `value` before the deadline, or at once when the core is gone. Nobody outside the namespace, and those
   * within it, is ever signalled */
  REEVE_G_WATCH = 2,
  /* the core has told all daemons to stop: they are not to hear it twice. The deadline stands */
  REEVE_G_HUSH = 3
};
struct reeve_guard_command {
  u32 kind;
  i32 pid;
  u32 signal;
  u32 zero;
  u64 value;
};

enum reeve_guard_news_kind {
  /* value: pid of PID 1, as the guard sees it. The deadline is held from before this on */
  REEVE_G_READY = 1,
  REEVE_G_FAILED = 2, /* value: errno; the guard ends with 125 */
  REEVE_G_TOLD = 3    /* value: pid of the daemon that was sent its stop signal */
};
struct reeve_guard_news {
  u32 kind;
  i32 value;
};

/* ---- the keeper -------------------------------------------------------------------------------------
 *
 * The native process that people see as reeve: the parent of every daemon, which holds what must not end with
 * a core (helper/keeper/). It and the core, which decides, speak over a pair of SEQPACKET sockets: a struct
 * reeve_packet each, its body behind it, little-endian. An answer has the id of what it answers; what the
 * keeper says unasked has a number of its own, which the core acknowledges (REEVE_K_ACK). Whatever else comes
 * from a core ends that core. Times are nanoseconds of CLOCK_BOOTTIME.
 */
#define REEVE_KEEPER_VERSION 1u
#define REEVE_PACKET_MAX 16384u
#define REEVE_SLOTS 65536u
#define REEVE_HELD_MAX 1024u
#define REEVE_HELD_NAME 48u
#define REEVE_DEATHS_MAX 400u
#define REEVE_ORPHANS_MAX 256u
/* Descriptors of one birth, beside the request, its PID namespace and the keeper's own three. */
#define REEVE_BIRTH_FDS 240u

struct reeve_packet {
  u32 kind; /* enum reeve_keeper_kind */
  u32 size; /* of the whole packet */
  u64 id;
};

enum reeve_keeper_kind {
  /* from the core */
  REEVE_K_HELLO = 1,  /* u8[32]: which build it is -> WELCOME */
  /* struct reeve_birth; descriptors: the request, with PID_NAMESPACE that one, then the child's -> BORN */
  REEVE_K_BIRTH = 2,
  REEVE_K_GO = 3,     /* struct reeve_ref: lets a GATED child in -> ANSWER: 0, -ESRCH */
  REEVE_K_FREE = 4,   /* u32 count, u32 zero, struct reeve_ref[]: these ends have been taken */
  REEVE_K_SIGNAL = 5, /* struct reeve_signal -> ANSWER: 0, -ESRCH */
  REEVE_K_ADOPT = 6, /* struct reeve_adoption: a child of ours without a slot -> BORN: -ESRCH: there is
  * none */
  /* struct reeve_name and a descriptor, which is held until DROP, over cores too -> ANSWER: 0, -ENOSPC.
   * "helper" is the program of the helper, without which nobody can be born */
  REEVE_K_HOLD = 7,
  REEVE_K_TAKE = 8,   /* struct reeve_name -> ANSWER with a copy of the descriptor; -ENOENT */
  REEVE_K_DROP = 9,   /* struct reeve_name -> ANSWER: 0, -ENOENT */
  REEVE_K_HELD = 10,  /* u32 from, u32 zero -> ANSWER: how many are held, then names from that one on */
  REEVE_K_UP = 11,    /* the instance is up: from now on a core that ends is followed by the next one */
  REEVE_K_LEAVE = 12, /* i32 code, u32 zero: with this core the instance ends */
  REEVE_K_NEXT = 13,  /* u32 enum reeve_core_reason, u32 zero: when this core ends the next one comes at
  * once */
  REEVE_K_STREAMS = 14, /* two descriptors: from now on the keeper's 1 and 2, and later cores' -> ANSWER */
  REEVE_K_NOTIFY = 15,  /* text: to the service manager, as one datagram -> ANSWER: 0 or -errno */
  REEVE_K_NAME = 16,   /* char[16]: what ps calls the keeper */
  REEVE_K_ACK = 18,    /* all up to this id has been heard */
  /* from the keeper */
  REEVE_K_WELCOME = 64, /* struct reeve_welcome, the descriptor of the table */
  REEVE_K_ANSWER = 65,  /* i64 result, then what was asked for */
  REEVE_K_BORN = 66,    /* struct reeve_born */
  REEVE_K_DEATHS = 67,  /* u32 count, u32 zero, struct reeve_death[] */
  REEVE_K_ORPHANS = 68, /* u32 count, u32 listed, struct reeve_orphan[]: reaped since; the last of them */
  REEVE_K_SIGNALS = 69  /* u64: signals that the instance was sent, bit n-1 for signal n */
};

enum reeve_core_reason {
  REEVE_W_FIRST = 0,
  REEVE_W_RELOAD = 1,
  REEVE_W_CRASHED = 4,  /* the one before ended without a word */
  REEVE_W_HUNG = 5,     /* it did not acknowledge, and was killed */
  REEVE_W_MALFORMED = 6 /* it said what no core says, and was killed */
};

enum reeve_welcome_flag {
  /* three cores died within a minute: what they handed over is not to be trusted */
  REEVE_WF_UNTRUSTED = 1 << 0,
  REEVE_WF_IS_INIT = 1 << 1, /* the keeper is PID 1 */
  REEVE_WF_WAS_UP = 1 << 2   /* a core before this one has said UP */
};

struct reeve_welcome {
  u32 version;
  u32 generation; /* 1: the first core */
  u32 reason;     /* enum reeve_core_reason */
  i32 status;     /* wait status of the core before */
  i32 keeper_pid;
  /* The descriptors of a birth have the numbers birth_base + 3 and up in its request, in their order. Before
   * them are the keeper's: the pipe for reports, the gate, the pipe that hangs up at the keeper's end. */
  u32 birth_base;
  u32 birth_fds; /* at most so many in one birth */
  u32 flags;     /* enum reeve_welcome_flag */
  u32 held;      /* how many descriptors are held */
  u32 zero;
  u64 nofile_soft; /* RLIMIT_NOFILE as reeve was started with: the children's */
  u64 nofile_hard;
};

/* Never read by the keeper: who it is, for a core that finds the child in the table. */
struct reeve_label {
  u64 daemon; /* a hash of its name */
  u64 start;
  u32 purpose;
  u32 zero;
};

enum reeve_birth_flag {
  /* ends with the keeper, with all that bears its mark */
  REEVE_B_DUMB = 1 << 0,
  REEVE_B_GATED = 1 << 1, /* waits for GO; the end of the keeper is its end until then */
  REEVE_B_PID_NAMESPACE = 1 << 2,
  REEVE_B_NESTED = 1 << 3, /* of reeve_spawn_in: both a PID namespace and clone_flags */
  REEVE_B_FOREGROUND = 1 << 4, /* COMMAND of an entrypoint: where it stops, the keeper stops */
  REEVE_B_LAST = 1 << 4
};

struct reeve_birth {
  u32 role; /* enum reeve_role */
  u32 flags;
  u64 clone_flags; /* CLONE_NEWPID or 0 */
  struct reeve_label label;
  u64 spawn_id; /* of the request: its report is told with its death */
  u64 mark;     /* value of the soft RLIMIT_LOCKS; 0: none */
  u32 stop_signal;
  u32 grace_ms;
  u32 nfds; /* the child's */
  u32 zero;
};

struct reeve_ref {
  u32 slot;
  u32 zero;
  u64 id;
};

enum reeve_signal_flag {
  REEVE_KS_GROUP = 1 << 0,   /* to its process group, where it leads one */
  REEVE_KS_CONTINUE = 1 << 1 /* CONT after it */
};
struct reeve_signal {
  struct reeve_ref ref;
  u32 signal;
  u32 flags;
};

struct reeve_adoption {
  i32 pid;
  u32 flags; /* REEVE_B_DUMB or 0 */
  u64 start_time;
  struct reeve_label label;
  u64 mark;
  u32 stop_signal;
  u32 grace_ms;
};

struct reeve_name {
  char name[REEVE_HELD_NAME]; /* its unused rest is zero, and one byte at least */
};

struct reeve_born {
  i64 result; /* the slot, or -errno: then there is no child */
  u64 id;
  i32 pid;
  u32 zero;
  u64 start_time; /* clock ticks since boot, as /proc/PID/stat has it; 0: not known */
};

struct reeve_death {
  u32 slot;
  i32 pid;
  u64 id;
  i32 status; /* of wait(2) */
  u32 stage;  /* enum reeve_stage of the report; 0: there was none */
  i32 error;
  u32 detail;
};

struct reeve_orphan {
  i32 pid;
  i32 status;
};

/* The table of children: a file in memory that keeper, second and core share; the keeper alone writes it. */
#define REEVE_TABLE_MAGIC 0x314b4252u /* "RBK1" */

enum reeve_slot_state {
  REEVE_SLOT_FREE = 0,
  REEVE_SLOT_BIRTH = 1, /* taken; pid may be there already */
  REEVE_SLOT_ALIVE = 2,
  REEVE_SLOT_DEAD = 3 /* reaped, and nobody has taken its end */
};

struct reeve_slot {
  u32 state;
  i32 pid; /* FREE: the next free slot, or -1 */
  u64 id;  /* of this child, never given again */
  u64 start_time;
  struct reeve_label label;
  u64 spawn_id;
  u64 mark;
  u32 flags; /* enum reeve_birth_flag */
  u32 stop_signal;
  u32 grace_ms;
  i32 status;
  u32 stage;
  i32 error;
  u32 detail;
  i32 gate; /* the keeper's end; -1: none */
  u64 born;
  u64 died;
  u64 rest[2];
};

struct reeve_table {
  u32 magic;
  u32 version;
  u32 used; /* slots from here on were never taken */
  i32 free; /* first of those that were given back; -1: none */
  u64 next_id;
  i32 core_pid; /* 0: there is none */
  u32 zero;
  u64 core_start;
  u64 rest[11];
  struct reeve_slot slots[REEVE_SLOTS];
};

/* ---- the library ----------------------------------------------------------------------------------- */

/* Starts a child: clone3(CLONE_VM | CLONE_VFORK | CLONE_PIDFD) with all signals blocked around it; the child
 * clears FD_CLOEXEC on `keep[0..nkeep)` (its own table: no CLONE_FILES) and does execveat(helper_fd, "",
 * {"reeve-exec", "<request_fd>"}, {}, AT_EMPTY_PATH), nothing else; the flag of request_fd is cleared as
 * well. Where clone3 is refused (ENOSYS, EPERM) plain clone is used. The helper reads the request from
 * request_fd (a memfd). out[0] = pid, out[1] = pidfd (close-on-exec; -1 where the kernel gives none).  -> 0
 * or -errno (EAGAIN, ENOMEM, and those of execveat). */
i64 reeve_spawn(i32 helper_fd, i32 request_fd, const i32 *keep, u32 nkeep, i32 *out);

/* The same with the namespaces that only a clone can give. role: 0 exec, 1 init (PID 1 for one child), 2 jail
 * (PID 1 without a child: its request has NO_EXEC; it sets up, says READY, reaps for as long as it lives,
 * without a descriptor; it dies of nothing but SIGKILL). clone_flags: CLONE_NEWPID or 0. pidns_fd: the PID
 * namespace to be born in; -1: none. With both, the new one lies within that one.
 *
 * Into another namespace goes a helper, which makes the child there as a child of ours (CLONE_PARENT): nobody
 * in it ever sees a process that shares our memory, or can hold us up by stopping one. For a namespace within
 * that one, which takes a process that lives in it, they can, for 250 ms: then -EAGAIN. The child goes on
 * when we have its pid, and ends if we die before. */
enum reeve_role { REEVE_ROLE_EXEC = 0, REEVE_ROLE_INIT = 1, REEVE_ROLE_JAIL = 2, REEVE_ROLE_GUARD = 3 };
i64 reeve_spawn_in(i32 helper_fd, i32 request_fd, const i32 *keep, u32 nkeep, u32 role, i32 pidns_fd, u64 clone_flags, i32 *out);

/* Turns this process into the helper (same pid), role init: execveat with argv {"reeve-init",
 * "<request_fd>"}; FD_CLOEXEC is cleared on keep[]. Returns only -errno; then the flags are set again. */
i64 reeve_become_init(i32 helper_fd, i32 request_fd, const i32 *keep, u32 nkeep);

/* execveat of fd (or of path when fd is -1); argv and envp are NUL-separated blocks ending with an empty
 * string. Signals in `block_mask` are blocked before, and stay so over the exec: the new image unblocks them
 * with reeve_sigmask when it can take them. */
i64 reeve_exec_self(i32 fd, const char *path, const char *argv_block, const char *env_block, const i32 *keep, u32 nkeep, u64 block_mask);

/* how: 0 block, 1 unblock, 2 set. Calling thread. bit n-1 = signal n. Returns 0. */
i64 reeve_sigmask(i32 how, u64 mask);

/* Holds the signals of `mask` back from the whole process, whichever thread the kernel picks: they stay
 * pending on the main thread, which must be the caller, and survive an exec. `saved` takes the handlers until
 * reeve_release_signals, which puts them back and lets what is pending come: 4 u64 for each of 64 signals. ->
 * 0, -EPERM (not the main thread), -EINVAL. */
i64 reeve_hold_signals(u64 mask, u64 *saved);
i64 reeve_release_signals(u64 mask, const u64 *saved);

/* waitid(P_ALL, WEXITED | WNOHANG | WNOWAIT): looks at a dead child and leaves it a zombie. out[0] = pid (0:
 * none), out[1] = code (CLD_*), out[2] = status. -> 1 when there is one, 0 when none is dead, -ECHILD when
 * there is no child. */
i64 reeve_peek_child(i32 *out);
/* wait4(pid, WNOHANG): out[0] = pid or 0, out[1] = wait status. pid > 0 only. -> 1 when it was reaped, 0 when
 * it lives. */
i64 reeve_reap(i32 pid, i32 *out);

/* wait4(-1, WNOHANG) until nobody is dead or `pairs` are reaped: out[2i] = pid, out[2i+1] = wait status. ->
 * how many. */
i64 reeve_reap_all(i32 *out, u32 pairs);

/* pid > 0 only. -> fd (close-on-exec) or -errno. */
i64 reeve_pidfd_open(i32 pid);
/* sig 0..64. */
i64 reeve_pidfd_signal(i32 pidfd, i32 sig);
/* Kills a process group; pgid > 1 only. The caller has verified the leader (a zombie not yet reaped, or a
 * live pidfd). */
i64 reeve_kill_group(i32 pgid, i32 sig);
/* Kills one process, for kernels without pidfd; pid > 1 only. */
i64 reeve_kill(i32 pid, i32 sig);

i64 reeve_memfd(const char *name, u32 flags); /* memfd_create; adds MFD_EXEC when asked (0x10) and known */
i64 reeve_pipe(i32 *out, u32 flags);          /* pipe2 */
i64 reeve_write(i32 fd, const void *bytes, u64 count);
i64 reeve_read(i32 fd, void *bytes, u64 count);
i64 reeve_close(i32 fd);
i64 reeve_dup3(i32 from, i32 to, u32 flags);
i64 reeve_cloexec(i32 fd, i32 on);
i64 reeve_nonblock(i32 fd, i32 on);
i64 reeve_seal(i32 fd); /* F_ADD_SEALS: write, grow, shrink, seal */

/* prctl(PR_SET_CHILD_SUBREAPER, on) ; PR_SET_DUMPABLE; PR_SET_NAME */
i64 reeve_subreaper(i32 on);
i64 reeve_set_name(const char *name);
/* prlimit64 of this process: pair[0] soft, pair[1] hard; set 0 reads, 1 writes. */
i64 reeve_rlimit(u32 resource, i32 set, u64 *pair);
i64 reeve_umask(i32 mask); /* -1 reads (sets and restores) */
i64 reeve_clock(i32 clock_id, i64 *out); /* out[0] s, out[1] ns */

/* openat2(dirfd, path, flags | O_CLOEXEC, mode, resolve); plain openat when resolve is 0, so -ENOSYS (an old
 * kernel) comes only where resolve matters. The O_ flags are those of the architecture: O_DIRECTORY,
 * O_NOFOLLOW, O_DIRECT differ on arm64. */
i64 reeve_openat(i32 dirfd, const char *path, u32 flags, u32 mode, u64 resolve);
/* Opens `path` with the directory behind rootfd in the place of "/" : no link, no ".." and no magic link
 * leads out of it. openat2, and where the kernel has none (or `walk` asks for it: tests) a walk from
 * descriptor to descriptor, 40 links at most. flags: O_* of the architecture, O_CLOEXEC added. */
i64 reeve_open_in_root(i32 rootfd, const char *path, u32 flags, u32 mode, u32 walk);
/* The pid in this process's namespace of the process that is `pid` in the PID namespace behind nsfd
 * (NS_GET_TGID_FROM_PIDNS). -> pid, -ESRCH, -ENOTTY where the kernel cannot tell. */
i64 reeve_pid_from_namespace(i32 nsfd, i32 pid);
/* mknodat(S_IFIFO): the permissions are cut by the umask. */
i64 reeve_mkfifoat(i32 dirfd, const char *path, u32 mode);
i64 reeve_unlinkat(i32 dirfd, const char *path, u32 flags);
i64 reeve_renameat(i32 dirfd, const char *from, const char *to);
/* statx of fd (path empty) or path under dirfd; out: mode, uid, gid, size, ino, dev, mtime s, mtime ns,
 * nlink, fs type magic (0 unless fd). u64[10]. */
i64 reeve_stat(i32 dirfd, const char *path, i32 follow, u64 *out);
i64 reeve_chown(i32 fd, u32 uid, u32 gid);
i64 reeve_flock(i32 fd, i32 operation);
/* SO_PEERCRED of a unix socket: out[0] pid, out[1] uid, out[2] gid. */
i64 reeve_peercred(i32 fd, i32 *out);
/* SO_PEERGROUPS: the supplementary groups of the peer at its connect, out[0..room). -> how many; -ERANGE:
 * they are more; -ENOPROTOOPT before Linux 4.13. */
i64 reeve_peergroups(i32 fd, u32 *out, u32 room);
/* One datagram to a unix socket address (path, or '@' for abstract), MSG_NOSIGNAL | MSG_DONTWAIT; for
 * NOTIFY_SOCKET. */
i64 reeve_notify(const char *address, const char *text, u32 length);
/* A unix datagram socket bound to `address` (as above), non-blocking and close-on-exec: reeve_read takes one
 * datagram, cut to the room that there is. The permissions of its file are cut by the umask. -> fd or -errno
 * (EADDRINUSE: there is a file, whoever's). */
i64 reeve_datagram_socket(const char *address);
/* send(MSG_NOSIGNAL | MSG_DONTWAIT) on a connected socket: never waits, though the socket itself may block.
 */
i64 reeve_send(i32 fd, const void *bytes, u64 count);

/* getpgid, isatty */
i64 reeve_isatty(i32 fd); /* 1, or -ENOTTY, -EBADF */
i64 reeve_getpgid(i32 pid);

/* A pseudo-terminal of the devpts that `ptmx` (O_PATH) is the multiplexer of: unlocked, non-blocking. -> the
 * master; -ENODEV: it is no character device 5:2 of a devpts, and was not opened. */
i64 reeve_pty_open(i32 ptmx);
/* The other end of it, whatever the path of it is. -> fd; -EINVAL, -ENOTTY before Linux 4.13. */
i64 reeve_pty_peer(i32 master);
/* TCGETS (set 0) and TCSETS of the kernel's struct termios, 36 bytes; TIOCGWINSZ and TIOCSWINSZ of struct
 * winsize, 8 bytes. */
i64 reeve_terminal_settings(i32 fd, i32 set, u8 *settings);
i64 reeve_window_size(i32 fd, i32 set, u8 *size);
/* PR_SET_DUMPABLE of this process: off, whoever lacks the host's rights can neither trace it nor look at what
 * it has open. */
i64 reeve_dumpable(i32 on);

/* Stream sockets at an absolute path, non-blocking and close-on-exec. The file gets the permissions `mode`,
 * cut by the umask. -> fd or -errno (EADDRINUSE: there is a file, whoever's; EAGAIN: too many wait already;
 * ECONNREFUSED: nobody serves it) */
i64 reeve_listen(const char *path, u32 mode, u32 backlog);
i64 reeve_accept(i32 fd);
i64 reeve_connect(const char *path);
/* One message of `count` bytes, at least one, with up to 250 descriptors (SCM_RIGHTS); never waits, never
 * SIGPIPE. -> bytes taken */
i64 reeve_send_fds(i32 fd, const void *bytes, u32 count, const i32 *fds, u32 nfds);
/* Takes one, its descriptors close-on-exec in fds[0..*nfds), which has room for 64. Waits wait_ms at most. ->
 * bytes (0: the end), -ETIMEDOUT, -EBADMSG (more descriptors than that: none is left open). */
i64 reeve_recv_fds(i32 fd, void *bytes, u32 room, i32 *fds, u32 *nfds, u32 wait_ms);
/* Which namespace an open file is: -> CLONE_NEW*; -ENOTTY: it is none (or before Linux 4.11). */
i64 reeve_namespace_kind(i32 fd);

/* inotify: reeve_read on the fd yields struct inotify_event records. */
i64 reeve_inotify(void);
i64 reeve_inotify_add(i32 fd, const char *path, u32 mask);
i64 reeve_inotify_rm(i32 fd, i32 wd);

/* The watcher: one thread of our own (clone with CLONE_THREAD, a 16 KB mmap'ed stack, every signal blocked)
 * that sleeps in epoll_wait on epfd and writes each event as {u64 token} to the pipe. Entries are one-shot:
 * re-arm with reeve_watch_again. Dies with the process. */
i64 reeve_epoll(void);
i64 reeve_watch_start(i32 epfd, i32 write_fd);
i64 reeve_watch_add(i32 epfd, i32 fd, u64 token);   /* EPOLLIN | EPOLLONESHOT */
i64 reeve_watch_again(i32 epfd, i32 fd, u64 token);
i64 reeve_watch_remove(i32 epfd, i32 fd);

i64 reeve_mount(const char *source, const char *target, const char *type, u64 flags, const char *data);
i64 reeve_umount(const char *target, u32 flags);
i64 reeve_sethostname(const char *name);

/* Asks what the kernel, and a filter of its calls, allow; nothing is changed.  -> 0: it works, else the
 * -errno that a use would meet (ENOSYS: no such call; EPERM: refused), -EINVAL for an unknown question. */
enum reeve_probe_what {
  REEVE_PROBE_CLONE3 = 1,
  REEVE_PROBE_EXECVEAT = 2,
  REEVE_PROBE_CLOSE_RANGE = 3,
  REEVE_PROBE_PIDFD_SIGNAL = 4,
  REEVE_PROBE_SUBREAPER = 5
};
i64 reeve_probe(u32 what);
/* The same for a child with new namespaces (CLONE_NEW*): one is made, which does nothing, and is gone on
 * return. */
i64 reeve_probe_namespaces(u64 flags);

#endif
