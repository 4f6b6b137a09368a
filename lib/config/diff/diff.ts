/**
 * The difference of two Plans, by daemon and setting, each with what its change asks for. Pure: it decides
 * nothing, and what is done about a change is the supervisor's business.
 */
import { type ChangeClass, changeOf, DAEMON_KEYS, type DaemonField } from "../options/daemon_keys.ts";
import {
  INSTANCE_SETTINGS,
  type InstanceChangeClass,
  type InstanceField,
} from "../options/instance_settings.ts";
import type { DaemonPlan } from "../plan/daemon_plan.ts";
import type { InstancePlan } from "../plan/instance_plan.ts";
import type { Plan } from "../plan/plan.ts";
import { pairDaemons } from "./pair_daemons.ts";
import { isSame } from "./same.ts";

export interface SettingChange {
  readonly field: DaemonField;
  /** The keys that make it. */
  readonly keys: readonly string[];
  readonly change: ChangeClass;
}

export interface DaemonChange {
  readonly before: DaemonPlan;
  readonly after: DaemonPlan;
  /** In the order of the table of keys; never empty. */
  readonly settings: readonly SettingChange[];
}

export interface InstanceChange {
  readonly field: InstanceField;
  /** An option, or a part of what it says: "logto", "env PATH", "hook-asap", "legion web". */
  readonly name: string;
  readonly change: InstanceChangeClass;
}

export interface PlanDiff {
  readonly added: readonly DaemonPlan[];
  readonly removed: readonly DaemonPlan[];
  readonly changed: readonly DaemonChange[];
  /** As the second Plan has them. */
  readonly unchanged: readonly DaemonPlan[];
  readonly instance: readonly InstanceChange[];
}

export function diff(before: Plan, after: Plan): PlanDiff {
  const { added, removed, kept } = pairDaemons(before.daemons, after.daemons);
  const changes = kept.map((pair) => ({ ...pair, settings: settingChanges(pair.before, pair.after) }));
  return {
    added,
    removed,
    changed: changes.filter(({ settings }) => settings.length > 0),
    unchanged: changes.filter(({ settings }) => settings.length === 0).map((pair) => pair.after),
    instance: instanceChanges(before.instance, after.instance),
  };
}

/** Whether nothing at all differs. */
export function isEmpty({ added, removed, changed, instance }: PlanDiff): boolean {
  return added.length + removed.length + changed.length + instance.length === 0;
}

function settingChanges(before: DaemonPlan, after: DaemonPlan): readonly SettingChange[] {
  const fields = new Set(DAEMON_KEYS.map(({ field }) => field));
  return [...fields].filter((field) => !isSame(before[field], after[field])).map((field) => ({
    field,
    keys: DAEMON_KEYS.filter((row) => row.field === field).map(({ key }) => key),
    change: changeOf(field),
  }));
}

function instanceChanges(before: InstancePlan, after: InstancePlan): readonly InstanceChange[] {
  const fields = Object.keys(INSTANCE_SETTINGS) as InstanceField[];
  return fields.flatMap((field) => {
    const [was, is] = [partsOf(field, before), partsOf(field, after)];
    const names = new Set([...was.keys(), ...is.keys()]);
    return [...names].filter((name) => !isSame(was.get(name), is.get(name)))
      .map((name) => ({ field, name, change: INSTANCE_SETTINGS[field].change }));
  });
}

/** By name; a name that comes several times, as a phase with several hooks, has a list. */
function partsOf(field: InstanceField, instance: InstancePlan): ReadonlyMap<string, readonly unknown[]> {
  const { name, parts } = INSTANCE_SETTINGS[field];
  const found = new Map<string, unknown[]>();
  for (const [part, value] of parts?.(instance) ?? [[name, instance[field]]]) {
    const same = found.get(part);
    if (same === undefined) found.set(part, [value]);
    else same.push(value);
  }
  return found;
}
