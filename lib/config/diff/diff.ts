/**
 * The difference of what runs and of a Plan, by daemon and setting, each with what its change asks for. A
 * value of the instance counts as one of each daemon that it reaches. Pure: it decides nothing, and what is
 * done about a change is steps.ts's business.
 */
import {
  type ChangeClass,
  changeOf,
  DAEMON_KEYS,
  type DaemonField,
  SHOWN_SETTINGS,
} from "../options/daemon_keys.ts";
import {
  INSTANCE_SETTINGS,
  type InstanceChangeClass,
  type InstanceField,
} from "../options/instance_settings.ts";
import type { DaemonPlan } from "../plan/daemon_plan.ts";
import type { InstancePlan } from "../plan/instance_plan.ts";
import { maskValue, shownCommand } from "../plan/mask.ts";
import type { Plan } from "../plan/plan.ts";
import type { Origin } from "../origin.ts";
import { pairDaemons } from "./pair_daemons.ts";
import { isSame } from "./same.ts";

/** The running instance, as far as it can differ from a Plan. */
export interface Running extends Pick<Plan, "instance" | "daemons"> {
  /**
   * Whether the process of one was started as the other would be, and with which command; null: as its plan
   * says. The plans alone cannot tell where an earlier change waits for a restart.
   */
  readonly started?: (before: DaemonPlan, after: DaemonPlan) => StartedProcess | null;
}

export interface StartedProcess {
  readonly isSame: boolean;
  /** As people may see it. */
  readonly command: string;
}

export interface SettingChange {
  /** null: of the instance. */
  readonly field: DaemonField | null;
  /** The keys that make it, or the option of the instance: "umask", "env PATH". */
  readonly keys: readonly string[];
  readonly change: ChangeClass;
  /** As people may see it. */
  readonly from: string;
  readonly to: string;
  readonly origin: Origin;
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
  readonly unchanged: readonly Pick<DaemonChange, "before" | "after">[];
  /** Settings that are no daemon's. */
  readonly instance: readonly InstanceChange[];
}

export function diff(before: Running, after: Plan): PlanDiff {
  const { added, removed, kept } = pairDaemons(before.daemons, after.daemons);
  const names = changedNames(before.instance, after.instance);
  const changes = kept.map((pair) => {
    const settings = [...ownChanges(pair), ...inheritedChanges(pair, names, before.instance, after.instance)];
    return { ...pair, settings: asStarted(settings, pair, before) };
  });
  return {
    added,
    removed,
    changed: changes.filter(({ settings }) => settings.length > 0),
    unchanged: changes.filter(({ settings }) => settings.length === 0),
    instance: names.flatMap(({ field, name }) => {
      const { change } = INSTANCE_SETTINGS[field];
      return change === "restart" ? [] : [{ field, name, change }];
    }),
  };
}

/** Whether nothing at all differs. */
export function isEmpty({ added, removed, changed, instance }: PlanDiff): boolean {
  return added.length + removed.length + changed.length + instance.length === 0;
}

const FIELDS: readonly DaemonField[] = [...new Set(DAEMON_KEYS.map(({ field }) => field))];

function ownChanges({ before, after }: Pick<DaemonChange, "before" | "after">): readonly SettingChange[] {
  return FIELDS.filter((field) => !isSame(before[field], after[field])).map((field) => ({
    field,
    keys: DAEMON_KEYS.filter((row) => row.field === field).map(({ key }) => key),
    change: changeOf(field),
    from: settingText(before, field),
    to: settingText(after, field),
    origin: after.origins[field] ?? after.origin,
  }));
}

function inheritedChanges(
  { after }: Pick<DaemonChange, "after">,
  changed: readonly Pick<InstanceChange, "field" | "name">[],
  was: InstancePlan,
  is: InstancePlan,
): readonly SettingChange[] {
  return changed.flatMap(({ field, name }): SettingChange[] => {
    const setting = INSTANCE_SETTINGS[field];
    if (setting.change !== "restart" || !setting.reaches(after)) return [];
    const text = (instance: InstancePlan): string =>
      partText(name, partsOf(field, instance).get(name)?.[0] ?? null);
    return [{
      field: null,
      keys: [name],
      change: "restart",
      from: text(was),
      to: text(is),
      origin: is.origins?.[setting.name] ?? after.origin,
    }];
  });
}

/** The changes since it was started, whether that was taken over meanwhile or not. */
function asStarted(
  settings: readonly SettingChange[],
  { before, after }: Pick<DaemonChange, "before" | "after">,
  { started }: Running,
): readonly SettingChange[] {
  const process = started?.(before, after) ?? null;
  if (process === null) return settings;
  if (process.isSame) return settings.filter(({ change }) => change !== "restart");
  const isSeen = settings.some(({ change }) => change === "restart");
  return isSeen ? settings : [...settings, olderStart(after, process.command)];
}

/** It was started as an earlier configuration had it, of which nothing else is known any more. */
function olderStart(after: DaemonPlan, command: string): SettingChange {
  const to = settingText(after, "command");
  const isCommand = to !== command;
  return {
    field: isCommand ? "command" : null,
    keys: [isCommand ? "command" : "older settings"],
    change: "restart",
    from: isCommand ? command : "",
    to: isCommand ? to : "",
    origin: after.origin,
  };
}

function settingText(daemon: DaemonPlan, field: DaemonField): string {
  if (field === "name") return daemon.name;
  if (field === "command") return shownCommand(daemon.command);
  const shown = SHOWN_SETTINGS.find((row) => row.field === field);
  const value = shown?.json === undefined ? daemon[field] : shown.json(daemon);
  if (value === null) return "-";
  return typeof value === "object" ? shown?.text(daemon) ?? "" : String(value);
}

function partText(name: string, value: unknown): string {
  if (value === null || value === undefined) return "-";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  const [option, variable] = name.split(" ");
  return option === "env" ? maskValue(variable ?? "", text) : text;
}

function changedNames(
  before: InstancePlan,
  after: InstancePlan,
): readonly Pick<InstanceChange, "field" | "name">[] {
  const fields = Object.keys(INSTANCE_SETTINGS) as InstanceField[];
  return fields.flatMap((field) => {
    const [was, is] = [partsOf(field, before), partsOf(field, after)];
    const names = new Set([...was.keys(), ...is.keys()]);
    return [...names].filter((name) => !isSame(was.get(name), is.get(name))).map((name) => ({ field, name }));
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
