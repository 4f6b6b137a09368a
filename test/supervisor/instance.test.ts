/** The instance as a whole: who is told what at a stop and a reload, and when it is over. */
import { expect, test } from "bun:test";
import type { DaemonPlan } from "../../lib/config/plan/daemon_plan.ts";
import { Instance, type InstanceEnd } from "../../lib/supervisor/instance.ts";
import { UnitSet } from "../../lib/supervisor/unit/units.ts";
import { DUMB_PLAN, SMART_PLAN } from "../support/plans.ts";
import { UnitWorld } from "./unit/world.ts";

const SIGTERM = 15;

function dumb(name: string, change: Partial<DaemonPlan> = {}): DaemonPlan {
  return { ...DUMB_PLAN, name, ...change };
}

function smart(name: string, change: Partial<DaemonPlan> = {}): DaemonPlan {
  return { ...SMART_PLAN, name, ...change };
}

/** A world in which all smart daemons run already, each under the pid that its pidfile names. */
function world(daemons: readonly DaemonPlan[], nothingSurvives = false) {
  const world = new UnitWorld();
  const pids = new Map<string, number>();
  const readPidfile = world.readPidfile.bind(world);
  for (const { name, kind } of daemons) {
    if (kind !== "dumb") pids.set(name, world.fork(0, false).id.pid);
  }
  world.readPidfile = (plan, known) => {
    const process = world.alive.get(pids.get(plan.name) ?? 0);
    return process === undefined
      ? readPidfile(plan, known)
      : { valid: true, process: process.id, unfinished: false };
  };
  const ends: InstanceEnd[] = [];
  const lines: string[] = [];
  const logger = {
    info: (daemon: string | null, text: string) => void lines.push(`${daemon ?? "reeve"}: ${text}`),
    warning: (daemon: string | null, text: string) => void lines.push(`${daemon ?? "reeve"}: ${text}`),
  };
  const units = new UnitSet(daemons, new Map(), world, {
    isLord: () => false,
    isJailOpen: () => !world.jailIsDown,
  });
  const instance = new Instance(units, logger, nothingSurvives, (end) => ends.push(end));
  const start = (): void => {
    instance.start();
    world.settle();
  };
  const pid = (name: string): number => {
    const { main, child } = instance.units.find(name)!.status;
    return (main ?? child)!.pid;
  };
  return { world, instance, ends, lines, start, pid };
}

test("stop: every dumb daemon at once, smart ones live on, one end with the code", () => {
  const { world: w, instance, ends, start, pid } = world([dumb("a"), dumb("b"), smart("s")]);
  start();
  const [a, b, s] = [pid("a"), pid("b"), pid("s")];
  instance.stop();
  expect(w.signals).toEqual([`15 ${a}`, `15 ${b}`]);
  expect(ends).toEqual([]);
  w.settle();
  expect(ends).toEqual([{ kind: "stopped", code: 0 }]);
  expect([w.alive.has(s), w.alive.has(a), w.timers.pending]).toEqual([true, false, 0]);
});

test("stop where nothing outlives reeve: smart daemons are stopped like all others", () => {
  const { world: w, instance, ends, start, pid } = world([smart("s")], true);
  start();
  const s = pid("s");
  instance.stop();
  w.settle();
  expect(w.signals).toEqual([`15 ${s}`]);
  expect(ends).toHaveLength(1);
});

test("a second stop kills at once, a third does no more harm", () => {
  const { world: w, instance, ends, start, pid } = world([dumb("a")]);
  start();
  const a = pid("a");
  w.alive.get(a)!.obedient = false;
  instance.stop();
  w.settle();
  expect(ends).toEqual([]);
  instance.stop();
  instance.stop();
  w.settle();
  expect(w.signals).toContain(`9 ${a}`);
  expect(ends).toEqual([{ kind: "stopped", code: 0 }]);
});

test("stop while every daemon waits for its next start: over at once, and once", () => {
  const { world: w, instance, ends, start } = world([dumb("a"), dumb("b")]);
  w.spawnFails = true;
  start();
  instance.stop();
  w.advance(1_000_000);
  expect(ends).toEqual([{ kind: "stopped", code: 0 }]);
  expect(w.launches).toBe(0);
});

test("reload while every daemon waits: one end, so that a failed exec is not followed by another", () => {
  const { world: w, instance, ends, start } = world([dumb("a"), dumb("b")]);
  w.spawnFails = true;
  start();
  instance.reload();
  expect(ends).toEqual([{ kind: "reload" }]);
  instance.carryOn();
  expect(ends).toHaveLength(1);
  expect(instance.phase).toBe("running");
});

test("the jail is made again during a reload that fails: what had waited for it is started", () => {
  const { world: w, instance, start, pid } = world([dumb("a"), smart("s")]);
  start();
  w.jailIsDown = true;
  instance.jailChanged(false);
  for (const name of ["a", "s"]) w.die(pid(name), { kind: "killed", signal: 9 });
  w.settle();
  w.advance(60_000);
  expect([...instance.units].map(({ status }) => status.state)).toEqual(["starting", "starting"]);
  instance.reload();
  w.settle();
  w.jailIsDown = false;
  instance.jailChanged(false);
  instance.carryOn();
  expect([...instance.units].map(({ status }) => status.child !== null)).toEqual([true, true]);
});

test("stop without daemons, and before the start", () => {
  const none = world([]);
  none.start();
  none.instance.stop();
  expect(none.ends).toEqual([{ kind: "stopped", code: 0 }]);
  const early = world([dumb("a"), smart("s")]);
  early.instance.kill();
  expect(early.ends).toEqual([{ kind: "stopped", code: 0 }]);
  expect(early.world.launches).toBe(0);
});

test("reload: dumb daemons are told with their reload signal and waited for, smart ones are let be", () => {
  const { world: w, instance, ends, start, pid } = world([
    dumb("a", { reloadSignal: 1 }),
    dumb("b"),
    smart("s"),
  ]);
  start();
  const [a, b] = [pid("a"), pid("b")];
  w.alive.get(b)!.obedient = false;
  instance.reload();
  w.settle();
  expect(w.signals).toEqual([`1 ${a}`, `15 ${b}`]);
  expect(ends).toEqual([]);
  w.advance(3000);
  expect(ends).toEqual([{ kind: "reload" }]);
  expect(instance.units.find("s")!.status.state).toBe("running");
});

test("notifypid: told of a reload with the reload signal or HUP, of a stop with the stop signal", () => {
  const { world: w, instance, start, pid } = world([
    smart("s", { notifyPid: true }),
    smart("t", { notifyPid: true, reloadSignal: 12 }),
    smart("u"),
  ]);
  start();
  for (const process of w.alive.values()) process.obedient = false;
  const [s, t] = [pid("s"), pid("t")];
  instance.reload();
  expect(w.signals).toEqual([`1 ${s}`, `12 ${t}`]);
  instance.carryOn();
  w.signals.length = 0;
  instance.stop();
  expect(w.signals).toEqual([`15 ${s}`, `15 ${t}`]);
});

test("a second reload while one is under way is that one", () => {
  const { world: w, instance, ends, start } = world([dumb("a")]);
  start();
  instance.reload();
  instance.reload();
  w.settle();
  instance.reload();
  expect(ends).toEqual([{ kind: "reload" }]);
});

test("a stop during a reload is a stop", () => {
  const { world: w, instance, ends, start, pid } = world([dumb("a"), smart("s")]);
  start();
  w.alive.get(pid("a"))!.obedient = false;
  instance.reload();
  instance.stop();
  w.advance(3000);
  expect(ends).toEqual([{ kind: "stopped", code: 0 }]);
});

test("a stop after the last daemon of a reload is down is a stop", () => {
  const { world: w, instance, ends, start } = world([dumb("a"), smart("s")]);
  start();
  instance.reload();
  w.settle();
  instance.stop();
  w.settle();
  expect(ends).toEqual([{ kind: "reload" }, { kind: "stopped", code: 0 }]);
  expect(instance.phase).toBe("stopping");
});

test("a reload while a touched daemon stops waits for it, and it does not come back", () => {
  const { world: w, instance, ends, start, pid } = world([dumb("a")]);
  start();
  w.alive.get(pid("a"))!.obedient = false;
  instance.units.find("a")!.handle({ type: "restartRequested", reason: "touch" });
  instance.reload();
  w.advance(3000);
  expect(ends).toEqual([{ kind: "reload" }]);
  expect(w.launches).toBe(1);
});

test("the exec of a reload failed: dumb daemons are back, smart ones never went", () => {
  const { world: w, instance, ends, start, pid } = world([dumb("a"), smart("s")]);
  start();
  const s = pid("s");
  instance.reload();
  w.settle();
  instance.carryOn();
  w.settle();
  expect([...instance.units].map(({ status }) => status.state)).toEqual(["running", "running"]);
  expect(pid("s")).toBe(s);
  instance.stop();
  w.settle();
  expect(ends.at(-1)).toEqual({ kind: "stopped", code: 0 });
});

test("a control daemon ends the instance with its own exit code", async () => {
  const { world: w, instance, ends, start, pid } = world([dumb("a", { control: true }), dumb("b")]);
  start();
  w.die(pid("a"), { kind: "exited", code: 7 });
  await Promise.resolve();
  w.settle();
  expect(ends).toEqual([{ kind: "stopped", code: 7 }]);
  expect(w.alive.size).toBe(0);
  expect(instance.phase).toBe("stopping");
});

test("of two control daemons the first to end gives the code", async () => {
  const { world: w, ends, start, pid } = world([dumb("a", { control: true }), dumb("b", { control: true })]);
  start();
  const [a, b] = [pid("a"), pid("b")];
  w.die(b, { kind: "killed", signal: SIGTERM });
  w.die(a, { kind: "exited", code: 3 });
  await Promise.resolve();
  w.settle();
  expect(ends).toEqual([{ kind: "stopped", code: 143 }]);
});

test("the first word to stop, when a control daemon has ended already, does not kill", async () => {
  const { world: w, instance, ends, start, pid } = world([dumb("a", { control: true }), dumb("b")]);
  start();
  const b = pid("b");
  w.alive.get(b)!.obedient = false;
  w.die(pid("a"), { kind: "exited", code: 7 });
  await Promise.resolve();
  instance.stop();
  w.settle();
  expect(w.signals).toEqual([`15 ${b}`]);
  instance.stop();
  w.settle();
  expect(ends).toEqual([{ kind: "stopped", code: 7 }]);
});

test("a daemon that nothing ends does not hold the stop up for ever", () => {
  const { world: w, instance, ends, start, pid } = world([dumb("a"), dumb("b")]);
  start();
  w.alive.get(pid("a"))!.stuck = true;
  instance.stop();
  w.advance(3000);
  w.advance(5000);
  expect(ends).toEqual([{ kind: "stopped", code: 0 }]);
});

test("ten daemons that ignore their stop signal take one grace, not ten", () => {
  const { world: w, instance, ends, start } = world(
    Array.from({ length: 10 }, (_, index) => dumb(`d${index}`)),
  );
  start();
  for (const process of w.alive.values()) process.obedient = false;
  instance.stop();
  w.advance(2999);
  expect(ends).toEqual([]);
  w.advance(1);
  expect(ends).toHaveLength(1);
});

test("a jail without processes of its own that comes again: what runs in the old one is moved", () => {
  const { world: w, instance, start, pid } = world([dumb("a")]);
  start();
  const a = pid("a");
  instance.jailChanged(false);
  expect(w.signals).toEqual([]);
  instance.jailChanged(true);
  w.settle();
  expect(w.signals).toEqual([`15 ${a}`]);
  expect([instance.units.find("a")!.status.state, w.launches]).toEqual(["running", 2]);
});
