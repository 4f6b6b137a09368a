/**
 * The hooks and waits that belong to a jail that was made again: those of one jail at a time. When their jail
 * is lost they are called off, and those of the next begin once they have ended. Decides nothing: the holder
 * hears how it went.
 */
import { KILL_PATIENCE_MS } from "../../daemon/patience.ts";

/** Their jail is gone, or reeve is. */
class CalledOff extends Error {}

export class JailEntry {
  readonly #enter: (signal: AbortSignal) => Promise<void>;
  readonly #life: AbortSignal;
  #control: AbortController | null = null;
  /** Never rejects. */
  #ended: Promise<void> = Promise.resolve();

  /** `life` aborts when reeve ends. */
  constructor(enter: (signal: AbortSignal) => Promise<void>, life: AbortSignal) {
    this.#enter = enter;
    this.#life = life;
  }

  /** `failed` hears null where it was called off: that is nobody's failure. */
  begin(entered: () => void, failed: (error: unknown) => void): void {
    const control = new AbortController();
    const signal = AbortSignal.any([control.signal, this.#life]);
    const before = this.#ended;
    this.#control = control;
    this.#ended = this.#run(before, signal).then(
      () => signal.aborted ? failed(null) : entered(),
      (error: unknown) => failed(signal.aborted ? null : error),
    );
  }

  /** Resolves when nothing of it runs any more, or has proved that it cannot be ended. */
  async callOff(): Promise<void> {
    if (this.#control === null) return;
    this.#control.abort(new CalledOff("the jail is no longer there"));
    this.#control = null;
    const patience = Promise.withResolvers<void>();
    const timer = setTimeout(patience.resolve, KILL_PATIENCE_MS);
    await Promise.race([this.#ended, patience.promise]);
    clearTimeout(timer);
  }

  async #run(before: Promise<void>, signal: AbortSignal): Promise<void> {
    await before;
    signal.throwIfAborted();
    await this.#enter(signal);
  }
}
