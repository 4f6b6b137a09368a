/**
 * The one table of the options that reeve serves. Parsing, checking, --help, completion and docs/options.md
 * all read it. Put together at the first question, so that an import costs nothing.
 */
import { completeRow, type OptionGroup, type OptionRow, type RowSource } from "./option_row.ts";
import { DAEMON_ROWS, defaultRows, INSTANCE_ROWS } from "./daemons.ts";
import { FILE_ROWS, INSPECTION_ROWS, LOGIC_ROWS } from "./language.ts";
import { JAIL_ROWS } from "./jails.ts";
import { LEGION_ROWS, STATISTICS_ROWS } from "./legion.ts";
import { hookRows, LIMIT_ROWS, LOGGING_ROWS, RELOADING_ROWS, WAITING_ROWS } from "./running.ts";
import { type Argument, uwsgiNames } from "./uwsgi_names.ts";

interface Group {
  readonly name: OptionGroup;
  readonly rows: readonly RowSource[];
  /** The fields that all rows of the group have in common. */
  readonly common?: Pick<RowSource, "language" | "served" | "why">;
}

let groups: readonly Group[] | null = null;
let sources: Map<string, { readonly row: RowSource; readonly group: Group }> | null = null;
let byShort: Map<string, string> | null = null;
const completed = new Map<RowSource, OptionRow>();

/** Every row, grouped, in the order of the tables. */
export function optionRows(): readonly OptionRow[] {
  return allGroups().flatMap((group) => group.rows.map((row) => complete(row, group)));
}

/**
 * The row of an option or of one of its aliases; null where reeve has none. Rows are completed one at a time.
 */
export function findOption(name: string): OptionRow | null {
  if (sources === null) {
    sources = new Map();
    for (const group of allGroups()) {
      for (const row of group.rows) {
        const found = { row, group };
        sources.set(row.name, found);
        for (const alias of row.aliases ?? []) sources.set(alias, found);
      }
    }
  }
  const found = sources.get(name);
  return found === undefined ? null : complete(found.row, found.group);
}

function allGroups(): readonly Group[] {
  const language = { language: true } as const;
  groups ??= [
    { name: "daemons", rows: DAEMON_ROWS },
    { name: "defaults", rows: defaultRows() },
    { name: "instance", rows: INSTANCE_ROWS },
    { name: "logging", rows: LOGGING_ROWS },
    { name: "reloading", rows: RELOADING_ROWS },
    { name: "hooks", rows: hookRows() },
    { name: "waiting", rows: WAITING_ROWS },
    { name: "limits", rows: LIMIT_ROWS },
    { name: "files", rows: FILE_ROWS, common: language },
    { name: "logic", rows: LOGIC_ROWS, common: language },
    { name: "inspection", rows: INSPECTION_ROWS, common: language },
    { name: "jails", rows: JAIL_ROWS },
    { name: "legion", rows: LEGION_ROWS },
    { name: "statistics", rows: STATISTICS_ROWS },
  ];
  return groups;
}

function complete(source: RowSource, group: Group): OptionRow {
  let row = completed.get(source);
  if (row === undefined) {
    row = completeRow({ ...group.common, ...source }, group.name);
    completed.set(source, row);
  }
  return row;
}

/** Whether reeve or uWSGI has an option of this name. */
export function isKnownOption(name: string): boolean {
  return findOption(name) !== null || uwsgiNames().has(name);
}

/**
 * Whether uWSGI has it: a name that is an option of reeve alone may be a placeholder in a configuration for
 * both.
 */
export function isUwsgiOption(name: string): boolean {
  return uwsgiNames().has(name);
}

/** The argument that the option takes; null for a name that neither reeve nor uWSGI has. */
export function argumentOf(name: string): Argument | null {
  return findOption(name)?.argument ?? uwsgiNames().get(name)?.argument ?? null;
}

/** The long name behind a short option's letter. */
export function longName(letter: string): string | null {
  if (byShort === null) {
    byShort = new Map();
    for (const [name, { short }] of uwsgiNames()) {
      if (short !== null) byShort.set(short, name);
    }
    for (const row of optionRows()) {
      if (row.short !== null) byShort.set(row.short, row.name);
    }
  }
  return byShort.get(letter) ?? null;
}

/** Every name that is an option here or in uWSGI, aliases included. */
export function allOptionNames(): string[] {
  const names = new Set(uwsgiNames().keys());
  for (const row of optionRows()) {
    for (const known of [row.name, ...row.aliases]) names.add(known);
  }
  return [...names];
}
