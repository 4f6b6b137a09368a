/**
 * The beginning of every daemon's plan: the defaults, and the command. Pure; the rest is in daemon/keys.ts.
 */
import { planCommand } from "../../values/command_words.ts";
import type { Diagnostics } from "../../diagnostic.ts";
import { INITIAL_SETTINGS } from "../../options/daemon_keys.ts";
import type { Origin } from "../../origin.ts";
import type { Command, DaemonOption, DaemonPlan, Identity } from "../../plan/daemon_plan.ts";
import type { LegionNames } from "../legion/draft.ts";
import type { Field } from "../../values/field.ts";
import type { OptionReader } from "../../values/options.ts";
import type { PlanDeps } from "../../system/plan_deps.ts";
import type { RootedUsers } from "../../system/users.ts";
import { parseBoolean } from "../../values/values.ts";

/** The instance's settings that hold for every daemon. */
export interface DaemonDefaults {
  readonly identity: Identity | null;
  readonly initGroups: boolean;
  readonly stopTimeout: number;
  /** Where the defaults that were written out come from. */
  readonly origins: DaemonPlan["origins"];
  /** The program for lines with shell syntax. */
  readonly shell: string;
}

export type Draft = Omit<DaemonPlan, "name">;

export interface Context {
  readonly reader: OptionReader;
  readonly defaults: DaemonDefaults;
  /** The users of the instance's root, and of a daemon's own. */
  readonly users: RootedUsers;
  readonly legions: LegionNames;
  readonly system: PlanDeps;
  readonly diagnostics: Diagnostics;
}

export function baseDraft(option: DaemonOption, origin: Origin, { defaults, reader }: Context): Draft {
  const honourStdin = reader.last("daemons-honour-stdin");
  const stdin = honourStdin !== null && parseBoolean(honourStdin.value);
  return {
    ...INITIAL_SETTINGS,
    option,
    command: { kind: "words", text: "", words: [] },
    stdin,
    identity: defaults.identity,
    stopTimeout: defaults.stopTimeout,
    origin,
    origins: stdin && honourStdin !== null
      ? { ...defaults.origins, stdin: honourStdin.origin }
      : defaults.origins,
  };
}

/** null, and an error, for an empty command. */
export function commandOf(field: Field, { defaults }: Context): Command | null {
  const line = field.value.trim();
  if (line === "") return field.error(`cannot use ${field.name}: there is no command`);
  if (line.includes("\0")) return field.error(`cannot use ${field.name}: the command holds a NUL character`);
  return planCommand(line, defaults.shell);
}
