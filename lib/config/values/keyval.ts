/**
 * The `key=value,key=value` lists of attach-daemon2. Pure; it knows the grammar and the names of the keys,
 * never what a value means. What uWSGI drops in silence (an unknown key, an item without `=`) is an error
 * here.
 */
import type { Field } from "./field.ts";
import { nearestName } from "../nearest.ts";
import { insteadOfKey } from "./foreign_words.ts";
import { quote } from "../problem.ts";

/** The values of each key as they were written, at least one; several where the key repeats. */
export type KeyFields = ReadonlyMap<string, readonly Field[]>;

/** The one that counts of a key that does not repeat. */
export function lastOf(keys: KeyFields, key: string): Field | undefined {
  return keys.get(key)?.at(-1);
}

/** The grammar of a key, as the table of keys has it. */
export interface KeyGrammar {
  readonly key: string;
  readonly repeats?: "items" | "lines";
  readonly lastInLine?: true;
}

export interface KeyNames {
  readonly names: readonly string[];
  /** By its name or an alias. */
  readonly find: (word: string) => KeyGrammar | null;
}

/**
 * Splits a list and returns the values by key. uWSGI 2.0: items are separated by `,`; a backslash takes the
 * next character as it is; the first `=` ends the key. Blanks around keys and values are taken off (uWSGI
 * keeps them, and then knows neither the key nor the file), and of a repeated key the last value counts, with
 * a warning, unless it is one of ours that repeat: their items are divided by `;`, and add up.
 */
export function parseKeyval(list: Field, known: KeyNames): KeyFields {
  const values = new Map<string, Field[]>();
  for (const item of splitItems(list.value, ",")) {
    const equals = item.indexOf("=");
    const word = (equals < 0 ? item : item.slice(0, equals)).trim();
    if (word === "" && equals < 0) continue;
    const row = known.find(word);
    if (equals < 0) {
      const remedy = row === null ? 'write "\\," for a comma inside a value' : `write "${word}=1"`;
      list.error(`cannot use ${quote(item.trim())}: it has no "=": ${remedy}`);
      continue;
    }
    if (row === null) {
      list.error(`unknown key ${quote(word)}: ${remedyFor(word, known.names)}`);
      continue;
    }
    const { key, repeats, lastInLine } = row;
    const before = values.get(key);
    const field = list.with({ name: key, value: item.slice(equals + 1).trim() });
    if (repeats === undefined || lastInLine === true) {
      if (before !== undefined) {
        list.warning(`key "${word}" is given more than once: the last value counts`);
      }
      values.set(key, repeats === undefined ? [field] : itemsOf(field));
    } else if (before === undefined) values.set(key, itemsOf(field));
    else for (const one of itemsOf(field)) before.push(one);
  }
  return values;
}

/** The items of a value, each a Field of its own; an empty value stays, for the message about it. */
export function itemsOf(field: Field): Field[] {
  const items = splitQuoted(field.value, ";").map((value) => field.with({ value }));
  return items.length === 0 ? [field.with({ value: "" })] : items;
}

function remedyFor(word: string, names: readonly string[]): string {
  const instead = insteadOfKey(word);
  if (instead !== null) return instead;
  const near = nearestName(word, names);
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

/** The text of an item for splitItems to give back. */
export function escapeItem(text: string): string {
  return text.replace(/[\\,]/g, "\\$&");
}

/** The text of an item for splitQuoted to give back, but for blanks at its ends. */
export function escapeQuoted(text: string): string {
  return text.replace(/[\\;'"]/g, "\\$&");
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
