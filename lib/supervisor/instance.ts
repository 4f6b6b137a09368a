/**
 * The running system: composes units, reaper, sweeper and signals, and owns the life of the whole instance. Every
 * decision about one daemon is its unit's; what is decided here concerns all of them: start, stop, reload.
 */
import { outlivesReeve } from "../daemon/gates.ts";
import { type ExitCause, exitCodeOf } from "../sys/process_id.ts";
import type { Logger } from "../log/logger.ts";
import type { DaemonUnit } from "./unit/unit.ts";
import type { UnitSet } from "./unit/units.ts";

export type InstanceEnd =
  | { readonly kind: "stopped"; readonly code: number }
  /** Every daemon that must not live on is down: the executable is to be executed anew. */
  | { readonly kind: "reload" };

/** Legions, as those daemons need them that run on the lord alone. */
export interface LegionGate {
  isLord(legion: string): boolean;
  /** Another node is to take over: called before the daemons of any legion are stopped, for a stop or a reload. */
  leave(ends: boolean): void;
  /** One daemon of it has stopped. */
  daemonDown(legion: string): void;
}

type Phase = "starting" | "running" | "stopping" | "reloading";

export class Instance {
  readonly units: UnitSet;
  readonly #logger: Pick<Logger, "info" | "warning">;
  readonly #end: (end: InstanceEnd) => void;
  /** Reeve's end is the end of the PID namespace: smart daemons are stopped like all others, not left to a SIGKILL. */
  readonly #nothingSurvives: boolean;
  #legions: LegionGate | null = null;
  #phase: Phase = "starting";
  /** A stop or reload that has not been answered by `end`. */
  #pending = false;
  /** Somebody has told it to stop: to be told again means "at once". */
  #asked = false;
  #code = 0;
  /** Control daemons that ran when the instance was told to stop: the first of them to end gives the exit code. */
  readonly #codeGivers = new Set<DaemonUnit>();

  constructor(
    units: UnitSet,
    logger: Pick<Logger, "info" | "warning">,
    nothingSurvives: boolean,
    end: (end: InstanceEnd) => void,
  ) {
    this.units = units;
    this.#logger = logger;
    this.#nothingSurvives = nothingSurvives;
    this.#end = end;
    units.listen({
      stopped: (unit) => this.#unitStopped(unit),
      controlEnded: (unit, cause, failed) => this.#controlEnded(unit, cause, failed),
    });
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** To be called before `start`, where any daemon belongs to a legion. */
  useLegions(legions: LegionGate): void {
    this.#legions = legions;
  }

  /** All daemons at once, in the order of the configuration. */
  start(): void {
    this.#phase = "running";
    this.units.start();
  }

  /**
   * Orderly: dumb daemons get their stop signal, all at once; smart ones are let go. A second call kills. Whether it was
   * the second. Without a code of its own it ends with that of a control daemon, as an init does.
   */
  stop(code: number | null = null): boolean {
    const again = this.#asked;
    this.#asked = true;
    if (this.#phase !== "stopping") {
      const givers = code !== null ? [] : [...this.units].filter(({ plan, status }) => {
        return plan.control && status.child !== null;
      });
      for (const unit of givers) this.#codeGivers.add(unit);
      this.#stopAll(code ?? 0);
    } else if (again) this.kill();
    return again;
  }

  #stopAll(code: number): void {
    this.#logger.info(null, "stopping", { daemons: this.units.size });
    this.#phase = "stopping";
    this.#code = code;
    this.#pending = true;
    this.#legions?.leave(true);
    this.units.setShutdown(this.#nothingSurvives ? "stopAll" : "stop");
    this.#finishIfDone();
  }

  /** At once: SIGKILL for everything that a stop would end. */
  kill(): void {
    if (this.#phase !== "stopping") this.#stopAll(this.#code);
    const left = [...this.units].filter(({ status }) => status.state !== "down");
    this.#logger.warning(null, "killing what has not stopped yet", { daemons: left.length });
    for (const unit of left) unit.handle({ type: "killRequested" });
  }

  /** Ends dumb daemons and those of legions, and keeps smart ones as they are; `end` says when the next image can take over. */
  reload(): void {
    if (this.#phase !== "running") return;
    this.#phase = "reloading";
    this.#pending = true;
    this.#legions?.leave(false);
    this.units.setShutdown("reload");
    this.#finishIfDone();
  }

  /** The exec of a reload failed: dumb daemons come back under this image. */
  carryOn(): void {
    this.#phase = "running";
    this.units.setShutdown("open");
  }

  /** The jail was made again, or lost. `isStale`: daemons that still run are in what is left of the one before. */
  jailChanged(isStale: boolean): void {
    if (isStale) {
      for (const unit of this.units) {
        if (unit.status.state === "running") unit.handle({ type: "restartRequested", reason: "restart" });
      }
    }
    this.units.refresh();
  }

  #unitStopped(unit: DaemonUnit): void {
    if (this.#codeGivers.has(unit) && unit.status.lastExit !== null) {
      this.#code = exitCodeOf(unit.status.lastExit);
      this.#codeGivers.clear();
    }
    const { legion } = unit.plan;
    // Standing by, it may find that something of it runs: that is known once the unit is done with this event.
    if (legion !== null) queueMicrotask(() => this.#legions?.daemonDown(legion));
    this.#finishIfDone();
  }

  /** The instance lives only as long as its control daemons; the first to end gives the exit code. */
  #controlEnded(unit: DaemonUnit, cause: ExitCause, failed: boolean): void {
    const code = exitCodeOf(cause);
    if (this.#phase === "stopping") return;
    this.#logger.info(unit.name, "the control daemon ended, stopping", { code });
    // Its own failure to start must not look like a clean end.
    const final = failed && code === 0 ? 1 : code;
    queueMicrotask(() => this.#phase === "stopping" || this.#stopAll(final));
  }

  #finishIfDone(): void {
    const isDone = (unit: DaemonUnit): boolean =>
      unit.status.state === "down" || (this.#phase === "reloading" && outlivesReeve(unit.plan));
    if (!this.#pending || !this.units.isEvery(isDone)) return;
    this.#pending = false;
    if (this.#phase === "stopping") this.#end({ kind: "stopped", code: this.#code });
    else if (this.#phase === "reloading") this.#end({ kind: "reload" });
  }
}
