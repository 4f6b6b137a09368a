/**
 * The running system: composes units, reaper, sweeper and signals, and owns the life of the whole instance. Every
 * decision about one daemon is its unit's; what is decided here concerns all of them: start, stop, reload.
 */
import type { Plan } from "../config/plan/plan.ts";
import { signalName } from "../sys/signal_names.ts";
import { type ExitCause, exitCodeOf, type ProcessId, sameProcess } from "../sys/process_id.ts";
import type { Logger } from "../log/logger.ts";
import type { StopReason } from "../daemon/state.ts";
import type { Saved } from "../records/handover.ts";
import { DaemonUnit, type UnitServices } from "./unit/unit.ts";
import { SIGHUP } from "../sys/native/constants.ts";

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
  readonly plan: Plan;
  readonly units: readonly DaemonUnit[];
  readonly #logger: Pick<Logger, "info" | "warning">;
  readonly #end: (end: InstanceEnd) => void;
  /** Reeve's end is the end of the PID namespace: smart daemons are stopped like all others, not left to a SIGKILL. */
  readonly #nothingSurvives: boolean;
  readonly #waitingFor = new Set<DaemonUnit>();
  #legions: LegionGate | null = null;
  #phase: Phase = "starting";
  /** A stop or reload that has not been answered by `end`. */
  #pending = false;
  /** Somebody has told it to stop: to be told again means "at once". */
  #asked = false;
  /** The jail was made again while a reload was under way. */
  #opened: { readonly isStale: boolean } | null = null;
  #code = 0;
  /** Control daemons that ran when the instance was told to stop: the first of them to end gives the exit code. */
  readonly #codeGivers = new Set<DaemonUnit>();

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

  /** Whether there is such a daemon. */
  restart(name: string, reason: StopReason): boolean {
    const unit = this.find(name);
    unit?.handle({ type: "restartRequested", reason });
    return unit !== null;
  }

  /** Of the daemon that `process` is known to be; null: of none. */
  stopSignalOf(process: ProcessId): number | null {
    const is = ({ known, status }: DaemonUnit): boolean =>
      sameProcess(known, process) || sameProcess(status.main, process);
    return this.units.find(is)?.plan.stopSignal ?? null;
  }

  /** To be called before `start`, where any daemon belongs to a legion. */
  useLegions(legions: LegionGate): void {
    this.#legions = legions;
  }

  /** All daemons at once, in the order of the configuration. */
  start(): void {
    this.#phase = "running";
    for (const unit of this.units) {
      if (this.#phase !== "running") return;
      if (unit.status.state === "down") this.#startUnit(unit);
      else unit.resume();
    }
  }

  #startUnit(unit: DaemonUnit): void {
    if (this.#mayRun(unit)) unit.start();
    else unit.standBy();
  }

  #mayRun({ plan: { legion } }: DaemonUnit): boolean {
    return legion === null || this.#legions?.isLord(legion) === true;
  }

  /** This node has become the lord of the legion, or is not any more: its daemons start, or stop, at once. */
  lordChanged(legion: string, isLord: boolean): void {
    if (this.#phase !== "running") return;
    for (const unit of this.units) {
      if (unit.plan.legion !== legion) continue;
      if (isLord) unit.start();
      else unit.handle({ type: "unwanted", reason: "stop", signal: unit.plan.stopSignal });
    }
  }

  isLegionDown(legion: string): boolean {
    return this.units.every(({ plan, status }) => plan.legion !== legion || status.state === "down");
  }

  /**
   * Orderly: dumb daemons get their stop signal, all at once; smart ones are let go. A second call kills. Whether it was
   * the second. Without a code of its own it ends with that of a control daemon, as an init does.
   */
  stop(code: number | null = null): boolean {
    const again = this.#asked;
    this.#asked = true;
    if (this.#phase !== "stopping") {
      const givers = code !== null ? [] : this.units.filter(({ plan, status }) => {
        return plan.control && status.child !== null;
      });
      for (const unit of givers) this.#codeGivers.add(unit);
      this.#stopAll(code ?? 0);
    } else if (again) this.kill();
    return again;
  }

  #stopAll(code: number): void {
    this.#logger.info(null, "stopping", { daemons: this.units.length });
    this.#phase = "stopping";
    this.#code = code;
    this.#pending = true;
    this.#legions?.leave(true);
    this.#waitingFor.clear();
    for (const unit of this.units) this.#waitingFor.add(unit);
    for (const unit of this.units) {
      const { plan } = unit;
      if (!isSurvivor(unit) || this.#nothingSurvives) {
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

  /** Ends dumb daemons and those of legions, and keeps smart ones as they are; `end` says when the next image can take over. */
  reload(): void {
    if (this.#phase !== "running") return;
    this.#phase = "reloading";
    this.#pending = true;
    this.#legions?.leave(false);
    this.#waitingFor.clear();
    const ending = this.units.filter((unit) => !isSurvivor(unit) && unit.status.state !== "down");
    for (const unit of ending) this.#waitingFor.add(unit);
    for (const unit of ending) {
      const { plan } = unit;
      unit.handle({ type: "unwanted", reason: "reload", signal: plan.reloadSignal ?? plan.stopSignal });
    }
    for (const unit of this.units) {
      if (isSurvivor(unit) && unit.plan.notifyPid && unit.status.main !== null) {
        unit.notify(unit.plan.reloadSignal ?? SIGHUP);
      }
    }
    this.#finishIfDone();
  }

  /** The exec of a reload failed: dumb daemons come back under this image. */
  carryOn(): void {
    this.#phase = "running";
    for (const unit of this.units) if (unit.status.state === "down") this.#startUnit(unit);
    const opened = this.#opened;
    this.#opened = null;
    if (opened !== null) this.jailOpened(opened.isStale);
  }

  /** The jail was made again. `isStale`: daemons that still run are in what is left of the one before. */
  jailOpened(isStale: boolean): void {
    // The next image sees for itself; if there is none, what waits for the jail must not wait for ever.
    if (this.#phase === "reloading") this.#opened = { isStale };
    if (this.#phase !== "running") return;
    for (const unit of this.units) unit.jailOpened(isStale);
  }

  /** A unit that was told to stop has. */
  unitStopped(unit: DaemonUnit): void {
    this.#waitingFor.delete(unit);
    if (this.#codeGivers.has(unit) && unit.status.lastExit !== null) {
      this.#code = exitCodeOf(unit.status.lastExit);
      this.#codeGivers.clear();
    }
    const { legion } = unit.plan;
    if (legion !== null) {
      if (this.#phase === "running" && !this.#mayRun(unit)) unit.standBy();
      // Standing by, it may find that something of it runs: that is known once the unit is done with this event.
      queueMicrotask(() => this.#legions?.daemonDown(legion));
    }
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

/** It is left running when reeve ends or reloads. A legion's is not: another node will be the lord. */
function isSurvivor({ plan: { kind, legion } }: DaemonUnit): boolean {
  return kind !== "dumb" && legion === null;
}

function describeCause(cause: ExitCause): string {
  if (cause.kind === "exited") return `code ${cause.code}`;
  return cause.kind === "killed" ? `signal ${signalName(cause.signal)}` : "unknown";
}
