/**
 * Waiting for a condition: looked at every few milliseconds, with a deadline that fails and says what was
 * waited for. Never a wait for time alone.
 */
import { PATIENCE } from "../support/patience.ts";

export class DeadlineError extends Error {
  constructor(what: string, seconds: number, detail: string) {
    super(`waited ${seconds} s in vain: ${what}${detail === "" ? "" : `\n${detail}`}`);
    this.name = "DeadlineError";
  }
}

export interface WaitOptions {
  /** Seconds on a machine that does nothing else; 10 unless told. */
  readonly seconds?: number;
  /** Called when the deadline has passed: the log, say. */
  readonly explain?: () => string;
}

/** Resolves with the first value that is neither null, undefined nor false. */
export async function until<T>(
  what: string,
  look: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  options: WaitOptions = {},
): Promise<T> {
  const seconds = (options.seconds ?? 10) * PATIENCE;
  const deadline = performance.now() + seconds * 1000;
  for (let pause = 1;; pause = Math.min(pause * 1.5, 20)) {
    const value = await look();
    if (value !== null && value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new DeadlineError(what, seconds, options.explain?.() ?? "");
    await Bun.sleep(pause);
  }
}

/**
 * Asserts that a condition keeps holding while `during` happens. For "is not started twice" and the like,
 * where the absence of an event can only be watched; pair it with a condition that proves the supervisor has
 * had its turn.
 */
export async function holds<T>(what: string, condition: () => boolean, during: Promise<T>): Promise<T> {
  let done = false;
  const watch = (async () => {
    while (!done) {
      if (!condition()) throw new Error(`did not hold: ${what}`);
      await Bun.sleep(5);
    }
  })();
  try {
    return await Promise.race([during, watch.then(() => during)]);
  } finally {
    done = true;
    await watch;
  }
}
