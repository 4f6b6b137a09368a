/* deaths.c: every death is reaped at once. That of a child with a slot stays in it until the core has taken
 * it; orphans are counted, and the last of them remembered.
 */
#include "helper/keeper/keeper.h"

#include "common/syscall.h"
#include "common/text.h"

enum {
  REAPED_AT_ONCE = 256, /* 20,000 orphans delay no stop */
  SETUP_FAILED = 125    /* and up: the helper has told why */
};

/* Takes the reports of helpers that ended for want of something. */
static void readReports(struct keeper *keeper) {
  struct reeve_report report;
  while (syscall3(SYS_READ, A(keeper->report[0]), P(&report), sizeof report) == sizeof report) {
    for (u32 index = keeper->table->used; index-- > 0;) {
      struct reeve_slot *slot = &keeper->table->slots[index];
      if (slot->state == REEVE_SLOT_FREE || slot->spawn_id != report.spawn_id) continue;
      slot->stage = report.stage;
      slot->error = report.error;
      slot->detail = report.detail;
      break;
    }
  }
}

static void push(struct keeper *keeper, u32 slot) {
  keeper->dead.slots[keeper->dead.tail % REEVE_SLOTS] = slot;
  keeper->dead.tail++;
}

static void markDead(struct keeper *keeper, u32 index, i32 status) {
  struct reeve_slot *slot = &keeper->table->slots[index];
  tableForgetPid(keeper, slot->pid);
  foregroundEnded(keeper, slot->pid);
  if ((status & 0x7f) == 0 && (status >> 8 & 0xff) >= SETUP_FAILED) readReports(keeper);
  if (slot->gate >= 0) syscall1(SYS_CLOSE, A(slot->gate));
  slot->gate = -1;
  slot->status = status;
  slot->died = bootNanoseconds();
  slot->state = REEVE_SLOT_DEAD;
  push(keeper, index);
}

static void reapOne(struct keeper *keeper, i32 pid) {
  i32 status = 0;
  /* Its zombie keeps the number of its group, by which those are known whom it made. */
  enteringOver(keeper, pid);
  if (syscall4(SYS_WAIT4, A(pid), P(&status), WNOHANG | WALL, 0) != pid) return;
  if (pid == keeper->core.pid) return coreEnded(keeper, status);
  if (pid == keeper->second.pid) return secondEnded(keeper);
  i64 slot = tableOfPid(keeper, pid);
  if (slot >= 0) return markDead(keeper, (u32)slot, status);
  struct reeve_orphan *orphan = &keeper->dead.listed[keeper->dead.orphan_at++ % REEVE_ORPHANS_MAX];
  *orphan = (struct reeve_orphan){pid, status};
  keeper->dead.orphans++;
}

void deathsReap(struct keeper *keeper) {
  foregroundLook(keeper);
  for (u32 i = 0; i < REAPED_AT_ONCE; i++) {
    struct linux_siginfo info = {0};
    i64 result = syscall5(SYS_WAITID, P_ALL, 0, P(&info), WEXITED | WNOHANG | WNOWAIT | WALL, 0);
    if (result < 0 || info.pid == 0) return;
    reapOne(keeper, info.pid);
  }
  /* More may be dead: SIGCHLD comes once for all, so we send it ourselves, behind what else waits. */
  syscall2(SYS_KILL, A(keeper->epoch_pid), SIGCHLD);
}

/* -> 0; -errno: they are told later */
static i64 tellSome(struct keeper *keeper) {
  u32 *count = (u32 *)(void *)keeper->out;
  struct reeve_death *deaths = (struct reeve_death *)(void *)(keeper->out + 8);
  u32 at = keeper->dead.head;
  count[0] = count[1] = 0;
  for (; at != keeper->dead.tail && count[0] < REEVE_DEATHS_MAX; at++) {
    u32 index = keeper->dead.slots[at % REEVE_SLOTS];
    const struct reeve_slot *slot = &keeper->table->slots[index];
    if (slot->state != REEVE_SLOT_DEAD) continue;
    deaths[count[0]++] = (struct reeve_death){index,       slot->pid,   slot->id,    slot->status,
                                              slot->stage, slot->error, slot->detail};
  }
  i64 result = count[0] ? packetTell(keeper, REEVE_K_DEATHS, keeper->out, 8 + count[0] * (u32)sizeof *deaths) : 0;
  if (result >= 0) keeper->dead.head = at;
  return result;
}

static void tellOrphans(struct keeper *keeper) {
  u32 listed = keeper->dead.orphans < REEVE_ORPHANS_MAX ? keeper->dead.orphans : REEVE_ORPHANS_MAX;
  u32 *head = (u32 *)(void *)keeper->out;
  struct reeve_orphan *to = (struct reeve_orphan *)(void *)(keeper->out + 8);
  head[0] = keeper->dead.orphans;
  head[1] = listed;
  for (u32 i = 0; i < listed; i++) {
    to[i] = keeper->dead.listed[(keeper->dead.orphan_at - listed + i) % REEVE_ORPHANS_MAX];
  }
  if (packetTell(keeper, REEVE_K_ORPHANS, keeper->out, 8 + listed * (u32)sizeof *to) >= 0) keeper->dead.orphans = 0;
}

void deathsTell(struct keeper *keeper) {
  if (keeper->socket < 0 || !keeper->core.has_spoken) return;
  while (keeper->dead.head != keeper->dead.tail)
    if (tellSome(keeper) < 0) return;
  keeper->dead.head = keeper->dead.tail = 0; /* the ring's first page is enough for most */
  if (keeper->dead.orphans) tellOrphans(keeper);
}

void deathsAgain(struct keeper *keeper) {
  keeper->dead.head = keeper->dead.tail = 0;
  for (u32 index = 0; index < keeper->table->used; index++)
    if (keeper->table->slots[index].state == REEVE_SLOT_DEAD) push(keeper, index);
}

i64 deathsSignal(const struct reeve_slot *slot, u32 signal, u32 flags) {
  if (slot->state != REEVE_SLOT_ALIVE || slot->pid <= 1) return -ESRCH;
  /* Unreaped, so the number is its own, and its group's while it leads one. */
  i32 is_group = flags & REEVE_KS_GROUP && syscall1(SYS_GETPGID, A(slot->pid)) == slot->pid;
  i64 result = syscall2(SYS_KILL, A(is_group ? -slot->pid : slot->pid), signal);
  if (result >= 0 && flags & REEVE_KS_CONTINUE) {
    syscall2(SYS_KILL, A(is_group ? -slot->pid : slot->pid), SIGCONT);
  }
  return result;
}
