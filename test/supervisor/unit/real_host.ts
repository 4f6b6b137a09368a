/**
 * A UnitHost on the real system, for tests: what it logs is kept, dead children are collected while one
 * waits.
 */
import type { DaemonPlan } from "../../../lib/config/plan/daemon_plan.ts";
import type { InstancePlan } from "../../../lib/config/plan/instance_plan.ts";
import type { ProcessId } from "../../../lib/sys/process_id.ts";
import { Logger } from "../../../lib/log/logger.ts";
import { LOOP_TIMERS } from "../../../lib/sys/timers.ts";
import type { Inherited } from "../../../lib/process/child_builder.ts";
import { Birthmarks } from "../../../lib/process/birthmarks.ts";
import { Journal } from "../../../lib/records/journal.ts";
import { reapAll } from "../../../lib/process/reaper.ts";
import { Registry } from "../../../lib/process/registry.ts";
import { SharedParts } from "../../../lib/supervisor/shared_parts.ts";
import { Sweeper } from "../../../lib/process/sweeper.ts";
import { DaemonUnit } from "../../../lib/supervisor/unit/unit.ts";
import { UnitHost } from "../../../lib/supervisor/unit/host.ts";
import { signalProcess } from "../../../lib/sys/process/pidfd.ts";
import { listChildren } from "../../../lib/sys/process/process_table.ts";
import { reapDead } from "../../../lib/sys/process/reap.ts";
import { watcher } from "../../../lib/sys/file/watcher.ts";
import { INSTANCE_PLAN } from "../../support/plans.ts";

export const INHERITED: Inherited = {
  umask: 0o022,
  rlimits: [],
  isRoot: process.getuid?.() === 0,
  cpuCount: 1,
  terminal: false,
};
export const ENVIRONMENT = { list: ["PATH=/usr/bin:/bin"], path: "/usr/bin:/bin" };

export class RealHost {
  readonly registry = new Registry();
  readonly host: UnitHost;
  #log = "";
  readonly #logger: Logger;
  /** Not this test's: a runtime may have children of its own. */
  readonly #before = new Set(listChildren());

  constructor(instance: InstancePlan = INSTANCE_PLAN) {
    const logger = new Logger({
      fd: 2,
      format: { format: "text", date: null, prefix: null, colour: false },
      least: "debug",
      timers: LOOP_TIMERS,
      now: () => 0,
      write: (_fd, bytes, offset) => {
        this.#log += new TextDecoder().decode(bytes.subarray(offset));
        return bytes.length - offset;
      },
    });
    this.#logger = logger;
    this.host = new UnitHost({
      instance,
      logger,
      repeats: new SharedParts(logger).repeats,
      registry: this.registry,
      sweeper: new Sweeper({
        strangers: () => [],
        kill: () => {},
        killGroup: () => false,
        hearEnd: () => {},
        markOfLeader: () => null,
        markOf: () => null,
        later: () => {},
      }),
      marks: new Birthmarks({ runDir: null, limit: { soft: 0n, hard: 0n }, now: 0n }),
      journal: new Journal(null, () => {}),
      watcher: watcher(),
      watchFile: () => ({ remove: () => {} }),
      environment: ENVIRONMENT,
      inherited: INHERITED,
      jail: () => null,
      selfUid: process.getuid?.() ?? 0,
      selfGid: process.getgid?.() ?? 0,
      onSpawned: () => {},
    });
  }

  get log(): string {
    this.#logger.flush();
    return this.#log;
  }

  /** Starts a daemon at once, and has it on record, without which it does not begin. */
  spawn(plan: DaemonPlan): ProcessId {
    const process = this.host.spawn(plan, false, 0);
    if (process === null) throw new Error("it is to wait for a jail, and there is none");
    this.host.remember(this.unit(plan), process);
    return process;
  }

  /** A unit that the host knows, and that does nothing. */
  unit(plan: DaemonPlan): DaemonUnit {
    return new DaemonUnit({ plan }, this.host, { stopped: () => {}, controlEnded: () => {} });
  }

  reap(): void {
    reapAll(
      {
        reapDead,
        failureOf: (pid) => this.host.failureOf(pid),
        forget: (pid) => this.host.forgetChild(pid),
      },
      this.registry,
      () => {},
    );
  }

  /** Collects dead children until the condition holds. */
  async until(condition: () => boolean, what = condition.toString()): Promise<void> {
    const end = performance.now() + 10_000;
    for (this.reap(); !condition(); this.reap()) {
      if (performance.now() > end) throw new Error(`this has not come true: ${what}\n${this.log}`);
      await Bun.sleep(2);
    }
  }

  /** Kills and collects what a test left. */
  async close(): Promise<void> {
    const left = (): number[] => listChildren().filter((pid) => !this.#before.has(pid));
    for (const pid of left()) signalProcess(pid, 9);
    await this.until(() => left().length === 0, "no child is left");
  }
}
