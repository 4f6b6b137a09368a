/**
 * Magic variables: `%d` and the like in the text of a file, replaced before it is parsed. Pure: what it knows of the
 * file comes through ConfigWorld.
 */
import { splitScheme } from "./source_name.ts";
import type { ConfigWorld } from "./world.ts";

/** Letter to replacement. A letter that is not in it is unknown. */
export type MagicTable = ReadonlyMap<string, string>;

/** Value of %V: what configurations written for uWSGI compare with. */
const UWSGI_VERSION = "2.0.30";
/** The letters that describe a file; their upper-case forms describe the first file that was no template. */
const FILE_LETTERS = "odspcenxij";
const UPPER_LETTERS = "ODSPCENXIJ";

/** What is the same in every file. */
export function staticMagic(world: ConfigWorld): Map<string, string> {
  return new Map([
    ["%", "%"],
    ["(", "%("],
    ["[", "\x1b"],
    ["v", world.cwd],
    ["V", UWSGI_VERSION],
    ["h", world.hostname],
    ["k", String(world.cpuCount)],
    ["t", String(world.startedAt / 1_000_000n)],
    ["T", String(world.startedAt)],
    ["u", String(world.user.uid)],
    ["U", world.user.name],
    ["g", String(world.user.gid)],
    ["G", world.user.group],
  ]);
}

/**
 * Sets the letters that describe a file. `given` is the name as written, without its section and so empty for
 * ":SECTION"; `path` is the file meant. uWSGI sets only %o for stdin and schemes, and leaves the others as the file
 * before had them.
 */
export function describeFile(
  table: Map<string, string>,
  given: string,
  path: string,
  section: string | null,
  world: ConfigWorld,
): void {
  table.set("o", given);
  if (path === "-" || splitScheme(path) !== null) return;
  describePath(table, world.realDirectoryPath(path), world);
  table.set("x", section ?? "");
}

function describePath(table: Map<string, string>, full: string, world: ConfigWorld): void {
  const slash = full.lastIndexOf("/");
  const file = full.slice(slash + 1);
  const directory = full.slice(0, slash + 1);
  const dot = file.lastIndexOf(".");
  const parts = directory.split("/").filter((part) => part !== "");
  table.set("b", world.binary);
  table.set("p", full);
  table.set("j", pathHash(full));
  table.set("i", String(world.inode(full)));
  table.set("s", file);
  table.set("d", directory);
  table.set("c", parts.at(-1) ?? "");
  table.set("e", dot < 0 ? "" : file.slice(dot + 1));
  table.set("n", dot < 0 ? file : file.slice(0, dot));
  for (let index = 0; index < 10; index++) table.set(String(index), parts[index] ?? "");
}

/** Copies the letters of the present file to their upper-case forms. */
export function rememberFirstFile(table: Map<string, string>): void {
  for (let index = 0; index < FILE_LETTERS.length; index++) {
    const value = table.get(FILE_LETTERS.charAt(index));
    if (value !== undefined) table.set(UPPER_LETTERS.charAt(index), value);
  }
}

/** djb33x of the path's bytes, as eight hexadecimal digits in the order of a little-endian machine's memory. */
function pathHash(path: string): string {
  let hash = 5381;
  for (const byte of new TextEncoder().encode(path)) hash = (Math.imul(hash, 33) ^ byte) >>> 0;
  const bytes = new DataView(new ArrayBuffer(4));
  bytes.setUint32(0, hash, true);
  return [0, 1, 2, 3].map((at) => bytes.getUint8(at).toString(16).padStart(2, "0")).join("").toUpperCase();
}

/**
 * Replaces the magic variables of one line; `unknown` hears of letters that have no meaning and, as in uWSGI, vanish
 * with their "%". The letters of a file are always known, and empty where there is no file.
 */
export function substituteMagic(line: string, table: MagicTable, unknown: (letter: string) => void): string {
  let at = line.indexOf("%");
  if (at < 0) return line;
  let result = "";
  let start = 0;
  while (at >= 0) {
    const letter = line.charAt(at + 1);
    const value = table.get(letter);
    result += line.slice(start, at);
    if (value !== undefined) result += value;
    else if (letter === "" || !isFileLetter(letter)) unknown(letter);
    start = at + 1 + letter.length;
    at = line.indexOf("%", start);
  }
  return result + line.slice(start);
}

function isFileLetter(letter: string): boolean {
  return FILE_LETTERS.includes(letter) || UPPER_LETTERS.includes(letter) || /[0-9b]/.test(letter);
}
