/**
 * The system as a unit sees it, and who hears of the unit. Types only: unit/host.ts provides it, a test fakes
 * it.
 */
import type { DaemonPlan } from "../../config/plan/daemon_plan.ts";
import type { State } from "../../daemon/state.ts";
import type { Logger } from "../../log/logger.ts";
import type { ExitCause, ProcessId } from "../../sys/process_id.ts";
import type { PidfileDeps } from "./pidfile_watch.ts";
import type { DaemonUnit, StartedAs } from "./unit.ts";

/** Processes, as a unit sees them. */
export interface UnitProcesses {
  /**
   * Starts the daemon's command; throws an Error that says which stage failed. null: its jail is about to go,
   * and the gate says when there is the next one. `number`: of the daemon among those of the instance.
   */
  spawn(plan: DaemonPlan, again: boolean, number: number): ProcessId | null;
  /** Our child `process` is to report its end to `owner`. */
  own(process: ProcessId, owner: DaemonUnit): void;
  disown(process: ProcessId, owner: DaemonUnit): void;
  /**
   * `ended` is called when `process` is gone, unless it is, or becomes, our child: then `owner` is told by
   * its reaping.
   */
  follow(process: ProcessId, owner: DaemonUnit, ended: () => void): { remove(): void };
  /** To its group where it leads one. Verified (child or pidfd) before anything is sent. */
  signal(process: ProcessId, signal: number): void;
  /** Signals what is left of the daemon that `leader` led. */
  sweep(leader: ProcessId, signal: number | null, news: SweepNews): void;
}

export interface SweepNews {
  /** Nothing of it is left. */
  emptied(): void;
  /** The first of them that lives. */
  found(member: ProcessId): void;
}

/** The record of it for the next reeve. */
export interface UnitRecords {
  remember(unit: DaemonUnit, process: ProcessId): void;
  /** Its end is known, or it is no longer this daemon: the record of it is closed. */
  forget(process: ProcessId): void;
}

export interface UnitDeps extends UnitProcesses, UnitRecords, PidfileDeps {
  readonly logger: Pick<Logger, "log">;
  /** Monotonic milliseconds. */
  now(): number;
  /** How a daemon of this plan is started at this moment. */
  startedAs(plan: DaemonPlan): StartedAs;
  /** It is no longer among the instance's daemons. */
  dismissed(plan: DaemonPlan): void;
}

/** Hears what concerns more than the one daemon. */
export interface UnitListener {
  stopped(unit: DaemonUnit): void;
  /** Nothing runs of it as it was, and it is from now on as its changed configuration has it. */
  tookOver?(unit: DaemonUnit): void;
  controlEnded(unit: DaemonUnit, cause: ExitCause, failed: boolean): void;
  /** Its state has changed; what follows from that, as a start, is not done yet. */
  moved?(unit: DaemonUnit, from: State, to: State): void;
  /** It had something to say that is no mere news. */
  complained?(unit: DaemonUnit, text: string): void;
}
