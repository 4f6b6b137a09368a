/**
 * Which daemon of one Plan is which of another. Pure. A name that was given says it; names that were made up
 * shift when a daemon comes before, so there the pidfile and then the command count first.
 */
import type { DaemonPlan } from "../plan/daemon_plan.ts";

export interface Pairs {
  /** In the order of the second Plan. */
  readonly kept: readonly { readonly before: DaemonPlan; readonly after: DaemonPlan }[];
  readonly added: readonly DaemonPlan[];
  readonly removed: readonly DaemonPlan[];
}

/** By what a daemon is known again, the surest first; null: it has no such mark. */
const MARKS: readonly ((daemon: DaemonPlan) => string | null)[] = [
  ({ name, origins }) => origins.name === undefined ? null : name,
  ({ pidfile }) => pidfile,
  ({ name, command }) => JSON.stringify([name, command]),
  ({ command }) => JSON.stringify(command),
  ({ name }) => name,
];

export function pairDaemons(before: readonly DaemonPlan[], after: readonly DaemonPlan[]): Pairs {
  const found = new Map<DaemonPlan, DaemonPlan>();
  const removed = new Set(before);
  for (const mark of MARKS) {
    const candidates = uniqueBy(removed, mark);
    for (const [known, daemon] of uniqueBy(after.filter((daemon) => !found.has(daemon)), mark)) {
      const same = candidates.get(known);
      if (same === undefined) continue;
      found.set(daemon, same);
      removed.delete(same);
    }
  }
  return {
    kept: after.flatMap((daemon) => {
      const same = found.get(daemon);
      return same === undefined ? [] : [{ before: same, after: daemon }];
    }),
    added: after.filter((daemon) => !found.has(daemon)),
    removed: [...removed],
  };
}

/** Those whose mark no other has: what two have tells neither. */
function uniqueBy(
  daemons: Iterable<DaemonPlan>,
  mark: (daemon: DaemonPlan) => string | null,
): ReadonlyMap<string, DaemonPlan> {
  const found = new Map<string, DaemonPlan>();
  const doubtful = new Set<string>();
  for (const daemon of daemons) {
    const known = mark(daemon);
    if (known === null) continue;
    if (found.has(known)) doubtful.add(known);
    found.set(known, daemon);
  }
  for (const known of doubtful) found.delete(known);
  return found;
}
