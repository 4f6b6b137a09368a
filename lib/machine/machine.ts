/**
 * A state table at work: an event is looked up in the row of the state, and what stands there changes the
 * status and queues effects. Pure: the time comes in with the event, effects go out. Only `enter` writes the
 * state.
 */

/**
 * A machine's status is a plain record, so that it can be handed to the next image; this is its one fixed
 * field.
 */
export interface Status<State extends string> {
  state: State;
}

export interface MachineEvent {
  readonly type: string;
}

export type Level = "debug" | "info" | "warning" | "error";
export type LogFields = Readonly<Record<string, string | number>>;

/** The effects that every machine has; the runner carries them out. */
export type MachineEffect<Timer extends string> =
  | { readonly do: "setTimer"; readonly timer: Timer; readonly ms: number }
  | { readonly do: "clearTimer"; readonly timer: Timer }
  | { readonly do: "log"; readonly level: Level; readonly text: string; readonly fields: LogFields };

/** Every cell is written, "ignore" included, so that the compiler proves the table total. */
export type StateTable<State extends string, Event extends MachineEvent, M> = Readonly<
  Record<
    State,
    {
      readonly [T in Event["type"]]:
        | "ignore"
        | ((machine: M, event: Extract<Event, { readonly type: T }>) => void);
    }
  >
>;

export class Machine<
  State extends string,
  Event extends MachineEvent,
  Effect extends { readonly do: string },
  Timer extends string = never,
> {
  readonly status: Status<State>;
  readonly #table: StateTable<State, Event, never>;
  #effects: (Effect | MachineEffect<Timer>)[] = [];
  #now = 0;

  /** `table`: of the class that extends this one. */
  constructor(table: StateTable<State, Event, never>, status: Status<State>) {
    this.#table = table;
    this.status = status;
  }

  /**
   * `now`: milliseconds of the machine's clock. The effects, in the order in which they are to be carried
   * out.
   */
  handle(event: Event, now: number): readonly (Effect | MachineEffect<Timer>)[] {
    this.#now = now;
    this.#effects = [];
    const row: Readonly<Record<string, unknown>> = this.#table[this.status.state];
    const action = row[event.type] as "ignore" | ((machine: this, event: Event) => void);
    if (action !== "ignore") action(this, event);
    return this.#effects;
  }

  /** The time of the event that is being handled. */
  get now(): number {
    return this.#now;
  }

  enter(next: State): void {
    const { state } = this.status;
    if (state === next) return;
    this.log("debug", `${state} > ${next}`);
    this.status.state = next;
  }

  effect(effect: Effect | MachineEffect<Timer>): void {
    this.#effects.push(effect);
  }

  log(level: Level, text: string, fields: LogFields = {}): void {
    this.#effects.push({ do: "log", level, text, fields });
  }

  timer(timer: Timer, ms: number): void {
    this.#effects.push({ do: "setTimer", timer, ms });
  }

  clear(timer: Timer): void {
    this.#effects.push({ do: "clearTimer", timer });
  }
}
