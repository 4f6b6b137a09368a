/**
 * Asks everything that is still in a jail to end, and waits: sessions of a login, what a daemon left. Must
 * never signal a process that is not in the jail at that instant. SIGKILL is not sent here: the end of the
 * jail's init is that.
 */
import type { JailPlan } from "../../config/plan/jail_plan.ts";
import type { ProcessId } from "../../sys/process_id.ts";
import type { JailHandle } from "../../jail/handle.ts";
import { namespaceInode } from "../../jail/namespace_files.ts";
import type { Timers } from "../../sys/timers.ts";
import { listProcesses, readStat } from "../../sys/process/process_table.ts";
import { SIGHUP } from "../../sys/native/constants.ts";

export interface DrainDeps {
  /** The signal that asks this process to end: a daemon of an earlier reeve wants its own stop signal. */
  readonly stopSignalOf: (process: ProcessId) => number;
  /** To this process alone, verified. */
  readonly signal: (process: ProcessId, signal: number) => void;
  readonly follow: (process: ProcessId, ended: () => void) => { remove(): void };
  readonly timers: Timers;
}

/**
 * Whether the end of the init is the end of all in the jail. In a PID namespace that was joined others live,
 * who are not ours to end.
 */
export function endsWithInit(plan: JailPlan): boolean {
  return plan.namespaces.includes("pid");
}

/**
 * Everybody in a jail that has its own PID namespace but its init, zombies left out; [] where nobody can tell
 * who is in it.
 */
export function membersOf(plan: JailPlan, { identity, initPid }: JailHandle): readonly ProcessId[] {
  const pidNamespace = identity.namespaces.pid;
  if (!endsWithInit(plan) || pidNamespace === undefined) return [];
  return listProcesses().filter(({ pid, state }) =>
    pid !== initPid && state !== "Z" && state !== "X" && namespaceInode(pid, "pid") === pidNamespace
  ).map(({ pid, startTime }) => ({ pid, startTime }));
}

/** Resolves when all are gone, when the grace is over, or when it is called off. */
export function drainJail(
  members: readonly ProcessId[],
  graceMs: number,
  deps: DrainDeps,
  callOff: AbortSignal,
): Promise<void> {
  if (members.length === 0 || callOff.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const watches = new Map<number, { remove(): void }>();
    const finish = (): void => {
      timer.cancel();
      callOff.removeEventListener("abort", finish);
      for (const watch of watches.values()) watch.remove();
      resolve();
    };
    const timer = deps.timers.after(graceMs, finish);
    callOff.addEventListener("abort", finish, { once: true });
    for (const member of members) {
      watches.set(
        member.pid,
        deps.follow(member, () => {
          watches.get(member.pid)?.remove();
          watches.delete(member.pid);
          if (watches.size === 0) finish();
        }),
      );
    }
    for (const member of members) {
      deps.signal(member, deps.stopSignalOf(member));
      // The signal that the end of its terminal would send: a shell that waits for a command hears nothing
      // else.
      if (readStat(member.pid)?.hasTerminal === true) deps.signal(member, SIGHUP);
    }
  });
}
