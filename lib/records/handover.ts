/**
 * The state that one image of reeve leaves to the next over a reload: which process is which daemon, how each
 * stands, and the jail that they are in. A record in a memfd. Times are dropped: the monotonic clock of
 * JavaScript starts with the image.
 */
import { readFileSync } from "node:fs";
import type { DaemonPlan } from "../config/plan/daemon_plan.ts";
import type { ProcessId } from "../sys/process_id.ts";
import type { Streak } from "../daemon/backoff.ts";
import type { Door, Gates } from "../daemon/gates.ts";
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

/** The gates of a daemon are found out anew, but for a person's word. */
export type SavedStatus = Omit<DaemonStatus, "gates" | "held" | "nextStart">;

export interface Saved {
  /** null: nothing of it was kept. */
  readonly status: SavedStatus | null;
  readonly known: ProcessId | null;
  /** Closed: a person has stopped it. */
  readonly person: Door;
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
  /** The operations on single daemons, a record of its own; null: nothing is known of them. */
  readonly operations: string | null;
}

const status: Shape<SavedStatus> = object<SavedStatus>({
  state: oneOf(STATES),
  desired: oneOf(["up", "down"]),
  stopReason: nullable(oneOf(["start", "stop", "reload", "touch", "restart", "control", "apply"])),
  child: nullable(processId),
  launch: oneOf(["none", "alive", "ended", "failed", "unstarted"]),
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
      person: oneOf(["open", "closed"]),
      age: number,
    })),
    jail: nullable(object<SavedJail>({ plan: jailPlan, identity: nullable(jailIdentity) })),
    operations: nullable(text),
  }),
  older: [(json) => json, withPersons, withOperations],
};

/** A daemon as it stands, in what the hand-over takes of it. */
export interface RunningDaemon {
  readonly name: string;
  readonly plan: Pick<DaemonPlan, "kind" | "pidfile">;
  readonly status: DaemonStatus;
  readonly known: ProcessId | null;
  readonly gates: Gates;
}

/** Before version 2 nobody could stop one daemon. */
function withPersons(json: unknown): unknown {
  const { units, ...rest } = Object(json) as { readonly units?: unknown };
  if (!Array.isArray(units)) return json;
  return { ...rest, units: units.map((unit: unknown) => ({ ...Object(unit), person: "open" })) };
}

/** Before version 3 nobody could ask for anything that takes its time. */
function withOperations(json: unknown): unknown {
  return { ...Object(json), operations: null };
}

/** A dumb daemon is kept only where a person has stopped it. `jail` null: daemons run where reeve does. */
export function saveState(
  units: Iterable<RunningDaemon>,
  jail: SavedJail | null,
  now: number,
  operations: string | null = null,
): Uint8Array {
  const saved: SavedUnit[] = [];
  for (const { name, plan: { kind, pidfile }, status, known, gates: { person } } of units) {
    if (kind !== "dumb") {
      const { gates: _, held: __, nextStart: ___, ...kept } = status;
      saved.push({ name, pidfile, status: kept, known, person, age: now - status.since });
    } else if (person === "closed") {
      saved.push({ name, pidfile: null, status: null, known: null, person, age: 0 });
    }
  }
  return new TextEncoder().encode(encode(HANDOVER, { units: saved, jail, operations }));
}

export interface Restored {
  /** By daemon's name. */
  readonly units: ReadonlyMap<string, Saved>;
  /** Running daemons that the new configuration no longer names. */
  readonly left: readonly { readonly name: string; readonly pid: number }[];
  readonly jail: SavedJail | null;
  readonly operations: string | null;
}

/**
 * Throws Malformed: then nothing of it is believed. `wanted`: name and pidfile of the new configuration's
 * daemons. The pidfile says which smart daemon is meant: names are often made up from the command, and shift
 * when another daemon comes before.
 */
export function restoreState(
  fd: number,
  wanted: ReadonlyMap<string, string | null>,
  now: number,
): Restored {
  const { units: saved, jail, operations } = decode(HANDOVER, readFileSync(`/proc/self/fd/${fd}`, "utf8"));
  const names = new Map([...wanted].map(([name, pidfile]) => [pidfile ?? `\0${name}`, name]));
  const units = new Map<string, Saved>();
  const left: { name: string; pid: number }[] = [];
  for (const unit of saved) {
    const { status } = unit;
    const name = names.get(unit.pidfile ?? `\0${unit.name}`);
    if (name !== undefined) {
      const restored = status === null ? null : { ...status, since: now - unit.age };
      units.set(name, { status: restored, known: unit.known, person: unit.person });
    } else if (status !== null && (status.main ?? status.child) !== null) {
      left.push({ name: unit.name, pid: (status.main ?? status.child)?.pid ?? 0 });
    }
  }
  return { units, left, jail, operations };
}
