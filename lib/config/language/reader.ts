/**
 * Reads sources into one flattened list of entries, acting at once on what uWSGI calls immediate options:
 * files to include, blocks, placeholders, declared options. Expands nothing: that is expand.ts, once
 * everything is read.
 */
import { Blocks } from "./blocks.ts";
import { customArguments, type CustomOption, fillTemplate, parseCustomOption } from "./custom_option.ts";
import { problemOfLine } from "./format/decode.ts";
import type { Diagnostics } from "../diagnostic.ts";
import type { Entry, Frame } from "./entry.ts";
import { DEEPEST, LONGEST_VALUE, MOST_OPTIONS } from "../limits.ts";
import { findOption, isKnownOption, isUwsgiOption } from "../options/option_table.ts";
import type { Origin } from "../origin.ts";
import { quote } from "../problem.ts";
import type { Format } from "./format/source_name.ts";
import type { SectionText } from "./format/source_text.ts";
import { SourceReader, type SourceRequest } from "./source_reader.ts";
import { Sources } from "./sources.ts";
import { Variables } from "./variables.ts";
import { parseAssignment } from "../values/assignment.ts";
import { parseBoolean } from "../values/values.ts";
import type { ConfigDeps } from "../system/config_deps.ts";

interface Pushed {
  readonly name: string;
  /** The option that the name means. */
  readonly option: string;
  readonly value: string;
  readonly origin: Origin;
  readonly isPlaceholder: boolean;
}

export class Reader {
  readonly entries: Entry[] = [];
  readonly customOptions = new Map<string, CustomOption>();
  readonly sources: Sources;
  readonly variables: Variables;
  /** Names that something has asked for as a placeholder. */
  readonly used = new Set<string>();
  /** Text of iprint, at once; print is late. */
  readonly printed: string[] = [];
  /** The sections [daemon:NAME] of all files, in the order in which they were read. */
  readonly daemons: SectionText[] = [];
  strict = false;
  /** Set by the option exit: nothing after it counts. */
  exitCode: number | null = null;

  readonly #diagnostics: Diagnostics;
  readonly #sourceReader: SourceReader;
  readonly #blocks: Blocks;
  readonly #first = new Map<string, Entry>();
  #frame: Frame | null = null;
  /** Inside the copies that a block makes: what they add is neither repeated nor left out again. */
  #emitting = false;
  #forbidden: ReadonlySet<string> | null = null;
  #allowed: ReadonlySet<string> | null = null;
  /** Declared options being filled in, outermost first. */
  readonly #filling: string[] = [];
  /** Where entries of a declared option go: into what it stands for, not into the list. */
  #standsFor: Entry | null = null;

  constructor(deps: ConfigDeps, diagnostics: Diagnostics) {
    this.#diagnostics = diagnostics;
    this.sources = new Sources(deps, diagnostics);
    this.variables = new Variables(deps, this.sources);
    this.#sourceReader = new SourceReader(deps, diagnostics, this.sources);
    this.#blocks = new Blocks({
      deps,
      diagnostics,
      variable: (name) => this.variables.get(name),
      first: (name) => this.first(name),
    });
  }

  /** Names of the files read, in order, without sections. */
  get files(): readonly string[] {
    return this.#sourceReader.files;
  }

  /** The first entry of a name, which is thereby in use: no mistake, even if no option has that name. */
  first(name: string): Entry | null {
    this.used.add(name);
    return this.#first.get(name) ?? null;
  }

  /** Adds one option: repeats it, leaves it out or acts on it, as the block around it and its meaning say. */
  add(name: string, value: string, origin: Origin): void {
    if (this.exitCode !== null) return;
    const option = findOption(name)?.name ?? name;
    this.#checkLists(name, option, origin);
    const block = this.#blocks.current;
    if (!this.#emitting) {
      if (option === "end") this.#blocks.end(name, origin);
      else if (option === "else") this.#blocks.turn(origin);
      else if (block !== null) {
        this.#emitting = true;
        for (const copy of this.#blocks.valuesOf(block, value, origin)) this.add(name, copy, origin);
        this.#emitting = false;
        return;
      }
    }
    this.#push({ name, option, value, origin, isPlaceholder: false });
  }

  /** Ends a source without lines of its own: the environment, the command line. */
  endOfWords(): void {
    if (this.exitCode === null) this.#blocks.closeDownTo(null);
  }

  /** Reads a file, all of it: its options are added, its blocks closed. */
  readSource(request: SourceRequest): void {
    const found = this.#sourceReader.read(request);
    if (found === null) return;
    const outerFrame = this.#frame;
    const outerBlock = this.#blocks.current;
    this.#frame = found.frame;
    for (const daemon of found.daemons) this.daemons.push(daemon);
    for (const { name, value, origin } of found.settings) {
      const problem = problemOfLine(value, LONGEST_VALUE) ?? problemOfLine(name, LONGEST_VALUE);
      if (problem === null) this.add(name, value, origin);
      else this.#diagnostics.error(`cannot use this value: ${problem}`, origin);
    }
    if (this.exitCode === null) this.#blocks.closeDownTo(outerBlock);
    this.#frame = outerFrame;
  }

  #checkLists(name: string, option: string, origin: Origin): void {
    if (option === "end-blacklist" || option === "end-whitelist") return;
    if (this.#forbidden?.has(name)) {
      this.#diagnostics.error(`option ${quote(name)} is forbidden by the blacklist`, origin);
    }
    if (this.#allowed?.has(name) === false) {
      this.#diagnostics.error(`option ${quote(name)} is not on the whitelist`, origin);
    }
  }

  #push({ name, option, value, origin, isPlaceholder }: Pushed): void {
    const entry: Entry = {
      name,
      value,
      origin,
      settled: isPlaceholder,
      placeholder: isPlaceholder,
      frame: this.#frame,
      stands: null,
    };
    if (this.#standsFor?.stands != null && !isPlaceholder) {
      this.#standsFor.stands.push(entry);
    } else {
      if (this.entries.length >= MOST_OPTIONS) {
        this.#diagnostics.fail(`cannot read on: ${MOST_OPTIONS} options are the most`, origin);
      }
      this.entries.push(entry);
      if (!this.#first.has(name)) this.#first.set(name, entry);
    }
    if (isPlaceholder) return;
    const custom = this.customOptions.get(name);
    if (custom !== undefined) this.fillCustom(entry, custom);
    else if (IMMEDIATE.has(option)) this.#act(entry, option);
  }

  /**
   * Fills a declared option in: the entries that it stands for are not shown, as uWSGI does not show them.
   */
  fillCustom(entry: Entry, custom: CustomOption): void {
    if (this.#filling.includes(custom.name) || this.#filling.length >= DEEPEST) {
      const cycle = [...this.#filling, custom.name].map(quote).join(" > ");
      this.#diagnostics.error(
        `cannot fill in option ${quote(custom.name)}: it stands for itself: ${cycle}`,
        entry.origin,
      );
      return;
    }
    entry.settled = true;
    entry.stands = [];
    const outer = this.#standsFor;
    this.#filling.push(custom.name);
    const words = customArguments(entry.value);
    for (const part of custom.parts) {
      const name = fillTemplate(part.name, words);
      this.#standsFor = entry;
      if (!isKnownOption(name) && !this.customOptions.has(name)) {
        this.#diagnostics.warning(
          `${quote(custom.name)} sets ${
            quote(name)
          }, which is no option: it is ignored; set it with "set-ph"`,
          entry.origin,
        );
      } else {
        this.add(name, fillTemplate(part.value, words), entry.origin);
      }
    }
    this.#filling.pop();
    this.#standsFor = outer;
  }

  declareOption(entry: Entry): void {
    const parsed = parseCustomOption(entry.value);
    if (parsed === null || parsed.option.name === "") {
      this.#diagnostics.error(
        `cannot declare ${quote(entry.value)}: it must be NAME=OPTION=VALUE;OPTION=VALUE`,
        entry.origin,
      );
      return;
    }
    const { lost } = parsed;
    const option = { ...parsed.option, name: parsed.option.name.trim() };
    if (option.name !== parsed.option.name) {
      this.#diagnostics.warning(
        `${quote(parsed.option.name)} is taken for the name ${quote(option.name)}: write no blanks around it`,
        entry.origin,
      );
    }
    if (isUwsgiOption(option.name)) {
      this.#diagnostics.error(`cannot declare ${quote(option.name)}: it is an option already`, entry.origin);
      return;
    }
    if (lost !== null) {
      this.#diagnostics.warning(`the template ends at ${quote(lost)}, which has no "="`, entry.origin);
    }
    // uWSGI: of several declarations of a name the first counts.
    if (!this.customOptions.has(option.name)) this.customOptions.set(option.name, option);
  }

  #act(entry: Entry, option: string): void {
    const { value, origin } = entry;
    entry.settled = true;
    const outer = this.#standsFor;
    this.#standsFor = null;
    const format = FORMATS[option];
    if (format !== undefined || option === "include") {
      this.#warnOfReference(option, value, origin);
      const template = option === "include";
      this.readSource({ name: value, format: format ?? null, template, origin, from: this.#frame });
    } else if (option.startsWith("for") || option.startsWith("if-")) {
      this.#warnOfReference(option, value, origin);
      this.#blocks.open(option, value, origin);
    } else {
      this.#set(entry, option);
    }
    this.#standsFor = outer;
  }

  #set(entry: Entry, option: string): void {
    const { value, origin } = entry;
    switch (option) {
      case "inject-before":
        this.#sourceReader.injectedBefore.push(value);
        break;
      case "inject-after":
        this.#sourceReader.injectedAfter.push(value);
        break;
      case "set":
      case "set-placeholder":
        this.#setNamed(option === "set-placeholder", value, origin);
        break;
      case "declare-option":
        this.declareOption(entry);
        break;
      case "strict":
        this.strict = parseBoolean(value);
        break;
      case "blacklist":
        this.#forbidden = new Set(value.split(" "));
        break;
      case "end-blacklist":
        this.#forbidden = null;
        break;
      case "whitelist":
        this.#allowed = new Set(value.split(" "));
        break;
      case "end-whitelist":
        this.#allowed = null;
        break;
      case "iprint":
        this.printed.push(value);
        break;
      case "ienv":
        this.variables.set(value);
        break;
      case "early-envdir":
        this.variables.setFrom(value);
        break;
      case "exit":
        this.exitCode = value === "true" ? 1 : Number(/^\s*[+-]?[0-9]{1,9}/.exec(value)?.[0] ?? 0) & 255;
        break;
    }
  }

  #setNamed(placeholder: boolean, value: string, origin: Origin): void {
    const { name, value: text, warning } = parseAssignment(value);
    if (text === null) {
      this.#diagnostics.error(`cannot set ${quote(value)}: it must be NAME=VALUE`, origin);
      return;
    }
    if (warning !== null) this.#diagnostics.warning(warning, origin);
    if (!placeholder) {
      this.add(name, text, origin);
    } else if (isUwsgiOption(name) || this.customOptions.has(name)) {
      this.#diagnostics.error(
        `cannot use ${quote(name)} as a placeholder: it is an option; use another name, or "set"`,
        origin,
      );
    } else {
      this.#push({ name, option: name, value: text, origin, isPlaceholder: true });
    }
  }

  /** uWSGI acts on these before anything is expanded, so a reference in them never is. */
  #warnOfReference(option: string, value: string, origin: Origin): void {
    const found = /[$@%]\((?!_\))[^)]*\)/.exec(value)?.[0];
    if (found === undefined) return;
    this.#diagnostics.warning(
      `${quote(found)} is taken as it stands: ${quote(option)} is acted upon before anything is expanded`,
      origin,
    );
  }
}

/** Whether a value of the option is taken as it stands, by its canonical name. */
export function isImmediate(option: string): boolean {
  return IMMEDIATE.has(option);
}

const FORMATS: Readonly<Record<string, Format>> = { ini: "ini", yaml: "yaml", json: "json", xml: "xml" };

/** Canonical names of what is acted upon when it is read, and so is never expanded. */
const IMMEDIATE: ReadonlySet<string> = new Set([
  ...Object.keys(FORMATS),
  ..."include inject-before inject-after set set-placeholder declare-option strict".split(" "),
  ..."blacklist end-blacklist whitelist end-whitelist iprint exit ienv early-envdir resolve".split(" "),
  ..."for for-glob for-times for-readline else end if-env if-not-env if-opt if-not-opt".split(" "),
  ..."if-exists if-not-exists if-file if-not-file if-dir if-not-dir if-reload if-not-reload".split(" "),
  ..."if-plugin if-not-plugin if-hostname if-not-hostname if-hostname-match if-not-hostname-match".split(" "),
]);
