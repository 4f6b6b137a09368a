/**
 * Which process on record is which smart daemon of the configuration, whatever the clock has done since its
 * pidfile was written. One that lives elsewhere by the configuration's word is another daemon, whatever its
 * pidfile is called. Signals nobody.
 */
import type { DaemonPlan } from "../config/plan/daemon_plan.ts";
import type { SavedJail } from "../jail/identity.ts";
import { placeName } from "../jail/place_name.ts";
import type { Logger } from "../log/logger.ts";
import type { JournalEntry } from "./journal.ts";
import type { Saved } from "./handover.ts";

export interface KnownDaemons {
  readonly before: readonly JournalEntry[];
  readonly daemons: readonly Pick<DaemonPlan, "name" | "kind" | "pidfile" | "namespaces">[];
  /** null: daemons run where reeve does. */
  readonly jail: SavedJail | null;
  /** The daemons that an image before this one has handed over: it knows better. */
  readonly saved: ReadonlyMap<string, Saved>;
  readonly isReload: boolean;
  readonly isAlive: (process: JournalEntry["process"]) => boolean;
  readonly logger: Pick<Logger, "warning">;
}

/** By daemon's name. Says which daemons run on without a supervisor. */
export function findKnown(parts: KnownDaemons): ReadonlyMap<string, Saved> {
  const { before, daemons, jail, saved, isReload, isAlive, logger } = parts;
  const found = new Map(saved);
  const names = new Map<string, string>();
  for (const { name, kind, pidfile, namespaces } of daemons) {
    const place = placeName(jail, namespaces);
    if (kind !== "dumb" && place !== null) names.set(key(place, pidfile), name);
  }
  for (const { name: formerName, smart, place = "", pidfile = null, process } of before) {
    if (!smart) continue;
    const name = names.get(key(place, pidfile));
    // The last one counts: before it the record may have the process that launched it.
    if (name !== undefined) {
      if (!saved.has(name)) {
        found.set(name, { status: null, known: process, person: "open", startedAs: null });
      }
    } else if (!isReload && isAlive(process)) {
      const text = "runs as an earlier configuration had it, and this one has no such daemon";
      logger.warning(formerName, `${text}: left running, unsupervised (pid: ${process.pid})`);
    }
  }
  return found;
}

function key(place: string, pidfile: string | null): string {
  return `${place}\0${pidfile ?? ""}`;
}
