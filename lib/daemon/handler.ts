/**
 * The parts of the table's cells. Types, and how a change of gates is told apart; what follows from it is the
 * state's own file.
 */
import type { StateTable } from "../machine/machine.ts";
import type { Wish } from "./gates.ts";
import type { DaemonMachine } from "./machine.ts";
import type { DaemonEvent, EventType, State } from "./state.ts";

export type TransitionTable = StateTable<State, DaemonEvent, DaemonMachine>;
/** A row of the table. */
export type Cells = TransitionTable[State];

export type Handler<T extends EventType> = (
  machine: DaemonMachine,
  event: Extract<DaemonEvent, { type: T }>,
) => void;

type WishHandler<To extends Wish["to"]> = (
  machine: DaemonMachine,
  wish: Extract<Wish, { readonly to: To }>,
) => void;

/**
 * A cell of gatesChanged: what each wish does in the state, and what it does that the jail is there again.
 */
export interface GateCells {
  readonly run: WishHandler<"run"> | "ignore";
  readonly stop: WishHandler<"stop"> | "ignore";
  readonly goOn: WishHandler<"goOn"> | "ignore";
  /** It is wanted, and its jail was not there before. */
  readonly jailOpened: ((machine: DaemonMachine) => void) | "ignore";
}

export function byGates(cells: GateCells): Handler<"gatesChanged"> {
  return (machine, { gates }) => {
    const before = machine.status.gates;
    const wish = machine.takeGates(gates);
    switch (wish.to) {
      case "run":
        if (cells.run !== "ignore") cells.run(machine, wish);
        if (before.shutdown !== gates.shutdown) tellOfReload(machine, wish.notify);
        if (before.jail === "open" || gates.jail === "closed" || cells.jailOpened === "ignore") return;
        return cells.jailOpened(machine);
      case "stop":
        machine.status.stopReason = wish.reason;
        return cells.stop === "ignore" ? undefined : cells.stop(machine, wish);
      case "goOn":
        machine.status.stopReason = "stop";
        return cells.goOn === "ignore" ? undefined : cells.goOn(machine, wish);
    }
  };
}

/** The watched directory may have been a mount of the jail before. */
export function watchAnew(machine: DaemonMachine): void {
  if (machine.settings.kind === "smart") machine.effect({ do: "watchPidfile" });
}

function tellOfReload(machine: DaemonMachine, signal: number | null): void {
  const { main } = machine.status;
  if (signal !== null && main !== null) machine.effect({ do: "signal", process: main, signal });
}
