/** The instance as JSON. Pure. */
import { timeText } from "../changes.ts";

export interface SystemFacts {
  readonly version: string;
  readonly bootId: string | null;
  readonly instance: string;
  readonly pid: number;
  /** Milliseconds since 1970 at which it began to run. */
  readonly since: number;
  readonly config: string;
  /** A state of its life: "running", "reloading". */
  readonly state: string;
}

export function systemToJson(facts: SystemFacts): Readonly<Record<string, unknown>> {
  const { version, bootId, instance, pid, since, config, state } = facts;
  return { version, "boot-id": bootId, instance, pid, since: timeText(since), config, state };
}
