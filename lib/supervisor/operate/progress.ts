/** How far a daemon is with what it was asked: what it waits for, and since when. Pure but for the clock. */
import type { Task } from "../../control/changes.ts";
import type { Progress } from "../../control/views/change.ts";
import type { DaemonUnit } from "../unit/unit.ts";
import type { Histories } from "./histories.ts";

export interface ProgressDeps {
  readonly histories: Pick<Histories, "find">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** null: it is not known. */
export function progressOf(task: Task, unit: DaemonUnit, { histories, now }: ProgressDeps): Progress | null {
  const { state, gates, held } = unit.status;
  const since = Math.max(task.spawned, histories.find(unit)?.stateSince ?? 0);
  const done = Math.max(0, Math.floor((now() - since) / 1000));
  const of = (label: string, seconds: number): Progress => {
    const total = Math.max(1, Math.ceil(seconds));
    return { label: `${label}, ${done} s of ${total} s`, done: Math.min(done, total), total };
  };
  const forever = (label: string): Progress => ({ label: `${label}, ${done} s`, done, total: done + 1 });
  if (state === "stopping") return of("stopping", unit.plan.stopTimeout);
  if (state === "killing") return forever("killed, waits for its end");
  if (held || gates.jail === "closed") return forever("waits for its jail");
  if (state === "starting" && unit.plan.kind === "smart") return of("waits for its pidfile", unit.plan.freq);
  if (state === "starting") return forever("starting");
  if (gates.shutdown !== "open") return forever("waits for the start of the instance");
  return state === "running" ? forever("waits for its program") : null;
}
