/** The daemons of an instance by name: added, replaced and removed while it runs. */
import { expect, test } from "bun:test";
import type { DaemonPlan } from "../../../lib/config/plan/daemon_plan.ts";
import type { UnitChange } from "../../../lib/supervisor/unit/unit.ts";
import { UnitSet, type UnitSteps } from "../../../lib/supervisor/unit/units.ts";
import { DUMB_PLAN, SMART_PLAN } from "../../support/plans.ts";
import { UnitWorld } from "./world.ts";

function dumb(name: string, change: Partial<DaemonPlan> = {}): DaemonPlan {
  return { ...DUMB_PLAN, name, ...change };
}

function running(...plans: readonly DaemonPlan[]) {
  const world = new UnitWorld();
  const lordOf = new Set<string>();
  const units = new UnitSet(plans, new Map(), world, {
    isLord: (legion) => lordOf.has(legion),
    isJailOpen: () => !world.jailIsDown,
  });
  const news: string[] = [];
  units.listen({
    stopped: ({ name }) => void news.push(`${name} stopped`),
    changed: () => news.push("changed"),
  });
  units.start();
  world.settle();
  const names = (): string[] => [...units].map(({ name }) => name);
  const pid = (name: string): number => units.find(name)!.status.child!.pid;
  return { world, units, news, names, pid, lordOf };
}

const NOTHING: UnitSteps = { removed: [], changed: [], unchanged: [], added: [], order: [] };
const SAME = (units: UnitSet): string[] => [...units].map(({ name }) => name);

function add(units: UnitSet, plan: DaemonPlan): void {
  units.carryOut({ ...NOTHING, added: [plan], order: [...SAME(units), plan.name] });
}

function remove(units: UnitSet, name: string, isKept = false): void {
  units.carryOut({
    ...NOTHING,
    removed: [{ name, isKept }],
    order: SAME(units).filter((one) => one !== name),
  });
}

function change(units: UnitSet, name: string, plan: DaemonPlan, how: UnitChange["how"]): void {
  const order = SAME(units).map((one) => one === name ? plan.name : one);
  units.carryOut({ ...NOTHING, changed: [{ name, plan, how }], order });
}

test("a daemon that is added runs at once, and others are left alone", () => {
  const { world, units, news, names, pid } = running(dumb("a"));
  const a = pid("a");
  add(units, dumb("b"));
  world.settle();
  expect(names()).toEqual(["a", "b"]);
  expect([pid("a"), units.find("b")!.status.state]).toEqual([a, "running"]);
  expect([world.signals, news]).toEqual([[], ["changed"]]);
  expect(() => add(units, dumb("a"))).toThrow('there is a daemon "a" already');
});

test("a daemon that is disabled at startup waits until somebody starts it", () => {
  const { world, units } = running(dumb("a"), dumb("b", { startup: "disabled" }));
  expect([...units].map(({ status }) => status.state)).toEqual(["running", "down"]);
  units.start();
  units.refresh();
  world.settle();
  expect(units.find("b")!.status.state).toBe("down");
  units.find("b")!.setGates({ ...units.find("b")!.gates, person: "open" });
  world.settle();
  expect(units.find("b")!.status.state).toBe("running");
});

test("one of a legion is added standing by, and runs once this node is the lord", () => {
  const { world, units, lordOf } = running();
  add(units, dumb("b", { legion: "blue" }));
  expect(units.find("b")!.status.state).toBe("down");
  lordOf.add("blue");
  units.refresh();
  world.settle();
  expect(units.find("b")!.status.state).toBe("running");
});

test("a daemon that is removed is stopped, a smart one too, and is gone once it has", () => {
  const { world, units, news, names } = running(dumb("a"), { ...SMART_PLAN, name: "s" });
  const main = world.fork(0, true);
  const launcher = units.find("s")!.status.child!.pid;
  world.writePidfile(main.id);
  world.die(launcher);
  main.obedient = false;
  remove(units, "s");
  world.settle();
  expect(names()).toEqual(["a", "s"]);
  expect(world.signals).toEqual([`15 ${main.id.pid}`]);
  world.advance(3000);
  expect(names()).toEqual(["a"]);
  expect([world.alive.has(main.id.pid), world.gone, news]).toEqual([false, ["s"], [
    "changed",
    "changed",
    "s stopped",
  ]]);
  expect([world.watchers, world.followers, world.timers.pending]).toEqual([0, 0, 0]);
  expect(() => remove(units, "s")).toThrow('there is no daemon "s"');
});

test("a daemon that is started anew stops as it was, and the new one has its place, number and person's word", () => {
  const { world, units, names, pid } = running(dumb("a"), dumb("b"), dumb("c"));
  const before = pid("b");
  world.alive.get(before)!.obedient = false;
  world.onSpawn = () => expect(world.alive.has(before)).toBe(false);
  change(units, "b", dumb("b", { stopTimeout: 9, stopSignal: 2 }), "restart");
  world.settle();
  expect([units.find("b")!.plan.stopTimeout, world.launches]).toEqual([3, 3]);
  expect(world.signals).toEqual([`15 ${before}`]);
  world.advance(3000);
  expect([units.find("b")!.plan.stopTimeout, world.launches]).toEqual([9, 4]);
  expect([names(), world.numbers.get("b"), units.find("b")!.status.respawns]).toEqual([
    ["a", "b", "c"],
    1,
    1,
  ]);
  units.setPerson("b", "closed");
  world.settle();
  change(units, "b", dumb("b"), "restart");
  world.settle();
  expect([units.find("b")!.status.state, world.launches]).toEqual(["down", 4]);
  units.setPerson("b", "open");
  expect([units.find("b")!.plan.stopTimeout, world.launches]).toEqual([3, 5]);
});

test("what changes while it runs holds at the next stop, and costs no start", () => {
  const { world, units, pid } = running(dumb("a"));
  const before = pid("a");
  change(units, "a", dumb("a", { stopTimeout: 7, stopSignal: 2 }), "live");
  world.settle();
  expect([pid("a"), world.launches, world.signals]).toEqual([before, 1, []]);
  world.alive.get(before)!.obedient = false;
  units.setPerson("a", "closed");
  expect(world.signals).toEqual([`2 ${before}`]);
  world.advance(6999);
  expect(world.alive.has(before)).toBe(true);
  world.advance(1);
  expect(world.alive.has(before)).toBe(false);
});

test("one that is to be another from its next start on runs as it did until then", () => {
  const { world, units, pid } = running(dumb("a"));
  const [before, plan] = [pid("a"), dumb("a", { pidfile: null, chdir: "/new", stopTimeout: 9 })];
  change(units, "a", plan, "later");
  const unit = units.find("a")!;
  expect([pid("a"), unit.plan.chdir, unit.plan.stopTimeout, unit.next]).toEqual([before, null, 9, plan]);
  world.advance(4000);
  world.die(before);
  expect([unit.plan, unit.next, world.launches]).toEqual([plan, null, 2]);
});

test("one whose start fails again and again is tried at once when it becomes another, without its past", () => {
  const { world, units } = running(dumb("a", { freq: 1 }));
  const unit = units.find("a")!;
  world.die(unit.status.child!.pid);
  expect(unit.status.state).toBe("broken");
  change(units, "a", dumb("a", { freq: 1, chdir: "/new" }), "restart");
  expect([unit.status.state, unit.plan.chdir]).toEqual(["running", "/new"]);
  expect(unit.status.streak).toEqual({ starts: 1, failures: 0 });
});

test("daemons that change names keep their processes, and one that leaves makes room", () => {
  const { world, units, names, pid } = running(dumb("a"), dumb("b"), dumb("c"));
  const [a, b, c] = [pid("a"), pid("b"), pid("c")];
  world.alive.get(a)!.obedient = false;
  units.carryOut({
    removed: [{ name: "a", isKept: false }],
    changed: [
      { name: "b", plan: dumb("c"), how: "live" },
      { name: "c", plan: dumb("a"), how: "live" },
    ],
    unchanged: [],
    added: [],
    order: ["c", "a"],
  });
  world.settle();
  expect(names()).toEqual(["c", "a", "a:leaving"]);
  expect([pid("c"), pid("a"), pid("a:leaving")]).toEqual([b, c, a]);
  expect(world.journal.get(b)).toBe("c");
  world.advance(3000);
  expect([names(), world.launches]).toEqual([["c", "a"], 3]);
});

test("daemons that change pidfiles wait for each other's end", () => {
  const plans = ["/p", "/q"].map((pidfile, index) => dumb("ab"[index]!, { kind: "smart2", pidfile }));
  const { world, units, pid } = running(...plans);
  const [a, b] = [pid("a"), pid("b")];
  world.alive.get(a)!.obedient = false;
  units.carryOut({
    ...NOTHING,
    changed: plans.map((plan, index) => ({
      name: plan.name,
      plan: { ...plan, pidfile: plans[1 - index]!.pidfile },
      how: "restart",
    })),
    order: ["a", "b"],
  });
  world.settle();
  expect([world.alive.has(b), world.launches, units.find("b")!.status.state]).toEqual([false, 2, "down"]);
  world.advance(3000);
  expect([pid("a") > b, pid("b") > b, world.launches]).toEqual([true, true, 4]);
  expect([units.find("a")!.plan.pidfile, units.find("b")!.plan.pidfile]).toEqual(["/q", "/p"]);
});

test("a smart daemon that is removed and kept runs on, and nothing of it is watched", () => {
  const { world, units, names } = running({ ...SMART_PLAN, name: "s" });
  const main = world.fork(0, true);
  const launcher = units.find("s")!.status.child!.pid;
  world.writePidfile(main.id);
  world.die(launcher);
  remove(units, "s", true);
  world.settle();
  expect([names(), world.alive.has(main.id.pid), world.signals]).toEqual([[], true, []]);
  expect([world.watchers, world.followers, world.timers.pending]).toEqual([0, 0, 0]);
});

test("one that a person has stopped stays so when it is removed and comes again", () => {
  const { world, units } = running(dumb("a"));
  units.setPerson("a", "closed");
  world.settle();
  remove(units, "a");
  add(units, dumb("a"));
  world.settle();
  expect([units.find("a")!.status.state, world.launches]).toEqual(["down", 1]);
  units.setPerson("a", "open");
  expect(world.launches).toBe(2);
});

test("added again while it is being removed: the last word counts", () => {
  const { world, units, names } = running(dumb("a"));
  remove(units, "a");
  add(units, dumb("a", { freq: 3 }));
  world.settle();
  expect([names(), units.find("a")!.plan.freq, world.launches]).toEqual([["a"], 3, 2]);
});

test("one that waits for its next start is removed at once", () => {
  const { world, units, names } = running(dumb("a"));
  world.die(units.find("a")!.status.child!.pid);
  expect(units.find("a")!.status.state).toBe("waiting");
  remove(units, "a");
  expect([names(), world.timers.pending]).toEqual([[], 0]);
});

test("numbers for the CPUs: in the order of the configuration, and a free one is given again", () => {
  const { world, units } = running(dumb("a"), dumb("b"), dumb("c"));
  remove(units, "b");
  world.settle();
  add(units, dumb("d"));
  add(units, dumb("e"));
  expect([...world.numbers]).toEqual([["a", 0], ["b", 1], ["c", 2], ["d", 1], ["e", 3]]);
});

test("stopped and started by a person; one whose delay runs is started without it", () => {
  const { world, units, pid } = running(dumb("a"));
  units.setPerson("a", "closed");
  world.settle();
  units.setShutdown("reload");
  units.setShutdown("open");
  expect(units.find("a")!.status.state).toBe("down");
  expect(units.setPerson("a", "open")).toBe(true);
  world.die(pid("a"));
  expect(units.find("a")!.status.state).toBe("waiting");
  units.setPerson("a", "open");
  expect(units.find("a")!.status.state).toBe("running");
  expect(units.setPerson("nobody", "open")).toBe(false);
});
