/**
 * Typed access to the flattened options, which have their canonical names: the last of a scalar, all of a
 * list, and values checked as they are read. Every problem goes to the Diagnostics with the origin of its
 * option; nothing throws.
 */
import type { Diagnostics } from "../diagnostic.ts";
import type { RawOption } from "../origin.ts";
import { Field } from "./field.ts";
import { parseBoolean, parseDuration, parseInteger, type Range } from "./values.ts";

/** Largest number of seconds that a timer of the runtime holds (2^31 - 1 ms). */
const LONGEST_SECONDS = 2_147_483;

export class OptionReader {
  readonly diagnostics: Diagnostics;
  readonly options: readonly Field[];
  readonly #byName = new Map<string, Field[]>();

  constructor(options: readonly RawOption[], diagnostics: Diagnostics) {
    this.options = options.map((option) => new Field(option, diagnostics));
    this.diagnostics = diagnostics;
    for (const option of this.options) {
      const same = this.#byName.get(option.name);
      if (same === undefined) this.#byName.set(option.name, [option]);
      else same.push(option);
    }
  }

  /** Whether an option's name begins so. */
  hasAny(prefixes: readonly string[]): boolean {
    for (const name of this.#byName.keys()) {
      for (const prefix of prefixes) if (name.startsWith(prefix)) return true;
    }
    return false;
  }

  /** Every option with one of these names, in the order of the configuration. */
  all(...names: readonly string[]): readonly Field[] {
    // Most of the many questions are for one name, and most of the answers are none.
    if (names.length === 1) return this.#byName.get(names[0] ?? "") ?? [];
    const present = names.filter((name) => this.#byName.has(name));
    if (present.length === 0) return [];
    if (present.length === 1) return this.#byName.get(present[0] ?? "") ?? [];
    return this.options.filter((option) => present.includes(option.name));
  }

  /** The one that counts of a scalar: the last. */
  last(...names: readonly string[]): Field | null {
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
    return option !== null && parseBoolean(option.value);
  }

  /** A whole number of the last option with one of these names; null when absent or wrong. */
  whole(range: Range, ...names: readonly string[]): number | null {
    const option = this.last(...names);
    return option === null ? null : parseInteger(option, this.diagnostics, range);
  }

  /** Seconds, with fractions or a unit. */
  seconds(...names: readonly string[]): number | null {
    const option = this.last(...names);
    return option === null ? null : parseSeconds(option, this.diagnostics);
  }
}

/** Seconds with a fraction or a unit, no longer than a timer can be; null after an error. */
export function parseSeconds(option: RawOption, diagnostics: Diagnostics): number | null {
  const seconds = parseDuration(option, diagnostics);
  return seconds === null ? null : Math.min(seconds, LONGEST_SECONDS);
}
