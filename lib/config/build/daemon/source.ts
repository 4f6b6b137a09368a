/**
 * A daemon as it was written, in whatever form: the texts by key. Every form becomes this first, so that a
 * key means the same in all of them; reading the values is for daemon/keys.ts. Pure.
 */
import { DAEMON_KEYS, defaultOption } from "../../options/daemon_keys.ts";
import type { DaemonOption } from "../../plan/daemon_plan.ts";
import type { Field } from "../../values/field.ts";
import { itemsOf, type KeyFields } from "../../values/keyval.ts";
import type { OptionReader } from "../../values/options.ts";

export interface DaemonSource {
  readonly option: DaemonOption;
  /** The line or header, for messages about several keys, and for the command's. */
  readonly line: Field;
  /** null: to be made up. */
  readonly name: string | null;
  readonly keys: KeyFields;
  /** Keys that the form itself decides: no default reaches them. */
  readonly fixed: ReadonlySet<string>;
}

export const NOTHING_FIXED: ReadonlySet<string> = new Set();

/** The keys that the options daemon-KEY set; empty for an instance that has none. */
export function defaultKeys(reader: OptionReader): KeyFields {
  const keys = new Map<string, readonly Field[]>();
  if (!reader.hasAny(["daemon-"])) return keys;
  for (const { key, repeats } of DAEMON_KEYS) {
    const written = reader.all(defaultOption(key));
    const fields = repeats === undefined
      ? written.slice(-1)
      : written.flatMap(repeats === "items" ? itemsOf : one);
    if (fields.length > 0) keys.set(key, fields);
  }
  return keys;
}

/** Where the source says nothing, the defaults count; keys that repeat have both. */
export function withDefaults(source: DaemonSource, defaults: KeyFields): DaemonSource {
  if (defaults.size === 0) return source;
  const keys = new Map(source.keys);
  for (const { key, repeats } of DAEMON_KEYS) {
    const fields = source.fixed.has(key) ? undefined : defaults.get(key);
    if (fields === undefined) continue;
    const own = keys.get(key);
    if (own === undefined) keys.set(key, fields);
    else if (repeats !== undefined) keys.set(key, [...fields, ...own]);
  }
  return { ...source, keys };
}

function one(field: Field): readonly Field[] {
  return [field];
}
