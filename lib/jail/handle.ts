/**
 * A jail that stands, held: its init by a pidfd, its root and PID namespace by descriptors. Opened only when
 * everything that is known of it fits; must be closed when its init is gone, since what is held here keeps
 * its mounts alive.
 */
import type { JailPlan } from "../config/plan/jail_plan.ts";
import type { Confinement } from "../sys/child/child_spec.ts";
import { closeFd } from "../sys/file/descriptor.ts";
import { openDirectory } from "../sys/file/files.ts";
import { namespaceInode, openNamespace, pidFromNamespace } from "../sys/child/namespaces.ts";
import { openPidfd, signalPidfd } from "../sys/process/pidfd.ts";
import { listProcesses, readStat } from "../sys/process/process_table.ts";
import { type JailIdentity, NAMESPACE_KINDS } from "./identity.ts";
import type { JailPlace } from "./place.ts";
import { namespacesBeside, sameNamespaces } from "./namespace_files.ts";
import { cloneFlags, NO_SETUP } from "./namespace_setup.ts";
import { pidLevels, stands } from "./pid_levels.ts";

/** It is not the jail that was meant, or is none any more. The text goes on after "the jail ...". */
export class NotThatJail extends Error {}

export class JailHandle implements JailPlace {
  readonly identity: JailIdentity;
  readonly initPid: number;
  readonly rootFd: number;
  readonly pidNamespaceFd: number | null;
  readonly confinement: Confinement;
  /** Readable once the init is gone. */
  readonly pidfd: number;
  /** How many PID namespaces the jail is below reeve's. */
  readonly #depth: number;

  /** Throws NotThatJail; SysError where descriptors are short. */
  static open(identity: JailIdentity, plan: JailPlan): JailHandle {
    const { pid, startTime } = identity;
    const fds: number[] = [];
    const keep = (fd: number): number => {
      fds.push(fd);
      return fd;
    };
    try {
      const opened = openPidfd(pid);
      if (opened === null) throw new NotThatJail(`has ended (pid ${pid} is gone)`);
      const pidfd = keep(opened);
      const stat = readStat(pid);
      if (stat === null || stat.startTime !== startTime) {
        throw new NotThatJail(`has ended (pid ${pid} is another process by now)`);
      }
      if (!stands(identity)) throw new NotThatJail(`is ending (pid ${pid})`);
      if (!sameNamespaces(namespacesBeside(pid), identity.namespaces)) {
        throw new NotThatJail(`is not the one on record: the namespaces of pid ${pid} are others`);
      }
      const rootFd = keep(openDirectory(`/proc/${pid}/root`));
      const pidNamespaceFd = identity.namespaces.pid === undefined ? null : keep(openNamespace(pid, "pid"));
      const levels = pidLevels(pid);
      // It lived all the while, so its number was nobody else's.
      if (!signalPidfd(pidfd, 0) || !stands(identity)) throw new NotThatJail(`is ending (pid ${pid})`);
      return new JailHandle(identity, plan, {
        pidfd,
        rootFd,
        pidNamespaceFd,
        depth: (levels?.length ?? 2) - 1,
      });
    } catch (error) {
      for (const fd of fds) closeFd(fd);
      throw error;
    }
  }

  private constructor(
    identity: JailIdentity,
    plan: JailPlan,
    held: {
      readonly pidfd: number;
      readonly rootFd: number;
      readonly pidNamespaceFd: number | null;
      readonly depth: number;
    },
  ) {
    this.identity = identity;
    this.initPid = identity.pid;
    this.pidfd = held.pidfd;
    this.rootFd = held.rootFd;
    this.pidNamespaceFd = held.pidNamespaceFd;
    this.#depth = held.depth;
    const kinds = NAMESPACE_KINDS.filter((kind) => kind !== "pid" && identity.namespaces[kind] !== undefined);
    const flags = cloneFlags(kinds);
    this.confinement = {
      ...NO_SETUP,
      pidNamespace: held.pidNamespaceFd,
      join: flags === 0 ? [] : [{ fd: held.pidfd, flags }],
      // A mount namespace is joined at its own root, which chroot(2) has not changed.
      root: plan.root?.how === "chroot" ? { path: plan.root.path, how: "chroot" } : null,
      readyFd: null,
    };
  }

  /** The init runs and is not about to end. */
  get stands(): boolean {
    return stands(this.identity);
  }

  translatePid(pid: number): number | null {
    if (this.pidNamespaceFd === null) return readStat(pid) === null ? null : pid;
    const found = pidFromNamespace(this.pidNamespaceFd, pid);
    if (found !== "unknown") return found;
    for (const { pid: ours } of listProcesses()) if (this.pidInside(ours) === pid) return ours;
    return null;
  }

  pidInside(pid: number): number | null {
    const inside = pidLevels(pid)?.[this.#depth] ?? null;
    if (inside === null || this.pidNamespaceFd === null) return inside;
    // Another jail's process has a number at this level too, and one that has a namespace of its own within
    // this jail is in the jail.
    const found = pidFromNamespace(this.pidNamespaceFd, inside);
    if (found !== "unknown") return found === pid ? inside : null;
    return namespaceInode(pid, "pid") === this.identity.namespaces.pid ? inside : null;
  }

  close(): void {
    for (const fd of [this.pidfd, this.rootFd, this.pidNamespaceFd]) if (fd !== null) closeFd(fd);
  }
}
