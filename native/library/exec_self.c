/* exec_self.c: another program in the place of ours: the helper's init, or another image of ourselves. When
 * it fails, everything is as it was before.
 */
#include "common/execute.h"
#include "common/linux.h"
#include "common/memory.h"
#include "common/signal_mask.h"
#include "common/syscall.h"
#include "common/text.h"

static char *const NO_ENVIRONMENT[] = {0};

/* The FD_CLOEXEC flags that were taken away and are to come back when an exec fails. */
struct kept {
  const i32 *fds;
  u32 count;
  u64 had[REEVE_MAX_KEPT / 64];
};

static void keepUndo(struct kept *kept) {
  for (u32 i = 0; i < kept->count; i++) {
    if (kept->had[i / 64] >> (i % 64) & 1) syscall3(SYS_FCNTL, A(kept->fds[i]), F_SETFD, FD_CLOEXEC);
  }
}

/* -> 0, or -errno with everything as it was. */
static i64 keepOpen(struct kept *kept, const i32 *keep, u32 nkeep) {
  kept->fds = keep;
  kept->count = 0;
  for (u32 i = 0; i < REEVE_MAX_KEPT / 64; i++) kept->had[i] = 0;
  if (nkeep > REEVE_MAX_KEPT || (nkeep && !keep)) return -EINVAL;
  for (u32 i = 0; i < nkeep; i++) {
    i64 flags = syscall3(SYS_FCNTL, A(keep[i]), F_GETFD, 0);
    if (flags >= 0 && (flags & FD_CLOEXEC)) {
      kept->had[i / 64] |= 1ul << (i % 64);
      flags = syscall3(SYS_FCNTL, A(keep[i]), F_SETFD, 0);
    }
    if (flags < 0) {
      keepUndo(kept);
      return flags;
    }
    kept->count = i + 1;
  }
  return 0;
}

EXPORT i64 reeve_become_init(i32 helper_fd, i32 request_fd, const i32 *keep, u32 nkeep) {
  char name[] = "reeve-init";
  char number[NUMBER_SIZE];
  char *argv[] = {name, number, 0};
  struct kept kept;
  struct kept request;
  if (helper_fd < 0 || request_fd < 0) return -EBADF;
  numberText(number, request_fd);
  /* A signal that comes now must not be lost between two images: it stays pending and init finds it. */
  u64 mask = blockSignals();
  i64 result = keepOpen(&kept, keep, nkeep);
  if (result >= 0) {
    result = keepOpen(&request, &request_fd, 1);
    if (result >= 0) {
      result = executeFile(helper_fd, argv, NO_ENVIRONMENT);
      keepUndo(&request);
    }
    keepUndo(&kept);
  }
  setSignals(mask);
  return result;
}

/* Strings one after the other, each with its NUL, an empty one at the end. -> how many. */
static u64 blockCount(const char *block) {
  u64 count = 0;
  for (; *block; block += textLength(block) + 1) count++;
  return count;
}

static const char **blockVector(const char **vector, const char *block) {
  for (; *block; block += textLength(block) + 1) *vector++ = block;
  *vector++ = 0;
  return vector;
}

EXPORT i64 reeve_exec_self(i32 fd, const char *path, const char *argv_block, const char *env_block, const i32 *keep,
                           u32 nkeep, u64 block_mask) {
  struct kept kept;
  u64 before = 0;
  if (!argv_block || !env_block || !*argv_block) return -EINVAL;
  if (fd < 0 && !path) return -EINVAL;
  u64 size = (blockCount(argv_block) + blockCount(env_block) + 2) * sizeof(char *);
  i64 memory = mapMemory(size, -1);
  if (memory < 0) return memory;
  const char **argv = (const char **)memory;
  const char **envp = blockVector(argv, argv_block);
  blockVector(envp, env_block);

  i64 result = keepOpen(&kept, keep, nkeep);
  if (result >= 0) {
    syscall4(SYS_RT_SIGPROCMASK, SIG_BLOCK, P(&block_mask), P(&before), SIGNAL_SET_SIZE);
    if (fd >= 0) {
      result = executeFile(fd, argv, envp);
    } else {
      result = syscall3(SYS_EXECVE, P(path), P(argv), P(envp));
    }
    setSignals(before);
    keepUndo(&kept);
  }
  syscall2(SYS_MUNMAP, P(memory), size);
  return result;
}
