/**
 * The running system: composes units, reaper, sweeper and signals, and owns the life of the whole instance. Every
 * decision about one daemon is its unit's; what is decided here concerns all of them: start, stop, reload.
 */
import type { Plan } from "../config/plan.ts";
import { signalName } from "../config/signals.ts";
import { type ExitCause, exitCodeOf } from "../daemon/process.ts";
import type { Logger } from "../log/logger.ts";
import type { Saved } from "./handover.ts";
import { DaemonUnit, type UnitServices } from "./unit.ts";

export type InstanceEnd =
  | { readonly kind: "stopped"; readonly code: number }
  /** Every daemon that must not live on is down: the executable is to be executed anew. */
  | { readonly kind: "reload" };

type Phase = "starting" | "running" | "stopping" | "reloading";

export class Instance {
  readonly plan: Plan;
  readonly units: readonly DaemonUnit[];
  readonly #logger: Pick<Logger, "info" | "warning">;
  readonly #end: (end: InstanceEnd) => void;
  /** Reeve's end is the end of the PID namespace: smart daemons are stopped like all others, not left to a SIGKILL. */
  readonly #nothingSurvives: boolean;
  readonly #waitingFor = new Set<DaemonUnit>();
  #phase: Phase = "starting";
  /** A stop or reload that has not been answered by `end`. */
  #pending = false;
  /** Somebody has told it to stop: to be told again means "at once". */
  #asked = false;
  #code = 0;

  constructor(
    plan: Plan,
    host: UnitServices,
    logger: Pick<Logger, "info" | "warning">,
    saved: ReadonlyMap<string, Saved>,
    nothingSurvives: boolean,
    end: (end: InstanceEnd) => void,
  ) {
    this.plan = plan;
    this.#logger = logger;
    this.#nothingSurvives = nothingSurvives;
    this.#end = end;
    this.units = plan.daemons.map((daemon) => {
      const found = saved.get(daemon.name);
      return new DaemonUnit(daemon, host, found ?? { status: null, known: null });
    });
  }

  get phase(): Phase {
    return this.#phase;
  }

  find(name: string): DaemonUnit | null {
    return this.units.find((unit) => unit.name === name) ?? null;
  }

  /** All daemons at once, in the order of the configuration. */
  start(): void {
    this.#phase = "running";
    for (const unit of this.units) {
      if (this.#phase !== "running") return;
      if (unit.status.state === "down") unit.start();
      else unit.resume();
    }
  }

  /**
   * Orderly: dumb daemons get their stop signal, all at once; smart ones are let go. A second call kills. Whether it was
   * the second.
   */
  stop(code = 0): boolean {
    const again = this.#asked;
    this.#asked = true;
    if (this.#phase !== "stopping") this.#stopAll(code);
    else if (again) this.kill();
    return again;
  }

  #stopAll(code: number): void {
    this.#logger.info(null, "stopping", { daemons: this.units.length });
    this.#phase = "stopping";
    this.#code = code;
    this.#pending = true;
    this.#waitingFor.clear();
    for (const unit of this.units) this.#waitingFor.add(unit);
    for (const unit of this.units) {
      const { plan } = unit;
      if (plan.kind === "dumb" || this.#nothingSurvives) {
        unit.handle({ type: "unwanted", reason: "stop", signal: plan.stopSignal });
      } else unit.handle({ type: "released", signal: plan.notifyPid ? plan.stopSignal : null });
    }
    this.#finishIfDone();
  }

  /** At once: SIGKILL for everything that a stop would end. */
  kill(): void {
    if (this.#phase !== "stopping") this.#stopAll(this.#code);
    this.#logger.warning(null, "killing what has not stopped yet", { daemons: this.#waitingFor.size });
    for (const unit of [...this.#waitingFor]) unit.handle({ type: "killRequested" });
  }

  /** Ends dumb daemons and keeps smart ones as they are; `end` says when the next image can take over. */
  reload(): void {
    if (this.#phase !== "running") return;
    this.#phase = "reloading";
    this.#pending = true;
    this.#waitingFor.clear();
    const dumb = this.units.filter((unit) => unit.plan.kind === "dumb" && unit.status.state !== "down");
    for (const unit of dumb) this.#waitingFor.add(unit);
    for (const unit of dumb) {
      const { plan } = unit;
      unit.handle({ type: "unwanted", reason: "reload", signal: plan.reloadSignal ?? plan.stopSignal });
    }
    for (const unit of this.units) {
      if (unit.plan.kind !== "dumb" && unit.plan.notifyPid && unit.status.main !== null) {
        unit.notify(unit.plan.reloadSignal ?? SIGHUP);
      }
    }
    this.#finishIfDone();
  }

  /** The exec of a reload failed: dumb daemons come back under this image. */
  carryOn(): void {
    this.#phase = "running";
    for (const unit of this.units) if (unit.status.state === "down") unit.start();
  }

  /**
   * The jail was made again: what waited for it is started, and what had failed there may go well now. `isFresh`: those that still
   * run are in what is left of the one before.
   */
  jailOpened(isFresh: boolean): void {
    if (this.#phase !== "running") return;
    for (const unit of this.units) {
      const { state } = unit.status;
      unit.startHeld();
      if (state === "waiting" || state === "broken" || (isFresh && state === "running")) {
        unit.handle({ type: "restartRequested", reason: "restart" });
      }
    }
  }

  /** A unit that was told to stop has. */
  unitStopped(unit: DaemonUnit): void {
    this.#waitingFor.delete(unit);
    this.#finishIfDone();
  }

  /** The instance lives only as long as its control daemons; the first to end gives the exit code. */
  controlEnded(unit: DaemonUnit, cause: ExitCause, failed: boolean): void {
    const code = exitCodeOf(cause);
    if (this.#phase === "stopping") return;
    this.#logger.info(unit.name, "the control daemon ended, stopping", { code });
    // Its own failure to start must not look like a clean end.
    const final = failed && code === 0 ? 1 : code;
    queueMicrotask(() => this.#phase === "stopping" || this.#stopAll(final));
  }

  #finishIfDone(): void {
    if (this.#waitingFor.size > 0 || !this.#pending) return;
    this.#pending = false;
    if (this.#phase === "stopping") this.#end({ kind: "stopped", code: this.#code });
    else if (this.#phase === "reloading") this.#end({ kind: "reload" });
  }

  /** One line a daemon, for SIGUSR1. */
  describe(): void {
    for (const unit of this.units) {
      const { state, desired, main, child, respawns, since, lastExit } = unit.status;
      this.#logger.info(unit.name, `${state}`, {
        desired,
        kind: unit.plan.kind,
        pid: (main ?? child)?.pid ?? 0,
        respawns,
        ...(main === null ? {} : { up: `${((performance.now() - since) / 1000).toFixed(0)}s` }),
        ...(lastExit === null ? {} : { last_exit: describeCause(lastExit) }),
        command: unit.machine.settings.command,
      });
    }
  }
}

const SIGHUP = 1;

function describeCause(cause: ExitCause): string {
  if (cause.kind === "exited") return `code ${cause.code}`;
  return cause.kind === "killed" ? `signal ${signalName(cause.signal)}` : "unknown";
}
