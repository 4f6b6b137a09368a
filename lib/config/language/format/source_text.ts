/**
 * The text of a configuration file on its way to a parser, and what all parsers share: lines with their
 * origins, magic variables replaced line by line (a value with a line end in it can neither add a line nor
 * shift the numbers).
 */
import type { Diagnostics } from "../../diagnostic.ts";
import { type MagicTable, substituteMagic } from "./magic.ts";
import type { Origin } from "../../origin.ts";

export interface Setting {
  readonly name: string;
  readonly value: string;
  readonly origin: Origin;
}

/** A section [daemon:NAME] as its file has it, in whatever format. */
export interface SectionText {
  /** `*`: the defaults of those that follow in this file. */
  readonly name: string;
  readonly origin: Origin;
  readonly settings: readonly Setting[];
}

export interface ParsedText {
  /** Those of the section that was asked for. */
  readonly settings: readonly Setting[];
  /** In the order of the file. */
  readonly daemons: readonly SectionText[];
}

/** The header under which the defaults of a file stand. */
export const DEFAULTS = "*";

/** Text of one file as it stands before or after the file proper when injected. */
export interface TextPart {
  readonly file: string;
  readonly text: string;
}

/** Text with its magic variables replaced, for parsers that want it whole. */
export interface PreparedText {
  readonly text: string;
  /** Origin of a line of `text`, counted from 1. */
  originOf(line: number): Origin;
  /** Says which magic variables have no meaning. `isDaemon`: whether that line of `text` is a daemon's. */
  reportMagic(isDaemon: (line: number) => boolean, diagnostics: Diagnostics): void;
}

export function prepareText(parts: readonly TextPart[], magic: MagicTable): PreparedText {
  const origins: Origin[] = [];
  const lines: string[] = [];
  const unknown: { readonly letter: string; readonly line: number }[] = [];
  for (const { line, origin } of linesOf(parts)) {
    origins.push(origin);
    const isComment = line.trimStart().startsWith("#");
    const take = (letter: string): void => {
      if (!isComment) unknown.push({ letter, line: origins.length });
    };
    lines.push(substituteMagic(line, magic, take).replaceAll("\n", " "));
  }
  const file = parts.at(-1)?.file ?? "";
  const originOf = (line: number): Origin => origins[line - 1] ?? origins.at(-1) ?? { file, line: 0 };
  return {
    text: lines.join("\n") + "\n",
    originOf,
    reportMagic: (isDaemon, diagnostics) => {
      for (const { letter, line } of unknown) {
        if (isDaemon(line)) refuseMagic(letter, diagnostics, originOf(line));
        else warnOfMagic(letter, diagnostics, originOf(line));
      }
    },
  };
}

/** Parts are glued as they stand: a line that spans two parts belongs to the first. */
export function* linesOf(parts: readonly TextPart[]): Generator<{ line: string; origin: Origin }> {
  let open = "";
  let openOrigin: Origin | null = null;
  for (const { file, text } of parts) {
    let number = 1;
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      const line = text.slice(start, end);
      yield openOrigin === null
        ? { line, origin: { file, line: number } }
        : { line: open + line, origin: openOrigin };
      open = "";
      openOrigin = null;
      number++;
      start = end + 1;
    }
    if (start < text.length) {
      openOrigin ??= { file, line: number };
      open += text.slice(start);
    }
  }
  if (openOrigin !== null) yield { line: open, origin: openOrigin };
}

/** Shared with the other formats: a magic letter that vanishes is worth a word. */
export function warnOfMagic(letter: string, diagnostics: Diagnostics, origin: Origin): void {
  const shown = letter === "" ? 'a "%" at the end of the line' : `"%${letter}" is no magic variable, it`;
  diagnostics.warning(`${shown} is dropped: write "%%" for a "%"`, origin);
}

/** No line of a daemon's section loses a letter, for no other program reads it. */
export function refuseMagic(letter: string, diagnostics: Diagnostics, origin: Origin): void {
  const shown = letter === "" ? 'a "%" at the end of the line' : `"%${letter}"`;
  diagnostics.error(`${shown} is no magic variable: write "%%" for a "%"`, origin);
}
