/**
 * The three passes over the values once everything is read: `$(VARIABLE)`, then `@(file)`, then
 * `%(placeholder)`. Effects (the environment, files) come in through Lookups. A reference to itself, which
 * makes uWSGI hang, is an error that names the cycle.
 */
import { calculate } from "./arithmetic.ts";
import type { Diagnostics } from "../diagnostic.ts";
import type { Entry } from "./entry.ts";
import { DEEPEST, LONGEST_VALUE, MOST_EXPANDED } from "../limits.ts";
import type { Origin } from "../origin.ts";
import { quote } from "../problem.ts";
import { replaceReferences, type Sigil } from "./references.ts";

export interface Lookups {
  /** Value of an environment variable, or null. */
  variable(name: string): string | null;
  /** Content of @(...), without its last line end; null once a problem was reported. */
  source(name: string, origin: Origin): string | null;
  /** The first entry of a name: %(name) sees the first one, though the last one wins as an option. */
  first(name: string): Entry | null;
}

/** A variable's name as a shell has it, and a default behind `:-`, which no command has in its first word. */
const WITH_DEFAULT = /^([A-Za-z_][A-Za-z0-9_]*):-(.*)$/s;

export class Expander {
  readonly #lookups: Lookups;
  readonly #diagnostics: Diagnostics;
  /** The expansions under way, outermost first: names, variables or files. */
  readonly #open: { readonly what: Entry | string; readonly shown: string }[] = [];
  readonly #expanded = new Set<Entry>();
  #produced = 0;

  constructor(lookups: Lookups, diagnostics: Diagnostics) {
    this.#lookups = lookups;
    this.#diagnostics = diagnostics;
  }

  /** Expands the value of every entry that is not settled, in place. */
  expandAll(entries: readonly Entry[]): void {
    for (const sigil of ["$", "@"] as const) {
      const opening = `${sigil}(`;
      for (const entry of entries) {
        if (!entry.settled && entry.value.includes(opening)) {
          entry.value = this.#expand(entry.value, sigil, entry.origin);
        }
      }
    }
    for (const entry of entries) {
      if (!entry.settled && entry.value.includes("%(")) this.#valueOf(entry, entry.origin);
    }
  }

  #expand(text: string, sigil: Sigil, origin: Origin): string {
    const result = replaceReferences(text, sigil, (key) => this.#resolve(key, sigil, origin));
    this.#produced += result.length;
    if (result.length > LONGEST_VALUE) {
      this.#diagnostics.fail(
        `cannot expand this value: it becomes longer than ${LONGEST_VALUE} characters`,
        origin,
      );
    }
    if (this.#produced > MOST_EXPANDED) {
      this.#diagnostics.fail(
        `cannot expand this value: all values together become longer than ${MOST_EXPANDED} characters`,
        origin,
      );
    }
    return result;
  }

  #resolve(key: string, sigil: Sigil, origin: Origin): string | null {
    switch (sigil) {
      case "$":
        return this.#variable(key, origin);
      case "@":
        return this.#source(key, origin);
      case "%":
        return this.#placeholder(key, origin);
    }
  }

  /**
   * `$(NAME)` where NAME is set, and uWSGI 2.1's `$(NAME:-default)` where it is not, or is empty. Everything
   * else is the shell's: `$(hostname -f)` and `$(redis-cli)` are commands, and uWSGI 2.0 leaves them as they
   * are.
   */
  #variable(key: string, origin: Origin): string | null {
    const whole = this.#lookups.variable(key);
    if (whole !== null) return this.#within(`$(${key})`, null, whole, "$", origin);
    const parts = WITH_DEFAULT.exec(key);
    if (parts === null) return null;
    const [, name = "", otherwise = ""] = parts;
    const value = this.#lookups.variable(name);
    return value === null || value === "" ? otherwise : this.#within(`$(${name})`, null, value, "$", origin);
  }

  /**
   * The name may hold placeholders, which uWSGI does not expand: it would look for a file of that very name.
   */
  #source(key: string, origin: Origin): string | null {
    const name = key.includes("%(") ? this.#expand(key, "%", origin) : key;
    const content = this.#lookups.source(name, origin);
    return content === null ? null : this.#within(`@(${name})`, null, content, "@", origin);
  }

  /** uWSGI: with a "%" left in it, it is no reference. */
  #placeholder(key: string, origin: Origin): string | null {
    if (key.includes("%")) return null;
    const valueOf = (name: string): string | null => {
      const entry = this.#lookups.first(name);
      return entry === null ? null : this.#valueOf(entry, origin);
    };
    return key.includes(" ") ? calculate(key, valueOf) : valueOf(key);
  }

  #valueOf(entry: Entry, origin: Origin): string {
    if (this.#expanded.has(entry) || !entry.value.includes("%(")) return entry.value;
    const value = this.#within(`%(${entry.name})`, entry, entry.value, "%", origin);
    if (entry.settled || value === null) return value ?? entry.value;
    entry.value = value;
    this.#expanded.add(entry);
    return value;
  }

  /** Expands what a reference stands for; null, after an error, where that leads back to itself. */
  #within(shown: string, entry: Entry | null, text: string, sigil: Sigil, origin: Origin): string | null {
    if (!text.includes(`${sigil}(`)) return text;
    return this.#guard(shown, entry, origin, () => this.#expand(text, sigil, origin));
  }

  /** An entry is told from others of its name; everything else is what it is called. */
  #guard(shown: string, entry: Entry | null, origin: Origin, action: () => string | null): string | null {
    const what = entry ?? shown;
    const seen = this.#open.findIndex((open) => open.what === what);
    if (seen >= 0) {
      const cycle = [...this.#open.slice(seen).map((open) => open.shown), shown].map(quote).join(" > ");
      this.#diagnostics.error(`cannot expand ${quote(shown)}: it refers to itself: ${cycle}`, origin);
      return null;
    }
    if (this.#open.length >= DEEPEST) {
      this.#diagnostics.fail(
        `cannot expand ${quote(shown)}: references are nested more than ${DEEPEST} deep`,
        origin,
      );
    }
    this.#open.push({ what, shown });
    try {
      return action();
    } finally {
      this.#open.pop();
    }
  }
}
