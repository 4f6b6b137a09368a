/** The runner of state tables, with a small machine: a lamp that warms up before it is on. */
import { expect, test } from "bun:test";
import { Machine, type StateTable } from "../../lib/machine/machine.ts";
import { Runner } from "../../lib/machine/runner.ts";
import { stepHandlers, type StepTable } from "../../lib/machine/steps.ts";
import { FakeTimers } from "../sys/fake_timers.ts";

type State = "off" | "warming" | "on";
type Event = { readonly type: "pressed" } | { readonly type: "warm"; readonly watts: number };
type Effect = { readonly do: "light"; readonly watts: number } | { readonly do: "break" };

const TABLE: StateTable<State, Event, Machine<State, Event, Effect, "warmUp">> = {
  off: {
    pressed: (machine) => {
      machine.enter("warming");
      machine.timer("warmUp", 100);
    },
    warm: "ignore",
  },
  warming: {
    pressed: (machine) => {
      machine.clear("warmUp");
      machine.enter("off");
      machine.effect({ do: "break" });
      machine.effect({ do: "light", watts: 0 });
    },
    warm: (machine, { watts }) => {
      machine.effect({ do: "light", watts });
      machine.enter("on");
    },
  },
  on: { pressed: (machine) => machine.enter("off"), warm: "ignore" },
};

function lamp(carryOut?: (effect: Effect) => void, isCareful = false) {
  const timers = new FakeTimers();
  const done: string[] = [];
  const machine = new Machine<State, Event, Effect, "warmUp">(TABLE, { state: "off" });
  const runner = new Runner<Event, Effect, "warmUp">(machine, { warmUp: { type: "warm", watts: 60 } }, {
    now: () => timers.now,
    timers,
    log: (level, text) => void done.push(`${level} ${text}`),
    carryOut: (effect) => {
      done.push(effect.do);
      carryOut?.(effect);
    },
    ...(isCareful ? { failed: (effect: string) => void done.push(`${effect} failed`) } : {}),
  });
  return { timers, done, machine, runner };
}

test("a timer is the event that belongs to it, and the change of state is logged", () => {
  const { timers, done, machine, runner } = lamp();
  runner.handle({ type: "pressed" });
  timers.advance(100);
  expect(machine.status.state).toBe("on");
  expect(done).toEqual(["debug off > warming", "light", "debug warming > on"]);
});

test("a timer that was cleared does not fire, one that is set again fires once", () => {
  const { timers, done, runner } = lamp();
  runner.handle({ type: "pressed" });
  runner.setTimer("warmUp", 300);
  timers.advance(299);
  expect(done).toEqual(["debug off > warming"]);
  runner.handle({ type: "pressed" });
  expect(timers.pending).toBe(0);
});

test("an event that an effect causes waits until all effects of the one before are out", () => {
  const { done, machine, runner } = lamp((effect) => {
    if (effect.do === "break") runner.handle({ type: "pressed" });
  });
  runner.handle({ type: "pressed" });
  runner.handle({ type: "pressed" });
  expect(done.slice(1)).toEqual(["debug warming > off", "break", "light", "debug off > warming"]);
  expect(machine.status.state).toBe("warming");
});

test("what an effect brought about comes before what happened meanwhile", () => {
  const { machine, runner } = lamp((effect) => {
    if (effect.do !== "break") return;
    runner.handle({ type: "warm", watts: 5 });
    runner.handleNext({ type: "pressed" });
  });
  runner.handle({ type: "pressed" });
  runner.handle({ type: "pressed" });
  expect(machine.status.state).toBe("on");
});

test("an effect that fails keeps none of the others back where somebody hears of it", () => {
  const fail = (effect: Effect): void => {
    if (effect.do === "break") throw new Error("it is broken");
  };
  const careful = lamp(fail, true);
  careful.runner.handle({ type: "pressed" });
  careful.runner.handle({ type: "pressed" });
  expect(careful.done.slice(-3)).toEqual(["break", "break failed", "light"]);
  const careless = lamp(fail);
  careless.runner.handle({ type: "pressed" });
  expect(() => careless.runner.handle({ type: "pressed" })).toThrow("it is broken");
  careless.runner.handle({ type: "pressed" });
  expect(careless.machine.status.state).toBe("warming");
});

test("a table of plain data: next state and effects in their order, nothing where it says ignore", () => {
  const steps: StepTable<"shut" | "open", "push" | "pull", "creak" | "bang"> = {
    shut: { push: { next: "open", effects: ["creak", "bang"] }, pull: "ignore" },
    open: { push: "ignore", pull: { next: "shut", effects: [] } },
  };
  const machine = new Machine<"shut" | "open", { readonly type: "push" | "pull" }, {
    readonly do: "creak" | "bang";
  }>(stepHandlers(steps), { state: "shut" });
  expect(machine.handle({ type: "pull" }, 0)).toEqual([]);
  expect(machine.handle({ type: "push" }, 0).map((effect) => effect.do)).toEqual(["log", "creak", "bang"]);
  expect(machine.status.state).toBe("open");
});
