/**
 * All legions of an instance: started before its daemons, left before they are stopped, closed when they are
 * down. Must never hold up the instance: a legion that cannot take part is a refusal at the first start, and
 * afterwards a line in the log.
 */
import type { LegionPlan } from "../config/plan/legion_plan.ts";
import { Legion, type LegionState, type Lordship } from "../legion/legion.ts";
import type { JailPlace } from "../jail/place.ts";
import { errorText } from "../sys/error_text.ts";
import type { GuardOptions } from "../sys/child/guard.ts";
import { type LegionDaemons, type LegionsDeps, legionWorld } from "./legion_deps.ts";

/** After a reload: an address that is taken, or not there yet, is tried again this often, milliseconds. */
const START_AGAIN_MS = 5000;
/** The lines of one legion within a second: a report of its votes has a line for each node. */
const MOST_LINES = 100;

function surroundings(place: JailPlace | null): GuardOptions | null {
  return place === null ? null : { pidNamespace: place.pidNamespaceFd, join: place.confinement.join };
}

export class Legions {
  readonly #deps: LegionsDeps;
  readonly #startAgainMs: number;
  #legions = new Map<string, Legion>();
  #closing = new Map<string, Promise<void>>();
  #retries = new Set<ReturnType<typeof setTimeout>>();
  /** Those of them that are under way. */
  #starting = new Set<Promise<void>>();
  #daemons: LegionDaemons | null = null;
  /** null: nobody leaves. */
  #leaving: { readonly ends: boolean } | null = null;

  constructor(deps: LegionsDeps, startAgainMs = START_AGAIN_MS) {
    this.#deps = deps;
    this.#startAgainMs = startAgainMs;
  }

  /**
   * Rejects at the first start with what keeps a legion from taking part; after a reload it is said, and
   * tried again.
   */
  async start(isFirst: boolean, daemons: LegionDaemons): Promise<void> {
    this.#daemons = daemons;
    this.#leaving = null;
    this.#closing = new Map();
    try {
      for (const plan of this.#deps.plan.instance.legions) await this.#start(plan, isFirst, daemons);
    } catch (error) {
      this.leave(true);
      await this.closed();
      throw error;
    }
  }

  isLord(legion: string): boolean {
    return this.#legions.get(legion)?.isLord === true;
  }

  /** null: this node is not the lord. */
  lordship(legion: string): Lordship | null {
    return this.#legions.get(legion)?.lordship ?? null;
  }

  leave(ends: boolean): void {
    if (this.#leaving !== null) return;
    this.#leaving = { ends };
    for (const timer of this.#retries) clearTimeout(timer);
    this.#retries.clear();
    for (const [name, legion] of this.#legions) {
      legion.leave();
      this.daemonDown(name);
    }
  }

  daemonDown(name: string): void {
    const legion = this.#legions.get(name);
    if (legion === undefined) return;
    if (this.#leaving === null) return legion.daemonDown();
    if (this.#closing.has(name) || this.#daemons?.areDown(name) !== true) return;
    // Not before the instance has told its daemons to stop: none of them may have been told yet.
    this.#closing.set(name, Promise.resolve().then(() => this.#close(name, legion)));
  }

  /** Resolves when every legion is closed; all daemons of legions are down by now. */
  async closed(): Promise<void> {
    // An elector that comes late is closed at once; else the next start would find its address taken.
    await Promise.all(this.#starting);
    for (const name of this.#legions.keys()) this.daemonDown(name);
    await Promise.all(this.#closing.values());
    this.#legions.clear();
  }

  /** Told to stop at once. */
  callOffHooks(): void {
    for (const legion of this.#legions.values()) legion.callOffHooks();
  }

  states(): readonly LegionState[] {
    return [...this.#legions.values()].map(({ state }) => state);
  }

  async #start(plan: LegionPlan, isFirst: boolean, daemons: LegionDaemons): Promise<void> {
    const { jail, logger, repeats } = this.#deps;
    try {
      const { openElector } = await import("../legion/open_elector.ts");
      const elector = await openElector({
        plan,
        grace: daemons.longestGrace(plan.name) * 1000,
        within: () => surroundings(jail?.place() ?? null),
        // Nodes that know the secret can come, go and vote as often as they like.
        log: (level, text, fields) =>
          repeats.say(`legion ${plan.name}`, level, text, {
            burst: MOST_LINES,
            ...(fields === undefined ? {} : { fields }),
          }),
      });
      const legion = new Legion(plan, elector, legionWorld(plan.name, daemons, this.#deps));
      await legion.start();
      if (this.#leaving !== null) return await elector.close();
      this.#legions.set(plan.name, legion);
    } catch (error) {
      const text = `cannot take part in legion "${plan.name}": ${errorText(error)}`;
      if (isFirst) throw new Error(text, { cause: error });
      if (this.#leaving !== null) return;
      logger.error(null, `${text}; tried again every ${this.#startAgainMs / 1000} s`);
      this.#startAgain(plan, daemons);
    }
  }

  #startAgain(plan: LegionPlan, daemons: LegionDaemons): void {
    const timer = setTimeout(() => {
      this.#retries.delete(timer);
      const starting = this.#start(plan, false, daemons).finally(() => this.#starting.delete(starting));
      this.#starting.add(starting);
    }, this.#startAgainMs);
    this.#retries.add(timer);
  }

  async #close(name: string, legion: Legion): Promise<void> {
    const ends = this.#leaving?.ends ?? true;
    try {
      await legion.close(ends);
    } catch (error) {
      this.#deps.logger.error(null, `cannot leave legion "${name}": ${errorText(error)}`);
    }
  }
}
