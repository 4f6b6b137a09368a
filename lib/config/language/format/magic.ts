/**
 * Magic variables: `%d` and the like in the text of a file, replaced before it is parsed. Pure: what it knows
 * of the file comes through ConfigDeps.
 */
import { splitScheme } from "./source_name.ts";
import type { ConfigDeps } from "../../system/config_deps.ts";

/** The text that a letter stands for; undefined where it has no meaning. */
export interface MagicTable {
  get(letter: string): string | undefined;
}

/** Value of %V: what configurations written for uWSGI compare with. */
const UWSGI_VERSION = "2.0.30";
/** The letters that describe a file; their upper-case forms describe the first file that was no template. */
const FILE_LETTERS = "odspcenxij";
const UPPER_LETTERS = "ODSPCENXIJ";

interface FileFacts {
  readonly given: string;
  readonly section: string;
  /** "" before the first file that has a path. */
  readonly path: string;
}

/** Answers only what is asked: a file without a "%" costs no look at users, host or paths. */
export class Magic implements MagicTable {
  readonly #deps: ConfigDeps;
  readonly #described = new Map<string, ReadonlyMap<string, string>>();
  #file: FileFacts = { given: "", section: "", path: "" };
  #first: FileFacts | null = null;

  constructor(deps: ConfigDeps) {
    this.#deps = deps;
  }

  /**
   * Enters a file. `given` is its name as written, without the section and so empty for ":SECTION"; `path` is
   * the file meant. uWSGI sets only %o for stdin and schemes, and leaves the others as the file before had
   * them. A template does not become the first file.
   */
  enter(given: string, path: string, section: string | null, template: boolean): void {
    const hasPath = path !== "-" && splitScheme(path) === null;
    this.#file = hasPath ? { given, section: section ?? "", path } : { ...this.#file, given };
    if (!template) this.#first ??= this.#file;
  }

  get(letter: string): string | undefined {
    const upper = UPPER_LETTERS.indexOf(letter);
    if (letter !== "" && upper >= 0) return this.#ofFile(FILE_LETTERS.charAt(upper), this.#first);
    if (letter !== "" && (FILE_LETTERS.includes(letter) || /[0-9]/.test(letter))) {
      return this.#ofFile(letter, this.#file);
    }
    return this.#ofSystem(letter);
  }

  #ofFile(letter: string, file: FileFacts | null): string {
    if (file === null) return "";
    if (letter === "o") return file.given;
    if (letter === "x") return file.section;
    if (file.path === "") return "";
    let facts = this.#described.get(file.path);
    if (facts === undefined) {
      facts = describePath(this.#deps.realDirectoryPath(file.path), this.#deps);
      this.#described.set(file.path, facts);
    }
    return facts.get(letter) ?? "";
  }

  #ofSystem(letter: string): string | undefined {
    const deps = this.#deps;
    switch (letter) {
      case "%":
        return "%";
      case "(":
        return "%(";
      case "[":
        return "\x1b";
      case "b":
        return deps.binary;
      case "v":
        return deps.cwd;
      case "V":
        return UWSGI_VERSION;
      case "h":
        return deps.hostname;
      case "k":
        return String(deps.cpuCount);
      case "t":
        return String(deps.startedAt / 1_000_000n);
      case "T":
        return String(deps.startedAt);
      case "u":
        return String(deps.user.uid);
      case "U":
        return deps.user.name;
      case "g":
        return String(deps.user.gid);
      case "G":
        return deps.user.group;
      default:
        return undefined;
    }
  }
}

function describePath(full: string, deps: ConfigDeps): Map<string, string> {
  const slash = full.lastIndexOf("/");
  const file = full.slice(slash + 1);
  const directory = full.slice(0, slash + 1);
  const dot = file.lastIndexOf(".");
  const parts = directory.split("/").filter((part) => part !== "");
  const facts = new Map([
    ["p", full],
    ["j", pathHash(full)],
    ["i", String(deps.inode(full))],
    ["s", file],
    ["d", directory],
    ["c", parts.at(-1) ?? ""],
    ["e", dot < 0 ? "" : file.slice(dot + 1)],
    ["n", dot < 0 ? file : file.slice(0, dot)],
  ]);
  parts.slice(0, 10).forEach((part, index) => facts.set(String(index), part));
  return facts;
}

/**
 * djb33x of the path's bytes, as eight hexadecimal digits in the order of a little-endian machine's memory.
 */
function pathHash(path: string): string {
  let hash = 5381;
  for (const byte of new TextEncoder().encode(path)) hash = (Math.imul(hash, 33) ^ byte) >>> 0;
  const bytes = new DataView(new ArrayBuffer(4));
  bytes.setUint32(0, hash, true);
  return [0, 1, 2, 3].map((at) => bytes.getUint8(at).toString(16).padStart(2, "0")).join("").toUpperCase();
}

/**
 * Replaces the magic variables of one line; `unknown` hears of letters that have no meaning and, as in uWSGI,
 * vanish with their "%".
 */
export function substituteMagic(line: string, table: MagicTable, unknown: (letter: string) => void): string {
  let at = line.indexOf("%");
  if (at < 0) return line;
  let result = "";
  let start = 0;
  while (at >= 0) {
    const letter = line.charAt(at + 1);
    const value = table.get(letter);
    result += line.slice(start, at) + (value ?? "");
    if (value === undefined) unknown(letter);
    start = at + 1 + letter.length;
    at = line.indexOf("%", start);
  }
  return result + line.slice(start);
}
