/**
 * Runs commands that are no daemons (hooks, touch-exec) as children, each once, and says how each ended. A command that
 * is called off is killed with its process group.
 */
import { shownCommand } from "../config/mask.ts";
import type { Command, InstancePlan } from "../config/plan.ts";
import type { ExitCause, ProcessId } from "../daemon/process.ts";
import { commandFile, type Inherited, instanceChild } from "./child_builder.ts";
import { describeFailure } from "./failure_text.ts";
import type { CommandEnd, CommandOptions } from "./hooks.ts";
import type { Owner, Registry, SetupFailure } from "./registry.ts";
import type { UnitHost } from "./unit_host.ts";

const SIGKILL = 9;

export class CommandRunner {
  readonly #host: UnitHost;
  readonly #registry: Registry;
  readonly #instance: InstancePlan;
  readonly #inherited: Inherited;

  constructor(host: UnitHost, registry: Registry, instance: InstancePlan, inherited: Inherited) {
    this.#host = host;
    this.#registry = registry;
    this.#instance = instance;
    this.#inherited = inherited;
  }

  /** Rejects when it cannot be started, or with the signal's reason. */
  async run(command: Command, options: CommandOptions): Promise<CommandEnd> {
    options.signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<CommandEnd>();
    const child = this.#host.start({
      ...commandFile(command, options.environment.path),
      ...instanceChild(this.#instance, options.identity, this.#inherited),
      environment: options.environment.list,
      chdir: options.cwd,
      fds: new Map<number, number | "null">([[0, "null"], [1, 1], [2, 2]]),
      session: "new",
      noNewPrivs: false,
      oomScoreAdj: null,
      cpus: null,
      parentDeathSignal: SIGKILL,
    });
    const callOff = (): void => this.#host.signal(child, SIGKILL);
    options.signal.addEventListener("abort", callOff, { once: true });
    this.#registry.set(
      child.pid,
      new RunningCommand(child, (cause, failure) => {
        options.signal.removeEventListener("abort", callOff);
        if (options.signal.aborted) reject(options.signal.reason);
        else if (failure !== null) {
          const subject = { command, chdir: options.cwd, identity: options.identity };
          reject(new Error(`cannot run "${shownCommand(command)}": ${describeFailure(subject, failure)}`));
        } else if (cause.kind === "unknown") {
          reject(new Error(`cannot tell how "${shownCommand(command)}" ended`));
        } else resolve(cause);
      }),
    );
    return await promise;
  }
}

class RunningCommand implements Owner {
  readonly #process: ProcessId;
  readonly #ended: (cause: ExitCause, failure: SetupFailure | null) => void;

  constructor(process: ProcessId, ended: (cause: ExitCause, failure: SetupFailure | null) => void) {
    this.#process = process;
    this.#ended = ended;
  }

  reaped(pid: number, cause: ExitCause, failure: SetupFailure | null): void {
    if (pid === this.#process.pid) this.#ended(cause, failure);
  }
}
