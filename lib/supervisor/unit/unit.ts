/**
 * One daemon as it runs: feeds events to its machine and carries out the effects. It must never decide; what happens
 * next is in lib/daemon/transitions.ts.
 */
import { shownCommand } from "../../config/plan/mask.ts";
import type { DaemonPlan } from "../../config/plan/daemon_plan.ts";
import { DaemonMachine } from "../../daemon/machine.ts";
import { DAEMON_MESSAGES } from "../../daemon/messages.ts";
import { KILL_PATIENCE_MS } from "../../daemon/patience.ts";
import { SIGKILL } from "../../sys/native/constants.ts";
import { type ExitCause, type ProcessId, sameProcess } from "../../sys/process_id.ts";
import type { DaemonEffect, DaemonEvent, DaemonStatus, Effect, TimerName } from "../../daemon/state.ts";
import { Runner } from "../../machine/runner.ts";
import type { Verdict } from "../../daemon/pidfile.ts";
import type { Logger } from "../../log/logger.ts";
import { describeFailure } from "../../process/failure_text.ts";
import type { SetupFailure } from "../../process/registry.ts";
import { errorText } from "../../sys/error_text.ts";

export interface Timer {
  cancel(): void;
}

/** The system as a unit sees it; the instance provides it, a test fakes it. */
export interface UnitServices {
  readonly logger: Pick<Logger, "log">;
  /** Monotonic milliseconds. */
  now(): number;
  setTimer(ms: number, fire: () => void): Timer;
  /** Starts the daemon's command; throws an Error that says which stage failed. null: not before `jailOpened`. */
  spawn(plan: DaemonPlan, again: boolean): ProcessId | null;
  /** Our child `process` is to report its end to `owner`. */
  own(process: ProcessId, owner: DaemonUnit): void;
  disown(process: ProcessId, owner: DaemonUnit): void;
  /** `ended` is called when `process` is gone, unless it is, or becomes, our child: then `owner` is told by its reaping. */
  follow(process: ProcessId, owner: DaemonUnit, ended: () => void): { remove(): void };
  /** To its group where it leads one. Verified (child or pidfd) before anything is sent. */
  signal(process: ProcessId, signal: number): void;
  readPidfile(plan: DaemonPlan, known: ProcessId | null): Verdict;
  /** It exists, is the same by its start time, and is no zombie. */
  isAlive(process: ProcessId): boolean;
  watchPidfile(plan: DaemonPlan, changed: () => void): { remove(): void };
  /** Other machines write that file too: a pid in it may be of one of their processes. */
  isPidfileShared?(plan: DaemonPlan): boolean;
  /** Its end is known, or it is no longer this daemon: the record of it is closed. */
  forget(process: ProcessId): void;
  /** Signals what is left of the session that `leader` led; `emptied` is called once nothing is. */
  /** `found`: called with the first of them that lives. */
  sweep(
    leader: ProcessId,
    signal: number | null,
    emptied: () => void,
    found: (member: ProcessId) => void,
  ): void;
  remember(unit: DaemonUnit, process: ProcessId): void;
  stopped(unit: DaemonUnit): void;
  controlEnded(unit: DaemonUnit, cause: ExitCause, failed: boolean): void;
}

/** A pidfile that is being rewritten is empty for a moment, or holds half a number: such news is read twice. */
const PIDFILE_SETTLE_MS = 50;

interface EarlyEnd {
  readonly pid: number;
  readonly cause: ExitCause;
  readonly failure: SetupFailure | null;
}

export class DaemonUnit {
  readonly plan: DaemonPlan;
  readonly machine: DaemonMachine;
  readonly #services: UnitServices;
  readonly #runner: Runner<DaemonEvent, Effect, TimerName>;
  /** The pidfile is read again once it has come to rest. */
  #settling: Timer | null = null;
  #followed: { readonly process: ProcessId; readonly watch: { remove(): void } } | null = null;
  #pidfileWatch: { remove(): void } | null = null;
  /** The last process known to be this daemon: identity of a pidfile does not hang on the clock. */
  #known: ProcessId | null = null;
  /** A start that has to wait for the jail: whether it is not the first. */
  #hasWarned = false;
  #held: { readonly again: boolean } | null = null;
  /** What was reaped of an earlier image's processes before `resume`; null: it lives. */
  #early: EarlyEnd[] | null = null;

  constructor(
    plan: DaemonPlan,
    services: UnitServices,
    restored?: { status: DaemonStatus | null; known: ProcessId | null },
  ) {
    this.plan = plan;
    this.#services = services;
    this.machine = new DaemonMachine(
      {
        kind: plan.kind,
        command: shownCommand(plan.command),
        pidfile: plan.pidfile,
        freq: plan.freq,
        maxThrottle: plan.maxThrottle,
        control: plan.control,
        stopSignal: plan.stopSignal,
        stopTimeout: plan.stopTimeout,
      },
      restored?.status ?? undefined,
    );
    this.#runner = new Runner<DaemonEvent, Effect, TimerName>(this.machine, TIMER_EVENTS, {
      now: () => services.now(),
      timers: { after: (ms, fire) => services.setTimer(ms, fire) },
      log: (level, text, fields) => services.logger.log(level, this.name, text, fields),
      carryOut: (effect) => this.#carryOut(effect),
      // One daemon's trouble is never the supervisor's.
      failed: (effect, error) =>
        services.logger.log("error", this.name, `cannot ${effect}: ${errorText(error)}`),
    });
    this.#known = restored?.known ?? null;
    const { child, main } = this.status;
    if (child === null && main === null) return;
    // They may end, and be reaped, long before this unit is resumed: hooks and waits come first.
    this.#early = [];
    if (child !== null) services.own(child, this);
    if (main !== null) services.own(main, this);
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
    this.#early = null;
    this.#watchPidfile();
    this.handle({ type: "wanted" });
  }

  /** Another node of its legion is the lord: what an earlier reeve left of it, or its launcher comes up with late, is stopped. */
  standBy(): void {
    this.#early = null;
    if (this.plan.kind === "dumb") return;
    this.#watchPidfile();
    this.#readPidfile();
  }

  /** Takes up the life of a daemon that an earlier image of reeve started: same status, processes followed again. */
  resume(): void {
    const { child, main, state, launch } = this.status;
    const early = this.#early ?? [];
    this.#early = null;
    this.#watchPidfile();
    if (main !== null && !sameProcess(main, child)) this.#follow(main);
    else if (child !== null) this.#services.remember(this, child);
    this.handle({ type: "wanted" });
    if (state === "waiting" || state === "broken") {
      this.handle({ type: "restartRequested", reason: "reload" });
    }
    if (state === "starting" && launch !== "none") this.#runner.setTimer("deadline", this.plan.freq * 1000);
    if (state === "stopping" || state === "killing") this.#resumeStop();
    for (const { pid, cause, failure } of early) this.reaped(pid, cause, failure);
    // The pidfile of smart2 is reeve's own word, and nobody else's can replace it.
    if (state === "starting" || (state === "running" && this.plan.kind === "smart")) this.#readPidfile();
  }

  /** Timers and sweeps ended with the image before. */
  #resumeStop(): void {
    const { child, main, leader, state } = this.status;
    const killing = state === "killing";
    this.#runner.setTimer("grace", killing ? KILL_PATIENCE_MS : this.plan.stopTimeout * 1000);
    if (child !== null || main !== null || leader === null) return;
    this.#carryOut({ do: "sweep", process: leader, signal: killing ? SIGKILL : this.plan.stopSignal });
  }

  /**
   * Its jail was made again: what waited for it starts, and what had failed there may go well now. `isStale`: a daemon that still runs
   * is in what is left of the jail before.
   */
  jailOpened(isStale: boolean): void {
    const held = this.#held;
    const { state, launch, child, main } = this.status;
    this.#held = null;
    if (state === "down") return;
    // What it watched may have been a mount of the jail before.
    this.#pidfileWatch?.remove();
    this.#pidfileWatch = null;
    this.#watchPidfile();
    if (state === "waiting" || state === "broken" || (isStale && state === "running")) {
      this.handle({ type: "restartRequested", reason: "restart" });
    } else if (
      held !== null && state === "starting" && launch === "none" && child === null && main === null
    ) {
      this.#spawn(held.again);
    }
  }

  /** Lets go of everything without touching the daemon. */
  abandon(): void {
    this.#held = null;
    this.#runner.clearTimers();
    this.#settled();
    this.#unfollow();
    this.#pidfileWatch?.remove();
    this.#pidfileWatch = null;
  }

  handle(event: DaemonEvent): void {
    this.#runner.handle(event);
  }

  /** A signal that is no part of its life: notifypid's. */
  notify(signal: number): void {
    if (this.status.main !== null) this.#services.signal(this.status.main, signal);
  }

  /** A child of reeve that this unit owns was reaped. */
  reaped(pid: number, cause: ExitCause, failure: SetupFailure | null): void {
    if (this.#early !== null) {
      this.#early.push({ pid, cause, failure });
      return;
    }
    const { child, main } = this.status;
    if (this.#followed?.process.pid === pid) this.#unfollow();
    if (child?.pid === pid) {
      const text = failure === null
        ? null
        : DAEMON_MESSAGES.cannotStart(this.machine.settings.command, describeFailure(this.plan, failure));
      this.handle({ type: "childExited", cause, failure: text });
      // What it leaves of its session is on record until it is gone: reeve may be killed before that.
      if (!sameProcess(this.status.leader, child)) this.#services.forget(child);
    }
    if (main?.pid === pid && this.status.main === main) this.#mainEnded(main, cause);
  }

  #carryOut(effect: DaemonEffect): void {
    const services = this.#services;
    switch (effect.do) {
      case "spawn":
        return this.#spawn(effect.again);
      case "signal":
        return services.signal(effect.process, effect.signal);
      case "readPidfile":
        return this.#readPidfile();
      case "follow":
        return this.#follow(effect.process);
      case "sweep":
        return services.sweep(
          effect.process,
          effect.signal,
          () => {
            services.forget(effect.process);
            if (sameProcess(this.status.leader, effect.process)) this.handle({ type: "emptied" });
          },
          ({ pid }) => this.#leftRunning(pid),
        );
      case "stopped":
        this.abandon();
        return services.stopped(this);
      case "controlEnded":
        return services.controlEnded(this, effect.cause, effect.failed);
    }
  }

  /** Said once: it happens again at every start. */
  #leftRunning(pid: number): void {
    const { lastExit, desired } = this.status;
    if (this.#hasWarned || desired === "down" || lastExit?.kind !== "exited" || lastExit.code !== 0) return;
    this.#hasWarned = true;
    const text = DAEMON_MESSAGES.leftRunning(this.machine.settings.command, pid);
    this.#services.logger.log("warning", this.name, text);
  }

  #spawn(again: boolean): void {
    let process: ProcessId | null;
    this.#held = null;
    try {
      process = this.#services.spawn(this.plan, again);
    } catch (error) {
      const text = DAEMON_MESSAGES.cannotStart(this.machine.settings.command, errorText(error));
      return this.#runner.handleNext({ type: "spawnFailed", text });
    }
    if (process === null) {
      this.#held = { again };
      return;
    }
    this.#known = process;
    this.#services.own(process, this);
    this.#services.remember(this, process);
    this.#runner.handleNext({ type: "spawned", process });
  }

  #follow(process: ProcessId): void {
    const before = this.#followed?.process ?? null;
    this.#unfollow();
    if (before !== null && !sameProcess(before, process) && !sameProcess(before, this.status.child)) {
      this.#services.disown(before, this);
      this.#services.forget(before);
    }
    this.#known = process;
    const watch = this.#services.follow(process, this, () => {
      this.#unfollow(process);
      this.#mainEnded(process, { kind: "unknown" });
    });
    this.#followed = { process, watch };
    this.#services.remember(this, process);
  }

  /** `only`: unless another process is followed by now. */
  #unfollow(only?: ProcessId): void {
    if (only !== undefined && !sameProcess(this.#followed?.process ?? null, only)) return;
    this.#followed?.watch.remove();
    this.#followed = null;
  }

  #mainEnded(process: ProcessId, cause: ExitCause): void {
    if (!sameProcess(this.status.main, process)) return;
    this.#unfollow(process);
    this.#services.disown(process, this);
    this.#services.forget(process);
    this.handle({ type: "mainExited", cause });
  }

  #watchPidfile(): void {
    if (this.plan.kind !== "smart" || this.#pidfileWatch !== null) return;
    this.#pidfileWatch = this.#services.watchPidfile(this.plan, () => this.#pidfileChanged());
  }

  /** Good news is acted on at once; all other is looked at again when the file has come to rest. */
  #pidfileChanged(): void {
    const verdict = this.#services.readPidfile(this.plan, this.#known);
    const { main } = this.status;
    const certain = verdict.valid && !verdict.unfinished &&
      (main === null || sameProcess(main, verdict.process));
    if (certain) this.#judged(verdict);
    else this.#readSoon();
  }

  #readPidfile(settled = false): void {
    const verdict = this.#services.readPidfile(this.plan, this.#known);
    if (settled || !verdict.unfinished) this.#judged(verdict);
    else this.#readSoon();
  }

  /** The process that the journal knows, about to be started a second time because its pidfile is lost or spoilt. */
  #survivor(): ProcessId | null {
    const { state, launch } = this.status;
    if (state !== "starting" || launch !== "none" || this.#known === null) return null;
    return this.#services.isAlive(this.#known) ? this.#known : null;
  }

  #judged(verdict: Verdict): void {
    this.#settled();
    if (this.status.state === "down") return this.#judgedStandingBy(verdict);
    const survivor = verdict.valid ? null : this.#survivor();
    if (!verdict.valid && survivor !== null) {
      const text = `${verdict.found}, but the daemon that an earlier reeve started still runs: it is kept`;
      this.#services.logger.log("warning", this.name, text, { pid: survivor.pid });
      return this.#runner.handleNext({ type: "pidfileValid", process: survivor });
    }
    if (verdict.valid) this.#runner.handleNext({ type: "pidfileValid", process: verdict.process });
    else this.#runner.handleNext({ type: "pidfileInvalid", found: verdict.found });
  }

  #judgedStandingBy(verdict: Verdict): void {
    const known = this.#known !== null && this.#services.isAlive(this.#known) ? this.#known : null;
    if (!verdict.valid || sameProcess(verdict.process, known)) {
      if (known !== null) this.#runner.handleNext({ type: "pidfileValid", process: known });
    } else if (this.#services.isPidfileShared?.(this.plan) === true) {
      const text =
        `pidfile "${this.plan.pidfile}" is on storage that other machines share, and may name a process of theirs:`;
      this.#services.logger.log("warning", this.name, `${text} pid ${verdict.process.pid} is left alone`, {});
    } else this.#runner.handleNext({ type: "pidfileValid", process: verdict.process });
  }

  #readSoon(): void {
    this.#settling?.cancel();
    this.#settling = this.#services.setTimer(PIDFILE_SETTLE_MS, () => this.#readPidfile(true));
  }

  #settled(): void {
    this.#settling?.cancel();
    this.#settling = null;
  }
}

const TIMER_EVENTS: Readonly<Record<TimerName, DaemonEvent>> = {
  delay: { type: "delayElapsed" },
  deadline: { type: "deadlinePassed" },
  grace: { type: "graceElapsed" },
};
