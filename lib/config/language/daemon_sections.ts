/**
 * From the texts of the sections [daemon:NAME] to the daemons that they describe: same names together, the
 * defaults of their files before them, expanded. Runs once everything else is expanded, and changes nothing
 * of it.
 */
import type { DaemonSection } from "../daemon_section.ts";
import type { Diagnostics } from "../diagnostic.ts";
import { DaemonLines, type DaemonLinesDeps, Room } from "./daemon_lines.ts";
import type { Entry } from "./entry.ts";
import { Expander } from "./expand.ts";
import { DEFAULTS, type SectionText } from "./format/source_text.ts";
import { DAEMON_KEYS, findKey } from "../options/daemon_keys.ts";
import type { Origin, RawOption } from "../origin.ts";
import { quote } from "../problem.ts";
import type { Reader } from "./reader.ts";
import { undefinedReferences } from "./references.ts";
import { checkName } from "../values/name.ts";
import type { ConfigDeps } from "../system/config_deps.ts";

/** One daemon while its sections are put together. */
interface Draft {
  readonly lines: DaemonLines;
  /** Each once, in the order in which they were met. */
  readonly defaults: DaemonLines[];
  /** The number of defaults of each file that are among them. */
  readonly met: Map<string, number>;
  /** The first of each name among them, made at the first question. */
  index: Map<string, Entry> | null;
}

/** `instance`: the name of the instance. */
export function readDaemonSections(
  reader: Reader,
  deps: ConfigDeps,
  instance: string,
  diagnostics: Diagnostics,
): readonly DaemonSection[] {
  const outside = settledOnes((name) => reader.first(name));
  const variable = (name: string): string | null => reader.variables.get(name);
  const room = new Room(diagnostics);
  const drafts = [...putTogether(reader.daemons, { deps, diagnostics, variable, outside, room })];
  let current: Draft | null = null;
  const first = (name: string): Entry | null =>
    current === null ? null : lookUp(name, current, instance, outside);
  const source = (name: string, origin: Origin): string | null => reader.sources.readValue(name, origin);
  const expander = new Expander({ variable, source, first }, diagnostics);
  return drafts.map((draft) => {
    current = draft;
    const { lines, defaults } = draft;
    lines.noteOverridden();
    const entries = defaults.length === 0 ? lines.entries : [...copies(defaults), ...lines.entries];
    expander.expandAll(entries);
    const settings: RawOption[] = [];
    for (const entry of entries) {
      if (entry.placeholder) continue;
      check(entry, first, diagnostics);
      settings.push({ name: entry.name, value: entry.value, origin: entry.origin });
    }
    return { name: lines.name, origin: lines.origin, settings };
  });
}

/** Another daemon expands the same defaults to something else. */
function copies(defaults: Iterable<DaemonLines>): Entry[] {
  return [...defaults].flatMap(({ entries }) => entries.map((entry) => ({ ...entry })));
}

/** The daemons in the order of their first headers. */
function putTogether(texts: readonly SectionText[], deps: DaemonLinesDeps): Iterable<Draft> {
  const drafts = new Map<string, Draft>();
  /** Those that stand above, by file. */
  const defaults = new Map<string, DaemonLines[]>();
  for (const text of texts) {
    const above = defaults.get(text.origin.file) ?? [];
    if (text.name === DEFAULTS) {
      const lines = new DaemonLines(text, deps);
      lines.add(text);
      if (lines.entries.length > 0) above.push(lines);
      defaults.set(text.origin.file, above);
    } else if (checkName(text.name, "name of a daemon", text.origin, deps.diagnostics)) {
      const fresh = (): Draft => ({
        lines: new DaemonLines(text, deps),
        defaults: [],
        met: new Map(),
        index: null,
      });
      const draft = drafts.get(text.name) ?? fresh();
      drafts.set(text.name, draft);
      draft.lines.add(text);
      for (const one of above.slice(draft.met.get(text.origin.file) ?? 0)) {
        deps.room.take(one.entries.length, text.origin);
        draft.defaults.push(one);
      }
      draft.met.set(text.origin.file, above.length);
    }
  }
  return drafts.values();
}

/** The meaning of %(name): the daemon's own, that of the defaults, and then what [uwsgi] has at its end. */
function lookUp(
  name: string,
  draft: Draft,
  instance: string,
  outside: (name: string) => Entry | null,
): Entry | null {
  const { lines } = draft;
  if (name === "name") return constant(name, lines.name, lines.origin);
  if (name === "instance") return constant(name, instance, lines.origin);
  const own = lines.first(name) ?? firstDefault(name, draft);
  return own ?? outside(name);
}

function firstDefault(name: string, draft: Draft): Entry | null {
  if (draft.defaults.length === 0) return null;
  if (draft.index === null) {
    draft.index = new Map();
    for (const { entries } of draft.defaults) {
      // Another daemon's defaults are the same entries, and mean something else there.
      for (const entry of entries) {
        if (!draft.index.has(entry.name)) draft.index.set(entry.name, { ...entry, settled: true });
      }
    }
  }
  return draft.index.get(name) ?? draft.index.get(findKey(name)?.key ?? name) ?? null;
}

/** Copies that no expansion changes. */
function settledOnes(first: (name: string) => Entry | null): (name: string) => Entry | null {
  return (name) => {
    const entry = first(name);
    return entry === null ? null : { ...entry, settled: true };
  };
}

function constant(name: string, value: string, origin: Origin): Entry {
  return { name, value, origin, settled: true, placeholder: true, frame: null, stands: null };
}

const SWITCHES = new Set(
  DAEMON_KEYS.filter(({ type }) => type === "switch" || type === "bool").map(({ key }) => key),
);

function check(
  { name, value, origin }: Entry,
  first: (name: string) => Entry | null,
  diagnostics: Diagnostics,
): void {
  if (value === "" && !SWITCHES.has(name)) {
    diagnostics.error(`cannot use ${name}: its value is empty`, origin);
  }
  for (const key of undefinedReferences(value)) {
    if (first(key) !== null) continue;
    const remedy = key === "_"
      ? "it is the value of a block, and this line is in none that has one"
      : `write ${quote(`set-ph = ${key}=VALUE`)} above it`;
    diagnostics.warning(
      `%(${key}) in ${quote(name)} stands for nothing, it is left as it is: ${remedy}`,
      origin,
    );
  }
}
