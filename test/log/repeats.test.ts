import { expect, test } from "bun:test";
import { Repeats } from "../../lib/log/repeats.ts";
import { FakeTimers } from "../sys/fake_timers.ts";

function makeRepeats() {
  const timers = new FakeTimers();
  const lines: string[] = [];
  const log = (level: string, text: string): void => void lines.push(`${timers.now} ${level} ${text}`);
  return { timers, lines, repeats: new Repeats({ timers, log }) };
}

test("a line is said at once, and again a second later", () => {
  const { timers, lines, repeats } = makeRepeats();
  repeats.say("kind", "info", "one");
  timers.advance(1000);
  repeats.say("kind", "warning", "two");
  expect(lines).toEqual(["0 info one", "1000 warning two"]);
});

test("the second line within a second is said at its end, of more the last with their count", () => {
  const { timers, lines, repeats } = makeRepeats();
  repeats.say("kind", "info", "one");
  repeats.say("kind", "info", "two");
  timers.advance(1000);
  for (const text of ["three", "four", "five"]) repeats.say("kind", "info", text);
  timers.advance(5000);
  expect(lines).toEqual([
    "0 info one",
    "1000 info two",
    "2000 info five (3 such lines within a second, this is the last)",
  ]);
  expect(timers.pending).toBe(0);
});

test("a flood of ten seconds is eleven lines", () => {
  const { timers, lines, repeats } = makeRepeats();
  for (let count = 0; count < 10_000; count++) {
    repeats.say("kind", "info", "flood");
    timers.advance(1);
  }
  timers.advance(1000);
  expect(lines).toHaveLength(11);
});

test("kinds do not hold one another back", () => {
  const { lines, repeats } = makeRepeats();
  repeats.say("a", "info", "one");
  repeats.say("b", "info", "two");
  expect(lines).toEqual(["0 info one", "0 info two"]);
});

test("what was only counted is said before the end", () => {
  const { timers, lines, repeats } = makeRepeats();
  for (const text of ["one", "two", "three"]) repeats.say("kind", "info", text);
  repeats.flush();
  timers.advance(5000);
  expect(lines).toEqual(["0 info one", "0 info three (2 such lines within a second, this is the last)"]);
});

test("a kind with a burst has so many lines at once, and one more that counts the rest", () => {
  const { timers, lines, repeats } = makeRepeats();
  for (let count = 0; count < 10; count++) repeats.say("kind", "info", `line ${count}`, { burst: 3 });
  timers.advance(1000);
  expect(lines).toEqual([
    "0 info line 0",
    "0 info line 1",
    "0 info line 2",
    "1000 info line 9 (7 such lines within a second, this is the last)",
  ]);
});

test("lines for whoever looks for faults are neither held back nor counted", () => {
  const { lines, repeats } = makeRepeats();
  for (let count = 0; count < 3; count++) repeats.say("kind", "debug", "x");
  repeats.say("kind", "info", "y");
  expect(lines).toEqual(["0 debug x", "0 debug x", "0 debug x", "0 info y"]);
});
