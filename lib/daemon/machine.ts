/**
 * One daemon's life: its status and the verbs that the handlers of transitions.ts are made of. Pure: effects
 * are queued here and carried out by the supervisor.
 */
import { signalName } from "../sys/signal_names.ts";
import { FRESH_STREAK, judgeEnd } from "./backoff.ts";
import { desiredOf, type Gates, NOT_YET, standsBy, type Wish, wishOf } from "./gates.ts";
import { DAEMON_MESSAGES } from "./messages.ts";
import { KILL_PATIENCE_MS } from "./patience.ts";
import { SIGKILL } from "../sys/native/constants.ts";
import { Machine } from "../machine/machine.ts";
import type { ExitCause, ProcessId } from "../sys/process_id.ts";
import type {
  DaemonEffect,
  DaemonEvent,
  DaemonStatus,
  LifeSettings,
  PlanChange,
  State,
  StopReason,
  TimerName,
} from "./state.ts";
import { TRANSITIONS } from "./transitions.ts";

export class DaemonMachine extends Machine<State, DaemonEvent, DaemonEffect, TimerName> {
  declare readonly status: DaemonStatus;
  #settings: LifeSettings;
  /** They hold from its next start on; null: nothing else does then. */
  #next: LifeSettings | null;
  /** It is started anew as soon as there is a process that can be told to stop. */
  #isRestartDue = false;

  /** `next`: what runs was started otherwise than the next one will be. */
  constructor(
    settings: LifeSettings,
    status: DaemonStatus = freshStatus(),
    next: LifeSettings | null = null,
  ) {
    super(TRANSITIONS, status);
    this.#settings = settings;
    this.#next = next;
  }

  /** Those of what runs. */
  get settings(): LifeSettings {
    return this.#settings;
  }

  /** Milliseconds since the last start or adoption. */
  get up(): number {
    return this.now - this.status.since;
  }

  get smart(): boolean {
    return this.settings.pidfile !== null;
  }

  /** Starts it, or, when it is smart, looks first whether it runs already. */
  begin(): void {
    const isAnother = this.takeOver();
    if ((isAnother || this.status.state === "down") && this.settings.kind === "smart") {
      this.effect({ do: "watchPidfile" });
    }
    this.status.nextStart = null;
    this.status.child = null;
    this.status.main = null;
    this.status.launch = "none";
    this.status.overdue = false;
    this.status.undaemonized = false;
    this.enter("starting");
    if (this.smart) this.effect({ do: "readPidfile" });
    else this.spawn();
  }

  /** `takeOver` or the next start has it all in force. */
  changePlan({ settings, next, restart }: PlanChange): void {
    this.#settings = settings;
    this.#next = next;
    this.#isRestartDue = restart;
  }

  /**
   * What was to hold from the next start on does, since nothing runs. Its failures so far were another's.
   * Whether there was anything.
   */
  takeOver(): boolean {
    this.#isRestartDue = false;
    if (this.#next === null) return false;
    this.#settings = this.#next;
    this.#next = null;
    this.status.streak = FRESH_STREAK;
    this.effect({ do: "takeOver" });
    return true;
  }

  spawn(): void {
    const again = this.status.started;
    this.status.started = true;
    if (again) this.status.respawns += 1;
    this.status.streak = { ...this.status.streak, starts: this.status.streak.starts + 1 };
    this.status.since = this.now;
    this.status.held = this.status.gates.jail === "closed";
    if (!this.status.held) this.effect({ do: "spawn", again });
  }

  /** The start that had to wait for the jail. */
  spawnHeld(): void {
    this.status.held = false;
    this.effect({ do: "spawn", again: this.status.respawns > 0 });
  }

  /** The one place that writes gates, and with them what is desired. */
  takeGates(gates: Gates): Wish {
    this.status.gates = gates;
    this.status.desired = desiredOf(gates, this.settings);
    return wishOf(gates, this.settings);
  }

  /** reeve ends, or does for this daemon: it is not started again whatever else opens. */
  shut(): void {
    const { gates } = this.status;
    if (gates.shutdown === "open" || gates.shutdown === "reload") {
      this.takeGates({ ...gates, shutdown: "stopAll" });
    }
  }

  run(main: ProcessId): void {
    this.status.main = main;
    this.status.nextStart = null;
    this.status.overdue = false;
    this.clear("deadline");
    this.enter("running");
    if (this.#isRestartDue) this.restart("apply");
  }

  /** Told to stop, and started anew once it has. Where there is no process yet, nothing is told. */
  restart(reason: StopReason): void {
    const process = this.status.main ?? this.status.child;
    if (process === null) return;
    this.#isRestartDue = false;
    this.status.stopReason = reason;
    this.stop(process, this.settings.stopSignal);
  }

  /** The start came to nothing. */
  fail(text: string): void {
    this.clear("deadline");
    this.status.launch = "none";
    this.status.child = null;
    this.status.main = null;
    this.log("error", text);
    if (this.settings.control) {
      this.#endControl({ kind: "unknown" }, true);
      return this.enter("down");
    }
    this.#wait(true, this.up);
  }

  /** The daemon ended although it was wanted; `leader`: its process when that was our child. */
  died(leader: ProcessId | null, cause: ExitCause, failure: string | null): void {
    const { status, settings } = this;
    status.lastExit = cause;
    status.main = null;
    status.launch = "none";
    this.log(
      failure === null ? "warning" : "error",
      failure ?? DAEMON_MESSAGES.ended(settings.command, cause),
      {
        up: `${(this.up / 1000).toFixed(1)}s`,
      },
    );
    if (settings.control) {
      this.#endControl(cause, failure !== null);
      if (leader === null) return this.enter("down");
      return this.#empty(leader, settings.stopSignal, "stopping", settings.stopTimeout * 1000);
    }
    const ended = { failed: failure !== null, upMs: this.up };
    if (status.child !== null) {
      // The process that launched it still runs (a wrapper such as sudo or a shell): it must not meet the
      // next one.
      status.ended = ended;
      return this.stop(status.child, settings.stopSignal);
    }
    if (leader === null) return this.#wait(ended.failed, ended.upMs);
    status.ended = ended;
    this.#empty(leader, SIGKILL, "killing", KILL_PATIENCE_MS);
  }

  /** The rest of the leader's session must be gone before anything else happens. */
  #empty(leader: ProcessId, signal: number, state: State, patience: number): void {
    this.status.leader = leader;
    this.enter(state);
    this.timer("grace", patience);
    this.effect({ do: "sweep", process: leader, signal });
  }

  #endControl(cause: ExitCause, failed: boolean): void {
    this.shut();
    this.status.stopReason = "control";
    this.effect({ do: "controlEnded", cause, failed });
  }

  #wait(failed: boolean, upMs: number): void {
    const verdict = judgeEnd(this.status.streak, upMs, failed, this.settings);
    this.status.streak = verdict.streak;
    if (verdict.delay === 0) {
      this.begin();
      return;
    }
    if (verdict.broken) {
      if (verdict.streak.failures === Math.max(1, this.settings.freq)) {
        this.log(
          "error",
          DAEMON_MESSAGES.broken(verdict.streak.failures, verdict.delay / 1000),
        );
      }
    } else {
      this.log("info", DAEMON_MESSAGES.throttling(this.settings.command, verdict.delay / 1000));
    }
    this.enter(verdict.broken ? "broken" : "waiting");
    this.timer("delay", verdict.delay);
    this.status.nextStart = this.now + verdict.delay;
  }

  /** Tells `process` to stop and gives it its grace. */
  stop(process: ProcessId, signal: number): void {
    this.log("info", DAEMON_MESSAGES.stopping(this.settings.command, process.pid), {
      signal: signalName(signal),
    });
    this.clear("deadline");
    this.enter("stopping");
    this.effect({ do: "signal", process, signal });
    this.timer("grace", this.settings.stopTimeout * 1000);
  }

  kill(process: ProcessId): void {
    this.clear("deadline");
    this.enter("killing");
    this.effect({ do: "signal", process, signal: SIGKILL });
    this.timer("grace", KILL_PATIENCE_MS);
  }

  /** Stopped, or restarted when it is still (or again) wanted. */
  settle(): void {
    const { ended } = this.status;
    this.clear("grace");
    this.status.main = null;
    this.status.child = null;
    this.status.leader = null;
    this.status.ended = null;
    this.status.launch = "none";
    if (this.status.desired === "up" && ended !== null) return this.#wait(ended.failed, ended.upMs);
    if (this.status.desired === "up") {
      this.status.streak = FRESH_STREAK;
      this.begin();
      return;
    }
    this.#restDown();
  }

  /** Down without a process of ours to wait for. */
  rest(): void {
    this.clear("delay");
    this.clear("deadline");
    this.clear("grace");
    this.status.leader = null;
    this.status.ended = null;
    this.status.launch = "none";
    this.#restDown();
  }

  #restDown(): void {
    this.status.held = false;
    this.status.nextStart = null;
    this.enter("down");
    this.takeOver();
    this.effect({ do: "stopped" });
    this.standBy();
  }

  /**
   * Where another node is the lord: what an earlier reeve left of it, or its launcher comes up with late, is
   * stopped.
   */
  standBy(): void {
    if (!this.smart || !standsBy(this.status.gates)) return;
    if (this.settings.kind === "smart") this.effect({ do: "watchPidfile" });
    this.effect({ do: "readPidfile" });
  }
}

/** The status of a daemon that has never been started. */
export function freshStatus(): DaemonStatus {
  return {
    state: "down",
    gates: NOT_YET,
    desired: "down",
    stopReason: null,
    child: null,
    launch: "none",
    main: null,
    leader: null,
    ended: null,
    since: 0,
    streak: FRESH_STREAK,
    respawns: 0,
    started: false,
    held: false,
    overdue: false,
    undaemonized: false,
    found: null,
    lastExit: null,
    nextStart: null,
  };
}
