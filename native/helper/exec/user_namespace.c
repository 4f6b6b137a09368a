/* user_namespace.c: a user namespace in which the ids are the same and the rights are not.
 *
 * All ids can be mapped only by somebody with rights over the outer namespace, and whoever has entered the
 * inner one has none. So a child is forked before, which stays outside, writes both maps, and is gone. It
 * reaches our files through the host's /proc, whatever our own root is by then, by a descriptor of our
 * directory there: no pid is needed, which would be another one in another PID namespace.
 */
#include "helper/exec/user_namespace.h"

#include "common/linux.h"
#include "common/syscall.h"

enum { MAP_TEXT = 4096 };

static i64 readSmall(i32 directory, const char *name, char *text, u64 size) {
  i64 fd = syscall4(SYS_OPENAT, A(directory), P(name), O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  i64 count = syscall3(SYS_READ, A(fd), P(text), size);
  syscall1(SYS_CLOSE, A(fd));
  return count;
}

static i64 writeOnce(i32 directory, const char *name, const char *text, u64 size) {
  i64 fd = syscall4(SYS_OPENAT, A(directory), P(name), O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  i64 count = syscall3(SYS_WRITE, A(fd), P(text), size);
  syscall1(SYS_CLOSE, A(fd));
  if (count < 0) return count;
  return (u64)count == size ? 0 : -EIO;
}

/* "INSIDE OUTSIDE COUNT" lines of our own map become "INSIDE INSIDE COUNT": all ids that there are here. ->
 * length, or -EINVAL */
static i64 identityMap(const char *own, i64 length, char *text, u64 size) {
  u64 used = 0;
  for (i64 at = 0; at < length; at++) {
    i64 starts[3];
    i64 ends[3];
    u32 words = 0;
    while (at < length && own[at] != '\n') {
      while (at < length && own[at] == ' ') at++;
      if (words == 3 || at == length) return -EINVAL;
      starts[words] = at;
      while (at < length && own[at] != ' ' && own[at] != '\n') at++;
      ends[words++] = at;
    }
    if (words != 3) return -EINVAL;
    for (u32 i = 0; i < 3; i++) {
      u32 word = i == 1 ? 0 : i;
      if (used + (u64)(ends[word] - starts[word]) + 1 > size) return -EINVAL;
      for (i64 j = starts[word]; j < ends[word]; j++) text[used++] = own[j];
      text[used++] = i == 2 ? '\n' : ' ';
    }
  }
  return used > 0 ? (i64)used : -EINVAL;
}

static i64 mapOne(i32 target, const char *name, const char *own, i64 length) {
  char text[MAP_TEXT];
  i64 size = identityMap(own, length, text, sizeof text);
  return size < 0 ? size : writeOnce(target, name, text, (u64)size);
}

struct maps {
  char uids[MAP_TEXT];
  char gids[MAP_TEXT];
  i64 uids_length;
  i64 gids_length;
};

/* The child: waits for the word that the namespace is there; without it, nothing is to be done any more. ->
 * exit status: an errno */
static i32 mapAll(const struct maps *maps, i32 target, i32 word_fd) {
  char word = 0;
  if (syscall3(SYS_READ, A(word_fd), P(&word), 1) != 1) return ESRCH;
  i64 result = mapOne(target, "uid_map", maps->uids, maps->uids_length);
  if (result >= 0) result = mapOne(target, "gid_map", maps->gids, maps->gids_length);
  return result < 0 ? (i32)-result : 0;
}

/* Enters, and has the child do its part. -> 0 or -errno */
static i64 enterWith(i64 mapper, i32 word_fd) {
  i32 status = 0;
  i64 waited = 0;
  i64 result = syscall1(SYS_UNSHARE, CLONE_NEWUSER);
  if (result >= 0) result = syscall3(SYS_WRITE, A(word_fd), P("M"), 1);
  syscall1(SYS_CLOSE, A(word_fd));
  while ((waited = syscall4(SYS_WAIT4, A(mapper), P(&status), A(WALL), 0)) == -EINTR) continue;
  if (result < 0) return result;
  if (waited < 0) return waited;
  if (status & 0x7f) return -ESRCH;
  return -(status >> 8 & 0xff);
}

static i64 enterMapped(i32 self) {
  struct maps maps;
  i32 ends[2] = {-1, -1};
  maps.uids_length = readSmall(self, "uid_map", maps.uids, sizeof maps.uids);
  maps.gids_length = readSmall(self, "gid_map", maps.gids, sizeof maps.gids);
  if (maps.uids_length < 0) return maps.uids_length;
  if (maps.gids_length < 0) return maps.gids_length;
  i64 result = syscall2(SYS_PIPE2, P(ends), O_CLOEXEC);
  if (result < 0) return result;
  i64 mapper = syscall5(SYS_CLONE, 0, 0, 0, 0, 0); /* no exit signal: nobody else waits for it by mistake */
  if (mapper == 0) {
    syscall1(SYS_CLOSE, A(ends[1])); /* else it would wait for a word from itself */
    exitProcess(mapAll(&maps, self, ends[0]));
  }
  syscall1(SYS_CLOSE, A(ends[0]));
  if (mapper >= 0) return enterWith(mapper, ends[1]);
  syscall1(SYS_CLOSE, A(ends[1]));
  return mapper;
}

i64 userNamespaceEnter(struct request *request) {
  if (!(request->unshare & CLONE_NEWUSER)) return 0;
  if (request->state.proc < 0) return -ENOENT;
  i64 self = syscall4(SYS_OPENAT, A(request->state.proc), P("self"), O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  if (self < 0) return self;
  i64 result = enterMapped((i32)self);
  syscall1(SYS_CLOSE, A(self));
  return result;
}
