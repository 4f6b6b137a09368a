/** Children of a test: waited for by their SIGCHLD, ended by pid when the test forgets. */
import { closePidfd, signalProcess } from "../../../lib/sys/process/pidfd.ts";
import { type ExitStatus, reap } from "../../../lib/sys/process/reap.ts";
import { spawnChild, type SpawnedChild } from "../../../lib/sys/child/spawn.ts";
import type { ChildSpec } from "../../../lib/sys/child/child_spec.ts";
import { until } from "../until.ts";

const open = new Map<number, SpawnedChild>();

export function start(spec: ChildSpec): SpawnedChild {
  const child = spawnChild(spec);
  open.set(child.pid, child);
  return child;
}

/** Resolves when the child is dead and reaped. */
export async function ended(child: SpawnedChild): Promise<ExitStatus> {
  const status = await until(`process ${child.pid} has ended`, () => reap(child.pid));
  forget(child);
  return status;
}

/** Kills and reaps what a failed test left. */
export async function endAll(): Promise<void> {
  for (const child of [...open.values()]) {
    signalProcess(child.pid, 9);
    await ended(child);
  }
}

function forget(child: SpawnedChild): void {
  open.delete(child.pid);
  if (child.pidfd !== null) closePidfd(child.pidfd);
}
