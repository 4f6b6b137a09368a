import { expect, test } from "bun:test";
import fc from "fast-check";
import type { JournalEntry } from "../../lib/records/journal.ts";
import { endedUnseen, findRemainders, type RunningProcess } from "../../lib/records/remainder.ts";

/** A leader that started at 100 and was last seen alive at 200. */
const ENTRY: JournalEntry = {
  name: "d",
  smart: false,
  process: { pid: 50, startTime: 100n },
  uid: 0,
  aliveAt: 200n,
};

function member(pid: number, startTime: bigint, change: Partial<RunningProcess> = {}): RunningProcess {
  return { pid, startTime, session: 50, pgrp: 50, state: "S", ...change };
}

/** Pids that are proved, and those that are doubtful. */
function find(...processes: readonly RunningProcess[]): readonly [number[], number[]] {
  const found = findRemainders([ENTRY], processes);
  return [
    found.flatMap(({ proved }) => proved.map(({ pid }) => pid)),
    found.flatMap(({ doubtful }) => doubtful.map(({ pid }) => pid)),
  ];
}

test("nothing is left: nothing is found", () => {
  expect(find()).toEqual([[], []]);
  expect(find(member(60, 150n, { session: 7, pgrp: 7 }))).toEqual([[], []]);
});

test("the leader itself lives: all of its session is proved", () => {
  expect(find(member(50, 100n), member(60, 900n))).toEqual([[50, 60], []]);
});

test("a member from the leader's lifetime proves the session, and with it those that came later", () => {
  expect(find(member(60, 150n), member(61, 900n))).toEqual([[60, 61], []]);
});

test("a member of its group that made a session of its own counts", () => {
  expect(find(member(60, 150n, { session: 60 }))).toEqual([[60], []]);
});

test("members from after the leader was last seen prove nothing and are left alone", () => {
  expect(find(member(60, 201n), member(61, 900n))).toEqual([[], [60, 61]]);
});

test("the leader's number in other hands, as leader of a new session, is left alone", () => {
  expect(find(member(50, 900n), member(60, 901n))).toEqual([[], [50, 60]]);
});

test("what was there before the leader is none of its", () => {
  expect(find(member(60, 99n))).toEqual([[], []]);
});

test("zombies need nobody to end them", () => {
  expect(find(member(60, 150n, { state: "Z" }))).toEqual([[], []]);
});

test("a smart daemon that ended unseen has remainders; one that runs, or whose session another leads now, has none", () => {
  const smart = { ...ENTRY, smart: true, pidfile: "/run/d.pid" };
  const worker = member(70, 150n);
  const ended = (processes: readonly RunningProcess[], living: readonly number[] = []) =>
    endedUnseen([smart], processes, new Set(living));
  expect(ended([worker])).toEqual([smart]);
  expect(ended([worker, { ...worker, pid: 50, startTime: ENTRY.process.startTime }])).toEqual([]);
  expect(ended([worker], [70])).toEqual([]);
  // A dumb one has a rule of its own, and of several on record the last one is the daemon.
  expect(endedUnseen([ENTRY], [worker], new Set())).toEqual([]);
  const later = { ...smart, process: { pid: 80, startTime: 120n } };
  expect(endedUnseen([smart, later], [worker], new Set())).toEqual([later]);
});

test("whatever runs: nothing is proved by processes that began after the leader was last seen", () => {
  const process = fc.record({
    pid: fc.integer({ min: 2, max: 90 }),
    startTime: fc.bigInt({ min: 201n, max: 999n }),
    session: fc.constantFrom(50, 60),
    pgrp: fc.constantFrom(50, 60),
    state: fc.constantFrom("S", "Z", "R"),
  });
  fc.assert(fc.property(fc.array(process), (processes) => {
    expect(find(...processes)[0]).toEqual([]);
  }));
});
