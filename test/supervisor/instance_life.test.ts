/** The life of an instance, told as events; what each leads to, in words. */
import { expect, test } from "bun:test";
import { InstanceLife, LIFE, LIFE_STATES, type LifeEvent } from "../../lib/supervisor/instance_life.ts";

type Word = LifeEvent["type"];

const EVENTS: Readonly<Record<Word, LifeEvent>> = {
  daemonsDue: { type: "daemonsDue" },
  startDone: { type: "startDone" },
  startFailed: { type: "startFailed", isStop: false, code: 3 },
  stopAsked: { type: "stopAsked", code: null },
  stopNowAsked: { type: "stopNowAsked" },
  endAsked: { type: "endAsked", code: 7 },
  controlStopped: { type: "controlStopped", code: 9 },
  reloadAsked: { type: "reloadAsked" },
  reloadGranted: { type: "reloadGranted" },
  daemonsDown: { type: "daemonsDown" },
  handOverFailed: { type: "handOverFailed" },
  legionsClosed: { type: "legionsClosed" },
  exitHooksDone: { type: "exitHooksDone" },
  jailGone: { type: "jailGone" },
};
const END = ["daemonsDown", "legionsClosed", "exitHooksDone", "jailGone"] as const;

function told(...events: readonly (Word | LifeEvent)[]) {
  const life = new InstanceLife();
  const effects = events.map((event) =>
    life.handle(typeof event === "string" ? EVENTS[event] : event, 0).map((effect) => effect.do).filter((
      word,
    ) => word !== "log")
  );
  return { life, effects, last: effects.at(-1), state: life.status.state, code: life.status.code };
}

test("from a stop to the exit: daemons, legions, hooks of the end, jail", () => {
  const { effects, state } = told("daemonsDue", "startDone", "stopAsked", ...END);
  expect(effects).toEqual([
    ["startDaemons"],
    ["tellUp"],
    ["tellStopping", "stopDaemons"],
    ["closeLegions"],
    ["runExitHooks"],
    ["endJail"],
    ["end"],
  ]);
  expect(state).toBe("ended");
});

test("the code is the control daemon's that ended, or that was told to stop; of several the first one's", () => {
  const up = ["daemonsDue", "startDone"] as const;
  expect(told(...up, "endAsked", "controlStopped", ...END).code).toBe(7);
  expect(told(...up, "stopAsked", "controlStopped", { type: "controlStopped", code: 1 }, ...END).code).toBe(
    9,
  );
  expect(told(...up, { type: "stopAsked", code: 0 }, "controlStopped", ...END).code).toBe(0);
});

test("asked again, a stop is at once; the first word after an end of its own is not", () => {
  const up = ["daemonsDue", "startDone"] as const;
  expect(told(...up, "stopAsked", "stopAsked").last).toEqual(["callOffHooks", "killDaemons"]);
  expect(told(...up, "endAsked", "stopAsked").last).toEqual([]);
  expect(told(...up, "endAsked", "stopAsked", "stopAsked").last).toEqual(["callOffHooks", "killDaemons"]);
  expect(told(...up, "stopAsked", "daemonsDown", "stopAsked").last).toEqual(["callOffHooks"]);
  expect(told(...up, "stopNowAsked").last).toEqual([
    "callOffHooks",
    "tellStopping",
    "stopDaemons",
    "killDaemons",
  ]);
});

test("a start that fails before the daemons run ends without hooks of the end; with its code", () => {
  const { effects, code } = told("startFailed", "legionsClosed", "jailGone");
  expect([effects, code]).toEqual([[["closeLegions"], ["endJail"], ["end"]], 3]);
  const stopped = told(
    "stopAsked",
    { type: "startFailed", isStop: true, code: 0 },
    "legionsClosed",
    "jailGone",
  );
  expect([stopped.effects[0], stopped.code]).toEqual([["callOffStart"], 0]);
});

test("a start that fails after the daemons run stops them first; a stop then is an ordinary one", () => {
  const failed = told("daemonsDue", "startFailed", "daemonsDown", "legionsClosed", "jailGone");
  expect(failed.effects.slice(1)).toEqual([["stopDaemons"], ["closeLegions"], ["endJail"], ["end"]]);
  expect(failed.code).toBe(3);
  const stopped = told("daemonsDue", "stopAsked", { type: "startFailed", isStop: true, code: 0 }, ...END);
  expect(stopped.effects.slice(1)).toEqual([
    ["callOffStart", "tellStopping", "stopDaemons"],
    [],
    ["closeLegions"],
    ["runExitHooks"],
    ["endJail"],
    ["end"],
  ]);
});

test("a reload: asked for during the start it waits; what fails goes on; a stop that comes between is a stop", () => {
  expect(told("reloadAsked", "daemonsDue", "startDone").last).toEqual(["tellUp", "checkReload"]);
  const over = ["daemonsDue", "startDone", "reloadAsked", "reloadGranted", "daemonsDown"] as const;
  expect(told(...over).effects.slice(2)).toEqual([["checkReload"], ["stopForReload"], ["handOver"]]);
  expect(told(...over, "handOverFailed")).toMatchObject({ state: "running", last: ["startAgain"] });
  expect(told(...over, "stopAsked", "handOverFailed")).toMatchObject({ state: "stopping", last: [] });
  expect(told(...over.slice(0, 4), "reloadAsked").last).toEqual([]);
});

test("no event leads out of the end, and every state but the end has a way to it", () => {
  for (const event of Object.keys(EVENTS) as Word[]) expect(LIFE.ended[event]).toBe("ignore");
  for (const state of LIFE_STATES) {
    if (state === "ended") continue;
    expect(Object.values(LIFE[state]).some((cell) => cell !== "ignore")).toBe(true);
  }
});
