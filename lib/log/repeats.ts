/**
 * Log lines that others can cause as often as they like: each kind is said at most once a second, the others
 * of that second are counted and the count is said with the last of them. Must never grow: the kinds are
 * ours, the texts anybody's.
 */
import { SECOND_MS } from "../sys/pace.ts";
import type { Timers } from "../sys/timers.ts";
import type { Level } from "./line_format.ts";

export interface RepeatsDeps {
  readonly timers: Timers;
  readonly log: (level: Level, text: string) => void;
}

interface Quiet {
  count: number;
  say: () => void;
}

export class Repeats {
  readonly #deps: RepeatsDeps;
  /** Kinds that have been said within this second. */
  readonly #quiet = new Map<string, Quiet>();

  constructor(deps: RepeatsDeps) {
    this.#deps = deps;
  }

  /** `kind`: a word of the program, never a part of what others have sent. */
  say(kind: string, level: Level, text: string): void {
    const quiet = this.#quiet.get(kind);
    if (quiet === undefined) {
      this.#deps.log(level, text);
      return this.#open(kind);
    }
    quiet.count += 1;
    const { count } = quiet;
    quiet.say = () => {
      this.#deps.log(
        level,
        count === 1 ? text : `${text} (${count} such lines within a second, this is the last)`,
      );
    };
  }

  /** Says now what is only counted so far, before a program ends. */
  flush(): void {
    for (const { say } of this.#quiet.values()) say();
    this.#quiet.clear();
  }

  #open(kind: string): void {
    const quiet: Quiet = { count: 0, say: () => {} };
    this.#quiet.set(kind, quiet);
    this.#deps.timers.after(SECOND_MS, () => {
      if (this.#quiet.get(kind) !== quiet) return;
      this.#quiet.delete(kind);
      if (quiet.count === 0) return;
      quiet.say();
      this.#open(kind);
    });
  }
}
