/**
 * Keeps what reeve holds open under a path (a FIFO, a socket, its log) to be found there: when the path is
 * gone or leads to something else, that is mended, at most once a second and with one line. Must never remove
 * what is not ours.
 */
import { errorText } from "../sys/error_text.ts";
import type { Kept } from "../sys/file/kept.ts";
import { Pace } from "../sys/pace.ts";
import { PathWatch, type PathWatchDeps } from "./path_watch.ts";

export interface KeptPathDeps extends PathWatchDeps {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly log: (level: "error", text: string) => void;
}

/** The death of a stranger's server in our place is not seen. */
const TRY_AGAIN_MS = 5000;

export class KeptPath {
  readonly #deps: KeptPathDeps;
  readonly #kept: Kept;
  readonly #pace: Pace;
  readonly #watch: { remove(): void };
  /** The failure that was said last. */
  #said: string | null = null;
  #retry: { cancel(): void } | null = null;
  #isRestoring = false;
  #closed = false;

  /** `path` is absolute, and its thing is held by now. */
  constructor(path: string, deps: KeptPathDeps, kept: Kept) {
    this.#deps = deps;
    this.#kept = kept;
    this.#pace = new Pace(deps);
    this.#watch = new PathWatch(path, deps, () => this.#look(), { identityOnly: true });
    // Sees what happened before the watch was set.
    this.#look();
  }

  remove(): void {
    this.#closed = true;
    this.#watch.remove();
    this.#pace.cancel();
    this.#retry?.cancel();
    this.#retry = null;
  }

  #look(): void {
    if (!this.#closed && !this.#kept.isThere()) this.#pace.ask(() => void this.#restore());
  }

  async #restore(): Promise<void> {
    if (this.#closed || this.#isRestoring || this.#kept.isThere()) return;
    this.#retry?.cancel();
    this.#retry = null;
    this.#isRestoring = true;
    try {
      await this.#kept.restore();
      this.#said = null;
    } catch (error) {
      this.#failed(errorText(error));
    } finally {
      this.#isRestoring = false;
    }
    // It may have changed once more meanwhile.
    if (this.#retry === null) this.#look();
  }

  #failed(text: string): void {
    if (this.#closed) return;
    if (text !== this.#said) {
      this.#deps.log("error", `${text}; tried again every ${TRY_AGAIN_MS / 1000} s`);
    }
    this.#said = text;
    this.#retry = this.#deps.timers.after(TRY_AGAIN_MS, () => {
      this.#retry = null;
      this.#look();
    });
  }
}
