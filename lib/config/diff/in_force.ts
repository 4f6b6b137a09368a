/**
 * The instance's settings as daemons are started with them: those that reach daemons as a new Plan has them,
 * all others as they were. Pure.
 */
import { INSTANCE_SETTINGS, type InstanceField } from "../options/instance_settings.ts";
import type { InstancePlan } from "../plan/instance_plan.ts";

const OF_DAEMONS = (Object.keys(INSTANCE_SETTINGS) as InstanceField[]).filter((field) =>
  INSTANCE_SETTINGS[field].change === "restart"
);

export function instanceInForce(before: InstancePlan, after: InstancePlan): InstancePlan {
  return { ...before, ...Object.fromEntries(OF_DAEMONS.map((field) => [field, after[field]])) };
}
