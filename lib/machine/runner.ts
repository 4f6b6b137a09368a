/**
 * Runs a machine: one event after the other, each with its effects, and its timers. What an effect brings
 * about is an event like any other and waits until all effects of the one before are out. Decides nothing.
 */
import type { Timers } from "../sys/timers.ts";
import type { Level, LogFields, MachineEffect, MachineEvent } from "./machine.ts";

/** The part of a machine that a runner needs; Machine has it. */
export interface Runnable<Event, Effect, Timer extends string> {
  handle(event: Event, now: number): readonly (Effect | MachineEffect<Timer>)[];
}

export interface RunnerDeps<Effect, Timer extends string> {
  /** Milliseconds of the machine's clock. */
  readonly now: () => number;
  readonly timers: Timers;
  readonly log: (level: Level, text: string, fields: LogFields) => void;
  readonly carryOut: (effect: Exclude<Effect, MachineEffect<Timer>>) => void;
  /** An effect threw; the others still come. Absent: the error goes to whoever sent the event. */
  readonly failed?: (effect: string, error: unknown) => void;
}

export class Runner<
  Event extends MachineEvent,
  Effect extends { readonly do: string },
  Timer extends string = never,
> {
  readonly #machine: Runnable<Event, Effect, Timer>;
  readonly #deps: RunnerDeps<Effect, Timer>;
  /** The event that each timer is when it fires. */
  readonly #timerEvents: Readonly<Record<Timer, Event>>;
  readonly #timers = new Map<Timer, { cancel(): void }>();
  readonly #events: Event[] = [];
  #isHandling = false;

  constructor(
    machine: Runnable<Event, Effect, Timer>,
    timerEvents: Readonly<Record<Timer, Event>>,
    deps: RunnerDeps<Effect, Timer>,
  ) {
    this.#machine = machine;
    this.#timerEvents = timerEvents;
    this.#deps = deps;
  }

  handle(event: Event): void {
    this.#events.push(event);
    this.#handleAll();
  }

  /**
   * Comes before all that happened meanwhile: what an effect has brought about, as the process that it
   * started.
   */
  handleNext(event: Event): void {
    this.#events.unshift(event);
    this.#handleAll();
  }

  setTimer(timer: Timer, ms: number): void {
    this.clearTimer(timer);
    const fire = (): void => {
      this.#timers.delete(timer);
      this.handle(this.#timerEvents[timer]);
    };
    this.#timers.set(timer, this.#deps.timers.after(ms, fire));
  }

  clearTimer(timer: Timer): void {
    this.#timers.get(timer)?.cancel();
    this.#timers.delete(timer);
  }

  clearTimers(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  #handleAll(): void {
    if (this.#isHandling) return;
    this.#isHandling = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        for (const effect of this.#machine.handle(next, this.#deps.now())) this.#attempt(effect);
      }
    } finally {
      this.#isHandling = false;
    }
  }

  #attempt(effect: Effect | MachineEffect<Timer>): void {
    const { failed } = this.#deps;
    if (failed === undefined) return this.#carryOut(effect);
    try {
      this.#carryOut(effect);
    } catch (error) {
      failed(effect.do, error);
    }
  }

  #carryOut(effect: Effect | MachineEffect<Timer>): void {
    if (isCommon<Effect, Timer>(effect)) {
      switch (effect.do) {
        case "setTimer":
          return this.setTimer(effect.timer, effect.ms);
        case "clearTimer":
          return this.clearTimer(effect.timer);
        case "log":
          return this.#deps.log(effect.level, effect.text, effect.fields);
      }
    }
    this.#deps.carryOut(effect as Exclude<Effect, MachineEffect<Timer>>);
  }
}

const COMMON: ReadonlySet<string> = new Set<MachineEffect<never>["do"]>(["setTimer", "clearTimer", "log"]);

function isCommon<Effect extends { readonly do: string }, Timer extends string>(
  effect: Effect | MachineEffect<Timer>,
): effect is MachineEffect<Timer> {
  return COMMON.has(effect.do);
}
