/**
 * The one guard of a node: started, told, killed. Must never say that it is rid of one under which something
 * may still live, nor offer one that is being killed.
 */
import { errorText } from "../../sys/error_text.ts";
import type { EtcdEvent } from "./state.ts";
import type { LordGuard, StartGuard } from "../guard/port.ts";

type GuardNews = Extract<EtcdEvent, { type: "armed" | "guardEnded" | "disarmed" }>;

export class GuardKeeper {
  readonly #start: StartGuard;
  readonly #tell: (news: GuardNews) => void;
  readonly #log: (level: "warning", text: string) => void;
  #guard: LordGuard | null = null;
  #isDisarming = false;

  constructor(
    start: StartGuard,
    tell: (news: GuardNews) => void,
    log: (level: "warning", text: string) => void,
  ) {
    this.#start = start;
    this.#tell = tell;
    this.#log = log;
  }

  /** null: there is none under which something may be born. */
  get current(): LordGuard | null {
    return this.#isDisarming ? null : this.#guard;
  }

  /** Milliseconds of the boot-time clock. Tells `armed`, or `guardEnded`. */
  arm(deadline: number): void {
    try {
      const guard = this.#start(deadline, {
        ready: () => this.#guard === guard && !this.#isDisarming && this.#tell({ type: "armed" }),
        told: (pid) =>
          this.#log("warning", `the guard has told pid ${pid} to stop: the tenure was not confirmed in time`),
        ended: (problem) => this.#ended(guard, problem),
      });
      this.#guard = guard;
      this.#isDisarming = false;
    } catch (error) {
      this.#tell({ type: "guardEnded", text: errorText(error) });
    }
  }

  push(deadline: number): void {
    this.#guard?.push(deadline);
  }

  hush(): void {
    this.#guard?.hush();
  }

  /** Tells `disarmed` once all that ran under it is dead; at once where there is none. */
  disarm(): void {
    if (this.#guard === null) return this.#tell({ type: "disarmed" });
    this.#isDisarming = true;
    this.#guard.kill();
  }

  kill(): void {
    this.#guard?.kill();
  }

  #ended(guard: LordGuard, problem: string | null): void {
    if (this.#guard !== guard) return;
    this.#guard = null;
    if (this.#isDisarming) return this.#tell({ type: "disarmed" });
    const text = problem ??
      "the guard ended, and what ran under it: the tenure was not confirmed in time, or somebody killed it";
    this.#tell({ type: "guardEnded", text });
  }
}
