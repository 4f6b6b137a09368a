/**
 * What every form of a daemon begins with: the defaults, and the readers of values that all forms have. Pure; the forms
 * are in daemon/daemons.ts and daemon/keys.ts.
 */
import { planCommand } from "../../values/command_words.ts";
import type { Diagnostics } from "../../diagnostic.ts";
import type { Origin, RawOption } from "../../origin.ts";
import type { Command, DaemonOption, DaemonPlan, Identity } from "../../plan/daemon_plan.ts";
import type { LegionNames } from "../legion/draft.ts";
import type { OptionReader } from "../../values/options.ts";
import type { PlanSystem } from "../../system/system.ts";
import type { RootedUsers } from "../../system/users.ts";
import { parseBoolean, parseInteger } from "../../values/values.ts";

export const DEFAULT_FREQ = 10;
/** uWSGI's cap of the restart delay where max_throttle is absent or 0. */
export const DEFAULT_MAX_THROTTLE = 300;
export const SIGTERM = 15;
/** Seconds; more is a slip, not a wish. */
export const LONGEST_DAY = 86_400;

/** What the instance's settings mean for every daemon. */
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
  /** Of the instance's root, and of a daemon's own. */
  readonly users: RootedUsers;
  readonly legions: LegionNames;
  readonly system: PlanSystem;
  readonly diagnostics: Diagnostics;
}

export interface Planned {
  readonly draft: Draft;
  /** The `name` key. */
  readonly name: string | null;
}

export function baseDraft(
  option: DaemonOption,
  origin: Origin,
  context: Context,
): Omit<Draft, "command"> & { command: Command } {
  const { defaults, reader } = context;
  const honourStdin = reader.last("daemons-honour-stdin");
  const stdin = honourStdin !== null && parseBoolean(honourStdin.value);
  return {
    option,
    kind: "dumb",
    command: { kind: "words", text: "", words: [] },
    pidfile: null,
    freq: DEFAULT_FREQ,
    control: false,
    touch: [],
    stopSignal: SIGTERM,
    reloadSignal: null,
    stdin,
    identity: defaults.identity,
    chdir: null,
    maxThrottle: DEFAULT_MAX_THROTTLE,
    notifyPid: false,
    stopTimeout: defaults.stopTimeout,
    namespaces: null,
    capsBound: null,
    noNewPrivs: false,
    legion: null,
    origin,
    origins: stdin && honourStdin !== null
      ? { ...defaults.origins, stdin: honourStdin.origin }
      : defaults.origins,
  };
}

/** null, and an error, for an empty command. */
export function commandOf(text: string, option: RawOption, context: Context): Command | null {
  const line = text.trim();
  if (line === "") {
    context.diagnostics.error(`cannot use ${option.name}: there is no command`, option.origin);
    return null;
  }
  if (line.includes("\0")) {
    context.diagnostics.error(`cannot use ${option.name}: the command holds a NUL character`, option.origin);
    return null;
  }
  return planCommand(line, context.defaults.shell);
}

export function freqOf(text: string, origin: Origin, diagnostics: Diagnostics): number {
  return parseInteger({ name: "freq", value: text, origin }, diagnostics, { least: 1, most: LONGEST_DAY }) ??
    DEFAULT_FREQ;
}
