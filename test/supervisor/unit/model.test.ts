/**
 * Units in a world that does anything a system can do, in any order: daemons that crash, daemonize, hand
 * over, ignore signals, leave children, write pidfiles badly; users who touch, reload and stop. What must
 * always hold is here.
 */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { OPEN } from "../../../lib/daemon/gates.ts";
import type { DaemonPlan } from "../../../lib/config/plan/daemon_plan.ts";
import type { ProcessId } from "../../../lib/sys/process_id.ts";
import { decode } from "../../../lib/records/codec.ts";
import { HANDOVER, saveState } from "../../../lib/records/handover.ts";
import { DaemonUnit } from "../../../lib/supervisor/unit/unit.ts";
import { DUMB_PLAN, SMART2_PLAN, SMART_PLAN } from "../../support/plans.ts";
import { UnitWorld } from "./world.ts";

const STEPS = [
  "advance",
  "advanceLong",
  "childDies",
  "childFails",
  "mainDies",
  "daemonize",
  "daemonizeUnderWrapper",
  "daemonizeWithoutPidfile",
  "handOver",
  "leaveChild",
  "emptyPidfile",
  "losePidfile",
  "restorePidfile",
  "halfPidfile",
  "touch",
  "disobey",
  "obey",
  "failSpawns",
  "allowSpawns",
  "reload",
  "reapDuringReload",
] as const;
type Step = (typeof STEPS)[number];

class Model {
  readonly world = new UnitWorld();
  unit: DaemonUnit;
  /** What the unit has taken for the daemon or its launcher, while it is neither given up nor handed over. */
  readonly believed = new Set<number>();

  readonly plan: DaemonPlan;

  constructor(plan: DaemonPlan) {
    this.plan = plan;
    this.unit = new DaemonUnit({ plan: plan }, this.world, this.world);
    this.world.onSpawn = () => {
      const living = [...this.believed].filter((pid) => this.world.alive.has(pid));
      expect(living).toEqual([]);
      expect(this.leftovers()).toEqual([]);
      expect(this.unit.status.desired).toBe("up");
    };
    this.unit.start(OPEN);
    this.check();
  }

  get #launcher(): ProcessId | null {
    return this.unit.status.child;
  }

  get #main(): ProcessId | null {
    return this.unit.status.main;
  }

  run(step: Step): void {
    const { world } = this;
    const main = this.#main;
    const launcher = this.#launcher;
    const single = main === null || main.pid === launcher?.pid;
    switch (step) {
      case "advance":
        world.advance(500);
        break;
      case "advanceLong":
        world.advance(11_000);
        break;
      case "childDies":
        if (launcher !== null) world.die(launcher.pid);
        break;
      case "childFails":
        if (launcher !== null) world.die(launcher.pid, { kind: "exited", code: 1 });
        break;
      case "mainDies":
        if (main !== null) world.die(main.pid);
        break;
      case "daemonize":
        if (launcher !== null && single) {
          world.writePidfile(world.fork(0, false).id);
          world.die(launcher.pid);
        }
        break;
      case "daemonizeUnderWrapper":
        if (launcher !== null && single) world.writePidfile(world.fork(0, false).id);
        break;
      case "daemonizeWithoutPidfile":
        if (launcher !== null) {
          world.fork(0, true);
          world.die(launcher.pid);
        }
        break;
      case "handOver":
        if (main !== null && this.plan.kind === "smart") {
          this.believed.delete(main.pid);
          world.writePidfile(world.fork(0, true).id);
          world.die(main.pid);
        }
        break;
      case "leaveChild":
        if (launcher !== null) world.fork(launcher.pid, false);
        break;
      case "emptyPidfile":
        world.writePidfile("");
        break;
      case "losePidfile":
        world.writePidfile(null);
        break;
      case "restorePidfile":
        if (main !== null) world.writePidfile(main);
        break;
      case "halfPidfile":
        world.writePidfile(world.fork(0, false).id, true);
        world.advance(10);
        if (main !== null) world.writePidfile(main);
        else world.writePidfile(null);
        break;
      case "touch":
        this.unit.handle({ type: "restartRequested", reason: "touch" });
        break;
      case "disobey":
        world.obedient = false;
        for (const process of world.alive.values()) process.obedient = false;
        break;
      case "obey":
        world.obedient = true;
        break;
      case "failSpawns":
        world.spawnFails = true;
        break;
      case "allowSpawns":
        world.spawnFails = false;
        break;
      case "reload":
        this.reload([]);
        break;
      case "reapDuringReload":
        this.reload([launcher, main]);
        break;
    }
    world.settle();
    this.check();
  }

  /** An exec of reeve; `dying` end before the new image is ready. Only smart daemons are kept over one. */
  reload(dying: readonly (ProcessId | null)[]): void {
    if (this.plan.kind === "dumb") return;
    this.unit.abandon();
    const written = new TextDecoder().decode(saveState([this.unit], null, this.world.now()));
    const { units: [saved] } = decode(HANDOVER, written);
    this.world.newImage();
    this.unit = new DaemonUnit({ plan: this.plan, restored: saved! }, this.world, this.world);
    for (const process of dying) if (process !== null) this.world.die(process.pid);
    this.unit.start(OPEN);
  }

  /** What is left in the sessions of launches. What a smart daemon's command leaves may be the daemon. */
  leftovers(): number[] {
    if (this.plan.kind === "smart") return [];
    const members = [...this.world.alive.values()].filter(({ session }) => this.believed.has(session));
    return members.map(({ id }) => id.pid);
  }

  check(): void {
    const { state, child, main, leader } = this.unit.status;
    for (const process of [child, main]) {
      if (process !== null && state !== "down") this.believed.add(process.pid);
    }
    // Whatever is believed to be its process is told to it when it ends.
    for (const process of [child, main]) {
      if (process === null || state === "down") continue;
      if (this.world.alive.get(process.pid)?.isChild === true) {
        expect(this.world.owner(process.pid)).toBe(this.unit);
      }
    }
    if (main !== null && state === "running") expect(this.world.alive.has(main.pid)).toBe(true);
    if (leader !== null) expect(["stopping", "killing", "running"]).toContain(state);
    expect(this.world.followers).toBeLessThanOrEqual(1);
    expect(this.world.watchers).toBeLessThanOrEqual(1);
  }

  /**
   * Told to stop, it does; what it believed to be the daemon is gone, and nothing is left behind in the unit.
   */
  stop(): void {
    this.unit.setGates({ ...OPEN, person: "closed" });
    this.world.settle();
    for (let waits = 0; this.unit.status.state !== "down" && waits < 5; waits++) this.world.advance(5000);
    expect(this.unit.status.state).toBe("down");
    expect(this.world.stoppedUnits).toEqual([this.unit]);
    expect([...this.believed].filter((pid) => this.world.alive.has(pid))).toEqual([]);
    expect(this.leftovers()).toEqual([]);
    expect([this.world.timers.pending, this.world.watchers, this.world.followers]).toEqual([0, 0, 0]);
    const launches = this.world.launches;
    this.world.writePidfile(null);
    this.world.advance(1_000_000);
    expect(this.world.launches).toBe(launches);
  }
}

const steps = fc.array(fc.constantFrom(...STEPS), { maxLength: 40, size: "max" });

for (const plan of [DUMB_PLAN, SMART_PLAN, SMART2_PLAN]) {
  test(`${plan.kind}: never two processes for one daemon, and a stop ends all of them once`, () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 4 }), (told, freq) => {
        const model = new Model({ ...plan, freq });
        for (const step of told) model.run(step);
        model.stop();
      }),
      { numRuns: 1500 },
    );
  });
}
