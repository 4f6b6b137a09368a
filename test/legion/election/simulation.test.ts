/**
 * Whole legions in bad weather, one for each seed. A seed that failed is seen again with SEEDS=N-N;
 * SEEDS=1-1000 is what docs/legion.md promises, the gate runs fewer.
 */
import { expect, test } from "bun:test";
import process from "node:process";
import { type Outcome, runChaos } from "./simulated_chaos.ts";

const [FROM, TO] = (process.env["SEEDS"] ?? "1-120").split("-").map(Number) as [number, number];
/** Calm, in tolerances, after which a legion has its lord again: docs/legion.md has the reckoning. */
const SETTLES_WITHIN = 2;

function runAll(late: boolean, every = 1): readonly Outcome[] {
  const seeds = Array.from(
    { length: Math.ceil((TO - FROM + 1) / every) },
    (_, index) => FROM + index * every,
  );
  return seeds.map((seed) => runChaos(seed, late));
}

const failing = (outcomes: readonly Outcome[], fails: (outcome: Outcome) => boolean) =>
  outcomes.filter(fails).map(({ seed, size, forbidden, settledAfter, tolerance }) => ({
    seed,
    size,
    tolerance,
    settledAfter,
    forbidden: forbidden.slice(0, 3),
  }));

test(
  "cut, lossy, asleep, killed and restarted: never two lords that both have a quorum, and one soon after it is over",
  () => {
    const outcomes = runAll(false);
    expect(failing(outcomes, ({ forbidden }) => forbidden.length > 0)).toEqual([]);
    expect(failing(outcomes, ({ brokenPromises }) => brokenPromises > 0)).toEqual([]);
    expect(
      failing(
        outcomes,
        ({ settledAfter, tolerance }) => settledAfter === null || settledAfter > SETTLES_WITHIN * tolerance,
      ),
    ).toEqual([]);
    expect(failing(outcomes, ({ right }) => !right)).toEqual([]);
    // The weather was bad, but lords were made in it.
    expect(outcomes.reduce((sum, { lordships }) => sum + lordships, 0)).toBeGreaterThan(outcomes.length);
  },
  120_000,
);

test(
  "packets that are late by several tolerances: two lords meet for no longer than is promised",
  () => {
    const outcomes = runAll(true, 5);
    expect(failing(outcomes, ({ forbidden }) => forbidden.length > 0)).toEqual([]);
  },
  120_000,
);
