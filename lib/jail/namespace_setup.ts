/**
 * From a plan of namespaces to what the helper has to make: which namespaces, which root, which mounts in
 * which order. Pure: the same for the instance's jail, whose init makes it once, and for a daemon with
 * namespaces of its own.
 */
import type { DaemonNamespaces, JailPlan, NamespaceKind } from "../config/plan/jail_plan.ts";
import { CLONE_NEW, type Confinement } from "../sys/child/child_spec.ts";
import {
  isWithin,
  keepStep,
  oldRootStep,
  PROC,
  readOnlyStep,
  tmpfsStep,
  withDevices,
} from "./mount_steps.ts";

/** The namespaces that are made, as opposed to those that are joined. */
export type NamespaceSetup = Pick<
  Confinement,
  "newPid" | "unshare" | "root" | "mounts" | "hostname" | "loopback" | "shield"
>;

export const NO_SETUP: NamespaceSetup = {
  newPid: false,
  unshare: 0,
  root: null,
  mounts: [],
  hostname: null,
  loopback: false,
  shield: false,
};

/**
 * Whether there is something that several daemons share: a process has to hold it. chroot(2) alone is each
 * one's own.
 */
export function needsInit(plan: JailPlan): boolean {
  return plan.namespaces.length > 0 || plan.join.length > 0 || plan.root?.how === "pivot";
}

/** The set-up that the jail's init makes. */
export function jailSetup(plan: JailPlan): NamespaceSetup {
  const { root, keep } = plan;
  const kinds = new Set(plan.namespaces);
  const mounts = [];
  if (kinds.has("pid")) mounts.push(PROC);
  if (root?.how === "pivot" && root.keepOld !== null) mounts.push(oldRootStep(root.keepOld));
  const ownDevices = root?.how === "pivot" && !plan.bare;
  mounts.push(...(ownDevices ? withDevices(keep) : keep.map(keepStep)));
  const setup = setupOf(kinds, { root, mounts, hostname: plan.hostname });
  // Nobody in there will have the host's rights: once for all of them.
  return kinds.has("user") || plan.shielded === true ? shielded(setup, []) : setup;
}

/**
 * The same, with all of the host in /proc, /sys and their like out of reach: in a mount namespace of its own,
 * if it is in one that is not the host's, or has only the rights of a user namespace. On the host's own
 * mounts it is not: whoever sees the host's files as uid 0 needs no /proc to be its root.
 */
export function shielded<Setup extends Pick<Confinement, "unshare" | "shield">>(
  setup: Setup,
  join: Confinement["join"],
): Setup {
  const isApart = ((flagsOf(join) | setup.unshare) & (CLONE_NEW.mnt | CLONE_NEW.user)) !== 0;
  return isApart ? { ...setup, unshare: setup.unshare | CLONE_NEW.mnt, shield: true } : setup;
}

/** CLONE_NEW* of all that is joined. */
export function flagsOf(join: Confinement["join"]): number {
  return join.reduce((all, { flags }) => all | flags, 0);
}

/**
 * The set-up of one daemon on top of where it is. `isPidPrivate`: it is in a PID namespace that is not the
 * host's, its own or the jail's. `mountPoints`: what is mounted where it is, parents first; of use only to
 * see all of it read-only.
 */
export function daemonSetup(
  plan: DaemonNamespaces,
  isPidPrivate: boolean,
  mountPoints: readonly string[],
): NamespaceSetup {
  const { root, keep, tmpfs } = plan;
  const kinds = new Set(plan.namespaces);
  const mounts = [];
  if (kinds.has("pid") || (root !== null && isPidPrivate)) mounts.push(PROC);
  mounts.push(...(root === null ? keep.map(keepStep) : withDevices(keep)));
  mounts.push(...tmpfs.map(tmpfsStep));
  if (plan.readonly) mounts.push(...readOnlySteps(plan, mountPoints));
  return setupOf(kinds, { root, mounts, hostname: plan.hostname });
}

/**
 * A new root has nothing mounted in it but what was just mounted; any other has what there was before as
 * well.
 */
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
    shield: false,
  };
}

/** CLONE_NEW* of the kinds. */
export function cloneFlags(kinds: Iterable<NamespaceKind>): number {
  let flags = 0;
  for (const kind of kinds) flags |= CLONE_NEW[kind];
  return flags;
}
