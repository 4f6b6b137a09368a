/**
 * An Instance over a world that the test moves: how it ends, and what it asks of the parts that are no
 * daemons.
 */
import type { DaemonPlan } from "../../lib/config/plan/daemon_plan.ts";
import { Instance } from "../../lib/supervisor/instance.ts";
import { UnitSet } from "../../lib/supervisor/unit/units.ts";
import { UnitWorld } from "./unit/world.ts";

export type Ending = { readonly kind: "stopped"; readonly code: number } | { readonly kind: "reload" };

export class RunningInstance {
  readonly world = new UnitWorld();
  readonly units: UnitSet;
  readonly instance: Instance;
  readonly ends: Ending[] = [];
  /** What was logged, and what else was asked for. */
  readonly lines: string[] = [];
  readonly lordOf = new Set<string>();
  /** What the legions were told. */
  readonly legions: string[] = [];
  #execFails: (() => void) | null = null;

  constructor(daemons: readonly DaemonPlan[], nothingSurvives = false) {
    const say = (daemon: string | null, text: string): void =>
      void this.lines.push(`${daemon ?? "reeve"}: ${text}`);
    this.units = new UnitSet(daemons, new Map(), this.world, {
      isLord: (legion) => this.lordOf.has(legion),
      isJailOpen: () => !this.world.jailIsDown,
    });
    this.instance = new Instance({
      logger: { debug: () => {}, info: say, warning: say, error: say },
      units: this.units,
      legions: {
        leave: (ends) => {
          this.world.signals.push("leave");
          this.legions.push(ends ? "leave" : "leave for a reload");
        },
        daemonDown: (legion) => void this.legions.push(`down ${legion}`),
        closed: () => Promise.resolve(),
        callOffHooks: () => void this.lines.push("legion hooks called off"),
      },
      nothingSurvives,
      callOffStart: () => void this.lines.push("start called off"),
      callOffLife: () => {},
      tellUp: (isAgain) => void this.lines.push(isAgain ? "up again" : "up"),
      tellStopping: () => void this.lines.push("tell stopping"),
      checkReload: () => this.instance.handle({ type: "reloadGranted" }),
      reloadFates: () => new Map(),
      handOver: () => {
        this.ends.push({ kind: "reload" });
        return new Promise((resolve) => {
          this.#execFails = resolve;
        });
      },
      runExitHooks: () => {
        this.lines.push("exit hooks");
        return Promise.resolve();
      },
      endJail: () => Promise.resolve(),
    });
  }

  /** As far as its daemons, and up. */
  start(): void {
    void this.run();
    this.instance.handle({ type: "daemonsDue" });
    this.instance.handle({ type: "startDone" });
    this.world.settle();
  }

  /** `start`: rejects where it is called off. */
  async run(start: Promise<void> = Promise.resolve()): Promise<void> {
    const code = await this.instance.run(() =>
      start.then(
        () => ({ type: "startDone" }),
        () => ({ type: "startFailed", isStop: true, code: 0 }),
      )
    );
    this.ends.push({ kind: "stopped", code });
  }

  stop(code: number | null = null): void {
    this.instance.handle({ type: "stopAsked", code });
  }

  reload(): void {
    this.instance.handle({ type: "reloadAsked" });
  }

  /** The exec of a reload fails: this image goes on. */
  async carryOn(): Promise<void> {
    this.#execFails?.();
    await this.settle();
  }

  /** What was promised has come. */
  async settle(): Promise<void> {
    for (let turns = 0; turns < 20; turns++) {
      this.world.settle();
      await Promise.resolve();
    }
  }

  elect(isLord: boolean): void {
    if (isLord) this.lordOf.add("blue");
    else this.lordOf.delete("blue");
    this.units.refresh();
    this.world.settle();
  }

  state(name: string): string {
    return this.units.find(name)!.status.state;
  }

  pid(name: string): number {
    const { main, child } = this.units.find(name)!.status;
    return (main ?? child)!.pid;
  }
}
