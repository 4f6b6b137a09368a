/* table.c: the table of children, and the way from a pid to its slot.
 *
 * The table is a file in memory, so that the second and a core can read it when the keeper is gone, or when
 * the core before is. A slot that is given back is the next to be taken: pages that were never used stay
 * untouched.
 */
#include "helper/keeper/keeper.h"

#include "common/syscall.h"
#include "common/text.h"

enum { SYS_FTRUNCATE_CALL =
#if defined(__x86_64__)
           77
#else
           46
#endif
};
enum { MAP_SHARED = 1 };

i64 tableOpen(struct keeper *keeper) {
  i64 fd = syscall2(SYS_MEMFD_CREATE, P("reeve-table"), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  i64 result = fd < 0 ? 0 : syscall2(SYS_FTRUNCATE_CALL, A(fd), sizeof(struct reeve_table));
  if (fd >= 0 && result >= 0) {
    result = syscall3(SYS_FCNTL, A(fd), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  }
  /* Where such files are refused the second has the table all the same, but no later core. */
  u64 flags = fd < 0 ? MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
  if (result >= 0) {
    result = syscall6(SYS_MMAP, 0, sizeof(struct reeve_table), PROT_READ | PROT_WRITE, flags, A(fd), 0);
  }
  if (result < 0 && result > -4096) {
    if (fd >= 0) syscall1(SYS_CLOSE, A(fd));
    return result;
  }
  keeper->table = (struct reeve_table *)result;
  keeper->table_fd = (i32)fd;
  keeper->table->magic = REEVE_TABLE_MAGIC;
  keeper->table->version = REEVE_KEEPER_VERSION;
  keeper->table->free = -1;
  keeper->table->next_id = 1;
  return 0;
}

i64 tableTake(struct keeper *keeper) {
  struct reeve_table *table = keeper->table;
  u32 index = table->used;
  if (table->free >= 0) {
    index = (u32)table->free;
    table->free = table->slots[index].pid;
  } else if (table->used < REEVE_SLOTS) {
    table->used++;
  } else {
    return -ENOSPC;
  }
  struct reeve_slot *slot = &table->slots[index];
  memset(slot, 0, sizeof *slot);
  slot->gate = -1;
  slot->id = table->next_id++;
  slot->state = REEVE_SLOT_BIRTH;
  return index;
}

void tableGive(struct keeper *keeper, u32 index) {
  struct reeve_slot *slot = &keeper->table->slots[index];
  if (slot->gate >= 0) syscall1(SYS_CLOSE, A(slot->gate));
  memset(slot, 0, sizeof *slot);
  slot->gate = -1;
  slot->pid = keeper->table->free;
  keeper->table->free = (i32)index;
}

struct reeve_slot *tableFind(struct keeper *keeper, const struct reeve_ref *ref) {
  if (ref->slot >= keeper->table->used) return 0;
  struct reeve_slot *slot = &keeper->table->slots[ref->slot];
  return slot->state != REEVE_SLOT_FREE && slot->id == ref->id ? slot : 0;
}

/* Pids come one after the other, so their places do: few pages are touched. */
static u32 placeOf(i32 pid) { return (u32)pid & (KEEPER_PIDS - 1); }

static i64 find(const struct keeper *keeper, i32 pid) {
  for (u32 at = placeOf(pid), tries = 0; tries < KEEPER_PIDS; at = (at + 1) & (KEEPER_PIDS - 1), tries++) {
    if (keeper->pids[at] == 0) return -1;
    if (keeper->table->slots[keeper->pids[at] - 1].pid == pid) return at;
  }
  return -1;
}

void tableSetPid(struct keeper *keeper, i32 pid, u32 slot) {
  keeper->table->slots[slot].pid = pid;
  u32 at = placeOf(pid);
  while (keeper->pids[at] != 0) at = (at + 1) & (KEEPER_PIDS - 1);
  keeper->pids[at] = slot + 1;
}

i64 tableOfPid(const struct keeper *keeper, i32 pid) {
  i64 at = find(keeper, pid);
  return at < 0 ? -1 : (i64)keeper->pids[at] - 1;
}

/* An entry that stood behind it because its own place was taken moves up. */
void tableForgetPid(struct keeper *keeper, i32 pid) {
  i64 found = find(keeper, pid);
  if (found < 0) return;
  u32 hole = (u32)found;
  keeper->pids[hole] = 0;
  for (u32 at = (hole + 1) & (KEEPER_PIDS - 1); keeper->pids[at] != 0; at = (at + 1) & (KEEPER_PIDS - 1)) {
    u32 home = placeOf(keeper->table->slots[keeper->pids[at] - 1].pid);
    if (((at - home) & (KEEPER_PIDS - 1)) < ((at - hole) & (KEEPER_PIDS - 1))) continue;
    keeper->pids[hole] = keeper->pids[at];
    keeper->pids[at] = 0;
    hole = at;
  }
}
