/**
 * The state that one image of reeve leaves to the next over a reload: which process is which daemon, how each
 * stands, and the jail that they are in. A record in a memfd. Times are dropped: the monotonic clock of
 * JavaScript starts with the image.
 */
import { readFileSync } from "node:fs";
import type { ReloadFate } from "../config/diff/over_reload.ts";
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
  like,
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
  /** How what runs was started; null: that is not known, or nothing runs. */
  readonly startedAs: StartedAs | null;
}

/** The definition of a daemon with which a process was started. */
export interface StartedAs {
  /** lib/records/start_digest.ts. */
  readonly digest: string;
  /** As people may see it. */
  readonly command: string;
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
      startedAs: nullable(object<StartedAs>({ digest: like(/^[0-9a-f]{64}$/), command: text })),
      age: number,
    })),
    jail: nullable(object<SavedJail>({ plan: jailPlan, identity: nullable(jailIdentity) })),
    operations: nullable(text),
  }),
  older: [(json) => json, withPersons, withOperations, withoutStarts],
};

/** A daemon as it stands, in what the hand-over takes of it. */
export interface RunningDaemon {
  readonly name: string;
  readonly plan: Pick<DaemonPlan, "kind" | "pidfile">;
  readonly status: DaemonStatus;
  readonly known: ProcessId | null;
  readonly gates: Gates;
  readonly startedAs: { digest(): string; readonly command: string } | null;
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

/** Before version 4 nobody knew how a daemon was started. */
function withoutStarts(json: unknown): unknown {
  const { units, ...rest } = Object(json) as { readonly units?: unknown };
  if (!Array.isArray(units)) return json;
  return { ...rest, units: units.map((unit: unknown) => ({ ...Object(unit), startedAs: null })) };
}

/**
 * A dumb daemon is kept where the reload leaves it running, or a person has stopped it. `jail` null: daemons
 * run where reeve does. `fates`: names and pidfiles of daemons as they are to be.
 */
export function saveState(
  units: Iterable<RunningDaemon>,
  jail: SavedJail | null,
  now: number,
  operations: string | null = null,
  fates: ReadonlyMap<string, ReloadFate> = new Map(),
): Uint8Array {
  const saved: SavedUnit[] = [];
  for (const unit of units) {
    const { plan: { kind }, status, known, gates, startedAs } = unit;
    const fate = fates.get(unit.name);
    if (fate?.kind === "stop") continue;
    const { name, pidfile } = fate ?? { name: unit.name, pidfile: unit.plan.pidfile };
    const { person } = gates;
    if (kind !== "dumb" || fate?.kind === "keep") {
      const { gates: _, held: __, nextStart: ___, ...kept } = status;
      const started = startedAs === null ? null : { digest: startedAs.digest(), command: startedAs.command };
      saved.push({ name, pidfile, status: kept, known, person, startedAs: started, age: now - status.since });
    } else if (person === "closed") {
      saved.push({ name, pidfile: null, status: null, known: null, person, startedAs: null, age: 0 });
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
      const { known, person, startedAs } = unit;
      units.set(name, { status: restored, known, person, startedAs });
    } else if (status !== null && (status.main ?? status.child) !== null) {
      left.push({ name: unit.name, pid: (status.main ?? status.child)?.pid ?? 0 });
    }
  }
  return { units, left, jail, operations };
}
