/**
 * Work that clients have asked for ahead, done a little at a time, so that whatever else the instance has to
 * do comes between. First come, first served.
 */
import type { Timers } from "../sys/timers.ts";

/** Pieces of work before everything else has its turn. */
const AT_ONCE = 8;

export class Turns {
  readonly #timers: Timers;
  readonly #waiting = new Set<() => void>();
  #timer: { cancel(): void } | null = null;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Calls it once, later. */
  ask(run: () => void): { cancel(): void } {
    const turn = (): void => run();
    this.#waiting.add(turn);
    this.#timer ??= this.#timers.after(0, () => this.#run());
    return { cancel: () => void this.#waiting.delete(turn) };
  }

  #run(): void {
    this.#timer = null;
    for (const turn of [...this.#waiting].slice(0, AT_ONCE)) {
      // One before it may have taken it back.
      if (this.#waiting.delete(turn)) turn();
    }
    if (this.#waiting.size > 0) this.#timer ??= this.#timers.after(0, () => this.#run());
  }
}
