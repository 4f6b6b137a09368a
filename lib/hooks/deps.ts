/** The calls that hooks make to the running system; a test gives them others. Types only. */
import type { Command } from "../config/plan/daemon_plan.ts";
import type { Wait } from "../config/plan/hook_plan.ts";
import type { JailSource } from "../jail/place.ts";
import type { LineFormat } from "../log/line_format.ts";
import type { CommandEnd, CommandOptions, JailChange } from "../process/command_runner.ts";
import type { ActionOptions, SystemAction } from "./actions.ts";

export interface HookDeps {
  /**
   * Starts a command and waits for its end. Rejects when it cannot be started, or with the signal's reason.
   */
  readonly runCommand: (command: Command, options: CommandOptions) => Promise<CommandEnd>;
  readonly parseCommand: (text: string) => Command;
  /** The jail that hooks inside act on. */
  readonly jail: JailSource;
  /** Rejects when it cannot be done; then nothing of it is. */
  readonly changeJail: (change: JailChange, signal: AbortSignal) => Promise<void>;
  /**
   * Resolves when the target is there; rejects when the time is up or the signal aborts. `inside`: the jail's
   * directory to which relative paths are relative; null: outside.
   */
  readonly wait: (
    wait: Pick<Wait, "what" | "target" | "timeout">,
    signal: AbortSignal,
    inside: string | null,
  ) => Promise<void>;
  readonly log: (level: "info" | "warning" | "error", text: string) => void;
  /** Words that execute reeve again: its path, and whatever it needs to be itself. */
  readonly self: readonly string[];
  /** How the log line of a child is to look. */
  readonly format: LineFormat;
  /** Carries an action out in this process; default: the real thing. */
  readonly perform?: (action: SystemAction, context: ActionOptions) => void;
}
