/**
 * The state that one image of reeve leaves to the next over a reload: which process is which daemon, how each stands, and the jail
 * that they are in. A record in a memfd. Times are dropped: the monotonic clock of JavaScript starts with the image.
 */
import { readFileSync } from "node:fs";
import type { DaemonPlan } from "../config/plan/daemon_plan.ts";
import type { ProcessId } from "../sys/process_id.ts";
import type { Streak } from "../daemon/backoff.ts";
import { type DaemonStatus, STATES } from "../daemon/state.ts";
import type { SavedJail } from "../jail/identity.ts";
import {
  bool,
  decode,
  encode,
  type Format,
  list,
  nullable,
  number,
  object,
  oneOf,
  type Shape,
  text,
  whole,
} from "./codec.ts";
import { exitCause, jailIdentity, jailPlan, processId } from "./shapes.ts";

export interface Saved {
  readonly status: DaemonStatus | null;
  readonly known: ProcessId | null;
}

interface SavedUnit extends Saved {
  readonly name: string;
  readonly pidfile: string | null;
  /** Milliseconds since the daemon's last start. */
  readonly age: number;
}

interface Handover {
  readonly units: readonly SavedUnit[];
  readonly jail: SavedJail | null;
}

const status: Shape<DaemonStatus> = object<DaemonStatus>({
  state: oneOf(STATES),
  desired: oneOf(["up", "down"]),
  stopReason: nullable(oneOf(["stop", "reload", "touch", "restart", "control"])),
  child: nullable(processId),
  launch: oneOf(["none", "alive", "ended", "failed"]),
  main: nullable(processId),
  leader: nullable(processId),
  ended: nullable(object<{ failed: boolean; upMs: number }>({ failed: bool, upMs: number })),
  since: number,
  streak: object<Streak>({ starts: whole(), failures: whole() }),
  respawns: whole(),
  started: bool,
  overdue: bool,
  undaemonized: bool,
  found: nullable(text),
  lastExit: nullable(exitCause),
});

export const HANDOVER: Format<Handover> = {
  name: "handover",
  shape: object<Handover>({
    units: list(object<SavedUnit>({
      name: text,
      pidfile: nullable(text),
      status: nullable(status),
      known: nullable(processId),
      age: number,
    })),
    jail: nullable(object<SavedJail>({ plan: jailPlan, identity: nullable(jailIdentity) })),
  }),
  older: [(json) => json],
};

/** A daemon as it stands, in what the hand-over takes of it. */
export interface RunningDaemon {
  readonly name: string;
  readonly plan: Pick<DaemonPlan, "kind" | "pidfile">;
  readonly status: DaemonStatus;
  readonly known: ProcessId | null;
}

/** `jail` null: daemons run where reeve does. */
export function saveState(units: readonly RunningDaemon[], jail: SavedJail | null, now: number): Uint8Array {
  const saved = units.filter((unit) => unit.plan.kind !== "dumb").map((unit): SavedUnit => ({
    name: unit.name,
    pidfile: unit.plan.pidfile,
    status: { ...unit.status },
    known: unit.known,
    age: now - unit.status.since,
  }));
  return new TextEncoder().encode(encode(HANDOVER, { units: saved, jail }));
}

export interface Restored {
  /** By daemon's name. */
  readonly units: ReadonlyMap<string, Saved>;
  /** Running daemons that the new configuration no longer names. */
  readonly left: readonly { readonly name: string; readonly pid: number }[];
  readonly jail: SavedJail | null;
}

/**
 * Throws Malformed: then nothing of it is believed. `wanted`: name and pidfile of the new configuration's smart daemons. The pidfile says which daemon is meant: names are
 * often made up from the command, and shift when another daemon comes before.
 */
export function restoreState(
  fd: number,
  wanted: ReadonlyMap<string, string | null>,
  now: number,
): Restored {
  const { units: saved, jail } = decode(HANDOVER, readFileSync(`/proc/self/fd/${fd}`, "utf8"));
  const names = new Map([...wanted].map(([name, pidfile]) => [pidfile, name]));
  const units = new Map<string, Saved>();
  const left: { name: string; pid: number }[] = [];
  for (const unit of saved) {
    const { status } = unit;
    const name = names.get(unit.pidfile);
    if (name !== undefined) {
      const restored = status === null ? null : { ...status, since: now - unit.age };
      units.set(name, { status: restored, known: unit.known });
    } else if (status !== null && (status.main ?? status.child) !== null) {
      left.push({ name: unit.name, pid: (status.main ?? status.child)?.pid ?? 0 });
    }
  }
  return { units, left, jail };
}
