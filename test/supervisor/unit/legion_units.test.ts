/** Daemons that run on the lord of their legion alone. */
import { describe, expect, test } from "bun:test";
import { type Gates, OPEN } from "../../../lib/daemon/gates.ts";
import type { DaemonPlan } from "../../../lib/config/plan/daemon_plan.ts";
import { legionDaemons } from "../../../lib/supervisor/legion_deps.ts";
import { RunningInstance } from "../running_instance.ts";
import { DaemonUnit } from "../../../lib/supervisor/unit/unit.ts";
import { DUMB_PLAN, SMART2_PLAN, SMART_PLAN } from "../../support/plans.ts";
import { UnitWorld } from "./world.ts";

const DUMB: DaemonPlan = { ...DUMB_PLAN, name: "dumb", legion: "blue" };
const SMART: DaemonPlan = { ...SMART_PLAN, name: "smart", legion: "blue" };

const STANDING_BY: Gates = { ...OPEN, legion: "closed" };

function world(daemons: readonly DaemonPlan[]) {
  const running = new RunningInstance(daemons);
  const { world, instance, units, ends, legions, lordOf } = running;
  const gate = { seen: legions, lordOf };
  running.start();
  const elect = (isLord: boolean): void => running.elect(isLord);
  const state = (name: string): string => running.state(name);
  const pid = (name: string): number => units.find(name)!.status.child!.pid;
  return { running, world, instance, units, gate, ends, elect, state, pid };
}

describe("a legion's daemon", () => {
  test("is not started until this node is the lord, others are", () => {
    const { state, elect } = world([DUMB, { ...DUMB_PLAN, name: "other" }]);
    expect([state("dumb"), state("other")]).toEqual(["down", "running"]);
    elect(true);
    expect(state("dumb")).toBe("running");
  });

  test("is stopped at once when this node is the lord no more, and killed after its grace", () => {
    const { world: w, state, elect, pid, gate } = world([DUMB]);
    elect(true);
    const main = pid("dumb");
    w.alive.get(main)!.obedient = false;
    elect(false);
    expect(w.signals).toEqual([`15 ${main}`]);
    expect(gate.seen).toEqual([]);
    w.advance(3000);
    expect(w.signals).toEqual([`15 ${main}`, `9 ${main}`]);
    expect(state("dumb")).toBe("down");
  });

  test("that died while its node was losing the lordship is not started again", () => {
    const { world: w, state, elect, pid } = world([DUMB]);
    elect(true);
    w.die(pid("dumb"));
    expect(["waiting", "running"]).toContain(state("dumb"));
    elect(false);
    w.advance(600_000);
    expect(state("dumb")).toBe("down");
  });

  test("is started again when the lordship comes back while it stops", () => {
    const { world: w, state, elect, pid } = world([DUMB]);
    elect(true);
    const main = pid("dumb");
    w.alive.get(main)!.obedient = false;
    elect(false);
    elect(true);
    expect(state("dumb")).toBe("stopping");
    w.die(main);
    expect(state("dumb")).toBe("running");
    expect(pid("dumb")).not.toBe(main);
  });

  test("that is down is told to the legion, once nothing of it is left", async () => {
    const { elect, gate, units } = world([DUMB, { ...DUMB, name: "second" }]);
    elect(true);
    expect(legionDaemons(units).areDown("blue")).toBe(false);
    elect(false);
    await Promise.resolve();
    expect(gate.seen).toEqual(["down blue", "down blue"]);
    expect(legionDaemons(units).areDown("blue")).toBe(true);
  });
});

describe("on a node that is not the lord a smart daemon", () => {
  test("that an earlier reeve left running is stopped, not adopted", () => {
    const w = new UnitWorld();
    const left = w.fork(0, false);
    w.pidfile = left.id;
    const unit = new DaemonUnit({ plan: SMART }, w, w);
    unit.start(STANDING_BY);
    w.settle();
    expect(w.signals).toEqual([`15 ${left.id.pid}`]);
    expect(unit.status.state).toBe("down");
    expect(w.stoppedUnits).toEqual([unit]);
  });

  test("of kind smart2 as well", () => {
    const w = new UnitWorld();
    w.pidfile = w.fork(0, false).id;
    const unit = new DaemonUnit({ plan: { ...SMART2_PLAN, legion: "blue" } }, w, w);
    unit.start(STANDING_BY);
    w.settle();
    expect([w.alive.size, w.launches]).toEqual([0, 0]);
  });

  test("whose pidfile is lost is known from the journal and stopped", () => {
    const w = new UnitWorld();
    const left = w.fork(0, false);
    const unit = new DaemonUnit({ plan: SMART, restored: { status: null, known: left.id } }, w, w);
    unit.start(STANDING_BY);
    w.settle();
    expect(w.signals).toEqual([`15 ${left.id.pid}`]);
  });

  test("whose pidfile is on shared storage is left alone, unless it is known to be reeve's own", () => {
    const w = new UnitWorld();
    const theirs = w.fork(0, false);
    w.pidfile = theirs.id;
    w.isShared = true;
    new DaemonUnit({ plan: SMART }, w, w).start(STANDING_BY);
    w.settle();
    expect(w.signals).toEqual([]);
    expect(w.logs.join()).toContain('pidfile "/run/d.pid" is on storage that other machines share');
    const known = { status: null, known: theirs.id };
    new DaemonUnit({ plan: SMART, restored: known }, w, w).start(STANDING_BY);
    w.settle();
    expect(w.signals).toEqual([`15 ${theirs.id.pid}`]);
  });

  test("that does not run costs nothing and starts nothing", () => {
    const w = new UnitWorld();
    const unit = new DaemonUnit({ plan: SMART }, w, w);
    unit.start(STANDING_BY);
    w.advance(60_000);
    expect([w.signals, w.launches, unit.status.state]).toEqual([[], 0, "down"]);
  });

  test("that its launcher brings up after the lordship was lost is stopped", () => {
    const { world: w, elect, pid, state } = world([SMART]);
    elect(true);
    const launcher = pid("smart");
    elect(false);
    expect(w.alive.has(launcher)).toBe(false);
    expect(state("smart")).toBe("down");
    const late = w.fork(0, true);
    w.writePidfile(late.id);
    expect(w.signals).toEqual([`15 ${launcher}`, `15 ${late.id.pid}`]);
    expect(state("smart")).toBe("down");
  });

  test("that cannot be killed is tried again, and the legion is not rid of it", () => {
    const w = new UnitWorld();
    const left = w.fork(0, false);
    left.stuck = true;
    left.obedient = false;
    w.pidfile = left.id;
    const unit = new DaemonUnit({ plan: SMART }, w, w);
    unit.start(STANDING_BY);
    w.settle();
    w.advance(3000);
    expect(w.signals).toEqual([`15 ${left.id.pid}`, `9 ${left.id.pid}`]);
    expect(unit.status.state).toBe("killing");
  });
});

describe("at the end", () => {
  for (const plan of [DUMB, SMART]) {
    test(`a stop leaves the legion first, and stops its ${plan.kind} daemon`, async () => {
      const { running, world: w, elect, pid, ends, gate } = world([plan]);
      elect(true);
      const main = pid(plan.name);
      running.stop();
      expect(w.signals).toEqual(["leave", `15 ${main}`]);
      w.settle();
      expect(gate.seen[0]).toBe("leave");
      await running.settle();
      expect(ends).toEqual([{ kind: "stopped", code: 0 }]);
    });
  }

  test("a reload stops a smart one too, and one that comes to nothing starts it only as the lord", async () => {
    const { running, world: w, elect, ends, gate, state } = world([SMART]);
    elect(true);
    const main = w.fork(0, true);
    w.writePidfile(main.id);
    expect(state("smart")).toBe("running");
    running.reload();
    w.settle();
    expect(w.signals.slice(0, 2)).toEqual(["leave", `15 ${main.id.pid}`]);
    expect(gate.seen[0]).toBe("leave for a reload");
    await running.settle();
    expect(ends).toEqual([{ kind: "reload" }]);
    gate.lordOf.clear();
    w.writePidfile(null);
    await running.carryOn();
    w.settle();
    expect(state("smart")).toBe("down");
    elect(true);
    expect(state("smart")).toBe("starting");
  });

  test("a lordship won while reeve stops starts nothing", () => {
    const { running, elect, state } = world([DUMB]);
    running.stop();
    elect(true);
    expect(state("dumb")).toBe("down");
  });
});
