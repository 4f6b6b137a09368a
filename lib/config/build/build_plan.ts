/**
 * From the flattened options to the Plan. Pure: what it must know of the system it asks the PlanDeps, which
 * only looks. All problems are collected; nothing throws. Whether the Plan can run on this system is
 * check/problems.ts's business.
 */
import type { DaemonSection } from "../daemon_section.ts";
import type { Diagnostics } from "../diagnostic.ts";
import type { RawOption } from "../origin.ts";
import type { DaemonPlan } from "../plan/daemon_plan.ts";
import type { Plan } from "../plan/plan.ts";
import { planDaemons } from "./daemon/daemons.ts";
import { withCalledOptions } from "./calls.ts";
import { planInstance } from "./instance.ts";
import { planJail } from "./jail/jail.ts";
import { planLegions } from "./legion/legion.ts";
import { checkSignals } from "./legion/hooks.ts";
import { OptionReader } from "../values/options.ts";
import type { PlanDeps } from "../system/plan_deps.ts";
import { RootedUsers } from "../system/users.ts";

export interface BuildOptions {
  /** The words after `--`; null: there are none. */
  readonly entrypoint: readonly string[] | null;
  /** The first FILE of the command line as it was named, with its section; "": none. */
  readonly asked: string;
  /** Absent: there are none. */
  readonly sections?: readonly DaemonSection[];
}

/**
 * `files`: all that were read, in order. The Plan is whole also when errors were found, so that every later
 * check can add its own; whoever runs it looks at `diagnostics.hasErrors` first.
 */
export function buildPlan(
  options: readonly RawOption[],
  files: readonly string[],
  system: PlanDeps,
  diagnostics: Diagnostics,
  { entrypoint, asked, sections = [] }: BuildOptions = { entrypoint: null, asked: files[0] ?? "" },
): Plan {
  const reader = new OptionReader(withCalledOptions(options), diagnostics);
  const jail = planJail(reader, system);
  const users = new RootedUsers(system, jail?.root?.path ?? null);
  const legions = planLegions(reader, system);
  const instance = planInstance({
    reader,
    asked,
    jail,
    legions: legions.plans,
    users: users.of(null),
    system,
  });
  const defaults = {
    identity: instance.identity,
    initGroups: !reader.flag("no-initgroups"),
    stopTimeout: instance.reloadMercy,
    origins: defaultOrigins(reader),
    shell: instance.shell,
  };
  const daemons = planDaemons(
    { reader, defaults, users, legions: legions.names, system, diagnostics },
    sections,
    entrypoint,
  );
  checkSignals(legions.plans, daemons, diagnostics);
  return { instance, daemons, files };
}

/** Origins of the instance's settings that are a daemon's defaults. */
function defaultOrigins(reader: OptionReader): DaemonPlan["origins"] {
  const identity = reader.last("uid", "gid", "add-gid", "immediate-uid", "immediate-gid");
  const mercy = reader.last("reload-mercy");
  return {
    ...(identity === null ? {} : { identity: identity.origin }),
    ...(mercy === null ? {} : { stopTimeout: mercy.origin }),
  };
}
