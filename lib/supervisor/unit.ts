/**
 * One daemon as it runs: feeds events to its machine and carries out the effects. It must never decide; what happens
 * next is in lib/daemon/transitions.ts.
 */
import type { DaemonPlan } from "../config/plan.ts";
import { DaemonMachine } from "../daemon/machine.ts";
import type { ExitCause, ProcessId } from "../daemon/process.ts";
import type { DaemonEvent, DaemonStatus, Effect, TimerName } from "../daemon/state.ts";
import type { Verdict } from "../daemon/pidfile.ts";
import type { Logger } from "../log/logger.ts";
import { describeFailure } from "./failure_text.ts";
import type { SetupFailure } from "./registry.ts";
import { errorText } from "./error_text.ts";

export interface Timer {
  cancel(): void;
}

/** The system as a unit sees it; the instance provides it, a test fakes it. */
export interface UnitServices {
  readonly logger: Pick<Logger, "log">;
  /** Monotonic milliseconds. */
  now(): number;
  setTimer(ms: number, fire: () => void): Timer;
  /** Starts the daemon's command; throws an Error that says which stage failed. */
  spawn(plan: DaemonPlan, again: boolean): ProcessId;
  /** Our child `process` is to report its end to `owner`; so is a process that becomes our child later. */
  own(process: ProcessId, owner: DaemonUnit): void;
  disown(process: ProcessId, owner: DaemonUnit): void;
  /** `ended` is called when a process that is not our child is gone. */
  follow(process: ProcessId, ended: () => void): { remove(): void };
  /** To its group where it leads one. Verified (child or pidfd) before anything is sent. */
  signal(process: ProcessId, signal: number): void;
  readPidfile(plan: DaemonPlan, known: ProcessId | null): Verdict;
  watchPidfile(plan: DaemonPlan, changed: () => void): { remove(): void };
  /** Signals what is left of the session that `leader` led; `emptied` is called once nothing is. */
  /** Its end is known: the record of it is closed. */
  forget(process: ProcessId): void;
  sweep(leader: ProcessId, signal: number | null, emptied: () => void): void;
  remember(unit: DaemonUnit, process: ProcessId): void;
  stopped(unit: DaemonUnit): void;
  controlEnded(unit: DaemonUnit, cause: ExitCause, failed: boolean): void;
}

/** A pidfile that is being rewritten is empty for a moment: bad news about it is read twice. */
const PIDFILE_SETTLE_MS = 50;

export class DaemonUnit {
  readonly plan: DaemonPlan;
  readonly machine: DaemonMachine;
  readonly #services: UnitServices;
  readonly #timers = new Map<TimerName | "settle", Timer>();
  readonly #events: DaemonEvent[] = [];
  #handling = false;
  #followed: { remove(): void } | null = null;
  #pidfileWatch: { remove(): void } | null = null;
  /** The last process known to be this daemon: identity of a pidfile does not hang on the clock. */
  #known: ProcessId | null = null;

  constructor(
    plan: DaemonPlan,
    services: UnitServices,
    restored?: { status: DaemonStatus | null; known: ProcessId | null },
  ) {
    this.plan = plan;
    this.#services = services;
    this.machine = new DaemonMachine(
      {
        name: plan.name,
        kind: plan.kind,
        command: plan.command.text,
        pidfile: plan.pidfile,
        freq: plan.freq,
        maxThrottle: plan.maxThrottle,
        control: plan.control,
        stopSignal: plan.stopSignal,
        stopTimeout: plan.stopTimeout,
      },
      restored?.status ?? undefined,
    );
    this.#known = restored?.known ?? null;
  }

  get name(): string {
    return this.plan.name;
  }

  get status(): Readonly<DaemonStatus> {
    return this.machine.status;
  }

  get known(): ProcessId | null {
    return this.#known;
  }

  /** Watches the pidfile and wants the daemon up. */
  start(): void {
    this.#watchPidfile();
    this.handle({ type: "wanted" });
  }

  /** Takes up the life of a daemon that an earlier image of reeve started: same status, processes followed again. */
  resume(): void {
    this.#watchPidfile();
    const { child, main } = this.status;
    if (child !== null) this.#services.own(child, this);
    if (main !== null && main.pid !== child?.pid) this.#follow(main);
    else if (child !== null) this.#services.remember(this, child);
    if (this.status.state === "starting") {
      this.#setTimer("deadline", this.plan.freq * 1000);
      if (this.status.launch === "none") this.machine.status.state = "down";
    }
    if (this.status.state === "waiting" || this.status.state === "broken") this.machine.status.state = "down";
    if (this.status.state === "down") this.handle({ type: "wanted" });
    else if (this.plan.pidfile !== null) this.#readPidfile();
  }

  /** Lets go of everything without touching the daemon. */
  abandon(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    this.#followed?.remove();
    this.#followed = null;
    this.#pidfileWatch?.remove();
    this.#pidfileWatch = null;
  }

  /** Events that an effect causes are handled after the effects of the one before. */
  handle(event: DaemonEvent): void {
    this.#events.push(event);
    if (this.#handling) return;
    this.#handling = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        for (const effect of this.machine.handle(next, this.#services.now())) this.#run(effect);
      }
    } finally {
      this.#handling = false;
    }
  }

  /** A signal that is no part of its life: notifypid's. */
  notify(signal: number): void {
    if (this.status.main !== null) this.#services.signal(this.status.main, signal);
  }

  /** A child of reeve that this unit owns was reaped. */
  reaped(pid: number, cause: ExitCause, failure: SetupFailure | null): void {
    const { child, main } = this.status;
    if (child !== null) this.#services.forget(child);
    if (child?.pid === pid) {
      const text = failure === null
        ? null
        : `cannot start "${this.plan.command.text}": ${describeFailure(this.plan, failure)}`;
      this.handle({ type: "childExited", cause, failure: text });
    } else if (main?.pid === pid) this.#mainEnded(main, cause);
  }

  #run(effect: Effect): void {
    const services = this.#services;
    switch (effect.do) {
      case "spawn":
        return this.#spawn(effect.again);
      case "signal":
        return services.signal(effect.process, effect.signal);
      case "setTimer":
        return this.#setTimer(effect.timer, effect.ms);
      case "clearTimer":
        return this.#clearTimer(effect.timer);
      case "readPidfile":
        return this.#readPidfile();
      case "follow":
        return this.#follow(effect.process);
      case "sweep":
        return services.sweep(effect.process, effect.signal, () => this.handle({ type: "emptied" }));
      case "log":
        return services.logger.log(effect.level, this.name, effect.text, effect.fields);
      case "stopped":
        this.abandon();
        return services.stopped(this);
      case "controlEnded":
        return services.controlEnded(this, effect.cause, effect.failed);
    }
  }

  #spawn(again: boolean): void {
    try {
      const process = this.#services.spawn(this.plan, again);
      this.#known = process;
      this.#services.own(process, this);
      this.#services.remember(this, process);
      this.handle({ type: "spawned", process });
    } catch (error) {
      this.handle({
        type: "spawnFailed",
        text: `cannot start "${this.plan.command.text}": ${errorText(error)}`,
      });
    }
  }

  #follow(process: ProcessId): void {
    this.#followed?.remove();
    this.#known = process;
    this.#services.own(process, this);
    this.#followed = this.#services.follow(process, () => this.#mainEnded(process, { kind: "unknown" }));
    this.#services.remember(this, process);
  }

  #mainEnded(process: ProcessId, cause: ExitCause): void {
    if (this.status.main?.pid !== process.pid || this.status.main.startTime !== process.startTime) return;
    this.#followed?.remove();
    this.#followed = null;
    this.#services.disown(process, this);
    this.#services.forget(process);
    this.handle({ type: "mainExited", cause });
  }

  #watchPidfile(): void {
    if (this.plan.kind !== "smart" || this.#pidfileWatch !== null) return;
    this.#pidfileWatch = this.#services.watchPidfile(this.plan, () => this.#pidfileChanged());
  }

  #pidfileChanged(): void {
    const verdict = this.#services.readPidfile(this.plan, this.#known);
    this.#clearTimer("settle");
    if (verdict.valid) this.handle({ type: "pidfileValid", process: verdict.process });
    else this.#setTimer("settle", PIDFILE_SETTLE_MS, () => this.#readPidfile());
  }

  #readPidfile(): void {
    const verdict = this.#services.readPidfile(this.plan, this.#known);
    if (verdict.valid) this.handle({ type: "pidfileValid", process: verdict.process });
    else this.handle({ type: "pidfileInvalid", found: verdict.found });
  }

  #setTimer(name: TimerName | "settle", ms: number, fire?: () => void): void {
    this.#clearTimer(name);
    const run = fire ?? (() => this.handle({ type: TIMER_EVENT[name as TimerName] }));
    this.#timers.set(
      name,
      this.#services.setTimer(ms, () => {
        this.#timers.delete(name);
        run();
      }),
    );
  }

  #clearTimer(name: TimerName | "settle"): void {
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
  }
}

const TIMER_EVENT = { delay: "delayElapsed", deadline: "deadlinePassed", grace: "graceElapsed" } as const;
