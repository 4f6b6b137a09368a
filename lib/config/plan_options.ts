/**
 * Typed access to the flattened options: the last of a scalar, all of a list, and values checked as they are read.
 * Every problem goes to the Diagnostics with the origin of its option; nothing throws.
 */
import type { Diagnostics } from "./diagnostic.ts";
import type { Origin, RawOption } from "./origin.ts";

export interface NumberRange {
  readonly min: number;
  readonly max: number;
}

/** Largest number of seconds that a timer of the runtime holds (2^31 - 1 ms). */
export const LONGEST_SECONDS = 2_147_483;

export class OptionReader {
  readonly diagnostics: Diagnostics;
  readonly options: readonly RawOption[];
  readonly #byName = new Map<string, RawOption[]>();

  constructor(options: readonly RawOption[], diagnostics: Diagnostics) {
    this.options = options;
    this.diagnostics = diagnostics;
    for (const option of options) {
      const same = this.#byName.get(option.name);
      if (same === undefined) this.#byName.set(option.name, [option]);
      else same.push(option);
    }
  }

  /** Every option with one of these names, in the order of the configuration. */
  all(...names: readonly string[]): readonly RawOption[] {
    const present = names.filter((name) => this.#byName.has(name));
    if (present.length === 0) return [];
    if (present.length === 1) return this.#byName.get(present[0] ?? "") ?? [];
    return this.options.filter((option) => present.includes(option.name));
  }

  /** The one that counts of a scalar: the last. */
  last(...names: readonly string[]): RawOption | null {
    return this.all(...names).at(-1) ?? null;
  }

  /** The last one's value when it is not empty; an empty one is an error: these options need a value. */
  text(...names: readonly string[]): string | null {
    const option = this.last(...names);
    return option === null ? null : this.needText(option) ? option.value : null;
  }

  /** All values that are not empty; empty ones are errors. */
  texts(...names: readonly string[]): readonly string[] {
    return this.all(...names).filter((option) => this.needText(option)).map((option) => option.value);
  }

  needText(option: RawOption): boolean {
    if (option.value !== "") return true;
    this.diagnostics.error(`option "${option.name}" needs a value`, option.origin);
    return false;
  }

  flag(name: string): boolean {
    const option = this.last(name);
    return option !== null && isTrue(option.value);
  }

  /** A whole number of the last option with one of these names; null when absent or wrong. */
  whole(range: NumberRange, ...names: readonly string[]): number | null {
    const option = this.last(...names);
    return option === null
      ? null
      : parseWhole(option.value, range, option.name, option.origin, this.diagnostics);
  }

  /** Seconds, fractions allowed. */
  seconds(...names: readonly string[]): number | null {
    const option = this.last(...names);
    return option === null ? null : parseSeconds(option.value, option.name, option.origin, this.diagnostics);
  }
}

/** uWSGI's booleans: `false`, `off`, `no` (any case) and `0` are false, anything else is true, the empty value too. */
export function isTrue(value: string): boolean {
  return !/^(?:false|off|no|0)$/i.test(value);
}

export function parseWhole(
  value: string,
  range: NumberRange,
  what: string,
  origin: Origin,
  diagnostics: Diagnostics,
): number | null {
  const text = value.trim();
  const number = /^[+-]?\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (number >= range.min && number <= range.max) return number;
  const wanted = Number.isFinite(range.max) ? `from ${range.min} to ${range.max}` : `of ${range.min} or more`;
  diagnostics.error(`cannot use ${what}=${JSON.stringify(text)}: a whole number ${wanted} is wanted`, origin);
  return null;
}

export function parseSeconds(
  value: string,
  what: string,
  origin: Origin,
  diagnostics: Diagnostics,
): number | null {
  const text = value.trim();
  const number = /^(?:\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : NaN;
  if (number <= LONGEST_SECONDS) return number;
  const detail = `seconds from 0 to ${LONGEST_SECONDS} are wanted, as in 3 or 0.5`;
  diagnostics.error(`cannot use ${what}=${JSON.stringify(text)}: ${detail}`, origin);
  return null;
}

/**
 * Permission bits in octal, as in `022`. uWSGI 2.0 takes three digits, or four of which it ignores the first; it turns
 * fewer into 0 with only a log line. Here `largest` says whether a fourth digit means anything.
 */
export function parseMode(
  value: string,
  largest: 0o777 | 0o7777,
  what: string,
  origin: Origin,
  diagnostics: Diagnostics,
): number | null {
  const text = value.trim();
  const mode = /^[0-7]{3,4}$/.test(text) ? parseInt(text, 8) : NaN;
  if (mode <= largest) return mode;
  const detail = "three or four octal digits are wanted, as in 022";
  diagnostics.error(`cannot use ${what}=${JSON.stringify(text)}: ${detail}`, origin);
  return null;
}
