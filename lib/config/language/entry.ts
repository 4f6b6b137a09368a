/**
 * One line of the flattened configuration while it is being read. Mutable, and never seen outside this
 * directory: what leaves it is RawOption.
 */
import type { Origin } from "../origin.ts";

/** A file being read, or one that was; the chain of parents tells whether a file reads itself. */
export interface Frame {
  /** As named, without the section. */
  readonly path: string;
  readonly section: string;
  readonly parent: Frame | null;
  readonly depth: number;
}

export interface Entry {
  readonly name: string;
  value: string;
  readonly origin: Origin;
  /** Acted upon when read, or a pure placeholder: its value is not expanded. */
  settled: boolean;
  /** Set through set-placeholder: never taken for a mistyped option. */
  readonly placeholder: boolean;
  /** The file whose line it is; null: command line or environment. */
  readonly frame: Frame | null;
  /** Declared options: what this one stands for. */
  stands: Entry[] | null;
}
