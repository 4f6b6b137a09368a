/**
 * Collects dead children: SIGCHLD coalesces, so one signal means "look until there is none". A child is looked at
 * before it is reaped, so that its pid still stands for it while its owner is found.
 */
import type { ExitCause } from "../daemon/process.ts";
import type { Registry, SetupFailure } from "./registry.ts";

export interface ReaperSystem {
  /** The next dead child, left a zombie; null: none is dead. */
  peek(): { readonly pid: number; readonly cause: ExitCause } | null;
  reap(pid: number): void;
  /** What the child reported before it died of it. */
  failureOf(pid: number): SetupFailure | null;
  /** The pid means nothing any more. */
  forget(pid: number): void;
}

export interface Reaped {
  /** Children that nobody owned: orphans that reeve inherited. */
  readonly strangers: number;
}

export function reapAll(
  system: ReaperSystem,
  registry: Registry,
  onStranger: (pid: number, cause: ExitCause) => void,
): Reaped {
  let strangers = 0;
  for (let dead = system.peek(); dead !== null; dead = system.peek()) {
    const owner = registry.get(dead.pid);
    system.reap(dead.pid);
    if (owner === undefined) {
      strangers += 1;
      onStranger(dead.pid, dead.cause);
      continue;
    }
    registry.delete(dead.pid, owner);
    const mayHaveFailed = dead.cause.kind === "exited" && dead.cause.code >= SETUP_FAILED;
    const failure = mayHaveFailed ? system.failureOf(dead.pid) : null;
    system.forget(dead.pid);
    owner.reaped(dead.pid, dead.cause, failure);
  }
  return { strangers };
}

/** The helper exits with 125, 126 or 127 when a stage of the set-up failed, after it has reported which. */
const SETUP_FAILED = 125;
