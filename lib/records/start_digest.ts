/**
 * A number for all that a daemon is started with, so that a later reeve knows whether its configuration would
 * start it otherwise by now. Places in files, and what needs no restart, are no part of it.
 */
import { changeOf, DAEMON_KEYS, type DaemonField } from "../config/options/daemon_keys.ts";
import { INSTANCE_SETTINGS, type InstanceField } from "../config/options/instance_settings.ts";
import type { DaemonPlan } from "../config/plan/daemon_plan.ts";
import type { InstancePlan } from "../config/plan/instance_plan.ts";

const FIELDS = [...new Set<DaemonField>(DAEMON_KEYS.map(({ field }) => field))].filter((field) =>
  changeOf(field) === "restart"
);
const INSTANCE_FIELDS = Object.keys(INSTANCE_SETTINGS) as InstanceField[];

/** 64 hexadecimal digits. */
export function startDigest(daemon: DaemonPlan, instance: InstancePlan): string {
  const own = FIELDS.map((field) => [field, daemon[field]]);
  const inherited = INSTANCE_FIELDS.flatMap((field) => {
    const setting = INSTANCE_SETTINGS[field];
    return setting.change === "restart" && setting.reaches(daemon) ? partsOf(field, instance) : [];
  });
  return new Bun.CryptoHasher("sha256").update(JSON.stringify([own, inherited], withoutPlaces)).digest("hex");
}

/** In no order: the values of parts are compared by their names. */
function partsOf(field: InstanceField, instance: InstancePlan): readonly (readonly [string, unknown])[] {
  const parts = INSTANCE_SETTINGS[field].parts?.(instance) ?? [[field, instance[field]]];
  return [...parts].sort(([one], [other]) => one < other ? -1 : 1);
}

function withoutPlaces(name: string, value: unknown): unknown {
  return name === "origin" || name === "origins" ? undefined : value;
}
