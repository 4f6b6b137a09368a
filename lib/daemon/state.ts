/**
 * The words of a daemon's life: states, events that happen to it, effects that it asks for. No behaviour
 * here; transitions.ts has the table, machine.ts applies it.
 */
import type { DaemonKind } from "../config/plan/daemon_plan.ts";
import type { MachineEffect } from "../machine/machine.ts";
import type { Streak } from "./backoff.ts";
import type { Gates } from "./gates.ts";
import type { ExitCause, ProcessId } from "../sys/process_id.ts";

export type Desired = "up" | "down";

export const STATES = ["down", "waiting", "broken", "starting", "running", "stopping", "killing"] as const;
/**
 * down: nothing of it runs. waiting: its restart delay runs. broken: the same at the longest delay, after
 * `freq` failed starts. starting: launched, or about to be; a smart one has no valid pidfile yet. running.
 * stopping: told to stop. killing: SIGKILL was sent.
 */
export type State = (typeof STATES)[number];

/** Why it was last told to stop, or to start anew. */
export type StopReason = "start" | "stop" | "reload" | "touch" | "restart" | "control" | "apply";

export type DaemonEvent =
  /** The reasons that keep it down have changed; every other wish about it is in the gates. */
  | { readonly type: "gatesChanged"; readonly gates: Gates }
  | { readonly type: "restartRequested"; readonly reason: StopReason }
  | ({ readonly type: "planChanged" } & PlanChange)
  | { readonly type: "killRequested" }
  | { readonly type: "spawned"; readonly process: ProcessId }
  | { readonly type: "spawnFailed"; readonly text: string }
  /** Its jail is about to go: the start waits for the next one. */
  | { readonly type: "spawnHeld" }
  /** The child that reeve started was reaped; `failure`: what its set-up could not do. */
  | { readonly type: "childExited"; readonly cause: ExitCause; readonly failure: string | null }
  /** The process that the pidfile named, not our child, is gone. */
  | { readonly type: "mainExited"; readonly cause: ExitCause }
  /** `isDoubtful`: other machines write that file too, and it is not the process known to be this daemon. */
  | { readonly type: "pidfileValid"; readonly process: ProcessId; readonly isDoubtful?: boolean }
  /** `survivor`: the process known to be this daemon, where it lives all the same. */
  | { readonly type: "pidfileInvalid"; readonly found: string; readonly survivor?: ProcessId | null }
  | { readonly type: "deadlinePassed" }
  | { readonly type: "delayElapsed" }
  | { readonly type: "graceElapsed" }
  /** Nothing is left of the session whose leader ended. */
  | { readonly type: "emptied" };

/** The configuration has another definition of it. */
export interface PlanChange {
  /** They hold at once, whatever runs. */
  readonly settings: LifeSettings;
  /** They hold from its next start on; null: nothing else does then. */
  readonly next: LifeSettings | null;
  /** It is to be started anew because of this. */
  readonly restart: boolean;
}

export type EventType = DaemonEvent["type"];

export type TimerName = "delay" | "deadline" | "grace";

export type DaemonEffect =
  | { readonly do: "spawn"; readonly again: boolean }
  /** Nothing of it runs as it was before: it is from now on what it was to be from its next start on. */
  | { readonly do: "takeOver" }
  /** To the process group of the daemon's process when it leads one, else to the process. */
  | { readonly do: "signal"; readonly process: ProcessId; readonly signal: number }
  | { readonly do: "readPidfile" }
  /** From now on, and anew where it was watched: whatever changes in it is told. */
  | { readonly do: "watchPidfile" }
  /** Follow a process that may not be our child. */
  | { readonly do: "follow"; readonly process: ProcessId }
  /** Look for what is left of the session led by `process`: `emptied` comes when nothing is. */
  | { readonly do: "sweep"; readonly process: ProcessId; readonly signal: number | null }
  /** Nothing of it is watched or waited for any more. */
  | { readonly do: "letGo" }
  /** It was told to stop and has; it is let go of as well. */
  | { readonly do: "stopped" }
  /** A control daemon ended on its own. */
  | { readonly do: "controlEnded"; readonly cause: ExitCause; readonly failed: boolean };

export type Effect = DaemonEffect | MachineEffect<TimerName>;

/** The part of a DaemonPlan that its life depends on. */
export interface LifeSettings {
  readonly kind: DaemonKind;
  /** For messages: the command as configured, its secrets masked. */
  readonly command: string;
  readonly pidfile: string | null;
  readonly freq: number;
  readonly maxThrottle: number;
  readonly control: boolean;
  readonly stopSignal: number;
  /** null: the stop signal. */
  readonly reloadSignal: number | null;
  readonly notifyPid: boolean;
  /** Seconds. */
  readonly stopTimeout: number;
  /** It runs on the lord of this legion alone. */
  readonly legion: string | null;
}

export interface DaemonStatus {
  state: State;
  /** The gates that may keep it down. */
  gates: Gates;
  /** Follows from the gates. */
  desired: Desired;
  stopReason: StopReason | null;
  /** The child that reeve started, while it lives. */
  child: ProcessId | null;
  /**
   * How the last start stands, for a smart daemon that has no valid pidfile yet. unstarted: its set-up
   * failed, and `found` says all of it.
   */
  launch: "none" | "alive" | "ended" | "failed" | "unstarted";
  /** The daemon itself. */
  main: ProcessId | null;
  /** The session leader that ended while its session is being emptied. */
  leader: ProcessId | null;
  /**
   * It ended on its own after `upMs`, and once its session is empty it is started again; null: it was told to
   * stop. The back-off judges by how long it was up, not by how long its session took to empty.
   */
  ended: { readonly failed: boolean; readonly upMs: number } | null;
  /** Monotonic milliseconds of the last start or adoption. */
  since: number;
  streak: Streak;
  /** Starts after the first one, over the life of the instance. */
  respawns: number;
  started: boolean;
  /** Its start waits for its jail. */
  held: boolean;
  /** Its `freq` seconds are over: the next look at the pidfile decides. */
  overdue: boolean;
  /** A smart daemon that never wrote a valid pidfile and is supervised as it is. */
  undaemonized: boolean;
  /** The fault that the last look at the pidfile found; null when it was valid. */
  found: string | null;
  lastExit: ExitCause | null;
  /** Monotonic milliseconds at which its delay is over; null: none runs. */
  nextStart: number | null;
}
