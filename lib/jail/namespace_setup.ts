/**
 * From a plan of namespaces to what the helper has to make: which namespaces, which root, which mounts in which order. Pure: the
 * same for the instance's jail, whose init makes it once, and for a daemon with namespaces of its own.
 */
import type { DaemonNamespaces, JailPlan, NamespaceKind } from "../config/plan/jail_plan.ts";
import { CLONE_NEW, type Confinement } from "../sys/child/child_spec.ts";
import {
  isWithin,
  keepStep,
  KERNEL_SETTINGS,
  oldRootStep,
  PROC,
  readOnlyStep,
  tmpfsStep,
  withDevices,
} from "./mount_steps.ts";

/** The namespaces that are made, as opposed to those that are joined. */
export type NamespaceSetup = Pick<
  Confinement,
  "newPid" | "unshare" | "root" | "mounts" | "hostname" | "loopback"
>;

export const NO_SETUP: NamespaceSetup = {
  newPid: false,
  unshare: 0,
  root: null,
  mounts: [],
  hostname: null,
  loopback: false,
};

/** Whether there is something that several daemons share: a process has to hold it. chroot(2) alone is each one's own. */
export function needsInit(plan: JailPlan): boolean {
  return plan.namespaces.length > 0 || plan.join.length > 0 || plan.root?.how === "pivot";
}

/** The set-up that the jail's init makes. */
export function jailSetup(plan: JailPlan): NamespaceSetup {
  const { root, keep } = plan;
  const kinds = new Set(plan.namespaces);
  const mounts = [];
  if (kinds.has("pid")) mounts.push(PROC);
  if (kinds.has("user") || (plan.shielded === true && kinds.has("pid"))) mounts.push(...KERNEL_SETTINGS);
  if (root?.how === "pivot" && root.keepOld !== null) mounts.push(oldRootStep(root.keepOld));
  const ownDevices = root?.how === "pivot" && !plan.bare;
  mounts.push(...(ownDevices ? withDevices(keep) : keep.map(keepStep)));
  return setupOf(kinds, { root, mounts, hostname: plan.hostname });
}

/**
 * The set-up of one daemon on top of where it is. `isPidPrivate`: it is in a PID namespace that is not the host's, its own or the
 * jail's. `isShielded`: it has no right to mount. `mountPoints`: what is mounted where it is, parents first; of use only to see all
 * of it read-only.
 */
export function daemonSetup(
  plan: DaemonNamespaces,
  isPidPrivate: boolean,
  mountPoints: readonly string[],
  isShielded = false,
): NamespaceSetup {
  const { root, keep, tmpfs } = plan;
  const kinds = new Set(plan.namespaces);
  const mounts = [];
  const hasProc = kinds.has("pid") || (root !== null && isPidPrivate);
  if (hasProc) mounts.push(PROC);
  if (kinds.has("user") || (isShielded && hasProc)) mounts.push(...KERNEL_SETTINGS);
  mounts.push(...(root === null ? keep.map(keepStep) : withDevices(keep)));
  mounts.push(...tmpfs.map(tmpfsStep));
  if (plan.readonly) mounts.push(...readOnlySteps(plan, mountPoints));
  return setupOf(kinds, { root, mounts, hostname: plan.hostname });
}

/** A new root has nothing mounted in it but what was just mounted; any other has what there was before as well. */
function readOnlySteps(plan: DaemonNamespaces, mountPoints: readonly string[]) {
  const root = readOnlyStep("/", false);
  if (plan.root !== null) return [root];
  const spared = ["/proc", "/dev", ...plan.tmpfs, ...plan.keep.map(({ target }) => target)];
  const others = new Set(
    mountPoints.filter((point) => point !== "/" && !spared.some((top) => isWithin(point, top))),
  );
  return [root, ...[...others].map((point) => readOnlyStep(point, true))];
}

function setupOf(
  kinds: Set<NamespaceKind>,
  { root, mounts, hostname }: {
    readonly root: JailPlan["root"];
    readonly mounts: Confinement["mounts"];
    readonly hostname: string | null;
  },
): NamespaceSetup {
  // Nothing of this may be seen by the host: what is mounted and named needs a namespace for it.
  if (mounts.length > 0 || root?.how === "pivot") kinds.add("mnt");
  if (hostname !== null) kinds.add("uts");
  return {
    newPid: kinds.has("pid"),
    unshare: cloneFlags(kinds) & ~CLONE_NEW.pid,
    root: root === null ? null : { path: root.path, how: root.how },
    mounts,
    hostname,
    loopback: kinds.has("net"),
  };
}

/** CLONE_NEW* of the kinds. */
export function cloneFlags(kinds: Iterable<NamespaceKind>): number {
  let flags = 0;
  for (const kind of kinds) flags |= CLONE_NEW[kind];
  return flags;
}
