/**
 * The one table of the options that reeve serves. Parsing, checking, --help, completion and docs/options.md all read
 * it. Put together at the first question, so that an import costs nothing.
 */
import { completeRow, type OptionGroup, type OptionRow, type RowSource } from "./option_row.ts";
import { DAEMON_ROWS, INSTANCE_ROWS } from "./options_daemons.ts";
import { FILE_ROWS, INSPECTION_ROWS, LOGIC_ROWS } from "./options_language.ts";
import { JAIL_ROWS, LEGION_ROWS, STATISTICS_ROWS } from "./options_later.ts";
import { hookRows, LIMIT_ROWS, LOGGING_ROWS, RELOADING_ROWS, WAITING_ROWS } from "./options_running.ts";
import { type Argument, uwsgiNames } from "./uwsgi_names.ts";

let rows: readonly OptionRow[] | null = null;
let byName: Map<string, OptionRow> | null = null;
let byShort: Map<string, string> | null = null;

/** Every row, grouped, in the order of the tables. */
export function optionRows(): readonly OptionRow[] {
  if (rows !== null) return rows;
  const later = (part: string, sources: readonly RowSource[]): RowSource[] =>
    sources.map((source) => ({ ...source, served: "later", why: part }));
  const groups: readonly (readonly [OptionGroup, readonly RowSource[]])[] = [
    ["daemons", DAEMON_ROWS],
    ["instance", INSTANCE_ROWS],
    ["logging", LOGGING_ROWS],
    ["reloading", RELOADING_ROWS],
    ["hooks", hookRows()],
    ["waiting", WAITING_ROWS],
    ["limits", LIMIT_ROWS],
    ["files", FILE_ROWS.map(asLanguage)],
    ["logic", LOGIC_ROWS.map(asLanguage)],
    ["inspection", INSPECTION_ROWS.map(asLanguage)],
    ["jails", later("jails", JAIL_ROWS)],
    ["legion", later("the legion", LEGION_ROWS)],
    ["statistics", later("the statistics server", STATISTICS_ROWS)],
  ];
  rows = groups.flatMap(([group, sources]) => sources.map((source) => completeRow(source, group)));
  return rows;
}

/** The row of an option or of one of its aliases; null where reeve has none. */
export function findOption(name: string): OptionRow | null {
  if (byName === null) {
    byName = new Map();
    for (const row of optionRows()) {
      for (const known of [row.name, ...row.aliases]) byName.set(known, row);
    }
  }
  return byName.get(name) ?? null;
}

/** Whether reeve or uWSGI has an option of this name; such a name cannot be a placeholder. */
export function isKnownOption(name: string): boolean {
  return findOption(name) !== null || uwsgiNames().has(name);
}

/** What the option takes; null for a name that neither reeve nor uWSGI has. */
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

function asLanguage(source: RowSource): RowSource {
  return { ...source, language: true };
}
