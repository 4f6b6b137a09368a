/**
 * One option as the option table has it. Types and defaults only; the rows are in options_*.ts, put together
 * by option_table.ts.
 */
import type { Argument } from "./uwsgi_names.ts";

/** The type of a value; "keyval" is the `key=value,key=value` list of attach-daemon2. */
export type ValueType =
  | "bool"
  | "int"
  | "string"
  | "list"
  | "user"
  | "group"
  | "path"
  | "duration"
  | "size"
  | "keyval";

/**
 * yes: does what it says. always: reeve does it whether asked or not. accepted: no effect here, and that is
 * right. missing: no effect yet, and the daemons run all the same, so that it is a warning. later: belongs to
 * a part not built yet without which the instance would be another one.
 */
export type Served = "yes" | "always" | "accepted" | "missing" | "later";

export type OptionGroup =
  | "daemons"
  | "defaults"
  | "instance"
  | "logging"
  | "reloading"
  | "hooks"
  | "waiting"
  | "limits"
  | "files"
  | "logic"
  | "inspection"
  | "jails"
  | "legion"
  | "statistics";

/** The title that a person reads above the options of a group. */
export const GROUP_TITLES: Readonly<Record<OptionGroup, string>> = {
  daemons: "Daemons",
  defaults: "Defaults of all daemons",
  instance: "The instance",
  logging: "Logs",
  reloading: "Stopping and reloading",
  hooks: "Hooks",
  waiting: "Waiting before the start",
  limits: "Limits",
  files: "Files and placeholders",
  logic: "Blocks",
  inspection: "Looking at a configuration",
  jails: "Jails",
  legion: "Legion",
  statistics: "Statistics",
};

/** A row as written: what is left out has the default that `completeRow` gives it. */
export interface RowSource {
  readonly name: string;
  readonly help: string;
  readonly type: ValueType;
  readonly aliases?: readonly string[];
  readonly short?: string;
  /** Default: "none" for a bool, else "required". */
  readonly argument?: Argument;
  readonly repeatable?: boolean;
  /** As a person would write it; null: there is none. */
  readonly default?: string | null;
  readonly since?: string;
  readonly served?: Served;
  /** Why it has no effect, or which part it belongs to. */
  readonly why?: string;
  /** Read while the files are read, and of no interest afterwards. */
  readonly language?: boolean;
}

export interface OptionRow extends Required<Omit<RowSource, "short" | "why">> {
  readonly group: OptionGroup;
  readonly short: string | null;
  readonly why: string | null;
}

export function completeRow(source: RowSource, group: OptionGroup): OptionRow {
  return {
    name: source.name,
    help: source.help,
    type: source.type,
    group,
    aliases: source.aliases ?? [],
    short: source.short ?? null,
    argument: source.argument ?? (source.type === "bool" ? "none" : "required"),
    repeatable: source.repeatable ?? source.type === "list",
    default: source.default ?? null,
    since: source.since ?? "0.1",
    served: source.served ?? "yes",
    why: source.why ?? null,
    language: source.language ?? false,
  };
}
