/** The life of a jail: every path ends where it should, and no init is ever forgotten. */
import { expect, test } from "bun:test";
import {
  JAIL_EVENTS,
  JAIL_STATES,
  JAIL_TRANSITIONS,
  type JailEffect,
  type JailEvent,
  type JailState,
  type JailStep,
} from "../../lib/jail/life.ts";

function walk(...events: JailEvent[]): { state: JailState; effects: JailEffect[] } {
  let state: JailState = "down";
  const effects: JailEffect[] = [];
  for (const event of events) {
    const step: JailStep | "ignore" = JAIL_TRANSITIONS[state][event];
    if (step === "ignore") continue;
    state = step.next;
    effects.push(...step.effects);
  }
  return { state, effects };
}

test("made, entered, open", () => {
  expect(walk("wanted", "ready", "entered")).toEqual({ state: "up", effects: ["make", "enter", "open"] });
});

test("one that was found is open at once, and nothing of a new one is run", () => {
  expect(walk("adopted")).toEqual({ state: "up", effects: ["open"] });
});

test("lost: shut when it is seen to end, made again only when it is gone", () => {
  const up: JailEvent[] = ["wanted", "ready", "entered"];
  expect(walk(...up, "dying").effects.slice(3)).toEqual(["shut"]);
  expect(walk(...up, "dying", "gone", "delayElapsed").effects.slice(3)).toEqual(["shut", "delay", "make"]);
  expect(walk(...up, "gone", "delayElapsed", "ready", "entered").effects.slice(3)).toEqual([
    "shut",
    "delay",
    "make",
    "enter",
    "open",
  ]);
});

test("hooks of a new jail that fail give it up", () => {
  expect(walk("wanted", "ready", "enteringFailed", "gone")).toEqual({
    state: "waiting",
    effects: ["make", "enter", "kill", "delay"],
  });
});

test("told to end, in every state: an init that there is gets killed, and the end is told once it is gone", () => {
  const withInit = new Set<JailState>(["making", "entering", "up", "dying"]);
  for (const state of JAIL_STATES) {
    const step = JAIL_TRANSITIONS[state].unwanted;
    if (state === "ending") expect(step).toBe("ignore");
    else if (withInit.has(state)) {
      expect(step).toMatchObject({ next: "ending" });
      expect(step !== "ignore" && step.effects.at(-1)).toBe("kill");
    } else expect(step !== "ignore" && step.effects.at(-1)).toBe("ended");
  }
  expect(JAIL_TRANSITIONS.ending.gone).toEqual({ next: "down", effects: ["ended"] });
});

test("an init is made only where there is none, and its end is never passed over where there is one", () => {
  const hasInit: Record<JailState, boolean> = {
    down: false,
    making: true,
    entering: true,
    up: true,
    dying: true,
    waiting: false,
    ending: true,
  };
  for (const state of JAIL_STATES) {
    for (const event of JAIL_EVENTS) {
      const step = JAIL_TRANSITIONS[state][event];
      if (step === "ignore") continue;
      if (step.effects.includes("make")) expect(hasInit[state]).toBe(false);
      if (hasInit[state] && !hasInit[step.next]) expect(event).toBe("gone");
    }
    if (hasInit[state]) expect(JAIL_TRANSITIONS[state].gone).not.toBe("ignore");
  }
});

test("daemons are let in and shut out in turn", () => {
  for (const state of JAIL_STATES) {
    for (const event of JAIL_EVENTS) {
      const step = JAIL_TRANSITIONS[state][event];
      if (step === "ignore") continue;
      if (step.effects.includes("open")) expect([state, step.next]).toEqual([state, "up"]);
      if (state === "up" && event !== "unwanted") expect(step.effects[0]).toBe("shut");
    }
  }
});
