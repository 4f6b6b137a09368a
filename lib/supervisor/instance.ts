/**
 * The instance as it runs: feeds events to its life and carries the effects out, from the start to the exit
 * code. It must never decide; what follows from what is in instance_life.ts.
 */
import { outlivesReload } from "../daemon/gates.ts";
import type { ReloadFate } from "../config/diff/over_reload.ts";
import type { Logger } from "../log/logger.ts";
import { Runner } from "../machine/runner.ts";
import { errorText } from "../sys/error_text.ts";
import { exitCodeOf } from "../sys/process_id.ts";
import { LOOP_TIMERS } from "../sys/timers.ts";
import { Farewell } from "./unit/farewell.ts";
import {
  InstanceLife,
  type LifeEffect,
  type LifeEvent,
  type LifeState,
  type LifeStatus,
} from "./instance_life.ts";
import type { DaemonUnit } from "./unit/unit.ts";
import type { UnitSet } from "./unit/units.ts";

export interface InstanceDeps {
  readonly logger: Pick<Logger, "debug" | "info" | "warning" | "error">;
  readonly units: UnitSet;
  readonly legions: {
    /** Another node is to take over: before the daemons of any legion are stopped, for a stop or a reload. */
    leave(ends: boolean): void;
    /** One daemon of it has stopped. */
    daemonDown(legion: string): void;
    /** Resolves when all are left. */
    closed(): Promise<void>;
    callOffHooks(): void;
  };
  /**
   * Reeve's end is the end of the PID namespace: smart daemons are stopped like all others, not left to a
   * SIGKILL.
   */
  readonly nothingSurvives: boolean;
  /** Aborts the start, and the hooks that follow the daemons' start. */
  readonly callOffStart: () => void;
  /** From now on nothing new is begun. */
  readonly callOffLife: () => void;
  readonly tellUp: (isAgain: boolean) => void;
  readonly tellStopping: () => void;
  /** Reads the configuration anew; answers by `reloadGranted`, or by a stop. */
  readonly checkReload: () => void;
  /** The daemons that the reload, which was granted, treats otherwise than their kind says. */
  readonly reloadFates: () => ReadonlyMap<string, ReloadFate>;
  /** Becomes the next image; resolves where that fails, or was called off. */
  readonly handOver: (isCalledOff: () => boolean, signal: AbortSignal) => Promise<void>;
  readonly runExitHooks: (signal: AbortSignal) => Promise<void>;
  readonly endJail: (status: Readonly<LifeStatus>, signal: AbortSignal) => Promise<void>;
}

/** Told to stop at once: hooks of the end are called off. */
class AtOnce extends Error {}

export class Instance {
  readonly #deps: InstanceDeps;
  readonly #life = new InstanceLife();
  readonly #runner: Runner<LifeEvent, LifeEffect>;
  readonly #ended = Promise.withResolvers<number>();
  readonly #goodbye: Farewell;
  /** Calls off what runs at the end. */
  #farewell: AbortController | null = null;
  /** The work under way beside the life of the daemons: the start, or the hand-over. */
  #underWay: Promise<void> = Promise.resolve();

  /** Units that had not come down at the last look. */
  #left: DaemonUnit[] = [];

  constructor(deps: InstanceDeps) {
    this.#deps = deps;
    this.#runner = new Runner<LifeEvent, LifeEffect>(this.#life, {}, {
      now: () => performance.now(),
      timers: LOOP_TIMERS,
      log: (_, text) => deps.logger.debug(null, `instance: ${text}`),
      carryOut: (effect) => this.#carryOut(effect),
      failed: (effect, error) => deps.logger.error(null, `cannot ${effect}: ${errorText(error)}`),
    });
    this.#goodbye = new Farewell({
      logger: deps.logger,
      timers: LOOP_TIMERS,
      now: () => performance.now(),
    });
    deps.units.listen({
      stopped: (unit) => this.#unitStopped(unit),
      controlEnded: (unit, cause, failed) => {
        if (this.state === "stopping") return;
        const code = exitCodeOf(cause);
        deps.logger.info(unit.name, "the control daemon ended, stopping", { code });
        // Its own failure to start must not look like a clean end.
        queueMicrotask(() => this.handle({ type: "endAsked", code: failed && code === 0 ? 1 : code }));
      },
      changed: () => this.#lookWhetherDown(),
    });
  }

  get state(): LifeState {
    return this.#life.status.state;
  }

  handle(event: LifeEvent): void {
    this.#runner.handle(event);
  }

  /** From the start on, which `start` carries out and tells of by events; resolves with the exit code. */
  run(start: () => Promise<LifeEvent>): Promise<number> {
    this.#underWay = start().then((event) => this.handle(event));
    return this.#ended.promise;
  }

  #carryOut(effect: LifeEffect): void {
    const deps = this.#deps;
    switch (effect.do) {
      case "callOffStart":
        return deps.callOffStart();
      case "startDaemons":
        return deps.units.start();
      case "tellUp":
        return deps.tellUp(false);
      case "checkReload":
        return deps.checkReload();
      case "tellStopping":
        return deps.tellStopping();
      case "stopDaemons":
        return this.#stopDaemons();
      case "stopForReload":
        deps.legions.leave(false);
        deps.units.setShutdown("reload", deps.reloadFates());
        return this.#lookWhetherDown();
      case "killDaemons":
        return this.#killDaemons();
      case "startAgain":
        deps.units.setShutdown("open");
        return deps.tellUp(true);
      case "handOver":
        this.#underWay = this.#farewellOf((signal) =>
          deps.handOver(() => this.state !== "handingOver", signal)
        );
        return this.#then(this.#underWay, { type: "handOverFailed" });
      case "callOffHooks":
        deps.legions.callOffHooks();
        return this.#farewell?.abort(new AtOnce("told to stop at once"));
      case "closeLegions":
        return this.#then(this.#closeLegions(), { type: "legionsClosed" });
      case "runExitHooks":
        return this.#then(this.#farewellOf((signal) => deps.runExitHooks(signal)), { type: "exitHooksDone" });
      case "endJail": {
        const ending = this.#farewellOf((signal) => deps.endJail(this.#life.status, signal));
        return this.#then(ending, { type: "jailGone" });
      }
      case "end":
        return this.#end();
    }
  }

  #end(): void {
    const { code, failure } = this.#life.status;
    if (failure === "none") this.#deps.logger.info(null, "goodbye to reeve", { code: code ?? 0 });
    this.#ended.resolve(code ?? 0);
  }

  /** Life goes on, whether it succeeds or fails. */
  #then(work: Promise<void>, event: LifeEvent): void {
    const next = (): void => this.handle(event);
    work.catch((error: unknown) => this.#deps.logger.error(null, errorText(error))).then(next, next);
  }

  async #farewellOf(run: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const control = new AbortController();
    this.#farewell = control;
    await run(control.signal);
    if (this.#farewell === control) this.#farewell = null;
  }

  async #closeLegions(): Promise<void> {
    await this.#underWay;
    this.#deps.callOffLife();
    this.#deps.legions.leave(true);
    await this.#deps.legions.closed();
  }

  /** Orderly: dumb daemons get their stop signal, all at once; smart ones are let go. */
  #stopDaemons(): void {
    const { logger, legions, units, nothingSurvives } = this.#deps;
    logger.info(null, "stopping", { daemons: units.size });
    if (!nothingSurvives) this.#goodbye.sayWhoLivesOn(units);
    this.#goodbye.begin(() => this.#left);
    legions.leave(true);
    units.setShutdown(nothingSurvives ? "stopAll" : "stop");
    this.#lookWhetherDown();
  }

  /** SIGKILL for everything that a stop would end. */
  #killDaemons(): void {
    const left = [...this.#deps.units].filter(({ status }) => status.state !== "down");
    this.#deps.logger.warning(null, "killing what has not stopped yet", { daemons: left.length });
    for (const unit of left) unit.handle({ type: "killRequested" });
  }

  #unitStopped({ plan: { control, legion }, status: { lastExit } }: DaemonUnit): void {
    if (control && lastExit !== null) this.handle({ type: "controlStopped", code: exitCodeOf(lastExit) });
    // Standing by, it may find that something of it runs: that is known once the unit is done with this
    // event.
    if (legion !== null) queueMicrotask(() => this.#deps.legions.daemonDown(legion));
    this.#lookWhetherDown();
  }

  /** All units are looked at once, then those that were not down: a thousand ends are no million looks. */
  #lookWhetherDown(): void {
    if (this.state !== "stopping" && this.state !== "reloading") return;
    const isReload = this.state === "reloading";
    const isLeft = ({ status: { state }, plan, gates }: DaemonUnit): boolean =>
      state !== "down" && !(isReload && outlivesReload(gates, plan));
    this.#left.length = this.#left.findLastIndex(isLeft) + 1;
    if (this.#left.length === 0) this.#left = [...this.#deps.units].filter(isLeft);
    if (this.#left.length > 0) return;
    this.#goodbye.end();
    this.handle({ type: "daemonsDown" });
  }
}
