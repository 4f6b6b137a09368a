/**
 * The hooks of one legion: those of an event run one after the other in the order of the configuration, each
 * with a time-out. Those that belong to a lordship wait for each other, and not for those about other nodes,
 * of which a storm of comings and goings may ask for many. Must never throw: a hook that fails is said in the
 * log.
 */
import type { LegionEvent, LegionHook, LegionPlan } from "../config/plan/legion_plan.ts";
import { errorText } from "../sys/error_text.ts";
import type { NodeId } from "./election/announcement.ts";
import { hookVariables, type Variable } from "./environment.ts";

export interface LegionHookDeps {
  /** Rejects when it cannot be started, fails, or is called off by the signal, which kills it. */
  runCommand(command: string, variables: readonly Variable[], signal: AbortSignal): Promise<void>;
  /** Throws when there is no such daemon, or it does not run. */
  signalDaemon(daemon: string, signal: number): void;
  log(level: "info" | "warning" | "error", text: string): void;
}

/** Hooks about other nodes that wait, at most: the rest is left out. */
const MOST_WAITING = 64;

export class LegionHooks {
  readonly #plan: LegionPlan;
  readonly #deps: LegionHookDeps;
  readonly #lordship: HookLane;
  readonly #notices: HookLane;
  readonly #running = new Set<AbortController>();
  #leftOut = 0;

  constructor(plan: LegionPlan, deps: LegionHookDeps) {
    this.#plan = plan;
    this.#deps = deps;
    const failed = (error: unknown): void => deps.log("error", `legion "${plan.name}": ${errorText(error)}`);
    this.#lordship = new HookLane(failed);
    this.#notices = new HookLane(failed);
  }

  /** Once everything that was asked for before has ended. Resolves when `job` has, well or not. */
  inTurn(job: () => Promise<void>): Promise<void> {
    return this.#lordship.run(job);
  }

  /** About another node: nobody waits for it. */
  notice(event: LegionEvent, node: NodeId, variables: readonly Variable[]): void {
    if (!this.#has(event)) return;
    if (this.#notices.length >= MOST_WAITING) {
      this.#leftOut += 1;
      return;
    }
    void this.#notices.run(async () => {
      this.#sayLeftOut();
      await this.run(event, variables, node);
    });
  }

  /**
   * Whether all of the event went well; `goOn` is asked before each, and told how it went so far. The caller
   * is in turn.
   */
  async run(
    event: LegionEvent,
    variables: readonly Variable[],
    node: NodeId | null = null,
    goOn: (allWell: boolean) => boolean = () => true,
  ): Promise<boolean> {
    let allWell = true;
    for (const hook of this.#plan.hooks) {
      if (hook.event !== event) continue;
      if (!goOn(allWell)) break;
      allWell = await this.#runOne(hook, [...variables, ...hookVariables(event, node)]) && allWell;
    }
    return allWell;
  }

  /** Kills what runs: reeve is told to stop at once. */
  callOff(): void {
    for (const running of this.#running) running.abort(new Error("called off"));
  }

  #has(event: LegionEvent): boolean {
    return this.#plan.hooks.some((hook) => hook.event === event);
  }

  async #runOne(hook: LegionHook, variables: readonly Variable[]): Promise<boolean> {
    const { name } = this.#plan;
    const { action, event, shown } = hook;
    const text = action.kind === "log" ? action.text : `calling ${shown}`;
    this.#deps.log("info", `(phase: ${event} legion: ${name}) ${text}`);
    try {
      if (action.kind === "cmd") await this.#runCommand(action.command, variables);
      else if (action.kind === "signal") this.#deps.signalDaemon(action.daemon, action.signal);
      return true;
    } catch (error) {
      this.#deps.log("error", `${event} hook "${shown}" of legion "${name}" failed: ${errorText(error)}`);
      return false;
    }
  }

  async #runCommand(command: string, variables: readonly Variable[]): Promise<void> {
    const { hookTimeout } = this.#plan;
    const off = new AbortController();
    const timer = setTimeout(
      () => off.abort(new Error(`it took longer than ${hookTimeout} s and was killed`)),
      hookTimeout * 1000,
    );
    this.#running.add(off);
    try {
      await this.#deps.runCommand(command, variables, off.signal);
    } finally {
      clearTimeout(timer);
      this.#running.delete(off);
    }
  }

  #sayLeftOut(): void {
    if (this.#leftOut === 0) return;
    this.#deps.log(
      "warning",
      `${this.#leftOut} hooks of legion "${this.#plan.name}" were left out: nodes come and go faster than they run`,
    );
    this.#leftOut = 0;
  }
}

/**
 * Runs jobs one after the other, each once the one before has ended, without holding up whoever asks. Must
 * never lose a job because another has failed.
 */
class HookLane {
  readonly #failed: (error: unknown) => void;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  /** Jobs that have not ended. */
  get length(): number {
    return this.#waiting;
  }

  /** Resolves when the job has ended, well or not. */
  run(job: () => Promise<void>): Promise<void> {
    this.#waiting += 1;
    this.#last = this.#last.then(job).catch(this.#failed).finally(() => {
      this.#waiting -= 1;
    });
    return this.#last;
  }
}
