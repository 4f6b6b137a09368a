/**
 * The thing that is to be found at a path as long as somebody holds it open: a FIFO, a socket, a log. Types
 * only; lib/watch/kept_path.ts is what sees to it.
 */

/** The held thing, as its owner knows it. */
export interface Kept {
  /** Whether the path leads to what is held. Must not throw. */
  isThere(): boolean;
  /**
   * Makes it again, or opens what is there now; says so in the log. Rejects with an Error of a complete
   * text.
   */
  restore(): void | Promise<void>;
}

/** Keeps one thing at its absolute path until `remove`. */
export type KeepPath = (path: string, kept: Kept) => { remove(): void };
