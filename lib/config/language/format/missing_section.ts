/**
 * Says why a file has not the section that is wanted, and what to write: another spelling, another format, or
 * a file of another program. Pure.
 */
import type { Diagnostics } from "../../diagnostic.ts";
import { nearestName } from "../../nearest.ts";
import { isKnownOption } from "../../options/option_table.ts";
import { quote } from "../../problem.ts";
import type { TextPart } from "./source_text.ts";

const MOST_NAMED = 20;
const WRITE = 'write "[uwsgi]" and below it a line "attach-daemon = COMMAND" for each daemon';

/** The form that is nearest to those of other programs. */
const WRITE_SECTION = 'write "[daemon:NAME]" for each daemon, and below it a line "command = COMMAND"';

/** Sections, or keys of the root, by which the files of other programs are known. */
const FOREIGN: readonly (readonly [string, RegExp])[] = [
  ["supervisord", /^(?:(?:fcgi-)?program|group|eventlistener|rpcinterface):|^(?:supervisord|supervisorctl)$/],
  ["systemd", /^(?:Unit|Service|Install|Socket|Timer|Mount|Path)$/],
  ["circus", /^(?:circus|(?:watcher|socket|env|plugin):.*)$/],
  ["Docker Compose", /^services$/],
  ["Pebble", /^(?:summary|checks|log-targets)$/],
];

/** The formats that are told by a file's suffix alone, and how a text of theirs begins. */
const FORMATS: readonly (readonly [string, string, RegExp])[] = [
  ["JSON", ".json", /^\s*\{\s*"/],
  ["XML", ".xml", /^\s*<(?:\?xml|!--|uwsgi)/],
  ["YAML", ".yaml", /^(?:\s*(?:#.*|---)?\n)*uwsgi:\s*\n/],
];

interface MissingSection {
  readonly section: string;
  /** Those that are there. */
  readonly sections: ReadonlySet<string>;
  readonly parts: readonly TextPart[];
  /** YAML or JSON, whose sections are keys of the root. */
  readonly isStructured: boolean;
}

export function reportMissing(missing: MissingSection, diagnostics: Diagnostics): void {
  const { section, sections, parts, isStructured } = missing;
  const file = parts.at(0)?.file ?? "";
  const why = isStructured ? whyNoKey(section, sections) : whyNoSection(section, sections, parts);
  diagnostics.error(`cannot find section ${quote(section)}: ${why}`, { file, line: 0 });
}

/** The name and suffix of the format that a text without sections is in; null: it may well be INI. */
export function foreignFormat(parts: readonly TextPart[]): { name: string; suffix: string } | null {
  const text = parts.at(-1)?.text ?? "";
  const [name, suffix] = FORMATS.find(([, , pattern]) => pattern.test(text)) ?? [];
  return name === undefined || suffix === undefined ? null : { name, suffix };
}

function whyNoSection(section: string, sections: ReadonlySet<string>, parts: readonly TextPart[]): string {
  if (sections.size === 0) {
    const format = foreignFormat(parts);
    if (format !== null) {
      return `it is read as INI and looks like ${format.name}: give the file a name that ends in "${format.suffix}"`;
    }
    if (parts.every(({ text }) => text.trim() === "")) return `it is empty: ${WRITE}`;
    return "it has no section";
  }
  const names = listed(sections);
  const program = programOf(sections);
  if (program !== null) return `it has ${names}, as a file of ${program} has: ${WRITE_SECTION}`;
  const near = nearest(section, sections);
  if (near === null) return `it has ${names}${section === "uwsgi" ? `: ${remedyFor(sections)}` : ""}`;
  const isCase = near.toLowerCase() === section.toLowerCase();
  const detail = isCase ? ", and upper and lower case differ" : "";
  return `it has ${names}${detail}: write ${quote(`[${section}]`)}`;
}

function remedyFor(sections: ReadonlySet<string>): string {
  const name = [...sections].find((known) => /^[\w.-]+$/.test(known));
  return `write "[uwsgi]"${name === undefined ? "" : `, or name the section behind the file: FILE:${name}`}`;
}

function whyNoKey(section: string, keys: ReadonlySet<string>): string {
  if (keys.size === 0) return `it is empty: put the options under the key ${quote(section)}`;
  const names = listed(keys);
  if ([...keys].some(isKnownOption)) {
    return `it has ${names}: put the options under the key ${quote(section)}, indented`;
  }
  const program = programOf(keys);
  if (program !== null) {
    return `it has ${names}, as a file of ${program} has: put daemons by name under "daemons"`;
  }
  const near = nearest(section, keys);
  return `it has ${names}${near === null ? "" : `: write ${quote(section)}`}`;
}

function listed(names: ReadonlySet<string>): string {
  return [...names].slice(0, MOST_NAMED).map(quote).join(", ");
}

function programOf(names: ReadonlySet<string>): string | null {
  return FOREIGN.find(([, pattern]) => [...names].some((name) => pattern.test(name)))?.[0] ?? null;
}

function nearest(wanted: string, names: ReadonlySet<string>): string | null {
  const same = [...names].find((name) => name.toLowerCase().trim() === wanted.toLowerCase());
  return same ?? (wanted === "uwsgi" ? nearestName(wanted, names) : null);
}
