/**
 * The eye on one daemon's pidfile: reads it when it changes and when it is asked to, twice where it may be
 * half written, and says what it found. What follows from that is the daemon's table; nothing is decided
 * here.
 */
import type { DaemonPlan } from "../../config/plan/daemon_plan.ts";
import type { Verdict } from "../../daemon/pidfile.ts";
import type { DaemonEvent } from "../../daemon/state.ts";
import { type ProcessId, sameProcess } from "../../sys/process_id.ts";
import type { Timers } from "../../sys/timers.ts";

export interface PidfileDeps {
  readonly timers: Timers;
  readPidfile(plan: DaemonPlan, known: ProcessId | null): Verdict;
  watchPidfile(plan: DaemonPlan, changed: () => void): { remove(): void };
  /** Other machines write that file too: a pid in it may be of one of their processes. */
  isPidfileShared(plan: DaemonPlan): boolean;
  /** It exists, is the same by its start time, and is no zombie. */
  isAlive(process: ProcessId): boolean;
}

export interface PidfileNews {
  /** The last process known to be this daemon: identity of a pidfile does not hang on the clock. */
  known(): ProcessId | null;
  /** The process of the daemon at this instant. */
  main(): ProcessId | null;
  found(event: Extract<DaemonEvent, { type: "pidfileValid" | "pidfileInvalid" }>): void;
}

/**
 * A pidfile that is being rewritten is empty for a moment, or holds half a number: such news is read twice.
 */
const SETTLE_MS = 50;

export class PidfileWatch {
  readonly #plan: () => DaemonPlan;
  readonly #deps: PidfileDeps;
  readonly #news: PidfileNews;
  #watch: { remove(): void } | null = null;
  #settling: { cancel(): void } | null = null;

  /** `plan`: the daemon as it is at that moment. */
  constructor(plan: () => DaemonPlan, deps: PidfileDeps, news: PidfileNews) {
    this.#plan = plan;
    this.#deps = deps;
    this.#news = news;
  }

  /** From now on; a watch that there was is renewed. */
  watch(): void {
    this.#watch?.remove();
    this.#watch = this.#deps.watchPidfile(this.#plan(), () => this.#changed());
  }

  read(): void {
    const verdict = this.#verdict();
    if (verdict.unfinished) this.#readSoon();
    else this.#found(verdict);
  }

  close(): void {
    this.#settled();
    this.#watch?.remove();
    this.#watch = null;
  }

  /** Good news is told at once; all other is looked at again when the file has come to rest. */
  #changed(): void {
    const verdict = this.#verdict();
    const main = this.#news.main();
    const isCertain = verdict.valid && !verdict.unfinished &&
      (main === null || sameProcess(main, verdict.process));
    if (isCertain) this.#found(verdict);
    else this.#readSoon();
  }

  #verdict(): Verdict {
    return this.#deps.readPidfile(this.#plan(), this.#news.known());
  }

  #readSoon(): void {
    this.#settled();
    this.#settling = this.#deps.timers.after(SETTLE_MS, () => this.#found(this.#verdict()));
  }

  #settled(): void {
    this.#settling?.cancel();
    this.#settling = null;
  }

  #found(verdict: Verdict): void {
    this.#settled();
    const known = this.#news.known();
    if (!verdict.valid) {
      const survivor = known !== null && this.#deps.isAlive(known) ? known : null;
      return this.#news.found({ type: "pidfileInvalid", found: verdict.found, survivor });
    }
    const isDoubtful = !sameProcess(verdict.process, known) && this.#deps.isPidfileShared(this.#plan());
    this.#news.found({ type: "pidfileValid", process: verdict.process, isDoubtful });
  }
}
