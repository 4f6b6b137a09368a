/**
 * The state that one image of reeve leaves to the next over a reload: which process is which daemon, and how each stands.
 * JSON in a memfd. Times are dropped: the monotonic clock of JavaScript starts with the image.
 */
import { readFileSync } from "node:fs";
import type { ProcessId } from "../daemon/process.ts";
import type { DaemonStatus } from "../daemon/state.ts";
import type { DaemonUnit } from "./unit.ts";

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

export function saveUnits(units: readonly DaemonUnit[], now: number): Uint8Array {
  const saved = units.filter((unit) => unit.plan.kind !== "dumb").map((unit): SavedUnit => ({
    name: unit.name,
    pidfile: unit.plan.pidfile,
    status: { ...unit.status },
    known: unit.known,
    age: now - unit.status.since,
  }));
  return new TextEncoder().encode(
    JSON.stringify(saved, (_, value) => typeof value === "bigint" ? String(value) : value),
  );
}

export interface Restored {
  /** By daemon's name. */
  readonly units: ReadonlyMap<string, Saved>;
  /** Running daemons that the new configuration no longer names. */
  readonly left: readonly { readonly name: string; readonly pid: number }[];
}

/**
 * `wanted`: name and pidfile of the new configuration's smart daemons. The pidfile says which daemon is meant: names are
 * often made up from the command, and shift when another daemon comes before.
 */
export function restoreUnits(
  fd: number,
  wanted: ReadonlyMap<string, string | null>,
  now: number,
): Restored {
  const text = readFileSync(`/proc/self/fd/${fd}`, "utf8");
  const saved = JSON.parse(text, (key, value) => key === "startTime" ? BigInt(value) : value) as SavedUnit[];
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
  return { units, left };
}
