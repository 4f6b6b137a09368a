/**
 * The part of docs/daemons.md that describes every key of a daemon, made from the table of keys alone. Run as
 * a program it writes that part anew; a test checks that it is current.
 */
import { DAEMON_KEYS, type DaemonKey, type KeyType } from "./daemon_keys.ts";

const BEGIN = "<!-- The keys, by bun run lib/config/options/keys_page.ts -->";
const END = "<!-- The end of the keys -->";

/** The values that a type takes, in words. */
const VALUES: Readonly<Record<KeyType, string>> = {
  command: "a command line",
  string: "text",
  path: "a path",
  list: "text",
  int: "a whole number",
  duration: "seconds, or a time with a unit: `500ms`, `10s`, `5m`, `2h`, `1d`",
  signal: "a signal's name or number",
  user: "a user's name or number",
  group: "a group's name or number",
  switch: "`1` or `0`; in `attach-daemon2` it is on whatever its value is",
  bool: "`1` or `0`",
  assignment: "`NAME=VALUE`",
  word: "",
};

/** The page with the part about the keys as the table has it now. */
export function withKeys(page: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new RangeError("the page has no place for the keys");
  return `${page.slice(0, from)}${BEGIN}\n\n${DAEMON_KEYS.map(describe).join("")}${page.slice(to)}`;
}

function describe(row: DaemonKey): string {
  const { key, aliases = [], help, default: usual, example, repeats } = row;
  const names = [key, ...aliases].map((name) => `\`${name}\``).join(", ");
  const takes = [valueOf(row)];
  if (repeats === "items") takes.push("may be given several times, or with several values joined by `;`");
  if (repeats === "lines") {
    takes.push("may be given several times; in `attach-daemon2` several are joined by `;`");
  }
  return `### ${names}\n\n${sentence(help)}. Value: ${takes.join("; ")}. Default: ${usual}.\n\n    ${
    key === "name" ? `[daemon:${example}]` : `${key} = ${example}`
  }\n\n`;
}

function valueOf({ words, type }: DaemonKey): string {
  return words === undefined ? VALUES[type] : words.map((word) => `\`${word}\``).join(" or ");
}

function sentence(text: string): string {
  return /^[a-z]+[ ,]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

if (import.meta.main) {
  const page = new URL("../../../docs/daemons.md", import.meta.url);
  await Bun.write(page, withKeys(await Bun.file(page).text()));
}
