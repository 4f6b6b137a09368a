/**
 * A configuration on its way to a file: options and daemons, each a list of names and values as they are to
 * be read. Writes it as INI, or as YAML where INI has no words for a value. Pure. Whatever is read again must
 * come out as it went in: nothing in a value is taken for a reference or a magic variable.
 */
import { isImmediate } from "../language/reader.ts";
import { quote } from "../problem.ts";

export interface Line {
  readonly name: string;
  readonly value: string;
}

export interface Document {
  readonly options: readonly Line[];
  readonly daemons: readonly { readonly name: string; readonly lines: readonly Line[] }[];
}

/** Placeholders for what would begin a reference: no option of uWSGI's or reeve's has such a name. */
const SIGNS: readonly (readonly [sign: string, name: string])[] = [
  ["$", "dollar-sign"],
  ["@", "at-sign"],
  ["%", "percent-sign"],
];

/** The first value that no line of INI can hold, and why; null: INI serves. */
export function whyNotIni({ options, daemons }: Document): string | null {
  for (const { name, value } of options) {
    const why = problemOf(value);
    if (why !== null) return `the value of ${quote(name)} ${why}`;
  }
  for (const daemon of daemons) {
    for (const { name, value } of daemon.lines) {
      const why = problemOf(value);
      if (why !== null) return `the value of ${quote(name)} of daemon ${quote(daemon.name)} ${why}`;
    }
  }
  return null;
}

function problemOf(value: string): string | null {
  if (value.includes("\n")) return "has a line end in it";
  return /^[ \t\r]|[ \t\r]$/.test(value) ? "begins or ends with a blank" : null;
}

export function iniText(document: Document): string {
  const line = ({ name, value }: Line): string => value === "" ? `${name} =\n` : `${name} = ${value}\n`;
  const { options, daemons } = escaped(document);
  const blocks = [
    ...(options.length === 0 && daemons.length > 0 ? [] : [`[uwsgi]\n${options.map(line).join("")}`]),
    ...daemons.map(({ name, lines }) => `[daemon:${name}]\n${lines.map(line).join("")}`),
  ];
  return blocks.join("\n");
}

/** A repeated key stands as often as it comes, which reeve and uWSGI read in this order. */
export function yamlText(document: Document): string {
  const line = (indent: string) => ({ name, value }: Line): string =>
    `${indent}${name}: ${JSON.stringify(value)}\n`;
  const { options, daemons } = escaped(document);
  const sections = daemons.map(({ name, lines }) =>
    `  ${JSON.stringify(name)}:\n${lines.map(line("    ")).join("")}`
  );
  return (options.length === 0 ? "" : `uwsgi:\n${options.map(line("  ")).join("")}`) +
    (sections.length === 0 ? "" : `daemons:\n${sections.join("")}`);
}

/** With every sign so that it stands for itself, and the placeholders that this needs. */
function escaped({ options, daemons }: Document): Document {
  const needed = new Set<string>();
  const escape = ({ name, value }: Line): Line => ({
    name,
    value: isImmediate(name) ? value.replaceAll("%", "%%") : escapeSigns(value, needed),
  });
  const sections = daemons.map(({ name, lines }) => ({ name, lines: lines.map(escape) }));
  const written = options.map(escape);
  const placeholders = SIGNS.filter(([sign]) => needed.has(sign)).map(([sign, name]): Line => ({
    name: "set-placeholder",
    value: `${name}=${sign === "%" ? "%%" : sign}`,
  }));
  return { options: [...placeholders, ...written], daemons: sections };
}

function escapeSigns(text: string, needed: Set<string>): string {
  return text.replace(/[$@%]\(|%/g, (found) => {
    if (found === "%") return "%%";
    const sign = found.charAt(0);
    needed.add(sign);
    return `%(${SIGNS.find(([one]) => one === sign)?.[1]})(`;
  });
}
