/**
 * Opens what a name stands for and gives its settings: finds the file and section meant, refuses cycles,
 * glues what is injected, and hands the text to the parser of its format. Knows nothing of what a setting
 * means.
 */
import type { Diagnostics } from "../diagnostic.ts";
import type { Frame } from "./entry.ts";
import { parseIni } from "./format/ini.ts";
import { DEEPEST } from "../limits.ts";
import { Magic } from "./format/magic.ts";
import type { Origin } from "../origin.ts";
import { quote } from "../problem.ts";
import { type Format, formatOf, splitScheme, splitSourceName } from "./format/source_name.ts";
import type { ParsedText, SectionText, TextPart } from "./format/source_text.ts";
import type { Sources } from "./sources.ts";
import { parseStructured } from "./format/structured.ts";
import type { ConfigDeps } from "../system/config_deps.ts";
import { parseXml } from "./format/xml_file.ts";

export interface SourceRequest {
  readonly name: string;
  /** null: by the suffix. */
  readonly format: Format | null;
  /** A template (include, inherit) does not become the file that %O and its like describe. */
  readonly template: boolean;
  /** null: the command line, and then messages name the file itself. */
  readonly origin: Origin | null;
  /** The file that asks: what ":SECTION" is a section of. */
  readonly from: Frame | null;
}

export class SourceReader {
  /** Names of the files read, in order, without sections. */
  readonly files: string[] = [];
  readonly injectedBefore: string[] = [];
  readonly injectedAfter: string[] = [];
  /** Files whose daemons have been read. */
  readonly #counted = new Set<string>();

  readonly #deps: ConfigDeps;
  readonly #diagnostics: Diagnostics;
  readonly #sources: Sources;
  readonly #magic: Magic;
  /** The file read last: what ":SECTION" means on the command line. */
  #last: Frame | null = null;

  constructor(deps: ConfigDeps, diagnostics: Diagnostics, sources: Sources) {
    this.#deps = deps;
    this.#diagnostics = diagnostics;
    this.#sources = sources;
    this.#magic = new Magic(deps);
  }

  /** null once a problem was reported. Daemons of a file that was read before do not come again. */
  read(request: SourceRequest): (ParsedText & { readonly frame: Frame }) | null {
    const { name, origin, from } = request;
    const { path: given, section } = splitSourceName(name);
    const path = given === "" ? (from ?? this.#last)?.path : given;
    if (path === undefined) {
      this.#diagnostics.error(`cannot read ${quote(name)}: no file is being read`, origin);
      return null;
    }
    const frame: Frame = { path, section: section ?? "uwsgi", parent: from, depth: (from?.depth ?? 0) + 1 };
    if (this.#refuses(frame, origin)) return null;
    const text = this.#sources.read(path, origin);
    if (text === null) return null;
    if (!this.files.includes(path)) this.files.push(path);
    this.#last = frame;
    this.#magic.enter(given, path, section, request.template);
    const parts = this.#inject({ file: path === "-" ? "<stdin>" : path, text }, origin);
    const { settings, daemons } = this.#parse(request.format ?? formatOf(path), parts, frame, section);
    return { frame, settings, daemons: daemons.length === 0 ? daemons : this.#newOnes(daemons) };
  }

  /** Every file counts once, by whatever name and for whichever of its sections it is read. */
  #newOnes(daemons: readonly SectionText[]): readonly SectionText[] {
    const isNew = new Map<string, boolean>();
    const identities: string[] = [];
    const found = daemons.filter(({ origin: { file } }) => {
      const known = isNew.get(file);
      if (known !== undefined) return known;
      const identity = this.#identityOf(file);
      identities.push(identity);
      isNew.set(file, !this.#counted.has(identity));
      return isNew.get(file);
    });
    for (const identity of identities) this.#counted.add(identity);
    return found;
  }

  #identityOf(file: string): string {
    const hasPath = file !== "<stdin>" && splitScheme(file) === null;
    return hasPath ? this.#deps.realDirectoryPath(file) : file;
  }

  #parse(format: Format, parts: readonly TextPart[], frame: Frame, section: string | null): ParsedText {
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

  #inject(file: TextPart, origin: Origin | null): TextPart[] {
    const parts = (paths: readonly string[]): TextPart[] =>
      paths.flatMap((path) => {
        const text = this.#sources.read(path, origin);
        return text === null ? [] : [{ file: path, text }];
      });
    return [...parts(this.injectedBefore), file, ...parts(this.injectedAfter)];
  }

  #refuses(frame: Frame, origin: Origin | null): boolean {
    const names = [`${frame.path}:${frame.section}`];
    for (let at = frame.parent; at !== null; at = at.parent) {
      names.unshift(`${at.path}:${at.section}`);
      if (at.section === frame.section && this.#isSameFile(at.path, frame.path)) {
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

  #isSameFile(one: string, other: string): boolean {
    return one === other || this.#deps.realDirectoryPath(one) === this.#deps.realDirectoryPath(other);
  }
}
