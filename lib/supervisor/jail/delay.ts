/**
 * How long a jail that was lost is waited with before it is made again: as with daemons, longer each time
 * until one has stood a while.
 */
import { FRESH_STREAK, judgeEnd, type Streak } from "../../daemon/backoff.ts";
import type { Timers } from "../../sys/timers.ts";

/** There is no number of failures after which the jail would count as broken. */
const LIMITS = { freq: Number.MAX_SAFE_INTEGER, maxThrottle: 60 };

export class JailDelay {
  readonly #timers: Timers;
  /** Monotonic milliseconds. */
  readonly #now: () => number;
  #streak: Streak = FRESH_STREAK;
  #since = 0;
  #timer: { cancel(): void } | null = null;

  constructor(timers: Timers, now: () => number) {
    this.#timers = timers;
    this.#now = now;
  }

  /** One is made at this instant. */
  making(): void {
    this.#streak = { ...this.#streak, starts: this.#streak.starts + 1 };
    this.#since = this.#now();
  }

  /** One that was there already is gone on with. */
  found(): void {
    this.#since = this.#now();
  }

  /** It is gone. Answers in how many milliseconds `elapsed` is called. */
  begin(elapsed: () => void): number {
    const verdict = judgeEnd(this.#streak, this.#now() - this.#since, false, LIMITS);
    this.#streak = verdict.streak;
    this.#timer = this.#timers.after(verdict.delay, elapsed);
    return verdict.delay;
  }

  cancel(): void {
    this.#timer?.cancel();
  }
}
