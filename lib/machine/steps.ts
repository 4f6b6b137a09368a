/**
 * State tables that are plain data: in each cell the next state and the names of the effects, in their order.
 * For machines that have nothing to remember but their state. Pure.
 */
import type { Machine, MachineEvent, StateTable } from "./machine.ts";

export interface Step<State extends string, Effect extends string> {
  readonly next: State;
  readonly effects: readonly Effect[];
}

export type StepTable<State extends string, EventName extends string, Effect extends string> = Readonly<
  Record<State, Readonly<Record<EventName, Step<State, Effect> | "ignore">>>
>;

export interface StepEvent<EventName extends string> extends MachineEvent {
  readonly type: EventName;
}

export interface StepEffect<Effect extends string> {
  readonly do: Effect;
}

type StepMachine<State extends string, EventName extends string, Effect extends string> = Pick<
  Machine<State, StepEvent<EventName>, StepEffect<Effect>>,
  "enter" | "effect"
>;

type StepRow<State extends string, EventName extends string, Effect extends string> = Readonly<
  Record<EventName, "ignore" | ((machine: StepMachine<State, EventName, Effect>) => void)>
>;

/** The table as a Machine takes it. */
export function stepHandlers<State extends string, EventName extends string, Effect extends string>(
  table: StepTable<State, EventName, Effect>,
): StateTable<State, StepEvent<EventName>, StepMachine<State, EventName, Effect>> {
  const rows = Object.entries<Readonly<Record<EventName, Step<State, Effect> | "ignore">>>(table).map(
    ([state, cells]) => [state, rowOf(cells)],
  );
  return Object.fromEntries(rows) as Readonly<Record<State, StepRow<State, EventName, Effect>>>;
}

function rowOf<State extends string, EventName extends string, Effect extends string>(
  cells: Readonly<Record<EventName, Step<State, Effect> | "ignore">>,
): StepRow<State, EventName, Effect> {
  const handlers = Object.entries<Step<State, Effect> | "ignore">(cells).map(([event, step]) => [
    event,
    step === "ignore" ? step : (machine: StepMachine<State, EventName, Effect>): void => {
      machine.enter(step.next);
      for (const effect of step.effects) machine.effect({ do: effect });
    },
  ]);
  return Object.fromEntries(handlers) as StepRow<State, EventName, Effect>;
}
