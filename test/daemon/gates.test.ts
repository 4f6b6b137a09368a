/** What keeps a daemon down, and what follows from it for daemons of each kind. */
import { expect, test } from "bun:test";
import { closedGates, desiredOf, type Gates, OPEN, standsBy, wishOf } from "../../lib/daemon/gates.ts";
import { DUMB, SMART } from "./driver.ts";

const OF_LEGION = { ...SMART, legion: "blue" };
const STOP = { to: "stop", reason: "stop", signal: 15 } as const;
const RUN = { to: "run", notify: null } as const;

function gates(change: Partial<Gates>): Gates {
  return { ...OPEN, ...change };
}

test("each of a person, a legion and a requirement is enough to stop any daemon", () => {
  for (const settings of [DUMB, SMART, OF_LEGION]) {
    for (const gate of ["person", "legion", "requirement"] as const) {
      expect(wishOf(gates({ [gate]: "closed" }), settings)).toEqual(STOP);
    }
  }
});

test("a jail that is not there stops nothing: what is to start waits", () => {
  expect(wishOf(gates({ jail: "closed" }), DUMB)).toEqual(RUN);
  expect(desiredOf(gates({ jail: "closed" }), DUMB)).toBe("up");
});

test("a stop lets a smart daemon go on, told so when it asked for it; no other, and none where nothing survives", () => {
  const stop = gates({ shutdown: "stop" });
  expect(wishOf(stop, SMART)).toEqual({ to: "goOn", signal: null });
  expect(wishOf(stop, { ...SMART, notifyPid: true })).toEqual({ to: "goOn", signal: 15 });
  expect([wishOf(stop, DUMB), wishOf(stop, OF_LEGION)]).toEqual([STOP, STOP]);
  expect(wishOf(gates({ shutdown: "stopAll" }), SMART)).toEqual(STOP);
});

test("a reload keeps a smart daemon, and stops the others by their reload signal", () => {
  const reload = gates({ shutdown: "reload" });
  expect(wishOf(reload, SMART)).toEqual(RUN);
  expect(wishOf(reload, { ...SMART, notifyPid: true })).toEqual({ to: "run", notify: 1 });
  expect(wishOf(reload, { ...SMART, notifyPid: true, reloadSignal: 12 })).toEqual({ to: "run", notify: 12 });
  expect(wishOf(reload, { ...DUMB, reloadSignal: 2 })).toEqual({ to: "stop", reason: "reload", signal: 2 });
  expect(wishOf(reload, OF_LEGION)).toEqual({ to: "stop", reason: "reload", signal: 15 });
});

test("what a person has stopped is neither kept nor let go by the end of the instance", () => {
  for (const shutdown of ["open", "reload", "stop", "stopAll"] as const) {
    expect(wishOf(gates({ person: "closed", shutdown }), SMART)).toEqual(STOP);
  }
});

test("only a legion's daemon whose legion alone keeps it down is looked after", () => {
  expect(standsBy(gates({ legion: "closed" }))).toBe(true);
  expect(standsBy(gates({ legion: "closed", jail: "closed" }))).toBe(true);
  expect(standsBy(gates({}))).toBe(false);
  for (const other of [{ person: "closed" }, { requirement: "closed" }, { shutdown: "reload" }] as const) {
    expect(standsBy(gates({ legion: "closed", ...other }))).toBe(false);
  }
});

test("the closed gates by name", () => {
  expect(closedGates(OPEN)).toEqual([]);
  expect(closedGates(gates({ jail: "closed", shutdown: "stop" }))).toEqual(["jail", "shutdown"]);
});
