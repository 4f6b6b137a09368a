/**
 * Log lines that others can cause as often as they like: each kind is said at most once a second, or so often
 * as its burst allows; the others of that second are counted, and the count is said with the last of them.
 * Must never grow: the kinds are ours, the texts anybody's.
 */
import { SECOND_MS } from "../sys/pace.ts";
import type { Timers } from "../sys/timers.ts";
import type { Fields, Level } from "./line_format.ts";

export interface RepeatsDeps {
  readonly timers: Timers;
  /** `daemon`: the name of the daemon that it is about, null for reeve itself. */
  readonly log: (level: Level, text: string, daemon: string | null, fields?: Fields) => void;
}

export interface RepeatsOptions {
  /** Lines that are said at once before others are counted; one unless told. */
  readonly burst?: number;
  readonly daemon?: string | null;
  readonly fields?: Fields;
}

/** The lines of one kind that were said and counted within this second. */
interface Second {
  said: number;
  counted: number;
  sayLast: () => void;
}

export class Repeats {
  readonly #deps: RepeatsDeps;
  /** By kind. */
  readonly #seconds = new Map<string, Second>();

  constructor(deps: RepeatsDeps) {
    this.#deps = deps;
  }

  /** `kind`: a word of the program or a name of the configuration, never a part of what others have sent. */
  say(kind: string, level: Level, text: string, options: RepeatsOptions = {}): void {
    const { burst = 1, daemon = null, fields } = options;
    // Nobody reads it but who looks for all of it.
    if (level === "debug") return this.#deps.log(level, text, daemon, fields);
    const second = this.#seconds.get(kind) ?? this.#open(kind);
    if (second.said < burst) {
      second.said += 1;
      return this.#deps.log(level, text, daemon, fields);
    }
    second.counted += 1;
    const { counted } = second;
    const count = counted === 1 ? "" : ` (${counted} such lines within a second, this is the last)`;
    second.sayLast = () => this.#deps.log(level, `${text}${count}`, daemon, fields);
  }

  /** Says now what is only counted so far, before a program ends. */
  flush(): void {
    for (const { sayLast } of this.#seconds.values()) sayLast();
    this.#seconds.clear();
  }

  #open(kind: string): Second {
    const second: Second = { said: 0, counted: 0, sayLast: () => {} };
    this.#seconds.set(kind, second);
    this.#deps.timers.after(SECOND_MS, () => {
      if (this.#seconds.get(kind) !== second) return;
      this.#seconds.delete(kind);
      if (second.counted === 0) return;
      second.sayLast();
      this.#open(kind).said = 1;
    });
    return second;
  }
}
