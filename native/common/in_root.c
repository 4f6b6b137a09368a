/* in_root.c: opens a path with a directory in the place of "/", as a jail would see it: the contents are
 * hostile, and must never lead out.
 *
 * openat2 does it where the kernel has it. Else a walk: from descriptor to descriptor, each opened by its
 * bare name without following, links resolved by hand. ".." goes back to the descriptor that we came from and
 * is never asked of the kernel, so a directory that is moved while we are in it leads nowhere either.
 */
#include "common/in_root.h"

#include "common/linux.h"
#include "common/syscall.h"
#include "common/text.h"

enum {
  OPEN_TRIES = 32,
  WALK_TRIES = 8,
  LINKS_MAX = 40, /* the kernel's own limit */
  DEPTH_MAX = 256,
  PATH_SIZE = 4096,
  NAME_SIZE = 256,
  REST_SIZE = 2 * PATH_SIZE,
  PROC_ROOT_INO = 1
};

struct walk {
  i32 root;
  u32 depth;
  u32 links;
  u32 at;               /* of `rest` */
  i32 dirs[DEPTH_MAX];  /* the directories that were gone through, the root not among them */
  char name[NAME_SIZE]; /* of the component in hand */
  char link[PATH_SIZE];
  char rest[REST_SIZE]; /* what is left of the path */
};

static void closeFd(i64 fd) { syscall1(SYS_CLOSE, A(fd)); }

static i32 current(const struct walk *walk) { return walk->depth ? walk->dirs[walk->depth - 1] : walk->root; }

static void leave(struct walk *walk) { closeFd(walk->dirs[--walk->depth]); }

static i64 status(i64 fd, struct linux_statx *file) {
  return syscall5(SYS_STATX, A(fd), P(""), AT_EMPTY_PATH, STATX_BASIC_STATS, P(file));
}

/* May the directory we are in be searched? The kernel asks that for "." and ".." too. -> 0 or -errno */
static i64 search(const struct walk *walk) {
  i64 fd = syscall4(SYS_OPENAT, A(current(walk)), P("."), O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  closeFd(fd);
  return 0;
}

/* Links of /proc/PID lead to wherever the process is, not along a path. Those of /proc itself (self, mounts,
 * net) are plain ones. */
static i32 isMagic(const struct walk *walk, const struct linux_statfs *system) {
  struct linux_statx directory = {0};
  if (system->type != PROC_SUPER_MAGIC) return 0;
  return status(current(walk), &directory) < 0 || directory.ino != PROC_ROOT_INO;
}

/* fs.protected_symlinks: in a directory like /tmp, only a link of one's own or of the directory's owner. */
static i32 isPlanted(const struct walk *walk, const struct linux_statx *link) {
  struct linux_statx directory = {0};
  u32 ids[3] = {0, 0, 0};
  if (status(current(walk), &directory) < 0) return 1;
  if ((directory.mode & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH) || directory.uid == link->uid) return 0;
  return syscall3(SYS_GETRESUID, P(&ids[0]), P(&ids[1]), P(&ids[2])) < 0 || ids[1] != link->uid;
}

/* Puts the text of the link behind `fd` in the place of its name. -> 0 or -errno */
static i64 follow(struct walk *walk, i64 fd, const struct linux_statx *file, i32 is_last) {
  struct linux_statfs system = {0};
  if (walk->links++ >= LINKS_MAX) return -ELOOP;
  i64 result = syscall2(SYS_FSTATFS, A(fd), P(&system));
  if (result < 0) return result;
  if (isMagic(walk, &system) || (system.flags & ST_NOSYMFOLLOW)) return -ELOOP;
  if (is_last && isPlanted(walk, file)) return -EACCES;
  i64 length = syscall4(SYS_READLINKAT, A(fd), P(""), P(walk->link), sizeof walk->link);
  if (length <= 0) return length < 0 ? length : -ENOENT;
  u64 left = textLength(walk->rest + walk->at) + 1;
  if ((u64)length >= sizeof walk->link || (u64)length + left > sizeof walk->rest) return -ENAMETOOLONG;
  memmove(walk->rest + length, walk->rest + walk->at, left);
  memcpy(walk->rest, walk->link, (u64)length);
  walk->at = 0;
  while (walk->rest[0] == '/' && walk->depth > 0) leave(walk);
  return 0;
}

/* The next component of the path into walk->name. -> 1, 0 when there is none, or -ENAMETOOLONG. `*is_last`:
 * nothing but slashes comes after it; `*is_directory`: at least one does. */
static i64 nextName(struct walk *walk, i32 *is_last, i32 *is_directory) {
  u32 length = 0;
  while (walk->rest[walk->at] == '/') walk->at++;
  for (char byte; (byte = walk->rest[walk->at]) != 0 && byte != '/'; walk->at++) {
    if (length == NAME_SIZE - 1) return -ENAMETOOLONG;
    walk->name[length++] = byte;
  }
  walk->name[length] = 0;
  u32 after = walk->at;
  while (walk->rest[after] == '/') after++;
  *is_last = walk->rest[after] == 0;
  *is_directory = walk->rest[walk->at] == '/';
  return length > 0;
}

static i32 isDots(const char *name) { return textEqual(name, ".") || textEqual(name, ".."); }

/* "." and "..", wherever they come. -> 0 or -errno */
static i64 stepDots(struct walk *walk) {
  i64 result = search(walk);
  if (result >= 0 && walk->name[1] && walk->depth > 0) leave(walk);
  return result;
}

/* Into the directory that `name` is, or to where it points. -> 0 or -errno */
static i64 stepInto(struct walk *walk) {
  struct linux_statx file = {0};
  i64 fd = syscall4(SYS_OPENAT, A(current(walk)), P(walk->name), O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  i64 result = status(fd, &file);
  if (result >= 0 && (file.mode & S_IFMT) == S_IFDIR) {
    if (walk->depth == DEPTH_MAX) {
      result = -ENAMETOOLONG;
    } else {
      walk->dirs[walk->depth++] = (i32)fd;
      return 0;
    }
  } else if (result >= 0) {
    result = (file.mode & S_IFMT) == S_IFLNK ? follow(walk, fd, &file, 0) : -ENOTDIR;
  }
  closeFd(fd);
  return result;
}

/* If `name`, the last of the path, is a link that is to be followed: follows it. -> 1 when it was one, 0, or
 * -errno */
static i64 followLast(struct walk *walk, u64 flags) {
  struct linux_statx file = {0};
  i64 fd = syscall4(SYS_OPENAT, A(current(walk)), P(walk->name), O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
  if (fd == -ENOENT && (flags & O_CREAT)) return 0;
  if (fd < 0) return fd;
  i64 result = status(fd, &file);
  if (result >= 0) result = (file.mode & S_IFMT) == S_IFLNK;
  if (result == 1) {
    i64 followed = follow(walk, fd, &file, 1);
    if (followed < 0) result = followed;
  }
  closeFd(fd);
  return result;
}

/* -> fd or -errno */
static i64 walkPath(struct walk *walk, u64 flags, u32 mode) {
  for (u32 tries = 0;;) {
    i32 is_last = 0;
    i32 is_directory = 0;
    u32 before = walk->at;
    i64 result = nextName(walk, &is_last, &is_directory);
    if (result < 0) return result;
    if (result == 0) return syscall4(SYS_OPENAT, A(current(walk)), P("."), flags & ~(u64)O_NOFOLLOW, mode);
    if (isDots(walk->name)) {
      result = stepDots(walk);
    } else if (!is_last) {
      result = stepInto(walk);
    } else {
      i32 wants_link = (flags & O_NOFOLLOW) || (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
      if (is_directory && (flags & O_CREAT)) return -EISDIR;
      i32 follows = is_directory || !wants_link;
      result = follows ? followLast(walk, flags) : 0;
      if (result == 1) continue;
      if (result < 0) return result;
      u64 more = O_NOFOLLOW | (is_directory ? O_DIRECTORY : 0);
      result = syscall4(SYS_OPENAT, A(current(walk)), P(walk->name), flags | more, mode);
      /* It became a link since we looked. */
      if (result != -ELOOP || !follows || ++tries == WALK_TRIES) return result;
      walk->at = before;
      continue;
    }
    if (result < 0) return result;
  }
}

static i64 walkInRoot(i32 root, const char *path, u64 flags, u32 mode) {
  struct walk walk;
  walk.root = root;
  walk.depth = walk.links = walk.at = 0;
  u64 length = textLength(path);
  if (length == 0) return -ENOENT;
  if (length >= PATH_SIZE) return -ENAMETOOLONG;
  memcpy(walk.rest, path, length + 1);
  i64 result = walkPath(&walk, flags, mode);
  while (walk.depth > 0) leave(&walk);
  return result;
}

i64 openInRoot(i32 root, const char *path, u64 flags, u32 mode, u32 walk) {
  u64 wanted = flags | O_CLOEXEC;
  /* openat2 refuses a mode without use */
  u32 permissions = flags & (O_CREAT | O_TMPFILE_BIT) ? mode & 07777 : 0;
  struct linux_open_how how = {wanted, permissions, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  i64 result = walk ? -ENOSYS : -EAGAIN;
  /* EAGAIN: something was renamed while the kernel looked, and it could not rule out an escape. The walk can,
   * always. */
  for (u32 i = 0; i < OPEN_TRIES && result == -EAGAIN; i++) {
    result = syscall4(SYS_OPENAT2, A(root), P(path), P(&how), sizeof how);
  }
  /* EPERM: what some filters of system calls say in the place of ENOSYS. */
  if (result != -ENOSYS && result != -EPERM && result != -EAGAIN) return result;
  return walkInRoot(root, path, wanted, permissions);
}
