/**
 * Runs the hooks of a phase, one after the other in the order of the plan, each once. What a hook changes for
 * those after it (chdir, putenv) is kept here and not in reeve's own process; the daemons get it from here.
 * Once there is a jail the phases that uWSGI has inside of it act there, with its paths, its environment and
 * its users.
 */
import type { Hook, HookPhase } from "../config/plan/hook_plan.ts";
import type { InstancePlan } from "../config/plan/instance_plan.ts";
import { maskLine } from "../config/plan/mask.ts";
import { errorText } from "../sys/error_text.ts";
import { changeEnvironment, type Environment } from "../process/environment.ts";
import type { SystemAction } from "./actions.ts";
import type { HookPlace } from "./carrier.ts";
import type { HookDeps } from "./deps.ts";
import type { CommandEnd } from "../process/command_runner.ts";
import { HIDDEN, MESSAGES } from "./messages.ts";

/**
 * A hook failed whose failure ends the instance. The text is for the log, with the place in the
 * configuration.
 */
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

/** For an action `wait`: uWSGI's default for every wait. */
const WAIT_SECONDS = 60;

type HookInstance = Pick<InstancePlan, "hooks" | "identity" | "umask">;

/** The state that hooks change for those after them. */
interface Room {
  environment: Environment;
  cwd: string;
}

export class HookRunner {
  readonly #instance: HookInstance;
  readonly #deps: HookDeps;
  readonly #outside: Room;
  /** null: there is no jail, or not yet. */
  #inside: Room | null = null;
  readonly #changes: { readonly name: string; readonly value: string | null }[] = [];

  constructor(instance: HookInstance, world: HookDeps, environment: Environment, cwd: string) {
    this.#instance = instance;
    this.#deps = world;
    this.#outside = { environment, cwd };
  }

  /** The daemons' environment, with what hooks have put into it so far. */
  get environment(): Environment {
    return (this.#inside ?? this.#outside).environment;
  }

  /** The environment of what reeve runs beside the jail. */
  get environmentOutside(): Environment {
    return this.#outside.environment;
  }

  /**
   * Where the hooks so far have led, in the jail's terms once it was entered; the option chdir is applied by
   * the caller.
   */
  get cwd(): string {
    return (this.#inside ?? this.#outside).cwd;
  }

  changeDirectory(path: string): void {
    move(this.#inside ?? this.#outside, path);
  }

  /**
   * From now on the hooks of the phases within the jail run in it, from its "/" on. Once for every jail: one
   * that is made again is entered again.
   */
  enterJail(environment: Environment): void {
    this.#inside = { environment: changeEnvironment(environment, this.#changes), cwd: "/" };
  }

  /** For the hooks on the host alone, as UWSGI_JAIL_PID. */
  tellOutside(changes: InstancePlan["environment"]): void {
    this.#outside.environment = changeEnvironment(this.#outside.environment, changes);
  }

  /**
   * Hooks that an earlier image has run: only changes that are kept here, and not in the system, are done
   * again.
   */
  recall(phase: HookPhase): void {
    for (const hook of this.#instance.hooks) {
      if (hook.phase !== phase) continue;
      if (hook.action.kind === "putenv") this.#putenv(hook.action);
      if (hook.action.kind === "chdir") move(this.#roomOf(hook), hook.action.path);
    }
  }

  /** Rejects with HookFailure or HookExit, or with the signal's reason once it aborts. */
  async run(phase: HookPhase, signal: AbortSignal): Promise<void> {
    for (const hook of this.#instance.hooks) {
      if (hook.phase !== phase) continue;
      signal.throwIfAborted();
      const name = PHASE_NAMES[phase] ?? phase;
      this.#deps.log(
        "info",
        hook.shown === HIDDEN ? MESSAGES.runningHiddenHook(name) : MESSAGES.runningHook(hook.shown, name),
      );
      try {
        await this.#runOne(hook, signal);
      } catch (problem) {
        signal.throwIfAborted();
        if (problem instanceof HookExit || !NOT_FATAL.has(phase)) throw problem;
        this.#deps.log("error", errorText(problem));
      }
    }
  }

  async #runOne(hook: Hook, signal: AbortSignal): Promise<void> {
    const { action } = hook;
    switch (action.kind) {
      case "exec":
        return await this.#runCommand(hook, action.command, action.mayFail, signal);
      case "putenv":
        return this.#putenv(action);
      case "print":
        return this.#deps.log("info", action.text);
      case "exit":
        throw new HookExit(action.code);
      case "wait":
        try {
          const room = this.#roomOf(hook);
          const wait = { ...action, timeout: WAIT_SECONDS };
          await this.#deps.wait(wait, signal, room === this.#inside ? room.cwd : null);
        } catch (problem) {
          throw new HookFailure(hook, errorText(problem), problem);
        }
        return;
      default:
        return await this.#runSystem(hook, action, signal);
    }
  }

  async #runCommand(hook: Hook, text: string, mayFail: boolean, signal: AbortSignal): Promise<void> {
    const shown = hook.shown === HIDDEN ? HIDDEN : maskLine(text);
    const { identity, environment, cwd, inside } = this.#placeOf(hook, signal);
    let failure: string | null;
    try {
      const command = this.#deps.parseCommand(text);
      failure = failureOf(
        shown,
        await this.#deps.runCommand(command, { identity, environment, cwd, inside, signal }),
      );
    } catch (problem) {
      failure = `cannot run "${shown}": ${errorText(problem)}`;
    }
    // A command that was ended because the instance stops has not failed.
    signal.throwIfAborted();
    if (failure === null) return;
    if (!mayFail) throw new HookFailure(hook, failure);
    this.#deps.log("warning", failure);
  }

  async #runSystem(hook: Hook, action: SystemAction, signal: AbortSignal): Promise<void> {
    try {
      const { carryOut } = await import("./carrier.ts");
      await carryOut(hook, action, this.#placeOf(hook, signal), this.#deps);
    } catch (problem) {
      signal.throwIfAborted();
      const text = hook.shown === HIDDEN ? "a hidden hook failed" : errorText(problem);
      throw new HookFailure(hook, text, problem);
    }
    if (action.kind === "chdir") move(this.#roomOf(hook), action.path);
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

  #placeOf(hook: Hook, signal: AbortSignal): HookPlace {
    const room = this.#roomOf(hook);
    return {
      identity: AS_USER.has(hook.phase) ? this.#instance.identity : null,
      environment: room.environment,
      cwd: room.cwd,
      umask: this.#instance.umask,
      inside: room === this.#inside,
      signal,
    };
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
