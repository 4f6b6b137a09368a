/**
 * Where a daemon of a guarded legion lives: where it would live anyway, but in the guard's PID namespace and with a /proc that shows
 * it. Pidfiles hold the pids of that namespace. Must never let a daemon be born elsewhere: it would outlive the lordship.
 */
import type { JailPlace } from "../jail/jail_place.ts";
import { PROC } from "../jail/mount_steps.ts";
import { NO_SETUP } from "../jail/namespace_setup.ts";
import { pidLevels } from "../jail/pid_levels.ts";
import { CLONE_NEW, type Confinement } from "../sys/child_spec.ts";
import { namespaceInode, pidFromNamespace } from "../sys/namespaces.ts";
import { listProcesses } from "../sys/process_table.ts";
import type { LordGuard } from "./guard_port.ts";

type GuardNamespace = NonNullable<LordGuard["place"]>;

/** `confinement`: of the daemon without a guard; null: none. Throws where it asks for another PID namespace to be joined. */
export function underGuard(
  confinement: Confinement | null,
  guard: GuardNamespace,
  outer: JailPlace | null,
): Confinement {
  const base: Confinement = confinement ?? { ...NO_SETUP, pidNamespace: null, join: [], readyFd: null };
  const isJails = base.pidNamespace === (outer?.pidNamespaceFd ?? null);
  if (!isJails && base.pidNamespace !== guard.pidNamespaceFd) {
    throw new Error(
      "cannot join a PID namespace with setns: a daemon of an etcd legion lives in that of the legion's guard",
    );
  }
  const hasProc = base.mounts.some(({ kind, type }) => kind === "new" && type === "proc");
  return {
    ...base,
    pidNamespace: guard.pidNamespaceFd,
    unshare: base.unshare | CLONE_NEW.mnt,
    // First, as whatever else is mounted may lie within it or hide it.
    mounts: hasProc ? base.mounts : [PROC, ...base.mounts],
  };
}

/** Where its paths lie and what its pids mean. `rootFd`: of the jail, else of reeve's own root. */
export class GuardedPlace implements JailPlace {
  readonly initPid: number;
  readonly rootFd: number;
  readonly pidNamespaceFd: number;
  readonly confinement: Confinement;
  readonly #namespace: string | null;
  /** How many PID namespaces it is below reeve's. */
  readonly #depth: number;

  constructor(guard: GuardNamespace, outer: JailPlace | null, rootFd: number) {
    this.initPid = guard.initPid;
    this.rootFd = rootFd;
    this.pidNamespaceFd = guard.pidNamespaceFd;
    this.confinement = underGuard(outer?.confinement ?? null, guard, outer);
    this.#namespace = namespaceInode(guard.initPid, "pid");
    this.#depth = (pidLevels(guard.initPid)?.length ?? 2) - 1;
  }

  translatePid(pid: number): number | null {
    const found = pidFromNamespace(this.pidNamespaceFd, pid);
    if (found !== "unknown") return found;
    for (const { pid: ours } of listProcesses()) if (this.pidInside(ours) === pid) return ours;
    return null;
  }

  pidInside(pid: number): number | null {
    const inside = pidLevels(pid)?.[this.#depth] ?? null;
    return this.#namespace !== null && namespaceInode(pid, "pid") === this.#namespace ? inside : null;
  }
}
