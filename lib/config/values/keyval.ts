/**
 * The `key=value,key=value` lists of attach-daemon2. Pure; it knows the grammar and the names of the keys, never
 * what a value means. What uWSGI drops in silence (an unknown key, an item without `=`) is an error here.
 */
import type { Diagnostics } from "../diagnostic.ts";
import type { Origin } from "../origin.ts";
import { nearestName } from "../nearest.ts";
import { quote } from "../problem.ts";

/** Aliases to the key they stand for; every key stands for itself. */
export type KeyNames = Readonly<Record<string, string>>;

/**
 * Splits `text` and returns the values by key (aliases resolved). uWSGI 2.0: items are separated by `,`; a backslash
 * takes the next character as it is; the first `=` ends the key. Blanks around keys and values are taken off (uWSGI
 * keeps them, and then knows neither the key nor the file), and of a repeated key the last value counts, with a
 * warning.
 */
export function parseKeyval(
  text: string,
  names: KeyNames,
  origin: Origin,
  diagnostics: Diagnostics,
): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const item of splitItems(text, ",")) {
    const equals = item.indexOf("=");
    const word = (equals < 0 ? item : item.slice(0, equals)).trim();
    if (word === "" && equals < 0) continue;
    const key = Object.hasOwn(names, word) ? names[word] : undefined;
    if (equals < 0) {
      const remedy = key === undefined ? 'write "\\," for a comma inside a value' : `write "${word}=1"`;
      diagnostics.error(`cannot use ${quote(item.trim())}: it has no "=": ${remedy}`, origin);
      continue;
    }
    if (key === undefined) {
      const near = nearestName(word, Object.keys(names));
      const hint = near === null ? 'for a comma inside a value write "\\,"' : `did you mean "${near}"?`;
      diagnostics.error(`unknown key ${quote(word)}: ${hint}`, origin);
      continue;
    }
    if (values.has(key)) {
      diagnostics.warning(`key "${key}" is given more than once: the last value counts`, origin);
    }
    values.set(key, item.slice(equals + 1).trim());
  }
  return values;
}

/** Splits at a separator; a backslash takes the next character as it is, and one at the very end is itself. */
export function splitItems(text: string, separator: string): string[] {
  const items: string[] = [];
  let item = "";
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    if (character === separator) {
      items.push(item);
      item = "";
    } else if (character === "\\" && index + 1 < text.length) {
      item += text.charAt(++index);
    } else {
      item += character;
    }
  }
  items.push(item);
  return items;
}

/**
 * A list inside a value, as the `touch` key has it. uWSGI 2.0 (uwsgi_split_quoted): quotes group, a backslash takes the
 * next character as it is; empty items are left out.
 */
export function splitQuoted(text: string, separator: string): string[] {
  const items: string[] = [];
  let item = "";
  let opened = "";
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    if (character === "\\" && index + 1 < text.length) item += text.charAt(++index);
    else if (opened !== "") {
      if (character === opened) opened = "";
      else item += character;
    } else if (character === '"' || character === "'") opened = character;
    else if (character === separator) {
      items.push(item);
      item = "";
    } else item += character;
  }
  items.push(item);
  return items.map((found) => found.trim()).filter((found) => found !== "");
}
