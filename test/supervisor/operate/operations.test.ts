/** What is asked about single daemons, over a world that the test moves. */
import { expect, test } from "bun:test";
import type { DaemonPlan } from "../../../lib/config/plan/daemon_plan.ts";
import type { Action, ActOptions } from "../../../lib/control/api/deps.ts";
import { Refusal } from "../../../lib/control/api/deps.ts";
import { type Change, Changes } from "../../../lib/control/changes.ts";
import { Histories } from "../../../lib/supervisor/operate/histories.ts";
import { Operations } from "../../../lib/supervisor/operate/operations.ts";
import { People } from "../../../lib/supervisor/operate/people.ts";
import { UnitSet } from "../../../lib/supervisor/unit/units.ts";
import { DUMB_PLAN } from "../../support/plans.ts";
import { UnitWorld } from "../unit/world.ts";

interface SceneOptions {
  /** Programs that have not taken the place of the helper yet. */
  readonly isExecuted?: (pid: number) => boolean;
  readonly isLord?: boolean;
  readonly whyNot?: () => string | null;
}

function scene(plans: readonly DaemonPlan[], options: SceneOptions = {}) {
  const world = new UnitWorld();
  const now = (): number => world.timers.now;
  const lines: string[] = [];
  const later: (() => void)[] = [];
  let instanceStops = 0;
  const people = new People({ runFile: null, stateFile: null, boot: "", words: null }, {
    now,
    complain: (text) => void lines.push(text),
  });
  const units = new UnitSet(plans, new Map(), world, {
    isLord: () => options.isLord === true,
    isJailOpen: () => true,
    doorOf: (plan) => people.doorOf(plan),
  });
  const changes = new Changes({ now, changed: () => {} });
  const operations = new Operations({
    units,
    people,
    histories: new Histories(units, { now, monotonic: now }),
    changes,
    logger: { info: (name, text) => void lines.push(`${name}: ${text}`) },
    timers: world.timers,
    now,
    isExecuted: ({ pid }) => options.isExecuted?.(pid) ?? true,
    isLord: () => options.isLord === true,
    stopInstance: () => void instanceStops++,
    whyNot: options.whyNot ?? (() => null),
    later: (run) => void later.push(run),
  });
  const settle = (): void => {
    world.settle();
    for (let next = later.shift(); next !== undefined; next = later.shift()) {
      next();
      world.settle();
    }
  };
  const act = (action: Action, names: readonly string[], more: Partial<ActOptions> = {}): Change => {
    const change = operations.act({
      action,
      names,
      by: "ann",
      withDependents: false,
      ifRunning: false,
      persist: false,
      timeoutMs: null,
      ...more,
    });
    settle();
    return change;
  };
  const start = (): void => {
    units.start();
    settle();
  };
  const state = (name: string): string => units.find(name)?.status.state ?? "gone";
  return { world, units, changes, people, lines, act, start, settle, state, stops: () => instanceStops };
}

const named = (name: string, more: Partial<DaemonPlan> = {}): DaemonPlan => ({ ...DUMB_PLAN, name, ...more });

test("a start is done once the program runs, not when its helper does", () => {
  const executed = new Set<number>();
  const { world, units, act, start, settle } = scene([named("a", { startup: "disabled" })], {
    isExecuted: (pid) => executed.has(pid),
  });
  start();
  const change = act("start", ["a"]);
  expect(change.status).toBe("Doing");
  world.advance(2);
  expect(change.status).toBe("Doing");
  executed.add(units.find("a")?.status.main?.pid ?? 0);
  world.advance(5);
  settle();
  expect(change.status).toBe("Done");
});

test("a start whose helper fails is an error, with its cause", () => {
  const { world, units, act, start, settle } = scene([named("a", { startup: "disabled" })], {
    isExecuted: () => false,
  });
  start();
  const change = act("start", ["a"]);
  world.die(units.find("a")?.status.main?.pid ?? 0, { kind: "exited", code: 125 });
  settle();
  expect(change).toMatchObject({ status: "Error", err: 'cannot start "a": "./d" exited with code 125' });
});

test("what is asked before the daemons are started comes with their start", () => {
  const { act, start, state } = scene([named("a"), named("b")]);
  const stop = act("stop", ["a"]);
  const begin = act("start", ["b"]);
  expect([stop.status, begin.status]).toEqual(["Done", "Doing"]);
  start();
  expect([begin.status, state("a"), state("b")]).toEqual(["Done", "down", "running"]);
});

test("a legion's daemon is held on the lord, which stays the lord; elsewhere a start waits for its turn", () => {
  const lord = scene([named("a", { legion: "blue" })], { isLord: true });
  lord.start();
  const stop = lord.act("stop", ["a"]);
  expect(stop.status).toBe("Done");
  expect(lord.lines).toContain(
    'a: this node stays the Lord of legion "blue": the daemon runs nowhere until it is started',
  );
  const other = scene([named("a", { legion: "blue" })]);
  other.start();
  const begin = other.act("start", ["a"]);
  expect([begin.status, other.state("a")]).toEqual(["Done", "down"]);
  expect(begin.tasks[0]?.log.join()).toContain('another node is the Lord of legion "blue"');
});

test("a glob over a thousand is one change, carried out in pieces", () => {
  const plans = Array.from({ length: 1000 }, (_, index) => named(`d${index}`));
  const { units, act, start } = scene(plans);
  start();
  const change = act("stop", plans.map(({ name }) => name));
  expect([change.status, change.tasks.length]).toEqual(["Done", 1000]);
  expect([...units].every(({ status }) => status.state === "down")).toBe(true);
  expect(change.summary).toBe('Stop "d0", "d1", "d2" and 997 more');
});

test("a second restart that names one more waits for the first, and stops nobody twice", () => {
  const { world, act, start, state } = scene([named("a"), named("b")]);
  world.obedient = false;
  start();
  const first = act("restart", ["a"]);
  const second = act("restart", ["a", "b"]);
  expect(second.id).not.toBe(first.id);
  expect(world.signals.filter((line) => line.includes("15"))).toHaveLength(2);
  expect([first.status, second.status, state("a")]).toEqual(["Doing", "Doing", "stopping"]);
  world.advance(10_000);
  expect([first.status, second.status, state("a"), state("b")]).toEqual([
    "Done",
    "Done",
    "running",
    "running",
  ]);
});

test("if-running leaves alone what does not run", () => {
  const { act, start, state } = scene([named("a", { startup: "disabled" })]);
  start();
  const change = act("restart", ["a"], { ifRunning: true });
  expect([change.status, state("a"), change.tasks[0]?.log.length]).toEqual(["Done", "down", 1]);
  expect(act("restart", ["a"]).status).toBe("Done");
  expect(state("a")).toBe("running");
});

test("refused: a control daemon's stop, a contrary command, and everything while the instance stops", () => {
  let why: string | null = null;
  const { world, act, start, stops } = scene([named("boss", { control: true }), named("a")], {
    whyNot: () => why,
  });
  world.obedient = false;
  start();
  const kindOf = (run: () => unknown): string | null => {
    try {
      run();
      return null;
    } catch (error) {
      return error instanceof Refusal ? `${error.status} ${error.kind}` : "no refusal";
    }
  };
  expect(kindOf(() => act("stop", ["boss", "a"]))).toBe("400 dependents");
  act("restart", ["a"]);
  expect(kindOf(() => act("stop", ["a"]))).toBe("409 busy");
  expect(kindOf(() => act("stop", ["a"], { persist: true }))).toBe("400 bad-request");
  why = "the instance stops";
  expect(kindOf(() => act("start", ["a"]))).toBe("409 conflict");
  why = null;
  expect(stops()).toBe(0);
  act("stop", ["boss"], { withDependents: true });
  expect(stops()).toBe(1);
});
