/**
 * One legion as it runs on this node: turns what its elector says into hooks and into the right of its
 * daemons to run. The election never waits for a hook. Must never let a daemon run while this node is not the
 * lord, and never call itself rid of the lordship while one still does.
 */
import type { LegionPlan } from "../config/plan/legion_plan.ts";
import type { Elector, ElectorEvents, ElectorState, Term } from "./election/elector.ts";
import type { LordGuard } from "./guard/port.ts";
import { legionVariables, type Variable } from "./environment.ts";
import { type LegionHookDeps, LegionHooks } from "./hooks.ts";

export interface LegionDeps extends LegionHookDeps {
  /** The legion's daemons are to run (true), or to stop at once (false). */
  lordChanged(isLord: boolean): void;
  /** None of the legion's daemons runs, nor what is left of one. */
  areDaemonsDown(): boolean;
  /** Seconds since 1970. */
  wall(): number;
}

export interface LegionState extends ElectorState {
  readonly name: string;
  readonly isLord: boolean;
  /** Seconds since 1970: since when it is the lord, or is not. */
  readonly since: number;
}

/** The lordship that its daemons run under. */
export interface Lordship {
  readonly variables: readonly Variable[];
  /** Under which they have to be born; null: as all others. */
  readonly guard: LordGuard | null;
  /** Milliseconds that a daemon of the guard's may have to stop. */
  graceOf(wanted: number): number;
}

export class Legion implements ElectorEvents {
  readonly plan: LegionPlan;
  readonly #elector: Elector;
  readonly #deps: LegionDeps;
  readonly #hooks: LegionHooks;
  /** The lordship that the elector allows. */
  #term: Term | null = null;
  /** The same once the lord hooks have run: what the daemons run under. */
  #lordship: Term | null = null;
  /** The lordship whose lord hooks have begun, and whose unlord hooks have not run since. */
  #hooked: Term | null = null;
  /** The elector waits to be told that nothing of the lordship is left. */
  #isVacating = false;
  #since: number;
  #isLeaving = false;

  constructor(plan: LegionPlan, elector: Elector, deps: LegionDeps) {
    this.plan = plan;
    this.#elector = elector;
    this.#deps = deps;
    this.#hooks = new LegionHooks(plan, deps);
    this.#since = deps.wall();
  }

  get isLord(): boolean {
    return this.#lordship !== null && this.#stands(this.#lordship);
  }

  /** null: this node is not the lord, or what its daemons would have to be born under is not there. */
  get lordship(): Lordship | null {
    const elector = this.#elector;
    const guard = elector.guard ?? null;
    if (!this.isLord || (elector.guard !== undefined && guard?.place == null)) return null;
    return {
      variables: this.variables,
      guard,
      graceOf: (wanted) => elector.graceOf?.(wanted) ?? wanted,
    };
  }

  /** Its daemons are killed by the guard when the lordship ends: nothing of an earlier one can be left. */
  get isGuarded(): boolean {
    return this.#elector.guard !== undefined;
  }

  /** For its daemons and hooks. */
  get variables(): Variable[] {
    return this.#variablesOf(this.#lordship ?? this.#term);
  }

  get state(): LegionState {
    return { ...this.#elector.state(), name: this.plan.name, isLord: this.isLord, since: this.#since };
  }

  /** Rejects when the elector can never take part. The setup hooks run before any of a lordship. */
  async start(): Promise<void> {
    await this.#elector.start(this);
    void this.#hooks.inTurn(async () => void await this.#hooks.run("setup", this.variables));
  }

  /**
   * reeve stops or reloads, and another node is to take over: to be called before the daemons are stopped.
   */
  leave(): void {
    this.#isLeaving = true;
    this.#elector.leave();
  }

  /**
   * The daemons are down: runs the last hooks and lets go of everything. `ends`: reeve does; at a reload
   * uWSGI runs no death hooks, but what the lord hooks took is given back.
   */
  async close(ends: boolean): Promise<void> {
    this.#term = null;
    this.#lordship = null;
    await this.#hooks.inTurn(async () => {
      if (!ends) await this.#unlord();
      else await this.#hooks.run("death", this.variables);
    });
    this.#elector.vacated();
    await this.#elector.close();
  }

  /** Told to stop at once. */
  callOffHooks(): void {
    this.#hooks.callOff();
  }

  /** One of its daemons has stopped, or will not come back. */
  daemonDown(): void {
    this.#vacate();
  }

  // --- what the elector says
  // --------------------------------------------------------------------------------

  chosen(term: Term): void {
    if (this.#isLeaving) return;
    this.#term = term;
    void this.#hooks.inTurn(() => this.#becomeLord(term));
  }

  deposed(why: string): void {
    this.#term = null;
    this.#isVacating = true;
    if (this.#lordship !== null) {
      this.#lordship = null;
      this.#since = this.#deps.wall();
      this.#deps.log("info", `no longer the Lord of the Legion ${this.plan.name}: ${why}`);
      this.#deps.lordChanged(false);
    }
    // The death hooks come last at an end, as in uWSGI.
    void this.#hooks.inTurn(() => this.#isLeaving ? Promise.resolve() : this.#unlord()).then(() =>
      this.#vacate()
    );
  }

  joined(): void {
    void this.#hooks.inTurn(async () => void await this.#hooks.run("join", this.variables));
  }

  nodeJoined(id: Parameters<ElectorEvents["nodeJoined"]>[0]): void {
    this.#hooks.notice("node-joined", id, this.variables);
  }

  nodeLeft(id: Parameters<ElectorEvents["nodeLeft"]>[0], died: boolean): void {
    if (!died) this.#hooks.notice("node-left", id, this.variables);
  }

  async #becomeLord(term: Term): Promise<void> {
    const isStill = (): boolean => this.#term === term && this.#stands(term) && !this.#isLeaving;
    if (!isStill()) return;
    this.#hooked = term;
    const { deathOnLordError, name } = this.plan;
    // uWSGI 2.0: who suspends itself runs no further hook.
    const goOn = (well: boolean): boolean => isStill() && (well || deathOnLordError === null);
    const allWell = await this.#hooks.run("lord", this.variables, null, goOn);
    if (!isStill()) return;
    if (!allWell && deathOnLordError !== null) {
      this.#term = null;
      return this.#elector.decline(deathOnLordError);
    }
    if (!allWell) this.#deps.log("warning", `a lord hook of the Legion ${name} failed, i stay its Lord`);
    this.#lordship = term;
    this.#since = this.#deps.wall();
    this.#elector.confirm();
    this.#deps.lordChanged(true);
  }

  /** A lordship that lapsed while this process slept is none, also before the elector has said so. */
  #stands(term: Term): boolean {
    return this.#elector.stands?.(term) ?? true;
  }

  async #unlord(): Promise<void> {
    const term = this.#hooked;
    if (term === null) return;
    await this.#hooks.run("unlord", this.#variablesOf(term));
    this.#hooked = null;
  }

  #variablesOf(term: Term | null): Variable[] {
    return legionVariables(this.plan.name, this.#elector.state().id, term);
  }

  #vacate(): void {
    if (!this.#isVacating || this.#isLeaving || this.#hooked !== null || this.#term !== null) return;
    if (!this.#deps.areDaemonsDown()) return;
    this.#isVacating = false;
    this.#elector.vacated();
  }
}
