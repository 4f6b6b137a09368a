/**
 * Where a daemon of a guarded legion lives: where it would live anyway, but in the guard's PID namespace and
 * with a /proc that shows it. Pidfiles hold the pids of that namespace. Must never let a daemon be born
 * elsewhere: it would outlive the lordship.
 */
import type { JailPlace } from "../../jail/place.ts";
import { PROC } from "../../jail/mount_steps.ts";
import { NO_SETUP } from "../../jail/namespace_setup.ts";
import { pidLevels } from "../../jail/pid_levels.ts";
import { CLONE_NEW, type Confinement } from "../../sys/child/child_spec.ts";
import { namespaceInode, pidFromNamespace } from "../../sys/child/namespaces.ts";
import { listProcesses } from "../../sys/process/process_table.ts";
import type { LordGuard } from "./port.ts";

type GuardNamespace = NonNullable<LordGuard["place"]>;

/**
 * `confinement`: of the daemon without a guard; null: none. Throws where it asks for another PID namespace to
 * be joined.
 */
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

/** A guard's namespace, for whoever starts daemons in it and reads their pidfiles. */
export class GuardedPlace implements Pick<JailPlace, "initPid" | "translatePid" | "pidInside"> {
  readonly initPid: number;
  readonly #guard: GuardNamespace;
  readonly #outer: JailPlace | null;
  readonly #namespace: string | null;
  /** How many PID namespaces it is below reeve's. */
  readonly #depth: number;

  /** `outer`: the jail in which its daemons live; null: none. */
  constructor(guard: GuardNamespace, outer: JailPlace | null) {
    this.initPid = guard.initPid;
    this.#guard = guard;
    this.#outer = outer;
    this.#namespace = namespaceInode(guard.initPid, "pid");
    this.#depth = (pidLevels(guard.initPid)?.length ?? 2) - 1;
  }

  /** As `underGuard`. */
  confine(confinement: Confinement | null): Confinement {
    return underGuard(confinement, this.#guard, this.#outer);
  }

  translatePid(pid: number): number | null {
    const found = pidFromNamespace(this.#guard.pidNamespaceFd, pid);
    if (found !== "unknown") return found;
    for (const { pid: ours } of listProcesses()) if (this.pidInside(ours) === pid) return ours;
    return null;
  }

  pidInside(pid: number): number | null {
    const inside = pidLevels(pid)?.[this.#depth] ?? null;
    return this.#namespace !== null && namespaceInode(pid, "pid") === this.#namespace ? inside : null;
  }
}
