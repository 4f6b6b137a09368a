/**
 * The system as it looks from another root: what a daemon's paths mean before its root, its mounts and its
 * processes are there. Pure: it looks through the PlanDeps, which lets no link lead out of a root.
 */
import type { DaemonNamespaces, KeepMount } from "../plan/jail_plan.ts";
import type { DaemonPlan } from "../plan/daemon_plan.ts";
import type { InstancePlan } from "../plan/instance_plan.ts";
import type { Plan } from "../plan/plan.ts";
import { USUAL_PATH } from "./programs.ts";
import type { FileStatus, PlanDeps, SystemLook } from "./plan_deps.ts";

/** The mounts over the root's own files. */
interface Mounts {
  readonly keep: readonly KeepMount[];
  /** Empty at first: /proc, /dev and the like count as such, for nothing of them can be known. */
  readonly fresh: readonly string[];
}

const DIRECTORY: FileStatus = { kind: "directory", mode: 0o755, uid: 0, gid: 0 };
const DEVICE: FileStatus = { kind: "device", mode: 0o666, uid: 0, gid: 0 };

/** Where the instance's own paths are looked for; null: nowhere that can be seen. */
export function instanceView({ jail }: Pick<InstancePlan, "jail">, system: PlanDeps): SystemLook | null {
  if (jail === null) return system;
  if (jail.join.length > 0) return null;
  if (jail.root === null) return withPath(system, jail.environment);
  const fresh = jail.root.how === "chroot" ? [] : jail.bare ? ["/proc"] : ["/proc", "/dev"];
  const view = viewOf(system, jail.root.path, { keep: jail.keep, fresh });
  return view === null ? null : withPath(view, jail.environment);
}

/** The same for a daemon. Of a root within a root, and of what is joined, nothing is seen. */
export function daemonView(plan: Plan, daemon: DaemonPlan, system: PlanDeps): SystemLook | null {
  const { namespaces } = daemon;
  if (namespaces === null || !hides(namespaces)) return instanceView(plan.instance, system);
  const outer = plan.instance.jail;
  if (namespaces.join.length > 0 || (outer !== null && (outer.root !== null || outer.join.length > 0))) {
    return null;
  }
  const { root, keep, tmpfs } = namespaces;
  const fresh = [...tmpfs, ...(root === null ? [] : ["/proc", "/dev"])];
  return viewOf(system, root?.path ?? null, { keep, fresh });
}

function hides({ root, keep, tmpfs, join }: DaemonNamespaces): boolean {
  return root !== null || keep.length > 0 || tmpfs.length > 0 || join.length > 0;
}

function withPath(look: SystemLook, environment: "clean" | "inherit"): SystemLook {
  if (environment === "inherit") return look;
  return {
    uid: look.uid,
    cwd: look.cwd,
    path: USUAL_PATH,
    machines: look.machines,
    stat: (path) => look.stat(path),
    canWrite: (path) => look.canWrite(path),
    canExecute: (path) => look.canExecute(path),
    readStart: (path) => look.readStart(path),
  };
}

/** `root`: null is "/", and then only the mounts differ. */
function viewOf(system: PlanDeps, root: string | null, mounts: Mounts): SystemLook | null {
  if (root !== null && system.statInRoot === undefined) return null;
  // A root that is not there is reported by itself, and not everything that is missing in it.
  if (root !== null && system.stat(root)?.kind !== "directory") return null;
  const stat = (path: string): FileStatus | null => {
    const { kept, isFresh, isPoint } = mountedOver(path, mounts);
    if (kept !== null) return system.stat(kept);
    if (isPoint) return DIRECTORY;
    if (isFresh) return path.startsWith("/dev/") ? DEVICE : null;
    return root === null ? system.stat(path) : system.statInRoot?.(root, path) ?? null;
  };
  return {
    uid: system.uid,
    cwd: "/",
    path: system.path,
    machines: system.machines,
    stat,
    // The maker of the root is root; a read-only file system is noticed when it is used.
    canWrite: (path) => stat(path) !== null,
    canExecute: (path) => {
      const status = stat(path);
      return status?.kind === "file" && (status.mode & 0o111) !== 0;
    },
    readStart: () => null,
  };
}

function mountedOver(
  path: string,
  mounts: Mounts,
): { kept: string | null; isFresh: boolean; isPoint: boolean } {
  // The later one lies over the earlier one, and the deeper one over both.
  const kept = mounts.keep.findLast(({ target }) => isBelow(path, target));
  if (kept !== undefined) {
    return { kept: kept.source + path.slice(kept.target.length), isFresh: false, isPoint: false };
  }
  const isPoint = mounts.fresh.includes(path);
  return { kept: null, isFresh: mounts.fresh.some((target) => isBelow(path, target)), isPoint };
}

function isBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}
