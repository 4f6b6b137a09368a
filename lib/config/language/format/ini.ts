/**
 * INI text to keys and values. Knows lines, sections and comments as uWSGI has them; nothing of what a key
 * means. There is no quoting, no escape, no continuation and no comment behind a value: `a = b ; c` has the
 * value "b ; c".
 */
import { problemOfLine } from "./decode.ts";
import type { Diagnostics } from "../../diagnostic.ts";
import { LONGEST_VALUE } from "../../limits.ts";
import { type MagicTable, substituteMagic } from "./magic.ts";
import type { Origin } from "../../origin.ts";
import { quote } from "../../problem.ts";
import { foreignFormat, reportMissing } from "./missing_section.ts";
import {
  linesOf,
  type ParsedText,
  refuseMagic,
  type SectionText,
  type Setting,
  type TextPart,
  warnOfMagic,
} from "./source_text.ts";

/**
 * The settings of one section, in order, and beside it the sections of daemons. Sections of the same name add
 * up. A section that is not there is an error that names those that are; a file of daemons alone needs no
 * [uwsgi].
 */
export function parseIni(
  parts: readonly TextPart[],
  section: string,
  magic: MagicTable,
  diagnostics: Diagnostics,
): ParsedText {
  const settings: Setting[] = [];
  const daemons: SectionText[] = [];
  const sections = new Set<string>();
  let current: string | null = null;
  /** Where the lines of the section go; null: nowhere. */
  let target: Setting[] | null = null;
  let isDaemon = false;
  let outside: Origin | null = null;
  for (const { line, origin } of linesOf(parts)) {
    let text = strip(line);
    if (text === "" || text.startsWith(";") || text.startsWith("#")) continue;
    const isHeader = text.startsWith("[");
    if (isHeader || target !== null) {
      const problem = problemOfLine(text, LONGEST_VALUE);
      if (problem !== null) {
        diagnostics.error(`cannot use this line: ${problem}`, origin);
        continue;
      }
      const isOfDaemon = isHeader ? text.startsWith(DAEMON_HEADER) : isDaemon;
      const complain = isOfDaemon ? refuseMagic : warnOfMagic;
      text = strip(substituteMagic(text, magic, (letter) => complain(letter, diagnostics, origin)));
    }
    if (text.startsWith("[")) {
      current = text.slice(1, -1);
      sections.add(current);
      isDaemon = current !== section && text.startsWith(DAEMON_HEADER);
      if (isDaemon) {
        const own: Setting[] = [];
        target = own;
        daemons.push({ name: daemonName(text, diagnostics, origin), origin, settings: own });
        continue;
      }
      target = current === section ? settings : null;
      if (target === null) warnOfHeader(text, diagnostics, origin);
      if (!text.endsWith("]")) {
        diagnostics.warning(
          `section header ${quote(text)} does not end with "]": its name is taken as ${quote(current)}`,
          origin,
        );
      }
    } else if (target !== null) {
      target.push(splitSetting(text, origin));
    } else if (current === null) {
      outside ??= origin;
    }
  }
  if (outside !== null && (sections.size > 0 || foreignFormat(parts) === null)) {
    diagnostics.warning(
      'this line stands before any section and is ignored: write "[uwsgi]" above it',
      outside,
    );
  }
  if (!sections.has(section) && (section !== "uwsgi" || daemons.length === 0)) {
    reportMissing({ section, sections, parts, isStructured: false }, diagnostics);
  }
  return { settings, daemons };
}

const DAEMON_HEADER = "[daemon:";

function daemonName(header: string, diagnostics: Diagnostics, origin: Origin): string {
  if (!header.endsWith("]")) {
    const rest = strip(header.slice(DAEMON_HEADER.length).replace(/\].*$/s, ""));
    diagnostics.error(
      `section header ${quote(header)} does not end with "]": write ${quote(`[daemon:${rest}]`)}`,
      origin,
    );
    return rest;
  }
  return strip(header.slice(DAEMON_HEADER.length, -1));
}

/** Headers that were meant for a daemon, and are ignored as any other section is. */
function warnOfHeader(header: string, diagnostics: Diagnostics, origin: Origin): void {
  const name = /^\[\s*daemons?(?:\s*:|\s)\s*(.*?)\s*\]?$/is.exec(header)?.[1];
  if (name === undefined || name === "") return;
  diagnostics.warning(
    `section ${quote(header)} is ignored: for a daemon write ${quote(`[daemon:${name}]`)}`,
    origin,
  );
}

function splitSetting(text: string, origin: Origin): Setting {
  const equals = text.indexOf("=");
  if (equals < 0) return { name: text, value: "", origin };
  return { name: strip(text.slice(0, equals)), value: strip(text.slice(equals + 1)), origin };
}

/**
 * Without the blanks that uWSGI takes off lines, keys and values: space, tab and carriage return, no others.
 */
function strip(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d;
}
