import { expect, test } from "bun:test";
import { ReplayGuard } from "../../../lib/legion/packets/replay_guard.ts";
import { StampClock } from "../../../lib/legion/packets/stamp_clock.ts";

const START = 1_800_000_000;

/**
 * The stamps of a node that reads the clock once a second; `walls`: what the wall clock says, seconds after
 * the start.
 */
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

test("however far all clocks are set back or forward together, the others hear on", () => {
  for (const back of [-3600, -30, 5, 30, 59.5, 60, 60.5, 61.1, 61.9, 62.5, 70, 3600]) {
    for (let fraction = 0; fraction < 1000; fraction += 250) {
      const clock = new StampClock(60);
      const guard = new ReplayGuard(60);
      let last = 0;
      let silence = 0;
      for (let now = 0; now < 150_000; now += 300) {
        const wall = 1.8e12 + fraction + now - (now < 20_000 ? 0 : back * 1000);
        const arrival = { uuid: "u", unix: clock.read(wall, now), sequence: null, dead: false };
        if (guard.judge({ ...arrival, wall: wall / 1000, now }) === "news") last = now;
        silence = Math.max(silence, now - last);
      }
      expect([back, silence < 6000]).toEqual([back, true]);
    }
  }
});
