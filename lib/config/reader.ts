/**
 * Reads sources into one flattened list of entries, acting at once on what uWSGI calls immediate options: files to
 * include, blocks, placeholders, declared options. Expands nothing: that is expand.ts, once everything is read.
 */
import { customArguments, type CustomOption, fillTemplate, parseCustomOption } from "./custom_option.ts";
import { problemOfLine } from "./decode.ts";
import type { Diagnostics } from "./diagnostic.ts";
import type { Entry, Frame } from "./entry.ts";
import { parseIni } from "./ini.ts";
import { DEEPEST, LONGEST_VALUE, MOST_OPTIONS } from "./limits.ts";
import { type Block, openBlock, openElse } from "./logic.ts";
import { describeFile, rememberFirstFile, staticMagic } from "./magic.ts";
import { findOption, isKnownOption } from "./option_table.ts";
import type { Origin } from "./origin.ts";
import { quote } from "./problem.ts";
import { type Format, formatOf, splitSourceName } from "./source_name.ts";
import type { Setting, TextPart } from "./source_text.ts";
import { Sources } from "./sources.ts";
import { parseStructured } from "./structured.ts";
import type { ConfigWorld } from "./world.ts";
import { parseXml } from "./xml_file.ts";

export class Reader {
  readonly entries: Entry[] = [];
  /** Names of the files read, in order, without sections. */
  readonly files: string[] = [];
  readonly customOptions = new Map<string, CustomOption>();
  readonly sources: Sources;
  /** Names that something has asked for as a placeholder. */
  readonly used = new Set<string>();
  /** Text of iprint, at once; print is late. */
  readonly printed: string[] = [];
  strict = false;
  /** Set by the option exit: nothing after it counts. */
  exitCode: number | null = null;

  readonly #world: ConfigWorld;
  readonly #diagnostics: Diagnostics;
  readonly #variables: Map<string, string>;
  readonly #first = new Map<string, Entry>();
  readonly #magic: Map<string, string>;
  readonly #injected: { readonly before: string[]; readonly after: string[] } = { before: [], after: [] };
  #firstFileSeen = false;
  #frame: Frame | null = null;
  #lastFrame: Frame | null = null;
  #block: Block | null = null;
  #ifHeld = false;
  /** Inside the copies that a block makes: what they add is neither repeated nor left out again. */
  #emitting = false;
  /** Lines reported as blocks inside blocks: once is enough for a line that is repeated. */
  readonly #nested = new Set<Origin>();
  #forbidden: ReadonlySet<string> | null = null;
  #allowed: ReadonlySet<string> | null = null;
  /** Declared options being filled in, outermost first. */
  readonly #filling: string[] = [];
  /** Where entries of a declared option go: into what it stands for, not into the list. */
  #standsFor: Entry | null = null;

  constructor(world: ConfigWorld, diagnostics: Diagnostics) {
    this.#world = world;
    this.#diagnostics = diagnostics;
    this.#variables = new Map(Object.entries(world.environment));
    this.#magic = staticMagic(world);
    this.sources = new Sources(world, diagnostics);
  }

  variable(name: string): string | null {
    return this.#variables.get(name) ?? null;
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
    if (!this.#emitting) {
      if (option === "end") this.#endBlock(name, origin);
      else if (option === "else") this.#turnBlock(origin);
      else if (this.#block !== null) return this.#emit(this.#block, name, value, origin);
    }
    this.#push(name, option, value, origin, false);
  }

  /** A file that was not closed properly is reported where its block began. */
  endOfSource(outer: Block | null): void {
    if (this.#block !== null && this.#block !== outer) {
      const { option, origin } = this.#block;
      this.#diagnostics.error(`${quote(option)} is never closed: write "end =" behind its lines`, origin);
      this.#block = outer;
    }
  }

  /**
   * Reads a file, by the format asked for or by its suffix. A template (include, inherit) does not become the file that
   * %O and its like describe. `from` is the file that asks: what ":SECTION" is a section of.
   */
  readSource(
    name: string,
    format: Format | null,
    template: boolean,
    origin: Origin,
    from = this.#frame,
  ): void {
    const { path: given, section } = splitSourceName(name);
    const same = from ?? this.#lastFrame;
    if (given === "" && same === null) {
      this.#diagnostics.error(`cannot read ${quote(name)}: no file is being read`, origin);
      return;
    }
    const path = given === "" ? same?.path ?? "" : given;
    const parent = from;
    const frame: Frame = { path, section: section ?? "uwsgi", parent, depth: (parent?.depth ?? 0) + 1 };
    if (this.#refusesCycle(frame, origin)) return;
    const text = this.sources.read(path, origin);
    if (text === null) return;
    if (!this.files.includes(path)) this.files.push(path);
    describeFile(this.#magic, given, path, section, this.#world);
    if (!template && !this.#firstFileSeen) {
      this.#firstFileSeen = true;
      rememberFirstFile(this.#magic);
    }
    const shown = path === "-" ? "<stdin>" : path;
    const settings = this.#parse(
      format ?? formatOf(path),
      this.#inject({ file: shown, text }, origin),
      frame,
      section,
    );
    this.#within(frame, settings);
  }

  #parse(format: Format, parts: readonly TextPart[], frame: Frame, section: string | null): Setting[] {
    switch (format) {
      case "ini":
        return parseIni(parts, frame.section, this.#magic, this.#diagnostics);
      case "yaml":
        return parseStructured("YAML", parts, frame.section, this.#magic, this.#diagnostics);
      case "json":
        return parseStructured("JSON", parts, frame.section, this.#magic, this.#diagnostics);
      case "xml":
        return parseXml(parts, section, this.#magic, this.#diagnostics);
    }
  }

  #within(frame: Frame, settings: readonly Setting[]): void {
    const outerFrame = this.#frame;
    const outerBlock = this.#block;
    this.#frame = frame;
    for (const { name, value, origin } of settings) {
      const problem = problemOfLine(value, LONGEST_VALUE) ?? problemOfLine(name, LONGEST_VALUE);
      if (problem === null) this.add(name, value, origin);
      else this.#diagnostics.error(`cannot use this value: ${problem}`, origin);
    }
    if (this.exitCode === null) this.endOfSource(outerBlock);
    this.#frame = outerFrame;
    this.#lastFrame = frame;
  }

  #refusesCycle(frame: Frame, origin: Origin): boolean {
    const names = [`${frame.path}:${frame.section}`];
    for (let at = frame.parent; at !== null; at = at.parent) {
      names.unshift(`${at.path}:${at.section}`);
      if (at.section === frame.section && this.#sameFile(at.path, frame.path)) {
        const cycle = names.map(quote).join(" > ");
        this.#diagnostics.error(`cannot read ${quote(frame.path)}: it reads itself: ${cycle}`, origin);
        return true;
      }
    }
    if (frame.depth <= DEEPEST) return false;
    this.#diagnostics.error(
      `cannot read ${quote(frame.path)}: files read each other more than ${DEEPEST} deep`,
      origin,
    );
    return true;
  }

  #sameFile(one: string, other: string): boolean {
    return one === other || this.#world.realDirectoryPath(one) === this.#world.realDirectoryPath(other);
  }

  #inject(file: TextPart, origin: Origin): TextPart[] {
    const parts = (paths: readonly string[]): TextPart[] =>
      paths.flatMap((path) => {
        const text = this.sources.read(path, origin);
        return text === null ? [] : [{ file: path, text }];
      });
    return [...parts(this.#injected.before), file, ...parts(this.#injected.after)];
  }

  #emit(block: Block, name: string, value: string, origin: Origin): void {
    const contexts = block.contexts();
    if (block.option === "if-not-opt" && contexts.length === 0 && this.#ifHeld) {
      this.#diagnostics.warning(
        `this line is left out: a line above has set the option that "if-not-opt" asks for; put that line last`,
        origin,
      );
    }
    this.#emitting = true;
    for (const context of contexts) {
      this.add(name, context === null ? value : value.replaceAll("%(_)", () => context), origin);
    }
    this.#emitting = false;
  }

  #endBlock(name: string, origin: Origin): void {
    if (this.#block === null) {
      this.#diagnostics.warning(`${quote(name)} ends nothing: no block is open`, origin);
    }
    this.#block = null;
  }

  #turnBlock(origin: Origin): void {
    if (this.#block?.kind === "if") {
      this.#block = openElse(this.#block, this.#ifHeld);
      return;
    }
    this.#diagnostics.error('"else" belongs behind the lines of an if', origin);
    this.#block = null;
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

  #push(name: string, option: string, value: string, origin: Origin, placeholder: boolean): void {
    const entry: Entry = {
      name,
      value,
      origin,
      settled: placeholder,
      placeholder,
      frame: this.#frame,
      stands: null,
    };
    if (this.#standsFor?.stands != null && !placeholder) {
      this.#standsFor.stands.push(entry);
    } else {
      if (this.entries.length >= MOST_OPTIONS) {
        this.#diagnostics.fail(`cannot read on: ${MOST_OPTIONS} options are the most`, origin);
      }
      this.entries.push(entry);
      if (!this.#first.has(name)) this.#first.set(name, entry);
    }
    if (placeholder) return;
    const custom = this.customOptions.get(name);
    if (custom !== undefined && findOption(name) === null) this.fillCustom(entry, custom);
    else if (IMMEDIATE.has(option)) this.#act(entry, option);
  }

  /** Fills a declared option in: the entries that it stands for are not shown, as uWSGI does not show them. */
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
    const { option, lost } = parsed;
    if (isKnownOption(option.name)) {
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
      this.readSource(value, format ?? null, option === "include", origin);
    } else if (option.startsWith("for") || option.startsWith("if-")) {
      this.#open(option, value, origin);
    } else {
      this.#set(entry, option);
    }
    this.#standsFor = outer;
  }

  #open(option: string, value: string, origin: Origin): void {
    this.#warnOfReference(option, value, origin);
    if (this.#block !== null) {
      if (this.#nested.has(origin)) return;
      this.#nested.add(origin);
      this.#diagnostics.error(
        `${quote(option)} inside ${
          quote(this.#block.option)
        }: blocks cannot be nested; put the lines into a file and include it after the block`,
        origin,
      );
      return;
    }
    const scope = {
      world: this.#world,
      diagnostics: this.#diagnostics,
      variable: (name: string) => this.variable(name),
      first: (name: string) => this.first(name),
    };
    this.#block = openBlock(option, value, origin, scope);
    this.#ifHeld = this.#block.contexts().length > 0;
  }

  #set(entry: Entry, option: string): void {
    const { value, origin } = entry;
    switch (option) {
      case "inject-before":
        this.#injected.before.push(value);
        break;
      case "inject-after":
        this.#injected.after.push(value);
        break;
      case "set":
      case "set-placeholder":
        this.#setNamed(option === "set-placeholder", value, origin);
        break;
      case "declare-option":
        this.declareOption(entry);
        break;
      case "strict":
        this.strict = !/^(false|off|no|0)$/i.test(value);
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
        this.#setVariable(value);
        break;
      case "early-envdir":
        this.#setVariables(value);
        break;
      case "exit":
        this.exitCode = value === "true" ? 1 : Number(/^\s*[+-]?[0-9]{1,9}/.exec(value)?.[0] ?? 0) & 255;
        break;
    }
  }

  #setNamed(placeholder: boolean, value: string, origin: Origin): void {
    const equals = value.indexOf("=");
    if (equals < 0) {
      this.#diagnostics.error(`cannot set ${quote(value)}: it must be NAME=VALUE`, origin);
      return;
    }
    const name = value.slice(0, equals);
    if (!placeholder) {
      this.add(name, value.slice(equals + 1), origin);
    } else if (isKnownOption(name) || this.customOptions.has(name)) {
      this.#diagnostics.error(
        `cannot use ${quote(name)} as a placeholder: it is an option; use another name, or "set"`,
        origin,
      );
    } else {
      this.#push(name, name, value.slice(equals + 1), origin, true);
    }
  }

  #setVariable(text: string): void {
    const equals = text.indexOf("=");
    if (equals > 0) this.#variables.set(text.slice(0, equals), text.slice(equals + 1));
  }

  /** A daemontools directory: each file is a variable, its first line the value; an empty file unsets it. */
  #setVariables(directory: string): void {
    for (const path of this.#world.glob(`${directory}/*`)) {
      if (!this.#world.isFile(path)) continue;
      const text = this.sources.readValue(path, { file: path, line: 0 });
      const name = path.slice(path.lastIndexOf("/") + 1);
      if (text === null || name.includes("=")) continue;
      if (text === "") this.#variables.delete(name);
      else this.#variables.set(name, (text.split("\n")[0] ?? "").trimEnd());
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
