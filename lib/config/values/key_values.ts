/**
 * Readers of the values that keys of a daemon have. Pure. Each takes a Field and returns null after an error,
 * or where the value means what the key's absence means.
 */
import { parseAssignment } from "./assignment.ts";
import { parseCapabilities } from "./capabilities.ts";
import type { Field } from "./field.ts";
import { parseSeconds } from "./options.ts";
import { isBoolean, parseBoolean, parseInteger, type Range, readNumber } from "./values.ts";
import { quote } from "../problem.ts";
import { parseSignal } from "../../sys/signal_names.ts";

/** Says what a switch of attach-daemon2 does, which any value enables, `0` as well, as in uWSGI. */
export function warnOfSwitch(field: Field): void {
  const { name, value } = field;
  if (value !== "" && !parseBoolean(value)) {
    field.warning(`"${name}=${value}" enables ${name} all the same, as in uWSGI: leave the key out`);
  } else warnOfBoolean(field);
}

function warnOfBoolean(field: Field): void {
  const { name, value } = field;
  if (isBoolean(value)) return;
  field.warning(`"${name}" is on, whatever ${quote(value)} means: write "${name}=1", or leave the key out`);
}

/** Switches that mean what they say. */
export function bool(field: Field): boolean {
  warnOfBoolean(field);
  const { value } = field;
  return value === "" || parseBoolean(value);
}

/** Anything but nothing. */
export function text(field: Field): string | null {
  return field.value === "" ? refuseEmpty(field) : field.value;
}

/** For a key that is there was meant to say something. */
export function refuseEmpty(field: Field): null {
  return field.error(`cannot use ${field.name}: its value is empty`);
}

export function whole(range: Range): (field: Field) => number | null {
  return (field) => parseInteger(field, field.diagnostics, range);
}

/** Seconds. */
export function duration(field: Field): number | null {
  return parseSeconds(field, field.diagnostics);
}

export function signal(field: Field): number | null {
  const number = parseSignal(field.value) ?? readNumber(field, /^\d+/, signalOfNumber, field.diagnostics);
  if (number !== null) return number;
  return field.error(
    `unknown signal ${
      quote(field.value)
    } in ${field.name}: give a name (TERM, SIGQUIT, RTMIN+1) or a number from 1 to 64`,
  );
}

function signalOfNumber(text: string): number | null {
  return /^\d+$/.test(text) ? parseSignal(text) : null;
}

/** `0` is no signal of its own. */
export function signalOrNone(field: Field): number | null {
  return field.value === "0" ? null : signal(field);
}

/** One of a few words. */
export function oneOf<Word extends string>(words: readonly Word[]): (field: Field) => Word | null {
  return (field) => {
    const found = words.find((word) => word === field.value);
    return found ?? field.refuse(`it takes ${words.map((word) => `"${word}"`).join(" or ")}`);
  };
}

export function texts(fields: readonly Field[]): readonly string[] {
  return fields.map(({ value }) => value).filter((value) => value !== "");
}

/** Names or numbers, all of which are kept; "none" adds none. */
export function capabilities(fields: readonly Field[]): readonly number[] {
  const kept = new Set<number>();
  for (const field of fields) {
    if (field.value === "") {
      field.error(`cannot use ${field.name}: its value is empty: write "${field.name}=none" to keep none`);
    } else if (field.value !== "none") {
      for (const number of parseCapabilities([field.value], field.origin, field.diagnostics)) {
        kept.add(number);
      }
    }
  }
  return [...kept].sort((left, right) => left - right);
}

/** NAME=VALUE each; of a name that comes again the last value counts. */
export function assignments(
  fields: readonly Field[],
): readonly { readonly name: string; readonly value: string }[] {
  const variables = new Map<string, string>();
  for (const field of fields) {
    const { name, value, warning } = parseAssignment(field.value);
    if (value === null || name === "") field.refuse("it takes NAME=VALUE");
    else if (field.value.includes("\0")) field.refuse("it holds a NUL character");
    else {
      if (warning !== null) field.warning(`${field.name}: ${warning}`);
      variables.set(name, value);
    }
  }
  return [...variables].map(([name, value]) => ({ name, value }));
}

/** As in a daemon's name, so that a command can name it behind an @. */
const TAG = /^[\p{L}\p{N}_][\p{L}\p{M}\p{N}_.-]{0,63}$/u;

/** Words, also several divided by blanks; each once. */
export function tags(fields: readonly Field[]): readonly string[] {
  const found = new Set<string>();
  for (const field of fields) {
    const words = field.value.split(/\s+/).filter((word) => word !== "");
    if (words.length === 0) refuseEmpty(field);
    else if (!words.every((word) => TAG.test(word))) {
      field.refuse("a tag is up to 64 letters, digits and _ . -");
    } else for (const word of words) found.add(word);
  }
  return [...found];
}
