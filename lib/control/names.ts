/**
 * The daemons that a command names: by name, by a glob (`web-*`, `?`, `[a-z]`), by `@TAG`, or `all`. Pure;
 * the set is worked out once, at the beginning of what is done with it.
 */
import { nearestName } from "../config/nearest.ts";

export interface Nameable {
  readonly name: string;
  readonly tags: readonly string[];
}

export interface UnknownName {
  readonly word: string;
  /** The name or tag that was probably meant; null: none is near. */
  readonly nearest: string | null;
}

export type Named =
  | { readonly known: true; readonly names: readonly string[] }
  | { readonly known: false; readonly unknown: readonly UnknownName[] };

const ALL = "all";

/**
 * In the order of `daemons`, each once. A word that names none is unknown, a glob that matches nothing as
 * well; `all` names every daemon, also where there is none.
 */
export function findNamed(words: readonly string[], daemons: readonly Nameable[]): Named {
  const byName = new Set(daemons.map(({ name }) => name));
  const found = new Set<string>();
  const unknown: UnknownName[] = [];
  for (const word of words) {
    // A daemon may be called "all", or like a glob.
    const named = byName.has(word) ? [word] : matching(word, daemons);
    if (named.length === 0 && word !== ALL) unknown.push({ word, nearest: nearest(word, daemons) });
    for (const name of named) found.add(name);
  }
  if (unknown.length > 0) return { known: false, unknown };
  return { known: true, names: daemons.map(({ name }) => name).filter((name) => found.has(name)) };
}

/** `there is no daemon "wbe" (did you mean "web"?)`. */
export function unknownText(unknown: readonly UnknownName[]): string {
  return unknown.map(({ word, nearest }) => {
    const isGlob = /[*?[]/.test(word);
    const what = word.startsWith("@")
      ? `no daemon has the tag "${word.slice(1)}"`
      : isGlob
      ? `no daemon's name is like "${word}"`
      : `there is no daemon "${word}"`;
    return nearest === null ? what : `${what} (did you mean "${nearest}"?)`;
  }).join("; ");
}

function matching(word: string, daemons: readonly Nameable[]): string[] {
  if (word === ALL) return daemons.map(({ name }) => name);
  if (word.startsWith("@")) {
    const tag = word.slice(1);
    return daemons.filter(({ tags }) => tags.includes(tag)).map(({ name }) => name);
  }
  if (!/[*?[]/.test(word)) return [];
  const glob = readGlob(word);
  return daemons.filter(({ name }) => matches(glob, name)).map(({ name }) => name);
}

function nearest(word: string, daemons: readonly Nameable[]): string | null {
  if (!word.startsWith("@")) return nearestName(word, daemons.map(({ name }) => name));
  return nearestName(word, new Set(daemons.flatMap(({ tags }) => tags.map((tag) => `@${tag}`))));
}

/** One character of a name, by what it may be; many: any number of any. */
type Glob = readonly ("many" | ((character: string) => boolean))[];

/**
 * As a shell's: `*` and `?` match any character, there are no paths here; `[!a]` is "not a"; `\\` takes the
 * next character as it is. A bracket that is not closed is one.
 */
function readGlob(text: string): Glob {
  const glob: Glob[number][] = [];
  for (let rest = text; rest !== "";) {
    const set = /^\[([!^]?)(\]?[^\]]*)\]/.exec(rest);
    const [whole = "", character = ""] = set ?? /^\\?(.)/su.exec(rest) ?? [rest, rest];
    if (set !== null) glob.push(isOneOf(set[1] !== "", [...set[2] ?? ""]));
    else if (whole === "*") glob.push("many");
    else if (whole === "?") glob.push(() => true);
    else glob.push((other) => other === character);
    rest = rest.slice(whole.length);
  }
  return glob;
}

/** A range that runs backwards has no member. */
function isOneOf(isNegated: boolean, members: readonly string[]): (character: string) => boolean {
  const ranges: (readonly [from: string, to: string])[] = [];
  for (let at = 0; at < members.length; at++) {
    const from = members[at] ?? "";
    const to = members[at + 1] === "-" ? members[at + 2] : undefined;
    ranges.push([from, to ?? from]);
    if (to !== undefined) at += 2;
  }
  return (character) => ranges.some(([from, to]) => from <= character && character <= to) !== isNegated;
}

/** Never takes more steps than the product of both lengths: only the last `many` is ever tried anew. */
function matches(glob: Glob, name: string): boolean {
  const characters = [...name];
  let [at, token, retry, retryAt] = [0, 0, -1, 0];
  while (at < characters.length) {
    const wanted = glob[token];
    if (wanted === "many") [retry, retryAt, token] = [token, at, token + 1];
    else if (wanted?.(characters[at] ?? "") === true) [at, token] = [at + 1, token + 1];
    else if (retry < 0) return false;
    else [retryAt, at, token] = [retryAt + 1, retryAt + 1, retry + 1];
  }
  return glob.slice(token).every((wanted) => wanted === "many");
}
