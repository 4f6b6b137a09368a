/**
 * One daemon as it runs: feeds events to its machine and carries out the effects. It must never decide; what
 * happens next is in lib/daemon/transitions.ts.
 */
import { shownCommand } from "../../config/plan/mask.ts";
import { takenOver } from "../../config/diff/taken_over.ts";
import type { DaemonPlan } from "../../config/plan/daemon_plan.ts";
import { DaemonMachine, freshStatus } from "../../daemon/machine.ts";
import { DAEMON_MESSAGES } from "../../daemon/messages.ts";
import { type Door, type Gates, NOT_YET, sameGates } from "../../daemon/gates.ts";
import { KILL_PATIENCE_MS } from "../../daemon/patience.ts";
import { SIGKILL } from "../../sys/native/constants.ts";
import { type ExitCause, type ProcessId, sameProcess } from "../../sys/process_id.ts";
import type {
  DaemonEffect,
  DaemonEvent,
  DaemonStatus,
  Effect,
  LifeSettings,
  TimerName,
} from "../../daemon/state.ts";
import { Runner } from "../../machine/runner.ts";
import { describeFailure } from "../../process/failure_text.ts";
import type { SetupFailure } from "../../process/registry.ts";
import { errorText } from "../../sys/error_text.ts";
import { PidfileWatch } from "./pidfile_watch.ts";
import type { UnitDeps, UnitListener } from "./unit_deps.ts";

export interface UnitOptions {
  readonly plan: DaemonPlan;
  /** Among the daemons of the instance, from 0: CPUs are dealt out by it. */
  readonly number?: number;
  /** The process that an earlier reeve knew. */
  readonly restored?: RestoredUnit;
}

export interface RestoredUnit {
  readonly status: Omit<DaemonStatus, "gates" | "held" | "nextStart"> | null;
  readonly known: ProcessId | null;
  /** Closed: a person has stopped it. */
  readonly person?: Door;
  /** Absent, null: that is not known. */
  readonly startedAs?: { readonly digest: string; readonly command: string } | null;
}

/** The definition of a daemon with which a process was started. */
export interface StartedAs {
  digest(): string;
  /** As people may see it. */
  readonly command: string;
}

interface EarlyEnd {
  readonly pid: number;
  readonly cause: ExitCause;
  readonly failure: SetupFailure | null;
}

/** One definition of a daemon in place of another. */
export interface UnitChange {
  readonly plan: DaemonPlan;
  /** live: all of it holds at once. restart: it is started anew. later: from its next start on. */
  readonly how: "live" | "restart" | "later";
}

export class DaemonUnit {
  readonly number: number;
  readonly machine: DaemonMachine;
  readonly #deps: UnitDeps;
  readonly #listener: UnitListener;
  readonly #runner: Runner<DaemonEvent, Effect, TimerName>;
  readonly #pidfile: PidfileWatch;
  /** As that what runs was started, and what of it was changed since. */
  #plan: DaemonPlan;
  /** As it is from its next start on; null: as it is. */
  #next: DaemonPlan | null = null;
  /** The gates that were set last; the machine may not have come to them yet. */
  #gates: Gates;
  #followed: { readonly process: ProcessId; readonly watch: { remove(): void } } | null = null;
  /** The last process known to be this daemon. */
  #known: ProcessId | null;
  /** How the process that runs was started; null: that is not known, or nothing runs. */
  #started: StartedAs | null = null;
  /** It was said that what it left still runs. */
  #hasWarned = false;
  /** The ends of an earlier image's processes that were reaped before the start; null: it has begun. */
  #early: EarlyEnd[] | null = [];

  constructor({ plan, number = 0, restored }: UnitOptions, deps: UnitDeps, listener: UnitListener) {
    this.#plan = plan;
    this.number = number;
    this.#deps = deps;
    this.#listener = listener;
    this.#known = restored?.known ?? null;
    const person = restored?.person ?? (plan.startup === "disabled" ? "closed" : "open");
    this.#gates = { ...NOT_YET, person };
    const status = {
      ...(restored?.status ?? freshStatus()),
      gates: this.#gates,
      held: false,
      nextStart: null,
    };
    const { child, main } = status;
    const started = (main ?? child) === null ? null : restored?.startedAs ?? null;
    const settings = lifeSettings(plan);
    this.#started = started === null ? null : { digest: () => started.digest, command: started.command };
    const isOlder = started !== null && started.digest !== deps.startedAs(plan).digest();
    if (isOlder) this.#next = plan;
    this.machine = isOlder
      ? new DaemonMachine({ ...settings, command: started.command }, status, settings)
      : new DaemonMachine(settings, status);
    const told = { handle: (event: DaemonEvent, now: number) => this.#handleOne(event, now) };
    this.#runner = new Runner<DaemonEvent, Effect, TimerName>(told, TIMER_EVENTS, {
      now: () => deps.now(),
      timers: deps.timers,
      log: (level, text, fields) => {
        deps.logger.log(level, this.name, text, fields);
        if (level === "warning" || level === "error") listener.complained?.(this, text);
      },
      carryOut: (effect) => this.#carryOut(effect),
      // One daemon's trouble is never the supervisor's.
      failed: (effect, error) =>
        deps.logger.log("error", this.name, `cannot ${effect}: ${errorText(error)}`, {}),
    });
    this.#pidfile = new PidfileWatch(() => this.#plan, deps, {
      known: () => this.#known,
      main: () => this.status.main,
      found: (event) => this.#runner.handleNext(event),
    });
    // They may end, and be reaped, long before this unit is started: hooks and waits come first.
    if (child !== null) deps.own(child, this);
    if (main !== null) deps.own(main, this);
  }

  get plan(): DaemonPlan {
    return this.#plan;
  }

  /** Something runs that was started otherwise than its configuration has it by now: as this; null: no. */
  get next(): DaemonPlan | null {
    return this.#next;
  }

  /** How the process that runs was started; null: that is not known, or nothing runs. */
  get startedAs(): StartedAs | null {
    const isUp = (this.status.main ?? this.status.child) !== null;
    return isUp ? this.#started : null;
  }

  get name(): string {
    return this.plan.name;
  }

  get status(): Readonly<DaemonStatus> {
    return this.machine.status;
  }

  /** As they were asked for last. */
  get gates(): Gates {
    return this.#gates;
  }

  get known(): ProcessId | null {
    return this.#known;
  }

  /** For the first time: a daemon that an earlier image of reeve started goes on with the same status. */
  start(gates: Gates): void {
    if (this.status.state === "down") {
      this.#early = null;
      this.setGates(gates);
    } else this.#resume(gates);
  }

  /** Its configuration has changed; what runs is left alone but for a restart. */
  change({ plan, how }: UnitChange): void {
    // One that is started anew is stopped in its own way, and not in that of what follows.
    if (how === "live") this.#plan = plan;
    else if (how === "later") this.#plan = takenOver(this.#plan, plan);
    this.#next = how === "live" ? null : plan;
    this.handle({
      type: "planChanged",
      settings: lifeSettings(this.#plan),
      next: this.#next === null ? null : lifeSettings(this.#next),
      restart: how === "restart",
    });
    this.#rememberAgain();
  }

  /** Its definition says the same, maybe at another place in the file. */
  renew(plan: DaemonPlan): void {
    if (this.#next === null) this.#plan = plan;
    else this.change({ plan, how: "live" });
  }

  /** It is called otherwise, and that is all. */
  rename(name: string): void {
    this.#deps.dismissed(this.#plan);
    this.#plan = { ...this.#plan, name };
    if (this.#next !== null) this.#next = { ...this.#next, name };
    this.#rememberAgain();
  }

  #rememberAgain(): void {
    const process = this.status.main ?? this.status.child;
    if (process !== null) this.#deps.remember(this, process);
  }

  setGates(gates: Gates): void {
    if (sameGates(gates, this.#gates)) return;
    this.#gates = gates;
    this.handle({ type: "gatesChanged", gates });
  }

  #handleOne(event: DaemonEvent, now: number): ReturnType<DaemonMachine["handle"]> {
    const from = this.status.state;
    const effects = this.machine.handle(event, now);
    const to = this.status.state;
    if (from !== to) this.#listener.moved?.(this, from, to);
    return effects;
  }

  #resume(gates: Gates): void {
    const { child, main, state, launch } = this.status;
    if (this.#next !== null) this.#deps.logger.log("warning", this.name, DAEMON_MESSAGES.older);
    const early = this.#early ?? [];
    this.#early = null;
    if (this.plan.kind === "smart") this.#pidfile.watch();
    if (main !== null && !sameProcess(main, child)) this.#follow(main);
    else if (child !== null) this.#deps.remember(this, child);
    this.setGates(gates);
    if (state === "waiting" || state === "broken") {
      this.handle({ type: "restartRequested", reason: "reload" });
    }
    if (state === "starting" && launch !== "none") {
      this.#runner.setTimer("deadline", this.plan.freq * 1000);
    }
    if (state === "stopping" || state === "killing") this.#resumeStop();
    for (const { pid, cause, failure } of early) this.reaped(pid, cause, failure);
    // The pidfile of smart2 is reeve's own word, and nobody else's can replace it.
    if (state === "starting" || (state === "running" && this.plan.kind === "smart")) this.#pidfile.read();
  }

  /** Timers and sweeps ended with the image before. */
  #resumeStop(): void {
    const { child, main, leader, state } = this.status;
    const killing = state === "killing";
    this.#runner.setTimer("grace", killing ? KILL_PATIENCE_MS : this.plan.stopTimeout * 1000);
    if (child !== null || main !== null || leader === null) return;
    this.#carryOut({ do: "sweep", process: leader, signal: killing ? SIGKILL : this.plan.stopSignal });
  }

  /** Lets go of everything without touching the daemon. */
  abandon(): void {
    this.#runner.clearTimers();
    this.#unfollow();
    this.#pidfile.close();
  }

  handle(event: DaemonEvent): void {
    this.#runner.handle(event);
  }

  /** A signal that is no part of its life: of a hook. */
  notify(signal: number): void {
    if (this.status.main !== null) this.#deps.signal(this.status.main, signal);
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
      // The rest of its session is on record until it is gone: reeve may be killed before that.
      if (!sameProcess(this.status.leader, child)) this.#deps.forget(child);
    }
    if (main?.pid === pid && this.status.main === main) this.#mainEnded(main, cause);
  }

  #carryOut(effect: DaemonEffect): void {
    const deps = this.#deps;
    switch (effect.do) {
      case "spawn":
        return this.#spawn(effect.again);
      case "takeOver":
        return this.#takeOver();
      case "signal":
        return deps.signal(effect.process, effect.signal);
      case "readPidfile":
        return this.#pidfile.read();
      case "watchPidfile":
        return this.#pidfile.watch();
      case "follow":
        return this.#follow(effect.process);
      case "sweep":
        return deps.sweep(effect.process, effect.signal, {
          emptied: () => {
            deps.forget(effect.process);
            if (sameProcess(this.status.leader, effect.process)) this.handle({ type: "emptied" });
          },
          found: ({ pid }) => this.#leftRunning(pid),
        });
      case "letGo":
        return this.abandon();
      case "stopped":
        this.abandon();
        return this.#listener.stopped(this);
      case "controlEnded":
        return this.#listener.controlEnded(this, effect.cause, effect.failed);
    }
  }

  #takeOver(): void {
    if (this.#next === null) return;
    this.#deps.dismissed(this.#plan);
    this.#pidfile.close();
    this.#plan = this.#next;
    this.#next = null;
    this.#hasWarned = false;
    this.#listener.tookOver?.(this);
  }

  /** Said once: it happens again at every start. */
  #leftRunning(pid: number): void {
    const { lastExit, desired } = this.status;
    if (this.#hasWarned || desired === "down" || lastExit?.kind !== "exited" || lastExit.code !== 0) return;
    this.#hasWarned = true;
    const text = DAEMON_MESSAGES.leftRunning(this.machine.settings.command, pid);
    this.#deps.logger.log("warning", this.name, text);
  }

  #spawn(again: boolean): void {
    let process: ProcessId | null;
    try {
      process = this.#deps.spawn(this.plan, again, this.number);
    } catch (error) {
      const text = DAEMON_MESSAGES.cannotStart(this.machine.settings.command, errorText(error));
      return this.#runner.handleNext({ type: "spawnFailed", text });
    }
    if (process === null) return this.#runner.handleNext({ type: "spawnHeld" });
    this.#known = process;
    this.#started = this.#deps.startedAs(this.#plan);
    this.#deps.own(process, this);
    this.#deps.remember(this, process);
    this.#runner.handleNext({ type: "spawned", process });
  }

  #follow(process: ProcessId): void {
    const before = this.#followed?.process ?? null;
    this.#unfollow();
    if (before !== null && !sameProcess(before, process) && !sameProcess(before, this.status.child)) {
      this.#deps.disown(before, this);
      this.#deps.forget(before);
    }
    this.#known = process;
    const watch = this.#deps.follow(process, this, () => {
      this.#unfollow(process);
      this.#mainEnded(process, { kind: "unknown" });
    });
    this.#followed = { process, watch };
    this.#deps.remember(this, process);
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
    this.#deps.disown(process, this);
    this.#deps.forget(process);
    this.handle({ type: "mainExited", cause });
  }
}

/** The part of its plan that a daemon's life depends on. */
function lifeSettings(plan: DaemonPlan): LifeSettings {
  return {
    kind: plan.kind,
    command: shownCommand(plan.command),
    pidfile: plan.pidfile,
    freq: plan.freq,
    maxThrottle: plan.maxThrottle,
    control: plan.control,
    stopSignal: plan.stopSignal,
    reloadSignal: plan.reloadSignal,
    notifyPid: plan.notifyPid,
    stopTimeout: plan.stopTimeout,
    legion: plan.legion,
  };
}

const TIMER_EVENTS: Readonly<Record<TimerName, DaemonEvent>> = {
  delay: { type: "delayElapsed" },
  deadline: { type: "deadlinePassed" },
  grace: { type: "graceElapsed" },
};
