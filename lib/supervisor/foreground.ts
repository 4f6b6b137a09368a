/**
 * COMMAND of the entrypoint form beside a configuration: signals that mean nothing to the instance are its.
 * Its terminal is the keeper's work (native/helper/keeper/foreground.c).
 */
import { signalDaemon } from "../process/signaller.ts";
import type { ProcessId } from "../sys/process_id.ts";
import { parseSignal } from "../sys/signal_names.ts";
import { SIGCONT } from "../sys/native/constants.ts";

export class Foreground {
  readonly #command: () => ProcessId | null;

  /** `command`: COMMAND's process while it runs. */
  constructor(command: () => ProcessId | null) {
    this.#command = command;
  }

  /** One of COMMAND's signals has come. */
  forward(name: NodeJS.Signals): void {
    const command = this.#command();
    if (command !== null) signalDaemon(command, parseSignal(name) ?? SIGCONT);
  }
}
