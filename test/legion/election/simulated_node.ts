/**
 * A machine of a simulated legion: runs the election, carries out its effects, has clocks of its own, can be
 * killed, started again and put to sleep.
 */
import type { Announcement } from "../../../lib/legion/election/announcement.ts";
import { startElection, step } from "../../../lib/legion/election/election.ts";
import type { Effect, ElectionState, Input, Moment } from "../../../lib/legion/election/types.ts";

export interface MachineSettings {
  readonly name: string;
  readonly valor: number;
  readonly quorum: number;
  readonly freq: number;
  readonly tolerance: number;
  readonly suspension: number | null;
  /** By how much its clocks differ: monotonic offset, its rate, the wall clock's offset (seconds). */
  readonly clockOffset: number;
  readonly clockRate: number;
  readonly wallOffset: number;
  /** Milliseconds from the order to stop until what runs is gone. */
  readonly stopTime: number;
}

export interface Surroundings {
  now(): number;
  at(time: number, run: () => void): void;
  newUuid(): string;
  send(announcement: Announcement): void;
  /** After every change of a state. */
  changed(machine: SimulatedNode): void;
}

export class SimulatedNode {
  readonly settings: MachineSettings;
  state: ElectionState | null = null;
  /**
   * What it runs as lord: from its start until it is gone, over deaths of the process (its children die with
   * it).
   */
  running = false;
  asleep = false;
  effects = 0;
  readonly #world: Surroundings;
  #waiting: (() => void)[] = [];
  #incarnation = 0;
  #timerAt = Infinity;

  constructor(settings: MachineSettings, world: Surroundings) {
    this.settings = settings;
    this.#world = world;
  }

  get isUp(): boolean {
    return this.state !== null;
  }

  /** It is lord, and its votes still carry that. */
  get isLord(): boolean {
    return this.state !== null && this.state.term !== 0 && this.clock < this.state.leaseEndsAt;
  }

  get clock(): number {
    return this.settings.clockOffset + this.settings.clockRate * this.#world.now();
  }

  get #moment(): Moment {
    return {
      clock: this.clock,
      unix: 1_700_000_000 + this.settings.wallOffset + Math.floor(this.#world.now() / 1000),
    };
  }

  start(): void {
    if (this.isUp) return;
    const { name, valor, quorum, freq, tolerance, suspension } = this.settings;
    this.#incarnation += 1;
    this.#timerAt = Infinity;
    this.asleep = false;
    this.#waiting = [];
    const self = { uuid: this.#world.newUuid(), name, valor };
    this.#apply(startElection({
      legion: "l",
      self,
      pid: this.#incarnation,
      quorum,
      freq,
      tolerance,
      suspension,
      scroll: null,
      scrollMaxSize: 4096,
    }, this.#moment));
  }

  kill(): void {
    this.state = null;
    this.running = false;
    this.asleep = false;
    this.#waiting = [];
    this.#incarnation += 1;
    this.#world.changed(this);
  }

  sleep(): void {
    this.asleep = this.isUp;
  }

  wake(): void {
    if (!this.asleep) return;
    this.asleep = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const run of waiting) run();
  }

  /** Tells the election, at once or when it wakes up. */
  give(input: Input): void {
    this.#whenAwake(() => this.#input(input));
  }

  #whenAwake(run: () => void): void {
    if (!this.isUp) return;
    if (this.asleep) this.#waiting.push(run);
    else run();
  }

  #input(input: Input): void {
    if (this.state === null) return;
    this.#apply(step(this.state, input, this.#moment));
  }

  #apply({ state, effects }: { readonly state: ElectionState; readonly effects: readonly Effect[] }): void {
    this.state = state;
    for (const effect of effects) this.#carryOut(effect);
    this.#setTimer();
    this.#world.changed(this);
  }

  #carryOut(effect: Effect): void {
    this.effects += 1;
    if (effect.do === "announce") this.#world.send(effect.announcement);
    else if (effect.do === "becomeLord") this.running = true;
    else if (effect.do === "ceaseLord") {
      const incarnation = this.#incarnation;
      this.#world.at(this.#world.now() + this.settings.stopTime, () => {
        if (this.#incarnation !== incarnation || this.state === null) return;
        if (this.state.term === 0) this.running = false;
        this.give({ type: "released" });
        if (this.state.life === "leaving") this.kill();
      });
    }
  }

  /** One timer at a time: one that comes too early is set again. */
  #setTimer(): void {
    const { clockOffset, clockRate } = this.settings;
    const time = (this.state!.wakeAt - clockOffset) / clockRate;
    if (time >= this.#timerAt) return;
    const incarnation = this.#incarnation;
    this.#timerAt = time;
    this.#world.at(time, () => {
      if (incarnation !== this.#incarnation || time !== this.#timerAt) return;
      this.#timerAt = Infinity;
      if (this.clock + 1e-6 < this.state!.wakeAt && !this.asleep) this.#setTimer();
      else this.give({ type: "tick" });
    });
  }
}
