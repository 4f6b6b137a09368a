/** Takes the snapshot of the running state from the parts that have it. Changes nothing. */
import { instancePid } from "../sys/process/instance_pid.ts";
import { daemonSnapshot, type Snapshot } from "../control/snapshot.ts";
import type { HeldJail } from "./jail/held_jail.ts";
import type { Legions } from "./legions.ts";
import type { UnitSet } from "./unit/units.ts";

export interface SnapshotDeps {
  readonly instance: string;
  readonly units: UnitSet;
  readonly legions: Pick<Legions, "states">;
  readonly jail: Pick<HeldJail, "describe" | "plan"> | null;
}

export function takeSnapshot({ instance, units, legions, jail }: SnapshotDeps): Snapshot {
  const clock = { now: performance.now(), at: Date.now() };
  return {
    at: clock.at,
    instance,
    pid: instancePid(),
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    cwd: process.cwd(),
    jail: jail === null ? null : { ...jail.describe(), root: jail.plan.root?.path ?? "/" },
    daemons: [...units].map(({ plan, status, machine, next }) =>
      daemonSnapshot({ plan, status, next, shownCommand: machine.settings.command }, clock)
    ),
    legions: legions.states(),
  };
}
