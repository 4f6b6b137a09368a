/** The instance as a whole: who is told what at a stop and a reload, and when it is over. */
import { expect, test } from "bun:test";
import type { DaemonPlan } from "../../lib/config/plan/daemon_plan.ts";
import { DUMB_PLAN, SMART_PLAN } from "../support/plans.ts";
import { RunningInstance } from "./running_instance.ts";

const SIGTERM = 15;

function dumb(name: string, change: Partial<DaemonPlan> = {}): DaemonPlan {
  return { ...DUMB_PLAN, name, ...change };
}

function smart(name: string, change: Partial<DaemonPlan> = {}): DaemonPlan {
  return { ...SMART_PLAN, name, ...change };
}

/** A world in which all smart daemons run already, each under the pid that its pidfile names. */
function world(daemons: readonly DaemonPlan[], nothingSurvives = false) {
  const running = new RunningInstance(daemons, nothingSurvives);
  const { world, instance, units, ends, lines } = running;
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
  const start = (): void => running.start();
  const pid = (name: string): number => running.pid(name);
  const signals = (): string[] => world.signals.filter((line) => line !== "leave");
  return { running, world, instance, units, ends, lines, start, pid, signals };
}

test("stop: every dumb daemon at once, smart ones live on, one end with the code", async () => {
  const { running, world: w, signals, ends, start, pid } = world([
    dumb("a"),
    dumb("b"),
    smart("s"),
  ]);
  start();
  const [a, b, s] = [pid("a"), pid("b"), pid("s")];
  running.stop();
  expect(signals()).toEqual([`15 ${a}`, `15 ${b}`]);
  expect(ends).toEqual([]);
  await running.settle();
  await running.settle();
  expect(ends).toEqual([{ kind: "stopped", code: 0 }]);
  expect([w.alive.has(s), w.alive.has(a), w.timers.pending]).toEqual([true, false, 0]);
});

test("stop where nothing outlives reeve: smart daemons are stopped like all others", async () => {
  const { running, world: w, signals, ends, start, pid } = world([smart("s")], true);
  start();
  const s = pid("s");
  running.stop();
  w.settle();
  expect(signals()).toEqual([`15 ${s}`]);
  await running.settle();
  expect(ends).toHaveLength(1);
});

test("a second stop kills at once, a third does no more harm", async () => {
  const { running, world: w, signals, ends, start, pid } = world([dumb("a")]);
  start();
  const a = pid("a");
  w.alive.get(a)!.obedient = false;
  running.stop();
  w.settle();
  await running.settle();
  expect(ends).toEqual([]);
  running.stop();
  running.stop();
  w.settle();
  expect(signals()).toContain(`9 ${a}`);
  await running.settle();
  expect(ends).toEqual([{ kind: "stopped", code: 0 }]);
});

test("stop while every daemon waits for its next start: over at once, and once", async () => {
  const { running, world: w, ends, start } = world([dumb("a"), dumb("b")]);
  w.spawnFails = true;
  start();
  running.stop();
  w.advance(1_000_000);
  await running.settle();
  expect(ends).toEqual([{ kind: "stopped", code: 0 }]);
  expect(w.launches).toBe(0);
});

test("reload while every daemon waits: one end, so that a failed exec is not followed by another", async () => {
  const { running, world: w, instance, ends, start } = world([dumb("a"), dumb("b")]);
  w.spawnFails = true;
  start();
  running.reload();
  await running.settle();
  expect(ends).toEqual([{ kind: "reload" }]);
  await running.carryOn();
  await running.settle();
  expect(ends).toHaveLength(1);
  expect(instance.state).toBe("running");
});

test("the jail is made again during a reload that fails: what had waited for it is started", async () => {
  const { running, world: w, units, start, pid } = world([dumb("a"), smart("s")]);
  start();
  w.jailIsDown = true;
  units.jailChanged(false);
  for (const name of ["a", "s"]) w.die(pid(name), { kind: "killed", signal: 9 });
  w.settle();
  w.advance(60_000);
  expect([...units].map(({ status }) => status.state)).toEqual(["starting", "starting"]);
  running.reload();
  w.settle();
  w.jailIsDown = false;
  units.jailChanged(false);
  await running.carryOn();
  expect([...units].map(({ status }) => status.child !== null)).toEqual([true, true]);
});

test("stop without daemons, and before the start", async () => {
  const none = world([]);
  none.start();
  none.running.stop();
  await none.running.settle();
  expect(none.ends).toEqual([{ kind: "stopped", code: 0 }]);
  const early = world([dumb("a"), smart("s")]);
  void early.running.run(Promise.reject(new Error("called off")));
  early.instance.handle({ type: "stopNowAsked" });
  expect(early.lines).toContain("start called off");
  await early.running.settle();
  expect([early.ends, early.world.launches]).toEqual([[{ kind: "stopped", code: 0 }], 0]);
  expect(early.lines).not.toContain("exit hooks");
});

test("reload: dumb daemons are told with their reload signal and waited for, smart ones are let be", async () => {
  const { running, world: w, units, signals, ends, start, pid } = world([
    dumb("a", { reloadSignal: 1 }),
    dumb("b"),
    smart("s"),
  ]);
  start();
  const [a, b] = [pid("a"), pid("b")];
  w.alive.get(b)!.obedient = false;
  running.reload();
  w.settle();
  expect(signals()).toEqual([`1 ${a}`, `15 ${b}`]);
  await running.settle();
  expect(ends).toEqual([]);
  w.advance(3000);
  await running.settle();
  expect(ends).toEqual([{ kind: "reload" }]);
  expect(units.find("s")!.status.state).toBe("running");
});

test("notifypid: told of a reload with the reload signal or HUP, of a stop with the stop signal", async () => {
  const { running, world: w, signals, start, pid } = world([
    smart("s", { notifyPid: true }),
    smart("t", { notifyPid: true, reloadSignal: 12 }),
    smart("u"),
  ]);
  start();
  for (const process of w.alive.values()) process.obedient = false;
  const [s, t] = [pid("s"), pid("t")];
  running.reload();
  expect(signals()).toEqual([`1 ${s}`, `12 ${t}`]);
  await running.carryOn();
  w.signals.length = 0;
  running.stop();
  expect(signals()).toEqual([`15 ${s}`, `15 ${t}`]);
});

test("a second reload while one is under way is that one", async () => {
  const { running, world: w, ends, start } = world([dumb("a")]);
  start();
  running.reload();
  running.reload();
  w.settle();
  running.reload();
  await running.settle();
  expect(ends).toEqual([{ kind: "reload" }]);
});

test("a stop during a reload is a stop", async () => {
  const { running, world: w, ends, start, pid } = world([dumb("a"), smart("s")]);
  start();
  w.alive.get(pid("a"))!.obedient = false;
  running.reload();
  running.stop();
  w.advance(3000);
  await running.settle();
  expect(ends).toEqual([{ kind: "stopped", code: 0 }]);
});

test("a stop after the last daemon of a reload is down is a stop", async () => {
  const { running, world: w, instance, ends, start } = world([dumb("a"), smart("s")]);
  start();
  running.reload();
  w.settle();
  running.stop();
  await running.settle();
  expect([ends, instance.state]).toEqual([[{ kind: "reload" }], "leaving"]);
  // The hand-over is called off.
  await running.carryOn();
  expect(ends).toEqual([{ kind: "reload" }, { kind: "stopped", code: 0 }]);
  expect(instance.state).toBe("ended");
});

test("a reload while a touched daemon stops waits for it, and it does not come back", async () => {
  const { running, world: w, units, ends, start, pid } = world([dumb("a")]);
  start();
  w.alive.get(pid("a"))!.obedient = false;
  units.find("a")!.handle({ type: "restartRequested", reason: "touch" });
  running.reload();
  w.advance(3000);
  await running.settle();
  expect(ends).toEqual([{ kind: "reload" }]);
  expect(w.launches).toBe(1);
});

test("the exec of a reload failed: dumb daemons are back, smart ones never went", async () => {
  const { running, world: w, units, ends, start, pid } = world([dumb("a"), smart("s")]);
  start();
  const s = pid("s");
  running.reload();
  w.settle();
  await running.carryOn();
  w.settle();
  expect([...units].map(({ status }) => status.state)).toEqual(["running", "running"]);
  expect(pid("s")).toBe(s);
  running.stop();
  await running.settle();
  expect(ends.at(-1)).toEqual({ kind: "stopped", code: 0 });
});

test("a control daemon ends the instance with its own exit code", async () => {
  const { running, world: w, instance, ends, start, pid } = world([
    dumb("a", { control: true }),
    dumb("b"),
  ]);
  start();
  w.die(pid("a"), { kind: "exited", code: 7 });
  await Promise.resolve();
  w.settle();
  await running.settle();
  expect(ends).toEqual([{ kind: "stopped", code: 7 }]);
  expect(w.alive.size).toBe(0);
  expect(instance.state).toBe("ended");
});

test("of two control daemons the first to end gives the code", async () => {
  const { running, world: w, ends, start, pid } = world([
    dumb("a", { control: true }),
    dumb("b", { control: true }),
  ]);
  start();
  const [a, b] = [pid("a"), pid("b")];
  w.die(b, { kind: "killed", signal: SIGTERM });
  w.die(a, { kind: "exited", code: 3 });
  await Promise.resolve();
  w.settle();
  await running.settle();
  expect(ends).toEqual([{ kind: "stopped", code: 143 }]);
});

test("the first word to stop, when a control daemon has ended already, does not kill", async () => {
  const { running, world: w, signals, ends, start, pid } = world([
    dumb("a", { control: true }),
    dumb("b"),
  ]);
  start();
  const b = pid("b");
  w.alive.get(b)!.obedient = false;
  w.die(pid("a"), { kind: "exited", code: 7 });
  await Promise.resolve();
  running.stop();
  w.settle();
  expect(signals()).toEqual([`15 ${b}`]);
  running.stop();
  w.settle();
  await running.settle();
  expect(ends).toEqual([{ kind: "stopped", code: 7 }]);
});

test("a daemon that nothing ends does not hold the stop up for ever", async () => {
  const { running, world: w, ends, start, pid } = world([dumb("a"), dumb("b")]);
  start();
  w.alive.get(pid("a"))!.stuck = true;
  running.stop();
  w.advance(3000);
  w.advance(5000);
  await running.settle();
  expect(ends).toEqual([{ kind: "stopped", code: 0 }]);
});

test("ten daemons that ignore their stop signal take one grace, not ten", async () => {
  const { running, world: w, ends, start } = world(
    Array.from({ length: 10 }, (_, index) => dumb(`d${index}`)),
  );
  start();
  for (const process of w.alive.values()) process.obedient = false;
  running.stop();
  w.advance(2999);
  await running.settle();
  expect(ends).toEqual([]);
  w.advance(1);
  await running.settle();
  expect(ends).toHaveLength(1);
});

test("a jail without processes of its own that comes again: what runs in the old one is moved", () => {
  const { world: w, units, signals, start, pid } = world([dumb("a")]);
  start();
  const a = pid("a");
  units.jailChanged(false);
  expect(signals()).toEqual([]);
  units.jailChanged(true);
  w.settle();
  expect(signals()).toEqual([`15 ${a}`]);
  expect([units.find("a")!.status.state, w.launches]).toEqual(["running", 2]);
});
