/**
 * The daemons that a core before this one has started, found again in the keeper's table by their labels: how
 * the next core goes on after one that ended without a word. Pure.
 */
import type { DaemonPlan } from "../config/plan/daemon_plan.ts";
import { freshStatus } from "../daemon/machine.ts";
import type { Saved } from "./handover.ts";
import { shortHash } from "../sys/hash.ts";
import type { ChildLabel } from "../sys/keeper/packets.ts";
import type { LivingChild } from "../sys/keeper/table.ts";

/** Purposes of children; others, such as hooks, have none. */
const DAEMON = 1;

/** The label of one start of a daemon. */
export function daemonLabel(name: string, start: number): ChildLabel {
  const daemon = (BigInt(shortHash(name)) << 32n) | BigInt(shortHash(`${name}\0daemon`));
  return { daemon, start: BigInt(start), purpose: DAEMON };
}

export interface FormerChildren {
  /** By daemon's name. */
  readonly units: ReadonlyMap<string, Saved>;
  /** Daemons of the instance, or parts of a start, that nobody can go on with. */
  readonly strays: readonly LivingChild[];
}

/**
 * `now`: milliseconds of the clock that a status counts in; `boot`: nanoseconds of CLOCK_BOOTTIME at that
 * moment.
 */
export function findFormer(
  children: readonly LivingChild[],
  plans: readonly DaemonPlan[],
  clock: { readonly now: number; readonly boot: bigint },
): FormerChildren {
  const byLabel = new Map<bigint, DaemonPlan>(plans.map((plan) => [daemonLabel(plan.name, 0).daemon, plan]));
  const units = new Map<string, Saved>();
  const strays: LivingChild[] = [];
  for (const child of [...children].sort((one, other) => one.id < other.id ? 1 : -1)) {
    const plan = child.label.purpose === DAEMON ? byLabel.get(child.label.daemon) : undefined;
    // A child that waits was never on record: nothing of it has begun.
    if (plan === undefined || child.waits || units.has(plan.name)) {
      if (!child.dead && (child.waits || child.dumb)) strays.push(child);
      continue;
    }
    units.set(plan.name, savedOf(plan, child, clock));
  }
  return { units, strays };
}

function savedOf(
  plan: DaemonPlan,
  { pid, startTime, born }: LivingChild,
  { now, boot }: { readonly now: number; readonly boot: bigint },
): Saved {
  const process = { pid, startTime };
  const isLaunched = plan.kind === "smart";
  const { gates: _gates, held: _held, nextStart: _next, ...fresh } = freshStatus();
  return {
    status: {
      ...fresh,
      state: isLaunched ? "starting" : "running",
      desired: "up",
      child: process,
      launch: "alive",
      main: isLaunched ? null : process,
      since: now - Number((boot - born) / 1_000_000n),
      started: true,
    },
    known: isLaunched ? null : process,
    person: "open",
    startedAs: null,
  };
}
