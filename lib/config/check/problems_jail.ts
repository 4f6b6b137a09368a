/**
 * Whether this system can make the namespaces that a Plan asks for: reeve must be root, and the roots and the sources of
 * keep-mounts must be there. It looks through the PlanSystem and changes nothing.
 */
import type { Diagnostics, Severity } from "../diagnostic.ts";
import type { KeepMount, RootPlan } from "../plan/jail_plan.ts";
import type { Origin } from "../origin.ts";
import type { Plan } from "../plan/plan.ts";
import type { PlanSystem } from "../system/system.ts";

export function findJailProblems(plan: Plan, system: PlanSystem, diagnostics: Diagnostics): void {
  const { jail, hooks } = plan.instance;
  // Only what runs before the jail is made can bring what it is made of.
  const missing = hooks.some(({ phase }) => phase === "asap" || phase === "pre-jail") ? "warning" : "error";
  if (jail !== null) {
    if (mayNot(jail.option, jail.origin, system, diagnostics)) return;
    if (jail.root !== null) {
      checkRoot(jail.root, `root of ${jail.option}`, jail.origin, system, missing, diagnostics);
    }
    checkSources(jail.keep, system, missing, diagnostics);
  }
  for (const daemon of plan.daemons) {
    const isBound = daemon.capsBound !== null;
    if (isBound && mayNot(`caps of "${daemon.name}"`, daemon.origin, system, diagnostics, "limit")) return;
    if (daemon.namespaces === null) continue;
    if (mayNot(`namespaces of "${daemon.name}"`, daemon.origin, system, diagnostics)) return;
    if (jail?.root?.how === "chroot" && daemon.namespaces.root !== null) {
      const roots = `"${daemon.namespaces.root.path}" within chroot="${jail.root.path}"`;
      const text = `cannot give "${daemon.name}" the root ${roots}: use namespace instead of chroot`;
      diagnostics.error(text, daemon.origin);
    }
    // Its paths are those of the jail, where this look does not reach.
    if (jail?.root != null) continue;
    const { root, keep } = daemon.namespaces;
    if (root !== null) {
      checkRoot(root, `root of "${daemon.name}"`, daemon.origin, system, missing, diagnostics);
    }
    checkSources(keep, system, missing, diagnostics);
  }
}

function mayNot(
  what: string,
  origin: Origin,
  system: PlanSystem,
  diagnostics: Diagnostics,
  verb = "make",
): boolean {
  if (system.uid === 0) return false;
  diagnostics.error(`cannot ${verb} ${what}: reeve is not root, it runs as uid ${system.uid}`, origin);
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
