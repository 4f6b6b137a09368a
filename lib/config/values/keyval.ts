/**
 * The `key=value,key=value` lists of attach-daemon2. Pure; it knows the grammar and the names of the keys,
 * never what a value means. What uWSGI drops in silence (an unknown key, an item without `=`) is an error
 * here.
 */
import type { Field } from "./field.ts";
import { nearestName } from "../nearest.ts";
import { insteadOfKey } from "./foreign_words.ts";
import { quote } from "../problem.ts";

/** The values by key. */
export type KeyFields = ReadonlyMap<string, Field>;

/**
 * Splits a list and returns the values by key. `names`: aliases to the key that they stand for; every key
 * stands for itself. uWSGI 2.0: items are separated by `,`; a backslash takes the next character as it is;
 * the first `=` ends the key. Blanks around keys and values are taken off (uWSGI keeps them, and then knows
 * neither the key nor the file), and of a repeated key the last value counts, with a warning.
 */
export function parseKeyval(list: Field, names: Readonly<Record<string, string>>): KeyFields {
  const values = new Map<string, Field>();
  for (const item of splitItems(list.value, ",")) {
    const equals = item.indexOf("=");
    const word = (equals < 0 ? item : item.slice(0, equals)).trim();
    if (word === "" && equals < 0) continue;
    const key = Object.hasOwn(names, word) ? names[word] : undefined;
    if (equals < 0) {
      const remedy = key === undefined ? 'write "\\," for a comma inside a value' : `write "${word}=1"`;
      list.error(`cannot use ${quote(item.trim())}: it has no "=": ${remedy}`);
      continue;
    }
    if (key === undefined) {
      list.error(`unknown key ${quote(word)}: ${remedyFor(word, names)}`);
      continue;
    }
    if (values.has(key)) list.warning(`key "${word}" is given more than once: the last value counts`);
    values.set(key, list.with({ name: key, value: item.slice(equals + 1).trim() }));
  }
  return values;
}

function remedyFor(word: string, names: Readonly<Record<string, string>>): string {
  const instead = insteadOfKey(word);
  if (instead !== null) return instead;
  const near = nearestName(word, Object.keys(names));
  return near === null ? 'for a comma inside a value write "\\,"' : `did you mean "${near}"?`;
}

/**
 * Splits at a separator; a backslash takes the next character as it is, and one at the very end is itself.
 */
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
 * A list inside a value, as the `touch` key has it. uWSGI 2.0 (uwsgi_split_quoted): quotes group, a backslash
 * takes the next character as it is; empty items are left out.
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
