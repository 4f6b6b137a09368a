/** Bytes on their way to a client. Must never wait for it: what it does not take is kept, and known. */

/** The part of a socket of the runtime that is written to. */
export interface ByteSink {
  /** -> bytes taken, perhaps not all; less than 0: it is closed. */
  write(bytes: Uint8Array): number;
}

export interface OutboxDeps {
  readonly sink: ByteSink;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** More waits for the client than before. */
  readonly isBehind: () => void;
  readonly isGone: () => void;
}

/** A view of what was sent, though empty, would keep all of it in memory. */
const NOTHING: Uint8Array = new Uint8Array(0);

export class Outbox {
  readonly #deps: OutboxDeps;
  #unsent = NOTHING;
  #waiting: (() => void)[] = [];
  #behindSince: number | null = null;
  #isClosed = false;

  constructor(deps: OutboxDeps) {
    this.#deps = deps;
  }

  /** Bytes that the client has not taken. */
  get unsent(): number {
    return this.#unsent.length;
  }

  /** Since when the client has taken nothing of what waits, milliseconds; null: nothing waits. */
  get behindSince(): number | null {
    return this.#behindSince;
  }

  /** Resolves when the client has taken all, or is gone. */
  write(bytes: Uint8Array): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#unsent = this.#unsent.length === 0 ? bytes : Buffer.concat([this.#unsent, bytes]);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    this.#send();
    return promise;
  }

  /** The client has room. */
  drained(): void {
    if (this.#unsent.length > 0) this.#send();
  }

  close(): void {
    this.#isClosed = true;
    this.#allTaken();
  }

  #send(): void {
    const count = this.#deps.sink.write(this.#unsent);
    if (count < 0) return this.#deps.isGone();
    if (count >= this.#unsent.length) return this.#allTaken();
    this.#unsent = this.#unsent.subarray(count);
    if (count > 0 || this.#behindSince === null) this.#behindSince = this.#deps.now();
    this.#deps.isBehind();
  }

  #allTaken(): void {
    this.#unsent = NOTHING;
    this.#behindSince = null;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
