/**
 * COMMAND of the entrypoint form beside a configuration: signals that mean nothing to the instance are its,
 * and so is the terminal. Where it stops (Ctrl-Z), reeve stops as well, so that the shell has its prompt
 * back.
 */
import { parseSignal } from "../sys/signal_names.ts";
import type { ProcessId } from "../sys/process_id.ts";
import { signalProcess } from "../sys/process/pidfd.ts";
import { takeStopped } from "../sys/process/reap.ts";
import { groupOf, isTerminal, setForegroundGroup } from "../sys/process/tty.ts";
import { signalDaemon } from "../process/signaller.ts";
import { SIGCONT, SIGSTOP } from "../sys/native/constants.ts";

const STDIN = 0;

export class Foreground {
  readonly #command: () => ProcessId | null;
  readonly #terminal: boolean;
  #stopped = false;

  /** `command`: COMMAND's process while it runs. */
  constructor(command: () => ProcessId | null) {
    this.#command = command;
    this.#terminal = isTerminal(STDIN);
  }

  /** For SIGCHLD: COMMAND may have stopped and not ended. */
  look(): void {
    const command = this.#command();
    if (command === null || !this.#terminal) return;
    if (takeStopped(command.pid)?.kind !== "stopped") return;
    this.#stopped = true;
    this.giveBack();
    signalProcess(process.pid, SIGSTOP);
  }

  /** The terminal is reeve's own group's again; the shell that waits for reeve finds it as it left it. */
  giveBack(): void {
    const group = groupOf(process.pid);
    if (!this.#terminal || group === null) return;
    try {
      setForegroundGroup(STDIN, group);
    } catch {
      // COMMAND had a session of its own, or the terminal is gone.
    }
  }

  /** One of COMMAND's signals has come. */
  forward(name: NodeJS.Signals): void {
    const command = this.#command();
    if (command === null) return;
    if (name === "SIGCONT" && this.#stopped) {
      this.#stopped = false;
      try {
        setForegroundGroup(STDIN, command.pid);
      } catch {
        // Continued in the background (bg): the terminal is somebody else's.
      }
      signalDaemon(command, SIGCONT);
      return;
    }
    signalDaemon(command, parseSignal(name) ?? SIGCONT);
  }
}
