import { expect, test } from "bun:test";
import { OPEN } from "../../../lib/daemon/gates.ts";
import type { DaemonPlan } from "../../../lib/config/plan/daemon_plan.ts";
import { decode } from "../../../lib/records/codec.ts";
import { HANDOVER, saveState } from "../../../lib/records/handover.ts";
import { DaemonUnit } from "../../../lib/supervisor/unit/unit.ts";
import { DUMB_PLAN, SMART2_PLAN, SMART_PLAN } from "../../support/plans.ts";
import { type FakeProcess, UnitWorld } from "./world.ts";

function started(plan: DaemonPlan) {
  const world = new UnitWorld();
  const unit = new DaemonUnit({ plan: plan }, world, world);
  unit.start(OPEN);
  world.settle();
  return { world, unit };
}

/** A smart daemon that daemonized as it should. */
function daemonized(plan: DaemonPlan = SMART_PLAN) {
  const { world, unit } = started(plan);
  const launcher = unit.status.child!.pid;
  const main = world.fork(0, true);
  world.writePidfile(main.id);
  world.die(launcher);
  world.advance(10_000);
  expect(unit.status.main).toEqual(main.id);
  return { world, unit, main, launcher };
}

/** The unit's next image: its state through the hand-over, as over an exec. */
function reloaded(world: UnitWorld, unit: DaemonUnit): DaemonUnit {
  unit.abandon();
  const saved = decode(HANDOVER, new TextDecoder().decode(saveState([unit], null, world.now())));
  world.newImage();
  return new DaemonUnit({ plan: unit.plan, restored: saved.units[0]! }, world, world);
}

function stop(unit: DaemonUnit): void {
  unit.setGates({ ...OPEN, person: "closed" });
}

/** The jail is lost, or there again. */
function setJail(world: UnitWorld, unit: DaemonUnit, jail: "open" | "closed"): void {
  world.jailIsDown = jail === "closed";
  unit.setGates({ ...unit.gates, jail });
}

test("a dumb daemon is started, remembered, told to stop, forgotten", () => {
  const { world, unit } = started(DUMB_PLAN);
  const { pid } = unit.status.child!;
  expect([...world.journal]).toEqual([[pid, "d"]]);
  stop(unit);
  world.settle();
  expect(world.signals).toEqual([`15 ${pid}`]);
  expect(world.stoppedUnits).toEqual([unit]);
  expect(world.journal.size).toBe(0);
  expect(world.timers.pending).toBe(0);
});

test("a smart daemon that runs already is not started", () => {
  const world = new UnitWorld();
  const main = world.fork(0, false);
  world.pidfile = main.id;
  const unit = new DaemonUnit({ plan: SMART_PLAN }, world, world);
  unit.start(OPEN);
  world.settle();
  expect(world.launches).toBe(0);
  expect(unit.status.main).toEqual(main.id);
});

test("a foreign daemon that dies is started at once", () => {
  const world = new UnitWorld();
  const main = world.fork(0, false);
  world.pidfile = main.id;
  const unit = new DaemonUnit({ plan: SMART_PLAN }, world, world);
  unit.start(OPEN);
  world.advance(5000);
  world.die(main.id.pid);
  expect(world.launches).toBe(1);
  expect(unit.status.state).toBe("starting");
  expect(world.followers).toBe(0);
});

test("a foreign daemon that becomes reeve's child is seen to die by its reaping", () => {
  const world = new UnitWorld();
  const main = world.fork(0, false);
  world.pidfile = main.id;
  const unit = new DaemonUnit({ plan: SMART_PLAN }, world, world);
  unit.start(OPEN);
  world.advance(5000);
  main.isChild = true;
  world.die(main.id.pid, { kind: "exited", code: 3 });
  expect(unit.status.lastExit).toEqual({ kind: "exited", code: 3 });
  expect(world.launches).toBe(1);
});

test("a foreign daemon that is gone before it can be followed is started", () => {
  const world = new UnitWorld();
  const main = world.fork(0, false);
  world.pidfile = main.id;
  const unit = new DaemonUnit({ plan: SMART_PLAN }, world, world);
  const follow = world.follow.bind(world);
  world.follow = (process, owner, ended) => {
    world.alive.delete(process.pid);
    return follow(process, owner, ended);
  };
  unit.start(OPEN);
  world.settle();
  world.advance(1000);
  expect(world.launches).toBe(1);
  expect(world.owner(main.id.pid)).toBeUndefined();
});

test("a pidfile that is empty for a moment changes nothing", () => {
  const { world, unit, main } = daemonized();
  world.writePidfile("");
  world.writePidfile(main.id);
  world.advance(1000);
  expect(unit.status.main).toEqual(main.id);
  expect(world.logs.filter((line) => line.includes("is not valid"))).toEqual([]);
});

test("half of a number is not taken for the daemon", () => {
  const { world, unit } = started(SMART_PLAN);
  const stranger = world.fork(0, false);
  const main = world.fork(0, true);
  world.writePidfile(stranger.id, true);
  expect(unit.status.state).toBe("starting");
  world.writePidfile(main.id);
  expect(unit.status.main).toEqual(main.id);
});

test("a pidfile without a newline is believed once it has come to rest", () => {
  const { world, unit } = started(SMART_PLAN);
  const main = world.fork(0, true);
  world.writePidfile(main.id, true);
  expect(unit.status.state).toBe("starting");
  world.advance(50);
  expect(unit.status.main).toEqual(main.id);
});

test("another process in the pidfile of a daemon that lives is followed when the file has come to rest", () => {
  const { world, unit, main } = daemonized();
  const next = world.fork(0, true);
  world.writePidfile(next.id);
  expect(unit.status.main).toEqual(main.id);
  world.advance(50);
  expect(unit.status.main).toEqual(next.id);
  expect(world.owner(main.id.pid)).toBeUndefined();
  expect([...world.journal.keys()]).toEqual([next.id.pid]);
});

test("another process in the pidfile of a daemon that died is followed at once", () => {
  const { world, unit, main } = daemonized();
  const next = world.fork(0, true);
  world.pidfile = next.id;
  world.die(main.id.pid);
  expect(unit.status.main).toEqual(next.id);
  expect(world.launches).toBe(1);
});

test("a daemon that dies while its pidfile is being rewritten is not started a second time", () => {
  const { world, unit, main } = daemonized();
  const next = world.fork(0, true);
  world.pidfile = "";
  world.die(main.id.pid);
  expect(world.launches).toBe(1);
  world.writePidfile(next.id);
  world.advance(1000);
  expect(unit.status.main).toEqual(next.id);
  expect(world.launches).toBe(1);
});

test("a stop while a pidfile settles is the last thing that happens", () => {
  const { world, unit, main } = daemonized();
  world.pidfile = "";
  world.die(main.id.pid);
  stop(unit);
  world.settle();
  expect(world.stoppedUnits).toEqual([unit]);
  world.advance(100_000);
  expect(world.launches).toBe(1);
  expect(unit.status.state).toBe("down");
});

test("a stop inside of an effect comes after the effects that are under way", () => {
  const world = new UnitWorld();
  const unit = new DaemonUnit({ plan: DUMB_PLAN }, world, world);
  const spawn = world.spawn.bind(world);
  world.spawn = (plan, again) => {
    stop(unit);
    return spawn(plan, again);
  };
  unit.start(OPEN);
  world.settle();
  expect(world.stoppedUnits).toEqual([unit]);
  expect(world.alive.size).toBe(0);
});

test("a process that cannot be started is tried again with growing delays", () => {
  const world = new UnitWorld();
  world.spawnFails = true;
  const unit = new DaemonUnit({ plan: DUMB_PLAN }, world, world);
  unit.start(OPEN);
  expect(world.logs).toContain(
    `cannot start "./d": cannot start a process: resource temporarily unavailable`,
  );
  expect(unit.status.state).toBe("waiting");
  world.advance(999);
  world.spawnFails = false;
  expect(world.launches).toBe(0);
  world.advance(1);
  expect(world.launches).toBe(1);
  expect(unit.status.state).toBe("running");
});

test("an effect that throws is said and the ones behind it come", () => {
  const world = new UnitWorld();
  const unit = new DaemonUnit({ plan: DUMB_PLAN }, world, world);
  unit.start(OPEN);
  world.signal = () => {
    throw new Error("no descriptor");
  };
  stop(unit);
  expect(world.logs).toContain("cannot signal: no descriptor");
  expect(world.timers.pending).toBe(1);
});

test("a process whose start time could not be read is still its daemon", () => {
  const { world, unit } = started(SMART_PLAN);
  const child = unit.status.child!;
  // The identities differ, the number is the same process's.
  unit.machine.status.child = { pid: child.pid, startTime: 0n };
  world.writePidfile(child);
  expect(unit.status.state).toBe("running");
  world.advance(10_000);
  world.die(child.pid, { kind: "exited", code: 1 });
  world.advance(60_000);
  expect(world.launches).toBe(2);
});

test("without watches a pidfile is still found at the end of the freq seconds", () => {
  const { world, unit } = started(SMART_PLAN);
  const launcher = unit.status.child!.pid;
  world.die(launcher);
  const main = world.fork(0, true);
  world.pidfile = main.id;
  world.advance(10_000);
  expect(unit.status.main).toEqual(main.id);
});

test("abandoned: every timer and watch is gone, no process is touched", () => {
  const { world, unit, main } = daemonized();
  unit.abandon();
  expect([world.timers.pending, world.watchers, world.followers]).toEqual([0, 0, 0]);
  expect(world.alive.has(main.id.pid)).toBe(true);
  expect(world.signals).toEqual([]);
});

test("reload: a smart daemon is kept, with its age, respawns and identity", () => {
  const { world, unit, main } = daemonized();
  const next = reloaded(world, unit);
  next.start(OPEN);
  world.settle();
  expect(next.status).toEqual({ ...unit.status });
  expect(world.reads.at(-1)).toEqual(main.id);
  expect(world.launches).toBe(1);
  world.die(main.id.pid);
  expect(world.launches).toBe(2);
});

test("reload: a daemon that ended before the new image was ready is noticed", () => {
  const { world, unit } = started(SMART2_PLAN);
  const { pid } = unit.status.child!;
  world.pidfile = unit.status.child;
  world.advance(10_000);
  const next = reloaded(world, unit);
  // Hooks and waits run; the reaper works already.
  world.die(pid, { kind: "exited", code: 4 });
  expect(world.launches).toBe(1);
  next.start(OPEN);
  world.settle();
  expect(next.status.lastExit).toEqual({ kind: "exited", code: 4 });
  expect(world.launches).toBe(2);
});

test("reload: a smart2 daemon is what was started, whatever stands in its pidfile", () => {
  const { world, unit } = started(SMART2_PLAN);
  world.pidfile = world.fork(0, false).id;
  const next = reloaded(world, unit);
  next.start(OPEN);
  world.advance(1000);
  expect(next.status.main).toEqual(unit.status.child);
});

test("reload: a foreign daemon that ended meanwhile is noticed", () => {
  const { world, unit, main } = daemonized();
  main.isChild = false;
  const next = reloaded(world, unit);
  world.die(main.id.pid);
  next.start(OPEN);
  world.settle();
  expect(world.launches).toBe(2);
});

test("reload: a launch under way is waited for by the new image", () => {
  const { world, unit } = started(SMART_PLAN);
  const launcher = unit.status.child!.pid;
  const next = reloaded(world, unit);
  next.start(OPEN);
  world.settle();
  expect(next.status.state).toBe("starting");
  const main = world.fork(0, true);
  world.writePidfile(main.id);
  world.die(launcher);
  expect(next.status.main).toEqual(main.id);
  expect(world.launches).toBe(1);
});

test("reload: a launch under way that comes to nothing is reported after freq seconds", () => {
  const { world, unit } = started(SMART_PLAN);
  world.die(unit.status.child!.pid);
  const next = reloaded(world, unit);
  next.start(OPEN);
  world.settle();
  world.advance(10_000);
  expect(world.logs.some((line) => line.includes("has no valid pidfile after 10 seconds"))).toBe(true);
});

test("reload: a daemon that was about to be started again is", () => {
  const { world, unit } = started(SMART_PLAN);
  world.die(unit.status.child!.pid, { kind: "exited", code: 1 });
  expect(unit.status.state).toBe("waiting");
  const next = reloaded(world, unit);
  next.start(OPEN);
  world.settle();
  expect(world.launches).toBe(2);
});

test("reload: a restart under way is finished, with its grace", () => {
  const { world, unit, main } = daemonized();
  main.obedient = false;
  unit.handle({ type: "restartRequested", reason: "touch" });
  expect(unit.status.state).toBe("stopping");
  const next = reloaded(world, unit);
  next.start(OPEN);
  world.settle();
  world.advance(3000);
  expect(world.signals.at(-1)).toBe(`9 ${main.id.pid}`);
  expect(world.launches).toBe(2);
});

test("reload: leftovers of a session are still emptied", () => {
  const { world, unit } = started(SMART2_PLAN);
  const { pid } = unit.status.child!;
  const left = world.fork(pid, false);
  left.stuck = true;
  world.die(pid);
  expect(unit.status.state).toBe("killing");
  const next = reloaded(world, unit);
  next.start(OPEN);
  world.settle();
  expect(world.launches).toBe(1);
  left.stuck = false;
  world.advance(60_000);
  world.die(left.id.pid);
  world.advance(60_000);
  expect(world.launches).toBe(2);
});

test("stopping a daemon ends what it left in its session, and only then it has stopped", () => {
  const { world, unit } = started(DUMB_PLAN);
  const { pid } = unit.status.child!;
  const left: FakeProcess = world.fork(pid, false);
  left.obedient = false;
  stop(unit);
  world.settle();
  expect(world.alive.has(pid)).toBe(false);
  expect(world.stoppedUnits).toEqual([]);
  world.advance(3000);
  expect(world.alive.size).toBe(0);
  expect(world.stoppedUnits).toEqual([unit]);
});

test("touched while it stops, stopped while it restarts: the last word counts", () => {
  const { world, unit } = started(DUMB_PLAN);
  world.alive.get(unit.status.child!.pid)!.obedient = false;
  unit.handle({ type: "restartRequested", reason: "touch" });
  stop(unit);
  unit.handle({ type: "restartRequested", reason: "touch" });
  world.advance(3000);
  world.advance(60_000);
  expect(world.launches).toBe(1);
  expect(world.stoppedUnits).toEqual([unit]);
});

test("a wrapper that outlives its daemon is ended before the next launch", () => {
  const { world, unit } = started(SMART_PLAN);
  const wrapper = unit.status.child!.pid;
  const main = world.fork(0, false);
  world.writePidfile(main.id);
  world.advance(10_000);
  world.onSpawn = () => expect(world.alive.has(wrapper)).toBe(false);
  world.die(main.id.pid);
  expect(world.launches).toBe(2);
});

test("a daemon of an earlier reeve whose pidfile is lost is kept, not started twice", () => {
  const world = new UnitWorld();
  const first = new DaemonUnit({ plan: SMART_PLAN }, world, world);
  first.start(OPEN);
  const daemon = first.status.child!;
  world.writePidfile(daemon);
  first.abandon();
  world.pidfile = null;
  const next = new DaemonUnit({ plan: SMART_PLAN, restored: { status: null, known: daemon } }, world, world);
  next.start(OPEN);
  expect(next.status.state).toBe("running");
  expect(next.status.main).toEqual(daemon);
  expect(world.launches).toBe(1);
});

test("a daemon that an earlier reeve knew and that has ended is started", () => {
  const world = new UnitWorld();
  const gone = { pid: 4242, startTime: 7n };
  const unit = new DaemonUnit({ plan: SMART_PLAN, restored: { status: null, known: gone } }, world, world);
  unit.start(OPEN);
  expect(world.launches).toBe(1);
});

test("while its jail does not stand a daemon is not started, and has not failed", () => {
  const world = new UnitWorld();
  world.jailIsDown = true;
  const unit = new DaemonUnit({ plan: DUMB_PLAN }, world, world);
  unit.start({ ...OPEN, jail: "closed" });
  world.advance(1_000_000);
  expect([world.launches, unit.status.state, unit.status.streak.failures]).toEqual([0, "starting", 0]);
  setJail(world, unit, "open");
  setJail(world, unit, "open");
  expect([world.launches, unit.status.state]).toEqual([1, "running"]);
});

test("a start that meets a jail that is about to go waits for the next one", () => {
  const world = new UnitWorld();
  world.jailIsDown = true;
  const unit = new DaemonUnit({ plan: DUMB_PLAN }, world, world);
  unit.start(OPEN);
  expect([world.launches, unit.status.state, unit.status.held]).toEqual([0, "starting", true]);
  setJail(world, unit, "closed");
  setJail(world, unit, "open");
  expect([world.launches, unit.status.state, unit.status.respawns]).toEqual([1, "running", 0]);
});

test("told to stop while it waits for its jail: down at once, and not started when that is there", () => {
  const world = new UnitWorld();
  world.jailIsDown = true;
  const unit = new DaemonUnit({ plan: SMART2_PLAN }, world, world);
  unit.start({ ...OPEN, jail: "closed" });
  unit.setGates({ ...unit.gates, person: "closed" });
  expect([unit.status.state, world.stoppedUnits]).toEqual(["down", [unit]]);
  setJail(world, unit, "open");
  world.settle();
  expect([world.launches, world.watchers]).toEqual([0, 0]);
});

test("the jail goes and comes: a daemon that ended with it is started again in the new one, without its delay", () => {
  const { world, unit } = started(DUMB_PLAN);
  setJail(world, unit, "closed");
  world.die(unit.status.child!.pid, { kind: "killed", signal: 9 });
  expect([unit.status.state, world.launches]).toEqual(["waiting", 1]);
  setJail(world, unit, "open");
  expect([unit.status.state, world.launches, world.timers.pending]).toEqual(["running", 2, 0]);
});

test("a smart daemon whose start waited for the jail watches its pidfile anew, and is started once", () => {
  const world = new UnitWorld();
  world.jailIsDown = true;
  const unit = new DaemonUnit({ plan: SMART_PLAN }, world, world);
  unit.start({ ...OPEN, jail: "closed" });
  world.writePidfile("");
  world.advance(100);
  setJail(world, unit, "open");
  world.settle();
  expect([world.launches, world.watchers]).toEqual([1, 1]);
});

test("a person's stop stays over a reload, and whoever starts it again does not wait for its delay", () => {
  const { world, unit } = daemonized();
  stop(unit);
  world.settle();
  const next = reloaded(world, unit);
  next.start({ ...next.gates, shutdown: "open" });
  world.advance(60_000);
  expect([next.status.state, next.gates.person, world.launches]).toEqual(["down", "closed", 1]);
  next.setGates(OPEN);
  expect([next.status.state, world.launches]).toEqual(["starting", 2]);
});
