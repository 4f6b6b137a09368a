/**
 * From words, files and the environment to one flattened, ordered list of options. Pure: the system only
 * through ConfigDeps. Everything wrong is collected and shown together; ConfigError is thrown only where it
 * cannot go on.
 */
import { classify } from "./classify.ts";
import type { DaemonSection } from "../daemon_section.ts";
import { readDaemonSections } from "./daemon_sections.ts";
import { Diagnostics } from "../diagnostic.ts";
import type { Entry } from "./entry.ts";
import { Expander } from "./expand.ts";
import { instanceNames } from "./instance_names.ts";
import { findOption } from "../options/option_table.ts";
import type { RawOption } from "../origin.ts";
import { quote } from "../problem.ts";
import { Reader } from "./reader.ts";
import { mentionedWords } from "./references.ts";
import { warnOfOverridden } from "./overridden.ts";
import type { ConfigDeps } from "../system/config_deps.ts";

/** A configuration file named on the command line: `file.ini`, `file.ini:section`, `-`. */
export interface FileArgument {
  readonly name: string;
}

export interface Configuration {
  /**
   * The options that the Plan is made of: those that reeve serves, by their canonical names, in the order
   * they apply.
   */
  readonly options: readonly RawOption[];
  /** The whole flattened list, as show-config prints it: names as written, placeholders and all. */
  readonly shown: readonly RawOption[];
  /** The sections [daemon:NAME] of all files. */
  readonly daemons: readonly DaemonSection[];
  /** The files that were read, in order, without sections; "-" for stdin. */
  readonly files: readonly string[];
  readonly diagnostics: Diagnostics;
  /** Names asked for with get. */
  readonly get: readonly string[];
  readonly showConfig: boolean;
  /** Lines whose name is no option and that nothing refers to. */
  readonly unknown: readonly RawOption[];
  /** The texts of print and iprint, in order. */
  readonly printed: readonly string[];
  /** Code of the option exit, at which reading ended; null without one. */
  readonly exitCode: number | null;
}

/** Variables that uWSGI sets for itself; they are no options. */
const OWN_VARIABLES: ReadonlySet<string> = new Set(
  ("RELOADS VASSALS_DIR EMPEROR_FD EMPEROR_FD_CONFIG EMPEROR_PROXY BROODLORD_NUM JAIL_PID ORIGINAL_PROC_NAME")
    .split(" ").map((name) => `UWSGI_${name}`),
);

/**
 * uWSGI's order: variables UWSGI_* of the environment, options of the command line, files of the command
 * line; then the passes that expand; then inherit and declare-option2, whose text is expanded no more.
 */
export function loadConfiguration(
  words: readonly RawOption[],
  files: readonly FileArgument[],
  deps: ConfigDeps,
): Configuration {
  const diagnostics = new Diagnostics();
  const reader = new Reader(deps, diagnostics);
  readEnvironment(reader, deps);
  for (const { name, value, origin } of words) reader.add(name, value, origin);
  reader.endOfWords();
  for (const { name } of files) {
    if (reader.exitCode === null) {
      reader.readSource({ name, format: null, template: false, origin: null, from: null });
    }
  }
  if (reader.exitCode === null) {
    expand(reader, diagnostics);
    applyLate(reader, diagnostics);
  }
  const daemons = reader.exitCode === null && reader.daemons.length > 0
    ? readDaemonSections(reader, deps, instanceName(reader, files, deps), diagnostics)
    : [];
  const found = classify(reader, diagnostics);
  warnOfOverridden(found.options, diagnostics);
  diagnostics.keepFirst();
  return {
    options: found.options,
    daemons,
    shown: reader.entries.map(({ name, value, origin }) => ({ name, value, origin })),
    files: reader.files,
    diagnostics,
    get: found.get,
    showConfig: found.showConfig,
    unknown: found.unknown,
    printed: [...reader.printed, ...found.printed],
    exitCode: reader.exitCode,
  };
}

/** As the Plan will have it, where it is right. */
function instanceName(reader: Reader, files: readonly FileArgument[], { cwd }: ConfigDeps): string {
  const named = reader.entries.findLast(({ name }) => name === "instance-name")?.value;
  return named ?? instanceNames(files[0]?.name ?? reader.files[0] ?? "", cwd).names[0];
}

function readEnvironment(reader: Reader, deps: ConfigDeps): void {
  for (const [variable, value] of Object.entries(deps.environment)) {
    if (!variable.startsWith("UWSGI_") || OWN_VARIABLES.has(variable)) continue;
    const name = variable.slice("UWSGI_".length).toLowerCase().replaceAll("_", "-");
    reader.add(name, value, { file: "environment", line: 0 });
  }
  reader.endOfWords();
}

function expand(reader: Reader, diagnostics: Diagnostics): void {
  const expander = new Expander({
    variable: (name) => reader.variables.get(name),
    source: (name, origin) => reader.sources.readValue(name, origin),
    first: (name) => reader.first(name),
  }, diagnostics);
  expander.expandAll(withHidden(reader.entries));
}

/** The list grows while it is walked: what a file inherits may inherit in its turn. */
function applyLate(reader: Reader, diagnostics: Diagnostics): void {
  const expandedUpTo = reader.entries.length;
  for (let index = 0; index < reader.entries.length && reader.exitCode === null; index++) {
    const entry = reader.entries[index];
    if (entry === undefined) break;
    if (index >= expandedUpTo) warnOfInherited(entry, diagnostics);
    for (const late of [entry, ...hidden(entry)]) applyLateOption(late, reader);
  }
}

function applyLateOption(entry: Entry, reader: Reader): void {
  if (entry.settled) return;
  const option = findOption(entry.name)?.name;
  const custom = reader.customOptions.get(entry.name);
  if (option === "inherit") {
    entry.settled = true;
    reader.readSource({
      name: entry.value,
      format: null,
      template: true,
      origin: entry.origin,
      from: entry.frame,
    });
  } else if (option === "declare-option2") {
    entry.settled = true;
    reader.declareOption(entry);
  } else if (custom !== undefined) {
    reader.fillCustom(entry, custom);
  }
}

function warnOfInherited(entry: Entry, diagnostics: Diagnostics): void {
  if (entry.settled || mentionedWords(entry.value).length === 0 && !/[$@]\(/.test(entry.value)) return;
  diagnostics.warning(
    `references in ${
      quote(entry.name)
    } are taken as they stand: an inherited file is read after everything was expanded; use "include"`,
    entry.origin,
  );
}

function withHidden(entries: readonly Entry[]): Entry[] {
  return entries.flatMap((entry) => entry.stands === null ? [entry] : [entry, ...hidden(entry)]);
}

function hidden(entry: Entry): Entry[] {
  return entry.stands === null ? [] : withHidden(entry.stands);
}
