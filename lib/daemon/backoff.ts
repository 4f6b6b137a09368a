/**
 * How long a daemon waits before it is started again. Pure arithmetic; the waiting itself is the supervisor's
 * timer.
 *
 * The formula is uWSGI's (core/daemons.c): a daemon that ended within 3 seconds of its start waits `starts -
 * seconds up`, at least 1 and at most `max_throttle` (default 300) seconds. Two things differ: the wait is
 * not spent in a child, and the count starts again once a daemon has stayed up, where uWSGI's grows for ever.
 */

/** A daemon that was up longer than this, in milliseconds, has stayed up. */
export const STAYED_UP_MS = 3000;

/** The memory of the starts so far. */
export interface Streak {
  /** Starts since the daemon last stayed up. */
  readonly starts: number;
  /** Failed starts in a row: ends within STAYED_UP_MS, or starts that came to nothing. */
  readonly failures: number;
}

export const FRESH_STREAK: Streak = { starts: 0, failures: 0 };

export interface Verdict {
  readonly streak: Streak;
  /** Milliseconds to wait; 0: start again at once. */
  readonly delay: number;
  /** `freq` failed starts in a row: retried at the longest delay only. */
  readonly broken: boolean;
}

/** After an end `upMs` after the start; `failed`: the start came to nothing however long it took. */
export function judgeEnd(
  streak: Streak,
  upMs: number,
  failed: boolean,
  limits: { readonly freq: number; readonly maxThrottle: number },
): Verdict {
  if (!failed && upMs > STAYED_UP_MS) return { streak: FRESH_STREAK, delay: 0, broken: false };
  const failures = streak.failures + 1;
  const cap = Math.max(1, limits.maxThrottle);
  const broken = failures >= Math.max(1, limits.freq);
  const seconds = broken ? cap : clamp(streak.starts - Math.floor(failed ? 0 : upMs / 1000), 1, cap);
  return { streak: { starts: streak.starts, failures }, delay: seconds * 1000, broken };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
