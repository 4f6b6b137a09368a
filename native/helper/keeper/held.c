/* held.c: named descriptors that a core has given to be held, for the next one. */
#include "helper/keeper/keeper.h"

#include "common/syscall.h"
#include "common/text.h"

static i32 isName(const struct reeve_name *name) {
  return name->name[0] != 0 && name->name[REEVE_HELD_NAME - 1] == 0;
}

static struct keeper_held *find(const struct keeper *keeper, const struct reeve_name *name) {
  for (u32 i = 0; i < keeper->nheld; i++) {
    struct keeper_held *held = &keeper->held[i];
    if (held->fd >= 0 && memcmp(held->name, name->name, REEVE_HELD_NAME) == 0) return held;
  }
  return 0;
}

static struct keeper_held *findFree(struct keeper *keeper) {
  for (u32 i = 0; i < keeper->nheld; i++)
    if (keeper->held[i].fd < 0) return &keeper->held[i];
  return keeper->nheld < REEVE_HELD_MAX ? &keeper->held[keeper->nheld++] : 0;
}

/* Above the numbers of births, and out of their way: where there is no room above, below. */
static i64 moveUp(const struct keeper *keeper, i32 fd) {
  i64 copy = syscall3(SYS_FCNTL, A(fd), F_DUPFD_CLOEXEC, A(keeper->held_base));
  return copy == -EINVAL ? -EMFILE : copy;
}

i64 heldPut(struct keeper *keeper, const struct reeve_name *name, i32 fd) {
  static const struct reeve_name HELPER = {"helper"};
  if (!isName(name)) return -EINVAL;
  i32 is_helper = memcmp(name->name, HELPER.name, REEVE_HELD_NAME) == 0;
  struct keeper_held *held = find(keeper, name);
  i64 copy = is_helper ? syscall3(SYS_FCNTL, A(fd), F_DUPFD_CLOEXEC, 3) : moveUp(keeper, fd);
  if (copy < 0) return copy;
  if (is_helper) {
    /* It is needed in the children of births, which give up all that is held. */
    if (keeper->helper_fd >= 0) syscall1(SYS_CLOSE, A(keeper->helper_fd));
    keeper->helper_fd = (i32)copy;
    return keeperPlace(keeper, &keeper->helper_fd, PLACE_HELPER);
  }
  if (held) {
    syscall1(SYS_CLOSE, A(held->fd));
  } else {
    held = findFree(keeper);
    if (!held) {
      syscall1(SYS_CLOSE, A(copy));
      return -ENOSPC;
    }
    memcpy(held->name, name->name, REEVE_HELD_NAME);
  }
  held->fd = (i32)copy;
  return 0;
}

i64 heldFind(const struct keeper *keeper, const struct reeve_name *name) {
  const struct keeper_held *held = isName(name) ? find(keeper, name) : 0;
  return held ? held->fd : -ENOENT;
}

i64 heldDrop(struct keeper *keeper, const struct reeve_name *name) {
  struct keeper_held *held = isName(name) ? find(keeper, name) : 0;
  if (!held) return -ENOENT;
  syscall1(SYS_CLOSE, A(held->fd));
  held->fd = -1;
  while (keeper->nheld > 0 && keeper->held[keeper->nheld - 1].fd < 0) keeper->nheld--;
  return 0;
}

u32 heldNames(const struct keeper *keeper, u32 from, u8 *out, u32 room) {
  u32 count = 0, used = 0;
  for (u32 i = 0; i < keeper->nheld; i++) {
    if (keeper->held[i].fd < 0 || count++ < from) continue;
    if (used + REEVE_HELD_NAME > room) break;
    memcpy(out + used, keeper->held[i].name, REEVE_HELD_NAME);
    used += REEVE_HELD_NAME;
  }
  return used;
}
