import { expect, test } from "bun:test";
import fc from "fast-check";
import { INITIAL_SETTINGS } from "../../lib/config/options/daemon_keys.ts";
import { FRESH_STREAK, judgeEnd, STAYED_UP_MS, type Streak } from "../../lib/daemon/backoff.ts";

const LIMITS = { freq: 1000, maxThrottle: INITIAL_SETTINGS.maxThrottle };

/** Delays in seconds of a daemon that ends `upMs` after each start. */
function delays(upMs: number, count: number, limits = LIMITS, failed = false): number[] {
  let streak: Streak = FRESH_STREAK;
  return Array.from({ length: count }, () => {
    const verdict = judgeEnd({ ...streak, starts: streak.starts + 1 }, upMs, failed, limits);
    streak = verdict.streak;
    return verdict.delay / 1000;
  });
}

test("a daemon that ends at once waits a second longer each time, as many as it had starts", () => {
  expect(delays(0, 8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});

test("the seconds that it was up are taken off, and a second is the least", () => {
  expect(delays(2000, 6)).toEqual([1, 1, 1, 2, 3, 4]);
  expect(delays(2999, 4)).toEqual([1, 1, 1, 2]);
  expect(delays(STAYED_UP_MS, 5)).toEqual([1, 1, 1, 1, 2]);
});

test("max_throttle is the longest wait, and never less than a second", () => {
  expect(delays(0, 5, { freq: 1000, maxThrottle: 3 })).toEqual([1, 2, 3, 3, 3]);
  expect(delays(0, 3, { freq: 1000, maxThrottle: 0 })).toEqual([1, 1, 1]);
  expect(delays(0, 400).at(-1)).toBe(INITIAL_SETTINGS.maxThrottle);
});

test("a daemon that was up for more than 3 seconds starts again at once and its count anew", () => {
  const verdict = judgeEnd({ starts: 9, failures: 8 }, STAYED_UP_MS + 1, false, LIMITS);
  expect(verdict).toEqual({ streak: FRESH_STREAK, delay: 0, broken: false });
});

test("a start that came to nothing is a failure however long it took", () => {
  expect(delays(60_000, 3, LIMITS, true)).toEqual([1, 2, 3]);
});

test("after freq failures in a row it is broken and waits the longest time", () => {
  expect(delays(0, 5, { freq: 3, maxThrottle: 60 })).toEqual([1, 2, 60, 60, 60]);
  expect(judgeEnd({ starts: 1, failures: 0 }, 0, false, { freq: 1, maxThrottle: 60 }).broken).toBe(true);
  expect(judgeEnd({ starts: 1, failures: 0 }, 0, false, { freq: 0, maxThrottle: 60 }).broken).toBe(true);
});

test("whatever comes before, the wait is 0 or whole seconds from 1 to the longest", () => {
  const input = fc.record({
    streak: fc.record({ starts: fc.nat({ max: 1e6 }), failures: fc.nat({ max: 1e6 }) }),
    upMs: fc.oneof(fc.nat({ max: 10_000 }), fc.double({ min: 0, max: 1e12, noNaN: true })),
    failed: fc.boolean(),
    limits: fc.record({ freq: fc.nat({ max: 100 }), maxThrottle: fc.nat({ max: 100_000 }) }),
  });
  fc.assert(fc.property(input, ({ streak, upMs, failed, limits }) => {
    const { delay, broken, streak: next } = judgeEnd(streak, upMs, failed, limits);
    const longest = Math.max(1, limits.maxThrottle) * 1000;
    if (!failed && upMs > STAYED_UP_MS) return delay === 0 && !broken && next.starts === 0;
    expect(next.failures).toBe(streak.failures + 1);
    expect(broken).toBe(next.failures >= limits.freq);
    return delay >= 1000 && delay <= longest && delay % 1000 === 0 && (!broken || delay === longest);
  }));
});
