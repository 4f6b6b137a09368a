/**
 * Whether this system can make the namespaces that a Plan asks for: reeve must be root, and the roots and the
 * sources of keep-mounts must be there. It looks through the PlanDeps and changes nothing.
 */
import type { Diagnostics, Severity } from "../diagnostic.ts";
import type { KeepMount, RootPlan } from "../plan/jail_plan.ts";
import type { Origin } from "../origin.ts";
import type { Plan } from "../plan/plan.ts";
import type { PlanDeps } from "../system/plan_deps.ts";

/** `missing`: how bad it is that a path is not there. */
interface Look {
  readonly system: PlanDeps;
  readonly missing: Severity;
  readonly diagnostics: Diagnostics;
}

export function findJailProblems(plan: Plan, system: PlanDeps, diagnostics: Diagnostics): void {
  const { jail, hooks } = plan.instance;
  // Only what runs before the jail is made can bring what it is made of.
  const missing = hooks.some(({ phase }) => phase === "asap" || phase === "pre-jail") ? "warning" : "error";
  const look: Look = { system, missing, diagnostics };
  if (jail !== null) {
    if (mayNot(`make ${jail.option}`, jail.origin, look)) return;
    if (jail.root !== null) checkRoot(jail.root, `root of ${jail.option}`, jail.origin, look);
    checkSources(jail.keep, look);
  }
  for (const { name, origin, capsBound, namespaces } of plan.daemons) {
    if (capsBound !== null && mayNot(`limit caps of "${name}"`, origin, look)) return;
    if (namespaces === null) continue;
    if (mayNot(`make namespaces of "${name}"`, origin, look)) return;
    const { root, keep } = namespaces;
    if (jail?.root?.how === "chroot" && root !== null) {
      const roots = `"${root.path}" within chroot="${jail.root.path}"`;
      diagnostics.error(`cannot give "${name}" the root ${roots}: use namespace instead of chroot`, origin);
    }
    // Its paths are those of the jail, where this look does not reach.
    if (jail?.root != null) continue;
    if (root !== null) checkRoot(root, `root of "${name}"`, origin, look);
    checkSources(keep, look);
  }
}

function mayNot(what: string, origin: Origin, { system, diagnostics }: Look): boolean {
  if (system.uid === 0) return false;
  diagnostics.error(`cannot ${what}: reeve is not root, it runs as uid ${system.uid}`, origin);
  return true;
}

function checkRoot(root: RootPlan, what: string, origin: Origin, look: Look): void {
  const { system, missing, diagnostics } = look;
  const status = system.stat(root.path);
  if (status === null) {
    diagnostics[missing](`cannot use "${root.path}" as the ${what}: no such directory`, origin);
  } else if (status.kind !== "directory") {
    diagnostics.error(`cannot use "${root.path}" as the ${what}: it is a ${status.kind}`, origin);
  }
}

function checkSources(keep: readonly KeepMount[], { system, missing, diagnostics }: Look): void {
  for (const { source, origin } of keep) {
    if (system.stat(source) !== null) continue;
    diagnostics[missing](`cannot keep "${source}": no such file or directory on the host`, origin);
  }
}
