/* credentials.c: who the program is. Raw system calls change this one thread, which is all there is in the
 * helper.
 *
 * Nothing is believed: each call can fail (an old kernel, a user namespace, a seccomp filter), and a uid that
 * looks changed while a saved id still opens the way back would be worse than not starting.
 */
#include "helper/exec/credentials.h"

#include "common/linux.h"
#include "common/memory.h"
#include "common/syscall.h"

/* Restores the heap below `at`: ids[at] may be too small. */
static void sink(u32 *ids, u32 at, u32 count) {
  for (;;) {
    u32 child = 2 * at + 1;
    if (child >= count) return;
    if (child + 1 < count && ids[child + 1] > ids[child]) child++;
    if (ids[at] >= ids[child]) return;
    u32 swap = ids[at];
    ids[at] = ids[child];
    ids[child] = swap;
    at = child;
  }
}

/* Sorts, drops repeats. -> how many are left. */
static u32 sortIds(u32 *ids, u32 count) {
  for (u32 i = count / 2; i > 0; i--) sink(ids, i - 1, count);
  for (u32 left = count; left > 1; left--) {
    u32 swap = ids[0];
    ids[0] = ids[left - 1];
    ids[left - 1] = swap;
    sink(ids, 0, left - 1);
  }
  u32 kept = 0;
  for (u32 i = 0; i < count; i++) {
    if (kept == 0 || ids[kept - 1] != ids[i]) ids[kept++] = ids[i];
  }
  return kept;
}

static i32 wantsGroups(const struct request *request) {
  return requestHas(request, REEVE_T_GROUPS) || (request->flags & REEVE_F_CLEAR_GROUPS);
}

/* Are the supplementary groups those wanted? The kernel's order is its own. -> 1, 0 or -errno */
static i64 groupsMatch(struct request *request) {
  i64 count = syscall2(SYS_GETGROUPS, 0, 0);
  if (count < 0) return count;
  u32 wanted = sortIds(request->groups, request->ngroups);
  if (count == 0) return wanted == 0;
  u64 size = (u64)count * sizeof(u32);
  i64 memory = mapMemory(size, -1);
  if (memory < 0) return memory;
  u32 *present = (u32 *)memory;
  i64 match = syscall2(SYS_GETGROUPS, (u64)count, P(present));
  if (match >= 0) {
    match = sortIds(present, (u32)count) == wanted;
    for (u32 i = 0; i < wanted && match; i++) match = present[i] == request->groups[i];
  }
  syscall2(SYS_MUNMAP, P(memory), size);
  return match;
}

static i64 dropBounding(u64 keep) {
  for (u64 cap = 0; cap < 64; cap++) {
    i64 present = syscall5(SYS_PRCTL, PR_CAPBSET_READ, cap, 0, 0, 0);
    if (present == -EINVAL) return 0; /* beyond the last one that this kernel knows */
    if (present < 0) return present;
    if (present == 0 || (keep >> cap & 1)) continue;
    i64 result = syscall5(SYS_PRCTL, PR_CAPBSET_DROP, cap, 0, 0, 0);
    if (result < 0) return result;
  }
  return 0;
}

i64 capsBefore(struct request *request) {
  i64 result = 0;
  if (requestHas(request, REEVE_T_CAPS_BOUND)) result = dropBounding(request->caps_bound);
  if (result >= 0 && (request->flags & REEVE_F_KEEP_CAPS)) result = syscall5(SYS_PRCTL, PR_SET_KEEPCAPS, 1, 0, 0, 0);
  return result;
}

i64 groupsSet(struct request *request) {
  if (!wantsGroups(request)) return 0;
  i64 result = syscall2(SYS_SETGROUPS, request->ngroups, P(request->groups));
  /* Not root, or a user namespace that denies setgroups: no harm where they are as wanted already. */
  if (result == -EPERM && groupsMatch(request) == 1) return 0;
  return result;
}

i64 gidSet(struct request *request) {
  if (!requestHas(request, REEVE_T_GID)) return 0;
  return syscall3(SYS_SETRESGID, request->gid, request->gid, request->gid);
}

static i64 setCaps(u64 effective, u64 permitted, u64 inheritable) {
  struct linux_cap_header header = {CAPABILITY_VERSION_3, 0};
  struct linux_cap_data data[2] = {
      {(u32)effective, (u32)permitted, (u32)inheritable},
      {(u32)(effective >> 32), (u32)(permitted >> 32), (u32)(inheritable >> 32)},
  };
  return syscall2(SYS_CAPSET, P(&header), P(data));
}

/* Does the program run as somebody other than root because we made it so? */
static i32 leavesRoot(const struct request *request) { return requestHas(request, REEVE_T_UID) && request->uid != 0; }

i64 uidSet(struct request *request) {
  if (!requestHas(request, REEVE_T_UID)) return 0;
  return syscall3(SYS_SETRESUID, request->uid, request->uid, request->uid);
}

i64 capsLower(struct request *request) {
  if (!leavesRoot(request)) return 0;
  /* A caller that was not root would keep its capabilities over the change. */
  u64 keep = request->flags & REEVE_F_KEEP_CAPS ? request->caps : 0;
  return setCaps(0, keep, keep);
}

i64 credentialsVerify(struct request *request) {
  u32 ids[3] = {0, 0, 0};
  if (requestHas(request, REEVE_T_GID)) {
    i64 result = syscall3(SYS_GETRESGID, P(&ids[0]), P(&ids[1]), P(&ids[2]));
    if (result < 0) return result;
    if (ids[0] != request->gid || ids[1] != request->gid || ids[2] != request->gid) return -EPERM;
  }
  if (wantsGroups(request)) {
    i64 match = groupsMatch(request);
    if (match <= 0) return match < 0 ? match : -EPERM;
  }
  if (!requestHas(request, REEVE_T_UID)) return 0;
  i64 result = syscall3(SYS_GETRESUID, P(&ids[0]), P(&ids[1]), P(&ids[2]));
  if (result < 0) return result;
  if (ids[0] != request->uid || ids[1] != request->uid || ids[2] != request->uid) return -EPERM;
  if (!leavesRoot(request)) return 0;
  if (syscall1(SYS_SETUID, 0) >= 0) return -EPERM;
  if (requestHas(request, REEVE_T_GID) && request->gid != 0 && syscall1(SYS_SETGID, 0) >= 0) return -EPERM;
  return 0;
}

i64 capsAfter(struct request *request) {
  if (!requestHas(request, REEVE_T_CAPS)) return 0;
  if (leavesRoot(request) && !(request->flags & REEVE_F_KEEP_CAPS)) return 0; /* all gone already */
  i64 result = setCaps(request->caps, request->caps, request->caps);
  if (result < 0 || !(request->flags & REEVE_F_KEEP_CAPS)) return result;
  for (u64 cap = 0; cap < 64 && result >= 0; cap++) {
    if (request->caps >> cap & 1) result = syscall5(SYS_PRCTL, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
  }
  return result;
}
