/* unpack.h: the request of reeve.h, checked and laid out for use. Pure: no system call. */
#ifndef REEVE_UNPACK_H
#define REEVE_UNPACK_H

#include "reeve.h"

enum request_limit {
  MAX_FDS = 1024,
  MAX_SETNS = 16,
  MAX_RLIMITS = 16,
  MAX_GROUPS = 65536,
  MAX_CPU_BYTES = 8192,
  MAX_FD = 1 << 20,
  MAX_MOUNTS = 256,
  MAX_MOUNT_STRING = 4096, /* with its NUL */
  MAX_HOSTNAME = 64
};

enum { SIGNALS = 64, REWRITE_NONE = 0xff };

struct request_fd {
  i32 source; /* -1: /dev/null */
  i32 target;
};

struct request_rlimit {
  u32 resource;
  u32 zero;
  u64 soft;
  u64 hard;
};

struct request_setns {
  i32 fd;
  u32 flags;
};

struct request_mount {
  struct reeve_mount what;
  const char *source;
  const char *target;
  const char *type;
  const char *data;
};

/* The state that the steps of a set-up hand on to one another. */
struct request_state {
  i32 proc;       /* O_PATH of the host's /proc; -1: closed again, or none */
  i32 null;       /* the host's /dev/null, opened before anything hostile is near; -1: none */
  i32 root;       /* O_PATH of what targets are resolved beneath */
  /* O_PATH of the same directory as it was outside, with what is mounted in it there; -1: no new root */
  i32 outer_root;
  i32 enter[2];   /* what the role enter needs: a PID namespace, and who waits to hear of it; -1: none */
  u32 detail;     /* of a report */
};

/* The settings of an init that its flags make. */
struct request_init {
  /* signal n to the child as signal rewrite[n]; REWRITE_NONE: as it is; 0: not at all */
  u8 rewrite[SIGNALS + 1];
  u64 zero_codes[4];       /* bit n: exit code n becomes 0 */
  u32 pdeathsig;           /* 0: none */
};

/* Strings point into the packed bytes; vectors lie in the arena that the caller gave. */
struct request {
  u8 *bytes; /* what was packed: they are mapped */
  u64 size;
  u64 spawn_id;
  u32 flags;
  i32 report_fd;
  u64 present; /* bit n: a record with tag n was there */
  u32 argc;
  u32 envc;
  u32 nfds;
  u32 nrlimits;
  u32 nsetns;
  u32 nmounts;
  char **argv; /* closed by a null */
  char **envp; /* closed by a null */
  struct request_fd *fds;
  struct request_mount *mounts;
  const char *path;
  const char *path_dirs;
  const char *chdir;
  const char *root;
  const char *hostname;
  u32 *groups; /* in place, writable */
  u32 ngroups;
  u32 ncpu_bytes;
  const u8 *cpus;
  u32 uid;
  u32 gid;
  u32 umask;
  u32 pdeathsig;
  u32 parent;
  u32 grace_ms;
  i32 oom;
  i32 nice;
  i32 exec_fd;
  i32 life_fd;  /* -1: none */
  i32 gate_fd;  /* -1: none */
  i32 ready_fd; /* -1: none */
  u32 root_kind;
  u32 unshare;
  u64 caps;
  u64 caps_bound;
  u64 blocked;
  u64 ignored; /* not packed: signals that the program finds ignored, as an init was started with */
  struct request_rlimit rlimits[MAX_RLIMITS];
  struct request_setns setns[MAX_SETNS];
  struct request_init init;
  struct request_state state;
};

static inline i32 requestHas(const struct request *request, u32 tag) { return (i32)(request->present >> tag & 1); }

/* A request without a record. */
void requestClear(struct request *request);
/* Checks everything and fills in all but the vectors; spawn_id and report_fd are set as soon as the header is
 * sound, so that a refusal can be reported. `bytes` is 8 bytes aligned and stays where it is.  -> 0 or
 * -EBADMSG. */
i64 requestCheck(u8 *bytes, u64 size, struct request *request);
/* Bytes of arena that requestFill needs. */
u64 requestArena(const struct request *request);
/* After a requestCheck that returned 0, with the same bytes. */
void requestFill(u8 *bytes, u64 size, struct request *request, void *arena);

#endif
