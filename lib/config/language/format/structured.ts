/**
 * YAML and JSON text to keys and values, through one library that keeps positions and repeated keys. The
 * library is loaded at the first such file: who writes INI does not pay for it.
 */
import type * as Yaml from "yaml";
import type { Diagnostics } from "../../diagnostic.ts";
import type { MagicTable } from "./magic.ts";
import type { Origin } from "../../origin.ts";
import { describeProblem, quote } from "../../problem.ts";
import { findKey } from "../../options/daemon_keys.ts";
import { reportMissing } from "./missing_section.ts";
import {
  type ParsedText,
  type PreparedText,
  prepareText,
  type SectionText,
  type Setting,
  type TextPart,
} from "./source_text.ts";

type Kind = "YAML" | "JSON";

/** The top-level mapping that holds the daemons, by name. */
const DAEMONS = "daemons";

/**
 * The settings of one top-level mapping, and the daemons beside it. A sequence repeats its key; mappings
 * inside are ignored with a warning. YAML scalars count as written (`022` stays "022", `yes` stays "yes"); in
 * JSON, as uWSGI has it, true is "1", false and null are "0".
 */
export function parseStructured(
  kind: Kind,
  parts: readonly TextPart[],
  section: string,
  magic: MagicTable,
  diagnostics: Diagnostics,
): ParsedText {
  const prepared = prepareText(parts, magic);
  const reader = new Reader(kind, prepared, diagnostics);
  try {
    return reader.read(section, parts);
  } catch (problem) {
    if (!(problem instanceof Error) || problem.name === "ConfigError") throw problem;
    const text = lowerFirst(describeProblem(problem).replace(/^JSON Parse error: /, ""));
    diagnostics.error(`cannot read this file as ${kind}: ${text}`, prepared.originOf(1));
    return { settings: [], daemons: [] };
  } finally {
    prepared.reportMagic((line) => reader.isDaemon(line), diagnostics);
  }
}

class Reader {
  readonly #yaml: typeof Yaml = require("yaml");
  readonly #lines = new this.#yaml.LineCounter();
  readonly #kind: Kind;
  readonly #prepared: PreparedText;
  readonly #diagnostics: Diagnostics;
  readonly #settings: Setting[] = [];
  readonly #daemons: SectionText[] = [];
  /** Offsets in the text, from the first character of a mapping of daemons to behind the last. */
  readonly #ranges: (readonly [from: number, to: number])[] = [];
  #document: Yaml.Document.Parsed | null = null;

  constructor(kind: Kind, prepared: PreparedText, diagnostics: Diagnostics) {
    this.#kind = kind;
    this.#prepared = prepared;
    this.#diagnostics = diagnostics;
  }

  /** Whether a line of the text belongs to a daemon. */
  isDaemon(line: number): boolean {
    return this.#ranges.some(([from, to]) =>
      line >= this.#lines.linePos(from).line && line <= this.#lines.linePos(Math.max(from, to - 1)).line
    );
  }

  read(section: string, parts: readonly TextPart[]): ParsedText {
    const document = this.#parse();
    const root = document?.contents;
    if (document === null || (root !== null && !this.#yaml.isMap(root))) {
      const remedy = `put the options under the key ${quote(section)}`;
      if (document !== null) {
        this.#diagnostics.error(`the file holds no mapping: ${remedy}`, this.#originOf(root));
      }
      return { settings: [], daemons: [] };
    }
    const keys = new Set<string>();
    for (const { key, value } of root?.items ?? []) {
      const name = this.#scalar(key);
      if (name === null) continue;
      keys.add(name);
      if (name === DAEMONS && section !== DAEMONS) this.#readDaemons(key, value);
      if (name !== section) continue;
      if (this.#yaml.isMap(value)) this.#readSection(value);
      else if (value !== null && this.#scalar(value) !== "") {
        this.#diagnostics.error(
          `the value of ${quote(section)} must be a mapping of options`,
          this.#originOf(key),
        );
      }
    }
    if (!keys.has(section) && (section !== "uwsgi" || !keys.has(DAEMONS))) {
      reportMissing({ section, sections: keys, parts, isStructured: true }, this.#diagnostics);
    }
    return { settings: this.#settings, daemons: this.#daemons };
  }

  #readDaemons(key: unknown, written: unknown): void {
    const value = this.#target(written);
    if (!this.#yaml.isMap(value)) {
      if (value !== null && this.#scalar(value) !== "") {
        this.#diagnostics.error(
          `the value of "${DAEMONS}" must be a mapping of daemons by name`,
          this.#originOf(key),
        );
      }
      return;
    }
    if (value.range != null) this.#ranges.push([value.range[0], value.range[1]]);
    for (const item of value.items) this.#readDaemon(item.key, item.value);
  }

  #readDaemon(key: unknown, written: unknown): void {
    const [name, value] = [this.#scalar(key), this.#target(written)];
    const origin = this.#originOf(key);
    if (name === null || value !== null && !this.#yaml.isMap(value) && this.#scalar(value) !== "") {
      const what = name === null ? "a daemon's name must be a string" : `the value of daemon ${quote(name)}`;
      this.#diagnostics.error(name === null ? what : `${what} must be a mapping of its keys`, origin);
      return;
    }
    const settings: Setting[] = [];
    this.#daemons.push({ name, origin, settings });
    for (const item of this.#yaml.isMap(value) ? value.items : []) {
      this.#readKey(name, this.#scalar(item.key), item, settings);
    }
  }

  /** Variables may be a mapping as well. */
  #readKey(
    daemon: string,
    name: string | null,
    item: Yaml.Pair<unknown, unknown>,
    settings: Setting[],
  ): void {
    const value = this.#target(item.value);
    const add = (node: unknown, text: string | null): void => {
      if (name !== null && text !== null) settings.push({ name, value: text, origin: this.#originOf(node) });
      else {
        const what = name === null ? "this key" : `the value of ${quote(name)}`;
        const wanted = name === null ? "a string" : "a scalar or a list of scalars";
        this.#diagnostics.error(`${what} of daemon ${quote(daemon)} is not ${wanted}`, this.#originOf(node));
      }
    };
    if (this.#yaml.isSeq(value)) { for (const one of value.items) add(one, this.#scalar(one)); }
    else if (this.#yaml.isMap(value) && findKey(name ?? "")?.type === "assignment") {
      for (const one of value.items) {
        const [variable, text] = [this.#scalar(one.key), this.#scalar(one.value)];
        add(one.key, variable === null || text === null ? null : `${variable}=${text}`);
      }
    } else add(value ?? item.key, value === null ? "" : this.#scalar(value));
  }

  /** The node that an alias stands for. */
  #target(node: unknown): unknown {
    if (!this.#yaml.isAlias(node)) return node;
    return this.#document === null ? node : node.resolve(this.#document) ?? node;
  }

  #parse(): Yaml.Document.Parsed | null {
    const isJson = this.#kind === "JSON";
    const document = this.#yaml.parseDocument(this.#prepared.text, {
      schema: isJson ? "json" : "failsafe",
      uniqueKeys: false,
      lineCounter: this.#lines,
      prettyErrors: false,
      version: "1.2",
    });
    for (const { message, pos } of document.errors) {
      this.#diagnostics.error(
        `cannot read this as ${this.#kind}: ${lowerFirst(message)}`,
        this.#originAt(pos[0]),
      );
    }
    if (document.errors.length > 0) return null;
    // The library takes YAML for JSON: commas too many, comments. The standard parser says what is JSON, not
    // where.
    const comma = isJson ? commaTooMany(this.#prepared.text) : null;
    if (comma !== null) {
      const what = quote(comma.closing);
      this.#diagnostics.error(
        `cannot read this as JSON: the "," before ${what} is one too many: leave it out`,
        this.#originAt(comma.at),
      );
      return null;
    }
    if (isJson) JSON.parse(this.#prepared.text);
    this.#document = document;
    return document;
  }

  #readSection(section: Yaml.YAMLMap): void {
    for (const { key, value } of section.items) {
      const name = this.#scalar(key);
      if (name === null) {
        this.#ignore("this key is not a string", key);
      } else if (this.#yaml.isSeq(value)) {
        for (const item of value.items) this.#add(name, item);
      } else {
        this.#add(name, value ?? key, value === null ? "" : undefined);
      }
    }
  }

  #add(name: string, node: unknown, text = this.#scalar(node)): void {
    if (text === null) {
      this.#ignore(`the value of ${quote(name)} is neither a scalar nor a list of scalars`, node);
      return;
    }
    this.#settings.push({ name, value: text, origin: this.#originOf(node) });
  }

  /** Text of a scalar, aliases followed; null for what is none. */
  #scalar(node: unknown): string | null {
    if (node === null) return "";
    if (this.#yaml.isAlias(node)) {
      const source = this.#document === null ? undefined : node.resolve(this.#document);
      return this.#yaml.isScalar(source) ? this.#scalar(source) : null;
    }
    if (!this.#yaml.isScalar(node)) return null;
    const { value } = node;
    if (typeof value === "string") return value;
    if (this.#kind === "YAML") return node.source ?? "";
    if (typeof value === "boolean" || value === null) return value === true ? "1" : "0";
    return Number.isInteger(value) || typeof value === "bigint" ? node.source ?? String(value) : null;
  }

  #ignore(what: string, node: unknown): void {
    this.#diagnostics.warning(`${what} and is ignored`, this.#originOf(node));
  }

  #originOf(node: unknown): Origin {
    const start = this.#yaml.isNode(node) ? node.range?.[0] ?? 0 : 0;
    return this.#originAt(start);
  }

  #originAt(offset: number): Origin {
    return this.#prepared.originOf(this.#lines.linePos(offset).line || 1);
  }
}

/** Where a comma has nothing behind it: the mistake that is made most, and that no parser names. */
function commaTooMany(text: string): { readonly at: number; readonly closing: string } | null {
  for (const { 0: found, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|,\s*[}\]]/g)) {
    if (found.startsWith(",")) return { at: index, closing: found.slice(-1) };
  }
  return null;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1).replaceAll("\n", " ");
}
