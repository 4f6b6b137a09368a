import { expect, test } from "bun:test";
import { StampClock } from "../../lib/legion/stamp_clock.ts";

const START = 1_800_000_000;

/** The stamps of a node that reads the clock once a second; `walls`: what the wall clock says, seconds after the start. */
function stamps(walls: readonly number[], tolerance = 60): number[] {
  const clock = new StampClock(tolerance);
  return walls.map((wall, second) => clock.read((START + wall) * 1000, second * 1000) - START);
}

test("stamps are the wall clock's seconds while nobody sets it", () => {
  expect(stamps([0, 1, 2, 3])).toEqual([0, 1, 2, 3]);
});

test("a clock that is set forward is followed at once", () => {
  expect(stamps([0, 1, 500, 501])).toEqual([0, 1, 500, 501]);
});

test("a clock that is set back a little never makes a stamp that others take for old, and is caught up with", () => {
  const read = stamps([0, 1, 2, -2, -1, 0, 1, 2, 3, 4, 5, 6]);
  expect(read).toEqual([0, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]);
});

test("a clock that is set back further than the others tolerate is followed at once", () => {
  expect(stamps([0, 1, -100, -99])).toEqual([0, 1, -100, -99]);
});
