/** Plans of jails for tests to change. */
import type { DaemonNamespaces, JailPlan } from "../../lib/config/plan/jail_plan.ts";

const ORIGIN = { file: "x.ini", line: 1 };

/** namespace = /srv/jail:box */
export const JAIL_PLAN: JailPlan = {
  option: "namespace",
  namespaces: ["pid", "mnt", "uts", "ipc"],
  join: [],
  root: { path: "/srv/jail", how: "pivot", keepOld: null },
  hostname: "box",
  keep: [],
  bare: false,
  environment: "clean",
  origin: ORIGIN,
};

/** chroot = /srv/jail */
export const CHROOT_PLAN: JailPlan = {
  ...JAIL_PLAN,
  option: "chroot",
  namespaces: [],
  root: { path: "/srv/jail", how: "chroot", keepOld: null },
  hostname: null,
};

/** attach-daemon2 with ns_pid */
export const NS_PID: DaemonNamespaces = {
  namespaces: ["pid", "mnt"],
  join: [],
  root: null,
  hostname: null,
  keep: [],
  readonly: false,
  tmpfs: [],
};

export function keep(source: string, target = source): JailPlan["keep"][number] {
  return { source, target, origin: ORIGIN };
}
