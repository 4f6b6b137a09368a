/**
 * Whether this system can make the namespaces that a Plan asks for: reeve must be root, and the roots and the sources of
 * keep-mounts must be there. It looks through the PlanSystem and changes nothing.
 */
import type { Diagnostics, Severity } from "./diagnostic.ts";
import type { DaemonNamespaces, KeepMount, RootPlan } from "./jail_plan.ts";
import type { Origin } from "./origin.ts";
import type { DaemonPlan, Plan } from "./plan.ts";
import type { PlanSystem } from "./plan_system.ts";

/** `missing`: how bad it is that something is not there now; hooks that run before may bring it. */
export function findJailProblems(
  plan: Plan,
  system: PlanSystem,
  missing: Severity,
  diagnostics: Diagnostics,
): void {
  const { jail } = plan.instance;
  if (jail !== null) {
    if (mayNot(jail.option, jail.origin, system, diagnostics)) return;
    if (jail.root !== null) {
      checkRoot(jail.root, `root of ${jail.option}`, jail.origin, system, missing, diagnostics);
    }
    checkSources(jail.keep, system, missing, diagnostics);
  }
  for (const daemon of plan.daemons) {
    if (daemon.namespaces === null) continue;
    if (mayNot(`namespaces of "${daemon.name}"`, daemon.origin, system, diagnostics)) return;
    // Its paths are those of the jail, where this look does not reach.
    if (jail?.root != null) continue;
    const { root, keep } = daemon.namespaces;
    if (root !== null) {
      checkRoot(root, `root of "${daemon.name}"`, daemon.origin, system, missing, diagnostics);
    }
    checkSources(keep, system, missing, diagnostics);
  }
}

/** Whether a path that the daemon means is one of the host as well. */
export function seesHost(plan: Plan, daemon: DaemonPlan): boolean {
  return instanceSeesHost(plan) && !hidesHost(daemon.namespaces);
}

/** The same of the instance's own paths: they are its daemons'. */
export function instanceSeesHost(plan: Pick<Plan, "instance">): boolean {
  const { jail } = plan.instance;
  return jail === null || (jail.root === null && jail.join.length === 0);
}

function hidesHost(namespaces: DaemonNamespaces | null): boolean {
  if (namespaces === null) return false;
  const { root, keep, tmpfs, join } = namespaces;
  return root !== null || keep.length > 0 || tmpfs.length > 0 || join.length > 0;
}

function mayNot(what: string, origin: Origin, system: PlanSystem, diagnostics: Diagnostics): boolean {
  if (system.uid === 0) return false;
  diagnostics.error(`cannot make ${what}: reeve is not root, it runs as uid ${system.uid}`, origin);
  return true;
}

function checkRoot(
  root: RootPlan,
  what: string,
  origin: Origin,
  system: PlanSystem,
  missing: Severity,
  diagnostics: Diagnostics,
): void {
  const status = system.stat(root.path);
  if (status === null) {
    diagnostics[missing](`cannot use "${root.path}" as the ${what}: no such directory`, origin);
  } else if (status.kind !== "directory") {
    diagnostics.error(`cannot use "${root.path}" as the ${what}: it is a ${status.kind}`, origin);
  }
}

function checkSources(
  keep: readonly KeepMount[],
  system: PlanSystem,
  missing: Severity,
  diagnostics: Diagnostics,
): void {
  for (const { source, origin } of keep) {
    if (system.stat(source) !== null) continue;
    diagnostics[missing](`cannot keep "${source}": no such file or directory on the host`, origin);
  }
}
