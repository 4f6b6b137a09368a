/** What hooks need of the running system; a test gives them another. Types only. */
import type { Command, Identity, Wait } from "../config/plan/plan.ts";
import type { JailSource } from "../jail/place.ts";
import type { LineFormat } from "../log/line_format.ts";
import type { MountStep } from "../sys/child/child_spec.ts";
import type { Environment } from "../process/environment.ts";
import type { ActionContext, SystemAction } from "./actions.ts";

export type CommandEnd =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "killed"; readonly signal: number };

export interface CommandOptions {
  /** null: as reeve itself. */
  readonly identity: Identity | null;
  readonly environment: Environment;
  readonly cwd: string;
  /** Ends the command: the instance is told to stop. */
  readonly signal: AbortSignal;
  /** In the jail, where `cwd` is one of its directories. */
  readonly inside?: boolean;
  /** What it gets beyond stdin, stdout and stderr: its number, reeve's number. */
  readonly fds?: ReadonlyMap<number, number>;
}

/** What a child that joins the jail does there before it ends. */
export interface JailChange {
  readonly mounts: readonly MountStep[];
  readonly hostname: string | null;
}

export interface HookWorld {
  /** Starts a command and waits for its end. Rejects when it cannot be started, or with the signal's reason. */
  readonly runCommand: (command: Command, options: CommandOptions) => Promise<CommandEnd>;
  readonly parseCommand: (text: string) => Command;
  /** The jail that hooks inside act on. */
  readonly jail: JailSource;
  /** Rejects when it cannot be done; then nothing of it is. */
  readonly changeJail: (change: JailChange, signal: AbortSignal) => Promise<void>;
  /**
   * Resolves when the target is there; rejects when the time is up or the signal aborts. `inside`: the jail's directory to
   * which relative paths are relative; null: outside.
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
  readonly perform?: (action: SystemAction, context: ActionContext) => void;
}
