/** The processes and mounts of jails as the end-to-end tests see them from the host. Signals nobody. */
import { afterEach, beforeEach, expect } from "bun:test";
import type { Scope, Supervisor } from "./harness.ts";
import { busybox, hostMounts } from "./jail_root.ts";
import { pidNamespace, reeve, root } from "./need.ts";
import { allProcesses, commandLine, identify, type ProcessId, type ProcessState, status } from "./process.ts";
import { until } from "./wait.ts";

export const NEEDS = [reeve, root, pidNamespace, busybox];

/** To be called at the top of a file: none of its tests may leave a mount on the host. */
export function expectMountsKept(): void {
  let mounts = "";
  beforeEach(() => {
    mounts = hostMounts();
  });
  afterEach(() => {
    expect(hostMounts()).toBe(mounts);
  });
}

/** The init of the scope's jail, tracked: it ends with the test, and all in it. */
export async function initOf(scope: Scope, supervisor: Supervisor, from = 0): Promise<ProcessId> {
  const found = await supervisor.untilLog(/the jail is made pid=(\d+)/, { from });
  const id = identify(Number(found[1]));
  if (id === null) throw new Error(`the init of the jail is gone\n${supervisor.log()}`);
  scope.track(id);
  return id;
}

/** Processes of any jail, whose command lines are unique to their test. */
export function running(pattern: RegExp): ProcessState[] {
  return allProcesses().filter((one) => one.state !== "Z" && pattern.test(commandLine(one.pid).join(" ")));
}

export async function untilRunning(pattern: RegExp): Promise<ProcessState> {
  return await until(`exactly one process like ${pattern}`, () => {
    const found = running(pattern);
    return found.length === 1 ? found[0] : null;
  });
}

/** Its pids, from the outermost PID namespace that shows it to its own. */
export function levels(pid: number): number[] {
  return (status(pid).get("NSpid") ?? "").split("\t").map(Number);
}
