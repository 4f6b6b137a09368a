/** A daemon as sections [daemon:NAME] have it, expanded; what a key means is for build/daemon. Types only. */
import type { Origin, RawOption } from "./origin.ts";

export interface DaemonSection {
  readonly name: string;
  /** That of its first header. */
  readonly origin: Origin;
  /** By the names of keys, in the order in which they apply: those of [daemon:*] come first. */
  readonly settings: readonly RawOption[];
}
