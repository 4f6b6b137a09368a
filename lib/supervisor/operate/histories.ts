/**
 * What has happened to each daemon of late, as it was seen: since when it is in its state, how it ended last,
 * and what reeve had to say about it. It watches, and changes nothing.
 */
import type { ExitFacts } from "../../control/service_facts.ts";
import type { State } from "../../daemon/state.ts";
import type { ExitCause } from "../../sys/process_id.ts";
import type { DaemonUnit } from "../unit/unit.ts";
import type { UnitSet } from "../unit/units.ts";

export interface History {
  /** Milliseconds since 1970. */
  readonly stateSince: number;
  readonly exit: ExitFacts | null;
  /** The last that was said against it since it was up; null: nothing. */
  readonly problem: string | null;
}

interface HistoriesDeps {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds of the clock of a unit's status. */
  readonly monotonic: () => number;
}

export class Histories {
  readonly #deps: HistoriesDeps;
  readonly #histories = new WeakMap<DaemonUnit, History>();
  /** The cause that was seen last: an object of its own with each end. */
  readonly #seen = new WeakMap<DaemonUnit, ExitCause | null>();

  constructor(units: UnitSet, deps: HistoriesDeps) {
    this.#deps = deps;
    units.listen({
      moved: (unit, from, to) => this.#moved(unit, from, to),
      complained: (unit, text) => this.#write(unit, { problem: text }),
    });
  }

  /** null: it never left its first state in this image. */
  find(unit: DaemonUnit): History | null {
    return this.#histories.get(unit) ?? null;
  }

  #moved(unit: DaemonUnit, from: State, to: State): void {
    const { lastExit, since } = unit.status;
    const hasEnded = lastExit !== null && lastExit !== (this.#seen.get(unit) ?? null);
    this.#seen.set(unit, lastExit);
    const exit: ExitFacts | null = hasEnded
      ? {
        cause: lastExit,
        at: this.#deps.now(),
        upMs: Math.max(0, this.#deps.monotonic() - since),
        wasStopped: from === "stopping" || (from === "killing" && unit.status.ended === null),
      }
      : this.find(unit)?.exit ?? null;
    const isUp = to === "running";
    this.#write(unit, { stateSince: this.#deps.now(), exit, ...(isUp ? { problem: null } : {}) });
  }

  #write(unit: DaemonUnit, news: Partial<History>): void {
    const before = this.find(unit) ?? { stateSince: this.#deps.now(), exit: null, problem: null };
    this.#histories.set(unit, { ...before, ...news });
  }
}
