import { afterEach, expect, test } from "bun:test";
import { closeSync } from "node:fs";
import { type Restored, restoreState, saveState } from "../../lib/records/handover.ts";
import { OPEN } from "../../lib/daemon/gates.ts";
import { DaemonUnit } from "../../lib/supervisor/unit/unit.ts";
import { memfdOf } from "../../lib/sys/file/memfd.ts";
import { JAIL_PLAN } from "../jail/plans.ts";
import { DUMB_PLAN, SMART2_PLAN, SMART_PLAN } from "../support/plans.ts";
import { UnitWorld } from "../supervisor/unit/world.ts";

const fds: number[] = [];
afterEach(() => {
  for (const fd of fds.splice(0)) closeSync(fd);
});

function running(name: string, pidfile: string, plan = SMART2_PLAN): { unit: DaemonUnit; world: UnitWorld } {
  const world = new UnitWorld();
  world.advance(5000);
  const pidfileOf = plan.kind === "dumb" ? null : pidfile;
  const unit = new DaemonUnit({ plan: { ...plan, name, pidfile: pidfileOf } }, world, world);
  unit.start(OPEN);
  world.settle();
  return { unit, world };
}

function restore(bytes: Uint8Array, wanted: Readonly<Record<string, string | null>>, now = 0): Restored {
  const fd = memfdOf("test-state", bytes);
  fds.push(fd);
  return restoreState(fd, new Map(Object.entries(wanted)), now);
}

test("what was saved is restored: status, identity, and the age by the new image's clock", () => {
  const { unit, world } = running("a", "/a.pid");
  const { units, left } = restore(saveState([unit], null, world.now() + 700), { a: "/a.pid" }, 40);
  const { gates: _, held: __, nextStart: ___, ...kept } = unit.status;
  expect(units.get("a")).toEqual({
    status: { ...kept, since: 40 - 700 },
    known: unit.known,
    person: "open",
    startedAs: { digest: unit.startedAs!.digest(), command: "./d" },
  });
  expect(typeof units.get("a")?.status?.child?.startTime).toBe("bigint");
  expect(left).toEqual([]);
});

test("every start time comes through exactly, beyond what a number holds", () => {
  const { unit, world } = running("a", "/a.pid");
  const startTime = (1n << 63n) - 1n;
  unit.machine.status.main = { pid: 7, startTime };
  const { units } = restore(saveState([unit], null, world.now()), { a: "/a.pid" });
  expect(units.get("a")?.status?.main?.startTime).toBe(startTime);
});

test("a dumb daemon that a person has stopped stays stopped, by its name", () => {
  const { unit, world } = running("a", "", DUMB_PLAN);
  unit.setGates({ ...OPEN, person: "closed" });
  world.settle();
  const { units } = restore(saveState([unit], null, world.now()), { a: null, b: null });
  expect([...units]).toEqual([["a", { status: null, known: null, person: "closed", startedAs: null }]]);
});

test("a dumb daemon that the reload keeps is handed over by the name that it is to have, and how it was started", () => {
  const { unit, world } = running("a", "", DUMB_PLAN);
  const fates = new Map([["a", { kind: "keep", name: "b", pidfile: null } as const]]);
  const { units, left } = restore(saveState([unit], null, world.now(), null, fates), { b: null });
  expect([units.get("b")?.status?.child, left]).toEqual([unit.status.child, []]);
  const [same, other] = [{}, { noNewPrivs: true }].map((change) => {
    const options = { plan: { ...unit.plan, ...change }, restored: units.get("b")! };
    return new DaemonUnit(options, world, world);
  });
  expect([same?.next, other?.next]).toEqual([null, { ...unit.plan, noNewPrivs: true }]);
});

test("a daemon that the reload stops is not handed over, a smart one neither", () => {
  const { unit, world } = running("a", "/a.pid");
  const fates = new Map([["a", { kind: "stop" } as const]]);
  const { units, left } = restore(saveState([unit], null, world.now(), null, fates), { a: "/a.pid" });
  expect([units.size, left]).toEqual([0, []]);
});

test("dumb daemons are not handed over", () => {
  const { unit, world } = running("a", "", DUMB_PLAN);
  expect(restore(saveState([unit], null, world.now()), { a: null })).toEqual({
    units: new Map(),
    left: [],
    jail: null,
    operations: null,
  });
});

test("a daemon that is no longer configured is told of when it runs, and only then", () => {
  const { unit, world } = running("a", "/a.pid");
  const idle = new DaemonUnit({ plan: { ...SMART_PLAN, name: "idle", pidfile: "/idle.pid" } }, world, world);
  const { units, left } = restore(saveState([unit, idle], null, world.now()), { b: "/b.pid" });
  expect(units.size).toBe(0);
  expect(left).toEqual([{ name: "a", pid: unit.status.child!.pid }]);
});

test("names that shift because another daemon came before change nothing: the pidfile says who is who", () => {
  const first = running("redis", "/1.pid");
  const second = running("redis-2", "/2.pid");
  second.world.fork(0, true);
  const bytes = saveState([first.unit, second.unit], null, 5000);
  const { units, left } = restore(bytes, { redis: "/0.pid", "redis-2": "/1.pid", "redis-3": "/2.pid" });
  expect([...units.keys()]).toEqual(["redis-2", "redis-3"]);
  expect(units.get("redis-2")?.known).toEqual(first.unit.known);
  expect(left).toEqual([]);
});

test("another pidfile is another daemon, whatever its name", () => {
  const { unit, world } = running("a", "/a.pid");
  const { units, left } = restore(saveState([unit], null, world.now()), { a: "/other.pid" });
  expect([units.size, left.length]).toEqual([0, 1]);
});

test("it can be read again: the descriptor's position does not matter", () => {
  const { unit, world } = running("a", "/a.pid");
  const fd = memfdOf("test-state", saveState([unit], null, world.now()));
  fds.push(fd);
  for (let round = 0; round < 2; round++) {
    expect(restoreState(fd, new Map([["a", "/a.pid"]]), 0).units.size).toBe(1);
  }
});

test("the jail comes through with its identity, start time exact", () => {
  const identity = { pid: 77, startTime: (1n << 62n) + 1n, namespaces: { pid: "4026532001" } };
  const jail = { plan: JAIL_PLAN, identity };
  expect(restore(saveState([], jail, 0), {}).jail).toEqual(jail);
  expect(restore(saveState([], { plan: JAIL_PLAN, identity: null }, 0), {}).jail?.identity).toBeNull();
});
