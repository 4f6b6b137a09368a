/**
 * What a reload does to daemons of [daemon:NAME] sections, which it touches only where they changed; those of
 * uWSGI's own lines are stopped and started as uWSGI does. Pure.
 */
import type { DaemonPlan } from "../plan/daemon_plan.ts";
import type { Steps } from "./steps.ts";

/**
 * keep: the next image goes on with it, as the daemon of this name and pidfile. stop: a smart one too, since
 * it is gone. Daemons without a fate are stopped and kept as their kind is.
 */
export type ReloadFate =
  | { readonly kind: "keep"; readonly name: string; readonly pidfile: string | null }
  | { readonly kind: "stop" };

/** By the names that they have so far. */
export function reloadFates(steps: Steps, before: readonly DaemonPlan[]): ReadonlyMap<string, ReloadFate> {
  const sections = new Set(before.filter(isOfSection).map(({ name }) => name));
  const fates = new Map<string, ReloadFate>();
  const keep = (was: string, after: DaemonPlan): void => {
    // One whose lordship ends with this image stops.
    if (!sections.has(was) || !isOfSection(after) || after.legion !== null) return;
    fates.set(was, { kind: "keep", name: after.name, pidfile: after.pidfile });
  };
  for (const { was, work, plan } of steps.daemons) {
    if (plan === null) {
      if (sections.has(was)) fates.set(was, { kind: "stop" });
    } else if (work === "live" || work === "rename" || work === "older") keep(was, plan);
  }
  for (const { before: { name }, after } of steps.unchanged) keep(name, after);
  return fates;
}

export function isOfSection({ option }: DaemonPlan): boolean {
  return option === "section";
}
