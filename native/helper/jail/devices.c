/* devices.c: the devices that every program expects, in a /dev: bound from the host's where they are missing,
 * and terminals of its own. What is there and is no left-over of ours, an empty file, is left alone; nothing
 * is ever removed.
 */
#include "helper/jail/devices.h"

#include "common/linux.h"
#include "helper/jail/mount_fd.h"
#include "helper/jail/mount_point.h"
#include "common/syscall.h"
#include "common/text.h"

static const struct device {
  const char *name;
  u32 major;
  u32 minor;
} DEVICES[] = {
    {"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
};

static const struct device PTMX = {"ptmx", 5, 2};

/* gid 5 is the group tty everywhere; with it, and mode 620, no program needs to change the owner of its
 * terminal. */
static const char PTS_OPTIONS[] = "newinstance,ptmxmode=0666,mode=0620,gid=5";

static i64 openName(i32 directory, const char *name) {
  return syscall4(SYS_OPENAT, A(directory), P(name), O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
}

static void closeFd(i64 fd) {
  if (fd >= 0) syscall1(SYS_CLOSE, A(fd));
}

static i64 status(i64 fd, struct linux_statx *file) {
  return syscall5(SYS_STATX, A(fd), P(""), AT_EMPTY_PATH, STATX_BASIC_STATS, P(file));
}

static i32 isDevice(const struct linux_statx *file, const struct device *device) {
  return (file->mode & S_IFMT) == S_IFCHR && file->rdev_major == device->major && file->rdev_minor == device->minor;
}

static i32 isOtherMount(const struct request *request, i64 fd, i32 directory) {
  return mountNumber(request, (i32)fd) != mountNumber(request, directory);
}

static i64 bindOnto(const struct request *request, i64 source, i64 target) {
  i64 result = bindAttach(request, (i32)source, (i32)target, 0, 0);
  if (result == -ENOSYS) return bindOver(request, (i32)source, (i32)target, 0);
  closeFd(result);
  return result < 0 ? result : 0;
}

/* The place to bind `device` onto, made where there is none. -> fd; -EEXIST: nothing is to be done; or -errno
 */
static i64 openPlace(const struct request *request, i32 directory, const struct device *device, i32 is_always_bound) {
  struct linux_statx file = {0};
  struct linux_statfs system = {0};
  i64 fd = openName(directory, device->name);
  if (fd == -ENOENT) {
    i64 result = mountPointMake(directory, device->name, 0);
    if (result < 0) return result;
    fd = openName(directory, device->name);
  }
  if (fd < 0) return fd;
  i64 result = status(fd, &file);
  if (result >= 0) result = syscall2(SYS_FSTATFS, A(fd), P(&system));
  if (result >= 0) {
    i32 works = isDevice(&file, device) && !(system.flags & ST_NODEV) && !is_always_bound;
    i32 is_ours = (file.mode & S_IFMT) == S_IFREG && file.size == 0;
    i32 is_free = (is_ours || isDevice(&file, device)) && !isOtherMount(request, fd, directory);
    if (!works && is_free) return fd;
    result = -EEXIST;
  }
  closeFd(fd);
  return result;
}

static i32 isLeftOut(i64 result) { return result == -EEXIST || result == -EROFS || result == -ENOENT; }

static i64 makeDevice(const struct request *request, i32 directory, const struct device *device) {
  struct linux_statx file = {0};
  struct text_line path;
  lineStart(&path);
  lineText(&path, "/dev/");
  lineText(&path, device->name);
  i64 source = syscall4(SYS_OPENAT, A(AT_FDCWD), P(path.bytes), O_PATH | O_CLOEXEC, 0);
  if (source < 0) return source == -ENOENT ? 0 : source;
  i64 place = -ENOENT;
  if (status(source, &file) >= 0 && isDevice(&file, device)) place = openPlace(request, directory, device, 0);
  i64 result = isLeftOut(place) ? 0 : place;
  if (place >= 0) result = bindOnto(request, source, place);
  closeFd(place);
  closeFd(source);
  return result;
}

/* -> O_PATH of a devpts that is mounted on "pts", an instance of its own unless there is one already, which
 * sets *is_kept; -ENOENT: there can be none. */
static i64 makeTerminals(const struct request *request, i32 directory, i32 *is_kept) {
  i64 result = mountPointMake(directory, "pts", 1);
  i64 fd = openName(directory, "pts");
  if (fd < 0) return result == -EROFS ? -ENOENT : fd;
  *is_kept = isOtherMount(request, fd, directory);
  if (!*is_kept) {
    result = mountAt(request, -1, "devpts", (i32)fd, "devpts", MS_NOSUID | MS_NOEXEC, PTS_OPTIONS);
    closeFd(fd);
    /* a kernel without terminals; a file of that name */
    if (result == -ENODEV || result == -ENOTDIR) return -ENOENT;
    if (result < 0) return result;
    fd = openName(directory, "pts");
  }
  return fd;
}

/* A node finds the terminals that are mounted beside it, and is for everybody; the ptmx of a host's devpts is
 * often for root alone. */
static void makePtmxNode(i32 directory) {
  i64 umask = syscall1(SYS_UMASK, 0);
  syscall4(SYS_MKNODAT, A(directory), P(PTMX.name), S_IFCHR | 0666, PTMX.major << 8 | PTMX.minor);
  syscall1(SYS_UMASK, (u64)umask);
}

/* Before Linux 4.7 every node leads to the host's terminals: an instance of our own has its own ptmx. */
static i64 makePtmx(const struct request *request, i32 directory, i64 pts, i32 is_kept) {
  if (is_kept) makePtmxNode(directory);
  i64 source = openName((i32)pts, PTMX.name);
  if (source < 0) return source == -ENOENT ? 0 : source;
  i64 place = openPlace(request, directory, &PTMX, !is_kept);
  i64 result = isLeftOut(place) ? 0 : place;
  if (place >= 0) result = bindOnto(request, source, place);
  closeFd(place);
  closeFd(source);
  return result;
}

i64 devicesMake(const struct request *request, i32 directory) {
  i64 result = 0;
  for (u32 i = 0; i < sizeof DEVICES / sizeof DEVICES[0] && result >= 0; i++) {
    result = makeDevice(request, directory, &DEVICES[i]);
  }
  if (result < 0) return result;
  i32 is_kept = 0;
  i64 pts = makeTerminals(request, directory, &is_kept);
  if (pts < 0) return pts == -ENOENT ? 0 : pts;
  result = makePtmx(request, directory, pts, is_kept);
  closeFd(pts);
  return result;
}
