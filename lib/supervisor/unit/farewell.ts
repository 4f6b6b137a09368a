/**
 * Says in the log what a stop of the instance leaves running, and what it waits for and since when. It waits
 * for nothing itself, and stops nobody.
 */
import { wishOf } from "../../daemon/gates.ts";
import type { Logger } from "../../log/logger.ts";
import type { Timers } from "../../sys/timers.ts";
import type { DaemonUnit } from "./unit.ts";

export interface FarewellDeps {
  readonly logger: Pick<Logger, "info">;
  readonly timers: Timers;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** Each by a line of its own; the others are counted. */
const MOST_TOLD = 10;
/** A stop that takes longer says for whom it waits, and again after twice the time. */
const FIRST_MS = 2000;

export class Farewell {
  readonly #deps: FarewellDeps;
  #timer: { cancel(): void } | null = null;

  constructor(deps: FarewellDeps) {
    this.#deps = deps;
  }

  /** To be called before they are let go. */
  sayWhoLivesOn(units: Iterable<DaemonUnit>): void {
    const left = [...units].filter(({ status, gates, machine }) =>
      wishOf({ ...gates, shutdown: "stop" }, machine.settings).to === "goOn" && status.main !== null &&
      !status.undaemonized
    );
    for (const { name, status } of left.slice(0, MOST_TOLD)) {
      const text = "lives on without reeve, which knows it again at the next start";
      this.#deps.logger.info(name, text, { pid: status.main?.pid ?? 0 });
    }
    this.#count(left.length, "live on without reeve");
  }

  /** Until `end`; `left`: those that have not ended yet. */
  begin(left: () => readonly DaemonUnit[]): void {
    this.end();
    this.#wait(left, this.#deps.now(), FIRST_MS);
  }

  end(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #wait(left: () => readonly DaemonUnit[], since: number, ms: number): void {
    this.#timer = this.#deps.timers.after(ms, () => {
      this.#sayWhoIsLeft(left().filter(({ status }) => status.state !== "down"), since);
      this.#wait(left, since, 2 * ms);
    });
  }

  #sayWhoIsLeft(left: readonly DaemonUnit[], since: number): void {
    const seconds = Math.round((this.#deps.now() - since) / 1000);
    for (const { name, status, plan } of left.slice(0, MOST_TOLD)) {
      const pid = (status.main ?? status.child ?? status.leader)?.pid ?? 0;
      const text = status.state === "killing"
        ? `still waits for its end, ${seconds} s after the stop began: it was killed`
        : `still waits for its end, ${seconds} s after the stop began: it is killed after ${plan.stopTimeout} s`;
      this.#deps.logger.info(name, text, { pid });
    }
    this.#count(left.length, "are still waited for");
  }

  #count(many: number, what: string): void {
    if (many > MOST_TOLD) this.#deps.logger.info(null, `${many - MOST_TOLD} more ${what}`);
  }
}
