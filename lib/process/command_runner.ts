/**
 * Runs commands that are no daemons (hooks, touch-exec) as children, each once, and says how each ended; in
 * the jail where that is asked for. A command that is called off is killed with its process group.
 */
import { shownCommand } from "../config/plan/mask.ts";
import type { Command, Identity } from "../config/plan/daemon_plan.ts";
import type { InstancePlan } from "../config/plan/instance_plan.ts";
import type { ExitCause, ProcessId } from "../sys/process_id.ts";
import type { JailSource } from "../jail/place.ts";
import { type ChildSpec, type Confinement, EMPTY_CHILD, type MountStep } from "../sys/child/child_spec.ts";
import { errnoText } from "../sys/errno.ts";
import { commandFile, environmentAs, type Inherited, instanceChild, shieldBounded } from "./child_builder.ts";
import { describeFailure } from "./failure_text.ts";
import type { Environment } from "./environment.ts";
import type { Owner, Registry, SetupFailure } from "./registry.ts";
import { SIGKILL } from "../sys/native/constants.ts";

/** The name that `ps` shows for a child that only changes the jail. */
const CHANGE_NAME = "reeve-change";

type Spec = Omit<ChildSpec, "spawnId">;

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
  /** The descriptors that it gets beyond stdin, stdout and stderr: its number, reeve's number. */
  readonly fds?: ReadonlyMap<number, number>;
}

/** The work of a child that joins the jail, before it ends. */
export interface JailChange {
  readonly mounts: readonly MountStep[];
  readonly hostname: string | null;
}

/** Starts a child and signals it; the unit host does both. */
export interface CommandProcesses {
  start(spec: Spec): ProcessId;
  signal(process: ProcessId, signal: number): void;
}

export class CommandRunner {
  readonly #processes: CommandProcesses;
  readonly #registry: Registry;
  readonly #instance: InstancePlan;
  readonly #inherited: Inherited;
  readonly #jail: JailSource;

  constructor(
    processes: CommandProcesses,
    registry: Registry,
    instance: InstancePlan,
    inherited: Inherited,
    jail: JailSource = () => null,
  ) {
    this.#processes = processes;
    this.#registry = registry;
    this.#instance = instance;
    this.#inherited = inherited;
    this.#jail = jail;
  }

  /** Rejects when it cannot be started, or with the signal's reason. */
  async run(command: Command, options: CommandOptions): Promise<CommandEnd> {
    options.signal.throwIfAborted();
    const inside = options.inside ?? false;
    const spec: Spec = shieldBounded({
      ...commandFile(command, options.environment.path),
      ...instanceChild(this.#instance, options.identity, this.#inherited),
      environment: environmentAs(options.identity, options.environment, this.#instance).list,
      chdir: options.cwd,
      fds: new Map<number, number | "null">([[0, "null"], [1, 1], [2, 2], ...(options.fds ?? [])]),
      session: "new",
      noNewPrivs: false,
      oomScoreAdj: null,
      cpus: null,
      parentDeathSignal: SIGKILL,
      ...(inside ? { confinement: this.#confinement() } : {}),
    });
    const { cause, failure } = await this.#untilEnd(spec, options.signal);
    if (failure !== null) {
      const subject = { command, chdir: options.cwd, identity: options.identity };
      throw new Error(`cannot run "${shownCommand(command)}": ${describeFailure(subject, failure)}`);
    }
    if (cause.kind === "unknown") throw new Error(`cannot tell how "${shownCommand(command)}" ended`);
    return cause;
  }

  /**
   * A child joins the jail, does this with reeve's own rights and ends: no program is executed. Rejects with
   * what failed, or with the signal's reason.
   */
  async changeJail({ mounts, hostname }: JailChange, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const confinement = this.#confinement();
    const { cause, failure } = await this.#untilEnd({
      ...EMPTY_CHILD,
      args: [CHANGE_NAME],
      file: { path: `/${CHANGE_NAME}`, searchPath: null },
      parentDeathSignal: SIGKILL,
      role: "none",
      confinement: { ...confinement, mounts, hostname },
    }, signal);
    if (failure !== null) {
      const stage = failure.stage === "mount" ? "" : `${failure.stage}: `;
      throw new Error(`${stage}${errnoText(failure.errno)}`);
    }
    if (cause.kind !== "exited" || cause.code !== 0) {
      throw new Error("the child that was to do it was killed");
    }
  }

  #confinement(): Confinement {
    const place = this.#jail();
    if (place === null) throw new Error("the jail does not run");
    return place.confinement;
  }

  async #untilEnd(
    spec: Spec,
    signal: AbortSignal,
  ): Promise<{ readonly cause: ExitCause; readonly failure: SetupFailure | null }> {
    const { promise, resolve, reject } = Promise.withResolvers<
      { readonly cause: ExitCause; readonly failure: SetupFailure | null }
    >();
    const child = this.#processes.start(spec);
    const callOff = (): void => this.#processes.signal(child, SIGKILL);
    signal.addEventListener("abort", callOff, { once: true });
    this.#registry.set(
      child.pid,
      new RunningCommand(child, (cause, failure) => {
        signal.removeEventListener("abort", callOff);
        if (signal.aborted) reject(signal.reason);
        else resolve({ cause, failure });
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
