/**
 * Runs the hooks of a phase, one after the other in the order of the plan, each once. What a hook changes for those
 * after it (chdir, putenv) is kept here and not in reeve's own process; the daemons get it from here.
 */
import type { Command, Hook, HookPhase, Identity, InstancePlan, Wait } from "../config/plan.ts";
import { maskLine } from "../config/mask.ts";
import type { LineFormat } from "../log/line_format.ts";
import { MESSAGES } from "./messages.ts";
import { changeEnvironment, type Environment } from "./environment.ts";
import { errorText } from "../sys/error_text.ts";
import { type ActionContext, isSystemAction, performAction, type SystemAction } from "./hook_actions.ts";
import { HOOK_VARIABLE, packHookRequest } from "./hook_child.ts";
import { HOOK_WORD } from "./hook_word.ts";
import { DEFAULT_WAIT_SECONDS } from "./waits.ts";

export type CommandEnd =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "killed"; readonly signal: number };

export interface CommandOptions {
  /** null: as reeve itself. */
  readonly identity: Identity | null;
  readonly environment: Environment;
  readonly cwd: string;
  /** In the jail, where `cwd` is one of its directories. */
  readonly inside?: boolean;
  /** Ends the command: the instance is told to stop. */
  readonly signal: AbortSignal;
}

export interface HookWorld {
  /** Starts a command and waits for its end. Rejects when it cannot be started, or with the signal's reason. */
  readonly runCommand: (command: Command, options: CommandOptions) => Promise<CommandEnd>;
  readonly parseCommand: (text: string) => Command;
  /** Resolves when the target is there; rejects when the time is up or the signal aborts. */
  readonly wait: (
    wait: Pick<Wait, "what" | "target" | "timeout">,
    signal: AbortSignal,
  ) => Promise<void>;
  readonly log: (level: "info" | "warning" | "error", text: string) => void;
  /** Words that execute reeve again: its path, and whatever it needs to be itself. */
  readonly self: readonly string[];
  /** How the log line of a child is to look. */
  readonly format: LineFormat;
  /** Carries an action out in this process; default: the real thing. */
  readonly perform?: (action: SystemAction, context: ActionContext) => void;
}

/** A hook failed whose failure ends the instance. The text is for the log, with the place in the configuration. */
export class HookFailure extends Error {
  readonly hook: Hook;
  constructor(hook: Hook, text: string, cause?: unknown) {
    super(text, { cause });
    this.hook = hook;
  }
}

/** The action `exit`: the instance ends with this code. */
export class HookExit extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`a hook asks for exit code ${code}`);
    this.code = code;
  }
}

/** uWSGI has given up root by the time of these. */
const AS_USER = new Set<HookPhase>([
  "as-user",
  "pre-app",
  "post-app",
  "as-user-atexit",
  "master-start",
  "accepting",
]);
/** The jail is not there yet, or the hook is about it: these run on the host whatever there is. */
const OUTSIDE = new Set<HookPhase>(["asap", "pre-jail", "post-jail"]);
/** uWSGI goes on with the end when one of these fails. */
const NOT_FATAL = new Set<HookPhase>(["as-user-atexit"]);

const PHASE_NAMES: Readonly<Partial<Record<HookPhase, string>>> = {
  "as-root": "as root",
  "as-user": "as user",
  "as-user-atexit": "as user at exit",
};

const HIDDEN = "[hidden]";

type HookInstance = Pick<InstancePlan, "hooks" | "identity" | "umask">;

/** What hooks change for those after them. */
interface Room {
  environment: Environment;
  cwd: string;
}

export class HookRunner {
  readonly #instance: HookInstance;
  readonly #world: HookWorld;
  readonly #outside: Room;
  /** null: there is no jail, or not yet. */
  #inside: Room | null = null;
  readonly #changes: { readonly name: string; readonly value: string | null }[] = [];

  constructor(instance: HookInstance, world: HookWorld, environment: Environment, cwd: string) {
    this.#instance = instance;
    this.#world = world;
    this.#outside = { environment, cwd };
  }

  /** Of the daemons: with what hooks have put into it so far. */
  get environment(): Environment {
    return (this.#inside ?? this.#outside).environment;
  }

  /** Where the hooks so far have led, in the jail's terms once it was entered; the option chdir is applied by the caller. */
  get cwd(): string {
    return (this.#inside ?? this.#outside).cwd;
  }

  changeDirectory(path: string): void {
    move(this.#inside ?? this.#outside, path);
  }

  /**
   * From now on the hooks of the phases within the jail run in it, from its "/" on. Once for every jail: one that is made
   * again is entered again.
   */
  enterJail(environment: Environment): void {
    this.#inside = { environment: changeEnvironment(environment, this.#changes), cwd: "/" };
  }

  /** For the hooks on the host alone, as UWSGI_JAIL_PID. */
  tellOutside(changes: InstancePlan["environment"]): void {
    this.#outside.environment = changeEnvironment(this.#outside.environment, changes);
  }

  /** Rejects with HookFailure or HookExit, or with the signal's reason once it aborts. */
  async run(phase: HookPhase, signal: AbortSignal): Promise<void> {
    for (const hook of this.#instance.hooks) {
      if (hook.phase !== phase) continue;
      signal.throwIfAborted();
      const name = PHASE_NAMES[phase] ?? phase;
      this.#world.log(
        "info",
        hook.shown === HIDDEN ? MESSAGES.runningHiddenHook(name) : MESSAGES.runningHook(hook.shown, name),
      );
      try {
        await this.#runOne(hook, signal);
      } catch (problem) {
        signal.throwIfAborted();
        if (problem instanceof HookExit || !NOT_FATAL.has(phase)) throw problem;
        this.#world.log("error", errorText(problem));
      }
    }
  }

  async #runOne(hook: Hook, signal: AbortSignal): Promise<void> {
    const { action } = hook;
    if (isSystemAction(action)) return await this.#runSystem(hook, action, signal);
    switch (action.kind) {
      case "exec":
        return await this.#runCommand(hook, action.command, action.mayFail, signal);
      case "putenv":
        return this.#putenv(action);
      case "print":
        return this.#world.log("info", action.text);
      case "exit":
        throw new HookExit(action.code);
      case "wait":
        try {
          await this.#world.wait({ ...action, timeout: DEFAULT_WAIT_SECONDS }, signal);
        } catch (problem) {
          throw new HookFailure(hook, errorText(problem), problem);
        }
    }
  }

  async #runCommand(hook: Hook, text: string, mayFail: boolean, signal: AbortSignal): Promise<void> {
    const shown = hook.shown === HIDDEN ? HIDDEN : maskLine(text);
    let failure: string | null;
    try {
      failure = failureOf(
        shown,
        await this.#world.runCommand(this.#world.parseCommand(text), this.#options(hook, signal)),
      );
    } catch (problem) {
      failure = `cannot run "${shown}": ${errorText(problem)}`;
    }
    // A command that was ended because the instance stops has not failed.
    signal.throwIfAborted();
    if (failure === null) return;
    if (!mayFail) throw new HookFailure(hook, failure);
    this.#world.log("warning", failure);
  }

  /** In this process where the hook has reeve's own rights, else in a child of the user. */
  async #runSystem(hook: Hook, action: SystemAction, signal: AbortSignal): Promise<void> {
    const hidden = hook.shown === HIDDEN;
    const room = this.#roomOf(hook);
    const context = { cwd: room.cwd, umask: this.#instance.umask };
    if (this.#identityOf(hook) === null) {
      try {
        (this.#world.perform ?? performAction)(action, context);
      } catch (problem) {
        throw new HookFailure(hook, hidden ? "a hidden hook failed" : errorText(problem), problem);
      }
    } else {
      const packed = packHookRequest({ action, context, format: this.#world.format, hidden });
      const options = this.#options(hook, signal);
      const environment = changeEnvironment(options.environment, [{ name: HOOK_VARIABLE, value: packed }]);
      const words = [...this.#world.self, HOOK_WORD];
      const command: Command = { kind: "words", text: words.join(" "), words };
      let end: CommandEnd;
      try {
        end = await this.#world.runCommand(command, { ...options, environment });
      } catch (problem) {
        signal.throwIfAborted();
        throw new HookFailure(hook, `cannot run hook "${hook.shown}": ${errorText(problem)}`, problem);
      }
      signal.throwIfAborted();
      if (end.kind !== "exited" || end.code !== 0) throw new HookFailure(hook, `hook "${hook.shown}" failed`);
    }
    if (action.kind === "chdir") move(room, action.path);
  }

  #putenv({ name, value }: { readonly name: string; readonly value: string }): void {
    this.#changes.push({ name, value });
    for (const room of [this.#outside, this.#inside]) {
      if (room !== null) room.environment = changeEnvironment(room.environment, [{ name, value }]);
    }
  }

  #roomOf(hook: Hook): Room {
    return OUTSIDE.has(hook.phase) ? this.#outside : this.#inside ?? this.#outside;
  }

  #identityOf(hook: Hook): Identity | null {
    return AS_USER.has(hook.phase) ? this.#instance.identity : null;
  }

  #options(hook: Hook, signal: AbortSignal): CommandOptions {
    const room = this.#roomOf(hook);
    const { environment, cwd } = room;
    return { identity: this.#identityOf(hook), environment, cwd, inside: room === this.#inside, signal };
  }
}

function move(room: Room, path: string): void {
  room.cwd = path.startsWith("/") ? path : `${room.cwd}/${path}`;
}

/** uWSGI counts a command that a signal killed as a success; here it is the failure that it is. */
function failureOf(shown: string, end: CommandEnd): string | null {
  if (end.kind === "killed") return MESSAGES.commandKilled(shown, end.signal);
  return end.code === 0 ? null : MESSAGES.commandFailed(shown, end.code);
}
