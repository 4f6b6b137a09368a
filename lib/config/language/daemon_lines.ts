/**
 * The lines of one section [daemon:NAME], or of the sections of that name together: a list of its own, whose
 * blocks and placeholders no other sees. Expands nothing: that is daemon_sections.ts.
 */
import { Blocks } from "./blocks.ts";
import type { Diagnostics } from "../diagnostic.ts";
import type { Entry } from "./entry.ts";
import type { SectionText } from "./format/source_text.ts";
import { DAEMON_KEYS, findKey, KEY_NAMES } from "../options/daemon_keys.ts";
import { MOST_OPTIONS } from "../limits.ts";
import { nearestName } from "../nearest.ts";
import { findOption, isKnownOption } from "../options/option_table.ts";
import { formatOrigin, type Origin } from "../origin.ts";
import { quote } from "../problem.ts";
import { parseAssignment } from "../values/assignment.ts";
import { insteadOfKey } from "../values/foreign_words.ts";
import type { ConfigDeps } from "../system/config_deps.ts";

export interface DaemonLinesDeps {
  readonly deps: ConfigDeps;
  readonly diagnostics: Diagnostics;
  readonly variable: (name: string) => string | null;
  /** The first entry of a name outside of the section. */
  readonly outside: (name: string) => Entry | null;
  readonly room: Room;
}

/** How much all sections together may become. */
export class Room {
  readonly #diagnostics: Diagnostics;
  #left = MOST_OPTIONS;

  constructor(diagnostics: Diagnostics) {
    this.#diagnostics = diagnostics;
  }

  take(count: number, origin: Origin): void {
    this.#left -= count;
    if (this.#left >= 0) return;
    this.#diagnostics.fail(`cannot read on: ${MOST_OPTIONS} keys of daemons are the most`, origin);
  }
}

/** A search through all keys for each of thousands of unknown ones would cost seconds. */
const MOST_SUGGESTIONS = 20;
/** `KEY VALUE`, `KEY: VALUE`: the name up to the first "=" of the line, if there is one. */
const WITHOUT_EQUALS = /^([A-Za-z0-9_-]+)(?:\s*:\s*|\s+)(.*)$/s;

export class DaemonLines {
  /** `*`: defaults. */
  readonly name: string;
  /** That of the first header. */
  readonly origin: Origin;
  /** Keys by their own names, and placeholders as they were set. */
  readonly entries: Entry[] = [];

  readonly #deps: DaemonLinesDeps;
  /** Made at the first line that is no key. */
  #blocks: Blocks | null = null;
  /** Made at the first question. */
  #first: Map<string, Entry> | null = null;
  #suggestions = 0;

  constructor({ name, origin }: SectionText, deps: DaemonLinesDeps) {
    this.name = name;
    this.origin = origin;
    this.#deps = deps;
  }

  /** The first entry of a key, in any spelling, or of a placeholder. */
  first(name: string): Entry | null {
    if (this.#first === null) {
      this.#first = new Map();
      for (const entry of this.entries) this.#index(this.#first, entry);
    }
    return this.#first.get(name) ?? this.#first.get(findKey(name)?.key ?? name) ?? null;
  }

  #index(first: Map<string, Entry>, entry: Entry): void {
    if (!first.has(entry.name)) first.set(entry.name, entry);
  }

  /** A block must be closed before the next header. */
  add({ settings }: SectionText): void {
    for (const { name, value, origin } of settings) {
      const row = this.#blocks?.current == null ? findKey(name) : null;
      if (row !== null && row.key !== "name") this.#push(row.key, value, origin, false);
      else this.#addToBlock(name, value, origin);
    }
    this.#blocks?.closeDownTo(null);
  }

  #addToBlock(name: string, value: string, origin: Origin): void {
    const option = findOption(name)?.name ?? name;
    const { deps, diagnostics, variable, outside } = this.#deps;
    const first = (wanted: string): Entry | null => this.first(wanted) ?? outside(wanted);
    const blocks = this.#blocks ??= new Blocks({ deps, diagnostics, variable, first });
    const block = blocks.current;
    if (option === "end") blocks.end(name, origin);
    else if (option === "else") blocks.turn(origin);
    else if (block === null) this.#act(name, option, value, origin, blocks);
    else {for (const copy of blocks.valuesOf(block, value, origin)) {
        this.#act(name, option, copy, origin, blocks);
      }}
  }

  #act(name: string, option: string, value: string, origin: Origin, blocks: Blocks): void {
    const row = findKey(name);
    if (row?.key === "name") {
      this.#deps.diagnostics.error('the name of a daemon stands in its header: "[daemon:NAME]"', origin);
    } else if (row !== null) this.#push(row.key, value, origin, false);
    else if (option === "set-placeholder") this.#setPlaceholder(value, origin);
    else if (option.startsWith("for") || option.startsWith("if-")) blocks.open(option, value, origin);
    else this.#deps.diagnostics.error(this.#unknown(name, value), origin);
  }

  #push(name: string, value: string, origin: Origin, placeholder: boolean): void {
    this.#deps.room.take(1, origin);
    const entry = { name, value, origin, settled: false, placeholder, frame: null, stands: null };
    this.entries.push(entry);
    if (this.#first !== null) this.#index(this.#first, entry);
  }

  #setPlaceholder(text: string, origin: Origin): void {
    const { diagnostics } = this.#deps;
    const { name, value, warning } = parseAssignment(text);
    if (value === null) diagnostics.error(`cannot set ${quote(text)}: it must be NAME=VALUE`, origin);
    else if (findKey(name) !== null) {
      const remedy = `write ${quote(`${name} = VALUE`)}, or use another name`;
      diagnostics.error(`cannot use ${quote(name)} as a placeholder: it is a key: ${remedy}`, origin);
    } else {
      if (warning !== null) diagnostics.warning(warning, origin);
      this.#push(name, value, origin, true);
    }
  }

  #unknown(name: string, value: string): string {
    const split = WITHOUT_EQUALS.exec(name);
    const key = split?.[1] ?? "";
    if (split !== null && findKey(key) !== null) {
      const rest = `${split[2] ?? ""}${value === "" ? "" : `=${value}`}`;
      return `there is no "=" behind ${quote(key)}: write ${quote(`${key} = ${rest}`)}`;
    }
    const instead = insteadOfKey(name);
    if (instead !== null) return `unknown key ${quote(name)} of a daemon: ${instead}`;
    if (isKnownOption(name)) {
      return `unknown key ${quote(name)} of a daemon: it is an option of the instance: write it into [uwsgi]`;
    }
    const near = this.#suggestions++ < MOST_SUGGESTIONS ? nearestName(name, KEY_NAMES) : null;
    const hint = near === null
      ? 'see reeve help KEY; a placeholder is set with "set-ph"'
      : `did you mean ${quote(near)}?`;
    return `unknown key ${quote(name)} of a daemon: ${hint}`;
  }

  /** Says of which keys the last value alone counts. */
  noteOverridden(): void {
    const values = new Map<string, { readonly entry: Entry; readonly before: Entry | null }>();
    if (this.entries.length < 2) return;
    for (const entry of this.entries) {
      if (entry.placeholder || REPEATING.has(entry.name)) continue;
      values.set(entry.name, { entry, before: values.get(entry.name)?.entry ?? null });
    }
    for (const { entry: { name, value, origin }, before } of values.values()) {
      if (before === null || before.value === value) continue;
      this.#deps.diagnostics.note(
        `${quote(name)} of daemon ${quote(this.name)} is given again, and the last value counts: ` +
          `it replaces that of ${formatOrigin(before.origin)}`,
        origin,
      );
    }
  }
}

const REPEATING = new Set(DAEMON_KEYS.filter(({ repeats }) => repeats !== undefined).map(({ key }) => key));
