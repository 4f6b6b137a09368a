/**
 * The Plan: a configuration checked and typed, with every default filled in. Built from the flattened options
 * by lib/config/build; read by the supervisor, `reeve check` and `reeve plan`. Immutable and free of effects.
 */
import type { DaemonPlan } from "./daemon_plan.ts";
import type { InstancePlan } from "./instance_plan.ts";

export interface Plan {
  readonly instance: InstancePlan;
  readonly daemons: readonly DaemonPlan[];
  /** The files that were read, in order; the first names the instance. */
  readonly files: readonly string[];
}
