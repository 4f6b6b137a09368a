import { expect, test } from "bun:test";
import { Pace } from "../../lib/sys/pace.ts";
import { FakeTimers } from "./fake_timers.ts";

function makePace(options: { afterOne?: boolean; gap?: number } = {}) {
  const timers = new FakeTimers();
  const done: string[] = [];
  const note = (what: string) => () => void done.push(`${timers.now} ${what}`);
  const onHeld = (ms: number): void => void done.push(`${timers.now} held for ${ms}`);
  const pace = new Pace({ timers, now: () => timers.now, onHeld }, options);
  return { timers, done, note, pace };
}

test("the first effect comes at once, and so does one that is asked for a second later", () => {
  const { timers, done, note, pace } = makePace();
  pace.ask(note("a"));
  timers.advance(1000);
  pace.ask(note("b"));
  expect(done).toEqual(["0 a", "1000 b"]);
  expect(timers.pending).toBe(0);
});

test("effects that are asked for within a second are held back, said once, and the last stands for all", () => {
  const { timers, done, note, pace } = makePace();
  pace.ask(note("a"));
  timers.advance(300);
  pace.ask(note("b"));
  pace.ask(note("c"));
  timers.advance(10_000);
  expect(done).toEqual(["0 a", "300 held for 700", "1000 c"]);
});

test("a flood of ten seconds has an effect a second", () => {
  const { timers, done, note, pace } = makePace();
  for (let count = 0; count < 10_000; count++) {
    pace.ask(note("effect"));
    timers.advance(1);
  }
  expect(done.filter((line) => line.endsWith("effect"))).toHaveLength(11);
  expect(done.filter((line) => line.includes("held"))).toHaveLength(10);
});

test("after one of which it was told the first is held back as well", () => {
  const { timers, done, note, pace } = makePace({ afterOne: true, gap: 500 });
  timers.advance(100);
  pace.ask(note("a"));
  timers.advance(400);
  expect(done).toEqual(["100 held for 400", "500 a"]);
});

test("what is held back can be called off, or run before its time", () => {
  const { timers, done, note, pace } = makePace();
  pace.ask(note("a"));
  pace.ask(note("b"));
  pace.cancel();
  pace.runHeld();
  timers.advance(100);
  pace.ask(note("c"));
  pace.runHeld();
  timers.advance(10_000);
  expect(done).toEqual(["0 a", "0 held for 1000", "100 held for 900", "100 c"]);
});

test("an effect that asks for another has it held back", () => {
  const { timers, done, note, pace } = makePace();
  pace.ask(() => {
    note("a")();
    pace.ask(note("b"));
  });
  timers.advance(2000);
  expect(done).toEqual(["0 a", "0 held for 1000", "1000 b"]);
});
