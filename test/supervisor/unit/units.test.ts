/** The daemons of an instance by name: added, replaced and removed while it runs. */
import { expect, test } from "bun:test";
import type { DaemonPlan } from "../../../lib/config/plan/daemon_plan.ts";
import { UnitSet } from "../../../lib/supervisor/unit/units.ts";
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

test("a daemon that is added runs at once, and others are left alone", () => {
  const { world, units, news, names, pid } = running(dumb("a"));
  const a = pid("a");
  units.add(dumb("b"));
  world.settle();
  expect(names()).toEqual(["a", "b"]);
  expect([pid("a"), units.find("b")!.status.state]).toEqual([a, "running"]);
  expect([world.signals, news]).toEqual([[], ["changed"]]);
  expect(() => units.add(dumb("a"))).toThrow('there is a daemon "a" already');
});

test("one of a legion is added standing by, and runs once this node is the lord", () => {
  const { world, units, lordOf } = running();
  units.add(dumb("b", { legion: "blue" }));
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
  units.remove("s");
  world.settle();
  expect(names()).toEqual(["a", "s"]);
  expect(world.signals).toEqual([`15 ${main.id.pid}`]);
  world.advance(3000);
  expect(names()).toEqual(["a"]);
  expect([world.alive.has(main.id.pid), world.gone, news]).toEqual([false, ["s"], ["changed", "s stopped"]]);
  expect([world.watchers, world.followers, world.timers.pending]).toEqual([0, 0, 0]);
  expect(() => units.remove("s")).toThrow('there is no daemon "s"');
});

test("a daemon that is replaced stops first, and the new one has its place, number and person's word", () => {
  const { world, units, names, pid } = running(dumb("a"), dumb("b"), dumb("c"));
  const before = pid("b");
  world.alive.get(before)!.obedient = false;
  world.onSpawn = () => expect(world.alive.has(before)).toBe(false);
  units.replace(dumb("b", { stopTimeout: 9 }));
  world.settle();
  expect([units.find("b")!.plan.stopTimeout, world.launches]).toEqual([3, 3]);
  world.advance(3000);
  expect([units.find("b")!.plan.stopTimeout, world.launches]).toEqual([9, 4]);
  expect([names(), world.numbers.get("b")]).toEqual([["a", "b", "c"], 1]);
  units.setPerson("b", "closed");
  world.settle();
  units.replace(dumb("b"));
  world.settle();
  expect([units.find("b")!.status.state, world.launches]).toEqual(["down", 4]);
});

test("added again while it is being removed: the last word counts", () => {
  const { world, units, names } = running(dumb("a"));
  units.remove("a");
  units.add(dumb("a", { freq: 3 }));
  world.settle();
  expect([names(), units.find("a")!.plan.freq, world.launches]).toEqual([["a"], 3, 2]);
});

test("one that waits for its next start is removed at once", () => {
  const { world, units, names } = running(dumb("a"));
  world.die(units.find("a")!.status.child!.pid);
  expect(units.find("a")!.status.state).toBe("waiting");
  units.remove("a");
  expect([names(), world.timers.pending]).toEqual([[], 0]);
});

test("numbers for the CPUs: in the order of the configuration, and a free one is given again", () => {
  const { world, units } = running(dumb("a"), dumb("b"), dumb("c"));
  units.remove("b");
  world.settle();
  units.add(dumb("d"));
  units.add(dumb("e"));
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
