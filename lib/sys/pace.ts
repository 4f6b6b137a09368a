/**
 * A rate of at most one effect in a gap of time: the first comes at once, what is asked for soon after it is
 * held back until the gap is over, and of several the last stands for all. Must never lose the last, nor run
 * one after `cancel`.
 */
import type { Timers } from "./timers.ts";

export interface PaceDeps {
  readonly timers: Timers;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /**
   * An effect is held back for so many milliseconds; called once for each gap, whatever is asked for in it.
   */
  readonly onHeld?: (milliseconds: number) => void;
}

export const SECOND_MS = 1000;

export class Pace {
  readonly #deps: PaceDeps;
  readonly #gap: number;
  /** When the last effect was, monotonic milliseconds. */
  #last: number;
  #held: (() => void) | null = null;
  #timer: { cancel(): void } | null = null;

  /**
   * `afterOne`: an effect has just been, though not through this object; the first one waits for the gap
   * after it.
   */
  constructor(deps: PaceDeps, options: { readonly gap?: number; readonly afterOne?: boolean } = {}) {
    this.#deps = deps;
    this.#gap = options.gap ?? SECOND_MS;
    this.#last = options.afterOne === true ? deps.now() : -Infinity;
  }

  /** Runs `act` now or at the end of the gap; then it takes the place of one that is held already. */
  ask(act: () => void): void {
    const wait = this.#last + this.#gap - this.#deps.now();
    if (this.#timer === null && wait <= 0) {
      this.#last = this.#deps.now();
      return act();
    }
    this.#held = act;
    if (this.#timer !== null) return;
    this.#timer = this.#deps.timers.after(Math.max(0, wait), () => this.runHeld());
    this.#deps.onHeld?.(wait);
  }

  /** Runs now what is held back, for when there is no later. */
  runHeld(): void {
    const act = this.#held;
    this.cancel();
    if (act === null) return;
    this.#last = this.#deps.now();
    act();
  }

  /** Drops what is held back. */
  cancel(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#held = null;
  }
}
