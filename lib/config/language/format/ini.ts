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
import { linesOf, type Setting, type TextPart, warnOfMagic } from "./source_text.ts";

/**
 * The settings of one section, in order. Sections of the same name add up. A section that is not there is an
 * error that names those that are.
 */
export function parseIni(
  parts: readonly TextPart[],
  section: string,
  magic: MagicTable,
  diagnostics: Diagnostics,
): Setting[] {
  const settings: Setting[] = [];
  const sections = new Set<string>();
  let current: string | null = null;
  let outside: Origin | null = null;
  for (const { line, origin } of linesOf(parts)) {
    let text = strip(line);
    if (text === "" || text.startsWith(";") || text.startsWith("#")) continue;
    const used = text.startsWith("[") || current === section;
    if (used) {
      const problem = problemOfLine(text, LONGEST_VALUE);
      if (problem !== null) {
        diagnostics.error(`cannot use this line: ${problem}`, origin);
        continue;
      }
      text = strip(substituteMagic(text, magic, (letter) => warnOfMagic(letter, diagnostics, origin)));
    }
    if (text.startsWith("[")) {
      current = text.slice(1, -1);
      sections.add(current);
      if (!text.endsWith("]")) {
        diagnostics.warning(
          `section header ${quote(text)} does not end with "]": its name is taken as ${quote(current)}`,
          origin,
        );
      }
    } else if (current === section) {
      settings.push(splitSetting(text, origin));
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
  if (!sections.has(section)) reportMissing(section, sections, parts, diagnostics);
  return settings;
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
