/**
 * Readers of the values that keys of a daemon have. Pure. Each takes a Field and returns null after an error,
 * or where the value means what the key's absence means.
 */
import { parseCapabilities } from "./capabilities.ts";
import type { Field } from "./field.ts";
import { parseSeconds } from "./options.ts";
import { isBoolean, parseBoolean, parseInteger, type Range, readNumber } from "./values.ts";
import { quote } from "../problem.ts";
import { parseSignal } from "../../sys/signal_names.ts";

/** uWSGI's switches: any value enables them, `0` as well. */
export function presence(field: Field): true {
  const { name, value } = field;
  if (value !== "" && !parseBoolean(value)) {
    field.warning(`"${name}=${value}" enables ${name} all the same, as in uWSGI: leave the key out`);
  } else warnOfBoolean(field);
  return true;
}

function warnOfBoolean(field: Field): void {
  const { name, value } = field;
  if (isBoolean(value)) return;
  field.warning(`"${name}" is on, whatever ${quote(value)} means: write "${name}=1", or leave the key out`);
}

/** Switches that uWSGI does not have: they mean what they say. */
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

/** Names or numbers joined by ";"; "none" keeps none. */
export function capabilities(field: Field): readonly number[] {
  if (field.value === "none") return [];
  const words = field.value.split(";");
  if (words.every((word) => word.trim() === "")) {
    field.error(`cannot use ${field.name}: its value is empty: write "${field.name}=none" to keep none`);
  }
  return parseCapabilities(words, field.origin, field.diagnostics);
}
