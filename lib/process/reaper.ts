/**
 * Collects dead children: SIGCHLD coalesces, so one signal means "look until there is none". Once a child is
 * reaped its pid may be anybody's, so whose it was is settled for all that were reaped before anybody acts on
 * it.
 */
import type { ExitCause } from "../sys/process_id.ts";
import type { Owner, Registry, SetupFailure } from "./registry.ts";

interface Dead {
  readonly pid: number;
  readonly cause: ExitCause;
}

export interface ReaperDeps {
  /** Reaps some of the dead children; []: none is dead. */
  reapDead(): readonly Dead[];
  /** The failure that the child reported before it died of it. */
  failureOf(pid: number): SetupFailure | null;
  /** The pid means nothing any more. */
  forget(pid: number): void;
}

export interface Reaped {
  /** Children that nobody owned: orphans that reeve inherited. */
  readonly strangers: number;
}

export function reapAll(
  system: ReaperDeps,
  registry: Registry,
  onStranger: (pid: number, cause: ExitCause) => void,
): Reaped {
  let strangers = 0;
  for (let batch = system.reapDead(); batch.length > 0; batch = system.reapDead()) {
    const owned: (Dead & { readonly owner: Owner; readonly failure: SetupFailure | null })[] = [];
    for (const dead of batch) {
      const owner = registry.get(dead.pid);
      if (owner === undefined) {
        strangers += 1;
        onStranger(dead.pid, dead.cause);
      } else owned.push({ ...dead, owner, failure: letGo(system, registry, owner, dead) });
    }
    for (const { pid, cause, owner, failure } of owned) owner.reaped(pid, cause, failure);
  }
  return { strangers };
}

function letGo(system: ReaperDeps, registry: Registry, owner: Owner, dead: Dead): SetupFailure | null {
  registry.delete(dead.pid, owner);
  const mayHaveFailed = dead.cause.kind === "exited" && dead.cause.code >= SETUP_FAILED;
  const failure = mayHaveFailed ? system.failureOf(dead.pid) : null;
  system.forget(dead.pid);
  return failure;
}

/** The helper exits with 125, 126 or 127 when a stage of the set-up failed, after it has reported which. */
const SETUP_FAILED = 125;
