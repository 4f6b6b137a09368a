/**
 * Follows what changes below a legion's prefix, so that a lord's end is known at once and not only with the
 * next renewal. It may fall silent without harm: every renewal reads the same keys. Must never be the only
 * way to learn something.
 */
import type { Reading } from "./session.ts";
import type { Timers } from "../../sys/timers.ts";

export interface WatchDeps {
  changes(revision: bigint, signal: AbortSignal): AsyncIterable<void>;
  read(signal: AbortSignal): Promise<Reading>;
  /** The server that answered last. */
  readonly url: () => string;
  readonly timers: Timers;
}

const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 5000;

export class EtcdWatch {
  readonly #deps: WatchDeps;
  readonly #news: (reading: Reading) => void;
  readonly #life = new AbortController();
  #connection = new AbortController();
  #url = "";
  #revision: bigint;
  #isReading = false;
  #isDirty = false;
  #pause = FIRST_PAUSE_MS;

  constructor(deps: WatchDeps, revision: bigint, news: (reading: Reading) => void) {
    this.#deps = deps;
    this.#revision = revision;
    this.#news = news;
    void this.#follow();
  }

  /**
   * Another server answers than the one that is watched: that one's connection may be dead without saying so.
   */
  look(): void {
    if (this.#url !== "" && this.#deps.url() !== this.#url) this.#connection.abort();
  }

  close(): void {
    this.#life.abort();
    this.#connection.abort();
  }

  async #follow(): Promise<void> {
    const life = this.#life.signal;
    while (!life.aborted) {
      this.#connection = new AbortController();
      this.#url = this.#deps.url();
      try {
        for await (const _ of this.#deps.changes(this.#revision, this.#connection.signal)) {
          this.#pause = FIRST_PAUSE_MS;
          void this.#read();
        }
      } catch {
        // Renewals say what is wrong with the server, and go to another one.
      }
      this.#url = "";
      if (life.aborted) return;
      await new Promise<void>((done) => this.#deps.timers.after(this.#pause, done));
      this.#pause = Math.min(this.#pause * 2, LAST_PAUSE_MS);
      await this.#read(); // what was missed, and a revision that is not compacted
    }
  }

  /** One at a time: of many changes in a row the first and the last are read. */
  async #read(): Promise<void> {
    this.#isDirty = true;
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (this.#isDirty && !this.#life.signal.aborted) {
        this.#isDirty = false;
        const reading = await this.#deps.read(this.#life.signal);
        if (this.#life.signal.aborted) return;
        this.#revision = reading.revision;
        this.#news(reading);
      }
    } catch {
      // As above.
    } finally {
      this.#isReading = false;
    }
  }
}
