/**
 * One init of a jail, from its clone to its end: started, heard when it is ready, watched, killed. It never
 * decides what follows: that is jail/holder.ts.
 */
import type { JailPlan } from "../../config/plan/jail_plan.ts";
import { type ExitCause, exitCodeOf, type ProcessId } from "../../sys/process_id.ts";
import { signalName } from "../../sys/signal_names.ts";
import { describePlaceFailure } from "../../jail/failure.ts";
import { openJoins } from "../../jail/joins.ts";
import { jailSetup } from "../../jail/namespace_setup.ts";
import type { ChildSpec } from "../../sys/child/child_spec.ts";
import { closeFd, openPipe, readInto } from "../../sys/file/descriptor.ts";
import { SysError } from "../../sys/errno.ts";
import { errorText } from "../../sys/error_text.ts";
import type { Watcher } from "../../sys/file/watcher.ts";
import type { Inherited } from "../../process/child_builder.ts";
import { jailInit } from "./spec.ts";
import type { Registry, SetupFailure } from "../../process/registry.ts";

export interface InitDeps {
  /** The jail will be on record in the run directory. */
  readonly isKnown: boolean;
  readonly inherited: Inherited;
  readonly registry: Registry;
  readonly watcher: Watcher;
  readonly start: (spec: Omit<ChildSpec, "spawnId">) => ProcessId;
  readonly follow: (process: ProcessId, ended: () => void) => { remove(): void };
}

export interface InitEvents {
  readonly ready: () => void;
  /** It is reaped, or gone if it was no child of ours. */
  readonly ended: (why: string) => void;
}

const READY = "R".charCodeAt(0);

/** Starts one. Throws an Error that says what could not be had; nothing is left of it then. */
export function startInit(plan: JailPlan, deps: InitDeps, events: InitEvents): ProcessId {
  const joins = openJoins(plan.join, "self");
  try {
    const pipe = openPipe({ nonblock: true });
    let process: ProcessId;
    try {
      process = deps.start(jailInit(plan, joins, pipe.writer, deps.inherited, deps.isKnown));
    } catch (error) {
      closeFd(pipe.reader);
      throw error;
    } finally {
      closeFd(pipe.writer);
    }
    deps.registry.set(process.pid, {
      reaped: (_pid, cause, failure) => events.ended(describeEnd(plan, cause, failure)),
    });
    hearReady(pipe.reader, deps.watcher, events.ready);
    return process;
  } catch (error) {
    throw new Error(startFailure(plan, error), { cause: error });
  } finally {
    joins.close();
  }
}

/**
 * One that runs already: our child since before a reload, or another's. `isChild`: it will be reaped by us.
 */
export function watchInit(process: ProcessId, isChild: boolean, deps: InitDeps, events: InitEvents): void {
  const ended = (cause: ExitCause): void => events.ended(describeCause(cause));
  if (isChild) {
    deps.registry.set(process.pid, { reaped: (_pid, cause) => ended(cause) });
    return;
  }
  const watch = deps.follow(process, () => {
    watch.remove();
    ended({ kind: "unknown" });
  });
}

/** One byte, or the end of the pipe with it that of the init, which is heard of otherwise. */
function hearReady(reader: number, watcher: Watcher, ready: () => void): void {
  const watch = watcher.add(reader, () => {
    const buffer = new Uint8Array(1);
    const count = readInto(reader, buffer);
    if (count === null) return;
    watch.remove();
    closeFd(reader);
    if (count === 1 && buffer[0] === READY) ready();
  });
}

function startFailure(plan: JailPlan, error: unknown): string {
  if (!(error instanceof SysError) || error.call !== "clone3") return errorText(error);
  return describePlaceFailure(subjectOf(plan), { stage: "clone", errno: error.errno }) ?? errorText(error);
}

function describeEnd(plan: JailPlan, cause: ExitCause, failure: SetupFailure | null): string {
  if (failure === null) return describeCause(cause);
  return describePlaceFailure(subjectOf(plan), failure) ?? `${failure.stage}: error ${failure.errno}`;
}

function subjectOf(plan: JailPlan) {
  return { root: plan.root?.path ?? null, mounts: jailSetup(plan).mounts, hostname: plan.hostname };
}

function describeCause(cause: ExitCause): string {
  if (cause.kind === "killed") {
    return `its init was killed by signal ${cause.signal} (${signalName(cause.signal)})`;
  }
  return cause.kind === "exited" ? `its init exited with code ${exitCodeOf(cause)}` : "its init ended";
}
