/**
 * Any events in any order, impossible ones included: what must hold all the same. Events that a running
 * system would send are the subject of the supervisor's own model.
 */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { DaemonMachine } from "../../lib/daemon/machine.ts";
import { type DaemonEvent, type LifeSettings, STATES } from "../../lib/daemon/state.ts";
import { CONTROL, DUMB, EVENTS, id, SMART, SMART2, type Word } from "./driver.ts";

const RUNS = { numRuns: 1000 };
const process = fc.integer({ min: 2, max: 5 }).map((pid) => id(pid));
const cause = fc.oneof(
  fc.nat({ max: 255 }).map((code) => ({ kind: "exited" as const, code })),
  fc.constant({ kind: "killed" as const, signal: 9 }),
  fc.constant({ kind: "unknown" as const }),
);
const settings: fc.Arbitrary<LifeSettings> = fc.tuple(
  fc.constantFrom(DUMB, SMART, SMART2, CONTROL),
  fc.integer({ min: 1, max: 4 }),
).map(([kind, freq]) => ({ ...kind, freq }));
const planChanged: fc.Arbitrary<DaemonEvent> = fc.record({
  type: fc.constant("planChanged" as const),
  settings,
  next: fc.option(settings, { nil: null }),
  restart: fc.boolean(),
});
const event: fc.Arbitrary<DaemonEvent> = fc.oneof(
  { weight: 1, arbitrary: planChanged },
  fc.constantFrom(...(Object.keys(EVENTS) as Word[]).map((word) => EVENTS[word])),
  process.map((process): DaemonEvent => ({ type: "spawned", process })),
  process.map((process): DaemonEvent => ({ type: "pidfileValid", process })),
  fc.tuple(cause, fc.option(fc.constant("cannot exec"))).map(([cause, failure]): DaemonEvent => ({
    type: "childExited",
    cause,
    failure,
  })),
);
interface Story {
  readonly settings: LifeSettings;
  readonly events: readonly (readonly [DaemonEvent, number])[];
}
const story: fc.Arbitrary<Story> = fc.record({
  settings,
  events: fc.array(fc.tuple(event, fc.nat({ max: 5000 })), { maxLength: 60, size: "max" }),
});

interface Step {
  readonly event: DaemonEvent;
  readonly effects: readonly string[];
  readonly timers: ReadonlySet<string>;
}

function play(
  { settings, events }: Story,
  look: (machine: DaemonMachine, step: Step) => void,
): void {
  const machine = new DaemonMachine(settings);
  const timers = new Set<string>();
  let now = 0;
  for (const [event, pause] of events) {
    now += pause;
    // A timer's event comes from a timer that was set, and only once.
    const timer = { delayElapsed: "delay", deadlinePassed: "deadline", graceElapsed: "grace" }[
      event.type as string
    ];
    if (timer !== undefined && !timers.delete(timer)) continue;
    const effects = machine.handle(event, now);
    for (const effect of effects) {
      if (effect.do === "setTimer") timers.add(effect.timer);
      if (effect.do === "clearTimer") timers.delete(effect.timer);
    }
    look(machine, { event, effects: effects.map((effect) => effect.do), timers });
  }
}

function property(name: string, look: (machine: DaemonMachine, step: Step) => void): void {
  test(name, () => {
    fc.assert(fc.property(story, (told) => play(told, look)), RUNS);
  });
}

property("no event throws, and the state is one of the states", (machine) => {
  expect(STATES).toContain(machine.status.state);
});

property("a daemon that is not wanted gets no spawn", (machine, { effects }) => {
  if (machine.status.desired === "down") expect(effects).not.toContain("spawn");
});

property("one event starts one process at most, and none while one is known", (machine, { effects }) => {
  const spawns = effects.filter((effect) => effect === "spawn").length;
  expect(spawns).toBeLessThanOrEqual(1);
  if (spawns === 1) {
    expect(machine.status.child).toBeNull();
    expect(machine.status.main).toBeNull();
    expect(machine.status.leader).toBeNull();
  }
});

property("a spawn comes from the state starting alone", (machine, { effects }) => {
  if (effects.includes("spawn")) expect(machine.status.state).toBe("starting");
});

property("grace runs exactly while a daemon stops or is killed", (machine, { timers }) => {
  const { state } = machine.status;
  expect(timers.has("grace")).toBe(state === "stopping" || state === "killing");
});

property("delay runs exactly while a daemon waits", (machine, { timers }) => {
  const { state } = machine.status;
  expect(timers.has("delay")).toBe(state === "waiting" || state === "broken");
});

property("deadline runs only while a daemon starts", (machine, { timers }) => {
  if (timers.has("deadline")) expect(machine.status.state).toBe("starting");
});

property("stopped: once an event at most, and then it is down and not wanted", (machine, { effects }) => {
  const stopped = effects.filter((effect) => effect === "stopped").length;
  expect(stopped).toBeLessThanOrEqual(1);
  if (stopped === 1) {
    expect(machine.status.state).toBe("down");
    expect(machine.status.desired).toBe("down");
  }
});

property("only a control daemon ends the instance", (machine, { effects }) => {
  if (effects.includes("controlEnded")) expect(machine.settings.control).toBe(true);
});

test("told to stop, every daemon comes down once its processes are gone, with one stopped", () => {
  fc.assert(
    fc.property(story, ({ settings, events }) => {
      const machine = new DaemonMachine(settings);
      let now = 0;
      for (const [event, pause] of events) machine.handle(event, now += pause);
      let stopped = 0;
      const send = (event: DaemonEvent): void => {
        stopped += machine.handle(event, now).filter((effect) => effect.do === "stopped").length;
      };
      const wasDown = machine.status.state === "down";
      send(EVENTS.unwanted);
      if (machine.status.main !== null && machine.status.main.pid !== machine.status.child?.pid) {
        send(EVENTS.mainExited);
      }
      if (machine.status.child !== null) send(EVENTS.childExited);
      send(EVENTS.emptied);
      expect(machine.status.state).toBe("down");
      expect(stopped).toBe(wasDown ? 0 : 1);
    }),
    RUNS,
  );
});

test("told to stop, every daemon comes down after its graces though nothing of it ever ends", () => {
  fc.assert(
    fc.property(story, ({ settings, events }) => {
      const machine = new DaemonMachine(settings);
      let now = 0;
      for (const [event, pause] of events) machine.handle(event, now += pause);
      machine.handle(EVENTS.unwanted, now);
      for (let graces = 0; machine.status.state !== "down"; graces++) {
        expect(graces).toBeLessThan(3);
        machine.handle(EVENTS.graceElapsed, now += 5000);
      }
    }),
    RUNS,
  );
});
