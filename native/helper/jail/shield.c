/* shield.c: /proc, /sys and the other file systems of the kernel belong to the host, whoever mounts them, and
 * uid 0 may write in most of them whatever its capabilities. A process that is not to be the host's root sees
 * them read-only, and some things not at all.
 *
 * Looks at the table of mounts and not at names: a /proc that was kept under another name, or mounted by a
 * hook, counts as any other. Must run when all is mounted, in a mount namespace of this process's own, with
 * the rights of the host over it.
 */
#include "helper/jail/shield.h"

#include "common/linux.h"
#include "common/syscall.h"
#include "common/text.h"
#include "helper/jail/mount_fd.h"
#include "helper/jail/mount_table.h"

enum { TRIES = 32, STATUS_SIZE = 16384, NAMES_WORDS = 512, WRITABLE = 0222 };

/* The paths that OCI runtimes, containerd and Docker mask. The rest of their list, what they make
 * read-only, is read-only here with all else. */
static const char *const MASKED_PROC[] = {
    "acpi",        "asound", "interrupts", "kcore",       "keys", "latency_stats",
    "sched_debug", "scsi",   "timer_list", "timer_stats", 0,
};
static const char *const MASKED_SYS[] = {"firmware", "devices/virtual/powercap", 0};
static const char CPUS[] = "devices/system/cpu";
static const char CPU_HEAT[] = "thermal_throttle";

/* File systems that are settings or insides of the kernel. "proc" has rules of its own. */
static const char *const KERNEL_TYPES[] = {
    "sysfs",   "cgroup",      "cgroup2", "cpuset",     "debugfs", "tracefs", "securityfs", "configfs",
    "efivarfs", "pstore",     "bpf",     "selinuxfs",  "smackfs", "fusectl", "binfmt_misc", "nfsd",
    "rpc_pipefs", "resctrl",  "xenfs",   "s390_hypfs", "openpromfs", 0,
};

/* The empty file and the empty directory that are mounted over what is masked. */
struct mask {
  /* Their tmpfs is mounted on "fs" in that directory for as long as this takes; -1: nothing was masked yet.
   */
  i32 place;
  i32 file;
  i32 directory;
};

static void closeFd(i64 fd) {
  if (fd >= 0) syscall1(SYS_CLOSE, A(fd));
}

static i64 openPath(i32 directory, const char *path) {
  return syscall4(SYS_OPENAT, A(directory), P(path), O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
}

static i64 statusOf(i64 fd, struct linux_statx *file) {
  return syscall5(SYS_STATX, A(fd), P(""), AT_EMPTY_PATH, STATX_BASIC_STATS, P(file));
}

static i32 isOneOf(const char *word, const char *const *list) {
  for (; *list; list++) {
    if (textEqual(word, *list)) return 1;
  }
  return 0;
}

static i32 isProc(const struct mount_entry *entry) { return textEqual(entry->type, "proc"); }
static i32 isWhole(const struct mount_entry *entry) { return textEqual(entry->root, "/"); }
static i32 isKernels(const struct mount_entry *entry) {
  return isProc(entry) || isOneOf(entry->type, KERNEL_TYPES);
}

static i32 hasMasks(const struct mount_entry *entry, const struct mount_entry *below) {
  (void)below;
  return isWhole(entry) && (isProc(entry) || textEqual(entry->type, "sysfs"));
}

/* A mount on a file system of the kernel belongs to it: the tmpfs in which cgroups are mounted. */
static i32 isRestricted(const struct mount_entry *entry, const struct mount_entry *below) {
  return isKernels(entry) || (below && isKernels(below));
}

/* Binds `source` read-only onto `target`, which is `name` in `directory`. -> 0 or -errno */
static i64 coverWith(const struct request *request, i32 source, i32 target, i32 directory, const char *name) {
  i64 result = bindAttach(request, source, target, 0, MS_RDONLY);
  /* Not without what is mounted below it, where that is locked. */
  if (result == -EINVAL) result = bindAttach(request, source, target, 1, MS_RDONLY);
  if (result != -ENOSYS) {
    closeFd(result);
    return result < 0 ? result : 0;
  }
  result = bindOver(request, source, target, 0);
  if (result < 0) return result;
  i64 mount = openPath(directory, name);
  if (mount < 0) return mount;
  result = bindVerify(request, (i32)mount, source, target);
  if (result >= 0) result = mountRestrict(request, (i32)mount, MS_RDONLY, 0);
  closeFd(mount);
  return result;
}

static i64 fillMask(struct mask *mask, i64 root) {
  struct linux_statfs system = {0};
  i64 result = syscall2(SYS_FSTATFS, A(root), P(&system));
  if (result >= 0 && system.type != TMPFS_MAGIC) result = -ESTALE;
  if (result >= 0) result = syscall3(SYS_MKDIRAT, A(root), P("directory"), 0555);
  if (result >= 0) result = syscall4(SYS_OPENAT, A(root), P("file"), O_CREAT | O_EXCL | O_CLOEXEC, 0444);
  if (result < 0) return result;
  mask->file = (i32)result;
  result = openPath((i32)root, "directory");
  if (result >= 0) mask->directory = (i32)result;
  return result;
}

/* Both lie in a tmpfs that needs a place of its own for a moment. Every /proc and every /sys has a
 * directory "fs". -> >= 0 or -errno */
static i64 makeMask(const struct request *request, struct mask *mask, i32 top) {
  i64 place = openPath(top, "fs");
  if (place < 0) return place;
  const char *options = "mode=0755,nr_inodes=8,size=4k";
  i64 result = mountAt(request, -1, "reeve", (i32)place, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options);
  closeFd(place);
  if (result < 0) return result;
  i64 root = openPath(top, "fs");
  result = root < 0 ? root : fillMask(mask, root);
  closeFd(root);
  if (result >= 0) result = syscall3(SYS_FCNTL, A(top), F_DUPFD_CLOEXEC, 0);
  if (result >= 0) mask->place = (i32)result;
  return result;
}

static i64 dropMask(const struct mask *mask) {
  if (mask->place < 0) return 0;
  closeFd(mask->file);
  closeFd(mask->directory);
  i64 result = umountIn(mask->place, "fs", MNT_DETACH);
  closeFd(mask->place);
  return result;
}

/* Covers `path`, where there is such a thing and nothing lies on it yet. -> >= 0 or -errno */
static i64 maskPath(const struct request *request, struct mask *mask, i32 top, const char *path) {
  struct linux_statx file = {0};
  i64 target = openPath(top, path);
  if (target == -ENOENT || target == -ENOTDIR) return 0;
  if (target < 0) return target;
  i64 result = statusOf(target, &file);
  if (result >= 0 && mountNumber(request, (i32)target) == mountNumber(request, top)) {
    result = mask->place < 0 ? makeMask(request, mask, top) : 0;
    i32 source = (file.mode & S_IFMT) == S_IFDIR ? mask->directory : mask->file;
    if (result >= 0) result = coverWith(request, source, (i32)target, top, path);
  }
  closeFd(target);
  return result;
}

static i32 isNumber(const char *text) { return textToNumber(text) >= 0; }

/* Calls visit with every name in the directory, as long as it returns >= 0 and no 1, which ends it. */
static i64 eachName(i32 directory, i64 (*visit)(const char *, void *), void *context) {
  u64 buffer[NAMES_WORDS];
  i64 count = 0;
  i64 result = 0;
  i64 listed = syscall4(SYS_OPENAT, A(directory), P("."), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (listed < 0) return listed;
  while (result == 0 && (count = syscall3(SYS_GETDENTS64, A(listed), P(buffer), sizeof buffer)) > 0) {
    for (i64 at = 0; at < count && result == 0;) {
      const struct linux_dirent *entry = (const void *)((const u8 *)buffer + at);
      result = visit(entry->name, context);
      at += entry->length;
    }
  }
  closeFd(listed);
  return result < 0 ? result : count < 0 ? count : 0;
}

struct masking {
  const struct request *request;
  struct mask *mask;
  i32 top;
};

static i64 maskHeat(const char *name, void *context) {
  const struct masking *masking = context;
  struct text_line path;
  if (name[0] != 'c' || name[1] != 'p' || name[2] != 'u' || !isNumber(name + 3)) return 0;
  lineStart(&path);
  lineText(&path, CPUS);
  lineText(&path, "/");
  lineText(&path, name);
  lineText(&path, "/");
  lineText(&path, CPU_HEAT);
  return maskPath(masking->request, masking->mask, masking->top, path.bytes);
}

static i64 maskMount(const struct request *request, const struct mount_entry *entry, i32 top, void *context) {
  struct masking masking = {request, context, top};
  i64 result = 0;
  for (const char *const *path = isProc(entry) ? MASKED_PROC : MASKED_SYS; *path && result >= 0; path++) {
    result = maskPath(request, context, top, *path);
  }
  if (result < 0 || isProc(entry)) return result;
  i64 cpus = openPath(top, CPUS);
  if (cpus < 0) return 0;
  result = eachName((i32)cpus, maskHeat, &masking);
  closeFd(cpus);
  return result;
}

/* Are the processes of this /proc those of our own PID namespace, and not those of one that ours lies in? */
static i32 isOwnProc(i32 top) {
  char text[STATUS_SIZE];
  static const char FIELD[] = "\nNSpid:\t";
  const u64 length = sizeof FIELD - 1;
  u64 used = 0;
  i64 count = 1;
  i64 fd = syscall4(SYS_OPENAT, A(top), P("self/status"), O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return 0; /* we are not in there */
  while (count > 0 && used < sizeof text) {
    count = syscall3(SYS_READ, A(fd), P(text + used), sizeof text - used);
    if (count > 0) used += (u64)count;
  }
  closeFd(fd);
  for (u64 at = 0; at + length < used; at++) {
    if (memcmp(text + at, FIELD, length) != 0) continue;
    for (at += length; at < used && text[at] != '\n'; at++) {
      if (text[at] == '\t') return 0; /* a number for each namespace that we are in, from this one's on */
    }
    return 1;
  }
  return 1; /* a kernel without PID namespaces */
}

struct restricting {
  const struct request *request;
  i32 top;
};

/* One name of a /proc. Those of processes, which come last, belong to whoever runs them. */
static i64 restrictName(const char *name, void *context) {
  const struct restricting *restricting = context;
  struct linux_statx file = {0};
  const struct request *request = restricting->request;
  i32 top = restricting->top;
  if (isNumber(name)) return 1;
  if (name[0] == '.') return 0;
  i64 fd = openPath(top, name);
  if (fd == -ENOENT) return 0;
  if (fd < 0) return fd;
  i64 result = statusOf(fd, &file);
  u32 kind = file.mode & S_IFMT;
  i32 is_writable = kind == S_IFDIR || (kind == S_IFREG && (file.mode & WRITABLE));
  if (result >= 0 && is_writable && mountNumber(request, (i32)fd) == mountNumber(request, top)) {
    result = coverWith(request, (i32)fd, (i32)fd, top, name);
  }
  closeFd(fd);
  return result < 0 ? result : 0;
}

static i64 restrictMount(const struct request *request, const struct mount_entry *entry, i32 top,
                         void *context) {
  struct restricting restricting = {request, top};
  (void)context;
  if (!isProc(entry) || !isWhole(entry) || !isOwnProc(top)) return mountRestrict(request, top, MS_RDONLY, 0);
  return eachName(top, restrictName, &restricting);
}

static i64 shieldOnce(const struct request *request) {
  struct mask mask = {-1, -1, -1};
  i64 result = mountTableFind(request, hasMasks, maskMount, &mask);
  i64 dropped = dropMask(&mask);
  if (result >= 0) result = dropped;
  return result < 0 ? result : mountTableFind(request, isRestricted, restrictMount, 0);
}

i64 shieldMake(struct request *request) {
  i64 result = 0;
  if (!(request->flags & REEVE_F_SHIELD)) return 0;
  for (u32 i = 0; i < TRIES; i++) {
    result = shieldOnce(request);
    if (result != -ESTALE) return result;
  }
  return result;
}
