/**
 * What is done about the difference of what runs and of a Plan: which daemons are stopped, started, started
 * anew or told of a change while they run. Pure; a smart daemon is restarted only where that was asked for.
 */
import type { DaemonPlan } from "../plan/daemon_plan.ts";
import type { Origin } from "../origin.ts";
import type { DaemonChange, PlanDiff, SettingChange } from "./diff.ts";
import type { InstanceChangeClass } from "../options/instance_settings.ts";

export interface StepsOptions {
  /** Smart daemons that are no longer configured run on, unsupervised. */
  readonly keepRemoved: boolean;
  /** Smart daemons are started anew like others. */
  readonly restartSmart: boolean;
  /**
   * Whether the daemon of this name, which it has so far, has a process, waits for its next start, or is
   * down.
   */
  readonly standing: (name: string) => "up" | "due" | "down";
}

/**
 * stop; leave: it runs on, unsupervised. restart. older: it runs on as it was started. later: nothing of it
 * runs, and its next start is the new one. live: while it runs. rename: it is called otherwise.
 */
export type Work = "start" | "stop" | "leave" | "restart" | "older" | "later" | "live" | "rename";

export interface Step {
  readonly work: Work;
  readonly name: string;
  /** As it is called so far. */
  readonly was: string;
  readonly settings: readonly SettingChange[];
  /** As it is to be; null: it goes. */
  readonly plan: DaemonPlan | null;
  readonly origin: Origin | null;
}

export interface Steps {
  /** Those that go come first, then those that change and those that come, in the order of the new Plan. */
  readonly daemons: readonly Step[];
  readonly unchanged: readonly Pick<DaemonChange, "before" | "after">[];
  /** Settings that are no daemon's, which are left alone. */
  readonly instance: readonly { readonly name: string; readonly change: InstanceChangeClass }[];
}

export function planSteps(found: PlanDiff, options: StepsOptions): Steps {
  const gone = found.removed.map((plan): Step => ({
    work: options.keepRemoved && plan.kind !== "dumb" && options.standing(plan.name) === "up"
      ? "leave"
      : "stop",
    name: plan.name,
    was: plan.name,
    settings: [],
    plan: null,
    origin: null,
  }));
  const changed = found.changed.map(({ before, after, settings }): Step => ({
    work: workOf(before, settings, options),
    name: after.name,
    was: before.name,
    settings,
    plan: after,
    origin: settings[0]?.origin ?? after.origin,
  }));
  const come = found.added.map((plan): Step => ({
    work: "start",
    name: plan.name,
    was: plan.name,
    settings: [],
    plan,
    origin: plan.origin,
  }));
  return {
    daemons: [...gone, ...changed, ...come],
    unchanged: found.unchanged,
    instance: found.instance.map(({ name, change }) => ({ name, change })),
  };
}

function workOf(before: DaemonPlan, settings: readonly SettingChange[], options: StepsOptions): Work {
  const has = (change: SettingChange["change"]): boolean => settings.some((one) => one.change === change);
  if (has("restart")) {
    const standing = options.standing(before.name);
    if (standing === "down") return "later";
    return standing === "due" || before.kind === "dumb" || options.restartSmart ? "restart" : "older";
  }
  return has("live") || has("kernel") ? "live" : "rename";
}
