/**
 * Sorts the flattened list: what reeve serves goes to the Plan, what belongs to an application server is
 * named in one note, what would have run something on its own (cron, mule) in a warning, what belongs to a
 * part not built yet is an error, and a name that nobody knows is probably a mistake.
 */
import type { Diagnostics } from "../diagnostic.ts";
import type { Entry } from "./entry.ts";
import type { OptionRow } from "../options/option_row.ts";
import { isNotRun, NOT_RUN } from "./not_run.ts";
import { allOptionNames, findOption } from "../options/option_table.ts";
import { formatOrigin, type RawOption } from "../origin.ts";
import { mistypedLine } from "./mistyped.ts";
import { quote } from "../problem.ts";
import type { Reader } from "./reader.ts";
import { mentionedWords, undefinedReferences } from "./references.ts";
import { uwsgiNames } from "../options/uwsgi_names.ts";
import { beforeComment, NO_COMMENTS } from "../values/comment.ts";
import { isBoolean, parseBoolean } from "../values/values.ts";

export interface Classified {
  readonly options: readonly RawOption[];
  readonly get: readonly string[];
  readonly printed: readonly string[];
  readonly showConfig: boolean;
  /** Lines whose name is no option and that nothing refers to. */
  readonly unknown: readonly RawOption[];
}

/**
 * A search through all names for each of thousands of unknown ones would cost seconds; the first few are
 * enough.
 */
const MOST_SUGGESTIONS = 20;

export function classify(reader: Reader, diagnostics: Diagnostics): Classified {
  const sorter = new Sorter(reader, diagnostics);
  for (const entry of reader.entries) sorter.sort(entry);
  sorter.report();
  return sorter;
}

class Sorter implements Classified {
  readonly options: RawOption[] = [];
  readonly get: string[] = [];
  readonly printed: string[] = [];
  showConfig = false;
  readonly unknown: RawOption[] = [];

  readonly #reader: Reader;
  readonly #diagnostics: Diagnostics;
  readonly #skipped: Entry[] = [];
  readonly #notRun: Entry[] = [];
  readonly #withoutEffect: { readonly entry: Entry; readonly row: OptionRow }[] = [];
  readonly #later = new Map<string, Entry[]>();
  readonly #unknown = new Map<string, Entry>();

  constructor(reader: Reader, diagnostics: Diagnostics) {
    this.#reader = reader;
    this.#diagnostics = diagnostics;
  }

  sort(entry: Entry): void {
    if (entry.stands !== null) {
      for (const part of entry.stands) this.sort(part);
      return;
    }
    if (entry.placeholder) return;
    const row = findOption(entry.name);
    if (row !== null) this.#sortKnown(entry, row);
    else if (uwsgiNames().has(entry.name)) (isNotRun(entry.name) ? this.#notRun : this.#skipped).push(entry);
    else if (!this.#reader.customOptions.has(entry.name) && !this.#unknown.has(entry.name)) {
      this.#unknown.set(entry.name, entry);
    }
  }

  #sortKnown(entry: Entry, row: OptionRow): void {
    const { value, origin } = entry;
    if (row.served === "later") {
      const part = row.why ?? "a later part";
      this.#later.set(part, [...this.#later.get(part) ?? [], entry]);
    } else if (row.served === "missing") {
      this.#diagnostics.warning(`option ${quote(entry.name)} has no effect: ${row.why}`, origin);
    } else if (row.name === "show-config") {
      this.showConfig = parseBoolean(value);
    } else if (row.name === "get") {
      this.get.push(value);
    } else if (row.name === "print") {
      this.printed.push(value);
    } else if (row.name === "stop" || row.name === "reload") {
      this.#diagnostics.error(`option ${quote(entry.name)} belongs on the command line`, origin);
    } else if (row.name === "log-format" && value !== "json" && value !== "text") {
      this.#skipped.push(entry);
    } else if (row.served === "accepted" || (row.served === "always" && !parseBoolean(value))) {
      this.#withoutEffect.push({ entry, row });
    }
    if (row.type === "bool") this.#checkBoolean(entry);
    this.#findUndefined(entry, row);
    if (!row.language && row.served === "yes" && this.#skipped.at(-1) !== entry) {
      this.options.push({ name: row.name, value, origin });
    }
  }

  /** Anything but false, off, no and 0 is on, as in uWSGI. */
  #checkBoolean({ name, value, origin }: Entry): void {
    const before = beforeComment(value);
    if (isBoolean(value) || before !== null && isBoolean(before) && parseBoolean(before)) return;
    const remedy = before === null || !isBoolean(before)
      ? `, whatever ${quote(value)} means: write ${quote(`${name} = true`)}, or false`
      : `: ${NO_COMMENTS}`;
    this.#diagnostics.warning(`${quote(name)} is on${remedy}`, origin);
  }

  /** uWSGI leaves a reference to nothing as it stands, and so do we: Python's formats look like one. */
  #findUndefined({ name, value, origin, placeholder }: Entry, row: OptionRow): void {
    if (row.served !== "yes" || row.language || placeholder || /^log-(?:format|date)$/.test(row.name)) return;
    for (const key of undefinedReferences(value)) {
      if (this.#reader.first(key) !== null) continue;
      const remedy = key === "_"
        ? "it is the value of a block, and this line is in none that has one"
        : `write ${quote(`${key} = VALUE`)} on a line of its own`;
      this.#diagnostics.warning(
        `%(${key}) in ${quote(name)} stands for nothing, it is left as it is: ${remedy}`,
        origin,
      );
    }
  }

  report(): void {
    this.#reportLater();
    this.#reportUnknown();
    this.#reportNotRun();
    if (this.#skipped.length > 0) {
      const names = listed(this.#skipped);
      this.#diagnostics.note(`skipped, as options of an application server: ${names}`, null);
    }
    if (this.#withoutEffect.length > 0) {
      const reasons = new Map<string, Entry[]>();
      for (const { entry, row } of this.#withoutEffect) {
        reasons.set(row.why ?? "", [...reasons.get(row.why ?? "") ?? [], entry]);
      }
      const text = [...reasons].map(([why, entries]) => `${listed(entries)}: ${why}`).join("; ");
      this.#diagnostics.note(`without effect here: ${text}`, null);
    }
  }

  /** One error a part: who uses it sets many of its options. */
  #reportLater(): void {
    for (const [part, [first, ...others]] of this.#later) {
      if (first === undefined) continue;
      const also = others.length === 0 ? "" : `, as ${others.length === 1 ? "does" : "do"} ${listed(others)}`;
      this.#diagnostics.error(
        `option ${quote(first.name)} needs ${part}, which this version does not have${also}`,
        first.origin,
      );
    }
  }

  /** Every line is named: each is something that somebody counts on. */
  #reportNotRun(): void {
    for (const { names, remedy } of NOT_RUN) {
      const entries = this.#notRun.filter(({ name }) => names.has(name));
      if (entries.length === 0) continue;
      this.#diagnostics.warning(`will not run: ${listed(entries, true)}: ${remedy}`, null);
    }
  }

  /** A name is no mistake where something refers to it; in strict mode it is one all the same. */
  #reportUnknown(): void {
    if (this.#unknown.size === 0) return;
    const used = this.#reader.strict ? new Set<string>() : this.#mentioned();
    let suggestions = 0;
    let names: readonly string[] | null = null;
    for (const [name, { value, origin }] of this.#unknown) {
      if (used.has(name)) continue;
      names ??= [...allOptionNames(), ...this.#reader.customOptions.keys()];
      const known = suggestions++ < MOST_SUGGESTIONS ? names : null;
      const text = mistypedLine(name, value, () => known);
      this.unknown.push({ name, value, origin });
      if (this.#reader.strict) {
        const remedy = '(strict): set a placeholder with "set-ph"';
        this.#diagnostics.error(text ?? `unknown option ${quote(name)} ${remedy}`, origin);
      } else {
        this.#diagnostics.warning(text ?? `unknown option ${quote(name)}, and nothing refers to it`, origin);
      }
    }
  }

  /** The names that were looked up, and those that unexpanded text mentions. */
  #mentioned(): ReadonlySet<string> {
    const used = new Set([...this.#reader.used, ...this.get]);
    for (const entry of this.#reader.entries) {
      for (const word of mentionedWords(entry.value)) used.add(word);
    }
    return used;
  }
}

/**
 * `"socket" (a.ini:3), "module" (:4)`: the file where it changes. A name that comes again is listed with its
 * first line alone, unless `all` are wanted.
 */
function listed(entries: readonly Entry[], all = false): string {
  const seen = new Set<string>();
  const texts: string[] = [];
  let file: string | null = null;
  for (const { name, origin } of entries) {
    if (!all && seen.has(name)) continue;
    seen.add(name);
    const where = origin.file === file ? `:${origin.line}` : formatOrigin(origin);
    texts.push(`${quote(name)} (${where})`);
    file = origin.line > 0 ? origin.file : null;
  }
  return texts.join(", ");
}
