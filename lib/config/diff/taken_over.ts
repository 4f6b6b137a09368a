/**
 * A daemon that runs as it was started, with what of a changed definition holds without a restart. Pure.
 */
import { changeOf, DAEMON_KEYS, type DaemonField } from "../options/daemon_keys.ts";
import type { DaemonPlan } from "../plan/daemon_plan.ts";

const WITH_RESTART: readonly DaemonField[] = [...new Set(DAEMON_KEYS.map(({ field }) => field))].filter((
  field,
) => changeOf(field) === "restart");

export function takenOver(running: DaemonPlan, changed: DaemonPlan): DaemonPlan {
  return { ...changed, ...Object.fromEntries(WITH_RESTART.map((field) => [field, running[field]])) };
}
