/* last_stop.c: the end of the instance. Stopping is the core's work, in the order that the configuration
 * wants; only when no core takes a stop does the keeper do it: the stop signal to each child at once, SIGKILL
 * when its grace is over.
 */
#include "helper/keeper/keeper.h"

#include "common/syscall.h"
#include "helper/init/orphans.h"

enum { LAST_GRACE_MS = 10000 /* of who was killed */, FIRST_GRACE_MS = 3000, REAP_TRIES = 200, REAP_WAIT_MS = 10 };

static i64 now(void) { return (i64)(bootNanoseconds() / 1000000); }

void lastStopBegin(struct keeper *keeper) {
  struct reeve_table *table = keeper->table;
  keeper->stop.runs = 1;
  keeper->stop.kill_at = now();
  for (u32 i = 0; i < table->used; i++) {
    struct reeve_slot *slot = &table->slots[i];
    if (slot->state != REEVE_SLOT_ALIVE || !(slot->flags & REEVE_B_DUMB)) continue;
    deathsSignal(slot, slot->stop_signal ? slot->stop_signal : SIGTERM, REEVE_KS_GROUP | REEVE_KS_CONTINUE);
    i64 until = now() + slot->grace_ms;
    if (until > keeper->stop.kill_at) keeper->stop.kill_at = until;
  }
}

/* Is some child there that does not outlive the instance? */
static i32 isAnyLeft(const struct reeve_table *table) {
  for (u32 i = 0; i < table->used; i++) {
    const struct reeve_slot *slot = &table->slots[i];
    if (slot->state == REEVE_SLOT_ALIVE && slot->flags & REEVE_B_DUMB) return 1;
  }
  return 0;
}

void lastStopLook(struct keeper *keeper) {
  struct reeve_table *table = keeper->table;
  if (!keeper->stop.runs || keeper->ending >= 0) return;
  i32 is_over = now() >= keeper->stop.kill_at;
  if (!isAnyLeft(table) || now() >= keeper->stop.kill_at + LAST_GRACE_MS) {
    keeper->ending = 0;
    return;
  }
  for (u32 i = 0; is_over && i < table->used; i++) {
    struct reeve_slot *slot = &table->slots[i];
    if (slot->flags & REEVE_B_DUMB) deathsSignal(slot, SIGKILL, REEVE_KS_GROUP);
  }
}

i64 lastStopDue(const struct keeper *keeper) {
  if (!keeper->stop.runs) return -1;
  i64 due = keeper->stop.kill_at > now() ? keeper->stop.kill_at : now() + 100;
  return due - now();
}

static void killProcess(i32 pid) {
  if (pid <= 0) return;
  syscall2(SYS_KILL, A(pid), SIGKILL);
  syscall4(SYS_WAIT4, A(pid), 0, A(WALL), 0);
}

/* One that hangs in the kernel is not waited for longer than this. */
static void reapKilled(void) {
  for (u32 i = 0; i < REAP_TRIES; i++) {
    i64 pid = 0;
    while ((pid = syscall4(SYS_WAIT4, A(-1), 0, WNOHANG | WALL, 0)) > 0) continue;
    if (pid < 0) return;
    struct linux_timespec wait = {0, REAP_WAIT_MS * 1000000l};
    syscall5(SYS_PPOLL, 0, 0, P(&wait), 0, SIGNAL_SET_SIZE);
  }
}

void lastStopEnd(struct keeper *keeper) {
  i32 had_dumb = isAnyLeft(keeper->table);
  foregroundGiveBack(keeper);
  killProcess(keeper->core.pid);
  killProcess(keeper->second.pid);
  secondSweep(keeper->table, 1);
  if (had_dumb) reapKilled();
  if (keeper->is_first) orphansStop(1, FIRST_GRACE_MS);
  exitProcess(keeper->ending);
}
